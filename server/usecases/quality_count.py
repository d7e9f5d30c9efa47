"""One ward's day as counts: cells by name, each with how often, of how many, and of which people (as tokens). Pure.

Counts only ever add up: a week or a hospital is the sum of its days, so that what is shown for them is what a recount of their records
gives. A count's name, numerator and denominator are explained for people in docs/quality.md and on the page itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from server.store.quality import Unfilled
from server.usecases import quality_math
from server.usecases.quality_dose import SERVER, Asked, Attempt, Dose, outside
from server.usecases.workarounds import DETECTORS, Material

# The version of the definitions: with another one every day is counted anew.
COUNTING = 2
# T1 says that a dose was outside its window.
WINDOW_RULE = "T1"
# These ask which order, or why something is typed, late or not given, and warn of nothing.
QUESTIONS = frozenset({"D8", "N1", "P6", "S1", "S6"})
TIMES = ("on-time", "early", "late", "not-given", "omitted")
# Whether a group is large enough must be told, not how large: so no more people of it are kept, and a row does not grow with a hospital.
MOST_PEOPLE = 16
HEADLINE = ("scan/both", "due", "due/omitted", "due/late", "signs")


@dataclass(slots=True)
class Cell:
    """`n` of `of`; `who` are tokens of the people behind `of`."""

    n: int = 0
    of: int = 0
    who: set[str] = field(default_factory=set)

    @property
    def group(self) -> quality_math.Group:
        return quality_math.Group(events=self.of, people=frozenset(self.who))


class Cells:
    """Counts by name."""

    def __init__(self) -> None:
        self._cells: dict[str, Cell] = {}

    def add(self, name: str, *, n: int = 0, of: int = 1, who: Iterable[str] = ()) -> None:
        cell = self._cells.setdefault(name, Cell())
        cell.n += n
        cell.of += of
        cell.who.update(who)

    def get(self, name: str) -> Cell:
        return self._cells.get(name, Cell())

    def names(self, prefix: str = "") -> list[str]:
        return sorted(name for name in self._cells if name.startswith(prefix))

    def merge(self, plain: Mapping[str, Any]) -> None:
        for name, cell in plain.items():
            self.add(name, n=int(cell["n"]), of=int(cell["of"]), who=cell.get("who") or ())

    def plain(self) -> dict[str, Any]:
        """As JSON, the same for the same counts."""
        return {name: {"n": cell.n, "of": cell.of, "who": sorted(cell.who)[:MOST_PEOPLE]} for name, cell in sorted(self._cells.items())}

    def headline(self) -> dict[str, Any]:
        return {name: plain for name, plain in self.plain().items() if name in HEADLINE}


def token(facility: str, person: str) -> str:
    """Tells people apart within one hospital. It hides nobody from whoever has the records; it is never shown."""
    return hashlib.sha256(f"{facility}/{person}".encode()).hexdigest()[:8]


def count(
    material: Material,
    *,
    unfilled: Sequence[Unfilled],
    facility: str,
    zone: str,
    without_code: Collection[str] = (),
) -> Cells:
    """The counts of the day that begins at `material.since`."""
    cells = Cells()
    doses = [dose for dose in material.doses if dose.at >= material.since]
    nurses = {*(dose.nurse for dose in doses), *(attempt.nurse for attempt in material.attempts)}
    people = {nurse: token(facility, nurse) for nurse in nurses}
    for dose in doses:
        who = (people[dose.nurse],)
        if dose.withdrawn:
            cells.add("out/withdrawn", n=1, who=who)
            continue
        if dose.is_given:
            cells.add("charted", n=1, who=who)
            _scans(cells, dose, who, without_code)
            _time(cells, dose, who)
        elif dose.is_declined:
            cells.add("out/not-given", n=1, who=who)
        _due(cells, dose, who, zone)
        _answered(cells, dose, who)
    for attempt in material.attempts:
        _heeded(cells, attempt, (people[attempt.nurse],))
    for one in unfilled:
        hour = one.due.astimezone(ZoneInfo(zone)).hour
        _put_due(cells, hour, "omitted", ())
    for detector in DETECTORS:
        sign = detector.find(material)
        hits = {dose.record_id for dose in sign.hits}
        for dose in sign.of:
            is_hit = dose.record_id in hits
            cells.add(f"sign/{detector.code}", n=is_hit, who=(people[dose.nurse],))
            if is_hit:
                cells.add("signs", n=1, of=0)
    return cells


def _scans(cells: Cells, dose: Dose, who: Collection[str], without_code: Collection[str]) -> None:
    why = outside(dose, without_code=without_code)
    if why:
        cells.add(f"out/{why}", n=1, who=who)
    if why in ("emergency", "downtime"):
        return
    cells.add("scan/patient", n=dose.patient_scanned, who=who)
    if not why:
        cells.add("scan/drug", n=dose.drug_scanned, who=who)
        cells.add("scan/both", n=dose.patient_scanned and dose.drug_scanned, who=who)
        if dose.product:
            cells.add(f"product/{dose.product}", n=not dose.drug_scanned, who=who)
    for reason in dict.fromkeys(dose.keyed):
        cells.add(f"typed/{reason}", n=1, who=who)


def _time(cells: Cells, dose: Dose, who: Collection[str]) -> None:
    """Only where the dose was confirmed when it was given: what was charted later has no time at the bedside."""
    if dose.first_scan_at is None or dose.recorded_at != dose.at or dose.cart == SERVER:
        return
    seconds = (dose.recorded_at - dose.first_scan_at).total_seconds()
    if seconds >= 0:
        kind = "alert" if dose.asked else "plain"
        cells.add(f"time/{kind}/{quality_math.time_class(seconds):02d}", n=1, who=who)


def _due(cells: Cells, dose: Dose, who: Collection[str], zone: str) -> None:
    if dose.due is None or not (dose.is_given or dose.is_declined):
        return
    kind = "on-time"
    if dose.is_declined:
        kind = "not-given"
    elif any(one.rule == WINDOW_RULE for one in dose.asked):
        kind = "early" if dose.at < dose.due else "late"
    _put_due(cells, dose.due.astimezone(ZoneInfo(zone)).hour, kind, who)


def _put_due(cells: Cells, hour: int, kind: str, who: Collection[str]) -> None:
    cells.add("due", n=1, who=who)
    cells.add(f"hour/{hour:02d}", n=1, who=who)
    for each in TIMES:
        cells.add(f"due/{each}", n=each == kind, who=who)
        if each == kind:
            cells.add(f"hour/{hour:02d}/{each}", n=1, who=who)


def _answered(cells: Cells, dose: Dose, who: Collection[str]) -> None:
    """A finding of a dose that was given was passed over; of one that was not given it was heeded, and so was one that wanted a second
    person where there was one. A stop of a dose that is charted as a fact was passed over as well."""
    if not (dose.is_given or dose.is_declined):
        return
    for rule, level in _levels(dose.asked):
        witnessed = level == "WITNESS" and dose.witness is not None
        _put_rule(cells, rule, level, passed=dose.is_given and not witnessed, who=who)


def _heeded(cells: Cells, attempt: Attempt, who: Collection[str]) -> None:
    """What was stopped or given up was heeded. A dose that was verified and then not taken says nothing of its findings."""
    for rule, level in _levels(attempt.asked):
        if attempt.outcome == "left-open":
            cells.add(f"open/{rule}", n=1, who=who)
        else:
            _put_rule(cells, rule, level, passed=False, who=who)


def _levels(asked: Iterable[Asked]) -> list[tuple[str, str]]:
    """Each rule once, with the level of its last finding."""
    return [(rule, level) for rule, level in {one.rule: one.level for one in asked}.items() if rule not in QUESTIONS]


def _put_rule(cells: Cells, rule: str, level: str, *, passed: bool, who: Collection[str]) -> None:
    cells.add(f"rule/{rule}", n=passed, who=who)
    cells.add(f"level/{level}", n=not passed, who=who)
