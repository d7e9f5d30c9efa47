"""One bedside moment as the checks see it: the scans replayed, and the patient, products, order and dose that they name.

Values only, made once by `matching.look`. What could not be found is None with a cause beside it, never a guess. Must never
decide whether anything is safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

from pointofcare.errors import ZoneUnknownError
from pointofcare.labels.scan import BandScan, DrugScan, Keyed, UnreadableLabel
from pointofcare.orders import timing
from pointofcare.orders.order import Order
from pointofcare.orders.schedule import DueDose
from pointofcare.people import Band, Patient
from pointofcare.products import Bag, Product
from pointofcare.quantity import Quantity
from pointofcare.verdict import index
from pointofcare.verdict.facts import Action, Facts, HistoryEntry
from pointofcare.verdict.index import Doses, Past
from pointofcare.verdict.policy import ListedEmergency, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One scanned pack. `product` None: its barcode is not in the formulary, or names more than one product."""

    scan: DrugScan
    product: Product | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the scans say. Only `packs`, `bags`, `unread` and `foreign` that came after the band and within the idle time count.

    `lapsed`: the session ran out before the moment of asking. `uncounted`: how many drug scans did not count.
    `foreign` are texts that name nothing the hospital knows, `strays` the texts that were scanned before any band. `twice` is
    how many scans repeated one serial number.
    """

    band: BandScan | None = None
    keyed: Keyed | None = None
    unread_band: UnreadableLabel | None = None
    lapsed: bool = False
    idle: timedelta = timedelta(0)
    uncounted: int = 0
    packs: tuple[Pack, ...] = ()
    bags: tuple[Bag, ...] = ()
    unread: tuple[UnreadableLabel, ...] = ()
    foreign: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    keyed_drugs: tuple[Keyed, ...] = ()
    twice: int = 0

    @property
    def opened(self) -> bool:
        return self.band is not None or self.keyed is not None or self.unread_band is not None

    @property
    def has_drug(self) -> bool:
        return bool(self.packs or self.bags or self.unread or self.foreign or self.keyed_drugs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The scanned patient. `cause` "" when exactly one was found, else why not: none-scanned, unreadable, unknown, ambiguous,
    bed-number, second-missing, second-differs. `bands` are that patient's bands with the scanned number."""

    patient: Patient | None
    cause: str
    bands: tuple[Band, ...] = ()
    scanned: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The order. `cause`: named, matched, bag, ambiguous (see `candidates`), unknown-order, none."""

    order: Order | None
    cause: str
    candidates: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseTime:
    """The due dose. `problem` is not empty when the schedule or the zone is not known. `spacing` is the usual time between two
    doses. `listed` False: the named time is none of the order's."""

    due: datetime | None = None
    dose: DueDose | None = None
    spacing: timedelta | None = None
    next_due: datetime | None = None
    before: timedelta = timedelta(0)
    after: timedelta = timedelta(0)
    problem: str = ""
    listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosing:
    """Ordered against scanned and stated, as exact fractions in the base unit of the ordered dose (`unit` as ordered).

    `problem` is "" when they compare, else: units, no-dose, no-strength, combination, weight. `available` None: a multi-dose
    container whose content is not bounded. `given` is what was stated, else what was scanned; None when a multi-dose
    container was scanned and nothing stated. `piece` is the smallest scanned unit.
    """

    unit: str
    problem: str = ""
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    available: Fraction | None = None
    stated: Fraction | None = None
    given: Fraction | None = None
    piece: Fraction = Fraction(0)
    largest: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A drug that the policy lists for emergencies, without an order. `fault` is "" when everything that the list asks for is
    there, else the first thing that is not: reason, dose, route, units, over. `lines` are the policy's, one an ingredient at
    least."""

    product: Product
    lines: tuple[ListedEmergency, ...]
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """`at` is the moment of asking, `when` the moment of giving (`given_at` where it was charted late). `patient` is the
    scanned one, or the order's where the action needs no band. `drugs` are the products whose warnings apply: the scanned
    ones, and for a bag those of the formulary that it holds. `past` is this patient's record, without what was entered in error.
    Of `order`'s dosage instructions the one of this dose stands in the order's own fields.
    `of` is the record that the intent is about; None: it names none, or one that is not there just once.
    """

    facts: Facts
    at: datetime
    when: datetime
    session: Session
    identity: Identity
    patient: Patient | None
    choice: Choice
    order: Order | None
    time: DoseTime
    dosing: Dosing | None
    drugs: tuple[Product, ...]
    past: Past
    of: HistoryEntry | None = None
    emergency: Emergency | None = None

    @property
    def policy(self) -> Policy:
        return self.facts.policy

    @property
    def history(self) -> tuple[HistoryEntry, ...]:
        """All of this patient's record, oldest first."""
        return self.past.entries

    @property
    def of_order(self) -> tuple[HistoryEntry, ...]:
        """What the record says of this order, oldest first."""
        return self.past.of(self.order.id) if self.order is not None else ()

    def due_at(self, due: datetime | None) -> tuple[HistoryEntry, ...]:
        """The record of this order's dose that is due then, none for None."""
        return self._counting(self._doses().between(due, due)) if due is not None else ()

    def due_after(self, due: datetime) -> tuple[HistoryEntry, ...]:
        """The record of this order's later doses."""
        return self._counting(self._doses().after(due))

    def done_at(self, at: datetime | None) -> tuple[HistoryEntry, ...]:
        """What was recorded of this order at that instant, none for None."""
        if at is None or self.order is None:
            return ()
        return self._counting(entry for entry in index.history(self.facts.history).recorded_at(at) if entry.order == self.order.id)

    def _doses(self) -> Doses:
        return index.history(self.facts.history).doses(self.order.id) if self.order is not None else Doses()

    def _counting(self, entries: Iterable[HistoryEntry]) -> tuple[HistoryEntry, ...]:
        """Those of this patient that were not entered in error, as `past` holds them."""
        patient = self.patient.id if self.patient is not None else None
        return tuple(entry for entry in entries if entry.status != "entered-in-error" and patient in (None, entry.patient))

    def since(self, span: timedelta) -> tuple[HistoryEntry, ...]:
        """The record of the last `span` (its first instant included), and what is dated ahead of the clock."""
        try:
            return self.past.since(self.when - span)
        except OverflowError:
            return self.past.entries

    @property
    def action(self) -> Action:
        return self.facts.intent.action

    @property
    def giving(self) -> bool:
        """Will the patient get something?"""
        return self.action in GIVING

    @property
    def delivering(self) -> bool:
        """Will what the patient gets change, now or by a new rate?"""
        return self.giving or self.action is Action.RATE

    @property
    def at_bedside(self) -> bool:
        """Is something done to the patient's body, so that the band must be scanned?"""
        return self.action in AT_BEDSIDE

    @property
    def offline(self) -> bool:
        """Not known to be online is offline."""
        return self.facts.cart.online is not True

    @property
    def products(self) -> tuple[Product, ...]:
        """The scanned products, each once, in the order of the scans."""
        return tuple({pack.product.id: pack.product for pack in self.session.packs if pack.product is not None}.values())

    @property
    def bag(self) -> Bag | None:
        return self.session.bags[-1] if self.session.bags else None

    def is_ahead(self, at: datetime) -> bool:
        """Does a fact claim to be from after now, by more than another clock may be off?"""
        return at - self.at > self.policy.clock_stop

    def local(self, at: datetime | None) -> str:
        """An instant as ISO text in the ward's offset, for findings; "" for None."""
        if at is None:
            return ""
        try:
            return at.astimezone(timing.zone_of(self.facts.timezone)).isoformat()
        except (ZoneUnknownError, OverflowError):
            return at.isoformat()

    def order_of(self, entry: HistoryEntry) -> Order | None:
        return index.orders(self.facts.orders).first(entry.order)

    def product_of(self, entry: HistoryEntry) -> Product | None:
        return index.products(self.facts.products).first(entry.product)

    def ingredients_of(self, entry: HistoryEntry) -> frozenset[str] | None:
        """What an entry held, by its product, else by its order; None when neither is known."""
        product, order = self.product_of(entry), self.order_of(entry)
        if product is not None:
            return ingredients(product)
        return ordered_ingredients(order) if order is not None else None


GIVING = frozenset({Action.GIVE, Action.START})
AT_BEDSIDE = GIVING | {Action.STOP, Action.REMOVE, Action.RATE}
NOT_GIVING = frozenset({Action.HOLD, Action.REFUSE, Action.NOT_GIVEN})
# What the patient got something of.
TAKEN = frozenset({"completed", "in-progress", "stopped", "on-hold"})
CLOSING = frozenset({"completed", "not-done", "stopped"})


def same_name(one: str, other: str) -> bool:
    return plain(one) == plain(other)


@lru_cache(maxsize=8192)
def plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def is_place(text: str, patients: Sequence[Patient]) -> bool:
    """Is it the number of a bed or the name of a ward, which name no patient (rule P2)?"""
    return any(place is not None and plain(place) == plain(text) for each in patients for place in (each.bed, each.ward))


def ingredients(product: Product) -> frozenset[str]:
    return frozenset(plain(each.name) for each in product.ingredients)


def ordered_ingredients(order: Order) -> frozenset[str]:
    return _joined(order.ingredient)


@lru_cache(maxsize=8192)
def _joined(names: str) -> frozenset[str]:
    return frozenset(plain(name) for name in names.split("/") if name.strip())


def matches(product: Product, order: Order) -> bool:
    """Rule D1: the same set of ingredients and the same form. Strength is rule Q2's."""
    held = ingredients(product)
    return bool(held) and held == ordered_ingredients(order) and same_name(product.form, order.form)


def shown(amount: Fraction, unit: str) -> str:
    """`amount` (base units) in `unit` as on a screen, at most nine decimals."""
    value = amount / Quantity(value=Decimal(1), unit=unit).exact()
    with localcontext() as context:
        context.prec = 80
        number = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.000000001"))
    return str(Quantity(value=number, unit=unit))
