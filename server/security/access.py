"""Who may call what: every address of the application on one line, with the permission that it takes and how far it reaches.

Deny by default: an address that has no line here is not served to anybody. The line is asked before the request's body is read. Roles
and what they hold are in `permissions`; docs/roles.md is written from both by `python -m simulation.roles`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask, request

from pointofcare.errors import NotFoundError, NotPermittedError
from server.security import permissions as may
from server.security import person

log = logging.getLogger(__name__)


class Scope(StrEnum):
    """How far an address reaches. `NONE`: nothing of the hospital, nobody needs to sign in. `OWN`: whoever is signed in, about
    themselves or about the program. `WARD`: patients, of one's wards only where the role is bound to wards. `FACILITY`: things of the
    whole hospital, no patient. No address reaches another facility."""

    NONE = "none"
    OWN = "own"
    WARD = "ward"
    FACILITY = "facility"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`guests`: where the address asks for its permission by itself, what somebody's role in a ward must hold who only helps out there."""

    scope: Scope
    permission: str | None = None
    guests: str | None = None


def _ward(permission: str) -> Access:
    return Access(scope=Scope.WARD, permission=permission)


def _facility(permission: str) -> Access:
    return Access(scope=Scope.FACILITY, permission=permission)


_NONE = Access(scope=Scope.NONE)
_OWN = Access(scope=Scope.OWN)

ENDPOINTS: Mapping[str, Access] = {
    # Without signing in.
    "healthz": _NONE,
    "health.alive": _NONE,
    "health.ready": _NONE,
    "metrics.show": _NONE,
    "web.static": _NONE,
    # Files that are signed, and that nobody has to believe: a cart's bridge has no account here.
    "releases.metadata": _NONE,
    "releases.target": _NONE,
    "security.static": _NONE,
    "security.login": _NONE,
    "security.logout": _NONE,
    "security.verify": _NONE,
    "sign_in.second": _NONE,
    "sign_in.second_code": _NONE,
    "home.language": _NONE,
    "help.guides": _NONE,
    "help.one": _NONE,
    "help.on": _NONE,
    "api_page": _NONE,
    "api-docs.openapi_json": _NONE,
    "api.token": _NONE,
    "api.nothing": _NONE,
    "enrolment.authority": _NONE,
    "enrolment.enrol": _NONE,
    "enrolment.renew": _NONE,
    "fhir.metadata": _NONE,
    "fhir.smart": _NONE,
    "fhir.token": _NONE,
    "fhir.nothing": _NONE,
    # Oneself.
    "home.show": _OWN,
    "account.show": _OWN,
    "account.change": _OWN,
    "account.factor": _OWN,
    "account.confirm_factor": _OWN,
    "account.renew_codes": _OWN,
    "account.prove": _OWN,
    "account.prove_code": _OWN,
    "account.end": _OWN,
    "account.end_all": _OWN,
    "rules.listed": _OWN,
    "verdicts.rules": _OWN,
    "verdicts.verdicts": _OWN,
    # A screen on a wall: it has no person, and its own cookie lets it see one ward.
    "wall.show": _NONE,
    # Patients.
    "patients.find": _ward(may.SEE_PATIENTS),
    "patients.show": _ward(may.SEE_PATIENTS),
    "patients.observe": _ward(may.OBSERVE),
    "printed.record": _ward(may.SEE_PATIENTS),
    "history.show": _ward(may.SEE_PATIENTS),
    "history.export": _ward(may.SEE_PATIENTS),
    "printed.sheet": _ward(may.SEE_BOARD),
    "documents.look": _NONE,
    "documents.find": _NONE,
    "documents.listed": _ward(may.ISSUE_DOCUMENTS),
    "documents.show": _ward(may.ISSUE_DOCUMENTS),
    "documents.file": _ward(may.ISSUE_DOCUMENTS),
    "documents.of_patient": _ward(may.ISSUE_DOCUMENTS),
    "documents.make_of_patient": _ward(may.ISSUE_DOCUMENTS),
    "documents.of_ward": _ward(may.ISSUE_DOCUMENTS),
    "documents.make_of_ward": _ward(may.ISSUE_DOCUMENTS),
    "documents.batch": _ward(may.ISSUE_DOCUMENTS),
    "documents.batch_file": _ward(may.ISSUE_DOCUMENTS),
    "documents.withdraw": _ward(may.WITHDRAW_DOCUMENTS),
    "downtime.listed": _ward(may.ENTER_PAPER),
    "downtime.make": _ward(may.ENTER_PAPER),
    "downtime.paper": _ward(may.ENTER_PAPER),
    "downtime.show": _ward(may.ENTER_PAPER),
    "downtime.line": _ward(may.ENTER_PAPER),
    "downtime.enter": _ward(may.ENTER_PAPER),
    "downtime.nothing": _ward(may.ENTER_PAPER),
    "downtime.close": _ward(may.ENTER_PAPER),
    "admission.overview": _ward(may.ADMIT),
    "admission.form": _ward(may.ADMIT),
    "admission.card": _ward(may.ADMIT),
    "admission.enter": _ward(may.ADMIT),
    "admission.unknown_form": _ward(may.ADMIT),
    "admission.unknown": _ward(may.ADMIT),
    "admission.newborn_form": _ward(may.ADMIT),
    "admission.newborn": _ward(may.ADMIT),
    "admission.identify_form": _ward(may.ADMIT),
    "admission.identify": _ward(may.ADMIT),
    "prescriber.show": _ward(may.PLACE_ORDERS),
    "prescriber.see": _ward(may.PLACE_ORDERS),
    "transcription.form": _ward(may.TRANSCRIBE),
    "transcription.enter": _ward(may.TRANSCRIBE),
    "transcription.waiting": _ward(may.COMPARE_ORDERS),
    "transcription.compare": _ward(may.COMPARE_ORDERS),
    "identity.show": _ward(may.SEE_PATIENTS),
    "identity.picture": _ward(may.SEE_PATIENTS),
    "identity.photo": _ward(may.ADMIT),
    "identity.band": _ward(may.ADMIT),
    "identity.move": _ward(may.ADMIT),
    "identity.readmit": _ward(may.ADMIT),
    "identity.discharge": _ward(may.DISCHARGE),
    "merging.form": _ward(may.MERGE_RECORDS),
    "merging.join": _ward(may.MERGE_RECORDS),
    "merging.undo": _ward(may.MERGE_RECORDS),
    "ward.board": _ward(may.SEE_BOARD),
    "bedside.ward": _ward(may.SEE_BOARD),
    "bedside.patient": _ward(may.SEE_PATIENTS),
    "bedside.one": _ward(may.SEE_PATIENTS),
    "wall.desk": _ward(may.SEE_BOARD),
    "wall.radar_page": _ward(may.SEE_BOARD),
    "wall.screens": _ward(may.RUN_WARD),
    "wall.add": _ward(may.RUN_WARD),
    "wall.end": _ward(may.RUN_WARD),
    "quality.show": _ward(may.SEE_QUALITY),
    "quality.export": _ward(may.SEE_QUALITY),
    "bags.listed": _ward(may.SEE_BOARD),
    "bags.find": _ward(may.SEE_BOARD),
    "bags.show": _ward(may.SEE_BOARD),
    "bags.form": _ward(may.PREPARE_BAGS),
    "bags.prepare": _ward(may.PREPARE_BAGS),
    "bags.act": _ward(may.PREPARE_BAGS),
    "other_labels.bag": _ward(may.PREPARE_BAGS),
    "labels.listed": _ward(may.PRINT_LABELS),
    "labels.find": _ward(may.PRINT_LABELS),
    "labels.form": _ward(may.PRINT_LABELS),
    "labels.make": _ward(may.PRINT_LABELS),
    "labels.round_form": _ward(may.PRINT_LABELS),
    "labels.make_round": _ward(may.PRINT_LABELS),
    "labels.show": _ward(may.PRINT_LABELS),
    "labels.pdf": _ward(may.PRINT_LABELS),
    "labels.send": _ward(may.PRINT_LABELS),
    "labels.change": _ward(may.PRINT_LABELS),
    "orders.form": _ward(may.PLACE_ORDERS),
    "orders.place": _ward(may.PLACE_ORDERS),
    "orders.act": _ward(may.PLACE_ORDERS),
    "orders.answer": _ward(may.PLACE_ORDERS),
    "pharmacy.queue": _ward(may.VERIFY_ORDERS),
    "pharmacy.judge": _ward(may.VERIFY_ORDERS),
    "together.listed": _ward(may.VERIFY_ORDERS),
    "together.verify": _ward(may.VERIFY_ORDERS),
    "work.show": _ward(may.SEE_WORK),
    "work.answer": _ward(may.SEE_WORK),
    "work.close": _ward(may.CLOSE_DOSES),
    "work.withdraw": _ward(may.SEE_WORK),
    "work.variance": _ward(may.SEE_WORK),
    "review.show": _ward(may.SEE_REVIEW),
    "review.resolve": _ward(may.RESOLVE),
    "review.measured": _ward(may.RESOLVE),
    "review.resolve_doubt": _ward(may.RESOLVE),
    "review.review": _ward(may.RESOLVE),
    "rules.replay": _ward(may.SEE_REVIEW),
    "controlled.show": _ward(may.SEE_CONTROLLED),
    "controlled.export": _ward(may.SEE_CONTROLLED),
    "controlled.fill": _facility(may.FILL_DRAWERS),
    "recalls.show": _facility(may.SEE_RECALLS),
    "recalls.enter": _facility(may.RECALL),
    "recalls.lift": _facility(may.RECALL),
    "recalls.one": _ward(may.SEE_RECALLS),
    "recalls.export": _ward(may.SEE_RECALLS),
    "recalls.export_due": _ward(may.SEE_RECALLS),
    "emr.worklist": _ward(may.SEE_EMR),
    "emr.requeue": _ward(may.REQUEUE),
    "incoming.listed": _facility(may.HANDLE_INCOMING),
    "incoming.one": _facility(may.HANDLE_INCOMING),
    "incoming.payload": _facility(may.HANDLE_INCOMING),
    "incoming.decide": _facility(may.HANDLE_INCOMING),
    "feed_hook.poll": _NONE,
    "emr.requeue_all": _ward(may.REQUEUE),
    "api.patients": _ward(may.SEE_PATIENTS),
    "api.patient": _ward(may.SEE_PATIENTS),
    "api.orders_of_patient": _ward(may.SEE_PATIENTS),
    "api.administrations": _ward(may.SEE_PATIENTS),
    "api.administration": _ward(may.SEE_PATIENTS),
    "api.order": _ward(may.SEE_PATIENTS),
    "api.place": _ward(may.PLACE_ORDERS),
    "api.amend": _ward(may.PLACE_ORDERS),
    "api.stop": _ward(may.PLACE_ORDERS),
    "api.verify": _ward(may.VERIFY_ORDERS),
    "api.listed": _ward(may.SEE_WORK),
    "api.answer": _ward(may.SEE_WORK),
    "api.outbox_items": _ward(may.SEE_EMR),
    "api.requeue": _ward(may.REQUEUE),
    # Each type of resource asks for its own permission, of a person's roles or of a program's scopes.
    "fhir.search": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.read": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.history": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.version": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.everything": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.everybody": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.export": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.export_status": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "fhir.export_file": Access(scope=Scope.WARD, guests=may.SEE_PATIENTS),
    "emergency.form": _ward(may.OPEN_EMERGENCY),
    "emergency.enter": _ward(may.OPEN_EMERGENCY),
    "emergency.leave": _ward(may.OPEN_EMERGENCY),
    "emergency.listed": _ward(may.REVIEW_EMERGENCY),
    "emergency.one": _ward(may.REVIEW_EMERGENCY),
    "emergency.judge": _ward(may.REVIEW_EMERGENCY),
    "api.emergency_open": _ward(may.OPEN_EMERGENCY),
    "api.emergencies": _ward(may.REVIEW_EMERGENCY),
    "api.emergency_review": _ward(may.REVIEW_EMERGENCY),
    "incidents.report": _OWN,
    "incidents.send": _OWN,
    "incidents.listed": _ward(may.REVIEW_INCIDENTS),
    "incidents.one": _ward(may.REVIEW_INCIDENTS),
    "incidents.move": _ward(may.REVIEW_INCIDENTS),
    "incidents.export": _ward(may.REVIEW_INCIDENTS),
    "competences.own": _OWN,
    "competences.listed": _ward(may.RUN_WARD),
    "competences.export": _ward(may.RUN_WARD),
    "competences.one": _ward(may.RUN_WARD),
    "competences.enter": _ward(may.RUN_WARD),
    "competences.at_cart": _facility(may.MANAGE_STAFF),
    "ward_staff.show": _ward(may.RUN_WARD),
    "ward_staff.add": _ward(may.RUN_WARD),
    "ward_staff.remove": _ward(may.RUN_WARD),
    "ward_staff.own": _ward(may.TAKE_ON_WARD),
    "ward_staff.take_on": _ward(may.TAKE_ON_WARD),
    "ward_staff.leave": _ward(may.TAKE_ON_WARD),
    # The hospital without its patients.
    "emergency.people": _facility(may.COUNT_EMERGENCIES),
    "fleet.carts": _facility(may.SEE_FLEET),
    "fleet.export": _facility(may.SEE_FLEET),
    "fleet.export_json": _facility(may.SEE_FLEET),
    "fleet_alerts.listed": _facility(may.SEE_FLEET),
    "fleet_alerts.rules": _facility(may.SEE_FLEET),
    "fleet_alerts.rule": _facility(may.MANAGE_MACHINES),
    "fleet_alerts.add": _facility(may.MANAGE_MACHINES),
    "fleet_alerts.change": _facility(may.MANAGE_MACHINES),
    "fleet_alerts.remove": _facility(may.MANAGE_MACHINES),
    "fleet_alerts.acknowledge": _facility(may.MANAGE_MACHINES),
    "fleet_alerts.snooze": _facility(may.MANAGE_MACHINES),
    "fleet_alerts.again": _facility(may.MANAGE_MACHINES),
    "fleet_battery.show": _facility(may.SEE_FLEET),
    "fleet_drawers.show": _ward(may.SEE_FLEET),
    "fleet_drawers.close": _ward(may.SEE_FLEET),
    "fleet_drawers.add": _ward(may.MANAGE_DRAWERS),
    "fleet_drawers.end": _ward(may.MANAGE_DRAWERS),
    "fleet_drawers.set_settings": _facility(may.MANAGE_DRAWERS),
    "fleet_drawers.people": _ward(may.MANAGE_PINS),
    "fleet_drawers.act": _ward(may.MANAGE_PINS),
    "fleet_drift.listed": _facility(may.SEE_FLEET),
    "fleet_drift.one": _facility(may.SEE_FLEET),
    "fleet_drift.group": _facility(may.SEE_FLEET),
    "fleet_drift.want": _facility(may.MANAGE_MACHINES),
    "fleet_drift.adopt": _facility(may.MANAGE_MACHINES),
    "fleet_drift.again": _facility(may.MANAGE_MACHINES),
    "fleet_drift.keep_group": _facility(may.MANAGE_MACHINES),
    "fleet_drift.apply_group": _facility(may.MANAGE_MACHINES),
    "fleet_care.calendar": _facility(may.SEE_FLEET),
    "fleet_care.ics": _facility(may.SEE_FLEET),
    "fleet_care.export": _facility(may.SEE_FLEET),
    "fleet_care.assets": _facility(may.SEE_FLEET),
    "fleet_care.plan": _facility(may.MANAGE_MACHINES),
    "fleet_care.done": _facility(may.MANAGE_MACHINES),
    "fleet_care.drop": _facility(may.MANAGE_MACHINES),
    "fleet_care.set_asset": _facility(may.MANAGE_MACHINES),
    "fleet_care.import_assets": _facility(may.MANAGE_MACHINES),
    "fleet.cart": _ward(may.SEE_FLEET),
    "firmware.show": _facility(may.SEE_FLEET),
    "firmware.renew": _facility(may.MANAGE_FIRMWARE),
    "rollouts.listed": _facility(may.SEE_FLEET),
    "rollouts.show": _facility(may.SEE_FLEET),
    "rollouts.of_cart": _facility(may.SEE_FLEET),
    "rollouts.form": _facility(may.MANAGE_ROLLOUTS),
    "rollouts.make": _facility(may.MANAGE_ROLLOUTS),
    "rollouts.do": _facility(may.MANAGE_ROLLOUTS),
    "rollouts.leave_out": _facility(may.MANAGE_ROLLOUTS),
    "fleet_commands.listed": _ward(may.SEE_FLEET),
    "fleet_commands.ask": _ward(may.COMMAND_CARTS),
    "fleet_commands.bulk": _ward(may.COMMAND_CARTS),
    "fleet_commands.of_cart": _ward(may.SEE_FLEET),
    "fleet_commands.batch": _ward(may.SEE_FLEET),
    "fleet_commands.withdraw_batch": _ward(may.COMMAND_CARTS),
    "fleet_commands.one": _ward(may.SEE_FLEET),
    "fleet_commands.second": _ward(may.COMMAND_CARTS),
    "fleet_commands.withdraw": _ward(may.COMMAND_CARTS),
    "fleet_commands.bundle": _ward(may.SEE_FLEET),
    "machines.show": _facility(may.MANAGE_MACHINES),
    "machines.claim": _facility(may.MANAGE_MACHINES),
    "machines.revoke": _facility(may.MANAGE_MACHINES),
    "phones.show": _facility(may.MANAGE_MACHINES),
    "phones.claim": _facility(may.MANAGE_MACHINES),
    "phones.revoke": _facility(may.MANAGE_MACHINES),
    "formulary.listed": _facility(may.SEE_FORMULARY),
    "formulary.show": _facility(may.SEE_FORMULARY),
    "formulary.new": _facility(may.EDIT_FORMULARY),
    "formulary.create": _facility(may.EDIT_FORMULARY),
    "formulary.edit": _facility(may.EDIT_FORMULARY),
    "formulary.save": _facility(may.EDIT_FORMULARY),
    "formulary.add_pack": _facility(may.EDIT_FORMULARY),
    "formulary.remove_pack": _facility(may.EDIT_FORMULARY),
    "formulary.remove": _facility(may.EDIT_FORMULARY),
    "barcodes.queue": _facility(may.EDIT_FORMULARY),
    "barcodes.show": _facility(may.EDIT_FORMULARY),
    "barcodes.answer": _facility(may.EDIT_FORMULARY),
    "policy.listed": _facility(may.SEE_POLICY),
    "policy.show": _facility(may.SEE_POLICY),
    "policy.new": _facility(may.CHANGE_POLICY),
    "policy.save_new": _facility(may.CHANGE_POLICY),
    "policy.edit": _facility(may.CHANGE_POLICY),
    "policy.save": _facility(may.CHANGE_POLICY),
    "policy.act": _facility(may.CHANGE_POLICY),
    "insurance.form": _ward(may.SEE_PATIENTS),
    "insurance.find": _ward(may.SEE_PATIENTS),
    "insurance.show": _ward(may.SEE_PATIENTS),
    "insurance.summary": _ward(may.SEE_PATIENTS),
    "insurance.add": _ward(may.ADMIT),
    "insurance.end": _ward(may.ADMIT),
    "insurance.correct": _ward(may.EXPORT_CLAIMS),
    "claims.show": _ward(may.EXPORT_CLAIMS),
    "claims.xml": _ward(may.EXPORT_CLAIMS),
    "claims.schema": _ward(may.EXPORT_CLAIMS),
    "claims.rows": _ward(may.EXPORT_CLAIMS),
    "claims.unbilled": _ward(may.EXPORT_CLAIMS),
    "claims.faulty": _ward(may.EXPORT_CLAIMS),
    "catalogue.listed": _facility(may.SEE_FORMULARY),
    "catalogue.show": _facility(may.SEE_FORMULARY),
    "catalogue.link": _facility(may.EDIT_FORMULARY),
    "catalogue.template": _OWN,
    "catalogue.codes": _OWN,
    "imports.show": _facility(may.IMPORT),
    "imports.examine": _facility(may.IMPORT),
    "imports.confirm": _facility(may.IMPORT),
    "staff.everybody": _facility(may.MANAGE_STAFF),
    "staff.form": _facility(may.MANAGE_STAFF),
    "staff.save": _facility(may.MANAGE_STAFF),
    "other_labels.badge": _facility(may.MANAGE_STAFF),
    "other_labels.drawers": _facility(may.MANAGE_MACHINES),
    "staff.reset_second_factor": _facility(may.MANAGE_STAFF),
    "audit.entries": _facility(may.SEE_AUDIT),
    "audit.export": _facility(may.SEE_AUDIT),
    "audit.checkpoint": _facility(may.SEE_AUDIT),
    "audit.verify": _facility(may.SEE_AUDIT),
    "audit.rejected": _facility(may.SEE_REJECTED),
    "api.carts": _facility(may.SEE_FLEET),
    "fleet_api.carts": _facility(may.SEE_FLEET),
    "fleet_api.cart": _facility(may.SEE_FLEET),
    "fleet_api.events": _facility(may.SEE_FLEET),
    "fleet_api.points": _facility(may.SEE_FLEET),
    "fleet_api.drift": _facility(may.SEE_FLEET),
    "fleet_api.alerts": _facility(may.SEE_FLEET),
    "fleet_api.asked_commands": _ward(may.SEE_FLEET),
    "fleet_api.ask": _ward(may.COMMAND_CARTS),
    "fleet_api.command": _ward(may.SEE_FLEET),
    "fleet_api.second": _ward(may.COMMAND_CARTS),
    "fleet_api.withdraw": _ward(may.COMMAND_CARTS),
    "fleet_api.bundle": _ward(may.SEE_FLEET),
    "fleet_api.all_rollouts": _facility(may.SEE_FLEET),
    "fleet_api.rollout": _facility(may.SEE_FLEET),
    "fleet_api.act": _facility(may.MANAGE_ROLLOUTS),
    "fleet_api.firmware": _facility(may.SEE_FLEET),
    "api.policy": _facility(may.SEE_POLICY),
    "api.bring_in": _facility(may.IMPORT),
    "api.pump_reading": _facility(may.FEED_PUMPS),
}


def register(app: Flask) -> None:
    """Asks before every request. What no rule matches is left to the one who says that there is no such address."""

    @app.before_request
    def _ask() -> None:
        if request.endpoint is not None:
            check(request.endpoint)


def check(endpoint: str) -> None:
    """Raises: NotFoundError (no line), NotSignedInError, NotPermittedError."""
    found = ENDPOINTS.get(endpoint)
    if found is None:
        log.error("%s has no line in server/security/access.py, so it is not served", endpoint)
        raise NotFoundError("this address is not served", remedy="ask who runs the server", endpoint=endpoint)
    if found.scope is Scope.NONE:
        return
    who = person.actor()
    if found.permission is not None and not may.permits(who.roles, found.permission):
        raise NotPermittedError(
            "your role does not permit this", remedy="ask an administrator for the role that does it", permission=found.permission
        )
