"""How the pages beside the dose write numbers and spans, in the nurse's language and the ward's time. Makes text, takes no decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cart_client.web.words import Words
from pointofcare.quantity import Quantity
from pointofcare.texts import written


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """For one request."""

    w: Words

    def number(self, value: Decimal) -> str:
        return written.number(self.w.language, value)

    def amount(self, typed: str) -> str:
        """Of an amount as it is typed: "0.5 mL"."""
        return self.w.amount(Quantity.parse(typed))

    def day(self, iso: str) -> str:
        return self.w.day(date.fromisoformat(iso))

    def span(self, begin: datetime | None, end: datetime) -> str:
        """ "4:07", "1:02:30": what a running clock shows."""
        if begin is None:
            return "–"
        seconds = max(0, int((end - begin).total_seconds()))
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"

    def exactly(self, at: datetime) -> str:
        """With seconds: in an emergency they count."""
        try:
            zone = ZoneInfo(self.w.view.zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        return written.exact_clock(at.astimezone(zone))
