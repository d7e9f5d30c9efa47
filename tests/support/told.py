"""Writes what the engine answers to each scenario of the open suite, one line a verdict and one a finding, for a person to read:
`python -m tests.support.told`.

Every fact, parameter, source and what would be charted is in it. A line that is another now is another sentence at the bedside or in
the record: read it against the rule, and let it stand only if it is what the rule means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from pointofcare.people import Witness
from pointofcare.scenario.file import Scenario
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.finding import FactSource, Finding, ProposedRecord, Verdict
from tests.support.suite import every_scenario

TESTS = Path(__file__).parents[1]
KEPT = TESTS / "unit" / "pointofcare" / "verdict" / "told.json"


def lines(scenario: Scenario) -> list[str]:
    verdict = evaluate(scenario.facts)
    tried = [f"in shadow: {_finding(finding)}" for finding in verdict.shadow]
    return [_verdict(verdict), *map(_finding, verdict.findings), *tried]


def _verdict(verdict: Verdict) -> str:
    order = f"order {verdict.order} v{verdict.order_version}" if verdict.order is not None else "no order"
    due = f" due {_value(verdict.due)}" if verdict.due is not None else ""
    record = "nothing to chart" if verdict.record is None else _record(verdict.record)
    return f"{verdict.level.name}, patient {verdict.patient}, {order}{due}, products {', '.join(verdict.products) or 'none'}; {record}"


def _record(record: ProposedRecord) -> str:
    return _pairs({each.name: value for each in fields(record) if (value := getattr(record, each.name)) is not None})


def _finding(finding: Finding) -> str:
    marks = " (unknown)" * finding.unknown + " (answered)" * finding.satisfied
    sources: dict[FactSource, list[str]] = {}
    for name, source in finding.sources.items():
        sources.setdefault(source, []).append(name)
    origins = "; ".join(f"{' '.join(names)} from {_source(source)}" for source, names in sources.items())
    return f"{finding.rule} {finding.level.name}{marks}: {_pairs(finding.facts)} -> {finding.remedy} {_pairs(finding.params)} | {origins}"


def _source(source: FactSource) -> str:
    return " ".join(filter(None, (source.origin, source.ref, _value(source.at) if source.at is not None else "")))


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in values.items())


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return f"{value.id} ({value.role})" if isinstance(value, Witness) else str(value)


def main() -> None:
    told = {scenario.id: lines(scenario) for scenario in every_scenario()}
    KEPT.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
