"""The ward's facts sorted once, so that a verdict costs what one patient's record costs, however large the ward or old the record.

An index says nothing but what its collection says, in the collection's own order where that has a meaning. Each is made on first use
and kept beside the collection that it is of, found again by identity: facts are frozen, so the same object is the same facts. Must
never decide anything.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from pointofcare.orders.order import Order
from pointofcare.people import Patient
from pointofcare.products import IssuedLabels, Product
from pointofcare.verdict.facts import HistoryEntry

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
_Made = TypeVar("_Made")
_KEPT = 4


def kept(build: Callable[..., _Made]) -> Callable[..., _Made]:
    """`build` that remembers what it made of the very same arguments, for the last few of them. They must be frozen."""
    last: tuple[tuple[tuple[object, ...], _Made], ...] = ()

    def of(*values: object) -> _Made:
        nonlocal last
        for known, made in last:
            for one, other in zip(known, values, strict=True):
                if one is not other:
                    break
            else:
                return made
        made = build(*values)
        last = ((values, made), *last[: _KEPT - 1])
        return made

    return of


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was recorded of one patient and counts, oldest first; of several at one instant as they stood in the facts."""

    entries: tuple[HistoryEntry, ...] = ()
    times: tuple[datetime, ...] = ()
    by_order: Mapping[str, tuple[HistoryEntry, ...]] = field(default_factory=dict)
    by_bag: Mapping[str | None, tuple[HistoryEntry, ...]] = field(default_factory=dict)
    by_start: Mapping[str | None, tuple[HistoryEntry, ...]] = field(default_factory=dict)

    def since(self, at: datetime) -> tuple[HistoryEntry, ...]:
        """Those of `at` and later, what is dated ahead of the clock included."""
        return self.entries[bisect_left(self.times, at) :]

    def of(self, order: str) -> tuple[HistoryEntry, ...]:
        return self.by_order.get(order, ())

    def in_bag(self, bag: str) -> tuple[HistoryEntry, ...]:
        return self.by_bag.get(bag, ())

    def continuing(self, record: str | None) -> tuple[HistoryEntry, ...]:
        """What goes on with this record; nothing of a record without an id."""
        return self.by_start.get(record, ()) if record is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """What was recorded of one order, by the due time that it names. `without` name none."""

    entries: tuple[HistoryEntry, ...] = ()
    dues: tuple[datetime, ...] = ()
    without: tuple[HistoryEntry, ...] = ()

    def between(self, first: datetime, last: datetime) -> tuple[HistoryEntry, ...]:
        """Those due from `first` to `last`, both included."""
        return self.entries[bisect_left(self.dues, first) : bisect_right(self.dues, last)]

    def after(self, due: datetime) -> tuple[HistoryEntry, ...]:
        return self.entries[bisect_right(self.dues, due) :]


class History:
    """Everything that was recorded, found by patient, by serial number, by record, by time."""

    __slots__ = ("_at", "_doses", "_entries", "_orders", "_pasts", "_patients", "_records", "_serials")

    def __init__(self, entries: tuple[HistoryEntry, ...]) -> None:
        self._entries = entries
        self._patients: Mapping[str, tuple[HistoryEntry, ...]] | None = None
        self._orders: Mapping[str, tuple[HistoryEntry, ...]] | None = None
        self._serials: Mapping[str | None, tuple[HistoryEntry, ...]] | None = None
        self._records: Mapping[str | None, tuple[HistoryEntry, ...]] | None = None
        self._at: Mapping[datetime, tuple[HistoryEntry, ...]] | None = None
        self._pasts: dict[str | None, Past] = {}
        self._doses: dict[str, Doses] = {}

    def of_patient(self, patient: str | None) -> Past:
        """None: of everybody, for nobody is known."""
        if patient not in self._pasts:
            if self._patients is None:
                self._patients = _grouped(self._entries, lambda entry: entry.patient)
            self._pasts[patient] = _past(self._entries if patient is None else self._patients.get(patient, ()))
        return self._pasts[patient]

    def of_order(self, order: str) -> tuple[HistoryEntry, ...]:
        """Whoever it was recorded of, and what was entered in error too."""
        if self._orders is None:
            self._orders = _grouped(self._entries, lambda entry: entry.order)
        return self._orders.get(order, ())

    def doses(self, order: str) -> Doses:
        """As `of_order`, by due time."""
        if order not in self._doses:
            own = self.of_order(order)
            dated = sorted(((entry.due, place) for place, entry in enumerate(own) if entry.due is not None), key=lambda each: each[0])
            self._doses[order] = Doses(
                entries=tuple(own[place] for _, place in dated),
                dues=tuple(due for due, _ in dated),
                without=tuple(entry for entry in own if entry.due is None),
            )
        return self._doses[order]

    def with_serial(self, serial: str) -> tuple[HistoryEntry, ...]:
        """A dose of several packs holds their serial numbers in one text, as `pointofcare.verdict.record` writes it."""
        if self._serials is None:
            found: dict[str | None, dict[int, HistoryEntry]] = {}
            for place, entry in enumerate(self._entries):
                for each in {entry.serial, *(entry.serial or "").split(", ")}:
                    found.setdefault(each, {})[place] = entry
            self._serials = {each: tuple(entries.values()) for each, entries in found.items()}
        return self._serials.get(serial, ())

    def with_record(self, record: str) -> tuple[HistoryEntry, ...]:
        if self._records is None:
            self._records = _grouped(self._entries, lambda entry: entry.record_id)
        return self._records.get(record, ())

    def recorded_at(self, at: datetime) -> tuple[HistoryEntry, ...]:
        if self._at is None:
            self._at = _grouped(self._entries, lambda entry: entry.at.astimezone(UTC))
        return self._at.get(at.astimezone(UTC), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """`newest` holds each order in its highest version, `by_patient` those of one patient, `first` each as it first stands."""

    newest: Mapping[str, Order]
    by_patient: Mapping[str, tuple[Order, ...]]
    versions: Mapping[str, tuple[Order, ...]]

    def first(self, order: str) -> Order | None:
        return next(iter(self.versions.get(order, ())), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    by_id: Mapping[str, tuple[Product, ...]]
    by_gtin: Mapping[str, tuple[Product, ...]]

    def first(self, product: str | None) -> Product | None:
        return next(iter(self.by_id.get(product, ())), None) if product is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patients:
    by_id: Mapping[str, tuple[Patient, ...]]
    by_band: Mapping[str, tuple[Patient, ...]]


def _grouped(values: Iterable[_Value], key: Callable[[_Value], _Key]) -> dict[_Key, tuple[_Value, ...]]:
    found: defaultdict[_Key, list[_Value]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return {name: tuple(group) for name, group in found.items()}


def _past(entries: tuple[HistoryEntry, ...]) -> Past:
    counting = sorted((entry for entry in entries if entry.status != "entered-in-error"), key=lambda entry: entry.at)
    return Past(
        entries=tuple(counting),
        times=tuple(entry.at for entry in counting),
        by_order=_grouped(counting, lambda entry: entry.order),
        by_bag=_grouped((entry for entry in counting if entry.bag is not None), lambda entry: entry.bag),
        by_start=_grouped((entry for entry in counting if entry.continues is not None), lambda entry: entry.continues),
    )


@kept
def history(entries: tuple[HistoryEntry, ...]) -> History:
    return History(entries)


@kept
def orders(values: tuple[Order, ...]) -> Orders:
    newest: dict[str, Order] = {}
    for order in values:
        if order.id not in newest or order.version > newest[order.id].version:
            newest[order.id] = order
    return Orders(
        newest=newest,
        by_patient=_grouped(newest.values(), lambda order: order.patient),
        versions=_grouped(values, lambda order: order.id),
    )


@kept
def products(values: tuple[Product, ...]) -> Products:
    return Products(by_id=_grouped(values, lambda product: product.id), by_gtin=_grouped(values, lambda product: product.gtin))


@kept
def patients(values: tuple[Patient, ...]) -> Patients:
    banded: defaultdict[str, list[Patient]] = defaultdict(list)
    for patient in values:
        for gsrn in {band.gsrn for band in patient.bands}:
            banded[gsrn].append(patient)
    return Patients(by_id=_grouped(values, lambda patient: patient.id), by_band={gsrn: tuple(found) for gsrn, found in banded.items()})


@kept
def labels(values: tuple[IssuedLabels, ...]) -> Mapping[str, tuple[IssuedLabels, ...]]:
    """Serial number -> what was printed with it: more than one only where the facts contradict themselves."""
    found: defaultdict[str, list[IssuedLabels]] = defaultdict(list)
    for issued in values:
        for serial in issued.serials:
            found[serial].append(issued)
    return {serial: tuple(each) for serial, each in found.items()}
