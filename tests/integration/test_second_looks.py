"""Which answer of a second person counts at the server, and which is refused with which word. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from joserfc import jws

from pointofcare.people import StaffRole
from pointofcare.wire import routes, values
from pointofcare.wire.messages import LookedAtDose, WitnessAnswered, WitnessAsked, WitnessProof, WitnessState, WitnessTold
from server.security import signing
from server.store import second_looks as stored
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, second_looks, staff
from tests.integration.test_server_gateway import Ground, ground
from tests.support.databases import KINDS
from tests.support.second_looks import GATEWAY, a_server, put_cart
from tests.support.server_ward import IMPORT, NOW, a_member, a_record

__all__ = ["ground"]

DIGEST = "a" * 64
DOSE = LookedAtDose(patient="P1", mrn="24-000001", name="NGUYỄN VĂN 1", action="give", level="WITNESS", findings=())


@pytest.fixture(scope="module", params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with a_server(tmp_path_factory.mktemp("server"), request.param) as made:
        with transaction(IMPORT) as tx:
            student = Actor(id="S1", name="Student", roles=frozenset({StaffRole.STUDENT, StaffRole.NURSE}))
            staff.receive(tx, a_member(student))
            ended = Actor(id="E1", name="Ended", roles=frozenset({StaffRole.NURSE}))
            staff.receive(tx, a_member(ended, valid_until=NOW - timedelta(days=1)))
            unlicensed = Actor(id="U1", name="Unlicensed", roles=frozenset({StaffRole.NURSE}))
            staff.receive(tx, a_member(unlicensed, licensed=None))
        yield made


_numbers = iter(range(1, 1000))


def ask(at: datetime = NOW, **more: object) -> WitnessAsked:
    body = replace(
        WitnessAsked(request=f"r-{next(_numbers)}", digest=DIGEST, nurse="N1", lasts_s=300.0, dose=DOSE),
        **more,  # type: ignore[arg-type]
    )
    with transaction(GATEWAY, at=at) as tx:
        second_looks.ask(tx, body, "cart-1")
    return body


def answer(request: str, at: datetime = NOW, cart: str = "cart-2", **more: object) -> second_looks.Outcome:
    body = WitnessAnswered(request=request, digest=DIGEST, witness="N2", confirms=True, at=NOW)
    with transaction(GATEWAY, at=at) as tx:
        return second_looks.answer(tx, replace(body, **more), cart)  # type: ignore[arg-type]


def state(request: str) -> str:
    with reading() as tx:
        found = stored.find(tx, request)
    assert found is not None
    return found.state


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"cart": "cart-1"}, "same-cart"),
        ({"cart": "cart-9"}, "other-ward"),
        ({"digest": "b" * 64}, "void"),
        ({"witness": "N1"}, "same-person"),
        ({"witness": "N-NOBODY"}, "person-unknown"),
        ({"witness": "S1"}, "student"),
        ({"witness": "E1"}, "inactive"),
        ({"witness": "U1"}, "unlicensed"),
        ({"at": NOW + timedelta(seconds=25)}, "asker-away"),
        ({"at": NOW + timedelta(minutes=5)}, "expired"),
    ],
)
def test_an_answer_that_must_not_count_is_refused_with_its_word_and_the_request_stays(
    app: Flask, more: dict[str, object], why: str
) -> None:
    asked = ask()
    assert answer(asked.request, **more).why == why  # type: ignore[arg-type]
    assert state(asked.request) == ("expired" if why == "expired" else "open")


def test_an_answer_to_what_nobody_asked_is_refused(app: Flask) -> None:
    assert answer("r-nobody").why == "unknown"


def test_a_figure_that_was_to_be_worked_out_alone_is_not_left_out(app: Flask) -> None:
    asked = ask(dose=replace(DOSE, blind=("mL",)))
    assert answer(asked.request).why == "no-figure"
    assert answer(asked.request, confirms=False, reason="wrong-drug").why == ""


def test_the_first_answer_counts_the_same_again_is_told_the_same_and_another_is_refused(app: Flask) -> None:
    asked = ask()
    assert answer(asked.request).is_new
    again = answer(asked.request)
    assert (again.why, again.is_new) == ("", False)
    assert answer(asked.request, confirms=False, reason="other").why == "taken"
    assert answer(asked.request, cart="cart-3", witness="CN1").why == "taken"
    assert state(asked.request) == "confirmed"


def test_a_cart_has_one_request_and_nobody_else_can_take_it_back(app: Flask) -> None:
    first, second = ask(), ask()
    assert (state(first.request), state(second.request)) == ("withdrawn", "open")
    assert answer(first.request).why == "withdrawn"
    with transaction(GATEWAY, at=NOW) as tx:
        assert second_looks.ask(tx, replace(second, dose=None), "cart-3").why == "other-request"
        assert second_looks.ask(tx, replace(second, digest="c" * 64), "cart-1").why == "other-request"
    assert state(second.request) == "open"


def test_a_record_that_names_a_witness_elsewhere_whom_nobody_heard_is_a_discrepancy(app: Flask) -> None:
    asked = ask(nurse="N1")
    answer(asked.request)
    record = replace(a_record(), cart="cart-1", witness="N2", witness_cart="cart-2", witnessed_at=NOW)
    for request, found in ((asked.request, False), (None, True), ("r-other", True)):
        told = replace(record, record_id=f"rec-{request}-{next(_numbers)}", witness_request=request)
        with transaction(GATEWAY, at=NOW) as tx:
            recorded = administrations.record(tx, told)
        assert ("unproven-witness" in {note.code for note in recorded.discrepancies}) is found


def test_over_a_broker_a_request_is_told_and_a_confirmation_comes_signed(ground: Ground) -> None:
    put_cart("c1")
    put_cart("c2")
    with transaction(IMPORT) as tx:
        staff.receive(tx, a_member(Actor(id="N2", name="N2", roles=frozenset({StaffRole.NURSE}))))
    asked = WitnessAsked(request="r-over-mqtt", digest=DIGEST, nurse="N1", lasts_s=300.0, dose=DOSE)
    with ground.gateway():
        ground.send(routes.WITNESS_ASK, asked)
        told = ground.expect(WitnessTold)
        assert (told.state, told.reached) == (WitnessState.OPEN, ("c2",))  # type: ignore[union-attr]
        with transaction(GATEWAY) as tx:
            second_looks.answer(tx, WitnessAnswered(request=asked.request, digest=DIGEST, witness="N2", confirms=True, at=NOW), "c2")
        ground.send(routes.WITNESS_ASK, asked)
        confirmed = ground.expect(WitnessTold, lambda body: body.state is WitnessState.CONFIRMED)  # type: ignore[union-attr]
        key = signing.load(ground.directory / "key.json").key
        signed = jws.deserialize_compact(confirmed.proof, key, algorithms=["Ed25519"])  # type: ignore[union-attr]
        said = values.load(WitnessProof, signed.payload)
        assert (said.cart, said.request, said.digest, said.witness, said.witness_cart) == ("c1", asked.request, DIGEST, "N2", "c2")
