"""A profile says what a hospital's system means; a fault of it is told with its place and what to write instead."""

from __future__ import annotations

import tomllib
from datetime import time
from typing import Any

import pytest

from pointofcare.errors import ConfigError
from server.feeds import hl7_settings, hl7_trial
from server.feeds.hl7_trial import UnaskedFormulary
from server.usecases import hl7_profile
from tests.support.hl7_in import GENERAL, OLDER, SAMPLES, ZONE, adt, control_only, message, msh, rde

BARE = 'name = "x"\n[sender]\napplications = ["A"]\nfacilities = ["B"]\n'


def problems(text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as told:
        hl7_profile.read(tomllib.loads(text), "p.toml")
    return {where.removeprefix("p.toml: "): what for where, what in told.value.problems}


def test_the_samples_are_good_and_differ_where_the_systems_do() -> None:
    assert (GENERAL.mrn_type, GENERAL.event("ADT^A04"), GENERAL.event("SIU^S12")) == ("MR", "ADT^A01", "ignore")
    assert (OLDER.mrn_repetition, OLDER.order_number, OLDER.charset) == (1, "filler", "8859/1")
    assert GENERAL.speaks_for("HIS", "BV1")
    assert not GENERAL.speaks_for("HIS", "BV2")
    assert (GENERAL.unit("VIEN"), GENERAL.unit("MG"), GENERAL.unit("xyz"), GENERAL.route("UONG"), GENERAL.route("im")) == (
        "{tablet}",
        "mg",
        "xyz",
        "PO",
        "IM",
    )


def test_a_bare_profile_is_the_standard() -> None:
    found = hl7_profile.read(tomllib.loads(BARE), "p.toml")
    assert (found.mrn_type, found.mrn_field, found.versions, found.order_number) == ("MR", 3, hl7_profile.VERSIONS, "placer")


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("", "name", "is missing"),
        (BARE.replace('["A"]', "[]"), "sender.applications", "list of texts"),
        (BARE + 'charset = "EBCDIC"', "sender.charset", "table 0211"),
        (BARE + 'timezone = "Saigon"', "sender.timezone", "Asia/Ho_Chi_Minh"),
        (BARE + 'versions = ["3.0"]', "sender.versions", "2.5.1"),
        (BARE + '[messages]\n"ADT^A04" = "ADT^A99"', 'messages."ADT^A04"', "ADT^A01"),
        (BARE + '[messages]\n"A04" = "ignore"', 'messages."A04"', "ADT^A04"),
        (BARE + "[patient]\nmrn_field = 99", "patient.mrn_field", "from 2 to 4"),
        (BARE + '[patient]\nname_order = "west"', "patient.name_order", "family-first"),
        (BARE + '[wards]\n"K 1" = "Nội tổng hợp"', 'wards."K 1"', "is not an id"),
        (BARE + '[units]\n"V" = "viên"', 'units."V"', "UCUM"),
        (BARE + '[routes]\n"U" = "MOUTH"', 'routes."U"', "PO"),
        (BARE + '[frequencies]\n"BID" = "twice"', 'frequencies."BID"', "08:00 20:00"),
        (BARE + '[frequencies]\n"BID" = "08:00 08:00"', 'frequencies."BID"', "names no times"),
        (BARE + '[frequencies]\n"X" = "BID"', 'frequencies."X"', "names no times"),
        (BARE + '[frequencies]\n"X" = "08:00 every 0 d"', 'frequencies."X"', "names no times"),
        (BARE + '[observations]\n"X" = "mood"', 'observations."X"', "heart-rate"),
        (BARE + '[z]\nread = { "ZRX" = "note" }', 'z.read."ZRX"', "ZRX-3"),
        (BARE + '[z]\nread = { "ZRX-3" = "dose" }', 'z.read."ZRX-3"', "indication"),
        (BARE + "[z]\nreed = 1", "z.reed", "is not a setting"),
        (BARE + "[nonsense]\nx = 1", "nonsense", "is not a setting"),
        (BARE + "[units]\nX = 1", 'units."X"', "text in quotes"),
        ("orders = 3\n" + BARE, "orders", "make it a table"),
        (BARE + '[orders]\nverified = "yes"', "orders.verified", "true or false"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_to_write(text: str, where: str, says: str) -> None:
    found = problems(text)
    assert where in found
    assert says in found[where]


def test_every_fault_is_told_at_once() -> None:
    assert len(problems('[sender]\ncharset = "X"\n[units]\nA = "b"\n[z]\nx = 1')) == 6


def test_the_hospitals_hours_hold_where_the_profile_names_none() -> None:
    bare = hl7_profile.read(tomllib.loads(BARE + '[frequencies]\nBID = "07:00 19:00"'), "p.toml")
    found = hl7_settings.with_hours(bare, {"BID": (time(8), time(20)), "TID": (time(6), time(14), time(22)), "HS": (time(21),)})
    assert (found.frequencies["BID"], found.frequencies["TID"], found.frequencies["QHS"]) == ("07:00 19:00", "06:00 14:00 22:00", "21:00")


def told(*payloads: bytes, profile: Any = GENERAL) -> tuple[str, int]:
    lines, bad = hl7_trial.run(b"".join(payloads), profile, ZONE, UnaskedFormulary())
    return "\n".join(lines), bad


def test_a_dry_run_says_in_words_what_each_message_would_become() -> None:
    text, bad = told(adt("A01", "1"), rde("2"), rde("3", timing="TQ1|1||XYZ"), control_only("4", "DC"), message(msh("SIU^S12", "5")))
    assert bad == 0
    for words in (
        "26-000123 Trần Thị Bình, born 1958-03-02, ward NOI-TH bed 101-2 is admitted",
        "08:00 20:00 · from 2026-03-02 08:00",
        "not given by scan until clarified: not understood: XYZ",
        "order ORD1 (DC of 2026-03-02 08:05): stopped for good",
        "ignored by the profile",
    ):
        assert words in text


def test_a_dry_run_says_what_would_be_refused_and_what_to_do() -> None:
    text, bad = told(
        message(msh("ADT^A60", "1")), message(msh("ADT^A01", "2", application="X")), adt("A01", "3", pid="PID|1||5^^^^XX||A"), b"MSH|^~"
    )
    assert bad == 4
    for words in ("AR: MSH-9: ADT^A60 is not taken here.", "AR: MSH-3: ", "AE: PID-3: ", "[patient]", "AR: MSH: "):
        assert words in text
    assert told(b"")[1] == 1


def test_the_sample_messages_of_both_systems_are_taken_by_their_profiles() -> None:
    for name, profile in (("his-general", GENERAL), ("his-older", OLDER)):
        lines, bad = hl7_trial.run((SAMPLES / f"{name}.hl7").read_bytes(), profile, ZONE, UnaskedFormulary())
        assert bad == 0, "\n".join(lines)
        assert len([line for line in lines if line.startswith("message ")]) >= 6
