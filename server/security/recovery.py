"""`pointofcare-server backup|restore|unpack`: which files belong to a server, and the commands that keep them and bring them back.

What the settings name is kept; so is what the files named there name in their turn (a signer's key, a template, a profile). Must never
overwrite a file that stands, and says of each what became of it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.store import backup_files, backups
from server.store.backup_files import Placed

SETTINGS = "settings"  # the configuration file itself
LISTENER = "hl7"
LISTENER_FILE = "hl7-in.toml"
_DEEPEST = 4
_ODD = re.compile(r"[^A-Za-z0-9_.-]")


def parts(config: ServerConfig, settings_file: Path, *, there: bool = True) -> dict[str, Path]:
    """Name -> file or folder, of everything that a restore needs besides the database and the signing key. `there`: of what files of
    settings name, only what exists."""
    found = {SETTINGS: settings_file.resolve(), **backup_files.named(config), LISTENER: config.data_dir / LISTENER_FILE}
    for name, path in tuple(found.items()):
        if name != SETTINGS and path.suffix == ".toml":
            found |= _referred(name, path, there=there)
    return found


def places(config: ServerConfig, settings_file: Path) -> Callable[[str], Path | None]:
    """Where a part belongs on this machine, None where its settings name no such file. Looked up anew each time: a file of settings
    that was put a moment ago names others."""
    return lambda name: parts(config, settings_file, there=False).get(name)


def backup(config: ServerConfig, settings_file: Path, target: Path, *, encrypt_to: str | None) -> int:
    """Needs an application context."""
    made = backups.make(
        target,
        facility=config.facility,
        signing_key=config.signing_key,
        at=datetime.now(UTC),
        encrypt_to=encrypt_to,
        parts=parts(config, settings_file),
    )
    _say(f"{target}: {sum(made.counts.values())} rows of {len(made.counts)} tables, schema {made.schema}")
    _say(f"files of: {', '.join(made.parts) or 'no setting'}")
    if made.left_out:
        _say(f"LEFT OUT, because they are secret: {', '.join(made.left_out)}")
        _say("A restore needs them: encrypt the backup (--encrypt-to), or keep them apart from it.")
    return 0


def restore(config: ServerConfig, settings_file: Path, source: Path, *, identity: Path | None) -> int:
    """Needs an application context."""
    told: list[Placed] = []
    found = backups.restore(
        source,
        facility=config.facility,
        signing_key=config.signing_key,
        identity=identity,
        place=places(config, settings_file),
        told=told.append,
    )
    _say(f"restored {sum(found.counts.values())} rows of {len(found.counts)} tables as they were at {found.at}")
    for line in told_of(told[0], found.left_out):
        _say(line)
    return 0


def unpack(source: Path, folder: Path, *, identity: Path | None) -> int:
    """The files alone into a new or empty `folder`, each under the name of its setting: where to begin when the machine is gone, with
    its settings. Needs no settings and no database. Raises: ConfigError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty", remedy="name a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with backups.opened(source, identity) as (manifest, directory):
        done = backup_files.placed(manifest, directory, lambda name: folder / name)
        key = directory / backups.KEY
        if key.exists():
            backup_files.put(key, folder / backups.KEY)
        described = backups.described(manifest)
    _say(f"backup of {described.facility}, made {described.at}, {described.engine}, schema {described.schema}")
    for line in told_of(done, described.left_out):
        _say(line)
    return 0


def told_of(done: Placed, left_out: Mapping[str, str]) -> Iterator[str]:
    if done.put:
        yield f"files put: {', '.join(done.put)}"
    if done.same:
        yield f"files that stood here already, the same: {', '.join(done.same)}"
    if done.different:
        yield f"LOOK: files that stand here and differ from the backup's, left as they are: {', '.join(done.different)}"
    if done.unplaced:
        yield f"LOOK: files of settings that are not set here: {', '.join(done.unplaced)}. Take them out with: pointofcare-server unpack"
    if left_out:
        yield f"LOOK: not in this backup, because it was not encrypted: {', '.join(left_out)}"


def _referred(name: str, file: Path, *, there: bool, depth: int = 0) -> dict[str, Path]:
    """What a file of settings names. One that cannot be read names nothing; it is kept as it is."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    found = {}
    for key, text in _texts(values, ""):
        path = file.parent / text
        try:  # a printer's device is no file, and the folder that we stand in is none of its parts
            usable = (not there or path.is_file() or path.is_dir()) and not file.resolve().is_relative_to(path.resolve())
        except (OSError, ValueError):
            usable = False
        if usable:
            inside = f"{name}:{_ODD.sub('_', key)}"
            found[inside] = path
            if path.suffix == ".toml" and depth < _DEEPEST:
                found |= _referred(inside, path, there=there, depth=depth + 1)
    return found


def _texts(value: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value.strip():
        yield key, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(one, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, f"{key}.{number}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
