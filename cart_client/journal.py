"""The cart's journal: the first durable hop of every dose. What `append` returned for survives a kill and a power cut.

Append-only SQLite, WAL with synchronous=FULL: records, attempts and measured values under one sequence, and what became of each
(a receipt of the server, the state at the EMR) as further rows. Nothing is updated or deleted, which triggers enforce. It never
invents a time or an id, and never says "written" before the disk did.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlite3

from cart_client import journal_tables, sealed
from cart_client.clock import Kept
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import JournalError
from pointofcare.wire import codec, routes
from pointofcare.wire.blanks import Form
from pointofcare.wire.messages import (
    AdministrationRecorded,
    AttemptStopped,
    BedsideNoted,
    EmrState,
    FleetEvent,
    Message,
    ObservationRecorded,
)

_Body = AdministrationRecorded | AttemptStopped | ObservationRecorded | BedsideNoted
# The broker client puts the connection's own in its place.
_SID = "journal"
_KEPT_DECODED = 5000
# Of what the EMR said of one record.
_MOST_WORDS = 16
MOST_WAITING = 500  # records of which one message asks
_APPEND_ONLY = ("entry", "settlement", "opened", "event", "acknowledged", "meta")
_ROUTES = {"administration": routes.ADMINISTRATION, "attempt": routes.ATTEMPT, "observation": routes.OBSERVATION, "note": routes.NOTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row: the message exactly as it is sent, every time. `journalled_at` never runs backwards from row to row."""

    seq: int
    record_id: str
    kind: str
    journalled_at: datetime
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a record has come. `emr` None: the server has not told. `discrepancies` counts what a person will look at."""

    here: bool = False
    at_server: bool = False
    emr: EmrState | None = None
    emr_id: str | None = None
    discrepancies: int = 0


class Journal:
    """One database file, one writer at a time; safe to call from several threads. Raises: JournalError from every call.

    `at_rest` is the key that the file is encrypted with (`at_rest.unlock`); without one it is in clear, which only tests want."""

    def __init__(self, path: Path, *, cart: str, at_rest: sealed.Key | None = None, max_pages: int | None = None) -> None:
        self._cart = cart
        self._lock = threading.RLock()
        # Rows never change, so each is decoded once; bounded, newest kept.
        self._decoded: OrderedDict[str, Entry] = OrderedDict()
        self._opened: dict[str, AdministrationRecord] = {}
        # Every row up to this number has its receipt: a look at what waits must not grow with what the cart ever did.
        self._received_upto = 0
        self._changes = 0
        # The newest row's number and time, while it is sure.
        self._last: tuple[int, datetime] | None = None
        with _translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sealed.connect(path, at_rest)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            if max_pages is not None:
                self._db.execute(f"PRAGMA max_page_count={int(max_pages)}")
            self._prepare()
            # Beside the journal's own tables, and not append-only: a bounded number of statements about another machine's log, and the
            # newest word about the time.
            self._db.execute("CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY, at TEXT NOT NULL, jws TEXT NOT NULL UNIQUE)")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), boot_id TEXT NOT NULL, mono_s REAL NOT NULL, "
                "at TEXT NOT NULL, error_s REAL, measured_mono_s REAL)"
            )
            self._db.execute("CREATE TABLE IF NOT EXISTS wrong_pin (badge TEXT PRIMARY KEY, wrong INTEGER NOT NULL, at TEXT NOT NULL)")
            self._db.execute("CREATE TABLE IF NOT EXISTS pin_cleared (badge TEXT PRIMARY KEY, at TEXT NOT NULL)")
            files = [str(file) for file in (path, path.with_name(path.name + "-wal")) if file.exists()]
            self._files = tuple((file, _identity(file)) for file in files)
            self.epoch = str(self._one("SELECT value FROM meta WHERE name = 'epoch'")[0])

    def _prepare(self) -> None:
        version = self._one("PRAGMA user_version")[0]
        if version > journal_tables.VERSION:
            raise JournalError("the journal was written by a newer program", remedy="install the newer cart program again", why="newer")
        if version == 0:
            with self._transaction():
                for statement in journal_tables.SCHEMA.split(";\n"):
                    if statement.strip():
                        self._db.execute(statement)
                for table in _APPEND_ONLY:
                    self._guard(table)
                self._db.execute("INSERT INTO meta VALUES ('epoch', ?)", (secrets.token_hex(8),))
                self._db.execute(f"PRAGMA user_version={journal_tables.VERSION}")
        elif self._one("PRAGMA quick_check")[0] != "ok":
            raise JournalError("the journal is damaged", remedy="keep the file, call support, chart on paper", why="damaged")
        elif version < journal_tables.VERSION:
            self._take_more_kinds()

    def _guard(self, table: str) -> None:
        for verb in ("UPDATE", "DELETE"):
            self._db.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
            )

    def _take_more_kinds(self) -> None:
        """From version 1, whose rows could not be measured values, or 2, whose rows could be no notes: all of them copied, in one
        transaction."""
        with self._transaction():
            for verb in ("update", "delete"):
                self._db.execute(f"DROP TRIGGER entry_no_{verb}")
            self._db.execute("DROP INDEX entry_effective")
            self._db.execute("ALTER TABLE entry RENAME TO entry_1")
            self._db.execute(journal_tables.ENTRY)
            self._db.execute("INSERT INTO entry SELECT seq, record_id, kind, journalled_at, patient, effective_at, payload FROM entry_1")
            self._db.execute("DROP TABLE entry_1")
            self._db.execute(journal_tables.ENTRY_INDEX)
            self._guard("entry")
            self._db.execute(f"PRAGMA user_version={journal_tables.VERSION}")

    def close(self) -> None:
        with self._lock, _translated():
            self._db.close()

    @property
    def changes(self) -> int:
        """Another number after each try to write a row: while it is the same, this cart has recorded nothing."""
        return self._changes

    def prepare(self, record: AdministrationRecord, *, facts: str) -> Form | None:
        """What `append` can be given for this record or the same a moment later. Writes nothing. Raises: MessageError."""
        return codec.prepare(self._message(self._body(record, facts), message_id=record.record_id, at=record.recorded_at, seq=1))

    def append(self, record: AdministrationRecord, *, message_id: str, facts: str | None = None, prepared: Form | None = None) -> Entry:
        """Make `record` durable, with the packed facts of its verdict. The same record again changes nothing and returns its row.
        `prepared` saves time and changes nothing: where it is not this record's, the row is written without it.

        Raises: JournalError when it is not on disk (`why`: disk-full, read-only, damaged, busy, conflict).
        """
        body = self._body(record, facts or self._opened_facts(record.record_id))
        at = record.recorded_at
        return self._append("administration", record.record_id, record.patient, at, record.effective_at, body, message_id, prepared)

    def _body(self, record: AdministrationRecord, facts: str | None) -> AdministrationRecorded:
        return AdministrationRecorded(record=record, seq=0, epoch=self.epoch, facts=facts)

    def _message(self, body: _Body, *, message_id: str, at: datetime, seq: int) -> Message:
        """As it is sent: the epoch is the journal's, whatever the body says."""
        return Message(id=message_id, sent_at=at, sender=self._cart, sid=_SID, body=replace(body, seq=seq, epoch=self.epoch))

    def append_attempt(self, attempt: AttemptStopped, *, message_id: str) -> Entry:
        """Make the evidence of a dose that was not given durable, like `append`."""
        attempt = replace(attempt, facts=attempt.facts or self._opened_facts(attempt.record_id))
        return self._append("attempt", attempt.record_id, attempt.patient, attempt.at, attempt.at, attempt, message_id)

    def append_observation(self, observation: ObservationRecorded, *, message_id: str) -> Entry:
        """Make a measured value durable, like `append`."""
        at = observation.at
        return self._append("observation", observation.record_id, observation.patient, at, at, observation, message_id)

    def append_note(self, note: BedsideNoted, *, message_id: str) -> Entry:
        """Make durable what was said or done at a bedside and is no dose, like `append`."""
        return self._append("note", note.record_id, note.patient, note.recorded_at, note.at, note, message_id)

    def _append(
        self,
        kind: str,
        record_id: str,
        patient: str | None,
        now: datetime,
        effective_at: datetime,
        body: _Body,
        message_id: str,
        prepared: Form | None = None,
    ) -> Entry:
        def insert(last_seq: int, last_at: datetime) -> Entry:
            seq, at = last_seq + 1, max(now, last_at)
            message = self._message(body, message_id=message_id, at=at, seq=seq)
            self._db.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)",
                (seq, record_id, kind, _text(at), patient, _text(effective_at), codec.encode(message, prepared)),
            )
            return Entry(seq=seq, record_id=record_id, kind=kind, journalled_at=at, message=message)

        with self._lock, _translated():
            self._still_there()
            self._changes += 1  # before the disk: after a fault nobody knows whether it took the row
            last, self._last, entry = self._last, None, None  # the last is known again when the disk has taken this one
            if last is not None:
                # One statement is a transaction of its own. A row that is there already is refused by its key, and looked at below.
                with contextlib.suppress(sqlite3.IntegrityError):
                    entry = insert(*last)
            if entry is None:
                with self._transaction():
                    held = self._find(record_id)
                    if held is not None:
                        return self._same(held, body)
                    row = self._one(_LAST)
                    entry = insert(int(row[0]), _time(row[1])) if row is not None else insert(0, now)
            self._last = (entry.seq, entry.journalled_at)
            self._still_there()
            return entry

    def _still_there(self) -> None:
        """SQLite goes on writing into a file that was deleted or replaced; what is written there is gone with the next start."""
        if any(_identity(file) != known for file, known in self._files):
            raise JournalError(
                "the journal's file was taken away while the cart ran",
                remedy="not recorded: chart on paper, use another cart, call support",
                why="damaged",
            )

    def _same(self, held: Entry, body: _Body) -> Entry:
        numbered = replace(body, seq=held.seq, epoch=self.epoch)
        before = held.message.body
        if isinstance(numbered, AdministrationRecorded) and isinstance(before, AdministrationRecorded):
            numbered = replace(numbered, facts=before.facts)  # asked again a moment later, other facts are at hand
        wanted = codec.encode(replace(held.message, body=numbered))
        if wanted != codec.encode(held.message):
            raise JournalError(
                f"record {held.record_id} is already journalled with other content",
                remedy="start this dose again",
                why="conflict",
                record_id=held.record_id,
            )
        return held

    def open_dose(self, record: AdministrationRecord, *, at: datetime, facts: str | None = None) -> None:
        """Note durably that this dose was verified and may be in the patient's hand; it is open until a row has its id. `facts` are
        those of its verdict, for whoever tells later what became of it."""
        body = AdministrationRecorded(record=record, seq=1, epoch=self.epoch, facts=facts)
        message = Message(id=record.record_id, sent_at=at, sender=self._cart, sid=_SID, body=body)
        with self._lock, _translated():
            self._still_there()
            with self._transaction():
                statement = "INSERT OR IGNORE INTO opened VALUES (?, ?, ?)"
                self._db.execute(statement, (record.record_id, _text(at), codec.encode(message)))
            self._still_there()

    def open_doses(self) -> tuple[AdministrationRecord, ...]:
        """Doses that were verified and neither confirmed nor declined, oldest first."""
        with self._lock, _translated():
            rows = self._db.execute(
                "SELECT record_id FROM opened WHERE record_id NOT IN (SELECT record_id FROM entry) ORDER BY at"
            ).fetchall()
            self._opened = {record_id: self._opened_record(record_id) for (record_id,) in rows}
            return tuple(self._opened.values())

    def _opened_record(self, record_id: str) -> AdministrationRecord:
        held = self._opened.get(record_id)
        if held is not None:
            return held
        payload = self._db.execute("SELECT payload FROM opened WHERE record_id = ?", (record_id,)).fetchone()[0]
        return _record(codec.decode(routes.ADMINISTRATION, payload))

    def _opened_facts(self, record_id: str) -> str | None:
        with self._lock, _translated():
            row = self._db.execute("SELECT payload FROM opened WHERE record_id = ?", (record_id,)).fetchone()
            body = codec.decode(routes.ADMINISTRATION, row[0]).body if row is not None else None
        return body.facts if isinstance(body, AdministrationRecorded) else None

    def unsent(self, *, after: int = 0, limit: int = 50) -> tuple[Entry, ...]:
        """Rows without the server's receipt, in order."""
        with self._lock, _translated():
            rows = self._db.execute(
                "SELECT record_id FROM entry WHERE seq > ? AND record_id NOT IN (SELECT record_id FROM settlement WHERE kind = 'received') "
                "ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
            return tuple(self._held(record_id) for (record_id,) in rows)

    def waiting(self, *, limit: int) -> tuple[str, ...]:
        """Ids of the oldest rows without the server's receipt, in order."""
        with self._lock, _translated():
            rows = self._db.execute(f"SELECT seq, record_id {_WAITING} ORDER BY seq LIMIT ?", (self._received_upto, limit)).fetchall()
            self._received_upto = rows[0][0] - 1 if rows else int(self._one("SELECT coalesce(max(seq), 0) FROM entry")[0])
            return tuple(str(record_id) for _, record_id in rows)

    def received(self, first: int, last: int, *, limit: int) -> tuple[Entry, ...]:
        """The rows with these numbers of which the server's receipt is here, in order."""
        with self._lock, _translated():
            first, last = max(first, 0), min(last, 2**53)
            rows = self._db.execute(
                "SELECT record_id FROM entry WHERE seq BETWEEN ? AND ? "
                "AND record_id IN (SELECT record_id FROM settlement WHERE kind = 'received') ORDER BY seq LIMIT ?",
                (first, last, limit),
            ).fetchall()
            return tuple(self._held(record_id) for (record_id,) in rows)

    def unsent_count(self) -> int:
        with self._lock, _translated():
            return int(self._db.execute(f"SELECT count(*) {_WAITING}", (self._received_upto,)).fetchone()[0])

    def unsettled(self, patient: str) -> tuple[str, ...]:
        """Ids of this patient's doses that the server may not know: open ones, and what is told of them without a receipt."""
        with self._lock, _translated():
            rows = self._db.execute(
                "SELECT record_id FROM entry WHERE patient = ? "
                "AND (kind = 'administration' OR record_id IN (SELECT record_id FROM opened)) "
                "AND record_id NOT IN (SELECT record_id FROM settlement WHERE kind = 'received') ORDER BY seq",
                (patient,),
            ).fetchall()
            opened = [record.record_id for record in self.open_doses() if record.patient == patient]
            return (*(str(record_id) for (record_id,) in rows), *opened)

    def last_seq(self) -> int:
        with self._lock, _translated():
            return int(self._one("SELECT coalesce(max(seq), 0) FROM entry")[0])

    def entry(self, record_id: str) -> Entry | None:
        with self._lock, _translated():
            return self._find(record_id)

    def administrations(self, *, since: datetime) -> tuple[AdministrationRecord, ...]:
        """What this cart recorded with an effective time from `since` on, in the order of its rows."""
        with self._lock, _translated():
            rows = self._db.execute(
                "SELECT record_id FROM entry WHERE kind = 'administration' AND effective_at >= ? ORDER BY seq", (_text(since),)
            ).fetchall()
            return tuple(_record(self._held(record_id).message) for (record_id,) in rows)

    def observations(self, *, since: datetime) -> tuple[ObservationRecorded, ...]:
        """What was measured at this cart from `since` on, in the order of its rows."""
        with self._lock, _translated():
            rows = self._db.execute(
                "SELECT record_id FROM entry WHERE kind = 'observation' AND effective_at >= ? ORDER BY seq", (_text(since),)
            ).fetchall()
            bodies = [self._held(record_id).message.body for (record_id,) in rows]
            return tuple(body for body in bodies if isinstance(body, ObservationRecorded))

    def notes(self, *, since: datetime) -> tuple[BedsideNoted, ...]:
        """What was noted at this cart as of `since` or later, in the order of its rows."""
        with self._lock, _translated():
            rows = self._db.execute(
                "SELECT record_id FROM entry WHERE kind = 'note' AND effective_at >= ? ORDER BY seq", (_text(since),)
            ).fetchall()
            bodies = [self._held(record_id).message.body for (record_id,) in rows]
            return tuple(body for body in bodies if isinstance(body, BedsideNoted))

    def settle(self, record_id: str, *, at: datetime, duplicate: bool = False, discrepancies: int = 0) -> bool:
        """Note the server's receipt. False when the row is not ours or was settled before: a receipt may come twice."""
        return self._settlement(record_id, "received", "duplicate" if duplicate else "new", {"discrepancies": discrepancies}, at)

    def settle_emr(self, record_id: str, state: EmrState, *, at: datetime, emr_id: str | None = None) -> bool:
        """Note what the EMR made of it. False when that is already the newest word, or when the EMR has taken it: that is the last."""
        return self._settlement(record_id, "emr", state.value, {"emr_id": emr_id}, at)

    def _settlement(self, record_id: str, kind: str, state: str, detail: dict[str, object], at: datetime) -> bool:
        with self._lock, _translated(), self._transaction():
            if self._find(record_id) is None:
                return False
            newest = self._db.execute(
                "SELECT state FROM settlement WHERE record_id = ? AND kind = ? ORDER BY id DESC LIMIT 1", (record_id, kind)
            ).fetchone()
            if newest is not None and (kind == "received" or newest[0] in (state, EmrState.SETTLED.value)):
                return False
            if state != EmrState.SETTLED.value and self._words(record_id, kind) >= _MOST_WORDS:
                return False  # old words that come again and again must not fill the disk
            self._db.execute(
                "INSERT INTO settlement (record_id, kind, state, detail, at) VALUES (?, ?, ?, ?, ?)",
                (record_id, kind, state, json.dumps(detail), _text(at)),
            )
            return True

    def _words(self, record_id: str, kind: str) -> int:
        row = self._db.execute("SELECT count(*) FROM settlement WHERE record_id = ? AND kind = ?", (record_id, kind)).fetchone()
        return int(row[0])

    def waiting_for_emr(self, *, since: datetime, limit: int = MOST_WAITING) -> tuple[str, ...]:
        """Records of the EMR's kinds given or measured at `since` or later, at the server, of which the EMR's last word is not here: the
        newest ones."""
        with self._lock, _translated():
            rows = self._db.execute(journal_tables.WAITING_FOR_EMR, (_text(since), EmrState.SETTLED.value, limit)).fetchall()
        return tuple(record_id for (record_id,) in rows)

    def standing(self, record_id: str) -> Standing:
        with self._lock, _translated():
            rows = self._db.execute("SELECT kind, state, detail FROM settlement WHERE record_id = ? ORDER BY id", (record_id,)).fetchall()
            standing = Standing(here=self._find(record_id) is not None)
        for kind, state, detail in rows:
            known = json.loads(detail)
            if kind == "received":
                standing = replace(standing, at_server=True, discrepancies=known["discrepancies"])
            else:
                standing = replace(standing, emr=EmrState(state), emr_id=known["emr_id"])
        return standing

    def note(self, kind: str, *, at: datetime, details: dict[str, object] | None = None) -> int:
        """Note something that happened to the cart (never to a patient); its number among the fleet events."""
        with self._lock, _translated(), self._transaction():
            cursor = self._db.execute(
                "INSERT INTO event (at, kind, details) VALUES (?, ?, ?)", (_text(at), kind, json.dumps(details or {}))
            )
            return int(cursor.lastrowid or 0)

    def events(self, *, limit: int = 50) -> tuple[FleetEvent, ...]:
        """Fleet events that the server has not acknowledged, in order."""
        with self._lock, _translated():
            rows = self._db.execute(
                "SELECT seq, at, kind, details FROM event WHERE seq > (SELECT coalesce(max(upto), 0) FROM acknowledged) "
                "ORDER BY seq LIMIT ?",
                (limit,),
            ).fetchall()
        return tuple(
            FleetEvent(seq=seq, epoch=self.epoch, kind=kind, at=_time(at), details=json.loads(details), first=rows[0][0])
            for seq, at, kind, details in rows
        )

    def acknowledge(self, epoch: str, upto: int) -> None:
        """The server has every fleet event up to `upto`; an acknowledgement of another epoch or of the future is ignored."""
        with self._lock, _translated(), self._transaction():
            newest = int(self._one("SELECT coalesce(max(seq), 0) FROM event")[0])
            known = int(self._one("SELECT coalesce(max(upto), 0) FROM acknowledged")[0])
            if epoch == self.epoch and known < upto <= newest:
                self._db.execute("INSERT INTO acknowledged (upto) VALUES (?)", (upto,))

    def keep_checkpoint(self, jws: str, *, at: datetime, keep: Callable[[Sequence[tuple[int, datetime]]], Collection[int]]) -> bool:
        """Keep a statement of the server's audit log; `keep` says which of all (number, when) stay. False: it is kept already."""
        with self._lock, _translated(), self._transaction():
            cursor = self._db.execute("INSERT OR IGNORE INTO checkpoint (at, jws) VALUES (?, ?)", (_text(at), jws))
            found = self._db.execute("SELECT id, at FROM checkpoint ORDER BY id").fetchall()
            staying = keep([(number, _time(came_at)) for number, came_at in found])
            self._db.executemany("DELETE FROM checkpoint WHERE id = ?", [(number,) for number, _ in found if number not in staying])
            return cursor.rowcount == 1

    def keep_time(self, kept: Kept) -> None:
        """Keep what is known of the time now, for the next start."""
        with self._lock, _translated(), self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO clock (id, boot_id, mono_s, at, error_s, measured_mono_s) VALUES (1, ?, ?, ?, ?, ?)",
                (kept.boot_id, kept.mono_s, _text(kept.at), kept.error_s, kept.measured_mono_s),
            )

    def kept_time(self) -> Kept | None:
        with self._lock, _translated():
            row = self._one("SELECT boot_id, mono_s, at, error_s, measured_mono_s FROM clock")
        return Kept(boot_id=row[0], mono_s=row[1], at=_time(row[2]), error_s=row[3], measured_mono_s=row[4]) if row is not None else None

    def last_at(self) -> datetime | None:
        """When the newest row was journalled; no later row says an earlier time."""
        with self._lock, _translated():
            last = self._one(_LAST)
        return _time(last[1]) if last is not None else None

    def keep_wrong_pins(self, badge: str, wrong: int, *, at: datetime) -> None:
        """How many wrong PINs in a row a badge has here; 0 forgets it. Raises: JournalError."""
        with self._lock, _translated(), self._transaction():
            self._db.execute("DELETE FROM wrong_pin WHERE badge = ?", (badge,))
            if wrong:
                self._db.execute("INSERT INTO wrong_pin (badge, wrong, at) VALUES (?, ?, ?)", (badge, wrong, _text(at)))

    def wrong_pins(self) -> tuple[tuple[str, int, datetime], ...]:
        """(badge, wrong, when) of every badge whose newest PIN was wrong. Raises: JournalError."""
        with self._lock, _translated():
            rows = self._db.execute("SELECT badge, wrong, at FROM wrong_pin").fetchall()
        return tuple((str(badge), int(wrong), datetime.fromisoformat(at)) for badge, wrong, at in rows)

    def keep_pin_cleared(self, badge: str, at: datetime) -> None:
        """The newest end of a pause that was looked at here. Raises: JournalError."""
        with self._lock, _translated(), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO pin_cleared (badge, at) VALUES (?, ?)", (badge, _text(at)))

    def pins_cleared(self) -> dict[str, datetime]:
        """By badge. Raises: JournalError."""
        with self._lock, _translated():
            return {str(badge): _time(at) for badge, at in self._db.execute("SELECT badge, at FROM pin_cleared").fetchall()}

    def checkpoints(self) -> tuple[str, ...]:
        """The statements that are kept, oldest first."""
        with self._lock, _translated():
            return tuple(jws for (jws,) in self._db.execute("SELECT jws FROM checkpoint ORDER BY id").fetchall())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # After a full disk SQLite may have rolled back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _one(self, sql: str) -> Any:
        return self._db.execute(sql).fetchone()

    def _find(self, record_id: str) -> Entry | None:
        held = self._decoded.get(record_id)
        if held is None:
            row = self._db.execute(f"{_ENTRY} WHERE record_id = ?", (record_id,)).fetchone()
            if row is None:
                return None
            held = self._decoded[record_id] = _entry(row)
            if len(self._decoded) > _KEPT_DECODED:
                self._decoded.popitem(last=False)
        return held

    def _held(self, record_id: str) -> Entry:
        entry = self._find(record_id)
        if entry is None:  # pragma: no cover - the id was just read from the same table
            raise JournalError("a row of the journal vanished", remedy="keep the file, call support", why="damaged")
        return entry


_WAITING = (
    "FROM entry WHERE seq > ? AND NOT EXISTS (SELECT 1 FROM settlement WHERE settlement.record_id = entry.record_id AND kind = 'received')"
)
# The newest row has the latest time: none says an earlier one than the row before.
_LAST = "SELECT seq, journalled_at FROM entry ORDER BY seq DESC LIMIT 1"
_ENTRY = "SELECT seq, record_id, kind, journalled_at, payload FROM entry"


def _entry(row: tuple[int, str, str, str, bytes]) -> Entry:
    seq, record_id, kind, at, payload = row
    return Entry(seq=seq, record_id=record_id, kind=kind, journalled_at=_time(at), message=codec.decode(_ROUTES[kind], payload))


def _record(message: Message) -> AdministrationRecord:
    body = message.body
    if not isinstance(body, AdministrationRecorded):  # pragma: no cover - the row's kind says what it is
        raise JournalError("a row of the journal is not what its kind says", remedy="keep the file, call support", why="damaged")
    return body.record


def _identity(file: str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _text(at: datetime) -> str:
    """Sorts as time does: always UTC, always microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@contextmanager
def _translated() -> Iterator[None]:
    """What a person must know of a database fault: it is not recorded, and what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        why, remedy = _reason(exc)
        raise JournalError(f"the journal could not be used: {exc}", remedy=remedy, why=why) from exc


def _reason(exc: sqlite3.Error | OSError) -> tuple[str, str]:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (isinstance(exc, OSError) and exc.errno == 28):
        return "disk-full", "not recorded: chart on paper, free space on this cart or use another cart"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM) or isinstance(exc, PermissionError):
        return "read-only", "not recorded: chart on paper, use another cart, call support"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "busy", "not recorded: try again"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "damaged", "not recorded: keep the file, chart on paper, use another cart, call support"
    return "disk-fault", "not recorded: chart on paper, use another cart, call support"
