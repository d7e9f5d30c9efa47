"""Lines of text that pulse oximeters send about once a second, as measured values.

    SpO2=097 PR=069 PI=04.69 EXC=800        Masimo, ASCII 1; EXC is a mask of exceptions in hexadecimal digits
    SPO2=097 HR=069                         Nonin; dashes stand for no value

A value is believed only in a line that says nothing against it: an exception that is not known to be harmless, a dash, a letter too
many, or a number that no living person has, and the line holds no value at all. Must never guess, or carry a value over from before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Of the mask: "running in its full mode" alone takes nothing from the values.
HARMLESS = 0x800
# In the order in which a nurse should hear of them.
EXCEPTIONS: tuple[tuple[int, str], ...] = (
    (0x001, "no-sensor"),
    (0x002, "sensor-broken"),
    (0x020, "sensor-off"),
    (0x008, "searching"),
    (0x004, "low-perfusion"),
    (0x010, "interference"),
    (0x040, "too-much-light"),
    (0x080, "sensor-unknown"),
    (0x400, "weak-signal"),
)
UNKNOWN = "unknown-exception"
NO_VALUE = "no-value"
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9]{0,11})=(\S{1,12})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
_MASK = re.compile(r"[0-9A-Fa-f]{1,8}", re.ASCII)
_CODES = {"SPO2": "spo2", "PR": "heart-rate", "HR": "heart-rate", "BPM": "heart-rate"}
# What an oximeter can show at all; the bedside's own bounds are tighter.
_MOST = {"spo2": 100, "heart-rate": 350}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`values` by observation code, whole numbers in % and /min. `fault` is a stable code, "" when the values count; with one there are
    none."""

    values: Mapping[str, int]
    fault: str = ""


def read(text: str) -> Line | None:
    """One line without its end; None for one that is not of this kind (a headline, an empty line, noise)."""
    words = text.split()
    pairs = [_PAIR.fullmatch(word) for word in words]
    if not words or not any(pair and pair.group(1).upper() in _CODES for pair in pairs):
        return None
    if not all(pairs):
        return Line(values={}, fault=NO_VALUE)
    said = [(pair.group(1).upper(), pair.group(2)) for pair in pairs if pair]
    if len({name for name, _ in said}) != len(said):
        return Line(values={}, fault=NO_VALUE)  # two lines that ran together
    fault = _fault(dict(said).get("EXC"))
    if fault:
        return Line(values={}, fault=fault)
    values: dict[str, int] = {}
    for name, told in said:
        code = _CODES.get(name)
        if code is None:
            continue
        if not _NUMBER.fullmatch(told) or not 0 < int(told) <= _MOST[code] or code in values:
            return Line(values={}, fault=NO_VALUE)
        values[code] = int(told)
    return Line(values=values)


def _fault(mask: str | None) -> str:
    if mask is None:
        return ""
    if not _MASK.fullmatch(mask):
        return UNKNOWN
    bits = int(mask, 16) & ~HARMLESS
    known = next((name for bit, name in EXCEPTIONS if bits & bit), None)
    return "" if not bits else known or UNKNOWN
