"""Which doses are in a figure's denominator and which in its numerator, by histories made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pointofcare.administration.record import FindingEvidence, ScanEvidence
from server.store.quality import Unfilled
from server.usecases import quality_dose
from server.usecases.facts import Site
from server.usecases.quality_count import Cells, count
from server.usecases.quality_dose import Asked, Attempt, Dose
from server.usecases.workarounds import Material
from tests.support.server_ward import AMOXICILLIN, NOW, a_record

BEGIN = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # midnight in the ward
ZONE = "Asia/Ho_Chi_Minh"
BAND, DRUG = a_record().scans


def dose(**changes: object) -> Dose:
    return quality_dose.of_record(a_record(**changes), site=Site())


def counted(
    *doses: Dose, attempts: tuple[Attempt, ...] = (), unfilled: tuple[Unfilled, ...] = (), without_code: frozenset[str] = frozenset()
) -> Cells:
    material = Material(since=BEGIN, doses=doses, attempts=attempts)
    return count(material, unfilled=unfilled, facility="h1", zone=ZONE, without_code=without_code)


def share(cells: Cells, name: str) -> tuple[int, int]:
    cell = cells.get(name)
    return cell.n, cell.of


def typed(kind: str, reason: str = "label-unreadable") -> ScanEvidence:
    return ScanEvidence(identifier="", text="24-000001", at=NOW - timedelta(seconds=10), keyed=True, kind=kind, reason=reason)


def finding(rule: str, level: str, **changes: object) -> FindingEvidence:
    plain = FindingEvidence(rule=rule, level=level, satisfied=True, unknown=False, facts={}, remedy="", params={})
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_scan_counts_only_when_it_was_read_before_the_dose_was_given() -> None:
    late = replace(DRUG, at=NOW + timedelta(minutes=5))
    broken = ScanEvidence(identifier="]d2", text="0108936000000018", at=NOW - timedelta(seconds=9))  # wrong check digit
    cells = counted(
        dose(),
        dose(scans=(BAND,)),
        dose(scans=(DRUG,)),
        dose(scans=(BAND, typed("drug"))),
        dose(scans=(typed("patient", "band-missing"), DRUG)),
        dose(scans=(BAND, late)),
        dose(scans=(BAND, broken)),
        dose(scans=()),
    )
    assert share(cells, "scan/both") == (1, 8)
    assert share(cells, "scan/patient") == (5, 8)
    assert share(cells, "scan/drug") == (3, 8)
    assert share(cells, "typed/label-unreadable") == (1, 1)
    assert share(cells, "typed/band-missing") == (1, 1)


def test_what_cannot_be_mended_by_scanning_is_out_and_said() -> None:
    later = NOW + timedelta(hours=2)
    cells = counted(
        dose(),
        dose(order=None, status_reason="emergency", scans=()),
        dose(status_reason="network-down", scans=(), recorded_at=later),
        dose(scans=(BAND,)),
        dose(action="not-given", status="not-done", status_reason="npo", scans=()),
        replace(dose(), withdrawn=True),
        without_code=frozenset({AMOXICILLIN.id}),
    )
    assert share(cells, "charted") == (4, 4)
    # The drug without a code stands in the denominator of the wristband, and in that of the drug only where it was scanned.
    assert share(cells, "scan/patient") == (2, 2)
    assert share(cells, "scan/both") == (1, 1)
    assert {why: cells.get(f"out/{why}").n for why in ("emergency", "downtime", "no-code", "not-given", "withdrawn")} == {
        "emergency": 1, "downtime": 1, "no-code": 1, "not-given": 1, "withdrawn": 1,
    }  # fmt: skip


def test_no_excuse_takes_a_dose_out_that_could_have_been_scanned() -> None:
    later = NOW + timedelta(hours=2)
    cells = counted(
        dose(scans=(), status_reason="scanner-fault"),
        dose(scans=(), status_reason="label-missing"),
        dose(scans=(), status_reason="network-down"),  # charted at once: there was a cart
        dose(scans=(), status_reason="clinical-judgement", recorded_at=later),
        dose(scans=(BAND,), status_reason="network-down", recorded_at=later),  # something was scanned: there was a cart
        dose(scans=(), status_reason="emergency"),  # it has an order
    )
    assert share(cells, "scan/both") == (0, 6)


def test_a_rate_an_end_and_an_effect_are_no_doses() -> None:
    cells = counted(
        dose(action="rate", status="in-progress"), dose(action="assess"), dose(action="stop", status="stopped"), dose(action="waste")
    )
    assert share(cells, "charted") == (0, 0)
    assert share(cells, "scan/both") == (0, 0)
    assert share(cells, "due") == (0, 0)


def test_early_late_not_given_and_omitted_are_told_apart_and_stand_in_their_hour() -> None:
    due = NOW.replace(minute=0)
    window = (finding("T1", "WARN"),)
    cells = counted(
        dose(due=due),
        dose(due=due + timedelta(hours=3), findings=window),
        dose(due=due - timedelta(hours=3), findings=window),
        dose(due=due, action="refuse", status="not-done", status_reason="refused", findings=window),
        dose(due=None),
        unfilled=(Unfilled(order="O9", patient="P1", ward="W", due=due),),
    )
    kinds = {kind: cells.get(f"due/{kind}").n for kind in ("on-time", "early", "late", "not-given", "omitted")}
    assert kinds == {"on-time": 1, "early": 1, "late": 1, "not-given": 1, "omitted": 1}
    assert share(cells, "due/omitted") == (1, 5)
    assert [cells.get(f"hour/{hour:02d}").of for hour in (5, 8, 11)] == [1, 3, 1]  # by the ward's clock
    assert cells.get("hour/08/omitted").n == 1


def attempt(rule: str, level: str, outcome: str = "stopped") -> Attempt:
    asked = (Asked(rule=rule, level=level, satisfied=False),)
    return Attempt(record_id=f"{rule}-{outcome}", cart="c1", patient="P1", nurse="N2", at=NOW, outcome=outcome, asked=asked)


def test_a_rule_is_passed_over_heeded_or_left_open() -> None:
    cells = counted(
        dose(findings=(finding("T3", "WARN"),)),
        dose(findings=(finding("T3", "WARN"), finding("T3", "WARN"))),
        dose(action="not-given", status="not-done", status_reason="npo", findings=(finding("T3", "WARN"),)),
        dose(witness="N9", findings=(finding("H2", "WITNESS"),)),
        dose(findings=(finding("H2", "WITNESS"),)),
        dose(
            findings=(
                finding("G6", "NOTE"),
                finding("X1", "WARN", shadow=True),
                finding("N1", "REASON"),
                finding("P6", "REASON"),
                finding("D8", "REASON"),
            )
        ),
        attempts=(attempt("T3", "WARN", "abandoned"), attempt("T3", "WARN", "left-open"), attempt("D1", "STOP")),
    )
    assert share(cells, "rule/T3") == (2, 4)
    assert share(cells, "open/T3") == (1, 1)
    assert share(cells, "rule/D1") == (0, 1)
    # A second person who came is the alert heeded.
    assert share(cells, "rule/H2") == (1, 2)
    assert share(cells, "level/WARN") == (2, 4)
    assert share(cells, "level/STOP") == (1, 1)
    # Notes, rules on trial and questions are no alerts.
    assert cells.names("rule/") == ["rule/D1", "rule/H2", "rule/T3"]


def test_time_is_taken_where_a_dose_was_confirmed_as_it_was_given() -> None:
    cells = counted(
        dose(),  # 10 s after the drug was scanned
        dose(findings=(finding("T3", "WARN"),)),
        dose(effective_at=NOW - timedelta(minutes=30)),
        dose(scans=()),
        dose(cart="server"),
    )
    assert cells.names("time/") == ["time/alert/06", "time/plain/06"]


def test_counts_add_up_and_keep_no_name() -> None:
    cells = counted(dose(), dose(nurse="N7", scans=()), unfilled=(Unfilled(order="O9", patient="P1", ward="W", due=NOW),))
    plain = cells.plain()
    for person in ("N1", "N7", "P1", "NGUY"):
        assert f'"{person}' not in str(plain).replace("'", '"')
    twice = Cells()
    twice.merge(plain)
    twice.merge(plain)
    assert share(twice, "scan/both") == (2, 4)
    assert len(twice.get("scan/both").who) == 2
