"""The bridge's only wiring: a configuration goes in, a running bridge comes out."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from devices.broker import Broker
from devices.firmware import image, job
from devices.firmware.releases import HttpFetcher, Source
from devices.renewal import Renewal
from firmware_bridge.config import Config, UpdateConfig
from firmware_bridge.door import Door
from firmware_bridge.images import Images
from firmware_bridge.ledger import Ledger
from firmware_bridge.link import Link
from firmware_bridge.relay import Relay
from firmware_bridge.update.sessions import Sessions
from firmware_bridge.update.steps import Tools
from firmware_bridge.update.updater import Updater
from pointofcare.errors import ConfigError, PointOfCareError

_log = logging.getLogger(__name__)


class Bridge:
    """Start it once, stop it once. Raises on `start`: ConfigError, JournalError."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.link = Link(config.serial_port, baudrate=config.baudrate)
        self.images = Images(self.link)
        self.ledger = Ledger(config.data_dir / "events.sqlite")
        self.relay = Relay(config, self.link, self.ledger, broker=lambda inbox: Broker(config.broker, inbox))
        self.updater: Updater | None = None
        self._fetcher: HttpFetcher | None = None
        if config.update is not None:
            try:
                self.updater = self._updates(config.update)
                self.relay.updates = self.updater
            except PointOfCareError as exc:  # drawers matter more: this cart takes no update, and says why
                _log.error("this cart takes no update: %s", exc)
                self.relay.update_fault = str(exc)
        self.door = Door(config.socket_path, self.relay)
        self._renewal: Renewal | None = None
        if config.identity is not None:
            self._renewal = Renewal(config.identity, self.relay)
            self.relay.certificate = self._renewal.numbers

    def start(self) -> None:
        self.door.open()
        self.relay.start()
        if self.updater is not None:
            self.updater.start()
        if self._renewal is not None:
            self._renewal.start()

    def stop(self) -> None:
        self.door.close()
        if self._renewal is not None:
            self._renewal.stop()
        if self.updater is not None:
            self.updater.stop()
        if self._fetcher is not None:
            self._fetcher.close()
        self.relay.stop()

    def _updates(self, settings: UpdateConfig) -> Updater:
        """Raises: ConfigError, JournalError."""
        config = self.config
        try:
            root = settings.root_file.read_bytes()
        except OSError as exc:
            raise ConfigError(
                f"the root of the releases {settings.root_file} cannot be read: {exc.strerror}",
                problems=(("update.root_file", "put it here: pointofcare-server firmware export-root"),),
            ) from exc
        self._fetcher = HttpFetcher(ca_file=settings.ca_file, cert_file=settings.cert_file, key_file=settings.key_file)
        tools = Tools(
            link=self.link,
            images=self.images,
            sessions=Sessions(config.data_dir / "updates.sqlite"),
            source=Source(url=settings.url, root=root, cache=config.data_dir / "releases", fetcher=self._fetcher),
            trusted=image.load_keys(settings.image_key),
            folder=config.data_dir / "images",
            hardware=self.relay.hardware,
            wall=lambda: datetime.now(UTC),
            mono=time.monotonic,
            soak_s=settings.prove_s,
        )
        keys = job.load_keys(settings.server_key)
        return Updater(tools, keys=keys, facility=config.facility, cart=config.cart, tell=self.relay.tell_job)
