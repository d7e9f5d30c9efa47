"""Leases that ended with something untold: who is in doubt, who is told of it, and what ends it. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import NotFoundError, NotPermittedError
from pointofcare.verdict.facts import Lease
from server.store import fleet, versions
from server.store import leases as stored
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import administrations, leases
from server.usecases.permission import TextMissingError
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import CHARGE, NOW, NURSE, WARD, a_record, open_ward

GATEWAY = Actor(id="gateway")
OVER = leases.LASTS


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        yield made


def at(later: timedelta = timedelta(0)) -> datetime:
    return NOW + later


def in_doubt(patient: str = "P1") -> list[tuple[str, tuple[str, ...] | None]]:
    with reading() as tx:
        return [(each.cart, each.waits) for each in stored.doubts(tx, patient)]


def token(tx: Transaction, cart: str = "c1", patient: str = "P1") -> str:
    return next(each.token for each in stored.doubts(tx, patient) if each.cart == cart)


def let_run_out() -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        leases.acquire(tx, patient="P1", cart="c1", nurse="N1")


def test_a_lease_that_ran_out_is_told_to_the_next_cart_with_the_nurse_and_since_when(app: Flask) -> None:
    let_run_out()
    with transaction(GATEWAY, at=at(OVER)) as tx:
        answer = leases.acquire(tx, patient="P1", cart="c2")
    assert (answer.state, answer.fence) == (Lease.HELD, 2)
    assert [(each.cart, each.nurse, each.since) for each in answer.doubts] == [("c1", "N1", NOW + OVER)]


def test_a_cart_is_not_told_of_its_own_doubt_and_its_new_lease_does_not_end_it(app: Flask) -> None:
    let_run_out()
    with transaction(GATEWAY, at=at(OVER)) as tx:
        assert leases.acquire(tx, patient="P1", cart="c1").doubts == ()
        leases.release(tx, patient="P1", cart="c1", fence=2, unsettled=())
    assert in_doubt() == [("c1", None)]


def test_the_holder_that_asks_again_gets_a_new_number_so_that_its_older_release_is_late(app: Flask) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        assert leases.acquire(tx, patient="P1", cart="c1").fence == 1
        assert leases.acquire(tx, patient="P1", cart="c1").fence == 2
        assert leases.release(tx, patient="P1", cart="c1", fence=1, unsettled=()).state is Lease.HELD
        assert leases.acquire(tx, patient="P1", cart="c2").state is Lease.OTHER_CART


@pytest.mark.parametrize(
    ("unsettled", "left"),
    [((), []), (("r-1",), [("c1", ("r-1",))]), (None, [("c1", None)])],
    ids=["nothing-open", "one-record-under-way", "a-cart-that-does-not-say"],
)
def test_what_a_release_leaves(app: Flask, unsettled: tuple[str, ...] | None, left: list[object]) -> None:
    let_run_out()
    with transaction(GATEWAY, at=NOW) as tx:
        leases.release(tx, patient="P1", cart="c1", fence=1, unsettled=unsettled)
    assert in_doubt() == left
    with transaction(GATEWAY, at=NOW) as tx:
        assert bool(leases.acquire(tx, patient="P1", cart="c2").doubts) is bool(left)


def test_a_doubt_over_a_record_ends_when_it_arrives_and_not_before(app: Flask) -> None:
    open_ward()
    let_run_out()
    with transaction(GATEWAY, at=NOW) as tx:
        leases.release(tx, patient="P1", cart="c1", fence=1, unsettled=("r-1", "r-2"))
    for record_id, left in (("r-9", [("c1", ("r-1", "r-2"))]), ("r-1", [("c1", ("r-2",))]), ("r-1", [("c1", ("r-2",))]), ("r-2", [])):
        with transaction(GATEWAY, at=NOW) as tx:
            administrations.record(tx, a_record(record_id=record_id))
        assert in_doubt() == left


def test_a_record_that_overtook_the_release_leaves_no_doubt(app: Flask) -> None:
    open_ward()
    let_run_out()
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, a_record(record_id="r-1"))
        leases.release(tx, patient="P1", cart="c1", fence=1, unsettled=("r-1",))
    assert in_doubt() == []


def test_a_cart_that_is_back_ends_its_doubt_by_telling_that_nothing_is_open(app: Flask) -> None:
    let_run_out()
    with transaction(GATEWAY, at=at(OVER)) as tx:
        assert [each.cart for each in leases.notice(tx)] == ["c1"]
        assert leases.told(tx, patient="P1", cart="c1", token=token(tx), unsettled=())
    assert in_doubt() == []


def test_a_cart_that_is_back_with_an_open_dose_stays_in_doubt_until_that_is_told(app: Flask) -> None:
    open_ward()
    let_run_out()
    with transaction(GATEWAY, at=at(OVER)) as tx:
        leases.notice(tx)
        assert not leases.told(tx, patient="P1", cart="c1", token=token(tx), unsettled=("r-1",))
    assert in_doubt() == [("c1", ("r-1",))]
    with transaction(GATEWAY, at=at(OVER)) as tx:
        administrations.record(tx, a_record(record_id="r-1"))
    assert in_doubt() == []


def test_a_telling_from_before_the_newest_doubt_ends_nothing(app: Flask) -> None:
    let_run_out()
    with transaction(GATEWAY, at=at(OVER)) as tx:
        leases.notice(tx)
        old = token(tx)
        leases.acquire(tx, patient="P1", cart="c1", nurse="N1")
    with transaction(GATEWAY, at=at(OVER * 2)) as tx:
        leases.notice(tx)
        assert not leases.told(tx, patient="P1", cart="c1", token=old, unsettled=())
        assert not leases.told(tx, patient="P1", cart="c1", token=None, unsettled=())
        assert not leases.told(tx, patient="P1", cart="c1", token=token(tx), unsettled=None)
    assert in_doubt() == [("c1", None)]


def test_time_alone_ends_no_doubt(app: Flask) -> None:
    let_run_out()
    with transaction(GATEWAY, at=at(timedelta(days=30))) as tx:
        leases.notice(tx)
        assert [each.cart for each in leases.acquire(tx, patient="P1", cart="c2").doubts] == ["c1"]


def test_a_person_resolves_a_doubt_with_a_reason_and_it_is_audited(app: Flask) -> None:
    let_run_out()
    with transaction(GATEWAY, at=at(OVER)) as tx:
        leases.notice(tx)
    with pytest.raises(NotPermittedError), transaction(NURSE) as tx:
        leases.resolve(tx, NURSE, patient="P1", cart="c1", reason="asked her")
    with pytest.raises(TextMissingError), transaction(CHARGE) as tx:
        leases.resolve(tx, CHARGE, patient="P1", cart="c1", reason="  ")
    assert in_doubt() == [("c1", None)]
    with transaction(CHARGE) as tx:
        leases.resolve(tx, CHARGE, patient="P1", cart="c1", reason="asked her: nothing was given")
        assert tx.audits[-1]["action"] == "lease.doubt-resolved"
    assert in_doubt() == []
    with pytest.raises(NotFoundError), transaction(CHARGE) as tx:
        leases.resolve(tx, CHARGE, patient="P1", cart="c1", reason="again")


def test_a_lease_names_the_newest_chart_of_the_carts_ward(app: Flask) -> None:
    open_ward()
    with transaction(GATEWAY, at=NOW) as tx:
        assert leases.acquire(tx, patient="P1", cart="c1").chart_version is None  # nobody knows where it is
    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_held(tx, "c1", WARD, ())
        before = leases.acquire(tx, patient="P1", cart="c1").chart_version
        versions.bump(tx, WARD)
        assert before is not None
        assert leases.renew(tx, patient="P1", cart="c1").chart_version == before + 1
