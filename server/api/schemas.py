"""The shapes of the API: what comes in is checked here, what goes out is listed here. Amounts are texts such as "500 mg"."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from pointofcare.administration.record import AdministrationRecord
from pointofcare.orders.order import DayOfWeek, Dosage, Order, OrderCategory
from server.store.orders import OrderView, Verification
from server.store.outbox import OutboxItem
from server.store.views_fleet import CartLine
from server.store.views_patients import Dose

TEXT = validate.Length(max=500)
DAY_OF_WEEK = validate.OneOf([day.value for day in DayOfWeek])
SEVERAL = validate.Length(max=30)  # an order is part of a chart that a cart must be able to carry
IDENTIFIER = validate.Regexp(r"^[A-Za-z0-9._-]{1,64}\Z", error="letters, digits, dot, underscore and hyphen only, at most 64")


class CursorSchema(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))
    after = fields.String(load_default="", validate=validate.Length(max=200), metadata={"description": "`next` of the page before"})


class PatientQuerySchema(CursorSchema):
    q = fields.String(load_default="", validate=validate.Length(max=100))
    ward = fields.String(load_default=None, allow_none=True)


class TokenAskSchema(Schema):
    username = fields.String(required=True, validate=validate.Length(min=1, max=255))
    password = fields.String(required=True, load_only=True, validate=validate.Length(min=1, max=200))
    code = fields.String(
        load_default="",
        load_only=True,
        validate=validate.Length(max=64),
        metadata={"description": "of the second factor, or a recovery code, for who has one"},
    )


class TokenSchema(Schema):
    token = fields.String()
    expires_in_s = fields.Integer()


class PatientSchema(Schema):
    id = fields.String()
    mrn = fields.String()
    name = fields.String()
    birth_date = fields.Date(allow_none=True)
    sex = fields.String(allow_none=True)
    ward = fields.String(allow_none=True)
    bed = fields.String(allow_none=True)
    status = fields.String(allow_none=True)
    allergies_known = fields.Boolean()


class PatientPageSchema(Schema):
    items = fields.List(fields.Nested(PatientSchema))
    next = fields.String(allow_none=True)


class AllergySchema(Schema):
    substance = fields.String()
    kind = fields.String()
    severity = fields.String(allow_none=True)
    tolerated_before = fields.Boolean()


class PatientDetailSchema(PatientSchema):
    allergies = fields.List(fields.Nested(AllergySchema), allow_none=True, metadata={"description": "null: not known; []: asked, none"})
    weight = fields.String(allow_none=True)
    weight_at = fields.AwareDateTime(allow_none=True)


class StepInSchema(Schema):
    """One dosage instruction of an order that has several; steps of one `sequence` hold together, a higher one follows."""

    sequence = fields.Integer(validate=validate.Range(min=0, max=999), metadata={"description": "its place in the list when left out"})
    dose = fields.String(validate=TEXT)
    dose_max = fields.String(validate=TEXT)
    rate = fields.String(validate=TEXT)
    times = fields.List(fields.String(validate=TEXT), validate=validate.Length(max=48))
    every = fields.String(validate=TEXT)
    days_of_week = fields.List(fields.String(validate=DAY_OF_WEEK), validate=validate.Length(max=7))
    start = fields.String(validate=TEXT)
    end = fields.String(validate=TEXT)
    display = fields.String(validate=TEXT)


class PumpReadingSchema(Schema):
    """One channel of a pump. `bag` and `patient` are what was associated with it at `associated_at`; rates as texts: "83 mL/h"."""

    pump = fields.String(required=True, validate=IDENTIFIER)
    channel = fields.String(required=True, validate=IDENTIFIER)
    at = fields.AwareDateTime(required=True)
    bag = fields.String(load_default=None, allow_none=True, validate=IDENTIFIER)
    patient = fields.String(load_default=None, allow_none=True, validate=IDENTIFIER)
    associated_at = fields.AwareDateTime(load_default=None, allow_none=True)
    drug = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=200))
    rate = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=64))
    concentration = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=64))


class PumpTakenSchema(Schema):
    newest = fields.Boolean()


class OrderInSchema(Schema):
    """An order as it is asked for; texts in the forms of the import columns."""

    id = fields.String(load_default=None, validate=IDENTIFIER)
    patient = fields.String(required=True, validate=IDENTIFIER)
    ingredient = fields.String(required=True, validate=TEXT)
    form = fields.String(required=True, validate=TEXT)
    route = fields.String(required=True, validate=TEXT)
    category = fields.String(required=True, validate=validate.OneOf([category.value for category in OrderCategory]))
    dose = fields.String(validate=TEXT)
    dose_max = fields.String(validate=TEXT)
    times = fields.List(fields.String(validate=TEXT), validate=validate.Length(max=48))
    every = fields.String(validate=TEXT)
    start = fields.String(required=True, validate=TEXT)
    end = fields.String(validate=TEXT)
    time_critical = fields.Boolean()
    needs_double_check = fields.Boolean()
    prn_reasons = fields.List(fields.String(validate=TEXT), validate=SEVERAL)
    prn_min_interval = fields.String(validate=TEXT)
    prn_max_24h = fields.String(validate=TEXT)
    rate = fields.String(validate=TEXT)
    rate_max = fields.String(validate=TEXT)
    days_of_week = fields.List(fields.String(validate=DAY_OF_WEEK), validate=validate.Length(max=7))
    steps = fields.List(fields.Nested(StepInSchema), validate=validate.Length(max=20))
    own_supply = fields.Boolean()
    counts_days = fields.Boolean()
    additives = fields.List(fields.String(validate=TEXT), validate=SEVERAL)
    indication = fields.String(validate=TEXT)
    display = fields.String(validate=TEXT)


class OrderPlaceSchema(OrderInSchema):
    """With what the answer `not-acknowledged` asks for, once a prescriber has seen it."""

    seen = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=64),
        metadata={"description": "the `seen` of the findings that the prescriber was shown"},
    )
    override = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=2000),
        metadata={"description": "why the order stands in spite of them"},
    )


class OrderAmendSchema(OrderPlaceSchema):
    version = fields.Integer(required=True, validate=validate.Range(min=1))
    reason = fields.String(required=True, validate=validate.Length(min=1, max=2000))


class OrderActSchema(Schema):
    """`text` is the reason, the question or the comment."""

    version = fields.Integer(required=True, validate=validate.Range(min=1))
    text = fields.String(load_default="", validate=validate.Length(max=2000))


class OrderVerifySchema(OrderActSchema):
    seen = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf([state.value for state in Verification]),
        metadata={"description": "the verification that was looked at; without it, another person's decision is never overturned"},
    )
    look = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=64),
        metadata={"description": "the `seen` of the findings that the pharmacist was shown (of the answer `not-acknowledged`)"},
    )


class StepSchema(Schema):
    sequence = fields.Integer()
    dose = fields.String(allow_none=True)
    dose_max = fields.String(allow_none=True)
    rate = fields.String(allow_none=True)
    times = fields.List(fields.String())
    every_s = fields.Float(allow_none=True)
    days_of_week = fields.List(fields.String())
    start = fields.AwareDateTime(allow_none=True)
    end = fields.AwareDateTime(allow_none=True)
    display = fields.String()


class OrderSchema(Schema):
    id = fields.String()
    version = fields.Integer()
    patient = fields.String()
    ingredient = fields.String()
    form = fields.String()
    route = fields.String()
    category = fields.String()
    status = fields.String(allow_none=True)
    verification = fields.String()
    clarification = fields.String(allow_none=True)
    dose = fields.String(allow_none=True)
    dose_max = fields.String(allow_none=True)
    times = fields.List(fields.String())
    every_s = fields.Float(allow_none=True)
    start = fields.AwareDateTime(allow_none=True)
    end = fields.AwareDateTime(allow_none=True)
    rate = fields.String(allow_none=True)
    rate_max = fields.String(allow_none=True)
    days_of_week = fields.List(fields.String())
    steps = fields.List(fields.Nested(StepSchema))
    own_supply = fields.Boolean()
    counts_days = fields.Boolean()
    time_critical = fields.Boolean()
    needs_double_check = fields.Boolean()
    indication = fields.String(allow_none=True)
    display = fields.String()
    prescriber = fields.String(allow_none=True)


class FindingSchema(Schema):
    rule = fields.String()
    level = fields.String()
    satisfied = fields.Boolean()
    lacked_data = fields.Boolean(attribute="unknown", data_key="unknown")
    remedy = fields.String()


class AdministrationSchema(Schema):
    record_id = fields.String()
    facility = fields.String()
    ward = fields.String()
    cart = fields.String()
    patient = fields.String()
    mrn = fields.String()
    order = fields.String(allow_none=True)
    order_version = fields.Integer(allow_none=True)
    due = fields.AwareDateTime(allow_none=True)
    action = fields.String()
    status = fields.String()
    status_reason = fields.String(allow_none=True)
    reason_text = fields.String(allow_none=True)
    product = fields.String(allow_none=True)
    product_name = fields.String(allow_none=True)
    gtin = fields.String(allow_none=True)
    lot = fields.String(allow_none=True)
    expiry = fields.Date(allow_none=True)
    serial = fields.String(allow_none=True)
    dose = fields.String(allow_none=True)
    route = fields.String(allow_none=True)
    site = fields.String(allow_none=True)
    nurse = fields.String()
    witness = fields.String(allow_none=True)
    effective_at = fields.AwareDateTime()
    recorded_at = fields.AwareDateTime()
    received_at = fields.AwareDateTime()
    level = fields.String()
    server_level = fields.String(allow_none=True)
    findings = fields.List(fields.Nested(FindingSchema))
    amends = fields.String(allow_none=True)
    emr_state = fields.String(allow_none=True)
    emr_id = fields.String(allow_none=True)


class AdministrationPageSchema(Schema):
    items = fields.List(fields.Nested(AdministrationSchema))
    next = fields.String(allow_none=True)


class CartSchema(Schema):
    id = fields.String()
    ward = fields.String()
    phase = fields.String()
    online = fields.Boolean()
    last_seen_at = fields.AwareDateTime(allow_none=True)
    battery_percent = fields.Float(allow_none=True)
    charging = fields.Boolean(allow_none=True)
    software = fields.String(allow_none=True)
    chart_age_s = fields.Float(allow_none=True)
    unsent = fields.Integer(allow_none=True)


class OutboxSchema(Schema):
    id = fields.Integer()
    record_id = fields.String()
    state = fields.String()
    attempts = fields.Integer()
    created_at = fields.AwareDateTime()
    next_attempt_at = fields.AwareDateTime()
    last_error = fields.String(allow_none=True)
    last_error_code = fields.String(allow_none=True)
    emr_id = fields.String(allow_none=True)


class PolicyQuerySchema(Schema):
    ward = fields.String(load_default="", validate=validate.Length(max=64))


class PolicySchema(Schema):
    """`since` and `by` null: nobody chose anything, the default holds."""

    version = fields.String()
    ward = fields.String(allow_none=True)
    since = fields.AwareDateTime(allow_none=True)
    by = fields.String(allow_none=True)
    text = fields.String(metadata={"description": "a policy file (TOML)"})


class OutboxQuerySchema(Schema):
    state = fields.String(load_default=None, validate=validate.OneOf(["pending", "sent", "parked"]))
    limit = fields.Integer(load_default=100, validate=validate.Range(min=1, max=200))


class ImportFileSchema(Schema):
    name = fields.String(required=True, validate=validate.Length(min=1, max=200))
    content = fields.String(required=True, metadata={"description": "the text of a CSV file or a FHIR bundle"})


class ImportSchema(Schema):
    files = fields.List(fields.Nested(ImportFileSchema), required=True, validate=validate.Length(min=1, max=10))
    dry_run = fields.Boolean(load_default=True)
    skip_bad = fields.Boolean(load_default=False)


class ProblemSchema(Schema):
    file = fields.String()
    row = fields.Integer()
    field = fields.String()
    value = fields.String()
    code = fields.String()
    message = fields.String()
    remedy = fields.String()


class CountSchema(Schema):
    new = fields.Integer()
    changed = fields.Integer()
    same = fields.Integer()


class ImportReportSchema(Schema):
    written = fields.Boolean()
    dry_run = fields.Boolean()
    counts = fields.Dict(keys=fields.String(), values=fields.Nested(CountSchema))
    problems = fields.List(fields.Nested(ProblemSchema))
    drafts = fields.List(fields.String())


def order(view: OrderView) -> dict[str, Any]:
    found: Order = view.order
    return {
        **{name: getattr(found, name) for name in ("id", "version", "patient", "ingredient", "form", "route", "start", "end")},
        **{name: getattr(found, name) for name in ("time_critical", "needs_double_check", "indication", "display", "prescriber")},
        **{name: getattr(found, name) for name in ("own_supply", "counts_days")},
        "category": found.category.value,
        "status": found.status.value if found.status else None,
        "verification": view.verification.value,
        "clarification": view.clarification,
        **_timed_amounts(found),
        "rate_max": str(found.rate_range[1]) if found.rate_range else None,
        "steps": [
            {name: getattr(step, name) for name in ("sequence", "start", "end", "display")} | _timed_amounts(step) for step in found.dosages
        ],
    }


def _timed_amounts(found: Order | Dosage) -> dict[str, Any]:
    low, high = found.dose_range or (found.dose, None)
    return {
        "dose": None if low is None else str(low),
        "dose_max": None if high is None else str(high),
        "times": [at.strftime("%H:%M") for at in found.times],
        "every_s": found.every.total_seconds() if found.every else None,
        "days_of_week": [day.value for day in found.days_of_week],
        "rate": None if found.rate is None else str(found.rate),
    }


def administration(dose: Dose) -> dict[str, Any]:
    record: AdministrationRecord = dose.record
    names = [name for name in AdministrationSchema._declared_fields if hasattr(record, name) and name != "dose"]
    return {
        **{name: getattr(record, name) for name in names},
        "dose": None if record.dose is None else str(record.dose),
        "received_at": dose.received_at,
        "server_level": dose.server_level,
        "emr_state": dose.emr_state,
        "emr_id": dose.emr_id,
    }


def cart(line: CartLine, now: Any) -> dict[str, Any]:
    names = ("id", "ward", "phase", "last_seen_at", "battery_percent", "charging", "software", "chart_age_s", "unsent")
    return {**{name: getattr(line, name) for name in names}, "online": line.online(now)}


def outbox(item: OutboxItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in OutboxSchema._declared_fields}
