"""A machine of its own for what a hospital installs: this Debian's files beneath, everything written to it in a folder of the test.

Needs root and namespaces, and runs in those of its caller (`ALONE`): a network with nothing in it but these machines, so that every port
is the real one, and nothing that outlives the caller.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.support.installed import ROOT

HOST = "poc.hospital.example"
_HOSTS = f"127.0.0.1 localhost\n127.0.0.1 {HOST}\n"
# The caller's own network, host name, mounts and processes, all of which end with it.
ALONE = ("unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "TERM": "dumb"}
# What apt would fetch is here already; what lies beside the caller is installed by dpkg, with its dependencies and its scripts.
_APT = """#!/bin/sh
set -e
[ "$1" = install ]
shift
for word; do
    case "$word" in
    ./*) dpkg --force-unsafe-io --no-triggers -i "$word" ;;
    nginx) systemctl start nginx ;;
    postgresql) pg_createcluster 15 main >/dev/null && pg_ctlcluster 15 main start ;;
    esac
done
"""
_ASSIGNED = re.compile(r"^[A-Z]=\S.*$", re.MULTILINE)


def prepare_network(directory: Path) -> None:
    """The caller too knows the server by its name."""
    (directory / "hosts").write_text(_HOSTS, encoding="ascii")
    for command in (["ip", "link", "set", "lo", "up"], ["hostname", HOST], ["mount", "--bind", str(directory / "hosts"), "/etc/hosts"]):
        subprocess.run(command, check=True, timeout=10)


class Machine:
    """`root` is what the machine sees as its root; `sh` runs lines on it as root. Units are started by `units.py`."""

    mounts: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("proc", ("-t", "proc", "proc")),
        ("dev", ("--rbind", "/dev")),
        ("run", ("-t", "tmpfs", "-o", "mode=0755", "tmpfs")),
        ("tmp", ("-t", "tmpfs", "-o", "mode=1777", "tmpfs")),
    )

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self._kept: list[str] = []
        for name in ("root", "written", "work"):
            (directory / name).mkdir(parents=True)
        layers = f"lowerdir=/,upperdir={directory}/written,workdir={directory}/work"
        for place, arguments in (("", ("-t", "overlay", "-o", layers, "overlay")), *self.mounts):
            subprocess.run(["mount", *arguments, str(self.root / place)], check=True, timeout=10)
        tree = self.root / ROOT.relative_to("/")
        if tree.is_dir():  # nothing of this tree is within reach
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tree)], check=True, timeout=10)
        self._clean()

    def _clean(self) -> None:
        for place in ("etc/pointofcare", "var/lib/pointofcare", "var/lib/postgresql/15", "etc/postgresql/15"):
            shutil.rmtree(self.root / place, ignore_errors=True)
        (self.root / "srv/hospital").mkdir(parents=True, exist_ok=True)
        (self.root / "srv/hospital").chmod(0o755)
        (self.root / "etc/hosts").write_text(_HOSTS, encoding="ascii")
        self._program("apt-get", _APT)
        self._begin()

    def _begin(self) -> None:
        (self.root / "run/systemd/system").mkdir(parents=True)
        self._program("systemctl", (ROOT / "tests/support/units.py").read_text(encoding="utf-8"))
        self._program("journalctl", '#!/bin/sh\ncat "/run/units/${2%.service}.service.log"\n')
        self._program("pg_ctlcluster", '#!/bin/sh\nexec /usr/bin/pg_ctlcluster --skip-systemctl-redirect "$@"\n')

    def _program(self, name: str, text: str) -> None:
        path = self.root / "usr/local/sbin" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def _entered(self) -> list[str]:
        return ["chroot", str(self.root)]

    def sh(self, lines: str, *, said: str = "", timeout_s: float = 120) -> str:
        """What they said on both outputs. A variable of one call holds in the next. Raises: AssertionError with it when one fails."""
        script = "\n".join(["cd /srv/hospital", "set -e", *self._kept, lines])
        command = [*self._entered(), "/usr/bin/env", "-i", *_pairs(_ENVIRONMENT), "/bin/sh", "-c", script]
        done = subprocess.run(
            command, input=said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False
        )
        assert done.returncode == 0, f"{lines}\nended with {done.returncode}:\n{done.stdout[-6000:]}"
        self._kept += _ASSIGNED.findall(lines)
        return done.stdout

    def log(self, unit: str) -> str:
        path = self.root / f"run/units/{unit}.service.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def process(self, unit: str) -> int:
        """Its main process; 0: none."""
        return int(self.sh(f"cat /run/units/{unit}.service 2>/dev/null || echo 0"))


class Booted(Machine):
    """The same machine with Debian's own systemd as its first process (systemd-nspawn), so that a unit holds as it is written."""

    mounts = ()

    def _begin(self) -> None:
        started = {"systemctl start nginx": "systemctl enable --now nginx"}
        started["pg_ctlcluster 15 main start"] = "systemctl enable postgresql && systemctl start postgresql@15-main"
        text = _APT
        for simulated, real in started.items():
            assert simulated in text
            text = text.replace(simulated, real)
        self._program("apt-get", text)
        (self.root / "etc/hostname").write_text(f"{HOST}\n", encoding="ascii")
        for wanted in (self.root / "etc/systemd/system").glob("*.wants/*"):  # what else this Debian would start
            wanted.unlink()
        self._boot()

    def _boot(self) -> None:
        name = self.root.parent.name
        options = ["--boot", "--register=no", "--keep-unit", f"--machine={name}", f"--hostname={HOST}", "--console=read-only"]
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", f"--directory={self.root}", "--resolv-conf=off", "--timezone=off", "--link-journal=no", *options],
            stdin=subprocess.DEVNULL,
            stdout=(self.root.parent / "boot.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        self._kept.clear()
        self._first = until(f"{name}: its systemd", self._found)
        until(f"{name}: booted", lambda: self.sh("systemctl is-system-running || true").strip() in ("running", "degraded"))

    def _found(self) -> int:
        assert self._nspawn.poll() is None, (self.root.parent / "boot.log").read_text(errors="replace")[-3000:]
        return next((each.pid for each in psutil.Process(self._nspawn.pid).children() if each.name() == "systemd"), 0)

    def cut_power(self) -> None:
        """Nothing is asked to end; then it boots."""
        first = psutil.Process(self._first)
        first.kill()  # and with it all others of the machine
        psutil.wait_procs([first], timeout=30)
        self._nspawn.kill()
        self._nspawn.wait(30)
        self._boot()

    def _entered(self) -> list[str]:
        return ["nsenter", f"--target={self._first}", "--mount", "--uts", "--ipc", "--pid", "--root"]

    def log(self, unit: str) -> str:
        return self.sh(f"journalctl -u {unit} -b -o cat --no-pager || true")

    def process(self, unit: str) -> int:
        return int(self.sh(f"systemctl show -p MainPID --value {unit}"))


def until(what: str, look: Callable[[], object], *, within_s: float = 60.0) -> Any:
    """What `look` found first. Raises: AssertionError."""
    ends = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < ends, f"{what}: not within {within_s:.0f} s"
        time.sleep(0.1)
    return found


def _pairs(environment: Mapping[str, str]) -> Sequence[str]:
    return [f"{name}={value}" for name, value in environment.items()]
