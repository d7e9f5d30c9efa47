"""Hypothesis strategies for whole bedside moments: mostly plausible, often contradictory, sometimes absurd."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from pointofcare.labels.scan import BadgeScan, BandScan, DrugScan, Keyed, LabelKind, TextScan, UnreadableLabel
from pointofcare.orders.order import DayOfWeek, Dosage, Interaction, Order, OrderCategory, OrderStatus, Prn
from pointofcare.people import (
    Allergy,
    AllergyKind,
    Band,
    BandStatus,
    Nurse,
    Observation,
    Patient,
    PatientStatus,
    StaffRole,
    Weight,
    Witness,
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
from pointofcare.verdict.facts import Action, Cart, Facts, HistoryEntry, Intent, Lease, Scanned, ShownOrder
from pointofcare.verdict.finding import Level
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
from tests.support.builders import GSRN, GTIN, NOW, OTHER_GSRN, ZONE, facts

OTHER_GTIN = "08936000000028"
units = st.sampled_from(
    "mg g ug mL L [IU] U mmol {tablet} {capsule} {puff} mg/kg mL/kg mL/h [drp]/min mg/mL ug/kg/min /min % kg".split()  # noqa: SIM905
)
numbers = st.sampled_from(["0", "1", "3", "0.5", "250", "500", "1000", "62", "999999999.999", "0.000000001"]).map(Decimal)
amounts = st.builds(lambda value, unit: Quantity(value=value, unit=unit), numbers, units)
names = st.sampled_from(["amoxicillin", "paracetamol", "codeine", "penicillin", "opioid", "", "amoxicillin/codeine", "é"])
texts = st.one_of(names, st.sampled_from(["x", " ", "A1", "2026-02-30", "0.5 mg", "{ $n }"]))
near = st.integers(-3 * 24 * 60, 3 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
instants = st.one_of(
    near,
    st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]),
)
spans = st.sampled_from(
    [timedelta(0), timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=4), timedelta(hours=8), timedelta(days=3), timedelta.max]
)
clocks = st.lists(st.sampled_from([time(0), time(8), time(14), time(20), time(23, 59)]), max_size=4).map(tuple)


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:  # type: ignore[type-arg]
    return st.one_of(st.none(), strategy)


def some(strategy: st.SearchStrategy, most: int = 3) -> st.SearchStrategy:  # type: ignore[type-arg]
    return st.lists(strategy, max_size=most).map(tuple)


bands = st.builds(
    Band, gsrn=st.sampled_from([GSRN, OTHER_GSRN]), srin=maybe(st.sampled_from(["1", "2"])), status=maybe(st.sampled_from(BandStatus))
)
allergies = st.builds(Allergy, substance=texts, kind=st.sampled_from(AllergyKind), tolerated_before=st.booleans())
observations = st.builds(Observation, code=st.sampled_from(["heart-rate", "potassium"]), value=amounts, at=instants)
patients = st.builds(
    Patient,
    id=st.sampled_from(["P1", "P2"]),
    mrn=st.sampled_from(["24-000123", "24-000124", ""]),
    name=texts,
    birth_date=maybe(st.just(date(1958, 4, 11))),
    ward=maybe(texts),
    bed=maybe(st.sampled_from(["H012", "H013"])),
    status=maybe(st.sampled_from(PatientStatus)),
    transferred_at=maybe(instants),
    weight=maybe(st.builds(Weight, value=amounts, at=instants)),
    bands=some(bands),
    allergies=maybe(some(allergies)),
    observations=some(observations),
)
ingredients = st.builds(Ingredient, name=names, amount=maybe(amounts), classes=some(names))
products = st.builds(
    Product,
    id=st.sampled_from(["AMOX500", "OTHER"]),
    gtin=st.sampled_from([GTIN, OTHER_GTIN, ""]),
    name=texts,
    form=st.sampled_from(["capsule", "tablet", "injection", "patch", ""]),
    routes=some(st.sampled_from(["PO", "IV"])),
    ingredients=some(ingredients),
    volume=maybe(amounts),
    divisible=st.booleans(),
    multi_dose=st.booleans(),
    release=st.sampled_from(Release),
    high_alert=st.sampled_from(HighAlert),
    controlled=st.sampled_from(Controlled),
    discard_after_opening=maybe(spans),
    lasa=some(texts, 1),
    max_daily=some(st.builds(MaxDaily, ingredient=names, hard=maybe(amounts), soft=maybe(amounts))),
    hold=some(
        st.builds(
            HoldRule,
            code=st.sampled_from(["heart-rate", "potassium"]),
            below=maybe(amounts),
            above=maybe(amounts),
            max_age=maybe(spans),
            level=st.sampled_from(["REASON", "WITNESS", "STOP", "NOTE", "nonsense"]),
        )
    ),
    recalled_lots=some(st.sampled_from(["A1", "B7"]), 1),
    minibag=st.booleans(),
    vinca=st.booleans(),
    hang_time=maybe(spans),
    owner=maybe(st.sampled_from(["P1", "P2"])),
    blood_component=st.booleans(),
)
dosages = st.builds(
    Dosage,
    sequence=st.integers(-1, 3),
    dose=maybe(amounts),
    dose_range=maybe(st.tuples(amounts, amounts)),
    rate=maybe(amounts),
    times=clocks,
    every=maybe(spans),
    days_of_week=some(st.sampled_from(DayOfWeek)),
    start=maybe(instants),
    end=maybe(instants),
)
orders = st.builds(
    Order,
    id=st.sampled_from(["O1", "O2"]),
    version=st.integers(0, 3),
    patient=st.sampled_from(["P1", "P2", "P9"]),
    ingredient=names,
    form=st.sampled_from(["capsule", "tablet", "injection", "patch", ""]),
    route=st.sampled_from(["PO", "IV", ""]),
    category=st.sampled_from(OrderCategory),
    status=maybe(st.sampled_from(OrderStatus)),
    verified=st.booleans(),
    dose=maybe(amounts),
    dose_range=maybe(st.tuples(amounts, amounts)),
    times=clocks,
    every=maybe(spans),
    start=maybe(instants),
    end=maybe(instants),
    time_critical=st.booleans(),
    prn=maybe(st.builds(Prn, reasons=some(texts), min_interval=maybe(spans), max_per_24h=maybe(amounts))),
    rate=maybe(amounts),
    additives=some(st.one_of(texts, st.sampled_from(["potassium chloride 20 mmol", "x 1 mg y 2 mg"])), 2),
    needs_double_check=st.booleans(),
    days_of_week=some(st.sampled_from(DayOfWeek)),
    dosages=some(dosages),
    rate_range=maybe(st.tuples(amounts, amounts)),
    own_supply=st.booleans(),
    counts_days=st.booleans(),
    interactions=some(st.builds(Interaction, other=texts, severity=texts, reason=texts, prescriber=maybe(texts)), 2),
    clarification=st.sampled_from(["", " ", "which strength?"]),
    prescriber=maybe(texts),
)
history = st.builds(
    HistoryEntry,
    order=st.sampled_from(["O1", "O2", "O9"]),
    patient=st.sampled_from(["P1", "P2"]),
    status=st.sampled_from(["completed", "not-done", "on-hold", "in-progress", "stopped", "entered-in-error", "what"]),
    at=instants,
    product=maybe(st.sampled_from(["AMOX500", "OTHER", "GONE"])),
    due=maybe(instants),
    dose=maybe(amounts),
    lot=maybe(texts),
    serial=maybe(st.sampled_from(["S1", "S2"])),
    removed_at=maybe(instants),
    record_id=maybe(st.sampled_from(["R1", "R2", ""])),
    action=maybe(st.sampled_from([*(each.value for each in Action), "what"])),
    bag=maybe(st.sampled_from(["BAG1", "BAG2"])),
    rate=maybe(amounts),
    continues=maybe(st.sampled_from(["R1", "R2", "R9"])),
    site=maybe(texts),
    prn_reason=maybe(texts),
    effect=maybe(texts),
    effect_at=maybe(instants),
    nurse=maybe(st.sampled_from(["N1", "N2", ""])),
)
bags = st.builds(
    Bag,
    id=st.sampled_from(["BAG1", "BAG2"]),
    order=st.sampled_from(["O1", "O2", "O9"]),
    order_version=st.integers(0, 3),
    state=maybe(st.sampled_from(BagState)),
    printed_for=st.builds(PrintedFor, volume=maybe(amounts), rate=maybe(amounts), additives=some(texts, 2)),
    patient=maybe(st.sampled_from(["P1", "P2"])),
    started_at=maybe(instants),
    rate=maybe(amounts),
    record_id=maybe(st.sampled_from(["R1", "R2"])),
)
pumps = st.builds(
    PumpReading,
    pump=texts,
    channel=st.sampled_from(["A", ""]),
    at=instants,
    bag=maybe(st.sampled_from(["BAG1", "BAG2", "BAG9"])),
    patient=maybe(st.sampled_from(["P1", "P2"])),
    associated_at=maybe(instants),
    drug=maybe(texts),
    rate=maybe(amounts),
    concentration=maybe(amounts),
)
scans = st.one_of(
    st.builds(BandScan, gsrn=st.sampled_from([GSRN, OTHER_GSRN, "893600000000000996"]), srin=maybe(st.sampled_from(["1", "2"]))),
    st.builds(BandScan, mrn=maybe(st.sampled_from(["24-000123", "x"]))),
    st.builds(
        DrugScan,
        gtin=st.sampled_from([GTIN, OTHER_GTIN, "08999999999990"]),
        lot=maybe(st.sampled_from(["A1", "B7"])),
        expiry=maybe(st.one_of(st.dates(), st.just(date(2026, 3, 2)))),
        serial=maybe(st.sampled_from(["S1", "S2"])),
        bad_elements=some(st.sampled_from(["17", "10", "21", "7003"])),
        expiry_time=maybe(st.just(time(8))),
    ),
    st.builds(BadgeScan, badge=texts),
    st.builds(TextScan, text=st.sampled_from(["BAG1", "BAG2", "else"])),
    st.builds(UnreadableLabel, kind=st.sampled_from(LabelKind), reason=texts),
    st.builds(
        Keyed,
        value=st.sampled_from(["24-000123", "H012", "x"]),
        kind=st.sampled_from(LabelKind),
        second_identifier=maybe(st.sampled_from(["1958-04-11", "1900-01-01"])),
        reason=maybe(st.sampled_from(["band-unreadable", "other", "clinical-judgement"])),
    ),
)
witnesses = st.builds(
    Witness,
    id=st.sampled_from(["N1", "N2", ""]),
    role=maybe(st.sampled_from(StaffRole)),
    licensed=maybe(st.booleans()),
    on_shift=maybe(st.booleans()),
)
intents = st.builds(
    Intent,
    action=st.sampled_from(Action),
    order=maybe(st.sampled_from(["O1", "O2", "O9"])),
    due=maybe(instants),
    dose=maybe(amounts),
    route=maybe(st.sampled_from(["PO", "IV"])),
    given_at=maybe(instants),
    reason=maybe(st.sampled_from(["emergency", "other", "clinical-judgement", "clinical-judgement: asleep"])),
    satisfies=maybe(some(st.sampled_from(["T1", "D10", "D8", "P6", "H3", "D1"]))),
    prn_reason=maybe(texts),
    witness=maybe(witnesses),
    blind_value=maybe(amounts),
    waste=maybe(amounts),
    returned=maybe(amounts),
    of_record=maybe(st.sampled_from(["R1", "R2", "R9", ""])),
    rate=maybe(amounts),
    drop_factor=maybe(st.sampled_from([20, 60, 0, -1, 10**6])),
    effect=maybe(texts),
)
listed = {"name": names, "by": st.sampled_from(ListedBy)}
policies = st.builds(
    Policy,
    session_idle=spans,
    repeat_warning=spans,
    acknowledge_within=spans,
    effect_look_back=spans,
    pump_association_max_age=spans,
    blind_for_calculated=st.booleans(),
    on_call_repeats=st.booleans(),
    band_without_instance=st.sampled_from(Level),
    unverified_order=st.sampled_from(Level),
    high_alert=some(st.builds(ListedHighAlert, **listed, level=st.sampled_from(HighAlert)), 2),
    look_alike=some(st.builds(LookAlike, one=texts, other=texts), 2),
    time_critical=some(st.builds(Listed, **listed), 2),
    controlled=some(st.builds(ListedControlled, **listed, schedule=st.sampled_from(Controlled)), 2),
    hold=some(
        st.builds(ListedHold, **listed, rule=st.builds(HoldRule, code=st.just("heart-rate"), below=maybe(amounts), above=maybe(amounts))), 2
    ),
    emergency=some(st.builds(ListedEmergency, **listed, max_dose=maybe(amounts), routes=some(st.sampled_from(["PO", "IV"]), 1)), 2),
    effect_windows=some(st.builds(EffectWindow, route=st.sampled_from(["IV", "", "PO"]), within=spans), 2),
    bag_stops=some(st.sampled_from(["volume", "additives", "rate", "what"])),
    bag_warns=some(st.sampled_from(["volume", "additives", "rate", "what"])),
    shadow=some(st.sampled_from(["D12", "D15", "I6", "P4", "H6", "X9"])),
)
floats = st.one_of(st.floats(-1000, 100_000), st.sampled_from([float("inf"), float("nan"), 0.0]))
carts = st.builds(
    Cart,
    online=maybe(st.booleans()),
    clock_offset_s=maybe(floats),
    chart_age_s=maybe(floats),
    lease=st.sampled_from(Lease),
    shown=some(st.builds(ShownOrder, order=st.sampled_from(["O1", "O2"]), version=st.integers(0, 3))),
)
nurses = st.builds(Nurse, id=st.sampled_from(["N1", "N2", ""]), role=maybe(st.sampled_from(StaffRole)), licensed=maybe(st.booleans()))
PARTS = {
    "at": instants,
    "timezone": maybe(st.sampled_from([ZONE, "Europe/Madrid", "Mars/Base", "UTC"])),
    "cart": carts,
    "nurse": maybe(nurses),
    "intent": intents,
    "patients": some(patients),
    "products": some(products),
    "orders": some(orders),
    "history": some(history, 4),
    "bags": some(bags, 2),
    "containers": some(st.builds(Container, gtin=st.sampled_from([GTIN, OTHER_GTIN]), serial=maybe(st.just("S1")), opened_at=instants), 2),
    "pumps": some(pumps, 2),
    "policy": policies,
    "scans": some(st.builds(Scanned, scan=scans, at=instants), 5),
}


@st.composite
def moments(draw: st.DrawFn) -> Facts:
    """A right moment in which up to six parts are replaced by anything at all."""
    parts = draw(st.lists(st.sampled_from(sorted(PARTS)), unique=True, max_size=6))
    return replace(facts(), **{part: draw(PARTS[part]) for part in parts})
