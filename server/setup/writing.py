"""Puts settings into the text of a TOML file without touching what else stands there: comments, order, settings of other sections.

A text that comes out other than was asked for is refused, so that nothing is lost in a file that somebody wrote in a way of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError

Values = Mapping[str, Any]
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")
_ANY_HEADER = re.compile(r"\s*\[")


def merged(values: Values, changes: Values) -> dict[str, Any]:
    """`values` with `changes` laid over them, table by table."""
    found = dict(values)
    for name, value in changes.items():
        held = found.get(name)
        found[name] = merged(held if isinstance(held, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return found


def with_changes(text: str, changes: Values) -> str:
    """The file's text with `changes` in it. Raises: ConfigError: the file is written in a way that this cannot change safely."""
    try:
        before = tomllib.loads(text)
        lines = text.splitlines()
        for name, value in changes.items():
            if isinstance(value, Mapping):
                for inner, each in value.items():
                    lines = _set(lines, name, inner, each, before.get(name, {}))
            else:
                lines = _set(lines, "", name, value, before)
        made = "\n".join(lines) + "\n"
        if tomllib.loads(made) == merged(before, changes):
            return made
    except (ValueError, AttributeError, RecursionError):
        pass
    raise ConfigError(
        "the settings file is written in a way that cannot be changed without losing something",
        remedy="put these into it by hand: " + ", ".join(_names(changes)),
    )


def _names(changes: Values) -> list[str]:
    """Names alone: a value may be a secret."""
    return [f"{name}.{inner}" for name, value in changes.items() if isinstance(value, Mapping) for inner in value] + [
        name for name, value in changes.items() if not isinstance(value, Mapping)
    ]


def _set(lines: list[str], section: str, name: str, value: object, held: Values) -> list[str]:
    if name in held and held[name] == value:
        return lines
    start, end = _span(lines, section)
    if start is None:
        return [*lines, "", f"[{section}]", f"{name} = {_written(value)}"]
    pattern = re.compile(rf"\s*{re.escape(name)}\s*=")
    for place in range(start, end):
        if pattern.match(lines[place]):
            return [*lines[:place], f"{name} = {_written(value)}{_remark(lines[place])}", *lines[place + 1 :]]
    while end > start and not lines[end - 1].strip():
        end -= 1
    return [*lines[:end], f"{name} = {_written(value)}", *lines[end:]]


def _remark(line: str) -> str:
    """The comment behind a setting, with the space before it. A # within a string begins none."""
    for found in re.finditer(r"\s*#", line):
        with contextlib.suppress(ValueError):
            tomllib.loads(line[: found.start()])
            return line[found.start() :]
    return ""


def _span(lines: list[str], section: str) -> tuple[int | None, int]:
    """The lines of a section without its header; None: there is no such section."""
    start = 0 if not section else None
    for place, line in enumerate(lines):
        if start is not None and _ANY_HEADER.match(line):
            # Comments before the next header belong to that.
            while place > start and lines[place - 1].lstrip().startswith("#"):
                place -= 1
            return start, place
        header = _HEADER.fullmatch(line)
        if start is None and header is not None and header.group(1).strip() == section:
            start = place + 1
    return start, len(lines)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # JSON's strings are TOML's, but for characters beyond the 16-bit plane, which JSON would split.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list) and all(isinstance(each, (str, int)) for each in value):
        return "[" + ", ".join(_written(each) for each in value) + "]"
    raise ValueError(type(value).__name__)


def put(path: Path, text: str) -> Path | None:
    """The file as a whole or as it was, for its owner alone. What stood there lies beside it; where, None: nothing changed or was there.

    Raises: ConfigError."""
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if before == text:
            path.chmod(0o600)
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = None
        if before is not None:
            kept = path.with_name(f"{path.name}.before")
            _replace(kept, before)
        _replace(path, text, like=path)
        return kept
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc.strerror}", remedy="give us the right to write there, or make room") from exc


def _replace(path: Path, text: str, *, like: Path | None = None) -> None:
    half = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            if like is not None and like.exists():
                owner = like.stat()
                if os.geteuid() == 0:  # run by root for the server's own user: it stays that user's
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        half.rename(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
