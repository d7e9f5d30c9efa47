"""The MQTT client behind a network that fails, and brokers whose program dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devices.broker import Arrival, Broker, BrokerConfig, Connected, ConnectFailed, DeliveryState, Disconnected, Letter
from devices.brokers import mosquitto, nats
from devices.brokers.account import Account, AccountKind
from pointofcare.errors import ConfigError, DeviceUnavailableError, MessageError
from pointofcare.wire import routes
from pointofcare.wire.messages import ClockAsked, FleetEvent, TableIssued, TableKind
from simulation.fault_proxy import FaultProxy
from tests.support.brokers import FACILITY, SERVER, STARTS, WAIT_S, Clients, Inbox, a_message, of, running_clients
from tests.support.wire_bodies import MOMENT, a_body


@pytest.fixture
def clients() -> Iterator[Clients]:
    with running_clients("nats") as made:
        yield made


@pytest.fixture
def proxy(clients: Clients) -> Iterator[FaultProxy]:
    with FaultProxy(clients.running.port) as made:
        yield made


def an_ask() -> ClockAsked:
    return ClockAsked(asked_at=MOMENT)


def at_loopback(port: int) -> BrokerConfig:
    return BrokerConfig(host="127.0.0.1", port=port, client_id="c1", connect_timeout_s=0.3, backoff_min_s=0.05, backoff_max_s=0.1)


def test_slow_network_delays_and_loses_nothing(clients: Clients, proxy: FaultProxy) -> None:
    server, at_server = clients.make(SERVER)
    server.on(routes.CLOCK_ASK, facility=FACILITY)
    clients.connect(server, at_server)
    proxy.delay_s = 0.05
    cart, at_cart = clients.make("c1", port=proxy.port)
    clients.connect(cart, at_cart)
    before = time.monotonic()
    delivery = cart.publish(routes.CLOCK_ASK, a_message("c1", an_ask()), facility=FACILITY, cart="c1")
    assert delivery.wait(WAIT_S)
    assert time.monotonic() - before >= 0.1
    assert at_server.expect(Arrival).message.body == an_ask()


def test_reset_connection_comes_back_by_itself(clients: Clients, proxy: FaultProxy) -> None:
    cart, at_cart = clients.make("c1", port=proxy.port)
    first = clients.connect(cart, at_cart)
    proxy.reset()
    assert at_cart.expect(Disconnected).sid == first
    assert at_cart.expect(Connected).sid != first
    assert cart.publish(routes.CLOCK_ASK, a_message("c1", an_ask()), facility=FACILITY, cart="c1").wait(WAIT_S)


def test_message_cut_in_the_middle_is_lost_and_never_half_delivered(clients: Clients, proxy: FaultProxy) -> None:
    server, at_server = clients.make(SERVER)
    server.on(routes.ADMINISTRATION, facility=FACILITY)
    server.on(routes.CLOCK_ASK, facility=FACILITY)
    clients.connect(server, at_server)
    cart, at_cart = clients.make("c1", port=proxy.port)
    proxy.cut_after_bytes = 700  # in the middle of the record, well after the login
    clients.connect(cart, at_cart)
    record = a_message("c1", a_body("AdministrationRecorded"))
    delivery = cart.publish(routes.ADMINISTRATION, record, facility=FACILITY, cart="c1")
    assert not delivery.wait(WAIT_S)
    assert delivery.state is DeliveryState.LOST
    proxy.cut_after_bytes = None
    at_cart.expect(Connected)
    assert cart.publish(routes.CLOCK_ASK, a_message("c1", an_ask()), facility=FACILITY, cart="c1").wait(WAIT_S)
    at_server.expect(Arrival, of(ClockAsked))
    assert at_server.seen(Arrival) == []


def test_silent_network_is_noticed_within_two_keepalives(clients: Clients, proxy: FaultProxy) -> None:
    cart, at_cart = clients.make("c1", port=proxy.port, keepalive_s=1, connect_timeout_s=0.5)
    first = clients.connect(cart, at_cart)
    proxy.blackhole = True
    delivery = cart.publish(routes.CLOCK_ASK, a_message("c1", an_ask()), facility=FACILITY, cart="c1")
    assert at_cart.expect(Disconnected).sid == first
    assert delivery.state is DeliveryState.LOST
    assert "does not answer" in str(at_cart.expect(ConnectFailed).error)
    proxy.blackhole = False
    at_cart.expect(Connected)


def test_refused_connections_are_retried_with_growing_bounded_pauses(clients: Clients, proxy: FaultProxy) -> None:
    proxy.accepting = False
    cart, at_cart = clients.make("c1", port=proxy.port)
    cart.start()
    pauses = [at_cart.expect(ConnectFailed).retry_in_s for _ in range(5)]
    assert pauses[0] <= 0.05
    assert pauses[-1] > pauses[0]
    assert max(pauses) <= 0.5
    assert "failed attempts" in cart.describe()
    proxy.accepting = True
    at_cart.expect(Connected)
    assert cart.status().connected
    assert cart.status().error == ""


def test_message_near_the_limit_passes_and_a_bigger_one_is_refused_before_it_is_sent(clients: Clients) -> None:
    cart, at_cart = clients.make("c1")
    cart.on(routes.TABLE, facility=FACILITY, cart="c1")
    clients.connect(cart, at_cart)
    server, at_server = clients.make(SERVER)
    clients.connect(server, at_server)
    for size in (890_000, 900_000):
        table = TableIssued(kind=TableKind.PATIENT_CHART, ward="w", version=1, jws="a" * size)
        if size == 890_000:
            server.publish(routes.TABLE, a_message(SERVER, table), facility=FACILITY, cart="c1")
            assert at_cart.expect(Arrival).message.body == table
        else:
            with pytest.raises(MessageError):
                server.publish(routes.TABLE, a_message(SERVER, table), facility=FACILITY, cart="c1")
    assert server.connected


def test_two_programs_that_fight_for_one_client_id_slow_down(clients: Clients) -> None:
    first, at_first = clients.make("c1", client_id="same")
    clients.connect(first, at_first)
    second, at_second = clients.make("c1", client_id="same")
    clients.connect(second, at_second)
    for _ in range(2):
        at_first.expect(Disconnected)
    assert first.status().failed_attempts >= 1  # each short connection makes the next pause longer


def test_will_that_cannot_be_written_is_said_at_the_start() -> None:
    bad = Letter(route=routes.STATE, message=a_message("c1", an_ask()), levels={"facility": FACILITY, "cart": "c1"})
    broker = Broker(at_loopback(1), Inbox(), will=lambda _sid: bad)
    with pytest.raises(MessageError, match="does not go to"):
        broker.start()
    broker.stop()


@pytest.mark.parametrize("peer", ["nobody", "silent", "full"])
def test_stop_returns_at_once_and_leaves_no_thread_whatever_the_broker_does(peer: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if peer == "silent":
            listener.listen()  # TCP is accepted by the kernel, nobody ever answers
        fillers = []
        if peer == "full":
            listener.listen(0)  # a full backlog swallows every further SYN, as a dead network does
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                fillers.append(filler)
        inbox = Inbox()
        broker = Broker(at_loopback(listener.getsockname()[1]), inbox)
        broker.start()
        inbox.expect(ConnectFailed)
        before = time.monotonic()
        broker.stop()
        assert time.monotonic() - before < 3
        assert not [thread for thread in threading.enumerate() if thread.name == "broker-c1"]
        for filler in fillers:
            filler.close()
    assert broker.describe().startswith("stopped")


def test_clients_leave_no_thread_and_no_socket_behind(clients: Clients, proxy: FaultProxy) -> None:
    process = psutil.Process()
    cart, at_cart = clients.make("c1", port=proxy.port)
    clients.connect(cart, at_cart)
    files, threads = process.num_fds(), threading.active_count()
    for _ in range(5):
        proxy.reset()
        at_cart.expect(Disconnected)
        at_cart.expect(Connected)
    deadline = time.monotonic() + WAIT_S
    settled = threading.Event()
    while process.num_fds() > files and time.monotonic() < deadline:
        settled.wait(0.02)
    assert process.num_fds() <= files
    assert threading.active_count() == threads


def test_password_does_not_cross_an_open_network() -> None:
    config = BrokerConfig(host="broker.example", port=1883, client_id="c1", username="c1", password="secret-secret")
    with pytest.raises(ConfigError, match="readable by others"):
        Broker(config, Inbox())


def test_tls_files_that_do_not_exist_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TLS files"):
        Broker(BrokerConfig(host="127.0.0.1", port=1, client_id="c1", ca_file=tmp_path / "no.pem"), Inbox())


@pytest.mark.parametrize("kind", STARTS)
def test_broker_ends_with_its_program_even_when_that_is_killed(kind: str, tmp_path: Path) -> None:
    program = f"""
import sys, threading
from pathlib import Path
from devices.brokers import {kind}
from devices.brokers.account import Account
running = []
starter = threading.Thread(target=lambda: running.append({kind}.start(
    Path(sys.argv[1]), [Account(name="server", password="password", kind="server")], facility="h1")))
starter.start(); starter.join()  # the thread that asked is gone; the broker must stay
print(running[0].pid, running[0].port, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "broker")], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid, port = (int(part) for part in parent.stdout.readline().split())
    broker = psutil.Process(pid)
    assert kind.split()[0] in " ".join(broker.cmdline())
    socket.create_connection(("127.0.0.1", port), timeout=WAIT_S).close()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(WAIT_S)
    parent.stdout.close()
    parent.stdin.close()
    psutil.wait_procs([broker], timeout=WAIT_S)
    assert not broker.is_running() or broker.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("module", [nats, mosquitto], ids=["nats", "mosquitto"])
def test_broker_that_cannot_start_says_why(module: object, tmp_path: Path) -> None:
    accounts = [Account(name="server", password="password", kind=AccountKind.SERVER)]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DeviceUnavailableError) as caught:
            module.start(tmp_path, accounts, facility="h1", port=taken.getsockname()[1])  # type: ignore[attr-defined]
    assert "in use" in str(caught.value).lower()
    assert "broker.log" in caught.value.remedy


def test_account_that_a_brokers_file_cannot_hold_is_refused() -> None:
    for name, password in (("a/b", "password"), ("c.1", "password"), ("c1", "short"), ("c1", "with\nnewline"), ("c1", "$2a$hashlike")):
        with pytest.raises(ConfigError):
            Account(name=name, password=password, kind="cart")
    with pytest.raises(ConfigError):
        nats.start(Path("unused"), [Account(name="c1", password="password", kind="cart")] * 2, facility="h1")


def test_files_with_passwords_are_private(clients: Clients) -> None:
    directory = clients.running.directory
    assert directory.stat().st_mode & 0o077 == 0
    assert (directory / "nats.conf").stat().st_mode & 0o077 == 0


def test_events_of_an_offline_cart_are_told_as_not_sent(clients: Clients) -> None:
    cart, _at_cart = clients.make("c1")
    event = FleetEvent(seq=1, epoch="e", kind="scan", at=MOMENT)
    assert cart.publish(routes.EVENT, a_message("c1", event), facility=FACILITY, cart="c1").state is DeliveryState.NOT_SENT
