"""Finding a patient, and one patient's medication record: orders with their versions, doses with who, when, lot and verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint, request

from pointofcare.errors import NotFoundError
from pointofcare.orders.order import OrderStatus
from server.security import person
from server.security.permissions import PLACE_ORDERS, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import bedside, orders, views_patients, views_pharmacy
from server.store.orders import OrderView, Question, VersionView
from server.store.transaction import Transaction, reading
from server.store.views_patients import Dose
from server.web import page, sentences

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
        found = views_patients.find(tx, text=text, ward=ward or None, admitted_only="all" not in request.args, limit=200)
        asked = views_pharmacy.open_questions(tx) if person.may(PLACE_ORDERS) else ()
        names = views_pharmacy.names(tx, [question.asked_by for question, _ in asked])
    return page.render(
        "patients.html", found=found, asked=asked, names=names, q=text, wards=wards, ward=ward, everybody="all" in request.args
    )


@room.get("/<patient_id>")
@requires(SEE_PATIENTS)
def show(patient_id: str) -> str:
    before = views_patients.place_in_doses(request.args.get("before", ""))
    with reading(actor()) as tx:
        patient = bedside.of_patient(tx, patient_id).patients
        if not patient:
            raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
        views = orders.of_patient(tx, patient_id)
        versions = views_pharmacy.versions_of_patient(tx, patient_id)
        questions = orders.questions(tx, [view.order.id for view in views]) if views else ()
        doses, following = views_patients.doses(tx, patient=patient_id, before=before, limit=DOSES_PER_PAGE)
        names = _names(tx, views, versions, doses, questions)
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
    )


def _names(
    tx: Transaction,
    views: Iterable[OrderView],
    versions: Mapping[str, tuple[VersionView, ...]],
    doses: Iterable[Dose],
    questions: Iterable[Question],
) -> dict[str, str]:
    people: set[str | None] = set()
    for view in views:
        people |= {view.order.prescriber, view.verification_by}
    for listed in versions.values():
        people |= {version.by for version in listed}
    for dose in doses:
        people |= {dose.record.nurse, dose.record.witness}
    for question in questions:
        people |= {question.asked_by, question.answered_by}
    return views_pharmacy.names(tx, people)
