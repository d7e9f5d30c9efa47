"""Each fault that a province is drilled with has a page; what a page names is there."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from server import __main__ as server_program
from simulation.province.faults import FAULTS

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "drills"
FOREIGN = frozenset({"curl", "df", "etcdctl", "iostat", "journalctl", "make", "patronictl", "psql", "systemctl", "timedatectl"})


def pages() -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.md")) if path.stem != "README"}


def test_each_page_is_listed_and_each_fault_has_one() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (?:`([\w-]+)`)? ?\|", (PAGES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {page for page, _fault in listed} == set(pages())
    assert {fault for _page, fault in listed if fault} == set(FAULTS)
    for page, fault in listed:
        tried = re.findall(r"--faults ([\w,-]+)", pages()[page])
        assert tried == ([fault] if fault else []), page


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_says_what_it_means_what_it_does_to_doses_where_to_look_and_what_to_do(name: str) -> None:
    text = pages()[name]
    assert text.startswith(f"# {name}: ")
    for part in ("**Doses:** ", "\n## Look\n", "\n## Mend\n", "It is over when "):
        assert part in text, part
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert (PAGES / target).resolve().is_file(), target


def test_every_command_of_a_page_is_there() -> None:
    for name, text in pages().items():
        for marked in re.findall(r"`([a-z][\w-]* [^`\n]+)`", text):
            words = shlex.split(marked)
            if words[0] in FOREIGN:
                continue
            assert words[0] == "pointofcare-server", (name, words)
            parser = server_program._parser(words[1])
            for word in words[1:]:
                actions = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
                if not actions:
                    break
                parser = actions[0].choices[word]
            options = {option for each in parser._actions for option in each.option_strings}
            assert {word for word in words if word.startswith("--")} <= options, (name, words)
