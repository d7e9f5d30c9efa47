"""`python -m simulation.emr_support`: writes docs/emr-support.md from what the code really builds, reads and serves; with `--check` it only
says whether the page is stale (exit code 1). Run it from the root of the repository.

What goes out is read off the mappings themselves: each kind of event is built in each form, and the table says what came of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import hl7

from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.errors import EmrError, EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError, PointOfCareError
from pointofcare.quantity import Quantity
from server.config import EmrConfig
from server.emr import adapters, answers, contract, gnuhealth_lines, validation
from server.emr.contract import Sample
from server.emr.fhir_mapping import MappingContext
from server.emr.forms import Form
from server.emr.port import EmrUnclearError
from server.emr.retry import LONGEST_DELAY_S, UNCLEAR_ATTEMPTS
from server.feeds import fhir_items, hl7_support
from server.store import beside
from server.store.beside import Blocked, CartDevice
from server.store.observations import Measurement
from server.usecases import import_gnuhealth
from server.usecases.fhir_kinds import KINDS

PAGE = Path("docs/emr-support.md")
AT = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
CONTEXT = MappingContext(site="https://h1.example/bcma")
FORMS: dict[str, EmrConfig] = {
    "FHIR R4": EmrConfig(target="fhir"),
    "HL7 v2.5.1": EmrConfig(target="hl7v2"),
    "GNU Health": EmrConfig(target="gnuhealth"),
}
HEAD = """# EMR support

What of each event reaches an EMR, and what comes from one: written by `make emr-support` from the mappings themselves; a test says when it
is stale. How an EMR is set up stands in [running](running.md), how an adapter for another one is written in
[EMR adapters](emr-adapters.md), the fields of HL7 in [HL7 version 2](hl7.md).

## What goes out

Each line is one event at the bedside, built in each form. **By hand**: the form has no honest word for it, so it goes to the work list and
a person enters it there. **–**: this kind of EMR is not told.
"""
AFTER_OUT = """
One transaction an event, sent in order for one dose or infusion, and for different patients never one behind the other. `if new` is a
conditional create (`ifNoneExist`), `over` a change of what the EMR holds at that moment (`If-Match`), which keeps what somebody added
there. Both times are told: `effective[x]`, `occurred` or `performed` is when it happened, `Provenance.recorded` when the cart wrote it
down. A new bag of an infusion that goes on is an act of the same resource; a new infusion of the same order is a resource of its own with
the same `request`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`before`: the records that it goes on with or corrects."""

    name: str
    record: AdministrationRecord | Measurement | Blocked | CartDevice
    before: tuple[AdministrationRecord, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation.emr_support", description="Write docs/emr-support.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    options = parser.parse_args(arguments)
    text = page()
    if options.check:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    parts = [HEAD, _out(), AFTER_OUT, _elements(), _gate(), _answers(), *_in(), _served()]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def events() -> tuple[Event, ...]:
    sample = Sample(facility="h1", order="gnuhealth-7")  # GNU Health knows its own orders alone

    def dose(**changes: object) -> AdministrationRecord:
        return contract.made_up(sample, **{"effective_at": AT, "recorded_at": AT + timedelta(seconds=2), "due": AT, **changes})

    def act(after: AdministrationRecord, minutes: int, **changes: object) -> AdministrationRecord:
        at = AT + timedelta(minutes=minutes)
        plain = {"dose": None, "continues": after.record_id, "effective_at": at, "recorded_at": at}
        return dose(**{**plain, **changes})

    nothing = {"status": "not-done", "dose": None, "product": None, "gtin": None, "lot": None, "expiry": None, "serial": None}
    warned = FindingEvidence(
        rule="D10", level="REASON", satisfied=True, unknown=False, facts={"substance": "penicillin"}, remedy="ask-prescriber", params={}
    )
    given, prn, patch = dose(), dose(prn_reason="pain"), dose(route="TD")
    start = dose(action="start", status="in-progress", dose=Quantity.parse("500 mL"), rate=Quantity.parse("80 mL/h"), route="IV", bag="B1")
    rate = act(start, 10, action="rate", status="in-progress", rate=Quantity.parse("120 mL/h"))
    pause = act(start, 20, action="hold", status="on-hold", status_reason="procedure")
    bag = act(start, 30, action="start", status="in-progress", bag="B2")
    ended = act(start, 40, action="stop", status="completed", dose=Quantity.parse("500 mL"))
    return (
        Event(name="given", record=given),
        Event(name="partly given", record=dose(dose=Quantity.parse("250 mg"), status_reason="vomited")),
        Event(name="refused", record=dose(action="refuse", status_reason="refused", **nothing)),
        Event(name="held, with a reason", record=dose(action="hold", status_reason="held-by-parameter", reason_text="85/50", **nothing)),
        Event(name="not given", record=dose(action="not-given", status_reason="absent", **nothing)),
        Event(name="given as needed, with its reason", record=prn),
        Event(
            name="effect of a dose as needed",
            record=act(prn, 30, action="assess", status="completed", effect="relieved", product=None, gtin=None),
            before=(prn,),
        ),
        Event(name="given with a second person", record=dose(witness="N2")),
        Event(name="given in spite of a warning", record=dose(findings=(warned,), level="REASON", reason_text="prescriber knows")),
        Event(name="waste with a witness", record=dose(waste=Quantity.parse("2.5 mg"), witness="N2", reason_text="rest of the ampoule")),
        Event(
            name="waste charted later",
            record=act(given, 5, action="waste", status="completed", waste=Quantity.parse("1 mg"), witness="N2"),
            before=(given,),
        ),
        Event(name="patch put on", record=patch),
        Event(name="patch taken off", record=act(patch, 600, action="remove", status="completed"), before=(patch,)),
        Event(name="infusion started", record=start),
        Event(name="rate changed", record=rate, before=(start,)),
        Event(name="infusion paused", record=pause, before=(start, rate)),
        Event(name="new bag of the same infusion", record=bag, before=(start, rate, pause)),
        Event(name="infusion ended", record=ended, before=(start, rate, pause, bag)),
        Event(
            name="infusion stopped early",
            record=act(start, 40, action="stop", status="stopped", status_reason="infiltrated", dose=Quantity.parse("320 mL")),
            before=(start,),
        ),
        Event(name="corrected", record=dose(amends=given.record_id, status_reason="wrong-dose-charted"), before=(given,)),
        Event(
            name="withdrawn",
            record=dose(action="undo", status="entered-in-error", amends=given.record_id, dose=None, status_reason="wrong-patient-charted"),
            before=(given,),
        ),
        Event(name="value measured at the bedside", record=_measured(given)),
        Event(name="dose stopped by the verdict (`emr.blocked_attempts`)", record=_blocked(given)),
        Event(name="a cart, once (`emr.devices`)", record=beside.cart_device("h1", "c01")),
    )


def _measured(given: AdministrationRecord) -> Measurement:
    return Measurement(
        record_id=given.record_id,
        facility="h1",
        ward="W3",
        cart="c01",
        patient="P1",
        mrn=given.mrn,
        code="heart-rate",
        value=Quantity(value=Decimal(58), unit="/min"),
        at=AT,
        nurse="N1",
        recorded_at=AT,
    )


def _blocked(given: AdministrationRecord) -> Blocked:
    return Blocked(
        record_id=given.record_id,
        facility="h1",
        ward="W3",
        cart="c01",
        patient="P1",
        mrn=given.mrn,
        order="O1",
        nurse="N1",
        at=AT,
        recorded_at=AT,
        outcome="stopped",
        action="give",
        level="STOP",
        rules=(beside.StoppedRule(rule="P4", level="STOP", remedy="scan-band-of"),),
        products=("AMOX500",),
        engine="1",
        policy="1",
        online=True,
    )


def _out() -> str:
    lines = [f"| event | {' | '.join(FORMS)} |", "|---" * (len(FORMS) + 1) + "|"]
    tell: dict[str, Callable[[bytes], str]] = {"FHIR R4": _told_in_fhir, "HL7 v2.5.1": _told_in_hl7, "GNU Health": _told_in_gnu_health}
    for event in events():
        told = [_one(event, adapters.adapter(config.target).form(config, "h1"), tell[name]) for name, config in FORMS.items()]
        lines.append(f"| {event.name} | {' | '.join(told)} |")
    return "\n".join(lines)


def _one(event: Event, form: Form, tell: Callable[[bytes], str]) -> str:
    try:
        payload = _built(event, form)
    except EmrError:
        return "by hand"
    if payload is None:
        return "–"
    assert form.problems(payload) == (), form.problems(payload)
    return tell(payload)


def _built(event: Event, form: Form) -> bytes | None:
    if isinstance(event.record, Blocked | CartDevice):
        return None if form.beside is None else form.beside(event.record, CONTEXT)
    return form.build(event.record, replace(CONTEXT, chain=event.before))


def _told_in_fhir(payload: bytes) -> str:
    told = []
    for entry in json.loads(payload)["entry"]:
        resource, request = entry["resource"], entry["request"]
        status = f" `{resource['status']}`" if "status" in resource else ""
        told.append(f"{resource['resourceType']}{status} {'if new' if request['method'] == 'POST' else 'over'}")
    return ", ".join(told)


def _told_in_hl7(payload: bytes) -> str:
    message = hl7.parse(payload.decode())
    told = [str(message[0][9]).replace("^", r"\^")]
    for place, one in enumerate(message):
        fields = [str(each) for each in one]
        if fields[0] == "ORC" and len(fields) > 5:
            told.append(f"ORC-5 `{fields[5]}`")
        if fields[0] == "RXA":
            told.append(f"RXA-20 `{fields[20]}` RXA-21 `{fields[21]}`")
        if fields[0] == "OBX" and place:
            told.append(f"OBX {fields[3].partition('^')[0]}")
    seen: dict[str, None] = dict.fromkeys(told)
    return ", ".join(seen)


def _told_in_gnu_health(payload: bytes) -> str:
    kind, line = json.loads(payload)
    if kind != gnuhealth_lines.LINE:
        return f"patient rounding, {', '.join(sorted(line['fields'])) or 'words alone'}"
    if line["amounts"] is None:
        return "line without a dose, words"
    amount = "0" if line["amounts"] == [["0", ""]] else " ".join(line["amounts"][0])
    return f"line, dose {amount}, words" + (", and a mark on the line before" if line.get("amends") else "")


def _elements() -> str:
    """Every element that any of the events above puts into each resource, and every extension."""
    written: dict[str, set[str]] = defaultdict(set)
    extensions: dict[str, set[str]] = defaultdict(set)
    form = adapters.adapter("fhir").form(FORMS["FHIR R4"], "h1")
    for event in events():
        try:
            payload = _built(event, form)
        except EmrError:
            continue
        for entry in json.loads(payload or b'{"entry": []}')["entry"]:
            kind = entry["resource"]["resourceType"]
            written[kind] |= set(entry["resource"]) - {"resourceType", "id", "meta"}
            for one in entry["resource"].get("extension", ()):
                extensions[one["url"].rpartition("/")[2]] |= {part["url"] for part in one.get("extension", ())}
    lines = ["", "### What FHIR resources hold", "", "| resource | elements |", "|---|---|"]
    lines += [f"| {kind} | {', '.join(f'`{name}`' for name in sorted(names))} |" for kind, names in sorted(written.items())]
    lines += ["", "What FHIR R4 has no element for, as extensions of the administration:", "", "| extension | parts |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{part}`' for part in sorted(parts))} |" for name, parts in sorted(extensions.items())]
    return "\n".join(lines)


def _gate() -> str:
    rules: dict[str, list[str]] = defaultdict(list)
    for kind, name, _ in validation.INVARIANTS:
        rules[kind].append(name)
    parts = sorted({name for name, _ in validation.PARTS})
    lines = ["", "### What is checked before the first sending", ""]
    lines.append(
        "Structure and formats (fhirkit), the R4B models (impossible dates), references within the bundle and their types, one value"
    )
    lines.append("an extension, nothing that could be stored twice, and these invariants:")
    lines += ["", "| resource | invariants |", "|---|---|"]
    lines += [f"| {kind} | {', '.join(names)} |" for kind, names in sorted(rules.items())]
    lines.append(f"| every quantity, period, timing | {', '.join(parts)} |")
    return "\n".join(lines)


_MEANS = {
    EmrUnclearError: f"tried again some {UNCLEAR_ATTEMPTS} times, then a person",
    EmrUnavailableError: f"tried again, at most {LONGEST_DELAY_S:.0f} s apart, for ever",
    EmrOutcomeUnknownError: "tried again: the same bytes are stored once",
    EmrRejectedError: "a person",
}
_FAULT: dict[str, Any] = {"code": "value", "expression": ["MedicationAdministration.status"]}
_ANSWERS: tuple[tuple[str, int, dict[str, Any] | None], ...] = (
    ("401", 401, None),
    ("403", 403, None),
    ("404, 410", 404, None),
    ("408", 408, None),
    ("409 conflict", 409, {"code": "conflict"}),
    ("412 multiple-matches", 412, {"code": "multiple-matches"}),
    ("429, with the time that it names", 429, {"code": "throttled"}),
    ("400, 422 that say what is wrong and where", 400, _FAULT),
    ("400 without a place", 400, {"code": "value"}),
    ("400 with a code of the EMR's own trouble", 400, {"code": "exception", "expression": ["Bundle"]}),
    ("500, 502", 500, None),
    ("503", 503, None),
)


def _answers() -> str:
    lines = ["", "### What an EMR's answer leads to", "", "| answer of a FHIR server | the record |", "|---|---|"]
    for name, status, issue in _ANSWERS:
        body = None if issue is None else {"resourceType": "OperationOutcome", "issue": [{"severity": "error", **issue}]}
        lines.append(f"| {name} | {_means(answers.meaning(status, body))} |")
    lines.append(f"| 412 to a change (If-Match) | {_means(answers.meaning(412, None, has_match=True))}, over what stands there then |")
    lines.append("| a yes about another patient or record | a person, at once |")
    lines.append("| no connection | " + _MEANS[EmrUnavailableError] + " |")
    return "\n".join(lines)


def _means(error: PointOfCareError) -> str:
    return _MEANS[type(error)]  # type: ignore[index]


# Modules that say for themselves what they take in: `SUPPORTED`, rows of (resource, element, how). Documents link to the titles.
INCOMING = (
    ("What comes in over FHIR", fhir_items.SUPPORTED),
    ("What comes in over HL7 version 2", hl7_support.SUPPORTED),
    ("What comes in from a GNU Health", import_gnuhealth.SUPPORTED),
)


class Row(Protocol):
    """What each of those modules calls `Supported`."""

    @property
    def resource(self) -> str: ...
    @property
    def element(self) -> str: ...
    @property
    def how(self) -> str: ...


def _in() -> Iterator[str]:
    for title, rows in INCOMING:
        yield "\n".join(["", f"## {title}", "", *_table(rows)])


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield "| resource or message | element | what it does here |"
    yield "|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in (row.resource, row.element, row.how))} |"


def _served() -> str:
    """What others may read from us over FHIR, from the table that the server goes by."""
    lines = [
        "",
        "## What others may read from us over FHIR",
        "",
        "| resource | what it is | searched by | older versions |",
        "|---|---|---|---|",
    ]
    for kind in KINDS.values():
        searched = ", ".join(f"`{one.name}`" for one in kind.parameters) or "–"
        lines.append(f"| {kind.name} | {kind.about} | {searched} | {'yes' if kind.versions else '–'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
