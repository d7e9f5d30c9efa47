"""The patient's drawer and no other, what the dose says of it, and drawers that are opened without a patient."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.condition import PinGuard
from cart_client.drawer_watch import DrawersHeard
from cart_client.inbox import Link
from cart_client.screen import DrawerTold
from cart_client.web.app import create_app
from devices.ports import DrawerOutcome, DrawersTold
from pointofcare.errors import DeviceUnavailableError, OutcomeUnknownError
from pointofcare.fleet import drawers
from pointofcare.fleet.drawer_access import CONTROLLED, DrawerPolicy, DrawerRule
from pointofcare.fleet.drawers import Happening
from pointofcare.wire.messages import AdministrationRecorded, TableKind
from pointofcare.wire.tables import StaffRosterBody
from tests.support.cart_ward import AMOX, CART, PIN, Stand, a_table, badge, band, chart_body, issued, pack, staff

RULES = DrawerPolicy(
    rules=(DrawerRule(role="nurse"), DrawerRule(role="nurse", kind=CONTROLLED, two_people=True)), open_min=5, controlled={CART: (7,)}
)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def in_hand(stand: Stand) -> str:
    stand.sign_in()
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    return str(stand.view.session.record_id)


def charted(stand: Stand) -> tuple[int | None, str | None]:
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)
    bodies = [entry.message.body for entry in stand.journal.unsent(limit=1000)]
    (record,) = [body.record for body in bodies if isinstance(body, AdministrationRecorded)]
    return record.drawer, record.drawer_evidence


def events(stand: Stand, kind: str) -> list[dict[str, object]]:
    return [dict(event.details) for event in stand.journal.events(limit=100) if event.kind == kind]


def told(stand: Stand, *happened: tuple[str, int, float, str], connected: bool = True) -> None:
    story = tuple(
        Happening(epoch="r", seq=number, kind=kind, at=stand.clock.at + timedelta(seconds=after), drawer=drawer, command=command)
        for number, (kind, drawer, after, command) in enumerate(happened, 1)
    )
    open_now = tuple(drawers.open_now(story))
    stand.put(
        DrawersHeard(told=DrawersTold(run="r", upto=len(story), at=stand.clock.at, connected=connected, open=open_now, happened=story))
    )


def ruled(stand: Stand, policy: DrawerPolicy | None = RULES, **ended: object) -> None:
    people = tuple(replace(one, **ended) if one.id == "N1" else one for one in staff())  # type: ignore[arg-type]
    table = a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=people, drawers=policy), version=5)
    assert stand.chart.take(issued(table), stand.clock.at)


def test_this_carts_own_drawer_of_the_patient_opens_and_no_other_carts(stand: Stand) -> None:
    body = replace(chart_body(), drawers={}, cart_drawers={"another": {"P1": 9, "P2": 3}, CART: {"P1": 5, "P2": 6}})
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=9)), stand.clock.at)
    record = in_hand(stand)
    assert stand.drawers.unlocked == [(5, record)]


def test_a_number_for_every_cart_that_this_cart_gave_to_somebody_else_opens_nothing(stand: Stand) -> None:
    ward = chart_body().ward
    body = replace(chart_body(), drawers={}, cart_drawers={f"*{ward}": {"P1": 6}, CART: {"P2": 6}})
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=9)), stand.clock.at)
    in_hand(stand)
    assert stand.drawers.unlocked == []


def test_a_number_for_every_cart_that_this_cart_holds_for_another_ward_opens_nothing(stand: Stand) -> None:
    ward = chart_body().ward
    body = replace(chart_body(), drawers={}, cart_drawers={f"*{ward}": {"P1": 6}, CART: {"*6": 6}})
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, body, version=9)), stand.clock.at)
    in_hand(stand)
    assert stand.drawers.unlocked == []


def test_a_dose_says_that_its_drawer_was_seen_to_open(stand: Stand) -> None:
    record = in_hand(stand)
    told(stand, (drawers.ASKED, 3, 0, record), (drawers.OPENED, 3, 1, ""))
    assert charted(stand) == (3, "opened")


def test_a_dose_with_no_opening_says_only_that_it_was_unlocked(stand: Stand) -> None:
    record = in_hand(stand)
    told(stand, (drawers.ASKED, 3, 0, record), (drawers.OPENED, 4, 1, ""))
    assert charted(stand) == (3, "unlocked")


@pytest.mark.parametrize(
    ("fault", "outcome", "says"),
    [
        (DeviceUnavailableError("no cable"), DrawerOutcome.UNLOCKED, "unavailable"),
        (OutcomeUnknownError("no answer"), DrawerOutcome.UNLOCKED, "outcome-unknown"),
        (None, DrawerOutcome.REFUSED, "refused"),
    ],
)
def test_a_lock_that_gives_no_evidence_holds_no_dose_up_and_the_dose_says_so(
    stand: Stand, fault: Exception | None, outcome: DrawerOutcome, says: str
) -> None:
    stand.drawers.fault, stand.drawers.outcome = fault, outcome
    in_hand(stand)
    assert charted(stand) == (3, says)


def test_what_a_drawer_did_is_never_told_during_a_dose(stand: Stand) -> None:
    told(stand, (drawers.OPENED, 8, 0, ""))
    assert [one.code.value for one in stand.view.drawer_findings] == ["opened-without-scan"]
    in_hand(stand)
    assert stand.view.drawer_findings == ()
    charted(stand)


def test_a_nurse_says_that_she_saw_it_and_nobody_who_is_not_signed_in_does(stand: Stand) -> None:
    told(stand, (drawers.OPENED, 8, 0, ""))
    key = stand.view.drawer_findings[0].key
    assert not stand.press(inbox.ReadDrawer, key=key).done
    stand.sign_in()
    assert stand.press(inbox.ReadDrawer, key=key).done
    assert stand.view.drawer_findings == ()


def test_a_drawer_is_opened_without_a_patient_by_rule_offline_and_written_down_first(tmp_path: Path) -> None:
    stand = Stand(tmp_path, link=Link.OFFLINE)
    ruled(stand)
    stand.sign_in()
    assert stand.press(inbox.OpenDrawer, drawer="2", purpose="restock").done
    ((drawer, command),) = stand.drawers.unlocked
    assert drawer == 2
    assert command.startswith("access-")
    assert events(stand, "drawer-access") == [{"staff": "N1", "drawer": 2, "purpose": "restock", "command": command}]


@pytest.mark.parametrize(
    ("policy", "fields", "notice"),
    [
        (None, {"drawer": "2", "purpose": "restock"}, "drawer-no-rules"),
        (RULES, {"drawer": "2", "purpose": ""}, "reason-missing"),
        (RULES, {"drawer": "two", "purpose": "count"}, "drawer-which"),
        (RULES, {"drawer": "65", "purpose": "count"}, "drawer-no-such-drawer"),
        (RULES, {"drawer": "7", "purpose": "count"}, "drawer-two-people"),
        (RULES, {"drawer": "7", "purpose": "count", "second_badge": "N1", "second_pin": PIN}, "witness-same"),
        (RULES, {"drawer": "7", "purpose": "count", "second_badge": "N2", "second_pin": "000000"}, "pin-wrong"),
        (RULES, {"drawer": "7", "purpose": "count", "second_badge": "C1", "second_pin": PIN}, "drawer-second-not-allowed"),
        (DrawerPolicy(rules=(DrawerRule(role="pharmacist"),)), {"drawer": "2", "purpose": "count"}, "drawer-not-your-drawer"),
    ],
)
def test_nobody_opens_what_no_rule_gives_them(stand: Stand, policy: DrawerPolicy | None, fields: dict[str, str], notice: str) -> None:
    ruled(stand, policy)
    stand.sign_in()
    assert stand.press(inbox.OpenDrawer, **fields).notice == notice
    assert stand.drawers.unlocked == []


def test_two_people_open_a_drawer_with_controlled_drugs(stand: Stand) -> None:
    ruled(stand)
    stand.sign_in()
    assert stand.press(inbox.OpenDrawer, drawer="7", purpose="count", second_badge="N2", second_pin=PIN).done
    assert events(stand, "drawer-access")[0]["second"] == "N2"
    assert len(stand.drawers.unlocked) == 1


def test_no_drawer_is_opened_that_way_before_sign_in_or_beside_a_patient(stand: Stand) -> None:
    ruled(stand)
    assert not stand.press(inbox.OpenDrawer, drawer="2", purpose="count").done
    stand.sign_in()
    stand.hold(band("P1"))
    assert not stand.press(inbox.OpenDrawer, drawer="2", purpose="count").done
    assert stand.drawers.unlocked == []


@pytest.mark.parametrize("late", [f"{drawers.ACCESS}before", "00000000-0000-4000-8000-00000000dead"])
def test_a_late_word_on_another_drawer_takes_nothing_from_the_dose_in_hand(stand: Stand, late: str) -> None:
    record = in_hand(stand)
    stand.put(DrawerTold(record_id=late, drawer=8, outcome="outcome-unknown"))
    assert events(stand, "drawer-outcome-unknown")[0]["drawer"] == 8
    shown = stand.view.drawer
    assert shown is not None
    assert (shown.record_id, shown.drawer, shown.outcome) == (record, 3, "unlocked")
    assert charted(stand) == (3, "unlocked")


def test_a_pin_that_has_ended_signs_nobody_in(stand: Stand) -> None:
    ruled(stand, pin_until=stand.clock.at - timedelta(minutes=1))
    stand.hold(badge("N1"))
    assert stand.press(inbox.EnterPin, pin=PIN).notice == "pin-ended"
    assert stand.state == "badge"


def test_a_manager_ends_a_pause_of_before_and_of_no_later_tries(stand: Stand) -> None:
    stand.hold(badge("N1"))
    for _ in range(5):
        stand.press(inbox.EnterPin, pin="000000")
    assert stand.press(inbox.EnterPin, pin=PIN).notice == "pin-paused"
    ruled(stand, pin_cleared_at=stand.clock.at - timedelta(minutes=1))
    assert stand.press(inbox.EnterPin, pin=PIN).notice == "pin-paused"
    people = tuple(replace(one, pin_cleared_at=stand.clock.at + timedelta(seconds=1)) if one.id == "N1" else one for one in staff())
    stand.chart.take(issued(a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=people), version=6)), stand.clock.at)
    assert stand.press(inbox.EnterPin, pin=PIN).done


def test_a_pause_that_was_ended_gives_one_more_round_of_tries_on_a_cart_whose_clock_is_behind(stand: Stand) -> None:
    stand.hold(badge("N1"))
    for _ in range(5):
        stand.press(inbox.EnterPin, pin="000000")
    ended_at = stand.clock.at + timedelta(hours=1)
    people = tuple(replace(one, pin_cleared_at=ended_at) if one.id == "N1" else one for one in staff())
    stand.chart.take(issued(a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=people), version=6)), stand.clock.at)
    assert [stand.press(inbox.EnterPin, pin="000000").notice for _ in range(6)] == ["pin-wrong"] * 5 + ["pin-paused"]
    again = PinGuard(lambda: 0.0, stand.journal, stand.clock.at)  # the program was started anew
    again.cleared("N1", ended_at, stand.clock.at)
    assert again.paused_s("N1") > 0
    stand.clock.pass_by(timedelta(seconds=61))
    assert stand.press(inbox.EnterPin, pin=PIN).done, "it still ends by itself"


def test_an_ended_pause_of_the_second_person_at_a_drawer_is_over_too(stand: Stand) -> None:
    ruled(stand)
    stand.sign_in()
    twice = {"drawer": "7", "purpose": "count", "second_badge": "N2"}
    for _ in range(5):
        stand.press(inbox.OpenDrawer, second_pin="000000", **twice)
    assert stand.press(inbox.OpenDrawer, second_pin=PIN, **twice).notice == "pin-paused"
    people = tuple(replace(one, pin_cleared_at=stand.clock.at + timedelta(seconds=1)) if one.id == "N2" else one for one in staff())
    stand.chart.take(issued(a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=people, drawers=RULES), version=6)), stand.clock.at)
    assert stand.press(inbox.OpenDrawer, second_pin=PIN, **twice).done


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_the_screen_says_it_in_every_language_and_never_shows_what_was_typed(stand: Stand, language: str) -> None:
    ruled(stand)
    app = create_app(view=lambda: stand.view, ask=lambda command: stand.press(lambda **_: command), jpeg=lambda: None, names=dict)
    client = app.test_client()
    client.set_cookie("language", language)
    told(stand, (drawers.OPENED, 8, 0, ""), (drawers.ASKED, 2, 5, "rec"), (drawers.OPENED, 4, 6, ""), (drawers.EVENTS_LOST, 1, 9, ""))
    stand.sign_in()
    shown = client.get("/").text
    assert shown.count("read-drawer") == 3 * 2, "a form and its address each"
    assert "open-drawer" in shown
    assert "drawer-told-" not in shown.replace('class="drawer-told"', "").replace("drawers.css", "")
