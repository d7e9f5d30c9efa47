"""The server's only wiring: a configuration goes in, a Flask application and the programs around it come out.

Nothing here opens a socket or starts a thread; `server.__main__` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo

from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix

from pointofcare.errors import ConfigError, FirmwareError
from pointofcare.labels.scan import SiteProfile
from server.alerts.watch import AlertWatch
from server.bare import CONFIG as CONFIG
from server.bare import RUNNING as RUNNING
from server.bare import Running as Running
from server.bare import bare_app as bare_app
from server.config import ServerConfig
from server.emr import form_of, mapping_context, open_emr
from server.emr.dispatcher import BATCH, Dispatcher
from server.emr.read_back import ReadBack
from server.firmware import standing
from server.firmware.repository import Repository
from server.mqtt.gateway import Gateway
from server.security import broker_files, signing
from server.store import audit_log, notices, outbox
from server.store.transaction import reading
from server.usecases import cart_commands, fhir_exports, parts, quality_days, readiness
from server.usecases import incoming as arriving
from server.usecases.facts import Site

LATE = outbox.LATE
# The revocation list is made anew each day.
UNWRITTEN = timedelta(days=2)


def create_app(config: ServerConfig, *, pages: bool = True) -> Flask:
    """The whole application: database and sign-in, and with `pages` the API and the web pages."""
    from server import security

    app = bare_app(config)
    if config.http.proxies:
        count = config.http.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    security.setup(app)
    app.add_url_rule("/healthz", "healthz", lambda: _health(app))
    if pages:
        from server import api, web

        api.register(app)
        web.register(app)
    return app


def site(config: ServerConfig) -> Site:
    profile = SiteProfile(mrn_pattern=config.site.mrn_pattern, badge_prefix=config.site.badge_prefix, mrn_patterns=config.site.mrn_patterns)
    return Site(profile=profile, timezone=config.timezone)


def counter(app: Flask, config: ServerConfig) -> quality_days.Counter:
    """What counts the quality figures, not started."""
    return quality_days.Counter(counting_rules(config), scope=app.app_context)


def counting_rules(config: ServerConfig) -> quality_days.Rules:
    return quality_days.Rules(site=site(config), without_code=frozenset(config.quality.without_code))


def gateway(app: Flask, config: ServerConfig) -> Gateway:
    """The gateway of `config`, not started. Raises: ConfigError (no [mqtt], no usable signing key)."""
    if config.mqtt is None:
        raise ConfigError("MQTT is switched off", problems=(("mqtt.enabled", "set it to true"),))
    running: Running = app.extensions[RUNNING]

    def recorded() -> None:
        for dispatcher in running.dispatchers:
            dispatcher.wake()

    return Gateway(
        config.mqtt,
        facility=config.facility,
        key=signing.load_or_generate(config.signing_key),
        site=site(config),
        lifetime=timedelta(hours=config.table_lifetime_h),
        version=program_version(),
        scope=app.app_context,
        recorded=recorded,
        tells_stops=config.emr.blocked_attempts,
    )


def alert_watch(app: Flask, config: ServerConfig) -> AlertWatch:
    """What asks the rules over the fleet and sends what they find, not started. The gateway tells it of which carts something came."""
    return AlertWatch(
        config.alerts,
        facility=config.facility,
        language=config.languages[0],
        zone=ZoneInfo(config.timezone),
        scope=app.app_context,
        address=f"{config.http.address.rstrip('/')}/fleet/alerts/" if config.http.address else "",
    )


def listener(app: Flask, woken: Gateway) -> notices.Listener:
    """What wakes the gateway when another process has something for a cart, not started."""
    return notices.Listener(notices.COMMANDS, woken.wake, wanted=cart_commands.any_requested, scope=app.app_context)


def dispatchers(app: Flask, config: ServerConfig) -> tuple[Dispatcher, ...]:
    """As many as configured, not started. Raises: ConfigError."""
    running: Running = app.extensions[RUNNING]

    def settled() -> None:
        if running.gateway is not None:
            running.gateway.wake()

    context = mapping_context(config.emr, facility=config.facility)
    form = form_of(config.emr, facility=config.facility)
    opened = [open_emr(config.emr, facility=config.facility) for _ in range(config.emr.workers)]
    return tuple(
        Dispatcher(
            emr,
            context,
            scope=app.app_context,
            form=form,
            settled=settled,
            looks=ReadBack(emr, per_minute=config.emr.read_back_per_minute) if place == 0 else None,
            tells_carts=config.emr.devices and config.emr.target == "fhir",
            batch=BATCH if len(opened) == 1 else 1,
        )
        for place, emr in enumerate(opened)
    )


def exporter(app: Flask, config: ServerConfig) -> fhir_exports.Exporter:
    """What writes exports for other systems, not started."""
    return fhir_exports.Exporter(config.data_dir, mapping_context(config.emr, facility=config.facility), scope=app.app_context)


def program_version() -> str:
    try:
        return version("pointofcare")
    except PackageNotFoundError:
        return "unknown"


def _health(app: Flask) -> ResponseReturnValue:
    """For load balancers and people: no names, no secrets. 503 only when the database is away."""
    from sqlalchemy.exc import SQLAlchemyError

    config: ServerConfig = app.config[CONFIG]
    answer: dict[str, object] = {"version": program_version()}
    faults: list[str] = []
    try:
        with reading() as tx:
            counts = outbox.counts(tx)
            unsealed = audit_log.unsealed(tx, limit=1)
            behind = sorted({one.source for one in arriving.lags(tx, config.fhir_feed) if one.is_late})
        found = parts.everywhere(app.extensions[RUNNING], config.facility)
    except SQLAlchemyError as exc:
        return {**answer, "status": "down", "faults": [f"database: {type(exc).__name__}"]}, 503
    oldest = counts.oldest_pending_at
    answer["database"] = "ok"
    answer["outbox"] = {"pending": counts.pending, "parked": counts.parked, "sent": counts.sent}
    if oldest is not None and datetime.now(UTC) - oldest > LATE:
        faults.append("outbox: a record waits for more than 5 minutes")
    if counts.parked:
        faults.append(f"outbox: {counts.parked} parked")
    if found.feeds is not None:
        answer["feed"] = {"running": found.feeds, "taken": found.taken}
    if found.gateway is not None:
        answer["broker"] = "connected" if found.gateway.broker else "not connected"
        answer["messages"] = found.gateway.messages
    faults += [f"{each.part}: {each.reason}" for each in readiness.of_the_parts(config, found) if each.reason]
    faults += [f"feed: {source} is behind, see the page Incoming" for source in behind]
    warnings = _warnings(config, unsealed, datetime.now(UTC))
    if config.metrics.is_on and not config.metrics.gateway_port and found.gateway is not None and app.extensions[RUNNING].gateway is None:
        warnings.append("figures: how doses are recorded is told nowhere, for the gateway is another program: set metrics.gateway_port")
    return {**answer, "status": "degraded" if faults else "ok", "faults": faults, "warnings": warnings}, 200


def _firmware_warnings(config: ServerConfig, at: datetime) -> tuple[str, ...]:
    try:
        found = standing.of(Repository(config.firmware.directory))
    except FirmwareError as exc:
        return (f"firmware: {exc.message}",)
    return found.alarms(at) if found is not None else ()


def _warnings(config: ServerConfig, unsealed: Sequence[audit_log.Unsealed], at: datetime) -> list[str]:
    """What does not hurt yet, and will when nobody looks. They leave the status as it is."""
    warnings = list(_firmware_warnings(config, at))
    if unsealed and at - unsealed[0].at > LATE:
        warnings.append("audit: entries wait for their seal for more than 5 minutes")
    directory = config.machines.broker_files
    if directory is not None:
        state = broker_files.list_state(directory)
        if state is None:
            warnings.append("broker files: none are written")
        else:
            if at - state.made_at > UNWRITTEN:
                warnings.append("broker files: not written anew for more than two days")
            if state.alert(at):
                warnings.append(f"revocation list: ends on {state.ends_at.date().isoformat()}, and then the broker lets nobody in")
    return warnings
