"""What a virtual cart does with a firmware job: waits at its gates, loads, tests, confirms, or goes back to what it had. Pure.

Its microcontroller has two slots as MCUboot has: an image that was not confirmed is gone after the next start. Nothing is fetched here:
how long each step takes, and what goes wrong, is the scenario's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# Each step and how long it takes, in seconds at pace 1.
STEPS: tuple[tuple[str, float], ...] = (
    ("download", 3.0),
    ("verify", 1.0),
    ("upload", 9.0),
    ("test", 4.0),
    ("selftest", 3.0),
    ("confirm", 2.0),
)
STALLS_AFTER = 4.0  # times of a step
FINAL = frozenset({"succeeded", "failed", "rejected", "timed-out", "reverted", "unknown"})
_OUT_S = 8.0
_NAMES = tuple(name for name, _ in STEPS)
_LASTS = dict(STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """`version` as the microcontroller says it, "1.1.0.7"; `hash` is that of the image, which alone tells what it is."""

    version: str
    hash: str
    counter: int = 1
    active: bool = False
    confirmed: bool = False
    pending: bool = False

    def told(self, number: int) -> dict[str, object]:
        return {
            "slot": number,
            "version": self.version,
            "hash": self.hash,
            "active": self.active,
            "confirmed": self.confirmed,
            "pending": self.pending,
        }


Slots = tuple[Slot | None, Slot | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a signed job says, as far as the cart needs it."""

    job: str
    attempt: int
    version: str
    hardware: str
    image_hash: str
    counter: int
    expires_s: float
    gates: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How the cart stands. `now_s` is Unix time."""

    now_s: float
    docked: bool
    idle_min: int
    charge_percent: int
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """`since_s` is when the step began; `cut` whether the power went already, `boots` how often the microcontroller started."""

    order: Order
    state: str = "queued"
    step: str = "queued"
    percent: int | None = None
    why: str | None = None
    since_s: float = 0.0
    cut: bool = False
    boots: int = 0

    @property
    def over(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one look brought: the update and the slots as they are now, and for how long (seconds) the whole cart has no power."""

    update: Update
    slots: Slots
    out_s: float = 0.0


def order(values: Mapping[str, Any], *, expires_s: float) -> Order:
    """From the signed words of a job. Raises: KeyError, TypeError, ValueError where they are not one."""
    target = values["target"]
    return Order(
        job=str(values["job"]),
        attempt=int(values["attempt"]),
        version=str(target["version"]),
        hardware=str(target["hardware"]),
        image_hash=str(target["image_hash"]),
        counter=int(target["security_counter"]),
        expires_s=expires_s,
        gates=dict(values.get("gates") or {}),
    )


def refusal(asked: Order, *, hardware: str, slots: Slots, now_s: float) -> str:
    """Why a cart does not begin this job at all, "" when it may."""
    running = slots[0]
    if asked.hardware not in (hardware, "*", ""):
        return "wrong-hardware"
    if now_s >= asked.expires_s:
        return "expired"
    if running is not None and asked.counter < running.counter:
        return "security-counter"
    return ""


def held_by(gates: Mapping[str, object], facts: Facts) -> str | None:
    """The gate that does not let it begin now."""
    if facts.busy:
        return "in-use"
    if gates.get("docked") and not facts.docked:
        return "not-docked"
    if facts.idle_min < _number(gates.get("idle_min")):
        return "in-use"
    if facts.charge_percent < _number(gates.get("charge_percent")):
        return "charge"
    return None


def turn(update: Update, slots: Slots, facts: Facts, *, fault: str = "", pace: float = 1.0) -> Turn:
    """A look at the job now. `fault` is one of the scenario's, `pace` makes every step so many times shorter."""
    if update.over:
        return Turn(update=update, slots=slots)
    if update.state != "in-progress":
        return Turn(update=_begun(update, slots, facts), slots=slots)
    lasts_s = _LASTS[update.step] / pace
    gone_s = facts.now_s - update.since_s
    if update.step == "upload":
        if fault == "power-cut" and not update.cut and gone_s >= lasts_s / 2:
            # It is in the flash so far: the upload goes on where it broke off.
            cut = replace(update, cut=True, since_s=facts.now_s - lasts_s / 2, why="power-lost")
            return Turn(update=cut, slots=slots, out_s=_OUT_S / pace)
        if fault == "stuck":
            stalled = replace(update, percent=40, why="upload-stalled")
            return Turn(update=replace(stalled, state="failed") if gone_s >= lasts_s * STALLS_AFTER else stalled, slots=slots)
        if gone_s < lasts_s:
            return Turn(update=replace(update, percent=int(gone_s / lasts_s * 4) * 25), slots=slots)
    if gone_s < lasts_s:
        return Turn(update=update, slots=slots)
    return _ended(update, slots, facts, fault)


def _begun(update: Update, slots: Slots, facts: Facts) -> Update:
    if facts.now_s >= update.order.expires_s:
        return replace(update, state="timed-out", step="gate", why="expired")
    if slots[0] is not None and slots[0].hash == update.order.image_hash and slots[0].confirmed:
        return replace(update, state="succeeded", step="confirm", why="already-there", percent=100)
    held = held_by(update.order.gates, facts)
    if held is not None:
        return replace(update, state="waiting", step="gate", why=held)
    return replace(update, state="in-progress", step=_NAMES[0], why=None, since_s=facts.now_s)


def _ended(update: Update, slots: Slots, facts: Facts, fault: str) -> Turn:
    """The step is over: what it left behind, and the next one."""
    running, other = slots
    assert running is not None
    if update.step == "upload":
        asked = update.order
        fresh = Slot(version=asked.version.replace("+", "."), hash=asked.image_hash, counter=asked.counter, pending=True)
        slots = (running, fresh)
    elif update.step == "test" and other is not None:
        if fault == "no-boot":
            return _reverted(update, slots, "not-started")
        slots = (replace(other, active=True, pending=False), replace(running, active=False))
        update = replace(update, boots=update.boots + 1)
    elif update.step == "selftest" and fault == "self-test" and other is not None:
        # It starts once more without having been confirmed: the bootloader puts the old one back.
        return _reverted(replace(update, boots=update.boots + 1), (other, running), "self-test")
    elif update.step == "confirm":
        confirmed = replace(running, confirmed=True)
        done = replace(update, state="succeeded", percent=100, why=None, since_s=facts.now_s)
        return Turn(update=done, slots=(confirmed, replace(other, confirmed=False) if other else None))
    following = _NAMES[_NAMES.index(update.step) + 1]
    return Turn(update=replace(update, step=following, percent=None, since_s=facts.now_s), slots=slots)


def _reverted(update: Update, slots: Slots, why: str) -> Turn:
    """`slots` with the old image first; the new one is erased."""
    old, _ = slots
    assert old is not None
    return Turn(
        update=replace(update, state="reverted", why=why, percent=None, boots=update.boots + 1),
        slots=(replace(old, active=True, confirmed=True, pending=False), None),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
