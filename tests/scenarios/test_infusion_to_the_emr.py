"""One infusion in a whole running hospital: from the bag's label before the camera to one resource in a real EMR."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from pointofcare.people import StaffRole
from simulation import hospital, labels, shelf, ward
from simulation.hospital import Hospital
from simulation.nurse import State, VirtualNurse

CART = ward.CARTS[0]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    made = hospital.start(tmp_path_factory.mktemp("infusion"), seed=7, carts=(CART,), with_emr=True, bridge=False, progress=lambda _: None)
    yield made
    made.stop()


def told(running: Hospital, kind: str, seen: Callable[[list[dict]], bool]) -> list[dict]:
    """What the EMR itself holds, once `seen` holds for it."""
    assert running.emr is not None
    deadline = time.monotonic() + 30
    while True:
        answer = httpx.get(f"{running.emr.base_url}/{kind}?_count=100", trust_env=False, timeout=10).json()
        found = [entry["resource"] for entry in answer.get("entry", [])]
        if seen(found) or time.monotonic() > deadline:
            return found


def done(nurse: VirtualNurse, state: State) -> State:
    """Answers what the screen asks until it is recorded at the server."""
    state = nurse.wait("the next step", lambda one: one["state"] in ("warned", "giving"))
    if state["state"] == "warned":
        nurse.press("acknowledge")
        state = nurse.wait("the confirmation", lambda one: one["state"] == "giving")
    record_id = str(state["record_id"])
    nurse.press("confirm", record_id=record_id)
    return nurse.wait("the receipt", lambda one: any(each["record_id"] == record_id and each["at_server"] for each in one["recorded"]))


@pytest.mark.timeout(240)
def test_a_bag_is_scanned_started_changed_and_ended_and_is_one_resource_in_the_emr(running: Hospital) -> None:
    bags = json.loads((running.directory / "bags.json").read_text(encoding="utf-8"))
    ((bag,),) = bags.values()
    person = next(member for member in running.ward.staff if StaffRole.NURSE in member.roles)
    nurse = VirtualNurse(CART, running.cart_urls[CART], running.hand)
    nurse.wait("tables", lambda state: not state["strip"]["missing"] and state["strip"]["link"] == "online")
    nurse.sign_in(labels.badge(person.name, "nurse", person.badge), person.pin)
    first = running.ward.patients[0]
    nurse.open_patient(shelf.band_picture(first)(), first.id)
    nurse.hold(labels.bag(bag, "NaCl"), "bag")
    nurse.wait("the rate pad", lambda state: state["state"] == "awaiting-rate")
    nurse.put_down()
    started = done(nurse, nurse.press("rate", drops="28", drop_factor="20", rate="", unit="mL/h"))
    start = str(started["record_id"])
    (one,) = told(running, "MedicationAdministration", lambda found: bool(found))
    assert (one["status"], one["dosage"]["rateQuantity"]["value"]) == ("in-progress", 84)

    nurse.press("act", act="rate", record_id=start)
    nurse.wait("the rate pad", lambda state: state["state"] == "awaiting-rate")
    done(nurse, nurse.press("rate", rate="100", unit="mL/h", drops="", drop_factor=""))
    done(nurse, nurse.press("act", act="stop", record_id=start, amount="120", reason="procedure"))
    (one,) = told(running, "MedicationAdministration", lambda found: [each["status"] for each in found] == ["stopped"])
    assert one["status"] == "stopped"
    assert one["effectivePeriod"]["start"] < one["effectivePeriod"]["end"]
    assert one["dosage"]["rateQuantity"]["value"] == 100
    assert len(one["identifier"]) == 3

    nurse.press("measure", code="heart-rate", value="88")
    found = told(running, "Observation", lambda listed: any(each["code"]["coding"][0]["code"] == "8867-4" for each in listed))
    assert [each["valueQuantity"]["value"] for each in found if each["code"]["coding"][0]["code"] == "8867-4"] == [88]
    nurse.close()
