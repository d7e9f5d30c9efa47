"""Finding a patient, and one patient's medication record: orders with their versions, doses with who, when, lot and verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID, uuid4

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.administration import observation
from pointofcare.administration.observation import KINDS
from pointofcare.errors import NotFoundError, QuantityError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import PatientStatus
from server.security import person, viewing
from server.security.permissions import OBSERVE, OPEN_EMERGENCY, PLACE_ORDERS, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import bedside, emergencies, identities, orders, patients, products, views_patients, views_pharmacy
from server.store.orders import OrderView, Question, VersionView
from server.store.transaction import Transaction, reading, transaction
from server.store.views_patients import Dose
from server.usecases import admission, bags, observations
from server.web import care, page, sentences

room = Blueprint("patients", __name__, url_prefix="/patients")

DOSES_PER_PAGE = 40
# Not charted as a dose: what the nurse decided not to do.
LIVE = (OrderStatus.ACTIVE, OrderStatus.ON_HOLD, OrderStatus.DRAFT)


@room.get("/")
@requires(SEE_PATIENTS)
def find() -> str:
    text = request.args.get("q", "")[:100]
    ward = request.args.get("ward", "")
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        found, more = views_patients.look(tx, text=text, ward=ward or None, admitted_only="all" not in request.args, limit=200)
        outside = emergencies.outside(tx, text) if text and not found and person.may(OPEN_EMERGENCY) else None
        asked = views_pharmacy.open_questions(tx) if person.may(PLACE_ORDERS) else ()
        names = views_pharmacy.names(tx, [question.asked_by for question, _ in asked])
    viewing.seen(patients=[one.id for one in found], ward=ward, count=len(found) + len(asked))
    return page.render(
        "patients.html",
        found=found,
        more=more,
        asked=asked,
        names=names,
        q=text,
        wards=wards,
        ward=ward,
        everybody="all" in request.args,
        outside=outside if outside is not None and not outside.is_reached else None,
    )


@room.get("/<patient_id>")
@requires(SEE_PATIENTS)
def show(patient_id: str) -> str:
    before = views_patients.place_in_doses(request.args.get("before", ""))
    with reading(actor()) as tx:
        look = bedside.of_patient(tx, patient_id)
        patient = look.patients
        if not patient:
            raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
        around = care.of_patient(tx, patient_id, look, products.listed(tx), zone=page.config().timezone) if before is None else None
        views = orders.of_patient(tx, patient_id)
        versions = views_pharmacy.versions_of_patient(tx, patient_id)
        questions = orders.questions(tx, [view.order.id for view in views]) if views else ()
        doses, following = views_patients.doses(tx, patient=patient_id, before=before, limit=DOSES_PER_PAGE)
        identity = identities.get(tx, patient_id)
        photo = identities.photo_digest(tx, patient_id)
        alike = admission.alike_in_ward(tx, patient[0].ward, patient_id) if patient[0].status is PatientStatus.ADMITTED else ()
        measured = {value.by for one in around.trends for value in one.values} if around is not None else set()
        names = _names(tx, views, versions, doses, questions, measured)
    viewing.seen(patient=patient_id, count=len(doses))
    live = [view for view in views if view.order.status in LIVE or view.order.status is None]
    ended = [view for view in views if view not in live]
    amended = {dose.record.amends for dose in doses if dose.record.amends}
    return page.render(
        "patient.html",
        patient=patient[0],
        live_orders=live,
        ended_orders=ended,
        versions=versions,
        questions=questions,
        doses=doses,
        amended=amended,
        following=f"{following[0].isoformat()}~{following[1]}" if following else None,
        names=names,
        sentence=sentences.of_evidence,
        first_page=before is None,
        care=around,
        measures=[(code, page.unit(kind.unit) if kind.unit not in ("1", "{score}") else "") for code, kind in KINDS.items()],
        draw_id=lambda: str(uuid4()),
        for_bags=bags.is_for_bags,
        identity=identity,
        photo=photo,
        alike=alike,
    )


@room.post("/<patient_id>/observations")
@requires(OBSERVE)
def observe(patient_id: str) -> BaseResponse:
    """A value that was measured just now; the form draws the record's id, so that a second press counts once."""
    who = actor()
    here = url_for("patients.show", patient_id=patient_id) + "#observations"
    code, record_id = request.form.get("code", ""), request.form.get("record_id", "")
    try:
        UUID(record_id)
        value = observation.read(code, request.form.get("value", "")[:40])
    except ValueError:
        page.say("form-broken", "danger")
        return page.back(here)
    except QuantityError as exc:
        kind = KINDS.get(code)
        bounds = {"low": str(kind.low), "high": str(kind.high), "unit": page.unit(kind.unit)} if kind is not None else {}
        told = {"field": page.word("observation", code), "value": exc.fields.get("text", "")}
        page.say(f"observe-bad-{exc.fields.get('why', 'number')}", "danger", **bounds, **told)
        return page.back(here)
    with transaction(who) as tx:
        patients.get(tx, patient_id)
        recorded = observations.enter(tx, who, record_id=record_id, patient=patient_id, code=code, value=value)
    if recorded.discrepancies:
        page.say("observe-doubted", "warning")
    else:
        page.say("observe-done", name=page.word("observation", code), value=page.amount(value))
    return page.back(here)


def _names(
    tx: Transaction,
    views: Iterable[OrderView],
    versions: Mapping[str, tuple[VersionView, ...]],
    doses: Iterable[Dose],
    questions: Iterable[Question],
    others: Iterable[str | None] = (),
) -> dict[str, str]:
    people: set[str | None] = set(others)
    for view in views:
        people |= {view.order.prescriber, view.verification_by}
    for listed in versions.values():
        people |= {version.by for version in listed}
    for dose in doses:
        people |= {dose.record.nurse, dose.record.witness}
    for question in questions:
        people |= {question.asked_by, question.answered_by}
    return views_pharmacy.names(tx, people)
