"""Between microcontroller and MQTT: looks at power, drawers and events, keeps events until the server has them, unlocks.

One thread looks; an unlock comes in between on its own thread and waits at most for one exchange. Unlocking needs the serial
line only, never the broker or the server. Nothing here decides whether a drawer may open: the cart program did.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from devices.broker import Arrival, Broker, BrokerEvent, Cleared, Connected, DeliveryState, Rejected
from devices.ports import DrawerOutcome, LockOutcome
from firmware_bridge import group
from firmware_bridge.config import Config
from firmware_bridge.ledger import Happening, Ledger
from firmware_bridge.link import Link
from firmware_bridge.update.updater import Updater
from firmware_bridge.update.use import Use
from pointofcare.errors import DeviceError, DeviceProtocolError, DeviceUnavailableError, JournalError, MessageError
from pointofcare.fleet import drawers as story
from pointofcare.fleet.gates import Hardware
from pointofcare.wire import routes
from pointofcare.wire.messages import (
    AlertRaised,
    AlertSeverity,
    Body,
    EventsAcknowledged,
    HostState,
    JobAssigned,
    JobTold,
    Message,
    Telemetry,
    TelemetryKind,
)

_log = logging.getLogger(__name__)
HEARTBEAT_TTL_MS = 5_000
UNLOCK_WITHIN_S = 3.0
_LOCKED = {group.LockStatus.LOCKED: LockOutcome.LOCKED, group.LockStatus.OPEN: LockOutcome.OPEN}
_HEARTBEAT_S = 1.0
_LOOK_S = 1.0  # at power and drawers; events are looked at with every turn
_RESEND_S = 10.0
_LOST_AFTER_S = 5.0
_DOWN_AFTER_S = 90.0  # longer than any start, with an exchange of images in it
DOWN_ALERT = "mcu-down"
# What a microcontroller may say of itself: its numbers have 32 bits, and none runs for thirty years.
_LONGEST_BOOT = 64
_LONGEST_MS = 10**12
_MOST_EVENTS = 2**32 - 1
# So many happenings are remembered for the cart program, and told in one answer.
_MOST_RECENT, _MOST_TOLD = 256, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is known of the hardware now, for the cart program. Numbers are None until the microcontroller told them."""

    connected: bool
    boot_id: str
    battery_percent: int | None
    on_mains: bool | None
    waiting_events: int
    error: str
    updating: str = ""  # why no drawer is unlocked now


class Relay:
    """`wall` gives the aware UTC time, for what is told; `mono` seconds that never jump, for all that waits."""

    def __init__(
        self,
        config: Config,
        link: Link,
        ledger: Ledger,
        *,
        broker: Callable[[Callable[[BrokerEvent], None]], Broker],
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._link = link
        self._ledger = ledger
        self._broker = broker(self._on_broker)
        self._broker.on(routes.ACK, facility=config.facility, cart=config.cart)
        self._broker.on(routes.HOST, facility=config.facility)
        self._broker.on(routes.JOB, facility=config.facility, cart=config.cart)
        self.updates: Updater | None = None
        self.update_fault = ""
        self.certificate: Callable[[], Mapping[str, object]] = dict  # what is known of the one in use
        self._updating = False
        self.use = Use(mono)
        self._drawers: group.DrawersAnswer | None = None
        self._down_told: bool | None = None  # None: what the broker keeps of an earlier run is not known
        self._down_since: datetime | None = None
        self._wall = wall
        self._mono = mono
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._told: dict[TelemetryKind, tuple[Mapping[str, object], float]] = {}
        self._fresh_session = False
        self._sent_upto = 0
        self._resend_at = 0.0
        self._heartbeat_at = self._look_at = 0.0
        self._info: group.InfoAnswer | None = None
        self._power: group.PowerAnswer | None = None
        self._seen_at: float | None = None
        self._started_at = mono()
        self._lost = False
        self._mailbox_lost = 0
        self._fault = ""
        # What the cart program may ask for: of this run only, the newest.
        self._this_run = uuid.uuid4().hex
        self._recent: deque[dict[str, Any]] = deque(maxlen=_MOST_RECENT)
        self._recent_upto = 0
        self._recent_guard = threading.Lock()
        self._open: list[int] = []

    def start(self) -> None:
        self._link.start()
        self._broker.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._broker.stop()
        self._link.stop()
        self._ledger.close()

    @property
    def condition(self) -> Condition:
        return Condition(
            connected=self._link.status.connected,
            boot_id=self._info.boot if self._info else "",
            battery_percent=self._power.soc if self._power else None,
            on_mains=self._power.ac if self._power else None,
            waiting_events=self._ledger.count(),
            error=self._fault or self._link.status.error or self.update_fault,
            updating=self.updates.refusal if self.updates is not None else "",
        )

    @property
    def sid(self) -> str:
        return self._broker.sid

    def use_certificate(self, cert_file: Path) -> None:
        """Connect anew with this one; what waits is sent again. Raises: ConfigError."""
        self._broker.use_certificate(cert_file)

    def in_use(self, *, busy: bool, ttl_ms: int) -> None:
        """The cart program says whether somebody is at it. An update begins only when it is known that nobody is."""
        self.use.told(busy=busy, ttl_ms=ttl_ms)

    def hardware(self) -> Hardware:
        """What an update's gates look at. What was not told by a microcontroller that answers now is not known."""
        connected = self._link.status.connected
        power, drawers = (self._power, self._drawers) if connected else (None, None)
        busy, idle_s = self.use.now()
        return Hardware(
            connected=connected,
            charge_percent=float(power.soc) if power is not None else None,
            on_mains=power.ac if power is not None else None,
            open_drawers=tuple(_set(drawers.open | drawers.free, drawers.n)) if drawers is not None else None,
            busy=busy,
            idle_s=idle_s,
        )

    def tell_job(self, told: JobTold) -> bool:
        """Whether it went out."""
        return self._publish(routes.JOB_TOLD, told, job=told.job)

    def unlock(self, drawer: int, *, command_id: str, ttl_ms: int) -> DrawerOutcome:
        """Raises: DeviceUnavailableError (nothing was sent), OutcomeUnknownError, DeviceProtocolError."""
        refusal = self.updates.refusal if self.updates is not None else ""
        if refusal:
            raise DeviceUnavailableError(f"no drawer is unlocked now: {refusal}", remedy="open the drawer with its key", drawer=drawer)
        # Before it is asked: after a loss of power an opening must still be known as one that somebody asked for.
        self._tell_unlock(story.ASKED, drawer, command_id, ttl_ms=ttl_ms)
        outcome = "outcome-unknown"
        try:
            answer = self._link.command(
                lambda: group.Unlock(d=drawer, id=command_id, ttl_ms=ttl_ms), until_mono_s=time.monotonic() + UNLOCK_WITHIN_S
            )
            unlocked = answer.st == group.UnlockStatus.UNLOCKED
            outcome = "unlocked" if unlocked else "refused"
        except DeviceUnavailableError:
            outcome = "unavailable"
            raise
        except DeviceProtocolError:
            outcome = "refused"
            raise
        finally:
            self._tell_unlock(story.ANSWERED, drawer, command_id, outcome=outcome)
            self._look_at = 0.0
            self._wake.set()
        return DrawerOutcome.UNLOCKED if unlocked else DrawerOutcome.REFUSED

    def happenings(self, run: str, after: int) -> dict[str, object]:
        """What happened at the drawers after number `after` of `run`, for the cart program: it asks for the rest."""
        with self._recent_guard:
            fresh = [one for one in self._recent if run != self._this_run or after < one["n"]][:_MOST_TOLD]
            upto = fresh[-1]["n"] if fresh else self._recent_upto
        now = self._wall().isoformat()
        return {
            "run": self._this_run, "upto": upto, "at": now, "connected": self._link.status.connected, "open": self._open, "happened": fresh
        }  # fmt: skip

    def _tell_unlock(self, kind: str, drawer: int, command_id: str, **more: object) -> None:
        """A disk that takes nothing must keep no drawer shut."""
        happening = Happening(kind=kind, at=self._wall(), details={"drawer": drawer, "command": command_id, **more})
        try:
            self._keep([happening])
        except JournalError as exc:
            self._fault = str(exc)

    def _keep(self, happenings: Sequence[Happening], *, boot_id: str | None = None, upto: int = 0) -> None:
        """Into the ledger, and into what the cart program may ask for. What the mailbox will give again must not be told twice; what is
        our own is told whatever the disk says. Raises: JournalError."""
        if boot_id is not None:
            self._ledger.take(happenings, boot_id=boot_id, upto=upto)
        with self._recent_guard:
            for one in happenings:
                if one.kind in story.KINDS:
                    self._recent_upto += 1
                    self._recent.append({"n": self._recent_upto, "kind": one.kind, "at": one.at.isoformat(), **one.details})
        if boot_id is None:
            for one in happenings:
                self._ledger.add(one)

    def lock(self, drawer: int) -> LockOutcome:
        """`drawer` 0: every one. Raises: DeviceUnavailableError (nothing was sent), OutcomeUnknownError, DeviceProtocolError."""
        answer = self._link.command(lambda: group.Lock(d=drawer), until_mono_s=time.monotonic() + UNLOCK_WITHIN_S)
        self._look_at = 0.0
        self._wake.set()
        return _LOCKED.get(answer.st, LockOutcome.REFUSED)

    def signal(self, *, sound_ms: int, lights_ms: int) -> None:
        """Raises: DeviceUnavailableError (nothing was sent), OutcomeUnknownError, DeviceProtocolError."""
        until = time.monotonic() + UNLOCK_WITHIN_S
        self._link.command(lambda: group.Leds(ms=lights_ms), until_mono_s=until)
        self._link.command(lambda: group.Beep(ms=sound_ms), until_mono_s=until)

    def selftest(self) -> tuple[str, ...]:
        """What the microcontroller found to be broken, by its own names. Raises: DeviceError."""
        answer: group.SelftestAnswer = self._link.ask(group.Selftest)
        named = tuple(str(each)[:64] for each in answer.bad[: group.MOST_DRAWERS])
        return named or (() if answer.ok else ("unnamed",))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self.turn()
                self._fault = ""
            except JournalError as exc:
                self._fault = str(exc)
                _log.error("%s", exc)
            except Exception as exc:  # noqa: BLE001 - drawers must go on working whatever this loop meets; nothing is acknowledged
                self._fault = f"{type(exc).__name__}: {exc}"
                _log.exception("a turn of the relay failed")
            self._wake.wait(self._config.poll_s)

    def turn(self) -> None:
        """One look at everything that is due."""
        now = self._mono()
        self._tell_updating()
        try:
            if now >= self._heartbeat_at:
                self._link.ask(lambda: group.Heartbeat(ttl_ms=HEARTBEAT_TTL_MS))
                self._heartbeat_at = now + _HEARTBEAT_S
            self._collect()
            if now >= self._look_at:
                self._look()
                self._look_at = now + _LOOK_S
            self._present(now)
        except DeviceError as exc:
            self._absent(now, exc)
        self._tell_microcontroller()
        self._tell_down(now)
        self._send_events(now)

    def _tell_updating(self) -> None:
        """From when to when no drawer is unlocked because the microcontroller is renewed: an opening meanwhile is by its key."""
        updating = self.updates is not None and bool(self.updates.refusal)
        if updating is not self._updating:
            self._updating = updating
            self._keep([Happening(kind=story.UPDATING if updating else story.UPDATED, at=self._wall())])

    def _collect(self) -> None:
        """Reads the mailbox empty. What is written to the ledger is acknowledged by the next reading, and not before."""
        more = True
        while more and not self._stopping.is_set():
            boot_id, upto = self._ledger.mark()
            answer: group.EventsAnswer = self._link.ask(partial(group.Events, after=upto, boot=boot_id))
            boot = answer.boot[:_LONGEST_BOOT]
            now = self._wall()
            started_at = now - timedelta(milliseconds=_within(answer.up_ms, 0, _LONGEST_MS) or 0)
            known = upto if boot == boot_id else 0
            fresh = [(number, event) for number, event in _numbered(answer.ev, known) if number > known]
            happenings = [_happening(event, boot, started_at, now) for _, event in fresh]
            lost = _within(answer.lost, 0, _MOST_EVENTS) or 0
            if lost > self._mailbox_lost:
                happenings.append(Happening(kind="mcu-events-lost", at=now, boot_id=boot, details={"count": lost}))
            self._mailbox_lost = lost
            if happenings:
                self._keep(happenings, boot_id=boot, upto=max([known, *(number for number, _ in fresh)]))
            more = answer.more and bool(fresh)

    def _look(self) -> None:
        self._info = self._link.ask(group.Info)
        self._power = power = self._link.ask(group.Power)
        self._tell(
            TelemetryKind.POWER,
            {
                "battery_percent": power.soc,
                "charging": power.chg,
                "on_mains": power.ac,
                "health_percent": power.soh,
                "cycles": power.cyc,
                "voltage_mv": power.mv,
                "current_ma": power.ma,
                "temperature_c": power.dC / 10,
            },
            changed_by=("battery_percent", "charging", "on_mains"),
        )
        drawers = self._drawers = self._link.ask(group.Drawers)
        self._open = [number for number in range(1, min(drawers.n, group.MOST_DRAWERS) + 1) if drawers.open >> (number - 1) & 1]
        self._tell(
            TelemetryKind.DRAWERS,
            {
                "count": drawers.n,
                "open": _numbers(drawers.open, drawers.n),
                "unlocked": _numbers(drawers.free, drawers.n),
                "stuck": _numbers(drawers.stuck, drawers.n),
            },
        )

    def _tell_microcontroller(self) -> None:
        status = self._link.status
        self._tell(
            TelemetryKind.MCU,
            {
                "connected": status.connected,
                "boot_id": self._info.boot if self._info else None,
                "hardware": self._info.hw if self._info else None,
                "firmware": self._info.fw if self._info else None,
                "protocol": self._info.proto if self._info else None,
                "up_s": self._info.up_ms // 1000 if self._info else None,
                "exchanges": status.exchanges,
                "retries": status.retries,
                "failures": status.failures,
                "events_waiting": self._ledger.count(),
                "update": self.updates.state if self.updates is not None else ("off" if self.update_fault else None),
                "slots": _slots(self.updates),
                **self.certificate(),
            },
            changed_by=("connected", "boot_id", "firmware", "update", "slots"),
        )

    def _present(self, now: float) -> None:
        self._seen_at = now
        if self._lost:
            self._lost = False
            self._keep([Happening(kind=story.BACK, at=self._wall(), boot_id=self._info.boot if self._info else None)])

    def _absent(self, now: float, exc: DeviceError) -> None:
        since = self._seen_at if self._seen_at is not None else self._started_at
        if not self._lost and now - since >= _LOST_AFTER_S:
            self._lost = True
            self._keep([Happening(kind=story.LOST, at=self._wall(), details={"why": exc.code})])

    def _tell_down(self, now: float) -> None:
        """The alert of a microcontroller that stays away, and its end. Drugs can be given on: drawers open with their key."""
        since = self._seen_at if self._seen_at is not None else self._started_at
        down = now - since >= _DOWN_AFTER_S
        if down == self._down_told or (not down and self._seen_at is None):
            return
        levels = {"facility": self._config.facility, "cart": self._config.cart, "alert": DOWN_ALERT}
        if down:
            self._down_since = self._down_since or self._wall() - timedelta(seconds=now - since)
            why = self.updates.state if self.updates is not None else ""
            raised = AlertRaised(code=DOWN_ALERT, severity=AlertSeverity.CRITICAL, at=self._down_since, details={"update": why})
            sent = self._publish(routes.ALERT, raised, alert=DOWN_ALERT)
        else:
            self._down_since = None
            sent = self._broker.clear(routes.ALERT, **levels).state is not DeliveryState.NOT_SENT
        if sent:
            self._down_told = down

    def _tell(self, kind: TelemetryKind, values: Mapping[str, object], *, changed_by: tuple[str, ...] | None = None) -> None:
        """When it changed in what counts, or is due. Not sent now means told again with the next turn."""
        now = self._mono()
        watched = {name: values[name] for name in changed_by or tuple(values)}
        before = self._told.get(kind)
        if before is not None and before[0] == watched and now - before[1] < self._config.report_s:
            return
        sent = self._publish(routes.TELEMETRY, Telemetry(kind=kind, at=self._wall(), values=values), kind=kind.value)
        if sent:
            self._told[kind] = (watched, now)

    def _send_events(self, now: float) -> None:
        if self._fresh_session or now >= self._resend_at:
            self._fresh_session = False
            self._sent_upto = 0
            self._resend_at = now + _RESEND_S
        for event in self._ledger.waiting(after=self._sent_upto):
            if not self._publish(routes.EVENT, event, message_id=f"{self._ledger.epoch}-{event.seq}"):
                return
            self._sent_upto = event.seq

    def _publish(self, route: routes.Route, body: Body, *, message_id: str | None = None, **levels: str) -> bool:
        message = Message(id=message_id or str(uuid.uuid4()), sent_at=self._wall(), sender=self._config.cart, body=body)
        try:
            delivery = self._broker.publish(route, message, facility=self._config.facility, cart=self._config.cart, **levels)
        except MessageError as exc:
            _log.error("a %s cannot be told: %s", message.type, exc)
            return True  # it never can: what comes after it must not wait
        return delivery.state is not DeliveryState.NOT_SENT

    def _on_broker(self, event: BrokerEvent) -> None:
        """On the MQTT thread: notes it, and never raises."""
        if isinstance(event, Connected):
            self._told.clear()
            self._fresh_session = True
            self._down_told = None
            self._job_asked_again()
            self._wake.set()
        elif isinstance(event, Arrival):
            body = event.message.body
            if isinstance(body, JobAssigned) and not event.retained and self.updates is not None:
                self.updates.assigned(body)
            if isinstance(body, EventsAcknowledged) and not event.retained:
                try:
                    self._ledger.forget(body.epoch, body.upto)
                except JournalError as exc:
                    self._fault = str(exc)  # the server sends the acknowledgement again when the events come again
            elif isinstance(body, HostState) and body.online:
                self._fresh_session = True  # a server that is back has not seen what went out without it
                self._job_asked_again()
                self._wake.set()
            event.ack()
        elif isinstance(event, Rejected | Cleared):
            event.ack()

    def _job_asked_again(self) -> None:
        if self.updates is not None:
            self.updates.tell_again()


def _slots(updates: Updater | None) -> list[dict[str, object]]:
    return [
        {
            "slot": each.slot,
            "version": each.version,
            "hash": each.hash,
            "active": each.active,
            "confirmed": each.confirmed,
            "pending": each.pending,
        }
        for each in (updates.slots if updates is not None else ())
    ]


def _set(bits: int, count: int) -> list[int]:
    return [number for number in range(1, min(count, group.MOST_DRAWERS) + 1) if bits >> (number - 1) & 1]


def _numbered(events: Sequence[Mapping[str, object]], known: int) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Each event with its number. One without a number of its own has the one after its neighbour's: it must be told and
    acknowledged like any other, or the mailbox would give it for ever and nothing after it."""
    number = known
    for event in events:
        told = _within(event.get("s"), 1, _MOST_EVENTS)
        number = told if told is not None else number + 1
        yield number, event


def _happening(event: Mapping[str, object], boot_id: str, started_at: datetime, now: datetime) -> Happening:
    """What happened, or that something did which is not understood."""
    after_ms, kind = _within(event.get("ms"), 0, _LONGEST_MS), event.get("k")
    drawer = _within(event.get("d"), 1, group.MOST_DRAWERS)
    odd = after_ms is None or not isinstance(kind, str) or not kind or ("d" in event and drawer is None)
    if odd or _within(event.get("s"), 1, _MOST_EVENTS) is None:
        told = repr(dict(event))[:200].encode("utf-8", "replace").decode()
        return Happening(kind="mcu-event-unreadable", at=now, boot_id=boot_id, details={"event": told})
    return Happening(
        kind=str(kind)[:64],
        at=started_at + timedelta(milliseconds=after_ms or 0),
        boot_id=boot_id,
        mono_ms=after_ms,
        details={"drawer": drawer} if drawer is not None else {},
    )


def _within(value: object, least: int, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most else None


def _numbers(bits: int, count: int) -> str:
    """ "3,5": which drawers a bit field names."""
    return ",".join(str(number) for number in range(1, min(count, group.MOST_DRAWERS) + 1) if bits >> (number - 1) & 1)
