"""The register of issued documents, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from server.store import documents
from server.store.documents import Batch, Issue
from server.store.reach import OtherWardError
from server.store.transaction import reading, transaction
from tests.support import server_ward
from tests.support.databases import KINDS, migrated_app

AT = datetime(2026, 3, 2, tzinfo=UTC)
CODES = tuple(letter * 16 for letter in "ABCD")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        server_ward.open_ward(patient_count=2)
        yield made


def an_issue(code: str, **changes: object) -> Issue:
    issue = Issue(
        code=code, kind="medication", subject="P1", ward=server_ward.WARD, since=AT, until=AT + timedelta(days=1), version=1,
        content="c" * 64, digest=code[0] * 64, pages=1, size_bytes=4, made_by="N1", made_at=AT,
        signatures=({"signer": "hospital", "level": "B-B"},),
    )  # fmt: skip
    return replace(issue, **changes)  # type: ignore[arg-type]


def put(*issues: Issue, kept_for: timedelta = timedelta(days=1)) -> None:
    with transaction(server_ward.CHARGE) as tx:
        for issue in issues:
            documents.hold(tx, issue.subject)
            documents.add(tx, issue, b"%PDF", kept_for=kept_for)


def test_an_issue_comes_back_as_it_was_written_and_ends_once(app: Flask) -> None:
    first, second = an_issue(CODES[0]), an_issue(CODES[1], made_at=AT + timedelta(hours=1), content="d" * 64)
    put(first, second)
    with transaction(server_ward.CHARGE) as tx:
        assert documents.same(tx, kind="medication", subject="P1", since=first.since, until=first.until) == (first, second)
        documents.replace(tx, [first.code], by=second.code)
        assert documents.withdraw(tx, second.code, reason="in nhầm")
        assert not documents.withdraw(tx, second.code, reason="in nhầm")
    with transaction(server_ward.CHARGE) as tx:
        documents.replace(tx, [second.code], by=CODES[2])
    with reading() as tx:
        found = [documents.find(tx, code) for code in (*CODES[:2], CODES[3])]
        assert [one and (one.state, one.replaced_by, one.name) for one in found] == [
            ("replaced", CODES[1], "NGUYỄN VĂN 1"),
            ("withdrawn", None, "NGUYỄN VĂN 1"),
            None,
        ]
        known = documents.with_digest(tx, "B" * 64)
        assert known is not None
        assert known.code == CODES[1]


def test_a_list_shows_what_the_person_reaches(app: Flask) -> None:
    put(an_issue(CODES[0]), an_issue(CODES[1], kind="handover", subject=server_ward.WARD, made_at=AT + timedelta(hours=1)))
    here = replace(server_ward.NURSE, wards=frozenset({server_ward.WARD}))
    there = replace(server_ward.NURSE, wards=frozenset({"ICU"}))
    with reading(here) as tx:
        assert [(one.code, one.name) for one in documents.listed(tx)] == [(CODES[1], "Nội tổng hợp"), (CODES[0], "NGUYỄN VĂN 1")]
        assert [one.code for one in documents.listed(tx, subject="P1", before=AT + timedelta(minutes=1))] == [CODES[0]]
    with reading(there) as tx:
        assert documents.listed(tx) == ()
        for code in CODES[:2]:
            found = documents.find(tx, code)
            assert found is not None
            with pytest.raises(OtherWardError):
                documents.must_see(tx, found)


def test_files_go_when_their_time_is_over_and_rows_never(app: Flask) -> None:
    put(an_issue(CODES[0]), kept_for=timedelta(seconds=-1))
    put(an_issue(CODES[1]))
    with reading() as tx:
        assert [documents.pdf(tx, code) for code in CODES[:2]] == [None, b"%PDF"]
        assert documents.find(tx, CODES[0]) is not None


def test_a_batch_says_how_far_it_is(app: Flask) -> None:
    batch = Batch(
        id="DB1", kind="medication", ward=server_ward.WARD, since=AT, until=AT, total=2, done=0, failed=(), state=documents.MAKING,
        made_by="N1", made_at=AT, changed_at=AT,
    )  # fmt: skip
    with transaction(server_ward.CHARGE) as tx:
        documents.add_batch(tx, batch)
        documents.put_batch(tx, batch.id, done=1, failed=["P2"], state=documents.FAILED)
        assert documents.patients_of_ward(tx, server_ward.WARD) == ("P1", "P2")
    with reading() as tx:
        found = documents.batch(tx, "DB1")
        assert found is not None
        assert (found.done, found.failed, found.state) == (1, ("P2",), documents.FAILED)
        assert documents.batch(tx, "DB2") is None
