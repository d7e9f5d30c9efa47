"""The table of benchmarks is whole, and the cheap ones give what the documents promise. Nothing here is timed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import measure

ROOM = Path(bench.__file__).parent
NO_BENCHMARK = {"__init__", "__main__", "measure"}
CHEAP = ("verdicts", "bedside")


@pytest.fixture(autouse=True)
def _results_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results")


def test_every_module_is_in_the_table_and_in_the_document() -> None:
    modules = {path.stem for path in ROOM.glob("*.py")} - NO_BENCHMARK
    assert {one.module for one in bench.BENCHMARKS.values()} == {f"benchmarks.{name}" for name in modules}
    document = (ROOM.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name in bench.BENCHMARKS:
        assert f"`{name}`" in document


@pytest.mark.parametrize("name", CHEAP)
def test_a_quick_run_gives_the_documented_keys_and_a_table(name: str) -> None:
    module = importlib.import_module(bench.BENCHMARKS[name].module)
    result = module.run(quick=True)
    assert set(bench.BENCHMARKS[name].keys) <= set(result)
    assert module.table(result)
    assert json.loads((measure.RESULTS / f"{name}.json").read_text(encoding="utf-8")) == json.loads(json.dumps(result))


def test_one_that_fails_is_told_and_the_others_are_still_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = bench.Benchmark(module="benchmarks.not_there", about="nothing", keys=())
    monkeypatch.setattr(bench, "BENCHMARKS", {"broken": broken, "verdicts": bench.BENCHMARKS["verdicts"]})
    assert bench.main(["--quick"]) == 1
    assert "not measured: broken" in capsys.readouterr().out
    written = json.loads((measure.RESULTS / "all.json").read_text(encoding="utf-8"))
    assert set(written["results"]) == {"verdicts"}
    assert written["machine"]["cpus"] > 0


def test_a_name_that_is_none_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert "verdicts" in capsys.readouterr().err
