"""The list of carts: each filter finds what it says, in as many statements and by the same indexes for five carts and for hundreds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from pointofcare.people import StaffRole
from pointofcare.wire.messages import AlertRaised, AlertSeverity, CartBirth, CartState, Telemetry, TelemetryKind
from pointofcare.wire.messages.state import CartPhase
from server.store import cart_alerts, fleet, fleet_care, fleet_history, fleet_timeline, machines, views_carts
from server.store.database import db
from server.store.fleet_care import Asset
from server.store.machines import StoredCertificate
from server.store.transaction import Actor, Transaction, reading, transaction
from server.store.views_carts import CONDITIONS, SORTS, Asked
from server.usecases import cart_commands
from server.web import fleet_asked
from tests.support import web
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import WARD
from tests.support.web import FLEET

GATEWAY = Actor(id="gateway")
NOW = datetime.now(UTC)


def a_cart(tx: Transaction, cart: str, *, phase: CartPhase = CartPhase.READY, app: str = "1.0", ward: str = WARD, **power: object) -> None:
    fleet.put_birth(tx, cart, CartBirth(versions={"app": app}, hardware="test", boot_id="b", epoch="e", ward=ward), sid="s")
    fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=ward), sid="s", sent_at=tx.at)
    fleet.put_state(tx, cart, CartState(phase=phase, ward=ward), sid="s", sent_at=tx.at)
    if power:
        fleet.put_telemetry(tx, cart, Telemetry(kind=TelemetryKind.POWER, at=tx.at, values=power))


def a_certificate(cart: str, days: int) -> StoredCertificate:
    return StoredCertificate(
        serial=f"{cart}{days}", machine=cart, pem="", key_hash=f"{cart}{days}", issued_at=NOW, not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=days),
    )  # fmt: skip


def fill(tx: Transaction) -> None:
    a_cart(tx, "well", battery_percent=90, charging=False, health_percent=95)
    a_cart(tx, "low", battery_percent=12, charging=False, health_percent=60, app="0.9")
    a_cart(tx, "away", phase=CartPhase.LOST, ward="OTHER", battery_percent=50, charging=True, health_percent=75)
    a_cart(tx, "limited", phase=CartPhase.DEGRADED)
    machines.put(tx, a_certificate("well", 90))
    machines.put(tx, a_certificate("low", 9))
    fleet_care.put_asset(tx, Asset(cart="limited", tag="TS-100%_x"))
    cart_alerts.raised(tx, "low", "battery-low", AlertRaised(code="battery-low", severity=AlertSeverity.CRITICAL, at=tx.at))
    cart_alerts.raised(tx, "away", "disk", AlertRaised(code="disk", severity=AlertSeverity.WARNING, at=tx.at))


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        with transaction(GATEWAY) as tx:
            fill(tx)
        yield made


FINDS: Mapping[str, tuple[str, ...]] = {
    "": ("away", "limited", "low", "well"),
    "state=online": ("limited", "low", "well"),
    "state=offline": ("away",),
    "state=degraded": ("limited",),
    "state=gaps": (),
    "state=low-battery": ("low",),
    "charge=low": ("low",),
    "charge=full": ("well",),
    "charge=charging": ("away",),
    "charge=unknown": ("limited",),
    "health=worn": ("low",),
    "health=fair": ("away",),
    "health=good": ("well",),
    "certificate=soon": ("low",),
    "certificate=later": ("well",),
    "certificate=none": ("away", "limited"),
    "alert=critical": ("low",),
    "alert=any": ("away", "low"),
    "alert=none": ("limited", "well"),
    "drift=yes": (),
    "drift=unknown": ("away", "limited", "low", "well"),
    "seen=not-1h": (),
    "seen=5m": ("away", "limited", "low", "well"),
    "ward=OTHER": ("away",),
    "software=0.9": ("low",),
    "app=0.9": ("low",),
    "q=100%25_X": ("limited",),
    "q=%25": ("limited",),
    "state=online&alert=critical": ("low",),
    "state=nonsense&size=7&page=x&sort=drop": ("away", "limited", "low", "well"),
}


def test_each_filter_finds_what_it_says_and_the_counts_say_the_same(app: Flask) -> None:
    with reading() as tx:
        counts = views_carts.counts(tx)
        for address, expected in FINDS.items():
            with app.test_request_context(f"/?{address}") as context:
                look = fleet_asked.read(context.request.args)
            found = views_carts.found(tx, look.asked, limit=50)
            assert (tuple(sorted(line.id for line in found.lines)), found.number) == (expected, len(expected)), address
        for name, choices in CONDITIONS.items():
            for choice in choices:
                assert counts[name][choice] == views_carts.found(tx, Asked(**{name: choice}), limit=50).number, (name, choice)  # type: ignore[arg-type]
    assert counts["ward"] == {WARD: 3, "OTHER": 1}


@pytest.mark.parametrize("sort", SORTS)
def test_each_order_keeps_what_is_not_known_at_the_end_and_pages_lose_nobody(app: Flask, sort: str) -> None:
    with reading() as tx:
        for descending in (False, True):
            asked = Asked(sort=sort, descending=descending)
            pages = [views_carts.found(tx, asked, limit=1, offset=place).lines[0].id for place in range(4)]
            assert sorted(pages) == ["away", "limited", "low", "well"]
            if sort in ("charge", "health"):
                assert pages[-1] == "limited"


def test_a_carts_history_shows_no_command_of_a_ward_that_the_person_does_not_reach(app: Flask) -> None:
    manager = Actor(id="F9", name="Manager", roles=frozenset({StaffRole.FLEET_MANAGER}))
    with transaction(manager) as tx:
        cart_commands.ask(tx, manager, ("well",), "locate", {})
    with transaction(GATEWAY) as tx:
        fleet.put_state(tx, "well", CartState(phase=CartPhase.READY, ward="OTHER"), sid="s", sent_at=tx.at)
    with transaction(manager) as tx:
        cart_commands.ask(tx, manager, ("well",), "lock", {"drawer": 0})

    def shown(wards: frozenset[str] | None) -> list[str]:
        with reading(Actor(id="CN9", name="Charge nurse", roles=frozenset({StaffRole.CHARGE_NURSE}), wards=wards)) as tx:
            return sorted(entry.code for entry in fleet_timeline.of(tx, "well", source="command"))

    assert shown(frozenset({WARD})) == ["locate"]
    assert shown(frozenset({"OTHER"})) == ["lock"]
    assert shown(frozenset()) == []
    assert shown(None) == ["locate", "lock"]


def _statements(app: Flask) -> list[tuple[str, Any]]:
    asked: list[tuple[str, Any]] = []

    def noting(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", noting)
    with reading() as tx:
        views_carts.found(tx, Asked(state="online", alert="any", sort="left"), limit=50)
        views_carts.counts(tx)
        views_carts.totals(tx)
        views_carts.token(tx)
        fleet_timeline.of(tx, "c7")
        fleet_history.points(tx, "c7", "power", since=NOW - timedelta(days=90))
        fleet_history.phases(tx, "c7", since=NOW - timedelta(days=90))
        fleet_care.open_ones(tx, before=NOW.date())
        fleet_care.of_cart(tx, "c7")
    event.remove(db.engine, "before_cursor_execute", noting)
    return asked


def test_many_carts_take_no_more_statements_than_few_and_each_goes_by_an_index(app: Flask) -> None:
    few = len(_statements(app))
    with transaction(GATEWAY) as tx:
        for number in range(300):
            a_cart(tx, f"c{number}", battery_percent=number % 100)
            fleet_history.put_battery(tx, f"c{number}", sums={}, load_percent_h=8.0, spread_percent_h=1.0, seen_h=9.0, replace_on=None)
    asked = _statements(app)
    assert len(asked) == few
    kind = db.engine.dialect.name
    walked = []
    with db.engine.connect() as connection:
        if kind == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))
        for statement, parameters in asked:
            prefix = "EXPLAIN QUERY PLAN " if kind == "sqlite" else "EXPLAIN "
            plan = [str(row[3] if kind == "sqlite" else row[0]) for row in connection.exec_driver_sql(prefix + statement, parameters)]
            scan = r"^SCAN (\w+)(?! USING)" if kind == "sqlite" else r"Seq Scan on (\w+)"
            walked += [line for line in plan if (hit := re.search(scan, line)) and not hit.group(1).startswith("anon")]
    assert [line for line in walked if "SUBQUERY" not in line] == []


def test_the_token_changes_with_what_the_list_shows_and_with_nothing_else(app: Flask) -> None:
    def token() -> str:
        with reading() as tx:
            return views_carts.token(tx)

    def told(**values: object) -> None:
        with transaction(GATEWAY) as tx:
            fleet.put_telemetry(tx, "well", Telemetry(kind=TelemetryKind.POWER, at=tx.at, values={"battery_percent": 90, **values}))

    before = token()
    told(battery_percent=90.3)
    told(voltage_mv=24000)
    assert token() == before
    told(battery_percent=88)
    changed = token()
    assert changed != before
    with transaction(GATEWAY) as tx:
        fleet.put_state(tx, "well", CartState(phase=CartPhase.UPDATING, ward=WARD), sid="s", sent_at=tx.at)
    assert token() not in (before, changed)
    before = token()
    with transaction(GATEWAY) as tx:
        cart_alerts.cleared(tx, "low", "battery-low")
    assert token() != before


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "90", True, None, -5, 1e300, [1]])
def test_rubbish_in_a_carts_numbers_changes_no_list(app: Flask, value: object) -> None:
    with transaction(GATEWAY) as tx:
        names = ("battery_percent", "health_percent", "cycles", "temperature_c")
        fleet.put_telemetry(tx, "well", Telemetry(kind=TelemetryKind.POWER, at=tx.at, values=dict.fromkeys(names, value)))
    with reading() as tx:
        views_carts.counts(tx)
        line = next(line for line in views_carts.found(tx, Asked(), limit=9).lines if line.id == "well")
    assert line.health_percent == 95


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        with made.app_context(), transaction(GATEWAY) as tx:
            fill(tx)
        yield made


def test_a_page_that_asks_again_gets_nothing_until_something_changed(pages: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.fleet.LOOK_S", 10**12)
    browser = web.signed_in(pages, FLEET)

    def asked() -> str:
        found = re.search(r'hx-get="(/fleet/\?part=live[^"]+)"', page)
        assert found
        return found.group(1).replace("&amp;", "&")

    page = browser.get("/fleet/").text
    assert browser.get(asked()).status_code == 204
    with pages.app_context(), transaction(GATEWAY) as tx:
        fleet.put_state(tx, "low", CartState(phase=CartPhase.UPDATING, ward=WARD), sid="s", sent_at=tx.at)
    answer = browser.get(asked())
    assert answer.status_code == 200
    assert 'hx-swap-oob="outerMorph"' in answer.text
    assert "updating" in answer.text
    page = answer.text
    assert browser.get(asked()).status_code == 204


def test_what_changed_elsewhere_moves_the_token_and_sends_no_lines(pages: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.fleet.LOOK_S", 10**12)
    browser = web.signed_in(pages, FLEET)
    page = browser.get("/fleet/?q=well").text
    found = re.search(r'hx-get="(/fleet/\?part=live[^"]+)"', page)
    assert found
    with pages.app_context(), transaction(GATEWAY) as tx:
        fleet.put_telemetry(tx, "low", Telemetry(kind=TelemetryKind.POWER, at=tx.at, values={"battery_percent": 13}))
    answer = browser.get(found.group(1).replace("&amp;", "&"))
    assert "fleet-ask" in answer.text
    assert "fleet-list" not in answer.text


def test_the_files_hold_what_the_filters_choose(pages: Flask) -> None:
    browser = web.signed_in(pages, FLEET)
    told = json.loads(browser.get("/fleet/carts.json?certificate=soon").text)
    assert [(cart["id"], cart["battery_percent"], cart["critical"]) for cart in told["carts"]] == [("low", 12.0, 1)]
    lines = browser.get("/fleet/carts.csv?alert=any&sort=id").text.splitlines()
    assert [line.split(",")[0] for line in lines] == ["id", "away", "low"]
