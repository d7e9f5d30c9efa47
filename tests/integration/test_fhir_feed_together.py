"""Two workers of the feed at once, and one patient's trouble beside everybody else's orders, with a real FHIR server (SEKMET)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from pointofcare.orders.order import OrderStatus
from server.feeds import fhir_reconciling, fhir_takers
from server.feeds.fhir_feed import FhirFeed
from server.feeds.fhir_takers import Taker
from server.store import incoming, orders
from server.store.tables import IncomingRow
from server.store.transaction import Actor, reading, transaction
from server.usecases.import_rows import FieldError, OrderFound
from simulation.emr_peer import RunningEmr
from tests.support.databases import migrated_app
from tests.support.fhir_peer import Peer, a_feed
from tests.support.sekmet import sekmet

__all__ = ["sekmet"]
LOOK = Actor(id="test")


@pytest.fixture(scope="module")
def peer(sekmet: RunningEmr) -> Iterator[Peer]:
    made = Peer(sekmet.base_url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture(scope="module")
def feed(app: Flask, sekmet: RunningEmr, peer: Peer) -> Iterator[FhirFeed]:
    peer.patient("nobody")
    made = a_feed(app, sekmet)
    made.round()
    yield made
    made.stop()


def item(key: str) -> incoming.Item:
    with reading(LOOK) as tx:
        return next(one for one in incoming.listed(tx, limit=200) if one.key.startswith(key))


@pytest.mark.parametrize(
    ("key", "newer", "fails", "wanted"),
    [
        ("mr-slow1", {"dose": 900}, False, OrderStatus.ACTIVE),
        ("mr-slow2", {"dose": 900, "status": "stopped"}, False, OrderStatus.STOPPED),
        ("mr-slow3", {"dose": 900}, True, OrderStatus.ACTIVE),
        ("mr-slow4", {"doNotPerform": True}, False, None),
    ],
)
def test_a_worker_that_was_slow_never_writes_an_older_version_over_a_newer_one(
    app: Flask,
    sekmet: RunningEmr,
    feed: FhirFeed,
    peer: Peer,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    newer: dict[str, Any],
    fails: bool,
    wanted: OrderStatus | None,
) -> None:
    """The newer one comes, and another worker settles it, while the first worker still asks the server what the older one names."""
    peer.admitted(f"p-{key}")
    peer.order(key, f"p-{key}", dose=100)
    other = a_feed(app, sekmet)
    read = fhir_takers._order
    met: list[str] = []

    def slow(taker: Taker, resource: Mapping[str, Any]) -> OrderFound:
        found = read(taker, resource)
        if resource["id"] == key and resource["meta"]["versionId"] == "1" and not met:
            met.append(key)
            peer.order(key, f"p-{key}", **newer)
            other.round()
            if fails:
                raise FieldError("needed", field="dose")
        return found

    monkeypatch.setattr(fhir_takers, "_order", slow)
    feed.round()
    other.stop()
    assert met
    assert item(f"MedicationRequest/{key}/1").state == incoming.SET_ASIDE
    with reading(LOOK) as tx:
        found = orders.find(tx, key)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert (str(found.order.dose), found.order.status) == ("900 mg", wanted)


def test_a_patient_who_was_removed_there_keeps_nobody_elses_orders_from_being_compared(
    app: Flask, sekmet: RunningEmr, feed: FhirFeed, peer: Peer
) -> None:
    for name in ("removed", "other"):
        peer.admitted(f"p-{name}")
        peer.order(f"mr-{name}", f"p-{name}")
    peer.order("mr-removed-ended", "p-removed")
    feed.round()
    peer.delete("MedicationRequest/mr-removed")
    peer.delete("MedicationRequest/mr-other")
    peer.order("mr-removed-ended", "p-removed", status="stopped")
    for about in ("Encounter/e-p-removed", "Patient/p-removed"):
        peer.delete(about)
    anew = a_feed(app, sekmet)
    anew.round()
    anew.stop()
    with reading(LOOK) as tx:
        states = {key: orders.get(tx, key).order.status for key in ("mr-removed", "mr-removed-ended", "mr-other")}
        told = incoming.feed(tx, "fhir", fhir_reconciling.PART)
    assert states == {
        "mr-removed": OrderStatus.ACTIVE,  # a server that lost a patient says nothing about orders
        "mr-removed-ended": OrderStatus.STOPPED,
        "mr-other": OrderStatus.STOPPED,
    }
    assert told is not None
    assert (told.fault, told.looked_at) == ("emr-gone", told.succeeded_at)
    assert "Patient/p-removed" in (told.told or "")


def test_an_order_whose_patient_never_came_is_put_away_and_taken_when_he_comes_after_all(
    app: Flask, sekmet: RunningEmr, feed: FhirFeed, peer: Peer
) -> None:
    peer.patient("p-late")
    peer.order("mr-late", "p-late")
    feed.round()
    with transaction(LOOK) as tx:
        old = tx.at - fhir_reconciling.NEVER_CAME - timedelta(hours=1)
        tx.session.execute(update(IncomingRow).where(IncomingRow.key.startswith("MedicationRequest/mr-late")).values(received_at=old))
    anew = a_feed(app, sekmet)
    anew.round()
    anew.stop()
    put_away = item("MedicationRequest/mr-late")
    assert (put_away.state, put_away.reason and put_away.reason.code) == (incoming.SET_ASIDE, incoming.NOBODY_CAME)
    peer.stay("e-p-late", "p-late")
    feed.round()
    with reading(LOOK) as tx:
        assert orders.get(tx, "mr-late").order.status is OrderStatus.ACTIVE
