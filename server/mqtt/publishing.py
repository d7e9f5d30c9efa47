"""Which signed table goes to which cart, and when: what a cart lacks, what changed, and what grows old.

State of one gateway only, kept in memory: losing it means that a table is published once more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pointofcare.wire.messages import HeldTable, TableIssued, TableKind, TablesHeld
from server.security import signing
from server.security.signing import SigningKey
from server.store import versions
from server.store.fleet import KnownCart
from server.store.transaction import Transaction
from server.usecases import tables
from server.usecases.facts import Site

# How long a table may lie at the carts before it is issued again unchanged. A chart's age is a fact of the verdict.
REISSUE_CHART = timedelta(minutes=15)
REISSUE_PART = 4
# So long at a time tables are built, in seconds.
BUILD_S = 0.3
NEVER = datetime.min.replace(tzinfo=UTC)
# No honest table gets this far; a cart that says so is not followed.
HIGHEST = 2**40
LIVE_PHASES = frozenset({"init", "ready", "degraded", "updating"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    cart: str
    issued: TableIssued


@dataclass(slots=True)
class Publisher:
    """Builds and signs; the caller publishes. `signed` keeps the newest of each ward and kind, so that ten carts cost one."""

    key: SigningKey
    facility: str
    site: Site
    lifetime: timedelta
    signed: dict[tuple[str, TableKind], tuple[TableIssued, datetime]] = field(default_factory=dict)
    sent: dict[tuple[str, TableKind], tuple[int, datetime]] = field(default_factory=dict)

    def answer(self, tx: Transaction, cart: str, asked: TablesHeld) -> tuple[Publication, ...]:
        """What the cart lacks: a kind that is missing, of another ward, older, or about to grow old."""
        held = {table.kind: table for table in asked.held if table.ward == asked.ward}
        current = versions.of_ward(tx, asked.ward)
        for kind, table in held.items():
            if current[kind] < table.version < HIGHEST:
                current[kind] = versions.raise_above(tx, asked.ward, kind, table.version)
        wanted = [kind for kind in TableKind if self._lacks(held.get(kind), current[kind], tx.at)]
        return tuple(self._for(tx, cart, asked.ward, kind, current[kind]) for kind in wanted)

    def changes(self, tx: Transaction, carts: tuple[KnownCart, ...]) -> tuple[Publication, ...]:
        """What every cart that lives should get now: one statement when nothing changed. Who waited longest comes first, and what
        does not fit into `BUILD_S` comes at the next look: records and questions of leases wait behind it."""
        live = sorted((cart for cart in carts if cart.phase in LIVE_PHASES), key=self._oldest)
        if not live:
            return ()
        found = {(row.ward, row.kind): row.version for row in versions.current(tx)}
        publications: list[Publication] = []
        until_s = time.monotonic() + BUILD_S
        for cart in live:
            for kind in TableKind:
                if publications and time.monotonic() >= until_s:
                    return tuple(publications)
                version = found.get((cart.ward, kind), 1)
                before = self.sent.get((cart.id, kind))
                if before is None or before[0] != version or tx.at - before[1] >= self._reissue(kind):
                    publications.append(self._for(tx, cart.id, cart.ward, kind, version))
        return tuple(publications)

    def _oldest(self, cart: KnownCart) -> datetime:
        """When the chart that this cart was sent was made."""
        return self.sent.get((cart.id, TableKind.PATIENT_CHART), (0, NEVER))[1]

    def forget(self, cart: str) -> None:
        """The cart's connection is new: what was sent to the old one may not have arrived."""
        for kind in TableKind:
            self.sent.pop((cart, kind), None)

    def _lacks(self, held: HeldTable | None, version: int, now: datetime) -> bool:
        if held is None or held.version != version or held.expires_at is None:
            return True
        return now - (held.expires_at - self.lifetime) >= self._reissue(held.kind)

    def _reissue(self, kind: TableKind) -> timedelta:
        return min(REISSUE_CHART, self.lifetime / REISSUE_PART) if kind is TableKind.PATIENT_CHART else self.lifetime / REISSUE_PART

    def _for(self, tx: Transaction, cart: str, ward: str, kind: TableKind, version: int) -> Publication:
        kept = self.signed.get((ward, kind))
        if kept is None or kept[0].version != version or tx.at - kept[1] >= self._reissue(kind) / 2:
            site = self.site
            table = tables.build(tx, ward, kind, facility=self.facility, lifetime=self.lifetime, timezone=site.timezone, site=site.profile)
            kept = (signing.sign(self.key, table), tx.at)
            self.signed[(ward, kind)] = kept
        self.sent[(cart, kind)] = (kept[0].version, kept[1])
        return Publication(cart=cart, issued=kept[0])
