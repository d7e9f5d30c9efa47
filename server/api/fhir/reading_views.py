"""Searching and reading: one view an interaction. Each says whom it showed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any

from flask import Blueprint, Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pointofcare.errors import NotFoundError
from pointofcare.orders import timing
from server.api.fhir import asking, bundles, capability
from server.api.fhir.asking import Around, Read
from server.api.fhir.outcomes import AskedError, answer, failure, issue, outcome
from server.api.fhir.room import base, config, context, may, permitted
from server.emr.fhir_elements import Json
from server.emr.fhir_ids import from_id
from server.security import viewing
from server.security.person import actor
from server.store import patients, reach
from server.store.fhir_walk import Reference, Span
from server.store.transaction import Transaction, reading
from server.usecases import fhir_search
from server.usecases.fhir_built import Built
from server.usecases.fhir_kinds import KINDS, Filters, Kind
from server.usecases.fhir_search import Cursor, Page, Search, Whole

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
# A reverse include brings so many, and says when there are more; a count looks at so many pages.
MOST_BROUGHT = 500
MOST_INCLUDES = 10
MOST_COUNTED_PAGES = 10
_STRICT = "handling=strict"


def register(room: Blueprint) -> None:
    room.add_url_rule("/R4/metadata", "metadata", metadata)
    room.add_url_rule("/R4/.well-known/smart-configuration", "smart", smart)
    room.add_url_rule("/R4/<string:kind>", "search", search)
    room.add_url_rule("/R4/<string:kind>/_search", "search", search, methods=["POST"])
    room.add_url_rule("/R4/Patient/$everything", "everybody", everybody)
    room.add_url_rule("/R4/Patient/<string:fhir_id>/$everything", "everything", everything)
    room.add_url_rule("/R4/<string:kind>/<string:fhir_id>", "read", read)
    room.add_url_rule("/R4/<string:kind>/<string:fhir_id>/_history", "history", history)
    room.add_url_rule("/R4/<string:kind>/<string:fhir_id>/_history/<string:version>", "version", version)
    room.add_url_rule("/R4", "nothing", nothing, methods=METHODS)
    room.add_url_rule("/R4/", "nothing", nothing, methods=METHODS)
    room.add_url_rule("/R4/<anything:rest>", "nothing", nothing, methods=METHODS)


def metadata() -> Response:
    return answer(capability.statement(base(), version=current_app.config[VERSION], at=current_app.config[STARTED]))


def smart() -> Response:
    found = answer(capability.smart(base()))
    found.content_type = "application/json"
    return found


# Keys of the application's configuration.
STARTED, VERSION = "POINTOFCARE_FHIR_STARTED", "POINTOFCARE_FHIR_VERSION"


def nothing(rest: str = "") -> Response:
    """Any other address, or a method that an address does not have."""
    allowed = [method for method in METHODS if _endpoint(rest, method) != "fhir.nothing"]
    if allowed:
        raise MethodNotAllowed(valid_methods=allowed, description=f"use {' or '.join(allowed)} here: nothing can be written")
    return failure(404, "there is no such address", remedy="see /fhir/R4/metadata")


def _endpoint(rest: str, method: str) -> str:
    try:
        return str(current_app.url_map.bind("").match(f"/fhir/R4/{rest}", method=method)[0])
    except HTTPException:
        return "fhir.nothing"


def search(kind: str) -> Response:
    served = permitted(kind, "s")
    given = [*request.args.items(multi=True), *request.form.items(multi=True)]
    said = dict(given)
    with reading(actor()) as tx:
        found = asking.read(served, given, _around(tx), strict=_STRICT in request.headers.get("Prefer", ""))
        _only_known(said)
        asked = _asked(served, found, said, given)
        if said.get("_summary") == "count" or said.get("_count") == "0":
            body = _counted(tx, served, asked)
            viewing.seen(count=body["total"])
            return answer(body)
        page = fhir_search.find(tx, context(), served, asked)
        body = _page(tx, served, asked, found, page, given)
    _seen(page.items)
    return answer(body)


def _around(tx: Transaction) -> Around:
    return Around(
        context=context(), base=base(), zone=timing.zone_of(config().timezone), of_number=lambda number: patients.find_by_mrn(tx, number)
    )


def _only_known(said: Mapping[str, str]) -> None:
    """What changes what a page shows is done, or refused. Raises: AskedError."""
    if said.get("_summary", "false") not in ("false", "count", "data"):
        raise AskedError("_summary", "this summary is not offered", remedy="use count, data or false, or _elements", issue="not-supported")
    if said.get("_total", "none") not in ("none", "estimate", "accurate"):
        raise AskedError("_total", "no such word", remedy="use none, estimate or accurate")
    for name in ("_include", "_revinclude"):
        if f"{name}:iterate" in said:
            raise AskedError(f"{name}:iterate", "includes of includes are not offered", remedy=f"use {name}", issue="not-supported")


def _asked(kind: Kind, found: Read, said: Mapping[str, str], given: list[tuple[str, str]]) -> Search:
    """Raises: AskedError."""
    walk, descending = "", False
    if "_sort" in said:
        name = said["_sort"].removeprefix("-")
        if name not in kind.sorts or (any(one == "name" for one, _ in found.filters) and name != "_id"):
            raise AskedError("_sort", f"{kind.name} is not sorted so", remedy=f"one of: {', '.join(kind.sorts)}", issue="not-supported")
        walk, descending = kind.sorts[name], said["_sort"].startswith("-")
    cursor = _cursor(said["_cursor"], kind, given) if "_cursor" in said else Cursor()
    limit = max(1, asking.count(said.get("_count")))
    return Search(filters=found.filters, ids=found.ids, sort=walk, descending=descending, cursor=cursor, limit=limit)


def _counted(tx: Transaction, kind: Kind, asked: Search) -> Json:
    """How many there are, as far as it can be told without reading a hospital. Raises: AskedError."""
    total = 0
    pages = fhir_search.all_pages(tx, context(), kind, replace(asked, limit=fhir_search.MOST_FOLDED, cursor=Cursor()))
    for number, page in enumerate(pages, start=1):
        total += sum(1 for one in page.items if one.resource is not None)
        if page.next is not None and number == MOST_COUNTED_PAGES:
            raise AskedError(
                "_summary", "too many to be counted at once", remedy="narrow the search, or follow its pages", issue="too-costly"
            )
    return bundles.bundle("searchset", [], at=tx.at, links={"self": request.url}, total=total)


def _page(tx: Transaction, kind: Kind, asked: Search, found: Read, page: Page, given: list[tuple[str, str]]) -> Json:
    said = dict(given)
    wanted = [one for one in said.get("_elements", "").split(",") if one]
    entries = [bundles.entry(one, context(), base(), "match", wanted) for one in page.items]
    more, notes = _brought(tx, kind, page.items, given)
    here = {(one.kind, one.id) for one in page.items}
    entries += [bundles.entry(one, context(), base(), "include", ()) for one in more if (one.kind, one.id) not in here]
    notes += page.unsure
    notes += [f"{name} is no search parameter of {kind.name}, and was ignored" for name in found.ignored]
    if notes:
        told = outcome(issue("warning", "incomplete" if name in page.unsure else "informational", name) for name in notes)
        entries.append({"resource": told, "search": {"mode": "outcome"}})
    kept = [*found.kept, *((name, value) for name, value in given if name in asking.OF_THE_PAGE and name != "_cursor")]
    address = f"{base()}/{kind.name}"
    links = {"self": bundles.link(address, kept)}
    if page.next is not None:
        links["next"] = bundles.link(address, [*kept, ("_cursor", _sealed(page.next, kind, given))])
    is_all = page.next is None and asked.cursor == Cursor()
    total = sum(1 for one in page.items if one.resource is not None) if is_all else None
    return bundles.bundle("searchset", entries, at=tx.at, links=links, total=total)


def _brought(tx: Transaction, kind: Kind, items: tuple[Built, ...], given: list[tuple[str, str]]) -> tuple[list[Built], list[str]]:
    """What `_include` and `_revinclude` bring, and what to say of it. Raises: AskedError."""
    notes: list[str] = []
    found: list[Built] = []
    if sum(1 for name, _ in given if name in ("_include", "_revinclude")) > MOST_INCLUDES:
        raise AskedError("_include", f"more than {MOST_INCLUDES} includes", remedy="ask in several searches", issue="too-costly")
    asked = [_include("_include", value) for name, value in given if name == "_include"]
    for one in asked:
        if one[0] != kind.name:
            raise AskedError("_include", f"{one[0]} is not what is searched", remedy=f"begin with {kind.name}:")
    for name, ids in bundles.included(items, asked).items():
        if may(name, "r"):
            found += fhir_search.read(tx, context(), KINDS[name], sorted(ids))
        else:
            notes.append(f"your token does not permit {name}: none is included")
    ours = tuple(Reference(kind=kind.name, id=name) for name in (from_id(one.id) for one in items) if name is not None)
    for source, name, _ in [_include("_revinclude", value) for key, value in given if key == "_revinclude"]:
        parameter = KINDS[source].parameter(name)
        if parameter is None or kind.name not in parameter.targets:
            raise AskedError(
                "_revinclude", f"{source}:{name} does not refer to {kind.name}", remedy="see searchRevInclude in /fhir/R4/metadata"
            )
        if not may(source, "s"):
            notes.append(f"your token does not permit {source}: none is included")
        elif ours:
            search = Search(filters=((parameter.internal, ours),), limit=MOST_BROUGHT)
            page = fhir_search.find(tx, context(), KINDS[source], search)
            found += page.items
            if page.next is not None:
                notes.append(f"there are more {source} than this page brings: search {source} by {name}")
    return found, notes


def _include(name: str, value: str) -> tuple[str, str, str]:
    source, _, rest = value.partition(":")
    parameter, _, target = rest.partition(":")
    served = KINDS.get(source)
    if served is None or not parameter or (parameter != "*" and served.parameter(parameter) is None) or (target and target not in KINDS):
        raise AskedError(name, f"{value[:80]!r} cannot be included", remedy="see searchInclude in /fhir/R4/metadata")
    return source, parameter, target


def _seen(items: Iterable[Built]) -> None:
    listed = tuple(items)
    viewing.seen(patients=[one.patient for one in listed if one.patient], count=len(listed))


def _one(tx: Transaction, kind: Kind, fhir_id: str) -> Built:
    """Raises: NotFoundError, OtherWardError."""
    if kind.name == "Patient" and (name := from_id(fhir_id)) is not None and patients.known(tx, [name]):
        reach.must_see(tx, patients.ward_of(tx, name), name)
    found = [one for one in fhir_search.read(tx, context(), kind, [fhir_id]) if one.id == fhir_id and one.resource is not None]
    if not found:
        raise NotFoundError(f"there is no {kind.name} {fhir_id[:64]!r}", remedy="search for it")
    return found[0]


def read(kind: str, fhir_id: str) -> Response:
    served = permitted(kind, "r")
    with reading(actor()) as tx:
        one = _one(tx, served, fhir_id)
    viewing.seen(patient=one.patient)
    return _resource(one)


def _resource(one: Built) -> Response:
    finished = one.finished(context())
    tag = bundles.etag(finished, one.version)
    wanted = [name for name in request.args.get("_elements", "").split(",") if name]
    headers = {"ETag": tag}
    if one.updated_at is not None:
        headers["Last-Modified"] = format_datetime(one.updated_at, usegmt=True)
    if tag in {each.strip() for each in request.headers.get("If-None-Match", "").split(",")}:
        return Response(status=304, headers=headers)
    found = answer(bundles.elements(finished, wanted) if wanted else finished)
    found.headers.update(headers)
    return found


def history(kind: str, fhir_id: str) -> Response:
    served = permitted(kind, "r")
    if not served.versions:
        raise AskedError(
            "",
            f"of {served.name} only what holds now is kept",
            remedy=f"read {served.name}/{fhir_id[:64]}",
            issue="not-supported",
            status=404,
        )
    with reading(actor()) as tx:
        one = _one(tx, served, fhir_id)
        states = fhir_search.history(tx, context(), served, one)
        entries = []
        for place, state in enumerate(states):
            entry = bundles.entry(state, context(), base(), "match", ())
            entry.pop("search")
            first = place == len(states) - 1
            entry["request"] = {"method": "POST" if first else "PUT", "url": served.name if first else f"{served.name}/{fhir_id}"}
            entry["response"] = {"status": "201" if first else "200", "etag": f'W/"{state.version}"'}
            entries.append(entry)
        body = bundles.bundle("history", entries, at=tx.at, links={"self": request.url}, total=len(entries))
    viewing.seen(patient=one.patient)
    return answer(body)


def version(kind: str, fhir_id: str, version: str) -> Response:
    served = permitted(kind, "r")
    with reading(actor()) as tx:
        one = _one(tx, served, fhir_id)
        states = fhir_search.history(tx, context(), served, one) if served.versions else ()
    found = next((state for state in states if state.version == version and state.resource is not None), None)
    if found is None:
        raise NotFoundError(f"there is no version {version[:64]!r} of it", remedy="see its _history, where versions are kept")
    viewing.seen(patient=one.patient)
    return _resource(found)


def everything(fhir_id: str) -> Response:
    permitted("Patient", "r")
    with reading(actor()) as tx:
        one = _one(tx, KINDS["Patient"], fhir_id)
        found = from_id(fhir_id)
        body, _ = _everything(tx, found)
    viewing.seen(patient=one.patient)
    return answer(body)


def everybody() -> Response:
    permitted("Patient", "s")
    with reading(actor()) as tx:
        body, items = _everything(tx, None)
    _seen(items)
    return answer(body)


def _everything(tx: Transaction, patient: str | None) -> tuple[Json, tuple[Built, ...]]:
    """A page of all that may be read of `patient`, our id; None: of every patient."""
    said = dict(request.args.items())
    strange = sorted(set(said) - {"start", "end", "_since", "_type", "_count", "_cursor", "_format", "_pretty", "_elements"})
    if strange:
        raise AskedError(strange[0], "no parameter of $everything", remedy="use start, end, _since, _type, _count", issue="not-supported")
    zone = timing.zone_of(config().timezone)
    kinds = tuple(
        (KINDS[name], _limits(KINDS[name], said, zone)) for name in types(said.get("_type")) if may(name, "r") and KINDS[name].of_patients
    )
    given = [(name, value) for name, value in request.args.items(multi=True) if name != "_cursor"]
    at = _place(said["_cursor"], given) if "_cursor" in said else Whole()
    limit = max(1, asking.count(said.get("_count")))
    items, rest = fhir_search.everything(tx, context(), kinds, patient, at, limit)
    wanted = [one for one in said.get("_elements", "").split(",") if one]
    entries = [bundles.entry(one, context(), base(), "match", wanted) for one in items]
    here = {(one.kind, one.id) for one in items}
    # What these refer to and no patient owns: staff, carts, wards.
    around = bundles.included(items, [(kind.name, "*", target) for kind, _ in kinds for target in ("Practitioner", "Device", "Location")])
    for name, ids in around.items():
        if may(name, "r"):
            brought = fhir_search.read(tx, context(), KINDS[name], sorted(ids))
            entries += [bundles.entry(one, context(), base(), "include", ()) for one in brought if (one.kind, one.id) not in here]
    address = request.base_url
    links = {"self": bundles.link(address, given)}
    if rest is not None:
        links["next"] = bundles.link(address, [*given, ("_cursor", _sealed_place(rest, given))])
    return bundles.bundle("searchset", entries, at=tx.at, links=links), items


def types(text: str | None) -> tuple[str, ...]:
    """Raises: AskedError."""
    if text is None:
        return tuple(KINDS)
    wanted = [one.strip() for one in text.split(",")]
    for one in wanted:
        if one not in KINDS:
            raise AskedError("_type", f"{one[:64]!r} is not served", remedy=f"some of: {', '.join(KINDS)}", issue="not-supported")
    return tuple(name for name in KINDS if name in wanted)


def _limits(kind: Kind, said: Mapping[str, str], zone: Any) -> Filters:
    """start and end on the moment that a type has, _since on its change; a type that has none is given whole."""
    found: list[tuple[str, tuple[Span, ...]]] = []
    dated = {one.internal for one in kind.parameters if one.type == "date" and one.internal == "date"}
    for name, prefix in (("start", "ge"), ("end", "le")):
        if name in said:
            span = asking.span(name, said[name], zone)
            if dated:
                found.append(("date", (replace(span, prefix=prefix),)))
    if "_since" in said:
        span = asking.span("_since", said["_since"], zone)
        if kind.parameter("_lastUpdated") is not None:
            found.append(("_lastUpdated", (replace(span, prefix="ge"),)))
    return tuple(found)


# Where a page ended, as a client carries it: signed, and good for the same search alone.


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(config().secret_key, salt=f"fhir-page:{config().facility}")


def _opened(text: str, what: str) -> Any:
    """Raises: AskedError for a link of another search, or one that was changed."""
    try:
        held, value = _serializer().loads(text)
    except (BadSignature, ValueError, TypeError):
        held, value = None, None
    if held != what:
        raise AskedError("_cursor", "this is no link of this search", remedy="follow the next link as it was given")
    return value


def _digest(name: str, given: Iterable[tuple[str, str]]) -> str:
    told = json.dumps([name, sorted((a, b) for a, b in given if a not in ("_cursor", "_count", "_format", "_pretty"))])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _sealed(cursor: Cursor, kind: Kind, given: Iterable[tuple[str, str]]) -> str:
    return str(_serializer().dumps([_digest(kind.name, given), fhir_search.told(cursor)]))


def _cursor(text: str, kind: Kind, given: Iterable[tuple[str, str]]) -> Cursor:
    return fhir_search.heard(_opened(text, _digest(kind.name, given)))


def _sealed_place(at: Whole, given: Iterable[tuple[str, str]]) -> str:
    return str(_serializer().dumps([_digest(request.path, given), [at.kind, fhir_search.told(at.cursor)]]))


def _place(text: str, given: Iterable[tuple[str, str]]) -> Whole:
    kind, cursor = _opened(text, _digest(request.path, given))
    return Whole(kind=kind, cursor=fhir_search.heard(cursor))
