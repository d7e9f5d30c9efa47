"""Rules S2, S4, N4, N5, Q5: what is said of a record that exists, and what a confirmed act writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.people import StaffRole
from pointofcare.quantity import Quantity
from pointofcare.verdict import matching
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action, Facts, HistoryEntry
from pointofcare.verdict.finding import Level, Verdict
from pointofcare.verdict.policy import EffectWindow, Policy
from pointofcare.verdict.support import as_needed, effect
from tests.support.builders import (
    NOW,
    OTHER_GSRN,
    a_band_scan,
    a_drug_scan,
    a_nurse,
    a_product,
    amount,
    an_entry,
    an_intent,
    an_order,
    facts,
    finding_of,
    level_of,
    local,
    scanned,
)

WHY = "clinical-judgement: wrong line"


def _cause(verdict: Verdict, rule: str) -> str:
    finding = finding_of(verdict, rule)
    return str(finding.facts["cause"]) if finding is not None else ""


def a_record(**changes: object) -> HistoryEntry:
    return replace(an_entry(at=local("07:40:00"), record_id="R1", nurse="N1", action="give"), **changes)  # type: ignore[arg-type]


def undo(
    *history: HistoryEntry, of_record: str | None = "R1", reason: str | None = WHY, order: str | None = None, **changes: object
) -> Facts:
    intent = an_intent(Action.UNDO, of_record=of_record, reason=reason, order=order)
    return facts(scans=(), history=history or (a_record(),), intent=intent, **changes)


def test_giver_withdraws_a_record_with_a_reason() -> None:
    verdict = evaluate(undo())
    assert verdict.level is Level.PASS
    assert verdict.record is not None
    assert (verdict.record.status, verdict.record.reason, verdict.record.dose, verdict.record.lot) == ("entered-in-error", WHY, None, None)
    assert (verdict.order, verdict.patient) == ("O1", "P1")


@pytest.mark.parametrize(
    ("giver", "asks", "role", "level"),
    [
        ("N1", "N1", StaffRole.NURSE, Level.PASS),
        ("n1 ", "N1", StaffRole.NURSE, Level.PASS),
        ("N1", "N2", StaffRole.NURSE, Level.STOP),
        ("N1", "N2", StaffRole.CHARGE_NURSE, Level.PASS),
        ("N1", "N2", StaffRole.PRESCRIBER, Level.STOP),
        (None, "N1", StaffRole.NURSE, Level.STOP),
        (None, "N1", StaffRole.CHARGE_NURSE, Level.PASS),
        ("", "N1", StaffRole.NURSE, Level.STOP),
    ],
)
def test_only_the_giver_or_a_charge_nurse_withdraws(giver: str | None, asks: str, role: StaffRole, level: Level) -> None:
    verdict = evaluate(undo(a_record(nurse=giver), nurse=a_nurse(id=asks, role=role)))
    assert level_of(verdict, "S2") is level
    if level is Level.STOP:
        finding = finding_of(verdict, "S2")
        assert finding is not None
        assert (finding.facts["cause"], finding.remedy, finding.unknown) == ("giver", "ask-charge-nurse", giver is None)


def test_nobody_withdraws_nothing() -> None:
    assert _cause(evaluate(undo(nurse=None)), "S2") == "giver"


@pytest.mark.parametrize("reason", [None, "other", "clinical-judgement"])
def test_withdrawing_needs_a_coded_reason(reason: str | None) -> None:
    verdict = evaluate(undo(reason=reason))
    assert (level_of(verdict, "S2"), _cause(verdict, "S2"), verdict.record) == (Level.REASON, "reason", None)


@pytest.mark.parametrize(
    ("history", "of_record", "cause"),
    [
        ((), "R9", "unknown"),
        ((), None, "unknown"),
        ((a_record(), a_record(dose=amount("1 mg"))), "R1", "unknown"),
        ((a_record(status="entered-in-error"),), "R1", "already"),
        ((a_record(), a_record(record_id="R2", continues="R1", action="undo")), "R1", "already"),
        ((a_record(), a_record(record_id="R2", continues="R1", status="entered-in-error")), "R1", "already"),
        ((a_record(), a_record(record_id="R2", continues="R1", action="assess")), "R1", ""),
    ],
)
def test_record_must_be_there_and_stand(history: tuple[HistoryEntry, ...], of_record: str | None, cause: str) -> None:
    verdict = evaluate(undo(*history, of_record=of_record, order="O1"))
    assert _cause(verdict, "S2") == cause
    assert level_of(verdict, "S2") is (Level.STOP if cause else Level.PASS)


def test_record_is_this_patients_and_of_the_named_order() -> None:
    assert _cause(evaluate(replace(undo(), scans=scanned(a_band_scan(gsrn=OTHER_GSRN)))), "S2") == "unknown"
    assert level_of(evaluate(undo(order="O1")), "S2") is Level.PASS
    other = replace(undo(order="O2"), orders=(an_order(), an_order(id="O2")))
    assert _cause(evaluate(other), "S2") == "unknown"


PATCH = a_product(form="patch", routes=("TD",))
PATCH_ORDER = an_order(form="patch", route="TD", category=OrderCategory.PATCH, times=(time(8),))


def on(at: datetime, **changes: object) -> HistoryEntry:
    return a_record(at=at, due=at, **changes)


def patches(action: Action, *history: HistoryEntry, of_record: str | None = None, **changes: object) -> Facts:
    intent = an_intent(action, of_record=of_record, reason=WHY if action is Action.UNDO else None, order=None if of_record else "O1")
    return replace(
        facts(products=(PATCH,), orders=(PATCH_ORDER,), history=history, intent=intent, scans=scanned(a_band_scan())),
        **changes,  # type: ignore[arg-type]
    )


def test_removal_is_withdrawn_unless_another_patch_is_on() -> None:
    first = on(local("08:00:00", "2026-03-01"), removed_at=local("07:50:00"))
    removal = a_record(record_id="R2", action="remove", continues="R1", dose=None, at=local("07:50:00"))
    assert level_of(evaluate(patches(Action.UNDO, first, removal, of_record="R2")), "S2") is Level.PASS
    second = on(local("08:00:00"), record_id="R3")
    verdict = evaluate(patches(Action.UNDO, first, removal, second, of_record="R2"))
    assert (level_of(verdict, "S2"), _cause(verdict, "S2")) == (Level.STOP, "patch")
    gone = replace(second, removed_at=local("08:01:00"))
    assert level_of(evaluate(patches(Action.UNDO, first, removal, gone, of_record="R2")), "S2") is Level.PASS
    nameless = replace(second, record_id=None)
    assert level_of(evaluate(patches(Action.UNDO, first, removal, nameless, of_record="R2")), "S2") is Level.STOP
    unordered = replace(patches(Action.UNDO, first, removal, of_record="R2"), orders=())
    assert _cause(evaluate(unordered), "S2") == "unknown"


@pytest.mark.parametrize(
    ("put_on", "level", "cause"),
    [
        (local("08:00:00", "2026-03-01"), Level.PASS, ""),
        (local("10:05:00", "2026-03-01"), Level.PASS, ""),
        (local("10:06:00", "2026-03-01"), Level.WARN, "early"),
        (local("06:06:00", "2026-03-01"), Level.PASS, ""),
        (local("06:05:00", "2026-03-01"), Level.WARN, "late"),
    ],
)
def test_patch_comes_off_in_its_own_window(put_on: datetime, level: Level, cause: str) -> None:
    verdict = evaluate(patches(Action.REMOVE, on(put_on)))
    assert (level_of(verdict, "S4"), _cause(verdict, "S4")) == (level, cause)
    assert verdict.record is not None
    assert (verdict.record.status, verdict.record.continues, verdict.record.bag) == ("completed", "R1", None)
    if cause == "early":
        finding = finding_of(verdict, "S4")
        assert finding is not None
        assert finding.params == {"at": "2026-03-02T08:06:00+07:00"}


def test_removal_names_its_patch_or_takes_the_last() -> None:
    older, newer = on(local("20:00:00", "2026-02-28")), on(local("08:00:00", "2026-03-01"), record_id="R2")
    last = evaluate(patches(Action.REMOVE, older, newer)).record
    named = evaluate(patches(Action.REMOVE, older, newer, of_record="R1")).record
    assert last is not None
    assert named is not None
    assert (last.continues, named.continues) == ("R2", "R1")
    off = replace(older, removed_at=local("07:00:00"))
    assert _cause(evaluate(patches(Action.REMOVE, off, newer, of_record="R1")), "S4") == "none-on"
    assert _cause(evaluate(patches(Action.REMOVE, off)), "S4") == "none-on"


def test_act_on_a_patch_is_no_second_patch() -> None:
    removal = a_record(record_id="R2", action="remove", continues="R1", dose=None, at=local("07:50:00"))
    first = on(local("08:00:00", "2026-03-01"), removed_at=local("07:50:00"))
    given = replace(patches(Action.GIVE, first, removal), scans=scanned(a_band_scan(), a_drug_scan()))
    assert level_of(evaluate(given), "S4") is Level.PASS


PRN = an_order(category=OrderCategory.PRN, times=(), prn=Prn(reasons=("pain",)))
EARLIER = a_record(at=NOW - timedelta(hours=5), prn_reason="pain")


def as_asked(*history: HistoryEntry, **changes: object) -> Facts:
    return replace(facts(orders=(PRN,), history=history, intent=an_intent(prn_reason="pain")), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, Level.NOTE),
        ({"effect": "better"}, Level.PASS),
        ({"record_id": None}, Level.PASS),
        ({"status": "not-done"}, Level.PASS),
        ({"status": "stopped"}, Level.NOTE),
        ({"action": None}, Level.NOTE),
        ({"action": "waste"}, Level.PASS),
        ({"order": "O2"}, Level.PASS),
        ({"at": NOW - timedelta(minutes=60)}, Level.PASS),
        ({"at": NOW - timedelta(minutes=60, seconds=1)}, Level.NOTE),
        ({"at": NOW - timedelta(hours=72)}, Level.NOTE),
        ({"at": NOW - timedelta(hours=72, seconds=1)}, Level.PASS),
    ],
)
def test_effect_of_an_earlier_dose_is_owed(change: dict[str, object], level: Level) -> None:
    assert level_of(evaluate(as_asked(replace(EARLIER, **change))), "N4") is level  # type: ignore[arg-type]


def test_effect_that_was_charted_as_its_own_act_counts() -> None:
    said = a_record(record_id="R2", action="assess", continues="R1", effect="better", at=NOW - timedelta(hours=4))
    assert level_of(evaluate(as_asked(EARLIER, said)), "N4") is Level.PASS
    assert level_of(evaluate(as_asked(EARLIER, replace(said, continues="R9"))), "N4") is Level.NOTE


def test_scheduled_dose_owes_no_effect() -> None:
    assert level_of(evaluate(facts(history=(EARLIER,))), "N4") is Level.PASS


def test_latest_owed_effect_is_said() -> None:
    older = replace(EARLIER, record_id="R0", at=NOW - timedelta(hours=9))
    moment = matching.look(as_asked(EARLIER, older))
    assert [entry.record_id for entry in effect.overdue(moment)] == ["R0", "R1"]
    finding = finding_of(evaluate(as_asked(EARLIER, older)), "N4")
    assert finding is not None
    assert (finding.facts["minutes"], finding.params["at"]) == (300, "2026-03-02T03:05:00+07:00")
    assert effect.overdue(replace(moment, order=None)) == []


@pytest.mark.parametrize(
    ("windows", "minutes"),
    [
        ((EffectWindow(route="PO", within=timedelta(minutes=45)), EffectWindow(route="", within=timedelta(minutes=90))), 45),
        ((EffectWindow(route="IV", within=timedelta(minutes=45)), EffectWindow(route="", within=timedelta(minutes=90))), 90),
        ((EffectWindow(route="IV", within=timedelta(minutes=45)),), 60),
        ((EffectWindow(route="po", within=timedelta(minutes=45)), EffectWindow(route="PO", within=timedelta(minutes=30))), 30),
        ((), 60),
    ],
)
def test_window_of_an_effect_is_the_routes(windows: tuple[EffectWindow, ...], minutes: int) -> None:
    policy = Policy(effect_windows=windows)
    assert effect.window("PO", policy) == timedelta(minutes=minutes)
    assert effect.owed_until(EARLIER, PRN, policy) == EARLIER.at + timedelta(minutes=minutes)
    assert effect.owed_until(EARLIER, an_order(), policy) is None
    assert effect.owed_until(EARLIER, replace(PRN, id="O7"), policy) is None


def assess(*history: HistoryEntry, of_record: str | None = "R1", said: str | None = "better", order: str | None = None) -> Facts:
    intent = an_intent(Action.ASSESS, of_record=of_record, effect=said, order=order)
    return facts(orders=(PRN,), history=history or (EARLIER,), scans=(), intent=intent)


def test_effect_is_charted_on_the_record_of_its_dose() -> None:
    verdict = evaluate(assess())
    assert verdict.level is Level.PASS
    assert verdict.record is not None
    assert (verdict.record.status, verdict.record.effect, verdict.record.continues, verdict.record.dose) == (
        "completed",
        "better",
        "R1",
        None,
    )


@pytest.mark.parametrize(
    ("history", "asked", "cause"),
    [
        ((), {"of_record": "R9", "order": "O1"}, "unknown"),
        ((), {"of_record": None, "order": "O1"}, "unknown"),
        ((), {"order": "O2"}, "unknown"),
        ((replace(EARLIER, status="entered-in-error"),), {}, "unknown"),
        ((replace(EARLIER, status="not-done"),), {}, "not-as-needed"),
        ((replace(EARLIER, order="O9", prn_reason=None),), {}, "not-as-needed"),
        ((replace(EARLIER, order="O9"),), {}, ""),
        ((replace(EARLIER, prn_reason=None),), {}, ""),
        ((replace(EARLIER, status="stopped"),), {}, ""),
        ((), {"said": None}, "no-effect"),
        ((), {"said": " "}, "no-effect"),
    ],
)
def test_effect_needs_a_dose_as_needed_and_words(history: tuple[HistoryEntry, ...], asked: dict[str, str | None], cause: str) -> None:
    verdict = evaluate(assess(*history, **asked))
    assert _cause(verdict, "N4") == cause
    assert level_of(verdict, "N4") is (Level.STOP if cause else Level.PASS)


def test_effect_of_the_neighbours_dose_is_not_charted_here() -> None:
    asked = replace(assess(), scans=scanned(a_band_scan(gsrn=OTHER_GSRN)))
    assert _cause(evaluate(asked), "N4") == "unknown"


def test_last_four_gives_are_at_hand_with_amount_reason_and_site() -> None:
    gives = [a_record(record_id=f"R{hour}", at=NOW - timedelta(hours=hour), prn_reason="pain", site="left arm") for hour in range(1, 7)]
    others = [
        a_record(record_id="X1", at=NOW, status="not-done"),
        a_record(record_id="X2", at=NOW, action="waste"),
        a_record(record_id="X3", at=NOW, order="O7", product="ELSE"),
    ]
    by_another_order = a_record(record_id="Y", order="O7", at=NOW - timedelta(minutes=90))
    moment = matching.look(as_asked(*gives, *others, by_another_order))
    assert [entry.record_id for entry in as_needed.last_gives(moment)] == ["R1", "Y", "R2", "R3"]
    assert as_needed.last_gives(moment)[0].site == "left arm"
    assert as_needed.last_gives(matching.look(facts(history=tuple(gives)))) == ()
    assert as_needed.last_gives(replace(moment, order=None)) == ()


def _half(reason: str | None, satisfies: tuple[str, ...] | None = None, dose: str = "250 mg") -> Facts:
    product = a_product(divisible=True)
    return facts(products=(product,), intent=an_intent(dose=amount(dose), reason=reason, satisfies=satisfies))


def test_dose_taken_in_part_leaves_a_rest_to_decide_about() -> None:
    for reason in ("vomited", "refused"):
        verdict = evaluate(_half(reason))
        finding = finding_of(verdict, "Q5")
        assert finding is not None
        assert (verdict.level, finding.level, finding.satisfied) == (Level.PASS, Level.REASON, True)
        assert (finding.facts, finding.params) == ({"given": "250 mg", "ordered": "500 mg"}, {"rest": "250 mg"})
        assert verdict.record is not None
        assert (verdict.record.status, verdict.record.dose) == ("completed", amount("250 mg"))
    assert finding_of(evaluate(_half("vomited", ("Q2",))), "Q5").satisfied  # type: ignore[union-attr]


def test_less_for_another_reason_is_no_part_of_a_dose() -> None:
    assert level_of(evaluate(_half("prescriber-confirmed")), "Q5") is Level.PASS
    assert level_of(evaluate(_half(None)), "Q5") is Level.PASS
    assert level_of(evaluate(_half("vomited", dose="500 mg")), "Q5") is Level.PASS


@pytest.mark.parametrize(
    ("ran_in", "reason", "level", "satisfied"),
    [
        ("120 mL", None, Level.REASON, False),
        ("120 mL", "other", Level.REASON, False),
        ("120 mL", "clinical-judgement: infiltrated", Level.REASON, True),
        ("500 mL", None, Level.PASS, False),
        ("0.12 L", None, Level.REASON, False),
        ("2 g", None, Level.PASS, False),
        (None, None, Level.PASS, False),
    ],
)
def test_infusion_that_is_stopped_early(ran_in: str | None, reason: str | None, level: Level, satisfied: bool) -> None:
    order = an_order("500 mL", ingredient="saline", form="infusion", route="IV", category=OrderCategory.INFUSION, times=())
    dose: Quantity | None = amount(ran_in) if ran_in else None
    verdict = evaluate(
        facts(orders=(order,), scans=scanned(a_band_scan()), intent=an_intent(Action.STOP, order="O1", dose=dose, reason=reason))
    )
    finding = finding_of(verdict, "Q5")
    assert (finding.level if finding else Level.PASS) is level
    assert (finding.satisfied if finding else False) is satisfied
    if satisfied:
        assert verdict.record is not None
        assert (verdict.record.status, verdict.record.dose) == ("stopped", amount("120 mL"))


def test_return_and_site_stand_on_the_record() -> None:
    record = evaluate(facts(intent=an_intent(returned=amount("0 mg"), site="left arm"))).record
    assert record is not None
    assert (record.returned, record.site, record.bag, record.continues, record.rate, record.effect) == (
        amount("0 mg"),
        "left arm",
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("action", [Action.ASSESS, Action.UNDO, Action.WASTE, Action.HOLD, Action.REFUSE, Action.NOT_GIVEN])
def test_acts_away_from_the_bedside_need_no_band(action: Action) -> None:
    asked = facts(orders=(PRN,), history=(EARLIER,), scans=(), intent=an_intent(action, of_record="R1", reason="refused", effect="x"))
    assert level_of(evaluate(asked), "P1") is Level.PASS
    assert level_of(evaluate(asked), "P5") is Level.PASS
