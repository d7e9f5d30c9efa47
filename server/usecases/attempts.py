"""Recording a dose that was stopped or given up: evidence for the ward, never a dose, and never refused."""

from __future__ import annotations

from dataclasses import replace

from pointofcare.wire import values
from pointofcare.wire.messages import AttemptOutcome, AttemptStopped, DiscrepancyNote
from server.store import administrations, beside, discrepancies, identities, observations, outbox
from server.store import leases as stored_leases
from server.store.beside import Blocked, StoppedRule
from server.store.discrepancies import Discrepancy
from server.store.transaction import Transaction
from server.usecases import leases, prescribing, stories, tasks_raised
from server.usecases.administrations import Recorded


def record(
    tx: Transaction, attempt: AttemptStopped, *, sender: str | None = None, raise_tasks: bool = True, tell_emr: bool = False
) -> Recorded:
    """Records it once, with its audit row. It changes no chart. `raise_tasks` False is for one whose tasks could not be raised: the
    evidence is kept all the same. `sender` is the cart whose connection it came over. `tell_emr`: the EMR is told of one that the
    verdict stopped, as an event and never as a dose."""
    document = values.to_plain(replace(attempt, facts=None))  # they have a column of their own
    sent = attempt
    if attempt.patient is not None:
        attempt = replace(attempt, patient=identities.held(tx, attempt.patient))
    row = {
        "record_id": attempt.record_id,
        "ward": attempt.ward,
        "cart": attempt.cart,
        "cart_epoch": attempt.epoch,
        "cart_seq": attempt.seq,
        "patient": attempt.patient,
        "order": attempt.order,
        "product": attempt.products[0] if attempt.products else None,
        "nurse": attempt.nurse,
        "level": attempt.level,
        "rules": [finding.rule for finding in attempt.findings],
        "at": attempt.at,
        "document": document,
        "facts": attempt.facts,
    }
    if not administrations.insert_attempt(tx, row):
        stories.compare_attempt(tx, sent, sender=sender)
        return _recorded(tx, attempt.record_id, duplicate=True)
    told: dict[str, object] = {
        "cart": attempt.cart,
        "nurse": attempt.nurse,
        "patient": attempt.patient,
        "outcome": attempt.outcome.value,
        "level": attempt.level,
    }
    told["at"] = attempt.at.isoformat()
    if attempt.patient is not None:
        leases.arrived(tx, stored_leases.doubts(tx, attempt.patient), attempt.record_id)
    if tell_emr and attempt.outcome is AttemptOutcome.STOPPED:
        _tell(tx, attempt)
    tx.audit("attempt.record", f"attempt/{attempt.record_id}", told)
    if raise_tasks:
        tasks_raised.after_attempt(tx, attempt)
        prescribing.after_attempt(tx, attempt)
    if sender is not None and sender != attempt.cart:
        detail = {"cart": attempt.cart, "sender": sender}
        foreign = Discrepancy(
            code="foreign-cart", record_id=attempt.record_id, ward=attempt.ward, patient=attempt.patient or "", detail=detail
        )
        discrepancies.raise_all(tx, (foreign,))
    return _recorded(tx, attempt.record_id, duplicate=False)


def _tell(tx: Transaction, attempt: AttemptStopped) -> None:
    """One row for the EMR, in this transaction."""
    who = observations.subject(tx, attempt.patient) if attempt.patient is not None else None
    shown = [finding for finding in attempt.findings if finding.level != "PASS" and not finding.shadow]
    blocked = Blocked(
        record_id=attempt.record_id,
        facility=tx.facility,
        ward=attempt.ward,
        cart=attempt.cart,
        patient=attempt.patient or "",
        mrn=who.mrn if who is not None else "",
        order=attempt.order,
        nurse=attempt.nurse or "",
        at=attempt.at,
        recorded_at=tx.at,
        outcome=attempt.outcome.value,
        action=attempt.action,
        level=attempt.level,
        rules=tuple(StoppedRule(rule=each.rule, level=each.level, remedy=each.remedy) for each in shown),
        products=attempt.products,
        engine=attempt.engine,
        policy=attempt.policy,
        online=attempt.online,
    )
    outbox.put(
        tx,
        kind=outbox.BLOCKED,
        record_id=blocked.record_id,
        cart=blocked.cart,
        ordering_key=blocked.record_id,
        document=beside.blocked_document(blocked),
    )


def _recorded(tx: Transaction, record_id: str, *, duplicate: bool) -> Recorded:
    found = discrepancies.of_record(tx, record_id)
    notes = tuple(DiscrepancyNote(code=one.code, facts=dict(one.detail)) for one in found)
    return Recorded(record_id=record_id, duplicate=duplicate, discrepancies=notes)
