"""The bedside workflow of one nurse at one cart, as a table.

Two moments: a verdict comes before the drug is given, "given" is confirmed after the patient took it; `GIVING` is the time between
them, and a session that leaves it without a confirmation leaves an open dose behind, never a given one. What is done to a record
that is there (a running infusion, a patch, an entry by mistake) goes the same way. Scans, verdicts, reasons and ids come in as
events; nothing here asks a clock, a chart or the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pointofcare.administration import events
from pointofcare.administration.record import ScanEvidence
from pointofcare.errors import IllegalTransitionError
from pointofcare.labels import cccd
from pointofcare.labels.scan import BandScan, DrugScan, Keyed, LabelKind, Scan, TextScan, UnreadableLabel
from pointofcare.people import Nurse, Witness
from pointofcare.verdict import facts
from pointofcare.verdict.facts import Action, Intent
from pointofcare.verdict.finding import Level, Verdict


class State(StrEnum):
    IDLE = "idle"  # nobody is signed in
    BADGE = "badge"  # a badge was read, its PIN is awaited
    SIGNED_IN = "signed-in"
    PATIENT = "patient"  # a wristband opened this patient's session
    DRUG = "drug"  # something was scanned or answered, a verdict is due
    CHOOSING = "choosing"  # several order lines match
    AWAITING_RATE = "awaiting-rate"  # a bag is to run: the rate that was set is awaited
    WARNED = "warned"  # a tap is awaited
    AWAITING_REASON = "awaiting-reason"
    AWAITING_WITNESS = "awaiting-witness"
    AWAITING_BLIND = "awaiting-blind"  # the second person works the value out alone
    STOPPED = "stopped"  # must not be given
    GIVING = "giving"  # verified, the patient takes it, not yet confirmed
    COUNTING = "counting"  # verified, and what is left of a controlled drug is counted first
    CONCLUDED = "concluded"  # a record was written


_LEAVE: Mapping[type[events.Event], State] = {events.SignedOut: State.IDLE, events.IdleExpired: State.IDLE}
_WITH_PATIENT: Mapping[type[events.Event], State] = {**_LEAVE, events.BandScanned: State.PATIENT, events.PatientClosed: State.SIGNED_IN}
_WITH_DRUG: Mapping[type[events.Event], State] = {
    **_WITH_PATIENT,
    events.DrugScanned: State.DRUG,
    events.DrugsCleared: State.PATIENT,
    events.Declined: State.CONCLUDED,
    events.AmountGiven: State.DRUG,
    events.RateGiven: State.DRUG,
    events.Measured: State.DRUG,
    events.Changed: State.DRUG,
    events.AskedAgain: State.DRUG,
    events.WitnessWithdrawn: State.DRUG,
}
# While a verified dose waits nothing more is taken for it: what was verified is what is confirmed.
_IN_HAND: Mapping[type[events.Event], State] = {
    **_WITH_PATIENT,
    events.Declined: State.CONCLUDED,
    events.Changed: State.DRUG,
    events.WitnessWithdrawn: State.DRUG,
}

TRANSITIONS: Mapping[State, Mapping[type[events.Event], State]] = MappingProxyType(
    {
        State.IDLE: {events.BadgeRead: State.BADGE},
        State.BADGE: {**_LEAVE, events.BadgeRead: State.BADGE, events.SignedIn: State.SIGNED_IN},
        State.SIGNED_IN: {**_LEAVE, events.BandScanned: State.PATIENT},
        State.PATIENT: {
            **_WITH_PATIENT,
            events.DrugScanned: State.DRUG,
            events.ActBegun: State.DRUG,
            events.Measured: State.PATIENT,
            events.Declined: State.CONCLUDED,
            events.Stopped: State.STOPPED,
        },
        State.DRUG: {
            **_WITH_DRUG,
            events.Permitted: State.GIVING,
            events.Warned: State.WARNED,
            events.ReasonWanted: State.AWAITING_REASON,
            events.WitnessWanted: State.AWAITING_WITNESS,
            events.ChoiceWanted: State.CHOOSING,
            events.RateWanted: State.AWAITING_RATE,
            events.Stopped: State.STOPPED,
        },
        State.CHOOSING: {**_WITH_DRUG, events.OrderChosen: State.DRUG},
        State.AWAITING_RATE: _WITH_DRUG,
        State.WARNED: {**_WITH_DRUG, events.Acknowledged: State.GIVING},
        # Where a second person is only recommended, one may sign in instead of a reason being given.
        State.AWAITING_REASON: {
            **_WITH_DRUG,
            events.ReasonGiven: State.DRUG,
            events.WitnessGiven: State.DRUG,
            events.WitnessKnown: State.AWAITING_BLIND,
        },
        State.AWAITING_WITNESS: {**_WITH_DRUG, events.WitnessGiven: State.DRUG, events.WitnessKnown: State.AWAITING_BLIND},
        # The first one's figure must not change, or be seen, while the second works it out.
        State.AWAITING_BLIND: {
            **_WITH_PATIENT,
            events.DrugsCleared: State.PATIENT,
            events.BlindGiven: State.DRUG,
            events.Changed: State.DRUG,
            events.AskedAgain: State.DRUG,
            events.WitnessWithdrawn: State.DRUG,
        },
        State.STOPPED: {
            **_WITH_DRUG,
            events.ActBegun: State.DRUG,
            events.EmergencyDeclared: State.DRUG,
            events.CalculatedAgain: State.DRUG,
        },
        State.GIVING: {**_IN_HAND, events.Confirmed: State.CONCLUDED, events.CountWanted: State.COUNTING, events.ActDropped: State.PATIENT},
        State.COUNTING: {**_IN_HAND, events.Counted: State.GIVING},
        State.CONCLUDED: {
            **_WITH_PATIENT,
            events.DrugScanned: State.DRUG,
            events.ActBegun: State.DRUG,
            events.Measured: State.CONCLUDED,
            events.Declined: State.CONCLUDED,
        },
    }
)

# The second code of a pack comes into the picture with the first.
SAME_PACK = timedelta(seconds=3)

GIVE = Intent(action=Action.GIVE)
EMERGENCY = "emergency"

# A patient is on the screen in these.
AT_PATIENT = frozenset(State) - {State.IDLE, State.BADGE, State.SIGNED_IN}
# A question stands between the scan and the dose.
QUESTIONS = frozenset(
    {
        State.DRUG, State.CHOOSING, State.AWAITING_RATE, State.WARNED, State.AWAITING_REASON, State.AWAITING_WITNESS,
        State.AWAITING_BLIND,
    }
)  # fmt: skip
# Verified, and nobody has said yet what became of it.
IN_HAND = frozenset({State.GIVING, State.COUNTING})
# A second person may sign in here.
WITNESSING = frozenset({State.AWAITING_WITNESS, State.AWAITING_REASON})
# Nothing was written for what is on the screen, and something was scanned for it.
UNSETTLED = QUESTIONS | IN_HAND | {State.STOPPED}

# Nothing is in anybody's hand: what is said is recorded, and nothing is left open when it is not.
SAID_ONLY = frozenset({Action.ASSESS, Action.UNDO})
DECLINING = frozenset({Action.HOLD, Action.REFUSE, Action.NOT_GIVEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One moment of the workflow. `last_at` is the last sign of life, `last_scan_at` the last scan (rule P5 counts from it).

    `second` is who signed in as witness and works the value out, `sight` where and when the last witness signed; `counted` says that the
    drawer's count was told."""

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
    second: Witness | None = None
    counted: bool = False
    sight: events.Sight | None = None


def scanned(
    scan: Scan, at: datetime, *, identifier: str = "", text: str = "", patient: str | None = None
) -> events.BandScanned | events.DrugScanned:
    """The event that `scan` is: a wristband, or a thing to be given. A badge is not for here."""
    if _is_band(scan):
        return events.BandScanned(scan=scan, at=at, identifier=identifier, text=text, patient=patient)
    return events.DrugScanned(scan=scan, at=at, identifier=identifier, text=text)


def judged(
    verdict: Verdict, at: datetime, record_id: str
) -> events.Permitted | events.Warned | events.ReasonWanted | events.WitnessWanted | events.ChoiceWanted | events.Stopped:
    """The event that `verdict` is. A choice between order lines (rule D8) comes before any other question but a stop."""
    if verdict.level is Level.STOP:
        return events.Stopped(verdict=verdict, at=at)
    if any(finding.rule == "D8" and not finding.satisfied for finding in verdict.findings):
        return events.ChoiceWanted(verdict=verdict, at=at)
    if verdict.level is Level.WITNESS:
        return events.WitnessWanted(verdict=verdict, at=at)
    if verdict.level is Level.REASON:
        return events.ReasonWanted(verdict=verdict, at=at)
    if verdict.level is Level.WARN:
        return events.Warned(verdict=verdict, at=at)
    return events.Permitted(verdict=verdict, at=at, record_id=record_id)


def advance(session: Session, event: events.Event) -> Session:
    """The session after `event`. Raises: IllegalTransitionError, and then nothing was changed."""
    target = TRANSITIONS[session.state].get(type(event))
    if target is None:
        raise IllegalTransitionError("session", session.state.value, type(event).__name__)
    return replace(_apply(session, event), state=target, last_at=event.at)


def _apply(session: Session, event: events.Event) -> Session:
    match event:
        case events.SignedOut() | events.IdleExpired():
            return Session()
        case events.BadgeRead():
            return Session(badge=event.badge)
        case events.SignedIn():
            return Session(badge=session.badge, nurse=event.nurse)
        case events.PatientClosed():
            return Session(badge=session.badge, nurse=session.nurse)
        case events.BandScanned():
            opened = Session(badge=session.badge, nurse=session.nurse, patient=event.patient, last_scan_at=event.at)
            return replace(opened, scans=(_fact(event),), evidence=(_evidence(event),))
        case events.DrugsCleared() | events.ActDropped():
            return without_drugs(session)
        case events.DrugScanned():
            here = without_drugs(session) if session.state is State.CONCLUDED else session
            scans, evidence = (*here.scans, _fact(event)), (*here.evidence, _evidence(event))
            # A new pack makes a new question: an amount stays, a reason or a witness was for the old one.
            # A text that is no drug code is a bag's label: a bag is started, not given.
            action = Action.START if isinstance(event.scan, TextScan) else here.intent.action
            intent = replace(_unanswered(here.intent), action=action, of_record=event.continues)
            return replace(here, scans=scans, evidence=evidence, intent=intent, verdict=None, last_scan_at=event.at)
        case events.ActBegun():
            return replace(without_drugs(session), intent=event.intent)
        case events.RateGiven():
            return replace(session, intent=replace(_unanswered(session.intent), rate=event.rate, drop_factor=event.drop_factor))
        case events.EmergencyDeclared():
            intent = replace(_unanswered(session.intent), order=None, due=None, dose=event.dose, route=event.route)
            return replace(session, intent=replace(intent, reason=EMERGENCY, reason_text=event.reason_text, satisfies=("D1",)))
        case events.Measured():
            # A reason was for the value that was missing, not for the one that is there now.
            return replace(session, intent=_unanswered(session.intent)) if session.state in UNSETTLED else session
        case events.OrderChosen():
            return replace(session, intent=replace(_unanswered(session.intent), order=event.order, due=event.due))
        case events.AmountGiven():
            # Another amount is another question: a reason or a second look was for the old one.
            intent = replace(_unanswered(session.intent), dose=event.dose, waste=event.waste, returned=event.returned, site=event.site)
            return replace(session, intent=intent)
        case events.ReasonGiven():
            return replace(session, intent=_with_reason(session.intent, event))
        case events.WitnessGiven():
            sight = event.sight or events.Sight(witness=event.witness.id, at=event.at)
            return replace(session, intent=replace(session.intent, witness=event.witness), sight=sight)
        case events.WitnessKnown():
            return replace(session, second=event.witness)
        case events.BlindGiven():
            intent = replace(session.intent, witness=session.second, blind_value=event.value)
            by = session.second.id if session.second is not None else ""
            return replace(session, intent=intent, second=None, sight=event.sight or events.Sight(witness=by, at=event.at))
        case events.CalculatedAgain():
            return replace(session, intent=replace(session.intent, witness=None, blind_value=None))
        case events.WitnessWithdrawn():
            return replace(session, intent=replace(session.intent, witness=None, blind_value=None), second=None)
        case events.AskedAgain():
            # Which dose of which order is chosen anew too: the old one may not be there any more.
            intent = _unanswered(session.intent)
            intent = intent if intent.of_record is not None else replace(intent, order=None, due=None)
            return replace(session, intent=intent, verdict=None, record_id=None, second=None, counted=False)
        case events.CountWanted():
            return session
        case events.Counted():
            return replace(session, counted=True)
        case events.Permitted():
            return replace(session, verdict=event.verdict, record_id=session.record_id or event.record_id)
        case (
            events.Warned()
            | events.ReasonWanted()
            | events.WitnessWanted()
            | events.ChoiceWanted()
            | events.RateWanted()
            | events.Stopped()
            | events.Confirmed()
        ):
            return replace(session, verdict=event.verdict)
        case events.Acknowledged():
            return replace(session, record_id=session.record_id or event.record_id)
        case events.Declined():
            intent = replace(session.intent, action=event.action, reason=event.reason, reason_text=event.reason_text)
            return replace(session, intent=intent, verdict=event.verdict, record_id=event.record_id)
        case events.Changed():
            return replace(session, second=None)


def _unanswered(intent: Intent) -> Intent:
    return replace(intent, reason=None, reason_text=None, satisfies=None, witness=None, blind_value=None)


def _with_reason(intent: Intent, event: events.ReasonGiven) -> Intent:
    if event.prn_reason is not None:
        intent = replace(intent, prn_reason=event.prn_reason)
    if event.reason is None:
        return intent
    if intent.reason == EMERGENCY and "D1" in (intent.satisfies or ()):
        # That there is no order is answered by the emergency alone; a further reason comes beside it.
        text = "; ".join(part for part in (intent.reason_text, event.reason, event.reason_text) if part)
        return replace(intent, reason_text=text, satisfies=("D1", *(event.satisfies or ())))
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
        second=None,
        counted=False,
        sight=None,
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


def _fact(event: events.Scanned) -> facts.Scanned:
    return facts.Scanned(scan=event.scan, at=event.at)


def _evidence(event: events.Scanned) -> ScanEvidence:
    if isinstance(event.scan, Keyed):
        return ScanEvidence(
            identifier="",
            text=event.scan.value,
            at=event.at,
            keyed=True,
            kind="drug" if event.scan.kind is LabelKind.DRUG else "patient",
            second_identifier=event.scan.second_identifier or None,
            reason=event.scan.reason or None,
        )
    # Somebody's identity card before the reader is no evidence of a dose; what reads as a band or a drug is kept as it was.
    text = cccd.withheld(event.text) if isinstance(event.scan, (TextScan, UnreadableLabel)) else event.text
    return ScanEvidence(identifier=event.identifier, text=text, at=event.at)


def answered(verdict: Verdict) -> bool:
    """Nothing stands between this verdict and the dose but a tap."""
    return verdict.level <= Level.WARN
