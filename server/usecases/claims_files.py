"""An export of drug lines as files: XML2 with its schema, and tables for people.

The schema is ours, written from the columns of the decision, for the ministry's own was not obtainable. A sign that XML cannot hold is
left out of a text; no cell of a table runs as a formula.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from pointofcare.errors import UnreadableError
from pointofcare.vietnam import claims as lines
from pointofcare.vietnam.claims import Shape
from server.store.transaction import Actor, reading, transaction
from server.usecases import claims
from server.usecases.claims import Export

_XS = "http://www.w3.org/2001/XMLSchema"
_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MONEY = r"([0-9]+([.][0-9]{1,3})?)?"
# Columns whose values have a form of their own.
_PATTERNS = {
    "STT": "[0-9]+",
    "DUONG_DUNG": r"[0-9][.][0-9]{2}",
    "SO_LUONG": r"[0-9]+([.][0-9]{1,3})?",
    "NGAY_YL": "[0-9]{12}",
    "NGAY_TH_YL": "[0-9]{12}",
    "DON_GIA": _MONEY,
    "THANH_TIEN_BV": _MONEY,
    "THANH_TIEN_BH": _MONEY,
}
_NEEDED = frozenset({"MA_LK", "STT", "MA_THUOC", "TEN_THUOC", "DON_VI_TINH", "DUONG_DUNG", "SO_LUONG", "NGAY_YL", "NGAY_TH_YL"})
ROW_HEAD = ("record_id", "mrn", "doubts")
UNBILLED_HEAD = ("record_id", "mrn", "order", "drug", "at", "why", "amount")
FAULT_HEAD = ("record_id", "mrn", "drug", "at", "fault", "detail")


def xml(export: Export) -> bytes:
    """UTF-8, one CHI_TIET_THUOC a dose, in the order of the columns."""
    root = ElementTree.Element(lines.ROOT)
    table = ElementTree.SubElement(root, lines.TABLE)
    for row in export.rows:
        line = ElementTree.SubElement(table, lines.LINE)
        for name, value in row.values:
            ElementTree.SubElement(line, name).text = _UNFIT.sub("", value)
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"


def schema(shape: Shape) -> bytes:
    """An XML schema of the columns of `shape`."""
    root = ElementTree.Element("xs:schema", {"xmlns:xs": _XS, "elementFormDefault": "qualified"})
    about = ElementTree.SubElement(ElementTree.SubElement(root, "xs:annotation"), "xs:documentation")
    about.text = f"Written from the columns of {shape.decision}; it is not an official schema."
    table = _sequence(_sequence(_element(root, lines.ROOT), lines.TABLE), lines.LINE, many=True)
    body = ElementTree.SubElement(ElementTree.SubElement(table, "xs:complexType"), "xs:sequence")
    for column in shape.columns:
        kind = ElementTree.SubElement(ElementTree.SubElement(body, "xs:element", {"name": column.name}), "xs:simpleType")
        base = ElementTree.SubElement(kind, "xs:restriction", {"base": "xs:string"})
        if column.name in _PATTERNS:
            ElementTree.SubElement(base, "xs:pattern", {"value": _PATTERNS[column.name]})
        if column.name in _NEEDED:
            ElementTree.SubElement(base, "xs:minLength", {"value": "1"})
        if column.longest:
            ElementTree.SubElement(base, "xs:maxLength", {"value": str(column.longest)})
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _element(parent: ElementTree.Element, name: str, *, many: bool = False) -> ElementTree.Element:
    bounds = {"minOccurs": "0", "maxOccurs": "unbounded"} if many else {}
    return ElementTree.SubElement(parent, "xs:element", {"name": name, **bounds})


def _sequence(element: ElementTree.Element, name: str, *, many: bool = False) -> ElementTree.Element:
    inner = ElementTree.SubElement(ElementTree.SubElement(element, "xs:complexType"), "xs:sequence")
    return _element(inner, name, many=many)


def rows_csv(export: Export) -> str:
    names = [column.name for column in export.shape.columns]
    body = ((row.record_id, row.mrn, " ".join(row.doubts), *(value for _, value in row.values)) for row in export.rows)
    return _table((*ROW_HEAD, *names), body)


def unbilled_csv(export: Export, zone: ZoneInfo) -> str:
    body = ((one.record_id, one.mrn, one.order or "", one.drug, _at(one.at, zone), one.why, one.amount or "") for one in export.unbilled)
    return _table(UNBILLED_HEAD, body)


def faults_csv(export: Export, zone: ZoneInfo) -> str:
    body = ((one.record_id, one.mrn, one.drug, _at(one.at, zone), one.code, one.detail) for one in export.faults)
    return _table(FAULT_HEAD, body)


def from_command_line(
    actor: Actor, *, since: datetime, until: datetime, zone: str, wards: dict[str, str], ward: str | None, claim: str | None, folder: Path
) -> int:
    """Writes xml2.xml, xml2.xsd, rows.csv, unbilled.csv and faults.csv into `folder`. The exit code: 0 all, 1 something is not on a line.

    Raises: UnreadableError (the period holds more than is read at once), NotFoundError (no columns of that time)."""
    with reading(actor) as tx:
        export = claims.collect(tx, since=since, until=until, zone=zone, wards=wards, ward=ward, claim=claim)
    if not export.is_whole:
        raise UnreadableError("the period holds more doses than are exported at once", remedy="export it day by day")
    local = ZoneInfo(zone)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "xml2.xml": xml(export),
        "xml2.xsd": schema(export.shape),
        "rows.csv": rows_csv(export).encode("utf-8-sig"),
        "unbilled.csv": unbilled_csv(export, local).encode("utf-8-sig"),
        "faults.csv": faults_csv(export, local).encode("utf-8-sig"),
    }
    with transaction(actor) as tx:
        tx.audit("claims.export", "report/claims", told(export))
    for name, content in files.items():
        # Whole or not at all, also where the power fails.
        part = folder / f"{name}.part"
        part.write_bytes(content)
        part.replace(folder / name)
    sys.stdout.write(
        f"{export.shape.decision}: {len(export.rows)} lines, {len(export.unbilled)} not to be billed, "
        f"{len(export.faults)} that a person must look at, in {folder}\n"
    )
    return 1 if export.faults else 0


def told(export: Export) -> dict[str, object]:
    """For the audit: how much of what, and nobody's name."""
    return {
        "since": export.since.isoformat(),
        "until": export.until.isoformat(),
        "rows": len(export.rows),
        "unbilled": len(export.unbilled),
        "faults": len(export.faults),
        "decision": export.shape.decision,
    }


def _at(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in rows:
        writer.writerow([f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value for value in row])
    return out.getvalue()
