"""Paper both ways: a rounds sheet with codes is printed, written on, and entered again when the system is back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import UnreadableError
from pointofcare.labels.serial import DRAWN
from server.store import audit, downtime, views_patients
from server.store.patients import Ward
from server.store.transaction import reading, transaction
from server.usecases import administrations, corrections, patients, ward_staff
from server.usecases import downtime as verbs
from server.usecases import orders as order_verbs
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, IMPORT, NURSE, PHARMACIST, PRESCRIBER, WARD

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as made:
        yield made


def post(client: FlaskClient, address: str, page: str, **fields: str):  # type: ignore[no-untyped-def]
    return client.post(address, data={"csrf_token": web.token_of(client.get(page).text), **fields})


def printed(app: Flask, client: FlaskClient) -> str:
    """A new sheet's id."""
    answer = post(client, "/downtime/print", "/ward/sheet", ward=WARD)
    assert answer.status_code == 303
    found = re.search(r"/downtime/([0-9A-Z]{8})/paper", answer.headers["Location"])
    assert found is not None
    return found[1]


def lines(app: Flask, sheet: str) -> tuple[downtime.LineView, ...]:
    with app.app_context(), reading() as tx:
        return downtime.lines(tx, verbs.sheet(tx, sheet))


def doses(app: Flask, patient: str) -> list[views_patients.Dose]:
    with app.app_context(), reading() as tx:
        return list(views_patients.doses(tx, patient=patient)[0])


def on_paper(at: datetime | None = None) -> str:
    return (at or datetime.now(UTC)).astimezone(ZONE).strftime("%d/%m/%Y %H:%M")


def fill(client: FlaskClient, line: downtime.LineView, **cells: str):  # type: ignore[no-untyped-def]
    address = f"/downtime/{line.sheet}/{line.number}"
    form = client.get(address).text
    drawn = re.search(r'name="record_id" value="([^"]+)"', form)
    assert drawn is not None
    told = {"record_id": drawn[1], "what": "given", "at": on_paper(), "nurse": NURSE.id, "dose": "500 mg"} | cells
    return post(client, address, address, **told)


def test_a_printed_line_is_found_by_its_code_and_entered_as_a_record_like_any_other(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    sheet = printed(app, client)
    paper = client.get(f"/downtime/{sheet}/paper").text
    first = lines(app, sheet)[0]
    code = verbs.code(sheet, first.number)
    assert code in paper
    assert paper.count("line-code") >= len(lines(app, sheet))
    assert not client.get(f"/downtime/?code={code[:2]}%20{code[2:].lower()}").headers["Location"].endswith("paper")
    assert client.get(f"/downtime/?code={code}").headers["Location"].endswith(f"/downtime/{sheet}/{first.number}")

    answer = fill(client, first, lot="L7", words="ghi trên giấy", at=on_paper(datetime.now(UTC) - timedelta(hours=1)))
    assert answer.status_code == 303
    (dose,) = doses(app, first.patient)
    record = dose.record
    assert (record.status, record.order, record.due, record.nurse, record.lot) == ("completed", first.order, first.due, NURSE.id, "L7")
    assert record.status_reason == "network-down"
    assert record.reason_text == f"[charted late] [{code}] ghi trên giấy"
    assert "S6" in {finding.rule for finding in record.findings}, "it does not look as if it had been verified"
    assert dose.emr_state == "pending"
    assert [one.entered for one in lines(app, sheet)[0].charted] == [True]
    with app.app_context(), reading() as tx:
        assert "downtime.enter" in {one.action for one in audit.listed(tx, limit=200)}


def test_the_same_press_twice_counts_once(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    record_id = "7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a99"
    for _ in range(2):
        assert fill(client, first, record_id=record_id).status_code == 303
    assert len(doses(app, first.patient)) == 1


def test_what_may_be_on_record_already_is_shown_and_is_another_dose_only_by_a_persons_word(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    now = datetime.now(UTC)
    at_cart = server_ward.a_record(patient=first.patient, order=first.order, due=first.due, effective_at=now, recorded_at=now)
    with app.app_context(), transaction(IMPORT) as tx:
        administrations.record(tx, at_cart, reevaluate=False)
    assert "charted at a cart" in client.get(f"/downtime/{first.sheet}").text
    refused = fill(client, first)
    assert refused.status_code == 409
    assert "may be on record already" in refused.text
    assert 'name="another"' in refused.text
    assert len(doses(app, first.patient)) == 1
    assert fill(client, first, another="yes").status_code == 303
    assert len(doses(app, first.patient)) == 2


def test_what_was_not_given_is_recorded_with_its_reason_and_no_dose(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    assert fill(client, first, what="not-given", why="").status_code == 422
    assert fill(client, first, what="not-given", why="npo").status_code == 303
    (dose,) = doses(app, first.patient)
    assert (dose.record.status, dose.record.status_reason, dose.record.dose) == ("not-done", "npo", None)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"at": "08:10"}, "day and time"),
        ({"at": "01/01/2100 08:00"}, "not come yet"),
        ({"at": "01/01/2020 08:00"}, "before the sheet was printed"),
        ({"nurse": "PH1"}, "who of this ward"),
        ({"nurse": ""}, "who of this ward"),
        ({"witness": NURSE.id}, "somebody else"),
        ({"dose": "1,500 mg"}, "with its unit"),
        ({"dose": "much"}, "with its unit"),
        ({"dose": ""}, "with its unit"),
        ({"what": ""}, "whether it was given"),
    ],
    ids=["no-day", "future", "past", "no-nurse", "nobody", "own-witness", "ambiguous", "no-amount", "empty", "unsaid"],
)
def test_what_cannot_be_read_is_named_at_its_field_and_writes_nothing(app: Flask, cells: dict[str, str], said: str) -> None:
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    answer = fill(client, first, **cells)
    assert answer.status_code == 422
    assert said in answer.text
    assert doses(app, first.patient) == []


def test_a_sheet_is_closed_only_when_somebody_has_said_what_became_of_every_due_line(app: Flask) -> None:
    client = web.signed_in(app, CHARGE)
    sheet = printed(app, client)
    found = lines(app, sheet)
    with app.app_context(), reading() as tx:
        waiting = verbs.open_lines(found, tx.at)
    assert waiting, "the ward has overdue doses"
    post(client, f"/downtime/{sheet}/close", f"/downtime/{sheet}", words="")
    assert "nobody has said" in client.get(f"/downtime/{sheet}").text
    for place, one in enumerate(waiting):
        page = f"/downtime/{sheet}/{one.number}"
        if place == 0:
            assert fill(client, one).status_code == 303
        else:
            assert post(client, f"{page}/nothing", page, reason="chuyển khoa").status_code == 303
    assert not [one for one in doses(app, waiting[-1].patient) if one.record.order == waiting[-1].order] or len(waiting) == 1
    post(client, f"/downtime/{sheet}/close", f"/downtime/{sheet}", words="tờ giấy ở tủ 3")
    with app.app_context(), reading() as tx:
        closed = verbs.sheet(tx, sheet)
    assert (closed.closed_by, closed.words) == (CHARGE.id, "tờ giấy ở tủ 3")
    assert fill_closed(client, waiting[0]) == 409
    assert "is closed" in client.get(f"/downtime/{sheet}/{waiting[0].number}").text


def fill_closed(client: FlaskClient, line: downtime.LineView) -> int:
    told = {"record_id": "7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a98", "what": "given", "at": on_paper(), "nurse": NURSE.id, "dose": "500 mg"}
    return int(post(client, f"/downtime/{line.sheet}/{line.number}", f"/downtime/{line.sheet}", **told).status_code)


def test_a_line_is_entered_by_its_ward_also_when_the_patient_lies_elsewhere_by_now(app: Flask) -> None:
    with app.app_context(), transaction(IMPORT) as tx:
        ward_staff.set_homes(tx, NURSE.id, [WARD])
        patients.open_ward(tx, Ward(id="ICU", name="ICU", timezone="Asia/Ho_Chi_Minh"))
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    with app.app_context(), transaction(IMPORT) as tx:
        patients.receive(tx, replace(server_ward.a_patient(1), ward="ICU"))
    assert client.get(f"/patients/{first.patient}").status_code == 403
    assert fill(client, first).status_code == 303
    assert [dose.record.order for dose in doses(app, first.patient)] == [first.order]


def test_a_line_that_was_entered_days_ago_asks_before_it_is_entered_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    assert fill(client, first).status_code == 303
    monkeypatch.setattr(verbs, "same", lambda *_: ())  # the chart goes back three days only
    assert fill(client, first).status_code == 409
    assert len(doses(app, first.patient)) == 1


def test_an_order_that_was_changed_after_printing_is_shown_beside_the_paper(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    assert "changed after printing" not in client.get(f"/downtime/{first.sheet}/{first.number}").text
    with app.app_context(), transaction(PRESCRIBER) as tx:
        order_verbs.stop(tx, PRESCRIBER, first.order, 1, reason="rash")
    assert "changed after printing" in client.get(f"/downtime/{first.sheet}/{first.number}").text
    assert fill(client, first).status_code == 303, "what was given is a fact"


def test_what_was_withdrawn_later_leaves_its_line_open_again(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    first = lines(app, printed(app, client))[0]
    fill(client, first)
    (dose,) = doses(app, first.patient)
    with app.app_context(), transaction(NURSE) as tx:
        corrections.withdraw(tx, NURSE, dose.record.record_id, why="the other bed")
    assert lines(app, first.sheet)[0].charted == ()


def test_only_nurses_of_the_ward_print_and_enter_and_no_sheet_of_another_hospital_is_found(app: Flask) -> None:
    assert web.signed_in(app, PHARMACIST).get("/downtime/").status_code == 403
    client = web.signed_in(app, NURSE)
    assert client.get("/downtime/ABCDEFGH").status_code == 404
    assert "no such sheet" in client.get(f"/downtime/?code={verbs.code('ABCDEFGH', 1)}", follow_redirects=True).text
    assert "not the code of a line" in client.get("/downtime/?code=DT7", follow_redirects=True).text
    answer = post(client, "/downtime/print", "/ward/sheet", ward="NOWHERE")
    assert "paper" not in answer.headers["Location"]


@given(st.text(DRAWN, min_size=8, max_size=8), st.integers(1, 999), st.integers(0, 13), st.sampled_from(SIGNS))
def test_a_code_is_read_as_it_was_made_and_one_wrong_sign_is_never_another_line(sheet: str, number: int, place: int, sign: str) -> None:
    code = verbs.code(sheet, number)
    assert verbs.read_code(f" {code[:5].lower()}-{code[5:]} ") == (sheet, number)
    changed = code[:place] + sign + code[place + 1 :]
    if changed != code:
        with pytest.raises(UnreadableError):
            verbs.read_code(changed)
