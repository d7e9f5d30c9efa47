"""A log for programs: one line of JSON an entry, with the id of the record it is about, and no word that a person or a label said."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from devices import logbook
from pointofcare.errors import MessageError

NAME = "Nguyễn-Thị-Mốc-Đánh-Dấu"


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logbook.Lines("%(message)s"))
    logger = logging.getLogger("tests.logbook.lines")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_is_written_about_a_record_carries_its_id_to_the_emr(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = written
    with logbook.about(record="r-1", cart="c1"):
        logger.info("taken")
        with logbook.about(emr="MedicationAdministration/17"):
            logger.info("sent")
        logger.info("told")
    logger.info("else")
    marks = [{name: line[name] for name in ("record", "cart", "emr") if name in line} for line in lines(stream)]
    about = {"record": "r-1", "cart": "c1"}
    assert marks == [about, {**about, "emr": "MedicationAdministration/17"}, about, {}]
    assert {"at", "level", "logger", "thread", "message"} <= lines(stream)[0].keys()


def test_what_is_no_id_is_left_out_and_never_told(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    with logbook.about(record=NAME, cart="a\nb", emr="x" * 200, patient="P1"):
        logger.info("taken")
    assert not {"record", "cart", "emr", "patient"} & lines(stream)[0].keys()
    assert NAME not in stream.getvalue()


def test_an_exception_is_one_line_by_its_class_and_code_without_what_it_quotes(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    try:
        raise MessageError(f"the name {NAME} is not understood")
    except MessageError as exc:
        logger.exception("a\nmessage failed: %s", exc)
    found = lines(stream)
    assert len(found) == 1
    assert "message-unreadable" in found[0]["error"]
    assert NAME not in stream.getvalue()


def test_what_another_thread_writes_is_about_something_else(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    with logbook.about(record="r-1"):
        thread = threading.Thread(target=lambda: logger.info("other"))
        thread.start()
        thread.join(20)
    assert "record" not in lines(stream)[0]


def test_the_programs_log_is_turned_into_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logbook.Discreet("%(message)s"))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler])
    logbook.as_json()
    root.error("one %s", ValueError(NAME))
    assert lines(stream)[0]["message"] == "one ValueError"
