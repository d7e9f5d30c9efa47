"""How long a record is kept: the earliest day on which the law would let it be deleted. Computes a date, deletes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pointofcare.errors import NotFoundError
from pointofcare.vietnam import lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`until` is the last day on which it must be kept; None: for ever. `at_least`: the law names a least time only."""

    kind: str
    years: int
    law: str
    until: date | None
    at_least: bool = False


def kinds(day: date) -> tuple[str, ...]:
    return tuple(str(row["kind"]) for row in lists.on("retention", day).rows)


def kept(kind: str, closed: date, *, today: date | None = None) -> Kept:
    """Of a record of `kind` closed on `closed`, by the list of `today` (None: of that day).

    Raises: NotFoundError: no such kind, or no list of that time."""
    for row in lists.on("retention", today or closed).rows:
        if row["kind"] == kind:
            years = int(row["years"])
            until = date(closed.year + years, 12, 31) if years else None
            return Kept(kind=kind, years=years, law=str(row["law"]), until=until, at_least=bool(row.get("at_least")))
    raise NotFoundError(f"there is no kind of record {kind!r}", remedy="choose one of the list", kind=kind)
