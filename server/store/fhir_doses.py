"""What happened at the bedside, as our FHIR face reads it: records with everything that goes on with them. Reads only.

A chain is all records of one dose or infusion: start, rates, end, waste, corrections and withdrawals. It is read whole, whichever of its
records was found, so that no resource tells half of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from pointofcare.administration.record import AdministrationRecord
from server.store import mapping_record, reach
from server.store.tables import AdministrationRow, OutboxRow
from server.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One record as the server holds it. `patient` is whose it is now, which a merge may have changed; `ward` where it happened."""

    record: AdministrationRecord
    patient: str
    received_at: datetime


def chains(tx: Transaction, records: Collection[str]) -> tuple[tuple[Held, ...], ...]:
    """The chain of each of `records`, once each, in the order in which their records came. Three statements, whatever the number. A chain
    of which one record is out of the person's reach is not read at all."""
    if not records:
        return ()
    row, out = AdministrationRow, OutboxRow
    mine = (out.facility == tx.facility, out.kind == "administration")
    told = select(out.record_id, out.ordering_key).where(*mine, out.record_id.in_(records))
    keys: dict[str, str] = {one.record_id: one.ordering_key for one in tx.session.execute(told)}
    members: dict[str, list[str]] = {}
    if keys:
        found = select(out.ordering_key, out.record_id).where(*mine, out.ordering_key.in_(set(keys.values()))).order_by(out.id)
        for key, record_id in tx.session.execute(found):
            members.setdefault(key, []).append(record_id)
    for alone in records:
        if alone not in keys:  # a record without an outbox row stands for itself
            members.setdefault(alone, []).append(alone)
    wanted = [record_id for ids in members.values() for record_id in ids]
    columns = (row.record_id, row.patient, row.received_at, row.document)
    query = select(*columns).where(row.facility == tx.facility, row.record_id.in_(wanted), *reach.of_patient(tx, row.patient))
    held = {
        one.record_id: Held(record=mapping_record.from_document(one.document), patient=one.patient, received_at=one.received_at)
        for one in tx.session.execute(query)
    }
    return tuple(
        tuple(sorted((held[one] for one in ids), key=lambda one: (one.received_at, one.record.record_id)))
        for ids in members.values()
        if all(one in held for one in ids)
    )
