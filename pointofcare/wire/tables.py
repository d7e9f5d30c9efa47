"""The signed tables: their bodies, and the exact bytes that the server signs and the cart checks.

Signing is not done here. A table is bound to a ward of a facility, numbered, dated, and stops being usable at `expires_at`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pointofcare.errors import MessageError
from pointofcare.fleet.drawer_access import DrawerPolicy
from pointofcare.labels.scan import SiteProfile
from pointofcare.orders.order import Order
from pointofcare.people import Patient, StaffRole
from pointofcare.products import Bag, Container, IssuedLabels, Product, PumpReading
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.policy import Policy
from pointofcare.wire import values
from pointofcare.wire.messages import TableKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffEntry:
    """One person who may use the carts. `badge` is the text of the badge, `pin_hash` an argon2 hash or None when no PIN is
    set; `expires_at` None: not known when this person's rights end. `of_ward` False: works in other wards, None: the server does not
    say; `ward_until`: a helper, who is of the ward until then. `pin_until`: the PIN counts
    until then (None: without end); `pin_cleared_at`: a pause after wrong tries from before then is over. `competences_due`: so many
    of what this person's work takes are missing or expired in the training log, None: nothing is to be said of it."""

    id: str
    name: str
    badge: str | None = None
    pin_hash: str | None = None
    roles: tuple[StaffRole, ...] = ()
    licensed: bool | None = None
    active: bool = False
    on_shift: bool | None = None
    expires_at: datetime | None = None
    of_ward: bool | None = None
    ward_until: datetime | None = None
    pin_until: datetime | None = None
    pin_cleared_at: datetime | None = None
    competences_due: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRequest:
    """A dose that a cart asked the pharmacy for (rule S5). `status` is a FHIR Task status: requested, accepted, completed (it was
    sent), rejected; `answer` the pharmacist's words."""

    record_id: str
    order: str
    due: datetime | None
    status: str
    asked_at: datetime
    answered_at: datetime | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """Who made the newest version of an order, when and why. `action`: amended, received, held, resumed, stopped; `by` the person's
    name, else the id."""

    order: str
    version: int
    action: str
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Give:
    """One side of a conflict: what one nurse recorded at one cart."""

    record_id: str
    cart: str
    nurse: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Records of one dose that do not go together, until a person has resolved it. `code` is the discrepancy's: given-twice,
    second-action or lease-superseded. `concerns` are the staff ids who must be told, `seen` those of them who have read it."""

    id: int
    code: str
    patient: str
    at: datetime
    order: str | None = None
    drug: str = ""
    due: datetime | None = None
    gives: tuple[Give, ...] = ()
    concerns: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedPack:
    """A pack with a serial number that was given, to whomever: it is not given again. `product` None: which one is not known."""

    serial: str
    at: datetime
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientChartBody:
    """All of one ward. `cart_drawers` cart -> patient id -> drawer number, under "*" and the ward those that hold for each of its carts;
    `drawers` patient id -> drawer number, for carts that do not know `cart_drawers`: only numbers that are nobody else's at any cart.
    `encounters` patient id -> encounter id; `timezone` is the
    ward's IANA name. `course_days` order id -> its day of treatment when the chart was issued, of those that can be told: the
    chart's own history does not reach back far enough to count it. `changed` tells of orders that changed lately, `conflicts` what
    nobody has resolved yet, `used_packs` serial numbers that this ward's carts gave to
    patients who are not in it now, `alike` patient id -> those in the ward whose names are easily taken for that one's, mother and child
    among them."""

    ward: str
    ward_name: str
    timezone: str
    patients: tuple[Patient, ...] = ()
    orders: tuple[Order, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    bags: tuple[Bag, ...] = ()
    pumps: tuple[PumpReading, ...] = ()
    requests: tuple[DoseRequest, ...] = ()
    drawers: Mapping[str, int] = field(default_factory=dict)
    encounters: Mapping[str, str] = field(default_factory=dict)
    course_days: Mapping[str, int] = field(default_factory=dict)
    changed: tuple[OrderChanged, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    used_packs: tuple[UsedPack, ...] = ()
    alike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cart_drawers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRosterBody:
    """`drawers`: who may open which without a patient. None: the server does not say, and nobody may."""

    staff: tuple[StaffEntry, ...] = ()
    drawers: DrawerPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormularyBody:
    """`labels` are those of single units that may be met in the ward: without a line here none of them is given."""

    products: tuple[Product, ...] = ()
    containers: tuple[Container, ...] = ()
    labels: tuple[IssuedLabels, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBody:
    policy: Policy = field(default_factory=Policy)
    site_profile: SiteProfile = field(default_factory=SiteProfile)


TableBody = PatientChartBody | StaffRosterBody | FormularyBody | PolicyBody

BODIES: Mapping[TableKind, type[TableBody]] = {
    TableKind.PATIENT_CHART: PatientChartBody,
    TableKind.STAFF_ROSTER: StaffRosterBody,
    TableKind.FORMULARY: FormularyBody,
    TableKind.POLICY: PolicyBody,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is signed. `version` only grows, within a kind and a ward of a facility."""

    kind: TableKind
    facility: str
    ward: str
    version: int
    issued_at: datetime
    expires_at: datetime
    body: TableBody


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claims:
    kind: TableKind
    facility: str
    ward: str
    version: int
    issued_at: datetime
    expires_at: datetime


def as_given(packs: Iterable[UsedPack]) -> tuple[HistoryEntry, ...]:
    """Used packs as the rule of serial numbers looks at them: given, to nobody who is named."""
    return tuple(
        HistoryEntry(order="", patient="", status="completed", at=pack.at, product=pack.product, serial=pack.serial) for pack in packs
    )


def dump(kind: TableKind, body: TableBody) -> bytes:
    """Canonical JSON of a body: equal bodies have equal bytes. Raises: MessageError, also for a body of another kind."""
    if type(body) is not BODIES[kind]:
        raise MessageError(f"a {type(body).__name__} is not a {kind}", remedy=f"give a {BODIES[kind].__name__}")
    return values.dump(body)


def load(kind: TableKind, data: bytes) -> TableBody:
    """The body of `dump`. Raises: MessageError."""
    return values.load(BODIES[kind], data)


def claims(table: Table) -> bytes:
    """The bytes to sign: JSON with kind, facility, ward, version, issued_at, expires_at and body, deflated (zlib), because a full ward's
    chart would not fit into one message otherwise. Raises: MessageError."""
    if type(table.body) is not BODIES[table.kind]:
        raise MessageError(f"a {type(table.body).__name__} is not a {table.kind}", remedy=f"give a {BODIES[table.kind].__name__}")
    head = _Claims(**{name: getattr(table, name) for name in _Claims.__slots__})
    return zlib.compress(values.written({**values.to_plain(head), "body": values.to_plain(table.body)}), 6)


def read_claims(data: bytes) -> Table:
    """The table of bytes whose signature was checked. Raises: MessageError."""
    plain = values.parsed(_inflated(data), limit_bytes=values.MAX_VALUE_BYTES)
    head = values.from_plain(_Claims, plain)
    assert isinstance(plain, dict)
    body = values.from_plain(BODIES[head.kind], plain.get("body"))
    return Table(**{name: getattr(head, name) for name in _Claims.__slots__}, body=body)


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, values.MAX_VALUE_BYTES)
    except zlib.error as exc:
        raise MessageError("the table is not deflated JSON", remedy="issue the table again", why=str(exc)) from exc
    if not inflater.eof or inflater.unused_data:
        raise MessageError("the table is cut off, or too big", remedy="issue the table again")
    return found
