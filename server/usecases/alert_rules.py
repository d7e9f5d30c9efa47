"""Rules of fleet managers over what carts say: when an alert is set, when it is cleared, and who is told.

A rule looks at a cart of which something came, or when its turn comes in the round over all carts. What is not known neither sets an
alert nor clears one. Nothing here is about a patient.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pointofcare.errors import MessageError, NotFoundError
from pointofcare.wire.messages import AlertSeverity
from server.store import alert_rules, cart_alerts
from server.store.alert_rules import Measured, Rule
from server.store.cart_alerts import RULE, RULE_PREFIX
from server.store.transaction import Transaction

LIVE = frozenset({"init", "ready", "degraded", "updating"})
CHANNELS = ("email", "webhook")
RAISED, RESOLVED = "raised", "resolved"
MOST_RULES = 50
LONGEST_NAME, LONGEST_REASON = 80, 500
LONGEST_SNOOZE = timedelta(days=30)
LONGEST_HOLD_MIN = 10_080


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`above`: it is bad beyond the level, else below it. `unit` is UCUM, "1" for a count. `value` gives None where it is not known."""

    unit: str
    above: bool
    least: float
    most: float
    set_level: float
    clear_level: float
    hold_min: int
    value: Callable[[Measured, datetime], float | None]


def _silent_min(told: Measured, now: datetime) -> float | None:
    """Minutes that nobody heard it, 0 for a cart that is there. One that was taken out of service is missed by nobody."""
    if told.phase == "removed" or told.last_seen_at is None:
        return None
    silent = told.silent_at is not None and now >= told.silent_at
    return max(0.0, (now - told.last_seen_at) / timedelta(minutes=1)) if silent or told.phase not in LIVE else 0.0


def _while_there(value: float | None, told: Measured, now: datetime) -> float | None:
    """Old numbers of a cart that is away are not known to be so now."""
    return value if _silent_min(told, now) == 0.0 else None


def _certificate_days(told: Measured) -> float | None:
    """Of the cart's program or of its bridge, whichever ends first."""
    known = [numbers.get("certificate_days_left") for numbers in (told.app, told.mcu)]
    return min((float(one) for one in known if isinstance(one, int | float) and not isinstance(one, bool)), default=None)


def _per_min(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def _apart(told: Measured) -> float | None:
    return None if told.clock_offset_s is None else abs(told.clock_offset_s)


OFFLINE = "offline"
MEASURES: Mapping[str, Measure] = {
    OFFLINE: Measure(unit="min", above=True, least=1, most=43_200, set_level=15, clear_level=0, hold_min=0, value=_silent_min),
    "battery": Measure(
        unit="%", above=False, least=1, most=99, set_level=20, clear_level=30, hold_min=5,
        value=lambda told, now: _while_there(told.battery_percent, told, now),
    ),
    "battery-health": Measure(
        unit="%", above=False, least=1, most=99, set_level=70, clear_level=75, hold_min=60, value=lambda told, _now: told.health_percent
    ),
    "battery-heat": Measure(
        unit="Cel", above=True, least=20, most=80, set_level=50, clear_level=45, hold_min=5,
        value=lambda told, now: _while_there(told.battery_cel, told, now),
    ),
    "unsent": Measure(
        unit="1", above=True, least=0, most=10_000, set_level=0, clear_level=0, hold_min=30,
        value=lambda told, _now: None if told.unsent is None else float(told.unsent),
    ),
    "chart-age": Measure(
        unit="min", above=True, least=5, most=10_080, set_level=60, clear_level=30, hold_min=5,
        value=lambda told, now: _while_there(_per_min(told.chart_age_s), told, now),
    ),
    "clock": Measure(
        unit="s", above=True, least=1, most=3600, set_level=2, clear_level=1, hold_min=5,
        value=lambda told, now: _while_there(_apart(told), told, now),
    ),
    "certificate": Measure(
        unit="d", above=False, least=1, most=365, set_level=30, clear_level=35, hold_min=0,
        value=lambda told, _now: _certificate_days(told),
    ),
    "drift": Measure(
        unit="1", above=True, least=0, most=0, set_level=0, clear_level=0, hold_min=30,
        value=lambda told, _now: None if told.drifted is None else float(told.drifted),
    ),
    "own-alerts": Measure(
        unit="1", above=True, least=0, most=60, set_level=0, clear_level=0, hold_min=0, value=lambda told, _now: float(told.own_alerts)
    ),
}  # fmt: skip


class Where(StrEnum):
    """Where a value is by a rule."""

    BEYOND = "beyond"
    BETWEEN = "between"
    BACK = "back"
    UNKNOWN = "unknown"


def where(rule: Rule, value: float | None) -> Where:
    """Beyond the level that sets the alert, back over the one that clears it, or between the two."""
    if value is None:
        return Where.UNKNOWN
    above = MEASURES[rule.measure].above
    if value > rule.set_level if above else value < rule.set_level:
        return Where.BEYOND
    if value <= rule.clear_level if above else value >= rule.clear_level:
        return Where.BACK
    return Where.BETWEEN


def look(tx: Transaction, carts: Collection[str], rules: tuple[Rule, ...], *, group: timedelta, listened: bool = True) -> int:
    """Each rule at each of these carts; what began or ended is put with what is to be sent. How many did. `listened`: this server has
    been there for long enough to say that a cart is silent; while it was away, it heard none."""
    if not carts or not rules:
        return 0
    pending = alert_rules.pending(tx, carts)
    opened = cart_alerts.open_of_rules(tx, carts)
    became: dict[str, list[tuple[int, str]]] = {}
    for told in alert_rules.measured(tx, carts):
        for rule in rules:
            key = (rule.id, told.cart)
            if rule.ward and rule.ward != told.ward:
                stands = Where.BACK  # the cart went to another ward
                value = None
            else:
                value = MEASURES[rule.measure].value(told, tx.at)
                stands = where(rule, value)
                if rule.measure == OFFLINE and stands is Where.BEYOND and not listened:
                    stands = Where.UNKNOWN
            change = _judged(tx, rule, told.cart, stands, value, pending.get(key), key in opened)
            if change is not None:
                for channel in rule.channels:
                    became.setdefault(channel, []).append(change)
    for channel, items in became.items():
        alert_rules.collect(tx, channel, items, wait=group)
    return sum(len(items) for items in became.values())


def _judged(
    tx: Transaction, rule: Rule, cart: str, stands: Where, value: float | None, since: datetime | None, is_open: bool
) -> tuple[int, str] | None:
    """(alert number, what became of it) where somebody is to be told."""
    alert = f"{RULE_PREFIX}{rule.id}"
    if is_open:
        if stands is not Where.BACK:
            return None
        ended = cart_alerts.cleared(tx, cart, alert)
        return (ended.id, RESOLVED) if ended is not None and not ended.snoozed(tx.at) else None
    if stands is Where.UNKNOWN:
        return None
    if stands is not Where.BEYOND:
        if since is not None:
            alert_rules.set_pending(tx, rule.id, cart, None)
        return None
    if since is None and rule.hold_min > 0:
        alert_rules.set_pending(tx, rule.id, cart, tx.at)
        return None
    if since is not None and tx.at - since < timedelta(minutes=rule.hold_min):
        return None
    if since is not None:
        alert_rules.set_pending(tx, rule.id, cart, None)
    details = {"value": round(value, 1) if value is not None else None, "level": rule.set_level, "rule": rule.name}
    begun = cart_alerts.begin(
        tx,
        cart,
        alert,
        code=rule.measure,
        severity=AlertSeverity(rule.severity),
        since=since or tx.at,
        details=details,
        source=RULE,
        rule=rule.id,
    )
    return (begun.id, RAISED) if begun is not None and not begun.snoozed(tx.at) else None


# What people do.


def read(form: Mapping[str, str], channels: Collection[str], wards: Collection[str], *, before: Rule | None = None) -> Rule:
    """A rule as it was typed; `channels` are those ticked. Raises: MessageError naming each field."""
    problems: list[tuple[str, str]] = []
    name = " ".join(form.get("name", "").split())
    if not 0 < len(name) <= LONGEST_NAME:
        problems.append(("name", "rule-fault-name"))
    code = before.measure if before is not None else form.get("measure", "")
    measure = MEASURES.get(code)
    if measure is None:
        raise MessageError("there is no such measure", problems=(("measure", "rule-fault-choose"),), remedy="choose one")
    levels = {}
    for field in ("set_level", "clear_level"):
        try:
            levels[field] = float(form.get(field, "").strip().replace(",", "."))
        except ValueError:
            problems.append((field, "rule-fault-number"))
    if len(levels) == 2:
        beyond, back = levels["set_level"], levels["clear_level"]
        if not measure.least <= beyond <= measure.most:
            problems.append(("set_level", "rule-fault-bounds"))
        if not (0 <= back <= beyond if measure.above else beyond <= back <= measure.most + 1):
            problems.append(("clear_level", "rule-fault-clear"))
    hold = form.get("hold_min", "").strip()
    if not hold.isascii() or not hold.isdigit() or int(hold) > LONGEST_HOLD_MIN:
        problems.append(("hold_min", "rule-fault-hold"))
    severity, ward = form.get("severity", ""), form.get("ward", "")
    if severity not in list(AlertSeverity):
        problems.append(("severity", "rule-fault-choose"))
    if ward and ward not in wards:
        problems.append(("ward", "rule-fault-choose"))
    if not set(channels) <= set(CHANNELS):
        problems.append(("channels", "rule-fault-choose"))
    if problems:
        raise MessageError("the rule cannot be kept", problems=tuple(problems), remedy="mend the fields that are named")
    made = Rule(
        name=name,
        measure=code,
        ward=ward,
        set_level=levels["set_level"],
        clear_level=levels["clear_level"],
        hold_min=int(hold),
        severity=severity,
        channels=tuple(one for one in CHANNELS if one in channels),
        enabled=form.get("enabled", "") == "yes",
    )
    if before is None:
        return made
    revision = form.get("revision", "")
    return replace(made, id=before.id, revision=int(revision) if revision.isascii() and revision.isdigit() else 0)


def keep(tx: Transaction, rule: Rule, *, by: str) -> Rule:
    """Adds or changes one. Alerts of the rule as it was end, and begin anew by the rule as it is. Raises: MessageError."""
    if rule.id:
        kept = alert_rules.change(tx, rule, by=by)
        if kept is None:
            raise MessageError("somebody changed it", problems=(("name", "rule-fault-changed"),), remedy="load the page and look again")
        alert_rules.forget_pending(tx, rule.id)
        cart_alerts.end_rule(tx, rule.id)
    else:
        if len(alert_rules.rules(tx)) >= MOST_RULES:
            raise MessageError("there are too many rules", problems=(("name", "rule-fault-many"),), remedy="remove one")
        kept = alert_rules.add(tx, rule, by=by)
    tx.audit("alert-rule.keep", f"alert-rule/{kept.id}", detail=_plain(kept))
    return kept


def remove(tx: Transaction, rule_id: int, *, by: str) -> None:
    """Its open alerts end with it. Raises: NotFoundError."""
    if not alert_rules.remove(tx, rule_id, by=by):
        raise NotFoundError("there is no such rule", rule=str(rule_id))
    alert_rules.forget_pending(tx, rule_id)
    cart_alerts.end_rule(tx, rule_id)
    tx.audit("alert-rule.remove", f"alert-rule/{rule_id}")


def snooze(tx: Transaction, alert_id: int, *, hours: str, reason: str, by: str) -> None:
    """Quiet for so many hours; 0 ends it. Raises: MessageError, NotFoundError."""
    reason = " ".join(reason.split())
    problems = []
    if not hours.isascii() or not hours.isdigit() or len(hours) > 6 or timedelta(hours=int(hours)) > LONGEST_SNOOZE:
        problems.append(("hours", "alert-fault-hours"))
    elif int(hours) and not reason:
        problems.append(("reason", "alert-fault-reason"))
    if len(reason) > LONGEST_REASON:
        problems.append(("reason", "alert-fault-reason"))
    if problems:
        raise MessageError("the alert was not snoozed", problems=tuple(problems), remedy="say for how long, and why")
    until = tx.at + timedelta(hours=int(hours)) if int(hours) else None
    if not cart_alerts.snooze(tx, alert_id, until=until, by=by, reason=reason):
        raise NotFoundError("this alert is not open any more", alert=str(alert_id))
    tx.audit("alert.snooze", f"alert/{alert_id}", detail={"until": until.isoformat() if until else None, "reason": reason})


def acknowledge(tx: Transaction, alert_id: int, *, by: str) -> None:
    """Somebody looks after it. Twice is no fault. Raises: NotFoundError."""
    if not cart_alerts.acknowledge(tx, alert_id, by=by):
        found = cart_alerts.one(tx, alert_id)
        if found is None or found.resolved_at is not None:
            raise NotFoundError("this alert is not open any more", alert=str(alert_id))
        return
    tx.audit("alert.acknowledge", f"alert/{alert_id}")


def send_again(tx: Transaction, notice_id: int) -> None:
    """A notice that was given up. Raises: NotFoundError."""
    if not alert_rules.send_again(tx, notice_id):
        raise NotFoundError("this notice was not given up", notice=str(notice_id))
    tx.audit("alert-notice.again", f"alert-notice/{notice_id}")


def _plain(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "measure": rule.measure,
        "ward": rule.ward,
        "set_level": rule.set_level,
        "clear_level": rule.clear_level,
        "hold_min": rule.hold_min,
        "severity": rule.severity,
        "channels": list(rule.channels),
        "enabled": rule.enabled,
    }
