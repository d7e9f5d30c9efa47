"""`python -m simulation.roles`: writes docs/roles.md from the table of addresses and the table of roles; with `--check` it only says
whether the page is stale (exit code 1). Run it from the root of the repository."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from pointofcare.people import StaffRole
from server import config
from server.app import create_app
from server.security.access import ENDPOINTS, Access, Scope
from server.security.permissions import PERMISSIONS, WARD_BOUND

PAGE = Path("docs/roles.md")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SHORT = {
    StaffRole.NURSE: "nurse",
    StaffRole.STUDENT: "student",
    StaffRole.WITNESS_ONLY: "witness",
    StaffRole.CHARGE_NURSE: "charge",
    StaffRole.PHARMACIST: "pharm.",
    StaffRole.PRESCRIBER: "presc.",
    StaffRole.FLEET_MANAGER: "fleet",
    StaffRole.ADMINISTRATOR: "admin",
}
TITLES = {
    Scope.NONE: "Without signing in",
    Scope.OWN: "Whoever is signed in",
    Scope.WARD: "Patients",
    Scope.FACILITY: "The hospital without its patients",
}
HEAD = """# Roles

Who may do what: written by `make roles` from `server/security/access.py` (every address) and `server/security/permissions.py` (every
role), which are what the server asks. A test walks each line as each role and as nobody; an address without a line is not served.

In the table **W** is "of one's wards only", **F** "of the whole facility", a dash "no", and a star "where the role sees that type of
resource on pages" ([reading over FHIR](fhir-api.md)). Nurses, students, witnesses and charge nurses
are bound to wards; somebody who belongs to no ward reaches all of the facility (see [security](security.md), "People: who may do what").
A dose recorded at a cart is a fact and asks nobody; another facility is never reached: its things do not exist (404).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation.roles", description="Write docs/roles.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        app = create_app(
            config.read(
                {
                    "database_url": "sqlite:///roles.sqlite",
                    "facility": "h1",
                    "secret_key": "k" * 40,
                    "password_salt": "s" * 40,
                },
                anchor=Path(directory),
            )
        )
        text = page(app)
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if options.check:
        print(f"{PAGE} is stale: run make roles", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page(app: Flask) -> str:
    lines = [HEAD]
    for scope in (Scope.WARD, Scope.FACILITY, Scope.OWN, Scope.NONE):
        lines += [f"## {TITLES[scope]}", ""]
        columns = list(StaffRole) if scope in (Scope.WARD, Scope.FACILITY) else []
        names = ["address", "endpoint", *(["permission"] if columns else []), *(SHORT[role] for role in columns)]
        lines += ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
        for endpoint, access in ENDPOINTS.items():
            if access.scope is scope:
                lines += [_line(app, endpoint, access, columns)]
        lines.append("")
    lines += ["## What a role holds", "", "| role | bound to wards | permissions |", "|---|---|---|"]
    for role in StaffRole:
        held = ", ".join(sorted(PERMISSIONS[role])) or "none: confirms for others at a cart"
        lines.append(f"| {role.value} | {'yes' if role in WARD_BOUND else 'no'} | {held} |")
    return "\n".join(lines) + "\n"


def _line(app: Flask, endpoint: str, access: Access, columns: Sequence[StaffRole]) -> str:
    cells = [addresses(app, endpoint), f"`{endpoint}`"]
    if columns:
        cells.append(access.permission or ("by type of resource" if access.guests else ""))
    for role in columns:
        held = access.permission is None or access.permission in PERMISSIONS[role]
        reach = "–" if not held else "W" if access.scope is Scope.WARD and role in WARD_BOUND else "F"
        cells.append(f"{reach}*" if access.guests else reach)
    return "| " + " | ".join(cells) + " |"


def addresses(app: Flask, endpoint: str) -> str:
    found = []
    for rule in sorted(app.url_map.iter_rules(endpoint), key=lambda rule: rule.rule):
        methods = ", ".join(method for method in METHODS if method in (rule.methods or ()))
        found.append(f"{methods} `{rule.rule}`")
    return "<br>".join(found)


if __name__ == "__main__":
    sys.exit(main())
