"""The answer to "may this be given?": levels, findings, the verdict.

A verdict is the maximum over the findings that are not satisfied. `PASS` is only ever said by a check that had all it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum

from pointofcare.people import Witness
from pointofcare.quantity import Quantity


class Level(IntEnum):
    """What the nurse must do: nothing · read · tap · give a coded reason · fetch a second person · not give it."""

    PASS = 0
    NOTE = 1
    WARN = 2
    REASON = 3
    WITNESS = 4
    STOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSource:
    """Where a fact of a finding comes from, and of when it is. `origin` is one of `ORIGINS`, `ref` names the thing there
    ("O1 v3"), "" for none; `at` None: of no time, or the time is not known."""

    origin: str
    ref: str = ""
    at: datetime | None = None


ORIGINS = ("scan", "keyed", "order", "schedule", "product", "patient", "observation", "record", "bag", "pump", "staff", "cart", "intent",
           "policy")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says.

    `rule` is the id of the rule catalogue. `facts` are the values it looked at, as plain JSON values. `remedy` is the code of
    the smallest change that would make it pass, with `params`; text is made of them at the screen. `unknown` says that the
    check lacked data. `satisfied` says that a reason or a witness answered it; it then no longer raises the level. `sources`
    says of the names in `facts` where each comes from.
    """

    rule: str
    level: Level
    facts: Mapping[str, object] = field(default_factory=dict)
    remedy: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    unknown: bool = False
    satisfied: bool = False
    sources: Mapping[str, FactSource] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRecord:
    """What the confirmed intent would write; `status` is a FHIR MedicationAdministration code."""

    status: str
    dose: Quantity | None = None
    lot: str | None = None
    expiry: date | None = None
    serial: str | None = None
    route: str | None = None
    site: str | None = None
    given_at: datetime | None = None
    reason: str | None = None
    witness: Witness | None = None
    waste: Quantity | None = None
    returned: Quantity | None = None
    rate: Quantity | None = None
    drop_factor: int | None = None
    bag: str | None = None
    continues: str | None = None
    effect: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`order` and `due` are what the scans and the intent were matched to; `record` is None while the level is above PASS,
    NOTE or WARN. `findings` holds those above PASS, in the order shown to the nurse. `shadow` are those of rules that the policy
    only tries: recorded, never shown, and of no weight."""

    level: Level
    findings: tuple[Finding, ...]
    order: str | None
    order_version: int | None
    patient: str | None
    products: tuple[str, ...]
    due: datetime | None
    record: ProposedRecord | None
    engine: str
    policy: str
    shadow: tuple[Finding, ...] = ()
