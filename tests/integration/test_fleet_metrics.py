"""Figures for Prometheus: for nobody who is not let in, true to what the pages say, without a person's name; dashboard and rules fit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from pointofcare.errors import ConfigError
from pointofcare.wire.messages import CartBirth, CartState, Telemetry, TelemetryKind
from pointofcare.wire.messages.state import CartPhase
from server import config as configuration
from server.export_settings import MetricsConfig
from server.store import fleet
from server.store.transaction import Actor, transaction
from server.web import metrics, metrics_watching
from tests.support import web
from tests.support.server_ward import WARD

DEPLOY = Path(__file__).parents[2] / "deploy"
TOKEN = "a-token-that-is-long-enough"
PROXY = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("metrics")) as made:
        with made.app_context(), transaction(Actor(id="gateway")) as tx:
            for number, cart in enumerate(("c1", "c2", "c3")):
                fleet.put_birth(tx, cart, CartBirth(versions={"app": f"1.{number}"}, hardware="test", boot_id="b", epoch="e", ward=WARD))
                phase = CartPhase.READY if number else CartPhase.LOST
                fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=WARD), sid="s", sent_at=tx.at)
                fleet.put_state(tx, cart, CartState(phase=phase, ward=WARD), sid="s", sent_at=tx.at)
                values = {"battery_percent": 20 + number * 30, "charging": False, "health_percent": 60 + number * 15, "cycles": 100}
                fleet.put_telemetry(tx, cart, Telemetry(kind=TelemetryKind.POWER, at=datetime.now(UTC), values=values))
        yield made


def allow(app: Flask, **settings: Any) -> None:
    config = app.config["POINTOFCARE_CONFIG"]
    http = replace(config.http, proxies=settings.pop("proxies", 0))
    app.config["POINTOFCARE_CONFIG"] = replace(config, metrics=MetricsConfig(**settings), http=http)


def told(app: Flask) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    allow(app, loopback=True)
    text = app.test_client().get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_nobody_is_let_in_before_it_is_switched_on(app: Flask) -> None:
    allow(app)
    assert app.test_client().get("/metrics").status_code == 404
    assert app.test_client().get("/metrics", headers={"Authorization": "Bearer None"}).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
def test_a_wrong_token_finds_nothing(app: Flask, header: str) -> None:
    allow(app, token=TOKEN)
    assert app.test_client().get("/metrics", headers={"Authorization": header}).status_code == 404


def test_the_token_lets_in(app: Flask) -> None:
    allow(app, token=TOKEN)
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"


def test_loopback_is_this_machine_and_nobody_who_says_so_through_a_proxy(app: Flask) -> None:
    client = app.test_client()
    allow(app, loopback=True)
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 404
    assert client.get("/metrics", headers=PROXY).status_code == 404
    allow(app, loopback=True, proxies=1)
    assert client.get("/metrics").status_code == 404


def test_totals_and_single_carts_are_what_the_fleet_is(app: Flask) -> None:
    figures = told(app)
    nothing: frozenset[tuple[str, str]] = frozenset()
    assert figures["pointofcare_carts", nothing] == 3
    assert figures["pointofcare_carts_online", nothing] == 2
    assert figures["pointofcare_carts_offline", nothing] == 1
    assert figures["pointofcare_carts_battery_worn", nothing] == 1
    assert figures["pointofcare_cart_online", frozenset({("cart", "c1"), ("ward", WARD)})] == 0
    assert figures["pointofcare_cart_battery_percent", frozenset({("cart", "c3"), ("ward", WARD)})] == 80
    assert figures["pointofcare_carts_of_software", frozenset({("version", "1.2")})] == 1


def test_what_was_not_told_has_no_figure(app: Flask) -> None:
    assert not [name for name, _ in told(app) if name in ("pointofcare_cart_unsent_records", "pointofcare_cart_drifted")]


def test_single_carts_are_told_up_to_a_bound_and_how_many_are_left_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_CARTS", 2)
    figures = told(app)
    assert figures["pointofcare_carts_left_out", frozenset()] == 1
    assert len([1 for name, _ in figures if name == "pointofcare_cart_online"]) == 2


def test_no_person_stands_in_the_figures(app: Flask) -> None:
    allow(app, loopback=True)
    text = app.test_client().get("/metrics").text
    assert not re.search("NGUYỄN|24-0000|Nurse|patient=", text)


def test_a_short_token_is_refused_at_the_start(tmp_path: Path) -> None:
    values = {"database_url": "sqlite:///x", "facility": "h1", "secret_key": "k" * 40, "password_salt": "s" * 40}
    with pytest.raises(ConfigError) as refused:
        configuration.read({**values, "metrics": {"token": "short"}}, anchor=tmp_path)
    assert "metrics.token" in dict(refused.value.problems)


def exported(app: Flask) -> set[str]:
    """Every figure that there can be, with what has none now."""
    source = "".join(Path(each.__file__).read_text(encoding="utf-8") for each in (metrics, metrics_watching))
    singles = {f"pointofcare_cart_{name}" for name in re.findall(r'family\("([a-z_]+)"', source)}
    return (
        {name for name, _ in told(app)}
        | singles
        | set(re.findall(r'"(pointofcare_[a-z_]+)"', source))
        | {"pointofcare_gateway_messages_total"}
    )


@pytest.mark.parametrize("name", ["pointofcare-fleet", "pointofcare-server"])
def test_the_dashboard_asks_for_figures_that_are_there(app: Flask, name: str) -> None:
    board = json.loads((DEPLOY / "grafana" / f"{name}.json").read_text(encoding="utf-8"))
    assert board["title"]
    assert board["uid"] == name
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    expressions += [one["query"] for one in board["templating"]["list"]]
    asked = {name for expression in expressions for name in re.findall(r"pointofcare_[a-z_]+", expression)}
    asked = {each.removesuffix("_bucket") for each in asked}
    assert asked - exported(app) == set()
    places = {(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]}
    assert len(places) == len(board["panels"])


def promtool(*arguments: str) -> None:
    """Of Prometheus: `deploy/setup.sh test` fetches it."""
    program = shutil.which("promtool", path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    if program is None:
        pytest.skip("no promtool: deploy/setup.sh test")
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


# An alert, the figures that lead to it, a value for each minute, and after which minute it is told; not the minute before.
FIRES = (
    ("BrokerAway", {"pointofcare_broker_connected": "1 1 0x9"}, 3),
    ("RecordsParked", {"pointofcare_outbox_parked": "0 2x20"}, 11),
    ("DatabaseAway", {"pointofcare_database_up": "1 0x9"}, 2),
    ("GatewayFiguresMissing", {"pointofcare_broker_connected": "1 stale"}, 6),
    ("MetricsMissing", {"pointofcare_carts": "5 stale"}, 6),
    ("CartsAway", {"pointofcare_carts": "10x20", "pointofcare_carts_offline": "2 3x20"}, 6),
    ("ServerDiskOut", {"pointofcare_disk_free_bytes": "600000000 400000000x9", "pointofcare_disk_size_bytes": "9000000000x9"}, 2),
    ("DatabaseClockOff", {"pointofcare_database_clock_ahead_seconds": "1 -6x20"}, 6),
    ("OutboxOld", {"pointofcare_outbox_oldest_age_seconds": "0+60x60"}, 21),
    ("WalArchiveFailing", {"pointofcare_wal_archiving": "1 0x30"}, 16),
    ("WalArchiveLate", {"pointofcare_wal_archiving": "1x40", "pointofcare_wal_unarchived_age_seconds": "0+60x40"}, 21),
    ("CartUnsentRecords", {"pointofcare_cart_unsent_records": "0 3x30", "pointofcare_cart_online": "1x30"}, 16),
)


def test_an_alert_is_told_when_it_should_be_and_not_a_minute_before(tmp_path: Path) -> None:
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in figures.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                    "eval_time": f"{at}m",
                    "exp_samples": [{"labels": "{}", "value": 1}] if at == minute else [],
                }
                for at in (minute - 1, minute)
            ],
        }
        for alert, figures, minute in FIRES
    ]
    whole = {"rule_files": [str(DEPLOY / "prometheus" / "pointofcare.rules.yml")], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    promtool("test", "rules", str(tmp_path / "test.yml"))


def test_the_rules_ask_for_figures_that_are_there_and_say_what_to_do(app: Flask, tmp_path: Path) -> None:
    path = DEPLOY / "prometheus" / "pointofcare.rules.yml"
    rules = [rule for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    names = [rule["alert"] for rule in rules]
    assert len(set(names)) == len(names) >= 10
    for rule in rules:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smhd]", rule["for"])
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
    asked = {name for rule in rules for name in re.findall(r"pointofcare_[a-z_]+", rule["expr"])}
    asked = {name.removesuffix("_bucket") for name in asked}
    assert asked - exported(app) == set()
    promtool("check", "rules", str(path))
    whole = (DEPLOY / "prometheus" / "scrape.example.yml").read_text(encoding="utf-8")
    whole = whole.replace("/etc/prometheus/pointofcare.rules.yml", str(path))
    (tmp_path / "token").touch()
    (tmp_path / "prometheus.yml").write_text(whole.replace("/etc/prometheus/pointofcare.token", "token"), encoding="utf-8")
    promtool("check", "config", str(tmp_path / "prometheus.yml"))
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "scrape.example.yml").read_text(encoding="utf-8"))
    assert scrape["scrape_configs"][0]["authorization"]["type"] == "Bearer"
