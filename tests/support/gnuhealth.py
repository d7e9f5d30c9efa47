"""A real GNU Health HIS for the tests that must not believe a stub, and a small ward in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count

import pytest

from server.emr.tryton import Tryton
from simulation import gnuhealth_peer
from simulation.gnuhealth_peer import Desk, RunningGnuHealth

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """`desk` is the administrator's. Each `patient` and each order is a new one, so that tests of one module share the program alone."""

    running: RunningGnuHealth
    tryton: Tryton
    desk: Desk
    wards: dict[str, int] = field(default_factory=dict)
    drugs: dict[str, int] = field(default_factory=dict)

    def bed(self, ward: str = "Khoa Nội 3") -> int:
        if ward not in self.wards:
            self.wards[ward] = self.desk.ward(ward)
        return self.desk.bed(f"G{next(_NUMBERS):03d}", self.wards[ward])

    def admitted(self, puid: str | None = None, **values: object) -> tuple[str, int, int]:
        """(PUID, patient, registration) of somebody in a bed of their own."""
        puid = puid or f"26-{next(_NUMBERS):06d}"
        patient = self.desk.patient("Văn An", "Nguyễn", puid, **values)
        return puid, patient, self.desk.admit(patient, self.bed())

    def drug(self, ingredient: str = "amoxicillin") -> int:
        if ingredient not in self.drugs:
            self.drugs[ingredient] = self.desk.drug(f"{ingredient.title()} {next(_NUMBERS)}", ingredient)
        return self.drugs[ingredient]

    def ordered(self, **values: object) -> tuple[str, int]:
        """(PUID, inpatient medication) of a new patient."""
        puid, _, stay = self.admitted()
        return puid, self.desk.prescribe(stay, self.drug(), 500.0, "mg", **values)  # type: ignore[arg-type]

    def log(self, medication: int) -> list[dict[str, object]]:
        names = ("admin_time", "dose", "dose_unit.code", "health_professional.code", "remarks")
        return self.desk.rows("gnuhealth.inpatient.medication.log", [["medication", "=", medication]], *names)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """Skips where GNU Health is not installed, which CI takes for a failure."""
    if not gnuhealth_peer.installed():
        pytest.skip("no GNU Health: bash deploy/setup.sh gnuhealth")
    running = gnuhealth_peer.start(tmp_path_factory.mktemp("gnuhealth"))
    try:
        with closing(running.client()) as tryton:
            yield Ward(running=running, tryton=tryton, desk=Desk(tryton))
    finally:
        running.stop()
