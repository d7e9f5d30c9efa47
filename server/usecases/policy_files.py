"""The command line's side of policy files: each function gives the lines to print and the exit code. Reads files, never a clock."""

from __future__ import annotations

from pathlib import Path

from pointofcare.errors import ConfigError
from pointofcare.policies import changes, doubts, fault, layers, reading, writing
from pointofcare.policies.document import PolicyFile
from pointofcare.policies.fault import Fault
from server.store import policies, products
from server.store.transaction import Actor, Transaction
from server.usecases import policies as verbs

DEFAULT = "default"  # stands for the packaged file
_VERSION_LENGTH = 30


def check(path: Path, ward: Path | None) -> tuple[list[str], int]:
    """Every fault of the hospital's file, and of a ward's over it."""
    file, faults = reading.examined(_text(path))
    told = [_told(path, each) for each in faults or layers.faults(file)]
    if ward is not None:
        over, faults = reading.examined(_text(ward))
        if over is None:
            told += [_told(ward, each) for each in faults]
        elif file is not None and not told:
            told += [_told(ward, each) for each in layers.faults(file, over)]
    if told:
        return told, 1
    return [f"{each}: no fault" for each in (path, ward) if each is not None], 0


def difference(old: str, new: str, language: str) -> tuple[list[str], int]:
    """What differs between two files, in words."""
    one, other = _file(old), _file(new)
    found = (*changes.changes(layers.layered(one), layers.layered(other), language), *changes.file_changes(one, other, language))
    return [changes.told(each, language) for each in found], 0


def bring(tx: Transaction, actor: Actor, path: Path, *, ward: str, by: str) -> tuple[list[str], int]:
    """A draft of the file; what no product bears is said. Raises: as `policies.draft`."""
    stored = verbs.draft(tx, actor, _text(path), ward=ward, by=by)
    found = doubts.unmatched(verbs.effective(tx, stored), products.listed(tx))
    told = [f"doubtful: {' '.join(doubts.sentence('en', each))}" for each in found]
    return [*told, f"{stored.version} is a draft of {stored.drafted_by}; somebody else approves it on the page Policy"], 0


def show(tx: Transaction, ward: str) -> tuple[list[str], int]:
    """What holds in a ward, as a file with every source."""
    file = shown(tx, ward)
    return [f"# in force: {policies.in_force(tx, ward).version}", *writing.write(file).splitlines()], 0


def shown(tx: Transaction, ward: str) -> PolicyFile:
    """What holds in a ward. Where a policy is in force that no file stands behind, its values cite its name."""
    policy = policies.in_force(tx, ward)
    version = policy.version.replace(layers.JOINED_BY, "-")[:_VERSION_LENGTH].strip("-.")
    hospital = verbs.hospital_file(tx)
    own = policies.active(tx, ward) if ward != policies.HOSPITAL else None
    over = reading.read(own.text) if own is not None else None
    if layers.layered(hospital, over).version == policy.version:
        return layers.sourced(hospital, over, version=version)
    return writing.of_policy(policy, source=f"in force as {policy.version}", version=version)


def _file(name: str) -> PolicyFile:
    if name == DEFAULT:
        return reading.default()
    path = Path(name)
    file, faults = reading.examined(_text(path))
    if file is None:
        raise ConfigError(f"{name} has faults", problems=tuple((name, _told(path, each)) for each in faults))
    return file


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}", remedy="name a text file in UTF-8") from exc


def _told(path: Path, each: Fault) -> str:
    what, remedy = fault.sentence("en", each)
    place = f"{path}:{each.line}" if each.line is not None else str(path)
    return f"{place}: {each.path + ': ' if each.path else ''}{what} {remedy}"
