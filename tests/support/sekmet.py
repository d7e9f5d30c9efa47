"""A real FHIR server, SEKMET, for the tests that must not believe a stub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simulation import emr_peer
from simulation.emr_peer import RunningEmr


@pytest.fixture(scope="module")
def sekmet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmr]:
    """One for a module; each test uses record ids of its own."""
    running = emr_peer.start(tmp_path_factory.mktemp("sekmet"))
    yield running
    running.stop()


def stored(running: RunningEmr, kind: str, query: str) -> list[dict]:
    """The resources that the server itself gives for a search."""
    answer = httpx.get(f"{running.base_url}/{kind}?{query}&_count=200", trust_env=False, timeout=10).json()
    return [entry["resource"] for entry in answer.get("entry", [])]


def restarted(running: RunningEmr, directory: Path | None = None) -> RunningEmr:
    return emr_peer.start(directory or running.directory, port=running.port)
