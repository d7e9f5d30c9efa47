"""The rounds sheet with codes: printing it, finding a line by its code, entering what the nurse wrote on it, and what is still open.

Reading a page writes nothing; a sheet comes to be by a press. Must never fill in what stands on the paper: time and person are asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import segno
from flask import Blueprint, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError, QuantityError
from pointofcare.orders.order import Order
from pointofcare.quantity import Quantity
from server.security import viewing
from server.security.permissions import ENTER_PAPER
from server.security.person import actor, requires
from server.store import bedside, downtime, identities, orders, products, staff, views_patients, views_pharmacy
from server.store.downtime import LineView, Printed, SheetView
from server.store.transaction import Transaction, reading, transaction
from server.usecases import downtime as verbs
from server.usecases import handwriting
from server.usecases.downtime import Told
from server.usecases.import_rows import FieldError
from server.web import faults, moments, page, ward, work
from server.web.printed import moment_on_paper

room = Blueprint("downtime", __name__, url_prefix="/downtime")


@room.get("/")
@requires(ENTER_PAPER)
def listed() -> str | BaseResponse:
    """The sheets; `?code=` is a line's code that was scanned or typed, and leads to the line."""
    typed = request.args.get("code", "")[:60]
    if typed.strip():
        try:
            sheet, number = verbs.read_code(typed)
            with reading(actor()) as tx:
                verbs.line(tx, verbs.sheet(tx, sheet), number)
        except PointOfCareError as exc:
            page.say_plain(told(exc))
        else:
            return page.back(url_for("downtime.line", sheet=sheet, number=number))
    with reading(actor()) as tx:
        found = downtime.listed(tx, since=tx.at - verbs.LISTED)
        counts = {one.sheet: verbs.counted(downtime.lines(tx, one), tx.at) for one in found if one.used_at and not one.closed_at}
        names = views_pharmacy.names(tx, {one.printed_by for one in found} | {one.closed_by for one in found})
    viewing.seen(count=len(found))
    return page.render("downtime.html", sheets=found, counts=counts, names=names, typed=typed)


@room.post("/print")
@requires(ENTER_PAPER)
def make() -> BaseResponse:
    who = actor()
    chosen = request.form.get("ward", "")[:64]
    try:
        with transaction(who) as tx:
            wards = [one for one in views_patients.wards(tx) if one.id == chosen]
            zone = (wards[0].timezone if wards else "") or page.config().timezone
            look = bedside.of_ward(tx, chosen)
            found = ward.beds(
                look,
                policy=products.policy(tx, chosen),
                zone=zone,
                now=tx.at,
                changed=orders.changed(tx, look.orders),
                ahead=verbs.VALID,
                most=None,
            )
            sheet = verbs.print_sheet(tx, who, chosen, [line for bed in found for line in _lines(bed)])
    except PointOfCareError as exc:
        page.say_plain(told(exc))
        return page.back(url_for("printed.sheet", ward=chosen or None))
    return page.back(url_for("downtime.paper", sheet=sheet))


def _lines(bed: ward.Bed) -> Iterable[Printed]:
    for dose in bed.doses:
        if dose.status.value in _TO_DO:
            yield _line(bed, dose.order, dose.due, number=dose.number)
    for order in bed.on_demand:
        yield _line(bed, order, None)


_TO_DO = frozenset({"due", "overdue", "upcoming", "in-progress"})


def _line(bed: ward.Bed, order: Order, due: datetime | None, *, number: int = 1) -> Printed:
    patient = bed.patient
    allergies = [one.substance for one in patient.allergies] if patient.allergies is not None else None
    printed = {
        "bed": patient.bed or "–",
        "name": patient.name,
        "mrn": patient.mrn,
        "born": page.day(patient.birth_date) if patient.birth_date else None,
        "allergies": allergies,
        "drug": order.display or order.ingredient,
        "dose": page.order_dose(order),
        "route": order.route,
        "unverified": not order.verified,
        "double-check": order.needs_double_check,
        "more": number - 1,
        "at-cart": order.category in verbs.AT_THE_CART,
        "times": page.timing(order) if due is None else "",
    }
    return Printed(patient=patient.id, order=order.id, order_version=order.version, due=due, printed=printed)


@room.get("/<sheet>/paper")
@requires(ENTER_PAPER)
def paper(sheet: str) -> str:
    found, lines = _read(sheet)
    beds: dict[str, list[LineView]] = {}
    for one in lines:
        beds.setdefault(one.patient, []).append(one)
    viewing.seen(ward=found.ward, patients=list(beds), count=len(lines))
    return page.render("downtime_paper.html", sheet=found, beds=beds, code=_drawn, code_text=verbs.code, moment_on_paper=moment_on_paper)


@room.get("/<sheet>")
@requires(ENTER_PAPER)
def show(sheet: str) -> str:
    found, lines = _read(sheet)
    with reading(actor()) as tx:
        names = views_pharmacy.names(tx, _people(lines) | {found.printed_by, found.closed_by})
        now = tx.at
    viewing.seen(ward=found.ward, patients=list({one.patient for one in lines}), count=len(lines))
    open_now = {one.number for one in verbs.open_lines(lines, now)}
    shown = [one for one in lines if one.number in open_now] if "open" in request.args else lines
    return page.render(
        "downtime_sheet.html",
        sheet=found,
        lines=shown,
        open_now=open_now,
        counts=verbs.counted(lines, now),
        number_of_lines=len(lines),
        only_open="open" in request.args,
        names=names,
        code_text=verbs.code,
    )


@room.get("/<sheet>/<int(max=2147483647):number>")
@requires(ENTER_PAPER)
def line(sheet: str, number: int) -> str:
    return _form(sheet, number, {}, {})


@room.post("/<sheet>/<int(max=2147483647):number>")
@requires(ENTER_PAPER)
def enter(sheet: str, number: int) -> BaseResponse | tuple[str, int]:
    who = actor()
    cells = {name: request.form.get(name, "")[:400] for name in CELLS}
    answers, found = _told(cells, another=request.form.get("another") == "yes")
    if answers is None:
        return _form(sheet, number, cells, found), 422
    try:
        with transaction(who) as tx:
            of = verbs.sheet(tx, sheet)
            recorded = verbs.enter(tx, who, of, number, answers, site=work.site())
    except PointOfCareError as exc:
        says = str(exc.fields.get("says", ""))
        doubtful = exc.fields.get("records", [])
        status = 409 if says in ("same", "closed") else 422
        return _form(sheet, number, cells, {says or "form": told(exc)}, doubtful=doubtful if isinstance(doubtful, list) else []), status
    page.say("downtime-again" if recorded is None else "downtime-entered", "warning" if recorded is None else "success")
    return page.back(url_for("downtime.show", sheet=sheet, open=1))


@room.post("/<sheet>/<int(max=2147483647):number>/nothing")
@requires(ENTER_PAPER)
def nothing(sheet: str, number: int) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.nothing_done(tx, who, verbs.sheet(tx, sheet), number, why=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(told(exc))
        return page.back(url_for("downtime.line", sheet=sheet, number=number))
    page.say("downtime-nothing-said")
    return page.back(url_for("downtime.show", sheet=sheet, open=1))


@room.post("/<sheet>/close")
@requires(ENTER_PAPER)
def close(sheet: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            verbs.close(tx, who, verbs.sheet(tx, sheet), words=request.form.get("words", ""))
    except PointOfCareError as exc:
        page.say_plain(told(exc))
    else:
        page.say("downtime-closed-now")
    return page.back(url_for("downtime.show", sheet=sheet))


CELLS = ("record_id", "at", "nurse", "what", "dose", "product", "lot", "site", "prn_reason", "witness", "why", "words")


def told(exc: PointOfCareError) -> str:
    says = exc.fields.get("says") or exc.fields.get("field")
    code = f"downtime-fault-{says}"
    return page.t(code) if says and page.has(code) else faults.told(exc)


def _told(cells: dict[str, str], *, another: bool) -> tuple[Told | None, dict[str, str]]:
    """What was typed, or the faults by field."""
    found: dict[str, str] = {}
    at = moments.typed(cells["at"])
    if at is None:
        found["at"] = page.t("downtime-fault-at")
    try:
        UUID(cells["record_id"])
    except ValueError:
        found["form"] = page.t("form-broken")
    given = cells["what"] == "given"
    if cells["what"] not in ("given", "not-given"):
        found["what"] = page.t("downtime-fault-what")
    dose: Quantity | None = None
    if given and cells["dose"].strip():
        try:
            dose = Quantity.parse(handwriting.amount(cells["dose"]))
        except (QuantityError, FieldError):
            found["dose"] = page.t("downtime-fault-dose")
    if found or at is None:
        return None, found
    return Told(
        record_id=cells["record_id"],
        at=(at if at.tzinfo is not None else at.replace(tzinfo=page.zone())).astimezone(UTC),
        nurse=cells["nurse"],
        dose=dose,
        product=cells["product"] or None,
        lot=cells["lot"],
        site=cells["site"],
        prn_reason=cells["prn_reason"],
        witness=cells["witness"] or None,
        why=None if given else cells["why"],
        words=cells["words"],
        another=another,
    ), {}


def _read(sheet: str) -> tuple[SheetView, tuple[LineView, ...]]:
    with reading(actor()) as tx:
        found = verbs.sheet(tx, sheet)
        return found, downtime.lines(tx, found)


def _people(lines: Iterable[LineView]) -> set[str | None]:
    return {each.nurse for one in lines for each in one.charted} | {one.nothing_by for one in lines}


def _form(sheet: str, number: int, cells: dict[str, str], found: dict[str, str], *, doubtful: list[object] | None = None) -> str:
    with reading(actor()) as tx:
        of = verbs.sheet(tx, sheet)
        one = verbs.line(tx, of, number)
        wide = verbs.whoever(tx)
        patient = views_patients.get(wide, identities.current(tx, one.patient))
        order = _order(wide, one.order)
        choices = verbs.products_for(order, products.listed(tx))
        people = [entry for entry in staff.roster(tx, of.ward) if verbs.GIVERS & set(entry.roles)]
        names = views_pharmacy.names(tx, _people([one]))
        records = [dose for each in doubtful or () if (dose := views_patients.dose(wide, str(each))) is not None]
    viewing.seen(patient=one.patient, ward=of.ward)
    given = {"record_id": str(uuid4()), "nurse": "", "what": "given", "dose": one.printed.get("dose", ""), "at": ""}
    if len(choices) == 1:
        given["product"] = choices[0].id
    if one.due is not None:
        given["at"] = moments.shown(one.due.astimezone(page.zone()))[:11]  # the day stands on the paper, the time is the nurse's to tell
    return page.render(
        "downtime_line.html",
        sheet=of,
        line=one,
        patient=patient,
        order=order,
        changed=order is None or order.version != one.order_version,
        products=choices,
        people=sorted(people, key=lambda entry: entry.name),
        reasons=verbs.NOT_GIVEN,
        cells=given | {name: value for name, value in cells.items() if value or cells},
        found=found,
        doubtful=records,
        names=names,
        code_text=verbs.code,
        example=moments.EXAMPLE,
    )


def _order(tx: Transaction, order: str) -> Order | None:
    try:
        return orders.get(tx, order).order
    except PointOfCareError:
        return None


def _drawn(sheet: str, number: int) -> Markup:
    """The line's code, drawn into the page."""
    drawn = segno.make(verbs.code(sheet, number), error="q", micro=False)
    return Markup(drawn.svg_inline(border=4, scale=1, omitsize=True, svgclass="line-code", lineclass=None))
