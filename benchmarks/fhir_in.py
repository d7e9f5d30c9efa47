"""How fast orders come in from a hospital's FHIR server: 1,000 orders of 50 patients, and a single one while nothing else happens.

Run `python -m benchmarks.fhir_in [--quick]`. A real FHIR server (SEKMET) as a process of its own on this machine, the feed with a SQLite
database in this one. `peer_share` is the share of the time in which the feed waited for the server; what SEKMET itself computes meanwhile
takes from the same two cores. A single order is timed from its PUT's answer to the commit here.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measure import save
from server.store import incoming, orders
from server.store.transaction import Actor, reading
from simulation import emr_peer
from tests.support.databases import migrated_app
from tests.support.fhir_peer import Peer, a_feed, an_order

PATIENTS = 50
_LOOK = Actor(id="benchmark")


def run(quick: bool = False) -> dict[str, Any]:
    """{"orders", "per_minute", "peer_share", "seconds", "single_s": {"median", "longest"}, "repeat_s"}."""
    count, singles = (200, 5) if quick else (1000, 20)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:  # noqa: SIM117 - the folder goes last
        with migrated_app("sqlite", Path(name)) as app, emr_peer.start(Path(name) / "emr") as emr:
            peer = Peer(emr.base_url)
            for number in range(PATIENTS):
                peer.admitted(f"p{number}")
            feed = a_feed(app, emr)
            feed.round()
            _put_all(emr.base_url, [an_order(f"mr{number}", f"p{number % PATIENTS}") for number in range(count)])
            waited_s, begun = feed._taker.source.seconds_waited, time.monotonic()
            taken = 0
            while taken < count:
                taken += feed.round()
            took_s = time.monotonic() - begun
            waited_s = feed._taker.source.seconds_waited - waited_s
            with reading(_LOOK) as tx:
                placed = sum(len(orders.of_patient(tx, f"p{number}")) for number in range(PATIENTS))
                rejected = incoming.counts(tx).by_state[incoming.REJECTED]
            assert (placed, rejected) == (count, 0), (placed, rejected)
            repeat = time.monotonic()
            assert feed.round() == 0
            repeat_s = time.monotonic() - repeat
            alone = [_single(feed, peer, f"single{number}") for number in range(singles)]
            feed.stop()
            peer.close()
    return {
        "quick": quick,
        "orders": count,
        "seconds": round(took_s, 2),
        "per_minute": round(60 * count / took_s),
        "peer_share": round(waited_s / took_s, 3),
        "repeat_s": round(repeat_s, 3),
        "single_s": {"median": round(statistics.median(alone), 3), "longest": round(max(alone), 3), "count": singles},
    }


def _single(feed: Any, peer: Peer, key: str) -> float:
    """One look of the feed with one new order; the rest until the next look comes on top (`every_s`)."""
    peer.order(key, "p0")
    begun = time.monotonic()
    feed.round()
    with reading(_LOOK) as tx:
        orders.get(tx, key)
    return time.monotonic() - begun


def _put_all(base_url: str, resources: list[dict[str, Any]]) -> None:
    with httpx.Client(trust_env=False, timeout=120) as client:
        for start in range(0, len(resources), 100):
            entries = [
                {"resource": one, "request": {"method": "PUT", "url": f"MedicationRequest/{one['id']}"}}
                for one in resources[start : start + 100]
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            client.post(base_url, json=bundle, headers={"Content-Type": "application/fhir+json"}).raise_for_status()


def table(result: dict[str, Any]) -> str:
    single = result["single_s"]
    fast = f"{result['orders']} orders in {result['seconds']:.1f} s: {result['per_minute']} a minute"
    alone = f"one order, from the server's answer to our commit: median {single['median'] * 1000:.0f} ms"
    return "\n".join(
        (
            f"{fast}; {result['peer_share']:.0%} of it waiting for the server",
            f"a look that finds nothing new: {result['repeat_s'] * 1000:.0f} ms",
            f"{alone}, longest {single['longest'] * 1000:.0f} ms",
        )
    )


if __name__ == "__main__":
    found = run(quick="--quick" in sys.argv)
    print(table(found))
    save("fhir_in", found)
