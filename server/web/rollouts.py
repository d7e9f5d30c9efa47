"""Rollouts of firmware: making one, watching its waves, letting the next one begin, holding and ending it; why each cart is not updating.

Pages show and ask; what may follow is `pointofcare.fleet`. A moment that a sentence names is the ward's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import FirmwareError, MessageError, NotFoundError, PointOfCareError
from pointofcare.fleet import rollout as engine
from pointofcare.fleet.plan import Newcomers
from pointofcare.fleet.rollout import State
from pointofcare.fleet.update import IN_FLIGHT, LeftOut
from pointofcare.fleet.update import TRANSITIONS as CART_TRANSITIONS
from pointofcare.fleet.update import State as CartState
from pointofcare.fleet.why import Reason
from server.security import person
from server.security.permissions import MANAGE_ROLLOUTS, SEE_FLEET
from server.security.person import actor, requires
from server.store import patients, rollouts, views_fleet, views_pharmacy
from server.store.transaction import Transaction, reading, transaction
from server.usecases import firmware, rollout_words
from server.usecases import rollouts as verbs
from server.usecases.firmware import Release
from server.web import faults, fleet, page, rollout_form

room = Blueprint("rollouts", __name__, url_prefix="/fleet/rollouts")

PER_PAGE = 30
CARTS_PER_PAGE = 50
EVENTS = 100
PREVIEWED = 60
# What a wave's bar is made of, in this order: text code, states, colour class.
PARTS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("succeeded", frozenset({"succeeded"}), "ok"),
    ("baking", frozenset({"baking"}), "run"),
    ("in-flight", frozenset(state.value for state in IN_FLIGHT), "warn"),
    ("failed", frozenset({"failed", "penalty"}), "stop"),
    ("queued", frozenset({"queued"}), "rest"),
    ("skipped", frozenset({"skipped"}), "out"),
)


@room.get("/")
@requires(SEE_FLEET)
def listed() -> Response | str:
    before = request.args.get("before", "")
    with reading(actor()) as tx:
        found = rollouts.listed(
            tx, before=int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None, limit=PER_PAGE + 1
        )
        shown = found[:PER_PAGE]
        counts = rollouts.counts(tx, [one.id for one in shown])
        names = views_pharmacy.names(tx, {one.created_by for one in shown})
    return page.live(
        "rollouts.html",
        "_rollouts.html",
        rollouts=shown,
        totals={one.id: _parts(_of_wave(counts.get(one.id, {}), None)) for one in shown},
        names=names,
        more=shown[-1].id if len(found) > PER_PAGE else None,
        tabs=fleet.tabs(),
        may_change=person.may(MANAGE_ROLLOUTS),
    )


@room.route("/new", methods=["GET"])
@requires(MANAGE_ROLLOUTS)
def form() -> str:
    return _form(request.args)


@room.post("/new")
@requires(MANAGE_ROLLOUTS)
def make() -> BaseResponse | str:
    who = actor()
    with reading(who) as tx:
        wards = tuple(ward.id for ward in patients.wards(tx))
    written = rollout_form.read(request.form, wards)
    release = _found(request.form.get("release", ""))
    problems = dict(written.problems)
    if release is None:
        problems["release"] = "release-missing"
    if not request.form.get("title", "").strip():
        problems["title"] = "title-missing"
    if problems or written.plan is None or release is None:
        return _form(request.form, problems=problems)
    try:
        if request.form.get("do") != "make":
            with reading(who) as tx:
                waves = verbs.preview(tx, written.plan, release)
            return _form(request.form, waves=waves)
        with transaction(who) as tx:
            made = verbs.create(tx, who, title=request.form["title"], release=release, plan=written.plan)
    except MessageError as exc:
        return _form(request.form, problems=dict(exc.problems), detail=exc.remedy)
    page.say("rollout-made")
    return page.back(url_for("rollouts.show", rollout=made))


def _form(
    told: MultiDict[str, str],
    *,
    problems: Mapping[str, str] | None = None,
    detail: str = "",
    waves: tuple[tuple[verbs.Place, ...], ...] | None = None,
) -> str:
    with reading(actor()) as tx:
        wards = patients.wards(tx)
    return page.render(
        "rollout_form.html",
        cells=rollout_form.cells(told),
        scope=told.getlist("scope"),
        problems=problems or {},
        detail=detail,
        waves=waves,
        wards=wards,
        releases=_releases(),
        first=rollout_form.FIRST_NUMBERS,
        others=rollout_form.MORE_NUMBERS,
        gates=rollout_form.GATE_NUMBERS,
        limits=rollout_form.LIMITS,
        newcomers=[each.value for each in Newcomers],
        shown_carts=PREVIEWED,
        tabs=fleet.tabs(),
    )


@room.get("/<int(max=2147483647):rollout>")
@requires(SEE_FLEET)
def show(rollout: int) -> Response | str:
    states = [state.value for state in CartState]
    chosen = request.args.get("state", "")
    wave = request.args.get("wave", "")
    number = int(request.args.get("page", "1")) if request.args.get("page", "1") in {str(n) for n in range(1, 200)} else 1
    picked = next((part for part in PARTS if part[0] == chosen), None)
    with reading(actor()) as tx:
        standing = verbs.standing(
            tx,
            rollout,
            states=picked[1] if picked else ((chosen,) if chosen in states else ()),
            wave=int(wave) - 1 if wave.isascii() and wave.isdigit() and 0 < len(wave) < 4 else None,
            offset=(number - 1) * CARTS_PER_PAGE,
            limit=CARTS_PER_PAGE + 1,
        )
        events = rollouts.happenings(tx, rollout=rollout, whole_only=True, limit=20)
        names = views_pharmacy.names(tx, {one.by for one in events} | {standing.stored.created_by})
        wards = rollouts.wards_of(tx, [one.update.cart for one in standing.carts])
    return page.live(
        "rollout.html",
        "_rollout.html",
        standing=standing,
        stored=standing.stored,
        plan=standing.stored.rollout.plan,
        target=standing.stored.rollout.target,
        carts=standing.carts[:CARTS_PER_PAGE],
        more=len(standing.carts) > CARTS_PER_PAGE,
        number=number,
        wards=wards,
        waves=[_parts(wave) for wave in standing.waves],
        total=_parts(_summed(standing.waves)),
        part_names=[name for name, _, _ in PARTS],
        chosen=chosen if picked or chosen in states else "",
        chosen_wave=wave,
        events=events,
        names=names,
        sentence=sentence,
        rollout_sentence=rollout_sentence(standing),
        may_change=person.may(MANAGE_ROLLOUTS),
        verbs=_possible(standing.stored.state),
        loaded_state=request.args.get("loaded", standing.stored.state.value),
        may_leave_out=lambda one: LeftOut in CART_TRANSITIONS[one.state] and standing.stored.state is not State.DRAFT,
        tabs=fleet.tabs(),
        cause=lambda code: rollout_words.cause(code, page.word),
        arguments={"loaded": request.args.get("loaded", standing.stored.state.value)},
    )


@room.get("/cart/<cart_id>")
@requires(SEE_FLEET)
def of_cart(cart_id: str) -> str:
    """Every rollout of one cart, with its attempts and what became of each."""
    with reading(actor()) as tx:
        if views_fleet.cart(tx, cart_id) is None:
            raise NotFoundError(f"cart {cart_id[:64]!r} is not known", remedy="look at the list of carts", cart=cart_id[:64])
        found = rollouts.of_cart(tx, cart_id)
        reason = verbs.why_not(tx, cart_id)
        events = rollouts.happenings(tx, cart=cart_id, limit=EVENTS)
        names = views_pharmacy.names(tx, {one.by for one in events})
    return page.render(
        "rollout_cart.html",
        cart_id=cart_id,
        found=found,
        reason=reason,
        events=events,
        names=names,
        sentence=sentence,
        cause=lambda code: rollout_words.cause(code, page.word),
        tabs=fleet.tabs(),
    )


@room.post("/<int(max=2147483647):rollout>/do")
@requires(MANAGE_ROLLOUTS)
def do(rollout: int) -> BaseResponse:
    who, wanted, reason = actor(), request.form.get("do", ""), request.form.get("reason", "")[:2000]
    here = url_for("rollouts.show", rollout=rollout)
    known: Mapping[str, Callable[[Transaction], None]] = {
        "start": lambda tx: verbs.start(tx, who, rollout, released=_found),
        "pause": lambda tx: verbs.pause(tx, who, rollout, reason=reason),
        "resume": lambda tx: verbs.resume(tx, who, rollout, reason=reason),
        "stop": lambda tx: verbs.stop(tx, who, rollout, reason=reason),
        "approve": lambda tx: verbs.approve(tx, who, rollout, wave=_number(request.form.get("wave", "")), reason=reason),
    }
    verb = known.get(wanted)
    if verb is None:
        return page.back(here)
    if wanted == "stop" and request.form.get("sure") != "yes":
        page.say("rollout-stop-not-sure", "danger")
        return page.back(here)
    return _done(here, verb, f"rollout-done-{wanted}")


@room.post("/<int(max=2147483647):rollout>/leave-out")
@requires(MANAGE_ROLLOUTS)
def leave_out(rollout: int) -> BaseResponse:
    who, cart, reason = actor(), request.form.get("cart", "")[:64], request.form.get("reason", "")[:2000]
    here = url_for("rollouts.show", rollout=rollout)
    return _done(here, lambda tx: verbs.leave_out(tx, who, rollout, cart, reason=reason), "rollout-done-leave-out")


def _done(here: str, verb: Callable[[Transaction], None], said: str) -> BaseResponse:
    try:
        with transaction(actor()) as tx:
            verb(tx)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say(said)
    return page.back(here)


def sentence(reason: Reason) -> str:
    """Why a cart is not updating, in the reader's language."""
    return rollout_words.sentence(reason, text=page.t, word=page.word, moment=page.moment)


def rollout_sentence(standing: verbs.Standing) -> str:
    """How a rollout stands, and what a person is to do."""
    rollout = standing.stored.rollout
    if rollout.state is State.PAUSED:
        code = "tripped" if rollout.why == "failures" else "paused"
        return page.t(f"rollout-is-{code}", n=standing.failed)
    if rollout.state is State.AWAITING:
        return page.t(f"rollout-is-{rollout.why or 'wave-done'}", wave=rollout.wave + 1, next=rollout.wave + 2)
    return page.t(f"rollout-is-{rollout.state.value}", wave=rollout.wave + 1, waves=len(rollout.plan.waves), n=standing.in_flight)


def _possible(state: State) -> tuple[str, ...]:
    """What a person may do now, in the order shown."""
    events = {
        "start": engine.Started,
        "approve": engine.Approved,
        "resume": engine.Resumed,
        "pause": engine.Paused,
        "stop": engine.Stopped,
    }
    return tuple(name for name, event in events.items() if event in engine.TRANSITIONS[state])


def _parts(counts: Mapping[str, int]) -> list[tuple[str, int, str]]:
    """(name, number, colour) of a bar's parts that there are, and the whole number under the name ""."""
    found = [(name, sum(counts.get(state, 0) for state in states), colour) for name, states, colour in PARTS]
    return [("", sum(counts.values()), ""), *(part for part in found if part[1])]


def _of_wave(counts: Mapping[tuple[int, str], int], wave: int | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for (place, state), number in counts.items():
        if wave is None or place == wave:
            found[state] = found.get(state, 0) + number
    return found


def _summed(waves: tuple[Mapping[str, int], ...]) -> dict[str, int]:
    return _of_wave({(place, state): number for place, wave in enumerate(waves) for state, number in wave.items()}, None)


def _releases() -> tuple[Release, ...]:
    """None where the repository cannot be read; the page then says that there are none."""
    try:
        return firmware.releases(page.config().firmware.directory)
    except FirmwareError:
        return ()


def _found(name: str) -> Release | None:
    return next((each for each in _releases() if each.name == name), None)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
