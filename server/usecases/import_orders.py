"""From the fields of an order to an `Order`, or to a draft with the reasons why it cannot be given yet.

Dose, unit and times are never guessed and an order is never dropped for them: what cannot be computed makes a draft, which no
scan can match until somebody clarifies it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pointofcare.orders import clarify
from pointofcare.orders.order import Dosage, Order, OrderCategory, OrderStatus, Prn
from pointofcare.quantity import Quantity
from pointofcare.texts.orders import PREFIX
from server.usecases import import_fields as fields
from server.usecases.import_rows import HELD, FieldError, OrderFound, Place

# As much of a cell as its reader is shown of it.
MOST_TOLD = 100
Clarify = tuple[tuple[str, str], ...]
Read = Callable[[str, Callable[[str], Any]], Any]

_STEP = re.compile(r"#([0-9]+): ")
_DOSAGE = re.compile(r"dosages\[([0-9]+)\]")
# What an unreadable place says already, by the code that would say it again.
_SAID_BY: Mapping[str, frozenset[str]] = {
    "no-start": frozenset({"start"}),
    "no-rate": frozenset({"rate"}),
    "no-dose": frozenset({"dose", "dose-max", "dose-range"}),
    "no-times": frozenset({"times", "every", "days-of-week", "no-times-named"}),
    "patch-without-duration": frozenset({"times", "every", "days-of-week", "no-times-named"}),
    "days-without-times": frozenset({"times", "no-times-named"}),
    "text-only": frozenset({"dose", "dose-max", "dose-range", "rate", "no-instruction"}),
}
_OF_STEPS = frozenset(
    {"dosages-overlap", "dosage-without-end", "dosage-ends-before-start", "dosages-clash", "no-times", "patch-without-duration"}
)

# Whatever the category, an order begins at a moment that somebody wrote.
NO_START = "clarify-no-start"

# An unreadable cell of an import makes a draft; on a form and through the API it is the field's own fault.
FIELD_OF_FAULT = {
    "dose-unreadable": "dose", "dose-max-unreadable": "dose_max", "dose-range": "dose_max", "times-unreadable": "times",
    "every-unreadable": "every", "days-of-week-unreadable": "days_of_week", "start-unreadable": "start", "end-unreadable": "end",
    "rate-unreadable": "rate", "rate-max-unreadable": "rate_max", "prn-min-interval-unreadable": "prn_min_interval",
    "prn-max-24h-unreadable": "prn_max_24h", "steps-unreadable": "steps",
}  # fmt: skip
_FIELD_OF_ORDER = {
    "dose_range": "dose_max",
    "rate_range": "rate_max",
    "dosages": "steps",
    "display": "dose",
    "prn.min_interval": "prn_min_interval",
    "prn.max_per_24h": "prn_max_24h",
}
STEP_CELLS = ("sequence", "dose", "dose_max", "rate", "times", "every", "days_of_week", "start", "end", "display")


def field_of(code: str, value: str) -> str:
    """The field of a form, or of the API, that a fault of `build` is about."""
    if value.startswith("dosages[") or code == "clarify-steps-unreadable" or _STEP.match(value):
        return "steps"
    return FIELD_OF_FAULT.get(code.removeprefix(PREFIX)) or _FIELD_OF_ORDER.get(value, value if value.isidentifier() else "dose")


def missing(order: Order) -> Clarify:
    """What the order lacks to be computable, as pairs of a text code and the field. Empty for a complete one."""
    faults = [(f"{PREFIX}{problem.code}", problem.field) for problem in clarify.problems(order)]
    if order.start is None and (NO_START, "start") not in faults:
        faults.append((NO_START, "start"))
    return tuple(faults)


def step_cells(cell: str) -> tuple[Mapping[str, str], ...]:
    """The steps of one CSV cell, parted by "|", each "name=value, name=value"; times and days in it parted by spaces.

    Raises: FieldError."""
    found = []
    for part in fields.parts(cell):
        step: dict[str, str] = {}
        for piece in part.split(","):
            name, equals, value = (text.strip() for text in piece.partition("="))
            if not equals or name not in STEP_CELLS or name in step or not value:
                raise FieldError("not-a-step")
            step[name] = "|".join(value.split()) if name in ("times", "days_of_week") else value
        found.append(step)
    return tuple(found)


def build(
    *,
    place: Place,
    certain: Mapping[str, object],
    uncertain: Mapping[str, str],
    note: str = "",
    also: Clarify = (),
    steps: Sequence[Mapping[str, str]] = (),
) -> OrderFound:
    """`certain` are read values of `Order`; `uncertain` the raw cells dose, dose_max, times, every, days_of_week, start, end, rate,
    rate_max, prn_min_interval and prn_max_24h, and `steps` as one cell, where a fault makes a draft. `also` are faults that the
    caller found already. `steps` are the raw cells of dosage instructions, `STEP_CELLS` each."""
    faults: list[tuple[str, str]] = list(also)
    read = _reader(uncertain, faults, "")
    rate, rate_max = _rate(read, "rate"), _rate(read, "rate_max")
    rate_range = (rate, rate_max) if rate is not None and rate_max is not None else None
    cells = read("steps", step_cells)
    dosages = tuple(_dosage(each, number, faults) for number, each in enumerate((*(cells or ()), *steps), start=1))
    min_interval = read("prn_min_interval", fields.duration)
    max_per_24h = read("prn_max_24h", fields.positive)
    values = dict(certain)
    reasons: Any = values.pop("prn_reasons", ())
    prn = None
    if values["category"] is OrderCategory.PRN:
        prn = Prn(reasons=tuple(reasons), min_interval=min_interval, max_per_24h=max_per_24h)
    dose, dose_range = _doses(read, uncertain, faults, "")
    order = Order(
        version=1,
        dose=dose,
        dose_range=dose_range,
        times=read("times", fields.clocks) or (),
        every=_every(read, uncertain, faults, ""),
        days_of_week=read("days_of_week", fields.days_of_week) or (),
        start=read("start", fields.moment),
        end=read("end", fields.moment),
        rate=rate,
        rate_range=rate_range,
        dosages=dosages,
        prn=prn,
        **values,  # type: ignore[arg-type]
    )
    faults += _not_named_yet(faults, missing(order))
    status = OrderStatus.DRAFT if faults and order.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD, None) else order.status
    if status is OrderStatus.DRAFT and order.status is OrderStatus.ON_HOLD:
        faults.append((HELD, ""))
    return OrderFound(place=place, order=_with(order, status), clarify=tuple(dict.fromkeys(faults)), note=note, stated=order.status)


def _not_named_yet(faults: Sequence[tuple[str, str]], more: Clarify) -> list[tuple[str, str]]:
    """A place that was unreadable is already named; "missing" would say the same thing twice."""
    named = {code.removeprefix(PREFIX).removesuffix("-unreadable") for code, value in faults if not _STEP.match(value)}
    unread = {int(found[1]) for _, value in faults if (found := _STEP.match(value))}
    left = []
    for code, value in more:
        bare = code.removeprefix(PREFIX)
        step = _DOSAGE.match(value)
        if _SAID_BY.get(bare, frozenset()) & named or (step and int(step[1]) + 1 in unread) or (unread and bare in _OF_STEPS):
            continue
        left.append((code, value))
    return left


def _reader(cells: Mapping[str, str], faults: list[tuple[str, str]], prefix: str) -> Read:
    def read(name: str, reader: Callable[[str], Any]) -> Any:
        value = cells.get(name, "").strip()
        if not value:
            return None
        try:
            return reader(value)
        except FieldError:
            faults.append((f"{PREFIX}{name.replace('_', '-')}-unreadable", f"{prefix}{value[:MOST_TOLD]}"))
            return None

    return read


def _doses(
    read: Read, cells: Mapping[str, str], faults: list[tuple[str, str]], prefix: str
) -> tuple[Quantity | None, tuple[Quantity, Quantity] | None]:
    dose, dose_max = read("dose", fields.positive), read("dose_max", fields.positive)
    if dose_max is not None and dose is not None:
        if dose.converts_to(dose_max.unit) and dose < dose_max:
            return None, (dose, dose_max)
        faults.append((f"{PREFIX}dose-range", f"{prefix}{dose} – {dose_max}"))
        return None, None
    # An unreadable end makes no fixed dose, nor does an upper end alone.
    return (None if cells.get("dose_max", "").strip() else dose), None


def _every(read: Read, cells: Mapping[str, str], faults: list[tuple[str, str]], prefix: str) -> timedelta | None:
    every: timedelta | None = read("every", fields.duration)
    if every is not None and every < timedelta(minutes=1):
        faults.append((f"{PREFIX}every-unreadable", f"{prefix}{cells['every']}"))
        return None
    return every


def _rate(read: Read, name: str) -> Quantity | None:
    def reader(value: str) -> Quantity:
        found = fields.positive(value)
        if not _is_rate(found):
            raise FieldError("not-an-amount")
        return found

    rate: Quantity | None = read(name, reader)
    return rate


def _dosage(cells: Mapping[str, str], number: int, faults: list[tuple[str, str]]) -> Dosage:
    """One step; `number` counts from 1, and is its sequence when the cells name none."""
    prefix = f"#{number}: "
    read = _reader(cells, faults, prefix)
    dose, dose_range = _doses(read, cells, faults, prefix)
    sequence = read("sequence", fields.number(0, 999))
    return Dosage(
        sequence=number if sequence is None else sequence,
        dose=dose,
        dose_range=dose_range,
        rate=_rate(read, "rate"),
        times=read("times", fields.clocks) or (),
        every=_every(read, cells, faults, prefix),
        days_of_week=read("days_of_week", fields.days_of_week) or (),
        start=read("start", fields.moment),
        end=read("end", fields.moment),
        display=(read("display", fields.text) or ""),
    )


def display_line(order: Order) -> str:
    """The order as one line, for orders that came without one. Codes and numbers only, so that it needs no language."""
    pieces = [order.ingredient, order.route, *_said(order)]
    pieces += [" ".join([f"{number}.", *_said(dosage)]) for number, dosage in enumerate(order.dosages, start=1)]
    if order.dose is not None or order.dose_range is not None:  # the amount stands before the route
        pieces[1], pieces[2] = pieces[2], pieces[1]
    if order.category in (OrderCategory.PRN, OrderCategory.STAT):
        pieces.append(order.category.value.upper())
    return " · ".join(pieces)


def _said(step: Order | Dosage) -> list[str]:
    pieces = []
    if step.dose is not None:
        pieces.append(str(step.dose))
    if step.dose_range is not None:
        pieces.append(f"{step.dose_range[0]} – {step.dose_range[1]}")
    if step.rate is not None:
        pieces.append(str(step.rate))
    if step.times:
        pieces.append(" ".join(at.strftime("%H:%M") for at in step.times))
    if step.every is not None:
        pieces.append(f"/ {step.every.total_seconds() / 3600:g} h")
    if step.days_of_week:
        pieces.append(" ".join(day.value for day in step.days_of_week))
    return pieces


def _with(order: Order, status: OrderStatus | None) -> Order:
    return replace(order, status=status, display=order.display or display_line(order))


def _is_rate(value: Quantity) -> bool:
    """An amount per time: 80 mL/h or 5 ug/kg/min, and not 5 mg/kg or 2 mg/mL."""
    return ("s", -1) in value.dimension and len(value.dimension) > 1
