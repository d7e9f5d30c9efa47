"""A drug that the hospital tests the skin for: asked for at the bed, entered there, and looked at by the very next verdict (rule D16)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.beside.asked import TellSkin
from pointofcare.verdict.policy import Listed, ListedBy, Policy
from pointofcare.wire.messages import BedsideNoted, TableKind
from pointofcare.wire.tables import PolicyBody
from tests.support.cart_ward import AMOX, Stand, a_table, band, issued, pack
from tests.support.kiosk_beside import Kiosk

LISTED = Policy(version="test-skin", skin_tested=(Listed(name="amoxicillin"),))


def a_stand(folder: Path, policy: Policy = LISTED) -> Stand:
    stand = Stand(folder)
    stand.chart.take(issued(a_table(TableKind.POLICY, PolicyBody(policy=policy), version=2)), stand.clock.at)
    stand.put(inbox.TablesChanged(kind="policy"))
    stand.sign_in("N1")
    stand.hold(band("P1"))
    stand.lease("P1")
    return stand


def tell(stand: Stand, result: str, *, form: str = "", ago: timedelta = timedelta(minutes=20), drug: str = "amoxicillin") -> str:
    form = form or str(uuid.uuid4())
    made_at = stand.clock.at - ago
    return stand.press(TellSkin, moment=0, form=form, nurse="N1", patient="P1", drug=drug, made_at=made_at, result=result).notice


def noted(stand: Stand) -> list[BedsideNoted]:
    told = [entry.message.body for entry in stand.journal.unsent(limit=100)]
    return [body for body in told if isinstance(body, BedsideNoted)]


def test_a_first_dose_waits_for_the_test_and_goes_on_with_a_negative_one(tmp_path: Path) -> None:
    stand = a_stand(tmp_path)
    stand.hold(pack(AMOX))
    assert (stand.state, stand.rules) == ("awaiting-reason", ["D16"])
    assert tell(stand, "negative") == ""
    assert stand.state == "giving"
    assert [body.details["result"] for body in noted(stand)] == ["negative"]


@pytest.mark.parametrize(("result", "state"), [("positive", "stopped"), ("doubtful", "awaiting-reason")])
def test_what_is_not_negative_lets_nothing_through(tmp_path: Path, result: str, state: str) -> None:
    stand = a_stand(tmp_path)
    tell(stand, result)
    stand.hold(pack(AMOX))
    assert (stand.state, stand.rules) == (state, ["D16"])


def test_a_positive_test_takes_a_dose_back_that_is_in_hand(tmp_path: Path) -> None:
    stand = a_stand(tmp_path)
    tell(stand, "negative")
    stand.hold(pack(AMOX))
    assert stand.state == "giving"
    tell(stand, "positive")
    assert stand.state == "stopped"


def test_a_result_is_recorded_once_and_survives_a_power_failure(tmp_path: Path) -> None:
    stand = a_stand(tmp_path)
    form = str(uuid.uuid4())
    tell(stand, "negative", form=form)
    tell(stand, "positive", form=form)  # a second tap on the same form changes nothing
    assert len(noted(stand)) == 1
    stand.journal.close()
    stand.chart.close()
    again = Stand(tmp_path, clock=stand.clock, full=False)
    again.sign_in("N1")
    again.hold(band("P1"))
    again.lease("P1")
    again.hold(pack(AMOX))
    assert again.state == "giving"


@pytest.mark.parametrize(
    ("told", "notice"),
    [
        ({"drug": "ibuprofen"}, "skin-drug"),
        ({"result": "perhaps"}, "skin-result"),
        ({"ago": timedelta(hours=80)}, "skin-time"),
        ({"ago": timedelta(minutes=-5)}, "skin-time"),
    ],
)
def test_what_is_no_result_is_refused_with_words_and_recorded_nowhere(tmp_path: Path, told: dict[str, object], notice: str) -> None:
    stand = a_stand(tmp_path)
    assert tell(stand, **{"result": "negative", **told}) == notice  # type: ignore[arg-type]
    assert noted(stand) == []


def test_the_page_takes_a_result_and_shows_it(tmp_path: Path) -> None:
    stand = a_stand(tmp_path, Policy(version="test-skin-2", skin_tested=(Listed(name="amoxicillin", by=ListedBy.INGREDIENT),)))
    kiosk = Kiosk(tmp_path, stand)
    kiosk.get("/beside/skin")
    assert "There is none." in kiosk.text
    kiosk.send("/beside/skin", {"time": "07:50", "result": "negative", "drug": "amoxicillin", "day": "2026-03-02"})
    assert "The skin test result is recorded." in kiosk.text
    assert "amoxicillin: NEGATIVE" in kiosk.text
    kiosk.send("/beside/skin", {"time": "23:50", "result": "negative", "drug": "amoxicillin", "day": "2026-03-02"})
    assert "must be before now" in kiosk.text
