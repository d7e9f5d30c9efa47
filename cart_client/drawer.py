"""Unlocking the patient's drawer for a verified dose: at most once a dose, never on the loop's own thread.

An outcome that is not known stays not known: it is shown as such and never tried again by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from cart_client.inbox import BatteryTold, Inbox
from cart_client.screen import DrawerTold
from devices.ports import DrawerOutcome, Drawers, Hardware
from pointofcare.errors import DeviceError, OutcomeUnknownError

OPEN_S = 15.0
BATTERY_EVERY_S = 20.0
USE_LOOK_S, USE_TURNS, USE_S = 0.5, 10, 15.0


class Unlocker:
    """`told` is the newest word on the drawer that was asked for last: a late word on an earlier one says nothing of it. The answer comes
    to the inbox as a `DrawerTold`."""

    def __init__(self, drawers: Drawers, inbox: Inbox, aside: Callable[[Callable[[], None]], None] | None = None) -> None:
        self._drawers, self._inbox, self._aside = drawers, inbox, aside or _in_a_thread
        self._asked: set[str] = set()
        self.told: DrawerTold | None = None

    def unlock(self, drawer: int | None, record_id: str | None) -> None:
        if drawer is None or record_id is None or record_id in self._asked:
            return
        self._asked.add(record_id)
        self.told = DrawerTold(record_id=record_id, drawer=drawer, outcome="opening")
        self._aside(lambda: self._inbox.put(DrawerTold(record_id=record_id, drawer=drawer, outcome=self._outcome(drawer, record_id))))

    def heard(self, told: DrawerTold) -> None:
        if self.told is None or self.told.record_id == told.record_id:
            self.told = told

    def _outcome(self, drawer: int, record_id: str) -> str:
        try:
            answer = self._drawers.unlock(drawer, command_id=record_id, ttl_s=OPEN_S)
        except OutcomeUnknownError:
            return "outcome-unknown"
        except DeviceError:
            return "unavailable"
        return "unlocked" if answer is DrawerOutcome.UNLOCKED else "refused"


def tell_battery(drawers: Drawers, inbox: Inbox, halt: threading.Event) -> None:
    """Until `halt`: put a `BatteryTold` whenever the charge that the hardware tells is another one."""
    known: int | None = None
    while True:
        percent = drawers.battery_percent()
        if percent != known:
            known = percent
            inbox.put(BatteryTold(percent=percent))
        if halt.wait(BATTERY_EVERY_S):
            return


def tell_use(hardware: Hardware, is_idle: Callable[[], bool], halt: threading.Event) -> None:
    """Until `halt`: tell the hardware at once when somebody comes, and every few seconds that it still is so. What it does not hear
    for longer it must not take for a cart that nobody uses."""
    told: bool | None = None
    turns = 0
    while True:
        busy = not is_idle()
        if busy != told or turns >= USE_TURNS:
            hardware.in_use(busy, ttl_s=USE_S)
            told, turns = busy, 0
        turns += 1
        if halt.wait(USE_LOOK_S):
            return


def _in_a_thread(call: Callable[[], None]) -> None:
    threading.Thread(target=call, name="drawer", daemon=True).start()
