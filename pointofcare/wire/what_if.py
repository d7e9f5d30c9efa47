"""What another policy would have said of doses that were: stored verdicts judged twice by today's engine, under their own policy and
under the new one, so that only the policy differs. Pure. A verdict that cannot be judged is counted and named, never left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pointofcare.errors import MessageError
from pointofcare.verdict import engine
from pointofcare.verdict.finding import Level, Verdict
from pointofcare.verdict.policy import Policy
from pointofcare.wire import snapshot
from pointofcare.wire.recompute import StoredVerdict, asked

# Ward id -> the policy that would hold there.
PolicyOf = Callable[[str], Policy]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One verdict that would have been another. Levels are what would have been asked for before any answer; `rules` maps each rule
    whose part in it changed to (level before, level after), PASS where it says nothing."""

    record_id: str
    ward: str
    before: Level
    after: Level
    rules: Mapping[str, tuple[Level, Level]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """`judged` of `stored` verdicts could be judged; `unknown` says of the others why. `by_rule` counts (rule, before, after),
    `by_ward` the changed verdicts of a ward, `by_level` (before, after) of the whole verdict."""

    stored: int = 0
    changes: tuple[Change, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def judged(self) -> int:
        return self.stored - len(self.unknown)

    @property
    def by_rule(self) -> Counter[tuple[str, Level, Level]]:
        return Counter((rule, before, after) for each in self.changes for rule, (before, after) in each.rules.items())

    @property
    def by_level(self) -> Counter[tuple[Level, Level]]:
        return Counter((each.before, each.after) for each in self.changes if each.before is not each.after)

    @property
    def by_ward(self) -> Counter[str]:
        return Counter(each.ward for each in self.changes)

    def of_rule(self, rule: str, before: Level, after: Level) -> tuple[Change, ...]:
        return tuple(each for each in self.changes if each.rules.get(rule) == (before, after))


def ask(verdicts: Iterable[StoredVerdict], policy_of: PolicyOf) -> WhatIf:
    """Takes them one by one, so that a month of them need not be in memory. Never raises for a stored verdict."""
    count, changes, unknown = 0, [], {}
    for stored in verdicts:
        count += 1
        try:
            change = of_one(stored, policy_of(stored.ward))
        except MessageError as exc:
            unknown[stored.record_id] = exc.message
            continue
        if change is not None:
            changes.append(change)
    return WhatIf(stored=count, changes=tuple(changes), unknown=unknown)


def joined(one: WhatIf, other: WhatIf) -> WhatIf:
    """Two batches as one."""
    return WhatIf(stored=one.stored + other.stored, changes=(*one.changes, *other.changes), unknown={**one.unknown, **other.unknown})


def of_one(stored: StoredVerdict, policy: Policy) -> Change | None:
    """None: nothing would have changed. Raises: MessageError when it cannot be judged."""
    if stored.facts is None:
        raise MessageError("no facts were kept", remedy="nothing can be done for this one")
    facts = snapshot.unpack(stored.facts)
    before, after = engine.evaluate(facts), engine.evaluate(replace(facts, policy=policy))
    first, second = _levels(before), _levels(after)
    rules = {
        rule: (first.get(rule, Level.PASS), second.get(rule, Level.PASS))
        for rule in dict.fromkeys((*first, *second))
        if first.get(rule) is not second.get(rule)
    }
    if not rules:
        return None
    return Change(record_id=stored.record_id, ward=stored.ward, before=asked(before.findings), after=asked(after.findings), rules=rules)


def _levels(verdict: Verdict) -> dict[str, Level]:
    """The highest level of each rule that says something."""
    found: dict[str, Level] = {}
    for each in verdict.findings:
        found[each.rule] = max(each.level, found.get(each.rule, Level.PASS))
    return found
