"""What an ADT message does here: who comes, moves, leaves, comes back after all, and which records are said to be one person's.

Written by the ways of every import and of every feed (`arrivals`). An event that is older than the newest one of this patient changes
nothing, so that messages may come in any order. A merge is never done here: a person confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pointofcare.orders.order import OrderStatus
from pointofcare.people import Patient, PatientStatus
from server.emr.hl7_message import Hl7Error
from server.store import identities, orders, patients, received
from server.store.identities import Identity
from server.store.received import Version
from server.store.transaction import Transaction
from server.usecases import admission, arrivals
from server.usecases import orders as order_verbs
from server.usecases.arrivals import NotTakenError, Sender
from server.usecases.hl7_people import Person

SOURCE = "hl7"
OLDER = "hl7-older"
NOBODY = "hl7-nobody-here"
# In what is kept of an order: the sender ended it by itself, whatever else had ended it before.
ENDED_BY_MESSAGE = "ended"
# Table 0004: those who lie in a bed, or may soon.
_INPATIENT = frozenset({"I", "E", "B", "N", ""})
_COMES = frozenset({"ADT^A01", "ADT^A02", "ADT^A13"})
_LEAVES = frozenset({"ADT^A03", "ADT^A11"})


class NothingToDoError(NotTakenError):
    """There is nothing in it that changes anything here; nobody needs to look."""


def find(tx: Transaction, mrn: str) -> str | None:
    """Who has this number here; of joined records the one that goes on."""
    here = patients.find_by_mrn(tx, mrn)
    return None if here is None else identities.current(tx, here)


def take(tx: Transaction, event: str, person: Person, sender: Sender, *, at: datetime, sent_at: datetime) -> str:
    """Writes it; the patient's id here. Raises: NotTakenError, NothingToDoError."""
    about = f"stay/{person.mrn}"
    newest = received.newest(tx, SOURCE, about)
    if newest is not None and (at, sent_at) < newest.place:
        raise NothingToDoError(OLDER, field="EVN-2", found=at.isoformat(), parameters={"newest": newest.at.isoformat()})
    identities.alone(tx, f"mrn/{person.mrn}")
    here = find(tx, person.mrn)
    known = patients.get(tx, here) if here is not None else None
    # What comes later and is older is then known to be so, whoever is here.
    detail = dict(newest.detail) if newest is not None else {}
    if known is None:
        if event in _LEAVES or not _is_here(event, person):
            received.put(tx, SOURCE, about, Version(at=at, sent_at=sent_at, detail=detail))
            return ""
    else:
        _check(known, event)
    status = _status(event, person, known)
    if status in arrivals.LEFT and known is not None and known.status is PatientStatus.ADMITTED:
        detail |= {"ended": _end_stay(tx, known.id, event), "place": [known.ward, known.bed]}
    ward, bed = person.ward, person.bed
    if ward is None and event == "ADT^A13":
        ward, bed = detail.get("place") or (None, None)
    if status is PatientStatus.ADMITTED and ward is None and (known is None or known.ward is None):
        raise Hl7Error("needed", "PV1-3")  # in no ward nobody would see the patient
    _check_card(tx, person, here)
    new = Patient(
        id=here or admission.new_id(),
        mrn=person.mrn,
        name=person.name,
        birth_date=person.birth_date,
        sex=person.sex,
        ward=ward,
        bed=bed,
        status=status,
        allergies=person.allergies,
        weight=person.weight,
        observations=person.observations,
    )
    if known is not None and known.status in arrivals.LEFT and status is PatientStatus.ADMITTED:
        patients.revoke_bands(tx, known.id)  # the band of the stay before may lie anywhere
        if event != "ADT^A13":
            order_verbs.end_with_stay(tx, known.id, reason="discharged")
    if known is not None and status is not PatientStatus.ADMITTED and known.status is not PatientStatus.ADMITTED:
        new = replace(new, ward=None, bed=None)
    patient = arrivals.patient(tx, new, sender)
    _card(tx, person, patient)
    if event == "ADT^A13":
        _reopen(tx, detail.pop("ended", []))
    received.put(tx, SOURCE, about, Version(at=at, sent_at=sent_at, detail=detail))
    return patient


def _is_here(event: str, person: Person) -> bool:
    """Does a message about somebody unknown say that he lies in a bed?"""
    if event in _COMES:
        return True
    return person.ward is not None and person.patient_class in _INPATIENT and not person.is_discharged


def _status(event: str, person: Person, known: Patient | None) -> PatientStatus | None:
    if person.has_died:
        return PatientStatus.DECEASED
    if event in _LEAVES:
        return PatientStatus.DISCHARGED
    if event in _COMES or known is None:
        return PatientStatus.ADMITTED
    return known.status  # an update moves nobody in or out


def _check(known: Patient, event: str) -> None:
    if known.status is PatientStatus.DECEASED and event in _COMES and event != "ADT^A13":
        raise NotTakenError("hl7-deceased", field="PID-30", found=known.mrn, patient=known.id)


def _end_stay(tx: Transaction, patient: str, event: str) -> list[list[str]]:
    """Every live order ends, and every band; each with what it was, so that a cancelled discharge can bring it back."""
    before = {view.order.id: view.order.status for view in orders.of_anybody(tx, patient)}
    ended = order_verbs.end_with_stay(tx, patient, reason="admission-cancelled" if event == "ADT^A11" else "discharged")
    patients.revoke_bands(tx, patient)
    return [[one, str(before[one] or ""), str(orders.get(tx, one).order.version)] for one in ended]


def _reopen(tx: Transaction, ended: Sequence[Sequence[str]]) -> None:
    """The orders that the cancelled discharge had ended are as they were, for a pharmacist to look at; one that was changed since stays,
    and one that the sender ended besides."""
    for number, status, version in ended:
        newest = received.newest(tx, SOURCE, f"order/{number}")
        if newest is not None and ENDED_BY_MESSAGE in newest.detail:
            continue
        view = orders.find(tx, number)
        if view is None or str(view.order.version) != version or view.order.status is not OrderStatus.STOPPED or not status:
            continue
        unclear = view.order.clarification or view.clarification
        order_verbs.receive(tx, replace(view.order, status=OrderStatus(status)), source=view.source, clarification=unclear)


def _check_card(tx: Transaction, person: Person, here: str | None) -> None:
    """One card is one person: a number that somebody else has here is a record that was made twice."""
    if person.national_id is None:
        return
    identities.alone(tx, f"card/{person.national_id}")
    holder = identities.by_national_id(tx, person.national_id)
    if holder is not None and holder.id != here:
        told = {"known": f"{holder.name} {holder.birth_date or '?'} ({holder.mrn})", "sent": f"{person.name} ({person.mrn})"}
        raise NotTakenError("hl7-card-taken", field="PID-3", found=person.mrn, patient=holder.id, parameters=told)


def _card(tx: Transaction, person: Person, patient: str) -> None:
    if person.national_id is None:
        return
    identity = identities.get(tx, patient)
    if identity is None:
        identities.put(tx, Identity(patient=patient, method="document", national_id=person.national_id))
    elif identity.national_id is None:
        identities.put(tx, replace(identity, national_id=person.national_id))


def merge(tx: Transaction, kept: str, gone: str, sender: Sender) -> str:
    """A40: `gone` became part of `kept` in the sending system. Where both are here a person joins them; where only the old number is, the
    record gets the new one. Raises: NotTakenError, NothingToDoError."""
    mine, other = find(tx, kept), find(tx, gone)
    if other is None or mine == other:
        raise NothingToDoError(NOBODY, field="MRG-1", found=gone, patient=mine)
    if mine is not None:
        told = {"known": gone, "sent": kept}
        raise NotTakenError(arrivals.MERGE_ASKED, field="MRG-1", found=kept, patient=other, parameters=told)
    found = patients.get(tx, other)
    if found.mrn != gone:  # the number is that of a record which was joined to this one
        raise NothingToDoError(NOBODY, field="MRG-1", found=gone, patient=other)
    return arrivals.patient(tx, replace(found, mrn=kept), sender)
