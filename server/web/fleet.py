"""The fleet: every cart as the server last heard of it. A filter is an address that can be sent to a colleague."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from pointofcare.errors import NotFoundError
from server.security import person, viewing
from server.security.permissions import SEE_FLEET, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import discrepancies, views_fleet
from server.store.transaction import Transaction, reading
from server.store.views_fleet import CartLine
from server.usecases import checkpoints, sequences
from server.web import cameras, page, printing

room = Blueprint("fleet", __name__, url_prefix="/fleet")

LOW_BATTERY_PERCENT = 30
OLD_CHART_S = 4 * 3600


def is_settled(journal: sequences.Journal) -> bool:
    """Nothing that a person must know of."""
    return journal.standing in (sequences.Standing.COMPLETE, sequences.Standing.EXPLAINED)


# The filters, by the word in the address.
STATES: Mapping[str, Callable[[CartLine, Transaction], bool]] = {
    "online": lambda cart, tx: cart.online(tx.at),
    "offline": lambda cart, tx: not cart.online(tx.at),
    "low-battery": lambda cart, _tx: cart.battery_percent is not None and cart.battery_percent < LOW_BATTERY_PERCENT,
    "unsent": lambda cart, _tx: bool(cart.unsent),
    "gaps": lambda cart, tx: any(not is_settled(each) for each in sequences.journals(tx, cart.id).get(cart.id, ())),
    "old-chart": lambda cart, _tx: cart.chart_age_s is not None and cart.chart_age_s > OLD_CHART_S,
}


def _chosen(tx: Transaction) -> list[CartLine]:
    found = views_fleet.carts(tx, ward=request.args.get("ward") or None)
    wanted = STATES.get(request.args.get("state", ""))
    version = request.args.get("software", "")
    return [cart for cart in found if (wanted is None or wanted(cart, tx)) and (not version or (cart.software or "") == version)]


@room.get("/")
@requires(SEE_FLEET)
def carts() -> Response | str:
    with reading(actor()) as tx:
        everyone = views_fleet.carts(tx)
        found = _chosen(tx)
        alarms = discrepancies.open_of_code(tx, checkpoints.CODE)
        gaps = {cart: [each for each in found if not is_settled(each)] for cart, found in sequences.journals(tx).items()}
    wards = sorted({cart.ward for cart in everyone if cart.ward})
    versions = sorted({cart.software for cart in everyone if cart.software})
    return page.live(
        "fleet.html",
        "_fleet.html",
        carts=found,
        alarms=alarms,
        gaps=gaps,
        number=len(everyone),
        now=tx.at,
        wards=wards,
        versions=versions,
        states=list(STATES),
        chosen=dict(request.args),
        low=LOW_BATTERY_PERCENT,
    )


@room.get("/carts.csv")
@requires(SEE_FLEET)
def export() -> Response:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "ward", "phase", "online", "last_seen_at", "battery_percent", "charging", "software", "chart_age_s", "unsent"])
    with reading(actor()) as tx:
        for cart in _chosen(tx):
            seen = cart.last_seen_at.isoformat() if cart.last_seen_at else ""
            row = [cart.id, cart.ward, cart.phase, cart.online(tx.at), seen, cart.battery_percent, cart.charging]
            writer.writerow([_plain(value) for value in (*row, cart.software, cart.chart_age_s, cart.unsent)])
    return Response(out.getvalue(), mimetype="text/csv", headers={"Content-Disposition": "attachment; filename=carts.csv"})


def _plain(value: object) -> object:
    """A spreadsheet must never run what a cart said of itself as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


@room.get("/<cart_id>")
@requires(SEE_FLEET)
def cart(cart_id: str) -> Response | str:
    with reading(actor()) as tx:
        found = views_fleet.cart(tx, cart_id)
        if found is None:
            raise NotFoundError(f"cart {cart_id!r} is not known", remedy="look at the list of carts", cart=cart_id)
        events = views_fleet.events(tx, cart_id)
        # Whose drugs lie in a drawer is about a patient: a fleet manager sees the number only.
        named = person.may(SEE_PATIENTS)
        drawers = [(drawer, patient if named else "", name if named else "") for drawer, patient, name in views_fleet.drawers(tx, cart_id)]
        leases = len(views_fleet.leases(tx, cart_id))
        journals = sequences.journals(tx, cart_id).get(cart_id, ())
    viewing.seen(patients=[patient for _, patient, _ in drawers if patient], count=len(drawers))
    return page.live(
        "cart.html",
        "_cart.html",
        **printing.choices("drawer"),
        cart=found,
        lens=cameras.told(found.telemetry),
        events=events,
        drawers=drawers,
        leases=leases,
        journals=journals,
        now=tx.at,
        low=LOW_BATTERY_PERCENT,
    )
