"""Machines and their certificates: claim a cart, see when each certificate ends, revoke one that is lost.

A claim is shown once, on the answer to the form, and never again.
"""

from __future__ import annotations

import json
from pathlib import Path

import segno
from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import PointOfCareError
from server.security import authority as authorities
from server.security import broker_files, enrolment
from server.security.permissions import MANAGE_MACHINES
from server.security.person import actor, requires
from server.store import machines as store
from server.store.transaction import reading, transaction
from server.usecases import machines as verbs
from server.web import faults, page, revocation

room = Blueprint("machines", __name__, url_prefix="/machines")


@room.get("/")
@requires(MANAGE_MACHINES)
def show() -> str:
    return _page()


@room.post("/claim")
@requires(MANAGE_MACHINES)
def claim() -> str | BaseResponse:
    who = actor()
    try:
        root = authorities.load(_directory())
        with transaction(who) as tx:
            made = verbs.claim(tx, who, request.form.get("cart", "")[:200])
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
        return page.back(url_for("machines.show"))
    server = page.config().machines.address or request.url_root.rstrip("/")
    told = {"server": server, "token": made.token, "ca_sha256": root.fingerprint, "cart": made.machine}
    code = segno.make(json.dumps(told, separators=(",", ":")), error="m", micro=False).svg_data_uri(scale=5, border=4, light="#fff")
    command = f"pointofcare-cart enrol --server {server} --token {made.token} --ca-sha256 {root.fingerprint}"
    return _page(claimed=made, command=command, code=code)


@room.post("/<machine>/revoke")
@requires(MANAGE_MACHINES)
def revoke(machine: str) -> BaseResponse:
    return revocation.answered("machine", machine, verbs.revoke, back=url_for("machines.show"))


def _page(**claimed: object) -> str:
    files = page.config().machines.broker_files
    state = broker_files.list_state(files) if files is not None else None
    with reading(actor()) as tx:
        found = store.listed(tx)
        now = tx.at
    alert = files is not None and (state is None or state.alert(now))
    ready = (_directory() / "ca.key").exists()
    return page.render(
        "machines.html", machines=found, now=now, soon=now + enrolment.CRL_ALERT, ready=ready, alert=alert, state=state, **claimed
    )


def _directory() -> Path:
    return page.config().machines.ca_dir
