"""What an EMR's answer means, as a table; and what is then done with the row."""

from __future__ import annotations

import pytest

from pointofcare.errors import EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError, QuantityError
from server.emr import answers, retry
from server.emr.port import EmrUnclearError


def _outcome(code: str, *, where: str | None = None, text: str = "") -> dict:
    issue: dict = {"severity": "error", "code": code, "diagnostics": text}
    if where:
        issue["expression"] = [where]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, None, EmrUnavailableError),
        (403, None, EmrRejectedError),
        (408, None, EmrUnavailableError),
        (409, _outcome("conflict"), EmrUnavailableError),
        (412, _outcome("multiple-matches"), EmrRejectedError),
        (429, _outcome("throttled"), EmrUnavailableError),
        (500, None, EmrOutcomeUnknownError),
        (502, None, EmrOutcomeUnknownError),
        (503, None, EmrUnavailableError),
        (400, _outcome("structure", where="MedicationAdministration.dosage"), EmrRejectedError),
        (422, _outcome("value", where="Bundle.entry[0]"), EmrRejectedError),
        (400, _outcome("structure"), EmrUnclearError),
        (400, _outcome("invalid", text="connect ECONNREFUSED 127.0.0.1:5432"), EmrUnclearError),
        (400, _outcome("exception", where="Bundle"), EmrUnavailableError),
        (400, None, EmrUnclearError),
        (400, "an HTML page of a proxy", EmrUnclearError),
        (404, None, EmrUnclearError),
        (410, None, EmrUnclearError),
        (302, None, EmrUnclearError),
    ],
)
def test_an_answer_is_judged_by_status_and_code_only(status: int, body: object, expected: type[Exception]) -> None:
    assert type(answers.meaning(status, body)) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"ratelimit": '"requests";r=0;t=60'}, 60.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_time_that_the_emr_names_is_read(headers: dict[str, str], expected: float | None) -> None:
    assert answers.retry_after_s(headers) == expected


def test_waiting_doubles_to_a_minute_and_is_spread() -> None:
    error = EmrUnavailableError("away")
    waits = [retry.decide(error, attempt, idempotent=True, chance=1.0) for attempt in range(1, 12)]
    assert [w.after_s for w in waits if isinstance(w, retry.Again)] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    shortest = retry.decide(error, 3, idempotent=True, chance=0.0)
    assert isinstance(shortest, retry.Again)
    assert shortest.after_s == 2.0


def test_an_emr_that_is_away_never_parks_a_row() -> None:
    assert isinstance(retry.decide(EmrUnavailableError("away"), 100_000, idempotent=True, chance=0.5), retry.Again)


def test_an_unclear_refusal_is_tried_a_bounded_number_of_times() -> None:
    error = EmrUnclearError("400")
    assert isinstance(retry.decide(error, retry.UNCLEAR_ATTEMPTS - 1, idempotent=True, chance=0.5), retry.Again)
    assert isinstance(retry.decide(error, retry.UNCLEAR_ATTEMPTS, idempotent=True, chance=0.5), retry.Park)


def test_an_unknown_outcome_is_repeated_only_where_repeating_is_safe() -> None:
    error = EmrOutcomeUnknownError("no answer")
    assert isinstance(retry.decide(error, 1, idempotent=True, chance=0.5), retry.Again)
    assert isinstance(retry.decide(error, 1, idempotent=False, chance=0.5), retry.Park)


def test_a_named_wait_is_kept() -> None:
    decision = retry.decide(EmrUnavailableError("slow down", retry_after_s=60.0), 1, idempotent=True, chance=0.0)
    assert decision == retry.Again(after_s=60.0)


@pytest.mark.parametrize("error", [EmrRejectedError("wrong"), QuantityError("too many digits")])
def test_what_no_retry_can_mend_is_parked_with_its_reason(error: Exception) -> None:
    decision = retry.decide(error, 1, idempotent=True, chance=0.5)
    assert isinstance(decision, retry.Park)
    assert decision.reason


def test_a_fault_of_the_program_never_parks_or_drops_a_row() -> None:
    assert isinstance(retry.decide(KeyError("x"), 500, idempotent=True, chance=0.5), retry.Again)
