"""What one resource of each kind does here. The values come from the readers of the import; these functions fetch what a resource names,
and hand it to the verbs of arrivals in one transaction with the item's outcome.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pointofcare.errors import UnreadableError
from pointofcare.people import Observation, Patient, PatientStatus, Weight
from server.feed_settings import FhirFeedConfig
from server.feeds import fhir_items as items
from server.feeds import fhir_reading
from server.feeds.fhir_items import SOURCE
from server.feeds.fhir_reading import ACTOR, Reference
from server.feeds.fhir_source import GoneError, Resource, Source
from server.feeds.fhir_versions import PassedOverError, must_be_newest, taken
from server.store import identities, incoming, orders, patients
from server.store.incoming import Item, Reason
from server.store.orders import OrderView
from server.store.transaction import Transaction, reading, transaction
from server.usecases import arrivals, import_fhir, import_fhir_orders
from server.usecases.arrivals import NotTakenError, Sender
from server.usecases.import_fhir import Stay
from server.usecases.import_fhir_orders import reference_id
from server.usecases.import_rows import FieldError, Found, OrderFound, Place
from server.usecases.standard_times import StandardTimes

Json = Mapping[str, Any]
NOT_HERE = "patient-not-here"
NO_STAY = "no-stay"
ELSEWHERE = "order-elsewhere"
WITHDRAWN = "value-withdrawn"
NOTHING = "nothing-for-us"
NO_ROLE = "staff-without-role"
AS_DRAFT = "taken-as-draft"
# What a taken Encounter became ends so where the stay was open; its bytes are not kept for ever.
_IS_OPEN = "/open"
_ENDED = "ended in the EMR"
_PLACE = Place(file=SOURCE, row=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """What taking needs: the server for what an item names, the facility's zone and the hospital's own times."""

    source: Source
    reference: Reference
    settings: FhirFeedConfig
    timezone: str
    standard: StandardTimes


def patient(taker: Taker, item: Item, resource: Json, sender: Sender) -> None:  # noqa: ARG001 - one form for all kinds
    for link in resource.get("link") or []:
        if link.get("type") == "replaced-by":
            with reading(ACTOR) as tx:
                if arrivals.holder(tx, SOURCE, item.subject) is None:
                    arrivals.by_id(tx, _person(resource), sender)
                arrivals.merge_asked(tx, SOURCE, item.subject, reference_id(link.get("other")))
    with transaction(ACTOR) as tx:
        if arrivals.candidate(tx, SOURCE, item.subject) is None:
            raise PassedOverError(NOT_HERE, found=item.subject)
        here = arrivals.patient(tx, _person(resource), sender)
        taken(tx, item, became=f"patient/{here}", patient=here)
        incoming.wake(tx, SOURCE, item.subject)


def encounter(taker: Taker, item: Item, resource: Json, sender: Sender) -> None:
    """All stays of the patient are looked at, so that an older one that is changed late moves nobody."""
    if not items.is_stay(resource, taker.settings.classes):
        raise PassedOverError(NO_STAY, field="Encounter.class", found=item.about)
    where = _stay(taker, item.subject)
    with reading(ACTOR) as tx:
        here = arrivals.holder(tx, SOURCE, item.subject)
        was_here = here is not None and patients.get(tx, here).status is PatientStatus.ADMITTED
        before = incoming.newest_taken(tx, SOURCE, item.about)
    if here is None and (where is None or where.status is not PatientStatus.ADMITTED):
        raise PassedOverError(NOT_HERE, found=item.subject)
    if where is None:
        raise PassedOverError(NOTHING, field="Encounter.status", found=str(resource.get("status")))
    if where.status is not PatientStatus.ADMITTED and not _was_open(before):  # a late word of a stay long ago
        raise PassedOverError(NOTHING, field="Encounter.status", found=str(resource.get("status")))
    comes = where.status is PatientStatus.ADMITTED and not was_here
    if comes or here is None:
        fhir_reading.whole_patient(taker.source, item.subject, taker.settings, taker.reference)
    here = admit(taker, item.subject, where, sender)
    with transaction(ACTOR) as tx:
        told = _IS_OPEN if resource.get("status") in items.OPEN else ""
        taken(tx, item, became=f"patient/{here}{told}", patient=here)


def _was_open(before: Item | None) -> bool:
    """Did this stay bring the patient, by what was last taken of it? Only then does its end send him home."""
    if before is None:
        return False
    if before.payload is None:
        return (before.became or "").endswith(_IS_OPEN)
    try:
        return items.parsed(before.payload).get("status") in items.OPEN
    except UnreadableError:
        return False


def admit(taker: Taker, subject: str, where: Stay, sender: Sender) -> str:
    """The patient with this stay, new or known; what waited for the patient is tried again. His id here. Raises: NotTakenError."""
    found = taker.source.read(f"Patient/{subject}")
    person = _person(items.parsed(found.payload))
    status = person.status if person.status is PatientStatus.DECEASED else where.status
    with transaction(ACTOR) as tx:
        fhir_reading.keep(tx, (found,), taker.settings, taker.reference, whatever=True)
        sent = replace(person, status=status, ward=where.ward, bed=where.bed)
        here = arrivals.patient(tx, sent, sender, ward_name=where.ward_name)
        _taken_with(tx, found, subject, here)
    return here


def _taken_with(tx: Transaction, found: Resource, subject: str, here: str) -> None:
    """This Patient was written: its item is taken, and from now on says who the sender's patient is. What waited for him is tried again.
    Where nobody has said yet who he is, that holds too for one that a person was to look at: it was accepted with the stay."""
    is_new = arrivals.holder(tx, SOURCE, subject) is None
    for kept in incoming.of_thing(tx, SOURCE, found.about):
        if kept.key != items.key(found) or kept.state == incoming.TAKEN:
            continue
        if kept.state != incoming.WAITING:
            is_asked = kept.reason is not None and kept.reason.code == arrivals.MERGE_ASKED
            if not is_new or is_asked or incoming.get(tx, kept.id).payload is None:
                continue
            incoming.requeue(tx, kept.id)
        incoming.take(tx, kept.id, became=f"patient/{here}", patient=here)
    incoming.wake(tx, SOURCE, subject)


def _known(taker: Taker, item: Item, sender: Sender) -> str | None:
    """Who the item's patient is here; None: nobody. A record that has the same id is his only when his own resource says so: what cannot
    be said yet waits, and a person is shown why. Raises: NotTakenError, EmrError."""
    with reading(ACTOR) as tx:
        here = arrivals.holder(tx, SOURCE, item.subject)
        if here is not None or arrivals.candidate(tx, SOURCE, item.subject) is None:
            return here
    try:
        found = taker.source.read(f"Patient/{item.subject}")
        with transaction(ACTOR) as tx:
            fhir_reading.keep(tx, (found,), taker.settings, taker.reference, whatever=True)
        with transaction(ACTOR) as tx:
            here = arrivals.patient(tx, _person(items.parsed(found.payload)), replace(sender, accepted=False))
            _taken_with(tx, found, item.subject, here)
    except (GoneError, NotTakenError, FieldError) as exc:
        raise NotTakenError(arrivals.PATIENT_AWAITED, field=f"{item.kind}.subject", found=item.subject, waits=True) from exc
    return here


def _stay(taker: Taker, subject: str) -> Stay | None:
    """Where the patient is by all stays: an open one, the newest of several; else gone, where one has ended. None: no word of it."""
    stays: list[tuple[str, Stay]] = []
    ended = False
    for page in taker.source.search("Encounter", [("patient", subject)], pages=5):
        for _found, one in items.about_patient(page.found, subject):
            if not items.is_stay(one, taker.settings.classes):
                continue
            ended = ended or one.get("status") in ("finished", "cancelled", "entered-in-error")
            if one.get("status") in items.OPEN:
                stay = import_fhir.stay(one, _places(taker, one))
                if stay is not None:
                    stays.append((str((one.get("period") or {}).get("start", "")), stay))
    if stays:
        return max(stays, key=lambda pair: pair[0])[1]
    return Stay(status=PatientStatus.DISCHARGED) if ended else None


def _places(taker: Taker, resource: Json) -> dict[str, Json]:
    """The Location resources that an Encounter names, and those that they are part of."""
    found: dict[str, Json] = {}
    for entry in resource.get("location") or []:
        key = reference_id(entry.get("location"))
        while key and key not in found and len(found) < 50:
            location = taker.reference.get(f"Location/{key}")
            if location is None:
                break
            found[key] = location
            key = reference_id(location.get("partOf"))
    return found


def allergy(taker: Taker, item: Item, resource: Json, sender: Sender) -> None:
    """The whole list is read: one entry alone would pass for all there is. What cannot be read leaves an unknown list unknown."""
    here = _known(taker, item, sender)
    named, withdrawn, unreadable = [], set(), 0
    listed = [
        parsed
        for page in taker.source.search("AllergyIntolerance", [("patient", item.subject)], pages=20)
        for _one, parsed in items.about_patient(page.found, item.subject)
    ]
    for parsed in listed:
        try:
            said = import_fhir.allergy(parsed)
            if said is None:
                withdrawn.add(import_fhir.substance(parsed))
            else:
                named.append(said)
        except (FieldError, AttributeError, TypeError, LookupError, ValueError):
            unreadable += 1
    import_fhir.allergy(resource)  # of the item itself: its fault is told on the item
    allergies = tuple(one for said in named for one in said)
    with transaction(ACTOR) as tx:
        known = _here(tx, item, here)
        told = None if not named or (unreadable and known.allergies is None) else allergies
        gone = withdrawn - {one.substance for one in allergies}
        arrivals.patient(tx, replace(_same(known), allergies=told), sender, withdrawn=gone, here=known.id)
        taken(tx, item, became=f"patient/{known.id}", patient=known.id)


def observation(taker: Taker, item: Item, resource: Json, sender: Sender) -> None:
    with reading(ACTOR) as tx:
        earlier = incoming.newest_taken(tx, SOURCE, item.about)
    if resource.get("status") in ("entered-in-error", "cancelled") and earlier is not None:
        raise NotTakenError(WITHDRAWN, field="Observation.status", found=str(resource.get("status")), patient=earlier.patient)
    found = import_fhir.measured(resource)
    if not found:
        raise PassedOverError(NOTHING, field="Observation.code")
    values = tuple(one for one in found if isinstance(one, Observation))
    weight = next((one for one in found if isinstance(one, Weight)), None)
    here = _known(taker, item, sender)
    with transaction(ACTOR) as tx:
        known = _here(tx, item, here)
        arrivals.patient(tx, replace(_same(known), observations=values, weight=weight), sender, here=known.id)
        taken(tx, item, became=f"patient/{known.id}", patient=known.id)


def practitioner(taker: Taker, item: Item, resource: Json, sender: Sender) -> None:  # noqa: ARG001 - one form for all kinds
    roles = [
        items.parsed(one.payload)
        for page in taker.source.search("PractitionerRole", [("practitioner", str(resource.get("id")))], pages=2)
        for one in page.found
    ]
    try:
        found = _read(resource, *roles)
    except FieldError as exc:
        if exc.reason == "no-role":
            raise PassedOverError(NO_ROLE, found=item.about) from exc
        raise
    with transaction(ACTOR) as tx:
        person = arrivals.staff(tx, found.staff[0])
        taken(tx, item, became=f"staff/{person}")


def order(taker: Taker, item: Item, resource: Json, sender: Sender) -> None:
    _end_lost(item, resource)
    if items.is_elsewhere(resource):
        raise PassedOverError(ELSEWHERE, field="MedicationRequest.category", found=item.about)
    with reading(ACTOR) as tx:
        earlier = _said_last(tx, item)
    found = _order(taker, resource)
    here = (_known(taker, item, sender) if item.subject else None) or _awaited(taker, item, sender)
    before = _before(taker, earlier)
    with transaction(ACTOR) as tx:
        placed = arrivals.order(tx, replace(found, order=replace(found.order, patient=here)), sender, emr_id=item.about, before=before)
        unclear = (
            Reason(code=AS_DRAFT, field="MedicationRequest.dosageInstruction", found=placed.clarification) if placed.clarification else None
        )
        taken(tx, item, became=f"order/{placed.id}/{placed.version}", patient=here, reason=unclear)


def _said_last(tx: Transaction, item: Item) -> Item | None:
    """The version that was taken last, unless one came since by which the order was lost here: then everything in this one is new."""
    earlier = incoming.newest_taken(tx, SOURCE, item.about)
    for one in incoming.of_thing(tx, SOURCE, item.about):
        is_between = earlier is not None and one.id > earlier.id and one.id != item.id
        if is_between and (one.subject != item.subject or (one.reason is not None and one.reason.code == ELSEWHERE)):
            return None
    return earlier


def _end_lost(item: Item, resource: Json) -> None:
    """What we hold of this order ends first, whatever becomes of this version, where it says that the order is not that patient's any more;
    and where it has ended, and nobody can say yet whose it is."""
    with reading(ACTOR) as tx:
        is_over = resource.get("status") in items.ENDED_THERE and arrivals.holder(tx, SOURCE, item.subject) is None
        why = {one.order.id: _ENDED if is_over else lost(tx, one, resource) for one in orders.by_emr_id(tx, SOURCE, item.about)}
    if not any(why.values()):
        return
    with transaction(ACTOR) as tx:
        must_be_newest(tx, item)
        for one in orders.by_emr_id(tx, SOURCE, item.about):
            reason = why.get(one.order.id)
            if reason is not None:
                arrivals.stop(tx, one, reason=reason)


def lost(tx: Transaction, held: OrderView, resource: Json) -> str | None:
    """Why this version of the order is no order for a ward of the patient whose it is here; None: it still is."""
    if items.is_elsewhere(resource):
        return "no order of a ward any more in the EMR"
    subject = items.subject(items.ORDER, resource)
    here = arrivals.holder(tx, SOURCE, subject)
    if here is not None:
        is_his = here == identities.current(tx, held.order.patient)
    else:
        earlier = incoming.newest_taken(tx, SOURCE, held.emr_id or "")
        is_his = earlier is not None and earlier.subject == subject
    return None if is_his or not subject else "another patient's order in the EMR"


def _awaited(taker: Taker, item: Item, sender: Sender) -> str:
    """The patient of an order came later than the order, or was missed. Raises: NotTakenError where he is not here at all."""
    awaited = NotTakenError(arrivals.PATIENT_AWAITED, field="MedicationRequest.subject", found=item.subject, waits=True)
    if not item.subject:
        raise FieldError("needed", field="subject")
    try:
        where = _stay(taker, item.subject)
        if where is None or where.status is not PatientStatus.ADMITTED:
            raise awaited
        return admit(taker, item.subject, where, replace(sender, accepted=False))
    except (GoneError, NotTakenError) as exc:  # who the patient is must be settled first
        raise awaited from exc


def _order(taker: Taker, resource: Json) -> OrderFound:
    """Raises: FieldError."""
    medications: dict[str, Json] = {}
    key = reference_id(resource.get("medicationReference"))
    if key and not key.startswith("#"):
        medication = taker.reference.get(f"Medication/{key}")
        if medication is not None:
            medications[key] = medication
    return import_fhir_orders.read(resource, _PLACE, medications, taker.timezone, taker.standard)


def _before(taker: Taker, earlier: Item | None) -> OrderFound | None:
    """What the sender said of the order last; None where it is not kept any more."""
    if earlier is None or earlier.payload is None:
        return None
    try:
        return _order(taker, items.parsed(earlier.payload))
    except (UnreadableError, AttributeError, TypeError, KeyError, ValueError, ArithmeticError):
        return None


def _person(resource: Json) -> Patient:
    return _read(resource).patients[0].patient


def _read(*resources: Json) -> Found:
    """As a bundle of these is read. Raises: FieldError for its first problem."""
    bundle = {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}
    found = import_fhir.read(SOURCE, json.dumps(bundle, default=_number).encode())
    for problem in found.problems:
        raise FieldError(problem.code, field=problem.field.partition(".")[2], **problem.parameters)
    return found


def _number(value: object) -> float | int:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)


def _here(tx: Transaction, item: Item, here: str | None) -> Patient:
    """Raises: PassedOverError."""
    if here is None:
        raise PassedOverError(NOT_HERE, found=item.subject)
    return patients.get(tx, identities.current(tx, here))


def _same(known: Patient) -> Patient:
    """Who it is, and nothing else that is new."""
    return replace(known, bands=(), observations=(), weight=None, allergies=None)


TAKERS: Mapping[str, Callable[[Taker, Item, Json, Sender], None]] = {
    "Patient": patient,
    "Encounter": encounter,
    "AllergyIntolerance": allergy,
    "Observation": observation,
    "Practitioner": practitioner,
    items.ORDER: order,
}
