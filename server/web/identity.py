"""Who one patient is and where: identity, bands and their printing, photo, bed and ward, discharge, readmission.

The band's page is made only together with a new instance: there is no address that gives the same band twice.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from devices.printers import band as bands
from pointofcare.errors import PointOfCareError
from pointofcare.people import PatientStatus
from server.security import viewing
from server.security.permissions import ADMIT, DISCHARGE, SEE_PATIENTS
from server.security.person import actor, requires
from server.store import identities, labels, merges, patients, views_patients, views_pharmacy
from server.store.transaction import reading, transaction
from server.usecases import admission, merge, photos, print_jobs
from server.web import label_words, page, printing
from server.web.admission import told

# The stock of a label printer for each size of band.
_STOCKS = {"adult": "band-279x25", "child": "band-178x25", "infant": "band-160x19"}

room = Blueprint("identity", __name__, url_prefix="/admission")


@room.get("/<patient_id>/")
@requires(SEE_PATIENTS)
def show(patient_id: str) -> str:
    with reading(actor()) as tx:
        patient = patients.get(tx, patient_id)
        identity = identities.get(tx, patient_id)
        here = patient.status is PatientStatus.ADMITTED
        newest = admission.newest_band(patient)
        done = merges.of_patient(tx, patient_id)
        children = identities.children(tx, patient_id)
        context: dict[str, object] = {
            "patient": patient,
            "identity": identity,
            "unnamed": admission.is_unnamed(patient, identity),
            "here": here,
            "mother": _one(identities.known(tx, (identity.mother,))) if identity is not None and identity.mother else None,
            "children": children,
            "children_seen": {one.id for one in identities.known(tx, [one.id for one in children])},
            "alike": admission.alike_in_ward(tx, patient.ward, patient_id) if here else (),
            "photo": identities.photo(tx, patient_id),
            "wards": patients.wards(tx),
            "own_wards": views_patients.wards(tx),
            "newest": newest,
            "seen_band": f"{newest.gsrn}/{newest.srin}" if newest is not None else "",
            "sizes": tuple(bands.SIZES),
            "size": _size(identity),
            "orders": admission.live_orders(tx, patient_id),
            "merges": done,
            "hindrances": {one.id: merge.hindrances(tx, one) for one in done[:1] if one.kept == patient_id and one.undone_at is None},
        }
        who = {one.by for one in done} | {one.undone_by for one in done} | ({identity.admitted_by} if identity is not None else set())
        jobs = labels.jobs(tx, subject=f"patient/{patient_id}", limit=1)
        context["band_job"] = (jobs[0], print_jobs.state(tx, jobs[0])) if jobs else None
        context["band_printers"] = printing.choices("band")["label_printers"]
        context["names"] = views_pharmacy.names(tx, who)
    viewing.seen(patient=patient_id)
    return page.render("identity.html", **context)


@room.post("/<patient_id>/band")
@requires(ADMIT)
def band(patient_id: str) -> Response | BaseResponse:
    """A new instance of the band, as a PDF of its size; the older ones are revoked in the same transaction."""
    who = actor()
    size = bands.SIZES.get(request.form.get("size", ""))
    if size is None:
        abort(400)
    try:
        with transaction(who) as tx:
            made = admission.new_band(tx, who, patient_id, prefix=page.config().site.gsrn_prefix, seen=request.form.get("seen", "")[:64])
            patient = patients.get(tx, patient_id)
            ward = patients.ward(tx, patient.ward) if patient.ward else None
            # Drawn inside: a band that cannot be drawn revokes none.
            lines = tuple(line for line in (f"{page.word('sex', patient.sex)} · {ward.name if ward else ''}".strip(" ·"),) if line)
            if page.config().training:
                lines = (page.t("training-banner"), *lines)
            one = bands.Band(
                gsrn=made.gsrn, srin=made.srin or "", name=patient.name, mrn=patient.mrn, birth_date=patient.birth_date, lines=lines
            )
            wanted = request.form.get("printer", "")
            if wanted:
                printer = printing.printer_of(wanted, printing.stock_of("band", _STOCKS[request.form["size"]]))
                drawn = printing.placed([label_words.band(one)], printing.stock_of("band", _STOCKS[request.form["size"]]), printer.dpi)
                subject = f"patient/{patient_id}"
                job = printing.begin(tx, who, kind="band", subject=subject, items=[f"{made.gsrn}/{made.srin}"], printer=printer)
            else:
                file = bands.pdf(one, size)
    except PointOfCareError as exc:
        page.say_plain(told(exc))
        return page.back(url_for("identity.show", patient_id=patient_id))
    if wanted:
        printing.start(job, who, printer, drawn)
        page.say("labels-sending", printer=printer.name, n=1)
        return page.back(url_for("identity.show", patient_id=patient_id))
    name = f"band-{patient.mrn}-{made.srin}.pdf"
    head = {"Content-Disposition": f"attachment; filename={_plain(name)}", "Cache-Control": "no-store"}
    return Response(file, mimetype="application/pdf", headers=head)


@room.post("/<patient_id>/move")
@requires(ADMIT)
def move(patient_id: str) -> BaseResponse:
    who = actor()
    ward, bed = request.form.get("ward", ""), request.form.get("bed", "").strip()[:32] or None
    try:
        with transaction(who) as tx:
            admission.move(tx, who, patient_id, ward=ward, bed=bed)
    except PointOfCareError as exc:
        page.say_plain(told(exc))
        return page.back(url_for("identity.show", patient_id=patient_id))
    page.say("admission-moved", ward=page.ward_name(ward), bed=bed or "–")
    return _back(patient_id, ward)


@room.post("/<patient_id>/discharge")
@requires(DISCHARGE)
def discharge(patient_id: str) -> BaseResponse:
    """The page says how many orders end; the number must be the one that was shown."""
    who = actor()
    kind, shown = request.form.get("kind", ""), request.form.get("orders", "")
    if kind not in ("discharged", "deceased") or "sure" not in request.form:
        page.say("admission-fault-sure", "danger")
        return page.back(url_for("identity.show", patient_id=patient_id))
    try:
        with transaction(who) as tx:
            if shown != str(admission.live_orders(tx, patient_id)):
                page.say("admission-fault-orders-changed", "danger")
                return page.back(url_for("identity.show", patient_id=patient_id))
            ended = admission.discharge(tx, who, patient_id, deceased=kind == "deceased", reason=request.form.get("reason", ""))
    except PointOfCareError as exc:
        page.say_plain(told(exc))
        return page.back(url_for("identity.show", patient_id=patient_id))
    page.say("admission-discharged", n=len(ended))
    return page.back(url_for("admission.overview"))


@room.post("/<patient_id>/readmit")
@requires(ADMIT)
def readmit(patient_id: str) -> BaseResponse:
    who = actor()
    try:
        with transaction(who) as tx:
            patient = admission.readmit(
                tx, who, patient_id, ward=request.form.get("ward", ""), bed=request.form.get("bed", "").strip()[:32] or None
            )
    except PointOfCareError as exc:
        page.say_plain(told(exc))
        return page.back(url_for("admission.overview"))
    page.say("admission-readmitted", name=patient.name)
    return page.back(url_for("identity.show", patient_id=patient_id))


@room.post("/<patient_id>/photo")
@requires(ADMIT)
def photo(patient_id: str) -> BaseResponse:
    who = actor()
    try:
        if "remove" in request.form:
            with transaction(who) as tx:
                photos.remove(tx, who, patient_id)
            page.say("admission-photo-removed")
        else:
            sent = request.files.get("photo")
            data = sent.stream.read(photos.MOST_BYTES + 1) if sent is not None else b""
            with transaction(who) as tx:
                photos.take(tx, who, patient_id, data)
            page.say("admission-photo-done")
    except PointOfCareError as exc:
        page.say_plain(told(exc))
    return page.back(url_for("identity.show", patient_id=patient_id, _anchor="photo"))


@room.get("/<patient_id>/photo.jpg")
@requires(SEE_PATIENTS)
def picture(patient_id: str) -> Response:
    with reading(actor()) as tx:
        views_patients.get(tx, patient_id)
        found = identities.photo(tx, patient_id)
    if found is None:
        abort(404)
    viewing.seen(patient=patient_id)
    return Response(found.picture, mimetype="image/jpeg", headers={"Cache-Control": "no-store", "Content-Disposition": "inline"})


def _back(patient_id: str, ward: str) -> BaseResponse:
    """Where the person may still look: a patient who went to another ward is out of reach."""
    with reading(actor()) as tx:
        mine = {line.id for line in views_patients.wards(tx)}
    return page.back(url_for("identity.show", patient_id=patient_id) if ward in mine else url_for("admission.overview"))


def _size(identity: identities.Identity | None) -> str:
    return "infant" if identity is not None and identity.mother is not None else "adult"


def _one(found: tuple[identities.Known, ...]) -> identities.Known | None:
    return found[0] if found else None


def _plain(name: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in ".-_") else "_" for sign in name)
