"""What a rule is: its id, its words for the catalogue, and the findings that it may return.

Every check module declares its rules as `Rule(...)`, so that the rule catalogue, the texts' tests and the hazard list are
made of the code itself. Must never decide anything: levels come from the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the catalogue.

    `levels` are those that it can return. `remedies` names each remedy it can give with that remedy's parameters. `facts` are
    the names that every one of its findings carries; the sentence on the screen may use those and no others. `origin` is where
    they come from (one of `finding.ORIGINS`), `origins` where a fact comes from another. `on_trial`: young enough that a policy
    may run it in shadow; never a rule that can stop a dose or ask for a second person.
    """

    id: str
    title: str
    levels: tuple[Level, ...]
    looks_at: str
    passes_when: str
    source: str
    hazard: str
    remedies: Mapping[str, tuple[str, ...]]
    facts: tuple[str, ...] = ()
    origin: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    on_trial: bool = False

    def finding(
        self,
        level: Level,
        remedy: str,
        *,
        facts: Mapping[str, object] | None = None,
        params: Mapping[str, object] | None = None,
        unknown: bool = False,
    ) -> Finding:
        return Finding(rule=self.id, level=level, remedy=remedy, facts=facts or {}, params=params or {}, unknown=unknown)


Looks = Callable[[Moment], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `engine.CHECKS`: the rule, and the function that looks at the moment and yields findings above PASS."""

    rule: Rule
    look: Looks = field(repr=False)
