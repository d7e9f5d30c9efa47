"""Everything of the site, or of one patient, in open formats: FHIR R4 as NDJSON, every table as CSV, and a manifest with hashes.

One consistent look; the memory of one page, however large the hospital. A folder that has its name is whole. Must never write what signs
somebody in, and writes nothing before the audit holds who took it and why.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError, NotFoundError, UnreadableError
from server.emr.fhir_mapping import MappingContext
from server.store import patients, site_rows, staff
from server.store.fhir_walk import Reference
from server.store.record_kinds import TABLES
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import fhir_search
from server.usecases.fhir_kinds import KINDS, Kind
from server.usecases.fhir_search import Cursor, Search

FORMAT = 1
MANIFEST = "manifest.json"
PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`name` below the folder; `rows` without a heading."""

    name: str
    rows: int
    bytes: int
    sha256: str


def write(
    actor: Actor, folder: Path, context: MappingContext, *, facility: str, schema: str, by: str, reason: str, patient: str | None = None
) -> tuple[File, ...]:
    """Writes the folder, which must not exist; `patient` is our id, None: the whole site. Needs an application context.
    Raises: ConfigError, NotFoundError, UnreadableError."""
    if folder.exists():
        raise ConfigError(f"{folder} exists", remedy="name a new folder")
    staged = folder.with_name(f".{folder.name}.part")
    if staged.exists():
        raise ConfigError(f"{staged} is left of an export that was broken off", remedy="look at it and remove it")
    why = " ".join(reason.split())
    if not 3 <= len(why) <= 500:
        raise UnreadableError("an export needs a reason", remedy="3 to 500 letters", field="reason")
    with transaction(actor) as tx:
        if staff.of_id(tx, by) is None:
            raise NotFoundError(f"{by} is nobody here", remedy="name the id of the person who answers for it", staff=by)
        if patient is not None:
            patients.get(tx, patient)
        subject = "site/all" if patient is None else f"patient/{patient}"
        tx.audit("export.site" if patient is None else "export.patient", subject, {"by": by, "reason": why})
        at = tx.at
    staged.mkdir(mode=0o700, parents=True)  # one that was broken off is not gone on with: it may be another patient's
    with reading(actor) as tx:
        files = [*_resources(tx, staged, context, patient), *_tables(tx, staged, patient)]
    manifest = {
        "format": FORMAT,
        "facility": facility,
        "patient": patient,
        "at": at.isoformat(),
        "by": by,
        "schema": schema,
        "fhir": "4.0.1",
        "files": [{"name": one.name, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256} for one in files],
        "left_out": {
            "tables": sorted(set(TABLES) - set(site_rows.tables(patient))),
            "columns": sorted(".".join(pair) for pair in site_rows.SECRET_COLUMNS),
        },
    }
    _written(staged, MANIFEST, [json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n"])
    os.rename(staged, folder)
    return tuple(files)


def check(folder: Path) -> list[str]:
    """What differs from the manifest, as sentences; [] where nothing does. Raises: ConfigError for what is no export."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        told = {str(one["name"]): str(one["sha256"]) for one in manifest["files"]}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{folder} is no export: {exc}", remedy="name the folder that holds manifest.json") from exc
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    wrong = [f"{name} is missing" for name in sorted(set(told) - found)] + [f"{name} is in no list" for name in sorted(found - set(told))]
    for name in sorted(found & set(told)):
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != told[name]:
                wrong.append(f"{name} was changed")
    return wrong


def _resources(tx: Transaction, folder: Path, context: MappingContext, patient: str | None) -> Iterator[File]:
    problems: list[bytes] = []
    for kind in KINDS.values():
        if patient is None or kind.of_patients:
            yield _written(folder, f"fhir/{kind.name}.ndjson", _of_kind(tx, context, kind, patient, problems.append))
    yield _written(folder, "fhir/OperationOutcome.ndjson", problems)


def _of_kind(
    tx: Transaction, context: MappingContext, kind: Kind, patient: str | None, not_told: Callable[[bytes], None]
) -> Iterator[bytes]:
    mine = () if patient is None else (("patient", (Reference(kind="Patient", id=patient),)),)
    search = Search(filters=mine, limit=PAGE)
    at: Cursor | None = search.cursor
    while at is not None:
        page = fhir_search.find(tx, context, kind, replace(search, cursor=at))
        for one in page.items:
            if one.resource is not None:
                yield _line(one.finished(context))
            else:
                said = {"severity": "warning", "code": "not-supported", "details": {"text": f"{one.kind} {one.id[:200]}: {one.problem}"}}
                not_told(_line({"resourceType": "OperationOutcome", "issue": [said]}))
        tx.session.expunge_all()
        at = page.next


def _line(resource: Any) -> bytes:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace") + b"\n"


def _tables(tx: Transaction, folder: Path, patient: str | None) -> Iterator[File]:
    for name in site_rows.tables(patient):
        made = _written(folder, f"tables/{name}.csv", _csv(tx, name, patient))
        yield replace(made, rows=made.rows - 1)


def _csv(tx: Transaction, name: str, patient: str | None) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(site_rows.columns(name))
    yield _taken(buffer)
    for values in site_rows.rows(tx, name, patient):
        writer.writerow(values)
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")


def _written(folder: Path, name: str, lines: Iterable[bytes]) -> File:
    """For the one who ran it alone, and on the disk before it is in the manifest."""
    path = folder / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest, rows, size = hashlib.sha256(), 0, 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        for line in lines:
            out.write(line)
            digest.update(line)
            rows, size = rows + 1, size + len(line)
        out.flush()
        os.fsync(out.fileno())
    return File(name=name, rows=rows, bytes=size, sha256=digest.hexdigest())
