"""What to do with a row that was not sent: when to try again, and when to leave it to a person.

Pure. Decided by the class of the error alone. A parked row is never dropped, and the dose counts as given here all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from pointofcare.errors import EmrOutcomeUnknownError, EmrUnavailableError, PointOfCareError
from server.emr.port import EmrUnclearError

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
UNCLEAR_ATTEMPTS = 12  # about eight minutes: longer than a database restart, shorter than a shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """`code` is stable ("emr-rejected"), `reason` is for a person."""

    code: str
    reason: str


def decide(error: Exception, attempts: int, *, idempotent: bool, chance: float) -> Again | Park:
    """`attempts` counts this one. `chance` in [0, 1) spreads the retries of many rows."""
    if isinstance(error, EmrUnclearError):
        return Park(code=error.code, reason=str(error)) if attempts >= UNCLEAR_ATTEMPTS else _later(attempts, chance, None)
    if isinstance(error, EmrUnavailableError):
        named = error.fields.get("retry_after_s")
        return _later(attempts, chance, named if isinstance(named, int | float) else None)
    if isinstance(error, EmrOutcomeUnknownError):
        return _later(attempts, chance, None) if idempotent else Park(code=error.code, reason=str(error))
    if isinstance(error, PointOfCareError):
        return Park(code=error.code, reason=str(error))
    # Not one of ours: a fault of this program. The row stays as it is and is tried again, slowly.
    return Again(after_s=LONGEST_DELAY_S)


def _later(attempts: int, chance: float, named_s: float | None) -> Again:
    """Doubles to the longest, between half and the whole of it; a time that the EMR named is kept, within reason."""
    if named_s is not None:
        return Again(after_s=min(max(named_s, FIRST_DELAY_S), 600.0) + chance)
    longest = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(attempts - 1, 10))
    return Again(after_s=longest * (0.5 + chance / 2))
