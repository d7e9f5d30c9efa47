"""The server's configuration: one frozen value, read once from TOML and the environment.

Secrets come from the environment or the file, the environment wins; every fault is reported at once. No other module of the
server reads the environment, and nothing here opens what it names.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from urllib.parse import urlsplit

from pointofcare.errors import ConfigError, not_a_setting
from pointofcare.people import StaffRole
from pointofcare.wire.training import SUFFIX, is_training
from server import alert_settings, emr_settings, export_settings, feed_settings
from server.alert_settings import AlertsConfig
from server.emr_settings import EMR_ADAPTERS as EMR_ADAPTERS
from server.emr_settings import EmrConfig as EmrConfig
from server.export_settings import DiscoveryConfig, LogConfig, MetricsConfig, TelemetryConfig
from server.feed_settings import FhirFeedConfig

ENVIRONMENT_PREFIX = "POINTOFCARE_"
LANGUAGES = ("vi", "en", "fr")
_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    host: str = "127.0.0.1"
    port: int = 8080
    threads: int = 8
    # True behind a TLS proxy: cookies are then sent over HTTPS only.
    secure_cookies: bool = False
    # How many proxies stand before the server, whose word on the caller's address and protocol is taken. 0: nobody's.
    proxies: int = 0
    # As others reach this server ("https://poc.hospital.example"); what they sign for us must name it. None: as the caller says.
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """`ca_file` set: TLS, verified against it. `client_id` must differ between gateways on one broker."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str = "pointofcare-server"
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinesConfig:
    """`ca_dir` holds the authority that gives machines their certificates. `broker_files`: where the broker's accounts and revocation
    list are kept fresh; `broker_pid_file` names the process that is told (SIGHUP) when they changed. `address` is how carts reach
    this server's pages over HTTPS."""

    ca_dir: Path = Path("ca")
    broker: str = "nats"
    broker_files: Path | None = None
    broker_pid_file: Path | None = None
    address: str = ""


# Roles whose password alone would let a stranger change what carts, orders or people may do.
PRIVILEGED = ("administrator", "pharmacist", "prescriber", "fleet-manager")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonesConfig:
    """The gate for phones that are carts: HTTPS on `host` and `port`, with the certificate in `certificate_file` and its key in
    `key_file`, both PEM. `address` is how phones reach it, `sockets` the folder where their carts listen, `pairing_days` how long a
    pairing holds. `threads` requests are worked on at once."""

    host: str = "127.0.0.1"
    port: int = 8443
    address: str = ""
    certificate_file: Path | None = None
    key_file: Path | None = None
    sockets: Path | None = None
    pairing_days: int = 30
    threads: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorConfig:
    """`roles` must enrol a second factor at their next sign-in where `required`; anybody may. What is sensitive asks for it again
    after `fresh_min`."""

    required: bool = False
    roles: tuple[str, ...] = PRIVILEGED
    fresh_min: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsConfig:
    """When a sign-in on the pages ends: after `idle_min` without a press, and after `lifetime_h` however busy it was. The shorter pair
    is for people with one of the roles of `second_factor.roles`."""

    idle_min: int = 60
    lifetime_h: int = 12
    privileged_idle_min: int = 30
    privileged_lifetime_h: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessConfig:
    """How long a chart that was opened in an emergency stays open, and within how many hours another person reviews it; whether a nurse
    may take on a ward herself (`take_on`), and for how long."""

    emergency_minutes: int = 60
    emergency_review_h: int = 24
    take_on: bool = True
    shift_h: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityConfig:
    """Figures of fewer people or doses are not shown to anybody. `without_code` are products without a code on their unit, by the
    pharmacy's own list: nobody is asked to scan them."""

    min_people: int = 5
    min_doses: int = 20
    without_code: tuple[str, ...] = ()


# Commands to carts that may be bound to a second person.
TWO_PERSON_COMMANDS = ("locate", "lock", "unlock", "restart", "diagnostics", "camera-check", "selftest", "rebirth")


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetConfig:
    """`two_person`: commands to carts that a second person confirms, signed in for themselves."""

    two_person: tuple[str, ...] = ("unlock",)


@dataclass(frozen=True, slots=True, kw_only=True)
class WallConfig:
    """What a screen on a ward's wall says beside a bed: of the patient "bed" alone, "initials" or "name", and whether of the drug."""

    patients: str = "bed"
    drugs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """What plain, non-GS1 symbols mean at this hospital; goes to the carts with the policy table. `gsrn_prefix` begins the numbers of the
    wristbands that are printed here: the hospital's GS1 company prefix, or one of 200-299, which GS1 leaves to each organisation."""

    mrn_pattern: str | None = None
    badge_prefix: str = "BADGE:"
    gsrn_prefix: str = "2000000"
    # Patterns of further kinds of bands that the hospital prints, each with the number in a group "mrn".
    mrn_patterns: tuple[str, ...] = ()
    # The hospital's code in claims (MA_CSKCB), and ward id -> MA_KHOA where the id itself is not that code.
    facility_code: str | None = None
    ward_codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsConfig:
    """`equipment_file` is the TOML file of the hospital's label sizes and label printers; without one labels are printed from files."""

    equipment_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareConfig:
    """`directory` holds the signed repository of releases; `served`: carts fetch it from this server."""

    directory: Path = Path("firmware")
    served: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """`data_dir` is where relative paths of the file are anchored; `timezone` is the wards' IANA name. `training`: nobody here is a real
    patient; the facility's id says it too, always."""

    database_url: str
    facility: str
    secret_key: str = field(repr=False)
    password_salt: str = field(repr=False)
    signing_key: Path
    data_dir: Path = Path(".")
    timezone: str = "Asia/Ho_Chi_Minh"
    languages: tuple[str, ...] = LANGUAGES
    demo: bool = False
    training: bool = False
    table_lifetime_h: int = 24
    http: HttpConfig = HttpConfig()
    mqtt: MqttConfig | None = MqttConfig()
    emr: EmrConfig = field(default_factory=EmrConfig)
    site: SiteConfig = SiteConfig()
    labels: LabelsConfig = LabelsConfig()
    # The TOML file of the hospital's forms, signers and templates (docs/documents.md).
    documents_file: Path | None = None
    machines: MachinesConfig = MachinesConfig()
    firmware: FirmwareConfig = FirmwareConfig()
    phones: PhonesConfig = PhonesConfig()
    second_factor: SecondFactorConfig = SecondFactorConfig()
    sessions: SessionsConfig = SessionsConfig()
    access: AccessConfig = field(default_factory=AccessConfig)
    quality: QualityConfig = QualityConfig()
    wall: WallConfig = WallConfig()
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    discovery: DiscoveryConfig = field(default_factory=DiscoveryConfig)
    log: LogConfig = field(default_factory=LogConfig)
    telemetry: TelemetryConfig = field(default_factory=TelemetryConfig)
    fleet: FleetConfig = FleetConfig()
    fhir_feed: FhirFeedConfig = field(default_factory=FhirFeedConfig)
    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    # Where reports over every hospital of a province are read, so that they cost no dose any time (docs/province.md).
    replica_url: str | None = None
    # When this hospital gives what is ordered "BID" or "MORN", by code; what is not named is not computed.
    standard_times: Mapping[str, tuple[time, ...]] = field(default_factory=dict, hash=False)


class _Reader:
    """Takes settings out of nested mappings, collects every fault, and notices what nobody asked for."""

    def __init__(self, values: Mapping[str, object], environment: Mapping[str, str]) -> None:
        self._values = values
        self._environment = environment
        self._known: dict[str, set[str]] = {}
        self.problems: list[tuple[str, str]] = []

    def section(self, name: str) -> Mapping[str, object]:
        self._known.setdefault("", set()).add(name)
        found = self._values.get(name, {})
        if not isinstance(found, dict):
            self.problems.append((name, f"make it a table: [{name}]"))
            return {}
        return found

    def take(self, section: str, name: str) -> object:
        self._known.setdefault(section, set()).add(name)
        variable = ENVIRONMENT_PREFIX + (f"{section}_{name}" if section else name).upper()
        if variable in self._environment:
            return self._environment[variable]
        return (self.section(section) if section else self._values).get(name)

    def text(self, section: str, name: str, default: str | None = None, *, required: bool = False) -> str | None:
        value = self.take(section, name)
        if value is None or value == "":
            if required and default is None:
                self.problems.append((_path(section, name), "is missing: set it in the file or in the environment"))
            return default
        if not isinstance(value, str):
            self.problems.append((_path(section, name), "must be a text in quotes"))
            return default
        return value

    def number(self, section: str, name: str, default: int, *, least: int, most: int) -> int:
        value = self.take(section, name)
        if value is None:
            return default
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.problems.append((_path(section, name), f"must be a whole number from {least} to {most}"))
            return default
        return value

    def flag(self, section: str, name: str, default: bool) -> bool:
        value = self.take(section, name)
        if value is None:
            return default
        if isinstance(value, str) and value.lower() in ("true", "1", "false", "0"):
            value = value.lower() in ("true", "1")
        if not isinstance(value, bool):
            self.problems.append((_path(section, name), "must be true or false"))
            return default
        return value

    def file(self, section: str, name: str, anchor: Path) -> Path | None:
        value = self.text(section, name)
        return None if value is None else anchor / value

    def table(self, section: str, name: str) -> Mapping[str, object]:
        value = self.take(section, name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.problems.append((_path(section, name), f"make it a table: [{_path(section, name)}]"))
            return {}
        return dict(value)

    def unknown(self) -> None:
        for section, known in {"": set[str](), **self._known}.items():
            held = self.section(section) if section else self._values
            self.problems += [(_path(section, name), not_a_setting(name, known)) for name in held if name not in known]


def _path(section: str, name: str) -> str:
    return f"{section}.{name}" if section else name


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> ServerConfig:
    """The configuration of the file at `path` (None: environment only). Raises: ConfigError with every fault at once."""
    environment = os.environ if environment is None else environment
    values: Mapping[str, object] = {}
    anchor = Path.cwd()
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as exc:
            raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="make one with: pointofcare-server init") from exc
        except (ValueError, RecursionError) as exc:  # a number of too many digits is a plain ValueError
            raise ConfigError(f"{path} is not TOML: {exc}", problems=((str(path), str(exc)),)) from exc
        anchor = path.resolve().parent
    return read(values, anchor=anchor, environment=environment)


def checked(values: Mapping[str, object], *, anchor: Path) -> ServerConfig:
    """As the file at `anchor` would be read with these values, and the environment of this program over them. Raises: ConfigError."""
    return read(values, anchor=anchor, environment=os.environ)


def read(values: Mapping[str, object], *, anchor: Path, environment: Mapping[str, str] | None = None) -> ServerConfig:
    """`values` as TOML gives them; relative paths start at `data_dir`, which stands among them or is `anchor`. Raises: ConfigError."""
    reader = _Reader(values, environment or {})
    anchor = reader.file("", "data_dir", anchor) or anchor
    database_url = reader.text("", "database_url", required=True) or ""
    replica_url = reader.text("", "replica_url")
    if replica_url is not None and not replica_url.startswith("postgresql+psycopg://"):
        reader.problems.append(("replica_url", "must start with postgresql+psycopg://"))
    facility = reader.text("", "facility", required=True) or ""
    secret_key = reader.text("", "secret_key", required=True) or ""
    password_salt = reader.text("", "password_salt", required=True) or ""
    signing_key = reader.file("", "signing_key", anchor) or anchor / "signing-key.json"
    timezone = reader.text("", "timezone", "Asia/Ho_Chi_Minh") or ""
    languages = reader.take("", "languages")
    http = HttpConfig(
        host=reader.text("http", "host", "127.0.0.1") or "",
        port=reader.number("http", "port", 8080, least=0, most=65535),
        threads=reader.number("http", "threads", 8, least=2, most=256),
        secure_cookies=reader.flag("http", "secure_cookies", False),
        proxies=reader.number("http", "proxies", 0, least=0, most=5),
        address=reader.text("http", "address"),
    )
    mqtt = MqttConfig(
        host=reader.text("mqtt", "host", "127.0.0.1") or "",
        port=reader.number("mqtt", "port", 1883, least=1, most=65535),
        username=reader.text("mqtt", "username"),
        password=reader.text("mqtt", "password"),
        client_id=reader.text("mqtt", "client_id", "pointofcare-server") or "",
        ca_file=reader.file("mqtt", "ca_file", anchor),
        certificate_file=reader.file("mqtt", "certificate_file", anchor),
        key_file=reader.file("mqtt", "key_file", anchor),
    )
    emr = emr_settings.emr(reader, anchor)
    site = SiteConfig(
        mrn_pattern=reader.text("site", "mrn_pattern"),
        badge_prefix=reader.text("site", "badge_prefix", "BADGE:") or "BADGE:",
        gsrn_prefix=reader.text("site", "gsrn_prefix", "2000000") or "2000000",
        mrn_patterns=_texts(reader, "site", "mrn_patterns"),
        facility_code=reader.text("site", "facility_code"),
        ward_codes={ward: str(code) for ward, code in reader.table("site", "ward_codes").items()},
    )
    labels = LabelsConfig(equipment_file=reader.file("labels", "equipment_file", anchor))
    documents_file = reader.file("documents", "file", anchor)
    machines = MachinesConfig(
        ca_dir=reader.file("machines", "ca_dir", anchor) or anchor / "ca",
        broker=reader.text("machines", "broker", "nats") or "",
        broker_files=reader.file("machines", "broker_files", anchor),
        broker_pid_file=reader.file("machines", "broker_pid_file", anchor),
        address=(reader.text("machines", "address") or "").rstrip("/"),
    )
    phones = PhonesConfig(
        host=reader.text("phones", "host", "127.0.0.1") or "",
        port=reader.number("phones", "port", 8443, least=0, most=65535),
        address=(reader.text("phones", "address") or "").rstrip("/"),
        certificate_file=reader.file("phones", "certificate_file", anchor),
        key_file=reader.file("phones", "key_file", anchor),
        sockets=reader.file("phones", "sockets", anchor),
        pairing_days=reader.number("phones", "pairing_days", 30, least=1, most=365),
        threads=reader.number("phones", "threads", 24, least=4, most=200),
    )
    second_factor = SecondFactorConfig(
        required=reader.flag("second_factor", "required", False),
        roles=_listed(reader, "second_factor", "roles", PRIVILEGED, {role.value for role in StaffRole}),
        fresh_min=reader.number("second_factor", "fresh_min", 15, least=1, most=720),
    )
    access = AccessConfig(
        emergency_minutes=reader.number("access", "emergency_minutes", 60, least=5, most=480),
        emergency_review_h=reader.number("access", "emergency_review_h", 24, least=1, most=720),
        take_on=reader.flag("access", "take_on", True),
        shift_h=reader.number("access", "shift_h", 12, least=1, most=24),
    )
    quality = QualityConfig(
        min_people=reader.number("quality", "min_people", 5, least=1, most=16),
        min_doses=reader.number("quality", "min_doses", 20, least=1, most=100_000),
        without_code=_texts(reader, "quality", "without_code"),
    )
    wall = WallConfig(
        patients=reader.text("wall", "patients", "bed") or "bed",
        drugs=reader.flag("wall", "drugs", False),
    )
    if wall.patients not in ("bed", "initials", "name"):
        reader.problems.append(("wall.patients", 'must be "bed", "initials" or "name"'))
    sessions = SessionsConfig(
        idle_min=reader.number("sessions", "idle_min", 60, least=1, most=720),
        lifetime_h=reader.number("sessions", "lifetime_h", 12, least=1, most=24),
        privileged_idle_min=reader.number("sessions", "privileged_idle_min", 30, least=1, most=720),
        privileged_lifetime_h=reader.number("sessions", "privileged_lifetime_h", 12, least=1, most=24),
    )
    fleet = FleetConfig(two_person=_listed(reader, "fleet", "two_person", ("unlock",), set(TWO_PERSON_COMMANDS)))
    demo = reader.flag("", "demo", False)
    training = reader.flag("", "training", False)
    fhir_feed = feed_settings.fhir_feed(reader, anchor, emr_base_url=emr.base_url, emr_target=emr.target, training=training)
    alerts = alert_settings.alerts(reader)
    metrics = export_settings.metrics(reader)
    discovery = export_settings.discovery(reader, anchor)
    standard_times = feed_settings.standard_times(reader)
    table_lifetime_h = reader.number("", "table_lifetime_h", 24, least=1, most=168)
    log = export_settings.log(reader)
    telemetry = export_settings.telemetry(reader)
    mqtt_on = reader.flag("mqtt", "enabled", True)
    reader.unknown()
    problems = reader.problems
    problems += _faults(database_url, facility, secret_key, password_salt, timezone, emr, site)
    problems += _training_faults(training, facility, emr)
    if not re.fullmatch(r"[0-9]{6,12}", site.gsrn_prefix, re.ASCII):
        problems.append(("site.gsrn_prefix", "must be 6 to 12 digits: the hospital's GS1 company prefix"))
    if machines.broker not in ("nats", "mosquitto"):
        problems.append(("machines.broker", 'must be "nats" or "mosquitto"'))
    if machines.address and urlsplit(machines.address).scheme not in ("http", "https"):
        problems.append(("machines.address", "must be the http(s) address of this server as carts reach it"))
    if phones.address and urlsplit(phones.address).scheme != "https":
        problems.append(("phones.address", "must be the https address of the gate as phones reach it: a camera opens nowhere else"))
    chosen: tuple[str, ...] = LANGUAGES
    if languages is not None:
        listed = languages.split(",") if isinstance(languages, str) else languages
        if not isinstance(listed, list) or not listed or any(language not in LANGUAGES for language in listed):
            problems.append(("languages", 'list some of "vi", "en", "fr", the default first'))
        else:
            chosen = tuple(str(language) for language in listed)
    if problems:
        lines = "; ".join(f"{where}: {what}" for where, what in problems)
        raise ConfigError(f"the configuration has {len(problems)} fault(s): {lines}", problems=tuple(problems))
    return ServerConfig(
        database_url=_anchored(database_url, anchor),
        replica_url=replica_url,
        facility=facility,
        secret_key=secret_key,
        password_salt=password_salt,
        signing_key=signing_key,
        data_dir=anchor,
        timezone=timezone,
        languages=chosen,
        demo=demo,
        training=training,
        table_lifetime_h=table_lifetime_h,
        http=http,
        mqtt=mqtt if mqtt_on else None,
        emr=emr,
        site=site,
        labels=labels,
        documents_file=documents_file,
        machines=machines,
        firmware=FirmwareConfig(
            directory=reader.file("firmware", "directory", anchor) or anchor / "firmware", served=reader.flag("firmware", "served", True)
        ),
        phones=phones,
        second_factor=second_factor,
        sessions=sessions,
        access=access,
        quality=quality,
        wall=wall,
        metrics=metrics,
        discovery=discovery,
        log=log,
        telemetry=telemetry,
        fleet=fleet,
        fhir_feed=fhir_feed,
        alerts=alerts,
        standard_times=standard_times,
    )


def _texts(reader: _Reader, section: str, name: str) -> tuple[str, ...]:
    value = reader.take(section, name)
    listed = [] if value is None else value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list) or any(not isinstance(each, str) for each in listed):
        reader.problems.append((_path(section, name), "must be a list of texts"))
        return ()
    return tuple(each.strip() for each in listed if each.strip())


def _listed(reader: _Reader, section: str, name: str, default: tuple[str, ...], words: set[str]) -> tuple[str, ...]:
    value = reader.take(section, name)
    if value is None:
        return default
    listed = [each for each in value.split(",") if each] if isinstance(value, str) else value
    if not isinstance(listed, list) or any(each not in words for each in listed):
        reader.problems.append((_path(section, name), f"list some of {', '.join(sorted(words))}"))
        return default
    return tuple(str(each) for each in listed)


def _faults(
    database_url: str, facility: str, secret_key: str, password_salt: str, timezone: str, emr: EmrConfig, site: SiteConfig
) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    if database_url and not database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
        problems.append(("database_url", "must start with sqlite:/// or postgresql+psycopg://"))
    if facility and not _LEVEL.fullmatch(facility):
        problems.append(("facility", "may hold letters, digits, _ and - only: it is a level of every MQTT topic"))
    for name, secret in (("secret_key", secret_key), ("password_salt", password_salt)):
        if secret and len(secret) < _SHORTEST_SECRET:
            problems.append((name, f"must have at least {_SHORTEST_SECRET} characters: pointofcare-server init draws one"))
    try:
        zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        problems.append(("timezone", f"{timezone!r} is not a time zone: write one such as Asia/Ho_Chi_Minh"))
    problems += emr_settings.faults(emr)
    for name, pattern in (("mrn_pattern", site.mrn_pattern), *(("mrn_patterns", each) for each in site.mrn_patterns)):
        try:
            re.compile(pattern or "")
        except re.error as exc:
            problems.append((f"site.{name}", f"is not a regular expression: {exc}"))
    return problems


def _training_faults(training: bool, facility: str, emr: EmrConfig) -> list[tuple[str, str]]:
    """A server is of one kind in everything, or it does not start."""
    problems: list[tuple[str, str]] = []
    if training and facility and not is_training(facility):
        problems.append(("facility", f'must end with "{SUFFIX}" where training = true: carts and tables are told apart by it'))
    if not training and is_training(facility):
        problems.append(("facility", f'must not end with "{SUFFIX}", or set training = true: such a facility has no real patients'))
    if training and emr.target != "folder":
        problems.append(("emr.target", 'must be "folder" where training = true: what is practised goes into no medical record'))
    if training and any((emr.host, emr.base_url, emr.token, emr.token_url, emr.client_id, emr.client_secret, emr.token_key, emr.password)):
        problems.append(("emr.base_url", "remove the EMR's address and sign-in where training = true: a folder needs none"))
    return problems


def _anchored(database_url: str, anchor: Path) -> str:
    prefix = "sqlite:///"
    if database_url.startswith(prefix) and not database_url.startswith((prefix + "/", prefix + ":memory:")):
        return prefix + str(anchor / database_url.removeprefix(prefix))
    return database_url


def fresh(*, facility: str, data_dir: Path | None = None) -> str:
    """The text of a new configuration file, with secrets drawn for it. `data_dir`: where all that it names lies, when not beside it."""
    training = is_training(facility)
    placed = f"data_dir = {json.dumps(str(data_dir))}\n" if data_dir is not None else ""
    return f"""# pointofcare-server. Every setting can also come from the environment: POINTOFCARE_MQTT_PASSWORD, POINTOFCARE_SECRET_KEY ...
{placed}database_url = "sqlite:///{"training" if training else "pointofcare"}.sqlite"
facility = "{facility}"{f"{chr(10)}training = true" if training else ""}
secret_key = "{secrets.token_urlsafe(48)}"
password_salt = "{secrets.token_urlsafe(48)}"
signing_key = "signing-key.json"
timezone = "Asia/Ho_Chi_Minh"
languages = ["vi", "en", "fr"]

[http]
host = "127.0.0.1"
port = 8080

[second_factor]
required = true

# When the hospital gives what is ordered so many times a day, in the morning, at night: change it to the hospital's own hours. An order
# that names a word which is not here waits until somebody has clarified it.
[standard_times]
QD = ["08:00"]
BID = ["08:00", "20:00"]
TID = ["08:00", "14:00", "20:00"]
QID = ["06:00", "12:00", "18:00", "22:00"]
MORN = ["08:00"]
NOON = ["12:00"]
EVE = ["18:00"]
HS = ["21:00"]

[mqtt]
host = "127.0.0.1"
port = 1883

[emr]
target = "folder"
folder = "{"emr-training" if training else "emr-out"}"
"""
