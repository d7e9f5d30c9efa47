"""The round at the kiosk's page: one tap to a patient, one scan to the right one, what is new marked and cleared by looking; what is
ordered beside what was scanned; light and sound; and a page that lives through its program's restart. In a real browser."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect
from waitress.server import create_server

from cart_client.inbox import Answer
from cart_client.web import serving
from cart_client.web.app import create_app
from tests.scenarios.test_kiosk_walk import Kiosk, a_page, browser, kiosk, looks_right, pytestmark
from tests.support import kiosk_faces as faces
from tests.support.cart_care import care_products
from tests.support.cart_ward import AMOX, band, pack

__all__ = ["browser", "kiosk", "pytestmark"]


def test_what_changed_is_marked_on_the_round_and_cleared_by_looking(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.news(page, kiosk)
    first = page.locator(".bed-group").first
    for text in ("Mới: 1", "Ngừng: 1", "Dược trả lời: 1"):
        expect(first.locator(".bed-head")).to_contain_text(text)
    expect(page.locator(".counts .mark")).to_have_text("Có thay đổi: 1 người bệnh")
    first.locator(".bed-head").click()
    told = page.locator(".news li")
    expect(told).to_have_count(3)
    expect(page.locator(".news")).to_contain_text("Omeprazol 20 mg")
    expect(page.locator(".news")).to_contain_text("ĐÃ NGƯNG")
    expect(page.locator(".news")).to_contain_text("10 phút nữa")
    looks_right(page)
    page.get_by_role("button", name="← Danh sách").click()
    page.wait_for_selector(".beds")
    expect(page.locator(".bed-head .mark")).to_have_count(0)


def test_one_tap_shows_a_patient_and_only_the_wristband_opens_one(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.signed_in(page, kiosk)
    page.locator(".bed-head").nth(1).click()
    expect(page.locator(".only-look")).to_contain_text("TRẦN THỊ BÌNH")
    assert page.locator("#main form[action='/do/decline'], #main form[action='/do/confirm'], #main form[action='/do/act']").count() == 0
    page.get_by_role("button", name="Người bệnh trước: NGUYỄN VĂN AN").click()
    expect(page.locator(".only-look")).to_contain_text("NGUYỄN VĂN AN")
    kiosk.hold(band("P2"))  # another one's
    page.wait_for_selector("main.state-patient")
    expect(page.locator(".notice")).to_contain_text("TRẦN THỊ BÌNH")
    expect(page.locator(".notice")).to_contain_text("NGUYỄN VĂN AN")
    expect(page.locator(".banner .name")).to_have_text("TRẦN THỊ BÌNH")
    page.get_by_role("button", name="Người bệnh trước: NGUYỄN VĂN AN").click()
    expect(page.locator(".only-look")).to_contain_text("NGUYỄN VĂN AN")


def test_the_round_is_walked_by_keyboard_alone(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.signed_in(page, kiosk)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('bed-head')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".only-look")
    kiosk.hold(band("P1"))
    with kiosk.lock:
        kiosk.stand.lease("P1")
    kiosk.hold(pack(AMOX))
    page.wait_for_selector("main.pass")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('main-action')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("main.state-concluded")


def test_another_form_of_the_ordered_drug_is_marked_where_it_differs(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.wrong_form(page, kiosk)
    expect(page.locator(".compared thead")).to_contain_text("Y lệnh gần nhất")
    expect(page.locator(".compared tr.form.differs")).to_contain_text("siro")
    expect(page.locator(".compared tr.form.differs")).to_contain_text("SAI")
    expect(page.locator(".compared tr.right")).to_have_count(0)  # nothing is called right where the dose is stopped
    expect(page.locator(".findings .remedy").first).to_be_visible()


def test_only_a_dose_that_passes_has_right_lines_and_names_are_in_tall_letters(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.warns(page, kiosk)
    expect(page.locator(".compared tr.right")).to_have_count(0)
    expect(page.locator(".compared tr.drug.asks")).to_contain_text("vinCRIStin 1 mg")
    expect(page.locator(".findings")).to_contain_text("vinBLAStin")
    page.click("main.warn .main-action")
    page.wait_for_selector("main.pass")
    expect(page.locator(".compared tr.drug")).to_contain_text("vinCRIStin")


def test_units_are_counted_on_the_screen(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.more_units(page, kiosk)
    expect(page.locator(".counter")).to_contain_text("1 / 3")
    expect(page.locator(".counter .full")).to_have_count(1)
    kiosk.hold(pack(faces.PARACETAMOL, serial="S2"))
    expect(page.locator(".counter")).to_contain_text("2 / 3")


def test_an_antibiotic_is_counted_in_days_and_a_drip_in_drops(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    with kiosk.lock:
        faces.give_tables(kiosk.stand)
    amox, *others = care_products()
    penicillin = replace(amox, ingredients=(replace(amox.ingredients[0], classes=("penicillin",)),))
    with kiosk.lock:
        body = faces.FormularyBody(products=(penicillin, *others))
        table = faces.a_table(faces.TableKind.FORMULARY, body, version=4)
        kiosk.stand.chart.take(faces.issued(table), kiosk.stand.clock.at)
        kiosk.stand.put(faces.TablesChanged(kind="formulary"))
    faces.at_patient(page, kiosk)
    expect(page.locator(".orders .course").first).to_have_text("Ngày kháng sinh thứ 2")
    expect(page.locator(".orders li", has_text="Natri clorid").first).to_contain_text("28 giọt/phút (dây 20)")


def test_an_amount_is_given_by_touch_alone(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.part_of_one(page, kiosk)
    for key in ("1", "0"):
        page.click(f"main.amount [data-key='{key}']")
    page.click("main.amount [data-unit='mg']")
    expect(page.locator("[name=dose]")).to_have_value("10 mg")
    page.locator("[name=waste]").click()
    for key in ("1", "0"):
        page.click(f"main.amount [data-key='{key}']")
    page.click("main.amount [data-unit='mL']")
    page.click("main.amount [data-unit='mg']")  # the other unit takes its place
    expect(page.locator("[name=waste]")).to_have_value("10 mg")
    page.click("main.amount .main-action")
    page.wait_for_selector("main.witness")


def test_the_locked_screen_says_whose_dose_waits_and_names_no_patient(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    faces.passes(page, kiosk)
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_selector("main.state-idle")
    expect(page.locator(".waits")).to_contain_text("ĐD. Lê Thị Hoa")
    expect(page.locator("#main")).not_to_contain_text("NGUYỄN VĂN AN")
    looks_right(page)


# Light and sound.


def test_each_sound_is_another_and_none_is_like_a_scanners_beep(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    page.wait_for_function("window.kioskSounds")
    heard = page.evaluate(
        """async () => Object.fromEntries(await Promise.all(['pass', 'attention', 'stop', 'more'].map(async name => {
          const wave = await kioskSounds.samples(name);
          let crossings = 0, loud = 0, power = 0;
          for (let i = 1; i < wave.length; i += 1) {
            if (wave[i - 1] < 0 !== wave[i] < 0 && Math.max(Math.abs(wave[i]), Math.abs(wave[i - 1])) > 0.001) crossings += 1;
            if (Math.abs(wave[i]) > 0.02) loud += 1;
            power += wave[i] ** 2;
          }
          const seconds = wave.length / 8000;
          return [name, {seconds, hertz: crossings / 2 / (loud / 8000), power, tones: kioskSounds.SOUNDS[name].filter(t => t[0]).length}];
        })))"""
    )
    assert len({(round(one["seconds"], 2), round(one["hertz"], -1)) for one in heard.values()}) == 4
    for name, one in heard.items():
        assert one["power"] > 1, name
        assert one["tones"] > 1, name  # a beep is one
        assert one["hertz"] < 1200, name  # and lies between 2 and 4 kHz
    assert heard["stop"]["hertz"] < heard["attention"]["hertz"] < heard["pass"]["hertz"]
    assert heard["stop"]["seconds"] > 1


def test_a_muted_cart_says_so_and_remembers_it_and_its_light(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    expect(page.locator("#sound")).to_contain_text("Âm vừa")
    page.click(".settings summary")
    page.locator("button[name=theme][value=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("button[name=volume][value=loud]").click()
    expect(page.locator("#sound")).to_contain_text("Âm to")
    looks_right(page)
    page.keyboard.press("Escape")
    with page.expect_response(lambda answer: answer.url.endswith("/settings")):
        page.click("#sound")
    expect(page.locator("#sound")).to_contain_text("Đã tắt âm")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("#sound")).to_contain_text("Đã tắt âm")
    faces.passes(page, kiosk)  # and a verdict is still there to be seen
    assert page.evaluate("document.body.dataset.lastSound") == "pass"
    wave = page.evaluate("kioskSounds.samples('stop').then(wave => Math.max(...wave.map(Math.abs)))")
    assert wave == 0


def test_settings_take_nothing_but_what_they_offer(browser: Browser, kiosk: Kiosk) -> None:
    page = a_page(browser, kiosk)
    token = page.locator("[data-settings] [name=csrf_token]").input_value()
    for form in ({"theme": "red"}, {"volume": "<script>"}, {}):
        answer = page.request.post(f"{kiosk.url}settings", form={"csrf_token": token, **form}, headers={"Referer": kiosk.url})
        assert answer.ok
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "auto")
    assert page.request.post(f"{kiosk.url}settings", form={"theme": "dark"}).status == 400


# A page that is older than its program.


def test_a_page_lives_through_its_programs_restart_and_says_when_it_is_stale(browser: Browser, kiosk: Kiosk) -> None:
    def program(port: int = 0):  # type: ignore[no-untyped-def]
        flask = create_app(
            view=lambda: replace(kiosk.stand.view, at=datetime.now(UTC)), ask=lambda _: Answer(done=True), jpeg=lambda: None, names=dict
        )
        server = create_server(flask, host="127.0.0.1", port=port, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        return server, thread

    server, thread = program()
    port = server.effective_port
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("main.state-idle")
    serving.stop(server)
    thread.join(5)
    page.wait_for_selector("#gone:not([hidden])", timeout=15_000)
    expect(page.locator("#gone-since")).not_to_be_empty()
    expect(page.locator("#main")).to_be_hidden()
    with kiosk.lock:
        kiosk.stand.sign_in()
    server, thread = program(port)
    try:
        page.wait_for_selector("main.state-signed-in", timeout=15_000)  # by itself, and as it is now
        expect(page.locator("#gone")).to_be_hidden()
    finally:
        page.context.close()
        serving.stop(server)
        thread.join(5)


@pytest.mark.parametrize("missing", [True, False])
def test_a_cart_without_a_chart_says_so_instead_of_an_empty_list(browser: Browser, kiosk: Kiosk, missing: bool) -> None:
    page = a_page(browser, kiosk)
    faces.signed_in(page, kiosk)
    if missing:
        with kiosk.lock:
            kiosk.stand.clock.pass_by(timedelta(days=2))
            kiosk.stand.put(faces.TablesChanged(kind="patient-chart"))
        page.wait_for_selector("main.state-idle")  # the roster is over too
        expect(page.locator("#main")).to_contain_text("không thể kiểm tra thuốc")
    else:
        faces.charted(kiosk, replace(faces.chart_body(()), patients=()))
        expect(page.locator("#main")).to_contain_text("Khoa hiện không có người bệnh nào")
