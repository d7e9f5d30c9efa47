"""What is done beside the dose, over the kiosk's HTTP down to the journal: drugs shown, vital signs, handover, charting late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.beside.asked import TakeOver, TellShown
from cart_client.inbox import Link, LinkTold
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.wire.messages import ObservationRecorded, TableKind
from tests.support.cart_care import METOPROLOL, at_patient, bodies, care_body, care_history, records
from tests.support.cart_ward import NOW, a_table, band, issued, pack, q
from tests.support.kiosk_beside import Kiosk

DRUGS, VITALS, SHIFT, LATE = "/beside/drugs", "/beside/vitals", "/beside/handover", "/beside/late"
FORM = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    made = Kiosk(tmp_path)
    at_patient(made.stand)
    return made


def values(kiosk: Kiosk) -> list[tuple[str, str, str]]:
    return [(body.patient, body.code, str(body.value)) for body in bodies(kiosk.stand) if isinstance(body, ObservationRecorded)]


# Nobody is signed in.


@pytest.mark.parametrize("path", [DRUGS, VITALS, SHIFT, LATE, "/beside/anaphylaxis"])
def test_no_page_beside_the_dose_shows_anything_before_somebody_signed_in(tmp_path: Path, path: str) -> None:
    kiosk = Kiosk(tmp_path)
    assert kiosk.get(path).status_code == 303
    assert "NGUYỄN" not in kiosk.page


# Drugs shown to the patient.


def test_the_day_is_shown_to_the_patient_without_anybody_elses_line(kiosk: Kiosk) -> None:
    assert kiosk.get(DRUGS).status_code == 200
    assert "Metoprolol 50 mg" in kiosk.text
    assert "By mouth" in kiosk.text
    assert "TRẦN THỊ BÌNH" not in kiosk.page  # the other patient of the ward
    assert "24-000124" not in kiosk.page


@pytest.mark.parametrize("link", [Link.ONLINE, Link.OFFLINE])
def test_that_the_patient_agreed_is_journalled_with_what_was_on_the_page(kiosk: Kiosk, link: Link) -> None:
    kiosk.stand.put(LinkTold(link=link))
    kiosk.get(DRUGS)
    kiosk.send(DRUGS, {"answer": "agree", "asked_by": "family"}, twice=True)
    (note,) = kiosk.notes()
    assert (note.kind, note.patient, note.nurse, note.details["answer"], note.details["asked_by"]) == (
        "drugs-shown", "P1", "N1", "agree", "family",
    )  # fmt: skip
    assert {line["order"] for line in note.details["shown"]} >= {"M1", "A1", "P1"}  # type: ignore[index, union-attr]
    assert "seen and agreed" in kiosk.text
    assert kiosk.stand.state == "patient"  # no dose was touched


def test_a_question_names_its_drug_and_whom_it_is_for(kiosk: Kiosk) -> None:
    kiosk.get(DRUGS)
    kiosk.send(DRUGS, {"answer": "question", "asked_by": "patient", "asked_of": "pharmacist", "order": "M1", "words": "Vì sao đổi viên?"})
    (note,) = kiosk.notes()
    assert (note.details["words"], note.details["about"], note.details["asked_of"]) == (
        "Vì sao đổi viên?",
        "Metoprolol 50 mg",
        "pharmacist",
    )


def test_a_question_without_words_is_none(kiosk: Kiosk) -> None:
    kiosk.get(DRUGS)
    kiosk.send(DRUGS, {"answer": "question", "asked_by": "patient", "asked_of": "nurse", "words": "  "})
    assert kiosk.notes() == []
    assert "Write the question" in kiosk.text


def test_the_answer_of_one_patient_is_not_recorded_for_the_next(kiosk: Kiosk) -> None:
    kiosk.get(DRUGS)
    kiosk.stand.hold(band("P2"))
    kiosk.send(DRUGS, {"answer": "agree"})
    assert kiosk.notes() == []
    assert "another patient" in kiosk.text


def test_nobody_signs_on_a_page_that_somebody_else_opened(kiosk: Kiosk) -> None:
    kiosk.get(DRUGS)
    kiosk.stand.press(inbox.SignOut)
    at_patient(kiosk.stand, "N2")
    kiosk.send(DRUGS, {"answer": "agree"})
    assert kiosk.notes() == []
    assert "somebody else" in kiosk.text


def test_a_made_up_form_id_is_no_record(kiosk: Kiosk) -> None:
    kiosk.stand.press(TellShown, form="1' OR 1=1", nurse="N1", patient="P1", answer="agree", asked_by="patient")
    assert kiosk.notes() == []
    assert kiosk.stand.view.notice == "out-of-date"


# Vital signs.


def test_a_set_of_values_is_recorded_and_shown_with_its_standing(kiosk: Kiosk) -> None:
    kiosk.get(VITALS)
    kiosk.send(VITALS, {"value-heart-rate": "72", "value-temperature": "38,6", "value-pain": "6"}, twice=True)
    assert sorted(values(kiosk)) == [("P1", "heart-rate", "72 /min"), ("P1", "pain", "6 {score}"), ("P1", "temperature", "38.6 Cel")]
    assert "Recorded at" in kiosk.text
    assert "72 /min usual" in kiosk.text
    assert "38.6 °C high" in kiosk.text


def test_one_value_that_cannot_be_keeps_the_whole_set_out_and_says_which(kiosk: Kiosk) -> None:
    kiosk.get(VITALS)
    kiosk.send(VITALS, {"value-heart-rate": "720", "value-temperature": "37"})
    assert values(kiosk) == []
    assert "only 10 to 350 is taken" in kiosk.text
    assert 'value="720"' in kiosk.page
    assert 'value="37"' in kiosk.page


def test_a_value_far_out_is_asked_again_and_taken_when_it_was_measured_again(kiosk: Kiosk) -> None:
    kiosk.get(VITALS)
    kiosk.send(VITALS, {"value-spo2": "62"})
    assert values(kiosk) == []
    assert "Measure again" in kiosk.text
    kiosk.send(VITALS, {"value-spo2": "62", "sure": "spo2"})
    assert values(kiosk) == [("P1", "spo2", "62 %")]


def test_values_of_the_set_count_for_the_dose_that_is_on_the_main_screen(kiosk: Kiosk) -> None:
    kiosk.stand.hold(pack(METOPROLOL))
    assert "H1" in kiosk.stand.rules
    kiosk.get(VITALS)
    kiosk.send(VITALS, {"value-heart-rate": "44"})
    assert (kiosk.stand.state, "H1" in kiosk.stand.rules) == ("awaiting-witness", True)  # too slow a pulse, not a missing one


def test_a_value_entered_while_a_dose_is_in_hand_takes_that_dose_back(kiosk: Kiosk) -> None:
    kiosk.stand.press(inbox.Measure, code="heart-rate", value="72")
    kiosk.stand.hold(pack(METOPROLOL))
    assert kiosk.stand.state == "giving"
    kiosk.get(VITALS)
    kiosk.send(VITALS, {"value-heart-rate": "44"})
    assert kiosk.stand.state == "awaiting-witness"


def test_no_range_is_shown_for_a_child(kiosk: Kiosk) -> None:
    body = care_body()
    child = replace(body.patients[0], birth_date=NOW.date().replace(year=2021))
    table = a_table(TableKind.PATIENT_CHART, replace(body, patients=(child, *body.patients[1:])), version=3)
    kiosk.stand.chart.take(issued(table), kiosk.stand.clock.at)
    kiosk.stand.put(inbox.TablesChanged(kind="patient-chart"))
    kiosk.get(VITALS)
    assert "No usual range for this age" in kiosk.text
    assert "usual 51–90" not in kiosk.text


# Handover.


def test_the_handover_lists_by_bed_what_the_next_shift_must_know(kiosk: Kiosk) -> None:
    kiosk.stand.press(inbox.Decline, action="refuse", reason="refused", order="M1", due=kiosk.stand.view.dues[3].due)
    kiosk.get(SHIFT)
    text = kiosk.text
    assert text.index("H012") < text.index("H013")
    open_doses = text[text.index("Doses without a result") : text.index("Held, refused, not given")]
    assert "Amoxicillin 500 mg" in open_doses
    assert "Effect not charted" in text
    assert "Paracetamol" in text
    assert "Awaited from pharmacy" in text
    assert "Nothing waits: H013" in text


def test_a_shift_is_given_over_and_taken_over_by_the_next_nurse_alone(kiosk: Kiosk) -> None:
    kiosk.get(SHIFT)
    kiosk.send(SHIFT, {"words": "Giường 12 theo dõi mạch"}, twice=True)
    (given,) = kiosk.notes("handover")
    assert given.patient is None
    assert given.details["words"] == "Giường 12 theo dõi mạch"
    assert {"patient": "P1", "order": "A1", "due": "2026-03-02T01:00:00+00:00"} in given.details["open"]  # type: ignore[operator]
    assert "takes over" not in kiosk.page or kiosk.stand.view.session.nurse.id == "N1"
    kiosk.stand.press(inbox.SignOut)
    kiosk.stand.sign_in("N2")
    kiosk.get(SHIFT)
    kiosk.send(SHIFT, handover=given.record_id)
    (taken,) = kiosk.notes("handover-taken")
    assert (taken.of, taken.nurse, taken.details["from"], taken.details["badge"]) == (given.record_id, "N2", "N1", "N2")
    assert "handed over at" not in kiosk.text


def test_whoever_gave_the_shift_over_cannot_take_it(kiosk: Kiosk) -> None:
    kiosk.get(SHIFT)
    kiosk.send(SHIFT)
    (given,) = kiosk.notes("handover")
    kiosk.stand.press(TakeOver, form=FORM, nurse="N1", handover=given.record_id)
    assert kiosk.stand.view.notice == "beside-same-nurse"
    assert kiosk.notes("handover-taken") == []


# Charting late.


def late(**more: str) -> dict[str, str]:
    """A dose of metoprolol at 06:40 on the ward, told at about eight."""
    plain = {
        "dose_of": "M1|2026-03-02T01:00:00+00:00",
        "day": "2026-03-02",
        "time": "06:40",
        "dose": "50",
        "unit": "mg",
        "route": "PO",
        "reason": "network-down",
        "reason_text": "mất điện cả khoa",
    }
    return {**plain, **more}


def test_a_dose_charted_late_is_a_fact_with_its_own_time_its_reason_and_the_verdict_as_advice(kiosk: Kiosk) -> None:
    kiosk.get(LATE)
    kiosk.send(LATE, late(), twice=True)
    (record,) = records(kiosk.stand)
    assert (record.order, record.status, record.dose, record.product) == ("M1", "completed", q("50 mg"), "METO50")
    assert record.effective_at == NOW - timedelta(minutes=85)
    assert record.recorded_at > record.effective_at
    assert (record.status_reason, record.reason_text) == ("network-down", "[charted late] mất điện cả khoa")
    assert any(each.rule == "S6" for each in record.findings)  # it says of itself that it was charted late
    assert "to know, it changes nothing" in kiosk.text
    given = next(line for line in kiosk.stand.view.dues if line.order.id == "M1" and line.due is not None and line.due < NOW)
    assert given.status == "given"  # nobody gives it again
    assert kiosk.stand.state == "patient"


@pytest.mark.parametrize("written", ["0640", "6:40", "6h40", "06,40", "06.40"])
def test_the_time_may_be_written_as_nurses_write_it(kiosk: Kiosk, written: str) -> None:
    kiosk.get(LATE)
    kiosk.send(LATE, late(time=written))
    assert [record.effective_at for record in records(kiosk.stand)] == [NOW - timedelta(minutes=85)]


def test_a_verdict_that_would_stop_the_dose_does_not_refuse_that_it_was_given(kiosk: Kiosk) -> None:
    kiosk.get(LATE)
    kiosk.send(LATE, late(dose_of="|", product="ADRE1", dose="3", route="IM", reason="emergency"))
    (record,) = records(kiosk.stand)
    assert (record.order, record.product, record.level) == (None, "ADRE1", "STOP")


def test_what_may_be_charted_already_is_shown_before_it_is_charted_again(kiosk: Kiosk) -> None:
    kiosk.get(LATE)
    kiosk.send(LATE, late())
    kiosk.send(LATE, late(time="07:10"))
    assert len(records(kiosk.stand)) == 1
    assert "May be charted already" in kiosk.text
    assert "06:40" in kiosk.text
    kiosk.send(LATE, late(time="07:10", another="yes"))
    assert len(records(kiosk.stand)) == 2


def test_a_dose_that_another_cart_charted_is_no_new_one(kiosk: Kiosk) -> None:
    other = HistoryEntry(order="M1", patient="P1", status="completed", at=NOW - timedelta(minutes=80), due=NOW - timedelta(minutes=5),
                         dose=q("50 mg"), product="METO50", record_id="rec-other", action="give", nurse="N2")  # fmt: skip
    body = care_body(history=(*care_history(), other))
    kiosk.stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=3)), kiosk.stand.clock.at)
    kiosk.stand.put(inbox.TablesChanged(kind="patient-chart"))
    kiosk.get(LATE)
    kiosk.send(LATE, late())
    assert records(kiosk.stand) == []
    assert "ĐD. Phạm Minh" in kiosk.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"time": "23:40"}, "future"),
        ({"day": "2026-02-02"}, "14 days"),
        ({"time": ""}, "day and the time"),
        ({"time": "25:00"}, "day and the time"),
        ({"time": "abc"}, "day and the time"),
        ({"dose": "viele"}, ""),
        ({"reason": ""}, ""),
        ({"reason_text": " "}, ""),
        ({"dose_of": "|"}, "Choose the medicine"),
    ],
)
def test_a_late_dose_that_is_not_told_whole_is_not_charted(kiosk: Kiosk, wrong: dict[str, str], said: str) -> None:
    kiosk.get(LATE)
    kiosk.send(LATE, late(**wrong))
    assert records(kiosk.stand) == []
    assert said in kiosk.text
    assert 'class="notice' in kiosk.page


def test_a_dose_that_is_open_at_this_cart_is_answered_there_and_not_charted_beside_it(kiosk: Kiosk) -> None:
    kiosk.stand.press(inbox.Measure, code="heart-rate", value="72")
    kiosk.stand.hold(pack(METOPROLOL))
    assert kiosk.stand.state == "giving"
    kiosk.get(LATE)
    kiosk.send(LATE, late())
    assert records(kiosk.stand) == []
