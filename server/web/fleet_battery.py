"""The batteries of the fleet: charge, wear, and how long each cart's charge lasts at that cart's own load. What is not known says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, request

from server.security.permissions import SEE_FLEET
from server.security.person import actor, requires
from server.store import views_carts
from server.store.transaction import reading
from server.store.views_carts import GOOD_PERCENT, LOW_BATTERY_PERCENT, WORN_PERCENT, FleetLine
from server.usecases import fleet_battery
from server.usecases.fleet_battery import Left, Load
from server.web import fleet, fleet_asked, page

room = Blueprint("fleet_battery", __name__, url_prefix="/fleet-battery")

FILTERS = ("ward", "charge", "health")
_BAR_WIDTH, _BAR_HEIGHT = 900, 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """`left` None: not known. While it charges nobody can say how long it lasts."""

    cart: FleetLine
    left: Left | None
    replace_on: date | None


def of(cart: FleetLine) -> Battery:
    found = None
    if cart.load_percent_h is not None and cart.spread_percent_h is not None:
        found = Load(percent_h=cart.load_percent_h, spread=cart.spread_percent_h, seen_h=cart.seen_h)
    left = None if cart.charging else fleet_battery.left(cart.battery_percent, found)
    return Battery(cart=cart, left=left, replace_on=cart.replace_on)


@room.get("/")
@requires(SEE_FLEET)
def show() -> str:
    args = request.args if "sort" in request.args else {**request.args, "sort": "left"}
    look = fleet_asked.read(args)
    with reading(actor()) as tx:
        found = views_carts.found(tx, look.asked, limit=look.size, offset=look.offset, with_documents=False)
        counts = views_carts.counts(tx)
        groups = views_carts.health_groups(tx)
        now = tx.at
    most = max((number for _, _, number in groups), default=0)
    return page.render(
        "fleet_battery.html",
        batteries=[of(cart) for cart in found.lines],
        number=found.number,
        all=counts["state"][""],
        counts=counts,
        groups=[(low, high, number, number / most if most else 0.0) for low, high, number in groups],
        look=look,
        chosen=look.chosen,
        filters=FILTERS,
        choices=views_carts.CONDITIONS,
        pages=max(1, -(-found.number // look.size)),
        now=now,
        low=LOW_BATTERY_PERCENT,
        worn=WORN_PERCENT,
        good=GOOD_PERCENT,
        today=page.today(),
        tabs=fleet.tabs(),
    )
