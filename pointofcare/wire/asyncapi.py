"""The wire as an AsyncAPI 3.0 document, made from the route table and the schemas; never written by hand, never stored."""

from __future__ import annotations

from typing import Any

from pointofcare.wire import routes, schemas, tables
from pointofcare.wire.codec import MAX_PAYLOAD_BYTES
from pointofcare.wire.messages import VERSION, ConfigOrder, JobOrder
from pointofcare.wire.routes import ROUTES, Direction, Route

Json = dict[str, Any]

_LEVELS = {
    "facility": "The hospital.",
    "cart": "The cart's id, which is its user name at the broker and the sender of every message on its topics.",
    "kind": "The subsystem that the numbers are of.",
    "name": "The command.",
    "alert": "What is wrong: one alert of a cart at a time has this id.",
    "job": "The job.",
}
# What travels as a signature, so that no payload's schema leads to it.
SIGNED: tuple[type[Any], ...] = (ConfigOrder, JobOrder)
_LEVEL_PATTERN = "^[A-Za-z0-9_-]{1,64}$"


def document() -> Json:
    """The whole document, from the server's side: it receives what goes up and sends what goes down."""
    found: dict[str, Json] = {}
    for route in ROUTES:
        _collect(route.message, found)
    for body in (*tables.BODIES.values(), *SIGNED):
        _collect(body, found)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Point of care: carts and server",
            "version": VERSION,
            "license": {"name": "Apache-2.0"},
            "description": (
                "MQTT 3.1.1, clean sessions. Nothing that names a patient is retained. A broker's acknowledgement proves nothing: "
                "a record is settled by RecordReceived only. Readers ignore unknown keys; a new meaning gets a new major version. "
                f"A payload has at most {MAX_PAYLOAD_BYTES} bytes. What TableIssued signs is one of the Table...Body schemas, "
                "what ConfigDesired and JobAssigned sign a ConfigOrder and a JobOrder."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {route.name: _channel(route) for route in ROUTES},
        "operations": {_operation_name(route): _operation(route) for route in ROUTES},
        "components": {
            "messages": {route.type: _message(route) for route in ROUTES},
            "schemas": {**{name: found[name] for name in sorted(found)}, **{f"{route.type}Message": envelope(route) for route in ROUTES}},
        },
    }


def envelope(route: Route) -> Json:
    """JSON Schema of a whole payload on `route`; references point into `components.schemas` of `document`."""
    return {
        "type": "object",
        "required": ["v", "type", "id", "sent_at", "from", "sid", "ttl_s", "body"],
        "properties": {
            "v": {"type": "string", "pattern": rf"^{routes.MAJOR}\.[0-9]+$"},
            "type": {"const": route.type},
            "id": {"type": "string", "pattern": _LEVEL_PATTERN, "description": "the sender's, the same in every resend"},
            "sent_at": {"type": "string", "format": "date-time"},
            "from": {"type": "string", "pattern": _LEVEL_PATTERN},
            "sid": {"type": "string", "pattern": _LEVEL_PATTERN, "description": "the sender's id of one MQTT connection"},
            "ttl_s": {"type": ["number", "null"], "minimum": 0, "description": "seconds after sent_at; null for ever"},
            "body": {"$ref": f"#/components/schemas/{route.type}"},
        },
    }


def _collect(value: type[Any], found: dict[str, Json]) -> None:
    """The JSON Schema of a dataclass and of every one that it holds."""
    if value.__name__ in found:
        return
    made = schemas.schema(value)
    found[value.__name__] = {
        "type": "object",
        "description": " ".join((value.__doc__ or "").split()),
        "required": [name for name, field in made.fields.items() if field.required],
        "properties": {name: _nullable(field) for name, field in made.fields.items()},
    }
    for field in made.fields.values():
        for inner in schemas.nested(field):
            _collect(inner, found)


def _nullable(field: Any) -> Json:
    described: Json = field.json_schema()
    return {"oneOf": [described, {"type": "null"}]} if field.allow_none else described


def _channel(route: Route) -> Json:
    return {
        "address": route.template,
        "description": f"{route.purpose[0].upper()}{route.purpose[1:]}.",
        "messages": {route.type: {"$ref": f"#/components/messages/{route.type}"}},
        "parameters": {level: {"description": _LEVELS[level]} for level in route.levels},
    }


def _message(route: Route) -> Json:
    return {
        "name": route.type,
        "contentType": "application/json",
        "summary": route.purpose,
        "payload": {"$ref": f"#/components/schemas/{route.type}Message"},
    }


def _operation_name(route: Route) -> str:
    return f"{_action(route)}-{route.name}"


def _operation(route: Route) -> Json:
    return {
        "action": _action(route),
        "channel": {"$ref": f"#/channels/{route.name}"},
        "summary": route.purpose,
        "bindings": {"mqtt": {"qos": route.qos, "retain": route.retain, "bindingVersion": "0.2.0"}},
    }


def _action(route: Route) -> str:
    return "receive" if route.direction is Direction.UP else "send"
