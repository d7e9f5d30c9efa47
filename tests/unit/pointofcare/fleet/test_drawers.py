"""Which openings nobody asked for, and which doses nobody saw a drawer open for."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.fleet import drawers
from pointofcare.fleet.drawers import Code, Dose, Evidence, Finding, Happening, Known

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def s(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def it(seq: int, kind: str, seconds: float, drawer: int | None = None, command: str = "", outcome: str = "") -> Happening:
    return Happening(epoch="e1", seq=seq, kind=kind, at=s(seconds), drawer=drawer, command=command, outcome=outcome)


def judged(
    *story: Happening, doses: tuple[Dose, ...] = (), now: float = 7200, heard: float | None = 7200, has_gap: bool = False
) -> list[Code]:
    return [finding.code for finding in look(*story, doses=doses, now=now, heard=heard, has_gap=has_gap)]


def look(
    *story: Happening, doses: tuple[Dose, ...] = (), now: float = 7200, heard: float | None = 7200, has_gap: bool = False
) -> tuple[Finding, ...]:
    heard_until = s(heard) if heard is not None else None
    return drawers.judge(story, doses, Known(now=s(now), heard_until=heard_until, open_for=timedelta(minutes=5), has_gap=has_gap))


def unlocked(drawer: int = 3, command: str = "rec-1", at: float = 0, seq: int = 1, outcome: str = "unlocked") -> tuple[Happening, ...]:
    return it(seq, drawers.ASKED, at, drawer, command), it(seq + 1, drawers.ANSWERED, at + 0.02, drawer, command, outcome)


GIVEN = Dose(record_id="rec-1", at=s(60), drawer=3, evidence=Evidence.UNLOCKED)
WHOLE = (*unlocked(), it(3, drawers.UNLOCKED, 0.01, 3), it(4, drawers.OPENED, 2, 3), it(5, drawers.CLOSED, 9, 3))


def test_the_drawer_of_the_scanned_patient_that_opens_is_no_finding():
    assert judged(*WHOLE, doses=(GIVEN,)) == []


def test_a_drawer_that_opens_without_any_unlock_was_opened_without_a_scan():
    assert judged(it(1, drawers.OPENED, 2, 4), it(2, drawers.CLOSED, 9, 4)) == [Code.WITHOUT_SCAN]


def test_another_drawer_than_the_unlocked_one_names_both():
    (found,) = look(*unlocked(drawer=3), it(3, drawers.OPENED, 2, 5), it(4, drawers.CLOSED, 9, 5))
    assert (found.code, found.drawer, found.wanted, found.record_id) == (Code.ANOTHER, 5, 3, "rec-1")


def test_an_event_that_comes_before_the_answer_to_its_unlock_is_no_finding():
    early = (it(1, drawers.OPENED, 1, 3), it(2, drawers.CLOSED, 4, 3), it(3, drawers.ASKED, 0, 3, "rec-1"))
    assert judged(*early) == []
    assert judged(it(1, drawers.OPENED, 1, 3), it(2, drawers.CLOSED, 4, 3), it(4, drawers.ANSWERED, 1.5, 3, "rec-1", "unlocked")) == []


def test_an_unlock_whose_outcome_is_unknown_may_have_opened_the_drawer():
    assert judged(*unlocked(outcome="outcome-unknown"), it(3, drawers.OPENED, 2, 3), it(4, drawers.CLOSED, 9, 3)) == []


def test_an_opening_long_after_the_unlock_ran_out_is_not_of_that_scan():
    assert judged(*unlocked(), it(3, drawers.OPENED, 200, 3), it(4, drawers.CLOSED, 210, 3)) == [Code.WITHOUT_SCAN]


@pytest.mark.parametrize("outcome", ["refused", "unavailable"])
def test_the_key_after_a_lock_that_did_not_open_is_a_note(outcome: str):
    story = (*unlocked(outcome=outcome), it(3, drawers.OPENED, 90, 3), it(4, drawers.CLOSED, 100, 3))
    found = look(*story)
    assert [one.code for one in found] == [Code.BY_KEY]
    assert found[0].is_note


def test_the_key_while_the_microcontroller_was_away_is_a_note():
    story = (it(1, drawers.LOST, 0), it(2, drawers.OPENED, 50, 3), it(3, drawers.CLOSED, 55, 3), it(4, drawers.BACK, 60))
    assert judged(*story) == [Code.BY_KEY]


def test_a_drawer_that_opens_while_the_firmware_is_renewed_is_a_finding_of_its_own():
    story = (it(1, drawers.UPDATING, 0), *unlocked(at=5, seq=2), it(4, drawers.OPENED, 6, 3), it(5, drawers.CLOSED, 7, 3))
    assert judged(*story) == [Code.WHILE_UPDATING]
    assert judged(it(1, drawers.UPDATING, 0), it(2, drawers.UPDATED, 90), *unlocked(at=200, seq=3), it(5, drawers.OPENED, 201, 3),
                  it(6, drawers.CLOSED, 205, 3)) == []  # fmt: skip


def test_a_bolt_that_moved_for_nobody_who_is_known_is_a_note_and_no_accusation():
    assert judged(it(1, drawers.UNLOCKED, 0, 3), it(2, drawers.OPENED, 2, 3), it(3, drawers.CLOSED, 9, 3)) == [Code.UNEXPLAINED]


def test_a_drawer_left_open_counts_from_the_end_of_its_dose():
    story = (*unlocked(), it(3, drawers.OPENED, 2, 3))
    dose = Dose(record_id="rec-1", at=s(400), drawer=3, evidence=Evidence.OPENED)
    assert judged(*story, doses=(dose,), now=690) == []
    assert judged(*story, doses=(dose,), now=710) == [Code.LEFT_OPEN]


def test_a_drawer_is_not_called_left_open_while_its_dose_goes_on_but_no_dose_goes_on_for_ever():
    story = (*unlocked(), it(3, drawers.OPENED, 2, 3))
    assert judged(*story, now=1500) == []
    assert judged(*story, now=2200) == [Code.LEFT_OPEN]


def test_a_drawer_that_was_closed_late_stays_a_finding_and_one_that_was_closed_in_time_is_none():
    assert judged(*unlocked(command="access-1"), it(3, drawers.OPENED, 2, 3), it(4, drawers.CLOSED, 400, 3)) == [Code.LEFT_OPEN]
    assert judged(*unlocked(command="access-1"), it(3, drawers.OPENED, 2, 3), it(4, drawers.CLOSED, 200, 3)) == []


def test_after_a_restart_of_the_microcontroller_nobody_says_that_a_drawer_stands_open():
    story = (*unlocked(command="access-1"), it(3, drawers.OPENED, 2, 3), it(4, drawers.BOOT, 30))
    assert judged(*story) == []
    assert drawers.open_now(story) == {}


def test_a_dose_without_any_opening_is_found_when_the_bridge_has_told_everything():
    assert judged(*unlocked(), doses=(GIVEN,)) == [Code.DOSE_WITHOUT]
    assert judged(*unlocked(), doses=(GIVEN,), heard=100) == [], "its events may still be on their way"
    assert judged(*unlocked(), doses=(GIVEN,), heard=None) == []


def test_a_dose_whose_evidence_was_lost_is_unknown_and_not_suspect():
    lost = Happening(epoch="e1", seq=9, kind=drawers.EVENTS_LOST, at=s(30), count=7)
    assert judged(*unlocked(), lost, doses=(GIVEN,)) == [Code.EVENTS_LOST, Code.NO_EVIDENCE]
    assert judged(*unlocked(), doses=(GIVEN,), has_gap=True) == [Code.NO_EVIDENCE]
    assert judged(it(1, drawers.LOST, -10), doses=(GIVEN,)) == [Code.NO_EVIDENCE]


@pytest.mark.parametrize("evidence", sorted(drawers.WITHOUT_LOCK))
def test_a_dose_that_was_charted_without_the_lock_says_that_no_evidence_was_to_be_had(evidence: Evidence):
    dose = Dose(record_id="rec-1", at=s(60), drawer=3, evidence=evidence)
    assert judged(doses=(dose,)) == [Code.NO_EVIDENCE]


def test_a_dose_that_comes_from_no_drawer_is_nobody_s_finding():
    assert judged(doses=(Dose(record_id="r", at=s(5), drawer=None),)) == []


def test_a_mailbox_that_ran_over_is_told_with_how_many():
    (found,) = look(Happening(epoch="e1", seq=1, kind=drawers.EVENTS_LOST, at=s(1), count=12))
    assert (found.code, found.count, found.is_note) == (Code.EVENTS_LOST, 12, True)


_times = st.integers(min_value=-600, max_value=4000)
_outcomes = st.sampled_from(["", "unlocked", "refused", "unavailable", "outcome-unknown"])
_happenings = st.lists(
    st.tuples(
        st.sampled_from(sorted(drawers.KINDS)),
        _times,
        st.one_of(st.none(), st.integers(1, 4)),
        st.sampled_from(["", "r1", "r2"]),
        _outcomes,
    ),
    max_size=25,
).map(lambda rows: [it(n, kind, at, drawer, command, outcome) for n, (kind, at, drawer, command, outcome) in enumerate(rows, 1)])
_doses = st.lists(
    st.builds(
        lambda name, at, drawer, evidence: Dose(record_id=name, at=s(at), drawer=drawer, evidence=evidence),
        st.sampled_from(["r1", "r2", "r3"]), _times, st.one_of(st.none(), st.integers(1, 4)), st.sampled_from(list(Evidence)),
    ),
    max_size=4,
    unique_by=lambda dose: dose.record_id,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(story=_happenings, doses=_doses, seed=st.integers(0, 99))
def test_neither_the_order_nor_a_repeat_of_what_came_changes_what_is_found(story: list[Happening], doses: list[Dose], seed: int):
    known = Known(now=s(5000), heard_until=s(5000), open_for=timedelta(minutes=5))
    shuffled = [*story, *story[:5]]
    random.Random(seed).shuffle(shuffled)
    found = drawers.judge(story, doses, known)
    assert drawers.judge(shuffled, list(reversed(doses)), known) == found
    assert len({one.key for one in found}) == len(found)


@settings(max_examples=150, deadline=None)
@given(story=_happenings, doses=_doses)
def test_every_opening_is_asked_for_or_found_exactly_once(story: list[Happening], doses: list[Dose]):
    found = drawers.judge(story, doses, Known(now=s(5000), heard_until=s(5000), open_for=timedelta(hours=9)))
    openings = {f"e1:{one.seq}" for one in story if one.kind == drawers.OPENED}
    told = [
        one.key.split(":", 1)[1] for one in found if one.code not in (Code.DOSE_WITHOUT, Code.NO_EVIDENCE, Code.EVENTS_LOST, Code.LEFT_OPEN)
    ]
    assert len(told) == len(set(told))
    assert set(told) <= openings
    asked = {(one.drawer) for one in story if one.kind in (drawers.ASKED, drawers.ANSWERED) and one.command}
    silent = {f"e1:{one.seq}" for one in story if one.kind == drawers.OPENED and one.drawer not in asked}
    assert silent <= set(told), "an opening of a drawer that nobody ever asked for is never passed over"


@settings(max_examples=100, deadline=None)
@given(story=_happenings, doses=_doses, heard=st.one_of(st.none(), _times))
def test_less_knowledge_never_accuses_more_doses(story: list[Happening], doses: list[Dose], heard: int | None):
    def suspect(known: Known) -> set[str]:
        return {one.key for one in drawers.judge(story, doses, known) if one.code is Code.DOSE_WITHOUT}

    everything = suspect(Known(now=s(5000), heard_until=s(5000), open_for=timedelta(minutes=5)))
    little = suspect(Known(now=s(5000), heard_until=s(heard) if heard is not None else None, open_for=timedelta(minutes=5)))
    gap = suspect(Known(now=s(5000), heard_until=s(5000), open_for=timedelta(minutes=5), has_gap=True))
    assert little <= everything
    assert not gap
