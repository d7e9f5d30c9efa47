"""Where each fact of a finding comes from, and of when it is: which order version, which scan, which record.

The rule says the kind (`Rule.origin`, `Rule.origins`); this resolves it in the moment. Must never raise, and must never leave a
fact without a source: what has no time of its own has the time at which the chart was issued, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pointofcare.labels.scan import BandScan, DrugScan, Keyed, Scan, TextScan, UnreadableLabel
from pointofcare.verdict import index
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.finding import FactSource, Finding
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.rule import Rule


def told(finding: Finding, rule: Rule, moment: Moment) -> Finding:
    """The finding with a source for each of its facts."""
    resolved: dict[str, FactSource] = {}
    found = {}
    for name in finding.facts:
        origin = rule.origins.get(name, rule.origin)
        if origin not in resolved:
            resolved[origin] = _RESOLVED.get(origin, _cart)(finding, moment)
        found[name] = resolved[origin]
    return replace(finding, sources=found)


def _chart(moment: Moment) -> datetime | None:
    """When the server issued what the cart knows; None when its age is not known."""
    age = moment.facts.cart.chart_age_s
    if age is None or age != age or age < 0:
        return None
    try:
        return moment.at - timedelta(seconds=age)
    except OverflowError:
        return None


def _scan(finding: Finding, moment: Moment) -> FactSource:
    """The last scan; of a finding on the patient the last that was read for one."""
    scans = moment.facts.scans
    if not scans:
        return FactSource(origin="scan")
    drugs = {pack.at for pack in moment.session.packs}
    of_drug = [scanned for scanned in scans if scanned.at in drugs]
    last = of_drug[-1] if of_drug and not finding.rule.startswith("P") else scans[-1]
    kind = "keyed" if isinstance(last.scan, Keyed) else "scan"
    return FactSource(origin=kind, ref=_named(last.scan), at=last.at)


def _named(scan: Scan) -> str:
    """What the label says it is; never more of it than names the thing."""
    if isinstance(scan, DrugScan):
        return scan.gtin
    if isinstance(scan, BandScan):
        return scan.gsrn or scan.mrn or ""
    if isinstance(scan, Keyed):
        return scan.value
    return scan.text if isinstance(scan, TextScan | UnreadableLabel) else ""


def _band(finding: Finding, moment: Moment) -> FactSource:
    del finding
    for scanned in reversed(moment.facts.scans):
        if scanned.scan in (moment.session.band, moment.session.keyed, moment.session.unread_band):
            kind = "keyed" if isinstance(scanned.scan, Keyed) else "scan"
            return FactSource(origin=kind, ref=moment.identity.scanned, at=scanned.at)
    return FactSource(origin="scan")


def _order(finding: Finding, moment: Moment) -> FactSource:
    del finding
    order = moment.order
    return FactSource(origin="order", ref=f"{order.id} v{order.version}" if order is not None else "", at=_chart(moment))


def _schedule(finding: Finding, moment: Moment) -> FactSource:
    return replace(_order(finding, moment), origin="schedule", at=moment.time.due)


def _product(finding: Finding, moment: Moment) -> FactSource:
    del finding
    ids = ", ".join(product.id for product in moment.drugs)
    return FactSource(origin="product", ref=ids, at=_chart(moment))


def _patient(finding: Finding, moment: Moment) -> FactSource:
    del finding
    return FactSource(origin="patient", ref=moment.patient.id if moment.patient is not None else "", at=_chart(moment))


def _observation(finding: Finding, moment: Moment) -> FactSource:
    code = str(finding.facts.get("observation", ""))
    seen = moment.patient.observations if moment.patient is not None else ()
    times = [each.at for each in seen if each.code == code and each.at <= moment.at]
    return FactSource(origin="observation", ref=code, at=max(times, default=None))


def _record(finding: Finding, moment: Moment) -> FactSource:
    """The record that the finding names by its time, else the one that the intent is about, else the last of the order."""
    recorded = index.history(moment.facts.history)
    named = [at for value in (*finding.facts.values(), *finding.params.values()) if (at := _instant(value)) is not None]
    by_time = [entry for at in sorted(named, reverse=True) for entry in recorded.recorded_at(at)]
    own = recorded.of_order(moment.order.id) if moment.order is not None else ()
    found = next(iter(by_time), None) or moment.of or max(own, key=lambda entry: entry.at, default=None)
    return _entry(found) if found is not None else FactSource(origin="record", at=_chart(moment))


def _instant(value: object) -> datetime | None:
    """The instant that a fact names, as `Moment.local` wrote it."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _entry(entry: HistoryEntry) -> FactSource:
    return FactSource(origin="record", ref=entry.record_id or entry.order, at=entry.at)


def _bag(finding: Finding, moment: Moment) -> FactSource:
    del finding
    bag = moment.bag
    if bag is None:
        return FactSource(origin="bag", at=_chart(moment))
    return FactSource(origin="bag", ref=bag.id, at=bag.started_at if bag.started_at is not None else _chart(moment))


def _pump(finding: Finding, moment: Moment) -> FactSource:
    name = str(finding.facts.get("pump", ""))
    readings = [each for each in moment.facts.pumps if f"{each.pump} {each.channel}".strip() == name]
    return FactSource(origin="pump", ref=name, at=max((each.at for each in readings), default=None))


def _staff(finding: Finding, moment: Moment) -> FactSource:
    del finding
    return FactSource(origin="staff", ref=moment.facts.nurse.id if moment.facts.nurse is not None else "", at=moment.at)


def _cart(finding: Finding, moment: Moment) -> FactSource:
    del finding
    return FactSource(origin="cart", ref=moment.facts.cart.id, at=moment.at)


def _intent(finding: Finding, moment: Moment) -> FactSource:
    del finding
    return FactSource(origin="intent", ref=moment.facts.nurse.id if moment.facts.nurse is not None else "", at=moment.at)


def _policy(finding: Finding, moment: Moment) -> FactSource:
    del finding
    return FactSource(origin="policy", ref=moment.policy.version)


# Of `finding.ORIGINS` each. "keyed" is what was typed or scanned for the patient.
_RESOLVED: dict[str, Callable[[Finding, Moment], FactSource]] = {
    "scan": _scan,
    "keyed": _band,
    "order": _order,
    "schedule": _schedule,
    "product": _product,
    "patient": _patient,
    "observation": _observation,
    "record": _record,
    "bag": _bag,
    "pump": _pump,
    "staff": _staff,
    "cart": _cart,
    "intent": _intent,
    "policy": _policy,
}
