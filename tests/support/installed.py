"""What `make packages` builds, for tests: the builder as a module, a package's scripts, and nginx with the site that is shipped."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NGINX = "/usr/sbin/nginx"


@cache
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy_packages", DEPLOY / "packages.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def run_script(control: Path, script: str, *arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    """A package's own script on `root` instead of on this machine."""
    command = ["sh", str(control / script), *arguments]
    return subprocess.run(command, env={**os.environ, "DPKG_ROOT": str(root)}, capture_output=True, text=True, timeout=120, check=False)


def nginx_files(directory: Path, *, certificate: Path, key: Path, plain_port: int, port: int, upstream: int) -> Path:
    """The site as it is shipped, with this test's ports, names and folders; the file to start nginx with."""
    site = (DEPLOY / "nginx/pointofcare.conf").read_text(encoding="utf-8")
    for told, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("listen [::]:80;", ""),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;"),
        ("listen [::]:443 ssl http2;", ""),
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{upstream};"),
        ("/etc/pointofcare/tls/web.pem", str(certificate)),
        ("/etc/pointofcare/tls/web.key", str(key)),
        ("/etc/nginx/snippets/pointofcare-proxy.conf", str(DEPLOY / "nginx/pointofcare-proxy.conf")),
        ("/var/log/nginx/", f"{directory}/"),
    ):
        assert told in site, told
        site = site.replace(told, here)
    (directory / "site.conf").write_text(site, encoding="utf-8")
    places = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole = directory / "nginx.conf"
    whole.write_text(
        f"{user}pid {directory}/nginx.pid;\nerror_log stderr notice;\ndaemon off;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\n{places}include {directory}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    return whole


@contextmanager
def running_nginx(config: Path) -> Iterator[None]:
    """It listens when it is handed out, and ends with the block. Raises: AssertionError with what nginx said."""
    child = subprocess.Popen([NGINX, "-e", "stderr", "-c", str(config)], stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    try:
        said: list[str] = []
        for line in child.stderr:
            said.append(line)
            if "start worker process " in line:
                break
        else:
            raise AssertionError("".join(said))
        yield
    finally:
        child.terminate()
        child.wait(15)
        child.stderr.close()
