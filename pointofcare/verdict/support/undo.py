"""S2: a record is withdrawn only by who gave it or by a charge nurse, with a reason, and never so that two patches are on.

Source: VA BCMA undo (same user or manager; an undone removal fails when another patch is on). Hazard: a dose that was given
vanishes, and is given again.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import StaffRole
from pointofcare.verdict.facts import Action, HistoryEntry
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, plain
from pointofcare.verdict.reason import is_coded
from pointofcare.verdict.rule import Rule
from pointofcare.verdict.support import patch

RULE = Rule(
    id="S2",
    title="A record is withdrawn by who wrote it or a charge nurse, with a reason",
    levels=(Level.REASON, Level.STOP),
    looks_at="the named record, who gave it, who asks, the reason, patches that are on",
    passes_when="it is this patient's, not withdrawn yet, the giver or a charge nurse asks with a coded reason, no second patch results",
    source="VA BCMA",
    hazard="a given dose vanishes from the record",
    remedies={"choose-record": (), "ask-charge-nurse": (), "give-reason": (), "remove-patch": ("at",)},
    facts=("cause", "record", "giver", "at"),
    origin="record",
    origins={"cause": "intent"},
)


def check(moment: Moment) -> Iterator[Finding]:
    if moment.action is not Action.UNDO:
        return
    entry, intent = moment.of, moment.facts.intent
    facts: dict[str, object] = {"cause": "unknown", "record": intent.of_record or "", "giver": "", "at": ""}
    if entry is None or moment.patient is None or entry.patient != moment.patient.id or _other_order(entry, moment):
        yield RULE.finding(Level.STOP, "choose-record", facts=facts, unknown=True)
        return
    facts |= {"giver": entry.nurse or "", "at": moment.local(entry.at)}
    if entry.status == "entered-in-error" or _is_withdrawn(entry, moment):
        yield RULE.finding(Level.STOP, "choose-record", facts=facts | {"cause": "already"})
        return
    if not _may(entry, moment):
        yield RULE.finding(Level.STOP, "ask-charge-nurse", facts=facts | {"cause": "giver"}, unknown=entry.nurse is None)
    if not is_coded(intent.reason, intent.reason_text):
        yield RULE.finding(Level.REASON, "give-reason", facts=facts | {"cause": "reason"})
    if entry.action == Action.REMOVE.value:
        others = patch.others_on(entry, moment)
        if moment.order is None:
            yield RULE.finding(Level.STOP, "choose-record", facts=facts, unknown=True)
        elif others:
            at = moment.local(max(each.at for each in others))
            yield RULE.finding(Level.STOP, "remove-patch", facts=facts | {"cause": "patch", "at": at}, params={"at": at})


def _other_order(entry: HistoryEntry, moment: Moment) -> bool:
    named = moment.facts.intent.order
    return named is not None and named != entry.order


def _is_withdrawn(entry: HistoryEntry, moment: Moment) -> bool:
    return any(
        each.continues == entry.record_id and (each.action == Action.UNDO.value or each.status == "entered-in-error")
        for each in moment.facts.history
    )


def _may(entry: HistoryEntry, moment: Moment) -> bool:
    nurse = moment.facts.nurse
    if nurse is None:
        return False
    gave = entry.nurse is not None and plain(entry.nurse) == plain(nurse.id) and bool(plain(nurse.id))
    return gave or nurse.role is StaffRole.CHARGE_NURSE
