"""What the server's configuration says of what it tells other programs about carts: figures for Prometheus, and a discovery of carts for
home automation. Values and the reading of their sections; `server.config` puts them beside the others."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

SHORTEST_TOKEN = 24
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """/metrics is there for whoever names `token`, and where `loopback` is set for programs of this machine. Neither: for nobody."""

    token: str | None = field(default=None, repr=False)
    loopback: bool = False
    # Where gateway and dispatcher tell their own figures when each is a program of its own; 0: nowhere.
    host: str = "127.0.0.1"
    gateway_port: int = 0
    dispatcher_port: int = 0

    @property
    def is_on(self) -> bool:
        return self.token is not None or self.loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """`json`: a line of JSON an entry, for programs that read logs."""

    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryConfig:
    """`traces`: the ways of doses and of requests go to the collector at `endpoint` (OTLP over HTTP); None: where OTEL_* of the
    environment says, else to this machine. `percent` of them."""

    traces: bool = False
    endpoint: str | None = None
    percent: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryConfig:
    """The broker that carts are shown at, with an account of its own; None for `host`: none. `prefix` is where home automation looks for
    what is there. `every_s` between two looks."""

    host: str | None = None
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    prefix: str = "homeassistant"
    every_s: int = 10


class Reader(Protocol):
    """What takes settings out of the file and the environment."""

    problems: list[tuple[str, str]]

    def text(self, section: str, name: str, default: str | None = None) -> str | None: ...
    def number(self, section: str, name: str, default: int, *, least: int, most: int) -> int: ...
    def flag(self, section: str, name: str, default: bool) -> bool: ...
    def file(self, section: str, name: str, anchor: Path) -> Path | None: ...


def metrics(reader: Reader) -> MetricsConfig:
    made = MetricsConfig(
        token=reader.text("metrics", "token"),
        loopback=reader.flag("metrics", "loopback", False),
        host=reader.text("metrics", "host", "127.0.0.1") or "127.0.0.1",
        gateway_port=reader.number("metrics", "gateway_port", 0, least=0, most=65535),
        dispatcher_port=reader.number("metrics", "dispatcher_port", 0, least=0, most=65535),
    )
    ports = (made.gateway_port, made.dispatcher_port)
    if any(ports) and not made.is_on:
        reader.problems.append(
            ("metrics.token", "set it, or metrics.loopback = true: the ports of gateway and dispatcher tell nobody anything")
        )
    if all(ports) and ports[0] == ports[1]:
        reader.problems.append(("metrics.dispatcher_port", "must differ from metrics.gateway_port: each program has its own"))
    if made.token is not None and len(made.token) < SHORTEST_TOKEN:
        reader.problems.append(("metrics.token", f"must have at least {SHORTEST_TOKEN} characters"))
    return made


def log(reader: Reader) -> LogConfig:
    return LogConfig(json=reader.flag("log", "json", False))


def telemetry(reader: Reader) -> TelemetryConfig:
    made = TelemetryConfig(
        traces=reader.flag("telemetry", "traces", False),
        endpoint=reader.text("telemetry", "endpoint"),
        percent=reader.number("telemetry", "percent", 100, least=1, most=100),
    )
    if made.endpoint is not None and (urlsplit(made.endpoint).scheme not in ("http", "https") or not urlsplit(made.endpoint).hostname):
        reader.problems.append(("telemetry.endpoint", "must be the http(s) address of the collector, such as http://127.0.0.1:4318"))
    return made


def discovery(reader: Reader, anchor: Path) -> DiscoveryConfig:
    made = DiscoveryConfig(
        host=reader.text("discovery", "host"),
        port=reader.number("discovery", "port", 1883, least=1, most=65535),
        username=reader.text("discovery", "username"),
        password=reader.text("discovery", "password"),
        ca_file=reader.file("discovery", "ca_file", anchor),
        prefix=reader.text("discovery", "prefix", "homeassistant") or "homeassistant",
        every_s=reader.number("discovery", "every_s", 10, least=1, most=3600),
    )
    if not _PREFIX.fullmatch(made.prefix):
        reader.problems.append(("discovery.prefix", "must be 1 to 64 of A-Z a-z 0-9 _ -"))
    if made.host is not None and made.username is not None and made.ca_file is None and not _is_here(made.host):
        reader.problems.append(("discovery.ca_file", "a password goes in clear over loopback only: name the broker's authority"))
    return made


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
