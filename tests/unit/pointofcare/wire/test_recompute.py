"""Replay and what-if: the same engine says the same, every difference is named by its rule, nothing unknown is called the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import MessageError
from pointofcare.orders.order import OrderCategory
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy
from pointofcare.wire import codec, recompute, values, what_if
from pointofcare.wire.recompute import ATTEMPT, Difference, StoredVerdict
from tests.support.builders import NOW, a_drug_scan, a_neighbour, a_patient, an_entry, an_intent, an_order, facts, local, scanned
from tests.support.moments import moments
from tests.support.stored_verdicts import stored
from tests.support.wire_bodies import BODIES, RECORD, golden_message

LATE = facts(at=local("09:30:00"))


def again(one: StoredVerdict) -> StoredVerdict:
    """Through JSON, as an export holds it."""
    return recompute.read(json.loads(values.dump(one)))


@pytest.mark.parametrize("kind", [recompute.ADMINISTRATION, ATTEMPT])
@pytest.mark.parametrize("moment", [facts(), LATE, facts(orders=(an_order(verified=False),))], ids=["pass", "late", "stop"])
def test_the_same_engine_says_the_same(moment: Facts, kind: str) -> None:
    done = recompute.replay(again(stored("r-1", moment, kind=kind)))
    assert done.is_same
    assert done.same_engine
    assert done.verdict == engine.evaluate(moment)


@settings(max_examples=150, deadline=None)
@given(moments())
def test_any_moment_replays_the_same(moment: Facts) -> None:
    try:
        one = again(stored("r-1", moment))
    except MessageError:
        return  # facts that cannot be written are not stored
    assert recompute.replay(one).differences == ()


def test_answered_reason_replays_the_same() -> None:
    moment = replace(facts(at=local("09:30:00")), intent=an_intent(reason="procedure"), history=(an_entry(at=NOW - timedelta(hours=1)),))
    assert recompute.replay(again(stored("r-1", moment, kind=ATTEMPT))).is_same


def test_dose_left_open_after_its_reason_was_given_replays_the_same() -> None:
    """It keeps the level of the record that it would have been."""
    moment = facts(
        orders=(an_order(verified=False, category=OrderCategory.STAT, times=(), start=NOW),),
        intent=an_intent(reason="emergency", satisfies=("D6",)),
    )
    asked = stored("r-1", moment)
    assert asked.level == "REASON"
    assert all(each.satisfied for each in asked.findings)
    assert recompute.replay(replace(asked, kind=ATTEMPT)).is_same
    assert recompute.replay(stored("r-2", moment, kind=ATTEMPT)).is_same


def test_differences_are_listed_by_rule() -> None:
    one = stored("r-1", LATE)
    (finding,) = one.findings
    assert finding.rule == "T1"
    other = replace(
        one,
        engine="0.9.0",
        level="PASS",
        due=None,
        order_version=7,
        findings=(replace(finding, level="REASON", facts={**finding.facts, "extra": 1}), _finding("Z1")),
    )
    done = recompute.replay(again(other))
    assert not done.is_same
    assert not done.same_engine
    assert done.differences is not None
    assert [(each.rule, each.what) for each in done.differences] == [
        ("", "order"),
        ("", "due"),
        ("", "level"),
        ("T1", "level"),
        ("T1", "facts"),
        ("Z1", "gone"),
    ]
    assert done.differences[3] == Difference(rule="T1", what="level", stored="REASON", now="WARN")


def test_a_finding_that_is_new_is_named() -> None:
    done = recompute.replay(replace(stored("r-1", LATE), findings=(), level="PASS"))
    assert done.differences is not None
    assert Difference(rule="T1", what="new", stored=None, now="WARN") in done.differences


def _finding(rule: str, **changes: Any) -> FindingEvidence:
    return FindingEvidence(rule=rule, level="WARN", satisfied=False, unknown=False, facts={}, remedy="x", params={}, **changes)


@pytest.mark.parametrize("facts_text", [None, "", "AAAA", "no base64"])
def test_what_cannot_be_recomputed_is_never_the_same(facts_text: str | None) -> None:
    done = recompute.replay(replace(stored("r-1", facts()), facts=facts_text))
    assert done.differences is None
    assert not done.is_same
    assert done.why


def test_band_that_stops_is_compared_by_its_own_rules() -> None:
    """The cart tells of a wrong band at once: what else the same facts would say is not yet asked."""
    moment = facts(patients=(a_neighbour(),), scans=facts().scans[:1])
    whole = stored("r-1", moment, kind=ATTEMPT)
    alone = replace(whole, findings=tuple(each for each in whole.findings if each.rule == "P1"), order=None, order_version=None, due=None)
    assert recompute.replay(alone).is_same


def test_what_the_cart_alone_knows_is_left_aside() -> None:
    one = stored("r-1", facts(), kind=ATTEMPT)
    unconfirmed = replace(_finding("T3"), level="STOP", unknown=True, facts={"status": "unconfirmed", "minutes": 5})
    assert recompute.replay(replace(one, level="STOP", findings=(unconfirmed, *one.findings))).is_same
    other = replace(unconfirmed, facts={"status": "completed", "minutes": 5})
    assert not recompute.replay(replace(one, level="STOP", findings=(other, *one.findings))).is_same


def test_a_carts_message_is_read_whole_or_by_its_body() -> None:
    payload = json.loads(codec.encode(golden_message(BODIES["AdministrationRecorded"])))
    expected = recompute.of_administration(RECORD, payload["body"]["facts"])
    assert recompute.read(payload) == recompute.read(payload["body"]) == expected
    assert recompute.read({"record": payload["body"]["record"]}).facts is None
    attempt = json.loads(codec.encode(golden_message(BODIES["AttemptStopped"])))
    assert recompute.read(attempt).kind == ATTEMPT
    assert recompute.read(attempt["body"]).level == "STOP"


@pytest.mark.parametrize("plain", [None, 1, [], {}, {"body": {}}, {"record": 3}, {"outcome": "stopped"}, {"record_id": "r-1"}])
def test_anything_else_is_refused(plain: object) -> None:
    with pytest.raises(MessageError):
        recompute.read(plain)


WIDE = Policy(version="wide", window_frequent=timedelta(hours=3), window_daily_or_less=timedelta(hours=3))


def test_what_if_counts_by_rule_and_ward_and_names_the_records() -> None:
    verdicts = [stored("r-1", LATE), stored("r-2", facts()), stored("r-3", LATE, ward="NGOAI")]
    found = what_if.ask(verdicts, lambda ward: WIDE if ward == "NGOAI" else Policy())
    assert (found.stored, found.judged) == (3, 3)
    assert [each.record_id for each in found.changes] == ["r-3"]
    assert dict(found.by_rule) == {("T1", Level.WARN, Level.PASS): 1}
    assert dict(found.by_level) == {(Level.WARN, Level.PASS): 1}
    assert dict(found.by_ward) == {"NGOAI": 1}
    both = what_if.ask(verdicts, lambda _: WIDE)
    assert [each.record_id for each in both.of_rule("T1", Level.WARN, Level.PASS)] == ["r-1", "r-3"]


def test_what_if_with_the_same_policy_changes_nothing() -> None:
    assert what_if.ask([stored("r-1", LATE), stored("r-2", facts())], lambda _: Policy()).changes == ()


def test_what_if_compares_policies_and_not_engines() -> None:
    """A verdict of an older engine is judged under both policies by today's."""
    old = replace(stored("r-1", LATE), engine="0.1.0", level="STOP", findings=())
    assert what_if.ask([old], lambda _: Policy()).changes == ()


def test_a_change_below_the_highest_level_is_told() -> None:
    moment = replace(LATE, orders=(an_order(verified=False),))
    (change,) = what_if.ask([stored("r-1", moment)], lambda _: WIDE).changes
    assert (change.before, change.after, change.rules) == (Level.STOP, Level.STOP, {"T1": (Level.WARN, Level.PASS)})


def test_what_cannot_be_judged_is_counted_and_named() -> None:
    broken = [replace(stored("r-1", LATE), facts=None), replace(stored("r-2", LATE), facts="AAAA"), stored("r-3", LATE)]
    found = what_if.ask(broken, lambda _: WIDE)
    assert (found.stored, found.judged, len(found.changes)) == (3, 1, 1)
    assert set(found.unknown) == {"r-1", "r-2"}
    joined = what_if.joined(found, what_if.ask([stored("r-4", LATE)], lambda _: WIDE))
    assert (joined.stored, joined.judged, len(joined.changes)) == (4, 2, 2)


def test_scan_evidence_of_another_pack_does_not_matter_here() -> None:
    """The facts hold the scans as they were read; the record's own evidence is not needed."""
    moment = facts(patients=(a_patient(),), scans=scanned(facts().scans[0].scan, a_drug_scan(lot="B77")))
    assert recompute.replay(stored("r-1", moment)).is_same
