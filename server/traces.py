"""The way of a dose as a trace of OpenTelemetry: an option. Switched off, nothing of OpenTelemetry is imported, and a step is a look at
a variable.

The trace of a record has the record's own id, so that gateway, dispatcher and every other server write into one trace, without a word
more on the wire. Must never hold a name, a number of a patient or anything clinical, and never let a dose wait.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Protocol

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from pointofcare.errors import ConfigError
from server.export_settings import TelemetryConfig

_OFF: AbstractContextManager[None] = nullcontext()
_PAGE = "_pointofcare_page"


class Traces(Protocol):
    """What `server.telemetry` makes."""

    def step(self, name: str, record: str | None, kind: str, marks: dict[str, str | int]) -> AbstractContextManager[None]: ...
    def came(self, record: str, cart: str, since: datetime) -> None: ...
    def passed(self, name: str, since_ns: int, marks: dict[str, str | int]) -> None: ...
    def mark(self, marks: dict[str, str | int]) -> None: ...
    def close(self) -> None: ...


_on: Traces | None = None


def begin(config: TelemetryConfig, *, part: str, facility: str) -> None:
    """From now on this program writes traces, where `config` says so. Raises: ConfigError where what writes them is not installed."""
    global _on
    if not config.traces or _on is not None:
        return
    try:
        from server import telemetry
    except ImportError as exc:
        missing = ("telemetry.traces", "OpenTelemetry is not installed: pip install 'pointofcare[otel]'")
        raise ConfigError("traces cannot be written", problems=(missing,)) from exc
    _on = telemetry.open_traces(config, part=part, facility=facility)


def end() -> None:
    """Sends what waits, for a moment at most."""
    global _on
    if _on is not None:
        _on.close()
    _on = None


def is_on() -> bool:
    return _on is not None


def step(name: str, *, record: str | None = None, kind: str = "internal", **marks: str | int) -> AbstractContextManager[None]:
    """What is done in the block, as a part of what is under way in this thread, or of the way of `record`."""
    return _OFF if _on is None else _on.step(name, record, kind, marks)


def came(record: str, *, cart: str, since: datetime) -> None:
    """A record is here that the cart made at `since`, by its own clock: where its trace begins. A cart has one port, for MQTT, so the
    server tells its part."""
    if _on is not None:
        _on.came(record, cart, since)


def passed(name: str, *, since_ns: int, **marks: str | int) -> None:
    """Something that is over now; nothing where no step is under way."""
    if _on is not None:
        _on.passed(name, since_ns, marks)


def mark(**marks: str | int) -> None:
    """Says something of the step that is under way."""
    if _on is not None:
        _on.mark(marks)


def of_pages(app: Flask) -> None:
    """A trace for each request, by its route alone: an address can hold a patient's number, and what was searched for a name."""
    if _on is None:
        return

    @app.before_request
    def _begin() -> ResponseReturnValue | None:
        route = request.url_rule.rule if request.url_rule is not None else "unknown"
        entered = step(f"{request.method} {route}", kind="server", method=request.method, route=route)
        entered.__enter__()
        setattr(g, _PAGE, entered)
        return None

    @app.after_request
    def _answered(response: Response) -> Response:
        mark(status=response.status_code)
        return response

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        entered: AbstractContextManager[None] | None = g.pop(_PAGE, None)
        if entered is not None:
            entered.__exit__(None, None, None)
