"""Readers that several parts of a scenario share. Faults are noted on the way, never raised."""

from __future__ import annotations

from datetime import UTC, datetime

from pointofcare.people import OBSERVATION_CODES, StaffRole
from pointofcare.products import HoldRule
from pointofcare.quantity import Quantity
from pointofcare.scenario.fields import Fields, amount
from pointofcare.verdict.finding import Level

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROLES = ("nurse", "student", "pharmacist", "witness-only", "charge-nurse", "prescriber")


def version(fields: Fields, name: str) -> int:
    value = fields.whole(name)
    if value is None:
        if fields.raw(name) is None:
            fields.faults.note(fields.at(name), "is missing; give a whole number")
        return 0
    return value


def happened_at(fields: Fields) -> datetime:
    found = fields.instant("at")
    if found is None and fields.raw("at") is None:
        fields.faults.note(fields.at("at"), "is missing; give a time as ISO 8601 with an offset")
    return found if found is not None else EPOCH


def role(fields: Fields) -> StaffRole | None:
    role = fields.choice("role", ROLES)
    return StaffRole(role) if role is not None else None


def hold(rule: Fields) -> HoldRule:
    code = rule.choice("code", tuple(sorted(OBSERVATION_CODES)))
    if code is None and rule.raw("code") is None:
        rule.faults.note(rule.at("code"), "is missing; say which observation")
    return HoldRule(
        code=code or "",
        below=rule.amount("below"),
        above=rule.amount("above"),
        max_age=rule.duration("max_age"),
        level=rule.choice("level", tuple(Level.__members__)) or "REASON",
    )


def bounds(fields: Fields, name: str) -> tuple[Quantity, Quantity] | None:
    """Two amounts, the lower first."""
    found = fields.texts(name, amount)
    if fields.raw(name) is not None and len(found) != 2:
        fields.faults.note(fields.at(name), 'must be two amounts, such as ["2 mg", "5 mg"]')
    return (found[0], found[1]) if len(found) == 2 else None
