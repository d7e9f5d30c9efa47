"""Queries about exports: asked for by a program, written by a worker page by page, taken within a day, then gone.

A worker holds one for a while and writes down how far it came; killed at any line, the next one goes on there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update

from server.store.tables.fhir import FhirExportRow
from server.store.transaction import Transaction

WAITING, RUNNING, DONE, FAILED, CANCELLED, EXPIRED = "waiting", "running", "done", "failed", "cancelled", "expired"
OPEN = (WAITING, RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """`asked` is what was asked for, `files` what is written: type, count, bytes, is_error. `place` is how far it came."""

    id: str
    client: str
    address: str
    asked: Mapping[str, Any]
    state: str
    made_at: datetime
    begun_at: datetime | None
    claimed_until: datetime | None
    done_at: datetime | None
    expires_at: datetime | None
    progress: str
    place: Mapping[str, Any] | None
    files: tuple[Mapping[str, Any], ...]
    key: str
    error: str | None


def _export(row: FhirExportRow) -> Export:
    names = (
        "id",
        "client",
        "address",
        "asked",
        "state",
        "made_at",
        "begun_at",
        "claimed_until",
        "done_at",
        "expires_at",
        "progress",
        "place",
        "key",
        "error",
    )
    return Export(files=tuple(row.files or ()), **{name: getattr(row, name) for name in names})


def add(tx: Transaction, export: str, *, client: str, address: str, asked: Mapping[str, Any], key: str) -> None:
    tx.session.add(
        FhirExportRow(
            facility=tx.facility,
            id=export,
            client=client,
            address=address,
            asked=dict(asked),
            state=WAITING,
            made_at=tx.at,
            key=key,
            files=[],
        )
    )
    tx.session.flush()


def find(tx: Transaction, export: str) -> Export | None:
    row = tx.session.get(FhirExportRow, (tx.facility, export), populate_existing=True)
    return None if row is None else _export(row)


def asked_for(tx: Transaction, client: str, *, since: datetime) -> tuple[int, int]:
    """How many of a program's are not done yet, and how many it asked for since then."""
    row = FhirExportRow
    mine = (row.facility == tx.facility, row.client == client)
    waiting = select(func.count()).select_from(row).where(*mine, row.state.in_(OPEN))
    late = select(func.count()).select_from(row).where(*mine, row.made_at >= since)
    return int(tx.session.scalar(waiting) or 0), int(tx.session.scalar(late) or 0)


def claim(tx: Transaction, *, lease_s: float) -> Export | None:
    """The oldest that nobody writes now, for `lease_s` seconds."""
    row = FhirExportRow
    free = or_(row.claimed_until.is_(None), row.claimed_until <= tx.at)
    query = select(row).where(row.facility == tx.facility, row.state.in_(OPEN), free).order_by(row.made_at, row.id).limit(1)
    found = tx.session.scalars(query.with_for_update(skip_locked=True)).first()
    if found is None:
        return None
    found.claimed_until = tx.at + timedelta(seconds=lease_s)
    if found.state == WAITING:
        found.state, found.begun_at = RUNNING, tx.at
    tx.session.flush()
    return _export(found)


def came_to(
    tx: Transaction, held: Export, *, place: Mapping[str, Any] | None, files: tuple[Mapping[str, Any], ...], progress: str, lease_s: float
) -> Export | None:
    """The export as it stands then; None: it was cancelled meanwhile, or another worker has taken it, and nothing was written down."""
    values: dict[str, Any] = {
        "place": None if place is None else dict(place),
        "files": [dict(one) for one in files],
        "progress": progress[:200],
        "claimed_until": tx.at + timedelta(seconds=lease_s),
    }
    return find(tx, held.id) if _changed(tx, held, **values) else None


def end(tx: Transaction, held: Export, state: str, *, expires_at: datetime, error: str | None = None) -> bool:
    """Done or failed; False: it was cancelled meanwhile, or another worker has it."""
    return _changed(tx, held, state=state, done_at=tx.at, expires_at=expires_at, claimed_until=None, error=error, progress="")


def cancel(tx: Transaction, export: str) -> None:
    """Whatever its state: it can be neither read nor gone on with."""
    mine = (FhirExportRow.facility == tx.facility, FhirExportRow.id == export)
    tx.session.execute(update(FhirExportRow).where(*mine).values(state=CANCELLED, expires_at=tx.at, key="", claimed_until=None))


def _changed(tx: Transaction, held: Export, **values: Any) -> bool:
    """By the worker that holds it alone: one that was slow finds that its time was over."""
    row = FhirExportRow
    mine = (row.facility == tx.facility, row.id == held.id, row.state == RUNNING, row.claimed_until == held.claimed_until)
    return tx.changed(update(row).where(*mine).values(**values).execution_options(synchronize_session=False)) == 1


def over(tx: Transaction, *, limit: int = 20) -> tuple[str, ...]:
    """Those whose time to be taken is over and whose files are still there."""
    row = FhirExportRow
    query = select(row.id).where(row.facility == tx.facility, row.state.in_((DONE, FAILED, CANCELLED)), row.expires_at <= tx.at)
    return tuple(tx.session.scalars(query.order_by(row.made_at).limit(limit)))


def gone(tx: Transaction, export: str) -> None:
    """Its files are deleted, and the key to them with them. That it was asked for stays."""
    mine = (FhirExportRow.facility == tx.facility, FhirExportRow.id == export)
    tx.session.execute(update(FhirExportRow).where(*mine).values(state=EXPIRED, key="", files=[], place=None))
