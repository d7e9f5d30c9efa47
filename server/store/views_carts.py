"""The list of carts: those that fit what was asked for, a page at a time, and how many fit each choice. Reads only.

However many carts there are, a look is a fixed number of statements. What a cart told is taken from columns that were checked when
they were written, never out of its own documents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, false, func, literal, or_, select, union_all

from server.store.tables import CartAlertRow, CartAssetRow, CartBatteryRow, CartConfigRow, CartRow, MachineCertificateRow
from server.store.transaction import Transaction
from server.store.views_fleet import ONLINE_PHASES, SILENT_AFTER, is_silent

LOW_BATTERY_PERCENT = 30
FULL_BATTERY_PERCENT = 70
WORN_PERCENT = 70
GOOD_PERCENT = 85
OLD_CHART_S = 4 * 3600
CERTIFICATE_SOON = timedelta(days=30)
# So many different versions and wards are offered as choices; others are found by typing.
MOST_CHOICES = 60
MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLine:
    """One cart in the list. None: not known. `certificate_ends_at` is of the newest certificate that is in force, None: there is none.
    `drift` None: nothing was compared, for the cart has not reported its configuration."""

    id: str
    ward: str
    phase: str
    last_seen_at: datetime | None
    battery_percent: float | None
    charging: bool | None
    health_percent: float | None
    battery_cycles: int | None
    battery_cel: float | None
    app_version: str
    mcu_version: str
    unsent: int | None
    chart_age_s: float | None
    certificate_ends_at: datetime | None
    alerts: int
    critical: int
    drift: bool | None
    load_percent_h: float | None
    spread_percent_h: float | None
    seen_h: float
    replace_on: date | None
    tag: str
    ward_home: str
    telemetry: Mapping[str, Any]
    silent_at: datetime | None = None

    def online(self, now: datetime) -> bool:
        return self.phase in ONLINE_PHASES and not self.silent(now)

    def silent(self, now: datetime) -> bool:
        return is_silent(self.last_seen_at, self.silent_at, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the list is asked for; "" does not choose. `gaps` are the carts with numbers that are missing: another table knows them."""

    state: str = ""
    ward: str = ""
    charge: str = ""
    health: str = ""
    app: str = ""
    mcu: str = ""
    drift: str = ""
    alert: str = ""
    certificate: str = ""
    seen: str = ""
    search: str = ""
    sort: str = "id"
    descending: bool = False
    gaps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`number` fits what was asked for; `lines` are those of the page."""

    lines: tuple[FleetLine, ...]
    number: int


class _Base:
    """The carts of the facility with what stands in other tables, each joined once."""

    def __init__(self, tx: Transaction, gaps: Collection[str]) -> None:
        self.at = tx.at
        self.gaps = gaps
        self.facility = tx.facility
        self.certificates: Subquery = (
            select(MachineCertificateRow.machine, func.max(MachineCertificateRow.not_after).label("ends"))
            .where(
                MachineCertificateRow.facility == tx.facility,
                MachineCertificateRow.not_after > tx.at,
                MachineCertificateRow.not_before <= tx.at,
                MachineCertificateRow.revoked_at.is_(None),
            )
            .group_by(MachineCertificateRow.machine)
            .subquery()
        )
        loud = or_(CartAlertRow.snoozed_until.is_(None), CartAlertRow.snoozed_until <= tx.at)
        self.alerts: Subquery = (
            select(
                CartAlertRow.cart,
                func.count().label("number"),
                func.sum(case((CartAlertRow.severity == "critical", 1), else_=0)).label("critical"),
            )
            .where(CartAlertRow.facility == tx.facility, CartAlertRow.resolved_at.is_(None), loud)
            .group_by(CartAlertRow.cart)
            .subquery()
        )
        self.ends = self.certificates.c.ends
        self.number = func.coalesce(self.alerts.c.number, 0)
        self.critical = func.coalesce(self.alerts.c.critical, 0)
        self.online = and_(
            CartRow.phase.in_(sorted(ONLINE_PHASES)),
            CartRow.last_seen_at.is_not(None),
            or_(CartRow.silent_at > tx.at, and_(CartRow.silent_at.is_(None), CartRow.last_seen_at >= tx.at - SILENT_AFTER)),
        )

    def joined(self, query: Any) -> Any:
        return (
            query.select_from(CartRow)
            .outerjoin(self.certificates, self.certificates.c.machine == CartRow.id)
            .outerjoin(self.alerts, self.alerts.c.cart == CartRow.id)
            .outerjoin(CartConfigRow, and_(CartConfigRow.facility == CartRow.facility, CartConfigRow.cart == CartRow.id))
            .outerjoin(CartBatteryRow, and_(CartBatteryRow.facility == CartRow.facility, CartBatteryRow.cart == CartRow.id))
            .outerjoin(CartAssetRow, and_(CartAssetRow.facility == CartRow.facility, CartAssetRow.cart == CartRow.id))
            .where(CartRow.facility == self.facility)
        )


Condition = Callable[[_Base], ColumnElement[bool]]


def _seen_after(span: timedelta) -> Condition:
    return lambda base: and_(CartRow.last_seen_at.is_not(None), CartRow.last_seen_at >= base.at - span)


def _not_seen_for(span: timedelta) -> Condition:
    return lambda base: or_(CartRow.last_seen_at.is_(None), CartRow.last_seen_at < base.at - span)


# The filters of a few fixed choices, by the words in the address.
CONDITIONS: Mapping[str, Mapping[str, Condition]] = {
    "state": {
        "online": lambda base: base.online,
        "offline": lambda base: or_(~base.online, base.online.is_(None)),
        "degraded": lambda base: and_(base.online, CartRow.phase == "degraded"),
        "updating": lambda base: and_(base.online, CartRow.phase == "updating"),
        "unsent": lambda _base: CartRow.unsent > 0,
        "gaps": lambda base: CartRow.id.in_(sorted(base.gaps)) if base.gaps else false(),
        "old-chart": lambda _base: CartRow.chart_age_s > OLD_CHART_S,
    },
    "charge": {
        "low": lambda _base: CartRow.battery_percent < LOW_BATTERY_PERCENT,
        "half": lambda _base: and_(CartRow.battery_percent >= LOW_BATTERY_PERCENT, CartRow.battery_percent < FULL_BATTERY_PERCENT),
        "full": lambda _base: CartRow.battery_percent >= FULL_BATTERY_PERCENT,
        "charging": lambda _base: CartRow.charging.is_(True),
        "unknown": lambda _base: CartRow.battery_percent.is_(None),
    },
    "health": {
        "worn": lambda _base: CartRow.health_percent < WORN_PERCENT,
        "fair": lambda _base: and_(CartRow.health_percent >= WORN_PERCENT, CartRow.health_percent < GOOD_PERCENT),
        "good": lambda _base: CartRow.health_percent >= GOOD_PERCENT,
        "unknown": lambda _base: CartRow.health_percent.is_(None),
    },
    "drift": {
        "yes": lambda _base: CartConfigRow.drifted.is_(True),
        "no": lambda _base: CartConfigRow.drifted.is_(False),
        "unknown": lambda _base: CartConfigRow.drifted.is_(None),
    },
    "alert": {
        "any": lambda base: base.number > 0,
        "critical": lambda base: base.critical > 0,
        "none": lambda base: base.number == 0,
    },
    "certificate": {
        "soon": lambda base: and_(base.ends.is_not(None), base.ends < base.at + CERTIFICATE_SOON),
        "later": lambda base: base.ends >= base.at + CERTIFICATE_SOON,
        "none": lambda base: base.ends.is_(None),
    },
    "seen": {
        "5m": _seen_after(timedelta(minutes=5)),
        "not-1h": _not_seen_for(timedelta(hours=1)),
        "not-24h": _not_seen_for(timedelta(hours=24)),
        "not-7d": _not_seen_for(timedelta(days=7)),
    },
}
# The filters whose choices are what the carts say.
TOLD: Mapping[str, Any] = {"ward": CartRow.ward, "app": CartRow.app_version, "mcu": CartRow.mcu_version}

SORTS: Mapping[str, Callable[[_Base], Any]] = {
    "id": lambda _base: CartRow.id,
    "ward": lambda _base: CartRow.ward,
    "state": lambda base: case((base.online, 0), else_=1),
    "seen": lambda _base: CartRow.last_seen_at,
    "charge": lambda _base: CartRow.battery_percent,
    "health": lambda _base: CartRow.health_percent,
    "cycles": lambda _base: CartRow.battery_cycles,
    "temperature": lambda _base: CartRow.battery_cel,
    "app": lambda _base: CartRow.app_version,
    "mcu": lambda _base: CartRow.mcu_version,
    "alert": lambda base: base.critical * 1000 + base.number,
    "certificate": lambda base: base.ends,
    "left": lambda _base: (CartRow.battery_percent - 5) / func.nullif(CartBatteryRow.load_percent_h, 0),
    "replace": lambda _base: CartBatteryRow.replace_on,
}
# Bounds of the groups that the states of health of the fleet are counted in.
HEALTH_GROUPS = (0, 60, 70, 80, 90, 101)


def found(tx: Transaction, asked: Asked, *, limit: int, offset: int = 0, with_documents: bool = True) -> Found:
    """At most `limit` carts from `offset` on. What was not told stands last, whichever way the list is sorted. Without documents
    `telemetry` is empty: a file of all carts needs none."""
    base = _Base(tx, asked.gaps)
    by = SORTS.get(asked.sort, SORTS["id"])(base)
    query = base.joined(select(*_columns(base, with_documents=with_documents), func.count().over().label("all")))
    query = query.where(*_wanted(base, asked)).order_by(case((by.is_(None), 1), else_=0), by.desc() if asked.descending else by, CartRow.id)
    rows = tx.session.execute(query.limit(min(limit, MOST_ROWS)).offset(offset)).all()
    return Found(lines=tuple(_line(row) for row in rows), number=int(rows[0].all) if rows else 0)


def of_ids(tx: Transaction, carts: Collection[str]) -> tuple[FleetLine, ...]:
    """These carts, by id."""
    base = _Base(tx, ())
    query = base.joined(select(*_columns(base, with_documents=False))).where(CartRow.id.in_(sorted(carts)[:MOST_ROWS]))
    return tuple(_line(row) for row in tx.session.execute(query.order_by(CartRow.id)))


def counts(tx: Transaction, gaps: Collection[str] = ()) -> dict[str, dict[str, int]]:
    """Filter -> choice -> how many carts of the whole fleet fit; "" of "state" is all of them. Two statements."""
    base = _Base(tx, gaps)
    sums = [
        func.sum(case((condition(base), 1), else_=0)).label(f"{name}:{choice}")
        for name, choices in CONDITIONS.items()
        for choice, condition in choices.items()
    ]
    row = tx.session.execute(base.joined(select(func.count().label("all"), *sums))).mappings().one()
    told = {name: {choice: int(row[f"{name}:{choice}"] or 0) for choice in choices} for name, choices in CONDITIONS.items()}
    told["state"][""] = int(row["all"])
    mine = CartRow.facility == tx.facility
    parts = [
        select(select(literal(name).label("name"), column.label("choice"), func.count().label("number"))
               .where(mine, column != "").group_by(column).order_by(func.count().desc(), column).limit(MOST_CHOICES).subquery())
        for name, column in TOLD.items()
    ]  # fmt: skip
    for name, choice, number in tx.session.execute(union_all(*parts)):
        told.setdefault(name, {})[choice] = int(number)
    for name in TOLD:
        told[name] = dict(sorted(told.get(name, {}).items()))
    return told


# What stands above the list, always of the whole fleet: filter, choice.
TOTALS = (
    ("state", "online"),
    ("state", "offline"),
    ("alert", "critical"),
    ("alert", "any"),
    ("charge", "low"),
    ("drift", "yes"),
    ("certificate", "soon"),
)


def totals(tx: Transaction) -> dict[str, int]:
    """`filter:choice` of `TOTALS` -> how many carts, and "all" of them. One statement."""
    base = _Base(tx, ())
    sums = [func.sum(case((CONDITIONS[name][choice](base), 1), else_=0)).label(f"{name}:{choice}") for name, choice in TOTALS]
    row = tx.session.execute(base.joined(select(func.count().label("all"), *sums))).mappings().one()
    return {name: int(value or 0) for name, value in row.items()}


def health_groups(tx: Transaction) -> tuple[tuple[int, int, int], ...]:
    """(from, below, how many carts) of the fleet's states of health, in percent; one statement."""
    bounds = tuple(pairwise(HEALTH_GROUPS))
    sums = [func.sum(case((and_(CartRow.health_percent >= low, CartRow.health_percent < high), 1), else_=0)) for low, high in bounds]
    row = tx.session.execute(select(*sums).where(CartRow.facility == tx.facility)).one()
    return tuple((low, high, int(number or 0)) for (low, high), number in zip(bounds, row, strict=True))


def token(tx: Transaction) -> str:
    """Another text whenever something changed that the list shows, however the transactions that changed it overlapped: each raises a
    cart's own number. Read from an index alone."""
    number, total = tx.session.execute(
        select(func.count(), func.coalesce(func.sum(CartRow.revision), 0)).where(CartRow.facility == tx.facility)
    ).one()
    return f"{number}.{total}"


def _columns(base: _Base, *, with_documents: bool) -> Sequence[Any]:
    return (
        CartRow.id,
        CartRow.ward,
        CartRow.phase,
        CartRow.last_seen_at,
        CartRow.silent_at,
        CartRow.battery_percent,
        CartRow.charging,
        CartRow.health_percent,
        CartRow.battery_cycles,
        CartRow.battery_cel,
        CartRow.app_version,
        CartRow.mcu_version,
        CartRow.unsent,
        CartRow.chart_age_s,
        base.ends.label("ends"),
        base.number.label("alerts"),
        base.critical.label("critical"),
        CartConfigRow.drifted,
        CartAssetRow.tag,
        CartAssetRow.ward_home,
        CartBatteryRow.load_percent_h,
        CartBatteryRow.spread_percent_h,
        CartBatteryRow.seen_h,
        CartBatteryRow.replace_on,
        *((CartRow.telemetry,) if with_documents else ()),
    )


def _wanted(base: _Base, asked: Asked) -> list[ColumnElement[bool]]:
    wanted = []
    for name, choices in CONDITIONS.items():
        chosen = choices.get(getattr(asked, name))
        if chosen is not None:
            wanted.append(chosen(base))
    for name, column in TOLD.items():
        chosen = getattr(asked, name)
        if chosen:
            wanted.append(column == chosen)
    if asked.search:
        like = "%" + asked.search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = (CartRow.id, CartRow.ward, CartAssetRow.tag, CartAssetRow.serial)
        wanted.append(or_(*(func.lower(column).like(like, escape="\\") for column in columns)))
    return wanted


def _line(row: Any) -> FleetLine:
    return FleetLine(
        id=row.id,
        ward=row.ward,
        phase=row.phase,
        last_seen_at=row.last_seen_at,
        silent_at=row.silent_at,
        battery_percent=row.battery_percent,
        charging=row.charging,
        health_percent=row.health_percent,
        battery_cycles=row.battery_cycles,
        battery_cel=row.battery_cel,
        app_version=row.app_version,
        mcu_version=row.mcu_version,
        unsent=row.unsent,
        chart_age_s=row.chart_age_s,
        certificate_ends_at=row.ends,
        alerts=int(row.alerts or 0),
        critical=int(row.critical or 0),
        drift=row.drifted,
        load_percent_h=row.load_percent_h,
        spread_percent_h=row.spread_percent_h,
        seen_h=row.seen_h or 0.0,
        replace_on=row.replace_on,
        tag=row.tag or "",
        ward_home=row.ward_home or "",
        telemetry=dict(getattr(row, "telemetry", None) or {}),
    )
