"""What the quality page shows, as tables: one table a figure, from which the chart, the page and the file for a spreadsheet are made alike.

Pure: counted days in, tables out. A group of too few people or doses is not shown, and neither is what would follow from the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from server.store.quality import Day
from server.usecases import quality_math
from server.usecases.quality_count import TIMES, Cell, Cells
from server.usecases.quality_math import Group
from server.usecases.workarounds import DETECTORS

WEEK = timedelta(days=7)
# Both scans in at least so many of a hundred doses (Leapfrog).
TARGET_PERCENT = 95.0
# A rule that is passed over in more than so many of a hundred cases, by the lower end of the interval, cries wolf. Local choice.
WOLF_PERCENT = 80.0
LEVELS = ("WARN", "REASON", "WITNESS", "STOP")
MOST_PRODUCTS = 15
SHARE = ("n", "of", "percent", "low", "high")
OUT = ("not-given", "withdrawn", "emergency", "downtime", "no-code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """The smallest group that is shown."""

    people: int = 5
    doses: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`label` is a value of the figure's `label` kind. `values` are one a column, None where there is nothing to say; all None where the
    group is too small to be shown. `flag` is a code for a remark."""

    label: object
    values: tuple[float | int | None, ...]
    withheld: bool = False
    flag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`label` says what a row is: week, hour, word, ward, product, rule, sign. `chart`: run, bars, stack, or "" for none; it draws the
    columns `drawn`, with whiskers where the table has an interval. `notes` are codes of sentences about this very table."""

    code: str
    label: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    chart: str = ""
    drawn: tuple[str, ...] = ()
    target: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def withheld(self) -> int:
        return sum(row.withheld for row in self.rows)


@dataclass(slots=True, kw_only=True)
class Period:
    """Counted days as weeks. `weeks` are their Mondays, oldest first."""

    weeks: tuple[date, ...]
    by_week: Mapping[date, Cells]
    whole: Cells
    wards: Mapping[str, Cells] = field(default_factory=dict)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def period(days: Iterable[Day], *, last: date, weeks: int, headlines: Iterable[tuple[str, Mapping[str, Any]]] = ()) -> Period:
    """`days` are days or weeks; `last` is any day of the last week. What lies outside is left out."""
    end = monday(last)
    mondays = tuple(end - WEEK * back for back in reversed(range(weeks)))
    by_week = {week: Cells() for week in mondays}
    whole = Cells()
    for day in days:
        if monday(day.day) not in by_week:
            continue
        by_week[monday(day.day)].merge(day.cells)
        whole.merge(day.cells)
    wards: dict[str, Cells] = {}
    for ward, headline in headlines:
        wards.setdefault(ward, Cells()).merge(headline)
    return Period(weeks=mondays, by_week=by_week, whole=whole, wards=wards)


def all_of(found: Period, least: Least) -> tuple[Figure, ...]:
    """Every figure, in the order of the page."""
    makers: tuple[Callable[[Period, Least], Figure], ...] = (
        scan_week, scan_kind, scan_out, typed, products, omitted_week, due_kind, due_hour, levels, rules, signs, signs_week, times,
        times_week,
    )  # fmt: skip
    figures = [make(found, least) for make in makers]
    if len(found.wards) > 1:
        figures.insert(0, wards(found, least))
    return tuple(figures)


# Scans.


def scan_week(found: Period, least: Least) -> Figure:
    return _by_week("scan-week", found, least, lambda cells: cells.get("scan/both"), target=TARGET_PERCENT)


def scan_kind(found: Period, least: Least) -> Figure:
    named = [(kind, found.whole.get(f"scan/{kind}")) for kind in ("both", "patient", "drug")]
    return Figure(
        code="scan-kind", label="word", columns=SHARE, rows=_each(named, least), chart="bars", drawn=("percent",), target=TARGET_PERCENT
    )


def scan_out(found: Period, least: Least) -> Figure:
    total = found.whole.get("charted").group
    shown = [("charted", found.whole.get("charted")), *((f"out-{why}", found.whole.get(f"out/{why}")) for why in OUT)]
    hide = bool(quality_math.withheld([total], fewest_people=least.people, fewest_events=least.doses))
    rows = tuple(Row(label=name, values=(None if hide else cell.n,), withheld=hide) for name, cell in shown)
    return Figure(code="scan-out", label="word", columns=("n",), rows=rows)


def typed(found: Period, least: Least) -> Figure:
    of = found.whole.get("scan/patient").of
    named = []
    for name in found.whole.names("typed/"):
        cell = found.whole.get(name)
        named.append((name.removeprefix("typed/"), Cell(n=cell.n, of=of, who=cell.who)))
    named.sort(key=lambda one: (-one[1].n, one[0]))
    rows = tuple(
        Row(label=code, values=(None, None, None, None, None), withheld=True) if len(cell.who) < least.people else _row(code, cell)
        for code, cell in named
    )
    return Figure(code="typed", label="reason", columns=SHARE, rows=rows)


def products(found: Period, least: Least) -> Figure:
    named = [(name.removeprefix("product/"), found.whole.get(name)) for name in found.whole.names("product/")]
    named = sorted((one for one in named if one[1].n), key=lambda one: (-one[1].n, one[0]))
    large = [one for one in named if not _small(one[1].group, least)][:MOST_PRODUCTS]
    return Figure(code="products", label="product", columns=SHARE, rows=_each(large, least), chart="bars", drawn=("percent",))


def wards(found: Period, least: Least) -> Figure:
    """Wards in the order of their names: this is no ranking."""
    columns = ("of", "percent", "low", "high", "omitted", "late", "signs")
    names = sorted(found.wards)
    groups = [found.wards[ward].get("scan/both").group for ward in names]
    hidden = quality_math.withheld(groups, fewest_people=least.people, fewest_events=least.doses)
    rows = []
    for place, ward in enumerate(names):
        cells = found.wards[ward]
        if place in hidden:
            rows.append(Row(label=ward, values=(None,) * len(columns), withheld=True))
            continue
        scans, due = cells.get("scan/both"), cells.get("due")
        low, high = _interval(scans)
        signs_n = cells.get("signs").n
        values = (
            scans.of,
            _percent(scans.n, scans.of),
            low,
            high,
            _percent(cells.get("due/omitted").n, due.of),
            _percent(cells.get("due/late").n, due.of),
            _percent(signs_n, scans.of),
        )
        rows.append(Row(label=ward, values=values))
    return Figure(code="wards", label="ward", columns=columns, rows=tuple(rows), chart="bars", drawn=("percent",), target=TARGET_PERCENT)


# Omissions and time.


def omitted_week(found: Period, least: Least) -> Figure:
    return _by_week("omitted-week", found, least, lambda cells: cells.get("due/omitted"))


def due_kind(found: Period, least: Least) -> Figure:
    named = [(f"due-{kind}", found.whole.get(f"due/{kind}")) for kind in TIMES]
    return Figure(code="due-kind", label="word", columns=SHARE, rows=_each(named, least), chart="bars", drawn=("percent",))


def due_hour(found: Period, least: Least) -> Figure:
    hours = [hour for hour in range(24) if found.whole.get(f"hour/{hour:02d}").of]
    groups = [found.whole.get(f"hour/{hour:02d}").group for hour in hours]
    hidden = quality_math.withheld(groups, fewest_people=least.people, fewest_events=least.doses)
    columns = ("of", *TIMES)
    rows = []
    for place, hour in enumerate(hours):
        if place in hidden:
            rows.append(Row(label=hour, values=(None,) * len(columns), withheld=True))
        else:
            kinds = tuple(found.whole.get(f"hour/{hour:02d}/{kind}").n for kind in TIMES)
            rows.append(Row(label=hour, values=(groups[place].events, *kinds)))
    return Figure(code="due-hour", label="hour", columns=columns, rows=tuple(rows), chart="stack", drawn=TIMES)


# Alerts.


def levels(found: Period, least: Least) -> Figure:
    named = [(f"level-{level.lower()}", found.whole.get(f"level/{level}")) for level in LEVELS if found.whole.get(f"level/{level}").of]
    return Figure(code="levels", label="word", columns=SHARE, rows=_each(named, least), chart="bars", drawn=("percent",))


def rules(found: Period, least: Least) -> Figure:
    """`n` is how often a rule was passed over, of how often it was shown and answered; `open` how often it was left unanswered."""
    columns = (*SHARE, "heeded", "open")
    rows = []
    for name in found.whole.names("rule/"):
        rule = name.removeprefix("rule/")
        cell = found.whole.get(name)
        if _small(cell.group, least):
            rows.append(Row(label=rule, values=(None,) * len(columns), withheld=True))
            continue
        low, high = _interval(cell)
        values = (cell.n, cell.of, _percent(cell.n, cell.of), low, high, cell.of - cell.n, found.whole.get(f"open/{rule}").n)
        flag = "wolf" if low is not None and low > WOLF_PERCENT else ""
        rows.append(Row(label=rule, values=values, flag=flag))
    rows.sort(key=lambda row: (row.withheld, -(row.values[1] or 0), str(row.label)))
    return Figure(
        code="rules",
        label="rule",
        columns=columns,
        rows=tuple(rows),
        chart="bars",
        drawn=("percent",),
        notes=("wolf",) if any(row.flag for row in rows) else (),
    )


# Signs of workarounds.


def signs(found: Period, least: Least) -> Figure:
    named = [(detector.code, found.whole.get(f"sign/{detector.code}")) for detector in DETECTORS]
    return Figure(code="signs", label="sign", columns=SHARE, rows=_each(named, least), chart="bars", drawn=("percent",))


def signs_week(found: Period, least: Least) -> Figure:
    def pick(cells: Cells) -> Cell:
        charted = cells.get("charted")
        return Cell(n=cells.get("signs").n, of=charted.of, who=charted.who)

    return _by_week("signs-week", found, least, pick, interval=False)


# Time.


def times(found: Period, least: Least) -> Figure:
    rows = []
    for kind in ("plain", "alert"):
        counts, who = _times(found.whole, kind)
        rows.append(_time_row(f"time-{kind}", counts, who, least))
    return Figure(code="times", label="word", columns=("of", "median", "slow"), rows=tuple(rows), chart="bars", drawn=("median", "slow"))


def times_week(found: Period, least: Least) -> Figure:
    picked = [_times(found.by_week[week], "plain") for week in found.weeks]
    groups = [Group(events=sum(counts.values()), people=frozenset(who)) for counts, who in picked]
    hidden = quality_math.withheld(groups, fewest_people=least.people, fewest_events=least.doses)
    rows = []
    for place, week in enumerate(found.weeks):
        counts, who = picked[place]
        hide = Least(people=10**9) if place in hidden else Least(people=0, doses=0)
        rows.append(_time_row(week, counts, who, hide))
    drawn = [row.values[1] for row in rows]
    notes = quality_math.signals(drawn)
    return Figure(
        code="times-week", label="week", columns=("of", "median", "slow"), rows=tuple(rows), chart="run", drawn=("median",), notes=notes
    )


def _times(cells: Cells, kind: str) -> tuple[dict[int, int], set[str]]:
    counts: dict[int, int] = {}
    who: set[str] = set()
    for name in cells.names(f"time/{kind}/"):
        cell = cells.get(name)
        counts[int(name.rsplit("/", 1)[1])] = cell.n
        who |= cell.who
    return counts, who


def _time_row(label: object, counts: Mapping[int, int], who: set[str], least: Least) -> Row:
    total = sum(counts.values())
    if total and _small(Group(events=total, people=frozenset(who)), least):
        return Row(label=label, values=(None, None, None), withheld=True)
    middle, slow = quality_math.quantile(counts, 0.5), quality_math.quantile(counts, 0.9)
    return Row(label=label, values=(total, _round(middle), _round(slow)))


# Rows.


def _by_week(
    code: str, found: Period, least: Least, pick: Callable[[Cells], Cell], *, target: float | None = None, interval: bool = True
) -> Figure:
    cells = [pick(found.by_week[week]) for week in found.weeks]
    hidden = quality_math.withheld([cell.group for cell in cells], fewest_people=least.people, fewest_events=least.doses)
    rows = []
    for place, week in enumerate(found.weeks):
        row = _row(week, cells[place], interval=interval)
        rows.append(Row(label=week, values=(None,) * len(row.values), withheld=True) if place in hidden else row)
    notes = quality_math.signals([row.values[2] for row in rows])
    columns = SHARE if interval else SHARE[:3]
    return Figure(code=code, label="week", columns=columns, rows=tuple(rows), chart="run", drawn=("percent",), target=target, notes=notes)


def _each(named: Sequence[tuple[str, Cell]], least: Least) -> tuple[Row, ...]:
    """Rows of groups that overlap: each stands for itself."""
    return tuple(
        Row(label=label, values=(None,) * len(SHARE), withheld=True) if cell.of and _small(cell.group, least) else _row(label, cell)
        for label, cell in named
    )


def _row(label: object, cell: Cell, *, interval: bool = True) -> Row:
    values: tuple[float | int | None, ...] = (cell.n, cell.of, _percent(cell.n, cell.of))
    return Row(label=label, values=(*values, *_interval(cell)) if interval else values)


def _interval(cell: Cell) -> tuple[float | None, float | None]:
    found = quality_math.wilson(cell.n, cell.of)
    return (None, None) if found is None else (round(100 * found[0], 1), round(100 * found[1], 1))


def _percent(n: int, of: int) -> float | None:
    return round(100 * n / of, 1) if of else None


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _small(group: Group, least: Least) -> bool:
    return bool(quality_math.withheld([group], fewest_people=least.people, fewest_events=least.doses))
