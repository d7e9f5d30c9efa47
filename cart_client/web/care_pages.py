"""The cart's pages beside the dose: drugs shown to the patient, vital signs, handover, charting late, anaphylaxis,
incidents.

Rendered from the bedside's newest view; a form becomes one command to the loop. They work offline, hold no state, and show nothing once
nobody is signed in. They decide nothing about a dose, and the page says when the main screen changed meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as BaseResponse

from cart_client import care, own_records
from cart_client.beside import anaphylaxis, disclosing, guideline, handover, incident, late_charting, skin, vitals
from cart_client.beside.asked import Beside
from cart_client.inbox import Answer, Command
from cart_client.screen import View
from cart_client.web import care_forms, care_trend
from cart_client.web.care_words import Say
from cart_client.web.words import Words
from pointofcare.administration import observation, usual
from pointofcare.administration.incident import KINDS, LONGEST, REACHED
from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.errors import MessageError
from pointofcare.people import Patient
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.finding import Finding, Level

ROUTES = ("PO", "IV", "IM", "SC", "ID", "SL", "PR", "TOP", "TD", "INH", "NG")
SITES = ("left-thigh", "right-thigh", "left-upper-arm", "right-upper-arm")
_UNITS = ("mL", "mg", "ug", "g", "{tablet}", "[IU]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a page is made with."""

    view: Callable[[], View]
    ask: Callable[[Command], Answer]
    words: Callable[[], Words]

    def send(self, make: Callable[[], Beside]) -> str:
        """The notice of what was not done, "" when it was. What is no form of ours is a 400."""
        try:
            command = make()
        except MessageError as exc:
            if exc.fields.get("field") == "time":
                return "beside-time-missing"
            abort(400)
        try:
            return self.ask(command).notice
        except TimeoutError:
            return "beside-no-answer"


def running(view: View) -> tuple[anaphylaxis.Emergency, ...]:
    """The emergencies that have not ended, for the button on the main screen."""
    return tuple(one for one in anaphylaxis.emergencies(view.notes) if one.ended is None)


def begin_form(view: View) -> str:
    """The id of the form that begins one from the main screen. The same as long as nothing was scanned and none began: that screen is
    drawn again and again, and two taps are one emergency."""
    session = view.session
    at = session.last_scan_at.isoformat() if session.last_scan_at is not None else ""
    before = len(anaphylaxis.emergencies(view.notes))
    nurse = session.nurse.id if session.nurse is not None else ""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{view.cart}|{session.patient}|{nurse}|{at}|{before}"))


def blueprint(*, view: Callable[[], View], ask: Callable[[Command], Answer], words: Callable[[], Words]) -> Blueprint:
    desk = Desk(view=view, ask=ask, words=words)
    room = Blueprint("care", __name__, url_prefix="/beside")
    room.add_app_template_global(running, "anaphylaxis_running")
    room.add_app_template_global(begin_form, "anaphylaxis_form")

    @room.before_request
    def only_signed_in() -> BaseResponse | None:
        return None if desk.view().session.nurse is not None else _home()

    @room.errorhandler(CSRFError)
    def old_page(_error: CSRFError) -> BaseResponse:
        """The program was restarted under an open page: what it was about is on the disk, the page is made anew."""
        return redirect(request.path.rsplit("/", 1)[0] if request.path.count("/") > 2 else request.path, code=303)

    @room.get("/drugs")
    def drugs() -> str | BaseResponse:
        return _drugs(desk)

    @room.post("/drugs")
    def drugs_told() -> str | BaseResponse:
        notice = desk.send(lambda: care_forms.shown(request.form))
        return _drugs(desk, notice) if notice else redirect(url_for("care.drugs", told=care_forms.text(request.form, "answer")), code=303)

    @room.get("/vitals")
    def measure() -> str | BaseResponse:
        return _vitals(desk)

    @room.post("/vitals")
    def measured() -> str | BaseResponse:
        notice = desk.send(lambda: care_forms.measured(request.form))
        return _vitals(desk, notice) if notice else redirect(url_for("care.measure", told="measured"), code=303)

    @room.get("/skin")
    def skin_tests() -> str | BaseResponse:
        return _skin(desk)

    @room.post("/skin")
    def skin_told() -> str | BaseResponse:
        zone = desk.view().zone
        notice = desk.send(lambda: care_forms.skin(request.form, zone))
        return _skin(desk, notice) if notice else redirect(url_for("care.skin_tests", told="read"), code=303)

    @room.get("/handover")
    def shift() -> str | BaseResponse:
        return _handover(desk)

    @room.post("/handover")
    def shift_told() -> str | BaseResponse:
        notice = desk.send(lambda: care_forms.handover(request.form))
        told = "taken" if request.form.get("handover") else "given"
        return _handover(desk, notice) if notice else redirect(url_for("care.shift", told=told), code=303)

    @room.get("/incident")
    def incident_form() -> str:
        return _incident(desk)

    @room.post("/incident")
    def incident_told() -> str | BaseResponse:
        notice = desk.send(lambda: care_forms.incident(request.form))
        return _home() if notice == incident.DONE else _incident(desk, notice)

    @room.get("/late")
    def late() -> str | BaseResponse:
        return _late(desk)

    @room.post("/late")
    def late_told() -> str | BaseResponse:
        zone = desk.view().zone
        notice = desk.send(lambda: care_forms.late(request.form, zone))
        return _late(desk, notice) if notice else redirect(url_for("care.late", told=care_forms.text(request.form, "form")), code=303)

    @room.get("/anaphylaxis")
    def emergencies() -> str | BaseResponse:
        return _choose(desk)

    @room.post("/anaphylaxis")
    def begin() -> str | BaseResponse:
        notice = desk.send(lambda: care_forms.begun(request.form))
        if notice:
            return _choose(desk, notice)
        patient = care_forms.text(request.form, "patient")
        event = next((one.id for one in running(desk.view()) if one.patient == patient), None)
        return redirect(url_for("care.emergency", event=event) if event else url_for("care.emergencies"), code=303)

    @room.get("/anaphylaxis/<event>")
    def emergency(event: str) -> str | BaseResponse:
        return _emergency(desk, event)

    @room.post("/anaphylaxis/<event>/<what>")
    def tap(event: str, what: str) -> str | BaseResponse:
        made: dict[str, Callable[[], Beside]] = {
            "step": lambda: care_forms.step(request.form, event),
            "drug": lambda: care_forms.drug(request.form, event),
            "values": lambda: care_forms.measured(request.form, event=event),
            "end": lambda: care_forms.ended(request.form, event),
        }
        if what not in made:
            abort(404)
        notice = desk.send(made[what])
        return _emergency(desk, event, notice) if notice else redirect(url_for("care.emergency", event=event), code=303)

    return room


def _home() -> BaseResponse:
    return redirect(url_for("page"), code=303)


def _page(desk: Desk, template: str, notice: str = "", **context: Any) -> str:
    w = desk.words()
    nurse = w.view.session.nurse
    said = w.notice() if notice and w.view.notice == notice else w.t(f"notice-{notice}") if notice else ""
    return render_template(
        template,
        w=w,
        v=w.view,
        nurse=nurse,
        say=Say(w=w),
        fresh=lambda: str(uuid.uuid4()),
        typed=request.form if notice else {},
        notice=notice,
        notice_said=said,
        told=request.args.get("told", "")[:64],
        today=_today(w.view),
        theme=theme if (theme := request.cookies.get("theme", "")) in ("light", "dark") else "auto",
        **context,
    )


def _today(view: View) -> date:
    return view.at.astimezone(_zone(view)).date()


def _zone(view: View) -> ZoneInfo:
    try:
        return ZoneInfo(view.zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _drugs(desk: Desk, notice: str = "") -> str | BaseResponse:
    view = desk.view()
    if view.patient is None or view.ward is None:
        return _home()
    lines = disclosing.of_patient(view.ward, view.patient.id, view.at)
    orders = {line.order.id: line.order for line in lines if line.order is not None}
    return _page(desk, "care_drugs.html", notice, lines=lines, orders=tuple(orders.values()), asked_of=disclosing.ASKED_OF)


def _vitals(desk: Desk, notice: str = "") -> str | BaseResponse:
    view = desk.view()
    who = _of_ward(view, view.session.patient)
    if who is None:
        return _home()
    adult = usual.is_adult(who.birth_date, _today(view))
    judged = usual.BOUNDS if adult else {code: usual.BOUNDS[code] for code in ("spo2", "temperature", "glucose", "pain", "sedation")}
    return _page(
        desk,
        "care_vitals.html",
        notice,
        codes=tuple(code for code in vitals.AT_BEDSIDE if code != "pain"),
        kinds=observation.KINDS,
        bounds=judged,
        adult=adult,
        wrong=_codes(view, notice),
        trends=care_trend.trends(who.observations, view.at, born=who.birth_date, today=_today(view)),
        size=(care_trend.WIDTH, care_trend.HEIGHT),
    )


def _skin(desk: Desk, notice: str = "") -> str | BaseResponse:
    view = desk.view()
    who = _of_ward(view, view.session.patient)
    if who is None or view.ward is None:
        return _home()
    known = own_records.with_skin_tests((who,), view.notes)[0].skin_tests or ()
    return _page(
        desk,
        "care_skin.html",
        notice,
        drugs=skin.tested(view.ward.products, view.ward.policy),
        days=[_today(view) - timedelta(days=back) for back in range(4)],
        hours=int(view.ward.policy.skin_test_valid_for.total_seconds() // 3600),
        known=sorted(known, key=lambda test: test.read_at, reverse=True),
    )


def _codes(view: View, notice: str) -> dict[str, str]:
    """Code of a value -> why it was not taken."""
    if notice not in ("beside-value-wrong", "beside-value-sure") or view.notice != notice:
        return {}
    told = str(view.notice_params.get("codes", "")).split(",")
    return {code: why or "sure" for code, _, why in (each.partition(":") for each in told)}


def _of_ward(view: View, patient: str | None) -> Patient | None:
    """With what was measured here; the chart's own patient without."""
    return next((each for each in view.ward.patients if each.id == patient), None) if view.ward is not None else None


def _handover(desk: Desk, notice: str = "") -> str | BaseResponse:
    view = desk.view()
    if view.ward is None:
        return _home()
    return _page(
        desk,
        "care_handover.html",
        notice,
        beds=handover.beds(view.ward, view.notes, view.at),
        waiting=handover.waiting(view.notes),
        back_hours=int(handover.BACK.total_seconds() // 3600),
        ahead_hours=int(handover.AHEAD.total_seconds() // 3600),
    )


def _incident(desk: Desk, notice: str = "") -> str:
    return _page(desk, "care_incident.html", notice, kinds=KINDS, reached=REACHED, longest=LONGEST)


def _late(desk: Desk, notice: str = "") -> str | BaseResponse:
    view = desk.view()
    if view.patient is None or view.ward is None:
        return _home()
    back, ahead = late_charting.LISTED_BACK, late_charting.LISTED_AHEAD
    lines = care.due_list(view.ward, view.at, back=back, ahead=ahead, only=frozenset({view.patient.id}))
    done = next((each.record for each in view.recorded if each.record.record_id == request.args.get("told")), None)
    same: tuple[Any, ...] = ()
    if notice == "beside-maybe-same" and view.notice == notice:
        named = str(view.notice_params.get("records", "")).split(",")
        same = tuple(entry for entry in view.ward.entries if entry.record_id in named)
    return _page(
        desk,
        "care_late.html",
        notice,
        lines=lines,
        products=sorted(view.ward.products, key=lambda product: product.name),
        reasons=late_charting.REASONS,
        routes=ROUTES,
        units=_UNITS,
        days=[_today(view) - timedelta(days=back) for back in range(late_charting.OLDEST.days)],
        done=done,
        advice=_advice(desk.words(), done) if done is not None else (),
        same=same,
    )


def _advice(w: Words, record: AdministrationRecord) -> tuple[dict[str, str], ...]:
    """What the verdict says of a dose that was given: for a person to read, it changes nothing."""
    return tuple(w.said(_finding(each)) for each in record.findings if not each.shadow)


def _finding(each: FindingEvidence) -> Finding:
    level = Level[each.level] if each.level in Level.__members__ else Level.STOP
    return Finding(rule=each.rule, level=level, facts=each.facts, remedy=each.remedy, params=each.params, unknown=each.unknown)


def _choose(desk: Desk, notice: str = "") -> str | BaseResponse:
    view = desk.view()
    beds = sorted(view.ward.patients, key=lambda each: (each.bed or "~", each.id)) if view.ward is not None else []
    return _page(desk, "care_anaphylaxis_begin.html", notice, beds=beds, open=running(view))


def _emergency(desk: Desk, event: str, notice: str = "") -> str | BaseResponse:
    view = desk.view()
    one = next((each for each in anaphylaxis.emergencies(view.notes) if each.id == event), None)
    who = _of_ward(view, one.patient) if one is not None else None
    if one is None or view.ward is None:
        return redirect(url_for("care.emergencies"), code=303)
    lines = anaphylaxis.timeline(one, view.ward.entries, who.observations if who is not None else (), view.at)
    products = anaphylaxis.listed(view.ward.products, view.ward.policy)
    ampoule = next((each for each in products if anaphylaxis.is_adrenaline(each) and guideline.speaks_of(each)), None)
    adrenaline = {each.id for each in products if anaphylaxis.is_adrenaline(each)}
    given = [line.at for line in lines if line.given is not None and line.given.product in adrenaline]
    measured = [line.at for line in lines if any(value.code == "systolic" for value in line.values)]
    return _page(
        desk,
        "care_anaphylaxis.html",
        notice,
        one=one,
        who=who,
        lines=tuple(reversed(lines)),
        done={line.step: line.at for line in lines if line.step},
        steps=anaphylaxis.STEPS,
        outcomes=anaphylaxis.OUTCOMES,
        routes=anaphylaxis.ROUTES,
        sites=SITES,
        products=products,
        ampoule=ampoule,
        limits={each.id: _limits(each, view) for each in products},
        rows=guideline.of_age(usual.is_adult(who.birth_date, _today(view)) if who is not None else None),
        source=guideline.SOURCE,
        every=guideline.EVERY_MINUTES,
        last_adrenaline=max(given, default=None),
        doses_given=len(given),
        last_pressure=max(measured, default=None),
        codes=("systolic", "diastolic", "heart-rate", "respiratory-rate", "spo2"),
        wrong=_codes(view, notice),
        units=("mL", "mg", "ug"),
    )


def _limits(product: Product, view: View) -> tuple[Quantity, ...]:
    """The most that the policy allows of it in an emergency, as the policy says it."""
    policy = view.ward.policy if view.ward is not None else None
    names = {part.name.casefold() for part in product.ingredients}
    listed = policy.emergency if policy is not None else ()
    return tuple(line.max_dose for line in listed if line.name.casefold() in names and line.max_dose is not None)
