"""Signing keys: those that people keep, encrypted and on media of their own, and the two that the server signs its lists with.

A key is three files: NAME.key is secret, NAME.pub is its public half with its name (for the repository), NAME.pem the same for a
bootloader. No passphrase and no secret key ever leaves this module but as a signer.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from pointofcare.errors import ConfigError

SHORTEST_PASSPHRASE = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}", re.ASCII)
_NAME_FIELD = "x-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The files of a new key."""

    secret: Path
    public: Path
    pem: Path


def draw(folder: Path, name: str, passphrase: str) -> Drawn:
    """A new key in `folder`, its secret half encrypted. Raises: ConfigError when the name or the passphrase will not do, or a file
    is there already."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a key", remedy="lower letters, digits and hyphens, such as root-alice")
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ConfigError("the passphrase is too short", remedy=f"at least {SHORTEST_PASSPHRASE} characters: several words")
    return _write(folder, name, serialization.BestAvailableEncryption(passphrase.encode()))


def draw_online(folder: Path, role: str) -> Key:
    """A new key for the server itself, readable by its user only. Raises: ConfigError."""
    taken = {path.stem for path in folder.glob(f"{role}-*.key")}
    number = next(number for number in range(1, 10_000) if f"{role}-{number}" not in taken)
    return load_public(_write(folder, f"{role}-{number}", serialization.NoEncryption()).public)


def online(folder: Path) -> dict[str, CryptoSigner]:
    """The server's own signers by key id. Raises: ConfigError."""
    return {signer.public_key.keyid: signer for signer in (load(path, "") for path in sorted(folder.glob("*.key")))}


def load(path: Path, passphrase: str) -> CryptoSigner:
    """Raises: ConfigError for what is not a key, or a passphrase that does not open it."""
    key = load_private(path, passphrase)
    signer = CryptoSigner(key)
    named = path.with_suffix(".pub")
    if named.exists():
        public = load_public(named)
        if public.keyid != signer.public_key.keyid:
            raise ConfigError(f"{named} is not the public half of {path}", remedy="put both back as they were drawn")
        signer = CryptoSigner(key, public if isinstance(public, SSlibKey) else None)
    return signer


def load_private(path: Path, passphrase: str) -> Ed25519PrivateKey:
    """Raises: ConfigError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode() or None)
    except OSError as exc:
        raise ConfigError(f"the key {path} cannot be read: {exc.strerror}", remedy="put in the medium that it lies on") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError(f"{path} is not opened by this passphrase", remedy="type it again; it cannot be recovered") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} is not an Ed25519 key", remedy="draw one: pointofcare-server firmware new-key")
    return key


def load_public(path: Path) -> Key:
    """The public key in a .pub file, with its name. Raises: ConfigError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        key = SSlibKey.from_dict(str(told["keyid"]), dict(told["key"]))
        again = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"])))
    except OSError as exc:
        raise ConfigError(f"the public key {path} cannot be read: {exc.strerror}", remedy="give the .pub file of the key") from exc
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UnsupportedAlgorithm) as exc:
        raise ConfigError(f"{path} is not a public key", remedy="give the .pub file of the key") from exc
    if key.keytype != "ed25519" or again.keyid != key.keyid:
        raise ConfigError(f"{path} is not a public Ed25519 key with its own id", remedy="give the .pub file of the key")
    return key


def name_of(key: Key) -> str:
    """What its owner calls it, or the beginning of its id."""
    found = key.unrecognized_fields.get(_NAME_FIELD)
    return found if isinstance(found, str) and _NAME.fullmatch(found) else key.keyid[:12]


def _write(folder: Path, name: str, encryption: serialization.KeySerializationEncryption) -> Drawn:
    secret = Ed25519PrivateKey.generate()
    public = SSlibKey.from_crypto(secret.public_key())
    public.unrecognized_fields[_NAME_FIELD] = name
    drawn = Drawn(secret=folder / f"{name}.key", public=folder / f"{name}.pub", pem=folder / f"{name}.pem")
    told: dict[str, Any] = {"name": name, "keyid": public.keyid, "key": public.to_dict()}
    pem = secret.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (drawn.secret, drawn.public, drawn.pem):
            if path.exists():
                raise ConfigError(f"{path} is there already", remedy="name the new key otherwise: a key is never written over")
        # The public halves first: a secret one without them would be a key that nobody can name.
        _new(drawn.public, (json.dumps(told, indent=1) + "\n").encode(), 0o644)
        _new(drawn.pem, pem, 0o644)
        encoded = secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        _new(drawn.secret, encoded, 0o600)
    except OSError as exc:
        raise ConfigError(f"the key cannot be written to {folder}: {exc.strerror}", remedy="check the medium") from exc
    return drawn


def _new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
