"""What a cart knows of who belongs to its ward, and what becomes of somebody who does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.people import StaffRole
from pointofcare.wire.messages import CartBirth, CartPhase, CartState, FleetEvent
from pointofcare.wire.tables import StaffEntry
from server.store import fleet, staff_wards
from server.store import staff as stored
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import patients, staff, tasks_raised
from tests.support import server_ward
from tests.support.databases import migrated_app
from tests.support.server_ward import IMPORT, NURSE, PHARMACIST, WARD

OTHER = "NGOAI"
GUEST = Actor(id="N-GUEST", name="Guest", roles=frozenset({StaffRole.NURSE}))
HELPER = Actor(id="N-HELPER", name="Helper", roles=frozenset({StaffRole.NURSE}))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
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
    told = FleetEvent(seq=1, epoch="e", kind="other-ward", at=now, details={"nurse": GUEST.id})
    for _ in range(2):
        with transaction(Actor(id="gateway")) as tx:
            tasks_raised.after_event(tx, "c1", told)
    for person in ("nobody", NURSE.id):
        with transaction(Actor(id="gateway")) as tx:
            tasks_raised.after_event(tx, "c1", FleetEvent(seq=2, epoch="e", kind="other-ward", at=now, details={"nurse": person}))
    with reading() as tx:
        shown = [one for one in staff_wards.of_ward(tx, WARD) if one.kind == staff_wards.AT_CART]
        assert [one.staff for one in shown].count(GUEST.id) == 1
        assert set(staff_wards.reach(tx, GUEST.id).wards or ()) == {OTHER}
    assert entries()[GUEST.id].of_ward is False
