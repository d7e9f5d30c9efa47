"""What of a monitor may be offered to a nurse: steady, fresh, and not doubted by the device."""

from __future__ import annotations

from cart_client.monitor import AWAY, SETTLED_S, SETTLING, Newest
from devices.ports import READING_LASTS_S, MonitorReading


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def said(clock: Clock, newest: Newest, seconds: int, *, fault: str = "", **values: int) -> None:
    for _ in range(seconds):
        clock.now_s += 1.0
        told = {code.replace("_", "-"): value for code, value in values.items()}
        newest.put(MonitorReading(values={} if fault else told, fault=fault, at_mono_s=clock.now_s))


def test_nothing_is_offered_before_the_device_spoke_and_nothing_old_after_it_fell_silent() -> None:
    clock = Clock()
    newest = Newest(clock)
    assert newest.shown().fault == AWAY
    said(clock, newest, int(SETTLED_S) + 1, heart_rate=72)
    assert newest.shown().values == {"heart-rate": 72}
    clock.now_s += READING_LASTS_S + 0.1
    assert (newest.shown().values, newest.shown().fault) == ({}, AWAY)


def test_a_value_that_has_just_come_waits_until_it_is_steady() -> None:
    clock = Clock()
    newest = Newest(clock)
    said(clock, newest, int(SETTLED_S), heart_rate=140)
    assert (newest.shown().values, newest.shown().fault) == ({}, SETTLING)
    said(clock, newest, 1, heart_rate=72)
    assert newest.shown().values == {"heart-rate": 72}


def test_a_sensor_that_went_from_one_finger_to_another_starts_anew() -> None:
    clock = Clock()
    newest = Newest(clock)
    said(clock, newest, 20, heart_rate=72, spo2=97)
    said(clock, newest, 1, fault="sensor-off")
    assert (newest.shown().values, newest.shown().fault) == ({}, "sensor-off")
    said(clock, newest, 1, heart_rate=110, spo2=91)
    assert newest.shown().fault == SETTLING
    newest.lose()
    assert newest.shown().fault == AWAY
    said(clock, newest, 1, heart_rate=110)
    clock.now_s += READING_LASTS_S + 2  # a silence is a break as well
    said(clock, newest, 1, heart_rate=110)
    assert newest.shown().fault == SETTLING
