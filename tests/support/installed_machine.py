"""A machine of its own for what a hospital installs: this Debian's files beneath, everything written to it in a folder of the test.

Needs root and namespaces, and runs in those of its caller (`ALONE`): a network with nothing in it but these machines, so that every port
is the real one, and nothing that outlives the caller.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

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
    postgresql) pg_createcluster 15 main >/dev/null && pg_ctlcluster --skip-systemctl-redirect 15 main start ;;
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
    """`root` is what the machine sees as its root; `sh` runs lines on it as root."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self._kept: list[str] = []
        for name in ("root", "written", "work"):
            (directory / name).mkdir(parents=True)
        layers = f"lowerdir=/,upperdir={directory}/written,workdir={directory}/work"
        for place, arguments in (
            ("", ["-t", "overlay", "-o", layers, "overlay"]),
            ("proc", ["-t", "proc", "proc"]),
            ("dev", ["--rbind", "/dev"]),
            ("run", ["-t", "tmpfs", "-o", "mode=0755", "tmpfs"]),
            ("tmp", ["-t", "tmpfs", "-o", "mode=1777", "tmpfs"]),
        ):
            subprocess.run(["mount", *arguments, str(self.root / place)], check=True, timeout=10)
        tree = self.root / ROOT.relative_to("/")
        if tree.is_dir():  # nothing of this tree is within reach
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tree)], check=True, timeout=10)
        self._clean()

    def _clean(self) -> None:
        for place in ("etc/pointofcare", "var/lib/pointofcare", "var/lib/postgresql/15", "etc/postgresql/15"):
            shutil.rmtree(self.root / place, ignore_errors=True)
        (self.root / "run/systemd/system").mkdir(parents=True)
        (self.root / "srv/hospital").mkdir(parents=True, exist_ok=True)
        (self.root / "srv/hospital").chmod(0o755)
        (self.root / "etc/hosts").write_text(_HOSTS, encoding="ascii")
        programs = self.root / "usr/local/sbin"
        shutil.copyfile(ROOT / "tests/support/units.py", programs / "systemctl")
        (programs / "apt-get").write_text(_APT, encoding="ascii")
        (programs / "journalctl").write_text('#!/bin/sh\ncat "/run/units/${2%.service}.service.log"\n', encoding="ascii")
        for name in ("systemctl", "apt-get", "journalctl"):
            (programs / name).chmod(0o755)

    def sh(self, lines: str, *, said: str = "", timeout_s: float = 120) -> str:
        """What they said on both outputs. A variable of one call holds in the next. Raises: AssertionError with it when one fails."""
        script = "\n".join(["cd /srv/hospital", "set -e", *self._kept, lines])
        command = ["chroot", str(self.root), "/usr/bin/env", "-i", *_pairs(_ENVIRONMENT), "/bin/sh", "-c", script]
        done = subprocess.run(
            command, input=said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False
        )
        assert done.returncode == 0, f"{lines}\nended with {done.returncode}:\n{done.stdout[-6000:]}"
        self._kept += _ASSIGNED.findall(lines)
        return done.stdout

    def log(self, unit: str) -> str:
        path = self.root / f"run/units/{unit}.service.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _pairs(environment: Mapping[str, str]) -> Sequence[str]:
    return [f"{name}={value}" for name, value in environment.items()]
