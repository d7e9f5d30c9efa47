"""PINs of people who use carts, without ever seeing one: end them, have them changed, end a pause, revoke. Each person by themselves.

A new PIN is set where people are administered. What is done here reaches a cart with its roster, which carts hold offline until it
expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pointofcare.errors import UnreadableError
from pointofcare.people import StaffRole
from pointofcare.wire.messages import FleetEvent, TableKind
from server.store import pins, staff, versions
from server.store.pins import PinLine
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

MANAGERS = (StaffRole.FLEET_MANAGER, StaffRole.CHARGE_NURSE, StaffRole.ADMINISTRATOR)
ACTS = ("expire", "must-change", "clear", "revoke")
CHANGE_WITHIN = timedelta(days=7)
MOST = 100
LOCKED = "pin-locked"
_BEDSIDE = frozenset({StaffRole.NURSE, StaffRole.STUDENT, StaffRole.WITNESS_ONLY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Ids for whom it was done, and for whom it may not be."""

    done: tuple[str, ...]
    refused: tuple[str, ...]


def may(actor: Actor, act: str, line: PinLine) -> bool:
    """An administrator for everybody; a fleet manager for everybody who administers nothing; a charge nurse for the people at the bedside
    of the own wards. Nobody ends their own pause."""
    if act not in ACTS or (act == "clear" and line.id == actor.id):
        return False
    if StaffRole.ADMINISTRATOR in actor.roles:
        return True
    if StaffRole.FLEET_MANAGER in actor.roles:
        return StaffRole.ADMINISTRATOR not in line.roles
    is_own_ward = actor.wards is None or bool(set(line.wards) & actor.wards)
    return StaffRole.CHARGE_NURSE in actor.roles and is_own_ward and set(line.roles) <= _BEDSIDE


def do(tx: Transaction, actor: Actor, act: str, people: Sequence[str], *, reason: str) -> Done:
    """Raises: NotPermittedError, TextMissingError, UnreadableError (no such act, nobody chosen)."""
    require(tx, actor, *MANAGERS)
    why = text(reason, "reason")
    if act not in ACTS:
        raise UnreadableError(f"{act!r} cannot be done to a PIN", remedy=", ".join(ACTS), field="act")
    chosen = tuple(dict.fromkeys(people))[:MOST]
    lines = pins.of(tx, chosen)
    # A PIN that has ended stays ended: time to change it is given only to one that still counts.
    allowed = [line for line in lines if may(actor, act, line) and (act != "must-change" or line.counts(tx.at))]
    for line in allowed:
        match act:
            case "expire":
                pins.end(tx, line.id, at=tx.at, why="expired")
            case "must-change":
                latest = tx.at + CHANGE_WITHIN
                pins.end(tx, line.id, at=min(line.until or latest, latest), why="must-change")
            case "clear":
                pins.clear(tx, line.id)
            case _:
                pins.revoke(tx, line.id)
        before = {"until": line.until.isoformat() if line.until is not None else None, "has_pin": line.has_pin}
        tx.audit(f"pin.{act}", f"staff/{line.id}", {"reason": why, "before": before})
    if allowed:
        versions.bump_everywhere(tx, TableKind.STAFF_ROSTER)
    done = tuple(line.id for line in allowed)
    return Done(done=done, refused=tuple(person for person in chosen if person not in done))


def after_event(tx: Transaction, cart: str, event: FleetEvent) -> None:
    """A cart paused a badge after wrong PINs."""
    person = event.details.get("staff")
    if event.kind == LOCKED and isinstance(person, str) and person and staff.of_id(tx, person[:64]) is not None:
        pins.locked(tx, person[:64], at=min(event.at, tx.at), cart=cart)
