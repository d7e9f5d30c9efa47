"""The page of a second look that another cart asks for: sign in, see, confirm or decline.

Before somebody has signed in it says which bed and who asks, nothing more. Opened anew it forgets who signed in. It decides nothing:
whether the answer counted is what the server says.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as BaseResponse

from cart_client.inbox import Answer, Command
from cart_client.screen import View
from cart_client.web import care_forms, state
from cart_client.web.care_words import Say
from cart_client.web.words import Words
from cart_client.witness import asked
from cart_client.witness.called import DECLINES, NEEDS_WORDS
from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import MessageError
from pointofcare.people import Patient
from pointofcare.verdict.finding import Finding, Level

_ON = "1"


def blueprint(*, view: Callable[[], View], ask: Callable[[Command], Answer], words: Callable[[], Words]) -> Blueprint:
    room = Blueprint("witness", __name__, url_prefix="/witness")

    @room.errorhandler(CSRFError)
    def old_page(_error: CSRFError) -> BaseResponse:
        """The program was restarted under an open page: nothing of it is left."""
        return redirect(url_for("page"), code=303)

    @room.get("/<call>")
    def look(call: str) -> str | BaseResponse:
        now = view()
        is_on = now.answering is not None and now.answering.call.request == call and request.args.get("on") == _ON
        if not is_on:
            if _send(ask, lambda: asked.OpenCall(request=call)):
                return redirect(url_for("page"), code=303)
            return redirect(url_for("witness.look", call=call, on=_ON), code=303)
        return _page(words(), "")

    @room.post("/<call>/<what>")
    def told(call: str, what: str) -> str | BaseResponse:
        form, text = request.form, care_forms.text
        made: dict[str, Callable[[], asked.OfCall]] = {
            "badge": lambda: asked.CallBadge(request=call, badge=text(form, "badge")),
            "pin": lambda: asked.CallPin(request=call, badge=text(form, "badge"), pin=text(form, "pin")),
            "confirm": lambda: asked.AnswerCall(
                request=call,
                witness=text(form, "witness"),
                confirms=True,
                value=f"{text(form, 'value')} {text(form, 'unit')}".strip(),
            ),
            "decline": lambda: asked.AnswerCall(
                request=call,
                witness=text(form, "witness"),
                confirms=False,
                reason=text(form, "reason"),
                reason_text=text(form, "reason_text"),
            ),
            "leave": lambda: asked.LeaveCall(request=call),
        }
        if what not in made:
            abort(404)
        notice = _send(ask, made[what])
        if what == "leave" or (notice and view().answering is None):
            return redirect(url_for("page"), code=303)
        return _page(words(), notice) if notice else redirect(url_for("witness.look", call=call, on=_ON), code=303)

    return room


def _send(ask: Callable[[Command], Answer], make: Callable[[], asked.OfCall]) -> str:
    """The notice of what was not done, "" when it was. What is no form of ours is a 400."""
    try:
        command = make()
    except MessageError:
        abort(400)
    try:
        return ask(command).notice
    except TimeoutError:
        return "beside-no-answer"


def _page(w: Words, notice: str) -> str:
    view = w.view
    one = view.answering
    if one is None:
        abort(404)
    who = one.who
    return render_template(
        "witness_call.html",
        w=w,
        v=view,
        one=one,
        dose=one.call.dose if who is not None else None,
        about=_patient(view, one.call.dose.patient) if who is not None else None,
        said=tuple(w.said(_finding(each)) for each in one.call.dose.findings if not each.satisfied) if who is not None else (),
        answered=tuple(w.said(_finding(each)) for each in one.call.dose.findings if each.satisfied) if who is not None else (),
        reasons=DECLINES,
        wants_words=NEEDS_WORDS,
        nurse=view.session.nurse,
        say=Say(w=w),
        mark=state.afar_mark(view),
        typed=request.form if notice else {},
        notice=notice,
        notice_said=(w.notice() if view.notice == notice else w.t(f"notice-{notice}")) if notice else "",
        theme=theme if (theme := request.cookies.get("theme", "")) in ("light", "dark") else "auto",
    )


def _patient(view: View, patient: str) -> Patient | None:
    """As this cart's own chart says."""
    found = view.ward.patients if view.ward is not None else view.beds
    return next((each for each in found if each.id == patient), view.answering.about if view.answering is not None else None)


def _finding(each: FindingEvidence) -> Finding:
    level = Level[each.level] if each.level in Level.__members__ else Level.STOP
    return Finding(rule=each.rule, level=level, facts=each.facts, remedy=each.remedy, params=each.params, unknown=each.unknown)
