"""The first durable hop: killed, full, read-only, asked twice."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlcipher3 import dbapi2 as sqlcipher

from cart_client import sealed
from cart_client.journal import Journal
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import JournalError
from pointofcare.wire.messages import AdministrationRecorded, EmrState, ObservationRecorded
from tests.support.cart_ward import CART, FACILITY, NOW, WARD, q

KEY = sealed.Key(value=bytes(range(32)))
WRITER = """
import sys
from pathlib import Path
from cart_client.journal import Journal
from tests.integration.test_cart_journal import KEY, a_record
journal = Journal(Path(sys.argv[1]), cart="cart-1", at_rest=KEY)
for number in range(100000):
    journal.open_dose(a_record(f"{sys.argv[2]}-{number}"), at=a_record("x").recorded_at)
    journal.append(a_record(f"{sys.argv[2]}-{number}"), message_id=f"m-{number}")
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def a_record(record_id: str = "r-1", **more: object) -> AdministrationRecord:
    base = AdministrationRecord(
        record_id=record_id,
        facility=FACILITY,
        ward=WARD,
        cart=CART,
        patient="P1",
        mrn="24-000123",
        order="O1",
        order_version=1,
        due=NOW,
        action="give",
        status="completed",
        status_reason=None,
        reason_text=None,
        product="AMOX500",
        product_name="Amoxicillin 500 mg",
        gtin="08936000000011",
        lot="A1",
        expiry=None,
        serial=None,
        dose=q("500 mg"),
        route="PO",
        site=None,
        waste=None,
        prn_reason=None,
        effective_at=NOW,
        recorded_at=NOW,
        nurse="N1",
        witness=None,
        level="PASS",
        findings=(),
        engine="1",
        policy="p",
        scans=(),
        chart_version=1,
        online=True,
        clock_offset_s=0.0,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def a_value(record_id: str = "v-1", **more: object) -> ObservationRecorded:
    base = ObservationRecorded(
        record_id=record_id,
        facility=FACILITY,
        ward=WARD,
        cart=CART,
        patient="P1",
        code="heart-rate",
        value=q("72 /min"),
        at=NOW,
        nurse="N1",
        seq=1,
        epoch="",
    )
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_the_journal_survives_a_kill_at_any_moment(path: Path) -> None:
    told: set[str] = set()
    for run in range(4):
        command = [sys.executable, "-c", WRITER, str(path), f"run{run}"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert child.stdout is not None
        for _ in range(8 + 5 * run):
            assert select.select([child.stdout], [], [], 30)[0]
            told.add(f"run{run}-{child.stdout.readline().strip()}")
        os.kill(child.pid, signal.SIGKILL)
        rest, _ = child.communicate()
        told |= {f"run{run}-{line}" for line in rest.split()}
    journal = Journal(path, cart=CART, at_rest=KEY)
    held = {entry.record_id for entry in journal.unsent(limit=10**6)}
    assert told <= held
    seqs = [entry.seq for entry in journal.unsent(limit=10**6)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(journal.open_doses()) <= 4  # those that the kill caught between verified and confirmed


def test_the_same_record_twice_is_one_row_and_other_content_is_refused(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    first = journal.append(a_record(), message_id="m1")
    assert journal.append(a_record(), message_id="m2") == first
    with pytest.raises(JournalError) as raised:
        journal.append(a_record(lot="OTHER"), message_id="m3")
    assert raised.value.fields["why"] == "conflict"
    assert journal.last_seq() == 1


def test_nothing_can_be_changed_or_deleted(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    journal.append(a_record(), message_id="m1")
    journal.settle("r-1", at=NOW)
    journal.close()
    direct = sealed.connect(path, KEY)
    for statement in ("UPDATE entry SET seq = 9", "DELETE FROM entry", "DELETE FROM settlement", "UPDATE meta SET value = 'x'"):
        with pytest.raises(sqlcipher.IntegrityError, match="append-only"):
            direct.execute(statement)
    direct.close()


def test_a_full_disk_is_told_and_what_was_written_stays(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY, max_pages=40)
    written = []

    def fill() -> None:
        for number in range(2000):
            journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")
            written.append(f"r-{number}")

    with pytest.raises(JournalError) as raised:
        fill()
    assert raised.value.fields["why"] == "disk-full"
    assert "paper" in raised.value.remedy
    assert [entry.record_id for entry in journal.unsent(limit=5000)] == written
    journal.close()
    again = Journal(path, cart=CART, at_rest=KEY)
    again.append(a_record("after"), message_id="after")
    assert again.last_seq() == len(written) + 1


def test_a_file_size_limit_is_told_as_not_recorded(path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from cart_client.journal import Journal\n"
        "from pointofcare.errors import JournalError\n"
        "from tests.integration.test_cart_journal import KEY, a_record\n"
        "journal = Journal(Path(sys.argv[1]), cart='cart-1', at_rest=KEY)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n"
        "    for number in range(2000): journal.append(a_record(f'r-{number}'), message_id=f'm-{number}')\n"
        "except JournalError as exc: print(exc.fields['why'], number)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60, check=True
    )
    why, number = done.stdout.split()
    assert why in ("disk-full", "disk-fault")
    assert len(Journal(path, cart=CART, at_rest=KEY).unsent(limit=5000)) == int(number)


def test_a_damaged_file_is_told_at_the_start(path: Path) -> None:
    Journal(path, cart=CART, at_rest=KEY).close()
    path.write_bytes(b"not a database at all" * 500)
    with pytest.raises(JournalError) as raised:
        Journal(path, cart=CART, at_rest=KEY)
    assert raised.value.fields["why"] == "damaged"


def test_one_changed_byte_on_the_disk_is_told_at_the_start(path: Path) -> None:
    """The cipher's own check: bare SQLite would read the other value."""
    journal = Journal(path, cart=CART, at_rest=KEY)
    for number in range(20):
        journal.append(a_record(f"r-{number}"), message_id=f"m-{number}")
    journal.close()
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalError) as raised:
        Journal(path, cart=CART, at_rest=KEY)
    assert raised.value.fields["why"] == "damaged"


def test_time_in_the_journal_never_runs_backwards(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    journal.append(a_record("a"), message_id="1")
    entry = journal.append(a_record("b", recorded_at=NOW - timedelta(days=400)), message_id="2")
    assert entry.journalled_at == NOW
    assert journal.administrations(since=NOW)[-1].recorded_at == NOW - timedelta(days=400)  # the evidence stays as it was


def test_the_epoch_belongs_to_the_database(path: Path, tmp_path: Path) -> None:
    first = Journal(path, cart=CART, at_rest=KEY).epoch
    assert Journal(path, cart=CART, at_rest=KEY).epoch == first
    assert Journal(tmp_path / "other.sqlite", cart=CART, at_rest=KEY).epoch != first


def test_a_receipt_settles_once_and_the_emr_state_may_move(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    journal.append(a_record(), message_id="m1")
    assert journal.unsent_count() == 1
    assert journal.settle("r-1", at=NOW, discrepancies=2)
    assert not journal.settle("r-1", at=NOW, duplicate=True)
    assert not journal.settle("not-ours", at=NOW)
    assert journal.unsent_count() == 0
    assert journal.settle_emr("r-1", EmrState.WAITING, at=NOW)
    assert journal.settle_emr("r-1", EmrState.SETTLED, at=NOW, emr_id="MA/7")
    assert not journal.settle_emr("r-1", EmrState.SETTLED, at=NOW, emr_id="MA/7")
    standing = journal.standing("r-1")
    assert (standing.here, standing.at_server, standing.emr, standing.emr_id, standing.discrepancies) == (
        True,
        True,
        EmrState.SETTLED,
        "MA/7",
        2,
    )


def test_what_waits_for_the_emr_is_what_the_server_has_and_the_emr_has_not_settled(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    for number in range(1, 6):
        journal.append(a_record(record_id=f"r-{number}"), message_id=f"m{number}")
    for number in (1, 2, 3, 5):
        journal.settle(f"r-{number}", at=NOW)
    journal.settle_emr("r-1", EmrState.SETTLED, at=NOW)
    journal.settle_emr("r-2", EmrState.OUTCOME_UNKNOWN, at=NOW)
    assert journal.waiting_for_emr(since=NOW - timedelta(hours=1)) == ("r-5", "r-3", "r-2")
    assert journal.waiting_for_emr(since=NOW - timedelta(hours=1), limit=1) == ("r-5",)
    assert journal.waiting_for_emr(since=NOW + timedelta(hours=1)) == ()


def test_a_verified_dose_is_open_until_its_record_is_there(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    journal.open_dose(a_record(), at=NOW)
    journal.close()
    journal = Journal(path, cart=CART, at_rest=KEY)
    assert [record.record_id for record in journal.open_doses()] == ["r-1"]
    journal.append(a_record(), message_id="m1")
    assert journal.open_doses() == ()


def test_fleet_events_wait_for_a_cumulative_acknowledgement_of_this_epoch(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    for kind in ("camera-lost", "pin-wrong", "camera-lost"):
        journal.note(kind, at=NOW)
    journal.acknowledge("another-epoch", 3)
    journal.acknowledge(journal.epoch, 99)
    assert [event.seq for event in journal.events()] == [1, 2, 3]
    journal.acknowledge(journal.epoch, 2)
    assert [event.seq for event in journal.events()] == [3]


@pytest.mark.parametrize("taken", ["journal.sqlite", "journal.sqlite-wal"])
def test_a_journal_that_is_deleted_or_replaced_while_the_cart_runs_says_not_recorded(path: Path, taken: str) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    journal.append(a_record("before"), message_id="m1")
    file = path.with_name(taken)
    content = file.read_bytes()
    file.unlink()
    for put_back in (False, True):
        if put_back:  # a copy in its place is another file: nothing is written there
            file.write_bytes(content)
        for write in (
            lambda: journal.append(a_record("after"), message_id="m2"),
            lambda: journal.append(a_record("before"), message_id="m1"),
            lambda: journal.open_dose(a_record("opened"), at=NOW),
        ):
            with pytest.raises(JournalError) as raised:
                write()
            assert raised.value.fields["why"] == "damaged"
            assert "paper" in raised.value.remedy
    assert [entry.record_id for entry in journal.unsent()] == ["before"]  # and what was written can still be sent


def test_a_measured_value_is_a_row_like_any_other_and_no_administration(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    journal.append(a_record("r-1"), message_id="m1")
    entry = journal.append_observation(a_value(), message_id="m2")
    assert (entry.seq, entry.kind) == (2, "observation")
    assert journal.append_observation(a_value(), message_id="m3") == entry
    with pytest.raises(JournalError):
        journal.append_observation(a_value(value=q("27 /min")), message_id="m4")
    journal.close()
    again = Journal(path, cart=CART, at_rest=KEY)
    assert [value.value for value in again.observations(since=NOW)] == [q("72 /min")]
    assert again.observations(since=NOW + timedelta(seconds=1)) == ()
    assert [record.record_id for record in again.administrations(since=NOW)] == ["r-1"]
    assert again.settle("v-1", at=NOW)
    assert again.unsent_count() == 1


def test_the_facts_of_a_verdict_stay_with_its_record(path: Path) -> None:
    journal = Journal(path, cart=CART, at_rest=KEY)
    first = journal.append(a_record(), message_id="m1", facts="e30=")
    assert isinstance(first.message.body, AdministrationRecorded)
    assert first.message.body.facts == "e30="
    assert journal.append(a_record(), message_id="m2", facts="later") == first  # the same record, asked again a moment later


def test_a_journal_of_the_first_version_goes_on_with_all_its_rows(path: Path) -> None:
    """A cart is updated with doses that nobody has sent yet: none may be lost, and nothing becomes changeable."""
    journal = Journal(path, cart=CART, at_rest=KEY)
    journal.append(a_record("r-1"), message_id="m1")
    journal.append(a_record("r-2"), message_id="m2")
    journal.open_dose(a_record("r-3"), at=NOW)
    journal.settle("r-1", at=NOW)
    epoch = journal.epoch
    journal.close()
    direct = sealed.connect(path, KEY)
    direct.executescript(
        """
        DROP TRIGGER entry_no_update; DROP TRIGGER entry_no_delete; DROP INDEX entry_effective;
        ALTER TABLE entry RENAME TO newer;
        CREATE TABLE entry (
            seq INTEGER PRIMARY KEY, record_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL CHECK (kind IN ('administration', 'attempt')),
            journalled_at TEXT NOT NULL, patient TEXT, effective_at TEXT NOT NULL, payload BLOB NOT NULL
        ) STRICT;
        INSERT INTO entry SELECT * FROM newer; DROP TABLE newer;
        CREATE INDEX entry_effective ON entry (effective_at);
        CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
        CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
        PRAGMA user_version = 1;
        """
    )
    direct.close()
    again = Journal(path, cart=CART, at_rest=KEY)
    assert again.epoch == epoch
    assert [entry.record_id for entry in again.unsent()] == ["r-2"]
    assert [record.record_id for record in again.administrations(since=NOW)] == ["r-1", "r-2"]
    assert [record.record_id for record in again.open_doses()] == ["r-3"]
    assert again.append_observation(a_value(), message_id="m3").seq == 3
    again.close()
    direct = sealed.connect(path, KEY)
    for statement in ("UPDATE entry SET seq = 9", "DELETE FROM entry"):
        with pytest.raises(sqlcipher.IntegrityError, match="append-only"):
            direct.execute(statement)
    direct.close()
    assert Journal(path, cart=CART, at_rest=KEY).last_seq() == 3
