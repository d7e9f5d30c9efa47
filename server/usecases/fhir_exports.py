"""Exports of everything that a program may read (FHIR Bulk Data Access): asked for, written in the background, taken, deleted.

One file holds so many resources and is encrypted as a whole (age) under a key of its own export; the memory of one file is all that it
takes, however large the hospital. A file is whole on the disk before the row names it, so a power cut costs one file's work, and a worker
that was so slow that another took its place changes nothing. Must never write what the program does not reach, nor leave a file behind
whose time is over.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage

from pointofcare.errors import ConflictError, NotFoundError
from server.emr.fhir_mapping import MappingContext
from server.store import fhir_clients, fhir_exports
from server.store.fhir_exports import Export
from server.store.fhir_walk import Span
from server.store.transaction import Actor, DatabaseFault, Transaction, reading, transaction
from server.usecases import fhir_search
from server.usecases.fhir_built import instant
from server.usecases.fhir_kinds import KINDS, Kind
from server.usecases.fhir_search import Cursor, Search

_log = logging.getLogger(__name__)
ACTOR = Actor(id="exporter", name="FHIR exporter")
SYSTEM, PATIENT, GROUP = "system", "patient", "group"
KEPT = timedelta(hours=24)
MOST_OPEN = 2
MOST_A_DAY = 24
# Of one file.
MOST_LINES = 2_000
MOST_BYTES = 8_000_000
PAGE = 200
LEASE_S = 120.0
# A change that was under way when the export began may be committed later: the next export has it again.
OVERLAP = timedelta(minutes=2)


class TooManyError(ConflictError):
    """The program has enough exports already."""

    code = "fhir-exports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`types` in the order of writing; `ward` of a group; `since` None: from the beginning."""

    level: str
    types: tuple[str, ...]
    ward: str | None = None
    since: datetime | None = None


def ask(tx: Transaction, *, client: str, address: str, wanted: Wanted) -> str:
    """The export's name, which nobody guesses. Raises: TooManyError."""
    open_, today = fhir_exports.asked_for(tx, client, since=tx.at - timedelta(days=1))
    if open_ >= MOST_OPEN or today >= MOST_A_DAY:
        raise TooManyError(
            f"{open_} exports of this program are not done, and {today} were asked for within a day",
            remedy=f"take or cancel one first; at most {MOST_OPEN} at once and {MOST_A_DAY} a day",
        )
    export = secrets.token_hex(16)
    asked = {
        "level": wanted.level,
        "types": list(wanted.types),
        "ward": wanted.ward,
        "since": None if wanted.since is None else wanted.since.astimezone(UTC).isoformat(),
    }
    fhir_exports.add(tx, export, client=client, address=address, asked=asked, key=str(pyrage.x25519.Identity.generate()))
    tx.audit("fhir.export", f"fhir-export/{export}", {"client": client, **asked})
    return export


def kinds_of(level: str) -> tuple[str, ...]:
    """What may be exported at a level: of patients alone, or the whole."""
    return tuple(name for name, kind in KINDS.items() if level == SYSTEM or kind.of_patients)


def folder(directory: Path, export: str) -> Path:
    return directory / "fhir-exports" / export


def content(directory: Path, export: Export, number: int) -> bytes:
    """One file as NDJSON. Raises: NotFoundError."""
    try:
        sealed = _file(directory, export.id, str(export.files[number]["name"])).read_bytes()
        return bytes(pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(export.key)]))
    except (OSError, ValueError, pyrage.IdentityError, pyrage.DecryptError) as exc:
        raise NotFoundError("this file is not there any more", remedy="ask for a new export", export=export.id) from exc


def cancel(tx: Transaction, directory: Path, export: str) -> None:
    """Its files go at once; a worker that writes now finds that it was cancelled."""
    fhir_exports.cancel(tx, export)
    tx.audit("fhir.export-cancel", f"fhir-export/{export}", {})
    shutil.rmtree(folder(directory, export), ignore_errors=True)


def _file(directory: Path, export: str, name: str) -> Path:
    return folder(directory, export) / f"{name}.ndjson.age"


# The worker.


class Exporter:
    """One thread that writes exports and deletes those whose time is over. Several of them, in several processes, share the work."""

    def __init__(
        self, directory: Path, context: MappingContext, *, scope: Callable[[], AbstractContextManager[object]], idle_s: float = 2.0
    ) -> None:
        self._directory, self._context, self._scope, self._idle_s = directory, context, scope, idle_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="fhir-exporter", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 20.0) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._scope():
                    worked = work(self._directory, self._context, stopping=self._stopping.is_set)
            except (DatabaseFault, OSError) as exc:  # nothing was lost: the next look goes on
                _log.warning("exports could not be written now: %s", type(exc).__name__)
                worked = False
            if not worked:
                self._stopping.wait(self._idle_s)


def work(directory: Path, context: MappingContext, *, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Writes one export as far as it goes; whether there was one. Raises: DatabaseFault, OSError."""
    _sweep(directory)
    with transaction(ACTOR) as tx:
        found = fhir_exports.claim(tx, lease_s=LEASE_S)
    if found is None:
        return False
    try:
        _write(directory, context, found, stopping)
    except (DatabaseFault, OSError):
        raise
    except Exception:  # noqa: BLE001 - one export that cannot be made must not end those of others, nor the server; the row says so
        _log.exception("export %s could not be made", found.id)
        with transaction(ACTOR) as tx:
            fhir_exports.end(
                tx,
                fhir_exports.find(tx, found.id) or found,
                fhir_exports.FAILED,
                expires_at=tx.at + KEPT,
                error="it could not be made; the server's log says why",
            )
            tx.audit("fhir.export-failed", f"fhir-export/{found.id}", {"client": found.client})
    return True


def _sweep(directory: Path) -> None:
    """Files whose time is over."""
    with reading(ACTOR) as tx:
        old = fhir_exports.over(tx)
    for export in old:
        shutil.rmtree(folder(directory, export), ignore_errors=True)
        if folder(directory, export).exists():
            _log.error("the files of export %s could not be deleted", export)
            continue
        with transaction(ACTOR) as tx:
            fhir_exports.gone(tx, export)
            tx.audit("fhir.export-gone", f"fhir-export/{export}", {})


def _actor(export: Export) -> Actor | None:
    """As the program reaches now; None: it may not come any more."""
    with reading(ACTOR) as tx:
        client = fhir_clients.find(tx, export.client)
    if client is None or client.revoked_at is not None:
        return None
    wards, ward = client.wards, export.asked.get("ward")
    if ward is not None:
        wards = frozenset({ward}) if wards is None or ward in wards else frozenset()
    return Actor(id=f"program:{client.id}", name=client.name, wards=wards)


def _write(directory: Path, context: MappingContext, export: Export, stopping: Callable[[], bool]) -> None:
    types = [one for one in export.asked["types"] if one in KINDS]
    held, place, files = export, export.place, export.files
    while not stopping():
        actor = _actor(export)
        if actor is None:
            with transaction(ACTOR) as tx:
                fhir_exports.cancel(tx, export.id)
            return
        at = dict(place or {"type": 0, "cursor": None})
        if at["type"] >= len(types):
            with transaction(ACTOR) as tx:
                if fhir_exports.end(tx, held, fhir_exports.DONE, expires_at=tx.at + KEPT):
                    counts = {one["type"]: 0 for one in files}
                    for one in files:
                        counts[one["type"]] += one["count"]
                    tx.audit("fhir.export-done", f"fhir-export/{export.id}", {"client": export.client, "counts": counts})
            return
        kind = KINDS[types[at["type"]]]
        lines, problems, cursor = _lines(context, actor, kind, export, at["cursor"])
        for name, written in ((kind.name, lines), ("OperationOutcome", problems)):
            if written:
                drawn = secrets.token_hex(8)  # two workers never write one file
                _store(_file(directory, held.id, drawn), b"".join(written), held.key)
                files = (*files, {"name": drawn, "type": name, "count": len(written), "is_error": name == "OperationOutcome"})
        place = {"type": at["type"], "cursor": cursor} if cursor is not None else {"type": at["type"] + 1, "cursor": None}
        said = f"{kind.name}: {sum(one['count'] for one in files)} resources written"
        with transaction(ACTOR) as tx:
            now = fhir_exports.came_to(tx, held, place=place, files=files, progress=said, lease_s=LEASE_S)
            state = fhir_exports.find(tx, held.id) if now is None else None
        if now is None:
            if state is None or state.state not in (*fhir_exports.OPEN, fhir_exports.DONE):  # cancelled: what came since goes too
                shutil.rmtree(folder(directory, held.id), ignore_errors=True)
            return
        held = now


def _lines(
    context: MappingContext, actor: Actor, kind: Kind, export: Export, cursor: list[Any] | None
) -> tuple[list[bytes], list[bytes], list[Any] | None]:
    """The lines of the next file, what could not be told, and where to go on."""
    since = export.asked.get("since")
    filters = ()
    if since is not None and kind.parameter("_lastUpdated") is not None:
        moment = datetime.fromisoformat(since)
        filters = (("_lastUpdated", (Span(prefix="ge", start=moment, end=moment),)),)  # type: ignore[assignment]
    walk = "_lastUpdated" if "_lastUpdated" in kind.sources[0].table.walks else ""
    at = fhir_search.heard(cursor) if cursor is not None else Cursor()
    lines: list[bytes] = []
    problems: list[bytes] = []
    size = 0
    while True:
        with reading(actor) as tx:
            page = fhir_search.find(tx, context, kind, Search(filters=filters, sort=walk, cursor=at, limit=PAGE))
        for one in page.items:
            if one.resource is not None:
                lines.append(_line(one.finished(context)))
                size += len(lines[-1])
            else:
                said = {"severity": "warning", "code": "not-supported", "details": {"text": f"{one.kind} {one.id[:200]}: {one.problem}"}}
                problems.append(_line({"resourceType": "OperationOutcome", "issue": [said]}))
        if page.next is None:
            return lines, problems, None
        at = page.next
        if len(lines) >= MOST_LINES or size >= MOST_BYTES:
            return lines, problems, fhir_search.told(at)


def _line(resource: Mapping[str, Any]) -> bytes:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace") + b"\n"


def _store(path: Path, plain: bytes, key: str) -> None:
    """Whole or not at all, for this server's user alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sealed = pyrage.encrypt(plain, [pyrage.x25519.Identity.from_str(key).to_public()])
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def transaction_time(export: Export) -> str:
    """The `_since` of the next export: what was under way then is in it again, rather than in none."""
    return instant((export.begun_at or export.made_at) - OVERLAP)
