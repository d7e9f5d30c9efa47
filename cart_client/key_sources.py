"""Where the key of the cart's databases comes from: one table of kinds, each named in cart.toml as KIND:NAME.

- `credential:NAME` a credential of systemd (`$CREDENTIALS_DIRECTORY`), encrypted with the machine's TPM by `systemd-creds encrypt`;
- `keyring:NAME` a key of type "user" in the session's or the user's keyring of the Linux kernel, put there after each start;
- `file:PATH` a file, best on a volume of its own that does not travel with the disk.

A source holds one key a line, 64 hexadecimal digits each. The first is the key to use; a database under one of the others is put under
the first at the next start. A key is never written anywhere but into the file that is named, and never into a log or a message.
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cart_client import sealed
from cart_client.sealed import AtRestError, Key, scrub

_TPM = (Path("/sys/class/tpm/tpm0"), Path("/sys/class/tpmrm/tpmrm0"))
# A credential that lies here is not encrypted.
_CLEAR_STORES = (Path("/etc/credstore"), Path("/run/credstore"), Path("/usr/lib/credstore"))
_BLOCKS = Path("/sys/dev/block")
_KEYCTL = {"x86_64": 250, "aarch64": 219, "armv7l": 311, "riscv64": 219, "i686": 288}
_KEYCTL_REVOKE, _KEYCTL_SEARCH, _KEYCTL_READ = 3, 10, 11
_SESSION_KEYRING, _USER_KEYRING = -3, -4
_MOST_BYTES = 4096


class Protection(StrEnum):
    """How well the key is kept from somebody who takes the cart's disk. Stands in the telemetry."""

    SEALED = "sealed"  # encrypted by this machine's TPM
    APART = "apart"  # not on the disk of the database
    CLEAR = "clear"  # on that disk, readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """`read` gives the text, None when there is none; `destroy` whether the key is gone for good now."""

    read: Callable[[str, Path | None], str | None]
    protection: Callable[[str, Path], Protection]
    destroy: Callable[[str], bool]
    remedy: str


def parse(text: str, *, beside: Path) -> Source:
    """`KIND:NAME`; a relative path is taken from the folder `beside`. Raises: ValueError with what to write."""
    kind, _, name = text.partition(":")
    if kind not in KINDS or not name:
        raise ValueError(f"one of {', '.join(f'{kind}:NAME' for kind in KINDS)} (file:PATH)")
    if kind == "file":
        return Source(kind=kind, name=str(beside / name))
    if "/" in name or name.startswith("."):
        raise ValueError("a name without / and no leading dot")
    return Source(kind=kind, name=name)


def read(source: Source, credentials: Path | None) -> tuple[Key, ...]:
    """The keys of a source, the one to use first; () when the source has none. `credentials` is systemd's folder.

    Raises: AtRestError when it cannot be read or understood."""
    try:
        text = KINDS[source.kind].read(source.name, credentials)
    except (OSError, UnicodeDecodeError) as exc:
        raise AtRestError("key-unreadable", f"the key in {source} cannot be read: {exc}", remedy=remedy(source)) from exc
    if text is None:
        return ()
    try:
        keys = tuple(Key(value=bytes.fromhex(line.strip())) for line in text.splitlines() if line.strip())
    except ValueError:
        keys = ()
    if not keys:
        raise AtRestError("key-unreadable", f"{source} holds no key", remedy="one line of 64 hexadecimal digits; " + remedy(source))
    return keys


def protection(source: Source, data_dir: Path) -> Protection:
    return KINDS[source.kind].protection(source.name, data_dir)


def remedy(source: Source) -> str:
    return KINDS[source.kind].remedy.format(name=source.name)


def destroy(source: Source) -> bool:
    """Makes the key unusable where that is possible; False when a person has to remove it. Raises: OSError."""
    return KINDS[source.kind].destroy(source.name)


def write(path: Path, keys: tuple[Key, ...]) -> None:
    """A key file, replaced as a whole, mode 0600; on the disk when this returns. Raises: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key.value.hex()}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def draw(path: Path) -> Key:
    """A new key in a new file. Raises: AtRestError when there is a file, or none can be written."""
    if path.exists():
        raise AtRestError("key-unreadable", f"{path} is there already", remedy="name another file, or remove it if no cart needs it")
    key = sealed.draw()
    try:
        write(path, (key,))
    except OSError as exc:
        raise AtRestError("disk", f"no key can be written to {path}: {exc}", remedy="make the folder writable") from exc
    return key


# systemd credentials


def _credential(name: str, credentials: Path | None) -> str | None:
    return _text(credentials / name) if credentials is not None else None


def _credential_protection(name: str, data_dir: Path) -> Protection:  # noqa: ARG001 - one shape for all kinds
    """Without a TPM systemd encrypts with a key that lies on the same disk, which keeps nobody out."""
    if any((store / name).exists() for store in _CLEAR_STORES) or not any(chip.exists() for chip in _TPM):
        return Protection.CLEAR
    return Protection.SEALED


# The kernel's keyring


def _keyring(name: str, credentials: Path | None) -> str | None:  # noqa: ARG001 - one shape for all kinds
    serial = _find(name)
    if serial is None:
        return None
    room = ctypes.create_string_buffer(_MOST_BYTES)
    length = _keyctl(_KEYCTL_READ, serial, room, _MOST_BYTES)
    if length < 0:
        raise OSError(ctypes.get_errno(), f"the kernel does not give the key {name}")
    return room.raw[: min(length, _MOST_BYTES)].decode("ascii")


def _find(name: str) -> int | None:
    for ring in (_SESSION_KEYRING, _USER_KEYRING):
        serial = _keyctl(_KEYCTL_SEARCH, ring, b"user", name.encode(), 0)
        if serial > 0:
            return int(serial)
    return None


def _revoke(name: str) -> bool:
    serial = _find(name)
    return serial is None or _keyctl(_KEYCTL_REVOKE, serial) == 0


def _keyctl(*arguments: int | bytes | ctypes.Array[ctypes.c_char]) -> int:
    number = _KEYCTL.get(platform.machine())
    if number is None:
        raise OSError(f"the keyring is not known on {platform.machine()}")
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(call(ctypes.c_long(number), *given))


# Files


def _file(name: str, credentials: Path | None) -> str | None:  # noqa: ARG001 - one shape for all kinds
    path = Path(name)
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise PermissionError(f"others may read {path}: chmod 600")
    return _text(path)


def _file_protection(name: str, data_dir: Path) -> Protection:
    """Apart only when the key's file lies on another volume than the database, and not on another partition of the same disk."""
    try:
        key, data = _device(Path(name)), _device(data_dir)
        is_together = key == data or not _disks(key).isdisjoint(_disks(data))
    except OSError:
        return Protection.CLEAR
    return Protection.CLEAR if is_together else Protection.APART


def _disks(device: int) -> frozenset[str]:
    """The disks under a file system, through LUKS and LVM; none where it lies on no disk of this machine, or the kernel does not say."""
    return _disks_at((_BLOCKS / f"{os.major(device)}:{os.minor(device)}").resolve())


def _disks_at(place: Path) -> frozenset[str]:
    if not place.exists():
        return frozenset()
    below = sorted((place / "slaves").iterdir()) if (place / "slaves").is_dir() else []
    if below:
        return frozenset().union(*(_disks_at(each.resolve()) for each in below))
    return frozenset({place.parent.name if (place / "partition").exists() else place.name})


def _device(path: Path) -> int:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path.stat().st_dev


def _scrub(name: str) -> bool:
    path = Path(name)
    for each in (path.with_name(path.name + ".new"), path):  # a power cut in `write` leaves the first
        scrub(each)
    return True


def _text(path: Path) -> str | None:
    try:
        with path.open(encoding="ascii") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None


KINDS: Mapping[str, _Kind] = {
    "credential": _Kind(
        read=_credential,
        protection=_credential_protection,
        destroy=lambda name: False,  # noqa: ARG005 - systemd's copy is read-only
        remedy="LoadCredentialEncrypted={name} in the cart's unit, made with systemd-creds encrypt --with-key=tpm2 --name={name}",
    ),
    "keyring": _Kind(
        read=_keyring,
        protection=lambda name, data_dir: Protection.APART,  # noqa: ARG005
        destroy=_revoke,
        remedy="keyctl padd user {name} @u, as the cart's user, after each start of the machine",
    ),
    "file": _Kind(
        read=_file,
        protection=_file_protection,
        destroy=_scrub,
        remedy="put the volume with {name} in; for a first key: pointofcare-cart key draw",
    ),
}
