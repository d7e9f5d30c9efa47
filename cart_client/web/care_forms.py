"""From a form beside the dose to a command. Only the shape is checked here; whether it may be done the loop decides."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from werkzeug.datastructures import MultiDict

from cart_client.beside import asked, vitals
from pointofcare.errors import MessageError

_LONGEST = 500
# "06:40", "6h40", "0640", and with the comma of the number pad.
_CLOCK = re.compile(r"(\d{1,2})\s*[:hH.,]?\s*(\d{2})", re.ASCII)
Form = MultiDict[str, str]


def text(form: Form, name: str) -> str:
    value = form.get(name, "")
    if len(value) > _LONGEST:
        raise MessageError(f"{name} is too long", remedy=f"at most {_LONGEST} characters")
    return value.strip()


def shown(form: Form) -> asked.TellShown:
    """Each line of the page as "order|due|state"."""
    lines = [tuple(f"{line}||".split("|")[:3]) for line in form.getlist("line")[:200] if len(line) <= _LONGEST]
    return asked.TellShown(
        form=text(form, "form"),
        nurse=text(form, "nurse"),
        patient=text(form, "patient"),
        answer=text(form, "answer"),
        asked_by=text(form, "asked_by"),
        asked_of=text(form, "asked_of"),
        order=text(form, "order"),
        words=text(form, "words"),
        shown=tuple((line[0], line[1], line[2]) for line in lines),
    )


def measured(form: Form, *, event: str = "") -> asked.MeasureSet:
    return asked.MeasureSet(
        form=text(form, "form"),
        nurse=text(form, "nurse"),
        patient=text(form, "patient"),
        values=tuple((code, text(form, f"value-{code}")) for code in vitals.AT_BEDSIDE if form.get(f"value-{code}", "").strip()),
        sure=frozenset(form.getlist("sure")[:20]),
        emergency=event,
    )


def skin(form: Form, zone: str) -> asked.TellSkin:
    """Raises: MessageError."""
    return asked.TellSkin(
        form=text(form, "form"),
        nurse=text(form, "nurse"),
        patient=text(form, "patient"),
        drug=text(form, "drug"),
        made_at=ward_time(text(form, "day"), text(form, "time"), zone),
        result=text(form, "result"),
    )


def incident(form: Form) -> asked.ReportIncident:
    return asked.ReportIncident(
        form=text(form, "form"),
        nurse=text(form, "nurse"),
        patient=text(form, "patient"),
        kind=text(form, "kind"),
        reached=text(form, "reached"),
        words=text(form, "words"),
        anonymous=form.get("anonymous") == "yes",
    )


def late(form: Form, zone: str) -> asked.ChartLate:
    """`dose_of` is "order|due", "|" for none. The time is of the ward's clock. Raises: MessageError."""
    order, _, due = text(form, "dose_of").partition("|")
    amount, unit = text(form, "dose"), text(form, "unit")
    return asked.ChartLate(
        form=text(form, "form"),
        nurse=text(form, "nurse"),
        patient=text(form, "patient"),
        given_at=ward_time(text(form, "day"), text(form, "time"), zone),
        dose=f"{amount} {unit}".strip() if amount else "",
        route=text(form, "route"),
        site=text(form, "site"),
        reason=text(form, "reason"),
        reason_text=text(form, "reason_text"),
        order=order,
        due=_moment(due),
        product="" if order else text(form, "product"),
        another=form.get("another") == "yes",
    )


def ward_time(day: str, clock: str, zone: str) -> datetime:
    """Raises: MessageError for what is no day and time."""
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        place = ZoneInfo("UTC")
    written = _CLOCK.fullmatch(clock)
    try:
        if written is None:
            raise ValueError(clock)
        at = datetime.combine(date.fromisoformat(day), time(int(written[1]), int(written[2])), tzinfo=place)
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise MessageError("that is no day and time", remedy="fill in both", field="time") from exc


def _moment(value: str) -> datetime | None:
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError as exc:
        raise MessageError("due is not a time", remedy="send it as the page has it") from exc
    if at.tzinfo is None:
        raise MessageError("due has no zone", remedy="send it as the page has it")
    return at


def handover(form: Form) -> asked.GiveOver | asked.TakeOver:
    if form.get("handover"):
        return asked.TakeOver(form=text(form, "form"), nurse=text(form, "nurse"), handover=text(form, "handover"))
    return asked.GiveOver(form=text(form, "form"), nurse=text(form, "nurse"), words=text(form, "words"))


def begun(form: Form) -> asked.BeginAnaphylaxis:
    return asked.BeginAnaphylaxis(
        form=text(form, "form"), nurse=text(form, "nurse"), patient=text(form, "patient"), suspected=text(form, "suspected")
    )


def step(form: Form, event: str) -> asked.TakeStep:
    return asked.TakeStep(
        form=text(form, "form"), nurse=text(form, "nurse"), event=event, step=text(form, "step"), words=text(form, "words")
    )


def drug(form: Form, event: str) -> asked.GiveInEmergency:
    amount, unit = text(form, "dose"), text(form, "unit")
    return asked.GiveInEmergency(
        form=text(form, "form"),
        nurse=text(form, "nurse"),
        event=event,
        product=text(form, "product"),
        dose=f"{amount} {unit}".strip() if amount else "",
        route=text(form, "route"),
        site=text(form, "site"),
    )


def ended(form: Form, event: str) -> asked.EndAnaphylaxis:
    return asked.EndAnaphylaxis(
        form=text(form, "form"), nurse=text(form, "nurse"), event=event, outcome=text(form, "outcome"), words=text(form, "words")
    )
