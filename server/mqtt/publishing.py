"""Which signed table goes to which cart, and when: what a cart lacks, what changed, and what grows old.

State of one gateway only, kept in memory: losing it means that a table is published once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pointofcare.wire.messages import HeldTable, TableIssued, TableKind, TablesHeld
from pointofcare.wire.tables import Table, claims
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
NEVER = datetime.min.replace(tzinfo=UTC)
# No honest table gets this far; a cart that says so is not followed.
HIGHEST = 2**40
LIVE_PHASES = frozenset({"init", "ready", "degraded", "updating"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    cart: str
    issued: TableIssued


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What these carts should get: this table, in this version when it was asked for."""

    ward: str
    kind: TableKind
    version: int
    carts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A table that is not signed yet. `place` rises with each that was read."""

    table: Table
    place: int


@dataclass(slots=True)
class Publisher:
    """Builds and signs; the caller publishes. `signed` keeps the newest of each ward and kind, so that ten carts cost one. What nobody
    waits for is made in steps (`draft`, `write`, `sign`), between which the caller has time for what somebody waits for."""

    key: SigningKey
    facility: str
    site: Site
    lifetime: timedelta
    signed: dict[tuple[str, TableKind], tuple[TableIssued, datetime]] = field(default_factory=dict)
    sent: dict[tuple[str, TableKind], tuple[int, datetime]] = field(default_factory=dict)
    _places: dict[tuple[str, TableKind], int] = field(default_factory=dict)
    _drafts: int = 0

    def answer(self, tx: Transaction, cart: str, asked: TablesHeld) -> tuple[Publication, ...]:
        """What the cart lacks: a kind that is missing, of another ward, older, or about to grow old."""
        held = {table.kind: table for table in asked.held if table.ward == asked.ward}
        current = versions.of_ward(tx, asked.ward)
        for kind, table in held.items():
            if current[kind] < table.version < HIGHEST:
                current[kind] = versions.raise_above(tx, asked.ward, kind, table.version)
        wanted = [kind for kind in TableKind if self._lacks(held.get(kind), current[kind], tx.at)]
        found: list[Publication] = []
        for kind in wanted:
            each = Wanted(ward=asked.ward, kind=kind, version=current[kind], carts=(cart,))
            if not self.is_signed(each, tx.at):
                draft = self.draft(tx, each)
                self.sign(draft, self.write(draft))
            found.extend(self.publications(each))
        return tuple(found)

    def wanted(self, tx: Transaction, carts: tuple[KnownCart, ...]) -> tuple[Wanted, ...]:
        """What every cart that lives should get now: one statement. Who waited longest comes first."""
        live = sorted((cart for cart in carts if cart.phase in LIVE_PHASES), key=self._oldest)
        if not live:
            return ()
        found = {(row.ward, row.kind): row.version for row in versions.current(tx)}
        wanted: dict[tuple[str, TableKind], list[str]] = {}
        for cart in live:
            for kind in TableKind:
                before = self.sent.get((cart.id, kind))
                if before is None or before[0] != found.get((cart.ward, kind), 1) or tx.at - before[1] >= self._reissue(kind):
                    wanted.setdefault((cart.ward, kind), []).append(cart.id)
        return tuple(
            Wanted(ward=ward, kind=kind, version=found.get((ward, kind), 1), carts=tuple(ids)) for (ward, kind), ids in wanted.items()
        )

    def is_signed(self, wanted: Wanted, now: datetime) -> bool:
        """There is one of this version that is young enough."""
        kept = self.signed.get((wanted.ward, wanted.kind))
        return kept is not None and kept[0].version == wanted.version and now - kept[1] < self._reissue(wanted.kind) / 2

    def draft(self, tx: Transaction, wanted: Wanted) -> Draft:
        """The table as it stands now."""
        site, self._drafts = self.site, self._drafts + 1
        table = tables.build(
            tx, wanted.ward, wanted.kind, facility=self.facility, lifetime=self.lifetime, timezone=site.timezone, site=site.profile
        )
        return Draft(table=table, place=self._drafts)

    def write(self, draft: Draft) -> bytes:
        """What is to be signed. Raises: MessageError for a table that the wire cannot carry."""
        return claims(draft.table)

    def sign(self, draft: Draft, written: bytes) -> None:
        """What was read after this draft and is signed already stays."""
        table, key = draft.table, (draft.table.ward, draft.table.kind)
        if self._places.get(key, 0) < draft.place:
            self.signed[key] = (signing.sign_written(self.key, table, written), table.issued_at)
            self._places[key] = draft.place

    def publications(self, wanted: Wanted) -> tuple[Publication, ...]:
        """To each of the carts the newest that is signed."""
        issued, at = self.signed[(wanted.ward, wanted.kind)]
        for cart in wanted.carts:
            self.sent[(cart, wanted.kind)] = (issued.version, at)
        return tuple(Publication(cart=cart, issued=issued) for cart in wanted.carts)

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
