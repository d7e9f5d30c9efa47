"""Queries about the hospital's drug catalogue. A line is known by what tells it apart; which product it is, a person says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from server.store.folding import folded, like
from server.store.tables import CatalogueLineRow
from server.store.transaction import Transaction
from server.store.versions import insertion


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`cells` is every cell that was filled, by column. `unclear` is why the strength does not compute; None: it does."""

    id: str
    medicine: str
    registration: str
    name: str
    cells: Mapping[str, str]
    valid_from: date | None = None
    valid_to: date | None = None
    unclear: str | None = None
    product: str | None = None

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def cell(self, name: str) -> str:
        return self.cells.get(name, "")


def put(tx: Transaction, line: Line) -> None:
    """Inserts or replaces it; which product it is stays as it was, unless `line` says one."""
    row: dict[str, Any] = {
        "medicine": line.medicine,
        "registration": line.registration,
        "name": line.name,
        "search": folded("\n".join((line.name, line.medicine, line.registration, line.cell("TEN_HOAT_CHAT"), line.cell("GTIN")))),
        "cells": dict(line.cells),
        "valid_from": line.valid_from,
        "valid_to": line.valid_to,
        "unclear": line.unclear,
        "changed_by": tx.actor.id,
        "changed_at": tx.at,
    }
    if line.product is not None:
        row["product"] = line.product
    new = insertion(tx, CatalogueLineRow).values(facility=tx.facility, id=line.id, **row)
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "id"], set_=row))


def get(tx: Transaction, line: str) -> Line | None:
    row = tx.session.get(CatalogueLineRow, (tx.facility, line), populate_existing=True)
    return None if row is None else _line(row)


def known(tx: Transaction, lines: Collection[str]) -> dict[str, Line]:
    found: dict[str, Line] = {}
    listed = sorted(lines)
    for start in range(0, len(listed), 500):
        row = CatalogueLineRow
        query = select(row).where(row.facility == tx.facility, row.id.in_(listed[start : start + 500]))
        found |= {one.id: _line(one) for one in tx.session.scalars(query)}
    return found


def of_products(tx: Transaction, products: Collection[str]) -> dict[str, tuple[Line, ...]]:
    """Product id -> its lines."""
    found: dict[str, list[Line]] = {}
    listed = sorted(products)
    for start in range(0, len(listed), 500):
        row = CatalogueLineRow
        query = select(row).where(row.facility == tx.facility, row.product.in_(listed[start : start + 500])).order_by(row.id)
        for one in tx.session.scalars(query):
            found.setdefault(str(one.product), []).append(_line(one))
    return {product: tuple(each) for product, each in found.items()}


def link(tx: Transaction, line: str, product: str | None) -> bool:
    row = CatalogueLineRow
    query = update(row).where(row.facility == tx.facility, row.id == line)
    return tx.changed(query.values(product=product, changed_by=tx.actor.id, changed_at=tx.at)) == 1


def search(tx: Transaction, text: str = "", *, only: str = "", after: str = "", limit: int = 50) -> tuple[Line, ...]:
    """By name. `only`: "open" those that are no product yet, "unclear" those whose strength does not compute. `after`: as `place`."""
    row = CatalogueLineRow
    query = select(row).where(row.facility == tx.facility)
    for word in text.split()[:8]:
        query = query.where(row.search.like(like(word), escape="\\"))
    if only == "open":
        query = query.where(row.product.is_(None))
    elif only == "unclear":
        query = query.where(row.unclear.is_not(None))
    name, _, key = after.rpartition("~")
    if key:
        query = query.where(or_(row.name > name, and_(row.name == name, row.id > key)))
    return tuple(_line(one) for one in tx.session.scalars(query.order_by(row.name, row.id).limit(limit)))


def place(line: Line) -> str:
    return f"{line.name}~{line.id}"


def counts(tx: Transaction) -> tuple[int, int]:
    """How many lines there are, and how many of them are no product yet."""
    row = CatalogueLineRow
    total = select(func.count(), func.count(row.product)).select_from(row).where(row.facility == tx.facility)
    found, linked = tx.session.execute(total).one()
    return int(found), int(found) - int(linked)


def _line(row: CatalogueLineRow) -> Line:
    return Line(
        id=row.id,
        medicine=row.medicine,
        registration=row.registration,
        name=row.name,
        cells={str(key): str(value) for key, value in row.cells.items()},
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        unclear=row.unclear,
        product=row.product,
    )
