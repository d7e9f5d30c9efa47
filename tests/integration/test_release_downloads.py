"""A large release over HTTP: what was fetched before the line broke goes on, and what is not what was signed begins anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import waitress
from flask import Flask, Response, request, send_from_directory

from cart_client.web import serving
from devices.firmware import releases
from devices.firmware.releases import HttpFetcher, Source
from pointofcare import firmware
from pointofcare.errors import FirmwareError, ReleasesUntrustedError
from tests.support import cart_versions as made
from tests.support import firmware as signers


@dataclass
class Shop:
    source: Source
    target: firmware.Target
    content: bytes
    ranges: list[str]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    people = signers.people(tmp_path / "people")
    people.ceremony()
    content = made.signed(people, "1.1.0")
    target = firmware.target_of(made.release(people, content, "1.1.0"), content)
    ranges: list[str] = []
    app = Flask(__name__)

    @app.get("/<kind>/<path:name>")
    def give(kind: str, name: str) -> Response:
        if kind == "targets":
            ranges.append(request.headers.get("Range", ""))
        return send_from_directory(people.held.directory / {"metadata": "current/metadata"}.get(kind, "targets"), name)

    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    fetcher = HttpFetcher()
    url = f"http://127.0.0.1:{server.effective_port}"
    yield Shop(Source(url=url, root=people.held.first_root(), cache=tmp_path / "cache", fetcher=fetcher), target, content, ranges)
    fetcher.close()
    serving.stop(server)
    thread.join(5)


def test_a_download_goes_on_where_the_line_broke_and_is_fetched_once(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "fetched"
    path.write_bytes(shop.content[:700])
    releases.download(shop.source, shop.target, path)
    assert path.read_bytes() == shop.content
    releases.download(shop.source, shop.target, path)
    assert shop.ranges == ["bytes=700-"]


def test_what_was_fetched_and_is_not_what_was_signed_is_thrown_away_and_begun_anew(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "fetched"
    path.write_bytes(bytes(700))
    with pytest.raises(ReleasesUntrustedError):
        releases.download(shop.source, shop.target, path)
    assert not path.exists()
    releases.download(shop.source, shop.target, path)
    assert path.read_bytes() == shop.content


def test_a_release_that_is_another_than_the_job_names_is_not_fetched(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(FirmwareError):
        releases.download(shop.source, replace(shop.target, image_hash="0" * 64), tmp_path / "fetched")
    assert shop.ranges == []
