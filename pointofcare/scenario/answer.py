"""A verdict as the open format's answer: exactly its keys, in its order, with times in the ward's offset.

In the second format the record may also say what an infusion, a correction of its rate, an effect or a return is about.
"""

from __future__ import annotations

from datetime import datetime

from pointofcare.errors import ZoneUnknownError
from pointofcare.orders import timing
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Finding, ProposedRecord, Verdict


def answer(scenario_id: str, facts: Facts, verdict: Verdict, file_format: int = 1) -> dict[str, object]:
    return {
        "id": scenario_id,
        "level": verdict.level.name,
        "order": verdict.order,
        "due": _time(verdict.due, facts),
        "record": _record(verdict.record, facts, file_format) if verdict.record is not None else None,
        "findings": [_finding(finding) for finding in verdict.findings],
        "engine": verdict.engine,
        "policy": verdict.policy,
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "level": finding.level.name,
        "satisfied": finding.satisfied,
        "unknown": finding.unknown,
        "facts": dict(finding.facts),
        "remedy": finding.remedy,
        "params": dict(finding.params),
    }


def _record(record: ProposedRecord, facts: Facts, file_format: int) -> dict[str, object]:
    written: dict[str, object | None] = {
        "status": record.status,
        "dose": str(record.dose) if record.dose is not None else None,
        "lot": record.lot,
        "expiry": record.expiry.isoformat() if record.expiry is not None else None,
        "serial": record.serial,
        "route": record.route,
        "site": record.site,
        "given_at": _time(record.given_at, facts),
        "reason": record.reason,
        "witness": record.witness.id if record.witness is not None else None,
        "waste": str(record.waste) if record.waste is not None else None,
    }
    if file_format > 1:
        written |= {
            "rate": str(record.rate) if record.rate is not None else None,
            "bag": record.bag,
            "effect": record.effect,
            "continues": record.continues,
            "returned": str(record.returned) if record.returned is not None else None,
        }
    return {name: value for name, value in written.items() if value is not None}


def _time(at: datetime | None, facts: Facts) -> str | None:
    """In the ward's offset; when the zone is not known, in that of the moment of asking."""
    if at is None:
        return None
    try:
        return at.astimezone(timing.zone_of(facts.timezone)).isoformat()
    except ZoneUnknownError:
        return at.astimezone(facts.at.tzinfo).isoformat()
