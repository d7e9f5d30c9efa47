"""Commands between the database and the broker: what is asked for goes out at once, what a cart answers is written down, and what nobody
answered in time is said to be unknown.

A command is committed as sent before it leaves: a server that dies in between has sent nothing twice, and says that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from devices.broker import Arrival, Delivery, DeliveryState
from pointofcare.wire import routes
from pointofcare.wire.messages import Command, CommandAnswered, Message
from pointofcare.wire.routes import Route
from server.store import commands
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import cart_commands
from server.usecases.cart_commands import State


class Post(Protocol):
    def __call__(self, route: Route, message: Message, **levels: str) -> Delivery | None: ...


class Commanding:
    """`post` publishes one message, `ready` says whether there is a broker. `reject` notes a message that counts for nothing. Belongs to
    the gateway's thread."""

    def __init__(self, actor: Actor, sender: str, *, post: Post, reject: Callable[[Arrival, str], None], ready: Callable[[], bool]) -> None:
        self._actor, self._sender, self._post, self._reject, self._ready = actor, sender, post, reject, ready

    def look(self) -> None:
        """Sends what is to be sent, and ends what ran out. Costs one look at an index while nothing is open."""
        with reading(self._actor) as tx:
            if not commands.any_open(tx, cart_commands.OPEN):
                return
        with transaction(self._actor) as tx:
            cart_commands.overdue(tx)
            going = cart_commands.to_send(tx) if self._ready() else ()
        for each in going:
            body = Command(name=each.name, for_sid=each.sid, by=each.by, params=_plain(each.params))
            message = Message(id=each.id, sent_at=datetime.now(UTC), sender=self._sender, body=body, ttl_s=each.ttl_s)
            delivery = self._post(routes.COMMAND, message, cart=each.cart, name=each.name)
            if delivery is None or delivery.state is DeliveryState.NOT_SENT:
                with transaction(self._actor) as tx:
                    cart_commands.not_sent(tx, each.id)

    def answered(self, arrival: Arrival) -> None:
        body, cart = arrival.message.body, arrival.levels["cart"]
        assert isinstance(body, CommandAnswered)
        if body.name not in cart_commands.KINDS:
            return  # of what the server asks by itself
        if arrival.retained:
            self._reject(arrival, "an answer is never retained")
            return
        with transaction(self._actor) as tx:
            why = cart_commands.answered(tx, cart, body)
            more = commands.any_open(tx, {State.REQUESTED})
        if why:
            self._reject(arrival, why)
        elif more:
            self.look()  # the next of a bulk action

    def born(self, tx: Transaction, cart: str, boot_id: str) -> None:
        cart_commands.born(tx, cart, boot_id)


def _plain(params: Mapping[str, object]) -> dict[str, object]:
    return dict(params)
