"""The door for HL7: real sockets and TLS, bounded in everything, one answer a message, and no answer before a message is kept."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from hl7.client import MLLPClient
from hl7apy.core import Message  # type: ignore[import-untyped]

from pointofcare.errors import ConfigError
from server.__main__ import main
from server.feeds import hl7_listener, hl7_settings
from server.feeds.hl7_intake import Intake
from server.feeds.hl7_settings import ListenerSettings
from server.security import authority
from server.store import incoming, orders, transaction
from server.store.incoming import TAKEN
from tests.support.databases import migrated_app
from tests.support.hl7_in import FEED, GENERAL, PV1, SAMPLES, Door, Line, adt, an_intake, code, items, message, msh, rde, stock
from tests.support.server_ward import NOW


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with migrated_app("sqlite", tmp_path) as made:
        stock(made)
        yield made


@pytest.fixture
def intake(app: Flask) -> Intake:
    return an_intake(app)


def test_a_hospitals_engine_sends_and_is_answered_message_for_message(app: Flask, intake: Intake) -> None:
    with Door(intake) as door, MLLPClient("127.0.0.1", door.port, encoding="utf-8") as client:
        for payload in (adt("A01", "1", at=NOW - timedelta(hours=1)), rde("2"), rde("2")):
            answer = client.send_message(payload)
            assert code(answer.strip(b"\x0b\x1c\r") if isinstance(answer, bytes) else answer) == "AA"
    assert [item.state for item in items(app)] == [TAKEN, TAKEN]


def test_a_message_that_another_library_builds_is_taken(app: Flask, intake: Intake) -> None:
    made = Message("OMP_O09", version="2.5.1")
    made.msh.msh_3, made.msh.msh_4, made.msh.msh_7, made.msh.msh_9 = "HIS", "BV1", "20260302080000", "OMP^O09^OMP_O09"
    made.msh.msh_10, made.msh.msh_11, made.msh.msh_18 = "X1", "P", "UNICODE UTF-8"
    patient = made.add_group("OMP_O09_PATIENT")
    patient.pid.pid_3, patient.pid.pid_5, patient.pid.pid_7 = "26-000123^^^BV1^MR", "Trần^Bình^Thị", "19580302"
    order = made.add_group("OMP_O09_ORDER")
    order.orc.orc_1, order.orc.orc_2, order.orc.orc_9 = "NW", "ORD9", "20260302080000"
    timing = order.add_group("OMP_O09_TIMING")
    timing.tq1.tq1_3, timing.tq1.tq1_7 = "TID", "20260302080000"
    order.rxo.rxo_1, order.rxo.rxo_2, order.rxo.rxo_4 = "TH0001^Paracetamol^BV1-THUOC", "500", "mg"
    order.rxr.rxr_1 = "UONG"
    with Door(intake) as door, door.line() as line:
        assert code(line.send(adt("A01", "1", at=NOW - timedelta(hours=1)))) == "AA"
        line.put(made.to_mllp().encode())
        assert code(line.get()) == "AA"
    with transaction.reading(FEED) as tx:
        found = orders.get(tx, "ORD9").order
    assert (found.clarification, [f"{at:%H:%M}" for at in found.times]) == ("", ["06:00", "14:00", "22:00"])


def test_what_arrives_in_pieces_or_all_at_once_is_answered_in_order(intake: Intake) -> None:
    with Door(intake) as door, door.line() as line:
        frames = b"".join(b"\x0b" + adt("A08", f"{number}") + b"\x1c\r\n" for number in range(5))
        line.put(frames[:30])
        line.put(frames[30:31])
        line.put(frames[31:])
        assert [line.get().decode().split("\rMSA|")[1].split("|")[1] for _ in range(5)] == list("01234")


def test_one_slow_sender_holds_no_other_up(intake: Intake) -> None:
    with Door(intake) as door, door.line() as slow, door.line() as other:
        slow.put(b"\x0bMSH|^~\\&|HIS")
        assert code(other.send(adt("A01", "1"))) == "AA"


def test_a_message_that_never_ends_or_is_too_large_or_is_none_ends_the_line(app: Flask, intake: Intake) -> None:
    with Door(intake, message_s=1, max_message_bytes=20_000) as door:
        with door.line() as line:
            line.put(b"\x0bMSH|^~\\&|HIS")
            assert line.socket.recv(100) == b""  # it was waited for long enough
        with door.line() as line:
            line.put(b"\x0b" + adt("A01", "1") + b"NTE|" + b"x" * 30_000)
            answer = line.get()
            assert code(answer) == "AR"
            assert b"20000 bytes" in answer
            assert line.socket.recv(100) == b""
        with door.line() as line:
            line.put(b"GET / HTTP/1.1\r\n\r\n")
            assert line.socket.recv(100) == b""
        with door.line() as line:  # and the door is still open
            assert code(line.send(adt("A01", "2"))) == "AA"
    assert len(items(app)) == 1


def test_more_lines_than_are_allowed_are_turned_away(intake: Intake) -> None:
    with Door(intake, max_connections=2) as door, door.line() as one, door.line() as two:
        assert code(one.send(adt("A01", "1"))) == "AA"
        assert code(two.send(adt("A08", "2"))) == "AA"
        with door.line() as third:
            assert is_turned_away(third)
        assert code(one.send(adt("A08", "3"))) == "AA"


def is_turned_away(line: Line) -> bool:
    """A line that was cut is read as its end, or as an error of the socket."""
    try:
        return line.send(adt("A08", "99")) == b""
    except OSError:
        return True


def test_rubbish_in_a_frame_is_answered_and_the_line_goes_on(app: Flask, intake: Intake) -> None:
    with Door(intake) as door, door.line() as line:
        for rubbish in (b"hello", b"", b"\xff\xfe\x00", b"MSH", b"MSH|^~\\&|", b"MSH||||"):
            assert code(line.send(rubbish)) == "AR"
        assert code(line.send(adt("A01", "1"))) == "AA"
    assert len(items(app)) == 1


def test_what_cannot_be_kept_is_not_answered_and_is_taken_when_it_comes_again(
    app: Flask, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise transaction.DatabaseFault("insert", {}, Exception("disk full"))

    with Door(intake) as door:
        with monkeypatch.context() as patched:
            patched.setattr(incoming, "keep", full)
            with door.line() as line:
                assert line.send(adt("A01", "1")) == b""
        with door.line() as line:
            assert code(line.send(adt("A01", "1"))) == "AA"
    assert [item.state for item in items(app)] == [TAKEN]


def test_what_waited_is_taken_by_itself(app: Flask, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = threading.Event()
    settle = Intake.settle_waiting

    def told(self: Intake) -> int:
        found = settle(self)
        if found:
            tried.set()
        return found

    monkeypatch.setattr(Intake, "settle_waiting", told)
    with Door(intake) as door, door.line() as line:
        assert code(line.send(rde("1", pid="PID|1||26-000123^^^BV1^XX||A"))) == "AE"
        with transaction.transaction(FEED, at=NOW) as tx:
            incoming.requeue(tx, items(app)[0].id)  # a person has it tried again
        assert tried.wait(10)
    assert items(app)[0].attempts == 2


@pytest.fixture
def machines(tmp_path: Path) -> authority.Authority:
    return authority.create(tmp_path / "ca", facility="bv1", at=datetime.now(UTC))


def files(machines: authority.Authority, folder: Path, name: str, *, serves: bool) -> tuple[Path, Path]:
    at = datetime.now(UTC)
    issued, key = (
        authority.issue_server(machines, hosts=["127.0.0.1"], at=at) if serves else authority.issue_client(machines, name=name, at=at)
    )
    certificate, secret = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(issued.pem)
    secret.write_text(key)
    return certificate, secret


def test_over_tls_only_a_sender_with_a_certificate_of_ours_is_let_in(machines: authority.Authority, intake: Intake, tmp_path: Path) -> None:
    ca = tmp_path / "ca" / "ca.pem"
    certificate, key = files(machines, tmp_path, "door", serves=True)
    sender = files(machines, tmp_path, "his", serves=False)
    with Door(intake, certificate_file=certificate, key_file=key, client_ca_file=ca) as door:
        known = ssl.create_default_context(cafile=str(ca))
        known.load_cert_chain(*sender)
        with door.line(known) as line:
            assert code(line.send(adt("A01", "1"))) == "AA"
        # With TLS 1.3 the missing certificate shows when the line is first used.
        with door.line(ssl.create_default_context(cafile=str(ca))) as line:
            assert is_turned_away(line)
        with door.line() as line:
            assert is_turned_away(line)
    assert intake.state.taken == 1


def test_files_that_are_no_certificate_are_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no")
    settings = ListenerSettings(profiles=(GENERAL,), certificate_file=tmp_path / "x.pem", key_file=tmp_path / "x.pem")
    with pytest.raises(ConfigError, match="cannot be used"):
        hl7_listener.tls(settings)


def test_the_settings_name_every_fault_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        'name = "x"\n[sender]\napplications = ["A"]\nfacilities = []\nversions = ["2.9"]\n[units]\nX = "furlong"\n'
    )
    (tmp_path / "hl7-in.toml").write_text(
        f'port = 99999\nnonsense = 1\ncertificate_file = "no.pem"\nprofiles = ["bad.toml", "{SAMPLES / "his-general.toml"}"]\n'
    )
    with pytest.raises(ConfigError) as told:
        hl7_settings.load(tmp_path / "hl7-in.toml")
    named = [where for where, _ in told.value.problems]
    for wanted in ("nonsense", "port", "certificate_file", "sender.facilities", "sender.versions", 'units."X"'):
        assert any(wanted in where for where in named), wanted


def test_two_profiles_for_one_sender_are_a_fault(tmp_path: Path) -> None:
    sample = SAMPLES / "his-general.toml"
    (tmp_path / "hl7-in.toml").write_text(f'profiles = ["{sample}", "{sample}"]\n')
    with pytest.raises(ConfigError, match=r"HIS\|BV1"):
        hl7_settings.load(tmp_path / "hl7-in.toml")


def test_a_stopping_door_answers_what_it_has_read(app: Flask, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    receive = Intake.receive

    def slow(self: Intake, payload: bytes) -> bytes | None:
        begun.set()
        assert goes_on.wait(10)
        return receive(self, payload)

    monkeypatch.setattr(Intake, "receive", slow)
    door = Door(intake)
    with door, door.line() as line:
        line.put(b"\x0b" + adt("A01", "1") + b"\x1c\r")
        assert begun.wait(10)
        door._loop.call_soon_threadsafe(door._stop.set)
        goes_on.set()
        assert code(line.get()) == "AA"
    assert [item.state for item in items(app)] == [TAKEN]


def test_an_answer_is_in_the_senders_letters(intake: Intake) -> None:
    with Door(intake) as door, door.line() as line:
        older = message(
            msh("ADT^A01", "1", application="WARDSYS", facility="PROVINCE", version="2.3", charset="8859/1"),
            "PID|1||9||Müller^Jörg",
            PV1,
        )
        answer = line.send(older.decode().encode("latin-1"))
        assert code(answer) == "AA"
        assert b"8859/1" in answer


def test_a_training_server_takes_no_patients_of_the_hospital(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--config", str(tmp_path / "server.toml"), "--facility", "h1-training"]) == 0
    assert main(["hl7", "run", "--config", str(tmp_path / "server.toml")]) == 2
    assert "training" in capsys.readouterr().err


def test_the_settings_of_the_samples_are_good_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = ", ".join(f'"{SAMPLES / name}"' for name in ("his-general.toml", "his-older.toml"))
    (tmp_path / "hl7-in.toml").write_text(f"profiles = [{listed}]\n")
    assert main(["hl7", "check", "--listener", str(tmp_path / "hl7-in.toml")]) == 0
    assert "WARDSYS of PROVINCE" in capsys.readouterr().out
    assert main(["hl7", "try", str(SAMPLES / "his-older.hl7"), "--profile", str(SAMPLES / "his-older.toml")]) == 0
    assert "order F900 (HD of 2026-03-02 08:59): held until it is released" in capsys.readouterr().out
    assert main(["hl7", "try", str(tmp_path / "no"), "--profile", str(SAMPLES / "his-older.toml")]) == 1
