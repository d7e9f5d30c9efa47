"""What this cart's drawers did lately, as the bridge tells, for the nurse: a drawer that stands open, one that nobody scanned for.

Works without network. Owned by the bedside loop. Must never hold a dose up, and must never nag during one: what is told is told before
the next dose or after it. Nothing here is sent anywhere: the bridge tells the server itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cart_client.inbox import Inbox
from devices.ports import Drawers, DrawersTold
from pointofcare.administration.session import Session
from pointofcare.fleet import drawers
from pointofcare.fleet.drawers import Code, Dose, Evidence, Finding, Happening, Known

MOST_KEPT = 256
KEPT_FOR = timedelta(hours=2)
LOOK_EVERY_S = 1.0
# A drawer that stands open is told again so often: the time that it stands so is what counts.
AGAIN_S = 10.0
_SHOWN = frozenset({Code.WITHOUT_SCAN, Code.ANOTHER, Code.WHILE_UPDATING, Code.UNEXPLAINED, Code.EVENTS_LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawersHeard:
    """What the hardware behind the drawers told now; None: it does not answer."""

    told: DrawersTold | None


class Watch:
    """`mono_s` is a clock that nobody sets."""

    def __init__(self, mono_s: Callable[[], float]) -> None:
        self._mono_s = mono_s
        self._story: tuple[Happening, ...] = ()
        self._told: DrawersTold | None = None
        self._heard_mono_s = 0.0
        self._charted: dict[str, Dose] = {}
        self._read: set[str] = set()

    def heard(self, told: DrawersTold | None) -> None:
        """Times are the bridge's own: they are compared with each other only. A bridge that began anew tells anew."""
        if told is None:
            if self._told is not None:
                self._told = replace(self._told, connected=False, happened=())
            return
        before = self._story if self._told is not None and self._told.run == told.run else ()
        oldest = told.at - KEPT_FOR
        self._story = tuple(one for one in (*before, *told.happened) if one.at >= oldest)[-MOST_KEPT:]
        self._told, self._heard_mono_s = told, self._mono_s()

    def has_opened(self, drawer: int, command: str) -> bool:
        """Whether the drawer was seen to open after it was unlocked by `command`."""
        asked = [one.at for one in self._story if one.kind == drawers.ASKED and one.command == command]
        since = min(asked, default=None)
        return since is not None and any(
            one.kind == drawers.OPENED and one.drawer == drawer and one.at >= since - drawers.SLACK for one in self._story
        )

    def charted(self, record_id: str, drawer: int | None) -> None:
        """The dose is recorded: its drawer is no longer needed open."""
        now = self._now()
        if now is not None and drawer is not None:
            self._charted[record_id] = Dose(record_id=record_id, at=now, drawer=drawer, evidence=Evidence.OPENED)
            while len(self._charted) > MOST_KEPT:
                del self._charted[next(iter(self._charted))]

    def read(self, key: str) -> bool:
        """A person saw it. What still stands open is shown until it is closed."""
        if key not in {one.key for one in self._all(timedelta(minutes=5))}:
            return False
        self._read.add(key)
        return True

    def findings(self, session: Session, open_for: timedelta) -> tuple[Finding, ...]:
        """What a nurse is told now; () while a dose is in question or in hand."""
        if session.verdict is not None:
            return ()
        return tuple(one for one in self._all(open_for) if one.key not in self._read or one.code is Code.LEFT_OPEN)

    def _all(self, open_for: timedelta) -> tuple[Finding, ...]:
        now = self._now()
        if now is None or self._told is None:
            return ()
        standing = drawers.open_now(self._story) if self._told.connected else {}
        found = drawers.judge(self._story, self._charted.values(), Known(now=now, heard_until=None, open_for=open_for))
        return tuple(one for one in found if one.code in _SHOWN or _still_stands(one, standing, found))

    def _now(self) -> datetime | None:
        """The bridge's clock."""
        return self._told.at + timedelta(seconds=self._mono_s() - self._heard_mono_s) if self._told is not None else None


def _still_stands(one: Finding, standing: Mapping[int, datetime], found: tuple[Finding, ...]) -> bool:
    """Of a drawer that was left open twice, the time that counts now; of one that was closed since, none."""
    if one.code is not Code.LEFT_OPEN or one.drawer not in standing:
        return False
    return one.at == max(each.at for each in found if each.code is one.code and each.drawer == one.drawer)


def follow(source: Drawers, inbox: Inbox, halt: threading.Event, *, mono_s: Callable[[], float]) -> None:
    """Until `halt`: put a `DrawersHeard` whenever there is something new, or a drawer stands open."""
    last: DrawersTold | None = None
    is_known, put_mono_s = False, 0.0
    while True:
        told = source.happenings(run=last.run if last is not None else "", after=last.upto if last is not None else 0)
        now_s = mono_s()
        if told is None:
            is_new = is_known
        else:
            is_new = last is None or not is_known or bool(told.happened) or (told.connected, told.run) != (last.connected, last.run)
            is_new = is_new or (bool(told.open) and now_s - put_mono_s >= AGAIN_S)
        if is_new:
            inbox.put(DrawersHeard(told=told))
            put_mono_s = now_s
        is_known, last = told is not None, told if told is not None else last
        if halt.wait(LOOK_EVERY_S):
            return
