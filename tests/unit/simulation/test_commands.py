"""The commands of the virtual hospital: each one that is listed can be run, and the contract is printed whole."""

from __future__ import annotations

import importlib
import json

import pytest

from pointofcare.wire import routes
from simulation import __main__ as command
from simulation import asyncapi


@pytest.mark.parametrize("name", sorted(command._COMMANDS))
def test_every_listed_command_can_be_run(name: str) -> None:
    assert callable(importlib.import_module(command._COMMANDS[name][0]).run)


def test_contract_is_printed_with_every_route(capsys: pytest.CaptureFixture[str]) -> None:
    assert asyncapi.run([]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["asyncapi"].startswith("3.")
    assert len(document["channels"]) == len(routes.ROUTES)
