"""What firmware is released, for rollouts and pages. Reads the signed repository; nothing here can release anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from server.firmware import standing
from server.firmware.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release that carts take now. `name` is its path in the repository, `length` in bytes, `sha256` of the whole file,
    `image_hash` what the microcontroller calls it once it is in a slot."""

    name: str
    version: str
    hardware: str
    length: int
    sha256: str
    image_hash: str
    security_counter: int
    released_at: datetime | None
    notes: str


def releases(directory: Path) -> tuple[Release, ...]:
    """Every release of the repository in `directory`, newest version of a hardware first; () before the ceremony. One whose image is
    missing or not signed by the image key is left out: no cart would take it. Raises: FirmwareError when the lists are not signed."""
    found = standing.of(Repository(directory))
    if found is None:
        return ()
    return tuple(
        Release(
            name=each.target.name,
            version=str(each.target.version),
            hardware=each.target.hardware,
            length=each.target.length,
            sha256=each.target.sha256,
            image_hash=each.target.image_hash,
            security_counter=each.target.security_counter,
            released_at=each.released_at,
            notes=each.notes,
        )
        for each in found.released
        if not each.image_fault
    )


def release(directory: Path, name: str) -> Release | None:
    """The release of that name, None when carts would not take it."""
    return next((each for each in releases(directory) if each.name == name), None)
