"""What a fleet manager would feel: how old the list of carts is, and how long a command takes there and back.

Both over HTTP as a signed-in person, against the real pages. The list is asked as often as the page asks for itself, so that its own
pause is part of the figure.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape

from pointofcare.errors import DeviceUnavailableError
from simulation.fleet.cart import VirtualCart
from simulation.fleet.crowd import Crowd
from simulation.fleet.reader import Reader, token_of

FLEET = "/fleet/"
# The part of the list that keeps it fresh names its own next question.
_ASK = re.compile(r'id="fleet-ask"[^>]*hx-get="([^"]+)"')
_ROW = re.compile(r'<tr id="row-([A-Za-z0-9_-]+)">(.*?)</tr>', re.DOTALL)
# The first mark of a row is how the cart stands.
_MARK = re.compile(r'class="tag ([a-z]+)"')
_ASK_S = 1.0
_CHANGES_HZ = 8.0
_LOST_AFTER_S = 10.0
_WHY = "measured"
_COMMANDS = "/fleet/commands/"
_COMMAND = "camera-check"
_STEPS = re.compile(r'class="facts command-steps">(.*?)</dl>', re.DOTALL)
_UNDER_WAY = frozenset({"soon"})
_LOOK_AGAIN_S = 0.01


@dataclass(slots=True)
class Commands:
    """`done_s` from the press of the button until the page says that the cart did it; `failed` ended in another way, by its mark."""

    done_s: list[float] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Freshness:
    """`seen_s` of each change that was seen; `unseen` of which none came within ten seconds; `pages` answers that held a list."""

    seen_s: list[float] = field(default_factory=list)
    unseen: int = 0
    asked: int = 0
    pages: int = 0
    answer_s: list[float] = field(default_factory=list)


def rows(page: str) -> dict[str, bool]:
    """Cart -> whether the list says that it is ready."""
    marks = {cart: _MARK.search(text) for cart, text in _ROW.findall(page)}
    return {cart: mark[1] == "ok" for cart, mark in marks.items() if mark is not None}


async def freshness(crowd: Crowd, reader: Reader, *, seconds: float, seed: int) -> Freshness:
    """Changes the state of carts on the first page, some each second, and looks when the page shows it."""
    found = Freshness()
    page = await asyncio.to_thread(reader.get, FLEET)
    shown = [crowd.by_id[cart] for cart in rows(page) if cart in crowd.by_id]
    if not shown:
        raise DeviceUnavailableError("the fleet page shows none of the carts", remedy="see the server's log")
    pending: dict[str, tuple[float, bool]] = {}
    ends_s = time.monotonic() + seconds
    changing = asyncio.create_task(_change(shown, pending, ends_s, random.Random(f"probe-{seed}")))
    try:
        while (now_s := time.monotonic()) < ends_s + _LOST_AFTER_S and (now_s < ends_s or pending):
            began_s = time.monotonic()
            ask = _ASK.search(page)
            answer = await asyncio.to_thread(reader.get, unescape(ask[1]) if ask else FLEET)
            ended_s = time.monotonic()
            found.asked += 1
            found.answer_s.append(ended_s - began_s)
            if answer.strip():
                page = answer
                told = rows(answer)
                found.pages += bool(told)
                for cart, (at_s, is_ready) in list(pending.items()):
                    if told.get(cart) is is_ready:
                        found.seen_s.append(ended_s - at_s)
                        del pending[cart]
            for cart, (at_s, _) in list(pending.items()):
                if ended_s - at_s > _LOST_AFTER_S:
                    found.unseen += 1
                    del pending[cart]
            await asyncio.sleep(max(0.0, _ASK_S - (time.monotonic() - began_s)))
    finally:
        changing.cancel()
        for each in shown:
            each.probe("")
    found.unseen += len(pending)
    return found


async def _change(carts: Sequence[VirtualCart], pending: dict[str, tuple[float, bool]], ends_s: float, dice: random.Random) -> None:
    while time.monotonic() < ends_s:
        free = [
            cart for cart in carts if cart.build.id not in pending and cart.online and not cart.troubles and cart.phase[0] != "updating"
        ]
        if free:
            cart = dice.choice(free)
            was_ready = cart.phase[0] == "ready"
            pending[cart.build.id] = (time.monotonic(), not was_ready)
            cart.probe(_WHY if was_ready else "")
        await asyncio.sleep(dice.expovariate(_CHANGES_HZ))


async def commands(crowd: Crowd, reader: Reader, *, seconds: float, seed: int) -> Commands:
    """One command after the other, each to another cart, through the page on which a person asks for it."""
    found, dice = Commands(), random.Random(f"commands-{seed}")
    token = token_of(await asyncio.to_thread(reader.get, FLEET))
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        online = [cart.build.id for cart in crowd.carts if cart.online]
        if not online:
            break
        mark, took_s = await asyncio.to_thread(_command, reader, dice.choice(online), token)
        if mark == "ok":
            found.done_s.append(took_s)
        else:
            found.failed[mark] = found.failed.get(mark, 0) + 1
    return found


def _command(reader: Reader, cart: str, token: str) -> tuple[str, float]:
    """The mark of what came of it, and after how long."""
    began_s = time.monotonic()
    path, page = reader.post(_COMMANDS, {"cart": cart, "name": _COMMAND}, token=token)
    while True:
        steps = _STEPS.search(page)
        marks = _MARK.findall(steps[1]) if steps else []
        if not marks:
            return "no page", time.monotonic() - began_s
        if marks[-1] not in _UNDER_WAY:
            return str(marks[-1]), time.monotonic() - began_s
        if time.monotonic() - began_s > _LOST_AFTER_S:
            return "no answer", time.monotonic() - began_s
        time.sleep(_LOOK_AGAIN_S)
        page = reader.get(path)
