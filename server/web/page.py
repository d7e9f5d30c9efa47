"""What all pages share: their words, moments in ward time, amounts as people read them, and sections that keep themselves fresh.

Pages show and ask; they decide nothing. Every text comes from the catalogues, every value through Jinja's escaping.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Response, current_app, g, make_response, redirect, render_template, request, session
from flask import flash as _flash
from werkzeug.wrappers import Response as BaseResponse

from pointofcare import texts
from pointofcare.quantity import Quantity
from pointofcare.texts import Catalogue, written
from pointofcare.texts import orders as order_texts
from server.config import ServerConfig
from server.security import person
from server.security.person import actor
from server.store import patients, views_audit
from server.store.transaction import reading, transaction
from server.usecases.import_rows import clarify_parts

REFRESH_S = 5


def config() -> ServerConfig:
    found: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    return found


@cache
def catalogue() -> Catalogue:
    return Catalogue("server.web.texts")


def language() -> str:
    """The one chosen in this browser, else the person's own, else the best of what the browser asks for, else the site's first."""
    chosen = session.get("language")
    known: tuple[object, str] | None = g.get("pointofcare_language")
    if known is None or known[0] != chosen:  # asked for each text of a page
        known = g.pointofcare_language = (chosen, _language(chosen))
    return known[1]


def _language(chosen: object) -> str:
    offered = config().languages
    for wanted in (chosen, person.language()):
        if wanted in offered:
            return str(wanted)
    return request.accept_languages.best_match(offered) or offered[0]


def choose_language(wanted: str) -> None:
    if wanted not in config().languages:
        return
    session["language"] = wanted
    if person.language() is not None or person.permissions():
        with transaction(actor()) as tx:
            views_audit.set_language(tx, actor().id, wanted)


def has(code: str) -> bool:
    """Is there such a text?"""
    return catalogue().has(language(), code)


def t(code: str, **parameters: object) -> str:
    """The text of `code` in the reader's language."""
    return catalogue().text(language(), code, parameters)


def word(kind: str, value: object) -> str:
    """The word for a code: `word("status", "on-hold")` is the text `status-on-hold`, or the clinical one, or the code itself."""
    if value is None or value == "":
        return t("unknown")
    plain = str(getattr(value, "value", value))
    code = f"{kind}-{plain.lower().replace('_', '-')}"
    if catalogue().has(language(), code):
        return t(code)
    clinical = texts.clinical()
    for candidate in (code, f"{kind}-{plain}", plain):
        if clinical.has(language(), candidate):
            return clinical.text(language(), candidate)
    return plain


def ward_name(ward: str | None) -> str:
    """The ward as people call it; its code where it has no name. The names are read once a request."""
    if not ward:
        return ""
    if "pointofcare_wards" not in g:
        with reading(actor()) as tx:
            g.pointofcare_wards = {line.id: line.name for line in patients.wards(tx)}
    return str(g.pointofcare_wards.get(ward) or ward)


def zone() -> ZoneInfo:
    return ZoneInfo(config().timezone)


def day(value: date | datetime | None) -> str:
    if value is None:
        return t("unknown")
    if isinstance(value, datetime):
        value = value.astimezone(zone())
    return written.day(language(), value)


def clock(value: datetime | None) -> str:
    return t("unknown") if value is None else written.clock(value.astimezone(zone()))


def moment(value: datetime | None) -> str:
    """The time alone on the ward's own day, with the date on any other."""
    if value is None:
        return t("unknown")
    local = value.astimezone(zone())
    today = datetime.now(UTC).astimezone(zone()).date()
    return written.clock(local) if local.date() == today else written.moment(language(), local)


def today() -> date:
    return datetime.now(UTC).astimezone(zone()).date()


def is_today(value: datetime) -> bool:
    return value.astimezone(zone()).date() == datetime.now(UTC).astimezone(zone()).date()


def short_day(value: datetime) -> str:
    return written.short_day(language(), value.astimezone(zone()))


def full_moment(value: datetime | None) -> str:
    return t("unknown") if value is None else written.moment(language(), value.astimezone(zone()), seconds=True)


def age(value: datetime | timedelta | float | None) -> str:
    """How long ago, in the one unit that matters."""
    if value is None:
        return t("unknown")
    if isinstance(value, datetime):
        value = datetime.now(UTC) - value
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    seconds = max(seconds, 0)
    if seconds < 90:
        return t("age-s", n=int(seconds))
    if seconds < 90 * 60:
        return t("age-min", n=int(seconds // 60))
    if seconds < 48 * 3600:
        return t("age-h", n=int(seconds // 3600))
    return t("age-d", n=int(seconds // 86400))


_UNITS = {"[IU]": "IU", "ug": "mcg", "/min": "/min", "mm[Hg]": "mmHg", "Cel": "°C", "[drp]": "drops"}


def amount(value: Quantity | str | None) -> str:
    """As the reader's language writes numbers: "0,5 mg" in Vietnamese and French. Never a trailing zero."""
    if value is None:
        return t("unknown")
    if isinstance(value, str):
        value = Quantity.parse(value)
    return f"{number(value.value)} {unit(value.unit)}"


def number(value: Decimal | int) -> str:
    """As the reader's language writes it: "0,5", "12.345"."""
    return written.number(language(), value)


def whole(text: str) -> int | None:
    """What a form or an address says as a number that a database takes; None for everything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def rounded(value: float, places: int) -> str:
    """A measured figure, which has no exact decimals: to so many places, none of them a trailing zero."""
    exact = round(Decimal(repr(float(value))), places)
    return written.number(language(), exact if exact else exact.copy_abs())


def unit(code: str) -> str:
    if code.startswith("{") and code.endswith("}"):
        return word("unit", code[1:-1])
    return _UNITS.get(code, code)


def span(value: timedelta | None) -> str:
    if value is None:
        return t("unknown")
    minutes = int(value.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    words = ([t("age-h", n=hours)] if hours else []) + ([t("age-min", n=rest)] if rest or not hours else [])
    return " ".join(words)


def timing(order: Any) -> str:
    """When an order is due, in words; of several dosage instructions each with its amount and until when it holds."""
    if order.dosages:
        return "; ".join(_step(place, step) for place, step in enumerate(order.dosages, start=1))
    pieces = _times(order)
    if order.prn is not None:
        pieces.append(t("prn"))
        if order.prn.min_interval is not None:
            pieces.append(t("prn-interval", span=span(order.prn.min_interval)))
        if order.prn.max_per_24h is not None:
            pieces.append(t("prn-max", amount=amount(order.prn.max_per_24h)))
    if not pieces:
        pieces.append(word("category", order.category))
    return ", ".join(pieces)


def _times(step: Any) -> list[str]:
    pieces = []
    if step.times:
        pieces.append(" · ".join(at.strftime("%H:%M") for at in step.times))
    if step.days_of_week:
        pieces.append(" ".join(word("weekday", day) for day in step.days_of_week))
    if step.every is not None:
        days = step.every.days if not step.every % timedelta(days=1) else 0
        pieces.append(t("every-days", n=days) if days > 1 else t("every", span=span(step.every)))
    return pieces


def _step(place: int, step: Any) -> str:
    bounds = []
    if step.start is not None:
        bounds.append(t("step-from", moment=moment(step.start)))
    if step.end is not None:
        bounds.append(t("step-until", moment=moment(step.end)))
    return f"{place}. {' · '.join([order_dose(step), *_times(step), *bounds])}"


def order_dose(order: Any) -> str:
    """The amount; of an order with several dosage instructions that there are several: each stands in its times."""
    if getattr(order, "dosages", ()):
        return t("several-steps", n=len(order.dosages))
    if order.dose_range is not None:
        return f"{amount(order.dose_range[0])} – {amount(order.dose_range[1])}"
    if order.dose is not None:
        return amount(order.dose)
    return amount(order.rate) if order.rate is not None else t("unknown")


def say(code: str, kind: str = "success", **parameters: object) -> None:
    """A message for the next page; `kind` success, warning or danger."""
    _flash(t(code, **parameters), kind)


def say_plain(text: str, kind: str = "danger") -> None:
    _flash(text, kind)


def render(template: str, **context: object) -> str:
    return render_template(template, **context)


def live(template: str, section: str, *, arguments: Mapping[str, str] | None = None, **context: object) -> Response | str:
    """The page `template`, whose part `section` asks again every few seconds; 204 when nothing in it changed. `arguments` are
    what it asks with beside those of the address."""
    inner = render_template(section, **context)
    seen = hashlib.sha256(inner.encode()).hexdigest()[:16]
    asked = {name: value for name, value in request.args.items() if name not in ("part", "seen")} | dict(arguments or {})
    context |= {"live_inner": inner, "live_seen": seen, "live_arguments": asked, "live_refresh_s": REFRESH_S}
    if request.args.get("part") != "live":
        return render_template(template, **context)
    if request.args.get("seen") == seen:
        return make_response("", 204)
    return make_response(render_template("_live.html", **context))


def inside(wanted: str) -> str:
    """`wanted` when it is a path of these pages, else the first page: a link never leads away."""
    parts = urlsplit(wanted)
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return wanted.rstrip("?") if safe and not any(ord(sign) < 33 for sign in wanted) else "/"


def back(address: str) -> BaseResponse:
    return redirect(address, code=303)


def filters() -> Mapping[str, Any]:
    return {
        "t": t,
        "word": word,
        "ward_name": ward_name,
        "day": day,
        "clock": clock,
        "is_today": is_today,
        "short_day": short_day,
        "moment": moment,
        "full_moment": full_moment,
        "age": age,
        "amount": amount,
        "number": number,
        "rounded": rounded,
        "span": span,
        "timing": timing,
        "order_dose": order_dose,
        "may": person.may,
        "clarify": lambda why: "; ".join(clarify_parts(language(), why)),
        "clarification": lambda stored: order_texts.words(language(), stored),
    }
