"""What the pages beside the dose may ask of the bedside loop: frozen values.

Their forms stay open for minutes while the camera goes on looking, so they do not name a moment of the main screen: `form` is an id
drawn with the page, which makes a double tap one record, and `nurse` who it was made for, so that nobody signs for somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cart_client.inbox import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside(Command):
    """`form` is a uuid. `moment` is not looked at."""

    moment: int = 0
    form: str
    nurse: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellShown(Beside):
    """The day's drugs were shown. `answer` agree or question, of `asked_by` patient or family; a question goes to `asked_of`, is about
    `order` ("" for all of them), in `words`. `shown` are the lines that were on the page, as (order, due, state)."""

    patient: str
    answer: str
    asked_by: str
    asked_of: str = ""
    order: str = ""
    words: str = ""
    shown: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSet(Beside):
    """Several values at once, (code, as typed); `sure` are the codes that were measured again. `emergency`: the patient need not be
    the one whose wristband is open."""

    patient: str
    values: tuple[tuple[str, str], ...]
    sure: frozenset[str] = frozenset()
    emergency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellSkin(Beside):
    """A skin test for `drug` (an ingredient) that was made at `made_at` is read now: `result` is one of `people.SkinResult`."""

    patient: str
    drug: str
    made_at: datetime
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIncident(Beside):
    """One of `incident.KINDS`, told from the screen of `patient` ("" for none). `anonymous`: colleagues are not to see who."""

    kind: str
    reached: str
    words: str
    anonymous: bool
    patient: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveOver(Beside):
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver(Beside):
    """Whoever is signed in now has taken over what `handover` says."""

    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLate(Beside):
    """A dose that was given at `given_at`; `order` "" for none, then `product` says what. `another`: it is another dose than those that
    are charted around that time."""

    patient: str
    given_at: datetime
    dose: str
    route: str
    reason: str
    reason_text: str
    order: str = ""
    due: datetime | None = None
    product: str = ""
    site: str = ""
    another: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginAnaphylaxis(Beside):
    """The form's id is the emergency's."""

    patient: str
    suspected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeStep(Beside):
    """One of `anaphylaxis.STEPS` was done now."""

    event: str
    step: str
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveInEmergency(Beside):
    event: str
    product: str
    dose: str
    route: str
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAnaphylaxis(Beside):
    event: str
    outcome: str
    words: str = ""
