"""`manifest.csv`: what is printed in each picture of a folder, so that what was read can be judged.

A row is one symbol: `path` (inside the folder), `symbology`, `expected`; a picture without a code has one row with both of these empty.
More columns (`level`, `corners`) may follow. In `expected` a byte that is no printable text stands as \\xNN, GS as \\x1d, a backslash as
\\\\; all else is UTF-8. Must never guess at a row that it does not understand.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pointofcare.errors import MessageError

NAME = "manifest.csv"
COLUMNS = ("path", "symbology", "expected")
MOST_ROWS = 200_000
MOST_BYTES = 64_000_000
MOST_FIELD = 20_000

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(\\))")
_SPELT = {
    "datamatrix": "DataMatrix",
    "gs1datamatrix": "DataMatrix",
    "dm": "DataMatrix",
    "qr": "QRCode",
    "qrcode": "QRCode",
    "gs1qr": "QRCode",
    "gs1qrcode": "QRCode",
    "code128": "Code128",
    "c128": "Code128",
    "gs1128": "Code128",
    "ean128": "Code128",
    "ean13": "EAN13",
    "upca": "UPCA",
    "ean8": "EAN8",
    "upce": "UPCE",
    "code39": "Code39",
    "hibc": "Code39",
    "itf14": "ITF14",
    "pdf417": "PDF417",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One symbol that is printed in a picture."""

    symbology: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of a picture. `expected` is () where no code is in it; `more` are the further columns of its first row."""

    path: str
    expected: tuple[Expected, ...] = ()
    more: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def level(self) -> str:
        return self.more.get("level", "")


def escaped(content: bytes) -> str:
    """Text that `unescaped` turns back into the same bytes, whatever they are."""
    shown = []
    for character in content.decode("utf-8", "surrogateescape"):
        if character == "\\":
            shown.append("\\\\")
        elif "\udc80" <= character <= "\udcff":
            shown.append(f"\\x{ord(character) - 0xDC00:02x}")
        elif unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Co", "Cn"}:
            shown.extend(f"\\x{byte:02x}" for byte in character.encode())
        else:
            shown.append(character)
    return "".join(shown)


def unescaped(text: str) -> bytes:
    """Raises: ValueError for a backslash that begins neither \\xNN nor \\\\."""
    parts: list[bytes] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        between = text[at : match.start()]
        if "\\" in between:
            break
        parts += [between.encode(), bytes([int(match[1], 16)]) if match[1] else b"\\"]
        at = match.end()
    if "\\" in text[at:]:
        raise ValueError("a backslash stands before xNN or another backslash")
    return b"".join([*parts, text[at:].encode()])


def symbology(name: str) -> str:
    """The one spelling of a symbology's name; a name that is not known stays as it is."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return _SPELT.get(plain, name.strip())


def read(folder: Path) -> dict[str, Entry]:
    """The entries by path, in their order. Raises: MessageError for a manifest that cannot be trusted, with every fault (20 at most)."""
    file = folder / NAME
    try:
        if file.stat().st_size > MOST_BYTES:
            raise _broken([("", f"larger than {MOST_BYTES // 1_000_000} MB")])
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise _broken([("", exc.strerror or "cannot be read")]) from exc
    except UnicodeDecodeError as exc:
        raise _broken([("", "not UTF-8 text")]) from exc
    return _parsed(text)


def _parsed(text: str) -> dict[str, Entry]:
    faults: list[tuple[str, str]] = []
    entries: dict[str, Entry] = {}
    try:
        csv.field_size_limit(MOST_FIELD)
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise _broken([("line 1", f"has no column {', '.join(missing)}")])
        for row in rows:
            where = f"line {rows.line_num}"
            if rows.line_num > MOST_ROWS:
                raise _broken([(where, f"more than {MOST_ROWS} lines")])
            _add(row, where, entries, faults)
            if len(faults) >= 20:
                break
    except csv.Error as exc:
        faults.append(("", f"not a CSV file: {exc}"))
    if faults:
        raise _broken(faults)
    return entries


def _add(row: Mapping[str | None, object], where: str, entries: dict[str, Entry], faults: list[tuple[str, str]]) -> None:
    values = {name: value for name, value in row.items() if name is not None and isinstance(value, str)}
    if None in row or any(name not in values for name in COLUMNS):
        faults.append((where, "has more or fewer fields than the first line"))
        return
    path, kind, expected = values["path"], values["symbology"].strip(), values["expected"]
    place = PurePosixPath(path)
    if not path or place.is_absolute() or ".." in place.parts or "\0" in path:
        faults.append((where, "path: must lead to a file inside the folder"))
        return
    if bool(kind) != bool(expected):
        faults.append((where, "symbology and expected: both, or neither for a picture without a code"))
        return
    before = entries.get(path)
    if before is not None and not (before.expected and kind):
        faults.append((where, "path: stands twice, once as a picture without a code"))
        return
    try:
        known = (Expected(symbology=symbology(kind), content=unescaped(expected)),) if kind else ()
    except ValueError as exc:
        faults.append((where, f"expected: {exc}"))
        return
    more = MappingProxyType({name: value for name, value in values.items() if name not in COLUMNS})
    entries[path] = (
        Entry(path=path, expected=(*before.expected, *known), more=before.more) if before else Entry(path=path, expected=known, more=more)
    )


def write(folder: Path, entries: Iterable[Entry]) -> Path:
    """Writes `manifest.csv` with a row for each symbol; all entries have the same further columns."""
    listed = list(entries)
    more = list(listed[0].more) if listed else []
    file = folder / NAME
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*COLUMNS, *more])
        for entry in listed:
            tail = [entry.more.get(name, "") for name in more]
            if not entry.expected:
                writer.writerow([entry.path, "", "", *tail])
            for one in entry.expected:
                writer.writerow([entry.path, one.symbology, escaped(one.content), *tail])
    return file


def _broken(problems: list[tuple[str, str]]) -> MessageError:
    told = "; ".join(f"{where}: {what}" if where else what for where, what in problems[:5])
    remedy = f"the first line of {NAME} is {','.join(COLUMNS)}, and GS stands as \\x1d"
    return MessageError(f"{NAME}: {told}", problems=tuple(problems), remedy=remedy)
