"""The EMR worklist: what waits, what was sent, and what is parked until a person has looked."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security import viewing
from server.security.permissions import REQUEUE, SEE_EMR
from server.security.person import actor, requires
from server.store import outbox
from server.store.transaction import reading, transaction
from server.usecases import outbox as verbs
from server.web import faults, page

room = Blueprint("emr", __name__, url_prefix="/emr")

STATES = (outbox.PARKED, outbox.PENDING, outbox.SENT)


@room.get("/")
@requires(SEE_EMR)
def worklist() -> Response | str:
    state = request.args.get("state", "")
    with reading(actor()) as tx:
        items = outbox.worklist(tx, state=state if state in STATES else None, limit=200)
        counts = outbox.counts(tx)
        waiting = outbox.waiting(tx)
        reasons = outbox.parked_reasons(tx)
    patients = [item.record.patient for item in items if item.record.patient]
    viewing.seen(patients=patients, count=len(items))
    return page.live(
        "emr.html",
        "_emr.html",
        items=items,
        counts=counts,
        is_late=waiting.is_late,
        reasons=[(one, fault(one.code), one.code not in verbs.ONE_BY_ONE) for one in reasons],
        most=verbs.MOST,
        fault=fault,
        state=state,
        states=STATES,
    )


def fault(code: str | None) -> str:
    """Why a record waits or is parked, in words; a code that has none is told as it is."""
    plain = code or "none"
    return page.t(f"emr-fault-{plain}") if page.has(f"emr-fault-{plain}") else page.t("emr-fault-other", reason=plain)


@room.post("/<int(max=2147483647):item>/requeue")
@requires(REQUEUE)
def requeue(item: int) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.requeue(tx, who, item, rebuild=request.form.get("rebuild") == "yes")
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-requeue")
    return page.back(url_for("emr.worklist", state=request.form.get("state") or None))


@room.post("/requeue")
@requires(REQUEUE)
def requeue_all() -> BaseResponse:
    """Everything that is parked for one reason."""
    who = actor()
    try:
        with transaction(who) as tx:
            count = verbs.requeue_all(tx, who, request.form.get("code", ""), rebuild=request.form.get("rebuild") == "yes")
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-requeue-all", count=count)
    return page.back(url_for("emr.worklist", state=request.form.get("state") or None))
