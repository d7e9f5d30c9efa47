"""Bulk data: a program asks for everything it may read, looks how far it is, takes the files, or takes the wish back.

Source: hl7.org/fhir/uv/bulkdata (Bulk Data Access 2). Only the program that asked sees its export.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from pointofcare.errors import NotFoundError, NotPermittedError
from pointofcare.orders import timing
from server.api.fhir import asking, outcomes, reading_views
from server.api.fhir.outcomes import AskedError
from server.api.fhir.room import base, config, may
from server.emr.fhir_ids import from_id
from server.security import programs, viewing
from server.security.person import actor
from server.security.programs import Program
from server.store import fhir_exports, patients
from server.store.fhir_exports import Export
from server.store.transaction import reading, transaction
from server.usecases import fhir_exports as verbs
from server.usecases.fhir_exports import GROUP, PATIENT, SYSTEM, TooManyError, Wanted

_FORMATS = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
_KNOWN = frozenset({"_outputFormat", "_since", "_type", "_format"})
# What a client may ask for and this server has not: to be said, for the files would hold more than was wanted.
_NOT_HERE = "not offered in exports"
LOOK_AGAIN_S = 5
# While too many exports wait.
WAIT_S = 300


def register(room: Blueprint) -> None:
    for rule, level in (("/R4/$export", SYSTEM), ("/R4/Patient/$export", PATIENT), ("/R4/Group/<string:group>/$export", GROUP)):
        room.add_url_rule(rule, "export", export, defaults={"level": level})
    room.add_url_rule("/R4/_export/<string:export>", "export_status", status, methods=["GET", "DELETE"])
    room.add_url_rule("/R4/_export/<string:export>/<int(max=2147483647):number>.ndjson", "export_file", file)


def _program() -> Program:
    """Raises: NotPermittedError: a person has pages, and no way to carry off a hospital."""
    found = programs.current(config()) if programs.is_program() else None
    if found is None:
        raise NotPermittedError(
            "only a registered program may export", remedy="let an administrator register it: pointofcare-server fhir client add"
        )
    return found


def export(level: str, group: str = "") -> Response:
    program = _program()
    if request.method != "GET":  # a look at the head of an answer begins nothing
        raise MethodNotAllowed(valid_methods=["GET"], description="use GET here")
    said = dict(request.args.items())
    strange = sorted(set(said) - _KNOWN)
    if strange:
        raise AskedError(strange[0], f"{strange[0][:60]} is {_NOT_HERE}", remedy="use _type, _since, _outputFormat", issue="not-supported")
    if "respond-async" not in request.headers.get("Prefer", ""):
        raise AskedError("Prefer", "an export is made in the background", remedy="send Prefer: respond-async")
    if said.get("_outputFormat", "ndjson") not in _FORMATS:
        raise AskedError("_outputFormat", "only NDJSON is offered", remedy="application/fhir+ndjson", issue="not-supported")
    since = asking.span("_since", said["_since"], timing.zone_of(config().timezone)).start if "_since" in said else None
    offered = verbs.kinds_of(level)
    asked = reading_views.types(said["_type"]) if "_type" in said else offered
    beyond = [one for one in asked if one not in offered or not (may(one, "r") and may(one, "s"))]
    if "_type" in said and beyond:
        raise NotPermittedError(
            f"your token does not permit an export of {', '.join(beyond)} here", remedy="leave the type out, or ask for scopes with .rs"
        )
    types = tuple(one for one in asked if one not in beyond)
    if not types:
        raise NotPermittedError("your token permits no type to be exported", remedy="ask for scopes such as system/*.rs")
    ward = _ward(group) if level == GROUP else None
    wanted = Wanted(level=level, types=types, ward=ward, since=since)
    try:
        with transaction(actor()) as tx:
            made = verbs.ask(tx, client=program.client.id, address=request.url, wanted=wanted)
    except TooManyError as exc:
        found = outcomes.failure(429, exc.message, remedy=exc.remedy or "")
        found.headers["Retry-After"] = str(WAIT_S)
        return found
    accepted = outcomes.answer(outcomes.outcome([outcomes.issue("information", "informational", "the export is being made")]), 202)
    accepted.headers["Content-Location"] = f"{base()}/_export/{made}"
    return accepted


def _ward(group: str) -> str:
    """A group is a ward: those who are there now. Raises: NotFoundError."""
    name = from_id(group)
    with reading(actor()) as tx:
        if name is None or patients.ward(tx, name) is None or (tx.actor.wards is not None and name not in tx.actor.wards):
            raise NotFoundError(f"there is no group {group[:64]!r}", remedy="a group is a ward: see Location")
    return name


def _mine(export: str) -> Export:
    """Raises: NotPermittedError, NotFoundError."""
    program = _program()
    with reading(actor()) as tx:
        found = fhir_exports.find(tx, export)
        at = tx.at
    is_over = found is not None and found.expires_at is not None and found.expires_at <= at  # whether or not its files are gone yet
    if found is None or is_over or found.client != program.client.id or found.state in (fhir_exports.CANCELLED, fhir_exports.EXPIRED):
        raise NotFoundError("there is no such export, or its time is over", remedy="ask for a new one")
    return found


def status(export: str) -> Response:
    found = _mine(export)
    if request.method == "DELETE":
        with transaction(actor()) as tx:
            verbs.cancel(tx, config().data_dir, found.id)
        return Response(status=202)
    if found.state in fhir_exports.OPEN:
        waits = Response(status=202)
        waits.headers["X-Progress"] = found.progress or "waiting"
        waits.headers["Retry-After"] = str(LOOK_AGAIN_S)
        return waits
    if found.state == fhir_exports.FAILED:
        return outcomes.failure(
            500, found.error or "the export failed", remedy="ask for a new one; if it fails again, ask who runs the server"
        )
    return _manifest(found)


def _manifest(found: Export) -> Response:
    lists: dict[bool, list[dict[str, object]]] = {False: [], True: []}
    for number, one in enumerate(found.files):
        address = f"{base()}/_export/{found.id}/{number}.ndjson"
        lists[bool(one["is_error"])].append({"type": one["type"], "url": address, "count": one["count"]})
    answer = jsonify(
        {
            "transactionTime": verbs.transaction_time(found),
            "request": found.address,
            "requiresAccessToken": True,
            "output": lists[False],
            "error": lists[True],
        }
    )
    answer.headers["Expires"] = _http_date(found.expires_at)
    return answer


def _http_date(at: datetime | None) -> str:
    return "0" if at is None else format_datetime(at, usegmt=True)


def file(export: str, number: int) -> Response:
    found = _mine(export)
    if found.state != fhir_exports.DONE or number >= len(found.files):
        raise NotFoundError("there is no such file", remedy="see the list of the export")
    one = found.files[number]
    # A scope that the program has lost since takes its files away too.
    if not one["is_error"] and not (may(one["type"], "r") and may(one["type"], "s")):
        raise NotPermittedError(f"your token does not permit {one['type']}", remedy="ask for the scopes of the export")
    text = verbs.content(config().data_dir, found, number)
    viewing.seen(count=int(one["count"]))
    return Response(text, content_type="application/fhir+ndjson")
