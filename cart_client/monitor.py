"""The newest values of a monitor on the cart, for a nurse to take over by her own press.

Nothing is ever recorded from here: a value becomes one when a nurse has seen it in the form and recorded it. Kept in memory for seconds;
must never show a value that is old, that has just come, or that the device itself doubts.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from devices.ports import Monitor, MonitorReading
from pointofcare.errors import DeviceError

log = logging.getLogger(__name__)
# The first values after the sensor was put on wander.
SETTLED_S = 5.0
AWAY = "monitor-away"
OTHER_PATIENT = "other-patient"
SETTLING = "settling"
_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What may be offered now: `values` by observation code. `fault` is a stable code that says why there are none."""

    values: Mapping[str, int | Decimal] = field(default_factory=dict)
    fault: str = ""


class Newest:
    """The newest reading; safe from any thread."""

    def __init__(self, now_mono_s: Callable[[], float] = time.monotonic) -> None:
        self._now_mono_s = now_mono_s
        self._lock = threading.Lock()
        self._reading: MonitorReading | None = None
        # Since when each value has been good without a break.
        self._good_since_mono_s: dict[str, float] = {}

    def put(self, reading: MonitorReading) -> None:
        with self._lock:
            before, since = self._reading, self._good_since_mono_s
            if before is None or reading.at_mono_s - before.at_mono_s > before.lasts_s or reading.patients != before.patients:
                since = {}
            self._reading = reading
            self._good_since_mono_s = {code: since.get(code, reading.at_mono_s) for code in reading.values if not reading.fault}

    def lose(self) -> None:
        """The device does not answer: what it said before counts for nothing."""
        with self._lock:
            self._reading, self._good_since_mono_s = None, {}

    def shown(self, patient: Collection[str] = ()) -> Shown:
        """For the patient in the form, by every identifier that he has (the chart's and the record's number): a monitor that names
        another one shows nothing."""
        now_mono_s = self._now_mono_s()
        with self._lock:
            reading, since = self._reading, dict(self._good_since_mono_s)
        if reading is None or now_mono_s - reading.at_mono_s > reading.lasts_s:
            return Shown(fault=AWAY)
        if reading.patients and not set(reading.patients) & set(patient):
            return Shown(fault=OTHER_PATIENT)
        if reading.fault:
            return Shown(fault=reading.fault)
        steady = {code: value for code, value in reading.values.items() if now_mono_s - since.get(code, now_mono_s) >= SETTLED_S}
        return Shown(values=steady, fault="" if steady else SETTLING)


def follow(monitor: Monitor, newest: Newest, halt: threading.Event) -> None:
    """Run until `halt` is set (and the monitor closed)."""
    failures = 0
    while not halt.is_set():
        try:
            for reading in monitor.readings():
                failures = 0
                newest.put(reading)
        except DeviceError as exc:
            if failures == 0:
                log.warning("monitor: %s", exc)
        newest.lose()
        if halt.is_set():
            return
        pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
        failures += 1
        halt.wait(pause_s * random.uniform(0.8, 1.2))
