"""What a scan says: one symbol, interpreted strictly, by the hospital's site profile.

`interpret` never raises for content and never guesses: what it cannot read is an `UnreadableLabel` that says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from functools import cache

from pointofcare.errors import ConfigError, LabelError
from pointofcare.labels import cccd, gs1, retail
from pointofcare.labels.symbol import Symbol

# AIM symbology identifiers (ISO/IEC 15424) whose data is a GS1 element string; every other one is not, whatever it looks like.
GS1_CARRIERS = frozenset({"]d2", "]C1", "]Q3", "]e0"})
# EAN, UPC and ITF-14: the data is a GTIN alone, by length its format. UPC-E must come expanded, for its short form may also be an EAN-8.
RETAIL_CARRIERS = {"]E0": {12: "UPCA", 13: "EAN13"}, "]E4": {8: "EAN8"}, "]I1": {14: "ITF14"}}
# Plain Code 128 and QR, and readers that give no identifier: where a plain patient number may stand.
_BAND_CARRIERS = frozenset({"]C0", "]Q0", "]Q1", "]Q2", ""})
_LONGEST_ID = 64
# Of a band with name and birth date beside the number. A pattern is tried on no longer text.
_LONGEST_BAND = 200
_LONGEST_TEXT = 7089
_SHOWN = 200


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
    is known, that element is not, and the verdict asks for a reason. `expiry` is the last day on which it may be given, and
    `expiry_time` (from AI 7003) the wall clock time on that day from which it may not; None: the whole day. `other_lots` are
    the lots that this would be if a separator were lost: a recall of one of them must stop the pack too.
    """

    gtin: str
    lot: str | None = None
    expiry: date | None = None
    serial: str | None = None
    bad_elements: tuple[str, ...] = ()
    expiry_time: time | None = None
    other_lots: tuple[str, ...] = ()


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
    """What plain (non-GS1) symbols mean at this hospital.

    `mrn_pattern` is a regular expression over the whole text of a plain wristband, which may name the patient number in a group
    "mrn"; None: off. `mrn_patterns` are further ones, for a hospital that prints several kinds of bands: where two of them read two
    numbers out of one band, it is nobody's. `badge_prefix` "" turns badges off. Raises: ConfigError when a pattern is no regular
    expression.
    """

    mrn_pattern: str | None = None
    badge_prefix: str = "BADGE:"
    mrn_patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for each in self.patterns:
            _pattern(each)

    @property
    def patterns(self) -> tuple[str, ...]:
        return (*((self.mrn_pattern,) if self.mrn_pattern is not None else ()), *self.mrn_patterns)


def interpret(symbol: Symbol, profile: SiteProfile, today: date) -> Scan:
    """The one way from a symbol to a scan. `today` (ward date) settles two-digit years.

    The symbology identifier alone decides the grammar. Never raises for any `symbol`.
    """
    if symbol.identifier in GS1_CARRIERS:
        return _element_string(symbol.content, today)
    if symbol.identifier in RETAIL_CARRIERS:
        return _retail(symbol.identifier, symbol.content)
    return _plain(symbol.identifier, symbol.content, profile)


def _element_string(content: bytes, today: date) -> Scan:
    try:
        label = gs1.parse(content, today)
    except LabelError as error:
        return _unreadable(content, error.fields.get("reason"), error.fields.get("element"))
    gsrn, gtin, provider = label.get("8018"), label.get("01"), label.get("8017")
    if gtin is not None and (gsrn is not None or provider is not None):
        return _unreadable(content, "two-identities", "01")
    if gsrn is not None:
        return BandScan(gsrn=gsrn, srin=label.get("8019"))
    if provider is not None:
        return BadgeScan(badge=provider)
    if gtin is not None:
        return _drug(gtin, label)
    return _unreadable(content, "no-identity", None)


def _drug(gtin: str, label: gs1.Elements) -> DrugScan:
    day, moment = label.day("17"), label.moment("7003")
    bad = [fault.ai for fault in label.faults]
    if day is not None and moment is not None and day != moment.date():
        bad += ["17", "7003"]
        day = moment = None
    return DrugScan(
        gtin=gtin,
        lot=label.get("10"),
        expiry=moment.date() if moment is not None else day,
        serial=label.get("21"),
        bad_elements=tuple(bad),
        expiry_time=moment.time() if moment is not None else None,
        other_lots=gs1.other_lots(label),
    )


def _retail(identifier: str, content: bytes) -> Scan:
    digits = content.decode("ascii", errors="replace") if len(content) <= 14 else ""
    try:
        return DrugScan(gtin=retail.gtin14(digits, RETAIL_CARRIERS[identifier].get(len(digits), retail.OTHER)))
    except LabelError as error:
        return _unreadable(content, error.fields["reason"], "01", LabelKind.DRUG)


def _plain(identifier: str, content: bytes, profile: SiteProfile) -> Scan:
    if len(content) > _LONGEST_TEXT:
        return _unreadable(content, "too-long", None, LabelKind.UNKNOWN)
    if not content:
        return _unreadable(content, "empty", None, LabelKind.UNKNOWN)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _unreadable(content, "not-utf8", None, LabelKind.UNKNOWN)
    if profile.badge_prefix and text.startswith(profile.badge_prefix):
        badge = text.removeprefix(profile.badge_prefix)
        if 0 < len(badge) <= _LONGEST_ID and badge.isprintable() and badge == badge.strip():
            return BadgeScan(badge=badge)
        return _unreadable(content, "badge", None, LabelKind.UNKNOWN)
    if profile.patterns and identifier in _BAND_CARRIERS and len(text) <= _LONGEST_BAND:
        matches = [_pattern(pattern).fullmatch(text) for pattern in profile.patterns]
        named = {match.groupdict().get("mrn") or match[0] for match in matches if match is not None} - {""}
        if len(named) > 1:
            return _unreadable(content, "two-identities", None, LabelKind.PATIENT)
        mrn = named.pop() if named else ""
        if 0 < len(mrn) <= _LONGEST_ID:
            return BandScan(mrn=mrn)
    return TextScan(text=cccd.withheld(text), identifier=identifier)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as exc:
        raise ConfigError(
            f"the pattern of patient numbers is no regular expression: {exc}",
            problems=(("mrn_pattern", "write a regular expression such as [0-9]{2}-[0-9]{6}"),),
        ) from exc


def _unreadable(content: bytes, reason: object, element: object, kind: LabelKind | None = None) -> UnreadableLabel:
    text = content[:_SHOWN].decode("utf-8", errors="replace")
    return UnreadableLabel(
        kind=kind or _kind_of(text.lstrip(gs1.GS)),
        reason=str(reason),
        element=None if element is None else str(element),
        text=cccd.withheld(text),
    )


def _kind_of(text: str) -> LabelKind:
    """What a broken element string was meant to be, by the identifier that it begins with."""
    if text.startswith("8018"):
        return LabelKind.PATIENT
    return LabelKind.DRUG if text.startswith(("01", "10", "11", "17", "21")) else LabelKind.UNKNOWN
