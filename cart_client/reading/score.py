"""How many pictures were read rightly, wrongly, or not at all, by symbology and by level, with times. A wrong reading is a misread whatever
else was right in that picture. Must never count a picture as right because of a symbol that is not in its manifest.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cart_client.reading.manifest import Entry, Expected

_RETAIL = {"EAN13", "UPCA", "EAN8", "UPCE"}
NO_CODE = "no code"


@dataclass(slots=True, kw_only=True)
class Tally:
    """`total` counts symbols, or pictures where none is; `right` what was read (or rightly not read), `wrong` pictures with a misread."""

    total: int = 0
    right: int = 0
    wrong: int = 0
    ms: list[float] = field(default_factory=list)

    @property
    def missed(self) -> int:
        return self.total - self.right

    def row(self) -> dict[str, object]:
        return {
            "total": self.total,
            "right": self.right,
            "wrong": self.wrong,
            "missed": self.missed,
            "rate": round(self.right / self.total, 4) if self.total else None,
            "ms_p50": round(statistics.median(self.ms), 1) if self.ms else None,
            "ms_p95": round(sorted(self.ms)[min(len(self.ms) - 1, int(len(self.ms) * 0.95))], 1) if self.ms else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of one picture: how many of its symbols were read, and the contents that are not in it."""

    right: int
    total: int
    wrong: tuple[bytes, ...] = ()

    @property
    def word(self) -> str:
        if self.wrong:
            return "MISREAD" if self.total else "FALSE: no code is there"
        if not self.total:
            return "rightly nothing"
        return "right" if self.right == self.total else "missed"


def judged(entry: Entry, found: Iterable[bytes]) -> Verdict:
    contents = set(found)
    known = set().union(*(_spellings(one) for one in entry.expected)) if entry.expected else set()
    right = sum(bool(_spellings(one) & contents) for one in entry.expected)
    return Verdict(right=right, total=len(entry.expected), wrong=tuple(sorted(contents - known)))


def _spellings(one: Expected) -> set[bytes]:
    """A UPC-A is the EAN-13 with a leading 0, and readers tell it either way; everything else has one spelling."""
    if one.symbology in _RETAIL and one.content.isdigit() and len(one.content) in {12, 13}:
        long = one.content.zfill(13)
        return {long, long[1:]} if long.startswith(b"0") else {long}
    return {one.content}


class Score:
    """Tallies of one reader: over all, by symbology, by level."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.all = Tally()
        self.by_symbology: dict[str, Tally] = defaultdict(Tally)
        self.by_level: dict[str, Tally] = defaultdict(Tally)

    def add(self, entry: Entry, found: Iterable[bytes], ms: float) -> Verdict:
        verdict = judged(entry, found)
        contents = set(found)
        tallies = [self.all, *([self.by_level[entry.level]] if entry.level else [])]
        for tally in tallies:
            tally.total += max(1, verdict.total)
            tally.right += verdict.right if verdict.total else int(not verdict.wrong)
            tally.wrong += bool(verdict.wrong)
            tally.ms.append(ms)
        if not entry.expected:
            _count(self.by_symbology[NO_CODE], right=not verdict.wrong, wrong=bool(verdict.wrong), ms=ms)
        for place, one in enumerate(entry.expected):
            right = bool(_spellings(one) & contents)
            _count(self.by_symbology[one.symbology], right=right, wrong=bool(verdict.wrong) and place == 0, ms=ms)
        return verdict

    def rows(self) -> dict[str, object]:
        return {
            "reader": self.name,
            "all": self.all.row(),
            "by_symbology": {name: tally.row() for name, tally in sorted(self.by_symbology.items())},
            "by_level": {name: tally.row() for name, tally in sorted(self.by_level.items())},
        }


def _count(tally: Tally, *, right: bool, wrong: bool, ms: float) -> None:
    tally.total += 1
    tally.right += right
    tally.wrong += wrong
    tally.ms.append(ms)


def table(scores: Sequence[Score]) -> str:
    """All readers side by side, one line a group."""
    lines = [f"{'':<14}{'reader':<18}{'symbols':>8}{'right':>8}{'rate':>8}{'wrong':>7}{'missed':>8}{'p50 ms':>9}{'p95 ms':>9}"]
    groups: list[tuple[str, Mapping[str, Tally]]] = [("all", {score.name: score.all for score in scores})]
    for names, table_of in (
        (sorted(set().union(*(score.by_symbology for score in scores))), "by_symbology"),
        (sorted(set().union(*(score.by_level for score in scores))), "by_level"),
    ):
        groups += [(name, {score.name: getattr(score, table_of)[name] for score in scores}) for name in names]
    for group, tallies in groups:
        for place, (reader, tally) in enumerate(tallies.items()):
            row = tally.row()
            rate = f"{100 * tally.right / tally.total:.1f} %" if tally.total else "-"
            lines.append(
                f"{group if place == 0 else '':<14}{reader:<18}{tally.total:>8}{tally.right:>8}{rate:>8}{tally.wrong:>7}{tally.missed:>8}"
                f"{row['ms_p50'] or 0:>9}{row['ms_p95'] or 0:>9}"
            )
    return "\n".join(lines)
