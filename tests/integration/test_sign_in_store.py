"""What signing in keeps, on both databases: waits, codes that are used up, sign-ins and known browsers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from flask import Flask

from server.security import lockout, second_factor
from server.security.lockout import Guessed
from server.store import sign_ins
from server.store.transaction import transaction
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NURSE, open_ward
from tests.support.web import ADMIN

GUESSED = Guessed(name="n1", staff="N1", address="203.0.113.9")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward()
        yield made


def test_waits_codes_and_sign_ins_are_kept_by_every_database(app: Flask) -> None:
    assert [lockout.begin(GUESSED) for _ in range(8)] == [0] * 8
    assert lockout.begin(GUESSED) in range(1, 31)
    lockout.passed(GUESSED)
    assert lockout.begin(GUESSED) == 0
    at = datetime.now(UTC)
    with transaction(NURSE, at=at - timedelta(minutes=1)) as tx:
        secret = second_factor.begin(tx, NURSE, issuer="x", name="n1").secret
        assert second_factor.confirm(tx, NURSE, pyotp.TOTP(secret).at(at - timedelta(minutes=1))) is not None
    with transaction(NURSE, at=at) as tx:
        assert second_factor.holds(tx, "N1", pyotp.TOTP(secret).at(at))
        assert not second_factor.holds(tx, "N1", pyotp.TOTP(secret).at(at))
        sign_ins.start(tx, "a" * 64, "N1", kind="web", factor=True, address="203.0.113.9", agent="")
        sign_ins.remember_browser(tx, "b" * 64, "N1")
    with transaction(ADMIN) as tx:
        assert second_factor.reset(tx, ADMIN, "n1") == "N1"
    with transaction(ADMIN) as tx:
        found = sign_ins.find(tx, "a" * 64)
        assert found is not None
        assert found.ended_at is not None
        assert not sign_ins.knows_browser(tx, "b" * 64, "N1")
