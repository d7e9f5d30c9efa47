"""The pages of alerts and their rules: shareable filters, who may do what, and every form with what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.wire.messages import AlertRaised, AlertSeverity, CartPhase, CartState
from server.store import alert_rules, cart_alerts, fleet
from server.store.transaction import Actor, reading, transaction
from tests.support import web
from tests.support.server_ward import NURSE, WARD
from tests.support.web import FLEET

GATEWAY = Actor(id="gateway")
LEVELS = {"set_level": "20", "clear_level": "30", "hold_min": "5"}
FORM = {"name": "Pin", "measure": "battery", **LEVELS, "severity": "warning", "enabled": "yes"}
HOT = alert_rules.Rule(
    name="R", measure="battery-heat", set_level=50, clear_level=45, hold_min=0, severity="critical", channels=("webhook",)
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as made:
        with made.app_context(), transaction(GATEWAY) as tx:
            for cart, ward in (("c1", WARD), ("c2", "elsewhere")):
                fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=ward), sid="s", sent_at=tx.at)
            at = datetime.now(UTC) - timedelta(hours=1)
            low = AlertRaised(code="battery-low", severity=AlertSeverity.CRITICAL, at=at, details={"value": 7.5, "below": 20})
            cart_alerts.raised(tx, "c1", "battery-low", low)
            odd = AlertRaised(code="camera-fault", severity=AlertSeverity.WARNING, at=at, details={"why": "<b>frozen</b>", "value": [1]})
            cart_alerts.raised(tx, "c2", "camera-fault", odd)
            cart_alerts.raised(tx, "c2", "gone", AlertRaised(code="disk-low", severity=AlertSeverity.WARNING, at=at))
            cart_alerts.cleared(tx, "c2", "gone")
        yield made


def number_of(app: Flask, cart: str) -> int:
    with app.app_context(), reading(FLEET) as tx:
        return cart_alerts.open_of(tx, cart)[0].id


def test_the_list_shows_what_is_open_and_each_filter_is_an_address(app: Flask) -> None:
    client = web.signed_in(app, FLEET)
    whole = client.get("/fleet/alerts/").text
    assert "Battery low" in whole
    assert "Camera fault" in whole
    assert "Disk nearly full" not in whole.split("<tbody>")[1]
    assert "<b>frozen" not in whole
    for query, shown in (
        ("severity=critical", {"c1"}),
        ("severity=warning", {"c2"}),
        (f"ward={WARD}", {"c1"}),
        ("code=camera-fault", {"c2"}),
        ("cart=c1", {"c1"}),
        ("state=resolved", {"c2"}),
        ("state=snoozed", set()),
        ("state=rubbish&page=99999999", {"c1", "c2"}),
        ("page=9999", set()),
    ):
        page = client.get(f"/fleet/alerts/?{query}")
        assert page.status_code == 200
        rows = page.text.split("<tbody>")[1] if "<tbody>" in page.text else ""
        assert {cart for cart in ("c1", "c2") if f"/fleet/{cart}" in rows} == shown, query


def test_an_alert_is_taken_on_snoozed_with_a_reason_and_woken(app: Flask) -> None:
    client, number = web.signed_in(app, FLEET), number_of(app, "c1")
    page = client.get("/fleet/alerts/").text
    answer = web.post(client, f"/fleet/alerts/{number}/acknowledge", page, **{"look-severity": "critical", "look-page": "//evil.example"})
    assert (answer.request.path, answer.request.query_string) == ("/fleet/alerts/", b"severity=critical")
    web.post(client, f"/fleet/alerts/{number}/snooze", page, hours="8", reason="dock is mended")
    shown = client.get("/fleet/alerts/?state=snoozed").text
    assert "dock is mended" in shown
    assert "Fleet manager looks after it" in shown
    assert "Give a reason" in web.post(client, f"/fleet/alerts/{number}/snooze", page, hours="8", reason=" ").text
    web.post(client, f"/fleet/alerts/{number}/snooze", page, hours="0")
    assert "dock is mended" not in client.get("/fleet/alerts/").text
    web.post(client, "/fleet/alerts/999999/acknowledge", page)
    assert client.get("/fleet/alerts/").status_code == 200


def test_a_rule_is_added_changed_and_removed_and_each_fault_stands_at_its_field(app: Flask) -> None:
    client = web.signed_in(app, FLEET)
    page = client.get("/fleet/alerts/rules").text
    refused = web.post(client, "/fleet/alerts/rules", page, **{**FORM, "set_level": "much", "name": ""})
    assert refused.status_code == 422
    assert refused.text.count("field-fault") == 2
    assert 'value="30"' in refused.text
    assert web.post(client, "/fleet/alerts/rules", page, **FORM, channels=["email"]).status_code == 200
    page = client.get("/fleet/alerts/rules").text
    assert "not set up on the server" in page
    with app.app_context(), reading(FLEET) as tx:
        (rule,) = alert_rules.rules(tx)
    assert rule.channels == ("email",)
    page = client.get(f"/fleet/alerts/rules/{rule.id}").text
    for _ in range(2):
        last = web.post(client, f"/fleet/alerts/rules/{rule.id}", page, **{**FORM, "set_level": "12,5"}, revision=str(rule.revision))
    assert last.status_code == 422  # the second one had not seen the first
    assert "Somebody changed this rule" in last.text
    assert "12.5" in client.get(f"/fleet/alerts/rules/{rule.id}").text
    web.post(client, f"/fleet/alerts/rules/{rule.id}/remove", page)
    assert client.get(f"/fleet/alerts/rules/{rule.id}").status_code == 404
    assert "There are no rules yet" in client.get("/fleet/alerts/rules").text


def test_what_could_not_be_sent_is_said_on_the_list_and_can_be_sent_again(app: Flask) -> None:
    with app.app_context(), transaction(GATEWAY) as tx:
        alert_rules.collect(tx, "email", [(1, "raised")], wait=timedelta(0))
        (notice,) = alert_rules.notices(tx)
        alert_rules.ended(tx, notice.id, error="email: the server <is> away", again_at=None)
    client = web.signed_in(app, FLEET)
    assert "1 notice of alerts could not be sent" in client.get("/fleet/alerts/").text
    page = client.get("/fleet/alerts/rules").text
    assert "the server &lt;is&gt; away" in page
    web.post(client, f"/fleet/alerts/notices/{notice.id}/again", page)
    assert "could not be sent" not in client.get("/fleet/alerts/").text


def test_who_may_not_see_the_fleet_sees_no_alert_and_changes_none(app: Flask) -> None:
    client, number = web.signed_in(app, NURSE), number_of(app, "c1")
    for address in ("/fleet/alerts/", "/fleet/alerts/rules"):
        assert client.get(address).status_code == 403
    token = client.get("/ward/").text
    assert web.post(client, f"/fleet/alerts/{number}/acknowledge", token).status_code == 403


@pytest.mark.parametrize("language", ["vi", "en", "fr"])
def test_the_pages_leave_no_code_without_a_word(app: Flask, language: str) -> None:
    client = web.signed_in(app, FLEET)
    with app.app_context(), transaction(FLEET) as tx:
        rule = alert_rules.add(tx, HOT, by="F1")
    for address in ("/fleet/alerts/", "/fleet/alerts/rules", f"/fleet/alerts/rules/{rule.id}"):
        client.set_cookie("language", language)
        page = client.get(address, headers={"Accept-Language": language}).text
        for code in ("fleet-alerts-", "rule-", "notice-", "alert-battery", "severity-alert"):
            assert f">{code}" not in page, (address, code)
