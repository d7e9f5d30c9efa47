"""Findings that the open suite's format cannot bring about or does not, whole: level, facts, remedy and parameters as the rule's text says.

Most of them are for lack of knowledge: what is not known is said as unknown, and never lets a dose pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from pointofcare.labels.scan import Keyed, LabelKind
from pointofcare.orders.order import OrderCategory, Prn
from pointofcare.products import Controlled, MaxDaily, PrintedFor
from pointofcare.verdict.engine import CHECKS, evaluate
from pointofcare.verdict.facts import Action, Facts, Lease, LeaseDoubt
from pointofcare.verdict.finding import FactSource, Finding, Level
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Check
from tests.support.builders import (
    NOW,
    a_band_scan,
    a_cart,
    a_drug_scan,
    a_nurse,
    a_product,
    amount,
    an_entry,
    an_ingredient,
    an_intent,
    an_order,
    facts,
    finding_of,
    scanned,
)
from tests.unit.pointofcare.verdict.test_infusions import BAG, moment, pump, start

PAIN = Prn(reasons=("pain",), min_interval=timedelta(hours=6))
OFFLINE = a_cart(online=False, chart_age_s=60.0)
AMPOULE = a_product(
    form="injection",
    routes=("IV",),
    volume=amount("1 mL"),
    controlled=Controlled.NARCOTIC,
    ingredients=(an_ingredient("amoxicillin", "10 mg"),),
)


def pack(**changes: object) -> Facts:
    return facts(scans=scanned(a_band_scan(), a_drug_scan(**changes)))


def prn(minutes_ago: float, **changes: object) -> Facts:
    order = an_order(category=OrderCategory.PRN, times=(), prn=PAIN)
    given = an_entry(at=NOW - timedelta(minutes=minutes_ago), **changes)
    return facts(orders=(order,), history=(given,), intent=an_intent(prn_reason="pain"))


def two_infusions() -> Facts:
    asked = moment(Action.RATE, rate=amount("83 mL/h"), scans=scanned(a_band_scan()), history=(start(), start(record_id="R2", bag="BAG2")))
    return replace(asked, bags=(), intent=replace(asked.intent, order="O1"))


def of_another_order() -> Facts:
    asked = moment(Action.START, replace(BAG, order="O2"))
    return replace(asked, intent=replace(asked.intent, order="O1"))


def limited(limit: str, **changes: object) -> Facts:
    product = a_product(max_daily=(MaxDaily(ingredient="amoxicillin", hard=amount(limit), soft=None),))
    return facts(products=(product,), **changes)


_WHOLE: dict[str, tuple[Facts, Finding]] = {
    "order without a route": (
        facts(orders=(an_order(route=""),)),
        Finding(rule="D9", level=Level.STOP, unknown=True, facts={"cause": "unknown", "route": "", "allowed": ""}, remedy="ask-pharmacist"),
    ),
    "clock never compared": (
        facts(cart=a_cart(clock_offset_s=None)),
        Finding(rule="T6", level=Level.REASON, unknown=True, facts={"cause": "unknown", "seconds": 0}, remedy="set-clock"),
    ),
    "clock compared to no number": (
        facts(cart=a_cart(clock_offset_s=float("nan"))),
        Finding(rule="T6", level=Level.REASON, unknown=True, facts={"cause": "unknown", "seconds": 0}, remedy="set-clock"),
    ),
    "offline with a chart of no age": (
        facts(cart=replace(OFFLINE, chart_age_s=None)),
        Finding(rule="O1", level=Level.STOP, unknown=True, facts={"cause": "unknown", "minutes": 0}, remedy="reconnect"),
    ),
    "lease in doubt": (
        facts(cart=a_cart(lease_doubts=(LeaseDoubt(cart="C2", nurse="N7", since=NOW),))),
        Finding(
            rule="O2", level=Level.REASON, facts={"lease": "doubt"}, remedy="ask-cart-in-doubt",
            params={"cart": "C2", "nurse": "N7", "since": NOW.isoformat()},
        ),
    ),
    "lease in doubt since nobody knows when": (
        facts(cart=a_cart(lease_doubts=(LeaseDoubt(cart="C2"),))),
        Finding(
            rule="O2", level=Level.REASON, facts={"lease": "doubt"}, remedy="ask-cart-in-doubt",
            params={"cart": "C2", "nurse": "", "since": ""},
        ),
    ),
    "lease not had yet": (
        facts(cart=a_cart(lease=Lease.NONE, lease_pending=True)),
        Finding(rule="O2", level=Level.REASON, facts={"lease": "pending"}, remedy="wait-for-lease"),
    ),
    "nobody signed in": (
        facts(nurse=None),
        Finding(rule="P8", level=Level.STOP, unknown=True, facts={"cause": "nobody", "nurse": ""}, remedy="sign-in"),
    ),
    "licence not known": (
        facts(nurse=a_nurse(licensed=None)),
        Finding(rule="P8", level=Level.STOP, unknown=True, facts={"cause": "unknown", "nurse": "N1"}, remedy="sign-in"),
    ),
    "drug typed": (
        facts(scans=scanned(a_band_scan(), Keyed(value="AMOX", kind=LabelKind.DRUG), Keyed(value="500", kind=LabelKind.DRUG))),
        Finding(rule="G5", level=Level.STOP, unknown=True, facts={"cause": "typed", "barcode": "AMOX, 500"}, remedy="scan-drug"),
    ),
    "bag of another order": (
        of_another_order(),
        Finding(
            rule="D1", level=Level.STOP, facts={"cause": "other-bag", "scanned": "BAG1", "ordered": "sodium chloride infusion"},
            remedy="scan-ordered-drug", params={"ordered": "sodium chloride infusion"},
        ),
    ),
    "two infusions of one order": (
        two_infusions(),
        Finding(rule="I2", level=Level.STOP, unknown=True, facts={"bag": "", "state": "several-running"}, remedy="scan-running-bag"),
    ),
    "label of an older version without a volume": (
        moment(Action.START, replace(BAG, order_version=0, printed_for=PrintedFor(volume=None, rate=amount("83 mL/h")))),
        Finding(rule="I3", level=Level.REASON, unknown=True, facts={"cause": "version", "printed": "0", "ordered": "1"},
            remedy="read-label"),
    ),
    "pump's concentration that nothing says": (
        moment(pumps=(pump(concentration=amount("9 mmol/L")),)),
        Finding(
            rule="I6", level=Level.REASON, unknown=True, remedy="associate-again", params={"pump": "PU1 A"},
            facts={"pump": "PU1 A", "reported": "9 mmol/L", "ordered": "", "cause": "concentration-unknown"},
        ),
    ),
    "controlled drug of no known strength": (
        facts(
            products=(replace(AMPOULE, ingredients=(an_ingredient("amoxicillin", None),)),),
            orders=(an_order("4 mg", form="injection", route="IV"),), intent=an_intent(waste=amount("6 mg")),
        ),
        Finding(rule="C1", level=Level.REASON, unknown=True, facts={"cause": "unknown", "taken": "", "accounted": ""},
            remedy="name-amounts"),
    ),
    "controlled drug wasted short, dose as ordered": (
        facts(products=(AMPOULE,), orders=(an_order("4 mg", form="injection", route="IV"),), intent=an_intent(waste=amount("5 mg"))),
        Finding(
            rule="C1", level=Level.REASON, facts={"cause": "differs", "taken": "10 mg", "accounted": "9 mg"}, remedy="account-for",
            params={"missing": "1 mg"},
        ),
    ),
    "expires on a day that is not known to be here": (
        facts(timezone=None, scans=scanned(a_band_scan(), a_drug_scan(expiry=date(2026, 3, 2)))),
        Finding(rule="G1", level=Level.REASON, unknown=True, facts={"cause": "timezone", "expiry": "2026-03-02"}, remedy="read-expiry"),
    ),
    "expired anywhere": (
        facts(timezone=None, scans=scanned(a_band_scan(), a_drug_scan(expiry=date(2026, 2, 28)))),
        Finding(rule="G1", level=Level.STOP, facts={"cause": "expired", "expiry": "2026-02-28"}, remedy="take-other-pack"),
    ),
    "expired this hour": (
        pack(expiry=date(2026, 3, 2), expiry_time=time(8, 5)),
        Finding(rule="G1", level=Level.STOP, facts={"cause": "expired", "expiry": "2026-03-02"}, remedy="take-other-pack"),
    ),
    "two dates, one of them unreadable": (
        pack(bad_elements=("17",)),
        Finding(rule="G1", level=Level.REASON, unknown=True, facts={"cause": "unreadable", "expiry": "2027-01-31"}, remedy="read-expiry"),
    ),
    "serial unreadable": (
        pack(bad_elements=("21",)),
        Finding(rule="G4", level=Level.REASON, unknown=True, facts={"serial": "", "at": ""}, remedy="take-other-pack"),
    ),
    "lot unreadable": (
        pack(lot=None, bad_elements=("10",)),
        Finding(
            rule="G6", level=Level.REASON, unknown=True, facts={"cause": "unreadable", "name": "Amoxicillin 500 mg"}, remedy="read-lot"
        ),
    ),
    "a capsule more than is needed": (
        facts(scans=scanned(a_band_scan(), a_drug_scan(serial="1"), a_drug_scan(serial="2")), intent=an_intent(dose=amount("500 mg"))),
        Finding(rule="Q2", level=Level.STOP, facts={"given": "1000 mg", "ordered": "500 mg"},
            remedy="take-less", params={"amount": "500 mg"}),
    ),
    "daily limit in a kind that does not compare": (
        limited("8 {puff}"),
        Finding(
            rule="Q6", level=Level.REASON, unknown=True, remedy="ask-prescriber",
            facts={"cause": "unknown", "ingredient": "amoxicillin", "total": "", "limit": "8 {puff}"},
        ),
    ),
    "one dose alone over the daily limit": (
        limited("499 mg"),
        Finding(
            rule="Q6", level=Level.STOP, remedy="ask-prescriber",
            facts={"cause": "over", "ingredient": "amoxicillin", "total": "500 mg", "limit": "499 mg"},
        ),
    ),
    "daily limit counts a dose by its order where the product is not known": (
        limited("900 mg", history=(an_entry(product=None, dose=amount("1 {capsule}"), at=NOW - timedelta(hours=3)),)),
        Finding(
            rule="Q6", level=Level.STOP, remedy="wait-for-total", params={"at": "2026-03-03T05:05:00+07:00"},
            facts={"cause": "over", "ingredient": "amoxicillin", "total": "1000 mg", "limit": "900 mg"},
        ),
    ),
    "as needed, given this minute": (
        prn(0),
        Finding(
            rule="N2", level=Level.REASON, facts={"minutes": 0, "interval": 360},
            remedy="earliest", params={"at": "2026-03-02T14:05:00+07:00"}
        ),
    ),
    "as needed, given a minute ahead of this clock": (
        prn(-1),
        Finding(
            rule="N2", level=Level.REASON, facts={"minutes": 0, "interval": 360},
            remedy="earliest", params={"at": "2026-03-02T14:06:00+07:00"}
        ),
    ),
    "as needed, given by a record that names neither product nor known order": (
        prn(60, product=None, order="O9"),
        Finding(
            rule="N2", level=Level.REASON, facts={"minutes": 60, "interval": 360},
            remedy="earliest", params={"at": "2026-03-02T13:05:00+07:00"}
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _WHOLE)
def test_finding_is_said_whole(name: str) -> None:
    asked, expected = _WHOLE[name]
    verdict = evaluate(asked)
    said = finding_of(verdict, expected.rule)
    assert said is not None, [each.rule for each in verdict.findings]
    assert replace(said, sources={}) == expected
    assert set(said.sources) == set(said.facts)


def test_part_of_an_ampoule_is_accounted_for_by_the_order_when_no_dose_is_stated() -> None:
    order = an_order("4 mg", form="injection", route="IV")
    for intent in (an_intent(waste=amount("6 mg")), an_intent(dose=amount("4 mg"), waste=amount("6 mg")),
                   an_intent(dose=amount("5 mg"), waste=amount("5 mg"))):  # fmt: skip
        assert finding_of(evaluate(facts(products=(AMPOULE,), orders=(order,), intent=intent)), "C1") is None


@pytest.mark.parametrize("form", ["injection", "infusion", "concentrate", "vial", "ampoule"])
def test_no_more_can_be_drawn_from_a_container_than_it_holds(form: str) -> None:
    product = a_product(
        form=form, routes=("IV",), volume=amount("1 mL"), multi_dose=True, ingredients=(an_ingredient("amoxicillin", "10 mg"),)
    )
    order = an_order("20 mg", form=form, route="IV")
    said = finding_of(evaluate(facts(products=(product,), orders=(order,), intent=an_intent(dose=amount("20 mg")))), "Q2")
    assert said is not None
    assert (said.level, said.facts, said.remedy, said.params) == (
        Level.REASON, {"given": "10 mg", "ordered": "20 mg"}, "scan-more", {"n": 1},
    )  # fmt: skip


def test_check_that_breaks_stops_and_says_so() -> None:
    def broken(_moment: Moment) -> Iterator[Finding]:
        raise ZeroDivisionError

    rule = next(check.rule for check in CHECKS if check.rule.id == "P1")
    verdict = evaluate(facts(), (Check(rule=rule, look=broken),))
    (said,) = verdict.findings
    assert (said.rule, said.level, said.unknown, said.remedy) == ("P1", Level.STOP, True, "tell-support")
    assert said.facts == {**dict.fromkeys(rule.facts, ""), "fault": "ZeroDivisionError"}
    assert set(said.sources.values()) == {FactSource(origin="cart", ref="C1")}
    assert set(said.sources) == set(said.facts)


def test_facts_that_are_none_stop_and_say_so() -> None:
    verdict = evaluate(facts(orders=(None,)))
    (said,) = verdict.findings
    assert (said.rule, said.level, said.unknown, said.remedy) == ("E1", Level.STOP, True, "tell-support")
    assert set(said.facts) == {"fault"}
    assert said.sources == {"fault": FactSource(origin="cart", ref="C1")}
    assert (verdict.level, verdict.order, verdict.record, verdict.patient, verdict.products, verdict.due) == (
        Level.STOP, None, None, None, (), None,
    )  # fmt: skip


def test_finding_carries_nothing_that_it_was_not_given() -> None:
    bare = Finding(rule="P1", level=Level.STOP)
    assert (bare.facts, bare.remedy, bare.params, bare.unknown, bare.satisfied, bare.sources) == ({}, "", {}, False, False, {})
