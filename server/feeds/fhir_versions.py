"""Which version of a thing counts: an older one is never taken after a newer one came, whatever became of that, and whoever was slow."""

from __future__ import annotations

from dataclasses import replace

from server.feeds import fhir_items as items
from server.feeds.fhir_items import SOURCE
from server.feeds.fhir_source import Resource
from server.feeds.fhir_source import resource as as_resource
from server.store import incoming
from server.store.incoming import Item, Reason
from server.store.transaction import Transaction

OLDER = "older-version"


class PassedOverError(Exception):
    """There is nothing in it that is taken here, for `reason`."""

    def __init__(self, code: str, *, field: str = "", found: str = "") -> None:
        super().__init__(code)
        self.reason = Reason(code=code, field=field, found=found)


def must_be_newest(tx: Transaction, item: Item) -> None:
    """Against every version that came, taken or not; what a person accepted is taken as it is. Raises: PassedOverError."""
    if item.accepted or item.payload is None:
        return
    mine = as_resource(item.payload)
    for other in incoming.of_thing(tx, SOURCE, item.about):
        if other.id == item.id:
            continue
        payload = incoming.get(tx, other.id).payload
        there = as_resource(payload) if payload is not None else Resource(kind="", id="", version="", updated_at=None, payload=b"")
        version = other.key.removeprefix(f"{other.about}/")
        newer = items.is_newer(replace(there, version="" if version.startswith("sha256-") else version), mine)
        if newer or (newer is None and other.id > item.id):
            raise PassedOverError(OLDER, found=other.key)


def taken(tx: Transaction, item: Item, *, became: str, patient: str | None = None, reason: Reason | None = None) -> None:
    """The last word of the transaction that wrote it: a newer version may have come, or another worker settled this one, while the server
    was asked, and then nothing of it stays written. Raises: PassedOverError, ConflictError."""
    must_be_newest(tx, item)
    incoming.take(tx, item.id, became=became, patient=patient, reason=reason)
