"""The policy: what holds in the hospital and in each ward, drafts with their faults beside them, and in words what a draft would
change, for the rules and for the doses of the last days. Approving and activating name the text that was on the screen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from pointofcare.policies import changes, doubts, fault, reading, writing
from pointofcare.policies.fault import Fault, PolicyFileError
from server.security.permissions import CHANGE_POLICY, SEE_POLICY
from server.security.person import actor, requires
from server.store import patients, policies, products, views_pharmacy
from server.store.policies import HOSPITAL, State, StoredFile
from server.store.transaction import Transaction, transaction
from server.store.transaction import reading as looking
from server.usecases import policies as verbs
from server.usecases import policy_files, replays
from server.usecases.replays import Asked
from server.web import faults, page

room = Blueprint("policy", __name__, url_prefix="/policy")

BACK = timedelta(days=30)
# Verdicts judged for one page: a second or two. The next page goes on where this one ended.
JUDGED = 1_000
CHANGES_SHOWN = 200
ACTIONS = ("approve", "activate", "withdraw", "again")


@room.get("/")
@requires(SEE_POLICY)
def listed() -> str:
    with looking(actor()) as tx:
        wards = patients.wards(tx)
        ward = _ward_of(request.args.get("ward", ""), [line.id for line in wards])
        standing = policies.standing(tx, ward)
        found = policies.listed(tx, ward)
        own = {each.ward for each in policies.active_of_wards(tx)}
        people = views_pharmacy.names(tx, [standing.by, *(each.drafted_by for each in found), *(each.approved_by for each in found)])
        text = writing.write(policy_files.shown(tx, ward))
    return page.render("policy.html", wards=wards, ward=ward, own=own, standing=standing, files=found, names=people, text=text)


@room.get("/<int(max=2147483647):number>")
@requires(SEE_POLICY)
def show(number: int) -> str:
    who = actor()
    language = page.language()
    with looking(who) as tx:
        stored = policies.get(tx, number)
        found, doubtful, told = _beside(tx, stored, language)
        asked = None
        since, until = _span(tx.at)
        if request.args.get("what_if") and stored.state is State.DRAFT and not found:
            asked = replays.what_if(tx, verbs.effective_by_ward(tx, stored), since, until, JUDGED, ward=stored.ward or None)
        names = views_pharmacy.names(tx, [stored.drafted_by, stored.approved_by, stored.activated_by, stored.retired_by])
        holding = policies.in_force(tx, stored.ward).version
    return page.render(
        "policy_file.html",
        file=stored,
        holding=holding,
        faults=_told(found, language),
        near=[doubts.sentence(language, each) for each in doubtful if each.near],
        doubts=list(dict.fromkeys(doubts.title(language, each) for each in doubtful if not each.near)),
        changes=told,
        asked=asked,
        by_rule=_by_rule(asked),
        since=since,
        until=until,
        names=names,
        mine=stored.drafted_by == who.id,
        draft=stored.state is State.DRAFT,
    )


@room.post("/<int(max=2147483647):number>")
@requires(CHANGE_POLICY)
def act(number: int) -> BaseResponse:
    who = actor()
    action = request.form.get("action", "")
    revision = request.form.get("revision", "")
    if action not in ACTIONS or not (revision.isascii() and revision.isdigit()) or len(revision) > 9:
        page.say("form-broken", "danger")
        return page.back(url_for("policy.show", number=number))
    try:
        with transaction(who) as tx:
            if action == "approve":
                stored = verbs.approve(tx, who, number, revision=int(revision))
            elif action == "activate":
                stored = verbs.activate(tx, who, number, revision=int(revision))
            elif action == "withdraw":
                stored = verbs.withdraw(tx, who, number, revision=int(revision))
            else:
                stored = verbs.again(tx, who, number)
    except PolicyFileError as exc:
        for what, remedy in [fault.sentence(page.language(), each) for each in exc.faults][:5]:
            page.say_plain(f"{what} {remedy}")
        return page.back(url_for("policy.show", number=number))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("policy.show", number=number))
    page.say(f"done-policy-{action}", version=stored.version)
    return page.back(url_for("policy.show", number=stored.id))


@room.get("/new")
@requires(CHANGE_POLICY)
def new() -> str:
    """An empty draft, with what holds as its beginning."""
    with looking(actor()) as tx:
        wards = [line.id for line in patients.wards(tx)]
        ward = _ward_of(request.args.get("ward", ""), wards)
        text = _beginning(tx, ward)
    return _editor(text, ward, None, ())


@room.get("/<int(max=2147483647):number>/edit")
@requires(CHANGE_POLICY)
def edit(number: int) -> str | BaseResponse:
    with looking(actor()) as tx:
        stored = policies.get(tx, number)
    if stored.state is not State.DRAFT:
        return page.back(url_for("policy.show", number=number))
    return _editor(stored.text, stored.ward, stored, ())


@room.post("/new")
@requires(CHANGE_POLICY)
def save_new() -> BaseResponse | tuple[str, int] | str:
    return _save(None)


@room.post("/<int(max=2147483647):number>/edit")
@requires(CHANGE_POLICY)
def save(number: int) -> BaseResponse | tuple[str, int] | str:
    with looking(actor()) as tx:
        stored = policies.get(tx, number)
    return _save(stored)


def _save(stored: StoredFile | None) -> BaseResponse | tuple[str, int] | str:
    """What was typed or uploaded: examined, and stored when it was asked for and has no fault."""
    who = actor()
    text = _given_text()
    with looking(who) as tx:
        wards = [line.id for line in patients.wards(tx)]
        ward = stored.ward if stored is not None else _ward_of(request.form.get("ward", ""), wards)
        _, found = verbs.examine(tx, text, ward=ward)
    if found:
        return _editor(text, ward, stored, found), 422
    if request.form.get("action") == "check":
        return _editor(text, ward, stored, (), checked=True)
    revision = request.form.get("revision", "")
    try:
        with transaction(who) as tx:
            if stored is None:
                made = verbs.draft(tx, who, text, ward=ward)
            elif revision.isascii() and revision.isdigit() and len(revision) <= 9:
                made = verbs.edit(tx, who, stored.id, text, revision=int(revision))
            else:
                page.say("form-broken", "danger")
                return page.back(url_for("policy.edit", number=stored.id))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _editor(text, ward, stored, ()), 409
    page.say("done-policy-draft", version=made.version)
    return page.back(url_for("policy.show", number=made.id))


def _given_text() -> str:
    """The file that was chosen, else what was typed. Bytes that are no UTF-8 become a sign that no policy may hold."""
    uploaded = request.files.get("file")
    if uploaded is not None and uploaded.filename:
        return uploaded.read(reading.MOST_CHARACTERS * 4 + 1).decode("utf-8", "replace")
    return request.form.get("text", "").replace("\r\n", "\n")


def _editor(text: str, ward: str, stored: StoredFile | None, found: tuple[Fault, ...], *, checked: bool = False) -> str:
    return page.render(
        "policy_form.html",
        text=text,
        ward=ward,
        file=stored,
        faults=_told(found, page.language()),
        checked=checked,
        rows=min(max(text.count("\n") + 4, 16), 60),
    )


def _beginning(tx: Transaction, ward: str) -> str:
    wanted = request.args.get("from", "")
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 9:
        stored = policies.get(tx, int(wanted))
        if stored.ward == ward:
            return stored.text
    active = policies.active(tx, ward)
    if active is not None:
        return active.text
    return f'format = {reading.FORMAT}\nversion = "{(ward.lower() or "hospital")[:20]}-1"\n'


def _beside(tx: Transaction, stored: StoredFile, language: str) -> tuple[tuple[Fault, ...], tuple[doubts.Doubt, ...], list[changes.Change]]:
    """Faults that it has today, names that no product bears, and what it would change in what holds."""
    file, found = reading.examined(stored.text) if stored.state is not State.DRAFT else verbs.examine(tx, stored.text, ward=stored.ward)
    try:
        policy = verbs.effective(tx, stored)
    except PolicyFileError as exc:
        return found or exc.faults, (), []
    told = list(changes.changes(policies.in_force(tx, stored.ward), policy, language))
    active = policies.active(tx, stored.ward)
    if file is not None and active is not None and active.id != stored.id and not reading.examined(active.text)[1]:
        told += changes.file_changes(reading.read(active.text), file, language)
    return found, doubts.unmatched(policy, products.listed(tx)), told


def _told(found: tuple[Fault, ...], language: str) -> list[tuple[Fault, str, str]]:
    return [(each, *fault.sentence(language, each)) for each in found]


def _by_rule(asked: Asked | None) -> list[tuple[str, str, str, int]]:
    """(rule, level before, level after, how many), the most frequent first."""
    if asked is None:
        return []
    return [(rule, before.name, after.name, count) for (rule, before, after), count in asked.found.by_rule.most_common(CHANGES_SHOWN)]


def _span(now: datetime) -> tuple[datetime, datetime]:
    """From the moment that the address names, else thirty days back, until now."""
    since = now - BACK
    try:
        named = datetime.fromisoformat(request.args.get("since", ""))
    except ValueError:
        return since, now
    return (max(named, since) if named.tzinfo is not None else since), now


def _ward_of(wanted: str, known: list[str]) -> str:
    return wanted if wanted in known else HOSPITAL
