"""What carts run with against what they are to run with: the exact difference, and a person's word on it. Nothing is mended silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from pointofcare.errors import MessageError, NotFoundError, PointOfCareError
from pointofcare.wire.settings import SETTINGS
from server.security import person
from server.security.permissions import MANAGE_MACHINES, SEE_FLEET
from server.security.person import actor, requires
from server.store import cart_config, commands, patients, rollouts, views_carts, views_fleet, views_pharmacy
from server.store.transaction import Transaction, reading, transaction
from server.usecases import fleet_drift as verbs
from server.web import faults, fleet, fleet_asked, page

room = Blueprint("fleet_drift", __name__, url_prefix="/fleet-config")


@room.get("/")
@requires(SEE_FLEET)
def listed() -> str:
    args = request.args if "drift" in request.args else {**request.args, "drift": "yes"}
    look = fleet_asked.read(args)
    with reading(actor()) as tx:
        found = views_carts.found(tx, look.asked, limit=look.size, offset=look.offset, with_documents=False)
        counts = views_carts.counts(tx)
        configs = cart_config.of_carts(tx, [cart.id for cart in found.lines])
        groups = cart_config.groups(tx)
        wards = patients.wards(tx)
    return page.render(
        "fleet_drift.html",
        carts=[(cart, verbs.differences(configs[cart.id]) if cart.id in configs else ()) for cart in found.lines],
        configs=configs,
        number=found.number,
        pages=max(1, -(-found.number // look.size)),
        look=look,
        chosen=look.chosen,
        counts=counts,
        groups=groups,
        wards=wards,
        tabs=fleet.tabs(),
    )


@room.get("/cart/<cart_id>")
@requires(SEE_FLEET)
def one(cart_id: str) -> str:
    return _one(cart_id)


def _one(cart_id: str, *, cells: Mapping[str, str] | None = None, problems: Mapping[str, str] | None = None) -> str:
    with reading(actor()) as tx:
        found = views_fleet.cart(tx, cart_id)
        if found is None:
            raise NotFoundError(f"cart {cart_id!r} is not known", remedy="look at the list of carts", cart=cart_id)
        config = cart_config.one(tx, cart_id)
        group = cart_config.groups(tx).get(found.ward)
        jobs = rollouts.of_cart(tx, cart_id, limit=1)
        names = views_pharmacy.names(tx, {config.desired_by} if config.desired_by else set())
    return page.render(
        "fleet_drift_one.html",
        cart=found,
        line_versions=(found.software, str((found.mcu or {}).get("firmware") or "")),
        config=config,
        differences=verbs.differences(config),
        drifts=cart_config.drifts(config),
        group=group,
        differs_from_group=group is not None and dict(group.document) != dict(config.desired),
        job=jobs[0] if jobs else None,
        names=names,
        may_change=person.may(MANAGE_MACHINES),
        **_form(config.desired, cells, problems),
    )


@room.get("/ward/<ward_id>")
@requires(SEE_FLEET)
def group(ward_id: str) -> str:
    return _group(ward_id)


def _group(ward_id: str, *, cells: Mapping[str, str] | None = None, problems: Mapping[str, str] | None = None) -> str:
    with reading(actor()) as tx:
        if ward_id not in {line.id for line in patients.wards(tx)}:
            raise NotFoundError("there is no such ward", ward=ward_id[:64])
        found = cart_config.groups(tx).get(ward_id)
        carts, other = _standing(tx, ward_id, found)
        names = views_pharmacy.names(tx, {found.changed_by} if found else set())
    return page.render(
        "fleet_drift_group.html",
        ward=ward_id,
        group=found,
        carts=carts,
        other=other,
        names=names,
        may_change=person.may(MANAGE_MACHINES),
        **_form(found.document if found else {}, cells, problems),
    )


def _standing(tx: Transaction, ward: str, group: cart_config.GroupConfig | None) -> tuple[int, list[str]]:
    """How many carts are in the ward, and those that are to run with something else than the ward's document."""
    carts = commands.of_ward(tx, ward)
    if group is None:
        return len(carts), []
    configs = cart_config.of_carts(tx, carts)
    same = {cart for cart, config in configs.items() if config.desired_version and dict(config.desired) == dict(group.document)}
    return len(carts), [cart for cart in carts if cart not in same]


@room.post("/cart/<cart_id>/want")
@requires(MANAGE_MACHINES)
def want(cart_id: str) -> BaseResponse | str | tuple[str, int]:
    try:
        document = verbs.read(request.form)
        return _done(lambda tx: verbs.want(tx, actor(), cart_id, document, reason=_reason()), "drift-wanted", cart_id)
    except MessageError as exc:
        return _one(cart_id, cells=request.form, problems=_told(exc)), 422


@room.post("/cart/<cart_id>/adopt")
@requires(MANAGE_MACHINES)
def adopt(cart_id: str) -> BaseResponse:
    seen = request.form.get("hash", "")
    return _done(lambda tx: verbs.adopt(tx, actor(), cart_id, reported_hash=seen, reason=_reason()), "drift-adopted", cart_id)


@room.post("/cart/<cart_id>/again")
@requires(MANAGE_MACHINES)
def again(cart_id: str) -> BaseResponse:
    return _done(lambda tx: verbs.apply_again(tx, actor(), cart_id, reason=_reason()), "drift-applied", cart_id)


@room.post("/ward/<ward_id>/keep")
@requires(MANAGE_MACHINES)
def keep_group(ward_id: str) -> BaseResponse | str | tuple[str, int]:
    try:
        document = verbs.read(request.form)
    except MessageError as exc:
        return _group(ward_id, cells=request.form, problems=_told(exc)), 422
    return _done(lambda tx: verbs.keep_group(tx, actor(), ward_id, document, reason=_reason()), "drift-group-kept", ward=ward_id)


@room.post("/ward/<ward_id>/apply")
@requires(MANAGE_MACHINES)
def apply_group(ward_id: str) -> BaseResponse:
    told = request.form.get("version", "")
    version = int(told) if told.isascii() and told.isdigit() and len(told) < 12 else 0
    return _done(lambda tx: verbs.apply_group(tx, actor(), ward_id, version=version, reason=_reason()), "drift-group-applied", ward=ward_id)


def _done(verb: Callable[[Transaction], object], said: str, cart: str = "", *, ward: str = "") -> BaseResponse:
    """Does it and says so, or says why not; back to where it was asked."""
    back = url_for("fleet_drift.one", cart_id=cart) if cart else url_for("fleet_drift.group", ward_id=ward)
    try:
        with transaction(actor()) as tx:
            number = verb(tx)
    except MessageError as exc:
        page.say_plain("; ".join(f"{page.t('setting-' + name.replace('_', '-'))}: {text}" for name, text in _told(exc).items()))
    except PointOfCareError as exc:
        page.say_plain(faults.told(exc))
    else:
        page.say(said, n=number if isinstance(number, int) else 0)
    return page.back(back)


def _reason() -> str:
    return request.form.get("reason", "")


def _told(exc: MessageError) -> dict[str, str]:
    return {name: page.t(f"drift-{code}") if page.has(f"drift-{code}") else code for name, code in exc.problems}


def _form(document: Mapping[str, object], cells: Mapping[str, str] | None, problems: Mapping[str, str] | None) -> dict[str, Any]:
    told = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in document.items()}
    return {"settings": SETTINGS, "cells": cells if cells is not None else told, "problems": problems or {}}
