"""Every state against every event of the machines that keep a dose from being doubled or lost: lease, outbox, cart phase, ledger.

The bedside session and the life of an administration have their own products beside them. Here each pair is tried on a real store and
its outcome stands in a table; a pair that the table does not name fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from flask import Flask

from firmware_bridge.ledger import Happening, Ledger
from pointofcare.errors import ConflictError
from pointofcare.verdict.facts import Lease
from pointofcare.wire.messages import CartPhase, CartState
from server.store import fleet, leases, outbox
from server.store.leases import StoredLease
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import administrations
from server.usecases import leases as lease_verbs
from tests.support.databases import migrated_app
from tests.support.server_ward import NOW, a_record

GATEWAY = Actor(id="gateway")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        yield made


# --- Lease: who may give ------------------------------------------------------------------------------------------------------

_RUNS, _OVER = NOW + timedelta(minutes=3), NOW
LEASES = {
    "never": None,
    "free": StoredLease(patient="P1", cart=None, until=None, fence=4),
    "mine": StoredLease(patient="P1", cart="c1", until=_RUNS, fence=4),
    "mine-over": StoredLease(patient="P1", cart="c1", until=_OVER, fence=4),
    "other": StoredLease(patient="P1", cart="c2", until=_RUNS, fence=4),
    "other-over": StoredLease(patient="P1", cart="c2", until=_OVER, fence=4),
}
LEASE_EVENTS: dict[str, Callable[[Transaction], lease_verbs.LeaseAnswer]] = {
    "acquire": lambda tx: lease_verbs.acquire(tx, patient="P1", cart="c1"),
    "renew": lambda tx: lease_verbs.renew(tx, patient="P1", cart="c1"),
    "release": lambda tx: lease_verbs.release(tx, patient="P1", cart="c1", fence=4),
    "release-late": lambda tx: lease_verbs.release(tx, patient="P1", cart="c1", fence=3),
}
# (state, event) -> what c1 is told, and how much the fence rises.
LEASE_TABLE = {
    ("never", "acquire"): (Lease.HELD, 1),
    ("never", "renew"): (Lease.NONE, 0),
    ("never", "release"): (Lease.NONE, 0),
    ("never", "release-late"): (Lease.NONE, 0),
    ("free", "acquire"): (Lease.HELD, 1),
    ("free", "renew"): (Lease.NONE, 0),
    ("free", "release"): (Lease.NONE, 0),
    ("free", "release-late"): (Lease.NONE, 0),
    ("mine", "acquire"): (Lease.HELD, 1),
    ("mine", "renew"): (Lease.HELD, 0),
    ("mine", "release"): (Lease.NONE, 0),
    ("mine", "release-late"): (Lease.HELD, 0),
    ("mine-over", "acquire"): (Lease.HELD, 1),
    ("mine-over", "renew"): (Lease.NONE, 0),
    ("mine-over", "release"): (Lease.NONE, 0),
    ("mine-over", "release-late"): (Lease.NONE, 0),
    ("other", "acquire"): (Lease.OTHER_CART, 0),
    ("other", "renew"): (Lease.OTHER_CART, 0),
    ("other", "release"): (Lease.OTHER_CART, 0),
    ("other", "release-late"): (Lease.OTHER_CART, 0),
    ("other-over", "acquire"): (Lease.HELD, 1),
    ("other-over", "renew"): (Lease.NONE, 0),
    ("other-over", "release"): (Lease.NONE, 0),
    ("other-over", "release-late"): (Lease.NONE, 0),
}


@pytest.mark.parametrize(("state", "asked"), list(product(LEASES, LEASE_EVENTS)))
def test_every_state_of_a_lease_answers_every_question(app: Flask, state: str, asked: str) -> None:
    before = LEASES[state]
    with transaction(GATEWAY, at=NOW) as tx:
        if before is not None:
            leases.locked(tx, "P1")
            leases.write(tx, before)
        answer = LEASE_EVENTS[asked](tx)
    with reading() as tx:
        after = leases.find(tx, "P1")
    assert after is not None
    told, risen = LEASE_TABLE[state, asked]
    assert answer.state is told
    assert after.fence == (before.fence if before is not None else 0) + risen == answer.fence
    holds = after.cart == "c1" and after.until is not None and after.until > NOW
    assert holds == (told is Lease.HELD), "what the cart is told is what the row says"
    if state == "other":
        assert after == before, "another cart's running lease is never touched"
    if told is Lease.HELD and risen:
        assert answer.until == NOW + lease_verbs.LASTS


# --- Outbox: what became of a record on its way to the EMR --------------------------------------------------------------------


def _sent(tx: Transaction, number: int) -> None:
    outbox.mark_sent(tx, number, emr_id="MedicationAdministration/1")


def _wait(tx: Transaction, number: int) -> None:
    outbox.mark_waiting(tx, number, error="down", code="emr-unavailable", next_attempt_at=tx.at + timedelta(minutes=1))


def _park(tx: Transaction, number: int) -> None:
    outbox.mark_parked(tx, number, error="no", code="emr-rejected")


def _nothing(tx: Transaction, number: int) -> None:
    """As it was written."""


def _claim(tx: Transaction, number: int) -> object:
    return outbox.claim(tx, limit=9, lease_s=60)


OUTBOX_STATES: dict[str, Callable[[Transaction, int], object]] = {
    "pending": _nothing,
    "claimed": _claim,
    "waiting": _wait,
    "sent": _sent,
    "parked": _park,
    "requeued": lambda tx, number: (_park(tx, number), outbox.requeue(tx, number)),
}
OUTBOX_EVENTS: dict[str, Callable[[Transaction, int], object]] = {
    "claim": _claim,
    "claim-when-lapsed": _claim,
    "taken": _sent,
    "not-now": _wait,
    "refused": _park,
    "requeue": lambda tx, number: outbox.requeue(tx, number),
}
_P, _S, _X = outbox.PENDING, outbox.SENT, outbox.PARKED
# (state, event) -> the state after, and whether a claim got the row; "conflict": refused, nothing changed.
OUTBOX_TABLE: dict[tuple[str, str], tuple[str, bool] | str] = {
    **{(state, "taken"): (_S, False) for state in OUTBOX_STATES},
    **{(state, "not-now"): (_P, False) for state in ("pending", "claimed", "waiting", "requeued")},
    **{(state, "refused"): (_X, False) for state in ("pending", "claimed", "waiting", "parked", "requeued")},
    **{(state, "requeue"): "conflict" for state in ("pending", "claimed", "waiting", "sent", "requeued")},
    # A worker whose claim had lapsed speaks late: what the EMR has taken stays taken, what a person must see stays.
    ("sent", "not-now"): (_S, False),
    ("sent", "refused"): (_S, False),
    ("parked", "not-now"): (_X, False),
    ("parked", "requeue"): (_P, False),
    ("pending", "claim"): (_P, True),
    ("claimed", "claim"): (_P, False),
    ("waiting", "claim"): (_P, False),
    ("sent", "claim"): (_S, False),
    ("parked", "claim"): (_X, False),
    ("requeued", "claim"): (_P, True),
    ("pending", "claim-when-lapsed"): (_P, True),
    ("claimed", "claim-when-lapsed"): (_P, True),
    ("waiting", "claim-when-lapsed"): (_P, True),
    ("sent", "claim-when-lapsed"): (_S, False),
    ("parked", "claim-when-lapsed"): (_X, False),
    ("requeued", "claim-when-lapsed"): (_P, True),
}


@pytest.mark.parametrize(("state", "said"), list(product(OUTBOX_STATES, OUTBOX_EVENTS)))
def test_every_state_of_an_outbox_row_takes_every_answer(app: Flask, state: str, said: str) -> None:
    record = a_record()
    with transaction(GATEWAY, at=NOW) as tx:
        administrations.record(tx, record, reevaluate=False)
        item = outbox.of_record(tx, record.record_id)
        assert item is not None
        outbox.keep_payload(tx, item.id, b"{}")
        OUTBOX_STATES[state](tx, item.id)
    expected = OUTBOX_TABLE[state, said]
    later = NOW + timedelta(minutes=2 if said.endswith("lapsed") else 0)
    if expected == "conflict":
        with pytest.raises(ConflictError), transaction(GATEWAY, at=later) as tx:
            OUTBOX_EVENTS[said](tx, item.id)
        return
    with transaction(GATEWAY, at=later) as tx:
        before = outbox.get(tx, item.id)
        got = OUTBOX_EVENTS[said](tx, item.id)
    with reading() as tx:
        after = outbox.get(tx, item.id)
    assert (after.state, bool(got)) == expected
    assert after.payload == b"{}", "the bytes that were sent once are those of every resend"
    if state == "sent":
        assert after.emr_id == "MedicationAdministration/1"
        if said != "taken":
            assert after == before, "nothing that comes late changes what the EMR has taken"


# --- Cart phase: what the fleet page says of a cart ---------------------------------------------------------------------------

CONNECTIONS = ("same", "newer", "older")


@pytest.mark.parametrize(("before", "told", "connection"), list(product(CartPhase, CartPhase, CONNECTIONS)))
def test_every_phase_of_a_cart_takes_every_state_it_tells(app: Flask, before: CartPhase, told: CartPhase, connection: str) -> None:
    with transaction(GATEWAY, at=NOW) as tx:
        fleet.put_state(tx, "c1", CartState(phase=before, ward="W"), sid="s2", sent_at=NOW)
        sid = {"same": "s2", "newer": "s3", "older": "s1"}[connection]
        sent_at = NOW + timedelta(minutes={"same": 1, "newer": 1, "older": -1}[connection])
        taken = fleet.put_state(tx, "c1", CartState(phase=told), sid=sid, sent_at=sent_at)
    with reading() as tx:
        row = fleet.cart_row(tx, "c1")
    assert row is not None
    # Only the connection that speaks now can be lost: a will of another one comes late, whatever its time says.
    ignored = connection == "older" or (told is CartPhase.LOST and connection == "newer")
    assert taken is not ignored
    assert row["phase"] == (before if ignored else told).value


# --- Ledger: events of the drawers --------------------------------------------------------------------------------------------


def _told(kind: str) -> Happening:
    return Happening(kind=kind, at=NOW)


LEDGER_STATES: dict[str, tuple[str, ...]] = {"empty": (), "one": ("a",), "many": ("a", "b", "c")}


@pytest.mark.parametrize(
    ("state", "said"),
    list(product(LEDGER_STATES, ("add", "take", "take-nothing", "forget-all", "forget-first", "forget-of-another-epoch", "reopen"))),
)
def test_every_state_of_the_ledger_takes_every_event(tmp_path: Path, state: str, said: str) -> None:
    ledger = Ledger(tmp_path / "events.sqlite")
    for kind in LEDGER_STATES[state]:
        ledger.add(_told(kind))
    before = ledger.waiting()
    mark = ledger.mark()
    if said == "add":
        ledger.add(_told("new"))
    elif said == "take":
        ledger.take([_told("x"), _told("y")], boot_id="b1", upto=7)
    elif said == "take-nothing":
        ledger.take([], boot_id="b1", upto=9)
    elif said == "reopen":
        ledger.close()
        ledger = Ledger(tmp_path / "events.sqlite")
    else:
        upto = {"forget-all": 10**6, "forget-first": 1, "forget-of-another-epoch": 10**6}[said]
        ledger.forget("another" if said.endswith("epoch") else ledger.epoch, upto)
    after = ledger.waiting()
    kinds = [each.kind for each in after]
    expected = {
        "add": [*LEDGER_STATES[state], "new"],
        "take": [*LEDGER_STATES[state], "x", "y"],
        "forget-all": [],
        "forget-first": list(LEDGER_STATES[state][1:]),
    }.get(said, list(LEDGER_STATES[state]))
    assert kinds == expected
    assert [each.seq for each in after] == sorted({each.seq for each in after}), "numbers rise and are never used twice"
    assert ledger.mark() == {"take": ("b1", 7), "take-nothing": ("b1", 9)}.get(said, mark)
    # `first` rises with what is forgotten; the event itself stays as it was.
    kept_of = [replace(each, first=None) for each in after]
    gone = {each.seq for each in before} - {each.seq for each in after}
    assert all(replace(each, first=None) in kept_of for each in before if each.seq not in gone)
    ledger.add(_told("last"))
    assert ledger.waiting()[-1].seq > max((each.seq for each in before), default=0)
    ledger.close()
