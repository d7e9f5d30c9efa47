"""What an ORU^R01 of IHE PCD-01 says of one device, as values that may be shown, or why there are none.

A value counts only when everything about it is known: the code, the unit, the device, the moment, and that nothing speaks against it.
What is doubted is left out alone; the rest of the message keeps its worth. Must never convert a unit, guess an offset, or choose
between two values of one kind.
Source: IHE PCD TF-2 (PCD-01, appendix B), ISO/IEEE 11073-10101 (codes), HL7 tables 0078 and 0085.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from devices.hl7v2 import segments
from devices.hl7v2.segments import Message, Segment
from devices.ports import Vital
from pointofcare.administration.observation import KINDS
from pointofcare.errors import DeviceProtocolError

# MDC code -> (its name, the observation, how far it is preferred where a monitor tells the same from two sources).
CODES: Mapping[str, tuple[str, str, int]] = {
    "150456": ("MDC_PULS_OXIM_SAT_O2", "spo2", 0),
    "147842": ("MDC_ECG_HEART_RATE", "heart-rate", 0),
    "149530": ("MDC_PULS_OXIM_PULS_RATE", "heart-rate", 1),
    "149522": ("MDC_PULS_RATE", "heart-rate", 2),
    "150021": ("MDC_PRESS_BLD_NONINV_SYS", "systolic", 0),
    "150022": ("MDC_PRESS_BLD_NONINV_DIA", "diastolic", 0),
    "150364": ("MDC_TEMP_BODY", "temperature", 0),
    "150344": ("MDC_TEMP", "temperature", 1),
    "151562": ("MDC_RESP_RATE", "respiratory-rate", 0),
}
# Of both coding systems, in UCUM as `observation.KINDS` writes them.
_UNITS: Mapping[tuple[str, str], str] = {
    **{
        ("MDC", code): unit
        for code, unit in {"262688": "%", "264864": "/min", "264928": "/min", "266016": "mm[Hg]", "268192": "Cel"}.items()
    },
    **{("UCUM", unit): unit for unit in ("%", "/min", "mm[Hg]", "Cel")},
    **{("UCUM", unit): "/min" for unit in ("1/min", "{beat}/min", "{beats}/min", "{breath}/min", "{breaths}/min")},
}
# Final, and entered by a device without a person's look; everything else is no value of now.
_BELIEVED_STATUS = ("F", "R")
# Normal, and the alarms of a value that is high or low: these take nothing from it. What is not listed does.
_BELIEVED_FLAGS = {"N", "L", "H", "LL", "HH", "A", "AA"}
_FAULTS = {"INV": "value-invalid", "QUES": "value-questionable", "TEST": "value-test", "DEMO": "value-test", "CAL": "value-test"}
_NUMBER = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,4})?", re.ASCII)
# Measured once in a while: the moment of the message says nothing about them, only a moment of their own does. A cuff's value is of now
# as long as nobody would measure again.
_SPOT = ("systolic", "diastolic")
SPOT_S = 120.0
_AHEAD = timedelta(seconds=5)
NO_VALUE, OLD, CLOCK, UNIT, TWICE, OUT_OF_RANGE = "no-value", "value-old", "monitor-clock", "value-unit", "value-twice", "value-impossible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`ours` False: nothing in the message is of the device that was asked about. `fault` is why there are no `vitals`, "" when there
    are; `patients` are the identifiers of the one patient whom it names, () for none. `at` is the newest moment of a value."""

    ours: bool
    vitals: tuple[Vital, ...] = ()
    fault: str = ""
    patients: tuple[str, ...] = ()
    at: datetime | None = None


def read(message: Message, *, device: str, now: datetime, oldest_s: float) -> Told:
    """`device` is an identifier as OBX-18 or MSH-3 names it. Raises: DeviceProtocolError for a message of several patients or with an
    escape that is not understood."""
    people = tuple(message.all("PID"))
    if len(people) > 1:
        raise DeviceProtocolError("a message of several patients")
    by_path = {obx.text(4): obx for obx in reversed(tuple(message.all("OBX"))) if obx.text(4)}
    sender = message.header.text(3, 2)
    found: dict[str, tuple[int, Vital]] = {}
    faults: list[str] = []
    twice: set[str] = set()
    ours = False
    taken_at = ""
    for segment in message.segments:
        if segment.name == "OBR":
            taken_at = segment.text(7)
        if segment.name != "OBX" or device.casefold() not in _devices(segment, by_path, sender):
            continue
        ours = True
        known = CODES.get(segment.text(3))
        if known is None or segment.text(3, 3) != "MDC" or segment.text(3, 2) not in ("", known[0]):
            continue
        name, code, rank = known
        read_value = _value(segment, code, taken_at, message.header.text(7), now, oldest_s)
        if isinstance(read_value, str):
            faults.append(read_value)
            continue
        value, at = read_value
        vital = Vital(code=code, value=value, unit=KINDS[code].unit, source=name, device=device, measured_at=at, received_at=now)
        before = found.get(code)
        if before is None or rank < before[0]:
            found[code] = (rank, vital)
            twice.discard(code)
        elif rank == before[0] and before[1].value != value:
            twice.add(code)
    vitals = tuple(vital for code, (_, vital) in found.items() if code not in twice)
    vitals = _with_pressures_whole(vitals)
    fault = "" if vitals else TWICE if twice else faults[0] if faults else NO_VALUE
    patients = people[0].each(3) if people else ()
    return Told(ours=ours, vitals=vitals, fault=fault, patients=patients, at=max((one.measured_at for one in vitals), default=None))


def _devices(segment: Segment, by_path: Mapping[str, Segment], sender: str) -> set[str]:
    """The identifiers of the device that told it: its own, or those of the nearest part that contains it, or the sender's."""
    for place in (segment, *(by_path[path] for path in _containing(segment.text(4)) if path in by_path)):
        named = {place.text(18, component).casefold() for component in (1, 3)} - {""}
        if named:
            return named
    return {sender.casefold()} - {""}


def _containing(path: str) -> list[str]:
    """ "1.6.1.1" -> 1.6.1.0, 1.6.0.0, 1.0.0.0."""
    parts = path.split(".")
    return [".".join(parts[:kept] + ["0"] * (len(parts) - kept)) for kept in range(len(parts) - 1, 0, -1)]


def _value(segment: Segment, code: str, taken_at: str, sent_at: str, now: datetime, oldest_s: float) -> tuple[Decimal, datetime] | str:
    """(number, moment), or the code of what speaks against it."""
    flags = {flag.upper() for flag in segment.each(8)}
    if against := flags - _BELIEVED_FLAGS:
        return next((_FAULTS[flag] for flag in sorted(against) if flag in _FAULTS), NO_VALUE)
    if segment.text(11) not in _BELIEVED_STATUS or segment.text(2) != "NM" or not _NUMBER.fullmatch(segment.raw(5).strip()):
        return NO_VALUE
    kind, number = KINDS[code], Decimal(segment.raw(5).strip())
    if _UNITS.get((segment.text(6, 3), segment.text(6))) != kind.unit:
        return UNIT
    if not kind.low <= number <= kind.high:
        return OUT_OF_RANGE
    written = segment.text(14) or ("" if code in _SPOT else taken_at)
    at = segments.moment(written) or segments.moment(written + sent_at[-5:])
    if at is None or at - now > _AHEAD:
        return CLOCK
    if now - at > timedelta(seconds=SPOT_S if code in _SPOT else oldest_s):
        return OLD
    return number.quantize(kind.step), at  # a monitor tells more digits than anybody charts


def _with_pressures_whole(vitals: tuple[Vital, ...]) -> tuple[Vital, ...]:
    """Both pressures of one measurement and in their order, or none of them."""
    pressures = {one.code: one for one in vitals if one.code in _SPOT}
    upper, lower = pressures.get("systolic"), pressures.get("diastolic")
    if upper is not None and lower is not None and lower.value < upper.value and upper.measured_at == lower.measured_at:
        return vitals
    return tuple(one for one in vitals if one.code not in pressures)
