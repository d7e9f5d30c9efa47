"""The upkeep of a cart: alerts set and cleared, its configuration wanted and reported, the one job that it is to do.

None of these may name a patient: alerts are retained by brokers. What is signed is checked by the program that obeys it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AlertSeverity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """Something is wrong with the cart until this topic's retained message is removed (an empty payload): then it is resolved.

    `code` is stable, `at` is when it began, the same in every repeat: with another `at` it is another occurrence."""

    code: str
    severity: AlertSeverity
    at: datetime
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDesired:
    """What the cart is to run with. `signed` is a compact JWS (Ed25519, `typ` "cart-config") over `ConfigOrder`; the `version` beside
    it only tells which, the signed one counts."""

    version: int
    signed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOrder:
    """What `ConfigDesired.signed` signs. `document` maps settings of the table of settings to their values; one that is not in it has
    its default."""

    facility: str
    cart: str
    version: int
    document: Mapping[str, object]
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReported:
    """What the cart really runs with: every setting that it knows. `version` is that of the newest desired one that it took, 0 for
    none; `refused` maps a setting to the stable code why it does not run with what was desired; `hash` is of `document`."""

    version: int
    document: Mapping[str, object]
    hash: str
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAssigned:
    """The one current job of a cart. `signed` is a compact JWS (Ed25519, `typ` "cart-job") over `JobOrder`. None: there is none, and
    one that has not begun is withdrawn."""

    job: str | None = None
    signed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTarget:
    """The image that a cart is to run. `name` is its path in the update repository; `sha256` and `length` (bytes) are of the file;
    `image_hash` is the hash that the image itself carries, which tells what really runs; `version` is as "1.1.0+7"."""

    name: str
    version: str
    length: int
    sha256: str
    hardware: str
    image_hash: str
    security_counter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """What `JobAssigned.signed` signs: bound to one cart, one attempt and a time. `gates` say when it may begin: "docked" (truth),
    "idle_min", "charge_percent"."""

    facility: str
    cart: str
    job: str
    kind: str
    target: JobTarget
    attempt: int
    issued_at: datetime
    expires_at: datetime
    gates: Mapping[str, object] = field(default_factory=dict)


class JobState(StrEnum):
    """`waiting`: a gate holds it. `unknown`: nobody can say whether it was done; only what the cart reports of itself decides."""

    QUEUED = "queued"
    WAITING = "waiting"
    IN_PROGRESS = "in-progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    TIMED_OUT = "timed-out"
    REVERTED = "reverted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTold:
    """How far a job is. `step` and `why` are stable codes, `percent` 0..100 of the step, None where it cannot be told."""

    job: str
    attempt: int
    state: JobState
    step: str
    at: datetime
    percent: int | None = None
    why: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
