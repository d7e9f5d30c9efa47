"""The orders of one message: ORC with RXE or RXO, their timing, routes and components, to found rows as every import has them.

What an order says is computed in one place for all imports (`import_orders`); here it is only read. A word that is not understood makes
a draft with that word; a control code that is not understood is no order. Must never guess a dose, a time, a drug or a patient.
Source: HL7 2.5.1 chapter 4.5.1 (ORC, table 0119, table 0038), 4.14 (RXO, RXR, RXC, RXE).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pointofcare.errors import QuantityError
from pointofcare.orders.order import OrderCategory, OrderStatus
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from server.emr.hl7_message import Hl7Error, Message, Segment, moment
from server.usecases import hl7_timing, import_orders
from server.usecases import import_fields as fields
from server.usecases.hl7_profile import Profile
from server.usecases.hl7_timing import NOT_UNDERSTOOD, Faults, Timing
from server.usecases.import_fhir_dosage import quotient
from server.usecases.import_rows import FieldError, OrderFound, Place


class Act(StrEnum):
    """What a message does to an order."""

    WRITE = "write"
    HOLD = "hold"
    RELEASE = "release"
    STOP = "stop"
    STATUS = "status"


# Table 0119: what is asked, and what a filler says of itself.
CONTROLS: Mapping[str, Act] = {
    **dict.fromkeys(("NW", "RO", "XO", "XX", "XR"), Act.WRITE),
    **dict.fromkeys(("CA", "DC", "OC", "OD", "CR", "DR", "RP", "RQ", "RU"), Act.STOP),
    **dict.fromkeys(("HD", "HR", "OH"), Act.HOLD),
    **dict.fromkeys(("RL", "OE", "OR"), Act.RELEASE),
    "SC": Act.STATUS,
}
# Table 0038.
STATUSES: Mapping[str, OrderStatus] = {
    "A": OrderStatus.ACTIVE, "IP": OrderStatus.ACTIVE, "SC": OrderStatus.ACTIVE, "HD": OrderStatus.ON_HOLD,
    "DC": OrderStatus.STOPPED, "RP": OrderStatus.STOPPED, "CA": OrderStatus.CANCELLED, "CM": OrderStatus.COMPLETED,
}  # fmt: skip
STATUS_OF: Mapping[Act, OrderStatus] = {
    Act.WRITE: OrderStatus.ACTIVE,
    Act.HOLD: OrderStatus.ON_HOLD,
    Act.RELEASE: OrderStatus.ACTIVE,
    Act.STOP: OrderStatus.STOPPED,
}
_TAILS = frozenset({"RXE", "RXO", "RXR", "RXC", "TQ1", "TQ2", "NTE", "OBX", "FT1", "BLG", "CTI", "DG1", "AL1", "OBR", "RXD"})
# They say more than is read here, and change what may be given.
_MODIFIERS = frozenset({"TQ2"})
_SINGLE = frozenset({OrderCategory.STAT, OrderCategory.ONCE, OrderCategory.PRN, OrderCategory.INFUSION})


class Formulary(Protocol):
    """What is known of drugs here."""

    def by_gtin(self, gtin: str) -> Product | None: ...

    def by_id(self, product: str) -> Product | None: ...

    def has_ingredients(self, names: Sequence[str]) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One order of a message. `found` None: the message names the order and no drug. `at` is when this version was made, by the sender's
    clock. `replaces` is the number of the order in whose place it comes. `starts`: it names a start of its own.
    `is_stated`: the status stands in ORC-5."""

    number: str
    control: str
    act: Act
    status: OrderStatus | None
    found: OrderFound | None
    at: datetime | None = None
    replaces: str = ""
    starts: bool = False
    is_stated: bool = False


@dataclass(slots=True)
class _Group:
    orc: Segment
    parts: list[Segment] = field(default_factory=list)

    def all(self, name: str) -> list[Segment]:
        return [one for one in self.parts if one.name == name]

    def first(self, name: str) -> Segment | None:
        return next((one for one in self.parts if one.name == name), None)

    def behind(self, segment: Segment, name: str) -> list[Segment]:
        """Those after `segment`, or, where there are none, those before it."""
        place = self.parts.index(segment)
        later = [one for one in self.parts[place:] if one.name == name]
        return later or [one for one in self.parts[:place] if one.name == name]


def read(
    message: Message, profile: Profile, formulary: Formulary, *, patient: str, zone: str, place: Place, sent: datetime | None = None
) -> tuple[Said, ...]:
    """`patient` is the patient number of the message, `sent` its MSH-7: the moment of a version whose ORC-9 is empty.

    Raises: Hl7Error, FieldError (`field` in its parameters)."""
    groups = _groups(message)
    if not groups:
        raise Hl7Error("hl7-no-orc", "ORC")
    said = [_said(group, profile, formulary, patient=patient, zone=zone, place=place, sent=sent) for group in groups]
    if len({(one.number, one.act) for one in said}) != len(said):
        raise Hl7Error("hl7-order-twice", "ORC-2", ", ".join(one.number for one in said))
    return tuple(said)


def is_pharmacy(message: Message) -> bool:
    """Does an ORM^O01 hold a drug, or stop something without saying what it is?"""
    names = {one.name for one in message.segments}
    return bool(names & {"RXO", "RXE"}) or ("ORC" in names and "OBR" not in names)


def _groups(message: Message) -> list[_Group]:
    found: list[_Group] = []
    for segment in message.segments:
        if segment.name == "ORC":
            found.append(_Group(segment))
        elif found and (segment.name in _TAILS or segment.name.startswith("Z")):
            found[-1].parts.append(segment)
    return found


def _said(group: _Group, profile: Profile, formulary: Formulary, *, patient: str, zone: str, place: Place, sent: datetime | None) -> Said:
    orc = group.orc
    control = orc.text(1).upper()
    act = CONTROLS.get(control)
    if act is None:
        raise Hl7Error("hl7-control", "ORC-1", control, known=" ".join(CONTROLS))
    number = _number(orc, 2 if profile.order_number == "placer" else 3)
    stated = orc.text(5).upper()
    status = STATUS_OF.get(act)
    if act is Act.STATUS:
        if stated not in STATUSES:
            raise Hl7Error("hl7-status", "ORC-5", stated, known=" ".join(STATUSES))
        status = STATUSES[stated]
    elif act in (Act.WRITE, Act.RELEASE) and stated in STATUSES and STATUSES[stated] is not OrderStatus.ACTIVE:
        status = STATUSES[stated]  # what has ended or is held in the sending system is not given here
    at = _moment(orc, 9, zone) or sent
    drug = group.first("RXE") or group.first("RXO")
    found, starts = None, False
    if drug is not None:
        faults: Faults = [(NOT_UNDERSTOOD, f"ORC-5 {stated}")] if stated and stated not in STATUSES else []
        found, starts = _found(
            group, drug, profile, formulary, faults, number=number, patient=patient, status=status, zone=zone, place=place, at=at
        )
    elif act is Act.WRITE:
        raise Hl7Error("hl7-no-drug", "RXE", control)
    return Said(
        number=number,
        control=control,
        act=act,
        status=status,
        found=found,
        at=at,
        replaces=_replaced(orc, control),
        starts=starts,
        is_stated=stated in STATUSES,
    )


def _moment(orc: Segment, place: int, zone: str) -> datetime | None:
    return moment(orc.text(place), zone, where=f"ORC-{place}")[0] if orc.has(place) else None


def _number(orc: Segment, place: int) -> str:
    text = orc.text(place)
    if not text:
        raise Hl7Error("needed", f"ORC-{place}")
    try:
        return fields.identifier(text)
    except FieldError as exc:
        raise Hl7Error(exc.reason, f"ORC-{place}", text) from exc


def _replaced(orc: Segment, control: str) -> str:
    """ORC-8, the parent: the order that a replacement comes for."""
    return orc.text(8) if control == "RO" else ""


def _found(
    group: _Group,
    drug: Segment,
    profile: Profile,
    formulary: Formulary,
    faults: Faults,
    *,
    number: str,
    patient: str,
    status: OrderStatus | None,
    zone: str,
    place: Place,
    at: datetime | None,
) -> tuple[OrderFound, bool]:
    encoded = drug.name == "RXE"
    product, ingredient, form = _drug(drug, 2 if encoded else 1, profile, formulary, faults)
    form = form or _form(drug.text(6 if encoded else 5), profile, faults)
    _strength(drug, (25, 26) if encoded else (18, 19), product, profile, faults)
    amounts = _amounts(drug, (3, 4, 5) if encoded else (2, 3, 4), profile)
    _rate(drug, (22, 23, 24) if encoded else (21, 22, 23), amounts, profile, faults)
    timings, unused = _timings(group, drug, profile, zone, faults)
    _amounts_agree(timings, unused, amounts, profile, faults)
    authored = at.isoformat() if at is not None else ""
    uncertain, steps = _when(timings, amounts, profile, faults, zone, authored)
    prn = any(one.as_needed for one in timings)
    if prn and not all(one.as_needed for one in timings):
        faults.append((NOT_UNDERSTOOD, "PRN"))
    category = _category(timings, prn=prn, infusion="rate" in uncertain or any("rate" in step for step in steps))
    if category is OrderCategory.PRN and "every" in uncertain:
        uncertain["prn_min_interval"] = uncertain.pop("every")
    if category is OrderCategory.PRN and encoded and drug.has(19):
        uncertain["prn_max_24h"] = _amount(drug.text(19), drug.text(19, 2), profile)
    starts = bool(uncertain.get("start")) and any("start" in one.cells for one in timings)
    if not uncertain.get("start") and (category in _SINGLE or category is OrderCategory.SCHEDULED) and authored:
        uncertain["start"] = authored
    conditions = tuple(dict.fromkeys(_shown(one.condition, faults) for one in timings if one.condition))
    if conditions and not prn:
        faults.append((NOT_UNDERSTOOD, "; ".join(conditions)[:100]))
    additives = tuple(_shown(one, faults) for one in _components(group, drug, profile))
    extra = {name: _shown(value, faults) for name, value in _z(group, profile, faults).items()}
    for name in sorted(_MODIFIERS & {one.name for one in group.parts}):
        faults.append((NOT_UNDERSTOOD, name))
    said = [_shown(one, faults) for one in [*(each.text for each in (*timings, *unused)), _texts(drug, 7)]]
    indication = drug.text(27, 2) or drug.text(27) if encoded else drug.text(20, 2) or drug.text(20)
    certain: dict[str, object] = {
        "id": number,
        "patient": patient,
        "ingredient": ingredient,
        "form": form,
        "route": _route(group, drug, profile, faults),
        "category": category,
        "status": status,
        "substitution": not (drug.text(9).upper() == "N" and not encoded),
        "indication": extra.pop("indication", "") or _shown(indication, faults) or None,
        "display": extra.pop("display", ""),
        "prescriber": extra.pop("prescriber", "") or group.orc.text(12) or None,
        "prn_reasons": conditions if prn else (),
        "additives": additives,
        "verified": profile.verified,
        "time_critical": any(one.critical for one in timings) or extra.pop("time_critical", "") == "yes",
        "needs_double_check": extra.pop("needs_double_check", "") == "yes",
        "own_supply": extra.pop("own_supply", "") == "yes",
    }
    notes = [extra.pop("note", ""), *(_shown(_texts(one, 3), faults) for one in group.all("NTE"))]
    told = "; ".join(filter(None, notes))[:500]
    built = import_orders.build(
        place=place, certain=certain, uncertain=uncertain, note=told, also=tuple(dict.fromkeys(faults)), steps=steps
    )
    # What the prescriber wrote stands behind the line, never in its place.
    shown = "; ".join(filter(None, dict.fromkeys([built.order.display, *said])))[:500]
    return replace(built, order=replace(built.order, display=shown)), starts


def _shown(text: str, faults: Faults) -> str:
    """On one line, for a person. Signs that turn the order of what is read are left out, and the order waits for somebody to look."""
    plain = "".join(sign for sign in " ".join(text.split()) if sign.isprintable() and sign not in fields.DECEIVING)[:500]
    if len(plain) != len(" ".join(text.split())[:500]):
        faults.append((NOT_UNDERSTOOD, plain[:60]))
    return plain


def _texts(segment: Segment, place: int) -> str:
    """Every repetition of a coded or free text, as a person reads it."""
    found = [segment.text(place, 2, repeat=each) or segment.text(place, repeat=each) for each in segment.repeats(place)]
    return "; ".join(filter(None, found)).replace("\n", " ")[:500]


def _drug(drug: Segment, place: int, profile: Profile, formulary: Formulary, faults: Faults) -> tuple[Product | None, str, str]:
    """(product, ingredient, form): by a code that is known here, else by a text that names ingredients of the formulary."""
    for first in (1, 4):
        code, system = drug.text(place, first), drug.text(place, first + 2)
        product = _product(code, system, profile, formulary) if code else None
        if product is not None:
            return product, "/".join(one.name for one in product.ingredients) or product.name.lower(), product.form
    text = drug.text(place, 2) or drug.text(place, 5) or drug.text(place)
    if not text:
        raise Hl7Error("needed", f"{drug.name}-{place}")
    ingredient = fields.text(" ".join(text.split()).lower())
    if not formulary.has_ingredients([one.strip() for one in ingredient.split("/")]):
        faults.append((NOT_UNDERSTOOD, f"{drug.name}-{place} {drug.raw(place)}"[:100]))
    return None, ingredient, ""


def _product(code: str, system: str, profile: Profile, formulary: Formulary) -> Product | None:
    if code in profile.drugs:
        return _by_key(profile.drugs[code], formulary)
    if system in profile.gtin_systems:
        try:
            return formulary.by_gtin(fields.gtin(code))
        except FieldError:
            return None
    return formulary.by_id(code) if system in profile.product_systems else None


def _by_key(key: str, formulary: Formulary) -> Product | None:
    try:
        return formulary.by_gtin(fields.gtin(key))
    except FieldError:
        return formulary.by_id(key)


def _form(code: str, profile: Profile, faults: Faults) -> str:
    form = profile.forms.get(code) or (code.lower() if code.lower() in profile.forms.values() else "")
    if not form:
        faults.append(("clarify-no-form", code))
        return "unknown"
    return form


def _amount(number: str, unit: str, profile: Profile) -> str:
    return f"{number} {profile.unit(unit)}".strip()


def _amounts(drug: Segment, places: tuple[int, int, int], profile: Profile) -> dict[str, str]:
    low, high, unit = (drug.text(place) for place in places)
    cells = {}
    if low:
        cells["dose"] = _amount(low, unit, profile)
    if high and high != low:
        cells["dose_max"] = _amount(high, unit, profile)
        cells.setdefault("dose", "?")
    return cells


def _strength(drug: Segment, places: tuple[int, int], product: Product | None, profile: Profile, faults: Faults) -> None:
    """A strength that is not the one of the product that the code names: one of the two is wrong."""
    if product is None or len(product.ingredients) != 1 or not drug.has(places[0]):
        return
    known = product.ingredients[0].amount
    try:
        stated = Quantity.parse(_amount(drug.text(places[0]), drug.text(places[1]), profile))
    except QuantityError:
        return  # "500 mg/5 mL" in words; the product's own strength is what counts at the bedside
    if known is not None and stated.converts_to(known.unit) and not stated.same_as(known):
        faults.append((NOT_UNDERSTOOD, f"{drug.name}-{places[0]} {stated} ({product.id}: {known})"))


def _rate(drug: Segment, places: tuple[int, int, int], cells: dict[str, str], profile: Profile, faults: Faults) -> None:
    """The rate, or the amount that is to run in so much time ("H8": eight hours)."""
    per, number, unit = (drug.text(place) for place in places)
    letter, hours = per[:1].upper(), per[1:] or "1"
    seconds = {"S": "s", "M": "min", "H": "h", "D": "d"}.get(letter)
    if number:
        written = profile.unit(unit)
        if "/" not in written and written and seconds and hours == "1":
            written = f"{written}/{seconds}"
        cells["rate"] = f"{number} {written}".strip()
        if cells.get("dose") and _is_volume(cells["dose"]):
            cells.pop("dose_max", None)
    elif per and cells.get("dose") and seconds and hours.isascii() and hours.isdigit() and "dose_max" not in cells:
        value, _, dose_unit = cells["dose"].partition(" ")
        cells["rate"] = quotient({"value": value, "unit": dose_unit}, {"value": hours, "unit": seconds})
    elif per:
        faults.append((NOT_UNDERSTOOD, f"{drug.name}-{places[0]} {per}"))


def _is_volume(amount: str) -> bool:
    try:
        return Quantity.parse(amount).converts_to("mL")
    except QuantityError:
        return False


def _timings(group: _Group, drug: Segment, profile: Profile, zone: str, faults: Faults) -> tuple[tuple[Timing, ...], tuple[Timing, ...]]:
    """TQ1, else RXE-1, else ORC-7, and what stands beside it and is not used. Where several stand they must say the same."""
    newer = tuple(hl7_timing.of_tq1(one, profile, zone) for one in group.behind(drug, "TQ1"))
    encoded = hl7_timing.of_older(drug, 1, profile, zone) if drug.name == "RXE" else ()
    older = (encoded, hl7_timing.of_older(group.orc, 7, profile, zone))
    used = newer or next((each for each in older if any(map(hl7_timing.says_when, each))), ())
    for each in older:
        if used and each and each is not used and not hl7_timing.say_the_same(used, each):
            faults.append((NOT_UNDERSTOOD, f"{used[0].where} + {each[0].where}"))
    return used, tuple(one for each in older if each is not used for one in each)


def _amounts_agree(used: tuple[Timing, ...], unused: tuple[Timing, ...], amounts: dict[str, str], profile: Profile, faults: Faults) -> None:
    """What a timing that is not used says of the amount must be the drug's own amount, or what a used timing says: else one of the two
    would be given that the sender did not mean."""
    said = {(one.quantity, one.unit) for one in used}
    for one in unused:
        if (one.quantity, one.unit) not in said:
            own = dict(amounts)
            _own_amount(one, own, profile, faults, is_step=False)
            if own != amounts:  # an amount that stands nowhere else
                faults.append((NOT_UNDERSTOOD, f"{one.where} quantity {_amount(one.quantity, one.unit, profile)}"))


def _when(
    timings: tuple[Timing, ...], amounts: dict[str, str], profile: Profile, faults: Faults, zone: str, authored: str
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The cells of the order, and those of its steps where it has several timings."""
    if len(timings) <= 1:
        for one in timings:
            hl7_timing.until(one, authored, zone)
            faults += one.faults
            _own_amount(one, amounts, profile, faults, is_step=False)
        return amounts | {name: value for one in timings for name, value in one.cells.items()}, []
    begins = timings[0].cells.get("start") or authored
    numbers, more = hl7_timing.sequences(timings, zone, begins)
    faults += more
    steps = []
    for number, one in zip(numbers, timings, strict=True):
        faults += one.faults
        own = dict(amounts)
        _own_amount(one, own, profile, faults, is_step=True)
        steps.append(own | one.cells | {"sequence": str(number), "display": one.text})
    return ({"start": begins} if begins else {}), steps


def _own_amount(one: Timing, amounts: dict[str, str], profile: Profile, faults: Faults, *, is_step: bool) -> None:
    """The quantity of a timing: "1" is one dose; with a unit it is the dose itself, which must not differ from the drug's alone."""
    if one.quantity in ("", "1") and not one.unit:
        return
    own = _amount(one.quantity, one.unit, profile)
    if not one.unit:
        faults.append((NOT_UNDERSTOOD, f"{one.where} quantity {one.quantity}"))
    elif not amounts.get("dose") or "rate" in amounts:
        amounts.setdefault("dose", own)
    elif own != amounts["dose"]:
        if is_step and len(amounts) == 1 and _comparable(own, amounts["dose"]):
            amounts["dose"] = own  # the step of a taper has its own amount
        else:
            faults.append((NOT_UNDERSTOOD, f"{one.where} quantity {own}"))


def _comparable(one: str, other: str) -> bool:
    try:
        return Quantity.parse(one).converts_to(Quantity.parse(other).unit)
    except QuantityError:
        return False


def _category(timings: tuple[Timing, ...], *, prn: bool, infusion: bool) -> OrderCategory:
    if prn:
        return OrderCategory.PRN
    if infusion or any(one.continuous for one in timings):
        return OrderCategory.INFUSION
    timed = any(name in one.cells for one in timings for name in ("times", "every", "days_of_week"))
    if any(one.once for one in timings):
        return OrderCategory.STAT if any(one.stat for one in timings) and not timed else OrderCategory.ONCE
    unread = any(one.faults for one in timings)
    return OrderCategory.STAT if any(one.stat for one in timings) and not timed and not unread else OrderCategory.SCHEDULED


def _route(group: _Group, drug: Segment, profile: Profile, faults: Faults) -> str:
    found = set()
    listed = group.behind(drug, "RXR")
    for one in listed:
        code = profile.route(one.text(1)) or profile.route(one.text(1, 2))
        if code is None:
            faults.append(("clarify-no-route", one.text(1, 2) or one.text(1)))
        else:
            found.add(code)
    if not listed:
        faults.append(("clarify-no-route", ""))
    if len(found) > 1:
        faults.append(("clarify-several-instructions", ", ".join(sorted(found))))
    return found.pop() if len(found) == 1 and len(listed) >= 1 else "UNKNOWN"


def _components(group: _Group, drug: Segment, profile: Profile) -> tuple[str, ...]:
    """Additives and bases of what is mixed, as printed on the bag."""
    found = []
    for one in group.behind(drug, "RXC"):
        name = one.text(2, 2) or one.text(2)
        found.append(" ".join(filter(None, [name, one.text(3), profile.unit(one.text(4))])).replace("\n", " ")[:200])
    return tuple(filter(None, found))


def _z(group: _Group, profile: Profile, faults: Faults) -> dict[str, str]:
    """What the profile reads of Z segments; one that it neither reads nor ignores may say that the drug is not to be given."""
    cells: dict[str, str] = {}
    read_of = {place.partition("-")[0] for place in profile.z_read}
    for one in group.parts:
        if one.name.startswith("Z") and one.name not in read_of and one.name not in profile.z_ignored:
            faults.append((NOT_UNDERSTOOD, one.name))
    for place, target in profile.z_read.items():
        name, _, number = place.partition("-")
        value = next((one.text(int(number)) for one in group.parts if one.name == name), "")
        if target in ("time_critical", "needs_double_check", "own_supply"):
            value = "yes" if value.upper() in ("Y", "YES", "1", "TRUE") else ""
        if value:
            cells[target] = value.replace("\n", " ")[:200]
    return cells
