"""Who did and saw what, whether it is sealed, the newest checkpoint to print, and messages that could not be understood.

Nothing here can be changed or deleted, and looking at it is audited too.
"""

from __future__ import annotations

import json
from datetime import timedelta

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server.security import audit_check, signing, viewing
from server.security.permissions import SEE_AUDIT, SEE_REJECTED
from server.security.person import actor, requires
from server.store import audit, audit_log, views_fleet, views_log, views_pharmacy
from server.store.transaction import reading
from server.store.views_log import LogLine, Wanted
from server.web import page
from server.web.work import period, spreadsheet

room = Blueprint("audit", __name__, url_prefix="/audit")

PER_PAGE = 100
MOST_EXPORTED = 50_000
# A longer log is verified by the command, which takes its time outside of the pages.
MOST_VERIFIED = 50_000
FAULTS_SHOWN = 20
DAYS = 7
GROUPS = ("view", "order", "administration", "patient", "staff", "policy", "task", "bag", "product", "machine", "command", "audit")
COLUMNS = ("id", "at", "person", "name", "roles", "place", "action", "subject", "detail", "sealed_at_place")


@room.get("/")
@requires(SEE_AUDIT)
def entries() -> str:
    wanted = _wanted()
    with reading(actor()) as tx:
        found = views_log.lines(tx, wanted, limit=PER_PAGE)
        names = views_pharmacy.names(tx, {entry.actor for entry in found})
        newest = audit_log.latest(tx)
        unsealed = views_log.unsealed_count(tx)
    viewing.seen(count=len(found))
    return page.render(
        "audit.html",
        entries=found,
        names=names,
        wanted=wanted,
        asked={name: request.args.get(name, "") for name in ("actor", "patient", "action", "subject", "from", "to")},
        days=_days(wanted),
        groups=GROUPS,
        newest=newest,
        unsealed=unsealed if unsealed < views_log.MOST_COUNTED else f"{unsealed}+",
        words=words,
        older=found[-1].id if len(found) == PER_PAGE else None,
        address={name: value for name, value in request.args.items() if name != "before" and value},
    )


@room.get("/audit.csv")
@requires(SEE_AUDIT)
def export() -> Response:
    with reading(actor()) as tx:
        found = views_log.lines(tx, _wanted(), limit=MOST_EXPORTED)
        names = views_pharmacy.names(tx, {entry.actor for entry in found})
    viewing.seen(count=len(found))
    return spreadsheet("audit.csv", COLUMNS, [_row(one, names.get(one.actor, "")) for one in found])


def _row(one: LogLine, name: str) -> tuple[object, ...]:
    detail = json.dumps(one.detail, ensure_ascii=False, sort_keys=True)
    sealed = "" if one.sealed is None else one.sealed
    return one.id, one.at.isoformat(), one.actor, name, one.roles, one.place, one.action, one.subject, detail, sealed


@room.get("/checkpoint")
@requires(SEE_AUDIT)
def checkpoint() -> str:
    """To print and to keep elsewhere: with it a log that was cut off is found."""
    with reading(actor()) as tx:
        newest = audit_log.latest(tx)
    viewing.seen(count=0 if newest is None else newest.size)
    return page.render("audit_checkpoint.html", newest=newest)


@room.post("/verify")
@requires(SEE_AUDIT)
def verify() -> BaseResponse:
    """Recomputes every leaf and root of a log of bounded length."""
    who = actor()
    with reading(who) as tx:
        size = audit_log.reach(tx)
        if size > MOST_VERIFIED:
            page.say("audit-too-long", "warning", n=size)
            return page.back(url_for("audit.entries"))
        result = audit_check.check(audit_log.lines(tx), signing.load(page.config().signing_key).key)
    told = {"entries": result.entries, "checkpoints": result.checkpoints, "unsealed": result.unsealed, "faults": len(result.faults)}
    audit.note(who, "audit.verify", "audit", {**told, "first": result.faults[:1]})
    if not result.faults:
        page.say("audit-whole", entries=result.entries, checkpoints=result.checkpoints)
    for fault in result.faults[:FAULTS_SHOWN]:
        page.say("audit-broken", "danger", fault=fault)
    return page.back(url_for("audit.entries"))


def words(action: str) -> str:
    """What an action is called; a code is never shown."""
    for code in (f"audited-{action.replace('.', '-')}", f"audited-{action.split('.')[0]}-any"):
        if page.has(code):
            return page.t(code)
    return page.t("audited-other")


def _wanted() -> Wanted:
    """Of the last days, unless others are asked for; of any day where a page is continued or one thing is followed."""
    before = request.args.get("before", "")
    asked = request.args
    subject = asked.get("subject", "").strip()[:200]
    since, until = period(asked, days=DAYS)
    everything = bool(subject) and not asked.get("from") and not asked.get("to")
    return Wanted(
        person=asked.get("actor", "").strip()[:64],
        patient=asked.get("patient", "").strip()[:64],
        action=asked.get("action", "").strip()[:64],
        subject=subject,
        since=None if everything else since,
        until=None if everything else until,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
    )


def _days(wanted: Wanted) -> tuple[str, str]:
    if wanted.since is None or wanted.until is None:
        return "", ""
    zone = page.zone()
    last = wanted.until - timedelta(seconds=1)
    return wanted.since.astimezone(zone).date().isoformat(), last.astimezone(zone).date().isoformat()


@room.get("/rejected")
@requires(SEE_REJECTED)
def rejected() -> Response | str:
    with reading(actor()) as tx:
        found = views_fleet.rejected(tx)
    viewing.seen(count=len(found))
    return page.live("rejected.html", "_rejected.html", messages=found)
