"""The only wiring of the cart: builds each part from the configuration, starts them in order, stops them in the other."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from waitress.server import create_server

from cart_client import at_rest, drawer_watch
from cart_client import clock as clocks
from cart_client.alerting import Sign
from cart_client.bedside import Bedside, clock_of
from cart_client.chart import Chart
from cart_client.commanded import Carrier, Doing, Located, Memory
from cart_client.commanded.bundle import Kept
from cart_client.commanded.memory import FILE as COMMANDS_FILE
from cart_client.config import Config
from cart_client.drawer import tell_battery, tell_use
from cart_client.inbox import Halt, Link
from cart_client.journal import Journal
from cart_client.monitor import Newest, follow
from cart_client.scanning import Fault, Onlooker, Sight, Viewfinder, listen, watch
from cart_client.screen import View
from cart_client.settings_held import SettingsHeld
from cart_client.software import Software, Tools, hardware
from cart_client.trust import keys_from
from cart_client.upkeep import Readings, Upkeep, disk_free_percent, signs
from cart_client.uplink import Uplink
from cart_client.versions import Versions
from cart_client.web import serving
from cart_client.web.app import create_app
from cart_client.web.phone import Phone, became
from devices import registry
from devices.firmware import image, job
from devices.firmware.releases import HttpFetcher, Source
from devices.identity import Identity
from devices.renewal import Renewal
from pointofcare.administration.session import State
from pointofcare.errors import ConfigError, PointOfCareError
from pointofcare.fleet.gates import Hardware
from pointofcare.verdict import engine
from pointofcare.wire.messages import CartPhase
from pointofcare.wire.training import is_training

log = logging.getLogger(__name__)
NO_CAMERA = "none"
# Beside the journal: the facility whose records are in it.
FACILITY_FILE = "facility"
ERASE_EVERY_S = 300.0

# A body is refused before it is kept: it must not fill the disk that the journal needs.
SERVER: dict[str, Any] = {"ident": None, "max_request_body_size": 65_536, "max_request_header_size": 32_768}


class CartProgram:
    """A running cart. `url` is the kiosk's address. Raises: ConfigError, AtRestError, JournalError, DeviceError from the start."""

    def __init__(
        self, config: Config, *, wall: Callable[[], datetime] = clocks.wall, steady_s: Callable[[], float] = clocks.steady_s
    ) -> None:
        key_file = config.server_key_file
        try:
            key = keys_from(key_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            problem = (("server_key_file", f"{key_file} must hold the server's public Ed25519 JWK: {exc}"),)
            message = f"the server's key {key_file} cannot be used: {exc}"
            raise ConfigError(message, problems=problem, remedy="copy it from the server") from exc
        _claim(config.data_dir, config.facility)
        self._unlocked = at_rest.unlock(config.data_dir, config.at_rest)
        for line in self._unlocked.told:
            log.warning("%s", line)
        self.told = self._unlocked.told
        self._journal = Journal(config.data_dir / at_rest.JOURNAL, cart=config.cart, at_rest=self._unlocked.key)
        self._clock = clock_of(self._journal, now=wall, mono_s=steady_s, boot_id=clocks.boot_id())
        self._chart = Chart(
            config.data_dir / at_rest.CHART,
            facility=config.facility,
            ward=config.ward,
            key=key,
            at_rest=self._unlocked.key,
            mono_s=steady_s,
        )
        self._camera = registry.camera(config.camera) if config.camera != NO_CAMERA else None
        self._scanner = registry.scanner(config.scanner) if config.scanner else None
        if self._camera is None and self._scanner is None and config.phone_socket is None:
            message = "a cart needs a camera or a hand scanner"
            raise ConfigError(message, problems=(("devices.camera", message),), remedy="name one under [devices]")
        self._drawers = registry.drawers(config.drawers)
        self._monitor = registry.monitor(config.monitor) if config.monitor else None
        self._held = SettingsHeld(
            config.data_dir,
            cart=config.cart,
            facility=config.facility,
            keys=lambda: self._chart.keys,
            own={"language": config.language},
            nothing_here=frozenset() if self._camera is not None else frozenset({"camera_alert"}),
        )
        self._data_dir = config.data_dir
        newest = Newest()
        self._halt = threading.Event()
        self._bedside = Bedside(
            cart=config.cart,
            facility=config.facility,
            ward=config.ward,
            zone=config.zone,
            chart=self._chart,
            journal=self._journal,
            drawers=self._drawers,
            training=config.training,
            clock=self._clock,
            mono_s=steady_s,
            idle_lock_s=lambda: self._held.whole_number("idle_lock_s"),
            ask_lease=lambda asked: self._uplink.ask_lease(asked),
            ask_witness=lambda body: self._uplink.ask_witness(body),
            wake=lambda: self._uplink.wake(),
        )
        # Without a lens there are no pictures to search or to show.
        self._sight: Sight | None = None
        if self._camera is not None:
            finder = Viewfinder(registry.picture())
            self._sight = Sight(registry.gauge(), finder, self._bedside.inbox.put, wanted=self._camera.wanted_size())
        self._located = Located()
        self._restarting = threading.Event()
        self._leaving = threading.Event()
        self._software = self._updates(config)
        self._log = Kept()
        self._commands = Carrier(
            Doing(
                cart=config.cart,
                data_dir=config.data_dir,
                hardware=self._drawers,
                located=self._located,
                versions=_versions(),
                config_hash=config_hash(config),
                numbers=self._numbers,
                lines=lambda: self._log.lines,
                journal_works=lambda: not self._bedside.view.strip.journal_fault,
                is_idle=self._nobody_is_in,
                is_updating=lambda: self._health()[0] is CartPhase.UPDATING,
                now=self._clock.now,
                camera=self._sight.numbers if self._sight is not None else None,
                picture=self._sight.viewfinder.number if self._sight is not None else lambda: None,
                locate=lambda: (float(self._held.whole_number("locate_lasts_s")), self._held.text("locate_pattern")),
            ),
            Memory(config.data_dir / COMMANDS_FILE),
            restart=self._end_to_restart,
        )
        self._uplink = Uplink(
            config.broker,
            cart=config.cart,
            facility=config.facility,
            ward=config.ward,
            chart=self._chart,
            journal=self._journal,
            tell=self._bedside.inbox.put,
            versions=_versions(),
            health=self._health,
            numbers=self._numbers,
            camera=self._sight.numbers if self._sight is not None else None,
            clock=self._clock,
            mono_s=steady_s,
            commands=self._commands,
            upkeep=Upkeep(self._held, self._signs, software=self._software),
        )
        phone = None
        if config.phone_socket is not None:
            phone = Phone(
                Onlooker(registry.distant_camera(), self._bedside.inbox),
                view=lambda: self._bedside.view,
                ask=self._bedside.ask,
                became=lambda record_id: became(self._journal, record_id),
            )
        web = create_app(
            view=lambda: self._bedside.view,
            ask=self._bedside.ask,
            jpeg=self._sight.viewfinder.jpeg if self._sight is not None else lambda: None,
            outlook=self._sight.outlook if self._sight is not None else None,
            names=self._chart.names,
            language=config.language,
            preset=self._held.text,
            phone=phone,
            monitor=(lambda: newest.shown(identifiers(self._bedside.view))) if self._monitor is not None else None,
            monitored=self._monitor.codes if self._monitor is not None else (),
            located=self._located,
            found=self._drawers.signal,
        )
        serves = {**SERVER, "threads": self._held.whole_number("kiosk_threads")}
        if config.phone_socket is None:
            self._server = create_server(web, host=config.kiosk_host, port=config.kiosk_port, **serves)
        else:
            self._server, self._hold = serving.on_socket(web, config.phone_socket, **serves)
        readers: list[threading.Thread] = []
        if phone is not None:
            readers.append(threading.Thread(target=phone.watch, args=(self._halt,), name="phone", daemon=True))
        if self._camera is not None and self._sight is not None:
            decoder = registry.decoder(config.decoder, symbologies=config.symbologies)
            seen_by = (self._camera, decoder, self._sight, self._bedside.inbox, self._halt)
            readers.append(threading.Thread(target=watch, args=seen_by, kwargs={"idle": self._nobody_is_in}, name="scanning", daemon=True))
            readers.append(threading.Thread(target=self._sight.keep_watch, args=(self._halt,), name="camera watch", daemon=True))
        if self._scanner is not None:
            heard_by = (self._scanner, self._bedside.inbox, self._halt)
            readers.append(threading.Thread(target=listen, args=heard_by, name="scanner", daemon=True))
        if self._monitor is not None:
            readers.append(threading.Thread(target=follow, args=(self._monitor, newest, self._halt), name="monitor", daemon=True))
        self._threads = (
            *readers,
            threading.Thread(target=self._bedside.run, name="bedside", daemon=True),
            threading.Thread(target=self._server.run, name="kiosk", daemon=True),
            threading.Thread(target=tell_battery, args=(self._drawers, self._bedside.inbox, self._halt), name="battery", daemon=True),
            threading.Thread(target=tell_use, args=(self._drawers, self._nobody_is_in, self._halt), name="use", daemon=True),
            *self._drawers_followed(config),
            threading.Thread(target=self._erase, args=(config.at_rest.erase_expired_after,), name="erasing", daemon=True),
        )
        self._identity = Identity(directory=config.identity_dir, cart=config.cart) if config.identity_dir is not None else None
        self._renewal = Renewal(self._identity, self._uplink) if self._identity is not None else None
        host = f"[{config.kiosk_host}]" if ":" in config.kiosk_host else config.kiosk_host
        self.url = f"http://{host}:{self._server.effective_port}/" if config.phone_socket is None else f"unix:{config.phone_socket}"

    def _drawers_followed(self, config: Config) -> tuple[threading.Thread, ...]:
        if config.drawers == "none":
            return ()
        seen_by = (self._drawers, self._bedside.inbox, self._halt)
        kwargs = {"mono_s": clocks.steady_s}
        return (threading.Thread(target=drawer_watch.follow, args=seen_by, kwargs=kwargs, name="drawer watch", daemon=True),)

    def start(self) -> None:
        logging.getLogger().addHandler(self._log)
        for thread in self._threads:
            thread.start()
        self._commands.start()
        self._uplink.start()
        if self._software is not None:
            self._software.start()
        if self._renewal is not None:
            self._renewal.start()

    @property
    def alive(self) -> bool:
        """Whether every part still runs: a cart that lost one must be started anew, not limp."""
        return self._uplink.alive and all(thread.is_alive() for thread in self._threads)

    @property
    def restarting(self) -> bool:
        """Whether it was asked to end so that it is started anew."""
        return self._restarting.is_set()

    @property
    def leaving(self) -> bool:
        """Whether the next start is the launcher's to decide: another version may be the one to run."""
        return self._leaving.is_set()

    def stop(self) -> None:
        """Stop everything; what was journalled stays. Back within seconds."""
        logging.getLogger().removeHandler(self._log)
        self._halt.set()
        self._commands.stop()
        if self._software is not None:
            self._software.stop()
        if self._renewal is not None:
            self._renewal.stop()
        serving.stop(self._server)
        for reader in (self._camera, self._scanner, self._monitor):
            if reader is not None:
                reader.close()
        self._uplink.stop()
        self._bedside.inbox.put(Halt())
        for thread in self._threads:
            thread.join(3.0)
        self._drawers.close()
        self._journal.close()
        self._chart.close()
        self._unlocked.close()

    def _erase(self, after: timedelta) -> None:
        """What nobody may use any more does not stay on a cart that may be lost."""
        while True:
            reading = self._clock.read()
            if clocks.may_erase(reading, time.monotonic() - _STARTED_MONO_S, after):
                for kind in self._chart.erase_expired(reading.at, after):
                    log.warning("the %s expired long ago and was erased: the server will be asked for it", kind.value)
            if self._halt.wait(ERASE_EVERY_S):
                return

    def _end_to_restart(self) -> bool:
        """Asked of the bedside's own thread, so that nobody signs in between the question and the end."""
        if not self._bedside.end_when_idle():
            return False
        self._restarting.set()
        return True

    def _updates(self, config: Config) -> Software | None:
        """None where the cart takes none; a fault in it keeps no cart from giving doses."""
        wanted = config.software
        if wanted is None:
            return None
        try:
            tools = Tools(
                facility=config.facility,
                cart=config.cart,
                hardware=hardware(),
                package_version=_versions()["app"],
                source=Source(
                    url=wanted.url,
                    root=wanted.root_file.read_bytes(),
                    cache=wanted.room / "releases",
                    fetcher=HttpFetcher(ca_file=wanted.ca_file),
                ),
                trusted=image.load_keys(wanted.image_key),
                keys=job.load_keys(config.server_key_file),
                versions=Versions(wanted.room, running=wanted.running, packaged=wanted.packaged),
                look=lambda idle_s: self._hardware(idle_s, no_battery=wanted.no_battery),
                healthy=self._is_well,
                end=self._end_to_leave,
                check=("check", "--config", str(wanted.settings)),
                prove_s=wanted.prove_s,
            )
        except (PointOfCareError, OSError) as exc:
            log.error("this cart takes no update of its program: %s", exc)
            return None
        return Software(tools)

    def _hardware(self, idle_s: float | None, *, no_battery: bool) -> Hardware:
        """A start of this program moves no lock: drawers are the microcontroller's."""
        told, percent = self._drawers.condition(), self._drawers.battery_percent()
        mains = told.get("on_mains")
        return Hardware(
            connected=True,
            charge_percent=percent,
            on_mains=True if no_battery else mains if isinstance(mains, bool) else None,
            open_drawers=(),
            busy=not self._nobody_is_in(),
            idle_s=idle_s,
        )

    def _is_well(self) -> bool:
        """The journal takes records, each part runs, and since this start the server answered what the cart asked."""
        strip, reading = self._bedside.view.strip, self._clock.read()
        answered = reading.age_s is not None and reading.age_s < time.monotonic() - _STARTED_MONO_S
        return self.alive and not strip.journal_fault and strip.link is Link.ONLINE and answered

    def _end_to_leave(self) -> bool:
        if not self._bedside.end_when_idle():
            return False
        self._leaving.set()
        return True

    def _nobody_is_in(self) -> bool:
        return self._bedside.view.session.state is State.IDLE

    def _health(self) -> tuple[CartPhase, str]:
        strip = self._bedside.view.strip
        if strip.journal_fault:
            return CartPhase.DEGRADED, f"journal-{strip.journal_fault}"
        if strip.missing:
            return CartPhase.DEGRADED, "chart-missing"
        if strip.not_understood:
            return CartPhase.DEGRADED, "chart-not-understood"
        if strip.clock_doubt == "behind":
            return CartPhase.DEGRADED, "clock-behind"
        if self._camera is not None and not strip.camera_live:
            return CartPhase.DEGRADED, "camera-unavailable"
        # Nobody's fault while nobody is there: carts stand in dark rooms at night. Its telemetry says it all the same.
        if strip.camera_fault and not (strip.camera_fault == Fault.BLACK and self._nobody_is_in()):
            return CartPhase.DEGRADED, f"camera-{strip.camera_fault}"
        if self._renewal is not None and self._renewal.ending(self._clock.now()):
            return CartPhase.DEGRADED, "certificate-ends"
        return CartPhase.READY, ""

    def _signs(self) -> tuple[Sign, ...]:
        strip = self._bedside.view.strip
        told = Readings(
            strip=strip,
            camera=self._camera is not None,
            camera_quiet=strip.camera_fault == Fault.BLACK and self._nobody_is_in(),
            certificate_days=self._renewal.days_left if self._renewal is not None else None,
            disk_free_percent=disk_free_percent(self._data_dir),
        )
        return signs(told, self._held)

    def _numbers(self) -> Mapping[str, object]:
        strip, reading = self._bedside.view.strip, self._clock.read()
        return {
            "camera_fps": (self._sight.numbers()["picture_rate_hz"] or 0.0) if self._sight is not None else 0.0,
            "camera_live": strip.camera_live,
            "clock_offset_s": reading.offset_s,
            "clock_error_s": round(reading.error_s, 3) if reading.error_s is not None else None,
            "clock_age_s": round(reading.age_s) if reading.age_s is not None else None,
            "uptime_s": round(time.monotonic() - _STARTED_MONO_S),
            "at_rest_key": self._unlocked.protection.value,
            **(self._renewal.numbers() if self._renewal is not None else {}),
            **(self._software.numbers() if self._software is not None else {}),
        }


_STARTED_MONO_S = time.monotonic()


def identifiers(view: View) -> tuple[str, ...]:
    """Of the patient whom the forms are about; () for none."""
    who = view.patient
    return (who.id, who.mrn) if who is not None and who.id == view.session.patient else ()


def config_hash(config: Config) -> str:
    """Of what this cart is set to, without what is secret: two carts with one hash are set alike but for their names and files."""
    told = {
        name: str(getattr(config, name))
        for name in (
            "facility",
            "ward",
            "zone",
            "camera",
            "decoder",
            "symbologies",
            "drawers",
            "scanner",
            "monitor",
            "language",
            "training",
        )
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    try:
        app = version("pointofcare")
    except PackageNotFoundError:
        app = "source"
    return {"app": app, "engine": engine.VERSION}


def _claim(data_dir: Path, facility: str) -> None:
    """The journal and the chart in `data_dir` are of one kind for good: real doses that wait there must never be sent to a training
    server, which would not take them. Raises: ConfigError."""
    path = data_dir / FACILITY_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        told = path.read_text(encoding="utf-8").strip() if path.exists() else None
        if told is None:
            # A folder of an older program is of real patients.
            used = any((data_dir / name).exists() for name in (at_rest.JOURNAL, at_rest.CHART))
            if not (used and is_training(facility)):
                half = path.with_name(f"{path.name}.part")
                with half.open("w", encoding="utf-8") as file:
                    file.write(facility + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                half.rename(path)
                return
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be used: {exc}", remedy="give this program the right to write there") from exc
    if told is None or is_training(told) is not is_training(facility):
        of = f"of {told}" if told else "of real patients, as far as is known"
        problem = f"{data_dir} is {of}, and this cart is now of {facility}: training and care never share a folder"
        raise ConfigError(problem, problems=(("data_dir", problem),), remedy="set data_dir to another folder")
