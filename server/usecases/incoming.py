"""What people do about items from other systems that were not taken, and how far behind a feed is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.errors import ConflictError
from pointofcare.people import StaffRole
from server.feed_settings import FhirFeedConfig
from server.store import incoming
from server.store.incoming import Item
from server.store.transaction import Actor, Transaction
from server.usecases.arrivals import MRN_TAKEN, OTHER_PERSON
from server.usecases.permission import require, text

FHIR = "fhir"
HL7 = "hl7"
# The listener says each minute that it lives; one that is silent for a week was switched off.
_SILENT, _SWITCHED_OFF = timedelta(minutes=10), timedelta(days=7)
# What a person may say is right as it is; everything else is put right where it came from, or here, and tried again.
ACCEPTABLE = frozenset({OTHER_PERSON, MRN_TAKEN})
_WHO = (StaffRole.PHARMACIST, StaffRole.ADMINISTRATOR)


def requeue(tx: Transaction, actor: Actor, item: int) -> Item:
    """It is tried again, after what kept it was put right. Raises: NotPermittedError, NotFoundError, ConflictError."""
    return _again(tx, actor, item, accepted=False, comment=None)


def accept(tx: Transaction, actor: Actor, item: int, comment: str) -> Item:
    """The person has made sure that it is the same patient in spite of what differs. Raises: as `requeue`, TextMissingError."""
    if (found := incoming.get(tx, item)).reason is None or found.reason.code not in ACCEPTABLE:
        raise ConflictError("what keeps this item is nothing that can be accepted", remedy="put it right where it came from, and try again")
    return _again(tx, actor, item, accepted=True, comment=text(comment, "reason"))


def set_aside(tx: Transaction, actor: Actor, item: int, comment: str) -> Item:
    """It shall not be taken. Raises: NotPermittedError, NotFoundError, ConflictError, TextMissingError."""
    require(tx, actor, *_WHO)
    found = incoming.get(tx, item)
    incoming.set_aside(tx, item, text(comment, "reason"))
    _audit(tx, "incoming.set-aside", found, incoming.SET_ASIDE, reason=comment)
    return incoming.get(tx, item)


def _again(tx: Transaction, actor: Actor, item: int, *, accepted: bool, comment: str | None) -> Item:
    require(tx, actor, *_WHO)
    found = incoming.get(tx, item)
    incoming.requeue(tx, item, accepted=accepted, comment=comment)
    _audit(tx, "incoming.accept" if accepted else "incoming.requeue", found, incoming.WAITING, reason=comment or "")
    return incoming.get(tx, item)


def _audit(tx: Transaction, action: str, found: Item, state: str, *, reason: str) -> None:
    told = {"before": {"state": found.state}, "after": {"state": state}}
    what = {"source": found.source, "kind": found.kind, "key": found.key, "reason": reason}
    tx.audit(action, f"incoming/{found.id}", {**({"patient": found.patient} if found.patient else {}), **what, **told})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far behind a part of a feed is. `since` is its newest look that went well, None: none ever did."""

    source: str
    part: str
    since: datetime | None
    looked_at: datetime | None
    fault: str | None
    told: str | None
    is_late: bool


def lags(tx: Transaction, settings: FhirFeedConfig) -> tuple[Lag, ...]:
    """Of every part of every feed; of the FHIR feed, where it is on, also that it has not looked at all."""
    found = []
    for feed in incoming.feeds(tx):
        if feed.part == "hook" or (feed.source == FHIR and not settings.enabled):
            continue
        is_late = feed.fault is not None
        if feed.source == HL7 and feed.succeeded_at is not None:
            is_late = is_late or _SILENT < tx.at - feed.succeeded_at < _SWITCHED_OFF
        if feed.source == FHIR:
            slow = timedelta(minutes=2 * settings.reconcile_min if feed.part == "reconcile" else 0, seconds=settings.every_s)
            is_late = feed.succeeded_at is None or tx.at - feed.succeeded_at > timedelta(minutes=settings.late_min) + slow
        found.append(
            Lag(
                source=feed.source,
                part=feed.part,
                since=feed.succeeded_at,
                looked_at=feed.looked_at,
                fault=feed.fault,
                told=feed.told,
                is_late=is_late,
            )
        )
    if settings.enabled and not any(one.source == FHIR for one in found):
        found.append(Lag(source=FHIR, part="", since=None, looked_at=None, fault=None, told=None, is_late=True))
    return tuple(found)
