"""Segments of HL7 version 2 as devices send them: fields by number, escapes in both directions, a moment with its offset.

UTF-8 and the usual separators only. What can be read in two ways is not read. Must never know what a message means.
Source: HL7 2.6 chapter 2 (encoding, escapes), 2.A (DTM).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from pointofcare.errors import DeviceProtocolError

SEPARATORS = "|^~\\&"
VERSION = "2.6"
_MOST_SEGMENTS = 500
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)
_ESCAPED = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"}
_PLAIN = {value: key for key, value in _ESCAPED.items()}
_ESCAPE = re.compile(r"\\([^\\]*)\\")
_MOMENT = re.compile(r"(\d{8})(\d{6})(?:\.(\d{1,6}))?([+-]\d{4})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`fields[0]` is the name; fields count from 1 as HL7 does, also those of MSH."""

    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.fields[0]

    def raw(self, field: int) -> str:
        return self.fields[field] if field < len(self.fields) else ""

    def text(self, field: int, component: int = 1) -> str:
        """Of the first repetition, unescaped; HL7's null, `""`, is nothing. Raises: DeviceProtocolError for an unknown escape."""
        return _component(self.raw(field).split("~")[0], component)

    def each(self, field: int, component: int = 1) -> tuple[str, ...]:
        """That component of every repetition that has one."""
        return tuple(found for part in self.raw(field).split("~") if (found := _component(part, component)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        return self.segments[0]

    @property
    def kind(self) -> str:
        """ "ORU^R01": the code and the event, without the structure."""
        return f"{self.header.text(9)}^{self.header.text(9, 2)}"

    @property
    def control(self) -> str:
        return self.header.text(10)

    def all(self, name: str) -> Iterator[Segment]:
        return (one for one in self.segments if one.name == name)

    def first(self, name: str) -> Segment | None:
        return next(self.all(name), None)


def read(payload: bytes) -> Message:
    """One message, its segments ended by CR. Raises: DeviceProtocolError for whatever is not exactly one."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise DeviceProtocolError("the message is not UTF-8") from exc
    lines = [line for line in text.replace("\r\n", "\r").replace("\n", "\r").split("\r") if line.strip()]
    if not lines or not lines[0].startswith("MSH" + SEPARATORS + "|") or len(lines) > _MOST_SEGMENTS:
        raise DeviceProtocolError("this is no HL7 message with the usual separators")
    found = []
    for number, line in enumerate(lines):
        fields = line.split("|")
        if not _NAME.fullmatch(fields[0]) or (number and fields[0] == "MSH"):
            raise DeviceProtocolError("a segment has no name, or two messages ran together")
        # MSH-1 is the separator itself
        found.append(Segment(fields=("MSH", "|", *fields[1:]) if number == 0 else tuple(fields)))
    message = Message(segments=tuple(found))
    if not message.control or not message.header.text(9):
        raise DeviceProtocolError("the message has no type or no control id")
    return message


def write(segments: Iterable[Iterable[str]]) -> bytes:
    """`segments`: fields that are escaped already, the name first; of MSH from MSH-3 on."""
    lines = []
    for fields in segments:
        name, *rest = fields
        head = "MSH" + SEPARATORS if name == "MSH" else name
        lines.append("|".join((head, *rest)).rstrip("|") + "\r")
    return "".join(lines).encode()


def escaped(text: str) -> str:
    """`text` as the content of one component; a control character becomes a space."""
    return "".join(_ESCAPED.get(sign, sign if sign.isprintable() else " ") for sign in text)


def components(*parts: str) -> str:
    return "^".join(escaped(part) for part in parts).rstrip("^")


def stamp(moment: datetime) -> str:
    """A moment of UTC with its offset."""
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S") + f".{moment.microsecond // 1000:03}+0000"


def moment(text: str) -> datetime | None:
    """A whole moment that names its offset, aware UTC; None for anything less, because a device's own zone is not known."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, offset = found.groups()
    try:
        plain = datetime.strptime(day + clock, "%Y%m%d%H%M%S")  # noqa: DTZ007 - its offset is put on below
        ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:])) * (-1 if offset[0] == "-" else 1)
        return plain.replace(microsecond=int((fraction or "").ljust(6, "0")), tzinfo=timezone(ahead)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def answer(message: Message, code: str, *, at: datetime, control: str, words: str = "", error: tuple[str, str] | None = None) -> bytes:
    """An ACK to `message`: `code` of table 0008, `error` a code of table 0357 and its words."""
    header = message.header
    said = [
        ("MSH", header.raw(5), header.raw(6), header.raw(3), header.raw(4), stamp(at), "", f"ACK^{header.text(9, 2)}^ACK", escaped(control),
         header.raw(11), VERSION, "", "", "NE", "NE", "", "UNICODE UTF-8"),
        ("MSA", code, escaped(message.control), escaped(words)),
    ]  # fmt: skip
    if error is not None:
        said.append(("ERR", "", "", components(error[0], error[1], "HL70357"), "E"))
    return write(said)


def _component(text: str, number: int) -> str:
    parts = text.split("^")
    found = parts[number - 1] if number <= len(parts) else ""
    if found == '""':
        return ""
    if "\\" not in found:
        return found.strip()
    if _ESCAPE.sub("", found).count("\\"):
        raise DeviceProtocolError("an escape begins and does not end")
    return _ESCAPE.sub(_unescaped, found).strip()


def _unescaped(found: re.Match[str]) -> str:
    plain = _PLAIN.get(found[0])
    if plain is None:
        raise DeviceProtocolError("an escape is not understood")
    return plain
