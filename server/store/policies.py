"""Queries about the policy: the files that people drafted, and what came into force of them in the hospital and its wards.

What came into force is only added to. A file changes while it is a draft, and never after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pointofcare.errors import ConflictError, NotFoundError
from pointofcare.verdict.policy import DEFAULT_POLICY, Policy
from server.store import mapping
from server.store.tables import PolicyFileRow, PolicyRow
from server.store.transaction import Transaction

HOSPITAL = ""  # the ward of what is the whole hospital's


class State(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One version of a file. `revision` rises whenever its text changes; `approved_by` is of the very text that stands here."""

    id: int
    ward: str
    version: str
    text: str
    revision: int
    state: State
    drafted_by: str
    drafted_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    activated_by: str | None
    activated_at: datetime | None
    retired_by: str | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What holds in a ward, since when and by whom; `by` "" when nobody ever chose anything."""

    policy: Policy
    by: str = ""
    at: datetime | None = None


def in_force(tx: Transaction, ward: str = HOSPITAL) -> Policy:
    """The policy that holds in `ward`, or in the hospital where a ward has no file of its own; the default when none was set."""
    return standing(tx, ward).policy


def in_force_everywhere(tx: Transaction, wards: Iterable[str]) -> dict[str, Policy]:
    """What `in_force` says of the hospital ("") and of each of these wards. One statement, however many wards there are."""
    newest = select(func.max(PolicyRow.id)).where(PolicyRow.facility == tx.facility).group_by(PolicyRow.ward)
    rows = {
        row.ward: row
        for row in tx.session.execute(select(PolicyRow.ward, PolicyRow.id, PolicyRow.document).where(PolicyRow.id.in_(newest)))
    }
    found: dict[str, Policy] = {}
    for ward in (HOSPITAL, *wards):
        held = [rows[each] for each in {HOSPITAL, ward} if each in rows]
        found[ward] = mapping.policy(max(held, key=lambda row: row.id).document) if held else DEFAULT_POLICY
    return found


def standing(tx: Transaction, ward: str = HOSPITAL) -> InForce:
    row = tx.session.execute(_newest(tx, PolicyRow.ward.in_((HOSPITAL, ward)))).first()
    return InForce(policy=DEFAULT_POLICY) if row is None else InForce(policy=mapping.policy(row.document), by=row.by, at=row.at)


def of_version(tx: Transaction, version: str) -> Policy | None:
    """The policy that once came into force under this name, the newest where several did; None: none did."""
    row = tx.session.execute(_newest(tx, PolicyRow.version == version)).first()
    return None if row is None else mapping.policy(row.document)


def _newest(tx: Transaction, which: ColumnElement[bool]) -> Select[str, str, datetime]:
    mine = select(PolicyRow.document, PolicyRow.by, PolicyRow.at).where(PolicyRow.facility == tx.facility, which)
    return mine.order_by(PolicyRow.id.desc()).limit(1)


def put_in_force(tx: Transaction, policy: Policy, ward: str = HOSPITAL) -> None:
    """The hospital's before those of its wards: the newest row holds."""
    row = {"facility": tx.facility, "ward": ward, "version": policy.version, "document": mapping.policy_document(policy)}
    tx.session.execute(insert(PolicyRow).values(**row, by=tx.actor.id, at=tx.at))


def listed(tx: Transaction, ward: str, *, limit: int = 100) -> tuple[StoredFile, ...]:
    """The versions of one file, newest first."""
    rows = select(PolicyFileRow).where(PolicyFileRow.facility == tx.facility, PolicyFileRow.ward == ward)
    return tuple(_file(row) for row in tx.session.scalars(rows.order_by(PolicyFileRow.id.desc()).limit(limit)))


def get(tx: Transaction, number: int) -> StoredFile:
    """Raises: NotFoundError."""
    row = tx.session.scalar(
        select(PolicyFileRow)
        .where(PolicyFileRow.facility == tx.facility, PolicyFileRow.id == number)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError(f"policy file {number} is not known", remedy="look at the list of versions", policy_file=number)
    return _file(row)


def named(tx: Transaction, ward: str, version: str) -> StoredFile | None:
    mine = (PolicyFileRow.facility == tx.facility, PolicyFileRow.ward == ward, PolicyFileRow.version == version)
    row = tx.session.scalar(select(PolicyFileRow).where(*mine))
    return None if row is None else _file(row)


def active(tx: Transaction, ward: str) -> StoredFile | None:
    """The file of this ward, or of the hospital, that holds."""
    return next(iter(_active(tx, PolicyFileRow.ward == ward)), None)


def active_of_wards(tx: Transaction) -> tuple[StoredFile, ...]:
    """The active file of every ward that has one of its own."""
    return _active(tx, PolicyFileRow.ward != HOSPITAL)


def _active(tx: Transaction, which: ColumnElement[bool]) -> tuple[StoredFile, ...]:
    rows = select(PolicyFileRow).where(PolicyFileRow.facility == tx.facility, PolicyFileRow.state == State.ACTIVE.value, which)
    found = tx.session.scalars(rows.order_by(PolicyFileRow.ward).execution_options(populate_existing=True))
    return tuple(_file(row) for row in found)


def add_draft(tx: Transaction, *, ward: str, version: str, text: str, by: str) -> int:
    """The new draft's id. Raises: ConflictError when the version was used before."""
    row = {"facility": tx.facility, "ward": ward, "version": version, "text": text, "revision": 1, "state": State.DRAFT.value}
    statement = insert(PolicyFileRow).values(**row, drafted_by=by, drafted_at=tx.at).returning(PolicyFileRow.id)
    try:
        return int(tx.session.execute(statement).scalar_one())
    except IntegrityError as exc:
        raise _taken(version) from exc


def change_draft(tx: Transaction, file: StoredFile, *, version: str, text: str, by: str) -> None:
    """Another text, which nobody has approved. Raises: ConflictError when it is no longer the draft that was looked at."""
    changed = {"version": version, "text": text, "revision": file.revision + 1, "drafted_by": by, "drafted_at": tx.at}
    try:
        _change(tx, file, State.DRAFT, **changed, approved_by=None, approved_at=None)
    except IntegrityError as exc:
        raise _taken(version) from exc


def approve(tx: Transaction, file: StoredFile, *, by: str) -> None:
    """Raises: ConflictError."""
    _change(tx, file, State.DRAFT, approved_by=by, approved_at=tx.at)


def retire(tx: Transaction, file: StoredFile, *, by: str) -> None:
    """Raises: ConflictError."""
    _change(tx, file, file.state, state=State.RETIRED.value, retired_by=by, retired_at=tx.at)


def activate(tx: Transaction, file: StoredFile, *, by: str) -> None:
    """Raises: ConflictError, also when another version was activated at the same moment."""
    try:
        _change(tx, file, State.DRAFT, state=State.ACTIVE.value, activated_by=by, activated_at=tx.at)
    except IntegrityError as exc:
        raise ConflictError("another version was activated just now", remedy="look at the page again", version=file.version) from exc


def _change(tx: Transaction, file: StoredFile, held: State, **values: object) -> None:
    statement = update(PolicyFileRow).where(
        PolicyFileRow.facility == tx.facility,
        PolicyFileRow.id == file.id,
        PolicyFileRow.revision == file.revision,
        PolicyFileRow.state == held.value,
    )
    if tx.changed(statement.values(**values)) != 1:
        raise ConflictError(f"policy {file.version} changed meanwhile", remedy="look at the page again", version=file.version)


def _taken(version: str) -> ConflictError:
    return ConflictError(f"policy {version} exists", remedy="give the new policy a new version name", version=version)


def statement_of(facility: Any, ward: Any) -> Select[Any]:
    """The id of what holds in a ward, for statements that look at more than the policy. `ward` may be an expression."""
    newest = select(func.max(PolicyRow.id)).where(PolicyRow.facility == facility)
    return newest.where(or_(PolicyRow.ward == HOSPITAL, PolicyRow.ward == ward))


def _file(row: PolicyFileRow) -> StoredFile:
    names = [name for name in StoredFile.__slots__ if name != "state"]
    return StoredFile(**{name: getattr(row, name) for name in names}, state=State(row.state))
