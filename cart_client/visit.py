"""What the bedside loop knows at this moment, and the small steps that every subject of it shares.

Owned by the loop's one thread: sign-in, dose, declining and the rest are plain functions over one `Visit`. Must never say
"recorded" of what the journal has not.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from cart_client import evidence
from cart_client.afar import Afar
from cart_client.care import Due
from cart_client.change import Change, Seen
from cart_client.chart import Chart, history_since
from cart_client.clock import steady_s
from cart_client.condition import Condition, Idle, PinGuard
from cart_client.drawer import Unlocker
from cart_client.drawer_watch import Watch
from cart_client.journal import Journal
from cart_client.looks import Look, Looks
from cart_client.prepared import Ready
from cart_client.screen import SHOWN_RECORDS, DueList, Trace
from pointofcare.administration import conclusion, events
from pointofcare.administration import session as workflow
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import QUESTIONS, Session, State
from pointofcare.errors import IllegalTransitionError, JournalError, PointOfCareError, QuantityError
from pointofcare.fleet.drawers import Evidence
from pointofcare.labels.scan import Scan
from pointofcare.verdict.facts import Facts, HistoryEntry
from pointofcare.verdict.finding import Verdict
from pointofcare.wire import snapshot
from pointofcare.wire.messages import AttemptOutcome
from pointofcare.wire.tables import StaffEntry

log = logging.getLogger(__name__)
_REMEMBERED = 4


@dataclass(slots=True, kw_only=True)
class Visit:
    """`moment` changes whenever something that can be pressed changes. `witness_badge` is a second person's whose PIN is awaited,
    `recent` the newest records of this cart, `judged` the last verdicts with what they were a function of, `notice` a code with its
    parameters.

    `seen` is what the screen of the open patient was made from and `changes` what changed since; `changed_moment` is the first moment
    with them, and `entered_moment` that of the present step of the session. `ready` is the dose in hand as far as it can be written
    before the tap, `just_recorded` the record that the journal has and no picture shows yet. `looking` is whom the nurse looks at without
    a wristband, `look` what that screen, or the open patient's, was made from. `signed` and `second_signed` are the roster's entries of
    those whose PIN was proven, `read_conflicts` what was read here by whom. `afar` are second looks over the network."""

    chart: Chart
    journal: Journal
    here: Condition
    unlocker: Unlocker
    dues: DueList
    pins: PinGuard
    idle: Idle
    evaluate: Callable[[Facts], Verdict]
    new_id: Callable[[], str]
    wake: Callable[[], None]
    session: Session = field(default_factory=Session)
    moment: int = 0
    witness_badge: str = ""
    judged: tuple[tuple[Facts, Verdict], ...] = ()
    trace: Trace | None = None
    recent: list[str] = field(default_factory=list)
    notice: tuple[str, dict[str, object]] = ("", {})
    seen: Seen | None = None
    changes: tuple[Change, ...] = ()
    changed_moment: int = 0
    entered_moment: int = 0
    ready: Ready | None = None
    just_recorded: AdministrationRecord | None = None
    signed: StaffEntry | None = None
    second_signed: StaffEntry | None = None
    read_conflicts: set[tuple[int, str]] = field(default_factory=set)
    looks: Looks = field(default_factory=Looks)
    looking: str = ""
    look: Look | None = None
    afar: Afar = field(default_factory=Afar)
    drawers: Watch = field(default_factory=lambda: Watch(steady_s))


def say(visit: Visit, notice: str, **params: object) -> None:
    visit.notice = (notice, params)


def unread(visit: Visit, exc: QuantityError, notice: str, field: str, **params: object) -> None:
    """An amount that was typed is not understood: one that can be read in two ways is named with its field, any other by `notice`."""
    if exc.fields.get("why") == "ambiguous":
        named = {"field": exc.fields.get("field", field), "text": exc.fields["text"]}
        say(visit, "number-ambiguous", **named)
    else:
        say(visit, notice, **params)


def failed(visit: Visit, exc: Exception) -> None:
    """Tell of a fault. Nothing durable is touched."""
    if isinstance(exc, JournalError):
        visit.here.journal_fault = str(exc.fields.get("why", "disk-fault"))
        say(visit, f"journal-{visit.here.journal_fault}")
        log.error("journal: %s", exc)
    elif isinstance(exc, IllegalTransitionError):
        say(visit, "not-now", state=exc.state)
    else:
        log.exception("bedside loop")
        say(visit, "internal-fault", kind=type(exc).__name__)


def advance(visit: Visit, event: events.Event, now: datetime) -> None:
    """Raises: IllegalTransitionError, and then nothing was changed."""
    become(visit, workflow.advance(visit.session, event), now)


def become(visit: Visit, session: Session, now: datetime) -> None:
    visit.session = session
    visit.idle.saw(session)
    visit.moment += 1
    visit.entered_moment = visit.moment
    if session.state not in workflow.WITNESSING:
        visit.witness_badge = ""
    if session.state is State.CONCLUDED:
        visit.here.show_orders(session.patient, session.last_at or now)


def named(visit: Visit, scan: Scan, now: datetime) -> str | None:
    """Whom a wristband names."""
    patient = visit.chart.patient_of(scan, now)
    return patient.id if patient is not None else None


def due_list(visit: Visit, now: datetime) -> tuple[Due, ...]:
    return visit.dues.of(visit.session.patient, now)


def facts(visit: Visit, now: datetime, session: Session | None = None) -> Facts:
    journalled = visit.journal.administrations(since=history_since(now))
    measured = visit.journal.observations(since=history_since(now))
    noted = visit.dues.notes(now) if visit.chart.policy().skin_tested else ()
    here = visit.here.facts(now)
    return visit.chart.facts_for(session or visit.session, now, cart=here, journalled=journalled, measured=measured, noted=noted)


def ask(visit: Visit, about: Facts) -> Verdict:
    """The verdict on these facts, which are remembered for whoever records it."""
    verdict = visit.evaluate(about)
    visit.judged = ((about, verdict), *visit.judged[: _REMEMBERED - 1])
    return verdict


def packed(visit: Visit, verdict: Verdict) -> str | None:
    """The facts of `verdict`, or of the last one asked for, from which it was made. None when they cannot be kept: a dose is
    recorded without them rather than not at all."""
    made = next((each for each in visit.judged if each[1] == verdict), visit.judged[0] if visit.judged else None)
    if made is None:
        return None
    try:
        return snapshot.pack(made[0], verdict=made[1])
    except PointOfCareError as exc:
        log.error("the facts of a verdict are not kept: %s", exc)
        return None


def entry(visit: Visit, record_id: str | None, now: datetime) -> HistoryEntry | None:
    """What is on record under `record_id`, None when nothing or when it is not clear."""
    if record_id is None:
        return None
    found = [each for each in facts(visit, now).history if each.record_id == record_id]
    return found[0] if len(found) == 1 else None


def concluded(visit: Visit, session: Session, verdict: Verdict, now: datetime) -> AdministrationRecord:
    """The record of `session`. Raises: IllegalTransitionError when there is nothing that may be recorded."""
    patient = visit.chart.patient(session.patient, now)
    if patient is None or session.record_id is None:
        raise IllegalTransitionError("session", session.state.value, "conclude")
    record = conclusion.conclude(
        session,
        verdict,
        session.record_id,
        now,
        patient=patient,
        products=visit.chart.products(now),
        place=visit.here.place(),
        of=entry(visit, session.intent.of_record, now),
    )
    drawer, evidence = drawer_evidence(visit, session.record_id)
    return replace(record, drawer=drawer, drawer_evidence=evidence)


def drawer_evidence(visit: Visit, record_id: str) -> tuple[int | None, str | None]:
    """The drawer that was to open for this dose, and what is known of it now. Both None: it comes from no drawer."""
    told = visit.unlocker.told
    if told is None or told.record_id != record_id:
        return None, None
    if told.outcome == "unlocked" and visit.drawers.has_opened(told.drawer, record_id):
        return told.drawer, Evidence.OPENED.value
    return told.drawer, told.outcome if told.outcome != "opening" else Evidence.UNKNOWN.value


def write(visit: Visit, record: AdministrationRecord, verdict: Verdict) -> None:
    """Into the journal, with the facts. Pressed again after a fault that came after the write, it is there already.

    Raises: JournalError when it is not on disk."""
    held = visit.journal.entry(record.record_id)
    if held is None or held.kind != "administration":  # told as not done before: the journal refuses
        visit.journal.append(record, message_id=visit.new_id(), facts=packed(visit, verdict))
    recorded(visit, record.record_id, record.patient)


def recorded(visit: Visit, record_id: str, patient: str | None = None) -> None:
    """The journal has it: show it, and have it sent. `patient` is the one whom it is about, where it is about one alone."""
    visit.here.journal_fault = ""
    if visit.unlocker.told is not None and visit.unlocker.told.record_id == record_id:
        visit.drawers.charted(record_id, visit.unlocker.told.drawer)
    visit.recent = [record_id, *(r for r in visit.recent if r != record_id)][:SHOWN_RECORDS]
    visit.dues.stale(patient)
    visit.wake()


def note(visit: Visit, kind: str, now: datetime, details: dict[str, object]) -> None:
    """Note something that happened to the cart, as far as the disk takes it."""
    with contextlib.suppress(JournalError):
        visit.journal.note(kind, at=now, details=details)
        visit.wake()


# Leaving, and evidence of what was not given.


def leave(visit: Visit, event: events.SignedOut | events.IdleExpired | events.PatientClosed, now: datetime) -> None:
    session = visit.session
    if type(event) not in workflow.TRANSITIONS[session.state]:
        raise IllegalTransitionError("session", session.state.value, type(event).__name__)
    with contextlib.suppress(JournalError):  # a full disk must not keep anybody signed in
        abandon(visit, now)
    visit.here.release(session.patient, session.nurse, now)
    advance(visit, event, now)
    visit.seen, visit.changes = None, ()
    if visit.session.nurse is None:
        visit.signed, visit.second_signed = None, None
        visit.looking, visit.look = "", None  # nobody says that it was read


def abandon(visit: Visit, now: datetime) -> None:
    """A dose that was asked about and given up. One that was permitted stays open until somebody says what became of it."""
    session = visit.session
    if session.state in QUESTIONS and session.verdict is not None and session.record_id is None:
        attempt(visit, AttemptOutcome.ABANDONED, session.verdict, now)


def attempt(visit: Visit, outcome: AttemptOutcome, verdict: Verdict, now: datetime) -> None:
    """Keep the evidence of a dose that was not given. The stop stands whether or not that could be kept."""
    made = evidence.attempt(visit.session, outcome, verdict, record_id=visit.new_id(), now=now, place=visit.here.place())
    made = replace(made, facts=packed(visit, verdict))
    try:
        visit.journal.append_attempt(made, message_id=visit.new_id())
    except JournalError as exc:
        failed(visit, exc)
    visit.wake()
