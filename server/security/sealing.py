"""Sealing the audit: a batch of entries, one signed statement of what the log was.

One thread does it beside the gateway or the pages. Whoever keeps a statement can later tell that the log before it was not changed
or cut off; so the carts keep them, and an administrator can print them. Must never hold up a commit.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC
from pathlib import Path

from joserfc import jws

from server.security import audit_check
from server.security.signing import ALGORITHM, SigningKey
from server.store import audit_log
from server.store.audit_log import Checkpoint
from server.store.transaction import Actor, Transaction, reading, transaction

_log = logging.getLogger(__name__)
ACTOR = Actor(id="sealer", name="Audit sealer")
TYPE = "audit-checkpoint"
BATCH = 250
EVERY_S = 60.0
# So many times as long as a batch took, the thread rests before the next one of many: doses need the processor too.
RESTS = 4.0


def seal(tx: Transaction, key: SigningKey, *, limit: int = BATCH) -> Checkpoint | None:
    """Seals the oldest unsealed entries; None when there are none."""
    found = audit_log.unsealed(tx, limit=limit)
    if not found:
        return None
    last = audit_log.latest(tx)
    before = audit_log.frontier(tx, last.size if last is not None else 0)
    grown = before.grown(audit_log.merkle.leaf_hash(one.entry) for one in found)
    root = grown.root().hex()
    statement = {"facility": tx.facility, "size": grown.size, "root": root, "at": tx.at.astimezone(UTC).isoformat()}
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    header = {"alg": ALGORITHM, "kid": key.id, "typ": TYPE}
    signed = jws.serialize_compact(header, payload, key.key, algorithms=[ALGORITHM])
    audit_log.put(tx, found, grown, signed)
    return Checkpoint(size=grown.size, root=root, at=tx.at, jws=signed)


def from_command_line(action: str, key: SigningKey, *, output: Path | None, kept: Path | None) -> int:
    """`seal`, `export`, `checkpoint` or `verify`; the exit code. Needs an application context."""
    if action == "seal":
        sys.stdout.write(f"{Sealer(key, scope=contextlib.nullcontext).drain()} checkpoints made\n")
        return 0
    with reading(ACTOR) as tx:
        if action == "checkpoint":
            newest = audit_log.latest(tx)
            sys.stdout.write(f"{newest.jws}\n" if newest is not None else "")
            return 0 if newest is not None else 1
        if action == "export":
            with output.open("w", encoding="utf-8") if output is not None else contextlib.nullcontext(sys.stdout) as file:
                for line in audit_log.lines(tx):
                    file.write(json.dumps(line, ensure_ascii=True) + "\n")
            return 0
        statements = kept.read_text(encoding="utf-8").splitlines() if kept is not None else ()
        return audit_check.report(audit_check.check(audit_log.lines(tx), key.key, [line for line in statements if line.strip()]))


class Sealer:
    """The one writer. `sealed` is told of each new checkpoint."""

    def __init__(
        self,
        key: SigningKey,
        *,
        scope: Callable[[], AbstractContextManager[object]],
        sealed: Callable[[Checkpoint], None] = lambda _checkpoint: None,
        every_s: float = EVERY_S,
    ) -> None:
        self._key, self._scope, self._sealed, self._every_s = key, scope, sealed, every_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="audit-sealer", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 20.0) -> None:
        """Seals what there is, then returns."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def drain(self, *, rest: Callable[[float], object] = lambda _seconds: None) -> int:
        """Seals until nothing is left; how many checkpoints that made. `rest` is called after each batch. Raises what the store raises."""
        made = 0
        with self._scope():
            while True:
                began_s = time.monotonic()
                with transaction(ACTOR) as tx:
                    checkpoint = seal(tx, self._key)
                if checkpoint is None:
                    return made
                made += 1
                self._sealed(checkpoint)
                rest(RESTS * (time.monotonic() - began_s))

    def _run(self) -> None:
        last_look = False
        while not last_look:
            last_look = self._stopping.wait(self._every_s)
            try:
                self.drain(rest=self._stopping.wait)  # no rest any more once it is to stop
            except Exception:  # noqa: BLE001 - another writer was faster, or the database is away: the next look tries again
                _log.warning("the audit could not be sealed now", exc_info=True)
