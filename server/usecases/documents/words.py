"""How codes, amounts and times are written on the forms: Vietnamese, with decimal comma, day before month and the 24-hour clock.

A code without a word stands as it is: visible, never an empty cell.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pointofcare import texts
from pointofcare.orders.order import Dosage, Order
from pointofcare.quantity import Quantity
from pointofcare.texts import Catalogue, written

VI = "vi"
UNKNOWN = "không rõ"
_UNITS = {"[IU]": "IU", "ug": "mcg", "mm[Hg]": "mmHg", "Cel": "°C", "[drp]": "giọt", "[drp]/min": "giọt/phút", "mL/h": "ml/giờ", "mL": "ml"}
_UNITS |= {"/min": "lần/phút", "L": "lít", "1": "", "{score}": ""}


@cache
def _catalogue() -> Catalogue:
    return Catalogue("server.usecases.documents.texts")


def word(kind: str, code: object) -> str:
    if code is None or code == "":
        return UNKNOWN
    plain = str(getattr(code, "value", code))
    for name in (f"{kind}-{plain}", f"{kind}-{plain.upper()}", f"{kind}-{plain.lower()}"):
        for catalogue in (_catalogue(), texts.clinical()):
            if catalogue.has(VI, name):
                return catalogue.text(VI, name)
    return plain


def number(value: Quantity) -> str:
    return written.number(VI, value.value)


def unit(code: str) -> str:
    if code in _UNITS:
        return _UNITS[code]
    if code.startswith("{") and code.endswith("}"):
        return word("unit", code[1:-1])
    if "/" in code:
        return "/".join("giờ" if part == "h" else "phút" if part == "min" else unit(part) for part in code.split("/"))
    return code


def amount(value: Quantity | None) -> str:
    """An empty text for None: the caller knows what a missing amount means."""
    return "" if value is None else f"{number(value)} {unit(value.unit)}".strip()


def day(value: date | datetime | None, zone: ZoneInfo | None = None) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, datetime):
        value = (value.astimezone(zone) if zone else value).date()
    return written.day(VI, value)


def clock(value: datetime, zone: ZoneInfo) -> str:
    return written.clock(value.astimezone(zone))


def moment(value: datetime | None, zone: ZoneInfo) -> str:
    return UNKNOWN if value is None else f"{clock(value, zone)} {written.day(VI, value.astimezone(zone))}"


def short_moment(value: datetime, zone: ZoneInfo) -> str:
    return f"{clock(value, zone)} {written.short_day(VI, value.astimezone(zone))}"


def span(value: timedelta) -> str:
    hours, minutes = divmod(int(value.total_seconds() // 60), 60)
    return " ".join([*([f"{hours} giờ"] if hours else []), *([f"{minutes} phút"] if minutes or not hours else [])])


def drug(order: Order) -> str:
    return order.display or order.ingredient


def drug_and_dose(order: Order, dose: Quantity | None) -> str:
    """The line as prescribed, and the amount where it does not say it itself."""
    said = amount(dose)
    whole = drug(order)
    return whole if not said or said.casefold() in whole.casefold() else f"{whole} {said}"


def order_dose(order: Order | Dosage) -> str:
    if order.dose_range is not None:
        return f"{amount(order.dose_range[0])} đến {amount(order.dose_range[1])}"
    return amount(order.dose) or amount(order.rate)


def timing(order: Order) -> str:
    """When it is due: each of several dosage instructions with its amount."""
    if order.dosages:
        return "; ".join(f"{place}) {order_dose(one)} {_times(one)}".strip() for place, one in enumerate(order.dosages, start=1))
    pieces = [piece for piece in (_times(order), "khi cần" if order.prn is not None else "") if piece]
    return ", ".join(pieces) or word("category", order.category)


def _times(step: Order | Dosage) -> str:
    pieces = [" · ".join(f"{at:%H:%M}" for at in step.times)] if step.times else []
    if step.days_of_week:
        pieces.append(", ".join(word("weekday", each) for each in step.days_of_week))
    if step.every is not None:
        pieces.append(f"mỗi {span(step.every)}")
    return " ".join(pieces)
