"""No program writes a person's name into its log: not when a driver's, a parser's or a database's exception quotes one."""

from __future__ import annotations

import errno
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert
from sqlalchemy.exc import IntegrityError

from devices import logbook
from pointofcare.errors import ConflictError, DeviceUnavailableError, JournalError, MessageError, PointOfCareError, QuantityError
from pointofcare.quantity import Quantity
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import Message
from server.store.database import engine_options
from tests.support import wire_bodies

ROOT = Path(__file__).parents[3]
NAME = "Nguyễn-Thị-Mốc-Đánh-Dấu"
PLAIN = "xqz-nobody-marker"


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logbook.Discreet("%(levelname)s %(message)s"))
    logger = logging.getLogger("tests.logbook")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def failing(error: BaseException) -> None:
    try:
        raise ValueError(f"inner {NAME}")
    except ValueError as exc:
        raise error from exc


@pytest.mark.parametrize(
    "error",
    [
        ValueError(NAME),
        KeyError(NAME),
        MessageError(NAME),
        ConflictError(NAME),
        UnicodeEncodeError("ascii", NAME, 0, 1, "x"),
        OSError(2, NAME, NAME),
    ],
)
def test_an_exception_is_told_by_its_class_and_place_and_never_by_what_it_quotes(
    written: tuple[logging.Logger, io.StringIO], error: Exception
) -> None:
    logger, stream = written
    try:
        failing(error)
    except type(error) as exc:
        logger.exception("a page failed")
        logger.error("uplink: %s", exc)
        logger.error(exc)
    text = stream.getvalue()
    assert NAME not in text
    assert text.count(type(error).__name__) >= 3
    assert "in failing" in text
    assert "ValueError" in text


def test_what_helps_against_a_fault_of_the_machine_is_still_there(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    logger.error("journal: %s", JournalError("the disk is full", remedy="free some space", why="disk-full"))
    logger.error("camera: %s", DeviceUnavailableError("no camera at opencv:0", remedy="look after the plug"))
    logger.error("message: %s", MessageError("secret", remedy="write a decimal number"))
    assert "the disk is full (free some space)" in stream.getvalue()
    assert "no camera at opencv:0" in stream.getvalue()
    assert "MessageError [message-unreadable] write a decimal number" in stream.getvalue()


def test_a_fault_of_the_database_does_not_quote_the_row(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    engine = create_engine("sqlite://", hide_parameters=engine_options("sqlite://")["hide_parameters"])
    table = Table("patients", MetaData(), Column("name", String, primary_key=True))
    table.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(table).values(name=NAME))
        with pytest.raises(IntegrityError) as raised:
            connection.execute(insert(table).values(name=NAME))
    assert NAME not in str(raised.value)
    logger.error("the outbox", exc_info=raised.value)
    assert NAME not in stream.getvalue()
    engine.dispose()


def test_a_damaged_message_is_told_without_what_stands_in_it(written: tuple[logging.Logger, io.StringIO]) -> None:
    """Every field of a message with a name where a number, a time or a code belongs."""
    logger, stream = written
    told = 0
    for body in wire_bodies.BODIES.values():
        route = next(route for route in routes.ROUTES if route.message is type(body))
        message = Message(id="m-1", sent_at=wire_bodies.MOMENT, sender="cart-1", sid="s-1", body=body)
        plain = json.loads(codec.encode(message))
        for key in ("id", "v", "from", "sent_at", *(f"body.{name}" for name in plain["body"])):
            for wrong in (NAME, {NAME: NAME}, [NAME], f"{NAME} mg"):
                place, _, name = key.rpartition(".")
                broken = {**plain, "body": {**plain["body"], name: wrong}} if place else {**plain, name: wrong}
                try:
                    codec.decode(route, json.dumps(broken).encode())
                except PointOfCareError as exc:
                    told += 1
                    logger.error("a message on %s is not understood: %s", route.name, exc)
    assert told > 100
    assert NAME not in stream.getvalue()


def test_a_quantity_that_is_a_name_is_not_written(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    with pytest.raises(QuantityError) as raised:
        Quantity.parse(NAME)
    logger.error("%s", raised.value)
    assert NAME not in stream.getvalue()


@pytest.mark.parametrize(
    "how", ["raise ValueError(name)", "threading.Thread(target=fail).start()", "logging.getLogger('x').error('%d', name)"]
)
def test_a_program_that_dies_leaves_no_name_in_its_last_words(how: str) -> None:
    script = (
        "import logging, sys, threading\n"
        "from devices import logbook\n"
        "name = sys.argv[1]\n"
        "def fail(): raise KeyError(name)\n"
        "logbook.begin()\n"
        f"{how}\n"
    )
    done = subprocess.run([sys.executable, "-c", script, PLAIN], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert PLAIN not in done.stdout + done.stderr


@pytest.mark.parametrize("program", ["cart_client", "server", "firmware_bridge"])
def test_every_program_begins_with_the_logbook(program: str) -> None:
    text = (ROOT / program / "__main__.py").read_text(encoding="utf-8")
    assert "logbook.begin()" in text
    for module in (ROOT / program).rglob("*.py"):
        content = module.read_text(encoding="utf-8")
        assert "basicConfig" not in content
        assert "print_exc" not in content
        assert "format_exc" not in content


def test_a_full_disk_under_its_output_ends_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(sys, "stdout", Full())
    logbook.announce("ready")
