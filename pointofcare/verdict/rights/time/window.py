"""T1, T2, T4: the dose is in its window and in its order.

Windows: CMS 2011 and ISMP timely administration guidelines. Timing is quiet on purpose: scanning never reduced harm by timing
rules, and loud ones teach nurses to work around. Hazard: a dose far too early, doses out of order.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.orders.timing import SINGLE, WITHOUT_TIMES
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import TAKEN, Moment
from pointofcare.verdict.rule import Rule

WINDOW = Rule(
    id="T1",
    title="The dose is in its time window",
    levels=(Level.WARN, Level.REASON),
    looks_at="the due time, the order's frequency, the moment of giving",
    passes_when="between the start of the window (included) and its end (excluded)",
    source="CMS 2011; ISMP timely administration guidelines",
    hazard="dose far too early or late",
    remedies={"earliest": ("at",), "give-now": (), "check-schedule": ()},
    facts=("cause", "due", "minutes"),
    origin="schedule",
    origins={"minutes": "cart"},
)
SEQUENCE = Rule(
    id="T2",
    title="No earlier dose after a later one",
    levels=(Level.STOP,),
    looks_at="the due time and the due times already given of this order",
    passes_when="no later dose was given",
    source="VA BCMA",
    hazard="double dose",
    remedies={"see-record": ("at",)},
    facts=("due", "given"),
    origin="schedule",
    origins={"given": "record"},
)
NEXT = Rule(
    id="T4",
    title="A late dose leaves enough time to the next",
    levels=(Level.WARN,),
    looks_at="the moment of giving and the next due time",
    passes_when="at least half the usual interval is left",
    source="EHR-S FM CP.6.1#31-32; half the interval is a local choice",
    hazard="two doses close together",
    remedies={"re-time": ("next",)},
    facts=("next", "minutes"),
    origin="schedule",
)


def check_window(moment: Moment) -> Iterator[Finding]:
    order, time = moment.order, moment.time
    if order is None or not moment.giving or order.category in WITHOUT_TIMES | SINGLE:
        return
    if time.problem or time.due is None:
        facts: dict[str, object] = {"cause": time.problem or "schedule", "due": "", "minutes": 0}
        yield WINDOW.finding(Level.REASON, "check-schedule", facts=facts, unknown=True)
        return
    late = moment.when - time.due
    if -time.before <= late < time.after:
        return
    minutes = int(late.total_seconds() / 60)
    early = late.total_seconds() < 0
    facts = {"cause": "early" if early else "late", "due": moment.local(time.due), "minutes": abs(minutes)}
    if not early:
        yield WINDOW.finding(Level.WARN, "give-now", facts=facts)
        return
    too_early = time.spacing is not None and -late > time.spacing / 2
    earliest = moment.local(time.due - time.before)
    yield WINDOW.finding(Level.REASON if too_early else Level.WARN, "earliest", facts=facts, params={"at": earliest})


def check_sequence(moment: Moment) -> Iterator[Finding]:
    order, due = moment.order, moment.time.due
    if order is None or not moment.giving or due is None or order.category in SINGLE:
        return
    later = [entry for entry in moment.due_after(due) if entry.status in TAKEN]
    if later:
        last = max(later, key=lambda entry: entry.at)
        at = moment.local(last.at)
        yield SEQUENCE.finding(
            Level.STOP, "see-record", facts={"due": moment.local(due), "given": moment.local(last.due)}, params={"at": at}
        )


def check_next(moment: Moment) -> Iterator[Finding]:
    time = moment.time
    if not moment.giving or time.due is None or time.next_due is None or time.spacing is None:
        return
    left = time.next_due - moment.when
    if moment.when - time.due >= time.after and left < time.spacing / 2:
        following = moment.local(time.next_due)
        facts = {"next": following, "minutes": max(int(left.total_seconds() // 60), 0)}
        yield NEXT.finding(Level.WARN, "re-time", facts=facts, params={"next": following})
