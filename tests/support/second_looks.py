"""Carts of one ward and the server's own code between them, without a broker: every message goes through the wire's bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from cart_client import inbox
from cart_client.afar import WitnessHeard
from cart_client.inbox import Link, LinkTold
from cart_client.witness import asked
from pointofcare.people import StaffRole
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import Body, CartPhase, CartState, Message, WitnessAnswered, WitnessAsked
from pointofcare.wire.routes import Route
from server.mqtt import witnessing
from server.security.signing import SigningKey
from server.store import fleet
from server.store.transaction import Actor, transaction
from server.usecases import staff
from tests.support.cart_ward import FACILITY, KEY, MORPHINE, PIN, WARD, Clock, Stand, band, pack
from tests.support.databases import migrated_app
from tests.support.server_ward import IMPORT, a_member, open_ward

GATEWAY = Actor(id="gateway")
CARTS = ("cart-1", "cart-2", "cart-3")


@dataclass
class Ward:
    """`lost` carts neither send nor hear; `held` letters wait until `deliver`; `said` is all that went to each cart."""

    clock: Clock
    stands: dict[str, Stand] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    holding: bool = False
    server_is_up: bool = True
    up: deque[tuple[str, Body]] = field(default_factory=deque)
    down: deque[tuple[str, Body]] = field(default_factory=deque)
    said: list[tuple[str, Body]] = field(default_factory=list)

    def sender(self, cart: str) -> Callable[[WitnessAsked | WitnessAnswered], None]:
        def send(body: WitnessAsked | WitnessAnswered) -> None:
            if cart not in self.lost and self.server_is_up:
                self.up.append((cart, body))

        return send

    def flow(self) -> None:
        """Until nothing is under way, save what is held."""
        while self.up or (self.down and not self.holding):
            if self.up:
                cart, body = self.up.popleft()
                self.serve(cart, body)
            elif self.down:
                self.deliver()

    def serve(self, cart: str, body: Body) -> None:
        asks = isinstance(body, WitnessAsked)
        read = through(routes.WITNESS_ASK if asks else routes.WITNESS_ANSWER, body)
        work = witnessing.asked if asks else witnessing.answered
        key = SigningKey(key=KEY)
        for other, route, letter in work(GATEWAY, read, cart, facility=FACILITY, key=key):  # type: ignore[arg-type]
            self.down.append((other, through(route, letter)))

    def deliver(self) -> None:
        """The oldest letter that waits."""
        cart, body = self.down.popleft()
        self.said.append((cart, body))
        if cart in self.stands and cart not in self.lost:
            self.stands[cart].put(WitnessHeard(body=body))

    def pass_by(self, span: timedelta) -> None:
        """Second by second, as the loops' ticks would."""
        for _ in range(int(span.total_seconds())):
            self.clock.pass_by(timedelta(seconds=1))
            for stand in self.stands.values():
                stand.put(inbox.Tick())
            self.flow()

    def link(self, cart: str, link: Link) -> None:
        (self.lost.discard if link is Link.ONLINE else self.lost.add)(cart)
        self.stands[cart].put(LinkTold(link=link))
        self.flow()

    # What people do.

    def press(self, cart: str, command: type[inbox.Command], **fields: object) -> str:
        """The notice that followed."""
        stand = self.stands[cart]
        if issubclass(command, asked.OfCall):
            fields.setdefault("moment", 0)
            fields.setdefault("request", self.request)
        notice = stand.press(command, **fields).notice
        self.flow()
        return notice

    @property
    def request(self) -> str:
        fetching = self.stands["cart-1"].view.fetching
        return fetching.asked.request if fetching is not None else self.last_request

    last_request: str = ""

    def asks_for_a_witness(self, gtin: str = MORPHINE) -> None:
        """N1 at cart-1 with a dose that needs a second person, asked for at the other carts."""
        stand = self.stands["cart-1"]
        stand.sign_in("N1")
        stand.hold(band("P1"))
        stand.lease("P1")
        stand.hold(pack(gtin))
        assert stand.state == "awaiting-witness", stand.rules
        assert self.press("cart-1", asked.FetchWitness) == ""
        self.last_request = self.request

    def signs_in(self, cart: str, who: str, *, pin: str = PIN) -> str:
        """Opens the call at `cart`, and proves badge and PIN there; the last notice."""
        self.press(cart, asked.OpenCall)
        return self.press(cart, asked.CallBadge, badge=who) or self.press(cart, asked.CallPin, badge=who, pin=pin)

    def answers(self, cart: str, who: str, *, confirms: bool = True, **more: object) -> str:
        return self.press(cart, asked.AnswerCall, witness=who, confirms=confirms, **more)

    def outcome(self, cart: str) -> str:
        one = self.stands[cart].view.answering
        return one.outcome if one is not None else "-"


def through(route: Route, body: Body) -> Body:
    """As it comes out of the bytes."""
    sent = Message(id="0b7e0c1a-9f52-4b0a-8d2e-000000000001", sent_at=datetime(2026, 3, 2, tzinfo=UTC), sender="x", sid="s1", body=body)
    return codec.decode(route, codec.encode(sent)).body


@contextmanager
def a_server(folder: Path, kind: str = "sqlite") -> Iterator[Flask]:
    """The server of a ward with three carts, and one cart elsewhere. Requests of one test are nothing to the next."""
    with migrated_app(kind, folder) as app:
        open_ward()
        with transaction(IMPORT) as tx:
            for name, role in (("N2", StaffRole.NURSE), ("C1", StaffRole.CHARGE_NURSE)):
                staff.receive(tx, a_member(Actor(id=name, name=name, roles=frozenset({role}))))
        for cart in (*CARTS, "cart-9"):
            put_cart(cart, ward=WARD if cart in CARTS else "OTHER")
        yield app


def a_ward(folder: Path, make: Callable[[Stand], None] = lambda _stand: None) -> Ward:
    """Three carts, all in touch with the server that is there."""
    ward = Ward(clock=Clock())
    for cart in CARTS:
        (folder / cart).mkdir()
        stand = Stand(folder / cart, cart=cart, clock=ward.clock, ask_witness=ward.sender(cart))
        make(stand)
        ward.stands[cart] = stand
    return ward


def put_cart(cart: str, *, ward: str = WARD, phase: CartPhase = CartPhase.READY) -> None:
    with transaction(GATEWAY) as tx:
        fleet.put_state(tx, cart, CartState(phase=phase, why="", ward=ward, at=tx.at), sid="s1", sent_at=tx.at)


def restarted(ward: Ward, cart: str, folder: Path) -> Stand:
    """The cart's program after a power failure: what was on its disk, and nothing else."""
    ward.stands[cart].journal.close()
    ward.stands[cart].chart.close()
    ward.stands[cart] = Stand(folder / cart, cart=cart, clock=ward.clock, ask_witness=ward.sender(cart))
    return ward.stands[cart]


def of_another_digest(body: WitnessAnswered) -> WitnessAnswered:
    return replace(body, digest="0" * 64)
