"""How the three programs write their log: what happened and where in the code, and no word about a person.

An exception is told by its class, its stable code and what to do about it. Its message stands there only when its class says that it
names no person (`PointOfCareError.loggable`): a driver's or a parser's message may quote the row or the label that it was given.
"""

from __future__ import annotations

import contextlib
import contextvars
import errno
import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import TextIO

from pointofcare.errors import PointOfCareError

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# These write the addresses that they ask, and an address of the EMR can hold a patient's number; the last one fills the screen of
# whoever types a command.
_QUIET = ("httpx", "httpcore", "urllib3", "alembic.runtime.plugins")
# Of one record: what a line of JSON carries beside its words. None of them names a person.
_ABOUT = ("record", "cart", "emr")
_MARK = re.compile(r"[A-Za-z0-9_./:-]{1,128}", re.ASCII)
_about: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("about", default=MappingProxyType({}))
_Told = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

log = logging.getLogger(__name__)


def begin(stream: TextIO | None = None) -> None:
    """Once, first thing in a program: everything from INFO up, to `stream` (the standard error), and every exception that nobody caught."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Discreet(_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # else a faulty call prints what it was given
    # Where somebody watches for these already, such as a test runner, they stay theirs.
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)


class Discreet(logging.Formatter):
    """A formatter that shows exceptions, among the arguments of a line too, without what they quote."""

    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord(record.__dict__)
        record.exc_text = None
        if isinstance(record.args, tuple):
            record.args = tuple(told(each) if isinstance(each, BaseException) else each for each in record.args)
        if isinstance(record.msg, BaseException):
            record.msg = told(record.msg)
        return super().format(record)

    def formatException(self, ei: _Told) -> str:  # noqa: N802 - the name that logging calls
        return "\n".join(_lines(ei[1])) if ei[1] is not None else ""


class Lines(Discreet):
    """The same as a line of JSON an entry: `at` (UTC), `level`, `logger`, `thread`, `message`, `error`, and what the entry is about."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        bare = logging.makeLogRecord(record.__dict__)
        bare.exc_info = bare.stack_info = None
        entry = {"at": at, "level": record.levelname, "logger": record.name, "thread": record.threadName, "message": super().format(bare)}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps({**entry, **_about.get()}, ensure_ascii=False)


@contextlib.contextmanager
def about(**marks: str) -> Iterator[None]:
    """Whatever this thread writes in the block is about this `record`, `cart` or `emr`. What is no id is left out, never told."""
    known = {name: mark for name, mark in marks.items() if name in _ABOUT and _MARK.fullmatch(mark)}
    held = _about.set(MappingProxyType({**_about.get(), **known}))
    try:
        yield
    finally:
        _about.reset(held)


def as_json() -> None:
    """From now on, what `begin` set up writes JSON."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, Discreet):
            handler.setFormatter(Lines("%(message)s"))


def announce(text: str) -> None:
    """A line for whoever started the program. A full disk under its output is no reason to end the program."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def told(error: BaseException) -> str:
    """One line about an exception."""
    name = type(error).__name__
    if isinstance(error, PointOfCareError):
        if error.loggable:
            return str(error)
        return f"{name} [{error.code}] {error.remedy}".rstrip()
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} [{errno.errorcode.get(error.errno, error.errno)}]"
    return name


def _lines(error: BaseException) -> Iterable[str]:
    seen: set[int] = set()
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    for one in reversed(chain):
        yield "Traceback (most recent call last):"
        for frame in traceback.extract_tb(one.__traceback__):
            yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        yield told(one)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    log.critical("nobody caught this", exc_info=(kind, error, trace))
