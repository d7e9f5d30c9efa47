"""What is wrong with this cart, as alerts that are raised and resolved: late enough to be sure, and never to and fro.

A pure machine: signs go in, what is to be said comes out. It never raises an alert for what nobody knows, and resolves none for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pointofcare.wire.messages import AlertRaised, AlertSeverity

# So long a thing must be right again before its alert is resolved.
CALM_S = 20.0


class Standing(StrEnum):
    UNKNOWN = "unknown"
    FINE = "fine"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that may be wrong. `bad`: it is, once so for `hold_s`; `good`: it surely is not; neither: between the two, or not known.
    `details` name no person."""

    code: str
    bad: bool
    good: bool
    severity: AlertSeverity = AlertSeverity.WARNING
    hold_s: float = 0.0
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    standing: Standing = Standing.UNKNOWN
    raised: AlertRaised | None = None
    # When it began to look bad while not open, or good while open.
    turning_s: float | None = None


@dataclass(slots=True)
class Alerts:
    """`say` gives what changed: code -> what was raised, None: resolved. `all_known` is what a new connection says again."""

    _watched: dict[str, _Watched] = field(default_factory=dict)

    def say(self, signs: Iterable[Sign], *, now: datetime, mono_s: float) -> dict[str, AlertRaised | None]:
        said: dict[str, AlertRaised | None] = {}
        for sign in signs:
            before = self._watched.get(sign.code, _Watched())
            after = _next(before, sign, now, mono_s)
            self._watched[sign.code] = after
            if after.standing is not before.standing or after.raised != before.raised:
                said[sign.code] = after.raised
        return said

    def all_known(self) -> dict[str, AlertRaised | None]:
        """What is open is raised again; what is surely fine is resolved, for an earlier run of this program may have raised it."""
        return {code: one.raised for code, one in self._watched.items() if one.standing is not Standing.UNKNOWN}

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(code for code, one in self._watched.items() if one.standing is Standing.OPEN)


def _next(before: _Watched, sign: Sign, now: datetime, mono_s: float) -> _Watched:
    if before.standing is Standing.OPEN:
        assert before.raised is not None
        if not sign.good:
            worse = sign.severity is AlertSeverity.CRITICAL and before.raised.severity is not AlertSeverity.CRITICAL
            if sign.bad and worse:  # the same occurrence, said again because it is worse
                raised = AlertRaised(code=sign.code, severity=sign.severity, at=before.raised.at, details=sign.details)
                return _Watched(standing=Standing.OPEN, raised=raised)
            return _Watched(standing=Standing.OPEN, raised=before.raised)
        since = before.turning_s if before.turning_s is not None else mono_s
        if mono_s - since < CALM_S:
            return _Watched(standing=Standing.OPEN, raised=before.raised, turning_s=since)
        return _Watched(standing=Standing.FINE)
    if not sign.bad:
        return _Watched(standing=Standing.FINE if sign.good else before.standing)
    since = before.turning_s if before.turning_s is not None else mono_s
    if mono_s - since < sign.hold_s:
        return _Watched(standing=before.standing, turning_s=since)
    return _Watched(standing=Standing.OPEN, raised=AlertRaised(code=sign.code, severity=sign.severity, at=now, details=sign.details))
