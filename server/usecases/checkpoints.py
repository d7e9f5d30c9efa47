"""What carts kept of the audit log, held against the log: one that does not fit means that it was cut off or written anew.

The comparison is bounded: sizes and roots of the checkpoints that are here, and whether the log still reaches that far. Whether each
entry is what was sealed is what `audit verify` proves.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from server.store import audit_log, discrepancies
from server.store.discrepancies import Discrepancy
from server.store.transaction import Transaction

_log = logging.getLogger(__name__)
CODE = "audit-log-differs"
MOST_READ = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """`why`: unsigned (our key did not sign it), cut-off (the log is shorter), rewritten (another root at this size)."""

    size: int
    root: str
    why: str
    said_at: str = ""


def misfits(tx: Transaction, kept: Iterable[str], key: OKPKey) -> tuple[Misfit, ...]:
    """Of at most `MOST_READ` statements those that the log does not bear out, smallest first. Two statements."""
    told = [_read(text, key, tx.facility) for text in list(kept)[:MOST_READ]]
    reach = audit_log.reach(tx)
    known = audit_log.roots(tx, {one.size for one in told})
    found = []
    for one in told:
        if one.why:
            found.append(one)
        elif one.size > reach:
            found.append(Misfit(size=one.size, root=one.root, why="cut-off", said_at=one.said_at))
        elif known.get(one.size) != one.root:
            found.append(Misfit(size=one.size, root=one.root, why="rewritten", said_at=one.said_at))
    return tuple(sorted(found, key=lambda one: (one.size, one.root)))


def compare(tx: Transaction, cart: str, kept: Iterable[str], key: OKPKey) -> tuple[Misfit, ...]:
    """Raises an alarm for the first that does not fit: a discrepancy that people settle, an audit row, a line in the log of faults.
    The same one again raises none."""
    found = misfits(tx, kept, key)
    if not found:
        return ()
    first = found[0]
    name = f"audit-checkpoint-{first.size}-{first.root[:8]}"
    if not any(one.code == CODE for one in discrepancies.of_record(tx, name)):
        detail = {"cart": cart, "why": first.why, "size": first.size, "root": first.root, "said_at": first.said_at, "count": len(found)}
        discrepancies.raise_all(tx, (Discrepancy(code=CODE, record_id=name, detail=detail),))
        tx.audit("audit.alarm", f"audit/checkpoint/{first.size}", detail)
        _log.critical("the audit log does not fit checkpoint %s that cart %s kept: %s", first.size, cart, first.why)
    return found


def _read(text: str, key: OKPKey, facility: str) -> Misfit:
    """As a misfit without a reason where it is sound so far."""
    try:
        signed = jws.deserialize_compact(text, key, algorithms=["Ed25519"])
        plain = json.loads(signed.payload)
        size, root = int(plain["size"]), str(plain["root"])[:64]
        at = datetime.fromisoformat(str(plain["at"])).astimezone(UTC).isoformat()
        is_ours = signed.headers().get("typ") == "audit-checkpoint" and plain["facility"] == facility and 0 < size < 2**53
    except (JoseError, ValueError, KeyError, TypeError):
        return Misfit(size=0, root="", why="unsigned")
    return Misfit(size=size if is_ours else 0, root=root, why="" if is_ours else "unsigned", said_at=at)
