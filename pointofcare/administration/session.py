"""The bedside workflow of one nurse at one cart, as a table, and the record that it ends in.

Two moments: a verdict comes before the drug is given, "given" is confirmed after the patient took it; `GIVING` is the time between
them, and a session that leaves it without a confirmation leaves an open dose behind, never a given one. Scans, verdicts, reasons
and ids come in as events; nothing here asks a clock, a chart or the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from pointofcare.errors import IllegalTransitionError
from pointofcare.labels.scan import BandScan, DrugScan, Keyed, LabelKind, Scan, TextScan, UnreadableLabel
from pointofcare.people import Nurse, Patient, Witness
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict import facts
from pointofcare.verdict.facts import Action, Intent
from pointofcare.verdict.finding import Finding, Level, Verdict


class State(StrEnum):
    IDLE = "idle"  # nobody is signed in
    BADGE = "badge"  # a badge was read, its PIN is awaited
    SIGNED_IN = "signed-in"
    PATIENT = "patient"  # a wristband opened this patient's session
    DRUG = "drug"  # something was scanned or answered, a verdict is due
    CHOOSING = "choosing"  # several order lines match
    WARNED = "warned"  # a tap is awaited
    AWAITING_REASON = "awaiting-reason"
    AWAITING_WITNESS = "awaiting-witness"
    STOPPED = "stopped"  # must not be given
    GIVING = "giving"  # verified, the patient takes it, not yet confirmed
    CONCLUDED = "concluded"  # a record was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """One scan with what the reader gave. Use `scanned`, which names the kind."""

    scan: Scan
    at: datetime
    identifier: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandScanned(Scanned):
    """A wristband, or a typed patient number. `patient` is whom the chart knows by it, None when nobody."""

    patient: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugScanned(Scanned):
    """A drug pack, a bag's label, or a label that could not be read and was not a wristband."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeRead:
    badge: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    nurse: Nurse
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleExpired:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientClosed:
    """The nurse leaves this patient and stays signed in."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugsCleared:
    """What was scanned for this dose is put back; the patient stays."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChosen:
    order: str
    due: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountGiven:
    """The amount drawn from a liquid or a multi-dose container, with what was thrown away."""

    dose: Quantity | None
    at: datetime
    waste: Quantity | None = None
    returned: Quantity | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonGiven:
    """A coded reason for the findings of `satisfies`, or, for a PRN order, why the patient needs it."""

    at: datetime
    reason: str | None = None
    reason_text: str | None = None
    satisfies: tuple[str, ...] | None = None
    prn_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessGiven:
    witness: Witness
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict was reached. Use `judged`, which names its kind by level."""

    verdict: Verdict
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted(Judged):
    """It may be given. `record_id` is this dose's id from here on."""

    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonWanted(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessWanted(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceWanted(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The nurse tapped a warning. `record_id` is this dose's id from here on."""

    record_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What the verdict stood on is no longer so: a new verdict is due before anything is confirmed."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The patient took it. `verdict` was reached again at this moment."""

    verdict: Verdict
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """It was not given: refused, held or not possible, with its reason. `record_id` is of the record that says so."""

    action: Action
    reason: str
    verdict: Verdict
    record_id: str
    at: datetime
    reason_text: str | None = None


Event = (
    BandScanned | DrugScanned | BadgeRead | SignedIn | SignedOut | IdleExpired | PatientClosed | DrugsCleared | OrderChosen | AmountGiven
    | ReasonGiven | WitnessGiven | Permitted | Warned | ReasonWanted | WitnessWanted | ChoiceWanted | Stopped | Acknowledged | Changed
    | Confirmed | Declined
)  # fmt: skip

_LEAVE: Mapping[type[Event], State] = {SignedOut: State.IDLE, IdleExpired: State.IDLE}
_WITH_PATIENT: Mapping[type[Event], State] = {**_LEAVE, BandScanned: State.PATIENT, PatientClosed: State.SIGNED_IN}
_WITH_DRUG: Mapping[type[Event], State] = {
    **_WITH_PATIENT,
    DrugScanned: State.DRUG,
    DrugsCleared: State.PATIENT,
    Declined: State.CONCLUDED,
    AmountGiven: State.DRUG,
    Changed: State.DRUG,
}

TRANSITIONS: Mapping[State, Mapping[type[Event], State]] = MappingProxyType(
    {
        State.IDLE: {BadgeRead: State.BADGE},
        State.BADGE: {**_LEAVE, BadgeRead: State.BADGE, SignedIn: State.SIGNED_IN},
        State.SIGNED_IN: {**_LEAVE, BandScanned: State.PATIENT},
        State.PATIENT: {**_WITH_PATIENT, DrugScanned: State.DRUG, Declined: State.CONCLUDED, Stopped: State.STOPPED},
        State.DRUG: {
            **_WITH_DRUG,
            Permitted: State.GIVING,
            Warned: State.WARNED,
            ReasonWanted: State.AWAITING_REASON,
            WitnessWanted: State.AWAITING_WITNESS,
            ChoiceWanted: State.CHOOSING,
            Stopped: State.STOPPED,
        },
        State.CHOOSING: {**_WITH_DRUG, OrderChosen: State.DRUG},
        State.WARNED: {**_WITH_DRUG, Acknowledged: State.GIVING},
        State.AWAITING_REASON: {**_WITH_DRUG, ReasonGiven: State.DRUG},
        State.AWAITING_WITNESS: {**_WITH_DRUG, WitnessGiven: State.DRUG},
        State.STOPPED: _WITH_DRUG,
        # A further pack is not taken while a verified dose waits: what was verified is what is confirmed.
        State.GIVING: {
            **_WITH_PATIENT,
            Confirmed: State.CONCLUDED,
            Declined: State.CONCLUDED,
            Changed: State.DRUG,
        },
        State.CONCLUDED: {**_WITH_PATIENT, DrugScanned: State.DRUG, Declined: State.CONCLUDED},
    }
)

# The second code of a pack comes into the picture with the first.
SAME_PACK = timedelta(seconds=3)

GIVE = Intent(action=Action.GIVE)

# A patient is on the screen in these.
AT_PATIENT = frozenset(State) - {State.IDLE, State.BADGE, State.SIGNED_IN}
# A question stands between the scan and the dose.
QUESTIONS = frozenset({State.DRUG, State.CHOOSING, State.WARNED, State.AWAITING_REASON, State.AWAITING_WITNESS})
# A second person may sign in here.
WITNESSING = frozenset({State.AWAITING_WITNESS})
# Nothing was written for what is on the screen, and something was scanned for it.
UNSETTLED = QUESTIONS | {State.STOPPED, State.GIVING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One moment of the workflow. `last_at` is the last sign of life, `last_scan_at` the last scan (rule P5 counts from it)."""

    state: State = State.IDLE
    badge: str | None = None
    nurse: Nurse | None = None
    patient: str | None = None
    scans: tuple[facts.Scanned, ...] = ()
    evidence: tuple[ScanEvidence, ...] = ()
    intent: Intent = GIVE
    verdict: Verdict | None = None
    record_id: str | None = None
    last_at: datetime | None = None
    last_scan_at: datetime | None = None


def scanned(scan: Scan, at: datetime, *, identifier: str = "", text: str = "", patient: str | None = None) -> BandScanned | DrugScanned:
    """The event that `scan` is: a wristband, or a thing to be given. A badge is not for here."""
    if _is_band(scan):
        return BandScanned(scan=scan, at=at, identifier=identifier, text=text, patient=patient)
    return DrugScanned(scan=scan, at=at, identifier=identifier, text=text)


def judged(verdict: Verdict, at: datetime, record_id: str) -> Permitted | Warned | ReasonWanted | WitnessWanted | ChoiceWanted | Stopped:
    """The event that `verdict` is. A choice between order lines (rule D8) comes before any other question but a stop."""
    if verdict.level is Level.STOP:
        return Stopped(verdict=verdict, at=at)
    if any(finding.rule == "D8" and not finding.satisfied for finding in verdict.findings):
        return ChoiceWanted(verdict=verdict, at=at)
    if verdict.level is Level.WITNESS:
        return WitnessWanted(verdict=verdict, at=at)
    if verdict.level is Level.REASON:
        return ReasonWanted(verdict=verdict, at=at)
    if verdict.level is Level.WARN:
        return Warned(verdict=verdict, at=at)
    return Permitted(verdict=verdict, at=at, record_id=record_id)


def advance(session: Session, event: Event) -> Session:
    """The session after `event`. Raises: IllegalTransitionError, and then nothing was changed."""
    target = TRANSITIONS[session.state].get(type(event))
    if target is None:
        raise IllegalTransitionError("session", session.state.value, type(event).__name__)
    return replace(_apply(session, event), state=target, last_at=event.at)


def _apply(session: Session, event: Event) -> Session:
    match event:
        case SignedOut() | IdleExpired():
            return Session()
        case BadgeRead():
            return Session(badge=event.badge)
        case SignedIn():
            return Session(badge=session.badge, nurse=event.nurse)
        case PatientClosed():
            return Session(badge=session.badge, nurse=session.nurse)
        case BandScanned():
            opened = Session(badge=session.badge, nurse=session.nurse, patient=event.patient, last_scan_at=event.at)
            return replace(opened, scans=(_fact(event),), evidence=(_evidence(event),))
        case DrugsCleared():
            return without_drugs(session)
        case DrugScanned():
            here = without_drugs(session) if session.state is State.CONCLUDED else session
            scans, evidence = (*here.scans, _fact(event)), (*here.evidence, _evidence(event))
            # A new pack makes a new question: an amount stays, a reason or a witness was for the old one.
            # A text that is no drug code is a bag's label: a bag is started, not given.
            action = Action.START if isinstance(event.scan, TextScan) else here.intent.action
            intent = replace(_unanswered(here.intent), action=action)
            return replace(here, scans=scans, evidence=evidence, intent=intent, verdict=None, last_scan_at=event.at)
        case OrderChosen():
            return replace(session, intent=replace(_unanswered(session.intent), order=event.order, due=event.due))
        case AmountGiven():
            # Another amount is another question: a reason or a second look was for the old one.
            intent = replace(_unanswered(session.intent), dose=event.dose, waste=event.waste, returned=event.returned, site=event.site)
            return replace(session, intent=intent)
        case ReasonGiven():
            return replace(session, intent=_with_reason(session.intent, event))
        case WitnessGiven():
            return replace(session, intent=replace(session.intent, witness=event.witness))
        case Permitted():
            return replace(session, verdict=event.verdict, record_id=session.record_id or event.record_id)
        case Warned() | ReasonWanted() | WitnessWanted() | ChoiceWanted() | Stopped() | Confirmed():
            return replace(session, verdict=event.verdict)
        case Acknowledged():
            return replace(session, record_id=session.record_id or event.record_id)
        case Declined():
            intent = replace(session.intent, action=event.action, reason=event.reason, reason_text=event.reason_text)
            return replace(session, intent=intent, verdict=event.verdict, record_id=event.record_id)
        case Changed():
            return session


def _unanswered(intent: Intent) -> Intent:
    return replace(intent, reason=None, reason_text=None, satisfies=None, witness=None)


def _with_reason(intent: Intent, event: ReasonGiven) -> Intent:
    if event.prn_reason is not None:
        intent = replace(intent, prn_reason=event.prn_reason)
    if event.reason is None:
        return intent
    return replace(intent, reason=event.reason, reason_text=event.reason_text, satisfies=event.satisfies)


def without_drugs(session: Session) -> Session:
    """The session as it was before anything but the band was scanned."""
    kept = [i for i, scan in enumerate(session.scans) if _is_band(scan.scan)]
    return replace(
        session,
        scans=tuple(session.scans[i] for i in kept),
        evidence=tuple(session.evidence[i] for i in kept),
        intent=GIVE,
        verdict=None,
        record_id=None,
    )


def _is_band(scan: Scan) -> bool:
    return isinstance(scan, BandScan) or (isinstance(scan, Keyed | UnreadableLabel) and scan.kind is LabelKind.PATIENT)


def drugs(session: Session) -> tuple[facts.Scanned, ...]:
    """What was scanned for this dose, in order."""
    return tuple(scan for scan in session.scans if not _is_band(scan.scan))


def same_pack(session: Session, scan: Scan, at: datetime) -> bool:
    """Whether `scan` is a pack that was scanned for this dose already: its serial number, or the bare second code on it."""
    if not isinstance(scan, DrugScan) or session.state is State.CONCLUDED:
        return False
    bare = scan.lot is None and scan.serial is None and scan.expiry is None
    for before in drugs(session):
        other = before.scan
        if not isinstance(other, DrugScan) or other.gtin != scan.gtin:
            continue
        if scan.serial is not None and scan.serial == other.serial:
            return True
        if bare and (other.lot or other.serial or other.expiry) and at - before.at <= SAME_PACK:
            return True
    return False


def _fact(event: Scanned) -> facts.Scanned:
    return facts.Scanned(scan=event.scan, at=event.at)


def _evidence(event: Scanned) -> ScanEvidence:
    if isinstance(event.scan, Keyed):
        return ScanEvidence(identifier="", text=event.scan.value, at=event.at, keyed=True)
    return ScanEvidence(identifier=event.identifier, text=event.text, at=event.at)


def answered(verdict: Verdict) -> bool:
    """Nothing stands between this verdict and the dose but a tap."""
    return verdict.level <= Level.WARN


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and with what a record was made. `clock_offset_s` None: not known."""

    facility: str
    ward: str
    cart: str
    chart_version: int
    online: bool
    clock_offset_s: float | None
    lease_fence: int | None


def conclude(
    session: Session, verdict: Verdict, record_id: str, now: datetime, *, patient: Patient, products: tuple[Product, ...], place: Place
) -> AdministrationRecord:
    """The record of what was done, from a session in `GIVING` (given) or any with a patient (not given), and its last verdict.

    `products` are the formulary's, to name what was scanned. Raises: IllegalTransitionError when nothing may be concluded here.
    """
    nurse = session.nurse
    giving = session.intent.action in (Action.GIVE, Action.START)
    if nurse is None or session.patient != patient.id or verdict.record is None or (giving and session.state is not State.GIVING):
        raise IllegalTransitionError("session", session.state.value, "conclude")
    proposed = verdict.record
    pack = next((fact.scan for fact in session.scans if isinstance(fact.scan, DrugScan)), None)
    product = next((p for p in products if p.id in verdict.products), None)
    intent = session.intent
    return AdministrationRecord(
        record_id=record_id,
        facility=place.facility,
        ward=place.ward,
        cart=place.cart,
        patient=patient.id,
        mrn=patient.mrn,
        order=verdict.order,
        order_version=verdict.order_version,
        due=verdict.due,
        action=intent.action.value,
        status=proposed.status,
        status_reason=proposed.reason if proposed.reason is not None else intent.reason,
        reason_text=intent.reason_text,
        product=product.id if product is not None else None,
        product_name=product.name if product is not None else None,
        gtin=pack.gtin if pack is not None else None,
        lot=proposed.lot,
        expiry=proposed.expiry,
        serial=proposed.serial,
        dose=proposed.dose,
        route=proposed.route,
        site=proposed.site,
        waste=proposed.waste,
        prn_reason=intent.prn_reason,
        effective_at=proposed.given_at or now,
        recorded_at=now,
        nurse=nurse.id,
        witness=proposed.witness.id if proposed.witness is not None else (intent.witness.id if intent.witness is not None else None),
        level=max((finding.level for finding in verdict.findings), default=Level.PASS).name,
        findings=tuple(finding_evidence(finding) for finding in verdict.findings),
        engine=verdict.engine,
        policy=verdict.policy,
        scans=session.evidence,
        chart_version=place.chart_version,
        online=place.online,
        clock_offset_s=place.clock_offset_s,
        lease_fence=place.lease_fence,
    )


def finding_evidence(finding: Finding) -> FindingEvidence:
    """A finding as it goes on the record."""
    return FindingEvidence(
        rule=finding.rule,
        level=finding.level.name,
        satisfied=finding.satisfied,
        unknown=finding.unknown,
        facts=finding.facts,
        remedy=finding.remedy,
        params=finding.params,
    )
