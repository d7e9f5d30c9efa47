"""Training that is missing or expired is said at the sign-in, and stops no dose."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import StaffRosterBody
from tests.support import cart_ward
from tests.support.cart_ward import AMOX, NOW, Stand, badge, band, pack


@pytest.mark.parametrize(("due", "said"), [(2, "competence-due"), (0, ""), (None, "")])
def test_what_is_missing_is_said_at_the_sign_in_and_the_dose_is_given_all_the_same(tmp_path: Path, due: int | None, said: str) -> None:
    stand = Stand(tmp_path)
    people = tuple(replace(one, competences_due=due) for one in cart_ward.staff())
    made = cart_ward.a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=people), version=2, issued_at=NOW - timedelta(minutes=5))
    stand.chart.take(cart_ward.issued(made), stand.clock.at)
    stand.hold(badge("N1"))
    assert stand.press(inbox.EnterPin, pin=cart_ward.PIN).notice == said
    assert dict(stand.view.notice_params) == ({"n": 2} if due else {})
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    stand.journal.close()
