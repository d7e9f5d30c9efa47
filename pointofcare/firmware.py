"""What a firmware image says of itself (MCUboot's image format), and what a release says that it must be. Pure.

An image is a header, the code, and type-length-value records behind it: first those that the signature covers, then the hash, the
key's hash and the signature itself. Hardware and security counter are read from the covered ones alone: anybody can append another.
Reading says nothing about the signature; that is `devices.firmware.image`. Must never call a file an image that has more than one
answer to any question.

Source: MCUboot design document, "Image format"; imgtool 2.5.0.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pointofcare.errors import ImageRejectedError

MAGIC = 0x96F3B83D
_HEADER = struct.Struct("<IIHHIIBBHII")
_RECORDS = struct.Struct("<HH")
_UNPROTECTED, _PROTECTED = 0x6907, 0x6908
KEY_HASH, SHA256, ED25519, SECURITY_COUNTER, HARDWARE = 0x01, 0x10, 0x24, 0x50, 0x00A0
LONGEST_BYTES = 16 * 1024 * 1024
LONGEST_SOFTWARE_BYTES = 512 * 1024 * 1024
# A release of the cart's own program is an image as well: of no board, but of this kind of machine, wire and journal.
CART_SOFTWARE = "cart-software"
_VERSION = re.compile(r"(0|[1-9]\d{0,9})\.(0|[1-9]\d{0,9})\.(0|[1-9]\d{0,9})(?:[+.](0|[1-9]\d{0,9}))?", re.ASCII)
_HARDWARE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Version:
    """Ordered as MCUboot orders: major, minor, revision, build."""

    major: int
    minor: int
    revision: int
    build: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.revision}+{self.build}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """`image_hash` is the SHA-256 record in lower hex: what a slot is known by, never its version. `hardware` and
    `security_counter` are None where the signed records do not say. `length` in bytes, of the whole file."""

    version: Version
    hardware: str | None
    security_counter: int | None
    image_hash: str
    key_hash: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One release as the signed list names it. `name` is its path in the repository, `sha256` that of the whole file."""

    name: str
    version: Version
    length: int
    sha256: str
    hardware: str
    image_hash: str
    security_counter: int


def version(text: str) -> Version:
    """ "1.1.0+7" as imgtool writes it, or "1.1.0.7" as SMP does. Raises: ImageRejectedError."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ImageRejectedError(f"{text[:40]!r} is not a firmware version", remedy="write it as 1.2.3+4")
    major, minor, revision, build = (int(part or 0) for part in found.groups())
    if major > 0xFF or minor > 0xFF or revision > 0xFFFF or build > 0xFFFFFFFF:
        raise ImageRejectedError(f"the version {text} does not fit an image header", remedy="at most 255.255.65535+4294967295")
    return Version(major=major, minor=minor, revision=revision, build=build)


def is_hardware(text: str) -> bool:
    """Whether `text` may name a hardware: lower letters, digits and hyphens, at most 63."""
    return _HARDWARE.fullmatch(text) is not None


def cart_software(architecture: str, *, wire: int, journal: int) -> str:
    """The hardware that a cart's own program is for: "cart-software-amd64-w1-j3". A release for another format of the wire or of the
    journal is one for other hardware: no cart is told to take it, and none would."""
    return f"{CART_SOFTWARE}-{architecture}-w{wire}-j{journal}"


def is_cart_software(hardware: str) -> bool:
    """Whether what is for this hardware is a cart's own program, and no microcontroller's."""
    return hardware.startswith(f"{CART_SOFTWARE}-")


def longest(hardware: str) -> int:
    """How many bytes an image for it may have."""
    return LONGEST_SOFTWARE_BYTES if is_cart_software(hardware) else LONGEST_BYTES


def read(image: bytes) -> ImageInfo:
    """Raises: ImageRejectedError for anything that is not exactly one whole image."""
    if len(image) > LONGEST_SOFTWARE_BYTES:
        raise _odd("it is longer than any cart takes")
    try:
        magic, _load, header_bytes, protected_bytes, body_bytes, _flags, *numbers, _pad = _HEADER.unpack_from(image)
    except struct.error as exc:
        raise _odd("it is too short") from exc
    if magic != MAGIC:
        raise _odd("it does not begin as an image")
    if header_bytes < _HEADER.size:
        raise _odd("its header is too short")
    place = header_bytes + body_bytes
    protected: dict[int, bytes] = {}
    if protected_bytes:
        protected, end = _records(image, place, _PROTECTED)
        if end != place + protected_bytes:
            raise _odd("its signed records are not as long as its header says")
        place = end
    covered = image[:place]
    others, end = _records(image, place, _UNPROTECTED)
    if end != len(image):
        raise _odd("something follows it")
    if set(others) != {KEY_HASH, SHA256, ED25519}:
        raise _odd("behind its signed records there is more, or less, than its hash, its key and its signature")
    told = others[SHA256]
    if told != hashlib.sha256(covered).digest():
        raise _odd("its content is not what its hash says")
    counter = protected.get(SECURITY_COUNTER)
    if counter is not None and len(counter) != 4:
        raise _odd("its security counter is not four bytes")
    hardware = _hardware(protected.get(HARDWARE))
    if len(image) > longest(hardware or ""):
        raise _odd("it is longer than any microcontroller's memory")
    return ImageInfo(
        version=Version(major=numbers[0], minor=numbers[1], revision=numbers[2], build=numbers[3]),
        hardware=hardware,
        security_counter=None if counter is None else int.from_bytes(counter, "little"),
        image_hash=told.hex(),
        key_hash=others[KEY_HASH].hex(),
        length=len(image),
    )


def content(image: bytes) -> bytes:
    """What was signed, without header and records. Raises: ImageRejectedError."""
    info = read(image)
    _magic, _load, header_bytes, _protected, body_bytes, *_others = _HEADER.unpack_from(image)
    assert info.length == len(image)
    return image[header_bytes : header_bytes + body_bytes]


def target_of(name: str, image: bytes) -> Target:
    """The release that `image` would be. Raises: ImageRejectedError for an image without hardware or security counter."""
    info = read(image)
    if info.hardware is None or info.security_counter is None:
        raise _odd("its signed records name no hardware or no security counter")
    return Target(
        name=_named(name),
        version=info.version,
        length=len(image),
        sha256=hashlib.sha256(image).hexdigest(),
        hardware=info.hardware,
        image_hash=info.image_hash,
        security_counter=info.security_counter,
    )


def told(name: str, length: object, sha256: object, custom: object) -> Target:
    """The release of a list's entry or of a job. Raises: ImageRejectedError for what does not say all of it."""
    given = custom if isinstance(custom, Mapping) else {}
    counter, hardware, image_hash = given.get("security_counter"), given.get("hardware"), given.get("image_hash")
    if not _count(length, longest(str(hardware))) or not _count(counter, 0xFFFFFFFF):
        raise _odd("its entry names no length or no security counter")
    if not isinstance(hardware, str) or not is_hardware(hardware):
        raise _odd("its entry names no hardware")
    for text in (sha256, image_hash):
        if not isinstance(text, str) or not _HEX_SHA256.fullmatch(text):
            raise _odd("its entry names no SHA-256")
    assert isinstance(length, int)
    assert isinstance(counter, int)
    return Target(
        name=_named(name),
        version=version(str(given.get("version"))),
        length=length,
        sha256=str(sha256),
        hardware=hardware,
        image_hash=str(image_hash),
        security_counter=counter,
    )


def custom(target: Target) -> dict[str, object]:
    """What a list's entry says beside length and hash; `told` reads it."""
    return {
        "version": str(target.version),
        "hardware": target.hardware,
        "security_counter": target.security_counter,
        "image_hash": target.image_hash,
    }


def differences(wanted: Target, found: Target) -> tuple[str, ...]:
    """The fields in which two of them differ: () when they are one and the same release."""
    return tuple(name for name in Target.__slots__ if getattr(wanted, name) != getattr(found, name))


def _records(image: bytes, place: int, magic: int) -> tuple[dict[int, bytes], int]:
    """The records of one area by their type, and where it ends."""
    try:
        found_magic, total = _RECORDS.unpack_from(image, place)
    except struct.error as exc:
        raise _odd("it is cut off") from exc
    end = place + total
    if found_magic != magic or end > len(image):
        raise _odd("its records are damaged")
    place += _RECORDS.size
    records: dict[int, bytes] = {}
    while place < end:
        if place + _RECORDS.size > end:
            raise _odd("its records are damaged")
        kind, length = _RECORDS.unpack_from(image, place)
        place += _RECORDS.size
        if kind in records or place + length > end:
            raise _odd("it has a record twice, or one that runs over")
        records[kind] = image[place : place + length]
        place += length
    if place != end:
        raise _odd("its records are damaged")
    return records, end


def _hardware(record: bytes | None) -> str | None:
    if record is None:
        return None
    text = record.decode("ascii", "replace")
    if not is_hardware(text):
        raise _odd("its hardware name is not one")
    return text


def _named(name: str) -> str:
    if not _NAME.fullmatch(name) or ".." in name:
        raise ImageRejectedError(f"{name[:80]!r} cannot name a release", remedy="folder/name, of letters, digits, dots and hyphens")
    return name


def _count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _odd(why: str) -> ImageRejectedError:
    return ImageRejectedError(f"this is not a firmware image that can be used: {why}", remedy="build and sign it again")
