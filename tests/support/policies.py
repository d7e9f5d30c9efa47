"""Policies in force, by the way that every policy comes into force."""

from __future__ import annotations

from pointofcare.people import StaffRole
from server.store import policies
from server.store.policies import StoredFile
from server.store.transaction import Actor, transaction
from server.usecases import policies as verbs
from tests.support.server_ward import NOW, PHARMACIST

SECOND = Actor(id="PH2", name="Second pharmacist", roles=frozenset({StaffRole.PHARMACIST}))
THIRD = Actor(id="PH3", name="Third pharmacist", roles=frozenset({StaffRole.PHARMACIST}))


def text(version: str, *lines: str) -> str:
    return "\n".join(["format = 1", f'version = "{version}"', *lines, ""])


def value(name: str, value: str, source: str = "local choice") -> str:
    return f'[{name}]\nvalue = "{value}"\nsource = "{source}"'


def drafted(text_: str, *, ward: str = policies.HOSPITAL) -> StoredFile:
    with transaction(PHARMACIST, at=NOW) as tx:
        return verbs.draft(tx, PHARMACIST, text_, ward=ward)


def approved(text_: str, *, ward: str = policies.HOSPITAL) -> StoredFile:
    made = drafted(text_, ward=ward)
    with transaction(SECOND, at=NOW) as tx:
        return verbs.approve(tx, SECOND, made.id, revision=made.revision)


def in_force(text_: str, *, ward: str = policies.HOSPITAL) -> StoredFile:
    made = approved(text_, ward=ward)
    with transaction(PHARMACIST, at=NOW) as tx:
        return verbs.activate(tx, PHARMACIST, made.id, revision=made.revision)
