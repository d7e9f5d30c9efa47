"""Messages that are nearly right, at the intake: each is answered and none is half taken, and good ones still count afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.labels.scan import SiteProfile
from pointofcare.orders.order import OrderStatus
from pointofcare.wire import tables as wire_tables
from pointofcare.wire.messages import TableKind
from server.emr import hl7_message
from server.emr.hl7_message import Hl7Error
from server.store import orders, patients
from server.store.incoming import REJECTED, SET_ASIDE, TAKEN, WAITING
from server.store.transaction import reading
from server.usecases import tables
from tests.support import rubbish
from tests.support.databases import FACILITY, KINDS, migrated_app
from tests.support.hl7_in import FEED, PID, SAMPLES, ZONE, adt, an_intake, code, control_only, items, rde, stock
from tests.support.server_ward import NOW

GOOD = [
    *hl7_message.each((SAMPLES / "his-general.hl7").read_bytes()),
    *hl7_message.each((SAMPLES / "his-older.hl7").read_bytes()),
    control_only("C", "DC"),
]
PIECES = st.sampled_from(
    [
        *('""', "\\", "\\X00\\", "\\XFF\\", "~", "~~~", "^" * 300, "&", "|" * 400, "\r", "\r\r", "\rMSH|^~\\&|", "\x00", "é", "\ufffd"),
        *("9" * 5000, "-1", "1e9", "0", "20269999", "00010101", "99991231235959+1400", "Q6H", "PRN", "C", "NW", "DC", "RP", "TAB", "MR"),
        *("\ufeff", "\u202e", "x" * 300),
    ]
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A sample's message with other, lost, doubled or swapped fields and segments, or torn, or in other letters."""
    lines = draw(st.sampled_from(GOOD)).split(b"\r")[:-1]
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3, 6]))):
        place = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.integers(0, 9))
        if kind == 0 and len(lines) > 1:
            del lines[place]
        elif kind == 1:
            lines.insert(place, draw(st.sampled_from(lines)))
        elif kind == 2:
            other = draw(st.sampled_from(GOOD)).split(b"\r")[:-1]
            lines.insert(place, draw(st.sampled_from(other)))
        else:
            fields = lines[place].split(b"|")
            at = draw(st.integers(0 if kind == 3 else 1, len(fields) - 1)) if len(fields) > 1 else 0
            piece = draw(PIECES | st.text(max_size=6)).encode("utf-8", "surrogatepass")
            if kind < 6:
                fields[at] = piece
            elif kind < 8:
                cut = draw(st.integers(0, len(fields[at])))
                fields[at] = fields[at][:cut] + piece + fields[at][cut:]
            else:
                fields[at] = draw(st.sampled_from(fields))
            lines[place] = b"|".join(fields)
    made = b"\r".join(lines) + b"\r"
    if draw(st.integers(0, 9)) == 0:
        made = made[: draw(st.integers(0, len(made)))] + draw(st.binary(max_size=4))
    return made


@rubbish.examples(4, of=150)
@given(messages() | st.binary(max_size=80))
def test_a_message_is_read_or_refused_with_its_place(payload: bytes) -> None:
    try:
        read = hl7_message.read(payload)
    except Hl7Error as exc:
        if not (exc.where and exc.fault):
            pytest.fail("a refused message says where and why")
        return
    assert read.segments[0].name == "MSH"


@pytest.fixture(scope="module", params=KINDS if rubbish.LONG else KINDS[:1])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path_factory.mktemp("hl7")) as made:
        stock(made)
        yield made


@pytest.mark.timeout(3600 if rubbish.LONG else 120)
def test_whatever_comes_is_answered_nothing_is_half_taken_and_good_messages_still_count(app: Flask) -> None:
    intake = an_intake(app)
    assert code(intake.receive(adt("A01", "begin", at=NOW - timedelta(hours=1)))) == "AA"
    fresh = iter(range(1, 10**9))

    @rubbish.examples(1, of=25)
    @given(messages())
    def comes(payload: bytes) -> None:
        before = items(app, limit=1)[0].id
        answer = intake.receive(payload)
        assert answer is None or code(answer) in ("AA", "AE", "AR", "CA", "CE", "CR")
        for item in items(app, limit=20):
            assert item.id <= before or item.state in (TAKEN, WAITING, REJECTED, SET_ASIDE)
            assert item.reason is None or item.reason.code != "hl7-internal", (item.reason, payload)
        number = f"GOOD{next(fresh)}"
        pid = PID.replace("26-000123", number).replace("079158000123^^^VN^NI", "")
        assert code(intake.receive(adt("A01", number, pid=pid, at=NOW - timedelta(hours=1)))) == "AA"
        assert code(intake.receive(rde(f"{number}o", number=number, pid=pid))) == "AA"
        with reading(FEED) as tx:
            assert orders.get(tx, number).order.status is OrderStatus.ACTIVE

    comes()
    with reading(FEED) as tx:  # and every ward can still be told to its carts
        for ward in patients.wards(tx):
            table = tables.build(
                tx, ward.id, TableKind.PATIENT_CHART, facility=FACILITY, lifetime=timedelta(hours=1), timezone=ZONE, site=SiteProfile()
            )
            assert wire_tables.read_claims(wire_tables.claims(table)).kind is TableKind.PATIENT_CHART
