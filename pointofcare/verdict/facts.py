"""The frozen snapshot that a verdict is a function of. Everything that a check may look at is here, and nothing else is.

The cart's chart, the server's store and the scenario format each build one; none of them may leave out a fact that they
have, and a fact that they lack is None (unknown), never a default that would pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pointofcare.labels.scan import Scan
from pointofcare.orders.order import Order
from pointofcare.people import Nurse, Patient, Witness
from pointofcare.products import Bag, Container, IssuedLabels, Product, PumpReading
from pointofcare.quantity import Quantity
from pointofcare.verdict.policy import Policy


class Lease(StrEnum):
    """Who may give this patient's due doses now. Offline, `HELD` means that this cart's lease has not run out yet."""

    HELD = "held"
    OTHER_CART = "other-cart"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOrder:
    order: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseDoubt:
    """A cart that had this patient's lease and has not told yet what became of it: it may have given a dose that nobody else knows.
    `since` is when its lease ended, `nurse` who was signed in there."""

    cart: str
    nurse: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """`clock_offset_s`: cart clock minus server clock, seconds. `chart_age_s`: since the server issued the chart. `lease_pending`: the
    lease is asked for and not had, or had with a newer chart than is here. `lease_doubts` came with the lease that is held."""

    id: str = ""
    online: bool | None = None
    clock_offset_s: float | None = None
    chart_age_s: float | None = None
    lease: Lease = Lease.NONE
    shown: tuple[ShownOrder, ...] = ()
    lease_pending: bool = False
    lease_doubts: tuple[LeaseDoubt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One administration on the record. `status` is a FHIR MedicationAdministration code, `at` when it happened.

    `continues` is the record that this one goes on with (the start of an infusion, the patch that was put on). `effect` is what
    became of a dose as needed, None: not said yet."""

    order: str
    patient: str
    status: str
    at: datetime
    product: str | None = None
    due: datetime | None = None
    dose: Quantity | None = None
    lot: str | None = None
    serial: str | None = None
    removed_at: datetime | None = None
    reason: str | None = None
    record_id: str | None = None
    action: str | None = None
    bag: str | None = None
    rate: Quantity | None = None
    continues: str | None = None
    site: str | None = None
    prn_reason: str | None = None
    effect: str | None = None
    effect_at: datetime | None = None
    nurse: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """One scan (or typed identifier) at the bedside, in the order in which they came."""

    scan: Scan
    at: datetime


class Action(StrEnum):
    GIVE = "give"
    HOLD = "hold"
    REFUSE = "refuse"
    NOT_GIVEN = "not-given"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"
    WASTE = "waste"
    RATE = "rate"
    ASSESS = "assess"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What the nurse wants to do. `satisfies` names the rules that `reason` answers; None: the only REASON finding.

    `of_record` is the record that a stop, a change of rate, a removal, an assessment of effect or an undo is about. `rate` is what
    was set, `drop_factor` the drops per mL of the set, `effect` what became of a dose as needed."""

    action: Action
    order: str | None = None
    due: datetime | None = None
    dose: Quantity | None = None
    route: str | None = None
    site: str | None = None
    given_at: datetime | None = None
    reason: str | None = None
    reason_text: str | None = None
    satisfies: tuple[str, ...] | None = None
    prn_reason: str | None = None
    witness: Witness | None = None
    blind_value: Quantity | None = None
    waste: Quantity | None = None
    returned: Quantity | None = None
    of_record: str | None = None
    rate: Quantity | None = None
    drop_factor: int | None = None
    effect: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`at` is the moment of asking on the cart (aware, UTC). `timezone` is the ward's IANA name, None when unknown."""

    at: datetime
    timezone: str | None
    cart: Cart
    nurse: Nurse | None
    intent: Intent
    policy: Policy = field(default_factory=Policy)
    patients: tuple[Patient, ...] = ()
    products: tuple[Product, ...] = ()
    orders: tuple[Order, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    bags: tuple[Bag, ...] = ()
    containers: tuple[Container, ...] = ()
    scans: tuple[Scanned, ...] = ()
    pumps: tuple[PumpReading, ...] = ()
    labels: tuple[IssuedLabels, ...] = ()
