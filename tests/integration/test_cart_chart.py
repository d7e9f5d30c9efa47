"""The signed tables: forged, old, of another ward, expired; and what the cart knows that the chart does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from cart_client.chart import Chart, TableRefusedError, key_from
from cart_client.own_records import history
from cart_client.trust import keys_from
from pointofcare.administration.session import Session
from pointofcare.errors import NotPermittedError
from pointofcare.labels.scan import BandScan, Keyed
from pointofcare.verdict import engine
from pointofcare.verdict.facts import Cart, HistoryEntry
from pointofcare.verdict.finding import Level
from pointofcare.wire import tables
from pointofcare.wire.messages import TableIssued, TableKind
from pointofcare.wire.tables import Table
from tests.integration.test_cart_journal import a_record
from tests.support.cart_ward import FACILITY, GSRN, KEY, NOW, PIN, PUBLIC, WARD, a_chart, a_table, chart_body, issued

CHART = a_table(TableKind.PATIENT_CHART, chart_body())


def refused(chart: Chart, table: object, now: object = NOW) -> str:
    with pytest.raises(TableRefusedError) as raised:
        chart.take(table, now)  # type: ignore[arg-type]
    return raised.value.why


def test_a_table_that_the_server_did_not_sign_is_refused(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    assert refused(chart, issued(CHART, OKPKey.generate_key("Ed25519", private=True))) == "forged"
    good = issued(CHART)
    head, body, mark = good.jws.split(".")
    assert refused(chart, replace(good, jws=f"{head}.{body[:-4]}AAAA.{mark}")) == "forged"
    assert refused(chart, replace(good, jws=f"{head}.{body}.")) == "forged"
    assert refused(chart, replace(good, jws="")) == "forged"
    none = "eyJhbGciOiJub25lIn0"
    assert refused(chart, replace(good, jws=f"{none}.{body}.")) == "forged"
    assert chart.held() == ()


def test_an_older_version_never_replaces_a_newer_one(tmp_path: Path) -> None:
    chart = a_chart(tmp_path)
    newer = a_table(TableKind.PATIENT_CHART, chart_body(order_list=()), version=5)
    assert chart.take(issued(newer), NOW)
    assert not chart.take(issued(newer), NOW)
    assert refused(chart, issued(replace(CHART, version=4))) == "older"
    assert chart.version() == 5
    assert chart.orders_of("P1", NOW) == ()


def test_a_table_of_another_ward_is_refused(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    assert refused(chart, issued(replace(CHART, ward="NHI"))) == "other-ward"
    assert chart.take(issued(CHART), NOW)


def test_a_table_of_another_facility_is_refused_even_with_the_same_key(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    assert refused(chart, issued(replace(CHART, facility="79001"))) == "other-facility"
    assert chart.held() == ()


def test_an_expired_table_is_not_taken_and_not_used(tmp_path: Path) -> None:
    chart = a_chart(tmp_path)
    later = NOW + timedelta(hours=25)
    assert refused(chart, issued(CHART), later) == "expired"
    assert set(chart.missing(later)) == {kind.value for kind in TableKind}
    assert chart.patient("P1", later) is None
    facts = chart.facts_for(Session(), later, cart=Cart())
    assert facts.orders == ()
    assert engine.evaluate(facts).level is Level.STOP


def test_one_missing_table_means_no_chart(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    chart.take(issued(CHART), NOW)
    assert "formulary" in chart.missing(NOW)
    assert chart.patient("P1", NOW) is None


def test_what_was_taken_survives_a_restart_and_a_touched_file_does_not(tmp_path: Path) -> None:
    a_chart(tmp_path).close()
    again = Chart(tmp_path / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC)
    assert again.missing(NOW) == ()
    again._db.execute("UPDATE held SET jws = replace(jws, 'a', 'b') WHERE kind = 'patient-chart'")
    again.close()
    assert Chart(tmp_path / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC).missing(NOW) == ("patient-chart",)
    other = OKPKey.generate_key("Ed25519", private=True)
    assert len(Chart(tmp_path / "chart.sqlite", facility=FACILITY, ward=WARD, key=other).missing(NOW)) == 4


def test_a_wall_clock_set_back_does_not_make_the_chart_younger(tmp_path: Path) -> None:
    chart = a_chart(tmp_path)
    assert chart.age_s(NOW) == pytest.approx(600, abs=1)
    age = chart.age_s(NOW - timedelta(days=1))
    assert age is not None
    assert age >= 0


def test_what_this_cart_gave_is_history_before_the_chart_knows_it() -> None:
    charted = (HistoryEntry(order="O9", patient="P1", status="completed", at=NOW, record_id="r-1"),)
    own = (a_record("r-1"), a_record("r-2"), a_record("r-3", amends="r-2", status="entered-in-error"), a_record("r-4", action="waste"))
    merged = history(charted, own)
    assert [entry.record_id for entry in merged] == ["r-1", "r-3"]
    assert merged[1].status == "entered-in-error"


def test_who_a_band_names(tmp_path: Path) -> None:
    chart = a_chart(tmp_path)
    found = chart.patient_of(BandScan(gsrn=GSRN["P2"], srin="1"), NOW)
    assert found is not None
    assert found.id == "P2"
    assert chart.patient_of(BandScan(gsrn="893600000000000999"), NOW) is None
    assert chart.patient_of(BandScan(), NOW) is None
    keyed = chart.patient_of(Keyed(value="24-000123"), NOW)
    assert keyed is not None
    assert keyed.id == "P1"


@pytest.mark.parametrize(
    ("badge", "pin", "why"), [("N1", "0000", "pin-wrong"), ("nobody", PIN, "badge-unknown"), ("", PIN, "badge-unknown")]
)
def test_who_may_sign_in(tmp_path: Path, badge: str, pin: str, why: str) -> None:
    chart = a_chart(tmp_path)
    assert chart.person("N1", PIN, NOW)[0].id == "N1"
    with pytest.raises(NotPermittedError) as raised:
        chart.person(badge, pin, NOW)
    assert raised.value.fields["why"] == why


def test_the_key_in_use_is_public() -> None:

    assert not key_from(json.dumps(KEY.as_dict(private=False))).is_private
    with pytest.raises(ValueError, match="public"):
        key_from(json.dumps(KEY.as_dict(private=True)))


@pytest.mark.parametrize("content", [b"not a database at all" * 500, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_chart_file_is_put_aside_and_the_tables_are_asked_for_again(tmp_path: Path, content: bytes) -> None:
    a_chart(tmp_path).close()
    for file in tmp_path.glob("chart.sqlite*"):
        file.unlink()
    (tmp_path / "chart.sqlite").write_bytes(content)
    chart = Chart(tmp_path / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC)
    assert len(chart.missing(NOW)) == 4
    assert chart.take(issued(CHART), NOW)
    chart.close()
    assert Chart(tmp_path / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC).version() == CHART.version


def test_a_chart_file_deleted_under_a_running_cart_costs_no_table(tmp_path: Path) -> None:
    chart = a_chart(tmp_path)
    for file in tmp_path.glob("chart.sqlite*"):
        file.unlink()
    assert chart.missing(NOW) == ()
    assert chart.take(issued(replace(CHART, version=9)), NOW)
    assert chart.version() == 9


def test_a_server_restored_from_a_backup_is_heard_once_the_newer_table_is_used_up(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    assert chart.take(issued(replace(CHART, version=9)), NOW)
    restored = replace(CHART, version=3, issued_at=NOW + timedelta(hours=20), expires_at=NOW + timedelta(hours=50))
    assert refused(chart, issued(restored), NOW + timedelta(hours=20)) == "older"
    assert refused(chart, issued(replace(CHART, version=3, expires_at=NOW + timedelta(hours=50))), NOW + timedelta(hours=25)) == "older"
    assert chart.take(issued(restored), NOW + timedelta(hours=25))
    assert chart.version() == 3


def test_patients_and_staff_are_erased_once_their_tables_expired_long_ago_and_never_come_back_older(tmp_path: Path) -> None:
    """Nobody can use them any more, and a cart that was lost must not keep them."""
    chart = a_chart(tmp_path)
    chart.take(issued(replace(CHART, version=7)), NOW)
    after = timedelta(hours=24)
    ends_at = max(each.expires_at for each in chart.held() if each.expires_at)
    first_at = min(each.expires_at for each in chart.held() if each.expires_at)
    assert chart.erase_expired(first_at + after - timedelta(seconds=1), after) == ()
    assert set(chart.erase_expired(ends_at + after, after)) == {TableKind.PATIENT_CHART, TableKind.STAFF_ROSTER}
    assert {each.kind for each in chart.held() if each.expires_at is not None} == {TableKind.FORMULARY, TableKind.POLICY}
    chart.close()
    chart = Chart(tmp_path / "chart.sqlite", facility=FACILITY, ward=WARD, key=PUBLIC)
    assert {each.kind for each in chart.held() if each.expires_at is not None} == {TableKind.FORMULARY, TableKind.POLICY}
    replayed = replace(CHART, version=6, expires_at=ends_at + timedelta(days=3))
    assert refused(chart, issued(replayed), ends_at + timedelta(hours=25)) == "older"
    fresh = replace(CHART, issued_at=ends_at + timedelta(hours=25), expires_at=ends_at + timedelta(hours=49), version=1)
    assert chart.take(issued(fresh), ends_at + timedelta(hours=25))
    chart.close()


# What was held once, and which keys are believed.


def again(tmp_path: Path, key: OKPKey | tuple[OKPKey, ...] = PUBLIC, **place: str) -> Chart:
    return Chart(tmp_path / "chart.sqlite", **({"facility": FACILITY, "ward": WARD} | place), key=key)


def lose_the_chart(tmp_path: Path) -> None:
    for file in (tmp_path / "chart.sqlite", tmp_path / "chart.sqlite-wal", tmp_path / "chart.sqlite-shm"):
        file.unlink(missing_ok=True)


def test_an_older_table_does_not_come_back_after_a_restart_without_the_chart(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    assert chart.take(issued(replace(CHART, version=9)), NOW)
    chart.close()
    lose_the_chart(tmp_path)
    chart = again(tmp_path)
    assert chart.version() == 0
    assert refused(chart, issued(replace(CHART, version=8)), NOW) == "older"
    assert [(each.version, each.expires_at) for each in chart.held()] == [(9, None)]  # so that a restored server issues above it
    assert chart.take(issued(replace(CHART, version=9)), NOW)
    chart.close()


def test_an_older_chart_put_back_under_a_cart_that_is_off_is_not_used(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    assert chart.take(issued(CHART), NOW)
    chart.close()
    old = (tmp_path / "chart.sqlite").read_bytes()
    chart = again(tmp_path)
    assert chart.take(issued(replace(CHART, version=7, issued_at=NOW + timedelta(minutes=1))), NOW + timedelta(minutes=1))
    chart.close()
    lose_the_chart(tmp_path)
    (tmp_path / "chart.sqlite").write_bytes(old)
    assert again(tmp_path).version() == 0


def test_what_was_held_is_of_one_ward_and_does_not_bind_another(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    assert chart.take(issued(replace(CHART, version=9)), NOW)
    chart.close()
    moved = again(tmp_path, ward="NHI")
    assert moved.take(issued(replace(CHART, ward="NHI", version=2)), NOW)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"22001/NOI-TH": {"patient-chart": {"version": "x"}}}', b"\xff\xfe"])
def test_a_damaged_floor_costs_no_table(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "chart.sqlite.floor").write_bytes(content)
    assert a_chart(tmp_path).version() == CHART.version


def test_a_disk_that_takes_no_floor_costs_no_table(tmp_path: Path) -> None:
    (tmp_path / "chart.sqlite.floor.new").mkdir(parents=True)
    chart = a_chart(tmp_path)
    assert chart.version() == CHART.version
    assert refused(chart, issued(replace(CHART, version=0)), NOW) == "older"


def with_header(header: dict[str, object], table: Table = CHART) -> str:
    """The table's bytes under any header, with a signature that the header's algorithm would accept where that can be made."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    text = f"{part(json.dumps(header).encode())}.{part(tables.claims(table))}"
    public = json.dumps(PUBLIC.as_dict(private=False)).encode()
    raw = base64.urlsafe_b64decode(f"{PUBLIC.as_dict(private=False)['x']}==")
    secret = raw if header.get("with") == "raw" else public
    mark = hmac.new(secret, text.encode(), hashlib.sha256).digest() if str(header["alg"]).startswith("HS") else b""
    return f"{text}.{part(mark)}"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "HS256", "with": "raw"},
        {"alg": "HS256", "kid": PUBLIC.thumbprint()},
        {"alg": "Ed25519", "jwk": PUBLIC.as_dict(private=False)},
        {"alg": "ES256"},
        {"alg": ""},
    ],
    ids=("none", "None", "HS256", "HS256-raw", "HS256-with-our-thumbprint", "a-key-of-its-own", "ES256", "empty"),
)
def test_no_other_algorithm_than_ours_proves_a_table(tmp_path: Path, header: dict[str, object]) -> None:
    chart = a_chart(tmp_path, full=False)
    assert refused(chart, replace(issued(CHART), jws=with_header(header))) == "forged"
    assert chart.held() == ()


def signed_with(key: OKPKey, header: dict[str, object]) -> TableIssued:
    made = jws.serialize_compact({"alg": "Ed25519"} | header, tables.claims(CHART), key, algorithms=["Ed25519"])
    return replace(issued(CHART), jws=made)


def test_a_key_that_the_signature_brings_along_or_only_names_is_not_believed(tmp_path: Path) -> None:
    chart = a_chart(tmp_path, full=False)
    stranger = OKPKey.generate_key("Ed25519", private=True)
    for header in ({"jwk": stranger.as_dict(private=False)}, {"kid": PUBLIC.thumbprint()}, {"kid": stranger.thumbprint()}):
        assert refused(chart, signed_with(stranger, header)) == "forged"
    assert refused(chart, signed_with(KEY, {"kid": "another"})) == "forged"  # ours, under the name of a key that is not here
    assert chart.take(signed_with(KEY, {"kid": PUBLIC.thumbprint()}), NOW)


def test_old_and_new_key_are_believed_while_the_server_changes_its_key(tmp_path: Path) -> None:
    new = OKPKey.generate_key("Ed25519", private=True)
    both = keys_from(json.dumps({"keys": [PUBLIC.as_dict(private=False), new.as_dict(private=False)]}))
    chart = again(tmp_path, both)
    assert chart.take(signed_with(KEY, {"kid": PUBLIC.thumbprint()}), NOW)
    newer = replace(CHART, version=CHART.version + 1)
    made = jws.serialize_compact({"alg": "Ed25519", "kid": new.thumbprint()}, tables.claims(newer), new, algorithms=["Ed25519"])
    assert chart.take(replace(issued(newer), jws=made), NOW)
    chart.close()
    assert again(tmp_path, both[1:]).version() == newer.version  # the overlap is over
    assert again(tmp_path, both[:1]).version() == 0


@pytest.mark.parametrize("text", ["{}", "[]", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AAAA"}]}', "x", '{"keys": 3}'])
def test_what_is_no_public_key_of_a_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        keys_from(text)
