"""Two carts at one bed, one of them dead with a verified dose in somebody's hand. Real programs: broker, server, two carts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from simulation import hospital, shelf, ward
from simulation.nurse import VirtualNurse
from tests.support.hospital_day import CART, WAIT_S, HospitalDay, wait_until

OTHER = ward.CARTS[1]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HospitalDay]:
    made = HospitalDay(
        hospital.start(
            tmp_path_factory.mktemp("hospital"), seed=11, carts=(CART, OTHER), with_emr=False, bridge=False, progress=lambda _text: None
        )
    )
    yield made
    made.stop()


def let_five_minutes_pass(day: HospitalDay, patient: str) -> None:
    """For the server's lease of this patient only: nobody waits five minutes in a test."""
    database = sqlite3.connect(day.hospital.directory / "server.sqlite", timeout=10)
    with database:
        database.execute("UPDATE leases SET until = '2000-01-01 00:00:00.000000' WHERE patient = ?", (patient,))
    database.close()


def doubts(day: HospitalDay, patient: str) -> list[tuple[object, ...]]:
    return day.server_rows("SELECT cart, waits FROM lease_doubts WHERE patient = ?", patient)


def asked(state: dict[str, object]) -> list[tuple[object, object]]:
    return [(each["rule"], each["remedy"]) for each in state["findings"] if not each["satisfied"]]  # type: ignore[attr-defined]


def test_a_cart_killed_while_a_dose_is_in_hand_is_named_to_the_next_cart_until_it_is_back(day: HospitalDay) -> None:
    day.online()
    dose = day.next_dose()
    record_id = day.verify(dose)
    start_again = day.kill(CART)
    let_five_minutes_pass(day, dose.patient.id)
    wait_until(lambda: [cart for cart, _ in doubts(day, dose.patient.id)] == [CART], "the doubt about the dead cart")

    other = VirtualNurse(OTHER, day.hospital.cart_urls[OTHER], day.hospital.hand, wait_s=WAIT_S)
    try:
        other.wait("server and tables", lambda state: state["strip"]["link"] == "online" and not state["strip"]["missing"])
        other.sign_in(day.badge, day.pin)
        other.open_patient(shelf.band_picture(dose.patient)(), dose.patient.id)
        other.wait("the lease", lambda state: state["strip"]["lease"] == "held")
        state = other.scan(day.pack(dose.product), units=1)
        assert (state["state"], asked(state)) == ("awaiting-reason", [("O2", "ask-cart-in-doubt")])
        assert state["strip"]["lease_doubts"] == [CART]

        start_again()
        day.online()
        wait_until(lambda: any(record_id in str(waits) for _, waits in doubts(day, dose.patient.id)), "the dose that the cart has open")
        day.signed_in()
        day.nurse.wait("the open dose", lambda state: record_id in state["open"])
        assert day.nurse.press("resolve", record_id=record_id, given="no", reason="battery")["notice"] == ""
        wait_until(lambda: doubts(day, dose.patient.id) == [], "the end of the doubt")

        other.press("close")
        other.wait("the ward's list", lambda state: state["state"] == "signed-in")
        other.open_patient(shelf.band_picture(dose.patient)(), dose.patient.id)
        other.wait("the lease", lambda state: state["strip"]["lease"] == "held")
        state = other.scan(day.pack(dose.product), units=1)
        assert ("O2", "ask-cart-in-doubt") not in asked(state)
    finally:
        other.close()
