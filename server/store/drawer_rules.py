"""Rules of who may open which drawer without a patient, and what goes with them. Small tables, read whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from pointofcare.fleet.drawer_access import DEFAULT_OPEN_MIN, DrawerPolicy, DrawerRule
from server.store.stock import FILL
from server.store.tables import CartRow, DrawerRuleRow, DrawerSettingRow, StockMoveRow
from server.store.transaction import Transaction

MOST_RULES = 200
# A drawer that nobody filled for so long holds nothing controlled.
FILLED_WITHIN = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`pin_days` 0: no PIN is too old. `revision` 0: nobody ever set them."""

    open_min: int = DEFAULT_OPEN_MIN
    pin_digits: int = 6
    pin_days: int = 0
    revision: int = 0

    @property
    def open_for(self) -> timedelta:
        return timedelta(minutes=self.open_min)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRule:
    """`ward` "": every ward."""

    id: int
    ward: str
    rule: DrawerRule
    added_by: str
    added_at: datetime


def settings(tx: Transaction) -> Settings:
    row = tx.session.get(DrawerSettingRow, tx.facility)
    if row is None:
        return Settings()
    return Settings(open_min=row.open_min, pin_digits=row.pin_digits, pin_days=row.pin_days, revision=row.revision)


def put_settings(tx: Transaction, new: Settings) -> bool:
    """False: somebody else changed them after `new.revision` was shown."""
    row = tx.session.get(DrawerSettingRow, tx.facility, with_for_update=True, populate_existing=True)
    if (row.revision if row is not None else 0) != new.revision:
        return False
    if row is None:
        row = DrawerSettingRow(facility=tx.facility, revision=0)
        tx.session.add(row)
    row.open_min, row.pin_digits, row.pin_days = new.open_min, new.pin_digits, new.pin_days
    row.revision = new.revision + 1
    row.changed_by, row.changed_at = tx.actor.id, tx.at
    tx.session.flush()
    return True


def rules(tx: Transaction, ward: str | None = None) -> tuple[KeptRule, ...]:
    """Those that hold, of `ward` and of every ward; None: all of the facility."""
    row = DrawerRuleRow
    query = select(row).where(row.facility == tx.facility, row.ended_at.is_(None))
    if ward is not None:
        query = query.where(or_(row.ward == ward, row.ward == ""))
    return tuple(
        KeptRule(
            id=one.id,
            ward=one.ward,
            rule=DrawerRule(role=one.role, drawer=one.drawer, kind=one.kind, two_people=one.two_people),
            added_by=one.added_by,
            added_at=one.added_at,
        )
        for one in tx.session.scalars(query.order_by(row.ward, row.drawer, row.kind, row.role, row.id).limit(MOST_RULES))
    )


def add(tx: Transaction, ward: str, rule: DrawerRule) -> int:
    row = DrawerRuleRow(
        facility=tx.facility,
        ward=ward,
        drawer=rule.drawer,
        kind=rule.kind,
        role=rule.role,
        two_people=rule.two_people,
        added_by=tx.actor.id,
        added_at=tx.at,
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id


def end(tx: Transaction, rule: int) -> KeptRule | None:
    """The rule that held until now, None for none."""
    held = next((one for one in rules(tx) if one.id == rule), None)
    row = DrawerRuleRow
    mine = (row.facility == tx.facility, row.id == rule, row.ended_at.is_(None))
    done = tx.session.execute(update(row).where(*mine).values(ended_by=tx.actor.id, ended_at=tx.at).returning(row.id)).first()
    return held if done is not None else None


def policy(tx: Transaction, ward: str) -> DrawerPolicy:
    """What the carts of the ward are told."""
    return DrawerPolicy(rules=tuple(kept.rule for kept in rules(tx, ward)), open_min=settings(tx).open_min, controlled=controlled(tx, ward))


def controlled(tx: Transaction, ward: str) -> dict[str, tuple[int, ...]]:
    """Cart -> its drawers that were filled with controlled drugs lately, of the ward's carts."""
    row = StockMoveRow
    query = (
        select(row.cart, row.drawer)
        .join(CartRow, (CartRow.facility == row.facility) & (CartRow.id == row.cart))
        .where(row.facility == tx.facility, row.kind == FILL, row.at >= tx.at - FILLED_WITHIN, row.drawer > 0, CartRow.ward == ward)
        .distinct()
        .order_by(row.cart, row.drawer)
    )
    found: dict[str, list[int]] = {}
    for cart, drawer in tx.session.execute(query):
        found.setdefault(cart, []).append(drawer)
    return {cart: tuple(numbers) for cart, numbers in found.items()}
