"""Help in place: for each page what it is for, what to do next, what its marks mean and which keys work; and the guides to read on.

The texts are server/web/texts/help.*.ftl, the guides docs/guides. Help reads nothing of the hospital and names nobody, so that it is there
before anybody has signed in, and it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, Flask, render_template, request

from pointofcare.errors import NotFoundError
from pointofcare.texts import guide
from server.web import page

room = Blueprint("help", __name__, url_prefix="/help")


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Texts are `help-{name}-for` and `help-{name}-next` (a line a step); `marks` and `keys` name groups below."""

    name: str
    guide: str = ""
    chapter: int = 0
    marks: tuple[str, ...] = ()
    keys: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark as pages show it: the class of its tag, its picture, the code of its word, and what it means."""

    kind: str
    icon: str
    word: str
    means: str


def _mark(kind: str, icon: str, word: str, means: str) -> Mark:
    return Mark(kind=kind, icon=icon, word=word, means=f"help-mark-{means}")


MARKS: Mapping[str, tuple[Mark, ...]] = {
    "doses": (
        _mark("overdue", "overdue", "due-overdue", "overdue"),
        _mark("due", "due", "due-due", "due"),
        _mark("upcoming", "upcoming", "due-upcoming", "upcoming"),
        _mark("given", "given", "due-given", "given"),
        _mark("not-given", "not-given", "due-not-given", "not-given"),
        _mark("in-progress", "in-progress", "due-in-progress", "in-progress"),
        _mark("unknown", "question", "times-unknown", "times-unknown"),
    ),
    "allergies": (_mark("unknown", "question", "allergies-unknown", "allergies-unknown"),),
    "orders": (
        _mark("warn", "due", "verification-pending", "pending"),
        _mark("ok", "given", "verification-verified", "verified"),
        _mark("warn", "question", "verification-queried", "queried"),
        _mark("stop", "not-given", "verification-rejected", "rejected"),
        _mark("unknown", "question", "order-draft", "draft"),
    ),
    "levels": (
        _mark("stop", "warning", "level-stop", "level-stop"),
        _mark("warn", "warning", "level-witness", "level-witness"),
        _mark("warn", "warning", "level-reason", "level-reason"),
        _mark("", "warning", "level-warn", "level-warn"),
    ),
    "carts": (
        _mark("ok", "online", "phase-ready", "online"),
        _mark("stop", "offline", "phase-silent", "silent"),
        _mark("warn", "warning", "fleet-unsent", "unsent"),
        _mark("stop", "warning", "battery-low", "battery-low"),
    ),
    "emr": (
        _mark("ok", "given", "outbox-sent", "sent"),
        _mark("", "due", "outbox-pending", "waits"),
        _mark("stop", "warning", "outbox-parked", "parked"),
    ),
    "incoming": (
        _mark("stop", "warning", "incoming-state-rejected", "incoming-rejected"),
        _mark("warn", "due", "incoming-state-waiting", "incoming-waiting"),
        _mark("ok", "given", "incoming-state-taken", "incoming-taken"),
        _mark("unknown", "question", "incoming-state-set-aside", "incoming-aside"),
    ),
    "live": (_mark("", "due", "as-of", "as-of"),),
}

# Keys of every page, then those of one kind of page: what is pressed, and the code of what it does.
EVERYWHERE = (("?", "help-key-help"), ("Esc", "help-key-escape"), ("Tab", "help-key-tab"), ("Enter", "help-key-enter"))
KEYS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "pharmacy": (
        ("J ↓", "keys-next"),
        ("K ↑", "keys-previous"),
        ("V", "keys-verify"),
        ("C", "keys-change"),
        ("R", "keys-reject"),
        ("O", "keys-open"),
        ("B", "keys-together"),
        ("Ctrl + Enter", "keys-send"),
    ),
}

START = Topic(name="start", marks=("live",))
FAULT = Topic(name="fault")
_SIGN_IN = Topic(name="sign-in")
_ACCOUNT = Topic(name="account")
_ADMIT = Topic(name="admit", marks=("allergies",))
_ORDER = Topic(name="order", guide="pharmacist", chapter=1, marks=("levels",))
_BEDSIDE = Topic(name="bedside", guide="nurse", chapter=5)
_EMERGENCIES = Topic(name="emergency-list")
_INCIDENT = Topic(name="incident-report")
_PRODUCT_FORM = Topic(name="product-form", guide="pharmacist", chapter=4)
_POLICY = Topic(name="policy", guide="pharmacist", chapter=6)
_POLICY_FORM = Topic(name="policy-form", guide="pharmacist", chapter=6)
_GUIDE = Topic(name="guide")
_UNKNOWN = Topic(name="unknown")
_IDENTIFY = Topic(name="identify")
_NEWBORN = Topic(name="newborn")
_TRANSCRIPTION = Topic(name="transcription")
_MERGE = Topic(name="merge")
_BAG_FORM = Topic(name="bag-form")
_BY_CARD = Topic(name="insurance-find")
_INSURANCE = Topic(name="insurance")
_IMPORT = Topic(name="import")
_LABELS = Topic(name="labels")
_LABEL_FORM = Topic(name="label-form")
_LABEL = Topic(name="label")
_DOCUMENTS = Topic(name="documents")
_DOWNTIME = Topic(name="downtime")
_DRIFT = Topic(name="fleet-drift", guide="manager", chapter=7)
_DRIFT_GROUP = Topic(name="fleet-drift-group", guide="manager", chapter=7)
_ALERT_RULES = Topic(name="fleet-alert-rules", guide="manager", chapter=7)
_ROLLOUT_FORM = Topic(name="rollout-form", guide="manager", chapter=7)
_CARE = Topic(name="fleet-care", guide="manager", chapter=7)
_STAFF_FORM = Topic(name="staff-form")

# Endpoint -> its help; those that show a form again after a fault have the form's own.
TOPICS: Mapping[str, Topic] = {
    "home.show": START,
    "security.login": _SIGN_IN,
    "sign_in.second": _SIGN_IN,
    "sign_in.second_code": _SIGN_IN,
    "account.show": _ACCOUNT,
    "account.change": _ACCOUNT,
    "account.factor": _ACCOUNT,
    "account.confirm_factor": _ACCOUNT,
    "account.renew_codes": _ACCOUNT,
    "account.prove": _ACCOUNT,
    "account.prove_code": _ACCOUNT,
    "pharmacy.queue": Topic(
        name="pharmacy", guide="pharmacist", chapter=1, marks=("orders", "levels", "allergies", "live"), keys="pharmacy"
    ),
    "together.listed": Topic(name="together", guide="pharmacist", chapter=1),
    "ward.board": Topic(name="ward", guide="manager", chapter=1, marks=("doses", "allergies", "live")),
    "wall.radar_page": Topic(name="radar", guide="manager", chapter=1, marks=("doses", "live")),
    "wall.show": Topic(name="wall", guide="manager", chapter=2),
    "wall.desk": Topic(name="wall", guide="manager", chapter=2),
    "wall.screens": Topic(name="wall-screens", guide="manager", chapter=2),
    "patients.find": Topic(name="patients"),
    "patients.show": Topic(name="patient", marks=("doses", "orders", "allergies")),
    "patients.observe": Topic(name="patient", marks=("doses", "orders", "allergies")),
    "history.show": Topic(name="history", marks=("doses",)),
    "printed.record": Topic(name="printed", marks=("doses",)),
    "printed.sheet": Topic(name="sheet", marks=("doses",)),
    "documents.listed": _DOCUMENTS,
    "documents.of_patient": _DOCUMENTS,
    "documents.of_ward": _DOCUMENTS,
    "documents.batch": _DOCUMENTS,
    "documents.show": _DOCUMENTS,
    "documents.look": Topic(name="document-look"),
    "downtime.listed": _DOWNTIME,
    "downtime.paper": _DOWNTIME,
    "downtime.show": _DOWNTIME,
    "downtime.line": _DOWNTIME,
    "downtime.enter": _DOWNTIME,
    "admission.overview": Topic(name="admission"),
    "admission.form": _ADMIT,
    "admission.card": _ADMIT,
    "admission.enter": _ADMIT,
    "admission.unknown_form": _UNKNOWN,
    "admission.unknown": _UNKNOWN,
    "admission.identify_form": _IDENTIFY,
    "admission.identify": _IDENTIFY,
    "admission.newborn_form": _NEWBORN,
    "admission.newborn": _NEWBORN,
    "identity.show": Topic(name="identity"),
    "merging.form": _MERGE,
    "merging.join": _MERGE,
    "prescriber.show": Topic(name="prescriber"),
    "transcription.form": _TRANSCRIPTION,
    "transcription.enter": _TRANSCRIPTION,
    "transcription.waiting": Topic(name="compare"),
    "orders.form": _ORDER,
    "orders.place": _ORDER,
    "bedside.ward": _BEDSIDE,
    "bedside.patient": _BEDSIDE,
    "bedside.one": Topic(name="bedside-note", guide="nurse", chapter=5),
    "work.show": Topic(name="work", guide="manager", chapter=3, marks=("live",)),
    "review.show": Topic(name="review", guide="manager", chapter=4, marks=("levels",)),
    "rules.listed": Topic(name="rules", marks=("levels",)),
    "rules.replay": Topic(name="replay", marks=("levels",)),
    "bags.listed": Topic(name="bags"),
    "bags.find": Topic(name="bags"),
    "bags.show": Topic(name="bag"),
    "bags.form": _BAG_FORM,
    "bags.prepare": _BAG_FORM,
    "controlled.show": Topic(name="controlled"),
    "recalls.show": Topic(name="recalls", guide="pharmacist", chapter=5),
    "recalls.one": Topic(name="recall", guide="pharmacist", chapter=5),
    "emr.worklist": Topic(name="emr", marks=("emr",)),
    "incoming.listed": Topic(name="incoming", marks=("incoming",)),
    "incoming.one": Topic(name="incoming-item", marks=("incoming",)),
    "emergency.form": Topic(name="emergency-form"),
    "incidents.report": _INCIDENT,
    "incidents.send": _INCIDENT,
    "incidents.listed": Topic(name="incidents"),
    "incidents.one": Topic(name="incident"),
    "emergency.listed": _EMERGENCIES,
    "emergency.one": _EMERGENCIES,
    "emergency.people": Topic(name="emergency-people"),
    "competences.listed": Topic(name="competences"),
    "competences.one": Topic(name="competence"),
    "competences.enter": Topic(name="competence"),
    "competences.own": Topic(name="competence-own"),
    "ward_staff.show": Topic(name="ward-staff", guide="manager", chapter=5),
    "ward_staff.own": Topic(name="ward-own", guide="manager", chapter=5),
    "fleet.carts": Topic(name="fleet", guide="manager", chapter=7, marks=("carts", "live")),
    "fleet.cart": Topic(name="cart", guide="manager", chapter=7, marks=("carts",)),
    "firmware.show": Topic(name="firmware", guide="manager", chapter=7),
    "fleet_alerts.listed": Topic(name="fleet-alerts", guide="manager", chapter=7),
    "fleet_alerts.rules": _ALERT_RULES,
    "fleet_alerts.rule": _ALERT_RULES,
    "fleet_alerts.add": _ALERT_RULES,
    "fleet_alerts.change": _ALERT_RULES,
    "rollouts.listed": Topic(name="rollouts", guide="manager", chapter=7),
    "rollouts.form": _ROLLOUT_FORM,
    "rollouts.make": _ROLLOUT_FORM,
    "rollouts.show": Topic(name="rollout", guide="manager", chapter=7),
    "rollouts.of_cart": Topic(name="rollouts-of-cart", guide="manager", chapter=7),
    "fleet_commands.of_cart": Topic(name="fleet-commands-of-cart", guide="manager", chapter=7),
    "fleet_battery.show": Topic(name="fleet-battery", guide="manager", chapter=7),
    "fleet_drawers.show": Topic(name="fleet-drawers", guide="manager", chapter=7),
    "fleet_drawers.people": Topic(name="fleet-pins", guide="manager", chapter=7),
    "fleet_drift.listed": _DRIFT,
    "fleet_drift.one": _DRIFT,
    "fleet_drift.want": _DRIFT,
    "fleet_drift.group": _DRIFT_GROUP,
    "fleet_drift.keep_group": _DRIFT_GROUP,
    "fleet_care.calendar": _CARE,
    "fleet_care.plan": _CARE,
    "fleet_care.import_assets": _CARE,
    "fleet_commands.listed": Topic(name="fleet-commands", guide="manager", chapter=7),
    "fleet_commands.one": Topic(name="fleet-command", guide="manager", chapter=7),
    "fleet_commands.batch": Topic(name="fleet-batch", guide="manager", chapter=7),
    "machines.show": Topic(name="machines"),
    "phones.show": Topic(name="phones", guide="manager", chapter=8),
    "formulary.listed": Topic(name="formulary", guide="pharmacist", chapter=4),
    "formulary.show": Topic(name="product", guide="pharmacist", chapter=4),
    "formulary.new": _PRODUCT_FORM,
    "formulary.create": _PRODUCT_FORM,
    "formulary.edit": _PRODUCT_FORM,
    "formulary.save": _PRODUCT_FORM,
    "barcodes.queue": Topic(name="barcodes", guide="pharmacist", chapter=3),
    "barcodes.show": Topic(name="barcode", guide="pharmacist", chapter=3),
    "policy.listed": _POLICY,
    "policy.show": _POLICY,
    "policy.new": _POLICY_FORM,
    "policy.edit": _POLICY_FORM,
    "policy.save": _POLICY_FORM,
    "policy.save_new": _POLICY_FORM,
    "insurance.form": _BY_CARD,
    "insurance.find": _BY_CARD,
    "insurance.show": _INSURANCE,
    "insurance.add": _INSURANCE,
    "insurance.correct": _INSURANCE,
    "claims.show": Topic(name="claims"),
    "catalogue.listed": Topic(name="catalogue", guide="pharmacist", chapter=4),
    "catalogue.show": Topic(name="catalogue-line", guide="pharmacist", chapter=4),
    "catalogue.codes": Topic(name="code-lists"),
    "imports.show": _IMPORT,
    "imports.examine": _IMPORT,
    "staff.everybody": Topic(name="staff"),
    "staff.form": _STAFF_FORM,
    "staff.save": _STAFF_FORM,
    "audit.entries": Topic(name="audit"),
    "audit.checkpoint": Topic(name="checkpoint"),
    "audit.rejected": Topic(name="rejected"),
    "labels.listed": _LABELS,
    "labels.find": _LABELS,
    "labels.form": _LABEL_FORM,
    "labels.make": _LABEL_FORM,
    "labels.round_form": _LABEL_FORM,
    "labels.make_round": _LABEL_FORM,
    "labels.show": _LABEL,
    "labels.change": _LABEL,
    "labels.send": _LABEL,
    "quality.show": Topic(name="quality", guide="manager", chapter=6),
    "help.guides": _GUIDE,
    "help.one": _GUIDE,
    "help.on": _GUIDE,
}
# What is answered with a file, a picture or another address has no page that could be explained.
NO_PAGE = frozenset(
    {
        "audit.export",
        "catalogue.template",
        "claims.faulty",
        "claims.rows",
        "claims.schema",
        "claims.unbilled",
        "claims.xml",
        "insurance.summary",
        "controlled.export",
        "documents.find",
        "documents.file",
        "documents.batch_file",
        "fleet.export",
        "fleet.export_json",
        "fleet_commands.bundle",
        "releases.metadata",
        "releases.target",
        "fleet_care.assets",
        "metrics.show",
        "health.alive",
        "health.ready",
        "fleet_care.export",
        "fleet_care.ics",
        "history.export",
        "competences.export",
        "incidents.export",
        "incoming.payload",
        "identity.picture",
        "quality.export",
        "recalls.export",
        "recalls.export_due",
        "work.variance",
        "labels.pdf",
        "other_labels.badge",
        "other_labels.bag",
        "other_labels.drawers",
        "web.static",
    }
)
_BY_NAME: Mapping[str, Topic] = {topic.name: topic for topic in (*TOPICS.values(), FAULT)}


def topic_of(endpoint: str | None) -> Topic:
    """The help of the page that this endpoint answers with; of a page that failed where there is none."""
    return TOPICS.get(endpoint or "", FAULT)


def register(app: Flask) -> None:
    """Any page knows which help is its own."""

    @app.context_processor
    def _everywhere() -> dict[str, object]:
        return {"help_topic": topic_of(request.endpoint).name}


@room.get("/")
def guides() -> str:
    return page.render("help_guides.html", guides=[found for name in guide.GUIDES if (found := guide.read(name, page.language()))])


@room.get("/<name>")
def one(name: str) -> str:
    """A whole guide; each chapter has its number as its place (#c2)."""
    found = guide.read(name, page.language())
    if found is None:
        raise NotFoundError("there is no such guide", remedy="choose one from the list", guide=name[:40])
    return page.render("help_guide.html", found=found)


@room.get("/on/<topic>")
def on(topic: str) -> str:
    """The help of one page: the inside of a dialog for `?part=help`, else a page of its own (without JavaScript)."""
    found = _BY_NAME.get(topic)
    if found is None:
        raise NotFoundError("there is no help of that name", remedy="press ? on the page itself", topic=topic[:40])
    read = guide.read(found.guide, page.language()) if found.guide else None
    context = {
        "topic": replace(found, keys=""),
        "next_steps": page.t(f"help-{found.name}-next").splitlines(),
        "marks": [mark for group in found.marks for mark in MARKS[group]],
        "keys": (*KEYS.get(found.keys, ()), *EVERYWHERE),
        "chapter": read.chapter(found.chapter) if read is not None else None,
        "guide": read,
    }
    if request.args.get("part") == "help":
        return render_template("_help.html", **context)
    return page.render("help.html", **context)
