"""One kept message of HL7 version 2 becomes what it says: the ways of an import, in the transaction of whoever calls.

An older version never overwrites a newer one, but a stop always stops. An order of nobody who is here waits; so does a stop of an order
that has not come yet. Must never write half a message: the caller takes back what was written when this raises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pointofcare.orders.order import OrderStatus
from pointofcare.people import Patient, PatientStatus
from pointofcare.products import Product
from server.emr.hl7_message import Message, moment
from server.store import orders, patients, products, received
from server.store.incoming import Reason
from server.store.orders import OrderView
from server.store.received import Version
from server.store.transaction import Transaction
from server.usecases import arrivals, clarification, hl7_admission, hl7_orders, hl7_people
from server.usecases import orders as order_verbs
from server.usecases.arrivals import NotTakenError, Sender
from server.usecases.hl7_admission import OLDER, SOURCE, NothingToDoError
from server.usecases.hl7_orders import Act, Said
from server.usecases.hl7_people import Person
from server.usecases.hl7_profile import Profile
from server.usecases.import_rows import HELD, OrderFound, Place

ORDER_AWAITED = "hl7-order-awaited"
ORDER_ENDED = "hl7-order-ended"
LEFT_OUT = "hl7-left-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """`became` names what it is here, "" where it is nothing; `orders` are those that were written. `reason`: what is worth knowing all the
    same."""

    became: str
    patient: str | None
    orders: tuple[str, ...] = ()
    reason: Reason | None = None


class KnownFormulary:
    """The hospital's own drugs."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def by_gtin(self, gtin: str) -> Product | None:
        found = products.known(self._tx, gtins=(gtin,)).get(gtin)
        return products.find(self._tx, found) if found is not None else None

    def by_id(self, product: str) -> Product | None:
        return products.find(self._tx, product)

    def has_ingredients(self, names: Sequence[str]) -> bool:
        wanted = {name for name in names if name}
        found = {one.name.lower() for product in products.about(self._tx, wanted) for one in product.ingredients}
        return bool(wanted) and wanted <= found


def take(tx: Transaction, event: str, message: Message, profile: Profile, sender: Sender, *, received_at: datetime) -> Taken:
    """`event` is what the profile reads MSH-9 as. Raises: NotTakenError, NothingToDoError, Hl7Error, FieldError."""
    sent = min(_moment(message.header.sent, sender.timezone, "MSH-7") or received_at, received_at)
    if event == "ADT^A40":
        return _merges(tx, message, profile, sender)
    person = hl7_people.read(message, profile, sender.timezone)
    reason = None
    if person.left:
        reason = Reason(code=LEFT_OUT, field=person.left[0][0], found="; ".join(" ".join(each) for each in person.left))
    if event.startswith("ADT^"):
        evn = message.first("EVN")
        recorded = _moment(evn.text(2), sender.timezone, "EVN-2") if evn is not None else None
        patient = hl7_admission.take(tx, event, person, sender, at=min(recorded or sent, received_at), sent_at=sent)
        if not patient:
            return Taken(became="", patient=None, reason=Reason(code=hl7_admission.NOBODY, field="PID-3", found=person.mrn))
        return Taken(became=f"patient/{patient}", patient=patient, reason=reason)
    here = _here(tx, person, sender)
    _measured(tx, here, person)
    if event == "ORU^R01":
        return Taken(became=f"patient/{here}", patient=here, reason=reason)
    place = Place(file=message.header.control[:100], row=1)
    said = hl7_orders.read(message, profile, KnownFormulary(tx), patient=person.mrn, zone=sender.timezone, place=place, sent=sent)
    _must_be_here(tx, said, person, here)
    # Of a pair the old order ends before the new one begins.
    written = [
        found for one in sorted(said, key=lambda one: one.act is not Act.STOP) for found in _order(tx, one, here, sender, sent, received_at)
    ]
    if not written:
        raise NothingToDoError(OLDER, field="ORC-9", found=", ".join(one.number for one in said), patient=here)
    return Taken(became=", ".join(f"order/{one}" for one in dict.fromkeys(written)), patient=here, orders=tuple(written), reason=reason)


def _moment(text: str, zone: str, where: str) -> datetime | None:
    return moment(text, zone, where=where)[0] if text else None


def _merges(tx: Transaction, message: Message, profile: Profile, sender: Sender) -> Taken:
    """Each pair of a message; one that a person must confirm keeps the message, and what was done is found done then."""
    done, nothing, asked = [], None, None
    for kept, gone in hl7_people.merged(message, profile):
        try:
            done.append(hl7_admission.merge(tx, kept, gone, sender))
        except NothingToDoError as exc:
            nothing = exc
        except NotTakenError as exc:
            asked = asked or exc
    if asked is not None:
        raise asked
    if not done and nothing is not None:
        raise nothing
    return Taken(became=", ".join(f"patient/{one}" for one in done), patient=done[0])


def _here(tx: Transaction, person: Person, sender: Sender) -> str:
    """Whose message it is: by the number, and only when birth date and name are those of that patient. Raises: NotTakenError."""
    here = hl7_admission.find(tx, person.mrn)
    if here is None:
        raise NotTakenError(arrivals.PATIENT_AWAITED, field="PID-3", found=person.mrn, waits=True)
    patients.hold(tx, here)
    known = patients.get(tx, here)
    if known.mrn == person.mrn and not sender.accepted:  # a joined record has the other number, name and all
        arrivals.same_person(tx, known, _sent(person, here), sender)
    return here


def _must_be_here(tx: Transaction, said: Sequence[Said], person: Person, here: str) -> None:
    """An order of the stay that ended is nothing any more; one of a stay to come waits for it. A stop is always taken."""
    if patients.get(tx, here).status is PatientStatus.ADMITTED or all(one.act is Act.STOP or _ends_known(tx, one) for one in said):
        return
    stay = received.newest(tx, SOURCE, f"stay/{person.mrn}")
    if stay is not None and all(one.at is not None and one.at <= stay.at for one in said):
        raise NothingToDoError(OLDER, field="ORC-9", found=", ".join(one.number for one in said), patient=here)
    raise NotTakenError(arrivals.PATIENT_AWAITED, field="PID-3", found=person.mrn, waits=True, patient=here)


def _ends_known(tx: Transaction, said: Said) -> bool:
    return said.status in arrivals.ENDED and orders.find(tx, said.number) is not None


def _sent(person: Person, here: str) -> Patient:
    return Patient(id=here, mrn=person.mrn, name=person.name, birth_date=person.birth_date)


def _measured(tx: Transaction, here: str, person: Person) -> None:
    """Allergies are added, values and a weight stand by their own moment."""
    if person.allergies is None and person.weight is None and not person.observations:
        return
    known = patients.get(tx, here)
    arrivals.patient(
        tx,
        replace(
            known,
            allergies=person.allergies,
            weight=person.weight or known.weight,
            observations=person.observations,
        ),
        Sender(source=SOURCE, timezone="UTC", accepted=True),
    )


def _order(tx: Transaction, said: Said, here: str, sender: Sender, sent: datetime, received_at: datetime) -> list[str]:
    """The orders that were written; none: a newer version is known. Raises: NotTakenError."""
    about = f"order/{said.number}"
    at = min(said.at or sent, received_at)
    newest = received.newest(tx, SOURCE, about)
    is_older = newest is not None and (at, sent) < newest.place
    # Whatever says that it has ended is a stop: of an older version the end alone counts, and nothing else that it says.
    if is_older and said.act is not Act.STOP and not _ends_known(tx, said):
        return []
    view = orders.find(tx, said.number)
    if view is not None and (view.order.patient != here or (view.source == "local" and view.emr_id is None)):
        raise NotTakenError(arrivals.ORDER_TAKEN, field="ORC-2", found=said.number, patient=view.order.patient)
    written = [said.number]
    if said.act is Act.WRITE and said.found is not None and not is_older:
        if view is not None and view.order.status in arrivals.ENDED and said.status not in arrivals.ENDED:
            raise NotTakenError(ORDER_ENDED, field="ORC-1", found=said.control, patient=here, parameters={"order": said.number})
        if said.replaces and said.replaces != said.number:
            written += _replaced(tx, said.replaces, here)
        detail = _write(tx, said, said.found, view, here, sender, newest)
    elif view is not None:
        _set_status(tx, view, said)
        detail = dict(newest.detail) if newest is not None else {}
    elif said.found is not None:
        detail = _write(tx, said, said.found, None, here, sender, newest)
    else:
        raise NotTakenError(ORDER_AWAITED, field="ORC-2", found=said.number, patient=here, waits=True, parameters={"control": said.control})
    if said.status in arrivals.ENDED:
        detail |= {hl7_admission.ENDED_BY_MESSAGE: str(said.status)}
    place = max((at, sent), newest.place) if newest is not None else (at, sent)
    received.put(tx, SOURCE, about, Version(at=place[0], sent_at=place[1], detail=detail))
    return written


def _write(
    tx: Transaction, said: Said, found: OrderFound, view: OrderView | None, here: str, sender: Sender, newest: Version | None
) -> dict[str, str]:
    order = replace(found.order, patient=here)
    is_held = view is not None and (view.order.status is OrderStatus.ON_HOLD or clarification.is_held(view.order))
    if is_held and said.status is OrderStatus.ACTIVE and not said.is_stated:
        order = replace(order, status=OrderStatus.ON_HOLD)  # another dose is no release
        found = replace(found, stated=OrderStatus.ON_HOLD, clarify=(*found.clarify, (HELD, "")) if found.clarify else ())
    if view is not None and not said.starts and view.order.start is not None and order.start is not None:
        order = replace(order, start=view.order.start)  # a change that names no start goes on from where the order began
    row = replace(found, order=order)
    digest = _digest(row)
    before = None
    if newest is not None and newest.detail.get("digest") == digest:
        # The sender says what it said before: what a person cleared or changed here since stays.
        was = newest.detail.get("status") or ""
        stated = newest.detail.get("stated") or (was if was != str(order.status or "") else str(row.stated or was))
        before = replace(
            row, order=replace(order, status=OrderStatus(was) if was else None), stated=OrderStatus(stated) if stated else None
        )
    arrivals.order(tx, row, sender, emr_id=said.number, before=before)
    if found.order.verified:
        order_verbs.verified_by_sender(tx, said.number)
    return {"digest": digest, "status": str(order.status or ""), "stated": str(row.stated or "")}


def _digest(row: OrderFound) -> str:
    """Of all that an order says but for its status."""
    said = (replace(row.order, status=None), tuple(one for one in row.clarify if one[0] != HELD), row.note)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _set_status(tx: Transaction, view: OrderView, said: Said) -> None:
    """The order as it stands here, with another status. What has ended stays so, and what waits for a word is not given by a release."""
    status, now = said.status, view.order.status
    if status is None or status is now or now in arrivals.ENDED:
        return
    unclear = view.order.clarification or view.clarification
    if now is OrderStatus.DRAFT and status not in arrivals.ENDED:
        unclear = clarification.held(unclear, status)
    elif said.act is Act.RELEASE and now is not OrderStatus.ON_HOLD and status not in arrivals.ENDED:
        return
    order_verbs.receive(tx, replace(view.order, status=status), source=view.source, clarification=unclear)


def _replaced(tx: Transaction, number: str, here: str) -> list[str]:
    """The order in whose place another one comes ends with it."""
    view = orders.find(tx, number)
    if view is None or view.order.patient != here:
        return []
    arrivals.stop(tx, view, reason="replaced")
    return [number]
