"""What stands around every page: the menu of what this person may do, the languages, the person. One table of entries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import Flask, request, url_for

from pointofcare.errors import PointOfCareError
from server.security import permissions as may
from server.security import person, wards
from server.web import page, work

# So many entries stand in the bar; where there are more, the others open below it.
IN_THE_BAR = 8
LANGUAGE_NAMES = {"vi": "Tiếng Việt", "en": "English", "fr": "Français"}

# Endpoint, permission, text code; in the order shown.
ENTRIES: tuple[tuple[str, str, str], ...] = (
    ("pharmacy.queue", may.VERIFY_ORDERS, "menu-pharmacy"),
    ("ward.board", may.SEE_BOARD, "menu-ward"),
    ("bedside.ward", may.SEE_BOARD, "menu-bedside"),
    ("work.show", may.SEE_WORK, "menu-work"),
    ("bags.listed", may.SEE_BOARD, "menu-bags"),
    ("formulary.listed", may.SEE_FORMULARY, "menu-formulary"),
    ("labels.listed", may.PRINT_LABELS, "menu-labels"),
    ("documents.listed", may.ISSUE_DOCUMENTS, "menu-documents"),
    ("prescriber.show", may.PLACE_ORDERS, "menu-prescriber"),
    ("patients.find", may.SEE_PATIENTS, "menu-patients"),
    ("admission.overview", may.ADMIT, "menu-admission"),
    ("transcription.waiting", may.COMPARE_ORDERS, "menu-compare"),
    ("downtime.listed", may.ENTER_PAPER, "menu-downtime"),
    ("review.show", may.SEE_REVIEW, "menu-review"),
    ("quality.show", may.SEE_QUALITY, "menu-quality"),
    ("incidents.listed", may.REVIEW_INCIDENTS, "menu-incidents"),
    ("catalogue.listed", may.SEE_FORMULARY, "menu-catalogue"),
    ("claims.show", may.EXPORT_CLAIMS, "menu-claims"),
    ("emergency.listed", may.REVIEW_EMERGENCY, "menu-emergency"),
    ("emr.worklist", may.SEE_EMR, "menu-emr"),
    ("incoming.listed", may.HANDLE_INCOMING, "menu-incoming"),
    ("fleet.carts", may.SEE_FLEET, "menu-fleet"),
    ("machines.show", may.MANAGE_MACHINES, "menu-machines"),
    ("phones.show", may.MANAGE_MACHINES, "menu-phones"),
    ("policy.listed", may.SEE_POLICY, "menu-policy"),
    ("ward_staff.show", may.RUN_WARD, "menu-ward-staff"),
    ("competences.listed", may.RUN_WARD, "menu-competences"),
    ("ward_staff.own", may.TAKE_ON_WARD, "menu-ward-own"),
    ("imports.show", may.IMPORT, "menu-import"),
    ("staff.everybody", may.MANAGE_STAFF, "menu-staff"),
    ("audit.entries", may.SEE_AUDIT, "menu-audit"),
    ("audit.rejected", may.SEE_REJECTED, "menu-rejected"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    address: str
    text: str
    current: bool
    count: int | None = None
    late: int = 0
    is_more: bool = False


def entries() -> list[Entry]:
    held = person.permissions()
    waits = work.waiting() if may.SEE_WORK in held else None
    found = [
        Entry(
            address=url_for(endpoint),
            text=page.t(text),
            current=request.endpoint == endpoint,
            count=waits[0] if waits is not None and endpoint == "work.show" else None,
            late=waits[1] if waits is not None and endpoint == "work.show" else 0,
        )
        for endpoint, permission, text in ENTRIES
        if permission in held
    ]
    if len(found) <= IN_THE_BAR + 1:
        return found
    return [entry if place < IN_THE_BAR else replace(entry, is_more=True) for place, entry in enumerate(found)]


def register(app: Flask) -> None:
    @app.context_processor
    def _around() -> dict[str, Any]:
        config = page.config()
        try:
            who = person.actor()
        except PointOfCareError:
            who = None
        return {
            **page.filters(),
            "lang": page.language(),
            "languages": [(code, LANGUAGE_NAMES[code]) for code in config.languages],
            "facility": config.facility,
            "training": config.training,
            "timezone": config.timezone,
            "person": who,
            "person_roles": sorted(who.roles) if who else [],
            "menu": entries(),
            "may_withdraw": work.may_withdraw,
            "emergencies": wards.emergencies() if who else (),
            "icons": url_for("web.static", filename="icons.svg"),
            "now_clock": datetime.now(UTC).astimezone(page.zone()).strftime("%H:%M:%S"),
        }
