"""Admission without another system: patients, unknown patients, newborns; who they turn out to be; discharge; their bands and photos.

Nothing here guesses who somebody is: a number or a name that is known already is told to a person, who says whether it is the same
person. A discharge ends the orders with the stay, so that a readmission revives none of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from pointofcare.errors import ConflictError, IllegalTransitionError, NotFoundError, UnreadableError
from pointofcare.labels import alike, cccd, gs1
from pointofcare.people import Allergy, Band, BandStatus, Patient, PatientStatus, StaffRole, Weight
from server.store import identities, orders, patients, reach, stays, versions
from server.store.identities import Identity, Known
from server.store.transaction import Actor, Transaction
from server.usecases import changes
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from server.usecases.patients import ADMIT
from server.usecases.permission import require, text

# At night a nurse admits; discharge, transfer and merge are the charge nurse's.
REGISTER = (StaffRole.NURSE, *ADMIT)
METHODS = ("id-card", "document", "told", "relative")
SEXES = ("male", "female", "other", "unknown")
OLDEST_YEARS = 130
# Written on bands and read out on the ward, so in the ward's language whatever the screen's is.
_NOBODY = {"male": "VÔ DANH NAM", "female": "VÔ DANH NỮ"}
_CHILD = "CON BÀ"
_LONGEST_NAME = 200


class KnownAlreadyError(ConflictError):
    """Somebody with this number, or this name and birth date, is on record: a person must say whether it is the same one."""

    code = "patient-known"


class EnteredAlreadyError(ConflictError):
    """This very form was sent before, and the patient is entered."""

    code = "patient-entered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Who comes, as the form says. `id` was drawn with the form, so that one which is sent twice admits once; None: it is drawn here.
    `mrn` None: one is drawn. `allergies` None: not asked yet, () asked and none."""

    name: str
    id: str | None = None
    ward: str
    bed: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    mrn: str | None = None
    national_id: str | None = None
    method: str = "told"
    note: str = ""
    allergies: tuple[Allergy, ...] | None = None
    weight: Weight | None = None


def admit(tx: Transaction, actor: Actor, arrival: Arrival, *, is_new: bool = False) -> Patient:
    """A new record. `is_new`: the person saw those of the same name and birth date and says that it is none of them.

    Raises: NotPermittedError, NotFoundError (the ward), OtherWardError, UnreadableError, KnownAlreadyError, ConflictError (the MRN)."""
    require(tx, actor, *REGISTER)
    _check_ward(tx, arrival.ward)
    name = _name(arrival.name)
    _check_person(tx, arrival.birth_date, arrival.sex)
    if arrival.method not in METHODS:
        raise UnreadableError("how the patient was identified is missing", remedy="choose one", field="method", says="method")
    _check_twice(tx, arrival.id)
    _check_number(tx, arrival.national_id, None)
    identities.alone(tx, f"born/{arrival.birth_date}")
    same = likely_same(tx, name, arrival.birth_date)
    if same and not is_new:
        raise KnownAlreadyError(
            "somebody of this name and birth date is on record",
            remedy="look whether it is the same person",
            patients=list(same),
            says="same",
        )
    return _enter(
        tx,
        replace(arrival, name=name),
        Identity(patient="", method=arrival.method, national_id=arrival.national_id, note=arrival.note.strip()[:2000]),
        action="admit",
    )


def admit_unknown(
    tx: Transaction,
    actor: Actor,
    *,
    sex: str | None,
    ward: str,
    bed: str | None,
    note: str,
    allergies: tuple[Allergy, ...] | None = None,
    form: str | None = None,
) -> Patient:
    """Nobody knows who it is: a name that nobody else has ("VÔ DANH NAM 1"), no birth date, completed later by `identify`.

    Raises: as `admit`, TextMissingError (what the person looks like and where he was found)."""
    require(tx, actor, *REGISTER)
    _check_ward(tx, ward)
    _check_person(tx, None, sex)
    described = text(note, "note")
    _check_twice(tx, form)
    base = _NOBODY.get(sex or "", "VÔ DANH")
    name = f"{base} {identities.draw(tx, 'unknown-' + (sex or ''))}"
    arrival = Arrival(id=form, name=name, ward=ward, bed=bed, sex=sex, allergies=allergies)
    return _enter(tx, arrival, Identity(patient="", method="none", is_temporary=True, note=described), action="admit-unknown")


def admit_newborn(
    tx: Transaction,
    actor: Actor,
    mother: str,
    *,
    sex: str | None,
    born_at: datetime,
    birth_order: int | None,
    bed: str | None,
    weight: Weight | None,
    allergies: tuple[Allergy, ...] | None,
    form: str | None = None,
) -> Patient:
    """A child of `mother`, in her ward, with her name on the band until it has its own. `birth_order` 1.. of twins and more.

    Raises: as `admit`, IllegalTransitionError (the mother is not admitted)."""
    require(tx, actor, *REGISTER)
    patients.hold(tx, mother)
    _check_twice(tx, form)
    of = patients.get(tx, mother)
    if of.status is not PatientStatus.ADMITTED or of.ward is None:
        raise IllegalTransitionError("mother", str(of.status), "newborn")
    _check_person(tx, None, sex)
    if not tx.at - timedelta(days=60) <= born_at <= tx.at + timedelta(minutes=5):
        raise UnreadableError(
            "the time of birth is not of the last days", remedy="write when the child was born", field="born_at", says="born-at"
        )
    taken = {child.id for child in identities.children(tx, mother)}
    if birth_order is not None and any((found := identities.get(tx, one)) and found.birth_order == birth_order for one in taken):
        raise ConflictError(
            "this child of the mother is admitted already", remedy="look at the mother's children", field="birth_order", says="birth-order"
        )
    name = f"{_CHILD} {of.name}" + (f" {birth_order}" if birth_order is not None else "")
    zone = patients.ward(tx, of.ward)
    born_on = born_at.astimezone(ZoneInfo(zone.timezone) if zone is not None else UTC).date()
    arrival = Arrival(id=form, name=name, ward=of.ward, bed=bed or of.bed, sex=sex, birth_date=born_on, allergies=allergies, weight=weight)
    identity = Identity(patient="", method="relative", mother=mother, birth_order=birth_order, born_at=born_at)
    return _enter(tx, arrival, identity, action="admit-newborn")


def likely_same(tx: Transaction, name: str, birth_date: date | None) -> tuple[str, ...]:
    """The ids of those on record with this birth date and a name like it."""
    if birth_date is None:
        return ()
    return tuple(patient for patient, known in identities.born_on(tx, birth_date) if alike.are_alike(known, name))


def readmit(tx: Transaction, actor: Actor, patient: str, *, ward: str, bed: str | None) -> Patient:
    """Somebody who was here before comes again. Raises: as `admit`, IllegalTransitionError (is here, or was merged away)."""
    require(tx, actor, *REGISTER)
    _check_ward(tx, ward)
    patients.hold(tx, patient)
    found = patients.find_any(tx, patient)
    if found is None:
        raise NotFoundError(f"patient {patient!r} is not known", remedy="look for the patient again", patient=patient)
    identity = identities.get(tx, patient)
    gone = identity is not None and identity.merged_into is not None
    if gone or found.status in (PatientStatus.ADMITTED, PatientStatus.DECEASED):
        raise IllegalTransitionError("patient", "merged" if gone else str(found.status), "readmit")
    moved = replace(found, status=PatientStatus.ADMITTED, ward=ward, bed=bed, transferred_at=None)
    patients.put(tx, moved)
    stays.follow(tx, patient, was=found.status, now=moved.status)
    # Whoever wore the old band may have left it anywhere: only a new one counts. Another system's discharge may have left orders live.
    patients.revoke_bands(tx, patient)
    ended = order_verbs.end_with_stay(tx, patient, reason="discharged")
    told = changes.told(found, moved, unsaid=changes.OF_A_PATIENT)
    tx.audit("patient.readmit", f"patient/{patient}", {**told, "orders": list(ended)})
    versions.bump(tx, ward)
    return moved


def identify(
    tx: Transaction,
    actor: Actor,
    patient: str,
    *,
    name: str,
    birth_date: date | None,
    sex: str | None,
    national_id: str | None,
    method: str,
    reason: str = "",
    mrn: str | None = None,
    is_new: bool = False,
) -> Patient:
    """Who an unknown patient is, the name of a newborn, or a correction of a name, birth date or sex (which takes a reason). `is_new`: the
    person saw those of the same name and birth date and says that it is none of them.

    Raises: as `admit`, TextMissingError, IllegalTransitionError (merged away), KnownAlreadyError (on record already: merge them)."""
    require(tx, actor, *REGISTER)
    patients.hold(tx, patient)
    found = patients.get(tx, patient)
    before = identities.get(tx, patient) or Identity(patient=patient, method="document")
    if before.merged_into is not None:
        raise IllegalTransitionError("patient", "merged", "identify")
    if not is_unnamed(found, before):
        require(tx, actor, *ADMIT)
        text(reason, "reason")
    _check_person(tx, birth_date, sex)
    if method not in METHODS:
        raise UnreadableError("how the patient was identified is missing", remedy="choose one", field="method", says="method")
    _check_number(tx, national_id, patient)
    own = {patient, *(child.id for child in identities.children(tx, before.mother))} if before.mother else {patient}
    identities.alone(tx, f"born/{birth_date}")
    same = [one for one in likely_same(tx, _name(name), birth_date) if one not in own]
    if same and not is_new and is_unnamed(found, before):
        raise KnownAlreadyError(
            "somebody of this name and birth date is on record",
            remedy="look whether it is the same person",
            patients=same,
            says="same",
        )
    number = _free_mrn(tx, mrn, patient) if mrn else found.mrn
    changed = replace(found, name=_name(name), birth_date=birth_date, sex=sex, mrn=number)
    patients.put(tx, changed)
    identities.put(tx, replace(before, method=method, is_temporary=False, national_id=national_id or before.national_id))
    detail = changes.told(found, changed, unsaid=changes.OF_A_PATIENT)
    tx.audit("patient.identify", f"patient/{patient}", {**detail, "method": method, "was_temporary": before.is_temporary, "reason": reason})
    versions.bump(tx, found.ward)
    return changed


def discharge(tx: Transaction, actor: Actor, patient: str, *, deceased: bool = False, reason: str = "") -> tuple[str, ...]:
    """The patient leaves; every live order ends with the stay. Returned are the orders that ended.

    Raises: NotPermittedError, NotFoundError, IllegalTransitionError (not here)."""
    require(tx, actor, *ADMIT)
    patients.hold(tx, patient)
    found = patients.get(tx, patient)
    if found.status is not PatientStatus.ADMITTED:
        raise IllegalTransitionError("patient", str(found.status), "discharge")
    ended = order_verbs.end_with_stay(tx, patient, reason="deceased" if deceased else "discharged")
    status = PatientStatus.DECEASED if deceased else PatientStatus.DISCHARGED
    left = replace(found, status=status, ward=None, bed=None, transferred_at=tx.at)
    patients.put(tx, left)
    stays.follow(tx, patient, was=found.status, now=status)
    patients.revoke_bands(tx, patient)
    told = changes.told(found, left, unsaid=changes.OF_A_PATIENT)
    tx.audit("patient.discharge", f"patient/{patient}", {**told, "orders": list(ended), "reason": reason.strip()[:2000]})
    versions.bump(tx, found.ward)
    return ended


def move(tx: Transaction, actor: Actor, patient: str, *, ward: str, bed: str | None) -> None:
    """To another bed or another ward. Raises: NotPermittedError, NotFoundError, IllegalTransitionError (not here)."""
    patients.hold(tx, patient)
    found = patients.get(tx, patient)
    if found.status is not PatientStatus.ADMITTED:
        raise IllegalTransitionError("patient", str(found.status), "transfer")
    if ward != found.ward:
        patient_verbs.transfer(tx, actor, patient, ward=ward, bed=bed)
        return
    require(tx, actor, *REGISTER)
    moved = replace(found, bed=bed)
    patients.put(tx, moved)
    tx.audit("patient.bed", f"patient/{patient}", changes.told(found, moved, unsaid=changes.OF_A_PATIENT))
    versions.bump(tx, found.ward)


def new_band(tx: Transaction, actor: Actor, patient: str, *, prefix: str, seen: str) -> Band:
    """The next instance of the patient's band; every older one is revoked. `seen` is the newest instance that stood on the screen ("" for
    none), so that a form that is sent twice revokes nothing.

    Raises: NotPermittedError, NotFoundError, ConflictError (a band was printed meanwhile), IllegalTransitionError (not here)."""
    patients.hold(tx, patient)
    found = patients.get(tx, patient)
    if found.status is not PatientStatus.ADMITTED:
        raise IllegalTransitionError("patient", str(found.status), "band")
    newest = newest_band(found)
    if (f"{newest.gsrn}/{newest.srin}" if newest else "") != seen:
        raise ConflictError("a band was printed meanwhile", remedy="look at the bands again", says="band-meanwhile")
    gsrn = newest.gsrn if newest is not None else _draw_gsrn(tx, prefix)
    taken = [int(one) for one in identities.instances(tx, gsrn) if one.isascii() and one.isdigit()]
    band = Band(gsrn=gsrn, srin=str(max(taken, default=0) + 1), status=BandStatus.ACTIVE)
    patient_verbs.print_band(tx, actor, patient, band)
    return band


def newest_band(patient: Patient) -> Band | None:
    """The active band with the highest instance number, else the highest one there is."""
    listed = [band for band in patient.bands if band.gsrn]

    def place(band: Band) -> tuple[bool, int]:
        return band.status is BandStatus.ACTIVE, int(band.srin or 0) if (band.srin or "0").isdigit() else 0

    return max(listed, key=place, default=None)


def alike_in_ward(tx: Transaction, ward: str | None, patient: str) -> tuple[Known, ...]:
    """Who lies in the same ward with a name that is easily taken for this patient's, mother and child among them."""
    if ward is None:
        return ()
    others = set(pairs_of_ward(tx, ward, identities.names_of_ward(tx, ward)).get(patient, ()))
    return identities.known(tx, others)


def pairs_of_ward(tx: Transaction, ward: str, names: Collection[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Patient -> those with a name like it, of a ward; a child and its mother always belong to each other. `names`: (id, name) of
    everybody who is admitted there."""
    found = {one: list(others) for one, others in alike.pairs(names).items()}
    here = {one for one, _ in names}
    for child, mother in identities.mothers_of_ward(tx, ward).items():
        if mother in here:
            for one, other in ((child, mother), (mother, child)):
                if other not in found.setdefault(one, []):
                    found[one].append(other)
    return {one: tuple(sorted(others)) for one, others in found.items()}


def is_unnamed(patient: Patient, identity: Identity | None) -> bool:
    """Does nobody know yet who this is, or has a newborn no name of its own? Then whoever admits may enter it."""
    if identity is None:
        return False
    return identity.is_temporary or (identity.mother is not None and patient.name.startswith(f"{_CHILD} "))


def new_id() -> str:
    return f"p-{uuid4().hex[:16]}"


def _check_twice(tx: Transaction, form: str | None) -> None:
    if form is not None and patients.known(tx, (form,)):
        raise EnteredAlreadyError("this form was sent before", remedy="look at the patient that it entered", patient=form)


def _enter(tx: Transaction, arrival: Arrival, identity: Identity, *, action: str) -> Patient:
    patient = Patient(
        id=arrival.id or new_id(),
        mrn=_free_mrn(tx, arrival.mrn, None),
        name=arrival.name,
        birth_date=arrival.birth_date,
        sex=arrival.sex,
        ward=arrival.ward,
        bed=(arrival.bed or "").strip()[:32] or None,
        status=PatientStatus.ADMITTED,
        allergies=arrival.allergies,
        weight=arrival.weight,
    )
    if not patients.add(tx, patient):
        raise EnteredAlreadyError("this form was sent before", remedy="look at the patient that it entered", patient=patient.id)
    stays.follow(tx, patient.id, was=None, now=patient.status)
    patients.replace_allergies(tx, patient.id, patient.allergies)
    if patient.weight is not None:
        patients.put_weight(tx, patient.id, patient.weight, by=tx.actor.id)
    identities.put(tx, replace(identity, patient=patient.id))
    told = changes.told(None, patient, unsaid=changes.OF_A_PATIENT)
    tx.audit(f"patient.{action}", f"patient/{patient.id}", {**told, "method": identity.method, "mother": identity.mother})
    versions.bump(tx, patient.ward)
    return patient


def _check_ward(tx: Transaction, ward: str) -> None:
    """Of the hospital, and one where the person works: another's ward is as little to be chosen as none."""
    if not ward or patients.ward(tx, ward) is None or not reach.sees(tx, ward):
        raise NotFoundError(f"ward {ward!r} is not one of yours", remedy="choose one of the wards", ward=ward, field="ward", says="ward")


def _check_person(tx: Transaction, birth_date: date | None, sex: str | None) -> None:
    if birth_date is not None and not tx.at.date() - timedelta(days=366 * OLDEST_YEARS) <= birth_date <= tx.at.date() + timedelta(days=1):
        raise UnreadableError("the birth date is not possible", remedy="write it as on the card", field="birth_date", says="birth-date")
    if sex is not None and sex not in SEXES:
        raise UnreadableError("the sex is missing", remedy="choose one", field="sex", says="sex")


def _check_number(tx: Transaction, number: str | None, patient: str | None) -> None:
    if number is None:
        return
    if not cccd.is_number(number):
        raise UnreadableError("the card's number has 12 digits", remedy="read it from the card", field="national_id", says="national-id")
    identities.alone(tx, f"card/{number}")
    holder = identities.by_national_id(tx, number)
    if holder is not None and holder.id != patient:
        raise KnownAlreadyError(
            "this card's number is on record", remedy="look whether it is the same person", patients=[holder.id], says="number"
        )


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not any(sign.isalpha() for sign in plain) or len(plain) > _LONGEST_NAME or not plain.isprintable():
        raise UnreadableError("the name is missing", remedy="write the name as on the card", field="name", says="name")
    return plain.upper()


def _free_mrn(tx: Transaction, wanted: str | None, patient: str | None) -> str:
    """The one that was typed, or the next of the year. Raises: ConflictError."""
    typed = (wanted or "").strip()
    if typed:
        identities.alone(tx, f"mrn/{typed}")
        holder = patients.find_by_mrn(tx, typed)
        if holder is not None and holder != patient:
            raise ConflictError(f"the MRN {typed} belongs to another patient", remedy="correct the number", field="mrn", says="mrn-taken")
        if len(typed) > 64 or not typed.isprintable() or any(sign.isspace() for sign in typed):
            raise UnreadableError("the patient number is not usable", remedy="write it without blanks", field="mrn", says="mrn")
        return typed
    while True:
        drawn = f"{tx.at:%y}-{identities.draw(tx, f'mrn-{tx.at:%y}'):06d}"
        if patients.find_by_mrn(tx, drawn) is None:
            return drawn


def _draw_gsrn(tx: Transaction, prefix: str) -> str:
    """18 digits: the hospital's GS1 prefix, a number of its own, the check digit; never one that a band has already."""
    while True:
        body = f"{prefix}{identities.draw(tx, 'gsrn'):0{17 - len(prefix)}d}"
        found = body + gs1.check_digit(body)
        if not identities.gsrn_is_taken(tx, found):
            return found


def live_orders(tx: Transaction, patient: str) -> int:
    """How many orders a discharge would end."""
    return sum(view.order.status in order_verbs.LIVE for view in orders.of_patient(tx, patient))
