"""The signature on the tables that carts work from: JWS compact, Ed25519 (RFC 7515, RFC 8037, RFC 9864).

The private key lies in a file that only the server's user may read; carts hold the public one. What is signed, byte for byte, is
`pointofcare.wire.tables.claims`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from pointofcare.errors import ConfigError
from pointofcare.wire import tables
from pointofcare.wire.messages import TableIssued
from pointofcare.wire.tables import Table

ALGORITHM = "Ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """Each facility draws its own, so that one hospital's table is worth nothing in another."""

    key: OKPKey

    @property
    def id(self) -> str:
        return str(self.key.thumbprint())


def generate(path: Path) -> None:
    """Draws a key into `path`, readable by its owner only. Raises: ConfigError when the file exists or cannot be written."""
    content = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise ConfigError(f"the signing key cannot be written to {path}: {exc.strerror}", problems=(("signing_key", str(exc)),)) from exc
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> SigningKey:
    """Raises: ConfigError when there is no usable private key, or others may read it."""
    try:
        mode = path.stat().st_mode
        found = OKPKey.import_key(json.loads(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise ConfigError(
            f"the signing key {path} cannot be read: {exc.strerror}",
            problems=(("signing_key", "draw one with: pointofcare-server init"),),
            remedy="draw one with: pointofcare-server init",
        ) from exc
    except (ValueError, KeyError, JoseError) as exc:
        raise ConfigError(f"{path} does not hold a key", problems=(("signing_key", "restore it from the backup"),)) from exc
    if not found.is_private or found.as_dict().get("crv") != "Ed25519":
        raise ConfigError(f"{path} does not hold a private Ed25519 key", problems=(("signing_key", "restore it from the backup"),))
    if mode & 0o077:
        raise ConfigError(f"others may read the signing key {path}", problems=(("signing_key", f"run: chmod 600 {path}"),))
    return SigningKey(key=found)


def load_or_generate(path: Path) -> SigningKey:
    """Raises: ConfigError."""
    if not path.exists():
        generate(path)
    return load(path)


def public_jwk(key: SigningKey) -> str:
    """What the carts get, as JSON."""
    return json.dumps({**key.key.as_dict(private=False), "kid": key.id, "alg": ALGORITHM, "use": "sig"}, indent=2) + "\n"


def sign(key: SigningKey, table: Table) -> TableIssued:
    """Raises: MessageError for a table that the wire cannot carry."""
    return sign_written(key, table, tables.claims(table))


def sign_written(key: SigningKey, table: Table, claims: bytes) -> TableIssued:
    """As `sign`; `claims` are those of `table`."""
    signed = jws.serialize_compact({"alg": ALGORITHM, "kid": key.id}, claims, key.key, algorithms=[ALGORITHM])
    return TableIssued(kind=table.kind, ward=table.ward, version=table.version, jws=signed)


def sign_order(key: SigningKey, kind: str, claims: bytes) -> str:
    """A compact JWS of `kind` ("cart-config", "cart-job") over what one cart is told to do. `kind` is its `typ`, so that one is never
    taken for the other."""
    header = {"alg": ALGORITHM, "kid": key.id, "typ": kind}
    return jws.serialize_compact(header, claims, key.key, algorithms=[ALGORITHM])
