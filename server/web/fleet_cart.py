"""One cart: what it told, what was asked of it and what it confirmed. Whose drugs lie in it is told to those who may see patients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, current_app, request

from pointofcare.errors import NotFoundError
from server.security import person, viewing
from server.security.permissions import MANAGE_MACHINES, SEE_FLEET, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import (
    cart_alerts,
    cart_config,
    commands,
    fleet_care,
    fleet_history,
    fleet_timeline,
    machines,
    rollouts,
    views_carts,
    views_fleet,
    views_pharmacy,
)
from server.store.transaction import Transaction, reading
from server.store.views_carts import CERTIFICATE_SOON, LOW_BATTERY_PERCENT
from server.usecases import sequences
from server.usecases.fleet_care import ASSET_FIELDS, KINDS, RECURRENCES
from server.web import cameras, fleet_battery, fleet_chart, page, printing
from server.web.fleet import room

SPANS: Mapping[str, timedelta] = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "90d": timedelta(days=90)}
_AWAY = frozenset({"lost", "disconnected", "removed"})
# Points come every five minutes; a line is broken where two of them are missing.
_GAP = timedelta(minutes=16)
# Newest commands, and rollouts of a cart, on its page.
SHOWN = 10


@room.get("/<cart_id>")
@requires(SEE_FLEET)
def cart(cart_id: str) -> Response | str:
    is_part = request.args.get("part") == "live"
    with reading(actor()) as tx:
        found = views_fleet.cart(tx, cart_id)
        if found is None:
            raise NotFoundError(f"cart {cart_id!r} is not known", remedy="look at the list of carts", cart=cart_id)
        # Whose drugs lie in a drawer is about a patient: a fleet manager sees the number only.
        named = person.may(SEE_PATIENTS)
        drawers = [(drawer, patient if named else "", name if named else "") for drawer, patient, name in views_fleet.drawers(tx, cart_id)]
        context: dict[str, Any] = {
            "cart": found,
            "lens": cameras.told(found.telemetry),
            "drawers": drawers,
            "leases": len(views_fleet.leases(tx, cart_id)),
            "journals": sequences.journals(tx, cart_id).get(cart_id, ()),
            "alerts": cart_alerts.open_of(tx, cart_id),
            "config": cart_config.one(tx, cart_id),
            "commands": commands.listed(tx, cart=cart_id, limit=SHOWN),
            "bundles": commands.listed(tx, cart=cart_id, name="diagnostics", states=("done",), limit=3),
            "tested": next(iter(commands.listed(tx, cart=cart_id, name="selftest", states=("done",), limit=1)), None),
            "jobs": rollouts.of_cart(tx, cart_id, limit=SHOWN),
            "may_download": "fleet_commands.bundle" in current_app.view_functions,
            "slots": slots(found.mcu),
            "now": tx.at,
            **_battery(tx, cart_id),
        }
        if not is_part:
            context |= _still(tx, cart_id) | _timeline(tx, cart_id)
    viewing.seen(patients=[patient for _, patient, _ in drawers if patient], count=len(drawers))
    return page.live("cart.html", "_cart.html", **printing.choices("drawer"), low=LOW_BATTERY_PERCENT, **context)


def slots(mcu: Mapping[str, object] | None) -> tuple[dict[str, object], ...]:
    """The firmware slots as the microcontroller tells them; what is not of the agreed kind is left out."""
    told = (mcu or {}).get("slots")
    found: list[dict[str, object]] = []
    for slot in told if isinstance(told, list | tuple) else ():
        if isinstance(slot, Mapping):
            flags = {name: slot.get(name) is True for name in ("active", "confirmed", "pending")}
            texts = {name: str(slot.get(name) or "")[:80] for name in ("version", "hash")}
            number = slot.get("slot")
            found.append({"slot": number if isinstance(number, int) else None, **flags, **texts})
    return tuple(found[:4])


def _battery(tx: Transaction, cart_id: str) -> dict[str, Any]:
    line = next(iter(views_carts.of_ids(tx, (cart_id,))), None)
    return {"line": line, "battery": fleet_battery.of(line) if line is not None else None, "today": page.today()}


def _timeline(tx: Transaction, cart_id: str) -> dict[str, Any]:
    before = _moment(request.args.get("before", ""))
    source = request.args.get("source", "")
    source = source if source in fleet_timeline.SOURCES else ""
    entries = fleet_timeline.of(tx, cart_id, before=before, source=source)
    return {
        "timeline": entries,
        "timeline_more": entries[-1].at.isoformat() if len(entries) == fleet_timeline.PAGE else None,
        "timeline_before": before,
        "source": source,
        "sources": fleet_timeline.SOURCES,
        "people": views_pharmacy.names(tx, {entry.by for entry in entries if entry.by}),
    }


def _still(tx: Transaction, cart_id: str) -> dict[str, Any]:
    """What does not change by itself within minutes."""
    span = request.args.get("span", "")
    span = span if span in SPANS else "24h"
    cares = fleet_care.of_cart(tx, cart_id)
    return {
        "span": span,
        "spans": tuple(SPANS),
        "charts": charts(tx, cart_id, SPANS[span]),
        "certificates": machines.of_machine(tx, cart_id)[:SHOWN],
        "bridge_certificates": machines.of_machine(tx, f"{cart_id}-mcu")[:SHOWN],
        "soon_moment": tx.at + CERTIFICATE_SOON,
        "asset": fleet_care.asset(tx, cart_id) or fleet_care.Asset(cart=cart_id),
        "asset_fields": ASSET_FIELDS,
        "cares": cares,
        "care_people": views_pharmacy.names(tx, {one.ended_by for one in cares if one.ended_by}),
        "kinds": KINDS,
        "recurrences": RECURRENCES,
        "soon": page.today() + timedelta(days=30),
        "may_manage": person.may(MANAGE_MACHINES),
    }


def charts(tx: Transaction, cart_id: str, span: timedelta) -> dict[str, dict[str, Any]]:
    """The battery's and the connection's course, each with its lowest and highest value, for those who see no picture."""
    begin, end = tx.at - span, tx.at
    power = fleet_history.points(tx, cart_id, "power", since=begin)
    net = fleet_history.points(tx, cart_id, "net", since=begin)
    away = _away(fleet_history.phases(tx, cart_id, since=begin), begin, end)
    charge, health = (_told(power, name) for name in ("battery_percent", "health_percent"))
    signal = _told(net, "rssi_dbm")
    gap = {"power": _GAP * power.every, "net": _GAP * net.every}
    lost = sum(((until - max(since, begin)) for since, until in away), timedelta())
    return {
        "battery": {
            "chart": fleet_chart.drawn([charge, health], begin=begin, end=end, low=0, high=100, gap=gap["power"]),
            **_extremes(charge),
            "every": power.every,
        },
        "signal": {
            "chart": fleet_chart.drawn([signal], begin=begin, end=end, low=-100, high=-30, gap=gap["net"], away=away),
            **_extremes(signal),
            "every": net.every,
            "away": len(away),
            "lost": lost,
        },
    }


def _told(points: fleet_history.Points, name: str) -> list[tuple[datetime, float]]:
    found = []
    for point in points.points:
        value = point.values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6:
            found.append((point.at, float(value)))
    return found


def _extremes(told: list[tuple[datetime, float]]) -> dict[str, float | None]:
    values = [value for _, value in told]
    return {"least": min(values, default=None), "most": max(values, default=None), "newest": values[-1] if values else None}


def _away(phases: tuple[fleet_history.Phase, ...], begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for place, phase in enumerate(phases):
        until = phases[place + 1].at if place + 1 < len(phases) else end
        if phase.phase in _AWAY and until > begin:
            if found and found[-1][1] == phase.at:
                found[-1] = (found[-1][0], until)
            else:
                found.append((phase.at, until))
    return found


def _moment(written: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None
