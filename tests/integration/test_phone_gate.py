"""The gate before the phones' carts: who is not paired gets nothing, and who is reaches one cart and no other."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pointofcare.administration.session import State
from server import config as configuration
from server.config import PhonesConfig
from server.security import authority as authorities
from server.store import phones as store
from server.store.transaction import reading, transaction
from server.usecases import phones as verbs
from server.web.gate import serving
from server.web.gate import standing as standings
from server.web.gate.app import COOKIE, create_app
from server.web.gate.proxy import Carts
from server.web.gate.standing import Standing
from tests.support import web
from tests.support.cart_ward import AMOX, PIN, badge, band, pack
from tests.support.phone import Browser, PhoneCart
from tests.support.web import FLEET

HOST = "phones.example:8443"
BASE = f"https://{HOST}"
OURS = {"Origin": BASE}
# The HTTP client leaves the socket that did not connect to the garbage collector.
UNREACHED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Gate:
    """Two phones' carts on their sockets and the gate before them, with a clock for its memory."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self.app = app
        self.sockets = folder / "s"
        self.sockets.mkdir()
        self.phones: dict[str, PhoneCart] = {}
        self.stops: list[Any] = []
        for name in ("phone-01", "phone-02"):
            place = folder / name
            place.mkdir()
            self.phones[name] = PhoneCart(place)
            self.stops.append(self.phones[name].serve(self.sockets / f"{name}.sock"))
        self.carts = Carts(self.sockets)
        self.at_s = 10.0
        self.standing = Standing(scope=app.app_context, tell_ended=self.carts.end, mono_s=lambda: self.at_s)
        settings = {"database_url": "sqlite:///unused.sqlite", "facility": "h1", "secret_key": "k" * 40, "password_salt": "s" * 40}
        config = configuration.read({**settings, "phones": {"address": BASE}}, anchor=folder)
        self.gate = create_app(config, standing=self.standing, carts=self.carts, scope=app.app_context)
        self.standing.refresh(first=True)

    def stop(self) -> None:
        self.carts.close()
        for stop in self.stops:
            stop()

    def token(self, cart: str = "phone-01") -> str:
        with self.app.app_context(), transaction(FLEET) as tx:
            return verbs.claim(tx, FLEET, cart).token

    def browser(self) -> FlaskClient:
        return self.gate.test_client()

    def paired(self, cart: str = "phone-01") -> FlaskClient:
        client = self.browser()
        assert post(client, "/pair", json={"token": self.token(cart)}).status_code == 200
        return client

    def number(self, cart: str = "phone-01") -> int:
        with self.app.app_context(), reading() as tx:
            return max(one.number for one in store.listed(tx) if one.cart == cart)

    def revoke(self, cart: str = "phone-01") -> None:
        with self.app.app_context(), transaction(FLEET) as tx:
            verbs.revoke(tx, FLEET, cart, reason="lost")

    def look(self) -> None:
        """What its thread does each second."""
        self.at_s += 1
        self.standing.refresh()
        self.standing.tell()


def get(client: FlaskClient, path: str, **more: Any) -> Any:
    return client.get(path, base_url=BASE, **more)


def post(client: FlaskClient, path: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    return client.post(path, base_url=BASE, headers=OURS if headers is None else headers, **more)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One database for all: its phones go on from test to test, their carts do not."""
    with web.ward_app(tmp_path_factory.mktemp("server")) as app:
        yield app


@pytest.fixture
def gate(server: Flask, tmp_path: Path) -> Iterator[Gate]:
    made = Gate(server, tmp_path)
    yield made
    made.stop()


def in_session(gate: Gate, cart: str = "phone-01") -> None:
    phone = gate.phones[cart]
    browser = Browser(phone, pairing=gate.number(cart))
    browser.hold(badge("N1"))
    browser.press("pin", pin=PIN)
    browser.hold(band("P1"))
    phone.stand.lease("P1")
    browser.hold(pack(AMOX))
    assert phone.stand.view.session.state is State.GIVING


def test_an_unpaired_browser_gets_two_pages_and_no_more(gate: Gate) -> None:
    client = gate.browser()
    page = get(client, "/", headers={"Accept-Language": "en"})
    assert page.status_code == 403
    assert "not paired" in page.text
    assert get(client, "/pair").status_code == 200
    for path in ("/part/main", "/api/state", "/static/kiosk.js", "/static/vendor/zxing-reader-3.1.4.wasm", "/phone/record/x", "/do/x"):
        assert get(client, path).status_code == 403
    for path in ("/phone/seen", "/do/badge", "/phone/end", "/language"):
        assert post(client, path, json={}).status_code == 403
    for phone in gate.phones.values():
        assert phone.stand.view.session.state is State.IDLE
    assert get(client, "/standing").json == {"paired": False}


def test_a_made_up_cookie_is_none(gate: Gate) -> None:
    for value in ("x", "1", "phone-01", "a" * 4_000, verbs.hashed("x")):
        client = gate.browser()
        client.set_cookie(COOKIE, value, domain="phones.example", secure=True)
        assert get(client, "/api/state").status_code == 403


def test_a_paired_phone_reaches_its_own_cart_and_no_other(gate: Gate) -> None:
    one, two = gate.paired("phone-01"), gate.paired("phone-02")
    in_session(gate)
    assert get(one, "/api/state").json["patient"] == "P1"
    assert get(two, "/api/state").json["patient"] is None
    smuggled = {"X-Phone-Pairing": "9", "X-Phone-End": "yes", "Host": HOST, "X-Forwarded-Host": "phone-01", "X-Forwarded-For": "1.1.1.1"}
    assert get(two, "/api/state", headers=smuggled).json["patient"] is None
    assert "NGUYỄN VĂN AN" not in get(two, "/").text


def test_the_cookie_is_kept_from_scripts_from_http_and_from_other_sites(gate: Gate) -> None:
    answer = post(gate.browser(), "/pair", json={"token": gate.token()})
    (cookie,) = [value for name, value in answer.headers if name == "Set-Cookie"]
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert cookie.startswith("__Host-")
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith("domain=") for part in parts)


def test_a_replayed_pairing_code_pairs_nobody(gate: Gate) -> None:
    token = gate.token()
    assert post(gate.browser(), "/pair", json={"token": token}).status_code == 200
    thief = gate.browser()
    again = post(thief, "/pair", json={"token": token})
    assert (again.status_code, "Set-Cookie" in again.headers) == (403, False)
    assert get(thief, "/api/state").status_code == 403


def test_many_tries_to_pair_are_too_many(gate: Gate) -> None:
    client = gate.browser()
    codes = [post(client, "/pair", json={"token": "x" * 32}).status_code for _ in range(15)]
    assert (codes[0], codes[-1]) == (403, 429)


def test_a_stolen_cookie_is_worth_nothing_after_the_phone_was_cut_off(gate: Gate) -> None:
    client = gate.paired()
    stolen = client.get_cookie(COOKIE, domain="phones.example")
    assert stolen is not None
    in_session(gate)
    thief = gate.browser()
    thief.set_cookie(COOKIE, stolen.value, domain="phones.example", secure=True)
    assert get(thief, "/api/state").status_code == 200
    gate.revoke()
    gate.look()
    assert get(thief, "/api/state").status_code == 403
    assert get(client, "/").status_code == 403
    assert gate.phones["phone-01"].stand.view.session.state is State.IDLE  # whoever was signed in there is out


@UNREACHED
def test_a_cart_that_was_away_hears_later_that_its_phone_is_cut_off(gate: Gate) -> None:
    gate.paired()
    number = gate.number()
    gate.stops.pop(0)()
    gate.revoke()
    gate.look()
    phone = gate.phones["phone-01"]
    gate.stops.insert(0, phone.serve(gate.sockets / "phone-01.sock"))
    gate.look()
    assert not phone.phone.admit(number)


def test_what_was_cut_off_while_no_gate_ran_is_told_when_one_starts(gate: Gate) -> None:
    gate.paired()
    in_session(gate)
    gate.revoke()
    again = Standing(scope=gate.app.app_context, tell_ended=gate.carts.end)
    again.refresh(first=True)
    again.tell()
    assert gate.phones["phone-01"].stand.view.session.state is State.IDLE


def test_a_second_phone_of_one_name_ends_the_first_at_once(gate: Gate) -> None:
    first = gate.paired()
    in_session(gate)
    second = gate.paired()
    assert get(second, "/api/state").json["state"] == "idle"
    assert get(first, "/api/state").status_code == 403


def test_a_database_that_is_away_throws_nobody_out_at_once_and_lets_nobody_in(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    client = gate.paired()

    def away(*_: object) -> None:
        raise standings.DatabaseFault("select", {}, Exception("away"))

    monkeypatch.setattr(standings.store, "standing", away)
    gate.look()
    assert get(client, "/api/state").status_code == 200
    gate.at_s += standings.GRACE_S
    assert get(client, "/api/state").status_code == 403


def test_a_pairing_that_ran_out_opens_nothing(gate: Gate) -> None:
    client = gate.paired()
    late = Standing(scope=gate.app.app_context, tell_ended=gate.carts.end, now=lambda: datetime.now(UTC) + timedelta(days=31))
    late.refresh()
    cookie = client.get_cookie(COOKIE, domain="phones.example")
    assert cookie is not None
    assert late.of(cookie.value) is None


FOREIGN: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"http://{HOST}"},
    {"Origin": f"https://{HOST}.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


def test_a_page_of_elsewhere_presses_nothing(gate: Gate) -> None:
    client = gate.paired()
    state = get(client, "/api/state").json
    for headers in FOREIGN:
        answer = post(client, "/do/badge", headers=headers, data={"badge": "N1", "moment": state["moment"]})
        assert answer.status_code == 403, headers
        assert post(client, "/pair", headers=headers, json={"token": gate.token("phone-02")}).status_code == 403, headers
    assert get(client, "/api/state").json["moment"] == state["moment"]


def test_our_own_page_without_its_token_presses_nothing(gate: Gate) -> None:
    client = gate.paired()
    assert post(client, "/do/badge", data={"badge": "N1", "moment": "0"}).status_code == 400


def test_another_name_of_the_gate_is_not_served(gate: Gate) -> None:
    client = gate.paired()
    assert client.get("/", base_url="https://evil.example").status_code == 421


def test_no_phone_ends_a_pairing(gate: Gate) -> None:
    client = gate.paired()
    get(client, "/")
    for path in ("/phone/end", "/phone/end/", "/PHONE/END", "/phone/%65nd", "//phone/end", "/phone//end", "/./phone/end", "/phone/%2565nd"):
        assert post(client, path, headers=OURS | {"X-Phone-End": "yes"}).status_code in (308, 400, 403, 404, 405), path
    assert get(client, "/api/state").status_code == 200


def test_one_phone_that_asks_for_too_much_at_once_is_told_so(gate: Gate) -> None:
    client = gate.paired()
    get(client, "/")
    places = gate.carts._of("phone-01").places
    held = 0
    while places.acquire(blocking=False):
        held += 1
    assert get(client, "/api/state").status_code == 429
    assert get(client, "/static/kiosk.js").status_code == 200  # what a page is made of comes all at once
    assert get(gate.paired("phone-02"), "/api/state").status_code == 200
    for _ in range(held):
        places.release()


@UNREACHED
def test_a_cart_that_does_not_run_is_said_so_in_words(gate: Gate) -> None:
    client = gate.paired()
    gate.stops.pop(0)()
    page = get(client, "/", headers={"Accept-Language": "en"})
    assert page.status_code == 503
    assert "nothing has been recorded" in page.text
    assert get(client, "/api/state", headers={"Sec-Fetch-Dest": "empty"}).json == {"why": "cart-away"}


def test_the_gates_own_pages_may_use_no_camera_and_no_foreign_script(gate: Gate) -> None:
    answer = get(gate.browser(), "/pair")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "wasm" not in answer.headers["Content-Security-Policy"]
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert get(gate.paired(), "/").headers["Permissions-Policy"].startswith("camera=(self)")


# --- the program itself, with TLS ------------------------------------------------------------------------------------------------


@pytest.fixture
def running(server: Flask, tmp_path: Path) -> Iterator[tuple[int, Path, Any]]:
    app = server
    with app.app_context():
        root = authorities.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))
        issued, key = authorities.issue_server(root, hosts=["127.0.0.1"], at=datetime.now(UTC))
        (tmp_path / "gate.pem").write_text(issued.pem)
        (tmp_path / "gate.key").write_text(key)
        (tmp_path / "s").mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = tmp_path / "gate.toml"
        settings.write_text(
            f'database_url = "{app.config["SQLALCHEMY_DATABASE_URI"]}"\nfacility = "h1"\nsecret_key = "{"k" * 40}"\n'
            f'password_salt = "{"s" * 40}"\n[phones]\nport = {port}\naddress = "https://127.0.0.1:{port}"\ncertificate_file = "gate.pem"\n'
            'key_file = "gate.key"\nsockets = "s"\n'
        )
        command = [sys.executable, "-m", "server", "phones", "--config", str(settings)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            while line and "ready" not in line:
                line = process.stdout.readline()
            assert "ready" in line
            yield port, tmp_path / "ca" / "ca.pem", app
        finally:
            process.terminate()
            assert process.wait(10) == 0
            process.stdout.close()


def test_the_gate_answers_over_tls_of_the_sites_own_authority_while_others_dawdle(running: tuple[int, Path, Any]) -> None:
    port, ca, _app = running
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]  # no handshake ever comes
    context = ssl.create_default_context(cafile=str(ca))
    begun = time.monotonic()
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
    connection.request("GET", "/pair")
    answer = connection.getresponse()
    assert (answer.status, b"gate.js" in answer.read()) == (200, True)
    assert time.monotonic() - begun < 3
    connection.request("GET", "/standing")
    assert json.loads(connection.getresponse().read()) == {"paired": False}
    connection.request("POST", "/pair", body=b"x" * 100_000, headers={"Origin": f"https://127.0.0.1:{port}"})
    assert connection.getresponse().status in (400, 413)
    connection.close()
    for one in idle:
        one.close()
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1")
    plain = socket.create_connection(("127.0.0.1", port))
    plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200" not in plain.recv(1024)
    plain.close()


def served(context: ssl.SSLContext) -> bytes:
    """The certificate that a browser which connects now is shown."""
    browser = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    browser.check_hostname, browser.verify_mode = False, ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [context.wrap_bio(up, down, server_side=True), browser.wrap_bio(down, up)]
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[1].getpeercert(binary_form=True) or b""


def test_a_renewed_certificate_counts_without_a_restart_and_half_of_a_pair_does_not(tmp_path: Path) -> None:
    root = authorities.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))
    pem, secret = tmp_path / "gate.pem", tmp_path / "gate.key"

    def issue() -> tuple[str, str]:
        issued, key = authorities.issue_server(root, hosts=["127.0.0.1"], at=datetime.now(UTC))
        return issued.pem, key

    first = issue()
    pem.write_text(first[0])
    secret.write_text(first[1])
    gate = serving.settings(PhonesConfig(address=BASE, certificate_file=pem, key_file=secret, sockets=tmp_path))
    context = gate.create_ssl_context()
    assert context is not None
    shown = served(context)
    assert not gate.look()
    second = issue()
    pem.write_text(second[0])  # the key is not there yet
    assert not gate.look()
    assert served(context) == shown != b""
    secret.write_text(second[1])
    assert gate.look()
    assert served(context) == ssl.PEM_cert_to_DER_cert(second[0][: second[0].index("-----END CERTIFICATE-----") + 26])
    pem.unlink()
    assert not gate.look()
    assert served(context) != shown


def test_the_gate_does_not_start_without_a_certificate(tmp_path: Path) -> None:
    settings = tmp_path / "gate.toml"
    settings.write_text(
        f'database_url = "sqlite:///x.sqlite"\nfacility = "h1"\nsecret_key = "{"k" * 40}"\npassword_salt = "{"s" * 40}"\n'
        '[phones]\naddress = "https://127.0.0.1"\nsockets = "s"\n'
    )
    done = subprocess.run([sys.executable, "-m", "server", "phones", "--config", str(settings)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "phones.certificate_file" in done.stderr


def test_the_fleet_page_pairs_and_cuts_off(server: Flask) -> None:
    app, before = server, server.config["POINTOFCARE_CONFIG"]
    try:
        client = web.signed_in(app, FLEET)
        assert "address" in client.get("/phones/").text
        app.config["POINTOFCARE_CONFIG"] = replace(app.config["POINTOFCARE_CONFIG"], phones=PhonesConfig(address=BASE))
        text = web.post(client, "/phones/claim", "/phones/", cart="phone-07").text
        token = text.split(f"{BASE}/pair#")[1].split("<")[0]
        assert "waits for its phone" in text
        assert "data:image/svg+xml" in text
        assert token not in client.get("/phones/").text
        with app.app_context(), transaction(FLEET) as tx:
            verbs.pair(tx, token=token, browser="<script>", place="10.0.0.9", lasts=timedelta(days=1))
        shown = client.get("/phones/").text
        assert "<script>" not in shown.split("<main")[1]
        assert "&lt;script&gt;" in shown
        assert "Tick" in web.post(client, "/phones/phone-07/revoke", "/phones/", reason="lost").text
        assert "lost in the lift" in web.post(client, "/phones/phone-07/revoke", "/phones/", sure="yes", reason="lost in the lift").text
        with app.app_context(), reading() as tx:
            assert "phone-07" not in [one.cart for one in store.standing(tx)]
    finally:
        app.config["POINTOFCARE_CONFIG"] = before
