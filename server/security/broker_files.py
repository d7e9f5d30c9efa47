"""The files by which a broker knows machines: its accounts with their topics, the root, and the revocation list, kept fresh.

One thread beside the gateway writes them anew when a certificate came, ended or was revoked, and once a day, so that the list never
reaches its end; then it tells the broker (SIGHUP) and ends the sessions of machines that lost their account. Each file is replaced as a
whole: a broker never reads half a list.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from devices.brokers import mosquitto, nats
from devices.brokers.account import Account
from pointofcare.errors import PointOfCareError
from server.config import ServerConfig
from server.security import enrolment
from server.security.authority import Authority
from server.security.evicting import end_session
from server.store import machines
from server.store.transaction import Actor, reading

_log = logging.getLogger(__name__)
ACTOR = Actor(id="broker-files", name="Broker files")
EVERY_S = 5.0
_BROKERS = ("nats-server", "mosquitto")
NATS_FILE, MOSQUITTO_FILE, LIST_FILE, ROOT_FILE = "nats-accounts.conf", "mosquitto.acl", "crl.pem", "ca.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`gone` are machines that had an account in the files before and have none now, or not the one they had."""

    accounts: tuple[Account, ...]
    changed: bool
    gone: tuple[str, ...]


def write(
    directory: Path, authority: Authority, *, facility: str, server_certificate: str = "", before: tuple[Account, ...] | None = None
) -> Written:
    """Brings the files in `directory` to what the store says. Needs an application context. Raises: OSError."""
    also = enrolment.take_over(authority, (_text(directory / LIST_FILE) or "").encode())
    with reading(ACTOR) as tx:
        accounts = enrolment.accounts(tx, server_certificate=server_certificate)
        revocations = enrolment.crl(authority, tx, also=also)
        revoked = {one.machine for one in machines.unexpired(tx) if one.revoked_at is not None}
        at = tx.at
    directory.mkdir(parents=True, exist_ok=True)
    state = _list_state(directory)
    contents = {
        NATS_FILE: nats.permissions(accounts, facility=facility, by_certificate=True),
        MOSQUITTO_FILE: mosquitto.permissions(accounts, facility=facility),
        ROOT_FILE: authority.pem,
    }
    changed = any(_text(directory / name) != text for name, text in contents.items())
    if changed or before != accounts or state is None or at - state.made_at >= enrolment.CRL_EVERY:
        contents[LIST_FILE] = revocations
        changed = True
    for name, text in contents.items():
        if _text(directory / name) != text:
            replace(directory / name, text)
    now = {account.name: set(account.subjects) for account in accounts}
    if before is None:  # what was revoked while nobody looked may still sit in a session
        gone = revoked - set(now)
    else:
        gone = {one.name for one in before if not set(one.subjects) & now.get(one.name, set())}
    return Written(accounts=accounts, changed=changed, gone=tuple(sorted(gone)))


def list_state(directory: Path) -> enrolment.ListState | None:
    """Of the revocation list that lies there; None: there is none."""
    return _list_state(directory)


class Keeper:
    """The one writer. `scope` opens the application context."""

    def __init__(
        self, config: ServerConfig, authority: Authority, *, scope: Callable[[], AbstractContextManager[object]], every_s: float = EVERY_S
    ) -> None:
        self._config, self._authority, self._scope, self._every_s = config, authority, scope, every_s
        self._before: tuple[Account, ...] | None = None
        self._owed: set[str] = set()
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="broker-files", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something was revoked: look now."""
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        self._thread.join(15.0)

    def once(self) -> Written:
        """One look. Raises: OSError, PointOfCareError."""
        directory = self._config.machines.broker_files
        assert directory is not None
        with self._scope():
            certificate = server_certificate(self._config)
            done = write(directory, self._authority, facility=self._config.facility, server_certificate=certificate, before=self._before)
        if done.changed:
            self._tell()
        self._before = done.accounts
        self._owed |= set(done.gone)
        self._evict()
        return done

    def _tell(self) -> None:
        pid_file = self._config.machines.broker_pid_file
        if pid_file is None:
            return
        try:
            pid = int(pid_file.read_text(encoding="ascii"))
            # After a power cut the number of an old file may be anybody's, and SIGHUP ends most programs.
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
            if name not in _BROKERS:
                raise ValueError(f"process {pid} is {name} and no broker")
            os.kill(pid, signal.SIGHUP)
        except (OSError, ValueError) as exc:
            _log.error("the broker was not told of its new accounts (%s): %s", pid_file, exc)

    def _evict(self) -> None:
        """Until it is done: a broker that is away now is asked again at the next look."""
        mqtt = self._config.mqtt
        if mqtt is None or mqtt.ca_file is None or self._config.machines.broker != "mosquitto":
            self._owed.clear()
            return
        for machine in sorted(self._owed):
            if end_session(self._authority, machine, host=mqtt.host, port=mqtt.port, ca_file=mqtt.ca_file):
                self._owed.discard(machine)
            else:
                _log.error("the session of %s at the broker could not be ended yet", machine)
                break  # the broker is away: the next look tries again

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.once()
            except (OSError, PointOfCareError) as exc:
                _log.error("the broker's files could not be written: %s", exc)
            except Exception:  # noqa: BLE001 - whatever the database does, the next look is in seconds
                _log.exception("the broker's files could not be written")
            self._woken.wait(self._every_s)
            self._woken.clear()


def server_certificate(config: ServerConfig) -> str:
    """The PEM of the gateway's own client certificate, "" where it has none."""
    path = config.mqtt.certificate_file if config.mqtt is not None else None
    return (_text(path) or "") if path is not None else ""


def _list_state(directory: Path) -> enrolment.ListState | None:
    return enrolment.list_state((_text(directory / LIST_FILE) or "").encode("ascii", "replace"))


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def replace(path: Path, text: str) -> None:
    """As a whole: whoever reads sees the old text or the new one. Raises: OSError."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
