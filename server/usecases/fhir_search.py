"""Finding and reading what our FHIR face serves: one page, one resource, everything of a patient. Reads only.

Each page looks at a bounded number of rows and says where the next one goes on; a page may be short, and even empty, before the end.
What cannot be told as FHIR is named on the page. Must never end a list that has more, nor show what the person does not reach.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from server.emr.fhir_ids import from_id
from server.emr.fhir_mapping import MappingContext
from server.store import fhir_doses, fhir_rows, fhir_tables, fhir_walk
from server.store.fhir_walk import Asked, Looked, Position, Reference, Span, Words
from server.store.transaction import Transaction
from server.usecases import fhir_doses as doses
from server.usecases.fhir_built import Built
from server.usecases.fhir_kinds import Filters, Kind, Source, order_resource

# Chains are read whole and folded: so many records for one page.
MOST_FOLDED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a page ended: in which source, behind which row, and how many of the next row's resources were on it."""

    source: int = 0
    after: Position | None = None
    row: Position | None = None
    given: int = 0


def told(cursor: Cursor) -> list[Any]:
    """As plain JSON values, for a link or a row."""
    return [cursor.source, _packed(cursor.after), _packed(cursor.row), cursor.given]


def heard(value: list[Any]) -> Cursor:
    """What `told` wrote; the caller has made sure that it was."""
    return Cursor(source=value[0], after=_unpacked(value[1]), row=_unpacked(value[2]), given=value[3])


def _packed(position: Position | None) -> list[Any] | None:
    return None if position is None else [{"t": one.isoformat()} if isinstance(one, datetime) else one for one in position]


def _unpacked(position: list[Any] | None) -> Position | None:
    return None if position is None else tuple(datetime.fromisoformat(one["t"]) if isinstance(one, dict) else one for one in position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """`ids` are FHIR ids of which one is wanted, None: any. `sort` is a walk, "": as suits what is asked."""

    filters: Filters = ()
    ids: tuple[str, ...] | None = None
    sort: str = ""
    descending: bool = False
    cursor: Cursor = field(default_factory=Cursor)
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`next` None: that was all. `unsure` are sentences about what may be missing."""

    items: tuple[Built, ...]
    next: Cursor | None
    unsure: tuple[str, ...] = ()


def find(tx: Transaction, context: MappingContext, kind: Kind, search: Search) -> Page:
    """One page."""
    items: list[Built] = []
    unsure: list[str] = []
    cursor = search.cursor
    while cursor.source < len(kind.sources):
        source = kind.sources[cursor.source]
        wanted = _wanted(tx, kind, source, search)
        end: Position | None = None
        if wanted is not None:
            walk = _walk(source, wanted, search.sort)
            looked = _look(tx, source, walk, wanted, search, cursor, search.limit - len(items), unsure)
            end = looked.end
            built = source.build(tx, context, walk, looked.found, wanted)
            before = cursor.after
            for position, made in zip(looked.found, built, strict=True):
                skipped = cursor.given if position == cursor.row else 0
                room = search.limit - len(items)
                items += made[skipped : skipped + room]
                if len(made) - skipped > room:
                    rest = Cursor(source=cursor.source, after=before, row=position, given=skipped + room)
                    return Page(items=tuple(items), next=rest, unsure=tuple(unsure))
                before = position
        if end is not None:
            return Page(items=tuple(items), next=Cursor(source=cursor.source, after=end), unsure=tuple(unsure))
        cursor = Cursor(source=cursor.source + 1)
        if len(items) >= search.limit and cursor.source < len(kind.sources):
            return Page(items=tuple(items), next=cursor, unsure=tuple(unsure))
    return Page(items=tuple(items), next=None, unsure=tuple(unsure))


def _look(
    tx: Transaction, source: Source, walk: str, wanted: Filters, search: Search, cursor: Cursor, room: int, unsure: list[str]
) -> Looked:
    names = source.table.conditions if source.as_told is None else source.as_told[walk]
    told = tuple((name, values) for name, values in wanted if name in names and name in source.table.conditions)
    limit = max(1, min(room, MOST_FOLDED) if source.as_told is not None else room)
    asked = Asked(filters=told, walk=walk, descending=search.descending, after=cursor.after, limit=limit)
    words = tuple(word for name, values in wanted if name == "name" for value in values if isinstance(value, Words) for word in value.words)
    if not words:
        return fhir_walk.look(tx, source.table, asked)
    found, is_cut = fhir_tables.by_name(tx, words, asked)
    if is_cut:
        unsure.append("so many people have these words in their names that others may not have been looked at: add a word")
    return found


def _wanted(tx: Transaction, kind: Kind, source: Source, search: Search) -> Filters | None:
    """What the source is asked, None: it has none of these ids."""
    found = search.filters
    if search.ids is not None:
        keys = [key for key in map(source.key, search.ids) if key is not None]
        if not keys:
            return None
        merged: dict[str, list[Any]] = {}
        for key in keys:
            for name, values in key:
                merged.setdefault(name, []).extend(values)
        found = (*found, *((name, tuple(dict.fromkeys(values))) for name, values in merged.items()))
    if kind.name == "Provenance":
        found = (*found, *_parts_of(tx, found))
    return found


def _parts_of(tx: Transaction, filters: Filters) -> Filters:
    """Every record of the chains of what is asked for: the Provenance of each may tell of it."""
    targets = [value.id for name, values in filters if name == "target" for value in values if isinstance(value, Reference)]
    if not targets:
        return ()
    parts = [one.record.record_id for chain in fhir_doses.chains(tx, targets) for one in chain]
    return (("_id", tuple(Reference(kind=None, id=one) for one in parts or targets)),)


def _walk(source: Source, wanted: Filters, sort: str) -> str:
    """What was asked for, else the order in which the index begins where the search does."""
    walks = source.table.walks
    names = {name for name, _ in wanted}
    if "name" in names:  # the index of the words is by patient
        return "_id"
    if sort and sort in walks:
        return sort
    if names & {"_id", "identifier"}:
        return "_id"
    bounded = {name for name, values in wanted if len(values) == 1 and isinstance(values[0], Span)}
    if "_lastUpdated" in bounded and "_lastUpdated" in walks:
        return "_lastUpdated"
    if "date" in walks and (source.as_told is not None or "date" in bounded) and names - {"patient"}:
        return "date"
    return "_lastUpdated" if "_lastUpdated" in walks else "_id"


def read(tx: Transaction, context: MappingContext, kind: Kind, ids: Collection[str]) -> tuple[Built, ...]:
    """Those of `ids` that are there and reached."""
    wanted = tuple(dict.fromkeys(ids))
    found: list[Built] = []
    for start in range(0, len(wanted), MOST_FOLDED):
        search = Search(ids=wanted[start : start + MOST_FOLDED], limit=1_000)
        found += [one for one in find(tx, context, kind, search).items if one.id in wanted]
    return tuple(found)


def history(tx: Transaction, context: MappingContext, kind: Kind, one: Built) -> tuple[Built, ...]:
    """Every state of a resource that is kept, the newest first; it was read and reached before."""
    name = from_id(one.id) or ""
    if kind.name in ("MedicationAdministration", "Procedure"):
        return doses.history(tx, kind.name, name, context)
    if kind.name == "MedicationRequest" and one.version is not None:
        newest = int(one.version.split("-")[0])
        older = (fhir_rows.order_version(tx, name, number) for number in range(newest - 1, 0, -1))
        return (one, *(order_resource(held, context) for held in older if held is not None))
    return (one,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Where a page of everything ended: at which of the kinds, and where in it."""

    kind: int = 0
    cursor: Cursor = field(default_factory=Cursor)


def everything(
    tx: Transaction, context: MappingContext, kinds: tuple[tuple[Kind, Filters], ...], patient: str | None, at: Whole, limit: int
) -> tuple[tuple[Built, ...], Whole | None]:
    """One page of all that belongs to `patient` (our id; None: to any), type after type."""
    items: list[Built] = []
    while at.kind < len(kinds):
        kind, filters = kinds[at.kind]
        mine = () if patient is None else (("patient", (Reference(kind="Patient", id=patient),)),)
        page = find(tx, context, kind, Search(filters=(*filters, *mine), cursor=at.cursor, limit=limit - len(items)))
        items += page.items
        at = replace(at, cursor=page.next) if page.next is not None else Whole(kind=at.kind + 1)
        if len(items) >= limit or page.next is not None:
            break
    return tuple(items), at if at.kind < len(kinds) else None


def all_pages(tx: Transaction, context: MappingContext, kind: Kind, search: Search) -> Iterator[Page]:
    """One after the other, in the memory of one."""
    at: Cursor | None = search.cursor
    while at is not None:
        page = find(tx, context, kind, replace(search, cursor=at))
        yield page
        at = page.next
