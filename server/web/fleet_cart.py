"""One cart: what it told, what was asked of it and what it confirmed. Whose drugs lie in it is told to those who may see patients."""

from __future__ import annotations

from flask import Response

from pointofcare.errors import NotFoundError
from server.security import person, viewing
from server.security.permissions import SEE_FLEET, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import views_fleet
from server.store.transaction import reading
from server.store.views_carts import LOW_BATTERY_PERCENT
from server.usecases import sequences
from server.web import cameras, page, printing
from server.web.fleet import room


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
