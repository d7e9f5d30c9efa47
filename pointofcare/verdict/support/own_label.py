"""G7: a label that the hospital printed for one unit is one that was issued for it, and not withdrawn.

Source: VA BCMA, unique numbers of printed labels; Koppel 2008, workaround 11. Hazard: a copied, invented or withdrawn label passes
for a pack. A right check character is no proof: only the table that the server signed is, so that a label which is not in it stops
the dose, with a network or without.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.labels import serial as serials
from pointofcare.products import IssuedLabels
from pointofcare.verdict import index
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, Pack
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="G7",
    title="The hospital's own label was issued for this unit",
    levels=(Level.STOP,),
    looks_at="the serial number of the label, the labels that the pharmacy issued and withdrew",
    passes_when="it was issued with this product, lot and expiry, for this patient or for nobody, and not withdrawn",
    source="VA BCMA, unique numbers of printed labels; Koppel 2008, workaround 11",
    hazard="a copied, invented or withdrawn label passes for a pack",
    remedies={"take-other-pack": ()},
    facts=("cause", "serial"),
    origin="scan",
)


def check(moment: Moment) -> Iterator[Finding]:
    if not moment.giving:
        return
    for pack in moment.session.packs:
        serial = pack.scan.serial
        cause = _fault(pack, serial, moment) if serial is not None else ""
        if cause:
            yield RULE.finding(Level.STOP, "take-other-pack", facts={"cause": cause, "serial": serial})


def _fault(pack: Pack, serial: str, moment: Moment) -> str:
    issued = index.labels(moment.facts.labels).get(serial, ())
    if not issued:
        if not serials.is_unit_dose(serial):
            return ""  # a maker's serial number
        return "unknown" if serials.is_sound(serial) else "check"
    if len(issued) > 1 or not _agrees(pack, issued[0]):
        return "differs"
    if serial in issued[0].void:
        return "void"
    meant = issued[0].patient
    if meant is not None and (moment.patient is None or moment.patient.id != meant):
        return "other-patient"
    return ""


def _agrees(pack: Pack, issued: IssuedLabels) -> bool:
    scan = pack.scan
    return (scan.gtin, scan.lot, scan.expiry) == (issued.gtin, issued.lot, issued.expiry) and not scan.bad_elements
