"""Opens what somebody points `read` at: a picture, a folder of them, a stream. Files come from anywhere, so all is bounded before it is
decoded: bytes, pixels, formats. Must never open what it was not pointed at, and never fail on a bad file but with `UnreadableError`.
"""

from __future__ import annotations

import http.client
import io
import os
import stat
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cart_client.reading import manifest
from devices import registry
from devices.ports import Camera
from pointofcare.errors import UnreadableError

MOST_BYTES = 64_000_000
MOST_PIXELS = 40_000_000
WEB_PATIENCE_S = 10.0
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
_STREAMS = {"http": "mjpeg", "https": "mjpeg", "rtsp": "opencv", "rtsps": "opencv"}


class PictureError(UnreadableError):
    """A file that is no picture, or not one that is safe to decode. `why` is a stable code."""

    code = "picture-unreadable"

    def __init__(self, message: str, *, why: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy, why=why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """`image`: height x width x 3 (BGR, uint8), turned as its EXIF data say. `notes` are codes of what was left out."""

    image: Any
    notes: tuple[str, ...] = ()


def opened(file: Path) -> Opened:
    """Raises: PictureError."""
    return _from_bytes(_bytes(file))


def _from_bytes(data: bytes) -> Opened:
    if not data:
        raise PictureError("the file is empty", why="empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                return _decoded(picture)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise _too_many_pixels() from exc
    except UnidentifiedImageError as exc:
        raise PictureError("no picture of a known format", why="not-a-picture", remedy=", ".join(FORMATS)) from exc
    except PictureError:
        raise
    except MemoryError:
        raise
    except Exception as exc:
        raise PictureError("the picture is broken or cut short", why="broken") from exc


def _decoded(picture: Any) -> Opened:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise _too_many_pixels()
    notes = ("first-of-several",) if getattr(picture, "n_frames", 1) > 1 else ()
    turned = ImageOps.exif_transpose(picture)
    if turned.mode.startswith(("I", "F")):  # sixteen bits and more
        deep = np.asarray(turned, dtype=np.float64)
        low, high = float(deep.min()), float(deep.max())
        turned = Image.fromarray(((deep - low) * (255 / (high - low or 1))).astype(np.uint8))
    if turned.mode in {"RGBA", "LA", "PA"} or "transparency" in turned.info:
        glass = turned.convert("RGBA")
        turned = Image.new("RGBA", glass.size, "white")
        turned.alpha_composite(glass)
    return Opened(image=np.ascontiguousarray(np.asarray(turned.convert("RGB"))[:, :, ::-1]), notes=notes)


def is_web(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def fetched(url: str) -> Opened | None:
    """The picture at an address, as cameras give single ones; None when a stream of pictures is there. No redirection is followed.

    Raises: PictureError."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=WEB_PATIENCE_S)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"Accept": "image/*, multipart/x-mixed-replace"})
            response = connection.getresponse()
            if response.headers.get_content_maintype() == "multipart":
                return None
            if response.status != http.client.OK:
                raise PictureError(f"the address answers HTTP {response.status}", why="cannot-open")
            data = _within(response)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise PictureError(f"nobody answers at {parts.hostname}: {type(exc).__name__}", why="cannot-open") from exc
    return _from_bytes(data)


def _within(response: http.client.HTTPResponse) -> bytes:
    """The body, however slowly or endlessly it comes."""
    until = time.monotonic() + WEB_PATIENCE_S
    data = bytearray()
    while chunk := response.read1(65_536):
        data += chunk
        if len(data) > MOST_BYTES:
            raise PictureError(f"larger than {MOST_BYTES // 1_000_000} MB", why="too-large")
        if time.monotonic() > until:
            raise PictureError("the picture does not come to an end", why="too-slow")
    return bytes(data)


def _bytes(file: Path) -> bytes:
    """Regular files only: a pipe or device could have no end."""
    try:
        with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as source:
            about = os.fstat(source.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise PictureError("not a file", why="not-a-file")
            if about.st_size > MOST_BYTES:
                raise PictureError(f"larger than {MOST_BYTES // 1_000_000} MB", why="too-large")
            return source.read(MOST_BYTES)
    except OSError as exc:
        raise PictureError(exc.strerror or "cannot be opened", why="cannot-open") from exc


def _too_many_pixels() -> PictureError:
    return PictureError(f"more than {MOST_PIXELS // 1_000_000} million pixels", why="too-large", remedy="make it smaller")


def listed(place: Path, entries: dict[str, manifest.Entry]) -> Iterator[tuple[str, Path]]:
    """(name, file) of a picture, or of a folder's pictures in the order of their names; those of a manifest come from anywhere in it."""
    if not place.is_dir():
        yield str(place), place
        return
    names = {file.name for file in place.iterdir() if file.suffix.lower() in SUFFIXES and not file.is_dir()}
    root = place.resolve()
    for name in sorted(names | set(entries)):
        file = place / name
        if not file.resolve().is_relative_to(root):  # a link out of the folder
            continue
        yield name, file


def stream(source: str) -> Camera | None:
    """A camera for an address or a source of the registry (`opencv:0`); None for what is a path. Raises: ConfigError."""
    kind, colon, _rest = source.partition(":")
    if colon and kind in _STREAMS:
        return registry.camera(f"{_STREAMS[kind]}:{source}")
    if colon and kind in registry.CAMERAS and not Path(source).exists():
        return registry.camera(source)
    return None
