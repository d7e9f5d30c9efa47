"""The pages of drawers and PINs: who may, for whom, what the carts are told, and that nothing secret is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.fleet import drawers
from pointofcare.fleet.drawer_access import DrawerRule
from pointofcare.wire.messages import CartPhase, CartState, FleetEvent
from server.store import drawer_findings as stored
from server.store import drawer_rules, fleet, pins, staff, versions
from server.store.transaction import Actor, reading, transaction
from server.usecases import drawer_findings, tasks_raised
from tests.support import web
from tests.support.server_ward import CHARGE, NURSE, WARD
from tests.support.web import ADMIN, FLEET

GATEWAY = Actor(id="gateway")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        yield made


def _opened_without_scan() -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    with transaction(GATEWAY, at=at) as tx:
        fleet.put_state(tx, "c1", CartState(phase=CartPhase.READY, ward=WARD), sid="s1", sent_at=at)
        for seq, kind in enumerate((drawers.OPENED, drawers.CLOSED), 1):
            event = FleetEvent(seq=seq, epoch="b1", kind=kind, at=at + timedelta(seconds=seq), details={"drawer": 4})
            fleet.put_event(tx, "c1", event)
            tasks_raised.after_event(tx, "c1", event)
    drawer_findings.look(GATEWAY)


def test_a_finding_is_read_and_closed_on_the_page_of_the_cart_and_on_the_list(app: Flask) -> None:
    with app.app_context():
        _opened_without_scan()
        with reading(FLEET) as tx:
            (found,) = stored.of_cart(tx, "c1")
    client = web.signed_in(app, FLEET)
    for page in ("/fleet/c1", "/fleet/drawers"):
        shown = client.get(page).text
        assert "Drawer opened without a scan" in shown
        assert "Waits for an explanation" in shown
    web.post(client, f"/fleet/drawers/findings/{found.id}", "/fleet/drawers", revision=found.revision, words="", back="list")
    assert "Drawer opened without a scan" in client.get("/fleet/drawers").text, "an explanation needs words"
    absurd = "9" * 30
    assert client.get("/fleet/drawers", query_string={"before": absurd}).status_code == 200
    web.post(client, f"/fleet/drawers/findings/{found.id}", "/fleet/drawers", revision=absurd, words="Cleaning", back="list")
    assert "Drawer opened without a scan" in client.get("/fleet/drawers").text, "somebody else's page has gone by"
    web.post(client, f"/fleet/drawers/findings/{found.id}", "/fleet/drawers", revision=found.revision, words="Cleaning", back="list")
    assert "Drawer opened without a scan" not in client.get("/fleet/drawers").text
    assert "Cleaning" in client.get("/fleet/drawers?view=all").text
    assert "Cleaning" in client.get("/fleet/c1").text


def test_a_rule_reaches_the_roster_of_the_ward_and_is_ended_not_forgotten(app: Flask) -> None:
    client = web.signed_in(app, FLEET)
    with app.app_context(), reading(FLEET) as tx:
        before = versions.of_ward(tx, WARD)
    assert (
        "was added"
        in web.post(client, "/fleet/drawers/rules", "/fleet/drawers", role="nurse", ward=WARD, kind="controlled", two="yes").text
    )
    with app.app_context(), reading(FLEET) as tx:
        assert drawer_rules.policy(tx, WARD).rules == (DrawerRule(role="nurse", kind="controlled", two_people=True),)
        assert drawer_rules.policy(tx, "elsewhere").rules == ()
        (kept,) = drawer_rules.rules(tx)
        changed = [kind for kind, version in versions.of_ward(tx, WARD).items() if version != before[kind]]
        assert [kind.value for kind in changed] == ["staff-roster"]
    web.post(client, f"/fleet/drawers/rules/{kept.id}/end", "/fleet/drawers")
    with app.app_context(), reading(FLEET) as tx:
        assert drawer_rules.policy(tx, WARD).rules == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "king", "ward": WARD},
        {"role": "nurse", "ward": "nowhere"},
        {"role": "nurse", "ward": WARD, "drawer": "99"},
        {"role": "nurse", "ward": WARD, "drawer": "x"},
        {"role": "nurse", "ward": WARD, "kind": "secret"},
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_nothing_is_kept(app: Flask, fields: dict[str, str]) -> None:
    web.post(web.signed_in(app, FLEET), "/fleet/drawers/rules", "/fleet/drawers", **fields)
    with app.app_context(), reading(FLEET) as tx:
        assert drawer_rules.rules(tx) == ()


def test_settings_are_the_facilitys_and_somebody_who_saw_older_ones_changes_nothing(app: Flask) -> None:
    client = web.signed_in(app, FLEET)
    assert "Saved" in web.post(client, "/fleet/drawers/settings", "/fleet/drawers", open_min=8, pin_digits=8, pin_days=90, revision=0).text
    web.post(client, "/fleet/drawers/settings", "/fleet/drawers", open_min=60, pin_digits=6, pin_days=0, revision=0)
    web.post(client, "/fleet/drawers/settings", "/fleet/drawers", open_min=0, pin_digits=6, pin_days=0, revision=1)
    web.post(web.signed_in(app, CHARGE), "/fleet/drawers/settings", "/fleet/drawers", open_min=9, pin_digits=6, pin_days=0, revision=1)
    with app.app_context(), reading(FLEET) as tx:
        assert (drawer_rules.settings(tx).open_min, drawer_rules.settings(tx).pin_digits) == (8, 8)


def test_a_nurse_sees_neither_page(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    assert client.get("/fleet/pins").status_code == 403
    assert client.get("/fleet/drawers").status_code == 403


def _pin(person: str, pin_hash: str = "$argon2id$secret-hash") -> None:
    with transaction(ADMIN) as tx:
        found = staff.of_id(tx, person)
        assert found is not None
        staff.put(tx, replace(found, pin_hash=pin_hash, badge=f"BADGE:{person}"))


def test_pins_are_ended_for_each_person_who_may_be_and_the_carts_are_told(app: Flask) -> None:
    with app.app_context():
        _pin(NURSE.id)
        _pin(ADMIN.id)
    client = web.signed_in(app, FLEET)
    shown = client.get("/fleet/pins").text
    assert "secret-hash" not in shown
    assert "BADGE:" not in shown
    told = web.post(client, "/fleet/pins", "/fleet/pins", person=[NURSE.id, ADMIN.id, "nobody"], act="expire", reason="leaves").text
    assert "Done for 1 people" in told
    assert ADMIN.id in told
    with app.app_context(), reading(FLEET) as tx:
        by_id = {entry.id: entry for entry in staff.roster(tx, WARD)}
        assert by_id[NURSE.id].pin_until is not None
        assert by_id[NURSE.id].pin_until <= tx.at
        assert by_id[ADMIN.id].pin_until is None
    with app.app_context():
        _pin(NURSE.id, "$argon2id$another")
        with reading(FLEET) as tx:
            assert {entry.id: entry for entry in staff.roster(tx, WARD)}[NURSE.id].pin_until is None, "a new PIN counts"


def test_time_to_change_a_pin_never_lengthens_its_life_and_revives_none_that_ended(app: Flask) -> None:
    client = web.signed_in(app, FLEET)
    now = datetime.now(UTC)

    def until(*, ends_at: datetime) -> datetime | None:
        with app.app_context():
            with transaction(ADMIN) as tx:
                pins.end(tx, NURSE.id, at=ends_at, why="expired")
            web.post(client, "/fleet/pins", "/fleet/pins", person=[NURSE.id], act="must-change", reason="change it")
            with reading(FLEET) as tx:
                return pins.of(tx, (NURSE.id,))[0].until

    with app.app_context():
        _pin(NURSE.id)
    ended, soon = now - timedelta(hours=1), now + timedelta(days=2)
    assert until(ends_at=ended) == ended, "it was ended because of a leak"
    assert until(ends_at=soon) == soon
    shortened = until(ends_at=now + timedelta(days=30))
    assert shortened is not None
    assert timedelta(days=6) < shortened - now < timedelta(days=8)


def test_an_old_pin_ends_by_the_policy_and_a_revoked_person_is_on_no_cart(app: Flask) -> None:
    with app.app_context():
        _pin(NURSE.id)
        with transaction(FLEET) as tx:
            drawer_rules.put_settings(tx, drawer_rules.Settings(pin_days=30))
        with reading(FLEET) as tx:
            until = {entry.id: entry for entry in staff.roster(tx, WARD)}[NURSE.id].pin_until
            assert until is not None
            assert timedelta(days=29) < until - tx.at <= timedelta(days=30)
    client = web.signed_in(app, FLEET)
    web.post(client, "/fleet/pins", "/fleet/pins", person=[NURSE.id], act="revoke", reason="badge lost")
    with app.app_context(), reading(FLEET) as tx:
        assert NURSE.id not in {entry.id for entry in staff.roster(tx, WARD)}
        (line,) = pins.of(tx, (NURSE.id,))
        assert not line.has_pin


def test_a_pause_after_wrong_pins_is_seen_and_ended(app: Flask) -> None:
    with app.app_context():
        _pin(NURSE.id)
        at = datetime.now(UTC)
        with transaction(GATEWAY, at=at) as tx:
            event = FleetEvent(seq=1, epoch="e", kind="pin-locked", at=at, details={"staff": NURSE.id, "wrong": 5, "pause_s": 60})
            tasks_raised.after_event(tx, "c1", event)
    client = web.signed_in(app, FLEET)
    assert NURSE.id in client.get("/fleet/pins?state=locked").text
    web.post(client, "/fleet/pins", "/fleet/pins", person=[NURSE.id], act="clear", reason="called")
    assert "Nobody fits" in client.get("/fleet/pins?state=locked").text
    with app.app_context(), reading(FLEET) as tx:
        assert {entry.id: entry for entry in staff.roster(tx, WARD)}[NURSE.id].pin_cleared_at is not None


def test_a_drawer_opened_without_a_patient_stands_once_in_the_audit(app: Flask) -> None:
    from server.store import audit

    with app.app_context():
        event = FleetEvent(
            seq=1, epoch="e", kind="drawer-access", at=datetime.now(UTC), details={"staff": NURSE.id, "drawer": 3, "purpose": "count"}
        )
        for _ in range(2):
            with transaction(GATEWAY) as tx:
                tasks_raised.after_event(tx, "c1", event)
        with reading(ADMIN) as tx:
            rows = [row for row in audit.listed(tx, subject=f"staff/{NURSE.id}", limit=50) if row.action == "drawer.access"]
            assert len(rows) == 1


def test_a_pin_that_is_shorter_than_the_policy_is_refused_at_its_field(app: Flask) -> None:
    with app.app_context(), transaction(FLEET) as tx:
        drawer_rules.put_settings(tx, drawer_rules.Settings(pin_digits=8))
    client = web.signed_in(app, ADMIN)
    shown = web.post(client, "/staff/", "/staff/new", new="yes", id="N9", name="New", roles=["nurse"], active="yes", pin="184629")
    assert "at least 8 digits" in shown.text
    with app.app_context(), reading(ADMIN) as tx:
        assert staff.of_id(tx, "N9") is None
