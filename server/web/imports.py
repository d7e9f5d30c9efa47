"""The import page: choose files, see every problem by row and field, and only then confirm.

Between the dry run and the confirmation the files stay in this process's memory for a few minutes, and nowhere on a disk: they may
hold PINs and passwords.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server.security.permissions import IMPORT
from server.security.person import actor, requires
from server.usecases import imports as verbs
from server.web import page

room = Blueprint("imports", __name__, url_prefix="/import")

KEPT_S = 900
MOST_KEPT = 8
MOST_KEPT_BYTES = 200_000_000
PROBLEMS_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    actor: str
    at: float
    files: tuple[tuple[str, bytes], ...] = field(repr=False)

    @property
    def size(self) -> int:
        return sum(len(content) for _, content in self.files)


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()


@room.get("/")
@requires(IMPORT)
def show() -> str:
    return page.render("import.html", report=None, key="")


@room.post("/")
@requires(IMPORT)
def examine() -> str | BaseResponse:
    uploaded = [one for one in request.files.getlist("files") if one.filename]
    if not uploaded:
        page.say("import-no-file", "danger")
        return page.back(url_for("imports.show"))
    files = tuple((str(one.filename)[-100:], one.read(verbs.MAX_FILE_BYTES + 1)) for one in uploaded[:10])
    report = verbs.run(actor(), files, timezone=page.config().timezone, dry_run=True)
    return _shown(report, _keep(files))


@room.post("/confirm")
@requires(IMPORT)
def confirm() -> str | BaseResponse:
    files = _take(request.form.get("key", ""))
    if files is None:
        page.say("import-too-late", "danger")
        return page.back(url_for("imports.show"))
    skip_bad = request.form.get("skip_bad") == "yes"
    report = verbs.run(actor(), files, timezone=page.config().timezone, skip_bad=skip_bad)
    return _shown(report, "" if report.written else _keep(files))


def _shown(report: verbs.ImportReport, key: str) -> str:
    return page.render("import.html", report=report, key=key, kinds=verbs.KINDS, shown=report.problems[:PROBLEMS_SHOWN], names=verbs.KINDS)


def _keep(files: tuple[tuple[str, bytes], ...]) -> str:
    key = secrets.token_urlsafe(24)
    with _lock:
        _forget()
        size = sum(len(content) for _, content in files)
        while _kept and (len(_kept) >= MOST_KEPT or size + sum(kept.size for kept in _kept.values()) > MOST_KEPT_BYTES):
            del _kept[next(iter(_kept))]
        _kept[key] = _Kept(actor=actor().id, at=time.monotonic(), files=files)
    return key


def _take(key: str) -> tuple[tuple[str, bytes], ...] | None:
    with _lock:
        _forget()
        kept = _kept.pop(key, None)
    return kept.files if kept is not None and kept.actor == actor().id else None


def _forget() -> None:
    for key in [key for key, kept in _kept.items() if time.monotonic() - kept.at > KEPT_S]:
        del _kept[key]
