"""Phones that are carts: pair one, see which are paired and since when, end one that is lost.

A pairing code is shown once, on the answer to the form, and never again.
"""

from __future__ import annotations

import segno
from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security.permissions import MANAGE_MACHINES
from server.security.person import actor, requires
from server.store import phones as store
from server.store.transaction import reading, transaction
from server.usecases import phones as verbs
from server.web import faults, page, revocation

room = Blueprint("phones", __name__, url_prefix="/phones")


@room.get("/")
@requires(MANAGE_MACHINES)
def show() -> str:
    return _page()


@room.post("/claim")
@requires(MANAGE_MACHINES)
def claim() -> str | BaseResponse:
    who = actor()
    gate = page.config().phones.address
    if not gate:
        page.say("phones-no-address", "danger")
        return page.back(url_for("phones.show"))
    try:
        with transaction(who) as tx:
            made = verbs.claim(tx, who, request.form.get("cart", "")[:200])
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("phones.show"))
    # After the # nothing goes to a server, a log or a preview: the phone's own page reads it.
    link = f"{gate}/pair#{made.token}"
    code = segno.make(link, error="m", micro=False).svg_data_uri(scale=6, border=4, light="#fff")
    return _page(claimed=made, link=link, code=code)


@room.post("/<cart>/revoke")
@requires(MANAGE_MACHINES)
def revoke(cart: str) -> BaseResponse:
    return revocation.answered("phone", cart, verbs.revoke, back=url_for("phones.show"))


def _page(**claimed: object) -> str:
    with reading(actor()) as tx:
        found = store.listed(tx)
        waiting = store.waiting(tx)
        now = tx.at
    paired = sum(1 for one in found if one.stands(now))
    return page.render("phones.html", phones=found, waiting=waiting, now=now, paired=paired, gate=page.config().phones.address, **claimed)
