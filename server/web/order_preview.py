"""What stands before an order is placed: the form as people write it brought into what readers take, and the preview with what was found,
so that nobody places what they did not see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pointofcare.administration.record import FindingEvidence
from pointofcare.orders.order import Order
from pointofcare.quantity import Quantity
from pointofcare.verdict.finding import Level
from server.store import patients
from server.store.transaction import Transaction
from server.usecases import handwriting, order_checks
from server.usecases.import_rows import FieldError
from server.usecases.order_checks import Note
from server.web import page, sentences

AMOUNTS = ("dose", "dose_max", "rate", "rate_max", "prn_max_24h")
_INTERVALS = ("every", "prn_min_interval")
_ID = re.compile(r"o-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`seen` names exactly this order with exactly these findings: what is placed must be what was shown."""

    order: Order
    notes: tuple[Note, ...]
    times: tuple[datetime, ...]
    seen: str

    @property
    def is_blocked(self) -> bool:
        return any(note.is_blocking for note in self.notes)

    @property
    def needs_reason(self) -> bool:
        return any(note.needs_reason for note in self.notes)

    @property
    def must_be_seen(self) -> bool:
        return any(note.level >= Level.WARN for note in self.notes)


def new_id() -> str:
    return f"o-{uuid4().hex[:12]}"


def id_of(text: str) -> str:
    """The id that was drawn with the form, so that a form which is sent twice places one order."""
    return text if _ID.fullmatch(text) else new_id()


def written(cells: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(the cells as the readers take them, faults by field)."""
    plain = dict(cells)
    found: dict[str, str] = {}
    for name in AMOUNTS:
        if plain.get(name, "").strip():
            try:
                plain[name] = handwriting.amount(plain[name])
            except FieldError as exc:
                found[name] = page.t(exc.reason, **exc.parameters)
    for name in _INTERVALS:
        if plain.get(name, "").strip():
            plain[name] = handwriting.every(plain[name])
    if plain.get("times", "").strip():
        plain["times"] = handwriting.times(plain["times"])
    return plain, found


def written_rows(rows: Sequence[Mapping[str, str]]) -> tuple[list[dict[str, str]], dict[str, str]]:
    """As `written`, for the steps of a taper: a fault is the steps' own."""
    plain, found = [], {}
    for number, row in enumerate(rows, start=1):
        made, faults = written(row)
        plain.append(made)
        for text in faults.values():
            found["steps"] = f"{number}. {text}"
    return plain, found


def made(tx: Transaction, order: Order) -> Preview:
    """Raises: NotFoundError, OtherWardError."""
    ward = patients.get(tx, order.patient).ward
    found = patients.ward(tx, ward) if ward is not None else None
    zone = found.timezone if found is not None else page.config().timezone
    notes = order_checks.look(tx, order, zone=zone)
    times = order_checks.next_times(order, zone=zone, now=tx.at)
    return Preview(order=order, notes=notes, times=times, seen=order_checks.digest(order, notes))


def sentence(note: Note) -> str:
    if note.finding is not None:
        finding = note.finding
        return sentences.of_evidence(
            FindingEvidence(
                rule=finding.rule,
                level=finding.level.name,
                facts=dict(finding.facts),
                remedy=finding.remedy,
                params=dict(finding.params),
                unknown=finding.unknown,
                satisfied=finding.satisfied,
            )
        )
    return page.t(note.code, **{name: page.amount(value) if isinstance(value, Quantity) else value for name, value in note.params.items()})
