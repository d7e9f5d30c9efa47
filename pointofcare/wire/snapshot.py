"""The facts of one verdict as a short text, so that it can be recomputed for ever: canonical JSON, deflated, base64.

Narrowed first to what a check can look at: a whole ward's chart goes in, one patient's dose is kept, without the names and birth
dates that no check reads. Narrowing must never change the verdict: it is evaluated on both, and where the narrow facts would
answer differently the wider ones are kept.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pointofcare.errors import MessageError
from pointofcare.labels.scan import BandScan, DrugScan, Keyed, TextScan, UnreadableLabel
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.people import Nurse, Observation, Patient
from pointofcare.products import Product
from pointofcare.verdict import engine, matching
from pointofcare.verdict.facts import Facts, HistoryEntry
from pointofcare.verdict.finding import Verdict
from pointofcare.verdict.moment import GIVING, ingredients, ordered_ingredients, plain
from pointofcare.wire import blanks, fields, values
from pointofcare.wire.blanks import Form

FORMAT = 1
MAX_TEXT = 700_000  # what a message can carry beside the record itself
# Longer than any window, interval or look back of a policy that a hospital would write.
RECENT = timedelta(hours=96)
# Of an order's older entries: enough for a schedule of weeks.
NEWEST_OF_AN_ORDER = 24
VALUES_OF_A_CODE = 3
# The first things in the text, for its keys are sorted.
_BLANKS: Mapping[str, fields.WireField[Any]] = {
    "facts.at": fields.Moment(),
    "facts.cart.chart_age_s": fields.Real(),
    "facts.cart.clock_offset_s": fields.Real(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is written."""

    facts: Facts
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Narrowed facts, written and deflated but for the moment and the cart's two clocks, which `facts` will have others of."""

    facts: Facts
    form: Form
    deflated: bytes


def pack(facts: Facts, *, verdict: Verdict | None = None, prepared: Prepared | None = None) -> str:
    """Narrowed facts as text; `verdict` is theirs, where it is known already, and `prepared` where these are narrow and prepared.

    Raises: MessageError for facts that cannot be written, or are too many."""
    narrow = narrowed(facts, verdict=verdict) if prepared is None else prepared.facts
    prepared, cart = prepared or prepare(narrow), narrow.cart
    text = None
    if prepared is not None:
        text = packed(prepared, at=narrow.at, chart_age_s=cart.chart_age_s, clock_offset_s=cart.clock_offset_s)
    return text if text is not None else _text(b"", values.written(_plain(narrow)))


def prepare(facts: Facts) -> Prepared | None:
    """Of facts that are narrow already; None where a text in them stands in the way. Raises: MessageError as `pack` does."""
    form = blanks.form(_Kept(facts=facts), _plain(facts), _BLANKS)
    return Prepared(facts=facts, form=form, deflated=_deflated(form.around[-1])) if form is not None else None


def packed(prepared: Prepared, *, at: datetime, chart_age_s: float | None, clock_offset_s: float | None) -> str | None:
    """What `pack` gives for the prepared facts at that moment and with those clocks, to the letter. None when a clock is known only
    here, or only there.

    Raises: MessageError when they are too many."""
    entries = {"facts.at": at, "facts.cart.chart_age_s": chart_age_s, "facts.cart.clock_offset_s": clock_offset_s}
    open_ = [blank.path for blank in prepared.form.blanks]
    if any(entry is not None and path not in open_ for path, entry in entries.items()):
        return None
    pieces = blanks.with_these(prepared.form, [entries[path] for path in open_])
    return _text(b"".join(pieces[:-1]), pieces[-1], prepared.deflated) if pieces is not None else None


def _plain(facts: Facts) -> dict[str, object]:
    return {"format": FORMAT, "facts": values.to_plain(facts)}


def _text(head: bytes, tail: bytes, deflated: bytes | None = None) -> str:
    """One zlib stream: `head` as it is, so that it can be another one a moment later, then `tail` deflated."""
    stored = [
        b"\x00" + len(part).to_bytes(2, "little") + (len(part) ^ 0xFFFF).to_bytes(2, "little") + part
        for part in (head[start : start + 0xFFFF] for start in range(0, len(head), 0xFFFF))
    ]
    body = deflated if deflated is not None else _deflated(tail)
    check = zlib.adler32(tail, zlib.adler32(head)).to_bytes(4, "big")
    text = base64.b64encode(b"".join((b"\x78\xda", *stored, body, check))).decode("ascii")
    if len(text) > MAX_TEXT:
        raise MessageError(f"facts of {len(text)} characters are too many", remedy="record without them", size_chars=len(text))
    return text


def _deflated(tail: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(tail) + deflater.flush()


def unpack(text: str) -> Facts:
    """The facts of `pack`. Raises: MessageError, and nothing else, for any text."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as exc:
        raise MessageError("the facts are not base64", remedy="give the text that a cart has sent", why=str(exc)) from exc
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(data, values.MAX_VALUE_BYTES)
    except zlib.error as exc:
        raise MessageError("the facts are not deflated JSON", remedy="give the text that a cart has sent", why=str(exc)) from exc
    if not inflater.eof or inflater.unused_data:
        raise MessageError("the facts are cut off, or too many", remedy="give the whole text")
    found = values.parsed(raw, limit_bytes=values.MAX_VALUE_BYTES)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise MessageError("the facts are of a format that this program does not know", remedy="use a newer program")
    return values.from_plain(Facts, found.get("facts"))


def narrowed(facts: Facts, *, verdict: Verdict | None = None) -> Facts:
    """The fewest facts of three tries that give the same verdict; `facts` themselves when none does."""
    wanted = said(verdict if verdict is not None else engine.evaluate(facts))
    facts = _without_other_labels(facts)
    for narrow in (_dose_alone, _patient_alone, _patient_named):
        try:
            fewer = narrow(facts)
        except Exception:  # noqa: BLE001 - facts that contradict their own types are kept as they are
            fewer = facts
        if said(engine.evaluate(fewer)) == wanted:
            return fewer
    return facts


def said(verdict: Verdict) -> Verdict:
    """The verdict as it is stored: where each fact came from is not, and may be said of fewer records."""
    plain_findings = tuple(replace(each, sources={}) for each in verdict.findings)
    return replace(verdict, findings=plain_findings, shadow=tuple(replace(each, sources={}) for each in verdict.shadow))


def _patient_named(facts: Facts) -> Facts:
    return _patient_alone(facts, named=True)


def _patient_alone(facts: Facts, *, named: bool = False) -> Facts:
    """Everything but the other patients of the ward. `named`: what identifies them is kept, for two copies may differ in it."""
    patient = matching.look(facts).patient
    texts, serials = _texts(facts), _serials(facts)
    asked = {facts.intent.order} | {bag.order for bag in facts.bags if bag.id in texts}
    known = {each.id for each in facts.orders if patient is None or each.patient == patient.id or each.id in asked}
    orders = tuple(each for each in facts.orders if each.id in known)
    return replace(
        facts,
        nurse=_unnamed_nurse(facts),
        patients=tuple(_patients(facts, {each.patient for each in orders if each.id in asked}, named=named)),
        orders=orders,
        history=tuple(each for each in facts.history if patient is None or each.patient == patient.id or _same_serial(each, serials)),
        bags=tuple(each for each in facts.bags if each.id in texts or each.order in known),
    )


def _dose_alone(facts: Facts) -> Facts:
    """What has to do with the scanned or named drug, order and bag."""
    moment = matching.look(facts)
    patient = moment.patient.id if moment.patient is not None else None
    texts, gtins = _texts(facts), _gtins(facts)
    products = {id(each): each for each in facts.products if each.gtin in gtins}
    bags = [bag for bag in facts.bags if bag.id in texts]
    about = [entry for entry in facts.history if entry.record_id is not None and entry.record_id == facts.intent.of_record]
    named = {facts.intent.order} | {bag.order for bag in bags} | {entry.order for entry in about}
    orders = [each for each in facts.orders if each.id in named]
    if not orders and not products and facts.intent.action not in GIVING:  # any of the patient's orders may be the one
        orders = [each for each in facts.orders if each.patient == patient]
    names = {name for each in products.values() for name in ingredients(each)} | _of_orders(orders, facts)
    relation = _Relation(
        patient=patient,
        names=frozenset(names),
        orders={each.id: each for each in reversed(facts.orders)},
        asked=frozenset(each.id for each in orders),
        products={each.id: each for each in reversed(facts.products)},
        serials=_serials(facts),
        texts=frozenset(texts),
        record=facts.intent.of_record,
    )
    history = _recent([entry for entry in facts.history if relation.concerns(entry)], facts, relation)
    known = {each.id for each in orders} | {entry.order for entry in history}
    substances = {plain(allergy.substance) for each in facts.patients for allergy in each.allergies or () if each.id == patient}
    kept_products = {entry.product for entry in history}
    order_ids = known | {
        each.id for each in facts.orders if (patient is None or each.patient == patient) and ordered_ingredients(each) & names
    }
    kept_orders = tuple(each for each in facts.orders if each.id in order_ids)  # in every version
    kept_bags = tuple(each for each in facts.bags if each.id in texts or each.order in order_ids)
    bag_ids = {each.id for each in kept_bags}
    owners = {each.patient for each in orders if each.id in named}
    return replace(
        facts,
        nurse=_unnamed_nurse(facts),
        cart=replace(facts.cart, shown=tuple(each for each in facts.cart.shown if each.order in order_ids)),
        patients=tuple(_patients(facts, owners)),
        products=tuple(
            each for each in facts.products if id(each) in products or each.id in kept_products or ingredients(each) & (names | substances)
        ),
        orders=kept_orders,
        history=tuple(history),
        bags=kept_bags,
        containers=tuple(each for each in facts.containers if each.gtin in gtins),
        pumps=tuple(each for each in facts.pumps if each.bag in bag_ids or (patient is not None and each.patient == patient)),
    )


def _texts(facts: Facts) -> set[str]:
    """What was scanned or typed and is no GS1 code: a bag's id, or a bed's number that somebody took for a patient's."""
    return {text.strip() for each in facts.scans for text in _text_of(each.scan) if text}


def _text_of(scan: object) -> tuple[str | None, ...]:
    match scan:
        case TextScan():
            return (scan.text,)
        case UnreadableLabel():
            return (scan.text,)
        case Keyed():
            return scan.value, scan.second_identifier
    return ()


def _gtins(facts: Facts) -> set[str]:
    typed = {each.scan.value.strip().zfill(14) for each in facts.scans if isinstance(each.scan, Keyed)}
    return {each.scan.gtin for each in facts.scans if isinstance(each.scan, DrugScan)} | typed


def _of_orders(orders: list[Order], facts: Facts) -> set[str]:
    """The ingredients of `orders`, with those of the formulary that their additives name."""
    names = {name for each in orders for name in ordered_ingredients(each)}
    additives = [plain(text) for each in orders for text in each.additives]
    if additives:
        held = {name for product in facts.products for name in ingredients(product) if name}
        names |= {name for name in held if any(text.startswith(name) for text in additives)}
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relation:
    """What an entry of the record may have to do with a dose. Of two orders or products with one id the first counts, as for the
    checks."""

    patient: str | None
    names: frozenset[str]
    orders: Mapping[str, Order]
    asked: frozenset[str]
    products: Mapping[str, Product]
    serials: frozenset[str]
    texts: frozenset[str]
    record: str | None

    def concerns(self, entry: HistoryEntry) -> bool:
        if self.is_named(entry):
            return True
        if self.patient is not None and entry.patient != self.patient:
            return False
        held = self._held(entry)
        return entry.order in self.asked or held is None or bool(held & self.names)

    def is_named(self, entry: HistoryEntry) -> bool:
        """By its pack's serial number, its bag, or as the record that the act is about."""
        if _same_serial(entry, self.serials) or (entry.bag is not None and entry.bag in self.texts):
            return True
        return self.record is not None and self.record in (entry.record_id, entry.continues)

    def is_patch(self, entry: HistoryEntry) -> bool:
        order, product = self.orders.get(entry.order), self.products.get(entry.product or "")
        forms = [plain(each.form) for each in (order, product) if each is not None]
        return (order is not None and order.category is OrderCategory.PATCH) or any("patch" in form for form in forms)

    def _held(self, entry: HistoryEntry) -> frozenset[str] | None:
        """By the product, else by the order; None when neither is known."""
        product, order = self.products.get(entry.product or ""), self.orders.get(entry.order)
        if product is not None:
            return ingredients(product)
        return ordered_ingredients(order) if order is not None else None


def _serials(facts: Facts) -> frozenset[str]:
    return frozenset(each.scan.serial for each in facts.scans if isinstance(each.scan, DrugScan) and each.scan.serial is not None)


def _without_other_labels(facts: Facts) -> Facts:
    """A ward has thousands of labels, and a dose a few: the others are looked at by no check."""
    if not facts.labels:
        return facts
    scanned = _serials(facts)
    kept = (
        replace(
            issued,
            serials=tuple(each for each in issued.serials if each in scanned),
            void=tuple(each for each in issued.void if each in scanned),
        )
        for issued in facts.labels
        if not scanned.isdisjoint(issued.serials)
    )
    return replace(facts, labels=tuple(kept))


def _same_serial(entry: HistoryEntry, serials: frozenset[str]) -> bool:
    """An entry of several packs holds their serial numbers in one text."""
    return entry.serial is not None and any(serial in entry.serial for serial in serials)


def _recent(history: list[HistoryEntry], facts: Facts, relation: _Relation) -> list[HistoryEntry]:
    """Those of the last days, those that still run or stick to the skin, and of each order the first one and the newest."""
    since = _earlier(min(at for at in (facts.at, facts.intent.given_at, facts.intent.due) if at is not None))
    of_order: dict[str, list[HistoryEntry]] = {}
    for entry in sorted(history, key=lambda each: each.at):
        of_order.setdefault(entry.order, []).append(entry)
    ends = {id(entry) for entries in of_order.values() for entry in (entries[0], *entries[-NEWEST_OF_AN_ORDER:])}
    return [
        entry
        for entry in history
        if entry.at >= since
        or id(entry) in ends
        or entry.status in ("in-progress", "on-hold")
        or (entry.due is not None and entry.due >= since)
        or relation.is_named(entry)
        or (entry.removed_at is None and entry.status == "completed" and relation.is_patch(entry))
    ]


def _earlier(at: datetime) -> datetime:
    try:
        return at - RECENT
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _unnamed_nurse(facts: Facts) -> Nurse | None:
    return replace(facts.nurse, name="") if facts.nurse is not None else None


def _patients(facts: Facts, owners: set[str], *, named: bool = False) -> Iterator[Patient]:
    """Whom the band names, whose order it is, and of anybody else only the bed that somebody typed for an identifier."""
    bands = [each.scan for each in facts.scans if isinstance(each.scan, BandScan)]
    keyed = [each.scan for each in facts.scans if isinstance(each.scan, Keyed)]
    numbers = {band.gsrn for band in bands if band.gsrn is not None}
    records = {plain(band.mrn) for band in bands if band.mrn is not None} | {plain(each.value) for each in keyed}
    texts = {plain(text) for text in _texts(facts)}
    meant = {each.id for each in facts.patients if any(band.gsrn in numbers for band in each.bands)} | owners
    for patient in facts.patients:
        by_record = bool(patient.mrn.strip()) and plain(patient.mrn) in records
        place = {name: text for name in ("bed", "ward") if (text := getattr(patient, name)) is not None and plain(text) in texts}
        if named and (by_record or patient.id in meant):
            yield patient
        elif by_record or patient.id in meant:
            yield _blanked(patient, keyed if by_record else [], record=by_record, bed="bed" in place, at=facts.at)
        elif place:
            yield Patient(id=patient.id, mrn="", name="", **place)


def _blanked(patient: Patient, keyed: list[Keyed], *, record: bool, bed: bool, at: datetime) -> Patient:
    """Without what identifies a person, but for what was compared with what somebody typed, and agreed."""
    born = patient.birth_date.isoformat() if patient.birth_date is not None else None
    seconds = [each.second_identifier.strip() for each in keyed if each.second_identifier is not None]
    by_birth = born is not None and born in seconds
    by_name = any(plain(second) == plain(patient.name) for second in seconds)
    return replace(
        patient,
        name=patient.name if by_name else "",
        birth_date=patient.birth_date if by_birth else None,
        mrn=patient.mrn if record else "",
        bed=patient.bed if bed else None,
        observations=_newest(patient.observations, at),
    )


def _newest(observations: tuple[Observation, ...], at: datetime) -> tuple[Observation, ...]:
    """Of each code the last before `at`, and whatever claims to be later."""
    kept: list[Observation] = []
    for code in {each.code for each in observations}:
        found = sorted((each for each in observations if each.code == code and each.at <= at), key=lambda each: each.at)
        kept += found[-VALUES_OF_A_CODE:]
    chosen = {id(each) for each in kept}
    return tuple(each for each in observations if id(each) in chosen or each.at > at)
