"""D10 on an order whose prescriber knows of the allergy and wants the drug given all the same."""

from __future__ import annotations

import pytest

from pointofcare.orders.order import Interaction
from pointofcare.people import Allergy
from pointofcare.texts import findings
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.finding import Level
from tests.support.builders import a_patient, an_order, facts, finding_of

LIFTED = Interaction(other="Amoxicillin", severity="allergy", reason="desensitised", prescriber="BS Lê")


def judged(*carried: Interaction, allergic_to: tuple[str, ...] = ("amoxicillin",)):  # type: ignore[no-untyped-def]
    patient = a_patient(allergies=tuple(Allergy(substance=one) for one in allergic_to))
    order = an_order(interactions=carried)
    assert order.ingredient == "amoxicillin"
    return evaluate(facts(patients=(patient,), orders=(order,)))


def test_a_lifted_allergy_warns_and_stops_no_more_and_only_that_one() -> None:
    assert judged().level is Level.STOP
    verdict = judged(LIFTED)
    finding = finding_of(verdict, "D10")
    assert finding is not None
    assert (verdict.level, finding.level, finding.facts["cause"]) == (Level.WARN, Level.WARN, "lifted")
    shown = finding_of(verdict, "D12")
    assert shown is not None
    assert shown.facts["reason"] == "desensitised"
    other = Interaction(other="penicillin", severity="allergy", reason="x", prescriber="BS Lê")
    assert judged(other).level is Level.STOP


@pytest.mark.parametrize(("severity", "reason"), [("severe", "x"), ("allergy", " ")])
def test_nothing_but_a_lift_with_its_reason_lifts(severity: str, reason: str) -> None:
    assert judged(Interaction(other="amoxicillin", severity=severity, reason=reason)).level is Level.STOP


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_the_nurse_reads_it_in_each_language(language: str) -> None:
    finding = finding_of(judged(LIFTED), "D10")
    assert finding is not None
    said, remedy = findings.sentence(language, finding)
    assert "amoxicillin" in said
    assert remedy
