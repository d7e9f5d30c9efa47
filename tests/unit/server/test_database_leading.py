"""Which of several databases is connected to, and what becomes of connections to one that leads no more."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError

from server.store import database


class _Connection:
    """As the driver's, of a database that leads, follows or is away."""

    def __init__(self, state: str) -> None:
        self.state, self.autocommit, self.closed = state, False, False

    def execute(self, _statement: str) -> _Connection:
        if self.state == "away":
            raise psycopg.OperationalError("away")
        return self

    def fetchone(self) -> tuple[bool]:
        return (self.state == "follows",)

    def close(self) -> None:
        self.closed = True


class _Dialect:
    """`states` by port; remembers where it was asked to connect."""

    loaded_dbapi = psycopg

    def __init__(self, states: dict[str, str]) -> None:
        self.states, self.asked, self.made = states, list[str](), list[_Connection]()

    def connect(self, **named: Any) -> _Connection:
        assert "target_session_attrs" not in named
        self.asked.append(named["port"])
        if self.states[named["port"]] == "refuses":
            raise psycopg.OperationalError("refused")
        self.made.append(_Connection(self.states[named["port"]]))
        return self.made[-1]


NAMED = {"host": "a,b", "port": "1,2", "target_session_attrs": "read-write", "user": "x"}


@pytest.mark.parametrize("first", ["follows", "refuses", "away"])
def test_the_database_that_leads_is_found_and_asked_first_from_then_on(first: str) -> None:
    dialect, leading = _Dialect({"1": first, "2": "leads"}), database._Leading()
    assert leading.connect(dialect, None, (), dict(NAMED)).state == "leads"
    assert leading.connect(dialect, None, (), dict(NAMED)).state == "leads"
    assert dialect.asked == ["1", "2", "2"]
    assert all(made.closed for made in dialect.made if made.state != "leads")


def test_where_none_leads_it_is_a_fault_of_the_database() -> None:
    dialect = _Dialect({"1": "follows", "2": "follows"})
    with pytest.raises(psycopg.OperationalError, match="none of the databases leads"):
        database._Leading().connect(dialect, None, (), dict(NAMED))


@pytest.mark.parametrize("state", ["follows", "away"])
def test_a_connection_to_a_database_that_leads_no_more_is_not_used(state: str) -> None:
    with pytest.raises(InvalidatePoolError):
        database._is_still_primary(_Connection(state), None, None)
    database._is_still_primary(_Connection("leads"), None, None)


def test_only_an_address_that_asks_for_the_one_that_takes_writes_is_followed() -> None:
    asked = "postgresql+psycopg://x@/y?host=a:1&host=b:2&target_session_attrs=read-write"
    assert database.follows_primary(make_url(asked))
    assert database.engine_options(asked)["pool_pre_ping"] is False
    plain = "postgresql+psycopg://x@a/y"
    assert not database.follows_primary(make_url(plain))
    assert database.engine_options(plain)["pool_pre_ping"] is True
    assert not database.follows_primary(make_url("sqlite:///x"))
