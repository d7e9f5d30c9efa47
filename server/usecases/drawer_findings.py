"""Drawers and doses of a cart put side by side, at the server: late and out of order, each by its own time.

What comes marks the cart; a look some seconds later judges one window of one cart and writes down what is new. What a later event
explains is withdrawn by itself; everything else a person closes. Must never refuse or hold a dose: nothing here is asked before one.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from pointofcare.administration.record import AdministrationRecord
from pointofcare.fleet import drawers
from pointofcare.fleet.drawers import Code, Finding, Known
from pointofcare.wire import moments
from pointofcare.wire.messages import FleetEvent
from server.store import drawer_findings as store
from server.store import drawer_rules, fleet, tasks
from server.store.drawer_findings import DoseHere
from server.store.tasks import CANCELLED, NewTask
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases.task_kinds import DRAWER_FINDING

_log = logging.getLogger(__name__)
# An answer and the event of the same opening come within this time, in whichever order.
SETTLES = timedelta(seconds=5)
AGAIN = timedelta(seconds=30)
AFTER_A_FAULT = timedelta(minutes=10)
# How long a cart's story is waited for before nothing is said of it any more: it says itself what it knew.
WAITS = timedelta(hours=24)
CARTS_AT_ONCE = 20
# These nobody need explain.
PAGE_ONLY = frozenset({Code.BY_KEY, Code.NO_EVIDENCE})


def after_event(tx: Transaction, cart: str, event: FleetEvent) -> None:
    """One statement, and only for what happens at a drawer."""
    if event.kind in drawers.KINDS and moments.is_possible(event.at):
        store.wait(tx, cart, since=event.at - drawers.DOSE_BEFORE, due_at=tx.at + SETTLES)


def after_record(tx: Transaction, record: AdministrationRecord) -> None:
    if record.drawer is not None and moments.is_possible(record.effective_at):
        store.wait(tx, record.cart, since=record.effective_at - drawers.DOSE_BEFORE, due_at=tx.at + SETTLES)


def look(actor: Actor) -> int:
    """Judges the carts of which something came; how many there were. Each in a transaction of its own: one that cannot be judged keeps
    no other back."""
    with reading(actor) as tx:
        waiting = store.due(tx, limit=CARTS_AT_ONCE)
    for cart in waiting:
        try:
            with transaction(actor) as tx:
                judge(tx, cart)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the drawers of %s cannot be judged now", cart)
            with transaction(actor) as tx:
                store.put_off(tx, cart, until=tx.at + AFTER_A_FAULT)
    return len(waiting)


def judge(tx: Transaction, cart: str) -> tuple[Finding, ...]:
    """What is new at the cart, written down; () where nothing waits."""
    pending = store.take(tx, cart)
    if pending is None:
        return ()
    happened, is_cut = store.story(tx, cart, since=pending.since)
    until = happened[-1].at if is_cut else tx.at + drawers.DOSE_AFTER
    charted = {here.dose.record_id: here for here in store.doses(tx, cart, since=pending.since - drawers.LOOKS_BACK, until=until)}
    heard = store.heard_until(tx, cart)
    known = Known(
        now=until if is_cut else tx.at,
        heard_until=min(heard, until) if heard is not None and is_cut else heard,
        open_for=drawer_rules.settings(tx).open_for,
        has_gap=store.has_gap(tx, cart, since=tx.at - WAITS, epochs={one.epoch for one in happened}),
    )
    doses = [here.dose for here in charted.values()]
    found = [one for one in drawers.judge(happened, doses, known) if one.at >= pending.since]
    ward = fleet.ward_of(tx, cart)
    before = store.standing(tx, cart, since=pending.since, until=until)
    kept = _still_found(before, drawers.undecided(happened, doses, known))
    found = [one for one in found if one.code is not Code.NO_EVIDENCE or _key(Code.DOSE_WITHOUT, one) not in kept]
    new = tuple(one for one in found if _written(tx, cart, ward, one, charted))
    _withdraw(tx, before, kept | {one.key[:200] for one in found})
    if is_cut:
        # What lies at the cut is judged again with what comes after it; each window goes on, whatever its times are.
        again = until - drawers.DOSE_AFTER - drawers.SLACK
        store.wait(tx, cart, since=again if again > pending.since else until + timedelta(microseconds=1), due_at=tx.at)
    else:
        rest = drawers.unsettled(happened, doses, known)
        if rest is not None and tx.at - rest < WAITS:
            store.wait(tx, cart, since=max(rest - drawers.DOSE_BEFORE, tx.at - WAITS), due_at=tx.at + AGAIN)
    return new


def _written(tx: Transaction, cart: str, ward: str, finding: Finding, charted: dict[str, DoseHere]) -> bool:
    row = store.put(tx, cart, ward, finding)
    if row is None:
        return False
    if finding.code not in PAGE_ONLY:
        here = charted.get(finding.record_id or "")
        key = f"{cart}:{finding.key}"[:200]
        # Found again after it was withdrawn; what a person answered stays answered.
        asked = tasks.find(tx, DRAWER_FINDING, key)
        task = tasks.put(
            tx,
            NewTask(
                kind=DRAWER_FINDING,
                key=key,
                ward=ward,
                patient=here.patient if here is not None else None,
                record_id=finding.record_id if here is not None else None,
                detail={
                    "code": finding.code.value,
                    "cart": cart,
                    "drawer": finding.drawer,
                    "wanted": finding.wanted,
                    "count": finding.count,
                    "happened_at": finding.at.isoformat(),
                    **({"nurse": here.nurse} if here is not None else {}),
                },
            ),
            reopen=asked is not None and asked.status == CANCELLED,
        )
        store.set_task(tx, row, task.id)
    return True


def _still_found(before: tuple[tuple[int, str, int | None], ...], undecided: frozenset[str]) -> frozenset[str]:
    """Keys of what stands and is not known anew only because evidence is on its way: nobody explained it."""
    return frozenset(key for _, key, _ in before) & {key[:200] for key in undecided}


def _key(code: Code, finding: Finding) -> str:
    return f"{code}:{finding.record_id}"[:200]


def _withdraw(tx: Transaction, before: tuple[tuple[int, str, int | None], ...], keys: frozenset[str]) -> None:
    """What was found in this window before and is explained now. Somebody's answer stays."""
    gone = [(row, task) for row, key, task in before if key not in keys]
    if gone:
        store.withdraw(tx, [row for row, _ in gone])
        tasks.cancel(tx, [task for _, task in gone if task is not None], why="explained")
