"""A real GNU Health HIS as a child process, from the package registry, in an environment of its own.

For the tests and to play with: another project's hospital system with its own database, so what is read back from it proves something.
Its database is made once and copied for each start. It listens on loopback only and ends when its parent ends, however that ends.
Must never be a hospital's GNU Health: its passwords stand in this file.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from pointofcare.errors import EmrError, EmrUnavailableError
from server.emr import gnuhealth
from server.emr.tryton import Place, Tryton

HOME = Path(os.environ.get("POINTOFCARE_GNUHEALTH", Path(__file__).parents[1] / ".venv-gnuhealth"))
REQUIREMENTS = Path(__file__).parents[1] / "deploy" / "gnuhealth-requirements.txt"
DATABASE = "hospital"
ADMIN, NURSE, CLERK = "admin", "bedside", "clerk"
# Of a system that only ever listens on this machine and holds nobody's record.
PASSWORDS = {ADMIN: "gnu-health-admin-1", NURSE: "gnu-health-bedside-1", CLERK: "gnu-health-clerk-1"}
TIMEZONE = "Asia/Ho_Chi_Minh"
_FILE = f"{DATABASE}.sqlite"
# Its end of the pipe closes when the parent is gone, killed or not; then so does the child.
_CHILD = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
sys.argv = [os.path.join(os.path.dirname(sys.executable), "trytond"), "-c", sys.argv[1], "-d", sys.argv[2]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class RunningGnuHealth:
    """`base_url` and `DATABASE` are what a client needs. `stop` ends it and waits; `kill` is the same without a goodbye."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path, port: int, scheme: str = "http") -> None:
        self._process = process
        self.directory = directory
        self.port = port
        self.base_url = f"{scheme}://127.0.0.1:{port}"

    def client(self, user: str = ADMIN) -> Tryton:
        place = Place(base_url=self.base_url, database=DATABASE, username=user, password=PASSWORDS[user], timeout_s=30.0)
        return Tryton(place)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """It takes connections and answers nobody."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _close(self) -> None:
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()


def installed() -> bool:
    return (HOME / "bin" / "trytond-admin").exists()


def start(directory: Path, *, port: int | None = None, timeout_s: float = 60.0, tls: tuple[Path, Path] | None = None) -> RunningGnuHealth:
    """Start it with its database in `directory`: a copy of the prepared one when there is none, so that a second start finds the same
    data. With TLS where a certificate and its key are given.

    Raises: EmrUnavailableError when it is not installed or does not answer in `timeout_s`; its log is in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / _FILE).exists():
        shutil.copyfile(prepared(), directory / _FILE)
    return _served(directory, port or _free_port(), timeout_s, tls)


def prepared() -> Path:
    """The database file of a small hospital; made at the first call, which takes a minute, and kept beside the environment."""
    if not installed():
        raise EmrUnavailableError("GNU Health is not installed", remedy="bash deploy/setup.sh gnuhealth")
    modules = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    people = hashlib.sha256(Path(__file__).read_bytes() + repr(gnuhealth.RIGHTS).encode()).hexdigest()[:8]
    folder = HOME / "prepared"
    folder.mkdir(exist_ok=True)
    base, kept = folder / f"{modules}.sqlite", folder / f"{modules}-{people}.sqlite"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not base.exists():
            with _made(base) as work:
                _installed_modules(work)
        if not kept.exists():
            for older in folder.glob(f"{modules}-*.sqlite"):
                older.unlink()
            with _made(kept) as work:
                shutil.copyfile(base, work / _FILE)
                running = _served(work, _free_port(), 60.0)
                try:
                    _hospital(running)
                finally:
                    running.stop()
    return kept


@contextlib.contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A folder to make the database file in; whole or not at all at its place afterwards."""
    work = target.with_suffix(".making")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    yield work
    (work / _FILE).rename(target)
    shutil.rmtree(work)


def _settings(directory: Path, port: int, tls: tuple[Path, Path] | None = None) -> Path:
    path = directory / "trytond.conf"
    lines = ["[database]", "uri = sqlite://", f"path = {directory}", "list = False", "[web]", f"listen = 127.0.0.1:{port}"]
    lines += ["[session]", "authentications = password", "[password]", "length = 8", ""]
    lines += ["[ssl]", f"certificate = {tls[0]}", f"privatekey = {tls[1]}", ""] if tls else []
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _installed_modules(directory: Path) -> None:
    (directory / _FILE).touch()
    secret = directory / "password"
    secret.write_text(PASSWORDS[ADMIN], encoding="utf-8")
    command = [str(HOME / "bin" / "trytond-admin"), "-c", str(_settings(directory, 0)), "-d", DATABASE, "--email", "admin@ward.test"]
    command += ["-u", "health_inpatient", "--activate-dependencies"]
    done = subprocess.run(
        command, env={**_environment(), "TRYTONPASSFILE": str(secret)}, cwd=directory, capture_output=True, text=True, check=False
    )
    secret.unlink()
    if done.returncode != 0:
        raise EmrUnavailableError(f"GNU Health's database was not made: {done.stderr[-2000:]}", remedy="see what it says")


def _served(directory: Path, port: int, timeout_s: float, tls: tuple[Path, Path] | None = None) -> RunningGnuHealth:
    log = directory / "trytond.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(HOME / "bin" / "python"), "-c", _CHILD, str(_settings(directory, port, tls)), DATABASE],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=_environment(),
        )
    running = RunningGnuHealth(process, directory, port, "https" if tls else "http")
    deadline = time.monotonic() + timeout_s
    question = {"id": 1, "method": "common.server.version", "params": []}
    with httpx.Client(trust_env=False, timeout=5.0, verify=False) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if client.post(f"{running.base_url}/", json=question).status_code == 200:
                    return running
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
                break
    running.kill()
    raise EmrUnavailableError(f"GNU Health did not start; see {log}", remedy="read the last lines of that file")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("TRYTON", "PYTHON", "VIRTUAL_ENV"))}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Desk:
    """What people do at GNU Health's own screens, by the calls that its own client makes."""

    def __init__(self, tryton: Tryton) -> None:
        self._tryton = tryton

    def create(self, model: str, /, **values: object) -> int:
        return int(self._tryton.call(f"model.{model}.create", [values], writes=True)[0])

    def write(self, model: str, number: int, /, **values: object) -> None:
        self._tryton.call(f"model.{model}.write", [number], values, writes=True)

    def delete(self, model: str, number: int) -> None:
        self._tryton.call(f"model.{model}.delete", [number], writes=True)

    def press(self, model: str, button: str, number: int) -> None:
        self._tryton.call(f"model.{model}.{button}", [number], writes=True)

    def one(self, model: str, *clause: object) -> int:
        """The number of the only row that fits. Raises: EmrUnavailableError."""
        found = self._tryton.search(model, [list(clause)], ("id",), limit=2)
        if len(found) != 1:
            raise EmrUnavailableError(f"{len(found)} rows of {model} for {clause}")
        return int(found[0]["id"])

    def rows(self, model: str, domain: Sequence[object], *names: str) -> list[dict[str, Any]]:
        return self._tryton.search(model, domain, names)

    def person(self, given: str, family: str, puid: str, **values: object) -> int:
        more = {"is_person": True, "gender": "f", "fed_country": "VNM", "ref": puid, "lastname": family, **values}
        return self.create("party.party", name=given, **more)

    def patient(self, given: str, family: str, puid: str, **values: object) -> int:
        """A patient's number; GNU Health makes the patient of a person that is marked as one."""
        party = self.person(given, family, puid, is_patient=True, **values)
        found = self._tryton.search("gnuhealth.patient", [["party", "=", party]], ("id",), limit=1)
        return int(found[0]["id"]) if found else self.create("gnuhealth.patient", party=party)

    def professional(self, given: str, family: str, puid: str, licence: str, user: int | None = None) -> int:
        party = self.person(given, family, puid, is_healthprof=True, internal_user=user)
        found = self._tryton.search("gnuhealth.healthprofessional", [["party", "=", party]], ("id",), limit=1)
        if found:
            self.write("gnuhealth.healthprofessional", found[0]["id"], code=licence)
            return int(found[0]["id"])
        return self.create("gnuhealth.healthprofessional", party=party, code=licence)

    def ward(self, name: str) -> int:
        return self.create("gnuhealth.hospital.ward", name=name, institution=self.one("gnuhealth.institution", "id", ">", 0))

    def bed(self, name: str, ward: int) -> int:
        product = self._product(name, is_bed=True)
        institution = self.one("gnuhealth.institution", "id", ">", 0)
        return self.create("gnuhealth.hospital.bed", product=product, ward=ward, institution=institution, bed_type="gatch")

    def drug(self, name: str, ingredient: str) -> int:
        return self.create("gnuhealth.medicament", product=self._product(name, is_medicament=True), active_component=ingredient)

    def admit(self, patient: int, bed: int) -> int:
        """Confirmed and hospitalized, the number of the registration."""
        now = datetime.now(UTC)
        # GNU Health compares the day in UTC with its own local one: in the small hours it would admit nobody who comes now.
        today = datetime.combine(now.astimezone(ZoneInfo(TIMEZONE)).date(), now.time(), UTC)
        stay = self.create(
            "gnuhealth.inpatient.registration", patient=patient, bed=bed, admission_type="routine",
            hospitalization_date=today, discharge_date=today + timedelta(days=7),
        )  # fmt: skip
        self.press("gnuhealth.inpatient.registration", "confirmed", stay)
        self.press("gnuhealth.inpatient.registration", "admission", stay)
        if today != now:
            self.write("gnuhealth.inpatient.registration", stay, hospitalization_date=now)
        return stay

    def prescribe(
        self,
        stay: int,
        drug: int,
        dose: float,
        unit: str,
        *,
        form: str = "TAB",
        route: str = "PO",
        times: Sequence[clock_time] = (),
        **values: object,
    ) -> int:
        more: dict[str, object] = {"start_treatment": datetime.now(UTC) - timedelta(hours=1), "qty": 1, "is_active": True, **values}
        if times:
            more["admin_times"] = [["create", [{"admin_time": _clock(at)} for at in times]]]
        return self.create(
            "gnuhealth.inpatient.medication", registration=stay, medicament=drug, dose=dose,
            dose_unit=self.one("gnuhealth.dose.unit", "code", "=", unit),
            route=self.one("gnuhealth.drug.route", "code", "=", route), form=self.one("gnuhealth.drug.form", "code", "=", form), **more,
        )  # fmt: skip

    def stop(self, medication: int, why: str) -> None:
        self.write("gnuhealth.inpatient.medication", medication, is_active=False, discontinued=True, discontinued_reason=why)

    def group(self, name: str, rights: Mapping[str, Sequence[str]]) -> int:
        """A group that may do this and nothing more."""
        group = self.create("res.group", name=name)
        for model, allowed in rights.items():
            flags = {f"perm_{right}": right in allowed for right in ("read", "write", "create", "delete")}
            self.create("ir.model.access", model=self.one("ir.model", "model", "=", model), group=group, **flags)
        return group

    def user(self, login: str, groups: Sequence[int]) -> int:
        company = self.one("company.company", "id", ">", 0)
        return self.create(
            "res.user", name=login, login=login, password=PASSWORDS[login], companies=[["add", [company]]], company=company,
            groups=[["add", list(groups)]],
        )  # fmt: skip

    def _product(self, name: str, **flags: bool) -> int:
        unit = self._tryton.search("product.uom", [["symbol", "=", "u"]], ("id",), limit=1)[0]["id"]
        template = self.create(
            "product.template", name=name, type="goods", default_uom=unit, products=[["create", [dict(flags)]]],
        )  # fmt: skip
        return int(self._tryton.search("product.product", [["template", "=", template]], ("id",), limit=1)[0]["id"])


def _clock(at: clock_time) -> Mapping[str, object]:
    return {"__class__": "time", "hour": at.hour, "minute": at.minute, "second": at.second, "microsecond": 0}


def _hospital(running: RunningGnuHealth) -> None:
    """A company with a time zone, its institution, the account of the bedside system with its health professional, and one without."""
    with contextlib.closing(running.client()) as tryton:
        desk = Desk(tryton)
        party = desk.create("party.party", name="Bệnh viện thử", is_institution=True, is_person=False)
        currency = desk.create("currency.currency", name="đồng", code="VND", symbol="₫", rounding=_decimal("1"), digits=0)
        company = desk.create("company.company", party=party, currency=currency, timezone=TIMEZONE)
        admin = desk.one("res.user", "login", "=", ADMIN)
        desk.write("res.user", admin, companies=[["add", [company]]], company=company)
    with contextlib.closing(running.client()) as tryton:
        desk = Desk(tryton)
        desk.create("gnuhealth.institution", party=party, code="BVT", institution_type="hospital", public_level="public")
        desk.professional("Quản trị", "Người", "ADMIN1", "ADMIN1", admin)
        group = desk.group("Bedside system", gnuhealth.RIGHTS)
        desk.professional("Bên giường", "Hệ thống", "BCMA1", "BCMA1", desk.user(NURSE, [group]))
        desk.user(CLERK, [group])


def _decimal(text: str) -> Mapping[str, str]:
    return {"__class__": "Decimal", "decimal": text}


def main() -> int:
    """Makes the prepared database, so that the first test need not wait for it."""
    try:
        prepared()
    except EmrError as exc:
        raise SystemExit(str(exc)) from exc
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
