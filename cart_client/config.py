"""The cart's configuration: one frozen value, read once at the start from a TOML file, secrets from the environment.

Every fault is told at once. Nothing else in the cart reads a file of settings or the environment.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cart_client import key_sources
from cart_client.at_rest import AtRest
from devices.broker import BrokerConfig
from devices.identity import Identity
from pointofcare.errors import ConfigError, not_a_setting
from pointofcare.labels import symbologies
from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES
from pointofcare.wire.training import SUFFIX, is_training

# A topic level: a space in a topic closes the connection on some brokers.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PASSWORD = "POC_CART_BROKER_PASSWORD"
# Stands for the name of the phone in a file for several.
_PHONE = "{phone}"
MOST_PHONES = 60
_LONGEST_SOCKET = 107


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareConfig:
    """Where updates of this program come from: `url`, `root_file` and `image_key` as the bridge's for firmware. A version has `prove_s` to
    show that it is well; it looks at `settings` before. `no_battery`: the cart hangs on mains for good. `room`, `running` and `packaged`
    are the launcher's word."""

    url: str
    root_file: Path
    image_key: Path
    ca_file: Path | None
    prove_s: float
    no_battery: bool
    room: Path
    running: str
    packaged: str
    settings: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`camera`, `decoder`, `drawers`, `scanner` and `monitor` are names with a source as the device registry understands them ("opencv:0",
    "cascade", "none", "serial:/dev/ttyACM0", "oximeter:/dev/ttyUSB0"). `camera` "none", `scanner` "" and `monitor` "" stand for there being
    none. `symbologies` are kinds of codes that the decoder reads beside those that it always does.

    The broker's password comes from the environment (`POC_CART_BROKER_PASSWORD`), never from the file. `zone` is the ward's IANA
    time zone until a chart tells it; `server_key_file` the server's public JWK, which proves the tables. `identity_dir` holds the key
    and the certificate that `pointofcare-cart enrol` got; the broker is then reached with them, and nothing has a password.

    `training`: nobody here is a real patient, as the facility's id says.

    `phone_socket` set: the screen and the camera are a phone's browser, and the pages are served on this Unix socket alone, for the
    server's gate."""

    cart: str
    facility: str
    ward: str
    zone: str
    broker: BrokerConfig
    data_dir: Path
    server_key_file: Path
    camera: str = "opencv:0"
    decoder: str = "cascade"
    symbologies: tuple[str, ...] = ()
    drawers: str = "none"
    scanner: str = ""
    monitor: str = ""
    kiosk_host: str = "127.0.0.1"
    kiosk_port: int = 8081
    language: str = DEFAULT_LANGUAGE
    training: bool = False
    identity_dir: Path | None = None
    at_rest: AtRest = field(default_factory=AtRest)
    phone_socket: Path | None = None
    software: SoftwareConfig | None = None


def load(path: Path, environment: Mapping[str, str], *, enrolling: bool = False, phone: str = "") -> Config:
    """The configuration in the TOML file at `path`; with `enrolling` the certificate need not be there yet, with `phone` it is that of
    one phone of a file for several. Raises: ConfigError naming every fault."""
    given = table_of(path)
    if phone:
        given, environment = of_phone(given, phone), own_password(environment, phone)
    return read(given, environment, beside=path.parent, enrolling=enrolling, name=path.name)


def table_of(path: Path) -> dict[str, Any]:
    """The TOML file at `path`. Raises: ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"the configuration {path} cannot be read: {exc.strerror}", remedy="give --config a readable TOML file") from exc
    except (ValueError, RecursionError) as exc:  # a number of too many digits is a plain ValueError
        raise ConfigError(f"the configuration {path} is not TOML: {exc}", remedy="mend the line that is named") from exc


def read(given: Mapping[str, object], environment: Mapping[str, str], *, beside: Path, enrolling: bool = False, name: str = "") -> Config:
    """The configuration in `given`; relative paths are taken from the folder `beside`. Raises: ConfigError naming every fault."""
    faults: list[tuple[str, str]] = []
    top = _Table(given, "", faults)
    broker, kiosk, devices, at_rest, phone = (top.table(name) for name in ("broker", "kiosk", "devices", "at_rest", "phone"))
    software = top.table("software")
    zone = top.text("zone", "Asia/Ho_Chi_Minh")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        faults.append(("zone", f"{zone!r} is not an IANA time zone; write one such as Asia/Ho_Chi_Minh"))
    host = kiosk.text("host", "127.0.0.1")
    if host != "localhost" and not _is_loopback(host):
        faults.append(("kiosk.host", "the kiosk shows patients without transport security: only a loopback address such as 127.0.0.1"))
    language = top.text("language", DEFAULT_LANGUAGE)
    if language not in LANGUAGES:
        faults.append(("language", f"one of {', '.join(LANGUAGES)}"))
    cart, facility = top.name("cart"), top.name("facility")
    training = is_training(facility)
    if given.get("training") is not None and top.flag("training") is not training:
        meant = (
            f'write true, or a facility that does not end with "{SUFFIX}"'
            if training
            else f'only with a facility that ends with "{SUFFIX}"'
        )
        faults.append(("training", meant))
    identity_text = top.text("identity_dir", "")
    identity = Identity(directory=beside / identity_text, cart=cart) if identity_text else None
    if identity is not None and not enrolling and not identity.complete:
        faults.append(("identity_dir", f"{identity.directory} holds no certificate: claim this cart, then run pointofcare-cart enrol"))
    files = {name: broker.path(name, beside) for name in ("ca_file", "cert_file", "key_file")}
    if identity is not None and any(files.values()):
        faults.append(("broker.ca_file", "identity_dir brings its own ca_file, cert_file and key_file: remove these"))
    if identity is not None:
        files = {"ca_file": identity.ca_file, "cert_file": identity.in_use, "key_file": None}
    config = Config(
        cart=cart,
        facility=facility,
        ward=top.name("ward"),
        zone=zone,
        language=language,
        data_dir=beside / top.text("data_dir", "data"),
        server_key_file=beside / top.text("server_key_file", "server-key.json"),
        training=training,
        broker=BrokerConfig(
            host=broker.text("host", "127.0.0.1"),
            port=broker.number("port", 1883, 1, 65535),
            client_id=cart,
            username=broker.text("username", "") or None,
            password=environment.get(_PASSWORD) or None,
            ca_file=files["ca_file"],
            cert_file=files["cert_file"],
            key_file=files["key_file"],
            plain_network=broker.flag("plain_network"),
        ),
        camera=devices.text("camera", "opencv:0"),
        decoder=devices.text("decoder", "cascade"),
        symbologies=devices.texts("symbologies", symbologies.faults),
        drawers=devices.text("drawers", "none"),
        scanner=devices.text("scanner", ""),
        monitor=devices.text("monitor", ""),
        kiosk_host=host,
        kiosk_port=kiosk.number("port", 8081, 0, 65535),
        identity_dir=identity.directory if identity is not None else None,
        at_rest=_at_rest(at_rest, environment, faults, beside=beside),
        phone_socket=beside / socket if (socket := phone.text("socket", "")) else None,
        software=_software(software, environment, beside, beside / name) if "software" in given else None,
    )
    if config.phone_socket is not None and len(os.fsencode(config.phone_socket)) > _LONGEST_SOCKET:
        faults.append(("phone.socket", f"the path of a Unix socket has at most {_LONGEST_SOCKET} bytes"))
    if identity is None and (config.broker.cert_file is None) != (config.broker.key_file is None):
        faults.append(("broker.key_file", "cert_file and key_file come together"))
    for table in (top, broker, kiosk, devices, at_rest, phone, software):
        table.refuse_unknown()
    if faults:
        told = "; ".join(f"{where}: {what}" for where, what in faults)
        raise ConfigError(f"the cart's configuration has {len(faults)} faults: {told}", problems=tuple(faults), remedy="mend them all")
    return config


def phones(given: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the phones of a file for several. Raises: ConfigError naming every fault."""
    table = given.get("phones")
    names = table.get("names") if isinstance(table, Mapping) else None
    faults: list[tuple[str, str]] = []
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_PHONES:
        faults.append(("phones.names", f'list 1 to {MOST_PHONES} names, such as "phone-01": each is a cart of its own'))
        names = []
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            faults.append(("phones.names", f"{name!r}: 1 to 64 of A-Z a-z 0-9 _ -"))
    if len({str(name).lower() for name in names}) < len(names):
        faults.append(("phones.names", "two phones have one name"))
    if not isinstance(table, Mapping) or not isinstance(table.get("sockets"), str) or not table.get("sockets"):
        faults.append(("phones.sockets", "required: the folder of the sockets, which the server's gate has too"))
    elif set(table) - {"names", "sockets"}:
        faults.append(("phones", "names and sockets, nothing else"))
    # What two phones shared would be one journal, one identity or one key for two sessions.
    for where, key in (("", "data_dir"), ("", "identity_dir"), ("at_rest", "key"), ("broker", "username"), ("broker", "cert_file")):
        within = given.get(where) if where else given
        value = within.get(key) if isinstance(within, Mapping) else None
        if (value or key == "data_dir") and _PHONE not in str(value):
            faults.append((f"{where}.{key}".lstrip("."), f"write {_PHONE} into it, for the name of the phone: each has its own"))
    for key in ("cart", "kiosk", "devices", "phone"):
        if key in given:
            faults.append((key, "not in a file for several phones: each has its name, its socket and no device"))
    if faults:
        told = "; ".join(f"{where}: {what}" for where, what in faults)
        raise ConfigError(
            f"the configuration of the phones has {len(faults)} faults: {told}", problems=tuple(faults), remedy="mend them all"
        )
    return tuple(str(name) for name in names)


def of_phone(given: Mapping[str, object], phone: str) -> dict[str, object]:
    """The configuration of one phone's cart, out of a file for several. Raises: ConfigError."""
    if phone not in phones(given):
        raise ConfigError(
            f"no phone {phone!r}", problems=(("phones.names", f"{phone} is not among them"),), remedy="add it to phones.names"
        )
    shared = {key: _named(value, phone) for key, value in given.items() if key != "phones"}
    table = given["phones"]
    assert isinstance(table, Mapping)
    return {**shared, "cart": phone, "phone": {"socket": f"{table['sockets']}/{phone}.sock"}, "devices": {"camera": "none"}}


def own_password(environment: Mapping[str, str], phone: str) -> dict[str, str]:
    """The environment with the broker's password of this phone (`POC_CART_BROKER_PASSWORD_PHONE_01`), where it has one of its own."""
    own = environment.get(f"{_PASSWORD}_{re.sub('[^A-Z0-9]', '_', phone.upper())}")
    return {**environment, _PASSWORD: own} if own else dict(environment)


def only_own(environment: Mapping[str, str], phone: str) -> dict[str, str]:
    """The environment for the process of one phone: no other phone's password is in it."""
    kept = {key: value for key, value in environment.items() if not key.startswith(f"{_PASSWORD}_")}
    mine = own_password(environment, phone)
    return {**kept, **({_PASSWORD: mine[_PASSWORD]} if _PASSWORD in mine else {})}


def _named(value: object, phone: str) -> object:
    if isinstance(value, Mapping):
        return {key: _named(each, phone) for key, each in value.items()}
    return value.replace(_PHONE, phone) if isinstance(value, str) else value


def _at_rest(given: _Table, environment: Mapping[str, str], faults: list[tuple[str, str]], *, beside: Path) -> AtRest:
    text, source = given.text("key", ""), None
    try:
        source = key_sources.parse(text, beside=beside) if text else None
    except ValueError as exc:
        faults.append(("at_rest.key", str(exc)))
    hours = given.number("erase_expired_after_h", 24, 0, 24 * 30)
    folder = environment.get("CREDENTIALS_DIRECTORY")  # set by systemd for the unit that loads a credential
    return AtRest(source=source, credentials=Path(folder) if folder else None, erase_expired_after=timedelta(hours=hours))


def _software(given: _Table, environment: Mapping[str, str], beside: Path, settings: Path) -> SoftwareConfig | None:
    """None where the launcher did not start this program: there would be nothing that goes back."""
    root_file, image_key, ca_file = (given.path(name, beside) for name in ("root_file", "image_key", "ca_file"))
    url, prove_min, no_battery = given.text("url", ""), given.number("prove_min", 10, 1, 60), given.flag("no_battery")
    if not url.startswith(("http://", "https://")) or root_file is None or image_key is None:
        given.refuse("url", "url (http or https), root_file and image_key come together: where updates of this program come from")
        return None
    room = environment.get("POINTOFCARE_CART_SOFTWARE")
    if not room:
        return None
    return SoftwareConfig(
        url=url.rstrip("/"),
        root_file=root_file,
        image_key=image_key,
        ca_file=ca_file,
        prove_s=prove_min * 60.0,
        no_battery=no_battery,
        room=Path(room),
        running=environment.get("POINTOFCARE_CART_VERSION", ""),
        packaged=environment.get("POINTOFCARE_CART_PACKAGED", ""),
        settings=settings,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Table:
    """One TOML table: typed look-ups that note faults instead of raising."""

    def __init__(self, given: Mapping[str, object], prefix: str, faults: list[tuple[str, str]]) -> None:
        self._given, self._prefix, self._faults = given, prefix, faults
        self._asked: set[str] = set()

    def _get(self, key: str) -> object:
        self._asked.add(key)
        return self._given.get(key)

    def _fault(self, key: str, what: str) -> None:
        self._faults.append((self._prefix + key, what))

    def table(self, key: str) -> _Table:
        value = self._get(key)
        if value is not None and not isinstance(value, Mapping):
            self._fault(key, "a table")
            value = None
        return _Table(value or {}, f"{self._prefix}{key}.", self._faults)

    def text(self, key: str, default: str) -> str:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self._fault(key, "a text")
            return default
        return value

    def texts(self, key: str, faults_of: Callable[[Iterable[object]], tuple[str, ...]]) -> tuple[str, ...]:
        """A list of texts in which `faults_of` finds nothing wrong."""
        value = self._get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._fault(key, 'a list of names, such as ["ean-8"]')
            return ()
        told = faults_of(value)
        for one in told:
            self._fault(key, one)
        return () if told else tuple(dict.fromkeys(value))

    def name(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            self._fault(key, "required: 1 to 64 of A-Z a-z 0-9 _ -")
            return ""
        return value

    def number(self, key: str, default: int, least: int, most: int) -> int:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._fault(key, f"a whole number from {least} to {most}")
            return default
        return value

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if value is not None and not isinstance(value, bool):
            self._fault(key, "true or false")
        return value is True

    def path(self, key: str, beside: Path) -> Path | None:
        value = self.text(key, "")
        if not value:
            return None
        if not (beside / value).is_file():
            self._fault(key, f"the file {beside / value} does not exist")
        return beside / value

    def refuse(self, key: str, what: str) -> None:
        self._fault(key, what)

    def refuse_unknown(self) -> None:
        for key in self._given:
            if key not in self._asked:
                self._fault(key, not_a_setting(key, self._asked))
