"""One full example of every message and signed table, every field filled in: the values of the golden files.

Never change one: add a new one, and a new golden file beside the old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from pointofcare.labels.scan import SiteProfile
from pointofcare.orders.order import DayOfWeek, Dosage, Interaction, Order, OrderCategory, OrderStatus, Prn
from pointofcare.people import (
    Allergy,
    AllergyKind,
    Band,
    BandStatus,
    Observation,
    Patient,
    PatientStatus,
    StaffRole,
    Weight,
)
from pointofcare.products import (
    Bag,
    BagState,
    Container,
    Controlled,
    HighAlert,
    HoldRule,
    Ingredient,
    MaxDaily,
    PrintedFor,
    Product,
    PumpReading,
    Release,
)
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import HistoryEntry, Lease, LeaseDoubt
from pointofcare.verdict.policy import (
    EffectWindow,
    Listed,
    ListedBy,
    ListedControlled,
    ListedEmergency,
    ListedHighAlert,
    ListedHold,
    LookAlike,
    Policy,
)
from pointofcare.wire.messages import (
    AdministrationRecorded,
    AttemptOutcome,
    AttemptStopped,
    BedsideNoted,
    Body,
    CartBirth,
    CartPhase,
    CartState,
    ClockAsked,
    ClockTold,
    Command,
    CommandAnswered,
    CommandOutcome,
    DiscrepancyNote,
    EmrSettled,
    EmrState,
    EventsAcknowledged,
    FleetEvent,
    HeldTable,
    HostState,
    LeaseAction,
    LeaseAnswered,
    LeaseAsked,
    Message,
    ObservationRecorded,
    RecordReceived,
    TableIssued,
    TableKind,
    TablesHeld,
    Telemetry,
    TelemetryKind,
)
from pointofcare.wire.tables import (
    Conflict,
    DoseRequest,
    FormularyBody,
    Give,
    OrderChanged,
    PatientChartBody,
    PolicyBody,
    StaffEntry,
    StaffRosterBody,
    Table,
    TableBody,
    UsedPack,
)

MOMENT = datetime(2026, 11, 21, 7, 5, 0, 123456, tzinfo=UTC)
LATER = MOMENT + timedelta(hours=24)
RECORD_ID = "7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a01"
EPOCH = "e-2026-11-01"


def q(text: str) -> Quantity:
    return Quantity.parse(text)


FINDING = FindingEvidence(
    rule="T1",
    level="REASON",
    satisfied=True,
    unknown=False,
    facts={"due": "2026-11-21T06:00:00Z", "late_min": 65, "window_min": 60.5, "given": False, "last": None, "of": ["a", {"b": 1}]},
    remedy="give-reason",
    params={"at": "14:20"},
    shadow=True,
)
SCAN = ScanEvidence(
    identifier="]d2",
    text="01048934567890121727123110L42\x1d21S9",
    at=MOMENT,
    keyed=False,
    kind="drug",
    second_identifier="1958-02-03",
    reason="label-unreadable",
)
PACKED = "eNqrVkpJLEkEAAqPAoc="

RECORD = AdministrationRecord(
    record_id=RECORD_ID,
    facility="h1",
    ward="noi-tim-mach",
    cart="c1",
    patient="p-1",
    mrn="BN000123",
    order="o-1",
    order_version=2,
    due=MOMENT - timedelta(hours=1),
    action="give",
    status="completed",
    status_reason="late-procedure",
    reason_text="Bệnh nhân đi siêu âm tim",
    product="prod-1",
    product_name="Paracetamol 500 mg",
    gtin="04893456789012",
    lot="L42",
    expiry=date(2027, 12, 31),
    serial="S9",
    dose=q("1000 mg"),
    route="IV",
    site="left-arm",
    waste=q("0.5 mL"),
    prn_reason="pain",
    effective_at=MOMENT,
    recorded_at=MOMENT + timedelta(seconds=2, microseconds=1),
    nurse="n-1",
    witness="n-2",
    level="REASON",
    findings=(FINDING,),
    engine="1.0.0",
    policy="default-7",
    scans=(SCAN,),
    chart_version=17,
    online=True,
    clock_offset_s=-0.25,
    lease_fence=7,
    amends="7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a00",
    continues="7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b19ff",
    bag="bag-1",
    rate=q("42 mL/h"),
    drop_factor=20,
    returned=q("1 mL"),
    blind_value=q("42 mL/h"),
    effect="better",
    clock_age_s=12.5,
    clock_wall_at=MOMENT,
)

_BODIES: tuple[Body, ...] = (
    CartState(phase=CartPhase.DEGRADED, why="camera-unavailable", ward="noi-tim-mach", at=MOMENT),
    CartBirth(
        versions={"app": "0.1.0", "engine": "1.0.0", "mcu": "1.1.0+7"},
        hardware="cart-r2",
        boot_id="b-1",
        epoch=EPOCH,
        last_seq=41,
        ward="noi-tim-mach",
        capabilities=("camera", "drawers"),
        config_hash="sha256-0011",
    ),
    Telemetry(kind=TelemetryKind.POWER, at=MOMENT, values={"soc_pct": 81, "charging": True, "volts": 12.6, "fault": None, "pack": "A"}),
    AdministrationRecorded(record=RECORD, seq=42, epoch=EPOCH, facts=PACKED),
    AttemptStopped(
        record_id="7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a02",
        facility="h1",
        ward="noi-tim-mach",
        cart="c1",
        at=MOMENT,
        outcome=AttemptOutcome.STOPPED,
        nurse="n-1",
        patient="p-1",
        order="o-1",
        order_version=2,
        due=MOMENT,
        action="give",
        level="STOP",
        findings=(replace(FINDING, level="STOP", satisfied=False),),
        scans=(SCAN,),
        engine="1.0.0",
        policy="default-7",
        chart_version=17,
        online=False,
        seq=43,
        epoch=EPOCH,
        witness="n-2",
        reason="wrong-patient",
        products=("prod-1",),
        facts=PACKED,
    ),
    ObservationRecorded(
        record_id="7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a03",
        facility="h1",
        ward="noi-tim-mach",
        cart="c1",
        patient="p-1",
        code="heart-rate",
        value=q("58 /min"),
        at=MOMENT,
        nurse="n-1",
        seq=45,
        epoch=EPOCH,
    ),
    BedsideNoted(
        record_id="7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a04",
        facility="h1",
        ward="noi-tim-mach",
        cart="c1",
        kind="drugs-shown",
        patient="p-1",
        of="7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a05",
        at=MOMENT,
        recorded_at=MOMENT,
        nurse="n-1",
        online=False,
        seq=46,
        epoch=EPOCH,
        details={"answer": "question", "by": "family", "words": "Thuốc này để làm gì?"},
    ),
    TablesHeld(
        ward="noi-tim-mach",
        held=(HeldTable(kind=TableKind.PATIENT_CHART, ward="noi-tim-mach", version=17, expires_at=LATER),),
        audit_checkpoints=("eyJhbGciOiJFZDI1NTE5In0.e30.c2ln",),
    ),
    LeaseAsked(
        action=LeaseAction.RENEW,
        patient="p-1",
        nurse="n-1",
        fence=7,
        unsettled=(RECORD_ID,),
        token="5e55d1b2000040008000000000000003",
    ),
    ClockAsked(asked_at=MOMENT),
    FleetEvent(
        seq=44,
        epoch=EPOCH,
        kind="drawer-opened",
        at=MOMENT,
        boot_id="b-1",
        mono_ms=123456,
        clock_error_ms=-12,
        details={"drawer": 3, "by": "n-1"},
    ),
    CommandAnswered(
        command="4a55d1b2-0000-4000-8000-000000000001",
        name="unlock",
        outcome=CommandOutcome.REFUSED,
        why="sid-not-current",
        values={"drawer": 3},
    ),
    RecordReceived(
        record_id=RECORD_ID,
        duplicate=False,
        received_at=MOMENT,
        discrepancies=(
            DiscrepancyNote(code="level-differs", rule="T3", cart_level="PASS", server_level="WARN", facts={"given_elsewhere": 1}),
        ),
    ),
    EmrSettled(record_id=RECORD_ID, state=EmrState.REJECTED, emr_id="MedicationAdministration/9", why="unknown-encounter"),
    TableIssued(kind=TableKind.PATIENT_CHART, ward="noi-tim-mach", version=18, jws="aaa.bbb.ccc"),
    LeaseAnswered(
        asked="4a55d1b2-0000-4000-8000-000000000002",
        patient="p-1",
        state=Lease.OTHER_CART,
        holder="c2",
        until=MOMENT + timedelta(minutes=5),
        lasts_s=300.0,
        fence=8,
        chart_version=18,
        doubts=(LeaseDoubt(cart="c3", nurse="n-2", since=MOMENT),),
        tell="5e55d1b2000040008000000000000004",
    ),
    ClockTold(asked_at=MOMENT, server_at=MOMENT + timedelta(milliseconds=40)),
    EventsAcknowledged(epoch=EPOCH, upto=44),
    Command(name="unlock", for_sid="s-1", by="n-9", params={"drawer": 3}),
    HostState(online=True, at=MOMENT, version="0.1.0", audit_checkpoint="eyJhbGciOiJFZDI1NTE5In0.e30.c2ln"),
)

BODIES: Mapping[str, Body] = {type(body).__name__: body for body in _BODIES}

CHART = PatientChartBody(
    ward="noi-tim-mach",
    ward_name="Khoa Nội tim mạch",
    timezone="Asia/Ho_Chi_Minh",
    patients=(
        Patient(
            id="p-1",
            mrn="BN000123",
            name="Nguyễn Thị Ánh",
            birth_date=date(1958, 2, 3),
            sex="female",
            ward="noi-tim-mach",
            bed="12",
            status=PatientStatus.ADMITTED,
            transferred_at=MOMENT,
            weight=Weight(value=q("52.5 kg"), at=MOMENT),
            bands=(Band(gsrn="893456789012345678", srin="2", status=BandStatus.ACTIVE),),
            allergies=(Allergy(substance="penicillin", kind=AllergyKind.CLASS, severity="severe", tolerated_before=True),),
            observations=(Observation(code="heart-rate", value=q("58 /min"), at=MOMENT),),
        ),
        Patient(id="p-2", mrn="BN000124", name="Trần Văn Bình"),
    ),
    orders=(
        Order(
            id="o-1",
            version=2,
            patient="p-1",
            ingredient="paracetamol",
            form="tablet",
            route="PO",
            category=OrderCategory.PRN,
            status=OrderStatus.ACTIVE,
            verified=True,
            dose=q("15 mg/kg"),
            dose_range=(q("500 mg"), q("1000 mg")),
            times=(time(8, 0), time(20, 30, 15)),
            every=timedelta(hours=6),
            start=MOMENT,
            end=LATER,
            time_critical=True,
            prn=Prn(reasons=("pain",), min_interval=timedelta(hours=4), max_per_24h=q("4 g")),
            rate=q("42 mL/h"),
            additives=("kcl",),
            needs_double_check=True,
            indication="fever",
            substitution=False,
            display="Paracetamol 1 g khi sốt",
            prescriber="d-1",
            days_of_week=(DayOfWeek.MON, DayOfWeek.SUN),
            dosages=(
                Dosage(
                    sequence=1,
                    dose=q("10 mg"),
                    dose_range=(q("5 mg"), q("10 mg")),
                    rate=q("21 mL/h"),
                    times=(time(8, 0),),
                    every=timedelta(hours=8),
                    days_of_week=(DayOfWeek.TUE,),
                    start=MOMENT,
                    end=LATER,
                    display="10 mg sáng trong 3 ngày",
                ),
            ),
            rate_range=(q("21 mL/h"), q("83 mL/h")),
            own_supply=True,
            counts_days=True,
            interactions=(Interaction(other="warfarin", severity="severe", reason="INR hằng ngày", prescriber="d-1"),),
            clarification="dose-and-dosages",
            holds_from=MOMENT,
        ),
    ),
    history=(
        HistoryEntry(
            order="o-1",
            patient="p-1",
            status="completed",
            at=MOMENT,
            product="prod-1",
            due=MOMENT,
            dose=Quantity(value=Decimal(1) / Decimal(3), unit="mg"),
            lot="L42",
            serial="S9",
            removed_at=LATER,
            reason="late-procedure",
            record_id=RECORD_ID,
            action="give",
            bag="bag-1",
            rate=q("42 mL/h"),
            continues="7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b19ff",
            site="left-arm",
            prn_reason="pain",
            effect="better",
            effect_at=LATER,
            nurse="n-1",
        ),
    ),
    bags=(
        Bag(
            id="bag-1",
            order="o-1",
            order_version=2,
            state=BagState.INFUSING,
            printed_for=PrintedFor(volume=q("500 mL"), rate=q("42 mL/h"), additives=("kcl",)),
            patient="p-1",
            started_at=MOMENT,
            rate=q("42 mL/h"),
            record_id=RECORD_ID,
        ),
    ),
    pumps=(
        PumpReading(
            pump="pump-1",
            channel="A",
            at=MOMENT,
            bag="bag-1",
            patient="p-1",
            associated_at=MOMENT,
            drug="prod-1",
            rate=q("42 mL/h"),
            concentration=q("10 mg/mL"),
        ),
    ),
    requests=(
        DoseRequest(
            record_id=RECORD_ID,
            order="o-1",
            due=MOMENT,
            status="completed",
            asked_at=MOMENT,
            answered_at=LATER,
            answer="Đã gửi lên khoa",
        ),
    ),
    drawers={"p-1": 3},
    encounters={"p-1": "enc-9"},
    course_days={"o-1": 3},
    changed=(OrderChanged(order="o-1", version=2, action="stopped", by="BS. Trần Văn Bảo", at=MOMENT, reason="Dị ứng mới"),),
    conflicts=(
        Conflict(
            id=7,
            code="given-twice",
            patient="p-1",
            at=LATER,
            order="o-1",
            drug="Amoxicillin 500 mg",
            due=MOMENT,
            gives=(Give(record_id=RECORD_ID, cart="c1", nurse="n-9", status="completed", at=MOMENT),),
            concerns=("n-9", "n-8"),
            seen=("n-9",),
        ),
    ),
    used_packs=(UsedPack(serial="S1", at=MOMENT, product="prod-1"),),
    alike={"p-1": ("p-2",)},
)
ROSTER = StaffRosterBody(
    staff=(
        StaffEntry(
            id="n-1",
            name="Lê Thị Hoa",
            badge="BADGE:1001",
            pin_hash="$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA",
            roles=(StaffRole.NURSE, StaffRole.CHARGE_NURSE),
            licensed=True,
            active=True,
            on_shift=True,
            expires_at=LATER,
            of_ward=True,
            ward_until=LATER,
        ),
    )
)
FORMULARY = FormularyBody(
    products=(
        Product(
            id="prod-1",
            gtin="04893456789012",
            name="Paracetamol 500 mg",
            form="tablet",
            routes=("PO",),
            ingredients=(Ingredient(name="paracetamol", amount=q("500 mg"), classes=("analgesic",)),),
            volume=q("10 mL"),
            divisible=True,
            multi_dose=True,
            release=Release.EXTENDED,
            high_alert=HighAlert.WITNESS_REQUIRED,
            controlled=Controlled.NARCOTIC,
            discard_after_opening=timedelta(days=28),
            lasa=("prod-2",),
            max_daily=(MaxDaily(ingredient="paracetamol", hard=q("4 g"), soft=q("3 g")),),
            hold=(HoldRule(code="heart-rate", below=q("60 /min"), above=q("120 /min"), max_age=timedelta(minutes=30), level="STOP"),),
            recalled_lots=("L13",),
            minibag=True,
            vinca=True,
            hang_time=timedelta(hours=24),
            owner="p-1",
            blood_component=True,
        ),
    ),
    containers=(Container(gtin="04893456789012", serial="S9", opened_at=MOMENT),),
)
HOLD = HoldRule(code="potassium", below=q("3.0 mmol/L"), above=q("5.5 mmol/L"), max_age=timedelta(hours=24), level="STOP")
POLICY = PolicyBody(
    policy=Policy(
        version="golden-1",
        high_alert=(ListedHighAlert(name="insulin", by=ListedBy.CLASS, level=HighAlert.WITNESS_REQUIRED),),
        look_alike=(LookAlike(one="vinblastine", other="vincristine"),),
        time_critical=(Listed(name="levodopa"),),
        controlled=(ListedControlled(name="morphine", schedule=Controlled.NARCOTIC),),
        hold=(ListedHold(name="potassium chloride", rule=HOLD),),
        emergency=(ListedEmergency(name="epinephrine", max_dose=q("1 mg"), routes=("IM", "IV")),),
        effect_windows=(EffectWindow(route="", within=timedelta(minutes=45)),),
        shadow=("Q8",),
    ),
    site_profile=SiteProfile(mrn_pattern="BN[0-9]{6}", badge_prefix="BADGE:"),
)

TABLES: Mapping[TableKind, TableBody] = {
    TableKind.PATIENT_CHART: CHART,
    TableKind.STAFF_ROSTER: ROSTER,
    TableKind.FORMULARY: FORMULARY,
    TableKind.POLICY: POLICY,
}


def a_body(name: str) -> Body:
    return BODIES[name]


def golden_message(body: Body, *, sender: str = "c1") -> Message:
    return Message(id="0b7e0c1a-9f52-4b0a-8d2e-000000000001", sent_at=MOMENT, sender=sender, sid="5e551017", ttl_s=30.0, body=body)


def a_table(kind: TableKind) -> Table:
    return Table(kind=kind, facility="22001", ward="noi-tim-mach", version=18, issued_at=MOMENT, expires_at=LATER, body=TABLES[kind])
