"""What people ask carts to do, and what became of it: asked and confirmed side by side, one cart or many, with the second person's word.

A page never says "done" for what was only asked. Who may, of which cart, is decided by `server.usecases.cart_commands` for each cart.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, make_response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import MessageError, NotFoundError, PointOfCareError
from server.security.permissions import COMMAND_CARTS, SEE_FLEET
from server.security.person import actor, requires
from server.store import commands
from server.store.commands import CartCommand
from server.store.transaction import reading, transaction
from server.usecases import cart_commands
from server.usecases.cart_commands import OPEN, State
from server.web import faults, fleet, page

room = Blueprint("fleet_commands", __name__, url_prefix="/fleet/commands")

PAGE = 50
LATEST = 5
TONES: Mapping[State, tuple[str, str]] = {
    State.WAITING: ("warn", "question"),
    State.REQUESTED: ("soon", "due"),
    State.SENT: ("soon", "due"),
    State.ACCEPTED: ("soon", "due"),
    State.DONE: ("ok", "given"),
    State.REFUSED: ("stop", "warning"),
    State.FAILED: ("stop", "warning"),
    State.EXPIRED: ("warn", "warning"),
    State.WITHDRAWN: ("unknown", "question"),
    State.OUTCOME_UNKNOWN: ("warn", "question"),
}


def shown(command: CartCommand, now: datetime) -> dict[str, Any]:
    """A command as the templates take it: `state` as it is now, whether it is over, and what the cart told as pairs."""
    state = cart_commands.standing(command, now)
    tone, icon = TONES[state]
    told = [(name, value) for name, value in sorted(command.told.items()) if name not in ("sha256", "parts")]
    return {
        "it": command,
        "state": state.value,
        "tone": tone,
        "icon": icon,
        "is_over": state not in OPEN,
        "told": told,
        "has_bundle": command.name == "diagnostics" and state is State.DONE and "sha256" in command.told,
        "seconds": (command.answered_at - command.sent_at).total_seconds() if command.answered_at and command.sent_at else None,
    }


def kinds(*, bulk: bool = False) -> list[cart_commands.Kind]:
    """Those that this person may ask for."""
    return [kind for kind in cart_commands.may_ask(actor()) if not bulk or kind.bulk]


def latest(cart: str) -> list[dict[str, Any]]:
    with reading(actor()) as tx:
        return [shown(each, tx.at) for each in commands.listed(tx, cart=cart, limit=LATEST)]


@room.app_context_processor
def _for_pages() -> dict[str, object]:
    """For the cart's page and the list, which include the forms."""
    return {"command_kinds": kinds, "cart_commands_of": latest, "needs_second": lambda name: name in page.config().fleet.two_person}


@room.get("/")
@requires(SEE_FLEET)
def listed() -> Response | str:
    asked = request.args
    state = asked.get("state", "")
    states = tuple(OPEN) if state == "open" else (state,) if state in tuple(State) else ()
    before = _place(asked.get("before", ""))
    with reading(actor()) as tx:
        found = commands.listed(
            tx,
            cart=asked.get("cart", "")[:64] or None,
            states=states,
            name=asked.get("name") if asked.get("name") in cart_commands.KINDS else None,
            before=before,
            limit=PAGE + 1,
        )
        waiting = [shown(each, tx.at) for each in commands.listed(tx, states=(State.WAITING,), limit=PAGE) if tx.at < each.expires_at]
        lines = [shown(each, tx.at) for each in found[:PAGE]]
    following = f"{found[PAGE - 1].issued_at.isoformat()}~{found[PAGE - 1].id}" if len(found) > PAGE else ""
    return page.live(
        "fleet_commands.html",
        "_fleet_commands.html",
        lines=lines,
        waiting=waiting,
        following=following,
        chosen=dict(asked),
        names=list(cart_commands.KINDS),
        states=["open", *(each.value for each in State)],
        me=actor().id,
        tabs=fleet.tabs(),
    )


@room.post("/")
@requires(COMMAND_CARTS)
def ask() -> BaseResponse:
    cart = request.form.get("cart", "")[:64]
    try:
        made = _asked([cart], bulk=False)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("fleet.cart", cart_id=cart) if cart else url_for("fleet_commands.listed"))
    return page.back(url_for("fleet_commands.one", command_id=made.commands[0].id))


@room.post("/bulk")
@requires(COMMAND_CARTS)
def bulk() -> BaseResponse:
    """For the chosen carts, or every cart of a ward; each is asked about by itself."""
    try:
        carts: Sequence[str] = [each[:64] for each in request.form.getlist("cart")[: cart_commands.MOST_AT_ONCE + 1]]
        if ward := request.form.get("ward", "")[:64]:
            with reading(actor()) as tx:
                carts = commands.of_ward(tx, ward)
        if not carts:
            raise MessageError(
                "no cart is chosen", problems=(("cart", page.t("command-choose-carts")),), remedy=page.t("command-choose-carts")
            )
        made = _asked(carts, bulk=True)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("fleet.carts"))
    return page.back(url_for("fleet_commands.batch", batch_id=made.batch))


def _asked(carts: Sequence[str], *, bulk: bool) -> cart_commands.Asked:
    form, who = request.form, actor()
    kind = cart_commands.KINDS.get(form.get("name", ""))
    params: dict[str, object] = (
        {} if kind is None else {name: form[name] for name in ("drawer", "lasts_s") if form.get(name) and name in kind.takes}
    )
    with transaction(who) as tx:
        made = cart_commands.ask(tx, who, carts, form.get("name", ""), params, two_person=page.config().fleet.two_person, bulk=bulk)
    wake()
    return made


def wake() -> None:
    """The gateway of this process at once; one in another process is told by the database."""
    gateway = getattr(current_app.extensions.get("pointofcare"), "gateway", None)
    if gateway is not None:
        gateway.wake()


@room.get("/of/<cart_id>")
@requires(SEE_FLEET)
def of_cart(cart_id: str) -> Response:
    """The newest of one cart, for its page; 204 when nothing in it changed."""
    with reading(actor()) as tx:
        if not commands.targets(tx, [cart_id]):
            raise NotFoundError(f"cart {cart_id[:64]!r} is not known", remedy="look at the list of carts")
    html = page.render("_cart_commands_latest.html", cart_id=cart_id, lines=latest(cart_id))
    seen = hashlib.sha256(html.encode()).hexdigest()[:16]
    if request.args.get("seen") == seen:
        return make_response("", 204)
    return make_response(html.replace("@@seen@@", seen))


@room.get("/batch/<batch_id>")
@requires(SEE_FLEET)
def batch(batch_id: str) -> Response | str:
    with reading(actor()) as tx:
        found = commands.of_batch(tx, batch_id, limit=cart_commands.MOST_AT_ONCE)
        if not found or not (found[0].asked_by == actor().id or actor().wards is None):
            raise NotFoundError("there is no such bulk action", remedy="look at the list of commands")
        lines = [shown(each, tx.at) for each in found]
    counts = Counter(line["state"] for line in lines)
    over = sum(line["is_over"] for line in lines)
    return page.live(
        "fleet_batch.html",
        "_fleet_batch.html",
        lines=lines,
        counts=counts,
        over=over,
        first=found[0],
        states=[each.value for each in State],
    )


@room.post("/batch/<batch_id>/withdraw")
@requires(COMMAND_CARTS)
def withdraw_batch(batch_id: str) -> BaseResponse:
    """What was not sent yet is not sent any more."""
    with transaction(actor()) as tx:
        taken_back = cart_commands.withdraw(tx, actor(), commands.of_batch(tx, batch_id, limit=cart_commands.MOST_AT_ONCE))
    page.say("done-command-withdraw", n=taken_back)
    return page.back(url_for("fleet_commands.batch", batch_id=batch_id))


@room.get("/<command_id>")
@requires(SEE_FLEET)
def one(command_id: str) -> Response | str:
    with reading(actor()) as tx:
        found = cart_commands.seen(tx, command_id)
        line = shown(found, tx.at)
    return page.live(
        "fleet_command.html",
        "_fleet_command.html",
        line=line,
        it=found,
        me=actor().id,
        may_second=actor().has(*cart_commands.SECONDS),
        may_withdraw=line["state"] in (State.WAITING, State.REQUESTED)
        and (found.asked_by == actor().id or actor().has(*cart_commands.FLEET)),
    )


@room.post("/<command_id>/second")
@requires(COMMAND_CARTS)
def second(command_id: str) -> BaseResponse:
    try:
        with transaction(actor()) as tx:
            cart_commands.second(tx, actor(), command_id, confirms=request.form.get("answer") == "confirm")
        wake()
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    return page.back(url_for("fleet_commands.one", command_id=command_id))


@room.post("/<command_id>/withdraw")
@requires(COMMAND_CARTS)
def withdraw(command_id: str) -> BaseResponse:
    with transaction(actor()) as tx:
        taken_back = cart_commands.withdraw(tx, actor(), (cart_commands.seen(tx, command_id),))
    page.say("done-command-withdraw", n=taken_back)
    return page.back(url_for("fleet_commands.one", command_id=command_id))


@room.get("/<command_id>/bundle")
@requires(SEE_FLEET)
def bundle(command_id: str) -> Response:
    """The log bundle as a file; whole, or not at all."""
    with reading(actor()) as tx:
        found = cart_commands.seen(tx, command_id)
        if not shown(found, tx.at)["has_bundle"] or "parts_fault" in found.told:
            raise NotFoundError("this command brought no whole bundle", remedy="ask for diagnostics again", command=command_id[:64])
        text = commands.parts(tx, found.id)
    name = f"diagnostics-{found.cart}-{found.issued_at:%Y%m%dT%H%M%SZ}.json"
    return Response(text, mimetype="application/json", headers={"Content-Disposition": f"attachment; filename={name}"})


def _place(text: str) -> tuple[datetime, str] | None:
    at, _, last = text.partition("~")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (found, last[:64]) if last and found.tzinfo is not None else None
