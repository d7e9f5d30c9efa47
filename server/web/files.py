"""The files that pages are made of (styles, scripts, pictures): an address that changes with the content, and sent compressed.

A browser keeps such a file for a year and never asks again; a new version of the program has a new address. Only these files are
compressed, never a page: a page holds secrets beside what somebody may have put there (BREACH).
"""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request

FOLDER = Path(__file__).parent / "static"
ENDPOINT = "web.static"
KEPT_S = 365 * 24 * 3600
_TEXTS = frozenset({"text/css", "text/javascript", "application/javascript", "image/svg+xml", "text/plain"})
# Below this a compressed file is not smaller by a packet.
_LEAST_BYTES = 600


def register(app: Flask) -> None:
    @app.url_defaults
    def _versioned(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == ENDPOINT and "v" not in values and (mark := version(str(values.get("filename", "")))):
            values["v"] = mark

    @app.after_request
    def _sent(response: Response) -> Response:
        if request.endpoint != ENDPOINT or response.status_code != 200:
            return response
        name = str((request.view_args or {}).get("filename", ""))
        if request.args.get("v") and request.args["v"] == version(name):
            response.headers["Cache-Control"] = f"public, max-age={KEPT_S}, immutable"
        if response.mimetype in _TEXTS:
            response.vary.add("Accept-Encoding")
            small = compressed(name) if request.accept_encodings["gzip"] > 0 and "Range" not in request.headers else None
            if small is not None:
                response.close()  # the plain file, which is not sent
                response.direct_passthrough = False
                response.set_data(small)
                response.headers["Content-Encoding"] = "gzip"
                response.headers.pop("ETag", None)
        return response


@lru_cache(maxsize=256)
def version(name: str) -> str:
    """A mark of the content of one file; "" of a file that is not there."""
    file = _file(name)
    return "" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=256)
def compressed(name: str) -> bytes | None:
    """The file, compressed; None where it would not be smaller."""
    file = _file(name)
    plain = b"" if file is None else file.read_bytes()
    small = gzip.compress(plain, compresslevel=9, mtime=0) if len(plain) >= _LEAST_BYTES else plain
    return small if len(small) < len(plain) else None


def _file(name: str) -> Path | None:
    file = (FOLDER / name).resolve()
    return file if file.is_relative_to(FOLDER) and file.is_file() else None
