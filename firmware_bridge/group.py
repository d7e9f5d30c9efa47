"""The cart's own commands to its microcontroller: SMP management group 66, as typed requests and answers.

One class a command, written by hand. Answers ignore keys that they do not know, so that newer firmware keeps working, and
have a required key each, so that an error answer is never taken for one. Units are in the wire's names: mV, mA, ms, 0.1 Cel.
Group 64 is another project's. Source of the framing and headers: the Simple Management Protocol of Zephyr and MCUmgr.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pydantic import ConfigDict
from smp import error, message

GROUP = 66
PROTOCOL = 1
EVENTS_AT_ONCE = 4
MOST_DRAWERS = 64


class Command(IntEnum):
    INFO = 0
    POWER = 1
    DRAWERS = 2
    UNLOCK = 3
    EVENTS = 4
    LEDS = 5
    BEEP = 6
    HEARTBEAT = 8
    SELFTEST = 9
    LOCK = 10


class UnlockStatus(IntEnum):
    """`UNLOCKED`: carried out, now or by an earlier copy of the same command. The others: the bolt did not move."""

    UNLOCKED = 0
    REFUSED = 1
    STUCK = 2
    NO_SUCH_DRAWER = 3


class LockStatus(IntEnum):
    """`OPEN`: it stands open, and locks when somebody closes it. `STUCK`, `NO_SUCH_DRAWER`: it is not known to be locked."""

    LOCKED = 0
    STUCK = 2
    NO_SUCH_DRAWER = 3
    OPEN = 4


class GroupFault(IntEnum):
    OK = 0
    UNKNOWN = 1
    BUSY = 2
    INVALID = 3


class GroupErrorV1(error.ErrorV1):
    _GROUP_ID = GROUP


class GroupErrorV2(error.ErrorV2[GroupFault]):
    _GROUP_ID = GROUP


class _Read(message.ReadRequest):
    _GROUP_ID = GROUP
    _ErrorV1 = GroupErrorV1
    _ErrorV2 = GroupErrorV2


class _Write(message.WriteRequest):
    _GROUP_ID = GROUP
    _ErrorV1 = GroupErrorV1
    _ErrorV2 = GroupErrorV2


class _ReadAnswer(message.ReadResponse):
    model_config = ConfigDict(extra="ignore", frozen=True)
    _GROUP_ID = GROUP


class _WriteAnswer(message.WriteResponse):
    model_config = ConfigDict(extra="ignore", frozen=True)
    _GROUP_ID = GROUP


class InfoAnswer(_ReadAnswer):
    """`boot` is drawn at every start of the microcontroller; `up_ms` counts from it. `n` is the number of drawers."""

    _COMMAND_ID = Command.INFO
    hw: str
    fw: str
    proto: int
    boot: str
    up_ms: int
    n: int


class Info(_Read):
    _COMMAND_ID = Command.INFO
    _Response = InfoAnswer


class PowerAnswer(_ReadAnswer):
    """Battery and mains: millivolts, milliamperes (negative: discharging), charge and health in percent, cycles, 0.1 Cel."""

    _COMMAND_ID = Command.POWER
    mv: int
    ma: int
    soc: int
    soh: int
    cyc: int
    dC: int  # noqa: N815 - the wire's name
    chg: bool
    ac: bool


class Power(_Read):
    _COMMAND_ID = Command.POWER
    _Response = PowerAnswer


class DrawersAnswer(_ReadAnswer):
    """One bit a drawer, drawer 1 lowest: `open`, `free` (unlocked now), `stuck`."""

    _COMMAND_ID = Command.DRAWERS
    n: int
    open: int
    free: int
    stuck: int


class Drawers(_Read):
    _COMMAND_ID = Command.DRAWERS
    _Response = DrawersAnswer


class UnlockAnswer(_WriteAnswer):
    """`again`: this id was known, nothing was moved now. `left_ms`: for how long it stays unlocked."""

    _COMMAND_ID = Command.UNLOCK
    st: int
    again: bool = False
    left_ms: int = 0


class Unlock(_Write):
    """Unlock drawer `d` for `ttl_ms`, then lock by itself. The same `id` acts once."""

    _COMMAND_ID = Command.UNLOCK
    _Response = UnlockAnswer
    d: int
    id: str
    ttl_ms: int


class EventsAnswer(_ReadAnswer):
    """Up to four events after the number asked for: maps with `s` (number of this boot, from 1), `ms`, `k` (kind) and, for a
    drawer, `d`. `up_ms` is its clock now. `lost` counts those that the mailbox had no room for."""

    _COMMAND_ID = Command.EVENTS
    boot: str
    up_ms: int
    ev: list[dict[str, Any]]
    more: bool
    lost: int


class Events(_Read):
    """Everything of `boot` up to `after` is safe here, and may be forgotten there. After a reset `boot` is another one, and
    `after` then counts for nothing: events of the new boot must not be taken for acknowledged."""

    _COMMAND_ID = Command.EVENTS
    _Response = EventsAnswer
    after: int
    boot: str


class HeartbeatAnswer(_WriteAnswer):
    _COMMAND_ID = Command.HEARTBEAT
    ok: bool


class Heartbeat(_Write):
    """Without another one within `ttl_ms`, every drawer locks."""

    _COMMAND_ID = Command.HEARTBEAT
    _Response = HeartbeatAnswer
    ttl_ms: int


class SelftestAnswer(_WriteAnswer):
    """`bad` names what failed: "lock-3", "gauge"."""

    _COMMAND_ID = Command.SELFTEST
    ok: bool
    bad: list[str]


class Selftest(_Write):
    _COMMAND_ID = Command.SELFTEST
    _Response = SelftestAnswer


class SignalAnswer(_WriteAnswer):
    """`ms`: for how long it goes on from now."""

    _COMMAND_ID = Command.LEDS
    ms: int


class Leds(_Write):
    """Flash the cart's lights for `ms`; 0 ends it. Asking again begins the time anew."""

    _COMMAND_ID = Command.LEDS
    _Response = SignalAnswer
    ms: int


class BeepAnswer(SignalAnswer):
    _COMMAND_ID = Command.BEEP


class Beep(_Write):
    """Sound for `ms`; 0 ends it. Asking again begins the time anew."""

    _COMMAND_ID = Command.BEEP
    _Response = BeepAnswer
    ms: int


class LockAnswer(_WriteAnswer):
    """`st` as in `LockStatus`; of all drawers the worst of them. `open`: one bit a drawer that stands open."""

    _COMMAND_ID = Command.LOCK
    st: int
    open: int = 0


class Lock(_Write):
    """Lock drawer `d` now, 0: every drawer. Locking what is locked changes nothing."""

    _COMMAND_ID = Command.LOCK
    _Response = LockAnswer
    d: int
