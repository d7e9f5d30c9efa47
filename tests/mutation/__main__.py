"""`make mutation`: how many small faults in the verdict and the orders do their tests notice?

`python -m tests.mutation [--sample N] [--seed S] [--processes N] [--minutes M] [--only TEXT] [--package NAME ...]`. Ends with 0 when the
score reaches the bar and every survivor is explained in `explained.json`, else 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutation.driver import SURVIVED, UNTESTED, Driver, Plan, Result

BAR = 0.90
PACKAGES = ("pointofcare.verdict", "pointofcare.orders")
# Not here: the oracle and the properties of the whole engine. They look at everything at once, so that each survivor would run them all.
TESTS = ("tests/unit/pointofcare/verdict", "tests/unit/pointofcare/orders")
_LEFT_OUT = (
    "--ignore-glob=*/test_verdict_laws.py",
    "--ignore-glob=*/test_verdict_properties.py",
    "--ignore-glob=*/test_timing_zones.py",
    # The suite again, each weaker than test_suite_as_told.py, which compares all that the engine says to each scenario.
    f"--deselect={TESTS[0]}/test_findings_of_the_suite.py",
    f"--deselect={TESTS[0]}/test_findings_keep_their_word.py",
)
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXPLAINED = HERE / "explained.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutation testing of the verdict and the orders.")
    parser.add_argument("--sample", type=int, default=0, help="how many mutants to draw (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="the order in which they are drawn")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=55.0, help="start no mutant after so long")
    parser.add_argument("--only", default="", help="only modules whose name begins so, e.g. pointofcare.verdict.replay")
    parser.add_argument("--package", action="append", help=f"default: {' '.join(PACKAGES)}")
    parser.add_argument("--tests", action="append", help="tests to run instead of the usual ones")
    parser.add_argument("--json", type=Path, help="write every outcome there")
    chosen = parser.parse_args(arguments)
    driver = Driver(
        Plan(
            packages=chosen.package or PACKAGES,
            only=chosen.only,
            sample=chosen.sample,
            seed=chosen.seed,
            processes=chosen.processes,
            minutes=chosen.minutes,
        )
    )
    tests = [str(ROOT / test) for test in chosen.tests or TESTS if (ROOT / test.split("::")[0]).exists()]
    pytest.main(
        ["--capture=no", "--timeout=0", "-p", "no:terminal", "-p", "no:xdist", "--assert=plain", *_LEFT_OUT, *tests], plugins=[driver]
    )
    if chosen.json:
        chosen.json.write_text(json.dumps(_plain(driver.result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return _told(driver.result)


def _plain(result: Result) -> list[dict[str, object]]:
    return [
        {"key": mutant.key, "line": mutant.line, "outcome": outcome, "by": killer}
        for mutant, outcome, killer in sorted(result.outcomes, key=lambda each: (each[0].module, each[0].line, each[0].now))
    ]


def _told(result: Result) -> int:
    """Says the score and the survivors that nobody explained; the exit code."""
    explained = json.loads(EXPLAINED.read_text(encoding="utf-8")) if EXPLAINED.exists() else {}
    left = [(mutant, outcome) for mutant, outcome, _ in result.outcomes if outcome in (SURVIVED, UNTESTED)]
    unknown = [(mutant, outcome) for mutant, outcome in left if mutant.key not in explained]
    total = len(result.outcomes)
    score = (total - len(left)) / total if total else 0.0
    for mutant, outcome in sorted(unknown, key=lambda each: (each[0].module, each[0].line)):
        _say(f"{outcome}: {mutant.module}:{mutant.line} {mutant.name}", f"    - {mutant.was}", f"    + {mutant.now}")
    _say(
        f"{result.tests} tests in {result.baseline_s:.0f} s; "
        f"{total} of {result.possible} mutants (seed {result.plan.seed}) in {result.elapsed_s:.0f} s, {result.plan.processes} at a time",
        f"{dict(result.counts)}",
        f"score {score:.1%}, bar {BAR:.0%}; of the survivors {len(left) - len(unknown)} are explained, {len(unknown)} are not",
    )
    if result.slow:
        _say("left out, for they take too long to be run for each:", *result.slow)
    if result.broken:
        _say("left out, for they fail without any fault:", *result.broken)
    return 0 if score >= BAR and not unknown and not result.broken else 1


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
