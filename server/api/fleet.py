"""The fleet over HTTP: carts, their events, charts, alerts, configuration, commands, rollouts and firmware. The same verbs as the pages.

Each cart of a command is authorised for itself by the verb, never here. Nothing here names a patient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from pointofcare.errors import NotFoundError
from pointofcare.wire.messages import TelemetryKind
from server.api import errors
from server.api.resources import _Parser
from server.config import ServerConfig
from server.security import permissions as may
from server.security.person import actor, requires
from server.store import cart_alerts, cart_config, commands, rollouts, telemetry_points, views_carts, views_fleet
from server.store.commands import CartCommand
from server.store.transaction import Transaction, reading, transaction
from server.store.views_carts import CONDITIONS, SORTS, TOLD, FleetLine
from server.usecases import cart_commands, fleet_battery, fleet_drift
from server.usecases import firmware as releases
from server.usecases import rollouts as rollout_verbs

LEVEL = validate.Length(min=1, max=64)
TEXT = validate.Length(max=200)
_RAW: dict[str, Any] = {"keys": fields.String(), "values": fields.Raw(allow_none=True)}


class FleetCartQuerySchema(Schema):
    """The filters of the page: each takes one of its words, or "" for all."""

    state = fields.String(load_default="", validate=validate.OneOf(["", *CONDITIONS["state"]]))
    charge = fields.String(load_default="", validate=validate.OneOf(["", *CONDITIONS["charge"]]))
    health = fields.String(load_default="", validate=validate.OneOf(["", *CONDITIONS["health"]]))
    drift = fields.String(load_default="", validate=validate.OneOf(["", *CONDITIONS["drift"]]))
    alert = fields.String(load_default="", validate=validate.OneOf(["", *CONDITIONS["alert"]]))
    certificate = fields.String(load_default="", validate=validate.OneOf(["", *CONDITIONS["certificate"]]))
    seen = fields.String(load_default="", validate=validate.OneOf(["", *CONDITIONS["seen"]]))
    ward = fields.String(load_default="", validate=TEXT)
    app = fields.String(load_default="", validate=TEXT)
    mcu = fields.String(load_default="", validate=TEXT)
    q = fields.String(load_default="", validate=TEXT)
    sort = fields.String(load_default="id", validate=validate.OneOf(list(SORTS)))
    desc = fields.Boolean(load_default=False)
    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=1000))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=500))


class FleetCartSchema(Schema):
    """What is None is not known."""

    id = fields.String()
    ward = fields.String()
    online = fields.Boolean()
    phase = fields.String()
    last_seen_at = fields.AwareDateTime(allow_none=True)
    battery_percent = fields.Float(allow_none=True)
    charging = fields.Boolean(allow_none=True)
    health_percent = fields.Float(allow_none=True)
    battery_cycles = fields.Integer(allow_none=True)
    hours_left = fields.Float(allow_none=True, metadata={"description": "at this cart's own load"})
    replace_on = fields.Date(allow_none=True)
    app_version = fields.String()
    mcu_version = fields.String()
    unsent = fields.Integer(allow_none=True)
    alerts = fields.Integer()
    critical = fields.Integer()
    drift = fields.Boolean(allow_none=True)
    certificate_ends_at = fields.AwareDateTime(allow_none=True)
    tag = fields.String()


class FleetCartPageSchema(Schema):
    items = fields.List(fields.Nested(FleetCartSchema))
    number = fields.Integer(metadata={"description": "how many fit, on all pages"})


class FleetCartDetailSchema(FleetCartSchema):
    versions = fields.Dict(**_RAW)
    hardware = fields.Dict(**_RAW)
    telemetry = fields.Dict(**_RAW)
    update = fields.Dict(**_RAW, allow_none=True, metadata={"description": "of its newest rollout: state, and why it is not updating"})


class FleetEventSchema(Schema):
    epoch = fields.String()
    seq = fields.Integer()
    kind = fields.String()
    at = fields.AwareDateTime()
    received_at = fields.AwareDateTime()
    detail = fields.Dict(**_RAW)


class FleetLimitSchema(Schema):
    limit = fields.Integer(load_default=100, validate=validate.Range(min=1, max=500))


class FleetPointQuerySchema(Schema):
    kind = fields.String(load_default="power", validate=validate.OneOf([kind.value for kind in TelemetryKind]))
    hours = fields.Integer(load_default=24, validate=validate.Range(min=1, max=24 * 90))


class FleetPointSchema(Schema):
    at = fields.AwareDateTime()
    values = fields.Dict(**_RAW)


class FleetDriftSchema(Schema):
    cart = fields.String()
    drift = fields.Boolean(allow_none=True)
    wanted_version = fields.Integer()
    reported_version = fields.Integer(allow_none=True)
    reported_at = fields.AwareDateTime(allow_none=True)
    differences = fields.List(fields.Dict(**_RAW))


class FleetAlertQuerySchema(Schema):
    state = fields.String(load_default="", validate=validate.OneOf(["", "open", "snoozed", "resolved"]))
    severity = fields.String(load_default="", validate=validate.OneOf(["", "warning", "critical"]))
    ward = fields.String(load_default="", validate=TEXT)
    cart = fields.String(load_default="", validate=TEXT)
    limit = fields.Integer(load_default=100, validate=validate.Range(min=1, max=500))


class FleetAlertSchema(Schema):
    id = fields.Integer()
    cart = fields.String()
    code = fields.String()
    severity = fields.String()
    source = fields.String()
    since = fields.AwareDateTime()
    resolved_at = fields.AwareDateTime(allow_none=True)
    snoozed_until = fields.AwareDateTime(allow_none=True)
    acknowledged_by = fields.String(allow_none=True)
    details = fields.Dict(**_RAW)


class FleetCommandAskSchema(Schema):
    name = fields.String(required=True, validate=validate.OneOf(list(cart_commands.KINDS)))
    carts = fields.List(fields.String(validate=LEVEL), load_default=list, validate=validate.Length(max=cart_commands.MOST_AT_ONCE))
    ward = fields.String(load_default="", validate=TEXT, metadata={"description": "every cart of this ward, in place of `carts`"})
    params = fields.Dict(**_RAW, load_default=dict, metadata={"description": "`drawer` of lock and unlock, `lasts_s` of locate"})


class FleetCommandSchema(Schema):
    """`state` says what is known now: `outcome-unknown` that it was sent and nobody can say whether it was done."""

    id = fields.String()
    cart = fields.String()
    name = fields.String()
    params = fields.Dict(**_RAW)
    batch = fields.String(allow_none=True)
    state = fields.String()
    over = fields.Boolean()
    why = fields.String()
    asked_by = fields.String()
    second_by = fields.String(allow_none=True)
    issued_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    sent_at = fields.AwareDateTime(allow_none=True)
    answered_at = fields.AwareDateTime(allow_none=True)
    told = fields.Dict(**_RAW)


class FleetCommandsSchema(Schema):
    batch = fields.String(allow_none=True)
    items = fields.List(fields.Nested(FleetCommandSchema))


class FleetCommandQuerySchema(Schema):
    cart = fields.String(load_default=None, allow_none=True, validate=LEVEL)
    state = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(["open", *(one.value for one in cart_commands.State)])
    )
    batch = fields.String(load_default=None, allow_none=True, validate=LEVEL)
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=cart_commands.MOST_AT_ONCE))


class FleetSecondSchema(Schema):
    confirms = fields.Boolean(required=True)


class FleetRolloutSchema(Schema):
    id = fields.Integer()
    title = fields.String()
    state = fields.String()
    why = fields.String()
    release = fields.String()
    version = fields.String()
    wave = fields.Integer()
    waves = fields.List(fields.Dict(keys=fields.String(), values=fields.Integer()), metadata={"description": "of each, state: carts"})
    in_flight = fields.Integer()
    failed = fields.Integer()
    created_by = fields.String()
    created_at = fields.AwareDateTime()


class FleetRolloutDetailSchema(FleetRolloutSchema):
    carts = fields.List(fields.Dict(**_RAW))


class FleetRolloutActSchema(Schema):
    act = fields.String(required=True, validate=validate.OneOf(["start", "pause", "resume", "approve", "stop"]))
    reason = fields.String(load_default="", validate=validate.Length(max=500))
    wave = fields.Integer(load_default=None, allow_none=True, metadata={"description": "for approve: the wave that may begin, from 0"})


class FleetReleaseSchema(Schema):
    name = fields.String()
    version = fields.String()
    hardware = fields.String()
    length = fields.Integer()
    sha256 = fields.String()
    image_hash = fields.String()
    security_counter = fields.Integer()
    released_at = fields.AwareDateTime(allow_none=True)
    notes = fields.String()


class _Blueprint(Blueprint):
    ARGUMENTS_PARSER = _Parser()


api = _Blueprint("fleet_api", __name__, url_prefix="/api/v1/fleet", description="The fleet: carts, commands, alerts, rollouts, firmware")
errors.register(api)


@api.route("/carts")
@api.arguments(FleetCartQuerySchema, location="query")
@api.response(200, FleetCartPageSchema)
@requires(may.SEE_FLEET)
def carts(query: Mapping[str, Any]) -> dict[str, Any]:
    """The carts that fit, a page at a time."""
    asked = views_carts.Asked(
        **{name: query[name] for name in (*CONDITIONS, *TOLD) if name in query},
        search=query["q"],
        sort=query["sort"],
        descending=query["desc"],
    )
    with reading(actor()) as tx:
        found = views_carts.found(tx, asked, limit=query["limit"], offset=(query["page"] - 1) * query["limit"])
        return {"items": [_cart(line, tx.at) for line in found.lines], "number": found.number}


@api.route("/carts/<cart_id>")
@api.response(200, FleetCartDetailSchema)
@requires(may.SEE_FLEET)
def cart(cart_id: str) -> dict[str, Any]:
    """One cart, with what it told of itself."""
    with reading(actor()) as tx:
        known = views_fleet.cart(tx, cart_id)
        lines = views_carts.of_ids(tx, [cart_id])
        if known is None or not lines:
            raise _unknown(cart_id)
        standing = rollout_verbs.why_not(tx, cart_id)
        update = None
        if standing is not None:
            stored, one, reason = standing
            update = {"rollout": stored.id, "state": one.state.value, "why": reason.code, "parameters": _plain(reason.parameters)}
        more = {"versions": known.versions, "hardware": known.hardware, "telemetry": known.telemetry, "update": update}
        return {**_cart(lines[0], tx.at), **more}


@api.route("/carts/<cart_id>/events")
@api.arguments(FleetLimitSchema, location="query")
@api.response(200, FleetEventSchema(many=True))
@requires(may.SEE_FLEET)
def events(query: Mapping[str, Any], cart_id: str) -> Any:
    """What happened to the cart, newest first."""
    with reading(actor()) as tx:
        _must_know(tx, cart_id)
        return list(views_fleet.events(tx, cart_id, limit=query["limit"]))


@api.route("/carts/<cart_id>/points")
@api.arguments(FleetPointQuerySchema, location="query")
@api.response(200, FleetPointSchema(many=True))
@requires(may.SEE_FLEET)
def points(query: Mapping[str, Any], cart_id: str) -> Any:
    """Numbers of one subsystem over time: one each five minutes at most, oldest first."""
    with reading(actor()) as tx:
        _must_know(tx, cart_id)
        since = tx.at - timedelta(hours=query["hours"])
        return list(telemetry_points.between(tx, cart_id, TelemetryKind(query["kind"]), since, tx.at))


@api.route("/carts/<cart_id>/drift")
@api.response(200, FleetDriftSchema)
@requires(may.SEE_FLEET)
def drift(cart_id: str) -> dict[str, Any]:
    """What the cart is to run with, and what it does run with, where the two differ."""
    with reading(actor()) as tx:
        _must_know(tx, cart_id)
        found = cart_config.one(tx, cart_id)
    return {
        "cart": cart_id,
        "drift": cart_config.drifts(found),
        "wanted_version": found.desired_version,
        "reported_version": found.reported_version,
        "reported_at": found.reported_at,
        "differences": [
            {"name": one.name, "wanted": one.wanted, "runs": one.runs, "why": one.why} for one in fleet_drift.differences(found)
        ],
    }


@api.route("/alerts")
@api.arguments(FleetAlertQuerySchema, location="query")
@api.response(200, FleetAlertSchema(many=True))
@requires(may.SEE_FLEET)
def alerts(query: Mapping[str, Any]) -> Any:
    """The worst and newest first; `state` "": every one that is open."""
    wanted = cart_alerts.Wanted(**{name: query[name] for name in ("state", "severity", "ward", "cart")})
    with reading(actor()) as tx:
        return list(cart_alerts.listed(tx, wanted, limit=query["limit"])[0])


@api.route("/commands")
@api.arguments(FleetCommandQuerySchema, location="query")
@api.response(200, FleetCommandsSchema)
@requires(may.SEE_FLEET)
def asked_commands(query: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked of carts, newest first."""
    state = query["state"]
    states = tuple(cart_commands.OPEN) if state == "open" else (state,) if state else ()
    with reading(actor()) as tx:
        found = commands.listed(tx, cart=query["cart"], batch=query["batch"], states=states, limit=query["limit"])
        return {"batch": None, "items": [_command(one, tx.at) for one in found]}


@api.route("/commands", methods=["POST"])
@api.arguments(FleetCommandAskSchema)
@api.response(201, FleetCommandsSchema)
@requires(may.COMMAND_CARTS)
def ask(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Asks carts to do something. Each cart has an entry of its own: one that is refused says why, and the others go on."""
    who = actor()
    with transaction(who) as tx:
        named = commands.of_ward(tx, asked["ward"]) if asked["ward"] else tuple(asked["carts"])
        made = cart_commands.ask(
            tx, who, named, asked["name"], asked["params"], two_person=_config().fleet.two_person, bulk=bool(asked["ward"])
        )
        answer = {"batch": made.batch, "items": [_command(one, tx.at) for one in made.commands]}
    _wake()
    return answer


@api.route("/commands/<command_id>")
@api.response(200, FleetCommandSchema)
@requires(may.SEE_FLEET)
def command(command_id: str) -> dict[str, Any]:
    """What became of a command."""
    with reading(actor()) as tx:
        return _command(cart_commands.seen(tx, command_id), tx.at)


@api.route("/commands/<command_id>/second", methods=["POST"])
@api.arguments(FleetSecondSchema)
@api.response(200, FleetCommandSchema)
@requires(may.COMMAND_CARTS)
def second(asked: Mapping[str, Any], command_id: str) -> dict[str, Any]:
    """The second person's word; never of the one who asked."""
    with transaction(actor()) as tx:
        answer = _command(cart_commands.second(tx, actor(), command_id, confirms=asked["confirms"]), tx.at)
    _wake()
    return answer


@api.route("/commands/<command_id>/withdraw", methods=["POST"])
@api.response(200, FleetCommandSchema)
@requires(may.COMMAND_CARTS)
def withdraw(command_id: str) -> dict[str, Any]:
    """Takes it back, if it was not sent yet."""
    with transaction(actor()) as tx:
        cart_commands.withdraw(tx, actor(), (cart_commands.seen(tx, command_id),))
        return _command(cart_commands.seen(tx, command_id), tx.at)


@api.route("/commands/<command_id>/bundle")
@api.response(200, Schema.from_dict({"bundle": fields.Dict(**_RAW)}, name="FleetBundleSchema"))
@requires(may.SEE_FLEET)
def bundle(command_id: str) -> dict[str, Any]:
    """What a cart told of itself on demand; whole, or not at all."""
    with reading(actor()) as tx:
        found = cart_commands.seen(tx, command_id)
        whole = found.state == cart_commands.State.DONE and "sha256" in found.told and "parts_fault" not in found.told
        text = commands.parts(tx, found.id) if whole else ""
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise NotFoundError("this command brought no whole bundle", remedy="ask for diagnostics again", command=command_id[:64])
    return {"bundle": told}


@api.route("/rollouts")
@api.response(200, FleetRolloutSchema(many=True))
@requires(may.SEE_FLEET)
def all_rollouts() -> list[dict[str, Any]]:
    """Newest first."""
    with reading(actor()) as tx:
        return [_rollout(tx, stored.id) for stored in rollouts.listed(tx, limit=20)]


@api.route("/rollouts/<int(max=2147483647):rollout_id>")
@api.response(200, FleetRolloutDetailSchema)
@requires(may.SEE_FLEET)
def rollout(rollout_id: int) -> dict[str, Any]:
    """One rollout, with why each of its carts does not run the release yet."""
    with reading(actor()) as tx:
        return _rollout(tx, rollout_id)


@api.route("/rollouts/<int(max=2147483647):rollout_id>", methods=["POST"])
@api.arguments(FleetRolloutActSchema)
@api.response(200, FleetRolloutDetailSchema)
@requires(may.MANAGE_ROLLOUTS)
def act(asked: Mapping[str, Any], rollout_id: int) -> dict[str, Any]:
    """Starts, pauses, resumes or stops it, or lets its next wave begin."""
    who, reason = actor(), asked["reason"]
    directory = _config().firmware.directory
    with transaction(who) as tx:
        match asked["act"]:
            case "start":
                rollout_verbs.start(tx, who, rollout_id, released=lambda name: releases.release(directory, name))
            case "pause":
                rollout_verbs.pause(tx, who, rollout_id, reason=reason)
            case "resume":
                rollout_verbs.resume(tx, who, rollout_id, reason=reason)
            case "approve":
                rollout_verbs.approve(tx, who, rollout_id, wave=-1 if asked["wave"] is None else asked["wave"], reason=reason)
            case _:
                rollout_verbs.stop(tx, who, rollout_id, reason=reason)
        return _rollout(tx, rollout_id)


@api.route("/firmware")
@api.response(200, FleetReleaseSchema(many=True))
@requires(may.SEE_FLEET)
def firmware() -> Any:
    """The releases that carts would take now."""
    return list(releases.releases(_config().firmware.directory))


def _rollout(tx: Transaction, rollout_id: int) -> dict[str, Any]:
    found = rollout_verbs.standing(tx, rollout_id, limit=200)
    stored = found.stored
    return {
        "id": stored.id,
        "title": stored.title,
        "state": stored.state.value,
        "why": stored.rollout.why,
        "release": stored.rollout.target.name,
        "version": stored.rollout.target.version,
        "wave": stored.rollout.wave,
        "waves": [dict(wave) for wave in found.waves],
        "in_flight": found.in_flight,
        "failed": found.failed,
        "created_by": stored.created_by,
        "created_at": stored.created_at,
        "carts": [
            {
                "cart": one.update.cart,
                "wave": one.update.wave,
                "state": one.update.state.value,
                "attempt": one.update.attempt,
                "why": one.reason.code,
                "parameters": _plain(one.reason.parameters),
            }
            for one in found.carts
        ],
    }


def _plain(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in parameters.items()}


def _cart(line: FleetLine, now: datetime) -> dict[str, Any]:
    found = None
    if line.load_percent_h is not None:
        load = fleet_battery.Load(percent_h=line.load_percent_h, spread=line.spread_percent_h or 0.0, seen_h=line.seen_h)
        found = fleet_battery.left(line.battery_percent, load) if line.charging is not True else None
    names = (
        "id", "ward", "phase", "last_seen_at", "battery_percent", "charging", "health_percent", "battery_cycles", "app_version",
        "mcu_version", "unsent", "alerts", "critical", "drift", "certificate_ends_at", "replace_on", "tag",
    )  # fmt: skip
    told = {name: getattr(line, name) for name in names}
    return {**told, "online": line.online(now), "hours_left": round(found.hours, 1) if found is not None else None}


def _command(one: CartCommand, now: datetime) -> dict[str, Any]:
    state = cart_commands.standing(one, now)
    names = (
        "id", "cart", "name", "params", "batch", "why", "asked_by", "second_by", "issued_at", "expires_at", "sent_at", "answered_at",
        "told",
    )  # fmt: skip
    return {**{name: getattr(one, name) for name in names}, "state": state.value, "over": state not in cart_commands.OPEN}


def _must_know(tx: Transaction, cart_id: str) -> None:
    if views_fleet.cart(tx, cart_id) is None:
        raise _unknown(cart_id)


def _unknown(cart_id: str) -> NotFoundError:
    return NotFoundError(f"cart {cart_id[:64]!r} is not known", remedy="look at the list of carts", cart=cart_id[:64])


def _wake() -> None:
    """The gateway of this process at once; one in another process is told by the database."""
    gateway = getattr(current_app.extensions.get("pointofcare"), "gateway", None)
    if gateway is not None:
        gateway.wake()


def _config() -> ServerConfig:
    found: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    return found
