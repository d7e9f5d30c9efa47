"""The bedside loop: the one thread that owns the nurse's session, from a symbol to a durable record.

Everything comes in through one inbox of frozen values and goes out as one frozen `View`. It draws the ids, asks the chart for
facts and the engine for verdicts, and says "recorded" only after the journal has it. No fault may end it, and none may touch a
durable row. What each value leads to is in the module of its subject.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta

from cart_client import (
    acts,
    changing,
    conflict,
    counting,
    declining,
    dose,
    doubt,
    drawer_access,
    looking,
    measuring,
    open_dose,
    ready,
    rights,
    screen,
    sign_in,
    spelling,
    visit,
)
from cart_client import inbox as asked
from cart_client.afar import Afar, WitnessHeard
from cart_client.beside import anaphylaxis
from cart_client.beside import doing as beside
from cart_client.beside.asked import Beside
from cart_client.care import Care
from cart_client.chart import Chart
from cart_client.clock import CartClock, Sample, steady_s, wall
from cart_client.condition import Condition, Idle, PinGuard
from cart_client.drawer import Unlocker
from cart_client.drawer_watch import DrawersHeard, Watch
from cart_client.inbox import Answer, Asked, Inbox, Link
from cart_client.journal import Journal
from cart_client.scanning import LASTING_FAULTS, PHONE_AWAY, CameraTold, Seen
from cart_client.screen import DrawerTold, Trace, View
from cart_client.visit import Visit
from cart_client.witness import asked as far
from cart_client.witness import called, fetching
from devices.ports import Drawers
from pointofcare.administration import events
from pointofcare.administration import session as workflow
from pointofcare.administration.session import IN_HAND, UNSETTLED, Session, State
from pointofcare.errors import IllegalTransitionError, JournalError
from pointofcare.fleet.drawers import ACCESS
from pointofcare.labels import scan as labels
from pointofcare.labels.scan import BadgeScan, Keyed, LabelKind, Scan, TextScan
from pointofcare.labels.symbol import Symbol
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Verdict
from pointofcare.wire.messages import LeaseAsked, WitnessAnswered, WitnessAsked

log = logging.getLogger(__name__)
TICK_S = 1.0
# What is lost of the time when the power fails and there is no record after it.
KEEP_TIME_S = 60.0


def clock_of(
    journal: Journal, *, now: Callable[[], datetime] = wall, mono_s: Callable[[], float] = steady_s, boot_id: str = ""
) -> CartClock:
    """The cart's clock with what its journal keeps of the time. Raises: JournalError."""
    return CartClock(wall=now, mono_s=mono_s, boot_id=boot_id, kept=journal.kept_time(), last_at=journal.last_at())


class Bedside:
    """`ask_lease` and `ask_witness` send a question (and may do nothing while offline), `wake` tells the uplink of something journalled.

    `now` is the machine's wall clock, aware UTC, `mono_s` a clock that nobody sets, `clock` what is made of both (by default with what
    the journal keeps of it), `new_id` a random uuid, `aside` runs a blocking call elsewhere.
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
        ask_witness: Callable[[WitnessAsked | WitnessAnswered], None] = lambda _body: None,
        wake: Callable[[], None] = lambda: None,
        evaluate: Callable[[Facts], Verdict] = engine.evaluate,
        now: Callable[[], datetime] = wall,
        clock: CartClock | None = None,
        mono_s: Callable[[], float] = steady_s,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        idle_lock_s: Callable[[], int] = lambda: 0,
        aside: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._cart, self._zone, self._training, self._mono_s = cart, zone, training, mono_s
        self._wake, self._wakes, self._shows_all = wake, False, True
        self._idle_lock_s = idle_lock_s
        self._tried: tuple[Session | None, float] = (None, 0.0)  # for which session something was made ready last, and when
        self._clock = clock or clock_of(journal, now=now, mono_s=mono_s)
        self._now = self._clock.now
        self._kept_mono_s = self._ticked_mono_s = mono_s()
        self.inbox: Inbox = queue.Queue()
        self.visit = Visit(
            chart=chart,
            journal=journal,
            here=Condition(
                cart=cart,
                facility=facility,
                ward=ward,
                chart=chart,
                ask_lease=ask_lease,
                mono_s=mono_s,
                journal=journal,
                clock=self._clock,
            ),
            unlocker=Unlocker(drawers, self.inbox, aside),
            dues=screen.DueList(chart, journal),
            pins=PinGuard(mono_s, journal, now()),
            idle=Idle(mono_s),
            evaluate=evaluate,
            new_id=new_id,
            wake=self._wake_later,
            recent=screen.last_records(journal, self._now(), screen.SHOWN_RECORDS),
            afar=Afar(send=ask_witness, mono_s=mono_s),
            drawers=Watch(mono_s),
        )
        self._view = self._picture(self._now())

    @property
    def view(self) -> View:
        """The newest picture; safe to read from any thread."""
        return self._view

    def _idle_lock(self) -> timedelta:
        """The policy's; a setting of this cart may make it shorter, never longer, and not while something was scanned and is not settled:
        whoever gives a dose slowly does not touch the cart."""
        policy, own_s = self.visit.chart.policy().session_idle, self._idle_lock_s()
        return min(policy, timedelta(seconds=own_s)) if own_s > 0 and self.visit.session.state not in UNSETTLED else policy

    def ask(self, command: asked.Command, *, timeout_s: float = 10.0) -> Answer:
        """Have the loop carry out `command` and wait for its answer. From any thread but the loop's own. Raises: TimeoutError."""
        answer: Future[Answer] = Future()
        self.inbox.put(Asked(command=command, answer=answer))
        return answer.result(timeout_s)

    def end_when_idle(self, *, within_s: float = 10.0) -> bool:
        """End the loop, unless somebody is signed in; False: it goes on. What was given up never ends it later. From another thread."""
        answer: Future[bool] = Future()
        self.inbox.put(asked.Halt(answer=answer))
        try:
            return answer.result(within_s)
        except TimeoutError:
            if answer.cancel():
                log.error("the bedside did not answer in time: it is not ended")
                return False
            return answer.result()  # it is being answered at this moment

    def run(self) -> None:
        """The loop, until a `Halt`."""
        while True:
            try:
                item = self.inbox.get(timeout=TICK_S)
            except queue.Empty:
                item = asked.Tick()
            if isinstance(item, asked.Halt):
                idle = self.visit.session.state is State.IDLE
                if item.answer is not None and not item.answer.set_running_or_notify_cancel():
                    continue  # nobody waits for it any more, and nobody expects it
                if item.answer is not None:
                    item.answer.set_result(idle)
                if item.answer is None or idle:
                    return
                continue
            self.handle(item)
            # Who is always scanned to has no quiet second: the idle lock and the leases must not wait for one.
            if self._mono_s() - self._ticked_mono_s >= TICK_S:
                self.handle(asked.Tick())
            if self.inbox.empty():
                self.rest()

    def handle(self, item: object) -> None:
        """Take one value, then show what is so now. Its broad excepts log and show, and touch no durable row."""
        try:
            self._take(item)
            fetching.look(self.visit)
        except Exception as exc:  # noqa: BLE001
            visit.failed(self.visit, exc)
        # Answered only after the picture: who pressed must see what became of it, not the screen from before.
        self._show(self._now())
        if isinstance(item, Asked) and not item.answer.done():
            notice = self.visit.notice[0]
            item.answer.set_result(Answer(done=not notice, notice=notice))
        if self._wakes:
            self._wakes = False
            self._wake()

    def rest(self) -> None:
        """What nobody waits for, when nothing else is to be done: the whole picture after a record, and the dose in hand made ready."""
        v = self.visit
        if not self._shows_all:
            self._show(self._now())
        if v.session.state is not State.GIVING:
            v.ready = None
            return
        try:
            now, mono_s = self._now(), self._mono_s()
            is_new = self._tried[0] is not v.session
            if (is_new or mono_s - self._tried[1] >= TICK_S) and not ready.is_good(v.ready, v, now):
                self._tried = (v.session, mono_s)
                v.ready = ready.prepare(v, now)
        except Exception as exc:  # noqa: BLE001
            v.ready = None
            log.warning("a dose is not made ready: %s: %s", type(exc).__name__, exc)

    def _wake_later(self) -> None:
        """The uplink, which then works on the same processor, once who pressed has the answer."""
        self._wakes = True

    def _show(self, now: datetime) -> None:
        """The picture: at once what was just recorded, and else all of it."""
        record, self.visit.just_recorded = self.visit.just_recorded, None
        try:
            quick = screen.after(self._view, self.visit.session, self.visit.moment, record, now) if record is not None else None
            self._view, self._shows_all = (quick, False) if quick is not None else (self._picture(now), True)
        except Exception as exc:  # noqa: BLE001
            visit.failed(self.visit, exc)

    def _take(self, item: object) -> None:
        now, here, session = self._now(), self.visit.here, self.visit.session
        match item:
            case asked.Tick():
                self._tick(now)
            case Seen():
                self.visit.notice = ("", {})
                self._seen(item, now)
                self.visit.trace = Trace(frame_at=item.frame_at, decode_at=item.at, verdict_at=self._clock.wall_at())
            case Asked(command=command):
                self.visit.notice = ("", {})
                is_late = command.moment != self.visit.moment and not isinstance(command, Beside | far.OfCall)
                if is_late and not changing.only_leaves(self.visit, command):
                    changing.say_late(self.visit, command.moment)
                else:
                    self._command(command, now)
            case CameraTold():
                if here.camera.live and not item.live and item.why != PHONE_AWAY:
                    visit.note(self.visit, "camera-lost", now, {"why": item.why})
                elif item.live and item.fault in LASTING_FAULTS and item.fault != here.camera.fault:
                    visit.note(self.visit, "camera-fault", now, {"fault": item.fault})
                here.camera = item
            case DrawerTold():
                self.visit.unlocker.heard(item)
                if item.outcome == "outcome-unknown":
                    visit.note(self.visit, "drawer-outcome-unknown", now, {"drawer": item.drawer})
                counting.opened(self.visit, item, now)
            case DrawersHeard():
                self.visit.drawers.heard(item.told)
            case asked.LinkTold():
                if item.link is Link.ONLINE and not here.online and session.patient is not None:
                    here.acquire(session.patient, session.nurse)
                here.link = item.link
            case asked.LeaseTold():
                here.lease_told(item, session.patient, session.nurse)
                dose.lease_came(self.visit, now)
            case WitnessHeard():
                fetching.heard(self.visit, item, now)
            case asked.ClockMeasured():
                self._measured(item)
            case asked.BatteryTold():
                here.battery_percent = item.percent
            case asked.TablesChanged():
                self.visit.dues.stale()
                is_news = here.table_came(item.kind, item.why)
                here.look_again(session.patient, session.nurse)
                dose.lease_came(self.visit, now)
                rights.look(self.visit, now)
                changing.tables_came(self.visit, now)
                if item.why and is_news:  # the server sends one that is not understood again and again
                    visit.note(self.visit, "table-refused", now, {"kind": item.kind, "why": item.why})
            case asked.RecordMoved():
                pass  # the picture reads the journal
            case _:
                log.error("a %s is not known here", type(item).__name__)

    def _measured(self, told: asked.ClockMeasured) -> None:
        """The server's time. How far the clock was set by it is noted: what was recorded before bears the older time."""
        set_s = told.set_s
        if not told.taken:
            server_at = self._clock.wall_at() - timedelta(seconds=told.offset_s)
            set_s = self._clock.measured(Sample(server_at=server_at, mono_s=self._mono_s(), error_s=0.0))
        if set_s is not None:
            log.warning("the cart's clock was set by %.1f s", set_s)
            self.visit.dues.stale()
            visit.note(self.visit, "clock-set", self._now(), {"seconds": round(set_s, 1)})
        self._keep_time()

    def _keep_time(self) -> None:
        """For the next start, which may have no server. A disk that does not take it costs nobody a dose."""
        self._kept_mono_s = self._mono_s()
        with contextlib.suppress(JournalError):
            self.visit.journal.keep_time(self._clock.kept())

    def _tick(self, now: datetime) -> None:
        v = self.visit
        self._ticked_mono_s = self._mono_s()
        called.look(v)
        if self._ticked_mono_s - self._kept_mono_s >= KEEP_TIME_S:
            self._keep_time()
        is_idle = v.session.state is not State.IDLE and v.idle.span(v.session, now) >= self._idle_lock()
        if is_idle and not anaphylaxis.keeps_signed_in(v, now):
            in_hand = v.session.state in UNSETTLED and v.session.record_id is not None
            visit.leave(v, events.IdleExpired(at=now), now)
            visit.say(v, "locked-dose-open" if in_hand else "signed-out-idle")
        else:
            rights.look(v, now)
            v.here.keep(v.session.patient, v.session.nurse, now)

    def _seen(self, seen: Seen, now: datetime) -> None:
        v = self.visit
        scan, *beside = (self._interpreted(symbol, now) for symbol in (seen.symbol, *seen.beside))
        text = seen.symbol.content.decode("utf-8", "backslashreplace")
        session = v.session
        if isinstance(scan, BadgeScan) and called.wants_badge(v):
            called.badge(v, scan.badge, now)
        elif isinstance(scan, BadgeScan):
            sign_in.badge(v, scan.badge, now)
        elif session.state in (State.IDLE, State.BADGE):
            visit.say(v, "sign-in-first" if session.state is State.IDLE else "pin-first")
        else:
            event = workflow.scanned(scan, now, identifier=seen.symbol.identifier, text=text, patient=visit.named(v, scan, now))
            crowded = doubt.crowded(event, tuple(beside), session, lambda band: visit.named(v, band, now))
            if crowded:
                visit.say(v, crowded)
            elif isinstance(event, events.BandScanned):
                self._band(event, now)
            elif isinstance(scan, TextScan) and not v.chart.names_bag(scan.text, now):
                visit.say(v, "foreign-symbol", text=scan.text[:40])
            elif session.state is State.SIGNED_IN:
                visit.say(v, "band-first")
            elif session.state in (*IN_HAND, State.AWAITING_BLIND):
                # A pack that comes into the picture again must not undo what was verified.
                visit.say(v, "finish-this-dose")
            elif workflow.same_pack(session, scan, now):
                visit.say(v, "same-pack")
            else:
                visit.advance(v, self._resumed(event, now), now)
                dose.judge(v, now)

    def _resumed(self, event: events.DrugScanned, now: datetime) -> events.DrugScanned:
        """The bag of a paused infusion is scanned again: it goes on with its own start."""
        paused = [each.run for each in self.visit.dues.care(self.visit.session.patient, now).infusions if each.run.paused]
        text = event.scan.text if isinstance(event.scan, TextScan) else None
        run = next((each for each in paused if text is not None and each.bag == text), None)
        return replace(event, continues=run.record_id) if run is not None else event

    def _interpreted(self, symbol: Symbol, now: datetime) -> Scan:
        chart = self.visit.chart
        return labels.interpret(symbol, chart.site_profile(), chart.today(now, self._zone))

    def _band(self, event: events.BandScanned, now: datetime) -> None:
        v, session = self.visit, self.visit.session
        unsettled = session.state in UNSETTLED and session.verdict is not None
        if unsettled and event.patient is not None and event.patient == session.patient:
            return  # the same band again while its dose is worked on
        if events.BandScanned not in workflow.TRANSITIONS[session.state]:
            raise IllegalTransitionError("session", session.state.value, "BandScanned")
        visit.abandon(v, now)
        v.here.release(session.patient, session.nurse, now)
        looked_at = v.looking
        visit.advance(v, event, now)
        looking.left(v)
        v.here.show_orders(event.patient, now)
        changing.begin(v, now)
        if looked_at and event.patient is not None and event.patient != looked_at:
            visit.say(v, "band-of-other", scanned=event.patient, looked=looked_at)
        if event.patient is not None:
            v.here.acquire(event.patient, session.nurse)
        changing.identity(v, now)

    def _command(self, command: asked.Command, now: datetime) -> None:
        v = self.visit
        match command:
            case asked.KeyBadge(badge=badge):
                sign_in.badge(v, badge.strip(), now)
            case asked.EnterPin(pin=pin, why=why):
                sign_in.pin(v, pin, now, why=why)
            case asked.SignOut():
                looking.left(v)
                visit.leave(v, events.SignedOut(at=now), now)
            case asked.KeyPatient(mrn=mrn, birth_date=birth_date, reason=reason):
                scan = Keyed(value=mrn.strip(), kind=LabelKind.PATIENT, second_identifier=birth_date.strip(), reason=reason)
                self._band(events.BandScanned(scan=scan, at=now, text=scan.value, patient=visit.named(v, scan, now)), now)
            case asked.ChooseOrder(order=order, due=due):
                if not any((choice.order.id, choice.due) == (order, due) for choice in self._view.choices):
                    visit.say(v, "out-of-date")
                else:
                    visit.advance(v, events.OrderChosen(order=order, due=due, at=now), now)
                    dose.judge(v, now)
            case asked.GiveAmount():
                dose.amount(v, command, now)
            case asked.GiveReason():
                dose.reason(v, command, now)
            case asked.Acknowledge():
                dose.acknowledge(v, now)
            case asked.Confirm(record_id=record_id, site=site):
                dose.confirm(v, record_id, now, site=site.strip())
            case asked.Decline():
                declining.decline(v, command, now)
            case asked.ClearDrugs():
                visit.abandon(v, now)
                visit.advance(v, events.DrugsCleared(at=now), now)
                v.here.show_orders(v.session.patient, now)
            case asked.ClosePatient(look=patient):
                visit.leave(v, events.PatientClosed(at=now), now)
                looking.left(v)
                if patient:
                    looking.at(v, patient, now)
            case asked.LookAt(patient=patient):
                looking.at(v, patient, now)
            case asked.SetRate():
                dose.set_rate(v, command, now)
            case asked.DeclareEmergency():
                dose.emergency(v, command, now)
            case asked.BeginAct():
                acts.begin(v, command, now)
            case asked.DropAct():
                acts.drop(v, now)
            case asked.Measure():
                measuring.measure(v, command, now)
            case asked.EnterBlind():
                sign_in.blind(v, command, now)
            case asked.CalculateAgain():
                sign_in.calculate_again(v, now)
            case asked.Count():
                counting.count(v, command, now)
            case asked.ResolveOpen():
                open_dose.resolve(v, command, now)
            case asked.JudgeAgain(told=told):
                changing.judge_again(v, now, told=told)
            case asked.ReadChanges(told=told):
                changing.read(v, now, told=told)
            case asked.ReadConflict(conflict=number):
                conflict.read(v, number, now)
            case asked.OpenDrawer():
                drawer_access.open_drawer(v, command, now)
            case asked.ReadDrawer(key=key):
                if v.session.nurse is None or not v.drawers.read(key):
                    visit.say(v, "out-of-date")
            case far.FetchWitness():
                fetching.ask(v, now)
            case far.StopFetching():
                fetching.stop(v)
            case far.OfCall():
                called.do(v, command, now)
            case Beside():
                beside.do(v, command, now)

    def _picture(self, now: datetime) -> View:
        v = self.visit
        session, chart = v.session, v.chart
        units = screen.units(session, chart.products(now))
        verdict = session.verdict
        order = dose.ordered(v, verdict.order, now, verdict.due) if verdict is not None else None
        signed_in = session.nurse is not None
        told = v.unlocker.told
        whom = session.patient or v.looking or None
        dues = v.dues.of(whom, now) if signed_in else ()
        opened = v.journal.open_doses()
        return View(
            moment=v.moment,
            at=now,
            zone=chart.zone() or self._zone,
            cart=self._cart,
            ward_name=chart.ward_name(),
            training=self._training,
            session=session,
            strip=v.here.strip(now, unsent=v.journal.unsent_count()),
            patient=chart.patient(session.patient, now),
            alike=chart.alike(session.patient, now),
            badge_name=chart.badge_name(session.badge, now) if session.badge else "",
            asks_why=session.state is State.BADGE and chart.is_of_other_ward(session.badge or "", now),
            witness_badge=chart.badge_name(v.witness_badge, now) if v.witness_badge else "",
            units=units,
            order=order,
            due=verdict.due if verdict is not None else None,
            choices=screen.choices(units, dues) if session.state is State.CHOOSING else (),
            dues=dues,
            opened=opened if signed_in else (),
            waiting=tuple((record.nurse, record.effective_at) for record in opened) if not signed_in else (),
            care=v.dues.care(whom, now) if signed_in else Care(),
            about=v.dues.entry(session.intent.of_record, now) if session.intent.of_record is not None else None,
            emergency=dose.listed_emergency(v, now),
            counted=counting.product(v, now) if session.state is State.COUNTING else None,
            drawer=told if told is not None and told.record_id == session.record_id else None,
            trace=v.trace,
            recorded=screen.recorded(v.journal, tuple(v.recent)),
            changes=v.changes,
            conflicts=conflict.unread(v, now),
            looking=chart.patient(v.looking or None, now) if signed_in else None,
            marks=v.looks.marks(session.nurse.id, chart.body(now), now) if session.nurse is not None else (),
            beds=screen.beds(chart.body(now)) if signed_in else (),
            spelled=spelling.of(chart.products(now), chart.policy()),
            antibiotics=spelling.antibiotics(chart.products(now)),
            ward=v.dues.ward(now) if signed_in else None,
            notes=v.dues.notes(now) if signed_in else (),
            fetching=v.afar.fetching,
            calls=tuple(v.afar.calls.values()),
            answering=v.afar.answering,
            drawer_rules=signed_in and bool(chart.drawer_policy(now)),
            drawer_access=told if told is not None and told.record_id.startswith(ACCESS) else None,
            drawer_findings=v.drawers.findings(session, chart.drawers_open_for(now)),
            table_ages_s=chart.ages_s(now),
            notice=v.notice[0],
            notice_params=dict(v.notice[1]),
        )
