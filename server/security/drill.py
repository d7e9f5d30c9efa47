"""`pointofcare-server drill`: restores the newest backup where nobody works, and looks whether a hospital would come back from it.

Everything happens in a scratch database and a scratch folder. Must never touch the live database, its files or its broker, and never
say that all is well for what it could not look at: such a step is `not looked at`, and the drill has failed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask

from devices.firmware import image
from pointofcare.errors import ConfigError, PointOfCareError
from server.config import ServerConfig
from server.firmware.repository import Repository
from server.security import audit_check, authority, recovery, signing
from server.store import audit_log, backups, migrate, scratch
from server.store.backups import Backup
from server.store.database import db
from server.store.transaction import Actor, reading

ACTOR = Actor(id="drill", name="Restore drill")
OLDEST_H = 26  # a nightly backup, and two hours for it
SUFFIXES = (".backup", ".age")


@dataclass(slots=True)
class Report:
    """`steps` are (what, `ok` | `failed` | `not looked at` | `note`, in words). `figures` of a restore to a moment: `rpo_s` what the live
    server has that is not in it, in time, with `lost_doses` and `lost_entries`; `rto_s` how long until it answered and was looked at."""

    file: Path
    steps: list[tuple[str, str, str]] = field(default_factory=list)
    backup: Backup | None = None
    took_s: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(outcome in ("ok", "note") for _what, outcome, _words in self.steps)

    def plain(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "passed": self.passed,
            "took_s": round(self.took_s, 1),
            "at": None if self.backup is None else self.backup.at,
            "counts": None if self.backup is None else dict(self.backup.counts),
            "figures": dict(self.figures),
            "steps": [{"what": what, "outcome": outcome, "words": words} for what, outcome, words in self.steps],
        }


def command(
    config: ServerConfig,
    source: Path,
    *,
    make_app: Callable[[ServerConfig], Flask],
    identity: Path | None,
    oldest_h: int = OLDEST_H,
    output: Path | None = None,
) -> int:
    """Prints the report; the exit code: 0 passed, 1 failed. `source` is a backup, or a folder of them."""
    report = run(config, newest(source), make_app=make_app, identity=identity, oldest=timedelta(hours=oldest_h))
    for what, outcome, words in report.steps:
        sys.stdout.write(f"{outcome:>13}  {what}: {words}\n")
    sys.stdout.write(f"drill of {report.file} {'PASSED' if report.passed else 'FAILED'} in {report.took_s:.1f} s\n")
    if output is not None:
        output.write_text(json.dumps(report.plain(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0 if report.passed else 1


def newest(source: Path) -> Path:
    """The backup that was written last into the folder `source`; `source` itself where it is a file. Raises: ConfigError."""
    if not source.is_dir():
        return source
    found = [path for path in source.iterdir() if path.is_file() and path.suffix in SUFFIXES]
    if not found:
        raise ConfigError(f"{source} holds no backup", remedy=f"name a folder with files that end in {' or '.join(SUFFIXES)}")
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def run(
    config: ServerConfig, source: Path, *, make_app: Callable[[ServerConfig], Flask], identity: Path | None, oldest: timedelta
) -> Report:
    """Must not be called within an application context of the live server. Raises: ConfigError where no drill can be held at all."""
    report = Report(file=source)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pointofcare-drill-") as made:
        directory = Path(made)
        with scratch.database(config.database_url, directory) as url:
            if url == config.database_url:  # what must never be, asked where it would do harm
                raise ConfigError("the scratch database is the live one", remedy="this is a fault of the program: report it")
            there = replace(config, database_url=url, signing_key=directory / "signing-key.json", data_dir=directory, mqtt=None)
            with make_app(there).app_context():
                try:
                    _restored(report, there, source, directory, identity, oldest)
                finally:
                    db.session.remove()
                    db.engine.dispose()
    report.took_s = time.monotonic() - began
    return report


def _restored(report: Report, there: ServerConfig, source: Path, directory: Path, identity: Path | None, oldest: timedelta) -> None:
    files = directory / "files"
    with step(report, "restore") as say:
        report.backup = backups.restore(
            source, facility=there.facility, signing_key=there.signing_key, identity=identity, place=lambda name: files / name
        )
        say(f"{sum(report.backup.counts.values())} rows of {len(report.backup.counts)} tables, each counted again")
    if report.backup is None:
        return
    found = report.backup
    with step(report, "age") as say:
        age = datetime.now(UTC) - datetime.fromisoformat(found.at)
        say(f"made {found.at}, {age / timedelta(hours=1):.1f} h ago")
        if age > oldest:
            raise ConfigError(f"older than {oldest / timedelta(hours=1):.0f} h: whatever was recorded since would be lost", remedy="")
    with step(report, "schema") as say:
        differing = migrate.differences()
        if differing or migrate.current() != migrate.head():
            raise ConfigError(f"not what this version needs: {differing[:300]}", remedy="")
        say(f"{found.schema} brought to {migrate.head()}")
    with step(report, "signing key") as say:
        if not there.signing_key.exists():
            raise ConfigError("is not in the backup: no cart would take a table", remedy="")
        key = signing.load(there.signing_key)
        say(f"{key.id}")
        with step(report, "audit") as say_audit, reading(ACTOR) as tx:
            last = audit_log.latest(tx)
            result = audit_check.check(audit_log.lines(tx), key.key, [] if last is None else [last.jws])
            if result.faults:
                raise ConfigError(f"{len(result.faults)} faults, the first: {result.faults[0]}", remedy="")
            say_audit(f"{result.entries} entries, {result.checkpoints} checkpoints hold, {result.unsealed} not sealed yet")
    _files(report, found, files)


def _files(report: Report, found: Backup, files: Path) -> None:
    if found.left_out:
        report.steps.append(("files", "failed", f"not in the backup, because it is not encrypted: {', '.join(found.left_out)}"))
    else:
        report.steps.append(("files", "ok", f"{', '.join(found.parts) or 'none are named by the settings'}"))
    if "firmware.directory" in found.parts:
        with step(report, "firmware releases") as say:
            repository = Repository(files / "firmware.directory")
            say(
                "no release was ever published"
                if repository.generation is None
                else f"{_releases(repository)} releases, each image verified"
            )
    if "machines.ca_dir" in found.parts:
        with step(report, "authority of the machines") as say:
            root = authority.load(files / "machines.ca_dir")
            say(f"until {root.certificate.not_valid_after_utc:%Y-%m-%d}, SHA-256 {root.fingerprint}")
    if recovery.SETTINGS in found.parts:
        with step(report, "settings") as say:
            text = (files / recovery.SETTINGS).read_text(encoding="utf-8")
            say("in the backup" + ("" if "secret_key" in text else "; secret_key is not in the file: keep the environment's secrets apart"))


def _releases(repository: Repository) -> int:
    """Says nothing of the lists' age, which the server that comes back renews. Raises: ConfigError, FirmwareError, OSError."""
    repository.signed_image_key()
    trusted = image.load_keys(repository.image_key)
    targets = repository.lists().firmware.signed.targets
    for name, target in targets.items():
        folder, _, base = name.rpartition("/")
        content = (repository.targets / folder / f"{target.hashes['sha256']}.{base}").read_bytes()
        target.verify_length_and_hashes(content)
        image.verify(content, trusted)
    return len(targets)


@contextmanager
def step(report: Report, what: str) -> Iterator[Callable[[str], None]]:
    """A step that fails ends that step alone."""
    said: list[str] = []
    try:
        yield said.append
    except PointOfCareError as exc:
        report.steps.append((what, "failed", "; ".join([*said, str(exc)])))
    except Exception as exc:  # noqa: BLE001 - whatever it was: this was not proven, and the next step is looked at all the same
        report.steps.append((what, "not looked at", "; ".join([*said, f"{type(exc).__name__}: {exc}"])))
    else:
        report.steps.append((what, "ok", "; ".join(said)))
