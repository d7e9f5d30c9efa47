"""The history checker finds each fault that is planted in a run, names it, and finds nothing in a run that is whole.

The run is a small one of the product's own code: two carts (one encrypted, one in clear), the gateway, the dispatcher, another
project's FHIR server, the sealed audit. It is made once; each test gets a copy with one thing changed from outside.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cart_client import checkpoints, sealed
from cart_client.journal import Journal
from devices.broker import Arrival
from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.quantity import Quantity
from pointofcare.wire import routes
from pointofcare.wire.messages import (
    AdministrationRecorded,
    AttemptOutcome,
    AttemptStopped,
    EmrState,
    ObservationRecorded,
)
from server.config import MqttConfig
from server.emr.dispatcher import Dispatcher
from server.emr.fhir import FhirEmr
from server.emr.fhir_mapping import MappingContext
from server.emr.folder import FolderEmr
from server.emr.port import EmrPort
from server.mqtt.gateway import Gateway
from server.security import sealing, signing
from server.store import outbox
from server.store.database import db
from server.store.transaction import transaction
from server.usecases.facts import Site
from simulation import emr_peer
from simulation.chaos import comparison, evidence, history
from tests.support import server_ward
from tests.support.databases import migrated_app
from tests.support.server_ward import DUE, NOW

SITE = "https://h1.example"


def an_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


GIVEN, REFUSED, WRONG, UNDONE, AGAIN, UNHEARD, NAMELESS, STOPPED, VALUE, NEVER = (an_id(number) for number in range(1, 11))


def the_records() -> dict[str, list[AdministrationRecord | AttemptStopped | ObservationRecorded]]:
    """By cart, in the order of its journal."""
    answered = FindingEvidence(rule="O2", level="REASON", satisfied=True, unknown=False, facts={}, remedy="", params={})
    wrong = server_ward.a_record(3, record_id=WRONG)
    return {
        "c1": [
            server_ward.a_record(1, record_id=GIVEN),
            server_ward.a_record(2, record_id=REFUSED, status="not-done", status_reason="refused"),
            wrong,
            replace(wrong, record_id=UNDONE, action="undo", status="entered-in-error", status_reason="entered-by-mistake", amends=WRONG),
            AttemptStopped(
                record_id=STOPPED,
                facility="h1",
                ward=server_ward.WARD,
                cart="c1",
                patient="P1",
                order="O1",
                order_version=1,
                due=DUE,
                action="give",
                outcome=AttemptOutcome.STOPPED,
                reason=None,
                products=("AMOX500",),
                nurse="N1",
                witness=None,
                level="STOP",
                findings=(),
                engine="1",
                policy="p",
                scans=(),
                chart_version=1,
                online=True,
                at=NOW,
                seq=0,
                epoch="",
            ),
        ],
        "c2": [
            server_ward.a_record(
                1, record_id=AGAIN, cart="c2", level="REASON", reason_text="network away", findings=(answered,), lease_fence=None
            ),
            server_ward.a_record(4, record_id=UNHEARD, cart="c2"),
            server_ward.a_record(5, record_id=NAMELESS, cart="c2", status="not-done", status_reason="refused"),
            ObservationRecorded(
                record_id=VALUE,
                facility="h1",
                ward=server_ward.WARD,
                cart="c2",
                patient="P1",
                code="heart-rate",
                value=Quantity.parse("72 /min"),
                at=TODAY,
                nurse="N1",
                seq=0,
                epoch="",
            ),
        ],
    }


OLD_VALUE = an_id(11)  # of a time that cannot be: kept, and never sent to the EMR
TODAY = datetime.now(UTC) - timedelta(minutes=5)


def a_line(number: int, cart: str, record: str | None, said: str, **changes: object) -> dict[str, object]:
    line: dict[str, object] = {"at": NOW.isoformat(), "cart": cart, "nurse": "N1", "patient": f"24-{number:06}", "order": f"O{number}"}
    line |= {"due_at": DUE.isoformat(), "act": "confirm", "record": record, "said": said, "action": "completed"}
    return line | changes


def the_diary() -> list[dict[str, object]]:
    return [
        a_line(1, "c1", GIVEN, "unknown"),
        a_line(1, "c1", GIVEN, "recorded"),
        a_line(2, "c1", REFUSED, "recorded", act="refuse", action="not-done"),
        a_line(3, "c1", WRONG, "recorded", patient="P3"),
        a_line(3, "c1", UNDONE, "recorded", act="undo", action="entered-in-error"),
        a_line(1, "c2", AGAIN, "recorded"),
        a_line(4, "c2", UNHEARD, "unknown"),
        a_line(5, "c2", None, "unknown", act="refuse", action="not-done"),
        a_line(6, "c2", NEVER, "unknown"),
        {**a_line(6, "c2", an_id(99), "not-recorded", act="not-given", action="not-done"), "patient": None, "order": None, "due_at": None},
    ]


def write_diary(run: Path, lines: list[dict[str, object]]) -> None:
    (run / "nurses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def the_key(run: Path, cart: str) -> sealed.Key | None:
    file = run / "carts" / f"{cart}.key"
    return sealed.Key(value=bytes.fromhex(file.read_text().strip())) if file.exists() else None


def journals(run: Path) -> dict[str, Journal]:
    (run / "carts").mkdir(parents=True)
    (run / "carts" / "c1.key").write_text(sealed.draw().value.hex() + "\n")
    return {cart: Journal(run / "carts" / cart / "journal.sqlite", cart=cart, at_rest=the_key(run, cart)) for cart in ("c1", "c2")}


_ROUTES = {AdministrationRecorded: routes.ADMINISTRATION, AttemptStopped: routes.ATTEMPT, ObservationRecorded: routes.OBSERVATION}


def make_run(run: Path, work: Path, emr: EmrPort) -> None:
    with migrated_app("sqlite", work) as app:
        go_the_whole_way(run, emr)
        store = Path(app.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///"))
        with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(run / "server" / "server.sqlite")) as copy:
            source.backup(copy)


def go_the_whole_way(run: Path, emr: EmrPort) -> None:
    """A few records from journal to EMR and audit, with no network between. Needs an application context."""
    (run / "server").mkdir(parents=True)
    key = signing.load_or_generate(run / "server" / "signing-key.json")
    (run / "server-key.json").write_text(signing.public_jwk(key), encoding="utf-8")
    books = journals(run)
    server_ward.open_ward(patient_count=5)
    gateway = Gateway(
        MqttConfig(host="127.0.0.1", port=1, username="server", password="unused"),
        facility="h1",
        key=key,
        site=Site(),
        lifetime=timedelta(hours=24),
        version="test",
        scope=nullcontext,
    )
    for cart, records in the_records().items():
        values = [one for one in records if isinstance(one, ObservationRecorded)]
        for record in (*records, *(replace(value, record_id=OLD_VALUE, at=NOW) for value in values)):
            keep(books[cart], record)
        for entry in books[cart].unsent():
            levels = {"facility": "h1", "cart": cart}
            arrival = Arrival(
                route=_ROUTES[type(entry.message.body)],
                levels=levels,
                message=entry.message,
                retained=False,
                received_mono_s=0.0,
                ack=lambda: None,
            )
            gateway.handle(arrival)
            gateway.handle(arrival)  # it comes twice
            books[cart].settle(entry.record_id, at=NOW)
    dispatcher = Dispatcher(emr, MappingContext(site=SITE), scope=nullcontext)
    while dispatcher.drain_once():
        pass
    with transaction(sealing.ACTOR) as tx:
        told = outbox.untold(tx)
        for item in told:
            books[item.cart].settle_emr(item.record_id, EmrState.SETTLED, at=NOW, emr_id=item.emr_id)
        outbox.mark_told(tx, told)
    kept: list[str] = []
    sealing.Sealer(key, scope=nullcontext, sealed=lambda checkpoint: kept.append(checkpoint.jws)).drain()
    books["c1"].keep_checkpoint(kept[-1], at=NOW, keep=checkpoints.kept)
    books["c1"].note("camera-lost", at=NOW)
    books["c1"].acknowledge(books["c1"].epoch, 1)
    with db.engine.begin() as connection:  # all of it happened long before the run ended
        connection.execute(text("UPDATE outbox SET settled_at = '2026-03-02 01:06:00', told_at = '2026-03-02 01:07:00'"))
    for book in books.values():
        book.close()
    write_diary(run, the_diary())


def keep(book: Journal, record: AdministrationRecord | AttemptStopped | ObservationRecorded) -> None:
    match record:
        case AdministrationRecord():
            book.open_dose(record, at=NOW)
            book.append(record, message_id=record.record_id)
        case AttemptStopped():
            book.append_attempt(record, message_id=record.record_id)
        case ObservationRecorded():
            book.append_observation(record, message_id=record.record_id)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole") / "run"
    with emr_peer.start(run / "emr") as peer:
        made = FhirEmr(peer.base_url, identifier_system=f"{SITE}/sid/administration")
        make_run(run, tmp_path_factory.mktemp("work"), made)
        made.close()
    return run


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def findings(run: Path) -> list[tuple[str, str]]:
    """(kind, sentence)"""
    return [(each.kind, history.sentence(each)) for each in comparison.compare(evidence.read(run))]


# Whole runs.


def test_whole_run_is_clean_and_was_really_looked_at(whole: Path) -> None:
    assert findings(whole) == []
    said = subprocess.run(
        [sys.executable, "-m", "simulation.chaos.history", str(whole), "--json", str(whole.parent / "v.json")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (said.returncode, said.stderr) == (0, "")
    verdict = json.loads((whole.parent / "v.json").read_text())
    assert verdict["ok"]
    assert {verdict[kind] for kind in comparison.KINDS} == {0}
    compared = verdict["compared"]
    assert (compared["acts"], compared["called_recorded"], compared["journals"], compared["journal_rows"]) == (10, 5, 2, 10)
    assert (compared["administrations"], compared["attempts"], compared["observations"], compared["emr_records"]) == (7, 1, 2, 8)
    assert compared["audit_sealed"] == compared["audit_rows"] > 0


def test_run_with_an_emr_that_is_a_folder_is_clean_too(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, tmp_path, FolderEmr(run / "emr"))
    assert findings(run) == []


def test_run_on_postgresql_is_read_too(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with migrated_app("postgresql", tmp_path) as app:
        go_the_whole_way(run, FolderEmr(run / "emr"))
        (run / "server" / "database_url").write_text(app.config["SQLALCHEMY_DATABASE_URI"])
        assert findings(run) == []
        with db.engine.begin() as connection:
            connection.execute(text(f"UPDATE outbox SET state = 'parked' WHERE {of(GIVEN)}"))
        assert [kind for kind, _ in findings(run)] == ["stuck"]


def test_history_uses_no_line_of_the_product() -> None:
    script = (
        "import sys, simulation.chaos.history\n"
        "bad = {'pointofcare', 'devices', 'cart_client', 'server', 'firmware_bridge', 'flask', 'sqlalchemy'}\n"
        "print(sorted(bad & {name.partition('.')[0] for name in sys.modules}))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"


# Planted faults. `where` is a database of the run; the statements are run there.


def opened(run: Path, where: str) -> Any:
    if where == "server":
        return sqlite3.connect(run / "server" / "server.sqlite", isolation_level=None)
    if where == "emr":
        return sqlite3.connect(run / "emr" / "data" / "sekmet.db", isolation_level=None)
    return sealed.connect(run / "carts" / where / "journal.sqlite", the_key(run, where))


def tamper(run: Path, where: str, *statements: str) -> None:
    with closing(opened(run, where)) as database:
        for name, kind in database.execute("SELECT name, type FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP {kind} {name}")
        for statement in statements:
            database.execute(statement)


def copied(table: str, source: str, **changes: str) -> tuple[str, ...]:
    changed = ", ".join(f"{name} = {value}" for name, value in changes.items())
    return (
        f"CREATE TEMP TABLE copy AS SELECT * FROM {table} WHERE {source}",
        f"UPDATE copy SET {changed}",
        f"INSERT INTO {table} SELECT * FROM copy",
    )


def of(record: str) -> str:
    return f"record_id = '{record}'"


EMR_OF = "json LIKE '%\"MedicationAdministration\"%' AND json LIKE '%{}%' AND type = 'MedicationAdministration'"

PLANTED: dict[str, tuple[str, tuple[str, ...], str, str, str]] = {
    # what: (where, statements, kind, words, whom it must name)
    "lost at the server": (
        "server", (f"DELETE FROM administrations WHERE {of(UNHEARD)}",), "lost", "not at the server", UNHEARD),
    "an attempt lost at the server": ("server", (f"DELETE FROM attempts WHERE {of(STOPPED)}",), "lost", "not at the server", STOPPED),
    "a value lost at the server": (
        "server", (f"DELETE FROM observation_records WHERE {of(VALUE)}",), "lost", "not at the server", VALUE),
    "never queued": ("server", (f"DELETE FROM outbox WHERE {of(GIVEN)}",), "lost", "never queued", GIVEN),
    "lost in the EMR": ("emr", (f"DELETE FROM resources WHERE {EMR_OF.format(GIVEN)}",), "lost", "not in the EMR", GIVEN),
    "deleted in the EMR": ("emr", (f"UPDATE resources SET deleted = 1 WHERE {EMR_OF.format(GIVEN)}",), "lost", "not in the EMR", GIVEN),
    "not in the audit": (
        "server", (f"DELETE FROM audit WHERE subject = 'administration/{GIVEN}'",), "lost", "not in the audit", GIVEN),
    "sent without a word": (
        "server", (f"DELETE FROM audit WHERE action = 'emr.sent' AND subject LIKE '%{GIVEN}'",), "lost", "audit does not say so", GIVEN),
    "audited and gone": (
        "server", (f"UPDATE audit SET subject = 'administration/{an_id(77)}' WHERE subject = 'administration/{GIVEN}'",),
        "lost", "the server does not have it", an_id(77)),
    "lost in the journal": (
        "c1", (f"DELETE FROM entry WHERE {of(GIVEN)}",), "lost", "journal has no such record", GIVEN),
    "another patient at the server": (
        "server", (f"UPDATE administrations SET document = json_set(document, '$.patient', 'P2') WHERE {of(GIVEN)}",),
        "lost", "patient is P1 in the journal and P2", GIVEN),
    "another patient in the column": (
        "server", (f"UPDATE administrations SET patient = 'P2' WHERE {of(GIVEN)}",), "lost", "P2 in the server's column", GIVEN),
    "another dose at the server": (
        "server", (f"UPDATE administrations SET document = json_set(document, '$.dose', '50 mg') WHERE {of(GIVEN)}",),
        "lost", "dose is", GIVEN),
    "another attempt at the server": (
        "server", (f"UPDATE attempts SET document = json_set(document, '$.order', 'O2') WHERE {of(STOPPED)}",),
        "lost", "order is O1 in the journal and O2", STOPPED),
    "another number at the server": (
        "server", (f"UPDATE administrations SET cart_seq = 7 WHERE {of(GIVEN)}",), "lost", "number 7", GIVEN),
    "another cart at the server": (
        "server", (f"UPDATE administrations SET cart = 'c9' WHERE {of(GIVEN)}",), "lost", "the server says at c9", GIVEN),
    "another dose in the EMR": (
        "emr", (f"UPDATE resources SET json = json_set(json, '$.dosage.dose.value', 5) WHERE {EMR_OF.format(GIVEN)}",),
        "lost", "in the EMR", GIVEN),
    "another nurse in the EMR": (
        "emr", (f"UPDATE resources SET json = replace(json, '\"N1\"', '\"N2\"') WHERE {EMR_OF.format(GIVEN)}",),
        "lost", "nurse is N1 at the server and N2", GIVEN),
    "another time in the EMR": (
        "emr", (f"UPDATE resources SET json = json_set(json, '$.effectiveDateTime', '2026-03-02T02:05:00Z') WHERE {EMR_OF.format(GIVEN)}",),
        "lost", "time is", GIVEN),
    "not withdrawn in the EMR": (
        "emr", (f"UPDATE resources SET json = json_set(json, '$.status', 'completed') WHERE {EMR_OF.format(WRONG)}",),
        "lost", "status is entered-in-error at the server and completed", WRONG),
    "two resources of one record": (
        "emr", copied("resources", EMR_OF.format(GIVEN), id="'second'"), "doubled", "2 resources", GIVEN),
    "two provenances of one record": (
        "emr", copied("resources", f"type = 'Provenance' AND json LIKE '%{GIVEN}.pv%'", id="'second'"), "doubled", "kind pv", GIVEN),
    "twice in the outbox": (
        "server", ("DROP INDEX ix_outbox_record", *copied("outbox", of(GIVEN), id="9999")), "doubled", "2 times among its outbox", GIVEN),
    "twice in the audit": (
        "server", copied("audit", f"subject = 'administration/{GIVEN}'", id="99999"), "doubled", "2 times that it was recorded", GIVEN),
    "given twice and nobody sees it": (
        "server", (f"DELETE FROM discrepancies WHERE {of(AGAIN)}",), "doubled", "no discrepancy shows it", AGAIN),
    "given twice and nobody was asked": (
        "server",
        (f"UPDATE administrations SET overridden = 0, document = json_set(document, '$.reason_text', NULL) WHERE {of(AGAIN)}",),
        "doubled", "nobody was asked", AGAIN),
    "one act under two ids": (
        "server",
        copied("administrations", of(GIVEN), record_id=f"'{an_id(55)}'", document=f"json_set(document, '$.record_id', '{an_id(55)}')"),
        "doubled", "under a second id", an_id(55)),
    "time backwards in the journal": (
        "c1", (f"UPDATE entry SET journalled_at = '2026-03-01T00:00:00.000000+00:00' WHERE {of(WRONG)}",),
        "wrong_order", "time ran backwards", WRONG),
    "a number missing": ("c1", (f"UPDATE entry SET seq = 99 WHERE {of(STOPPED)}",), "wrong_order", "number 5 of the journal", STOPPED),
    "a correction before its original": (
        "emr", (f"UPDATE versions SET seq = 100000 + version WHERE json LIKE '%{WRONG}%'",
                f"UPDATE versions SET seq = 0 WHERE json LIKE '%{UNDONE}%' AND version > 1",
                f"UPDATE versions SET json = replace(json, '{WRONG}', '{an_id(88)}') WHERE seq = 0"),
        "wrong_order", "before what it goes on with", UNDONE),
    "still waiting": ("server", (f"UPDATE outbox SET state = 'pending' WHERE {of(GIVEN)}",), "stuck", "is pending", GIVEN),
    "parked": (
        "server", (f"UPDATE outbox SET state = 'parked', last_error_code = 'emr-rejected' WHERE {of(GIVEN)}",),
        "stuck", "is parked (emr-rejected)", GIVEN),
    "its cart not told": ("server", (f"UPDATE outbox SET told_at = NULL WHERE {of(GIVEN)}",), "stuck", "its cart was not told", GIVEN),
    "no receipt": (
        "c1", (f"DELETE FROM settlement WHERE {of(GIVEN)} AND kind = 'received'",), "stuck", "no receipt", GIVEN),
    "not settled": ("c1", (f"DELETE FROM settlement WHERE {of(GIVEN)} AND kind = 'emr'",), "stuck", "not told", GIVEN),
    "an open dose": (
        "c2", (f"INSERT INTO opened SELECT '{an_id(66)}', at, payload FROM opened LIMIT 1",),
        "stuck", "nobody told what became", an_id(66)),
    "an event that nobody took": (
        "c1", ("INSERT INTO event (at, kind, details) SELECT at, kind, details FROM event",), "stuck", "not acknowledged", "c1"),
    "a doubt": (
        "server",
        ("INSERT INTO lease_doubts (facility, patient, cart, since, fence, token) VALUES ('h1', 'P1', 'c1', '2026-03-02', 1, 't')",),
        "stuck", "in doubt", "P1"),
    "a gap": (
        "server",
        (("INSERT INTO record_sequences (facility, cart, epoch, upto, highest, told, missing, heard_at) "
         "VALUES ('h1', 'c9', 'e', 1, 3, 3, '[[2, 2]]', '2026-03-02 01:00:00')"),),
        "stuck", "misses the numbers [[2, 2]]", "c9"),
    "an attempt under another number": (
        "server", (f"UPDATE attempts SET cart_seq = 7 WHERE {of(STOPPED)}",), "lost", "number 7", STOPPED),
    "a lease that ran out": (
        "server", ("INSERT INTO leases (facility, patient, cart, until, fence) VALUES ('h1', 'P1', 'c1', '2026-03-02 01:00:00', 1)",),
        "stuck", "a lease ran out", "P1"),
    "a record of nobody": (
        "server",
        copied("administrations", of(GIVEN), record_id=f"'{an_id(44)}'", order_id="'O5'",
               document=f"json_set(document, '$.record_id', '{an_id(44)}', '$.order', 'O5')"),
        "forged", "no nurse did it", an_id(44)),
    "a record that no journal has": (
        "c2", (f"DELETE FROM entry WHERE {of(UNHEARD)}",), "forged", "the journal of its cart does not", UNHEARD),
    "an EMR entry that nobody sent": (
        "emr",
        (*copied("resources", EMR_OF.format(GIVEN), id="'second'"),
         f"UPDATE resources SET json = replace(json, '{GIVEN}', '{an_id(33)}') WHERE id = 'second'"),
        "forged", "never queued it", an_id(33)),
    "an audit row changed": (
        "server", (f"UPDATE audit SET actor = 'somebody' WHERE subject = 'administration/{GIVEN}'",), "audit", "was changed", ""),
    "an audit row removed": ("server", (f"DELETE FROM audit WHERE subject = 'administration/{REFUSED}'",), "audit", "is gone", ""),
    "a place removed": ("server", ("DELETE FROM audit_leaves WHERE place = 3",), "audit", "place 3 of the audit is missing", ""),
    "the log cut off": (
        "server",
        ("DELETE FROM audit_leaves WHERE place >= (SELECT count(*) - 2 FROM audit_leaves)", "DELETE FROM audit_checkpoints"),
        "audit", "it was cut off", "c1"),
    "another root": ("server", ("UPDATE audit_checkpoints SET root = hex(zeroblob(32))",), "audit", "says something else", ""),
    "a checkpoint of nobody": ("c1", ("UPDATE checkpoint SET jws = substr(jws, 1, length(jws) - 4) || 'AAAA'",),
        "audit", "not signed", "c1"),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_planted_fault_is_found_and_named(what: str, run: Path) -> None:
    where, statements, kind, words, named = PLANTED[what]
    tamper(run, where, *statements)
    found = findings(run)
    assert [said for found_kind, said in found if found_kind == kind and words in said and named in said], found


def changed_line(record: str | None, **changes: object) -> Callable[[list[dict[str, object]]], list[dict[str, object]]]:
    return lambda lines: [line | changes if line["record"] == record and line["said"] != "unknown" else line for line in lines]


DIARIES: dict[str, tuple[Callable[[list[dict[str, object]]], list[dict[str, object]]], str, str, str]] = {
    "the nurse gave another order": (changed_line(GIVEN, order="O2"), "lost", "order O2", GIVEN),
    "the nurse was at another patient": (changed_line(GIVEN, patient="24-000002"), "lost", "patient 24-000002", GIVEN),
    "it was another dose of the day": (changed_line(GIVEN, due_at="2026-03-02T13:00:00+00:00"), "lost", "due 2026-03-02 13", GIVEN),
    "it was another nurse": (changed_line(REFUSED, nurse="N7"), "lost", "nurse N7", REFUSED),
    "the nurse gave what is recorded as refused": (changed_line(REFUSED, action="completed"), "lost", "status completed", REFUSED),
    "it was at another hour": (changed_line(WRONG, at="2026-03-02T03:05:00+00:00"), "lost", "time is", WRONG),
    "a screen said recorded of what never was": (
        lambda lines: [*lines, a_line(5, "c1", an_id(71), "recorded")], "lost", "journal has no such record", an_id(71)),
    "a screen said recorded and named nothing": (lambda lines: [*lines, a_line(5, "c1", None, "recorded")],
        "lost", "named no record", "c1"),
    "no nurse did it": (lambda lines: [line for line in lines if line["record"] != WRONG], "forged", "no nurse did it", WRONG),
    "the nurse did not give it": (changed_line(WRONG, said="not-recorded"), "forged", "told that it was not given", WRONG),
    "nobody refused": (lambda lines: [line for line in lines if line["record"] is not None], "forged", "no nurse did it", NAMELESS),
}  # fmt: skip


@pytest.mark.parametrize("what", DIARIES)
def test_what_the_diary_says_counts(what: str, run: Path) -> None:
    change, kind, words, named = DIARIES[what]
    write_diary(run, change(the_diary()))
    found = findings(run)
    assert [said for found_kind, said in found if found_kind == kind and words in said and named in said], found


def test_one_id_in_two_journals_is_doubled(run: Path) -> None:
    with closing(opened(run, "c1")) as one, closing(opened(run, "c2")) as other:
        row = one.execute(
            f"SELECT 9, record_id, kind, journalled_at, patient, effective_at, payload FROM entry WHERE {of(GIVEN)}"
        ).fetchone()
        other.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    assert any(kind == "doubled" and "2 journals" in said and GIVEN in said for kind, said in findings(run))


def test_acts_without_an_end_may_be_there_once_or_not_at_all(run: Path) -> None:
    write_diary(
        run, [*the_diary(), a_line(2, "c2", an_id(81), "unknown"), a_line(5, "c1", None, "unknown", act="refuse", action="not-done")]
    )
    assert findings(run) == []


def test_wrong_clock_excuses_only_what_nobody_could_know(run: Path) -> None:
    write_diary(run, changed_line(WRONG, at="2026-03-02T03:05:00+00:00")(the_diary()))
    (run / "faults.jsonl").write_text(json.dumps({"kind": "clock-jump-cart", "target": "c1"}) + "\n")
    assert [kind for kind, _ in findings(run)] == ["lost"]
    (run / "faults.jsonl").write_text(json.dumps({"kind": "clock-jump-server", "target": "server"}) + "\n")
    assert findings(run) == []


@pytest.mark.parametrize("missing", ["nurses.jsonl", "carts/c1.key", "carts/c2/journal.sqlite", "server/server.sqlite", "emr"])
def test_evidence_that_cannot_be_read_is_no_verdict(missing: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in run.glob(f"{missing}*"):
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()
    assert history.main([str(run)]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert not (run / "history.json").exists()


def test_verdict_names_what_it_found(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(run, "server", f"UPDATE outbox SET state = 'parked' WHERE {of(GIVEN)}")
    assert history.main([str(run)]) == 1
    assert GIVEN in capsys.readouterr().out
    verdict = json.loads((run / "history.json").read_text())
    assert (verdict["ok"], verdict["stuck"], verdict["lost"]) == (False, 1, 0)
    assert verdict["findings"][0]["ids"]["record"] == GIVEN
    assert datetime.now(UTC) - evidence.read(run).ended_at < timedelta(hours=1)
