"""The crash points kill where they say, say so before, and change nothing when nobody asked for it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cart_client import sealed
from cart_client.inbox import Confirm
from cart_client.journal import Journal
from devices.broker import Arrival
from pointofcare.errors import JournalError
from pointofcare.wire import routes
from pointofcare.wire.messages import AdministrationRecorded, EmrState, LeaseAction, LeaseAsked, Message
from server.config import MqttConfig
from server.emr.dispatcher import Dispatcher
from server.emr.fhir_mapping import MappingContext
from server.emr.folder import FolderEmr
from server.mqtt.gateway import Gateway
from server.security import sealing, signing
from server.usecases.facts import Site
from simulation.chaos import control, crash_points
from tests.integration.test_cart_journal import a_record
from tests.support import server_ward
from tests.support.cart_ward import AMOX, AT_REST, CART, KEY, NOW, Stand, band, issued, pack, ward_tables
from tests.support.databases import config_for, migrated_app

CHILD = "cart-1"


def a_run(tmp_path: Path) -> Path:
    """The control folder of one program of a run in `tmp_path`."""
    folder = tmp_path / "control" / CHILD
    folder.mkdir(parents=True)
    return folder


def in_a_child(program: str, folder: Path, work: Callable[[], None]) -> int:
    """The exit status of a process that does `work` with the points armed; negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            crash_points.arm_points(program, control.Control(folder))
            work()
        except BaseException:  # noqa: BLE001 - the child must never return into the test run
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def crashes(tmp_path: Path) -> list[dict[str, object]]:
    file = tmp_path / control.CRASHES
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


# The control.


def test_armed_point_kills_at_the_passing_that_was_named_and_says_so_before(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    control.arm(folder, "here", after=2)
    seen = tmp_path / "seen"

    def work() -> None:
        told = control.Control(folder)
        for number in range(9):
            told.passing("elsewhere")
            seen.write_text(str(number))
            told.passing("here", record=f"r-{number}")

    assert in_a_child("none", folder, work) == -signal.SIGKILL
    assert seen.read_text() == "2"
    (told,) = crashes(tmp_path)
    assert (told["program"], told["point"], told["record"]) == (CHILD, "here", "r-2")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(str(told["at"]))) < timedelta(minutes=1)
    assert not control.disarm(folder)
    assert in_a_child("none", folder, work) == 0
    assert len(crashes(tmp_path)) == 1


def test_crash_that_nobody_passed_is_taken_back(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    control.arm(folder, "here")
    assert control.armed(folder) == "here"
    assert control.disarm(folder)
    assert control.armed(folder) is None
    control.Control(folder).passing("here")
    assert crashes(tmp_path) == []


# The cart.


def a_cart_day(folder: Path) -> None:
    """Every point of the cart in one short life."""
    stand = Stand(folder, full=False)
    for table in ward_tables():
        stand.chart.take(issued(table, KEY), NOW)
    stand.sign_in()
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    record_id = stand.view.session.record_id
    assert stand.press(Confirm, record_id=record_id).done
    stand.journal.settle(record_id, at=NOW)
    stand.journal.settle_emr(record_id, EmrState.SETTLED, at=NOW)


def opened(file: Path) -> Any:
    return sealed.connect(file, None if sealed.is_plain(file) else AT_REST)


ROWS_AT = {  # tables held, doses opened, entries, settlements
    "table-half-received": (1, 0, 0, 0),
    "lease-taken-unused": (4, 0, 0, 0),
    "opened-unshown": (4, 1, 0, 0),
    "confirmed-unjournalled": (4, 1, 0, 0),
    "journalled-unpublished": (4, 1, 1, 0),
    "receipted-unsettled": (4, 1, 1, 0),
    "emr-told-unsettled": (4, 1, 1, 1),
}


@pytest.mark.parametrize("point", ROWS_AT)
def test_cart_is_killed_with_this_on_its_disk(point: str, tmp_path: Path) -> None:
    folder, data = a_run(tmp_path), tmp_path / "data"
    control.arm(folder, point)
    assert in_a_child("cart", folder, lambda: a_cart_day(data)) == -signal.SIGKILL
    assert [told["point"] for told in crashes(tmp_path)] == [point]
    with closing(opened(data / "chart.sqlite")) as chart, closing(opened(data / "journal.sqlite")) as journal:
        held = chart.execute("SELECT count(*) FROM held").fetchone()
        rows = [journal.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("opened", "entry", "settlement")]
    assert (*held, *rows) == ROWS_AT[point]


def test_cart_with_points_that_nobody_armed_works_as_ever(tmp_path: Path) -> None:
    assert in_a_child("cart", a_run(tmp_path), lambda: a_cart_day(tmp_path / "data")) == 0
    assert crashes(tmp_path) == []


def test_table_that_came_half_kills_the_reader(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    control.arm(folder, "table-half-read")

    class Reader:
        """Stands where the MQTT client stands between two reads of its socket."""

    def work() -> None:
        import paho.mqtt.client as paho

        topic = b"poc/1/h1/c/c1/dn/table"
        Reader._packet_read = paho.Client._packet_read  # type: ignore[attr-defined]
        reader = Reader()
        body = len(topic).to_bytes(2, "big") + topic + b"x"
        reader._in_packet = {"command": 0x32, "have_remaining": 1, "packet": bytearray(body), "to_process": 900, "pos": 0}  # type: ignore[attr-defined]

        def empty(_size: int) -> bytes:
            raise BlockingIOError

        reader._sock_recv = empty  # type: ignore[attr-defined]
        reader._packet_read()  # type: ignore[attr-defined]

    assert in_a_child("cart", folder, work) == -signal.SIGKILL
    assert crashes(tmp_path)[0]["bytes_missing"] == 900


# The server.


def a_server_day(directory: Path, database_url: str) -> None:
    """Every point of the server in one short life."""
    from server.app import bare_app

    app = bare_app(config_for(database_url, directory))
    key = signing.load_or_generate(directory / "key.json")
    gateway = Gateway(
        MqttConfig(host="127.0.0.1", port=1, username="server", password="unused"),
        facility="h1",
        key=key,
        site=Site(),
        lifetime=timedelta(hours=24),
        version="test",
        scope=app.app_context,
    )
    asked = LeaseAsked(action=LeaseAction.ACQUIRE, patient="P1", nurse="N1", unsettled=())
    told = AdministrationRecorded(record=server_ward.a_record(record_id="r-1"), seq=1, epoch="e1")
    for route, body in ((routes.LEASE_ASK, asked), (routes.ADMINISTRATION, told)):
        message = Message(id="m", sent_at=server_ward.NOW, sender="c1", sid="s", body=body)
        levels = {"facility": "h1", "cart": "c1"}
        gateway.handle(Arrival(route=route, levels=levels, message=message, retained=False, received_mono_s=0.0, ack=lambda: None))
    emr = FolderEmr(directory / "emr")
    dispatcher = Dispatcher(emr, MappingContext(site="https://h1.example"), scope=app.app_context)
    assert dispatcher.drain_once() == 1
    with app.app_context():
        from server.store import outbox
        from server.store.transaction import transaction

        with transaction(sealing.ACTOR) as tx:
            outbox.mark_told(tx, outbox.untold(tx))
        sealing.Sealer(key, scope=nullcontext).drain()


# leases, records, outbox rows in state "sent", of them told, files at the EMR, audit places
STORED_AT = {
    "lease-granted-untold": (1, 0, 0, 0, 0, False),
    "recorded-uncommitted": (1, 0, 0, 0, 0, False),
    "committed-unreceipted": (1, 1, 0, 0, 0, False),
    "receipted-unacknowledged": (1, 1, 0, 0, 0, False),
    "outbox-claimed": (1, 1, 0, 0, 0, False),
    "emr-answered-unsettled": (1, 1, 0, 0, 1, False),
    "settled-told-unmarked": (1, 1, 1, 0, 1, False),
    "seal-signed-unstored": (1, 1, 1, 1, 1, False),
    "": (1, 1, 1, 1, 1, True),
}


@pytest.mark.parametrize("point", STORED_AT)
def test_server_is_killed_with_this_in_its_store(point: str, tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    with migrated_app("sqlite", tmp_path) as app:
        server_ward.open_ward()
        database_url = app.config["SQLALCHEMY_DATABASE_URI"]
    if point:
        control.arm(folder, point)
    ended = in_a_child("server", folder, lambda: a_server_day(tmp_path, database_url))
    assert ended == (-signal.SIGKILL if point else 0)
    assert [told["point"] for told in crashes(tmp_path)] == ([point] if point else [])
    with sqlite3.connect(database_url.removeprefix("sqlite:///")) as store:
        counts = [
            store.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
            for what in (
                "leases",
                "administrations",
                "outbox WHERE state = 'sent'",
                "outbox WHERE told_at IS NOT NULL",
            )
        ]
        sealed = store.execute("SELECT count(*) FROM audit_leaves").fetchone()[0] > 0
    sent = len(list((tmp_path / "emr").glob("*.json"))) if (tmp_path / "emr").exists() else 0
    assert (*counts, sent, sealed) == STORED_AT[point]


def test_every_point_is_tried() -> None:
    assert {*ROWS_AT, *STORED_AT, "table-half-read"} - {""} == set(crash_points.POINTS)


# The disk and the clock.


def test_full_disk_keeps_the_journal_from_growing_until_there_is_room(tmp_path: Path) -> None:
    folder, told = a_run(tmp_path), tmp_path / "told"

    def work() -> None:
        disk = crash_points.Disk(control.Control(folder))
        disk.watch_cart()
        journal = Journal(tmp_path / "data" / "journal.sqlite", cart=CART)
        journal.append(a_record("r-1"), message_id="m-1")
        control.set_disk_full(folder, True)
        disk.follow()
        why = ""
        for number in range(2, 9):
            try:
                journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")
            except JournalError as exc:
                why = str(exc.fields["why"])
        control.set_disk_full(folder, False)
        disk.follow()
        journal.append(a_record("r-9"), message_id="m-9")
        told.write_text(why)

    assert in_a_child("none", folder, work) == 0
    assert told.read_text() == "disk-full"
    with sqlite3.connect(tmp_path / "data" / "journal.sqlite") as journal:
        kept = [row[0] for row in journal.execute("SELECT record_id FROM entry ORDER BY seq")]
    assert kept[0] == "r-1"
    assert kept[-1] == "r-9"
    assert len(kept) < 9


def test_wall_clock_follows_the_control_and_no_other_clock_does(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    script = f"""
import time
from datetime import UTC, datetime
from pathlib import Path
from simulation.chaos import control, crash_points
folder = Path({str(folder)!r})
control.set_clock(folder, -7200.0)
before = datetime.now(UTC), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
clock = crash_points.WallClock(control.Control(folder))
clock.follow()
after = datetime.now(UTC), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
print(round((after[0] - before[0]).total_seconds() / 60), after[1] - before[1] < 60, after[2] - before[2] < 60)
control.set_clock(folder, 0.0)
clock.follow()
print(round((datetime.now(UTC) - before[0]).total_seconds() / 60))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["-120", "True", "True", "0"]


@pytest.mark.parametrize("program", ["cart", "server"])
def test_program_is_the_products_own(program: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulation.chaos.program", program, "--help"]
    said = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, control.ENVIRONMENT: str(a_run(tmp_path))}
    )
    assert said.returncode == 0
    assert f"pointofcare-{program}" in said.stdout


def test_no_thread_is_left_by_these_tests() -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "chaos"]
