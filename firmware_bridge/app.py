"""The bridge's only wiring: a configuration goes in, a running bridge comes out."""

from __future__ import annotations

from devices.broker import Broker
from firmware_bridge.config import Config
from firmware_bridge.door import Door
from firmware_bridge.ledger import Ledger
from firmware_bridge.link import Link
from firmware_bridge.relay import Relay


class Bridge:
    """Start it once, stop it once. Raises on `start`: ConfigError, JournalError."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.link = Link(config.serial_port, baudrate=config.baudrate)
        self.ledger = Ledger(config.data_dir / "events.sqlite")
        self.relay = Relay(config, self.link, self.ledger, broker=lambda inbox: Broker(config.broker, inbox))
        self.door = Door(config.socket_path, self.relay)

    def start(self) -> None:
        self.door.open()
        self.relay.start()

    def stop(self) -> None:
        self.door.close()
        self.relay.stop()
