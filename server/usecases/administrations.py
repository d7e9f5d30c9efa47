"""Recording what was done at a bedside. An administration is a fact and never refused.

In one transaction: the record when its id is new, the outbox row, the audit row, the chart's new version, and a discrepancy for
every point where the server's own facts do not agree with it. The same record again changes nothing and gets the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pointofcare.administration.record import AdministrationRecord
from pointofcare.people import PatientStatus
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Scanned
from pointofcare.verdict.finding import Finding, Level, Verdict
from pointofcare.wire.messages import DiscrepancyNote
from server.store import administrations, discrepancies, driver, history, identities, mapping_record, outbox, pace, versions
from server.store.bedside import Look
from server.store.discrepancies import Discrepancy
from server.store.transaction import Transaction
from server.usecases import effects, facts, leases, second_looks, stories, tasks_raised, witness
from server.usecases.facts import Site
from server.usecases.leases import LASTS

# What these rules look at is known to the cart alone, so the two sides are compared without them: O1 is the age of its chart.
CART_ONLY = frozenset({"O1"})
# Nor is O2 compared where the cart alone knows: whether the answer about its lease had come, and whom it named as in doubt.
_LEASE_RULE, _LEASE_OF_CART = "O2", ("doubt", "pending")
# A reason or a tap may answer these; which order was meant was then the nurse's choice.
CHOICE = "D8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """`duplicate`: it was here already, and nothing was written. `discrepancies` are those of the record, old or new."""

    record_id: str
    duplicate: bool
    discrepancies: tuple[DiscrepancyNote, ...]


def record(
    tx: Transaction,
    record: AdministrationRecord,
    *,
    cart_seq: int = 0,
    epoch: str = "",
    site: Site | None = None,
    sender: str | None = None,
    reevaluate: bool = True,
    verdict_facts: str | None = None,
) -> Recorded:
    """Records one administration. `reevaluate` False is for one that the second look itself failed on: it is recorded all the same,
    with a discrepancy that says so. `sender` is the cart whose connection it came over. `verdict_facts` is what the cart's verdict
    was a function of."""
    site = site or Site()
    scans = facts.scans_of(record, site) if reevaluate else ()
    look = facts.look(tx, record, scans)
    if look.known:
        return _again(tx, record, sender)
    # The document stays as it was sent, whatever the record is found to be about; row and outbox keep the same one.
    document = driver.written_json(mapping_record.to_document(record))
    told, record = record, _of_current_record(tx, record, look)
    if record is not told:
        look = facts.look(tx, record, scans)
    with pace.VERDICT.measured():
        second = _second_look(record, look, scans, site) if reevaluate else None
    found = (*_discrepancies(record, look, second, sender=sender or record.cart), *_witnessed_afar(tx, told))
    row = mapping_record.to_row(record, document) | {
        "cart_epoch": epoch,
        "cart_seq": cart_seq,
        "server_level": _level(second.findings).name if second is not None else None,
        "server_order": second.order if second is not None else None,
        "server_verdict": _verdict_document(second) if second is not None else None,
        "facts": verdict_facts,
    }
    if not administrations.insert_record(tx, row):
        return _again(tx, told, sender)  # another gateway was faster between our look and our write
    outbox.put(tx, record_id=record.record_id, cart=record.cart, ordering_key=_chain(tx, record), document=document)
    effects.take(tx, record, look, scans)
    discrepancies.raise_all(tx, found)
    leases.arrived(tx, look.doubts, record.record_id)
    if reevaluate:
        tasks_raised.after_record(tx, record, look, second, scans)
    tx.audit(
        "administration.record",
        f"administration/{record.record_id}",
        {
            "cart": record.cart,
            "nurse": record.nurse,
            "witness": record.witness,
            "patient": record.patient,
            "order": record.order,
            "status": record.status,
            "level": record.level,
            "discrepancies": [one.code for one in found],
            "at": record.recorded_at.isoformat(),
        },
    )
    versions.bump(tx, *_wards(record, look))
    return Recorded(record_id=record.record_id, duplicate=False, discrepancies=tuple(_note(one) for one in found))


def _of_current_record(tx: Transaction, record: AdministrationRecord, look: Look) -> AdministrationRecord:
    """A cart with an older chart names a record that has become part of another one. Costs nothing where the patient is here."""
    if any(patient.id == record.patient and patient.status is PatientStatus.ADMITTED for patient in look.patients):
        return record
    now = identities.current(tx, record.patient)
    return record if now == record.patient else replace(record, patient=now)


def _chain(tx: Transaction, record: AdministrationRecord) -> str:
    """A correction follows what it corrects, and an act on an infusion, a patch or a dose follows that, whichever came first."""
    follows = record.amends or record.continues
    if follows is None:
        return record.record_id
    chain = outbox.chain_of(tx, follows)
    if chain != record.record_id:
        outbox.join_chains(tx, key=record.record_id, chain=chain)
    return chain


def _again(tx: Transaction, record: AdministrationRecord, sender: str | None) -> Recorded:
    stories.compare_record(tx, record, sender=sender)
    stored = discrepancies.of_record(tx, record.record_id)
    return Recorded(record_id=record.record_id, duplicate=True, discrepancies=tuple(_note(one) for one in stored))


def _second_look(record: AdministrationRecord, look: Look, scans: tuple[Scanned, ...], site: Site) -> Verdict:
    """The verdict on the server's facts. Where the scans match several orders, or none was scanned, the nurse's choice counts."""
    scanned_drug = any(not facts.is_patient(one.scan) for one in scans)
    if scanned_drug:
        verdict = engine.evaluate(facts.for_record(record, look, scans, site, named=False))
        if not any(finding.rule == CHOICE and not finding.satisfied for finding in verdict.findings):
            return verdict
    return engine.evaluate(facts.for_record(record, look, scans, site, named=True))


def _witnessed_afar(tx: Transaction, record: AdministrationRecord) -> tuple[Discrepancy, ...]:
    """A witness at another cart signed there, which this server has on record: a cart that says so without that is not believed."""
    if record.witness is None or record.witness_cart in (None, record.cart):
        return ()
    if second_looks.is_known(tx, record.witness_request, cart=record.cart, patient=record.patient, who=record.witness):
        return ()
    detail = {"witness": record.witness, "cart": record.witness_cart}
    unproven = Discrepancy(code="unproven-witness", record_id=record.record_id, ward=record.ward, patient=record.patient, detail=detail)
    return (unproven,)


def _discrepancies(record: AdministrationRecord, look: Look, second: Verdict | None, *, sender: str) -> tuple[Discrepancy, ...]:
    found: list[Discrepancy] = []

    def differ(code: str, **detail: Any) -> None:
        found.append(Discrepancy(code=code, record_id=record.record_id, ward=record.ward, patient=record.patient, detail=detail))

    if sender != record.cart:
        differ("foreign-cart", cart=record.cart, sender=sender)
    if not any(patient.id == record.patient for patient in look.patients):
        differ("unknown-patient", patient=record.patient, mrn=record.mrn)
    if record.order is not None and not any(order.id == record.order for order in look.orders):
        differ("unknown-order", order=record.order)
    if not any(person.id == record.nurse for person in look.staff):
        differ("unknown-nurse", nurse=record.nurse)
    if record.witness is not None and not any(person.id == record.witness for person in look.staff):
        differ("unknown-witness", witness=record.witness)
    elif record.witness is not None:
        why = witness.fault(look.staff, nurse=record.nurse, witness=record.witness, at=record.effective_at)
        if why:
            differ("invalid-witness", witness=record.witness, why=why)
    if record.product is not None and not any(product.id == record.product for product in look.products):
        differ("unknown-product", product=record.product, gtin=record.gtin)
    if record.bag is not None:
        bag = next((one for one in look.bags if one.id == record.bag), None)
        if bag is None:
            differ("unknown-bag", bag=record.bag)
        elif bag.patient != record.patient or (record.order is not None and bag.order != record.order):
            differ("bag-of-another", bag=bag.id, patient=bag.patient, order=bag.order, recorded_order=record.order)
    if record.status in history.FINAL:
        others = history.second_actions(
            look.given,
            record_id=record.record_id,
            order=record.order,
            due=record.due,
            amends=record.amends,
            action=record.action,
            continues=record.continues,
        )
        if others:
            given = sum(other.status == "completed" for other in others) + (record.status == "completed")
            differ("given-twice" if given > 1 else "second-action", others=[other.record_id for other in others], status=record.status)
    lease = look.lease
    if (
        record.lease_fence is not None
        and lease is not None
        and lease.fence > record.lease_fence
        and lease.cart not in (None, record.cart)
        and lease.until is not None
        and lease.until - LASTS <= record.recorded_at
    ):
        differ("lease-superseded", fence=record.lease_fence, newer=lease.fence, cart=lease.cart, nurse=lease.nurse)
    if second is None:
        differ("not-evaluated")
        return tuple(found)
    if second.patient is not None and second.patient != record.patient:
        differ("patient-differs", recorded=record.patient, scanned=second.patient)
    apart = _cart_only(record)
    cart_level, server_level = _cart_level(record, apart), _level(second.findings, apart)
    order_differs = record.order is not None and second.order != record.order
    if cart_level != server_level or order_differs:
        differ(
            "verdict-differs",
            cart_level=cart_level.name,
            server_level=server_level.name,
            cart_order=record.order,
            server_order=second.order,
            cart_rules=sorted({finding.rule for finding in record.findings}),
            server_rules=sorted({finding.rule for finding in second.findings}),
            engine=second.engine,
        )
    return tuple(found)


def _cart_only(record: AdministrationRecord) -> frozenset[str]:
    leased = [finding.facts.get("lease") for finding in record.findings if finding.rule == _LEASE_RULE]
    return CART_ONLY | {_LEASE_RULE} if any(each in _LEASE_OF_CART for each in leased) else CART_ONLY


def _level(findings: tuple[Finding, ...], apart: frozenset[str] = CART_ONLY) -> Level:
    """Before reasons and witness answered it, as the record's own level."""
    return max((finding.level for finding in findings if finding.rule not in apart), default=Level.PASS)


def _cart_level(record: AdministrationRecord, apart: frozenset[str]) -> Level:
    names = {level.name: level for level in Level}
    told = names.get(record.level, Level.STOP)
    levels = [names.get(finding.level, Level.STOP) for finding in record.findings if finding.rule not in apart]
    if any(finding.rule in apart for finding in record.findings):
        return max(levels, default=Level.PASS)
    return max([told, *levels])


def _wards(record: AdministrationRecord, look: Look) -> tuple[str | None, ...]:
    """The ward of the patient now; of the record when the patient is not known."""
    now = next((patient.ward for patient in look.patients if patient.id == record.patient), None)
    return (now or record.ward,)


def _note(one: Discrepancy) -> DiscrepancyNote:
    detail = dict(one.detail)
    return DiscrepancyNote(
        code=one.code, cart_level=detail.pop("cart_level", None), server_level=detail.pop("server_level", None), facts=detail
    )


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "level": verdict.level.name,
        "order": verdict.order,
        "order_version": verdict.order_version,
        "due": None if verdict.due is None else verdict.due.isoformat(),
        "products": list(verdict.products),
        "engine": verdict.engine,
        "policy": verdict.policy,
        "findings": [
            {
                "rule": finding.rule,
                "level": finding.level.name,
                "satisfied": finding.satisfied,
                "unknown": finding.unknown,
                "facts": dict(finding.facts),
                "remedy": finding.remedy,
                "params": dict(finding.params),
            }
            for finding in verdict.findings
        ],
    }
