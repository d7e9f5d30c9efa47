"""What may arrive at the bedside loop: frozen values from the kiosk's forms, the uplink and the clock, and the queue they wait in.

Nothing here decides anything. A kiosk command names the moment of the screen that it was pressed on, so that a double tap or an old
page can never act on a newer dose.
"""

from __future__ import annotations

import queue
import re
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity, typed
from pointofcare.verdict.facts import Lease, LeaseDoubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A tap on the kiosk. `moment` is that of the screen it was made on."""

    moment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBadge(Command):
    """A badge number typed because the badge cannot be read."""

    badge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterPin(Command):
    """`why` one of `sign_in.WHY_HERE`, asked of somebody of another ward."""

    pin: str
    why: str = ""

    def __repr__(self) -> str:
        return "EnterPin(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPatient(Command):
    """Unable to scan the band: two identifiers typed, and why (rule P6)."""

    mrn: str
    birth_date: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseOrder(Command):
    order: str
    due: datetime | None


# Units as screens and labels write them -> UCUM. "U" alone stays unknown: written badly it has been read as a zero.
_AS_WRITTEN = {"iu": "[IU]", "ui": "[IU]", "đv": "[IU]", "mcg": "ug", "µg": "ug", "μg": "ug", "ml": "mL"}


def _spaced(text: str) -> str:
    """ "2,5mL" as a person types it -> "2.5 mL"; "6 IU" -> "6 [IU]". Raises: QuantityError, also for "1.000", which may be a thousand."""
    spaced = re.sub(r"^([0-9][0-9.,]*)\s*(?=[^0-9.,\s])", r"\1 ", text.strip())
    number, space, unit = spaced.partition(" ")
    if number[:1].isdigit():
        number = typed(number)
    return f"{number}{space}{'/'.join(_AS_WRITTEN.get(part.casefold(), part) for part in unit.split('/'))}"


def _amount(field: str, text: str) -> Quantity | None:
    """Raises: QuantityError, which says in which field it was typed."""
    try:
        return Quantity.parse(_spaced(text)) if text.strip() else None
    except QuantityError as exc:
        exc.fields["field"] = field
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveAmount(Command):
    """Amounts as typed: "2.5 mL", or "" for none."""

    dose: str
    waste: str = ""
    site: str = ""
    returned: str = ""

    def quantities(self) -> tuple[Quantity | None, Quantity | None]:
        """(dose, waste), with a comma or a point, None for nothing. Raises: QuantityError, also for nothing above zero."""
        return self.all_quantities()[:2]

    def all_quantities(self) -> tuple[Quantity | None, Quantity | None, Quantity | None]:
        """(dose, waste, returned), as `quantities`."""
        dose, waste, returned = (_amount(name, getattr(self, name)) for name in ("dose", "waste", "returned"))
        if any(amount is not None and amount.value <= 0 for amount in (dose, waste, returned)):
            raise QuantityError("an amount is above zero", remedy="write a number and a unit")
        return dose, waste, returned


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveReason(Command):
    reason: str = ""
    reason_text: str = ""
    satisfies: tuple[str, ...] = ()
    prn_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Command):
    """The patient took it. `record_id` is the dose that the screen showed, `site` where it was injected or put on."""

    record_id: str
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Command):
    """It is not given. `action` is refuse, hold or not-given; `order` and `due` when nothing was scanned for it."""

    action: str
    reason: str
    reason_text: str = ""
    order: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearDrugs(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePatient(Command):
    """`look`: the patient whose lines are looked at next, "" for the round."""

    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAt(Command):
    """Show a patient's lines without a wristband, to look only; "" for the round."""

    patient: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOpen(Command):
    """A dose that was verified and never confirmed: was it taken after all? With the reason why it is told only now."""

    record_id: str
    given: bool
    reason: str
    reason_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRate(Command):
    """As typed: the pump's `rate` in `unit`, or `drops` a minute of a set with `drop_factor` drops per mL."""

    rate: str = ""
    unit: str = "mL/h"
    drops: str = ""
    drop_factor: str = ""

    def setting(self) -> tuple[Quantity, int | None]:
        """(rate, drop factor). Raises: QuantityError for what is no rate, or for both at once."""
        if bool(self.rate.strip()) == bool(self.drops.strip()):
            raise QuantityError("a rate is set on a pump, or counted in drops", remedy="fill in one of the two")
        if self.drops.strip():
            if not self.drops.strip().isdecimal() or not self.drop_factor.isdecimal():
                raise QuantityError("drops are whole", remedy="count the drops of one minute, and choose the set")
            rate, factor = Quantity.parse(f"{int(self.drops)} [drp]/min"), int(self.drop_factor)
        else:
            text = _spaced(self.rate)
            rate, factor = Quantity.parse(text if " " in text else f"{text} {self.unit}"), None
        if rate.value <= 0:
            raise QuantityError("a rate is above zero", remedy="pause or stop the infusion instead")
        return rate, factor


ACTS = ("rate", "pause", "stop", "complete", "remove", "assess", "undo")
MISTAKES = ("entered-by-mistake", "wrong-dose-entered", "not-taken-after-all")
EFFECTS = ("relieved", "partly", "unchanged", "worse", "not-assessable")


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginAct(Command):
    """Something is done to a record that is there: one of `ACTS`. `amount` is what ran in of an infusion that ends, `effect` one
    of `EFFECTS`."""

    act: str
    record_id: str
    amount: str = ""
    reason: str = ""
    reason_text: str = ""
    effect: str = ""
    site: str = ""

    def quantity(self) -> Quantity | None:
        """Raises: QuantityError, also for less than nothing."""
        text = _spaced(self.amount)
        if not text:
            return None
        found = Quantity.parse(text if " " in text else f"{text} mL")
        if found.value < 0:
            raise QuantityError("an amount is not below zero", remedy="write a number and a unit")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAct(Command):
    """What was verified on a record that is there was not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Command):
    """A vital sign or score: `code` is one of the observation codes, `value` the number alone."""

    code: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterBlind(Command):
    """What the second person worked out, with its unit."""

    value: str

    def quantity(self) -> Quantity:
        """Raises: QuantityError."""
        return Quantity.parse(_spaced(self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculateAgain(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Command):
    """How many are left in the drawer, or why nobody counts now."""

    left: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareEmergency(Command):
    """A listed emergency drug is given without an order."""

    dose: str
    route: str
    reason_text: str = ""

    def quantity(self) -> Quantity:
        """Raises: QuantityError, also for nothing."""
        found = Quantity.parse(_spaced(self.dose))
        if found.value <= 0:
            raise QuantityError("an amount is above zero", remedy="write a number and a unit")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAgain(Command):
    """What changed was read, the patient has taken nothing: the same scans by what is so now. `told` is `change.mark` of what was on
    the screen, None: of whatever is told now."""

    told: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChanges(Command):
    """What changed was read; `told` as in `JudgeAgain`."""

    told: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadConflict(Command):
    """The person who is signed in has read of this conflict."""

    conflict: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDrawer(Command):
    """Open a drawer without a patient; the second person's badge and PIN where the rules ask for one."""

    drawer: str
    purpose: str
    second_badge: str = ""
    second_pin: str = ""

    def __repr__(self) -> str:
        return "OpenDrawer(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDrawer(Command):
    """Somebody saw what was told about a drawer."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command with the place for its answer: resolved when it was carried out or refused."""

    command: Command
    answer: Future[Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`notice` is the code of what a person must be told, "" when it was simply done."""

    done: bool
    notice: str = ""


class Link(StrEnum):
    """Whom the cart can reach: nobody · the broker, but no server · the server."""

    OFFLINE = "offline"
    SERVER_AWAY = "server-away"
    ONLINE = "online"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTold:
    link: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTold:
    """`until_mono_s` is on the clock of `steady_s`, which neither a change of the wall clock nor a suspend stretches. A lease is none
    yet to a chart that is older than `chart_version`; `doubts` are other carts that have not told what they did."""

    patient: str
    lease: Lease
    holder: str | None = None
    fence: int | None = None
    until_mono_s: float | None = None
    chart_version: int | None = None
    doubts: tuple[LeaseDoubt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMeasured:
    """Cart wall clock minus server clock, seconds. `taken`: the cart's clock has it already, and was set by `set_s` seconds, None for
    not at all."""

    offset_s: float
    taken: bool = False
    set_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryTold:
    """None: nobody tells any more."""

    percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesChanged:
    """A table was taken into the chart, or refused (`why` is then a code)."""

    kind: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMoved:
    """A record has come further: at the server, or in the EMR."""

    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """The program stops. With `answer` only where nobody is signed in: it is told which it was."""

    answer: Future[bool] | None = None


Inbox = queue.Queue[object]
