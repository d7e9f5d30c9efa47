"""What a hospital answers: from a TOML file, from the command line, and from the person at the terminal, in this order of growing weight.

The file has the settings as `server.toml` has them, and beside them `[[wards]]` and `[administrator]`. No password stands in it.
"""

from __future__ import annotations

import argparse
import re
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError
from server.setup import writing

Ask = Callable[[str, str], str]
_WARD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LONGEST_NAME = 200
_BEYOND_SETTINGS = ("wards", "administrator")
_EMR_ADDRESS = {"fhir": "base_url", "gnuhealth": "base_url"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WardAnswer:
    """`timezone` "": that of the settings."""

    id: str
    name: str
    timezone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministratorAnswer:
    username: str
    full_name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """`settings` as TOML gives them: only what was answered."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    wards: tuple[WardAnswer, ...] = ()
    administrator: AdministratorAnswer | None = None


def of(chosen: argparse.Namespace, ask: Ask | None, held: Mapping[str, Any]) -> Answers:
    """`held` are the settings that stand already: they are what is offered. `ask` None: nobody is there to be asked.

    Raises: ConfigError with every fault at once."""
    told = _file(chosen.answers) if chosen.answers is not None else {}
    settings = writing.merged({name: value for name, value in told.items() if name not in _BEYOND_SETTINGS}, _flags(chosen))
    if chosen.emr_url is not None:
        settings = writing.merged(settings, {"emr": {_address_of(writing.merged(held, settings)): chosen.emr_url}})
    wards = [*_listed(told.get("wards", []))]
    wards += [dict(zip(("id", "name"), text.split("=", 1), strict=False)) for text in chosen.ward]
    administrator = dict(told.get("administrator", {})) if isinstance(told.get("administrator", {}), Mapping) else {}
    if chosen.administrator is not None:
        administrator["username"] = chosen.administrator
    if chosen.full_name:
        administrator["full_name"] = chosen.full_name
    if ask is not None:
        settings = _asked(ask, settings, held)
        if not wards and not held:
            while text := ask("A ward as ID=NAME, such as icu=Hồi sức tích cực (empty: no more)", ""):
                wards.append(dict(zip(("id", "name"), text.split("=", 1), strict=False)))
        if not administrator and not held:
            administrator["username"] = ask("User name of the first administrator", "")
            administrator["full_name"] = ask("Full name", administrator["username"])
    return _checked(settings, wards, administrator)


def _asked(ask: Ask, settings: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Asks for what neither the file nor the command line told."""

    def one(section: str, name: str, question: str, default: str) -> str:
        told = settings.get(section, {}).get(name) if section else settings.get(name)
        if told is not None:
            return str(told)
        stands = held.get(section, {}).get(name) if section else held.get(name)
        answer = ask(question, str(stands if stands is not None else default))
        value: object = int(answer) if name == "port" and answer.isascii() and answer.isdigit() else answer
        if answer:
            found.update(writing.merged(found, {section: {name: value}} if section else {name: value}))
        return answer

    found = dict(settings)
    one("", "facility", "Short name of the hospital, part of every topic (letters, digits, - and _)", "")
    one(
        "",
        "database_url",
        "Database (sqlite:///pointofcare.sqlite, or postgresql+psycopg://user@host/name)",
        "sqlite:///pointofcare.sqlite",
    )
    host = one("mqtt", "host", "Broker: name or address", "127.0.0.1")
    one("mqtt", "port", "Broker: port", "1883" if host in ("127.0.0.1", "localhost") else "8883")
    if host not in ("127.0.0.1", "localhost"):
        for name, question in (
            ("ca_file", "Broker: file of its authority (ca.pem)"),
            ("certificate_file", "Broker: our certificate (server.pem)"),
            ("key_file", "Broker: our key (server.key)"),
        ):
            one("mqtt", name, question, "")
    target = one("emr", "target", "Medical record: folder, fhir, hl7v2 or gnuhealth", "folder")
    if target in _EMR_ADDRESS:
        one("emr", _EMR_ADDRESS[target], "Medical record: its address (https://...)", "")
    elif target == "hl7v2":
        one("emr", "host", "Medical record: name or address of its listener", "")
        one("emr", "port", "Medical record: port of its listener", "2575")
    return found


def _flags(chosen: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if chosen.facility is not None:
        found["facility"] = chosen.facility
    if chosen.database_url is not None:
        found["database_url"] = chosen.database_url
    if chosen.broker is not None:
        host, _, port = chosen.broker.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()):
            raise ConfigError("the broker is not understood", problems=(("--broker", "write HOST:PORT, such as broker.h1.example:8883"),))
        found["mqtt"] = {"host": host.strip("[]"), "port": int(port)}
    if chosen.emr is not None:
        found["emr"] = {"target": chosen.emr}
    return found


def _address_of(settings: Mapping[str, Any]) -> str:
    """The setting that the address of the medical record is."""
    emr = settings.get("emr")
    target = emr.get("target") if isinstance(emr, Mapping) else None
    if target not in _EMR_ADDRESS:
        remedy = "goes with --emr fhir or --emr gnuhealth; of an HL7 listener write host and port under [emr] into the answers"
        raise ConfigError("the medical record's address is not understood", problems=(("--emr-url", remedy),))
    return _EMR_ADDRESS[target]


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="name a file of answers, or leave --answers away") from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{path} is not TOML: {exc}", problems=((str(path), str(exc)),)) from exc


def _listed(value: object) -> list[dict[str, Any]]:
    if isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        return [dict(each) for each in value]
    raise ConfigError("the wards are not understood", problems=(("wards", 'write each as [[wards]] with id = "icu" and name = "ICU"'),))


def _checked(settings: Mapping[str, Any], wards: list[dict[str, Any]], administrator: Mapping[str, Any]) -> Answers:
    problems: list[tuple[str, str]] = []
    made: dict[str, WardAnswer] = {}
    for place, ward in enumerate(wards):
        where = f"wards[{place}]"
        id_, name, zone = (ward.get(key, "") for key in ("id", "name", "timezone"))
        problems += [(f"{where}.{key}", "is not asked for: remove it") for key in ward if key not in ("id", "name", "timezone")]
        if not isinstance(id_, str) or not _WARD_ID.fullmatch(id_):
            problems.append((f"{where}.id", "must be 1 to 64 of A-Z a-z 0-9 _ -: carts name it in their topics"))
            continue
        if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
            problems.append((f"{where}.name", f"must be a name of at most {_LONGEST_NAME} letters"))
            continue
        if id_ in made:
            problems.append((f"{where}.id", f"{id_} was named before: each ward once"))
        if not isinstance(zone, str) or (zone and zone not in zoneinfo.available_timezones()):
            problems.append((f"{where}.timezone", "is not a time zone: write one such as Asia/Ho_Chi_Minh, or leave it away"))
            continue
        made[id_] = WardAnswer(id=id_, name=name.strip(), timezone=zone)
    known = ("username", "full_name", "email")
    problems += [(f"administrator.{key}", "is not asked for here: remove it") for key in administrator if key not in known]
    problems += [(f"administrator.{key}", "must be a text in quotes") for key in known if not isinstance(administrator.get(key, ""), str)]
    if administrator and not administrator.get("username"):
        problems.append(("administrator.username", "is missing: name one person"))
    if problems:
        raise ConfigError(f"the answers have {len(problems)} fault(s)", problems=tuple(problems))
    return Answers(
        settings=settings,
        wards=tuple(made.values()),
        administrator=AdministratorAnswer(**{key: administrator.get(key, "") for key in known}) if administrator else None,
    )
