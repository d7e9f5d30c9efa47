"""An anaphylaxis at the cart, over the kiosk's HTTP: one tap, a clock, steps, drugs as facts, a restart in the middle, a summary."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.inbox import Link, LinkTold, Tick
from pointofcare.products import Ingredient
from pointofcare.wire.messages import ObservationRecorded, TableKind
from pointofcare.wire.tables import FormularyBody
from tests.support.cart_care import at_patient, bodies, care_products, give_tables, records
from tests.support.cart_ward import Stand, a_table, issued, q
from tests.support.kiosk_beside import Kiosk

BEGIN = "/beside/anaphylaxis"


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    made = Kiosk(tmp_path)
    at_patient(made.stand)
    return made


def begin(kiosk: Kiosk) -> str:
    """From the patient's screen, with one tap. The address of its page."""
    kiosk.get("/")
    kiosk.send(BEGIN, twice=True)
    (began,) = kiosk.notes("anaphylaxis-began")
    return f"{BEGIN}/{began.record_id}"


def later(kiosk: Kiosk, minutes: float) -> None:
    kiosk.stand.clock.pass_by(timedelta(minutes=minutes))
    kiosk.stand.put(Tick())


def test_one_tap_on_the_patients_screen_starts_the_clock(kiosk: Kiosk) -> None:
    page = begin(kiosk)
    (began,) = kiosk.notes()
    assert (began.patient, began.nurse, began.details["by_band"]) == ("P1", "N1", True)
    later(kiosk, 4.5)
    kiosk.get(page)
    assert "4:30" in kiosk.text
    assert "ibuprofen" in kiosk.text
    assert "50 kg" in kiosk.text


def test_steps_are_stamped_each_once_and_a_second_tap_on_another_button_is_not_lost(kiosk: Kiosk) -> None:
    page = begin(kiosk)
    opened = kiosk.page
    kiosk.send(f"{page}/step", step="oxygen", twice=True)
    kiosk.page = opened  # pressed before the page had come anew
    kiosk.send(f"{page}/step", step="doctor-called")
    assert [note.details["step"] for note in kiosk.notes("anaphylaxis-step")] == ["oxygen", "doctor-called"]
    assert {note.of for note in kiosk.notes("anaphylaxis-step")} == {page.rsplit("/", 1)[1]}


@pytest.mark.parametrize("link", [Link.ONLINE, Link.OFFLINE])
def test_adrenaline_is_recorded_as_it_was_given_without_an_order(kiosk: Kiosk, link: Link) -> None:
    kiosk.stand.put(LinkTold(link=link))
    page = begin(kiosk)
    kiosk.send(f"{page}/drug", dose="0.5 mL", twice=True)
    (record,) = records(kiosk.stand)
    assert (record.order, record.product, record.dose, record.route) == (None, "ADRE1", q("0.5 mL"), "IM")
    assert (record.status, record.status_reason, record.reason_text) == ("completed", "emergency", "[anaphylaxis]")
    assert record.nurse == "N1"
    assert record.online is (link is Link.ONLINE)
    assert "Adrenalin 1 mg/1 ml 0.5 mL" in kiosk.text
    assert kiosk.stand.state == "patient"  # the dose on the main screen is untouched


def test_the_guidelines_volumes_are_offered_for_its_own_ampoule_alone(kiosk: Kiosk) -> None:
    stronger = replace(
        next(each for each in care_products() if each.id == "ADRE1"), ingredients=(Ingredient(name="adrenaline", amount=q("5 mg")),)
    )
    others = tuple(each for each in care_products() if each.id != "ADRE1")
    kiosk.stand.chart.take(
        issued(a_table(TableKind.FORMULARY, FormularyBody(products=(*others, stronger)), version=3)), kiosk.stand.clock.at
    )
    kiosk.stand.put(inbox.TablesChanged(kind="formulary"))
    page = begin(kiosk)
    assert "child of about 20 kg" not in kiosk.text
    assert "no adrenaline ampoule of 1 mg/1 ml" in kiosk.text
    kiosk.send(f"{page}/drug", {"product": "ADRE1", "dose": "0,1", "unit": "mL", "route": "IM"})
    assert [record.dose for record in records(kiosk.stand)] == [q("0.1 mL")]


def test_no_dose_is_recorded_that_nobody_named(kiosk: Kiosk) -> None:
    page = begin(kiosk)
    for wrong in ({"dose": ""}, {"dose": "0"}, {"dose": "ein wenig"}, {"product": "NOTHING", "dose": "1"}):
        kiosk.send(f"{page}/drug", {"product": "ADRE1", "unit": "mL", "route": "IM", **wrong}, product="ADRE1")
        assert 'class="notice' in kiosk.page
        kiosk.get(page)
    assert records(kiosk.stand) == []


def test_values_measured_in_it_stand_in_the_time_line_and_count_for_hold_rules(kiosk: Kiosk) -> None:
    page = begin(kiosk)
    later(kiosk, 1)
    kiosk.send(f"{page}/values", {"value-systolic": "80", "value-heart-rate": "128"})
    told = [(body.code, str(body.value)) for body in bodies(kiosk.stand) if isinstance(body, ObservationRecorded)]
    assert sorted(told) == [("heart-rate", "128 /min"), ("systolic", "80 mm[Hg]")]
    assert "systolic blood pressure 80 mmHg" in kiosk.text


def test_it_can_be_begun_for_a_patient_without_a_wristband(kiosk: Kiosk) -> None:
    kiosk.stand.press(inbox.ClosePatient)
    kiosk.get(BEGIN)
    kiosk.send(BEGIN, patient="P2")
    (began,) = kiosk.notes()
    assert (began.patient, began.details["by_band"]) == ("P2", False)
    kiosk.send(f"{BEGIN}/{began.record_id}/drug", dose="1 mL")
    assert [record.patient for record in records(kiosk.stand)] == ["P2"]


def test_a_restart_in_the_middle_loses_nothing_and_the_clock_goes_on(kiosk: Kiosk, tmp_path: Path) -> None:
    page = begin(kiosk)
    kiosk.send(f"{page}/step", step="oxygen")
    kiosk.send(f"{page}/drug", dose="0.5 mL")
    later(kiosk, 3)
    old_page = kiosk.page
    kiosk.stand.journal.close()
    kiosk.stand.chart.close()
    stand = Stand(tmp_path, clock=kiosk.stand.clock, full=False)
    after = Kiosk(tmp_path, stand)
    # The open page of before: nobody is signed in, nothing is shown and nothing recorded.
    after.page = old_page
    assert after.send(f"{page}/step", step="fluids").status_code == 303
    assert "NGUYỄN" not in after.page
    stand.sign_in("N1")
    after.get("/")
    assert "Anaphylaxis since" in after.text  # the way back is on the first screen after signing in
    after.get(page)
    assert "3:0" in after.text
    assert "Oxygen" in after.text
    assert "Adrenalin 1 mg/1 ml 0.5 mL" in after.text
    after.send(f"{page}/step", step="fluids")
    assert [note.details["step"] for note in after.notes("anaphylaxis-step")] == ["oxygen", "fluids"]


def test_nobody_is_signed_out_while_it_runs_and_everybody_soon_after(kiosk: Kiosk) -> None:
    page = begin(kiosk)
    for _ in range(3):
        later(kiosk, 12)
        assert kiosk.stand.view.session.nurse is not None
        kiosk.get(page)
        kiosk.send(f"{page}/step", step="fluids")
    later(kiosk, 21)
    assert kiosk.stand.view.session.nurse is None


def test_the_end_sums_up_every_line_and_closes_it(kiosk: Kiosk) -> None:
    page = begin(kiosk)
    kiosk.send(f"{page}/step", step="stopped-trigger")
    later(kiosk, 1)
    kiosk.send(f"{page}/drug", dose="0.5 mL")
    later(kiosk, 6)
    kiosk.send(f"{page}/end", {"words": "Mạch, huyết áp ổn"})
    assert "Choose the outcome" in kiosk.text
    assert kiosk.notes("anaphylaxis-ended") == []
    kiosk.send(f"{page}/end", {"outcome": "watched-here", "words": "Mạch, huyết áp ổn"}, twice=True)
    (ended,) = kiosk.notes("anaphylaxis-ended")
    (record,) = records(kiosk.stand)
    assert (ended.details["outcome"], ended.details["minutes"], ended.details["words"]) == ("watched-here", 7, "Mạch, huyết áp ổn")
    assert [line.get("step") or line.get("record_id") for line in ended.details["lines"]] == ["stopped-trigger", record.record_id]  # type: ignore[union-attr]
    assert f"{page}/step" not in kiosk.page  # nothing more can be pressed
    kiosk.get("/")
    assert "Anaphylaxis since" not in kiosk.text
    kiosk.send(BEGIN)
    assert len(kiosk.notes("anaphylaxis-began")) == 2  # a second one of the same patient is another one


def test_a_full_disk_is_said_and_nothing_is_called_recorded(tmp_path: Path) -> None:
    stand = Stand(tmp_path, max_pages=24)
    give_tables(stand)
    kiosk = Kiosk(tmp_path, stand)
    at_patient(stand)
    page = begin(kiosk)
    for _ in range(80):
        kiosk.send(f"{page}/step", {"words": "x" * 400}, step="oxygen")
        if "notice grave" in kiosk.page:
            break
    assert "notice grave" in kiosk.page
    count = len(kiosk.notes("anaphylaxis-step"))
    kiosk.get(page)
    assert kiosk.page.count("<time>") == count + 1


def test_the_handover_names_an_emergency_that_still_runs(kiosk: Kiosk) -> None:
    begin(kiosk)
    kiosk.get("/beside/handover")
    assert "going on" in kiosk.text
