"""The barcode fix queue: labels that carts could not read or do not know, each code once, with how often, where and since when.

A pharmacist compares the pack in the hand with a product and matches the code once; a wrong match is withdrawn. An answer names the
revision that was on the screen.
"""

from __future__ import annotations

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import NotFoundError, PointOfCareError
from server.security.permissions import EDIT_FORMULARY
from server.security.person import actor, requires
from server.store import barcodes, formulary, products, tasks, views_formulary, views_pharmacy
from server.store.tasks import Task
from server.store.transaction import Transaction, reading, transaction
from server.usecases import barcodes as verbs
from server.usecases import formulary as formulary_verbs
from server.usecases import tasks as task_verbs
from server.usecases.task_kinds import LABEL_TROUBLE, UNKNOWN_BARCODE
from server.web import faults, page
from server.web.formulary import concentration

room = Blueprint("barcodes", __name__, url_prefix="/barcodes")

KINDS = (UNKNOWN_BARCODE, LABEL_TROUBLE)
SHOWN = 50
FOUND = 12
ANSWERS = ("link", "propose-link", "decline-link", "not-ours", "label-mended", "label-fine")


@room.get("/")
@requires(EDIT_FORMULARY)
def queue() -> str:
    view = "done" if request.args.get("view") == "done" else "open"
    kind = request.args.get("kind", "")
    kinds = (kind,) if kind in KINDS else KINDS
    after = request.args.get("after", "")
    with reading(actor()) as tx:
        number = tasks.counts(tx, KINDS)
        listed = tasks.listed(
            tx,
            kinds=kinds,
            is_open=view == "open",
            after=int(after) if after.isascii() and after.isdigit() and len(after) < 18 else None,
            limit=SHOWN,
        )
        seen = barcodes.summaries(tx, [(task.kind, task.key) for task in listed])
        names = views_pharmacy.names(tx, {task.answered_by for task in listed})
        held = products.named(tx, {task.product for task in listed if task.product})
    if view == "open":
        # What stops most doses comes first.
        listed = tuple(sorted(listed, key=lambda task: (-_times(seen, task), task.raised_at, task.id)))
    return page.render(
        "barcodes.html",
        tasks=listed,
        seen=seen,
        names=names,
        products=held,
        view=view,
        kind=kind if kind in KINDS else "",
        kinds=KINDS,
        counts=number,
        next_page=listed[-1].id if view == "done" and len(listed) == SHOWN else None,
        now=tx.at,
    )


def _times(seen: dict[tuple[str, str], barcodes.Summary], task: Task) -> int:
    found = seen.get((task.kind, task.key))
    return found.times if found is not None else task.repeats + 1


@room.get("/<int(max=2147483647):task_id>")
@requires(EDIT_FORMULARY)
def show(task_id: int) -> str:
    text, chosen_id = request.args.get("q", "")[:100], request.args.get("product", "")[:64]
    with reading(actor()) as tx:
        task = _task(tx, task_id)
        proposed = str(task.detail.get("proposed") or "")
        chosen = formulary.get(tx, chosen_id or proposed) if task.is_open else None
        pack = verbs.matched(tx, task) if task.kind == UNKNOWN_BARCODE else None
        held = formulary.get(tx, pack) if pack else None
        policy = products.policy(tx)
        summary = barcodes.summaries(tx, [(task.kind, task.key)]).get((task.kind, task.key))
        steps = tasks.steps(tx, [task_id]).get(task_id, ())
        people = {step.by for step in steps} | {task.answered_by, str(task.detail.get("proposed_by") or "")}
        context = {
            "task": task,
            "summary": summary,
            "newest": barcodes.newest(tx, task.kind, task.key),
            "found": formulary.search(tx, text, limit=FOUND + 1) if text.strip() else (),
            "chosen": chosen,
            "pack": held,
            "base": formulary.get(tx, held.pack_of) if held is not None and held.pack_of else None,
            "given": formulary.given_as(tx, pack) if pack else 0,
            "two": chosen is not None and formulary_verbs.needs_two(chosen.product, policy),
            "proposed": proposed,
            "steps": steps,
            "names": views_pharmacy.names(tx, people),
            "reach": views_formulary.reach(tx) if held is not None else None,
            "product": formulary.get(tx, task.product) if task.product else None,
            "now": tx.at,
        }
    return page.render(
        "barcode.html",
        q=text,
        most=FOUND,
        code=str(task.detail.get("barcode", "")),
        is_gtin=formulary_verbs.is_gtin(str(task.detail.get("barcode", ""))),
        me=actor().id,
        concentration=concentration,
        **context,
    )


def _task(tx: Transaction, task_id: int) -> Task:
    task = tasks.get(tx, task_id)
    if task.kind not in KINDS:
        raise NotFoundError(f"task {task_id} is no barcode", remedy="look at the list again", task=task_id)
    return task


@room.post("/<int(max=2147483647):task_id>")
@requires(EDIT_FORMULARY)
def answer(task_id: int) -> BaseResponse:
    who = actor()
    code, revision = request.form.get("answer", ""), request.form.get("revision", "")
    product = request.form.get("product", "").strip()[:64]
    here = url_for("barcodes.show", task_id=task_id, product=product or None)
    if not (revision.isascii() and revision.isdigit()) or len(revision) > 9 or code not in (*ANSWERS, "withdraw"):
        page.say("form-broken", "danger")
        return page.back(here)
    if code in ("link", "propose-link", "withdraw") and request.form.get("sure") != "yes":
        page.say("barcode-not-sure", "danger")
        return page.back(here)
    try:
        with transaction(who) as tx:
            _task(tx, task_id)
            words = request.form.get("text", "")
            if code == "withdraw":
                verbs.withdraw(tx, who, task_id, revision=int(revision), why=words)
            else:
                task_verbs.answer(tx, who, task_id, revision=int(revision), code=code, words=words, product=product or None)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(here)
    page.say(f"barcode-done-{code}")
    stays = code in ("link", "propose-link", "decline-link", "withdraw")
    return page.back(url_for("barcodes.show", task_id=task_id) if stays else url_for("barcodes.queue"))
