"""The packages as a hospital installs them: built, put into a clean root by dpkg itself, set up, started, asked through nginx, and their
scripts begun again where an upgrade was cut in the middle; and the whole of docs/install.md, up to a dose. Nothing of this tree is on
their path."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.security import authority as authorities
from tests.integration.test_installed_proxy import free_port
from tests.support import installed_guide
from tests.support.installed import ROOT, builder, nginx_files, run_script, running_nginx
from tests.support.installed_machine import ALONE

PACKAGE, CART = "pointofcare-server", "pointofcare-cart"
pytestmark = pytest.mark.timeout(600)  # it unpacks ten thousand files


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("dist")
    assert builder().main(["--output", str(output), "--only", PACKAGE, "--only", CART]) == 0
    (made,) = output.glob(f"{PACKAGE}_*.deb")
    sums = (output / "SHA256SUMS").read_text(encoding="utf-8")
    assert f"{hashlib.sha256(made.read_bytes()).hexdigest()}  {made.name}\n" in sums
    return made


def install(package: Path, root: Path) -> None:
    """By dpkg as root, with its scripts; otherwise unpacked, and the scripts run as dpkg would."""
    if os.geteuid() == 0:
        (root / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
        (root / "var/lib/dpkg/status").touch()
        done = subprocess.run(
            dpkg(package, root), capture_output=True, text=True, timeout=170, check=False, env={**os.environ, "LC_ALL": "C"}
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return
    control = root.with_name("control")
    shutil.rmtree(control, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-e", str(package), str(control)], check=True, timeout=60)
    subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, timeout=170)
    assert run_script(control, "postinst", "configure", "", root=root).returncode == 0


def dpkg(package: Path, root: Path) -> list[str]:
    forced = ("--force-script-chrootless", "--force-depends", "--force-unsafe-io", "--no-triggers")
    return ["dpkg", f"--root={root}", *forced, "--log=/dev/null", "-i", str(package)]


def kill_among_files(package: Path, root: Path, marker: Path) -> None:
    """Installs over what is there, and kills dpkg with all its children while it unpacks."""
    child = subprocess.Popen(dpkg(package, root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    try:
        while not (marker.exists() and next((root / "usr/lib" / PACKAGE).rglob("*.dpkg-new"), None)):
            assert child.poll() is None, "it came to its end before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(10)


def outside() -> dict[str, str]:
    """An environment in which no Python of this tree is found."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@contextmanager
def running(program: Path, settings: Path, port: int) -> Iterator[str]:
    """The unit's own command line; hands out the line that says that it is ready."""
    environment = {**outside(), "POINTOFCARE_HTTP_PORT": str(port)}
    with (settings.parent / "log").open("w") as log:
        child = subprocess.Popen(
            [program, "run", "--config", settings], stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd="/"
        )
        assert child.stdout is not None
        try:
            yield child.stdout.readline()
            child.send_signal(signal.SIGTERM)
            assert child.wait(30) == 0, (settings.parent / "log").read_text()
        finally:
            child.kill()
            child.wait(10)
            child.stdout.close()


def test_a_clean_root_gets_the_package_and_answers_through_nginx_and_what_was_cut_is_begun_again(built: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    install(built, root)
    program = root / "usr/bin" / PACKAGE
    data, settings = root / "var/lib/pointofcare/server", root / "etc/pointofcare/server.toml"
    assert data.stat().st_mode & 0o777 == 0o700
    named = ["--config", str(settings)]

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments, *named], capture_output=True, text=True, timeout=120, check=False, env=outside(), cwd="/"
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "--facility", "h1", "--data-dir", str(data))
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[mqtt]", "[mqtt]\nenabled = false").replace("[http]", "[http]\nproxies = 1"), encoding="utf-8")
    run("migrate")
    place = subprocess.run(
        [root / "usr/lib" / PACKAGE / "bin/python", "-c", "import server, sys; print(server.__file__, sys.prefix)"],
        capture_output=True, text=True, timeout=60, check=True, env=outside(), cwd="/",
    ).stdout  # fmt: skip
    assert all(word.startswith(str(root)) for word in place.split())

    authority = authorities.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))
    issued, key = authorities.issue_server(authority, hosts=["127.0.0.1"], at=datetime.now(UTC))
    for name, content in (("web.pem", issued.pem), ("web.key", key), ("ca.pem", authority.pem)):
        (tmp_path / name).write_text(content, encoding="ascii")
    port, upstream = free_port(), free_port()
    config = nginx_files(
        tmp_path, certificate=tmp_path / "web.pem", key=tmp_path / "web.key", plain_port=free_port(), port=port, upstream=upstream
    )
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    with running(program, settings, upstream) as said, running_nginx(config):
        assert said.startswith("pointofcare-server ready"), (settings.parent / "log").read_text()
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/healthz", timeout=30, context=context) as answer:
            found = json.load(answer)
            assert answer.status == 200
            assert answer.headers["Strict-Transport-Security"]
            assert answer.headers["Content-Security-Policy"]
        assert (found["database"], found["version"]) == ("ok", builder().version())

    # A record, then an upgrade whose power fails after the old version was stopped: nothing may start, and the second try ends well.
    kept = (data / "signing-key.json").read_bytes()
    control = tmp_path / "scripts"
    subprocess.run(["dpkg-deb", "-e", str(built), str(control)], check=True, timeout=60)
    assert run_script(control, "prerm", "upgrade", "9", root=root).returncode == 0
    marker = root / "var/lib/pointofcare" / f"{PACKAGE}.unfinished"
    assert marker.exists()
    assert f"!/{marker.relative_to(root)}" in (root / "lib/systemd/system/pointofcare-server.service").read_text(encoding="utf-8")
    assert run_script(control, "postinst", "configure", builder().version(), root=root).returncode == 0
    assert not marker.exists()
    assert (data / "signing-key.json").read_bytes() == kept

    # The same with dpkg itself, killed among the files of two versions; then the command that a person gives again.
    if os.geteuid() == 0:
        kill_among_files(built, root, marker)
        assert list((root / "usr/lib" / PACKAGE).rglob("*.dpkg-new"))
        assert marker.exists(), "nothing may start from these files"
        install(built, root)
        assert not marker.exists()
        assert not list((root / "usr/lib" / PACKAGE).rglob("*.dpkg-new"))
        assert (data / "signing-key.json").read_bytes() == kept
        run("migrate", "--plan")


def test_the_install_guide_ends_with_a_dose_in_the_medical_record(built: Path, tmp_path: Path) -> None:
    """Its lines, on two machines that hold nothing else: Debian's PostgreSQL, NATS with mTLS, nginx with TLS, the units' own command
    lines as their own users, a claim over HTTPS, and a pack before the cart's camera."""
    said = [f"{step.machine}: {step.lines}" for step in installed_guide.steps()]
    for word in (
        "postgresql/setup.sh",
        "setup $C --answers",
        "ca claim cart-17",
        "pointofcare-cart enrol",
        "enable --now pointofcare-cart",
    ):
        assert sum(word in each for each in said) == 1, word
    if subprocess.run([*ALONE, "true"], capture_output=True, timeout=30, check=False).returncode != 0:
        pytest.skip("two machines need root and namespaces")
    result = tmp_path / "result.json"
    command = [*ALONE, sys.executable, "-m", "tests.support.installed_day", str(built.parent), str(tmp_path / "day"), str(result)]
    (tmp_path / "day").mkdir()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(result.read_text(encoding="utf-8"))
    assert "failed" not in seen, seen["failed"]
    assert [line for line in seen["checked"].splitlines() if line.startswith("FAULT")] == []
    assert "all is well; nothing was changed" in seen["checked"]
    assert (seen["healthz"]["status"], seen["healthz"]["version"]) == ("ok", builder().version())
    assert seen["units"] == ""
    assert seen["stopped"] == {"pointofcare-cart": True, "pointofcare-server": True, "pointofcare-nats": True}
    assert seen["journalled"] == seen["held"]
    assert (seen["differences"], seen["in_emr"], seen["in_postgresql"]) == ([], 1, "1")
