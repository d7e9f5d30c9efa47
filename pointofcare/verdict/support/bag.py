"""I1, I2, I3, I4: the infusion bag is the ordered one, in a state to be started, and printed for the order as it is now.

Source: VA BCMA IV bag states and its matrix of what a changed order does to a printed bag. Hazard: an old or foreign bag; two
bags of one order at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.orders.order import Order, OrderCategory
from pointofcare.products import Bag, BagState
from pointofcare.quantity import Quantity
from pointofcare.verdict import infusing
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, plain
from pointofcare.verdict.rule import Rule

KNOWN = Rule(
    id="I1",
    title="The bag is known by its own id",
    levels=(Level.STOP,),
    looks_at="the scanned id, the bags that were printed",
    passes_when="exactly one bag has that id",
    source="VA BCMA unique bag id",
    hazard="foreign bag",
    remedies={"tell-pharmacy": ("barcode",)},
    facts=("barcode",),
    origin="scan",
)
STATE = Rule(
    id="I2",
    title="The bag can do this now",
    levels=(Level.REASON, Level.STOP),
    looks_at="the bag's state, the action; without a bag the record of what runs",
    passes_when="prepared or stopped for a start, infusing for a stop or a new rate",
    source="VA BCMA bag states",
    hazard="an empty or missing bag is started",
    remedies={"scan-other-bag": (), "tell-pharmacy": ("barcode",), "scan-running-bag": ()},
    facts=("bag", "state"),
    origin="bag",
)
PRINTED = Rule(
    id="I3",
    title="The bag's label fits the order as it is now",
    levels=(Level.NOTE, Level.WARN, Level.REASON, Level.STOP),
    looks_at="volume, rate and additives on the label and on the order, the order's version",
    passes_when="the label was printed for this version and says the same",
    source="VA BCMA bag matrix",
    hazard="bag of a changed order",
    remedies={"set-rate": ("rate",), "tell-pharmacy": ("barcode",), "read-label": ()},
    facts=("cause", "printed", "ordered"),
    origin="bag",
    origins={"ordered": "order"},
)
SECOND = Rule(
    id="I4",
    title="No other bag of this order is running",
    levels=(Level.REASON,),
    looks_at="the order's other bags",
    passes_when="none is infusing",
    source="local choice",
    hazard="two bags at once",
    remedies={"stop-other-bag": ("bag",)},
    facts=("bag",),
    origin="bag",
)


_ON_RUNNING = frozenset({Action.STOP, Action.RATE})


def check_known(moment: Moment) -> Iterator[Finding]:
    infusing = moment.order is not None and moment.order.category is OrderCategory.INFUSION
    if moment.session.foreign and (moment.action in (Action.START, *_ON_RUNNING) or (moment.giving and infusing)):
        barcode = ", ".join(moment.session.foreign)
        yield KNOWN.finding(Level.STOP, "tell-pharmacy", facts={"barcode": barcode}, params={"barcode": barcode})


def check_state(moment: Moment) -> Iterator[Finding]:
    bag = moment.bag
    if bag is None:
        yield from _check_running(moment)
        return
    allowed: frozenset[BagState] | None = None
    if moment.giving:
        allowed = frozenset({BagState.PREPARED, BagState.STOPPED})
    elif moment.action in _ON_RUNNING:
        allowed = frozenset({BagState.INFUSING})
    if allowed is None or bag.state in allowed:
        return
    unknown = bag.state is None
    facts = {"bag": bag.id, "state": bag.state.value if bag.state is not None else "unknown"}
    if bag.state is BagState.MISSING:
        yield STATE.finding(Level.STOP, "tell-pharmacy", facts=facts, params={"barcode": bag.id})
    else:
        yield STATE.finding(Level.REASON if unknown else Level.STOP, "scan-other-bag", facts=facts, unknown=unknown)


def _check_running(moment: Moment) -> Iterator[Finding]:
    """A new rate, or the end of a named record, needs exactly one infusion of this order that runs into this patient."""
    named = moment.facts.intent.of_record
    if moment.action not in _ON_RUNNING or (moment.action is Action.STOP and named is None):
        return
    if moment.action is Action.STOP and infusing.may_end(moment):
        return  # a paused one is not running, and can be ended
    found = [each for each in infusing.running(moment) if named is None or infusing.start_of(moment) == each.record]
    if len(found) != 1:
        state = "none-running" if not found else "several-running"
        yield STATE.finding(Level.STOP, "scan-running-bag", facts={"bag": "", "state": state}, unknown=bool(found))


def check_printed(moment: Moment) -> Iterator[Finding]:
    bag, order = moment.bag, moment.order
    if bag is None or order is None or not moment.giving or bag.order != order.id:
        return
    facts = {"cause": "version", "printed": str(bag.order_version), "ordered": str(order.version)}
    policy = moment.policy
    differing = _differing(bag, order)
    for field in _FIELDS:
        if field in differing and field in policy.bag_stops:
            printed, ordered = differing[field]
            facts |= {"cause": field, "printed": printed, "ordered": ordered}
            yield PRINTED.finding(Level.STOP, "tell-pharmacy", facts=facts, params={"barcode": bag.id})
            return
    if bag.order_version != order.version and "volume" in (*policy.bag_stops, *policy.bag_warns) and _uncomparable(bag, order):
        yield PRINTED.finding(Level.REASON, "read-label", facts=facts, unknown=True)
        return
    for field in _FIELDS:
        if field in differing and field in policy.bag_warns:
            printed, ordered = differing[field]
            facts |= {"cause": field, "printed": printed, "ordered": ordered}
            remedy, params = ("set-rate", {"rate": ordered}) if field == "rate" else ("read-label", {})
            yield PRINTED.finding(Level.WARN, remedy, facts=facts, params=params)
            return
    if bag.order_version != order.version:
        yield PRINTED.finding(Level.NOTE, "read-label", facts=facts)


# What a label shows, in the order in which a difference is said.
_FIELDS = ("volume", "additives", "rate")


def _differing(bag: Bag, order: Order) -> dict[str, tuple[str, str]]:
    """Each printed field that is not as ordered now, with both values."""
    printed, found = bag.printed_for, {}
    if printed.volume is not None and _differs(printed.volume, order.dose) is True:
        found["volume"] = (str(printed.volume), str(order.dose))
    if _additives(printed.additives) != _additives(order.additives):
        found["additives"] = (", ".join(printed.additives), ", ".join(order.additives))
    if _rate_differs(bag, order):
        found["rate"] = (str(printed.rate) if printed.rate is not None else "", str(order.rate) if order.rate is not None else "")
    return found


def _additives(additives: tuple[str, ...]) -> list[str]:
    return sorted(plain(each) for each in additives)


def _differs(printed: Quantity, ordered: Quantity | None) -> bool | None:
    """None: they do not compare."""
    if ordered is None or not printed.converts_to(ordered.unit):
        return None
    return not printed.same_as(ordered)


def _rate_differs(bag: Bag, order: Order) -> bool:
    printed = bag.printed_for.rate
    if printed is None:
        return order.rate is not None and bag.order_version != order.version
    return _differs(printed, order.rate) is not False


def _uncomparable(bag: Bag, order: Order) -> bool:
    """Of a changed order, a label without a volume cannot show whether the dose changed, nor can one of a dose that is none."""
    return bag.printed_for.volume is None or _differs(bag.printed_for.volume, order.dose) is None


def check_second(moment: Moment) -> Iterator[Finding]:
    bag, order = moment.bag, moment.order
    if order is None or not moment.giving or (bag is None and order.category is not OrderCategory.INFUSION):
        return
    running = [
        other.id
        for other in moment.facts.bags
        if other.order == order.id and other.state is BagState.INFUSING and (bag is None or other.id != bag.id)
    ]
    if running:
        names = ", ".join(running)
        yield SECOND.finding(Level.REASON, "stop-other-bag", facts={"bag": names}, params={"bag": names})
