"""Taking what infusion pumps say, for the rule that compares them with the order (I6). A reading never changes what was charted."""

from __future__ import annotations

from datetime import timedelta

from pointofcare.errors import UnreadableError
from pointofcare.people import StaffRole
from pointofcare.products import PumpReading
from server.store import bags, patients, pumps, versions
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require

# Who a pump gateway signs in as.
FEED = (StaffRole.ADMINISTRATOR, StaffRole.FLEET_MANAGER)
AHEAD = timedelta(minutes=5)


def receive(tx: Transaction, actor: Actor, reading: PumpReading) -> bool:
    """The newest state of one channel. False: a newer one is here. Raises: NotPermittedError, UnreadableError for one of the
    future, which would keep every true one out."""
    require(tx, actor, *FEED)
    if reading.at > tx.at + AHEAD:
        raise UnreadableError(f"the reading is of {reading.at.isoformat()}, which is still to come", remedy="set the clock of the pump")
    newest, tells = pumps.put(tx, reading)
    if tells:
        tx.audit(
            "pump.reading",
            f"pump/{reading.pump}/{reading.channel}",
            {"bag": reading.bag, "patient": reading.patient, "rate": None if reading.rate is None else str(reading.rate)},
        )
        versions.bump(tx, *_wards(tx, reading))
    return newest


def _wards(tx: Transaction, reading: PumpReading) -> set[str | None]:
    whose = {reading.patient} - {None}
    if reading.bag is not None:
        whose |= {view.patient for view in bags.named(tx, (reading.bag,))}
    return {patients.ward_of(tx, patient) for patient in whose if patient is not None}
