"""A small model of the protocol, explored completely: two carts, one dose, one server, and a network that may do anything.

A step may repeat, delay or reorder a message, part a cart from the network, kill it and start it again, or let a lease run out. A
message that is lost is one that no step ever delivers, and one that was delivered stays, to be delivered again. Nothing of the
product is imported: what is modelled is what `docs/reliability.md` promises. The two carts are alike, so a world and its mirror image
are one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

CARTS = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the protocol does. Each False leaves one guard out, to show that the exploration finds what it is there for."""

    leases: bool = True
    doubt: bool = True  # a lease that ran out without being given back leaves a doubt that is told to the next cart
    settled_release: bool = True  # a lease given back before its records arrived leaves the same doubt until they do
    chart_with_lease: bool = True  # a lease names the newest chart, and is none to a cart that has an older one
    idempotent: bool = True  # the server knows a record by the id that was drawn at the bedside
    journal_first: bool = True  # the record is durable before the screen says so
    until_receipt: bool = True  # a record is sent until its receipt, not until the broker took it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    alive: bool = True
    online: bool = True
    phase: str = "idle"  # idle, asked, ready, hand (verified), told (confirmed on the screen)
    fence: int = 0
    doubt: bool = False
    asks: int = 0
    reasoned: bool = False  # the nurse gave a reason for going on without a clean lease
    opened: bool = False  # durable: this dose may be in the patient's hand
    journal: str = ""  # durable: "", unsent, sent, settled
    knows: bool = False  # the chart shows the dose as given
    partitions: int = 0
    deaths: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    carts: tuple[Cart, Cart] = (Cart(), Cart())
    owner: int | None = None
    fence: int = 0
    ran_out: bool = False
    doubted: frozenset[int] = frozenset()
    records: tuple[int, ...] = ()
    discrepancy: bool = False
    net: frozenset[tuple[object, ...]] = frozenset()
    taken: frozenset[int] = frozenset()  # what the patient really swallowed, and from which cart

    def cart(self, number: int, **changes: object) -> World:
        carts = list(self.carts)
        carts[number] = replace(carts[number], **changes)  # type: ignore[arg-type]
        return replace(self, carts=(carts[0], carts[1]))

    def send(self, *message: object) -> World:
        return replace(self, net=self.net | {message})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may happen: partings and deaths of each cart, bands scanned at each cart."""

    partitions: int = 1
    deaths: int = 1
    asks: int = 1


def steps(world: World, rules: Rules, bounds: Bounds) -> Iterator[tuple[str, World]]:
    for number in CARTS:
        yield from _at_cart(world, number, rules, bounds)
    yield from _leases(world, rules)
    for message in world.net:
        after = delivered(world, message, rules, bounds)
        if after is not None and after != world:
            yield f"deliver {message}", after


def _at_cart(world: World, n: int, rules: Rules, bounds: Bounds) -> Iterator[tuple[str, World]]:
    cart = world.carts[n]
    if not cart.alive:
        yield f"start {n}", world.cart(n, alive=True)
        return
    if cart.deaths < bounds.deaths:
        yield f"kill {n}", world.cart(n, alive=False, phase="idle", fence=0, doubt=False, deaths=cart.deaths + 1)
    if cart.online and cart.partitions < bounds.partitions:
        yield f"part {n}", world.cart(n, online=False, partitions=cart.partitions + 1)
    if not cart.online:
        yield f"join {n}", world.cart(n, online=True)
    done = cart.journal != "" or n in world.taken
    if cart.phase == "idle" and not done and not cart.opened and cart.asks < bounds.asks:
        asked = world.cart(n, phase="asked", asks=cart.asks + 1, doubt=False)
        yield f"band {n}", asked.send("ask", n, cart.asks + 1) if cart.online else asked
    if cart.phase in ("asked", "ready") and not cart.knows:
        clean = (cart.phase == "ready" and cart.fence > 0 and not cart.doubt) or not rules.leases
        other = cart.phase == "asked" and cart.online and rules.leases  # no lease while online: a stop, never a reason
        if clean:
            yield f"permit {n}", world.cart(n, phase="hand", opened=True)
        elif not other:
            yield f"reason {n}", world.cart(n, phase="hand", opened=True, reasoned=True)
    if cart.phase == "hand" and n not in world.taken:
        yield f"take {n}", replace(world, taken=world.taken | {n})
    if cart.phase == "hand" and n in world.taken:
        if rules.journal_first:
            yield f"confirm {n}", world.cart(n, phase="told", opened=False, journal="unsent")
        else:
            yield f"say {n}", world.cart(n, phase="told", opened=False)
    if cart.phase == "told" and not cart.journal:
        yield f"write {n}", world.cart(n, journal="unsent")
    if cart.phase == "idle" and cart.opened:  # after a restart the cart asks what became of the dose, and is told the truth
        told = world.cart(n, opened=False, journal="unsent") if n in world.taken else world.cart(n, opened=False).send("clear", n)
        yield f"resolve {n}", told
    if cart.journal == "unsent" and cart.online:
        yield f"send {n}", world.cart(n, journal="unsent" if rules.until_receipt else "settled").send("record", n)
    if cart.phase == "ready" or (cart.phase == "told" and cart.journal):
        left = world.cart(n, phase="idle", fence=0, doubt=False)
        yield f"leave {n}", left.send("release", n, cart.fence, cart.journal == "unsent") if cart.fence and cart.online else left


def _leases(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    for n in CARTS:
        cart = world.carts[n]
        if cart.fence and cart.phase == "ready":
            yield f"lease of {n} runs out at the cart", world.cart(n, fence=0, phase="asked", doubt=False)
    if world.owner is not None and not world.ran_out:
        holder = world.carts[world.owner]
        # The cart counts from when it asked, on a clock that nobody sets: its lease ends first. An answer on the way has ended too.
        if holder.fence != world.fence:
            gone = frozenset(each for each in world.net if each[0] == "answer" and each[2] == world.fence)
            after = replace(world, ran_out=True, net=world.net - gone)
            if rules.doubt:
                after = replace(after, doubted=world.doubted | {world.owner})
            yield "lease runs out at the server", after


def delivered(world: World, message: tuple[object, ...], rules: Rules, bounds: Bounds) -> World | None:
    kind, n = message[0], int(str(message[1]))
    cart = world.carts[n]
    match kind:
        case "ask":
            if world.owner in (None, n) or world.ran_out:
                fence = world.fence + 1
                doubt = rules.doubt and bool(world.doubted - {n})
                if fence > 1 + bounds.asks:
                    return None
                granted = replace(world, owner=n, fence=fence, ran_out=False)
                return granted.send("answer", n, fence, message[2], doubt, bool(world.records))
            return None
        case "answer":
            current = cart.knows or not message[5] or not rules.chart_with_lease
            if cart.alive and cart.online and cart.phase == "asked" and message[3] == cart.asks and not cart.fence and current:
                return world.cart(n, phase="ready", fence=message[2], doubt=message[4])
            return None
        case "release":
            if world.owner != n or world.fence != message[2]:
                return None
            waits = rules.settled_release and message[3] and n not in world.records
            return replace(world, owner=None, ran_out=False, doubted=world.doubted | {n} if waits else world.doubted)
        case "clear":
            return replace(world, doubted=world.doubted - {n})
        case "record":
            return _recorded(world, n, rules)
        case "receipt":
            return world.cart(n, journal="settled") if cart.alive and cart.online and cart.journal == "unsent" else None
        case "chart":
            return world.cart(n, knows=True) if cart.alive and cart.online else None
    raise AssertionError(kind)


def _recorded(world: World, n: int, rules: Rules) -> World:
    again = n in world.records
    if not again or not rules.idempotent:
        other = any(each != n for each in world.records)
        records = (*world.records, n)[:4]
        world = replace(world, records=records, discrepancy=world.discrepancy or other, doubted=world.doubted - {n})
    for each in CARTS:
        world = world.send("chart", each)
    return world.send("receipt", n)


def settled(world: World, rules: Rules) -> World:
    """What it comes to when the faults end: what was on its way is lost, then everybody runs and is reached, every question is
    answered, and everything that is sent again is delivered."""
    carts = [
        Cart(phase=cart.phase if cart.phase in ("hand", "told") else "idle", opened=cart.opened, journal=cart.journal)
        for cart in world.carts
    ]
    what_lasts = World(carts=(carts[0], carts[1]), records=world.records, discrepancy=world.discrepancy, taken=world.taken)
    return _settled(what_lasts, rules)


@cache
def _settled(world: World, rules: Rules) -> World:
    for _ in range(3):
        for n in CARTS:
            cart = world.carts[n]
            if cart.phase == "hand" and n in world.taken:
                world = world.cart(n, phase="told", opened=False, journal="unsent")
            elif cart.phase == "hand":
                world = world.cart(n, phase="idle", opened=False)
            elif cart.phase == "idle" and cart.opened:
                world = world.cart(n, opened=False, journal="unsent" if n in world.taken else cart.journal)
            if world.carts[n].journal == "unsent":
                world = world.send("record", n)
        for message in sorted(world.net, key=repr):
            world = delivered(world, message, rules, Bounds()) or world
    return world


def fault(world: World, rules: Rules) -> str:
    """What is wrong with this world, "" for nothing."""
    if world.taken == {0, 1} and not any(cart.reasoned for cart in world.carts):
        return "given twice, and nobody was asked for a reason"
    if len(set(world.records)) != len(world.records):
        return "one record counts twice"
    if any(n in world.records and n not in world.taken for n in CARTS):
        return "a dose is on record that nobody took"
    end = settled(world, rules)
    if set(end.records) != set(world.taken):
        return "a dose that was taken is not on record in the end"
    if any(end.carts[n].journal != "settled" for n in world.taken):
        return "a record waits for ever"
    if (len(world.taken) == 2) != end.discrepancy:
        return "given twice and not shown, or shown and not given twice"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """`worlds` that can be reached; `fault` of the first wrong one with the steps that lead there."""

    worlds: int
    fault: str = ""
    steps: tuple[str, ...] = ()


def explore(rules: Rules, bounds: Bounds) -> Explored:
    start = World()
    came: dict[World, tuple[World, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        world = waiting.popleft()
        wrong = fault(world, rules)
        if wrong:
            return Explored(worlds=len(came), fault=wrong, steps=_way(came, world))
        for name, after in steps(world, rules, bounds):
            after = _mirrored(after)
            if after not in came:
                came[after] = (world, name)
                waiting.append(after)
    return Explored(worlds=len(came))


def _mirrored(world: World) -> World:
    """The same with the carts' names exchanged, where that comes first."""
    one, other = world.carts
    if repr(one) <= repr(other):
        return world
    return replace(
        world,
        carts=(other, one),
        owner=None if world.owner is None else 1 - world.owner,
        doubted=frozenset(1 - each for each in world.doubted),
        records=tuple(1 - each for each in world.records),
        net=frozenset((each[0], 1 - int(str(each[1])), *each[2:]) for each in world.net),
        taken=frozenset(1 - each for each in world.taken),
    )


def _way(came: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    names: list[str] = []
    step = came[world]
    while step is not None:
        names.append(step[1])
        step = came[step[0]]
    return tuple(reversed(names))
