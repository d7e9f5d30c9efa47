"""Commands to carts: who may ask what of which cart, the second person, what is sent, and what becomes of it. Without a broker."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cart_client.commanded import bundle
from pointofcare.errors import ConflictError, IllegalTransitionError, MessageError, NotFoundError, NotPermittedError
from pointofcare.people import StaffRole
from pointofcare.wire.messages import CartBirth, CartPhase, CartState, CommandAnswered, CommandOutcome
from server.store import commands, fleet, notices
from server.store.commands import CartCommand
from server.store.tables import AuditRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import cart_commands
from server.usecases.cart_commands import OPEN, TRANSITIONS, Event, State
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import CHARGE, NURSE, WARD
from tests.support.web import ADMIN, FLEET, signed_in, ward_app

NOW = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)
GATEWAY = Actor(id="gateway", name="MQTT gateway")
FLEET2 = Actor(id="F2", name="Second manager", roles=frozenset({StaffRole.FLEET_MANAGER}))
IN_WARD = Actor(id="CN1", name="Charge nurse", roles=frozenset({StaffRole.CHARGE_NURSE}), wards=frozenset({WARD}))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made, made.app_context():
        carts(("cart-1", WARD), ("cart-2", "NGOAI"))
        yield made


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Flask]:
    with ward_app(tmp_path) as made:
        with made.app_context():
            carts(("cart-1", WARD), ("cart-2", "NGOAI"), at=datetime.now(UTC))
        yield made


def carts(*known: tuple[str, str], at: datetime = NOW, sid: str = "s1") -> None:
    with transaction(GATEWAY, at=at) as tx:
        for cart, ward in known:
            fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=ward), sid=sid, sent_at=at)
            birth = CartBirth(versions={}, hardware="cart", boot_id="boot-1", epoch="e", ward=ward)
            fleet.put_birth(tx, cart, birth, sid=sid)


def asked(name: str, *named: str, by: Actor = FLEET, at: datetime = NOW, **params: object) -> tuple[CartCommand, ...]:
    with transaction(by, at=at) as tx:
        return cart_commands.ask(tx, by, named or ("cart-1",), name, params).commands


def sent(at: datetime = NOW) -> tuple[cart_commands.Sending, ...]:
    with transaction(GATEWAY, at=at) as tx:
        cart_commands.overdue(tx)
        return cart_commands.to_send(tx)


def told(command: str, outcome: CommandOutcome, *, cart: str = "cart-1", name: str = "locate", at: datetime = NOW, **more: object) -> str:
    with transaction(GATEWAY, at=at) as tx:
        return cart_commands.answered(tx, cart, CommandAnswered(command=command, name=name, outcome=outcome, **more))  # type: ignore[arg-type]


def now_of(command: str) -> CartCommand:
    with reading(FLEET) as tx:
        found = commands.get(tx, command)
    assert found is not None
    return found


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_command_names_the_carts_session_and_is_sent_once(app: Flask) -> None:
    (made,) = asked("locate")
    (going,) = sent()
    assert (going.id, going.cart, going.sid, going.ttl_s) == (made.id, "cart-1", "s1", 10.0)
    assert sent() == ()
    assert told(made.id, CommandOutcome.DONE, values={"screen": True}) == ""
    assert (now_of(made.id).state, now_of(made.id).told) == ("done", {"screen": True})
    assert told(made.id, CommandOutcome.FAILED) == ""  # a second word changes nothing
    assert now_of(made.id).state == "done"


def test_a_command_that_was_not_sent_in_time_never_is(app: Flask) -> None:
    (made,) = asked("locate")
    assert sent(after(11)) == ()
    assert (now_of(made.id).state, now_of(made.id).why) == ("expired", "not-sent-in-time")
    assert told(made.id, CommandOutcome.DONE) == "this command was never sent"


@pytest.mark.parametrize("kind", KINDS)
def test_a_bulk_action_however_long_stands_before_no_single_lock_and_no_other_batch(kind: str, tmp_path: Path) -> None:
    many = [f"many-{number}" for number in range(230)]
    with migrated_app(kind, tmp_path) as made, made.app_context():
        carts(("cart-1", WARD), *((cart, WARD) for cart in (*many, "late-1", "late-2")))
        asked("diagnostics", *many)
        assert len(sent()) == cart_commands.AT_ONCE
        asked("locate", "late-1", "late-2", at=after(1))
        asked("lock", drawer=0, at=after(1))
        going = sorted((each.cart, each.name) for each in sent(after(1)))
        assert going == [("cart-1", "lock"), ("late-1", "locate"), ("late-2", "locate")]


def test_a_server_killed_after_sending_says_that_it_does_not_know_and_a_late_answer_is_still_the_truth(app: Flask) -> None:
    (made,) = asked("lock")
    assert len(sent()) == 1  # committed as sent; the server dies here
    assert sent(after(2)) == ()  # its successor does not send it again
    sent(after(60))
    assert (now_of(made.id).state, now_of(made.id).why) == ("outcome-unknown", "no-answer")
    assert told(made.id, CommandOutcome.DONE, name="lock", at=after(90)) == ""
    assert now_of(made.id).state == "done"


def test_a_page_without_a_gateway_calls_nothing_requested_that_ran_out(app: Flask) -> None:
    (made,) = asked("locate")
    assert cart_commands.standing(made, after(1)) is State.REQUESTED
    assert cart_commands.standing(made, after(11)) is State.EXPIRED


def test_a_cart_that_is_away_unknown_or_of_another_ward_is_refused_and_the_others_go_on(app: Flask) -> None:
    carts(("cart-3", WARD))
    with transaction(GATEWAY, at=after(1)) as tx:
        fleet.put_state(tx, "cart-3", CartState(phase=CartPhase.LOST), sid="s1", sent_at=after(1))
    made = asked("locate", "cart-1", "cart-2", "cart-3", "cart-4", by=IN_WARD)
    assert [(each.cart, each.state, each.why) for each in made] == [
        ("cart-1", "requested", ""),
        ("cart-2", "refused", "other-ward"),
        ("cart-3", "refused", "cart-away"),
        ("cart-4", "refused", "not-known"),
    ]
    assert [each.cart for each in sent()] == ["cart-1"]


def test_a_cart_that_left_between_asking_and_sending_is_sent_nothing(app: Flask) -> None:
    (made,) = asked("lock")
    with transaction(GATEWAY, at=after(1)) as tx:
        fleet.put_state(tx, "cart-1", CartState(phase=CartPhase.LOST), sid="s1", sent_at=after(1))
    assert sent(after(1)) == ()
    assert (now_of(made.id).state, now_of(made.id).why) == ("expired", "cart-away")


def test_nobody_is_the_second_person_of_their_own_command(app: Flask) -> None:
    (made,) = asked("unlock", drawer=3)
    assert (made.state, sent()) == ("waiting", ())
    with pytest.raises(NotPermittedError, match="second person"), transaction(FLEET, at=after(1)) as tx:
        cart_commands.second(tx, FLEET, made.id, confirms=True)
    with pytest.raises(NotPermittedError), transaction(NURSE, at=after(1)) as tx:
        cart_commands.second(tx, NURSE, made.id, confirms=True)
    assert sent(after(2)) == ()
    with transaction(IN_WARD, at=after(60)) as tx:
        cart_commands.second(tx, IN_WARD, made.id, confirms=True)
    (going,) = sent(after(61))
    assert (going.name, going.params, going.ttl_s) == ("unlock", {"drawer": 3}, 4.0)  # five seconds from the second word


def test_an_unlock_whose_time_is_over_after_the_second_word_is_not_sent(app: Flask) -> None:
    (made,) = asked("unlock", drawer=3)
    with transaction(FLEET2, at=after(10)) as tx:
        cart_commands.second(tx, FLEET2, made.id, confirms=True)
    assert sent(after(16)) == ()
    assert now_of(made.id).state == "expired"


def test_a_second_person_who_declines_or_comes_too_late_lets_nothing_out(app: Flask) -> None:
    (declined,) = asked("unlock", drawer=3)
    with transaction(FLEET2, at=after(1)) as tx:
        cart_commands.second(tx, FLEET2, declined.id, confirms=False)
    with pytest.raises(ConflictError), transaction(ADMIN, at=after(2)) as tx:
        cart_commands.second(tx, ADMIN, declined.id, confirms=True)
    (late,) = asked("unlock", drawer=3)
    with pytest.raises(ConflictError), transaction(FLEET2, at=after(301)) as tx:
        cart_commands.second(tx, FLEET2, late.id, confirms=True)
    assert sent(after(302)) == ()
    assert (now_of(declined.id).why, now_of(late.id).why) == ("declined", "no-second-person")


def test_a_second_person_of_another_ward_sees_no_such_command(app: Flask) -> None:
    (made,) = asked("unlock", "cart-2", drawer=1)
    with pytest.raises(NotFoundError), transaction(IN_WARD, at=after(1)) as tx:
        cart_commands.second(tx, IN_WARD, made.id, confirms=True)


def test_roles_ask_for_what_is_theirs(app: Flask) -> None:
    assert asked("locate", by=IN_WARD)[0].state == "requested"
    for name, by in (("restart", IN_WARD), ("locate", NURSE), ("lock", NURSE)):
        with pytest.raises(NotPermittedError):
            asked(name, by=by)


def test_what_is_no_command_is_not_taken(app: Flask) -> None:
    for name, params in (
        ("unlock", {}),
        ("unlock", {"drawer": 0}),
        ("unlock", {"drawer": 65}),
        ("lock", {"drawer": "x"}),
        ("locate", {"lasts_s": 61}),
        ("locate", {"drawer": 1}),
        ("format-disk", {}),
    ):
        with pytest.raises(MessageError):
            asked(name, **params)
    with pytest.raises(MessageError):
        asked("locate", "cart/1")
    assert sent() == ()


def test_unlocking_is_asked_of_one_cart_at_a_time(app: Flask) -> None:
    with pytest.raises(MessageError):
        asked("unlock", "cart-1", "cart-2", drawer=1)


def test_a_bulk_action_is_sent_a_few_at_a_time(app: Flask) -> None:
    names = [f"many-{number:02}" for number in range(25)]
    carts(*((name, WARD) for name in names))
    asked("selftest", *names)
    first = sent()
    assert len(first) == cart_commands.AT_ONCE
    assert sent() == ()
    told(first[0].id, CommandOutcome.DONE, cart=first[0].cart, name="selftest")
    assert len(sent()) == 1
    for each in first[1:]:
        told(each.id, CommandOutcome.FAILED, cart=each.cart, name="selftest")
    assert len(sent()) == cart_commands.AT_ONCE - 1
    assert len(sent(after(121))) == 0  # the rest ran out


def test_what_was_not_sent_can_be_taken_back_and_what_was_cannot(app: Flask) -> None:
    (first,) = asked("locate")
    sent()
    (later,) = asked("locate", at=after(1))
    with transaction(FLEET, at=after(1)) as tx:
        assert cart_commands.withdraw(tx, FLEET, (now_of(first.id), now_of(later.id))) == 1
    assert sent(after(2)) == ()
    assert (now_of(first.id).state, now_of(later.id).state) == ("sent", "withdrawn")


def test_another_cart_cannot_answer_for_this_one(app: Flask) -> None:
    (made,) = asked("locate")
    sent()
    assert told(made.id, CommandOutcome.DONE, cart="cart-2")
    assert told(made.id, CommandOutcome.DONE, name="lock")
    assert told("nobody", CommandOutcome.DONE)
    assert now_of(made.id).state == "sent"


def test_a_restart_is_done_by_the_next_boot_and_unknown_without_one(app: Flask) -> None:
    (made,) = asked("restart")
    (lost,) = asked("restart", "cart-2")
    sent()
    told(made.id, CommandOutcome.ACCEPTED, name="restart")
    told(lost.id, CommandOutcome.ACCEPTED, name="restart", cart="cart-2")
    with transaction(GATEWAY, at=after(5)) as tx:
        cart_commands.born(tx, "cart-1", "boot-1")  # the same program, another connection
    assert now_of(made.id).state == "accepted"
    with transaction(GATEWAY, at=after(9)) as tx:
        cart_commands.born(tx, "cart-1", "boot-2")
    assert (now_of(made.id).state, now_of(made.id).told["boot"]) == ("done", "boot-2")
    sent(after(200))
    assert now_of(lost.id).state == "outcome-unknown"


def test_a_bundle_in_parts_is_whole_or_says_that_it_is_not(app: Flask) -> None:
    (made,) = asked("diagnostics")
    sent()
    parts = bundle.parts("xin chào " * 100, longest=300)
    for values in (parts[0], parts[0], *parts[1:]):  # one comes twice
        assert now_of(made.id).state != "done"
        told(made.id, CommandOutcome.DONE, name="diagnostics", values=values)
    assert now_of(made.id).state == "done"
    with reading(FLEET) as tx:
        assert commands.parts(tx, made.id) == "xin chào " * 100
    (torn,) = asked("diagnostics", at=after(1))
    sent(after(1))
    told(torn.id, CommandOutcome.DONE, name="diagnostics", values={**bundle.parts("abc")[0], "text": "abd"}, at=after(1))
    assert now_of(torn.id).told["parts_fault"] == "other-hash"
    (half,) = asked("diagnostics", at=after(2))
    sent(after(2))
    told(half.id, CommandOutcome.DONE, name="diagnostics", values=parts[0], at=after(2))
    sent(after(200))
    assert now_of(half.id).state == "outcome-unknown"


def test_each_step_stands_in_the_audit(app: Flask) -> None:
    (made,) = asked("unlock", drawer=2)
    with transaction(FLEET2, at=after(1)) as tx:
        cart_commands.second(tx, FLEET2, made.id, confirms=True)
    sent(after(1))
    told(made.id, CommandOutcome.DONE, name="unlock", at=after(2))
    with reading(ADMIN) as tx:
        rows = select(AuditRow.action, AuditRow.actor, AuditRow.subject).where(AuditRow.action.like("command.%"))
        found = tx.session.execute(rows.order_by(AuditRow.id)).all()
    assert [(row.action, row.actor) for row in found] == [
        ("command.request", "F1"),
        ("command.second", "F2"),
        ("command.send", "gateway"),
        ("command.outcome", "gateway"),
    ]
    assert {row.subject for row in found} == {"cart/cart-1"}


@given(st.lists(st.sampled_from(list(Event)), max_size=12))
def test_whatever_happens_a_command_ends_once_and_what_was_never_sent_is_never_done(events: list[Event]) -> None:
    state, was_sent, ends = State.WAITING, False, 0
    for event in events:
        try:
            now = cart_commands.after(state, event)
        except IllegalTransitionError:
            continue
        was_sent = was_sent or now is State.SENT
        ends += state in OPEN and now not in OPEN
        assert now not in (State.DONE, State.FAILED, State.OUTCOME_UNKNOWN) or was_sent
        assert state in OPEN or state is State.OUTCOME_UNKNOWN
        state = now
    assert ends <= 1


def test_every_state_stands_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(not TRANSITIONS[state] for state in State if state not in OPEN | {State.OUTCOME_UNKNOWN})


@pytest.mark.parametrize("kind", KINDS)
def test_another_process_is_woken_by_the_database_and_sends(kind: str, tmp_path: Path) -> None:
    with migrated_app(kind, tmp_path) as app:
        woken = threading.Event()
        listener = notices.Listener(notices.COMMANDS, woken.set, wanted=cart_commands.any_requested, scope=app.app_context)
        listener.start()
        try:
            with app.app_context():
                carts(("cart-1", WARD), at=datetime.now(UTC))
                if kind == "postgresql":
                    assert woken.wait(20)  # it listens
                    woken.clear()
                asked("locate", at=datetime.now(UTC))
                assert woken.wait(20)
                assert [each.cart for each in sent(datetime.now(UTC))] == ["cart-1"]
        finally:
            listener.stop()


# The pages.


def form(client: object, at: str) -> dict[str, str]:
    html = client.get(at).get_data(as_text=True)  # type: ignore[attr-defined]
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return {"csrf_token": found.group(1)}


def test_a_person_asks_on_the_carts_page_and_somebody_else_confirms(pages: Flask) -> None:
    manager, charge = signed_in(pages, FLEET), signed_in(pages, CHARGE)
    token = form(manager, "/fleet/cart-1")
    answer = manager.post("/fleet/commands/", data={**token, "cart": "cart-1", "name": "unlock", "drawer": "2"})
    where = answer.headers["Location"]
    own = manager.get(where).get_data(as_text=True)
    assert 'value="confirm"' not in own
    manager.post(f"{where}/second", data={**token, "answer": "confirm"})
    with pages.app_context():
        assert now_of(where.rsplit("/", 1)[1]).state == "waiting"
    other = charge.get(where).get_data(as_text=True)
    assert 'value="confirm"' in other
    charge.post(f"{where}/second", data={**form(charge, where), "answer": "confirm"})
    with pages.app_context():
        found = now_of(where.rsplit("/", 1)[1])
    assert (found.state, found.second_by) == ("requested", "CN1")
    assert manager.get("/fleet/commands/?cart=cart-1&state=open").status_code == 200


def test_a_bulk_action_shows_each_cart_and_what_became_of_it(pages: Flask) -> None:
    manager = signed_in(pages, FLEET)
    token = form(manager, "/fleet/cart-1")
    answer = manager.post("/fleet/commands/bulk", data={**token, "cart": ["cart-1", "cart-2", "nobody"], "name": "locate"})
    html = manager.get(answer.headers["Location"]).get_data(as_text=True)
    assert all(name in html for name in ("cart-1", "cart-2", "nobody", "<progress"))
    assert signed_in(pages, NURSE).get(answer.headers["Location"]).status_code == 403
    empty = manager.post("/fleet/commands/bulk", data={**token, "name": "locate"})
    assert empty.headers["Location"].endswith("/fleet/")


def test_a_bundle_is_given_as_a_file_when_it_is_whole(pages: Flask) -> None:
    with pages.app_context():
        (made,) = asked("diagnostics")
        sent()
    manager = signed_in(pages, FLEET)
    assert manager.get(f"/fleet/commands/{made.id}/bundle").status_code == 404
    with pages.app_context():
        told(made.id, CommandOutcome.DONE, name="diagnostics", values=bundle.parts('{"cart": "cart-1"}')[0])
    assert manager.get(f"/fleet/commands/{made.id}/bundle").get_json() == {"cart": "cart-1"}
