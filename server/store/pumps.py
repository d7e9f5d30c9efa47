"""The newest reading of each channel of an infusion pump, as a pump gateway sends it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import literal, select

from pointofcare.products import PumpReading
from server.store import mapping_bag
from server.store.plain import amount
from server.store.tables import PumpReadingRow
from server.store.transaction import Transaction
from server.store.versions import insertion

# A chart is issued anew when what a channel does changed, and else no more often than this, so that its age is seen there.
TOLD_EVERY = timedelta(minutes=5)
_MATTERS = ("bag", "patient", "associated_at", "drug", "rate", "concentration")


def get(tx: Transaction, pump: str, channel: str) -> PumpReading | None:
    row = tx.session.get(PumpReadingRow, (tx.facility, pump, channel))
    return None if row is None else _reading(row)


def put(tx: Transaction, reading: PumpReading) -> tuple[bool, bool]:
    """Whether it is the newest of its channel, and whether the charts must tell it. An older one changes nothing."""
    found = tx.session.execute(
        select(PumpReadingRow)
        .where(
            PumpReadingRow.facility == tx.facility,
            PumpReadingRow.pump == reading.pump,
            PumpReadingRow.channel == reading.channel,
        )
        .with_for_update()
    ).scalar()
    values = {
        "at": reading.at,
        "bag": reading.bag,
        "patient": reading.patient,
        "associated_at": reading.associated_at,
        "drug": reading.drug,
        "rate": amount(reading.rate),
        "concentration": amount(reading.concentration),
    }
    if found is not None and found.at >= reading.at:
        return False, False
    tells = (
        found is None
        or any(getattr(found, name) != values[name] for name in _MATTERS)
        or found.told_at is None
        or reading.at - found.told_at >= TOLD_EVERY
    )
    row = values | ({"told_at": reading.at} if tells else {})
    new = insertion(tx, PumpReadingRow).values(facility=tx.facility, pump=reading.pump, channel=reading.channel, **row)
    written = new.on_conflict_do_update(
        index_elements=["facility", "pump", "channel"], set_=row, where=PumpReadingRow.at < new.excluded.at
    ).returning(literal(1))
    return (True, tells) if tx.inserted(written) else (False, False)


def _reading(row: PumpReadingRow) -> PumpReading:
    return mapping_bag.pump(
        pump=row.pump,
        channel=row.channel,
        at=row.at,
        bag=row.bag,
        patient=row.patient,
        associated_at=row.associated_at,
        drug=row.drug,
        rate=row.rate,
        concentration=row.concentration,
    )
