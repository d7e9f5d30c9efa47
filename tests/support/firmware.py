"""A firmware repository with its people: keys on media of their own, images, drafts carried to each who must sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.firmware import image, releases
from server.firmware import drafts, keys, repository
from server.firmware.repository import Repository

PASSPHRASE = "a heron counts the boats at noon"
HARDWARE = "cart-mcu-r2"
ROOTS = ("root-an", "root-binh", "root-chi")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A facility's signers. `folder` holds each one's medium; `held` is the server's repository."""

    folder: Path
    held: Repository

    @property
    def stick(self) -> Path:
        return self.folder / "stick"

    def key(self, name: str) -> Path:
        """The .key of that person, drawn when it is first asked for."""
        path = self.folder / name / f"{name}.key"
        if not path.exists():
            keys.draw(path.parent, name, PASSPHRASE)
        return path

    def public(self, name: str) -> Path:
        return self.key(name).with_suffix(".pub")

    def image_key(self) -> Ed25519PrivateKey:
        return keys.load_private(self.key("image-1"), PASSPHRASE)

    def trusted(self) -> image.ImageKeys:
        return image.ImageKeys([self.image_key().public_key()])

    def image(self, version: str, *, hardware: str = HARDWARE, key: Ed25519PrivateKey | None = None, size: int = 3000) -> bytes:
        content = (version.encode() * size)[:size]
        return image.sign(content, key or self.image_key(), version=version, hardware=hardware)

    def sign(self, *names: str) -> None:
        for name in names:
            drafts.sign(self.stick, keys.load(self.key(name), PASSPHRASE))

    def ceremony(self, *, at: datetime | None = None, roots: Sequence[str] = ROOTS) -> None:
        moment = at or repository.now()
        drafts.ceremony(
            self.held,
            self.stick,
            roots=[self.public(name) for name in roots],
            threshold=2,
            targets=self.public("targets-1"),
            firmware_role=self.public("firmware-1"),
            image_key=self.key("image-1").with_suffix(".pem"),
            at=moment,
        )
        self.sign(roots[0], roots[1], "targets-1", "firmware-1")
        drafts.publish(self.held, self.stick, at=moment)

    def release(self, content: bytes, *, version: str, at: datetime | None = None) -> str:
        """Its name in the repository, where carts then find it."""
        moment = at or repository.now()
        name = f"cart-mcu/{HARDWARE}-{version.replace('+', '-')}.bin"
        drafts.release(self.held, self.stick, content, name=name, notes="", at=moment)
        self.sign("firmware-1")
        drafts.publish(self.held, self.stick, at=moment)
        return name

    def source(self, cache: Path, *, root: bytes | None = None) -> releases.Source:
        """As a cart sees it, without the network."""
        generation = self.held.generation
        assert generation is not None
        return releases.folder(generation / "metadata", self.held.targets, root=root or self.held.first_root(), cache=cache)


def people(folder: Path) -> People:
    return People(folder=folder, held=Repository(folder / "firmware"))
