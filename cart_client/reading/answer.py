"""What one picture gave, as a line for a program (JSON) and for a person. Must never print a control character of a label to a terminal,
nor act on what a label says: an address in a QR code is text like any other.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import cv2

from cart_client.reading import manifest
from devices.ports import Decoder, Frame, Look, Looker, Quality, Reading
from pointofcare.errors import LabelError
from pointofcare.labels import hibc
from pointofcare.labels.symbol import Symbol

CAMERA_PX = 1920  # the long side of the largest picture that a cart's camera sends
MOST_TEXT = 20_000
BROKE = "reader-failed"
# Numbers of a single picture's two looks: the second goes on where the first was in vain, and is one in which light on dark is looked for;
# the next picture's first goes on nothing.
SINGLE, AGAIN = 17, 20
_FORMATS = {"]d": "DataMatrix", "]Q": "QRCode", "]C": "Code128", "]E": "EAN13", "]A": "Code39", "]I": "ITF14", "]L": "PDF417"}
# Control, format and bidirectional characters: JSON allows them raw, a terminal obeys some.
_UNSEEN = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`ms` is the processor time of the look, opening the file not counted. `error` is (code, words) of what could not be opened."""

    file: str
    look: Look = field(default_factory=Look)
    ms: float = 0.0
    notes: tuple[str, ...] = ()
    error: tuple[str, str] | None = None

    @property
    def contents(self) -> set[bytes]:
        return {reading.symbol.content for reading in self.look.readings}


def given(decoder: Decoder, name: str, image: Any, *, notes: tuple[str, ...] = (), number: int = SINGLE, again: bool = True) -> Answer:
    """What `decoder` finds in `image` (BGR) as in one frame of a camera. With `again`, a picture that gave nothing is looked at once
    more, in its full size and for light codes on dark."""
    started = time.thread_time()
    first, scale = fitted(image)
    try:
        look = _look(decoder, first, number=number)
        if again and not look.readings:
            scale = 1.0
            look = _look(decoder, image, number=AGAIN)
    except Exception as exc:  # noqa: BLE001 - as in the cart's own loop: a picture that breaks a reader's library stops nothing
        told = (BROKE, f"the reader broke on this picture: {type(exc).__name__}")
        return Answer(file=name, ms=(time.thread_time() - started) * 1000, notes=notes, error=told)
    if scale != 1.0:
        look = _enlarged(look, 1 / scale)
    return Answer(file=name, look=look, ms=(time.thread_time() - started) * 1000, notes=notes)


def fitted(image: Any) -> tuple[Any, float]:
    """`image` no longer than a camera's pictures, and by how much it was made smaller (1.0: it is as it was)."""
    scale = min(1.0, CAMERA_PX / max(image.shape[:2]))
    if scale == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def frame_of(image: Any, *, number: int = 1) -> Frame:
    return Frame(image=image, number=number, taken_at=datetime.now(UTC))


def _look(decoder: Decoder, image: Any, *, number: int) -> Look:
    frame = frame_of(image, number=number)
    if isinstance(decoder, Looker):
        return decoder.look(frame)
    name = type(decoder).__name__.removesuffix("Decoder").lower()
    return Look(readings=tuple(_reading(symbol, name) for symbol in decoder.decode(frame)))


def _reading(symbol: Symbol, reader: str) -> Reading:
    format_ = "EAN8" if symbol.identifier == "]E4" else _FORMATS.get(symbol.identifier[:2], "")
    return Reading(symbol=symbol, format=format_, reader=reader, confidence=1.0)


def _enlarged(look: Look, factor: float) -> Look:
    def grown(reading: Reading) -> Reading:
        outline = tuple((round(x * factor), round(y * factor)) for x, y in reading.symbol.outline)
        symbol = Symbol(identifier=reading.symbol.identifier, content=reading.symbol.content, outline=outline)
        return Reading(symbol=symbol, format=reading.format, reader=reading.reader, confidence=reading.confidence)

    return Look(readings=tuple(map(grown, look.readings)), rejections=look.rejections, unread=look.unread, quality=look.quality)


def as_json(answer: Answer, more: Mapping[str, object]) -> str:
    """One line. A content that is no UTF-8 text has its bytes in `bytes`, as hexadecimal digits."""
    line: dict[str, object] = {
        "file": answer.file,
        "symbols": [_symbol(reading) for reading in answer.look.readings],
        "rejected": [{"format": one.format, "text": one.text[:MOST_TEXT], "reason": one.reason} for one in answer.look.rejections],
        "ms": round(answer.ms, 1),
    }
    if answer.look.unread:
        line["unread"] = [
            {"kind": one.kind, "corners": [list(point) for point in one.outline], "hints": list(one.hints)} for one in answer.look.unread
        ]
    if answer.notes:
        line["notes"] = list(answer.notes)
    if answer.error:
        line["error"] = {"code": answer.error[0], "message": answer.error[1]}
    return safe_json({**line, **more})


def comparison(name: str, number: int, *, is_there: bool, as_json_: bool) -> str:
    """One line: whether the picture `name` shows the expected Pharmacode."""
    if as_json_:
        return safe_json({"file": name, "pharmacode": {"expected": number, "shown": is_there}})
    return f"{shown(name)}  Pharmacode {number}: {'shown' if is_there else 'not shown'}"


def safe_json(value: object) -> str:
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def _symbol(reading: Reading) -> dict[str, object]:
    content = reading.symbol.content
    line: dict[str, object] = {
        "format": reading.format,
        "identifier": reading.symbol.identifier,
        "text": content.decode("utf-8", "replace"),
        "corners": [list(point) for point in reading.symbol.outline],
        "reader": reading.reader,
        "confidence": round(reading.confidence, 3),
    }
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        line["bytes"] = content.hex()
    if said := _hibc(content):
        line["hibc"] = said
    return line


def _hibc(content: bytes) -> dict[str, object]:
    """What a supplier's HIBC says, its check character right; {} for anything else."""
    try:
        said = hibc.parse(content, datetime.now(UTC).date())
    except LabelError:
        return {}
    told: dict[str, object] = {"code": said.code, "link": said.link}
    if said.secondary is not None:
        told |= {name: getattr(said.secondary, name) for name in ("lot", "expiry", "expiry_time", "quantity", "serial", "manufactured")}
    return {name: value if isinstance(value, int) else str(value) for name, value in told.items() if value not in (None, "")}


def for_person(answer: Answer, verdict: str = "", more: Mapping[str, object] = MappingProxyType({})) -> str:
    """Some lines: the file with its time, and below it each symbol, what was refused, what could help, and what others read."""
    head = f"{shown(answer.file)}  {answer.ms:.0f} ms" + (f"  {verdict}" if verdict else "")
    if answer.error:
        return f"{shown(answer.file)}  cannot be read: {answer.error[1]}"
    lines = [head]
    for reading in answer.look.readings:
        symbol = reading.symbol
        told = shown(manifest.escaped(symbol.content))
        lines.append(f"    {reading.format or '?':<11}{symbol.identifier or '-':<4} {told}   [{reading.reader} {reading.confidence:.2f}]")
        if said := _hibc(symbol.content):
            lines.append(f"    HIBC            {shown(', '.join(f'{name} {value}' for name, value in said.items()))}")
    lines += [
        f"    refused    {one.format:<11}{shown(manifest.escaped(one.text.encode()))}   [{one.reason}]" for one in answer.look.rejections
    ]
    if not answer.look.readings:
        lines.append("    nothing read" + _help(answer.look))
    lines += [f"    note: {note}" for note in answer.notes]
    others = more.get("others")
    for name, one in others.items() if isinstance(others, Mapping) else ():
        lines.append(f"    {name}: {shown(', '.join(one['texts'])) or 'nothing'}  {one['ms']:.0f} ms")
    return "\n".join(lines)


def shown(text: str, most: int = 200) -> str:
    """Printable, on one line, not endless. File names come from anywhere too."""
    safe = "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text[: most + 1])
    return safe if len(text) <= most else f"{safe[:most]}… ({len(text)} characters)"


def _help(look: Look) -> str:
    hints = sorted({hint for one in look.unread for hint in one.hints} | set(_of(look.quality)))
    place = (
        f"; {len(look.unread)} place{'s' if len(look.unread) > 1 else ''} look{'' if len(look.unread) > 1 else 's'} like a code"
        if look.unread
        else ""
    )
    return place + (f"; {', '.join(hints)}" if hints else "")


def _of(quality: Quality | None) -> list[str]:
    if quality is None:
        return []
    return [*(["dark"] if quality.dark else []), *(["blurred"] if quality.blurred else [])]
