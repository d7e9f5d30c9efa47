"""Commands to carts: asked for by a person, allowed for each cart apart, sent once, never late, and with an outcome that may stay unknown.

What moves a lock may need a second person, who is somebody else, signed in for themselves. Nothing here sends: the gateway takes what is
`requested` and tells what became of it. A command that cannot be shown to have been done is never called done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from pointofcare.errors import ConflictError, IllegalTransitionError, MessageError, NotFoundError, NotPermittedError
from pointofcare.people import StaffRole
from pointofcare.wire import routes
from pointofcare.wire.messages import CommandAnswered, CommandOutcome
from server.store import commands, notices, reach
from server.store.commands import CartCommand, Target
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require


class State(StrEnum):
    """`WAITING`: for the second person. `REQUESTED`: for the gateway. `ACCEPTED`: the cart has begun and will say how it ended.
    `EXPIRED`: it was never sent, and never will be. `OUTCOME_UNKNOWN`: it was sent, and nobody can say whether it was done."""

    WAITING = "waiting"
    REQUESTED = "requested"
    SENT = "sent"
    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    OUTCOME_UNKNOWN = "outcome-unknown"


class Event(StrEnum):
    """What happens to a command: its second person, the gateway, the cart's answer, the clock."""

    CONFIRMED = "confirmed"
    DECLINED = "declined"
    TAKEN_BACK = "taken-back"
    SENT = "sent"
    NOT_SENT = "not-sent"
    TOLD_ACCEPTED = "told-accepted"
    TOLD_DONE = "told-done"
    TOLD_REFUSED = "told-refused"
    TOLD_FAILED = "told-failed"
    TOLD_UNKNOWN = "told-unknown"
    RAN_OUT = "ran-out"


_TOLD = {
    Event.TOLD_DONE: State.DONE,
    Event.TOLD_REFUSED: State.REFUSED,
    Event.TOLD_FAILED: State.FAILED,
}
# An answer that comes after nobody waited for it any more is still the truth, and an unknown outcome ends with it.
TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.WAITING: {
        Event.CONFIRMED: State.REQUESTED,
        Event.DECLINED: State.REFUSED,
        Event.TAKEN_BACK: State.WITHDRAWN,
        Event.RAN_OUT: State.EXPIRED,
    },
    State.REQUESTED: {Event.SENT: State.SENT, Event.TAKEN_BACK: State.WITHDRAWN, Event.RAN_OUT: State.EXPIRED},
    State.SENT: {
        **_TOLD,
        Event.NOT_SENT: State.EXPIRED,
        Event.TOLD_ACCEPTED: State.ACCEPTED,
        Event.TOLD_UNKNOWN: State.OUTCOME_UNKNOWN,
        Event.RAN_OUT: State.OUTCOME_UNKNOWN,
    },
    State.ACCEPTED: {**_TOLD, Event.TOLD_UNKNOWN: State.OUTCOME_UNKNOWN, Event.RAN_OUT: State.OUTCOME_UNKNOWN},
    State.OUTCOME_UNKNOWN: {**_TOLD},
    State.DONE: {},
    State.REFUSED: {},
    State.FAILED: {},
    State.EXPIRED: {},
    State.WITHDRAWN: {},
}
OPEN = frozenset({State.WAITING, State.REQUESTED, State.SENT, State.ACCEPTED})
UNDER_WAY = frozenset({State.SENT, State.ACCEPTED})

_OF = {
    CommandOutcome.ACCEPTED: Event.TOLD_ACCEPTED,
    CommandOutcome.DONE: Event.TOLD_DONE,
    CommandOutcome.REFUSED: Event.TOLD_REFUSED,
    CommandOutcome.FAILED: Event.TOLD_FAILED,
    CommandOutcome.OUTCOME_UNKNOWN: Event.TOLD_UNKNOWN,
}

FLEET = (StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
SECONDS = (StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR, StaffRole.CHARGE_NURSE)
RESTART = "restart"
MOST_DRAWERS = 64
LOCATE_S, MOST_LOCATE_S = 15, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`ttl_s`: how long after receipt the cart may still begin. `answer_s`: how long after that its answer may take, `settles_s` how long
    what it accepted may take. `drawer`: "one", "any" (0: every one) or "". `bulk`: whether it may be asked of several carts at once."""

    name: str
    roles: tuple[StaffRole, ...] = FLEET
    ttl_s: float = 10.0
    answer_s: float = 15.0
    settles_s: float = 60.0
    drawer: str = ""
    lasts: bool = False
    bulk: bool = True

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return (("drawer",) if self.drawer else ()) + (("lasts_s",) if self.lasts else ())


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="locate", roles=SECONDS, lasts=True),
        Kind(name="lock", drawer="any"),
        Kind(name="unlock", ttl_s=5.0, drawer="one", bulk=False),
        Kind(name="restart", settles_s=180.0),
        Kind(name="diagnostics", answer_s=30.0),
        Kind(name="camera-check"),
        Kind(name="selftest", answer_s=30.0),
        Kind(name="rebirth"),
    )
}
TWO_PERSON = ("unlock",)
SECOND_WITHIN = timedelta(minutes=5)
# A bulk action is sent little by little, and what could not be sent by then never is.
BULK_WITHIN = timedelta(minutes=2)
MOST_AT_ONCE = 1000
AT_ONCE = 10
_LOOKED = 200
_LIVE = frozenset({"init", "ready", "degraded", "updating"})
_LEAST_TTL_S = 0.5
MOST_PARTS, MOST_PART = 64, 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking: a command for each cart, refused ones too. `batch` when there were several."""

    batch: str | None
    commands: tuple[CartCommand, ...]


def after(state: State, event: Event) -> State:
    """Raises: IllegalTransitionError."""
    found = TRANSITIONS[state].get(event)
    if found is None:
        raise IllegalTransitionError("command", state.value, event.value)
    return found


def standing(command: CartCommand, now: datetime) -> State:
    """As a person should see it now, also when no gateway runs that would write it down."""
    state = State(command.state)
    if state in (State.WAITING, State.REQUESTED) and now >= command.expires_at:
        return State.EXPIRED
    if state in UNDER_WAY and command.due_at is not None and now >= command.due_at + timedelta(seconds=60):
        return State.OUTCOME_UNKNOWN
    return state


def may_ask(actor: Actor) -> tuple[Kind, ...]:
    """The commands that this person may ask for, of a cart that they reach."""
    return tuple(kind for kind in KINDS.values() if actor.has(*kind.roles))


def ask(
    tx: Transaction,
    actor: Actor,
    carts: Sequence[str],
    name: str,
    params: Mapping[str, object],
    *,
    two_person: Sequence[str] = TWO_PERSON,
    bulk: bool = False,
) -> Asked:
    """One command for each of `carts`. Each cart is looked at for itself: one that is not known, is in a ward that the person does not
    reach, or is away gets a refusal of its own, and the others go on.

    Raises: NotPermittedError (the role does not do this at all), MessageError (no such command, a drawer that is none, no cart)."""
    kind = KINDS.get(name)
    if kind is None:
        raise MessageError(f"there is no command {name[:40]!r}", problems=(("name", f"one of {', '.join(KINDS)}"),), remedy="choose one")
    require(tx, actor, *kind.roles)
    named = tuple(dict.fromkeys(carts))
    bulk = bulk or len(named) > 1
    if not named or len(named) > MOST_AT_ONCE or any(not routes.is_level(cart) for cart in named):
        why = f"name 1 to {MOST_AT_ONCE} carts"
        raise MessageError("no cart is named, or too many, or something that is no cart", problems=(("carts", why),), remedy=why)
    if bulk and not kind.bulk:
        raise MessageError(f"{name} is asked of one cart at a time", problems=(("name", "choose one cart"),), remedy="choose one cart")
    given = _params(kind, params)
    found = commands.targets(tx, named)
    batch = str(uuid4()) if bulk else None
    made = tuple(_made(tx, actor, kind, cart, found.get(cart), given, batch=batch, needs_second=kind.name in two_person) for cart in named)
    notices.tell(tx, notices.COMMANDS)
    for command in made:
        commands.add(tx, command)
        tx.audit(
            "command.request",
            f"cart/{command.cart}",
            {"command": command.id, "name": name, "params": dict(given), "batch": batch, "state": command.state, "why": command.why},
        )
    return Asked(batch=batch, commands=made)


def _made(
    tx: Transaction,
    actor: Actor,
    kind: Kind,
    cart: str,
    target: Target | None,
    params: Mapping[str, object],
    *,
    batch: str | None,
    needs_second: bool,
) -> CartCommand:
    why = _refusal(tx, target)
    state = State.REFUSED if why else State.WAITING if needs_second else State.REQUESTED
    lasts = SECOND_WITHIN if needs_second else BULK_WITHIN if batch else timedelta(seconds=kind.ttl_s)
    return CartCommand(
        id=str(uuid4()),
        cart=cart,
        ward=target.ward if target is not None else "",
        name=kind.name,
        params=params,
        batch=batch,
        asked_by=actor.id,
        second_by=None,
        state=state.value,
        why=why,
        issued_at=tx.at,
        expires_at=tx.at + lasts,
        ttl_s=kind.ttl_s,
        answered_at=tx.at if why else None,
    )


def _refusal(tx: Transaction, target: Target | None) -> str:
    """Why nothing is sent to this cart, "" when something may be."""
    if target is None:
        return "not-known"
    if not _reaches(tx, target.ward):
        return "other-ward"
    return "" if target.phase in _LIVE and target.sid else "cart-away"


def _reaches(tx: Transaction, ward: str) -> bool:
    """A cart that is in no ward belongs to those who are bound to none."""
    return tx.actor.wards is None or (bool(ward) and reach.sees(tx, ward))


def _params(kind: Kind, given: Mapping[str, object]) -> dict[str, object]:
    """Only what the command takes. Raises: MessageError."""
    made: dict[str, object] = {}
    if kind.drawer:
        least = 1 if kind.drawer == "one" else 0
        made["drawer"] = _whole(given, "drawer", least, MOST_DRAWERS, 0 if least == 0 else None)
    if kind.lasts:
        made["lasts_s"] = _whole(given, "lasts_s", 0, MOST_LOCATE_S, LOCATE_S)
    if unknown := sorted(set(given) - set(made)):
        raise MessageError(f"{kind.name} takes no {', '.join(unknown)[:80]}", problems=((unknown[0][:40], "leave it out"),), remedy="")
    return made


def _whole(given: Mapping[str, object], name: str, least: int, most: int, default: int | None) -> int:
    value = given.get(name)
    if value in (None, "") and default is not None:
        return default
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        why = f"a whole number from {least} to {most}"
        raise MessageError(f"{name} must be {why}", problems=((name, why),), remedy=f"write {why}")
    return value


def second(tx: Transaction, actor: Actor, command_id: str, *, confirms: bool) -> CartCommand:
    """The second person's word. From now the command has its own short time.

    Raises: NotFoundError, NotPermittedError (their own command, another ward, no such role), ConflictError (it does not wait any more)."""
    require(tx, actor, *SECONDS)
    found = seen(tx, command_id)
    if found.asked_by == actor.id:
        raise NotPermittedError(
            "nobody is the second person of what they asked for",
            remedy="somebody else signs in for themselves and confirms",
            actor=actor.id,
        )
    if standing(found, tx.at) is not State.WAITING:
        raise ConflictError("this command does not wait for a second person any more", remedy="look at what became of it", command=found.id)
    after_ = after(State.WAITING, Event.CONFIRMED if confirms else Event.DECLINED)
    values: dict[str, object] = {"second_by": actor.id}
    if confirms:
        lasts = BULK_WITHIN if found.batch else timedelta(seconds=KINDS[found.name].ttl_s)
        values["expires_at"] = tx.at + lasts
    else:
        values |= {"why": "declined", "answered_at": tx.at}
    _moved(tx, found, State.WAITING, after_, **values)
    notices.tell(tx, notices.COMMANDS)
    tx.audit(
        "command.second",
        f"cart/{found.cart}",
        {"command": found.id, "name": found.name, "asked_by": found.asked_by, "confirms": confirms},
    )
    return commands.get(tx, found.id) or found


def withdraw(tx: Transaction, actor: Actor, found: Sequence[CartCommand]) -> int:
    """Takes back what was not sent yet; how many that were. Raises: NotPermittedError."""
    require(tx, actor, *SECONDS)
    count = 0
    for command in found:
        for state in (State.WAITING, State.REQUESTED):
            allowed = _reaches(tx, command.ward) and (command.asked_by == actor.id or actor.has(*FLEET))
            if allowed and commands.move(
                tx, command.id, before=state, after=after(state, Event.TAKEN_BACK), why="taken-back", answered_at=tx.at
            ):
                tx.audit("command.withdraw", f"cart/{command.cart}", {"command": command.id, "name": command.name})
                count += 1
    return count


def seen(tx: Transaction, command_id: str) -> CartCommand:
    """Raises: NotFoundError, also for a cart that the person does not reach."""
    found = commands.get(tx, command_id)
    if found is None or not _reaches(tx, found.ward):
        raise NotFoundError("there is no such command", remedy="look at the list of commands", command=command_id[:64])
    return found


# What the gateway does.


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One command that is to go out now: it is written down as sent already, so that it never goes out twice."""

    id: str
    cart: str
    name: str
    sid: str
    by: str
    ttl_s: float
    params: Mapping[str, object] = field(default_factory=dict)


def to_send(tx: Transaction) -> tuple[Sending, ...]:
    """Takes what is to be sent now, of a batch a few at a time. A cart that is away or in another session since gets a refusal."""
    asked = commands.open_in_turn(tx, State.REQUESTED, limit=_LOOKED, each=AT_ONCE)
    if not asked:
        return ()
    under_way = commands.under_way(tx, UNDER_WAY)
    found = commands.targets(tx, {command.cart for command in asked})
    taken = []
    for command in asked:
        left_s = (command.expires_at - tx.at).total_seconds()
        if left_s < _LEAST_TTL_S:
            continue  # `overdue` writes down what became of it
        target = found.get(command.cart)
        if target is None or target.phase not in _LIVE or not target.sid:
            if commands.move(tx, command.id, before=State.REQUESTED, after=State.EXPIRED, why="cart-away", answered_at=tx.at):
                _audit_outcome(tx, command, State.EXPIRED, "cart-away")
            continue
        if command.batch is not None:
            if under_way.get(command.batch, 0) >= AT_ONCE:
                continue
            under_way[command.batch] = under_way.get(command.batch, 0) + 1
        ttl_s = min(command.ttl_s, left_s)
        due_at = tx.at + timedelta(seconds=ttl_s + KINDS[command.name].answer_s)
        sent = {"sent_at": tx.at, "due_at": due_at, "sid": target.sid, "boot_id": target.boot_id}
        if commands.move(tx, command.id, before=State.REQUESTED, after=after(State.REQUESTED, Event.SENT), **sent):
            tx.audit("command.send", f"cart/{command.cart}", {"command": command.id, "name": command.name, "by": command.asked_by})
            taken.append(
                Sending(
                    id=command.id,
                    cart=command.cart,
                    name=command.name,
                    sid=target.sid,
                    by=command.asked_by,
                    ttl_s=ttl_s,
                    params=command.params,
                )
            )
    return tuple(taken)


def any_requested(tx: Transaction) -> bool:
    return commands.any_open(tx, {State.REQUESTED})


def not_sent(tx: Transaction, command_id: str) -> None:
    """It certainly did not leave this machine."""
    found = commands.get(tx, command_id)
    if found is not None and commands.move(
        tx, command_id, before=State.SENT, after=after(State.SENT, Event.NOT_SENT), why="broker-away", answered_at=tx.at
    ):
        _audit_outcome(tx, found, State.EXPIRED, "broker-away")


def answered(tx: Transaction, cart: str, body: CommandAnswered) -> str:
    """What the cart says. Returns why it counts for nothing, "" when it counted or was known already."""
    found = commands.get(tx, body.command)
    if found is None or found.cart != cart or found.name != body.name:
        return "no such command was sent to this cart"
    state, event = State(found.state), _OF[body.outcome]
    if state is State.SENT or event in TRANSITIONS[state]:
        told, complete = _told(tx, found, body)
        if not complete:
            event = Event.TOLD_ACCEPTED
            if state is State.ACCEPTED:
                return ""
    if event not in TRANSITIONS[state]:
        return "" if state not in (State.WAITING, State.REQUESTED, State.EXPIRED, State.WITHDRAWN) else "this command was never sent"
    now = TRANSITIONS[state][event]
    values: dict[str, object] = {"answered_at": tx.at, "why": (body.why or "")[:64], "told": told}
    if now is State.ACCEPTED:
        values["due_at"] = tx.at + timedelta(seconds=KINDS[found.name].settles_s)
    if commands.move(tx, found.id, before=state, after=now, **values):
        _audit_outcome(tx, found, now, body.why or "")
    return ""


def _told(tx: Transaction, found: CartCommand, body: CommandAnswered) -> tuple[dict[str, object], bool]:
    """What it says beside the outcome, and whether that is all of it. Parts are put together, and must be what they say they are."""
    values = dict(body.values)
    text = values.pop("text", None)
    part, of, digest = values.get("part"), values.get("parts"), values.get("sha256")
    if not isinstance(text, str):
        return values, True
    fits = isinstance(part, int) and isinstance(of, int) and 1 <= part <= of <= MOST_PARTS and len(text) <= MOST_PART
    if not fits or not isinstance(digest, str) or not isinstance(part, int) or not isinstance(of, int):
        return {**values, "parts_fault": "not-understood"}, True
    values.pop("part")
    if commands.keep_part(tx, found.id, part, text) < of:
        return values, False
    whole = commands.parts(tx, found.id)
    if hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest() != digest:
        values["parts_fault"] = "other-hash"
    return values, True


def born(tx: Transaction, cart: str, boot_id: str) -> None:
    """The cart is there with another boot: what it accepted as a restart is done. Anything else that was under way in the session before
    stays for its answer or its time."""
    for command in commands.listed(tx, cart=cart, states=UNDER_WAY, name=RESTART, limit=10):
        if command.boot_id and boot_id and command.boot_id != boot_id:
            told = {"boot_before": command.boot_id, "boot": boot_id[:64]}
            if commands.move(tx, command.id, before=command.state, after=State.DONE, answered_at=tx.at, told=told, why=""):
                _audit_outcome(tx, command, State.DONE, "")


def overdue(tx: Transaction) -> int:
    """Writes down what ran out: what was never sent is expired, what was has an unknown outcome. Returns how many."""
    count = 0
    for state in (State.WAITING, State.REQUESTED, State.SENT, State.ACCEPTED):
        for command in commands.open_ones(tx, state, limit=_LOOKED):
            until = command.due_at if state in UNDER_WAY else command.expires_at
            if until is None or tx.at < until:
                continue
            why = "no-answer" if state in UNDER_WAY else "no-second-person" if state is State.WAITING else "not-sent-in-time"
            now = after(state, Event.RAN_OUT)
            if commands.move(tx, command.id, before=state, after=now, why=why, answered_at=tx.at):
                _audit_outcome(tx, command, now, why)
                count += 1
    return count


def _moved(tx: Transaction, found: CartCommand, before: State, now: State, **values: object) -> None:
    if not commands.move(tx, found.id, before=before, after=now, **values):
        raise ConflictError("somebody was faster with this command", remedy="look at what became of it", command=found.id)


def _audit_outcome(tx: Transaction, command: CartCommand, state: State, why: str) -> None:
    detail = {"command": command.id, "name": command.name, "asked_by": command.asked_by, "outcome": state.value, "why": why[:64]}
    tx.audit("command.outcome", f"cart/{command.cart}", detail)
