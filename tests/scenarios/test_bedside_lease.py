"""The cart's lease at the bedside: not had yet, had with a newer chart than is here, had after a cart that has not reported."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.inbox import LeaseTold
from pointofcare.verdict.facts import Lease, LeaseDoubt
from tests.support.cart_ward import AMOX, Stand, band, pack


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    made = Stand(tmp_path)
    made.sign_in()
    made.hold(band("P1"))
    return made


def told(stand: Stand, **changes: object) -> None:
    until = stand.clock.mono + 300
    stand.put(LeaseTold(**({"patient": "P1", "lease": Lease.HELD, "fence": 7, "until_mono_s": until} | changes)))  # type: ignore[arg-type]


def test_online_without_a_lease_asks_why_and_the_question_goes_when_the_lease_comes(stand: Stand) -> None:
    stand.hold(pack(AMOX))
    assert (stand.state, stand.rules) == ("awaiting-reason", ["O2"])
    told(stand)
    assert (stand.state, stand.rules) == ("giving", [])


def test_a_lease_is_none_until_the_chart_that_it_names_is_here(stand: Stand) -> None:
    told(stand, chart_version=stand.chart.version() + 1)
    assert (stand.view.strip.lease, stand.view.strip.lease_waits) == (Lease.NONE, True)
    stand.hold(pack(AMOX))
    assert stand.rules == ["O2"]


def test_a_lease_with_the_chart_that_is_here_is_held(stand: Stand) -> None:
    told(stand, chart_version=stand.chart.version())
    assert (stand.view.strip.lease, stand.view.strip.lease_waits) == (Lease.HELD, False)


def test_a_lease_that_is_only_prolonged_waits_for_no_chart(stand: Stand) -> None:
    told(stand, chart_version=stand.chart.version())
    told(stand, chart_version=stand.chart.version() + 1)
    assert stand.view.strip.lease is Lease.HELD
    told(stand, fence=8, chart_version=stand.chart.version() + 1)
    assert stand.view.strip.lease is Lease.NONE


def test_a_cart_that_has_not_reported_is_named_and_a_reason_is_asked(stand: Stand) -> None:
    since = stand.clock.at - timedelta(minutes=7)
    told(stand, doubts=(LeaseDoubt(cart="c9", nurse="N2", since=since),))
    stand.hold(pack(AMOX))
    verdict = stand.view.session.verdict
    assert verdict is not None
    finding = next(each for each in verdict.findings if each.rule == "O2")
    assert (finding.remedy, dict(finding.params)) == ("ask-cart-in-doubt", {"cart": "c9", "nurse": "N2", "since": since.isoformat()})
    assert stand.view.strip.lease_doubts == ("c9",)
    stand.press(inbox.GiveReason, reason="clinical-judgement", reason_text="she says no", satisfies=("O2",))
    assert stand.state == "giving"


def test_what_is_given_back_names_what_is_not_at_the_server(stand: Stand) -> None:
    told(stand)
    stand.hold(pack(AMOX))
    record_id = stand.view.session.record_id
    stand.press(inbox.Confirm, record_id=record_id)
    stand.press(inbox.ClosePatient)
    assert (stand.leases[-1].action, stand.leases[-1].unsettled) == ("release", (record_id,))
    assert record_id is not None
    stand.journal.settle(record_id, at=stand.clock.at)
    assert stand.journal.unsettled("P1") == ()
