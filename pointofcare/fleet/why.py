"""Why is this cart not updating: one stable code with its parameters, of which a screen makes one sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pointofcare.fleet import rollout as rollouts
from pointofcare.fleet.rollout import Rollout
from pointofcare.fleet.rollout import State as RolloutState
from pointofcare.fleet.update import CartUpdate, Seen, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """`parameters`: numbers, stable codes and aware UTC moments, by name."""

    code: str
    parameters: Mapping[str, object] = field(default_factory=dict)


# Every code that `why` may give: each has a sentence in every language.
CODES = frozenset(
    {
        "already-has-it", "assigned", "at-the-gate", "awaiting", "baking", "busy", "charge-low", "concurrency", "failed",
        "hardware-unknown", "in-progress", "in-use", "job-expired", "left-out", "never-heard", "not-docked", "not-in-it",
        "not-started", "offline", "other-hardware", "paused", "penalty", "ready", "stopped", "stopping", "succeeded",
        "tripped", "unknown", "version-unknown", "waits-for-wave",
    }
)  # fmt: skip


def why(rollout: Rollout, update: CartUpdate, seen: Seen, *, in_flight: int) -> Reason:
    """What keeps this cart from running the release, the nearest cause first; or that it does."""
    plan = rollout.plan
    match update.state:
        case State.SUCCEEDED:
            return _reason("succeeded", since=update.since)
        case State.FAILED:
            return _reason("failed", why=update.why, attempts=update.attempt, failures=update.failures)
        case State.SKIPPED:
            if update.why == "other-hardware":
                return _reason("other-hardware", found=seen.hardware or "", wanted=rollout.target.hardware)
            return _reason(update.why) if update.why in ("already-has-it", "stopped") else _reason("left-out", reason=update.why)
        case State.BAKING:
            return _reason("baking", until=update.since + timedelta(minutes=plan.bake_min))
        case State.IN_PROGRESS:
            return _reason("in-progress", step=update.step, percent=update.percent, since=update.began_at or update.since)
        case State.UNKNOWN:
            return _reason("unknown", why=update.why, since=update.since)
        case State.PENALTY:
            return _reason("penalty", until=update.not_before, why=update.why, failures=update.failures, attempts=plan.attempts)
        case State.WAITING:
            return _gate(rollout, update, seen)
        case State.ASSIGNED if rollout.state in rollouts.OFFERING:
            return _reason("assigned", since=update.since, until=update.expires_at)
        case _:
            return _queued(rollout, update, seen, in_flight)


def _queued(rollout: Rollout, update: CartUpdate, seen: Seen, in_flight: int) -> Reason:
    match rollout.state:
        case RolloutState.DRAFT:
            return _reason("not-started")
        case RolloutState.PAUSED:
            return _reason("tripped" if rollout.why == "failures" else "paused", since=rollout.since)
        case RolloutState.STOPPED | RolloutState.FINISHED:
            return _reason("stopping")
    if update.wave > rollout.wave:
        return _reason("waits-for-wave", wave=update.wave + 1, current=rollout.wave + 1)
    if rollout.state is RolloutState.AWAITING:
        return _reason("awaiting", wave=rollout.wave + 1)
    held = rollouts.hold(rollout, seen)
    match held:
        case None:
            if in_flight >= rollout.plan.at_once:
                return _reason("concurrency", number=in_flight)
            return _reason("job-expired") if update.why == "job-expired" else _reason("ready")
        case "offline":
            return _reason(held, since=seen.offline_since)
        case "charge-low":
            return _reason(held, found=round(seen.charge_percent or 0), wanted=rollout.plan.gates.charge_percent)
        case "other-hardware":
            return _reason(held, found=seen.hardware, wanted=rollout.target.hardware)
        case _:
            return _reason(held)


def _gate(rollout: Rollout, update: CartUpdate, seen: Seen) -> Reason:
    """What the cart said; one that is away cannot have said the newest."""
    if rollout.state not in rollouts.OFFERING:
        return _queued(rollout, update, seen, 0)
    if not seen.online:
        return _reason("offline", since=seen.offline_since)
    if update.why == "charge-low" and seen.charge_percent is not None:
        return _reason("charge-low", found=round(seen.charge_percent), wanted=rollout.plan.gates.charge_percent)
    return _reason(update.why) if update.why in ("not-docked", "in-use") else _reason("at-the-gate", why=update.why)


def _reason(code: str, **parameters: object) -> Reason:
    return Reason(code=code, parameters={name: value for name, value in parameters.items() if value is not None})
