"""Ending the live session of a revoked machine at a broker that keeps connections over a reload (Mosquitto).

The broker takes the client id from the certificate and lets a second connection of one id replace the first. So the authority makes a
certificate of this name that lives for minutes, comes once, and goes. The name has no account any more, so it has no rights while it is
there, and the machine that was thrown out is refused by the revocation list.
"""

from __future__ import annotations

import os
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devices.broker import Broker, BrokerConfig, BrokerEvent, Connected
from server.security import authority as authorities
from server.security.authority import Authority

_LIFETIME = timedelta(minutes=5)
WAIT_S = 10.0


def end_session(authority: Authority, machine: str, *, host: str, port: int, ca_file: Path, wait_s: float = WAIT_S) -> bool:
    """Whether the broker let us take the place, so that whoever had it is gone."""
    issued, key = authorities.issue_client(authority, name=machine, at=datetime.now(UTC), lifetime=_LIFETIME)
    came = threading.Event()

    def heard(event: BrokerEvent) -> None:
        if isinstance(event, Connected):
            came.set()

    with tempfile.TemporaryDirectory(prefix="evict-") as directory:
        path = Path(directory) / "client.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key + issued.pem)
        broker = Broker(BrokerConfig(host=host, port=port, client_id=machine, ca_file=ca_file, cert_file=path), heard)
    broker.start()
    try:
        return came.wait(wait_s)
    finally:
        broker.stop()
