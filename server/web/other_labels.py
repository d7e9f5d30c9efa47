"""The labels that are not of medicines: staff badges, drawers of carts, and the labels of infusion bags on label printers.

These carry no number of their own: the badge's, the bag's or the drawer's own name stands in the symbol, so that printing one again
changes nothing at the bedside. Must never print a badge for somebody who may not sign in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from devices.printers import pages
from devices.printers.layout import DoesNotFitError, Label
from pointofcare.errors import ConflictError, NotFoundError, PointOfCareError, UnreadableError
from server.security.permissions import MANAGE_MACHINES, MANAGE_STAFF, PREPARE_BAGS
from server.security.person import actor, requires
from server.store import bags, views_audit, views_fleet
from server.store.transaction import Transaction, transaction
from server.web import faults, label_words, page, printing

room = Blueprint("other_labels", __name__, url_prefix="/labels")

MOST_DRAWERS = 40


@room.post("/badge/<staff_id>")
@requires(MANAGE_STAFF)
def badge(staff_id: str) -> Response | BaseResponse:
    def made(tx: Transaction) -> Sequence[Label]:
        found = views_audit.person(tx, staff_id)
        if found is None:
            raise NotFoundError(f"nobody has the id {staff_id!r}", remedy="look at the list of staff", staff=staff_id)
        if not found.badge or not found.active:
            raise ConflictError(f"{found.name} has no badge, or may not sign in", remedy="give a badge number first", staff=staff_id)
        roles = ", ".join(page.word("role", role) for role in found.roles)
        return [label_words.badge(name=found.name, role=roles, number=found.badge, facility=page.config().facility)]

    return _printed("badge", f"staff/{staff_id}", made, back=url_for("staff.form", staff_id=staff_id))


@room.post("/drawers/<cart_id>")
@requires(MANAGE_MACHINES)
def drawers(cart_id: str) -> Response | BaseResponse:
    def made(tx: Transaction) -> Sequence[Label]:
        cart = next((one for one in views_fleet.carts(tx) if one.id == cart_id), None)
        if cart is None:
            raise NotFoundError(f"cart {cart_id!r} is not known", remedy="look at the fleet", cart=cart_id)
        first, last = request.form.get("first", ""), request.form.get("last", "")
        if not (
            first.isascii()
            and first.isdigit()
            and last.isascii()
            and last.isdigit()
            and 1 <= int(first[:4]) <= int(last[:4]) <= MOST_DRAWERS
        ):
            raise UnreadableError(f"drawers are numbered 1 to {MOST_DRAWERS}", remedy="write the first and the last", field="first")
        ward = page.ward_name(cart.ward)
        return [label_words.drawer(cart=cart_id, number=number, ward=ward) for number in range(int(first), int(last) + 1)]

    return _printed("drawer", f"cart/{cart_id}", made, back=url_for("fleet.cart", cart_id=cart_id))


@room.post("/bag/<bag_id>")
@requires(PREPARE_BAGS)
def bag(bag_id: str) -> Response | BaseResponse:
    def made(tx: Transaction) -> Sequence[Label]:
        return [label_words.bag(bags.get(tx, bag_id))]

    return _printed("bag", f"bag/{bag_id}", made, back=url_for("bags.show", bag=bag_id))


def _printed(kind: str, subject: str, made: Callable[[Transaction], Sequence[Label]], *, back: str) -> Response | BaseResponse:
    """As a file, or on the chosen printer."""
    who, wanted = actor(), request.form.get("printer", "")
    try:
        size = printing.stock_of(kind, request.form.get("stock", ""))
        with transaction(who) as tx:
            found = made(tx)
            if not wanted:
                file = pages.pdf(printing.placed(found, size), title=subject)
                tx.audit("label.print", subject, {"count": len(found), "kind": kind})
            else:
                printer = printing.printer_of(wanted, size)
                drawn = printing.placed(found, size, printer.dpi)
                items = [f"{subject}/{place}" for place in range(1, len(found) + 1)]
                job = printing.begin(tx, who, kind=kind, subject=subject, items=items, printer=printer)
    except DoesNotFitError as exc:
        page.say("labels-unfit", "danger", field=page.t(f"label-field-{exc.fields.get('field')}"))
        return page.back(back)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(back)
    if wanted:
        printing.start(job, who, printer, drawn)
        page.say("labels-sending", printer=printer.name, n=len(found))
        return page.back(back)
    name = subject.replace("/", "-")
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in name)
    head = {"Content-Disposition": f"attachment; filename={plain}.pdf", "Cache-Control": "no-store"}
    return Response(file, mimetype="application/pdf", headers=head)
