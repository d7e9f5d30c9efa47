"""What each cart is to run with and what it says that it runs with. Never decides which of the two is right."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from pointofcare.wire import settings
from pointofcare.wire.messages import ConfigReported
from server.store import fleet
from server.store.tables import CartConfigRow, ConfigGroupRow
from server.store.transaction import Transaction
from server.store.versions import insertion

# No honest version gets this far; a cart that says so is not followed.
HIGHEST = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class CartConfig:
    """See `CartConfigRow`."""

    cart: str
    desired_version: int = 0
    desired: Mapping[str, Any] = field(default_factory=dict, hash=False)
    desired_by: str | None = None
    desired_at: datetime | None = None
    reported_version: int | None = None
    reported: Mapping[str, Any] | None = field(default=None, hash=False)
    reported_hash: str | None = None
    reported_at: datetime | None = None
    refused: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def confirmed(self) -> bool:
        """The cart took the newest that was wanted of it."""
        return self.desired_version == 0 or self.reported_version == self.desired_version


def differing(config: CartConfig) -> dict[str, tuple[object, object]]:
    """Setting -> (what it is to be, what the cart runs with) of those that differ; None: not told. A setting that only the cart knows is
    not ours to compare, and one that an older cart does not know counts only where it is asked for."""
    if config.reported is None or not config.desired_version:
        return {}
    wanted: dict[str, object] = {**settings.whole(config.desired), **config.desired}
    told = config.reported
    names = [name for name in wanted if name in told or name in config.desired]
    return {name: (wanted[name], told.get(name)) for name in sorted(names) if not _same(wanted[name], told.get(name))}


def drifts(config: CartConfig) -> bool | None:
    """Whether the cart runs with something else than is wanted; None: nothing is wanted of it, or it has not told."""
    if config.reported is None or not config.desired_version:
        return None
    return bool(differing(config)) or not config.confirmed


def _same(one: object, other: object) -> bool:
    """1 and true are two values."""
    return type(one) is type(other) and one == other


def of_carts(tx: Transaction, carts: Collection[str]) -> dict[str, CartConfig]:
    """Cart -> its configuration, in one statement; carts of which nothing is known stay away."""
    rows = tx.session.scalars(select(CartConfigRow).where(CartConfigRow.facility == tx.facility, CartConfigRow.cart.in_(sorted(carts))))
    return {row.cart: _config(row) for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConfig:
    """What the carts of a ward are to run with. It reaches a cart only when somebody applies it."""

    ward: str
    version: int
    document: Mapping[str, Any] = field(hash=False)
    reason: str
    changed_by: str
    changed_at: datetime


def groups(tx: Transaction) -> dict[str, GroupConfig]:
    """By ward."""
    rows = tx.session.scalars(select(ConfigGroupRow).where(ConfigGroupRow.facility == tx.facility).order_by(ConfigGroupRow.ward))
    names = GroupConfig.__slots__
    return {row.ward: GroupConfig(**{name: getattr(row, name) for name in names}) for row in rows}


def put_group(tx: Transaction, ward: str, document: Mapping[str, object], *, reason: str) -> None:
    """By whoever acts."""
    values = {"document": dict(document), "reason": reason, "changed_by": tx.actor.id, "changed_at": tx.at}
    new = insertion(tx, ConfigGroupRow).values(facility=tx.facility, ward=ward, version=1, **values)
    risen = {**values, "version": ConfigGroupRow.version + 1}
    tx.session.execute(new.on_conflict_do_update(index_elements=["facility", "ward"], set_=risen))


def one(tx: Transaction, cart: str) -> CartConfig:
    """Of a cart of which nothing is known, an empty one."""
    row = tx.session.get(CartConfigRow, (tx.facility, cart))
    return _config(row) if row is not None else CartConfig(cart=cart)


def want(tx: Transaction, cart: str, document: Mapping[str, object], *, by: str, anew: bool = False) -> int:
    """The version under which `document` is wanted of the cart from now on: a new one, unless it is wanted already and not `anew`."""
    row = _row(tx, cart)
    if row.desired_version and row.desired_document == document and not anew:
        return row.desired_version
    row.desired_version = max(row.desired_version, _honest(row.reported_version)) + 1
    row.desired_document = dict(document)
    row.desired_by, row.desired_at = by, tx.at
    row.drifted = drifts(_config(row))
    fleet.touch(tx, cart)
    return row.desired_version


def reported(tx: Transaction, cart: str, told: ConfigReported) -> bool:
    """Whether it says anything new. A cart with a newer version than this server ever wanted, as after a restored backup, gets what is
    wanted under a version above it."""
    row = _row(tx, cart)
    changed = (row.reported_version, row.reported_hash, row.refused) != (told.version, told.hash, dict(told.refused))
    row.reported_version, row.reported_hash, row.reported_at = told.version, told.hash, tx.at
    row.reported_document, row.refused = dict(told.document), dict(told.refused)
    if row.desired_version and row.desired_version < _honest(told.version):
        row.desired_version = _honest(told.version) + 1
    if changed or row.drifted is None:
        row.drifted = drifts(_config(row))
        fleet.touch(tx, cart)
    return changed


def lacking(tx: Transaction, carts: Collection[str] | None = None) -> tuple[CartConfig, ...]:
    """Carts that have not said that they took what is wanted of them."""
    wanted = select(CartConfigRow).where(
        CartConfigRow.facility == tx.facility,
        CartConfigRow.desired_version > 0,
        or_(CartConfigRow.reported_version.is_(None), CartConfigRow.reported_version != CartConfigRow.desired_version),
    )
    if carts is not None:
        wanted = wanted.where(CartConfigRow.cart.in_(sorted(carts)))
    return tuple(_config(row) for row in tx.session.scalars(wanted.order_by(CartConfigRow.cart)))


def lacking_count(tx: Transaction) -> int:
    """How many carts have not taken what is wanted of them."""
    return int(
        tx.session.scalar(
            select(func.count()).where(
                CartConfigRow.facility == tx.facility,
                CartConfigRow.desired_version > 0,
                or_(CartConfigRow.reported_version.is_(None), CartConfigRow.reported_version != CartConfigRow.desired_version),
            )
        )
        or 0
    )


def _honest(version: int | None) -> int:
    return version if version is not None and 0 < version < HIGHEST else 0


def _row(tx: Transaction, cart: str) -> CartConfigRow:
    mine = select(CartConfigRow).where(CartConfigRow.facility == tx.facility, CartConfigRow.cart == cart).with_for_update()
    found = tx.session.scalars(mine).one_or_none()
    if found is not None:
        return found
    new = insertion(tx, CartConfigRow).values(facility=tx.facility, cart=cart, desired_version=0, desired_document={}, refused={})
    tx.session.execute(new.on_conflict_do_nothing())
    return tx.session.scalars(mine).one()


def _config(row: CartConfigRow) -> CartConfig:
    return CartConfig(
        cart=row.cart,
        desired_version=row.desired_version,
        desired=row.desired_document or {},
        desired_by=row.desired_by,
        desired_at=row.desired_at,
        reported_version=row.reported_version,
        reported=row.reported_document,
        reported_hash=row.reported_hash,
        reported_at=row.reported_at,
        refused=row.refused or {},
    )
