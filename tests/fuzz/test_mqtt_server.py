"""Whatever a cart sends on any topic: the gateway goes on, keeps no false record, loses no true one, and says what it rejected."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from cart_client.chart import Chart
from devices.broker import DeliveryState
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import AdministrationRecorded, Body, RecordReceived, TableIssued, TablesHeld
from pointofcare.wire.routes import Direction, Route
from server.config import MqttConfig
from server.mqtt.gateway import SUBSCRIBED, Gateway
from server.security import signing
from server.store import fleet
from server.store.database import db
from server.store.tables import AdministrationRow, AttemptRow, RejectedMessageRow
from server.store.transaction import reading
from server.usecases.facts import Site
from tests.support import rubbish
from tests.support.databases import migrated_app
from tests.support.packet_door import PacketDoor
from tests.support.server_ward import WARD, a_record, open_ward
from tests.support.wire_bodies import BODIES, golden_message

FACILITY = "h1"
CARTS = ("c1", "c2")
_NUMBERS = itertools.count()


class Hall:
    """A gateway with its database, without its broker: packets go in by the door, what would be published is kept."""

    def __init__(self, app: Flask, directory: Path) -> None:
        self.app = app
        key = signing.load_or_generate(directory / "key.json")
        self.public = OKPKey.import_key(key.key.as_dict(private=False))
        self.gateway = Gateway(
            MqttConfig(host="127.0.0.1", port=1),
            facility=FACILITY,
            key=key,
            site=Site(),
            lifetime=timedelta(hours=24),
            version="fuzz",
            scope=app.app_context,
        )
        self.published: list[tuple[str, Body]] = []
        broker = self.gateway._broker
        publish = broker.publish

        def kept(route: Route, message: Any, **levels: str) -> Any:
            sent = publish(route, message, **levels)  # checks and encodes, as always
            assert sent.state is DeliveryState.NOT_SENT
            self.published.append((levels.get("cart", ""), message.body))
            return sent

        broker.publish = kept  # type: ignore[method-assign]
        self.door = PacketDoor(self.gateway.handle)

    def send(self, topic: str | bytes, payload: bytes, *, retained: bool = False) -> None:
        """Raises: AssertionError when the gateway met something that it was not made for."""
        before, acknowledged = self.gateway.state, self.door.acknowledged
        self.door.packet(topic, payload, retained=retained)
        after = self.gateway.state
        assert after.failed == before.failed, after.fault
        assert self.door.acknowledged == acknowledged + 1
        assert after.recorded - before.recorded <= 1
        assert after.rejected - before.rejected <= 1
        with self.app.app_context(), reading() as tx:
            assert fleet.rejected_count(tx) == after.rejected or after.rejected > fleet.KEPT_REJECTED

    def records(self) -> Mapping[str, Any]:
        with self.app.app_context(), reading() as tx:
            found = [(row.record_id, row.document) for row in tx.session.query(AdministrationRow)]
            return dict(found + [(row.record_id, row.document) for row in tx.session.query(AttemptRow)])

    def good_dose(self, cart: str = "c1") -> None:
        """Recorded once and judged anew, its receipt to this cart alone; and the ward's tables can still be made and taken."""
        made = a_record(cart=cart)
        self.published.clear()
        message = golden_message(AdministrationRecorded(record=made, seq=1, epoch="e1"), sender=cart)
        self.send(routes.ADMINISTRATION.topic(facility=FACILITY, cart=cart), codec.encode(message))
        receipts = [(to, body) for to, body in self.published if isinstance(body, RecordReceived)]
        assert [(to, body.record_id, body.duplicate) for to, body in receipts] == [(cart, made.record_id, False)]
        assert "not-evaluated" not in {note.code for _, body in receipts for note in body.discrepancies}
        self.published.clear()
        held = golden_message(TablesHeld(ward=WARD), sender=cart)
        self.send(routes.TABLES.topic(facility=FACILITY, cart=cart), codec.encode(held))
        with tempfile.TemporaryDirectory() as folder:
            chart = Chart(Path(folder) / "chart.sqlite", facility=FACILITY, ward=WARD, key=self.public)
            for _, body in self.published:
                assert isinstance(body, TableIssued)
                chart.take(body, datetime.now(UTC))
            assert chart.missing(datetime.now(UTC)) == ()
            chart.close()


@contextmanager
def hall(kind: str, directory: Path) -> Iterator[Hall]:
    with migrated_app(kind, directory) as app:
        open_ward(patient_count=2)
        yield Hall(app, directory)


@pytest.fixture(scope="module")
def sqlite_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall("sqlite", tmp_path_factory.mktemp("hall")) as made:
        yield made


@pytest.fixture(scope="module")
def postgresql_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall("postgresql", tmp_path_factory.mktemp("hall")) as made:
        yield made


def _topic(route: Route, cart: str) -> str:
    named = {"facility": FACILITY, "cart": cart, "kind": "app", "alert": "x", "job": "x", "name": "x"}
    return route.topic(**{name: value for name, value in named.items() if name in route.levels})


def _known(name: str, cart: str = "c1") -> dict[str, Any]:
    """The golden message as this ward tells it: what is looked up is found."""
    plain = json.loads(codec.encode(golden_message(BODIES[name], sender=cart)))
    text = json.dumps(plain)
    for here, ours in (("noi-tim-mach", "NOI-TH"), ("p-1", "P1"), ("n-1", "N1"), ("o-7", "O1")):
        text = text.replace(f'"{here}"', f'"{ours}"')
    changed: dict[str, Any] = json.loads(text)
    return changed


# What keys rows, on the database that has limits of its own.
KEYED = (routes.STATE, routes.ADMINISTRATION, routes.ATTEMPT, routes.OBSERVATION, routes.LEASE_ASK, routes.EVENT)
HALLS = [*(("sqlite", route) for route in SUBSCRIBED), *(("postgresql", route) for route in (SUBSCRIBED if rubbish.LONG else KEYED))]


@pytest.mark.parametrize(("kind", "route"), HALLS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_no_packet_stops_the_gateway_or_touches_a_record(request: pytest.FixtureRequest, kind: str, route: Route) -> None:
    any_hall: Hall = request.getfixturevalue(f"{kind}_hall")
    good = {cart: json.dumps(_known(route.type, cart)).encode() for cart in CARTS}
    kept = dict(any_hall.records())

    @rubbish.examples(0.5, of=10)
    @given(data=st.data(), cart=st.sampled_from(CARTS), retained=st.booleans(), again=st.booleans())
    def sent(data: st.DataObject, cart: str, *, retained: bool, again: bool) -> None:
        payload = data.draw(rubbish.payloads(good[cart])).replace(b"7d9f4a52-4a55-4c0e-9c3e-2f6d8f0b1a0", b"f%d-" % next(_NUMBERS))
        any_hall.send(_topic(route, cart), payload, retained=retained)
        if again:
            before = any_hall.gateway.state.recorded
            any_hall.send(_topic(route, cart), payload, retained=retained)
            assert any_hall.gateway.state.recorded == before, "the same bytes again are no second record"

    sent()
    now = any_hall.records()
    assert {key: now.get(key) for key in kept} == kept
    any_hall.good_dose()


@pytest.mark.parametrize("route", [one for one in routes.ROUTES if one.direction is not Direction.UP], ids=lambda route: route.name)
def test_what_only_the_server_says_is_no_message_for_it(sqlite_hall: Hall, route: Route) -> None:
    """A broker whose permissions are wrong hands it on all the same."""
    if route is routes.HOST:
        return
    good = codec.encode(golden_message(BODIES[route.type], sender="server"))
    name = {"name": "unlock"} if "name" in route.levels else {}
    before = sqlite_hall.gateway.state.rejected
    sqlite_hall.send(route.topic(facility=FACILITY, cart="c1", **name), good)
    assert sqlite_hall.gateway.state.rejected == before + 1
    sqlite_hall.good_dose()


def test_topics_that_are_none_of_ours_are_kept_with_their_reason(sqlite_hall: Hall) -> None:
    good = codec.encode(golden_message(AdministrationRecorded(record=a_record(), seq=1, epoch="e1")))
    before = set(sqlite_hall.records())

    @rubbish.examples(0.5, of=25)
    @given(
        st.one_of(
            st.binary(min_size=1, max_size=40),
            st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
            st.sampled_from(
                [b"poc/1/h1/c/c1/up/adm/x", b"poc/2/h1/c/c1/up/adm", b"poc/1/h1/c//up/adm", b"poc/1/h1/c/+/up/adm", b"$SYS/x", b"/"]
            ),
        )
    )
    def sent(topic: bytes) -> None:
        sqlite_hall.send(topic, good)

    sent()
    assert set(sqlite_hall.records()) == before
    sqlite_hall.good_dose()


def test_a_record_in_another_carts_name_is_refused_or_marked(sqlite_hall: Hall) -> None:
    """The envelope must be of the topic's cart; a record inside that says otherwise is kept as a fact that a person looks at."""
    forged = golden_message(AdministrationRecorded(record=a_record(cart="c1"), seq=1, epoch="e1"), sender="c1")
    before = set(sqlite_hall.records())
    sqlite_hall.send(_topic(routes.ADMINISTRATION, "c2"), codec.encode(forged))
    assert set(sqlite_hall.records()) == before
    for name in ("AdministrationRecorded", "AttemptStopped", "ObservationRecorded"):
        plain = _known(name, "c2")
        (plain["body"].get("record") or plain["body"])["record_id"] = f"forged-{name}"
        sqlite_hall.published.clear()
        route = next(one for one in routes.ROUTES if one.type == name)
        sqlite_hall.send(_topic(route, "c2"), json.dumps(plain).encode())
        received = [body for _, body in sqlite_hall.published if isinstance(body, RecordReceived)]
        assert [note.code for body in received for note in body.discrepancies if note.code == "foreign-cart"] == ["foreign-cart"], name


def test_another_story_under_a_known_id_is_told_to_a_person(sqlite_hall: Hall) -> None:
    made = a_record()
    sqlite_hall.send(
        _topic(routes.ADMINISTRATION, "c1"), codec.encode(golden_message(AdministrationRecorded(record=made, seq=1, epoch="e1")))
    )
    kept = sqlite_hall.records()[made.record_id]
    other = a_record(record_id=made.record_id, lot="B2", cart="c2")
    sqlite_hall.published.clear()
    for _ in range(2):
        sqlite_hall.send(
            _topic(routes.ADMINISTRATION, "c2"),
            codec.encode(golden_message(AdministrationRecorded(record=other, seq=1, epoch="e2"), sender="c2")),
        )
    received = [body for _, body in sqlite_hall.published if isinstance(body, RecordReceived)]
    assert [[note.code for note in body.discrepancies].count("other-story") for body in received] == [1, 1]
    assert sqlite_hall.records()[made.record_id] == kept


def test_what_was_rejected_stays_bounded(tmp_path: Path) -> None:
    with hall("sqlite", tmp_path) as ours:
        with db.engine.begin() as connection:
            row = {"facility": FACILITY, "topic": "t", "reason": "r", "payload_start": "", "payload_bytes": 0, "at": _moment()}
            connection.execute(RejectedMessageRow.__table__.insert(), [row] * (fleet.KEPT_REJECTED + 50))
        for _ in range(120):
            ours.door.packet(_topic(routes.STATE, "c1"), b"{")
        with reading() as tx:
            assert fleet.rejected_count(tx) < fleet.KEPT_REJECTED + 100


def _moment() -> Any:
    with reading() as tx:
        return tx.at
