"""Signed images: made, signed and checked with MCUboot's own tool.

A check without a key only compares a hash that anybody can write, so a key is not something that can be left out here. What the
tool accepts is read once more by `pointofcare.firmware`, which refuses what has two answers.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from imgtool import image as mcuboot
from imgtool import keys
from imgtool import version as numbers

from pointofcare import firmware
from pointofcare.errors import ConfigError, ImageRejectedError
from pointofcare.firmware import ImageInfo

HEADER_BYTES = 0x200
SLOT_BYTES = 0x20000
ALIGN_BYTES = 4
_END_OF_PEM = "-----END PUBLIC KEY-----"


class ImageKeys:
    """The public halves of the keys that may have signed an image: one, or two while a key is changed. Never none."""

    def __init__(self, held: Sequence[Ed25519PublicKey]) -> None:
        """Raises: ConfigError for no key."""
        if not held:
            raise ConfigError("there is no key to check firmware with", remedy="name the file with the public image key")
        self._held = tuple(held)

    def __iter__(self):  # type: ignore[no-untyped-def] # of imgtool's own class, which has no types
        return (keys.Ed25519Public(each) for each in self._held)


def load_keys(path: Path) -> ImageKeys:
    """The public keys in a PEM file. Raises: ConfigError for a file without a public Ed25519 key, or with anything else in it."""
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the image key {path} cannot be read: {exc}", remedy="export it: pointofcare-server firmware new-key") from exc
    held = []
    for part in text.split(_END_OF_PEM)[:-1]:
        try:
            key = serialization.load_pem_public_key((part + _END_OF_PEM + "\n").encode())
        except (ValueError, UnsupportedAlgorithm) as exc:
            raise ConfigError(f"{path} holds something that is not a public key", remedy="give the public half, a .pem file") from exc
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError(f"{path} holds a key that is not Ed25519", remedy="draw one: pointofcare-server firmware new-key")
        held.append(key)
    return ImageKeys(held)


def sign(
    content: bytes,
    key: Ed25519PrivateKey,
    *,
    version: str,
    hardware: str,
    security_counter: int | None = None,
    slot_bytes: int = SLOT_BYTES,
    align_bytes: int = ALIGN_BYTES,
) -> bytes:
    """A signed image of the raw `content` (no header in it yet). Without `security_counter` it follows from the version.

    Raises: ImageRejectedError when it does not fit the slot, or a value cannot stand in an image."""
    told = firmware.version(version)
    if not firmware.is_hardware(hardware):
        raise ImageRejectedError(f"{hardware!r} cannot name a hardware", remedy="lower letters, digits and hyphens, at most 63")
    if security_counter is not None and not 0 <= security_counter <= 0xFFFFFFFF:
        raise ImageRejectedError("a security counter is a number of 32 bits", remedy="0 to 4294967295")
    if not content:
        raise ImageRejectedError("there is no code to sign", remedy="name the raw binary of the build")
    made = mcuboot.Image(
        version=numbers.decode_version(str(told)),
        header_size=HEADER_BYTES,
        pad_header=True,
        align=align_bytes,
        slot_size=slot_bytes,
        security_counter="auto" if security_counter is None else security_counter,
    )
    with tempfile.TemporaryDirectory() as folder:
        raw, out = Path(folder) / "raw.bin", Path(folder) / "signed.bin"
        raw.write_bytes(content)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                made.load(str(raw))
                made.create(keys.Ed25519(key), "hash", None, custom_tlvs={firmware.HARDWARE: hardware.encode("ascii")})
                made.save(str(out))
        except (click.UsageError, ValueError, struct.error, OverflowError) as exc:
            raise ImageRejectedError(f"the image cannot be made: {exc}", remedy="look at its size and the size of the slot") from exc
        signed = out.read_bytes()
    found = verify(signed, ImageKeys([key.public_key()]))
    if (found.version, found.hardware) != (told, hardware):
        raise ImageRejectedError("the image that was made does not say what it should", remedy="report this as a fault")
    return signed


def verify(image: bytes, trusted: ImageKeys) -> ImageInfo:
    """What the image says of itself, once one of `trusted` is known to have signed it. Raises: ImageRejectedError."""
    if not isinstance(trusted, ImageKeys):
        raise TypeError("a check without a key is no check")
    info = firmware.read(image)
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(image)
        file.flush()
        for key in trusted:
            if hashlib.sha256(key.get_public_bytes()).hexdigest() != info.key_hash:
                continue  # the bootloader looks for its key by this hash, which no signature covers
            try:
                result, _version, digest, _signature = mcuboot.Image.verify(file.name, key)
            except (struct.error, IndexError, ValueError, TypeError, KeyError, click.UsageError):
                continue
            # `digest` is None where the tool was talked into another way of signing, which covers the hash record with nothing.
            if result is mcuboot.VerifyResult.OK and digest is not None and digest.hex() == info.image_hash:
                return info
    raise ImageRejectedError("no key that is trusted here signed this firmware image", remedy="sign it with the image key")
