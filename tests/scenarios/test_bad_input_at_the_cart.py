"""Bad input at one cart, without threads: what a nurse is told the moment it happens."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.inbox import Asked, ClockMeasured, Link, LinkTold
from cart_client.screen import View
from pointofcare.labels.symbol import Symbol
from tests.support.cart_ward import AMOX, Stand, band, pack


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    made = Stand(tmp_path)
    made.sign_in()
    made.hold(band("P1"))
    made.lease("P1")
    return made


@pytest.mark.parametrize("cut", range(1, 28))
def test_half_finished_pack_label_is_never_a_verified_dose(stand: Stand, cut: int) -> None:
    whole = pack(AMOX, lot="L7").content
    left = whole[:-cut]
    stand.hold(Symbol(identifier="]d2", content=left))
    assert stand.view.notice != "internal-fault"
    if stand.state == "giving":  # what is left is itself a whole label, cut between two elements or in the free text of the lot
        assert left in (b"01" + AMOX.encode(), b"01" + AMOX.encode() + b"17270131", whole[:-1])
    else:
        assert stand.view.session.verdict is not None
        assert all(finding.remedy for finding in stand.view.session.verdict.findings if not finding.satisfied)


@pytest.mark.parametrize(("offset_s", "state"), [(-30, "giving"), (120, "giving"), (301, "stopped"), (-86_400, "stopped")])
def test_wrong_clock_without_a_server_to_set_it_stops_the_dose(stand: Stand, offset_s: float, state: str) -> None:
    stand.put(ClockMeasured(offset_s=offset_s))
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.hold(pack(AMOX))
    assert stand.state == state
    told = {finding.rule: finding.remedy for finding in stand.view.session.verdict.findings}
    assert told.get("T6") == (None if abs(offset_s) <= 60 else "set-clock")


def test_who_pressed_sees_what_became_of_it_and_not_the_screen_from_before(stand: Stand) -> None:
    stand.hold(pack(AMOX))
    stand.journal._db.execute("PRAGMA query_only=1")  # read, but not write
    seen: list[View] = []
    asked = Asked(command=inbox.Confirm(moment=stand.view.moment, record_id=stand.view.session.record_id), answer=Future())
    asked.answer.add_done_callback(lambda _: seen.append(stand.view))
    stand.put(asked)
    assert asked.answer.result(0).done is False
    assert (seen[0].notice != "", seen[0].session.state.value) == (True, "giving")
