"""Which keys of the server this cart believes: one, or several while the server changes its key (RFC 7517, JWK or JWK Set).

A signature names its key (`kid`); one that names a key which is not here is refused, and so is every algorithm but Ed25519. Must never
take a key from the signature itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"


def keys_from(text: str) -> tuple[OKPKey, ...]:
    """The server's public keys from a JWK or a JWK Set. Raises: ValueError for anything but public Ed25519 keys."""
    plain = json.loads(text)
    held = plain.get("keys") if isinstance(plain, dict) and "keys" in plain else [plain]
    if not isinstance(held, list) or not held:
        raise ValueError("no key")
    keys = []
    for each in held:
        try:
            key = OKPKey.import_key(each)
        except (JoseError, TypeError, AttributeError, KeyError) as exc:
            raise ValueError(f"no Ed25519 key: {exc}") from exc
        if key.is_private or key.as_dict().get("crv") != "Ed25519":
            raise ValueError("not a public Ed25519 key")
        keys.append(key)
    return tuple(keys)


def payload(text: str, keys: Sequence[OKPKey]) -> bytes | None:
    """What one of the keys signed, None for what none of them did."""
    try:
        header = jws.extract_compact(text.encode("ascii")).headers()
        named = header.get("kid")
        for key in keys:
            if named is not None and named != key.thumbprint():
                continue
            try:
                return jws.deserialize_compact(text, key, algorithms=[ALGORITHM]).payload or b""
            except (JoseError, ValueError, TypeError):
                continue
    except (JoseError, ValueError, TypeError, AttributeError):
        return None
    return None
