"""The facts of one verdict as a short text, so that it can be recomputed for ever: canonical JSON, deflated, base64.

Narrowed first to what a check can look at: a whole ward's chart goes in, one patient's dose is kept, without the names and birth
dates that no check reads. Narrowing must never change the verdict: it is evaluated on both, and where the narrow facts would
answer differently the wider ones are kept.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pointofcare.errors import MessageError
from pointofcare.labels.scan import BandScan, DrugScan, Keyed, TextScan, UnreadableLabel
from pointofcare.orders.order import Order
from pointofcare.people import Nurse, Observation, Patient
from pointofcare.products import Product
from pointofcare.verdict import engine, matching
from pointofcare.verdict.facts import Facts, HistoryEntry
from pointofcare.verdict.moment import GIVING, ingredients, ordered_ingredients, plain
from pointofcare.wire import values

FORMAT = 1
MAX_TEXT = 700_000  # what a message can carry beside the record itself
# Longer than any window, interval or look back of a policy that a hospital would write.
RECENT = timedelta(hours=96)
# Of an order's older entries: enough for a schedule of weeks.
NEWEST_OF_AN_ORDER = 24
VALUES_OF_A_CODE = 3


def pack(facts: Facts) -> str:
    """Narrowed facts as text. Raises: MessageError for facts that cannot be written, or are too many."""
    plain_facts = {"format": FORMAT, "facts": values.to_plain(narrowed(facts))}
    text = base64.b64encode(zlib.compress(values.written(plain_facts), 9)).decode("ascii")
    if len(text) > MAX_TEXT:
        raise MessageError(f"facts of {len(text)} characters are too many", remedy="record without them", size_chars=len(text))
    return text


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


def narrowed(facts: Facts) -> Facts:
    """The fewest facts of three tries that give the same verdict; `facts` themselves when none does."""
    verdict = engine.evaluate(facts)
    for narrow in (_dose_alone, _patient_alone):
        try:
            fewer = narrow(facts)
        except Exception:  # noqa: BLE001 - facts that contradict their own types are kept as they are
            fewer = facts
        if engine.evaluate(fewer) == verdict:
            return fewer
    return facts


def _patient_alone(facts: Facts) -> Facts:
    """Everything but the other patients of the ward."""
    patient = matching.look(facts).patient
    named = {facts.intent.order} | {bag.order for bag in facts.bags if bag.id in _texts(facts)}
    orders = tuple(each for each in facts.orders if patient is None or each.patient == patient.id or each.id in named)
    known = {each.id for each in orders}
    return replace(
        facts,
        nurse=_unnamed_nurse(facts),
        patients=tuple(_patients(facts, {each.patient for each in orders if each.id in named})),
        orders=orders,
        history=tuple(each for each in facts.history if patient is None or each.patient == patient.id or _same_serial(each, facts)),
        bags=tuple(each for each in facts.bags if each.id in _texts(facts) or each.order in known),
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
    history = [entry for entry in facts.history if _concerns(entry, facts, patient, names, {each.id for each in orders})]
    history = _recent(history, facts)
    known = {each.id for each in orders} | {entry.order for entry in history}
    substances = {plain(allergy.substance) for each in facts.patients for allergy in each.allergies or () if each.id == patient}
    kept_products = {entry.product for entry in history}
    kept_orders = tuple(
        each
        for each in facts.orders
        if each.id in known or ((patient is None or each.patient == patient) and ordered_ingredients(each) & names)
    )
    order_ids = {each.id for each in kept_orders}
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


def _concerns(entry: HistoryEntry, facts: Facts, patient: str | None, names: set[str], orders: set[str]) -> bool:
    if _same_serial(entry, facts) or _is_about(entry, facts):
        return True
    if patient is not None and entry.patient != patient:
        return False
    held = _held(entry, facts)
    return entry.order in orders or held is None or bool(held & names)


def _held(entry: HistoryEntry, facts: Facts) -> frozenset[str] | None:
    """As the checks see it: by the product, else by the order; None when neither is known."""
    product: Product | None = next((each for each in facts.products if each.id == entry.product), None)
    if product is not None:
        return ingredients(product)
    order = next((each for each in facts.orders if each.id == entry.order), None)
    return ordered_ingredients(order) if order is not None else None


def _same_serial(entry: HistoryEntry, facts: Facts) -> bool:
    if entry.serial is None:
        return False
    return any(
        isinstance(each.scan, DrugScan) and each.scan.serial is not None and each.scan.serial in entry.serial for each in facts.scans
    )


def _is_about(entry: HistoryEntry, facts: Facts) -> bool:
    record, texts = facts.intent.of_record, _texts(facts)
    return (record is not None and record in (entry.record_id, entry.continues)) or (entry.bag is not None and entry.bag in texts)


def _recent(history: list[HistoryEntry], facts: Facts) -> list[HistoryEntry]:
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
        or _same_serial(entry, facts)
        or _is_about(entry, facts)
        or (entry.removed_at is None and entry.status == "completed" and _is_patch(entry, facts))
    ]


def _earlier(at: datetime) -> datetime:
    try:
        return at - RECENT
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _is_patch(entry: HistoryEntry, facts: Facts) -> bool:
    forms = [each.form for each in facts.orders if each.id == entry.order] + [
        each.form for each in facts.products if each.id == entry.product
    ]
    categories = [each.category for each in facts.orders if each.id == entry.order]
    return "patch" in categories or any("patch" in plain(form) for form in forms)


def _unnamed_nurse(facts: Facts) -> Nurse | None:
    return replace(facts.nurse, name="") if facts.nurse is not None else None


def _patients(facts: Facts, owners: set[str]) -> Iterator[Patient]:
    """Whom the band names, whose order it is, and of anybody else only the bed that somebody typed for an identifier."""
    bands = [each.scan for each in facts.scans if isinstance(each.scan, BandScan)]
    keyed = [each.scan for each in facts.scans if isinstance(each.scan, Keyed)]
    numbers = {band.gsrn for band in bands if band.gsrn is not None}
    records = {plain(band.mrn) for band in bands if band.mrn is not None} | {plain(each.value) for each in keyed}
    texts = {plain(text) for text in _texts(facts)}
    for patient in facts.patients:
        by_number = any(band.gsrn in numbers for band in patient.bands)
        by_record = bool(patient.mrn.strip()) and plain(patient.mrn) in records
        place = {name: text for name in ("bed", "ward") if (text := getattr(patient, name)) is not None and plain(text) in texts}
        if by_number or by_record or patient.id in owners:
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
