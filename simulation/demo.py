"""`make demo`: the whole hospital on this machine, for a person to walk through, until Ctrl-C."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pointofcare.errors import PointOfCareError
from pointofcare.wire import routes
from pointofcare.wire.training import is_training
from simulation import gnuhealth_ward, hospital, phones, ward
from simulation.fleet import beside
from simulation.hospital import Hospital
from simulation.processes import start


def run(arguments: Sequence[str], *, training: bool = False) -> int:
    """Start, print the addresses, wait for Ctrl-C or SIGTERM, stop. Returns the exit code."""
    name, again = ("training", "make training RESET=1") if training else ("demo", "make demo RESET=1")
    parser = argparse.ArgumentParser(prog=f"pointofcare-demo {name}", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="forget the state of earlier runs")
    parser.add_argument("--seed", type=int, default=1, help="which virtual ward (of a new state)")
    parser.add_argument("--directory", type=Path, default=hospital.default_directory(name), help="where the state lies")
    parser.add_argument(
        "--emr",
        choices=("folder",) if training else ("folder", "sekmet", "gnuhealth"),
        default="folder",
        help="write FHIR bundles to a folder, or into a real FHIR server, or work with a real GNU Health both ways (make gnuhealth)",
    )
    parser.add_argument(
        "--phones-at",
        default=phones.LOCAL,
        metavar="ADDRESS",
        help="this machine's address in your network, to use a real phone as a cart (default: this machine's own browser alone)",
    )
    chosen = parser.parse_args(arguments)
    if chosen.emr == "gnuhealth":
        again = "make gnuhealth RESET=1"
    console = Console(highlight=False)
    if chosen.reset and chosen.directory.exists():
        shutil.rmtree(chosen.directory)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    begun = time.monotonic()
    try:
        with console.status("Starting") as status:

            def progress(text: str) -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                console.print(f"  {time.monotonic() - begun:5.1f} s  {text}")
                status.update(text)

            running = hospital.start(
                chosen.directory,
                seed=chosen.seed,
                facility=ward.TRAINING if training else ward.FACILITY,
                with_emr=chosen.emr == "sekmet",
                with_feed=chosen.emr == "sekmet",
                with_gnuhealth=chosen.emr == "gnuhealth",
                virtual_fleet=True,
                phones=phones.NAMES,
                phones_at=chosen.phones_at,
                progress=progress,
            )
    except KeyboardInterrupt:
        console.print("Stopped while starting.")
        return 130
    except PointOfCareError as error:
        console.print(f"[bold]The {name} could not start.[/bold] {error}", markup=True, soft_wrap=True)
        return 1
    _history(running)
    console.print(f"\nUp in {time.monotonic() - begun:.1f} s. State: {chosen.directory} ({again} starts anew)\n")
    _tell(console, running)
    reported: set[str] = set()
    while not stop.wait(0.5):
        for child in running.children:
            if child.process.poll() is not None and child.name not in reported:
                reported.add(child.name)
                console.print(f"{child.name} has ended (code {child.process.returncode}); its log: {child.log}", soft_wrap=True)
    console.print("\nStopping ...")
    killed = running.stop()
    console.print("Stopped." + (f" Had to be killed: {', '.join(killed)}" if killed else ""))
    return 0


def _history(running: Hospital) -> None:
    """Weeks of made-up quality figures, written beside what runs; once for each state."""
    command = [sys.executable, "-m", "simulation.quality_month", str(running.directory / "server.toml"), "--seed", str(running.seed)]
    start("quality-month", command, log=running.directory / "log" / "quality-month.log")


def _tell(console: Console, running: Hospital) -> None:
    places = Table(title="Where to go", title_justify="left", show_lines=False)
    for heading in ("what", "who", "address"):
        places.add_column(heading, overflow="fold")
    places.add_row(
        "web pages: orders, ward board, review, EMR, fleet", "pharmacist, prescriber, charge nurse, managers", running.server_url
    )
    for cart, url in running.cart_urls.items():
        places.add_row(f"kiosk of {cart}", "nurse", url)
    places.add_row("virtual hand: hold badges, wristbands and packs before a cart's camera", "you", running.hand.url)
    if running.gate_url:
        places.add_row("phone as a cart (pair it first, see below)", "nurse", running.gate_url)
    if running.emr:
        places.add_row("EMR (FHIR R4), from which orders come and in which doses arrive", "", running.emr.base_url)
        for case in running.from_emr:
            places.add_row(f"ordered in the EMR alone: {case.order.display}, {case.patient.name}", "pharmacist, then nurse", "")
    if running.gnuhealth:
        places.add_row("EMR (GNU Health HIS), for Tryton's client", "", gnuhealth_ward.sign_in(running.gnuhealth))
    console.print(places)
    people = Table(title="Sign-ins (drawn for this folder; nobody has a default password)", title_justify="left")
    for heading in ("role", "web user", "password", "cart PIN"):
        people.add_column(heading, overflow="fold")
    for row in hospital.sign_ins(running):
        people.add_row(*row)
    console.print(people)
    console.print(
        "A dose: open a kiosk and the virtual hand side by side. Hold a nurse's badge, type the PIN, hold a wristband,\n"
        "hold that patient's pack.\n"
        "The fleet, as any MQTT client sees it:"
    )
    console.print(
        f"Carts that are called {beside.PREFIX}-... are made up, hardware and all: {beside.COUNT} of other wards, for the fleet page."
    )
    topic = routes.STATE.filter(facility=running.facility).rsplit("/", 1)[0] + "/#"
    console.print(
        f"  mosquitto_sub -h 127.0.0.1 -p {running.broker.port} -u viewer -P {running.viewer.password} -v -t '{topic}'",
        soft_wrap=True,
        markup=False,
    )
    if running.gate_url:
        _tell_phones(console, running)
    if is_training(running.facility):
        console.print("\nTRAINING: nobody here is a real patient, and every screen says so.")
    console.print("\nCtrl-C stops everything.")


def _tell_phones(console: Console, running: Hospital) -> None:
    console.print(
        f"\nA phone as a cart: sign in at the web address as the fleet manager, open {running.server_url}/phones/ , write "
        f"{running.phones[0]}, press the button,\nand scan the QR code with the phone (or open its link here). The certificate is of this "
        f"demo's own authority: a browser warns once,\nunless {running.directory / 'ca' / 'ca.pem'} is installed on it.",
        soft_wrap=True,
    )
    if phones.LOCAL in running.gate_url:
        name = "training" if is_training(running.facility) else "demo"
        console.print(f'A phone in your network: make {name} ARGS="--phones-at THIS-MACHINES-ADDRESS"', soft_wrap=True, markup=False)
