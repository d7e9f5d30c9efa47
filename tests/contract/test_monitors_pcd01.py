"""What a monitor that speaks IHE PCD-01 owes the cart: values of one device and of now, or a reason; an answer to each message."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart_client import monitor
from devices import registry
from devices.hl7v2 import mllp, segments
from devices.monitors import oru
from devices.monitors.pcd01 import Pcd01Monitor
from devices.ports import MonitorReading
from pointofcare.administration.observation import KINDS
from pointofcare.errors import ConfigError, DeviceProtocolError, DeviceUnavailableError
from simulation.devices import bedside_monitor
from simulation.devices.bedside_monitor import DEVICE, BedsideMonitor

ALL = {
    "spo2": "97", "pulse-rate": "71", "systolic": "118", "diastolic": "74", "temperature": "36.72", "respiratory-rate": "16",
}  # fmt: skip


class Heard(monitor.Newest):
    """What the cart's loop keeps, told to the test one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.told: queue.Queue[MonitorReading] = queue.Queue()

    def put(self, reading: MonitorReading) -> None:
        super().put(reading)
        self.told.put(reading)


class Line:
    def __init__(self) -> None:
        opened = registry.monitor(f"pcd01:127.0.0.1:0?device={DEVICE}")
        assert isinstance(opened, Pcd01Monitor)
        self.monitor, self.heard, self.halt = opened, Heard(), threading.Event()
        self.thread = threading.Thread(target=monitor.follow, args=(self.monitor, self.heard, self.halt), daemon=True)
        self.thread.start()
        assert self.monitor.opened.wait(10)
        self.device = BedsideMonitor(self.monitor.port)

    def next(self) -> MonitorReading:
        return self.heard.told.get(timeout=15)

    def stop(self) -> None:
        self.halt.set()
        self.monitor.close()
        self.thread.join(5)
        assert not self.thread.is_alive()
        self.device.unplug()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.stop()


def _code(answer: segments.Message) -> str:
    found = answer.first("MSA")
    assert found is not None
    return found.text(1)


def test_each_message_is_a_reading_with_units_device_and_both_times(line: Line) -> None:
    answer = line.device.show(ALL, control="ctl-1")
    said = answer.first("MSA")
    assert said is not None
    assert (said.text(1), said.text(2), answer.kind) == ("AA", "ctl-1", "ACK^R01")
    reading = line.next()
    assert reading.fault == ""
    assert dict(reading.values) == {
        "spo2": 97, "heart-rate": 71, "systolic": 118, "diastolic": 74, "temperature": Decimal("36.7"), "respiratory-rate": 16,
    }  # fmt: skip
    for one in reading.vitals:
        assert one.unit == KINDS[one.code].unit
        assert one.device == DEVICE
        assert one.measured_at.tzinfo is UTC
        assert abs(one.received_at - one.measured_at) < timedelta(seconds=10)
    assert {one.code: one.source for one in reading.vitals}["heart-rate"] == "MDC_PULS_OXIM_PULS_RATE"


def test_a_value_that_the_device_doubts_or_does_not_have_is_never_a_number(line: Line) -> None:
    for changes, fault in (
        ({"flag": "INV"}, "value-invalid"),
        ({"flag": "QUES"}, "value-questionable"),
        ({"flag": "TEST"}, "value-test"),
        ({"flag": "DEMO"}, "value-test"),
        ({"flag": "NAV"}, "no-value"),
        ({"flag": "H~INV"}, "value-invalid"),
        ({"flag": "whatever"}, "no-value"),
        ({"status": "X"}, "no-value"),
        ({"status": "W"}, "no-value"),
        ({"status": "C"}, "no-value"),
        ({"status": ""}, "no-value"),
        ({"unit": "263762^MDC_DIM_MILLI_L^MDC"}, "value-unit"),
        ({"unit": "%"}, "value-unit"),
    ):
        assert _code(line.device.show({"spo2": "97"}, **changes)) == "AA"
        reading = line.next()
        assert (dict(reading.values), reading.fault) == ({}, fault)
    for value in ("", "---", "-100", "97%", "9.7e1", "101", "0", '""', "97^98", "\u0669\u0667"):
        line.device.show({"spo2": value})
        reading = line.next()
        assert not reading.values
        assert reading.fault in ("no-value", "value-impossible")
    line.device.show({"spo2": "88"}, flag="LL")
    assert dict(line.next().values) == {"spo2": 88}


def test_what_is_doubted_takes_nothing_from_the_rest_and_half_a_pressure_is_none(line: Line) -> None:
    line.device.show({**ALL, "respiratory-rate": "500", "diastolic": ""})
    assert dict(line.next().values) == {"spo2": 97, "heart-rate": 71, "temperature": Decimal("36.7")}
    long_ago = datetime.now(UTC) - timedelta(minutes=4)
    line.device.show({**ALL, "pulse-rate": ""}, cuff_at=segments.stamp(long_ago))
    assert dict(line.next().values) == {"spo2": 97, "temperature": Decimal("36.7"), "respiratory-rate": 16}
    line.device.show({"systolic": "70", "diastolic": "118", "spo2": "97"})
    assert dict(line.next().values) == {"spo2": 97}


def test_of_two_sources_the_better_one_counts_and_of_two_equal_ones_none(line: Line) -> None:
    line.device.show({"pulse-rate": "50", "heart-rate": "104"})
    assert dict(line.next().values) == {"heart-rate": 104}
    twice = line.device.message({"spo2": "97"})
    once = next(part for part in twice.split(b"\r") if b"|150456^" in part)
    line.device.ask(mllp.framed(twice + once.replace(b"|97|", b"|83|") + b"\r"))
    reading = line.next()
    assert (dict(reading.values), reading.fault) == ({}, "value-twice")


def test_a_value_of_before_or_of_a_clock_that_is_not_known_is_not_of_now(line: Line) -> None:
    now = datetime.now(UTC)
    for changes, fault in (
        ({"taken": segments.stamp(now - timedelta(minutes=2))}, "value-old"),
        ({"taken": segments.stamp(now + timedelta(minutes=2))}, "monitor-clock"),
        ({"taken": "20260101"}, "monitor-clock"),
        ({"taken": "20261340250000+0000"}, "monitor-clock"),
    ):
        line.device.show({"spo2": "97"}, **changes)
        reading = line.next()
        assert (dict(reading.values), reading.fault) == ({}, fault)
    line.device.show({"spo2": "97"}, taken=now.strftime("%Y%m%d%H%M%S"))  # the offset is that of MSH-7, as HL7 says
    assert dict(line.next().values) == {"spo2": 97}


def test_a_message_that_comes_twice_or_out_of_order_is_answered_and_shows_nothing_new(line: Line) -> None:
    early = line.device.message({"spo2": "91"}, at=datetime.now(UTC) - timedelta(seconds=4))
    line.device.show({"spo2": "97"}, control="same")
    assert dict(line.next().values) == {"spo2": 97}
    assert _code(line.device.show({"spo2": "80"}, control="same")) == "AA"
    assert _code(line.device.ask(mllp.framed(early))) == "AA"
    line.device.show({"spo2": "96"})
    assert dict(line.next().values) == {"spo2": 96}


def test_another_device_is_refused_and_another_kind_too(line: Line) -> None:
    with BedsideMonitor(line.monitor.port, device="0012A4FFFE00FFFF") as stranger:
        answer = stranger.show({"spo2": "42"})
        error = answer.first("ERR")
        assert error is not None
        assert (_code(answer), error.text(3)) == ("AE", "204")
    assert _code(line.device.show({"spo2": "42"}, kind="ADT^A01^ADT_A01")) == "AE"
    line.device.show({"spo2": "97"})
    assert dict(line.next().values) == {"spo2": 97}


def test_rubbish_torn_frames_and_two_at_once_cost_no_whole_message(line: Line) -> None:
    line.device.send(b"\x00\xff HELO\r\n" + mllp.framed(b"MSH|^~\\&|half") + mllp.framed(b"\xff\xfe") + mllp.framed(b""))
    line.device.send(b"\x0b" + line.device.message({"spo2": "55"})[:60])
    two = mllp.framed(line.device.message({"spo2": "97"})) + mllp.framed(line.device.message({"spo2": "96"}))
    line.device.send(two[:40])
    line.device.send(two[40:])
    assert dict(line.next().values) == {"spo2": 97}
    assert dict(line.next().values) == {"spo2": 96}
    ran = line.device.message({"spo2": "97"}) + line.device.message({"spo2": "55"})
    line.device.send(mllp.framed(ran))
    line.device.show({"spo2": "95"})
    while dict((reading := line.next()).values) == {"spo2": 96}:
        pass
    assert dict(reading.values) == {"spo2": 95}


def test_a_pulled_plug_is_told_and_a_device_that_comes_again_counts(line: Line) -> None:
    line.device.show({"spo2": "97"})
    line.next()
    line.device.unplug()
    gone = line.next()
    assert (dict(gone.values), gone.fault) == ({}, monitor.AWAY)
    line.device.show({"spo2": "94"})
    assert dict(line.next().values) == {"spo2": 94}


def test_connections_that_were_never_hung_up_do_not_keep_the_device_out(line: Line) -> None:
    line.device.show({"spo2": "97"})
    dead = [BedsideMonitor(line.monitor.port) for _ in range(12)]
    for one in dead:
        one.plug()
    with BedsideMonitor(line.monitor.port) as again:
        assert _code(again.show({"spo2": "96"})) == "AA"
    assert [dict(line.next().values) for _ in range(2)] == [{"spo2": 97}, {"spo2": 96}]
    for one in dead:
        one.unplug()


def test_a_monitor_that_names_a_patient_shows_nothing_in_the_form_of_another(line: Line) -> None:
    line.device.patient = "P-0007"
    line.device.show({"spo2": "97"})
    assert line.next().patients == ("P-0007",)
    assert line.heard.shown(("p-8", "P-0008")).fault == monitor.OTHER_PATIENT
    assert line.heard.shown(()).fault == monitor.OTHER_PATIENT
    assert line.heard.shown(("p-7", "P-0007")).fault == monitor.SETTLING
    several = line.device.message({"spo2": "97"}).replace(b"\rOBR|", b"\rPID|||P-0009\rOBR|")
    assert _code(line.device.ask(mllp.framed(several))) == "AE"


def test_the_simulated_monitor_is_a_program_as_well(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(line.monitor.port)
    assert bedside_monitor.main(["--port", port, "--times", "1", "--patient", "P-0007", "spo2=97"]) == 0
    assert capsys.readouterr().out == "AA\n"
    assert (dict(line.next().values)) == {"spo2": 97}
    assert bedside_monitor.main(["--port", port, "mood=good"]) == 2
    line.stop()
    assert bedside_monitor.main(["--port", port, "spo2=97"]) == 1


def test_it_listens_to_this_machine_alone_and_its_line_of_configuration_is_whole(line: Line) -> None:
    for wrong in (
        "pcd01:", "pcd01:127.0.0.1", "pcd01:0.0.0.0:2575?device=1", "pcd01:10.0.0.9:2575?device=1", "pcd01:127.0.0.1:2575",
        "pcd01:127.0.0.1:2575?device=1&every_s=3600", "pcd01:127.0.0.1:99999?device=1",
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            registry.monitor(wrong)
    with pytest.raises(DeviceUnavailableError, match="nothing can listen"):
        next(iter(Pcd01Monitor("127.0.0.1", line.monitor.port, device=DEVICE).readings()))


@given(st.binary(max_size=200), st.integers(0, 600))
def test_no_change_of_a_message_makes_an_impossible_value(noise: bytes, place: int) -> None:
    whole = BedsideMonitor(1).message(ALL)
    damaged = whole[:place] + noise + whole[place + len(noise) :]
    try:
        told = oru.read(segments.read(damaged), device=DEVICE, now=datetime.now(UTC), oldest_s=60)
    except DeviceProtocolError:
        return
    assert not (told.fault and told.vitals)
    for one in told.vitals:
        assert KINDS[one.code].low <= one.value <= KINDS[one.code].high


@given(st.lists(st.binary(max_size=40).filter(lambda part: not {0x0B, 0x1C} & set(part)), max_size=5), st.data())
def test_frames_come_out_whole_however_they_are_cut(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"noise" + b"".join(mllp.framed(one) for one in messages)
    frames, found = mllp.Frames(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += frames.feed(stream[:cut])
        stream = stream[cut:]
    assert found == messages
