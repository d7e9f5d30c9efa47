"""Work: the tasks that wait for this person, by kind, each with its age and the time by which an answer is owed; and what the ward owes
by the clock (overdue doses, effects). An answer names the revision that was on the screen.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, g, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from pointofcare.labels.scan import SiteProfile
from pointofcare.people import StaffRole
from server.security import person, viewing
from server.security.permissions import CLOSE_DOSES, SEE_WORK
from server.security.person import actor, requires
from server.store import bedside, orders, products, tasks, views_patients, views_pharmacy, views_work
from server.store import policies as stored_policies
from server.store.tasks import Task
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import corrections, overdue, task_kinds
from server.usecases import tasks as verbs
from server.usecases.facts import Site
from server.web import faults, page

room = Blueprint("work", __name__, url_prefix="/work")

SHOWN = 60
VIEWS = ("open", "overdue", "effects", "done")
LONGEST_REPORT = timedelta(days=92)
COLUMNS = (
    "record_id", "ward", "patient", "mrn", "order", "drug", "status", "status_reason", "due", "at", "minutes", "outside_window", "nurse",
    "nurse_name",
)  # fmt: skip


def waiting() -> tuple[int, int] | None:
    """For the menu: how many tasks are this person's own to answer, and how many of these are late. Read once a request; None where
    the person has none of the kinds, or the store could not say."""
    if "pointofcare_waiting" not in g:
        who = actor()
        kinds = task_kinds.answered_by(who.roles)
        found: tuple[int, int] | None = None
        if kinds:
            with reading(who) as tx:
                counted = tasks.counts(tx, kinds)
            found = (sum(number for number, _ in counted.values()), sum(late for _, late in counted.values()))
        g.pointofcare_waiting = found
    answer: tuple[int, int] | None = g.pointofcare_waiting
    return answer


@room.get("/")
@requires(SEE_WORK)
def show() -> Response | str:
    who = actor()
    seen = task_kinds.seen_by(who.roles)
    view = request.args.get("view", "")
    if view not in VIEWS or (view in ("open", "done") and not seen):
        view = "open" if seen else "overdue"
    kind = request.args.get("kind", "")
    kinds = (kind,) if kind in seen else seen
    is_part = request.args.get("part") == "live"
    with reading(who) as tx:
        wards = views_patients.wards(tx)
        ward = request.args.get("ward", "")
        ward = ward if ward in {line.id for line in wards} else ""
        context: dict[str, Any] = {"counts": tasks.counts(tx, seen, ward=ward or None), "seen": seen, "ward": ward}
        if not is_part:
            context |= _list(tx, who, view, kinds, ward, late="late" in request.args)
    viewing.seen(ward=str(context["ward"]), count=_number(context))
    return page.live(
        "work.html",
        "_work_counts.html",
        arguments=None,
        view=view,
        views=VIEWS if seen else VIEWS[1:3],
        kind=kind if kind in seen else "",
        wards=wards,
        late="late" in request.args,
        now=tx.at,
        **context,
    )


def _list(tx: Transaction, who: Actor, view: str, kinds: Sequence[str], ward: str, *, late: bool) -> dict[str, object]:
    if view == "effects":
        policies = stored_policies.in_force_everywhere(tx, [ward] if ward else [one.id for one in views_patients.wards(tx)])
        since = tx.at - max(policy.effect_look_back for policy in policies.values())
        effects = overdue.effects(views_work.effects_owed(tx, ward=ward or None, since=since), policies=policies, now=tx.at)
        return {"effects": effects, "names": views_pharmacy.names(tx, {one.dose.nurse for one in effects})}
    if view == "overdue":
        zones = {line.id: line.timezone for line in views_patients.wards(tx)}
        chosen = ward or next(iter(zones), "")
        found = overdue.Overdue(doses=(), unknown=())
        if chosen:
            zone = zones[chosen] or page.config().timezone
            look = bedside.of_ward(tx, chosen)
            found = overdue.doses(look, policy=products.policy(tx, chosen), zone=zone, now=tx.at, changed=orders.changed(tx, look.orders))
        return {"overdue": found, "reasons": corrections.NOT_GIVEN_REASONS, "ward": chosen}
    after = request.args.get("after", "")
    listed = tasks.listed(
        tx,
        kinds=kinds,
        is_open=view == "open",
        ward=ward or None,
        late=late and view == "open",
        after=int(after) if after.isascii() and after.isdigit() and len(after) < 18 else None,
        limit=SHOWN,
    )
    return {"tasks": listed, "more": listed[-1].id if len(listed) == SHOWN and view == "done" else None, **_around(tx, who, listed)}


def _number(context: Mapping[str, Any]) -> int:
    """Lines of the list that is shown."""
    found = context["overdue"].doses if "overdue" in context else context.get("effects", context.get("tasks", ()))
    return len(found)


def _around(tx: Transaction, who: Actor, listed: Sequence[Task]) -> dict[str, object]:
    """What stands beside each task: its steps, names, and the formulary where a barcode is to be linked."""
    steps = tasks.steps(tx, [task.id for task in listed])
    people = {task.answered_by for task in listed} | {str(task.detail.get("nurse") or "") for task in listed}
    people |= {step.by for found in steps.values() for step in found}
    return {
        "steps": steps,
        "names": views_pharmacy.names(tx, people),
        "kinds": task_kinds.KINDS,
        "answers": {task.id: _answers(who, task) for task in listed},
        "at": _moment,
    }


# The prescriber's page shows tasks too.
around = _around


def _answers(who: Actor, task: Task) -> tuple[task_kinds.Answer, ...]:
    kind = task_kinds.KINDS.get(task.kind)
    if kind is not None and kind.not_by_doer and task.detail.get("nurse") == who.id:
        return ()
    found = task_kinds.answers(task.kind, task.status, who.roles)
    if task.kind == task_kinds.UNKNOWN_BARCODE:
        # Matching has a page of its own, with the product beside the code.
        return tuple(one for one in found if one.code == "not-ours")
    return found


def _moment(text: object) -> datetime | None:
    """A moment of a task's detail."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


@room.post("/<int(max=2147483647):task_id>")
@requires(SEE_WORK)
def answer(task_id: int) -> BaseResponse | str:
    """htmx gets the task as it is now; a plain form is led back to the list."""
    who = actor()
    code, revision = request.form.get("answer", ""), request.form.get("revision", "")
    kind, said = "danger", ""
    if not (revision.isascii() and revision.isdigit()) or len(revision) > 9:
        said = page.t("form-broken")
    else:
        try:
            with transaction(who) as tx:
                if tasks.get(tx, task_id).kind not in task_kinds.seen_by(who.roles):
                    raise NotFoundError(f"task {task_id} does not exist", remedy="look at the list again", task=task_id)
                verbs.answer(
                    tx,
                    who,
                    task_id,
                    revision=int(revision),
                    code=code,
                    words=request.form.get("text", ""),
                    product=request.form.get("product", "").strip() or None,
                )
            kind, said = "success", page.t("done-task")
        except PointOfCareError as exc:
            said = faults.told(exc)
    if "HX-Request" not in request.headers:
        page.say_plain(said, kind)
        return page.back(url_for("work.show", **_filters()))
    with reading(who) as tx:
        task = tasks.get(tx, task_id)
        if task.kind not in task_kinds.seen_by(who.roles):
            return page.render("_work_gone.html", said=said, said_kind=kind)
        around = _around(tx, who, [task])
    viewing.seen(patient=task.patient, ward=task.ward, count=1)
    return page.render("_task.html", task=task, now=tx.at, said=said, said_kind=kind, **around)


def _filters() -> dict[str, Any]:
    return {name: request.form[f"at_{name}"] for name in ("kind", "ward", "view") if request.form.get(f"at_{name}")}


@room.post("/overdue")
@requires(CLOSE_DOSES)
def close() -> BaseResponse:
    who = actor()
    ward = request.form.get("ward", "")
    due = _moment(request.form.get("due", ""))
    if due is None:
        page.say("form-broken", "danger")
    else:
        try:
            with transaction(who) as tx:
                code, words = request.form.get("reason", ""), request.form.get("text", "")
                corrections.close_overdue(tx, who, request.form.get("order", ""), due, code=code, words=words, site=site())
        except PointOfCareError as exc:
            page.say_plain(faults.told(exc))
        else:
            page.say("done-close-dose")
    return page.back(url_for("work.show", view="overdue", ward=ward or None))


@room.post("/records/<record_id>/withdraw")
@requires(SEE_WORK)
def withdraw(record_id: str) -> BaseResponse:
    """S2: by who gave it, or a charge nurse; the verb decides."""
    who = actor()
    patient = request.form.get("patient", "")
    try:
        with transaction(who) as tx:
            corrections.withdraw(tx, who, record_id, why=request.form.get("text", ""), site=site())
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-withdraw")
    return page.back(url_for("patients.show", patient_id=patient, _anchor="doses") if patient else url_for("work.show"))


def site() -> Site:
    config = page.config()
    profile = SiteProfile(mrn_pattern=config.site.mrn_pattern, badge_prefix=config.site.badge_prefix)
    return Site(profile=profile, timezone=config.timezone)


@room.get("/variance.csv")
@requires(SEE_WORK)
def variance() -> Response:
    """T1: how many minutes each dose was early or late, for a period of days in the hospital's time."""
    since, until = period(request.args, days=7)
    with reading(actor()) as tx:
        found = views_work.timed(tx, ward=request.args.get("ward") or None, since=since, until=until)
    viewing.seen(patients=[one.patient for one in found], ward=request.args.get("ward"), count=len(found))
    rows = [
        (
            one.record_id, one.ward, one.patient, one.mrn, one.order, one.display, one.status, one.status_reason, one.due.isoformat(),
            one.at.isoformat(), one.minutes, "yes" if one.outside else "no", one.nurse, one.nurse_name,
        )
        for one in found
    ]  # fmt: skip
    return spreadsheet("variance.csv", COLUMNS, rows)


def period(asked: Mapping[str, str], *, days: int) -> tuple[datetime, datetime]:
    """From the start of day `from` to the end of day `to`, in the hospital's zone; by default the last `days` days. Never longer than
    `LONGEST_REPORT`, so that no report reads without end."""
    zone = page.zone()
    today = datetime.now(UTC).astimezone(zone).date()
    last = _day(asked.get("to", "")) or today
    first = _day(asked.get("from", "")) or last - timedelta(days=days - 1)
    first, last = min(first, last), max(first, last)
    first = max(first, last - LONGEST_REPORT)
    begin = datetime.combine(first, time(), tzinfo=zone)
    return begin.astimezone(UTC), datetime.combine(last + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found <= date(2200, 1, 1) else None


def spreadsheet(name: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Response:
    """A CSV file with a mark of its encoding, so that a spreadsheet reads names right. No cell runs as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_plain(value) for value in row])
    return Response("\ufeff" + out.getvalue(), mimetype="text/csv", headers={"Content-Disposition": f"attachment; filename={name}"})


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def may_withdraw(record_nurse: str) -> bool:
    """Is the form shown? The verb decides."""
    who = actor()
    return person.may(SEE_WORK) and (who.id == record_nurse or who.has(StaffRole.CHARGE_NURSE))
