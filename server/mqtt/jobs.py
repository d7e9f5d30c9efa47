"""Firmware jobs between the database and the broker: steps the rollouts, signs the one job of a cart and sends it when it is its turn, and
again when the cart connects; takes what carts tell.

A job that is sent twice is one job: carts know it by its id and attempt. Must never sign an order for a cart that its rollout does not
offer it to.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from pointofcare import firmware
from pointofcare.wire import jobs, routes
from pointofcare.wire.messages import CartBirth, JobAssigned, JobTold, Telemetry
from server.mqtt.fleet_end import Hooks, Posted
from server.security import signing
from server.security.signing import SigningKey
from server.store import rollouts as stored
from server.store.rollouts import Offer
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import rollouts

LOOK_EVERY_S = 5.0
_log = logging.getLogger(__name__)


class Jobs:
    """`key` signs; it is the server's own, which carts trust."""

    def __init__(self, *, actor: Actor, facility: str, key: SigningKey) -> None:
        self._actor, self._facility, self._key = actor, facility, key
        self._look_mono_s = 0.0

    def hooked(self, hooks: Hooks) -> Hooks:
        """`hooks` and these."""
        return replace(
            hooks,
            jobs=[*hooks.jobs, self._told],
            births=[*hooks.births, self._born],
            telemetry=[*hooks.telemetry, self._heard],
            looks=[*hooks.looks, self.look],
        )

    def look(self) -> tuple[Posted, ...]:
        """Steps what runs, every few seconds; gives what is to be sent. Costs two looks at empty indexes while there is nothing."""
        if time.monotonic() >= self._look_mono_s:
            self._look_mono_s = time.monotonic() + LOOK_EVERY_S
            self.step()
        with reading(self._actor) as tx:
            offers = stored.to_send(tx)
        found = []
        for offer in offers:
            try:
                posted = self._posted(offer)
            except Exception:  # noqa: BLE001 - a job that cannot be told must not keep those of other carts back
                _log.exception("the job of %s cannot be told", offer.update.cart)
                continue
            if posted is not None:
                found.append(posted)
        return tuple(found)

    def step(self) -> None:
        """One look at every rollout that is open, each in a transaction of its own."""
        with reading(self._actor) as tx:
            open_ones = stored.open_ones(tx)
        for rollout in open_ones:
            try:
                with transaction(self._actor) as tx:
                    rollouts.tick(tx, rollout)
            except Exception:  # noqa: BLE001 - one that cannot be stepped must not stand in the way of those after it
                _log.exception("rollout %s cannot be stepped; nothing of it was changed", rollout)

    def _posted(self, offer: Offer) -> Posted | None:
        order = rollouts.order_of(offer, self._facility)
        if order is None:
            if not offer.offered or self._has_another(offer):
                self._sent(offer, 0)
                return None
            body = JobAssigned()
        else:
            body = JobAssigned(job=order.job, signed=signing.sign_order(self._key, jobs.TYPE, jobs.claims(order)))
        attempt = 0 if order is None else order.attempt
        software = firmware.is_cart_software(offer.rollout.rollout.target.hardware)
        route = routes.SOFTWARE_JOB if software else routes.JOB
        return Posted(cart=offer.update.cart, route=route, body=body, sent=lambda left: self._sent(offer, attempt) if left else None)

    def _has_another(self, offer: Offer) -> bool:
        with reading(self._actor) as tx:
            return stored.other_job(tx, offer)

    def _sent(self, offer: Offer, attempt: int) -> None:
        with transaction(self._actor) as tx:
            stored.sent(tx, offer, attempt=attempt)

    def _told(self, tx: Transaction, cart: str, said: JobTold) -> None:
        rollouts.told(tx, cart, said)

    def _born(self, tx: Transaction, cart: str, _birth: CartBirth) -> None:
        rollouts.born(tx, cart)

    def _heard(self, tx: Transaction, cart: str, said: Telemetry) -> None:
        rollouts.heard(tx, cart, said)
