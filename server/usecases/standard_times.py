"""When a hospital gives what is ordered "twice a day", "every morning" or "before meals": its own table, from its configuration.

Orders that name no times are computed by this table alone. Must never guess: what the table does not name stays unknown, and such an
order waits for a person. Codes are those of FHIR R4 (GTSAbbreviation, EventTiming).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from server.feed_settings import MOMENTS

# How many times a day: the key under which the table names the times.
BY_COUNT: Mapping[int, str] = {1: "QD", 2: "BID", 3: "TID", 4: "QID"}
# Codes that say an interval, in hours.
INTERVALS: Mapping[str, int] = {"Q1H": 1, "Q2H": 2, "Q3H": 3, "Q4H": 4, "Q6H": 6, "Q8H": 8, "Q12H": 12, "Q24H": 24}
# Codes that say days: every how many of them; the times are those of "QD".
CYCLES: Mapping[str, int] = {"QOD": 2, "WK": 7}
_MEALS: Mapping[str, tuple[str, ...]] = {"": ("CM", "CD", "CV"), "M": ("CM",), "D": ("CD",), "V": ("CV",)}
# The same moment in two code systems.
_SAME: Mapping[str, str] = {"AM": "MORN", "PM": "AFT", "BED": "HS", "QHS": "HS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardTimes:
    """`times` are wall clock in the ward by code ("BID", "MORN", "CM"); empty: the hospital names none."""

    times: Mapping[str, tuple[time, ...]] = field(default_factory=dict)

    def of_code(self, code: str) -> tuple[time, ...]:
        """Of a code such as BID or AM; () when the table does not name it."""
        return self.times.get(code) or self.times.get(_SAME.get(code, ""), ())

    def of_count(self, count: int) -> tuple[time, ...]:
        """So many times a day; () when the table does not name them, or names another number of them."""
        found = self.times.get(BY_COUNT.get(count, ""), ())
        return found if len(found) == count else ()

    def of_moment(self, code: str, offset_min: int = 0) -> tuple[time, ...]:
        """Of an event of the day, so many minutes from it: before a meal where the code says before, else after it."""
        if code not in MOMENTS:
            return ()
        if not offset_min and code in self.times:
            return self.times[code]
        meals = _MEALS.get(code[2:]) if code[:2] in ("AC", "PC") else _MEALS[""] if code == "C" else None
        if meals is None:
            return tuple(_moved(at, offset_min) for at in self.times.get(code, ()))
        # "Before a meal" without a number of minutes is a time of its own, which the table must name.
        if code != "C" and not offset_min:
            return tuple(at for meal in meals for at in self.times.get(code[:2] + meal[1:], ())) if self._has(code[:2], meals) else ()
        if not all(self.times.get(meal) for meal in meals):
            return ()
        shift = -offset_min if code.startswith("AC") else offset_min
        return tuple(_moved(at, shift) for meal in meals for at in self.times[meal])

    def _has(self, side: str, meals: tuple[str, ...]) -> bool:
        return all(self.times.get(side + meal[1:]) for meal in meals)


NONE = StandardTimes()


def _moved(at: time, minutes: int) -> time:
    """On the same wall clock, past midnight too."""
    return (datetime(2000, 1, 2, at.hour, at.minute) + timedelta(minutes=minutes)).time()  # noqa: DTZ001 - a wall clock, of no zone
