"""Whatever comes down on any topic: the cart's line goes on, its journal loses nothing and does not fill up, its tables stay true."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from cart_client import sealed
from cart_client.chart import Chart
from cart_client.inbox import RecordMoved
from cart_client.journal import Journal
from cart_client.uplink import Uplink
from devices.broker import BrokerConfig, BrokerEvent
from pointofcare.errors import PointOfCareError
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import AttemptStopped, EmrSettled, EmrState, RecordReceived, TableIssued, TableKind
from pointofcare.wire.routes import Direction, Route
from tests.integration.test_cart_journal import a_record
from tests.support import cart_ward, rubbish
from tests.support.packet_door import PacketDoor
from tests.support.wire_bodies import BODIES, golden_message

FACILITY, CART = "22001", "c1"
DOWN = tuple(route for route in routes.ROUTES if route.direction is not Direction.UP)
FOREIGN_KEY = OKPKey.generate_key("Ed25519", private=True)


class Bay:
    """A cart's line with its journal and tables, without its broker: packets come in by the door."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.sqlite"
        self.journal = Journal(self.path, cart=CART)
        self.chart = Chart(folder / "chart.sqlite", facility=FACILITY, ward=cart_ward.WARD, key=cart_ward.PUBLIC)
        self.told: queue.Queue[object] = queue.Queue()
        self.uplink = Uplink(
            BrokerConfig(host="127.0.0.1", port=1, client_id=CART),
            cart=CART,
            facility=FACILITY,
            ward=cart_ward.WARD,
            chart=self.chart,
            journal=self.journal,
            tell=self.told.put,
            versions={"app": "0"},
        )
        self.door = PacketDoor(self._took)
        self.faults: list[str] = []
        now = datetime.now(UTC)
        for table in cart_ward.ward_tables(now - timedelta(minutes=1)):
            self.chart.take(cart_ward.issued(table), now)
        self.record = a_record()
        self.journal.append(self.record, message_id="m-1")

    def _took(self, event: BrokerEvent) -> None:
        try:
            self.uplink._take(event)
        except PointOfCareError as exc:  # the thread logs these, and goes on; anything else would end it
            self.faults.append(str(exc))

    def send(self, route: Route, payload: bytes, *, retained: bool = False) -> None:
        names = {"facility": FACILITY, "cart": CART, "name": "unlock"}
        self.door.packet(route.topic(**{name: names[name] for name in route.levels}), payload, retained=retained)
        while not self.told.empty():
            self.told.get()

    def rows(self) -> dict[str, int]:
        with sealed.connect(self.path, None) as db:
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
            return {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


@pytest.fixture(scope="module")
def bay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bay]:
    made = Bay(tmp_path_factory.mktemp("bay"))
    yield made
    made.journal.close()
    made.chart.close()


def _known(route: Route, bay: Bay) -> bytes:
    text = codec.encode(golden_message(BODIES[route.type], sender="server")).decode()
    return text.replace("7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a01", bay.record.record_id).replace("e-2026-11-01", bay.journal.epoch).encode()


@pytest.mark.parametrize("route", DOWN, ids=lambda route: route.name)
def test_no_packet_ends_the_line_or_touches_the_journal_or_the_tables(bay: Bay, route: Route) -> None:
    good = _known(route, bay)
    tables = bay.chart.tables

    @rubbish.examples(0.5, of=25)
    @given(rubbish.payloads(good), st.booleans())
    def sent(payload: bytes, retained: bool) -> None:
        bay.send(route, payload, retained=retained)

    sent()
    assert bay.chart.tables is tables
    entry = bay.journal.entry(bay.record.record_id)
    assert entry is not None
    assert codec.decode(routes.ADMINISTRATION, codec.encode(entry.message)).body.record == bay.record  # type: ignore[union-attr]


def test_good_messages_still_count_after_all_that(bay: Bay) -> None:
    newer = cart_ward.a_table(TableKind.PATIENT_CHART, cart_ward.chart_body(), version=7, issued_at=datetime.now(UTC))
    bay.send(routes.TABLE, codec.encode(golden_message(cart_ward.issued(newer), sender="server")))
    assert bay.chart.version() == 7
    later = a_record()
    bay.journal.append(later, message_id="m-2")
    received = RecordReceived(record_id=later.record_id, duplicate=False, received_at=datetime.now(UTC))
    bay.send(routes.RECEIPT, codec.encode(golden_message(received, sender="server")))
    assert bay.journal.standing(later.record_id).at_server
    assert bay.journal.unsent_count() <= 1


def _signed_again(text: str, part: int, place: int) -> str:
    parts = text.split(".")
    old = parts[part % 3]
    place %= max(1, len(old))
    parts[part % 3] = old[:place] + ("A" if old[place : place + 1] != "A" else "B") + old[place + 1 :]
    return ".".join(parts)


def test_no_table_that_the_server_did_not_sign_for_this_ward_now_is_taken(bay: Bay) -> None:
    """Torn and changed signatures, other keys, other algorithms, other wards and facilities, older and expired ones."""
    now = datetime.now(UTC)
    kinds = st.sampled_from(list(TableKind))
    bodies = dict(zip(TableKind, (one.body for one in cart_ward.ward_tables()), strict=True))

    @rubbish.examples(1.0, of=60)
    @given(
        kind=kinds,
        how=st.sampled_from(["torn", "changed", "key", "ward", "facility", "expired", "future", "older", "none", "header", "text"]),
        part=st.integers(0, 2),
        place=st.integers(0, 4000),
        text=st.text(max_size=20),
    )
    def sent(kind: TableKind, how: str, part: int, place: int, text: str) -> None:
        tables = bay.chart.tables
        change: dict[str, Any] = {
            "ward": {"ward": "OTHER"},
            "facility": {"facility": "other"},
            "expired": {"issued_at": now - timedelta(days=3)},
            "future": {"issued_at": now + timedelta(days=3)},
            "older": {"version": -place},
        }.get(how, {})
        table = cart_ward.a_table(kind, bodies[kind], **{"version": 99, "issued_at": now - timedelta(minutes=1), **change})
        signed = cart_ward.signed(table, FOREIGN_KEY if how == "key" else cart_ward.KEY)
        if how == "torn":
            signed = signed[: place % len(signed)]
        elif how == "changed":
            signed = _signed_again(signed, part, place)
        elif how == "none":
            signed = "eyJhbGciOiJub25lIn0." + signed.split(".")[1] + "."
        elif how == "header":
            signed = "eyJhbGciOiJIUzI1NiJ9." + signed.partition(".")[2]
        elif how == "text":
            signed = text
        issued = TableIssued(kind=kind, ward=cart_ward.WARD, version=99, jws=signed)
        bay.send(routes.TABLE, codec.encode(golden_message(issued, sender="server")))
        assert bay.chart.tables is tables, how

    sent()


def test_a_flood_of_what_is_not_understood_or_said_before_does_not_fill_the_journal(tmp_path: Path) -> None:
    bay = Bay(tmp_path)
    receipt = codec.encode(golden_message(RecordReceived(record_id=bay.record.record_id, duplicate=False, received_at=datetime.now(UTC))))
    emr = [
        codec.encode(golden_message(EmrSettled(record_id=bay.record.record_id, state=state, emr_id=None, why=None)))
        for state in (EmrState.REJECTED, EmrState.SETTLED, EmrState.OUTCOME_UNKNOWN)
    ]
    bay.journal.note("started", at=datetime.now(UTC))
    ack = json.dumps({**json.loads(_known(routes.ACK, bay)), "body": {"epoch": bay.journal.epoch, "upto": 1}}).encode()
    for number in range(300):
        bay.send(routes.RECEIPT, b"{%d" % number)
        bay.send(routes.ACK, ack)
        bay.send(routes.RECEIPT, receipt)
        bay.send(routes.EMR, emr[number % 3])
    rows = bay.rows()
    assert rows["event"] < 50, "each note of a rejected message is a row for ever"
    assert rows["acknowledged"] == 1
    assert rows["settlement"] < 20
    assert bay.journal.standing(bay.record.record_id).emr is EmrState.SETTLED, "what the EMR has taken stays taken"
    notes = [event.details for event in bay.journal.events(limit=500) if event.kind == "message-rejected"]
    assert notes, "somebody must hear of it"
    bay.journal.close()
    bay.chart.close()


def test_what_a_cart_tells_of_itself_is_never_taken_for_news(bay: Bay) -> None:
    """Its own words, sent back to it on its own topics by a broker that is wrong."""
    moved: list[object] = []
    bay.uplink._tell = moved.append
    try:
        for route in routes.ROUTES:
            if route.direction is Direction.UP:
                names = {"facility": FACILITY, "cart": CART, "kind": "app", "name": "x", "alert": "x", "job": "x"}
                topic = route.topic(**{name: names[name] for name in route.levels})
                bay.door.packet(topic, codec.encode(golden_message(BODIES[route.type], sender=CART)))
    finally:
        bay.uplink._tell = bay.told.put
    assert [one for one in moved if isinstance(one, RecordMoved | AttemptStopped)] == []
