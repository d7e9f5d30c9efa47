"""The bridge's events on a real disk."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware_bridge import ledger as ledger_module
from firmware_bridge.ledger import Happening, Ledger
from pointofcare.errors import JournalError

AT = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def _happening(kind: str = "drawer-opened") -> Happening:
    return Happening(kind=kind, at=AT, boot_id="b1", mono_ms=5, details={"drawer": 3})


def test_numbers_go_on_after_a_restart_and_are_never_used_again(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "events.sqlite")
    first.add(_happening())
    first.take([_happening(), _happening()], boot_id="b1", upto=9)
    first.forget(first.epoch, 3)
    first.close()
    second = Ledger(tmp_path / "events.sqlite")
    second.add(_happening())
    assert (second.epoch, second.mark()) == (first.epoch, ("b1", 9))
    (event,) = second.waiting()
    assert (event.seq, event.at, dict(event.details)) == (4, AT, {"drawer": 3})
    second.close()


def test_a_new_file_is_a_new_epoch(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path / "a" / "events.sqlite"), Ledger(tmp_path / "b" / "events.sqlite")
    assert one.epoch != two.epoch
    one.add(_happening())
    one.forget(two.epoch, 100)
    assert one.count() == 1
    one.close()
    two.close()


def test_a_mailbox_is_written_whole_with_its_mark_or_not_at_all(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "events.sqlite")
    with pytest.raises(TypeError):
        ledger.take([_happening(), Happening(kind="x", at=AT, details={"bad": object()})], boot_id="b1", upto=2)
    assert (ledger.count(), ledger.mark()) == (0, ("", 0))
    ledger.close()


def test_a_disk_that_refuses_is_told_and_nothing_counts_as_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "events.sqlite")
    with sqlite3.connect(tmp_path / "events.sqlite") as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    other.close()
    with pytest.raises(JournalError):
        ledger.take([_happening()], boot_id="b1", upto=1)
    assert ledger.mark() == ("", 0)
    ledger.close()


def test_a_server_that_never_comes_back_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MOST_KEPT", 5)
    ledger = Ledger(tmp_path / "events.sqlite")
    for _ in range(9):
        ledger.add(_happening())
    assert [event.seq for event in ledger.waiting()] == [5, 6, 7, 8, 9]
    ledger.close()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError):
        Ledger(tmp_path / "file" / "events.sqlite")
