"""The server's own facts about a record that a cart made: what the verdict would have had before it, had the server been asked.

What only the cart could know (how old its chart was, which order versions it showed) is taken from the record; everything else comes
from the store. Pure but for the one look that is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pointofcare.administration.lifecycle import Status
from pointofcare.administration.record import AdministrationRecord, ScanEvidence
from pointofcare.labels import scan
from pointofcare.labels.scan import BandScan, DrugScan, Keyed, LabelKind, Scan, SiteProfile, TextScan, UnreadableLabel
from pointofcare.labels.symbol import Symbol
from pointofcare.people import Nurse, Patient, StaffRole, Witness
from pointofcare.products import Bag, Product
from pointofcare.verdict.facts import Action, Cart, Facts, Intent, Lease, Scanned, ShownOrder
from pointofcare.verdict.policy import DEFAULT_POLICY
from pointofcare.wire import tables
from server.store import bedside, infusions
from server.store.bedside import Look, StaffLook
from server.store.transaction import Transaction
from server.usecases import skin_tests

# The most restricted role of a person counts, as on the cart.
_ROLES = (
    StaffRole.STUDENT,
    StaffRole.NURSE,
    StaffRole.CHARGE_NURSE,
    StaffRole.PRESCRIBER,
    StaffRole.PHARMACIST,
    StaffRole.WITNESS_ONLY,
)


# What a clock says from before is no time that history could be looked up around.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What holds for the whole facility. `timezone` is for a ward that was never opened."""

    profile: SiteProfile = field(default_factory=SiteProfile)
    timezone: str = "Asia/Ho_Chi_Minh"


def look(tx: Transaction, record: AdministrationRecord, scans: tuple[Scanned, ...]) -> Look:
    """Everything about the record in one statement."""
    found = [scanned.scan for scanned in scans]
    seen = bedside.for_record(
        tx,
        record_id=record.record_id,
        patient=record.patient,
        ward=record.ward,
        order=record.order,
        at=max(record.effective_at, EARLIEST),
        gsrns={one.gsrn for one in found if isinstance(one, BandScan) and one.gsrn is not None},
        gtins={one.gtin for one in found if isinstance(one, DrugScan)} | ({record.gtin} if record.gtin else set()),
        products={record.product} if record.product else (),
        bags={one.text for one in found if isinstance(one, TextScan)} | ({record.bag} if record.bag else set()),
        serials={one.serial for one in found if isinstance(one, DrugScan) and one.serial} | ({record.serial} if record.serial else set()),
        staff={record.nurse, record.witness} - {None},  # type: ignore[arg-type]
    )
    patients = skin_tests.with_tests(tx, seen.patients, seen.policy)
    return seen if patients is seen.patients else replace(seen, patients=patients)


def scans_of(record: AdministrationRecord, site: Site) -> tuple[Scanned, ...]:
    """The scans of the record, interpreted anew."""
    today = _today(record.recorded_at, site.timezone)
    return tuple(Scanned(scan=_scan(evidence, record, site.profile, today), at=evidence.at) for evidence in record.scans)


def for_record(record: AdministrationRecord, found: Look, scans: tuple[Scanned, ...], site: Site, *, named: bool) -> Facts:
    """The facts at the moment of the record. `named`: the order is the one that the record names, not the one that the scans
    match. History is what had happened by then, without the record itself."""
    patient = next((one for one in found.patients if one.id == record.patient), None)
    product = next((one for one in found.products if one.id == record.product), None)
    witness = _person(found, record.witness)
    return Facts(
        at=record.recorded_at,
        timezone=found.timezone or site.timezone,
        cart=_cart(record),
        nurse=_nurse(_person(found, record.nurse)),
        intent=_intent(record, product, witness, named=named),
        policy=found.policy or DEFAULT_POLICY,
        patients=found.patients,
        products=found.products,
        orders=found.orders,
        history=(
            *(entry for entry in found.history if entry.at <= record.recorded_at and entry.record_id not in _replaced(record)),
            *tables.as_given(pack for pack in found.used_packs if pack.at <= record.recorded_at),
        ),
        bags=_bags_then(record, found),
        containers=tuple(one for one in found.containers if one.opened_at <= record.effective_at),
        pumps=tuple(one for one in found.pumps if one.at <= record.recorded_at),
        labels=found.labels,
        scans=tuple(Scanned(scan=_with_birth_date(scanned.scan, patient), at=scanned.at) for scanned in scans),
    )


def _replaced(record: AdministrationRecord) -> tuple[str | None, ...]:
    """What does not count beside this record: itself, and what it corrects. What it withdraws it must be judged by."""
    return (record.record_id, None if record.status == Status.ENTERED_IN_ERROR else record.amends)


def _bags_then(record: AdministrationRecord, found: Look) -> tuple[Bag, ...]:
    """The bags as they were before this record, from the records of that time: one that comes late is not judged by what came
    after it. A bag that no record of the patient names is taken as it stands."""
    earlier = [row for row in found.given if row.at <= record.effective_at and row.record_id not in _replaced(record)]
    named = {row.bag for row in found.given if row.bag is not None}
    bags = []
    for bag in found.bags:
        if bag.id in named:
            run = infusions.of_bag(earlier, bag.id)
            state = infusions.BAG_STATES[run.state]
            bag = replace(bag, state=state, started_at=run.started_at, rate=run.rate, record_id=run.record_id)
        bags.append(bag)
    return tuple(bags)


def is_patient(found: Scan) -> bool:
    """A wristband, read or typed or damaged; everything else is something to give."""
    return isinstance(found, BandScan) or (isinstance(found, Keyed | UnreadableLabel) and found.kind is LabelKind.PATIENT)


def _scan(evidence: ScanEvidence, record: AdministrationRecord, profile: SiteProfile, today: date) -> Scan:
    if evidence.keyed:
        kind = LabelKind.PATIENT if evidence.text == record.mrn else LabelKind.DRUG
        if evidence.kind in (LabelKind.PATIENT, LabelKind.DRUG):
            kind = LabelKind(evidence.kind)
        return Keyed(
            value=evidence.text,
            kind=kind,
            second_identifier=evidence.second_identifier,
            reason=evidence.reason if evidence.reason is not None else record.status_reason,
        )
    symbol = Symbol(identifier=evidence.identifier, content=evidence.text.encode("utf-8", "surrogateescape"))
    return scan.interpret(symbol, profile, today)


def _with_birth_date(found: Scan, patient: Patient | None) -> Scan:
    """A cart that keeps no second identifier compared it itself: ours stands in for it."""
    bare = isinstance(found, Keyed) and found.kind is LabelKind.PATIENT and found.second_identifier is None
    if bare and isinstance(found, Keyed) and patient is not None and patient.birth_date is not None:
        return Keyed(value=found.value, kind=found.kind, second_identifier=patient.birth_date.isoformat(), reason=found.reason)
    return found


def _cart(record: AdministrationRecord) -> Cart:
    shown: tuple[ShownOrder, ...] = ()
    if record.order is not None and record.order_version is not None:
        shown = (ShownOrder(order=record.order, version=record.order_version),)
    return Cart(
        id=record.cart,
        online=record.online,
        clock_offset_s=record.clock_offset_s,
        chart_age_s=0.0,
        lease=Lease.HELD if record.lease_fence is not None else Lease.NONE,
        shown=shown,
    )


def _intent(record: AdministrationRecord, product: Product | None, witness: StaffLook | None, *, named: bool) -> Intent:
    drawn = record.action == Action.STOP or (product is not None and (product.volume is not None or product.multi_dose))
    late = record.effective_at != record.recorded_at
    return Intent(
        action=Action(record.action),
        order=record.order if named else None,
        due=record.due if named else None,
        dose=record.dose if drawn else None,
        route=record.route,
        site=record.site,
        given_at=record.effective_at if late else None,
        reason=record.status_reason,
        reason_text=record.reason_text,
        satisfies=tuple(finding.rule for finding in record.findings if finding.satisfied and finding.level == "REASON"),
        prn_reason=record.prn_reason,
        witness=_witness(witness),
        waste=record.waste,
        blind_value=record.blind_value,
        returned=record.returned,
        of_record=record.continues or record.amends,
        rate=record.rate,
        drop_factor=record.drop_factor,
        effect=record.effect,
    )


def _person(found: Look, staff: str | None) -> StaffLook | None:
    return next((one for one in found.staff if one.id == staff), None)


def _role(person: StaffLook) -> StaffRole | None:
    return next((role for role in _ROLES if role.value in person.roles), None)


def _nurse(person: StaffLook | None) -> Nurse | None:
    if person is None:
        return None
    return Nurse(id=person.id, role=_role(person), licensed=person.licensed if person.active else False, name=person.name)


def _witness(person: StaffLook | None) -> Witness | None:
    if person is None:
        return None
    return Witness(id=person.id, role=_role(person), licensed=person.licensed, on_shift=person.active)


def _today(at: datetime, timezone: str) -> date:
    try:
        return at.astimezone(ZoneInfo(timezone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return at.astimezone(UTC).date()
