"""What happens with one message of HL7 version 2: it is kept, then taken, then answered. Nothing here knows a socket.

A message that was kept is never lost: power that fails between keeping and answering leaves a waiting item, and the sender sends again and
is told what became of it. The messages of one patient are taken in the order in which they came; those of others never wait for them.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from pointofcare.errors import ConflictError, PointOfCareError
from pointofcare.texts import Catalogue
from server.emr import hl7_answer, hl7_message
from server.emr.hl7_answer import Fault, Outcome
from server.emr.hl7_message import Header, Hl7Error
from server.store import incoming, received
from server.store.incoming import Item, Reason
from server.store.transaction import Actor, Clash, DatabaseFault, Transaction, reading, transaction
from server.usecases import hl7_blocking, hl7_orders, hl7_people, hl7_profile, hl7_taking
from server.usecases.arrivals import PATIENT_AWAITED, NotTakenError, Sender
from server.usecases.hl7_admission import SOURCE, NothingToDoError
from server.usecases.hl7_profile import Profile
from server.usecases.hl7_taking import ORDER_AWAITED, Taken
from server.usecases.import_rows import FieldError

_log = logging.getLogger(__name__)
ACTOR = Actor(id="hl7", name="HL7 feed")
# Nobody else takes what was just kept; a killed server's items are free after this.
HOLD_S = 60.0
AGAIN = timedelta(minutes=5)
# Somebody wrote the same thing at the same moment: once more, so many times.
AFTER_CLASH, MOST_CLASHES = timedelta(seconds=5), 5
# A stop of an order that never came: of a time before this feed. And what waited so long for its patient is put away.
NEVER_CAME = timedelta(days=7)
PART = "listener"
ALIVE_EVERY, PRUNE_EVERY = timedelta(minutes=1), timedelta(hours=1)
NO_SENDER, OTHER_CONTENT, INTERNAL = "hl7-sender", "hl7-other-content", "hl7-internal"
_OF_ORDERS = frozenset({"RDE-O11", "RDE-O01", "OMP-O09", "ORM-O01"})
# Codes of table 0357 for what a sender can mend; anything else is a value that does not fit.
_CODES = {
    "needed": hl7_answer.REQUIRED_MISSING, "hl7-mrn-missing": hl7_answer.REQUIRED_MISSING, "hl7-no-patient": hl7_answer.SEGMENT_SEQUENCE,
    "hl7-no-orc": hl7_answer.SEGMENT_SEQUENCE, "hl7-no-drug": hl7_answer.SEGMENT_SEQUENCE, "hl7-no-merge": hl7_answer.SEGMENT_SEQUENCE,
    "hl7-ward": hl7_answer.NOT_IN_TABLE, "hl7-control": hl7_answer.NOT_IN_TABLE, "hl7-status": hl7_answer.NOT_IN_TABLE,
    "other-person": hl7_answer.DUPLICATE_KEY, "order-id-taken": hl7_answer.DUPLICATE_KEY, OTHER_CONTENT: hl7_answer.DUPLICATE_KEY,
    "hl7-event": hl7_answer.EVENT_UNSUPPORTED, "hl7-version": hl7_answer.VERSION_UNSUPPORTED, "too-long": hl7_answer.VALUE_TOO_LONG,
    "hl7-processing": hl7_answer.PROCESSING_UNSUPPORTED, INTERNAL: hl7_answer.INTERNAL, "merge-asked": hl7_answer.DUPLICATE_KEY,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a page, or a log, shows of the feed."""

    taken: int = 0
    waiting: int = 0
    failed: int = 0
    refused: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """What became of an item until now."""

    state: str
    reason: Reason | None


class Intake:
    """`scope` gives an application context, `timezone` is the facility's. What was settled is kept for `keep_days`. One message at a time,
    whoever calls."""

    def __init__(
        self,
        profiles: Sequence[Profile],
        *,
        facility: str,
        timezone: str,
        scope: Callable[[], AbstractContextManager[object]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        keep_days: int = 90,
    ) -> None:
        self._profiles, self._facility, self._timezone = tuple(profiles), facility, timezone
        self._scope, self._clock = scope, clock
        self._lock = threading.Lock()
        self._answers = 0
        self._keep = timedelta(days=keep_days)
        self._alive_at: datetime | None = None
        self._pruned_at: datetime | None = None
        self.counted: dict[str, int] = {}

    @property
    def state(self) -> State:
        return State(**{name: self.counted.get(name, 0) for name in State.__slots__})

    def receive(self, payload: bytes) -> bytes | None:
        """The answer to send; None: the sender wants none. Raises: DatabaseFault when nothing can be kept now: hang up, it comes again."""
        with self._lock, self._scope():
            return self._receive(payload)

    def too_large(self, most: int) -> bytes:
        """The answer to a message that was not read to its end."""
        self._count("refused")
        return self._answered(None, Outcome.REFUSED, Reason(code="incoming-too-large", parameters={"most": str(most)})) or b""

    def settle_waiting(self, *, limit: int = 200) -> int:
        """Tries what is due: patients came, people asked for it, or a server was killed. How many were tried. Says now and then that the
        feed is alive, and forgets what was settled long ago."""
        with self._lock, self._scope():
            self._look_after(self._clock())
            with transaction(ACTOR, at=self._clock()) as tx:
                incoming.recall(tx, SOURCE)  # all that was put away of one patient at once, so that it is taken in the order it came
                due = [item.id for item in incoming.claim(tx, SOURCE, limit=limit, lease_s=HOLD_S)]
            for item in due:
                with reading(ACTOR) as tx:
                    found = incoming.get(tx, item)
                    waiting = received.waiting(tx, SOURCE, found.subject) if found.subject else ()
                if found.state == incoming.WAITING:
                    self._settle(item, waiting)
            return len(due)

    def _look_after(self, now: datetime) -> None:
        if self._alive_at is None or now - self._alive_at >= ALIVE_EVERY:
            with transaction(ACTOR, at=now) as tx:
                incoming.looked(tx, SOURCE, PART)
            self._alive_at = now
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
            with transaction(ACTOR, at=now) as tx:
                incoming.prune(tx, before=now - self._keep)
                incoming.give_up(tx, SOURCE, PATIENT_AWAITED, before=now - NEVER_CAME)
            self._pruned_at = now

    def _receive(self, payload: bytes) -> bytes | None:
        try:
            header = hl7_message.peek(payload)
        except Hl7Error as exc:
            self._count("refused")
            return self._answered(None, Outcome.REFUSED, reason_of(exc))
        profile = self._profile(header)
        refused = refusal(header, profile)
        if refused is not None or profile is None:
            self._count("refused")
            _log.warning("a message of %s|%s was refused: %s", header.application[:40], header.facility[:40], refused and refused.code)
            return self._answered(header, Outcome.REFUSED, refused)
        event = profile.event(header.type)
        if event == hl7_profile.IGNORE:
            return self._answered(header, Outcome.TAKEN, None)
        subject = ""
        try:
            message = hl7_message.read(payload, charset=profile.charset)
            subject = hl7_people.subject(message, profile)
            if event == "ORM^O01" and not hl7_orders.is_pharmacy(message):
                self._count("refused")
                return self._answered(header, Outcome.REFUSED, Reason(code="hl7-event", field="RXO", found=header.type))
        except Hl7Error:
            pass  # it is kept all the same, and then rejected with its reason
        return self._kept(payload, header, event, subject)

    def _kept(self, payload: bytes, header: Header, event: str, subject: str) -> bytes | None:
        key = f"{header.application}|{header.facility}|{header.control}"
        now = self._clock()
        with transaction(ACTOR, at=now) as tx:
            if subject:
                incoming.recall(tx, SOURCE, subject)  # the patient may come with this message, and what came before it goes first
            kept = incoming.keep(tx, source=SOURCE, kind=_kind(event), key=key, payload=payload, subject=subject, hold_s=HOLD_S)
            known = None if kept.is_new else incoming.get(tx, kept.item)
            is_other = known is not None and known.payload is not None and _content(known.payload) != _content(payload)
            if is_other:
                kept = self._keep_other(tx, payload, key, event, subject)
            waiting = received.waiting(tx, SOURCE, subject) if subject else ()
        if is_other:
            self._count("failed")
            return self._answered(header, Outcome.FAILED, Reason(code=OTHER_CONTENT, field="MSH-10", found=header.control))
        settled = _Settled(state=known.state, reason=known.reason) if known is not None else None
        if settled is None or settled.state == incoming.WAITING:
            settled = self._settle(kept.item, waiting)
        if kept.is_new:
            self._count({incoming.REJECTED: "failed", incoming.WAITING: "waiting"}.get(settled.state, "taken"))
        else:
            self._count("repeated")
        outcome = Outcome.FAILED if settled.state == incoming.REJECTED else Outcome.TAKEN
        return self._answered(header, outcome, settled.reason)

    def _keep_other(self, tx: Transaction, payload: bytes, key: str, event: str, subject: str) -> incoming.Kept:
        """The same number with other content: kept beside the first, for a person, and never taken by itself."""
        digest = hashlib.sha256(payload).hexdigest()[:16]
        kept = incoming.keep(tx, source=SOURCE, kind=_kind(event), key=f"{key}|{digest}", payload=payload, subject=subject)
        if kept.is_new:
            self._reject(tx, incoming.get(tx, kept.item), Reason(code=OTHER_CONTENT, field="MSH-10", found=key))
        return kept

    def _settle(self, item: int, waiting: Sequence[tuple[int, str]]) -> _Settled:
        """`waiting` are the items that wait for the same patient: those before it come first, and when it was taken those behind it. One
        that waits for its order is done with that order."""
        possible = [one for one, why in waiting if one != item and why != ORDER_AWAITED]
        for one in possible:
            if one > item or _has_no_patient(self._try(one)):
                break  # nor has any other of this patient
        settled = self._try(item, others=len(waiting) > 1)
        if settled.state == incoming.TAKEN:
            for one in possible:
                if _has_no_patient(self._try(one)):
                    break
        return settled

    def _try(self, item: int, *, others: bool = True) -> _Settled:
        """One item in a transaction of its own, and what became of it. `others`: more wait for the same patient."""
        now = self._clock()
        try:
            with transaction(ACTOR, at=now) as tx:
                return self._tried(tx, incoming.get(tx, item), now, others)
        except DatabaseFault:
            raise
        except (ConflictError, Clash) as exc:
            _log.info("HL7 item %d was written by somebody else at the same moment: %s", item, type(exc).__name__)
            reason = Reason(code="hl7-not-written", found=str(exc) if isinstance(exc, ConflictError) else type(exc).__name__)
            return self._failed(item, reason, now, most=MOST_CLASHES)
        except Exception as exc:  # noqa: BLE001 - whatever a message does to us, it is kept, shown to a person, and holds nobody up
            _log.exception("HL7 item %d could not be taken", item)
            return self._failed(item, Reason(code=INTERNAL, found=type(exc).__name__), now, most=0)

    def _failed(self, item: int, reason: Reason, now: datetime, *, most: int) -> _Settled:
        """It waits to be tried again, `most` times, then a person looks. What somebody else settled meanwhile stays so."""
        with transaction(ACTOR, at=now) as tx:
            found = incoming.get(tx, item)
            if found.state != incoming.WAITING:
                return _Settled(state=found.state, reason=found.reason)
            if found.attempts < most:
                incoming.wait(tx, item, reason, again_at=now + AFTER_CLASH)
                return _Settled(state=incoming.WAITING, reason=reason)
            self._reject(tx, found, reason)
            return _Settled(state=incoming.REJECTED, reason=reason)

    def _reject(self, tx: Transaction, item: Item, reason: Reason, *, patient: str | None = None) -> None:
        """A person must look; until then the orders that it speaks of are not given as we hold them."""
        profile = self._profile(hl7_message.peek(item.payload)) if item.payload is not None else None
        if incoming.reject(tx, item.id, reason, patient=patient) and profile is not None and item.kind in _OF_ORDERS:
            try:
                with received.attempt(tx):
                    hl7_blocking.block(tx, item.payload or b"", profile, zone=profile.timezone or self._timezone, key=item.key)
            except DatabaseFault:
                raise
            except Exception:  # noqa: BLE001 - it stands before a person all the same
                _log.exception("what HL7 item %d speaks of could not be kept from being given", item.id)

    def _tried(self, tx: Transaction, item: Item, now: datetime, others: bool) -> _Settled:
        if item.state != incoming.WAITING or item.payload is None:
            return _Settled(state=item.state, reason=item.reason)
        try:
            with received.attempt(tx):
                taken = self._take(tx, item)
        except NothingToDoError as exc:
            incoming.pass_over(tx, item.id, exc.reason)
            return _Settled(state=incoming.SET_ASIDE, reason=exc.reason)
        except NotTakenError as exc:
            if not exc.waits:
                self._reject(tx, item, exc.reason, patient=exc.patient)
                return _Settled(state=incoming.REJECTED, reason=exc.reason)
            if exc.reason.code == ORDER_AWAITED and now - item.received_at > NEVER_CAME:
                incoming.pass_over(tx, item.id, exc.reason)
                return _Settled(state=incoming.SET_ASIDE, reason=exc.reason)
            incoming.wait(tx, item.id, exc.reason, again_at=now + AGAIN)
            return _Settled(state=incoming.WAITING, reason=exc.reason)
        except ConflictError:
            raise
        except PointOfCareError as exc:
            reason = reason_of(exc)
            self._reject(tx, item, reason)
            return _Settled(state=incoming.REJECTED, reason=reason)
        if not taken.became and taken.reason is not None:
            incoming.pass_over(tx, item.id, taken.reason)
            return _Settled(state=incoming.SET_ASIDE, reason=taken.reason)
        incoming.take(tx, item.id, became=taken.became, patient=taken.patient, reason=taken.reason)
        if others:
            self._awaited(tx, item, taken)
        return _Settled(state=incoming.TAKEN, reason=taken.reason)

    def _take(self, tx: Transaction, item: Item) -> Taken:
        payload = item.payload or b""
        header = hl7_message.peek(payload)
        profile = self._profile(header)
        if profile is None:  # it was taken out of the settings since
            raise Hl7Error(NO_SENDER, "MSH-3", f"{header.application}|{header.facility}")
        message = hl7_message.read(payload, charset=profile.charset)
        sender = Sender(source=SOURCE, timezone=profile.timezone or self._timezone, accepted=item.accepted)
        return hl7_taking.take(tx, profile.event(header.type), message, profile, sender, received_at=item.received_at)

    def _awaited(self, tx: Transaction, item: Item, taken: Taken) -> None:
        """A stop that came before its order is done with it: the order is never active for a moment."""
        for one, why in received.waiting(tx, SOURCE, item.subject) if taken.orders and item.subject else ():
            if why != ORDER_AWAITED:
                continue
            waits = incoming.get(tx, one)
            if waits.state != incoming.WAITING or waits.reason is None or waits.reason.found not in taken.orders:
                continue
            try:
                with received.attempt(tx):
                    done = self._take(tx, waits)
            except PointOfCareError:
                continue  # its own turn says why
            incoming.take(tx, one, became=done.became, patient=done.patient, reason=done.reason)

    def _profile(self, header: Header) -> Profile | None:
        return next((one for one in self._profiles if one.speaks_for(header.application, header.facility)), None)

    def _answered(self, header: Header | None, outcome: Outcome, reason: Reason | None) -> bytes | None:
        self._answers += 1
        at = self._clock()
        faults: tuple[Fault, ...] = ()
        words = ""
        if reason is not None:
            words = said(reason)
            if outcome is not Outcome.TAKEN:
                where = reason.field or "MSH"
                code = _CODES.get(reason.code, hl7_answer.DATA_TYPE)
                faults = (Fault(where=where, code=code, words=words, remedy=said(reason, remedy=True)),)
        return hl7_answer.answer(
            header,
            outcome,
            words=words,
            faults=faults,
            control=f"{at:%y%m%d%H%M%S}{self._answers % 100000:05d}",
            at=at,
            facility=self._facility,
            codec=hl7_message.codec_of(header.charset) if header is not None else "utf-8",
        )

    def _count(self, name: str) -> None:
        self.counted[name] = self.counted.get(name, 0) + 1


def _has_no_patient(settled: _Settled) -> bool:
    return settled.state == incoming.WAITING and settled.reason is not None and settled.reason.code == PATIENT_AWAITED


def refusal(header: Header, profile: Profile | None) -> Reason | None:
    """Why a message is not even kept; `profile` None: nobody knows its sender."""
    if profile is None:
        return Reason(code=NO_SENDER, field="MSH-3", found=f"{header.application}|{header.facility}")
    if not header.control or len(header.control) > 199:
        return Reason(code="needed", field="MSH-10", found=header.control[:100])
    if header.version not in profile.versions:
        return Reason(code="hl7-version", field="MSH-12", found=header.version, parameters={"known": " ".join(profile.versions)})
    if header.processing and header.processing not in profile.processing:
        return Reason(code="hl7-processing", field="MSH-11", found=header.processing, parameters={"known": " ".join(profile.processing)})
    event = profile.event(header.type)
    if event != hl7_profile.IGNORE and event not in hl7_profile.TAKEN:
        return Reason(code="hl7-event", field="MSH-9", found=header.type)
    return None


def said(reason: Reason, language: str = "en", *, remedy: bool = False) -> str:
    """A reason in words, for the answer and for the dry run."""
    parameters = {"value": reason.found, "field": reason.field, **reason.parameters}
    code = f"hl7-said-{reason.code}" if _texts().has(language, f"hl7-said-{reason.code}") else reason.code
    return _texts().text(language, f"{code}-remedy" if remedy else code, parameters)


def reason_of(exc: PointOfCareError) -> Reason:
    """An error of a reader or of a verb, as the store of what came in keeps it."""
    if isinstance(exc, Hl7Error):
        return Reason(code=exc.fault, field=exc.where, found=exc.found, parameters=exc.parameters)
    if isinstance(exc, FieldError):
        parameters = {name: value for name, value in exc.parameters.items() if name != "field"}
        return Reason(code=exc.reason, field=str(exc.parameters.get("field", "")), parameters=parameters)
    return Reason(code="hl7-not-written", found=str(exc))


def _kind(event: str) -> str:
    """As pages name it: RDE-O11."""
    return event.replace("^", "-")


def _content(payload: bytes) -> list[bytes]:
    """The fields of a message without MSH-7: a repeat may say another moment at which it was sent."""
    parts = payload.lstrip(b"\r\n").split(payload.lstrip(b"\r\n")[3:4], 7)
    return parts[:6] + parts[7:]


@cache
def _texts() -> Catalogue:
    return Catalogue("server.usecases.import_texts")
