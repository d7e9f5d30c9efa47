"""Rules over what carts say, where they stand at each cart, and what is to be sent of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from server.store.tables import AlertNoticeRow, AlertPendingRow, AlertRuleRow, CartAlertRow, CartConfigRow, CartRow
from server.store.transaction import Transaction
from server.store.versions import insertion

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given-up"
NAMED = 50
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """See `AlertRuleRow`."""

    id: int = 0
    name: str
    measure: str
    ward: str = ""
    set_level: float
    clear_level: float
    hold_min: int
    severity: str
    channels: tuple[str, ...] = ()
    enabled: bool = True
    revision: int = 1
    changed_by: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What rules look at of one cart. `own_alerts` is how many alerts it has raised itself."""

    cart: str
    ward: str
    phase: str
    last_seen_at: datetime | None
    silent_at: datetime | None
    battery_percent: float | None
    charging: bool | None
    health_percent: float | None
    battery_cel: float | None
    unsent: int | None
    chart_age_s: float | None
    clock_offset_s: float | None
    app: Mapping[str, Any] = field(default_factory=dict, hash=False)
    mcu: Mapping[str, Any] = field(default_factory=dict, hash=False)
    drifted: bool | None = None
    own_alerts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """See `AlertNoticeRow`. An item is (alert number, "raised" or "resolved")."""

    id: int
    channel: str
    state: str
    made_at: datetime
    due_at: datetime
    tries: int
    items: tuple[tuple[int, str], ...]
    more: int
    sent_at: datetime | None = None
    error: str | None = None


def rules(tx: Transaction, *, enabled: bool = False) -> tuple[Rule, ...]:
    wanted = select(AlertRuleRow).where(AlertRuleRow.facility == tx.facility, AlertRuleRow.removed_at.is_(None))
    if enabled:
        wanted = wanted.where(AlertRuleRow.enabled)
    return tuple(_rule(row) for row in tx.session.scalars(wanted.order_by(AlertRuleRow.id)))


def rule(tx: Transaction, rule_id: int) -> Rule | None:
    row = _row(tx, rule_id)
    return _rule(row) if row is not None else None


def add(tx: Transaction, new: Rule, *, by: str) -> Rule:
    row = AlertRuleRow(facility=tx.facility, revision=1, **_columns(new, by, tx.at))
    tx.session.add(row)
    tx.session.flush()
    return _rule(row)


def change(tx: Transaction, new: Rule, *, by: str) -> Rule | None:
    """None: it is gone, or somebody changed it since `new.revision` was read."""
    row = _row(tx, new.id)
    if row is None or row.revision != new.revision:
        return None
    for name, value in _columns(new, by, tx.at).items():
        setattr(row, name, value)
    row.revision += 1
    tx.session.flush()
    return _rule(row)


def remove(tx: Transaction, rule_id: int, *, by: str) -> bool:
    row = _row(tx, rule_id)
    if row is None:
        return False
    row.removed_at, row.changed_by, row.enabled = tx.at, by, False
    return True


def measured(tx: Transaction, carts: Collection[str]) -> tuple[Measured, ...]:
    """Of these carts, in two statements; sorted by their ids, as Python sorts: what takes rows of several carts does so in this order."""
    own = dict(
        tx.session.execute(
            select(CartAlertRow.cart, func.count())
            .where(
                CartAlertRow.facility == tx.facility,
                CartAlertRow.cart.in_(sorted(carts)),
                CartAlertRow.resolved_at.is_(None),
                CartAlertRow.source == "cart",
            )
            .group_by(CartAlertRow.cart)
        ).all()
    )
    both = (CartConfigRow.facility == CartRow.facility) & (CartConfigRow.cart == CartRow.id)
    rows = tx.session.execute(
        select(CartRow, CartConfigRow.drifted)
        .outerjoin(CartConfigRow, both)
        .where(CartRow.facility == tx.facility, CartRow.id.in_(sorted(carts)))
    )
    return tuple(
        Measured(
            cart=row.id,
            ward=row.ward,
            phase=row.phase,
            last_seen_at=row.last_seen_at,
            silent_at=row.silent_at,
            battery_percent=row.battery_percent,
            charging=row.charging,
            health_percent=row.health_percent,
            battery_cel=row.battery_cel,
            unsent=row.unsent,
            chart_age_s=row.chart_age_s,
            clock_offset_s=row.clock_offset_s,
            app=(row.telemetry or {}).get("app") or {},
            mcu=(row.telemetry or {}).get("mcu") or {},
            drifted=drifted,
            own_alerts=own.get(row.id, 0),
        )
        for row, drifted in sorted(rows, key=lambda one: one[0].id)
    )


def next_carts(tx: Transaction, after: str, *, limit: int) -> tuple[str, ...]:
    """The ids that come after `after`."""
    wanted = select(CartRow.id).where(CartRow.facility == tx.facility, CartRow.id > after).order_by(CartRow.id).limit(limit)
    return tuple(tx.session.scalars(wanted))


def pending(tx: Transaction, carts: Collection[str]) -> dict[tuple[int, str], datetime]:
    """(rule, cart) -> since when it is beyond the level, where the alert is not set yet."""
    rows = tx.session.execute(
        select(AlertPendingRow.rule, AlertPendingRow.cart, AlertPendingRow.since).where(
            AlertPendingRow.facility == tx.facility, AlertPendingRow.cart.in_(sorted(carts))
        )
    )
    return {(rule_id, cart): since for rule_id, cart, since in rows}


def set_pending(tx: Transaction, rule_id: int, cart: str, since: datetime | None) -> None:
    if since is None:
        mine = (AlertPendingRow.facility == tx.facility, AlertPendingRow.rule == rule_id, AlertPendingRow.cart == cart)
        tx.session.execute(delete(AlertPendingRow).where(*mine))
        return
    new = insertion(tx, AlertPendingRow).values(facility=tx.facility, rule=rule_id, cart=cart, since=since)
    tx.session.execute(new.on_conflict_do_nothing())


def forget_pending(tx: Transaction, rule_id: int) -> None:
    tx.session.execute(delete(AlertPendingRow).where(AlertPendingRow.facility == tx.facility, AlertPendingRow.rule == rule_id))


# What is sent.


def collect(tx: Transaction, channel: str, items: Iterable[tuple[int, str]], *, wait: timedelta) -> None:
    """Puts these with what waits for the same sending, or begins one."""
    new = insertion(tx, AlertNoticeRow).values(
        facility=tx.facility, channel=channel, state=WAITING, made_at=tx.at, due_at=tx.at + wait, tries=0, items=[], more=0
    )
    tx.session.execute(new.on_conflict_do_nothing())
    collecting = select(AlertNoticeRow).where(
        AlertNoticeRow.facility == tx.facility,
        AlertNoticeRow.channel == channel,
        AlertNoticeRow.state == WAITING,
        AlertNoticeRow.tries == 0,
    )
    row = tx.session.scalars(collecting.with_for_update()).one()
    listed = [*row.items, *([number, became] for number, became in items)]
    row.more += max(0, len(listed) - NAMED)
    row.items = listed[:NAMED]


def due(tx: Transaction, *, limit: int = 10) -> tuple[Notice, ...]:
    rows = tx.session.scalars(
        select(AlertNoticeRow)
        .where(AlertNoticeRow.facility == tx.facility, AlertNoticeRow.state == WAITING, AlertNoticeRow.due_at <= tx.at)
        .order_by(AlertNoticeRow.due_at)
        .limit(limit)
    )
    return tuple(_notice(row) for row in rows)


def begun(tx: Transaction, notice_id: int) -> bool:
    """Counts a try before it is made, so that nothing is added to what is on its way. False: another took it."""
    row = tx.session.scalars(
        select(AlertNoticeRow).where(AlertNoticeRow.id == notice_id, AlertNoticeRow.state == WAITING).with_for_update()
    ).one_or_none()
    if row is None or row.due_at > tx.at:
        return False
    row.tries += 1
    row.due_at = tx.at + timedelta(minutes=2)  # until it is known how this try ended
    return True


def ended(tx: Transaction, notice_id: int, *, error: str | None, again_at: datetime | None) -> None:
    row = tx.session.get(AlertNoticeRow, notice_id)
    if row is None:
        return
    if error is None:
        row.state, row.sent_at, row.error = SENT, tx.at, None
    elif again_at is None:
        row.state, row.error = GIVEN_UP, error[:500]
    else:
        row.error, row.due_at = error[:500], again_at


def notices(tx: Transaction, *, limit: int = 20) -> tuple[Notice, ...]:
    """The newest first."""
    rows = tx.session.scalars(
        select(AlertNoticeRow).where(AlertNoticeRow.facility == tx.facility).order_by(AlertNoticeRow.id.desc()).limit(limit)
    )
    return tuple(_notice(row) for row in rows)


def given_up(tx: Transaction) -> int:
    return int(
        tx.session.scalar(
            select(func.count()).where(
                AlertNoticeRow.facility == tx.facility, AlertNoticeRow.state == GIVEN_UP, AlertNoticeRow.made_at > tx.at - KEPT
            )
        )
        or 0
    )


def send_again(tx: Transaction, notice_id: int) -> bool:
    """One that was given up, once more. False: it is not such a one."""
    mine = (AlertNoticeRow.facility == tx.facility, AlertNoticeRow.id == notice_id, AlertNoticeRow.state == GIVEN_UP)
    done = tx.session.execute(update(AlertNoticeRow).where(*mine).values(state=WAITING, due_at=tx.at, tries=1, error=None))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def forget_old(tx: Transaction) -> None:
    old = (
        select(AlertNoticeRow.id)
        .where(AlertNoticeRow.facility == tx.facility, AlertNoticeRow.state != WAITING, AlertNoticeRow.made_at < tx.at - KEPT)
        .limit(500)
    )
    ids = list(tx.session.scalars(old))
    if ids:
        tx.session.execute(delete(AlertNoticeRow).where(AlertNoticeRow.id.in_(ids)))


def _row(tx: Transaction, rule_id: int) -> AlertRuleRow | None:
    return tx.session.scalars(
        select(AlertRuleRow)
        .where(AlertRuleRow.facility == tx.facility, AlertRuleRow.id == rule_id, AlertRuleRow.removed_at.is_(None))
        .with_for_update()
    ).one_or_none()


def _columns(new: Rule, by: str, at: datetime) -> dict[str, Any]:
    return {
        "name": new.name,
        "measure": new.measure,
        "ward": new.ward,
        "set_level": new.set_level,
        "clear_level": new.clear_level,
        "hold_min": new.hold_min,
        "severity": new.severity,
        "channels": list(new.channels),
        "enabled": new.enabled,
        "changed_by": by,
        "changed_at": at,
    }


def _rule(row: AlertRuleRow) -> Rule:
    return Rule(
        id=row.id,
        name=row.name,
        measure=row.measure,
        ward=row.ward,
        set_level=row.set_level,
        clear_level=row.clear_level,
        hold_min=row.hold_min,
        severity=row.severity,
        channels=tuple(row.channels),
        enabled=row.enabled,
        revision=row.revision,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )


def _notice(row: AlertNoticeRow) -> Notice:
    items: Sequence[Any] = row.items
    return Notice(
        id=row.id,
        channel=row.channel,
        state=row.state,
        made_at=row.made_at,
        due_at=row.due_at,
        tries=row.tries,
        items=tuple((int(number), str(became)) for number, became in items),
        more=row.more,
        sent_at=row.sent_at,
        error=row.error,
    )
