"""How much of a journal is under way at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cart_client import uplink
from cart_client.chart import Chart
from cart_client.journal import Journal
from cart_client.uplink import ONE_MORE_EACH_S, RESEND_OTHERS_S, SENT_AT_ONCE, Uplink
from devices.broker import BrokerConfig
from pointofcare.wire.messages import Command, Message
from pointofcare.wire.routes import Route
from tests.integration.test_cart_journal import a_record
from tests.support.cart_ward import FACILITY, PUBLIC, WARD

QUEUED = 30
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Line:
    """An uplink that publishes into a list, without a broker or a thread."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[str] = []
        self.journal = Journal(folder / "journal.sqlite", cart="c1")
        self.chart = Chart(folder / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC)
        self.uplink = Uplink(
            BrokerConfig(host="127.0.0.1", port=1, client_id="c1"),
            cart="c1",
            facility=FACILITY,
            ward=WARD,
            chart=self.chart,
            journal=self.journal,
            tell=lambda _told: None,
            versions={},
            backoff_first_s=2.0,
        )
        self.uplink._publish = self._publish  # type: ignore[method-assign]
        for number in range(QUEUED):
            self.journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")

    def _publish(self, _route: Route, message: Message, **_levels: str) -> bool:
        self.sent.append(message.id)
        return True

    def drain(self, mono_s: float) -> list[str]:
        self.sent.clear()
        self.uplink._drain(mono_s)
        return list(self.sent)

    def receive(self, number: int) -> None:
        self.journal.settle(f"r-{number}", at=NOW, duplicate=False, discrepancies=0)
        self.uplink._overtaken_by(self.uplink._sending.pop(f"r-{number}", None))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    made.uplink._trip_s = SENT_AT_ONCE * ONE_MORE_EACH_S  # a slow line; the first test has a quick one
    yield made
    made.journal.close()
    made.chart.close()


def test_on_a_line_that_answers_at_once_one_is_sent_at_a_time_so_that_others_get_their_turn(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.uplink._trip_s = 0.0
    for number in range(QUEUED - 1):
        sent_s = 100.0 + number / 10
        assert line.drain(sent_s) == [f"m-{number}"]
        assert line.drain(sent_s + 0.01) == []
        monkeypatch.setattr(uplink.time, "monotonic", lambda sent_s=sent_s: sent_s + 0.02)
        line.receive(number)


def test_on_a_line_with_a_long_way_more_are_under_way(line: Line) -> None:
    for trip_s, at_once in ((0.049, 1), (0.051, 2), (0.16, 4), (60.0, SENT_AT_ONCE)):
        line.uplink._trip_s, line.uplink._sending = trip_s, {}
        assert len(line.drain(100.0)) == at_once


def test_few_are_sent_at_once_in_order_and_each_receipt_lets_one_follow(line: Line) -> None:
    assert line.drain(100.0) == [f"m-{number}" for number in range(SENT_AT_ONCE)]
    assert line.drain(100.1) == []
    line.receive(0)
    assert line.drain(100.2) == [f"m-{SENT_AT_ONCE}"]
    line.receive(2)
    line.receive(3)
    assert line.drain(100.3) == [f"m-{SENT_AT_ONCE + 1}", f"m-{SENT_AT_ONCE + 2}"]


def test_every_record_of_the_journal_is_sent_once_when_each_gets_its_receipt(line: Line) -> None:
    sent: list[str] = []
    for step in range(QUEUED):
        sent += line.drain(100.0 + step / 10)
        line.receive(step)
    assert sent == [f"m-{number}" for number in range(QUEUED)]
    assert line.drain(200.0) == []


def test_what_got_lost_is_sent_again_before_anything_new_so_that_the_order_holds(line: Line) -> None:
    line.drain(100.0)
    assert line.drain(103.0) == ["m-0"]
    line.receive(0)
    assert line.drain(103.1) == ["m-1"]
    line.receive(1)
    line.receive(2)
    assert line.drain(103.2)[0] == "m-3"


def test_the_oldest_is_sent_again_after_its_pause_though_the_window_is_full(line: Line) -> None:
    line.drain(100.0)
    line.receive(1)
    assert "m-0" in [*line.drain(101.9), *line.drain(102.6)]  # the pause is spread
    assert RESEND_OTHERS_S > uplink.RESEND_FIRST_S


def test_a_row_behind_which_others_got_their_receipt_is_sent_again_at_once(line: Line) -> None:
    line.drain(100.0)
    line.receive(0)
    line.drain(100.1)  # m-4
    line.receive(4)  # so 1 to 3, sent before it, did not arrive
    assert line.drain(100.2)[:3] == ["m-1", "m-2", "m-3"]
    assert not {"m-1", "m-2", "m-3"} & set(line.drain(100.3))


def test_the_receipt_of_a_row_that_was_sent_twice_says_nothing_of_others(line: Line) -> None:
    line.drain(100.0)
    line.drain(102.6)  # m-0 again
    line.receive(0)
    assert line.drain(102.7) == ["m-1"]  # because it is the oldest now


def test_what_never_had_a_receipt_is_not_sent_once_more_because_the_server_misses_it(line: Line) -> None:
    line.drain(100.0)
    line.receive(0)
    line.sent.clear()
    ranges = [[1, QUEUED]]
    command = Command(name="resend-records", for_sid="s", by="server", params={"epoch": line.journal.epoch, "ranges": ranges})
    line.uplink._resend(command)
    assert line.sent == ["m-0"]  # the server had it and forgot it


def test_a_look_at_what_waits_sees_rows_that_come_after_everything_was_received(line: Line) -> None:
    for number in range(QUEUED):
        line.receive(number)
    assert line.journal.waiting(limit=20) == ()
    assert line.journal.unsent_count() == 0
    line.journal.append(a_record("r-new"), message_id="m-new")
    assert line.journal.waiting(limit=20) == ("r-new",)
    assert line.journal.unsent_count() == 1


def test_a_window_full_of_rows_that_the_server_never_takes_does_not_hide_the_others(line: Line) -> None:
    sent: set[str] = set()
    mono_s = 100.0
    for _ in range(400):
        sent |= set(line.drain(mono_s))
        mono_s += 2.5
    assert sent == {f"m-{number}" for number in range(QUEUED)}
