"""Finding somebody by a card, a patient's insurance cards and stays, how long the record is kept, and the summary for the health book.

A card is sent in a form's body and never in an address: what stands in addresses is written to logs. Of what was scanned only the number
is looked for; name and address on it are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import LabelError, PointOfCareError
from pointofcare.vietnam import lists
from pointofcare.vietnam.fault import CodeError
from pointofcare.vietnam.insurance import Card
from server.emr import fhir_mapping
from server.security import person, viewing
from server.security.permissions import ADMIT, EXPORT_CLAIMS, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import identities, insurance, patients, stays, views_pharmacy
from server.store.transaction import reading, transaction
from server.usecases import health_summary
from server.usecases import insurance as verbs
from server.web import faults, moments, page

room = Blueprint("insurance", __name__, url_prefix="/insurance")

_DAY = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})", re.ASCII)
_CARD_CELLS = ("card", "begins", "ends", "first")
_STAY_CELLS = ("claim", "kind", "prescription", "admitted_at", "left_at")


@room.get("/find")
@requires(SEE_PATIENTS)
def form() -> str:
    return page.render("insurance_find.html", fault=None, found=None)


@room.post("/find")
@requires(SEE_PATIENTS)
def find() -> str | BaseResponse | tuple[str, int]:
    """Who has the card that was scanned or typed: the patient's page, where it is one whom the person reaches."""
    try:
        with reading(actor()) as tx:
            found = verbs.find(tx, request.form.get("card", "")[:2000])
    except (CodeError, LabelError) as exc:
        return page.render("insurance_find.html", fault=_told(exc), found=None), 422
    viewing.seen(patients=[one.id for one in found.known], count=len(found.known))
    if len(found.known) == 1 and not found.elsewhere and not _differs(found):
        return page.back(url_for("patients.show", patient_id=found.known[0].id))
    return page.render("insurance_find.html", fault=None, found=found, differs=_differs(found), may_admit=person.may(ADMIT))


@room.get("/<patient_id>/")
@requires(SEE_PATIENTS)
def show(patient_id: str) -> str:
    return _page(patient_id, {}, {})


@room.post("/<patient_id>/card")
@requires(ADMIT)
def add(patient_id: str) -> str | BaseResponse | tuple[str, int]:
    cells = {name: request.form.get(name, "")[:2000] for name in _CARD_CELLS}
    found: dict[str, str] = {}
    begins, ends = _day(cells, "begins", found), _day(cells, "ends", found)
    if not cells["card"].strip():
        found["card"] = page.t("insurance-why-empty")
    if found:
        return _page(patient_id, cells, found), 422
    who = actor()
    try:
        with transaction(who) as tx:
            way = "scanned" if "|" in cells["card"] else "typed"
            added = verbs.add_card(tx, who, patient_id, cells["card"], begins=begins, ends=ends, first=cells["first"], way=way)
    except PointOfCareError as exc:
        return _refused(patient_id, cells, exc, "insurance-why")
    page.say("insurance-added" if added else "insurance-known-already")
    return page.back(url_for("insurance.show", patient_id=patient_id))


@room.post("/<patient_id>/card/end")
@requires(ADMIT)
def end(patient_id: str) -> BaseResponse:
    who = actor()
    card = request.form.get("id", "")
    try:
        with transaction(who) as tx:
            verbs.end_card(tx, who, patient_id, int(card) if card.isascii() and card.isdigit() and len(card) < 10 else 0)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("insurance-ended")
    return page.back(url_for("insurance.show", patient_id=patient_id))


@room.post("/<patient_id>/stay/<int:stay>")
@requires(EXPORT_CLAIMS)
def correct(patient_id: str, stay: int) -> str | BaseResponse | tuple[str, int]:
    cells = {name: request.form.get(name, "")[:200] for name in _STAY_CELLS}
    found: dict[str, str] = {}
    admitted_at, left_at = _moment(cells, "admitted_at", found), _moment(cells, "left_at", found)
    if found:
        return _page(patient_id, {**cells, "stay": str(stay)}, found), 422
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.correct_stay(
                tx,
                who,
                patient_id,
                stay,
                claim=cells["claim"],
                kind=cells["kind"],
                prescription=cells["prescription"],
                admitted_at=admitted_at,
                left_at=left_at,
            )
    except PointOfCareError as exc:
        return _refused(patient_id, {**cells, "stay": str(stay)}, exc, "stay-why")
    page.say("stay-saved")
    return page.back(url_for("insurance.show", patient_id=patient_id))


@room.get("/<patient_id>/summary/<int:stay>.json")
@requires(SEE_PATIENTS)
def summary(patient_id: str, stay: int) -> Response | BaseResponse:
    """The medication summary of a stay as a FHIR document."""
    who = actor()
    try:
        with reading(who) as tx:
            made = health_summary.make(tx, who, patient_id, stay, config=page.config())
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("insurance.show", patient_id=patient_id))
    viewing.seen(patient=patient_id, count=len(made["entry"]))
    head = {"Content-Disposition": f"attachment; filename=summary-{stay}.json", "Cache-Control": "no-store"}
    return Response(fhir_mapping.to_bytes(made), mimetype="application/fhir+json", headers=head)


def _page(patient_id: str, cells: Mapping[str, str], found: Mapping[str, str]) -> str:
    today = datetime.now(UTC).astimezone(page.zone()).date()
    with reading(actor()) as tx:
        patient = patients.get(tx, patient_id)
        held = insurance.of_patient(tx, patient_id)
        listed = stays.of_patient(tx, patient_id)
        identity = identities.get(tx, patient_id)
        names = views_pharmacy.names(tx, {one.by for one in held})
    viewing.seen(patient=patient_id)
    status = patient.status.value if patient.status is not None else None
    return page.render(
        "insurance.html",
        patient=patient,
        held=held,
        stays=listed,
        identity=identity,
        kept=verbs.kept(status, listed, today),
        law=lists.on("retention", today),
        today=today,
        names=names,
        cells=cells,
        faults=found,
        kinds=lists.on("stay-kinds", today).rows,
        moment_cell=lambda at: moments.shown(at.astimezone(page.zone())) if at is not None else "",
    )


def _refused(patient_id: str, cells: Mapping[str, str], exc: PointOfCareError, prefix: str) -> tuple[str, int]:
    field, code = exc.fields.get("field"), f"{prefix}-{exc.fields.get('says')}"
    words = page.t(code) if page.has(code) else faults.told(exc)
    if isinstance(field, str) and field in (*_CARD_CELLS, *_STAY_CELLS):
        return _page(patient_id, cells, {field: words}), 422
    page.say_plain(words)
    return _page(patient_id, cells, {}), 409


def _told(exc: CodeError | LabelError) -> str:
    reason = str(exc.fields.get("reason"))
    for code in (f"insurance-why-{reason}", f"card-{reason}"):
        if page.has(code):
            return page.t(code)
    return page.t("insurance-why-length")


def _differs(found: verbs.Found) -> bool:
    """Does the card name another birth date than the record that it leads to? Then a person looks first."""
    card: Card = found.card
    return card.birth_date is not None and any(one.birth_date not in (None, card.birth_date) for one in found.known)


def _day(cells: Mapping[str, str], name: str, found: dict[str, str]) -> date | None:
    text = cells[name].strip()
    if not text:
        return None
    match = _DAY.fullmatch(text)
    try:
        if match is not None:
            return date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        pass
    found[name] = page.t("insurance-why-day")
    return None


def _moment(cells: Mapping[str, str], name: str, found: dict[str, str]) -> datetime | None:
    text = cells[name].strip()
    if not text:
        return None
    at = moments.typed(text)
    if at is None:
        found[name] = page.t("stay-why-moment")
        return None
    return at.replace(tzinfo=at.tzinfo or page.zone()).astimezone(UTC)
