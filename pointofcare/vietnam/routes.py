"""Routes of administration (DUONG_DUNG, four characters) beside the routes of our orders.

A code and its text are kept together, because hospitals name some codes differently. A weak code ("2.10 Tiêm") says that something is
injected and not how: it fits every way of injecting and settles none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pointofcare.vietnam import lists
from pointofcare.vietnam.fault import CodeError

# http://fhir.hl7.org.vn/core, draft for community review.
SYSTEM = "http://fhir.hl7.org.vn/core/CodeSystem/vn-medication-route-cs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`routes` are codes of orders that it may mean; empty: our orders have no word for it."""

    code: str
    name: str
    routes: tuple[str, ...] = ()
    weak: bool = False

    def fits(self, ordered: str) -> bool:
        """May what was given by `ordered` stand under this code?"""
        return ordered.upper() in self.routes

    @property
    def route(self) -> str | None:
        """The one route of ours that it means; None where it does not say."""
        return self.routes[0] if len(self.routes) == 1 and not self.weak else None


def listed(day: date) -> tuple[Route, ...]:
    return tuple(_routes(day))


def get(code: str, day: date) -> Route:
    """Raises: CodeError "not-listed", "shape" ("1.1" may be 1.10 or 1.01: a spreadsheet made a number of it)."""
    plain = code.strip()
    if len(plain) != 4 or plain[1] != "." or not (plain[0] + plain[2:]).isdigit():
        raise CodeError("shape", example="1.01, 2.10")
    for route in _routes(day):
        if route.code == plain:
            return route
    raise CodeError("not-listed", example="1.01, 2.10")


def meant(ordered: str, day: date) -> tuple[Route, ...]:
    """Every listed route that says just what an order's route says."""
    return tuple(route for route in _routes(day) if route.route == ordered.upper())


def _routes(day: date) -> Iterator[Route]:
    for row in lists.on("routes", day).rows:
        yield Route(code=row["code"], name=row["name"], routes=tuple(row["routes"]), weak=row.get("weak", False))
