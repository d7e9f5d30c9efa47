"""The line to the server over real brokers: nothing lost, nothing twice that matters, whatever goes away."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cart_client import clock_asking
from cart_client.chart import Chart
from cart_client.clock import Sample, steady_s
from cart_client.inbox import ClockMeasured, LeaseTold, Link, LinkTold, RecordMoved, TablesChanged
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices.broker import Arrival, BrokerConfig
from pointofcare.verdict.facts import Lease
from pointofcare.wire import routes
from pointofcare.wire.messages import (
    AdministrationRecorded,
    CartPhase,
    ClockAsked,
    ClockTold,
    Command,
    CommandAnswered,
    CommandOutcome,
    EmrSettled,
    EmrState,
    EventsAcknowledged,
    HostState,
    LeaseAction,
    LeaseAnswered,
    LeaseAsked,
    RecordReceived,
    TableKind,
    TablesHeld,
)
from pointofcare.wire.tables import FormularyBody
from simulation.fault_proxy import FaultProxy
from tests.integration.test_cart_journal import a_record, a_value
from tests.support.brokers import FACILITY, KINDS, SERVER, WAIT_S, Clients, a_message, running_clients
from tests.support.cart_ward import FACILITY as TABLES_OF
from tests.support.cart_ward import PUBLIC, WARD, a_table, chart_body, issued, products, ward_tables

CART = "c1"
UP = tuple(route for route in routes.ROUTES if route.direction is routes.Direction.UP and route is not routes.TELEMETRY)


class Told:
    """What the uplink told the bedside; `expect` waits for one of a kind."""

    def __init__(self) -> None:
        self.queue: queue.Queue[object] = queue.Queue()

    def expect(self, kind: type, where: Callable[[object], bool] = lambda _: True) -> object:
        deadline = time.monotonic() + WAIT_S
        while True:
            told = self.queue.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(told, kind) and where(told):
                return told


class Line:
    """A cart's uplink with its journal and chart, and a server that answers only what a test has it answer."""

    def __init__(self, clients: Clients, folder: Path, *, port: int | None = None) -> None:
        self.clients = clients
        self.journal = Journal(folder / "journal.sqlite", cart=CART)
        self.chart = Chart(folder / "chart.sqlite", facility=TABLES_OF, ward=WARD, key=PUBLIC)
        self.told = Told()
        self.server, self.inbox = clients.make(SERVER)
        for route in UP:
            self.server.on(route, facility=FACILITY)
        clients.connect(self.server, self.inbox)
        self.uplink = Uplink(
            BrokerConfig(
                host="127.0.0.1",
                port=port or clients.running.port,
                client_id=CART,
                username=CART,
                password=clients.passwords[CART],
                backoff_min_s=0.05,
                backoff_max_s=0.3,
            ),
            cart=CART,
            facility=FACILITY,
            ward=WARD,
            chart=self.chart,
            journal=self.journal,
            tell=self.told.queue.put,
            versions={"app": "0"},
            backoff_first_s=0.2,
        )

    def start(self) -> None:
        self.host(online=True)
        self.uplink.start()
        self.told.expect(LinkTold, lambda told: told.link is Link.ONLINE)  # type: ignore[attr-defined]

    def host(self, *, online: bool) -> None:
        self.server.publish(routes.HOST, a_message(SERVER, HostState(online=online, at=datetime.now(UTC))), facility=FACILITY).wait(WAIT_S)

    def down(self, route: routes.Route, body: object) -> None:
        levels = {"facility": FACILITY, "cart": CART}
        if isinstance(body, Command):
            levels["name"] = body.name
        self.server.publish(route, a_message(SERVER, body), **levels)  # type: ignore[arg-type]

    def came(self, route: routes.Route, where: Callable[[object], bool] = lambda _: True) -> Arrival:
        return self.inbox.expect(Arrival, lambda a: a.route is route and where(a.message.body))

    def receipt(self, record_id: str, *, duplicate: bool = False) -> None:
        self.down(routes.RECEIPT, RecordReceived(record_id=record_id, duplicate=duplicate, received_at=datetime.now(UTC)))


@pytest.fixture(params=KINDS)
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    with running_clients(request.param, (CART,)) as clients:
        made = Line(clients, tmp_path)
        made.start()
        yield made
        made.uplink.stop()
        made.journal.close()


def record_of(arrival: Arrival) -> str:
    assert isinstance(arrival.message.body, AdministrationRecorded)
    return arrival.message.body.record.record_id


def test_a_cart_that_connects_says_what_it_is_and_asks_for_tables(line: Line) -> None:
    line.came(routes.BIRTH, lambda body: body.epoch == line.journal.epoch)  # type: ignore[attr-defined]
    line.came(routes.STATE, lambda body: body.phase is CartPhase.READY)  # type: ignore[attr-defined]
    line.came(routes.TABLES, lambda body: isinstance(body, TablesHeld) and body.held == () and body.ward == WARD)


def test_a_record_is_sent_again_until_its_receipt(line: Line) -> None:
    line.journal.append(a_record("r-1"), message_id="m-1")
    line.uplink.wake()
    first, second = line.came(routes.ADMINISTRATION), line.came(routes.ADMINISTRATION)  # the first receipt was lost
    assert (record_of(first), first.message.id) == (record_of(second), second.message.id)
    assert line.journal.unsent_count() == 1
    line.receipt("r-1")
    line.told.expect(RecordMoved)
    line.receipt("r-1", duplicate=True)  # and the receipt comes twice
    line.down(routes.EMR, EmrSettled(record_id="r-1", state=EmrState.SETTLED, emr_id="MA/1"))
    line.told.expect(RecordMoved)
    standing = line.journal.standing("r-1")
    assert (line.journal.unsent_count(), standing.at_server, standing.emr) == (0, True, EmrState.SETTLED)


def test_a_measured_value_is_sent_again_until_its_receipt(line: Line) -> None:
    line.journal.append_observation(a_value("v-1"), message_id="m-1")
    line.uplink.wake()
    first, second = line.came(routes.OBSERVATION), line.came(routes.OBSERVATION)
    assert (first.message.id, first.message.body) == (second.message.id, second.message.body)
    line.receipt("v-1")
    line.told.expect(RecordMoved)
    assert line.journal.unsent_count() == 0


def test_records_come_in_the_order_in_which_they_were_given(line: Line) -> None:
    for number in range(30):
        line.journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")
    line.uplink.wake()
    seen: list[str] = []
    while len(seen) < 30:
        record_id = record_of(line.came(routes.ADMINISTRATION))
        if record_id not in seen:
            seen.append(record_id)
            line.receipt(record_id)
    assert seen == [f"r-{number}" for number in range(30)]


def test_a_server_that_went_away_is_told_and_gets_the_rest_when_it_comes_back(line: Line) -> None:
    line.host(online=False)
    line.told.expect(LinkTold, lambda told: told.link is Link.SERVER_AWAY)  # type: ignore[attr-defined]
    line.journal.append(a_record("r-1"), message_id="m-1")
    line.host(online=True)
    line.told.expect(LinkTold, lambda told: told.link is Link.ONLINE)  # type: ignore[attr-defined]
    assert record_of(line.came(routes.ADMINISTRATION)) == "r-1"


def test_tables_are_taken_and_forged_ones_are_told(line: Line) -> None:
    now = datetime.now(UTC)
    for table in ward_tables(now):
        line.down(routes.TABLE, issued(table))
    for _ in range(4):
        line.told.expect(TablesChanged, lambda told: not told.why)  # type: ignore[attr-defined]
    assert line.chart.missing(now) == ()
    forged = issued(a_table(TableKind.PATIENT_CHART, chart_body(), version=9, issued_at=now))
    line.down(routes.TABLE, replace(forged, jws=forged.jws[:-6] + "AAAAAA"))
    line.told.expect(TablesChanged, lambda told: told.why == "forged")  # type: ignore[attr-defined]
    assert line.chart.version() == 1


def test_a_cart_says_at_once_that_it_has_a_new_formulary_and_not_with_each_chart(line: Line) -> None:
    now = datetime.now(UTC)
    for table in ward_tables(now):
        line.down(routes.TABLE, issued(table))
    for _ in range(4):
        line.told.expect(TablesChanged, lambda told: not told.why)  # type: ignore[attr-defined]

    def has(kind: TableKind, version: int) -> Callable[[object], bool]:
        return lambda body: isinstance(body, TablesHeld) and {held.kind: held.version for held in body.held}.get(kind) == version

    line.came(routes.TABLES, has(TableKind.FORMULARY, 1))
    line.down(routes.TABLE, issued(a_table(TableKind.PATIENT_CHART, chart_body(), version=2, issued_at=now)))
    line.told.expect(TablesChanged, lambda told: not told.why)  # type: ignore[attr-defined]
    recalled = FormularyBody(products=tuple(replace(one, recalled_lots=("L1",)) for one in products()))
    line.down(routes.TABLE, issued(a_table(TableKind.FORMULARY, recalled, version=2, issued_at=now)))
    told = line.came(routes.TABLES, has(TableKind.PATIENT_CHART, 2))
    assert has(TableKind.FORMULARY, 2)(told.message.body), "the chart alone is told with the next of its turns"


def test_a_lease_is_counted_from_when_it_was_asked(line: Line) -> None:
    before = steady_s()
    line.uplink.ask_lease(LeaseAsked(action=LeaseAction.ACQUIRE, patient="P1", nurse="N1"))
    asked = line.came(routes.LEASE_ASK)
    stale = LeaseAnswered(asked="another-question", patient="P1", state=Lease.HELD, lasts_s=9999.0, fence=1)
    line.down(routes.LEASE, stale)
    line.down(routes.LEASE, replace(stale, asked=asked.message.id, lasts_s=300.0, fence=2))
    told = line.told.expect(LeaseTold)
    assert isinstance(told, LeaseTold)
    assert (told.lease, told.fence) == (Lease.HELD, 2)
    assert told.until_mono_s is not None
    assert before + 300 <= told.until_mono_s <= steady_s() + 300


def test_an_unanswered_lease_question_is_asked_again(line: Line) -> None:
    line.uplink.ask_lease(LeaseAsked(action=LeaseAction.ACQUIRE, patient="P1"))
    first = line.came(routes.LEASE_ASK)
    second = line.came(routes.LEASE_ASK)
    assert first.message.id != second.message.id


def test_the_clock_is_measured_against_the_server(line: Line) -> None:
    asked = line.came(routes.CLOCK_ASK).message.body
    assert isinstance(asked, ClockAsked)
    line.down(routes.CLOCK, ClockTold(asked_at=asked.asked_at, server_at=datetime.now(UTC) - timedelta(seconds=90)))
    told = line.told.expect(ClockMeasured)
    assert isinstance(told, ClockMeasured)
    assert told.offset_s == pytest.approx(90, abs=2)


def test_a_server_whose_clock_is_broken_sets_no_cart(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_asking, "CLOCK_UNKNOWN_EVERY_S", 0.1)
    for broken in (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)):
        asked = line.came(routes.CLOCK_ASK).message.body
        assert isinstance(asked, ClockAsked)
        line.down(routes.CLOCK, ClockTold(asked_at=asked.asked_at, server_at=broken))
    asked = line.came(routes.CLOCK_ASK).message.body
    assert isinstance(asked, ClockAsked)
    line.down(routes.CLOCK, ClockTold(asked_at=asked.asked_at, server_at=datetime.now(UTC)))
    told = line.told.expect(ClockMeasured)
    assert isinstance(told, ClockMeasured)
    assert abs(told.offset_s) < 5
    assert line.uplink.alive


def test_the_clock_is_asked_for_again_soon_until_an_answer_measured_it(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first answer that is lost or late must not leave the clock unknown, and every dose in want of a reason, for minutes."""
    monkeypatch.setattr(clock_asking, "CLOCK_UNKNOWN_EVERY_S", 0.1)
    first, second = (line.came(routes.CLOCK_ASK).message.body for _ in range(2))
    assert isinstance(first, ClockAsked)
    assert isinstance(second, ClockAsked)
    assert first.asked_at < second.asked_at


def test_a_command_acts_for_this_connection_only_and_once(line: Line) -> None:
    line.came(routes.BIRTH)
    line.down(routes.COMMAND, Command(name="refresh-tables", for_sid="an-old-one"))
    assert line.came(routes.ANSWER).message.body.outcome is CommandOutcome.REFUSED  # type: ignore[union-attr]
    line.down(routes.COMMAND, Command(name="format-disk", for_sid=line.uplink.sid))
    assert line.came(routes.ANSWER).message.body.why == "unknown-command"  # type: ignore[union-attr]
    line.down(routes.COMMAND, Command(name="refresh-tables", for_sid=line.uplink.sid))
    assert line.came(routes.ANSWER).message.body.outcome is CommandOutcome.DONE  # type: ignore[union-attr]


def test_a_command_that_a_stalled_connection_held_back_does_not_act_where_the_clock_is_measured(line: Line) -> None:
    """The broker's side of a connection may lie still for half a minute and then hand over everything at once."""

    def answered(age_s: float) -> tuple[CommandOutcome, str | None]:
        command = Command(name="rebirth", for_sid=line.uplink.sid)
        held = replace(a_message(SERVER, command, ttl_s=60.0), sent_at=datetime.now(UTC) - timedelta(seconds=age_s))
        line.server.publish(routes.COMMAND, held, facility=FACILITY, cart=CART, name="rebirth").wait(WAIT_S)
        body = line.came(routes.ANSWER, lambda told: told.command == held.id).message.body  # type: ignore[attr-defined]
        assert isinstance(body, CommandAnswered)
        return body.outcome, body.why

    assert answered(600.0) == (CommandOutcome.DONE, None), "this cart does not know what time it is; the receipt counts alone"
    line.uplink._clock.measured(Sample(server_at=datetime.now(UTC), mono_s=steady_s(), error_s=0.05))
    assert answered(600.0) == (CommandOutcome.REFUSED, "too-late")
    assert answered(0.0) == (CommandOutcome.DONE, None)


def test_a_server_that_lacks_records_gets_them_again_though_it_had_acknowledged_them(line: Line) -> None:
    line.came(routes.BIRTH)
    for number in range(4):
        with line.journal._lock:  # the uplink must not see it unsettled
            line.journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")
            line.journal.settle(f"r-{number}", at=datetime.now(UTC))
    wanted = {"epoch": line.journal.epoch, "ranges": [[2, 3]]}
    line.down(routes.COMMAND, Command(name="resend-records", for_sid=line.uplink.sid, params=wanted))
    assert [line.came(routes.ADMINISTRATION).message.id for _ in range(2)] == ["m-1", "m-2"]
    assert line.came(routes.ANSWER).message.body.outcome is CommandOutcome.DONE  # type: ignore[union-attr]
    for params, why in (({**wanted, "epoch": "other"}, "other-journal"), ({**wanted, "ranges": [["a", 3]]}, "not-understood")):
        line.down(routes.COMMAND, Command(name="resend-records", for_sid=line.uplink.sid, params=params))
        assert line.came(routes.ANSWER).message.body.why == why  # type: ignore[union-attr]


def test_events_are_sent_until_they_are_acknowledged(line: Line) -> None:
    line.journal.note("camera-lost", at=datetime.now(UTC))
    event = line.came(routes.EVENT).message.body
    assert event.kind == "camera-lost"  # type: ignore[union-attr]

    line.down(routes.ACK, EventsAcknowledged(epoch=line.journal.epoch, upto=event.seq))  # type: ignore[union-attr]
    line.journal.note("camera-back", at=datetime.now(UTC))
    for _ in range(2):
        line.came(routes.EVENT, lambda body: body.kind == "camera-back")  # type: ignore[attr-defined]
    assert [waiting.kind for waiting in line.journal.events()] == ["camera-back"]


def test_a_torn_network_loses_nothing(tmp_path: Path) -> None:
    with running_clients("nats", (CART,)) as clients, FaultProxy(clients.running.port) as proxy:
        line = Line(clients, tmp_path, port=proxy.port)
        line.start()
        got: set[str] = set()
        for number in range(12):
            line.journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")
            line.uplink.wake()
            if number % 4 == 3:
                proxy.reset()
        while len(got) < 12:
            record_id = record_of(line.came(routes.ADMINISTRATION))
            got.add(record_id)
            line.receipt(record_id)
        deadline = time.monotonic() + WAIT_S
        while line.journal.unsent_count() and time.monotonic() < deadline:
            line.told.expect(RecordMoved)
        assert line.journal.unsent_count() == 0
        line.uplink.stop()
        line.journal.close()


def test_a_killed_cart_leaves_its_last_will_and_a_stopped_one_its_farewell(line: Line) -> None:
    line.came(routes.STATE, lambda body: body.phase is CartPhase.READY)  # type: ignore[attr-defined]
    line.uplink.stop()
    line.came(routes.STATE, lambda body: body.phase is CartPhase.DISCONNECTED)  # type: ignore[attr-defined]


def test_without_a_broker_the_cart_says_offline_and_keeps_everything(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", cart=CART)
    told = Told()
    uplink = Uplink(
        BrokerConfig(host="127.0.0.1", port=1, client_id=CART, backoff_min_s=0.01, backoff_max_s=0.05),
        cart=CART,
        facility=FACILITY,
        ward=WARD,
        chart=Chart(tmp_path / "chart.sqlite", facility=TABLES_OF, ward=WARD, key=PUBLIC),
        journal=journal,
        tell=told.queue.put,
        versions={},
    )
    uplink.start()
    journal.append(a_record("r-1"), message_id="m-1")
    uplink.wake()
    uplink.ask_lease(LeaseAsked(action=LeaseAction.ACQUIRE, patient="P1"))
    uplink.stop()
    assert journal.unsent_count() == 1
    assert told.queue.empty()  # it was offline, and is


def test_a_server_that_is_behind_gets_only_the_oldest_row_again(line: Line) -> None:
    for number in range(4):
        line.journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")
    line.uplink.wake()
    seen = [record_of(line.came(routes.ADMINISTRATION)) for _ in range(3)]
    assert seen == ["r-0", "r-0", "r-0"]
    line.receipt("r-0")
    assert record_of(line.came(routes.ADMINISTRATION, lambda body: body.record.record_id != "r-0")) == "r-1"  # type: ignore[attr-defined]
