"""What a FHIR server may answer to a reader: pages, rubbish, another host's links, refusals; and what a feed makes of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pointofcare.errors import EmrError, EmrRejectedError, EmrUnavailableError
from server.emr.port import EmrUnclearError
from server.feed_settings import FhirFeedConfig
from server.feeds import fhir_items as items
from server.feeds.fhir_feed import FhirFeed
from server.feeds.fhir_items import KINDS
from server.feeds.fhir_reading import Reference
from server.feeds.fhir_source import FhirSource, GoneError, Resource, resource
from server.feeds.fhir_takers import Taker
from server.store import incoming
from server.store.transaction import Actor, reading
from server.usecases import incoming as arriving
from server.usecases.standard_times import NONE
from tests.support.databases import migrated_app
from tests.support.fhir_peer import an_order

Answer = tuple[int, Any]


@contextmanager
def a_server(answer: Callable[[str], Answer]) -> Iterator[str]:
    """Answers each path with a status and JSON (or bytes), on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            told = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def bundle(*resources: dict[str, Any], following: str = "", asked: str = "") -> dict[str, Any]:
    links = [{"relation": name, "url": url} for name, url in (("next", following), ("self", asked)) if url]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": [{"resource": one} for one in resources]}


def searched(base: str, *, pages: int = 5) -> list[str]:
    source = FhirSource(base)
    try:
        return [one.about for page in source.search("Patient", [("name", "x")], pages=pages) for one in page.found]
    finally:
        source.close()


def test_pages_are_followed_below_the_address_and_bounded() -> None:
    def answer(path: str) -> Answer:
        number = int(path.rpartition("page=")[2]) if "page=" in path else 0
        return 200, bundle({"resourceType": "Patient", "id": str(number)}, following=f"Patient?page={number + 1}" if number < 9 else "")

    with a_server(answer) as base:
        assert searched(base, pages=20) == [f"Patient/{number}" for number in range(10)]
        assert len(searched(base, pages=3)) == 3


@pytest.mark.parametrize(
    "following", ["http://evil.example/fhir/Patient?page=2", "//evil.example/fhir/Patient", "../other/Patient", "/admin"]
)
def test_a_next_page_on_another_host_is_never_followed(following: str) -> None:
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path)
        return 200, bundle(following=following)

    with a_server(answer) as base, pytest.raises(EmrRejectedError):
        searched(base)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, b"<html>sign in</html>"), EmrUnclearError),
        ((200, b"[]"), EmrUnclearError),
        ((200, {"resourceType": "Patient"}), EmrUnclearError),
        ((200, b'{"resourceType": "Bundle", "entry": 7}'), EmrUnclearError),
        ((200, bundle(asked="http://x/fhir/Patient?_count=100")), EmrUnclearError),
        ((404, {}), GoneError),
        ((401, {}), EmrUnavailableError),
        ((403, {}), EmrRejectedError),
        ((429, {}), EmrUnavailableError),
        ((500, {}), EmrError),
        ((302, {}), EmrError),
    ],
)
def test_what_is_no_answer_to_the_search_is_told_and_never_taken_for_an_empty_one(answer: Answer, error: type[EmrError]) -> None:
    with a_server(lambda _path: answer) as base, pytest.raises(error):
        searched(base)


def test_a_feed_that_cannot_read_says_so_and_one_kind_that_is_refused_keeps_no_order_back(tmp_path: Path) -> None:
    order = {**an_order("m1", "p1"), "meta": {"versionId": "1", "lastUpdated": "2026-11-20T00:00:00Z"}}

    def answer(path: str) -> Answer:
        if "/metadata" in path:
            return 200, {"fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": [{"type": kind} for kind in KINDS]}]}
        if "/Observation" in path:
            return 403, {}
        if "/MedicationRequest" in path:
            return 200, bundle(order)
        return (200, bundle()) if "?" in path else (404, {})

    with a_server(answer) as base, migrated_app("sqlite", tmp_path) as app:
        settings = FhirFeedConfig(enabled=True, base_url=base)
        source = FhirSource(base)
        taker = Taker(source=source, reference=Reference(source), settings=settings, timezone="Asia/Ho_Chi_Minh", standard=NONE)
        feed = FhirFeed(taker, scope=app.app_context)
        with reading(Actor(id="test")) as tx:
            assert [one.is_late for one in arriving.lags(tx, settings)] == [True]  # it has never looked
        with pytest.raises(EmrRejectedError):
            feed.round()
        feed.stop()
        with reading(Actor(id="test")) as tx:
            (kept,) = incoming.listed(tx)
            late = {one.part: one.is_late for one in arriving.lags(tx, settings)}
        assert (kept.key, kept.state) == ("MedicationRequest/m1/1", incoming.WAITING)
        assert late["Observation"]
        assert not late["MedicationRequest"]


@pytest.mark.parametrize("key", ["..", ".", "a/b", "a?x=1", "a\x00b", "", "x" * 65, "a,b"])
def test_an_id_that_none_can_have_is_put_into_no_address(key: str) -> None:
    source = FhirSource("http://127.0.0.1:9/fhir")
    with pytest.raises(GoneError):
        source.read(f"Medication/{key}")
    source.close()


def test_a_server_that_ignores_the_patient_moves_nobody_by_another_ones_stay() -> None:
    def stay(patient: str) -> Resource:
        told = {"resourceType": "Encounter", "id": f"e-{patient}", "subject": {"reference": f"Patient/{patient}"}}
        return resource(json.dumps(told).encode())

    found = [one.about for one, _ in items.about_patient([stay("p1"), stay("p2")], "p2")]
    assert found == ["Encounter/e-p2"]
