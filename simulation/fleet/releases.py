"""Firmware to practise with: a facility's keys, its ceremony and two releases for each hardware, signed as in care.

Each cart's microcontroller is simulated, and so is what the images hold: bytes that only their signatures make firmware. The keys lie in
the training folder, which no hospital's keys ever do.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from devices.firmware import image
from server.firmware import drafts, keys, repository
from server.firmware.repository import Repository
from simulation.fleet.roster import HARDWARE

# The one that a scenario may make fail, and the one that mends it.
VERSIONS = (("1.2.0+9", "Quieter locks. (In some scenarios it fails.)"), ("1.2.1+10", "Mends 1.2.0."))
_ROOTS = ("root-an", "root-binh", "root-chi")
_IMAGE_BYTES = 24_000


def prepare(directory: Path) -> None:
    """Once for a folder; a second call changes nothing. Raises: FirmwareError, ConfigError."""
    held = Repository(directory / "firmware")
    if held.generation is not None:
        return
    media = directory / "firmware-keys"
    passphrase = _passphrase(media / "passphrase")

    def key(name: str) -> Path:
        path = media / name / f"{name}.key"
        if not path.exists():
            keys.draw(path.parent, name, passphrase)
        return path

    def sign(stick: Path, *names: str) -> None:
        for name in names:
            drafts.sign(stick, keys.load(key(name), passphrase))

    stick = media / "stick-ceremony"
    drafts.ceremony(
        held,
        stick,
        roots=[key(name).with_suffix(".pub") for name in _ROOTS],
        threshold=2,
        targets=key("targets-1").with_suffix(".pub"),
        firmware_role=key("firmware-1").with_suffix(".pub"),
        image_key=key("image-1").with_suffix(".pem"),
        at=repository.now(),
    )
    sign(stick, _ROOTS[0], _ROOTS[1], "targets-1", "firmware-1")
    drafts.publish(held, stick, at=repository.now())
    signer = keys.load_private(key("image-1"), passphrase)
    for version, notes in VERSIONS:
        for hardware in HARDWARE:
            content = image.sign(_content(version, hardware), signer, version=version, hardware=hardware)
            name = f"cart-mcu/{hardware}-{version.replace('+', '-')}.bin"
            stick = media / f"stick-{hardware}-{version.replace('+', '-')}"
            drafts.release(held, stick, content, name=name, notes=notes, at=repository.now())
            sign(stick, "firmware-1")
            drafts.publish(held, stick, at=repository.now())


def _content(version: str, hardware: str) -> bytes:
    line = f"{hardware} {version}: a simulated microcontroller runs nothing of this. ".encode()
    return (line * (_IMAGE_BYTES // len(line) + 1))[:_IMAGE_BYTES]


def _passphrase(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24), encoding="ascii")
    return path.read_text(encoding="ascii")
