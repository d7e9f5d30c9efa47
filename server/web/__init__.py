"""The web pages: plain HTML, each led by what a role has to do."""

from __future__ import annotations

from flask import Blueprint, Flask

from server.firmware import serving
from server.web import (
    account,
    admission,
    audit,
    bags,
    barcodes,
    bedside,
    catalogue,
    claims,
    controlled,
    documents,
    downtime,
    emergency,
    emr,
    faults,
    feed_hook,
    files,
    fleet_battery,
    fleet_care,
    fleet_cart,
    fleet_commands,
    fleet_drift,
    formulary,
    help,
    history,
    home,
    identity,
    imports,
    incoming,
    insurance,
    labels,
    machines,
    menu,
    merging,
    metrics,
    orders,
    other_labels,
    patients,
    pharmacy,
    phones,
    policy,
    prescriber,
    printed,
    quality,
    recalls,
    review,
    rules,
    sign_in,
    staff,
    together,
    transcription,
    wall,
    ward,
    ward_staff,
    work,
)

ROOMS = (
    home.room,
    pharmacy.room,
    together.room,
    formulary.room,
    catalogue.room,
    barcodes.room,
    ward.room,
    wall.room,
    quality.room,
    patients.room,
    printed.room,
    history.room,
    documents.room,
    downtime.room,
    admission.room,
    identity.room,
    insurance.room,
    merging.room,
    prescriber.room,
    transcription.room,
    orders.room,
    review.room,
    work.room,
    bags.room,
    labels.room,
    other_labels.room,
    bedside.room,
    controlled.room,
    claims.room,
    recalls.room,
    policy.room,
    emr.room,
    feed_hook.room,
    incoming.room,
    emergency.room,
    ward_staff.room,
    fleet_cart.room,
    fleet_care.room,
    fleet_commands.room,
    fleet_battery.room,
    metrics.room,
    fleet_drift.room,
    machines.room,
    phones.room,
    imports.room,
    staff.room,
    audit.room,
    account.room,
    rules.room,
    help.room,
)


def register(app: Flask) -> None:
    """Puts every page on `app`."""
    app.register_blueprint(Blueprint("web", __name__, template_folder="templates", static_folder="static", static_url_path="/static"))
    for room in ROOMS:
        app.register_blueprint(room)
    app.register_blueprint(serving.room)
    menu.register(app)
    help.register(app)
    files.register(app)
    faults.register(app)
    sign_in.register(app)
