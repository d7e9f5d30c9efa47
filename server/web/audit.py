"""Who did what, and messages that could not be understood. Read only: nothing here can be changed or deleted."""

from __future__ import annotations

from flask import Blueprint, Response, request

from server.security import viewing
from server.security.permissions import SEE_AUDIT, SEE_REJECTED
from server.security.person import actor, requires
from server.store import views_audit, views_fleet, views_pharmacy
from server.store.transaction import reading
from server.web import page

room = Blueprint("audit", __name__, url_prefix="/audit")

PER_PAGE = 100


@room.get("/")
@requires(SEE_AUDIT)
def entries() -> str:
    who = request.args.get("actor", "").strip()[:64]
    subject = request.args.get("subject", "").strip()[:200]
    before = request.args.get("before", "")
    with reading(actor()) as tx:
        found = views_audit.entries(
            tx,
            actor=who or None,
            subject=subject or None,
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
            limit=PER_PAGE,
        )
        names = views_pharmacy.names(tx, {entry.actor for entry in found})
    older = found[-1].id if len(found) == PER_PAGE else None
    return page.render("audit.html", entries=found, names=names, who=who, subject=subject, older=older)


@room.get("/rejected")
@requires(SEE_REJECTED)
def rejected() -> Response | str:
    with reading(actor()) as tx:
        found = views_fleet.rejected(tx)
    viewing.seen(count=len(found))
    return page.live("rejected.html", "_rejected.html", messages=found)
