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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prn:
    """`max_per_24h` is an amount of the ingredient, over a rolling day and all products that hold it."""

    reasons: tuple[str, ...] = ()
    min_interval: timedelta | None = None
    max_per_24h: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One version of an order.

    `ingredient` names the set of ingredients, a combination joined by "/". `times` are wall clock in the ward; `every` is
    elapsed time from `start`. `dose` may be per body weight ("15 mg/kg"). `status` None means unknown. `display` is the
    line as prescribed, for the screen.
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
