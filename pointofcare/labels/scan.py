"""What a scan says: one symbol, interpreted strictly, by the hospital's site profile.

`interpret` never raises for content and never guesses: what it cannot read is an `UnreadableLabel` that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pointofcare.labels.symbol import Symbol


class LabelKind(StrEnum):
    """What a damaged label was meant to be, as far as it shows."""

    PATIENT = "patient"
    DRUG = "drug"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class BandScan:
    """A wristband: GSRN (AI 8018, 18 digits) with its instance SRIN (AI 8019), or by site profile a plain MRN."""

    gsrn: str | None = None
    srin: str | None = None
    mrn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugScan:
    """A drug pack. `gtin` has 14 digits and a right check digit.

    `bad_elements` names the optional application identifiers that were present and not valid ("17", "10", "21"): the pack
    is known, that element is not, and the verdict asks for a reason. `expiry` is the last day on which it may be given.
    """

    gtin: str
    lot: str | None = None
    expiry: date | None = None
    serial: str | None = None
    bad_elements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeScan:
    """A staff badge."""

    badge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextScan:
    """Any other non-GS1 symbol: a bag's label id, or something foreign. Facts decide what it names."""

    text: str
    identifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableLabel:
    """A symbol whose content breaks its grammar. `reason` is a stable code, `element` the AI at fault where one is."""

    kind: LabelKind
    reason: str
    element: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Typed instead of scanned. `kind` says for what; `second_identifier` is the typed birth date (ISO) for a patient."""

    value: str
    kind: LabelKind = LabelKind.PATIENT
    second_identifier: str | None = None
    reason: str | None = None


Scan = BandScan | DrugScan | BadgeScan | TextScan | UnreadableLabel | Keyed


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteProfile:
    """What plain (non-GS1) symbols mean at this hospital. Patterns are regular expressions over the whole text; None: off."""

    mrn_pattern: str | None = None
    badge_prefix: str = "BADGE:"


def interpret(symbol: Symbol, profile: SiteProfile, today: date) -> Scan:
    """The one way from a symbol to a scan. `today` (ward date) settles two-digit years.

    Never raises for any `symbol`.
    """
    raise NotImplementedError
