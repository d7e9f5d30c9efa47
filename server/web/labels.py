"""Labels of single units: made for one product or for a ward's next doses, printed once each, printed anew, withdrawn.

A page shows what is on paper as far as it is known. Must never let the same label be printed twice: what is missing gets new numbers.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, Response, abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from devices.printers import pages, raster
from devices.printers.layout import DoesNotFitError, Label, Line
from devices.printers.stock import Stock
from pointofcare.errors import LabelError, PointOfCareError
from pointofcare.labels import gs1, serial
from server.security import viewing
from server.security.permissions import PRINT_LABELS
from server.security.person import actor, requires
from server.store import formulary, labels, products, views_patients, views_pharmacy
from server.store.labels import Batch, UnitLabel
from server.store.transaction import Transaction, reading, transaction
from server.usecases import label_round, print_jobs
from server.usecases import labels as verbs
from server.usecases.label_round import Need
from server.usecases.labels import Wanted
from server.web import faults, label_words, page, printing
from server.web.ward import chosen_ward

room = Blueprint("labels", __name__, url_prefix="/labels")

PAGE = 100
BATCHES = 30
_SINCE = timedelta(hours=48)
# No label is drawn with a 0: this number is never issued.
SAMPLE = serial.with_check(serial.UNIT_DOSE + "0" * serial.DRAWN_LENGTH)


@room.get("/")
@requires(PRINT_LABELS)
def listed() -> str:
    ward, before = request.args.get("ward"), _moment(request.args.get("before", ""))
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        found = labels.batches(tx, ward=ward if ward in {line.id for line in wards} else None, before=before, limit=BATCHES + 1)
        names = views_pharmacy.names(tx, [one.made_by for one in found])
    more = found[BATCHES - 1].made_at.isoformat() if len(found) > BATCHES else ""
    return page.render("labels.html", batches=found[:BATCHES], wards=wards, ward=ward or "", names=names, more=more)


@room.get("/find")
@requires(PRINT_LABELS)
def find() -> BaseResponse:
    typed = request.args.get("q", "").strip().upper()[:200]
    typed = _serial_of(typed)
    wanted = typed[typed.find(serial.UNIT_DOSE) :][: len(SAMPLE)] if serial.UNIT_DOSE in typed else typed
    with reading(actor()) as tx:
        found = labels.named(tx, [wanted])
    if not found:
        page.say("labels-not-found" if serial.is_sound(wanted) else "labels-slip", "danger")
        return page.back(url_for("labels.listed"))
    place = found[0].place
    return page.back(url_for("labels.show", batch=found[0].batch, after=max(0, place - 1), _anchor=f"l{place}"))


@room.get("/new")
@requires(PRINT_LABELS)
def form() -> str:
    return _form({"product": request.args.get("product", ""), "count": "20"})


def _form(cells: Mapping[str, str], problem: Mapping[str, str] | None = None, preview: str = "") -> str:
    typed = request.args.get("q", "").strip()[:100]
    with reading(actor()) as tx:
        product = products.find(tx, cells["product"]) if cells.get("product") else None
        found = formulary.search(tx, typed, limit=20) if typed and product is None else ()
        wards = views_patients.wards(tx)
    return page.render(
        "label_form.html",
        product=product,
        found=found,
        q=typed,
        wards=wards,
        cells=cells,
        faults=problem or {},
        preview=preview,
        stocks=printing.equipment().of_kind("unit-dose"),
        most=verbs.MOST_AT_ONCE,
    )


@room.post("/new")
@requires(PRINT_LABELS)
def make() -> str | BaseResponse | tuple[str, int]:
    who, cells = actor(), {name: request.form.get(name, "").strip() for name in ("product", "lot", "expiry", "count", "ward", "stock")}
    problem: dict[str, str] = {}
    expiry, count = _day(cells["expiry"]), int(cells["count"]) if cells["count"].isascii() and cells["count"].isdigit() else 0
    if expiry is None:
        problem["expiry"] = page.t("labels-bad-expiry")
    if not cells["lot"]:
        problem["lot"] = page.t("labels-needed")
    if not 1 <= count <= verbs.MOST_AT_ONCE:
        problem["count"] = page.t("labels-bad-count", most=verbs.MOST_AT_ONCE)
    if problem or expiry is None:
        return _form(cells, problem), 422
    try:
        size = printing.stock_of("unit-dose", cells["stock"])
        with transaction(who) as tx:
            product = products.get(tx, cells["product"])
            verbs.checked_lot(tx, product, cells["lot"], expiry)
            sample = _sample(Wanted(product=product, lot=cells["lot"], expiry=expiry, words={}))
            drawn = printing.placed([sample], size)
            if request.form.get("do") == "preview":
                return _form(cells, preview=_picture(raster.png(drawn[0])))
            batch = verbs.of_product(
                tx, who, product=product.id, lot=cells["lot"], expiry=expiry, count=count, ward=cells["ward"], stock=size.id
            )
    except DoesNotFitError as exc:
        return _form(cells, {"stock": _unfit(exc)}), 422
    except PointOfCareError as exc:
        field = str(exc.fields.get("field") or "")
        if field in ("lot", "expiry", "count"):
            return _form(cells, {field: page.t(f"labels-bad-{field}", most=verbs.MOST_AT_ONCE)}), 422
        page.say_plain(faults.told(exc))
        return _form(cells), 409
    page.say("labels-made", n=batch.of)
    return page.back(url_for("labels.show", batch=batch.id))


@room.get("/round")
@requires(PRINT_LABELS)
def round_form() -> str:
    return _round_page({}, {})


@room.post("/round")
@requires(PRINT_LABELS)
def make_round() -> str | BaseResponse | tuple[str, int]:
    who = actor()
    chosen = set(request.form.getlist("dose"))
    try:
        size = printing.stock_of("unit-dose", request.form.get("stock", ""))
        with transaction(who) as tx:
            ward = chosen_ward(views_patients.wards(tx))
            if ward is None:
                abort(400)
            needs = [need for need in _needs(tx, ward.id) if need.product is not None and _key(need) in chosen]
            if len(needs) != len(chosen):
                page.say("labels-round-changed", "warning")
                return _round_page(request.form, {}), 409
            lots, problem = _lots(needs)
            if problem:
                return _round_page(request.form, problem), 422
            wanted = [one for need in needs for one in _wanted(need, *lots[need.product.id if need.product else ""])]
            for one in {(each.product.id, each.lot): each for each in wanted}.values():
                verbs.checked_lot(tx, one.product, one.lot, one.expiry)
            drawn = printing.placed([_sample(one) for one in wanted], size)
            if request.form.get("do") == "preview" and drawn:
                return _round_page(request.form, {}, preview=_picture(raster.png(drawn[0])))
            title = page.t("labels-round-title", ward=page.ward_name(ward.id), moment=page.full_moment(tx.at)[:-3])
            batch = verbs.of_round(tx, who, wanted, ward=ward.id, title=title, stock=size.id)
    except DoesNotFitError as exc:
        return _round_page(request.form, {"stock": _unfit(exc)}), 422
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return _round_page(request.form, {}), 409
    page.say("labels-made", n=batch.of)
    return page.back(url_for("labels.show", batch=batch.id))


def _round_page(cells: Mapping[str, str], problem: Mapping[str, str], preview: str = "") -> str:
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
        ward = chosen_ward(wards)
        needs = _needs(tx, ward.id) if ward is not None else ()
        done = labels.doses_labelled(tx, ward.id, since=tx.at - _SINCE) if ward is not None else set()
    can = [need for need in needs if need.product is not None]
    stock = {need.product.id: need.product for need in can if need.product is not None}
    viewing.seen(ward=ward.id if ward else "", count=len(needs), patients=[need.patient.id for need in needs])
    return page.render(
        "label_round.html",
        wards=wards,
        ward=ward.id if ward else "",
        hours=_hours(),
        all_hours=label_round.HOURS,
        can=[(need, _key(need), _dose_key(need) in done) for need in can],
        cannot=[need for need in needs if need.product is None],
        products=sorted(stock.values(), key=lambda product: product.name),
        chosen=set(request.form.getlist("dose")) if request.method == "POST" else None,
        cells=cells,
        faults=problem,
        preview=preview,
        stocks=printing.equipment().of_kind("unit-dose"),
    )


def _hours() -> int:
    wanted = request.values.get("hours", "")
    return int(wanted) if wanted in {str(each) for each in label_round.HOURS} else 8


def _needs(tx: Transaction, ward: str) -> tuple[Need, ...]:
    return label_round.of_ward(tx, ward, hours=_hours(), zone=page.config().timezone)


def _dose_key(need: Need) -> tuple[str, str]:
    return need.order.id, need.due.astimezone(UTC).isoformat() if need.due else ""


def _key(need: Need) -> str:
    return f"{need.order.id}|{need.order.version}|{_dose_key(need)[1]}"


def _lots(needs: list[Need]) -> tuple[dict[str, tuple[str, date]], dict[str, str]]:
    """Product -> lot and expiry, as they were typed once for each product."""
    found: dict[str, tuple[str, date]] = {}
    problem: dict[str, str] = {}
    for product in {need.product.id for need in needs if need.product is not None}:
        lot, expiry = request.form.get(f"lot-{product}", "").strip(), _day(request.form.get(f"expiry-{product}", ""))
        if not lot or len(lot) > 20:
            problem[f"lot-{product}"] = page.t("labels-bad-lot")
        if expiry is None:
            problem[f"expiry-{product}"] = page.t("labels-bad-expiry")
        elif lot:
            found[product] = (lot, expiry)
    return found, problem


def _wanted(need: Need, lot: str, expiry: date) -> list[Wanted]:
    assert need.product is not None
    assert need.due is not None
    words = {
        "patient": need.patient.name,
        "mrn": f"{page.t('mrn')} {need.patient.mrn}",
        "bed": need.patient.bed or "",
        "due": page.full_moment(need.due)[:-3],
        "order": need.order.id,
        "due_at": _dose_key(need)[1],
    }
    return [
        Wanted(
            product=need.product,
            lot=lot,
            expiry=expiry,
            patient=need.patient.id,
            words={**words, "part": f"{part}/{need.units}" if need.units > 1 else ""},
        )
        for part in range(1, need.units + 1)
    ]


@room.get("/batch/<batch>")
@requires(PRINT_LABELS)
def show(batch: str) -> Response | str:
    after = request.args.get("after", "0")
    with reading(actor()) as tx:
        found = labels.batch(tx, batch)
        after_place = int(after) if after.isascii() and after.isdigit() and len(after) < 7 else 0
        shown = labels.of_batch(tx, batch, after=after_place, limit=PAGE + 1)
        jobs = [(job, print_jobs.state(tx, job)) for job in labels.jobs(tx, subject=_subject(batch))]
        names = views_pharmacy.names(tx, [found.made_by, *(job.made_by for job, _ in jobs), *(label.void_by for label in shown)])
    viewing.seen(ward=found.ward, count=len(shown), patients=sorted({label.patient for label in shown if label.patient}))
    size = printing.equipment().stocks.get(found.stock)
    return page.live(
        "label_batch.html",
        "_label_jobs.html",
        batch=found,
        labels=shown[:PAGE],
        after=after_place,
        more=shown[PAGE - 1].place if len(shown) > PAGE else 0,
        before=max(0, after_place - PAGE),
        jobs=jobs,
        names=names,
        printers=printing.equipment().loaded_with(found.stock),
        printer_names={each.id: each.name for each in printing.equipment().printers.values()},
        size=size,
        doubtful={item for job, state in jobs if state in (labels.SENDING, labels.UNKNOWN) for item in job.items},
    )


@room.post("/batch/<batch>/pdf")
@requires(PRINT_LABELS)
def pdf(batch: str) -> Response | BaseResponse:
    """Every label of the batch that was never printed, as a file; from now on they count as printed."""
    who = actor()
    try:
        with transaction(who) as tx:
            found, taken, size = _taken(tx, batch)
            file = pages.pdf(printing.placed([label_words.unit_dose(label) for label in taken], size), title=found.id)
    except PointOfCareError as exc:
        return _refused(exc, batch)
    head = {"Content-Disposition": f"attachment; filename=labels-{found.id}-{taken[0].place}.pdf", "Cache-Control": "no-store"}
    return Response(file, mimetype="application/pdf", headers=head)


@room.post("/batch/<batch>/send")
@requires(PRINT_LABELS)
def send(batch: str) -> BaseResponse:
    """Those that were never printed, to a printer. The page is answered once the job is on the disk."""
    who = actor()
    try:
        with transaction(who) as tx:
            _, taken, size = _taken(tx, batch)
            printer = printing.printer_of(request.form.get("printer", ""), size)
            drawn = printing.placed([label_words.unit_dose(label) for label in taken], size, printer.dpi)
            job = printing.begin(
                tx, who, kind="unit-dose", subject=_subject(batch), items=[label.serial for label in taken], printer=printer
            )
    except PointOfCareError as exc:
        return _refused(exc, batch)
    printing.start(job, who, printer, drawn)
    page.say("labels-sending", printer=printer.name, n=len(taken))
    return page.back(url_for("labels.show", batch=batch))


def _taken(tx: Transaction, batch: str) -> tuple[Batch, tuple[UnitLabel, ...], Stock]:
    found = labels.batch(tx, batch)
    return found, verbs.take_unprinted(tx, actor(), batch), printing.stock_of("unit-dose", found.stock)


@room.post("/batch/<batch>/change")
@requires(PRINT_LABELS)
def change(batch: str) -> BaseResponse:
    """Prints some anew under new numbers, or withdraws them."""
    who, action = actor(), request.form.get("action", "")
    if action not in ("reprint", "void"):
        abort(400)
    chosen = request.form.getlist("serial")[: verbs.MOST_AT_ONCE]
    try:
        with transaction(who) as tx:
            chosen += [serial_ for serial_ in _between(tx, batch) if serial_ not in chosen]
            if action == "reprint":
                made = len(verbs.reprint(tx, who, batch, chosen, reason=request.form.get("reason", "")))
            else:
                made = verbs.withdraw(tx, who, batch, chosen, reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        return _refused(exc, batch)
    page.say(f"labels-done-{action}", n=made)
    return page.back(url_for("labels.show", batch=batch))


def _between(tx: Transaction, batch: str) -> list[str]:
    """The labels from one place in the list to another that can still be changed: for whoever holds a strip of them."""
    first, last = (request.form.get(name, "").strip() for name in ("first", "last"))
    if not all(each.isascii() and each.isdigit() and len(each) < 6 for each in (first, last)) or int(first) > int(last):
        return []
    found = labels.of_batch(tx, batch, after=int(first) - 1, limit=min(int(last) - int(first) + 1, verbs.MOST_AT_ONCE))
    return [label.serial for label in found if label.place <= int(last) and label.state != labels.VOID and label.used_at is None]


def _subject(batch: str) -> str:
    return f"label-batch/{batch}"


def _refused(exc: PointOfCareError, batch: str) -> BaseResponse:
    page.say_plain(_unfit(exc) if isinstance(exc, DoesNotFitError) else faults.told(exc))
    return page.back(url_for("labels.show", batch=batch))


def _unfit(exc: DoesNotFitError) -> str:
    return page.t("labels-unfit", field=page.t(f"label-field-{exc.fields.get('field')}"))


def _sample(one: Wanted) -> Label:
    """The label as it will be, with a number that was never issued, and a line that says so."""
    label = UnitLabel(
        serial=SAMPLE,
        batch="",
        place=0,
        ward="",
        product=one.product.id,
        gtin=one.product.gtin,
        lot=one.lot,
        expiry=one.expiry,
        words={"name": one.product.name, **one.words},
        until=datetime.combine(one.expiry, time(), UTC),
        patient=one.patient,
    )
    drawn = label_words.unit_dose(label)
    last = replace(drawn.lines[-1], text=page.t("label-sample"), bold=True)
    return replace(drawn, lines=(*drawn.lines[:-1], Line(**{name: getattr(last, name) for name in Line.__slots__})))


def _picture(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _serial_of(typed: str) -> str:
    """Out of what a person copied from the label with its brackets."""
    if not typed.startswith("("):
        return typed
    try:
        return gs1.typed(typed, page.today()).get("21") or typed
    except LabelError:
        return typed


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _moment(typed: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(typed.replace(" ", "+"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
