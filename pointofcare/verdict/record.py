"""What the confirmed intent would write: the proposed record of a verdict.

Of the moment only; must never decide whether it may be written.
"""

from __future__ import annotations

from datetime import date

from pointofcare.products import BagState
from pointofcare.quantity import Quantity
from pointofcare.verdict import infusing
from pointofcare.verdict.dosing import as_quantity
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import ProposedRecord
from pointofcare.verdict.moment import NOT_GIVING, Moment
from pointofcare.verdict.support import patch

_STATUS = {
    Action.GIVE: "completed",
    Action.START: "in-progress",
    Action.HOLD: "not-done",
    Action.REFUSE: "not-done",
    Action.NOT_GIVEN: "not-done",
    Action.STOP: "stopped",
    Action.REMOVE: "completed",
    Action.WASTE: "not-done",
    Action.RATE: "in-progress",
    Action.ASSESS: "completed",
    Action.UNDO: "entered-in-error",
}
_WITHOUT_PACK = NOT_GIVING | {Action.RATE, Action.ASSESS, Action.UNDO}
_ON_RUNNING = frozenset({Action.RATE, Action.STOP, Action.HOLD})


def proposed(moment: Moment) -> ProposedRecord:
    intent = moment.facts.intent
    scans = [each.scan for each in moment.session.packs] if moment.action not in _WITHOUT_PACK else []
    expiries: list[date] = [scan.expiry for scan in scans if scan.expiry is not None]
    lots = list(dict.fromkeys(scan.lot for scan in scans if scan.lot is not None))
    serials = list(dict.fromkeys(scan.serial for scan in scans if scan.serial is not None))
    bag, continues = _continued(moment)
    return ProposedRecord(
        status=_status(moment),
        dose=_given(moment),
        lot=", ".join(lots) or None,
        expiry=min(expiries, default=None),
        serial=", ".join(serials) or None,
        route=(intent.route or (moment.order.route if moment.order is not None else None)) if moment.giving else None,
        site=intent.site,
        given_at=intent.given_at,
        reason=intent.reason,
        witness=intent.witness,
        waste=intent.waste,
        returned=intent.returned,
        rate=_rate(moment),
        drop_factor=intent.drop_factor if moment.delivering else None,
        bag=bag,
        continues=continues,
        effect=intent.effect if moment.action is Action.ASSESS else None,
    )


def _status(moment: Moment) -> str:
    if moment.action is Action.GIVE and moment.bag is not None:
        return "in-progress"
    if moment.action is Action.HOLD and moment.bag is not None and moment.bag.state is BagState.INFUSING:
        return "on-hold"
    return _STATUS[moment.action]


def _given(moment: Moment) -> Quantity | None:
    """The amount: as stated, else as scanned in the unit of the order; for a bag what was ordered. Of an infusion that is stopped
    what ran in, as far as it is stated."""
    intent, dosing, order = moment.facts.intent, moment.dosing, moment.order
    if moment.action is Action.STOP:
        return intent.dose
    if not moment.giving:
        return None
    if intent.dose is not None:
        return intent.dose
    if dosing is not None and not dosing.problem and dosing.given is not None:
        return as_quantity(dosing.given, dosing.unit)
    return order.dose if order is not None and moment.bag is not None else None


def _rate(moment: Moment) -> Quantity | None:
    """As set; at a start without words the one ordered rate."""
    order, stated = moment.order, moment.facts.intent.rate
    if moment.action is Action.RATE:
        return stated
    if not moment.giving or order is None or not infusing.is_infusion(moment):
        return None
    return stated if stated is not None else (order.rate if order.rate_range is None else None)


def _continued(moment: Moment) -> tuple[str | None, str | None]:
    """(bag, the record that this one goes on with)."""
    bag = moment.bag.id if moment.bag is not None else None
    if moment.action is Action.ASSESS:
        return None, moment.facts.intent.of_record
    if moment.action is Action.REMOVE:
        patch_on = patch.worn(moment)
        return None, patch_on.record_id if patch_on is not None else None
    if moment.action not in _ON_RUNNING:
        return (bag if moment.giving else None), None
    found = [each for each in infusing.running(moment) if (bag is None or each.bag == bag) and _is_named(each, moment)]
    if len(found) != 1:
        return bag, infusing.start_of(moment)
    return found[0].bag if bag is None else bag, found[0].record


def _is_named(running: infusing.Running, moment: Moment) -> bool:
    return moment.facts.intent.of_record is None or running.record == infusing.start_of(moment)
