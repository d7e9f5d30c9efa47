"""What happened at the bedside on its way up, and the receipts on their way down; who may give now (the dose lease)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Lease, LeaseDoubt


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationRecorded:
    """A fact, resent until its receipt. `seq` counts this cart's rows within `epoch`, from 1, never reset. `facts` is what the
    verdict was a function of (see `pointofcare.wire.snapshot`), None from a cart that does not keep it."""

    record: AdministrationRecord
    seq: int
    epoch: str
    facts: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRecorded:
    """A vital sign or a score, measured or entered at the bedside: a fact like an administration, with the same receipt."""

    record_id: str
    facility: str
    ward: str
    cart: str
    patient: str
    code: str
    value: Quantity
    at: datetime
    nurse: str
    seq: int
    epoch: str


class AttemptOutcome(StrEnum):
    STOPPED = "stopped"
    ABANDONED = "abandoned"
    LEFT_OPEN = "left-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStopped:
    """A dose that was not given because the verdict stopped it or the nurse gave it up; `left-open` is one that was verified
    and never confirmed. Evidence only: it changes no chart. `record_id` is drawn like an administration's and gets the same
    receipt; `seq`, `epoch` and levels are as in `AdministrationRecorded` and `AdministrationRecord`."""

    record_id: str
    facility: str
    ward: str
    cart: str
    at: datetime
    outcome: AttemptOutcome
    nurse: str | None
    patient: str | None
    order: str | None
    order_version: int | None
    due: datetime | None
    action: str
    level: str
    findings: tuple[FindingEvidence, ...]
    scans: tuple[ScanEvidence, ...]
    engine: str
    policy: str
    chart_version: int
    online: bool
    seq: int
    epoch: str
    witness: str | None = None
    reason: str | None = None
    products: tuple[str, ...] = ()
    facts: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyNote:
    """Where the server's own verdict differs from the cart's. `code` is stable, `rule` of the rule catalogue where one is."""

    code: str
    rule: str | None = None
    cart_level: str | None = None
    server_level: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReceived:
    """The server's own receipt for a `record_id`: it is committed there. Only this settles the journal's row."""

    record_id: str
    duplicate: bool
    received_at: datetime
    discrepancies: tuple[DiscrepancyNote, ...] = ()


class EmrState(StrEnum):
    """`waiting` will be sent again by itself; `rejected` and `outcome-unknown` wait for a person."""

    WAITING = "waiting"
    SETTLED = "settled"
    REJECTED = "rejected"
    OUTCOME_UNKNOWN = "outcome-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmrSettled:
    record_id: str
    state: EmrState
    emr_id: str | None = None
    why: str | None = None


class LeaseAction(StrEnum):
    ACQUIRE = "acquire"
    RENEW = "renew"
    RELEASE = "release"
    TELL = "tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAsked:
    """`fence` is that of the lease to renew or release. `unsettled` are the ids of this cart's records and open doses of the patient
    that have no receipt yet, None from a cart that does not say. A `tell` answers the server's `tell` with its token."""

    action: LeaseAction
    patient: str
    nurse: str | None = None
    fence: int | None = None
    unsettled: tuple[str, ...] | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAnswered:
    """`asked` is the id of the message that asked. `until` and `fence` belong to a held lease; `holder` names the other cart.
    A cart counts `lasts_s` on its own monotonic clock from the moment it asked, so that its wall clock cannot stretch it.
    `chart_version` is the newest of the cart's ward when it was granted: to a cart with an older chart this is no lease yet. `doubts`
    are other carts that have not told what they did. `tell`: nobody asked; the server wants to know what of this patient is unsettled."""

    asked: str
    patient: str
    state: Lease
    holder: str | None = None
    until: datetime | None = None
    lasts_s: float | None = None
    fence: int | None = None
    chart_version: int | None = None
    doubts: tuple[LeaseDoubt, ...] = ()
    tell: str | None = None
