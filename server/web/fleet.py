"""The list of carts as the server last heard of them. A filter is an address that can be sent to a colleague.

What keeps the list fresh asks each second for one number that is read from an index; the list itself is made only when that number
changed, and sent only when the part that is shown did. Nobody's name stands in it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, make_response, request

from server.security import person
from server.security.access import ENDPOINTS
from server.security.permissions import SEE_FLEET
from server.security.person import actor, requires
from server.store import discrepancies, views_carts
from server.store.transaction import Transaction, reading
from server.store.views_carts import CONDITIONS, LOW_BATTERY_PERCENT, MOST_ROWS, FleetLine
from server.usecases import checkpoints, sequences
from server.web import fleet_asked, page
from server.web.fleet_asked import FILTERS, SIZES, Look
from server.web.work import spreadsheet

room = Blueprint("fleet", __name__, url_prefix="/fleet")

# The list asks so often whether anything changed, and looks at everything so often though nothing did: silence changes no row.
ASK_S = 1
LOOK_S = 10

# The pages of the fleet, shown above each of them: endpoint and text code. One that is not served, or not to this person, is left out.
TABS: tuple[tuple[str, str], ...] = (
    ("fleet.carts", "fleet-tab-carts"),
    ("fleet_alerts.listed", "fleet-tab-alerts"),
    ("rollouts.listed", "fleet-tab-rollouts"),
    ("firmware.show", "fleet-tab-firmware"),
    ("fleet_battery.show", "fleet-tab-batteries"),
    ("fleet_drift.listed", "fleet-tab-drift"),
    ("fleet_care.calendar", "fleet-tab-care"),
    ("fleet_commands.listed", "fleet-tab-commands"),
    ("fleet_drawers.show", "fleet-tab-drawers"),
    ("fleet_drawers.people", "fleet-tab-pins"),
)

_EXPORTED = (
    "id", "ward", "phase", "online", "last_seen_at", "battery_percent", "charging", "health_percent", "battery_cycles", "battery_cel",
    "software", "mcu", "chart_age_s", "unsent", "alerts", "critical", "drift", "certificate_ends_at", "tag", "ward_home",
    "load_percent_h", "replace_on",
)  # fmt: skip


def tabs() -> list[tuple[str, str]]:
    """Endpoint and text code of the fleet's pages that this person may open."""
    held = person.permissions()
    found = []
    for endpoint, text in TABS:
        line = ENDPOINTS.get(endpoint)
        if endpoint in current_app.view_functions and line is not None and line.permission in held:
            found.append((endpoint, text))
    return found


@room.get("/")
@requires(SEE_FLEET)
def carts() -> Response | str:
    is_part = request.args.get("part") == "live"
    with reading(actor()) as tx:
        token = views_carts.token(tx)
        looks_anyway = int(tx.at.timestamp()) % LOOK_S == 0
        if is_part and request.args.get("token") == token and not looks_anyway:
            return make_response("", 204)
        context = _list(tx)
        if not is_part:
            context |= {"counts": views_carts.counts(tx, context["gaps"])}
    context |= {"token": token, "ask_s": ASK_S, "tabs": tabs(), "may_command": _may_command()}
    inner = page.render("_fleet.html", **context)
    seen = hashlib.sha256(inner.encode()).hexdigest()[:16]
    context |= {"live_inner": inner, "live_seen": seen}
    if not is_part:
        return page.render("fleet.html", **context)
    return make_response(page.render("_fleet_live.html", changed=request.args.get("seen") != seen, **context))


def _may_command() -> bool:
    line = ENDPOINTS.get("fleet_commands.bulk")
    return line is not None and "fleet_commands.bulk" in current_app.view_functions and line.permission in person.permissions()


def _list(tx: Transaction) -> dict[str, Any]:
    gaps = sequences.unsettled(tx)
    look = fleet_asked.read(request.args, gaps=frozenset(gaps))
    found = views_carts.found(tx, look.asked, limit=look.size, offset=look.offset)
    if not found.lines and look.number > 1:
        look = fleet_asked.read({**look.chosen, "page": "1"}, gaps=frozenset(gaps))
        found = views_carts.found(tx, look.asked, limit=look.size)
    totals = views_carts.totals(tx)
    return {
        "carts": found.lines,
        "number": found.number,
        "all": totals["all"],
        "totals": totals,
        "gaps": gaps,
        "look": look,
        "chosen": look.chosen,
        "pages": max(1, -(-found.number // look.size)),
        "sizes": SIZES,
        "filters": FILTERS,
        "choices": CONDITIONS,
        "alarms": discrepancies.open_of_code(tx, checkpoints.CODE),
        "low": LOW_BATTERY_PERCENT,
        "soon": tx.at + views_carts.CERTIFICATE_SOON,
        "now": tx.at,
    }


@room.get("/carts.csv")
@requires(SEE_FLEET)
def export() -> Response:
    rows, at = _exported()
    lines = [[row[name] for name in _EXPORTED] for row in rows]
    answer = spreadsheet(f"carts-{at:%Y%m%d-%H%M}.csv", _EXPORTED, lines)
    answer.set_data(answer.get_data().removeprefix("\ufeff".encode()))
    return answer


@room.get("/carts.json")
@requires(SEE_FLEET)
def export_json() -> Response:
    rows, at = _exported()
    told = {"at": at.isoformat(), "carts": [{name: None if value == "" else value for name, value in row.items()} for row in rows]}
    return Response(json.dumps(told, ensure_ascii=False, indent=1), mimetype="application/json")


def _exported() -> tuple[list[dict[str, object]], datetime]:
    """All that fit, whatever page is shown."""
    with reading(actor()) as tx:
        look: Look = fleet_asked.read(request.args, gaps=frozenset(sequences.unsettled(tx)))
        found = views_carts.found(tx, look.asked, limit=MOST_ROWS, with_documents=False)
        return [_row(cart, tx.at) for cart in found.lines], tx.at.astimezone(UTC)


def _row(cart: FleetLine, now: datetime) -> dict[str, object]:
    told: dict[str, object] = {name: getattr(cart, name) for name in _EXPORTED if hasattr(cart, name)}
    told |= {"online": cart.online(now), "software": cart.app_version, "mcu": cart.mcu_version}
    for name in ("last_seen_at", "certificate_ends_at"):
        moment = getattr(cart, name)
        told[name] = moment.isoformat() if moment else ""
    told["replace_on"] = cart.replace_on.isoformat() if cart.replace_on else ""
    return {name: told[name] for name in _EXPORTED}
