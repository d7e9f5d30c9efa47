"""What a scenario expects, and whether an answer holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pointofcare.quantity import Quantity
from pointofcare.scenario.fields import Fields, amount, instant, same
from pointofcare.verdict.finding import Level

_RECORD_KEYS = ("status", "dose", "lot", "expiry", "serial", "route", "site", "given_at", "reason", "witness", "waste")
_EXTENDED_KEYS = (*_RECORD_KEYS, "rate", "bag", "effect", "continues", "returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """None: not asked. `order` and `due` are asked when their key is there, with null for "none"."""

    level: Level | None = None
    level_at_least: Level | None = None
    rules: tuple[str, ...] = ()
    not_rules: tuple[str, ...] = ()
    asks_order: bool = False
    order: str | None = None
    asks_due: bool = False
    due: datetime | None = None
    record: Mapping[str, object] | None = None


def expectation(expect: Fields) -> Expectation:
    level, at_least = (expect.choice(name, tuple(Level.__members__)) for name in ("level", "level_at_least"))
    record = expect.raw("record")
    if record is not None and not isinstance(record, dict):
        expect.faults.note(expect.at("record"), "must be an object with keys of the record")
        record = None
    keys = _EXTENDED_KEYS if expect.format > 1 else _RECORD_KEYS
    for key in record or {}:
        if key not in keys:
            expect.faults.note(expect.at(f"record.{key}"), f"unknown key; use one of: {', '.join(keys)}")
    return Expectation(
        level=Level[level] if level is not None else None,
        level_at_least=Level[at_least] if at_least is not None else None,
        rules=expect.texts("rules", same),
        not_rules=expect.texts("not_rules", same),
        asks_order=expect.has("order"),
        order=expect.text("order"),
        asks_due=expect.has("due"),
        due=expect.instant("due"),
        record=record,
    )


def differences(expected: Expectation, answer: Mapping[str, object]) -> list[str]:
    """What of `answer` (as printed) is not as expected, each as one line; empty when all holds."""
    found = []
    level = Level[str(answer["level"])]
    findings = answer["findings"]
    assert isinstance(findings, list)
    rules = [str(each["rule"]) for each in findings]
    if expected.level is not None and level is not expected.level:
        found.append(f"level is {level.name}, expected {expected.level.name}")
    if expected.level_at_least is not None and level < expected.level_at_least:
        found.append(f"level is {level.name}, expected at least {expected.level_at_least.name}")
    listed = ", ".join(rules) or "none"
    found += [f"rule {rule} is not among the findings ({listed})" for rule in expected.rules if rule not in rules]
    found += [f"rule {rule} must not be among the findings" for rule in expected.not_rules if rule in rules]
    if expected.asks_order and answer["order"] != expected.order:
        found.append(f"order is {answer['order']}, expected {expected.order}")
    if expected.asks_due and not _same_instant(answer["due"], expected.due):
        found.append(f"due is {answer['due']}, expected {expected.due.isoformat() if expected.due else None}")
    if expected.record is not None:
        record = answer["record"]
        if not isinstance(record, dict):
            found.append("record is null")
        else:
            found += [
                f"record.{key} is {record.get(key)!r}, expected {value!r}"
                for key, value in expected.record.items()
                if not _same_value(record.get(key), value)
            ]
    return found


def _same_instant(text: object, expected: datetime | None) -> bool:
    if expected is None or text is None:
        return expected is None and text is None
    return instant(str(text)) == expected


def _same_value(mine: object, expected: object) -> bool:
    """Equal as written; amounts also by their unit and number ("0.50 mg" is "0.5 mg"), times by their instant."""
    if mine == expected:
        return True
    if not isinstance(mine, str) or not isinstance(expected, str):
        return False
    for parse in (_quantity, instant):
        try:
            return bool(parse(mine) == parse(expected))
        except ValueError:
            continue
    return False


def _quantity(text: str) -> Quantity:
    found = amount(text)
    return Quantity(value=found.value.normalize(), unit=found.unit)
