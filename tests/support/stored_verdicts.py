"""Stored verdicts for tests: what a cart would have sent and a server exported, of given facts."""

from __future__ import annotations

from pointofcare.verdict import engine
from pointofcare.verdict.facts import Facts
from pointofcare.wire import snapshot
from pointofcare.wire.recompute import ADMINISTRATION, ATTEMPT, StoredVerdict, asked, evidence


def stored(record_id: str, facts: Facts, *, kind: str = ADMINISTRATION, ward: str = "NOI-TH") -> StoredVerdict:
    """As today's engine judges `facts`."""
    verdict = engine.evaluate(facts)
    return StoredVerdict(
        record_id=record_id,
        kind=kind,
        ward=ward,
        at=facts.at,
        engine=verdict.engine,
        policy=verdict.policy,
        level=(verdict.level if kind == ATTEMPT else asked(verdict.findings)).name,
        findings=tuple(evidence(each) for each in verdict.findings),
        order=verdict.order,
        order_version=verdict.order_version,
        due=verdict.due,
        facts=snapshot.pack(facts),
    )
