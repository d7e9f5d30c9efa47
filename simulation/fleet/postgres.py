"""A PostgreSQL cluster of a run's own, on a socket in its folder; ended and removed with it."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pointofcare.errors import DeviceUnavailableError

_START_S = 60


@contextmanager
def cluster(log: Path) -> Iterator[str]:
    """The address of an empty database. The cluster lies in a folder of its own under /tmp, because a socket's path must be short and
    PostgreSQL does not run as root. Raises: DeviceUnavailableError where none can be started."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise DeviceUnavailableError("PostgreSQL is not installed", remedy="apt-get install postgresql, or use SQLite")
    binaries = Path(found[-1]).parent
    place = Path(tempfile.mkdtemp(prefix="poc-fleet-pg-", dir="/tmp"))
    before: list[str] = []
    if os.geteuid() == 0:
        try:
            account = pwd.getpwnam("postgres")
        except KeyError as exc:
            raise DeviceUnavailableError("PostgreSQL does not run as root, and there is no user postgres", remedy="run as a user") from exc
        os.chown(place, account.pw_uid, account.pw_gid)
        before = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*before, str(binaries / program), *arguments]
        try:
            subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=_START_S)
        except (OSError, subprocess.SubprocessError) as exc:
            raise DeviceUnavailableError(f"{program} failed: {exc}", remedy=f"see {log}") from exc

    try:
        run("initdb", "-D", str(place / "data"), "-U", "app", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-c listen_addresses='' -c unix_socket_directories={place} -c max_connections=60"
        run("pg_ctl", "-D", str(place / "data"), "-w", "-l", str(place / "log"), "-o", options, "start")
        run("createdb", "-h", str(place), "-U", "app", "fleet")
        yield f"postgresql+psycopg://app@/fleet?host={place}"
    finally:
        with suppress(DeviceUnavailableError):
            run("pg_ctl", "-D", str(place / "data"), "-m", "immediate", "stop")
        shutil.rmtree(place, ignore_errors=True)
