"""What of the FHIR server is kept, look by look: pages since the last look, and the whole of one patient.

The mark of a look is the server's own clock, never ours, and each look begins before the mark of the last one: a server shows what it
stored a moment late and out of order. What was kept before is known by its version. Nothing is taken here.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pointofcare.errors import EmrError, UnreadableError
from server.feed_settings import FhirFeedConfig
from server.feeds import fhir_items as items
from server.feeds.fhir_items import SOURCE
from server.feeds.fhir_source import GoneError, Resource, Source
from server.store import incoming
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import arrivals

_log = logging.getLogger(__name__)
ACTOR = Actor(id="fhir-feed", name="FHIR feed")
# Of one search at one look; what is left comes with the next look.
MOST_PAGES = 200
_MOST_REMEMBERED = 20_000
_PATIENTS_OWN = frozenset({"Patient", "AllergyIntolerance", "Observation"})
TOO_MUCH = "feed-too-much"


class Reference:
    """Resources that others name, by "Location/17": the newest that was seen, read when it was not. One thread."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: OrderedDict[str, Mapping[str, Any] | None] = OrderedDict()

    def put(self, found: Resource) -> None:
        try:
            self._keep(found.about, items.parsed(found.payload))
        except UnreadableError:
            _log.warning("%s cannot be read", found.kind)

    def get(self, about: str) -> Mapping[str, Any] | None:
        """None: there is none. Raises: EmrError when the server cannot be asked."""
        if about not in self._known:
            try:
                self.put(self._source.read(about))
            except GoneError:
                self._keep(about, None)
        return self._known.get(about)

    def _keep(self, about: str, found: Mapping[str, Any] | None) -> None:
        self._known[about] = found
        self._known.move_to_end(about)
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """`new` items were kept; `is_whole` False: there is more, which the next look gets."""

    new: int
    is_whole: bool


def look(source: Source, kind: str, settings: FhirFeedConfig, reference: Reference, now: datetime) -> Looked:
    """What changed since the last look. Raises: EmrError, what the store raises."""
    with reading(ACTOR) as tx:
        feed = incoming.feed(tx, SOURCE, kind)
    mark = feed.mark_at if feed is not None else None
    since = mark - timedelta(seconds=settings.overlap_s) if mark is not None else now - timedelta(hours=settings.lookback_h)
    asked = [("_lastUpdated", f"ge{since.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}"), ("_sort", "_lastUpdated")]
    if kind == "Observation":
        asked.append(("code", ",".join(items.OBSERVED)))
    new, is_rising, is_whole, newest, clock = 0, True, False, mark, now
    before: datetime | None = None
    for page in source.search(kind, asked, pages=MOST_PAGES):
        clock, is_whole = page.clock, page.is_last
        with transaction(ACTOR) as tx:
            new += keep(tx, page.found, settings, reference)
        for one in page.found:
            if one.updated_at is None:
                continue
            is_rising = is_rising and (before is None or before <= one.updated_at)
            before = one.updated_at
            newest = one.updated_at if newest is None else max(newest, one.updated_at)
    # What claims to be from the future moves no mark past the server's own clock, and a clock that was put back takes the mark with it.
    newest = clock if newest is None and is_whole else newest
    reached = min(newest, clock) if newest is not None else None
    can_go_on = is_whole or (is_rising and reached is not None and reached > since + timedelta(seconds=settings.overlap_s))
    with transaction(ACTOR) as tx:
        if can_go_on:
            incoming.looked(tx, SOURCE, kind, mark_at=reached)
        else:
            incoming.looked(tx, SOURCE, kind, fault=TOO_MUCH, told=f"more than {MOST_PAGES} pages")
    return Looked(new=new, is_whole=is_whole)


def keep(tx: Transaction, found: Iterable[Resource], settings: FhirFeedConfig, reference: Reference, *, whatever: bool = False) -> int:
    """Keeps what concerns this hospital's wards and is not known yet; how many. `whatever`: also of a patient who is not here yet."""
    listed = [one for one in found if one.kind in items.KINDS and one.id]
    for one in listed:
        if one.kind in items.REFERENCE:
            reference.put(one)
    wanted = [one for one in listed if one.kind not in items.REFERENCE]
    known = incoming.known(tx, SOURCE, [items.key(one) for one in wanted])
    new = 0
    for one in wanted:
        key = items.key(one)
        if key in known:
            continue
        subject, is_ours = _ours(tx, one, settings)
        if not (is_ours or whatever):
            continue
        if len(one.payload) > incoming.MOST_BYTES:
            incoming.keep_refused(tx, source=SOURCE, kind=one.kind, key=key, size=len(one.payload), about=one.about, subject=subject)
        else:
            incoming.keep(tx, source=SOURCE, kind=one.kind, key=key, payload=one.payload, about=one.about, subject=subject)
        new += 1
    return new


def _ours(tx: Transaction, one: Resource, settings: FhirFeedConfig) -> tuple[str, bool]:
    """The patient that it is about, and whether it is kept: of people who are not here, only what says that they come, and orders."""
    try:
        parsed = items.parsed(one.payload)
        subject = items.subject(one.kind, parsed)[:200]
    except (UnreadableError, AttributeError, TypeError):
        return "", True  # nobody knows whose it is: shown to a person
    if one.kind in _PATIENTS_OWN or (one.kind == "Encounter" and not items.is_stay(parsed, settings.classes)):
        return subject, arrivals.candidate(tx, SOURCE, subject) is not None
    if one.kind == "Encounter" and parsed.get("status") not in items.OPEN:
        return subject, arrivals.candidate(tx, SOURCE, subject) is not None
    return subject, True


def whole_patient(source: Source, subject: str, settings: FhirFeedConfig, reference: Reference) -> int:
    """Keeps allergies, measurements and live orders of somebody who has just come. Raises: EmrError."""
    new = 0
    for kind, asked in (
        ("AllergyIntolerance", [("patient", subject)]),
        ("Observation", [("patient", subject), ("code", ",".join(items.OBSERVED)), ("_sort", "-date")]),
        (items.ORDER, [("patient", subject), ("status", "active,on-hold,draft,unknown")]),
    ):
        for page in source.search(kind, asked, pages=2 if kind == "Observation" else 20):
            mine = [one for one, _ in items.about_patient(page.found, subject)]
            with transaction(ACTOR) as tx:
                new += keep(tx, mine, settings, reference, whatever=True)
    return new


def failed(kind: str, error: EmrError) -> None:
    """Says on the page that this look failed, and why."""
    with transaction(ACTOR) as tx:
        incoming.looked(tx, SOURCE, kind, fault=error.code, told=str(error))
