"""What keeps a cart in order from afar, beside the doses: its alerts, its settings and what it reports of them.

On the uplink's thread. It decides nothing about a dose, and a fault in it keeps no dose back.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cart_client.alerting import Alerts, Sign
from cart_client.screen import Strip
from cart_client.settings_held import SettingsHeld
from cart_client.software import Software
from pointofcare.wire import routes, settings
from pointofcare.wire.messages import AlertRaised, AlertSeverity, ConfigDesired, JobAssigned

log = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
# Said again in case that a broker forgot it.
AGAIN_S = 3600.0
FAULT = "fault"
FAULT_SAID_EVERY_S = 60.0
_CRITICAL_BATTERY_PERCENT = 10
_CRITICAL_DISK_PERCENT = 3
_CAMERA_HOLD_S, _BATTERY_HOLD_S, _CLOCK_HOLD_S, _TABLES_HOLD_S = 60.0, 30.0, 60.0, 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the signs are read from. `camera`: there is one; `camera_quiet`: its fault is nobody's while nobody is there.
    `certificate_days` and `disk_free_percent` None: not known."""

    strip: Strip
    camera: bool
    camera_quiet: bool = False
    certificate_days: float | None = None
    disk_free_percent: float | None = None


def signs(told: Readings, held: SettingsHeld) -> tuple[Sign, ...]:
    """Everything that may be wrong with this cart, by its own settings."""
    strip = told.strip
    found = [
        _low("battery-low", strip.battery_percent, held.whole_number("battery_low_percent"), 5, _CRITICAL_BATTERY_PERCENT, _BATTERY_HOLD_S),
        _low("disk-low", told.disk_free_percent, held.whole_number("disk_free_alert_percent"), 2, _CRITICAL_DISK_PERCENT, 0.0),
        _low("certificate-ends", told.certificate_days, held.whole_number("certificate_alert_days"), 1, 3, 0.0),
        _unsent(strip, held.whole_number("unsent_alert_min")),
        _clock(strip, held.whole_number("clock_offset_alert_s")),
        _tables(strip, held.whole_number("chart_old_alert_min")),
        Sign(
            code="journal-fault",
            bad=bool(strip.journal_fault),
            good=not strip.journal_fault,
            severity=AlertSeverity.CRITICAL,
            details={"why": strip.journal_fault},
        ),
    ]
    if told.camera:
        broken = (strip.camera_live is False or bool(strip.camera_fault)) and not told.camera_quiet
        found.append(
            Sign(
                code="camera-fault",
                bad=broken and held.truth("camera_alert"),
                good=not held.truth("camera_alert") or (strip.camera_live is True and not strip.camera_fault),
                hold_s=_CAMERA_HOLD_S,
                details={"why": strip.camera_fault or strip.camera_why},
            )
        )
    return tuple(found)


def _low(code: str, value: float | None, level: int, above: int, critical: int, hold_s: float) -> Sign:
    """Bad at `level` or below, fine again `above` it; critical at `critical`."""
    return Sign(
        code=code,
        bad=value is not None and value <= level,
        good=value is not None and value > level + above,
        severity=AlertSeverity.CRITICAL if value is not None and value <= critical else AlertSeverity.WARNING,
        hold_s=hold_s,
        details={"value": round(value, 1) if value is not None else None, "below": level},
    )


def _unsent(strip: Strip, after_min: int) -> Sign:
    return Sign(
        code="records-unsent",
        bad=strip.unsent > 0,
        good=strip.unsent == 0,
        severity=AlertSeverity.CRITICAL,
        hold_s=after_min * 60.0,
        details={"value": strip.unsent, "after_min": after_min},
    )


def _clock(strip: Strip, beyond_s: int) -> Sign:
    offset_s = strip.clock_offset_s
    behind = strip.clock_doubt == "behind"
    return Sign(
        code="clock-offset",
        bad=behind or (offset_s is not None and abs(offset_s) > beyond_s),
        good=not behind and offset_s is not None and abs(offset_s) <= beyond_s / 2,
        severity=AlertSeverity.CRITICAL if behind else AlertSeverity.WARNING,
        hold_s=_CLOCK_HOLD_S,
        details={"value": round(offset_s, 2) if offset_s is not None else None, "beyond": beyond_s},
    )


def _tables(strip: Strip, after_min: int) -> Sign:
    age_min = strip.chart_age_s / 60 if strip.chart_age_s is not None else None
    return Sign(
        code="chart-old",
        bad=bool(strip.missing) or (age_min is not None and age_min > after_min),
        good=not strip.missing and age_min is not None and age_min <= after_min * 0.8,
        severity=AlertSeverity.CRITICAL if strip.missing else AlertSeverity.WARNING,
        hold_s=_TABLES_HOLD_S,
        details={"value": round(age_min) if age_min is not None else None, "after_min": after_min, "missing": ",".join(strip.missing)},
    )


def disk_free_percent(directory: Path) -> float | None:
    try:
        usage = shutil.disk_usage(directory)
    except OSError:
        return None
    return 100.0 * usage.free / usage.total if usage.total else None


class Upkeep:
    """`read` gives the signs, `software` takes updates of this program. `publish(route, body, **levels)` says whether it left,
    `remove(route, **levels)` removes what is kept of a topic."""

    def __init__(
        self,
        held: SettingsHeld,
        read: Callable[[], Iterable[Sign]],
        *,
        mono_s: Callable[[], float] = time.monotonic,
        software: Software | None = None,
    ) -> None:
        self.held = held
        self._software = software
        self._read, self._mono_s = read, mono_s
        self._alerts = Alerts()
        self._owed: dict[str, AlertRaised | None] = {}
        self._report_owed = False
        self._look_mono_s = 0.0
        self._again_mono_s = 0.0
        self._fault_mono_s: float | None = None

    @property
    def interval_s(self) -> float:
        """Between two tellings of the numbers."""
        return float(self.held.whole_number(settings.TELEMETRY_INTERVAL.name))

    @property
    def open_alerts(self) -> tuple[str, ...]:
        return self._alerts.open

    def connected(self) -> None:
        """What was said before may not have arrived: all of it is owed again, and so is the report."""
        self._owed = {}
        self._again_mono_s = 0.0
        self._report_owed = True

    def desired(self, body: ConfigDesired) -> str | None:
        """The code why the settings were refused; None: they run. The report goes out either way."""
        try:
            why = self.held.take(body)
        except Exception:
            log.exception("settings from afar cannot be read")
            why = FAULT
        self._report_owed = True
        if why is not None:
            log.error("settings from afar are refused: %s", why)
        return why

    def job(self, body: JobAssigned) -> None:
        """Of this program; a cart that takes no updates says nothing."""
        if self._software is not None:
            self._software.assigned(body)

    def step(self, now: datetime, publish: Callable[..., bool], remove: Callable[..., bool]) -> None:
        """What is due, while connected. Any fault of it is told in the log alone: doses wait behind it on the same thread."""
        try:
            self._step(now, publish, remove)
        except Exception:
            mono_s = self._mono_s()
            if self._fault_mono_s is None or mono_s - self._fault_mono_s >= FAULT_SAID_EVERY_S:
                self._fault_mono_s = mono_s
                log.exception("the cart's upkeep has a fault")

    def _step(self, now: datetime, publish: Callable[..., bool], remove: Callable[..., bool]) -> None:
        mono_s = self._mono_s()
        if self._software is not None:
            self._software.say(publish)
        if self._report_owed and publish(routes.CONFIG_TOLD, self.held.report):
            self._report_owed = False
        if mono_s - self._look_mono_s >= LOOK_EVERY_S or not self._look_mono_s:
            self._look_mono_s = mono_s
            self._owed |= self._alerts.say(self._read(), now=now, mono_s=mono_s)
            if not self._again_mono_s or mono_s - self._again_mono_s >= AGAIN_S:
                self._again_mono_s = mono_s
                self._owed = self._alerts.all_known()
        for code, raised in list(self._owed.items()):
            left = publish(routes.ALERT, raised, alert=code) if raised is not None else remove(routes.ALERT, alert=code)
            if not left:
                return
            del self._owed[code]
