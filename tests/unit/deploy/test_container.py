"""The container files against what they are made of: every source is there, every program is in the package, nothing runs as root or with
a secret in its environment, and the health check tells ready from not."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.config import HttpConfig
from tests.support import units
from tests.support.installed import DEPLOY, ROOT, builder

FOLDER = DEPLOY / "container"
SERVER = next(package for package in builder().PACKAGES if package.name == "pointofcare-server")
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROGRAMS = {f"/usr/bin/{name}" for name in SERVER.commands} | {f"/usr/lib/{SERVER.name}/bin/{name}" for name in ("nats-server", "python")}


def instructions() -> list[tuple[str, str]]:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in lines]


def told(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def test_what_is_copied_is_there_or_is_what_make_packages_writes() -> None:
    made = f"dist/{SERVER.name}_*.deb"
    sources = [part for line in told("COPY") for part in shlex.split(line)[:-1] if not part.startswith("--")]
    assert made in sources
    assert [source for source in sources if source != made and not (ROOT / source).is_file()] == []


def test_the_image_runs_the_units_program_as_nobody_of_importance_and_says_where_it_listens() -> None:
    (user,) = told("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert f"--uid {user.partition(':')[0]} " in " ".join(told("RUN"))
    (entry,), command = json.loads(told("ENTRYPOINT")[0]), json.loads(told("CMD")[0])
    unit = units.read((DEPLOY / "systemd/pointofcare-server.service").read_text(encoding="utf-8"))
    assert shlex.split(unit["Service.ExecStart"][0]) == [entry, *command]
    assert told("WORKDIR") == unit["Service.WorkingDirectory"]
    assert told("EXPOSE") == [str(HttpConfig().port)]
    (check,) = told("HEALTHCHECK")
    program, script = json.loads(check.partition("CMD ")[2])
    assert program in PROGRAMS
    assert any(line.endswith(script) for line in told("COPY"))


def test_whoever_builds_the_image_keeps_its_health_check() -> None:
    """In the OCI format, which podman and buildah take by themselves, there is none."""
    assert told("HEALTHCHECK")
    texts = [path.read_text(encoding="utf-8") for path in (FOLDER / "Containerfile", FOLDER / "prove.sh", ROOT / "docs" / "containers.md")]
    builds = [line for text in texts for line in text.splitlines() if re.search(r"(podman|buildah\[@\]}\") build ", line)]
    assert len(builds) == 3
    assert all("--format docker" in line for line in builds)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_bound_and_holds_no_secret_in_its_environment(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in ("0", "root", "")
    secret = re.compile(r"password|secret|token|key", re.IGNORECASE)
    assert [each for each in service.get("environment", {}) if secret.search(each) and not each.endswith("_FILE")] == []
    if name in ("server", "broker", "migrate", "setup"):
        assert service["user"] == told("USER")[0]
        writable = [volume for volume in service["volumes"] if volume.startswith("./settings") and not volume.endswith(":ro")]
        assert bool(writable) is (name == "setup")


def test_every_path_that_is_mounted_or_started_exists_where_it_should() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("../") or source.endswith(".sql"):
                assert (FOLDER / source).is_file(), volume
            else:
                assert source in COMPOSE["volumes"] or source in ("./settings", "./tls"), volume
        for program in service.get("entrypoint", [])[:1]:
            assert program in PROGRAMS, name
        for needed in service.get("depends_on", {}):
            assert needed in SERVICES
    nats = units.read((DEPLOY / "systemd/pointofcare-nats.service").read_text(encoding="utf-8"))["Service.ExecStart"][0]
    assert shlex.split(nats) == [*SERVICES["broker"]["entrypoint"], *SERVICES["broker"]["command"]]
    migrate = units.read((DEPLOY / "systemd/pointofcare-migrate.service").read_text(encoding="utf-8"))["Service.ExecStart"][0]
    assert shlex.split(migrate)[1:] == SERVICES["migrate"]["command"]
    # The site as it is shipped asks its own loopback, and reads the certificate where it is mounted.
    site = (DEPLOY / "nginx/pointofcare.conf").read_text(encoding="utf-8")
    assert "./tls:/etc/pointofcare/tls:ro" in SERVICES["web"]["volumes"]
    assert "ssl_certificate_key /etc/pointofcare/tls/" in site
    assert f"server 127.0.0.1:{HttpConfig().port};" in site
    answers = (DEPLOY / "examples/answers.toml").read_text(encoding="utf-8")
    (alias,) = SERVICES["machine"]["networks"]["default"]["aliases"]
    assert f'host = "{alias}"' in answers


def test_programs_that_know_each_other_by_loopback_and_process_number_end_and_begin_with_what_holds_both() -> None:
    """A program that starts again would otherwise leave the others in a network that nobody reaches, and end whoever shares its numbers."""
    holder = SERVICES["machine"]
    assert "network_mode" not in holder
    assert "pid" not in holder
    for name in ("broker", "server", "web", "setup", "migrate"):
        assert (SERVICES[name]["network_mode"], SERVICES[name]["pid"]) == ("service:machine", "service:machine"), name
        assert "ports" not in SERVICES[name], name
    # One in memory is mounted anew by an engine that was started anew, and the server no longer finds the broker's number.
    assert not COMPOSE["volumes"]["run"]
    unit = units.read((FOLDER / "pointofcare-containers.service").read_text(encoding="utf-8"))
    assert "docker wait" in unit["Service.ExecStart"][0]
    assert " machine)" in unit["Service.ExecStart"][0]
    assert unit["Service.ExecStartPre"][0].endswith(" up -d")
    assert unit["Service.Restart"] == ["always"]


def test_a_database_is_healthy_only_when_it_takes_callers_and_its_server_owns_no_other() -> None:
    """While it is being made for the first time it answers at its socket."""
    database = SERVICES["database"]
    assert "-h" in database["healthcheck"]["test"]
    assert "POSTGRES_USER" not in database["environment"]
    assert "../postgresql/setup.sh:/docker-entrypoint-initdb.d/1-setup.sh:ro" in database["volumes"]
    assert (DEPLOY / "postgresql/setup.sh").stat().st_mode & 0o111
    statements = (FOLDER / "database.sql").read_text(encoding="utf-8")
    assert "ALTER ROLE postgres PASSWORD NULL;" in statements
    assert SERVICES["server"]["depends_on"]["database"] == {"condition": "service_healthy"}


def test_debians_own_engine_takes_the_files() -> None:
    """Its builder has no `COPY --chmod`, its compose no `name`; and what is no part of the image is not handed to it."""
    assert [line for line in told("COPY") if line.startswith("--")] == []
    assert "name" not in COMPOSE
    assert (FOLDER / ".env").read_text(encoding="utf-8") == "COMPOSE_PROJECT_NAME=pointofcare\n"
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    assert sorted(ignored[1:]) == sorted("!" + part for line in told("COPY") for part in shlex.split(line)[:-1])


def test_no_log_fills_disk_or_memory() -> None:
    for name, service in SERVICES.items():
        assert service["logging"]["options"]["max-size"], name
    site = (DEPLOY / "nginx/pointofcare.conf").read_text(encoding="utf-8")
    for path in re.findall(r"^\s*(?:access|error)_log (/\S+)", site, re.MULTILINE):
        assert re.search(rf"ln -sf /dev/std(out|err) {re.escape(path)} ", " ".join(SERVICES["web"]["command"])), path


def test_the_guide_names_the_files_that_there_are() -> None:
    text = (ROOT / "docs/containers.md").read_text(encoding="utf-8")
    for path in ("deploy/container/Containerfile", "tests/unit/deploy/test_container.py"):
        assert path in text
        assert (ROOT / path).is_file()
    assert Path(FOLDER / COMPOSE["secrets"]["database-password"]["file"]).name in text
