"""/metrics: figures of the fleet for Prometheus. They name carts and wards, never a person.

For whoever names the token of the configuration, or for programs of this machine; otherwise nothing is there. However many carts there
are, a look is a fixed number of statements, and single carts are told up to a bound.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from werkzeug.exceptions import NotFound

from server.store import fleet_care, outbox, views_carts
from server.store.transaction import Transaction, reading
from server.store.views_carts import Asked, FleetLine
from server.store.watching import DatabaseError
from server.web import metrics_watching, page

room = Blueprint("metrics", __name__)

# So many carts have figures of their own; the rest counts in the totals.
MOST_CARTS = 2000
MOST_VERSIONS = 40

# Figure, filter and choice of the list of carts, what it is.
TOTALS: tuple[tuple[str, str, str, str], ...] = (
    ("pointofcare_carts", "state", "", "Carts that were ever heard of"),
    ("pointofcare_carts_online", "state", "online", "Carts that are there"),
    ("pointofcare_carts_offline", "state", "offline", "Carts that are away or silent"),
    ("pointofcare_carts_degraded", "state", "degraded", "Carts that are there and limited"),
    ("pointofcare_carts_updating", "state", "updating", "Carts that are being updated"),
    ("pointofcare_carts_unsent", "state", "unsent", "Carts with records that are not sent"),
    ("pointofcare_carts_old_chart", "state", "old-chart", "Carts whose data are older than four hours"),
    ("pointofcare_carts_battery_low", "charge", "low", "Carts with a charge below 30 percent"),
    ("pointofcare_carts_battery_worn", "health", "worn", "Carts whose battery has a state of health below 70 percent"),
    ("pointofcare_carts_drifted", "drift", "yes", "Carts that run with another configuration than is wanted"),
    ("pointofcare_carts_alerting", "alert", "any", "Carts with an open alert"),
    ("pointofcare_carts_critical", "alert", "critical", "Carts with an open critical alert"),
    ("pointofcare_carts_certificate_soon", "certificate", "soon", "Carts whose certificate ends within thirty days"),
    ("pointofcare_carts_certificate_none", "certificate", "none", "Carts without a certificate in force"),
)
_LABELS = ("cart", "ward")


@room.get("/metrics")
def show() -> Response:
    if not is_let_in(proxies=page.config().http.proxies):
        raise NotFound
    found = list(metrics_watching.of_the_process())
    try:
        with reading() as tx:
            found += list(_figures(tx))
        found += [*metrics_watching.of_the_database(), metrics_watching.up(True)]
    except DatabaseError:
        found.append(metrics_watching.up(False))  # what is known without it is told all the same
    return answer(found)


def answer(found: list[Metric]) -> Response:
    registry = CollectorRegistry()
    registry.register(_Fixed(found))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Fixed:
    """What was found, as a registry asks for it."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        return iter(self._found)


def is_let_in(*, proxies: int) -> bool:
    """Whether whoever asks now may read figures. `proxies` stand before the address that was asked."""
    config = page.config()
    if config.metrics.token is not None:
        kind, _, told = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(told.strip().encode(), config.metrics.token.encode()):
            return True
    # Behind a proxy the caller's address is what somebody wrote into a header.
    return config.metrics.loopback and not proxies and "Forwarded" not in request.headers and _is_here(request.remote_addr)


def _is_here(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback and "X-Forwarded-For" not in request.headers
    except ValueError:
        return False


def _figures(tx: Transaction) -> Iterator[Metric]:
    counts = views_carts.counts(tx)
    for name, filter_, choice, about in TOTALS:
        yield GaugeMetricFamily(name, about, value=counts[filter_][choice])
    for name, filter_, about in (
        ("pointofcare_carts_of_software", "app", "Carts by the version of their software"),
        ("pointofcare_carts_of_firmware", "mcu", "Carts by the version of their microcontroller's firmware"),
        ("pointofcare_carts_of_ward", "ward", "Carts by the ward in which they are"),
    ):
        label = "ward" if filter_ == "ward" else "version"
        family = GaugeMetricFamily(name, about, labels=[label])
        for choice, number in list(counts[filter_].items())[:MOST_VERSIONS]:
            family.add_metric([choice], number)
        yield family
    open_, late = fleet_care.counts(tx, page.today())
    yield GaugeMetricFamily("pointofcare_cart_care_open", "Pieces of maintenance that are not done", value=open_)
    yield GaugeMetricFamily("pointofcare_cart_care_overdue", "Pieces of maintenance that are overdue", value=late)
    yield from _carts(tx, counts["state"][""])
    yield from _server(tx)


def _carts(tx: Transaction, number: int) -> Iterator[Metric]:
    found = views_carts.found(tx, Asked(), limit=MOST_CARTS, with_documents=False).lines
    left_out = GaugeMetricFamily(
        "pointofcare_carts_left_out", "Carts without figures of their own: there are too many", value=number - len(found)
    )
    yield left_out

    def family(name: str, about: str, value: str) -> Metric:
        made = GaugeMetricFamily(f"pointofcare_cart_{name}", about, labels=_LABELS)
        for cart in found:
            told = _value(cart, value, tx.at)
            if told is not None:
                made.add_metric([cart.id, cart.ward], told)
        return made

    yield family("online", "1: the cart is there", "online")
    yield family("last_seen_timestamp_seconds", "When something came from the cart last", "last_seen_at")
    yield family("battery_percent", "Charge", "battery_percent")
    yield family("battery_health_percent", "State of health of the battery", "health_percent")
    yield family("battery_cycles", "Charge cycles of the battery", "battery_cycles")
    yield family("battery_temperature_celsius", "Temperature of the battery", "battery_cel")
    yield family("battery_load_percent_per_hour", "Charge that the cart uses up in an hour, by its own numbers", "load_percent_h")
    yield family("unsent_records", "Records that are still on the cart alone", "unsent")
    yield family("alerts", "Open alerts that are not snoozed", "alerts")
    yield family("certificate_end_timestamp_seconds", "When the certificate in force ends", "certificate_ends_at")
    yield family("drifted", "1: it runs with another configuration than is wanted", "drift")


def _value(cart: FleetLine, name: str, now: datetime) -> float | None:
    told = cart.online(now) if name == "online" else getattr(cart, name)
    if isinstance(told, datetime):
        return told.timestamp()
    return None if told is None else float(told)


def _server(tx: Transaction) -> Iterator[Metric]:
    counts = outbox.counts(tx)
    yield GaugeMetricFamily("pointofcare_outbox_pending", "Records that wait for the medical record", value=counts.pending)
    yield GaugeMetricFamily("pointofcare_outbox_parked", "Records that a person must look at before they are sent", value=counts.parked)
    yield from of_the_gateway()


def of_the_gateway() -> Iterator[Metric]:
    """Where it runs in this process."""
    gateway = getattr(current_app.extensions.get("pointofcare"), "gateway", None)
    if gateway is None:
        return
    state = gateway.state
    yield GaugeMetricFamily("pointofcare_broker_connected", "1: the gateway is at the broker", value=float(state.connected))
    messages = CounterMetricFamily("pointofcare_gateway_messages", "Messages of the gateway by what became of them", labels=["outcome"])
    for outcome in ("recorded", "duplicates", "rejected", "failed"):
        messages.add_metric([outcome], getattr(state, outcome))
    yield messages
