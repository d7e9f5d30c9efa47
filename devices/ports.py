"""The ports: what a program may ask of a lens or a wire. Adapters live in the rooms beside; `registry` builds them by name.

Every adapter translates foreign exceptions into `pointofcare.errors.DeviceError` at the boundary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from pointofcare.fleet.drawers import Happening
from pointofcare.labels.symbol import Symbol
from pointofcare.quantity import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture. `image` is a numpy array, height x width x 3 (BGR, uint8), never written to after creation.

    `number` counts the camera's frames from 1, `taken_at` is when it came, aware UTC. `unchanged_s` says for how long the source has
    sent this same picture: 0.0 for one that differs from the one before, None for the first of a connection, which may be an old one
    that waited somewhere. `rate_hz` is how many pictures a second the source sent lately, taken or not; None when it is not known, or
    where a replay has no rate of its own. A frame that is printed shows no picture."""

    image: Any = field(repr=False)
    number: int
    taken_at: datetime
    unchanged_s: float | None = 0.0
    rate_hz: float | None = None


class Camera(Protocol):
    """A source of pictures. `frames` blocks for the next one and ends when the source ends or the camera is closed.

    Raises: DeviceUnavailableError when it cannot be opened or is lost; a caller may call `frames` again to reconnect."""

    def frames(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...

    def describe(self) -> str:
        """One line for a person: kind and source. Never a password."""
        ...

    def wanted_size(self) -> tuple[int, int] | None:
        """(width, height) in pixels that the configuration asks of it; None where it asks for nothing."""
        ...


class Scanner(Protocol):
    """A reader that hands over symbols without a picture. `symbols` blocks for the next one and ends when it is closed.

    Raises: DeviceUnavailableError when it cannot be opened or is lost; a caller may call `symbols` again to reconnect."""

    def symbols(self) -> Iterator[Symbol]: ...

    def close(self) -> None: ...

    def describe(self) -> str:
        """One line for a person: kind and source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one picture showed to a camera that decodes its pictures itself: `symbols` without outlines, () when it showed none.

    `at` is when it was told here, aware UTC; the distant clock is never asked."""

    symbols: tuple[Symbol, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The answer to a distant camera. `sighting` None: nothing of it counts, and `why` is then a code, "" for a mere sign of life.
    `beat` goes back with the next message: so one that was held up on the way is known to be old."""

    beat: str
    sighting: Sighting | None = None
    why: str = ""


class DistantCamera(Protocol):
    """A camera that is elsewhere and sends what its pictures showed, never the pictures. Nothing that it says of itself is believed."""

    def take(self, message: Mapping[str, object]) -> Told:
        """One message, from any thread. Raises: MessageError for what breaks the agreed form; nothing of it counts then."""
        ...

    def describe(self) -> str:
        """One line for a person: kind and source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One symbol that was read: in which `format` ("DataMatrix", "QRCode", "Code128", "EAN13", ...), by which reader or method
    ("zxing", "zbar", "grid", "bars"), and how sure that reader was, from 0 to 1. What is here may be acted on, however sure."""

    symbol: Symbol
    format: str
    reader: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """What a reader claimed and the decoder did not believe. `reason` is a stable code. `text` may name a patient: never log it."""

    format: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Where something looks like a code and could not be read. `kind` is "matrix" or "linear"; `outline` four corners in the frame;
    `hints` are stable codes of what a person could mend: "blurred", "dark", "glare", "small" (too few pixels a module)."""

    kind: str
    outline: tuple[tuple[int, int], ...]
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good a picture is to read from. `brightness` (median) and `glare_share` (of pixels that are burnt out) from 0 to 1;
    `sharpness` is how steep the steepest edges are, in share of the whole range a pixel: below `BLURRED` hands or focus are at fault."""

    brightness: float
    glare_share: float
    sharpness: float

    DARK: ClassVar[float] = 0.16
    BLURRED: ClassVar[float] = 0.08

    @property
    def dark(self) -> bool:
        return self.brightness < self.DARK

    @property
    def blurred(self) -> bool:
        return self.sharpness < self.BLURRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that one picture gave: what was read, what was refused, what is there and unread, and how good the picture is."""

    readings: tuple[Reading, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    unread: tuple[Unread, ...] = ()
    quality: Quality | None = None

    @property
    def symbols(self) -> list[Symbol]:
        return [reading.symbol for reading in self.readings]


class Decoder(Protocol):
    """Finds symbols in a picture. Never raises for a picture that holds none: the list is empty."""

    def decode(self, frame: Frame) -> list[Symbol]: ...


@runtime_checkable
class Looker(Protocol):
    """A decoder that also tells what it refused, what it could not read, and how good the picture is."""

    def decode(self, frame: Frame) -> list[Symbol]: ...

    def look(self, frame: Frame) -> Look: ...


class Comparison(Protocol):
    """Tells whether a picture shows a code that has no check of its own and so is never read, only compared: a Pharmacode."""

    def unfit(self, number: int) -> str:
        """Why `number` can be told from nothing else, in words; "" when it can."""
        ...

    def shows(self, frame: Frame, number: int) -> bool:
        """Whether `number` stands in the picture, from left to right. False for whatever is not sure, and for an unfit number."""
        ...


class Picture(Protocol):
    """Makes a viewable picture of a frame."""

    def jpeg(self, frame: Frame, symbols: tuple[Symbol, ...] = (), *, width: int = 640) -> bytes:
        """The frame as JPEG, at most `width` pixels wide, each symbol outlined."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a picture something like a code is: a box in pixels of the frame, cut to it."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a picture is like, in cheap numbers. `width`, `height` are those of the frame in pixels.

    `light` is the mean brightness 0..255 and `spread` its standard deviation, `motion` the mean difference to the picture before,
    noise left out (0..255; 0.0 for the first). `place` is where something like a code is, None when nothing is, and these are of it alone:
    `sharpness` (edges against contrast; a sharp code has about 0.5 and more), `module_px` the width of its narrowest bars, None when they
    cannot be told apart, `place_light` its brightness, and `glare` the share of it that is one blind spot of light."""

    width: int
    height: int
    light: float
    spread: float
    motion: float = 0.0
    place: Place | None = None
    sharpness: float = 0.0
    module_px: float | None = None
    place_light: float = 0.0
    glare: float = 0.0


class Gauge(Protocol):
    """Measures pictures of one camera, in their order. Never raises for a picture, and never keeps one."""

    def light(self, frame: Frame) -> Measured:
        """Light and motion alone: what each picture is asked."""
        ...

    def place(self, frame: Frame, measured: Measured) -> Measured:
        """`measured` with the place of what could be a code, and what it is like there."""
        ...


class DrawerOutcome(StrEnum):
    UNLOCKED = "unlocked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawersTold:
    """What happened at the drawers after number `after` of `run`, which is drawn whenever whoever tells begins anew. `at` is the clock
    that all its times are of. `connected` False: the drawers themselves do not answer now, and `open` is from before."""

    run: str
    upto: int
    at: datetime
    connected: bool
    open: tuple[int, ...] = ()
    happened: tuple[Happening, ...] = ()


class Drawers(Protocol):
    """The cart's locked drawers."""

    def happenings(self, *, run: str, after: int) -> DrawersTold | None:
        """What happened after number `after` of `run` ("" and 0: all that is remembered); None when nobody tells. Never raises."""
        ...

    def unlock(self, drawer: int, *, command_id: str, ttl_s: float) -> DrawerOutcome:
        """Unlock `drawer` (from 1) for `ttl_s`, then it locks itself. The same `command_id` acts once.

        Raises: DeviceUnavailableError (nothing was sent), OutcomeUnknownError (it may have opened)."""
        ...

    def battery_percent(self) -> int | None:
        """How full the cart's battery is, as the hardware behind the drawers tells; None when it does not. Never raises."""
        ...

    def close(self) -> None: ...


class LockOutcome(StrEnum):
    """`OPEN`: the drawer stands open, and locks when somebody closes it. `REFUSED`: it is not known to be locked."""

    LOCKED = "locked"
    OPEN = "open"
    REFUSED = "refused"


class Hardware(Drawers, Protocol):
    """The rest of what the hardware behind the drawers does: for commands of the fleet, never for a dose.

    Each raises: DeviceUnavailableError (nothing was done), OutcomeUnknownError (it may have been)."""

    def lock(self, drawer: int) -> LockOutcome:
        """Lock `drawer` now, 0: every one. Locking what is locked changes nothing."""
        ...

    def in_use(self, busy: bool, *, ttl_s: float) -> None:
        """Says for `ttl_s` whether somebody is at the cart: no update of the hardware begins then, nor while nobody says. Never raises."""
        ...

    def signal(self, *, lasts_s: float, sound: bool = True, lights: bool = True) -> None:
        """Sound and lights, or one of them, for `lasts_s`, so that somebody finds the cart."""
        ...

    def selftest(self) -> tuple[str, ...]:
        """What is broken, by the hardware's own names ("lock-3"); () when all of it works."""
        ...

    def condition(self) -> Mapping[str, object]:
        """What is known of the hardware now, as plain values; {} where there is none or it does not answer. Never raises."""
        ...


# A device tells its values about once a second.
READING_LASTS_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """One measured value: `code` of `pointofcare.administration.observation`, `unit` in UCUM, `source` the device's own name of what it
    measured, `device` its identifier. `measured_at` is by the device's clock, `received_at` by this machine's; both aware UTC."""

    code: str
    value: Decimal
    unit: str
    source: str
    device: str
    measured_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReading:
    """What a monitor shows now: `values` by observation code ("heart-rate" in /min, "spo2" in %). `fault` is a stable code, "" when the
    values count; with one there are none. `at_mono_s` is when it came, `time.monotonic`, and `lasts_s` how long it counts from then.

    `patients` are the identifiers of the one patient whom the device names, () where it names none; `vitals` the same values with all
    that is known of them, where the device tells more than a number."""

    values: Mapping[str, int | Decimal]
    fault: str
    at_mono_s: float
    lasts_s: float = READING_LASTS_S
    patients: tuple[str, ...] = ()
    vitals: tuple[Vital, ...] = ()


class Monitor(Protocol):
    """A device that tells vital signs. `readings` blocks for the next one and ends when it is closed.

    `codes` are the observations that it can tell at all. Raises: DeviceUnavailableError when it cannot be opened or is lost; a caller may
    call `readings` again to reconnect."""

    codes: tuple[str, ...]

    def readings(self) -> Iterator[MonitorReading]: ...

    def close(self) -> None: ...

    def describe(self) -> str:
        """One line for a person: kind and source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpOrder:
    """One order for one channel of a pump, checked already. `order` is the placer's number of it and `message` the id of this very
    sending: the same two are the same act. `rate` is in mL/h or as a dose a time (ug/kg/min), `volume` what is to be infused, in mL.
    `strength` in `strength_volume` is the concentration: both or neither. `drug` is (code, name, coding system); `nurse` who sends it."""

    order: str
    message: str
    patient: str
    drug: tuple[str, str, str]
    volume: Quantity
    rate: Quantity
    nurse: str
    at: datetime
    strength: Quantity | None = None
    strength_volume: Quantity | None = None
    route: str = "IV"


class PumpOutcome(StrEnum):
    """`ACCEPTED`: the pump has the program and waits for a person to check and start it. `REFUSED`: it has it not. `UNKNOWN`: it may
    have it; somebody looks at the pump. None of them says that anything runs."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpAnswer:
    """`why` is a stable code, "" for an order that was accepted; `words` are the pump's own, for a person; `code` as it wrote it."""

    outcome: PumpOutcome
    why: str = ""
    code: str = ""
    words: str = ""


class Pump(Protocol):
    """One channel of an infusion pump that takes a checked order over the network. A clinician starts it, at the pump, always."""

    def program(self, order: PumpOrder) -> PumpAnswer:
        """Sends it once; the same order and message again give the same answer and send nothing.

        Raises: DeviceUnavailableError, where provably nothing was sent; QuantityError for an order that cannot be told to a pump."""
        ...

    def describe(self) -> str:
        """One line for a person: kind and source."""
        ...
