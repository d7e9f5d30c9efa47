"""Which command leads where: one table for the bedside loop."""

from __future__ import annotations

from datetime import datetime

from cart_client.beside import anaphylaxis, asked, disclosing, handover, incident, late_charting, skin, vitals
from cart_client.visit import Visit, say


def do(visit: Visit, command: asked.Beside, now: datetime) -> None:
    """Carries out `command`. Raises: JournalError when what is to be recorded is not on disk."""
    match command:
        case asked.TellShown():
            disclosing.tell(visit, command, now)
        case asked.MeasureSet(emergency=event):
            known = anaphylaxis.running(visit.dues.notes(now), event) if event else None
            if event and (known is None or known.patient != command.patient):
                say(visit, "out-of-date")
            else:
                vitals.measure(visit, command, now, in_emergency=known is not None)
        case asked.TellSkin():
            skin.tell(visit, command, now)
        case asked.ReportIncident():
            incident.report(visit, command, now)
        case asked.GiveOver():
            handover.give(visit, command, now)
        case asked.TakeOver():
            handover.take(visit, command, now)
        case asked.ChartLate():
            late_charting.chart(visit, command, now)
        case asked.BeginAnaphylaxis():
            anaphylaxis.begin(visit, command, now)
        case asked.TakeStep():
            anaphylaxis.step(visit, command, now)
        case asked.GiveInEmergency():
            anaphylaxis.give(visit, command, now)
        case asked.EndAnaphylaxis():
            anaphylaxis.end(visit, command, now)
