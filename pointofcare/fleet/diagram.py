"""The two tables of a rollout as Mermaid diagrams, for docs/rollouts.md: made of the tables themselves, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pointofcare.fleet import rollout, update


def of_rollout() -> str:
    """What a rollout may become."""
    return _drawn(rollout.State.DRAFT, rollout.TRANSITIONS)


def of_cart() -> str:
    """What one cart of a rollout may become."""
    return _drawn(update.State.QUEUED, update.TRANSITIONS)


def _drawn(first: StrEnum, table: Mapping[Any, Mapping[Any, Any]]) -> str:
    lines = ["stateDiagram-v2", f"    [*] --> {_id(first)}"]
    for state, ways in table.items():
        ends: dict[Any, list[str]] = {}
        for event, following in ways.items():
            ends.setdefault(following, []).append(_words(event.__name__))
        lines += [f"    {_id(state)} --> {_id(following)}: {', '.join(events)}" for following, events in ends.items()]
        lines += [f"    {_id(state)} --> [*]"] if not ways else []
    return "\n".join(lines) + "\n"


def _id(state: StrEnum) -> str:
    return state.value.replace("-", "_")


def _words(name: str) -> str:
    """ "WaveEnded" as "wave ended"."""
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name).strip()
