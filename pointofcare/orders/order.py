"""An order: what a prescriber asked for, one version of it.

Values only. Orders are amended by a new version; a version is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from pointofcare.quantity import Quantity


class OrderStatus(StrEnum):
    """The FHIR codes of MedicationRequest.status that an order can have here."""

    ACTIVE = "active"
    ON_HOLD = "on-hold"
    STOPPED = "stopped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DRAFT = "draft"


class OrderCategory(StrEnum):
    SCHEDULED = "scheduled"
    PRN = "prn"
    STAT = "stat"
    ONCE = "once"
    INFUSION = "infusion"
    PATCH = "patch"
    ON_CALL = "on-call"


class DayOfWeek(StrEnum):
    """The FHIR codes of Timing.repeat.dayOfWeek, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prn:
    """`max_per_24h` is an amount of the ingredient, over a rolling day and all products that hold it."""

    reasons: tuple[str, ...] = ()
    min_interval: timedelta | None = None
    max_per_24h: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosage:
    """One dosage instruction of an order that has several (FHIR Dosage): the step of a taper, or the other dose of a day.

    Steps of the same `sequence` hold together, a higher one follows. `start` (included) and `end` (excluded) bound it inside the
    order's own bounds; the other fields are as in `Order`.
    """

    sequence: int
    dose: Quantity | None = None
    dose_range: tuple[Quantity, Quantity] | None = None
    rate: Quantity | None = None
    times: tuple[time, ...] = ()
    every: timedelta | None = None
    days_of_week: tuple[DayOfWeek, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    display: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """A risk that was flagged when the order was written and overridden there. `other` names the other drug; with `severity` "allergy"
    it is what the patient is allergic to, and the prescriber wants the drug given all the same."""

    other: str
    severity: str
    reason: str
    prescriber: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One version of an order.

    `ingredient` names the set of ingredients, a combination joined by "/". `times` are wall clock in the ward; `every` is
    elapsed time from `start`. `dose` may be per body weight ("15 mg/kg"). `status` None means unknown. `display` is the
    line as prescribed, for the screen.

    `days_of_week` empty: every day. `dosages`, where there are any, replace the order's own dose, times, every and days; an order
    that has both is contradictory. `rate_range` bounds the changes of a running infusion's rate. `own_supply`: the patient's own
    medicine is meant. `counts_days`: the day of treatment is numbered (antibiotics, opioids, corticosteroids and others).
    `clarification` says what the prescriber must clarify before it can be given by scan; "" for nothing. `holds_from` is when
    this version's times came to hold, None: with `start`; doses due before it were those of an earlier version.
    """

    id: str
    version: int
    patient: str
    ingredient: str
    form: str
    route: str
    category: OrderCategory
    status: OrderStatus | None = None
    verified: bool = False
    dose: Quantity | None = None
    dose_range: tuple[Quantity, Quantity] | None = None
    times: tuple[time, ...] = ()
    every: timedelta | None = None
    start: datetime | None = None
    end: datetime | None = None
    time_critical: bool = False
    prn: Prn | None = None
    rate: Quantity | None = None
    additives: tuple[str, ...] = ()
    needs_double_check: bool = False
    indication: str | None = None
    substitution: bool = True
    display: str = ""
    prescriber: str | None = None
    days_of_week: tuple[DayOfWeek, ...] = ()
    dosages: tuple[Dosage, ...] = ()
    rate_range: tuple[Quantity, Quantity] | None = None
    own_supply: bool = False
    counts_days: bool = False
    interactions: tuple[Interaction, ...] = ()
    clarification: str = ""
    holds_from: datetime | None = None
