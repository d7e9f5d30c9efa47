"""The fleet's part of the gateway: states with their late wills, births, alerts, settings, events and their gaps, points for charts.

It has the gateway's thread and publishes through it. What carts are told to do beside their settings hooks in at `HOOKS`. Must never
raise an alert that a cart cleared, nor say that a cart is lost before it had time to come back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from devices.broker import Arrival, Cleared
from pointofcare.errors import MessageError
from pointofcare.wire import routes, settings
from pointofcare.wire.messages import (
    AlertRaised,
    Body,
    CartBirth,
    CartPhase,
    CartState,
    Command,
    ConfigDesired,
    ConfigOrder,
    ConfigReported,
    EventsAcknowledged,
    FleetEvent,
    JobTold,
    Telemetry,
    TelemetryKind,
)
from pointofcare.wire.routes import Route
from server.mqtt import asking
from server.mqtt.publishing import LIVE_PHASES
from server.security import signing
from server.security.signing import SigningKey
from server.store import cart_alerts, cart_config, commands, fleet, telemetry_points
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import tasks_raised

_log = logging.getLogger(__name__)
WILL_WAIT_S = 15.0
# After a connection: how long the broker may take to hand over the alerts that it kept.
KEPT_READ_S = 20.0
CONFIG_EVERY_S = 2.0
# A cart that got its settings and said nothing of them gets them again.
CONFIG_AGAIN_S = 60.0
REBIRTH_AGAIN_S = 60.0
TIDY_EVERY_S = 60.0
TELEMETRY_TRIES = 3
COMMAND_TTL_S = 10.0
ROUTES: tuple[Route, ...] = (routes.ALERT, routes.CONFIG_TOLD, routes.JOB_TOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message for a cart. `sent` hears whether it left this machine."""

    cart: str
    route: Route
    body: Body
    levels: Mapping[str, str] = field(default_factory=dict)
    ttl_s: float | None = None
    sent: Callable[[bool], None] | None = None


@dataclass(slots=True)
class Hooks:
    """What else is done with what carts tell, each in the transaction in which it came. A hook that fails is logged; the others go on.

    `looks` are asked every half second for what is to be sent: they must be cheap when there is nothing."""

    jobs: list[Callable[[Transaction, str, JobTold], None]] = field(default_factory=list)
    births: list[Callable[[Transaction, str, CartBirth], None]] = field(default_factory=list)
    telemetry: list[Callable[[Transaction, str, Telemetry], None]] = field(default_factory=list)
    # These must not touch the database: something came of the cart.
    changed: list[Callable[[str], None]] = field(default_factory=list)
    looks: list[Callable[[], tuple[Posted, ...]]] = field(default_factory=list)


HOOKS = Hooks()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Will:
    arrival: Arrival
    due_mono_s: float


class FleetEnd:
    """`publish` sends a body to a cart and says whether it left; `reject` keeps a message that is none of ours."""

    def __init__(
        self,
        *,
        actor: Actor,
        facility: str,
        key: SigningKey,
        publish: Callable[[Posted], bool],
        reject: Callable[[Arrival, str], None],
        hooks: Hooks = HOOKS,
    ) -> None:
        self._actor, self._facility, self._key = actor, facility, key
        self._publish, self._reject, self.hooks = publish, reject, hooks
        self._wills: dict[str, _Will] = {}
        # When this connection began, until the alerts that the broker kept are read.
        self._reading_since: tuple[datetime, float] | None = None
        self._config_sent: dict[str, tuple[int, float]] = {}
        self._config_mono_s = self._tidy_mono_s = 0.0
        self._rebirths: dict[str, float] = {}
        self._slots: dict[tuple[str, TelemetryKind], datetime] = {}
        self._unkept: Mapping[tuple[str, str], Telemetry] = {}
        self._telemetry_faults = 0
        self.take: Mapping[type[Body], Callable[[Arrival, float], None]] = {
            CartState: self._on_state,
            AlertRaised: self._on_alert,
            ConfigReported: self._on_config,
            JobTold: self._on_job,
            FleetEvent: self._on_event,
        }

    # The connection.

    def connected(self, now: datetime, mono_s: float) -> None:
        """What the broker kept comes now; alerts of which nothing comes were resolved meanwhile."""
        self._reading_since = (now, mono_s)
        self._config_sent.clear()

    def disconnected(self) -> None:
        """Nothing can be said of what was resolved before everything was read again."""
        self._reading_since = None

    # States.

    def _on_state(self, arrival: Arrival, mono_s: float) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, CartState)
        if body.phase is CartPhase.LOST:
            # A cart that is back within these seconds was never lost. The newest will counts.
            self._wills[cart] = _Will(arrival=arrival, due_mono_s=mono_s + WILL_WAIT_S)
            return
        self._wills.pop(cart, None)
        self._put_state(arrival)

    def _put_state(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, CartState)
        with transaction(self._actor) as tx:
            fleet.put_state(tx, cart, body, sid=arrival.message.sid, sent_at=arrival.message.sent_at, retained=arrival.retained)
        self._told_of(cart)

    def _say_lost(self, mono_s: float) -> None:
        due = [cart for cart, will in self._wills.items() if mono_s >= will.due_mono_s]
        for cart in due:
            self._put_state(self._wills[cart].arrival)  # what a fault leaves out is looked at again
            del self._wills[cart]

    def born(self, tx: Transaction, cart: str, birth: CartBirth) -> None:
        """A cart's connection is new: what it was sent before may not have arrived."""
        self._config_sent.pop(cart, None)
        self._hooked(self.hooks.births, tx, cart, birth)

    def cleared(self, event: Cleared) -> None:
        """A retained message was removed: the alert is resolved, or the cart was taken out of service."""
        cart = event.levels.get("cart", "")
        if event.route is routes.ALERT:
            with transaction(self._actor) as tx:
                if not event.levels["alert"].startswith(cart_alerts.RULE_PREFIX):
                    cart_alerts.cleared(tx, cart, event.levels["alert"])
        elif event.route is routes.STATE:
            self._wills.pop(cart, None)
            with transaction(self._actor) as tx:
                if fleet.put_away(tx, cart):
                    cart_alerts.end_all(tx, cart)

    # What carts tell.

    def _on_alert(self, arrival: Arrival, mono_s: float) -> None:  # noqa: ARG002
        body, cart, alert = arrival.message.body, arrival.levels["cart"], arrival.levels["alert"]
        assert isinstance(body, AlertRaised)
        if not routes.is_level(body.code):
            self._reject(arrival, "the alert's code is none")
            return
        with transaction(self._actor) as tx:
            why = cart_alerts.refused(tx, cart, alert)
            if not why:
                cart_alerts.raised(tx, cart, alert, body)
        if why:
            self._reject(arrival, why)

    def _on_config(self, arrival: Arrival, mono_s: float) -> None:  # noqa: ARG002
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, ConfigReported)
        if arrival.retained:
            self._reject(arrival, "settings that run are never retained")
            return
        with transaction(self._actor) as tx:
            cart_config.reported(tx, cart, body)

    def _on_job(self, arrival: Arrival, mono_s: float) -> None:  # noqa: ARG002
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, JobTold)
        if arrival.retained or body.job != arrival.levels["job"]:
            self._reject(arrival, "it is retained, or of another job than its topic's")
            return
        with transaction(self._actor) as tx:
            self._hooked(self.hooks.jobs, tx, cart, body)

    def _on_event(self, arrival: Arrival, mono_s: float) -> None:
        """Keeps a fleet event, acknowledges how far there is no gap, and asks a cart with one to begin anew."""
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, FleetEvent)
        try:
            with transaction(self._actor) as tx:
                held = fleet.put_event(tx, cart, body)
                tasks_raised.after_event(tx, cart, body)
        except Exception:  # noqa: BLE001 - the event itself is kept below, or raised from there
            _log.exception("event %s of %s: its tasks could not be raised", body.seq, cart)
            with transaction(self._actor) as tx:
                held = fleet.put_event(tx, cart, body)
        if held.lost:
            _log.warning("%s fleet events of %s never came: the cart has them no more", held.lost, cart)
        self._publish(Posted(cart=cart, route=routes.ACK, body=EventsAcknowledged(epoch=body.epoch, upto=held.upto)))
        if held.gap:
            self._ask_rebirth(cart, mono_s)

    def _ask_rebirth(self, cart: str, mono_s: float) -> None:
        before = self._rebirths.get(cart)
        if before is not None and mono_s - before < REBIRTH_AGAIN_S:
            return
        with reading(self._actor) as tx:
            row = fleet.cart_row(tx, cart)
        if row is None or not row["sid"] or row["phase"] not in LIVE_PHASES:
            return
        self._rebirths[cart] = mono_s
        command = Command(name="rebirth", for_sid=row["sid"], by=self._actor.id)
        self._publish(Posted(cart=cart, route=routes.COMMAND, body=command, levels={"name": command.name}, ttl_s=COMMAND_TTL_S))

    def keep_telemetry(self, told: Mapping[tuple[str, str], Telemetry]) -> None:
        """The newest of each cart and kind; of each five minutes the first stays for charts. One commit, and carts in the one order in
        which everything takes their rows: two orders would stop each other. What cannot be kept now is kept with the next; what never
        can be is let go, for newer numbers come within the minute."""
        told, self._unkept = {**self._unkept, **told}, {}
        if not told:
            return
        try:
            self._kept_telemetry(dict(sorted(told.items())))
        except Exception:
            self._telemetry_faults = (self._telemetry_faults + 1) % TELEMETRY_TRIES
            if self._telemetry_faults:
                self._unkept = told
            raise
        self._telemetry_faults = 0
        for cart in {cart for cart, _ in told}:
            self._told_of(cart)

    def _kept_telemetry(self, told: Mapping[tuple[str, str], Telemetry]) -> None:
        slots: dict[tuple[str, TelemetryKind], datetime] = {}
        with transaction(self._actor) as tx:
            asking.heard(tx, told)
            slot = telemetry_points.slot(tx.at)
            for (cart, _kind), telemetry in told.items():
                key = (cart, telemetry.kind)
                if self._slots.get(key) != slot:
                    telemetry_points.keep(tx, cart, telemetry.kind, telemetry.values)
                    slots[key] = slot
                self._hooked(self.hooks.telemetry, tx, cart, telemetry)
        self._slots |= slots

    # What nobody asked for.

    def look(self, mono_s: float, *, connected: bool) -> None:
        """Every half second."""
        self._say_lost(mono_s)
        if self._reading_since is not None and mono_s - self._reading_since[1] >= KEPT_READ_S:
            since, self._reading_since = self._reading_since[0], None
            with transaction(self._actor) as tx:
                for ended in cart_alerts.reconcile(tx, heard_since=since):
                    _log.info("the alert %s of %s was resolved while this server was away", ended.alert, ended.cart)
        if mono_s >= self._tidy_mono_s:
            self._tidy_mono_s = mono_s + TIDY_EVERY_S
            self._tidy(mono_s)
        if connected:
            self._look_out(mono_s)

    def _look_out(self, mono_s: float) -> None:
        """What carts lack of their settings, and what the hooks want sent."""
        if mono_s >= self._config_mono_s:
            self._config_mono_s = mono_s + CONFIG_EVERY_S
            self._send_settings(mono_s)
        for look in self.hooks.looks:
            try:
                wanted = look()
            except Exception:  # noqa: BLE001 - one kind of message must not keep the others back
                _log.exception("%s could not say what is to be sent", look)
                continue
            for posted in wanted:
                left = self._publish(posted)
                if posted.sent is not None:
                    posted.sent(left)

    def _send_settings(self, mono_s: float) -> None:
        with reading(self._actor) as tx:
            lacking = cart_config.lacking(tx)
            live = {each.id for each in fleet.carts(tx) if each.phase in LIVE_PHASES} if lacking else set()
        for each in lacking:
            sent = self._config_sent.get(each.cart)
            if each.cart not in live:
                continue
            if sent is not None and sent[0] == each.desired_version and mono_s - sent[1] < CONFIG_AGAIN_S:
                continue
            order = ConfigOrder(
                facility=self._facility,
                cart=each.cart,
                version=each.desired_version,
                document=each.desired,
                issued_at=datetime.now(UTC),
            )
            try:
                signed = signing.sign_order(self._key, settings.TYPE, settings.claims(order))
            except MessageError as exc:
                _log.error("the settings of %s cannot be signed: %s", each.cart, exc)
                continue
            if self._publish(Posted(cart=each.cart, route=routes.CONFIG, body=ConfigDesired(version=order.version, signed=signed))):
                self._config_sent[each.cart] = (order.version, mono_s)

    def _tidy(self, mono_s: float) -> None:
        """In steps: what is left waits a minute."""
        with transaction(self._actor) as tx:
            telemetry_points.forget_old(tx)
            cart_alerts.forget_old(tx)
            commands.forget_old_parts(tx)
            oldest = telemetry_points.slot(tx.at) - timedelta(minutes=10)
        self._slots = {key: slot for key, slot in self._slots.items() if slot >= oldest}
        self._rebirths = {cart: at for cart, at in self._rebirths.items() if mono_s - at < REBIRTH_AGAIN_S}

    def tell_of(self, hook: Callable[[str], None]) -> None:
        """Before the start: `hook` hears of each cart of which something came."""
        self.hooks.changed.append(hook)

    def _told_of(self, cart: str) -> None:
        for hook in self.hooks.changed:
            try:
                hook(cart)
            except Exception:  # noqa: BLE001 - who listens must not keep the gateway from its work
                _log.exception("%s failed", hook)

    def _hooked(self, hooks: list[Callable[..., None]], tx: Transaction, *told: object) -> None:
        """Each on its own: a fault in one must neither undo what came nor keep the others back."""
        for hook in hooks:
            try:
                with tx.session.begin_nested():
                    hook(tx, *told)
            except Exception:  # noqa: BLE001 - see above
                _log.exception("%s failed", hook)
