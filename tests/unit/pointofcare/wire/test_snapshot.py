"""The kept facts of a verdict: they give the same verdict for ever, name nobody needlessly, and stay small."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointofcare.errors import MessageError
from pointofcare.labels.scan import Keyed
from pointofcare.people import Observation
from pointofcare.scenario.file import Scenario
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action, Facts
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy
from pointofcare.wire import snapshot, values
from tests.support.builders import (
    NOW,
    a_neighbour,
    a_nurse,
    a_patient,
    a_product,
    amount,
    an_entry,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    scanned,
)
from tests.support.moments import moments
from tests.support.suite import every_scenario

ALL = every_scenario()
STRICT = Policy(
    version="strict",
    window_time_critical=timedelta(minutes=5),
    window_frequent=timedelta(minutes=5),
    window_daily_or_less=timedelta(minutes=10),
    repeat_warning=timedelta(hours=72),
    session_idle=timedelta(minutes=1),
    observation_max_age=timedelta(minutes=5),
    weight_max_age=timedelta(days=1),
    unverified_stat_order=Level.STOP,
)
LAX = Policy(
    version="lax",
    window_time_critical=timedelta(hours=3),
    window_frequent=timedelta(hours=3),
    window_daily_or_less=timedelta(hours=12),
    repeat_warning=timedelta(0),
    session_idle=timedelta(hours=24),
    unverified_order=Level.NOTE,
    observation_max_age=timedelta(days=2),
    on_call_repeats=True,
)


def ward(scale: int = 1) -> Facts:
    """The scanned patient has 40 orders and 30 days of record; around are `scale` times 23 other patients, 400 products."""
    products = tuple(
        a_product(
            id=f"X{number}",
            gtin=f"{number:014}",
            name=f"Drug {number} 5 mg",
            form="tablet",
            ingredients=(an_ingredient(f"drug {number}", "5 mg", f"class {number % 7}"),),
        )
        for number in range(400)
    )
    orders = tuple(an_order("5 mg", id=f"o-{number:012}", ingredient=f"drug {number}", form="tablet") for number in range(39))
    history = tuple(
        an_entry(
            order=order.id,
            product=order.ingredient.replace("drug ", "X") if order.id != "O1" else "AMOX500",
            at=NOW - timedelta(days=day + 1, minutes=(day * 7 + hours) % 13),
            due=NOW - timedelta(days=day + 1, minutes=5),
            dose=order.dose,
            lot=f"L{day}",
            record_id=f"{day:08x}-0000-4000-8000-{place:06x}{hours:06x}",
            nurse="N1",
            action="give",
        )
        for day in range(30)
        for hours in (0, 12)
        for place, order in enumerate((an_order(), *orders))
    )
    seen = tuple(
        Observation(code=code, value=amount("70 /min"), at=NOW - timedelta(hours=4 * turn))
        for turn in range(180)
        for code in ("heart-rate", "systolic")
    )
    others = tuple(a_neighbour(id=f"Q{number}", mrn=f"25-{number:06}", bands=()) for number in range(23 * scale))
    foreign = tuple(an_order("5 mg", id=f"y-{number}", patient=f"Q{number}", ingredient="amoxicillin") for number in range(23 * scale))
    return facts(
        patients=(a_patient(observations=seen), *others),
        products=(a_product(), *products),
        orders=(an_order(), *orders, *foreign),
        history=history,
        nurse=a_nurse(name="Lê Thị Hoa"),
    )


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.id)
def test_narrow_facts_of_a_scenario_give_the_same_verdict(scenario: Scenario) -> None:
    kept = snapshot.unpack(snapshot.pack(scenario.facts))
    assert evaluate(kept) == evaluate(scenario.facts)
    assert kept == snapshot.narrowed(scenario.facts)


@pytest.mark.parametrize("policy", [STRICT, LAX], ids=lambda policy: policy.version)
def test_narrow_facts_answer_for_another_policy_too(policy: Policy) -> None:
    """What a change of policy would have done is asked of kept facts."""
    differing = [
        scenario.id
        for scenario in ALL
        if evaluate(replace(snapshot.narrowed(scenario.facts), policy=policy)) != evaluate(replace(scenario.facts, policy=policy))
    ]
    assert differing == []


@settings(max_examples=300, deadline=None)
@given(moments(), st.sampled_from([None, STRICT, LAX]))
def test_narrow_facts_of_any_moment_give_the_same_verdict(moment: Facts, policy: Policy | None) -> None:
    wanted, narrow = evaluate(moment), snapshot.narrowed(moment)
    assert _told(narrow) == _told(moment)
    if policy is not None and wanted.findings and wanted.findings[0].rule != "E1":
        again = snapshot.narrowed(narrow)
        assert _told(again) == _told(moment)


def _told(facts: Facts) -> str:
    """As text, for a number that is none equals nothing; without where each fact came from, which is not stored."""
    return repr(snapshot.said(evaluate(facts)))


@settings(max_examples=200, deadline=None)
@given(moments())
def test_any_moment_is_packed_and_comes_back_or_is_refused(moment: Facts) -> None:
    try:
        text = snapshot.pack(moment)
    except MessageError:
        return  # such as a clock offset that is no number
    assert snapshot.unpack(text) == snapshot.narrowed(moment)


def test_forty_orders_and_a_month_fit_into_six_kilobytes() -> None:
    moment = ward()
    text = snapshot.pack(moment)
    assert len(text) < 6000
    assert len(values.dump(moment)) > 100 * len(text)


def test_size_does_not_grow_with_the_ward() -> None:
    assert len(snapshot.pack(ward(scale=8))) == len(snapshot.pack(ward()))


@pytest.mark.parametrize("action", [Action.GIVE, Action.HOLD])
def test_a_band_without_a_drug_stays_small_too(action: Action) -> None:
    moment = ward()
    named = an_intent(action, reason="npo", order="O1") if action is Action.HOLD else an_intent()
    assert len(snapshot.pack(replace(moment, scans=moment.scans[:1], intent=named))) < 6000


def test_nobody_is_named() -> None:
    written = values.dump(snapshot.narrowed(ward())).decode()
    for word in ("NGUYỄN", "TRẦN", "1958-04-11", "1990-12-30", "24-000123", "25-0000", "Lê Thị Hoa", "H012", "H013"):
        assert word not in written


def test_the_typed_birth_date_is_kept_for_it_was_compared() -> None:
    right = facts(scans=scanned(Keyed(value="24-000123", second_identifier="1958-04-11", reason="band-unreadable"), facts().scans[1].scan))
    kept = snapshot.narrowed(right)
    assert [(each.birth_date, each.name, each.mrn) for each in kept.patients] == [(date(1958, 4, 11), "", "24-000123")]
    wrong = facts(scans=scanned(Keyed(value="24-000123", second_identifier="1958-04-12", reason="band-unreadable"), facts().scans[1].scan))
    assert [each.birth_date for each in snapshot.narrowed(wrong).patients] == [None]
    assert evaluate(snapshot.narrowed(wrong)) == evaluate(wrong)


def test_a_bed_typed_for_a_patient_keeps_the_bed_and_nothing_else_of_its_owner() -> None:
    moment = facts(scans=scanned(Keyed(value="H013", second_identifier="x", reason="band-missing"), facts().scans[1].scan))
    kept = snapshot.narrowed(moment)
    assert [(each.id, each.bed, each.name, each.bands, each.allergies) for each in kept.patients] == [("P2", "H013", "", (), None)]
    assert evaluate(kept) == evaluate(moment)


def test_two_copies_of_a_patient_that_differ_by_name_alone_still_contradict_each_other() -> None:
    moment = facts(patients=(a_patient(), a_patient(name="NGUYỄN VĂN BA"), a_neighbour()))
    kept = snapshot.narrowed(moment)
    assert evaluate(kept).findings == evaluate(moment).findings
    assert [each.id for each in kept.patients] == ["P1", "P1"]


def test_every_version_of_an_order_is_kept() -> None:
    moment = facts(orders=(an_order(version=2), an_order(version=1, ingredient="paracetamol"), an_order(version=2, dose=None)))
    kept = snapshot.narrowed(moment)
    assert kept.orders == moment.orders
    assert evaluate(kept).findings == evaluate(moment).findings


def test_a_record_that_contradicts_its_order_stays_small() -> None:
    moment = ward()
    order = an_order(start=NOW - timedelta(hours=1))
    early = replace(moment, orders=(order, *moment.orders[1:]))
    assert len(snapshot.pack(early)) < 6000
    assert {each.rule for each in evaluate(snapshot.narrowed(early)).findings} == {each.rule for each in evaluate(early).findings}


def test_equal_facts_have_equal_text() -> None:
    assert snapshot.pack(facts()) == snapshot.pack(facts())


@settings(max_examples=200)
@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda data: base64.b64encode(data).decode()))
def test_any_text_is_facts_or_a_message_error(text: str) -> None:
    with pytest.raises(MessageError) as caught:
        snapshot.unpack(text)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "plain",
    [[], {}, {"format": 2, "facts": {}}, {"format": 1}, {"format": 1, "facts": {"at": "x"}}, {"format": True, "facts": None}],
)
def test_other_json_is_refused(plain: object) -> None:
    with pytest.raises(MessageError):
        snapshot.unpack(base64.b64encode(zlib.compress(json.dumps(plain).encode())).decode())


def test_text_cut_anywhere_or_blown_up_is_refused() -> None:
    text = snapshot.pack(facts())
    for end in range(0, len(text) - 1, 37):
        with pytest.raises(MessageError):
            snapshot.unpack(text[:end])
    bomb = base64.b64encode(zlib.compress(b" " * 60_000_000)).decode()
    with pytest.raises(MessageError):
        snapshot.unpack(bomb)
