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
    assert made.cart == "phone-01"
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
    assert sorted(type(one) is int for one in outcomes) == [False] * 4 + [True]
    assert {one for one in outcomes if type(one) is not int} == {"not-permitted"}


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
    assert second.number > first.number
    assert second.ended == (first.number,)
    with reading() as tx:
        assert [(one.number, one.cookie_hash) for one in store.standing(tx)] == [(second.number, verbs.hashed(second.cookie))]
        assert [one.number for one in store.listed(tx)] == [second.number]
    assert first.cookie != second.cookie


def test_a_revoked_phone_stands_no_more_and_its_waiting_code_neither(app: Flask) -> None:
    made, waiting = paired(a_token()), a_token()
    with reading() as tx:
        assert [one.cart for one in store.waiting(tx)] == ["phone-01"]
    with transaction(FLEET) as tx:
        assert verbs.revoke(tx, FLEET, "phone-01", reason="lost in the lift") == (made.number,)
        assert store.waiting(tx) == ()
    with pytest.raises(NotPermittedError):
        paired(waiting)
    with reading() as tx:
        assert store.standing(tx) == ()
        (shown,) = store.listed(tx)
    assert (shown.ended_by, shown.reason) == (FLEET.id, "lost in the lift")
    with transaction(FLEET) as tx, pytest.raises(NotFoundError):
        verbs.revoke(tx, FLEET, "phone-01", reason="again")


def test_a_pairing_has_a_higher_number_than_one_that_a_restored_backup_has_forgotten(app: Flask) -> None:
    """The cart has not forgotten it, and admits no lower one."""
    now = datetime.now(UTC)
    forgotten = paired(a_token(at=now - timedelta(hours=1)), at=now - timedelta(hours=1)).number
    with transaction(FLEET) as tx:
        tx.session.query(PhonePairingRow).delete()
    assert paired(a_token()).number > forgotten


def test_every_phone_that_stands_is_on_the_list(app: Flask) -> None:
    """One that is not could not be cut off."""
    with transaction(FLEET) as tx:
        many = [f"phone-{number:03}" for number in range(230)]
        tx.session.add_all(
            PhonePairingRow(
                facility=tx.facility, cart=cart, number=1, cookie_hash=cart, claimed_by="x", paired_at=tx.at, expires_at=tx.at + MONTH,
                browser="", place="",
            )
            for cart in many
        )  # fmt: skip
    with reading() as tx:
        assert [one.cart for one in store.listed(tx)] == many == [one.cart for one in store.standing(tx)]


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
