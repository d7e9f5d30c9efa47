"""Each alert has a runbook, each runbook an alert; every command, page and setting that one names is there."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from cart_client import __main__ as cart_program
from server import __main__ as server_program
from server.terminal import command as terminal

ROOT = Path(__file__).parents[2]
BOOKS = ROOT / "docs" / "runbooks"
RULES = ROOT / "deploy" / "prometheus" / "pointofcare.rules.yml"
# Programs of the machine that a runbook may name.
FOREIGN = frozenset({"curl", "df", "du", "iostat", "journalctl", "openssl", "psql", "systemctl", "timedatectl", "top"})
UNITS = frozenset({"pointofcare-server", "nats-server", "mosquitto", "postgresql", "systemd-timesyncd"})
_MARKED = re.compile(r"`([^`\n]+)`")


def alerts() -> dict[str, dict[str, Any]]:
    told = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in told["groups"] for rule in group["rules"]}


def books() -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(BOOKS.glob("*.md")) if path.stem != "README"}


def commands(text: str) -> list[list[str]]:
    """What is marked as code and begins with a program; `${...}` and placeholders stay words."""
    found = []
    for marked in _MARKED.findall(text):
        if re.match(r"(pointofcare-\w+ |[a-z]+ )", marked) and not marked.startswith(("select ", "token ")):
            found.append(shlex.split(marked))
    return found


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert set(alerts()) == set(books())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md"
    listed = (BOOKS / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[(\w+)\]\(\1\.md\)", listed, re.MULTILINE)) == set(books())


def test_each_bad_day_names_a_test_and_a_runbook_that_exist() -> None:
    chapter = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("\n## Bad days\n")[1].split("\n## ")[0]
    days = [line for line in chapter.splitlines() if line.startswith("| ")][1:]
    assert len(days) >= 12
    tests = {name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M)}
    for day in days:
        named = set(re.findall(r"`(test_\w+)`", day))
        assert named, day
        assert named <= tests, named - tests
        pages = re.findall(r"\]\(runbooks/(\w+)\.md\)", day)
        assert pages, day
        assert set(pages) <= set(books()), day


@pytest.mark.parametrize("name", sorted(books()))
def test_a_runbook_says_what_it_means_what_it_does_to_doses_where_to_look_and_what_to_do(name: str) -> None:
    text = books()[name]
    assert text.startswith(f"# {name}: ")
    for part in ("**Doses:** ", "\n## Look\n", "\n## Mend\n", "It is over when "):
        assert part in text, part
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert (BOOKS / target).resolve().is_file(), target


def test_every_command_that_a_runbook_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    seen = set()
    for name, text in books().items():
        for words in commands(text):
            seen.add(words[0])
            _require_known(name, words, capsys)
    assert {"pointofcare-server", "pointofcare-cart", "pointofcare-fleet"} <= seen


def _require_known(book: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    program, given = words[0], words[1:]
    if program in FOREIGN:
        if program == "systemctl":
            assert given[0] in ("status", "restart", "reload"), (book, words)
            assert given[1] in UNITS, (book, words)
        return
    if program == "pointofcare-cart":
        with pytest.raises(SystemExit) as ended:
            cart_program.main([given[0], "--help"])
        assert ended.value.code == 0, (book, words)
        assert f"usage: {program} {given[0]}" in capsys.readouterr().out, (book, words)
        return
    assert program in ("pointofcare-server", "pointofcare-fleet"), (book, words)
    parser = server_program._parser(given[0]) if program == "pointofcare-server" else terminal._parser()
    for word in given:
        actions = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        if not actions:
            break
        assert word in actions[0].choices, (book, words)
        parser = actions[0].choices[word]
    options = {option for each in parser._actions for option in each.option_strings}
    assert {word for word in given if word.startswith("--")} <= options, (book, words)
