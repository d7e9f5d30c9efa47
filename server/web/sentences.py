"""Findings as sentences in the reader's language, through the clinical texts; a rule without a text shows its id, never nothing."""

from __future__ import annotations

import logging

from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import PointOfCareError
from pointofcare.texts import findings
from pointofcare.verdict.finding import Finding, Level
from server.web import page

log = logging.getLogger(__name__)


def of_evidence(evidence: FindingEvidence) -> str:
    """What the nurse was told."""
    level = Level[evidence.level] if evidence.level in Level.__members__ else Level.STOP
    finding = Finding(
        rule=evidence.rule,
        level=level,
        facts=dict(evidence.facts),
        remedy=evidence.remedy,
        params=dict(evidence.params),
        unknown=evidence.unknown,
        satisfied=evidence.satisfied,
    )
    try:
        said, remedy = findings.sentence(page.language(), finding)
    except (PointOfCareError, KeyError, ValueError, TypeError):  # a record of an older engine may name what the texts no longer know
        log.warning("no sentence for finding %s", evidence.rule)
        return evidence.rule
    return " ".join(part for part in (said, remedy) if part) or evidence.rule


def of_rule(rule: str) -> str:
    """The name of a rule where only its id is known."""
    return page.word("rule", rule)
