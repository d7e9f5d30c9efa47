"""G5: every drug label could be read, and names a product of the formulary.

Source: bedside scanning practice: a label that cannot be read is never guessed. Hazard: a misread or foreign label passes for
a known drug.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="G5",
    title="The drug label is read and known",
    levels=(Level.STOP,),
    looks_at="every drug symbol of the session",
    passes_when="it follows its standard and names exactly one product or one bag",
    source="GS1 General Specifications; local choice",
    hazard="misread or unknown barcode",
    remedies={"scan-again": (), "tell-pharmacy": ("barcode",), "scan-drug": ()},
    facts=("cause", "barcode"),
    origin="scan",
)


def check(moment: Moment) -> Iterator[Finding]:
    if not moment.giving:
        return
    session = moment.session
    if session.unread:
        label = session.unread[-1]
        yield RULE.finding(Level.STOP, "scan-again", facts={"cause": "unreadable", "barcode": label.text}, unknown=True)
    unknown = [pack.scan.gtin for pack in session.packs if pack.product is None] + list(session.foreign)
    if unknown:
        barcode = ", ".join(unknown)
        yield RULE.finding(Level.STOP, "tell-pharmacy", facts={"cause": "unknown", "barcode": barcode}, params={"barcode": barcode})
    if session.keyed_drugs:
        barcode = ", ".join(keyed.value for keyed in session.keyed_drugs)
        yield RULE.finding(Level.STOP, "scan-drug", facts={"cause": "typed", "barcode": barcode}, unknown=True)
