"""A cart and a server of which one is a release ahead: nobody says yes to what is not understood, and nothing that was said is lost."""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cart_client import journal_tables
from cart_client.chart import TableRefusedError
from cart_client.inbox import TablesChanged
from cart_client.journal import Journal
from devices.broker import Arrival, Delivery, Rejected
from pointofcare.errors import JournalError, MessageError
from pointofcare.wire import codec, routes, tables
from pointofcare.wire.messages import AdministrationRecorded, Message, RecordReceived, TableKind
from server.config import MqttConfig
from server.mqtt import newer
from server.mqtt.gateway import Gateway
from server.security import signing
from server.store import administrations, audit, views_fleet
from server.store.transaction import reading
from server.usecases.facts import Site
from tests import releases
from tests.support import server_ward
from tests.support.cart_ward import Stand, a_table, band, chart_body, issued, pack
from tests.support.databases import KINDS, migrated_app

AMOX = "08936000000011"


# The cart: a newer server's table.


def told_by_a_newer_server(stand: Stand) -> None:
    """A table of the next release, signed as every other one, that holds a code which this release does not know."""
    table = a_table(TableKind.PATIENT_CHART, chart_body(), version=2)
    honest = tables.claims

    def claims(made: tables.Table) -> bytes:
        plain = json.loads(zlib.decompress(honest(made)))
        plain["body"]["orders"][0]["status"] = "code-of-tomorrow"
        return zlib.compress(json.dumps(plain).encode())

    tables.claims = claims  # type: ignore[assignment]
    try:
        letter = issued(table)
    finally:
        tables.claims = honest
    with pytest.raises(TableRefusedError) as refused:
        stand.chart.take(letter, stand.clock.at)
    assert refused.value.why == "unreadable"
    stand.put(TablesChanged(kind="patient-chart", why=refused.value.why))


def test_a_cart_that_cannot_read_the_newest_chart_judges_as_if_it_were_offline_and_says_so(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    assert stand.bedside.visit.here.facts(stand.clock.at).online is True
    for _ in range(3):  # the server sends it again and again
        told_by_a_newer_server(stand)
    facts = stand.bedside.visit.here.facts(stand.clock.at)
    assert facts.online is False
    assert stand.bedside.visit.here.place().online is False
    assert stand.view.strip.not_understood == ("patient-chart",)
    noted = [event for event in stand.journal.events() if event.kind == "table-refused"]
    assert len(noted) == 1
    assert stand.chart.version() == 1, "what it has stays until it runs out"


def test_a_chart_that_is_not_the_newest_gets_no_yes_by_its_age_however_good_the_line_is(tmp_path: Path) -> None:
    """Online a chart may be old: the server would have sent a newer one. It did, and nobody here could read it."""
    for name, is_behind in (("fresh", False), ("behind", True)):
        (tmp_path / name).mkdir()
        stand = Stand(tmp_path / name)
        stand.clock.pass_by(timedelta(hours=5))
        if is_behind:
            told_by_a_newer_server(stand)
        stand.sign_in()
        stand.hold(band("P1"))
        stand.lease("P1")
        stand.hold(pack(AMOX))
        assert ("O1" in stand.rules) is is_behind, stand.rules


def test_the_cart_is_online_again_with_the_next_table_of_that_kind_that_it_reads(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    told_by_a_newer_server(stand)
    stand.put(TablesChanged(kind="formulary"))
    assert stand.bedside.visit.here.facts(stand.clock.at).online is False
    assert stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, chart_body(), version=3)), stand.clock.at)
    stand.put(TablesChanged(kind="patient-chart"))
    assert stand.bedside.visit.here.facts(stand.clock.at).online is True
    assert stand.view.strip.not_understood == ()


def test_a_forged_table_does_not_take_a_cart_offline(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.put(TablesChanged(kind="patient-chart", why="forged"))
    assert stand.bedside.visit.here.facts(stand.clock.at).online is True


def test_a_journal_of_a_newer_program_is_not_opened_and_nothing_in_it_is_touched(tmp_path: Path) -> None:
    """So a cart goes back to an older program only while the journal's format is the same."""
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, cart="c1")
    journal.append(server_ward.a_record(), message_id="m-1")
    journal.close()
    with closing(sqlite3.connect(path)) as newer_program:
        newer_program.execute(f"PRAGMA user_version={journal_tables.VERSION + 1}")
        newer_program.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    with pytest.raises(JournalError) as refused:
        Journal(path, cart="c1")
    assert refused.value.fields["why"] == "newer"
    assert path.read_bytes() == before
    assert releases.last().journal <= journal_tables.VERSION


# The server: a newer cart's record.


@contextmanager
def a_gateway(app: Flask, folder: Path) -> Iterator[tuple[Gateway, list[Any]]]:
    """One that is handed its messages; what it would have published is kept."""
    config = MqttConfig(host="127.0.0.1", port=1, username="server", password="unused")
    key, said = signing.load_or_generate(folder / "key.json"), []
    gateway = Gateway(
        config, facility="h1", key=key, site=Site(), lifetime=timedelta(hours=24), version="test", scope=app.app_context
    )  # fmt: skip

    def post(route: Any, message: Message, **_: str) -> Delivery | None:
        said.append(message.body)
        return None

    gateway._post = post  # type: ignore[method-assign]
    yield gateway, said


def arrived(payload: bytes, acked: threading.Event) -> Arrival | Rejected:
    """As the broker's client hands it over."""
    topic = routes.ADMINISTRATION.topic(facility="h1", cart="c1")
    try:
        message = codec.decode(routes.ADMINISTRATION, payload)
    except MessageError as exc:
        return Rejected(topic=topic, head=payload[:200], error=exc, retained=False, ack=acked.set)
    levels = {"facility": "h1", "cart": "c1"}
    return Arrival(
        route=routes.ADMINISTRATION, levels=levels, message=message, retained=False, received_mono_s=0.0, ack=acked.set, payload=payload
    )


def payload_of(record_id: str, **more: object) -> bytes:
    body = AdministrationRecorded(record=server_ward.a_record(record_id=record_id), seq=1, epoch="e1")
    message = Message(id=f"m-{record_id}", sent_at=datetime.now(UTC), sender="c1", sid="s1", body=body)
    plain = json.loads(codec.encode(message))
    plain["body"]["record"] |= more
    return json.dumps(plain).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_newer_cart_says_beyond_what_is_read_is_kept_before_its_receipt(kind: str, tmp_path: Path) -> None:
    with migrated_app(kind, tmp_path) as app:
        server_ward.open_ward()
        with a_gateway(app, tmp_path) as (gateway, said):
            sent = payload_of("r-1", pump_channel={"line": "B", "since": "2026-03-02T01:00:00Z"})
            for _ in range(2):  # it comes again, because a receipt was lost
                gateway.handle(arrived(sent, threading.Event()))
            gateway.handle(arrived(payload_of("r-2"), threading.Event()))
            assert [body.record_id for body in said if isinstance(body, RecordReceived)] == ["r-1", "r-1", "r-2"]
        with reading() as tx:
            assert administrations.get(tx, "r-1") is not None
            kept = [line for line in audit.listed(tx) if line.action == newer.ACTION]
            assert [(line.subject, line.detail["fields"]) for line in kept] == [
                ("record/r-1", {"body.record.pump_channel": {"line": "B", "since": "2026-03-02T01:00:00Z"}})
            ]


def test_a_record_with_a_code_that_the_server_does_not_know_gets_no_receipt_so_that_the_cart_keeps_it(tmp_path: Path) -> None:
    with migrated_app("sqlite", tmp_path) as app:
        server_ward.open_ward()
        with a_gateway(app, tmp_path) as (gateway, said):
            acked = threading.Event()
            gateway.handle(arrived(payload_of("r-1", scans=[{"kind": "scan-of-tomorrow"}]), acked))
            assert acked.is_set(), "the broker lets go of it, the cart does not"
            assert [body for body in said if isinstance(body, RecordReceived)] == []
            gateway.handle(arrived(payload_of("r-1"), threading.Event()))  # by the server after its upgrade
            assert [body.record_id for body in said if isinstance(body, RecordReceived)] == ["r-1"]
        with reading() as tx:
            assert administrations.get(tx, "r-1") is not None
            assert [each.topic for each in views_fleet.rejected(tx)] == [routes.ADMINISTRATION.topic(facility="h1", cart="c1")]
