"""Moments that a person types: day/month/year and the time, as wards write them, whatever the browser's own language is.

A browser's field for a moment shows month and day in the order of the browser's country, so that the 5th of March is typed as the 3rd of
May. Here nothing is guessed: a year has four figures, and a day without a time is no moment.
"""

from __future__ import annotations

import re
from datetime import datetime

_TYPED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})[ ,T]+(\d{1,2})(?:[:hg](\d{2})|[hg])", re.ASCII | re.IGNORECASE)
EXAMPLE = "%d/%m/%Y %H:%M"


def shown(at: datetime) -> str:
    """As a field shows it; `at` is in the ward's zone."""
    return at.strftime(EXAMPLE)


def typed(text: str) -> datetime | None:
    """Of the ward's clock, without a zone; with one where an ISO moment names it. None: it is no moment."""
    plain = " ".join(text.split())
    found = _TYPED.fullmatch(plain)
    try:
        if found is not None:
            day, month, year, hour = (int(found[place]) for place in range(1, 5))
            return datetime(year, month, day, hour, int(found[5] or 0))  # noqa: DTZ001 - the ward's clock
        # As links and programs write it.
        return datetime.fromisoformat(plain) if len(plain) > len("2026-11-22") else None
    except ValueError:
        return None
