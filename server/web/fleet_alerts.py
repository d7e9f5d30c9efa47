"""Alerts of the fleet: what is wrong with carts now, who looks after it, and the rules that find it. Names no patient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import MessageError, NotFoundError, PointOfCareError
from server.security import person
from server.security.permissions import MANAGE_MACHINES, SEE_FLEET
from server.security.person import actor, requires
from server.store import alert_rules, cart_alerts, patients, views_pharmacy
from server.store.alert_rules import Rule
from server.store.cart_alerts import Alert, Wanted
from server.store.transaction import Transaction, reading, transaction
from server.usecases import alert_rules as verbs
from server.usecases.alert_rules import MEASURES
from server.web import faults, fleet, page

room = Blueprint("fleet_alerts", __name__, url_prefix="/fleet/alerts")
SHOWN = 50
STATES = ("", "open", "snoozed", "resolved")
SEVERITIES = ("critical", "warning")
SNOOZES_H = (1, 4, 8, 24, 72, 168)
# What carts raise themselves; what rules find is named by their measures.
OWN_CODES = (
    "battery-low", "camera-fault", "certificate-ends", "chart-old", "clock-offset", "disk-low", "drawer-left-open", "journal-fault",
    "mcu-down", "records-unsent",
)  # fmt: skip


@room.get("/")
@requires(SEE_FLEET)
def listed() -> str:
    chosen = {name: request.args.get(name, "")[:64] for name in ("state", "severity", "ward", "code", "cart")}
    chosen = {name: value for name, value in chosen.items() if value and (name != "state" or value in STATES)}
    told = request.args.get("page", "1")
    number = min(max(int(told), 1), 10_000) if told.isascii() and told.isdigit() and len(told) < 6 else 1
    with reading(actor()) as tx:
        alerts, found = cart_alerts.listed(tx, Wanted(**chosen), limit=SHOWN, offset=(number - 1) * SHOWN)
        counts = cart_alerts.counted(tx)
        wards = patients.wards(tx)
        people = {one for alert in alerts for one in (alert.snoozed_by, alert.acknowledged_by) if one}
        names = views_pharmacy.names(tx, people)
        lost = alert_rules.given_up(tx)
        now = tx.at
    return page.render(
        "fleet_alerts.html",
        alerts=alerts,
        number=number,
        found=found,
        pages=max(1, -(-found // SHOWN)),
        chosen=chosen,
        counts=counts,
        wards=wards,
        names=names,
        now=now,
        lost=lost,
        states=STATES[1:],
        severities=SEVERITIES,
        codes=sorted({*OWN_CODES, *MEASURES}, key=lambda code: page.word("alert", code).casefold()),
        snoozes=SNOOZES_H,
        named=_named,
        tabs=fleet.tabs(),
        may_change=person.may(MANAGE_MACHINES),
    )


@room.post("/<int:alert_id>/acknowledge")
@requires(MANAGE_MACHINES)
def acknowledge(alert_id: int) -> BaseResponse:
    return _done(lambda tx: verbs.acknowledge(tx, alert_id, by=actor().id), "alert-acknowledged", _back())


@room.post("/<int:alert_id>/snooze")
@requires(MANAGE_MACHINES)
def snooze(alert_id: int) -> BaseResponse:
    hours, reason = request.form.get("hours", ""), request.form.get("reason", "")
    said = "alert-snooze-ended" if hours == "0" else "alert-snoozed"
    return _done(lambda tx: verbs.snooze(tx, alert_id, hours=hours, reason=reason, by=actor().id), said, _back())


@room.get("/rules")
@requires(SEE_FLEET)
def rules() -> str:
    return _rules()


def _rules(*, problems: dict[str, str] | None = None) -> str:
    with reading(actor()) as tx:
        found = alert_rules.rules(tx)
        notices = alert_rules.notices(tx, limit=10)
        names = views_pharmacy.names(tx, {rule.changed_by for rule in found})
        wards = patients.wards(tx)
    return page.render(
        "fleet_alert_rules.html",
        rules=found,
        tabs=fleet.tabs(),
        notices=notices,
        names=names,
        wards=wards,
        cells=request.form if problems else {},
        problems=problems or {},
        measures=MEASURES,
        rule=None,
        shown=_shown,
        channels=verbs.CHANNELS,
        usable=page.config().alerts.channels,
        severities=SEVERITIES,
        may_change=person.may(MANAGE_MACHINES),
    )


@room.get("/rules/<int:rule_id>")
@requires(MANAGE_MACHINES)
def rule(rule_id: int) -> str:
    return _rule(rule_id)


def _rule(rule_id: int, *, problems: dict[str, str] | None = None) -> str:
    with reading(actor()) as tx:
        found = _found(tx, rule_id)
        wards = patients.wards(tx)
    cells = request.form if problems else _cells(found)
    return page.render(
        "fleet_alert_rule.html",
        rule=found,
        wards=wards,
        cells=cells,
        problems=problems or {},
        measures=MEASURES,
        channels=verbs.CHANNELS,
        usable=page.config().alerts.channels,
        severities=SEVERITIES,
        may_change=True,
    )


@room.post("/rules")
@requires(MANAGE_MACHINES)
def add() -> BaseResponse | tuple[str, int]:
    try:
        with transaction(actor()) as tx:
            verbs.keep(tx, _read(tx, None), by=actor().id)
    except MessageError as exc:
        return _rules(problems=_told(exc)), 422
    page.say("rule-kept")
    return page.back(url_for("fleet_alerts.rules"))


@room.post("/rules/<int:rule_id>")
@requires(MANAGE_MACHINES)
def change(rule_id: int) -> BaseResponse | tuple[str, int]:
    try:
        with transaction(actor()) as tx:
            verbs.keep(tx, _read(tx, _found(tx, rule_id)), by=actor().id)
    except MessageError as exc:
        return _rule(rule_id, problems=_told(exc)), 422
    page.say("rule-kept")
    return page.back(url_for("fleet_alerts.rules"))


@room.post("/rules/<int:rule_id>/remove")
@requires(MANAGE_MACHINES)
def remove(rule_id: int) -> BaseResponse:
    return _done(lambda tx: verbs.remove(tx, rule_id, by=actor().id), "rule-removed", url_for("fleet_alerts.rules"))


@room.post("/notices/<int:notice_id>/again")
@requires(MANAGE_MACHINES)
def again(notice_id: int) -> BaseResponse:
    return _done(lambda tx: verbs.send_again(tx, notice_id), "notice-again", url_for("fleet_alerts.rules"))


def _read(tx: Transaction, before: Rule | None) -> Rule:
    wards = {line.id for line in patients.wards(tx)}
    return verbs.read(request.form, request.form.getlist("channels"), wards, before=before)


def _found(tx: Transaction, rule_id: int) -> Rule:
    found = alert_rules.rule(tx, rule_id)
    if found is None:
        raise NotFoundError("there is no such rule", rule=str(rule_id))
    return found


def _cells(rule: Rule) -> dict[str, Any]:
    plain = {name: str(getattr(rule, name)) for name in ("name", "measure", "ward", "hold_min", "severity")}
    levels = {name: _shown(getattr(rule, name)) for name in ("set_level", "clear_level")}
    return {**plain, **levels, "channels": list(rule.channels), "enabled": "yes" if rule.enabled else ""}


def _shown(value: float) -> str:
    return page.rounded(value, 1)


def _named(alert: Alert) -> str:
    """What a person calls it: by the rule's own name, else by the code."""
    told = alert.details.get("rule")
    return str(told) if told else page.word("alert", alert.code)


def _done(verb: Callable[[Transaction], object], said: str, back: str) -> BaseResponse:
    """Does it and says so, or says why not; back to where it was asked."""
    try:
        with transaction(actor()) as tx:
            verb(tx)
    except MessageError as exc:
        page.say_plain("; ".join(_told(exc).values()))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say(said)
    return page.back(back)


def _back() -> str:
    """The list as it was filtered; nothing else is taken from the form."""
    chosen = {name: request.form.get(f"look-{name}", "")[:64] for name in ("state", "severity", "ward", "code", "cart")}
    given: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    return url_for("fleet_alerts.listed", **given)


def _told(exc: MessageError) -> dict[str, str]:
    return {name: page.t(code) for name, code in exc.problems}
