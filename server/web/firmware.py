"""Firmware: what is released under whose signatures, when each signed list ends, and which carts run what. Nothing is released here:
that takes keys which no server has."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, url_for
from werkzeug.wrappers import Response

from pointofcare.errors import FirmwareError
from server.config import ServerConfig
from server.firmware import repository, standing
from server.firmware.repository import Repository
from server.security import person
from server.security.permissions import MANAGE_FIRMWARE, SEE_FLEET
from server.security.person import actor, requires
from server.store import views_firmware
from server.store.transaction import reading, transaction
from server.web import fleet, page

room = Blueprint("firmware", __name__, url_prefix="/fleet/firmware")


@room.get("/")
@requires(SEE_FLEET)
def show() -> str:
    now = repository.now()
    found, fault = None, ""
    try:
        found = standing.of(_held())
    except FirmwareError as exc:
        fault = exc.code
    with reading(actor()) as tx:
        running = views_firmware.running(tx)
    released = {each.target.image_hash: each for each in found.released} if found is not None else {}
    return page.render(
        "firmware.html",
        found=found,
        fault=fault,
        running=running,
        released=released,
        counts={each.image_hash: each.number for each in running if each.image_hash},
        now=now,
        may_change=person.may(MANAGE_FIRMWARE),
        tabs=fleet.tabs(),
    )


@room.post("/renew")
@requires(MANAGE_FIRMWARE)
def renew() -> Response:
    """Signs the server's own two lists anew now, as it does by itself."""
    try:
        done = standing.refresh(_held(), at=repository.now(), always=True)
    except (FirmwareError, OSError):
        page.say("firmware-not-renewed", kind="danger")
        return redirect(url_for("firmware.show"))
    if done:
        with transaction(actor()) as tx:
            tx.audit("firmware.renew", "firmware/lists", {})
        page.say("firmware-renewed")
    return redirect(url_for("firmware.show"))


def _held() -> Repository:
    config: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    return Repository(config.firmware.directory)
