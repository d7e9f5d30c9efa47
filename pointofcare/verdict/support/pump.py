"""I6: the pump does what is ordered: the drug, the rate and the concentration that its channel reports.

Source: IHE PCD Point-of-care Infusion Verification (the checked order goes to the pump, the pump's report is compared). Hazard:
a channel programmed for another drug, concentration or patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pointofcare.products import PumpReading
from pointofcare.quantity import Quantity
from pointofcare.verdict import concentration, infusing
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, ordered_ingredients, plain
from pointofcare.verdict.rule import Rule

RULE = Rule(
    id="I6",
    title="The pump does what is ordered",
    levels=(Level.REASON, Level.STOP),
    looks_at="the latest report of each pump channel with this bag: drug, rate, concentration, and since when they belong together",
    passes_when="no pump reports on this bag, or drug, rate and concentration are the ordered ones and the association is fresh",
    source="IHE PCD-03 Point-of-care Infusion Verification",
    hazard="pump programmed for another drug, rate or patient",
    remedies={"set-pump": ("ordered",), "associate-again": ("pump",)},
    facts=("cause", "pump", "reported", "ordered"),
    origin="pump",
    origins={"ordered": "order"},
)


def check(moment: Moment) -> Iterator[Finding]:
    bag, order, patient = moment.bag, moment.order, moment.patient
    if bag is None or order is None or not moment.delivering:
        return
    for reading in _latest(moment.facts.pumps):
        ours = reading.bag == bag.id
        sibling = (
            not ours and reading.bag is not None and patient is not None and reading.patient == patient.id and _replaces(reading, moment)
        )
        if not ours and not sibling:
            continue
        facts: dict[str, object] = {"pump": f"{reading.pump} {reading.channel}".strip(), "reported": "", "ordered": ""}
        if sibling or (patient is not None and reading.patient not in (None, patient.id)):
            what = {"cause": "bag" if sibling else "patient", "reported": reading.bag if sibling else reading.patient}
            ordered = bag.id if sibling else (patient.id if patient is not None else "")
            yield _associate(facts | what | {"ordered": ordered}, unknown=False)
        elif _is_stale(reading.associated_at, moment):
            yield _associate(facts | {"cause": "stale", "reported": moment.local(reading.associated_at), "ordered": bag.id}, unknown=True)
        yield from _differences(reading, facts, moment)


def _is_stale(associated_at: datetime | None, moment: Moment) -> bool:
    if associated_at is None or moment.is_ahead(associated_at):
        return True
    return moment.at - associated_at > moment.policy.pump_association_max_age


def _associate(facts: dict[str, object], *, unknown: bool) -> Finding:
    return RULE.finding(Level.REASON, "associate-again", facts=facts, params={"pump": facts["pump"]}, unknown=unknown)


def _latest(readings: tuple[PumpReading, ...]) -> list[PumpReading]:
    """The last report of each channel."""
    last: dict[tuple[str, str], PumpReading] = {}
    for reading in sorted(readings, key=lambda each: each.at):
        last[(reading.pump, reading.channel)] = reading
    return list(last.values())


def _replaces(reading: PumpReading, moment: Moment) -> bool:
    """Is the channel still told of another bag of this order, and of none is this one?"""
    assert moment.bag is not None
    if any(each.bag == moment.bag.id for each in moment.facts.pumps):
        return False
    return any(bag.id == reading.bag and bag.order == moment.bag.order for bag in moment.facts.bags)


def _differences(reading: PumpReading, facts: dict[str, object], moment: Moment) -> Iterator[Finding]:
    order = moment.order
    assert order is not None
    found: list[tuple[str, str, str]] = []
    if reading.drug is not None and not _same_drug(reading.drug, moment):
        found.append(("drug", reading.drug, order.ingredient))
    wanted = moment.facts.intent.rate if moment.facts.intent.rate is not None else order.rate
    if reading.rate is not None and reading.rate.value > 0 and wanted is not None and not _same_rate(reading.rate, wanted, moment):
        found.append(("rate", str(reading.rate), str(wanted)))
    for cause, reported, ordered in found:
        yield RULE.finding(
            Level.STOP, "set-pump", facts=facts | {"cause": cause, "reported": reported, "ordered": ordered}, params={"ordered": ordered}
        )
    if reading.concentration is None:
        return
    expected = concentration.of_bag(moment, reading.concentration.unit)
    reported = str(reading.concentration)
    if expected is None:
        yield _associate(facts | {"cause": "concentration-unknown", "reported": reported}, unknown=True)
    elif reading.concentration.exact() != expected[0]:
        yield RULE.finding(
            Level.STOP,
            "set-pump",
            facts=facts | {"cause": "concentration", "reported": reported, "ordered": expected[1]},
            params={"ordered": expected[1]},
        )


def _same_drug(drug: str, moment: Moment) -> bool:
    order = moment.order
    assert order is not None
    names = ordered_ingredients(order) | {plain(order.ingredient)} | {plain(product.name) for product in moment.drugs}
    additives = [plain(each) for each in order.additives]
    return plain(drug) in names or any(each == plain(drug) or each.startswith(plain(drug) + " ") for each in additives)


def _same_rate(reported: Quantity, wanted: Quantity, moment: Moment) -> bool:
    if reported.converts_to(wanted.unit):
        return reported.same_as(wanted)
    factor = moment.facts.intent.drop_factor
    if factor is None:
        return False
    mine, theirs = infusing.whole_drops(reported, factor), infusing.whole_drops(wanted, factor)
    return mine is not None and mine == theirs
