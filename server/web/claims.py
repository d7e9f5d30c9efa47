"""Drug lines for insurance claims: what was given in a period as XML2, what must not be billed, and what a person must look at first.

The page shows before it hands out, and a file names what it was made of. Each download is in the audit with numbers and no names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError, UnreadableError
from server.security import viewing
from server.security.permissions import EXPORT_CLAIMS
from server.security.person import actor, requires
from server.store import views_patients
from server.store.transaction import reading, transaction
from server.usecases import claims, claims_files
from server.usecases.claims import Export
from server.web import faults, page
from server.web.work import period

room = Blueprint("claims", __name__, url_prefix="/claims")

SHOWN = 100
LONGEST_DAYS = 31


@room.get("/")
@requires(EXPORT_CLAIMS)
def show() -> str | tuple[str, int]:
    fault = None
    found = None
    try:
        found = _export()
    except PointOfCareError as exc:
        code = f"claims-why-{exc.fields.get('says')}"
        fault = page.t(code) if page.has(code) else faults.told(exc)
    with reading(actor()) as tx:
        wards = views_patients.wards(tx)
    since, until = period(request.args, days=1)
    viewing.seen(ward=_ward(), count=len(found.rows) if found is not None else 0)
    zone = page.zone()
    return page.render(
        "claims.html",
        found=found,
        fault=fault,
        wards=wards,
        ward=_ward() or "",
        claim=_claim() or "",
        first=since.astimezone(zone).date().isoformat(),
        last=(until - timedelta(seconds=1)).astimezone(zone).date().isoformat(),
        shown=SHOWN,
        causes=Counter(one.code for one in found.faults).most_common() if found is not None else (),
        doubts=Counter(code for row in found.rows for code in row.doubts).most_common() if found is not None else (),
        has=page.has,
        quantity=lambda text: page.number(Decimal(text)),
        asked={name: request.args[name] for name in ("from", "to", "ward", "claim") if request.args.get(name)},
    )


@room.get("/xml2.xml")
@requires(EXPORT_CLAIMS)
def xml() -> Response | BaseResponse:
    return _file("xml2.xml", "application/xml", claims_files.xml)


@room.get("/xml2.xsd")
@requires(EXPORT_CLAIMS)
def schema() -> Response | BaseResponse:
    return _file("xml2.xsd", "application/xml", lambda found: claims_files.schema(found.shape))


@room.get("/rows.csv")
@requires(EXPORT_CLAIMS)
def rows() -> Response | BaseResponse:
    return _file("rows.csv", "text/csv", lambda found: claims_files.rows_csv(found).encode("utf-8-sig"))


@room.get("/unbilled.csv")
@requires(EXPORT_CLAIMS)
def unbilled() -> Response | BaseResponse:
    return _file("unbilled.csv", "text/csv", lambda found: claims_files.unbilled_csv(found, page.zone()).encode("utf-8-sig"))


@room.get("/faults.csv")
@requires(EXPORT_CLAIMS)
def faulty() -> Response | BaseResponse:
    return _file("faults.csv", "text/csv", lambda found: claims_files.faults_csv(found, page.zone()).encode("utf-8-sig"))


def _file(name: str, kind: str, write: Callable[[Export], bytes]) -> Response | BaseResponse:
    """One file of the period; nothing at all where the period holds more than was read."""
    who = actor()
    try:
        if page.config().training and name == "xml2.xml":
            raise UnreadableError("a training hospital has no claims", remedy="export from the hospital's own server", says="training")
        found = _export()
        if not found.is_whole:
            raise UnreadableError("the period holds more doses than are exported at once", remedy="choose fewer days", says="too-many")
    except PointOfCareError as exc:
        code = f"claims-why-{exc.fields.get('says')}"
        page.say_plain(page.t(code) if page.has(code) else faults.told(exc))
        return page.back(url_for("claims.show"))
    with transaction(who) as tx:
        tx.audit("claims.export", "report/claims", {"file": name, **claims_files.told(found)})
    viewing.seen(ward=_ward(), count=len(found.rows))
    return Response(
        write(found), mimetype=kind, headers={"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "no-store"}
    )


def _export() -> Export:
    since, until = period(request.args, days=1)
    if until - since > timedelta(days=LONGEST_DAYS, hours=1):
        raise UnreadableError("the period is too long", remedy="choose a month at most", says="too-long")
    site = page.config().site
    with reading(actor()) as tx:
        wards = {line.id for line in views_patients.wards(tx)}
        chosen = _ward()
        return claims.collect(
            tx,
            since=since,
            until=until,
            zone=page.config().timezone,
            wards=site.ward_codes,
            ward=chosen if chosen in wards else None,
            claim=_claim(),
        )


def _ward() -> str | None:
    return request.args.get("ward", "")[:64] or None


def _claim() -> str | None:
    return request.args.get("claim", "").strip()[:100] or None
