"""Shows the carts to home automation, on a broker and with an account of their own: what there is (retained), and how it is.

It reads the list of carts and publishes; it takes nothing in but its own retained announcements, which it needs to take away those of
carts that are gone. Never a patient, never a person, nothing of a drawer's content.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from pointofcare.errors import DeviceUnavailableError
from server.export_settings import DiscoveryConfig
from server.store import views_carts
from server.store.transaction import reading
from server.store.views_carts import Asked, FleetLine

log = logging.getLogger(__name__)

_log = logging.getLogger(__name__)
MOST_CARTS = 5000
# Longer than the look, so that a value that is not told any more is called unknown.
EXPIRES_LOOKS = 6
_READY_S = 15.0
_ID = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One thing that home automation shows of a cart: `key` is in the state."""

    component: str
    key: str
    name: str
    device_class: str | None = None
    unit: str | None = None


ENTITIES: tuple[Entity, ...] = (
    Entity(component="binary_sensor", key="online", name="Online", device_class="connectivity"),
    Entity(component="binary_sensor", key="problem", name="Alert", device_class="problem"),
    Entity(component="binary_sensor", key="charging", name="Charging", device_class="battery_charging"),
    Entity(component="sensor", key="battery", name="Battery", device_class="battery", unit="%"),
    Entity(component="sensor", key="health", name="Battery health", unit="%"),
    Entity(component="sensor", key="temperature", name="Battery temperature", device_class="temperature", unit="°C"),
    Entity(component="sensor", key="unsent", name="Unsent records"),
)


def _prefix(facility: str) -> str:
    """What begins the names of this facility's carts and of no other's, however the two are called."""
    return f"pointofcare_{hashlib.sha256(facility.encode()).hexdigest()[:10]}_"


def node(facility: str, cart: str) -> str:
    """The cart's name among all that a broker shows."""
    return _prefix(facility) + _ID.sub("_", cart)


def status_topic(facility: str) -> str:
    return f"pointofcare/{facility}/status"


def state_topic(facility: str, cart: str) -> str:
    return f"pointofcare/{facility}/{cart}/state"


def announcements(config: DiscoveryConfig, facility: str, cart: FleetLine) -> dict[str, str]:
    """Topic -> what is retained there, of each entity of the cart."""
    device = {
        "identifiers": [node(facility, cart.id)],
        "name": f"Cart {cart.id}",
        "manufacturer": "pointofcare",
        "model": "Medication cart",
        **({"sw_version": cart.app_version} if cart.app_version else {}),
        **({"suggested_area": cart.ward} if cart.ward else {}),
    }
    found = {}
    for entity in ENTITIES:
        told: dict[str, Any] = {
            "name": entity.name,
            "unique_id": f"{node(facility, cart.id)}_{entity.key}",
            "state_topic": state_topic(facility, cart.id),
            "value_template": f"{{{{ value_json.{entity.key} }}}}",
            "availability_topic": status_topic(facility),
            "expire_after": config.every_s * EXPIRES_LOOKS,
            "device": device,
        }
        if entity.device_class:
            told["device_class"] = entity.device_class
        if entity.unit:
            told |= {"unit_of_measurement": entity.unit, "state_class": "measurement"}
        if entity.component == "binary_sensor":
            told |= {"payload_on": "on", "payload_off": "off"}
        found[f"{config.prefix}/{entity.component}/{node(facility, cart.id)}/{entity.key}/config"] = _json(told)
    return found


def state(cart: FleetLine, now: datetime) -> str:
    """How the cart is; what it has not told is null, which home automation calls unknown."""

    def switch(value: bool | None) -> str | None:
        return None if value is None else "on" if value else "off"

    return _json(
        {
            "online": switch(cart.online(now)),
            "problem": switch(cart.alerts > 0),
            "charging": switch(cart.charging),
            "battery": cart.battery_percent,
            "health": cart.health_percent,
            "temperature": cart.battery_cel,
            "unsent": cart.unsent,
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a turn published: announcements that are new or changed, those taken away, and states."""

    announced: int
    removed: int
    states: int


class Exporter:
    """`look` gives the carts of now. One thread uses it; `close` says that nothing is told any more."""

    def __init__(self, config: DiscoveryConfig, *, facility: str, client_id: str = "") -> None:
        self._config = config
        self._facility = facility
        # What the broker keeps of us, by topic: our own words, and what it told us at the start.
        self._kept: dict[str, str] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        name = client_id or f"pointofcare-discovery-{_ID.sub('_', facility)}"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311, clean_session=True)
        if config.username:
            self._client.username_pw_set(config.username, config.password)
        if config.ca_file is not None:
            self._client.tls_set(ca_certs=str(config.ca_file), cert_reqs=ssl.CERT_REQUIRED)
        self._client.will_set(status_topic(facility), "offline", qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_message = self._heard
        self._client.on_disconnect = lambda *_: self._ready.clear()

    def open(self) -> None:
        """Raises: DeviceUnavailableError (no broker, or it does not let us in)."""
        assert self._config.host is not None
        try:
            self._client.connect(self._config.host, self._config.port, keepalive=30)
        except (OSError, ValueError) as exc:
            raise DeviceUnavailableError(f"the broker at {self._config.host}:{self._config.port} does not answer") from exc
        self._client.loop_start()
        if not self._ready.wait(_READY_S):
            self.close()
            raise DeviceUnavailableError("the broker does not let the exporter in", remedy="look at [discovery] and the broker's accounts")

    def turn(self, carts: Iterable[FleetLine], now: datetime) -> Turn:
        """Publishes what differs from what the broker keeps, and every state; takes away what belongs to no cart."""
        wanted: dict[str, str] = {}
        states: dict[str, str] = {}
        for cart in carts:
            wanted |= announcements(self._config, self._facility, cart)
            states[state_topic(self._facility, cart.id)] = state(cart, now)
        with self._lock:
            kept = dict(self._kept)
        fresh = {topic: told for topic, told in wanted.items() if kept.get(topic) != told}
        gone = [topic for topic in kept if topic not in wanted and topic not in states]
        for topic, told in fresh.items():
            self._publish(topic, told, retain=True)
        for topic in gone:
            self._publish(topic, "", retain=True)
        for topic, told in states.items():
            self._publish(topic, told, retain=True)
        return Turn(announced=len(fresh), removed=len(gone), states=len(states))

    def remove(self) -> int:
        """Takes away everything that was ever announced for this facility; how many announcements that were."""
        return self.turn((), datetime.now(UTC)).removed

    def close(self) -> None:
        if self._client.is_connected():
            self._client.publish(status_topic(self._facility), "offline", qos=1, retain=True).wait_for_publish(5)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        return self._ready.is_set()

    def _publish(self, topic: str, told: str, *, retain: bool) -> None:
        sent = self._client.publish(topic, told, qos=1, retain=retain)
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            return
        sent.wait_for_publish(10)
        with self._lock:
            if told:
                self._kept[topic] = told
            else:
                self._kept.pop(topic, None)

    def _connected(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            log.warning("the broker refuses the exporter: %s", reason)
            return
        # A broker that came back empty is told everything again; what it still keeps comes with the subscription.
        with self._lock:
            self._kept.clear()
        client.subscribe([(f"{self._config.prefix}/+/+/+/config", 1), (f"pointofcare/{self._facility}/+/state", 1)])
        client.publish(status_topic(self._facility), "online", qos=1, retain=True)
        # Comes back to us behind what was retained before it.
        client.subscribe(status_topic(self._facility), 1)

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == status_topic(self._facility):
            self._ready.set()
            return
        mine = message.topic.startswith(f"pointofcare/{self._facility}/") or self._is_ours(message.topic)
        if mine and message.retain and message.payload:
            with self._lock:
                self._kept.setdefault(message.topic, message.payload.decode("utf-8", "replace"))

    def _is_ours(self, topic: str) -> bool:
        """By the name before the key: another facility's carts, and other people's things, are left alone."""
        levels = topic.split("/")
        return len(levels) == 5 and levels[2].startswith(_prefix(self._facility))


def run(config: DiscoveryConfig, *, facility: str, scope: Callable[[], AbstractContextManager[Any]], stop: threading.Event) -> None:
    """Until `stop`. Raises: DeviceUnavailableError (the broker is not there at the start)."""
    exporter = Exporter(config, facility=facility)
    exporter.open()
    try:
        while not stop.is_set():
            try:
                if exporter.connected:
                    with scope(), reading() as tx:
                        carts = views_carts.found(tx, Asked(), limit=MOST_CARTS, with_documents=False).lines
                        now = tx.at
                    exporter.turn(carts, now)
            except Exception:  # noqa: BLE001 - a database or broker that is away for a moment is asked again
                _log.exception("carts cannot be told to home automation now")
            stop.wait(config.every_s)
    finally:
        exporter.close()


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
