"""Two records of one person, side by side, before they become one; and the way back while nothing has come since."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security import viewing
from server.security.permissions import MERGE_RECORDS
from server.security.person import actor, requires
from server.store import identities, merges, patients, views_patients
from server.store.transaction import reading, transaction
from server.usecases import admission, merge
from server.web import page
from server.web.admission import told

room = Blueprint("merging", __name__, url_prefix="/admission/merge")

_MOST_OFFERED = 20


@room.get("/<patient_id>")
@requires(MERGE_RECORDS)
def form(patient_id: str) -> str:
    """Without another record: who it may be, by number or name. With one: both, side by side."""
    return _form(patient_id, request.args.get("with", "")[:64])


def _form(patient_id: str, other: str, *, keep: str = "", reason: str = "") -> str:
    wanted = request.args.get("q", "").strip()[:100]
    with reading(actor()) as tx:
        patient = patients.get(tx, patient_id)
        comparison, fault = None, ""
        if other:
            try:
                comparison = merge.compare(tx, patient_id, other)
            except PointOfCareError as exc:
                fault = told(exc)
        found: tuple[views_patients.PatientLine, ...] = ()
        if wanted and comparison is None:
            found = views_patients.find(tx, text=wanted, admitted_only=False, limit=_MOST_OFFERED)
        likely = admission.likely_same(tx, patient.name, patient.birth_date) if comparison is None else ()
        near = identities.for_readmission(tx, [one for one in likely if one != patient_id])
        beside = admission.alike_in_ward(tx, patient.ward, patient_id) if comparison is None else ()
    viewing.seen(patients=[patient_id, *([other] if comparison is not None else [one.id for one in found])])
    offered = {one.id: one for one in (*near, *beside)} | {one.id: one for one in found if one.id != patient_id}
    return page.render(
        "merge.html",
        patient=patient,
        comparison=comparison,
        fault=fault,
        other=other,
        offered=list(offered.values()),
        q=wanted,
        keep=keep,
        reason=reason,
        kinds=("orders", *(table.__tablename__ for table in merges.MOVED)),
    )


@room.post("/<patient_id>")
@requires(MERGE_RECORDS)
def join(patient_id: str) -> str | BaseResponse | tuple[str, int]:
    who = actor()
    other, keep = request.form.get("with", "")[:64], request.form.get("keep", "")
    if keep not in (patient_id, other) or "sure" not in request.form or not request.form.get("reason", "").strip():
        page.say("merge-fault-choose", "danger")
        return _form(patient_id, other, keep=keep, reason=request.form.get("reason", "")), 422
    gone = other if keep == patient_id else patient_id
    try:
        with transaction(who) as tx:
            merge.merge(tx, who, kept=keep, gone=gone, reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(told(exc))
        return _form(patient_id, other, keep=keep, reason=request.form.get("reason", "")), 409
    page.say("merge-done")
    return page.back(url_for("identity.show", patient_id=keep))


@room.post("/undo/<int(max=2147483647):merge_id>")
@requires(MERGE_RECORDS)
def undo(merge_id: int) -> BaseResponse:
    who = actor()
    with reading(who) as tx:
        found = merges.get(tx, merge_id)
    if not request.form.get("reason", "").strip():
        page.say("merge-fault-reason", "danger")
        return page.back(url_for("identity.show", patient_id=found.kept, _anchor="merges"))
    try:
        with transaction(who) as tx:
            merge.undo(tx, who, merge_id, reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(told(exc))
    else:
        page.say("merge-undone")
    return page.back(url_for("identity.show", patient_id=found.kept))
