"""S1, S6: what was not given has a coded reason, and what is charted late says so.

Source: VA BCMA ("Comment needed if Not Marked Given"). Hazard: an omission that nobody can explain; charting from memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import NOT_GIVING, Moment
from pointofcare.verdict.reason import is_coded
from pointofcare.verdict.rule import Rule

NOT_GIVEN = Rule(
    id="S1",
    title="A dose that is not given has a coded reason",
    levels=(Level.REASON,),
    looks_at="the action and its reason",
    passes_when="given, or a coded reason is there",
    source="VA BCMA",
    hazard="unexplained omission",
    remedies={"give-reason": ()},
    facts=("action",),
    origin="intent",
)
LATE = Rule(
    id="S6",
    title="Charting follows giving at once",
    levels=(Level.REASON, Level.STOP),
    looks_at="the stated time of giving against now",
    passes_when="at most 15 min ago, and not in the future",
    source="local choice",
    hazard="charting from memory, or before giving",
    remedies={"give-reason": (), "correct-time": ()},
    facts=("cause", "minutes"),
    origin="intent",
)


def check_not_given(moment: Moment) -> Iterator[Finding]:
    intent = moment.facts.intent
    if moment.action in NOT_GIVING and not is_coded(intent.reason, intent.reason_text):
        yield NOT_GIVEN.finding(Level.REASON, "give-reason", facts={"action": moment.action.value})


def check_late(moment: Moment) -> Iterator[Finding]:
    given_at = moment.facts.intent.given_at
    if given_at is None:
        return
    since = moment.at - given_at
    minutes = abs(int(since.total_seconds() // 60))
    if given_at > moment.at:
        yield LATE.finding(Level.STOP, "correct-time", facts={"cause": "future", "minutes": minutes})
    elif since > moment.policy.late_charting:
        yield LATE.finding(Level.REASON, "give-reason", facts={"cause": "late", "minutes": minutes})
