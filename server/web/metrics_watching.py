"""The figures of /metrics that say whether the server itself, and what it stands on, is well. Names of wards, carts and fixed words only.

A look is a fixed number of statements, each answered from an index or from as many rows as there are carts.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from server.security import expiries
from server.security.expiries import Expiry
from server.store import pace, wal_archive, watching
from server.store.pace import BOUNDS_S, Pace
from server.store.transaction import reading
from server.usecases import readiness
from server.web import page

MOST_WARDS = 200


def of_the_database() -> Iterator[Metric]:
    """Raises: DatabaseError."""
    schema = watching.schema()
    yield GaugeMetricFamily("pointofcare_database_schema_current", "1: at the schema of this version", value=float(schema.is_current))
    ahead_s = watching.database_ahead_s()
    if ahead_s is not None:
        yield GaugeMetricFamily("pointofcare_database_clock_ahead_seconds", "Clock of the database before this machine's", value=ahead_s)
    yield from _archive()
    with reading() as tx:
        delays = watching.delays(tx)
        wards = watching.carts_by_ward(tx, limit=MOST_WARDS)
    if delays.newest_order_at is not None:
        yield GaugeMetricFamily(
            "pointofcare_newest_order_timestamp_seconds", "When an order came or changed last", value=delays.newest_order_at.timestamp()
        )
    yield GaugeMetricFamily(
        "pointofcare_outbox_oldest_age_seconds", "How long the oldest record waits for the EMR", value=delays.outbox_age_s
    )
    yield GaugeMetricFamily(
        "pointofcare_audit_unsealed_age_seconds", "How long the oldest entry waits for its seal", value=delays.seal_age_s
    )
    online = GaugeMetricFamily("pointofcare_ward_carts_online", "Carts of the ward that are there", labels=["ward"])
    ages = GaugeMetricFamily("pointofcare_ward_chart_age_seconds", "The oldest chart on a cart that is there", labels=["ward"])
    clocks = GaugeMetricFamily(
        "pointofcare_ward_clock_offset_seconds", "The clock that is furthest off, of carts that are there", labels=["ward"]
    )
    unsent = GaugeMetricFamily("pointofcare_ward_unsent_records", "Records that are on the carts of the ward alone", labels=["ward"])
    away = GaugeMetricFamily("pointofcare_ward_unsent_records_away", "The same, on carts that are not there", labels=["ward"])
    for ward, found in wards.items():
        online.add_metric([ward], found.online)
        if found.chart_age_s is not None:
            ages.add_metric([ward], found.chart_age_s)
        if found.clock_offset_s is not None:
            clocks.add_metric([ward], found.clock_offset_s)
        unsent.add_metric([ward], found.unsent)
        away.add_metric([ward], found.unsent_away)
    yield from (online, ages, clocks, unsent, away)


def _archive() -> Iterator[Metric]:
    """Nothing of SQLite: its backup is the nightly one alone."""
    archive = wal_archive.state()
    if archive is None:
        return
    works = "1: PostgreSQL archives its log, and the newest try went well"
    yield GaugeMetricFamily("pointofcare_wal_archiving", works, value=float(archive.works))
    late = "How long something has been waiting that is on the database's machine alone"
    yield GaugeMetricFamily("pointofcare_wal_unarchived_age_seconds", late, value=archive.waiting_s)


def of_the_process() -> Iterator[Metric]:
    """What is known without a database."""
    config = page.config()
    free = GaugeMetricFamily("pointofcare_disk_free_bytes", "Room that is left where this server writes", labels=["place"])
    size = GaugeMetricFamily("pointofcare_disk_size_bytes", "Size of the disk where this server writes", labels=["place"])
    for place, path in readiness.places(config).items():
        try:
            usage = shutil.disk_usage(path)
        except OSError:
            continue  # no figure: the alert for a missing one tells
        free.add_metric([place], usage.free)
        size.add_metric([place], usage.total)
    yield from (free, size)
    yield _ends(
        "pointofcare_certificate_end_timestamp_seconds",
        "When a certificate or the revocation list ends",
        "of",
        expiries.certificates(config),
    )
    yield _ends(
        "pointofcare_firmware_list_end_timestamp_seconds",
        "When a list of the firmware repository ends",
        "role",
        expiries.firmware_lists(config),
    )
    yield _histogram("pointofcare_recording_seconds", "A dose taken in with its second look, by this process", pace.RECORDING)
    yield _histogram("pointofcare_verdict_seconds", "A verdict of the second look, by this process", pace.VERDICT)
    yield GaugeMetricFamily("pointofcare_clock_timestamp_seconds", "The clock of this machine", value=datetime.now(UTC).timestamp())
    yield GaugeMetricFamily("pointofcare_threads", "Threads of this process", value=threading.active_count())


def up(is_up: bool) -> Metric:
    return GaugeMetricFamily("pointofcare_database_up", "1: the database can be read", value=float(is_up))


def _ends(name: str, about: str, label: str, found: Iterator[Expiry]) -> Metric:
    """What should be there and cannot be read ends now: 0."""
    family = GaugeMetricFamily(name, about, labels=[label])
    for each in found:
        family.add_metric([each.of], each.ends_at.timestamp() if each.ends_at is not None else 0.0)
    return family


def _histogram(name: str, about: str, measured: Pace) -> Metric:
    told = measured.told()
    bounds = [*(str(bound) for bound in BOUNDS_S), "+Inf"]
    family = HistogramMetricFamily(name, about)
    family.add_metric([], list(zip(bounds, accumulate(map(float, told.counts)), strict=True)), told.sum_s)
    return family
