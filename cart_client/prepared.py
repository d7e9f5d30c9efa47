"""What of a dose in the nurse's hand is written before the tap: values only, made and judged by `ready`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cart_client.chart import Tables
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import Session
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import Verdict
from pointofcare.wire import snapshot
from pointofcare.wire.blanks import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a tap from `first` to `last` records, but for its times. `asked` are the widest facts that the verdict was made from,
    `changes` the journal's number then."""

    first: datetime
    last: datetime
    session: Session
    tables: Tables
    changes: int
    asked: Facts
    verdict: Verdict
    record: AdministrationRecord
    kept: snapshot.Prepared
    row: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One record, ready to be written now."""

    verdict: Verdict
    record: AdministrationRecord
    facts: str
    row: Form
