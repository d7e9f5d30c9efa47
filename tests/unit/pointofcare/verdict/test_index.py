"""The index says what the collection says, costs nothing the second time, and never mixes up two wards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pointofcare.products import HighAlert
from pointofcare.verdict import index, lists
from pointofcare.verdict.policy import ListedHighAlert, Policy
from tests.support import moments
from tests.support.builders import NOW, a_neighbour, a_patient, a_product, an_entry, an_order, facts


@given(moments.some(moments.history, 8), st.sampled_from(["P1", "P2", "P9", None]))
def test_past_of_a_patient_is_what_counts_of_it_oldest_first(entries, patient) -> None:  # type: ignore[no-untyped-def]
    past = index.history(entries).of_patient(patient)
    own = [entry for entry in entries if entry.status != "entered-in-error" and patient in (None, entry.patient)]
    assert list(past.entries) == sorted(own, key=lambda entry: entry.at)
    assert past.times == tuple(entry.at for entry in past.entries)
    for order in ("O1", "O2"):
        assert list(past.of(order)) == [entry for entry in past.entries if entry.order == order]


@given(moments.some(moments.history, 8), moments.near)
def test_since_an_instant_is_everything_from_it_on(entries, at) -> None:  # type: ignore[no-untyped-def]
    past = index.history(entries).of_patient(None)
    assert list(past.since(at)) == [entry for entry in past.entries if entry.at >= at]


def test_entries_are_found_by_serial_record_bag_start_order_and_time() -> None:
    start = an_entry("in-progress", record_id="R1", bag="BAG1", serial="S1")
    change = an_entry("in-progress", record_id="R2", continues="R1", order="O2", patient="P2", at=NOW)
    wrong = an_entry("entered-in-error", record_id="R3", at=NOW)
    found = index.history((start, change, wrong))
    assert found.with_serial("S1") == (start,)
    assert found.with_serial("S2") == ()
    assert found.with_record("R2") == (change,)
    assert found.with_record("R9") == ()
    assert found.of_order("O1") == (start, wrong)
    assert found.recorded_at(NOW) == (change, wrong)
    assert found.recorded_at(NOW + timedelta(seconds=1)) == ()
    everybody = found.of_patient(None)
    assert everybody.in_bag("BAG1") == (start,)
    assert everybody.in_bag("BAG2") == ()
    assert everybody.continuing("R1") == (change,)
    assert everybody.continuing(None) == ()


def test_orders_are_found_in_their_highest_version_and_as_they_first_stand() -> None:
    first, second, other = an_order(version=1), an_order(version=2), an_order(id="O2", patient="P2")
    found = index.orders((first, second, other))
    assert found.newest == {"O1": second, "O2": other}
    assert found.by_patient == {"P1": (second,), "P2": (other,)}
    assert found.first("O1") is first
    assert found.first("O9") is None
    assert found.versions["O1"] == (first, second)


def test_products_and_patients_are_found_with_all_that_share_a_number() -> None:
    one, twin = a_product(), a_product(id="OTHER")
    found = index.products((one, twin))
    assert found.first("OTHER") is twin
    assert found.first("GONE") is None
    assert found.first(None) is None
    assert found.by_gtin[one.gtin] == (one, twin)
    patient, neighbour = a_patient(), a_neighbour()
    clone = replace(neighbour, bands=(*patient.bands, *patient.bands))
    people = index.patients((patient, clone))
    assert people.by_id["P1"] == (patient,)
    assert people.by_band[patient.bands[0].gsrn] == (patient, clone)


def test_the_same_object_is_sorted_once_and_an_equal_one_anew() -> None:
    entries = (an_entry(), an_entry(at=NOW))
    assert index.history(entries) is index.history(entries)
    assert index.history((*entries,)) is not index.history(entries)
    crowd = [(an_entry(at=NOW + timedelta(minutes=number)),) for number in range(9)]
    for each in (*crowd, *reversed(crowd)):
        assert index.history(each).of_patient("P1").entries == each


def test_lists_of_a_policy_are_laid_over_the_same_formulary_once() -> None:
    policy = Policy(high_alert=(ListedHighAlert(name="amoxicillin", level=HighAlert.WITNESS_REQUIRED),))
    moment = facts(policy=policy)
    assert lists.applied(moment).products is lists.applied(replace(moment, at=NOW + timedelta(minutes=1))).products
    assert lists.applied(moment).products[0].high_alert is HighAlert.WITNESS_REQUIRED
    assert lists.applied(facts()).products[0].high_alert is HighAlert.NO
