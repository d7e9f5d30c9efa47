"""The hospital's drug catalogue (Mẫu 03/DM) as a spreadsheet: every sheet with its header line, every fault by sheet, row and column.

Nothing is repaired by guess. A code that the spreadsheet made a number of is refused where a zero may be lost, a hidden row is named, a
text of an old font is named, and a strength that does not compute is taken with the question that it asks.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any
from zipfile import BadZipFile

from pointofcare.labels import gs1
from pointofcare.vietnam import lettering, lists, registration, routes, strength
from pointofcare.vietnam.fault import CodeError
from server.store.catalogue import Line
from server.store.folding import folded
from server.usecases.import_fields import DECEIVING
from server.usecases.import_rows import CatalogueFound, FieldError, Found, Place, Problem

SHEET = b"PK\x03\x04"
OLD_SHEET = b"\xd0\xcf\x11\xe0"
MAX_ROWS = 10_000
MAX_COLUMNS = 200
MAX_UNPACKED_BYTES = 60_000_000
_HEADER_WITHIN = 40
_MARKS = 4
_LONGEST = 1024
# What the libraries of spreadsheets raise for a file that is none, torn or locked.
_BROKEN = (
    BadZipFile, zlib.error, LookupError, ValueError, TypeError, OSError, EOFError, AttributeError, SyntaxError, ArithmeticError,
    RuntimeError,
)  # fmt: skip
# What tells two lines of one drug apart.
_KEY = ("MA_THUOC", "SO_DANG_KY", "TEN_THUOC", "HAM_LUONG", "MA_DUONG_DUNG", "DON_VI_TINH", "TT_THAU", "TU_NGAY")
# Whole numbers without a leading zero by their nature.
_PLAIN_NUMBERS = frozenset({"LOAI_THUOC", "LOAI_THAU", "KIEU_THAU"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    name: str
    read: str
    needed: bool
    place: int

    @property
    def shown(self) -> str:
        from openpyxl.utils import get_column_letter

        return f"{self.name} ({get_column_letter(self.place)})"


def read(file: str, content: bytes, today: date) -> Found:
    """Everything in one workbook. Never raises for content."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    if content.startswith(OLD_SHEET):
        return _one(file, "old-spreadsheet")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            return _one(file, "file-too-large", value=str(unpacked), most=MAX_UNPACKED_BYTES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which are not read
            book = load_workbook(io.BytesIO(content), data_only=True, keep_links=False)
    except (*_BROKEN, InvalidFileException):
        return _one(file, "not-a-spreadsheet")
    found = Found()
    notes: list[Problem] = []
    headed = False
    for sheet in book.worksheets:
        where = f"{file} · {sheet.title}"
        head = _header(sheet, today)
        if head is None:
            if sheet.max_row > 1 or sheet.max_column > 1:
                notes.append(Problem(file=where, row=1, field="", value=sheet.title, code="sheet-not-read"))
            continue
        headed = True
        found = found.joined(_sheet(sheet, where, *head, today=today))
    if not found.catalogue and not found.problems:
        return _one(file, "empty-file" if headed else "no-catalogue-sheet")
    rows, problems = _without_repeats(found.catalogue)
    return Found(catalogue=tuple(rows), problems=(*found.problems, *problems), notes=(*found.notes, *notes))


def _header(sheet: Any, today: date) -> tuple[int, list[_Column], list[Problem]] | None:
    """The row with the most of our columns' names, and its columns by place."""
    rows = lists.on("catalogue", today).rows
    by_name = {str(row["name"]): row for row in rows}
    by_title = {folded(str(row["title"])): row for row in rows if "title" in row}
    best: tuple[int, int, list[tuple[int, Mapping[str, Any] | None, str]]] | None = None
    for number, cells in enumerate(sheet.iter_rows(min_row=1, max_row=_HEADER_WITHIN, max_col=MAX_COLUMNS), start=1):
        found: list[tuple[int, Mapping[str, Any] | None, str]] = []
        for cell in cells:
            if not isinstance(cell.value, str) or not cell.value.strip():
                continue
            text = lettering.clean(cell.value)
            row = by_name.get(text.upper().replace(" ", "_")) or by_title.get(folded(text))
            found.append((cell.column, row, text))
        known = len({str(row["name"]) for _, row, _ in found if row is not None})
        # Where codes and titles stand one above the other, the later row is nearer to the data.
        if known >= _MARKS and (best is None or known >= best[1]):
            best = (number, known, found)
    if best is None:
        return None
    number, _, found = best
    columns, faults, seen = [], [], set()
    for place, row, text in found:
        name = str(row["name"]) if row is not None else text.upper().replace(" ", "_")[:60]
        if name in seen:
            faults.append(Problem(file="", row=number, field=name, value=text, code="column-twice"))
            continue
        seen.add(name)
        columns.append(_Column(name=name, read=str(row["read"]) if row else "other", needed=bool(row and row.get("needed")), place=place))
    faults += [
        Problem(file="", row=number, field=str(row["name"]), value="", code="column-missing")
        for row in rows
        if row.get("needed") and row["name"] not in seen
    ]
    return number, columns, faults


def _sheet(sheet: Any, where: str, head: int, columns: list[_Column], faults: list[Problem], *, today: date) -> Found:
    if faults:
        return Found(problems=tuple(replace(fault, file=where) for fault in faults))
    if sheet.sheet_state != "visible":
        return Found(problems=(Problem(file=where, row=head, field="", value=sheet.title, code="sheet-hidden"),))
    filled = _filled(sheet, head)
    if len(filled) > MAX_ROWS:
        parameters = {"most": MAX_ROWS}
        return Found(
            problems=(Problem(file=where, row=head, field="", value=str(len(filled)), code="too-many-rows", parameters=parameters),)
        )
    joined = {(row, column) for area in sheet.merged_cells.ranges if area.max_row > head for row, column in _inside(area, head)}
    found, problems, notes = [], [], []
    for number, by_place in sorted(filled.items()):
        mine = {column.name: (column, by_place[column.place]) for column in columns if column.place in by_place}
        if _numbers_columns(number, head, by_place.values()):
            continue
        if sheet.row_dimensions[number].hidden:
            problems.append(Problem(file=where, row=number, field="", value=_shown(mine, "TEN_THUOC"), code="row-hidden"))
            continue
        if any((number, column.place) in joined for column in columns):
            problems.append(Problem(file=where, row=number, field="", value=_shown(mine, "TEN_THUOC"), code="row-merged"))
            continue
        if len(by_place) == 1 or not any(name in mine for name in ("MA_THUOC", "TEN_THUOC", "HAM_LUONG", "SO_DANG_KY")):
            # A heading between the drugs, or a signature below them.
            text = str(next(iter(by_place.values())).value)[:100]
            notes.append(Problem(file=where, row=number, field="", value=text, code="row-not-read"))
            continue
        line, wrong, asked = _row(where, number, columns, mine, sheet.parent.epoch, today)
        problems += wrong
        notes += asked
        if line is not None:
            found.append(line)
    return Found(catalogue=tuple(found), problems=tuple(problems), notes=tuple(notes))


def _filled(sheet: Any, head: int) -> dict[int, dict[int, Any]]:
    """Row -> column -> cell, of those below `head` with something in them. A sheet may be a million rows of colour, so only what
    the file holds is looked at."""
    found: dict[int, dict[int, Any]] = {}
    for (row, column), cell in sheet._cells.items():
        if row > head and column <= MAX_COLUMNS and cell.value is not None and str(cell.value).strip():
            found.setdefault(row, {})[column] = cell
    return found


def _row(
    where: str, number: int, columns: list[_Column], mine: Mapping[str, tuple[_Column, Any]], epoch: datetime, today: date
) -> tuple[CatalogueFound | None, list[Problem], list[Problem]]:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    notes: list[Problem] = []

    def say(into: list[Problem], column: str, code: str, value: str, **parameters: object) -> None:
        into.append(Problem(file=where, row=number, field=column, value=value[:100], code=code, parameters=parameters))

    for column in columns:
        if column.name not in mine:
            if column.needed:
                say(problems, column.shown, "needed", "")
            continue
        raw = mine[column.name][1]
        try:
            values[column.name] = _value(column, raw, epoch)
        except FieldError as exc:
            say(problems, column.shown, exc.reason, str(raw.value), **exc.parameters)
    if problems:
        return None, problems, []
    shown = {column.name: column.shown for column in columns}
    begins, ends = values.get("TU_NGAY"), values.get("DEN_NGAY")
    if begins is not None and ends is not None and ends < begins:
        say(problems, shown["DEN_NGAY"], "ends-before", f"{ends:%d/%m/%Y}")
    cells = {name: _text(value) for name, value in values.items()}
    day = begins or today
    try:
        cells["MA_THUOC"] = registration.medicine(cells["MA_THUOC"])
    except CodeError as exc:
        say(problems, shown["MA_THUOC"], "code-of-drug", cells["MA_THUOC"], why=exc.reason)
    if cells.get("SO_DANG_KY"):
        cells["SO_DANG_KY"] = cells["SO_DANG_KY"].replace(" ", "").upper()
        try:
            registration.parse(cells["SO_DANG_KY"], day)
        except CodeError as exc:
            into = problems if exc.reason == "digits" else notes
            say(into, shown["SO_DANG_KY"], f"registration-{exc.reason}", cells["SO_DANG_KY"])
    else:
        say(notes, shown.get("SO_DANG_KY", "SO_DANG_KY"), "registration-missing", "")
    route = None
    try:
        route = routes.get(cells["MA_DUONG_DUNG"], day)
    except CodeError as exc:
        say(problems if exc.reason == "shape" else notes, shown["MA_DUONG_DUNG"], f"route-{exc.reason}", cells["MA_DUONG_DUNG"])
    if problems:
        return None, problems, []
    unclear = None
    try:
        names = strength.ingredients(cells["TEN_HOAT_CHAT"])
        injected = route is not None and route.code.startswith("2.")
        strength.parse(cells["HAM_LUONG"], names=len(names), unit=cells["DON_VI_TINH"], injected=injected)
    except CodeError as exc:
        unclear = exc.reason
        say(notes, shown["HAM_LUONG"], f"strength-{exc.reason}", cells["HAM_LUONG"], drug=cells["TEN_THUOC"][:100])
    if route is not None and route.weak:
        say(notes, shown["MA_DUONG_DUNG"], "route-weak", f"{route.code} {route.name}")
    line = Line(
        id=_key(cells),
        medicine=cells["MA_THUOC"],
        registration=cells.get("SO_DANG_KY", "")[:64],
        name=cells["TEN_THUOC"],
        cells=cells,
        valid_from=begins,
        valid_to=ends,
        unclear=unclear,
    )
    return CatalogueFound(place=Place(file=where, row=number), line=line, gtin=cells.get("GTIN") or None), [], notes


def _value(column: _Column, cell: Any, epoch: datetime) -> Any:
    """Raises: FieldError."""
    raw = cell.value
    if cell.data_type == "e":
        raise FieldError("cell-error")
    if isinstance(raw, bool):
        raise FieldError("cell-error")
    match column.read:
        case "day":
            return _day(raw, epoch)
        case "money" | "percent":
            return _money(raw)
        case "gtin":
            return _gtin(raw)
        case "code":
            return _code(column.name, raw)
        case _:
            return _plain(raw if isinstance(raw, str) else _text(raw))


def _plain(text: str) -> str:
    font = lettering.old_font(text)
    if font is not None:
        raise FieldError("old-font", font=font)
    plain = lettering.clean(text)
    if len(plain) > _LONGEST:
        raise FieldError("too-long", most=_LONGEST)
    if any(ord(sign) < 32 or ord(sign) == 127 or sign in DECEIVING for sign in plain):
        raise FieldError("control-character")
    return plain


def _code(name: str, raw: object) -> str:
    """A code that became a number is read only where nothing can be lost by it."""
    if isinstance(raw, str):
        return _plain(raw)
    if isinstance(raw, (int, float)):
        if name == "MA_DUONG_DUNG" and round(float(raw), 2) == float(raw):
            return f"{float(raw):.2f}"
        if float(raw).is_integer():
            if name == "SO_DANG_KY" and len(str(int(raw))) == 12:
                return str(int(raw))
            if name in _PLAIN_NUMBERS:
                return str(int(raw))
    raise FieldError("number-for-code")


def _gtin(raw: object) -> str:
    """Its length is filled up with zeros anyway, so that a number may have lost some."""
    text = str(int(raw)) if isinstance(raw, (int, float)) and float(raw).is_integer() else _plain(str(raw)).replace(" ", "")
    if not (text.isascii() and text.isdigit() and 8 <= len(text) <= 14 and gs1.is_valid_key(text.zfill(14))):
        raise FieldError("not-a-gtin")
    return text.zfill(14)


def _day(raw: object, epoch: datetime) -> date:
    from openpyxl.utils.datetime import from_excel

    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    if isinstance(raw, (int, float)):
        if float(raw).is_integer() and 20000101 <= raw <= 21001231:
            return _written(str(int(raw)), "%Y%m%d")
        if 30_000 <= raw <= 75_000:
            found = from_excel(raw, epoch)
            if isinstance(found, datetime):
                return found.date()
        raise FieldError("not-a-day")
    text = _plain(str(raw))
    for form in ("%d/%m/%Y", "%Y%m%d", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y"):
        try:
            return _written(text, form)
        except FieldError:
            continue
    raise FieldError("not-a-day")


def _written(text: str, form: str) -> date:
    try:
        found = datetime.strptime(text, form).date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        raise FieldError("not-a-day") from None
    if not 1990 <= found.year <= 2100:
        raise FieldError("not-a-day")
    return found


def _money(raw: object) -> Decimal:
    """ "12.500,50", "12,500.50", "1.250.000" and 12500.5 alike; "12.500" can be read in two ways."""
    if isinstance(raw, (int, float)):
        found = Decimal(repr(raw))
    else:
        text = _plain(str(raw)).replace(" ", "").replace("đ", "").replace("VND", "").rstrip("%")
        point, comma = text.count("."), text.count(",")
        groups = text.replace(",", ".").split(".")
        if point + comma == 1 and len(groups[1]) == 3 and 1 <= len(groups[0]) <= 3 and groups[0] != "0":
            raise FieldError("money-two-readings")
        if point and comma:
            last = max(text.rfind("."), text.rfind(","))
            text = f"{text[:last].replace('.', '').replace(',', '')}.{text[last + 1 :]}"
        elif point > 1 or comma > 1:
            if any(len(group) != 3 for group in groups[1:]):
                raise FieldError("not-money")
            text = "".join(groups)
        text = text.replace(",", ".")
        if not text.replace(".", "", 1).isdigit() or not text.isascii():
            raise FieldError("not-money")
        try:
            found = Decimal(text)
        except InvalidOperation:
            raise FieldError("not-money") from None
    if not found.is_finite() or found < 0:
        raise FieldError("not-money")
    return found


def _text(value: object) -> str:
    match value:
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
        case Decimal():
            return format(value.normalize(), "f")
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _key(cells: Mapping[str, str]) -> str:
    return sha256("\x1f".join(folded(cells.get(name, "")) for name in _KEY).encode()).hexdigest()[:24]


def _without_repeats(rows: tuple[CatalogueFound, ...]) -> tuple[list[CatalogueFound], list[Problem]]:
    """Two rows of one drug that say two things contradict each other: neither is taken. One that is repeated word for word counts once."""
    by_id: dict[str, list[CatalogueFound]] = {}
    for row in rows:
        by_id.setdefault(row.line.id, []).append(row)
    kept: list[CatalogueFound] = []
    problems = []
    for each in by_id.values():
        said = [{name: value for name, value in row.line.cells.items() if name != "STT"} for row in each]
        if all(one == said[0] for one in said):
            kept.append(each[0])
            continue
        told = ", ".join(f"{row.place.file.rpartition(' · ')[2]} {row.place.row}" for row in each)
        problems += [
            Problem(
                file=row.place.file,
                row=row.place.row,
                field="MA_THUOC",
                value=row.line.medicine,
                code="drug-twice",
                parameters={"rows": told},
            )
            for row in each
        ]
    return kept, problems


def _inside(area: Any, head: int) -> Iterator[tuple[int, int]]:
    for row in range(max(area.min_row, head + 1), min(area.max_row, area.min_row + 1000) + 1):
        for column in range(area.min_col, min(area.max_col, MAX_COLUMNS) + 1):
            yield row, column


def _numbers_columns(number: int, head: int, cells: Any) -> bool:
    """The line "(1) (2) (3)" below the names."""
    if number != head + 1:
        return False
    texts = [str(cell.value).strip().strip("()[]") for cell in cells]
    return len(texts) >= _MARKS and all(text.isdigit() and int(text) <= MAX_COLUMNS for text in texts)


def _shown(mine: Mapping[str, tuple[_Column, Any]], name: str) -> str:
    return str(mine[name][1].value)[:100] if name in mine else ""


def _one(file: str, code: str, *, value: str = "", **parameters: object) -> Found:
    return Found(problems=(Problem(file=file, row=1, field="", value=value, code=code, parameters=parameters),))
