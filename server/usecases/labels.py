"""Labels of single units: the pharmacy makes them for one product or for a ward's next doses, prints each once, prints anew or withdraws.

A serial is drawn at random and kept before it is printed. A label that is printed again is another label: the old one is void in the
same transaction, so that two papers never stand for one dose. Must never hand out a label of an expired or recalled lot.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from pointofcare.errors import ConflictError, LabelError, NotFoundError, UnreadableError
from pointofcare.labels import gs1, serial
from pointofcare.people import StaffRole
from pointofcare.products import Product
from pointofcare.wire.messages import TableKind
from server.store import labels, patients, products, versions
from server.store.labels import MADE, VOID, Batch, UnitLabel
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

PRINT = (StaffRole.PHARMACIST,)
MOST_AT_ONCE = 1000
# What a cart carries of one ward: its table must fit into one message.
MOST_LIVE = 12_000
# A label is known to the carts a little longer than it may be used, so that the screen says that it has expired.
AFTER_EXPIRY = timedelta(days=7)
ALL_WARDS = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One label to make: a unit of `product`. `words` is what stands on it for whom and when; `patient` binds it to one."""

    product: Product
    lot: str
    expiry: date
    patient: str | None = None
    words: Mapping[str, str]


def new_serial() -> str:
    return serial.with_check(serial.UNIT_DOSE + "".join(secrets.choice(serial.DRAWN) for _ in range(serial.DRAWN_LENGTH)))


def of_product(tx: Transaction, actor: Actor, *, product: str, lot: str, expiry: date, count: int, ward: str, stock: str) -> Batch:
    """So many labels for one product, for nobody in particular; `ward` "": any ward may meet them.

    Raises: NotPermittedError, NotFoundError, UnreadableError (`field`), ConflictError (expired, recalled, several doses in one
    container)."""
    found = products.get(tx, product)
    one = Wanted(product=found, lot=lot, expiry=expiry, words={})
    _ward(tx, ward)
    if not 1 <= count <= MOST_AT_ONCE:
        raise UnreadableError(f"{count} labels cannot be made at once", remedy=f"make 1 to {MOST_AT_ONCE}", field="count")
    return _made(tx, actor, [one] * count, kind="stock", ward=ward, title=found.name, stock=stock)


def of_round(tx: Transaction, actor: Actor, wanted: Sequence[Wanted], *, ward: str, title: str, stock: str) -> Batch:
    """Labels for the doses of a ward's round, each for its patient. Raises: as `of_product`."""
    _ward(tx, ward)
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise UnreadableError("no dose of the round can be labelled", remedy="choose lot and expiry of a product", field="count")
    return _made(tx, actor, wanted, kind="round", ward=ward, title=title, stock=stock)


def checked_lot(tx: Transaction, product: Product, lot: str, expiry: date) -> None:
    """Raises: UnreadableError with `field`, ConflictError."""
    try:
        gs1.element_string(_elements(product.gtin, lot, expiry, new_serial()), tx.at.date())
    except LabelError as exc:
        field = {"10": "lot", "17": "expiry", "01": "product"}.get(str(exc.fields.get("element")), "lot")
        raise UnreadableError(f"the {field} cannot stand on a label", remedy="write it as on the pack", field=field) from exc
    if product.multi_dose:
        raise ConflictError(f"{product.name} holds several doses", remedy="label single units only", product=product.id)
    if expiry < tx.at.date():
        raise ConflictError(f"{product.name} expired on {expiry}", remedy="take another lot", field="expiry")
    if " ".join(lot.split()).casefold() in {" ".join(each.split()).casefold() for each in product.recalled_lots}:
        raise ConflictError(f"lot {lot} of {product.name} is recalled", remedy="take another lot, and put this one aside", lot=lot)


def _elements(gtin: str, lot: str, expiry: date, number: str) -> list[tuple[str, str]]:
    return [("01", gtin), ("17", f"{expiry:%y%m%d}"), ("10", lot), ("21", number)]


def symbol(label: UnitLabel) -> str:
    """What its symbol says, with brackets."""
    return "".join(f"({ai}){value}" for ai, value in _elements(label.gtin, label.lot, label.expiry, label.serial))


def take_unprinted(tx: Transaction, actor: Actor, batch: str) -> tuple[UnitLabel, ...]:
    """Those of the batch that were never printed, which now are: nobody else gets them. Raises: NotPermittedError, NotFoundError,
    ConflictError (there are none)."""
    require(tx, actor, *PRINT)
    found = labels.of_batch(tx, batch, state=MADE, limit=MOST_AT_ONCE)
    if not found:
        labels.batch(tx, batch)
        raise ConflictError(
            "every label of this batch was printed", remedy="print the missing ones again: they get new numbers", batch=batch
        )
    return _taken(tx, found)


def _taken(tx: Transaction, found: tuple[UnitLabel, ...]) -> tuple[UnitLabel, ...]:
    if labels.mark_printed(tx, [label.serial for label in found]) != len(found):
        raise ConflictError("somebody else prints these labels", remedy="look at the batch again", batch=found[0].batch)
    tx.audit("label.print", f"label-batch/{found[0].batch}", {"count": len(found), "first": found[0].place, "last": found[-1].place})
    return found


def reprint(tx: Transaction, actor: Actor, batch: str, serials: Collection[str], *, reason: str) -> tuple[UnitLabel, ...]:
    """New labels in the place of these, which are void from now on; the new ones are still to be printed.

    Raises: NotPermittedError, NotFoundError, TextMissingError, ConflictError (one is void, given, expired or recalled)."""
    require(tx, actor, *PRINT)
    why = text(reason, "reason", longest=500)
    old = _chosen(tx, batch, serials)
    for label in old:
        checked_lot(tx, products.get(tx, label.product), label.lot, label.expiry)
    place = labels.last_place(tx, batch)
    new = [replace(label, serial=new_serial(), place=place + number, state=MADE, used_at=None) for number, label in enumerate(old, start=1)]
    pairs = {before.serial: after.serial for before, after in zip(old, new, strict=True)}
    labels.add_labels(tx, new)
    _void(tx, batch, pairs, reason=why, action="label.reprint", replaced_by=pairs)
    return tuple(new)


def withdraw(tx: Transaction, actor: Actor, batch: str, serials: Collection[str], *, reason: str) -> int:
    """These are void: whoever scans one is stopped. Raises: as `reprint`."""
    require(tx, actor, *PRINT)
    why = text(reason, "reason", longest=500)
    old = _chosen(tx, batch, serials)
    return _void(tx, batch, [label.serial for label in old], reason=why, action="label.void")


def _chosen(tx: Transaction, batch: str, serials: Collection[str]) -> tuple[UnitLabel, ...]:
    found = labels.named(tx, serials)
    if not serials or len(found) != len(set(serials)) or any(label.batch != batch for label in found):
        raise NotFoundError("no such label is in this batch", remedy="choose labels of the list", batch=batch)
    gone = next((label for label in found if label.state == VOID or label.used_at is not None), None)
    if gone is not None:
        raise ConflictError(
            f"label {gone.place} was {'given' if gone.used_at else 'withdrawn'} already", remedy="choose others", serial=gone.serial
        )
    return found


def _void(
    tx: Transaction, batch: str, serials: Collection[str], *, reason: str, action: str, replaced_by: Mapping[str, str] | None = None
) -> int:
    done = labels.void(tx, list(serials), reason=reason, replaced_by=replaced_by)
    if done != len(serials):
        raise ConflictError("somebody else withdrew some of them", remedy="look at the batch again", batch=batch)
    # More would fill the log: the rows themselves say it of each.
    tx.audit(action, f"label-batch/{batch}", {"count": done, "reason": reason, "serials": sorted(serials)[:20]})
    _tell(tx, labels.wards_of(tx, batch))
    return done


def _made(tx: Transaction, actor: Actor, wanted: Sequence[Wanted], *, kind: str, ward: str, title: str, stock: str) -> Batch:
    require(tx, actor, *PRINT)
    for each in {(one.product.id, one.lot, one.expiry): one for one in wanted}.values():
        checked_lot(tx, each.product, each.lot, each.expiry)
    if labels.live(tx, ward) + len(wanted) > MOST_LIVE:
        raise ConflictError(
            f"the carts would have to know more than {MOST_LIVE} labels",
            remedy="withdraw labels that are no longer used, or make them for one ward",
            ward=ward,
        )
    batch = Batch(
        id="LB" + "".join(secrets.choice(serial.DRAWN) for _ in range(10)),
        kind=kind,
        ward=ward,
        title=title[:300],
        stock=stock,
        made_by=actor.id,
        made_at=tx.at,
        of=len(wanted),
    )
    labels.add(tx, batch, [_label(batch, place, one) for place, one in enumerate(wanted, start=1)])
    named = sorted({f"{one.product.id} {one.lot}" for one in wanted})
    tx.audit(
        "label.make",
        f"label-batch/{batch.id}",
        {
            "count": len(wanted),
            "ward": ward,
            "kind": kind,
            "lots": named[:20],
            "patients": len({one.patient for one in wanted if one.patient}),
        },
    )
    _tell(tx, ward)
    return batch


def _label(batch: Batch, place: int, one: Wanted) -> UnitLabel:
    return UnitLabel(
        serial=new_serial(),
        batch=batch.id,
        place=place,
        ward=batch.ward,
        product=one.product.id,
        gtin=one.product.gtin,
        lot=one.lot,
        expiry=one.expiry,
        patient=one.patient,
        words={"name": one.product.name, **one.words},
        until=datetime.combine(one.expiry, time(), UTC) + AFTER_EXPIRY,
    )


def _ward(tx: Transaction, ward: str) -> None:
    if ward != ALL_WARDS and patients.ward(tx, ward) is None:
        raise NotFoundError(f"ward {ward!r} is not known", remedy="choose a ward of the list", ward=ward)


def _tell(tx: Transaction, ward: str) -> None:
    """The carts that may meet them get their table anew."""
    if ward == ALL_WARDS:
        versions.bump_everywhere(tx, TableKind.FORMULARY)
    else:
        versions.bump_kind(tx, TableKind.FORMULARY, ward)
