"""The content of a ward's forms: the handover of a shift, and the book of controlled drugs with its balances.

As `patient_forms`: plain texts and lists. A balance that nobody can compute is said, never made up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pointofcare.administration import infusion as runs
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import NotFoundError, PointOfCareError
from pointofcare.orders import schedule
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueStatus
from pointofcare.people import Patient
from pointofcare.quantity import Quantity
from pointofcare.texts import written
from server.store import bedside, documents, orders, patients, products, reach, stock, views_controlled, views_pharmacy
from server.store.bedside import Look
from server.store.patients import Ward
from server.store.stock import Move
from server.store.transaction import Transaction
from server.usecases import controlled as verbs
from server.usecases.documents import chart, words

BACK, AHEAD = timedelta(hours=12), timedelta(hours=4)


def ward_of(tx: Transaction, ward: str, zone: str) -> tuple[Ward, ZoneInfo]:
    """Raises: NotFoundError, OtherWardError."""
    found = patients.ward(tx, ward)
    if found is None:
        raise NotFoundError(f"ward {ward[:64]!r} is not known", remedy="choose a ward of the list", ward=ward[:64])
    reach.must_see(tx, found.id)
    return found, ZoneInfo(found.timezone or zone)


def handover(tx: Transaction, ward: str, *, zone: str) -> dict[str, Any]:
    """How the ward's doses stand now: by bed what is owed, what was not given and why, what runs, what comes."""
    found, place = ward_of(tx, ward, zone)
    look = bedside.of_ward(tx, found.id)
    changed = orders.changed(tx, look.orders)
    windows = products.policy(tx, found.id).windows
    names = views_pharmacy.names(tx, {entry.nurse for entry in look.history})
    rows = []
    for who in sorted(look.patients, key=lambda each: (each.bed or "~", each.id)):
        mine = [one for one in look.orders if one.patient == who.id and one.status is OrderStatus.ACTIVE]
        late, coming, unclear = _doses(mine, look, changed, windows, place, tx.at)
        declined = [
            f"{words.short_moment(entry.at, place)} {_drug(look, entry.order)}: "
            f"{words.word('reason', entry.reason) if entry.reason else ''} ({names.get(entry.nurse or '', entry.nurse or '')})"
            for entry in look.history
            if entry.patient == who.id and entry.status == "not-done" and entry.at >= tx.at - BACK
        ]
        running = [
            f"{_drug(look, run.order)} từ {words.short_moment(run.started_at, place)}, "
            + ("tạm ngừng" if run.paused else words.amount(run.rate) or "không rõ tốc độ")
            for run in runs.running(look.history, who.id)
        ]
        cells = {"bed": who.bed or "–", "patient": _patient(who), "open": "\n".join([*late, *unclear]) or "–"}
        cells |= {"not_given": "\n".join(declined) or "–", "running": "\n".join(running) or "–", "coming": "\n".join(coming) or "–"}
        rows.append({"struck": False, "open": bool(late or unclear), "cells": cells})
    return {"ward": {"name": found.name, "at": words.moment(tx.at, place)}, "rows": rows, "doubts": []}


def _doses(
    mine: Iterable[Order], look: Look, changed: Any, windows: schedule.Windows, place: ZoneInfo, now: datetime
) -> tuple[list[str], list[str], list[str]]:
    late: list[tuple[datetime, str]] = []
    coming: list[tuple[datetime, str]] = []
    unclear: list[str] = []
    for order in mine:
        if order.category in (OrderCategory.PRN, OrderCategory.ON_CALL, OrderCategory.INFUSION):
            continue
        history = [entry for entry in look.history if entry.patient == order.patient]
        try:
            span = (now - BACK, now + AHEAD)
            if order.id in changed:
                doses = schedule.across(changed[order.id], history, windows, place.key, *span)
            else:
                doses = schedule.due_doses(order, history, windows, place.key, *span)
        except PointOfCareError:
            unclear.append(f"{words.drug(order)}: không tính được giờ, xem y lệnh gốc")
            continue
        for dose in doses:
            status = schedule.status(dose, now)
            line = (dose.due, f"{words.short_moment(dose.due, place)} {words.drug_and_dose(order, dose.dose)}")
            if status in (DueStatus.OVERDUE, DueStatus.DUE):
                late.append(line)
            elif status is DueStatus.UPCOMING:
                coming.append(line)
    return [text for _, text in sorted(late)], [text for _, text in sorted(coming)], unclear


def _patient(who: Patient) -> str:
    allergies = "dị ứng: không rõ" if who.allergies is None else "dị ứng: " + "; ".join(each.substance for each in who.allergies)
    born = words.day(who.birth_date)
    return f"{who.name}\n{who.mrn} · {born}" + (f"\n{allergies}" if who.allergies is None or who.allergies else "")


def _drug(look: Look, order: str) -> str:
    found = next((one for one in look.orders if one.id == order), None)
    return words.drug(found) if found is not None else "thuốc không có y lệnh"


def controlled(tx: Transaction, ward: str, *, since: datetime, until: datetime, zone: str) -> dict[str, Any]:
    """A book for each drug of each cart: what lay there, each move with its paper trail, and what lies there at the end."""
    found, place = ward_of(tx, ward, zone)
    moved, cut = documents.moved(tx, ward=found.id, since=since, until=until)
    policy = products.policy(tx, found.id)
    kept = [one.id for one in products.listed(tx) if verbs.is_controlled(one, policy)]
    acts = views_controlled.acts(tx, products=kept, since=since, until=until, ward=found.id)
    of_record = documents.records(tx, {*(move.record_id for move in moved if move.record_id), *(act.record_id for act in acts)})
    void = {act.amends for act in acts if act.amends} | {act.record_id for act in acts if act.status == "entered-in-error"}
    told = {move.record_id for move in moved}
    # What moved nothing in a drawer, waste and what was not given, stands in the book all the same.
    still = [of_record[act.record_id] for act in acts if act.record_id not in told and act.record_id in of_record]
    held = {(move.product, move.cart) for move in moved} | {(one.product or "", one.cart) for one in still}
    held |= set(documents.stocked(tx, ward=found.id, before=until))
    people = {move.by for move in moved} | {who for record in of_record.values() for who in (record.witness, record.nurse)}
    named = products.named(tx, {product for product, _ in held})
    names = views_pharmacy.names(tx, people)
    whose = documents.names_of_patients(tx, {record.patient for record in of_record.values()})
    books = []
    for product, cart in sorted(held):
        lines: list[tuple[datetime, Move | None, AdministrationRecord | None]] = [
            (move.at, move, of_record.get(move.record_id or "")) for move in moved if (move.product, move.cart) == (product, cart)
        ]
        lines += [(one.effective_at, None, one) for one in still if (one.product or "", one.cart) == (product, cart)]
        opening = balance = documents.balance_before(tx, cart=cart, product=product, at=since)
        rows = []
        for at, move, record in sorted(lines, key=lambda line: line[0]):
            if move is not None and move.kind in stock.MOVING:
                balance = move.units if balance is None and move.kind == stock.FILL else None if balance is None else balance + move.units
            rows.append(_line(at, move, record, balance, place, names, whose, void))
        title = named.get(product, product)
        about = f"Xe tiêm {cart}"
        books.append({"title": title, "about": about, "opening": _units(opening), "closing": _units(balance), "rows": rows})
    cut = cut or len(acts) > views_controlled.MOST_ACTS
    doubts = ["SỔ NÀY KHÔNG ĐẦY ĐỦ: quá nhiều lần xuất nhập, chọn khoảng thời gian ngắn hơn."] if cut else []
    return {"ward": {"name": found.name, "at": words.moment(tx.at, place)}, "books": books, "doubts": doubts}


def _line(
    at: datetime,
    move: Move | None,
    record: AdministrationRecord | None,
    balance: Decimal | None,
    place: ZoneInfo,
    names: Mapping[str, str],
    whose: Mapping[str, str],
    void: Collection[str],
) -> dict[str, Any]:
    counted = move is not None and move.kind == stock.COUNTED
    differs = counted and move is not None and balance is not None and balance != move.units
    units = move.units if move is not None and not counted else Decimal(0)
    return {
        "struck": record is not None and move is None and record.record_id in void,
        "open": differs,
        "cells": {
            "at": words.short_moment(at, place),
            "place": _place(move, record, whose),
            "document": ((record.record_id if record is not None else "") or (f"K{move.id}" if move is not None else ""))[:8].upper(),
            "came": _units(units) if units > 0 else "",
            "went": _units(-units) if units < 0 else "",
            "balance": _units(balance),
            "lot": chart.lot(record) if record is not None else "",
            "who": _who(move, record, names),
            "note": _note(move, record, differs=differs),
        },
    }


def _place(move: Move | None, record: AdministrationRecord | None, whose: Mapping[str, str]) -> str:
    other = "Khoa Dược" if move is not None and move.kind == stock.FILL else "Xe tiêm"
    patient = whose.get(record.patient, record.patient) if record is not None else other
    return patient + (f", ngăn {move.drawer}" if move is not None and move.drawer else "")


def _who(move: Move | None, record: AdministrationRecord | None, names: Mapping[str, str]) -> str:
    person = move.by if move is not None else record.nurse if record is not None else ""
    witness = record.witness if record is not None else None
    return names.get(person, person) + (f"\nNgười chứng kiến: {names.get(witness, witness)}" if witness else "")


def _note(move: Move | None, record: AdministrationRecord | None, *, differs: bool) -> str:
    if move is not None and move.kind == stock.COUNTED:
        said = [f"Kiểm đếm: {_units(move.units)}" + (" – LỆCH so với sổ" if differs else " – khớp")]
    elif move is not None:
        said = [words.word("move", move.kind)]
    else:
        said = [words.word("act", record.action), words.word("status", record.status)] if record is not None else []
    if record is not None:
        said += [f"{what} {words.amount(each)}" for what, each in _amounts(record) if each is not None]
        said += [words.word("reason", record.status_reason)] if record.status_reason else []
    return "; ".join([*said, *([move.note] if move is not None and move.note else [])])


def _amounts(record: AdministrationRecord) -> tuple[tuple[str, Quantity | None], ...]:
    return ("liều", record.dose), ("hủy", record.waste), ("trả", record.returned)


def _units(value: Decimal | None) -> str:
    return "không rõ" if value is None else written.number(words.VI, value)
