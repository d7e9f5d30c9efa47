"""Every screen of the kiosk that a nurse meets, reached as she reaches it: name -> what leads there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page

from cart_client.inbox import TablesChanged
from pointofcare.orders.order import OrderStatus
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import FormularyBody
from tests.support.cart_care import FENTANYL, METOPROLOL, care_body, care_orders, care_products, give_tables, the_bag
from tests.support.cart_ward import (
    AMOX,
    MORPHINE,
    PARACETAMOL,
    PIN,
    a_product,
    a_table,
    an_order,
    badge,
    band,
    chart_body,
    issued,
    orders,
    pack,
    products,
    q,
)

LOOK_ALIKE = "08936000000097"
AMPOULE = "08936000000103"


def charted(kiosk: Any, body: Any, version: int = 3) -> None:
    with kiosk.lock:
        stand = kiosk.stand
        stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=version, issued_at=stand.clock.at)), stand.clock.at)
        stand.put(TablesChanged(kind="patient-chart"))


def formulary(kiosk: Any, *more: Any, version: int = 3) -> None:
    with kiosk.lock:
        body = FormularyBody(products=(*care_products(), *more))
        kiosk.stand.chart.take(issued(a_table(TableKind.FORMULARY, body, version=version)), kiosk.stand.clock.at)
        kiosk.stand.put(TablesChanged(kind="formulary"))


def badge_read(page: Page, kiosk: Any) -> None:
    kiosk.hold(badge("N1"))
    page.wait_for_selector("main.state-badge")


def signed_in(page: Page, kiosk: Any) -> None:
    badge_read(page, kiosk)
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("main.state-signed-in")


def at_patient(page: Page, kiosk: Any) -> None:
    signed_in(page, kiosk)
    kiosk.hold(band("P1"))
    with kiosk.lock:
        kiosk.stand.lease("P1")
    page.wait_for_selector("main.state-patient")


def beside(page: Page, kiosk: Any) -> None:
    """The ward with infusions, patches and what is owed."""
    with kiosk.lock:
        give_tables(kiosk.stand)
    at_patient(page, kiosk)


def idle(page: Page, kiosk: Any) -> None:
    page.wait_for_selector("main.state-idle")


def looked_at(page: Page, kiosk: Any) -> None:
    with kiosk.lock:
        give_tables(kiosk.stand)
    signed_in(page, kiosk)
    page.locator(".bed-head").first.click()
    page.wait_for_selector(".only-look")


def passes(page: Page, kiosk: Any) -> None:
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")


def stops(page: Page, kiosk: Any) -> None:
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX, expiry="250131"))
    page.wait_for_selector("main.stop")


def wrong_form(page: Page, kiosk: Any) -> None:
    formulary(kiosk, a_product("AMOXSYR", AMPOULE, "Amoxicillin 250 mg/5 mL", "amoxicillin", "250 mg", form="syrup", volume=q("5 mL")))
    at_patient(page, kiosk)
    kiosk.hold(pack(AMPOULE))
    page.wait_for_selector("main.stop")


def warns(page: Page, kiosk: Any) -> None:
    formulary(kiosk, a_product("VINC", LOOK_ALIKE, "Vincristin 1 mg", "vincristine", "1 mg", form="tablet", lasa=("vinblastin",)))
    charted(kiosk, chart_body((*orders(), an_order("V1", "P1", "vincristine", "1 mg", form="tablet", display="Vincristin 1 mg"))))
    at_patient(page, kiosk)
    kiosk.hold(pack(LOOK_ALIKE))
    page.wait_for_selector("main.warn")


def asks_reason(page: Page, kiosk: Any) -> None:
    """Too long after its time."""
    charted(kiosk, chart_body((an_order("O1", "P1", "amoxicillin", "15 mg/kg", display="Amoxicillin 15 mg/kg"), *orders()[1:])))
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.face")


def as_needed(page: Page, kiosk: Any) -> None:
    at_patient(page, kiosk)
    kiosk.hold(pack(PARACETAMOL, serial="S1"), pack(PARACETAMOL, serial="S2"))
    page.wait_for_selector("main.reason")


def witness(page: Page, kiosk: Any) -> None:
    at_patient(page, kiosk)
    kiosk.hold(pack(MORPHINE))
    page.wait_for_selector("main.witness")


def witness_pin(page: Page, kiosk: Any) -> None:
    witness(page, kiosk)
    kiosk.hold(badge("N2"))
    page.wait_for_selector("main.witness [data-pin]")


def more_units(page: Page, kiosk: Any) -> None:
    charted(kiosk, chart_body((*[o for o in orders() if o.id != "O3"], an_order("O8", "P1", "paracetamol", "1500 mg"))))
    at_patient(page, kiosk)
    kiosk.hold(pack(PARACETAMOL, serial="S1"))
    page.wait_for_selector("main.more")


def part_of_one(page: Page, kiosk: Any) -> None:
    high = products()[1].high_alert
    formulary(kiosk, a_product("MORPH20", AMPOULE, "Morphine 20 mg/2 mL", "morphine", "20 mg", volume=q("2 mL"), high_alert=high))
    at_patient(page, kiosk)
    kiosk.hold(pack(AMPOULE))
    page.wait_for_selector("main.amount")


def chooses(page: Page, kiosk: Any) -> None:
    twice = (*orders(), an_order("O7", "P1", "amoxicillin", "500 mg", display="Amoxicillin 500 mg (dự phòng)"))
    charted(kiosk, chart_body(twice))
    at_patient(page, kiosk)
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.choose")


def rate(page: Page, kiosk: Any) -> None:
    beside(page, kiosk)
    kiosk.hold(the_bag())
    page.wait_for_selector("main.rate")


def blind(page: Page, kiosk: Any) -> None:
    rate(page, kiosk)
    form = "main.rate form:has([name=drops])"
    page.check(f"{form} [name=drop_factor][value='20']")
    page.fill(f"{form} [name=drops]", "28")
    page.click(f"{form} .main-action")
    page.wait_for_selector("main.witness")
    kiosk.hold(badge("N2"))
    page.wait_for_selector("main.witness [data-pin]")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("main.blind")


def counts(page: Page, kiosk: Any) -> None:
    beside(page, kiosk)
    kiosk.hold(pack(FENTANYL))
    page.wait_for_selector("main.count")


def measures(page: Page, kiosk: Any) -> None:
    beside(page, kiosk)
    kiosk.hold(pack(METOPROLOL))
    page.wait_for_selector("main.measure")


def changed(page: Page, kiosk: Any) -> None:
    passes(page, kiosk)
    charted(kiosk, chart_body((an_order("O1", "P1", "amoxicillin", "250 mg", version=2), *orders()[1:])))
    page.wait_for_selector("main.changed")


def given(page: Page, kiosk: Any) -> None:
    passes(page, kiosk)
    page.click("main.pass .main-action")
    page.wait_for_selector("main.state-concluded")


def not_available(page: Page, kiosk: Any) -> None:
    at_patient(page, kiosk)
    line = page.locator(".orders li").first
    line.locator("details.decline summary").click()
    line.locator("select").select_option("not-given:unavailable")
    line.locator("form button").click()
    page.wait_for_selector("main.state-concluded")


def news(page: Page, kiosk: Any) -> None:
    """Signed in, looked at the first patient; then an order is stopped, one comes, and the pharmacy answers."""
    with kiosk.lock:
        give_tables(kiosk.stand, requests=())
    signed_in(page, kiosk)
    page.locator(".bed-head").first.click()
    page.wait_for_selector(".only-look")
    page.locator(".steps button").first.click()
    page.wait_for_selector(".beds")
    stopped = [replace(o, status=OrderStatus.STOPPED, version=2) if o.id == "M1" else o for o in care_orders()]
    new = an_order("X9", "P1", "omeprazole", "20 mg", display="Omeprazol 20 mg", start=kiosk.stand.clock.at - timedelta(minutes=1))
    charted(kiosk, care_body(orders=(*stopped, new)))
    page.wait_for_selector(".bed-head .mark")


FACES: Mapping[str, Callable[[Page, Any], None]] = {
    "idle": idle,
    "badge": badge_read,
    "round": signed_in,
    "news": news,
    "look": looked_at,
    "patient": beside,
    "pass": passes,
    "stop": stops,
    "wrong-form": wrong_form,
    "warn": warns,
    "reason": asks_reason,
    "as-needed": as_needed,
    "witness": witness,
    "witness-pin": witness_pin,
    "more": more_units,
    "amount": part_of_one,
    "choose": chooses,
    "rate": rate,
    "blind": blind,
    "count": counts,
    "measure": measures,
    "changed": changed,
    "given": given,
    "not-available": not_available,
}
