"""Empties the outbox into the EMR: the server's second durable hop.

A row's bytes are built, checked and stored once, before the first send, and every resend sends those; the order within one
chain is the store's. It holds no fact of its own: killed at any line, the next start finds the row and sends it again, and the
EMR stores it once. It never drops a row, and a row that cannot go never holds back another patient's.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

from devices import logbook
from pointofcare.errors import EmrError, EmrOutcomeUnknownError, EmrRejectedError, PointOfCareError
from server import traces
from server.emr import forms, retry
from server.emr.fhir_mapping import MappingContext
from server.emr.forms import Form
from server.emr.port import Accepted, EmrPort, EmrUnclearError, NotTakenError, StartMissingError
from server.emr.read_back import ReadBack
from server.store import beside, outbox
from server.store.beside import Blocked, CartDevice
from server.store.observations import Measurement
from server.store.outbox import OutboxItem
from server.store.transaction import Actor, transaction

_log = logging.getLogger(__name__)
ACTOR = Actor(id="dispatcher", name="EMR dispatcher")
BATCH = 8
# How long the rows of a killed server wait for the next worker; one request takes a minute at the very most.
LEASE_S = 90.0
# Before this much of the lease is used up a batch is left: another worker may take the rest when it has run out.
_LEASE_USED_S = LEASE_S - 60.0
_CHECK_EVERY_S = 60.0
# Something may have gone on with one of these before it was sent.
_MAY_GO_ON = ("in-progress", "on-hold")


class InvalidBundleError(EmrRejectedError):
    """Our own gate refused what was built; the fact itself stands."""

    code = "emr-bundle-invalid"


class OtherFormError(EmrRejectedError):
    """It was built for an EMR of another kind, which may have it."""

    code = "emr-other-form"


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherState:
    """What a page shows of it. `fault` is why nothing is sent at all, "" when all is well."""

    target: str
    running: bool
    sent: int
    parked: int
    failed_attempts: int
    fault: str


class Dispatcher:
    """`scope` opens what the store needs around each piece of work (the Flask application context). `settled` is called
    after rows were settled, from this thread. `looks` asks the EMR afterwards whether it holds what was sent; `tells_carts`: each cart is
    made known to the EMR, once, when the first of its records goes. `batch`: so many rows are taken at a time; 1 where there are several
    workers, so that no row waits behind another patient's whose answer does not come."""

    def __init__(
        self,
        emr: EmrPort,
        context: MappingContext,
        *,
        scope: Callable[[], AbstractContextManager[object]],
        form: Form = forms.FHIR,
        settled: Callable[[], None] = lambda: None,
        looks: ReadBack | None = None,
        tells_carts: bool = False,
        batch: int = BATCH,
        idle_s: float = 1.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._emr = emr
        self._context = context
        self._form = form
        self._scope = scope
        self._settled = settled
        self._looks = looks
        self._batch = batch
        self._tells_carts = tells_carts and form.beside is not None
        self._carts: set[str] = set()
        self._idle_s = idle_s
        self._chance = chance
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._unclear: dict[int, int] = {}
        self._checked_at: float | None = None
        self._capable = False
        self._sent = 0
        self._parked = 0
        self._failed = 0
        self._fault = ""
        self._store_fault = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name="emr-dispatcher", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 20.0) -> None:
        """Lets the row in hand end, then returns."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._emr.close()

    def wake(self) -> None:
        """There is a new row: do not wait for the next look. Safe from any thread."""
        self._wake.set()

    @property
    def state(self) -> DispatcherState:
        return DispatcherState(
            target=self._emr.name,
            running=self._thread is not None and self._thread.is_alive(),
            sent=self._sent,
            parked=self._parked,
            failed_attempts=self._failed,
            fault=self._fault or self._store_fault,
        )

    def run(self) -> None:
        """Until `stop`. A broad except is allowed here (decisions 0011, 0017): whatever fails, the rows stay as they are."""
        self._form.warm()
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                worked = self.drain_once()
                self._look_back()
                self._store_fault = ""
            except Exception as exc:  # noqa: BLE001 - see above
                self._store_fault = f"{type(exc).__name__}: {exc}"
                _log.exception("the outbox could not be read or written; no row was changed")
                worked = 0
            if not worked:
                self._wake.wait(self._idle_s)

    def drain_once(self) -> int:
        """Sends the rows that are due, and returns how many it took. Raises what the store raises."""
        if not self._ready():
            return 0
        started = time.monotonic()
        with self._scope():
            with transaction(ACTOR) as tx:
                items = outbox.claim(tx, limit=self._batch, lease_s=LEASE_S)
            for item in self._built_ahead(items):
                if self._stopping.is_set() or time.monotonic() - started > _LEASE_USED_S:
                    break
                with (
                    logbook.about(record=item.record_id, cart=item.cart),
                    traces.step("dispatch", record=item.record_id, kind="consumer", cart=item.cart, emr=self._emr.name),
                ):
                    self._deliver(item)
        if items:
            self._settled()
        return len(items)

    def _look_back(self) -> None:
        """A question about one row at most; what is missing is due at once."""
        if self._looks is None or not self._capable:
            return
        with self._scope():
            if self._looks.once():
                self._wake.set()

    def _ready(self) -> bool:
        """Asks the EMR once what it can do. Not there: rows are tried all the same, so that each shows why it waits."""
        if self._capable:
            return True
        if self._checked_at is not None and time.monotonic() - self._checked_at < _CHECK_EVERY_S:
            return not self._fault
        self._checked_at = time.monotonic()
        try:
            self._emr.check()
        except EmrRejectedError as exc:
            self._fault = str(exc)
            _log.error("the EMR cannot take administrations, nothing is sent: %s", exc)
            return False
        except EmrError as exc:
            _log.warning("the EMR did not say what it can do: %s", exc)
            self._fault = ""
            return True
        self._capable = True
        self._fault = ""
        return True

    def _tell_cart(self, item: OutboxItem) -> None:
        """A row of its own, for the cart of this one: it is sent, tried again and shown like any other, and holds no dose back."""
        if not self._tells_carts or not item.cart or item.cart in self._carts:
            return
        with transaction(ACTOR) as tx:
            device = beside.cart_device(tx.facility, item.cart)
            outbox.put_once(tx, kind=outbox.DEVICE, record_id=device.record_id, cart=item.cart, document=beside.device_document(device))
        self._carts.add(item.cart)

    def _deliver(self, item: OutboxItem) -> None:
        self._tell_cart(item)
        try:
            payload = item.payload or self._build(item)
            if not payload.startswith(self._form.begins):
                raise OtherFormError(
                    f"it was built for another EMR, and this one takes {self._form.name}",
                    remedy="see whether the dose is in the EMR; if not, build it anew and send it",
                )
            with traces.step("submit", kind="client", emr=self._emr.name):
                accepted = self._send(item, payload)
        except Exception as exc:  # noqa: BLE001 - a fault of this program must not stop the other patients' rows
            self._failed_with(item, exc)
            return
        with transaction(ACTOR) as tx:
            outbox.mark_sent(tx, item.id, emr_id=accepted.emr_id, emr_version=accepted.version)
            tx.audit("emr.sent", item.record_id, {"emr_id": accepted.emr_id, "target": self._emr.name, "replayed": accepted.replayed})
        self._unclear.pop(item.id, None)
        self._sent += 1
        traces.mark(outcome="again" if accepted.replayed else "sent", emr_id=accepted.emr_id)
        with logbook.about(emr=accepted.emr_id):
            _log.info("record %s is at the EMR%s", item.record_id, ", as it was already" if accepted.replayed else "")

    def _send(self, item: OutboxItem, payload: bytes) -> Accepted:
        """An EMR that does not know a repeat gets nothing of which nobody knows whether it has it: neither after the death of this server,
        nor after a fault of this program."""
        if self._emr.idempotent:
            return self._emr.submit(payload, item.record_id)
        unknown = "see in the EMR whether the dose is there; if not, send it again"
        if item.last_error_code == outbox.SENDING:
            raise EmrOutcomeUnknownError("this server stopped while it was on its way", remedy=unknown, record_id=item.record_id)
        with transaction(ACTOR) as tx:
            outbox.mark_sending(tx, item.id)
        try:
            return self._emr.submit(payload, item.record_id)
        except PointOfCareError:
            raise
        except Exception as exc:
            _log.exception("record %s: a fault of this program while it was sent", item.record_id)
            raise EmrOutcomeUnknownError(
                f"a fault of this program: {type(exc).__name__}", remedy=unknown, record_id=item.record_id
            ) from exc

    def _built_ahead(self, items: tuple[OutboxItem, ...]) -> tuple[OutboxItem, ...]:
        """The same rows with their bytes, stored in one commit. What cannot be built is left for its own turn to say so."""
        made: dict[int, bytes] = {}
        if len(items) > 1:
            for item in items:
                if item.payload is None:
                    with contextlib.suppress(Exception):
                        made[item.id] = self._checked(item)
        if not made:
            return items
        with transaction(ACTOR) as tx:
            kept = {item_id: outbox.keep_payload(tx, item_id, payload) for item_id, payload in made.items()}
        return tuple(replace(item, payload=kept.get(item.id, item.payload)) for item in items)

    def _build(self, item: OutboxItem) -> bytes:
        payload = self._checked(item)
        with transaction(ACTOR) as tx:
            return outbox.keep_payload(tx, item.id, payload)

    def _checked(self, item: OutboxItem) -> bytes:
        payload = self._built(item)
        found = self._form.problems(payload)
        if found:
            raise InvalidBundleError(f"it is not valid {self._form.name}: " + "; ".join(found)[:2000], problems=found)
        return payload

    def _built(self, item: OutboxItem) -> bytes:
        record, context = item.record, self._context
        if isinstance(record, Blocked | CartDevice):
            if self._form.beside is None:
                raise NotTakenError(
                    f"{self._form.name} has no words for this", remedy="nothing is to be done: it is not a dose", record_id=item.record_id
                )
            return self._form.beside(record, context)
        if not isinstance(record, Measurement) and (record.amends or record.continues or record.status in _MAY_GO_ON):
            with transaction(ACTOR) as tx:
                if outbox.is_held_back(tx, item.id):  # it came after this row was taken, and goes first
                    raise StartMissingError("what this record goes on with has not been sent", record_id=item.record_id)
                context = replace(context, chain=outbox.chain(tx, item.ordering_key))
        return self._form.build(record, context)

    def _failed_with(self, item: OutboxItem, error: Exception) -> None:
        """Only answers of one kind in a row count towards parking: an outage before them says nothing about the record."""
        self._failed += 1
        if not isinstance(error, PointOfCareError):
            _log.error("record %s could not be sent, a fault of this program", item.record_id, exc_info=error)
        if isinstance(error, EmrUnclearError):
            self._unclear[item.id] = attempts = self._unclear.get(item.id, 0) + 1
        else:
            self._unclear.pop(item.id, None)
            attempts = item.attempts + 1
        decision = retry.decide(error, attempts, idempotent=self._emr.idempotent, chance=self._chance())
        with transaction(ACTOR) as tx:
            traces.mark(outcome="parked" if isinstance(decision, retry.Park) else "waits")
            if isinstance(decision, retry.Park):
                outbox.mark_parked(tx, item.id, error=decision.reason, code=decision.code)
                tx.audit("emr.parked", item.record_id, {"code": decision.code, "target": self._emr.name})
                self._parked += 1
                self._unclear.pop(item.id, None)
                _log.warning("record %s is parked for a person: %s", item.record_id, decision.code)
            else:
                code = error.code if isinstance(error, PointOfCareError) else "program-fault"
                outbox.mark_waiting(
                    tx, item.id, error=str(error)[:2000], code=code, next_attempt_at=tx.at + timedelta(seconds=decision.after_s)
                )
