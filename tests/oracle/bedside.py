"""The moments that the tables speak of, made real: each case of a table as the facts of a bedside at 08:00 in Hanoi.

Only builds; what ought to come of it is the tables' affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import cache

from pointofcare.labels.scan import Keyed, LabelKind, TextScan
from pointofcare.orders.order import Order, OrderCategory, OrderStatus, Prn
from pointofcare.people import Allergy, AllergyKind, BandStatus, Observation, Patient, PatientStatus, StaffRole, Witness
from pointofcare.products import Bag, BagState, HighAlert, HoldRule, PrintedFor
from pointofcare.verdict.facts import Action, Facts, HistoryEntry, ShownOrder
from tests.oracle.table import Case
from tests.support.builders import (
    a_band_scan,
    a_cart,
    a_drug_scan,
    a_neighbour,
    a_nurse,
    a_patient,
    a_product,
    a_witness,
    amount,
    an_entry,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    local,
    scanned,
)

DUE = local("08:00:00")
LATER = local("20:00:00")
WITNESSES: Mapping[str, Witness | None] = {
    "none": None,
    "valid": a_witness(),
    "self": a_witness(id="N1"),
    "student": a_witness(role=StaffRole.STUDENT),
}
TIMES = {
    "far-early": timedelta(hours=-7),
    "early": timedelta(hours=-2),
    "inside": timedelta(minutes=5),
    "late": timedelta(hours=2),
    "very-late": timedelta(hours=7),
}
COUNTS = {"fewer": 1, "exact": 2, "more": 3}


def _state_of(order: Order, state: str, at: datetime) -> Order:
    if state == "provider-hold":
        return replace(order, status=OrderStatus.ON_HOLD)
    if state == "stopped":
        return replace(order, status=OrderStatus.STOPPED)
    if state == "expired":
        return replace(order, end=at - timedelta(minutes=1))
    if state == "not-started":
        return replace(order, start=at + timedelta(days=2))
    return order


@cache
def _two_units(risk: int) -> tuple[object, Order]:
    return a_product(high_alert=HighAlert(risk)), an_order("1000 mg")


def unit_dose(case: Case) -> Facts:
    at = DUE + TIMES[case["time"]]
    product, order = _two_units(int(case["risk"]))
    order = replace(_state_of(order, case["order"], at), verified=case["verified"] == "yes")
    other = an_order("1000 mg", id="O2", patient="P1", start=None, end=at - timedelta(minutes=30), status=OrderStatus.COMPLETED)
    orders: tuple[Order, ...] = () if case["order"] == "none" else (order,)
    packs = [a_drug_scan(serial=f"S{number}") for number in range(COUNTS[case["units"]])]
    return facts(
        at=at,
        products=(product,),
        orders=(*orders, other) if case["log"].startswith("item-") else orders,
        history=_log(case["log"], at),
        scans=scanned(a_band_scan(), *packs, until=at),
        intent=an_intent(
            order=None if case["order"] == "none" else "O1",
            due=None if case["order"] == "none" else DUE,
            witness=WITNESSES[case["witness"]],
        ),
    )


def _log(log: str, at: datetime) -> tuple[HistoryEntry, ...]:
    whole = {"dose": amount("1000 mg")}
    if log == "nothing":
        return ()
    if log == "this-given":
        return (an_entry(at=at - timedelta(hours=3), due=DUE, **whole),)
    if log == "later-given":
        return (an_entry(at=at - timedelta(hours=3), due=LATER, **whole),)
    minutes = {"item-60-min": 60, "item-120-min": 120, "item-121-min": 121, "item-held-60-min": 60}[log]
    status = "not-done" if "held" in log else "completed"
    return (an_entry(status, at=at - timedelta(minutes=minutes), order="O2", **whole),)


def as_needed(case: Case) -> Facts:
    at = DUE + timedelta(minutes=5)
    opioid = case["kind"] == "opioid"
    drug = "morphine" if opioid else "amoxicillin"
    product = a_product(ingredients=(an_ingredient(drug, "500 mg", "opioid" if opioid else "penicillin"),))
    order = an_order(
        ingredient=drug,
        category=OrderCategory.PRN,
        times=(),
        prn=Prn(reasons=("pain",), min_interval=timedelta(hours=4), max_per_24h=amount("1500 mg")),
    )
    gives = []
    if case["last-give"] != "never":
        hours = 3 if case["last-give"] == "within-interval" else 5
        dose = "500 mg" if case["day-total"] == "below" else "1500 mg"
        gives.append(an_entry(at=at - timedelta(hours=hours), dose=amount(dose)))
    elif case["day-total"] == "above":
        gives.append(an_entry(at=at - timedelta(hours=6), dose=amount("1500 mg")))
    action = Action(case["action"])
    reason = {"listed": "pain", "missing": None, "not-listed": "boredom"}[case["reason"]]
    giving = action is Action.GIVE
    return facts(
        at=at,
        products=(product,),
        orders=(_state_of(order, case["order"], at),),
        history=tuple(gives),
        scans=scanned(a_band_scan(), a_drug_scan(), until=at) if giving else scanned(a_band_scan(), until=at),
        intent=an_intent(
            action,
            order="O1",
            due=DUE if case["named-time"] == "yes" else None,
            prn_reason=reason,
            reason=None if giving else "npo",
        ),
    )


def not_given(case: Case) -> Facts:
    at = DUE + TIMES[case["time"]]
    return facts(
        at=at,
        orders=(_state_of(an_order(), case["order"], at),),
        history=_log(case["log"], at) if case["log"] != "nothing" else (),
        scans=scanned(a_band_scan(), until=at),
        intent=an_intent(Action(case["action"]), order="O1", due=DUE, reason="npo" if case["comment"] == "yes" else None),
    )


def once_and_patch(case: Case) -> Facts:
    at = DUE + timedelta(minutes=5)
    category = OrderCategory(case["category"])
    form = "patch" if category is OrderCategory.PATCH else "capsule"
    product = a_product(form=form, routes=("PO", "TD"))
    order = an_order(
        form=form,
        category=category,
        start=DUE if category is OrderCategory.ONCE else local("08:00:00", "2026-02-20"),
        times=(time(8),) if category is OrderCategory.PATCH else (),
        version=3,
    )
    before = {
        "nothing": (),
        "given": (an_entry(at=at - timedelta(hours=24), due=DUE - timedelta(hours=24), removed_at=at - timedelta(hours=1)),),
        "patch-on": (an_entry(at=at - timedelta(hours=24), due=DUE - timedelta(hours=24)),),
        "patch-removed": (an_entry(at=at - timedelta(hours=24), due=DUE - timedelta(hours=24), removed_at=at - timedelta(hours=1)),),
    }[case["before"] if category is OrderCategory.PATCH or case["before"] in ("nothing", "given") else "nothing"]
    user = {
        "nurse": a_nurse(),
        "student": a_nurse(role=StaffRole.STUDENT),
        "student-with-instructor": a_nurse(role=StaffRole.STUDENT),
        "read-only": a_nurse(role=StaffRole.WITNESS_ONLY),
    }[case["user"]]
    return facts(
        at=at,
        nurse=user,
        products=(product,),
        orders=(_state_of(order, case["order"], at),),
        history=before,
        cart=a_cart(shown=(ShownOrder(order="O1", version=3 if case["shown"] == "same" else 2),)),
        intent=an_intent(order="O1", witness=a_witness() if case["user"] == "student-with-instructor" else None),
        scans=scanned(a_band_scan(), a_drug_scan(), until=at),
    )


def who_and_what(case: Case) -> Facts:
    at = DUE + timedelta(minutes=5)
    patient: Patient = a_patient(
        allergies={
            "none": (),
            "ingredient": (Allergy(substance="amoxicillin"),),
            "class": (Allergy(substance="penicillin", kind=AllergyKind.CLASS),),
            "list-unknown": None,
        }[case["allergy"]],
        **_stay(case["patient"], at),
    )
    if case["band"] == "revoked":
        patient = replace(patient, bands=tuple(replace(band, status=BandStatus.REVOKED) for band in patient.bands))
    typed = Keyed(value="24-000123", kind=LabelKind.PATIENT, second_identifier="1958-04-11", reason="band-unreadable")
    first = {
        "scanned": (a_band_scan(),),
        "revoked": (a_band_scan(),),
        "keyed": (typed,),
        "unable": (replace(typed, reason=None),),
        "none": (),
    }[case["band"]]
    hold = HoldRule(code="heart-rate", below=amount("50 /min"), max_age=timedelta(minutes=60), level="WITNESS")
    rate = {"not-asked": None, "in-range": "70 /min", "out-of-range": "40 /min", "missing": None}[case["vital"]]
    if rate is not None:
        seen = Observation(code="heart-rate", value=amount(rate), at=at - timedelta(minutes=10))
        patient = replace(patient, observations=(seen,))
    product = a_product(hold=() if case["vital"] == "not-asked" else (hold,), recalled_lots=("A1",) if case["pack"] == "recalled" else ())
    pack = a_drug_scan(expiry=at.date() - timedelta(days=2)) if case["pack"] == "expired" else a_drug_scan()
    return facts(
        at=at,
        patients=(patient, a_neighbour()),
        products=(product,),
        cart=a_cart(clock_offset_s={"right": 0.0, "off-2-min": 120.0, "off-40-min": 2400.0}[case["clock"]]),
        scans=scanned(*first, pack, until=at),
    )


def _stay(stay: str, at: datetime) -> dict[str, object]:
    if stay == "discharged":
        return {"status": PatientStatus.DISCHARGED}
    if stay.startswith("moved"):
        hours = 2 if stay == "moved-2-h" else 80
        return {"status": PatientStatus.TRANSFERRED, "transferred_at": at - timedelta(hours=hours)}
    return {}


def bag(case: Case) -> Facts:
    at = DUE + timedelta(minutes=5)
    level = HighAlert(int(case["risk"]))
    product = a_product(form="infusion", routes=("IV",), high_alert=level)
    order = an_order(
        "500 mL", form="infusion", route="IV", category=OrderCategory.INFUSION, times=(), rate=amount("83 mL/h"),
        additives=("potassium 20 mmol",), version=2,
    )  # fmt: skip
    same = PrintedFor(volume=amount("500 mL"), rate=amount("83 mL/h"), additives=("potassium 20 mmol",))
    printed, version = {
        "nothing": (same, 2),
        "unprinted": (same, 1),
        "rate": (replace(same, rate=amount("60 mL/h")), 1),
        "volume": (replace(same, volume=amount("250 mL")), 1),
        "additives": (replace(same, additives=()), 1),
    }[case["changed"]]
    state = BagState.PREPARED if case["state"] == "unknown-bag" else BagState(case["state"])
    bags = [Bag(id="BAG1", order="O1", order_version=version, state=state, printed_for=printed, patient="P1")]
    if case["other-bag"] == "infusing":
        bags.append(Bag(id="BAG2", order="O1", order_version=2, state=BagState.INFUSING, printed_for=same, patient="P1"))
    return facts(
        at=at,
        products=(product,),
        orders=(_state_of(order, case["order"], at),),
        bags=tuple(bags),
        scans=scanned(a_band_scan(), TextScan(text="BAG9" if case["state"] == "unknown-bag" else "BAG1"), until=at),
        intent=an_intent(Action.START, order="O1", witness=WITNESSES[case["witness"]]),
    )


MOMENTS: Mapping[str, Callable[[Case], Facts]] = {
    "unit-dose": unit_dose,
    "as-needed": as_needed,
    "not-given": not_given,
    "once-and-patch": once_and_patch,
    "who-and-what": who_and_what,
    "bag": bag,
}
