"""What an order of HL7 says, in rows of an import: dose, drug, route and timing as written, or a draft that names what is unclear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pointofcare.orders.order import OrderCategory, OrderStatus
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from server.emr import hl7_message
from server.emr.hl7_message import Hl7Error
from server.usecases import hl7_orders
from server.usecases.hl7_orders import Said
from server.usecases.hl7_profile import Profile
from server.usecases.import_rows import OrderFound, Place
from tests.support.hl7_in import GENERAL, NACL, OLDER, PARACETAMOL, PID, ZONE, control_only, message, msh, rde
from tests.support.server_ward import NOW


class Shelf:
    def by_gtin(self, gtin: str) -> Product | None:
        return next((one for one in (PARACETAMOL, NACL) if one.gtin == gtin), None)

    def by_id(self, product: str) -> Product | None:
        return next((one for one in (PARACETAMOL, NACL) if one.id == product), None)

    def has_ingredients(self, names: Sequence[str]) -> bool:
        return set(names) <= {"paracetamol", "sodium chloride", "potassium chloride"}


def said(payload: bytes, profile: Profile = GENERAL) -> tuple[Said, ...]:
    place = Place(file="m", row=1)
    return hl7_orders.read(
        hl7_message.read(payload, charset=profile.charset), profile, Shelf(), patient="26-1", zone=ZONE, place=place, sent=NOW
    )


def one(payload: bytes, profile: Profile = GENERAL) -> OrderFound:
    (found,) = said(payload, profile)
    assert found.found is not None
    return found.found


def faults(found: OrderFound) -> list[str]:
    return [f"{code.removeprefix('clarify-')}: {value}" for code, value in found.clarify]


def infusion(rxe: str, timing: str = "TQ1|1||C||||20260302080000", more: Sequence[str] = ()) -> bytes:
    return message(msh("RDE^O11", "1"), PID, "ORC|NW|1|||||||20260302080000", rxe, *([timing] if timing else []), "RXR|IV", *more)


NACL_CODE = "08936000000226^NaCl^GTIN"


def bag(unit: str = "mL", per: str = "", rate: str = "", rate_unit: str = "") -> str:
    """A bag of a litre: RXE-2 to RXE-5, and RXE-22 to RXE-24."""
    return f"RXE||{NACL_CODE}|1000||{unit}" + "|" * 17 + f"{per}|{rate}|{rate_unit}"


def test_a_dose_a_range_and_their_units() -> None:
    assert one(rde("1")).order.dose == Quantity.parse("500 mg")
    assert one(rde("1", dose="1||VIEN")).order.dose == Quantity.parse("1 {tablet}")
    assert one(rde("1", dose="500|1000|MG")).order.dose_range == (Quantity.parse("500 mg"), Quantity.parse("1000 mg"))
    assert faults(one(rde("1", dose="500||"))) == ["dose-unreadable: 500"]
    assert faults(one(rde("1", dose="||mg")))[0] == "no-dose: dose"
    assert faults(one(rde("1", dose="1,5||mg"))) == ["dose-unreadable: 1,5 mg"]
    assert "dose" in faults(one(rde("1", dose="|500|mg")))[0]


def test_a_drug_is_known_by_a_code_of_the_profile_a_gtin_or_its_ingredients() -> None:
    assert one(rde("1")).order.ingredient == "paracetamol"
    assert one(rde("1", drug="08936000000110^x^GTIN")).order.form == "tablet"
    assert one(rde("1", drug="PARA500^x^BV1-THUOC")).order.ingredient == "paracetamol"
    assert one(rde("1", drug="99^x^OTHER^TH0001^y^BV1-THUOC")).order.ingredient == "paracetamol"
    profile = replace(GENERAL, forms={"TAB": "tablet"})
    named = one(rde("1", drug="^Paracetamol"), profile)
    assert (named.order.ingredient, named.order.form, named.clarify) == ("paracetamol", "tablet", ())


def test_a_drug_that_nobody_here_knows_is_for_a_person() -> None:
    for drug in ("TH9999^Thuốc lạ^BV1-THUOC", "08936000000111^x^GTIN", "^Something else", "08936000000110^x^UNKNOWN"):
        found = one(rde("1", drug=drug))
        assert found.order.status is OrderStatus.DRAFT
        assert any("RXE-2" in fault for fault in faults(found))
    with pytest.raises(Hl7Error, match="RXE-2"):
        one(rde("1", drug=""))


def test_a_strength_that_is_not_the_products_is_a_contradiction() -> None:
    fine = rde("1").replace(b"|TAB\r", b"|TAB|||||||||||||||||||500|mg\r")
    assert one(fine).clarify == ()
    wrong = fine.replace(b"|500|mg\r", b"|250|mg\r")
    assert faults(one(wrong)) == ["not-understood: RXE-25 250 mg (PARA500: 500 mg)"]


def test_a_route_is_known_or_for_a_person_and_two_routes_are_two_things() -> None:
    assert one(rde("1")).order.route == "PO"
    assert faults(one(rde("1").replace(b"RXR|UONG", b"RXR|XX^By the ear"))) == ["no-route: By the ear"]
    assert faults(one(rde("1").replace(b"RXR|UONG\r", b""))) == ["no-route: "]
    assert faults(one(rde("1", more=["RXR|IV"]))) == ["several-instructions: IV, PO"]


@pytest.mark.parametrize(
    ("rxe", "rate"),
    [
        (bag(rate="80", rate_unit="mL/h"), "80 mL/h"),
        (bag("ML", rate="80", rate_unit="ml/hr"), "80 mL/h"),
        (bag(per="H1", rate="80", rate_unit="mL"), "80 mL/h"),
        (bag(per="H8"), "125 mL/h"),
    ],
)
def test_a_rate_is_read_or_reckoned_where_it_comes_out_even(rxe: str, rate: str) -> None:
    found = one(infusion(rxe))
    assert found.clarify == ()
    assert found.order.rate is not None
    assert found.order.rate.same_as(Quantity.parse(rate))
    assert found.order.category is OrderCategory.INFUSION


def test_a_rate_that_does_not_come_out_even_or_has_no_time_is_for_a_person() -> None:
    assert faults(one(infusion(bag(per="H7"))))
    assert faults(one(infusion(bag(rate="80", rate_unit="mL"))))
    assert faults(one(infusion(bag())))  # continuous, and how fast?


def test_what_is_mixed_in_stands_on_the_bag() -> None:
    more = ["RXC|B|N^NaCl 0,9 %|1000|ML", "RXC|A|K^Kali clorid|20|mmol"]
    found = one(infusion(bag(rate="80", rate_unit="mL/h"), more=more))
    assert found.order.additives == ("NaCl 0,9 % 1000 mL", "Kali clorid 20 mmol")


def test_as_needed_with_its_interval_its_most_and_its_reason() -> None:
    payload = rde("1", timing="TQ1|1||PRNQ6H||||20260302080000|||đau").replace(
        b"|TAB\r", b"|TAB|||||||||||||3&g^\r".replace(b"3&g^", b"3^g")
    )
    order = one(payload).order
    assert (order.category, order.clarification) == (OrderCategory.PRN, "")
    assert order.prn is not None
    assert (order.prn.min_interval, order.prn.max_per_24h) == (timedelta(hours=6), Quantity.parse("3 g"))
    assert order.prn.reasons == ("đau",)
    assert faults(one(rde("1", timing="TQ1|1||Q6H|||||||nếu sốt"))) == ["not-understood: nếu sốt"]


def test_at_once_and_once() -> None:
    assert one(rde("1", timing="TQ1|1||||||||S")).order.category is OrderCategory.STAT
    assert one(rde("1", timing="TQ1|1||ONCE||||20260302080000")).order.category is OrderCategory.ONCE
    assert one(rde("1", timing="TQ1|1||ONCE")).order.start == NOW
    # An empty timing is no "once", as the standard would have it: nobody said so.
    assert one(rde("1", timing="")).order.status is OrderStatus.DRAFT


def test_an_unread_timing_is_never_taken_for_a_single_dose() -> None:
    found = one(rde("1", timing="TQ1|1||XYZ||||||S"))
    assert (found.order.category, found.order.status) == (OrderCategory.SCHEDULED, OrderStatus.DRAFT)


def test_a_taper_has_its_steps_one_after_the_other() -> None:
    timing = "\r".join(["TQ1|1|20^mg|QD|0800||3^d|20260302080000||||S".replace("||||S", "|||||S"), "TQ1|2|10^mg|QD|0800||3^d"])
    found = one(rde("1", dose="20||mg", timing=timing))
    assert found.clarify == ()
    first, second = found.order.dosages
    assert (first.dose, second.dose) == (Quantity.parse("20 mg"), Quantity.parse("10 mg"))
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.end == datetime.fromisoformat("2026-03-05T08:00:00+07:00")


def test_a_timing_that_stands_twice_must_say_one_thing() -> None:
    assert one(rde("1", timing="TQ1|1||Q6H").replace(b"RXE||", b"RXE|1^Q6H|")).clarify == ()
    assert faults(one(rde("1", timing="TQ1|1||Q6H").replace(b"RXE||", b"RXE|1^Q8H|"))) == ["not-understood: TQ1 + RXE-1"]


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("BID", "1^Q6H"),
        ("Q6H", "1^BID"),
        ("ONCE", "1^Q6H"),
        ("Q6H", "1^ONCE"),
        ("Q6H", "1^^X1"),
        ("Q6H", "1^^D3"),
        ("Q6H", "1^Q6H^X5"),
        ("Q6H", "1^XYZ"),
        ("Q6H", "1^C"),
        ("PRN", "1^Q6HPRN"),
        ("Q6H", "1^Q6H^^20260303080000"),
        ("Q6H", "1^Q6H^^^20260305080000"),
        ("Q6H|||3^d", "1^Q6H^D4"),
        ("QOD|0800", "1^QD&0800"),
    ],
)
def test_two_timings_that_share_no_word_are_two_things_all_the_same(newer: str, older: str) -> None:
    used = rde("1", timing=f"TQ1|1||{newer}").replace(b"RXE||", f"RXE|{older}|".encode())
    assert "not-understood: TQ1 + RXE-1" in faults(one(used))
    ordered = rde("1", timing=f"TQ1|1||{newer}").replace(b"ORC|NW|ORD1|F-ORD1||||", f"ORC|NW|ORD1|F-ORD1||||{older}".encode())
    assert "not-understood: TQ1 + ORC-7" in faults(one(ordered))


def test_two_older_timings_must_say_one_thing_too() -> None:
    plain = rde("1", timing="").replace(b"ORC|NW|ORD1|F-ORD1||||", b"ORC|NW|ORD1|F-ORD1||||1^BID")
    assert one(plain).clarify == ()
    assert one(plain.replace(b"RXE||", b"RXE|1^BID|")).clarify == ()
    assert faults(one(plain.replace(b"RXE||", b"RXE|1^Q6H|"))) == ["not-understood: RXE-1 + ORC-7"]


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("BID|0800~2000", "1^BID"),
        ("Q12H|0800~2000", "1^Q12H"),
        ("Q6H||||20260302080000|20260305080000", "1^Q6H"),
        ("Q6H|||3^d|20260302080000", "1^Q6H^D3^20260302080000"),
        ("Q6HPRN", "1^PRN"),
        ("Q6H", "1"),
        ("ONCE", "1^ONCE^X1"),
    ],
)
def test_a_timing_that_says_less_of_the_same_is_no_contradiction(newer: str, older: str) -> None:
    both = rde("1", timing=f"TQ1|1||{newer}").replace(b"RXE||", f"RXE|{older}|".encode())
    assert not [fault for fault in faults(one(both)) if " + RXE-1" in fault]


def test_a_quantity_of_a_timing_is_one_dose_or_the_dose() -> None:
    assert one(rde("1", timing="TQ1|1|1|BID")).clarify == ()
    assert one(rde("1", timing="TQ1|1|500^mg|BID")).clarify == ()
    assert faults(one(rde("1", timing="TQ1|1|2|BID"))) == ["not-understood: TQ1 quantity 2"]
    assert faults(one(rde("1", timing="TQ1|1|250^mg|BID"))) == ["not-understood: TQ1 quantity 250 mg"]


@pytest.mark.parametrize(
    ("act", "stated", "wanted"),
    [
        ("NW", "", "active"),
        ("NW", "IP", "active"),
        ("NW", "DC", "stopped"),
        ("XO", "HD", "on-hold"),
        ("SC", "CM", "completed"),
        ("HD", "", "on-hold"),
    ],
)
def test_a_status_is_the_harder_one_of_what_is_asked_and_what_is_stated(act: str, stated: str, wanted: str) -> None:
    (found,) = said(rde("1", act=act, status=stated))
    assert str(found.status) == wanted


def test_a_control_or_a_status_that_is_not_known_is_no_order() -> None:
    with pytest.raises(Hl7Error, match="ORC-1"):
        said(rde("1", act="ZZ"))
    with pytest.raises(Hl7Error, match="ORC-5"):
        said(rde("1", act="SC", status="??"))
    assert faults(one(rde("1", status="??"))) == ["not-understood: ORC-5 ??"]
    with pytest.raises(Hl7Error, match="RXE"):
        said(control_only("1", "NW"))
    with pytest.raises(Hl7Error, match="ORC-2"):
        said(rde("1", number=""))


def test_a_z_segment_that_nobody_named_may_forbid_the_drug() -> None:
    assert faults(one(rde("1", more=["ZZZ|không dùng"]))) == ["not-understood: ZZZ"]
    assert one(rde("1", more=["ZPV|x"])).clarify == ()
    assert faults(one(rde("1", more=["TQ2|1|S"]))) == ["not-understood: TQ2"]


def test_the_older_system_is_read_by_its_own_profile() -> None:
    payload = "\r".join(
        [
            "MSH|^~\\&|WARDSYS|PROVINCE|||20260302080000||ORM^O01|7|P|2.3",
            "PID|1||12345~999^^^X^NI||TRAN^BINH^THI||19580302|F",
            "ORC|NW|P1|F77||||1^2XD^D3^20260302080000||20260302080500|||9^Dr",
            "RXO|8936000000110^Paracetamol^EAN|500||MG|TAB|||||||||||||Sốt".replace("Sốt", "Fievre"),
            "RXR|PO",
            "ZRX|1|x|Douleur|Y",
        ]
    ).encode("latin-1")
    (found,) = said(payload, OLDER)
    assert found.number == "F77"
    assert found.found is not None
    order = found.found.order
    assert (found.found.clarify, order.dose, order.indication, order.needs_double_check) == ((), Quantity.parse("500 mg"), "Douleur", True)
    assert [f"{at:%H:%M}" for at in order.times] == ["08:00", "20:00"]
    assert order.end == datetime.fromisoformat("2026-03-05T08:00:00+07:00")


def test_signs_that_turn_what_is_read_are_left_out_and_somebody_looks() -> None:
    found = one(rde("1", timing="TQ1|1||Q6H||||||||không \u202e50 mg\\.br\\dòng hai"))
    assert "\u202e" not in found.order.display
    assert found.order.display.endswith("không 50 mg dòng hai")
    assert found.order.status is OrderStatus.DRAFT
    assert one(rde("1", timing="TQ1|1||Q6H||||||||Uống với nước\\.br\\sau ăn")).clarify == ()


@pytest.mark.parametrize(
    ("newer", "older", "fault"),
    [
        ("BID", "2^BID", "RXE-1 quantity 2"),
        ("BID", "2", "RXE-1 quantity 2"),
        ("BID", "1000&mg^BID", "RXE-1 quantity 1000 mg"),
        ("BID", "1^BID^^^^S", "TQ1 + RXE-1"),
        ("PRN", "1^PRN^^^^^sốt", "TQ1 + RXE-1"),
    ],
)
def test_an_amount_an_urgency_or_a_reason_that_stands_only_in_the_unused_timing_is_for_a_person(newer: str, older: str, fault: str) -> None:
    both = rde("1", timing=f"TQ1|1||{newer}").replace(b"RXE||", f"RXE|{older}|".encode())
    found = one(both)
    assert found.order.status is OrderStatus.DRAFT
    assert f"not-understood: {fault}" in faults(found)


def test_an_amount_of_the_unused_timing_that_is_the_dose_is_no_contradiction() -> None:
    for older in ("500&mg^BID", "500&mg", "1^BID"):
        both = rde("1", timing="TQ1|1||BID").replace(b"RXE||", f"RXE|{older}|".encode())
        assert not [fault for fault in faults(one(both)) if "RXE-1" in fault]
    tapered = rde("1", timing="TQ1|1|500^mg|BID").replace(b"RXE||", b"RXE|500&mg^BID|")
    assert not [fault for fault in faults(one(tapered)) if "RXE-1" in fault]
