"""What holds for every test: no network in unit tests, no real user's files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _no_sockets_in_unit_tests(request: pytest.FixtureRequest) -> object:
    if "unit" in Path(request.node.path).relative_to(Path(__file__).parent).parts[:1]:
        disable_socket(allow_unix_socket=True)
        yield
        enable_socket()
    else:
        yield
