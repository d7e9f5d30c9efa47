"""Admission: who comes, typed or read from an identity card; who nobody knows; newborns; who somebody turns out to be.

A form names each field that is wrong and keeps what was typed. Somebody who may be on record already is shown before a second record
is made. What a card holds beside number, name, birth date and sex is never kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import LabelError, PointOfCareError, QuantityError
from pointofcare.labels import cccd
from pointofcare.people import Allergy, AllergyKind, Patient, Weight
from pointofcare.quantity import Quantity
from server.security import viewing
from server.security.permissions import ADMIT
from server.security.person import actor, requires
from server.store import identities, patients, views_admission, views_patients
from server.store.transaction import reading, transaction
from server.usecases import admission, handwriting
from server.usecases.admission import Arrival, EnteredAlreadyError, KnownAlreadyError
from server.usecases.import_rows import FieldError
from server.web import faults, moments, page

room = Blueprint("admission", __name__, url_prefix="/admission")

CELLS = (
    "name", "birth_date", "sex", "ward", "bed", "mrn", "national_id", "method", "note", "weight", "allergies",
    "born_at", "birth_order", "reason", "form",
)  # fmt: skip
ALLERGY_ROWS = 3
SEVERITIES = ("mild", "moderate", "severe")
KINDS = ("arrival", "unknown", "newborn", "identify")
_LONGEST = 200
_FORM = re.compile(r"p-[0-9a-f]{16}", re.ASCII)

Cells = Mapping[str, str]


@room.get("/")
@requires(ADMIT)
def overview() -> str:
    wanted = request.args.get("q", "").strip()[:_LONGEST]
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        ward = request.args.get("ward", "")
        ward = ward if ward in {line.id for line in wards} else ""
        recent = views_admission.recent(tx, ward=ward or None)
        found = views_admission.left(tx, wanted) if wanted else None
    # Whom somebody looked up among those who left is in the audit like whom he saw.
    seen = [one.id for one in recent] + [one.id for one in found or ()]
    viewing.seen(patients=seen, ward=ward, count=len(seen))
    return page.render("admission.html", wards=wards, ward=ward, recent=recent, q=wanted, left=found)


@room.get("/new")
@requires(ADMIT)
def form() -> str:
    cells = {"ward": _only_ward(), "method": "told"}
    return _form("arrival", cells, {})


@room.post("/card")
@requires(ADMIT)
def card() -> str | tuple[str, int]:
    """What a reader typed, or a person pasted, into the card's field: read into the form, and kept nowhere."""
    cells = _cells()
    try:
        read = cccd.parse(request.form.get("card", ""))
    except LabelError as exc:
        return _form("arrival", cells, {"card": page.t("admission-card-unreadable", why=page.t(f"card-{exc.fields.get('reason')}"))}), 422
    filled = {
        **cells,
        "name": read.name,
        "birth_date": f"{read.birth_date:%d/%m/%Y}" if read.birth_date else "",
        "sex": read.sex or cells["sex"],
        "national_id": read.number,
        "method": "id-card",
    }
    return _form("arrival", filled, {}, read=True, doubts=read.doubts)


@room.post("/new")
@requires(ADMIT)
def enter() -> str | BaseResponse | tuple[str, int]:
    who, cells = actor(), _cells()
    found: dict[str, str] = {}
    arrival = Arrival(
        id=_form_id(cells),
        name=cells["name"],
        ward=cells["ward"],
        bed=cells["bed"].strip() or None,
        birth_date=_day(cells["birth_date"], found),
        sex=cells["sex"] or None,
        mrn=cells["mrn"].strip() or None,
        national_id=cells["national_id"].strip() or None,
        method=cells["method"],
        note=cells["note"],
        weight=_weight(cells["weight"], found),
        allergies=_allergies(cells, found),
    )
    _needed(cells, found, ("name", "sex", "ward", "method"))
    if not cells["birth_date"].strip() and "birth_date" not in found:
        found["birth_date"] = page.t("admission-birth-date-needed")
    if found:
        return _form("arrival", cells, found), 422
    try:
        with transaction(who) as tx:
            patient = admission.admit(tx, who, arrival, is_new="is_new" in request.form)
    except EnteredAlreadyError as exc:
        return _entered_before(exc)
    except KnownAlreadyError as exc:
        return _form("arrival", cells, {}, same=_patients(exc), certain=exc.fields.get("says") == "number"), 409
    except PointOfCareError as exc:
        return _refused("arrival", cells, exc)
    return _entered(patient)


@room.get("/unknown")
@requires(ADMIT)
def unknown_form() -> str:
    return _form("unknown", {"ward": _only_ward()}, {})


@room.post("/unknown")
@requires(ADMIT)
def unknown() -> str | BaseResponse | tuple[str, int]:
    who, cells = actor(), _cells()
    found: dict[str, str] = {}
    _needed(cells, found, ("sex", "ward", "note"))
    if found:
        return _form("unknown", cells, found), 422
    try:
        with transaction(who) as tx:
            patient = admission.admit_unknown(
                tx,
                who,
                sex=cells["sex"],
                ward=cells["ward"],
                bed=cells["bed"].strip() or None,
                note=cells["note"],
                form=_form_id(cells),
            )
    except EnteredAlreadyError as exc:
        return _entered_before(exc)
    except PointOfCareError as exc:
        return _refused("unknown", cells, exc)
    return _entered(patient)


@room.get("/<patient_id>/newborn")
@requires(ADMIT)
def newborn_form(patient_id: str) -> str:
    with reading(actor()) as tx:
        mother = patients.get(tx, patient_id)
    now = moments.shown(datetime.now(page.zone()))
    return _form("newborn", {"born_at": now, "bed": mother.bed or ""}, {}, mother=mother)


@room.post("/<patient_id>/newborn")
@requires(ADMIT)
def newborn(patient_id: str) -> str | BaseResponse | tuple[str, int]:
    who, cells = actor(), _cells()
    with reading(who) as tx:
        mother = patients.get(tx, patient_id)
    found: dict[str, str] = {}
    born_at = _moment(cells["born_at"], found)
    weight = _weight(cells["weight"], found)
    allergies = _allergies(cells, found)
    order = cells["birth_order"]
    _needed(cells, found, ("sex",))
    if found or born_at is None:
        return _form("newborn", cells, found, mother=mother), 422
    try:
        with transaction(who) as tx:
            child = admission.admit_newborn(
                tx,
                who,
                patient_id,
                sex=cells["sex"],
                born_at=born_at,
                birth_order=int(order) if order in ("1", "2", "3", "4", "5") else None,
                bed=cells["bed"].strip() or None,
                weight=weight,
                allergies=allergies,
                form=_form_id(cells),
            )
    except EnteredAlreadyError as exc:
        return _entered_before(exc)
    except PointOfCareError as exc:
        return _refused("newborn", cells, exc, mother=mother)
    return _entered(child)


@room.get("/<patient_id>/identify")
@requires(ADMIT)
def identify_form(patient_id: str) -> str:
    with reading(actor()) as tx:
        patient = patients.get(tx, patient_id)
        identity = identities.get(tx, patient_id)
    temporary = admission.is_unnamed(patient, identity)
    cells = {
        "name": "" if temporary else patient.name,
        "birth_date": f"{patient.birth_date:%d/%m/%Y}" if patient.birth_date else "",
        "sex": patient.sex or "",
        "national_id": identity.national_id or "" if identity is not None else "",
        "method": "" if identity is None or identity.is_temporary else identity.method,
    }
    return _form("identify", cells, {}, patient=patient, temporary=temporary)


@room.post("/<patient_id>/identify")
@requires(ADMIT)
def identify(patient_id: str) -> str | BaseResponse | tuple[str, int]:
    who, cells = actor(), _cells()
    with reading(who) as tx:
        patient = patients.get(tx, patient_id)
        identity = identities.get(tx, patient_id)
    temporary = admission.is_unnamed(patient, identity)
    found: dict[str, str] = {}
    born = _day(cells["birth_date"], found)
    _needed(cells, found, ("name", "sex", "method") if temporary else ("name", "sex", "method", "reason"))
    if found:
        return _form("identify", cells, found, patient=patient, temporary=temporary), 422
    try:
        with transaction(who) as tx:
            changed = admission.identify(
                tx,
                who,
                patient_id,
                name=cells["name"],
                birth_date=born,
                sex=cells["sex"],
                national_id=cells["national_id"].strip() or None,
                method=cells["method"],
                reason=cells["reason"],
                mrn=cells["mrn"].strip() or None,
                is_new="is_new" in request.form,
            )
    except KnownAlreadyError as exc:
        is_certain = exc.fields.get("says") == "number"
        return _form("identify", cells, {}, patient=patient, temporary=temporary, same=_patients(exc), certain=is_certain), 409
    except PointOfCareError as exc:
        return _refused("identify", cells, exc, patient=patient, temporary=temporary)
    page.say("admission-identified", name=changed.name)
    return page.back(url_for("identity.show", patient_id=patient_id))


def told(exc: PointOfCareError) -> str:
    """Why it does not go, in the reader's language where this page knows the reason."""
    code = f"admission-fault-{exc.fields.get('says')}"
    return page.t(code) if exc.fields.get("says") and page.has(code) else faults.told(exc)


def _form(
    kind: str,
    cells: Cells,
    found: Mapping[str, str],
    *,
    patient: Patient | None = None,
    mother: Patient | None = None,
    temporary: bool = False,
    same: tuple[str, ...] = (),
    certain: bool = False,
    read: bool = False,
    doubts: tuple[str, ...] = (),
) -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        known = identities.for_readmission(tx, same)
    subject = patient or mother
    viewing.seen(patient=subject.id if subject is not None else None, patients=[one.id for one in known], count=len(same))
    return page.render(
        "admission_form.html",
        kind=kind,
        cells=cells,
        faults=found,
        wards=wards,
        patient=patient,
        mother=mother,
        temporary=temporary,
        same=known,
        elsewhere=len(same) - len(known),
        certain=certain,
        card_read=read,
        doubts=doubts,
        methods=admission.METHODS,
        sexes=admission.SEXES,
        rows=range(1, ALLERGY_ROWS + 1),
        severities=SEVERITIES,
        form_id=cells.get("form") or admission.new_id(),
    )


def _refused(kind: str, cells: Cells, exc: PointOfCareError, **context: Any) -> tuple[str, int]:
    field = exc.fields.get("field")
    if isinstance(field, str) and field in CELLS:
        return _form(kind, cells, {field: told(exc)}, **context), 422
    page.say_plain(told(exc))
    return _form(kind, cells, {}, **context), 409


def _patients(exc: KnownAlreadyError) -> tuple[str, ...]:
    named = exc.fields.get("patients")
    return tuple(str(one) for one in named) if isinstance(named, list) else ()


def _entered(patient: Patient) -> BaseResponse:
    page.say("admission-done", name=patient.name, mrn=patient.mrn)
    return page.back(url_for("identity.show", patient_id=patient.id))


def _entered_before(exc: EnteredAlreadyError) -> BaseResponse:
    """The same form again, because its answer did not come or the button was pressed twice: the patient that it entered."""
    page.say("admission-entered-before")
    return page.back(url_for("identity.show", patient_id=str(exc.fields["patient"])))


def _form_id(cells: Cells) -> str | None:
    """As the form had it; anything else is none of ours."""
    return cells["form"] if _FORM.fullmatch(cells["form"]) else None


def _only_ward() -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
    return wards[0].id if len(wards) == 1 else ""


def _cells() -> dict[str, str]:
    names = [*CELLS, *(f"allergy-{row}-{part}" for row in range(1, ALLERGY_ROWS + 1) for part in ("substance", "kind", "severity"))]
    return {name: request.form.get(name, "")[:2000] for name in names}


def _needed(cells: Cells, found: dict[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if not cells[name].strip():
            found.setdefault(name, page.t(f"admission-fault-{name.replace('_', '-')}"))


def _day(text: str, found: dict[str, str]) -> date | None:
    """Day/month/year, as cards and wards write it; a browser's own date field would show it in the order of the browser's country."""
    plain = text.strip()
    if not plain:
        return None
    try:
        if plain[:4].isdigit():
            return date.fromisoformat(plain)
        return datetime.strptime(plain.replace("-", "/").replace(".", "/"), "%d/%m/%Y").replace(tzinfo=UTC).date()
    except ValueError:
        found["birth_date"] = page.t("admission-fault-birth-date")
        return None


def _moment(text: str, found: dict[str, str]) -> datetime | None:
    at = moments.typed(text)
    if at is None:
        found["born_at"] = page.t("admission-fault-born-at")
        return None
    return at.replace(tzinfo=page.zone()).astimezone(UTC)


def _weight(text: str, found: dict[str, str]) -> Weight | None:
    if not text.strip():
        return None
    written = text.strip() if any(sign.isalpha() for sign in text) else f"{text.strip()} kg"
    try:
        value = Quantity.parse(handwriting.amount(written))
        if value.converts_to("kg") and 0 < value.to("kg").value <= 500:
            return Weight(value=value, at=datetime.now(UTC))
    except (QuantityError, FieldError):
        pass
    found["weight"] = page.t("admission-fault-weight")
    return None


def _allergies(cells: Cells, found: dict[str, str]) -> tuple[Allergy, ...] | None:
    """None: not asked yet. Substances that are named while "none" or "not asked" is chosen contradict it."""
    listed = []
    for row in range(1, ALLERGY_ROWS + 1):
        substance = " ".join(cells.get(f"allergy-{row}-substance", "").split())[:200]
        if substance:
            kind = AllergyKind.CLASS if cells.get(f"allergy-{row}-kind") == "class" else AllergyKind.INGREDIENT
            severity = cells.get(f"allergy-{row}-severity", "")
            listed.append(Allergy(substance=substance, kind=kind, severity=severity if severity in SEVERITIES else None))
    chosen = cells.get("allergies", "")
    if (chosen == "listed") != bool(listed):
        found["allergies"] = page.t("admission-fault-allergies")
        return None
    if chosen == "listed":
        return tuple(listed)
    return () if chosen == "none" else None
