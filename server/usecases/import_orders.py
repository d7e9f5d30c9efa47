"""From the fields of an order to an `Order`, or to a draft with the reasons why it cannot be given yet.

Dose, unit and times are never guessed and an order is never dropped for them: what cannot be computed makes a draft, which no
scan can match until somebody clarifies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from pointofcare.orders.order import Order, OrderCategory, OrderStatus, Prn
from pointofcare.quantity import Quantity
from server.usecases import import_fields as fields
from server.usecases.import_rows import FieldError, OrderFound, Place

_Value = TypeVar("_Value")

# As much of a cell as its reader is shown of it.
MOST_TOLD = 100
Clarify = tuple[tuple[str, str], ...]

# What a category must have before a dose can be computed; "times" stands for times of day or an interval.
NEEDS: Mapping[OrderCategory, tuple[str, ...]] = {
    OrderCategory.SCHEDULED: ("dose", "times", "start"),
    OrderCategory.PATCH: ("dose", "times", "start"),
    OrderCategory.PRN: ("dose", "start"),
    OrderCategory.STAT: ("dose", "start"),
    OrderCategory.ONCE: ("dose", "start"),
    OrderCategory.ON_CALL: ("dose", "start"),
    OrderCategory.INFUSION: ("rate", "start"),
}

# An unreadable cell of an import makes a draft; on a form and through the API it is the field's own fault.
FIELD_OF_FAULT = {
    "no-dose": "dose", "dose-unreadable": "dose", "dose-max-unreadable": "dose_max", "dose-range": "dose_max", "no-times": "times",
    "times-unreadable": "times", "every-unreadable": "every", "times-and-interval": "every", "no-start": "start",
    "start-unreadable": "start", "end-unreadable": "end", "ends-before-start": "end", "no-rate": "rate", "rate-unreadable": "rate",
    "prn-min-interval-unreadable": "prn_min_interval", "prn-max-24h-unreadable": "prn_max_24h",
}  # fmt: skip


def missing(order: Order) -> Clarify:
    """What the order lacks to be computable, as text codes. Empty for a complete one."""
    has = {
        "dose": order.dose is not None or order.dose_range is not None,
        "times": bool(order.times) or order.every is not None,
        "start": order.start is not None,
        "rate": order.rate is not None or order.dose is not None,
    }
    faults = [(f"clarify-no-{need}", "") for need in NEEDS[order.category] if not has[need]]
    if order.times and order.every is not None:
        faults.append(("clarify-times-and-interval", ""))
    if order.start is not None and order.end is not None and order.end <= order.start:
        faults.append(("clarify-ends-before-start", ""))
    return tuple(faults)


def build(
    *,
    place: Place,
    certain: Mapping[str, object],
    uncertain: Mapping[str, str],
    note: str = "",
    also: Clarify = (),
) -> OrderFound:
    """`certain` are read values of `Order`; `uncertain` the raw cells dose, dose_max, times, every, start, end, rate,
    prn_min_interval and prn_max_24h, where a fault makes a draft. `also` are faults that the caller found already."""
    faults: list[tuple[str, str]] = list(also)

    def read(name: str, reader: Callable[[str], _Value]) -> _Value | None:
        value = uncertain.get(name, "").strip()
        if not value:
            return None
        try:
            return reader(value)
        except FieldError:
            faults.append((f"clarify-{name.replace('_', '-')}-unreadable", value[:MOST_TOLD]))
            return None

    dose = read("dose", fields.positive)
    dose_max = read("dose_max", fields.positive)
    dose_range = None
    if dose_max is not None and dose is not None:
        if dose.converts_to(dose_max.unit) and dose < dose_max:
            dose_range = (dose, dose_max)
            dose = None
        else:
            faults.append(("clarify-dose-range", f"{dose} – {dose_max}"))
            dose = None
    elif uncertain.get("dose_max", "").strip() and dose is not None:  # an unreadable upper end makes no fixed dose
        dose = None
    every = read("every", fields.duration)
    if every is not None and every < timedelta(minutes=1):
        faults.append(("clarify-every-unreadable", uncertain["every"]))
        every = None
    rate = read("rate", fields.positive)
    if rate is not None and not _is_rate(rate):
        faults.append(("clarify-rate-unreadable", uncertain["rate"]))
        rate = None
    min_interval = read("prn_min_interval", fields.duration)
    max_per_24h = read("prn_max_24h", fields.positive)
    values = dict(certain)
    reasons: Any = values.pop("prn_reasons", ())
    prn = None
    if values["category"] is OrderCategory.PRN:
        prn = Prn(reasons=tuple(reasons), min_interval=min_interval, max_per_24h=max_per_24h)
    order = Order(
        version=1,
        dose=dose,
        dose_range=dose_range,
        times=read("times", fields.clocks) or (),
        every=every,
        start=read("start", fields.moment),
        end=read("end", fields.moment),
        rate=rate,
        prn=prn,
        **values,  # type: ignore[arg-type]
    )
    # A place that was unreadable is already named; "missing" would say the same thing twice.
    named = {code.removeprefix("clarify-").removesuffix("-unreadable") for code, _ in faults}
    faults += [(code, value) for code, value in missing(order) if code.removeprefix("clarify-no-") not in named]
    status = OrderStatus.DRAFT if faults and order.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD, None) else order.status
    return OrderFound(place=place, order=_with(order, status), clarify=tuple(dict.fromkeys(faults)), note=note)


def display_line(order: Order) -> str:
    """The order as one line, for orders that came without one. Codes and numbers only, so that it needs no language."""
    pieces = [order.ingredient]
    if order.dose is not None:
        pieces.append(str(order.dose))
    if order.dose_range is not None:
        pieces.append(f"{order.dose_range[0]} – {order.dose_range[1]}")
    pieces.append(order.route)
    if order.rate is not None:
        pieces.append(str(order.rate))
    if order.times:
        pieces.append(" ".join(at.strftime("%H:%M") for at in order.times))
    if order.every is not None:
        pieces.append(f"/ {order.every.total_seconds() / 3600:g} h")
    if order.category in (OrderCategory.PRN, OrderCategory.STAT):
        pieces.append(order.category.value.upper())
    return " · ".join(pieces)


def _with(order: Order, status: OrderStatus | None) -> Order:
    return replace(order, status=status, display=order.display or display_line(order))


def _is_rate(value: Quantity) -> bool:
    """An amount per time: 80 mL/h or 5 ug/kg/min, and not 5 mg/kg or 2 mg/mL."""
    return ("s", -1) in value.dimension and len(value.dimension) > 1
