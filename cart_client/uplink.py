"""The line between the cart and the server: drains the journal up, takes tables, receipts and leases down.

A row is resent until the server's own receipt is here: the broker's acknowledgement proves nothing. Nothing is published that is
not first in the journal, save questions and states, which are worth nothing later. It decides nothing about a dose.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cart_client import checkpoints
from cart_client.afar import WitnessHeard
from cart_client.chart import Chart, TableRefusedError
from cart_client.clock import CartClock, steady_s
from cart_client.clock_asking import CLOCK_WORST_TRIP_S, ClockAsking
from cart_client.commanded import ACTS, Carrier, Taken, time_left
from cart_client.inbox import Link, LinkTold, RecordMoved, TablesChanged
from cart_client.journal import Journal
from cart_client.lease_asking import LeaseAsking
from cart_client.upkeep import Upkeep
from devices import logbook
from devices.broker import (
    Arrival,
    Broker,
    BrokerConfig,
    BrokerEvent,
    Cleared,
    Connected,
    ConnectFailed,
    DeliveryState,
    Disconnected,
    Letter,
    Rejected,
)
from pointofcare.errors import JournalError, PointOfCareError
from pointofcare.wire import routes
from pointofcare.wire.messages import (
    TELLS_EMR_WAITING,
    AdministrationRecorded,
    AttemptStopped,
    BedsideNoted,
    Body,
    CartBirth,
    CartPhase,
    CartState,
    ClockTold,
    Command,
    CommandAnswered,
    CommandOutcome,
    ConfigDesired,
    EmrSettled,
    EventsAcknowledged,
    HostState,
    JobAssigned,
    LeaseAnswered,
    LeaseAsked,
    Message,
    ObservationRecorded,
    RecordReceived,
    TableIssued,
    TableKind,
    TablesHeld,
    Telemetry,
    TelemetryKind,
    WitnessAnswered,
    WitnessAsked,
    WitnessCalled,
    WitnessTold,
)
from pointofcare.wire.routes import Route

log = logging.getLogger(__name__)

RESEND_FIRST_S = 2.0
RESEND_LONGEST_S = 60.0
# The rows behind the oldest are sent again this late, in case that the oldest is one that the server never takes.
RESEND_OTHERS_S = 60.0
IN_FLIGHT = 20
# Of those, so many were sent just now: a cart with a whole shift in its journal must not fill the server's line. One where receipts
# come at once, and one more for each time that a receipt takes so long, because a slow line is no busy server.
SENT_AT_ONCE = 4
ONE_MORE_EACH_S = 0.05
# So often sent, and without a receipt: the window goes on behind it.
TRIED_IN_VAIN = 3
TELEMETRY_EVERY_S = 30.0
CHECKPOINTS_EVERY_S = 3600.0
WAITS_FOR_EMR = timedelta(hours=24)
REJECTED_EVERY_S = 3600.0
TABLES_EVERY_S = 300.0
TABLES_MISSING_EVERY_S = 15.0
# Whoever recalls a lot or changes the policy waits for each cart to say that it has it. Charts change with every dose.
_TOLD_AT_ONCE = (TableKind.FORMULARY, TableKind.POLICY)
_STEP_S = 0.5
_ROUTES: Mapping[type[Body], Route] = {
    AdministrationRecorded: routes.ADMINISTRATION,
    AttemptStopped: routes.ATTEMPT,
    ObservationRecorded: routes.OBSERVATION,
    BedsideNoted: routes.NOTE,
}
_READ = (
    routes.RECEIPT, routes.EMR, routes.TABLE, routes.LEASE, routes.CLOCK, routes.WITNESS_CALL, routes.WITNESS_TOLD, routes.ACK,
    routes.COMMAND, routes.CONFIG, routes.STATE, routes.SOFTWARE_JOB,
)  # fmt: skip
_REMEMBERED_COMMANDS = 256
# Whatever a message says of itself.
LONGEST_TTL_S = 60.0
# Of one range; the server asks again for what is left.
RESENT_AT_ONCE = 50


@dataclass(slots=True)
class _Sending:
    """When a row was last sent and how often; lost at a restart, which only means that it is sent again."""

    at_mono_s: float
    tries: int
    pause_s: float
    # What was sent after it has its receipt: the server takes a cart's rows in order, so this one is not coming.
    lost: bool = False


class _Wake:
    """Something was journalled."""


class _Halt:
    """The program stops."""


class Uplink:
    """`tell` puts a value on the bedside's inbox. `health` says the cart's phase and why, `numbers` its telemetry, `camera` that of
    its camera, None for a cart without one; what changes the phase is told with them at once.

    `backoff_first_s` is the first pause before a row is sent again; it doubles up to a minute, spread by half."""

    def __init__(
        self,
        config: BrokerConfig,
        *,
        cart: str,
        facility: str,
        ward: str,
        chart: Chart,
        journal: Journal,
        tell: Callable[[object], None],
        versions: Mapping[str, str],
        health: Callable[[], tuple[CartPhase, str]] = lambda: (CartPhase.READY, ""),
        numbers: Callable[[], Mapping[str, object]] = dict,
        camera: Callable[[], Mapping[str, object]] | None = None,
        clock: CartClock | None = None,
        mono_s: Callable[[], float] = steady_s,
        backoff_first_s: float = RESEND_FIRST_S,
        commands: Carrier | None = None,
        upkeep: Upkeep | None = None,
    ) -> None:
        self._cart, self._facility, self._ward = cart, facility, ward
        self._chart, self._journal, self._tell, self._versions = chart, journal, tell, versions
        self._health, self._numbers, self._camera, self._backoff_first_s = health, numbers, camera, backoff_first_s
        self._clock = clock or CartClock()
        self._now, self._steady_s = self._clock.now, mono_s
        self._boot_id = uuid.uuid4().hex
        self._events: queue.Queue[BrokerEvent | _Wake | _Halt] = queue.Queue()
        self._broker = Broker(config, self._events.put, will=self._will)
        for route in _READ:
            self._broker.on(route, facility=facility, cart=cart)
        self._broker.on(routes.HOST, facility=facility)
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._link = Link.OFFLINE
        self._sending: dict[str, _Sending] = {}
        # How long a receipt takes of late: a slow server is not asked again before it can have answered.
        self._trip_s = 0.0
        self._events_sent_mono_s = 0.0
        self._leases = LeaseAsking(chart, journal, tell, send=lambda asked: self._send_lease(asked), steady_s=mono_s)
        self._clock_asking = ClockAsking(self._clock, mono_s)
        self._upkeep = upkeep
        self._clock_mono_s = self._telemetry_mono_s = self._tables_mono_s = 0.0
        self._phase: tuple[CartPhase, str] | None = None
        self._checkpoint: str | None = None
        self._checkpoints_mono_s = 0.0
        self._commands, self._commands_done = commands, dict[str, CommandAnswered]()
        if commands is not None:
            commands.say = self._answer
        self._rejected, self._rejected_mono_s = 0, float("-inf")  # messages that were not understood since they were last noted

    # From other threads.

    def start(self) -> None:
        self._broker.start()
        self._thread.start()

    def stop(self) -> None:
        """Say that the cart goes, and end. Back within seconds."""
        self._events.put(_Halt())
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._broker.stop(
            Letter(route=routes.STATE, message=self._message(self._state(CartPhase.DISCONNECTED, "stopped")), levels=self._levels)
        )

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def sid(self) -> str:
        return self._broker.sid

    def use_certificate(self, cert_file: Path) -> None:
        """Connect anew with this one; what was under way is sent again. Raises: ConfigError."""
        self._broker.use_certificate(cert_file)

    def wake(self) -> None:
        """Something was journalled: send it now."""
        self._events.put(_Wake())

    def ask_lease(self, asked: LeaseAsked) -> None:
        """Ask now, if there is anybody to ask. A question that stays unanswered is asked again, a release is not."""
        self._leases.ask(asked)

    def ask_witness(self, body: WitnessAsked | WitnessAnswered) -> None:
        """Sent now, or lost: the bedside says it again until it is told what became of it."""
        route = routes.WITNESS_ASK if isinstance(body, WitnessAsked) else routes.WITNESS_ANSWER
        self._publish(route, self._message(body, ttl_s=10.0))

    # The thread.

    def _run(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=_STEP_S)
            except queue.Empty:
                event = _Wake()
            if isinstance(event, _Halt):
                return
            try:
                self._take(event)
                if self._broker.connected:
                    self._step()
            except PointOfCareError as exc:
                log.error("uplink: %s", exc)
            except Exception:  # one message must not end the line: nor is it acknowledged, so it comes again with the next connection
                log.exception("uplink: what came or was due could not be dealt with")

    def _take(self, event: BrokerEvent | _Wake | _Halt) -> None:
        match event:
            case Connected(refused=refused):
                if refused:
                    log.error("the broker refuses us %s: check this cart's permissions there", ", ".join(refused))
                self._sending.clear()
                self._clock_mono_s = self._telemetry_mono_s = self._tables_mono_s = self._events_sent_mono_s = 0.0
                self._phase = None
                self._checkpoints_mono_s = 0.0
                self._be(Link.SERVER_AWAY)
                if self._upkeep is not None:
                    self._upkeep.connected()
                self._publish(routes.BIRTH, self._message(self._birth()))
            case Disconnected() | ConnectFailed():
                self._be(Link.OFFLINE)
            case Rejected(topic=topic, error=error, ack=ack):
                log.error("a message on %s is not understood: %s", topic, error)
                self._note_rejected(topic, logbook.told(error))
                ack()
            case Cleared(route=route, ack=ack):
                if route is routes.HOST:
                    self._be(Link.SERVER_AWAY)
                elif route is routes.STATE:
                    self._phase = None  # somebody took this cart away: it is there
                ack()
            case Arrival():
                self._arrived(event)
            case _:
                pass

    def _arrived(self, arrival: Arrival) -> None:
        """Acknowledged only after it is dealt with: a receipt that the journal could not note comes again."""
        body, now = arrival.message.body, self._now()
        match body:
            case RecordReceived():
                settled = self._journal.settle(body.record_id, at=now, duplicate=body.duplicate, discrepancies=len(body.discrepancies))
                self._overtaken_by(self._sending.pop(body.record_id, None))
                if settled:
                    self._tell(RecordMoved(record_id=body.record_id))
            case EmrSettled():
                if self._journal.settle_emr(body.record_id, body.state, at=now, emr_id=body.emr_id):
                    self._tell(RecordMoved(record_id=body.record_id))
            case TableIssued():
                self._table(body, now)
            case LeaseAnswered():
                if self._leases.answered(body):
                    self._tables_mono_s = 0.0  # no lease before that chart is here: ask for it now
            case ClockTold():
                self._clock_told(body)
            case WitnessCalled() | WitnessTold():
                if not arrival.retained:
                    self._tell(WitnessHeard(body=body))
            case EventsAcknowledged():
                self._journal.acknowledge(body.epoch, body.upto)
            case HostState():
                came = body.online and self._link is not Link.ONLINE
                self._be(Link.ONLINE if body.online else Link.SERVER_AWAY)
                self._witness(body.audit_checkpoint, now)
                if came:  # whatever was sent while it was away is lost: begin anew, at once
                    self._sending.clear()
                    self._clock_mono_s = self._tables_mono_s = self._events_sent_mono_s = 0.0
                    self._checkpoints_mono_s = 0.0
                    if self._commands is not None:
                        self._commands.tell_left()
            case CartState():
                if body.phase in (CartPhase.LOST, CartPhase.DISCONNECTED):
                    # The late will or farewell of an older connection stands over what this one said, or will say.
                    self._phase = None
                    if not arrival.retained:
                        self._publish(routes.BIRTH, self._message(self._birth()))
            case ConfigDesired():
                self._settings(body)
            case JobAssigned():
                if self._upkeep is not None and not arrival.retained:
                    self._upkeep.job(body)
            case Command():
                self._commanded(arrival, body)
            case _:
                log.error("a %s is not for a cart", arrival.message.type)
        arrival.ack()

    def _note_rejected(self, topic: str, why: str) -> None:
        """The server hears of it in a fleet event, which stays for ever: one an hour, with how many there were, and not one each."""
        self._rejected += 1
        mono_s = time.monotonic()
        if mono_s - self._rejected_mono_s < REJECTED_EVERY_S:
            return
        details: dict[str, object] = {"topic": topic[:200], "why": why[:200], "count": self._rejected}
        self._journal.note("message-rejected", at=self._now(), details=details)
        self._rejected, self._rejected_mono_s = 0, mono_s

    def _witness(self, text: str | None, now: datetime) -> None:
        """Keeps what the server says of its audit log. A cart that cannot keep it works on: it is no record of a dose."""
        if text is None or text == self._checkpoint:
            return
        self._checkpoint = text
        if all(checkpoints.read(text, key, facility=self._facility) is None for key in self._chart.keys):
            log.error("the server's checkpoint of its audit log is not signed by its key")
            return
        try:
            self._journal.keep_checkpoint(text, at=now, keep=checkpoints.kept)
        except JournalError as exc:
            log.error("a checkpoint of the server's audit log could not be kept: %s", exc)

    def _table(self, issued: TableIssued, now: datetime) -> None:
        try:
            if self._chart.take(issued, now):
                log.info("table %s version %s taken", issued.kind, issued.version)
                self._tell(TablesChanged(kind=issued.kind.value))
                if issued.kind in _TOLD_AT_ONCE:
                    self._tables_mono_s = 0.0
        except TableRefusedError as exc:
            log.error("table %s refused: %s", issued.kind, exc)
            self._tell(TablesChanged(kind=issued.kind.value, why=exc.why))

    def _clock_told(self, body: ClockTold) -> None:
        measured, anew = self._clock_asking.told(body)
        if anew:
            # A state with a wrong time was taken for an old one, and a table for one of the future.
            self._phase = None
            self._tables_mono_s = 0.0
        if measured is not None:
            self._tell(measured)

    def _commanded(self, arrival: Arrival, command: Command) -> None:
        """A command acts once, for this connection only, and never when it was retained."""
        message_id = arrival.message.id
        answer = self._commands_done.get(message_id)
        ttl_s = arrival.message.ttl_s
        left_s = time_left.left_s(arrival, self._clock)
        if answer is None:
            refused = ""
            if arrival.retained or command.for_sid != self._broker.sid:
                refused = "other-session"
            elif left_s is not None and left_s < 0:
                refused = "too-late"
            if self._commands is not None and command.name in ACTS:
                # Its memory is asked first: a copy of what was carried out is no refusal.
                until = arrival.received_mono_s
                if ttl_s is not None and left_s is not None:
                    until = min(arrival.received_mono_s + min(ttl_s, LONGEST_TTL_S), time.monotonic() + left_s)
                refused = refused or ("no-expiry" if ttl_s is None else "")
                self._commands.take(Taken(id=message_id, name=command.name, params=command.params, until_mono_s=until, refused=refused))
                return
            if refused:
                outcome, why = CommandOutcome.REFUSED, refused
            elif command.name == "refresh-tables":
                outcome, why = CommandOutcome.DONE, ""
                self._tables_mono_s = 0.0
            elif command.name == "resend-records":
                outcome, why = self._resend(command)
            elif command.name == "rebirth" and ttl_s is not None:
                outcome, why = self._again_from_birth()
            else:
                outcome, why = CommandOutcome.REFUSED, "no-expiry" if command.name in ACTS else "unknown-command"
            answer = CommandAnswered(command=message_id, name=command.name, outcome=outcome, why=why or None)
            while len(self._commands_done) >= _REMEMBERED_COMMANDS:
                self._commands_done.pop(next(iter(self._commands_done)))
            self._commands_done[message_id] = answer
        self._answer(answer)

    def _answer(self, answer: CommandAnswered) -> None:
        """From any thread. Lost when there is no broker: the server then says that it does not know."""
        self._publish(routes.ANSWER, self._message(answer), name=answer.name)

    def _settings(self, body: ConfigDesired) -> None:
        why = self._upkeep.desired(body) if self._upkeep is not None else None
        if why is not None:
            self._note_rejected(routes.CONFIG.template, why)

    def _again_from_birth(self) -> tuple[CommandOutcome, str]:
        """Everything that this cart says of itself once a connection, once more."""
        self._phase = None
        self._clock_mono_s = self._telemetry_mono_s = self._tables_mono_s = self._events_sent_mono_s = 0.0
        sent = self._publish(routes.BIRTH, self._message(self._birth()))
        return (CommandOutcome.DONE, "") if sent else (CommandOutcome.FAILED, "not-sent")

    def _resend(self, command: Command) -> tuple[CommandOutcome, str]:
        """The server lacks these numbers, and forgot those that it gave a receipt for: it was restored from a backup. What it never
        gave one for is on its way anyway, and sent twice only keeps it from catching up."""
        if command.params.get("epoch") != self._journal.epoch:
            return CommandOutcome.REFUSED, "other-journal"
        asked = command.params.get("ranges")
        for each in asked if isinstance(asked, list | tuple) else ():
            if not (isinstance(each, list | tuple) and len(each) == 2 and all(isinstance(seq, int) for seq in each)):
                return CommandOutcome.REFUSED, "not-understood"
            for entry in self._journal.received(each[0], each[1], limit=RESENT_AT_ONCE):
                if not self._publish(_ROUTES[type(entry.message.body)], entry.message):
                    return CommandOutcome.FAILED, "not-sent"
        return CommandOutcome.DONE, ""

    # What is sent when its time has come.

    def _step(self) -> None:
        mono_s = time.monotonic()
        phase = self._health()
        if phase != self._phase and self._publish(routes.STATE, self._message(self._state(*phase))):
            self._phase = phase
            self._telemetry_mono_s = 0.0
        self._drain(mono_s)
        missing = bool(self._chart.missing(self._now()))
        if mono_s - self._tables_mono_s >= (TABLES_MISSING_EVERY_S if missing else TABLES_EVERY_S):
            self._tables_mono_s = mono_s
            # Told while the server is there, and again each hour: a broker's word that it took the message proves nothing.
            tells = self._link is Link.ONLINE and mono_s >= self._checkpoints_mono_s
            kept = self._journal.checkpoints() if tells else ()
            waiting = self._journal.waiting_for_emr(since=self._now() - WAITS_FOR_EMR) if tells else ()
            asked_for = TablesHeld(ward=self._ward, held=self._chart.held(), audit_checkpoints=kept, emr_waiting=waiting)
            if self._publish(routes.TABLES, self._message(asked_for, ttl_s=60.0)) and tells:
                self._checkpoints_mono_s = mono_s + CHECKPOINTS_EVERY_S
        if mono_s - self._clock_mono_s >= self._clock_asking.every_s:
            self._clock_mono_s = mono_s
            self._publish(routes.CLOCK_ASK, self._message(self._clock_asking.ask(), ttl_s=CLOCK_WORST_TRIP_S))
        if self._upkeep is not None:
            self._upkeep.step(self._now(), self._say, self._remove)
        if mono_s - self._telemetry_mono_s >= self._interval_s:
            self._telemetry_mono_s = mono_s
            self._tell_numbers(TelemetryKind.APP, self._app_numbers())
            if self._camera is not None:
                self._tell_numbers(TelemetryKind.CAMERA, self._camera())
        if mono_s - self._events_sent_mono_s >= self._backoff_first_s:
            self._events_sent_mono_s = mono_s
            for event in self._journal.events():
                if not self._publish(routes.EVENT, self._message(event)):
                    break
        if self._link is Link.ONLINE:
            self._leases.ask_again(mono_s)

    def _drain(self, mono_s: float) -> None:
        """In the order of the journal, a bounded number under way, each again after its pause until its receipt.

        Soon again only the oldest: a server that is behind must not be given all of it once more by every cart, or it never catches up.
        Few at once, each next one with a receipt, so that the doses of other carts find their way between them. Nothing new before what is
        overdue, so that the order holds; but what was sent in vain a few times does not keep the next back."""
        # What the server does not take, however often it comes, must not hide what is behind it.
        refused = sum(sent.tries >= TRIED_IN_VAIN for sent in self._sending.values())
        waiting = self._journal.waiting(limit=IN_FLIGHT + refused)
        at_once = min(SENT_AT_ONCE, 1 + int(self._trip_s / ONE_MORE_EACH_S))
        room = at_once - sum(self._is_under_way(record_id, mono_s) for record_id in waiting)
        oldest = self._sending.get(waiting[0]) if waiting else None
        in_vain = oldest is not None and oldest.tries >= TRIED_IN_VAIN
        overdue = False
        for place, record_id in enumerate(waiting):
            sent = self._sending.get(record_id)
            if sent is None and overdue and not in_vain:
                return
            if sent is not None and not sent.lost:
                pause_s = sent.pause_s if place == 0 else RESEND_OTHERS_S * sent.tries
                if mono_s - sent.at_mono_s < pause_s:
                    overdue = overdue or not self._is_under_way(record_id, mono_s)
                    continue
            if place > 0 and room <= 0:
                return
            room -= 1
            entry = self._journal.entry(record_id)
            if entry is None or not self._publish(_ROUTES[type(entry.message.body)], entry.message):
                return
            tries = 1 if sent is None else sent.tries + 1
            first_s = max(self._backoff_first_s, 3 * self._trip_s)
            longest = min(RESEND_LONGEST_S, first_s * 2 ** min(tries - 1, 10))
            self._sending[record_id] = _Sending(mono_s, tries, longest * random.uniform(0.75, 1.25))

    def _overtaken_by(self, receipted: _Sending | None) -> None:
        """Only a row that was sent once tells: of another nobody knows which sending the receipt is for."""
        if receipted is None or receipted.tries > 1:
            return
        trip_s = min(time.monotonic() - receipted.at_mono_s, RESEND_LONGEST_S)
        self._trip_s += (trip_s - self._trip_s) / 8
        for sent in self._sending.values():
            sent.lost = sent.lost or sent.at_mono_s < receipted.at_mono_s

    def _is_under_way(self, record_id: str, mono_s: float) -> bool:
        sent = self._sending.get(record_id)
        return sent is not None and not sent.lost and mono_s - sent.at_mono_s < self._backoff_first_s

    def _send_lease(self, asked: LeaseAsked) -> str:
        message = self._message(asked, ttl_s=10.0)
        self._publish(routes.LEASE_ASK, message)
        return message.id

    def _tell_numbers(self, kind: TelemetryKind, values: Mapping[str, object]) -> None:
        told = Telemetry(kind=kind, at=self._now(), values=values)
        self._publish(routes.TELEMETRY, self._message(told, ttl_s=self._interval_s), kind=kind.value)

    def _app_numbers(self) -> dict[str, object]:
        now = self._now()
        held = {f"{table.kind.value.replace('-', '_')}_version": table.version for table in self._chart.held()}
        return {
            **held,
            "chart_age_s": self._chart.age_s(now),
            "unsent_records": self._journal.unsent_count(),
            "journal_epoch": self._journal.epoch,
            "journal_last_seq": self._journal.last_seq(),
            "interval_s": self._interval_s,
            **self._numbers(),
        }

    # Small things.

    @property
    def _interval_s(self) -> float:
        return self._upkeep.interval_s if self._upkeep is not None else TELEMETRY_EVERY_S

    @property
    def _levels(self) -> dict[str, str]:
        return {"facility": self._facility, "cart": self._cart}

    def _message(self, body: Body, *, ttl_s: float | None = None) -> Message:
        return Message(id=str(uuid.uuid4()), sent_at=self._now(), sender=self._cart, body=body, ttl_s=ttl_s)

    def _publish(self, route: Route, message: Message, **levels: str) -> bool:
        """Whether it left this machine; more than that only a receipt can say."""
        return self._broker.publish(route, message, **self._levels, **levels).state is not DeliveryState.NOT_SENT

    def _say(self, route: Route, body: Body, **levels: str) -> bool:
        return self._publish(route, self._message(body), **levels)

    def _remove(self, route: Route, **levels: str) -> bool:
        """What the broker keeps of a topic."""
        return self._broker.clear(route, **self._levels, **levels).state is not DeliveryState.NOT_SENT

    def _be(self, link: Link) -> None:
        if link is not self._link:
            self._link = link
            self._tell(LinkTold(link=link))

    def _state(self, phase: CartPhase, why: str) -> CartState:
        return CartState(phase=phase, why=why, ward=self._ward, at=self._now())

    def _will(self, _sid: str) -> Letter:
        return Letter(route=routes.STATE, message=self._message(self._state(CartPhase.LOST, "connection-lost")), levels=self._levels)

    def _birth(self) -> CartBirth:
        try:
            last_seq = self._journal.last_seq()
        except JournalError:
            last_seq = 0
        return CartBirth(
            versions=self._versions,
            hardware="cart",
            boot_id=self._boot_id,
            epoch=self._journal.epoch,
            last_seq=last_seq,
            ward=self._ward,
            config_hash=self._upkeep.held.report.hash if self._upkeep is not None else None,
            capabilities=("bedside", TELLS_EMR_WAITING),
        )
