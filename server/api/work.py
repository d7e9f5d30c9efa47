"""Tasks over HTTP: the list that waits for this person, and an answer. The same verbs and the same rules as the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from pointofcare.errors import NotFoundError
from server.security import permissions as may
from server.security import viewing
from server.security.person import actor, requires
from server.store import tasks as store
from server.store.tasks import Step, Task
from server.store.transaction import reading, transaction
from server.usecases import task_kinds, tasks

TEXT = validate.Length(max=2000)


class TaskQuerySchema(Schema):
    kind = fields.String(load_default=None, validate=validate.OneOf(list(task_kinds.KINDS)))
    ward = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=64))
    state = fields.String(load_default="open", validate=validate.OneOf(["open", "done"]))
    late = fields.Boolean(load_default=False)
    after = fields.Integer(load_default=None, allow_none=True, metadata={"description": "`next` of the page before, for answered tasks"})
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class TaskAnswerSchema(Schema):
    revision = fields.Integer(required=True, validate=validate.Range(min=1, max=10**9))
    answer = fields.String(required=True, validate=validate.Length(min=1, max=40), metadata={"description": "one of `answers` of the task"})
    text = fields.String(load_default="", validate=TEXT)
    product = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=64))


class TaskStepSchema(Schema):
    step = fields.String()
    status = fields.String()
    by = fields.String()
    at = fields.AwareDateTime()
    text = fields.String()


class TaskSchema(Schema):
    """`status` is a FHIR Task status. `answers` are those that this person may give now."""

    id = fields.Integer()
    kind = fields.String()
    rule = fields.String()
    status = fields.String()
    revision = fields.Integer()
    repeats = fields.Integer()
    late = fields.Boolean()
    ward = fields.String()
    patient = fields.String(allow_none=True)
    order = fields.String(allow_none=True)
    due = fields.AwareDateTime(allow_none=True)
    product = fields.String(allow_none=True)
    record_id = fields.String(allow_none=True)
    detail = fields.Dict(keys=fields.String(), values=fields.Raw())
    raised_at = fields.AwareDateTime()
    due_by = fields.AwareDateTime(allow_none=True)
    owner = fields.String(allow_none=True)
    answer = fields.String(allow_none=True)
    answer_text = fields.String(allow_none=True)
    answered_by = fields.String(allow_none=True)
    answered_at = fields.AwareDateTime(allow_none=True)
    answers = fields.List(fields.String())
    steps = fields.List(fields.Nested(TaskStepSchema))


class TaskPageSchema(Schema):
    items = fields.List(fields.Nested(TaskSchema))
    next = fields.Integer(allow_none=True)


def register(api: Blueprint) -> None:
    """Puts the endpoints on `api`, before its last one, which takes every other address."""

    @api.route("/tasks")
    @api.arguments(TaskQuerySchema, location="query")
    @api.response(200, TaskPageSchema)
    @requires(may.SEE_WORK)
    def listed(query: Mapping[str, Any]) -> dict[str, Any]:
        """Tasks of the kinds that this person may see: open ones with the nearest time first, answered ones newest first."""
        who = actor()
        seen = task_kinds.seen_by(who.roles)
        kinds = seen if query["kind"] is None else tuple(kind for kind in seen if kind == query["kind"])
        with reading(who) as tx:
            found = store.listed(
                tx,
                kinds=kinds,
                is_open=query["state"] == "open",
                ward=query["ward"],
                late=query["late"],
                after=query["after"],
                limit=query["limit"],
            )
            steps = store.steps(tx, [task.id for task in found])
        viewing.seen(patients=[task.patient for task in found if task.patient], ward=query["ward"], count=len(found))
        following = found[-1].id if query["state"] == "done" and len(found) == query["limit"] else None
        return {"items": [_shown(task, steps.get(task.id, ()), late=task.is_late(tx.at)) for task in found], "next": following}

    @api.route("/tasks/<int(max=2147483647):task_id>/answer", methods=["POST"])
    @api.arguments(TaskAnswerSchema)
    @api.response(200, TaskSchema)
    @requires(may.SEE_WORK)
    def answer(asked: Mapping[str, Any], task_id: int) -> dict[str, Any]:
        """Answers the task as it was at `revision`; 409 with who answered when somebody was faster."""
        who = actor()
        with transaction(who) as tx:
            if store.get(tx, task_id).kind not in task_kinds.seen_by(who.roles):
                raise NotFoundError(f"task {task_id} does not exist", remedy="look at the list again", task=task_id)
            task = tasks.answer(
                tx, who, task_id, revision=asked["revision"], code=asked["answer"], words=asked["text"], product=asked["product"]
            )
            return _shown(task, store.steps(tx, [task_id]).get(task_id, ()), late=task.is_late(tx.at))


def _shown(task: Task, steps: tuple[Step, ...], *, late: bool) -> dict[str, Any]:
    names = (
        "id", "kind", "status", "revision", "repeats", "ward", "patient", "order", "due", "product", "record_id", "detail", "raised_at",
        "due_by", "owner", "answered_by", "answered_at",
    )  # fmt: skip
    kind = task_kinds.KINDS.get(task.kind)
    who = actor()
    own = kind is not None and kind.not_by_doer and task.detail.get("nurse") == who.id
    return {
        **{name: getattr(task, name) for name in names},
        "rule": kind.rule if kind is not None else "",
        "late": late,
        "answer": task.answer_code,
        "answer_text": task.answer,
        "answers": [] if own else [one.code for one in task_kinds.answers(task.kind, task.status, who.roles)],
        "steps": steps,
    }
