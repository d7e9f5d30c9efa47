"""Orders and patients come in from a real FHIR server (SEKMET): once, in their newest version, for the right person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from pointofcare.orders.order import OrderStatus
from pointofcare.people import PatientStatus
from server.feeds.fhir_feed import FhirFeed
from server.store import incoming, orders, patients
from server.store.orders import OrderView
from server.store.transaction import Actor, reading
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


def order(key: str) -> OrderView:
    with reading(LOOK) as tx:
        return orders.get(tx, key)


def item(key: str) -> incoming.Item:
    with reading(LOOK) as tx:
        return next(one for one in incoming.listed(tx, limit=200) if one.key.startswith(key))


def test_an_admission_and_its_order_come_in_at_one_look_and_a_stop_at_the_next(app: Flask, feed: FhirFeed, peer: Peer) -> None:
    peer.admitted("p1")
    peer.order("mr1", "p1")
    feed.round()
    with reading(LOOK) as tx:
        found = patients.get(tx, "p1")
    assert (found.status, found.ward, found.bed, found.mrn) == (PatientStatus.ADMITTED, "W1", "07", "MRN-p1")
    assert order("mr1").order.status is OrderStatus.ACTIVE
    peer.order("mr1", "p1", status="stopped")
    feed.round()
    assert order("mr1").order.status is OrderStatus.STOPPED
    assert feed.round() == 0
