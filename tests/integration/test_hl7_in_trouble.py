"""Power that fails, messages that cannot be taken, and what a person sees of them: nothing is lost, doubled or taken by halves."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import ConflictError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import PatientStatus
from server.feed_settings import FhirFeedConfig
from server.feeds import hl7_intake
from server.feeds.hl7_intake import Intake
from server.store import incoming, patients
from server.store.incoming import REJECTED, TAKEN, WAITING
from server.store.orders import Verification
from server.store.transaction import Clash, reading, transaction
from server.usecases import hl7_taking
from server.usecases import incoming as incoming_verbs
from server.usecases import orders as order_verbs
from tests.support.hl7_hospital import HIS, LATER, patient, states, status, the_order
from tests.support.hl7_hospital import app as app
from tests.support.hl7_hospital import clock as clock
from tests.support.hl7_hospital import here as here
from tests.support.hl7_hospital import intake as intake
from tests.support.hl7_in import (
    FEED,
    GENERAL,
    PID,
    PV1,
    Clock,
    adt,
    an_intake,
    answered,
    code,
    control_only,
    items,
    local,
    message,
    msh,
    rde,
    stock,
)
from tests.support.server_ward import NOW, PHARMACIST
from tests.support.web import post, signed_in, ward_app


def test_power_that_fails_between_keeping_and_answering_loses_nothing_and_doubles_nothing(
    app: Flask, here: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise MemoryError("the power failed")

    with monkeypatch.context() as patched:
        patched.setattr(Intake, "_settle", dies)
        with pytest.raises(MemoryError):
            here.receive(rde("1"))
    assert states(app) == [TAKEN, WAITING]
    again = an_intake(app, clock=clock)  # the program starts anew, and the sender sends again
    assert code(again.receive(rde("1"))) == "AA"
    found = the_order()
    assert found is not None
    assert (found.order.version, states(app)) == (1, [TAKEN, TAKEN])


def test_power_that_fails_before_the_answer_and_a_sender_that_never_comes_again_loses_nothing(
    app: Flask, here: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Intake, "_settle", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(MemoryError):
            here.receive(rde("1"))
    clock.now += timedelta(minutes=2)
    an_intake(app, clock=clock).settle_waiting()
    assert status() is OrderStatus.ACTIVE


def test_power_that_fails_in_the_middle_of_a_message_writes_none_of_it(here: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    two = message(
        msh("RDE^O11", "1"), PID,
        f"ORC|NW|O1|||||||{local(NOW)}", "RXE||TH0001^P^BV1-THUOC|500||mg|TAB", "TQ1|1||BID", "RXR|UONG",
        f"ORC|NW|O2|||||||{local(NOW)}", "RXE||TH0001^P^BV1-THUOC|500||mg|TAB", "TQ1|1||BID", "RXR|UONG",
    )  # fmt: skip
    written = hl7_taking._write
    seen = []

    def fails_at_the_second(*arguments: object) -> object:
        seen.append(1)
        if len(seen) == 2:
            raise KeyError("a fault of ours")
        return written(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(hl7_taking, "_write", fails_at_the_second)
        answer = here.receive(two)
    assert code(answer) == "AE"
    assert "207" in answered(answer)
    assert the_order("O1") is None
    assert the_order("O2") is None


@pytest.mark.parametrize(
    ("bad", "where", "number"),
    [
        (msh("ADT^A01", "1", application="STRANGER"), "MSH^1^3", "102"),
        (msh("ADT^A01", "1", version="2.7"), "MSH^1^12", "203"),
        (msh("ADT^A60", "1"), "MSH^1^9", "201"),
        (msh("QRY^A19", "1"), "MSH^1^9", "201"),
        (msh("ADT^A01", ""), "MSH^1^10", "101"),
        (msh("ADT^A01", "1").replace("|P|", "|T|"), "MSH^1^11", "202"),
    ],
    ids=["sender", "version", "event", "query", "number", "training"],
)
def test_what_is_not_supported_is_refused_with_its_field_and_not_kept(
    app: Flask, intake: Intake, bad: str, where: str, number: str
) -> None:
    answer = intake.receive(message(bad, PID, PV1))
    assert code(answer) == "AR"
    assert f"ERR||{where}|{number}^" in answered(answer)
    assert items(app) == ()


def test_an_older_version_has_its_error_where_that_version_has_it(intake: Intake) -> None:
    answer = answered(intake.receive(message(msh("ADT^A60", "1", version="2.3"), PID)))
    assert "|2.3|" in answer
    assert "\rERR|MSH^1^9^201&Unsupported event code" in answer


def test_a_laboratory_order_is_not_taken_for_a_drug(app: Flask, here: Intake) -> None:
    answer = here.receive(message(msh("ORM^O01", "1"), PID, "ORC|NW|L1", "OBR|1|L1||CBC"))
    assert code(answer) == "AR"
    assert len(items(app)) == 1


def test_wrong_letters_are_an_error_that_says_so_and_never_replaced(app: Flask, intake: Intake) -> None:
    good = adt("A01", "1")
    answer = intake.receive(good.replace("Trần".encode(), "Tràn".encode("latin-1")))
    assert code(answer) == "AE"
    assert "MSH^1^18" in answered(answer)
    assert items(app)[0].state == REJECTED
    wrong = adt("A01", "2").replace(b"UNICODE UTF-8", b"8859/1")
    answer = intake.receive(wrong)
    assert code(answer) == "AE"
    assert "is UTF-8" in answered(answer)
    with reading(FEED) as tx:
        assert patients.find_by_mrn(tx, HIS) is None


def test_names_with_separators_in_them_stay_one_name(intake: Intake) -> None:
    pid = PID.replace("Trần^Bình^Thị", r"Trần \T\ Lê^Bình \F\ \S\ \R\ \E\ x^Thị")
    assert code(intake.receive(adt("A01", "1", pid=pid))) == "AA"
    assert patient().name == r"Trần & Lê Thị Bình | ^ ~ \ x"


@pytest.mark.parametrize(
    ("accept", "good", "bad"), [("AL", "CA", "CE"), ("NE", None, None), ("ER", None, "CE"), ("SU", "CA", None), ("", "AA", "AE")]
)
def test_the_enhanced_mode_answers_as_it_was_asked(intake: Intake, accept: str, good: str | None, bad: str | None) -> None:
    for event, control, wanted, pid in (("A01", "1", good, PID), ("A08", "2", bad, PID.replace("MR", "XX"))):
        answer = intake.receive(message(msh(f"ADT^{event}", control, accept=accept), f"EVN||{local(NOW)}", pid, PV1))
        assert (code(answer) if answer is not None else None) == wanted


def test_a_fault_of_ours_is_kept_and_told_and_holds_nobody_up(app: Flask, here: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(hl7_intake.hl7_taking, "take", lambda *_, **__: [][0])
        assert code(here.receive(rde("1"))) == "AE"
    assert next(item.reason and item.reason.code for item in items(app)) == "hl7-internal"
    assert code(here.receive(rde("2", number="O2"))) == "AA"


@pytest.mark.parametrize("clash", [ConflictError("just now", remedy="again"), Clash("INSERT", {}, Exception("unique"))])
def test_a_stop_that_somebody_elses_write_kept_back_is_tried_again_and_not_for_ever(
    here: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch, clash: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise clash

    here.receive(rde("1"))
    here.receive(rde("2", number="O2"))
    with monkeypatch.context() as patched:
        patched.setattr(hl7_intake.hl7_taking, "take", fails)
        assert "waits" not in answered(here.receive(control_only("3", "DC", at=LATER)))
    clock.now += timedelta(seconds=10)
    assert here.settle_waiting() == 1
    assert status() is OrderStatus.STOPPED
    monkeypatch.setattr(hl7_intake.hl7_taking, "take", fails)
    assert code(here.receive(control_only("4", "DC", number="O2", at=LATER))) == "AA"
    for _ in range(8):
        clock.now += timedelta(minutes=1)
        here.settle_waiting()
    with reading(FEED) as tx:
        assert next(iter(incoming.listed(tx, source="hl7"))).state == REJECTED
    assert status("O2") is OrderStatus.STOPPED, "what could not be taken at last is not given all the same"


OTHER_NAME = PID.replace("Trần^Bình^Thị", "Nguyễn^Hoa^Thị")


@pytest.mark.parametrize(
    ("bad", "wanted"),
    [
        (rde("2", act="XO", at=LATER, more=["NTE|1||\\Q\\"]), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER, dose="\\Q\\||mg"), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER).replace("Bác sĩ".encode(), b"B\xe1c s\xff"), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER, pid=OTHER_NAME), OrderStatus.DRAFT),
        (rde("2", act="SC", at=LATER, status="??"), OrderStatus.DRAFT),
        (rde("2", act="XO", at=LATER, status="DC", pid=OTHER_NAME), OrderStatus.STOPPED),
        (control_only("2", "DC", at=LATER, pid=OTHER_NAME), OrderStatus.STOPPED),
        (control_only("2", "DC", at=NOW - timedelta(minutes=1), pid=OTHER_NAME), OrderStatus.STOPPED),
        (control_only("1", "DC", at=LATER), OrderStatus.STOPPED),  # a number that was used before
        (rde("2", act="XO", at=NOW - timedelta(minutes=1), pid=OTHER_NAME), OrderStatus.ACTIVE),
        (control_only("2", "RL", at=LATER, pid=OTHER_NAME), OrderStatus.ACTIVE),
        (rde("2", act="XO", at=LATER, pid=OTHER_NAME.replace("26-000123", "26-000999")), OrderStatus.ACTIVE),
    ],
)
def test_a_newer_message_that_cannot_be_taken_ends_the_use_of_the_order_that_it_speaks_of(
    here: Intake, bad: bytes, wanted: OrderStatus
) -> None:
    here.receive(rde("1"))
    here.receive(adt("A01", "B", pid=PID.replace("26-000123", "26-000999").replace("^^^BV1^MR~079158000123^^^VN^NI", "^^^BV1^MR"), at=NOW))
    assert code(here.receive(bad)) == "AE"
    found = the_order()
    assert found is not None
    assert found.order.status is wanted
    assert ("clarify-newer-version-unreadable" in found.order.clarification) == (wanted is OrderStatus.DRAFT)
    again = code(here.receive(rde("3", act="XO", at=LATER + timedelta(minutes=1))))
    assert (again, status()) == (("AE", OrderStatus.STOPPED) if wanted is OrderStatus.STOPPED else ("AA", OrderStatus.ACTIVE))


def test_an_order_that_a_person_placed_here_is_not_ended_by_a_message_that_cannot_be_read(here: Intake) -> None:
    here.receive(rde("1"))
    found = the_order()
    assert found is not None
    with transaction(FEED, at=NOW) as tx:
        order_verbs.receive(tx, replace(found.order, id="OWN", version=1), source="local")
    here.receive(control_only("2", "DC", number="OWN", at=LATER, pid=OTHER_NAME))
    assert status("OWN") is OrderStatus.ACTIVE


def test_a_ward_that_the_profile_does_not_know_is_told_with_where_to_write_it(here: Intake) -> None:
    answer = answered(here.receive(adt("A02", "1", pv1=PV1.replace("K01", "K99"))))
    assert "PV1^1^3" in answer
    assert "[wards]" in answer


def test_an_order_that_a_pharmacist_there_has_seen_is_verified_where_the_profile_says_so(app: Flask, clock: Clock) -> None:
    intake = an_intake(app, [replace(GENERAL, verified=True)], clock)
    intake.receive(adt("A01", "1", at=NOW - timedelta(hours=1)))
    intake.receive(rde("2"))
    found = the_order()
    assert found is not None
    assert found.verification is Verification.VERIFIED
    intake.receive(rde("3", number="O2", timing="TQ1|1||XYZ"))
    draft = the_order("O2")
    assert draft is not None
    assert draft.verification is Verification.PENDING


def test_the_list_says_that_the_feed_lives_and_forgets_what_was_settled_long_ago(app: Flask, here: Intake, clock: Clock) -> None:
    here.receive(rde("1", act="ZZ"))
    here.settle_waiting()
    with reading(FEED) as tx:
        (feed,) = incoming.feeds(tx, "hl7")
    assert feed.succeeded_at is not None
    clock.now += timedelta(days=91)
    here.settle_waiting()
    assert [item.state for item in items(app)] == [REJECTED]  # what is for a person stays


def test_a_listener_that_fell_silent_shows_as_behind(app: Flask, intake: Intake, clock: Clock) -> None:
    intake.settle_waiting()

    def late(after: timedelta) -> list[bool]:
        with reading(FEED, at=clock.now + after) as tx:
            return [lag.is_late for lag in incoming_verbs.lags(tx, FhirFeedConfig())]

    assert (late(timedelta(minutes=2)), late(timedelta(minutes=20)), late(timedelta(days=30))) == ([False], [True], [False])


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_a_pharmacist_reads_what_was_not_taken_and_has_it_tried_again(tmp_path: Path, clock: Clock, language: str) -> None:
    with ward_app(tmp_path) as app:
        stock(app)
        intake = an_intake(app, clock=clock)
        intake.receive(adt("A01", "1", at=NOW - timedelta(hours=1), pv1=PV1.replace("K01", "K99")))
        client = signed_in(app, PHARMACIST)
        post(client, "/language", client.get("/").get_data(as_text=True), language=language)
        page = client.get("/incoming/?state=rejected").get_data(as_text=True)
        assert {"vi": "Khoa “K99”", "en": "The ward", "fr": "L’unité « K99 »"}[language] in html.unescape(page)
        assert "K99" in page
        assert "[wards]" in page
        assert "(ADT^A01)" in page
        assert "hl7-ward" not in page
        item = items(app)[0].id
        shown = client.get(f"/incoming/{item}").get_data(as_text=True)
        assert "PV1|1|I|K99^101^2" in shown
        post(client, f"/incoming/{item}/decide", shown, decision="again")
        clock.now = datetime.now(UTC) + timedelta(minutes=1)
        intake.settle_waiting()
        assert items(app)[0].attempts == 2


def test_many_orders_of_somebody_who_is_not_here_are_not_all_tried_with_each_new_one(
    app: Flask, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    attempt = Intake._tried

    def counted(self: Intake, *arguments: object) -> object:
        tried.append(1)
        return attempt(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Intake, "_tried", counted)
    for number in range(12):
        intake.receive(rde(f"{number}", number=f"O{number}"))
    intake.receive(control_only("stop", "DC", number="O3", at=LATER))
    assert len(tried) <= 2 * 13
    intake.receive(adt("A01", "A", at=NOW - timedelta(hours=1)))
    assert set(states(app)) == {TAKEN}
    assert (status("O2"), status("O3")) == (OrderStatus.ACTIVE, OrderStatus.STOPPED)


def test_nobody_is_admitted_to_no_ward_and_a_cancelled_discharge_knows_the_bed(app: Flask, here: Intake) -> None:
    other = PID.replace("26-000123", "26-000555").replace("079158000123^^^VN^NI", "")
    answer = here.receive(adt("A01", "1", pid=other, pv1="PV1|1|I"))
    assert code(answer) == "AE"
    assert "PV1^1^3" in answered(answer)
    here.receive(adt("A03", "2", at=LATER, pv1="PV1|1|I"))
    assert code(here.receive(adt("A13", "3", at=LATER + timedelta(minutes=1), pv1="PV1|1|I"))) == "AA"
    assert (patient().status, patient().ward, patient().bed) == (PatientStatus.ADMITTED, "NOI-TH", "101-2")
