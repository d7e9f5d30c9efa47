"""What "safe to give" means: the one table of checks, and their maximum."""

from __future__ import annotations

from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Verdict

VERSION = "1.0.0"


def evaluate(facts: Facts) -> Verdict:
    """May this be given? Pure, deterministic, never raises for any `facts`."""
    raise NotImplementedError
