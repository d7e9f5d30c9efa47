"""Drawers and doses put side by side: which openings nobody asked for, and which doses nobody saw a drawer open for.

A pure function over what happened, as the bridge's ledger numbered it, and over the doses that were charted. The order in which the
answer to an unlock and the microcontroller's event came does not matter: each is judged by its own time. Must never take silence for a
"no": where events were lost, the microcontroller was away, or its story is not here yet, the evidence is unknown, and that is told.
Nothing here blocks a dose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

# What the bridge's ledger calls what happens at drawers. The first two are the bridge's own, the others the microcontroller's.
ASKED, ANSWERED = "unlock-asked", "unlock-answered"
UNLOCKED, OPENED, CLOSED, LOCKED = "drawer-unlocked", "drawer-opened", "drawer-closed", "drawer-locked"
REFUSED, STUCK, BOOT = "unlock-refused", "drawer-stuck", "boot"
LOST, BACK, EVENTS_LOST = "mcu-lost", "mcu-back", "mcu-events-lost"
UPDATING, UPDATED = "mcu-updating", "mcu-updated"
KINDS = frozenset({ASKED, ANSWERED, UNLOCKED, OPENED, CLOSED, LOCKED, REFUSED, STUCK, BOOT, LOST, BACK, EVENTS_LOST, UPDATING, UPDATED})

# Clocks of two programs and of a microcontroller that counts from its start.
SLACK = timedelta(seconds=3)
LONGEST_FREE = timedelta(seconds=60)
# After an unlock that did not go well the key is taken; this long after it an opening is by that key.
KEY_WITHIN = timedelta(minutes=10)
# How long before a dose is confirmed its drawer may have been opened, and how long after: a patient takes time.
DOSE_BEFORE, DOSE_AFTER = timedelta(minutes=30), timedelta(minutes=2)
# A dose that was begun and never charted holds the question "left open" back for so long, and no longer.
DOSE_LASTS = timedelta(minutes=30)
# What looks back from a moment has to see this much: nothing above reaches further.
LOOKS_BACK = timedelta(hours=1)


class Code(StrEnum):
    """What is found. The last four are notes: they say what is not known or why, and accuse nobody."""

    WITHOUT_SCAN = "opened-without-scan"
    ANOTHER = "another-drawer"
    LEFT_OPEN = "left-open"
    WHILE_UPDATING = "opened-while-updating"
    DOSE_WITHOUT = "dose-without-drawer"
    BY_KEY = "opened-by-key"
    UNEXPLAINED = "unlock-unexplained"
    EVENTS_LOST = "events-lost"
    NO_EVIDENCE = "no-evidence"


NOTES = frozenset({Code.BY_KEY, Code.UNEXPLAINED, Code.EVENTS_LOST, Code.NO_EVIDENCE})


class Evidence(StrEnum):
    """What a cart knew of the drawer as a dose was confirmed. `NONE`: the patient has no drawer at this cart, or the cart no locks."""

    OPENED = "opened"
    UNLOCKED = "unlocked"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "outcome-unknown"
    NONE = "none"


# With these the lock gave nothing to see: the key was needed, or nobody knows.
WITHOUT_LOCK = frozenset({Evidence.REFUSED, Evidence.UNAVAILABLE, Evidence.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`seq` counts within `epoch`. `command` is the id of an unlock: a dose's record id, or that of an access. `outcome` is of an
    `ANSWERED`: unlocked, refused, unavailable, outcome-unknown."""

    epoch: str
    seq: int
    kind: str
    at: datetime
    drawer: int | None = None
    command: str = ""
    outcome: str = ""
    lasts: timedelta = LONGEST_FREE
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """A dose that was charted as given at this cart, `at` by the cart's clock. `drawer` None: it was to come from no drawer."""

    record_id: str
    at: datetime
    drawer: int | None
    evidence: Evidence = Evidence.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`key` is the same whenever the same is found. `wanted` is the drawer that was unlocked where another one opened."""

    key: str
    code: Code
    at: datetime
    drawer: int | None = None
    wanted: int | None = None
    record_id: str | None = None
    count: int = 0

    @property
    def is_note(self) -> bool:
        return self.code in NOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Until when the story is here. `heard_until`: the bridge said then that nothing waits with it (None: it never did). `has_gap`:
    numbers are missing in the window."""

    now: datetime
    heard_until: datetime | None
    open_for: timedelta
    has_gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    command: str
    drawer: int | None
    at: datetime
    lasts: timedelta
    outcome: str


def judge(happened: Iterable[Happening], doses: Iterable[Dose], known: Known) -> tuple[Finding, ...]:
    """What is found among `happened`, in whatever order it is given, each thing once; sorted by time. Times after `known.now` are taken
    as they are: a clock that ran ahead hides nothing."""
    story = sorted({(one.epoch, one.seq): one for one in happened}.values(), key=lambda one: (one.at, one.epoch, one.seq))
    asks = _asks(story)
    charted = {dose.record_id: dose for dose in doses}
    away = spans(story, LOST, BACK)
    updating = spans(story, UPDATING, UPDATED)
    found = [finding for one in story if one.kind == OPENED for finding in _opening(one, story, asks, away, updating)]
    found += _left_open(story, asks, charted, known)
    found += [
        Finding(key=_key(Code.EVENTS_LOST, one), code=Code.EVENTS_LOST, at=one.at, count=one.count)
        for one in story
        if one.kind == EVENTS_LOST
    ]
    lost = [one.at for one in story if one.kind == EVENTS_LOST]
    for dose in charted.values():
        finding = _dose(dose, story, asks, away, updating, lost, known)
        if finding is not None:
            found.append(finding)
    return tuple(sorted(found, key=lambda finding: (finding.at, finding.key)))


def undecided(happened: Iterable[Happening], doses: Iterable[Dose], known: Known) -> frozenset[str]:
    """Keys of doses without a drawer that nothing here explains, whatever is still on its way: what was found of them before stands."""
    whole = replace(known, heard_until=datetime.max.replace(tzinfo=UTC), has_gap=False)
    return frozenset(finding.key for finding in judge(happened, doses, whole) if finding.code is Code.DOSE_WITHOUT)


def unsettled(happened: Iterable[Happening], doses: Iterable[Dose], known: Known) -> datetime | None:
    """The earliest moment of which something may still be found though nothing more comes: a drawer that stands open, a dose whose story
    is not here. None: time alone changes nothing."""
    story = tuple(happened)
    waits = list(open_now(story).values())
    seen = {(one.drawer, one.command) for one in story if one.kind == OPENED}
    for dose in doses:
        told = known.heard_until is not None and known.heard_until >= dose.at + DOSE_AFTER
        if dose.evidence is Evidence.UNLOCKED and dose.drawer is not None and not told and (dose.drawer, dose.record_id) not in seen:
            waits.append(dose.at)
    return min(waits, default=None)


def open_now(happened: Iterable[Happening]) -> Mapping[int, datetime]:
    """Drawer -> since when it stands open, as far as was told. After a restart of the microcontroller nothing is known."""
    standing: dict[int, datetime] = {}
    for one in sorted(happened, key=lambda each: (each.at, each.epoch, each.seq)):
        if one.kind == BOOT:
            standing.clear()
        elif one.kind == OPENED and one.drawer is not None:
            standing.setdefault(one.drawer, one.at)
        elif one.kind == CLOSED and one.drawer is not None:
            standing.pop(one.drawer, None)
    return standing


def spans(story: Sequence[Happening], begin: str, end: str) -> tuple[tuple[datetime, datetime | None], ...]:
    """(from, until) of each stretch between `begin` and `end`; None: it has not ended."""
    found: list[tuple[datetime, datetime | None]] = []
    since: datetime | None = None
    for one in story:
        if one.kind == begin and since is None:
            since = one.at
        elif one.kind == end and since is not None:
            found.append((since, one.at))
            since = None
    return (*found, (since, None)) if since is not None else tuple(found)


def _asks(story: Sequence[Happening]) -> tuple[_Ask, ...]:
    """One for each command id, with the answer wherever in the story it stands. An answer without its question counts for both."""
    made: dict[str, _Ask] = {}
    outcomes = {one.command: one.outcome for one in story if one.kind == ANSWERED and one.command}
    for one in story:
        if one.kind not in (ASKED, ANSWERED) or not one.command:
            continue
        before = made.get(one.command)
        if before is None or one.kind == ASKED:
            at = one.at if before is None else min(one.at, before.at)
            made[one.command] = _Ask(
                command=one.command,
                drawer=one.drawer if one.drawer is not None else (before.drawer if before is not None else None),
                at=at,
                lasts=one.lasts,
                outcome=outcomes.get(one.command, ""),
            )
    return tuple(made.values())


def _within(at: datetime, span: tuple[datetime, datetime | None]) -> bool:
    return span[0] - SLACK <= at and (span[1] is None or at <= span[1] + SLACK)


def _may_have_opened(ask: _Ask) -> bool:
    """An unlock without an answer, and one whose outcome is not known, may have opened the drawer."""
    return ask.outcome in ("", "unlocked", "outcome-unknown")


def _opening(
    one: Happening,
    story: Sequence[Happening],
    asks: Sequence[_Ask],
    away: Sequence[tuple[datetime, datetime | None]],
    updating: Sequence[tuple[datetime, datetime | None]],
) -> tuple[Finding, ...]:
    """What is to be said of one opening; nothing where its unlock was asked for."""
    if any(_within(one.at, span) for span in updating):
        return (Finding(key=_key(Code.WHILE_UPDATING, one), code=Code.WHILE_UPDATING, at=one.at, drawer=one.drawer),)
    running = [ask for ask in asks if ask.at - SLACK <= one.at <= ask.at + min(ask.lasts, LONGEST_FREE) + SLACK]
    if any(ask.drawer == one.drawer and _may_have_opened(ask) for ask in running):
        return ()
    if _by_key(one, asks, away):
        return (Finding(key=_key(Code.BY_KEY, one), code=Code.BY_KEY, at=one.at, drawer=one.drawer),)
    wanted = next((ask for ask in reversed(running) if ask.drawer != one.drawer and _may_have_opened(ask)), None)
    if wanted is not None:
        return (
            Finding(
                key=_key(Code.ANOTHER, one),
                code=Code.ANOTHER,
                at=one.at,
                drawer=one.drawer,
                wanted=wanted.drawer,
                record_id=wanted.command,
            ),
        )
    code = Code.UNEXPLAINED if _was_unlocked(one, story) else Code.WITHOUT_SCAN
    return (Finding(key=_key(code, one), code=code, at=one.at, drawer=one.drawer),)


def _by_key(one: Happening, asks: Sequence[_Ask], away: Sequence[tuple[datetime, datetime | None]]) -> bool:
    """The lock had been asked for this drawer and had not given it, or could not be asked at all."""
    if any(_within(one.at, span) for span in away):
        return True
    failed = ("refused", "unavailable", "outcome-unknown")
    return any(ask.drawer == one.drawer and ask.outcome in failed and timedelta() <= one.at - ask.at + SLACK <= KEY_WITHIN for ask in asks)


def _was_unlocked(one: Happening, story: Sequence[Happening]) -> bool:
    """The bolt moved, and nobody here knows who asked for it: a bridge of before asks were kept, or a full disk."""
    return any(
        each.kind == UNLOCKED and each.drawer == one.drawer and timedelta() <= one.at - each.at + SLACK <= LONGEST_FREE + SLACK
        for each in story
    )


def _left_open(story: Sequence[Happening], asks: Sequence[_Ask], charted: Mapping[str, Dose], known: Known) -> tuple[Finding, ...]:
    """Each drawer that stood open for longer than it may. A dose that goes on does not count as forgetting."""
    found = []
    standing: dict[int, Happening] = {}
    for one in (*story, None):
        ended = (
            list(standing)
            if one is None or one.kind == BOOT
            else [one.drawer]
            if one.kind == CLOSED and one.drawer is not None and one.drawer in standing
            else []
        )
        for drawer in ended:
            opened = standing.pop(drawer)
            until = known.now if one is None else one.at
            since = _free_from(opened, asks, charted)
            # Until when it stood open is not known where the microcontroller started anew.
            if since is not None and until - since > known.open_for and not (one is not None and one.kind == BOOT):
                found.append(Finding(key=_key(Code.LEFT_OPEN, opened), code=Code.LEFT_OPEN, at=since + known.open_for, drawer=drawer))
        if one is not None and one.kind == OPENED and one.drawer is not None:
            standing.setdefault(one.drawer, one)
    return tuple(found)


def _free_from(opened: Happening, asks: Sequence[_Ask], charted: Mapping[str, Dose]) -> datetime:
    """From when nobody needs the drawer open any more: when its dose was charted, or else after the longest a dose lasts."""
    for ask in reversed(asks):
        if ask.drawer == opened.drawer and ask.at - SLACK <= opened.at <= ask.at + LONGEST_FREE + SLACK:
            dose = charted.get(ask.command)
            if dose is not None:
                return max(opened.at, min(dose.at, opened.at + DOSE_LASTS))
            return opened.at + DOSE_LASTS if not ask.command.startswith(ACCESS) else opened.at
    return opened.at


# How the id of an access without a patient begins.
ACCESS = "access-"


def _dose(
    dose: Dose,
    story: Sequence[Happening],
    asks: Sequence[_Ask],
    away: Sequence[tuple[datetime, datetime | None]],
    updating: Sequence[tuple[datetime, datetime | None]],
    lost: Sequence[datetime],
    known: Known,
) -> Finding | None:
    """None also while its story is not here: silence of a cart that is away is no finding."""
    if dose.drawer is None or dose.evidence in (Evidence.OPENED, Evidence.NONE):
        return None
    low, high = dose.at - DOSE_BEFORE, dose.at + DOSE_AFTER
    if any(one.kind == OPENED and one.drawer == dose.drawer and low <= one.at <= high for one in story):
        return None
    if any(one.kind == OPENED and one.drawer == dose.drawer for one in story if _belongs(one, dose, asks)):
        return None
    blind = known.has_gap or any(low <= at <= high for at in lost) or any(_overlap(span, low, high) for span in (*away, *updating))
    if dose.evidence in WITHOUT_LOCK or blind:
        return Finding(
            key=f"{Code.NO_EVIDENCE}:{dose.record_id}", code=Code.NO_EVIDENCE, at=dose.at, drawer=dose.drawer, record_id=dose.record_id
        )
    if known.heard_until is None or known.heard_until < high:
        return None
    return Finding(
        key=f"{Code.DOSE_WITHOUT}:{dose.record_id}", code=Code.DOSE_WITHOUT, at=dose.at, drawer=dose.drawer, record_id=dose.record_id
    )


def _belongs(one: Happening, dose: Dose, asks: Sequence[_Ask]) -> bool:
    """The opening follows the unlock of this very dose, whatever the two clocks say."""
    return any(ask.command == dose.record_id and ask.at - SLACK <= one.at <= ask.at + LONGEST_FREE + SLACK for ask in asks)


def _overlap(span: tuple[datetime, datetime | None], low: datetime, high: datetime) -> bool:
    return span[0] <= high and (span[1] is None or span[1] >= low)


def _key(code: Code, one: Happening) -> str:
    return f"{code}:{one.epoch}:{one.seq}"
