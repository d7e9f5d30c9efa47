"""Rollouts of firmware: people make, start, hold and end them; the clock and the carts' own reports move them on.

Each verb is allowed for every cart of the rollout, not only for the rollout. One at a time steps a rollout (a lock on its row), with what
is stored and nothing else. What a cart says of an older attempt, twice or late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from pointofcare import firmware
from pointofcare.errors import ConflictError, FirmwareError, MessageError, NotFoundError
from pointofcare.firmware import Target
from pointofcare.fleet import plan as plans
from pointofcare.fleet import rollout as engine
from pointofcare.fleet import update as cart_updates
from pointofcare.fleet.plan import Newcomers, Plan
from pointofcare.fleet.rollout import ACTIVE, Approved, Paused, Resumed, Rollout, Started, Stopped, Tripped, WaveEnded, WentOn
from pointofcare.fleet.update import IN_FLIGHT, NEVER, TERMINAL, Began, CartUpdate, Claimed, Event, Held, Lapsed, LeftOut, Seen, WentSilent
from pointofcare.fleet.why import Reason, why
from pointofcare.people import StaffRole
from pointofcare.wire import jobs
from pointofcare.wire.messages import JobOrder, JobState, JobTarget, JobTold, Telemetry, TelemetryKind
from server.store import reach, rollouts
from server.store.rollouts import Offer, StoredRollout
from server.store.transaction import Actor, Transaction
from server.usecases.firmware import Release
from server.usecases.permission import require, text

ROLES = (StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
TICK_EVERY = timedelta(seconds=4)
# A job that was sent so long ago is sent once more while nothing ends it: the cart then says again how it stands.
AGAIN_AFTER = timedelta(seconds=60)
_LONGEST_CODE = 64
# What a cart says of a job that ended before anything was changed.
_UNTOUCHED = frozenset({"expired", "withdrawn", "replaced"})
_KINDS: Mapping[type[engine.Event], str] = {
    Started: "started", Paused: "paused", Tripped: "tripped", Resumed: "resumed", WaveEnded: "wave-ended", WentOn: "went-on",
    Approved: "approved", engine.Completed: "finished", Stopped: "stopped",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cart of a plan that is not made yet. `without`: why it would get nothing, "" where it would."""

    cart: str
    ward: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CartStanding:
    """One cart of a rollout, and why it does not run the release yet, or that it does."""

    update: CartUpdate
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A rollout as it stands. `waves`: of each wave, state -> how many carts. `failed`: how many count towards the next pause."""

    stored: StoredRollout
    carts: tuple[CartStanding, ...]
    waves: tuple[Mapping[str, int], ...]
    in_flight: int
    failed: int


# People.


def preview(tx: Transaction, plan: Plan, release: Release) -> tuple[tuple[Place, ...], ...]:
    """Who would be in which wave. Raises: MessageError for what is no plan, OtherWardError."""
    wards_of, placed = _placed(tx, plan, release)
    seen = rollouts.seen_of(tx, placed, hardware=release.hardware)
    waves: list[list[Place]] = [[] for _ in plan.waves]
    for cart, wave in sorted(placed.items()):
        waves[wave].append(Place(cart=cart, ward=wards_of.get(cart, ""), without=_without(seen.get(cart, NEVER), release)))
    return tuple(tuple(wave) for wave in waves)


def create(tx: Transaction, actor: Actor, *, title: str, release: Release, plan: Plan) -> int:
    """A draft; its waves are computed now, once. Raises: NotPermittedError, MessageError, TextMissingError."""
    require(tx, actor, *ROLES)
    named = text(title, "title", longest=200)
    _may_follow(tx, release.hardware, release.security_counter)
    _, placed = _placed(tx, plan, release)
    if not placed:
        raise MessageError("no cart is in it", problems=(("waves", "nobody"),), remedy="choose wards or carts that there are")
    rollout = Rollout(target=target_of(release), plan=plan, since=tx.at)
    made = rollouts.add(tx, title=named, rollout=rollout, placed=placed, jobs={cart: uuid4().hex for cart in placed})
    rollouts.happened(tx, made, "created")
    tx.audit("rollout.create", f"rollout/{made}", {"release": release.name, "version": release.version, "carts": len(placed)})
    return made


def start(tx: Transaction, actor: Actor, rollout: int, *, released: Callable[[str], Release | None]) -> None:
    """`released` finds a release by its name. Raises: ConflictError (another runs for this hardware, or the release was withdrawn or is
    another one now)."""
    stored = _theirs(tx, actor, rollout)
    target = stored.rollout.target
    found = released(target.name)
    if found is None or target_of(found) != target:
        raise ConflictError("this release was withdrawn, or is another one now", remedy="make a new rollout", rollout=rollout)
    other = rollouts.active(tx, target.hardware)
    if other is not None and other.id != rollout:
        raise ConflictError(
            f"rollout {other.id} runs for {target.hardware} already", remedy="let it finish, or stop it", rollout=rollout, other=other.id
        )
    _may_follow(tx, target.hardware, target.security_counter)
    _moved(tx, stored, Started(), "")


def pause(tx: Transaction, actor: Actor, rollout: int, *, reason: str) -> None:
    """Nothing begins any more; what began goes on. Raises: IllegalTransitionError, TextMissingError."""
    _moved(tx, _theirs(tx, actor, rollout), Paused(), text(reason, "reason"))


def resume(tx: Transaction, actor: Actor, rollout: int, *, reason: str) -> None:
    """What failed so far counts no more towards the next pause."""
    _moved(tx, _theirs(tx, actor, rollout), Resumed(), text(reason, "reason"), looked=True)


def approve(tx: Transaction, actor: Actor, rollout: int, *, wave: int, reason: str) -> None:
    """Lets wave `wave` (from 0) begin: the one after that which the person saw. Raises: ConflictError when it is another one by now."""
    stored = _theirs(tx, actor, rollout)
    if wave != stored.rollout.wave + 1:
        raise ConflictError("the rollout is in another wave by now", remedy="look at it again", rollout=rollout)
    _moved(tx, stored, Approved(), text(reason, "reason"), looked=True)


def stop(tx: Transaction, actor: Actor, rollout: int, *, reason: str) -> None:
    """For good. Carts that began come to their end; jobs that did not begin are taken back."""
    _moved(tx, _theirs(tx, actor, rollout), Stopped(), text(reason, "reason"))


def leave_out(tx: Transaction, actor: Actor, rollout: int, cart: str, *, reason: str) -> None:
    """A person gives this cart up for this rollout: one that is away for long, or broken. Raises: IllegalTransitionError (it is at it)."""
    stored = _theirs(tx, actor, rollout)
    said = text(reason, "reason", longest=200)
    before = _one(tx, stored, cart)
    after = cart_updates.advance(before, LeftOut(why=said), tx.at)
    rollouts.keep_update(tx, rollout, before, after)
    rollouts.happened(tx, rollout, "left-out", cart=cart, attempt=before.attempt, why=said)
    tx.audit("rollout.leave-out", f"rollout/{rollout}", {"cart": cart, "reason": said})


# Looking.


def standing(
    tx: Transaction, rollout: int, *, states: Collection[str] = (), wave: int | None = None, offset: int = 0, limit: int = 100
) -> Standing:
    """All of it counted, and so many of its carts, those that need somebody first. Raises: NotFoundError."""
    stored = rollouts.get(tx, rollout)
    waves: list[dict[str, int]] = [{} for _ in stored.rollout.plan.waves]
    for (place, state), number in rollouts.counts(tx, [rollout]).get(rollout, {}).items():
        waves[place][state] = number
    busy = sum(each.get(state.value, 0) for each in waves for state in IN_FLIGHT)
    shown = rollouts.some_updates(tx, rollout, states=states, wave=wave, offset=offset, limit=limit)
    seen = rollouts.seen(tx, rollout, [one.cart for one in shown])
    return Standing(
        stored=stored,
        carts=tuple(CartStanding(update=one, reason=why(stored.rollout, one, seen.get(one.cart, NEVER), in_flight=busy)) for one in shown),
        waves=tuple(waves),
        in_flight=busy,
        failed=rollouts.failed_now(tx, rollout),
    )


def why_not(tx: Transaction, cart: str) -> tuple[StoredRollout, CartUpdate, Reason] | None:
    """Of the newest rollout in which this cart is; None: it is in none."""
    found = rollouts.of_cart(tx, cart, limit=1)
    if not found:
        return None
    stored, one = found[0]
    counts = rollouts.counts(tx, [stored.id]).get(stored.id, {})
    busy = sum(number for (_, state), number in counts.items() if state in IN_FLIGHT)
    return stored, one, why(stored.rollout, one, rollouts.seen(tx, stored.id, [cart]).get(cart, NEVER), in_flight=busy)


# What moves by itself.


def tick(tx: Transaction, rollout: int) -> bool:
    """One look at a rollout; False: somebody else just looked."""
    stored = rollouts.get(tx, rollout, lock=True)
    looked = rollouts.ticked_at(tx, rollout)
    if looked is not None and tx.at - looked < TICK_EVERY:
        return False
    if stored.state in ACTIVE and stored.rollout.plan.newcomers is not Newcomers.LEFT_OUT:
        for cart, ward in rollouts.newcomers(tx, rollout):
            wave = plans.newcomer(stored.rollout.plan, stored.rollout.target.name, cart, ward)
            if wave is not None:
                rollouts.join(tx, rollout, cart, wave, uuid4().hex)
                rollouts.happened(tx, rollout, "joined", cart=cart)
    updates = rollouts.updates(tx, rollout)
    step = engine.step(stored.rollout, updates, rollouts.seen(tx, rollout), tx.at)
    for before, after in zip(updates, step.updates, strict=True):
        _keep(tx, rollout, before, after)
    for event in step.events:
        told = getattr(event, "why", "")
        rollouts.happened(tx, rollout, _KINDS[type(event)], why=told)
        tx.audit(f"rollout.{_KINDS[type(event)]}", f"rollout/{rollout}", {"why": told, "wave": step.rollout.wave + 1})
    rollouts.keep(tx, stored, step.rollout, is_open=_is_open(step.rollout, step.updates), ticked=True)
    rollouts.send_old_again(tx, rollout, older_than=AGAIN_AFTER)
    return True


def told(tx: Transaction, cart: str, said: JobTold) -> None:
    """What a cart says of its job. Of a job that is not this cart's: nothing."""
    rollout = rollouts.of_job(tx, cart, said.job)
    if rollout is None:
        return
    stored = rollouts.get(tx, rollout, lock=True)
    before = _one(tx, stored, cart)
    event = _event(said, before, stored, tx.at)
    # A cart that could not read the order cannot say which attempt it was.
    attempt = before.attempt if said.attempt == 0 and said.state is JobState.REJECTED else said.attempt
    if event is not None:
        _keep(tx, rollout, before, cart_updates.take(before, event, attempt=attempt, at=tx.at))


def born(tx: Transaction, cart: str) -> None:
    """The cart is newly there, and gets what it lacks."""
    rollouts.send_again(tx, cart)


def heard(tx: Transaction, cart: str, said: Telemetry) -> None:
    """What the cart's microcontroller reports to run. One that is not reached says nothing of its slots."""
    if said.kind is not TelemetryKind.MCU:
        return
    values = said.values
    slots = [each for each in _list(values.get("slots")) if isinstance(each, Mapping)][:8]
    running = next((each for each in slots if each.get("active") is True), None)
    if running is None or values.get("connected") is False:
        return
    image_hash, version, hardware, tested = running.get("hash"), running.get("version"), values.get("hardware"), values.get("self_test")
    rollouts.put_firmware(
        tx,
        cart,
        hardware=hardware if isinstance(hardware, str) and firmware.is_hardware(hardware) else None,
        version=version[:64] if isinstance(version, str) else "",
        image_hash=image_hash.lower() if isinstance(image_hash, str) and len(image_hash) == 64 else None,
        confirmed=running.get("confirmed") if isinstance(running.get("confirmed"), bool) else None,
        self_test=tested if isinstance(tested, bool) else None,
        slots=slots,
    )


def order_of(offer: Offer, facility: str) -> JobOrder | None:
    """What the cart is to be told to do, None: nothing any more."""
    one, rollout = offer.update, offer.rollout.rollout
    if one.expires_at is None or not engine.is_offered(rollout.state, one):
        return None
    target = rollout.target
    return JobOrder(
        facility=facility,
        cart=one.cart,
        job=one.job,
        kind=jobs.CART_SOFTWARE if firmware.is_cart_software(target.hardware) else jobs.MCU_FIRMWARE,
        target=JobTarget(
            name=target.name,
            version=str(target.version),
            length=target.length,
            sha256=target.sha256,
            hardware=target.hardware,
            image_hash=target.image_hash,
            security_counter=target.security_counter,
        ),
        attempt=one.attempt,
        issued_at=offer.issued_at,
        expires_at=one.expires_at,
        gates=rollout.plan.gates.document(),
    )


def target_of(release: Release) -> Target:
    """Raises: MessageError for a release that no cart would take."""
    try:
        return Target(
            name=release.name,
            version=firmware.version(release.version),
            length=release.length,
            sha256=release.sha256,
            hardware=release.hardware,
            image_hash=release.image_hash,
            security_counter=release.security_counter,
        )
    except FirmwareError as exc:
        raise MessageError("this is no release", problems=(("release", "unreadable"),), remedy="choose another release") from exc


def _event(said: JobTold, before: CartUpdate, stored: StoredRollout, at: datetime) -> Event | None:
    code = (said.why or said.state.value)[:_LONGEST_CODE]
    match said.state:
        case JobState.WAITING:
            return Held(why="charge-low" if code == "charge" else code)
        case JobState.IN_PROGRESS:
            return Began(step=said.step[:_LONGEST_CODE], percent=said.percent)
        case JobState.SUCCEEDED:
            return Claimed()
        case JobState.UNKNOWN:
            return WentSilent(why=code)
        case JobState.REJECTED | JobState.TIMED_OUT if code in _UNTOUCHED:
            return Lapsed()
        case JobState.TIMED_OUT if before.began_at is None:
            return Lapsed()  # `why` is the gate that held it
        case JobState.FAILED | JobState.REJECTED | JobState.TIMED_OUT | JobState.REVERTED:
            return cart_updates.failing(before, code, stored.rollout.plan, at, last=stored.state in engine.TERMINAL_STATES)
        case _:
            return None


def _keep(tx: Transaction, rollout: int, before: CartUpdate, after: CartUpdate) -> None:
    if before == after:
        return
    rollouts.keep_update(tx, rollout, before, after)
    if (before.state, before.attempt) != (after.state, after.attempt):
        rollouts.happened(tx, rollout, after.state.value, cart=after.cart, attempt=after.attempt, why=after.why)


def _moved(tx: Transaction, stored: StoredRollout, event: engine.Event, reason: str, *, looked: bool = False) -> None:
    rollout = engine.advance(stored.rollout, event, tx.at)
    updates = rollouts.updates(tx, stored.id)
    if looked:
        for before, after in zip(updates, engine.looked_at(updates), strict=True):
            if before != after:
                rollouts.keep_update(tx, stored.id, before, after)
    rollouts.keep(tx, stored, rollout, is_open=_is_open(rollout, updates))
    rollouts.happened(tx, stored.id, _KINDS[type(event)], why=reason)
    tx.audit(f"rollout.{_KINDS[type(event)]}", f"rollout/{stored.id}", {"reason": reason, "wave": rollout.wave + 1})


def _is_open(rollout: Rollout, updates: Iterable[CartUpdate]) -> bool:
    if rollout.state is engine.State.DRAFT:
        return False
    return rollout.state in ACTIVE or any(one.state not in TERMINAL for one in updates)


def _theirs(tx: Transaction, actor: Actor, rollout: int) -> StoredRollout:
    """The rollout, locked, for somebody who may do this to every cart of it. Raises: NotPermittedError, OtherWardError, NotFoundError."""
    require(tx, actor, *ROLES)
    stored = rollouts.get(tx, rollout, lock=True)
    if tx.actor.wards is not None:
        reached = rollouts.wards_of_carts(tx)
        for one in rollouts.updates(tx, rollout):
            if one.cart not in reached:
                raise reach.OtherWardError("a cart of this rollout is in another ward", remedy="ask somebody of that ward", cart=one.cart)
    return stored


def _one(tx: Transaction, stored: StoredRollout, cart: str) -> CartUpdate:
    found = rollouts.update_of(tx, stored.id, cart)
    if found is None:
        raise NotFoundError(f"cart {cart!r} is not in this rollout", remedy="look at its carts", cart=cart)
    return found


def _placed(tx: Transaction, plan: Plan, release: Release) -> tuple[dict[str, str], dict[str, int]]:
    """(cart -> ward, cart -> wave). Raises: MessageError, OtherWardError."""
    wrong = plans.problems(plan)
    if wrong:
        raise MessageError("this is no plan", problems=wrong, remedy="mend the fields that are named")
    reached = rollouts.wards_of_carts(tx)
    named = [cart for wave in plan.waves for cart in wave.carts]
    unknown = sorted(set(named) - set(reached))
    if unknown:
        raise MessageError("a cart that is named is not there", problems=(("waves", "cart-unknown"),), remedy=", ".join(unknown[:10]))
    for ward in {*plan.wards, *(ward for wave in plan.waves for ward in wave.wards)}:
        if not reach.sees(tx, ward):
            raise reach.OtherWardError("this ward is not yours", remedy="ask somebody of that ward", ward=ward)
    return reached, plans.waves(plan, release.name, reached)


def _may_follow(tx: Transaction, hardware: str, counter: int) -> None:
    highest = rollouts.started_counters(tx, hardware)
    if counter < highest:
        raise MessageError(
            f"its security counter {counter} is lower than {highest}, which carts have seen",
            problems=(("release", "counter-lower"),),
            remedy="sign a new release of the older program with a higher counter",
        )


def _without(seen: Seen, release: Release) -> str:
    if seen.image_hash == release.image_hash and seen.confirmed:
        return "already-has-it"
    return "other-hardware" if seen.hardware is not None and seen.hardware != release.hardware else ""


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
