"""Carts shown to home automation over a real Mosquitto: what is there, how it is, gone when it is gone, and nobody else's touched."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.brokers import mosquitto, process
from devices.brokers.process import BrokerKind, RunningBroker
from pointofcare.errors import DeviceUnavailableError
from server.export_settings import DiscoveryConfig
from server.mqtt import discovery
from server.mqtt.discovery import Exporter
from server.store.views_carts import FleetLine

PASSWORD = "a password of its own"
WAIT_S = 20.0
CART = FleetLine(
    id="c1", ward="A-NOI", phase="ready", last_seen_at=datetime.now(UTC), battery_percent=71.0, charging=False, health_percent=90.0,
    battery_cycles=120, battery_cel=28.5, app_version="1.4.1", mcu_version="1.1.0", unsent=0, chart_age_s=3.0, certificate_ends_at=None,
    alerts=0, critical=0, drift=None, load_percent_h=None, spread_percent_h=None, seen_h=0.0, replace_on=None, tag="", ward_home="",
    telemetry={},
)  # fmt: skip


def _write(directory: Path, port: int) -> list[str]:
    subprocess.run([mosquitto._binary("mosquitto_passwd"), "-b", "-c", str(directory / "passwords"), "exporter", PASSWORD], check=True)
    (directory / "permissions").write_text("user exporter\ntopic readwrite homeassistant/#\ntopic readwrite pointofcare/#\n")
    text = (
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {directory / 'passwords'}\nacl_file {directory / 'permissions'}\n"
        f"log_dest stderr\n{'user root' if os.geteuid() == 0 else ''}\n"
    )
    (directory / "mosquitto.conf").write_text(text)
    return [mosquitto._binary("mosquitto"), "-c", str(directory / "mosquitto.conf")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    kind = BrokerKind(
        name="mosquitto", write=_write, listening=mosquitto._LISTENING, reloaded=mosquitto._RELOADED, picks_port=False, host="127.0.0.1"
    )
    running = process.start(kind, tmp_path_factory.mktemp("home"), 0)
    yield running
    running.stop()


def config(broker: RunningBroker, **settings: Any) -> DiscoveryConfig:
    told = {"host": "127.0.0.1", "port": broker.port, "username": "exporter", "password": PASSWORD, "every_s": 5, **settings}
    return DiscoveryConfig(**told)


class Home:
    """What a home automation that starts now finds retained."""

    def __init__(self, broker: RunningBroker) -> None:
        self.found: dict[str, str] = {}
        self._marked = threading.Event()
        self._mark = "pointofcare/mark"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="home", protocol=mqtt.MQTTv311)
        self._client.username_pw_set("exporter", PASSWORD)
        self._client.on_connect = self._connected
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._marked.wait(WAIT_S)

    def _connected(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe([("homeassistant/#", 1), ("pointofcare/#", 1)])
        client.publish(self._mark, "x", qos=1)

    def _heard(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == self._mark:
            self._marked.set()
        elif message.payload:
            self.found[message.topic] = message.payload.decode()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def kept(broker: RunningBroker) -> dict[str, str]:
    home = Home(broker)
    home.close()
    return home.found


def put(broker: RunningBroker, topic: str, told: str) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set("exporter", PASSWORD)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish(topic, told, qos=1, retain=True).wait_for_publish(WAIT_S)
    client.disconnect()
    client.loop_stop()


@contextmanager
def opened(broker: RunningBroker, facility: str = "h1", **settings: Any) -> Iterator[Exporter]:
    made = Exporter(config(broker, **settings), facility=facility)
    made.open()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def _clean(broker: RunningBroker) -> Iterator[None]:
    yield
    for facility in ("h1", "h1_x"):
        with opened(broker, facility) as exporter:
            exporter.remove()


def test_a_cart_is_announced_with_its_entities_and_its_state_and_no_patient(broker: RunningBroker) -> None:
    now = datetime.now(UTC)
    with opened(broker) as exporter:
        assert exporter.turn([replace(CART, last_seen_at=now)], now).announced == len(discovery.ENTITIES)
        found = kept(broker)
    told = {topic.split("/")[3]: json.loads(text) for topic, text in found.items() if topic.endswith("/config")}
    assert set(told) == {entity.key for entity in discovery.ENTITIES}
    battery = told["battery"]
    assert (battery["device_class"], battery["unit_of_measurement"]) == ("battery", "%")
    assert battery["availability_topic"] == "pointofcare/h1/status"
    state = json.loads(found[battery["state_topic"]])
    assert state == {"online": "on", "problem": "off", "charging": "off", "battery": 71.0, "health": 90.0, "temperature": 28.5, "unsent": 0}
    assert len({one["unique_id"] for one in told.values()}) == len(told)
    assert not [word for word in ("patient", "NGUY", "mrn", "nurse") if word in json.dumps(found)]


def test_what_did_not_change_is_not_announced_again_also_not_by_a_new_exporter(broker: RunningBroker) -> None:
    now = datetime.now(UTC)
    with opened(broker) as exporter:
        exporter.turn([CART], now)
        assert exporter.turn([CART], now).announced == 0
        assert exporter.turn([replace(CART, app_version="1.5.0")], now).announced == len(discovery.ENTITIES)
    with opened(broker) as exporter:
        assert exporter.turn([replace(CART, app_version="1.5.0")], now).announced == 0


def test_a_cart_that_is_gone_is_taken_away_also_when_it_went_while_no_exporter_ran(broker: RunningBroker) -> None:
    with opened(broker) as exporter:
        exporter.turn([CART, replace(CART, id="c2")], datetime.now(UTC))
    with opened(broker) as exporter:
        assert exporter.turn([CART], datetime.now(UTC)).removed == len(discovery.ENTITIES) + 1
    assert not [topic for topic in kept(broker) if "c2" in topic]
    assert [topic for topic in kept(broker) if "c1" in topic]


def test_other_peoples_things_and_another_facilitys_carts_are_left_alone(broker: RunningBroker) -> None:
    lamp = "homeassistant/light/kitchen/lamp/config"
    put(broker, lamp, "{}")
    with opened(broker, "h1_x") as other:
        other.turn([CART], datetime.now(UTC))
    with opened(broker) as exporter:
        exporter.turn([replace(CART, id="x_c1")], datetime.now(UTC))
        exporter.remove()
    found = kept(broker)
    assert lamp in found
    assert "pointofcare/h1_x/c1/state" in found
    assert len([topic for topic in found if topic.endswith("/config")]) == len(discovery.ENTITIES) + 1
    put(broker, lamp, "")


def test_an_exporter_that_ends_or_dies_says_that_nothing_is_told_any_more(broker: RunningBroker) -> None:
    with opened(broker):
        assert kept(broker)["pointofcare/h1/status"] == "online"
    assert kept(broker)["pointofcare/h1/status"] == "offline"


@pytest.mark.parametrize("settings", [{"password": "wrong"}, {"port": 1}])
def test_a_broker_that_is_not_there_or_lets_nobody_in_is_said(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(discovery, "_READY_S", 1.0)
    with pytest.raises(DeviceUnavailableError):
        Exporter(config(broker, **settings), facility="h1").open()


def test_what_a_cart_has_not_told_is_unknown() -> None:
    silent = replace(CART, battery_percent=None, charging=None, unsent=None, last_seen_at=None)
    state = json.loads(discovery.state(silent, datetime.now(UTC)))
    assert (state["battery"], state["charging"], state["unsent"], state["online"]) == (None, None, None, "off")
