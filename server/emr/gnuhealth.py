"""The EMR as a GNU Health HIS: its inpatient medication log, over Tryton's JSON-RPC.

Sends what `gnuhealth_lines` built. That log knows no identifier, so every line is looked for by its record's id before it is written,
and it is written together with its order, under the time at which the order was last changed when we looked: whoever was faster in
between, even our own request that never answered, makes Tryton refuse this one. A line that is there is never changed, but for the
one mark that it was corrected. Must never write beside the order of another patient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pointofcare.errors import ConfigError, EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from pointofcare.texts import LANGUAGES
from server.config import EmrConfig
from server.emr import tryton
from server.emr.forms import Form
from server.emr.gnuhealth_lines import BEGINS, LINE, UNITS, Wording, marker, problems, to_payload
from server.emr.port import Accepted, EmrUnclearError
from server.emr.tryton import Place, Tryton

MEDICATION = "gnuhealth.inpatient.medication"
LOG = "gnuhealth.inpatient.medication.log"
REGISTRATION = "gnuhealth.inpatient.registration"
ROUNDING = "gnuhealth.patient.rounding"
# What the account of this program needs there, and nothing else: a group of its own gets these (docs/gnuhealth.md).
RIGHTS: Mapping[str, tuple[str, ...]] = {
    MEDICATION: ("read", "write"),
    f"{MEDICATION}.admin_time": ("read",),
    LOG: ("read", "write", "create"),
    REGISTRATION: ("read",),
    ROUNDING: ("read", "create"),
    "gnuhealth.patient": ("read",),
    "gnuhealth.patient.disease": ("read",),
    "gnuhealth.pathology": ("read",),
    "gnuhealth.healthprofessional": ("read",),
    "gnuhealth.hospital.ward": ("read",),
    "gnuhealth.hospital.bed": ("read",),
    "gnuhealth.medicament": ("read",),
    "gnuhealth.medication.dosage": ("read",),
    "gnuhealth.dose.unit": ("read",),
    "gnuhealth.drug.route": ("read",),
    "gnuhealth.drug.form": ("read",),
    "party.party": ("read",),
    "product.product": ("read",),
}
# Codes of GNU Health and what they mean here, as [emr.settings] names them.
TABLES = ("units", "routes", "forms")
# The number of a patient there: the person's unique identifier (PUID).
PUID = "patient.party.ref"
# How many of the newest rows are looked through for a record of which no order is known; many days of any hospital.
_NEWEST = 100_000
# A writing of which no answer came has ended there by then, one way or the other.
_WRITTEN_BY_THEN_S = 300.0
_READ = ("medication", "admin_time", "dose", "dose_unit.code", "health_professional.party.name", "remarks")


def opened(config: EmrConfig, _facility: str) -> GnuHealthEmr:
    """The GNU Health of a configuration; nothing is connected yet. Raises: ConfigError."""
    wording(config)
    return GnuHealthEmr(Tryton(place(config)))


def form(config: EmrConfig, _facility: str) -> Form:
    said = wording(config)
    return Form(name="GNU Health", begins=BEGINS, build=lambda record, context: to_payload(record, context, said), problems=problems)


def place(config: EmrConfig) -> Place:
    """Raises: ConfigError with every setting that is missing."""
    settings = {"base_url": config.base_url, "database": config.database, "username": config.username, "password": config.password}
    missing = tuple((f"emr.{name}", "is missing") for name, value in settings.items() if not value)
    if missing:
        raise ConfigError(
            f"{', '.join(name for name, _ in missing)}: missing for GNU Health", problems=missing, remedy="see docs/gnuhealth.md"
        )
    return Place(
        base_url=settings["base_url"] or "",
        database=settings["database"] or "",
        username=settings["username"] or "",
        password=settings["password"] or "",
        ca_file=config.ca_file,
    )


def wording(config: EmrConfig) -> Wording:
    """The language of the remarks and what GNU Health's units mean here, of [emr.settings]. Raises: ConfigError."""
    language = config.settings.get("language", LANGUAGES[0])
    unknown = sorted(set(config.settings) - {"language", *TABLES})
    problems: list[tuple[str, str]] = [(f"emr.settings.{name}", "is not a setting of GNU Health") for name in unknown]
    if language not in LANGUAGES:
        problems.append(("emr.settings.language", "must be one of " + ", ".join(LANGUAGES)))
    units = {name: table(config, name, problems) for name in TABLES}["units"]
    if problems:
        raise ConfigError("; ".join(f"{name}: {what}" for name, what in problems), problems=tuple(problems), remedy="see docs/gnuhealth.md")
    return Wording(language=str(language), units={**UNITS, **units})


def table(config: EmrConfig, name: str, problems: list[tuple[str, str]]) -> dict[str, str]:
    """A table of codes of [emr.settings]; a fault is added to `problems`."""
    found = config.settings.get(name, {})
    if isinstance(found, Mapping) and all(isinstance(one, str) and one for one in found.values()):
        return {str(code): str(word) for code, word in found.items()}
    problems.append((f"emr.settings.{name}", 'must be a table of words, such as { unit = "[IU]" }'))
    return {}


class GnuHealthEmr:
    """`idempotent` by look-up. One writer: the dispatcher has one worker for it."""

    name = "gnuhealth"
    idempotent = True

    def __init__(self, tryton: Tryton) -> None:
        self._tryton = tryton

    def check(self) -> None:
        """Signs in, and asks whom the log would name: an account that is no health professional there writes no line."""
        self._tryton.sign_in()
        # Refused when no party has this account as its "Internal User" or is no health professional (SM-CORE-0007 and its like).
        told = self._tryton.call(f"model.{LOG}.default_get", ["health_professional"])
        if not isinstance(told, dict) or not told.get("health_professional"):
            raise EmrRejectedError(
                "the account is no health professional in GNU Health",
                remedy="give its person the account as Internal User, and a health professional (docs/gnuhealth.md)",
            )
        held = self._tryton.call("model.ir.model.access.get_access", list(RIGHTS))
        held = held if isinstance(held, dict) else {}
        lacks = [f"{right} {model}" for model, rights in RIGHTS.items() for right in rights if not (held.get(model) or {}).get(right)]
        if lacks:
            raise EmrRejectedError(
                f"the account may not {', '.join(lacks)} in GNU Health", remedy="give it the rights of docs/gnuhealth.md"
            )

    def submit(self, payload: bytes, record_id: str) -> Accepted:
        kind, sent = json.loads(payload)
        if sent["record"] != record_id:
            raise EmrRejectedError(f"the stored line is not of record {record_id}", record_id=record_id)
        return self._line(sent) if kind == LINE else self._rounding(sent)

    def read_back(self, record_id: str) -> Mapping[str, Any] | None:
        """The line as it stands there, or the rounding of a measurement: among the newest first, then among all."""
        kinds = ((LOG, _READ, "remarks"), (ROUNDING, ("registration", "evaluation_start", "round_summary"), "round_summary"))
        for is_newest in (True, False):
            for model, names, words in kinds:
                within = self._newest(model) if is_newest else []
                found = self._marked(model, words, record_id, names, within)
                if found is not None:
                    return {**found, "model": model}
        return None

    def _newest(self, model: str) -> list[object]:
        """A bound that does not grow with the hospital: no text of remarks has an index there."""
        last = self._tryton.search(model, [], ("id",), limit=1, order=(("id", "DESC"),))
        return [["id", ">", last[0]["id"] - _NEWEST]] if last else []

    def close(self) -> None:
        self._tryton.close()

    def _line(self, sent: Mapping[str, Any]) -> Accepted:
        # The order is read before the look-up: a line that is written after it makes the writing below fail.
        order = self._order(sent)
        beside = [["medication", "=", order["id"]]]
        found = self._marked(LOG, "remarks", sent["record"], ("medication", "remarks"), beside)
        replayed = found is not None
        if found is None:
            amount, unit = self._amount(sent["amounts"], order)
            line = {
                "admin_time": datetime.fromisoformat(sent["at"]),
                "dose": amount,
                "dose_unit": unit,
                "remarks": sent["remarks"],
                **self._person(sent["nurse"]),
            }
            self._tryton.call(
                f"model.{MEDICATION}.write",
                [order["id"]],
                {"log_history": [["create", [line]]]},
                writes=True,
                context={"_timestamp": {f"{MEDICATION},{order['id']}": order["_timestamp"]}},
            )
            found = self._marked(LOG, "remarks", sent["record"], ("medication", "remarks"), beside)
            if found is None:
                raise EmrUnclearError("GNU Health took the line and does not show it", remedy="may the account read the log?")
        if sent.get("amends"):
            self._marked_as_corrected(**sent["amends"])
        return Accepted(emr_id=f"{LOG},{found['id']}", version="1", replayed=replayed)

    def _order(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The order's row, when it is of the patient that the record is of. Raises: EmrRejectedError."""
        names = (f"registration.{PUID}", "dose_unit.code", "_timestamp")
        found = self._tryton.search(MEDICATION, [["id", "=", sent["medication"]]], names)
        if not found:
            raise EmrRejectedError(
                f"GNU Health has no order {sent['medication']}", remedy="see there what became of it; enter the dose by hand"
            )
        theirs = tryton.at(found[0], "registration", "patient", "party", "ref")
        if theirs != sent["mrn"]:
            raise EmrRejectedError(
                f"order {sent['medication']} is of another patient in GNU Health: {theirs or 'nobody'}",
                remedy="compare the two records at once",
                mrn=sent["mrn"],
            )
        return found[0]

    def _amount(self, amounts: list[list[str]] | None, order: Mapping[str, Any]) -> tuple[float | None, int | None]:
        """The dose and its unit there: the order's own unit where the amount can be said in it, so that doses add up.

        An amount in a unit that GNU Health lacks stays in words alone."""
        if not amounts:
            return None, None
        ordered = str(tryton.at(order, "dose_unit", "code") or "")
        if not amounts[0][1]:  # nothing was given, in whatever unit
            amounts = [[amounts[0][0], ordered]]
        rows = self._tryton.search("gnuhealth.dose.unit", [["code", "in", [code for _, code in amounts]]], ("code",))
        ids = {str(row["code"]): row["id"] for row in rows}
        for number, code in sorted(amounts, key=lambda pair: pair[1] != ordered):
            if code in ids:
                return float(number), ids[code]
        return None, None

    def _person(self, nurse: str) -> dict[str, int]:
        """The one whose licence number or PUID there is the nurse's id here; else the line has the account's own person."""
        found = self._tryton.search(
            "gnuhealth.healthprofessional", [["OR", ["code", "=", nurse], ["party.ref", "=", nurse]]], ("id",), limit=2
        )
        return {"health_professional": found[0]["id"]} if len(found) == 1 else {}

    def _marked(self, model: str, words: str, record_id: str, names: tuple[str, ...], within: list[Any]) -> dict[str, Any] | None:
        """The row of those `within` that begins with the record's marker. Raises: EmrRejectedError when there are two."""
        mark = marker(record_id)
        wanted = tuple(dict.fromkeys((*names, words)))
        rows = self._tryton.search(model, [*within, [words, "like", f"{mark}%"]], wanted, limit=20)
        found = [row for row in rows if str(row.get(words) or "").startswith(mark)]
        if len(found) > 1:
            raise EmrRejectedError(
                f"GNU Health holds {len(found)} lines of record {record_id}",
                remedy="say in the wrong one's remarks that it does not count",
                emr_ids=tuple(row["id"] for row in found),
            )
        return found[0] if found else None

    def _marked_as_corrected(self, record: str, medication: int, mark: str) -> None:
        """Says on the corrected line that it does not count; once, however often it is asked."""
        line = self._marked(LOG, "remarks", record, ("remarks", "_timestamp"), [["medication", "=", medication]])
        if line is None or mark in str(line["remarks"]):
            return
        remarks = f"{line['remarks']}\n{mark}"
        self._tryton.call(
            f"model.{LOG}.write", [line["id"]], {"remarks": remarks}, writes=True,
            context={"_timestamp": {f"{LOG},{line['id']}": line["_timestamp"]}},
        )  # fmt: skip

    def _rounding(self, sent: Mapping[str, Any]) -> Accepted:
        """A measurement, on the stay during which it was made."""
        every = self._tryton.search(REGISTRATION, [[PUID, "=", sent["mrn"]]], ("state",), limit=100, order=(("id", "DESC"),))
        within = [["registration", "in", [stay["id"] for stay in every]]]
        found = self._marked(ROUNDING, "round_summary", sent["record"], ("registration",), within)
        replayed = found is not None
        if found is None:
            stays = [stay for stay in every if stay["state"] == "hospitalized"]
            if len(stays) != 1:
                raise EmrRejectedError(
                    f"GNU Health has {len(stays)} open stays of patient {sent['mrn']}", remedy="enter the value in GNU Health by hand"
                )
            at = datetime.fromisoformat(sent["at"]).astimezone(UTC)
            values = {name: float(value) if isinstance(value, str) else value for name, value in sent["fields"].items()}
            rounding = {
                "registration": stays[0]["id"],
                "evaluation_start": at,
                "evaluation_end": at,
                "state": "done",
                "round_summary": sent["remarks"],
                **self._person(sent["nurse"]),
                **values,
            }
            try:
                made = self._tryton.call(f"model.{ROUNDING}.create", [rounding], writes=True)
            except EmrOutcomeUnknownError as exc:
                # No order's time guards it as it does a line: what is still being written there is not seen by a look-up yet.
                raise EmrUnavailableError(
                    f"{exc}; it is looked for again when that must have ended", retry_after_s=_WRITTEN_BY_THEN_S
                ) from exc
            found = self._marked(ROUNDING, "round_summary", sent["record"], ("registration",), within)
            if found is None:
                raise EmrUnclearError(f"GNU Health took rounding {made} and does not show it", remedy="may the account read roundings?")
        return Accepted(emr_id=f"{ROUNDING},{found['id']}", version="1", replayed=replayed)
