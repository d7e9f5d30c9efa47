"""Bad days in a whole hospital of real programs: killed, frozen, cut off, fed with rubbish. Every dose that was given arrives, once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from pointofcare.wire import codec, routes
from pointofcare.wire.messages import AdministrationRecorded
from simulation import emr_check, labels, pharmacy, ward
from tests.support import hospital_day
from tests.support.hospital_day import CART, HospitalDay, wait_until


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HospitalDay]:
    made = hospital_day.start(tmp_path_factory.mktemp("hospital"))
    yield made
    made.stop()


@pytest.fixture
def day(shared: HospitalDay) -> Iterator[HospitalDay]:
    shared.online()
    yield shared
    shared.heal()


def test_server_killed_right_after_confirm_gets_the_record_once(day: HospitalDay) -> None:
    dose, record_id = day.give()
    again = day.kill("server")
    day.nurse.wait("server away", lambda state: state["strip"]["link"] == "server-away")
    again()
    day.online()
    day.arrived(dose, record_id)


def test_server_that_dies_with_a_record_in_its_hands_gets_it_again(day: HospitalDay) -> None:
    dose = day.next_dose()
    record_id = day.verify(dose)
    with day.frozen("server"):
        day.confirm(record_id)
        assert (day.standing(record_id)["at_server"], day.recorded(dose)) == (False, [])
        again = day.kill("server")
    again()
    day.online()
    day.arrived(dose, record_id)


def test_dose_without_a_server_is_recorded_here_and_arrives_later(day: HospitalDay) -> None:
    again = day.kill("server")
    day.nurse.wait("server away", lambda state: state["strip"]["link"] == "server-away")
    dose, record_id = day.give(reason="network-down")
    assert (day.standing(record_id)["here"], day.standing(record_id)["at_server"]) == (True, False)
    page = day.words()
    assert "Recorded here" in page
    assert "Waiting for the server" in page
    again()
    day.nurse.wait("at the server", lambda _: day.standing(record_id)["at_server"] is True)
    day.arrived(dose, record_id)


def test_broker_killed_while_a_dose_is_given_loses_nothing(day: HospitalDay) -> None:
    dose = day.next_dose()
    record_id = day.verify(dose)
    day.hospital.broker.kill()
    day.confirm(record_id)
    day.nurse.wait("offline", lambda state: state["strip"]["link"] == "offline" and state["strip"]["unsent"] > 0)
    assert day.recorded(dose) == []
    day.hospital.broker.start_again()
    day.online()
    day.arrived(dose, record_id)


def test_cart_killed_after_confirm_sends_its_record_when_it_is_back(day: HospitalDay) -> None:
    dose = day.next_dose()
    record_id = day.verify(dose)
    day.hospital.broker.kill()
    day.confirm(record_id)
    again = day.kill(CART)
    day.hospital.broker.start_again()
    assert (day.recorded(dose), day.journalled(dose)) == ([], [record_id])
    again()
    day.online()
    day.arrived(dose, record_id)


def test_cart_killed_between_verdict_and_confirm_asks_whether_it_was_taken(day: HospitalDay) -> None:
    dose = day.next_dose()
    record_id = day.verify(dose)
    day.kill(CART)()
    day.online()
    day.signed_in()
    state = day.nurse.wait("the open dose", lambda state: record_id in state["open"])
    assert day.recorded(dose) == []
    state = day.nurse.press("resolve", record_id=record_id, given="yes", reason="battery")
    assert (state["notice"], state["open"]) == ("", [])
    day.arrived(dose, record_id)


def test_emr_killed_and_started_again_holds_the_dose_once(day: HospitalDay) -> None:
    assert day.hospital.emr is not None
    day.hospital.emr.kill()
    _, record_id = day.give()
    day.nurse.wait("at the server", lambda _: day.standing(record_id)["at_server"] is True)
    assert day.standing(record_id)["emr"] is None
    wait_until(
        lambda: day.server_rows("SELECT 1 FROM outbox WHERE record_id = ? AND attempts > 0 AND state = 'pending'", record_id) != [],
        "a try to reach the EMR",
    )
    day.emr_again()
    day.nurse.wait("in the EMR", lambda _: day.standing(record_id)["emr"] == "settled")
    assert emr_check.read_back(day.hospital.emr.base_url, record_id, facility=ward.FACILITY)["status"] == "completed"


def test_one_record_published_three_times_more_stays_one_row(day: HospitalDay) -> None:
    dose, record_id = day.give()
    day.arrived(dose, record_id)
    before = day.messages()
    topic = routes.ADMINISTRATION.topic(facility=ward.FACILITY, cart=CART)
    assert day.publish(CART, [(topic, hospital_day.again(day.payload_of(record_id)))] * 3) == 3
    wait_until(lambda: day.messages()["duplicates"] >= before["duplicates"] + 3, "three duplicates at the gateway")
    day.arrived(dose, record_id)
    after = day.messages()
    assert (after["recorded"], after["failed"]) == (before["recorded"], before["failed"])
    assert day.server_rows("SELECT count(*) FROM outbox WHERE record_id = ?", record_id) == [(1,)]


def test_rubbish_on_every_topic_is_counted_and_the_next_dose_works(day: HospitalDay) -> None:
    rubbish = [
        b"\x00\xff\xfe",
        b"{",
        b"[]",
        b"[" * 50_000,
        b'{"v":"9.0"}',
        b'{"v":"1.0","type":"CartState"}',
        b"x" * (codec.MAX_PAYLOAD_BYTES + 1),
    ]
    before = day.messages()
    up: list[tuple[str, bytes]] = []
    down: list[tuple[str, bytes]] = []
    for route in routes.ROUTES:
        known = {"facility": ward.FACILITY, "cart": CART}
        topic = route.topic(**{level: known.get(level, "power") for level in route.levels})
        (up if route.direction is routes.Direction.UP else down).extend((topic, payload) for payload in rubbish)
    assert day.publish(CART, up) == len(up)
    assert day.publish("server", down) == len(down)
    wait_until(lambda: day.messages()["rejected"] > before["rejected"] + 50, "the gateway counts the rubbish")
    dose, record_id = day.give()
    day.arrived(dose, record_id)
    assert day.messages()["failed"] == before["failed"]
    assert day.health()["database"] == "ok"


def test_viewer_cannot_forge_a_dose(day: HospitalDay) -> None:
    dose, record_id = day.give()
    day.arrived(dose, record_id)
    before = day.messages()
    topic = routes.ADMINISTRATION.topic(facility=ward.FACILITY, cart=CART)
    forged = hospital_day.again(day.payload_of(record_id)).replace(record_id.encode(), str(uuid4()).encode())
    day.publish("viewer", [(topic, forged)])
    next_dose, next_id = day.give()  # what came before it was dealt with before it
    day.arrived(next_dose, next_id)
    assert day.messages()["recorded"] == before["recorded"] + 1
    assert day.recorded(dose) == [record_id]


def test_record_that_comes_hours_late_keeps_its_own_time(day: HospitalDay) -> None:
    dose, record_id = day.give()
    day.arrived(dose, record_id)
    late = hospital_day.rewritten(day.payload_of(record_id), record_id=str(uuid4()), order=None, due=None, earlier=timedelta(hours=5))
    assert isinstance(late.body, AdministrationRecorded)
    known = day.messages()["recorded"]
    topic = routes.ADMINISTRATION.topic(facility=ward.FACILITY, cart=CART)
    day.publish(CART, [(topic, codec.encode(late))])
    wait_until(lambda: day.messages()["recorded"] == known + 1, "the late record")
    rows = day.server_rows("SELECT effective_at, received_at FROM administrations WHERE record_id = ?", late.body.record.record_id)
    effective, received = (datetime.fromisoformat(str(text)) for text in rows[0])
    assert received - effective > timedelta(hours=4)


def test_full_disk_says_not_recorded_and_the_dose_is_recorded_when_there_is_room(day: HospitalDay) -> None:
    dose = day.next_dose()
    record_id = day.verify(dose)
    with day.full_disk():
        state = day.nurse.press("confirm", record_id=record_id)
        assert state["strip"]["journal_fault"] != ""
        assert (state["state"], state["notice"].startswith("journal-")) == ("giving", True)
        assert day.standing(record_id) == {}
        assert "NOT RECORDED" in day.words()
        assert day.journalled(dose) == []
    day.confirm(record_id)
    assert day.nurse.screen()["strip"]["journal_fault"] == ""
    day.arrived(dose, record_id)


def test_what_cannot_be_a_drug_is_told_and_never_given(day: HospitalDay) -> None:
    dose = day.next_dose()
    product = dose.product
    no_number = labels.gs1_datamatrix(f"(17)271231(10){product.id}")  # the half of a pack's label that names no product
    wrong_digit = labels.gs1_datamatrix(f"(01){product.gtin[:-1]}{(int(product.gtin[-1]) + 1) % 10}(17)271231(10)A1")
    unknown = labels.unit_dose("?", pharmacy.gtin(998))
    for picture, remedy in ((no_number, "scan-again"), (wrong_digit, "scan-again"), (unknown, "tell-pharmacy")):
        day.at_patient(dose.patient)
        state = day.nurse.scan(picture, units=1)
        assert (state["state"], state["level"]) == ("stopped", "STOP")
        assert remedy in [finding["remedy"] for finding in state["findings"]]
    day.at_patient(dose.patient)
    day.nurse.hold(labels.bag("https://example.test/x", "QR"), "a code of something else")
    state = day.nurse.wait("a word about it", lambda state: state["notice"] == "foreign-symbol")
    assert (state["units"], state["level"]) == (0, None)
    assert "no wristband and no drug" in day.words()
    day.nurse.put_down()
    record_id = day.verify(dose)
    day.confirm(record_id)
    day.arrived(dose, record_id)


def test_wrong_pin_and_unknown_badge_open_nothing(day: HospitalDay) -> None:
    day.signed_in()
    day.nurse.press("sign-out")
    day.nurse.hold(labels.badge("X", "nurse", "00000000"), "a badge of nobody")
    day.nurse.wait("a word about it", lambda state: state["notice"] == "badge-unknown")
    assert "not known on this ward" in day.words()
    day.nurse.hold(day.badge, "badge")
    day.nurse.wait("the PIN pad", lambda state: state["state"] == "badge")
    day.nurse.put_down()
    state = day.nurse.press("pin", pin="x" + day.pin)
    assert (state["state"], state["notice"], state["dues"]) == ("badge", "pin-wrong", [])
    assert day.nurse.press("pin", pin=day.pin)["state"] == "signed-in"


def test_bad_csv_row_is_named_and_nothing_is_written(day: HospitalDay, tmp_path: Path) -> None:
    before = day.server_rows("SELECT count(*) FROM patients")
    path = tmp_path / "patients.csv"
    columns = "id,mrn,name,birth_date,sex,ward,bed,status\n"
    path.write_text(
        columns + "P901,26-900001,A,1950-02-30,male,NOI-TH,H901,admitted\nP902,26-900002,B,1960-01-01,male,NOI-TH,H902,admitted\n"
    )
    told = day.server_command("import", str(path))
    assert told.returncode == 1
    assert "patients.csv:2 birth_date" in told.stdout
    assert "nothing was written" in told.stdout
    assert "Traceback" not in told.stdout + told.stderr
    assert day.server_rows("SELECT count(*) FROM patients") == before


def test_no_program_left_a_traceback(day: HospitalDay) -> None:
    """The last of this file: after all of it, no log holds a fault that nobody foresaw."""
    for log in (day.hospital.directory / "log").glob("*.log"):
        assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace"), log.name


def test_no_log_of_any_program_names_a_patient_or_a_nurse(day: HospitalDay) -> None:
    """After all that this file does, with programs killed and rubbish on every topic. The EMR is another project's program."""
    people = day.hospital.ward.patients
    marks = {patient.name for patient in people} | {str(patient.birth_date) for patient in people} | {patient.mrn for patient in people}
    marks |= {member.name for member in day.hospital.ward.staff}
    marks = {mark.casefold() for mark in marks if mark and mark != "None"}
    assert len(marks) > 60
    logs = [log for log in (day.hospital.directory / "log").glob("*.log") if not log.name.startswith("emr")]
    assert len(logs) > 2
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace").casefold()
        assert [mark for mark in marks if mark in text] == [], log.name


def test_what_carts_tell_of_themselves_names_no_patient(day: HospitalDay) -> None:
    """Telemetry, fleet events and what the server refused to understand: whoever looks after the machines sees no patient."""
    names = {patient.name.casefold() for patient in day.hospital.ward.patients}
    rows = day.server_rows("SELECT detail FROM cart_events")
    rows += day.server_rows("SELECT telemetry FROM carts") + day.server_rows("SELECT reason FROM rejected_messages")
    assert len(rows) > 3
    told = [str(json.loads(str(row[0])) if str(row[0])[:1] in ("{", "[") else row[0]).casefold() for row in rows]
    assert [name for name in names if any(name in one for one in told)] == []


def test_nothing_of_a_patient_and_no_picture_is_left_on_the_cart(day: HospitalDay) -> None:
    """The cart has read dozens of camera frames by now, and has been killed while it did."""
    people = {patient.name.encode() for patient in day.hospital.ward.patients}
    folder = day.hospital.directory / CART
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {"journal.sqlite", "chart.sqlite"} <= {file.name for file in files}
    running = next(child.process.pid for child in day.hospital.children if child.name == CART and child.process.poll() is None)
    door = Path(f"/proc/{running}/fd")  # closed to everybody but root: the program lets nobody look into its memory
    held = list(door.iterdir()) if os.access(door, os.R_OK) else []
    places = {each: os.readlink(each) for each in held if each.exists()}
    files += [each for each, place in places.items() if place.startswith("/") and each.is_file() and not place.startswith("/dev")]
    assert not [place for place in places.values() if place.endswith("(deleted)")]
    for file in files:
        content = file.read_bytes()
        assert not any(content.startswith(magic) or magic in content[:64] for magic in _PICTURES), file
        assert not any(name in content for name in people), file
    assert {file.relative_to(folder).parts[0] for file in folder.rglob("*") if file.is_file()} <= {"data", "data.key", "cart.toml"}


_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF", b"BM6", b"P6\n")
