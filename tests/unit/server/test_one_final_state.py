"""One final state a dose, however the records of two carts arrive: doubled, late, in any order, in two halves of a parted network.

The fold is the server's own; the carts judge with what the fold makes of the records that have reached them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.orders import schedule
from pointofcare.orders.schedule import CLOSED, DueDose, DueStatus, Windows
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Lease
from pointofcare.verdict.finding import Level
from server.store.history import Given, effective, second_actions
from tests.support.builders import ZONE, a_cart, an_intent, an_order, facts, local

DUE = local("08:00:00")
ORDER = an_order()


def a_given(record_id: str, status: str = "completed", minutes: int = 0, **changes: object) -> Given:
    action = {"completed": "give", "not-done": "refuse", "stopped": "stop", "in-progress": "start", "entered-in-error": "undo"}[status]
    row = Given(
        record_id=record_id,
        patient="P1",
        order="O1",
        status=status,
        product="AMOX500",
        dose="500 mg" if status != "not-done" else None,
        lot=None,
        serial=None,
        reason=None,
        amends=None,
        action=action,
        at=DUE + timedelta(minutes=minutes),
        due=DUE,
    )
    return row._replace(**changes)


@st.composite
def chains(draw: st.DrawFn) -> tuple[Given, ...]:
    """What two carts may have written about one dose: each a first act, and perhaps its withdrawal or correction."""
    rows: list[Given] = []
    for cart in ("a", "b"):
        if not draw(st.booleans()):
            continue
        status = draw(st.sampled_from(["completed", "not-done", "stopped"]))
        rows.append(a_given(f"{cart}1", status, draw(st.integers(-30, 30))))
        then = draw(st.sampled_from(["nothing", "withdrawn", "corrected", "corrected-and-withdrawn"]))
        if then == "withdrawn":
            rows.append(a_given(f"{cart}2", "entered-in-error", 40, amends=f"{cart}1"))
        elif then.startswith("corrected"):
            rows.append(a_given(f"{cart}2", draw(st.sampled_from(["completed", "not-done"])), 40, amends=f"{cart}1"))
            if then.endswith("withdrawn"):
                rows.append(a_given(f"{cart}3", "entered-in-error", 50, amends=f"{cart}2"))
    return tuple(rows)


def _dose(rows: Sequence[Given]) -> DueDose:
    (dose,) = schedule.due_doses(ORDER, effective(rows), Windows(), ZONE, DUE, DUE + timedelta(minutes=1))
    return dose


@settings(max_examples=150)
@given(chains(), st.data())
def test_any_order_of_arrival_with_resends_folds_to_the_same_single_state(rows: tuple[Given, ...], data: st.DataObject) -> None:
    arrived = data.draw(st.permutations(list(rows)))
    again = data.draw(st.lists(st.sampled_from(arrived), max_size=6)) if arrived else []
    assert effective([*arrived, *again]) == effective(rows)
    assert _dose([*again, *arrived]) == _dose(rows)


@settings(max_examples=150)
@given(chains(), st.data())
def test_healed_partition_is_as_if_there_had_been_none(rows: tuple[Given, ...], data: st.DataObject) -> None:
    here = data.draw(st.sets(st.sampled_from(rows))) if rows else set()
    first = [row for row in rows if row in here]
    rest = [row for row in rows if row not in here]
    assert _dose([*rest, *first]) == _dose(rows)
    counting = [entry for entry in effective(rows) if entry.status in ("completed", "stopped")]
    assert (_dose(rows).outcome is DueStatus.GIVEN) == bool(counting)


@settings(max_examples=150)
@given(chains())
def test_one_more_final_record_never_opens_a_dose_and_only_a_correction_changes_it(rows: tuple[Given, ...]) -> None:
    for place in range(len(rows)):
        before, more = _dose(rows[:place]), rows[place]
        after = _dose(rows[: place + 1])
        if more.amends is None:
            assert after.outcome in CLOSED
            if before.outcome is DueStatus.GIVEN:
                assert after.outcome is DueStatus.GIVEN


@settings(max_examples=100)
@given(chains())
def test_second_final_action_is_never_lost_whichever_came_first(rows: tuple[Given, ...]) -> None:
    firsts = [row for row in rows if row.amends is None]
    amended = {row.amends for row in rows}
    standing = [row for row in firsts if row.record_id not in amended]
    for arrived in permutations(standing):
        for place, row in enumerate(arrived):
            told = second_actions(arrived[:place], record_id=row.record_id, order="O1", due=DUE, amends=None, action=row.action)
            assert {each.record_id for each in told} == {each.record_id for each in arrived[:place]}


@settings(max_examples=150)
@given(chains(), st.data(), st.booleans(), st.sampled_from(list(Lease)), st.booleans())
def test_cart_that_knows_of_a_final_state_never_gives_again(
    rows: tuple[Given, ...], data: st.DataObject, online: bool, lease: Lease, named: bool
) -> None:
    known = data.draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []
    history = effective(known)
    at = DUE + timedelta(hours=1, minutes=30)
    intent = an_intent(order="O1", due=DUE) if named else an_intent()
    verdict = evaluate(facts(at=at, orders=(ORDER,), history=history, cart=a_cart(online=online, lease=lease), intent=intent))
    if _dose(known).outcome in CLOSED:
        assert verdict.level >= (Level.STOP if named else Level.WARN)
        assert verdict.due != DUE or verdict.level is Level.STOP
