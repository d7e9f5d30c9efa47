"""A nurse whom a conflict concerns has read of it at a cart: kept, audited, and told to the other carts with the next chart.

What a cart says is not believed beyond that: only who is concerned can have read, once, and it resolves nothing.
"""

from __future__ import annotations

import logging

from pointofcare.wire.messages import FleetEvent
from server.store import conflicts, versions
from server.store.discrepancies import get
from server.store.transaction import Transaction

_log = logging.getLogger(__name__)
KIND = "conflict-seen"


def after_event(tx: Transaction, cart: str, event: FleetEvent) -> None:
    """`details`: {"discrepancy": number, "staff": id}. Any other event, and one that cannot be, changes nothing."""
    if event.kind != KIND:
        return
    number, staff = event.details.get("discrepancy"), event.details.get("staff")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**31 or not isinstance(staff, str):
        _log.warning("cart %s tells of a conflict that cannot be", cart)
        return
    found = conflicts.find(tx, number)
    if found is None or staff not in found.concerns or not conflicts.see(tx, number, staff=staff, cart=cart, at=event.at):
        return
    discrepancy = get(tx, number)
    detail = {"patient": found.patient, "code": found.code, "staff": staff, "at": event.at.isoformat()}
    tx.audit("conflict.seen", f"administration/{discrepancy.record_id}", {**detail, "before": {"seen": False}, "after": {"seen": True}})
    versions.bump(tx, discrepancy.ward)
