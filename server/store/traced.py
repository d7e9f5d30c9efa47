"""Each statement as a part of the step that it is run for, where traces are written: which kind it is and how long it took. Must never
say what it asks for."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from server import traces

_SINCE = "pointofcare_since"
_SYSTEM = {"postgresql": "postgresql", "sqlite": "sqlite"}


def follow(engine: Engine) -> None:
    system = _SYSTEM.get(engine.dialect.name, "other_sql")

    @event.listens_for(engine, "before_cursor_execute")
    def _begins(connection: Any, *_: Any) -> None:
        connection.info[_SINCE] = time.time_ns()

    @event.listens_for(engine, "after_cursor_execute")
    def _is_over(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        word = statement.lstrip(" (\n").split(None, 1)[0].upper()
        operation = word if word.isalpha() else "OTHER"
        traces.passed(operation, since_ns=connection.info.pop(_SINCE, time.time_ns()), system=system, operation=operation)
