"""The nginx site that is shipped, in a real nginx: what it passes on, what it never believes, and what it says when nobody is behind."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import make_server

from server.security import authority as authorities
from tests.support.installed import NGINX, nginx_files, running_nginx


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    root = authorities.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))
    issued, key = authorities.issue_server(root, hosts=["127.0.0.1"], at=datetime.now(UTC))
    for name, text in (("web.pem", issued.pem), ("web.key", key), ("ca.pem", root.pem)):
        (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path / "web.pem"


def _told(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """What the application behind the proxy takes for the caller, as the server reads it (`[http] proxies = 1`)."""
    length = len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    start("200 OK", [("Content-Type", "application/json"), ("X-Frame-Options", "DENY")])
    names = {"caller": "REMOTE_ADDR", "scheme": "wsgi.url_scheme", "host": "HTTP_HOST", "path": "PATH_INFO", "forwarded": "HTTP_FORWARDED"}
    return [json.dumps({name: environ.get(key) for name, key in names.items()} | {"length": length}).encode()]


@contextmanager
def behind(port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, ProxyFix(_told, x_host=1), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def ask(certificate: Path, port: int, path: str, *, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    context = ssl.create_default_context(cafile=certificate.with_name("ca.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
    try:
        connection.request("POST" if body is not None else "GET", path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_the_site_is_taken_passes_requests_on_and_believes_no_caller_about_who_it_is(certificate: Path, tmp_path: Path) -> None:
    plain, port, upstream = free_port(), free_port(), free_port()
    config = nginx_files(
        tmp_path, certificate=certificate, key=certificate.with_suffix(".key"), plain_port=plain, port=port, upstream=upstream
    )
    checked = subprocess.run(
        [NGINX, "-e", "stderr", "-t", "-q", "-c", str(config)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    with running_nginx(config):
        status, headers, body = ask(certificate, port, "/patients?q=Nguyen")
        assert status == 503
        assert "Xe thuốc vẫn dùng được".encode() in body
        assert headers["cache-control"] == "no-store"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["server"] == "nginx"

        with behind(upstream):
            forged = {
                "X-Forwarded-For": "10.9.9.9",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Proto": "http",
                "Forwarded": "for=10.9.9.9",
            }
            for path in ("/patients?q=Nguyen", "/api/v1/verdicts", "/fhir/metadata", "/firmware/metadata/root.json", "/metrics"):
                status, headers, body = ask(certificate, port, path, **forged)
                found = json.loads(body)
                assert status == 200
                assert (found["caller"], found["scheme"]) == ("127.0.0.1", "https")
                assert "evil" not in found["host"]
                assert not found["forwarded"]
                assert headers["x-frame-options"] == "DENY"
            assert json.loads(ask(certificate, port, "/import", body=b"x" * 3_000_000)[2])["length"] == 3_000_000

        moved = http.client.HTTPConnection("127.0.0.1", plain, timeout=20)
        moved.request("GET", "/patients", headers={"Host": "poc.hospital.example"})
        answer = moved.getresponse()
        assert (answer.status, answer.getheader("Location")) == (301, "https://poc.hospital.example/patients")
        moved.close()
    assert "Nguyen" not in (tmp_path / "pointofcare.log").read_text(encoding="utf-8")
    assert "Nguyen" not in (tmp_path / "pointofcare-error.log").read_text(encoding="utf-8")


def test_nobody_is_let_in_with_a_protocol_that_is_broken(certificate: Path, tmp_path: Path) -> None:
    plain, port, upstream = free_port(), free_port(), free_port()
    config = nginx_files(
        tmp_path, certificate=certificate, key=certificate.with_suffix(".key"), plain_port=plain, port=port, upstream=upstream
    )
    text = config.with_name("site.conf").read_text(encoding="utf-8")
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in text
    with running_nginx(config):
        context = ssl.create_default_context(cafile=certificate.with_name("ca.pem"))
        context.set_ciphers("AES256-SHA256")  # without forward secrecy
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            context.wrap_socket(line, server_hostname="127.0.0.1")
