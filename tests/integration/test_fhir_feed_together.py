"""Two workers of the feed at once, and one patient's trouble beside everybody else's orders, with a real FHIR server (SEKMET)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask

from pointofcare.orders.order import OrderStatus
from server.feeds import fhir_takers
from server.feeds.fhir_feed import FhirFeed
from server.feeds.fhir_takers import Taker
from server.store import incoming, orders
from server.store.transaction import Actor, reading
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
