"""A dose that is ordered in a running GNU Health, verified by the pharmacist here and given at a cart stands in GNU Health's log, and what
is stopped there is stopped at the cart."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import StaffRole
from server.store import orders
from server.store.orders import OrderView
from server.usecases import orders as order_verbs
from simulation import gnuhealth_peer, gnuhealth_ward, hospital, labels, once, shelf, ward
from simulation.hospital import Hospital
from simulation.nurse import VirtualNurse
from simulation.once import Case, Proof
from tests.support.browser import CART, member
from tests.support.day_ward import as_

PATIENCE_S = 90.0
_Found = TypeVar("_Found")


def _case(seed: int, now: datetime) -> Case | None:
    """An ordinary dose that is due in one of the beds that GNU Health has."""
    built = ward.build(seed, now)
    beds = {patient.id for patient in built.patients[: gnuhealth_ward.BEDS]}
    fit = tuple(order for order in built.orders if order.patient in beds and gnuhealth_ward.fits(order))
    try:
        return once.ordinary_dose(replace(built, orders=fit), random.Random(seed), now)
    except PointOfCareError:
        return None


def _waited(what: str, look: Callable[[], _Found | None]) -> _Found:
    """What `look` finds in the end. Something else brings it: nothing here makes it come sooner."""
    end, never = time.monotonic() + PATIENCE_S, threading.Event()
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        never.wait(0.3)
    raise AssertionError(f"{what} did not come")


def _order(running: Hospital, case: Case, status: OrderStatus) -> OrderView | None:
    with as_(running, StaffRole.PHARMACIST) as (tx, _):
        listed = orders.of_anybody(tx, case.patient.id)
    mine = [view for view in listed if view.order.id.startswith("gnuhealth-") and view.order.ingredient == case.order.ingredient]
    return next((view for view in mine if view.order.status is status), None)


@pytest.mark.timeout(300)  # two hospitals start
def test_a_dose_that_gnu_health_ordered_is_given_at_the_cart_and_stands_in_its_log(tmp_path: Path) -> None:
    if not gnuhealth_peer.installed():
        pytest.skip("no GNU Health: bash deploy/setup.sh gnuhealth")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    seed, case = next((seed, found) for seed in itertools.count(1) if (found := _case(seed, now)) is not None)
    running = hospital.start(tmp_path, seed=seed, carts=(CART,), with_gnuhealth=True, bridge=False, progress=lambda _text: None)
    nurse = VirtualNurse(CART, running.cart_urls[CART], running.hand, wait_s=60.0)
    try:
        assert running.gnuhealth is not None
        view = _waited("the order of GNU Health", lambda: _order(running, case, OrderStatus.ACTIVE))
        assert view.order.dose is not None
        assert case.order.dose is not None
        assert view.order.dose.same_as(case.order.dose)
        with as_(running, StaffRole.PHARMACIST) as (tx, who):
            order_verbs.verify(tx, who, view.order.id, view.order.version)
        person = member(running, StaffRole.NURSE)
        nurse.wait("the cart's tables", lambda state: not state["strip"]["missing"] and state["strip"]["link"] == "online")
        nurse.sign_in(labels.badge(person.name, person.roles[0].value, person.badge), person.pin)
        pack = shelf.pack(case.product, random.Random(seed), datetime.now(ZoneInfo(ward.TIMEZONE)).date())
        record = once._give(nurse, running, case, pack, Proof(seed=seed))
        assert record.order == view.order.id
        with closing(running.gnuhealth.client()) as tryton:
            desk = gnuhealth_peer.Desk(tryton)
            names = ("medication", "dose", "dose_unit.code", "admin_time", "remarks")
            lines = desk.rows("gnuhealth.inpatient.medication.log", [], *names)
            assert [f"gnuhealth-{line['medication']}" for line in lines] == [view.order.id]
            assert record.dose is not None
            assert float(lines[0]["dose"]) == float(record.dose.to(lines[0]["dose_unit."]["code"]).value)
            assert lines[0]["admin_time"] == record.effective_at.replace(microsecond=0)
            assert str(lines[0]["remarks"]).startswith(f"[BCMA {record.record_id}] ĐÃ DÙNG: ")
            desk.stop(int(lines[0]["medication"]), "dị ứng")
        _waited("the stop", lambda: _order(running, case, OrderStatus.STOPPED))
    finally:
        nurse.close()
        running.stop()
