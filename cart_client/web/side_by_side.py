"""What is ordered beside what was scanned, line by line, with what differs marked.

What differs is what a finding says: nothing is compared here. Must never mark a line as right that no verdict called so: only a
screen that permits the dose says so of its lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointofcare.labels.scan import DrugScan, TextScan
from pointofcare.products import Product
from pointofcare.verdict.finding import Level

if TYPE_CHECKING:
    from cart_client.web.words import Words

# On which line a rule's finding is shown.
_LINES: Mapping[str, tuple[str, ...]] = {
    "patient": ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "D13"),
    "drug": ("D1", "D2", "D4", "D7", "D8", "D10", "D11", "D12", "D14", "D15", "G5", "I1", "I3"),
    "route": ("D9",),
    "dose": ("Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7", "N3", "C1"),
    "time": ("D3", "T1", "T2", "T3", "T4", "N2", "S3", "S4"),
    "pack": ("G1", "G2", "G3", "G4", "G6", "G7", "I2", "I7"),
}
_ALWAYS = frozenset({"patient", "drug", "dose"})
_DIFFERS, _ASKS, _RIGHT = "differs", "asks", "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`state` is differs (it stops the dose), asks (it must be answered), right, or "" where nothing is said of it."""

    name: str
    ordered: str
    scanned: str
    state: str = ""


def lines(words: Words) -> tuple[Line, ...]:
    """For the dose on the screen; a line of which neither side is known is left out."""
    view = words.view
    order, near = view.order, words.near_order()
    shown = order or near
    found = (
        Line(name="patient", ordered=_whose(words, shown.patient) if shown else "", scanned=view.patient.name if view.patient else ""),
        Line(name="drug", ordered=words.drug(shown) if shown else "" if view.choices else words.t("no-order"), scanned=_drugs(words)),
        Line(name="form", ordered=words.coded("form", shown.form) if shown else "", scanned=_forms(words)),
        Line(name="route", ordered=words.route(shown.route) if shown else "", scanned=_routes(words)),
        Line(name="dose", ordered=words.dose(shown) if shown else "", scanned=_dose(words)),
        Line(name="time", ordered=_due(words), scanned=words.t("now-at", time=words.clock(view.at))),
        Line(name="pack", ordered="", scanned="; ".join(dict.fromkeys(part for unit in view.units if (part := words.pack(unit.scan))))),
    )
    marked = tuple(_marked(words, line, near=near is not None) for line in found if line.ordered or line.scanned)
    if words.face() in ("stop", "changed"):  # beside what stops it there is room for what differs, and for what must be seen of any dose
        return tuple(line for line in marked if line.state or line.name in _ALWAYS)
    return marked


def _marked(words: Words, line: Line, *, near: bool) -> Line:
    rules = _LINES.get(line.name, ())
    levels = [f.level for f in words.findings() if not f.satisfied and f.rule in rules]
    worst = max(levels, default=Level.PASS)
    state = _DIFFERS if worst is Level.STOP else _ASKS if worst >= Level.WARN else ""
    if not state and near and line.name in ("form", "route") and line.ordered and line.scanned and not _fits(words, line.name):
        state = _DIFFERS
    if not state and words.face() == "pass" and line.name != "pack":
        state = _RIGHT
    return Line(name=line.name, ordered=line.ordered, scanned=line.scanned, state=state)


def _fits(words: Words, name: str) -> bool:
    order = words.near_order()
    known = [unit.product for unit in words.view.units if unit.product is not None]
    if order is None:
        return True
    return all(product.form == order.form if name == "form" else order.route in product.routes for product in known)


def _whose(words: Words, patient: str) -> str:
    return next((each.name for each in words.view.beds if each.id == patient), patient)


def _products(words: Words) -> list[Product]:
    return [unit.product for unit in words.view.units if unit.product is not None]


def _drugs(words: Words) -> str:
    names = [
        words.spelled(unit.product.name)
        if unit.product
        else words.bag(unit.scan) or (words.t("product-unknown") if isinstance(unit.scan, DrugScan | TextScan) else words.pack(unit.scan))
        for unit in words.view.units
    ]
    return " + ".join(dict.fromkeys(names))


def _forms(words: Words) -> str:
    return ", ".join(dict.fromkeys(words.coded("form", product.form) for product in _products(words)))


def _routes(words: Words) -> str:
    """What the pack may be used for."""
    return ", ".join(dict.fromkeys(words.route(route) for product in _products(words) for route in product.routes))


def _dose(words: Words) -> str:
    """What was drawn, else how many of which strength: sums are the verdict's."""
    intent = words.view.session.intent
    if words.masked():
        return words.t("hidden-until-second")
    if intent.dose is not None:
        return words.amount(intent.dose)
    counted: dict[str, int] = {}
    for unit in words.view.units:
        strengths = " + ".join(words.amount(each.amount) for each in unit.product.ingredients if each.amount) if unit.product else ""
        if strengths:
            counted[strengths] = counted.get(strengths, 0) + 1
    return " + ".join(f"{number} × {strength}" for strength, number in counted.items())


def _due(words: Words) -> str:
    due = words.view.due
    return words.t("due-at", time=words.moment(due)) if due is not None else ""
