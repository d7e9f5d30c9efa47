"""Writes the golden verdicts of today's engine, once a version: a spread of the suite in which every rule speaks at every level.

Run `python -m tests.support.golden_verdicts`. A folder that is there is never written again: what was released stays.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from pointofcare.scenario.file import scenarios
from pointofcare.verdict import engine
from pointofcare.wire import values
from tests.support.stored_verdicts import stored

DATA = Path(__file__).parents[1] / "data"
SUITE = DATA / "scenarios"
GOLDEN = DATA / "verdicts"
OF_EACH = 2
EVERY_PASS = 9


def main() -> int:
    folder = GOLDEN / engine.VERSION
    if folder.exists():
        sys.stderr.write(f"{folder} is there: raise engine.VERSION when verdicts change\n")
        return 1
    seen: Counter[object] = Counter()
    lines = []
    passes = 0
    for path in sorted(SUITE.glob("*.json")):
        for scenario in scenarios(path.read_text(encoding="utf-8")):
            kinds: set[object] = {(finding.rule, finding.level) for finding in engine.evaluate(scenario.facts).findings}
            passes += not kinds
            if any(seen[kind] < OF_EACH for kind in kinds) or (not kinds and passes % EVERY_PASS == 1):
                seen.update(kinds)
                lines.append(values.dump(stored(scenario.id, scenario.facts, ward="")) + b"\n")
    folder.mkdir(parents=True)
    (folder / "verdicts.jsonl").write_bytes(b"".join(lines))
    sys.stdout.write(f"{folder}: {len(lines)} verdicts, {len(seen)} rules at their levels\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
