"""Orders and moments for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from pointofcare.orders.order import DayOfWeek, Dosage, Order, OrderCategory
from pointofcare.quantity import Quantity

HANOI, MADRID, NEW_YORK = "Asia/Ho_Chi_Minh", "Europe/Madrid", "America/New_York"
LORD_HOWE, APIA, CAIRO = "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"
MON, TUE, WED, THU, FRI, SAT, SUN = DayOfWeek
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def amount(text: str) -> Quantity:
    return Quantity.parse(text)


def times(*clock: str) -> tuple[time, ...]:
    return tuple(time.fromisoformat(text) for text in clock)


def an_order(**changes: object) -> Order:
    values: dict[str, object] = {
        "id": "O1",
        "version": 1,
        "patient": "P1",
        "ingredient": "prednisolone",
        "form": "tablet",
        "route": "PO",
        "category": OrderCategory.SCHEDULED,
        "start": at("2026-03-02T06:00:00+07:00"),
    }
    return Order(**(values | changes))  # type: ignore[arg-type]


def a_step(sequence: int = 1, dose: str | None = "20 mg", *clock: str, **changes: object) -> Dosage:
    values: dict[str, object] = {"sequence": sequence, "dose": amount(dose) if dose is not None else None, "times": times(*clock)}
    return Dosage(**(values | changes))  # type: ignore[arg-type]
