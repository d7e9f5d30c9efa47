"""Edges of patches, packs, pumps, daily limits and sources at which a small fault was once not noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

from pointofcare.labels.scan import BandScan
from pointofcare.orders.order import OrderCategory
from pointofcare.products import Container, MaxDaily
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action, Facts, HistoryEntry
from pointofcare.verdict.finding import FactSource, Level
from tests.support.builders import (
    GTIN,
    NOW,
    a_band_scan,
    a_drug_scan,
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
from tests.unit.pointofcare.verdict.test_infusions import infusion, moment, pump

PATCH_ORDER = an_order(form="patch", route="TD", category=OrderCategory.PATCH, times=(time(8),))


def patches(action: Action, on: HistoryEntry) -> Facts:
    product = a_product(form="patch", routes=("TD",))
    return facts(products=(product,), orders=(PATCH_ORDER,), history=(on,), intent=an_intent(action, order="O1"))


def test_give_of_nothing_does_not_put_off_the_next_dose() -> None:
    limited = a_product(max_daily=(MaxDaily(ingredient="amoxicillin", hard=amount("500 mg"), soft=None),))
    given = an_entry(at=NOW - timedelta(hours=10), due=NOW - timedelta(hours=10))
    nothing = an_entry(at=NOW - timedelta(hours=5), due=NOW - timedelta(hours=5), dose=amount("0 mg"))
    said = finding_of(evaluate(facts(products=(limited,), history=(given, nothing))), "Q6")
    assert said is not None
    assert (said.remedy, said.params) == ("wait-for-total", {"at": "2026-03-02T22:05:00+07:00"})


def test_dose_on_record_twice_shows_the_latest_entry() -> None:
    due = local("08:00:00")
    history = (an_entry(at=local("07:40:00"), due=due), an_entry("not-done", at=local("07:50:00"), due=due))
    said = finding_of(evaluate(facts(history=history, intent=an_intent(order="O1", due=due))), "D5")
    assert said is not None
    assert (said.facts["cause"], said.params) == ("not-done", {"at": "2026-03-02T07:50:00+07:00"})


def test_fact_of_a_scan_is_of_no_scan_by_name_when_nothing_was_scanned() -> None:
    said = finding_of(evaluate(facts(scans=(), intent=an_intent(order="O9"))), "D1")
    assert said is not None
    assert (said.facts["cause"], said.sources["scanned"]) == ("no-such-order", FactSource(origin="scan"))


def test_band_that_names_nothing_is_a_source_without_a_name() -> None:
    said = finding_of(evaluate(facts(scans=scanned(a_drug_scan(), BandScan()))), "P5")
    assert said is not None
    assert said.sources["cause"] == FactSource(origin="scan", ref="", at=NOW - timedelta(seconds=10))


def test_container_opened_after_now_is_good_until_no_known_time_when_the_calendar_ends_first() -> None:
    opened = Container(gtin=GTIN, serial="S1", opened_at=NOW + timedelta(days=1))
    product = a_product(discard_after_opening=timedelta.max)
    scans = scanned(a_band_scan(), a_drug_scan(serial="S1"))
    said = finding_of(evaluate(facts(products=(product,), containers=(opened,), scans=scans)), "G3")
    assert said is not None
    assert (said.level, said.facts["until"]) == (Level.REASON, "")


def test_patch_charted_without_its_due_time_comes_off_by_when_it_was_put_on() -> None:
    on = an_entry(at=local("08:00:00", "2026-03-01"))
    assert on.due is None
    assert level_of(evaluate(patches(Action.REMOVE, on)), "S4") is Level.PASS


def test_patch_whose_record_is_still_in_progress_is_on() -> None:
    on = an_entry("in-progress", at=local("08:00:00", "2026-03-01"))
    said = finding_of(evaluate(patches(Action.GIVE, on)), "S4")
    assert said is not None
    assert said.facts["cause"] == "still-on"


def test_pump_may_name_one_drug_of_a_combination() -> None:
    order = replace(infusion(), ingredient="sodium chloride/glucose")

    def level(drug: str) -> Level:
        return level_of(evaluate(moment(Action.START, order=order, pumps=(pump(drug=drug),))), "I6")

    assert (level("glucose"), level("heparin")) == (Level.PASS, Level.STOP)
