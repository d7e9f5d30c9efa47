"""The server's audit log as this cart saw it: the signed checkpoints that it was told, which the server cannot take back.

A cart that returns them is the witness against a log that was cut off or written anew. Must never keep what the server's key did not
sign, so that nobody floods the true ones out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

TYPE = "audit-checkpoint"
MOST_KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The first `size` entries of the log have the Merkle root `root` (hex)."""

    size: int
    root: str
    jws: str


def read(text: str, key: OKPKey, *, facility: str) -> Statement | None:
    """None for what is not a checkpoint of this facility under the server's key."""
    try:
        signed = jws.deserialize_compact(text, key, algorithms=["Ed25519"])
        plain = json.loads(signed.payload)
        if signed.headers().get("typ") != TYPE or plain["facility"] != facility or int(plain["size"]) < 1:
            return None
        return Statement(size=int(plain["size"]), root=str(plain["root"]), jws=text)
    except (JoseError, ValueError, KeyError, TypeError):
        return None
