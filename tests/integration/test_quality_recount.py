"""The figures against a recount by hand: random records, stored, withdrawn, doubled and told in any order, and counted a second time here
from the raw documents by other code than the program's."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from server.store import quality
from server.store.patients import Ward
from server.store.quality import Unfilled
from server.store.tables import AdministrationRow, UnfilledDoseRow
from server.store.transaction import reading, transaction
from server.usecases import administrations, corrections, merge, patients, quality_days
from server.usecases.facts import Site
from server.usecases.quality_count import Cells
from server.usecases.quality_days import Rules
from tests.support import server_ward
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import AMOXICILLIN, CHARGE, DUE, IMPORT, NOW, WARD, a_record, gsrn

WARD_TIME = timezone(timedelta(hours=7))
DAYS = [date(2026, 3, 2) + timedelta(days=n) for n in range(3)]
NO_CODE = "NO-CODE"
RULES = Rules(site=Site(), without_code=frozenset({NO_CODE}))
LATER = NOW + timedelta(days=6)


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as found:
        server_ward.open_ward(patient_count=3, verified=False)
        yield found


def stored(record: AdministrationRecord, *, at: datetime) -> None:
    with transaction(IMPORT, at=at) as tx:
        administrations.record(tx, record, reevaluate=False)


def share(name: str, ward: str = WARD, days: list[date] = DAYS) -> tuple[int, int]:
    whole = Cells()
    with reading() as tx:
        for one in quality.days(tx, [ward], days[0], days[-1] + timedelta(days=1)):
            whole.merge(one.cells)
    cell = whole.get(name)
    return cell.n, cell.of


def a_random_record(chance: random.Random) -> AdministrationRecord:
    """One of every kind that changes a figure."""
    number = chance.randint(1, 3)
    due = DUE + timedelta(hours=12) * chance.randint(0, 4)
    at = due + timedelta(minutes=chance.choice((-70, -20, 0, 5, 40, 100)), seconds=chance.randint(0, 50))
    scans = [
        ScanEvidence(
            identifier="]d2", text=text, at=at - timedelta(seconds=chance.choice((30, 10, 2, -60))), keyed=chance.random() < 0.2,
            reason="label-damaged",
        )
        for text in (f"8018{gsrn(number)}\x1d80191", f"01{AMOXICILLIN.gtin}10A1\x1d17270131")
        if chance.random() < 0.8
    ]  # fmt: skip
    action, status = chance.choice((("give", "completed"),) * 6 + (("start", "in-progress"), ("hold", "not-done"), ("refuse", "not-done")))
    late = FindingEvidence(rule="T1", level="WARN", satisfied=False, unknown=False, facts={}, remedy="", params={})
    reason = chance.choice((None,) * 5 + ("network-down", "battery", "emergency"))
    return a_record(
        number,
        record_id=str(UUID(int=chance.getrandbits(128), version=4)),
        order=None if reason == "emergency" else f"O{number}",
        due=None if reason == "emergency" else due,
        action=action,
        status=status,
        status_reason=reason,
        product=chance.choice((AMOXICILLIN.id, AMOXICILLIN.id, NO_CODE)),
        nurse=chance.choice(("N1", "CN1")),
        effective_at=at,
        recorded_at=at + timedelta(minutes=chance.choice((0, 0, 0, 10, 16, 200))),
        findings=(late,) if abs(at - due) > timedelta(hours=1) else (),
        scans=tuple(scans),
    )


def recount(rows: list[dict[str, Any]], unfilled: list[tuple[str, datetime]]) -> Counter[str]:
    """By docs/quality.md, from the raw documents alone. Knows the form of the labels above, and nothing of the program's."""
    found: Counter[str] = Counter()
    gone = {row["amends"] for row in rows if row["status"] == "entered-in-error"}
    closed = set()
    for row in rows:
        if row["amends"]:
            continue
        happened = row["record_id"] not in gone
        if happened and row["due"]:
            closed.add((row["order"], datetime.fromisoformat(row["due"])))
        at = datetime.fromisoformat(row["effective_at"])
        if at.astimezone(WARD_TIME).date() not in DAYS:
            continue
        if not happened:
            found["withdrawn"] += 1
            continue
        given = row["action"] in ("give", "start")
        if row["due"]:
            found["due"] += 1
            outside = any(one["rule"] == "T1" for one in row["findings"])
            when = "early" if at < datetime.fromisoformat(row["due"]) else "late"
            found[f"due-{'not-given' if not given else when if outside else 'on-time'}"] += 1
        if not given:
            continue
        found["charted"] += 1
        in_time = [
            one for one in row["scans"] if not one["keyed"] and datetime.fromisoformat(one["at"]) <= at + timedelta(seconds=1)
        ]  # fmt: skip
        band = any(one["text"].startswith("8018") for one in in_time)
        drug = any(one["text"].startswith("01") for one in in_time)
        waited = datetime.fromisoformat(row["recorded_at"]) - at > timedelta(minutes=15)
        after = band or drug or any(one["keyed"] for one in row["scans"])
        if (row["order"] is None and row["status_reason"] == "emergency") or (
            row["status_reason"] in ("network-down", "battery") and waited and not after
        ):
            continue
        found["patient-of"] += 1
        found["patient"] += band
        if row["product"] != NO_CODE or drug:
            found["both-of"] += 1
            found["both"] += band and drug
            found["drug"] += drug
    for dose in unfilled:
        found["omitted"] += dose not in closed
        found["due"] += dose not in closed
    return found


@pytest.mark.parametrize("seed", [1, 20261122])
def test_every_share_is_what_a_recount_of_the_records_by_hand_gives(app: Flask, seed: int) -> None:
    chance = random.Random(seed)
    records = [a_random_record(chance) for _ in range(60)]
    dues = [(f"O{number}", DUE + timedelta(hours=12) * step) for number in (1, 2, 3) for step in range(5) if chance.random() < 0.5]
    with transaction(IMPORT, at=NOW) as tx:
        quality.notice(tx, [Unfilled(order=order, patient=f"P{order[1:]}", ward=WARD, due=due) for order, due in dues])
    for record in records:
        at = record.recorded_at + timedelta(minutes=chance.choice((0, 1, 600, 3000)))
        for _ in range(chance.choice((1, 1, 2))):
            stored(record, at=at)
        if chance.random() < 0.2:
            with transaction(CHARGE, at=at + timedelta(hours=1)) as tx:
                corrections.withdraw(tx, CHARGE, record.record_id, why="wrong bed")
        if chance.random() < 0.1:
            quality_days.catch_up(RULES, at=at)
    quality_days.catch_up(RULES, at=LATER)
    with reading() as tx:
        rows = list(tx.session.scalars(select(AdministrationRow.document)))
        noticed = [(row.order, row.due.astimezone(UTC)) for row in tx.session.scalars(select(UnfilledDoseRow))]
    mine = recount(rows, [dose for dose in noticed if dose[1].astimezone(WARD_TIME).date() in DAYS])
    assert mine["charted"] > 10
    assert mine["omitted"] > 0
    told = {
        "charted": share("charted")[1],
        "withdrawn": share("out/withdrawn")[1],
        "patient": share("scan/patient"),
        "both": share("scan/both"),
        "drug": share("scan/drug")[0],
        "due": share("due")[1],
        **{kind: share(f"due/{kind}")[0] for kind in ("on-time", "early", "late", "not-given", "omitted")},
    }
    assert told == {
        "charted": mine["charted"],
        "withdrawn": mine["withdrawn"],
        "patient": (mine["patient"], mine["patient-of"]),
        "both": (mine["both"], mine["both-of"]),
        "drug": mine["drug"],
        "due": mine["due"],
        **{kind: mine[f"due-{kind}"] for kind in ("on-time", "early", "late", "not-given")},
        "omitted": mine["omitted"],
    }
    before = {name: share(name) for name in ("charted", "scan/both", "due/omitted", "due/late")}
    quality_days.rebuild(RULES, at=LATER)
    assert {name: share(name) for name in before} == before


def missed(number: int = 1) -> None:
    with transaction(IMPORT, at=DUE + timedelta(hours=2)) as tx:
        quality.notice(tx, [Unfilled(order=f"O{number}", patient=f"P{number}", ward=WARD, due=DUE)])


def test_a_dose_whose_record_was_withdrawn_is_one_that_nobody_gave(app: Flask) -> None:
    record = a_record(1)
    missed()
    stored(record, at=DUE + timedelta(hours=3))
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=13))
    assert share("due/omitted", days=DAYS[:1])[0] == 2  # of the two others
    with transaction(CHARGE, at=DUE + timedelta(hours=14)) as tx:
        corrections.withdraw(tx, CHARGE, record.record_id, why="wrong patient")
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=15))
    assert share("due/omitted", days=DAYS[:1])[0] == 3


def test_a_dose_that_was_charted_under_the_record_that_goes_on_is_not_omitted(app: Flask) -> None:
    missed(2)
    with transaction(CHARGE, at=DUE + timedelta(hours=3)) as tx:
        merge.merge(tx, CHARGE, kept="P1", gone="P2", reason="one person")
    stored(a_record(2), at=DUE + timedelta(hours=4))
    with reading(at=DUE + timedelta(hours=13)) as tx:
        assert [one.order for one in quality.unfilled(tx, WARD, DUE, DUE + timedelta(minutes=1))] == []


def test_a_dose_that_another_ward_charted_late_is_no_longer_omitted_where_it_was_due(app: Flask) -> None:
    missed()
    quality_days.catch_up(RULES, at=DUE + timedelta(hours=13))
    assert share("due/omitted", days=DAYS[:1])[0] == 3
    with transaction(CHARGE, at=DUE + timedelta(hours=14)) as tx:
        patients.open_ward(tx, Ward(id="NGOAI", name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
        patients.transfer(tx, CHARGE, "P1", ward="NGOAI", bed="1")
    late = DUE + timedelta(hours=15)
    stored(replace(a_record(1), ward="NGOAI", effective_at=late, recorded_at=late), at=late)
    quality_days.catch_up(RULES, at=late + timedelta(minutes=10))
    assert share("due/omitted", days=DAYS[:1])[0] == 2
