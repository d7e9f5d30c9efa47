"""The rule catalogue: every rule there is, as a check of the verdict, a transition, a task or a screen, with where it lives.

Checks describe themselves; the others are listed here. A rule may be several of these: a recalled lot is stopped by a check, and put
aside by a task. Must never decide anything. What proves each rule is in `rule_tests`, which is generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pointofcare.verdict import engine, rule_tests
from pointofcare.verdict.finding import Level
from pointofcare.verdict.rule import Check

# In the order of the catalogue: identity, order and drug, time, offline, dose, as needed, hold and double check, product, infusion,
# state, controlled drugs.
FAMILIES = ("P", "D", "T", "O", "Q", "N", "H", "G", "I", "S", "C")
# Left out for its licence: ISBT 128, the symbols of blood components, needs a registration with ICCBBA.
LEFT_OUT = ("ISBT 128",)


class Kind(StrEnum):
    """A check is asked at every verdict. A transition decides what may follow what. A task waits for a person. A screen shows it."""

    CHECK = "check"
    TRANSITION = "transition"
    TASK = "task"
    SCREEN = "screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One rule in one of its kinds. `levels` are empty where it gives no finding; `lives` is the file of the program. `scenarios`
    are ids of the open suite, `tests` names of test functions."""

    id: str
    kind: Kind
    title: str
    levels: tuple[Level, ...]
    looks_at: str
    passes_when: str
    source: str
    hazard: str
    lives: str
    on_trial: bool = False
    scenarios: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.id} {self.kind}"


def entries() -> tuple[Entry, ...]:
    """All of them, by family and number; a check before the other kinds of its rule."""
    found = [_of_check(check) for check in engine.CHECKS] + [_proven(each) for each in _ELSEWHERE]
    return tuple(sorted(found, key=lambda entry: (*place(entry.id), list(Kind).index(entry.kind))))


def of_rule(rule: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries() if entry.id == rule)


def place(rule: str) -> tuple[int, int]:
    """Where a rule id stands in the catalogue."""
    family, number = rule[:1], rule[1:]
    return (FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), int(number) if number.isdigit() else 0)


def _of_check(check: Check) -> Entry:
    rule = check.rule
    entry = Entry(
        id=rule.id,
        kind=Kind.CHECK,
        title=rule.title,
        levels=rule.levels,
        looks_at=rule.looks_at,
        passes_when=rule.passes_when,
        source=rule.source,
        hazard=rule.hazard,
        lives=check.look.__module__.replace(".", "/") + ".py",
        on_trial=rule.on_trial,
    )
    return _proven(entry)


def _proven(entry: Entry) -> Entry:
    return Entry(
        **{name: getattr(entry, name) for name in Entry.__slots__ if name not in ("scenarios", "tests")},
        scenarios=rule_tests.SCENARIOS.get(entry.id, ()) if entry.kind is Kind.CHECK else (),
        tests=rule_tests.TESTS.get(entry.key, ()),
    )


def _elsewhere(rule: str, kind: Kind, lives: str, title: str, looks_at: str, passes_when: str, source: str, hazard: str) -> Entry:
    return Entry(
        id=rule, kind=kind, title=title, levels=(), looks_at=looks_at, passes_when=passes_when, source=source, hazard=hazard, lives=lives
    )


_ELSEWHERE: tuple[Entry, ...] = (
    _elsewhere(
        "P1",
        Kind.SCREEN,
        "cart_client/web/templates/patient.html",
        "Name, birth date, ward and bed stand beside every question",
        "the patient whom the band names",
        "the nurse sees whom the scan named before anything is asked",
        "Joint Commission NPSG.01.01.01; care_fe #15354",
        "wrong patient behind a placeholder",
    ),
    _elsewhere(
        "P5",
        Kind.TRANSITION,
        "pointofcare/administration/session.py",
        "A band opens the session, another band clears it",
        "the state of the session, what was scanned",
        "drugs come after the band; idle time and another band end the session",
        "Koppel 2008, workaround 10; VA BCMA idle time-out",
        "one patient's drug charted for the next",
    ),
    _elsewhere(
        "D1",
        Kind.TASK,
        "server/usecases/task_kinds.py",
        "An emergency drug without an order is acknowledged by a prescriber",
        "records without an order, the time within which policy wants the acknowledgement",
        "a prescriber, and not who gave it, acknowledged or disputed it",
        "van der Veen 2018; Bahmni PR #958",
        "a drug that nobody ever prescribed",
    ),
    _elsewhere(
        "D6",
        Kind.TRANSITION,
        "server/usecases/orders.py",
        "Only a pharmacist verifies, and a changed order must be verified again",
        "who verifies, the version that was seen",
        "a pharmacist decided on exactly this version",
        "VA BCMA parameter 639; EHR-S FM CP.6.1",
        "a change after verification goes unseen",
    ),
    _elsewhere(
        "T4",
        Kind.TASK,
        "server/usecases/task_kinds.py",
        "A late dose that crowds the next one is proposed for re-timing",
        "when the dose was given, when the next is due",
        "pharmacist, prescriber or charge nurse decided about the next dose",
        "EHR-S FM CP.6.1#31 and #32",
        "two doses too close together",
    ),
    _elsewhere(
        "T5",
        Kind.TRANSITION,
        "pointofcare/orders/timing.py",
        "Due times are wall clock in the ward, windows half-open instants",
        "the order's times, the ward's zone with its changes of the clock, the policy's windows",
        "each dose is due once: a time that does not exist moves by the gap, one that exists twice is the first",
        "CMS 2011; RFC 8984 for gaps; local choice",
        "a dose lost or doubled over midnight or a change of the clock",
    ),
    _elsewhere(
        "T7",
        Kind.TASK,
        "server/usecases/overdue.py",
        "A dose without a final state stays on the list of overdue doses",
        "due doses whose window has ended, the record",
        "a person charted it or closed it with a reason; time alone never does",
        "van der Veen 2018 (78 % of errors were omissions)",
        "an omitted dose that nobody sees",
    ),
    _elsewhere(
        "Q8",
        Kind.SCREEN,
        "pointofcare/quantity.py",
        "Amounts are shown with a leading zero, without a trailing one, and never with U",
        "every amount on a screen, label or in a text",
        "0.5 mg, never .5 mg, 5.0 mg or 5 U",
        "ISMP list of error-prone abbreviations; VA PSB*3*61",
        "tenfold overdose by a misread point",
    ),
    _elsewhere(
        "N4",
        Kind.TASK,
        "server/usecases/overdue.py",
        "The effect of a dose as needed is owed, and overdue after its time",
        "doses as needed of the last days, what was charted of their effect, the policy's time by route",
        "an effect was charted",
        "VA BCMA, PRN effectiveness (10 to 960 min, 72 h back)",
        "pain that nobody looks at again",
    ),
    _elsewhere(
        "N5",
        Kind.SCREEN,
        "cart_client/screen.py",
        "The last four gives are shown with amount, reason and site",
        "the record of the order's ingredient",
        "the nurse sees them before the dose is confirmed",
        "VA BCMA, PRN history",
        "a dose given again because the last one was not in sight",
    ),
    _elsewhere(
        "H3",
        Kind.TRANSITION,
        "server/usecases/witness.py",
        "The server decides anew whether the second person may be a witness",
        "nurse and witness of the record, the roster at that moment",
        "another person, licensed, active and no student; otherwise the record shows a discrepancy",
        "VA PSBRPC1, and the witness check of PSBML that never runs",
        "a witness on paper only",
    ),
    _elsewhere(
        "H4",
        Kind.TRANSITION,
        "pointofcare/verdict/lists.py",
        "The policy's list of high-alert drugs is laid over the formulary, and the stricter one counts",
        "ingredients and classes of the product, the policy's lists",
        "every product of a listed drug has at least the listed level",
        "ISMP list of high-alert medications; local choice of lines",
        "a new product of a dangerous drug comes in unmarked",
    ),
    _elsewhere(
        "G2",
        Kind.TASK,
        "server/usecases/recalls.py",
        "A recalled lot is put aside in every ward, and who got it is listed",
        "the recalled product and lots, carts and records that had them",
        "each ward answered that it put them aside; the list of patients was read",
        "Scan4Safety; EHR-S FM CP.6.1#10",
        "a recalled lot goes on being given, or nobody knows who got it",
    ),
    _elsewhere(
        "G5",
        Kind.TASK,
        "server/usecases/tasks_raised.py",
        "An unknown barcode waits in the pharmacy's queue, once",
        "stopped scans of codes that the formulary does not know",
        "a pharmacist linked the code to a product, or said that it is none of ours",
        "ASHP statement on bar-code verification; Leapfrog",
        "the same pack is typed around every day",
    ),
    _elsewhere(
        "I2",
        Kind.TRANSITION,
        "server/store/infusions.py",
        "A bag is prepared, infusing, stopped and completed, in whatever order its records arrive",
        "the records of the acts on a bag",
        "the state is that of the set of records",
        "VA BCMA IV bag states",
        "a bag counts as ended while it runs",
    ),
    _elsewhere(
        "I5",
        Kind.TRANSITION,
        "pointofcare/administration/session.py",
        "Start, each change of rate, pause and end of an infusion are records of their own",
        "the acts on a running infusion",
        "each act names the record that it continues",
        "EHR-S FM CP.6.1#35",
        "nobody knows what ran at which rate",
    ),
    _elsewhere(
        "S2",
        Kind.TRANSITION,
        "server/usecases/corrections.py",
        "A record is withdrawn by a new one, never changed or deleted",
        "who withdraws what, and why",
        "the giver or a charge nurse gave a reason",
        "VA BCMA, undo",
        "a fact disappears",
    ),
    _elsewhere(
        "S5",
        Kind.TASK,
        "server/usecases/dose_requests.py",
        "A missing dose asks the pharmacy, which answers by the clock",
        "doses not given for want of the drug, the policy's time for an answer",
        "the pharmacy sent it, or said why not",
        "VA BCMA, missing dose request",
        "a dose omitted because nobody fetched it",
    ),
    _elsewhere(
        "C1",
        Kind.TASK,
        "server/usecases/controlled.py",
        "What is not accounted for of a controlled drug is explained by another person",
        "taken, given, wasted and returned of each dose, the policy's time to settle it",
        "waste or return was charted in time, or a person explained the rest",
        "ASHP guidelines on preventing diversion",
        "diversion",
    ),
    _elsewhere(
        "C3",
        Kind.TASK,
        "server/usecases/controlled.py",
        "A blind count of the drawer agrees with the stock, or is explained",
        "the count, what was put in and taken out",
        "they agree, or a second person explained the difference",
        "ASHP guidelines on preventing diversion",
        "diversion; a count that is copied",
    ),
    _elsewhere(
        "C4",
        Kind.SCREEN,
        "server/usecases/controlled_report.py",
        "Waste, late waste, overrides and withdrawn records are shown by ward and nurse",
        "the records of controlled drugs over a time",
        "nothing to pass: the page shows numbers, and judges nobody",
        "ASHP guidelines on preventing diversion",
        "a pattern that no single record shows",
    ),
)
