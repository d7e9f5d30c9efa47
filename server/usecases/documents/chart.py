"""What the forms of one patient are made of: identity, orders and every record of a period, read once.

Reads alone. Must never leave a dose out in silence: a corrected record stays and says so, a dose that was due and that nobody charted is a
line of its own, an order whose times cannot be computed is named, and a period with more records than are read says that it is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import NotFoundError, PointOfCareError
from pointofcare.orders import dosage, schedule, timing
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.orders.schedule import DueDose, DueStatus
from pointofcare.people import Patient
from server.store import administrations, bedside, bedside_notes, history, orders, patients, products, views_patients, views_pharmacy
from server.store.bedside_notes import BedsideNote
from server.store.orders import VersionView
from server.store.transaction import Transaction
from server.usecases.documents import words

# So many records of one period are read; more than any patient has in it who is not a mistake of a machine.
MOST = 4000
_PAGE = 500
# A dose may be charted some time after or before it was due: records so far outside the period still say what became of it.
AROUND = timedelta(days=2)
_ENDED = (OrderStatus.STOPPED, OrderStatus.CANCELLED, OrderStatus.COMPLETED, OrderStatus.ON_HOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A dose of the period without a record. `status` upcoming, due or overdue."""

    due: DueDose
    order: Order
    status: DueStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`orders` are as they stood at the end of the period, `records` those of the period, oldest first; `around` them and what stands
    shortly before and behind. `amended` are ids that a later record corrects. `unclear` are orders whose times cannot be computed.
    `cut`: there are more records than were read."""

    patient: Patient
    ward: str
    zone: ZoneInfo
    since: datetime
    until: datetime
    at: datetime
    orders: Mapping[str, Order]
    records: tuple[AdministrationRecord, ...]
    around: tuple[AdministrationRecord, ...]
    amended: frozenset[str]
    open: tuple[Open, ...]
    unclear: tuple[Order, ...]
    names: Mapping[str, str]
    shown: tuple[BedsideNote, ...]
    cut: bool

    def name(self, person: str | None) -> str:
        return self.names.get(person or "", person or "")

    def is_void(self, record: AdministrationRecord) -> bool:
        return record.record_id in self.amended or record.status == "entered-in-error"


def of_patient(tx: Transaction, patient: str, *, since: datetime, until: datetime, zone: str) -> Chart:
    """Raises: NotFoundError, OtherWardError."""
    look = bedside.of_patient(tx, patient)
    if not look.patients:
        raise NotFoundError(f"patient {patient[:64]!r} is not known", remedy="look for the patient again", patient=patient[:64])
    who = look.patients[0]
    ward = patients.ward(tx, who.ward) if who.ward else None
    zone = (ward.timezone if ward is not None else "") or zone
    around, cut = _records(tx, patient, since=since - AROUND, until=until + AROUND)
    records = tuple(one for one in around if since <= one.effective_at < until)
    listed = tuple(view.order for view in orders.of_patient(tx, patient))
    versions = views_pharmacy.versions_of_patient(tx, patient)
    found = {order.id: _held(order, versions.get(order.id, ()), until) for order in listed}
    opened, unclear = _open(tx, listed, versions, around, who, since=since, until=until, zone=zone)
    notes = tuple(
        note
        for note in reversed(bedside_notes.of_patient(tx, patient, since=since, limit=300))
        if note.kind == "drugs-shown" and since <= note.at < until
    )
    people = {one.nurse for one in around} | {one.witness for one in around} | {order.prescriber for order in found.values()}
    return Chart(
        patient=who,
        ward=ward.name if ward is not None else (who.ward or ""),
        zone=ZoneInfo(zone),
        since=since,
        until=until,
        at=tx.at,
        orders=found,
        records=records,
        around=around,
        amended=administrations.amended(tx, [one.record_id for one in around]),
        open=opened,
        unclear=unclear,
        names=views_pharmacy.names(tx, people | {note.nurse for note in notes}),
        shown=notes,
        cut=cut,
    )


def _records(tx: Transaction, patient: str, *, since: datetime, until: datetime) -> tuple[tuple[AdministrationRecord, ...], bool]:
    found: list[AdministrationRecord] = []
    before: tuple[datetime, str] | None = (until, "")
    while before is not None and len(found) < MOST:
        page, before = views_patients.doses(tx, patient=patient, before=before, limit=_PAGE)
        mine = [dose.record for dose in page if dose.record.effective_at >= since]
        found += mine
        if len(mine) < len(page):
            before = None
    return tuple(reversed(found)), before is not None


def _open(
    tx: Transaction,
    listed: Iterable[Order],
    versions: Mapping[str, Sequence[VersionView]],
    around: Iterable[AdministrationRecord],
    who: Patient,
    *,
    since: datetime,
    until: datetime,
    zone: str,
) -> tuple[tuple[Open, ...], tuple[Order, ...]]:
    """Doses of the period that nobody charted, by time; and orders of which nobody can say."""
    entries = history.effective(history.of_record(one) for one in around)
    windows = products.policy(tx, who.ward or "").windows
    found: list[Open] = []
    unclear: list[Order] = []
    listed = tuple(listed)
    changed = orders.changed(tx, listed)
    for order in listed:
        held = (order.start is None or order.start < until) and (order.end is None or order.end >= since)
        if not held or order.category in timing.WITHOUT_TIMES:
            continue
        if order.status in (OrderStatus.DRAFT, None):
            unclear.append(order)
            continue
        if order.status is OrderStatus.CANCELLED:
            continue
        upto = min([until, *_ended_at(versions.get(order.id, ()))])
        try:
            if order.id in changed:
                doses = schedule.across(changed[order.id], entries, windows, zone, since, upto)
            else:
                doses = schedule.due_doses(order, entries, windows, zone, since, upto)
            said = {version.version: version for version, _ in changed.get(order.id, ())}
            found += [
                Open(
                    due=dose,
                    order=dosage.effective(said.get(dose.order_version, order), dose.due, zone),
                    status=schedule.status(dose, tx.at),
                )
                for dose in doses
                if dose.outcome is None
            ]
        except PointOfCareError:
            unclear.append(order)
    return tuple(sorted(found, key=lambda one: (one.due.due, one.order.id))), tuple(unclear)


def _held(order: Order, versions: Sequence[VersionView], until: datetime) -> Order:
    """The order as it stood at the end of the period: a form of last week shows last week's dose. `versions` newest first."""
    before = [one.order for one in versions if one.at < until]
    return before[0] if before else versions[-1].order if versions else order


def _ended_at(versions: Sequence[VersionView]) -> tuple[datetime, ...]:
    """When an order that is stopped or held came to be so: it is due no more from then on. Empty for any other."""
    at: tuple[datetime, ...] = ()
    for one in versions:
        if one.order.status not in _ENDED:
            break
        at = (one.at,)
    return at


def outcome(chart: Chart, record: AdministrationRecord) -> str:
    """What became of a dose, in words, with every reason that was given."""
    pieces = [] if record.action in ("give", "hold", "refuse", "not-given") else [words.word("act", record.action)]
    pieces.append(words.word("status", record.status))
    if record.status_reason:
        pieces.append(words.word("reason", record.status_reason))
    pieces += [each for each in (record.reason_text, record.prn_reason) if each]
    if record.site:
        pieces.append(f"vị trí: {record.site}")
    if record.effect:
        pieces.append(f"hiệu quả: {record.effect}")
    if record.waste is not None:
        pieces.append(f"hủy {words.amount(record.waste)}")
    if record.returned is not None:
        pieces.append(f"trả {words.amount(record.returned)}")
    said = " – ".join(pieces)
    if record.record_id in chart.amended:
        said += " (đã được đính chính bằng bản ghi sau)"
    if record.amends:
        said += " (đính chính bản ghi trước)"
    return said


def lot(record: AdministrationRecord) -> str:
    return ", ".join([*([record.lot] if record.lot else []), *([f"HD {words.day(record.expiry)}"] if record.expiry else [])])


def people(chart: Chart, record: AdministrationRecord) -> str:
    witness = f"\nNgười chứng kiến: {chart.name(record.witness)}" if record.witness else ""
    return chart.name(record.nurse) + witness


def identity(chart: Chart) -> dict[str, object]:
    """The head of every form of one patient."""
    who = chart.patient
    allergies = "không rõ, chưa khai thác" if who.allergies is None else "; ".join(each.substance for each in who.allergies) or "không có"
    return {
        "name": who.name,
        "mrn": who.mrn,
        "born": words.day(who.birth_date),
        "sex": words.word("sex", who.sex),
        "ward": chart.ward,
        "bed": who.bed or "",
        "weight": words.amount(who.weight.value) if who.weight is not None else "",
        "allergies": allergies,
    }


def day_of(value: datetime, zone: ZoneInfo) -> str:
    return words.day(value.astimezone(zone).date())
