"""`python -m tests.support.installed_day DIST DIRECTORY RESULT [--booted]`: docs/install.md typed on two machines, up to a dose in the EMR.

Run behind `installed_machine.ALONE`. What a person decides is decided here: the answers, the cart's settings, the hospital's files, the
claim that is copied from one screen to the other. What was seen is written to RESULT as JSON.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import ssl
import sys
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cart_client import at_rest, sealed
from pointofcare.administration.record import AdministrationRecord
from pointofcare.people import StaffRole
from pointofcare.wire import codec, routes
from simulation import emr_check, emr_peer, files, labels, shelf, ward
from simulation.camera import VirtualCamera
from simulation.nurse import VirtualNurse
from simulation.ordinary import ordinary_dose
from tests.support import installed_guide
from tests.support.installed_machine import HOST, Booted, Machine, prepare_network, until

CART = "cart-17"
PASSWORD = "seven quiet rivers meet"
KIOSK = "http://127.0.0.1:8081"
DATA = "var/lib/pointofcare"
WAIT_S = 60.0
_RUNNING = (("cart", ("pointofcare-cart",)), ("server", ("pointofcare-server", "pointofcare-nats")))
UNITS = ("pointofcare-nats", "pointofcare-server", "pointofcare-migrate", "pointofcare-cart")


class Day:
    """The two machines and what is held before the cart. `seen` is the result."""

    def __init__(self, dist: Path, directory: Path, stack: ExitStack, *, machine: type[Machine] = Machine) -> None:
        self.directory = directory
        self.machines = {name: machine(directory / name) for name in ("server", "cart")}
        self.seen: dict[str, Any] = {}
        for name, machine in self.machines.items():
            (package,) = dist.glob(f"pointofcare-{name}_*.deb")
            shutil.copy(package, machine.root / "srv/hospital")
        self.emr = stack.enter_context(emr_peer.start(directory / "emr"))
        self.hand = VirtualCamera([CART])
        self.hand.start()
        stack.callback(self.hand.stop)
        self.ward = ward.build(7, datetime.now(UTC).replace(second=0, microsecond=0), secret="installed")
        self.claim = ""

    def walk(self) -> None:
        for step in installed_guide.steps():
            try:
                self._step(step)
            except AssertionError as exc:
                raise AssertionError(f"docs/install.md, chapter {step.chapter}, on the {step.machine}:\n{exc}") from exc

    def _step(self, step: installed_guide.Step) -> None:
        """One block, with what a person does before and after it."""
        machine, lines = self.machines[step.machine], step.lines
        if "import staff.csv" in lines:
            self._files(machine)
        if "install" in lines and "server-key.json" in lines and step.machine == "cart":
            shutil.copy(self.machines["server"].root / DATA / "server/server-key.json", machine.root / "srv/hospital/server-key.json")
        if "pointofcare-cart enrol" in lines:
            lines = lines.replace("--token ... --ca-sha256 ...", self.claim)
        said = machine.sh(lines, said=PASSWORD + "\n")
        if "answers.toml /etc" in lines:
            self._answers(machine)
        if "examples/cart.toml" in lines:
            self._cart_settings(machine)
        if "ca claim" in lines:
            (self.claim,) = re.findall(r"(--token \S+ --ca-sha256 \S+)", said)
        if "--check" in lines and "setup" in lines:
            self.seen["checked"] = said
        if "enable --now pointofcare-server" in lines:
            until("the server", lambda: "pointofcare-server ready" in machine.log("pointofcare-server"))
        if "/healthz" in lines:
            self.seen["healthz"] = until("the broker", lambda: self._connected(machine))
        if "enable --now pointofcare-cart" in lines:
            until("the cart", lambda: "ready http" in machine.log("pointofcare-cart"))

    def _answers(self, machine: Machine) -> None:
        path = machine.root / "etc/pointofcare/answers.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('target = "folder"', f'target = "fhir"\nbase_url = "{self.emr.base_url}"'), encoding="utf-8")

    def _cart_settings(self, machine: Machine) -> None:
        path = machine.root / "etc/pointofcare/cart.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(
            re.sub(r"^camera = .*$", f'camera = "mjpeg:{self.hand.video_url(CART)}"', text, flags=re.MULTILINE), encoding="utf-8"
        )

    def _files(self, machine: Machine) -> None:
        for path in files.write(self.ward, machine.root / "srv/hospital"):
            path.chmod(0o644)

    def _connected(self, machine: Machine) -> dict[str, Any] | None:
        context = ssl.create_default_context(cafile=str(machine.root / DATA / "server/broker-tls/ca.pem"))
        try:
            with urllib.request.urlopen(f"https://{HOST}/healthz", timeout=10, context=context) as answer:
                found: dict[str, Any] = json.load(answer)
        except OSError:  # it is starting
            return None
        return found if found["broker"] == "connected" else None

    def give(self) -> None:
        """Badge, PIN, wristband, pack, confirmation; then the record in the EMR and in PostgreSQL."""
        rng = random.Random(7)
        case = ordinary_dose(self.ward, rng, datetime.now(UTC))
        person = next(member for member in self.ward.staff if StaffRole.NURSE in member.roles)
        one = shelf.pack(case.product, rng, datetime.now(ZoneInfo(ward.TIMEZONE)).date())
        nurse = VirtualNurse(CART, KIOSK, self.hand, wait_s=WAIT_S)
        nurse.wait("signed tables", lambda state: not state["strip"]["missing"] and state["strip"]["link"] == "online")
        nurse.sign_in(labels.badge(person.name, person.roles[0].value, person.badge), person.pin)
        nurse.open_patient(shelf.band_picture(case.patient)(), case.patient.id)
        state = nurse.scan(one.picture(), units=1)
        assert state["level"] in ("PASS", "NOTE", "WARN"), state["findings"]
        if state["state"] == "warned":
            nurse.press("acknowledge")
        state = nurse.wait("verified", lambda now: now["state"] == "giving")
        record_id = str(state["record_id"])
        nurse.press("confirm", record_id=record_id)
        nurse.wait("in the EMR", lambda now: any(done["record_id"] == record_id and done["emr"] == "settled" for done in now["recorded"]))
        nurse.close()
        record = self._journalled(record_id)
        expected = {"patient": case.patient.id, "order": case.order.id, "gtin": one.product.gtin, "lot": one.lot}
        expected |= {"nurse": person.id, "cart": CART}
        resource = emr_check.read_back(self.emr.base_url, record_id, facility=ward.FACILITY)
        self.seen |= {
            "record": record_id,
            "held": expected,
            "journalled": {name: getattr(record, name) for name in expected},
            "differences": emr_check.differences(record, resource),
            "in_emr": emr_check.count(self.emr.base_url),
            "in_postgresql": self._rows(record_id),
        }

    def _rows(self, record_id: str) -> str:
        query = f"SELECT count(*) FROM administrations WHERE record_id = '{record_id}'"
        return (
            self.machines["server"].sh(f'runuser -u pointofcare -- psql -X -At -d pointofcare -h /var/run/postgresql -c "{query}"').strip()
        )

    def _journalled(self, record_id: str) -> AdministrationRecord:
        """From a copy: whoever opens a cart's journal leaves files beside it."""
        copy = self.directory / "journal"
        shutil.copytree(self.machines["cart"].root / DATA / "cart", copy)
        with sealed.reading(copy / "data" / at_rest.JOURNAL, at_rest.open_elsewhere(copy / "data")) as database:
            (payload,) = database.execute("SELECT payload FROM entry WHERE record_id = ?", (record_id,)).fetchone()
        record: AdministrationRecord = codec.decode(routes.ADMINISTRATION, payload).body.record  # type: ignore[union-attr]
        return record

    def look_at_units(self) -> None:
        """With every program in its place; the screen's own, which a machine without a screen lacks, is left out."""
        said = ""
        for name, machine in self.machines.items():
            units = machine.sh("ls /lib/systemd/system/pointofcare-*.service | grep -v kiosk").split()
            found = machine.sh(f"/usr/bin/systemd-analyze verify --man=no --recursive-errors=no {' '.join(units)} || true")
            said += "".join(f"{name}: {line}\n" for line in found.splitlines() if "pointofcare" in line)
        self.seen["units"] = said

    def stop(self) -> None:
        """As a machine that is switched off: each program ends when it is asked to."""
        for name, units in _RUNNING:
            for unit in units:
                machine = self.machines[name]
                said = machine.sh(f"[ -d /proc/{machine.process(unit)} ] && systemctl stop {unit} && echo stopped")
                self.seen.setdefault("stopped", {})[unit] = "stopped" in said
        self.machines["server"].sh("systemctl stop nginx; pg_ctlcluster 15 main stop")

    def fall(self) -> None:
        """Each program is killed, then the power of both machines is cut: all comes back by itself, and the dose is still there."""
        for name, units in _RUNNING:
            machine = self.machines[name]
            for unit in units:
                before = machine.process(unit)
                machine.sh(f"systemctl kill -s KILL {unit}")
                until(f"{unit} after its death", lambda machine=machine, unit=unit, before=before: machine.process(unit) not in (0, before))
        for machine in self.machines.values():
            assert isinstance(machine, Booted)
            machine.cut_power()
        for name, units in _RUNNING:
            for unit in units:
                until(f"{unit} after the power cut", lambda name=name, unit=unit: self.machines[name].process(unit))
        self.seen["healthz"] = until("the broker after the power cut", lambda: self._connected(self.machines["server"]))
        said = "".join(machine.sh("systemctl list-units --failed --no-legend 'pointofcare-*'") for machine in self.machines.values())
        self.seen["failed_units"] = said.strip()
        self.seen["in_postgresql_afterwards"] = self._rows(self.seen["record"])

    def logs(self) -> str:
        return "\n".join(f"== {unit}\n{one.log(unit)[-3000:]}" for one in self.machines.values() for unit in UNITS if one.log(unit))


def main(arguments: list[str]) -> int:
    booted = "--booted" in arguments
    dist, directory, result = (Path(each) for each in arguments if each != "--booted")
    prepare_network(directory)
    with ExitStack() as stack:
        day = Day(dist, directory, stack, machine=Booted if booted else Machine)
        try:
            day.walk()
            day.look_at_units()
            day.give()
            if booted:
                day.fall()
            day.stop()
        except Exception as exc:  # noqa: BLE001 - whatever it was is the result
            day.seen["failed"] = f"{type(exc).__name__}: {exc}\n{day.logs()}"
        result.write_text(json.dumps(day.seen, default=str), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
