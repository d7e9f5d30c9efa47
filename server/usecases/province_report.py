"""The report over every hospital of a province: counts alone, no patient, with how old they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC

from server.store import replica
from server.store.replica import Seen

# A replica that is further behind is read, and said to be.
MARKED_S = 60.0
# So far apart, one of two clocks is wrong, and nobody knows which.
CLOCKS_APART_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    seen: Seen
    hours: int

    @property
    def note(self) -> str:
        """ "" when the figures may be read as they are."""
        if self.seen.lag_s is None:
            return "read from the primary: no replica followed"
        notes = [f"the replica is {self.seen.lag_s:.0f} s behind"] if self.seen.lag_s > MARKED_S else []
        if abs(self.seen.clock_off_s) > CLOCKS_APART_S:
            side = "ahead of" if self.seen.clock_off_s > 0 else "behind"
            notes.append(
                f"the replica's clock is {abs(self.seen.clock_off_s):.0f} s {side} this machine's, and may hide a lag: see to NTP on both"
            )
        return "; ".join(notes)

    def plain(self) -> dict[str, object]:
        told = [asdict(one) for one in self.seen.facilities]
        for one in told:
            newest = one["newest_dose_at"]
            one["newest_dose_at"] = newest.astimezone(UTC).isoformat() if newest else None
        seen = {"at": self.seen.at.isoformat(), "hours": self.hours, "lag_s": self.seen.lag_s, "clock_off_s": self.seen.clock_off_s}
        return {**seen, "note": self.note, "facilities": told}

    def lines(self) -> list[str]:
        lag = "primary" if self.seen.lag_s is None else f"replica, {self.seen.lag_s:.0f} s behind"
        found = [f"{self.seen.at:%Y-%m-%d %H:%M:%S}Z ({lag})"]
        if self.note:
            found.append(f"CAREFUL: {self.note}")
        head = ("facility", f"doses {self.hours} h", "discrepancies", "to the EMR", "parked", "carts")
        found.append("".join(f"{word:>16}" for word in head))
        for one in self.seen.facilities:
            row = (one.facility, one.doses, one.discrepancies_open, one.outbox_waiting, one.outbox_parked, one.carts)
            found.append("".join(f"{word!s:>16}" for word in row))
        return found


def read(url: str, *, hours: int, most_lag_s: int) -> Report:
    """Raises: ReplicaError."""
    return Report(seen=replica.read(url, hours=hours, most_lag_s=most_lag_s), hours=hours)
