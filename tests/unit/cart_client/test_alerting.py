"""Alerts of a cart: raised once it is sure, resolved once it is calm, and said again to a new connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cart_client.alerting import CALM_S, Alerts, Sign
from pointofcare.wire.messages import AlertRaised, AlertSeverity

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def sign(*, bad: bool = False, good: bool = False, severity: AlertSeverity = AlertSeverity.WARNING, hold_s: float = 30.0) -> Sign:
    return Sign(code="battery-low", bad=bad, good=good, severity=severity, hold_s=hold_s)


def said(alerts: Alerts, one: Sign, mono_s: float) -> AlertRaised | str | None:
    return alerts.say([one], now=NOW + timedelta(seconds=mono_s), mono_s=mono_s).get("battery-low", "nothing")


def test_an_alert_is_raised_only_after_its_hold_time_and_only_once() -> None:
    alerts = Alerts()
    assert said(alerts, sign(bad=True), 0.0) == "nothing"
    assert said(alerts, sign(bad=True), 29.0) == "nothing"
    raised = said(alerts, sign(bad=True), 30.0)
    assert isinstance(raised, AlertRaised)
    assert said(alerts, sign(bad=True), 90.0) == "nothing"


def test_a_value_between_the_levels_changes_nothing_and_calm_resolves() -> None:
    alerts = Alerts()
    said(alerts, sign(bad=True, hold_s=0.0), 0.0)
    assert said(alerts, sign(), 10.0) == "nothing"
    assert said(alerts, sign(good=True), 20.0) == "nothing"
    assert said(alerts, sign(), 25.0) == "nothing"  # the calm begins anew
    assert said(alerts, sign(good=True), 30.0) == "nothing"
    assert said(alerts, sign(good=True), 30.0 + CALM_S) is None
    assert alerts.open == ()


def test_what_grows_worse_is_the_same_occurrence() -> None:
    alerts = Alerts()
    first = said(alerts, sign(bad=True, hold_s=0.0), 0.0)
    worse = said(alerts, sign(bad=True, hold_s=0.0, severity=AlertSeverity.CRITICAL), 60.0)
    assert isinstance(first, AlertRaised)
    assert isinstance(worse, AlertRaised)
    assert (worse.at, worse.severity) == (first.at, AlertSeverity.CRITICAL)


def test_what_nobody_knows_yet_is_neither_raised_nor_resolved_on_a_new_connection() -> None:
    alerts = Alerts()
    said(alerts, sign(), 0.0)
    assert alerts.all_known() == {}
    said(alerts, sign(bad=True), 1.0)  # not sure yet: an earlier run of the program may have raised it, and it may still hold
    assert alerts.all_known() == {}
    said(alerts, sign(good=True), 2.0)
    assert alerts.all_known() == {"battery-low": None}


@given(st.lists(st.tuples(st.floats(0.1, 60), st.sampled_from(["bad", "good", "between"])), max_size=60))
def test_raised_and_resolved_always_take_turns(steps: list[tuple[float, str]]) -> None:
    alerts, mono_s, is_open = Alerts(), 0.0, False
    for span_s, level in steps:
        mono_s += span_s
        heard = said(alerts, sign(bad=level == "bad", good=level == "good"), mono_s)
        if isinstance(heard, AlertRaised):
            assert not is_open
            assert level == "bad"
            is_open = True
        elif heard is None:
            assert level == "good"
            is_open = False
        assert (alerts.open == ("battery-low",)) is is_open
