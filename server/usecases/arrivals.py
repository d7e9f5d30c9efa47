"""Patients and orders that other systems send by themselves: who that is here, and what may change without a person.

The values come from an import's reader, so that one mapping stands for files and feeds. Must never take one person for another: an MRN
or an id that arrives with another birth date or another name waits for a person. An allergy goes only when its sender withdrew it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pointofcare.errors import UnreadableError
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import Allergy, Patient, PatientStatus
from server.store import identities, incoming, orders, patients, views_import
from server.store.incoming import Reason
from server.store.orders import OrderView
from server.store.patients import Ward
from server.store.transaction import Transaction
from server.usecases import clarification, imports, passwords
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from server.usecases import staff as staff_verbs
from server.usecases.import_rows import HELD, OrderFound, StaffFound, clarify_note

PATIENT_AWAITED = "patient-awaited"
OTHER_PERSON = "other-person"
MRN_TAKEN = "mrn-taken"
ORDER_TAKEN = "order-id-taken"
STAFF_TAKEN = "staff-id-taken"
MERGE_ASKED = "merge-asked"
# Why orders that were placed here end.
DISCHARGED = "the patient has left"
LEFT = frozenset({PatientStatus.DISCHARGED, PatientStatus.DECEASED})
ENDED = frozenset({OrderStatus.STOPPED, OrderStatus.COMPLETED, OrderStatus.CANCELLED})


class NotTakenError(UnreadableError):
    """It is not taken, for `reason`. `waits`: it may become possible by itself; else a person must look."""

    code = "not-taken"

    def __init__(
        self,
        code: str,
        *,
        field: str = "",
        found: str = "",
        waits: bool = False,
        patient: str | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code, remedy="")
        self.reason = Reason(code=code, field=field, found=found, parameters=parameters or {})
        self.waits = waits
        self.patient = patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """`source` as in the store of what came in ("fhir"), `accepted`: a person said that the difference which kept it is right."""

    source: str
    timezone: str
    accepted: bool = False


def holder(tx: Transaction, source: str, sender_id: str) -> str | None:
    """Who the sender's patient is here, as his own item found when it was taken: an id alone says nothing, for a record that came
    otherwise may have the same. Of records that were joined here, the one that goes on. None: not known."""
    taken = incoming.newest_taken(tx, source, f"Patient/{sender_id}")
    found = taken.patient if taken is not None else None
    return identities.current(tx, found) if found is not None else None


def candidate(tx: Transaction, source: str, sender_id: str) -> str | None:
    """As `holder`, or whoever has the same id here: somebody of whom it must be asked whether it is he. None: nobody."""
    found = holder(tx, source, sender_id)
    if found is None and patients.known(tx, (sender_id,)):
        found = identities.current(tx, sender_id)
    return found


def patient(
    tx: Transaction,
    found: Patient,
    sender: Sender,
    *,
    withdrawn: Collection[str] = (),
    ward_name: str = "",
    here: str | None = None,
) -> str:
    """Writes what is new about a patient, and returns his id here. `found.allergies` are added to those known; `withdrawn` are the
    substances that the sender said are none. What `found` does not say stays. `here`: who it is, where the caller knows it; else
    `found.id` is the sender's. Raises: NotTakenError."""
    here = here or holder(tx, sender.source, found.id) or by_id(tx, found, sender) or _by_mrn(tx, found, sender)
    if here is None:
        _open(tx, found.ward, ward_name, sender)
        patient_verbs.receive(tx, found)
        return found.id
    patients.hold(tx, here)
    known = patients.get(tx, here)
    joined = here != found.id and patients.known(tx, (found.id,)) and identities.current(tx, found.id) == here
    if joined:  # the record that was sent is part of another one here: whose name and number stay
        found = replace(found, mrn=known.mrn, name=known.name, birth_date=known.birth_date, sex=known.sex)
    same_person(tx, known, found, sender)
    wanted = imports.merged(known, replace(found, id=here))
    wanted = replace(wanted, allergies=_allergies(known.allergies, found.allergies, withdrawn))
    left = wanted.status in LEFT
    if left:
        wanted = replace(wanted, ward=None, bed=None)
    elif found.ward is not None and found.ward != known.ward:
        wanted = replace(wanted, bed=found.bed)  # a bed of the ward before is none of this one
    if (wanted.ward, wanted.status) != (known.ward, known.status):
        wanted = replace(wanted, transferred_at=tx.at)
    if wanted != known:
        _open(tx, wanted.ward, ward_name, sender)
        patient_verbs.receive(tx, wanted)
    if left and known.status not in LEFT:
        _end_local_orders(tx, here)
    return here


def _end_local_orders(tx: Transaction, here: str) -> None:
    """What was ordered here ends with the stay; the sender's own orders are the sender's to end."""
    for view in orders.of_anybody(tx, here):
        if view.source == "local":
            stop(tx, view, reason=DISCHARGED)


def by_id(tx: Transaction, found: Patient, sender: Sender) -> str | None:
    """Whoever has the sender's id here: the same person only where that record says so. None: nobody has it. Raises: NotTakenError."""
    if not patients.known(tx, (found.id,)):
        return None
    same_person(tx, patients.get(tx, found.id), found, sender)
    return identities.current(tx, found.id)


def _by_mrn(tx: Transaction, found: Patient, sender: Sender) -> str | None:
    """Somebody who is here under another id with this number: the same person only where name and birth date say so."""
    here = patients.find_by_mrn(tx, found.mrn)
    if here is None:
        return None
    here = identities.current(tx, here)
    known = patients.get(tx, here)
    if not sender.accepted and (known.birth_date is None or known.birth_date != found.birth_date or not _alike(known.name, found.name)):
        raise NotTakenError(MRN_TAKEN, field="Patient.identifier", found=found.mrn, patient=here, parameters=_persons(known, found))
    return here


def same_person(tx: Transaction, known: Patient, found: Patient, sender: Sender) -> None:
    """Raises: NotTakenError when birth date or name are another's, or the number is."""
    if not sender.accepted:
        born = known.birth_date is not None and found.birth_date is not None and known.birth_date != found.birth_date
        if born or not _alike(known.name, found.name):
            field = "Patient.birthDate" if born else "Patient.name"
            raise NotTakenError(OTHER_PERSON, field=field, found=found.name, patient=known.id, parameters=_persons(known, found))
    other = patients.find_by_mrn(tx, found.mrn)
    if other is not None and other != known.id:
        raise NotTakenError(MRN_TAKEN, field="Patient.identifier", found=found.mrn, patient=other, parameters=_persons(known, found))


def _persons(known: Patient, found: Patient) -> dict[str, object]:
    return {
        "known": f"{known.name} {known.birth_date or '?'} ({known.mrn})",
        "sent": f"{found.name} {found.birth_date or '?'} ({found.mrn})",
    }


def _alike(one: str, other: str) -> bool:
    """Are the words of one name all in the other? More words may have been added; a family name alone is shared by many."""
    words = [set(unicodedata.normalize("NFC", name).casefold().split()) for name in (one, other)]
    return words[0] <= words[1] or words[1] <= words[0]


def _allergies(
    known: tuple[Allergy, ...] | None, found: tuple[Allergy, ...] | None, withdrawn: Collection[str]
) -> tuple[Allergy, ...] | None:
    """Those known and those sent; of one substance the newer word counts. None: nobody has said anything yet."""
    if known is None and found is None:
        return None
    newer = {one.substance for one in found or ()}
    kept = tuple(one for one in known or () if one.substance not in newer and one.substance not in withdrawn)
    joined = (*kept, *dict.fromkeys(found or ()))
    return known if known is not None and set(known) == set(joined) else joined


def _open(tx: Transaction, ward: str | None, name: str, sender: Sender) -> None:
    if ward and patients.ward(tx, ward) is None:
        patient_verbs.open_ward(tx, Ward(id=ward, name=name or ward, timezone=sender.timezone))


def order(tx: Transaction, found: OrderFound, sender: Sender, *, emr_id: str, before: OrderFound | None = None) -> Order:
    """Writes an order of a patient who is here (`found.order.patient` is the id here). `before` is what the sender said of it last: what
    did not change there since changes nothing here, so that what a person clarified or held here stays, and a new status alone
    changes the status alone. Raises: NotTakenError."""
    live = {one.order.id: one for one in orders.by_emr_id(tx, sender.source, emr_id) if one.order.status not in ENDED}
    if live and found.order.id not in live:  # its number changed there: it is still the one order
        found = replace(found, order=replace(found.order, id=next(iter(live))))
    here = orders.find(tx, found.order.id)
    if here is None:
        return order_verbs.receive(
            tx, found.order, source=sender.source, emr_id=emr_id, clarification=clarify_note(found.clarify, found.note)
        )
    if here.order.patient != found.order.patient:
        raise NotTakenError(ORDER_TAKEN, field="subject", found=found.order.id, patient=here.order.patient)
    if (here.emr_id or emr_id) != emr_id or (here.emr_id is None and here.source == "local"):
        raise NotTakenError(
            ORDER_TAKEN, field="identifier", found=found.order.id, patient=here.order.patient, parameters={"other": here.emr_id or ""}
        )
    if here.emr_id is None:
        orders.name_in_emr(tx, here.order.id, source=sender.source, emr_id=emr_id)
    if before is not None and _content(before) == _content(found):
        return here.order if _stated(before) is _stated(found) else _with_status(tx, here, found)
    return order_verbs.receive(tx, found.order, source=sender.source, emr_id=emr_id, clarification=clarify_note(found.clarify, found.note))


def _content(row: OrderFound) -> object:
    """What an order says, but for its status and its number."""
    return replace(row.order, status=None, patient="", id=""), tuple(one for one in row.clarify if one[0] != HELD), row.note


def _stated(row: OrderFound) -> OrderStatus | None:
    """What the sender says, whether or not it can be computed here."""
    return row.stated or row.order.status


def _with_status(tx: Transaction, here: OrderView, found: OrderFound) -> Order:
    """As it stands here, with the sender's new status. One that a person made clear here is not made a draft again by it, and a draft
    keeps that it is held."""
    status = _stated(found)
    if status is here.order.status:
        return here.order
    unclear = here.order.clarification or here.clarification
    if here.order.status is OrderStatus.DRAFT:
        unclear = clarification.held(unclear, status)
    return order_verbs.receive(tx, replace(here.order, status=status), source=here.source, clarification=unclear)


def stop(tx: Transaction, here: OrderView, *, reason: str) -> Order:
    """The order is not there any more where it came from: it is stopped here for good."""
    if here.order.status in ENDED:
        return here.order
    unclear = here.order.clarification or here.clarification or ""
    changed = replace(here.order, version=here.order.version + 1, status=OrderStatus.STOPPED, clarification=unclear)
    order_verbs.carry(tx, here, changed, action="stopped", reason=reason)
    return changed


def merge_asked(tx: Transaction, source: str, sender_id: str, other_id: str) -> None:
    """The sender says that this record went on as another one. Where both are here, a person joins them. Raises: NotTakenError."""
    mine, other = candidate(tx, source, sender_id), candidate(tx, source, other_id)
    if mine is not None and other is not None and mine != other:
        raise NotTakenError(MERGE_ASKED, field="Patient.link", found=other_id, patient=mine, parameters={"other": other})


def staff(tx: Transaction, found: StaffFound) -> str:
    """Somebody who is new gets no badge, no PIN and no password; of somebody known the name, and that the person has left. A role is
    never given or taken here. Raises: NotTakenError."""
    everybody = views_import.staff(tx)
    known = everybody.get(found.id)
    if known is None:
        if any(one.username == found.username for one in everybody.values()) or passwords.names_nobody(found.username):
            raise NotTakenError(STAFF_TAKEN, field="Practitioner.id", found=found.username)
        staff_verbs.receive(tx, imports.member(found, None))
        return found.id
    kept = replace(
        found,
        username=known.username or found.username,
        roles=known.roles,
        active=known.active and found.active,
        licensed=known.licensed,
        language=known.language or found.language,
    )
    if not imports.staff_same(kept, known):
        staff_verbs.receive(tx, imports.member(kept, known))
    return found.id
