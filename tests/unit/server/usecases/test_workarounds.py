"""Each detector finds the workaround that was planted for it, and accuses no ordinary work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.usecases.quality_dose import Asked, Dose
from server.usecases.workarounds import DETECTORS, Material

BEGIN = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
AT = BEGIN + timedelta(hours=8)
CODES = [detector.code for detector in DETECTORS]


def dose(number: int = 1, **changes: object) -> Dose:
    """An ordinary dose, two minutes after the one before, each of another patient."""
    at = AT + timedelta(minutes=2 * number)
    made = Dose(
        record_id=f"r{number}",
        cart="c1",
        patient=f"P{number}",
        nurse="N1",
        witness=None,
        order=f"O{number}",
        order_version=1,
        due=at,
        action="give",
        status="completed",
        reason="",
        product="AMOX500",
        at=at,
        recorded_at=at,
        patient_scanned=True,
        drug_scanned=True,
        band_at=at - timedelta(seconds=40),
        keyed=(),
        first_scan_at=at - timedelta(seconds=25),
        last_scan_at=at - timedelta(seconds=15),
        packs=(f"0893/{number}",),
        read_twice=False,
        scanned_after=False,
        asked=(),
        server_rules=frozenset(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def moved(one: Dose, at: datetime, **changes: object) -> Dose:
    return replace(
        one,
        at=at,
        recorded_at=at,
        band_at=at - timedelta(seconds=9),
        first_scan_at=at - timedelta(seconds=6),
        last_scan_at=at - timedelta(seconds=5),
        **changes,  # type: ignore[arg-type]
    )


def warn(rule: str = "T1", level: str = "WARN", *, unknown: bool = False) -> tuple[Asked, ...]:
    return (Asked(rule=rule, level=level, satisfied=True, unknown=unknown),)


def hits(material: Material) -> dict[str, list[str]]:
    found = {detector.code: sorted(one.record_id for one in detector.find(material).hits) for detector in DETECTORS}
    return {code: ids for code, ids in found.items() if ids}


def of(*doses: Dose, **others: object) -> Material:
    return Material(since=BEGIN, doses=doses, **others)  # type: ignore[arg-type]


ROUND = [dose(number) for number in range(1, 30)]
QUICK = AT + timedelta(minutes=3, seconds=58)

PLANTED: dict[str, Material] = {
    "hasty": of(*ROUND[2:], dose(2, last_scan_at=AT + timedelta(minutes=3, seconds=58))),
    "not-reviewed": of(
        *ROUND[2:],
        dose(2, action="not-given", status="not-done"),
        earlier={"O2": [(AT - timedelta(days=2), "not-done", 1), (AT - timedelta(days=1), "not-done", 1)]},
    ),
    "without-value": of(*ROUND[2:], dose(2, asked=warn("H1", "REASON", unknown=True))),
    "witness-elsewhere": of(
        *ROUND[2:],
        dose(2, witness="N2"),
        dose(40, nurse="N2", cart="c2", at=AT + timedelta(minutes=4), recorded_at=AT + timedelta(minutes=4, seconds=9)),
    ),
    "old-order": of(*ROUND[2:], dose(2, server_rules=frozenset({"D5"}))),
    "band-elsewhere": of(*ROUND[2:], dose(2), dose(41, patient="P2", cart="c2", nurse="N2", band_at=AT + timedelta(minutes=3, seconds=30))),
    "several-patients": of(*ROUND[2:], dose(2), moved(dose(42), AT + timedelta(minutes=4, seconds=11))),
    "pack-again": of(*ROUND[2:], dose(2), dose(43, packs=("0893/2",), server_rules=frozenset({"G4"}))),
    "one-pack-for-several": of(*ROUND[2:], dose(2, read_twice=True)),
    "scanned-after": of(*ROUND[2:], dose(2, scanned_after=True, at=AT)),
    "alert-in-passing": of(*ROUND[2:], dose(2, asked=warn(), last_scan_at=AT + timedelta(minutes=3, seconds=59))),
    "two-carts": of(*ROUND[2:], dose(2), moved(dose(44), AT + timedelta(minutes=4, seconds=20), cart="c2")),
}


def test_every_detector_is_tried() -> None:
    assert sorted(PLANTED) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_detector_finds_the_workaround_that_was_planted_and_nothing_else(code: str) -> None:
    found = hits(PLANTED[code])
    assert list(found) == [code], found
    assert len(found[code]) <= 2


@pytest.mark.parametrize("code", CODES)
def test_every_hit_is_among_the_doses_in_which_it_could_have_been(code: str) -> None:
    sign = next(detector for detector in DETECTORS if detector.code == code).find(PLANTED[code])
    assert {one.record_id for one in sign.hits} <= {one.record_id for one in sign.of}


ORDINARY: dict[str, Material] = {
    "a calm round": of(*ROUND),
    "several drugs of one patient right after each other": of(
        dose(1),
        moved(dose(2, patient="P1"), AT + timedelta(minutes=2, seconds=8)),
        moved(dose(3, patient="P1"), AT + timedelta(minutes=2, seconds=15)),
    ),
    "two nurses at two carts at the same time": of(dose(1), dose(2, at=dose(1).at, recorded_at=dose(1).at, nurse="N2", cart="c2")),
    "a witness who stands at the same cart": of(dose(1, witness="N2"), dose(2, nurse="N2", recorded_at=dose(1).at + timedelta(seconds=20))),
    "the same patient with two nurses, minutes apart": of(dose(1), dose(5, patient="P1", nurse="N2", cart="c2")),
    "a vial of many doses": of(dose(1), dose(2, packs=("0893/1",))),
    "a warning that was read": of(dose(1, asked=warn())),
    "a value that was measured": of(dose(1, asked=warn("H1", "REASON"))),
    "refused twice, then the order was changed": of(
        dose(1, action="refuse", status="not-done", order_version=2),
        earlier={"O1": [(AT - timedelta(days=2), "not-done", 1), (AT - timedelta(days=1), "not-done", 1)]},
    ),
    "refused, given, refused": of(
        dose(1, action="refuse", status="not-done"),
        earlier={"O1": [(AT - timedelta(days=2), "not-done", 1), (AT - timedelta(days=1), "completed", 1)]},
    ),
    "an old order at a cart without network": of(dose(1, online=False, server_rules=frozenset({"D5"}))),
    "a withdrawn record": of(
        dose(1), replace(dose(2, recorded_at=dose(1).at + timedelta(seconds=4), last_scan_at=dose(1).at), withdrawn=True)
    ),
    "charted an hour later, as it was said": of(dose(1, at=dose(1).at - timedelta(hours=1))),
    "typed because the label was torn": of(
        dose(1, keyed=("label-unreadable",), drug_scanned=False, last_scan_at=dose(1).at - timedelta(seconds=1))
    ),
    "closed by the charge nurse at her desk": of(
        dose(1, cart="server", action="not-given"), dose(2, cart="server", action="not-given", recorded_at=dose(1).at)
    ),
    "the first dose after midnight": Material(
        since=BEGIN, doses=(moved(dose(1), BEGIN - timedelta(minutes=3)), moved(dose(2), BEGIN + timedelta(minutes=1)))
    ),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_work_is_accused_of_nothing(name: str) -> None:
    assert hits(ORDINARY[name]) == {}


def test_what_happened_just_before_midnight_is_compared_and_not_counted() -> None:
    before, after = moved(dose(1), BEGIN - timedelta(seconds=4)), moved(dose(2), BEGIN + timedelta(seconds=5))
    assert hits(Material(since=BEGIN, doses=(before, after))) == {"several-patients": ["r2"]}
