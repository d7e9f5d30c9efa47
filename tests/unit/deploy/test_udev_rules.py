"""The udev rules by udev's own grammar (udev(7)), which Debian 12 has no program to check: keys that exist, operators that a key takes,
values in quotes, groups that the packages' user is in. A line with an error is passed over by udev without a word on any screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.installed import DEPLOY

RULES = sorted((DEPLOY / "udev").glob("*.rules"))
MATCHES = {"ACTION", "SUBSYSTEM", "SUBSYSTEMS", "KERNEL", "KERNELS", "ATTR", "ATTRS", "ENV", "TEST", "DRIVER", "DRIVERS", "TAG", "TAGS"}
ASSIGNS = {"ATTR", "ENV", "GROUP", "MODE", "OWNER", "SYMLINK", "TAG", "RUN", "OPTIONS", "LABEL", "GOTO", "IMPORT"}
OF_A_FILE = {"ATTR", "ATTRS", "ENV"}
TOKEN = re.compile(r'([A-Z]+)(?:\{([^}]+)\})?(==|!=|\+=|-=|:=|=)"([^"]*)"')


def lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8").replace("\\\n", "")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def faults(line: str) -> list[str]:
    found, groups = [], re.search(r'GROUP="([^"]*)"', line)
    rest = re.sub(r"^,\s*|\s+", " ", TOKEN.sub("", line)).replace(",", "").strip()
    if rest:
        found.append(f"not udev's grammar: {rest}")
    for key, of, operator, value in TOKEN.findall(line):
        is_match = operator in ("==", "!=")
        if key not in (MATCHES if is_match else ASSIGNS):
            found.append(f"{key} does not take {operator}")
        if (key in OF_A_FILE) is not bool(of) and key not in ("TEST", "RUN", "IMPORT"):
            found.append(f"{key} {'needs' if key in OF_A_FILE else 'takes no'} name in braces")
        if key == "MODE" and not re.fullmatch(r"0[0-7]{3}", value):
            found.append(f"not a mode: {value}")
        if "$" in re.sub(r"\$(env|attr)\{\w+\}|\$(kernel|number|name)", "", value):
            found.append(f"not a substitution: {value}")
    if len(re.findall(r'"\s+[A-Z]', line)) > 0:
        found.append("a comma is missing")
    if groups is not None and groups[1] not in _groups():
        found.append(f"nobody of ours is in {groups[1]}")
    return found


def _script() -> str:
    return (DEPLOY / "debian/postinst").read_text(encoding="utf-8")


def _groups() -> list[str]:
    found = re.search(r"for group in ([a-z ]+);", _script())
    assert found is not None
    return found[1].split()


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_udev_takes_every_line(path: Path) -> None:
    assert lines(path)
    assert {line: found for line in lines(path) if (found := faults(line))} == {}


@pytest.mark.parametrize(
    "line",
    [
        'SUBSYSTEM="tty" KERNEL=="ttyACM*"',
        'SUBSYSTEM=="tty", MODE="660"',
        'SUBSYSTEM=="tty", ENV=="x"',
        'SUBSYSTEM=="tty", GRUOP="dialout"',
        'SUBSYSTEM=="tty", GROUP="nobodys"',
        'SUBSYSTEM=="tty", GROUP=dialout',
        'SUBSYSTEM=="tty", SYMLINK+="a-$evn{ID_PATH_TAG}"',
    ],
)
def test_a_line_that_udev_would_pass_over_is_seen(line: str) -> None:
    assert faults(line)
