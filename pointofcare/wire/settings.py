"""The settings of a cart that the hospital may change from afar: one closed table, the same for server, cart and pages.

What is not in the table cannot be set. A setting may make a cart more careful than the hospital's policy, never less; none touches what
may be given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES
from pointofcare.wire import values
from pointofcare.wire.messages import ConfigOrder

TYPE = "cart-config"
Value = str | int | bool


class Kind(StrEnum):
    WHOLE = "whole"
    CHOICE = "choice"
    TRUTH = "truth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`least` and `most` bound a whole number, whose `unit` is UCUM; `zero`: 0 may stand too, and switches it off. `choices` are the codes
    of a choice. `program` obeys it; `restart`: only when it starts anew."""

    name: str
    kind: Kind
    default: Value
    least: int = 0
    most: int = 0
    unit: str = ""
    zero: bool = False
    choices: tuple[str, ...] = ()
    program: str = "cart"
    restart: bool = False


def _whole(name: str, default: int, least: int, most: int, unit: str, *, zero: bool = False, restart: bool = False) -> Setting:
    return Setting(name=name, kind=Kind.WHOLE, default=default, least=least, most=most, unit=unit, zero=zero, restart=restart)


def _choice(name: str, default: str, choices: tuple[str, ...]) -> Setting:
    return Setting(name=name, kind=Kind.CHOICE, default=default, choices=choices)


TELEMETRY_INTERVAL = _whole("telemetry_interval_s", 30, 5, 600, "s")
# On top of the policy's own, of which the shorter one counts while no dose is on the screen. Shorter than this nobody could work.
IDLE_LOCK = _whole("idle_lock_s", 0, 120, 3600, "s", zero=True)
LANGUAGE = _choice("language", DEFAULT_LANGUAGE, tuple(LANGUAGES))
THEME = _choice("screen_theme", "auto", ("auto", "light", "dark"))
VOLUME = _choice("sound_volume", "normal", ("low", "normal", "loud"))
BATTERY_LOW = _whole("battery_low_percent", 20, 5, 60, "%")
UNSENT_LONG = _whole("unsent_alert_min", 15, 1, 1440, "min")
CHART_OLD = _whole("chart_old_alert_min", 60, 10, 1440, "min")
CLOCK_OFF = _whole("clock_offset_alert_s", 2, 1, 60, "s")
DISK_LOW = _whole("disk_free_alert_percent", 10, 1, 50, "%")
CERTIFICATE_ENDS = _whole("certificate_alert_days", 14, 1, 60, "d")
LOCATE = _choice("locate_pattern", "sound-and-lights", ("sound-and-lights", "lights", "sound"))
LOCATE_LASTS = _whole("locate_lasts_s", 10, 2, 60, "s")
CAMERA_ALERT = Setting(name="camera_alert", kind=Kind.TRUTH, default=True)
KIOSK_THREADS = _whole("kiosk_threads", 6, 2, 16, "1", restart=True)

SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        TELEMETRY_INTERVAL, IDLE_LOCK, LANGUAGE, THEME, VOLUME, BATTERY_LOW, UNSENT_LONG, CHART_OLD, CLOCK_OFF, DISK_LOW,
        CERTIFICATE_ENDS, LOCATE, LOCATE_LASTS, CAMERA_ALERT, KIOSK_THREADS,
    )
}  # fmt: skip

UNKNOWN, NOT_A_VALUE, OUT_OF_BOUNDS, NOT_A_CHOICE, RESTART = (
    "setting-unknown",
    "setting-not-a-value",
    "setting-out-of-bounds",
    "setting-not-a-choice",
    "setting-needs-restart",
)


def fault(name: str, value: object) -> str | None:
    """The stable code why `value` cannot be the setting `name`; None: it can."""
    setting = SETTINGS.get(name)
    if setting is None:
        return UNKNOWN
    match setting.kind:
        case Kind.TRUTH:
            return None if isinstance(value, bool) else NOT_A_VALUE
        case Kind.CHOICE:
            return None if isinstance(value, str) and value in setting.choices else NOT_A_CHOICE
        case Kind.WHOLE:
            if not isinstance(value, int) or isinstance(value, bool):
                return NOT_A_VALUE
            return None if setting.least <= value <= setting.most or (setting.zero and value == 0) else OUT_OF_BOUNDS


def sifted(document: Mapping[str, object]) -> tuple[dict[str, Value], dict[str, str]]:
    """What of `document` can be set, and setting -> code of what cannot."""
    refused = {name: found for name, value in document.items() if (found := fault(name, value)) is not None}
    return {name: value for name, value in document.items() if name not in refused}, refused  # type: ignore[misc]


def whole(document: Mapping[str, object]) -> dict[str, Value]:
    """Every setting: what `document` says where it can be, else the default."""
    return {name: setting.default for name, setting in SETTINGS.items()} | sifted(document)[0]


def hash_of(document: Mapping[str, object]) -> str:
    """SHA-256 (hex) of the document's canonical JSON. Raises: MessageError for values that JSON lacks."""
    return hashlib.sha256(values.written(dict(document))).hexdigest()


def claims(order: ConfigOrder) -> bytes:
    """What is signed, to the byte. Raises: MessageError."""
    return values.dump(order)


def read_claims(data: bytes) -> ConfigOrder:
    """Raises: MessageError."""
    return values.load(ConfigOrder, data)
