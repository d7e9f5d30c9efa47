"""`make demo-once`: one dose unattended, from the camera's frame to the EMR, proven; and four that must be stopped.

Everything is the real thing: the kiosk's own buttons over HTTP, camera frames over the wire, MQTT through a broker, the server's
database, a FHIR server of another project. Patient, drug, lot and expiry are drawn from the seed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from cart_client import at_rest, sealed
from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import PointOfCareError
from pointofcare.people import Patient, StaffRole
from pointofcare.wire import codec, routes
from simulation import emr_check, hospital, labels, shelf, ward
from simulation.hospital import Hospital
from simulation.nurse import State, VirtualNurse
from simulation.ordinary import Case, ordinary_dose
from simulation.ward import StaffMember, Ward

CART = ward.CARTS[0]
_GIVEABLE = ("PASS", "NOTE", "WARN")


@dataclass(slots=True)
class Proof:
    """What the run showed; `differences` empty is what makes it a proof."""

    seed: int
    record_id: str | None = None
    emr_resource: str | None = None
    hops: list[dict[str, Any]] = field(default_factory=list)
    stops: list[dict[str, Any]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.differences

    def plain(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "seed": self.seed,
            "record_id": self.record_id,
            "emr_resource": self.emr_resource,
            "hops": self.hops,
            "stops": self.stops,
            **({"differences": self.differences} if self.differences else {}),
        }


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-demo once", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="which ward, patient, drug, lot (default: drawn)")
    parser.add_argument("--json", type=Path, help="write the result to this file too")
    parser.add_argument("--keep", type=Path, help="keep the state and logs in this folder")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False)
    proof = Proof(seed=chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6))
    directory = chosen.keep or Path(tempfile.mkdtemp(prefix="pointofcare-once-"))
    running: Hospital | None = None
    try:
        console.print(f"Seed {proof.seed}. Starting broker, EMR, server, cart, microcontroller ...")
        running = hospital.start(directory, seed=proof.seed, carts=(CART,), with_emr=True, progress=lambda text: console.print(f"  {text}"))
        _prove(running, proof, console)
    except PointOfCareError as error:
        proof.differences.append(str(error))
    finally:
        if running is not None:
            running.stop()
        if chosen.keep is None:
            shutil.rmtree(directory, ignore_errors=True)
    _tell(console, proof)
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(proof.plain(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if proof.ok else 1


def _prove(running: Hospital, proof: Proof, console: Console) -> None:
    rng = random.Random(f"once-{proof.seed}")
    day = datetime.now(ZoneInfo(ward.TIMEZONE)).date()
    case = ordinary_dose(running.ward, rng, datetime.now(UTC))
    person = rng.choice([member for member in running.ward.staff if StaffRole.NURSE in member.roles])
    nurse = VirtualNurse(CART, running.cart_urls[CART], running.hand)
    try:
        console.print(f"{person.name} signs in; {case.patient.name}, {case.order.display}")
        _sign_in(nurse, person)
        _stops_before(nurse, running.ward, case, rng, day, proof)
        one = shelf.pack(case.product, rng, day)
        record = _give(nurse, running, case, one, proof)
        proof.record_id = record.record_id
        _compare(running, case, one, person, record, proof)
        _stop_given_again(nurse, case, rng, day, proof)
        if running.emr is not None:
            count = emr_check.count(running.emr.base_url)
            if count != 1:
                proof.differences.append(f"the EMR holds {count} administrations, expected the one that was given")
    finally:
        nurse.close()


def _sign_in(nurse: VirtualNurse, person: StaffMember) -> None:
    nurse.wait("the cart's tables from the server", lambda state: not state["strip"]["missing"] and state["strip"]["link"] == "online")
    nurse.sign_in(labels.badge(person.name, person.roles[0].value, person.badge), person.pin)


def _open(nurse: VirtualNurse, patient: Patient) -> None:
    nurse.open_patient(shelf.band_picture(patient)(), patient.id)


def _stops_before(nurse: VirtualNurse, the_ward: Ward, case: Case, rng: random.Random, day: date, proof: Proof) -> None:
    ingredients = {order.patient for order in the_ward.orders if order.ingredient == case.order.ingredient}
    stranger = rng.choice([patient for patient in the_ward.patients if patient.id not in ingredients])
    _open(nurse, stranger)
    state = nurse.scan(shelf.pack(case.product, rng, day).picture(), units=1)
    _expect_stop(nurse, "wrong-patient", state, {"D1", "P4"}, proof)

    wrong = [
        (order, product)
        for order in the_ward.orders
        for product in the_ward.products
        if order.verified
        and order.route not in product.routes
        and product.form == order.form
        and "/".join(part.name for part in product.ingredients) == order.ingredient
    ]
    order, product = rng.choice(wrong)
    _open(nurse, next(patient for patient in the_ward.patients if patient.id == order.patient))
    state = nurse.scan(shelf.pack(product, rng, day).picture(), units=1)
    _expect_stop(nurse, "wrong-route", state, {"D9"}, proof)

    _open(nurse, case.patient)
    state = nurse.scan(shelf.expired(case.product, rng, day).picture(), units=1)
    _expect_stop(nurse, "expired-lot", state, {"G1"}, proof)


def _stop_given_again(nurse: VirtualNurse, case: Case, rng: random.Random, day: date, proof: Proof) -> None:
    _open(nurse, case.patient)
    state = nurse.scan(shelf.pack(case.product, rng, day).picture(), units=1)
    _expect_stop(nurse, "already-given", state, {"D5"}, proof)


def _expect_stop(nurse: VirtualNurse, case: str, state: State, rules: set[str], proof: Proof) -> None:
    told = [finding["rule"] for finding in state["findings"] if not finding["satisfied"]]
    proof.stops.append({"case": case, "level": state["level"], "rules": told})
    if state["level"] != "STOP" or state["state"] != "stopped":
        proof.differences.append(f"{case}: expected STOP, the kiosk says {state['level']} ({', '.join(told)})")
    elif not rules.intersection(told):
        proof.differences.append(f"{case}: expected a finding of {' or '.join(sorted(rules))}, found {', '.join(told)}")
    nurse.press("close")
    nurse.wait("the round", lambda now: now["state"] == "signed-in")


def _give(nurse: VirtualNurse, running: Hospital, case: Case, one: shelf.Pack, proof: Proof) -> AdministrationRecord:
    _open(nurse, case.patient)
    state = nurse.scan(one.picture(), units=1)
    if state["level"] not in _GIVEABLE:
        told = ", ".join(finding["rule"] for finding in state["findings"])
        raise PointOfCareError(f"the right dose was not permitted: {state['level']} ({told})")
    if state["state"] == "warned":
        state = nurse.press("acknowledge")
    state = nurse.wait("verified", lambda now: now["state"] == "giving")
    record_id = str(state["record_id"])
    if state["drawer"] is not None:
        state = nurse.wait("the drawer", lambda now: now["drawer"] != "opening")
        if state["drawer"] != "unlocked":
            proof.differences.append(f"the drawer did not unlock: {state['drawer']}")
    trace = state["trace"]
    confirmed_at = datetime.now(UTC)
    nurse.press("confirm", record_id=record_id)
    nurse.wait("recorded on the cart", lambda now: any(done["record_id"] == record_id and done["here"] for done in now["recorded"]))
    nurse.wait("in the EMR", lambda now: any(done["record_id"] == record_id and done["emr"] == "settled" for done in now["recorded"]))
    journal = running.directory / CART / "data" / at_rest.JOURNAL
    record, moments = _journalled(journal, record_id)
    names = ("frame", "decode", "verdict")
    times = [nurse.held_at, *(datetime.fromisoformat(trace[f"{name}_at"]) for name in names)]
    hops = [(name, end - begin) for name, begin, end in zip(names, times, times[1:], strict=False)]
    times = [confirmed_at, moments["journal"], moments["received"], moments["emr"]]
    hops += [(name, end - begin) for name, begin, end in zip(("journal", "server receipt", "EMR"), times, times[1:], strict=False)]
    proof.hops = [{"name": name, "ms": round(length / timedelta(milliseconds=1), 1)} for name, length in hops]
    nurse.press("close")
    nurse.wait("the round", lambda now: now["state"] == "signed-in")
    return record


def _journalled(journal: Path, record_id: str) -> tuple[AdministrationRecord, dict[str, datetime]]:
    """The cart's own row, read from its file beside it, and when it was written, received by the server and told of the EMR."""
    with sealed.reading(journal, at_rest.open_elsewhere(journal.parent)) as database:
        at, payload = database.execute("SELECT journalled_at, payload FROM entry WHERE record_id = ?", (record_id,)).fetchone()
        rows = database.execute("SELECT kind, min(at) FROM settlement WHERE record_id = ? GROUP BY kind", (record_id,)).fetchall()
        settled = database.execute("SELECT max(at) FROM settlement WHERE record_id = ? AND kind = 'emr'", (record_id,)).fetchone()
    moments = {"journal": datetime.fromisoformat(at), **{kind: datetime.fromisoformat(moment) for kind, moment in rows}}
    moments["emr"] = datetime.fromisoformat(settled[0])
    body = codec.decode(routes.ADMINISTRATION, payload).body
    return body.record, moments  # type: ignore[union-attr]


def _compare(running: Hospital, case: Case, one: shelf.Pack, person: StaffMember, record: AdministrationRecord, proof: Proof) -> None:
    """The journal against what was held up, and the EMR's resource against the journal."""
    expected = {
        "patient": case.patient.id,
        "order": case.order.id,
        "gtin": one.product.gtin,
        "lot": one.lot,
        "expiry": one.expiry,
        "serial": one.serial,
        "nurse": person.id,
        "status": "completed",
        "cart": CART,
    }
    for name, value in expected.items():
        if getattr(record, name) != value:
            proof.differences.append(f"journal: {name} is {getattr(record, name)!r}, held up was {value!r}")
    if running.emr is None:
        return
    resource = emr_check.read_back(running.emr.base_url, record.record_id, facility=ward.FACILITY)
    proof.emr_resource = f"MedicationAdministration/{resource['id']}"
    proof.differences += emr_check.differences(record, resource)


def _tell(console: Console, proof: Proof) -> None:
    hops = Table(title="One dose, hop by hop", title_justify="left")
    hops.add_column("hop")
    hops.add_column("ms", justify="right")
    for hop in proof.hops:
        hops.add_row(hop["name"], f"{hop['ms']:.1f}")
    console.print(hops)
    stops = Table(title="What had to be stopped", title_justify="left")
    for heading in ("case", "level", "rules"):
        stops.add_column(heading)
    for stop in proof.stops:
        stops.add_row(stop["case"], stop["level"], ", ".join(stop["rules"]))
    console.print(stops)
    if proof.ok:
        console.print(f"Proven: {proof.emr_resource} in the EMR equals record {proof.record_id} of the cart's journal. Seed {proof.seed}.")
    else:
        console.print("[bold]Not proven:[/bold]")
        for difference in proof.differences:
            console.print(f"  {difference}", markup=False, soft_wrap=True)
