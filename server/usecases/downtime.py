"""Paper both ways: a rounds sheet whose lines carry a code, and what the nurses wrote on it, entered when the system is back.

What was given is a fact and never refused; what may be a double of a dose that is on record already is shown first, and recorded only when
a person says that it was another one. Must never chart a line by itself: whatever nobody entered stays open, on the list and on the board.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pointofcare.administration import late
from pointofcare.administration.lifecycle import Status
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.labels.serial import DRAWN, is_sound, with_check
from pointofcare.orders import course
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.people import StaffRole
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict import engine, reason
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.finding import Level
from server.store import bedside, downtime, identities, orders, patients, products, staff
from server.store.downtime import LineView, Printed, SheetView
from server.store.transaction import Actor, Transaction
from server.usecases import corrections
from server.usecases.administrations import Recorded
from server.usecases.facts import Site
from server.usecases.permission import require, text

ALLOWED = (StaffRole.NURSE, StaffRole.CHARGE_NURSE)
GIVERS = frozenset({StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PRESCRIBER})
# What stands in a line's code in front of the sheet and the number.
PREFIX = "DT"
SHEET_LENGTH, _DIGITS = 8, 3
VALID = timedelta(hours=12)
MOST_LINES = 999
LISTED = timedelta(days=30)
# So near another dose of the same order it may be the same one (local choice).
NEAR = timedelta(hours=4)
NOT_GIVEN = corrections.NOT_GIVEN_REASONS
DOWN = "network-down"
# An infusion has a rate, a bag and an end: it is charted at the cart, when that is back.
AT_THE_CART = frozenset({OrderCategory.INFUSION})


def code(sheet: str, number: int) -> str:
    """What the line's QR code holds and what is printed under it: 14 characters, the last of them a check character."""
    return with_check(f"{PREFIX}{sheet}{number:0{_DIGITS}d}")


def read_code(typed: str) -> tuple[str, int]:
    """(sheet, number) of a code that was scanned or typed. Raises: UnreadableError."""
    plain = "".join(sign for sign in typed.upper() if sign.isalnum() and sign.isascii())
    body = plain[len(PREFIX) : -1]
    if not plain.startswith(PREFIX) or len(body) != SHEET_LENGTH + _DIGITS or not body[-_DIGITS:].isdigit() or not is_sound(plain):
        raise UnreadableError("this is not the code of a line", remedy="scan the line's code, or type the 14 signs under it", says="code")
    return body[:SHEET_LENGTH], int(body[-_DIGITS:])


def print_sheet(tx: Transaction, actor: Actor, ward: str, lines: Iterable[Printed]) -> str:
    """The new sheet's id. Raises: NotPermittedError, NotFoundError, OtherWardError, UnreadableError (no line, or too many)."""
    require(tx, actor, *ALLOWED)
    if patients.ward(tx, ward) is None:
        raise NotFoundError(f"ward {ward!r} is not known", remedy="choose a ward of the list", ward=ward)
    listed = tuple(lines)
    if not listed:
        raise UnreadableError("there is no dose to print", remedy="choose a ward with patients", says="empty")
    if len(listed) > MOST_LINES:
        raise UnreadableError("the ward has too many doses for one sheet", remedy="print it in the morning and at noon", says="many")
    sheet = "".join(secrets.choice(DRAWN) for _ in range(SHEET_LENGTH))
    downtime.put(tx, sheet=sheet, ward=ward, valid_until=tx.at + VALID, lines=listed)
    tx.audit("downtime.print", f"sheet/{sheet}", {"ward": ward, "lines": len(listed)})
    return sheet


def sheet(tx: Transaction, name: str) -> SheetView:
    """Raises: NotFoundError, OtherWardError."""
    found = downtime.get(tx, name)
    if found is None:
        raise NotFoundError("this sheet is not known", remedy="look for it in the list of sheets", says="sheet")
    return found


def line(tx: Transaction, found: SheetView, number: int) -> LineView:
    """Raises: NotFoundError."""
    one = downtime.lines(tx, found, number=number)
    if not one:
        raise NotFoundError("the sheet has no such line", remedy="look at the sheet again", says="line")
    return one[0]


def whoever(tx: Transaction) -> Transaction:
    """For the patient and the order of a line: whoever may see the sheet enters its lines, wherever the patient lies by now."""
    return replace(tx, actor=replace(tx.actor, wards=None))


def same(history: Iterable[HistoryEntry], found: LineView, given_at: datetime) -> tuple[HistoryEntry, ...]:
    """Doses on record that may be this one: of the same due time, or of the same order near that time."""
    return tuple(
        entry
        for entry in history
        if entry.order == found.order
        and entry.status in _DONE
        and ((found.due is not None and entry.due == found.due) or abs(entry.at - given_at) <= NEAR)
    )


_DONE = frozenset({Status.COMPLETED, Status.IN_PROGRESS, Status.STOPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What stands on the paper. `why` None: it was given. `another`: a person has seen what may be the same dose, and it is not."""

    record_id: str
    at: datetime
    nurse: str
    dose: Quantity | None = None
    product: str | None = None
    lot: str | None = None
    site: str | None = None
    prn_reason: str | None = None
    witness: str | None = None
    why: str | None = None
    words: str = ""
    another: bool = False


def enter(tx: Transaction, actor: Actor, found: SheetView, number: int, told: Told, *, site: Site | None = None) -> Recorded | None:
    """One dose of a line, as the paper says. None: this entry was made before, and nothing was written.

    Raises: NotPermittedError, NotFoundError, OtherWardError, UnreadableError (`says` names the field), ConflictError (it may be on record
    already)."""
    require(tx, actor, *ALLOWED)
    if downtime.is_entered(tx, told.record_id):
        return None
    one = line(tx, found, number)
    patients.hold(tx, identities.current(tx, one.patient))
    one = line(tx, found, number)  # as it is now that nobody else enters a dose of this patient
    if found.closed_at is not None:
        raise ConflictError("the sheet is closed", remedy="chart the dose at the cart as given before", says="closed")
    _check_times(tx, found, told)
    people = {entry.id: entry for entry in staff.roster(tx, found.ward)}
    giver, second = people.get(told.nurse), people.get(told.witness or "")
    if giver is None or not GIVERS & set(giver.roles):
        raise UnreadableError("nobody of this ward has that name", remedy="choose who gave it", says="nurse")
    if told.witness and (second is None or told.witness == told.nurse):
        raise UnreadableError("the second person is not one", remedy="choose somebody else of this ward", says="witness")
    if told.why is not None and (told.why not in NOT_GIVEN or not reason.is_coded(told.why, told.words)):
        raise UnreadableError("the reason is missing, or needs words", remedy="choose a reason", says="why")
    of_line = whoever(tx)
    look = bedside.of_patient(of_line, identities.current(tx, one.patient))
    if not look.patients:
        raise NotFoundError("the patient is not known any more", remedy="look whether the record was joined with another", says="patient")
    order = next((each for each in look.orders if each.id == one.order), None) or orders.get(of_line, one.order).order
    if order.category in AT_THE_CART:
        raise UnreadableError("an infusion is charted at the cart", remedy="chart it there as given before", says="infusion")
    if told.why is None and told.dose is None:
        raise UnreadableError("the dose is missing", remedy="write what was given", says="dose")
    # The chart goes back three days; what was charted for this line is known whenever that was.
    doubtful = {entry.record_id for entry in same(look.history, one, told.at)} | {each.record_id for each in one.charted if each.was_given}
    if doubtful and not told.another:
        raise ConflictError(
            "it may be on record already",
            remedy="compare, and say whether it was another dose",
            says="same",
            records=sorted(str(each) for each in doubtful),
        )
    stock = products.get(tx, told.product) if told.product else None
    made = _record(tx, found, one, told, order=order, mrn=look.patients[0].mrn, product=stock)
    recorded = corrections.write(
        tx, made, site or Site(), action="downtime.enter", detail={"sheet": found.sheet, "line": number, "entered_by": actor.id}
    )
    downtime.entered(tx, sheet=found.sheet, number=number, record_id=made.record_id)
    downtime.use(tx, found.sheet)
    return recorded


def nothing_done(tx: Transaction, actor: Actor, found: SheetView, number: int, *, why: str) -> None:
    """Nothing was done on this line: the dose stays due wherever it is due. Raises: NotPermittedError, NotFoundError, TextMissingError,
    ConflictError (it was entered, or said before)."""
    require(tx, actor, *ALLOWED)
    words = text(why, "reason", longest=400)
    one = line(tx, found, number)
    if found.closed_at is not None or one.charted or not downtime.nothing(tx, sheet=found.sheet, number=number, why=words):
        raise ConflictError("the line was settled meanwhile", remedy="look at the sheet again", says="settled")
    downtime.use(tx, found.sheet)
    tx.audit("downtime.nothing", f"sheet/{found.sheet}", {"line": number, "patient": one.patient, "order": one.order, "reason": words})


def close(tx: Transaction, actor: Actor, found: SheetView, *, words: str) -> None:
    """Every line of the paper was entered. Raises: NotPermittedError, ConflictError (lines are open, or it is closed)."""
    require(tx, actor, *ALLOWED)
    if open_lines(downtime.lines(tx, found), tx.at):
        raise ConflictError("there are lines of which nobody has said what became of them", remedy="settle each line", says="open")
    if not downtime.close(tx, found.sheet, words=words.strip()[:400]):
        raise ConflictError("the sheet is closed", remedy="look at the list of sheets", says="closed")
    tx.audit("downtime.close", f"sheet/{found.sheet}", {"ward": found.ward})


def open_lines(lines: Iterable[LineView], now: datetime) -> tuple[LineView, ...]:
    """Those that ask for an answer: doses that were due by now, and nobody has said what became of them."""
    return tuple(one for one in lines if one.due is not None and one.due <= now and not one.is_settled and not one.printed.get("at-cart"))


def products_for(order: Order | None, stock: Iterable[Product]) -> tuple[Product, ...]:
    """Those of the order's ingredients, by name."""
    if order is None:
        return ()
    names = course.ingredients(order)
    found = [one for one in stock if frozenset(part.name.casefold() for part in one.ingredients) == names]
    return tuple(sorted(found, key=lambda one: one.name))


def _check_times(tx: Transaction, found: SheetView, told: Told) -> None:
    if told.at > tx.at:
        raise UnreadableError("the time lies ahead", remedy="write when it was given", says="future")
    if told.at < found.printed_at - NEAR:
        raise UnreadableError("the time lies before the sheet was printed", remedy="look at the date", says="past")


def _record(
    tx: Transaction, found: SheetView, one: LineView, told: Told, *, order: Order, mrn: str, product: Product | None
) -> AdministrationRecord:
    given = told.why is None
    words = " ".join(part for part in (late.CHARTED_LATE, f"[{code(found.sheet, one.number)}]", told.words.strip()[:400]) if part)
    return AdministrationRecord(
        record_id=told.record_id,
        facility=tx.facility,
        ward=found.ward,
        cart=corrections.SERVER,
        patient=one.patient,
        mrn=mrn,
        order=one.order,
        order_version=one.order_version,
        due=one.due,
        action=(Action.GIVE if given else Action.NOT_GIVEN).value,
        status=(Status.COMPLETED if given else Status.NOT_DONE).value,
        status_reason=DOWN if given else told.why,
        reason_text=words,
        product=product.id if product is not None else None,
        product_name=product.name if product is not None else None,
        gtin=None,
        lot=(told.lot or "").strip()[:40] or None,
        expiry=None,
        serial=None,
        dose=told.dose if given else None,
        route=order.route,
        site=(told.site or "").strip()[:80] or None,
        waste=None,
        prn_reason=(told.prn_reason or "").strip()[:200] or None,
        effective_at=told.at,
        recorded_at=tx.at,
        nurse=told.nurse,
        witness=told.witness or None,
        level=Level.PASS.name,
        findings=(),
        engine=engine.VERSION,
        policy="",
        scans=(),
        chart_version=0,
        online=True,
        clock_offset_s=0.0,
    )


def counted(lines: Iterable[LineView], now: datetime) -> Mapping[str, int]:
    """How many lines were entered from the paper, charted elsewhere, said to be nothing, and are open."""
    every = tuple(lines)
    return {
        "entered": sum(any(each.entered for each in one.charted) for one in every),
        "charted": sum(bool(one.charted) and not any(each.entered for each in one.charted) for one in every),
        "nothing": sum(one.nothing_at is not None and not one.charted for one in every),
        "open": len(open_lines(every, now)),
    }
