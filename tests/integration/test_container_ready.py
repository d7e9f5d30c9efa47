"""The health check of the container against a server that is ready, one that is not, and none."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.integration.test_installed_proxy import free_port
from tests.support.installed import DEPLOY


def asked(port: int) -> int:
    environment = {**os.environ, "POINTOFCARE_HTTP_PORT": str(port), "http_proxy": "http://127.0.0.1:1"}
    command = ["/usr/bin/python3.11", str(DEPLOY / "container/ready.py")]
    return subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_says_what_ready_says(status: int, code: int) -> None:
    paths: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        assert asked(server.server_address[1]) == code
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
    assert paths == ["/ready"]


def test_a_server_that_does_not_answer_is_not_healthy() -> None:
    assert asked(free_port()) == 1
