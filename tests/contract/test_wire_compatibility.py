"""The released contract: nothing in the wire of today breaks a program that was written against it, and the check sees what would."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointofcare.wire import asyncapi, compatibility

RELEASED = Path(__file__).parents[1] / "data" / "contract" / "poc-1.json"
Json = dict[str, Any]


def released() -> Json:
    found: Json = json.loads(RELEASED.read_text(encoding="utf-8"))
    return found


def test_nothing_of_the_released_contract_is_broken() -> None:
    assert compatibility.breaks(released(), asyncapi.document()) == ()


def test_a_released_document_is_compatible_with_itself() -> None:
    assert compatibility.breaks(released(), released()) == ()


def schema(document: Json, name: str) -> Json:
    found: Json = document["components"]["schemas"][name]
    return found


def removed_field(now: Json) -> None:
    del schema(now, "AlertRaised")["properties"]["code"]


def renamed_field(now: Json) -> None:
    fields = schema(now, "CartState")["properties"]
    fields["reason"] = fields.pop("why")


def retyped_field(now: Json) -> None:
    schema(now, "JobTold")["properties"]["attempt"] = {"type": "string"}


def retyped_inside_of_null(now: Json) -> None:
    schema(now, "JobTold")["properties"]["percent"]["oneOf"][0]["type"] = "number"


def never_null_any_more(now: Json) -> None:
    fields = schema(now, "JobTold")["properties"]
    fields["why"] = fields["why"]["oneOf"][0]


def newly_required_field(now: Json) -> None:
    schema(now, "CartBirth")["required"].append("ward")


def new_field_that_is_required(now: Json) -> None:
    schema(now, "FleetEvent")["properties"]["place"] = {"type": "string"}
    schema(now, "FleetEvent")["required"].append("place")


def required_field_that_may_be_missing(now: Json) -> None:
    schema(now, "RecordReceived")["required"].remove("record_id")


def narrowed_enum(now: Json) -> None:
    schema(now, "AlertRaised")["properties"]["severity"]["enum"].remove("warning")


def narrowed_bound(now: Json) -> None:
    schema(now, "JobTold")["properties"]["attempt"]["maximum"] = 3


def narrowed_list(now: Json) -> None:
    schema(now, "CartBirth")["properties"]["capabilities"]["items"] = {"enum": ["bedside"]}


def closed_object(now: Json) -> None:
    schema(now, "CartState")["additionalProperties"] = False


def another_qos(now: Json) -> None:
    now["operations"]["receive-telemetry"]["bindings"]["mqtt"]["qos"] = 1


def retained_command(now: Json) -> None:
    now["operations"]["send-command"]["bindings"]["mqtt"]["retain"] = True


def another_topic(now: Json) -> None:
    now["channels"]["alert"]["address"] = "poc/1/{facility}/c/{cart}/up/alarm/{alert}"


def route_that_is_gone(now: Json) -> None:
    del now["channels"]["job"]


def another_message(now: Json) -> None:
    now["channels"]["job"]["messages"] = {"Command": {"$ref": "#/components/messages/Command"}}


def schema_that_is_gone(now: Json) -> None:
    del now["components"]["schemas"]["ConfigOrder"]


BREAKING = (
    removed_field, renamed_field, retyped_field, retyped_inside_of_null, never_null_any_more, newly_required_field,
    new_field_that_is_required, required_field_that_may_be_missing, narrowed_enum, narrowed_bound, narrowed_list, closed_object,
    another_qos,
    retained_command, another_topic, route_that_is_gone, another_message, schema_that_is_gone,
)  # fmt: skip


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__)
def test_a_breaking_change_is_refused(change: Callable[[Json], None]) -> None:
    now = copy.deepcopy(released())
    change(now)
    assert compatibility.breaks(released(), now)


def new_optional_field(now: Json) -> None:
    schema(now, "CartState")["properties"]["place"] = {"oneOf": [{"type": "string"}, {"type": "null"}]}


def new_route(now: Json) -> None:
    now["channels"]["other"] = {"address": "poc/1/x", "messages": {}}


def new_code(now: Json) -> None:
    schema(now, "AlertRaised")["properties"]["severity"]["enum"].append("note")


def other_words(now: Json) -> None:
    schema(now, "CartState")["description"] = "said better"


@pytest.mark.parametrize("change", [new_optional_field, new_route, new_code, other_words], ids=lambda change: change.__name__)
def test_growth_is_no_break(change: Callable[[Json], None]) -> None:
    now = copy.deepcopy(released())
    change(now)
    assert compatibility.breaks(released(), now) == ()


def test_the_command_refuses_to_release_what_breaks(tmp_path: Path) -> None:
    older = released()
    schema(older, "CartState")["properties"]["mood"] = {"type": "string"}
    path = tmp_path / "poc-1.json"
    path.write_text(json.dumps(older), encoding="utf-8")
    command = [sys.executable, "-m", "simulation", "asyncapi", "--against", str(path), "--release"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "CartState.mood is gone" in done.stderr
    assert json.loads(path.read_text(encoding="utf-8")) == older
    path.unlink()
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(asyncapi.document()))


def test_no_key_is_one_that_yaml_reads_as_a_truth() -> None:
    """YAML 1.1 reads on, off, yes, no, y and n as truths: a client that writes the document as YAML would lose the key."""

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(keys(inner) for inner in value.values()))
        return set().union(*(keys(inner) for inner in value)) if isinstance(value, list) else set()

    assert keys(asyncapi.document()) & {"on", "off", "yes", "no", "y", "n", "On", "Off", "Yes", "No"} == set()
