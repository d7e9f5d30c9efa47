"""Telling the carts what became of their records in the EMR, until the broker has it.

What was under way when the server's own connection ended is told again; a cart whose connection ended says so with its birth, and is
told again then. State of one gateway only: losing it means that a cart is told once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from devices.broker import Delivery, DeliveryState
from pointofcare.wire.messages import EmrSettled, EmrState
from server.store import outbox
from server.store.outbox import OutboxItem
from server.store.transaction import Actor, reading, transaction

AT_ONCE = 100


@dataclass(slots=True)
class Telling:
    """`under_way`: outbox row -> what was told of it, and what became of the message."""

    under_way: dict[int, tuple[OutboxItem, Delivery]] = field(default_factory=dict)

    def steps(self, actor: Actor, publish: Callable[[EmrSettled, str], Delivery | None]) -> Iterator[None]:
        """Notes what the carts have by now, and tells them what is not told yet, some at a time."""
        settled = self.told()
        if settled:
            with transaction(actor) as tx:
                outbox.mark_told(tx, settled)
            yield
        with reading(actor) as tx:
            untold = outbox.untold(tx)
        for first in range(0, len(untold), AT_ONCE):
            self.tell(untold[first : first + AT_ONCE], publish)
            yield

    def told(self) -> tuple[OutboxItem, ...]:
        """What the broker has by now, each once; what is lost is forgotten, so that it is told again."""
        told = tuple(item for item, delivery in self.under_way.values() if delivery.state is DeliveryState.ACKNOWLEDGED)
        self.under_way = {row: pair for row, pair in self.under_way.items() if pair[1].state is DeliveryState.SENT}
        return told

    def tell(self, untold: tuple[OutboxItem, ...], publish: Callable[[EmrSettled, str], Delivery | None]) -> None:
        """`publish` a word to a cart of each that is not under way; None: it could not go out."""
        for item in untold:
            if item.id in self.under_way:
                continue
            state = _state(item.state, item.last_error_code)
            delivery = publish(EmrSettled(record_id=item.record_id, state=state, emr_id=item.emr_id, why=item.last_error_code), item.cart)
            if delivery is not None:
                self.under_way[item.id] = (item, delivery)

    def forget(self, cart: str) -> None:
        """The cart's connection is new: what was under way to the old one may not have arrived."""
        self.under_way = {row: pair for row, pair in self.under_way.items() if pair[0].cart != cart}


def _state(state: str, error_code: str | None) -> EmrState:
    if state == outbox.SENT:
        return EmrState.SETTLED
    return EmrState.OUTCOME_UNKNOWN if error_code == "emr-outcome-unknown" else EmrState.REJECTED
