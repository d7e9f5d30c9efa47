"""A day in a whole hospital of real programs: doses given through the kiosk, parts killed and started again, durable rows read.

Everything is driven from outside, by the buttons, the camera and the broker. Rows are read from the database files.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image

from cart_client import at_rest, sealed
from pointofcare.orders.order import Order
from pointofcare.people import Patient, StaffRole
from pointofcare.products import Controlled, HighAlert, Product
from pointofcare.wire import codec, routes
from pointofcare.wire.messages import AdministrationRecorded, Message
from simulation import emr_peer, hospital, labels, processes, shelf, ward
from simulation.hospital import Hospital
from simulation.nurse import State, VirtualNurse
from simulation.processes import Child
from simulation.ward import StaffMember

CART = ward.CARTS[0]
WAIT_S = 45.0
_READY = {"server": "pointofcare-server ready"}


@dataclass(frozen=True, kw_only=True)
class Dose:
    """An ordinary dose that is due now: one unit of a plain drug."""

    patient: Patient
    order: Order
    product: Product


def wait_until(true: Callable[[], bool], what: str, *, within_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s"
        pause.wait(0.05)


class HospitalDay:
    """One cart, one nurse. Each `next_dose` is another patient's or another order's, so that tests share the hospital."""

    def __init__(self, running: Hospital) -> None:
        self.hospital = running
        self._rng = random.Random(running.seed)
        self._doses = _doses(running)
        self._person = next(member for member in running.ward.staff if StaffRole.NURSE in member.roles)
        self._nurse: VirtualNurse | None = None

    # The nurse's way.

    @property
    def nurse(self) -> VirtualNurse:
        if self._nurse is None:
            self._nurse = VirtualNurse(CART, self.hospital.cart_urls[CART], self.hospital.hand, wait_s=WAIT_S)
        return self._nurse

    @property
    def badge(self) -> Image.Image:
        return labels.badge(self._person.name, self._person.roles[0].value, self._person.badge)

    @property
    def pin(self) -> str:
        return self._person.pin

    def next_dose(self) -> Dose:
        return self._doses.pop()

    def pack(self, product: Product, **changes: object) -> Image.Image:
        one = shelf.pack(product, self._rng, datetime.now(ZoneInfo(ward.TIMEZONE)).date())
        return replace(one, **changes).picture()  # type: ignore[arg-type]

    def online(self) -> None:
        self.nurse.wait("server and tables", lambda state: state["strip"]["link"] == "online" and not state["strip"]["missing"])

    def signed_in(self) -> None:
        """To the ward's list, from wherever the screen is."""
        state = self.nurse.screen()
        if state["state"] in ("idle", "badge"):
            self.nurse.sign_in(self.badge, self.pin)
        elif state["state"] != "signed-in":
            self.nurse.press("close")
            self.nurse.wait("the ward's list", lambda state: state["state"] == "signed-in")

    def at_patient(self, patient: Patient) -> State:
        self.signed_in()
        return self.nurse.open_patient(shelf.band_picture(patient)(), patient.id)

    def verify(self, dose: Dose, *, reason: str = "") -> str:
        """Up to the screen that says: may be given. `reason` answers what asks for one. The record's id."""
        self.at_patient(dose.patient)
        state = self.nurse.scan(self.pack(dose.product), units=1)
        if state["state"] == "awaiting-reason" and reason:
            asked = [finding["rule"] for finding in state["findings"] if not finding["satisfied"]]
            state = self.nurse.press("reason", reason=reason, satisfies=asked)
        if state["state"] == "warned":
            state = self.nurse.press("acknowledge")
        assert state["state"] == "giving", (state["state"], state["findings"], state["notice"])
        return str(state["record_id"])

    def confirm(self, record_id: str) -> State:
        """Press "given" and wait until the screen says that it is recorded here."""
        self.nurse.press("confirm", record_id=record_id)
        return self.nurse.wait("recorded here", lambda state: bool(_standing(state, record_id).get("here")))

    def give(self, *, reason: str = "") -> tuple[Dose, str]:
        dose = self.next_dose()
        record_id = self.verify(dose, reason=reason)
        self.confirm(record_id)
        return dose, record_id

    def standing(self, record_id: str) -> dict[str, object]:
        """What the screen says of a record: here, at_server, emr; {} when it is not shown."""
        return _standing(self.nurse.screen(), record_id)

    def words(self) -> str:
        """The kiosk's page in English, as a person reads it."""
        answer = httpx.get(f"{self.hospital.cart_urls[CART]}/part/main", cookies={"language": "en"}, trust_env=False, timeout=10)
        return answer.raise_for_status().text

    # What goes away and comes back.

    def child(self, name: str) -> Child:
        return next(child for child in self.hospital.children if child.name == name)

    def kill(self, name: str) -> Callable[[], None]:
        """SIGKILL to one program, as a power cut; what it gives starts the same program again and waits until it is ready."""
        child = self.child(name)
        process = psutil.Process(child.process.pid)
        argv, environment = process.cmdline(), process.environ()
        process.kill()
        child.process.wait(10)
        if name == CART:
            self.away()

        def again() -> None:
            made = processes.start(name, argv, log=child.log.with_suffix(f".{time.monotonic_ns()}.log"), environment=environment)
            self.hospital.children[self.hospital.children.index(child)] = made
            processes.wait_for_line(made, _READY.get(name, "ready"), timeout_s=WAIT_S)

        return again

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """SIGSTOP: it takes what is sent to it and does nothing, until it goes on or is killed."""
        process = self.child(name).process
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No file of the cart may grow or be written: every write fails, as on a full disk."""
        process = psutil.Process(self.child(CART).process.pid)
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (1, hard))
        try:
            yield
        finally:
            process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))

    def emr_again(self) -> None:
        old = self.hospital.emr
        assert old is not None
        self.hospital.emr = emr_peer.start(old.directory, port=old.port)

    def away(self) -> None:
        """The nurse goes, whoever is signed in."""
        if self._nurse is not None:
            self._nurse.close()
            self._nurse = None

    # Durable rows.

    def server_rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with _reading(self.hospital.directory / "server.sqlite") as database:
            return database.execute(sql, values).fetchall()

    def recorded(self, dose: Dose) -> list[str]:
        """The ids of all that the server has recorded of this dose's order."""
        return [str(row[0]) for row in self.server_rows("SELECT record_id FROM administrations WHERE order_id = ?", dose.order.id)]

    def journalled(self, dose: Dose) -> list[str]:
        """The ids of the administrations of this dose's order in the cart's journal."""
        with self._journal() as database:
            rows = database.execute("SELECT record_id, payload FROM entry WHERE kind = 'administration'").fetchall()
        return [record_id for record_id, payload in rows if json.loads(payload)["body"]["record"]["order"] == dose.order.id]

    def _journal(self) -> AbstractContextManager[Any]:
        data = self.hospital.directory / CART / "data"
        return sealed.reading(data / at_rest.JOURNAL, at_rest.open_elsewhere(data))

    def payload_of(self, record_id: str) -> bytes:
        """The message that the cart keeps for a record."""
        with self._journal() as database:
            return bytes(database.execute("SELECT payload FROM entry WHERE record_id = ?", (record_id,)).fetchone()[0])

    def arrived(self, dose: Dose, record_id: str) -> None:
        """Waits until the record is at the server and the cart knows it; then it must be there once, under its own id."""
        wait_until(lambda: record_id in self.recorded(dose), f"{record_id} at the server")
        self.nurse.wait("the receipt", lambda state: state["strip"]["unsent"] == 0)
        assert self.recorded(dose) == [record_id]
        assert self.journalled(dose) == [record_id]

    # Over the broker.

    def health(self) -> dict[str, object]:
        return dict(httpx.get(f"{self.hospital.server_url}/healthz", trust_env=False, timeout=10).json())

    def messages(self) -> dict[str, int]:
        """How many the gateway recorded, found to be duplicates, rejected, failed on."""
        return dict(self.health()["messages"])  # type: ignore[call-overload]

    def publish(self, account: str, payloads: Sequence[tuple[str, bytes]]) -> int:
        """Bytes as they are, over a second connection of `account`; how many the broker acknowledged."""
        password = json.loads((self.hospital.directory / "memory.json").read_text(encoding="utf-8"))["passwords"][account]
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{account}-stranger", protocol=mqtt.MQTTv311)
        client.username_pw_set(account, password)
        ready = threading.Event()
        client.on_connect = lambda *_: ready.set()
        client.connect(self.hospital.broker.host, self.hospital.broker.port)
        client.loop_start()
        try:
            assert ready.wait(10)
            sent = 0
            for topic, payload in payloads:
                info = client.publish(topic, payload, qos=1)
                info.wait_for_publish(10)
                sent += info.is_published()
            return sent
        finally:
            client.disconnect()
            client.loop_stop()

    def server_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`pointofcare-server` beside the running one, on the same database."""
        command = [sys.executable, "-m", "server", *arguments, "--config", str(self.hospital.directory / "server.toml")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def heal(self) -> None:
        """Whatever a test left broken is made whole for the next one."""
        if not self.hospital.broker.running:
            self.hospital.broker.start_again()

    @property
    def person(self) -> StaffMember:
        """The nurse."""
        return self._person

    def leave(self) -> None:
        """Nobody is signed in, and the nurse goes."""
        self.signed_in()
        self.nurse.press("sign-out")
        self.away()

    def stop(self) -> None:
        self.away()
        self.hospital.stop()


def start(directory: Path, *, seed: int = 11) -> HospitalDay:
    """A hospital with a broker, an EMR, a server and one cart, with its nurse signed in."""
    day = HospitalDay(hospital.start(directory, seed=seed, carts=(CART,), with_emr=True, bridge=False, progress=lambda _text: None))
    try:
        day.online()
        day.signed_in()
    except BaseException:
        day.stop()
        raise
    return day


def again(payload: bytes, *, route: routes.Route = routes.ADMINISTRATION) -> bytes:
    """The same message as another connection of the same cart would send it."""
    return codec.encode(replace(codec.decode(route, payload), sid="another-connection"))


def rewritten(payload: bytes, *, earlier: timedelta, **changes: object) -> Message:
    """Another record made from a kept one: all its times `earlier`, and `changes`."""
    message = codec.decode(routes.ADMINISTRATION, payload)
    body = message.body
    assert isinstance(body, AdministrationRecorded)
    record = body.record
    moved = replace(
        record,
        effective_at=record.effective_at - earlier,
        recorded_at=record.recorded_at - earlier,
        scans=tuple(replace(scan, at=scan.at - earlier) for scan in record.scans),
        **changes,  # type: ignore[arg-type]
    )
    return replace(message, sid="another-connection", id=str(uuid4()), body=replace(body, record=moved))


def _doses(running: Hospital) -> list[Dose]:
    now = datetime.now(UTC)
    patients = {patient.id: patient for patient in running.ward.patients}
    found = []
    for order in running.ward.orders:
        product = shelf.product_for(order, running.ward.products)
        if product is None or order.every is None or not order.verified or order.start is None or order.dose is None:
            continue
        plain = product.high_alert is HighAlert.NO and product.controlled is Controlled.NONE and not product.lasa and not product.hold
        unit = product.ingredients[0].amount if len(product.ingredients) == 1 else None
        if plain and unit is not None and order.dose.same_as(unit) and timedelta(minutes=-35) < now - order.start < timedelta(minutes=50):
            found.append(Dose(patient=patients[order.patient], order=order, product=product))
    return found


def _standing(state: State, record_id: str) -> dict[str, object]:
    return next((done for done in state["recorded"] if done["record_id"] == record_id), {})


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        yield database
    finally:
        database.close()
