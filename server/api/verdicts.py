"""The verdict engine over HTTP: scenarios of the open format in, the same answers out as from the command line. Nothing is stored, no
patient of the hospital is looked at, and the limits are here: a small text must not cost a long computation."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, abort, jsonify, request
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from pointofcare.errors import MessageError
from pointofcare.scenario.answer import answer
from pointofcare.scenario.file import scenarios
from pointofcare.verdict import catalogue, engine
from pointofcare.verdict.catalogue import Entry
from server.api import errors
from server.security.person import actor

api = Blueprint("verdicts", __name__, url_prefix="/api/v1", description="The verdict engine and its rules, for anybody's test")
errors.register(api)

MOST_SCENARIOS = 500
# Each scenario is laid over the base, so that a body costs about its length for every scenario in it.
MOST_CHARACTERS = 20_000_000


class FindingOutSchema(Schema):
    rule = fields.String(required=True)
    level = fields.String(required=True)
    satisfied = fields.Boolean(required=True)
    lacks_data = fields.Boolean(required=True, data_key="unknown")
    facts = fields.Dict(required=True)
    remedy = fields.String(required=True)
    params = fields.Dict(required=True)


class VerdictOutSchema(Schema):
    """The answer to one scenario."""

    id = fields.String(required=True)
    level = fields.String(required=True)
    order = fields.String(required=True, allow_none=True)
    due = fields.String(required=True, allow_none=True)
    record = fields.Dict(required=True, allow_none=True)
    findings = fields.List(fields.Nested(FindingOutSchema), required=True)
    engine = fields.String(required=True)
    policy = fields.String(required=True)


class RuleOutSchema(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True)
    title = fields.String(required=True)
    levels = fields.List(fields.String(), required=True)
    looks_at = fields.String(required=True)
    passes_when = fields.String(required=True)
    source = fields.String(required=True)
    hazard = fields.String(required=True)
    lives = fields.String(required=True)
    on_trial = fields.Boolean(required=True)
    scenarios = fields.List(fields.String(), required=True)
    tests = fields.List(fields.String(), required=True)


class RuleListSchema(Schema):
    engine = fields.String(required=True)
    items = fields.List(fields.Nested(RuleOutSchema), required=True)


@api.route("/verdicts", methods=["POST"])
@api.doc(
    requestBody={
        "required": True,
        "description": 'One scenario of the open format, or {"scenarios": [...], "base": {...}} with at most 500 of them; at most 1 MB.',
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
)
@api.response(200, VerdictOutSchema(many=True), description="For one scenario its answer; for a file with many a list, in their order.")
def verdicts() -> Response:
    """What the engine says of scenarios. Nothing is written."""
    actor()
    if not request.is_json:
        abort(415, description="send a JSON body with Content-Type: application/json")
    try:
        text = request.get_data().decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise MessageError("the body is not UTF-8", problems=((f"byte {exc.start}", "is not UTF-8; send UTF-8 JSON"),)) from exc
    alone = _limited(text)
    found = [answer(each.id, each.facts, engine.evaluate(each.facts), each.format) for each in scenarios(text)]
    return jsonify(found[0] if alone else found)


@api.route("/rules")
@api.response(200, RuleListSchema)
def rules() -> dict[str, Any]:
    """The rule catalogue: every rule with its kind, its source and what proves it."""
    actor()
    return {"engine": engine.VERSION, "items": [_rule(entry) for entry in catalogue.entries()]}


def _limited(text: str) -> bool:
    """Whether it is one scenario alone. What is not JSON is told by whoever reads it. Raises: MessageError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return True
    listed = found.get("scenarios") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        return True
    if len(listed) > MOST_SCENARIOS:
        raise MessageError(
            f"{len(listed)} scenarios are too many", problems=(("scenarios", f"send at most {MOST_SCENARIOS} at once"),), remedy="send less"
        )
    if len(listed) * len(text) > MOST_CHARACTERS:
        raise MessageError(
            "so many scenarios over so large a base are too much",
            problems=(("base", "send fewer scenarios at once, or a smaller base"),),
            remedy="send less",
        )
    return False


def _rule(entry: Entry) -> dict[str, Any]:
    names = ("id", "title", "looks_at", "passes_when", "source", "hazard", "lives", "on_trial", "scenarios", "tests")
    return {name: getattr(entry, name) for name in names} | {
        "kind": entry.kind.value,
        "levels": [level.name for level in entry.levels],
    }
