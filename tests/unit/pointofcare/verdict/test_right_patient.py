"""Rules P1 to P8: the right patient, and the right person beside."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pointofcare.labels.scan import BandScan, Keyed, LabelKind, TextScan, UnreadableLabel
from pointofcare.people import Band, BandStatus, PatientStatus, StaffRole
from pointofcare.verdict.engine import evaluate
from pointofcare.verdict.facts import Action
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy
from tests.support.builders import (
    GSRN,
    NOW,
    OTHER_GSRN,
    a_band_scan,
    a_drug_scan,
    a_neighbour,
    a_nurse,
    a_patient,
    a_witness,
    an_intent,
    an_order,
    facts,
    finding_of,
    level_of,
    scanned,
)


def test_everything_right_is_a_pass_without_findings() -> None:
    verdict = evaluate(facts())
    assert verdict.level is Level.PASS
    assert verdict.findings == ()
    assert verdict.record is not None
    assert (verdict.order, verdict.patient, verdict.products) == ("O1", "P1", ("AMOX500",))


def test_wrong_wristband_stops_the_dose() -> None:
    verdict = evaluate(facts(scans=scanned(a_band_scan(gsrn=OTHER_GSRN), a_drug_scan()), intent=an_intent(order="O1")))
    finding = finding_of(verdict, "P4")
    assert finding is not None
    assert (finding.level, finding.facts, finding.remedy, finding.params) == (
        Level.STOP,
        {"scanned": "P2", "ordered": "P1"},
        "scan-band-of",
        {"patient": "P1"},
    )
    assert verdict.record is None


@pytest.mark.parametrize(
    ("scan", "cause"),
    [
        (BandScan(gsrn="893600000000000996", srin="1"), "unknown"),
        (UnreadableLabel(kind=LabelKind.PATIENT, reason="check-digit", text="8018"), "unreadable"),
    ],
)
def test_band_that_is_no_patient_stops(scan: object, cause: str) -> None:
    verdict = evaluate(facts(scans=scanned(scan, a_drug_scan())))  # type: ignore[arg-type]
    assert level_of(verdict, "P1") is Level.STOP
    assert finding_of(verdict, "P1").facts["cause"] == cause  # type: ignore[union-attr]


def test_band_of_two_patients_stops() -> None:
    twin = a_neighbour(bands=(Band(gsrn=GSRN, srin="1", status=BandStatus.ACTIVE),))
    assert level_of(evaluate(facts(patients=(a_patient(), twin))), "P1") is Level.STOP


def test_no_band_at_all_stops_a_dose_but_not_the_charting_of_a_refusal() -> None:
    assert level_of(evaluate(facts(scans=())), "P1") is Level.STOP
    refusal = an_intent(Action.REFUSE, order="O1", reason="refused")
    assert evaluate(facts(scans=(), intent=refusal)).level is Level.PASS


def test_typed_bed_number_stops() -> None:
    typed = Keyed(value="H012", second_identifier="1958-04-11", reason="band-missing")
    verdict = evaluate(facts(scans=scanned(typed, a_drug_scan())))
    assert level_of(verdict, "P2") is Level.STOP
    assert level_of(evaluate(facts()), "P2") is Level.PASS


def test_bed_number_as_the_second_identifier_or_scanned_for_a_band_stops() -> None:
    typed = Keyed(value="24-000123", second_identifier="h012", reason="band-missing")
    assert level_of(evaluate(facts(scans=scanned(typed, a_drug_scan()))), "P2") is Level.STOP
    label = TextScan(text="H012")
    assert level_of(evaluate(facts(scans=scanned(label, a_drug_scan()))), "P2") is Level.STOP
    assert evaluate(facts(scans=scanned(label, a_band_scan(), a_drug_scan()))).level is Level.PASS


@pytest.mark.parametrize(
    ("srin", "status", "level"),
    [
        ("1", BandStatus.ACTIVE, Level.PASS),
        ("1", BandStatus.REVOKED, Level.STOP),
        ("1", None, Level.STOP),
        ("7", BandStatus.ACTIVE, Level.STOP),
        (None, BandStatus.ACTIVE, Level.REASON),
        (None, BandStatus.REVOKED, Level.STOP),
        (None, None, Level.STOP),
    ],
)
def test_copy_of_a_band_stops(srin: str | None, status: BandStatus | None, level: Level) -> None:
    patient = a_patient(bands=(Band(gsrn=GSRN, srin="1", status=status),))
    assert level_of(evaluate(facts(patients=(patient,), scans=scanned(a_band_scan(srin=srin), a_drug_scan()))), "P3") is level


def test_a_hospital_with_plain_bands_may_set_its_own_level() -> None:
    plain = scanned(BandScan(mrn="24-000123"), a_drug_scan())
    assert evaluate(facts(scans=plain)).level is Level.REASON
    assert evaluate(facts(scans=plain, policy=Policy(band_without_instance=Level.PASS))).level is Level.PASS


def test_drug_before_band_does_not_count() -> None:
    assert level_of(evaluate(facts(scans=scanned(a_drug_scan(), a_band_scan()))), "P5") is Level.STOP
    again = scanned(a_drug_scan(), a_band_scan(), a_drug_scan())
    assert evaluate(facts(scans=again)).level is Level.PASS


def test_another_band_clears_the_session_and_the_same_band_does_not() -> None:
    other = scanned(a_band_scan(gsrn=OTHER_GSRN), a_drug_scan(), a_band_scan())
    assert level_of(evaluate(facts(scans=other)), "P5") is Level.STOP
    same = scanned(a_band_scan(), a_drug_scan(), a_band_scan())
    assert evaluate(facts(scans=same)).level is Level.PASS


def test_session_runs_out_five_minutes_after_the_last_scan() -> None:
    scans = scanned(a_band_scan(), a_drug_scan())
    last = scans[-1].at
    assert evaluate(facts(scans=scans, at=last + timedelta(minutes=5))).level is Level.PASS
    assert level_of(evaluate(facts(scans=scans, at=last + timedelta(minutes=5, seconds=1))), "P5") is Level.STOP


def test_pause_between_band_and_drug_closes_the_session() -> None:
    scans = scanned(a_band_scan(), a_drug_scan(), every=timedelta(minutes=6), until=NOW + timedelta(minutes=5))
    assert level_of(evaluate(facts(scans=scans)), "P5") is Level.STOP


def test_typed_patient_needs_two_identifiers_and_a_reason() -> None:
    def ask(**changes: object) -> Level:
        keyed = replace(Keyed(value="24-000123", second_identifier="1958-04-11", reason="band-unreadable"), **changes)  # type: ignore[arg-type]
        return evaluate(facts(scans=scanned(keyed, a_drug_scan()))).level

    assert ask() is Level.PASS
    assert ask(reason=None) is Level.REASON
    assert ask(reason="because") is Level.REASON
    assert ask(second_identifier=None) is Level.STOP
    assert ask(second_identifier="1990-12-30") is Level.STOP


def test_reason_of_a_typed_patient_answers_nothing_else() -> None:
    keyed = Keyed(value="24-000123", second_identifier="1958-04-11", reason="band-unreadable")
    verdict = evaluate(facts(scans=scanned(keyed, a_drug_scan()), patients=(a_patient(allergies=None),)))
    assert verdict.level is Level.REASON
    assert finding_of(verdict, "P6").satisfied  # type: ignore[union-attr]
    assert not finding_of(verdict, "D10").satisfied  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("status", "hours", "level"),
    [
        (PatientStatus.ADMITTED, None, Level.PASS),
        (PatientStatus.DISCHARGED, None, Level.STOP),
        (PatientStatus.DECEASED, None, Level.STOP),
        (PatientStatus.TRANSFERRED, 71, Level.NOTE),
        (PatientStatus.TRANSFERRED, 72, Level.STOP),
        (PatientStatus.TRANSFERRED, None, Level.STOP),
        (None, None, Level.STOP),
    ],
)
def test_patient_who_is_not_here_stops(status: PatientStatus | None, hours: int | None, level: Level) -> None:
    moved = NOW - timedelta(hours=hours) if hours is not None else None
    assert level_of(evaluate(facts(patients=(a_patient(status=status, transferred_at=moved),))), "P7") is level


@pytest.mark.parametrize(
    ("nurse", "level"),
    [
        (a_nurse(), Level.PASS),
        (a_nurse(role=StaffRole.PHARMACIST), Level.PASS),
        (a_nurse(role=StaffRole.STUDENT), Level.WITNESS),
        (a_nurse(role=StaffRole.WITNESS_ONLY), Level.STOP),
        (a_nurse(role=StaffRole.FLEET_MANAGER), Level.STOP),
        (a_nurse(role=None), Level.STOP),
        (a_nurse(licensed=False), Level.STOP),
        (a_nurse(licensed=None), Level.STOP),
        (None, Level.STOP),
    ],
)
def test_only_a_known_licensed_person_gives(nurse: object, level: Level) -> None:
    assert evaluate(facts(nurse=nurse)).level is level


def test_student_gives_with_a_valid_witness() -> None:
    verdict = evaluate(facts(nurse=a_nurse(role=StaffRole.STUDENT), intent=an_intent(witness=a_witness())))
    assert verdict.level is Level.PASS
    assert finding_of(verdict, "P8").satisfied  # type: ignore[union-attr]


def test_order_of_the_scanned_patient_passes_the_owner_check() -> None:
    assert level_of(evaluate(facts(intent=an_intent(order="O1"), orders=(an_order(),))), "P4") is Level.PASS
