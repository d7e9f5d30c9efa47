"""What a cart knows of who belongs to its ward, and what becomes of somebody who does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.people import StaffRole
from pointofcare.wire.messages import CartBirth, CartPhase, CartState, FleetEvent
from pointofcare.wire.tables import StaffEntry
from server.store import audit, emergencies, fleet, orders, outbox, staff_wards, tasks, views_patients, views_review, views_work
from server.store import staff as stored
from server.store.patients import Ward
from server.store.reach import OtherWardError
from server.store.transaction import Actor, reading, transaction
from server.usecases import patients, staff, tasks_raised
from tests.support import server_ward
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import IMPORT, NURSE, PHARMACIST, WARD

OTHER = "NGOAI"
GUEST = Actor(id="N-GUEST", name="Guest", roles=frozenset({StaffRole.NURSE}))
HELPER = Actor(id="N-HELPER", name="Helper", roles=frozenset({StaffRole.NURSE}))


@pytest.fixture(params=KINDS)
def app(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        server_ward.open_ward()
        with transaction(IMPORT) as tx:
            patients.open_ward(tx, Ward(id=OTHER, name="Ngoại", timezone="Asia/Ho_Chi_Minh"))
            for actor in (GUEST, HELPER):
                staff.receive(tx, server_ward.a_member(actor))
                staff_wards.add(tx, staff=actor.id, ward=OTHER, kind=staff_wards.HOME)
            staff_wards.add(tx, staff=HELPER.id, ward=WARD, kind=staff_wards.SHIFT, until=tx.at + timedelta(hours=8))
            fleet.put_birth(tx, "c1", CartBirth(versions={}, hardware="test", boot_id="b", epoch="e"))
            fleet.put_state(tx, "c1", CartState(phase=CartPhase.READY, ward=WARD), sid="s", sent_at=datetime.now(UTC))
        yield made


def entries() -> dict[str, StaffEntry]:
    with reading() as tx:
        return {entry.id: entry for entry in stored.roster(tx, WARD)}


@pytest.mark.usefixtures("app")
def test_the_roster_says_who_is_of_the_ward_and_how_long_a_helper_is() -> None:
    found = entries()
    assert (found[NURSE.id].of_ward, found[PHARMACIST.id].of_ward, found[GUEST.id].of_ward) == (True, True, False)
    assert found[HELPER.id].of_ward is True
    assert found[HELPER.id].ward_until is not None


@pytest.mark.usefixtures("app")
def test_a_guest_at_a_cart_is_shown_to_the_ward_once_and_reaches_nothing_by_it() -> None:
    now = datetime.now(UTC)
    told = FleetEvent(seq=1, epoch="e", kind="other-ward", at=now, details={"nurse": GUEST.id, "why": "emergency"})
    for _ in range(2):
        with transaction(Actor(id="gateway")) as tx:
            tasks_raised.after_event(tx, "c1", told)
    for person in ("nobody", NURSE.id):
        with transaction(Actor(id="gateway")) as tx:
            tasks_raised.after_event(tx, "c1", FleetEvent(seq=2, epoch="e", kind="other-ward", at=now, details={"nurse": person}))
    with reading() as tx:
        shown = [one for one in staff_wards.of_ward(tx, WARD) if one.kind == staff_wards.AT_CART]
        assert [(one.staff, one.reason) for one in shown if one.staff == GUEST.id] == [(GUEST.id, "c1 emergency")]
        rows = [row for row in audit.listed(tx, subject=f"staff/{GUEST.id}", limit=50) if row.action == "staff-ward.at-cart"]
        assert [(row.detail["why"], row.detail["cart"]) for row in rows] == [("emergency", "c1")]
        assert set(staff_wards.reach(tx, GUEST.id).wards or ()) == {OTHER}
    assert entries()[GUEST.id].of_ward is False


@pytest.mark.usefixtures("app")
def test_every_database_answers_what_a_bound_person_reaches() -> None:
    """The conditions on wards, in each query that has them."""
    bound = replace(GUEST, wards=frozenset({OTHER}), emergencies=frozenset({"P9"}))
    with transaction(bound) as tx:
        until = tx.at + timedelta(hours=1)
        opened = emergencies.add(tx, patient="P1", ward=WARD, code="phone", reason="asked", until=until, review_by=until)
    with reading(bound) as tx:
        found = staff_wards.reach(tx, GUEST.id)
        assert [(one.id, one.patient, one.until) for one in found.emergencies] == [(opened, "P1", until)]
        assert emergencies.by_person(tx, since=until - timedelta(days=1))[0].opened == 1
        assert emergencies.waiting(tx) == (0, 0)
        assert outbox.worklist(tx) == ()
        assert views_patients.find(tx) == ()
        assert orders.queue(tx) == ()
        assert tasks.counts(tx, ("dose-request",)) == {}
        assert tasks.listed(tx, kinds=("dose-request",)) == ()
        assert views_review.waiting(tx) == 0
        assert (
            views_review.discrepancies(tx) == views_review.overrides(tx) == views_review.attempts(tx) == views_review.lease_doubts(tx) == ()
        )
        assert views_work.effects_owed(tx, ward=None, since=until - timedelta(days=1)) == ()
        assert views_work.timed(tx, ward=None, since=until - timedelta(days=1), until=until) == ()
        with pytest.raises(OtherWardError):
            orders.get(tx, "O1")
