"""SMART scopes, version 2 and 1: what a program or a person may read over FHIR. Pure.

`system/Patient.rs`, `system/*.read`, `user/MedicationAdministration.r`. What is not understood grants nothing; a scope with a search behind
it ("?") is not understood. Writing is granted to nobody. Source: hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from server.usecases.fhir_kinds import KINDS

READ, SEARCH = "r", "s"
_SCOPE = re.compile(r"(system|user)/(\*|[A-Z][A-Za-z]{1,63})\.(read|\*|[cruds]{1,5})", re.ASCII)
Granted = Mapping[str, frozenset[str]]


def parsed(text: str, *, context: str) -> dict[str, frozenset[str]]:
    """Resource type -> r, s. Only types that are served, only reading."""
    found: dict[str, set[str]] = {}
    for word in text.split():
        match = _SCOPE.fullmatch(word)
        if match is None or match.group(1) != context:
            continue
        letters = _letters(match.group(3))
        for kind in KINDS if match.group(2) == "*" else {match.group(2)} & KINDS.keys():
            found.setdefault(kind, set()).update(letters)
    return {kind: frozenset(letters) for kind, letters in found.items() if letters}


def _letters(said: str) -> set[str]:
    if said in ("read", "*"):
        return {READ, SEARCH}
    if list(said) != sorted(set(said), key="cruds".index):  # the letters stand in this order, each once
        return set()
    return {READ, SEARCH} & set(said)


def both(asked: Granted, held: Granted) -> dict[str, frozenset[str]]:
    """What was asked for and may be given."""
    found = {kind: letters & held[kind] for kind, letters in asked.items() if kind in held}
    return {kind: letters for kind, letters in found.items() if letters}


def written(granted: Granted, *, context: str) -> str:
    """As scopes, in the order of the table."""
    if granted.keys() == KINDS.keys() and all(letters == {READ, SEARCH} for letters in granted.values()):
        return f"{context}/*.rs"
    return " ".join(f"{context}/{kind}.{''.join(sorted(granted[kind]))}" for kind in KINDS if kind in granted)


def not_understood(text: str, *, context: str) -> tuple[str, ...]:
    """The words that grant nothing here."""
    return tuple(word for word in text.split() if not parsed(word, context=context))


def of_permissions(held: Iterable[str]) -> dict[str, frozenset[str]]:
    """What a person may read by the permissions of the roles."""
    mine = frozenset(held)
    return {name: frozenset({READ, SEARCH}) for name, kind in KINDS.items() if kind.permissions & mine}
