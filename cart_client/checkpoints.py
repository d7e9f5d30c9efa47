"""The server's audit log as this cart saw it: the signed checkpoints that it was told, which the server cannot take back.

A cart that returns them is the witness against a log that was cut off or written anew. Must never keep what the server's key did not
sign, and never let many new ones push the old ones out: those are the witness against whoever has the server and its key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

TYPE = "audit-checkpoint"
# The first of each minute of the newest sixty, of each hour of the newest day, of each day of the newest year.
MINUTES, HOURS, DAYS = 60, 24, 366
OLDEST = 10


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


def kept(rows: Sequence[tuple[int, datetime]]) -> frozenset[int]:
    """Which of `rows` (number, when it came; in the order of arrival) stay: the newest, the oldest few, and of each minute, hour and
    day the one that came first, so that a flood takes one place of each and no more. Counted by arrival: a clock that is set forward
    throws nothing away that a count would keep."""
    firsts: tuple[dict[str, int], ...] = ({}, {}, {})
    for number, at in rows:
        for found, form in zip(firsts, ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d"), strict=True):
            found.setdefault(at.strftime(form), number)
    chosen = {number for number, _ in (*rows[-1:], *rows[:OLDEST])}
    for found, most in zip(firsts, (MINUTES, HOURS, DAYS), strict=True):
        chosen.update(sorted(found.values())[-most:])
    return frozenset(chosen)
