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
    viewing.seen(patients=[item.record.patient for item in items if item.record is not None], count=len(items))
    return page.live("emr.html", "_emr.html", items=items, counts=counts, state=state, states=STATES)


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
