"""The prescriber's page: what waits for this prescriber, and the doses of the own patients that were not given, with who has seen it.

Each part stands where it is answered; nothing here decides for the prescriber, and looking at the page marks nothing as seen.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security import viewing
from server.security.permissions import PLACE_ORDERS
from server.security.person import actor, requires
from server.store import tasks, views_patients, views_pharmacy, views_prescriber
from server.store.orders import OrderView
from server.store.transaction import reading, transaction
from server.usecases import prescribing, task_kinds
from server.web import faults, page, work

room = Blueprint("prescriber", __name__, url_prefix="/prescriber")

LOOK_BACK = timedelta(hours=48)
SHOWN = 60


@room.get("/")
@requires(PLACE_ORDERS)
def show() -> str:
    who = actor()
    mine = request.args.get("whose", "mine") != "all"
    with reading(who) as tx:
        wards = views_patients.wards(tx)
        ward = request.args.get("ward", "")
        ward = ward if ward in {line.id for line in wards} else ""
        owed = task_kinds.answered_by(who.roles)
        listed = tasks.listed(tx, kinds=owed, ward=ward or None, limit=SHOWN) if owed else ()
        listed = tuple(one for one in listed if task_kinds.answers(one.kind, one.status, who.roles))
        refused = views_prescriber.not_given(tx, since=tx.at - LOOK_BACK, prescriber=who.id if mine else None, ward=ward or None)
        asked = views_pharmacy.open_questions(tx)
        here = views_prescriber.prescribers(tx)
        asked = tuple(one for one in asked if not (mine and _is_others(one[1], who.id, here)) and (not ward or one[1].ward == ward))
        people: set[str | None] = set()
        for one in refused:
            people |= {one.nurse, one.prescriber, *(person for person, _ in one.seen)}
        people |= {question.asked_by for question, _ in asked}
        names = views_pharmacy.names(tx, people)
        around = work.around(tx, who, listed)
        now = tx.at
    shown = [one.patient for one in listed if one.patient] + [one.patient for one in refused] + [view.order.patient for _, view in asked]
    viewing.seen(patients=shown, ward=ward, count=len(shown))
    return page.render(
        "prescriber.html",
        **{**around, "names": {**names, **around["names"]}},  # type: ignore[dict-item]
        tasks=listed,
        refused=refused,
        unseen=sum(all(person != who.id for person, _ in one.seen) for one in refused),
        asked=asked,
        wards=wards,
        ward=ward,
        mine=mine,
        me=who.id,
        now=now,
        hours=int(LOOK_BACK.total_seconds() // 3600),
    )


def _is_others(view: OrderView, me: str, here: Collection[str]) -> bool:
    """Of another prescriber who works here; what names nobody of the house is everybody's."""
    return view.order.prescriber != me and view.order.prescriber in here


@room.post("/seen/<record_id>")
@requires(PLACE_ORDERS)
def see(record_id: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            prescribing.see(tx, who, record_id)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("prescriber-seen")
    back = {name: request.form[f"at_{name}"] for name in ("ward", "whose") if request.form.get(f"at_{name}")}
    return page.back(url_for("prescriber.show", _anchor="refused", **back))  # type: ignore[arg-type]
