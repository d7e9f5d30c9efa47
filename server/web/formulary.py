"""The formulary: finding a product, what the carts are told of it, changing it, its other packs' barcodes, and its history.

Two people who change one product at once are told of each other, and neither's work is lost: what does not touch is put together.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import ConflictError, NotFoundError, PointOfCareError
from pointofcare.products import Controlled, HighAlert, Product, Release
from server.security.permissions import EDIT_FORMULARY, SEE_FORMULARY
from server.security.person import actor, requires
from server.store import catalogue, formulary, products, recalls, views_formulary
from server.store.formulary import Held
from server.store.transaction import reading, transaction
from server.usecases import catalogue as catalogue_verbs
from server.usecases import formulary as verbs
from server.web import faults, formulary_form, page

room = Blueprint("formulary", __name__, url_prefix="/formulary")

SHOWN = 50


@room.get("/")
@requires(SEE_FORMULARY)
def listed() -> str:
    text = request.args.get("q", "")[:100]
    with reading(actor()) as tx:
        found = formulary.search(tx, text, after=request.args.get("after", "")[:300], limit=SHOWN + 1)
        number = formulary.count(tx)
        reach = views_formulary.reach(tx)
    return page.render(
        "formulary.html",
        found=found[:SHOWN],
        next_page=formulary.place(found[SHOWN - 1]) if len(found) > SHOWN else None,
        q=text,
        number=number,
        reach=reach,
        concentration=concentration,
    )


@room.get("/<product_id>")
@requires(SEE_FORMULARY)
def show(product_id: str) -> str:
    with reading(actor()) as tx:
        held = formulary.get(tx, product_id)
        history = formulary.versions(tx, product_id)
        if held is None and not history:
            raise NotFoundError(f"product {product_id!r} was never in the formulary", remedy="look for it again", product=product_id)
        packs = formulary.packs(tx, product_id)
        policy = products.policy(tx)
        reach = views_formulary.reach(tx)
        lots = recalls.lots_of(tx, product_id)
        given = formulary.given_as(tx, product_id) if held is None else None
    return page.render(
        "product.html",
        held=held,
        product_id=product_id,
        packs=packs,
        history=[(one, _changed(history, place)) for place, one in enumerate(history)],
        reach=reach,
        lots=lots,
        given=given,
        two=held is not None and verbs.needs_two(held.product, policy),
        concentration=concentration,
    )


@room.get("/new")
@requires(EDIT_FORMULARY)
def new() -> str:
    """Empty, or as another product is, or as this one was before it was taken away."""
    cells: dict[str, str] = {"release": Release.IMMEDIATE.value, "high_alert": "0", "controlled": Controlled.NONE.value}
    like, again = request.args.get("like", ""), request.args.get("again", "")
    with reading(actor()) as tx:
        if again:
            before = next((one.product for one in formulary.versions(tx, again) if one.product is not None), None)
            cells = formulary_form.cells_from(before) if before is not None else cells
        elif like:
            model = formulary.get(tx, like)
            cells = {**formulary_form.cells_from(model.product), "id": "", "gtin": ""} if model is not None else cells
        elif line := catalogue.get(tx, request.args.get("line", "")):
            cells |= catalogue_verbs.proposed(line, tx.at.date())
            return _form(cells, {}, held=None, line=line.id)
    if not again and not like:
        cells["gtin"] = request.args.get("gtin", "")[:14]
    return _form(cells, {}, held=None)


@room.get("/<product_id>/edit")
@requires(EDIT_FORMULARY)
def edit(product_id: str) -> str | BaseResponse:
    held = _held(product_id)
    if held.pack_of is not None:
        page.say("formulary-is-pack", "warning")
        return page.back(url_for("formulary.show", product_id=held.pack_of))
    if not formulary_form.fits(held.product):
        page.say("formulary-too-many-rows", "warning")
        return page.back(url_for("formulary.show", product_id=product_id))
    return _form(formulary_form.cells_from(held.product), {}, held=held)


def _held(product_id: str) -> Held:
    with reading(actor()) as tx:
        held = formulary.get(tx, product_id)
    if held is None:
        raise NotFoundError(f"product {product_id!r} is not in the formulary", remedy="look for it again", product=product_id)
    return held


@room.post("/new")
@requires(EDIT_FORMULARY)
def create() -> BaseResponse | tuple[str, int]:
    cells = formulary_form.cells_of(request.form)
    product, found = formulary_form.read(cells, None)
    why, line = request.form.get("why", ""), request.form.get("line", "")[:32]
    if not why.strip():
        found = {**found, "why": page.t("formulary-why-needed")}
    if product is None or found:
        return _form(cells, found, held=None, why=why, line=line), 422
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.create(tx, who, product, why=why)
            if line:
                catalogue_verbs.link(tx, who, line, product.id, seen=None)
    except PointOfCareError as exc:
        return _refused(exc, cells, held=None, why=why, line=line)
    page.say("formulary-created")
    return page.back(url_for("formulary.show", product_id=product.id))


@room.post("/<product_id>/edit")
@requires(EDIT_FORMULARY)
def save(product_id: str) -> BaseResponse | tuple[str, int]:
    held = _held(product_id)
    cells = {**formulary_form.cells_of(request.form), "id": product_id}
    seen, why = _number(request.form.get("version", "")), request.form.get("why", "")
    if seen != held.version:
        return _met(held, cells, seen, why)
    if not formulary_form.fits(held.product):
        page.say("formulary-too-many-rows", "warning")
        return page.back(url_for("formulary.show", product_id=product_id))
    product, found = formulary_form.read(cells, held.product)
    if not why.strip():
        found = {**found, "why": page.t("formulary-why-needed")}
    if product is None or found:
        return _form(cells, found, held=held, why=why), 422
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.change(tx, who, product, version=seen, why=why)
    except ConflictError as exc:
        now = _held(product_id)
        return _met(now, cells, seen, why) if now.version != seen else _refused(exc, cells, held=held, why=why)
    except PointOfCareError as exc:
        return _refused(exc, cells, held=held, why=why)
    page.say("formulary-saved")
    return page.back(url_for("formulary.show", product_id=product_id))


def _met(now: Held, cells: Mapping[str, str], seen: int, why: str) -> tuple[str, int]:
    """Somebody changed the product while this form was open: nothing is written, and nothing that was typed is lost."""
    with reading(actor()) as tx:
        history = formulary.versions(tx, now.product.id)
    base = next((one.product for one in history if one.version == seen and one.product is not None), None)
    theirs = formulary_form.cells_from(now.product)
    if base is None:
        return _form(cells, {}, held=now, why=why, met=history[:1]), 409
    was = formulary_form.cells_from(base)
    together, both = formulary_form.merged(was, cells, theirs)
    told = {_first(name): page.t("formulary-both-changed", value=_shown(theirs, name)) for name in both}
    later = [one for one in history if one.version > seen]
    return _form(together, told, held=now, why=why, met=later, changed=formulary_form.differing(was, theirs)), 409


def _first(name: str) -> str:
    """The field in which a fault of a kind of rows is shown."""
    number_and_columns = formulary_form.ROWS.get(name)
    return f"{name}-1-{number_and_columns[1][0]}" if number_and_columns else name


def _shown(cells: Mapping[str, str], name: str) -> str:
    if name not in formulary_form.ROWS:
        return cells.get(name, "") or "–"
    number, columns = formulary_form.ROWS[name]
    rows = (" ".join(cells.get(f"{name}-{place}-{column}", "") for column in columns).strip() for place in range(1, number + 1))
    return "; ".join(" ".join(row.split()) for row in rows if row) or "–"


def _refused(exc: PointOfCareError, cells: Mapping[str, str], *, held: Held | None, why: str, line: str = "") -> tuple[str, int]:
    name = str(exc.fields.get("field") or "")
    if name:
        return _form(cells, {name: faults.told(exc)}, held=held, why=why, line=line), 409
    page.say_plain(faults.told(exc))
    return _form(cells, {}, held=held, why=why, line=line), 409


def _form(
    cells: Mapping[str, str],
    found: Mapping[str, str],
    *,
    held: Held | None,
    why: str = "",
    met: object = (),
    changed: tuple[str, ...] = (),
    line: str = "",
) -> str:
    with reading(actor()) as tx:
        forms = views_formulary.forms(tx)
    routes = tuple(dict.fromkeys([*formulary_form.ROUTES, *(part for part in cells.get("routes", "").split("|") if part)]))
    return page.render(
        "product_form.html",
        cells=cells,
        faults=found,
        held=held,
        why=why,
        line=line,
        met=met,
        changed=changed,
        forms=forms,
        routes=routes,
        chosen_routes=set(cells.get("routes", "").split("|")),
        shown={prefix: formulary_form.rows_shown(cells, prefix) for prefix in formulary_form.ROWS},
        flags=formulary_form.FLAGS,
        observations=formulary_form.OBSERVATIONS,
        alerts=[int(level) for level in HighAlert],
        schedules=[one.value for one in Controlled],
        releases=[one.value for one in Release],
        proposals=formulary_form.spellings(cells),
    )


@room.post("/<product_id>/packs")
@requires(EDIT_FORMULARY)
def add_pack(product_id: str) -> BaseResponse:
    """Another pack's barcode, for a product whose match one pharmacist may make."""
    who = actor()
    here = url_for("formulary.show", product_id=product_id, _anchor="packs")
    version = _number(request.form.get("version", ""))
    try:
        with transaction(who) as tx:
            base = products.get(tx, product_id)
            if verbs.needs_two(base, products.policy(tx)):
                page.say("formulary-two-people", "warning")
                return page.back(here)
            code = request.form.get("gtin", "").strip()[:20]
            verbs.add_pack(tx, who, product_id, code, version=version, why=request.form.get("why", ""))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("formulary-pack-added")
    return page.back(here)


@room.post("/<product_id>/packs/<pack_id>/remove")
@requires(EDIT_FORMULARY)
def remove_pack(product_id: str, pack_id: str) -> BaseResponse:
    return _taken_away(product_id, pack_id)


@room.post("/<product_id>/remove")
@requires(EDIT_FORMULARY)
def remove(product_id: str) -> BaseResponse:
    return _taken_away(product_id, None)


def _taken_away(product_id: str, pack_id: str | None) -> BaseResponse:
    who = actor()
    here = url_for("formulary.show", product_id=product_id)
    if request.form.get("sure") != "yes":
        page.say("formulary-not-sure", "danger")
        return page.back(here)
    why = request.form.get("why", "")
    try:
        with transaction(who) as tx:
            if pack_id is not None:
                verbs.remove_pack(tx, who, pack_id, why=why)
            else:
                verbs.remove(tx, who, product_id, version=_number(request.form.get("version", "")), why=why)
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say("formulary-removed")
    return page.back(here)


def _changed(history: tuple[formulary.Version, ...], place: int) -> tuple[tuple[str, str, str], ...]:
    """(field, before, after) of a version and the one before it."""
    now = history[place].product
    before = next((one.product for one in history[place + 1 : place + 2]), None)
    if now is None or before is None:
        return ()
    was, cells = formulary_form.cells_from(before), formulary_form.cells_from(now)
    told = [(name, _shown(was, name), _shown(cells, name)) for name in formulary_form.differing(was, cells)]
    if now.recalled_lots != before.recalled_lots:
        told.append(("recalled_lots", ", ".join(before.recalled_lots) or "–", ", ".join(now.recalled_lots) or "–"))
    return tuple(told)


def concentration(product: Product) -> str:
    """What one unit holds of each ingredient, and in what volume: "10 mg / 1 mL"."""
    parts = []
    for one in product.ingredients:
        amount = page.amount(one.amount) if one.amount is not None else page.t("unknown")
        parts.append(f"{one.name} {amount}" + (f" / {page.amount(product.volume)}" if product.volume is not None else ""))
    return " + ".join(parts)


def _number(text: str) -> int:
    """A version of a form; 0, which none has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 8 else 0
