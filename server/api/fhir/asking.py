"""A FHIR search as it was written in an address, to what the store is asked: every parameter by its type, every fault by its name.

Must never read less into a search than was written: what narrows it and is not understood is an error, or, where the client was lenient
and the parameter is none that we have, said on the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

from server.api.fhir.outcomes import AskedError
from server.emr.fhir_elements import GTIN
from server.emr.fhir_ids import from_id
from server.emr.fhir_mapping import MappingContext
from server.emr.fhir_people import NATIONAL_ID
from server.store import patient_words
from server.store.fhir_walk import Reference, Span, Token, Value, Words
from server.usecases.fhir_kinds import KINDS, Filters, Kind, Parameter

MOST = 200
USUAL = 50
LONGEST_VALUE = 1_000
MOST_VALUES = 100
MOST_PARAMETERS = 60
# Read by whoever shows the page.
OF_THE_PAGE = frozenset({"_count", "_sort", "_include", "_revinclude", "_summary", "_elements", "_total", "_format", "_pretty", "_cursor"})
_OURS = ("patient", "order", "staff", "cart", "administration", "product", "ward", "licence", "observation", "stay")
# Systems of FHIR's own for codes that need none here.
_OF_FHIR = re.compile(r"https?://(hl7\.org/fhir|terminology\.hl7\.org)/.+")
_DATE = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<part>\d{1,9}))?)?(?P<zone>Z|[+ -]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What reading a search needs beside it: our systems, our address, the zone of dates without one, and who knows a patient's number."""

    context: MappingContext
    base: str
    zone: tzinfo
    of_number: Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """`ignored` are parameters that are none of ours. `kept` is what was understood, for the links."""

    filters: Filters = ()
    ids: tuple[str, ...] | None = None
    ignored: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = field(default=())


def read(kind: Kind, given: Iterable[tuple[str, str]], around: Around, *, strict: bool) -> Read:
    """Raises: AskedError naming the parameter."""
    filters: list[tuple[str, tuple[Value, ...]]] = []
    ids: set[str] | None = None
    ignored: list[str] = []
    kept: list[tuple[str, str]] = []
    given = list(given)
    if len(given) > MOST_PARAMETERS:
        raise AskedError("", f"more than {MOST_PARAMETERS} parameters", remedy="ask in several searches", issue="too-costly")
    for written, value in given:
        name, modifier, chained = _taken_apart(written)
        if name in OF_THE_PAGE:
            continue
        parameter = kind.parameter(name)
        if parameter is None:
            if strict:
                known = ", ".join(one.name for one in kind.parameters)
                raise AskedError(
                    written, f"{kind.name} has no search parameter {name!r}", remedy=f"use some of: {known}", issue="not-supported"
                )
            ignored.append(written)
            continue
        kept.append((written, value))
        values = _values(written, value)
        if name == "_id":
            if modifier or chained:
                raise _no_modifier(written, parameter)
            ids = set(values) if ids is None else ids & set(values)
            continue
        filters.append((parameter.internal, _read(parameter, written, values, modifier, chained, around)))
    return Read(filters=tuple(filters), ids=None if ids is None else tuple(sorted(ids)), ignored=tuple(ignored), kept=tuple(kept))


def _taken_apart(written: str) -> tuple[str, str, str]:
    """Name, modifier, what is chained: "patient:Patient.identifier"."""
    head, _, chained = written.partition(".")
    name, _, modifier = head.partition(":")
    return name, modifier, chained


def _values(written: str, value: str) -> tuple[str, ...]:
    """At commas that no backslash stands before."""
    if len(value) > LONGEST_VALUE * 4:
        raise AskedError(written, "the value is too long", remedy=f"at most {LONGEST_VALUE} characters", issue="too-long")
    found = [part.strip() for part in re.split(r"(?<!\\),", value)]
    if not value.strip() or any(not part for part in found):
        raise AskedError(written, "the value is empty", remedy="give a value, or leave the parameter out")
    if len(found) > MOST_VALUES or any(len(part) > LONGEST_VALUE for part in found):
        raise AskedError(written, "too many values, or one that is too long", remedy=f"at most {MOST_VALUES} values", issue="too-costly")
    return tuple(found)


def _plain(text: str) -> str:
    return re.sub(r"\\([,|$\\])", r"\1", text)


def _no_modifier(written: str, parameter: Parameter) -> AskedError:
    return AskedError(
        written, f"{parameter.name} takes no such modifier or chain here", remedy=f"use {parameter.name} alone", issue="not-supported"
    )


def _read(parameter: Parameter, written: str, values: tuple[str, ...], modifier: str, chained: str, around: Around) -> tuple[Value, ...]:
    is_number = parameter.targets == ("Patient",) and (chained == "identifier" or (modifier == "identifier" and not chained))
    if is_number and modifier in ("", "Patient", "identifier"):
        return tuple(_by_number(written, value, around) for value in values)
    if chained or (modifier and not (parameter.type == "reference" and modifier in parameter.targets)):
        raise _no_modifier(written, parameter)
    match parameter.type:
        case "token":
            return tuple(_token(written, value, around.context) for value in values)
        case "date":
            zone = UTC if parameter.name == "birthdate" else around.zone
            return tuple(span(written, value, zone) for value in values)
        case "string":
            if len(values) > 1:
                raise AskedError(
                    written, "one name at a time", remedy=f"ask once for each, or repeat {written} for words that must all be there"
                )
            words = patient_words.typed(_plain(values[0]))
            if not words:
                raise AskedError(written, "there is no letter and no digit in it", remedy="give the beginning of a name")
            return (Words(words=words),)
    return tuple(_reference(value, modifier, around.base) for value in values)


def _by_number(written: str, value: str, around: Around) -> Value:
    token = _token(written, value, around.context)
    known = around.of_number(token.code) if token.system in (None, "patient") else None
    return Reference(kind="Patient", id=known) if known is not None else Reference(kind="?", id="")


def systems(context: MappingContext) -> Mapping[str, str]:
    """A system's address -> what the store calls it."""
    return {context.system(name): name for name in _OURS} | {NATIONAL_ID: "national-id", GTIN: "gtin"}


def _token(written: str, value: str, context: MappingContext) -> Token:
    parts = re.split(r"(?<!\\)\|", value)
    if len(parts) > 2 or not parts[-1]:
        raise AskedError(written, "no token", remedy="write code, system|code or |code")
    code = _plain(parts[-1])
    if len(parts) == 1 or not parts[0]:
        return Token(system=None, code=code)
    system = _plain(parts[0])
    if _OF_FHIR.fullmatch(system):
        return Token(system=None, code=code)
    return Token(system=systems(context).get(system, "?"), code=code)


def _reference(value: str, modifier: str, base: str) -> Reference:
    """One that is not ours is no error, and finds nothing."""
    nothing = Reference(kind="?", id="")
    text = _plain(value)
    text = text.removeprefix(f"{base}/") if text.startswith(f"{base}/") else text
    kind, slash, found = text.rpartition("/")
    if slash and (kind not in KINDS or (modifier and modifier != kind)):
        return nothing
    name = from_id(found)
    return nothing if name is None else Reference(kind=kind or modifier or None, id=name)


def span(written: str, value: str, zone: tzinfo) -> Span:
    """A date of a search: from its first moment to the one after its last, as precisely as it is written. Raises: AskedError."""
    match = _DATE.fullmatch(value)
    try:
        if match is None:
            raise ValueError(value)
        start, length = _moment(match, zone)
        end = _month_on(match, zone) if length is None else start + length
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        if match["prefix"] == "ap":
            wide = max(end - start, timedelta(days=1))
            return Span(prefix="eq", start=start - wide, end=end + wide)
        return Span(prefix=match["prefix"] or "eq", start=start, end=end)
    except (ValueError, OverflowError):
        remedy = "write 2026, 2026-03, 2026-03-02 or 2026-03-02T08:05:00+07:00, with eq, ne, gt, lt, ge, le, sa, eb or ap before it"
        raise AskedError(written, f"{value[:60]!r} is no date", remedy=remedy) from None


def _moment(match: re.Match[str], zone: tzinfo) -> tuple[datetime, timedelta | None]:
    """The first moment, and how long it lasts; None: a month or a year, which the calendar says."""
    day = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
    if match["hour"] is None:
        return datetime(day.year, day.month, day.day, tzinfo=zone), timedelta(days=1) if match["day"] else None
    said = match["zone"]
    where = UTC if said == "Z" else datetime.fromisoformat(f"2000-01-01T00:00{said.replace(' ', '+')}").tzinfo if said else zone
    part = (match["part"] or "")[:6]
    at = datetime(
        day.year, day.month, day.day, int(match["hour"]), int(match["minute"]), int(match["second"] or 0),
        int(part.ljust(6, "0")) if part else 0, tzinfo=where,
    )  # fmt: skip
    if match["second"] is None:
        return at, timedelta(minutes=1)
    return at, timedelta(microseconds=10 ** (6 - len(part))) if part else timedelta(seconds=1)


def _month_on(match: re.Match[str], zone: tzinfo) -> datetime:
    year, month = int(match["year"]), int(match["month"] or 12)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)


def count(text: str | None) -> int:
    """How many a page holds. Raises: AskedError."""
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise AskedError("_count", "_count is a whole number", remedy=f"between 1 and {MOST}")
    return min(int(text), MOST)
