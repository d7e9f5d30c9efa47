"""What a monitor owes the cart: whole lines, no value that the device doubts, an honest loss, a prompt end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart_client import monitor
from cart_client.monitor import Newest
from devices import registry
from devices.monitors import lines
from devices.monitors.oximeter import LONGEST_BYTES, Oximeter
from devices.monitors.simulated import SimulatedOximeter
from devices.ports import MonitorReading
from pointofcare.errors import ConfigError, DeviceUnavailableError


class Heard(Newest):
    """What the cart's loop keeps, told to the test one by one; None: the device was lost."""

    def __init__(self) -> None:
        super().__init__()
        self.told: queue.Queue[MonitorReading | None] = queue.Queue()

    def put(self, reading: MonitorReading) -> None:
        super().put(reading)
        self.told.put(reading)

    def lose(self) -> None:
        super().lose()
        self.told.put(None)


class Line:
    def __init__(self, link: Path) -> None:
        self.device = SimulatedOximeter(link)
        opened = registry.monitor(f"oximeter:{link}")
        assert isinstance(opened, Oximeter)
        self.monitor, self.heard, self.halt = opened, Heard(), threading.Event()
        self.thread = threading.Thread(target=monitor.follow, args=(self.monitor, self.heard, self.halt), daemon=True)
        self.thread.start()
        assert self.monitor.opened.wait(10)
        self.device.send(b"\r\n")  # what comes before the first end may be half a line

    def next(self) -> MonitorReading | None:
        return self.heard.told.get(timeout=15)

    def values(self) -> dict[str, int]:
        reading = self.next()
        assert reading is not None
        return dict(reading.values)

    def stop(self) -> None:
        self.halt.set()
        self.monitor.close()
        self.thread.join(5)
        assert not self.thread.is_alive()
        self.device.unplug()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path / "oximeter")
    yield made
    made.stop()


def test_each_line_is_a_reading_and_what_is_no_line_of_values_is_none(line: Line) -> None:
    line.device.send(b"NONIN MODEL 2500\r\n\r\n")
    line.device.show(97, 69)
    line.device.send(b"SPO2=096 HR=070\r\n")
    assert line.values() == {"spo2": 97, "heart-rate": 69}
    assert line.values() == {"spo2": 96, "heart-rate": 70}


def test_a_line_in_pieces_is_one_and_a_line_without_an_end_is_none(line: Line) -> None:
    line.device.send(b"SpO2=097 PR=0")
    line.device.send(b"69 EXC=800\r\n")
    line.device.send(b"x" * (LONGEST_BYTES + 1) + b" SpO2=011 PR=011 EXC=800\r\n")
    line.device.show(95, 80)
    assert line.values() == {"spo2": 97, "heart-rate": 69}
    assert line.values() == {"spo2": 95, "heart-rate": 80}


def test_half_a_line_that_was_on_its_way_at_the_start_is_no_value(tmp_path: Path) -> None:
    with SimulatedOximeter(tmp_path / "oximeter") as device:
        opened = Oximeter(device.port)
        readings: queue.Queue[MonitorReading] = queue.Queue()

        def keep() -> None:
            for one in opened.readings():
                readings.put(one)

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        assert opened.opened.wait(10)
        device.send(b"R=7 SPO2=098\r\nSPO2=097 HR=071\r\n")
        assert dict(readings.get(timeout=10).values) == {"spo2": 97, "heart-rate": 71}
        opened.close()
        thread.join(5)
        assert readings.empty()


def test_a_value_that_the_device_doubts_is_no_value(line: Line) -> None:
    for mask, fault in (
        (0x820, "sensor-off"),
        (0x801, "no-sensor"),
        (0x804, "low-perfusion"),
        (0x408, "searching"),
        (0x1000, "unknown-exception"),
    ):
        line.device.show(97, 69, exceptions=mask)
        reading = line.next()
        assert reading is not None
        assert (dict(reading.values), reading.fault) == ({}, fault)
    line.device.show(97, None)
    reading = line.next()
    assert reading is not None
    assert (dict(reading.values), reading.fault) == ({}, "no-value")


def test_a_pulled_plug_is_told_and_the_device_is_found_again(line: Line) -> None:
    line.device.unplug()
    assert line.next() is None
    assert line.heard.shown().fault == monitor.AWAY
    line.device.plug()
    while not line.monitor.opened.wait(0.05):
        pass
    line.device.send(b"\r\n")
    line.device.show(94, 88)
    while (reading := line.next()) is None:
        pass
    assert dict(reading.values) == {"spo2": 94, "heart-rate": 88}


def test_a_device_that_is_not_there_is_told_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailableError, match="does not answer"):
        next(iter(Oximeter(str(tmp_path / "nothing")).readings()))
    for wrong in ("oximeter:", "stethoscope:/dev/null", "oximeter:/dev/null?speed=3"):
        with pytest.raises(ConfigError):
            registry.monitor(wrong)


@given(st.text(max_size=80))
def test_nothing_that_comes_over_the_wire_is_read_as_an_impossible_value(text: str) -> None:
    found = lines.read(text)
    if found is not None:
        assert not (found.fault and found.values)
        assert all(0 < value <= 350 for value in found.values.values())
        assert found.values.get("spo2", 1) <= 100


@pytest.mark.parametrize(
    "text",
    [
        "SpO2=097 PR=069 EXC=8G0",
        "SpO2=097 PR=069 SpO2=091 PR=070",
        "SpO2=097 PR=069 HR=070",
        "SpO2=101 PR=069",
        "SpO2=000 PR=069",
        "SpO2=97* PR=069",
        "SpO2=٩٧ PR=069",
        "SpO2=097 PR=069 ALARM",
    ],
)
def test_a_line_with_anything_wrong_holds_no_value_at_all(text: str) -> None:
    found = lines.read(text)
    assert found is not None
    assert not found.values
    assert found.fault
