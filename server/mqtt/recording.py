"""From a cart's fact to the database: one transaction, and for what people owe because of it a second try without.

A fault of the second look, or of a task, must never keep the fact itself out. Nothing is said here: the receipt is the gateway's.
"""

from __future__ import annotations

import logging

from devices import logbook
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped, BedsideNoted, ObservationRecorded
from server import traces
from server.store import outbox, pace
from server.store.transaction import Actor, Transaction, transaction
from server.usecases import administrations, attempts, bedside_notes, observations
from server.usecases.administrations import Recorded
from server.usecases.facts import Site

_log = logging.getLogger(__name__)


def administration(actor: Actor, body: AdministrationRecorded, *, site: Site, sender: str) -> Recorded:
    """A fault of the second look must not keep the fact out: it is then recorded without one, which a person will see."""
    record = body.record.record_id
    with logbook.about(record=record, cart=sender), traces.step("record", record=record, kind="consumer", cart=sender):
        with pace.RECORDING.measured():
            done = _recorded(actor, body, site=site, sender=sender)
        traces.mark(outcome="again" if done.duplicate else "new")
        if not done.duplicate:
            traces.came(record, cart=sender, since=body.record.recorded_at)
        _log.info("record %s %s", record, "came again" if done.duplicate else "is recorded")
    return done


def _recorded(actor: Actor, body: AdministrationRecorded, *, site: Site, sender: str) -> Recorded:
    try:
        with traces.step("transaction"), transaction(actor) as tx:
            return _administration(tx, body, site=site, sender=sender)
    except Exception:  # noqa: BLE001 - recorded below, or raised from there
        _log.exception("record %s: the second look failed", body.record.record_id)
    with traces.step("transaction"), transaction(actor) as tx:
        return _administration(tx, body, site=site, sender=sender, reevaluate=False)


def _administration(tx: Transaction, body: AdministrationRecorded, *, site: Site, sender: str, reevaluate: bool = True) -> Recorded:
    done = administrations.record(
        tx,
        body.record,
        cart_seq=body.seq,
        epoch=body.epoch,
        site=site,
        sender=sender,
        reevaluate=reevaluate,
        verdict_facts=body.facts,
    )
    return _told_again(tx, done, sender)


def _told_again(tx: Transaction, done: Recorded, sender: str) -> Recorded:
    """A cart that sends again has no receipt yet, so it could not name this record among those of which it waits for the EMR's word."""
    if done.duplicate:
        outbox.tell_of(tx, sender, (done.record_id,))
    return done


def attempt(actor: Actor, body: AttemptStopped, *, sender: str, tell_emr: bool = False) -> Recorded:
    """What people owe because of it must not keep the evidence out."""
    try:
        with transaction(actor) as tx:
            return attempts.record(tx, body, sender=sender, tell_emr=tell_emr)
    except Exception:  # noqa: BLE001 - recorded below, or raised from there
        _log.exception("attempt %s: its tasks could not be raised", body.record_id)
    with transaction(actor) as tx:
        return attempts.record(tx, body, sender=sender, raise_tasks=False, tell_emr=tell_emr)


def said(actor: Actor, body: ObservationRecorded | BedsideNoted, *, sender: str) -> Recorded:
    """A value, or a note."""
    with transaction(actor) as tx:
        if isinstance(body, BedsideNoted):
            return bedside_notes.record(tx, body, sender=sender)
        return _told_again(tx, observations.record(tx, body, sender=sender), sender)
