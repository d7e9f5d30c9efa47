"""The script that makes role and database in a hospital's PostgreSQL, in a real one: twice, its rights, and what it refuses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.support import databases
from tests.support.installed import DEPLOY

SCRIPT = DEPLOY / "postgresql/setup.sh"


def run(place: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PGHOST": str(place), "PGUSER": "app"}
    return subprocess.run(["sh", str(SCRIPT), *names], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_postgresql_gets_role_and_database_once_and_one_that_would_lose_doses_is_refused() -> None:
    place = databases._cluster().directory
    for _ in range(2):
        done = run(place, "installed", "installed")
        # The tests' own database gives up fsync for speed: everything else is done, and this is said.
        assert (done.returncode, done.stdout) == (1, "")
        assert "fsync is off" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    with psycopg.connect(f"postgresql://installed@/installed?host={place}", autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id integer)")
        (may,) = (
            connection.execute("SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'installed'").fetchone() or ()
        )
        assert not may
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    with psycopg.connect(f"postgresql://app@/postgres?host={place}", autocommit=True) as connection:
        connection.execute("CREATE ROLE somebody LOGIN")
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(f"postgresql://somebody@/installed?host={place}")
        finally:
            connection.execute("DROP DATABASE installed WITH (FORCE)")
            connection.execute("DROP ROLE installed")
            connection.execute("DROP ROLE somebody")


def test_a_name_that_would_be_a_command_is_refused_before_anything_is_asked() -> None:
    done = run(Path("/nowhere"), "a; DROP DATABASE postgres")
    assert done.returncode == 2
    assert "names of a to z" in done.stderr
