"""What the pharmacy issues: products, printed infusion bags, opened containers, labels of single units.

Values only; a cart holds them as its `Formulary` table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum

from pointofcare.quantity import Quantity


class HighAlert(IntEnum):
    """0 no · 1 labelled high-alert · 2 witness recommended (skipping needs a reason) · 3 witness required (rule H2)."""

    NO = 0
    LABEL = 1
    WITNESS_RECOMMENDED = 2
    WITNESS_REQUIRED = 3


class Controlled(StrEnum):
    NONE = "none"
    NARCOTIC = "narcotic"
    PSYCHOTROPIC = "psychotropic"
    PRECURSOR = "precursor"


class Release(StrEnum):
    IMMEDIATE = "immediate"
    EXTENDED = "extended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """`amount` is per unit of the product (one tablet, one ampoule, one vial)."""

    name: str
    amount: Quantity | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxDaily:
    ingredient: str
    hard: Quantity | None = None
    soft: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRule:
    """A value outside asks for `level` ("WITNESS", "REASON" or "STOP"); one missing or older than `max_age` for a reason."""

    code: str
    below: Quantity | None = None
    above: Quantity | None = None
    max_age: timedelta | None = None
    level: str = "REASON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One trade item. `gtin` has 14 digits. `routes` are the codes of orders (`PO IV IM SC ...`), `volume` is per unit.

    `hang_time` is how long one bag may hang (rule I7). `owner` is the patient whose own medicine this is, as the pharmacy
    identified and labelled it; None: hospital stock."""

    id: str
    gtin: str
    name: str
    form: str
    routes: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    volume: Quantity | None = None
    divisible: bool = False
    multi_dose: bool = False
    release: Release = Release.IMMEDIATE
    high_alert: HighAlert = HighAlert.NO
    controlled: Controlled = Controlled.NONE
    discard_after_opening: timedelta | None = None
    lasa: tuple[str, ...] = ()
    max_daily: tuple[MaxDaily, ...] = ()
    hold: tuple[HoldRule, ...] = ()
    recalled_lots: tuple[str, ...] = ()
    minibag: bool = False
    vinca: bool = False
    hang_time: timedelta | None = None
    owner: str | None = None
    blood_component: bool = False


class BagState(StrEnum):
    PREPARED = "prepared"
    INFUSING = "infusing"
    STOPPED = "stopped"
    COMPLETED = "completed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedFor:
    """What stood on the order when the bag's label was printed."""

    volume: Quantity | None = None
    rate: Quantity | None = None
    additives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """`started_at`, `rate` and `record_id` are those of the administration that runs, or ran, from it; None: none did."""

    id: str
    order: str
    order_version: int
    state: BagState | None = None
    printed_for: PrintedFor = PrintedFor()
    patient: str | None = None
    started_at: datetime | None = None
    rate: Quantity | None = None
    record_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpReading:
    """What an infusion pump's channel says that it does. `bag` and `patient` are what was associated with the channel at
    `associated_at`; None: nothing was."""

    pump: str
    channel: str
    at: datetime
    bag: str | None = None
    patient: str | None = None
    associated_at: datetime | None = None
    drug: str | None = None
    rate: Quantity | None = None
    concentration: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """An opened multi-dose container."""

    gtin: str
    serial: str | None
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLabels:
    """Labels that the hospital printed for single units of one trade item, alike in all but their serial numbers. `void` are those of
    `serials` that were withdrawn. `patient` is for whom the unit was put up; None: for nobody in particular."""

    gtin: str
    serials: tuple[str, ...]
    lot: str | None = None
    expiry: date | None = None
    patient: str | None = None
    void: tuple[str, ...] = ()
