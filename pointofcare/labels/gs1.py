"""GS1 element strings, read strictly: what a GS1 barcode says about a medicine or a patient.

Takes the data of a symbol whose symbology identifier says that it is GS1, with FNC1 as GS (0x1D). It never repairs and never
guesses: a label that breaks the grammar is refused whole, with one exception. When the trade item's number (01) is there and
right, an optional element with a wrong *value* (31 February, a lot with a forbidden character; never a wrong check digit) becomes a
`Fault`, so that the pack is known and the element is not.

A lost separator
----------------
When a separator (FNC1) after a value of variable length is lost, the next element hides inside that value: "10A1" + "17270131"
reads as lot "A117270131", the expiry is gone, and an expired pack passes. No parser can see this in general: the lot may
really be called so. The rule here, for each value of variable length:

1. Another reading is a way to cut the value into itself, shortened, and one or more further known elements, such that all
   element rules hold for the whole label (value, no identifier twice, what must and must not go together).
2. It counts as *proof* only when one of the hidden elements is a date that a medicine carries, (11), (15), (17) or (7003), and that
   date is believable: within ten years of today, and for (11), production, not in the future; or when it is a serial
   that begins with a letter and goes on ("10LOT921SER7" is lot LOT9 with serial SER7 too). Then the label has two valid
   readings and is refused as "ambiguous". "21" with a digit behind is no proof, for that stands in many honest lots, and
   neither is a hidden lot.
3. When the value is too long to be valid, any other reading at all is enough ("separator-lost").
4. `other_lots` gives the shorter lots that weaker readings (a hidden serial) would leave, for comparing with recalled lots.

So a label that carries its own dates and its own serial is never refused for its lot; an all-digit lot of a label without any
date is refused about once in several thousand, a random mixed lot of a label without serial about once in two hundred
(measured in the tests); `element_string` refuses to print either.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pointofcare.errors import LabelError
from pointofcare.labels.application_identifiers import CHARACTERS, IDENTIFIERS, ApplicationIdentifier, Component, starting

GS = "\x1d"
MAX_CHARACTERS = 7089  # the most that any GS1 carrier holds (QR, digits)

_BRACKETS = re.compile(r"\(([0-9]{2,4})\)([^()]*)", re.ASCII)
_BELIEVABLE = timedelta(days=3653)
_EVER = timedelta(days=36525)
_PROOF = frozenset({"11", "15", "17", "7003"})
# What stands beside one another on medicines and their unit doses, and so may hide behind a lost separator.
_HIDDEN = (
    "01",
    "10",
    "11",
    "13",
    "15",
    "16",
    "17",
    "21",
    "22",
    "30",
    "240",
    "250",
    "7003",
    "710",
    "711",
    "712",
    "713",
    "714",
    "715",
    "716",
    "717",
)
_HIDDEN_IN_LONG = ("10", "11", "15", "17", "21", "7003")  # in a company's own data, (91) to (99): what matters, at bounded cost
_MOST_HIDDEN = 3  # one lost separator hides the fixed ones up to the next; a longer row shows when the value is cut later
_LONGEST_READABLE = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One identifier with its value, as written. `position` is where it began, in characters."""

    ai: str
    value: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An optional element whose value is not valid. `reason` is a stable code."""

    ai: str
    value: str
    reason: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """A label that keeps the grammar. `elements` in the order of the label, no identifier twice; `faults` only beside a valid
    (01). `today` settled its two-digit years."""

    elements: tuple[Element, ...]
    faults: tuple[Fault, ...] = ()
    today: date

    def get(self, ai: str) -> str | None:
        """The valid value of `ai`, None when the label has none."""
        return next((element.value for element in self.elements if element.ai == ai), None)

    def day(self, ai: str) -> date | None:
        """The date that `ai` begins with; day 00 is the last of the month."""
        value = self.get(ai)
        return None if value is None else day_of(value[:6], self.today, month_allowed=True)

    def moment(self, ai: str) -> datetime | None:
        """Date and time of (7003), wall clock where the label is read, so without a zone."""
        value, day = self.get(ai), self.day(ai)
        return None if value is None or day is None else datetime.combine(day, time(int(value[6:8]), int(value[8:10])))


def parse(data: bytes | str, today: date) -> Elements:
    """The elements of a GS1 symbol's data. One leading and one trailing GS, and GS where none is needed, are tolerated.

    `today` is the ward's date. Raises: LabelError, and nothing else for any data, with the fields `reason` (a stable code),
    `element` (the identifier at fault, or None) and `position` (in characters).
    """
    return _read(_text(data), today, _BELIEVABLE)


def typed(text: str, today: date) -> Elements:
    """The elements of what a person typed from a label, with brackets: "(01)08936000000011(17)270131(10)A1". Never for what a reader
    hands over: there brackets are a reader that is set wrongly, and a separator may be lost behind them. Raises: LabelError."""
    plain = text.strip()
    if len(plain) > MAX_CHARACTERS:
        raise _error("too-long", None, 0)
    pairs = _BRACKETS.findall(plain)
    if not pairs or "".join(f"({ai}){value}" for ai, value in pairs) != plain:
        raise _error("brackets", None, 0)
    unknown = next((ai for ai, _ in pairs if ai not in IDENTIFIERS), None)
    if unknown is not None:
        raise _error("unknown-ai", unknown, 0)
    return _read(_text(encode(Element(ai=ai, value=value.strip()) for ai, value in pairs)), today, _BELIEVABLE)


def encode(elements: Iterable[Element]) -> str:
    """The element string, without leading FNC1, GS only where one is needed. Nothing is checked."""
    text = ""
    separator = ""
    for element in elements:
        text += separator + element.ai + element.value
        separator = "" if IDENTIFIERS[element.ai].predefined_length else GS
    return text


def element_string(pairs: Sequence[tuple[str, str]], today: date | None = None) -> str:
    """The data of a label to print: [("01", "08936000000011"), ("10", "A1")]. What `parse` would refuse is not printed.

    Without `today` any year counts as believable. Raises: LabelError.
    """
    for ai, _value in pairs:
        if ai not in IDENTIFIERS:
            raise _error("unknown-ai", ai, 0)
    label = _read(
        _text(encode(Element(ai=ai, value=value) for ai, value in pairs)),
        today or date(2000, 1, 1),
        _BELIEVABLE if today else _EVER,
    )
    if label.faults:
        raise _error(label.faults[0].reason, label.faults[0].ai, label.faults[0].position)
    if [(element.ai, element.value) for element in label.elements] != list(pairs):
        raise _error("separator", None, 0)
    return encode(label.elements)


def check_digit(digits: str) -> str:
    """The GS1 mod-10 check digit of `digits`, which come without it. Raises: LabelError when they are not all ASCII digits."""
    if not digits or not CHARACTERS["N"].issuperset(digits):
        raise _error("charset", None, 0)
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def with_check_digit(digits: str) -> str:
    """`digits` and their check digit. Raises: LabelError."""
    return digits + check_digit(digits)


def is_valid_key(digits: str) -> bool:
    """Do the digits end in their own check digit, and name something (not all zero)?"""
    if len(digits) < 2 or not CHARACTERS["N"].issuperset(digits) or not digits.strip("0"):
        return False
    return check_digit(digits[:-1]) == digits[-1]


def day_of(yymmdd: str, today: date, *, month_allowed: bool) -> date | None:
    """The date, None when there is no such day. The century follows the sliding window of the General Specifications
    (7.12): 51 or more years ahead is the last century, 50 or more behind the next. Day 00 is the last of the month."""
    if len(yymmdd) != 6 or not CHARACTERS["N"].issuperset(yymmdd):
        return None
    year, month, day = int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:])
    ahead = year - today.year % 100
    year += today.year // 100 * 100 + (-100 if ahead >= 51 else 100 if ahead <= -50 else 0)
    if not (1 <= month <= 12 and 1 <= year <= 9999):
        return None
    last = monthrange(year, month)[1]
    if day == 0 and month_allowed:
        return date(year, month, last)
    return date(year, month, day) if 1 <= day <= last else None


def other_lots(label: Elements) -> tuple[str, ...]:
    """Lots that the label would have if a separator behind the lot were lost, shortest first; for matching recalls only."""
    found = list(label.elements)
    place = next((n for n, element in enumerate(found) if element.ai == "10"), None)
    if place is None:
        return ()
    lots = {reading[0].value for reading in _readings(found[place].value, found, place, label.today)}
    return tuple(sorted(lots, key=lambda lot: (len(lot), lot)))


def value_fault(identifier: ApplicationIdentifier, value: str, today: date) -> str | None:
    """What is wrong with the value, as a stable code; None when it is valid."""
    if not value:
        return "empty"
    if len(value) < identifier.shortest:
        return "too-short"
    if len(value) > identifier.longest:
        return "too-long"
    begin = 0
    for component in identifier.components:
        part = value[begin : begin + component.longest]
        begin += component.longest
        fault = _component_fault(component, part, today)
        if fault:
            return fault
    return None


def _component_fault(component: Component, part: str, today: date) -> str | None:
    if not CHARACTERS[component.charset].issuperset(part):
        return "charset"
    if len(part) < component.shortest:
        return "too-short"
    match component.rule:
        case "key" if not part.strip("0"):
            return "all-zero"
        case "key" if not is_valid_key(part):
            return "check-digit"
        case "date" | "date-or-month" if day_of(part, today, month_allowed=component.rule == "date-or-month") is None:
            return "date"
        case "time" if not _is_time(part):
            return "time"
        case "piece" if not 1 <= int(part[:2]) <= int(part[2:]):
            return "piece"
    return None


def _is_time(digits: str) -> bool:
    """HH, HHMM, HHMMSS, or nothing."""
    limits = (23, 59, 59)
    return len(digits) % 2 == 0 and all(int(digits[n * 2 : n * 2 + 2]) <= limits[n] for n in range(len(digits) // 2))


def _error(reason: str, ai: str | None, position: int) -> LabelError:
    where = f"({ai})" if ai else "the label"
    return LabelError(
        f"{where}: {reason}", remedy="scan the label again, or take another pack", reason=reason, element=ai, position=position
    )


def _read(text: str, today: date, believable: timedelta) -> Elements:
    found = _cut(text)
    faults = _faults(found, today)
    _check_together(found)
    # A check digit that is wrong anywhere says that the label was misread, or made wrong: then the rest of it is not believed either.
    broken = [fault for fault in faults if fault.ai == "01"] or [fault for fault in faults if fault.reason == "check-digit"]
    if faults and (broken or "01" not in {element.ai for element in found}):
        worst = next(iter(broken), faults[0])
        raise _error(worst.reason, worst.ai, worst.position)
    _check_separators(found, faults, today, believable)
    bad = {fault.ai for fault in faults}
    return Elements(elements=tuple(element for element in found if element.ai not in bad), faults=tuple(faults), today=today)


def _text(data: bytes | str) -> str:
    if len(data) > MAX_CHARACTERS:
        raise _error("too-long", None, MAX_CHARACTERS)
    try:
        text = data.decode("ascii") if isinstance(data, bytes) else data
        text.encode("ascii")  # Arabic-Indic digits are digits to Python, not to GS1
    except UnicodeError as exc:
        raise _error("not-ascii", None, int(getattr(exc, "start", 0))) from exc
    if not text.strip(GS):
        raise _error("empty", None, 0)
    return text


def _cut(text: str) -> list[Element]:
    """Cuts by the table of predefined lengths and by separators; values are not looked at yet. Raises: LabelError."""
    found: list[Element] = []
    end = len(text) - 1 if text.endswith(GS) else len(text)
    position = 1 if text.startswith(GS) else 0
    while position < end:
        if text[position] == GS:
            raise _error("separator", None, position)
        identifier = starting(text, position)
        if identifier is None:
            raise _error("brackets" if text[position] == "(" else "unknown-ai", None, position)
        begin = position + len(identifier.code)
        separator = text.find(GS, begin, end)
        stop = end if separator < 0 else separator
        if identifier.predefined_length:
            if begin + identifier.longest > stop:
                raise _error("too-short", identifier.code, position)
            stop = begin + identifier.longest
        found.append(Element(ai=identifier.code, value=text[begin:stop], position=position))
        position = stop + 1 if stop < end and text[stop] == GS else stop
    return found


def _faults(found: Sequence[Element], today: date) -> list[Fault]:
    faults = []
    for element in found:
        reason = value_fault(IDENTIFIERS[element.ai], element.value, today)
        if reason:
            faults.append(Fault(ai=element.ai, value=element.value, reason=reason, position=element.position))
    return faults


def _check_together(found: Sequence[Element]) -> None:
    """Raises: LabelError when an identifier stands twice, beside one that it excludes, or without one that it needs."""
    broken = _broken_together([element.ai for element in found])
    if broken:
        reason, ai = broken
        raise _error(reason, ai, next(element.position for element in reversed(found) if element.ai == ai))


def _broken_together(codes: Sequence[str]) -> tuple[str, str] | None:
    present = frozenset(codes)
    if len(present) < len(codes):
        return "duplicate-ai", next(code for place, code in enumerate(codes) if code in codes[:place])
    for code in codes:
        identifier = IDENTIFIERS[code]
        if identifier.excludes & present:
            return "exclusive", code
        if any(not group & present for group in identifier.needs):
            return "missing-requisite", code
    return None


def _check_separators(found: Sequence[Element], faults: Sequence[Fault], today: date, believable: timedelta) -> None:
    """Raises: LabelError, by the rule in this module's docstring."""
    too_long = {fault.position for fault in faults if fault.reason == "too-long"}
    for place, element in enumerate(found):
        identifier = IDENTIFIERS[element.ai]
        if identifier.predefined_length:
            continue
        if element.position in too_long and len(element.value) > _LONGEST_READABLE:
            raise _error("separator-lost", element.ai, element.position)
        for reading in _readings(element.value, found, place, today):
            if element.position in too_long:
                raise _error("separator-lost", element.ai, element.position)
            if any(_is_proof(hidden, today, believable) for hidden in reading[1:]):
                raise _error("ambiguous", element.ai, element.position)


def _is_proof(element: Element, today: date, believable: timedelta) -> bool:
    if element.ai == "21":
        return len(element.value) > 1 and element.value[0].isalpha()
    if element.ai not in _PROOF:
        return False
    day = day_of(element.value[:6], today, month_allowed=True)
    if day is None or abs(day - today) > believable:
        return False
    return element.ai != "11" or day <= today or believable == _EVER


def _readings(value: str, found: Sequence[Element], place: int, today: date) -> Iterator[list[Element]]:
    """Every other valid reading of the value of `found[place]`: the shortened element first, then those that hid in it."""
    own = found[place]
    identifier = IDENTIFIERS[own.ai]
    if len(value) > _LONGEST_READABLE:  # (91) to (99): a company's own data, often coded; nothing there is a medicine's
        return
    others = [element.ai for element in found]
    codes = _HIDDEN if identifier.longest <= 30 else _HIDDEN_IN_LONG
    for cut in range(1, min(len(value), identifier.longest + 1)):
        if not value.startswith(codes, cut) or value_fault(identifier, value[:cut], today):
            continue
        for tail in _tails(value[cut:], frozenset(others), codes, _MOST_HIDDEN, today):
            if _broken_together([*others, *(hidden.ai for hidden in tail)]) is None:
                yield [Element(ai=own.ai, value=value[:cut], position=own.position), *tail]


def _tails(text: str, taken: frozenset[str], codes: Sequence[str], most: int, today: date) -> Iterator[list[Element]]:
    """Ways to read all of `text` as one to `most` elements, each of `codes`, none of them `taken`."""
    if most == 0:
        return
    for code in codes:
        if code in taken or not text.startswith(code):
            continue
        identifier = IDENTIFIERS[code]
        body = text[len(code) :]
        for length in range(identifier.shortest, min(identifier.longest, len(body)) + 1):
            if value_fault(identifier, body[:length], today):
                continue
            element = Element(ai=code, value=body[:length])
            if length == len(body):
                yield [element]
            else:
                for rest in _tails(body[length:], taken | {code}, codes, most - 1, today):
                    yield [element, *rest]
