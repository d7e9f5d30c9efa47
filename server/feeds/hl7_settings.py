"""The settings of the HL7 listener: where it listens, for whom, within what bounds, and the profiles of the systems that may send.

They stand in a file of their own beside the server's (`hl7-in.toml`), for the person who looks after the interfaces. Every fault is told
at once. Source: docs/hl7.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError
from server.store.incoming import MOST_BYTES
from server.usecases import hl7_profile
from server.usecases.hl7_profile import Profile

FILE = "hl7-in.toml"
# The hospital's own hours, by the words of table 0335 for the same moment.
_SAME = {"QD": ("QD", "DAILY", "Q1D"), "MORN": ("QAM",), "HS": ("QHS", "HS"), "BID": ("BID",), "TID": ("TID",), "QID": ("QID",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """`certificate_file` and `key_file` set: TLS. `client_ca_file`: only senders with a certificate of that authority. `idle_s` is how
    long a connection may say nothing, `message_s` how long one message may take to arrive, `keep_days` how long what was taken is kept."""

    profiles: tuple[Profile, ...]
    host: str = "127.0.0.1"
    port: int = 2575
    certificate_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    max_message_bytes: int = 512_000
    max_connections: int = 16
    idle_s: int = 3600
    message_s: int = 30
    keep_days: int = 90


_FILES = ("certificate_file", "key_file", "client_ca_file")
_NUMBERS = {
    "port": (0, 65535),
    "max_message_kb": (1, MOST_BYTES // 1000),
    "max_connections": (1, 500),
    "idle_min": (1, 10080),
    "message_s": (1, 600),
    "keep_days": (1, 3650),
}


def load(path: Path, standard_times: Mapping[str, tuple[time, ...]] | None = None) -> ListenerSettings:
    """`standard_times` are the hospital's own hours, which hold where a profile names none. Raises: ConfigError."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="write one, see docs/hl7.md") from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{path} is not TOML: {exc}", problems=((str(path), f"is not TOML: {exc}"),)) from exc
    return read(values, path.parent, path.name, standard_times or {})


def read(values: Mapping[str, Any], anchor: Path, source: str, standard_times: Mapping[str, tuple[time, ...]]) -> ListenerSettings:
    """Raises: ConfigError with every fault, those of the profiles too."""
    problems: list[tuple[str, str]] = []
    known = {"host", "profiles", *_FILES, *_NUMBERS}
    problems += [(f"{source}: {name}", "is not a setting: remove it or correct its spelling") for name in values if name not in known]
    host = values.get("host", "127.0.0.1")
    if not isinstance(host, str) or not host:
        problems.append((f"{source}: host", "must be a text in quotes"))
    numbers = {}
    for name, (least, most) in _NUMBERS.items():
        value = values.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            problems.append((f"{source}: {name}", f"must be a whole number from {least} to {most}"))
        else:
            numbers[name] = value
    files: dict[str, Path | None] = {}
    for name in _FILES:
        value = values.get(name)
        if value is not None and (not isinstance(value, str) or not (anchor / value).is_file()):
            problems.append((f"{source}: {name}", "names no file that is there"))
        files[name] = anchor / value if isinstance(value, str) else None
    if (files["certificate_file"] is None) != (files["key_file"] is None):
        problems.append((f"{source}: certificate_file", "certificate_file and key_file go together"))
    if files["client_ca_file"] is not None and files["certificate_file"] is None:
        problems.append((f"{source}: client_ca_file", "needs certificate_file and key_file: without TLS nobody shows a certificate"))
    profiles = _profiles(values.get("profiles"), anchor, source, problems)
    if problems:
        lines = "; ".join(f"{where}: {what}" for where, what in problems)
        raise ConfigError(f"{source} has {len(problems)} fault(s): {lines}", problems=tuple(problems))
    return ListenerSettings(
        profiles=tuple(with_hours(one, standard_times) for one in profiles),
        host=str(host),
        port=numbers.get("port", 2575),
        **files,
        max_message_bytes=numbers.get("max_message_kb", 512) * 1000,
        max_connections=numbers.get("max_connections", 16),
        idle_s=numbers.get("idle_min", 60) * 60,
        message_s=numbers.get("message_s", 30),
        keep_days=numbers.get("keep_days", 90),
    )


def with_hours(profile: Profile, standard_times: Mapping[str, tuple[time, ...]]) -> Profile:
    """The profile with the hospital's hours for "twice a day" and the like; its own come before them."""
    hours = {
        word: " ".join(f"{at:%H:%M}" for at in sorted(standard_times[name]))
        for name, words in _SAME.items()
        if standard_times.get(name)
        for word in words
    }
    return replace(profile, frequencies={**hours, **profile.frequencies})


def _profiles(listed: Any, anchor: Path, source: str, problems: list[tuple[str, str]]) -> list[Profile]:
    if not isinstance(listed, list) or not listed or any(not isinstance(each, str) for each in listed):
        problems.append((f"{source}: profiles", 'list the profiles of the systems that may send, such as ["his.toml"]'))
        return []
    found: list[Profile] = []
    for name in listed:
        try:
            found.append(hl7_profile.load(anchor / name))
        except ConfigError as exc:
            problems += exc.problems or ((name, str(exc)),)
    taken: dict[tuple[str, str], str] = {}
    for profile in found:
        for sender in ((application, facility) for application in profile.applications for facility in profile.facilities):
            if sender in taken:
                problems.append((f"{source}: profiles", f"{'|'.join(sender)} is the sender of {taken[sender]} and of {profile.name}"))
            taken[sender] = profile.name
    return found
