"""The commands of docs/firmware.md, as they stand there and in that order."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from server.__main__ import main
from tests.support.firmware import PASSPHRASE

GUIDE = Path(__file__).parents[2] / "docs" / "firmware.md"


def test_every_command_of_the_guide_works_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.strip().splitlines()]
    assert len(lines) > 30
    monkeypatch.chdir(tmp_path)
    Path("zephyr.bin").write_bytes(b"\x2a" * 3000)
    assert main(["init"]) == 0
    for program, *arguments in lines:
        assert program == "pointofcare-server"
        monkeypatch.setattr(sys, "stdin", io.StringIO(PASSPHRASE + "\n"))
        assert main(arguments) == 0, " ".join(arguments)
    assert {path.name for path in Path("for-the-carts").iterdir()} == {"root.json", "image-key.pem"}
