"""The commands of docs/install.md, in their order, each with the machine that it is for: what a person types is what a test runs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.installed import ROOT

_MACHINE = re.compile(r"^# on the (server|cart)\b.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    chapter: int
    machine: str
    lines: str


def steps() -> list[Step]:
    """Of the numbered chapters. A comment "# on the cart" within a block changes the machine for what follows it."""
    text = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    found: list[Step] = []
    for number, chapter in re.findall(r"^## (\d)\.[^\n]*\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL):
        for block in re.findall(r"^```sh\n(.*?)^```", chapter, flags=re.MULTILINE | re.DOTALL):
            machine, parts = ("cart" if number == "4" else "server"), _MACHINE.split(block)
            for name, lines in zip([machine, *parts[1::2]], parts[0::2], strict=True):
                if lines.strip():
                    found.append(Step(chapter=int(number), machine=name, lines=lines.strip()))
    return found
