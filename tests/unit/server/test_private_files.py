"""What a command writes about patients is for the one who ran it."""

from __future__ import annotations

import os
from pathlib import Path

from server.usecases import private_files


def test_a_file_about_a_patient_is_read_by_nobody_else_also_where_one_lay_already(tmp_path: Path) -> None:
    path, before = tmp_path / "one.pdf", os.umask(0)
    try:
        path.write_bytes(b"old and longer")
        path.chmod(0o644)
        private_files.write(path, b"new")
        private_files.write(tmp_path / "two.pdf", b"new")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert [one.stat().st_mode & 0o077 for one in tmp_path.iterdir()] == [0, 0]
