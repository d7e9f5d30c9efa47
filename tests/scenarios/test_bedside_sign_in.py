"""Who is at the cart: guesses at a PIN that survive a restart, and a cart that locks itself with a dose in hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.scanning import Seen
from tests.support.cart_ward import AMOX, PIN, Stand, badge, band, pack


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    yield made
    made.journal.close()


def restarted(stand: Stand, folder: Path) -> Stand:
    stand.journal.close()
    stand.chart.close()
    return Stand(folder, clock=stand.clock)


def guess(stand: Stand, times: int) -> str:
    notice = ""
    for _ in range(times):
        notice = stand.press(inbox.EnterPin, pin="0000").notice
    return notice


def notes(stand: Stand, kind: str) -> list[dict[str, object]]:
    return [dict(event.details) for event in stand.journal.events() if event.kind == kind]


def test_wrong_pins_are_counted_over_a_restart(stand: Stand, tmp_path: Path) -> None:
    stand.hold(badge("N1"))
    guess(stand, 4)
    again = restarted(stand, tmp_path)
    again.hold(badge("N1"))
    assert guess(again, 1) == "pin-wrong"
    assert again.press(inbox.EnterPin, pin=PIN).notice == "pin-paused"
    once_more = restarted(again, tmp_path)
    once_more.hold(badge("N1"))
    assert once_more.press(inbox.EnterPin, pin=PIN).notice == "pin-paused"
    once_more.clock.pass_by(timedelta(seconds=61))
    assert once_more.press(inbox.EnterPin, pin=PIN).done
    once_more.journal.close()


def test_a_pause_doubles_ends_by_itself_and_is_a_quarter_of_an_hour_at_most(stand: Stand) -> None:
    stand.hold(badge("N1"))
    guess(stand, 5)
    waited = []
    for _ in range(6):
        waited.append(round(stand.bedside.visit.pins.paused_s(str(stand.bedside.visit.session.badge))))
        stand.clock.pass_by(timedelta(seconds=waited[-1] + 1))
        stand.hold(badge("N1"))
        guess(stand, 1)
    assert waited == [60, 120, 240, 480, 900, 900]


def test_a_pause_is_of_one_badge_and_a_right_pin_ends_the_count(stand: Stand) -> None:
    stand.hold(badge("N1"))
    guess(stand, 5)
    stand.sign_in("N2")
    assert stand.state == "signed-in"
    stand.press(inbox.SignOut)
    stand.clock.pass_by(timedelta(seconds=61))
    stand.sign_in("N1")
    assert stand.state == "signed-in"
    stand.press(inbox.SignOut)
    stand.hold(badge("N1"))
    assert guess(stand, 4) == "pin-wrong"
    assert stand.press(inbox.EnterPin, pin=PIN).done


def test_the_server_is_told_of_a_pause_with_the_person_and_never_the_pin(stand: Stand) -> None:
    stand.hold(badge("N1"))
    guess(stand, 5)
    assert notes(stand, "pin-locked") == [{"staff": "N1", "wrong": 5, "pause_s": 60}]
    assert "0000" not in str([event.details for event in stand.journal.events()])


@pytest.mark.parametrize("hours", [-3, -30, 30])
def test_a_clock_that_was_set_makes_no_pause_longer_than_it_is(stand: Stand, tmp_path: Path, hours: int) -> None:
    stand.hold(badge("N1"))
    guess(stand, 6)
    stand.clock.at += timedelta(hours=hours)
    again = restarted(stand, tmp_path)
    assert again.bedside.visit.pins.paused_s(str(stand.bedside.visit.session.badge)) <= 120
    again.journal.close()


def test_a_cart_that_locks_with_a_dose_in_hand_shows_nobody_and_keeps_the_dose_for_its_nurse(stand: Stand) -> None:
    stand.sign_in("N1")
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    stand.clock.pass_by(timedelta(minutes=6))
    stand.put(inbox.Tick())
    assert (stand.state, stand.view.notice) == ("idle", "locked-dose-open")
    assert (stand.view.patient, stand.view.opened, stand.view.dues) == (None, (), ())
    stand.sign_in("N1")
    opened = stand.view.opened[0]
    stand.press(inbox.ResolveOpen, record_id=opened.record_id, given=True, reason="battery", reason_text="")
    assert stand.view.opened == ()
    assert stand.journal.entry(opened.record_id) is not None


def test_a_shorter_idle_lock_of_this_cart_locks_nobody_out_of_a_dose(tmp_path: Path) -> None:
    stand = Stand(tmp_path, idle_lock_s=120)
    stand.sign_in("N1")
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    stand.clock.pass_by(timedelta(minutes=3))  # an injection is given slowly
    stand.put(inbox.Tick())
    assert stand.state == "giving"
    assert stand.press(inbox.Confirm, record_id=stand.view.session.record_id).done
    stand.clock.pass_by(timedelta(minutes=3))
    stand.put(inbox.Tick())
    assert (stand.state, stand.view.notice) == ("idle", "signed-out-idle")
    stand.journal.close()


def test_an_end_that_was_given_up_never_happens_later(stand: Stand) -> None:
    loop = stand.bedside
    assert loop.end_when_idle(within_s=0.01) is False  # the loop has no time for it
    loop.inbox.put(Seen(symbol=badge("N1"), at=stand.clock.at))
    loop.inbox.put(inbox.Halt())
    loop.run()
    assert stand.state == "badge"


def test_the_loop_ends_for_a_restart_only_where_nobody_is_in(stand: Stand) -> None:
    stand.sign_in("N1")
    loop = threading.Thread(target=stand.bedside.run, daemon=True)
    loop.start()
    assert stand.bedside.end_when_idle() is False
    assert stand.bedside.ask(inbox.SignOut(moment=stand.view.moment)).done
    assert stand.bedside.end_when_idle() is True
    loop.join(10)
    assert not loop.is_alive()


def test_another_nurse_takes_the_locked_cart_over_and_cannot_tell_of_the_first_ones_dose(stand: Stand) -> None:
    stand.sign_in("N1")
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    stand.clock.pass_by(timedelta(minutes=6))
    stand.put(inbox.Tick())
    stand.sign_in("N2")
    opened = stand.view.opened[0]
    assert (
        stand.press(inbox.ResolveOpen, record_id=opened.record_id, given=True, reason="battery", reason_text="").notice == "only-the-giver"
    )
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX, lot="B"))
    assert (stand.state, stand.view.notice) == ("stopped", "open-dose-first")  # nor give it a second time
    stand.press(inbox.SignOut)
    stand.sign_in("C1")
    assert stand.press(inbox.ResolveOpen, record_id=opened.record_id, given=False, reason="battery", reason_text="").done
