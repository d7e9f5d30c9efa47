#!/usr/bin/python3
"""Stands where `systemctl` stands, on a machine where systemd does not run: it starts what a unit file names, and as whom.

What it keeps of a unit: conditions, what it requires, user, groups, folder, environment, umask, no privileges, the read-only system and
the places that may be written, the command lines of start and reload. Standard library alone: the installed machine has no other.
"""

from __future__ import annotations

import os
import pwd
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

PLACES = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
STATE = Path("/run/units")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STOP_S = 45.0
Unit = dict[str, list[str]]


def read(text: str) -> Unit:
    """ "Section.Name" -> its values in order; an empty value forgets those before it, as systemd does."""
    found: Unit = {}
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line and line[0] not in "#;":
            name, separator, value = line.partition("=")
            if not separator:
                raise SystemExit(f"not a setting: {line}")
            key = f"{section}.{name.strip()}"
            found[key] = [*found.get(key, []), value.strip()] if value.strip() else []
    return found


def load(name: str) -> Unit:
    for place in PLACES:
        if (place / name).is_file():
            return read((place / name).read_text(encoding="utf-8"))
    raise SystemExit(f"Failed: Unit file {name} does not exist.")


def last(unit: Unit, key: str, default: str = "") -> str:
    return (unit.get(key) or [default])[-1]


def is_wanted(unit: Unit) -> str:
    """The first condition that does not hold, or ""."""
    for told in unit.get("Unit.ConditionPathExists", []):
        if Path(told.lstrip("!")).exists() is told.startswith("!"):
            return told
    return ""


def environment(unit: Unit) -> dict[str, str]:
    """Nothing of whoever calls."""
    lines = [word for value in unit.get("Service.Environment", []) for word in shlex.split(value)]
    for told in unit.get("Service.EnvironmentFile", []):
        path = Path(told.lstrip("-"))
        if path.exists() or not told.startswith("-"):
            lines += [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] not in "#;"]
    user = pwd.getpwnam(last(unit, "Service.User", "root"))
    made = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    for line in lines:
        name, _, value = line.partition("=")
        made[name] = value
    return made


def command(unit: Unit) -> list[str]:
    """The start's command line behind what the unit takes away from it."""
    prepare = []
    if last(unit, "Service.ProtectSystem") == "strict":
        for told in (word for value in unit.get("Service.ReadWritePaths", []) for word in value.split()):
            place = told.lstrip("-")
            prepare.append(f"[ ! -e {place} ] || mount --bind {place} {place}" if told.startswith("-") else f"mount --bind {place} {place}")
        prepare.append("mount -o remount,bind,ro /")
    if last(unit, "Service.ProtectHome") == "yes":
        prepare.append("mount -t tmpfs -o mode=0000 none /root && mount -t tmpfs -o mode=0000 none /home")
    if last(unit, "Service.PrivateTmp") == "yes":
        prepare.append("mount -t tmpfs -o mode=1777 none /tmp")
    prepare.append(f"cd {last(unit, 'Service.WorkingDirectory', '/')} && umask {last(unit, 'Service.UMask', '0022')}")
    user, group = last(unit, "Service.User", "root"), last(unit, "Service.Group", last(unit, "Service.User", "root"))
    less = ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups"]
    if unit.get("Service.CapabilityBoundingSet") == []:
        less += ["--inh-caps=-all", "--bounding-set=-all"]
    if last(unit, "Service.NoNewPrivileges") == "yes":
        less.append("--no-new-privs")
    (start,) = unit["Service.ExecStart"]
    script = " && ".join(f"{{ {step}; }}" for step in prepare) + ' && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "unit", *less, *shlex.split(start)]


def pid(name: str) -> int | None:
    """Of the program, when it runs and is no zombie."""
    try:
        number = int((STATE / name).read_text(encoding="ascii"))
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else number


def start(name: str) -> None:
    unit = load(name)
    if pid(name) is not None:
        return
    for needed in (word for value in unit.get("Unit.Requires", []) for word in value.split()):
        start(needed)
    if missing := is_wanted(unit):
        sys.stderr.write(f"{name}: condition failed: ConditionPathExists={missing}\n")
        return
    if Path(shlex.split(unit["Service.ExecStart"][0])[0]).is_file() is False:
        raise SystemExit(f"{name}: {unit['Service.ExecStart'][0]}: no such program")
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command(unit), env=environment(unit), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    (STATE / name).write_text(str(child.pid), encoding="ascii")
    if last(unit, "Service.Type") == "oneshot" and child.wait() != 0:
        raise SystemExit(f"Job for {name} failed because the control process exited with error code {child.returncode}.")


def stop(name: str) -> None:
    number = pid(name)
    if number is None:
        return
    os.kill(number, signal.SIGTERM)
    until = time.monotonic() + STOP_S
    while pid(name) is not None:
        if time.monotonic() > until:
            os.kill(number, signal.SIGKILL)
            raise SystemExit(f"{name} did not stop within {STOP_S:.0f} s")
        time.sleep(0.05)


def reload(name: str) -> None:
    number = pid(name)
    if number is None:
        raise SystemExit(f"{name} is not active, cannot reload.")
    (told,) = load(name)["Service.ExecReload"]
    subprocess.run(shlex.split(told.replace("$MAINPID", str(number))), check=True)


def nginx(verb: str) -> None:
    """Debian's own, which is started by its package."""
    running = Path("/run/nginx.pid").exists()
    subprocess.run(["/usr/sbin/nginx", *(["-s", "reload" if verb == "reload" else "stop"] if running else [])], check=verb != "stop")


VERBS: Mapping[str, tuple[str, ...]] = {
    "start": ("start",),
    "enable": (),
    "disable": (),
    "stop": ("stop",),
    "restart": ("stop", "start"),
    "reload": ("reload",),
    "daemon-reload": (),
    "is-enabled": (),
    "set-default": (),
    "mask": (),
}


def main(arguments: list[str]) -> int:
    verb, *rest = [word for word in arguments if word != "--now"]
    steps = VERBS[verb]
    if "--now" in arguments:
        steps = {"enable": ("start",), "disable": ("stop",)}[verb]
    if verb in ("set-default", "mask", "daemon-reload"):
        return 0
    for name in rest:
        if name == "nginx":
            nginx(verb)
            continue
        full = name if name.endswith(".service") else f"{name}.service"
        if verb == "is-enabled":
            sys.stdout.write("enabled\n" if (STATE / f"{full}.enabled").exists() else "disabled\n")
            continue
        load(full)
        if verb == "enable":
            STATE.mkdir(parents=True, exist_ok=True)
            (STATE / f"{full}.enabled").touch()
        for step in steps:
            {"start": start, "stop": stop, "reload": reload}[step](full)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
