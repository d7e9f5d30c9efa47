"""The words by which a patient is found: of name, number and id, folded, one row each under an index, so that a search reads what it finds
and not every name of the hospital.

Each typed word has to begin one of the patient's. Must never say that nobody is found where it did not look to the end: `Found.cut`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select
from sqlalchemy.orm import aliased

from pointofcare.people import PatientStatus
from server.store import reach
from server.store.folding import folded
from server.store.tables import PatientRow, PatientWordRow
from server.store.transaction import Transaction

# Of the rarest typed word so many patients are looked at, whatever the size of the hospital.
MOST_LOOKED = 10_000
MOST_TYPED = 8
LONGEST = 64
# Numbers are often typed by their last digits.
_LAST_DIGITS = range(3, 7)
_APART = re.compile(r"[^\W_]+")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`cut`: there may be others, more words are needed."""

    rows: tuple[PatientRow, ...]
    cut: bool


def typed(text: str) -> tuple[str, ...]:
    """The words of what a person typed."""
    return tuple(dict.fromkeys(word[:LONGEST] for word in _APART.findall(folded(text))))[:MOST_TYPED]


def words(name: str, mrn: str, patient: str) -> frozenset[str]:
    """Those of one patient."""
    found = {word[:LONGEST] for part in (name, mrn, patient) for word in _APART.findall(folded(part))}
    numbers = [word for word in _APART.findall(folded(mrn)) if word.isdigit()]
    found |= {number[-last:] for number in numbers for last in _LAST_DIGITS if last < len(number)}
    return frozenset(found)


def put(tx: Transaction, *, patient: str, name: str, mrn: str, status: str | None) -> None:
    """Makes the rows those of this name, number and status. Usually they are, and it costs one look."""
    row, here = PatientWordRow, status == PatientStatus.ADMITTED
    mine = (row.facility == tx.facility, row.patient == patient)
    wanted = {(word, here) for word in words(name, mrn, patient)}
    if {(word, is_here) for word, is_here in tx.session.execute(select(row.word, row.here).where(*mine))} == wanted:
        return
    tx.session.execute(delete(row).where(*mine))
    rows = [{"facility": tx.facility, "patient": patient, "word": word, "here": here} for word, _ in sorted(wanted)]
    if rows:
        tx.session.execute(insert(row), rows)


def find(
    tx: Transaction, wanted: tuple[str, ...], *conditions: ColumnElement[bool], after: str, admitted_only: bool, by_ward: bool, limit: int
) -> Found:
    """Patients of whom each of `wanted` begins a word, by id; those after the id `after`. `by_ward`: `conditions` or the person's reach
    name wards, which are few patients already."""
    query = select(PatientRow).where(PatientRow.facility == tx.facility, PatientRow.id > after, *reach.patients(tx), *conditions)
    if admitted_only:
        query = query.where(PatientRow.status == PatientStatus.ADMITTED.value)
    cut = False
    if by_ward:
        query = query.where(*(_has(word) for word in wanted))
    else:
        rarest, count = min(((word, _count(tx, word, admitted_only)) for word in wanted), key=lambda one: one[1])
        cut = count > MOST_LOOKED
        row = PatientWordRow
        near = select(row.patient).where(*_begins(row, tx, rarest, admitted_only), row.patient > after).limit(MOST_LOOKED).subquery()
        query = query.where(PatientRow.id.in_(select(near.c.patient)), *(_has(word) for word in wanted if word != rarest))
    rows = tuple(tx.session.scalars(query.order_by(PatientRow.id).limit(limit + 1)))
    return Found(rows=rows[:limit], cut=cut or len(rows) > limit)


def _count(tx: Transaction, word: str, admitted_only: bool) -> int:
    some = select(PatientWordRow.patient).where(*_begins(PatientWordRow, tx, word, admitted_only)).limit(MOST_LOOKED + 1).subquery()
    return int(tx.session.scalar(select(func.count()).select_from(some)) or 0)


def _begins(row: type[PatientWordRow], tx: Transaction, word: str, admitted_only: bool) -> tuple[ColumnElement[bool], ...]:
    here = row.here.is_(True) if admitted_only else row.here.in_((True, False))
    return (row.facility == tx.facility, here, row.word >= word, row.word < word + _LAST)


def _has(word: str) -> ColumnElement[bool]:
    row = aliased(PatientWordRow)
    mine = and_(row.facility == PatientRow.facility, row.patient == PatientRow.id)
    return exists().where(mine, row.word >= word, row.word < word + _LAST).correlate(PatientRow)
