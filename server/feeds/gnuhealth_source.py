"""A GNU Health HIS, read as if it were a FHIR server: the same questions as `fhir_source`, answered from its rows over JSON-RPC.

So one feed stands for both: what is kept, compared, taken and shown is the same. Reads only, and within bounds. What changed is asked
for by the times of writing of a row and of those that belong to it; what was deleted there is found when all orders are compared.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pointofcare.errors import EmrRejectedError
from server.config import EmrConfig
from server.emr import gnuhealth
from server.emr.tryton import Tryton
from server.feeds.fhir_source import PAGE, GoneError, Page, Resource
from server.usecases import import_gnuhealth as rows
from server.usecases.import_gnuhealth import Dialect

MEDICATION, STAY, PATIENT, ALLERGY = gnuhealth.MEDICATION, gnuhealth.REGISTRATION, "gnuhealth.patient", "gnuhealth.patient.disease"
_log = logging.getLogger(__name__)
WARD, BED = "gnuhealth.hospital.ward", "gnuhealth.hospital.bed"
ADMIN_TIME = f"{MEDICATION}.admin_time"
_TIMES = ("write_date", "create_date")
_IS_ALLERGY = ["OR", ["is_allergy", "=", True], ["allergy_type", "!=", None], ["pathology.code", "like", "Z88%"]]
# Model, fields, the path to the patient, what else narrows it, and the paths whose writing counts as a change of the row.
_KINDS: Mapping[str, tuple[str, tuple[str, ...], str, list[Any], tuple[str, ...]]] = {
    "Patient": (PATIENT, rows.PATIENT, "id", [], ("party.",)),
    "Encounter": (STAY, rows.STAY, "patient", [["state", "in", ["hospitalized", "done", "finished", "cancelled"]]], ()),
    "AllergyIntolerance": (ALLERGY, rows.ALLERGY, "patient", [["patient", "!=", None], _IS_ALLERGY], ()),
    "MedicationRequest": (
        MEDICATION,
        rows.MEDICATION,
        "registration.patient",
        [["registration", "!=", None]],
        ("registration.", "admin_times."),
    ),
}
_STATES = {"in-progress": ["hospitalized"], "finished": ["done", "finished"], "cancelled": ["cancelled"]}


def opened(config: EmrConfig) -> GnuHealthSource:
    """The GNU Health of a configuration; nothing is connected yet. Raises: ConfigError."""
    units = gnuhealth.wording(config).units
    dialect = Dialect(units=units, routes=gnuhealth.table(config, "routes", []), forms=gnuhealth.table(config, "forms", []))
    return GnuHealthSource(Tryton(gnuhealth.place(config)), dialect)


class GnuHealthSource:
    """`seconds_waited` is how long it has waited for GNU Health so far."""

    def __init__(self, tryton: Tryton, dialect: Dialect) -> None:
        self._tryton = tryton
        self._dialect = dialect

    @property
    def seconds_waited(self) -> float:
        return self._tryton.seconds_waited

    def close(self) -> None:
        self._tryton.close()

    def check(self, kinds: Sequence[str]) -> None:
        """May the account read what these come from, and is each ward one? Raises: EmrError."""
        self._tryton.sign_in()
        for kind in kinds:
            if kind in _KINDS:
                self._tryton.search(_KINDS[kind][0], [], ("id",), limit=1)
        wards: dict[str, str] = {}
        for row in self._tryton.search(WARD, [], rows.WARD, limit=PAGE * PAGE):
            name = str(row["name"])
            other = wards.setdefault(rows.ward_id(name).lower(), name)
            if other != name and rows.ward_id(name):
                told = f"wards {other!r} and {name!r} would be one ward here"
                raise EmrRejectedError(told, remedy="give one of them a name that differs in its letters or digits")

    def search(self, kind: str, parameters: Sequence[tuple[str, str]], *, pages: int) -> Iterator[Page]:
        """At most so many pages. Kinds that GNU Health has nothing of have an empty one. Raises: EmrError."""
        asked = dict(parameters)
        if kind == "Location":
            self._tryton.sign_in_once()
            found = self._places(_changed(asked, ()))
            yield Page(found=tuple(found), included=(), clock=self._tryton.answered_at, is_last=True)
            return
        if kind not in _KINDS:
            self._tryton.sign_in_once()
            yield Page(found=(), included=(), clock=self._tryton.answered_at, is_last=True)
            return
        statuses = frozenset(asked["status"].split(",")) if "status" in asked else None
        domain = _domain(kind, asked)
        ids = [row["id"] for row in self._tryton.search(_KINDS[kind][0], domain, ("id",), limit=PAGE * pages + 1)]
        # Rows that were written while these pages are read come with the next look, which begins before this answer.
        clock = self._tryton.answered_at
        found = [one for one in self._resources(kind, ids[: PAGE * pages]) if statuses is None or _status(one) in statuses]
        found.sort(key=lambda one: one.updated_at or clock)
        parts = [found[start : start + PAGE] for start in range(0, len(found), PAGE)] or [[]]
        for number, part in enumerate(parts, start=1):
            yield Page(found=tuple(part), included=(), clock=clock, is_last=number == len(parts) and len(ids) <= PAGE * pages)

    def read(self, about: str) -> Resource:
        """The resource "Patient/gnuhealth-17". Raises: EmrError, GoneError."""
        kind, _, name = about.partition("/")
        number = _number(name)
        if kind == "Location":
            found = self._places([["id", "=", _number(name.replace("ward-", "").replace("bed-", "")) or -1]], only=name)
        else:
            found = list(self._resources(kind, [number])) if kind in _KINDS and number is not None else []
        if not found:
            raise GoneError(f"GNU Health has no {kind} of this number")
        return found[0]

    def _resources(self, kind: str, ids: list[int]) -> Iterator[Resource]:
        model, names, _, narrow, changed_by = _KINDS[kind]
        wanted = [*names, *_TIMES, *(f"{path}{at}" for path in changed_by if path != "admin_times." for at in _TIMES)]
        for start in range(0, len(ids), PAGE):
            part = ids[start : start + PAGE]
            listed = self._tryton.search(model, [["id", "in", part], *narrow], wanted)
            times = self._admin_times(part) if kind == "MedicationRequest" else {}
            for row in listed:
                beside = times.get(row["id"], [])
                near = [row.get(path) or {} for path in changed_by if path != "admin_times."]
                yield _resource(kind, self._made(kind, row, beside), _newest([row, *near, *beside]))

    def _places(self, domain: list[Any], *, only: str = "") -> list[Resource]:
        """Wards and beds; `only` the one of this id."""
        found: list[Resource] = []
        for model, names, make, said in ((WARD, rows.WARD, rows.ward, "ward-"), (BED, rows.BED, rows.bed, "bed-")):
            if not only or only.startswith(f"{rows.PREFIX}{said}"):
                listed = self._tryton.search(model, domain, (*names, *_TIMES), limit=PAGE * PAGE)
                found += [_resource("Location", make(row), _newest([row])) for row in listed]
        return found

    def _admin_times(self, medications: list[int]) -> dict[int, list[dict[str, Any]]]:
        found: dict[int, list[dict[str, Any]]] = {}
        for row in self._tryton.search(ADMIN_TIME, [["medication", "in", medications]], (*rows.ADMIN_TIME, *_TIMES)):
            found.setdefault(row["medication"], []).append(row)
        return found

    def _made(self, kind: str, row: Mapping[str, Any], times: Sequence[Mapping[str, Any]]) -> rows.Json:
        """A row that breaks its reader is handed on as one that cannot be read: it must not keep the others back."""
        try:
            if kind == "MedicationRequest":
                return rows.order(row, times, self._dialect)
            return {"Patient": rows.patient, "Encounter": rows.stay, "AllergyIntolerance": rows.allergy}[kind](row)
        except (AttributeError, TypeError, KeyError, ValueError, ArithmeticError) as exc:
            _log.warning("a row of %s cannot be read: %s", _KINDS[kind][0], type(exc).__name__)
            return rows.unreadable(kind, row)


def _domain(kind: str, asked: Mapping[str, str]) -> list[Any]:
    """Tryton's for the search parameters that the feed uses; what it does not know narrows nothing."""
    _, _, path, narrow, changed_by = _KINDS[kind]
    domain = [*narrow, *_changed(asked, changed_by)]
    patient = asked.get("patient") or asked.get("subject")
    if patient is not None:
        domain.append([path, "=", _number(patient.removeprefix("Patient/")) or -1])
    if kind == "Encounter" and "status" in asked:
        domain.append(["state", "in", [state for status in asked["status"].split(",") for state in _STATES.get(status, [])]])
    return domain


def _changed(asked: Mapping[str, str], by: Iterable[str]) -> list[Any]:
    since = asked.get("_lastUpdated", "")
    if not since:
        return []
    at = datetime.fromisoformat(since.removeprefix("ge").replace("Z", "+00:00"))
    return [["OR", *([f"{before}{name}", ">=", at] for before in ("", *by) for name in _TIMES)]]


def _number(name: str) -> int | None:
    digits = name.removeprefix(rows.PREFIX)
    return int(digits) if name.startswith(rows.PREFIX) and digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def _newest(listed: Iterable[Mapping[str, Any]]) -> datetime | None:
    times = [row.get(name) for row in listed for name in _TIMES]
    return max((at for at in times if isinstance(at, datetime)), default=None)


def _resource(kind: str, made: rows.Json, updated_at: datetime | None) -> Resource:
    whole = rows.versioned(made, updated_at)
    payload = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Resource(kind=kind, id=str(made["id"]), version=str(whole["meta"]["versionId"]), updated_at=updated_at, payload=payload)


def _status(one: Resource) -> str:
    return str(json.loads(one.payload).get("status"))
