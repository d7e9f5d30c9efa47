"""What a stored record changes beside the history: the state of an infusion bag, the opening of a multi-dose container.

Both are functions of the set of records, so that a record which comes late, twice or in another order leaves the same behind, and
one that is withdrawn takes its effect back. Nothing here refuses a record.
"""

from __future__ import annotations

from pointofcare.administration.lifecycle import Status
from pointofcare.administration.record import AdministrationRecord
from pointofcare.labels import serial as serials
from pointofcare.labels.scan import DrugScan
from pointofcare.verdict.facts import Action, Scanned
from pointofcare.wire.messages import TableKind
from server.store import bags, containers, labels, versions
from server.store.bedside import Look
from server.store.transaction import Transaction

_ON_A_BAG = (Action.START, Action.RATE, Action.STOP)
_DRAWS = (Action.GIVE, Action.START)
_DRAWN = (Status.COMPLETED, Status.IN_PROGRESS, Status.STOPPED)


def take(tx: Transaction, record: AdministrationRecord, look: Look, scans: tuple[Scanned, ...]) -> None:
    """After `record` was stored for the first time. A plain dose of a single-dose pack costs no statement."""
    if _concerns_bags(record):
        start = next((row for row in look.given if row.record_id in (record.continues, record.amends)), None)
        bags.recompute(
            tx,
            order=record.order or (start.order if start else None),
            patient=record.patient,
            bag=record.bag or (start.bag if start else None),
        )
    opened = containers.withdraw(tx, record.amends) if record.amends is not None else False
    if record.action in _DRAWS and record.status in _DRAWN and not _withdrawn(record, look):
        for gtin, serial in _containers(record, look, scans):
            opened |= containers.use(tx, gtin=gtin, serial=serial, record_id=record.record_id, at=record.effective_at, ward=record.ward)
    printed = {
        one.scan.serial for one in scans if isinstance(one.scan, DrugScan) and one.scan.serial and serials.is_unit_dose(one.scan.serial)
    }
    if printed and record.status in _DRAWN:
        labels.use(tx, sorted(printed))
    if opened:
        versions.bump_kind(tx, TableKind.FORMULARY, record.ward)


def _concerns_bags(record: AdministrationRecord) -> bool:
    acts = record.action in _ON_A_BAG or record.status in (Status.IN_PROGRESS, Status.ON_HOLD)
    return acts or any(one is not None for one in (record.bag, record.continues, record.amends))


def _withdrawn(record: AdministrationRecord, look: Look) -> bool:
    """What corrects or withdraws it was here first."""
    return any(row.amends == record.record_id for row in look.given)


def _containers(record: AdministrationRecord, look: Look, scans: tuple[Scanned, ...]) -> set[tuple[str, str]]:
    """GTIN and serial of each multi-dose container that was scanned, or that the record names."""
    several = {product.gtin for product in look.products if product.multi_dose}
    found = {(one.scan.gtin, one.scan.serial) for one in scans if isinstance(one.scan, DrugScan) and one.scan.serial}
    if record.gtin is not None and record.serial and "," not in record.serial:
        found.add((record.gtin, record.serial))
    return {(gtin, serial) for gtin, serial in found if serial is not None and gtin in several}
