"""What a hospital's system sends in HL7 version 2, and an intake over a small ward that takes it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from pointofcare.products import Ingredient, Product
from pointofcare.quantity import Quantity
from server.feeds.hl7_intake import Intake
from server.feeds.hl7_listener import Listener
from server.feeds.hl7_settings import ListenerSettings
from server.store import incoming
from server.store.incoming import Item
from server.store.transaction import Actor, reading, transaction
from server.usecases import hl7_profile, pharmacy
from server.usecases.hl7_profile import Profile
from tests.support.server_ward import NOW

SAMPLES = Path(__file__).parents[2] / "docs" / "samples" / "hl7"
GENERAL = hl7_profile.load(SAMPLES / "his-general.toml")
OLDER = hl7_profile.load(SAMPLES / "his-older.toml")
ZONE = "Asia/Ho_Chi_Minh"
AT = NOW + timedelta(hours=1)  # 09:05 in the ward
FEED = Actor(id="hl7")
PID = "PID|1||26-000123^^^BV1^MR~079158000123^^^VN^NI||Trần^Bình^Thị||19580302|F"
PV1 = "PV1|1|I|K01^101^2|||||||||||||||||V1"
PARACETAMOL = Product(
    id="PARA500",
    gtin="08936000000110",
    name="Paracetamol 500 mg",
    form="tablet",
    routes=("PO",),
    ingredients=(Ingredient(name="paracetamol", amount=Quantity.parse("500 mg")),),
)
NACL = Product(
    id="NACL1000",
    gtin="08936000000226",
    name="Natri clorid 0,9 % 1000 mL",
    form="bag",
    routes=("IV",),
    ingredients=(Ingredient(name="sodium chloride", amount=Quantity.parse("9 g")),),
    volume=Quantity.parse("1000 mL"),
)


class Clock:
    """The hospital's own clock, moved by hand."""

    def __init__(self, now: datetime = AT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def an_intake(app: Flask, profiles: Iterable[Profile] = (GENERAL, OLDER), clock: Clock | None = None) -> Intake:
    return Intake(tuple(profiles), facility="bv1", timezone=ZONE, scope=app.app_context, clock=clock or Clock())


def stock(app: Flask) -> None:
    """The formulary that the samples' codes name."""
    with app.app_context(), transaction(Actor(id="import"), at=NOW) as tx:
        for product in (PARACETAMOL, NACL):
            pharmacy.receive_product(tx, product)


def local(at: datetime) -> str:
    """As the feed writes it, without an offset: the ward's own clock."""
    return f"{at.astimezone(UTC) + timedelta(hours=7):%Y%m%d%H%M%S}"


def msh(
    event: str, control: str, *, at: datetime = NOW, application: str = "HIS", facility: str = "BV1", version: str = "2.5.1", **more: str
) -> str:
    charset = more.get("charset", "UNICODE UTF-8")
    return f"MSH|^~\\&|{application}|{facility}|POC|bv1|{local(at)}||{event}|{control}|P|{version}|||{more.get('accept', '')}|||{charset}"


def message(*segments: str) -> bytes:
    return ("\r".join(segments) + "\r").encode()


def adt(event: str, control: str, *, at: datetime = NOW, pid: str = PID, pv1: str = PV1, more: Iterable[str] = ()) -> bytes:
    return message(msh(f"ADT^{event}", control, at=at), f"EVN|{event}|{local(at)}", pid, pv1, *more)


def rde(
    control: str,
    *,
    number: str = "ORD1",
    act: str = "NW",
    at: datetime = NOW,
    status: str = "",
    dose: str = "500||mg",
    timing: str = "TQ1|1||BID||||20260302080000",
    pid: str = PID,
    drug: str = "TH0001^Paracetamol 500 mg^BV1-THUOC",
    more: Iterable[str] = (),
) -> bytes:
    """A drug order with its drug; `dose` is RXE-3 to RXE-5."""
    orc = f"ORC|{act}|{number}|F-{number}||{status}||||{local(at)}|||D1^Bác sĩ"
    segments = [msh("RDE^O11^RDE_O11", control, at=at), pid, orc, f"RXE||{drug}|{dose}|TAB", *([timing] if timing else []), "RXR|UONG"]
    return message(*segments, *more)


def control_only(control: str, act: str, *, number: str = "ORD1", at: datetime = NOW, pid: str = PID, event: str = "RDE^O11") -> bytes:
    """What stops, holds or releases an order without saying it again."""
    return message(msh(event, control, at=at), pid, f"ORC|{act}|{number}|||||||{local(at)}")


def code(answer: bytes | None) -> str:
    """MSA-1."""
    assert answer is not None
    return answer.decode().split("\rMSA|")[1].split("|")[0]


def answered(answer: bytes | None) -> str:
    assert answer is not None
    return answer.decode()


def items(app: Flask, *, limit: int = 500) -> tuple[Item, ...]:
    """Newest first."""
    with app.app_context(), reading(FEED) as tx:
        return incoming.listed(tx, source="hl7", limit=limit)


class Door:
    """A listener on loopback, in a thread of its own."""

    def __init__(self, intake: Intake, **settings: object) -> None:
        values = {"profiles": (GENERAL, OLDER), "port": 0, **settings}
        self.listener = Listener(ListenerSettings(**values), intake, look_s=0.2)  # type: ignore[arg-type]
        self.port = 0
        self._ready, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self.listener.serve(self._stop, self._is_ready)

    def _is_ready(self, port: int) -> None:
        self.port = port
        self._ready.set()

    def __enter__(self) -> Door:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):  # it was asked to stop before, and its loop is closed
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(15)
        assert not self._thread.is_alive()

    def line(self, tls: ssl.SSLContext | None = None) -> Line:
        return Line(self.port, tls)


class Line:
    """A sender's connection, byte by byte."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket = tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls is not None else plain

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def put(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def send(self, payload: bytes) -> bytes:
        """The answer, without its frame; b"" when the other side hung up."""
        self.put(b"\x0b" + payload + b"\x1c\r")
        return self.get()

    def get(self) -> bytes:
        found = b""
        while not found.endswith(b"\x1c\r"):
            more = self.socket.recv(65536)
            if not more:
                return b""
            found += more
        return found[1:-2]
