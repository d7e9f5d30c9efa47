"""The rule catalogue for anybody who is signed in, and one stored verdict judged again beside what it said then. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from flask import Blueprint, request

from pointofcare.administration.record import FindingEvidence
from pointofcare.errors import NotFoundError
from pointofcare.texts import Catalogue
from pointofcare.verdict import catalogue, engine
from pointofcare.verdict.catalogue import FAMILIES, LEFT_OUT, Entry, Kind
from pointofcare.wire import recompute
from pointofcare.wire.recompute import ADMINISTRATION, ATTEMPT, Replayed
from server.security import viewing
from server.security.permissions import SEE_REVIEW
from server.security.person import actor, requires
from server.store import views_patients
from server.store.transaction import reading
from server.usecases import replays
from server.web import page, sentences

room = Blueprint("rules", __name__, url_prefix="/rules")

NAMES_SHOWN = 12


@cache
def words() -> Catalogue:
    return Catalogue("server.web.rule_texts")


def r(code: str, **parameters: object) -> str:
    """The text of `code` in the reader's language."""
    return words().text(page.language(), code, parameters)


@room.app_context_processor
def _everywhere() -> dict[str, object]:
    """Any page may name the rules and lead to them."""
    return {"rule_text": r}


def of_entry(entry: Entry, part: str) -> str:
    """`part` (title, looks, passes) of a rule in the reader's language; in English, as the rule says it itself, where there is none."""
    code = f"{entry.id}-{entry.kind}-{part}".lower()
    if words().has(page.language(), code):
        return r(code)
    return str({"title": entry.title, "looks": entry.looks_at, "passes": entry.passes_when}[part])


@room.get("/")
def listed() -> str:
    actor()
    wanted = request.args.get("kind", "")
    kinds = [kind.value for kind in Kind]
    wanted = wanted if wanted in kinds else ""
    entries = [entry for entry in catalogue.entries() if not wanted or entry.kind.value == wanted]
    families = [(family, [entry for entry in entries if entry.id.startswith(family)]) for family in FAMILIES]
    return page.render(
        "rules.html",
        r=r,
        of=of_entry,
        families=[(family, found) for family, found in families if found],
        kinds=kinds,
        kind=wanted,
        engine=engine.VERSION,
        left_out=LEFT_OUT,
        shown=NAMES_SHOWN,
        total=len({entry.id for entry in catalogue.entries()}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One rule of a verdict: what it said then, and what it says now; None: nothing."""

    rule: str
    then: FindingEvidence | None
    now: FindingEvidence | None
    differs: bool


@room.get("/replay/<kind>/<record_id>")
@requires(SEE_REVIEW)
def replay(kind: str, record_id: str) -> str:
    if kind not in (ADMINISTRATION, ATTEMPT):
        raise NotFoundError(f"there is no {kind!r}", remedy="open it from the review page")
    with reading(actor()) as tx:
        done = replays.replay(tx, record_id, kind=kind)
        dose = views_patients.dose(tx, record_id) if kind == ADMINISTRATION else None
        patient = views_patients.get(tx, dose.record.patient) if dose is not None else None
    viewing.seen(patient=dose.record.patient if dose is not None else None)
    return page.render(
        "replay.html",
        r=r,
        done=done,
        stored=done.stored,
        lines=_lines(done),
        dose=dose,
        name=patient.name if patient is not None else "",
        sentence=sentences.of_evidence,
    )


def _lines(done: Replayed) -> list[Line]:
    then = {(each.rule, each.shadow, place): each for place, each in _numbered(done.stored.findings)}
    verdict = done.verdict
    found = [recompute.evidence(each) for each in verdict.findings] if verdict is not None else []
    now = {(each.rule, each.shadow, place): each for place, each in _numbered(found)}
    different = {one.rule for one in done.differences or ()}
    return [
        Line(rule=key[0], then=then.get(key), now=now.get(key), differs=verdict is not None and key[0] in different)
        for key in dict.fromkeys((*then, *now))
    ]


def _numbered(findings: Iterable[FindingEvidence]) -> list[tuple[int, FindingEvidence]]:
    """Each finding with its number among those of its rule."""
    seen: dict[str, int] = {}
    numbered = []
    for each in findings:
        seen[each.rule] = seen.get(each.rule, 0) + 1
        numbered.append((seen[each.rule], each))
    return numbered
