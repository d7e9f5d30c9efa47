"""The admission desk of a chaos run: brings the next patients with their orders to a ward before it runs out of doses, and sends home
those who are done.

By the server's own import over HTTP, as a hospital's other system does, also while the server is killed; what is not certain is sent
again, which an import bears.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pointofcare.people import Patient, PatientStatus
from pointofcare.products import Product
from simulation import files
from simulation.chaos import wards
from simulation.chaos.nurse import Bed, Round
from simulation.ward import StaffMember, Ward

_LOOK_S = 0.5
_FEW = 2


class Desk:
    """`rounds` by ward, `recorded_of` says how many records the server has of each patient. `problems` is what the server
    refused, for the report."""

    def __init__(
        self,
        server_url: str,
        administrator: StaffMember,
        rounds: dict[str, Round],
        stock: tuple[Product, ...],
        directory: Path,
        recorded_of: Callable[[], dict[str, int]],
        ended: threading.Event,
        next_round: int,
        rng: random.Random,
    ) -> None:
        self._server = urlsplit(server_url)
        self._administrator, self._rounds, self._stock, self._directory, self._ended = administrator, rounds, stock, directory, ended
        self._recorded_of, self._rng = recorded_of, rng
        self._next = dict.fromkeys(rounds, next_round)
        self._token = ""
        self.imports = 0
        self.problems: list[str] = []
        self._thread = threading.Thread(target=self._run, name="admission-desk", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.join(20)

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            hungry = [ward for ward, round_ in self._rounds.items() if len(round_.waiting) <= _FEW]
            if hungry:
                # Others that will soon be hungry come along: one import is cheaper than two.
                soon = [ward for ward, round_ in self._rounds.items() if len(round_.waiting) <= _FEW + 1]
                self._admit(soon)

    def _admit(self, hungry: list[str]) -> None:
        now = datetime.now(UTC)
        known = self._recorded_of()
        arriving: dict[str, Ward] = {}
        leaving: list[Patient] = []
        for place, ward in enumerate(self._rounds):
            if ward in hungry:
                arriving[ward] = wards.round_of(ward, place, self._next[ward], now, self._stock)
                leaving += self._rounds[ward].going_home(lambda patient: known.get(patient.id, 0) >= len(self._stock))
        home = tuple(replace(patient, status=PatientStatus.DISCHARGED, bed=None) for patient in leaving)
        whole = Ward(
            patients=(*home, *(patient for each in arriving.values() for patient in each.patients)),
            orders=tuple(order for each in arriving.values() for order in each.orders),
            products=(),
            staff=(),
            drawers=(),
        )
        content = _csv(whole, self._directory)
        while not self._ended.is_set():
            if self._sent(content):
                self.imports += 1
                break
            self._ended.wait(0.5)
        else:
            return
        for ward, each in arriving.items():
            self._next[ward] += 1
            self._rounds[ward].admit(beds_of(each, self._rng))

    def _sent(self, content: list[dict[str, str]]) -> bool:
        try:
            if not self._token:
                asked = {"username": self._administrator.email, "password": self._administrator.password}
                status, answer = self._post("/api/v1/tokens", asked)
                if status != 201:
                    return self._problem(status, answer)
                self._token = str(answer["token"])
            status, answer = self._post("/api/v1/imports", {"files": content, "dry_run": False, "skip_bad": False})
        except (OSError, http.client.HTTPException, ValueError):
            return False  # the server is away: once more
        if status == 401:
            self._token = ""
            return False
        if status != 200 or not answer.get("written"):
            return self._problem(status, answer)
        return True

    def _problem(self, status: int, answer: object) -> bool:
        if status == 503:  # it said that it could not, and that nothing was changed
            return False
        self.problems.append(f"{status}: {json.dumps(answer)[:500]}")
        return False

    def _post(self, path: str, body: object) -> tuple[int, dict[str, object]]:
        wire = http.client.HTTPConnection(self._server.hostname or "127.0.0.1", self._server.port, timeout=30)
        try:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if self._token:
                headers["Authentication-Token"] = self._token
            wire.request("POST", path, json.dumps(body), headers)
            answer = wire.getresponse()
            return answer.status, dict(json.loads(answer.read()))
        finally:
            wire.close()


def beds_of(ward: Ward, rng: random.Random) -> list[Bed]:
    """Each patient with the doses in the order in which they will be given."""
    beds = []
    for patient in ward.patients:
        todo = [order for order in ward.orders if order.patient == patient.id]
        rng.shuffle(todo)
        beds.append(Bed(patient=patient, todo=deque(todo)))
    return beds


def _csv(ward: Ward, directory: Path) -> list[dict[str, str]]:
    """As the API takes it."""
    found = []
    for path in files.write(ward, directory):
        found.append({"name": path.name, "content": path.read_text(encoding="utf-8")})
        path.unlink()
    return found
