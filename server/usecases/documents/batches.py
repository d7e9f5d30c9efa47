"""A ward's documents of one kind, made one after the other in a thread of its own, each issued by itself.

What is made is kept whatever becomes of the rest; what failed is named. One document is in memory at a time.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

from flask import Flask

from pointofcare.errors import ConflictError, NotFoundError, PointOfCareError
from server.store import documents
from server.store.documents import Batch
from server.store.transaction import Actor, reading, transaction
from server.usecases.documents import issuing, pressing
from server.usecases.documents.issuing import Site, Wanted
from server.usecases.documents.kinds import KINDS
from server.usecases.documents.settings import Settings
from server.usecases.permission import require

log = logging.getLogger(__name__)

# A ward has fewer beds; more would be a mistake.
MOST = 150
# Others' single documents come between: a batch has time.
WAIT_S = 600.0
MOST_JOINED_BYTES = 60_000_000


def begin(actor: Actor, wanted: Wanted, *, site: Site) -> Batch:
    """`wanted.subject` is the ward. Raises: NotPermittedError, OtherWardError, NotFoundError (nobody is there), UnreadableError."""
    with reading(actor) as tx:
        require(tx, actor, *issuing.permitted(wanted.kind))
        issuing.must_count(tx, issuing.permitted(wanted.kind), None, wanted.subject, wanted.subject)
        found = documents.patients_of_ward(tx, wanted.subject)[: MOST + 1]
        if not found:
            raise NotFoundError("nobody is in this ward", remedy="choose another ward", ward=wanted.subject)
        if len(found) > MOST:
            raise ConflictError(f"a ward of more than {MOST} patients is not printed at once", remedy="print them one by one")
        since, until, _ = issuing.period(tx, replace(wanted, subject=found[0]), site)
    with transaction(actor) as tx:
        made = Batch(
            id="DB" + secrets.token_hex(8),
            kind=wanted.kind.id,
            ward=wanted.subject,
            since=since,
            until=until,
            total=len(found),
            done=0,
            failed=(),
            state=documents.MAKING,
            made_by=actor.id,
            made_at=tx.at,
            changed_at=tx.at,
        )
        documents.add_batch(tx, made)
        tx.audit("document.batch", f"documents/{made.id}", {"kind": made.kind, "ward": made.ward, "count": made.total})
    return made


def start(app: Flask, actor: Actor, batch: Batch, *, settings: Settings, site: Site) -> threading.Thread:
    """The thread is a daemon: a server that stops leaves the batch as it is, and what was made."""

    def run() -> None:
        with app.app_context():
            make(actor, batch, settings=settings, site=site)

    thread = threading.Thread(target=run, name=f"documents {batch.id}", daemon=True)
    thread.start()
    return thread


def make(actor: Actor, batch: Batch, *, settings: Settings, site: Site) -> Batch:
    """Needs an application context. Who went meanwhile is left out, who came is not in it: the count says how many it is about."""
    with reading(actor) as tx:
        patients = documents.patients_of_ward(tx, batch.ward)[:MOST]
        _, _, zone = issuing.period(tx, Wanted(kind=KINDS["transfer"], subject=patients[0] if patients else ""), site)
    first, last = batch.since.astimezone(zone).date(), (batch.until - timedelta(seconds=1)).astimezone(zone).date()
    failed: list[str] = []
    done = 0
    kind = KINDS[batch.kind]
    own = kind.id == "record"
    for patient in patients:
        wanted = Wanted(kind=kind, subject=patient, first=None if own else first, last=None if own else last)
        try:
            with pressing.open_press(wait_s=WAIT_S) as press:
                issuing.issue(actor, wanted, settings=settings, site=site, press=press, batch=batch.id)
            done += 1
        except PointOfCareError as exc:
            log.warning("a document of batch %s was not made: %s", batch.id, exc.code)
            failed.append(patient)
        except Exception:
            log.exception("a document of batch %s was not made", batch.id)
            failed.append(patient)
        with transaction(actor) as tx:
            documents.put_batch(tx, batch.id, done=done, failed=failed, state=documents.MAKING)
    state = documents.FAILED if failed else documents.DONE
    with transaction(actor) as tx:
        documents.put_batch(tx, batch.id, done=done, failed=failed, state=state)
    return replace(batch, done=done, failed=tuple(failed), state=state)


def joined(files: Iterable[bytes | None]) -> bytes:
    """One file of all pages, in their order. Raises: ConflictError (too large, or a file is not kept any more)."""
    import pypdfium2  # type: ignore[import-untyped]

    whole = pypdfium2.PdfDocument.new()
    size = 0
    for pdf in files:
        if pdf is None:
            raise ConflictError("some of the files are not kept any more", remedy="print the ward anew")
        size += len(pdf)
        if size > MOST_JOINED_BYTES:
            raise ConflictError("the files are too large together", remedy="open them one by one")
        with pypdfium2.PdfDocument(pdf) as part:
            whole.import_pages(part)
    out = BytesIO()
    whole.save(out)
    whole.close()
    return out.getvalue()
