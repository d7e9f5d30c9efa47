"""The key by which this server proves to the EMR who it is, without a secret that both hold: EC P-384 (ES384) or RSA (RS384).

The private key lies in a file that only the server's user may read, as JWK or PEM; the EMR gets the public half, as a JWKS.
Must never print or return a private part.
Source: SMART App Launch 2, Client Authentication: Asymmetric (RFC 7517, RFC 7523).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from pointofcare.errors import ConfigError

_SETTING = "emr.token_key"
_LEAST_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """`id` is the key's thumbprint (RFC 7638): the `kid` in the JWKS and in each assertion."""

    key: ECKey | RSAKey = field(repr=False)
    algorithm: str

    @property
    def id(self) -> str:
        return str(self.key.thumbprint())


def draw(path: Path) -> TokenKey:
    """A new EC P-384 key in `path`, readable by its owner only. Raises: ConfigError when the file exists or cannot be written."""
    content = json.dumps(ECKey.generate_key("P-384").as_dict(private=True))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise ConfigError(f"the key cannot be written to {path}: {exc.strerror}", problems=((_SETTING, str(exc)),)) from exc
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return load(path)


def load(path: Path) -> TokenKey:
    """Raises: ConfigError when there is no usable private key, or others may read it."""
    draw_one = "draw one with: pointofcare-server emr new-key"
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the key {path} cannot be read: {exc}", problems=((_SETTING, draw_one),), remedy=draw_one) from exc
    if mode & 0o077:
        raise ConfigError(f"others may read the key {path}", problems=((_SETTING, f"run: chmod 600 {path}"),))
    found = _imported(text)
    if found is None or not found.is_private:
        raise ConfigError(f"{path} holds no private EC P-384 or RSA key (JWK or PEM)", problems=((_SETTING, draw_one),))
    if isinstance(found, RSAKey):
        if found.raw_value.key_size < _LEAST_BITS:
            raise ConfigError(f"the RSA key {path} has fewer than {_LEAST_BITS} bits", problems=((_SETTING, draw_one),))
        return TokenKey(key=found, algorithm="RS384")
    if found.as_dict().get("crv") != "P-384":
        raise ConfigError(f"the key {path} is not of the curve P-384, which ES384 wants", problems=((_SETTING, draw_one),))
    return TokenKey(key=found, algorithm="ES384")


def _imported(text: str) -> ECKey | RSAKey | None:
    try:
        given = json.loads(text) if text.lstrip().startswith("{") else text
    except ValueError:
        return None
    for kind in (ECKey, RSAKey):
        try:
            found: ECKey | RSAKey = kind.import_key(given)
        except (ValueError, TypeError, KeyError, JoseError):
            continue
        return found
    return None


def public_jwks(keys: Iterable[TokenKey]) -> str:
    """What the EMR is given: the public halves only."""
    listed = [{**one.key.as_dict(private=False), "kid": one.id, "use": "sig", "alg": one.algorithm, "key_ops": ["verify"]} for one in keys]
    return json.dumps({"keys": listed}, indent=2) + "\n"
