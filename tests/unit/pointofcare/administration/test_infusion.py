"""An infusion folded from its records, in whatever order they came."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.administration import infusion
from pointofcare.administration.lifecycle import OPEN, Status
from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, HistoryEntry

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
q = Quantity.parse


def entry(record_id: str, action: Action, status: str, minutes: int, rate: str | None = None, continues: str | None = "s") -> HistoryEntry:
    return HistoryEntry(
        order="I1",
        patient="P1",
        status=status,
        at=AT + timedelta(minutes=minutes),
        record_id=record_id,
        action=action,
        rate=q(rate) if rate is not None else None,
        continues=continues,
        bag="B1",
    )


START = entry("s", Action.START, "in-progress", 0, "100 mL/h", continues=None)
FASTER = entry("r", Action.RATE, "in-progress", 60, "200 mL/h")
PAUSE = entry("p", Action.HOLD, "on-hold", 90)
AGAIN = entry("a", Action.START, "in-progress", 120, "50 mL/h")
END = entry("e", Action.STOP, "stopped", 180)


def test_rates_pauses_and_the_end_add_up() -> None:
    (run,) = infusion.running([START, FASTER, PAUSE, AGAIN])
    assert (run.record_id, run.status, run.rate, run.started_at) == ("s", Status.IN_PROGRESS, q("50 mL/h"), AT)
    assert infusion.given_by(run, q("500 mL"), AT + timedelta(minutes=180)) == q("250 mL")  # 100 + 100 + 0 + 50
    assert infusion.empty_at(run, q("500 mL")) == AT + timedelta(minutes=120 + 360)
    (paused,) = infusion.running([START, FASTER, PAUSE])
    assert paused.paused
    assert infusion.empty_at(paused, q("500 mL")) is None
    assert infusion.running([START, FASTER, PAUSE, AGAIN, END]) == ()


@given(st.permutations([START, FASTER, PAUSE, AGAIN, END]), st.lists(st.sampled_from([START, FASTER, PAUSE, AGAIN, END]), max_size=3))
def test_the_order_and_the_number_of_arrivals_do_not_matter(order: list[HistoryEntry], twice: list[HistoryEntry]) -> None:
    once = infusion.runs(dict.fromkeys(order))
    assert once == infusion.runs([START, FASTER, PAUSE, AGAIN, END])
    assert [run.status for run in infusion.runs([*order, *twice])] == [run.status for run in once]


def test_a_rate_set_after_the_end_changes_nothing() -> None:
    (run,) = infusion.runs([START, END, replace(FASTER, at=AT + timedelta(minutes=200))])
    assert (run.status, run.rate) == (Status.STOPPED, q("100 mL/h"))


def test_a_plain_dose_is_no_infusion() -> None:
    assert infusion.runs([entry("d", Action.GIVE, "completed", 0, continues=None)]) == ()


def test_nothing_is_said_of_an_amount_that_ran_at_an_unknown_rate() -> None:
    (run,) = infusion.running([replace(START, rate=None), FASTER])
    assert run.unknown
    assert infusion.given_by(run, q("500 mL"), AT + timedelta(hours=3)) is None


@pytest.mark.parametrize("rate", ["5 mg/h", "10 ug/min"])
def test_a_rate_by_mass_gives_no_end(rate: str) -> None:
    (run,) = infusion.running([replace(START, rate=q(rate))])
    assert (infusion.given_by(run, q("50 mL"), AT + timedelta(hours=1)), infusion.empty_at(run, q("50 mL"))) == (None, None)


def test_counted_drops_are_a_flow() -> None:
    assert infusion.as_flow(q("28 [drp]/min"), 20) == q("84 mL/h")
    assert infusion.as_flow(q("83 mL/h"), None) == q("83 mL/h")
    assert infusion.as_flow(q("5 mg/h"), 20) == q("5 mg/h")
    with pytest.raises(QuantityError):
        infusion.as_flow(q("28 [drp]/min"), 0)


@given(st.lists(st.sampled_from([FASTER, PAUSE, AGAIN, END]), max_size=4, unique=True))
def test_what_ended_never_runs_again(later: list[HistoryEntry]) -> None:
    (run,) = infusion.runs([START, *later])
    assert (run.status in OPEN) == (END not in later)
