"""Rules over the fleet: set, held, cleared, snoozed; and their notices over a real mail server and webhook: grouped, tried again, never
lost silently."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from pointofcare.errors import MessageError, NotFoundError
from pointofcare.wire.messages import AlertRaised, AlertSeverity, CartPhase, CartState, Telemetry, TelemetryKind
from server.alert_settings import AlertsConfig
from server.alerts import sending, watch
from server.alerts.watch import AlertWatch
from server.store import alert_rules, cart_alerts, fleet
from server.store import transaction as stored
from server.store.alert_rules import Rule
from server.store.database import db
from server.store.tables import CartRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import alert_rules as verbs
from server.usecases.alert_rules import MEASURES, Where
from tests.support.databases import migrated_app
from tests.support.receivers import mail_server, webhook_server
from tests.support.server_ward import WARD, open_ward

BOSS = Actor(id="m-1")
SECRET = "a-secret-of-at-least-thirty-two-characters"
LOW = Rule(name="Pin yếu", measure="battery", set_level=20, clear_level=30, hold_min=5, severity="warning", channels=("email", "webhook"))
NO_GROUP = timedelta(0)
BOTH = pytest.mark.parametrize("app", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(getattr(request, "param", "sqlite"), tmp_path) as made:
        open_ward()
        yield made


class Clock:
    """The moment of every transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime.now(UTC)
        clock = self

        class Moment(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # noqa: ARG003
                return clock.now

        monkeypatch.setattr(stored, "datetime", Moment)

    def on(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def battery(percent: float, *carts: str) -> None:
    with transaction(BOSS) as tx:
        for cart in carts or ("c1",):
            fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=WARD), sid="s1", sent_at=tx.at)
            fleet.put_telemetry(tx, cart, Telemetry(kind=TelemetryKind.POWER, at=tx.at, values={"battery_percent": percent}))


def a_rule(rule: Rule = LOW) -> Rule:
    with transaction(BOSS) as tx:
        return verbs.keep(tx, rule, by="m-1")


def look(*carts: str, group: timedelta = NO_GROUP) -> int:
    with transaction(BOSS) as tx:
        return verbs.look(tx, set(carts or ("c1",)), alert_rules.rules(tx, enabled=True), group=group)


def open_alerts(cart: str = "c1") -> list[cart_alerts.Alert]:
    with reading() as tx:
        return list(cart_alerts.open_of(tx, cart))


def waiting() -> list[alert_rules.Notice]:
    with reading() as tx:
        return [one for one in alert_rules.notices(tx) if one.state == alert_rules.WAITING]


@BOTH
def test_an_alert_is_set_after_its_hold_time_and_cleared_over_the_other_level(clock: Clock) -> None:
    rule = a_rule()
    battery(19)
    assert look() == 0
    clock.on(minutes=4)
    battery(15)
    assert look() == 0
    assert open_alerts() == []
    clock.on(minutes=1)
    battery(15)
    assert look() == 2  # one for each channel
    (alert,) = open_alerts()
    assert (alert.code, alert.source, alert.rule, alert.since) == ("battery", "rule", rule.id, clock.now - timedelta(minutes=5))
    battery(25)
    assert look() == 0
    assert open_alerts() == [alert] or open_alerts()[0].id == alert.id
    battery(30)
    assert look() == 2
    assert open_alerts() == []


def test_what_comes_back_before_the_hold_time_begins_anew(clock: Clock) -> None:
    a_rule()
    battery(10)
    look()
    clock.on(minutes=4)
    battery(22)
    look()
    battery(10)
    look()
    clock.on(minutes=4)
    battery(10)
    assert look() == 0
    assert open_alerts() == []


def test_a_cart_that_fell_silent_is_offline_and_its_old_numbers_set_and_clear_nothing(clock: Clock) -> None:
    a_rule()
    a_rule(replace(LOW, name="Mất kết nối", measure="offline", set_level=15, clear_level=0, hold_min=0, severity="critical"))
    battery(10)
    look()
    clock.on(minutes=10)
    assert look() == 0
    clock.on(minutes=6)
    look()
    assert [alert.code for alert in open_alerts()] == ["offline"]
    battery(80)
    look()
    assert open_alerts() == []


def test_a_server_that_was_away_itself_calls_no_cart_offline_until_it_has_listened(clock: Clock) -> None:
    a_rule(replace(LOW, name="Mất kết nối", measure="offline", set_level=15, clear_level=0, hold_min=0, severity="critical"))
    battery(80)
    clock.on(minutes=60)
    with transaction(BOSS) as tx:
        assert verbs.look(tx, ["c1"], alert_rules.rules(tx, enabled=True), group=NO_GROUP, listened=False) == 0
    assert open_alerts() == []
    look()
    assert [alert.code for alert in open_alerts()] == ["offline"]
    with transaction(BOSS) as tx:
        verbs.look(tx, ["c1"], alert_rules.rules(tx, enabled=True), group=NO_GROUP, listened=False)
    assert [alert.code for alert in open_alerts()] == ["offline"], "nor does it take back what was known"


def test_a_cart_out_of_service_is_missed_by_nobody(clock: Clock) -> None:
    a_rule(replace(LOW, measure="offline", set_level=15, clear_level=0, hold_min=0))
    battery(50)
    with transaction(BOSS) as tx:
        fleet.put_away(tx, "c1")
    clock.on(hours=5)
    assert look() == 0


def test_a_rule_of_a_ward_is_for_that_wards_carts_and_ends_when_one_moves(clock: Clock) -> None:
    a_rule(replace(LOW, ward=WARD, hold_min=0))
    battery(10)
    look()
    assert len(open_alerts()) == 1
    with transaction(BOSS) as tx:
        row = tx.session.get(CartRow, (tx.facility, "c1"))
        assert row is not None
        row.ward = "elsewhere"
    look()
    assert open_alerts() == []


def test_a_changed_rule_judges_anew_and_a_removed_one_leaves_nothing(clock: Clock) -> None:
    rule = a_rule(replace(LOW, hold_min=0))
    battery(15)
    look()
    changed = a_rule(replace(rule, set_level=10))
    assert open_alerts() == []
    look()
    assert open_alerts() == []
    with pytest.raises(MessageError):
        a_rule(replace(rule, set_level=12))  # read before the change
    battery(5)
    look()
    with transaction(BOSS) as tx:
        verbs.remove(tx, changed.id, by="m-1")
    assert open_alerts() == []
    look()
    assert open_alerts() == []
    with transaction(BOSS) as tx, pytest.raises(NotFoundError):
        verbs.remove(tx, changed.id, by="m-1")


def test_a_snoozed_alert_tells_nobody_also_when_it_comes_and_goes(clock: Clock) -> None:
    a_rule(replace(LOW, hold_min=0))
    battery(10)
    look()
    (alert,) = open_alerts()
    with transaction(BOSS) as tx:
        verbs.snooze(tx, alert.id, hours="8", reason="bàn sạc đang sửa", by="m-1")
    before = [one.items for one in waiting()]
    for percent in (50, 10, 50, 10):
        clock.on(minutes=1)
        battery(percent)
        assert look() == 0
    assert [one.items for one in waiting()] == before
    (alert,) = open_alerts()
    assert alert.snooze_reason == "bàn sạc đang sửa"
    with transaction(BOSS) as tx:
        verbs.snooze(tx, alert.id, hours="0", reason="", by="m-1")
    clock.on(minutes=1)
    battery(50)
    assert look() == 2
    for wrong in (("", "x"), ("-1", "x"), ("9999", "x"), ("000008999", "x"), ("000001" + "9" * 30, "x"), ("1", " ")):
        with transaction(BOSS) as tx, pytest.raises(MessageError):
            verbs.snooze(tx, alert.id, hours=wrong[0], reason=wrong[1], by="m-1")
    with transaction(BOSS) as tx, pytest.raises(NotFoundError):
        verbs.snooze(tx, alert.id, hours="1", reason="x", by="m-1")  # it is over


def test_an_acknowledgement_names_the_first_who_gave_it(clock: Clock) -> None:
    a_rule(replace(LOW, hold_min=0))
    battery(10)
    look()
    (alert,) = open_alerts()
    for person in ("m-1", "m-2"):
        with transaction(BOSS) as tx:
            verbs.acknowledge(tx, alert.id, by=person)
    assert open_alerts()[0].acknowledged_by == "m-1"


def test_the_carts_own_alerts_can_be_sent_too(clock: Clock) -> None:
    a_rule(replace(LOW, measure="own-alerts", set_level=0, clear_level=0, hold_min=0))
    battery(90)
    with transaction(BOSS) as tx:
        cart_alerts.raised(tx, "c1", "camera-fault", AlertRaised(code="camera-fault", severity=AlertSeverity.WARNING, at=tx.at))
    assert look() == 2
    with transaction(BOSS) as tx:
        cart_alerts.cleared(tx, "c1", "camera-fault")
    assert look() == 2


def test_another_facilitys_alerts_are_out_of_reach(clock: Clock) -> None:
    a_rule(replace(LOW, hold_min=0))
    battery(10)
    look()
    (alert,) = open_alerts()
    with transaction(BOSS) as tx:
        tx.facility = "h2"
        assert alert_rules.rules(tx) == ()
        with pytest.raises(NotFoundError):
            verbs.acknowledge(tx, alert.id, by="x")


def test_a_look_costs_the_same_statements_for_one_cart_and_for_fifty(app: Flask, clock: Clock) -> None:
    a_rule()
    a_rule(replace(LOW, measure="unsent", set_level=0, clear_level=0))
    carts = [f"cart-{number}" for number in range(50)]
    battery(80, *carts)
    counted: list[int] = []
    statements: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        for some in (carts[:1], carts):
            statements.clear()
            look(*some)
            counted.append(len(statements))
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    assert counted[0] == counted[1]


# Notices.


def config(port: int = 0, url: str = "", *, group_s: int = 1) -> AlertsConfig:
    return AlertsConfig(
        smtp_host="127.0.0.1",
        smtp_port=port or 1,
        smtp_security="none",
        sender="poc@hospital.example",
        recipients=("fleet@hospital.example", "it@hospital.example"),
        webhook_url=url or "http://127.0.0.1:1/none",
        webhook_secret=SECRET,
        group_s=group_s,
    )


@contextmanager
def watching(app: Flask, settings: AlertsConfig, clock: Clock) -> Iterator[AlertWatch]:
    yield AlertWatch(
        settings,
        facility="h1",
        language="vi",
        zone=ZoneInfo("Asia/Ho_Chi_Minh"),
        scope=app.app_context,
        address="https://poc.example/fleet/alerts/",
        clock=lambda: clock.now,
    )


@BOTH
def test_what_happens_together_is_sent_as_one_mail_and_one_call(app: Flask, clock: Clock) -> None:
    a_rule(replace(LOW, hold_min=0))
    with mail_server() as box, webhook_server() as hook, watching(app, config(box.port, hook.url, group_s=60), clock) as one:
        battery(12, "c1", "c2", "c3")
        for cart in ("c1", "c2", "c3"):
            one.changed(cart)
        assert one.look() == 6
        assert one.send() == 0  # more may come
        clock.on(seconds=61)
        assert one.send() == 2
        assert one.send() == 0
        (mail,) = box.mails
        text = mail.get_content()
        assert mail["To"] == "fleet@hospital.example, it@hospital.example"
        assert mail["Subject"] == "[h1] 3 cảnh báo xe tiêm thuốc"
        assert "Xe c2: Pin yếu, giá trị 12" in text
        assert "https://poc.example/fleet/alerts/" in text
        ((headers, content),) = hook.calls
        assert sending.verified(SECRET, content, headers[sending.SIGNATURE], clock.now)
        assert not sending.verified(SECRET, content + b" ", headers[sending.SIGNATURE], clock.now)
        assert not sending.verified("another-secret", content, headers[sending.SIGNATURE], clock.now)
        assert not sending.verified(SECRET, content, headers[sending.SIGNATURE], clock.now + timedelta(minutes=6))
        told = json.loads(content)
        assert [(each["cart"], each["became"], each["code"]) for each in told["alerts"]] == [
            (cart, "raised", "battery") for cart in ("c1", "c2", "c3")
        ]


def test_a_storm_is_one_notice_that_counts_what_it_does_not_name(app: Flask, clock: Clock) -> None:
    a_rule(replace(LOW, hold_min=0, channels=("webhook",)))
    carts = [f"cart-{number:03}" for number in range(120)]
    with webhook_server() as hook, watching(app, config(url=hook.url), clock) as one:
        battery(12, *carts)
        for cart in carts:
            one.changed(cart)
        one.look()
        clock.on(seconds=2)
        assert one.send() == 1
        told = json.loads(hook.calls[0][1])
        assert (len(told["alerts"]), told["more"]) == (alert_rules.NAMED, 70)


def test_a_receiver_that_is_away_gets_it_later_and_what_is_given_up_is_said(app: Flask, clock: Clock) -> None:
    a_rule(replace(LOW, hold_min=0, channels=("webhook",)))
    battery(12)
    look()
    with webhook_server() as hook, watching(app, config(url=hook.url), clock) as one:
        hook.answers = [503, 500]
        tried = []
        for _ in range(6):
            clock.on(minutes=3)
            one.send()
            tried.append(len(hook.calls))
        assert tried == [1, 2, 3, 3, 3, 3]
        keys = {headers["Idempotency-Key"] for headers, _ in hook.calls}
        assert len(keys) == 1  # the receiver knows a repeat for what it is
    battery(90)
    look()
    with watching(app, config(), clock) as one:  # nobody is there
        for _ in range(watch.MOST_TRIES + 3):
            clock.on(hours=2)
            one.send()
        with reading() as tx:
            assert alert_rules.given_up(tx) == 1
            (notice, _) = alert_rules.notices(tx)
        assert (notice.state, notice.tries) == (alert_rules.GIVEN_UP, watch.MOST_TRIES)
        assert "webhook" in (notice.error or "")
    with transaction(BOSS) as tx:
        assert alert_rules.send_again(tx, notice.id)
        assert not alert_rules.send_again(tx, notice.id)
    with webhook_server() as hook, watching(app, config(url=hook.url), clock) as one:
        assert one.send() == 1


def test_a_server_that_dies_while_it_sends_sends_again_and_never_forgets(app: Flask, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    a_rule(replace(LOW, hold_min=0, channels=("email",)))
    battery(12)
    look()
    with mail_server() as box, watching(app, config(box.port), clock) as one, monkeypatch.context() as killed:
        killed.setattr(one, "_tried", lambda *_: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit):
            one.send()
    clock.on(minutes=5)
    with mail_server() as box, watching(app, config(box.port), clock) as other:
        assert other.send() == 1
        assert len(box.mails) == 1


def test_a_mail_server_that_took_it_and_hung_up_gets_the_same_message_id_again(app: Flask, clock: Clock) -> None:
    a_rule(replace(LOW, hold_min=0, channels=("email",)))
    battery(12)
    look()
    with mail_server() as box, watching(app, config(box.port), clock) as one:
        box.hang_up = True
        assert one.send() == 0
        box.hang_up = False
        clock.on(minutes=3)
        assert one.send() == 1
        assert len({mail["Message-ID"] for mail in box.mails}) == 1
        box.refuse = 451
        battery(90)
        look()
        assert one.send() == 0
        box.refuse = 0
        clock.on(minutes=3)
        assert one.send() == 1


def test_silence_is_found_by_the_round_and_a_fault_forgets_no_cart(app: Flask, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    a_rule(replace(LOW, measure="offline", set_level=15, clear_level=0, hold_min=0, channels=()))
    carts = [f"cart-{number:03}" for number in range(watch.ROUND + 5)]
    battery(80, *carts)
    clock.on(hours=1)
    with watching(app, config(), clock) as one:
        one.look()
        one.look()
        assert all(open_alerts(cart) for cart in carts)
        one.changed("c9")
        with monkeypatch.context() as broken:
            broken.setattr(alert_rules, "measured", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                one.look()
        assert one._changed == {"c9"}


# The judgement.


@given(
    st.sampled_from(sorted(MEASURES)),
    st.floats(-100, 100_000),
    st.floats(-100, 100_000),
    st.one_of(st.none(), st.floats(-100, 100_000)),
)
def test_no_value_is_beyond_and_back_at_once_and_the_unknown_is_neither(name: str, one: float, other: float, value: float | None) -> None:
    measure = MEASURES[name]
    beyond, back = (max(one, other), min(one, other)) if measure.above else (min(one, other), max(one, other))
    stands = verbs.where(replace(LOW, measure=name, set_level=beyond, clear_level=back), value)
    if value is None:
        assert stands is Where.UNKNOWN
    elif value > beyond if measure.above else value < beyond:
        assert stands is Where.BEYOND
    else:
        assert stands is not Where.BEYOND


FORM = {"name": "Pin", "measure": "battery", "set_level": "20", "clear_level": "30,5", "hold_min": "5", "severity": "warning", "ward": ""}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"measure": "mood"}, "measure"),
        ({"set_level": "much"}, "set_level"),
        ({"set_level": "nan"}, "set_level"),
        ({"set_level": "inf"}, "set_level"),
        ({"set_level": "0"}, "set_level"),
        ({"clear_level": "10"}, "clear_level"),
        ({"clear_level": "nan"}, "clear_level"),
        ({"hold_min": "-1"}, "hold_min"),
        ({"hold_min": "99999"}, "hold_min"),
        ({"severity": "mild"}, "severity"),
        ({"ward": "elsewhere"}, "ward"),
    ],
)
def test_a_rule_that_cannot_be_says_at_which_field(wrong: dict[str, str], field: str) -> None:
    assert verbs.read(FORM, ["email"], ["w1"]).clear_level == 30.5
    with pytest.raises(MessageError) as caught:
        verbs.read({**FORM, **wrong}, [], ["w1"])
    assert field in {name for name, _ in caught.value.problems}


def test_every_measures_own_proposal_is_a_rule_that_can_be() -> None:
    for name, measure in MEASURES.items():
        typed = {
            "measure": name,
            "set_level": f"{measure.set_level}",
            "clear_level": f"{measure.clear_level}",
            "hold_min": f"{measure.hold_min}",
        }
        assert verbs.read({**FORM, **typed}, [], []).measure == name
