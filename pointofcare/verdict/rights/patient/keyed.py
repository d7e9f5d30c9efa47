"""P6: a typed patient needs two identifiers and a reason, and never counts as a scan.

Source: VA BCMA unable-to-scan workflow (WKEY). Hazard: a typing slip, and typing as a habit.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.reason import is_coded
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="P6",
    title="A typed patient needs two identifiers and a reason",
    levels=(Level.REASON, Level.STOP),
    looks_at="the typed identifiers and the reason beside them",
    passes_when="the band was scanned; typed with two agreeing identifiers, a coded reason answers it",
    source="VA BCMA, unable to scan",
    hazard="wrong patient by a typing slip",
    remedies={"scan-band": (), "give-second-identifier": (), "give-reason": ()},
    facts=("cause",),
    origin="keyed",
)


def check(moment: Moment) -> Iterator[Finding]:
    keyed = moment.session.keyed
    if keyed is None:
        return
    if moment.identity.cause in ("second-missing", "second-differs"):
        yield RULE.finding(Level.STOP, "give-second-identifier", facts={"cause": moment.identity.cause})
        return
    explained = is_coded(keyed.reason)
    yield RULE.finding(Level.REASON, "scan-band" if explained else "give-reason", facts={"cause": "typed"})
