"""A person says what a finding about a drawer was: its task is answered, from the fleet's pages as from the work list."""

from __future__ import annotations

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from server.store import drawer_findings as store
from server.store import reach
from server.store.transaction import Actor, Transaction
from server.usecases import tasks


def close(tx: Transaction, actor: Actor, finding: int, *, revision: int, words: str) -> None:
    """A person says what it was. Raises: NotPermittedError, NotFoundError, ConflictError (closed already), TextMissingError."""
    found = store.get(tx, finding)
    if found is None:
        raise NotFoundError(f"finding {finding} does not exist", remedy="look at the list again", finding=finding)
    if not reach.sees(tx, found.ward):
        raise NotPermittedError("this cart is of a ward to which you do not belong", remedy="ask its charge nurse", ward=found.ward)
    if found.task is None or not found.is_open:
        raise ConflictError("this was closed already", remedy="look at the list again", finding=finding)
    tasks.answer(tx, actor, found.task, revision=revision, code="explain", words=words)
