"""An infusion from its bag to its end, as the nurse does it at the cart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.journal import Journal
from cart_client.web.words import Words
from pointofcare.errors import JournalError
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.wire.messages import TableKind
from tests.support.cart_care import BAG, a_ward, at_patient, care_body, confirm, give_tables, policy, records, the_bag
from tests.support.cart_ward import PIN, Stand, a_table, badge, band, issued, q


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return a_ward(tmp_path, policy(blind_for_calculated=False))


def started(stand: Stand) -> str:
    at_patient(stand)
    stand.hold(the_bag())
    stand.press(inbox.SetRate, rate="83", unit="mL/h")
    confirm(stand)
    return str(records(stand)[-1].record_id)


def test_a_bag_is_started_only_at_a_rate_that_was_said(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(the_bag())
    assert (stand.state, stand.view.session.intent.action.value, records(stand)) == ("awaiting-rate", "start", [])
    stand.press(inbox.SetRate, rate="83", unit="mL/h")
    assert (stand.rules, stand.state) == ([], "giving")
    confirm(stand)
    (record,) = records(stand)
    assert (record.action, record.status, record.order, record.bag, record.rate) == ("start", "in-progress", "I1", BAG, q("83 mL/h"))
    assert record.drop_factor is None
    (shown,) = stand.view.care.infusions
    assert (shown.run.bag, shown.run.rate, shown.run.paused) == (BAG, q("83 mL/h"), False)


def test_counted_drops_go_on_record_as_the_flow_that_they_make(stand: Stand) -> None:
    at_patient(stand)
    stand.hold(the_bag())
    stand.press(inbox.SetRate, drops="28", drop_factor="20")
    assert stand.state == "giving", stand.rules
    confirm(stand)
    (record,) = records(stand)
    assert (record.rate, record.drop_factor) == (q("84 mL/h"), 20)


@pytest.mark.parametrize(("rate", "state"), [("830", "stopped"), ("830 mL/h", "stopped"), ("8.3", "awaiting-reason")])
def test_a_rate_ten_times_off_is_not_let_through(stand: Stand, rate: str, state: str) -> None:
    at_patient(stand)
    stand.hold(the_bag())
    stand.press(inbox.SetRate, rate=rate, unit="mL/h")
    assert (stand.state, "I5" in stand.rules) == (state, True)
    stand.press(inbox.SetRate, rate="83", unit="mL/h")
    assert stand.state == "giving"


@pytest.mark.parametrize("wrong", [{"rate": "abc"}, {"rate": "0"}, {"rate": "-5"}, {"rate": "83", "drops": "20"}, {}, {"drops": "20"},
                                   {"drops": "2.5", "drop_factor": "20"}])  # fmt: skip
def test_what_is_no_rate_changes_nothing(stand: Stand, wrong: dict[str, str]) -> None:
    at_patient(stand)
    stand.hold(the_bag())
    stand.press(inbox.SetRate, **wrong)
    assert (stand.view.notice, stand.state) == ("rate-unreadable", "awaiting-rate")


def test_the_rate_of_a_running_infusion_is_changed_on_its_own_record(stand: Stand) -> None:
    start = started(stand)
    stand.clock.pass_by(timedelta(hours=1))
    stand.put(inbox.Tick())
    stand.sign_in()
    at_band(stand)
    stand.press(inbox.BeginAct, act="rate", record_id=start)
    assert stand.state == "awaiting-rate"
    stand.press(inbox.SetRate, rate="100", unit="mL/h")
    assert (stand.rules, stand.state) == ([], "giving")
    confirm(stand)
    changed = records(stand)[-1]
    assert (changed.action, changed.status, changed.continues, changed.rate, changed.order) == (
        "rate", "in-progress", start, q("100 mL/h"), "I1",
    )  # fmt: skip
    (shown,) = stand.view.care.infusions
    assert (shown.run.record_id, shown.run.rate, shown.given) == (start, q("100 mL/h"), q("83 mL"))


def at_band(stand: Stand) -> None:
    stand.hold(band("P1"))
    stand.lease("P1")


def test_an_infusion_is_paused_and_goes_on_when_its_bag_is_scanned_again(stand: Stand) -> None:
    start = started(stand)
    stand.press(inbox.BeginAct, act="pause", record_id=start, reason="procedure")
    assert stand.state == "giving", stand.rules
    confirm(stand)
    paused = records(stand)[-1]
    assert (paused.action, paused.status, paused.continues, paused.status_reason) == ("hold", "on-hold", start, "procedure")
    assert stand.view.care.infusions[0].run.paused
    stand.hold(the_bag())
    assert stand.state == "awaiting-rate", stand.rules
    stand.press(inbox.SetRate, rate="83", unit="mL/h")
    assert stand.state in ("giving", "warned", "awaiting-reason"), stand.rules
    if stand.state == "warned":
        stand.press(inbox.Acknowledge)
    confirm(stand)
    resumed = records(stand)[-1]
    assert (resumed.action, resumed.status, resumed.continues) == ("start", "in-progress", start)
    (shown,) = stand.view.care.infusions
    assert (shown.run.record_id, shown.run.paused) == (start, False)


def test_an_infusion_ends_with_the_amount_that_ran_in(stand: Stand) -> None:
    start = started(stand)
    stand.press(inbox.BeginAct, act="stop", record_id=start, amount="200", reason="prescriber-confirmed")
    assert stand.state == "giving", stand.rules
    confirm(stand)
    ended = records(stand)[-1]
    assert (ended.action, ended.status, ended.dose, ended.continues) == ("stop", "stopped", q("200 mL"), start)
    assert stand.view.care.infusions == ()


def test_no_more_can_have_run_in_than_the_bag_held(stand: Stand) -> None:
    start = started(stand)
    for act in ("stop", "complete"):
        stand.press(inbox.BeginAct, act=act, record_id=start, amount="5000 mL", reason="prescriber-confirmed")
        assert (stand.view.notice, stand.view.notice_params["volume"]) == ("amount-over-bag", "500 mL")
    assert len(records(stand)) == 1
    stand.press(inbox.BeginAct, act="complete", record_id=start, amount="520 mL")  # bags are filled a little over
    assert stand.state == "giving", stand.rules


def test_the_screen_of_an_act_tells_the_rate_at_which_it_runs_now(stand: Stand) -> None:
    start = started(stand)
    stand.press(inbox.BeginAct, act="rate", record_id=start)
    stand.press(inbox.SetRate, rate="100", unit="mL/h")
    confirm(stand)
    stand.press(inbox.BeginAct, act="pause", record_id=start, reason="prescriber-confirmed")
    assert stand.state == "giving", stand.rules
    assert Words("en", stand.view, dict).rate_before() == "100 mL/h"


@pytest.mark.parametrize(("language", "word"), [("vi", "ĐÃ TRUYỀN TIẾP"), ("en", "RUNNING AGAIN"), ("fr", "REPRISE DE LA PERFUSION")])
def test_an_infusion_that_goes_on_is_not_said_to_be_started(stand: Stand, language: str, word: str) -> None:
    start = started(stand)
    stand.press(inbox.BeginAct, act="pause", record_id=start, reason="prescriber-confirmed")
    confirm(stand)
    stand.hold(the_bag())
    stand.press(inbox.SetRate, rate="83", unit="mL/h")
    confirm(stand)
    words = Words(language, stand.view, dict)
    assert words.done_word(records(stand)[-1]) == word != words.done_word(records(stand)[0])


def test_a_paused_infusion_can_be_ended(stand: Stand) -> None:
    start = started(stand)
    stand.press(inbox.BeginAct, act="pause", record_id=start, reason="procedure")
    confirm(stand)
    stand.press(inbox.BeginAct, act="stop", record_id=start, amount="10", reason="prescriber-confirmed")
    assert stand.state == "giving", stand.rules
    confirm(stand)
    assert [(record.action, record.status) for record in records(stand)][-1] == ("stop", "stopped")
    assert stand.view.care.infusions == ()


def test_an_infusion_that_ran_in_is_complete(stand: Stand) -> None:
    start = started(stand)
    stand.press(inbox.BeginAct, act="complete", record_id=start, amount="500 mL")
    assert stand.state == "giving", stand.rules
    confirm(stand)
    ended = records(stand)[-1]
    assert (ended.action, ended.status, ended.dose) == ("stop", "completed", q("500 mL"))


def test_a_change_that_was_verified_and_not_done_leaves_nothing_open(stand: Stand) -> None:
    start = started(stand)
    stand.press(inbox.BeginAct, act="rate", record_id=start)
    stand.press(inbox.SetRate, rate="100", unit="mL/h")
    assert len(stand.journal.open_doses()) == 1
    stand.press(inbox.DropAct)
    assert (stand.state, stand.journal.open_doses()) == ("patient", ())
    assert [record.action for record in records(stand)] == ["start"]


def test_an_act_on_a_record_that_is_not_on_the_screen_does_nothing(stand: Stand) -> None:
    started(stand)
    for act in inbox.ACTS:
        stand.press(inbox.BeginAct, act=act, record_id="rec-of-somebody", reason="procedure", effect="relieved")
        assert (stand.view.notice, stand.state) == ("out-of-date", "concluded")


def test_the_witness_works_the_rate_out_without_seeing_it(tmp_path: Path) -> None:
    stand = a_ward(tmp_path, policy())
    at_patient(stand)
    stand.hold(the_bag())
    stand.press(inbox.SetRate, rate="83", unit="mL/h")
    assert stand.state == "awaiting-witness"
    stand.hold(badge("N2"))
    stand.press(inbox.EnterPin, pin=PIN)
    assert (stand.state, stand.view.session.intent.witness) == ("awaiting-blind", None)
    stand.press(inbox.EnterBlind, value="8.3 mL/h")
    assert (stand.state, "H5" in stand.rules) == ("stopped", True)
    stand.press(inbox.CalculateAgain)
    assert stand.state == "awaiting-witness"
    stand.hold(badge("N2"))
    stand.press(inbox.EnterPin, pin=PIN)
    stand.press(inbox.EnterBlind, value="83 mL/h")
    assert stand.state == "giving", stand.rules
    confirm(stand)
    (record,) = records(stand)
    assert (record.witness, record.blind_value, record.rate) == ("N2", q("83 mL/h"), q("83 mL/h"))


@pytest.mark.parametrize("act", ["start", "rate"])
def test_power_lost_between_journal_and_screen_keeps_the_one_record(tmp_path: Path, act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the disk has it and before the screen says so: after the restart it is there, once, and runs."""
    stand = a_ward(tmp_path, policy(blind_for_calculated=False))
    if act == "start":
        at_patient(stand)
        stand.hold(the_bag())
        stand.press(inbox.SetRate, rate="83", unit="mL/h")
    else:
        start = started(stand)
        stand.press(inbox.BeginAct, act="rate", record_id=start)
        stand.press(inbox.SetRate, rate="100", unit="mL/h")

    class Killed(BaseException):
        pass

    whole = Journal.append

    def append(self: Journal, *args: object, **more: object) -> object:
        whole(self, *args, **more)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(Journal, "append", append)
    with pytest.raises(Killed):
        confirm(stand)
    monkeypatch.undo()
    assert stand.state == "giving"  # the screen never said so
    stand.journal.close()
    stand.chart.close()
    again = Stand(tmp_path, full=False)
    give_tables(again)
    assert [record.action for record in records(again)] == (["start"] if act == "start" else ["start", "rate"])
    assert again.journal.open_doses() == ()
    at_patient(again)
    (shown,) = again.view.care.infusions
    assert shown.run.rate == q("83 mL/h" if act == "start" else "100 mL/h")
    assert again.view.recorded[0].record.action == act


def test_nothing_runs_on_the_screen_that_the_journal_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = a_ward(tmp_path, policy(blind_for_calculated=False))
    at_patient(stand)
    stand.hold(the_bag())
    stand.press(inbox.SetRate, rate="83", unit="mL/h")

    def append(self: Journal, *_args: object, **_more: object) -> object:
        raise JournalError("no", remedy="", why="disk-full")

    monkeypatch.setattr(Journal, "append", append)
    confirm(stand)
    assert (stand.state, stand.view.notice, stand.view.care.infusions) == ("giving", "journal-disk-full", ())


def test_what_runs_by_the_chart_and_by_this_cart_is_one_infusion(stand: Stand) -> None:
    """The chart comes back with the start that this cart had sent: still one."""
    start = started(stand)
    entry = HistoryEntry(order="I1", patient="P1", status="in-progress", at=stand.clock.at, record_id=start, action="start", bag=BAG,
                         rate=q("83 mL/h"))  # fmt: skip
    table = a_table(TableKind.PATIENT_CHART, replace(care_body(), history=(*care_body().history, entry)), version=3)
    stand.chart.take(issued(table), stand.clock.at)
    stand.put(inbox.TablesChanged(kind="patient-chart"))
    assert [one.run.record_id for one in stand.view.care.infusions] == [start]
