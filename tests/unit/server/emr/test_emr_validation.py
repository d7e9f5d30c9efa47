"""Our own gate finds what servers let through."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from server.emr import validation
from server.emr.fhir_mapping import to_bundle, to_bytes
from tests.support.emr import CASES, CONTEXT, an_administration


def _broken(change: Callable[[dict], object], name: str = "given") -> tuple[str, ...]:
    bundle = json.loads(to_bytes(to_bundle(CASES[name], CONTEXT)))
    change(bundle["entry"][0]["resource"])
    return validation.problems(json.dumps(bundle).encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(status="given"),
        lambda r: r.update(fiveRights=True),
        lambda r: r.update(effectiveDateTime="2026-02-30T00:00:00Z"),
        lambda r: r.pop("effectiveDateTime"),
        lambda r: r.update(effectiveDateTime="2026-02-03T00:00:00"),
        lambda r: r.pop("subject"),
        lambda r: r.update(subject={}),
        lambda r: r["dosage"].pop("dose"),
        lambda r: r["dosage"]["dose"].update(value="500"),
        lambda r: r.update(medicationCodeableConcept={"text": "two of them"}),
        lambda r: r.pop("identifier"),
        lambda r: r.update(note=[]),
        lambda r: r.update(performer=[]),
        lambda r: r.update(status="not-done"),
        lambda r: r["medicationReference"].update(reference="#other"),
    ],
)
def test_a_broken_bundle_is_found_before_it_is_sent(change: Callable[[dict], object]) -> None:
    assert _broken(change)


def test_a_bundle_that_is_not_json_is_a_problem_not_a_crash() -> None:
    assert validation.problems(b"{") != ()


def test_a_period_that_ends_before_it_starts_is_found() -> None:
    bundle = json.loads(to_bytes(to_bundle(an_administration(status="in-progress"), CONTEXT)))
    bundle["entry"][0]["resource"]["effectivePeriod"]["end"] = "2020-01-01T00:00:00Z"
    assert validation.problems(json.dumps(bundle).encode())
