"""Help at the cart: what the screen that is shown asks for, what its words and marks mean, which keys work, and the chapter to read on.

It is asked for by a press and stands beside the screen; it reads the view and sends no command, so that opening and closing it changes
nothing of a dose. It names no patient, and works before anybody has signed in and without network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for

from cart_client.web.words import Words
from pointofcare.administration.session import State
from pointofcare.texts import guide

GUIDE = "nurse"

# Which help belongs to a screen that is no verdict.
SCREENS: Mapping[State, str] = {
    State.IDLE: "idle",
    State.BADGE: "badge",
    State.SIGNED_IN: "round",
    State.PATIENT: "patient",
    State.DRUG: "drug",
    State.CONCLUDED: "concluded",
}
FACES = ("pass", "stop", "changed", "warn", "reason", "witness", "choose", "more", "amount", "measure", "rate", "blind", "count")
# The pages beside the dose, by the name of their address.
PAGES: Mapping[str, str] = {
    "care.drugs": "care-drugs",
    "care.drugs_told": "care-drugs",
    "care.measure": "care-vitals",
    "care.measured": "care-vitals",
    "care.skin_tests": "care-skin",
    "care.skin_told": "care-skin",
    "care.incident_form": "care-incident",
    "care.incident_told": "care-incident",
    "care.late": "care-late",
    "care.late_told": "care-late",
    "care.shift": "care-handover",
    "care.shift_told": "care-handover",
    "care.emergencies": "care-emergencies",
    "care.begin": "care-emergencies",
    "care.emergency": "care-anaphylaxis",
    "care.tap": "care-anaphylaxis",
    "witness.look": "witness-call",
    "witness.told": "witness-call",
}
# Every help there is -> the chapter of the nurse's guide to read on.
CHAPTERS: Mapping[str, int] = {
    "idle": 1,
    "badge": 1,
    "round": 1,
    "look": 1,
    "patient": 1,
    "drug": 4,
    "concluded": 1,
    "act": 2,
    **dict.fromkeys(FACES, 2),
    **dict.fromkeys(PAGES.values(), 5),
}
STATUSES = ("overdue", "due", "waiting", "upcoming", "given", "not-given", "in-progress", "on-demand", "open", "unknown")
_WITHSTATUSES = frozenset({"round", "look", "patient", "concluded"})
_WITH_TICKS = frozenset({"round", "concluded"})
TICKS = ("here", "server", "emr")
KEYS = (("?", "help-key-help"), ("Esc", "help-key-escape"), ("Tab", "help-key-tab"), ("Enter", "help-key-enter"))


def code(w: Words) -> str:
    """Which help belongs to the screen as it is now."""
    state = w.view.session.state
    face = w.face()
    if face:
        return "act" if face == "pass" and w.act() else face
    return "look" if state is State.SIGNED_IN and w.view.looking else SCREENS.get(state, "drug")


def blueprint(words: Callable[[], Words], *, is_phone: bool) -> Blueprint:
    room = Blueprint("help", __name__, url_prefix="/help")

    @room.app_context_processor
    def _button() -> dict[str, object]:
        """Where the button of the page that is made asks."""
        page = PAGES.get(request.endpoint or "")
        return {"help_address": url_for("help.on", name=page) if page else url_for("help.now")}

    @room.get("/now")
    def now() -> Response:
        """Of the screen as it is now; which one that is stands in the header, so that a page that shows another does not show this."""
        w = words()
        answer = make_response(_help(w, code(w), is_phone=is_phone))
        answer.headers["X-Moment"] = str(w.view.moment)
        return answer

    @room.get("/on/<name>")
    def on(name: str) -> str:
        if name not in CHAPTERS:
            abort(404)
        return _help(words(), name, is_phone=is_phone)

    @room.get("/chapter/<int(max=99):number>")
    def chapter(number: int) -> str:
        w = words()
        read = guide.read(GUIDE, w.language)
        found = read.chapter(number) if read is not None else None
        if read is None or found is None:
            abort(404)
        return render_template("help_chapter.html", w=w, guide=read, chapter=found)

    return room


def _help(w: Words, name: str, *, is_phone: bool) -> str:
    read = guide.read(GUIDE, w.language)
    chapters = [] if read is None else [found for number in (CHAPTERS[name], 4) if (found := read.chapter(number)) is not None]
    return render_template(
        "help.html",
        w=w,
        name=name,
        word=w.by_act(f"word-{name if name != 'act' else 'pass'}") if name in (*FACES, "act") else "",
        next_steps=w.t(f"help-{name}-next").splitlines(),
        statuses=STATUSES if name in _WITHSTATUSES else (),
        ticks=TICKS if name in _WITH_TICKS else (),
        keys=KEYS,
        chapters=list({each.number: each for each in chapters}.values()),
        is_phone=is_phone,
    )
