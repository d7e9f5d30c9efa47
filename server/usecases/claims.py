"""Drug lines of insurance claims (XML2) from what was given, and the list of what must not be billed.

A line is a dose that was given, at the time when it was given, never an order. What was refused, held, left out, wasted or corrected is
on the other list with its reason. What cannot be computed, or contradicts the stay, is on a third list and on no claim: nobody guesses
an amount of money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from zoneinfo import ZoneInfo

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import QuantityError, UnreadableError
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.dosing import amount_of
from pointofcare.verdict.moment import plain
from pointofcare.vietnam import claims, codes, routes
from pointofcare.vietnam.claims import Shape
from pointofcare.vietnam.fault import CodeError
from server.store import views_claims
from server.store.catalogue import Line
from server.store.stays import Stay
from server.store.transaction import Transaction
from server.store.views_claims import Look

_TAKING = frozenset({"give", "start"})
_NOTHING = frozenset({"hold", "refuse", "not-given"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a claim. `values` in the order of the columns; `doubts` are codes of what a person should look at."""

    record_id: str
    patient: str
    mrn: str
    claim: str
    drug: str
    at: datetime
    values: tuple[tuple[str, str], ...]
    doubts: tuple[str, ...] = ()

    def value(self, name: str) -> str:
        return dict(self.values)[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbilled:
    """What must not be on a claim. `why`: the coded reason of the record, or wasted, returned, corrected, withdrawn, not-charted,
    own-supply. `amount` is how much, None: it does not matter.."""

    record_id: str
    patient: str
    mrn: str
    order: str | None
    drug: str
    at: datetime
    why: str
    amount: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What was given and is on no list of lines: `code` says what is missing or contradicts, `detail` its value."""

    record_id: str
    patient: str
    mrn: str
    drug: str
    at: datetime
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """`is_whole` False: the period holds more than was read, ask for a shorter one."""

    shape: Shape
    since: datetime
    until: datetime
    rows: tuple[Row, ...]
    unbilled: tuple[Unbilled, ...]
    faults: tuple[Fault, ...]
    is_whole: bool


class _NotBillableError(Exception):
    """Internal: one record gives no line."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an export is made: zone of wards that name none, ward -> MA_KHOA, the columns of the period."""

    zone: str
    wards: Mapping[str, str]
    shape: Shape


def collect(
    tx: Transaction,
    *,
    since: datetime,
    until: datetime,
    zone: str,
    wards: Mapping[str, str],
    ward: str | None = None,
    patient: str | None = None,
    claim: str | None = None,
) -> Export:
    """Everything given in [since, until) that the person reaches; `claim`: of this MA_LK alone.

    Raises: NotFoundError (no columns are known for that time), UnreadableError (the columns changed within the period)."""
    local = ZoneInfo(zone)
    shape = claims.shape(since.astimezone(local).date())
    if claims.shape((until - timedelta(microseconds=1)).astimezone(local).date()).decision != shape.decision:
        raise UnreadableError(
            "the columns of claims changed within this period", remedy="export the time before and after it apart", says="claims-shape"
        )
    look = views_claims.look(tx, since=since, until=until, ward=ward, patient=patient)
    place = _Place(zone=zone, wards=wards, shape=shape)
    rows: list[Row] = []
    faults: list[Fault] = []
    number: dict[str, int] = {}
    for record in look.records:
        if record.action not in _TAKING or record.status in ("not-done", "entered-in-error") or record.record_id in look.amended:
            continue
        mrn = _mrn(look, record.patient, record.mrn)
        try:
            for made in _lines(record, look, place, number):
                if claim is None or made.claim == claim:
                    rows.append(made)
        except _NotBillableError as exc:
            if exc.code != "own-supply":
                who = {"record_id": record.record_id, "patient": record.patient, "mrn": mrn, "drug": _drug(record, look)}
                faults.append(Fault(at=record.effective_at, code=exc.code, detail=exc.detail, **who))
    unbilled = tuple(_unbilled(look))
    if claim is not None:
        of = {row.patient for row in rows}
        unbilled = tuple(one for one in unbilled if one.patient in of)
        faults = [one for one in faults if one.patient in of]
    return Export(shape=shape, since=since, until=until, rows=tuple(rows), unbilled=unbilled, faults=tuple(faults), is_whole=look.is_whole)


def _lines(record: AdministrationRecord, look: Look, place: _Place, number: dict[str, int]) -> Iterator[Row]:
    """The lines of one dose: one, or one for each pack of a bag. All of them or none. Raises: _NotBillableError."""
    placed = look.orders.get((record.order or "", record.order_version or 0))
    if record.order is None or placed is None:
        raise _NotBillableError("no-order")
    if placed.order.own_supply:
        raise _NotBillableError("own-supply")
    zone = ZoneInfo(look.zones.get(record.ward) or place.zone)
    at = record.effective_at.astimezone(zone)
    stay, doubts = _stay(record, look)
    if record.effective_at < placed.at:
        raise _NotBillableError("before-order", claims.minute(placed.at.astimezone(zone)))
    if claims.minute(at) == claims.minute(placed.at.astimezone(zone)):
        doubts.append("at-order-minute")
    common = {
        "MA_LK": stay.claim or "",
        "MA_KHOA": _ward(record.ward, place, at, doubts),
        "MA_BAC_SI": look.licences.get(placed.order.prescriber or "", ""),
        "CACH_DUNG": " ".join(placed.order.display.split())[:1024],
        "NGAY_YL": claims.minute(placed.at.astimezone(zone)),
        "NGAY_TH_YL": claims.minute(at),
    }
    if not common["MA_BAC_SI"]:
        doubts.append("no-licence")
    made = []
    for product, share in _taken(record, look):
        if product.owner is not None:
            raise _NotBillableError("own-supply")
        line = _line(product, look, at)
        mine = list(doubts)
        try:
            values = common | _of_line(line, record, share, mine, at)
            made.append((line, tuple(mine), claims.line(values, place.shape)))
        except CodeError as exc:
            raise _NotBillableError("value-too-long", str(exc.fields.get("column", ""))) from exc
    for line, told, cells in made:
        number[stay.claim or ""] = number.get(stay.claim or "", 0) + 1
        numbered = tuple((name, str(number[stay.claim or ""]) if name == "STT" else value) for name, value in cells)
        yield Row(
            record_id=record.record_id,
            patient=record.patient,
            mrn=_mrn(look, record.patient, record.mrn),
            claim=stay.claim or "",
            drug=line.name,
            at=record.effective_at,
            values=numbered,
            doubts=told,
        )


def _of_line(line: Line, record: AdministrationRecord, share: Fraction, doubts: list[str], at: datetime) -> dict[str, str]:
    quantity, rounded = claims.number(share)
    if rounded:
        doubts.append("rounded")
    if quantity == "0":
        raise _NotBillableError("quantity", "0")
    unit = line.cell("DON_VI_TINH")
    values = {
        "MA_THUOC": line.medicine,
        "MA_CSKCB_THUOC": line.cell("MA_CSKCB_THUOC"),
        "MA_NHOM": line.cell("MA_NHOM"),
        "TEN_THUOC": line.name,
        "DON_VI_TINH": unit,
        "HAM_LUONG": line.cell("HAM_LUONG"),
        "DUONG_DUNG": _route(line, record, at),
        "DANG_BAO_CHE": line.cell("DANG_BAO_CHE"),
        "LIEU_DUNG": claims.dosage(quantity, unit),
        "SO_DANG_KY": line.registration,
        "TT_THAU": line.cell("TT_THAU"),
        "TYLE_TT_BH": line.cell("TYLE_TT_BH"),
        "SO_LUONG": quantity,
    }
    price = _money(line.cell("DON_GIA"))
    if price is None:
        doubts.append("no-price")
    else:
        values["DON_GIA"] = format(price, "f")
        values["THANH_TIEN_BV"], _ = claims.number(Fraction(Decimal(quantity)) * Fraction(price))
    return values


def _taken(record: AdministrationRecord, look: Look) -> Iterator[tuple[Product, Fraction]]:
    """What was given, as products and how many units of each. Raises: _NotBillableError."""
    dose = record.dose
    if record.action == "start" or record.status in ("in-progress", "on-hold"):
        end = look.ends.get(record.record_id)
        if end is None and record.status in ("in-progress", "on-hold"):
            raise _NotBillableError("still-running")
        if end is not None:
            if end.status == "stopped" and end.dose is None:
                raise _NotBillableError("stopped-early")
            dose = end.dose or dose
    if record.bag is not None and record.product is None:
        packs = look.bags.get(record.bag)
        if packs is None or not packs.contents:
            raise _NotBillableError("bag-unknown", record.bag)
        end = look.ends.get(record.record_id)
        if end is not None and end.status == "stopped":
            raise _NotBillableError("stopped-early")
        for key, amount in packs.contents:
            product = look.products.get(key)
            if product is None:
                raise _NotBillableError("product-unknown", key)
            yield product, Fraction(1) if amount is None else _units(product, _amount(amount))
        return
    product = look.products.get(record.product or "")
    if product is None:
        raise _NotBillableError("product-unknown", record.product or "")
    if dose is None:
        raise _NotBillableError("quantity")
    yield product, _units(product, dose)


def _amount(text: str) -> Quantity:
    try:
        return Quantity.parse(text)
    except QuantityError:
        raise _NotBillableError("quantity", text[:40]) from None


def _units(product: Product, dose: Quantity) -> Fraction:
    """How many of the product's units a dose is."""
    first = product.ingredients[0] if product.ingredients else None
    content = first.amount if first is not None else None
    if first is not None and content is not None and content.value > 0:
        try:
            amount = amount_of(plain(first.name), product, dose)
        except QuantityError:
            amount = None
        if amount is not None:
            return amount / content.exact()
    elif dose.unit.startswith("{"):
        return Fraction(dose.value)
    raise _NotBillableError("quantity", str(dose))


def _line(product: Product, look: Look, at: datetime) -> Line:
    listed = look.lines.get(look.base.get(product.id, product.id), ())
    holding = [line for line in listed if line.holds_on(at.date())]
    if not listed:
        raise _NotBillableError("no-catalogue-line", product.id)
    if not holding:
        raise _NotBillableError("catalogue-line-ended", product.id)
    if len(holding) > 1:
        raise _NotBillableError("several-catalogue-lines", product.id)
    return holding[0]


def _route(line: Line, record: AdministrationRecord, at: datetime) -> str:
    """The catalogue's own code, where what was given may stand under it."""
    code = line.cell("MA_DUONG_DUNG")
    try:
        route = routes.get(code, at.date())
    except CodeError:
        raise _NotBillableError("route-unknown", code) from None
    if not record.route or not route.fits(record.route):
        raise _NotBillableError("route-differs", f"{record.route or '?'} / {code}")
    return route.code


def _stay(record: AdministrationRecord, look: Look) -> tuple[Stay, list[str]]:
    """The one stay that the dose was given in. Raises: _NotBillableError."""
    listed = look.stays.get(record.patient, ())
    holding = [stay for stay in listed if stay.holds(record.effective_at)]
    claimed = [stay for stay in holding if stay.claim]
    if not holding:
        raise _NotBillableError("outside-stay" if listed else "no-stay")
    if not claimed:
        raise _NotBillableError("no-claim-link")
    if len(claimed) > 1:
        raise _NotBillableError("several-stays", ", ".join(sorted(stay.claim or "" for stay in claimed)))
    stay, minute = claimed[0], claims.minute(record.effective_at)
    doubts = []
    if stay.admitted_at is None:
        doubts.append("admission-unknown")
    if minute in (claims.minute(stay.admitted_at) if stay.admitted_at else "", claims.minute(stay.left_at) if stay.left_at else ""):
        doubts.append("at-stay-minute")
    return stay, doubts


def _ward(ward: str, place: _Place, at: datetime, doubts: list[str]) -> str:
    try:
        return codes.ward(place.wards.get(ward, ward), at.date())
    except CodeError:
        doubts.append("no-ward-code")
        return ""


def _money(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None


def _unbilled(look: Look) -> Iterator[Unbilled]:
    for record in look.records:
        told = {
            "record_id": record.record_id,
            "patient": record.patient,
            "mrn": _mrn(look, record.patient, record.mrn),
            "order": record.order,
            "drug": _drug(record, look),
            "at": record.effective_at,
        }
        if record.record_id in look.amended:
            yield Unbilled(why="corrected", amount=_written(record.dose), **told)  # type: ignore[arg-type]
            continue
        if record.status == "entered-in-error":
            yield Unbilled(why="withdrawn", amount=_written(record.dose), **told)  # type: ignore[arg-type]
            continue
        if record.action in _NOTHING or record.status == "not-done":
            yield Unbilled(why=record.status_reason or record.action, **told)  # type: ignore[arg-type]
            continue
        placed = look.orders.get((record.order or "", record.order_version or 0))
        product = look.products.get(record.product or "")
        if record.action in _TAKING and ((placed is not None and placed.order.own_supply) or (product is not None and product.owner)):
            yield Unbilled(why="own-supply", amount=_written(record.dose), **told)  # type: ignore[arg-type]
        wasted = record.waste or (record.dose if record.action == "waste" else None)
        if wasted is not None:
            yield Unbilled(why="wasted", amount=_written(wasted), **told)  # type: ignore[arg-type]
        if record.returned is not None:
            yield Unbilled(why="returned", amount=_written(record.returned), **told)  # type: ignore[arg-type]
    for order, due, _, patient in look.unfilled:
        if (order, due) in look.charted:
            continue
        placed = next((look.orders[key] for key in sorted(look.orders, reverse=True) if key[0] == order), None)
        drug = placed.order.display or placed.order.ingredient if placed is not None else order
        yield Unbilled(
            record_id="", patient=patient, mrn=_mrn(look, patient, ""), order=order, drug=drug, at=due.astimezone(UTC), why="not-charted"
        )


def _written(amount: Quantity | None) -> str | None:
    return None if amount is None else str(amount)


def _mrn(look: Look, patient: str, otherwise: str) -> str:
    return look.people[patient].mrn if patient in look.people else otherwise


def _drug(record: AdministrationRecord, look: Look) -> str:
    if record.product_name or record.product:
        return record.product_name or record.product or ""
    placed = look.orders.get((record.order or "", record.order_version or 0))
    return placed.order.display or placed.order.ingredient if placed is not None else record.order or record.bag or "?"
