"""What was kept of the FHIR server is taken, each item by itself, and every outcome is written on the item.

An item that cannot be taken waits or is a person's, with its reason, and the next one follows. A version that is older than one that
came before is never taken, whatever became of that one. A newer version of an order that cannot be read ends the older one's use.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from pointofcare.errors import ConflictError, EmrError, PointOfCareError, UnreadableError
from server.feeds import fhir_items as items
from server.feeds.fhir_items import SOURCE
from server.feeds.fhir_reading import ACTOR
from server.feeds.fhir_source import is_id
from server.feeds.fhir_takers import TAKERS, Taker
from server.feeds.fhir_versions import PassedOverError, must_be_newest
from server.store import incoming, orders
from server.store.incoming import Item, Reason
from server.store.transaction import DatabaseFault, Transaction, reading, transaction
from server.usecases import arrivals
from server.usecases import orders as order_verbs
from server.usecases.arrivals import NotTakenError, Sender
from server.usecases.import_rows import FieldError

_log = logging.getLogger(__name__)
BATCH = 50
LEASE_S = 120.0
LONGEST_WAIT = timedelta(minutes=15)
UNREAD_NEWER = "clarify-newer-version-unreadable"
_MOST_CONFLICTS = 5
_MOST_FAULTS = 2
FAULT = "program-fault"


def take_due(taker: Taker, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Takes what is due, oldest first, and says how many items it had in hand. Raises what the store raises."""
    with transaction(ACTOR) as tx:
        held = incoming.claim(tx, SOURCE, limit=BATCH, lease_s=LEASE_S)
    for item in held:
        if stopping():
            break
        _one(taker, item)
    return len(held)


def _one(taker: Taker, item: Item) -> None:
    """Only the store's own failure leaves an item to the next worker, once its lease has run out."""
    try:
        _take(taker, item)
    except PassedOverError as exc:
        with transaction(ACTOR) as tx:
            incoming.pass_over(tx, item.id, exc.reason)
    except NotTakenError as exc:
        _not_taken(item, exc.reason, waits=exc.waits, patient=exc.patient)
    except FieldError as exc:
        parameters = {name: value for name, value in exc.parameters.items() if name != "field"}
        field = f"{item.kind}.{exc.parameters.get('field', '')}".rstrip(".")
        _not_taken(item, Reason(code=exc.reason, field=field, found=item.about, parameters=parameters))
    except EmrError as exc:
        _not_taken(item, Reason(code=exc.code, found=str(exc)), waits=True)
    except ConflictError as exc:  # somebody wrote the same thing just now
        _not_taken(item, Reason(code=exc.code, found=str(exc)), waits=item.attempts < _MOST_CONFLICTS)
    except PointOfCareError as exc:
        _not_taken(item, Reason(code=exc.code, found=str(exc)))
    except (AttributeError, TypeError, LookupError, ValueError, ArithmeticError) as exc:  # an element of another type than FHIR says
        _log.info("an item of kind %s has an element of another type: %s", item.kind, type(exc).__name__)
        _not_taken(item, Reason(code="wrong-element-type", field=item.kind, found=item.about))
    except DatabaseFault:
        raise
    except Exception as exc:  # noqa: BLE001 - a fault of this program must not stop the items of other patients
        _log.exception("an item of kind %s could not be taken", item.kind)
        _not_taken(item, Reason(code=FAULT, found=type(exc).__name__), waits=item.attempts < _MOST_FAULTS)


def _take(taker: Taker, item: Item) -> None:
    if item.payload is None:
        raise UnreadableError("the bytes are not kept any more", remedy="wait for the next version")
    if item.subject and not is_id(item.subject):
        raise FieldError("not-an-identifier", field="subject")
    with reading(ACTOR) as tx:
        must_be_newest(tx, item)  # before the server is asked for what it names; looked at again when it is written
    sender = Sender(source=SOURCE, timezone=taker.timezone, accepted=item.accepted)
    TAKERS[item.kind](taker, item, items.parsed(item.payload), sender)


def _not_taken(item: Item, reason: Reason, *, waits: bool = False, patient: str | None = None) -> None:
    with transaction(ACTOR) as tx:
        if waits:
            pause = min(LONGEST_WAIT, timedelta(seconds=5 * 2 ** min(item.attempts, 10)))
            incoming.wait(tx, item.id, reason, again_at=tx.at + pause)
            return
        # One that somebody settled meanwhile says nothing about the order any more.
        if incoming.reject(tx, item.id, reason, patient=patient) and item.kind == items.ORDER:
            _block(tx, item)


def _block(tx: Transaction, item: Item) -> None:
    """The order is not what we hold of it any more, and nobody can say what it is now: it is not given by scan. What has ended there has
    ended here, whatever else could not be read."""
    ended = _raw_status(item) in items.ENDED_THERE
    for here in orders.by_emr_id(tx, SOURCE, item.about):  # whoever's it is: the version may name somebody else, or nobody
        if here.order.status in arrivals.ENDED:
            continue
        if ended:
            arrivals.stop(tx, here, reason="ended in the EMR")
        else:
            order_verbs.receive(tx, here.order, source=SOURCE, clarification=f"{UNREAD_NEWER}={item.key}"[:200])


def _raw_status(item: Item) -> str:
    try:
        return str(items.parsed(item.payload or b"").get("status"))
    except UnreadableError:
        return ""
