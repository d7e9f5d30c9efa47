"""A message of HL7 version 2 as it came: from bytes to segments whose text can be asked for, or an error that says what is wrong.

The character set is that of MSH-18; bytes that are not of it are an error, never replaced. Escapes are read in each component by itself.
A message that can be read in two ways is not read. Must never know what a message means, or drop a part of it.
Source: HL7 2.5.1 chapter 2 (encoding, escapes, table 0211), 2.A (TS, TM).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from functools import cached_property

import hl7

from pointofcare.errors import UnreadableError
from pointofcare.orders import timing

DEFAULT_CHARSET = "UNICODE UTF-8"
# Table 0211, with the words that systems write instead.
_CODECS: Mapping[str, str] = {
    "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8", "ASCII": "ascii", "US-ASCII": "ascii", "WINDOWS-1258": "cp1258",
    "WINDOWS-1252": "cp1252", "CP1258": "cp1258", "CP1252": "cp1252", "GB 18030-2000": "gb18030", "BIG-5": "big5",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}  # fmt: skip
_MOST_SEGMENTS = 2000
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)
_MOMENT = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(?:(\d\d)(?:\.(\d{1,6}))?)?)?([+-]\d{4}|Z)?", re.ASCII)
_CLOCK = re.compile(r"(\d\d):?(\d\d)(?::?(\d\d)(?:\.\d{1,4})?)?", re.ASCII)
# Where a letter was lost before the message came.
_LOST = "\ufffd"


class Hl7Error(UnreadableError):
    """`where` is the segment and field as HL7 counts them ("MSH-18"), `fault` the code of a text, `found` what stood there."""

    code = "hl7-unreadable"

    def __init__(self, fault: str, where: str, found: str = "", **parameters: object) -> None:
        super().__init__(f"{where}: {fault}", remedy="correct it in the system that sends it", fault=fault, where=where)
        self.fault, self.where, self.found, self.parameters = fault, where, found[:200], parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Of MSH, read from the bytes alone, so that a message whose text cannot be read is answered all the same. Texts are as they stand,
    unescaped ones too, and "" where there is none."""

    separators: str
    application: str
    facility: str
    receiving_application: str
    receiving_facility: str
    sent: str
    kind: str
    control: str
    processing: str
    version: str
    accept: str
    application_answer: str
    charset: str

    @property
    def type(self) -> str:
        """ADT^A01: the code and the event, without the structure."""
        return "^".join(self.kind.split(self.separators[1])[:2])


class Segment:
    """One segment; fields count from 1, as HL7 does. Texts are unescaped; HL7's null, `""`, is read as nothing."""

    def __init__(self, message: Message, raw: hl7.Segment, number: int) -> None:
        self._message, self._raw = message, raw
        self.name = str(raw[0])
        self.number = number  # among those of its name, from 1

    def text(self, field: int, component: int = 1, sub: int = 1, repeat: int = 1) -> str:
        """Raises: Hl7Error for an escape that is not understood."""
        found = self._leaf(field, repeat, component, sub)
        return "" if found == '""' else self._message.unescaped(found, f"{self.name}-{field}").strip()

    def repeats(self, field: int) -> range:
        """The numbers of the repetitions of a field, from 1; empty for an empty field."""
        raw = self._field(field)
        return range(1, len(raw) + 1) if raw is not None and str(raw) else range(0)

    def subs(self, field: int, component: int = 1, repeat: int = 1) -> int:
        """How many subcomponents a component has."""
        node = _part(_part(self._field(field), repeat), component)
        return len(node) if isinstance(node, hl7.Component) else 1

    def has(self, field: int) -> bool:
        raw = self._field(field)
        return raw is not None and str(raw) not in ("", '""')

    def raw(self, field: int) -> str:
        """As it came, for a person."""
        found = self._field(field)
        return "" if found is None else str(found)

    def _field(self, field: int) -> hl7.Field | None:
        return self._raw[field] if field < len(self._raw) else None

    def _leaf(self, field: int, repeat: int, component: int, sub: int) -> str:
        node = _part(_part(_part(self._field(field), repeat), component), sub)
        return "" if node is None else str(node)


def _part(node: object, number: int) -> object:
    """The part `number` of a node; what is not divided is its own first part."""
    if isinstance(node, hl7.Container):
        return node[number - 1] if number <= len(node) else None
    return node if number == 1 else None


class Message:
    """`header` and `segments` in their order."""

    def __init__(self, header: Header, text: str, codec: str) -> None:
        self.header, self.codec = header, codec
        try:
            parsed = hl7.parse(text)
        except (hl7.exceptions.HL7Exception, ValueError, IndexError, KeyError, RecursionError) as exc:
            raise Hl7Error("hl7-not-a-message", "MSH", str(exc)) from exc
        if len(parsed) > _MOST_SEGMENTS:
            raise Hl7Error("hl7-too-many-segments", "MSH", str(len(parsed)), most=_MOST_SEGMENTS)
        counted: dict[str, int] = {}
        found = []
        for raw in parsed:
            name = str(raw[0])
            if not _NAME.fullmatch(name):
                raise Hl7Error("hl7-not-a-segment", name[:10] or "?", name)
            counted[name] = counted.get(name, 0) + 1
            found.append(Segment(self, raw, counted[name]))
        if counted.get("MSH") != 1 or found[0].name != "MSH":
            raise Hl7Error("hl7-several-messages", "MSH", str(counted.get("MSH", 0)))
        self.segments: tuple[Segment, ...] = tuple(found)

    def all(self, name: str) -> tuple[Segment, ...]:
        return tuple(one for one in self.segments if one.name == name)

    def first(self, name: str) -> Segment | None:
        return next((one for one in self.segments if one.name == name), None)

    @cached_property
    def _escapes(self) -> dict[str, str]:
        field, component, repetition, escape, sub = tuple(self.header.separators)
        return {"F": field, "S": component, "R": repetition, "E": escape, "T": sub, ".br": "\n", "H": "", "N": ""}

    def unescaped(self, text: str, where: str) -> str:
        """Raises: Hl7Error."""
        escape = self.header.separators[3]
        if escape not in text:
            return text
        pieces = text.split(escape)
        if len(pieces) % 2 == 0:  # one that begins and does not end
            raise Hl7Error("hl7-escape", where, text)
        for place in range(1, len(pieces), 2):
            word = pieces[place]
            if word in self._escapes:
                pieces[place] = self._escapes[word]
            elif re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", word, re.ASCII):
                pieces[place] = _decoded(bytes.fromhex(word[1:]), self.codec, where)
            else:
                raise Hl7Error("hl7-escape", where, text)
        return "".join(pieces)


def peek(payload: bytes) -> Header:
    """Raises: Hl7Error when the bytes do not begin with a usable MSH."""
    first = re.split(rb"[\r\n]", payload.lstrip(b"\r\n"), maxsplit=1)[0].removeprefix(b"\xef\xbb\xbf")
    if not first.startswith(b"MSH") or len(first) < 9:
        raise Hl7Error("hl7-not-a-message", "MSH", first[:20].decode("ascii", "replace"))
    text = first.decode("ascii", "replace")
    fields = text.split(text[3])
    signs = fields[1]
    # A fifth sign, for truncation, came with 2.7.
    separators = text[3] + signs[:1] + signs[1:2] + signs[2:3] + signs[3:4]
    if len(separators) != 5 or len(set(separators)) != 5 or any(sign.isalnum() or not sign.isprintable() for sign in separators):
        raise Hl7Error("hl7-separators", "MSH-2", signs)

    def field(number: int) -> str:
        return fields[number - 1].strip() if number <= len(fields) else ""

    def first_component(number: int) -> str:
        return field(number).split(separators[1])[0]

    return Header(
        separators=separators,
        application=first_component(3),
        facility=first_component(4),
        receiving_application=field(5),
        receiving_facility=field(6),
        sent=first_component(7),
        kind=field(9),
        control=field(10),
        processing=first_component(11),
        version=first_component(12),
        accept=field(15),
        application_answer=field(16),
        charset=field(18).split(separators[2])[0],
    )


def charset_is_known(name: str) -> bool:
    return name.upper() in _CODECS


def codec_of(name: str) -> str:
    """For an answer: UTF-8 where the name says nothing that is known."""
    return _CODECS.get(name.upper(), "utf-8")


def read(payload: bytes, *, charset: str = DEFAULT_CHARSET) -> Message:
    """The whole message; `charset` holds where MSH-18 is empty. Raises: Hl7Error."""
    header = peek(payload)
    named = header.charset or charset
    codec = _CODECS.get(named.upper())
    if codec is None:
        raise Hl7Error("hl7-charset-unknown", "MSH-18", named, known=", ".join(sorted(_CODECS)))
    text = _decoded(payload, codec, "MSH-18", named)
    if "\x00" in text:
        raise Hl7Error("hl7-not-a-message", "MSH", "NUL")
    return Message(header, re.sub(r"\r\n|\n", "\r", text.removeprefix("\ufeff")), codec)


def _decoded(data: bytes, codec: str, where: str, named: str = "") -> str:
    """Raises: Hl7Error for bytes that are not of this character set, or that only seem to be."""
    named = named or codec
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as exc:
        raise Hl7Error("hl7-charset", where, f"{data[exc.start : exc.start + 1].hex()} @ {exc.start}", named=named) from exc
    if _LOST in text:
        raise Hl7Error("hl7-letters-lost", where, text[max(0, text.index(_LOST) - 20) :][:40], named=named)
    if codec not in ("utf-8", "ascii") and not data.isascii():
        if _is_utf8(data):
            raise Hl7Error("hl7-charset-is-utf8", where, named, named=named)
        if any("\x80" <= sign <= "\x9f" for sign in text):
            raise Hl7Error("hl7-charset", where, named, named=named)
    return unicodedata.normalize("NFC", text)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def each(content: bytes) -> Iterator[bytes]:
    """The messages of a file: parted by their MSH, without the frames of MLLP and the headers of a batch."""
    plain = re.sub(rb"[\x0b\x1c]", b"", content).removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    for piece in re.split(rb"(?:^|\r+)(?=MSH)", plain):
        lines = [line for line in piece.split(b"\r") if line.strip() and line[:3] not in (b"FHS", b"BHS", b"BTS", b"FTS")]
        if lines:
            yield b"\r".join(lines) + b"\r"


def moment(text: str, zone: str, *, where: str) -> tuple[datetime, bool]:
    """A TS as an instant, and whether it named a whole moment: False for a bare date, which is its midnight. Without an offset it is by the
    clock of `zone`. Raises: Hl7Error."""
    found = _MOMENT.fullmatch(text)
    if found is None or found[3] is None:
        raise Hl7Error("hl7-not-a-moment", where, text)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        wall = datetime(  # noqa: DTZ001 - the clock of a zone that is told below
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "0").ljust(6, "0"))
        )
        if offset in (None, "Z"):
            instant = wall.replace(tzinfo=UTC) if offset else _in_zone(wall, zone)
        else:
            sign = -1 if offset[0] == "-" else 1
            ahead = sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
            instant = wall.replace(tzinfo=timezone(ahead)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise Hl7Error("hl7-not-a-moment", where, text) from exc
    if not 1900 <= instant.year <= 2200:
        raise Hl7Error("hl7-not-a-moment", where, text)
    return instant, hour is not None


def _in_zone(wall: datetime, zone: str) -> datetime:
    return timing.instant_of(wall.date(), wall.time(), zone)


def clock(text: str, *, where: str) -> time:
    """A TM of the ward's clock, to the minute. Raises: Hl7Error."""
    found = _CLOCK.fullmatch(text)
    try:
        if found is None or found[3] not in (None, "00"):
            raise ValueError(text)
        return time(int(found[1]), int(found[2]))
    except ValueError as exc:
        raise Hl7Error("hl7-not-a-clock", where, text) from exc
