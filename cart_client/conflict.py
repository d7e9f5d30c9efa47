"""Records of one dose that do not go together: told to each nurse whom they concern, at any cart of the ward, until that nurse has
read it. That somebody read settles nothing: a person resolves it at the server, with a reason."""

from __future__ import annotations

from datetime import datetime

from cart_client.visit import Visit, say
from pointofcare.wire.tables import Conflict

KIND = "conflict-seen"


def unread(visit: Visit, now: datetime) -> tuple[Conflict, ...]:
    """What concerns who is signed in, as far as it was not read here or at another cart; oldest first."""
    nurse = visit.session.nurse
    if nurse is None:
        return ()
    return tuple(
        each
        for each in visit.chart.conflicts(now)
        if nurse.id in each.concerns and nurse.id not in each.seen and (each.id, nurse.id) not in visit.read_conflicts
    )


def read(visit: Visit, number: int, now: datetime) -> None:
    """Noted durably first, so that the server hears of it whenever there is one. Raises: JournalError."""
    nurse = visit.session.nurse
    if nurse is None or all(each.id != number for each in unread(visit, now)):
        say(visit, "out-of-date")
        return
    visit.journal.note(KIND, at=now, details={"discrepancy": number, "staff": nurse.id})
    visit.read_conflicts.add((number, nurse.id))
    visit.moment += 1
    visit.wake()
