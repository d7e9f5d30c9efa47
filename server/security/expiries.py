"""When what the server itself shows or signs with ends: its certificates, the authority's, the revocation list, the lists of firmware.

Files are read again only when they changed. What cannot be read has no end here and is told as such: unknown is never "far away".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from pointofcare.errors import FirmwareError
from server.config import ServerConfig
from server.firmware import standing
from server.firmware.repository import Repository
from server.security import broker_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """`of` is a fixed word. `ends_at` None: it should be there, and cannot be read."""

    of: str
    ends_at: datetime | None


def certificates(config: ServerConfig) -> Iterator[Expiry]:
    """Of those that the settings name: each has a word of its own. The revocation list is one of them: past its end nobody comes in."""
    named = {
        "broker-client": config.mqtt.certificate_file if config.mqtt is not None else None,
        "broker-root": config.mqtt.ca_file if config.mqtt is not None else None,
        "phones": config.phones.certificate_file,
        "emr-client": config.emr.cert_file,
    }
    for of, path in named.items():
        if path is not None:
            yield Expiry(of=of, ends_at=_end_of(path))
    authority = config.machines.ca_dir / "ca.pem"
    if authority.exists():
        yield Expiry(of="authority", ends_at=_end_of(authority))
    if config.machines.broker_files is not None:
        state = broker_files.list_state(config.machines.broker_files)
        yield Expiry(of="revocation-list", ends_at=state.ends_at if state is not None else None)


def firmware_lists(config: ServerConfig) -> Iterator[Expiry]:
    """Of the signed repository of firmware, by the role of each list; nothing before the ceremony."""
    try:
        found = standing.of(Repository(config.firmware.directory))
    except FirmwareError:
        yield Expiry(of="repository", ends_at=None)
        return
    for role in found.roles if found is not None else ():
        yield Expiry(of=role.role, ends_at=role.expires_at)


def _end_of(path: Path) -> datetime | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _read(path, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=32)
def _read(path: Path, _changed: int, _place: int) -> datetime | None:
    """The first of all the certificates in the file that ends: a chain holds no longer than that."""
    try:
        return min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError):
        return None
