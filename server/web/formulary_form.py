"""The form of a product: from what was typed to a product, or the faults by field; and back. It reads with the same rules as an import.

Nothing is filled in that nobody wrote: an amount without a unit, a maximum of an ingredient that is not there, a hold value in a unit
that cannot be compared are faults that name their field. What two people changed at once is put together, and what both changed is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from pointofcare.people import OBSERVATION_CODES
from pointofcare.policies.entries import OBSERVATION_UNITS
from pointofcare.products import Controlled, HighAlert, HoldRule, Ingredient, MaxDaily, Product, Release
from pointofcare.quantity import Quantity
from pointofcare.texts import tall_man
from pointofcare.verdict.moment import plain
from server.usecases import import_fields as fields
from server.usecases.import_rows import FieldError, Problem
from server.web import page

ROUTES = ("PO", "SL", "NG", "IV", "IM", "SC", "PR", "INH", "NASAL", "TOP", "TD", "OPH", "OT")
INGREDIENTS, MAXIMA, HOLDS = 12, 8, 10
FLAGS = ("divisible", "multi_dose", "minibag", "vinca", "blood_component")
TEXTS = ("id", "gtin", "name", "form", "volume", "release", "high_alert", "controlled", "discard_after_opening", "hang_time", "lasa")
# The rows of the form: prefix -> (how many, columns).
ROWS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "ingredient": (INGREDIENTS, ("name", "amount", "classes")),
    "max": (MAXIMA, ("ingredient", "hard", "soft")),
    "hold": (HOLDS, ("code", "below", "above", "age", "level")),
}
OBSERVATIONS = tuple(sorted(OBSERVATION_CODES))
_TRAILING_ZERO = re.compile(r"\d[.,]\d*0(?!\d)")
_AGE_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)), ("s", timedelta(seconds=1)))


@dataclass(slots=True)
class _Reading:
    """One form being read: `told` collects the faults by field."""

    cells: Mapping[str, str]
    told: dict[str, str] = field(default_factory=dict)

    def cell(self, name: str) -> str:
        return self.cells.get(name, "").strip()

    def fault(self, name: str, code: str, value: str = "", **parameters: object) -> None:
        problem = Problem(file="", row=0, field=name, value=value[:100], code=code, parameters=parameters)
        language = page.language()
        self.told.setdefault(name, f"{problem.message_in(language)} {problem.remedy_in(language)}")

    def say(self, cell: str, code: str, **parameters: object) -> None:
        self.told.setdefault(cell, page.t(code, **parameters))

    def read(self, name: str, way: Callable[[str], Any], *, needed: bool = False) -> Any:
        """The value, None for an empty cell or a faulty one."""
        text = self.cell(name)
        if not text:
            if needed:
                self.fault(name, "needed")
            return None
        try:
            return way(text)
        except FieldError as exc:
            self.fault(name, exc.reason, text, **exc.parameters)
            return None

    def amount(self, name: str) -> Quantity | None:
        if _TRAILING_ZERO.search(self.cell(name)):
            self.say(name, "amount-trailing-zero")
            return None
        found: Quantity | None = self.read(name, fields.positive)
        return found

    def rows(self, prefix: str) -> list[tuple[int, dict[str, str]]]:
        """The filled rows, with their numbers."""
        number, columns = ROWS[prefix]
        found = [(place, {name: self.cell(f"{prefix}-{place}-{name}") for name in columns}) for place in range(1, number + 1)]
        return [(place, row) for place, row in found if any(row.values())]


def cells_of(asked: MultiDict[str, str]) -> dict[str, str]:
    """The cells of a sent form."""
    found = {name: asked.get(name, "")[:2000] for name in (*TEXTS, *FLAGS)}
    found["routes"] = "|".join(route for route in asked.getlist("routes") if route)
    for prefix, (number, columns) in ROWS.items():
        for place in range(1, number + 1):
            for name in columns:
                found[f"{prefix}-{place}-{name}"] = asked.get(f"{prefix}-{place}-{name}", "")[:500]
    return found


def fits(product: Product) -> bool:
    """Has the form a row for each of its ingredients, maxima and hold values? What it has none for it would lose."""
    return len(product.ingredients) <= INGREDIENTS and len(product.max_daily) <= MAXIMA and len(product.hold) <= HOLDS


def rows_shown(cells: Mapping[str, str], prefix: str) -> int:
    """The filled rows and two more."""
    number, columns = ROWS[prefix]
    filled = max((place for place in range(1, number + 1) if any(cells.get(f"{prefix}-{place}-{name}") for name in columns)), default=0)
    return min(filled + 2, number)


def cells_from(product: Product) -> dict[str, str]:
    """A product as the form shows it."""
    found = {
        "id": product.id,
        "gtin": product.gtin,
        "name": product.name,
        "form": product.form,
        "routes": "|".join(product.routes),
        "volume": str(product.volume or ""),
        "release": product.release.value,
        "high_alert": str(int(product.high_alert)),
        "controlled": product.controlled.value,
        "discard_after_opening": _span(product.discard_after_opening),
        "hang_time": _span(product.hang_time),
        "lasa": "\n".join(product.lasa),
        **{name: "yes" if getattr(product, name) else "" for name in FLAGS},
    }
    for place, one in enumerate(product.ingredients[:INGREDIENTS], start=1):
        found |= {
            f"ingredient-{place}-name": one.name,
            f"ingredient-{place}-amount": str(one.amount or ""),
            f"ingredient-{place}-classes": ", ".join(one.classes),
        }
    for place, most in enumerate(product.max_daily[:MAXIMA], start=1):
        found |= {f"max-{place}-ingredient": most.ingredient, f"max-{place}-hard": str(most.hard or "")}
        found[f"max-{place}-soft"] = str(most.soft or "")
    for place, rule in enumerate(product.hold[:HOLDS], start=1):
        found |= {f"hold-{place}-code": rule.code, f"hold-{place}-below": str(rule.below or "")}
        found |= {f"hold-{place}-above": str(rule.above or ""), f"hold-{place}-age": _span(rule.max_age), f"hold-{place}-level": rule.level}
    return found


def read(cells: Mapping[str, str], before: Product | None) -> tuple[Product | None, dict[str, str]]:
    """The product that the form asks for, or the faults by field. `before`: what it is now, whose id, owner and recalls it keeps."""
    form = _Reading(cells)
    routes = tuple(part for part in form.cell("routes").split("|") if part)
    if not routes:
        form.say("routes", "formulary-no-route")
    product_id = before.id if before is not None else form.read("id", fields.identifier, needed=True)
    product = Product(
        id=product_id or "",
        gtin=form.read("gtin", fields.gtin, needed=True) or "",
        name=form.read("name", fields.text, needed=True) or "",
        form=form.read("form", fields.code, needed=True) or "",
        routes=tuple(form.read("routes", fields.codes) or ()) if routes else (),
        ingredients=_ingredients(form),
        volume=form.amount("volume"),
        release=form.read("release", fields.word(Release)) or Release.IMMEDIATE,
        high_alert=HighAlert(form.read("high_alert", fields.number(0, 3)) or 0),
        controlled=form.read("controlled", fields.word(Controlled)) or Controlled.NONE,
        discard_after_opening=form.read("discard_after_opening", fields.duration),
        hang_time=form.read("hang_time", fields.duration),
        lasa=tuple(dict.fromkeys(line.strip() for line in form.cell("lasa").splitlines() if line.strip())),
        max_daily=_maxima(form),
        hold=_holds(form),
        divisible=bool(form.cell("divisible")),
        multi_dose=bool(form.cell("multi_dose")),
        minibag=bool(form.cell("minibag")),
        vinca=bool(form.cell("vinca")),
        blood_component=bool(form.cell("blood_component")),
    )
    for line in product.lasa:
        if len(line) > 100:
            form.fault("lasa", "too-long", most=100)
    held = {plain(one.name) for one in product.ingredients}
    for place, row in form.rows("max"):
        if row["ingredient"] and plain(row["ingredient"]) not in held:
            form.say(f"max-{place}-ingredient", "formulary-max-unknown", name=row["ingredient"])
    if product.discard_after_opening is not None and not product.multi_dose:
        form.say("discard_after_opening", "formulary-discard-single")
    if product.volume is not None and not product.volume.converts_to("L"):
        form.say("volume", "formulary-not-a-volume")
    if form.told:
        return None, form.told
    return (product if before is None else replace(product, recalled_lots=before.recalled_lots, owner=before.owner)), {}


def _ingredients(form: _Reading) -> tuple[Ingredient, ...]:
    found = []
    for place, row in form.rows("ingredient"):
        name = form.read(f"ingredient-{place}-name", fields.text, needed=True)
        classes = tuple(dict.fromkeys(part.strip() for part in re.split(r"[,;]", row["classes"]) if part.strip()))
        found.append(Ingredient(name=name or "", amount=form.amount(f"ingredient-{place}-amount"), classes=classes))
        if "/" in (name or "") or "|" in (name or ""):
            form.say(f"ingredient-{place}-name", "formulary-one-ingredient")
    if not found:
        form.fault("ingredient-1-name", "needed")
    names = [plain(one.name) for one in found]
    if len(set(names)) != len(names):
        form.say("ingredient-1-name", "formulary-ingredient-twice")
    return tuple(found)


def _maxima(form: _Reading) -> tuple[MaxDaily, ...]:
    found = []
    for place, row in form.rows("max"):
        hard, soft = form.amount(f"max-{place}-hard"), form.amount(f"max-{place}-soft")
        if not row["ingredient"]:
            form.fault(f"max-{place}-ingredient", "needed")
        if not row["hard"] and not row["soft"]:
            form.fault(f"max-{place}-hard", "needed")
        if hard is not None and soft is not None:
            if not soft.converts_to(hard.unit):
                form.say(f"max-{place}-soft", "formulary-units-differ")
            elif soft.exact() > hard.exact():
                form.say(f"max-{place}-soft", "formulary-soft-above-hard")
        found.append(MaxDaily(ingredient=row["ingredient"], hard=hard, soft=soft))
    return tuple(found)


def _holds(form: _Reading) -> tuple[HoldRule, ...]:
    found = []
    for place, row in form.rows("hold"):
        name = f"hold-{place}"
        code = form.read(f"{name}-code", fields.one_of(*OBSERVATIONS), needed=True)
        below, above = form.read(f"{name}-below", fields.amount), form.read(f"{name}-above", fields.amount)
        if not row["below"] and not row["above"]:
            form.say(f"{name}-below", "formulary-no-limit")
        wanted = OBSERVATION_UNITS.get(code or "")
        for part, limit in (("below", below), ("above", above)):
            if limit is not None and wanted is not None and not limit.converts_to(wanted):
                form.say(f"{name}-{part}", "formulary-hold-unit", unit=page.unit(wanted) if wanted != "1" else "1")
        if below is not None and above is not None and below.converts_to(above.unit) and below.exact() >= above.exact():
            form.say(f"{name}-above", "formulary-limits-cross")
        level = form.read(f"{name}-level", fields.one_of(*fields.HOLD_LEVELS), needed=True)
        age = form.read(f"{name}-age", fields.duration)
        found.append(HoldRule(code=code or "", below=below, above=above, max_age=age, level=level or "REASON"))
    return tuple(found)


def merged(base: Mapping[str, str], mine: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """What two people made of `base`, put together: what only one of them changed is as that one wrote it. What both changed differently
    stays as in `mine`, and is named. The rows of one kind count as one."""
    found: dict[str, str] = dict(mine)
    both: list[str] = []
    for group, names in _groups().items():
        was, here, there = ([cells.get(name, "").strip() for name in names] for cells in (base, mine, theirs))
        if here == was:
            found |= {name: theirs.get(name, "") for name in names}
        elif there not in (was, here):
            both.append(group)
    return found, tuple(both)


def _groups() -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {name: (name,) for name in (*TEXTS, *FLAGS, "routes")}
    for prefix, (number, columns) in ROWS.items():
        groups[prefix] = tuple(f"{prefix}-{place}-{name}" for place in range(1, number + 1) for name in columns)
    return groups


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the fields, or kinds of rows, that differ."""
    return tuple(
        group
        for group, names in _groups().items()
        if [one.get(name, "").strip() for name in names] != [other.get(name, "").strip() for name in names]
    )


def spellings(cells: Mapping[str, str]) -> tuple[str, ...]:
    """The name and its partners in tall man letters, as every screen will show them: for a person to look at, changed nowhere."""
    partners = [line.strip() for line in cells.get("lasa", "").splitlines() if line.strip()]
    own = [cells.get(f"ingredient-{place}-name", "").strip() for place in range(1, INGREDIENTS + 1)]
    more = tall_man.of_pairs([(name, partner) for name in own if name for partner in partners])
    return tuple(tall_man.written(name, more) for name in (cells.get("name", ""), *partners)) if partners else ()


def _span(value: timedelta | None) -> str:
    if value is None:
        return ""
    unit, one = next(((unit, one) for unit, one in _AGE_UNITS if not value % one), ("s", timedelta(seconds=1)))
    return f"{value / one:g} {unit}"
