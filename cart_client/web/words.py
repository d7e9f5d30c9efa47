"""How the kiosk says things: one view in one language, times in ward time. Makes text, takes no decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cart_client import change
from cart_client.care import Due
from cart_client.change import Change
from cart_client.inbox import EFFECTS, MISTAKES
from cart_client.looks import Mark
from cart_client.screen import View
from cart_client.web import changes_told, rounds, side_by_side
from cart_client.web.choices import (
    BAND_REASONS,
    COUNT_REASONS,
    DECLINE_REASONS,
    DROP_FACTORS,
    INFUSION_REASONS,
    LATE_REASONS,
    OVERRIDE_REASONS,
    SITES,
    UNDO_REASONS,
)
from cart_client.witness import fetching
from pointofcare.administration.observation import KINDS
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import QUESTIONS, State
from pointofcare.errors import QuantityError
from pointofcare.labels.scan import DrugScan, TextScan, UnreadableLabel
from pointofcare.orders import clarify, course
from pointofcare.orders import infusion as drip
from pointofcare.orders.order import Order
from pointofcare.people import Patient, StaffRole
from pointofcare.products import Controlled
from pointofcare.quantity import Quantity
from pointofcare.texts import Catalogue, clinical, findings, tall_man, written
from pointofcare.texts import orders as order_texts
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.finding import Finding, Level

# What the nurse sees for a state: the face of the screen (colour, shape, sound) and the catalogue's word.
_FACES: Mapping[State, str] = {
    State.STOPPED: "stop",
    State.AWAITING_WITNESS: "witness",
    State.AWAITING_REASON: "reason",
    State.WARNED: "warn",
    State.CHOOSING: "choose",
    State.GIVING: "pass",
    State.AWAITING_RATE: "rate",
    State.AWAITING_BLIND: "blind",
    State.COUNTING: "count",
}
_WITH_CHANGES = frozenset({"order-changed", "facts-changed"})
_SOUNDS = {"pass": "pass", "stop": "stop", "more": "more"}
# UCUM codes that a person misreads: "ug" and "[IU]".
_UNIT_WORDS = {"ug": "mcg", "[IU]": "IU", "mm[Hg]": "mmHg", "Cel": "°C", "1": ""}
# UCUM codes that are words to a nurse.
_UNIT_TEXTS = {"/min": "unit-per-minute", "[drp]/min": "unit-drops-a-minute", "{score}": "unit-points", "h": "unit-hours", "d": "unit-days"}

_OF_THE_AMOUNT = ("say-part", "name-drawn-amount")
_OF_THE_RATE = frozenset({"I5", "H5"})
# What is done to a record, by the intent's action.
_ACTS = {
    Action.RATE: "rate",
    Action.HOLD: "pause",
    Action.STOP: "stop",
    Action.REMOVE: "remove",
    Action.UNDO: "undo",
    Action.START: "start",
}


@cache
def _own() -> Catalogue:
    return Catalogue("cart_client.web.texts")


def _text(language: str, code: str, params: Mapping[str, object]) -> str:
    own = _own()
    return own.text(language, code, params) if own.has(language, code) else clinical().text(language, code, params)


@lru_cache(maxsize=4096)
def _said(language: str, code: str) -> str:
    return _text(language, code, {})


class Words:
    """For one request."""

    def __init__(self, language: str, view: View, names: Callable[[], Mapping[str, str]]) -> None:
        self.language, self.view, self._names = language, view, cache(names)  # made once for a request, however often it is asked
        try:
            self._zone = ZoneInfo(view.zone)
        except (ZoneInfoNotFoundError, ValueError):
            self._zone = ZoneInfo("UTC")

    def t(self, code: str, **params: object) -> str:
        """A text of the kiosk, or the clinical one of the same code, or the code itself."""
        return _said(self.language, code) if not params else _text(self.language, code, params)

    def coded(self, kind: str, code: str | None) -> str:
        """A coded value: "reason", "off-ward" -> its words, or the code when there are none."""
        if not code:
            return ""
        for key in (f"{kind}-{code}", f"{kind}-{code}".lower().replace(" ", "-")):
            text = self.t(key)
            if text != key:
                return text
        return code

    # Numbers and times.

    def clock(self, at: datetime | None) -> str:
        return written.clock(at.astimezone(self._zone)) if at is not None else ""

    def moment(self, at: datetime | None) -> str:
        return written.short_moment(self.language, at.astimezone(self._zone)) if at is not None else ""

    def day(self, when: date | None) -> str:
        return written.day(self.language, when) if when is not None else self.t("not-known")

    def amount(self, quantity: Quantity | None) -> str:
        """On screen with the language's decimal mark (rule Q8 for the rest); counted things without the braces of UCUM."""
        if quantity is None:
            return ""
        return f"{written.number(self.language, quantity.value)} {self.unit(quantity.unit)}".rstrip()

    def age(self, seconds: float | None) -> str:
        if seconds is None:
            return self.t("not-known")
        minutes = int(seconds // 60)
        if minutes < 1:
            return self.t("age-now")
        return findings.span(self.language, minutes if minutes < 2880 else minutes // 60 * 60)

    # Things.

    def dose(self, order: Order) -> str:
        if order.dose_range is not None:
            dose = f"{self.amount(order.dose_range[0])} – {self.amount(order.dose_range[1])}"
        else:
            dose = self.amount(order.dose)
        rate = self.amount(order.rate)
        if order.rate_range is not None:
            rate += f" ({self.amount(order.rate_range[0])} – {self.amount(order.rate_range[1])})"
        return " · ".join(part for part in (dose, rate) if part)

    def spelled(self, text: str) -> str:
        """Names of drugs in tall man letters, the hospital's own pairs first."""
        return tall_man.written(text, self.view.spelled)

    def drug(self, order: Order) -> str:
        return self.spelled(order.display or order.ingredient)

    def route(self, code: str | None) -> str:
        return self.coded("route", code)

    def unit(self, code: str) -> str:
        """A unit as a nurse reads it."""
        if code.startswith("{") and code.endswith("}") and code not in _UNIT_TEXTS:
            return self.coded("unit", code[1:-1])
        return self.t(_UNIT_TEXTS[code]) if code in _UNIT_TEXTS else _UNIT_WORDS.get(code, code)

    def bag(self, scan: object) -> str:
        """What an infusion bag holds, by its order; "" for anything else."""
        return self.drug(self.view.order) if isinstance(scan, TextScan) and self.view.order is not None else ""

    # What is done to a record that is there, and what goes on.

    def act(self) -> str:
        """What is done on this screen, "" for a plain dose."""
        intent = self.view.session.intent
        if intent.of_record is None and intent.action is not Action.START:
            return ""
        return _ACTS.get(intent.action, "")

    def by_act(self, code: str) -> str:
        """The text for the act on the screen, else the one for a dose."""
        own = f"{code}-{self.act()}"
        return self.t(own) if self.act() and _own().has(self.language, own) else self.t(code)

    def done_word(self, record: AdministrationRecord) -> str:
        """What a record says happened, in one word."""
        if record.action == Action.START and record.continues is not None:
            return self.t("recorded-resume")
        for code in (f"recorded-{record.action}-{record.status}", f"recorded-{record.action}", f"recorded-{record.status}"):
            if _own().has(self.language, code):
                return self.t(code)
        return record.status

    def reason_said(self, reason: str | None, text: str | None) -> str:
        """A coded reason with its words; a slip of the pen, which the coded reasons do not know, by its own name."""
        if not reason:
            return ""
        slip, _, more = (text or "").partition(": ")
        if reason == "clinical-judgement" and slip in MISTAKES:
            return ": ".join(part for part in (self.coded("reason", slip), more) if part)
        return ": ".join(part for part in (self.coded("reason", reason), text) if part)

    def rate_before(self) -> str:
        """The rate at which the infusion that the act is about runs by now, not the one it was started with."""
        about = self.view.about
        if about is None:
            return ""
        run = next((each.run for each in self.view.care.infusions if each.run.record_id == about.record_id), None)
        return self.amount(run.rate if run is not None else about.rate)

    def entry_word(self, entry: HistoryEntry) -> str:
        paused = entry.action == Action.HOLD and entry.status == "on-hold"
        return self.coded("entry", "pause" if paused else entry.action or "give")

    def drug_of(self, entry: HistoryEntry) -> str:
        return self.spelled(self.named(entry.product or entry.order or entry.bag))

    def may_undo(self, entry: HistoryEntry) -> bool:
        nurse = self.view.session.nurse
        return nurse is not None and (entry.nurse == nurse.id or nurse.role is StaffRole.CHARGE_NURSE)

    def passed(self, at: datetime | None) -> bool:
        return at is not None and at <= self.view.at

    def since(self, at: datetime | None) -> str:
        """How long ago, in minutes or hours."""
        return self.age((self.view.at - at).total_seconds()) if at is not None else ""

    def drops(self, rate: Quantity | None, factor: int) -> int | None:
        """Drops a minute of `rate` through such a set; None where no drop chamber holds it, or it is no flow."""
        try:
            return drip.whole_drops_per_minute(rate, factor) if rate is not None else None
        except QuantityError:
            return None

    def ordered_rate(self) -> Quantity | None:
        return self.view.order.rate if self.view.order is not None else None

    def by_pump(self) -> bool:
        """An order in volume per hour that no drop set can count: a pump it is."""
        rate = self.ordered_rate()
        return rate is not None and "[drp]" not in rate.unit and self.gravity(self.view.order) == ""

    def rate_unit(self) -> str:
        rate = self.ordered_rate()
        return rate.unit if rate is not None and "[drp]" not in rate.unit else "mL/h"

    def rate(self, intent: Any) -> str:
        """A rate as it was set: with the drops of the set where they were counted."""
        said = self.amount(intent.rate)
        return f"{said} ({self.t('drop-set', factor=intent.drop_factor)})" if intent.drop_factor else said

    def blind_units(self) -> tuple[str, ...]:
        """In which units the second person may tell a figure."""
        drawn = any(u.product is not None and u.product.volume is not None for u in self.view.units)
        return fetching.blind_units(self.view.session.intent, self.view.order, has_volume=drawn)

    def measures(self) -> tuple[str, ...]:
        """The values that this drug asks for and nobody has measured lately (rule H1)."""
        asked = (f.params.get("observation") for f in self.findings() if f.rule == "H1" and f.unknown and not f.satisfied)
        return tuple(dict.fromkeys(code for code in asked if isinstance(code, str) and code in KINDS))

    def recommended_witness(self) -> bool:
        """A second person would do in the place of a reason (rule H2)."""
        return any(f.rule == "H2" and f.level is Level.REASON and not f.satisfied for f in self.findings())

    def masked(self) -> bool:
        """A second person will work the figure out alone: until then the first one's is not shown."""
        if self.view.session.state not in (State.AWAITING_WITNESS, State.AWAITING_REASON, State.AWAITING_BLIND):
            return False
        verdict = self.view.session.verdict
        return verdict is not None and any(f.rule == "H5" and f.unknown and not f.satisfied for f in verdict.findings)

    def differs_blind(self) -> bool:
        return any(f.rule == "H5" and f.level is Level.STOP and not f.satisfied for f in self.findings())

    def patches_on(self) -> tuple[HistoryEntry, ...]:
        """The patches that stand in the way of this dose (rule S4)."""
        order = self.view.order
        if order is None or not any(f.rule == "S4" and not f.satisfied for f in self.findings()):
            return ()
        return tuple(entry for entry in self.view.care.patches if entry.order == order.id) or self.view.care.patches

    def sites(self) -> tuple[str, ...]:
        """Where this dose may go, () where its route has no such place."""
        intent, order = self.view.session.intent, self.view.order
        if intent.of_record is not None:
            return ()
        return SITES.get(intent.route or (order.route if order is not None else ""), ())

    def site(self, code: str | None) -> str:
        return self.coded("site", code)

    def emergency_routes(self) -> tuple[str, ...]:
        """Those that the list allows, else those of what was scanned."""
        listed = tuple(route for line in self.view.emergency for route in line.routes)
        return tuple(dict.fromkeys(listed or (route for unit in self.view.units if unit.product for route in unit.product.routes)))

    def needs_order(self) -> Due | None:
        """The line of the as-needed order on the screen, for its last doses."""
        order = self.view.order
        if order is None or order.prn is None or self.view.session.intent.of_record is not None:
            return None
        return next((line for line in self.view.dues if line.order.id == order.id), None)

    def days(self, order: Order) -> str:
        return ", ".join(self.t(f"weekday-{day.value}") for day in order.days_of_week)

    def unclear(self, line: Due) -> str:
        """What the prescriber must clarify, "" for nothing."""
        codes = [f"{order_texts.PREFIX}{code}=" for code in line.unclear if code != clarify.ASKED]
        return order_texts.words(self.language, "\n".join([line.order.clarification, *codes]))

    def why(self, finding: Finding) -> list[tuple[str, str, str]]:
        """The facts of a finding: value, where it comes from, of when. Codes that the sentence says already are left out."""
        if finding.rule == "H5" and self.masked():
            return []
        found: dict[tuple[str, str, str], None] = {}
        for name, value in finding.facts.items():
            if name == "cause" or value in ("", None):
                continue
            source = finding.sources.get(name)
            origin = self.t(f"origin-{source.origin}") if source is not None else ""
            at = self.moment(source.at) if source is not None and source.at is not None else ""
            ref = (
                self.named(source.ref)
                if source is not None and source.ref and source.origin in ("order", "patient", "staff", "product")
                else ""
            )
            words = findings.shown(self.language, {name: self._names().get(value, value) if isinstance(value, str) else value})
            found[(str(words[name]), f"{origin} {ref}".strip(), at)] = None
        return list(found)

    def band_keyed(self) -> bool:
        return any(scan.keyed for scan in self.view.session.evidence)

    def pack(self, scan: object) -> str:
        """Lot and expiry of a pack, or why it cannot be read."""
        if isinstance(scan, DrugScan):
            lot = f"{self.t('lot')} {scan.lot}" if scan.lot else ""
            expiry = f"{self.t('expiry')} {self.day(scan.expiry)}" if scan.expiry else ""
            return " · ".join(part for part in (lot, expiry) if part)
        if isinstance(scan, UnreadableLabel):
            return self.t("label-unreadable-here")
        return str(getattr(scan, "text", ""))[:60]

    # The verdict.

    def face(self) -> str:
        """Which of the full screens is shown, "" for none."""
        face = _FACES.get(self.view.session.state, "")
        if face == "reason" and self._only("scan-more"):
            return "more"
        if face in ("reason", "witness") and self.amount_first():
            return "amount"
        if face == "reason" and self.measures() and self._only("measure-now"):
            return "measure"
        if face == "stop" and self.wants_amount() and self._only("say-part", "name-drawn-amount"):
            return "amount"
        return "changed" if face == "stop" and self.reopened() else face

    def amount_first(self) -> bool:
        """From a container for many doses the amount is the next step: no reason stands for it, and a second person checks it."""
        return self.wants_amount() and any(f.remedy == "name-drawn-amount" and not f.satisfied for f in self.findings())

    def reopened(self) -> bool:
        """A dose that was verified, and that a later verdict stops: the patient may have taken it."""
        session = self.view.session
        again = session.state in _FACES and session.state is not State.GIVING
        return again and any(record.record_id == session.record_id for record in self.view.opened)

    def _only(self, *remedies: str) -> bool:
        """The worst of what stands in the way is a next step of the common way (a further unit, the amount drawn), not an error."""
        asking = [finding for finding in self.findings() if not finding.satisfied and finding.level > Level.WARN]
        worst = [finding for finding in asking if finding.level is asking[0].level]
        return bool(worst) and all(finding.remedy in remedies for finding in worst)

    def only_prn_reason(self) -> bool:
        """Nothing is asked but why the patient needs an as-needed drug: one tap."""
        return self.wanting_reason() == ("N1",)

    def unconfirmed(self) -> bool:
        """The stop is about a dose that nobody confirmed: the question about it belongs on the same screen."""
        return any(finding.facts.get("status") == "unconfirmed" for finding in self.findings())

    def sound(self) -> str:
        face = self.face()
        return _SOUNDS.get(face, "stop" if face == "changed" else "attention" if face else "")

    def findings(self) -> list[Finding]:
        """The worst first, answered ones last."""
        verdict = self.view.session.verdict
        found = list(verdict.findings) if verdict is not None else []
        if self.view.session.state is State.AWAITING_RATE:  # that the rate is missing, and the second look comes after it
            found = [finding for finding in found if finding.rule not in _OF_THE_RATE]
        if self.masked():  # whatever names the first figure waits until the second is told
            found = [finding for finding in found if finding.rule != "I5" and not finding.rule.startswith("Q")]
        return sorted(found, key=lambda finding: (finding.satisfied, -finding.level))

    def listed(self) -> list[Finding]:
        """What the screen lists. While the amount is asked for only what is about it: the rest is asked once the amount is known.
        Where something stops the dose, what stops it: the way out must be on the screen."""
        face, found = self.face(), self.findings()
        if face == "amount":
            return [finding for finding in found if finding.remedy in _OF_THE_AMOUNT]
        return [finding for finding in found if finding.level is Level.STOP and not finding.satisfied] if face == "stop" else found

    def further(self) -> list[Finding]:
        """What was found beside what stops the dose: folded away, for whoever wants to know all of it."""
        if self.face() != "stop":
            return []
        first = self.listed()
        return [finding for finding in self.findings() if finding not in first]

    def wanting_reason(self) -> tuple[str, ...]:
        return tuple(f.rule for f in self.findings() if f.level is Level.REASON and not f.satisfied)

    def wants_amount(self) -> bool:
        """The drawn amount is asked for where a unit is not the dose: liquids and multi-dose containers. Not where something stops
        the dose that no amount can mend."""
        verdict = self.view.session.verdict
        stops = {f.rule for f in verdict.findings if f.level is Level.STOP and not f.satisfied} if verdict is not None else set()
        drawn = any(
            u.product is not None and (u.product.volume is not None or u.product.multi_dose or u.product.controlled is not Controlled.NONE)
            for u in self.view.units
        )
        mended = ("Q", "N3") if self.view.session.intent.dose is not None else ("Q",)  # too much in a day may be a slip of the finger
        return drawn and all(rule.startswith(mended) for rule in stops)

    def ordered_amount(self) -> str:
        """The order's own dose as the example of an amount: another unit would invite a tenfold error."""
        order = self.view.order
        if order is None or order.dose is None:
            return ""
        if "{" in order.dose.unit:
            return str(order.dose)
        plain = order.dose.number.replace(".", written.decimal_sign(self.language))  # as it is to be typed: without marks for thousands
        return f"{plain} {self.unit(order.dose.unit)}"

    def said(self, finding: Finding) -> dict[str, str]:
        """What a finding says and what would make it pass, as far as the clinical catalogue knows them."""
        if finding.rule == "H5" and self.masked():
            return {"text": self.t("blind-next"), "remedy": ""}
        what, remedy = findings.sentence(self.language, finding, {**self._names(), **self._listed_words(finding)})
        return {"text": self.spelled(what or finding.rule), "remedy": self.spelled(remedy)}

    def _listed_words(self, finding: Finding) -> dict[str, str]:
        """Several codes in one parameter: the reasons of an as-needed order, the orders to choose from."""
        found = {}
        for name, said in (("reasons", lambda code: self.coded("prn", code)), ("orders", self.named)):
            codes = finding.params.get(name)
            if isinstance(codes, str):
                found[codes] = ", ".join(map(said, codes.split(", ")))
        return found

    def prn_reasons(self, codes: Iterable[str]) -> str:
        return ", ".join(self.coded("prn", code) for code in codes)

    def named(self, identifier: str | None) -> str:
        """What a person calls the order, product or person of that id."""
        return self._names().get(identifier, identifier) if identifier else ""

    def may_resolve(self, record: AdministrationRecord) -> bool:
        nurse = self.view.session.nurse
        return nurse is not None and (record.nurse == nurse.id or nurse.role is StaffRole.CHARGE_NURSE)

    def notice(self) -> str:
        if not self.view.notice:
            return ""
        params = dict(self.view.notice_params)
        if self.view.notice == "band-of-other":
            params = {name: self.bed_of(str(patient)) for name, patient in params.items()}
        if self.view.notice in _WITH_CHANGES:
            params["what"] = "; ".join(map(self.changed, self.view.changes)) or self.t("change-since-check")
        return self.t(f"notice-{self.view.notice}", **params)

    # What changed while the patient was on the screen.

    def changed(self, each: Change) -> str:
        """A change in one sentence, with who made it and why."""
        return changes_told.sentence(self, each)

    def may_judge_again(self) -> bool:
        """A dose that was asked about before something changed: one tap asks anew."""
        session = self.view.session
        outdated = any(f.rule == "D5" and f.remedy == "refresh" and not f.satisfied for f in self.findings())
        return session.state in (State.STOPPED, *QUESTIONS) and session.state is not State.DRUG and (bool(self.view.changes) or outdated)

    def changes_mark(self) -> str:
        return change.mark(self.view.changes)

    def may_read_changes(self) -> bool:
        return not self.may_judge_again()

    # The round.

    def bed_of(self, patient: str) -> str:
        """Bed and name of a patient of the ward."""
        found = next((each for each in self.view.beds if each.id == patient), None)
        return f"{found.bed or '–'} {found.name}" if found is not None else patient

    def beds(self) -> tuple[rounds.Bed, ...]:
        return rounds.beds(self.view)

    def tally(self, beds: tuple[rounds.Bed, ...]) -> Mapping[str, int]:
        return rounds.tally(beds)

    def kind(self, line: Due) -> str:
        return rounds.kind(line)

    def neighbours(self) -> tuple[Patient | None, Patient | None]:
        return rounds.neighbours(self.view)

    def marks(self) -> tuple[Mark, ...]:
        return rounds.marks_of(self.view)

    def mark(self, one: Mark) -> str:
        """What is new, in one sentence."""
        if one.change is not None:
            return self.changed(one.change)
        if one.request is None:
            return ""
        answer = self.t("mark-answer", drug=self.spelled(self.named(one.order)), answer=self.t(f"request-{one.request.status}"))
        return f"{answer}: {one.request.answer}" if one.request.answer else answer

    def course(self, line: Due) -> str:
        """ "Antibiotic, day 3", of what is counted by days; "" of anything else."""
        if line.day is None:
            return ""
        is_antibiotic = bool(course.ingredients(line.order) & self.view.antibiotics)
        return self.t("antibiotic-day" if is_antibiotic else "treatment-day", number=line.day)

    def gravity(self, order: Order | None) -> str:
        """An ordered flow as drops a minute of each set that a ward has; "" where no drop chamber holds it."""
        if order is None or order.rate is None or "[drp]" in order.rate.unit:
            return ""
        told = [(factor, self.drops(order.rate, factor)) for factor in DROP_FACTORS]
        said = [self.t("gravity-set", drops=drops, factor=factor) for factor, drops in told if drops is not None]
        return self.t("gravity", sets=" · ".join(said)) if said else ""

    # The dose.

    def lines(self) -> tuple[side_by_side.Line, ...]:
        return side_by_side.lines(self)

    def near_order(self) -> Order | None:
        """Where no order matches: the patient's one order of the same ingredients, to show what differs. None when there are several."""
        if self.view.order is not None:
            return None
        held = {frozenset(i.name.casefold() for i in unit.product.ingredients) for unit in self.view.units if unit.product is not None}
        found = {line.order.id: line.order for line in self.view.dues if course.ingredients(line.order) in held}
        return next(iter(found.values())) if len(found) == 1 else None

    def amount_units(self) -> tuple[str, ...]:
        """In which units an amount may be typed: the order's, and the volume where it is drawn from a liquid."""
        order = self.view.order
        dose = order.dose or (order.dose_range[0] if order.dose_range is not None else None) if order is not None else None
        own = dose.unit.split("/")[0] if dose is not None else "mg"
        drawn = any(unit.product is not None and unit.product.volume is not None for unit in self.view.units)
        written = own if "{" in own else self.unit(own)
        return (written, "mL") if drawn and own != "mL" else (written,)

    def amount_mends(self) -> bool:
        """What stands in the way is about the amount: its form is open."""
        return any(f.remedy in _OF_THE_AMOUNT or f.rule.startswith("Q") for f in self.findings() if not f.satisfied)

    def units_wanted(self) -> tuple[int, int]:
        """How many units were scanned, and how many make the dose; (n, n) where nobody said."""
        more = next((f.params.get("n") for f in self.findings() if f.remedy == "scan-more" and not f.satisfied), None)
        have = len(self.view.units)
        return have, have + (more if isinstance(more, int) else 0)

    override_reasons = OVERRIDE_REASONS
    decline_reasons = DECLINE_REASONS
    band_reasons = BAND_REASONS
    late_reasons = LATE_REASONS
    infusion_reasons = INFUSION_REASONS
    undo_reasons = UNDO_REASONS
    count_reasons = COUNT_REASONS
    drop_factors = DROP_FACTORS
    effects = EFFECTS
    kinds = KINDS
