"""What is given to a label printer, from before the first byte to the last label on paper.

A job is on the disk as "sending" before anything is sent, and each of its labels counts as printed from then on: if power fails, the
server cannot say what is on paper, and sends none of it a second time. Must never be started twice: a job has one sender.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

from pointofcare.errors import ConflictError
from server.store import labels
from server.store.labels import SENDING, UNKNOWN, Job
from server.store.transaction import Actor, Transaction

# A sender that was not heard of for longer has gone: what it printed is not known.
SILENT = timedelta(minutes=3)


def begin(tx: Transaction, actor: Actor, *, kind: str, subject: str, printer: str, items: Sequence[str]) -> Job:
    """A job of its own, on the disk once this transaction is. Raises: ConflictError: the printer has work of ours."""
    if labels.sending(tx, printer, since=tx.at - SILENT):
        raise ConflictError("this printer still prints other labels", remedy="wait until they are done, then print again", printer=printer)
    job = Job(
        id="PJ" + secrets.token_hex(8),
        kind=kind,
        subject=subject,
        printer=printer,
        items=tuple(items),
        sent=0,
        state=SENDING,
        faults=(),
        made_by=actor.id,
        made_at=tx.at,
        changed_at=tx.at,
    )
    labels.add_job(tx, job)
    tx.audit("label.send", subject, {"job": job.id, "printer": printer, "count": len(items), "kind": kind})
    return job


def told(tx: Transaction, job: str, *, sent: int, faults: Sequence[str]) -> None:
    """It goes on, or waits for paper."""
    labels.put_job(tx, job, state=SENDING, sent=sent, faults=faults)


def ended(tx: Transaction, job: Job, *, state: str, sent: int, faults: Sequence[str]) -> None:
    """Done, refused (nothing was sent, so that its labels may be printed later) or unknown."""
    labels.put_job(tx, job.id, state=state, sent=sent, faults=faults)
    if state == labels.REFUSED and job.kind == "unit-dose":
        labels.unprint(tx, job.items)
    tx.audit("label.sent", job.subject, {"job": job.id, "state": state, "sent": sent, "faults": list(faults)})


def state(tx: Transaction, job: Job) -> str:
    """As a person should see it: one whose sender has gone is unknown."""
    return UNKNOWN if job.state == SENDING and tx.at - job.changed_at > SILENT else job.state
