"""The server's end of MQTT: one thread with one queue (a lane for each cart), between the broker and the use cases.

A record is committed before anything is said about it; the receipt goes out after the commit and, repeated, says the same. Every
message is acknowledged in the end, also one that failed, because a cart resends until it has our own receipt. One of the three
places with a broad `except`: whatever a message does, it is logged, counted and shown, and nothing durable is touched.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4

from devices import logbook
from devices.broker import (
    Arrival,
    Broker,
    BrokerConfig,
    BrokerEvent,
    Cleared,
    Connected,
    ConnectFailed,
    Delivery,
    DeliveryState,
    Disconnected,
    Letter,
    Rejected,
)
from pointofcare.errors import MessageError
from pointofcare.verdict.facts import LeaseDoubt
from pointofcare.wire import routes
from pointofcare.wire.messages import (
    TELLS_EMR_WAITING,
    AdministrationRecorded,
    AttemptStopped,
    BedsideNoted,
    Body,
    CartBirth,
    ClockAsked,
    ClockTold,
    CommandAnswered,
    EmrSettled,
    HostState,
    LeaseAction,
    LeaseAnswered,
    LeaseAsked,
    Message,
    ObservationRecorded,
    RecordReceived,
    TablesHeld,
    Telemetry,
    WitnessAnswered,
    WitnessAsked,
)
from pointofcare.wire.routes import Route
from server import traces
from server.config import MqttConfig
from server.mqtt import asking, fleet_end, newer, recording, unfit, witnessing
from server.mqtt.commanding import Commanding
from server.mqtt.fleet_end import FleetEnd, Posted
from server.mqtt.jobs import Jobs
from server.mqtt.lanes import Lanes, is_said_once, lane_of
from server.mqtt.publishing import Publication, Publisher, Wanted
from server.mqtt.telling import Telling
from server.security.signing import SigningKey
from server.store import audit_log, fleet, outbox
from server.store.transaction import Actor, reading, transaction
from server.usecases import checkpoints, drawer_findings, leases, sequences
from server.usecases.administrations import Recorded
from server.usecases.facts import Site

_log = logging.getLogger(__name__)
ACTOR = Actor(id="gateway", name="MQTT gateway")
SENDER = "server"
TICK_S = 0.5
# One third of the time at most, while anything waits.
LOOKS_SHARE = 3.0
CHECKPOINT_EVERY_S = 30.0
DOUBTS_EVERY_S = 2.0
SEQUENCES_EVERY_S = 5.0
TOLD_AGAIN = timedelta(hours=24)
SUBSCRIBED: tuple[Route, ...] = (
    routes.STATE,
    routes.BIRTH,
    routes.TELEMETRY,
    routes.ADMINISTRATION,
    routes.ATTEMPT,
    routes.OBSERVATION,
    routes.NOTE,
    routes.TABLES,
    routes.LEASE_ASK,
    routes.CLOCK_ASK,
    routes.WITNESS_ASK,
    routes.WITNESS_ANSWER,
    routes.EVENT,
    routes.ANSWER,
    routes.HOST,
    *fleet_end.ROUTES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayState:
    """What pages and the health check show. `fault` is the last failure, "" when the newest work went well."""

    connected: bool
    broker: str
    recorded: int
    duplicates: int
    rejected: int
    failed: int
    fault: str


def _at_cart(cart: str) -> Actor:
    """The gateway, for a message that came over this cart's connection: the audit says from where."""
    return Actor(id=ACTOR.id, name=ACTOR.name, place=f"cart/{cart}")


class _Wake:
    """Put on the queue to end a wait."""


class Gateway:
    """`scope` opens what the store needs around each piece of work (the Flask application context). `recorded` is called after a
    dose was committed, from the gateway's thread: it wakes the dispatcher. `tells_stops`: the EMR is told of doses that were stopped."""

    def __init__(
        self,
        config: MqttConfig,
        *,
        facility: str,
        key: SigningKey,
        site: Site,
        lifetime: timedelta,
        version: str,
        scope: Callable[[], AbstractContextManager[object]],
        recorded: Callable[[], None] = lambda: None,
        tells_stops: bool = False,
    ) -> None:
        self._facility = facility
        self._tells_stops = tells_stops
        self._version = version
        self._site = site
        self._scope = scope
        self._recorded = recorded
        self._queue: Lanes[BrokerEvent | _Wake] = Lanes()
        self._key = key
        # The newest statement of the audit log, and when to look for a newer one.
        self._checkpoint: str | None = None
        self._checkpoint_mono_s = 0.0
        self._publisher = Publisher(key=key, facility=facility, site=site, lifetime=lifetime)
        self._telemetry: dict[tuple[str, str], Telemetry] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._counts = {"recorded": 0, "duplicates": 0, "rejected": 0, "failed": 0}
        self._fault = ""
        # The newest of each cart that a fault of this server kept out.
        self._again: dict[tuple[str, str], Arrival] = {}
        self._doubts_mono_s = 0.0
        self._telling = Telling()
        # The journals of carts of which something came since the last look at what is missing.
        self._numbered: set[tuple[str, str]] = set()
        self._sequences_mono_s = 0.0
        self._commanding = Commanding(ACTOR, SENDER, post=self._post, reject=self._reject_arrival, ready=lambda: self._broker.connected)
        jobs = Jobs(actor=ACTOR, facility=facility, key=key)
        self._fleet = FleetEnd(
            actor=ACTOR,
            facility=facility,
            key=key,
            publish=self._send,
            reject=self._reject_arrival,
            hooks=jobs.hooked(fleet_end.HOOKS),
        )
        self.tell_of = self._fleet.tell_of
        self._broker = Broker(
            BrokerConfig(
                host=config.host,
                port=config.port,
                client_id=config.client_id,
                username=config.username,
                password=config.password,
                ca_file=config.ca_file,
                cert_file=config.certificate_file,
                key_file=config.key_file,
            ),
            self._came,
            will=self._will,
        )
        for route in SUBSCRIBED:
            self._broker.on(route, facility=facility)
        self._take: Mapping[type[Body], Callable[[Arrival], None]] = {
            AdministrationRecorded: self._on_administration,
            AttemptStopped: self._on_attempt,
            ObservationRecorded: self._on_observation,
            BedsideNoted: self._on_observation,
            TablesHeld: self._on_tables,
            LeaseAsked: self._on_lease,
            ClockAsked: self._on_clock,
            WitnessAsked: self._on_witness,
            WitnessAnswered: self._on_witness,
            **dict.fromkeys(self._fleet.take, self._on_fleet),
            CartBirth: self._on_birth,
            Telemetry: self._on_telemetry,
            CommandAnswered: self._commanding.answered,
            HostState: self._on_host,
        }

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name="mqtt-gateway", daemon=True)
        self._thread.start()
        self._broker.start()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Says goodbye, lets the message in hand end, then returns."""
        farewell = Letter(route=routes.HOST, message=self._message(self._host(online=False)), levels={"facility": self._facility})
        self._broker.stop(farewell)
        self._stopping.set()
        self._queue.put(_Wake())
        if self._thread is not None:
            self._thread.join(timeout_s)

    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _came(self, event: BrokerEvent) -> None:
        """From the broker's thread."""
        self._queue.put(event, lane_of(event))

    def wake(self) -> None:
        """Something settled or changed: do not wait for the next look. Safe from any thread."""
        self._queue.put(_Wake())

    @property
    def state(self) -> GatewayState:
        broker = self._broker
        return GatewayState(connected=broker.connected, broker=broker.describe(), fault=self._fault, **self._counts)

    def run(self) -> None:
        """Until `stop`. Twice as long as a step of a look took belongs to what waits, if anything does: a ward full of records must not
        be kept back by its own charts, and a dose waits for one step at most."""
        next_look = rested = time.monotonic()
        look: Iterator[None] | None = None
        while not self._stopping.is_set():
            try:
                event = self._queue.get(timeout_s=0.0 if look is not None else max(0.0, next_look - time.monotonic()))
            except queue.Empty:
                began = time.monotonic()
            else:
                if isinstance(event, _Wake):
                    next_look = rested
                self.handle(event)
                began = time.monotonic()
                if began < (rested if look is not None else next_look):
                    continue
            if look is None:
                look, next_look = self._look_around(), began + TICK_S
            look = self._stepped(look)
            ended = time.monotonic()
            rested = ended + (LOOKS_SHARE - 1) * (ended - began)
            if look is None:
                next_look = max(rested, next_look)
        self._guarded("the last telemetry", self._keep_telemetry)

    def _stepped(self, look: Iterator[None]) -> Iterator[None] | None:
        """One step of a look around; None: it has ended."""
        left: list[None] = []
        self._guarded("the regular look at what to publish", lambda: left.extend(islice(look, 1)))
        return look if left else None

    def handle(self, event: BrokerEvent | _Wake) -> None:
        """One event, whatever it is. Never raises."""
        match event:
            case Arrival():
                done = self._guarded(event.route.name, lambda: self._arrived(event))
                if is_said_once(event.message.body):
                    key = (event.levels["cart"], event.route.name)
                    self._again.pop(key, None)
                    if not done:
                        self._again[key] = event
                event.ack()
            case Rejected():
                self._guarded("a rejected message", lambda: self._reject(event.topic, logbook.told(event.error), event.head))
                event.ack()
            case Cleared():
                self._guarded("a removed message", lambda: self._fleet.cleared(event))
                event.ack()
            case Connected():
                self._fleet.connected(datetime.now(UTC), time.monotonic())
                if event.refused:
                    self._fault = f"the broker refuses: {', '.join(event.refused)}"
                    _log.error("the broker refuses subscriptions: %s", ", ".join(event.refused))
                self._announce()
            case Disconnected():
                self._publisher.sent.clear()
                self._fleet.disconnected()
                _log.warning("broker lost: %s", event.error or "stopped")
            case ConnectFailed():
                _log.warning("broker not reached: %s", event.error)
            case _Wake():
                self._guarded("the commands to carts", self._commanding.look)

    def _guarded(self, what: str, work: Callable[[], None]) -> bool:
        try:
            with self._scope():
                work()
            self._fault = "" if self._fault.startswith(f"{what}:") else self._fault
            return True
        except Exception as exc:  # noqa: BLE001 - see the top of this file
            self._counts["failed"] += 1
            self._fault = f"{what}: {type(exc).__name__}: {exc}"
            _log.exception("the gateway could not deal with %s; nothing was changed", what)
            return False

    def _arrived(self, arrival: Arrival) -> None:
        taken = self._take.get(type(arrival.message.body))
        if taken is None:
            self._reject_arrival(arrival, f"a {arrival.message.type} is not for the server")
            return
        unfit_for = unfit.why(arrival.message.body)
        if unfit_for:
            self._reject_arrival(arrival, unfit_for)
            return
        newer.keep(arrival)
        taken(arrival)

    # Doses.

    def _on_administration(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, AdministrationRecorded)
        if body.record.facility != self._facility:
            self._reject_arrival(arrival, f"the record is of facility {body.record.facility!r}")
            return
        recorded = recording.administration(_at_cart(cart), body, site=self._site, sender=cart)
        self._receipt(cart, recorded, (body.record.cart, body.epoch))

    def _on_attempt(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, AttemptStopped)
        if body.facility != self._facility:
            self._reject_arrival(arrival, f"the attempt is of facility {body.facility!r}")
            return
        self._receipt(cart, recording.attempt(_at_cart(cart), body, sender=cart, tell_emr=self._tells_stops), (body.cart, body.epoch))

    def _on_observation(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, ObservationRecorded | BedsideNoted)
        if body.facility != self._facility:
            self._reject_arrival(arrival, f"the measurement is of facility {body.facility!r}")
            return
        self._receipt(cart, recording.said(_at_cart(cart), body, sender=cart), (body.cart, body.epoch))

    def _receipt(self, cart: str, recorded: Recorded, journal: tuple[str, str]) -> None:
        self._counts["duplicates" if recorded.duplicate else "recorded"] += 1
        self._fault = ""
        received = RecordReceived(
            record_id=recorded.record_id,
            duplicate=recorded.duplicate,
            received_at=datetime.now(UTC),
            discrepancies=recorded.discrepancies,
        )
        with traces.step("receipt", record=recorded.record_id, kind="producer", cart=cart):
            self._publish(routes.RECEIPT, received, cart=cart)
        if not recorded.duplicate:
            if sequences.can_be_followed(*journal):
                self._numbered.add(journal)
            self._recorded()

    # Questions.

    def _on_tables(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, TablesHeld)
        if not routes.is_level(body.ward):
            self._reject_arrival(arrival, f"{body.ward!r} is not the id of a ward")
            return
        with transaction(ACTOR) as tx:
            fleet.put_held(tx, cart, body.ward, body.held)
            publications = self._publisher.answer(tx, cart, body)
        self._send_tables(publications)
        if body.emr_waiting:
            with transaction(ACTOR) as tx:
                outbox.tell_of(tx, cart, body.emr_waiting)
            self._telling.forget(cart)
        if body.audit_checkpoints:
            with transaction(ACTOR) as tx:
                checkpoints.compare(tx, cart, body.audit_checkpoints, self._key.key)

    def _on_lease(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, LeaseAsked)
        with transaction(ACTOR) as tx:
            match body.action:
                case LeaseAction.ACQUIRE:
                    answer = leases.acquire(tx, patient=body.patient, cart=cart, nurse=body.nurse)
                case LeaseAction.RENEW:
                    answer = leases.renew(tx, patient=body.patient, cart=cart)
                case LeaseAction.RELEASE:
                    answer = leases.release(tx, patient=body.patient, cart=cart, fence=body.fence, unsettled=body.unsettled)
                case LeaseAction.TELL:
                    leases.told(tx, patient=body.patient, cart=cart, token=body.token, unsettled=body.unsettled)
                    return
            lasts_s = None if answer.until is None else (answer.until - tx.at).total_seconds()
        answered = LeaseAnswered(
            asked=arrival.message.id,
            patient=body.patient,
            state=answer.state,
            holder=answer.holder,
            until=answer.until,
            lasts_s=lasts_s,
            fence=answer.fence,
            chart_version=answer.chart_version,
            doubts=tuple(LeaseDoubt(cart=each.cart, nurse=each.nurse, since=each.since) for each in answer.doubts),
        )
        self._publish(routes.LEASE, answered, cart=cart)

    def _ask_about_doubts(self, now_mono_s: float) -> None:
        if now_mono_s < self._doubts_mono_s:
            return
        self._doubts_mono_s = now_mono_s + DOUBTS_EVERY_S
        for cart, question in asking.about_doubts(ACTOR):
            self._publish(routes.LEASE, question, cart=cart)

    def _look_for_gaps(self, now_mono_s: float) -> None:
        if now_mono_s < self._sequences_mono_s:
            return
        self._sequences_mono_s = now_mono_s + SEQUENCES_EVERY_S
        numbered, self._numbered = self._numbered, set()  # what a fault leaves out is told again by the cart's telemetry
        for cart, again in asking.for_missing(ACTOR, numbered, by=SENDER):
            self._publish(routes.COMMAND, again, cart=cart, name=again.name)

    def _on_clock(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, ClockAsked)
        self._publish(routes.CLOCK, ClockTold(asked_at=body.asked_at, server_at=datetime.now(UTC)), cart=cart)

    def _on_witness(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, WitnessAsked | WitnessAnswered)
        if arrival.retained:
            self._reject_arrival(arrival, "a request for a second person is never retained")
            return
        for other, route, letter in witnessing.letters(_at_cart(cart), body, cart, facility=self._facility, key=self._key):
            self._publish(route, letter, cart=other)

    # The fleet.

    def _on_fleet(self, arrival: Arrival) -> None:
        self._fleet.take[type(arrival.message.body)](arrival, time.monotonic())

    def _on_birth(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, CartBirth)
        with transaction(ACTOR) as tx:
            fresh = fleet.put_birth(tx, cart, body, sid=arrival.message.sid)
            if sequences.can_be_followed(cart, body.epoch):
                sequences.heard(tx, cart, body.epoch, body.last_seq, fresh=True)
            self._commanding.born(tx, cart, body.boot_id)
            # The cart is newly there: what was told while it was away went nowhere. One that names what it waits for is told that alone.
            if (fresh or not arrival.retained) and TELLS_EMR_WAITING not in body.capabilities:
                outbox.tell_again(tx, cart, since=tx.at - TOLD_AGAIN)
            self._fleet.born(tx, cart, body)
        self._publisher.forget(cart)
        self._telling.forget(cart)

    def _on_telemetry(self, arrival: Arrival) -> None:
        """Kept until the next tick: the newest of each kind counts, and one commit holds them all."""
        body = arrival.message.body
        assert isinstance(body, Telemetry)
        self._telemetry[(arrival.levels["cart"], body.kind.value)] = body

    def _on_host(self, arrival: Arrival) -> None:
        """A last will of an earlier connection of ours came late: say again that we live."""
        body = arrival.message.body
        assert isinstance(body, HostState)
        if not body.online and arrival.message.sid != self._broker.sid:
            self._announce()

    # What nobody asked for.

    def _look_around(self) -> Iterator[None]:
        """In steps, between which doses are dealt with."""
        again, self._again = self._again, {}
        for said in again.values():
            self.handle(said)
        self._keep_telemetry()
        self._fleet.look(time.monotonic(), connected=self._broker.connected)
        self._commanding.look()
        if not self._broker.connected:
            return
        # First, for it costs little and may be much after the EMR was away; the tables below take most of a look.
        yield from self._telling.steps(ACTOR, self._say_settled)
        with reading(ACTOR) as tx:
            wanted = self._publisher.wanted(tx, fleet.carts(tx))
        for each in wanted:
            yield from self._issued(each)
        self._ask_about_doubts(time.monotonic())
        self._look_for_gaps(time.monotonic())
        drawer_findings.look(ACTOR)
        self._tell_checkpoint(time.monotonic())
        yield from self._telling.steps(ACTOR, self._say_settled)

    def _say_settled(self, body: EmrSettled, cart: str) -> Delivery | None:
        return self._publish(routes.EMR, body, cart=cart)

    def _keep_telemetry(self) -> None:
        told, self._telemetry = self._telemetry, {}
        self._fleet.keep_telemetry(told)

    def _issued(self, wanted: Wanted) -> Iterator[None]:
        """One table, in steps. One that cannot be written keeps no other back."""
        if not self._publisher.is_signed(wanted, datetime.now(UTC)):
            yield
            with reading(ACTOR) as tx:
                draft = self._publisher.draft(tx, wanted)
            yield
            try:
                written = self._publisher.write(draft)
            except MessageError as exc:
                self._failed(f"{wanted.kind} of {wanted.ward}", exc)
                return
            yield
            self._publisher.sign(draft, written)
        if self._broker.connected:  # what was sent is forgotten when the connection ends, which may have been between two steps
            self._send_tables(self._publisher.publications(wanted))

    def _send_tables(self, publications: tuple[Publication, ...]) -> None:
        for publication in publications:
            self._publish(routes.TABLE, publication.issued, cart=publication.cart)

    def _tell_checkpoint(self, now_mono_s: float) -> None:
        """A new statement of the audit log goes to every cart, which keeps it."""
        if now_mono_s < self._checkpoint_mono_s:
            return
        self._checkpoint_mono_s = now_mono_s + CHECKPOINT_EVERY_S
        with reading(ACTOR) as tx:
            newest = audit_log.latest(tx)
        if newest is not None and newest.jws != self._checkpoint:
            self._checkpoint = newest.jws
            self._announce()

    def sealed(self) -> None:
        """There is a new checkpoint: tell it at the next look. Safe from any thread."""
        self._checkpoint_mono_s = 0.0
        self.wake()

    def _announce(self) -> None:
        self._publish(routes.HOST, self._host(online=True))

    def _host(self, *, online: bool) -> HostState:
        checkpoint = self._checkpoint if online else None
        return HostState(online=online, at=datetime.now(UTC), version=self._version, audit_checkpoint=checkpoint)

    def _will(self, _sid: str) -> Letter:
        return Letter(route=routes.HOST, message=self._message(self._host(online=False)), levels={"facility": self._facility})

    def _message(self, body: Body) -> Message:
        return Message(id=str(uuid4()), sent_at=datetime.now(UTC), sender=SENDER, body=body)

    def _send(self, posted: Posted) -> bool:
        """Whether it left this machine."""
        message = replace(self._message(posted.body), ttl_s=posted.ttl_s)
        delivery = self._post(posted.route, message, cart=posted.cart, **posted.levels)
        return delivery is not None and delivery.state is not DeliveryState.NOT_SENT

    def _publish(self, route: Route, body: Body, **levels: str) -> Delivery | None:
        """What cannot go out is asked for again by the cart, or is looked at again at the next tick."""
        return self._post(route, self._message(body), **levels)

    def _post(self, route: Route, message: Message, **levels: str) -> Delivery | None:
        try:
            return self._broker.publish(route, message, facility=self._facility, **levels)
        except MessageError as exc:
            self._failed(f"{route.name} to {levels.get('cart', 'all')}", exc)
            return None

    def _failed(self, what: str, why: MessageError) -> None:
        self._counts["failed"] += 1
        self._fault = f"{what}: {why}"
        _log.error("cannot publish %s: %s", what, why)

    def _reject_arrival(self, arrival: Arrival, reason: str) -> None:
        self._reject(arrival.route.topic(**arrival.levels), reason, arrival.message.id.encode())

    def _reject(self, topic: str, reason: str, head: bytes) -> None:
        self._counts["rejected"] += 1
        _log.warning("rejected a message on %s: %s", topic, reason)
        with transaction(ACTOR) as tx:
            fleet.reject(tx, topic=topic, reason=reason, head=head)
