"""The quality page: figures of a ward or the hospital by weeks, each with its chart, its table, its definition and its file.

Page, chart and file are made from one table, so that they cannot say different things. Nobody is named here, and no group that is too
small is shown. It reads counted days only: what it costs grows with the weeks that are shown, not with the hospital.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache

from flask import Blueprint, Response, request

from pointofcare.errors import NotFoundError
from pointofcare.verdict import catalogue
from pointofcare.verdict.catalogue import Entry, Kind
from server.security.permissions import SEE_QUALITY
from server.security.person import actor, requires
from server.store import quality, views_patients
from server.store.quality import HOSPITAL
from server.store.transaction import reading
from server.usecases import quality_figures as figures
from server.usecases.quality_figures import Figure, Least, Period, Row
from server.web import page, rules
from server.web.work import spreadsheet

room = Blueprint("quality", __name__, url_prefix="/quality")

WEEKS = (4, 8, 13, 26, 52)
USUAL_WEEKS = 13
# Parts of the page with their figures.
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("wards", ("wards",)),
    ("scan", ("scan-week", "scan-kind", "scan-out", "typed", "products")),
    ("omitted", ("omitted-week", "due-kind", "due-hour")),
    ("alerts", ("rules", "levels")),
    ("signs", ("signs", "signs-week")),
    ("time", ("times", "times-week")),
)
PERCENT = frozenset({"percent", "low", "high", "omitted", "late"})
# A dose can have several signs: so many in a hundred doses are no share.
RATES = frozenset({"signs-week"})
SECONDS = frozenset({"median", "slow"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was asked for, and what was found."""

    ward: str
    weeks: int
    last: date
    wards: tuple[tuple[str, str], ...]
    period: Period
    figures: tuple[Figure, ...]
    counted_at: datetime | None
    products: Mapping[str, str]
    least: Least
    simulated_until: date | None


def _look() -> Look:
    """By the address: ward, weeks, and a day of the last week. What makes no sense there is left aside."""
    today = datetime.now(UTC).astimezone(page.zone()).date()
    weeks = request.args.get("weeks", "")
    chosen_weeks = int(weeks) if weeks.isascii() and weeks.isdigit() and int(weeks) in WEEKS else USUAL_WEEKS
    try:
        last = min(date.fromisoformat(request.args.get("until", "")), today)
    except ValueError:
        last = today
    if last < today - timedelta(days=3660):
        last = today
    settings = page.config().quality
    least = Least(people=settings.min_people, doses=settings.min_doses)
    end = figures.monday(last) + figures.WEEK
    begin = end - figures.WEEK * chosen_weeks
    with reading(actor()) as tx:
        known = {line.id: line.name or line.id for line in views_patients.wards(tx)}
        known |= {ward: ward for ward in quality.counted_wards(tx, begin, end) if ward not in known}
        wards = tuple(sorted(known.items()))
        ward = request.args.get("ward", "")
        ward = ward if ward in known else ""
        bound = tx.actor.wards is not None
        # Whoever is bound to wards sees the sum of these; everybody else the hospital's own count.
        chosen = [ward] if ward else sorted(known) if bound else [HOSPITAL]
        days = quality.days(tx, chosen, begin, end, span=quality.WEEK)
        headlines = () if ward else quality.headlines(tx, sorted(known) if bound else None, begin, end)
        found = figures.period(days, last=last, weeks=chosen_weeks, headlines=headlines)
        made = figures.all_of(found, least)
        shown = {str(row.label) for figure in made if figure.label == "product" for row in figure.rows}
        names = quality.product_names(tx, shown) if shown else {}
        made_up = quality.made_up_until(tx)
        counted_at = max((day.counted_at for day in days), default=None)
    return Look(
        ward=ward,
        weeks=chosen_weeks,
        last=last,
        wards=wards,
        period=found,
        figures=made,
        counted_at=counted_at,
        products=names,
        least=least,
        simulated_until=made_up if made_up is not None and made_up >= begin else None,
    )


@room.get("/")
@requires(SEE_QUALITY)
def show() -> str:
    found = _look()
    by_code = {figure.code: figure for figure in found.figures}
    found_parts = [(part, [by_code[code] for code in codes if code in by_code]) for part, codes in PARTS]
    return page.render(
        "quality.html",
        look=found,
        sections=[(part, listed) for part, listed in found_parts if listed],
        weeks_offered=WEEKS,
        label=lambda figure, row: label(found, figure, row),
        shown=shown,
        plain=plain,
        column=column,
        empty=not found.period.whole.names(),
        address={"ward": found.ward or None, "weeks": found.weeks, "until": found.last.isoformat()},
    )


@room.get("/<figure>.csv")
@requires(SEE_QUALITY)
def export(figure: str) -> Response:
    """One figure, or all of them below each other."""
    found = _look()
    wanted = [one for one in found.figures if figure in (one.code, "all")]
    if not wanted:
        raise NotFoundError(f"there is no figure {figure!r}", remedy="take one of the page's own files", figure=figure)
    name = f"quality-{figure}-{found.ward or 'hospital'}-{figures.monday(found.last).isoformat()}.csv"
    rows: list[tuple[object, ...]] = []
    for one in wanted:
        if len(wanted) > 1:
            rows += [(page.t(f"quality-{one.code}"),), head(one)]
        rows += [line(found, one, row) for row in one.rows]
        if len(wanted) > 1:
            rows.append(())
    first = head(wanted[0]) if len(wanted) == 1 else (page.t("menu-quality"), _where(found))
    return spreadsheet(name.encode("ascii", "replace").decode().replace("?", "_"), first, rows)


def head(figure: Figure) -> tuple[str, ...]:
    return (page.t(f"quality-label-{figure.label}"), *(column(figure, code) for code in figure.columns), page.t("quality-remark"))


def line(look: Look, figure: Figure, row: Row) -> tuple[object, ...]:
    """As the page has it, but numbers as programs read them."""
    remark = page.t("quality-withheld") if row.withheld else page.t(f"quality-flag-{row.flag}") if row.flag else ""
    return (label(look, figure, row), *("" if value is None else value for value in row.values), remark)


def label(look: Look, figure: Figure, row: Row) -> str:
    """What a row is, in the reader's language."""
    value = row.label
    match figure.label:
        case "week" if isinstance(value, date):
            return page.t("quality-week-of", day=page.day(value))
        case "hour":
            return f"{value:02d}:00–{value:02d}:59"
        case "ward":
            return dict(look.wards).get(str(value), str(value))
        case "product":
            return look.products.get(str(value), str(value))
        case "rule":
            entry = _rules().get(str(value))
            return f"{value} {rules.of_entry(entry, 'title')}" if entry is not None else str(value)
        case "reason":
            return page.t("quality-reason-unsaid") if value == "unsaid" else page.word("reason", value)
        case "sign":
            return page.t(f"quality-sign-{value}")
    return page.t(f"quality-row-{value}")


@cache
def _rules() -> Mapping[str, Entry]:
    """Each rule by its id, as the check that it is."""
    found = {entry.id: entry for entry in reversed(catalogue.entries())}
    return found | {entry.id: entry for entry in reversed(catalogue.entries()) if entry.kind is Kind.CHECK}


def column(figure: Figure, code: str) -> str:
    own = f"quality-col-{figure.code}-{code}"
    return page.t(own) if page.has(own) else page.t(f"quality-col-{code}")


def shown(figure: Figure, code: str, value: float | int | None) -> str:
    """A number as the reader's language writes it."""
    if value is None:
        return "–"
    text = page.rounded(value, 1) if isinstance(value, float) else page.number(value)
    if code in PERCENT and figure.code not in RATES and not isinstance(value, int):
        return f"{text} %"
    return f"{text} s" if code in SECONDS else text


def plain(value: float | int | None) -> str:
    """For the chart, which is drawn from the table's own cells."""
    return "" if value is None else str(value)


def _where(look: Look) -> str:
    ward = dict(look.wards).get(look.ward, "") or page.t("all-wards")
    return f"{ward} · {page.t('quality-weeks', n=look.weeks)} · {page.t('quality-week-of', day=page.day(figures.monday(look.last)))}"
