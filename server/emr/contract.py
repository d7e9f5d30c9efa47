"""What every EMR adapter owes, as checks that anybody can run over their own: `pointofcare-server emr contract`.

Each check sends made-up records to a real connection and looks at what comes back. They are for a test system with a test patient: what
they send stays there. Must never be run by itself, and never against an EMR of real patients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from pointofcare.errors import EmrError, EmrUnavailableError, PointOfCareError
from pointofcare.quantity import Quantity
from server.emr.fhir_mapping import MappingContext
from server.emr.forms import Form
from server.emr.port import Accepted, EmrPort, NoReadBackError

# What a person may write, and each of the older formats cuts in two.
ODD_TEXT = 'đã hỏi BS. Nguyễn | 5^6 & 7~8 \\ "ổn" <b>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Who the made-up doses are about: somebody of the test system where it resolves its references."""

    facility: str
    patient: str = "P1"
    mrn: str = "24-000123"
    order: str | None = "O1"
    nurse: str = "N1"
    witness: str = "N2"
    cart: str = "c01"
    ward: str = "W3"
    product: str = "AMOX500"
    dose: str = "500 mg"
    route: str = "PO"


def made_up(sample: Sample, **changes: object) -> AdministrationRecord:
    """A dose with an id of its own, given a moment ago."""
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    given = AdministrationRecord(
        record_id=str(uuid4()),
        facility=sample.facility,
        ward=sample.ward,
        cart=sample.cart,
        patient=sample.patient,
        mrn=sample.mrn,
        order=sample.order,
        order_version=1,
        due=now,
        action="give",
        status="completed",
        status_reason=None,
        reason_text=None,
        product=sample.product,
        product_name="Amoxicillin 500 mg",
        gtin="08936000000012",
        lot="A1+b",
        expiry=date(2099, 12, 31),
        serial="S1",
        dose=Quantity.parse(sample.dose),
        route=sample.route,
        site=None,
        waste=None,
        prn_reason=None,
        effective_at=now,
        recorded_at=now + timedelta(seconds=2),
        nurse=sample.nurse,
        witness=None,
        level="PASS",
        findings=(),
        engine="contract",
        policy="contract",
        scans=(ScanEvidence(identifier="]d2", text="0108936000000012\x1d10A1+b", at=now),),
        chart_version=1,
        online=True,
        clock_offset_s=0.0,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


class Result(StrEnum):
    KEPT = "kept"
    BROKEN = "broken"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one check. `words` say what was broken, or why it was not asked."""

    name: str
    result: Result
    words: str = ""


class BrokenError(PointOfCareError):
    """What the adapter owes and does not do."""

    code = "emr-contract-broken"


class NotAskedError(PointOfCareError):
    """This adapter says that it cannot do it, and may."""

    code = "emr-contract-not-asked"


@dataclass(slots=True, kw_only=True)
class Trial:
    """One adapter under trial. `away` is a connection of the same kind to where nobody listens; None: not asked."""

    emr: EmrPort
    form: Form
    context: MappingContext
    sample: Sample
    away: EmrPort | None = None

    def record(self, **changes: object) -> AdministrationRecord:
        return made_up(self.sample, **changes)

    def built(self, record: AdministrationRecord, *before: AdministrationRecord) -> bytes:
        return self.form.build(record, replace(self.context, chain=before))

    def sent(self, record: AdministrationRecord, *before: AdministrationRecord) -> Accepted:
        accepted = self.emr.submit(self.built(record, *before), record.record_id)
        if not isinstance(accepted, Accepted) or not accepted.emr_id:
            raise BrokenError("submit returned no Accepted with an emr_id")
        return accepted

    def found(self, record_id: str) -> object:
        try:
            return self.emr.read_back(record_id)
        except NoReadBackError as exc:
            raise NotAskedError("it says that it cannot be asked for what it holds") from exc


def _says_what_it_is(trial: Trial) -> None:
    if not isinstance(trial.emr.name, str) or not trial.emr.name:
        raise BrokenError("name must be a short text")
    if not isinstance(trial.emr.idempotent, bool):
        raise BrokenError("idempotent must be True or False")
    trial.emr.check()


def _builds_the_same_bytes(trial: Trial) -> None:
    record = trial.record()
    payload = trial.built(record)
    if payload != trial.built(record):
        raise BrokenError("the same record gave other bytes the second time")
    if not payload.startswith(trial.form.begins):
        raise BrokenError(f"the bytes do not begin with {trial.form.begins!r}, by which an EMR of another kind is told apart")
    faults = trial.form.problems(payload)
    if faults:
        raise BrokenError(f"its own gate refuses a good dose: {faults[0]}")


def _finds_broken_bytes(trial: Trial) -> None:
    payload = trial.built(trial.record())
    for broken in (payload[: len(payload) // 2], b"", b"\xff\xfe\x00"):
        if not trial.form.problems(broken):
            raise BrokenError(f"its gate lets {len(broken)} broken bytes out")


def _takes_a_dose_and_holds_it(trial: Trial) -> None:
    record = trial.record()
    if trial.sent(record).replayed:
        raise BrokenError("a new record was taken for one that was there")
    if trial.found(record.record_id) is None:
        raise BrokenError("what it took is not found by the record's id")


def _knows_a_repeat(trial: Trial) -> None:
    if not trial.emr.idempotent:
        raise NotAskedError("it stores what comes twice twice, and says so: nothing of an unknown outcome is sent again without a person")
    record = trial.record()
    first, again = trial.sent(record), trial.sent(record)
    if again.emr_id != first.emr_id:
        raise BrokenError(f"sent again it became another one: {first.emr_id}, {again.emr_id}")


def _finds_nothing_that_was_never_sent(trial: Trial) -> None:
    if trial.found(str(uuid4())) is not None:
        raise BrokenError("it found a record that was never sent")


def _tells_two_doses_apart(trial: Trial) -> None:
    one, two = trial.record(), trial.record()
    if trial.sent(one).emr_id == trial.sent(two).emr_id:
        raise BrokenError("two records became one")


def _takes_what_was_not_given(trial: Trial) -> None:
    plain = {"status": "not-done", "dose": None, "product": None, "gtin": None, "lot": None, "expiry": None, "serial": None}
    trial.sent(trial.record(action="refuse", status_reason="refused", **plain))
    trial.sent(trial.record(action="hold", status_reason="held-by-parameter", reason_text="85/50", **plain))


def _takes_words_as_they_are(trial: Trial) -> None:
    warned = FindingEvidence(rule="T1", level="REASON", satisfied=True, unknown=False, facts={}, remedy="earliest", params={})
    record = trial.record(reason_text=ODD_TEXT, status_reason="other", product_name=ODD_TEXT, findings=(warned,), level="REASON")
    trial.sent(record)
    try:
        trial.found(record.record_id)
    except NotAskedError:
        return


def _takes_a_correction(trial: Trial) -> None:
    wrong = trial.record()
    trial.sent(wrong)
    right = trial.record(amends=wrong.record_id, status_reason="wrong-dose-charted")
    trial.sent(right, wrong)
    undone = trial.record(action="undo", status="entered-in-error", amends=right.record_id, dose=None, status_reason="mistake")
    trial.sent(undone, wrong, right)
    if trial.found(right.record_id) is None:
        raise BrokenError("a withdrawn record is gone: it must stay, marked as withdrawn")


def _takes_an_infusion(trial: Trial) -> None:
    started = trial.record(
        action="start", status="in-progress", dose=Quantity.parse("500 mL"), rate=Quantity.parse("80 mL/h"), route="IV", bag="BAG1"
    )
    faster = trial.record(action="rate", status="in-progress", dose=None, rate=Quantity.parse("120 mL/h"), continues=started.record_id)
    ended = trial.record(action="stop", status="completed", dose=Quantity.parse("500 mL"), continues=started.record_id)
    try:
        trial.built(started)
    except EmrError as exc:
        raise NotAskedError(f"it refuses infusions, openly: {exc}") from exc
    trial.sent(started)
    trial.sent(faster, started)
    trial.sent(ended, started, faster)


def _refuses_openly(trial: Trial) -> None:
    """What it has no form for is an EmrError that a person reads, and never a dose."""
    for record in (
        trial.record(action="waste", dose=None, waste=Quantity.parse("1 mg"), witness=trial.sample.witness),
        trial.record(status="entered-in-error", amends=None, dose=None, action="undo"),
    ):
        try:
            trial.built(record)
        except EmrError:
            continue
        except PointOfCareError as exc:
            raise BrokenError(f"{record.action}: refused with {type(exc).__name__}, which is no EmrError") from exc
        raise BrokenError(f"{record.action} on its own was built as if it were a dose")


def _waits_for_one_that_is_away(trial: Trial) -> None:
    if trial.away is None:
        raise NotAskedError("no connection to an EMR that is away was given")
    record = trial.record()
    try:
        trial.away.submit(trial.built(record), record.record_id)
    except EmrUnavailableError:
        return
    except PointOfCareError as exc:
        raise BrokenError(
            f"an EMR that is not there must be EmrUnavailableError, so that it is waited for; not {type(exc).__name__}"
        ) from exc
    raise BrokenError("it said yes though nobody listens")


CHECKS: tuple[tuple[str, Callable[[Trial], None]], ...] = (
    ("says what it is, and answers", _says_what_it_is),
    ("builds the same bytes for the same record, and its gate lets them out", _builds_the_same_bytes),
    ("finds broken bytes before they go", _finds_broken_bytes),
    ("takes a dose, and holds it by its record's id", _takes_a_dose_and_holds_it),
    ("knows a repeat", _knows_a_repeat),
    ("finds nothing that was never sent", _finds_nothing_that_was_never_sent),
    ("tells two doses apart", _tells_two_doses_apart),
    ("takes what was refused or held", _takes_what_was_not_given),
    ("takes a person's words as they are", _takes_words_as_they_are),
    ("takes a correction and a withdrawal, and forgets neither", _takes_a_correction),
    ("takes an infusion from start to end", _takes_an_infusion),
    ("refuses openly what it has no form for", _refuses_openly),
    ("waits for an EMR that is away", _waits_for_one_that_is_away),
)


def run(trial: Trial) -> Iterator[Outcome]:
    """Every check, in order, whatever the ones before said."""
    for name, check in CHECKS:
        yield one(name, check, trial)


def one(name: str, check: Callable[[Trial], None], trial: Trial) -> Outcome:
    """A check that raises anything else than what it may is broken too: the dispatcher would have a fault of the program."""
    try:
        check(trial)
    except NotAskedError as exc:
        return Outcome(name=name, result=Result.NOT_ASKED, words=str(exc))
    except BrokenError as exc:
        return Outcome(name=name, result=Result.BROKEN, words=str(exc))
    except Exception as exc:  # noqa: BLE001 - told as what it is
        return Outcome(name=name, result=Result.BROKEN, words=f"{type(exc).__name__}: {exc}")
    return Outcome(name=name, result=Result.KEPT)


@contextmanager
def closing(trial: Trial) -> Iterator[Trial]:
    try:
        yield trial
    finally:
        trial.emr.close()
        if trial.away is not None:
            trial.away.close()
