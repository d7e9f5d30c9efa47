"""Being called for a second look: who signs in here, what they see, and the answer that goes to the server.

Nothing at this cart changes by it: whoever is signed in stays, and so does a dose that is in hand. An answer counts only when the
server says so; until then the page says that it is under way, and what is not certain is never called confirmed. Must never keep a PIN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from cart_client import rights, sign_in
from cart_client.afar import AGAIN_S, LOOKING, Answering, Call
from cart_client.chart import role_of
from cart_client.inbox import EnterBlind
from cart_client.visit import Visit, note, say
from cart_client.witness import asked
from pointofcare.errors import QuantityError
from pointofcare.people import Witness
from pointofcare.quantity import Quantity
from pointofcare.verdict.support import double_check
from pointofcare.wire.messages import CallState, WitnessAnswered, WitnessCalled, WitnessState, WitnessTold

# Of one ward there are never more; what comes beyond is somebody's flood.
MOST = 20
DECLINES = ("wrong-patient", "wrong-drug", "wrong-amount", "not-now-needed", "cannot-judge", "other")
NEEDS_WORDS = frozenset({"other", "not-now-needed"})
# How long an answer may stay unheard before it is called unknown.
UNHEARD_S = 60.0


def came(visit: Visit, body: WitnessCalled, now: datetime) -> None:
    """A cart of the ward asks, asks still, or needs nobody any more."""
    afar = visit.afar
    calls = dict(afar.calls)
    if body.state is CallState.CLOSED or body.dose is None or body.lasts_s <= 0:
        calls.pop(body.request, None)
    elif body.request in calls or len(calls) < MOST:
        known = calls.get(body.request)
        who = visit.chart.patient(body.dose.patient, now)
        calls[body.request] = Call(
            request=body.request,
            digest=body.digest,
            cart=body.cart,
            nurse=body.nurse,
            dose=body.dose,
            at=known.at if known is not None else now,
            until_mono_s=afar.mono_s() + body.lasts_s,
            bed=(who.bed or "") if who is not None else "",
        )
    _keep(visit, calls)


def look(visit: Visit) -> None:
    """With the clock: calls that nobody says any more are over, and whoever signed in to look does not stay for ever."""
    afar = visit.afar
    mono_s = afar.mono_s()
    _keep(visit, {name: call for name, call in afar.calls.items() if call.until_mono_s > mono_s})
    one = afar.answering
    if one is None:
        return
    if one.sent is not None and not one.outcome:
        if mono_s - one.since_mono_s >= UNHEARD_S:
            afar.answering = replace(one, outcome="unheard")
        elif mono_s - one.sent_mono_s >= AGAIN_S:
            afar.answering = replace(one, sent_mono_s=mono_s)
            afar.send(one.sent)
    elif mono_s - one.since_mono_s >= LOOKING.total_seconds():
        afar.answering = None


def _keep(visit: Visit, calls: Mapping[str, Call]) -> None:
    """`calls`, and what that means for whoever is looking at one of them."""
    afar, one = visit.afar, visit.afar.answering
    if calls != afar.calls:
        afar.calls = calls
    if one is None or one.sent is not None or one.outcome:
        return
    found = calls.get(one.call.request)
    if found is None or found.digest != one.call.digest:
        afar.answering = replace(one, outcome="over")


def do(visit: Visit, command: asked.OfCall, now: datetime) -> None:
    match command:
        case asked.OpenCall():
            _open(visit, command)
        case asked.LeaveCall():
            visit.afar.answering = None
        case asked.CallBadge(badge=number):
            if _is_of(visit, command):
                badge(visit, number.strip(), now)
        case asked.CallPin():
            if _is_of(visit, command):
                _pin(visit, command, now)
        case asked.AnswerCall():
            if _is_of(visit, command):
                _answer(visit, command, now)


def _open(visit: Visit, command: asked.OpenCall) -> None:
    call = visit.afar.calls.get(command.request)
    if call is None:
        say(visit, "witness-call-over")
        return
    signed = visit.signed.badge if visit.signed is not None and visit.session.nurse is not None else None
    prefilled = signed if signed and visit.session.nurse is not None and visit.session.nurse.id != call.nurse else ""
    name = visit.signed.name if prefilled and visit.signed is not None else ""
    visit.afar.answering = Answering(call=call, badge=prefilled, name=name, since_mono_s=visit.afar.mono_s())


def _is_of(visit: Visit, command: asked.OfCall) -> bool:
    one = visit.afar.answering
    if one is not None and one.call.request == command.request and not one.outcome and one.sent is None:
        return True
    if one is None or one.call.request != command.request:
        say(visit, "witness-call-over")
    return False


def wants_badge(visit: Visit) -> bool:
    """Whether a badge that is read now is that of somebody who answers a call."""
    one = visit.afar.answering
    return one is not None and one.who is None and one.sent is None and not one.outcome


def badge(visit: Visit, number: str, now: datetime) -> None:
    one = visit.afar.answering
    entry = visit.chart.staff_of(number, now)
    if one is None:
        return
    if entry is None:
        say(visit, "badge-unknown")
    elif entry.id == one.call.nurse:
        say(visit, "witness-same")
    elif number != one.badge:
        visit.afar.answering = replace(one, badge=number, name=entry.name, since_mono_s=visit.afar.mono_s())


def _pin(visit: Visit, command: asked.CallPin, now: datetime) -> None:
    one = visit.afar.answering
    if one is None or not one.badge or one.badge != command.badge or one.who is not None:
        say(visit, "out-of-date")
        return
    if (left_s := sign_in.paused_s(visit, one.badge, now)) > 0:
        say(visit, "pin-paused", seconds=math.ceil(left_s))
        return
    entry = visit.chart.staff_of(one.badge, now)
    if sign_in.proven(visit, one.badge, command.pin, now) is None or entry is None:
        return
    fault = double_check.fault_of(
        Witness(id=entry.id, role=role_of(entry), licensed=entry.licensed, on_shift=entry.on_shift), nurse=one.call.nurse
    )
    if fault:
        note(visit, "witness-refused", now, {"staff": entry.id, "why": fault, "request": one.call.request})
        say(visit, "witness-same" if fault == "same-person" else f"witness-fault-{fault}")
        return
    who = visit.chart.patient(one.call.dose.patient, now)
    if who is None or (who.mrn, who.name) != (one.call.dose.mrn, one.call.dose.name):
        say(visit, "witness-call-other-patient")
        return
    visit.afar.answering = replace(one, who=entry, about=who, since_mono_s=visit.afar.mono_s())


def _answer(visit: Visit, command: asked.AnswerCall, now: datetime) -> None:
    one, afar = visit.afar.answering, visit.afar
    if one is None or one.who is None or one.who.id != command.witness:
        say(visit, "beside-other-nurse")
        return
    if rights.ended(visit, one.who, now):
        afar.answering = None
        say(visit, "witness-ended")
        return
    if not visit.here.online:
        say(visit, "witness-call-offline")
        return
    value = _figure(visit, one.call, command) if command.confirms else None
    if command.confirms and one.call.dose.blind and value is None:
        return
    reason, words = command.reason, command.reason_text.strip()
    if not command.confirms and (reason not in DECLINES or (reason in NEEDS_WORDS and not words)):
        say(visit, "witness-call-reason")
        return
    sent = WitnessAnswered(
        request=one.call.request,
        digest=one.call.digest,
        witness=one.who.id,
        confirms=command.confirms,
        at=now,
        blind_value=value,
        reason=None if command.confirms else reason,
        reason_text=None if command.confirms else words[:200] or None,
    )
    mono_s = afar.mono_s()
    afar.answering = replace(one, sent=sent, sent_mono_s=mono_s, since_mono_s=mono_s)
    afar.send(sent)


def _figure(visit: Visit, call: Call, command: asked.AnswerCall) -> Quantity | None:
    if not call.dose.blind:
        return None
    try:
        value = EnterBlind(moment=0, value=command.value).quantity()
    except QuantityError:
        value = None
    if value is None or value.value <= 0 or value.unit not in call.dose.blind:
        say(visit, "amount-unreadable", text=command.value[:40])
        return None
    return value


def told(visit: Visit, body: WitnessTold) -> None:
    """Whether the answer that went out from here counted."""
    one = visit.afar.answering
    if one is None or one.sent is None or one.call.request != body.request or one.outcome not in ("", "unheard"):
        return
    mine = body.witness == one.sent.witness and body.state in (WitnessState.CONFIRMED, WitnessState.DECLINED)
    outcome = body.state.value if mine else body.why or body.state.value
    visit.afar.answering = replace(one, outcome=outcome, told=body)
