"""Opening a drawer without a patient: to restock, to count, to clean. By the server's rules, which are here offline, too.

Nothing opens that is not written down first, and nothing opens for who is not known or not allowed: the mechanical key remains. Must
never be a way round a dose: while a patient is on the screen nothing here opens.
"""

from __future__ import annotations

import math
from datetime import datetime

from cart_client import inbox as asked
from cart_client.sign_in import paused_s, proven
from cart_client.visit import Visit, note, say
from pointofcare.administration.session import State
from pointofcare.fleet.drawer_access import PURPOSES, may_open
from pointofcare.fleet.drawers import ACCESS

OPENED, REFUSED = "drawer-access", "drawer-access-refused"


def open_drawer(visit: Visit, command: asked.OpenDrawer, now: datetime) -> None:
    """Raises: JournalError: what cannot be written down is not opened."""
    signed, nurse = visit.signed, visit.session.nurse
    if visit.session.state is not State.SIGNED_IN or nurse is None or signed is None:
        say(visit, "not-now", state=visit.session.state.value)
        return
    typed = command.drawer.strip()
    if not (typed.isascii() and typed.isdigit()) or len(typed) > 3:
        say(visit, "drawer-which")
        return
    if command.purpose not in PURPOSES:
        say(visit, "reason-missing")
        return
    drawer, policy, cart = int(typed), visit.chart.drawer_policy(now), visit.here.cart
    access = may_open(policy, {role.value for role in signed.roles}, cart=cart, drawer=drawer)
    details: dict[str, object] = {"staff": nurse.id, "drawer": drawer, "purpose": command.purpose}
    if not access.allowed:
        note(visit, REFUSED, now, {**details, "why": access.why})
        say(visit, f"drawer-{access.why}")
        return
    if access.two_people:
        second = _second(visit, command, drawer, now)
        if not second:
            return
        details["second"] = second
    command_id = f"{ACCESS}{visit.new_id()}"
    visit.journal.note(OPENED, at=now, details={**details, "command": command_id})
    visit.wake()
    visit.unlocker.unlock(drawer, command_id)


def _second(visit: Visit, command: asked.OpenDrawer, drawer: int, now: datetime) -> str:
    """Who opens it with the first one, "" and says why where nobody does."""
    number = command.second_badge.strip()
    if not number or not command.second_pin:
        say(visit, "drawer-two-people")
        return ""
    if visit.signed is not None and number == visit.signed.badge:
        say(visit, "witness-same")
        return ""
    if (left_s := paused_s(visit, number, now)) > 0:
        say(visit, "pin-paused", seconds=math.ceil(left_s))
        return ""
    found = proven(visit, number, command.second_pin, now)
    entry = visit.chart.staff_of(number, now)
    if found is None or entry is None:
        return ""
    if visit.session.nurse is not None and entry.id == visit.session.nurse.id:
        say(visit, "witness-same")
        return ""
    if not may_open(visit.chart.drawer_policy(now), {role.value for role in entry.roles}, cart=visit.here.cart, drawer=drawer).allowed:
        note(visit, REFUSED, now, {"staff": entry.id, "drawer": drawer, "why": "second-not-allowed"})
        say(visit, "drawer-second-not-allowed")
        return ""
    return entry.id
