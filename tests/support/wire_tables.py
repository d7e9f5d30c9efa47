"""One full example of every signed table, every field filled in: the values of the golden files.

Never change one: add a new one, and a new golden file beside the old.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from pointofcare.fleet.drawer_access import DrawerPolicy, DrawerRule
from pointofcare.labels.scan import SiteProfile
from pointofcare.people import (
    Allergy,
    AllergyKind,
    Band,
    BandStatus,
    Observation,
    Patient,
    PatientStatus,
    SkinResult,
    SkinTest,
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
    IssuedLabels,
    MaxDaily,
    PrintedFor,
    Product,
    PumpReading,
    Release,
)
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import HistoryEntry
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
    TableKind,
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
from tests.support.wire_bodies import LATER, MOMENT, ORDER, RECORD_ID, q

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
            skin_tests=(SkinTest(drug="ceftriaxone", at=MOMENT, read_at=LATER, read_by="n-1", result=SkinResult.NEGATIVE),),
        ),
        Patient(id="p-2", mrn="BN000124", name="Trần Văn Bình"),
    ),
    orders=(ORDER,),
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
    cart_drawers={"c1": {"p-1": 3}, "*noi-tim-mach": {"p-2": 4}},
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
            pin_until=LATER,
            pin_cleared_at=MOMENT,
            competences_due=2,
        ),
    ),
    drawers=DrawerPolicy(
        rules=(DrawerRule(role="nurse", drawer=3, kind="controlled", two_people=True),), open_min=7, controlled={"c1": (3, 4)}
    ),
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
    labels=(
        IssuedLabels(
            gtin="04893456789012",
            lot="A1",
            expiry=date(2027, 1, 31),
            patient="pat-1",
            serials=("UDL7KQ2MNPR4TW8", "UDL2222333344JH"),
            void=("UDL2222333344JH",),
        ),
    ),
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
        skin_tested=(Listed(name="ceftriaxone"),),
        emergency=(ListedEmergency(name="epinephrine", max_dose=q("1 mg"), routes=("IM", "IV")),),
        effect_windows=(EffectWindow(route="", within=timedelta(minutes=45)),),
        shadow=("Q8",),
    ),
    site_profile=SiteProfile(mrn_pattern="BN[0-9]{6}", badge_prefix="BADGE:", mrn_patterns=("(?P<mrn>BN[0-9]{6});.*",)),
)

TABLES: Mapping[TableKind, TableBody] = {
    TableKind.PATIENT_CHART: CHART,
    TableKind.STAFF_ROSTER: ROSTER,
    TableKind.FORMULARY: FORMULARY,
    TableKind.POLICY: POLICY,
}


def a_table(kind: TableKind) -> Table:
    return Table(kind=kind, facility="22001", ward="noi-tim-mach", version=18, issued_at=MOMENT, expires_at=LATER, body=TABLES[kind])
