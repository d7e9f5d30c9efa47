"""The two image slots and the bootloader of the simulated microcontroller: MCUboot's swap with test, confirm and revert.

It reads images by itself (header and records by hand) and checks their signature with the key that it was made with, so that the
bridge is not checked by its own code. Everything lies in files, as in flash: a power cut in the middle of a swap is finished by the
next start. Without a key it takes whatever is whole, as the development boards do.

Source: MCUboot design document, "Image swap"; Zephyr's image management group of MCUmgr.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SLOT_BYTES = 0x20000
_HEADER = struct.Struct("<IIHHIIBBHII")
_MAGIC = 0x96F3B83D
_EINVAL, _EUNKNOWN, _EBADSTATE = 3, 1, 6
_COUNTER, _SHA256, _SIGNATURE, _KEYHASH = 0x50, 0x10, 0x24, 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    version: str
    hash: bytes
    counter: int
    signed_digest: bytes
    signature: bytes


@dataclass(slots=True, kw_only=True)
class _Flash:
    slots: list[bytes] = field(default_factory=lambda: [b"", b""])
    pending: str = ""  # "", "test" or "permanent": of what lies in the second slot
    confirmed: bool = True
    swapping: bool = False
    counter: int = 0


class Bootloader:
    """`folder` None: nothing outlives this object. `key` None: signatures are not checked. `first` runs when the flash is empty."""

    def __init__(self, folder: Path | None = None, *, key: Ed25519PublicKey | None = None, first: bytes = b"") -> None:
        self._file = folder / "flash.json" if folder is not None else None
        self._key = key
        self._flash = self._read() or _Flash()
        if not self._flash.slots[0]:
            self._flash.slots[0] = first or plain_image("1.0.0.0")
            self._write()
        self._arriving = b""
        self._expected: tuple[int, bytes] | None = None
        self.refused: list[str] = []

    @property
    def version(self) -> str:
        found = _parsed(self._flash.slots[0])
        return found.version if found is not None else "0.0.0.0"

    @property
    def running_hash(self) -> str:
        found = _parsed(self._flash.slots[0])
        return found.hash.hex() if found is not None else ""

    def boot(self, *, cut: bool = False) -> bool:
        """A start. With `cut` the power fails in the middle of a swap; whether it did."""
        flash = self._flash
        self._arriving, self._expected = b"", None
        if flash.swapping:
            self._swap()
        elif flash.pending:
            if self._fault(flash.slots[1]):
                self.refused.append(self._fault(flash.slots[1]))
                flash.slots[1], flash.pending = b"", ""  # as MCUboot does: what it refuses, it erases
            else:
                flash.swapping = True
                self._write()
                if cut:
                    return True
                self._swap()
        elif not flash.confirmed:  # on trial, and nobody confirmed it: back
            flash.slots.reverse()
            flash.confirmed = True
        self._write()
        return False

    def answer(self, command: int, body: dict[str, Any], *, writes: bool) -> dict[str, Any]:
        """What it says to a request of the image group: 0 states, 1 upload, 5 erase."""
        if command == 0:
            return self._set_state(body) if writes else self._states()
        if command == 1 and writes:
            return self._upload(body)
        if command == 5 and writes:
            return self._erase(body)
        return {"rc": 8}

    def _states(self) -> dict[str, Any]:
        told = []
        for number, content in enumerate(self._flash.slots):
            found = _parsed(content)
            if found is None:
                continue
            told.append(
                {
                    "slot": number,
                    "version": found.version,
                    "hash": found.hash,
                    "bootable": True,
                    "pending": number == 1 and bool(self._flash.pending),
                    "confirmed": number == 0 and self._flash.confirmed,
                    "active": number == 0,
                    "permanent": number == 1 and self._flash.pending == "permanent",
                }
            )
        return {"images": told, "splitStatus": 0}

    def _set_state(self, body: dict[str, Any]) -> dict[str, Any]:
        confirm, wanted = body.get("confirm", False) is True, body.get("hash")
        running, other = (_parsed(content) for content in self._flash.slots)
        if wanted is None or (running is not None and wanted == running.hash):
            if not confirm:
                return {"rc": _EINVAL}
            self._flash.confirmed = True
            if running is not None:
                self._flash.counter = max(self._flash.counter, running.counter)
        elif other is not None and wanted == other.hash:
            if not self._flash.confirmed:
                return {"rc": _EBADSTATE}  # the one on trial would be what a revert goes back to
            self._flash.pending = "permanent" if confirm else "test"
        else:
            return {"rc": _EINVAL}
        self._write()
        return self._states()

    def _upload(self, body: dict[str, Any]) -> dict[str, Any]:
        offset, data = body.get("off"), body.get("data", b"")
        if not isinstance(offset, int) or offset < 0 or not isinstance(data, bytes):
            return {"rc": _EINVAL}
        if offset == 0:
            length, sha = body.get("len"), body.get("sha", b"")
            if not isinstance(length, int) or not 0 < length <= SLOT_BYTES or not isinstance(sha, bytes):
                return {"rc": _EINVAL}
            if self._flash.pending or not self._flash.confirmed:
                return {"rc": _EBADSTATE}  # the second slot is needed as it is
            if self._expected == (length, sha) and sha and self._arriving:
                return {"off": len(self._arriving)}
            self._flash.slots[1] = b""
            self._write()
            self._arriving, self._expected = b"", (length, sha)
        if self._expected is None:
            return {"rc": _EINVAL}
        if offset != len(self._arriving):
            return {"off": len(self._arriving)}
        length, sha = self._expected
        self._arriving += data
        if len(self._arriving) < length:
            return {"off": len(self._arriving)}
        whole, self._arriving, self._expected = self._arriving[:length], b"", None
        matches = not sha or hashlib.sha256(whole).digest() == sha
        self._flash.slots[1] = whole
        self._write()
        return {"off": length, "match": matches}

    def _erase(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("slot", 1) != 1:
            return {"rc": _EINVAL}
        if self._flash.pending or not self._flash.confirmed:
            return {"rc": _EBADSTATE}
        self._flash.slots[1] = b""
        self._arriving, self._expected = b"", None
        self._write()
        return {}

    def _swap(self) -> None:
        flash = self._flash
        flash.slots.reverse()
        flash.confirmed = flash.pending == "permanent"
        flash.pending, flash.swapping = "", False

    def _fault(self, content: bytes) -> str:
        """Why it is not started, "" when it is."""
        found = _parsed(content)
        if found is None:
            return "not an image"
        if hashlib.sha256(found.signed_digest).digest() != found.hash:
            return "its hash is wrong"
        if found.counter < self._flash.counter:
            return "its security counter is too low"
        if self._key is None:
            return ""
        try:
            self._key.verify(found.signature, found.hash)
        except InvalidSignature:
            return "its signature is not of the key"
        return ""

    def _read(self) -> _Flash | None:
        if self._file is None or not self._file.exists():
            return None
        told = json.loads(self._file.read_text(encoding="ascii"))
        slots = [base64.b64decode(each) for each in told.pop("slots")]
        return _Flash(slots=slots, **told)

    def _write(self) -> None:
        if self._file is None:
            return
        flash = self._flash
        told = {
            "slots": [base64.b64encode(each).decode() for each in flash.slots],
            "pending": flash.pending,
            "confirmed": flash.confirmed,
            "swapping": flash.swapping,
            "counter": flash.counter,
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(told), encoding="ascii")
        os.replace(fresh, self._file)


def load_key(path: Path) -> Ed25519PublicKey:
    """The public key that the bootloader was built with, of a PEM file. Raises: OSError, ValueError."""
    key = serialization.load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path} is not an Ed25519 key")
    return key


def plain_image(version: str, *, body: bytes = b"\x00" * 64) -> bytes:
    """An image that nobody signed: what a board has before its first update. `version` as "1.0.0.0"."""
    major, minor, revision, build = (int(part) for part in version.split("."))
    head = _HEADER.pack(_MAGIC, 0, _HEADER.size, 0, len(body), 0, major, minor, revision, build, 0)
    digest = hashlib.sha256(head + body).digest()
    return head + body + struct.pack("<HHHH", 0x6907, 4 + 4 + 32, _SHA256, 32) + digest


def _parsed(content: bytes) -> _Image | None:
    """None for what is no image."""
    try:
        magic, _load, head, protected, size, _flags, major, minor, revision, build, _pad = _HEADER.unpack_from(content)
        if magic != _MAGIC:
            return None
        end = head + size + protected
        signed = dict(_tlvs(content, head + size, 0x6908)) if protected else {}
        others = dict(_tlvs(content, end, 0x6907))
        return _Image(
            version=f"{major}.{minor}.{revision}.{build}",
            hash=others[_SHA256],
            counter=int.from_bytes(signed.get(_COUNTER, b""), "little"),
            signed_digest=content[:end],
            signature=others.get(_SIGNATURE, b""),
        )
    except (struct.error, KeyError, ValueError, binascii.Error):
        return None


def _tlvs(content: bytes, place: int, magic: int) -> list[tuple[int, bytes]]:
    found, total = struct.unpack_from("<HH", content, place)
    if found != magic:
        raise ValueError("no records here")
    end, place = place + total, place + 4
    records = []
    while place < end:
        kind, length = struct.unpack_from("<HH", content, place)
        records.append((kind, content[place + 4 : place + 4 + length]))
        place += 4 + length
    return records
