"""The sealed audit: each row's place in one log, and the checkpoints over it.

Rows are sealed in batches by one writer, so that no commit queues for another. A row that was committed late takes a later place,
never an earlier one. Nothing here changes an audit row.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Table, exists, func, select

from pointofcare import merkle
from server.store.tables import AuditCheckpointRow, AuditLeafRow, AuditRow
from server.store.transaction import Transaction

# An id is drawn before its commit: a transaction that was slow is looked for this far below the newest sealed id.
_LOOK_BACK = 100_000
_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    size: int
    root: str
    at: datetime
    jws: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    audit_id: int
    at: datetime
    entry: bytes


def entry_bytes(row: AuditRow) -> bytes:
    """What is hashed: canonical JSON of the row. Two readings of one row give the same bytes."""
    plain = {
        "id": row.id,
        "facility": row.facility,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "roles": row.roles,
        "place": row.place,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
    }
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def latest(tx: Transaction) -> Checkpoint | None:
    row = tx.session.scalar(
        select(AuditCheckpointRow).where(AuditCheckpointRow.facility == tx.facility).order_by(AuditCheckpointRow.size.desc()).limit(1)
    )
    return None if row is None else Checkpoint(size=row.size, root=row.root, at=row.at, jws=row.jws)


def checkpoint_at(tx: Transaction, size: int) -> Checkpoint | None:
    row = tx.session.get(AuditCheckpointRow, (tx.facility, size))
    return None if row is None else Checkpoint(size=row.size, root=row.root, at=row.at, jws=row.jws)


def reach(tx: Transaction) -> int:
    """How many entries the log has by their places."""
    last = tx.session.scalar(select(func.max(AuditLeafRow.place)).where(AuditLeafRow.facility == tx.facility))
    return 0 if last is None else int(last) + 1


def roots(tx: Transaction, sizes: Collection[int]) -> dict[int, str]:
    """Size -> root (hex) of those checkpoints."""
    rows = tx.session.execute(
        select(AuditCheckpointRow.size, AuditCheckpointRow.root).where(
            AuditCheckpointRow.facility == tx.facility, AuditCheckpointRow.size.in_(sorted(sizes))
        )
    )
    return {row.size: row.root for row in rows}


def frontier(tx: Transaction, size: int) -> merkle.Frontier:
    """The log's frontier at a checkpoint of this size; the empty one for 0. Raises: LookupError when there is no such checkpoint."""
    if size == 0:
        return merkle.Frontier()
    row = tx.session.get(AuditCheckpointRow, (tx.facility, size))
    if row is None:
        raise LookupError(size)
    return merkle.Frontier(size=size, hashes=tuple(bytes.fromhex(each) for each in row.frontier))


def unsealed(tx: Transaction, *, limit: int) -> tuple[Unsealed, ...]:
    """Rows that have no place yet, oldest id first."""
    newest = tx.session.scalar(select(func.max(AuditLeafRow.audit_id)).where(AuditLeafRow.facility == tx.facility)) or 0
    rows = tx.session.scalars(
        select(AuditRow)
        .where(AuditRow.facility == tx.facility, AuditRow.id > newest - _LOOK_BACK)
        .where(~exists().where(AuditLeafRow.audit_id == AuditRow.id))
        .order_by(AuditRow.id)
        .limit(limit)
    )
    return tuple(Unsealed(audit_id=row.id, at=row.at, entry=entry_bytes(row)) for row in rows)


def put(tx: Transaction, found: tuple[Unsealed, ...], grown: merkle.Frontier, jws: str) -> None:
    """Gives the rows their places and keeps the checkpoint over them. The places are unique: of two writers one fails."""
    first = grown.size - len(found)
    leaves = [
        {"facility": tx.facility, "place": first + n, "audit_id": one.audit_id, "hash": merkle.leaf_hash(one.entry).hex()}
        for n, one in enumerate(found)
    ]
    connection = tx.session.connection()
    connection.execute(cast("Table", AuditLeafRow.__table__).insert(), leaves)
    connection.execute(
        cast("Table", AuditCheckpointRow.__table__).insert(),
        {
            "facility": tx.facility,
            "size": grown.size,
            "root": grown.root().hex(),
            "frontier": [each.hex() for each in grown.hashes],
            "at": tx.at,
            "jws": jws,
        },
    )


def lines(tx: Transaction) -> Iterator[dict[str, object]]:
    """The whole log for a verifier, in order: `{"place", "hash", "entry"}` (entry None: the row is gone), then `{"unsealed"}` rows
    without a place, then `{"checkpoint"}` statements. In pages, so that a long log fits."""
    place = -1
    while True:
        rows = tx.session.execute(
            select(AuditLeafRow, AuditRow)
            .outerjoin(AuditRow, AuditRow.id == AuditLeafRow.audit_id)
            .where(AuditLeafRow.facility == tx.facility, AuditLeafRow.place > place)
            .order_by(AuditLeafRow.place)
            .limit(_PAGE)
        ).all()
        for leaf, row in rows:
            entry = None if row is None else entry_bytes(row).decode("utf-8", "surrogatepass")
            yield {"place": leaf.place, "audit_id": leaf.audit_id, "hash": leaf.hash, "entry": entry}
            place = leaf.place
        tx.session.expunge_all()
        if len(rows) < _PAGE:
            break
    rows_left = tx.session.scalars(
        select(AuditRow)
        .where(AuditRow.facility == tx.facility)
        .where(~exists().where(AuditLeafRow.audit_id == AuditRow.id))
        .order_by(AuditRow.id)
    )
    for row in rows_left:
        yield {"unsealed": row.id, "entry": entry_bytes(row).decode("utf-8", "surrogatepass")}
    for kept in tx.session.scalars(
        select(AuditCheckpointRow).where(AuditCheckpointRow.facility == tx.facility).order_by(AuditCheckpointRow.size)
    ):
        yield {"checkpoint": kept.jws}
