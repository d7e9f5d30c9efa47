"""The HTTP API against its own OpenAPI description: whatever fits it, or misses it, gets an answer that it describes.

`FUZZ_EXAMPLES` says how many requests an operation gets: few in `make test`, many in `make fuzz`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from server.security import sign_in
from tests.support import web
from tests.support.web import EVERYBODY

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "8"))
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("fuzz"), verified=True) as found:
        found.config["PROPAGATE_EXCEPTIONS"] = False
        with found.app_context():
            sign_in.limiter.enabled = False
        yield found
        sign_in.limiter.enabled = True


@pytest.fixture(scope="module")
def tokens(app: Flask) -> list[dict[str, str]]:
    """Those of a person of each role, and nobody's."""
    found: list[dict[str, str]] = [{}]
    for person in EVERYBODY:
        web.give_password(app, person)
        answer = app.test_client().post("/api/v1/tokens", json={"username": person.id.lower(), "password": web.PASSWORD})
        found.append({"Authentication-Token": answer.json["token"]})
    return found


def test_every_request_gets_an_answer_that_the_description_has(app: Flask, tokens: list[dict[str, str]]) -> None:
    seen = 0
    for found in schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize="FUZZ_EXAMPLES" not in os.environ,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), headers=st.sampled_from(tokens))
        def answered(case: schemathesis.Case, headers: dict[str, str]) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        answered()
        seen += 1
    assert seen >= 20
