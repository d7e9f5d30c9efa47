"""What the server's configuration says of the hospital's EMR.

The value, its reading and its faults; `server.config` puts it beside the others. Nothing here opens what it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from server.feed_settings import Reader as _Reader

# The entry points by which a package makes its own EMR known.
EMR_ADAPTERS = "pointofcare.emr"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmrConfig:
    """`target` "folder": bundles are written to `folder`. "fhir": sent to `base_url`, with `token` where one is set, or
    with tokens that `token_url` gives for `client_id` and `client_secret` (OAuth client credentials, `scope` if it wants one), or for
    `client_id` and an assertion signed with the key in `token_key` (SMART backend services; `token_audience` if not `token_url`).

    `identifiers` is the URL under which this hospital's own FHIR identifiers live; the `*_system` settings name the EMR's own
    identifier systems for patients (by MRN), orders and staff, where it has them.

    "hl7v2": RAS^O17 to `host` and `port` over MLLP, with TLS where `ca_file` is set; `application` and `receiving_facility` are MSH-5 and
    MSH-6, `drops_repeats` says that the EMR knows a repeated message by its MSH-10.

    "gnuhealth": lines of the medication log of `database` at `base_url`, as `username` with `password` (docs/gnuhealth.md).

    `blocked_attempts`: a dose that was stopped at the bedside is told as well, as an event. `devices`: each cart is made known as a FHIR
    Device. `read_back_per_minute`: how often the EMR is asked for what it took; 0: never.

    Any other target is the name of an adapter that another package registers (docs/emr-adapters.md); `settings` are its own."""

    target: str = "folder"
    folder: Path = Path("emr-out")
    base_url: str | None = None
    token: str | None = field(default=None, repr=False)
    workers: int = 1
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    token_key: Path | None = None
    token_audience: str | None = None
    scope: str | None = None
    identifiers: str | None = None
    patient_system: str | None = None
    order_system: str | None = None
    staff_system: str | None = None
    host: str | None = None
    port: int | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = field(default=None, repr=False)
    application: str | None = None
    receiving_facility: str | None = None
    drops_repeats: bool = False
    database: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    blocked_attempts: bool = False
    devices: bool = True
    read_back_per_minute: int = 30
    settings: Mapping[str, object] = field(default_factory=dict, repr=False, hash=False)


class Reader(_Reader, Protocol):
    """What takes settings out of the file and the environment."""

    def table(self, section: str, name: str) -> Mapping[str, object]: ...


def emr(reader: Reader, anchor: Path) -> EmrConfig:
    """The section [emr]."""
    return EmrConfig(
        target=reader.text("emr", "target", "folder") or "",
        folder=reader.file("emr", "folder", anchor) or anchor / "emr-out",
        base_url=reader.text("emr", "base_url"),
        token=reader.text("emr", "token"),
        workers=reader.number("emr", "workers", 1, least=1, most=2),
        token_url=reader.text("emr", "token_url"),
        client_id=reader.text("emr", "client_id"),
        client_secret=reader.text("emr", "client_secret"),
        token_key=reader.file("emr", "token_key", anchor),
        token_audience=reader.text("emr", "token_audience"),
        scope=reader.text("emr", "scope"),
        identifiers=reader.text("emr", "identifiers"),
        patient_system=reader.text("emr", "patient_system"),
        order_system=reader.text("emr", "order_system"),
        staff_system=reader.text("emr", "staff_system"),
        host=reader.text("emr", "host"),
        port=reader.number("emr", "port", 2575, least=1, most=65535),
        ca_file=reader.file("emr", "ca_file", anchor),
        cert_file=reader.file("emr", "cert_file", anchor),
        key_file=reader.file("emr", "key_file", anchor),
        application=reader.text("emr", "application"),
        receiving_facility=reader.text("emr", "receiving_facility"),
        drops_repeats=reader.flag("emr", "drops_repeats", False),
        database=reader.text("emr", "database"),
        username=reader.text("emr", "username"),
        password=reader.text("emr", "password"),
        blocked_attempts=reader.flag("emr", "blocked_attempts", False),
        devices=reader.flag("emr", "devices", True),
        read_back_per_minute=reader.number("emr", "read_back_per_minute", 30, least=0, most=600),
        settings=reader.table("emr", "settings"),
    )


def faults(emr: EmrConfig) -> list[tuple[str, str]]:
    """What does not go together, as (setting, what to do)."""
    problems: list[tuple[str, str]] = []
    registered = {one.name for one in metadata.entry_points(group=EMR_ADAPTERS)}
    if emr.target not in {"folder", "fhir", "hl7v2", "gnuhealth"} | registered:
        problems.append(("emr.target", 'must be "folder", "fhir", "hl7v2" or "gnuhealth", or the name of an adapter that is installed'))
    if emr.blocked_attempts and emr.target in ("hl7v2", "gnuhealth"):
        problems.append(("emr.blocked_attempts", f"{emr.target} has no words for a dose that was stopped: set it to false"))
    if emr.target == "hl7v2":
        if not emr.host:
            problems.append(("emr.host", "is missing: the address where the EMR listens for HL7 (MLLP)"))
        if emr.workers > 1:
            problems.append(("emr.workers", "must be 1 for hl7v2: one connection keeps the order"))
        if (emr.cert_file is None) != (emr.key_file is None):
            problems.append(("emr.cert_file", "cert_file and key_file go together"))
    if emr.target in ("fhir", "gnuhealth"):
        parts = urlsplit(emr.base_url or "")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            problems.append(("emr.base_url", "must be the http(s) address of the EMR, such as https://emr.example/fhir"))
    if emr.target == "gnuhealth":
        for name, value in (("database", emr.database), ("username", emr.username), ("password", emr.password)):
            if not value:
                problems.append((f"emr.{name}", "is missing: GNU Health needs database, username and password"))
        if emr.workers > 1:
            problems.append(("emr.workers", "must be 1 for gnuhealth: its log knows no identifier, so there is one writer"))
    proof = {"token_key": emr.token_key} if emr.token_key else {"client_secret": emr.client_secret}
    credentials: dict[str, object] = {"token_url": emr.token_url, "client_id": emr.client_id, **proof}
    if any(credentials.values()):
        for name, given in credentials.items():
            if not given:
                problems.append((f"emr.{name}", "is missing: token_url, client_id and client_secret (or token_key) go together"))
        if emr.token:
            problems.append(("emr.token", "remove it, or token_url and client_id: one way to sign in is enough"))
        if emr.token_key and emr.client_secret:
            problems.append(("emr.client_secret", "remove it, or token_key: a signed assertion needs no secret"))
    return problems
