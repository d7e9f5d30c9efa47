"""What a restore to a moment takes and refuses before anything is read: moments, files of pgBackRest, names of segments."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pointofcare.errors import ConfigError
from server.security import pitr
from server.store import pgbackrest, wal_archive

SEGMENT = 16 * 1024**2


def test_a_name_that_is_no_segment_says_that_nobody_knows_how_far_the_archive_is() -> None:
    assert wal_archive._end_of("000000010000000000000003", SEGMENT) == 4 * SEGMENT
    assert wal_archive._end_of("0000000200000001000000FF", SEGMENT) == 2 << 32
    assert wal_archive._end_of("000000010000000000000003.00000028.backup", SEGMENT) == 4 * SEGMENT
    for name in ("", "00000002.history", "000000010000000000000003.partial", "x" * 24):
        assert wal_archive._end_of(name, SEGMENT) is None


def test_a_moment_without_its_offset_is_refused() -> None:
    assert pitr._moment("2026-11-23T03:40+07:00").isoformat() == "2026-11-23T03:40:00+07:00"
    with pytest.raises(argparse.ArgumentTypeError, match="offset"):
        pitr._moment("2026-11-23T03:40")


def test_a_file_of_pgbackrest_that_names_no_cluster_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "pgbackrest.conf"
    with pytest.raises(ConfigError, match="cannot be read"):
        pgbackrest.load(file, "pointofcare")
    file.write_text("no section")
    with pytest.raises(ConfigError, match="no file of pgBackRest"):
        pgbackrest.load(file, "pointofcare")
    file.write_text("[global]\nrepo1-path=/x\n")
    with pytest.raises(ConfigError, match="nothing of the cluster"):
        pgbackrest.load(file, "pointofcare")
    made = pgbackrest.fresh(name="pointofcare", repository=Path("/r"), data=Path("/d"), socket="/s", port=5433, user="postgres")
    file.write_text(made)
    found = pgbackrest.load(file, "pointofcare")
    assert (found.data, found.socket, found.port, found.user) == (Path("/d"), "/s", 5433, "postgres")
    other = pgbackrest.fresh(name="pointofcare", repository=Path("/r"), data=Path("/d"), socket="/s", port=5433, user="postgres")
    assert made != other  # its passphrase is drawn


def test_sqlite_has_no_log_to_go_back_in() -> None:
    assert pgbackrest.database_of("postgresql+psycopg:///care?host=/run") == "care"
    with pytest.raises(ConfigError, match="names no PostgreSQL"):
        pgbackrest.database_of("sqlite:///x.sqlite")
