"""What the kiosk may show: one frozen picture of the bedside, made by the loop and read by the pages.
Nothing here decides what may be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cart_client import care
from cart_client.afar import Answering, Call, Fetching
from cart_client.care import Care, Due, Ward
from cart_client.change import Change
from cart_client.chart import Chart, history_since
from cart_client.inbox import Link
from cart_client.journal import Journal, Standing
from cart_client.looks import Mark
from pointofcare.administration import session as workflow
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import Session
from pointofcare.errors import JournalError
from pointofcare.fleet.drawers import Finding
from pointofcare.labels.scan import DrugScan, Scan
from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.verdict import index
from pointofcare.verdict.facts import Action, HistoryEntry, Lease
from pointofcare.verdict.policy import ListedEmergency
from pointofcare.wire.messages import AdministrationRecorded, BedsideNoted
from pointofcare.wire.tables import Conflict, PatientChartBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The line of states that is always there. `missing` names tables that the chart lacks, `not_understood` those of which the server has
    a newer one that this program cannot read, `journal_fault` why nothing can be
    recorded. `lease_waits`: the lease is granted and the chart on the way; `lease_doubts` are carts that have not told what they gave
    this patient. `clock_doubt`: the time is not measured ("unmeasured"), or the wall clock is behind this cart's records ("behind").
    `camera_fault` is what is wrong with the camera since `camera_since`, "" for nothing. None: not known."""

    link: Link = Link.OFFLINE
    missing: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()
    chart_version: int = 0
    chart_age_s: float | None = None
    unsent: int = 0
    camera_live: bool | None = None
    camera_why: str = ""
    camera_fault: str = ""
    camera_since: datetime | None = None
    journal_fault: str = ""
    clock_offset_s: float | None = None
    clock_doubt: str = ""
    battery_percent: int | None = None
    lease: Lease = Lease.NONE
    lease_waits: bool = False
    lease_doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One thing that was scanned for this dose. `product` None: not in the formulary."""

    scan: Scan
    product: Product | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerTold:
    """What became of unlocking: opening · unlocked · refused · unavailable · outcome-unknown."""

    record_id: str
    drawer: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A record of this cart, and how far it has come."""

    record: AdministrationRecord
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """When the newest scan passed each hop on this cart. `frame_at` None: it did not come from a picture."""

    frame_at: datetime | None
    decode_at: datetime
    verdict_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One moment. `moment` changes whenever something that can be pressed changes; forms send it back.

    `witness_badge` says that a second person's badge was read and the PIN is awaited; `notice` is a code with its parameters.
    `about` is the record that the act on the screen is about, `emergency` the policy's lines for a drug that nobody ordered,
    `counted` the controlled drug whose rest is to be counted. `changes` is what changed since the patient was opened, `conflicts` what
    concerns who is signed in and was not read yet,
    `drawer_findings` what the drawers did that nobody asked for.
    `looking` is a patient who is only looked at, `marks` what whoever is signed in has
    not seen yet, `beds` the ward's patients by bed. `waiting` are, while nobody is signed in, who verified a dose that nobody confirmed,
    and when. `spelled` are the hospital's own tall man names, `antibiotics` ingredients."""

    moment: int
    at: datetime
    zone: str
    cart: str
    ward_name: str
    training: bool
    session: Session
    strip: Strip
    patient: Patient | None = None
    alike: tuple[Patient, ...] = ()
    badge_name: str = ""
    asks_why: bool = False  # the badge is of another ward: the PIN comes with a reason
    witness_badge: str = ""
    units: tuple[Unit, ...] = ()
    order: Order | None = None
    due: datetime | None = None
    choices: tuple[Due, ...] = ()
    dues: tuple[Due, ...] = ()
    opened: tuple[AdministrationRecord, ...] = ()
    care: Care = field(default_factory=Care)
    about: HistoryEntry | None = None
    emergency: tuple[ListedEmergency, ...] = ()
    counted: Product | None = None
    drawer: DrawerTold | None = None
    drawer_findings: tuple[Finding, ...] = ()
    drawer_rules: bool = False  # somebody may open a drawer without a patient
    drawer_access: DrawerTold | None = None
    trace: Trace | None = None
    recorded: tuple[Recorded, ...] = ()
    changes: tuple[Change, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    looking: Patient | None = None
    marks: tuple[Mark, ...] = ()
    beds: tuple[Patient, ...] = ()
    waiting: tuple[tuple[str | None, datetime], ...] = ()
    spelled: Mapping[str, str] = field(default_factory=dict)
    antibiotics: frozenset[str] = frozenset()
    ward: Ward | None = None  # what the pages beside the dose are made from
    notes: tuple[BedsideNoted, ...] = ()
    fetching: Fetching | None = None  # a second person is asked for elsewhere
    calls: tuple[Call, ...] = ()  # other carts ask for one
    answering: Answering | None = None
    table_ages_s: dict[str, float | None] = field(default_factory=dict)
    notice: str = ""
    notice_params: dict[str, object] = field(default_factory=dict)


DUES_EVERY_S = 15
# How far back what was noted is shown, and how often it is read again though nothing was.
_NOTES_BACK, _NOTES_AGAIN = timedelta(hours=48), timedelta(minutes=10)
SHOWN_RECORDS = 5
_SHOWN_AFTER_START = timedelta(hours=1)


class DueList:
    """The ward's due list and what goes on with the patient, made anew when something changed or some seconds passed: of the one patient
    of whom something was recorded, where that is all that changed."""

    def __init__(self, chart: Chart, journal: Journal) -> None:
        self._chart, self._journal = chart, journal
        self._ward: care.Ward | None = None
        self._lines: tuple[Due, ...] = ()
        self._care: tuple[str, Care] | None = None
        self._made_at: datetime | None = None
        self._made_of: tuple[object, ...] = ()
        self._touched: set[str] = set()
        self._notes: tuple[datetime, tuple[BedsideNoted, ...]] | None = None

    def stale(self, patient: str | None = None) -> None:
        """Something changed: of that patient alone, or of anybody."""
        if patient is None:
            self._made_at = None
        else:
            self._touched.add(patient)

    def noted(self) -> None:
        """Something was noted here that is no dose."""
        self._notes = None

    def notes(self, now: datetime) -> tuple[BedsideNoted, ...]:
        """What was noted at this cart lately, in the order of its rows. Raises: JournalError."""
        if self._notes is None or abs(now - self._notes[0]) > _NOTES_AGAIN:
            self._notes = (now, self._journal.notes(since=now - _NOTES_BACK))
        return self._notes[1]

    def ward(self, now: datetime) -> care.Ward | None:
        """What the lines are made from, None without a chart."""
        self._renew(now)
        return self._ward

    def _renew(self, now: datetime) -> None:
        is_fresh = self._made_at is not None and abs((now - self._made_at).total_seconds()) < DUES_EVERY_S
        if is_fresh and not self._touched:
            return
        since = history_since(now)
        self._ward = self._chart.ward(
            now,
            journalled=self._journal.administrations(since=since),
            measured=self._journal.observations(since=since),
            opened=self._journal.open_doses(),
        )
        # Lines of others hold for as long as they did before, but not with another chart or another policy.
        made_of = (self._ward.body, self._ward.policy, self._ward.products) if self._ward is not None else ()
        is_same = len(made_of) == len(self._made_of) and all(one is other for one, other in zip(made_of, self._made_of, strict=True))
        if self._ward is None:
            self._lines, self._made_at = (), now
        elif is_fresh and is_same:
            touched = frozenset(self._touched)
            others = [line for line in self._lines if line.patient.id not in touched]
            self._lines = care.in_order([*others, *care.due_list(self._ward, now, only=touched)], now)
        else:
            self._lines = care.due_list(self._ward, now)
            self._made_at = now
        self._care = None
        self._made_of = made_of
        self._touched.clear()

    def care(self, patient: str | None, now: datetime) -> Care:
        """What goes on with `patient`."""
        self._renew(now)
        if self._ward is None or patient is None:
            return Care()
        if self._care is None or self._care[0] != patient:
            self._care = (patient, care.of_patient(self._ward, patient, now))
        return self._care[1]

    def entry(self, record_id: str, now: datetime) -> HistoryEntry | None:
        """What is on record under that id."""
        self._renew(now)
        entries = self._ward.entries if self._ward is not None else ()
        return next((entry for entry in entries if entry.record_id == record_id), None)

    def of(self, patient: str | None, now: datetime) -> tuple[Due, ...]:
        """Of that patient, or of everybody."""
        self._renew(now)
        return tuple(line for line in self._lines if patient is None or line.patient.id == patient)


@index.kept
def beds(body: PatientChartBody | None) -> tuple[Patient, ...]:
    """The ward's patients as the round goes: by bed, those without one last."""
    return tuple(sorted(body.patients, key=lambda each: (each.bed or "~", each.id))) if body is not None else ()


def after(view: View, session: Session, moment: int, record: AdministrationRecord, now: datetime) -> View | None:
    """`view` with the dose that the journal has just taken: what whoever confirmed it waits for. The rest is as it was shown a moment
    ago; the next whole picture says what follows. None where that could mislead: for anything but a dose that was given."""
    if view.session.record_id != record.record_id or record.action != Action.GIVE or record.status != "completed":
        return None
    strip = replace(view.strip, unsent=view.strip.unsent + 1, journal_fault="")
    done = Recorded(record=record, standing=Standing(here=True))
    return replace(
        view,
        moment=moment,
        at=now,
        session=session,
        strip=strip,
        recorded=(done, *view.recorded[: SHOWN_RECORDS - 1]),
        opened=tuple(each for each in view.opened if each.record_id != record.record_id),
        dues=tuple(_given(line) if _is_of(line, record) else line for line in view.dues),
        notice="",
        notice_params={},
    )


def _is_of(line: Due, record: AdministrationRecord) -> bool:
    return line.due is not None and (line.order.id, line.due) == (record.order, record.due)


def _given(line: Due) -> Due:
    return replace(line, status="given", open_record=None)


def last_records(journal: Journal, now: datetime, count: int) -> list[str]:
    """The newest records of the last hour, newest first: after a restart the nurse must see how far they came."""
    try:
        known = journal.administrations(since=now - _SHOWN_AFTER_START)
    except JournalError:
        return []
    return [record.record_id for record in reversed(known)][:count]


def units(session: Session, products: tuple[Product, ...]) -> tuple[Unit, ...]:
    """What was scanned for this dose, each with its product."""
    by_gtin = {product.gtin: product for product in products}
    return tuple(
        Unit(scan=s.scan, product=by_gtin.get(s.scan.gtin) if isinstance(s.scan, DrugScan) else None, at=s.at)
        for s in workflow.drugs(session)
    )


def choices(scanned: tuple[Unit, ...], dues: tuple[Due, ...]) -> tuple[Due, ...]:
    """The order lines of `dues` that what was scanned could be for, one a line: its earliest dose that is not done."""
    names = {frozenset(i.name for i in unit.product.ingredients) for unit in scanned if unit.product is not None}
    first: dict[str, Due] = {}
    for line in dues:
        if frozenset(line.order.ingredient.split("/")) in names and line.status not in ("given", "not-given"):
            first.setdefault(line.order.id, line)
    return tuple(first.values())


def given_now(dues: tuple[Due, ...], order: str | None, now: datetime) -> datetime | None:
    """The due time of the dose of `order` whose window is open and that was given already: a further scan is of that one, and not
    of the next dose, hours too early."""
    for line in dues:
        if line.order.id != order or line.opens_at is None or line.closes_at is None:
            continue
        if line.opens_at <= now < line.closes_at:
            return line.due if line.status in ("given", "in-progress") else None
    return None


def recorded(journal: Journal, record_ids: tuple[str, ...]) -> tuple[Recorded, ...]:
    """The administrations among `record_ids`, and how far each has come."""
    found: list[Recorded] = []
    for record_id in record_ids:
        entry = journal.entry(record_id)
        if entry is not None and isinstance(entry.message.body, AdministrationRecorded):
            found.append(Recorded(record=entry.message.body.record, standing=journal.standing(record_id)))
    return tuple(found)
