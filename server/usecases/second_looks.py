"""A second person at another cart: one request of one cart, about one thing to the letter, and the first answer that counts.

Decided by the server's own roster and its own clock. An answer counts once, while the request lasts and its cart still asks, from
another cart of the same ward, by somebody who may be a witness, about exactly what was asked. Everything else is refused with a word,
and unknown is never yes. Must never change a dose: the cart that asked judges anew with the witness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from pointofcare.wire import values
from pointofcare.wire.messages import WitnessAnswered, WitnessAsked, WitnessState
from server.store import bedside_notes, fleet, second_looks, staff
from server.store.bedside import StaffLook
from server.store.second_looks import StoredRequest
from server.store.transaction import Transaction
from server.usecases import witness

LASTS = timedelta(minutes=5)
# A cart that asks says so every few seconds: one that was silent for so long may be off, or have forgotten.
SILENT = timedelta(seconds=20)
OVER = frozenset({WitnessState.EXPIRED.value, WitnessState.WITHDRAWN.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where the request stands after a message. `why` says why the message counted for nothing, "" where it did. `is_new`: it changed
    something. `withdrawn` are other requests of the same cart that it ended."""

    request: StoredRequest | None
    why: str = ""
    is_new: bool = False
    withdrawn: tuple[StoredRequest, ...] = ()


def ask(tx: Transaction, body: WitnessAsked, cart: str) -> Outcome:
    """The cart asks, asks still, or asks no more. One request a cart: a newer one ends the older."""
    found = second_looks.locked(tx, body.request)
    if found is not None and (found.cart, found.digest) != (cart, body.digest):
        return Outcome(request=None, why="other-request")
    if body.dose is None:
        if found is None or found.state != second_looks.OPEN:
            return Outcome(request=found)
        return Outcome(request=_close(tx, found, WitnessState.WITHDRAWN), is_new=True)
    ward = fleet.ward_of(tx, cart)
    if not ward:
        return Outcome(request=None, why="no-ward")
    if found is not None:
        if found.state != second_looks.OPEN:
            return Outcome(request=found)
        if found.expires_at <= tx.at:
            return Outcome(request=_close(tx, found, WitnessState.EXPIRED), is_new=True)
        second_looks.put(tx, found.request, heard_at=tx.at)
        return Outcome(request=replace(found, heard_at=tx.at))
    older = tuple(_close(tx, each, WitnessState.WITHDRAWN) for each in second_looks.open_of(tx, cart))
    made = StoredRequest(
        request=body.request,
        cart=cart,
        ward=ward,
        nurse=body.nurse,
        patient=body.dose.patient,
        digest=body.digest,
        dose=bedside_notes.clean(values.to_plain(body.dose)),
        asked_at=tx.at,
        heard_at=tx.at,
        expires_at=tx.at + min(LASTS, timedelta(seconds=max(0.0, body.lasts_s))),
        state=second_looks.OPEN,
    )
    second_looks.add(tx, made)
    tx.audit("witness.asked", f"patient/{made.patient}", {"request": made.request, "cart": cart, "nurse": made.nurse, "ward": ward})
    return Outcome(request=made, is_new=True, withdrawn=older)


def answer(tx: Transaction, body: WitnessAnswered, cart: str) -> Outcome:
    """The first valid answer counts; a second person is told that there was one. The same answer again is told the same again."""
    found = second_looks.locked(tx, body.request)
    why = _refused(tx, found, body, cart)
    if found is None:
        return Outcome(request=None, why=why)
    if why == "expired" and found.state == second_looks.OPEN:
        return Outcome(request=_close(tx, found, WitnessState.EXPIRED), why=why, is_new=True)
    if why:
        if why not in ("taken", *OVER):
            tx.audit(
                "witness.refused",
                f"patient/{found.patient}",
                {"request": found.request, "why": why, "witness": body.witness, "cart": cart},
            )
        return Outcome(request=found, why=why)
    if found.state != second_looks.OPEN:
        return Outcome(request=found)
    state = WitnessState.CONFIRMED if body.confirms else WitnessState.DECLINED
    changed = {
        "state": state.value,
        "witness": body.witness,
        "witness_cart": cart,
        "witnessed_at": body.at,
        "answered_at": tx.at,
        "blind_value": body.blind_value if body.confirms else None,
        "reason": body.reason,
        "reason_text": body.reason_text,
    }
    second_looks.put(tx, found.request, **changed)
    tx.audit(
        "witness.confirmed" if body.confirms else "witness.declined",
        f"patient/{found.patient}",
        {"request": found.request, "witness": body.witness, "at": cart, "cart": found.cart, "nurse": found.nurse, "reason": body.reason},
    )
    return Outcome(request=replace(found, **changed), is_new=True)  # type: ignore[arg-type]


def _refused(tx: Transaction, found: StoredRequest | None, body: WitnessAnswered, cart: str) -> str:
    """Why the answer counts for nothing, "" where it does."""
    if found is None:
        return "unknown"
    if found.state != second_looks.OPEN:
        same = (found.witness, found.witness_cart, found.digest) == (body.witness, cart, body.digest)
        said = WitnessState.CONFIRMED if body.confirms else WitnessState.DECLINED
        if same and found.state == said.value:
            return ""
        return found.state if found.state in OVER else "taken"
    if cart == found.cart:
        return "same-cart"
    if fleet.ward_of(tx, cart) != found.ward:
        return "other-ward"
    if found.expires_at <= tx.at:
        return "expired"
    if found.digest != body.digest:
        return "void"
    if tx.at - found.heard_at > SILENT:
        return "asker-away"
    person = staff.of_id(tx, body.witness)
    look = (_look(person),) if person is not None else ()
    fault = witness.fault(look, nurse=found.nurse, witness=body.witness, at=tx.at)
    if fault:
        return {"expired": "inactive", "unknown": "person-unknown"}.get(fault, fault)
    return "no-figure" if body.confirms and found.dose.get("blind") and body.blind_value is None else ""


def _look(person: staff.StaffMember) -> StaffLook:
    return StaffLook(
        id=person.id,
        name=person.name,
        licensed=person.licensed,
        active=person.active,
        roles=tuple(role.value for role in person.roles),
        valid_until=person.valid_until,
    )


def _close(tx: Transaction, found: StoredRequest, state: WitnessState) -> StoredRequest:
    second_looks.put(tx, found.request, state=state.value, answered_at=tx.at)
    return replace(found, state=state.value, answered_at=tx.at)


def is_known(tx: Transaction, request: str | None, *, cart: str, patient: str, who: str) -> bool:
    """Whether a record's witness at another cart is on record here: that person confirmed that request of that cart for that patient."""
    found = second_looks.find(tx, request) if request is not None else None
    return found is not None and (found.state, found.cart, found.patient, found.witness) == (
        WitnessState.CONFIRMED.value,
        cart,
        patient,
        who,
    )
