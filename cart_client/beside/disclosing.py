"""The day's drugs, shown to the patient and the family before they are given (Circular 23/2011), and what they said to it.

Reads the chart, records an answer. Must never show another patient's line, nor change what may be given: a question holds no dose by
itself, it is shown to whoever works with the patient until somebody has answered it at the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cart_client import care
from cart_client.beside import notes
from cart_client.beside.asked import TellShown
from cart_client.visit import Visit, say
from pointofcare.orders.order import Order
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.wire.messages import NoteKind

ANSWERS = ("agree", "question")
ASKED_BY = ("patient", "family")
ASKED_OF = ("nurse", "pharmacist", "prescriber")
_LONGEST = 400
_MOST_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One line of the day. `state`: given, running, not-given, not-yet (its time has come), to-come, on-demand, ask (the times are not
    understood). `entry` is what was recorded of it; `order` None: given in an emergency without an order."""

    order: Order | None
    due: datetime | None
    state: str
    entry: HistoryEntry | None = None
    unverified: bool = False
    unclear: bool = False


_STATES = {
    "given": "given",
    "in-progress": "running",
    "not-given": "not-given",
    "upcoming": "to-come",
    "due": "not-yet",
    "overdue": "not-yet",
    "on-demand": "on-demand",
    "unknown": "ask",
}


def day_of(now: datetime, zone: str) -> tuple[datetime, datetime]:
    """From midnight to midnight in the ward."""
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        place = ZoneInfo("UTC")
    today = now.astimezone(place).date()
    begin = datetime.combine(today, time(), tzinfo=place)
    return begin, datetime.combine(today + timedelta(days=1), time(), tzinfo=place)


def of_patient(ward: care.Ward, patient: str, now: datetime) -> tuple[Shown, ...]:
    """The patient's drugs of today by time, then those as needed."""
    begin, end = day_of(now, ward.body.timezone)
    entries = [entry for entry in ward.entries if entry.patient == patient and entry.status != "entered-in-error"]
    by_dose: dict[tuple[str, datetime | None], HistoryEntry] = {
        (entry.order, entry.due): entry for entry in sorted(entries, key=lambda each: each.at) if entry.due is not None
    }
    listed = care.due_list(ward, now, back=now - begin, ahead=end - now, only=frozenset({patient}))
    lines = []
    for line in listed:
        if line.due is not None and not begin <= line.due < end:
            continue
        on_demand = line.status == "on-demand"
        given = [entry for entry in entries if entry.order == line.order.id and begin <= entry.at < end] if on_demand else []
        lines.append(
            Shown(
                order=line.order,
                due=line.due,
                state=_STATES.get(line.status, "ask"),
                entry=max(given, key=lambda each: each.at, default=None) if on_demand else by_dose.get((line.order.id, line.due)),
                unverified=not line.order.verified,
                unclear=bool(line.unclear),
            )
        )
    lines += [
        Shown(order=None, due=None, state="given", entry=entry)
        for entry in entries
        if not entry.order and begin <= entry.at < end and entry.action == "give" and entry.status == "completed"
    ]
    return tuple(lines)


def tell(visit: Visit, command: TellShown, now: datetime) -> None:
    """Raises: JournalError."""
    if notes.signer(visit, command) is None or notes.again(visit, command.form):
        return
    if visit.session.patient is None or visit.session.patient != command.patient:
        say(visit, "beside-other-patient")
        return
    if command.answer not in ANSWERS or command.asked_by not in ASKED_BY:
        say(visit, "beside-answer-missing")
        return
    words = command.words.strip()[:_LONGEST]
    if command.answer == "question" and (not words or command.asked_of not in ASKED_OF):
        say(visit, "beside-question-missing")
        return
    orders = {order.id: order for order in visit.chart.orders_of(command.patient, now)}
    about = orders.get(command.order)
    details: dict[str, object] = {
        "answer": command.answer,
        "asked_by": command.asked_by,
        "shown": [{"order": order, "due": due, "state": state} for order, due, state in command.shown[:_MOST_LINES]],
    }
    if command.answer == "question":
        details |= {"asked_of": command.asked_of, "words": words}
        if about is not None:
            details |= {"order": about.id, "about": about.display or about.ingredient}
    notes.write(visit, command, NoteKind.DRUGS_SHOWN, now, patient=command.patient, details=details)
