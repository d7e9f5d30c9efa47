"""The endpoints: each reads its input by a schema, calls one verb or query, and answers by a schema. No rule lives here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from flask import Request, abort, current_app
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pointofcare.errors import MessageError, NotFoundError
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.policies import writing as policy_text
from pointofcare.products import PumpReading
from pointofcare.quantity import Quantity
from server.api import emergencies, errors, schemas, work
from server.config import ServerConfig
from server.security import obligations, sign_in, viewing
from server.security import permissions as may
from server.security.obligations import TooSoonError
from server.security.person import NotSignedInError, actor, requires
from server.store import bedside, orders, outbox, policies, views_fleet, views_patients
from server.store import patients as patients_store
from server.store.orders import Verification
from server.store.transaction import Transaction, reading, transaction
from server.usecases import acknowledging, import_orders, imports, policy_files, pumps
from server.usecases import import_fields as cells
from server.usecases import orders as order_verbs
from server.usecases import outbox as outbox_verbs
from server.usecases.import_rows import FieldError, Place, Problem, clarify_parts


class _Parser(FlaskParser):
    """Takes JSON only, and only what can be read without exhausting the interpreter."""

    def load_json(self, req: Request, schema: Any) -> Any:
        if not req.is_json and (req.content_length or req.mimetype):
            abort(415, description="send a JSON body with Content-Type: application/json")
        try:
            return super().load_json(req, schema)
        except (RecursionError, ValueError):
            abort(400, description="the JSON body is nested too deeply, or holds a number with too many digits")


class _Blueprint(Blueprint):
    ARGUMENTS_PARSER = _Parser()


api = _Blueprint("api", __name__, url_prefix="/api/v1", description="Bedside medication: patients, orders, administrations, carts")
errors.register(api)


@api.route("/tokens", methods=["POST"])
@api.arguments(schemas.TokenAskSchema)
@api.response(201, schemas.TokenSchema)
def token(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A token for the header Authentication-Token, for a name and a password, and for who has a second factor a code of it."""
    judged = sign_in.by_password(asked["username"], asked["password"])
    if judged.wait_s:
        raise TooSoonError(judged.wait_s)
    found = judged.found
    if found is None:
        raise NotSignedInError("the user name or the password is not right", remedy="check both, or ask an administrator")
    factor = obligations.code_for_token(found, asked["code"])
    return {"token": sign_in.open_token(found, factor=factor), "expires_in_s": obligations.lifetime_s(found)}


@api.route("/patients")
@api.arguments(schemas.PatientQuerySchema, location="query")
@api.response(200, schemas.PatientPageSchema)
@requires(may.SEE_PATIENTS)
def patients(query: Mapping[str, Any]) -> dict[str, Any]:
    """Admitted patients by id; `next` is the `after` of the next page."""
    with reading(actor()) as tx:
        found = views_patients.find(tx, text=query["q"], ward=query["ward"], after=query["after"], limit=query["limit"] + 1)
    items = found[: query["limit"]]
    viewing.seen(patients=[one.id for one in items], ward=query["ward"], count=len(items))
    return {"items": items, "next": items[-1].id if len(found) > query["limit"] else None}


@api.route("/patients/<string:patient_id>")
@api.response(200, schemas.PatientDetailSchema)
@requires(may.SEE_PATIENTS)
def patient(patient_id: str) -> dict[str, Any]:
    """One patient with allergies and weight."""
    with reading(actor()) as tx:
        found = bedside.of_patient(tx, patient_id).patients
    if not found:
        raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
    one = found[0]
    viewing.seen(patient=patient_id)
    names = ("id", "mrn", "name", "birth_date", "sex", "ward", "bed", "allergies")
    return {
        **{name: getattr(one, name) for name in names},
        "status": one.status.value if one.status else None,
        "allergies_known": one.allergies is not None,
        "allergies": None
        if one.allergies is None
        else [
            {"substance": a.substance, "kind": a.kind.value, "severity": a.severity, "tolerated_before": a.tolerated_before}
            for a in one.allergies
        ],
        "weight": str(one.weight.value) if one.weight else None,
        "weight_at": one.weight.at if one.weight else None,
    }


@api.route("/patients/<string:patient_id>/orders")
@api.response(200, schemas.OrderSchema(many=True))
@requires(may.SEE_PATIENTS)
def orders_of_patient(patient_id: str) -> list[dict[str, Any]]:
    """All orders of one patient at their newest version."""
    with reading(actor()) as tx:
        if views_patients.get(tx, patient_id) is None:
            raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
        found = orders.of_patient(tx, patient_id)
    viewing.seen(patient=patient_id, count=len(found))
    return [schemas.order(view) for view in found]


@api.route("/patients/<string:patient_id>/administrations")
@api.arguments(schemas.CursorSchema, location="query")
@api.response(200, schemas.AdministrationPageSchema)
@requires(may.SEE_PATIENTS)
def administrations(query: Mapping[str, Any], patient_id: str) -> dict[str, Any]:
    """Doses on the record, newest first, page by page."""
    before = views_patients.place_in_doses(query["after"])
    if query["after"] and before is None:
        raise MessageError("`after` is no place in this list", problems=(("after", "use `next` of the page before"),))
    with reading(actor()) as tx:
        if views_patients.get(tx, patient_id) is None:
            raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
        found, following = views_patients.doses(tx, patient=patient_id, before=before, limit=query["limit"])
    viewing.seen(patient=patient_id, count=len(found))
    return {
        "items": [schemas.administration(dose) for dose in found],
        "next": f"{following[0].isoformat()}~{following[1]}" if following else None,
    }


@api.route("/administrations/<string:record_id>")
@api.response(200, schemas.AdministrationSchema)
@requires(may.SEE_PATIENTS)
def administration(record_id: str) -> dict[str, Any]:
    """One record by the id that was drawn at the bedside."""
    with reading(actor()) as tx:
        found = views_patients.dose(tx, record_id)
    if found is None:
        raise NotFoundError(f"record {record_id!r} is not known", remedy="it may not have arrived yet", record_id=record_id)
    viewing.seen(patient=found.record.patient)
    return schemas.administration(found)


@api.route("/orders", methods=["POST"])
@api.arguments(schemas.OrderPlaceSchema)
@api.response(201, schemas.OrderSchema)
@requires(may.PLACE_ORDERS)
def place(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A new order; it waits for a pharmacist. What is found must be acknowledged first: 409 with `findings`, `seen`, `needs`."""
    who = actor()
    order = _order(asked, order_id=asked["id"] or f"o-{uuid4().hex[:12]}", prescriber=who.id)
    with transaction(who) as tx:
        order, reason = _acknowledged(tx, order, asked)
        placed = order_verbs.place(tx, who, order, reason=reason)
        return schemas.order(orders.get(tx, placed.id))


@api.route("/orders/<string:order_id>")
@api.response(200, schemas.OrderSchema)
@requires(may.SEE_PATIENTS)
def order(order_id: str) -> dict[str, Any]:
    """One order at its newest version."""
    with reading(actor()) as tx:
        found = orders.get(tx, order_id)
    viewing.seen(patient=found.order.patient)
    return schemas.order(found)


@api.route("/orders/<string:order_id>", methods=["PUT"])
@api.arguments(schemas.OrderAmendSchema)
@api.response(200, schemas.OrderSchema)
@requires(may.PLACE_ORDERS)
def amend(asked: Mapping[str, Any], order_id: str) -> dict[str, Any]:
    """The order as it shall be instead of `version`; 409 when that is no longer the newest, or what is found is not acknowledged."""
    who = actor()
    wanted = _order(asked, order_id=order_id, prescriber=who.id)
    with transaction(who) as tx:
        wanted, override = _acknowledged(tx, wanted, asked)
        why = f"{asked['reason'].strip()} | {override}" if override else asked["reason"]
        order_verbs.amend(tx, who, wanted, version=asked["version"], reason=why)
        return schemas.order(orders.get(tx, order_id))


@api.route("/orders/<string:order_id>/verify", methods=["POST"])
@api.arguments(schemas.OrderVerifySchema)
@api.response(200, schemas.OrderSchema)
@requires(may.VERIFY_ORDERS)
def verify(asked: Mapping[str, Any], order_id: str) -> dict[str, Any]:
    """A pharmacist finds this version right; 409 when the order or the decision on it changed meanwhile, or what is found about it and
    its patient is not acknowledged: then with `findings`, `seen` (to be sent as `look`) and `needs`."""
    who = actor()
    with transaction(who) as tx:
        seen = Verification(asked["seen"]) if asked["seen"] else None
        view = order_verbs.verify(tx, who, order_id, asked["version"], comment=asked["text"] or None, seen=seen)
        acknowledging.to_verify(tx, view, timezone=_timezone(), look=asked["look"], comment=asked["text"])  # else nothing is committed
        return schemas.order(orders.get(tx, order_id))


@api.route("/orders/<string:order_id>/stop", methods=["POST"])
@api.arguments(schemas.OrderActSchema)
@api.response(200, schemas.OrderSchema)
@requires(may.PLACE_ORDERS)
def stop(asked: Mapping[str, Any], order_id: str) -> dict[str, Any]:
    """The prescriber stops the order for good; `text` is the reason."""
    who = actor()
    with transaction(who) as tx:
        order_verbs.stop(tx, who, order_id, asked["version"], reason=asked["text"])
        return schemas.order(orders.get(tx, order_id))


@api.route("/carts")
@api.response(200, schemas.CartSchema(many=True))
@requires(may.SEE_FLEET)
def carts() -> list[dict[str, Any]]:
    """Every cart as last heard of."""
    with reading(actor()) as tx:
        return [schemas.cart(line, tx.at) for line in views_fleet.carts(tx)]


@api.route("/policy")
@api.arguments(schemas.PolicyQuerySchema, location="query")
@api.response(200, schemas.PolicySchema)
@requires(may.SEE_POLICY)
def policy(query: Mapping[str, Any]) -> dict[str, Any]:
    """What holds in the hospital, or in a ward: its name, since when, and all of it as a policy file with every source."""
    ward = query["ward"]
    with reading(actor()) as tx:
        if ward and patients_store.ward(tx, ward) is None:
            raise NotFoundError(f"ward {ward!r} is not known", remedy="look at the list of wards", ward=ward)
        standing = policies.standing(tx, ward)
        text = policy_text.write(policy_files.shown(tx, ward))
    return {"version": standing.policy.version, "ward": ward or None, "since": standing.at, "by": standing.by or None, "text": text}


@api.route("/outbox")
@api.arguments(schemas.OutboxQuerySchema, location="query")
@api.response(200, schemas.OutboxSchema(many=True))
@requires(may.SEE_EMR)
def outbox_items(query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the EMR must get, parked and waiting first."""
    with reading(actor()) as tx:
        found = outbox.worklist(tx, state=query["state"], limit=query["limit"])
    viewing.seen(patients=[item.record.patient for item in found if item.record is not None], count=len(found))
    return [schemas.outbox(item) for item in found]


@api.route("/outbox/<int(max=2147483647):item>/requeue", methods=["POST"])
@api.response(200, schemas.OutboxSchema)
@requires(may.REQUEUE)
def requeue(item: int) -> dict[str, Any]:
    """A parked record is sent again."""
    who = actor()
    with transaction(who) as tx:
        return schemas.outbox(outbox_verbs.requeue(tx, who, item))


@api.route("/pump-readings", methods=["POST"])
@api.arguments(schemas.PumpReadingSchema)
@api.response(200, schemas.PumpTakenSchema)
@requires(may.FEED_PUMPS)
def pump_reading(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What one channel of an infusion pump does now; `newest` false: a later reading of it is here already."""
    who = actor()
    amounts = {name: None if asked[name] is None else Quantity.parse(asked[name]) for name in ("rate", "concentration")}
    with transaction(who) as tx:
        return {"newest": pumps.receive(tx, who, PumpReading(**{**asked, **amounts}))}


@api.route("/imports", methods=["POST"])
@api.arguments(schemas.ImportSchema)
@api.response(200, schemas.ImportReportSchema)
@requires(may.IMPORT)
def bring_in(asked: Mapping[str, Any]) -> dict[str, Any]:
    """CSV files or FHIR bundles; a dry run unless `dry_run` is false."""
    config: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    files = [(one["name"], one["content"].encode()) for one in asked["files"]]
    report = imports.run(actor(), files, timezone=config.timezone, dry_run=asked["dry_run"], skip_bad=asked["skip_bad"])
    return {
        "written": report.written,
        "dry_run": report.dry_run,
        "counts": report.counts,
        "problems": report.problems,
        "drafts": [f"{key}: {'; '.join(clarify_parts('en', why))}" for key, why in report.drafts],
    }


work.register(api)
emergencies.register(api)

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


@api.route("/<anything:rest>", methods=METHODS)
@api.doc(deprecated=True)
def nothing(rest: str) -> dict[str, Any]:
    """Any other address, or a method that an address does not have."""
    allowed = [method for method in METHODS if _endpoint(rest, method) != "api.nothing"]
    if allowed:
        raise MethodNotAllowed(valid_methods=allowed, description=f"use {' or '.join(allowed)} here")
    raise NotFoundError(f"there is no {rest!r}", remedy="see /api/openapi.json")


def _endpoint(rest: str, method: str) -> str:
    try:
        return str(current_app.url_map.bind("").match(f"{api.url_prefix}/{rest}", method=method)[0])
    except HTTPException:
        return "api.nothing"


def _timezone() -> str:
    """Of the facility, for a ward that was never opened."""
    config: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    return config.timezone


def _acknowledged(tx: Transaction, order: Order, asked: Mapping[str, Any]) -> tuple[Order, str | None]:
    return acknowledging.to_place(tx, order, timezone=_timezone(), seen=asked["seen"], override=asked["override"])


def _order(asked: Mapping[str, Any], *, order_id: str, prescriber: str) -> Order:
    """Raises: MessageError with every fault by field; an order that cannot be computed is not taken here."""
    faults: list[tuple[str, str]] = []
    certain: dict[str, Any] = {"id": order_id, "prescriber": prescriber, "status": OrderStatus.ACTIVE}
    for name in ("patient", "ingredient", "form", "route", "indication", "display"):
        if name in asked:
            try:
                certain[name] = (cells.code if name == "route" else cells.text)(asked[name].strip())
            except FieldError as exc:
                problem = Problem(file="", row=0, field=name, value=asked[name], code=exc.reason, parameters=exc.parameters)
                faults.append((name, f"{problem.message} {problem.remedy}"))
    certain["category"] = OrderCategory(asked["category"])
    flags = ("time_critical", "needs_double_check", "own_supply", "counts_days")
    certain |= {name: asked[name] for name in flags if name in asked}
    for name in ("additives", "prn_reasons"):
        try:
            certain[name] = tuple(cells.text(one.strip()) for one in asked.get(name, ()))
        except FieldError as exc:
            problem = Problem(file="", row=0, field=name, value="", code=exc.reason, parameters=exc.parameters)
            faults.append((name, f"{problem.message} {problem.remedy}"))
    raw = ("dose", "dose_max", "every", "start", "end", "prn_min_interval", "prn_max_24h", "rate", "rate_max")
    uncertain = {name: asked[name] for name in raw if name in asked}
    uncertain |= {name: "|".join(asked.get(name, ())) for name in ("times", "days_of_week")}
    steps = [
        {name: "|".join(cell) if isinstance(cell, list) else str(cell) for name, cell in step.items()} for step in asked.get("steps", ())
    ]
    if faults:
        raise MessageError("the order is not usable", problems=tuple(faults))
    built = import_orders.build(place=Place(file="", row=0), certain=certain, uncertain=uncertain, steps=steps)
    if built.clarify:
        found = tuple(
            (import_orders.field_of(code, value), text)
            for (code, value), text in zip(built.clarify, clarify_parts("en", built.clarify), strict=True)
        )
        raise MessageError("the order cannot be computed", problems=found, remedy="state dose, unit, times and start")
    return replace(built.order, status=OrderStatus.ACTIVE)
