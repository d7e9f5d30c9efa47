"""What changed at the bedside, on the kiosk's own screen: the one thing to press is in sight, and what was not read is not called read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from cart_client.inbox import TablesChanged
from pointofcare.orders.order import OrderStatus
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import Conflict, Give, OrderChanged, PatientChartBody
from tests.scenarios.test_kiosk_walk import CHROMIUM, Kiosk, a_page, browser, kiosk, looks_right, sign_in
from tests.support.cart_ward import AMOX, MORPHINE, NOW, a_table, an_order, band, chart_body, issued, orders, pack

__all__ = ["browser", "kiosk"]
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="chromium is not installed")

# Where to keep pictures for a person to look at; nowhere by default.
PICTURES = os.environ.get("KIOSK_PICTURES", "")


def charted(kiosk: Kiosk, body: PatientChartBody, version: int = 2) -> None:
    with kiosk.lock:
        stand = kiosk.stand
        stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=version, issued_at=stand.clock.at)), stand.clock.at)
        stand.put(TablesChanged(kind="patient-chart"))


def amended(kiosk: Kiosk, dose: str, **more: object) -> PatientChartBody:
    why = "Bác sĩ hội chẩn lại liều theo chức năng thận của người bệnh sáng nay"
    told = OrderChanged(order="O1", version=2, action="amended", by="BS. Nguyễn Quốc Bảo", at=kiosk.stand.clock.at, reason=why)
    changed = an_order("O1", "P1", "amoxicillin", dose, version=2, display="Amoxicillin 500 mg", **more)
    return replace(chart_body((changed, *orders()[1:])), changed=(told,))


def in_hand(page: Page, kiosk: Kiosk) -> None:
    sign_in(page, kiosk)
    kiosk.hold(band("P1"))
    kiosk.stand.lease("P1")
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")


def below(page: Page, selector: str) -> list[str]:
    """What of it is not wholly on the screen before anybody scrolls."""
    return page.eval_on_selector_all(
        selector,
        "found => found.map(e => [e.innerText.trim(), e.getBoundingClientRect()]).filter(([, b]) => b.bottom > innerHeight || b.top < 0)"
        ".map(([text, b]) => `${text}: ${b.top.toFixed(0)}-${b.bottom.toFixed(0)} of ${innerHeight}`)",
    )


def kept(page: Page, name: str) -> None:
    if PICTURES:
        size = page.viewport_size or {}
        page.screenshot(path=f"{PICTURES}/{name}-{size.get('width')}.png")


def dose_changed(page: Page, kiosk: Kiosk) -> None:
    in_hand(page, kiosk)
    charted(kiosk, amended(kiosk, "250 mg"))
    page.wait_for_selector("main.changed")


def order_stopped(page: Page, kiosk: Kiosk) -> None:
    in_hand(page, kiosk)
    charted(kiosk, amended(kiosk, "500 mg", status=OrderStatus.STOPPED))
    page.wait_for_selector("main.changed")


def order_added(page: Page, kiosk: Kiosk) -> None:
    in_hand(page, kiosk)
    charted(kiosk, chart_body((*orders(), an_order("O9", "P1", "metformin", "850 mg"))))
    page.wait_for_selector("main.pass .changes")


def question_changed(page: Page, kiosk: Kiosk) -> None:
    sign_in(page, kiosk)
    kiosk.hold(band("P1"))
    kiosk.stand.lease("P1")
    kiosk.hold(pack(MORPHINE))
    page.wait_for_selector("main.witness")
    changed = an_order("O2", "P1", "morphine", "5 mg", version=2, needs_double_check=True)
    charted(kiosk, chart_body((orders()[0], changed, *orders()[2:])))
    page.wait_for_selector("main.stop .changes, main.stop .notice")


CASES = (dose_changed, order_stopped, order_added, question_changed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_is_to_be_pressed_after_a_change_is_in_sight(browser: Browser, kiosk: Kiosk, case: Callable[[Page, Kiosk], None]) -> None:
    page = a_page(browser, kiosk)
    case(page, kiosk)
    kept(page, case.__name__)
    assert below(page, "main .main-action") == []
    if case in (dose_changed, order_stopped):
        assert below(page, "main .open-dose button") == []
    for width, height in ((1024, 768), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        kept(page, case.__name__)
        if width == 1024:
            assert below(page, "main .main-action") == []
        looks_right(page)


def test_a_conflict_is_read_and_pressed_on_the_first_screen(browser: Browser, kiosk: Kiosk) -> None:
    sides = tuple(
        Give(record_id=f"r-{cart}", cart=cart, nurse=nurse, status="completed", at=NOW - timedelta(minutes=9))
        for cart, nurse in (("cart-1", "N1"), ("cart-2", "N2"))
    )
    one = Conflict(
        id=7, code="given-twice", patient="P1", at=NOW, order="O1", drug="Amoxicillin", due=NOW, gives=sides, concerns=("N1", "N2")
    )
    charted(kiosk, replace(chart_body(), conflicts=(one, replace(one, id=8))))
    page = a_page(browser, kiosk)
    sign_in(page, kiosk)
    kept(page, "conflict-ward")
    assert below(page, "main .conflict:first-of-type button") == []
    kiosk.hold(band("P1"))
    page.wait_for_selector("main.state-patient")
    kept(page, "conflict-patient")
    looks_right(page)
