"""Where this cart has nothing to add, the verdict gets the chart's own objects, which it has sorted already."""

from __future__ import annotations

from cart_client import own_records
from tests.support.builders import NOW, a_neighbour, a_patient, an_entry
from tests.support.server_ward import a_record


def test_chart_without_anything_to_add_is_handed_on_as_it_is() -> None:
    charted = (an_entry(record_id="r1"), an_entry(record_id="r2", at=NOW))
    people = (a_patient(), a_neighbour())
    assert own_records.history(charted, ()) is charted
    assert own_records.patients(people, ()) is people


def test_records_that_the_chart_knows_add_nothing_and_new_ones_do() -> None:
    record = a_record()
    first = own_records.history((), (record,))
    assert len(first) == 1
    assert own_records.history(first, (record,)) is first
