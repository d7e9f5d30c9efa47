"""Stored verdicts judged again: one of them for an incident's review, a month of them for a change of policy. Reads only.

What cannot be judged is counted and named; a look that ended at its limit says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pointofcare.errors import ConfigError, NotFoundError
from pointofcare.verdict.policy import Policy
from pointofcare.wire import recompute, values
from pointofcare.wire import what_if as core
from pointofcare.wire.recompute import Replayed, StoredVerdict
from pointofcare.wire.what_if import WhatIf
from server.store import reach, verdicts
from server.store.transaction import Transaction
from server.store.verdicts import Unreadable

MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`found` of the verdicts from the first on; `until` None: of all of them, else of those given before that moment."""

    found: WhatIf
    until: datetime | None = None


def what_if(
    tx: Transaction,
    policy: Policy | Callable[[str], Policy],
    since: datetime,
    until: datetime,
    limit: int = MOST,
    *,
    ward: str | None = None,
) -> Asked:
    """Which verdicts given at `since <= at < until` would have been others under `policy` (or that of a ward by its id). At most
    `limit` of them, oldest first, a batch in memory at a time."""
    policy_of = policy if callable(policy) else lambda _ward: policy
    found, after, left = WhatIf(), None, limit
    while left > 0:
        batch, after = verdicts.between(tx, since=since, until=until, ward=ward, after=after, limit=min(verdicts.BATCH, left))
        tx.session.expunge_all()
        left -= len(batch)
        readable = core.ask((each for each in batch if isinstance(each, StoredVerdict)), policy_of)
        broken = {each.record_id: each.why for each in batch if isinstance(each, Unreadable)}
        found = core.joined(found, replace(readable, stored=readable.stored + len(broken), unknown={**readable.unknown, **broken}))
        if after is None:
            return Asked(found=found)
    return Asked(found=found, until=after.at if after is not None else since)


def replay(tx: Transaction, record_id: str, *, kind: str | None = None) -> Replayed:
    """One stored verdict and today's. Raises: NotFoundError."""
    stored = verdicts.get(tx, record_id, kind=kind)
    if stored is None:
        raise NotFoundError(f"verdict {record_id!r} is not known", remedy="it may not have arrived yet", record_id=record_id)
    reach.must_see(tx, stored.ward)
    if isinstance(stored, Unreadable):
        raise NotFoundError(f"verdict {record_id!r}: {stored.why}", remedy="tell support", record_id=record_id)
    return recompute.replay(stored)


def export(tx: Transaction, *, since: datetime, until: datetime, ward: str | None = None) -> Iterator[tuple[bytes, str]]:
    """One line of JSON a verdict, oldest first, with "" or why it is none: that line then holds the record's id alone."""
    for each in verdicts.every(tx, since=since, until=until, ward=ward):
        if isinstance(each, Unreadable):
            yield values.written({"record_id": each.record_id, "kind": each.kind, "unreadable": each.why}), each.why
        else:
            yield values.dump(each), ""


def forget(tx: Transaction, *, before: datetime) -> int:
    """Drops the facts of verdicts given before that moment, as the hospital's time of keeping them is over; how many."""
    count = verdicts.forget(tx, before=before)
    tx.audit("verdict-facts.forget", f"verdicts before {before.isoformat()}", {"count": count})
    return count


def moment(text: str, timezone: str) -> datetime:
    """A day as its first instant in `timezone`, or a moment with its offset. Raises: ConfigError."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, ZoneInfoNotFoundError) as exc:
        raise ConfigError(
            f"{text!r} is no day", remedy="write a day such as 2026-03-01", problems=(("day", f"{text!r}: write 2026-03-01"),)
        ) from exc
