"""How one hospital's system speaks HL7: a mapping profile, read from a TOML file that an IT person of the hospital writes.

Only what differs from the standard stands in it. Every fault of a file is told at once, with the setting and what to write instead. A
profile names codes, it never holds a rule: what a code means for a dose stands in the code table of the hospital or nowhere.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError, QuantityError, ZoneUnknownError
from pointofcare.orders import timing
from pointofcare.quantity import Quantity
from server.emr.hl7_message import DEFAULT_CHARSET, charset_is_known
from server.usecases import import_fields as fields
from server.usecases.import_fhir_dosage import UNITS as LONGER_UNITS
from server.usecases.import_fhir_orders import ROUTES as KNOWN_ROUTES
from server.usecases.import_rows import FieldError

IGNORE = "ignore"
VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6")
TAKEN = (
    "ADT^A01", "ADT^A02", "ADT^A03", "ADT^A08", "ADT^A11", "ADT^A13", "ADT^A40", "RDE^O11", "RDE^O01", "OMP^O09", "ORM^O01", "ORU^R01",
)  # fmt: skip
# Tables 0162, 0292 and what systems write for them: to the codes of orders. A hospital's own words come before these.
ROUTES: Mapping[str, str] = {
    **{code: code for code in KNOWN_ROUTES.values()},
    "IVPB": "IV", "IVP": "IV", "SQ": "SC", "SUBCUT": "SC", "IH": "INH", "NS": "NASAL", "TP": "TOP", "TDM": "TD",
}  # fmt: skip
UNITS: Mapping[str, str] = {
    **LONGER_UNITS, "MG": "mg", "G": "g", "GM": "g", "MCG": "ug", "UG": "ug", "KG": "kg", "NG": "ng", "ML": "mL", "L": "L", "MEQ": "meq",
    "mEq": "meq", "MMOL": "mmol", "TAB": "{tablet}", "TABLET": "{tablet}", "CAP": "{capsule}", "CAPSULE": "{capsule}", "AMP": "{ampoule}",
    "VIAL": "{vial}", "PUFF": "{puff}", "PATCH": "{patch}", "SUPP": "{suppository}", "ml/hr": "mL/h", "ml/h": "mL/h", "mL/hr": "mL/h",
    "ML/HR": "mL/h", "ML/H": "mL/h", "mg/hr": "mg/h", "mcg/hr": "ug/h", "mcg/kg/min": "ug/kg/min", "mcg/min": "ug/min", "hr": "h",
    "HR": "h", "MIN": "min",
}  # fmt: skip
# What a Z field may fill: cells of an order that change no dose and no time.
Z_TARGETS = ("indication", "note", "display", "prescriber", "time_critical", "needs_double_check", "own_supply")
_EVENT = re.compile(r"[A-Z]{3}\^([A-Z][0-9]{2}|\*)", re.ASCII)
_Z_FIELD = re.compile(r"Z[A-Z0-9]{2}-[1-9][0-9]{0,2}", re.ASCII)
_PATTERN = re.compile(r"Q[1-9][0-9]{0,3}[SMHDW]|Q[0-9]*J[1-7]+|PRN|C|ONCE", re.ASCII)
_TIMES = re.compile(r"[0-2][0-9]:[0-5][0-9](?: [0-2][0-9]:[0-5][0-9])*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`applications` and `facilities` are the MSH-3 and MSH-4 that it is for; both lists must hold the message's. `charset` and `timezone`
    ("": the facility's) hold where a message names none. `events` reads an event as another, or ignores it."""

    name: str
    applications: tuple[str, ...]
    facilities: tuple[str, ...]
    versions: tuple[str, ...] = VERSIONS
    charset: str = DEFAULT_CHARSET
    timezone: str = ""
    processing: tuple[str, ...] = ("P",)
    events: Mapping[str, str] = field(default_factory=dict)
    mrn_field: int = 3
    mrn_type: str = "MR"
    mrn_authority: str = ""
    mrn_repetition: int = 0
    national_types: tuple[str, ...] = ("NI", "NNVNM")
    name_order: str = "family-first"
    no_allergy: tuple[str, ...] = ("NKA", "NKDA", "716186003", "409137002")
    ward_component: int = 1
    room_component: int = 2
    bed_component: int = 3
    wards: Mapping[str, str] = field(default_factory=dict)
    beds: Mapping[str, str] = field(default_factory=dict)
    order_number: str = "placer"
    verified: bool = False
    gtin_systems: tuple[str, ...] = ("GTIN", "GS1")
    product_systems: tuple[str, ...] = ("L", "LOCAL")
    drugs: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    frequencies: Mapping[str, str] = field(default_factory=dict)
    observations: Mapping[str, str] = field(default_factory=dict)
    z_ignored: tuple[str, ...] = ()
    z_read: Mapping[str, str] = field(default_factory=dict)

    def speaks_for(self, application: str, facility: str) -> bool:
        return application in self.applications and facility in self.facilities

    def event(self, event: str) -> str:
        """What `event` is read as: itself, another, or `IGNORE`."""
        return self.events.get(event) or self.events.get(f"{event[:3]}^*") or event

    def unit(self, code: str) -> str:
        """The UCUM code, or what stood there where there is none known."""
        return self.units.get(code) or UNITS.get(code, code)

    def route(self, code: str) -> str | None:
        return self.routes.get(code) or ROUTES.get(code.upper())


def load(path: Path) -> Profile:
    """Raises: ConfigError with every fault of the file."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="correct its name in the list of profiles") from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{path} is not TOML: {exc}", problems=((str(path), f"is not TOML: {exc}"),)) from exc
    return read(values, path.name)


def read(values: Mapping[str, Any], source: str) -> Profile:
    """Raises: ConfigError."""
    reader = _Reader(values)
    sender, messages, patient = reader.section("sender"), reader.section("messages"), reader.section("patient")
    location, orders, z = reader.section("location"), reader.section("orders"), reader.section("z")
    profile = Profile(
        name=reader.text("", "name", values, "", required=True),
        applications=reader.texts("sender", "applications", sender, (), required=True),
        facilities=reader.texts("sender", "facilities", sender, (), required=True),
        versions=reader.texts("sender", "versions", sender, VERSIONS, among=VERSIONS),
        charset=reader.text("sender", "charset", sender, DEFAULT_CHARSET, check=_charset),
        timezone=reader.text("sender", "timezone", sender, "", check=_zone),
        processing=reader.texts("sender", "processing", sender, ("P",), among=("P", "T", "D")),
        events=reader.table("messages", messages, _event, key=_event_key),
        mrn_field=reader.number("patient", "mrn_field", patient, 3, 2, 4),
        mrn_type=reader.text("patient", "mrn_type", patient, "MR"),
        mrn_authority=reader.text("patient", "mrn_authority", patient, ""),
        mrn_repetition=reader.number("patient", "mrn_repetition", patient, 0, 0, 20),
        national_types=reader.texts("patient", "national_types", patient, ("NI", "NNVNM")),
        name_order=reader.text("patient", "name_order", patient, "family-first", check=_one_of("family-first", "given-first")),
        no_allergy=reader.texts("patient", "no_allergy", patient, ("NKA", "NKDA", "716186003", "409137002")),
        ward_component=reader.number("location", "ward_component", location, 1, 1, 11),
        room_component=reader.number("location", "room_component", location, 2, 0, 11),
        bed_component=reader.number("location", "bed_component", location, 3, 0, 11),
        wards=reader.table("wards", reader.section("wards"), _identifier),
        beds=reader.table("beds", reader.section("beds"), _plain),
        order_number=reader.text("orders", "number", orders, "placer", check=_one_of("placer", "filler")),
        verified=reader.flag("orders", "verified", orders, False),
        gtin_systems=reader.texts("orders", "gtin_systems", orders, ("GTIN", "GS1")),
        product_systems=reader.texts("orders", "product_systems", orders, ("L", "LOCAL")),
        drugs=reader.table("drugs", reader.section("drugs"), _plain),
        forms=reader.table("forms", reader.section("forms"), _one_word),
        units=reader.table("units", reader.section("units"), _unit),
        routes=reader.table("routes", reader.section("routes"), _one_of(*sorted(set(KNOWN_ROUTES.values())))),
        frequencies=reader.table("frequencies", reader.section("frequencies"), _frequency),
        observations=reader.table("observations", reader.section("observations"), _one_of("weight", *sorted(fields.OBSERVATION_CODES))),
        z_ignored=reader.texts("z", "ignored", z, ()),
        z_read=reader.table("z.read", reader.section("read", of=z, path="z.read"), _one_of(*Z_TARGETS), key=_z_field),
    )
    reader.unknown()
    if reader.problems:
        lines = "; ".join(f"{where}: {what}" for where, what in reader.problems)
        raise ConfigError(
            f"{source} has {len(reader.problems)} fault(s): {lines}",
            problems=tuple((f"{source}: {where}", what) for where, what in reader.problems),
        )
    return profile


Check = Callable[[str], str]


class _Reader:
    """Takes the settings, collects every fault, and notices what nobody asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._asked: dict[str, set[str]] = {}
        self._sections: dict[str, Mapping[str, Any]] = {"": values}
        self._free: set[str] = set()
        self.problems: list[tuple[str, str]] = []

    def section(self, name: str, *, of: Mapping[str, Any] | None = None, path: str = "") -> Mapping[str, Any]:
        path = path or name
        self._asked.setdefault(path.rpartition(".")[0], set()).add(name)
        found = (self._values if of is None else of).get(name, {})
        if not isinstance(found, Mapping):
            self.problems.append((path, f"make it a table: [{path}]"))
            found = {}
        self._sections[path] = found
        return found

    def _take(self, section: str, name: str, values: Mapping[str, Any]) -> tuple[str, Any]:
        self._asked.setdefault(section, set()).add(name)
        return f"{section}.{name}" if section else name, values.get(name)

    def text(
        self, section: str, name: str, values: Mapping[str, Any], default: str, *, required: bool = False, check: Check | None = None
    ) -> str:
        path, found = self._take(section, name, values)
        if found is None:
            if required:
                self.problems.append((path, "is missing: write a text in quotes"))
            return default
        if not isinstance(found, str) or (required and not found.strip()):
            self.problems.append((path, "must be a text in quotes"))
            return default
        return self._checked(path, found, check)

    def texts(
        self,
        section: str,
        name: str,
        values: Mapping[str, Any],
        default: tuple[str, ...],
        *,
        required: bool = False,
        among: tuple[str, ...] = (),
    ) -> tuple[str, ...]:
        path, found = self._take(section, name, values)
        if found is None:
            if required:
                self.problems.append((path, 'is missing: write a list of texts, such as ["HIS"]'))
            return default
        if not isinstance(found, list) or any(not isinstance(each, str) or not each.strip() for each in found) or (required and not found):
            self.problems.append((path, 'must be a list of texts, such as ["HIS"]'))
            return default
        strange = [each for each in found if among and each not in among]
        if strange:
            self.problems.append((path, f"{', '.join(map(repr, strange))} is none of {', '.join(among)}"))
        return tuple(found)

    def number(self, section: str, name: str, values: Mapping[str, Any], default: int, least: int, most: int) -> int:
        path, found = self._take(section, name, values)
        if found is None:
            return default
        if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
            self.problems.append((path, f"must be a whole number from {least} to {most}"))
            return default
        return found

    def flag(self, section: str, name: str, values: Mapping[str, Any], default: bool) -> bool:
        path, found = self._take(section, name, values)
        if found is None:
            return default
        if not isinstance(found, bool):
            self.problems.append((path, "must be true or false"))
            return default
        return found

    def table(self, path: str, values: Mapping[str, Any], check: Check, *, key: Check | None = None) -> dict[str, str]:
        """Codes of the other system to ours; the keys are the hospital's."""
        self._free.add(path)
        found = {}
        for name, value in values.items():
            where = f'{path}."{name}"'
            if not isinstance(value, str):
                self.problems.append((where, "must be a text in quotes"))
                continue
            if key is not None:
                self._checked(where, name, key)
            found[name] = self._checked(where, value, check)
        return found

    def _checked(self, path: str, value: str, check: Check | None) -> str:
        if check is None:
            return value
        try:
            return check(value)
        except ValueError as exc:
            self.problems.append((path, f"{value!r} {exc}"))
            return value

    def unknown(self) -> None:
        for path, values in self._sections.items():
            if path in self._free:
                continue
            for name in values:
                if name not in self._asked.get(path, set()):
                    where = f"{path}.{name}" if path else name
                    self.problems.append((where, "is not a setting: remove it or correct its spelling"))


def _charset(value: str) -> str:
    if not charset_is_known(value):
        raise ValueError('is not a character set of table 0211: write one such as "UNICODE UTF-8" or "8859/1"')
    return value


def _zone(value: str) -> str:
    try:
        timing.zone_of(value)
    except ZoneUnknownError:
        raise ValueError("is not a time zone: write one such as Asia/Ho_Chi_Minh") from None
    return value


def _event_key(value: str) -> str:
    if not _EVENT.fullmatch(value):
        raise ValueError("is not an event: write one such as ADT^A04, or SIU^* for all of a kind")
    return value


def _event(value: str) -> str:
    if value != IGNORE and value not in TAKEN:
        raise ValueError(f'is not read here: write "{IGNORE}" or one of {", ".join(TAKEN)}')
    return value


def _z_field(value: str) -> str:
    if not _Z_FIELD.fullmatch(value):
        raise ValueError("is not a field of a Z segment: write one such as ZRX-3")
    return value


def _one_of(*words: str) -> Check:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"is none of {', '.join(words)}")
        return value

    return check


def _identifier(value: str) -> str:
    try:
        return fields.identifier(value)
    except FieldError:
        raise ValueError("is not an id: letters without marks, digits, dot, underscore and hyphen, at most 64") from None


def _plain(value: str) -> str:
    if not value.strip() or len(value) > 64 or not value.isprintable():
        raise ValueError("is not usable: 1 to 64 letters, digits or signs")
    return value


def _one_word(value: str) -> str:
    if len(value.split()) != 1 or len(value) > 64:
        raise ValueError("must be one word, as on the products: tablet, capsule, injection")
    return value


def _unit(value: str) -> str:
    try:
        return Quantity.parse(f"1 {value}").unit
    except QuantityError:
        raise ValueError("is not a UCUM unit: write one such as mg, mL, [IU], {tablet}, mL/h") from None


def _frequency(value: str) -> str:
    """Times of day, "08:00 20:00", with "every 2 d" behind them where it is not each day; or a repeat pattern that says all by itself."""
    if _PATTERN.fullmatch(value):
        return value
    times, _, every = value.partition(" every ")
    clocks = times.split()
    try:
        is_good = bool(_TIMES.fullmatch(times)) and len({time.fromisoformat(clock) for clock in clocks}) == len(clocks)
    except ValueError:
        is_good = False
    if not is_good or (every and not re.fullmatch(r"[1-9][0-9]? d", every, re.ASCII)):
        raise ValueError('names no times: write "08:00 20:00", "08:00 every 2 d", or a pattern: Q6H, QJ135, PRN, ONCE, C')
    return value
