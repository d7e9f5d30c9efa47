"""Writes what each rule says over the open suite, cause by cause, for a person to read: `python -m tests.support.causes`.

A new row is a new sentence at the bedside: read it, and let it stand only if level, remedy and "unknown" are what the rule means.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from pointofcare.verdict.engine import evaluate
from tests.support.suite import every_scenario

TESTS = Path(__file__).parents[1]
KEPT = TESTS / "unit" / "pointofcare" / "verdict" / "causes.json"


def said() -> dict[str, list[list[object]]]:
    """Rule -> [cause, level, remedy, unknown], each once."""
    found: dict[str, list[list[object]]] = defaultdict(list)
    for scenario in every_scenario():
        for finding in evaluate(scenario.facts).findings:
            row = [finding.facts.get("cause", ""), finding.level.name, finding.remedy, finding.unknown]
            if row not in found[finding.rule]:
                found[finding.rule].append(row)
    return {rule: sorted(rows, key=str) for rule, rows in sorted(found.items())}


if __name__ == "__main__":
    rules = (f" {json.dumps(rule)}: [\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]" for rule, rows in said().items())
    KEPT.write_text("{\n" + ",\n".join(rules) + "\n}\n", encoding="utf-8")
