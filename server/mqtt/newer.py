"""Records of a cart whose release is newer than this server's: what they say beyond what is read here is kept, not dropped.

The record itself is taken as every other one. The rest stands in the audit, which is sealed and kept as long as the records, before
the cart gets its receipt and lets go of it. Never decides anything.
"""

from __future__ import annotations

import logging

from devices.broker import Arrival
from pointofcare.errors import MessageError
from pointofcare.wire import codec, values
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped, BedsideNoted, ObservationRecorded
from server.store import audit
from server.store.transaction import Actor, transaction

_log = logging.getLogger(__name__)
ACTION = "record.unread"
# In bytes, of one record: what is longer is named, and stays with the cart's journal.
LONGEST = 60_000


def keep(arrival: Arrival) -> None:
    """Raises: what the database raises, and then the cart has no receipt and sends again."""
    body = arrival.message.body
    if not isinstance(body, AdministrationRecorded | AttemptStopped | ObservationRecorded | BedsideNoted) or not arrival.payload:
        return
    try:
        found = dict(codec.unread(arrival.route, arrival.payload))
    except MessageError:  # as it stands it was read: only this second look failed
        _log.exception("what a record says beyond what is read here could not be looked for")
        return
    if not found:
        return
    record = body.record.record_id if isinstance(body, AdministrationRecorded) else body.record_id
    subject = f"record/{record}"
    too_long = len(values.written(found)) > LONGEST
    detail = {"cart": arrival.levels["cart"], "fields": sorted(found)[:500] if too_long else found, "cut": too_long}
    with transaction(Actor(id="gateway", name="MQTT gateway", place=f"cart/{arrival.levels['cart']}")) as tx:
        if any(line.action == ACTION and line.detail.get("fields") == detail["fields"] for line in audit.listed(tx, subject=subject)):
            return  # it came again
        tx.audit(ACTION, subject, detail)
    _log.warning("record %s says more than this release reads (%d fields): a newer release wrote it", record, len(found))
