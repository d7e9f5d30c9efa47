"""`make demo-emr ARGS=--once`: an order comes from a real FHIR server to the bedside, its dose arrives there, and a stop comes back.

As `once`, with the other direction: the orders are in the hospital's own system alone. How long each way took is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from pointofcare.errors import PointOfCareError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import StaffRole
from pointofcare.wire.messages import TableKind
from server import config as configuration
from server.app import bare_app
from server.store import orders, versions
from server.store.orders import OrderView
from server.store.transaction import Actor, reading, transaction
from server.usecases import orders as order_verbs
from simulation import hospital, once, sekmet_ward, shelf, ward
from simulation.hospital import Hospital
from simulation.nurse import VirtualNurse
from simulation.ordinary import Case

CART = once.CART
_PHARMACIST = Actor(id="S-pharmacist1", name="Pharmacist", roles=frozenset({StaffRole.PHARMACIST}))
_PATIENCE_S = 60.0


@dataclass(slots=True)
class Proof:
    """`ways` are what was timed, in seconds; `differences` empty is what makes it a proof."""

    seed: int
    ways: dict[str, float] = field(default_factory=dict)
    emr_resource: str | None = None
    differences: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        told = {"seed": self.seed, "ways_s": self.ways, "emr_resource": self.emr_resource, "differences": self.differences}
        return {"ok": not self.differences, **told}


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pointofcare-demo emr-once", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="which ward, patient, drug, lot (default: drawn)")
    parser.add_argument("--json", type=Path, help="write the result to this file too")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False)
    proof = Proof(seed=chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6))
    directory = Path(tempfile.mkdtemp(prefix="pointofcare-emr-once-"))
    running: Hospital | None = None
    try:
        console.print(f"Seed {proof.seed}. Starting broker, EMR, server, cart, microcontroller ...")
        running = hospital.start(
            directory, seed=proof.seed, carts=(CART,), with_emr=True, with_feed=True, progress=lambda text: console.print(f"  {text}")
        )
        _prove(running, proof, console)
    except PointOfCareError as error:
        proof.differences.append(str(error))
    finally:
        if running is not None:
            running.stop()
        shutil.rmtree(directory, ignore_errors=True)
    _tell(console, proof)
    if chosen.json:
        chosen.json.write_text(json.dumps(proof.plain(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if proof.differences else 0


def _prove(running: Hospital, proof: Proof, console: Console) -> None:
    assert running.emr is not None
    rng = random.Random(f"emr-once-{proof.seed}")
    day = datetime.now(ZoneInfo(ward.TIMEZONE)).date()
    given, stopped = running.from_emr
    app = bare_app(configuration.load(running.directory / "server.toml"))
    nurse = VirtualNurse(CART, running.cart_urls[CART], running.hand)
    person = rng.choice([member for member in running.ward.staff if StaffRole.NURSE in member.roles])
    try:
        with app.app_context():
            console.print(f"{given.order.display} for {given.patient.name} is ordered in the EMR alone")
            for case in (given, stopped):
                arrived = _until(f"order {case.order.id} from the EMR", lambda case=case: _order(case.order.id))  # type: ignore[misc]
                with transaction(_PHARMACIST) as tx:
                    order_verbs.verify(tx, _PHARMACIST, arrived.order.id, arrived.order.version)
            once._sign_in(nurse, person)
            _chart(nurse, given)
            told = once.Proof(seed=proof.seed)
            pack = shelf.pack(given.product, rng, day)
            record = once._give(nurse, running, given, pack, told)
            once._compare(running, given, pack, person, record, told)
            proof.differences += told.differences
            proof.emr_resource = told.emr_resource
            begun = time.monotonic()
            sekmet_ward.stop(running.emr, stopped.order)
            _until("the stop at the server", lambda: _is_stopped(stopped.order.id))
            proof.ways["stop: EMR to server"] = round(time.monotonic() - begun, 2)
            _chart(nurse, stopped)
            proof.ways["stop: EMR to the cart's chart"] = round(time.monotonic() - begun, 2)
            once._open(nurse, stopped.patient)
            state = nurse.scan(shelf.pack(stopped.product, rng, day).picture(), units=1)
            if state["level"] != "STOP":
                proof.differences.append(f"an order that was stopped in the EMR is {state['level']} at the bedside")
    finally:
        nurse.close()


def _order(key: str) -> OrderView | None:
    with reading(_PHARMACIST) as tx:
        return orders.find(tx, key)


def _is_stopped(key: str) -> bool:
    found = _order(key)
    return found is not None and found.order.status is OrderStatus.STOPPED


def _chart(nurse: VirtualNurse, case: Case) -> None:
    """Until the cart holds what the server holds."""
    with reading(_PHARMACIST) as tx:
        newest = versions.of_ward(tx, case.patient.ward or "")[TableKind.PATIENT_CHART]
    nurse.wait("the newest chart", lambda state: (state["strip"]["chart_version"] or 0) >= newest)


def _until(what: str, look: Callable[[], Any]) -> Any:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise PointOfCareError(f"not within {_PATIENCE_S:.0f} s: {what}", remedy="see log/server.log")


def _tell(console: Console, proof: Proof) -> None:
    table = Table(title="From the EMR and back", title_justify="left")
    table.add_column("way")
    table.add_column("s", justify="right")
    for way, length_s in proof.ways.items():
        table.add_row(way, f"{length_s:.2f}")
    console.print(table)
    if proof.differences:
        console.print("[bold]Not proven:[/bold]")
        for difference in proof.differences:
            console.print(f"  {difference}", markup=False, soft_wrap=True)
    else:
        console.print(
            f"Proven. Seed {proof.seed}: an order of the EMR was given, {proof.emr_resource} is there, and a stop there is a STOP here."
        )
