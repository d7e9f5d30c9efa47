"""Who looked at what: one audit row for each page, file or answer that shows clinical data, written before it is sent.

A view that cannot be audited is not shown: whoever holds it back loses a page of the server, never a dose, for the carts work from
their own tables. Rows name patients by id, lists by ward and number; names, what was searched for, and secrets never stand in them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import ServiceUnavailable

from server.security import person
from server.store import audit
from server.store.audit import NotAuditedError

log = logging.getLogger(__name__)

# A list of at most so many patients names them, a longer one says how many they are.
MOST_NAMED = 10
# A page that keeps itself fresh is one view; after this time it is another.
ONE_VIEW_S = 900.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an endpoint shows. `subject` is filled from the address ("patient/{patient_id}")."""

    action: str
    subject: str


VIEWS: Mapping[str, View] = {
    "patients.find": View(action="view.list", subject="list/patients"),
    "patients.show": View(action="view.patient", subject="patient/{patient_id}"),
    "printed.record": View(action="view.print", subject="patient/{patient_id}"),
    "history.show": View(action="view.patient", subject="patient/{patient_id}"),
    "history.export": View(action="view.download", subject="patient/{patient_id}"),
    "printed.sheet": View(action="view.print", subject="list/sheet"),
    "documents.listed": View(action="view.list", subject="list/documents"),
    "documents.show": View(action="view.document", subject="document/{code}"),
    "documents.file": View(action="view.document", subject="document/{code}"),
    "documents.of_patient": View(action="view.list", subject="patient/{patient_id}"),
    "documents.of_ward": View(action="view.ward", subject="list/documents"),
    "documents.batch": View(action="view.list", subject="documents/{batch_id}"),
    "documents.batch_file": View(action="view.print", subject="documents/{batch_id}"),
    "downtime.listed": View(action="view.list", subject="list/downtime"),
    "downtime.paper": View(action="view.print", subject="sheet/{sheet}"),
    "downtime.show": View(action="view.list", subject="sheet/{sheet}"),
    "downtime.line": View(action="view.patient", subject="sheet/{sheet}"),
    "downtime.enter": View(action="view.patient", subject="sheet/{sheet}"),
    "admission.overview": View(action="view.list", subject="list/admission"),
    "admission.enter": View(action="view.list", subject="list/admission"),
    "admission.newborn_form": View(action="view.patient", subject="patient/{patient_id}"),
    "admission.newborn": View(action="view.patient", subject="patient/{patient_id}"),
    "admission.identify_form": View(action="view.patient", subject="patient/{patient_id}"),
    "admission.identify": View(action="view.patient", subject="patient/{patient_id}"),
    "insurance.find": View(action="view.list", subject="list/insurance"),
    "insurance.show": View(action="view.patient", subject="patient/{patient_id}"),
    "insurance.add": View(action="view.patient", subject="patient/{patient_id}"),
    "insurance.correct": View(action="view.patient", subject="patient/{patient_id}"),
    "insurance.summary": View(action="view.download", subject="patient/{patient_id}"),
    "claims.show": View(action="view.list", subject="report/claims"),
    "claims.xml": View(action="view.download", subject="report/claims"),
    "claims.rows": View(action="view.download", subject="report/claims"),
    "claims.unbilled": View(action="view.download", subject="report/claims"),
    "claims.faulty": View(action="view.download", subject="report/claims"),
    "prescriber.show": View(action="view.list", subject="list/prescriber"),
    "transcription.form": View(action="view.patient", subject="list/order-form"),
    "transcription.enter": View(action="view.patient", subject="list/order-form"),
    "transcription.waiting": View(action="view.list", subject="list/orders"),
    "identity.show": View(action="view.patient", subject="patient/{patient_id}"),
    "identity.picture": View(action="view.patient", subject="patient/{patient_id}"),
    "merging.form": View(action="view.patient", subject="patient/{patient_id}"),
    "merging.join": View(action="view.patient", subject="patient/{patient_id}"),
    "pharmacy.queue": View(action="view.list", subject="list/orders"),
    "together.listed": View(action="view.list", subject="list/orders"),
    "ward.board": View(action="view.ward", subject="list/board"),
    "bedside.ward": View(action="view.ward", subject="list/bedside"),
    "bedside.patient": View(action="view.patient", subject="patient/{patient_id}"),
    "bedside.one": View(action="view.record", subject="note/{record_id}"),
    "wall.desk": View(action="view.ward", subject="list/wall"),
    "wall.radar_page": View(action="view.ward", subject="list/radar"),
    "work.show": View(action="view.list", subject="list/tasks"),
    "work.answer": View(action="view.list", subject="task/{task_id}"),
    "work.variance": View(action="view.download", subject="report/variance"),
    "orders.form": View(action="view.patient", subject="list/order-form"),
    "orders.place": View(action="view.patient", subject="list/order-form"),
    "review.show": View(action="view.list", subject="list/review"),
    "rules.replay": View(action="view.record", subject="{kind}/{record_id}"),
    "bags.listed": View(action="view.ward", subject="list/bags"),
    "bags.show": View(action="view.label", subject="bag/{bag}"),
    "bags.form": View(action="view.patient", subject="order/{order_id}"),
    "bags.prepare": View(action="view.patient", subject="order/{order_id}"),
    "labels.round_form": View(action="view.ward", subject="list/label-round"),
    "labels.make_round": View(action="view.ward", subject="list/label-round"),
    "labels.show": View(action="view.label", subject="label-batch/{batch}"),
    "controlled.show": View(action="view.list", subject="report/controlled"),
    "controlled.export": View(action="view.download", subject="report/controlled"),
    "recalls.one": View(action="view.list", subject="recall/{recall}"),
    "recalls.export": View(action="view.download", subject="recall/{recall}"),
    "recalls.export_due": View(action="view.download", subject="recall/{recall}"),
    "emr.worklist": View(action="view.list", subject="list/emr"),
    "incoming.listed": View(action="view.list", subject="list/incoming"),
    "incoming.one": View(action="view.incoming", subject="incoming/{item}"),
    "incoming.payload": View(action="view.download", subject="incoming/{item}"),
    "fleet.cart": View(action="view.cart", subject="cart/{cart_id}"),
    "audit.entries": View(action="view.audit", subject="audit"),
    "audit.export": View(action="view.audit-export", subject="audit"),
    "audit.checkpoint": View(action="view.audit", subject="audit/checkpoint"),
    "audit.rejected": View(action="view.list", subject="list/rejected"),
    "api.emergencies": View(action="view.list", subject="list/emergency"),
    "emergency.listed": View(action="view.list", subject="list/emergency"),
    "emergency.one": View(action="view.list", subject="emergency/{emergency}"),
    "incidents.listed": View(action="view.list", subject="list/incidents"),
    "incidents.one": View(action="view.list", subject="incident/{report_id}"),
    "incidents.export": View(action="view.download", subject="list/incidents"),
    "api.patients": View(action="view.list", subject="list/patients"),
    "api.patient": View(action="view.patient", subject="patient/{patient_id}"),
    "api.orders_of_patient": View(action="view.patient", subject="patient/{patient_id}"),
    "api.administrations": View(action="view.patient", subject="patient/{patient_id}"),
    "api.administration": View(action="view.record", subject="administration/{record_id}"),
    "api.order": View(action="view.order", subject="order/{order_id}"),
    "api.outbox_items": View(action="view.list", subject="list/emr"),
    "api.listed": View(action="view.list", subject="list/tasks"),
    "fhir.search": View(action="view.fhir", subject="fhir/{kind}"),
    "fhir.read": View(action="view.fhir", subject="fhir/{kind}/{fhir_id}"),
    "fhir.history": View(action="view.fhir", subject="fhir/{kind}/{fhir_id}"),
    "fhir.version": View(action="view.fhir", subject="fhir/{kind}/{fhir_id}"),
    "fhir.everything": View(action="view.fhir", subject="fhir/Patient/{fhir_id}"),
    "fhir.everybody": View(action="view.fhir", subject="fhir/Patient"),
    "fhir.export_file": View(action="view.fhir-export", subject="fhir-export/{export}"),
}

_CHANGE = "it changes something: the change is audited in its own transaction"
_ACCOUNT = "the person's own account or sign-in"
_PROGRAM = "about the program, not about a patient"
_STAFF = "staff, no patient"
_PRODUCT = "products, machines or rules, no patient"
# Every other endpoint, with why looking at it leaves no row.
UNWATCHED: Mapping[str, str] = {
    "home.show": "numbers of what waits, no patient",
    "fleet_commands.listed": _PRODUCT,
    "fleet_commands.ask": _CHANGE,
    "fleet_commands.bulk": _CHANGE,
    "fleet_commands.of_cart": _PRODUCT,
    "fleet_commands.batch": _PRODUCT,
    "fleet_commands.withdraw_batch": _CHANGE,
    "fleet_commands.one": _PRODUCT,
    "fleet_commands.second": _CHANGE,
    "fleet_commands.withdraw": _CHANGE,
    "fleet_commands.bundle": "a file of a cart about itself: no patient and no name",
    "home.language": _ACCOUNT,
    "account.show": _ACCOUNT,
    "account.change": _ACCOUNT,
    "account.factor": _ACCOUNT,
    "account.confirm_factor": _ACCOUNT,
    "account.renew_codes": _ACCOUNT,
    "account.prove": _ACCOUNT,
    "account.prove_code": _ACCOUNT,
    "account.end": _ACCOUNT,
    "account.end_all": _ACCOUNT,
    "sign_in.second": _ACCOUNT,
    "sign_in.second_code": _ACCOUNT,
    "security.login": _ACCOUNT,
    "security.logout": _ACCOUNT,
    "security.verify": _ACCOUNT,
    "security.static": _PROGRAM,
    "web.static": _PROGRAM,
    "releases.metadata": _PROGRAM,
    "releases.target": _PROGRAM,
    "healthz": _PROGRAM,
    "health.alive": _PROGRAM,
    "health.ready": _PROGRAM,
    "api_page": _PROGRAM,
    "api-docs.openapi_json": _PROGRAM,
    "api.nothing": _PROGRAM,
    "api.token": _ACCOUNT,
    "api.carts": _PRODUCT,
    "fleet_api.carts": _PRODUCT,
    "fleet_api.cart": _PRODUCT,
    "fleet_api.events": _PRODUCT,
    "fleet_api.points": _PRODUCT,
    "fleet_api.drift": _PRODUCT,
    "fleet_api.alerts": _PRODUCT,
    "fleet_api.asked_commands": _PRODUCT,
    "fleet_api.ask": _CHANGE,
    "fleet_api.command": _PRODUCT,
    "fleet_api.second": _CHANGE,
    "fleet_api.withdraw": _CHANGE,
    "fleet_api.bundle": _PRODUCT,
    "fleet_api.all_rollouts": _PRODUCT,
    "fleet_api.rollout": _PRODUCT,
    "fleet_api.act": _CHANGE,
    "fleet_api.firmware": _PRODUCT,
    "api.policy": _PRODUCT,
    "verdicts.rules": _PRODUCT,
    "verdicts.verdicts": "judges what the caller sends, and reads nothing of the hospital",
    "api.bring_in": _CHANGE,
    "api.place": _CHANGE,
    "api.amend": _CHANGE,
    "api.stop": _CHANGE,
    "api.verify": _CHANGE,
    "api.requeue": _CHANGE,
    "api.answer": _CHANGE,
    "api.pump_reading": _CHANGE,
    "fhir.metadata": _PROGRAM,
    "fhir.smart": _PROGRAM,
    "fhir.nothing": _PROGRAM,
    "fhir.token": "a program's own sign-in, which is audited as what it is: fhir.token",
    "fhir.export": "what is asked for is audited as what it is: fhir.export",
    "fhir.export_status": "how far an export is, and no patient; its files are audited",
    "audit.verify": "the result is audited as what it is: audit.verify",
    "bags.act": _CHANGE,
    "bags.find": "leads to the bag's own page, which is audited",
    "labels.listed": _PRODUCT,
    "labels.find": "leads to the label's batch, which is audited",
    "labels.form": _PRODUCT,
    "labels.make": _CHANGE,
    "labels.pdf": _CHANGE,
    "labels.send": _CHANGE,
    "labels.change": _CHANGE,
    "other_labels.badge": _CHANGE,
    "other_labels.drawers": _CHANGE,
    "other_labels.bag": _CHANGE,
    "controlled.fill": _CHANGE,
    "documents.look": "whether a paper is genuine and still holds: no patient, no ward",
    "documents.find": "leads to the document's own page",
    "documents.make_of_patient": _CHANGE,
    "documents.make_of_ward": _CHANGE,
    "documents.withdraw": _CHANGE,
    "emr.requeue": _CHANGE,
    "incoming.decide": _CHANGE,
    "downtime.make": _CHANGE,
    "downtime.nothing": _CHANGE,
    "downtime.close": _CHANGE,
    "feed_hook.poll": "it shows nothing: a signed word that there is something to read",
    "emr.requeue_all": _CHANGE,
    "enrolment.authority": _PROGRAM,
    "enrolment.enrol": "a machine, no patient: the enrolment itself is audited",
    "enrolment.renew": "a machine, no patient: the renewal itself is audited",
    "emergency.form": "names no patient; what is opened is audited",
    "emergency.enter": _CHANGE,
    "emergency.leave": _CHANGE,
    "emergency.judge": _CHANGE,
    "api.emergency_open": _CHANGE,
    "api.emergency_review": _CHANGE,
    "emergency.people": _STAFF,
    "incidents.report": "an empty form, and the state of one's own reports",
    "incidents.send": _CHANGE,
    "incidents.move": _CHANGE,
    "competences.own": _ACCOUNT,
    "competences.listed": _STAFF,
    "competences.export": _STAFF,
    "competences.one": _STAFF,
    "competences.enter": _CHANGE,
    "competences.at_cart": _CHANGE,
    "ward_staff.show": _STAFF,
    "ward_staff.own": _STAFF,
    "ward_staff.add": _CHANGE,
    "ward_staff.remove": _CHANGE,
    "ward_staff.leave": _CHANGE,
    "ward_staff.take_on": _CHANGE,
    "fleet.carts": _PRODUCT,
    "fleet.export": _PRODUCT,
    "fleet.export_json": _PRODUCT,
    "rollouts.listed": _PRODUCT,
    "rollouts.show": _PRODUCT,
    "rollouts.of_cart": _PRODUCT,
    "rollouts.form": _PRODUCT,
    "rollouts.make": _CHANGE,
    "rollouts.do": _CHANGE,
    "rollouts.leave_out": _CHANGE,
    "fleet_alerts.listed": _PRODUCT,
    "fleet_alerts.rules": _PRODUCT,
    "fleet_alerts.rule": _PRODUCT,
    "fleet_alerts.add": _CHANGE,
    "fleet_alerts.change": _CHANGE,
    "fleet_alerts.remove": _CHANGE,
    "fleet_alerts.acknowledge": _CHANGE,
    "fleet_alerts.snooze": _CHANGE,
    "fleet_alerts.again": _CHANGE,
    "fleet_battery.show": _PRODUCT,
    "fleet_drawers.show": _PRODUCT,
    "fleet_drawers.close": _CHANGE,
    "fleet_drawers.add": _CHANGE,
    "fleet_drawers.end": _CHANGE,
    "fleet_drawers.set_settings": _CHANGE,
    "fleet_drawers.people": "whether people have a PIN and how old it is: no patient",
    "fleet_drawers.act": _CHANGE,
    "firmware.show": _PRODUCT,
    "firmware.renew": _CHANGE,
    "fleet_drift.listed": _PRODUCT,
    "fleet_drift.one": _PRODUCT,
    "fleet_drift.group": _PRODUCT,
    "fleet_drift.want": _CHANGE,
    "fleet_drift.adopt": _CHANGE,
    "fleet_drift.again": _CHANGE,
    "fleet_drift.keep_group": _CHANGE,
    "fleet_drift.apply_group": _CHANGE,
    "metrics.show": _PROGRAM,
    "fleet_care.calendar": _PRODUCT,
    "fleet_care.ics": _PRODUCT,
    "fleet_care.export": _PRODUCT,
    "fleet_care.assets": _PRODUCT,
    "fleet_care.plan": _CHANGE,
    "fleet_care.done": _CHANGE,
    "fleet_care.drop": _CHANGE,
    "fleet_care.set_asset": _CHANGE,
    "fleet_care.import_assets": _CHANGE,
    "insurance.form": "an empty form",
    "insurance.end": _CHANGE,
    "claims.schema": "columns of a decision, nothing of the hospital",
    "catalogue.listed": _PRODUCT,
    "catalogue.show": _PRODUCT,
    "catalogue.link": _CHANGE,
    "catalogue.template": _PROGRAM,
    "catalogue.codes": _PROGRAM,
    "imports.show": "an empty form",
    "imports.examine": "the sender's own file",
    "imports.confirm": _CHANGE,
    "machines.claim": _CHANGE,
    "machines.revoke": _CHANGE,
    "machines.show": _PRODUCT,
    "phones.claim": _CHANGE,
    "phones.revoke": _CHANGE,
    "phones.show": _PRODUCT,
    "orders.act": _CHANGE,
    "orders.answer": _CHANGE,
    "patients.observe": _CHANGE,
    "admission.form": "an empty form",
    "admission.card": "the sender's own card",
    "admission.unknown_form": "an empty form",
    "admission.unknown": _CHANGE,
    "prescriber.see": _CHANGE,
    "transcription.compare": _CHANGE,
    "identity.photo": _CHANGE,
    "identity.band": _CHANGE,
    "identity.move": _CHANGE,
    "identity.readmit": _CHANGE,
    "identity.discharge": _CHANGE,
    "merging.undo": _CHANGE,
    "pharmacy.judge": _CHANGE,
    "formulary.listed": _PRODUCT,
    "formulary.show": _PRODUCT,
    "formulary.new": _PRODUCT,
    "formulary.edit": _PRODUCT,
    "formulary.create": _CHANGE,
    "formulary.save": _CHANGE,
    "formulary.add_pack": _CHANGE,
    "formulary.remove_pack": _CHANGE,
    "formulary.remove": _CHANGE,
    "barcodes.queue": _PRODUCT,
    "barcodes.show": _PRODUCT,
    "barcodes.answer": _CHANGE,
    "together.verify": _CHANGE,
    "policy.listed": _PRODUCT,
    "policy.show": _PRODUCT,
    "policy.edit": _PRODUCT,
    "policy.new": _PRODUCT,
    "policy.act": _CHANGE,
    "policy.save": _CHANGE,
    "policy.save_new": _CHANGE,
    "recalls.show": _PRODUCT,
    "recalls.enter": _CHANGE,
    "recalls.lift": _CHANGE,
    "review.measured": _CHANGE,
    "review.resolve": _CHANGE,
    "review.resolve_doubt": _CHANGE,
    "review.review": _CHANGE,
    "rules.listed": _PRODUCT,
    "help.guides": _PROGRAM,
    "help.one": _PROGRAM,
    "help.on": _PROGRAM,
    "staff.everybody": _STAFF,
    "staff.form": _STAFF,
    "staff.save": _CHANGE,
    "staff.reset_second_factor": _CHANGE,
    "work.close": _CHANGE,
    "work.withdraw": _CHANGE,
    "quality.show": "figures of groups, no patient and no nurse",
    "quality.export": "figures of groups, no patient and no nurse",
    "wall.show": "a screen that nobody signs in at: that it was let in, came and was ended is audited",
    "wall.screens": _PRODUCT,
    "wall.add": _CHANGE,
    "wall.end": _CHANGE,
}


def seen(*, patient: str | None = None, patients: Iterable[str] = (), ward: str | None = None, count: int | None = None) -> None:
    """A view says whom it shows: one patient, or a list by its ward, its length and, where it is short, its patients. Ids only."""
    named = tuple(dict.fromkeys(patients))
    told: dict[str, object] = {}
    if patient:
        told["patient"] = patient
    if ward:
        told["ward"] = ward[:64]
    if count is not None:
        told["count"] = count
    if named and len(named) <= MOST_NAMED:
        told["patients"] = list(named)
    g.pointofcare_seen = told


def register(app: Flask) -> None:
    """Audits every answer of `VIEWS` before it leaves."""
    memory = _Memory()

    @app.after_request
    def _audit(response: Response) -> Response:
        view = VIEWS.get(request.endpoint or "")
        told: dict[str, object] | None = g.pop("pointofcare_seen", None)
        if view is None or not _shows(response, told):
            return response
        try:
            _write(view, told or {}, memory, refused=response.status_code == 403)
        except NotAuditedError:
            log.exception("what %s shows could not be audited, so it is not shown", request.endpoint)
            return current_app.make_response(current_app.handle_user_exception(ServiceUnavailable()))
        return response


def _shows(response: Response, told: dict[str, object] | None) -> bool:
    """Was something shown, or refused to somebody who is signed in?"""
    if response.status_code == 403:
        return request.method in ("GET", "HEAD") and person.is_somebody()
    if response.status_code == 204 or 300 <= response.status_code < 400:
        return False
    return told is not None or (response.status_code < 300 and request.method in ("GET", "HEAD"))


def _write(view: View, told: dict[str, object], memory: _Memory, *, refused: bool) -> None:
    who = person.actor()
    subject = view.subject.format_map(request.view_args or {})[:200]
    action = "view.refused" if refused else view.action
    detail = {**told, "page": request.endpoint, "method": request.method}
    key = (who.id, who.place, action, subject, repr(sorted(told.items())))
    if request.args.get("part") == "live" and memory.is_fresh(key):
        return
    audit.note(who, action, subject, detail)
    memory.note(key)


class _Memory:
    """When this process last wrote down a view. What it forgets is written down once more, never left out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def is_fresh(self, key: tuple[str, ...]) -> bool:
        with self._lock:
            at = self._at.get(key)
            return at is not None and time.monotonic() - at < ONE_VIEW_S

    def note(self, key: tuple[str, ...]) -> None:
        with self._lock:
            self._at[key] = time.monotonic()
            self._at.move_to_end(key)
            while len(self._at) > _MOST_REMEMBERED:
                self._at.popitem(last=False)
