"""The tables changed while a patient is on the screen: what is there is looked at again, told, and judged again with one tap.

A dose that was verified by what is no longer so is taken back before anybody confirms it. Must never answer for the nurse: what
changed is read by a person, and what an order asked before the change is not carried over to it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cart_client import change, dose, evidence, looks
from cart_client.change import Seen
from cart_client.inbox import ClosePatient, Command, SignOut
from cart_client.visit import Visit, advance, ask, attempt, facts, say
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.administration.session import IN_HAND, QUESTIONS, State
from pointofcare.labels.scan import DrugScan
from pointofcare.verdict.finding import Verdict
from pointofcare.wire.messages import AttemptOutcome

# Why a dose that was verified and not taken is told as such when its order changed.
REASON = "order-changed"
_LISTS = frozenset({State.PATIENT, State.CONCLUDED})


def begin(visit: Visit, now: datetime) -> None:
    """From now on the screen shows what the tables say now, and changes are told from here."""
    visit.seen = _look(visit, now) if visit.session.patient is not None else None
    visit.look = looks.look(visit.chart.body(now), visit.session.patient)
    visit.changes = ()


def _look(visit: Visit, now: datetime) -> Seen:
    chart, patient = visit.chart, visit.session.patient
    return Seen(
        patient=chart.patient(patient, now),
        orders=chart.orders_of(patient, now) if patient is not None else (),
        products=chart.products(now),
        policy=chart.policy().version,
    )


def tables_came(visit: Visit, now: datetime) -> None:
    """A table was taken: what is on the screen still holds, or the screen says what does not. Nothing without a patient."""
    session = visit.session
    if session.patient is None or visit.seen is None:
        return
    newest, scanned = _look(visit, now), _scanned(visit)
    found = change.between(visit.seen, newest, told=visit.chart.changed_orders(now), gtins=scanned)
    visit.seen = replace(visit.seen, products=change.as_scanned(visit.seen.products, newest.products, scanned))
    is_new = found != visit.changes
    visit.changes = found
    before = visit.moment
    if session.state in IN_HAND:
        dose.still_holds(visit, now)
    elif session.state in QUESTIONS or session.state is State.STOPPED:
        _ask_again(visit, now)
    elif is_new and session.state in _LISTS:
        # The list is made anew by itself; a tap on the old one must not count.
        visit.here.show_orders(session.patient, now)
        visit.moment += 1
        if session.state is State.PATIENT:
            identity(visit, now)
    if visit.moment != before and found:
        visit.changed_moment = visit.moment


def _scanned(visit: Visit) -> frozenset[str]:
    return frozenset(each.scan.gtin for each in workflow.drugs(visit.session) if isinstance(each.scan, DrugScan))


def _ask_again(visit: Visit, now: datetime) -> None:
    """Where the answer would be another by now, that one is shown; where it is the same, nobody is disturbed."""
    session = visit.session
    if session.verdict is None or not (workflow.drugs(session) or session.intent.of_record is not None):
        return
    kept = visit.judged
    if _said(dose.judgement(visit, now).verdict) == _said(session.verdict):
        visit.judged = kept
    else:
        advance(visit, events.Changed(at=now), now)
        dose.judge(visit, now)


def still_said(visit: Visit, now: datetime) -> bool:
    """Whether the verdict on the screen would say the same now. Changes nothing."""
    if visit.session.verdict is None:
        return False
    kept = visit.judged
    found = dose.judgement(visit, now).verdict
    visit.judged = kept
    return _said(found) == _said(visit.session.verdict)


def _said(verdict: Verdict) -> tuple[object, ...]:
    """What a verdict says, apart from how many minutes ago something was."""
    findings = frozenset((each.rule, each.level, each.satisfied, each.unknown, each.remedy) for each in verdict.findings)
    return verdict.level, verdict.order, verdict.order_version, verdict.due, verdict.patient, findings


def identity(visit: Visit, now: datetime) -> None:
    """Tell of a wrong band at once, not only when a drug is scanned."""
    unknown = "" if visit.session.patient is not None else "chart-missing" if visit.chart.missing(now) else "band-unknown"
    if (stopped := evidence.identity_stop(ask(visit, facts(visit, now)), unknown)) is not None:
        attempt(visit, AttemptOutcome.STOPPED, stopped, now)
        advance(visit, events.Stopped(verdict=stopped, at=now), now)


def judge_again(visit: Visit, now: datetime, *, told: str | None = None) -> None:
    """The nurse has read what changed, and the patient has taken nothing: the same scans are judged by what is so now.

    Raises: IllegalTransitionError; JournalError, and then nothing was changed."""
    session, nurse = visit.session, visit.session.nurse
    if nurse is None or (session.state not in QUESTIONS and session.state is not State.STOPPED):
        say(visit, "not-now", state=session.state.value)
        return
    if _more_than(visit, told):
        return
    opened = next((each for each in visit.journal.open_doses() if each.record_id == session.record_id), None)
    if opened is not None:
        ended = evidence.left_open(opened, told_by=nurse.id, reason=REASON, now=now)
        visit.journal.append_attempt(ended, message_id=visit.new_id())
        visit.here.journal_fault = ""
        visit.dues.stale()
        visit.wake()
    visit.here.show_orders(session.patient, now)
    begin(visit, now)
    if workflow.drugs(session) or session.intent.of_record is not None:
        advance(visit, events.AskedAgain(at=now), now)
        dose.judge(visit, now)
    else:
        advance(visit, events.DrugsCleared(at=now), now)
        identity(visit, now)


def _more_than(visit: Visit, told: str | None) -> bool:
    """Whether more has changed than the screen told: said, and the tap does not count."""
    if told is None or told == change.mark(visit.changes):
        return False
    say(visit, change.notice_of(visit.changes) if visit.changes else "out-of-date")
    return True


def read(visit: Visit, now: datetime, *, told: str | None = None) -> None:
    """The nurse has read what changed; nothing else follows from it."""
    if _more_than(visit, told):
        return
    if visit.session.state in _LISTS:
        visit.here.show_orders(visit.session.patient, now)
    begin(visit, now)
    visit.moment += 1


def only_leaves(visit: Visit, command: Command) -> bool:
    """Whether a tap answers nothing that changed under the finger: who is done with a list, and leaves, leaves the newer one too."""
    is_leaving = isinstance(command, SignOut | ClosePatient) and visit.session.state in _LISTS
    return is_leaving and command.moment >= visit.entered_moment


def say_late(visit: Visit, moment: int) -> None:
    """A tap on a screen that is no longer so: of what changed under the finger, where something did. Beside a dose that is recorded
    nothing may say "not recorded"."""
    if moment < visit.changed_moment and visit.changes and visit.session.state is not State.CONCLUDED:
        say(visit, change.notice_of(visit.changes))
    else:
        say(visit, "out-of-date")
