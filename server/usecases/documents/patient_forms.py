"""The content of a patient's forms: the medication sheet by days, the infusion sheet, the record of a stay, and the handover of a transfer.

Plain texts and lists alone: a template of a hospital gets nothing else in its hands. A row is `cells` by column, `struck` where a later
record corrects it, `open` where nobody charted the dose.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from pointofcare.administration import infusion as runs
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import QuantityError
from pointofcare.orders import infusion
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.orders.schedule import DueStatus
from pointofcare.verdict.facts import Action
from server.store import bags, history
from server.store.transaction import Transaction
from server.usecases import courses
from server.usecases.documents import chart, words
from server.usecases.documents.chart import Chart, Open

Row = dict[str, Any]
# Circular 23/2011: infusions, injections, by mouth, put in, outwardly, others.
_ROUTES = (
    ("IV",),
    ("IM", "SC", "ID"),
    ("PO", "SL", "NG", "BUCCAL"),
    ("PR", "PV"),
    ("TOP", "TD", "OPH", "OT", "NAS", "NASAL"),
)
_RUNNING = frozenset({Action.START, Action.RATE, Action.HOLD, Action.STOP})
_STATES = {
    DueStatus.OVERDUE: "CHƯA GHI NHẬN THỰC HIỆN (đã quá giờ)",
    DueStatus.DUE: "Chưa thực hiện (đang trong giờ)",
    DueStatus.UPCOMING: "Chưa đến giờ",
    DueStatus.IN_PROGRESS: "Đang thực hiện",
}


def medication(tx: Transaction, found: Chart) -> dict[str, Any]:
    """By day, and in a day by drug in the order of the circular."""
    numbered = courses.days(tx, found.orders.values(), zone=found.zone.key) if found.until > tx.at else {}
    days = []
    for first, last in _days(found):
        records = [one for one in found.records if first <= one.effective_at < last]
        opened = [one for one in found.open if first <= one.due.due < last]
        groups = [_group(found, order, own, missing) for order, own, missing in _by_order(found, records, opened)]
        for place, group in enumerate(groups, start=1):
            group["title"] = f"{place}. {group['title']}"
        for group in groups:
            day = numbered.get(group["order"])
            if day is not None and first <= tx.at < last:
                group["now"] = f"ngày dùng thứ {day.number}"
        days.append({"day": words.day(first.astimezone(found.zone)), "groups": groups, "confirmations": _confirmations(found, first, last)})
    return {"patient": chart.identity(found), "days": days, **_doubts(found)}


def record(_tx: Transaction, found: Chart) -> dict[str, Any]:
    """By drug over the whole period: every record, and what nobody charted."""
    groups = [_group(found, order, own, missing, dated=True) for order, own, missing in _by_order(found, found.records, found.open)]
    for place, group in enumerate(groups, start=1):
        group["title"] = f"{place}. {group['title']}"
    return {"patient": chart.identity(found), "groups": groups, **_doubts(found)}


def infusions(tx: Transaction, found: Chart) -> dict[str, Any]:
    """07/BV2: each start with its changes of rate and its end. One that was started before the period is in it as long as it ran."""
    standing = [one for one in found.around if not found.is_void(one)]
    hung = {bag.id: bag for bag in bags.named(tx, {one.bag for one in standing if one.bag})}
    starts = [one for one in standing if one.action == Action.START or (one.action == Action.GIVE and one.rate is not None)]
    given = [history.of_record(one) for one in found.around]
    entries = history.effective(given)
    folded = history.Standing(given)
    of = {run.record_id: run for run in runs.runs(entries)}
    rows: list[Row] = []
    for start in starts:
        if start.continues is not None:
            continue
        # What goes on with a start that was corrected goes on with the correction.
        later = [one for one in standing if one.continues is not None and folded.root(history.of_record(one)) == start.record_id]
        run = of.get(start.record_id)
        ended = next((one for one in reversed(later) if one.status in ("completed", "stopped")), None)
        if start.effective_at >= found.until or (ended is not None and ended.effective_at < found.since):
            continue
        order = found.orders.get(start.order or "")
        bag = hung.get(start.bag or "")
        volume = bag.printed_for.volume if bag is not None and bag.printed_for.volume is not None else start.dose
        lots = [chart.lot(start)] if start.lot else [content.lot for content in (bag.contents if bag is not None else ()) if content.lot]
        paused = [one for one in later if one.action == Action.HOLD]
        note = [f"{chart.outcome(found, one)} {words.short_moment(one.effective_at, found.zone)}" for one in paused]
        rows.append(
            {
                "struck": False,
                "open": ended is None,
                "cells": {
                    "day": chart.day_of(start.effective_at, found.zone),
                    "fluid": "\n".join([*_fluid(start, order), *note]),
                    "amount": words.amount(volume) or "không ghi",
                    "lot": ", ".join(each for each in lots if each) or "không ghi",
                    "rate": "\n".join(_rate(found, one) for one in [start, *later] if one.rate is not None) or "không ghi",
                    "start": words.clock(start.effective_at, found.zone),
                    "end": _end(found, run, ended),
                    "doctor": found.name(order.prescriber if order is not None else None) or "không có y lệnh",
                    "nurse": "\n".join(dict.fromkeys(chart.people(found, one) for one in [start, *([ended] if ended else [])])),
                },
            }
        )
    return {"patient": chart.identity(found), "rows": rows, **_doubts(found)}


def transfer(tx: Transaction, found: Chart) -> dict[str, Any]:
    """44/BV2: how the patient goes over to the other ward, as far as this record knows it; what it does not is left to be filled in."""
    who = found.patient
    measured = [
        f"{words.word('observation', one.code)}: {words.amount(one.value)} ({words.short_moment(one.at, found.zone)})"
        for one in sorted(who.observations, key=lambda each: each.code)
    ]
    ranked = sorted(found.orders.values(), key=_place)
    active = [one for one in ranked if one.status is OrderStatus.ACTIVE]
    held = [one for one in ranked if one.status is OrderStatus.ON_HOLD]
    recent = [one for one in found.records if one.effective_at >= tx.at - timedelta(hours=24) and not found.is_void(one)]
    given = [one for one in recent if one.status in ("completed", "in-progress", "stopped") and one.action in (Action.GIVE, Action.START)]
    not_given = [one for one in recent if one.status == "not-done"]
    entries = history.effective(history.of_record(one) for one in found.around)
    running = runs.running(entries, who.id)
    overdue = [one for one in found.open if one.status in (DueStatus.OVERDUE, DueStatus.DUE)]
    coming = [one for one in found.open if one.status is DueStatus.UPCOMING]
    lines: list[tuple[str, Iterable[str]]] = [
        ("Chẩn đoán", ()),
        ("Tri giác, tình trạng chung", ()),
        ("Dấu hiệu sinh tồn gần nhất", measured),
        ("Tiền sử dị ứng", [str(chart.identity(found)["allergies"])]),
        ("Thuốc đang dùng (y lệnh còn hiệu lực)", [_order_line(found, one) for one in active]),
        ("Thuốc tạm ngừng", [_order_line(found, one) for one in held]),
        ("Đã thực hiện trong 24 giờ qua", [_given_line(found, one) for one in given]),
        ("Không thực hiện trong 24 giờ qua, lý do", [f"{_given_line(found, one)} – {chart.outcome(found, one)}" for one in not_given]),
        ("Đang truyền", [_running_line(found, run) for run in running]),
        ("Đến giờ hoặc quá giờ, CHƯA thực hiện", [_open_line(found, one) for one in overdue]),
        ("Liều kế tiếp trong 12 giờ", [_open_line(found, one) for one in coming]),
        ("Dụng cụ đang mang (ống thông, đường truyền, dẫn lưu)", ()),
        ("Hồ sơ, phim, xét nghiệm, tư trang bàn giao", ()),
    ]
    blank = {"Chẩn đoán", "Tri giác, tình trạng chung", "Dụng cụ đang mang (ống thông, đường truyền, dẫn lưu)"}
    blank.add("Hồ sơ, phim, xét nghiệm, tư trang bàn giao")
    rows = [
        {
            "struck": False,
            "open": what.endswith("CHƯA thực hiện") and bool(list(told)),
            "cells": {"what": what, "told": "" if what in blank else "\n".join(told) or "không có trong hồ sơ", "check": ""},
        }
        for what, told in lines
    ]
    return {"patient": chart.identity(found), "rows": rows, **_doubts(found)}


def _days(found: Chart) -> list[tuple[datetime, datetime]]:
    """Midnight to midnight in the ward, of every day of the period."""
    first: date = found.since.astimezone(found.zone).date()
    last: date = (found.until - timedelta(seconds=1)).astimezone(found.zone).date()
    listed = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    midnight = {day: datetime(day.year, day.month, day.day, tzinfo=found.zone) for day in [*listed, last + timedelta(days=1)]}
    return [(midnight[day], midnight[day + timedelta(days=1)]) for day in listed]


def _by_order(
    found: Chart, records: Iterable[AdministrationRecord], opened: Iterable[Open]
) -> list[tuple[Order | None, list[AdministrationRecord], list[Open]]]:
    """Orders that have something in the period, or hold in it; at the end what has no order of this patient."""
    own: dict[str | None, list[AdministrationRecord]] = {}
    starts = {one.record_id: one.order for one in found.around}
    for one in records:
        order = one.order or starts.get(one.continues or "")
        own.setdefault(order if order in found.orders else None, []).append(one)
    missing: dict[str, list[Open]] = {}
    for each in opened:
        missing.setdefault(each.order.id, []).append(each)
    shown = [order for order in found.orders.values() if order.id in own or order.id in missing or _holds(found, order)]
    shown.sort(key=_place)
    listed: list[tuple[Order | None, list[AdministrationRecord], list[Open]]] = [
        (order, own.get(order.id, []), missing.get(order.id, [])) for order in shown
    ]
    return [*listed, *([(None, own[None], [])] if None in own else [])]


def _holds(found: Chart, order: Order) -> bool:
    """An order that holds but has no times (as needed) is shown too: the patient may ask for it."""
    if order.status not in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD):
        return False
    return (order.start is None or order.start < found.until) and (order.end is None or order.end >= found.since)


def _place(order: Order) -> tuple[int, str, str]:
    return _rank(order.route, order.category), words.drug(order).casefold(), order.id


def _rank(route: str, category: OrderCategory) -> int:
    if category is OrderCategory.INFUSION:
        return -1
    return next((place for place, routes in enumerate(_ROUTES) if route.upper() in routes), len(_ROUTES))


def _group(found: Chart, order: Order | None, records: list[AdministrationRecord], missing: list[Open], *, dated: bool = False) -> Row:
    lines: list[tuple[datetime, Row]] = []
    for one in records:
        at = words.short_moment if dated else words.clock
        lines.append(
            (
                one.effective_at,
                {
                    "struck": found.is_void(one),
                    "open": False,
                    "cells": {
                        "due": at(one.due, found.zone) if one.due is not None else "–",
                        "done": at(one.effective_at, found.zone),
                        "result": chart.outcome(found, one),
                        "dose": _dose(one, order),
                        "lot": chart.lot(one) or "–",
                        "nurse": chart.people(found, one),
                        "sign": "",
                    },
                },
            )
        )
    for each in missing:
        at = words.short_moment if dated else words.clock
        cells = {"due": at(each.due.due, found.zone), "done": "", "result": _STATES.get(each.status, str(each.status))}
        cells |= {"dose": "", "lot": "", "nurse": "", "sign": ""}
        lines.append((each.due.due, {"struck": False, "open": each.status is not DueStatus.UPCOMING, "cells": cells}))
    if order is None:
        title, about = "Thuốc không có y lệnh trong hồ sơ", "dùng cấp cứu hoặc y lệnh của hồ sơ khác; bác sĩ phải xác nhận"
    else:
        title, about = words.drug(order), _about(found, order)
    rows = [row for _, row in sorted(lines, key=lambda line: line[0])]
    return {"title": title, "about": about, "order": order.id if order is not None else "", "now": "", "rows": rows}


def _about(found: Chart, order: Order) -> str:
    status = "" if order.status is OrderStatus.ACTIVE else f" · {words.word('order', order.status)}"
    pieces = [words.order_dose(order), words.word("route", order.route), words.timing(order)]
    doctor = found.name(order.prescriber) or words.UNKNOWN
    return f"{' · '.join(piece for piece in pieces if piece)} · BS chỉ định: {doctor}{status}"


def _dose(one: AdministrationRecord, order: Order | None) -> str:
    """With the product, where the order's own line does not name it."""
    if one.status == "not-done":
        return "0"
    pieces = [words.amount(one.dose), words.amount(one.rate)]
    name = one.product_name or one.product or ""
    name = "" if order is not None and name.casefold() in words.drug(order).casefold() else name
    return "\n".join([*[piece for piece in pieces if piece], *([name] if name else [])]) or "–"


def _confirmations(found: Chart, first: datetime, last: datetime) -> list[str]:
    """That the day's drugs were shown at the bedside, and what was answered."""
    told = []
    for note in found.shown:
        if not first <= note.at < last:
            continue
        by = words.word("asked-by", note.details.get("asked_by") or "patient")
        said = "có câu hỏi" if note.details.get("answer") == "question" else "đã nghe và đồng ý"
        question = str(note.details.get("words") or "")[:400]
        told.append(
            f"{words.clock(note.at, found.zone)}: điều dưỡng {found.name(note.nurse)} đã công khai thuốc; {by} {said}"
            + (f": “{question}”" if question else "")
        )
    return told


def _doubts(found: Chart) -> dict[str, Any]:
    said = [f"{words.drug(order)}: giờ dùng không tính được hoặc y lệnh chưa có hiệu lực, xem y lệnh gốc" for order in found.unclear]
    if found.cut:
        said.insert(0, f"TÀI LIỆU NÀY KHÔNG ĐẦY ĐỦ: có nhiều hơn {chart.MOST} bản ghi, chọn khoảng thời gian ngắn hơn.")
    return {"doubts": said}


def _fluid(start: AdministrationRecord, order: Order | None) -> list[str]:
    named = start.product_name or (words.drug(order) if order is not None else "") or start.product or words.UNKNOWN
    added = [f"pha thêm: {', '.join(order.additives)}"] if order is not None and order.additives else []
    ordered = [f"y lệnh: {words.drug(order)}"] if order is not None and words.drug(order) != named else []
    return [named, *ordered, *added]


def _rate(found: Chart, one: AdministrationRecord) -> str:
    assert one.rate is not None
    said = words.amount(one.rate)
    if one.drop_factor is not None:
        with suppress(QuantityError):
            said = f"{infusion.whole_drops_per_minute(one.rate, one.drop_factor)} giọt/phút ({said})"
    return said if one.continues is None else f"{words.clock(one.effective_at, found.zone)}: {said}"


def _end(found: Chart, run: runs.Run | None, ended: AdministrationRecord | None) -> str:
    if ended is not None:
        last = chart.day_of(ended.effective_at, found.zone)
        same = run is not None and chart.day_of(run.started_at, found.zone) == last
        return words.clock(ended.effective_at, found.zone) + ("" if same else f"\n({last})")
    return "tạm ngừng" if run is not None and run.paused else "chưa kết thúc"


def _order_line(found: Chart, order: Order) -> str:
    return f"{words.drug(order)} – {_about(found, order)}"


def _given_line(found: Chart, one: AdministrationRecord) -> str:
    order = found.orders.get(one.order or "")
    name = one.product_name or (words.drug(order) if order is not None else "") or words.UNKNOWN
    return f"{words.short_moment(one.effective_at, found.zone)}: {name} {words.amount(one.dose)} – {found.name(one.nurse)}"


def _running_line(found: Chart, run: runs.Run) -> str:
    order = found.orders.get(run.order)
    state = "tạm ngừng" if run.paused else f"tốc độ {words.amount(run.rate) or words.UNKNOWN}"
    return f"{words.drug(order) if order is not None else words.UNKNOWN}: từ {words.short_moment(run.started_at, found.zone)}, {state}"


def _open_line(found: Chart, one: Open) -> str:
    return f"{words.short_moment(one.due.due, found.zone)}: {words.drug_and_dose(one.order, one.due.dose)}"
