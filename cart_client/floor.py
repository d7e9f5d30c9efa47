"""The newest version of each signed table that this cart ever held, in a small file of its own beside the chart.

The chart is a copy, and a damaged one is put aside: without this file an older table that the server really signed could come back
in its place. It names no patient. What cannot be read counts as nothing known, and is said in the log.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pointofcare.wire.tables import Table

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    version: int
    issued_at: datetime
    expires_at: datetime

    def forbids(self, table: Table, now: datetime) -> bool:
        """An older table never comes back, unless the newer one is used up and the server, restored, has issued this one since."""
        used_up = self.expires_at <= now and table.issued_at > self.issued_at
        return table.version < self.version and not used_up


class Floor:
    """One file for a place: facility and ward."""

    def __init__(self, path: Path, *, place: str) -> None:
        self._path, self._place = path, place
        self._all: dict[str, dict[str, dict[str, object]]] = _read(path)

    def of(self, kind: str) -> Mark | None:
        found = self._all.get(self._place, {}).get(kind)
        try:
            return _mark(found) if found is not None else None
        except (KeyError, TypeError, ValueError) as exc:
            log.error("the floor of %s is not understood: %s", kind, exc)
            return None

    def raise_to(self, table: Table) -> None:
        """Durable when this returns; where the disk does not take it, it holds until the program ends."""
        told: dict[str, object] = {
            "version": table.version,
            "issued_at": table.issued_at.isoformat(),
            "expires_at": table.expires_at.isoformat(),
        }
        self._all.setdefault(self._place, {})[table.kind.value] = told
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            with new.open("w", encoding="utf-8") as file:
                json.dump(self._all, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as exc:
            log.error("the floor of the tables is not on the disk: %s", exc)
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)


def _mark(found: dict[str, object]) -> Mark:
    issued_at, expires_at = (datetime.fromisoformat(str(found[name])) for name in ("issued_at", "expires_at"))
    if issued_at.tzinfo is None or expires_at.tzinfo is None:
        raise ValueError("a moment without a zone")
    return Mark(version=int(str(found["version"])), issued_at=issued_at, expires_at=expires_at)


def _read(path: Path) -> dict[str, dict[str, dict[str, object]]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        log.error("the floor of the tables cannot be read: %s", exc)
        return {}
    places = found if isinstance(found, dict) else {}
    return {
        str(place): {str(kind): mark for kind, mark in kinds.items() if isinstance(mark, dict)}
        for place, kinds in places.items()
        if isinstance(kinds, dict)
    }
