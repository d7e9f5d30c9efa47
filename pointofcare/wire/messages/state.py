"""How a cart and the server say that they live: states (each also somebody's last will), a cart's birth, its telemetry.

None of these may name a patient: states and births are retained by brokers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CartPhase(StrEnum):
    INIT = "init"
    READY = "ready"
    DEGRADED = "degraded"
    UPDATING = "updating"
    DISCONNECTED = "disconnected"
    LOST = "lost"


class TelemetryKind(StrEnum):
    POWER = "power"
    NET = "net"
    MCU = "mcu"
    DRAWERS = "drawers"
    APP = "app"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartState:
    """Retained, and the cart's last will with phase `lost`. A `lost` whose `sid` is not the cart's newest is a late will:
    ignore it. `why` is a stable code ("camera-unavailable"), `ward` the ward whose tables the cart uses."""

    phase: CartPhase
    why: str = ""
    ward: str | None = None
    at: datetime | None = None


# A capability: the cart names the records of which it waits to hear (`TablesHeld.emr_waiting`), and is told of these alone.
TELLS_EMR_WAITING = "tells-emr-waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartBirth:
    """What the cart is, retained. `versions` names software and firmware ("app", "engine", "mcu", "os") -> version.

    `epoch` changes when the cart's database is new; `last_seq` is the newest sequence number of that epoch."""

    versions: Mapping[str, str]
    hardware: str
    boot_id: str
    epoch: str
    last_seq: int = 0
    ward: str | None = None
    capabilities: tuple[str, ...] = ()
    config_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """Numbers of one subsystem at `at`. `values` are flat: name with its unit -> number, text, truth or null.

    `camera`: `live`, `fault` ("" or no-picture, frozen, black, wrong-size, slow) and `fault_since`, `picture_rate_hz`, `searched_share`
    of the last pictures and `read_share` of those with something like a code (0..1), `light_percent`, `width_px`, `height_px`,
    `losses`.
    `net`: `rssi_dbm`, `ap` (the access point), `reconnects` since the start, `rtt_ms`. `mcu`: `slots`, a list of `slot`, `version`, `hash`
    (hex), `active`, `confirmed` and `pending`."""

    kind: TelemetryKind
    at: datetime
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """Retained: whether the server lives, and its last will with `online` false. A server that sees its own `online` false
    while it lives publishes again; a cart with a broker but no host works offline. `audit_checkpoint` is the newest signed statement
    (compact JWS) of what the server's audit log is: carts keep it."""

    online: bool
    at: datetime
    version: str = ""
    audit_checkpoint: str | None = None
