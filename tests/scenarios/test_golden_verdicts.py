"""What each released engine said, judged again: the same version says the same, and every difference of a newer one is explained."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from pointofcare.verdict.engine import VERSION
from pointofcare.wire import recompute
from pointofcare.wire.recompute import StoredVerdict

GOLDEN = Path(__file__).parents[1] / "data" / "verdicts"
VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


@cache
def stored(version: str) -> tuple[StoredVerdict, ...]:
    lines = (GOLDEN / version / "verdicts.jsonl").read_bytes().splitlines()
    return tuple(recompute.read(json.loads(line)) for line in lines)


def differing(version: str) -> dict[str, list[str]]:
    """Record -> what is another now, as "rule:what"."""
    found = {}
    for each in stored(version):
        done = recompute.replay(each)
        assert done.differences is not None, f"{each.record_id}: {done.why}"
        if not done.is_same:
            found[each.record_id] = [f"{one.rule}:{one.what}" for one in done.differences]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_verdicts_are_of_their_version_and_many(version: str) -> None:
    assert {each.engine for each in stored(version)} == {version}
    assert len(stored(version)) >= 100
    assert len({each.record_id for each in stored(version)}) == len(stored(version))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_difference_to_a_released_engine_is_listed_and_explained(version: str) -> None:
    found = differing(version)
    if version == VERSION:
        assert found == {}, "the engine's answers changed: raise engine.VERSION, and explain it in differences.json of the older versions"
        return
    told = json.loads((GOLDEN / version / "differences.json").read_text(encoding="utf-8"))
    listed = {record: parts for each in told.get(VERSION, []) for record, parts in each["records"].items()}
    assert found == listed
    assert all(len(each["why"]) > 40 and each["records"] for versions in told.values() for each in versions)
