"""From a kiosk form to a command: one table. Only the shape is checked here; whether it may be done the loop decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from werkzeug.datastructures import MultiDict

from cart_client import inbox
from cart_client.inbox import Command
from cart_client.witness.asked import FetchWitness, StopFetching
from pointofcare.errors import MessageError

_LONGEST = 500
Form = MultiDict[str, str]


def _text(form: Form, name: str) -> str:
    value = form.get(name, "")
    if len(value) > _LONGEST:
        raise MessageError(f"{name} is too long", remedy=f"at most {_LONGEST} characters")
    return value


def _moment(form: Form) -> int:
    return _number(form, "moment")


def _number(form: Form, name: str) -> int:
    value = form.get(name, "")
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        raise MessageError(f"{name} is missing", remedy="send it as the screen has it")
    return int(value)


def _time(form: Form, name: str) -> datetime | None:
    value = form.get(name, "")
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError as exc:
        raise MessageError(f"{name} is not a time", remedy="send ISO 8601") from exc
    if at.tzinfo is None:
        raise MessageError(f"{name} has no zone", remedy="send ISO 8601 with an offset")
    return at


def _decline(form: Form) -> Command:
    """One list holds what was done and why: "refuse:refused"."""
    action, _, reason = _text(form, "why").partition(":")
    return inbox.Decline(
        moment=_moment(form),
        action=action if action in ("refuse", "hold") else "not-given",
        reason=reason,
        reason_text=_text(form, "reason_text"),
        order=_text(form, "order"),
        due=_time(form, "due"),
    )


COMMANDS: Mapping[str, Callable[[Form], Command]] = {
    "badge": lambda form: inbox.KeyBadge(moment=_moment(form), badge=_text(form, "badge")),
    "pin": lambda form: inbox.EnterPin(moment=_moment(form), pin=_text(form, "pin"), why=_text(form, "why")),
    "sign-out": lambda form: inbox.SignOut(moment=_moment(form)),
    "patient": lambda form: inbox.KeyPatient(
        moment=_moment(form), mrn=_text(form, "mrn"), birth_date=_text(form, "birth_date"), reason=_text(form, "reason")
    ),
    "order": lambda form: inbox.ChooseOrder(moment=_moment(form), order=_text(form, "order"), due=_time(form, "due")),
    "amount": lambda form: inbox.GiveAmount(
        moment=_moment(form),
        dose=_text(form, "dose"),
        waste=_text(form, "waste"),
        site=_text(form, "site"),
        returned=_text(form, "returned"),
    ),
    "rate": lambda form: inbox.SetRate(
        moment=_moment(form),
        rate=_text(form, "rate"),
        unit=_text(form, "unit") or "mL/h",
        drops=_text(form, "drops"),
        drop_factor=_text(form, "drop_factor"),
    ),
    "act": lambda form: inbox.BeginAct(
        moment=_moment(form),
        act=_text(form, "act"),
        record_id=_text(form, "record_id"),
        amount=_text(form, "amount"),
        reason=_text(form, "reason"),
        reason_text=_text(form, "reason_text"),
        effect=_text(form, "effect"),
        site=_text(form, "site"),
    ),
    "drop": lambda form: inbox.DropAct(moment=_moment(form)),
    "measure": lambda form: inbox.Measure(moment=_moment(form), code=_text(form, "code"), value=_text(form, "value")),
    "blind": lambda form: inbox.EnterBlind(moment=_moment(form), value=f"{_text(form, 'value').strip()} {_text(form, 'unit')}".strip()),
    "calculate": lambda form: inbox.CalculateAgain(moment=_moment(form)),
    "count": lambda form: inbox.Count(moment=_moment(form), left=_text(form, "left"), reason=_text(form, "reason")),
    "emergency": lambda form: inbox.DeclareEmergency(
        moment=_moment(form), dose=_text(form, "dose"), route=_text(form, "route"), reason_text=_text(form, "reason_text")
    ),
    "reason": lambda form: inbox.GiveReason(
        moment=_moment(form),
        reason=_text(form, "reason"),
        reason_text=_text(form, "reason_text"),
        satisfies=tuple(form.getlist("satisfies")[:50]),
        prn_reason=_text(form, "prn_reason"),
    ),
    "fetch-witness": lambda form: FetchWitness(moment=_moment(form)),
    "stop-fetching": lambda form: StopFetching(moment=_moment(form)),
    "judge-again": lambda form: inbox.JudgeAgain(moment=_moment(form), told=_text(form, "told")),
    "read-changes": lambda form: inbox.ReadChanges(moment=_moment(form), told=_text(form, "told")),
    "read-conflict": lambda form: inbox.ReadConflict(moment=_moment(form), conflict=_number(form, "conflict")),
    "open-drawer": lambda form: inbox.OpenDrawer(
        moment=_moment(form),
        drawer=_text(form, "drawer"),
        purpose=_text(form, "purpose"),
        second_badge=_text(form, "second_badge"),
        second_pin=_text(form, "second_pin"),
    ),
    "read-drawer": lambda form: inbox.ReadDrawer(moment=_moment(form), key=_text(form, "key")),
    "acknowledge": lambda form: inbox.Acknowledge(moment=_moment(form)),
    "confirm": lambda form: inbox.Confirm(moment=_moment(form), record_id=_text(form, "record_id"), site=_text(form, "site")),
    "decline": _decline,
    "clear": lambda form: inbox.ClearDrugs(moment=_moment(form)),
    "close": lambda form: inbox.ClosePatient(moment=_moment(form), look=_text(form, "patient")),
    "look": lambda form: inbox.LookAt(moment=_moment(form), patient=_text(form, "patient")),
    "resolve": lambda form: inbox.ResolveOpen(
        moment=_moment(form),
        record_id=_text(form, "record_id"),
        given=form.get("given") == "yes",
        reason=_text(form, "reason"),
        reason_text=_text(form, "reason_text"),
    ),
}
