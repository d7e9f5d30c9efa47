"""What the gateway asks carts about by itself: doubts of leases, and records that did not come. Publishes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import uuid4

from pointofcare.verdict.facts import Lease
from pointofcare.wire.messages import Command, LeaseAnswered, Telemetry
from server.mqtt.publishing import LIVE_PHASES
from server.store import fleet
from server.store import leases as stored_leases
from server.store import sequences as stored_sequences
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import fleet_battery, leases, sequences

RESEND = "resend-records"


def about_doubts(actor: Actor) -> tuple[tuple[str, LeaseAnswered], ...]:
    """Every live cart that is in doubt, and what it is asked: what of the patient it has that is not here."""
    with reading(actor) as tx:
        if not stored_leases.any_doubtful(tx):
            return ()
    with transaction(actor) as tx:
        doubts = leases.notice(tx)
        live = {each.id for each in fleet.carts(tx) if each.phase in LIVE_PHASES}
    return tuple(
        (doubt.cart, LeaseAnswered(asked=str(uuid4()), patient=doubt.patient, state=Lease.NONE, tell=doubt.token))
        for doubt in doubts
        if doubt.cart in live
    )


def for_missing(actor: Actor, numbered: Collection[tuple[str, str]], *, by: str) -> tuple[tuple[str, Command], ...]:
    """Numbers of records that did not come: a cart that is there is asked for them again, a person when they stay away. `numbered` are
    the journals of which something came."""
    with reading(actor) as tx:
        journals = set(numbered) | set(stored_sequences.incomplete(tx))
    if not journals:
        return ()
    with transaction(actor) as tx:
        wanted = sequences.follow(tx, journals)
    return tuple(
        (
            each.cart,
            Command(name=RESEND, for_sid=each.sid, by=by, params={"epoch": each.epoch, "ranges": [list(one) for one in each.ranges]}),
        )
        for each in wanted
    )


def heard(tx: Transaction, told: Mapping[tuple[str, str], Telemetry]) -> None:
    """Keeps what carts told of themselves: by cart and kind, the newest of each. How far its journal counts is part of it."""
    for (cart, _kind), telemetry in told.items():
        fleet.put_telemetry(tx, cart, telemetry)
        fleet_battery.heard(tx, cart, telemetry)
        epoch, last_seq = telemetry.values.get("journal_epoch"), telemetry.values.get("journal_last_seq")
        if isinstance(epoch, str) and isinstance(last_seq, int) and sequences.can_be_followed(cart, epoch):
            sequences.heard(tx, cart, epoch, last_seq, fresh=False)
