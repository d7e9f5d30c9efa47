"""Emergency access over HTTP: open one patient's chart with a reason, the list to review, the review. No rule lives here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from datetime import timedelta
from typing import Any

from flask import current_app
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from server.config import ServerConfig
from server.security import permissions as may
from server.security import viewing
from server.security.person import actor, requires
from server.store import emergencies as store
from server.store.emergencies import Emergency
from server.store.transaction import reading, transaction
from server.usecases import emergencies as verbs


class EmergencyAskSchema(Schema):
    code = fields.String(required=True, validate=validate.OneOf(verbs.CODES))
    reason = fields.String(required=True, validate=validate.Length(min=verbs.SHORTEST_REASON, max=2000))


class EmergencyReviewSchema(Schema):
    judged = fields.String(required=True, validate=validate.OneOf(store.JUDGEMENTS))
    comment = fields.String(required=True, validate=validate.Length(min=1, max=2000))


class EmergencyQuerySchema(Schema):
    state = fields.String(load_default="open", validate=validate.OneOf(("open", "done")))


class EmergencySchema(Schema):
    """`judged` null: it waits for its review until `review_by`."""

    id = fields.Integer()
    staff = fields.String()
    patient = fields.String()
    ward = fields.String()
    code = fields.String()
    reason = fields.String()
    opened_at = fields.AwareDateTime()
    until = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    review_by = fields.AwareDateTime()
    late = fields.Boolean()
    judged = fields.String(allow_none=True)
    judged_by = fields.String(allow_none=True)
    judged_at = fields.AwareDateTime(allow_none=True)
    comment = fields.String()


def register(api: Blueprint) -> None:
    """Puts the endpoints on `api`, before its last one, which takes every other address."""

    @api.route("/patients/<string:patient_id>/emergency-access", methods=["POST"])
    @api.arguments(EmergencyAskSchema)
    @api.response(201, EmergencySchema)
    @requires(may.OPEN_EMERGENCY)
    def emergency_open(asked: Mapping[str, Any], patient_id: str) -> dict[str, Any]:
        """Opens the chart of one patient outside one's wards, for a time; each look is marked and another person reviews it."""
        who = actor()
        config: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
        with transaction(who) as tx:
            opened = verbs.open_(
                tx,
                who,
                patient_id,
                code=asked["code"],
                words=asked["reason"],
                lasts=timedelta(minutes=config.access.emergency_minutes),
                review_within=timedelta(hours=config.access.emergency_review_h),
            )
            return _shown(opened, late=opened.is_late(tx.at))

    @api.route("/emergency-access")
    @api.arguments(EmergencyQuerySchema, location="query")
    @api.response(200, EmergencySchema(many=True))
    @requires(may.REVIEW_EMERGENCY)
    def emergencies(query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Those of the reviewer's wards: the ones that wait with the nearest time first, or the newest that were reviewed."""
        with reading(actor()) as tx:
            found = store.listed(tx, is_open=query["state"] == "open")
        viewing.seen(patients=[one.patient for one in found], count=len(found))
        return [_shown(one, late=one.is_late(tx.at)) for one in found]

    @api.route("/emergency-access/<int(max=2147483647):emergency>/review", methods=["POST"])
    @api.arguments(EmergencyReviewSchema)
    @api.response(200, EmergencySchema)
    @requires(may.REVIEW_EMERGENCY)
    def emergency_review(asked: Mapping[str, Any], emergency: int) -> dict[str, Any]:
        """Another person says whether it was justified; 409 when somebody did already."""
        who = actor()
        with transaction(who) as tx:
            done = verbs.review(tx, who, emergency, judged=asked["judged"], comment=asked["comment"])
            return _shown(done, late=done.is_late(tx.at))


def _shown(found: Emergency, *, late: bool) -> dict[str, Any]:
    return {one.name: getattr(found, one.name) for one in fields_of(found)} | {"late": late}
