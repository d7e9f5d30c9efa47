"""Points in the programs at which a power cut hurts most, and a clock and a disk that fail, put around the product from outside.

The product holds no hook for any of it: each point wraps a function of it when the program starts. A wrapper changes nothing and
decides nothing; it only tells the control that the program is there now. Never imported by a product program.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from simulation.chaos.control import Control, really_now

WATCH_S = 0.1
_ANY_SIZE = 0xFFFFFFFE
_PUBLISH = 0x30


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`program` is "cart" or "server". `about` says what is durable there and what is not."""

    program: str
    about: str
    install: Callable[[Control], None]


def arm_points(program: str, control: Control) -> None:
    """Wraps what the points of this program need."""
    for point in POINTS.values():
        if point.program == program:
            point.install(control)


Wrapped = Callable[..., Any]


def _wrap(owner: Any, name: str, wrapper: Callable[[Wrapped], Wrapped]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrapper(original)))


# The cart.


def _confirmed_unjournalled(control: Control) -> None:
    from cart_client.journal import Journal

    def wrapper(append: Wrapped) -> Wrapped:
        def appending(self: Any, record: Any, **more: Any) -> Any:
            control.passing("confirmed-unjournalled", record=record.record_id)
            return append(self, record, **more)

        return appending

    _wrap(Journal, "append", wrapper)


def _journalled_unpublished(control: Control) -> None:
    from cart_client.journal import Journal

    def wrapper(append: Wrapped) -> Wrapped:
        def appending(self: Any, kind: str, record_id: str, *rest: Any, **more: Any) -> Any:
            with self._lock:  # nobody reads the row, so nobody sends it, before this passes
                before = self.last_seq()
                entry = append(self, kind, record_id, *rest, **more)
                if entry.seq > before:
                    control.passing("journalled-unpublished", record=record_id, kind=kind, seq=entry.seq)
            return entry

        return appending

    _wrap(Journal, "_append", wrapper)


def _opened_unshown(control: Control) -> None:
    from cart_client.journal import Journal

    def wrapper(open_dose: Wrapped) -> Wrapped:
        def opening(self: Any, record: Any, **more: Any) -> Any:
            done = open_dose(self, record, **more)
            control.passing("opened-unshown", record=record.record_id)
            return done

        return opening

    _wrap(Journal, "open_dose", wrapper)


def _receipted_unsettled(control: Control) -> None:
    from cart_client.journal import Journal

    def wrapper(settle: Wrapped) -> Wrapped:
        def settling(self: Any, record_id: str, **more: Any) -> Any:
            control.passing("receipted-unsettled", record=record_id)
            return settle(self, record_id, **more)

        return settling

    _wrap(Journal, "settle", wrapper)


def _emr_told_unsettled(control: Control) -> None:
    from cart_client.journal import Journal

    def wrapper(settle: Wrapped) -> Wrapped:
        def settling(self: Any, record_id: str, *rest: Any, **more: Any) -> Any:
            control.passing("emr-told-unsettled", record=record_id)
            return settle(self, record_id, *rest, **more)

        return settling

    _wrap(Journal, "settle_emr", wrapper)


def _lease_taken_unused(control: Control) -> None:
    from cart_client.condition import Condition

    newest: dict[str | None, int] = {}  # prolonged is not granted

    def wrapper(told: Wrapped) -> Wrapped:
        def telling(self: Any, answer: Any, patient: str | None, *rest: Any, **more: Any) -> Any:
            done = told(self, answer, patient, *rest, **more)
            if answer.patient == patient and answer.fence is not None and newest.get(patient) != answer.fence:
                newest[patient] = answer.fence
                control.passing("lease-taken-unused", patient=patient, fence=answer.fence)
            return done

        return telling

    _wrap(Condition, "lease_told", wrapper)


class _Watched:
    """A connection that tells after each statement what it was."""

    def __init__(self, connection: Any, ran: Callable[[str], None]) -> None:
        self._connection, self._ran = connection, ran

    def execute(self, statement: str, *rest: Any) -> Any:
        done = self._connection.execute(statement, *rest)
        self._ran(statement)
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _table_half_received(control: Control) -> None:
    from cart_client.chart import Chart

    def ran(statement: str) -> None:
        if statement.startswith("INSERT OR REPLACE INTO held"):
            control.passing("table-half-received")

    def wrapper(make: Wrapped) -> Wrapped:
        def making(self: Any, *rest: Any, **more: Any) -> None:
            make(self, *rest, **more)
            self._db = _Watched(self._db, ran)

        return making

    _wrap(Chart, "__init__", wrapper)


def _table_half_read(control: Control) -> None:
    from paho.mqtt.client import Client

    def wrapper(read: Wrapped) -> Wrapped:
        def reading(self: Any) -> Any:
            done = read(self)
            packet = self._in_packet
            come = packet["packet"]
            if packet["command"] & 0xF0 == _PUBLISH and packet["to_process"] > 0 and len(come) > 2:
                topic = bytes(come[2 : 2 + int.from_bytes(come[:2], "big")])
                if b"/table" in topic:
                    control.passing("table-half-read", bytes_read=len(come), bytes_missing=packet["to_process"])
            return done

        return reading

    _wrap(Client, "_packet_read", wrapper)


# The server.


def _recorded_uncommitted(control: Control) -> None:
    from server.usecases import administrations

    def wrapper(record: Wrapped) -> Wrapped:
        def recording(tx: Any, one: Any, **more: Any) -> Any:
            recorded = record(tx, one, **more)
            if not recorded.duplicate:
                control.passing("recorded-uncommitted", record=one.record_id)
            return recorded

        return recording

    _wrap(administrations, "record", wrapper)


def _committed_unreceipted(control: Control) -> None:
    from server.mqtt.gateway import Gateway

    def wrapper(receipt: Wrapped) -> Wrapped:
        def receipting(self: Any, cart: str, recorded: Any, *rest: Any, **more: Any) -> Any:
            if not recorded.duplicate:
                control.passing("committed-unreceipted", record=recorded.record_id, cart=cart)
            return receipt(self, cart, recorded, *rest, **more)

        return receipting

    _wrap(Gateway, "_receipt", wrapper)


def _receipted_unacknowledged(control: Control) -> None:
    from server.mqtt.gateway import Gateway

    def wrapper(receipt: Wrapped) -> Wrapped:
        def receipting(self: Any, cart: str, recorded: Any, *rest: Any, **more: Any) -> Any:
            done = receipt(self, cart, recorded, *rest, **more)
            control.passing("receipted-unacknowledged", record=recorded.record_id, cart=cart)
            return done

        return receipting

    _wrap(Gateway, "_receipt", wrapper)


def _lease_granted_untold(control: Control) -> None:
    from pointofcare.wire.messages import LeaseAnswered
    from server.mqtt.gateway import Gateway

    def wrapper(publish: Wrapped) -> Wrapped:
        def publishing(self: Any, route: Any, body: Any, **levels: str) -> Any:
            if isinstance(body, LeaseAnswered) and body.fence is not None:
                control.passing("lease-granted-untold", patient=body.patient, fence=body.fence, cart=levels.get("cart"))
            return publish(self, route, body, **levels)

        return publishing

    _wrap(Gateway, "_publish", wrapper)


def _outbox_claimed(control: Control) -> None:
    from server.emr.dispatcher import Dispatcher

    def wrapper(deliver: Wrapped) -> Wrapped:
        def delivering(self: Any, item: Any, *rest: Any, **more: Any) -> Any:
            control.passing("outbox-claimed", record=item.record_id)
            return deliver(self, item, *rest, **more)

        return delivering

    _wrap(Dispatcher, "_deliver", wrapper)


def _emr_answered_unsettled(control: Control) -> None:
    from server.emr.fhir import FhirEmr
    from server.emr.folder import FolderEmr

    def wrapper(submit: Wrapped) -> Wrapped:
        def submitting(self: Any, payload: bytes, record_id: str, *rest: Any, **more: Any) -> Any:
            accepted = submit(self, payload, record_id, *rest, **more)
            control.passing("emr-answered-unsettled", record=record_id, emr_id=accepted.emr_id)
            return accepted

        return submitting

    for adapter in (FhirEmr, FolderEmr):
        _wrap(adapter, "submit", wrapper)


def _settled_told_unmarked(control: Control) -> None:
    from server.store import outbox

    def wrapper(mark_told: Wrapped) -> Wrapped:
        def marking(tx: Any, items: Any, *rest: Any, **more: Any) -> Any:
            control.passing("settled-told-unmarked", records=[item.record_id for item in items])
            return mark_told(tx, items, *rest, **more)

        return marking

    _wrap(outbox, "mark_told", wrapper)


def _seal_signed_unstored(control: Control) -> None:
    from server.store import audit_log

    def wrapper(put: Wrapped) -> Wrapped:
        def putting(tx: Any, found: Any, grown: Any, *rest: Any, **more: Any) -> Any:
            control.passing("seal-signed-unstored", size=grown.size)
            return put(tx, found, grown, *rest, **more)

        return putting

    _wrap(audit_log, "put", wrapper)


POINTS: Mapping[str, Point] = {
    "opened-unshown": Point(
        program="cart", about="the verified dose is durable as open, no drawer and no screen has said so", install=_opened_unshown
    ),
    "confirmed-unjournalled": Point(
        program="cart", about="confirm was pressed, nothing of it is on the disk", install=_confirmed_unjournalled
    ),
    "journalled-unpublished": Point(
        program="cart", about="the record is committed in the journal, nobody has sent it or said so", install=_journalled_unpublished
    ),
    "receipted-unsettled": Point(
        program="cart", about="the server's receipt is here, the journal has not noted it", install=_receipted_unsettled
    ),
    "emr-told-unsettled": Point(
        program="cart", about="the server's word of the EMR is here, the journal has not noted it", install=_emr_told_unsettled
    ),
    "lease-taken-unused": Point(
        program="cart", about="the lease is granted and received, no verdict has used it", install=_lease_taken_unused
    ),
    "table-half-received": Point(
        program="cart",
        about="a new table is on the disk, the program works with the old one, the others of its round are on their way",
        install=_table_half_received,
    ),
    "table-half-read": Point(program="cart", about="some bytes of a table have come out of the socket, not all", install=_table_half_read),
    "recorded-uncommitted": Point(
        program="server", about="every statement of a record's transaction ran, it is not committed", install=_recorded_uncommitted
    ),
    "committed-unreceipted": Point(
        program="server", about="the record is committed, its receipt is not published", install=_committed_unreceipted
    ),
    "receipted-unacknowledged": Point(
        program="server", about="the receipt is published, the broker has no acknowledgement", install=_receipted_unacknowledged
    ),
    "lease-granted-untold": Point(program="server", about="a lease is granted, its cart does not know", install=_lease_granted_untold),
    "outbox-claimed": Point(program="server", about="an outbox row is claimed for this worker, nothing was sent", install=_outbox_claimed),
    "emr-answered-unsettled": Point(
        program="server", about="the EMR holds the record and said so, the outbox does not know", install=_emr_answered_unsettled
    ),
    "settled-told-unmarked": Point(
        program="server", about="the cart was told of the EMR, the outbox does not know", install=_settled_told_unmarked
    ),
    "seal-signed-unstored": Point(
        program="server", about="a checkpoint of the audit is signed, neither it nor its places are stored", install=_seal_signed_unstored
    ),
}


# The clock and the disk.


class WallClock:
    """This program's wall clock, off by what the control says. Monotonic and boot clocks are left alone."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._offset_s = 0.0
        self._travelling: Any = None

    def follow(self) -> None:
        offset_s = self._control.clock_offset_s
        if offset_s == self._offset_s:
            return
        import time_machine

        if self._travelling is not None:
            self._travelling.stop()
            self._travelling = None
        if offset_s:
            self._travelling = time_machine.travel(really_now() + timedelta(seconds=offset_s), tick=True)
            self._travelling.start()
        self._offset_s = offset_s


class Disk:
    """A full disk, as SQLite meets it: no database may grow by a page (`max_page_count`), so that a write ends with SQLITE_FULL when
    it needs room, exactly as with no space left. What fits into pages that are there still goes through, as it may on a disk.
    Logs and PostgreSQL are not touched."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._kept: list[tuple[weakref.ref[Any], int, bool]] = []
        self._lock = threading.Lock()

    def watch_cart(self) -> None:
        from cart_client.chart import Chart
        from cart_client.journal import Journal

        def wrapper(make: Wrapped) -> Wrapped:
            def making(owner: Any, *rest: Any, **more: Any) -> None:
                make(owner, *rest, **more)
                most = int(owner._db.execute("PRAGMA max_page_count").fetchone()[0])
                with self._lock:
                    self._kept.append((weakref.ref(owner), most, False))
                self.follow()

            return making

        for owner in (Journal, Chart):
            _wrap(owner, "__init__", wrapper)

    def watch_server(self) -> None:
        from sqlalchemy import event
        from sqlalchemy.pool import Pool

        @event.listens_for(Pool, "checkout")
        def _taken(connection: Any, record: Any, _proxy: Any) -> None:
            full = self._control.disk_full
            if isinstance(connection, sqlite3.Connection) and record.info.get("disk-full", False) is not full:
                connection.execute(f"PRAGMA max_page_count={1 if full else _ANY_SIZE}")
                record.info["disk-full"] = full

    def follow(self) -> None:
        full = self._control.disk_full
        with self._lock:
            kept, self._kept = self._kept, []
            for ref, most, was in kept:
                owner = ref()
                if owner is None:
                    continue
                if was is not full:
                    with owner._lock, contextlib.suppress(Exception):
                        owner._db.execute(f"PRAGMA max_page_count={1 if full else most}")
                        was = full
                self._kept.append((ref, most, was))


def watch(program: str, control: Control) -> None:
    """From now on this program's clock and disk are what the control says."""
    clock, disk = WallClock(control), Disk(control)
    clock.follow()
    if program == "cart":
        disk.watch_cart()
    else:
        disk.watch_server()
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(WATCH_S):
            clock.follow()
            disk.follow()

    threading.Thread(target=look, name="chaos", daemon=True).start()
