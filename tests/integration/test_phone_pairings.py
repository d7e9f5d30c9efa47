"""Claims and pairings of phones in the store, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import MessageError, NotFoundError, NotPermittedError, PointOfCareError
from server.store import phones as store
from server.store.database import db
from server.store.tables import AuditRow, PhoneClaimRow, PhonePairingRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import phones as verbs
from server.usecases.phones import Paired
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NURSE
from tests.support.web import FLEET

PHONE = Actor(id="phone", place="10.0.0.9")
MONTH = timedelta(days=30)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        yield made


def a_token(cart: str = "phone-01", *, at: datetime | None = None) -> str:
    with transaction(FLEET, at=at) as tx:
        return verbs.claim(tx, FLEET, cart).token


def paired(token: str, *, at: datetime | None = None) -> Paired:
    with transaction(PHONE, at=at) as tx:
        return verbs.pair(tx, token=token, browser="Mozilla/5.0\nX", place="10.0.0.9", lasts=MONTH)


def test_a_claimed_phone_is_paired_once_and_the_audit_says_who_let_it_in(app: Flask) -> None:
    token = a_token()
    made = paired(token)
    assert (made.cart, made.number) == ("phone-01", 1)
    with pytest.raises(NotPermittedError):
        paired(token)
    with reading() as tx:
        (one,) = store.standing(tx)
        said = {(row.action, row.actor) for row in tx.session.query(AuditRow)}
    assert (one.claimed_by, one.browser, one.place) == (FLEET.id, "Mozilla/5.0 X", "10.0.0.9")
    assert {("machine.phone-claim", FLEET.id), ("machine.phone-pair", "phone")} <= said


def test_neither_token_nor_cookie_is_stored_anywhere(app: Flask) -> None:
    token = a_token()
    cookie = paired(token).cookie
    with reading() as tx:
        held = [str(row.__dict__) for kind in (PhoneClaimRow, PhonePairingRow, AuditRow) for row in tx.session.query(kind)]
    assert held
    assert not any(secret in text for text in held for secret in (token, cookie))


def test_one_token_used_by_many_at_once_pairs_one(app: Flask) -> None:
    token, outcomes = a_token(), list[object]()
    together = threading.Barrier(5)

    def use() -> None:
        with app.app_context():
            together.wait()
            try:
                outcomes.append(paired(token).number)
            except PointOfCareError as exc:
                outcomes.append(exc.code)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=use) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["1", *["not-permitted"] * 4]


def test_a_wrong_an_old_and_a_replaced_token_are_one_refusal(app: Flask) -> None:
    replaced = a_token()
    a_token()
    old = a_token("phone-02", at=datetime.now(UTC) - verbs.CLAIM_LASTS)
    told = set()
    for token in ("", "x" * 32, "x" * 5_000, replaced, old, "\udcff"):
        with pytest.raises(NotPermittedError) as caught:
            paired(token)
        told.add(str(caught.value))
    assert len(told) == 1


def test_a_new_phone_ends_the_one_before_and_has_a_higher_number(app: Flask) -> None:
    first, second = paired(a_token()), paired(a_token())
    assert (second.number, second.ended) == (2, (1,))
    with reading() as tx:
        assert [(one.number, one.cookie_hash) for one in store.standing(tx)] == [(2, verbs.hashed(second.cookie))]
        assert [one.number for one in store.listed(tx)] == [2]
    assert first.cookie != second.cookie


def test_a_revoked_phone_stands_no_more_and_its_waiting_code_neither(app: Flask) -> None:
    paired(a_token())
    waiting = a_token()
    with transaction(FLEET) as tx:
        assert verbs.revoke(tx, FLEET, "phone-01", reason="lost in the lift") == (1,)
    with pytest.raises(NotPermittedError):
        paired(waiting)
    with reading() as tx:
        assert store.standing(tx) == ()
        (shown,) = store.listed(tx)
    assert (shown.ended_by, shown.reason) == (FLEET.id, "lost in the lift")
    with transaction(FLEET) as tx, pytest.raises(NotFoundError):
        verbs.revoke(tx, FLEET, "phone-01", reason="again")


def test_a_pairing_ends_by_itself(app: Flask) -> None:
    paired(a_token(at=datetime.now(UTC) - MONTH), at=datetime.now(UTC) - MONTH)
    with reading() as tx:
        assert store.standing(tx) == ()


def test_only_who_manages_machines_claims_and_revokes(app: Flask) -> None:
    paired(a_token())
    with transaction(NURSE) as tx:
        with pytest.raises(NotPermittedError):
            verbs.claim(tx, NURSE, "phone-02")
        with pytest.raises(NotPermittedError):
            verbs.revoke(tx, NURSE, "phone-01", reason="x")
    for name in ("", "../etc", "phone 1", "server", "cart-1-mcu", "x" * 65):
        with transaction(FLEET) as tx, pytest.raises(MessageError):
            verbs.claim(tx, FLEET, name)


def test_when_a_phone_was_here_is_noted(app: Flask) -> None:
    made, at = paired(a_token()), datetime(2030, 1, 1, tzinfo=UTC)
    with transaction(PHONE, at=at) as tx:
        store.saw(tx, {(made.cart, made.number), ("nobody", 7)})
    with reading() as tx:
        assert [one.seen_at for one in store.listed(tx)] == [at]
