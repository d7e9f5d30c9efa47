"""The AsyncAPI document is valid by the official schema, and what we really send is valid by the document."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pointofcare.wire import asyncapi
from pointofcare.wire.messages import TableKind
from pointofcare.wire.routes import ROUTES, Route
from pointofcare.wire.tables import BODIES

DATA = Path(__file__).parents[1] / "data"
DOCUMENT = asyncapi.document()


def validator_of(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def golden(name: str) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((DATA / "wire" / f"{name}.json").read_text(encoding="utf-8"))
    return plain


def test_document_is_valid_asyncapi() -> None:
    official = json.loads((DATA / "asyncapi" / "asyncapi-3.0.0-without-id.json").read_text(encoding="utf-8"))
    faults = [fault.message for fault in jsonschema.Draft7Validator(official).iter_errors(DOCUMENT)]
    assert faults == []


def test_every_reference_leads_somewhere() -> None:
    def check(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found: Any = DOCUMENT
                for step in value["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)

    check(DOCUMENT)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.type)
def test_golden_payload_is_valid_by_the_document(route: Route) -> None:
    validator_of(asyncapi.envelope(route)).validate(golden(route.type))


@pytest.mark.parametrize("kind", TableKind)
def test_golden_table_is_valid_by_the_document(kind: TableKind) -> None:
    validator_of(DOCUMENT["components"]["schemas"][BODIES[kind].__name__]).validate(golden(f"table-{kind}"))


def test_document_refuses_what_the_codec_refuses() -> None:
    route = next(route for route in ROUTES if route.type == "AdministrationRecorded")
    payload = golden(route.type)
    payload["body"]["record"]["dose"] = 500
    assert not validator_of(asyncapi.envelope(route)).is_valid(payload)
    del payload["body"]["record"]["dose"]
    assert not validator_of(asyncapi.envelope(route)).is_valid(payload)


def test_every_schema_is_explained() -> None:
    assert [
        name for name, schema in DOCUMENT["components"]["schemas"].items() if not name.endswith("Message") and "description" not in schema
    ] == []


def test_command_prints_the_document() -> None:
    printed = subprocess.run([sys.executable, "-m", "simulation", "asyncapi"], check=True, capture_output=True, timeout=60).stdout
    assert json.loads(printed) == json.loads(json.dumps(DOCUMENT))
