"""A stored verdict computed again from its facts: the same engine must say the same, another one's differences are listed by rule.

Pure: what is read comes as JSON values, what is found goes back as values. Must never call a verdict "the same" that it could not
recompute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pointofcare.administration.record import AdministrationRecord, FindingEvidence
from pointofcare.errors import MessageError
from pointofcare.verdict import engine
from pointofcare.verdict.finding import Finding, Level, Verdict
from pointofcare.wire import snapshot, values
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped

ADMINISTRATION, ATTEMPT = "administration", "attempt"
# A band that stops is told at once, from these rules alone.
IDENTITY = frozenset({"P1", "P2", "P3", "P5", "P6", "P7", "P8"})
# What the cart adds of what only it knows: no chart, an open dose that nobody has answered for.
_OF_THE_CART = {"P1": ("cause", ("chart-missing", "band-unknown")), "T3": ("status", ("unconfirmed",))}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """What the record of a dose, or of one that was stopped, says of its verdict. `kind` is administration or attempt; `level` of
    the first is what was asked for, of the second what was left when it ended. `facts` is the text of `snapshot.pack`."""

    record_id: str
    kind: str
    ward: str
    at: datetime
    engine: str
    policy: str
    level: str
    findings: tuple[FindingEvidence, ...]
    order: str | None = None
    order_version: int | None = None
    due: datetime | None = None
    facts: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`rule` "" is the verdict itself. `what` is level, order, due, gone (a finding that is not made any more), new, or the name of
    a finding's part; `stored` and `now` are its values as plain JSON."""

    rule: str
    what: str
    stored: object
    now: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """`differences` None: it could not be recomputed, `why` says so. `verdict` is today's."""

    stored: StoredVerdict
    engine: str
    differences: tuple[Difference, ...] | None
    verdict: Verdict | None = None
    why: str = ""

    @property
    def same_engine(self) -> bool:
        return self.stored.engine == self.engine

    @property
    def is_same(self) -> bool:
        return self.differences == ()


def of_administration(record: AdministrationRecord, facts: str | None) -> StoredVerdict:
    return StoredVerdict(
        record_id=record.record_id,
        kind=ADMINISTRATION,
        ward=record.ward,
        at=record.recorded_at,
        engine=record.engine,
        policy=record.policy,
        level=record.level,
        findings=record.findings,
        order=record.order,
        order_version=record.order_version,
        due=record.due,
        facts=facts,
    )


def of_attempt(attempt: AttemptStopped, facts: str | None) -> StoredVerdict:
    return StoredVerdict(
        record_id=attempt.record_id,
        kind=ATTEMPT,
        ward=attempt.ward,
        at=attempt.at,
        engine=attempt.engine,
        policy=attempt.policy,
        level=attempt.level,
        findings=attempt.findings,
        order=attempt.order,
        order_version=attempt.order_version,
        due=attempt.due,
        facts=facts,
    )


def read(plain: object) -> StoredVerdict:
    """A line of an export, or a cart's message: the whole payload or its body. Raises: MessageError."""
    found: Any = plain
    if isinstance(found, Mapping) and isinstance(found.get("body"), Mapping):
        found = found["body"]
    if not isinstance(found, Mapping):
        raise MessageError(
            "this is no stored verdict", problems=(("(top)", "give an object"),), remedy="give a line of an export, or a cart's message"
        )
    if "record" in found:
        recorded = values.from_plain(AdministrationRecorded, {"seq": 1, "epoch": "", **found})
        return of_administration(recorded.record, recorded.facts)
    if "outcome" in found:
        attempt = values.from_plain(AttemptStopped, {"seq": 1, "epoch": "", **found})
        return of_attempt(attempt, attempt.facts)
    return values.from_plain(StoredVerdict, found)


def replay(stored: StoredVerdict) -> Replayed:
    """Never raises: what cannot be recomputed says why."""
    if stored.facts is None:
        return Replayed(stored=stored, engine=engine.VERSION, differences=None, why="no-facts")
    try:
        facts = snapshot.unpack(stored.facts)
    except MessageError as exc:
        return Replayed(stored=stored, engine=engine.VERSION, differences=None, why=exc.message)
    verdict = engine.evaluate(facts)
    return Replayed(stored=stored, engine=engine.VERSION, differences=tuple(differences(stored, verdict)), verdict=verdict)


def differences(stored: StoredVerdict, verdict: Verdict) -> Iterable[Difference]:
    """Where `verdict` says something else than `stored`, by rule, in the order shown to the nurse."""
    told = [each for each in stored.findings if not _of_the_cart(each)]
    found = [evidence(each) for each in verdict.findings]
    whole = not _identity_alone(stored)
    if not whole:
        found = [each for each in found if each.rule in IDENTITY]
    if whole and (stored.order, stored.order_version) != (verdict.order, verdict.order_version):
        yield Difference(
            rule="",
            what="order",
            stored=_named(stored.order, stored.order_version),
            now=_named(verdict.order, verdict.order_version),
        )
    if whole and stored.due != verdict.due:
        yield Difference(rule="", what="due", stored=_moment(stored.due), now=_moment(verdict.due))
    if len(told) == len(stored.findings):
        # A dose that was permitted and left open keeps the level of its record, before the answers; any other attempt what was left.
        answered = stored.kind == ATTEMPT and _level(told, answered=True) == stored.level
        before, after = stored.level, _level(found, answered=answered)
        if before != after:
            yield Difference(rule="", what="level", stored=before, now=after)
    if whole:  # what is only tried weighs nothing, and is recomputed all the same
        found = [*found, *(replace(evidence(each), shadow=True) for each in verdict.shadow)]
    for rule in dict.fromkeys(each.rule for each in (*told, *found)):
        yield from _of_rule(rule, [each for each in told if each.rule == rule], [each for each in found if each.rule == rule])


def evidence(finding: Finding) -> FindingEvidence:
    """A finding as a record keeps it, through JSON: only then do the two compare."""
    plain = values.parsed(
        values.written({"facts": dict(finding.facts), "params": dict(finding.params)}), limit_bytes=values.MAX_VALUE_BYTES
    )
    assert isinstance(plain, dict)
    return FindingEvidence(
        rule=finding.rule,
        level=finding.level.name,
        satisfied=finding.satisfied,
        unknown=finding.unknown,
        facts=plain["facts"],
        remedy=finding.remedy,
        params=plain["params"],
    )


def asked(findings: Iterable[Finding]) -> Level:
    """What a verdict asks for before a reason or a witness answers it."""
    return max((each.level for each in findings), default=Level.PASS)


def _of_rule(rule: str, told: list[FindingEvidence], found: list[FindingEvidence]) -> Iterable[Difference]:
    for before, after in zip(told, found, strict=False):
        for what in ("level", "satisfied", "unknown", "facts", "remedy", "params"):
            if getattr(before, what) != getattr(after, what):
                yield Difference(rule=rule, what=what, stored=getattr(before, what), now=getattr(after, what))
    yield from (Difference(rule=rule, what="gone", stored=each.level, now=None) for each in told[len(found) :])
    yield from (Difference(rule=rule, what="new", stored=None, now=each.level) for each in found[len(told) :])


def _of_the_cart(finding: FindingEvidence) -> bool:
    name, values_of_it = _OF_THE_CART.get(finding.rule, ("", ()))
    return finding.unknown and finding.facts.get(name) in values_of_it


def _identity_alone(stored: StoredVerdict) -> bool:
    return (
        stored.kind == ATTEMPT
        and stored.level == Level.STOP.name
        and stored.order is None
        and all(each.rule in IDENTITY for each in stored.findings)
    )


def _level(findings: list[FindingEvidence], *, answered: bool) -> str:
    levels = [Level[each.level] for each in findings if not (answered and each.satisfied)]
    return max(levels, default=Level.PASS).name


def _named(order: str | None, version: int | None) -> str | None:
    return None if order is None else f"{order} v{version}"


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
