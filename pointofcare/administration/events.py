"""What may happen in the bedside workflow: frozen values, each a fact that came from a reader, a person, the chart or the engine.

Must never hold a decision: what follows from an event is in the table of `session`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pointofcare.labels.scan import Scan
from pointofcare.people import Nurse, Witness
from pointofcare.quantity import Quantity
from pointofcare.verdict.facts import Action, Intent
from pointofcare.verdict.finding import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """One scan with what the reader gave. Use `scanned`, which names the kind."""

    scan: Scan
    at: datetime
    identifier: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandScanned(Scanned):
    """A wristband, or a typed patient number. `patient` is whom the chart knows by it, None when nobody."""

    patient: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugScanned(Scanned):
    """A drug pack, a bag's label, or a label that could not be read and was not a wristband. `continues` is the start of the
    paused infusion whose bag this is."""

    continues: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeRead:
    badge: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    nurse: Nurse
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleExpired:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientClosed:
    """The nurse leaves this patient and stays signed in."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugsCleared:
    """What was scanned for this dose is put back; the patient stays."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChosen:
    order: str
    due: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountGiven:
    """The amount drawn from a liquid or a multi-dose container, with what was thrown away."""

    dose: Quantity | None
    at: datetime
    waste: Quantity | None = None
    returned: Quantity | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActBegun:
    """Something is to be done to a record that is there: `intent.of_record` names it. Nothing is scanned for it."""

    intent: Intent
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActDropped:
    """What was verified on a record that is there was not done, and that is on record."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAgain:
    """The order or the patient's facts changed, the nurse has read what: what was scanned is judged anew, and nothing is answered."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessWithdrawn:
    """The second person may not witness any more: what they looked at has had no second look."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RateGiven:
    """The rate as set on the pump, or in drops a minute with the set's `drop_factor` (drops per mL)."""

    rate: Quantity
    at: datetime
    drop_factor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyDeclared:
    """There is no order and no time to wait for one: what is given now, and how. A prescriber acknowledges it later."""

    dose: Quantity
    route: str
    at: datetime
    reason_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A vital sign was measured and is on record."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonGiven:
    """A coded reason for the findings of `satisfies`, or, for a PRN order, why the patient needs it."""

    at: datetime
    reason: str | None = None
    reason_text: str | None = None
    satisfies: tuple[str, ...] | None = None
    prn_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Where and when the second person signed. `cart` None: here; `request` is what was answered from another cart."""

    witness: str
    at: datetime
    cart: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessGiven:
    """`sight` None: here and now."""

    witness: Witness
    at: datetime
    sight: Sight | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKnown:
    """The second person has signed in, and works the value out alone before anything is confirmed."""

    witness: Witness
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindGiven:
    """What the second person worked out without seeing the first one's figure. `sight` None: here and now."""

    value: Quantity
    at: datetime
    sight: Sight | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculatedAgain:
    """The two values differ: the second look is taken back, and both work it out anew."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CountWanted:
    """The drawer of a controlled drug opened."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What is left was counted, or why it was not is on record."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict was reached. Use `judged`, which names its kind by level."""

    verdict: Verdict
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted(Judged):
    """It may be given. `record_id` is this dose's id from here on."""

    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonWanted(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessWanted(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceWanted(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWanted(Judged):
    """Nothing stops it, but at what rate it is to run has not been said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Judged):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The nurse tapped a warning. `record_id` is this dose's id from here on."""

    record_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What the verdict stood on is no longer so: a new verdict is due before anything is confirmed."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The patient took it. `verdict` was reached again at this moment."""

    verdict: Verdict
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """It was not given: refused, held or not possible, with its reason. `record_id` is of the record that says so."""

    action: Action
    reason: str
    verdict: Verdict
    record_id: str
    at: datetime
    reason_text: str | None = None


Event = (
    BandScanned | DrugScanned | BadgeRead | SignedIn | SignedOut | IdleExpired | PatientClosed | DrugsCleared | OrderChosen | AmountGiven
    | ActBegun | ActDropped | RateGiven | EmergencyDeclared | Measured | ReasonGiven | WitnessGiven | WitnessKnown | BlindGiven
    | CalculatedAgain | CountWanted | Counted | Permitted | Warned | ReasonWanted | WitnessWanted | ChoiceWanted | RateWanted | Stopped
    | Acknowledged | Changed | AskedAgain | WitnessWithdrawn | Confirmed | Declined
)  # fmt: skip
