"""P5: the band comes first, opens a session for one patient, and the session runs out when nothing is scanned.

Source: Koppel 2008 (workaround 10: preparing for several patients, then carrying); VA BCMA idle timeout. Hazard: a drug
prepared for one patient is given to the next.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="P5",
    title="Band first, then drug, without a long pause",
    levels=(Level.STOP,),
    looks_at="the order of the scans and the time since the last one",
    passes_when="the drug was scanned after the band and the session is still open",
    source="Koppel 2008, workaround 10; VA BCMA",
    hazard="drugs prepared for one patient reach another",
    remedies={"scan-band-then-drug": ()},
    facts=("cause", "minutes"),
    origin="scan",
)


def check(moment: Moment) -> Iterator[Finding]:
    session = moment.session
    if not moment.at_bedside:
        return
    minutes = int(session.idle.total_seconds() // 60)
    if session.lapsed:
        yield RULE.finding(Level.STOP, "scan-band-then-drug", facts={"cause": "lapsed", "minutes": minutes})
    elif session.uncounted and not session.has_drug:
        yield RULE.finding(Level.STOP, "scan-band-then-drug", facts={"cause": "drug-first", "minutes": minutes})
