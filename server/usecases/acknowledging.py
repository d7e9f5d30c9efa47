"""What a program must say that it has seen before it places or verifies an order, as the pages ask it of people.

The same findings as on the pages, and a digest of exactly what was found: what is placed or verified must be what was looked at. Must never
take silence for having looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointofcare.errors import ConflictError
from pointofcare.orders.order import Order
from pointofcare.verdict.finding import Finding, Level
from server.store import bedside, patients, products
from server.store.bedside import Look
from server.store.orders import OrderView
from server.store.transaction import Transaction
from server.usecases import order_checks, screening
from server.usecases.order_checks import Note
from server.usecases.screening import Concern, Screened

LONGEST_REASON = 2000


class NotAcknowledgedError(ConflictError):
    """`findings` were not acknowledged: send `seen` with the request, and a reason where `needs` says so."""

    code = "not-acknowledged"

    def __init__(self, message: str, *, remedy: str, findings: tuple[Mapping[str, Any], ...], seen: str, needs: tuple[str, ...]) -> None:
        super().__init__(message, remedy=remedy)
        self.findings, self.seen, self.needs = findings, seen, needs


class OrderBlockedError(NotAcknowledgedError):
    """Something stops this order that no acknowledgement lifts."""

    code = "order-blocked"


def to_place(tx: Transaction, order: Order, *, timezone: str, seen: str | None, override: str | None) -> tuple[Order, str | None]:
    """The order with the risks that its prescriber takes, and the reason for them. `timezone` is for a ward that was never opened.

    Raises: NotAcknowledgedError, OrderBlockedError, NotFoundError, OtherWardError."""
    ward = patients.get(tx, order.patient).ward
    found = patients.ward(tx, ward) if ward is not None else None
    notes = order_checks.look(tx, order, zone=found.timezone if found is not None else timezone)
    told, digest = tuple(_note(note) for note in notes), order_checks.digest(order, notes)
    if any(note.is_blocking for note in notes):
        message = "what was found stops this order"
        raise OrderBlockedError(message, remedy="change the order", findings=told, seen=digest, needs=())
    needs_reason = any(note.needs_reason for note in notes)
    reason = (override or "").strip()[:LONGEST_REASON]
    needs = tuple(
        name
        for name, is_missing in (
            ("seen", any(note.level >= Level.WARN for note in notes) and seen != digest),
            ("override", needs_reason and not reason),
        )
        if is_missing
    )
    if needs:
        message = "somebody must have seen what was found about this order"
        remedy = f"show it to the prescriber and send: {', '.join(needs)}"
        raise NotAcknowledgedError(message, remedy=remedy, findings=told, seen=digest, needs=needs)
    accepted = order_checks.accepted(order, notes, reason=reason, prescriber=order.prescriber or "") if needs_reason else order
    return accepted, reason if needs_reason else None


def to_verify(tx: Transaction, view: OrderView, *, timezone: str, look: str | None, comment: str) -> None:
    """The two questions of the page: is what is known of the patient what was looked at, and is a dangerous order given a reason?

    Raises: NotAcknowledgedError."""
    found = screened(tx, view, bedside.of_patient(tx, view.order.patient), timezone=timezone)
    needs = []
    if (look is not None or found.level >= Level.WARN) and look != found.digest:
        needs.append("look")
    if found.level >= Level.STOP and not comment.strip():
        needs.append("text")
    if needs:
        told = (*(_finding(one) for one in found.findings), *(_concern(one) for one in found.concerns))
        message = "somebody must have seen what was found about this order and its patient"
        remedy = f"show it to the pharmacist and send: {', '.join(needs)}"
        raise NotAcknowledgedError(message, remedy=remedy, findings=told, seen=found.digest, needs=tuple(needs))


def screened(tx: Transaction, view: OrderView, look: Look, *, timezone: str) -> Screened:
    """What a pharmacist is shown beside the order. `timezone` is for a ward that was never opened."""
    patient = look.patients[0] if look.patients else None
    stock = products.about(tx, screening.words(patient, look.orders))
    policy = look.policy or products.policy(tx, view.ward or "")
    zone = look.timezone or timezone
    return screening.of_order(view.order, patient=patient, others=look.orders, products=stock, policy=policy, zone=zone, now=tx.at)


def _note(note: Note) -> Mapping[str, Any]:
    if note.finding is not None:
        return _finding(note.finding)
    return {"code": note.code, "rule": "", "level": note.level.name, "unknown": False, "facts": _plain(note.params)}


def _finding(finding: Finding) -> Mapping[str, Any]:
    facts = _plain(finding.facts)
    return {"code": "", "rule": finding.rule, "level": finding.level.name, "unknown": finding.unknown, "facts": facts}


def _concern(one: Concern) -> Mapping[str, Any]:
    return {"code": one.code, "rule": "", "level": one.level.name, "unknown": one.unknown, "facts": dict(one.facts)}


def _plain(facts: Mapping[str, object]) -> dict[str, Any]:
    return {name: value if isinstance(value, str | int | float | bool | None) else str(value) for name, value in facts.items()}
