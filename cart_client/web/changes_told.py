"""What changed under an open patient, or since somebody looked, in one sentence each: with who changed it and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cart_client import change
from cart_client.change import Change
from pointofcare.orders.order import Order

if TYPE_CHECKING:
    from cart_client.web.words import Words


def sentence(words: Words, each: Change) -> str:
    before, after = _side(words, each.code, each.before), _side(words, each.code, each.after)
    said = words.spelled(words.t(f"change-{each.code}", subject=each.subject, before=before, after=after))
    if not each.by:
        return said
    who = words.t("change-by", name=each.by, time=words.moment(each.at))
    return f"{said} ({who}{f': {each.reason}' if each.reason else ''})"


def _side(words: Words, code: str, side: Order | str) -> str:
    if isinstance(side, str):
        return side or words.t("not-known")
    if code == "order-times":
        return _times(words, side)
    if code == "order-drug":
        return f"{side.ingredient} {words.coded('form', side.form)} {words.route(side.route)}"
    steps = [words.amount(step.dose) for step in side.dosages if step.dose is not None]
    return words.dose(side) or " / ".join(steps) or words.t("not-known")


def _times(words: Words, order: Order) -> str:
    said = [", ".join(at.strftime("%H:%M") for at in change.times(order))]
    if order.every is not None:
        said.append(words.t("change-every", hours=f"{order.every.total_seconds() / 3600:g}"))
    said.append(", ".join(words.t(f"weekday-{day.value}") for day in order.days_of_week))
    said.append(words.t("change-from", time=words.moment(order.start)) if order.start is not None else "")
    said.append(words.t("change-until", time=words.moment(order.end)) if order.end is not None else "")
    return " ".join(part for part in said if part)
