"""The hunt for misreads counts every one, keeps its picture, and goes on where it was stopped. No reader is timed here."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measure
from benchmarks.scans import document, hunt, photos, readers, sets
from cart_client.reading import manifest
from simulation import labels


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A reader that says what is not there on the frames of this list."""
    wrong: list[int] = []

    def read(_image: Any, number: int) -> readers.Outcome:
        return readers.Outcome(found=frozenset([b"8018893412345678901234"] if number in wrong else []), ms=1.0)

    monkeypatch.setattr(readers, "ours", lambda _name="cascade": read)
    return wrong


def test_a_misread_is_told_kept_and_counted(tmp_path: Path, said: list[int]) -> None:
    said[:] = [2, 10]
    state = hunt.hunt(10, 5, folder=tmp_path)
    assert [one["frame"] for one in state.misreads] == [1, 9]
    assert [one["level"] for one in state.misreads] == ["L1", "negative"]
    assert all((tmp_path / one["file"]).stat().st_size > 1000 for one in state.misreads)
    assert (state.done, state.read, state.negatives) == (10, 0, 1)


def test_it_goes_on_where_it_was_stopped(tmp_path: Path, said: list[int]) -> None:
    hunt.hunt(3, 5, folder=tmp_path)
    said[:] = [1, 4]
    state = hunt.hunt(5, 5, folder=tmp_path)
    assert state.done == 5
    assert [one["frame"] for one in state.misreads] == [3]
    assert json.loads((tmp_path / "hunt-cascade-5.json").read_text())["done"] == 5


def test_a_wrong_text_is_no_hit_in_any_table(said: list[int]) -> None:
    said[:] = [1]
    read = {name: readers.ours() for name in (readers.OURS, readers.FLOOR)}
    result = sets.scenes(read, seed=5, count=2, frames=1, with_oracle=False)
    row = result["groups"]["all"][readers.OURS]
    assert (row["frames"], row["read"], row["wrong"]) == (2, 0, 1)
    assert len(result["misreads"]) == 2
    empty = sets.without_code(read, seed=5, count=1)
    assert empty["all"][readers.OURS]["wrong"] == 1


def test_own_photographs_are_taken_with_a_manifest_or_with_text_beside(tmp_path: Path) -> None:
    (tmp_path / "qrcode-1").mkdir()
    labels.qr("BAG-1").save(tmp_path / "qrcode-1" / "01.png")
    (tmp_path / "qrcode-1" / "01.txt").write_bytes("Nghĩa\x1d".encode())
    (tmp_path / "qrcode-1" / "02.png").write_bytes(b"no text beside")
    (photo,) = photos._own(tmp_path)
    assert photo.entry.expected == (manifest.Expected(symbology="QRCode", content="Nghĩa\x1d".encode()),)
    (tmp_path / "manifest.csv").write_text("path,symbology,expected\nqrcode-1/01.png,qr,BAG-1\n")
    (photo,) = photos._own(tmp_path)
    assert photo.entry.expected[0].content == b"BAG-1"
    table: sets.Table = defaultdict(lambda: defaultdict(sets.Count))
    photos._tally(table, "own", "r", photo.entry, frozenset([b"BAG-1", b"BAG-2"]), 1.0)
    assert (table["own"]["r"].read, table["own"]["r"].wrong) == (1, 1)


def test_a_reader_that_breaks_is_told_and_the_hunt_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Brittle:
        def __init__(self, **_options: object) -> None:
            """As the cascade is made."""

        def decode(self, _frame: object) -> list[object]:
            raise ValueError("broken")

    monkeypatch.setattr(readers, "CascadeDecoder", Brittle)
    state = hunt.hunt(2, 5, folder=tmp_path)
    assert (state.done, state.broken, state.misreads) == (2, [0, 1], [])
    result = sets.scenes({readers.OURS: readers.ours()}, seed=5, count=1, frames=1, with_oracle=False)
    assert [one["how"] for one in result["broken"]] == ["ValueError: broken"]


def test_the_page_gets_the_measured_figures_and_nothing_else_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"frames": 4, "read": 3, "wrong": 1, "rate": 0.75, "p50_ms": 10.4, "p95_ms": 20.6}
    rows = dict.fromkeys(document.READERS, row)
    result = {
        "seed": 1, "scenes": 4, "frames_a_scene": 1, "five": {}, "photos": {"groups": {}},
        "machine": {"cpus": 2, "cpu": "x", "load_1m": 1.0},
        "groups": {"all": rows}, "oracle": {"all": {"frames": 4, "read": 4}}, "without_code": {"all": rows},
        "angles": {"bands": 1, "angles": 24, "whole_angles": dict.fromkeys(document.READERS, 5)},
        "ratios": dict.fromkeys(("easy_p50", "all_p50", "all_p95", "without_code_p50"), 2.0),
        "limits": {"easy_p50": 1.1, "all_p50": 1.8, "all_p95": 2.6, "without_code_p50": 1.4},
    }  # fmt: skip
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    (tmp_path / "scanning.json").write_text(json.dumps(result))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    document.write(page)
    text = page.read_text()
    assert text.startswith(f"before\n{document.BEGIN}\n")
    assert text.endswith(f"{document.END}\nafter\n")
    assert "| all | 3 of 4, 75 % (1 misread) |" in text
    assert "old" not in text
    assert text.count("| met |") == 1
    page.write_text("no marks")
    with pytest.raises(ValueError):
        document.write(page)
