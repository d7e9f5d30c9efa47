"""A nurse reports at the cart: two touches, everything else is attached, and it is in the journal before anybody says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cart_client import inbox
from cart_client.inbox import Link
from pointofcare.administration.incident import KINDS
from pointofcare.errors import JournalError
from tests.support.cart_care import a_ward, at_patient
from tests.support.cart_ward import AMOX, Stand, band, pack
from tests.support.kiosk_beside import Kiosk

PATH = "/beside/incident"


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    made = Kiosk(tmp_path)
    at_patient(made.stand)
    return made


def test_two_touches_from_a_verdict_carry_verdict_patient_order_and_cart(kiosk: Kiosk) -> None:
    kiosk.stand.hold(pack(AMOX))
    kiosk.get("/")
    assert f'href="{PATH}"' in kiosk.page
    kiosk.get(PATH)
    assert [kind for kind in KINDS if f'value="{kind}"' not in kiosk.page] == []
    before = kiosk.stand.view.session
    kiosk.send(PATH, {"kind": "look-alike"})
    (note,) = kiosk.notes("incident")
    session = kiosk.stand.view.session
    assert (note.patient, note.details["kind"], note.details["reached"]) == (session.patient, "look-alike", "unknown")
    facts = note.details["facts"]
    assert isinstance(facts, dict)
    verdict = session.verdict
    assert verdict is not None
    told = facts["verdict"]
    assert (told["level"], told["engine"], told["policy"]) == (verdict.level.name, verdict.engine, verdict.policy)
    assert note.details["order"] == verdict.order
    assert {"app", "link", "battery_percent", "unsent", "chart_version", "events", "records"} <= set(facts)
    assert session == before, "a report changes nothing of the dose"
    assert "safe on the cart" in kiosk.text


def test_it_works_offline_and_a_double_tap_is_one(kiosk: Kiosk) -> None:
    kiosk.stand.put(inbox.LinkTold(link=Link.OFFLINE))
    kiosk.get(PATH)
    kiosk.send(PATH, {"kind": "device", "words": "đầu quét không đọc", "anonymous": "yes"}, twice=True)
    (note,) = kiosk.notes("incident")
    assert (note.online, note.details["words"], note.details["anonymous"]) == (False, "đầu quét không đọc", True)


def test_a_disk_that_takes_nothing_is_said_and_never_called_reported(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk.get(PATH)

    def full(*_: object, **__: object) -> None:
        raise JournalError("the disk is full", remedy="tell the fleet manager", why="disk-full")

    monkeypatch.setattr(kiosk.stand.journal, "append_note", full)
    kiosk.send(PATH, {"kind": "device", "words": "giữ lại dòng này"})
    assert kiosk.notes("incident") == []
    assert "giữ lại dòng này" in kiosk.page
    assert "safe on the cart" not in kiosk.text


def test_another_patient_on_the_screen_meanwhile_is_told_apart(kiosk: Kiosk) -> None:
    kiosk.get(PATH)
    first = kiosk.stand.view.session.patient
    kiosk.stand.hold(band("P2"))
    kiosk.send(PATH, {"kind": "wrong-patient"})
    (note,) = kiosk.notes("incident")
    facts = note.details["facts"]
    assert isinstance(facts, dict)
    assert (note.patient, facts["moved_on"]) == (first, True)


def test_nobody_reports_in_anothers_name(kiosk: Kiosk) -> None:
    kiosk.get(PATH)
    kiosk.stand.press(inbox.SignOut)
    kiosk.send(PATH, {"kind": "other"})
    assert kiosk.notes("incident") == []


def test_a_kind_that_no_page_offers_becomes_other(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path, a_ward(tmp_path))
    stand: Stand = kiosk.stand
    stand.sign_in("N1")
    kiosk.get(PATH)
    kiosk.send(PATH, {"kind": "blame", "reached": "perhaps"})
    (note,) = kiosk.notes("incident")
    assert (note.patient, note.details["kind"], note.details["reached"]) == (None, "other", "unknown")
