"""A dose is a fact: recorded once, whatever it names, and visible where the server's own facts differ. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.quantity import Quantity
from server.store import administrations as doses
from server.store import audit, bedside, discrepancies, outbox, versions
from server.store.database import db
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations
from server.usecases.administrations import Recorded
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import DUE, NOW, WARD, a_record, open_ward

GATEWAY = Actor(id="gateway")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def record(made: AdministrationRecord, **settings: object) -> Recorded:
    with transaction(GATEWAY, at=NOW + timedelta(minutes=5)) as tx:
        return administrations.record(tx, made, cart_seq=1, epoch="e1", **settings)  # type: ignore[arg-type]


def codes(recorded: Recorded) -> set[str]:
    return {note.code for note in recorded.discrepancies}


def test_a_right_dose_is_recorded_with_outbox_and_audit_and_no_discrepancy(app: Flask) -> None:
    made = a_record()
    assert record(made) == Recorded(record_id=made.record_id, duplicate=False, discrepancies=())
    with reading() as tx:
        view = doses.get(tx, made.record_id)
        assert view is not None
        assert view.record == made
        assert view.server_level == "PASS"
        assert view.server_order == "O1"
        item = outbox.of_record(tx, made.record_id)
        assert item is not None
        assert (item.state, item.record, item.cart, item.payload) == ("pending", made, "c1", None)
        assert [line.action for line in audit.listed(tx, subject=f"administration/{made.record_id}")] == ["administration.record"]


def test_the_same_record_again_changes_nothing_and_gets_the_same_answer(app: Flask) -> None:
    made = a_record(patient="P-UNKNOWN")
    first = record(made)
    with reading() as tx:
        before = (versions.total(tx), len(audit.listed(tx)), outbox.counts(tx))
    again = record(made)
    assert again == replace(first, duplicate=True)
    with reading() as tx:
        assert (versions.total(tx), len(audit.listed(tx)), outbox.counts(tx)) == before


def test_two_gateways_with_the_same_record_at_once_store_it_once(app: Flask) -> None:
    made = a_record()
    together = threading.Barrier(4)
    answers: list[Recorded] = []

    def work() -> None:
        with app.app_context():
            together.wait(5)
            answers.append(record(made))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answer.duplicate for answer in answers) == [False, True, True, True]
    with reading() as tx:
        assert outbox.counts(tx).pending == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"patient": "P-NOBODY"}, "unknown-patient"),
        ({"order": "O-NOTHING"}, "unknown-order"),
        ({"order": "O2"}, "unknown-order"),  # an order of another patient
        ({"nurse": "N-NOBODY"}, "unknown-nurse"),
        ({"product": "NO-SUCH", "gtin": "08936000000028"}, "unknown-product"),
        ({"witness": "N-NOBODY"}, "unknown-witness"),
    ],
)
def test_a_record_that_names_something_unknown_is_kept_and_shown(app: Flask, change: dict[str, object], code: str) -> None:
    made = a_record(**change)
    recorded = record(made)
    assert not recorded.duplicate
    assert code in codes(recorded)
    with reading() as tx:
        assert doses.get(tx, made.record_id) is not None
        assert code in {one.code for one in discrepancies.listed(tx)}


def test_a_record_full_of_oddities_is_kept_whole(app: Flask) -> None:
    made = a_record(
        reason_text="\x00null and 💊 and " + "x" * 5000,
        lot="L" * 300,
        product_name="n" * 1000,
        order_version=2**40,
        action="no-such-action",
        status_reason="\x00",
    )
    with pytest.raises(ValueError, match="no-such-action"):
        record(made)
    recorded = record(made, reevaluate=False)
    assert "not-evaluated" in codes(recorded)
    with reading() as tx:
        view = doses.get(tx, made.record_id)
        assert view is not None
        assert view.record == made


def test_the_same_dose_from_two_carts_is_kept_twice_and_raised(app: Flask) -> None:
    assert codes(record(a_record(cart="c1"))) == set()
    second = record(a_record(cart="c2", recorded_at=NOW + timedelta(minutes=2), effective_at=NOW + timedelta(minutes=2)))
    assert not second.duplicate
    assert "given-twice" in codes(second)


def test_a_second_different_action_on_a_dose_is_visible(app: Flask) -> None:
    record(a_record())
    refused = record(a_record(action="refuse", status="not-done", status_reason="refused", dose=None, product=None, gtin=None, lot=None))
    assert "second-action" in codes(refused)
    with reading() as tx:
        assert len(doses.of_patient(tx, "P1")) == 2


def test_a_correction_is_no_second_action_and_follows_what_it_corrects(app: Flask) -> None:
    first = a_record()
    record(first)
    correction = a_record(amends=first.record_id, dose=Quantity.parse("250 mg"), recorded_at=NOW + timedelta(minutes=1))
    assert "given-twice" not in codes(record(correction))
    withdrawn = a_record(amends=correction.record_id, status="entered-in-error", recorded_at=NOW + timedelta(minutes=2))
    record(withdrawn)
    with reading() as tx:
        chain = {made.record_id: outbox.of_record(tx, made.record_id) for made in (first, correction, withdrawn)}
        assert {item.ordering_key for item in chain.values() if item is not None} == {first.record_id}
        assert bedside.of_patient(tx, "P1").history == ()
        views = {view.record.record_id: view.amended_by for view in doses.of_patient(tx, "P1")}
        assert views == {first.record_id: correction.record_id, correction.record_id: withdrawn.record_id, withdrawn.record_id: None}


def test_records_that_arrive_out_of_order_are_each_judged_at_their_own_time(app: Flask) -> None:
    evening = a_record(due=DUE + timedelta(hours=12), effective_at=NOW + timedelta(hours=12), recorded_at=NOW + timedelta(hours=12))
    evening = replace(evening, scans=tuple(replace(scan, at=scan.at + timedelta(hours=12)) for scan in evening.scans))
    with transaction(GATEWAY, at=NOW + timedelta(hours=13)) as tx:
        assert administrations.record(tx, evening).discrepancies == ()
    with transaction(GATEWAY, at=NOW + timedelta(hours=14)) as tx:
        assert administrations.record(tx, a_record()).discrepancies == ()
    with reading(at=NOW + timedelta(hours=15)) as tx:
        assert [entry.due for entry in bedside.of_patient(tx, "P1").history] == [DUE, DUE + timedelta(hours=12)]


def test_a_record_whose_wristband_was_another_patients_is_raised(app: Flask) -> None:
    band, pack = a_record().scans
    other, _ = a_record(2).scans
    recorded = record(a_record(scans=(replace(band, text=other.text), pack)))
    assert {"patient-differs", "verdict-differs"} <= codes(recorded)


def test_a_milder_verdict_at_the_cart_is_raised_with_both_levels(app: Flask) -> None:
    band, pack = a_record().scans
    expired = replace(pack, text=pack.text.replace("17270131", "17250131"))
    note = next(note for note in record(a_record(scans=(band, expired))).discrepancies if note.code == "verdict-differs")
    assert note.cart_level == "PASS"
    assert note.server_level == "STOP"


def test_a_dose_of_a_stopped_order_is_recorded_and_raised(app: Flask) -> None:
    from server.usecases import orders
    from tests.support.server_ward import PRESCRIBER

    with transaction(PRESCRIBER, at=NOW) as tx:
        orders.stop(tx, PRESCRIBER, "O1", 1, reason="allergy found")
    recorded = record(a_record())
    assert not recorded.duplicate
    assert "verdict-differs" in codes(recorded)


def test_the_age_of_the_carts_chart_alone_raises_nothing(app: Flask) -> None:
    old_chart = FindingEvidence(
        rule="O1", level="REASON", satisfied=True, unknown=False, facts={"chart_age_s": 15000}, remedy="", params={}
    )
    network_down = FindingEvidence(rule="O2", level="REASON", satisfied=True, unknown=False, facts={}, remedy="", params={})
    made = a_record(
        online=False,
        lease_fence=None,
        level="REASON",
        status_reason="network-down",
        findings=(old_chart, network_down),
    )
    assert record(made).discrepancies == ()
    with reading() as tx:
        assert [view.record.record_id for view in doses.overrides(tx)] == [made.record_id]


def test_a_record_over_another_carts_connection_is_raised(app: Flask) -> None:
    assert "foreign-cart" in codes(record(a_record(cart="c1"), sender="c2"))


def test_a_dose_under_a_lease_that_another_cart_took_over_is_raised(app: Flask) -> None:
    from server.usecases import leases

    with transaction(GATEWAY, at=NOW - timedelta(minutes=20)) as tx:
        assert leases.acquire(tx, patient="P1", cart="c1").fence == 1
    with transaction(GATEWAY, at=NOW - timedelta(minutes=2)) as tx:
        assert leases.acquire(tx, patient="P1", cart="c2").fence == 2
    assert "lease-superseded" in codes(record(a_record(cart="c1", lease_fence=1)))


def test_a_failure_in_the_middle_leaves_nothing_behind(app: Flask) -> None:
    made = a_record()

    def cut_off() -> None:
        with transaction(GATEWAY, at=NOW) as tx:
            administrations.record(tx, made)
            raise RuntimeError("power is gone")

    with pytest.raises(RuntimeError):
        cut_off()
    with reading() as tx:
        assert doses.get(tx, made.record_id) is None
        assert outbox.of_record(tx, made.record_id) is None
    assert not record(made).duplicate


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    seen: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    yield seen
    event.remove(db.engine, "before_cursor_execute", keep)


def test_a_dose_costs_five_statements_at_most_however_long_the_history(app: Flask, statements: list[str]) -> None:
    for hour in range(3, 15):
        made = a_record(due=None, order=None, effective_at=NOW - timedelta(hours=hour), recorded_at=NOW - timedelta(hours=hour))
        record(made)
    statements.clear()
    assert record(a_record()).duplicate is False
    assert len(statements) <= 5, statements  # the look, and one each for record with facts, outbox, audit, chart version


def test_a_medication_record_costs_the_same_for_one_dose_and_for_forty(app: Flask, statements: list[str]) -> None:
    counts = []
    for doses_given in (1, 39):
        for _ in range(doses_given):
            record(a_record())
        statements.clear()
        with reading() as tx:
            assert len(doses.of_patient(tx, "P1")) == (1 if doses_given == 1 else 40)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 3


def test_a_ward_chart_costs_the_same_for_one_patient_and_for_two(app: Flask, statements: list[str]) -> None:
    with reading(at=NOW) as tx:
        look = bedside.of_ward(tx, WARD)
    assert len(look.patients) == 2
    assert len(look.orders) == 2
    assert len(statements) == 1
