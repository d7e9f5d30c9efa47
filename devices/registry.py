"""Which adapter stands for which word of a configuration: one table a port, nothing found by scanning.

An adapter is named by a string and loaded when it is asked for, so that a program needs only the libraries of the devices it
has. A source reads `kind:rest?option=value`, as in `opencv:0`, `mjpeg:http://10.0.0.9/video`, `folder:/var/lib/frames?loop=1`.
Must never pick another adapter than the one that was named.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from devices.ports import Camera, Comparison, Decoder, DistantCamera, Gauge, Hardware, Monitor, Picture, Pump, Scanner
from pointofcare.errors import ConfigError

CAMERAS: Mapping[str, str] = {
    "opencv": "devices.cameras.opencv:open_camera",
    "v4l2": "devices.cameras.opencv:open_camera",
    "mjpeg": "devices.cameras.mjpeg_http:open_camera",
    "rtsp": "devices.cameras.opencv:open_stream",
    "folder": "devices.cameras.folder:open_camera",
}
SCANNERS: Mapping[str, str] = {
    "serial": "devices.scanners.serial_line:open_scanner",
    "keyboard": "devices.scanners.keyboard:open_scanner",
}
MONITORS: Mapping[str, str] = {
    "oximeter": "devices.monitors.oximeter:open_monitor",
    "pcd01": "devices.monitors.pcd01:open_monitor",
}
PUMPS: Mapping[str, str] = {
    "piv": "devices.pumps.piv:open_pump",
}
DISTANT_CAMERAS: Mapping[str, str] = {
    "browser": "devices.scanners.browser:open_camera",
}
DECODERS: Mapping[str, str] = {
    "cascade": "devices.decoders.cascade:open_decoder",
    "zxing": "devices.decoders.zxing:open_decoder",
    "zbar": "devices.decoders.zbar:open_decoder",
}
COMPARISONS: Mapping[str, str] = {
    "pharmacode": "devices.decoders.pharmacode:open_comparison",
}
GAUGES: Mapping[str, str] = {
    "opencv": "devices.cameras.gauge:open_gauge",
}
PICTURES: Mapping[str, str] = {
    "opencv": "devices.decoders.picture:open_picture",
}
DRAWERS: Mapping[str, str] = {
    "bridge": "devices.drawers.bridge:open_drawers",
    "simulated": "devices.drawers.simulated:open_drawers",
    "none": "devices.drawers.none:open_drawers",
}

INSTALL_HINTS: Mapping[str, str] = {
    "cv2": "install the cart extra: uv pip install 'pointofcare[cart]', and libgl1, libglib2.0-0, libxcb1 by apt-get",
    "zxingcpp": "install the cart extra: uv pip install 'pointofcare[cart]'",
    "pyzbar": "install the cart extra and apt-get install --no-install-recommends libzbar0",
    "serial": "install the extra of the program: uv pip install 'pointofcare[cart]' or 'pointofcare[bridge]'",
}


def camera(source: str) -> Camera:
    """`source` is `kind:rest`. Raises: ConfigError."""
    kind, rest, options = _parsed(source)
    return cast(Camera, _opened("camera", CAMERAS, kind, rest, options))


def scanner(source: str) -> Scanner:
    """`source` is `kind:rest`, as in `serial:/dev/serial/by-id/usb-...?baud=9600`. Raises: ConfigError."""
    kind, rest, options = _parsed(source)
    return cast(Scanner, _opened("scanner", SCANNERS, kind, rest, options))


def monitor(source: str) -> Monitor:
    """`source` is `kind:rest`, as in `oximeter:/dev/serial/by-id/usb-...?baud=9600`. Raises: ConfigError."""
    kind, rest, options = _parsed(source)
    return cast(Monitor, _opened("monitor", MONITORS, kind, rest, options))


def pump(source: str) -> Pump:
    """`source` is `kind:rest`, as in `piv:127.0.0.1:2576?pump=...&channel=1`. Raises: ConfigError."""
    kind, rest, options = _parsed(source)
    return cast(Pump, _opened("pump", PUMPS, kind, rest, options))


def distant_camera(name: str = "browser") -> DistantCamera:
    """Raises: ConfigError."""
    return cast(DistantCamera, _opened("distant camera", DISTANT_CAMERAS, name))


def decoder(name: str = "cascade", *, symbologies: Collection[str] = ()) -> Decoder:
    """`symbologies`: what is read beside what always is (`pointofcare.labels.symbologies`). Raises: ConfigError."""
    return cast(Decoder, _opened("decoder", DECODERS, name, **({"symbologies": tuple(symbologies)} if symbologies else {})))


def comparison(name: str = "pharmacode") -> Comparison:
    """Raises: ConfigError."""
    return cast(Comparison, _opened("comparison", COMPARISONS, name))


def gauge(name: str = "opencv") -> Gauge:
    """One for each camera: it remembers the picture before. Raises: ConfigError."""
    return cast(Gauge, _opened("gauge", GAUGES, name))


def picture(name: str = "opencv") -> Picture:
    """Raises: ConfigError."""
    return cast(Picture, _opened("picture", PICTURES, name))


def drawers(source: str = "none") -> Hardware:
    """`source` is `kind` or `kind:rest`. Raises: ConfigError."""
    kind, rest, options = _parsed(source)
    return cast(Hardware, _opened("drawers", DRAWERS, kind, rest, options))


def _parsed(source: str) -> tuple[str, str, dict[str, str]]:
    """(kind, rest, options). An URL keeps its own query; adapter options follow a `#`: `mjpeg:http://h/v?ch=1#stall_s=2`. The kind of
    an rtsp address is itself."""
    if source.startswith(("rtsp://", "rtsps://")):
        source = f"rtsp:{source}"
    kind, _, rest = source.partition(":")
    mark = "#" if "://" in rest else "?"
    rest, _, query = rest.partition(mark)
    return kind.strip(), rest, dict(parse_qsl(query))


def _opened(port: str, table: Mapping[str, str], kind: str, *arguments: Any, **settings: object) -> object:
    if kind not in table:
        known = ", ".join(table)
        raise ConfigError(f"{port}: {kind!r} is not known", problems=((port, f"use one of: {known}"),), remedy=f"use one of: {known}")
    opener = _loaded(port, kind, table[kind])
    if not arguments:
        return opener(**settings)
    rest, options = arguments
    allowed = [name for name, each in inspect.signature(opener).parameters.items() if each.kind is inspect.Parameter.KEYWORD_ONLY]
    if unknown := [name for name in options if name not in allowed]:
        remedy = f"use one of: {', '.join(allowed)}" if allowed else "it has no options"
        problems = tuple((port, f"option {name!r} is not known; {remedy}") for name in unknown)
        raise ConfigError(f"{port} {kind}: {'; '.join(why for _, why in problems)}", problems=problems, remedy=remedy)
    try:
        return opener(rest, **options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{port} {kind}: {error}", problems=((port, str(error)),), remedy="check the options of the source") from error


def _loaded(port: str, kind: str, target: str) -> Callable[..., object]:
    module_name, _, function = target.partition(":")
    try:
        return cast(Callable[..., object], getattr(importlib.import_module(module_name), function))
    except (ImportError, OSError) as error:
        missing = (getattr(error, "name", None) or "").partition(".")[0]
        hint = INSTALL_HINTS.get(missing, next((INSTALL_HINTS[name] for name in INSTALL_HINTS if name in str(error)), ""))
        hint = hint or "install what the message names"
        raise ConfigError(f"{port} {kind} cannot be loaded: {error}", problems=((port, hint),), remedy=hint) from error
