"""The laws of the verdict: what must hold for every order kind, every order of the facts and every moment, whatever the rules say.

Each is one of the properties that the rule text asks for; further ones are in test_verdict_properties.py, those of amounts and
symbols in test_quantity.py and test_gs1_properties.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product as every_pair

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pointofcare.orders.order import OrderCategory
from pointofcare.people import Allergy, BandStatus, Observation
from pointofcare.products import Controlled, HighAlert, HoldRule, MaxDaily
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action, Cart, Facts, Lease, Scanned
from pointofcare.verdict.finding import Level, Verdict
from pointofcare.verdict.policy import Listed, ListedBy, ListedControlled, ListedHighAlert, ListedHold, LookAlike, Policy
from tests.support.builders import NOW, a_patient, a_witness, amount, an_entry, facts, local
from tests.support.moments import moments
from tests.support.right_moments import MOMENTS, swapped, tenfold

right = st.sampled_from(sorted(MOMENTS)).map(MOMENTS.__getitem__)
GIVING = (Action.GIVE, Action.START)


def _level(moment: Facts) -> Level:
    """Of all findings, answered or not: the laws are about what is found."""
    return max((finding.level for finding in evaluate(moment).findings), default=Level.PASS)


def _said(verdict: Verdict) -> tuple[object, ...]:
    """What a verdict says, without the words of lists whose order is that of the facts."""
    findings = sorted((each.rule, each.level, each.satisfied, each.unknown, each.remedy) for each in verdict.findings)
    return verdict.level, findings, verdict.order, verdict.due, verdict.patient, verdict.record


@pytest.mark.parametrize("name", sorted(MOMENTS))
def test_right_moment_of_every_kind_passes(name: str) -> None:
    verdict = evaluate(MOMENTS[name])
    assert (verdict.level, verdict.findings) == (Level.PASS, ())


# --- More knowledge of danger, or a stricter policy, never lowers -------------------------------------------------------------

_NAMES = ("amoxicillin", "paracetamol", "codeine", "penicillin", "opioid", "insulin")
_HOLD = HoldRule(code="heart-rate", below=amount("50 /min"), max_age=timedelta(hours=1), level="WITNESS")


def _products(**changes: object) -> Callable[[Facts], Facts]:
    return lambda moment: replace(moment, products=tuple(replace(each, **changes) for each in moment.products))


def _policy(change: Callable[[Policy], Policy]) -> Callable[[Facts], Facts]:
    return lambda moment: replace(moment, policy=change(moment.policy))


def _patients(change: Callable[[object], dict[str, object]]) -> Callable[[Facts], Facts]:
    return lambda moment: replace(moment, patients=tuple(replace(each, **change(each)) for each in moment.patients))


def _lists(name: str, by: ListedBy) -> dict[str, Callable[[Facts], Facts]]:
    return {
        "high-alert list": _policy(
            lambda one: replace(
                one, high_alert=(*one.high_alert, ListedHighAlert(name=name, by=by, level=HighAlert.WITNESS_REQUIRED)), version="x"
            )
        ),
        "controlled list": _policy(
            lambda one: replace(one, controlled=(*one.controlled, ListedControlled(name=name, by=by, schedule=Controlled.NARCOTIC)))
        ),
        "hold list": _policy(lambda one: replace(one, hold=(*one.hold, ListedHold(name=name, by=by, rule=_HOLD)))),
        "time-critical list": _policy(lambda one: replace(one, time_critical=(*one.time_critical, Listed(name=name, by=by)))),
        "look-alike list": _policy(lambda one: replace(one, look_alike=(*one.look_alike, LookAlike(one=name, other="another")))),
    }


STRICTER: dict[str, Callable[[Facts], Facts]] = {
    "a recall of the lot": _products(recalled_lots=("A1",)),
    "no longer divisible": _products(divisible=False),
    "a hard maximum of a day": lambda moment: replace(
        moment,
        products=tuple(
            replace(each, max_daily=(*each.max_daily, MaxDaily(ingredient="amoxicillin", hard=amount("1 mg")))) for each in moment.products
        ),
    ),
    "a hold parameter": lambda moment: replace(moment, products=tuple(replace(each, hold=(*each.hold, _HOLD)) for each in moment.products)),
    "an allergy": _patients(
        lambda patient: {} if patient.allergies is None else {"allergies": (*patient.allergies, Allergy(substance="amoxicillin"))}  # type: ignore[attr-defined]
    ),
    "a double check of the order": lambda moment: replace(
        moment, orders=tuple(replace(each, needs_double_check=True) for each in moment.orders)
    ),
    "unverified orders": lambda moment: replace(moment, orders=tuple(replace(each, verified=False) for each in moment.orders)),
    "every band revoked": _patients(
        lambda patient: {"bands": tuple(replace(each, status=BandStatus.REVOKED) for each in patient.bands)}  # type: ignore[attr-defined]
    ),
    "a shorter session": _policy(lambda one: replace(one, session_idle=min(one.session_idle, timedelta(seconds=1)))),
    "a shorter trust in weights": _policy(lambda one: replace(one, weight_max_age=timedelta(0))),
    "a shorter trust in charts": _policy(lambda one: replace(one, chart_age_reason=timedelta(0), chart_age_stop=timedelta(0))),
    "less patience with clocks": _policy(lambda one: replace(one, clock_note=timedelta(0), clock_stop=timedelta(0))),
    "a longer look back for repeats": _policy(lambda one: replace(one, repeat_warning=timedelta(hours=12))),
    "less time to chart": _policy(lambda one: replace(one, late_charting=timedelta(0))),
    "no band without its instance": _policy(lambda one: replace(one, band_without_instance=Level.STOP)),
    "unverified STAT orders stop": _policy(lambda one: replace(one, unverified_stat_order=Level.STOP)),
    "blind values asked for": _policy(lambda one: replace(one, blind_for_calculated=True)),
    "bags of any other rate stop": _policy(lambda one: replace(one, bag_stops=("volume", "additives", "rate"))),
}


@pytest.mark.parametrize("what", sorted(STRICTER))
@settings(max_examples=30)
@given(moments() | right)
def test_more_danger_known_or_a_stricter_policy_never_lowers_a_verdict(what: str, moment: Facts) -> None:
    assert _level(STRICTER[what](moment)) >= _level(moment)


@settings(max_examples=60)
@given(moments() | right, st.sampled_from(_NAMES), st.sampled_from(ListedBy))
def test_a_longer_list_never_lowers_a_verdict(moment: Facts, name: str, by: ListedBy) -> None:
    for what, change in _lists(name, by).items():
        assert _level(change(moment)) >= _level(moment), what


# --- The same facts, the same verdict -----------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(moments() | right, st.randoms(use_true_random=False))
def test_order_of_the_facts_has_no_meaning(moment: Facts, chance) -> None:  # type: ignore[no-untyped-def]
    def mixed(values: tuple[object, ...], key: Callable[[object], object] | None) -> tuple[object, ...]:
        unique = list(values) if key is None else list({key(each): each for each in values}.values())
        chance.shuffle(unique)
        return tuple(unique)

    def plain(values: tuple[object, ...], key: Callable[[object], object]) -> tuple[object, ...]:
        return tuple({key(each): each for each in values}.values())

    keys = {
        "patients": lambda each: each.id,
        "products": lambda each: each.id,
        "orders": lambda each: (each.id, each.version),
        "bags": lambda each: each.id,
        "containers": lambda each: (each.gtin, each.serial),
    }
    one = replace(moment, **{name: plain(getattr(moment, name), key) for name, key in keys.items()})
    # Of two entries at one instant nothing says which was later, so one of them is left out.
    one = replace(one, history=plain(one.history, lambda each: each.at))
    other = replace(one, **{name: mixed(getattr(one, name), key) for name, key in keys.items()}, history=mixed(one.history, None))
    assert _said(evaluate(one)) == _said(evaluate(other))
    assert evaluate(one) == evaluate(replace(one))


# --- Nothing unknown passes ---------------------------------------------------------------------------------------------------

FORGET: dict[str, Callable[[Facts], Facts]] = {
    "nurse": lambda moment: replace(moment, nurse=None),
    "licence": lambda moment: replace(moment, nurse=replace(moment.nurse, licensed=None)),  # type: ignore[type-var]
    "role": lambda moment: replace(moment, nurse=replace(moment.nurse, role=None)),  # type: ignore[type-var]
    "patients": lambda moment: replace(moment, patients=()),
    "stay": _patients(lambda _: {"status": None}),
    "allergies": _patients(lambda _: {"allergies": None}),
    "bands": _patients(lambda _: {"bands": ()}),
    "band status": _patients(lambda patient: {"bands": tuple(replace(each, status=None) for each in patient.bands)}),  # type: ignore[attr-defined]
    "orders": lambda moment: replace(moment, orders=()),
    "order status": lambda moment: replace(moment, orders=tuple(replace(each, status=None) for each in moment.orders)),
    "dose": lambda moment: replace(moment, orders=tuple(replace(each, dose=None, dose_range=None) for each in moment.orders)),
    "route": lambda moment: replace(moment, orders=tuple(replace(each, route="") for each in moment.orders)),
    "scans": lambda moment: replace(moment, scans=()),
    "band scan": lambda moment: replace(moment, scans=moment.scans[1:]),
    "drug scan": lambda moment: replace(moment, scans=moment.scans[:1]),
    "clock": lambda moment: replace(moment, cart=replace(moment.cart, clock_offset_s=None)),
    "connection": lambda moment: replace(moment, cart=Cart(id="C1", clock_offset_s=0.0)),
}


@pytest.mark.parametrize(("forgotten", "name"), list(every_pair(sorted(FORGET), sorted(MOMENTS))))
def test_no_pass_with_anything_unknown(forgotten: str, name: str) -> None:
    moment = FORGET[forgotten](MOMENTS[name])
    if forgotten == "dose" and moment.bags:
        return  # how much of a bag is due stands on its label; that it cannot be compared is rule I3's, for a changed order
    verdict = evaluate(moment)
    assert verdict.level >= Level.REASON, (forgotten, name)
    assert verdict.record is None


@settings(max_examples=150)
@given(moments() | right)
def test_an_unanswered_unknown_never_leaves_a_record(moment: Facts) -> None:
    verdict = evaluate(moment)
    if any(finding.unknown and not finding.satisfied for finding in verdict.findings):
        assert verdict.level >= Level.REASON
        assert verdict.record is None


# --- The wrong patient, ten times the dose ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(MOMENTS))
@pytest.mark.parametrize("lease", list(Lease))
@pytest.mark.parametrize("online", [True, False, None])
def test_patient_swap_always_stops(name: str, lease: Lease, online: bool | None) -> None:
    wrong = swapped(MOMENTS[name])
    intent = replace(wrong.intent, witness=a_witness(), reason="emergency", satisfies=None)
    for asked in (wrong.intent, intent, replace(intent, satisfies=("P4", "P1", "D1", "D2")), replace(intent, order="O1")):
        moment = replace(wrong, intent=asked, cart=replace(wrong.cart, online=online, lease=lease))
        assert evaluate(moment).level is Level.STOP
        assert evaluate(moment).record is None


@pytest.mark.parametrize("factor", [10, -10])
@pytest.mark.parametrize("name", sorted(MOMENTS))
def test_tenfold_amount_never_passes(name: str, factor: int) -> None:
    wrong = tenfold(MOMENTS[name], factor)
    assert wrong or MOMENTS[name].bags == ()
    for what, moment in wrong.items():
        assert evaluate(moment).level >= Level.REASON, (what, factor)


# --- Time ---------------------------------------------------------------------------------------------------------------------


def _at(moment: Facts, by: timedelta) -> Facts:
    """The same bedside later or earlier: the clock and the scans move, the orders stay."""
    return replace(moment, at=moment.at + by, scans=tuple(Scanned(scan=each.scan, at=each.at + by) for each in moment.scans))


_DUE = local("08:00:00")
# Of the dose at eight, twice a day: half the interval early, window open, window closed, half the interval left to the next dose.
_EDGES = [timedelta(hours=-6), timedelta(hours=-1), timedelta(hours=1), timedelta(hours=6)]


@settings(max_examples=200)
@given(st.integers(-8 * 3600, 12 * 3600), st.integers(-8 * 3600, 12 * 3600))
def test_time_moves_the_result_at_the_edge_of_a_window_only(one_s: int, other_s: int) -> None:
    first, second = sorted((timedelta(seconds=one_s), timedelta(seconds=other_s)))
    assume(not any(first <= edge <= second for edge in _EDGES))
    named = replace(facts(), intent=replace(facts().intent, due=_DUE, order="O1"))
    said = [[(each.rule, each.level) for each in evaluate(_at(named, _DUE + shift - NOW)).findings] for shift in (first, second)]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("edge", "before", "after"),
    [
        (timedelta(hours=-6), Level.REASON, Level.WARN),
        (timedelta(hours=-1), Level.WARN, Level.PASS),
        (timedelta(hours=1), Level.PASS, Level.WARN),
    ],
)
def test_the_edge_itself_belongs_to_what_follows(edge: timedelta, before: Level, after: Level) -> None:
    named = replace(facts(), intent=replace(facts().intent, due=_DUE, order="O1"))
    tick = timedelta(microseconds=1)
    assert evaluate(_at(named, _DUE + edge - tick - NOW)).level is before
    assert evaluate(_at(named, _DUE + edge - NOW)).level is after


@settings(max_examples=60)
@given(right, st.integers(1, 200))
def test_another_day_with_everything_moved_is_the_same_verdict(moment: Facts, days: int) -> None:
    by = timedelta(days=days)
    orders = tuple(replace(each, start=each.start + by if each.start is not None else None) for each in moment.orders)
    patients = tuple(
        replace(each, weight=replace(each.weight, at=each.weight.at + by) if each.weight is not None else None) for each in moment.patients
    )
    later = replace(_at(moment, by), orders=orders, patients=patients)
    assert [(each.rule, each.level) for each in evaluate(later).findings] == [(each.rule, each.level) for each in evaluate(moment).findings]


# --- Offline, and what others have done ---------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(right, st.sampled_from([Lease.HELD, Lease.NONE]), st.integers(0, 200_000), st.integers(-1000, 1000))
def test_offline_is_never_more_permissive(moment: Facts, lease: Lease, age_s: int, offset_s: int) -> None:
    cart = replace(moment.cart, lease=lease, chart_age_s=float(age_s), clock_offset_s=float(offset_s))
    online, offline, unknown = (evaluate(replace(moment, cart=replace(cart, online=each))).level for each in (True, False, None))
    assert offline >= online
    assert unknown == offline


@settings(max_examples=80)
@given(right, st.integers(0, 200), st.sampled_from(["completed", "not-done", "stopped"]))
def test_a_dose_with_a_final_state_is_never_given_again(moment: Facts, minutes: int, status: str) -> None:
    due = evaluate(moment).due
    assume(due is not None)
    entry = an_entry(status, at=moment.at - timedelta(minutes=minutes), due=due, dose=None, record_id="r1")
    again = replace(moment, history=(entry,), intent=replace(moment.intent, order="O1", due=due))
    assert evaluate(again).level is Level.STOP
    # Nor when the nurse names no dose: the scan is then of the next one, and far too early.
    assert evaluate(replace(moment, history=(entry,))).level >= Level.WARN


@settings(max_examples=60)
@given(right, st.integers(0, 500))
def test_other_patients_never_matter(moment: Facts, number: int) -> None:
    other = a_patient(id=f"Q{number}", mrn=f"99-{number}", name="X", bed="Z9", bands=(), allergies=None, status=None)
    theirs = replace(moment.orders[0], id="O77", patient=other.id)
    entry = an_entry(order="O77", patient=other.id, at=moment.at)
    crowded = replace(moment, patients=(other, *moment.patients), orders=(theirs, *moment.orders), history=(entry, *moment.history))
    assert evaluate(crowded) == evaluate(moment)


@settings(max_examples=40)
@given(right, st.integers(2, 400))
def test_history_older_than_the_rules_need_never_matters(moment: Facts, days: int) -> None:
    assume(moment.orders[0].category not in (OrderCategory.ONCE, OrderCategory.STAT, OrderCategory.PATCH, OrderCategory.ON_CALL))
    old = an_entry(at=moment.at - timedelta(days=days), due=_DUE - timedelta(days=days), dose=amount("1 mg"))
    if moment.orders[0].category in (OrderCategory.PRN, OrderCategory.INFUSION):
        old = replace(old, due=None, effect="relieved", effect_at=old.at)
    seen = Observation(code="heart-rate", value=amount("10 /min"), at=old.at)
    patients = tuple(replace(each, observations=(seen,)) for each in moment.patients)
    began = moment.at - timedelta(days=500)
    running = replace(moment, orders=tuple(replace(each, start=began) for each in moment.orders))
    if moment.orders[0].every is not None:
        running = replace(running, orders=tuple(replace(each, start=_DUE - timedelta(days=500)) for each in moment.orders))
    assert evaluate(replace(running, history=(old,), patients=patients)).findings == evaluate(running).findings == ()
