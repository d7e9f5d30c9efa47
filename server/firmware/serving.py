"""The repository of firmware releases as carts fetch it: files, read only, for anybody who asks.

Nothing here is secret and nothing here is believed: each cart checks signatures, ages and versions by itself. What has a version or a
hash in its name never changes and may be kept by every cache; the timestamp may not.
"""

from __future__ import annotations

import re
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, send_file

from server.config import ServerConfig
from server.firmware.repository import Repository

room = Blueprint("releases", __name__, url_prefix="/firmware")

_LIST = re.compile(r"(?:[1-9]\d{0,8}\.)?[a-z]{1,20}\.json", re.ASCII)
_IMAGE = re.compile(r"[a-z0-9][a-z0-9-]*/[0-9a-f]{64}\.[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_FOR_EVER = "public, max-age=31536000, immutable"
_CONFIG = "POINTOFCARE_CONFIG"


@room.get("/metadata/<name>")
def metadata(name: str) -> Response:
    held = _held()
    folder = held.generation
    if folder is None or not _LIST.fullmatch(name):
        abort(404)
    return _file(folder / "metadata" / name, "application/json", fixed=name[0].isdigit())


@room.get("/targets/<path:name>")
def target(name: str) -> Response:
    held = _held()
    if held.generation is None or not _IMAGE.fullmatch(name) or ".." in name:
        abort(404)
    return _file(held.targets / name, "application/octet-stream", fixed=True)


def _held() -> Repository:
    config: ServerConfig = current_app.config[_CONFIG]
    if not config.firmware.served:
        abort(404)
    return Repository(config.firmware.directory)


def _file(path: Path, kind: str, *, fixed: bool) -> Response:
    try:
        answer = send_file(path.resolve(), mimetype=kind, conditional=True, etag=True)
    except OSError:
        abort(404)
    answer.headers["Cache-Control"] = _FOR_EVER if fixed else "no-cache"
    return answer
