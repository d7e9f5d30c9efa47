"""Gateway and dispatcher as programs of their own tell their figures on a port each, to whoever may read them, and go on without."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from flask import Flask

from server.bare import CONFIG
from server.export_settings import MetricsConfig
from server.web import own_figures
from tests.integration.test_installed_proxy import free_port
from tests.support.databases import migrated_app
from tests.support.installed import DEPLOY

TOKEN = "a-token-of-more-than-24-characters"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        yield made


def ask(port: int, token: str = TOKEN) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("part", ["gateway", "dispatcher"])
def test_a_part_tells_what_only_it_knows_to_whoever_names_the_token_and_no_cart(app: Flask, part: str) -> None:
    app.config[CONFIG] = replace(app.config[CONFIG], metrics=MetricsConfig(token=TOKEN))
    listening = own_figures.start(app, part=part, host="127.0.0.1", port=0)
    assert listening is not None
    try:
        told = ask(listening.port)
        assert f'pointofcare_part_up{{part="{part}"}} 1.0' in told
        assert "pointofcare_database_up 1.0" in told
        assert "pointofcare_recording_seconds" in told
        assert "pointofcare_carts" not in told
        for token in ("", "a-token-of-somebody-else-entirely"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                ask(listening.port, token)
    finally:
        listening.stop()


def test_a_port_that_is_taken_is_told_and_stops_nothing(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = replace(app.config[CONFIG], metrics=MetricsConfig(token=TOKEN, gateway_port=port))
        with caplog.at_level(logging.ERROR):
            assert own_figures.of_part(app, config, "gateway") is None
    assert f"no figures of the gateway on 127.0.0.1:{port}" in caplog.text
    # Where no port is set there is none, and nothing is told.
    assert own_figures.of_part(app, config, "dispatcher") is None


def test_the_example_for_prometheus_reads_both() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus/scrape.example.yml").read_text(encoding="utf-8"))["scrape_configs"]
    (parts,) = [job for job in jobs if job["job_name"] == "pointofcare-parts"]
    assert {each["labels"]["part"] for each in parts["static_configs"]} == {"gateway", "dispatcher"}


@pytest.mark.slow
def test_a_dispatcher_that_runs_alone_is_asked_at_its_port_and_ends_with_it(tmp_path: Path) -> None:
    settings, port = tmp_path / "server.toml", free_port()
    command = [sys.executable, "-m", "server"]
    made = subprocess.run([*command, "init", "--facility", "h1", "--config", str(settings)], capture_output=True, timeout=60, check=False)
    assert made.returncode == 0, made.stderr
    text = settings.read_text(encoding="utf-8").replace("[mqtt]\n", "[mqtt]\nenabled = false\n")
    settings.write_text(f'{text}\n[metrics]\ntoken = "{TOKEN}"\ndispatcher_port = {port}\n', encoding="utf-8")
    subprocess.run([*command, "migrate", "--config", str(settings)], capture_output=True, timeout=120, check=True)
    alone = [*command, "dispatcher", "--config", str(settings)]
    child = subprocess.Popen(alone, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    try:
        assert "ready" in child.stdout.readline()
        assert 'pointofcare_part_up{part="dispatcher"} 1.0' in ask(port)
        child.terminate()
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait(10)
        child.stdout.close()
