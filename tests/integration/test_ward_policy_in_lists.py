"""What the work lists owe by the clock follows the policy of the patient's or the cart's ward, not the hospital's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.products import Controlled
from pointofcare.verdict.policy import EffectWindow, ListedControlled, Policy
from server.store import policies
from server.store.transaction import transaction
from server.usecases import stock, task_kinds
from tests.support import web, work
from tests.support.server_ward import AMOXICILLIN, CHARGE, IMPORT, NOW, PHARMACIST, WARD, a_record

HOSPITAL = Policy()
WARDS_OWN = replace(
    HOSPITAL,
    version="ward-1",
    effect_windows=(EffectWindow(route="", within=timedelta(minutes=10)),),
    effect_look_back=timedelta(hours=200),
    controlled_settle_within=timedelta(minutes=7),
    controlled=(*HOSPITAL.controlled, ListedControlled(name="amoxicillin", schedule=Controlled.NARCOTIC)),
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path, verified=True) as found:
        with found.app_context():
            work.open_work()
            with transaction(IMPORT, at=NOW) as tx:
                policies.put_in_force(tx, WARDS_OWN, ward=WARD)
        yield found


def test_the_list_of_effects_owed_goes_by_the_policy_of_each_ward_also_when_all_are_shown(app: Flask) -> None:
    now = datetime.now(UTC)
    with app.app_context():
        for minutes, number in ((20, 1), (100 * 60, 2)):
            at = now - timedelta(minutes=minutes)
            work.record(a_record(number, prn_reason=f"pain {number}", due=None, effective_at=at, recorded_at=at), at=now)
    client = web.signed_in(app, CHARGE)
    for address in ("/work/?view=effects", f"/work/?view=effects&ward={WARD}"):
        page = client.get(address).text
        assert "pain 1" in page
        assert "pain 2" in page, address  # four days ago: the ward's policy looks back that far
        assert "tag upcoming" not in page.split("<tbody>")[1], address  # ten minutes have passed


def test_a_count_that_differs_is_owed_an_explanation_by_the_policy_of_the_carts_ward(app: Flask) -> None:
    with app.app_context():
        work.fill(10)
        work.count(1, 7, at=NOW)
        work.count(2, 0, at=NOW, kind="controlled-count-refused", reason="busy")
        found = work.open_tasks(task_kinds.CONTROLLED_COUNT)
        assert [task.due_by for task in found] == [NOW + timedelta(minutes=7)] * 2


def test_what_the_ward_holds_controlled_is_filled_into_its_drawers(app: Flask) -> None:
    with app.app_context(), transaction(PHARMACIST, at=NOW) as tx:
        stock.fill(tx, PHARMACIST, cart="c1", drawer=4, product=AMOXICILLIN.id, units=Decimal(5))
