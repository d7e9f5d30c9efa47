"""Signed tables on their way down: what a cart holds, and one table issued.

The signature (JWS, Ed25519) is made and checked by the programs; what is signed is `pointofcare.wire.tables`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TableKind(StrEnum):
    PATIENT_CHART = "patient-chart"
    STAFF_ROSTER = "staff-roster"
    FORMULARY = "formulary"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTable:
    kind: TableKind
    ward: str
    version: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesHeld:
    """Asks for whatever is newer than `held`, and for every kind that is missing from it. `audit_checkpoints` are the statements that
    the cart kept of the server's audit log, told once a connection: the server holds its log against them. `emr_waiting` are ids of
    records of the last day of which the cart does not know that the EMR has them, told as often: it is told of these again."""

    ward: str
    held: tuple[HeldTable, ...] = ()
    audit_checkpoints: tuple[str, ...] = ()
    emr_waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableIssued:
    """`jws` is compact and signs kind, ward and version too: those beside it only tell which table it is, the signed ones count."""

    kind: TableKind
    ward: str
    version: int
    jws: str
