"""The product's leases against the model in `tests/unit/protocol`: the same random steps, and never less careful than the model.

The server's use case runs on a real database, each cart is its real journal and its real lease (`Condition`). The network is what
the model says: any message may be lost, doubled, late or out of order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from cart_client import evidence
from cart_client.clock import CartClock
from cart_client.condition import Condition
from cart_client.inbox import LeaseTold, Link
from cart_client.journal import Journal
from pointofcare.verdict.facts import Lease, LeaseDoubt
from pointofcare.wire.messages import LeaseAction, LeaseAsked
from server.store import leases as stored
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import administrations, attempts, leases
from tests.support.databases import migrated_app
from tests.support.server_ward import NOW, a_record, open_ward

GATEWAY = Actor(id="gateway")
CARTS = ("c1", "c2")
RUNS = 25
STEPS = 120


class Cart:
    """One cart as far as leases go. `taken` are doses that the patient swallowed, `reasoned` those that needed a reason first."""

    def __init__(self, name: str, folder: Path, world: World) -> None:
        self.name, self.world = name, world
        self.journal = Journal(folder / f"{name}.sqlite", cart=name)
        self.charted = 0
        self.taken: set[str] = set()
        self.reasoned: set[str] = set()
        self.start()

    def start(self) -> None:
        """Whatever was not durable is gone."""
        chart: Any = SimpleNamespace(version=lambda: self.charted, age_s=lambda *_: 0.0)
        self.here = Condition(
            cart=self.name,
            facility="h1",
            ward="NOI-TH",
            chart=chart,
            journal=self.journal,
            ask_lease=self._ask,
            mono_s=lambda: self.world.s,
            clock=CartClock(mono_s=lambda: self.world.s),
        )
        self.here.link = Link.ONLINE
        self.hand: str | None = None
        self.question: LeaseAsked | None = None

    def _ask(self, asked: LeaseAsked) -> None:
        self.question = asked
        self.world.net.append((self.name, "ask", asked, self.world.s))


class World:
    def __init__(self, folder: Path, random: Random) -> None:
        self.s, self.random = 0.0, random
        self.net: list[tuple[str, str, Any, float]] = []
        self.carts = {name: Cart(name, folder, self) for name in CARTS}
        self.ids = iter(range(10_000))

    def at(self) -> AbstractContextManager[Transaction]:
        return transaction(GATEWAY, at=NOW + timedelta(seconds=self.s))

    # Steps.

    def band(self, cart: Cart) -> None:
        if cart.hand is None and (not cart.here._lease_wanted or self.random.random() < 0.2):
            cart.here.release("P1", None, NOW)
            cart.here.acquire("P1", None)

    def permit(self, cart: Cart) -> None:
        if cart.hand is not None or self.given_here(cart) or cart.journal.open_doses():
            return
        seen = cart.here.facts(NOW)
        if seen.lease is Lease.OTHER_CART:
            return  # a stop
        clean = seen.lease is Lease.HELD and not seen.lease_doubts
        assert clean or seen.lease_pending or seen.lease_doubts or not seen.online or not cart.here._lease_wanted
        if not clean and not (seen.lease_pending or seen.lease_doubts or not seen.online):
            return
        record = a_record(record_id=f"{cart.name}-{next(self.ids)}", cart=cart.name)
        cart.journal.open_dose(record, at=NOW)
        cart.hand = record.record_id
        if not clean:
            cart.reasoned.add(record.record_id)

    def given_here(self, cart: Cart) -> bool:
        return cart.charted > 0 or bool(cart.taken)

    def take(self, cart: Cart) -> None:
        if cart.hand is not None:
            cart.taken.add(cart.hand)

    def confirm(self, cart: Cart) -> None:
        if cart.hand in cart.taken and cart.hand is not None:
            cart.journal.append(a_record(record_id=cart.hand, cart=cart.name), message_id=f"m-{cart.hand}")
            cart.hand = None

    def leave(self, cart: Cart) -> None:
        if cart.hand is None:
            cart.here.release("P1", None, NOW)

    def kill(self, cart: Cart) -> None:
        cart.start()

    def resolve(self, cart: Cart) -> None:
        """The nurse tells the truth about a dose that was left open."""
        for record in cart.journal.open_doses():
            if record.record_id == cart.hand:
                continue
            if record.record_id in cart.taken:
                cart.journal.append(record, message_id=f"m-{record.record_id}")
            else:
                told = evidence.left_open(record, told_by="N1", reason="battery", now=NOW)
                cart.journal.append_attempt(told, message_id=f"m-{record.record_id}")

    def send(self, cart: Cart) -> None:
        self.net += [(cart.name, "record", entry, self.s) for entry in cart.journal.unsent()]

    def wait(self, _cart: Cart) -> None:
        self.s += self.random.choice((1.0, 30.0, 200.0, 301.0))

    def look(self, _cart: Cart) -> None:
        with self.at() as tx:
            for doubt in leases.notice(tx):
                self.net.append((doubt.cart, "tell", doubt.token, self.s))

    def deliver(self, _cart: Cart) -> None:
        if self.net:
            message = self.random.choice((self.net[-1], self.random.choice(self.net)))
            if self.random.random() < 0.7:
                self.net.remove(message)
            self.delivered(*message)

    def delivered(self, name: str, kind: str, body: Any, sent_s: float) -> None:
        cart = self.carts[name]
        match kind:
            case "ask":
                self.asked(cart, body, sent_s)
            case "answer" if cart.question is body[0]:
                cart.here.lease_told(body[1], "P1" if cart.here._lease_wanted else None)
            case "tell":
                told = LeaseAsked(action=LeaseAction.TELL, patient="P1", unsettled=cart.journal.unsettled("P1"), token=body)
                self.net.append((name, "ask", told, self.s))
            case "record":
                with self.at() as tx:
                    if body.kind == "administration":
                        administrations.record(tx, body.message.body.record, reevaluate=False)
                    else:
                        attempts.record(tx, body.message.body, raise_tasks=False)
                self.net.append((name, "receipt", body.record_id, self.s))
            case "receipt":
                cart.journal.settle(body, at=NOW)
            case "chart":
                cart.charted = max(cart.charted, body)

    def asked(self, cart: Cart, body: LeaseAsked, sent_s: float) -> None:
        with self.at() as tx:
            given = self.given(tx)
            self.net += [(each, "chart", given, self.s) for each in CARTS]
            match body.action:
                case LeaseAction.ACQUIRE:
                    answer = leases.acquire(tx, patient="P1", cart=cart.name, nurse=body.nurse)
                case LeaseAction.RENEW:
                    answer = leases.renew(tx, patient="P1", cart=cart.name)
                case LeaseAction.RELEASE:
                    leases.release(tx, patient="P1", cart=cart.name, fence=body.fence, unsettled=body.unsettled)
                    return
                case LeaseAction.TELL:
                    leases.told(tx, patient="P1", cart=cart.name, token=body.token, unsettled=body.unsettled)
                    return
            told = LeaseTold(
                patient="P1",
                lease=answer.state,
                holder=answer.holder,
                fence=answer.fence,
                until_mono_s=None if answer.until is None else sent_s + leases.LASTS.total_seconds(),
                chart_version=given,
                doubts=tuple(LeaseDoubt(cart=each.cart) for each in answer.doubts),
            )
        self.net.append((cart.name, "answer", (body, told), self.s))

    def given(self, tx: Transaction) -> int:
        everything = [record_id for cart in self.carts.values() for record_id in cart.taken]
        return len(stored.here(tx, everything))

    # What must be so.

    def check(self) -> None:
        taken = [record_id for cart in self.carts.values() for record_id in cart.taken]
        reasoned = {record_id for cart in self.carts.values() for record_id in cart.reasoned}
        by_cart = [cart.name for cart in self.carts.values() if cart.taken]
        assert len(by_cart) < 2 or reasoned & set(taken), "given by two carts, and nobody was asked for a reason"
        with reading(GATEWAY, at=NOW + timedelta(seconds=self.s)) as tx:
            lease, doubted = stored.find(tx, "P1"), {each.cart for each in stored.doubts(tx, "P1")}
            for cart in self.carts.values():
                open_here = set(cart.journal.unsettled("P1")) - stored.here(tx, cart.journal.unsettled("P1")) - cart.reasoned
                holds = lease is not None and lease.cart == cart.name
                assert not open_here or holds or cart.name in doubted, f"{cart.name} may have given something and nobody doubts it"
            holding = [cart.name for cart in self.carts.values() if cart.here.lease().lease is Lease.HELD]
            assert len(holding) < 2, "two carts hold one patient"

    def heal(self) -> None:
        """The faults end: everything is told and delivered, and then nobody is in doubt."""
        self.net.clear()
        for _ in range(4):
            for cart in self.carts.values():
                self.take(cart)
                self.confirm(cart)
                self.resolve(cart)
                self.send(cart)
                self.leave(cart)
            self.s += 301.0
            self.look(self.carts["c1"])
            while self.net:
                self.delivered(*self.net.pop(0))
        with reading() as tx:
            assert stored.doubts(tx, "P1") == ()
            assert stored.here(tx, [i for cart in self.carts.values() for i in cart.taken]) == {
                i for cart in self.carts.values() for i in cart.taken
            }


NURSING = ("band", "permit", "take", "confirm", "leave")
STEP_NAMES = (*NURSING, *NURSING, *NURSING, "kill", "resolve", "send", "wait", "look", *("deliver",) * 16)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        open_ward()
        yield made


@pytest.mark.parametrize("seed", range(RUNS))
def test_any_schedule_leaves_no_dose_doubled_unasked_and_no_doubt_for_ever(app: Flask, tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    world = World(tmp_path, random)
    for _ in range(STEPS):
        cart = world.carts[random.choice(CARTS)]
        getattr(world, random.choice(STEP_NAMES))(cart)
        world.check()
    world.heal()
