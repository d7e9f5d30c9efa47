"""`python -m simulation.rules`: writes docs/rules.md and the tests' names of the rule catalogue; with `--check` it only says whether
they are stale (exit code 1).

Scenarios count for the rules of their key `rules`; what no scenario can show (a task, a transition, a screen) is named with its tests
in tests/data/rule_tests.json, by "rule kind". Run it from the root of the repository.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from pointofcare.errors import MessageError
from pointofcare.scenario.file import scenarios
from pointofcare.verdict import catalogue, engine, rule_tests
from pointofcare.verdict.catalogue import LEFT_OUT, Entry, Kind

PAGE = Path("docs/rules.md")
NAMES = Path("pointofcare/verdict/rule_tests.py")
SUITE = Path("tests/data/scenarios")
NAMED = Path("tests/data/rule_tests.json")
SHOWN = 6
WIDTH = 120
FAMILIES = {
    "P": "Identity and session",
    "D": "Order and drug",
    "T": "Time",
    "O": "Offline",
    "Q": "Dose and units",
    "N": "As needed",
    "H": "Hold values and double check",
    "G": "Product",
    "I": "Infusions",
    "S": "States and records",
    "C": "Controlled drugs",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m simulation.rules", description="Write docs/rules.md and the names of the rules' tests."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when one of them is stale")
    options = parser.parse_args(arguments)
    made = {NAMES: names()}
    if not options.check and (not NAMES.exists() or NAMES.read_text(encoding="utf-8") != made[NAMES]):
        NAMES.write_text(made[NAMES], encoding="utf-8")
        importlib.reload(rule_tests)
    made[PAGE] = page()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if options.check:
        for path in stale:
            print(f"{path} is stale: run python -m simulation.rules", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
        print(f"{path} written")
    return 0


def names() -> str:
    """The module with the tests of each rule, as Python."""
    lines = [
        '"""Which scenarios and tests prove each rule. Written by `python -m simulation.rules`: change nothing here."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "",
        "# fmt: off",
        "# Rule -> ids of the open suite.",
        "SCENARIOS: Mapping[str, tuple[str, ...]] = {",
        *_written(of_scenarios()),
        "}",
        "",
        '# "Rule kind" -> names of test functions.',
        "TESTS: Mapping[str, tuple[str, ...]] = {",
        *_written(of_tests()),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _written(found: Mapping[str, Sequence[str]]) -> list[str]:
    lines = []
    for key in sorted(found, key=lambda key: (catalogue.place(key.split(" ")[0]), key)):
        lines.append(f"    {_text(key)}: (")
        text = " ".join(f"{_text(name)}," for name in found[key])
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8, break_on_hyphens=False, break_long_words=False
        )
        lines.append("    ),")
    return lines


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def of_scenarios() -> dict[str, tuple[str, ...]]:
    """Raises: MessageError for a file of the suite that is not valid."""
    found: dict[str, list[str]] = {}
    for path in sorted(SUITE.glob("*.json")):
        for scenario in scenarios(path.read_text(encoding="utf-8")):
            for rule in dict.fromkeys(scenario.rules):
                found.setdefault(rule, []).append(scenario.id)
    return {rule: tuple(ids) for rule, ids in found.items()}


def of_tests() -> dict[str, tuple[str, ...]]:
    """Raises: MessageError when a named test does not exist."""
    written = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path("tests").rglob("test_*.py")))
    known = set(re.findall(r"^(?:async )?def (test_\w+)\(", written, re.MULTILINE))
    named: dict[str, list[str]] = json.loads(NAMED.read_text(encoding="utf-8"))
    missing = [(key, f"{name}: there is no such test") for key, tests in named.items() for name in tests if name not in known]
    if missing:
        raise MessageError(
            f"{NAMED} names tests that do not exist: {missing}", problems=tuple(missing), remedy="name those that prove the rule"
        )
    return {key: tuple(tests) for key, tests in named.items()}


def page() -> str:
    """docs/rules.md."""
    entries = catalogue.entries()
    rules = len({entry.id for entry in entries})
    lines = [
        "# The rules",
        "",
        f"Every rule that engine {engine.VERSION} and the programs around it keep: {rules} rules in {len(entries)} entries. A **check** is",
        "asked at every verdict, a **transition** decides what may follow what, a **task** waits for a person, a **screen** shows it.",
        "Written by `python -m simulation.rules`; the server shows the same at `/rules`.",
        f"Left out: {', '.join(LEFT_OUT)} (its symbols need a registration with ICCBBA).",
        "",
    ]
    for family, title in FAMILIES.items():
        lines += [f"## {title}", ""]
        for entry in entries:
            if entry.id.startswith(family):
                lines += _section(entry)
    return "\n".join(lines).rstrip() + "\n"


def _section(entry: Entry) -> list[str]:
    levels = " ".join(level.name for level in entry.levels)
    parts = [f"**{entry.kind}**", levels, f"`{entry.lives}`", "may run in shadow" if entry.on_trial else ""]
    return [
        f"### {entry.id} {entry.title}",
        "",
        " · ".join(part for part in parts if part),
        "",
        f"- looks at: {entry.looks_at}",
        f"- passes when: {entry.passes_when}",
        f"- source: {entry.source}",
        f"- hazard: {entry.hazard}",
        f"- proven by: {_proof(entry)}",
        "",
    ]


def _proof(entry: Entry) -> str:
    parts = []
    if entry.scenarios:
        shown = ", ".join(f"`{name}`" for name in entry.scenarios[:SHOWN])
        more = f" and {len(entry.scenarios) - SHOWN} more" if len(entry.scenarios) > SHOWN else ""
        parts.append(f"scenarios {shown}{more}")
    if entry.tests:
        parts.append("tests " + ", ".join(f"`{name}`" for name in entry.tests))
    return "; ".join(parts) or "nothing yet"


def unproven() -> list[str]:
    """The entries that no test proves."""
    return [entry.key for entry in catalogue.entries() if not (entry.scenarios if entry.kind is Kind.CHECK else entry.tests)]


if __name__ == "__main__":
    raise SystemExit(main())
