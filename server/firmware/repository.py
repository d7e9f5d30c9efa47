"""The repository of releases on disk: what is published now, and the one step that publishes something else.

    generations/7/metadata/   1.root.json 4.targets.json 9.firmware.json 31.snapshot.json timestamp.json ...
    generations/7/image-key.pem   who may sign images; its hash stands in the list `targets`, so that people have signed it
    targets/cart-mcu/         SHA256.name of each image that was ever published
    current -> generations/7  what carts see
    online/                   the server's own two keys

A generation is written whole, looked at as a cart would, and only then named `current`, by one rename. Whatever stops the machine
leaves the old one or the new one, never something between. Nothing that is published is changed afterwards.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from devices.firmware import image, releases
from pointofcare import firmware
from pointofcare.errors import ConfigError, FirmwareError, ReleasesUntrustedError
from pointofcare.firmware import Target

FIRMWARE = "firmware"  # the delegated role
PATHS = ("cart-mcu/*", "cart-software/*")
_NOBODY = "cart-mcu/none"
ROLES = ("root", "targets", FIRMWARE, "snapshot", "timestamp")
OFFLINE = ("root", "targets", FIRMWARE)
IMAGE_KEY = "image-key.pem"
IMAGE_KEY_FIELD = "x-image-key-sha256"  # of the list `targets`
KEPT_GENERATIONS = 3
_KEPT_LISTS = 10  # versions of a list that a cart in the middle of reading may still ask for
_VERSIONED = re.compile(r"([1-9]\d{0,8})\.([a-z]+)\.json", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Everything that is signed now."""

    root: Metadata[Root]
    targets: Metadata[Targets]
    firmware: Metadata[Targets]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]

    def of(self, role: str) -> Metadata[Any]:
        found: Metadata[Any] = getattr(self, role)
        return found


class Repository:
    """Reading needs no lock: what `current` names never changes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def targets(self) -> Path:
        return self.directory / "targets"

    @property
    def online(self) -> Path:
        return self.directory / "online"

    @property
    def image_key(self) -> Path:
        """Of what is published now. A repository from before it was part of a generation has it beside them."""
        generation = self.generation
        if generation is not None and (generation / IMAGE_KEY).exists():
            return generation / IMAGE_KEY
        return self.directory / IMAGE_KEY

    @property
    def generation(self) -> Path | None:
        """The folder of what is published now, None before the ceremony."""
        try:
            return self.directory / os.readlink(self.directory / "current")
        except OSError:
            return None

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time, be it the running server or a command. Raises: ConfigError."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = (self.directory / "lock").open("a")
        except OSError as exc:
            raise ConfigError(f"{self.directory} cannot be written: {exc.strerror}", remedy="check the folder and its owner") from exc
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def lists(self) -> Lists:
        """What is signed now. Raises: ConfigError before the ceremony, ReleasesUntrustedError for files that cannot be read."""
        folder = self.generation
        if folder is None:
            raise ConfigError("there is no firmware repository here yet", remedy="make one: pointofcare-server firmware ceremony")
        try:
            return read_lists(folder / "metadata")
        except FileNotFoundError:
            folder = self.generation or folder  # it was swept away while we read
            try:
                return read_lists(folder / "metadata")
            except OSError as exc:
                raise _broken(exc) from exc
        except (OSError, DeserializationError, ValueError, KeyError) as exc:
            raise _broken(exc) from exc

    def first_root(self) -> bytes:
        """What a cart is given when it is installed. Raises: ConfigError before the ceremony."""
        folder = self.generation
        if folder is None:
            raise ConfigError("there is no firmware repository here yet", remedy="make one: pointofcare-server firmware ceremony")
        return (folder / "metadata" / "1.root.json").read_bytes()

    def signed_image_key(self) -> bytes:
        """Who may sign images, as the people of `targets` signed it. Raises: ConfigError, ReleasesUntrustedError."""
        now = self.lists()
        verified(now)
        try:
            content = self.image_key.read_bytes()
        except OSError as exc:
            raise _broken(exc) from exc
        _named_by(now.targets, content)
        return content

    def image_path(self, target: Target) -> Path:
        folder, _, name = target.name.rpartition("/")
        return self.targets / folder / f"{target.sha256}.{name}"

    def publish(self, lists: Sequence[Metadata[Any]], images: Mapping[str, bytes], *, keys: bytes | None = None) -> None:
        """Makes `lists` (those that changed; the timestamp among them) and what was there what carts see. `images` by their path
        below `targets`. `keys`: who may sign images from now on, None for no change. Call it within `writing`.

        Raises: FirmwareError when a cart would refuse what would be published (nothing changed), ConfigError, OSError."""
        for below, content in images.items():
            _whole(self.targets / below, content)
        generations = self.directory / "generations"
        generations.mkdir(exist_ok=True)
        for left in generations.glob(".new-*"):
            shutil.rmtree(left)
        number = 1 + max((int(path.name) for path in generations.iterdir() if path.name.isdigit()), default=0)
        staged = generations / f".new-{number}"
        (staged / "metadata").mkdir(parents=True)
        fresh = {file_name(each): each.to_bytes(JSONSerializer(compact=False)) for each in lists}
        before = self.generation
        if before is not None:
            for path in kept(before / "metadata"):
                if path.name not in fresh:
                    os.link(path, staged / "metadata" / path.name)
        for name, content in fresh.items():
            _whole(staged / "metadata" / name, content)
        _whole(staged / IMAGE_KEY, keys if keys is not None else self.image_key.read_bytes())
        _sync(staged / "metadata")
        _sync(staged)
        look(staged / "metadata", self.targets, staged / IMAGE_KEY, only=frozenset(images) if before is not None else None)
        if before is not None:  # a cart that has seen what is published now must be able to go on
            _continues(before / "metadata", staged / "metadata", self.targets)
        os.rename(staged, generations / str(number))
        _sync(generations)
        link = self.directory / ".current.new"
        link.unlink(missing_ok=True)
        os.symlink(f"generations/{number}", link)
        os.replace(link, self.directory / "current")
        _sync(self.directory)
        for path in generations.iterdir():
            if path.name.isdigit() and int(path.name) <= number - KEPT_GENERATIONS:
                shutil.rmtree(path, ignore_errors=True)


def read_lists(folder: Path) -> Lists:
    """Raises: OSError, DeserializationError, ValueError, KeyError."""
    timestamp = Metadata[Timestamp].from_file(str(folder / "timestamp.json"))
    snapshot = Metadata[Snapshot].from_file(str(folder / f"{timestamp.signed.snapshot_meta.version}.snapshot.json"))
    meta = snapshot.signed.meta
    newest = max(version for version, role in (_version(path) for path in folder.glob("*.root.json")) if role == "root")
    return Lists(
        root=Metadata[Root].from_file(str(folder / f"{newest}.root.json")),
        targets=Metadata[Targets].from_file(str(folder / f"{meta['targets.json'].version}.targets.json")),
        firmware=Metadata[Targets].from_file(str(folder / f"{meta[f'{FIRMWARE}.json'].version}.{FIRMWARE}.json")),
        snapshot=snapshot,
        timestamp=timestamp,
    )


def look(metadata: Path, targets: Path, image_key: Path, *, only: frozenset[str] | None = None) -> tuple[Target, ...]:
    """Every release in it, looked at as a cart looks: from the first root on, list by list, then each image's own signature.
    `only`: of these images alone (paths below `targets`). Raises: FirmwareError, ConfigError."""
    trusted = image.load_keys(image_key)
    _named_by(read_lists(metadata).targets, image_key.read_bytes())
    found = []
    with tempfile.TemporaryDirectory() as cache:
        source = releases.folder(metadata, targets, root=(metadata / "1.root.json").read_bytes(), cache=Path(cache))
        releases.lookup(source, _NOBODY)  # reads every list, even where nothing is released
        names = sorted(read_lists(metadata).firmware.signed.targets)
        for name in names:
            target = releases.lookup(source, name)
            if target is None:
                raise ReleasesUntrustedError(
                    f"{name} is in the list, and no cart would find it",
                    remedy=f"name releases {' or '.join(PATHS)}; a list of before allows it after: firmware renew targets",
                )
            found.append(target)
            folder, _, base = name.rpartition("/")
            if only is None or f"{folder}/{target.sha256}.{base}" in only:
                content = releases.fetch(source, target)
                image.verify(content, trusted)
                if firmware.target_of(name, content) != target:
                    raise ReleasesUntrustedError(f"{name} is not what its entry says", remedy="make the release again")
    return tuple(found)


def _continues(before: Path, after: Path, targets: Path) -> None:
    """Raises: FirmwareError when a cart that trusts what is published now would refuse what comes."""
    with tempfile.TemporaryDirectory() as cache:
        root = (before / "1.root.json").read_bytes()
        with contextlib.suppress(FirmwareError):  # what is published now may have expired, and this is what mends it
            releases.lookup(releases.folder(before, targets, root=root, cache=Path(cache)), _NOBODY)
        releases.lookup(releases.folder(after, targets, root=root, cache=Path(cache)), _NOBODY)


def key_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stated_key(targets: Metadata[Targets]) -> str | None:
    """The hash of the image key that this list names; None in one from before that was signed."""
    stated = targets.signed.unrecognized_fields.get(IMAGE_KEY_FIELD)
    return None if stated is None else str(stated)


def _named_by(targets: Metadata[Targets], content: bytes) -> None:
    """Raises: ReleasesUntrustedError when it is another image key than the list names."""
    if stated_key(targets) not in (None, key_hash(content)):
        raise ReleasesUntrustedError("the image key is not the one that the list targets names", remedy="restore it from the backup")


def kept(folder: Path) -> list[Path]:
    """The lists that go on being served: every root, and the newest of the others."""
    by_role: dict[str, list[tuple[int, Path]]] = {}
    for path in folder.iterdir():
        version, role = _version(path)
        if version:
            by_role.setdefault(role, []).append((version, path))
    return [
        path for role, versions in by_role.items() for _, path in (sorted(versions) if role == "root" else sorted(versions)[-_KEPT_LISTS:])
    ]


def file_name(metadata: Metadata[Any]) -> str:
    """Under which name it is published."""
    if isinstance(metadata.signed, Timestamp):
        return "timestamp.json"
    role = metadata.signed.type
    if isinstance(metadata.signed, Targets) and metadata.signed.delegations is None:
        role = FIRMWARE
    return f"{metadata.signed.version}.{role}.json"


def verified(lists: Lists) -> None:
    """That each list is signed by whom it must be; says nothing of their age. Raises: ReleasesUntrustedError."""
    try:
        for role in ("root", "targets", "snapshot", "timestamp"):
            lists.root.verify_delegate(role, lists.of(role))
        lists.targets.verify_delegate(FIRMWARE, lists.firmware)
    except (RepositoryError, ValueError) as exc:
        raise ReleasesUntrustedError(f"the repository's lists are not signed as they must be: {exc}", remedy="restore it") from exc


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _version(path: Path) -> tuple[int, str]:
    found = _VERSIONED.fullmatch(path.name)
    return (int(found.group(1)), found.group(2)) if found else (0, "")


def _whole(path: Path, content: bytes) -> None:
    """The file is there with all of `content`, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _broken(exc: Exception) -> ReleasesUntrustedError:
    return ReleasesUntrustedError(f"the firmware repository cannot be read: {exc}", remedy="restore it from the backup")
