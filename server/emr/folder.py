"""The EMR target for a site that has none yet: each record's bundle as one file in a folder.

The same bytes that a FHIR server would get, so that they can be loaded later. Written whole or not at all; a file that is
there is never changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError, EmrRejectedError, EmrUnavailableError
from pointofcare.wire.training import is_training
from server.emr.port import Accepted

# The file that marks a folder of made-up patients; it holds the facility's id.
MARK = "TRAINING"


def claim(directory: Path, *, facility: str) -> None:
    """What is practised goes into a folder of its own, and nothing else ever goes there; a training facility marks its folder at the
    first use. Raises: ConfigError: the folder is of the other kind, or cannot be made."""
    mark, half = directory / MARK, directory / f"{MARK}.part"
    try:
        found = mark.read_text(encoding="utf-8").strip() if mark.exists() else None
        if not is_training(facility):
            if found is not None:
                raise ConfigError(f"{directory} is the folder of {found}: its patients are not real", remedy="set emr.folder to another")
            return
        if found == facility:
            return
        if found is not None or (directory.exists() and any(one.name != half.name for one in directory.iterdir())):
            raise ConfigError(
                f"{directory} holds what is not of the training facility {facility}",
                remedy="set emr.folder to a folder of its own, empty or not yet there",
            )
        directory.mkdir(parents=True, exist_ok=True)
        with half.open("w", encoding="utf-8") as file:
            file.write(facility + "\n")
            file.flush()
            os.fsync(file.fileno())
        half.rename(mark)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"folder {directory} cannot be used: {exc}", remedy="give this program the right to write there") from exc


class FolderEmr:
    """`directory` is made when it is not there. A record id becomes a file name, so it may hold no path."""

    name = "folder"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise EmrUnavailableError(f"folder {self._directory} cannot be made: {exc.strerror}") from exc
        if not os.access(self._directory, os.W_OK):
            raise EmrUnavailableError(f"folder {self._directory} cannot be written", remedy="give this program the right to write there")

    def submit(self, payload: bytes, record_id: str) -> Accepted:
        target = self._path(record_id)
        emr_id = f"file/{target.name}"
        try:
            if target.exists():
                return self._same(target, payload, emr_id)
            self._directory.mkdir(parents=True, exist_ok=True)
            half = target.with_suffix(".part")
            with half.open("wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            half.rename(target)
            self._sync_directory()
        except OSError as exc:
            raise EmrUnavailableError(f"folder {self._directory} cannot be written: {exc.strerror}") from exc
        return Accepted(emr_id=emr_id, version="1")

    def read_back(self, record_id: str) -> Mapping[str, Any] | None:
        target = self._path(record_id)
        try:
            bundle = json.loads(target.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise EmrUnavailableError(f"{target} cannot be read") from exc
        for entry in bundle["entry"]:
            resource: Mapping[str, Any] = entry["resource"]
            if any(identifier.get("value") == record_id for identifier in resource.get("identifier", ())):
                return resource
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, record_id: str) -> Path:
        if not record_id or not all(c.isascii() and (c.isalnum() or c in "-_") for c in record_id):
            raise EmrRejectedError(f"record id {record_id!r} cannot name a file", record_id=record_id)
        return self._directory / f"{record_id}.json"

    def _same(self, target: Path, payload: bytes, emr_id: str) -> Accepted:
        if target.read_bytes() != payload:
            raise EmrRejectedError(f"{target.name} is there with other content", remedy="compare the two and keep one", emr_id=emr_id)
        return Accepted(emr_id=emr_id, version="1", replayed=True)

    def _sync_directory(self) -> None:
        handle = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
