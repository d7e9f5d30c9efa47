"""The view as plain JSON, for tests, the demo and support: what the kiosk shows, nothing more."""

from __future__ import annotations

from typing import Any

from cart_client.screen import Trace, View
from pointofcare.administration.session import State
from pointofcare.verdict.finding import Finding


def plain(view: View) -> dict[str, Any]:
    session, strip, verdict = view.session, view.strip, view.session.verdict
    return {
        "moment": view.moment,
        "at": view.at.isoformat(),
        "cart": view.cart,
        "state": session.state.value,
        "nurse": session.nurse.id if session.nurse is not None else None,
        "patient": session.patient,
        "level": verdict.level.name if verdict is not None else None,
        "findings": [_finding(finding) for finding in verdict.findings] if verdict is not None else [],
        "order": verdict.order if verdict is not None else None,
        "due": verdict.due.isoformat() if verdict is not None and verdict.due is not None else None,
        "choices": [line.order.id for line in view.choices],
        "units": len(view.units),
        "record_id": session.record_id if session.state in (State.GIVING, State.CONCLUDED, State.STOPPED) else None,
        "notice": view.notice,
        "notice_params": {name: str(value) for name, value in view.notice_params.items()},
        "drawer": view.drawer.outcome if view.drawer is not None else None,
        "drawer_findings": [{"key": one.key, "code": one.code.value, "drawer": one.drawer} for one in view.drawer_findings],
        "trace": _trace(view.trace),
        "witness_badge": bool(view.witness_badge),
        "strip": {
            "link": strip.link.value,
            "missing": list(strip.missing),
            "not_understood": list(strip.not_understood),
            "chart_version": strip.chart_version,
            "chart_age_s": strip.chart_age_s,
            "unsent": strip.unsent,
            "camera_live": strip.camera_live,
            "camera_why": strip.camera_why,
            "camera_fault": strip.camera_fault,
            "camera_since": strip.camera_since.isoformat() if strip.camera_since is not None else None,
            "journal_fault": strip.journal_fault,
            "clock_offset_s": strip.clock_offset_s,
            "clock_doubt": strip.clock_doubt,
            "lease": strip.lease.value,
            "lease_waits": strip.lease_waits,
            "lease_doubts": list(strip.lease_doubts),
            "battery_percent": strip.battery_percent,
        },
        "changes": [each.code for each in view.changes],
        "conflicts": [each.id for each in view.conflicts],
        "afar": {
            "mark": afar_mark(view),
            "fetching": view.fetching is not None,
            "reached": list(view.fetching.reached) if view.fetching is not None else [],
            "calls": [call.request for call in view.calls],
        },
        "open": [record.record_id for record in view.opened],
        "recorded": [
            {
                "record_id": done.record.record_id,
                "status": done.record.status,
                "here": done.standing.here,
                "at_server": done.standing.at_server,
                "emr": done.standing.emr.value if done.standing.emr is not None else None,
                "emr_id": done.standing.emr_id,
                "discrepancies": done.standing.discrepancies,
            }
            for done in view.recorded
        ],
        "dues": [
            {
                "patient": line.patient.id,
                "order": line.order.id,
                "due": line.due.isoformat() if line.due is not None else None,
                "status": line.status,
            }
            for line in view.dues
        ],
    }


def afar_mark(view: View) -> str:
    """Changes whenever the page of a second look would: "" while nobody is looking here."""
    one = view.answering
    if one is None:
        return ""
    who = one.who.id if one.who is not None else ""
    return "|".join((one.call.request, one.badge, who, "sent" if one.sent is not None else "", one.outcome))


def _trace(trace: Trace | None) -> dict[str, str] | None:
    if trace is None:
        return None
    frame_at = trace.frame_at or trace.decode_at
    return {"frame_at": frame_at.isoformat(), "decode_at": trace.decode_at.isoformat(), "verdict_at": trace.verdict_at.isoformat()}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "level": finding.level.name,
        "satisfied": finding.satisfied,
        "unknown": finding.unknown,
        "remedy": finding.remedy,
    }
