"""An incident or a near miss told at the cart: the nurse says what kind it was, the cart attaches the rest, and the journal has it.

What is attached is what stood on this cart at that moment: the patient and order in hand, the verdict with its engine and policy, the
last records, network, battery, clock, software and the last events. Must never ask for what the cart knows, change a session, or keep
a picture.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cart_client.beside import notes
from cart_client.beside.asked import ReportIncident
from cart_client.visit import Visit, say
from pointofcare.administration import conclusion
from pointofcare.administration.incident import KINDS, LONGEST, REACHED
from pointofcare.errors import JournalError
from pointofcare.verdict.finding import Verdict
from pointofcare.wire import values
from pointofcare.wire.messages import NoteKind

_FINDINGS, _EVENTS, _RECORDS = 20, 12, 5
DONE = "incident-reported"


def report(visit: Visit, command: ReportIncident, now: datetime) -> None:
    """Raises: JournalError when it is not on disk; nobody is then told that it is reported."""
    if notes.signer(visit, command) is None:
        return
    if notes.again(visit, command.form):
        say(visit, DONE)
        return
    kind = command.kind if command.kind in KINDS else "other"
    session = visit.session
    is_same = command.patient == (session.patient or "")
    verdict, is_earlier = _verdict(visit, command.patient)
    details: dict[str, object] = {
        "kind": kind,
        "reached": command.reached if command.reached in REACHED else "unknown",
        "words": command.words.strip()[:LONGEST],
        "anonymous": command.anonymous,
        "order": verdict.order if verdict is not None else None,
        "record": session.record_id if is_same else None,
        "facts": {
            **_here(visit, now),
            "screen": session.state.value,
            "action": session.intent.action.value,
            # The camera goes on looking while the page is open: what is attached is of whom the nurse came from.
            "moved_on": not is_same,
            "verdict": _plain(verdict) if verdict is not None else None,
            "verdict_is_earlier": is_earlier,
            "records": visit.recent[-_RECORDS:],
        },
    }
    # The patient is whose screen the nurse came from.
    notes.write(visit, command, NoteKind.INCIDENT, now, patient=command.patient or None, details=details)
    say(visit, DONE)


def _verdict(visit: Visit, patient: str) -> tuple[Verdict | None, bool]:
    """The one on the screen if it is of `patient`, else the last of that patient; whether it is such an earlier one."""
    session = visit.session
    if session.verdict is not None and (session.patient or "") == patient:
        return session.verdict, False
    of_patient = [verdict for _, verdict in visit.judged if patient and verdict.patient == patient]
    return (of_patient[-1], True) if of_patient else (None, False)


def _plain(verdict: Verdict) -> dict[str, Any]:
    found = [values.to_plain(each) for each in conclusion.evidence_of(verdict)[:_FINDINGS]]
    due = verdict.due.isoformat() if verdict.due is not None else None
    return {
        "level": verdict.level.name,
        "engine": verdict.engine,
        "policy": verdict.policy,
        "order": verdict.order,
        "order_version": verdict.order_version,
        "due": due,
        "products": list(verdict.products),
        "findings": found,
    }


def _here(visit: Visit, now: datetime) -> dict[str, Any]:
    strip = visit.here.strip(now, unsent=_unsent(visit))
    events: list[dict[str, str]] = []
    # Those that the server has acknowledged it adds itself.
    with contextlib.suppress(JournalError):  # without them the report is a report all the same
        events = [{"kind": each.kind, "at": each.at.isoformat()} for each in visit.journal.events(limit=200)[-_EVENTS:]]
    return {
        "app": _app(),
        "link": strip.link.value,
        "online": visit.here.online,
        "chart_version": strip.chart_version,
        "chart_age_s": strip.chart_age_s,
        "unsent": strip.unsent,
        "battery_percent": strip.battery_percent,
        "clock_offset_s": strip.clock_offset_s,
        "camera": strip.camera_fault or strip.camera_why or ("live" if strip.camera_live else "away"),
        "journal_fault": strip.journal_fault,
        "lease": strip.lease.value,
        "events": events,
    }


def _unsent(visit: Visit) -> int:
    try:
        return visit.journal.unsent_count()
    except JournalError:
        return -1


def _app() -> str:
    try:
        return version("pointofcare")
    except PackageNotFoundError:
        return "source"
