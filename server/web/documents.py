"""Documents of the record as signed files: made for a patient or a whole ward, listed, opened, withdrawn; and looked up by their code.

The look-up is open to anybody who holds a paper and says nothing of whom it is about. Must never hand on a file that has no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, request, url_for
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import ConfigError, NotFoundError, PointOfCareError
from server.security import person, viewing
from server.security.permissions import ISSUE_DOCUMENTS, WITHDRAW_DOCUMENTS
from server.security.person import actor, requires
from server.security.sign_in import limiter
from server.store import documents, reach, views_patients, views_pharmacy
from server.store.documents import Issue
from server.store.transaction import Transaction, reading, transaction
from server.usecases.documents import batches, issuing, pressing, settings
from server.usecases.documents.issuing import Site, Wanted
from server.usecases.documents.kinds import KINDS, PATIENT, WARD, Kind
from server.usecases.documents.settings import Settings
from server.web import faults, page

room = Blueprint("documents", __name__, url_prefix="/documents")

LISTED = 50
_SETTINGS = "pointofcare-documents"
LOOK_UPS, ISSUES = "60 per minute", "30 per minute"
# A batch that was not heard of for so long is not being made any more.
CUT_OFF = timedelta(minutes=5)


def set_up() -> Settings:
    """Read once a process. Raises: ConfigError."""
    found = current_app.extensions.get(_SETTINGS)
    if found is None:
        found = current_app.extensions[_SETTINGS] = settings.load(page.config().documents_file)
    return found  # type: ignore[no-any-return]


def _forms() -> Mapping[str, Kind]:
    """Under the hospital's names; under ours where its file has a fault, for a paper is looked up all the same."""
    try:
        return set_up().kinds
    except ConfigError:
        current_app.logger.exception("documents.file has a fault: nothing can be issued")
        return KINDS


def site() -> Site:
    config = page.config()
    return Site(facility=config.facility, zone=config.timezone, training=config.training)


def _who() -> str:
    return actor().id


@room.get("/")
@requires(ISSUE_DOCUMENTS)
def listed() -> str:
    before = _moment(request.args.get("before", ""))
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        found = documents.listed(tx, before=before, limit=LISTED + 1)
        names = views_pharmacy.names(tx, {one.made_by for one in found})
    more = found[LISTED - 1].made_at.isoformat() if len(found) > LISTED else ""
    viewing.seen(count=len(found[:LISTED]), patients=[one.subject for one in found[:LISTED] if one.subject != one.ward])
    return page.render("documents.html", issues=found[:LISTED], names=names, more=more, wards=wards, **_about())


@room.get("/find")
def find() -> BaseResponse:
    code = issuing.plain_code(request.args.get("code", ""))
    return page.back(url_for("documents.look", code=code or "0"))


@room.get("/<code>")
@limiter.limit(LOOK_UPS)
def look(code: str) -> str | BaseResponse | tuple[str, int]:
    """What anybody may know who holds the paper."""
    with reading() as tx:
        found = issuing.look_up(tx, code, site())
    if found is None:
        return page.render("document_unknown.html"), 404
    if person.may(ISSUE_DOCUMENTS):
        return page.back(url_for("documents.show", code=found.issue.code))
    return page.render("document_public.html", standing=found, issue=found.issue, **_about())


@room.get("/<code>/details")
@requires(ISSUE_DOCUMENTS)
def show(code: str) -> str:
    with reading(actor()) as tx:
        found = _issue(tx, code)
        standing = issuing.look_up(tx, found.code, site())
        names = views_pharmacy.names(tx, {found.made_by, found.ended_by})
        kept = documents.pdf(tx, found.code) is not None
    viewing.seen(patient=found.subject if found.subject != found.ward else None, ward=found.ward)
    may_withdraw = person.may(WITHDRAW_DOCUMENTS)
    return page.render("document.html", standing=standing, issue=found, names=names, kept=kept, may_withdraw=may_withdraw, **_about())


@room.get("/<code>/file")
@requires(ISSUE_DOCUMENTS)
def file(code: str) -> Response:
    with reading(actor()) as tx:
        found = _issue(tx, code)
        pdf = documents.pdf(tx, found.code)
    if pdf is None:
        raise NotFoundError("the file is not kept any more", remedy="issue the document again", code=found.code)
    viewing.seen(patient=found.subject if found.subject != found.ward else None, ward=found.ward)
    return _pdf(pdf, f"{found.kind}-{found.code}.pdf")


@room.post("/<code>/withdraw")
@requires(WITHDRAW_DOCUMENTS)
def withdraw(code: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            issuing.withdraw(tx, who, code, reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("document-withdrawn")
    return page.back(url_for("documents.show", code=issuing.plain_code(code) or "0"))


@room.get("/patients/<patient_id>")
@requires(ISSUE_DOCUMENTS)
def of_patient(patient_id: str) -> str:
    with reading(actor()) as tx:
        who = views_patients.get(tx, patient_id)
        if who is None:
            raise NotFoundError(f"patient {patient_id[:64]!r} is not known", remedy="look for the patient again", patient=patient_id[:64])
        found = documents.listed(tx, subject=patient_id, limit=LISTED)
        names = views_pharmacy.names(tx, {one.made_by for one in found})
    viewing.seen(patient=patient_id, count=len(found))
    return page.render("documents_patient.html", patient=who, issues=found, names=names, kinds=_kinds(PATIENT), **_about())


@room.post("/patients/<patient_id>")
@requires(ISSUE_DOCUMENTS)
@limiter.limit(ISSUES, key_func=_who)
def make_of_patient(patient_id: str) -> BaseResponse:
    return _make(PATIENT, patient_id, url_for("documents.of_patient", patient_id=patient_id))


@room.get("/wards/<ward_id>")
@requires(ISSUE_DOCUMENTS)
def of_ward(ward_id: str) -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        reach.must_see(tx, ward_id)
        found = documents.listed(tx, subject=ward_id, limit=LISTED)
        names = views_pharmacy.names(tx, {one.made_by for one in found})
        count = len(documents.patients_of_ward(tx, ward_id))
    if ward_id not in {one.id for one in wards}:
        raise NotFoundError(f"ward {ward_id[:64]!r} is not known", remedy="choose a ward of the list", ward=ward_id[:64])
    viewing.seen(ward=ward_id, count=len(found))
    own, each = _kinds(WARD), [kind for kind in _kinds(PATIENT) if not kind.of_moment]
    return page.render("documents_ward.html", ward=ward_id, issues=found, names=names, own=own, each=each, count=count, **_about())


@room.post("/wards/<ward_id>")
@requires(ISSUE_DOCUMENTS)
@limiter.limit(ISSUES, key_func=_who)
def make_of_ward(ward_id: str) -> BaseResponse:
    kind = KINDS.get(request.form.get("kind", ""))
    place = url_for("documents.of_ward", ward_id=ward_id)
    if kind is None:
        abort(400)
    if kind.subject == WARD:
        return _make(WARD, ward_id, place)
    try:
        use = set_up()
        batch = batches.begin(actor(), _wanted(kind, ward_id), site=site())
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(place)
    batches.start(current_app._get_current_object(), actor(), batch, settings=use, site=site())  # type: ignore[attr-defined]
    return page.back(url_for("documents.batch", batch_id=batch.id))


@room.get("/batches/<batch_id>")
@requires(ISSUE_DOCUMENTS)
def batch(batch_id: str) -> Response | str:
    with reading(actor()) as tx:
        found = documents.batch(tx, batch_id)
        if found is None:
            raise NotFoundError("there is no such batch", remedy="look at the list of documents", batch=batch_id[:32])
        reach.must_see(tx, found.ward)
        issues = tuple(reversed(documents.listed(tx, batch=batch_id, limit=batches.MOST)))
        cut = found.state == documents.MAKING and found.changed_at < tx.at - CUT_OFF
        names = views_pharmacy.names(tx, {found.made_by})
    viewing.seen(ward=found.ward, count=len(issues), patients=[one.subject for one in issues])
    return page.live("documents_batch.html", "_documents_batch.html", batch=found, issues=issues, cut=cut, names=names, **_about())


@room.get("/batches/<batch_id>/file")
@requires(ISSUE_DOCUMENTS)
def batch_file(batch_id: str) -> Response:
    """All of them one behind the other, to print at once: a copy, for joining files ends their signatures."""
    with reading(actor()) as tx:
        found = documents.batch(tx, batch_id)
        if found is None:
            raise NotFoundError("there is no such batch", remedy="look at the list of documents", batch=batch_id[:32])
        reach.must_see(tx, found.ward)
        issues = tuple(reversed(documents.listed(tx, batch=batch_id, limit=batches.MOST)))
        joined = batches.joined(documents.pdf(tx, one.code) for one in issues)
    viewing.seen(ward=found.ward, count=len(issues), patients=[one.subject for one in issues])
    return _pdf(joined, f"{found.kind}-{secure_filename(found.ward) or found.id}.pdf")


def _make(subject: str, id_: str, place: str) -> BaseResponse:
    kind = KINDS.get(request.form.get("kind", ""))
    if kind is None or kind.subject != subject:
        abort(400)
    try:
        with pressing.open_press() as press:
            made = issuing.issue(actor(), _wanted(kind, id_), settings=set_up(), site=site(), press=press)
    except PointOfCareError as exc:
        code = f"document-fault-{exc.code}"
        page.say_plain(page.t(code) if page.has(code) else faults.told(exc))
        current_app.logger.warning("document %s was not issued: %s", kind.id, exc.code)
        return page.back(place)
    page.say("document-issued")
    return page.back(url_for("documents.show", code=made.issue.code))


def _wanted(kind: Kind, subject: str) -> Wanted:
    if kind.of_moment:
        return Wanted(kind=kind, subject=subject)
    return Wanted(kind=kind, subject=subject, first=_day(request.form.get("from", "")), last=_day(request.form.get("to", "")))


def _issue(tx: Transaction, code: str) -> Issue:
    found = documents.find(tx, issuing.plain_code(code))
    if found is None:
        raise NotFoundError("no document has this code", remedy="read the code again", code=code[:40])
    documents.must_see(tx, found)
    return found


def _kinds(subject: str) -> list[Kind]:
    """Those that the person may make, under the names that the hospital gives them."""
    roles = actor().roles
    return [kind for kind in _forms().values() if kind.subject == subject and not roles.isdisjoint(issuing.permitted(kind))]


def _about() -> dict[str, Any]:
    return {
        "titles": {id_: kind.title for id_, kind in _forms().items()},
        "shown": issuing.shown,
        "second": timedelta(seconds=1),
        "today": page.today().isoformat(),
    }


def _pdf(content: bytes, name: str) -> Response:
    answer = Response(content, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
