"""A skin test as it is noted at a bedside, and back. What cannot be read is no test, and never a negative one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pointofcare.people import SkinResult, SkinTest

# A test is read some minutes after it was made; what was made longer ago than this is another test, or a slip.
LONGEST = timedelta(hours=72)


def details(test: SkinTest) -> dict[str, object]:
    return {"drug": test.drug, "result": test.result.value, "made_at": test.at.isoformat()}


def read(told: Mapping[str, object], *, read_at: datetime, read_by: str) -> SkinTest | None:
    """The test of a note's details; None for what is none."""
    drug, result, made = told.get("drug"), told.get("result"), told.get("made_at")
    if not isinstance(drug, str) or not drug.strip() or not isinstance(made, str):
        return None
    try:
        at, found = datetime.fromisoformat(made), SkinResult(str(result))
    except ValueError:
        return None
    if at.tzinfo is None or not timedelta(0) <= read_at - at <= LONGEST:
        return None
    return SkinTest(drug=drug, at=at, read_at=read_at, read_by=read_by, result=found)
