"""What the carts' microcontrollers run, counted by image, for the page of firmware. Reads only; a fixed number of statements."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from server.store.tables import CartFirmwareRow
from server.store.transaction import Transaction

NAMED = 12
MOST_IMAGES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """So many carts run one image. `image_hash` None: they do not tell it; `carts` names the first of them."""

    image_hash: str | None
    version: str
    hardware: str | None
    number: int
    unconfirmed: int
    carts: tuple[str, ...]


def running(tx: Transaction) -> tuple[Running, ...]:
    """The images that most carts run, first."""
    row = CartFirmwareRow
    grouped = tx.session.execute(
        select(
            row.image_hash,
            row.version,
            row.hardware,
            func.count().label("number"),
            func.count().filter(row.confirmed.is_(False)).label("unconfirmed"),
        )
        .where(row.facility == tx.facility)
        .group_by(row.image_hash, row.version, row.hardware)
        .order_by(func.count().desc(), row.version, row.image_hash)
        .limit(MOST_IMAGES)
    ).all()
    place = func.row_number().over(partition_by=(row.image_hash, row.version, row.hardware), order_by=row.cart).label("place")
    ranked = select(row.image_hash, row.version, row.hardware, row.cart, place).where(row.facility == tx.facility).subquery()
    named: dict[tuple[str | None, str, str | None], list[str]] = {}
    for image_hash, version, hardware, cart in tx.session.execute(
        select(ranked.c.image_hash, ranked.c.version, ranked.c.hardware, ranked.c.cart)
        .where(ranked.c.place <= NAMED)
        .order_by(ranked.c.cart)
        .limit(NAMED * MOST_IMAGES)
    ):
        named.setdefault((image_hash, version, hardware), []).append(cart)
    return tuple(
        Running(
            image_hash=one.image_hash,
            version=one.version,
            hardware=one.hardware,
            number=one.number,
            unconfirmed=one.unconfirmed,
            carts=tuple(named.get((one.image_hash, one.version, one.hardware), ())),
        )
        for one in grouped
    )
