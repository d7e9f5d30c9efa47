"""A ward with an infusion, a patch, an as-needed drug, a controlled one and an emergency list, for the bedside's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cart_client import inbox
from pointofcare.labels.symbol import Symbol
from pointofcare.orders.order import OrderCategory
from pointofcare.people import Weight
from pointofcare.products import Bag, BagState, Controlled, HighAlert, HoldRule, PrintedFor
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.policy import ListedEmergency, Policy
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped, ObservationRecorded, TableKind
from pointofcare.wire.tables import DoseRequest, FormularyBody, PolicyBody
from tests.support.cart_ward import (
    NOW,
    PRN,
    Stand,
    a_product,
    a_table,
    an_order,
    band,
    chart_body,
    issued,
    patients,
    products,
    q,
)

METOPROLOL, PATCH, ADRENALINE, HEPARIN, FENTANYL = (
    "08936000000042",
    "08936000000059",
    "08936000000066",
    "08936000000073",
    "08936000000080",
)
BAG = "BAG-0001"
PATCHED_AT = NOW - timedelta(hours=26)
PRN_AT = NOW - timedelta(hours=5)


def care_orders():  # type: ignore[no-untyped-def]
    return (
        an_order("I1", "P1", "sodium chloride", "500 mL", category=OrderCategory.INFUSION, times=(), route="IV", form="infusion",
                 rate=q("83 mL/h"), rate_range=(q("40 mL/h"), q("120 mL/h")), display="Natri clorid 0,9% 500 ml"),
        an_order("P1", "P1", "nitroglycerin", "1 {patch}", category=OrderCategory.PATCH, form="patch", route="TD", times=(),
                 every=timedelta(hours=24), start=NOW - timedelta(hours=26), display="Nitroglycerin 10 mg/24 h"),
        an_order("N1", "P1", "paracetamol", "500 mg", category=OrderCategory.PRN, times=(), prn=PRN),
        an_order("M1", "P1", "metoprolol", "50 mg", form="tablet"),
        an_order("C1", "P1", "fentanyl", "100 ug", form="ampoule", route="IV"),
        an_order("W1", "P1", "heparin", "80 [IU]/kg", form="vial", route="IV", needs_double_check=True),
        an_order("A1", "P1", "amoxicillin", "500 mg", counts_days=True),
        an_order("U1", "P1", "vitamin c", "100 mg", clarification="liều hay số viên?", own_supply=True),
    )  # fmt: skip


def care_products():  # type: ignore[no-untyped-def]
    return (
        *products(),
        a_product("METO50", METOPROLOL, "Metoprolol 50 mg", "metoprolol", "50 mg", form="tablet",
                  hold=(HoldRule(code="heart-rate", below=q("50 /min"), max_age=timedelta(minutes=60), level="WITNESS"),)),
        a_product("NITRO10", PATCH, "Nitroglycerin 10 mg/24 h", "nitroglycerin", "1 {patch}", form="patch", routes=("TD",)),
        a_product("ADRE1", ADRENALINE, "Adrenalin 1 mg/1 ml", "adrenaline", "1 mg", form="ampoule", routes=("IM", "IV"), volume=q("1 mL")),
        a_product("FENT100", FENTANYL, "Fentanyl 100 mcg/2 ml", "fentanyl", "100 ug", form="ampoule", routes=("IV",), volume=q("2 mL"),
                  controlled=Controlled.NARCOTIC),
        a_product("HEPA", HEPARIN, "Heparin 25 000 IU/5 ml", "heparin", "25000 [IU]", form="vial", routes=("IV",), volume=q("5 mL"),
                  high_alert=HighAlert.WITNESS_REQUIRED),
    )  # fmt: skip


def care_history() -> tuple[HistoryEntry, ...]:
    return (
        HistoryEntry(order="P1", patient="P1", status="completed", at=PATCHED_AT, due=PATCHED_AT, dose=q("1 {patch}"), product="NITRO10",
                     record_id="rec-patch", action="give", site="ngực trái", nurse="N2"),
        HistoryEntry(order="N1", patient="P1", status="completed", at=PRN_AT, dose=q("500 mg"), product="PARA500", record_id="rec-prn",
                     action="give", prn_reason="pain", nurse="N1"),
        HistoryEntry(order="A1", patient="P1", status="completed", at=NOW - timedelta(hours=24), due=NOW - timedelta(hours=24, minutes=5),
                     dose=q("500 mg"), product="AMOX500", record_id="rec-amox", action="give", nurse="N2"),
    )  # fmt: skip


def care_body(**more: object):  # type: ignore[no-untyped-def]
    first, *others = patients()
    weighed = replace(first, weight=Weight(value=q("50 kg"), at=NOW - timedelta(days=1)))
    bag = Bag(id=BAG, order="I1", order_version=1, state=BagState.PREPARED, patient="P1", printed_for=PrintedFor(volume=q("500 mL")))
    asked = DoseRequest(record_id="rec-asked", order="A1", due=NOW - timedelta(minutes=5), status="accepted",
                        asked_at=NOW - timedelta(minutes=40), answered_at=NOW - timedelta(minutes=10), answer="10 phút nữa")  # fmt: skip
    body = chart_body(care_orders(), care_history())
    made = replace(body, patients=(weighed, *others), bags=(bag,), requests=(asked,), course_days={"A1": 2})
    return replace(made, **more)  # type: ignore[arg-type]


def policy(**more: object) -> Policy:
    listed = ListedEmergency(name="adrenaline", max_dose=q("1 mg"), routes=("IM", "IV"))
    return replace(Policy(version="test-1", emergency=(listed,), blind_for_calculated=True), **more)  # type: ignore[arg-type]


def give_tables(stand: Stand, rules: Policy | None = None, **body: object) -> None:
    at = stand.clock.at
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, care_body(**body), version=2)), at)
    stand.chart.take(issued(a_table(TableKind.FORMULARY, FormularyBody(products=care_products()), version=2)), at)
    stand.chart.take(issued(a_table(TableKind.POLICY, PolicyBody(policy=rules or policy()), version=2)), at)
    stand.put(inbox.TablesChanged(kind="patient-chart"))


def a_ward(folder: Path, rules: Policy | None = None) -> Stand:
    stand = Stand(folder)
    give_tables(stand, rules)
    return stand


def at_patient(stand: Stand, nurse: str = "N1") -> None:
    stand.sign_in(nurse)
    stand.hold(band("P1"))
    stand.lease("P1")


def the_bag() -> Symbol:
    return Symbol(identifier="]Q1", content=BAG.encode())


def bodies(stand: Stand) -> list[AdministrationRecorded | AttemptStopped | ObservationRecorded]:
    return [entry.message.body for entry in stand.journal.unsent(limit=1000)]  # type: ignore[misc]


def records(stand: Stand):  # type: ignore[no-untyped-def]
    return [body.record for body in bodies(stand) if isinstance(body, AdministrationRecorded)]


def confirm(stand: Stand) -> None:
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
