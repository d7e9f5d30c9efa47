"""Alerts of carts, occurrence by occurrence: what a cart raises and clears, and what rules of this server find. What is late or doubled
changes nothing, and what was taken for resolved comes back when the cart still says it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, not_, select, update

from pointofcare.wire.messages import AlertRaised, AlertSeverity
from server.store import fleet
from server.store.tables import CartAlertRow, CartRow
from server.store.transaction import Transaction

CART, RULE = "cart", "rule"
# Ids of alerts that are this server's own; no cart may raise one.
RULE_PREFIX = "rule-"
MOST_OPEN = 64
KEPT = timedelta(days=90)
_FORGOTTEN_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One occurrence; see `CartAlertRow`."""

    id: int
    cart: str
    alert: str
    code: str
    severity: str
    source: str
    rule: int | None
    since: datetime
    raised_at: datetime
    heard_at: datetime
    resolved_at: datetime | None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    snooze_reason: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None

    def snoozed(self, now: datetime) -> bool:
        return self.snoozed_until is not None and now < self.snoozed_until


def refused(tx: Transaction, cart: str, alert: str) -> str:
    """Why this cart may not raise this alert, "" when it may."""
    if alert.startswith(RULE_PREFIX):
        return f"the alert {alert} is this server's own"
    others = select(func.count()).where(*_open(tx, cart), CartAlertRow.alert != alert)
    if (tx.session.scalar(others) or 0) >= MOST_OPEN:
        return f"{cart} has {MOST_OPEN} alerts open"
    return ""


def raised(tx: Transaction, cart: str, alert: str, body: AlertRaised) -> Alert | None:
    """The occurrence that began with this message; None: it is known, or older than what is known."""
    return begin(tx, cart, alert, code=body.code, severity=body.severity, since=body.at, details=body.details)


def begin(
    tx: Transaction,
    cart: str,
    alert: str,
    *,
    code: str,
    severity: AlertSeverity,
    since: datetime,
    details: Mapping[str, object],
    source: str = CART,
    rule: int | None = None,
) -> Alert | None:
    """As `raised`, for whoever found it."""
    known = tx.session.scalars(_of(tx, cart, alert).where(CartAlertRow.since == since).with_for_update()).one_or_none()
    before = tx.session.scalars(_of(tx, cart, alert).where(CartAlertRow.resolved_at.is_(None)).with_for_update()).one_or_none()
    if known is not None:
        if known.resolved_at is not None and not (known.told_away and before is None):
            return None  # a late copy of what the cart resolved itself
        known.resolved_at, known.told_away, known.heard_at = None, False, tx.at
        if known.severity != severity.value or known.details != details:
            known.severity, known.details = severity.value, dict(details)
            fleet.touch(tx, cart)
        return None
    if before is not None:
        before.heard_at = tx.at
        if since < before.since:
            return None  # an older one, late: the newest that is open stays
        before.resolved_at, before.told_away = tx.at, True  # its end was not heard
        tx.session.flush()
    newest = tx.session.scalars(_of(tx, cart, alert).order_by(CartAlertRow.id.desc()).limit(1)).one_or_none()
    quiet = newest if newest is not None and newest.snoozed_until is not None and newest.snoozed_until > tx.at else None
    row = CartAlertRow(
        facility=tx.facility,
        cart=cart,
        alert=alert,
        # Who wanted quiet about this wanted it also when it comes and goes.
        snoozed_until=quiet.snoozed_until if quiet is not None else None,
        snoozed_by=quiet.snoozed_by if quiet is not None else None,
        snooze_reason=quiet.snooze_reason if quiet is not None else None,
        code=code,
        severity=severity.value,
        source=source,
        rule=rule,
        since=since,
        raised_at=tx.at,
        heard_at=tx.at,
        details=dict(details),
        told_away=False,
    )
    tx.session.add(row)
    tx.session.flush()
    fleet.touch(tx, cart)
    return _alert(row)


def cleared(tx: Transaction, cart: str, alert: str) -> Alert | None:
    """The occurrence that ended; None: none was open."""
    row = tx.session.scalars(_of(tx, cart, alert).where(CartAlertRow.resolved_at.is_(None)).with_for_update()).one_or_none()
    if row is None:
        return None
    row.resolved_at, row.told_away = tx.at, False
    tx.session.flush()
    fleet.touch(tx, cart)
    return _alert(row)


def end_all(tx: Transaction, cart: str) -> int:
    """The cart was taken out of service: nothing of it is open. How many were."""
    found = tx.session.execute(update(CartAlertRow).where(*_open(tx, cart)).values(resolved_at=tx.at, told_away=True))
    return int(found.rowcount)  # type: ignore[attr-defined]


def reconcile(tx: Transaction, *, heard_since: datetime) -> tuple[Alert, ...]:
    """What carts had raised and no broker keeps any more was resolved while this server was away: it heard nothing of it since it read
    what is kept. Those that ended."""
    gone = tx.session.scalars(
        select(CartAlertRow)
        .where(
            CartAlertRow.facility == tx.facility,
            CartAlertRow.resolved_at.is_(None),
            CartAlertRow.source == CART,
            CartAlertRow.heard_at < heard_since,
        )
        .with_for_update()
    ).all()
    for row in gone:
        row.resolved_at, row.told_away = tx.at, True
        fleet.touch(tx, row.cart)
    return tuple(_alert(row) for row in gone)


def open_of(tx: Transaction, cart: str) -> tuple[Alert, ...]:
    """The cart's open alerts, the worst and newest first."""
    rows = tx.session.scalars(select(CartAlertRow).where(*_open(tx, cart)).order_by(CartAlertRow.severity, CartAlertRow.since.desc()))
    return tuple(_alert(row) for row in rows)


def open_of_rules(tx: Transaction, carts: Collection[str]) -> frozenset[tuple[int, str]]:
    """(rule, cart) of what rules have set at these carts."""
    rows = tx.session.execute(
        select(CartAlertRow.rule, CartAlertRow.cart).where(
            CartAlertRow.facility == tx.facility,
            CartAlertRow.cart.in_(sorted(carts)),
            CartAlertRow.resolved_at.is_(None),
            CartAlertRow.rule.is_not(None),
        )
    )
    return frozenset((rule, cart) for rule, cart in rows if rule is not None)


def end_rule(tx: Transaction, rule: int) -> None:
    """The rule is another one now, or gone: nothing of it is open."""
    mine = (CartAlertRow.facility == tx.facility, CartAlertRow.rule == rule, CartAlertRow.resolved_at.is_(None))
    for row in tx.session.scalars(select(CartAlertRow).where(*mine).with_for_update()):
        row.resolved_at, row.told_away = tx.at, True
        fleet.touch(tx, row.cart)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts a list shows. `state`: open (and not snoozed), snoozed, resolved; "" for every open one."""

    state: str = ""
    severity: str = ""
    ward: str = ""
    code: str = ""
    cart: str = ""


def listed(tx: Transaction, wanted: Wanted, *, limit: int, offset: int = 0) -> tuple[tuple[Alert, ...], int]:
    """The worst and newest first, with how many there are in all."""
    where = [CartAlertRow.facility == tx.facility]
    if wanted.state == "resolved":
        where.append(CartAlertRow.resolved_at.is_not(None))
    else:
        where.append(CartAlertRow.resolved_at.is_(None))
        quiet = and_(CartAlertRow.snoozed_until.is_not(None), CartAlertRow.snoozed_until > tx.at)
        if wanted.state:
            where.append(quiet if wanted.state == "snoozed" else not_(quiet))
    for column, value in ((CartAlertRow.severity, wanted.severity), (CartAlertRow.code, wanted.code), (CartAlertRow.cart, wanted.cart)):
        if value:
            where.append(column == value)
    if wanted.ward:
        carts = select(CartRow.id).where(CartRow.facility == tx.facility, CartRow.ward == wanted.ward)
        where.append(CartAlertRow.cart.in_(carts))
    number = tx.session.scalar(select(func.count()).select_from(CartAlertRow).where(*where)) or 0
    order = (CartAlertRow.resolved_at.desc(),) if wanted.state == "resolved" else (CartAlertRow.severity, CartAlertRow.since.desc())
    rows = tx.session.scalars(select(CartAlertRow).where(*where).order_by(*order, CartAlertRow.id).limit(limit).offset(offset))
    return tuple(_alert(row) for row in rows), int(number)


def counted(tx: Transaction) -> dict[str, int]:
    """How many are open by severity, without those that are snoozed."""
    quiet = and_(CartAlertRow.snoozed_until.is_not(None), CartAlertRow.snoozed_until > tx.at)
    rows = tx.session.execute(
        select(CartAlertRow.severity, func.count())
        .where(CartAlertRow.facility == tx.facility, CartAlertRow.resolved_at.is_(None), not_(quiet))
        .group_by(CartAlertRow.severity)
    )
    return {severity: int(number) for severity, number in rows}


def one(tx: Transaction, alert_id: int) -> Alert | None:
    """Any occurrence of this facility by its number."""
    row = tx.session.get(CartAlertRow, alert_id)
    return _alert(row) if row is not None and row.facility == tx.facility else None


def snooze(tx: Transaction, alert_id: int, *, until: datetime | None, by: str, reason: str) -> bool:
    """False: it is not open any more. `until` None ends the snooze."""
    row = _open_row(tx, alert_id)
    if row is None:
        return False
    row.snoozed_until, row.snoozed_by, row.snooze_reason = until, (by if until else None), (reason if until else None)
    fleet.touch(tx, row.cart)
    return True


def acknowledge(tx: Transaction, alert_id: int, *, by: str) -> bool:
    """False: it is not open any more, or somebody did."""
    row = _open_row(tx, alert_id)
    if row is None or row.acknowledged_by is not None:
        return False
    row.acknowledged_by, row.acknowledged_at = by, tx.at
    fleet.touch(tx, row.cart)
    return True


def forget_old(tx: Transaction) -> int:
    """Removes occurrences that ended long ago, some at a time."""
    old = (
        select(CartAlertRow.id)
        .where(CartAlertRow.facility == tx.facility, CartAlertRow.resolved_at < tx.at - KEPT)
        .order_by(CartAlertRow.resolved_at)
        .limit(_FORGOTTEN_AT_ONCE)
    )
    ids = list(tx.session.scalars(old))
    if ids:
        tx.session.execute(delete(CartAlertRow).where(CartAlertRow.id.in_(ids)))
    return len(ids)


def _open_row(tx: Transaction, alert_id: int) -> CartAlertRow | None:
    wanted = select(CartAlertRow).where(
        CartAlertRow.id == alert_id, CartAlertRow.facility == tx.facility, CartAlertRow.resolved_at.is_(None)
    )
    return tx.session.scalars(wanted.with_for_update()).one_or_none()


def _of(tx: Transaction, cart: str, alert: str) -> Any:
    return select(CartAlertRow).where(CartAlertRow.facility == tx.facility, CartAlertRow.cart == cart, CartAlertRow.alert == alert)


def _open(tx: Transaction, cart: str) -> tuple[Any, ...]:
    return (CartAlertRow.facility == tx.facility, CartAlertRow.cart == cart, CartAlertRow.resolved_at.is_(None))


def _alert(row: CartAlertRow) -> Alert:
    return Alert(
        id=row.id,
        cart=row.cart,
        alert=row.alert,
        code=row.code,
        severity=row.severity,
        source=row.source,
        rule=row.rule,
        since=row.since,
        raised_at=row.raised_at,
        heard_at=row.heard_at,
        resolved_at=row.resolved_at,
        details=row.details or {},
        snoozed_until=row.snoozed_until,
        snoozed_by=row.snoozed_by,
        snooze_reason=row.snooze_reason,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
    )
