"""Who gets in at a real broker that knows machines by their certificates, and what each may say and hear there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from devices.broker import Arrival, Connected, ConnectFailed, Disconnected
from pointofcare.wire import routes
from pointofcare.wire.messages import CartState
from server.security.evicting import end_session
from tests.support.brokers import FACILITY, KINDS, Inbox, a_message, of
from tests.support.machines import Hospital, Machines, hospital
from tests.support.wire_bodies import a_body


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path / "machines")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, machines: Machines) -> Iterator[Hospital]:
    server, one, two = machines.server(), machines.cart("c1"), machines.cart("c2")
    accounts = [machines.account(file) for file in (server, one, two)]
    with hospital(request.param, tmp_path / "broker", machines, accounts) as made:
        made.files = {"server": server, "c1": one, "c2": two}  # type: ignore[attr-defined]
        yield made


def file_of(place: Hospital, name: str) -> Path:
    found: Path = place.files[name]  # type: ignore[attr-defined]
    return found


def listening_server(place: Hospital) -> tuple[object, Inbox]:
    server, heard = place.client(file_of(place, "server"), client_id="server")
    server.on(routes.STATE, facility=FACILITY)
    server.start()
    heard.expect(Connected)
    return server, heard


def refused(inbox: Inbox) -> None:
    inbox.expect(ConnectFailed)
    inbox.expect(ConnectFailed)
    assert not inbox.seen(Connected)


def test_a_cart_comes_in_by_its_certificate_and_is_heard(place: Hospital) -> None:
    _server, heard = listening_server(place)
    cart, inbox = place.client(file_of(place, "c1"), client_id="c1")
    cart.start()
    inbox.expect(Connected)
    cart.publish(routes.STATE, a_message("c1", a_body("CartState")), facility=FACILITY, cart="c1")
    assert heard.expect(Arrival, of(CartState)).levels["cart"] == "c1"


def test_nobody_comes_in_without_a_certificate_or_with_a_foreign_one(place: Hospital, tmp_path: Path) -> None:
    foreign = Machines(tmp_path / "foreign")
    for certificate in (None, foreign.cart("c1")):
        client, inbox = place.client(certificate, client_id="c1")
        client.start()
        refused(inbox)


def test_an_expired_certificate_does_not_come_in(place: Hospital, machines: Machines) -> None:
    over = machines.cart("c1", lifetime=timedelta(seconds=-5))
    place.reload(machines.account(file_of(place, "server")), machines.account(over))
    client, inbox = place.client(over, client_id="c1")
    client.start()
    refused(inbox)


def test_a_certificate_that_no_account_names_has_no_rights(place: Hospital, machines: Machines) -> None:
    """NATS refuses it at the door, Mosquitto lets it in and neither hears nor tells it anything."""
    _server, heard = listening_server(place)
    client, inbox = place.client(machines.cart("c9"), client_id="c9")
    client.start()
    if inbox.within(Connected, 2.0):
        client.publish(routes.STATE, a_message("c9", a_body("CartState")), facility=FACILITY, cart="c9").wait(1.0)
    assert not heard.within(Arrival, 0.5)


def test_a_forbidden_topic_takes_nothing_and_tells_nothing(place: Hospital) -> None:
    server, heard = listening_server(place)
    thief, inbox = place.client(file_of(place, "c2"), client_id="c2")
    thief.on(routes.RECEIPT, facility=FACILITY, cart="c1")
    thief.on(routes.STATE, facility=FACILITY, cart="c1")
    thief.start()
    inbox.expect(Connected)
    thief.publish(routes.STATE, a_message("c1", a_body("CartState")), facility=FACILITY, cart="c1").wait(1.0)
    server.publish(routes.RECEIPT, a_message("server", a_body("RecordReceived")), facility=FACILITY, cart="c1").wait(1.0)  # type: ignore[attr-defined]
    assert not heard.within(Arrival, 0.7)
    assert not inbox.within(Arrival, 0.3)


def test_a_cart_with_another_carts_client_id_gains_nothing_of_it(place: Hospital) -> None:
    """Mosquitto takes the client id from the certificate. NATS does not: there the other cart is thrown out and comes back, but what
    the intruder may say and hear is still what its certificate says."""
    server, heard = listening_server(place)
    honest, honest_inbox = place.client(file_of(place, "c1"), client_id="c1")
    honest.on(routes.RECEIPT, facility=FACILITY, cart="c1")
    honest.start()
    honest_inbox.expect(Connected)
    thief, inbox = place.client(file_of(place, "c2"), client_id="c1")
    thief.on(routes.RECEIPT, facility=FACILITY, cart="c1")
    thief.start()
    inbox.expect(Connected)
    thief.publish(routes.STATE, a_message("c1", a_body("CartState")), facility=FACILITY, cart="c1").wait(1.0)
    server.publish(routes.RECEIPT, a_message("server", a_body("RecordReceived")), facility=FACILITY, cart="c1").wait(1.0)  # type: ignore[attr-defined]
    assert not heard.within(Arrival, 0.7)
    assert not inbox.within(Arrival, 0.3)
    if place.kind == "mosquitto":
        assert not honest_inbox.seen(Disconnected)
        honest_inbox.expect(Arrival)


def test_a_revoked_cart_is_thrown_out_and_stays_out_while_the_others_go_on(place: Hospital, machines: Machines) -> None:
    lost, lost_inbox = place.client(file_of(place, "c1"), client_id="c1")
    other, other_inbox = place.client(file_of(place, "c2"), client_id="c2")
    for broker, inbox in ((lost, lost_inbox), (other, other_inbox)):
        broker.start()
        inbox.expect(Connected)
    machines.revoke(machines.issued["c1"].serial)
    place.reload(machines.account(file_of(place, "server")), machines.account(file_of(place, "c2")))
    if place.kind == "mosquitto":
        assert end_session(machines.root, "c1", host="127.0.0.1", port=place.running.port, ca_file=machines.ca)
    lost_inbox.expect(Disconnected)
    lost_inbox.expect(ConnectFailed)
    lost_inbox.expect(ConnectFailed)
    assert not lost_inbox.seen(Connected)
    assert not other_inbox.seen(Disconnected)


def test_the_old_certificate_of_a_cart_that_enrolled_anew_stays_out(place: Hospital, machines: Machines) -> None:
    lost = machines.issued["c1"].serial
    machines.revoke(lost)
    fresh = machines.cart("c1")
    place.reload(machines.account(file_of(place, "server")), machines.account(fresh))
    for file, comes_in in ((file_of(place, "c1"), False), (fresh, True)):
        client, inbox = place.client(file, client_id="c1")
        client.start()
        if comes_in:
            inbox.expect(Connected)
        else:
            refused(inbox)
        client.stop()


def test_a_list_past_its_end_shuts_mosquitto_for_everybody_until_a_fresh_one_comes(tmp_path: Path, machines: Machines) -> None:
    """What is at stake when the list is not made anew: so its end is told a week before. NATS reads no list."""
    one = machines.cart("c1")
    machines.revoke(lifetime=timedelta(seconds=-5))
    with hospital("mosquitto", tmp_path / "broker", machines, [machines.account(one)]) as place:
        client, inbox = place.client(one, client_id="c1")
        client.start()
        refused(inbox)
        machines.revoke()
        place.reload(machines.account(one))
        inbox.expect(Connected)


def test_nats_own_port_asks_for_a_certificate_too(tmp_path: Path, machines: Machines) -> None:
    one = machines.cart("c1")
    with hospital("nats", tmp_path / "broker", machines, [machines.account(one)]) as place:
        found = place.running.log().split("Listening for client connections on 127.0.0.1:")[1]
        port = int(found.split()[0])
        name = machines.account(one).subjects[0]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            assert b'"tls_required":true' in plain.recv(4096)
            plain.sendall(f'CONNECT {{"user":"{name}","verbose":true}}\r\nPING\r\n'.encode())
            assert b"PONG" not in _answer(plain)


def _answer(plain: socket.socket) -> bytes:
    try:
        return plain.recv(4096)
    except OSError:
        return b""
