"""The bedside loop: the one thread that owns the nurse's session, from a symbol to a durable record.

Everything comes in through one inbox of frozen values and goes out as one frozen `View`. It draws the ids, asks the chart for
facts and the engine for verdicts, and says "recorded" only after the journal has it. No fault may end it, and none may touch a
durable row.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

from cart_client import doubt, evidence, screen
from cart_client import inbox as asked
from cart_client.chart import Chart, Due, history_since
from cart_client.clock import steady_s
from cart_client.condition import Condition, Idle, PinGuard
from cart_client.drawer import Unlocker
from cart_client.inbox import Answer, Asked, Inbox, Link
from cart_client.journal import Journal
from cart_client.scanning import CameraTold, Seen
from cart_client.screen import DrawerTold, Trace, View
from devices.ports import Drawers
from pointofcare.administration import session as workflow
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import QUESTIONS, UNSETTLED, Session, State
from pointofcare.errors import (
    IllegalTransitionError,
    JournalError,
    NotPermittedError,
    QuantityError,
)
from pointofcare.labels import scan as labels
from pointofcare.labels.scan import BadgeScan, Keyed, LabelKind, Scan, TextScan
from pointofcare.labels.symbol import Symbol
from pointofcare.people import StaffRole
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Action, Facts, Intent
from pointofcare.verdict.finding import Verdict
from pointofcare.wire.messages import AttemptOutcome, LeaseAsked

log = logging.getLogger(__name__)
TICK_S = 1.0
_SHOWN_RECORDS = 5


class Bedside:
    """`ask_lease` sends a lease question (and may do nothing while offline), `wake` tells the uplink that something is journalled.

    `now` gives aware UTC, `mono_s` a clock that nobody sets, `new_id` a random uuid, `aside` runs a blocking call elsewhere.
    """

    def __init__(
        self,
        *,
        cart: str,
        facility: str,
        ward: str,
        zone: str,
        chart: Chart,
        journal: Journal,
        drawers: Drawers,
        training: bool = False,
        ask_lease: Callable[[LeaseAsked], None] = lambda _asked: None,
        wake: Callable[[], None] = lambda: None,
        evaluate: Callable[[Facts], Verdict] = engine.evaluate,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        mono_s: Callable[[], float] = steady_s,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        aside: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._cart, self._zone = cart, zone
        self._chart, self._journal, self._training = chart, journal, training
        self._wake, self._evaluate, self._now, self._new_id = wake, evaluate, now, new_id
        self.inbox: Inbox = queue.Queue()
        self._unlocker = Unlocker(drawers, self.inbox, aside)
        self._session = Session()
        self._moment = 0
        self._here = Condition(cart=cart, facility=facility, ward=ward, chart=chart, ask_lease=ask_lease, mono_s=mono_s, journal=journal)
        self._pins, self._idle = PinGuard(mono_s), Idle(mono_s)
        self._witness_badge = ""
        self._trace: Trace | None = None
        self._recent = screen.last_records(journal, now(), _SHOWN_RECORDS)
        self._notice: tuple[str, dict[str, object]] = ("", {})
        self._dues = screen.DueList(chart, journal)
        self._view = self._picture(now())

    @property
    def view(self) -> View:
        """The newest picture; safe to read from any thread."""
        return self._view

    def ask(self, command: asked.Command, *, timeout_s: float = 10.0) -> Answer:
        """Have the loop carry out `command` and wait for its answer. From any thread but the loop's own. Raises: TimeoutError."""
        answer: Future[Answer] = Future()
        self.inbox.put(Asked(command=command, answer=answer))
        return answer.result(timeout_s)

    def run(self) -> None:
        """The loop, until a `Halt`."""
        while True:
            try:
                item = self.inbox.get(timeout=TICK_S)
            except queue.Empty:
                item = asked.Tick()
            if isinstance(item, asked.Halt):
                return
            self.handle(item)

    def handle(self, item: object) -> None:
        """Take one value, then show what is so now. Its broad excepts log and show, and touch no durable row."""
        try:
            self._take(item)
        except Exception as exc:  # noqa: BLE001
            self._failed(exc)
        # Answered only after the picture: who pressed must see what became of it, not the screen from before.
        try:
            self._view = self._picture(self._now())
        except Exception as exc:  # noqa: BLE001
            self._failed(exc)
        if isinstance(item, Asked) and not item.answer.done():
            item.answer.set_result(Answer(done=not self._notice[0], notice=self._notice[0]))

    def _failed(self, exc: Exception) -> None:
        if isinstance(exc, JournalError):
            self._here.journal_fault = str(exc.fields.get("why", "disk-fault"))
            self._say(f"journal-{self._here.journal_fault}")
            log.error("journal: %s", exc)
        elif isinstance(exc, IllegalTransitionError):
            self._say("not-now", state=exc.state)
        else:
            log.exception("bedside loop")
            self._say("internal-fault", kind=type(exc).__name__)

    def _say(self, notice: str, **params: object) -> None:
        self._notice = (notice, params)

    def _take(self, item: object) -> None:
        now = self._now()
        match item:
            case asked.Tick():
                self._tick(now)
            case Seen():
                self._notice = ("", {})
                self._seen(item, now)
                self._trace = Trace(frame_at=item.frame_at, decode_at=item.at, verdict_at=self._now())
            case Asked(command=command):
                self._notice = ("", {})
                if command.moment != self._moment:
                    self._say("out-of-date")
                else:
                    self._command(command, now)
            case CameraTold():
                if self._here.camera.live and not item.live:
                    self._note("camera-lost", now, {"why": item.why})
                self._here.camera = item
            case DrawerTold():
                self._unlocker.told = item
                if item.outcome == "outcome-unknown":
                    self._note("drawer-outcome-unknown", now, {"drawer": item.drawer})
            case asked.LinkTold():
                if item.link is Link.ONLINE and not self._here.online and self._session.patient is not None:
                    self._here.acquire(self._session.patient, self._session.nurse)
                self._here.link = item.link
            case asked.LeaseTold():
                self._here.lease_told(item, self._session.patient)
            case asked.ClockMeasured():
                self._here.measure(item.offset_s, now)
            case asked.BatteryTold():
                self._here.battery_percent = item.percent
            case asked.TablesChanged():
                self._dues.stale()
                if item.why:
                    self._note("table-refused", now, {"kind": item.kind, "why": item.why})
            case asked.RecordMoved():
                pass  # the picture reads the journal
            case _:
                log.error("a %s is not known here", type(item).__name__)

    def _tick(self, now: datetime) -> None:
        session = self._session
        if session.state is not State.IDLE and self._idle.span(session, now) >= self._chart.policy().session_idle:
            self._leave(workflow.IdleExpired(at=now), now)
            self._say("signed-out-idle")
        else:
            self._here.keep(session.patient, session.nurse, now)

    def _seen(self, seen: Seen, now: datetime) -> None:
        scan, *beside = (self._interpreted(symbol, now) for symbol in (seen.symbol, *seen.beside))
        text = seen.symbol.content.decode("utf-8", "backslashreplace")
        session = self._session
        if isinstance(scan, BadgeScan):
            self._badge(scan.badge, now)
        elif session.state in (State.IDLE, State.BADGE):
            self._say("sign-in-first" if session.state is State.IDLE else "pin-first")
        else:
            event = workflow.scanned(scan, now, identifier=seen.symbol.identifier, text=text, patient=self._named(scan, now))
            crowded = doubt.crowded(event, tuple(beside), session, lambda band: self._named(band, now))
            if crowded:
                self._say(crowded)
            elif isinstance(event, workflow.BandScanned):
                self._band(event, now)
            elif isinstance(scan, TextScan) and not self._chart.names_bag(scan.text, now):
                self._say("foreign-symbol", text=scan.text[:40])
            elif session.state is State.SIGNED_IN:
                self._say("band-first")
            elif session.state is State.GIVING:
                # A pack that comes into the picture again must not undo what was verified.
                self._say("finish-this-dose")
            elif workflow.same_pack(session, scan, now):
                self._say("same-pack")
            else:
                self._advance(event)
                self._judge(now)

    def _interpreted(self, symbol: Symbol, now: datetime) -> Scan:
        return labels.interpret(symbol, self._chart.site_profile(), self._chart.today(now, self._zone))

    def _named(self, scan: Scan, now: datetime) -> str | None:
        patient = self._chart.patient_of(scan, now)
        return patient.id if patient is not None else None

    def _band(self, event: workflow.BandScanned, now: datetime) -> None:
        session = self._session
        unsettled = session.state in UNSETTLED and session.verdict is not None
        if unsettled and event.patient is not None and event.patient == session.patient:
            return  # the same band again while its dose is worked on
        if workflow.BandScanned not in workflow.TRANSITIONS[session.state]:
            raise IllegalTransitionError("session", session.state.value, "BandScanned")
        self._abandon(now)
        self._here.release(session.patient, session.nurse, now)
        self._advance(event)
        self._here.show_orders(event.patient, now)
        if event.patient is not None:
            self._here.acquire(event.patient, session.nurse)
        self._identity(now)

    def _identity(self, now: datetime) -> None:
        """Tell of a wrong band at once, not only when a drug is scanned."""
        unknown = "" if self._session.patient is not None else "chart-missing" if self._chart.missing(now) else "band-unknown"
        if (stopped := evidence.identity_stop(self._evaluate(self._facts(now)), unknown)) is not None:
            self._attempt(AttemptOutcome.STOPPED, stopped, now)
            self._advance(workflow.Stopped(verdict=stopped, at=now))

    def _badge(self, badge: str, now: datetime) -> None:
        session = self._session
        if session.state is State.AWAITING_WITNESS:
            if not self._chart.knows_badge(badge, now):
                self._say("badge-unknown")
            elif badge == session.badge:
                self._say("witness-same")
            elif badge != self._witness_badge:
                self._witness_badge = badge
                self._moment += 1
        elif session.state in (State.IDLE, State.BADGE):
            if self._chart.missing(now) and "staff-roster" in self._chart.missing(now):
                self._say("roster-missing")
            elif not self._chart.knows_badge(badge, now):
                self._say("badge-unknown")
            else:
                self._advance(workflow.BadgeRead(badge=badge, at=now))
        elif badge != session.badge:
            self._say("sign-out-first")

    def _pin(self, pin: str, now: datetime) -> None:
        session = self._session
        witness = session.state is State.AWAITING_WITNESS
        badge = self._witness_badge if witness else (session.badge or "")
        if not badge or (not witness and session.state is not State.BADGE):
            self._say("not-now", state=session.state.value)
            return
        if self._pins.paused(badge):
            self._say("pin-paused", seconds=int(self._pins.pause_s))
            return
        try:
            nurse, second = self._chart.person(badge, pin, now)
        except NotPermittedError as exc:
            why = str(exc.fields.get("why", "not-permitted"))
            if why == "pin-wrong":
                self._pins.missed(badge)
                self._note("pin-wrong", now, {})
            self._say(why)
            return
        self._pins.passed(badge)
        if not witness:
            self._advance(workflow.SignedIn(nurse=nurse, at=now))
            self._dues.stale()
        elif session.nurse is not None and second.id == session.nurse.id:
            self._say("witness-same")
        else:
            self._witness_badge = ""
            self._advance(workflow.WitnessGiven(witness=second, at=now))
            self._judge(now)

    def _command(self, command: asked.Command, now: datetime) -> None:
        match command:
            case asked.KeyBadge(badge=badge):
                self._badge(badge.strip(), now)
            case asked.EnterPin(pin=pin):
                self._pin(pin, now)
            case asked.SignOut():
                self._leave(workflow.SignedOut(at=now), now)
            case asked.KeyPatient(mrn=mrn, birth_date=birth_date, reason=reason):
                scan = Keyed(value=mrn.strip(), kind=LabelKind.PATIENT, second_identifier=birth_date.strip(), reason=reason)
                self._band(workflow.BandScanned(scan=scan, at=now, text=scan.value, patient=self._named(scan, now)), now)
            case asked.ChooseOrder(order=order, due=due):
                if not any((choice.order.id, choice.due) == (order, due) for choice in self._view.choices):
                    self._say("out-of-date")
                else:
                    self._advance(workflow.OrderChosen(order=order, due=due, at=now))
                    self._judge(now)
            case asked.GiveAmount():
                self._amount(command, now)
            case asked.GiveReason():
                self._reason(command, now)
            case asked.Acknowledge():
                self._acknowledge(now)
            case asked.Confirm(record_id=record_id):
                self._confirm(record_id, now)
            case asked.Decline():
                self._decline(command, now)
            case asked.ClearDrugs():
                self._abandon(now)
                self._advance(workflow.DrugsCleared(at=now))
                self._here.show_orders(self._session.patient, now)
            case asked.ClosePatient():
                self._leave(workflow.PatientClosed(at=now), now)
            case asked.ResolveOpen():
                self._resolve(command, now)

    def _amount(self, command: asked.GiveAmount, now: datetime) -> None:
        try:
            dose, waste = command.quantities()
        except QuantityError:
            self._say("amount-unreadable", text=f"{command.dose} {command.waste}".strip()[:40])
            return
        self._advance(workflow.AmountGiven(dose=dose, waste=waste, site=command.site.strip() or None, at=now))
        self._judge(now)

    def _reason(self, command: asked.GiveReason, now: datetime) -> None:
        if command.reason == "clinical-judgement" and not command.reason_text.strip():
            self._say("reason-needs-text")
            return
        if not command.reason and not command.prn_reason:
            self._say("reason-missing")
            return
        event = workflow.ReasonGiven(
            at=now,
            reason=command.reason or None,
            reason_text=command.reason_text.strip() or None,
            satisfies=command.satisfies or None,
            prn_reason=command.prn_reason or None,
        )
        self._advance(event)
        self._judge(now)

    def _facts(self, now: datetime, session: Session | None = None) -> Facts:
        journalled = self._journal.administrations(since=history_since(now))
        return self._chart.facts_for(session or self._session, now, cart=self._here.facts(now), journalled=journalled)

    def _judge(self, now: datetime) -> None:
        verdict = self._evaluate(self._facts(now))
        given = screen.given_now(self._due_list(now), verdict.order, now) if self._session.intent.due is None else None
        if given is not None:
            named = replace(self._session, intent=replace(self._session.intent, order=verdict.order, due=given))
            verdict = self._evaluate(self._facts(now, named))
        event = workflow.judged(verdict, now, self._new_id())
        opened = doubt.open_dose(self._journal.open_doses(), verdict, self._session, self._chart.products(now), now)
        if opened is not None:
            verdict = doubt.stopped_by(verdict, opened, now)
            event = workflow.Stopped(verdict=verdict, at=now)
            self._say("open-dose-first")
        if isinstance(event, workflow.Permitted):
            self._permit(event, verdict, now)
            return
        if isinstance(event, workflow.Stopped) and self._session.record_id is None:
            self._attempt(AttemptOutcome.STOPPED, verdict, now)
        self._advance(event)

    def _acknowledge(self, now: datetime) -> None:
        """A tap answers the warning that was read: if by now there is another, that one is shown."""
        before = self._session.verdict
        if self._session.state is not State.WARNED or before is None:
            raise IllegalTransitionError("session", self._session.state.value, "Acknowledged")
        self._advance(workflow.Changed(at=now))
        self._judge(now)
        verdict = self._session.verdict
        if self._session.state is not State.WARNED or verdict is None:
            return  # its own screen says what is so now
        if evidence.asked_for(verdict) == evidence.asked_for(before):
            self._permit(workflow.Acknowledged(record_id=self._new_id(), at=now), verdict, now)
        else:
            self._say("verdict-changed")

    def _permit(self, event: workflow.Permitted | workflow.Acknowledged, verdict: Verdict, now: datetime) -> None:
        """Into `GIVING`, but only after it is durable that this dose may now be in the patient's hand."""
        giving = workflow.advance(self._session, event)
        self._journal.open_dose(self._concluded(giving, verdict, now), at=now)
        self._here.journal_fault = ""
        self._become(giving)
        drawer = self._chart.drawer_of(giving.patient, now) if giving.patient is not None else None
        self._unlocker.unlock(drawer, giving.record_id)

    def _concluded(self, session: Session, verdict: Verdict, now: datetime) -> AdministrationRecord:
        patient = self._chart.patient(session.patient, now)
        if patient is None or session.record_id is None:
            raise IllegalTransitionError("session", session.state.value, "conclude")
        return workflow.conclude(
            session,
            verdict,
            session.record_id,
            now,
            patient=patient,
            products=self._chart.products(now),
            place=self._here.place(now),
        )

    def _confirm(self, record_id: str, now: datetime) -> None:
        session = self._session
        if session.state is not State.GIVING or session.record_id != record_id:
            self._say("out-of-date")
            return
        before = session.verdict
        verdict = self._evaluate(self._facts(now))
        same = before is not None and (verdict.order, verdict.order_version, verdict.due) == (
            before.order,
            before.order_version,
            before.due,
        )
        if not (same and workflow.answered(verdict)):
            self._advance(workflow.Changed(at=now))
            self._advance(workflow.Stopped(verdict=verdict, at=now) if not same else workflow.judged(verdict, now, record_id))
            changed = not same or any(f.rule in ("D2", "D4", "D5") for f in verdict.findings)
            self._say("order-changed" if changed else "verdict-changed")
            return
        record = self._concluded(session, verdict, now)
        if self._journal.entry(record_id) is None:  # pressed again after a fault that came after the write
            self._journal.append(record, message_id=self._new_id())
        self._here.journal_fault = ""
        self._advance(workflow.Confirmed(verdict=verdict, at=now))
        self._recorded(record_id)

    def _decline(self, command: asked.Decline, now: datetime) -> None:
        session = self._session
        action = Action(command.action)
        if action not in (Action.REFUSE, Action.HOLD, Action.NOT_GIVEN) or not command.reason:
            self._say("reason-missing")
            return
        held = session.verdict
        if command.order:
            listed = any((line.order.id, line.due) == (command.order, command.due) for line in self._due_list(now))
            if session.state in UNSETTLED or not listed:
                self._say("finish-this-dose" if session.state in UNSETTLED else "out-of-date")
                return
            session = workflow.without_drugs(session)  # what was scanned for the last dose is no part of this one
        order = command.order or (held.order if held is not None else None)
        due = command.due if command.order else (held.due if held is not None else None)
        if order is None:
            self._say("order-needed")
            return
        intent = Intent(action=action, order=order, due=due, reason=command.reason, reason_text=command.reason_text.strip() or None)
        bands = replace(workflow.without_drugs(session), intent=intent)
        verdict = self._evaluate(self._facts(now, bands))
        if not workflow.answered(verdict) or verdict.record is None:
            rules = ", ".join(f.rule for f in verdict.findings if not f.satisfied)
            self._say("decline-refused", rules=rules)
            return
        event = workflow.Declined(
            action=action,
            reason=command.reason,
            reason_text=intent.reason_text,
            verdict=verdict,
            record_id=session.record_id or self._new_id(),
            at=now,
        )
        declined = workflow.advance(session, event)
        record = self._concluded(replace(declined, intent=intent), verdict, now)
        if self._journal.entry(record.record_id) is None:
            self._journal.append(record, message_id=self._new_id())
        self._here.journal_fault = ""
        self._become(declined)
        self._recorded(record.record_id)

    def _resolve(self, command: asked.ResolveOpen, now: datetime) -> None:
        """What became of a dose that was verified and never confirmed: told by who verified it, or by a charge nurse."""
        nurse = self._session.nurse
        opened = next((r for r in self._journal.open_doses() if r.record_id == command.record_id), None)
        if nurse is None or opened is None:
            self._say("out-of-date")
        elif opened.nurse != nurse.id and nurse.role is not StaffRole.CHARGE_NURSE:
            self._say("only-the-giver")
        elif not command.reason:
            self._say("reason-missing")
        else:
            if command.given:
                record = evidence.told_late(opened, told_by=nurse.id, reason=command.reason, text=command.reason_text.strip(), now=now)
                self._journal.append(record, message_id=self._new_id())
                self._recorded(record.record_id)
            else:
                told = evidence.left_open(opened, told_by=nurse.id, reason=command.reason, now=now)
                self._journal.append_attempt(told, message_id=self._new_id())
                self._wake()
            self._here.journal_fault = ""
            self._dues.stale()
            if self._session.patient == opened.patient and self._session.state in (State.STOPPED, *QUESTIONS):
                self._advance(workflow.DrugsCleared(at=now))
            else:
                self._moment += 1

    def _recorded(self, record_id: str) -> None:
        self._recent = [record_id, *(r for r in self._recent if r != record_id)][:_SHOWN_RECORDS]
        self._dues.stale()
        self._wake()

    # Leaving, and evidence of what was not given.

    def _leave(self, event: workflow.SignedOut | workflow.IdleExpired | workflow.PatientClosed, now: datetime) -> None:
        session = self._session
        if type(event) not in workflow.TRANSITIONS[session.state]:
            raise IllegalTransitionError("session", session.state.value, type(event).__name__)
        with contextlib.suppress(JournalError):  # a full disk must not keep anybody signed in
            self._abandon(now)
        self._here.release(session.patient, session.nurse, now)
        self._advance(event)

    def _abandon(self, now: datetime) -> None:
        """A dose that was asked about and given up. One that was permitted stays open until somebody says what became of it."""
        session = self._session
        if session.state in QUESTIONS and session.verdict is not None and session.record_id is None:
            self._attempt(AttemptOutcome.ABANDONED, session.verdict, now)

    def _attempt(self, outcome: AttemptOutcome, verdict: Verdict, now: datetime) -> None:
        session = self._session
        attempt = evidence.attempt(session, outcome, verdict, record_id=self._new_id(), now=now, place=self._here.place(now))
        try:
            self._journal.append_attempt(attempt, message_id=self._new_id())
        except JournalError as exc:
            # The stop stands whether or not its evidence could be kept.
            self._failed(exc)
        self._wake()

    def _advance(self, event: workflow.Event) -> None:
        self._become(workflow.advance(self._session, event))

    def _become(self, session: Session) -> None:
        self._session = session
        self._idle.saw(session)
        self._moment += 1
        if session.state is not State.AWAITING_WITNESS:
            self._witness_badge = ""
        if session.state is State.CONCLUDED:
            self._here.show_orders(session.patient, session.last_at or self._now())

    def _note(self, kind: str, now: datetime, details: dict[str, object]) -> None:
        with contextlib.suppress(JournalError):
            self._journal.note(kind, at=now, details=details)
            self._wake()

    def _due_list(self, now: datetime) -> tuple[Due, ...]:
        return self._dues.of(self._session.patient, now)

    def _picture(self, now: datetime) -> View:
        session = self._session
        units = screen.units(session, self._chart.products(now))
        verdict = session.verdict
        order = self._chart.order(verdict.order, now) if verdict is not None else None
        signed_in = session.nurse is not None
        told = self._unlocker.told
        dues = self._due_list(now) if signed_in else ()
        return View(
            moment=self._moment,
            at=now,
            zone=self._chart.zone() or self._zone,
            cart=self._cart,
            ward_name=self._chart.ward_name(),
            training=self._training,
            session=session,
            strip=self._here.strip(now, unsent=self._journal.unsent_count()),
            patient=self._chart.patient(session.patient, now),
            badge_name=self._chart.badge_name(session.badge, now) if session.badge else "",
            witness_badge=self._chart.badge_name(self._witness_badge, now) if self._witness_badge else "",
            units=units,
            order=order,
            due=verdict.due if verdict is not None else None,
            choices=screen.choices(units, dues) if session.state is State.CHOOSING else (),
            dues=dues,
            opened=self._journal.open_doses() if signed_in else (),
            drawer=told if told is not None and told.record_id == session.record_id else None,
            trace=self._trace,
            recorded=screen.recorded(self._journal, tuple(self._recent)),
            notice=self._notice[0],
            notice_params=dict(self._notice[1]),
        )
