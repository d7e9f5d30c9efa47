"""When the hospital is whole again after a fault: seconds until what was behind has caught up, or the first success after it.

Looks from outside only: at the kiosk's screen, and at rows of the server's database. What cannot be looked at has not recovered.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simulation.chaos.kiosk import Kiosk, KioskGoneError


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """How much is on its way. -1: cannot be seen now."""

    records: int
    outbox_pending: int
    untold: int
    outbox_sent: int


def records_of(database: Path) -> dict[str, int]:
    """How many doses the server has recorded of each patient; {} when it cannot be seen now."""
    try:
        with _reading(database) as reader:
            return dict(reader.execute("SELECT patient, count(*) FROM administrations GROUP BY patient").fetchall())
    except sqlite3.Error:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CartShows:
    """`well`: it is online and lacks nothing. `newest` is the id of the dose that was recorded last, None when none is known."""

    well: bool
    unsent: int
    newest: str | None


class Watch:
    """Keeps one connection a kiosk. From one thread only."""

    def __init__(self, kiosk_ports: dict[str, int], database: Path) -> None:
        self._kiosks = {cart: Kiosk(port, timeout_s=2.0) for cart, port in kiosk_ports.items()}
        self._database = database

    def cart_shows(self, cart: str) -> CartShows | None:
        """What its screen says now; None: it does not answer."""
        try:
            screen = self._kiosks[cart].screen()
        except KioskGoneError:
            return None
        strip, recorded = screen["strip"], screen["recorded"]
        return CartShows(
            well=strip["link"] == "online" and not strip["missing"],
            unsent=int(strip["unsent"]),
            newest=str(recorded[0]["record_id"]) if recorded else None,
        )

    def at_server(self, record_id: str) -> bool:
        """Whether the server has this dose; False when it cannot be seen now."""
        try:
            with _reading(self._database) as database:
                return bool(database.execute("SELECT 1 FROM administrations WHERE record_id = ?", (record_id,)).fetchone())
        except sqlite3.Error:
            return False

    def cart_unsent(self, cart: str) -> int:
        """-1: its kiosk does not answer."""
        try:
            screen = self._kiosks[cart].screen()
        except KioskGoneError:
            return -1
        return int(screen["strip"]["unsent"]) + len(screen["open"])

    def behind(self) -> Behind:
        try:
            with _reading(self._database) as database:
                records = database.execute("SELECT count(*) FROM administrations").fetchone()[0]
                untold = database.execute("SELECT count(*) FROM outbox WHERE settled_at IS NOT NULL AND told_at IS NULL").fetchone()[0]
                rows = dict(database.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
        except sqlite3.Error:
            return Behind(records=-1, outbox_pending=-1, untold=-1, outbox_sent=-1)
        sent = int(rows.pop("sent", 0))
        pending = sum(int(count) for count in rows.values())
        return Behind(records=int(records), outbox_pending=pending, untold=int(untold), outbox_sent=sent)

    def close(self) -> None:
        for kiosk in self._kiosks.values():
            kiosk.close()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        yield database
    finally:
        database.close()
