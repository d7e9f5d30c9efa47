"""P1, P2: the scanned band is exactly one admitted patient, and a bed or room number is never a patient.

Source: Joint Commission NPSG.01.01.01 (two identifiers, never the room). Hazard: a dose given to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, is_place
from pointofcare.verdict.rule import Rule

IDENTITY = Rule(
    id="P1",
    title="The band is exactly one admitted patient",
    levels=(Level.STOP,),
    looks_at="the band or typed identifiers, all patients of the chart",
    passes_when="exactly one patient carries that number and is known to be admitted",
    source="Joint Commission NPSG.01.01.01",
    hazard="wrong patient",
    remedies={"scan-band": (), "check-identity": ("scanned",), "check-status": ("patient",)},
    facts=("cause", "scanned"),
    origin="keyed",
)
BED = Rule(
    id="P2",
    title="A bed or room number is never an identifier",
    levels=(Level.STOP,),
    looks_at="both typed identifiers; what was scanned in the place of a band",
    passes_when="none is the number of a bed, room or ward",
    source="Joint Commission NPSG.01.01.01",
    hazard="wrong patient after a change of beds",
    remedies={"scan-band": ()},
    facts=("scanned",),
    origin="keyed",
)


def check_identity(moment: Moment) -> Iterator[Finding]:
    identity = moment.identity
    needed = moment.at_bedside or moment.session.opened
    if identity.cause and identity.cause != "bed-number" and needed:
        remedy = "scan-band" if identity.cause in ("none-scanned", "unreadable") else "check-identity"
        yield IDENTITY.finding(
            Level.STOP,
            remedy,
            facts={"cause": identity.cause, "scanned": identity.scanned},
            params={"scanned": identity.scanned} if remedy == "check-identity" else {},
            unknown=identity.cause in ("none-scanned", "unreadable"),
        )
    elif identity.patient is not None and identity.patient.status is None and moment.at_bedside:
        yield IDENTITY.finding(
            Level.STOP,
            "check-status",
            facts={"cause": "status", "scanned": identity.scanned},
            params={"patient": identity.patient.id},
            unknown=True,
        )


def check_bed(moment: Moment) -> Iterator[Finding]:
    place = _place(moment)
    if place is not None:
        yield BED.finding(Level.STOP, "scan-band", facts={"scanned": place})


def _place(moment: Moment) -> str | None:
    """The bed, room or ward that was taken for an identifier."""
    session, identity = moment.session, moment.identity
    if identity.cause == "bed-number":
        return identity.scanned
    offered: tuple[str, ...] = ()
    if session.keyed is not None and identity.cause == "second-differs":
        offered = (session.keyed.second_identifier or "",)
    elif not session.opened and moment.at_bedside:
        offered = session.strays
    return next((text for text in offered if is_place(text, moment.facts.patients)), None)
