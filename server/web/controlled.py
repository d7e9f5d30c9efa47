"""Controlled drugs: what stands out by ward and by nurse over a period (C4), and the stock of the carts' drawers, which the pharmacy
fills here. Nobody who counts sees what should be there before the count: nurses do not come here.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError, QuantityError
from pointofcare.quantity import typed
from server.security import viewing
from server.security.permissions import FILL_DRAWERS, SEE_CONTROLLED
from server.security.person import actor, requires
from server.store import policies as stored_policies
from server.store import products, stock, views_controlled, views_patients, views_pharmacy
from server.store.transaction import reading, transaction
from server.usecases import controlled, controlled_report
from server.usecases import stock as verbs
from server.usecases.task_kinds import CONTROLLED_BALANCE, CONTROLLED_COUNT
from server.web import faults, page
from server.web.work import period, spreadsheet

room = Blueprint("controlled", __name__, url_prefix="/controlled")

BARS = 12
COLUMNS = (
    "by",
    "id",
    "name",
    "doses",
    "units_given",
    "units_wasted",
    "waste_percent",
    "late_waste",
    "overrides",
    "withdrawn",
    "counts",
    "balances",
)


@room.get("/")
@requires(SEE_CONTROLLED)
def show() -> str:
    return page.render("controlled.html", **_report())


def _report() -> dict[str, object]:
    since, until = period(request.args, days=30)
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        ward = request.args.get("ward", "")
        ward = ward if ward in {line.id for line in wards} else ""
        formulary = products.listed(tx)
        policies = stored_policies.in_force_everywhere(tx, [one.id for one in wards])
        stocked = {one.id: one for one in formulary if any(controlled.is_controlled(one, policy) for policy in policies.values())}
        acts = views_controlled.acts(tx, products=list(stocked), since=since, until=until, ward=ward or None)
        kinds = (CONTROLLED_COUNT, CONTROLLED_BALANCE)
        differing = views_controlled.differing(tx, kinds=kinds, since=since, until=until, ward=ward or None)
        moves = stock.listed(tx, limit=40)
        carts = views_controlled.carts(tx)
        within = policies[ward].controlled_settle_within
        of_wards = controlled_report.by(lambda one: one.ward, acts, differing, stocked, settle_within=within)
        of_nurses = controlled_report.by(lambda one: one.nurse, acts, differing, stocked, settle_within=within)
        names = views_pharmacy.names(tx, {line.key for line in of_nurses} | {move.by for move in moves})
    viewing.seen(ward=ward, count=len(acts))
    zone = page.zone()
    return {
        "wards": wards,
        "ward": ward,
        "first": since.astimezone(zone).date().isoformat(),
        "last": (until - timedelta(seconds=1)).astimezone(zone).date().isoformat(),
        "tables": (("ward", of_wards), ("nurse", of_nurses)),
        "names": {**names, **{line.id: line.name for line in wards}},
        "is_whole": len(acts) <= views_controlled.MOST_ACTS,
        "moves": moves,
        "carts": carts,
        "products": {one.id: one.name for one in formulary},
        "stocked": sorted(stocked.values(), key=lambda one: one.name),
        "bars": BARS,
        "fill_key": uuid4().hex,
    }


@room.get("/controlled.csv")
@requires(SEE_CONTROLLED)
def export() -> Response:
    found = _report()
    names = found["names"]
    assert isinstance(names, dict)
    rows = []
    tables = found["tables"]
    assert isinstance(tables, tuple)
    for kind, lines in tables:
        for one in lines:
            ratio = "" if one.waste_ratio is None else f"{one.waste_ratio * 100:.1f}"
            amounts = (f"{float(one.given):g}", f"{float(one.wasted):g}", ratio)
            counted = (one.late_waste, one.overrides, one.withdrawn, one.counts, one.balances)
            rows.append((kind, one.key, names.get(one.key, ""), one.doses, *amounts, *counted))
    return spreadsheet("controlled.csv", COLUMNS, rows)


@room.post("/fill")
@requires(FILL_DRAWERS)
def fill() -> BaseResponse:
    who = actor()
    try:
        units = Decimal(typed(request.form.get("units", "")))
        drawer = int(request.form.get("drawer", "").strip())
    except (QuantityError, ValueError) as exc:
        is_ambiguous = isinstance(exc, QuantityError) and exc.fields["why"] == "ambiguous"
        page.say("fill-ambiguous" if is_ambiguous else "fill-needs-numbers", "danger", value=request.form.get("units", "")[:40])
        return page.back(url_for("controlled.show", _anchor="stock"))
    try:
        with transaction(who) as tx:
            verbs.fill(
                tx,
                who,
                cart=request.form.get("cart", "").strip()[:64],
                drawer=drawer,
                product=request.form.get("product", ""),
                units=units,
                note=request.form.get("note", ""),
                key=request.form.get("key", "")[:64] or None,
            )
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("done-fill")
    return page.back(url_for("controlled.show", _anchor="stock"))
