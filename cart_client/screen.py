"""What the kiosk may show: one frozen picture of the bedside, made by the loop and read by the pages.
Nothing here decides what may be given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cart_client.chart import Due
from cart_client.inbox import Link
from cart_client.journal import Journal, Standing
from pointofcare.administration import session as workflow
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import Session
from pointofcare.labels.scan import DrugScan, Scan
from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.verdict.facts import Lease
from pointofcare.wire.messages import AdministrationRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The line of states that is always there. `missing` names tables that the chart lacks, `journal_fault` why nothing can be
    recorded. None: not known."""

    link: Link = Link.OFFLINE
    missing: tuple[str, ...] = ()
    chart_version: int = 0
    chart_age_s: float | None = None
    unsent: int = 0
    camera_live: bool | None = None
    camera_why: str = ""
    journal_fault: str = ""
    clock_offset_s: float | None = None
    battery_percent: int | None = None
    lease: Lease = Lease.NONE


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

    `witness_badge` says that a second person's badge was read and the PIN is awaited; `notice` is a code with its parameters."""

    moment: int
    at: datetime
    zone: str
    cart: str
    ward_name: str
    training: bool
    session: Session
    strip: Strip
    patient: Patient | None = None
    badge_name: str = ""
    witness_badge: str = ""
    units: tuple[Unit, ...] = ()
    order: Order | None = None
    due: datetime | None = None
    choices: tuple[Due, ...] = ()
    dues: tuple[Due, ...] = ()
    opened: tuple[AdministrationRecord, ...] = ()
    drawer: DrawerTold | None = None
    trace: Trace | None = None
    recorded: tuple[Recorded, ...] = ()
    notice: str = ""
    notice_params: dict[str, object] = field(default_factory=dict)


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
