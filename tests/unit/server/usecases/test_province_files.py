"""The files of a province's machines."""

from __future__ import annotations

import copy
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from devices.brokers import nats
from pointofcare.errors import ConfigError
from server import config as configuration
from server.usecases import province_files, province_plan

# What patroni finds of the machine it runs on, and two settings that it misses without needing them.
_HERE = (
    *("etcd3.hosts", "postgresql.data_dir", "postgresql.bin_dir", "restapi.", "postgresql.listen", "postgresql.connect_address"),
    *("bootstrap.pg_hba", "postgresql.authentication.rewind"),
)


def _plan(certificates: Path = Path("/etc/pointofcare/tls")) -> dict[str, Any]:
    roles = (["database", "etcd", "broker"], ["database", "etcd", "broker"], ["etcd", "broker", "programs"])
    return {
        "certificates": {name: str(certificates / f"{name}.pem") for name in ("ca", "certificate", "key")},
        "machine": [{"name": f"m{at}", "address": f"10.0.0.{at}", "roles": each} for at, each in enumerate(roles, 1)],
        "hospital": [
            {"id": "h01", "name": "Bệnh viện Một", "role": "facility_h01", "carts": 2, "port": 8081},
            {"id": "h02", "name": "Bệnh viện Hai", "role": "facility_h02", "carts": 1, "port": 8082},
        ],
    }


def _written(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text(encoding="utf-8") for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("where", "key", "value", "field", "remedy"),
    [
        (("machine", 0), "roles", ["database", "broker"], "machine.roles", "three or five"),
        (("machine", 0), "roles", ["database", "etcd"], "machine.roles", "2 machines have broker"),
        (("machine", 0), "address", "10.0.0.2", "machine.address", "stands twice"),
        (("machine", 0), "address", "127.0.0.1", "machine[0].address", "other machines"),
        (("machine", 0), "address", "fd00::1", "machine[0].address", "IPv4"),
        (("machine", 0), "name", "../m", "machine[0].name", "a-z"),
        (("hospital", 0), "id", "h02", "hospital.id", "stands twice"),
        (("hospital", 0), "id", "h/01", "hospital[0].id", "level of topics"),
        (("hospital", 0), "role", "facility_h02", "hospital.role", "stands twice"),
        (("hospital", 0), "role", "postgres", "hospital[0].role", "no other program"),
        (("hospital", 0), "name", "a\nb", "hospital[0].name", "one line"),
        (("hospital", 0), "port", 8082, "machine m3", "port 8082 is taken twice"),
        (("hospital", 0), "port", 8883, "machine m3", "port 8883 is taken twice"),
        (("hospital", 0), "carts", True, "hospital[0].carts", "whole number"),
        (("certificates",), "key", "key.pem", "certificates.key", "full path"),
        ((), "brokers", 3, "brokers", "is no setting"),
    ],
)
def test_a_plan_that_would_not_hold_is_refused_with_its_field(where: Any, key: str, value: Any, field: str, remedy: str) -> None:
    values = copy.deepcopy(_plan())
    at: Any = values
    for step in where:
        at = at[step]
    at[key] = value
    with pytest.raises(ConfigError) as refused:
        province_plan.parse(values)
    assert any(name == field and remedy in what for name, what in refused.value.problems), refused.value.problems


def test_the_same_plan_gives_the_same_files_which_only_their_owner_reads(tmp_path: Path) -> None:
    plan = province_plan.parse(_plan())
    province_files.write(plan, tmp_path)
    first = _written(tmp_path)
    said = province_files.write(plan, tmp_path)
    assert _written(tmp_path) == first
    assert said[0].startswith("0 of ")
    assert all(stat.S_IMODE(path.stat().st_mode) in (0o600, 0o700) for path in tmp_path.rglob("*"))


def test_a_file_that_a_person_changed_is_not_written_over_without_force(tmp_path: Path) -> None:
    plan = province_plan.parse(_plan())
    province_files.write(plan, tmp_path)
    changed = tmp_path / "m3/etc/pointofcare/h01/server.toml"
    ours = changed.read_text(encoding="utf-8")
    changed.write_text(ours + "# by hand\n", encoding="utf-8")
    before = _written(tmp_path)
    values = _plan()
    values["hospital"][1]["carts"] = 3
    with pytest.raises(ConfigError) as refused:
        province_files.write(province_plan.parse(values), tmp_path)
    assert [name for name, _ in refused.value.problems] == ["m3/etc/pointofcare/h01/server.toml"]
    assert _written(tmp_path) == before
    province_files.write(plan, tmp_path, force=True)
    assert changed.read_text(encoding="utf-8") == ours


def test_secrets_that_cannot_be_read_are_not_drawn_anew(tmp_path: Path) -> None:
    plan = province_plan.parse(_plan())
    province_files.write(plan, tmp_path)
    (tmp_path / "secrets.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        province_files.write(plan, tmp_path, force=True)


def test_a_hospitals_settings_name_every_broker_and_both_databases_and_no_other_hospitals_secret(tmp_path: Path) -> None:
    province_files.write(province_plan.parse(_plan()), tmp_path)
    path = tmp_path / "m3/etc/pointofcare/h01/server.toml"
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    assert values["mqtt"]["host"] == "10.0.0.1:8883,10.0.0.2:8883,10.0.0.3:8883"
    assert "host=10.0.0.1:6432&host=10.0.0.2:6432" in values["database_url"]
    assert "h02" not in path.read_text(encoding="utf-8")
    assert configuration.load(path).facility == "h01"


def test_the_units_of_a_hospitals_programs_keep_the_hardening_of_the_servers() -> None:
    whole = Path("deploy/systemd/pointofcare-server.service").read_text(encoding="utf-8")
    hardening = [line for line in whole.partition("NoNewPrivileges")[2].splitlines() if line and not line.startswith("ReadWritePaths")]
    for part in province_files.PARTS:
        text = province_files.unit(part)
        assert all(line in text for line in hardening)
        assert f"{part} --config /etc/pointofcare/%i/server.toml" in text
        assert "/etc/pointofcare/server" not in text


def test_the_engines_accept_the_files(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=m1", "-days", "2"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=20)
    shutil.copy(certificate, tmp_path / "ca.pem")
    into = tmp_path / "into"
    province_files.write(province_plan.parse(_plan(tmp_path)), into)
    told = subprocess.run(
        [nats.binary(), "-t", "-c", str(into / "m1/etc/pointofcare/nats/nats.conf")],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    patroni, analyze = shutil.which("patroni"), shutil.which("systemd-analyze")
    if patroni is not None:
        settings = into / "m1/etc/patroni/config.yml"
        # Its ports are tried: on loopback that takes no time. Ports and folders of this machine say nothing about the file.
        settings.write_text(settings.read_text(encoding="utf-8").replace("10.0.0.", "127.0.0."), encoding="utf-8")
        told = subprocess.run([patroni, "--validate-config", str(settings)], capture_output=True, text=True, timeout=30, check=False)
        faults = [line for line in (told.stdout + told.stderr).splitlines() if line.strip() and not line.startswith(_HERE)]
        assert not faults
    if analyze is not None:
        units = sorted(str(path) for path in (into / "m3/etc/systemd/system").iterdir())
        told = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, timeout=30, check=False)
        assert not [line for line in told.stderr.splitlines() if "Unknown" in line or "Failed to parse" in line], told.stderr


def test_what_a_province_of_22_hospitals_asks_for_is_as_the_page_says() -> None:
    values = _plan()
    one = {"name": "H", "carts": 50}
    values["hospital"] = [one | {"id": f"h{at:02}", "role": f"facility_h{at:02}", "port": 8100 + at} for at in range(1, 23)]
    lines = province_files.estimate(province_plan.parse(values))
    assert "1100 carts: estimate 13.9 GB" in lines[0]
    assert "estimate 2.64 cores; each 100 doses a minute 0.08 more" in lines[1]
