"""What labels are printed on, and by which printers: data that a hospital adds to in a TOML file, nothing that a program decides.

Sizes are in millimetres as a person holds the printed label upright. Must never hold what a label says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pointofcare.errors import ConfigError

RESOLUTIONS = (203, 300, 600)
KINDS = ("unit-dose", "bag", "badge", "drawer", "band")
# GS1 General Specifications, symbol specification tables of healthcare items and of (8018): the least X-dimension of a matrix symbol.
LEAST_MODULE_MM = 0.254


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """`kind` is one of `KINDS`. `module_mm` is the size of one square of the symbol that is wanted: it is made smaller, never below
    `LEAST_MODULE_MM`, where the label is small. `stacked`: the words stand below the symbol, not beside it. `turned`: the label
    leaves the printer sideways, as bands do. `start_mm` at its left end stays empty (a clasp)."""

    id: str
    kind: str
    width_mm: float
    height_mm: float
    margin_mm: float = 1.0
    module_mm: float = 0.38
    stacked: bool = False
    turned: bool = False
    start_mm: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Printer:
    """A label printer that speaks ZPL over TCP. `stock` is what is loaded. `font` False: words are sent as pictures, so that every letter
    is on paper as it was checked, whatever letters the printer knows; True: as text, with the printer's own Unicode font."""

    id: str
    name: str
    host: str
    port: int = 9100
    dpi: int = 203
    stock: str = ""
    font: bool = False


_SHIPPED = (
    Stock(id="unit-dose-38x25", kind="unit-dose", width_mm=38, height_mm=25),
    Stock(id="unit-dose-50x30", kind="unit-dose", width_mm=50, height_mm=30, margin_mm=1.5),
    Stock(id="unit-dose-32x16", kind="unit-dose", width_mm=32, height_mm=16, margin_mm=0.8, module_mm=0.34),
    Stock(id="bag-100x50", kind="bag", width_mm=100, height_mm=50, margin_mm=2, module_mm=0.75),
    Stock(id="bag-70x50", kind="bag", width_mm=70, height_mm=50, margin_mm=2, module_mm=0.6),
    Stock(id="badge-54x86", kind="badge", width_mm=54, height_mm=86, margin_mm=4, module_mm=0.9, stacked=True),
    Stock(id="drawer-50x25", kind="drawer", width_mm=50, height_mm=25, margin_mm=1.5, module_mm=0.55),
    Stock(id="band-279x25", kind="band", width_mm=279, height_mm=25, margin_mm=3, module_mm=0.55, turned=True, start_mm=35),
    Stock(id="band-178x25", kind="band", width_mm=178, height_mm=25, margin_mm=3, module_mm=0.5, turned=True, start_mm=28),
    Stock(id="band-160x19", kind="band", width_mm=160, height_mm=19, margin_mm=2, module_mm=0.42, turned=True, start_mm=28),
)
SHIPPED: Mapping[str, Stock] = MappingProxyType({stock.id: stock for stock in _SHIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """Every stock and printer of the hospital, by id."""

    stocks: Mapping[str, Stock]
    printers: Mapping[str, Printer]

    def of_kind(self, kind: str) -> tuple[Stock, ...]:
        return tuple(stock for stock in self.stocks.values() if stock.kind == kind)

    def loaded_with(self, stock: str) -> tuple[Printer, ...]:
        """The printers that hold this stock, or may hold any."""
        return tuple(printer for printer in self.printers.values() if printer.stock in ("", stock))


NONE = Equipment(stocks=SHIPPED, printers=MappingProxyType({}))


def load(path: Path | None) -> Equipment:
    """What ships, and what the file adds as `[[stock]]` and `[[printer]]`; a stock of the same id replaces ours. Raises: ConfigError."""
    if path is None:
        return NONE
    try:
        return read(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="correct labels.equipment_file") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path} is not TOML: {exc}", problems=((str(path), str(exc)),)) from exc


def read(values: Mapping[str, Any]) -> Equipment:
    """As `load`, of parsed TOML. Raises: ConfigError with every fault."""
    problems: list[tuple[str, str]] = [(name, "is not known here") for name in values if name not in ("stock", "printer")]
    stocks = dict(SHIPPED)
    for place, row in enumerate(_rows(values, "stock", problems)):
        where = f"stock[{place}]"
        found = _made(Stock, row, where, problems)
        if found is None:
            continue
        if found.kind not in KINDS:
            problems.append((f"{where}.kind", f"must be one of {', '.join(KINDS)}"))
        elif not (8 <= found.width_mm <= 400 and 8 <= found.height_mm <= 400) or found.module_mm < LEAST_MODULE_MM:
            problems.append((where, f"sizes are 8 to 400 mm, module_mm at least {LEAST_MODULE_MM}"))
        else:
            stocks[found.id] = found
    printers: dict[str, Printer] = {}
    for place, row in enumerate(_rows(values, "printer", problems)):
        where = f"printer[{place}]"
        printer = _made(Printer, row, where, problems)
        if printer is None:
            continue
        if printer.dpi not in RESOLUTIONS:
            problems.append((f"{where}.dpi", f"must be one of {', '.join(map(str, RESOLUTIONS))}"))
        elif printer.stock and printer.stock not in stocks:
            problems.append((f"{where}.stock", "no stock has this id"))
        elif not 1 <= printer.port <= 65535 or printer.id in printers:
            problems.append((where, "the port is 1 to 65535, the id is used once"))
        else:
            printers[printer.id] = printer
    if problems:
        raise ConfigError("the label printers are not set up", problems=tuple(problems), remedy="correct the file of labels.equipment_file")
    return Equipment(stocks=MappingProxyType(stocks), printers=MappingProxyType(printers))


def _rows(values: Mapping[str, Any], name: str, problems: list[tuple[str, str]]) -> list[Mapping[str, Any]]:
    rows = values.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        problems.append((name, f"write [[{name}]] and its fields below"))
        return []
    return rows


def _made(kind: Any, row: Mapping[str, Any], where: str, problems: list[tuple[str, str]]) -> Any:
    """One value of the row, None with its problems noted."""
    before = len(problems)
    types: Mapping[str, str] = {name: str(each) for name, each in kind.__annotations__.items()}
    needed = {Stock: ("id", "kind", "width_mm", "height_mm"), Printer: ("id", "name", "host")}[kind]
    problems += [(f"{where}.{name}", "is missing") for name in needed if name not in row]
    made: dict[str, Any] = {}
    for name, value in row.items():
        wanted = types.get(name)
        if wanted is None:
            problems.append((f"{where}.{name}", "is not known here"))
        elif wanted == "float" and isinstance(value, int | float) and not isinstance(value, bool):
            made[name] = float(value)
        elif type(value).__name__ != wanted or value == "":
            problems.append((f"{where}.{name}", f"must be a {wanted}"))
        else:
            made[name] = value
    return kind(**made) if len(problems) == before else None
