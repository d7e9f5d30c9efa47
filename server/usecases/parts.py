"""What each program of the server tells of itself in the database, so that the pages know of gateway and dispatcher wherever they run.

A program that fell silent is told as such, never as what it said last: unknown is never a yes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from server.store import steps

# Programs tell themselves every ten seconds, and at once when something changed.
QUIET_AFTER = timedelta(seconds=25)
_COUNTED = ("recorded", "duplicates", "rejected", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`broker`: whether the gateway is connected, None where none works here. `messages`: since its start, by what became of them.
    `sends`: a dispatcher works here; `feeds`: whether the feed runs, None where it is none of its work."""

    broker: bool | None = None
    message_failed: bool = False
    sends: bool = False
    sending_fails: bool = False
    feeds: bool | None = None
    taken: int = 0
    messages: dict[str, int] = field(default_factory=dict)

    @property
    def condition(self) -> tuple[object, ...]:
        """All but the counts: what changes seldom, and is told at once."""
        return self.broker, self.message_failed, self.sends, self.sending_fails, self.feeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All programs of a facility together. `gateway`: what the one that works tells, None where none is heard; `silent_s`: since when one
    that did not end tells nothing any more. `feeds` as in `Told`."""

    gateway: Told | None
    silent_s: float | None
    sends: bool
    sending_fails: bool
    feeds: bool | None
    taken: int


def here(running: Any) -> Told:
    """Of this process; `running` is what runs in it (`server.bare.Running`)."""
    working, feeding, sending = running.gateway, running.feed, running.dispatchers  # another thread may take them away
    gateway = working.state if working is not None else None
    feed = feeding.state if feeding is not None else None
    return Told(
        broker=gateway.connected if gateway is not None else None,
        message_failed=gateway is not None and bool(gateway.fault),
        messages={name: getattr(gateway, name) for name in _COUNTED} if gateway is not None else {},
        sends=bool(sending),
        sending_fails=any(each.state.fault for each in sending),
        feeds=feed.running if feed is not None else None,
        taken=feed.taken if feed is not None else 0,
    )


def document(told: Told) -> dict[str, Any]:
    return asdict(told)


def everywhere(running: Any, facility: str) -> Parts:
    """This process and every other of the facility. Needs an application context. Raises: SQLAlchemyError."""
    at = steps.clock()
    mine = running.presence.program_id if running.presence is not None else None
    others = [each for each in steps.heard(at) if each.facility == facility and each.id != mine]
    return together(here(running), [(_read(each.told), each.seen_at) for each in others if each.told], at)


def together(own: Told, others: Iterable[tuple[Told, datetime]], at: datetime) -> Parts:
    """`others`: what each told, and when it was heard last. Of several gateways one works: the one that was heard last."""
    newest_first = sorted(others, key=lambda each: each[1], reverse=True)
    told = [own, *(each for each, seen_at in newest_first if at - seen_at <= QUIET_AFTER)]
    gateway = next((each for each in told if each.broker is not None), None)
    silent_at = next((seen_at for each, seen_at in newest_first if each.broker is not None), None)
    feeds = [each.feeds for each in told if each.feeds is not None]
    return Parts(
        gateway=gateway,
        silent_s=(at - silent_at) / timedelta(seconds=1) if gateway is None and silent_at is not None else None,
        sends=any(each.sends for each in told),
        sending_fails=any(each.sending_fails for each in told),
        feeds=any(feeds) if feeds else None,
        taken=sum(each.taken for each in told),
    )


def _read(told: dict[str, Any]) -> Told:
    """A newer release may tell more."""
    return Told(**{each.name: told[each.name] for each in fields(Told) if each.name in told})
