"""The server as it runs, before clients that are slow on purpose or send without end: others get their answer all the same."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.security import MAX_IMPORT_BYTES
from tests.integration.test_server_program import running, server

SLOW = 250
HALF = b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    directory: Path = tmp_path_factory.mktemp("slow")
    assert server(directory, "init", "--facility", "h1").returncode == 0
    assert server(directory, "migrate").returncode == 0
    with running(directory, "web") as (_child, line):
        url = urlsplit(line.split()[-1])
        assert url.hostname is not None
        assert url.port is not None
        yield url.hostname, url.port


def test_half_sent_requests_keep_nobody_else_out(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW):
            one = stack.enter_context(socket.create_connection(address, timeout=10))
            one.sendall(HALF)
        with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/healthz", timeout=10) as answer:
            assert json.load(answer)["database"] == "ok"


def test_a_body_beyond_every_limit_is_refused_before_it_is_read(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.putrequest("POST", "/api/v1/tokens")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(MAX_IMPORT_BYTES * 10))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_proxys_word_is_not_believed_unless_one_is_configured(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request("GET", "/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 302
    assert "evil.example" not in (answer.getheader("Location") or "")
    assert answer.getheader("Strict-Transport-Security") is None
    connection.close()
