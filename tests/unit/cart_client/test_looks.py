"""What is new to whoever looks: marked until an own tap leaves the screen that showed it, and never called read by anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cart_client import looks, spelling
from cart_client.looks import Looks
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Allergy
from pointofcare.verdict.policy import LookAlike, Policy
from pointofcare.wire.tables import DoseRequest, OrderChanged, PatientChartBody
from tests.support.cart_ward import NOW, a_product, an_order, chart_body, orders, patients


def seen(one: Looks, body: PatientChartBody, patient: str = "P1", nurse: str = "N1") -> None:
    one.done(nurse, looks.look(body, patient))


def kinds(one: Looks, body: PatientChartBody, nurse: str = "N1") -> list[tuple[str, str, str | None]]:
    return [(mark.patient, mark.kind, mark.order) for mark in one.marks(nurse, body, NOW)]


def with_orders(*found: object) -> PatientChartBody:
    return chart_body(tuple(found))  # type: ignore[arg-type]


def test_what_was_looked_at_is_not_new() -> None:
    one, body = Looks(), chart_body()
    seen(one, body)
    assert kinds(one, body) == []


def test_a_new_a_changed_and_a_stopped_order_are_marked_each_by_its_kind() -> None:
    one = Looks()
    seen(one, chart_body())
    first, second, *others = orders()
    later = with_orders(
        replace(first, version=2, status=OrderStatus.STOPPED),
        replace(second, version=2, dose=an_order("X", "P1", "x", "5 mg").dose),
        *others,
        an_order("O9", "P1", "metformin", "850 mg"),
    )
    assert kinds(one, later) == [("P1", "stopped", "O1"), ("P1", "changed", "O2"), ("P1", "new", "O9")]


def test_a_new_allergy_is_marked() -> None:
    one = Looks()
    seen(one, chart_body())
    who, *others = patients()
    body = replace(chart_body(), patients=(replace(who, allergies=(*(who.allergies or ()), Allergy(substance="penicillin"))), *others))
    assert [(mark.kind, mark.change.code if mark.change else "") for mark in one.marks("N1", body, NOW)] == [("changed", "allergy-added")]


def test_the_same_drug_on_a_new_sheet_is_no_news_and_another_dose_is() -> None:
    one = Looks()
    seen(one, chart_body())
    first, *others = orders()
    ended = replace(first, version=2, status=OrderStatus.COMPLETED)
    assert kinds(one, with_orders(ended, *others, replace(first, id="O11"))) == []
    half = replace(first, id="O11", dose=an_order("X", "P1", "x", "250 mg").dose)
    assert kinds(one, with_orders(ended, *others, half)) == [("P1", "stopped", "O1"), ("P1", "new", "O11")]
    unverified = replace(first, id="O11", verified=False)
    assert ("P1", "new", "O11") in kinds(one, with_orders(ended, *others, unverified))


def test_to_who_never_looked_the_same_drug_on_a_new_sheet_is_no_news() -> None:
    first, *others = orders()
    again = replace(first, id="O11", start=NOW - timedelta(hours=1))
    assert kinds(Looks(), with_orders(replace(first, status=OrderStatus.COMPLETED), *others, again)) == []
    assert kinds(Looks(), with_orders(*others, again)) == [("P1", "new", "O11")]


def test_an_answer_of_the_pharmacy_is_marked_once_and_again_when_it_is_another() -> None:
    asked = DoseRequest(record_id="r1", order="O1", due=NOW, status="requested", asked_at=NOW - timedelta(minutes=9))
    one = Looks()
    seen(one, replace(chart_body(), requests=(asked,)))
    accepted = replace(asked, status="accepted", answered_at=NOW, answer="10 phút nữa")
    answered = replace(chart_body(), requests=(accepted,))
    assert kinds(one, answered) == [("P1", "answered", "O1")]
    seen(one, answered)
    assert kinds(one, answered) == []
    sent = replace(chart_body(), requests=(replace(accepted, status="completed"),))
    assert kinds(one, sent) == [("P1", "answered", "O1")]


def test_what_one_nurse_read_is_still_new_to_another() -> None:
    one = Looks()
    seen(one, chart_body(), nurse="N1")
    seen(one, chart_body(), nurse="N2")
    later = chart_body((*orders(), an_order("O9", "P1", "metformin", "850 mg")))
    seen(one, later, nurse="N1")
    assert kinds(one, later, "N1") == []
    assert kinds(one, later, "N2") == [("P1", "new", "O9")]


def test_a_look_at_one_patient_is_none_at_the_next() -> None:
    one = Looks()
    seen(one, chart_body(), "P1")
    seen(one, chart_body(), "P2")
    later = chart_body((*orders(), an_order("O9", "P2", "metformin", "850 mg")))
    seen(one, later, "P1")
    assert kinds(one, later) == [("P2", "new", "O9")]


def test_who_never_looked_is_told_what_the_chart_says_came_of_late() -> None:
    """After a restart of the cart's program too: nothing is remembered, so nothing may be taken for read."""
    lately = OrderChanged(order="O1", version=2, action="held", by="BS. Bảo", at=NOW - timedelta(hours=2), reason="huyết áp thấp")
    long_ago = OrderChanged(order="O2", version=2, action="amended", by="BS. Bảo", at=NOW - timedelta(hours=30))
    first, second, third, fourth = orders()
    new = an_order("O9", "P2", "metformin", "850 mg", start=NOW - timedelta(hours=1))
    body = replace(
        chart_body((replace(first, version=2, status=OrderStatus.ON_HOLD), replace(second, version=2), third, fourth, new)),
        changed=(lately, long_ago),
    )
    found = Looks().marks("N1", body, NOW)
    assert [(mark.kind, mark.order) for mark in found] == [("stopped", "O1"), ("new", "O9")]
    assert found[0].change is not None
    assert (found[0].change.by, found[0].change.reason) == ("BS. Bảo", "huyết áp thấp")


def test_without_a_chart_or_a_person_nothing_is_marked() -> None:
    assert Looks().marks(None, chart_body(), NOW) == ()
    assert Looks().marks("N1", None, NOW) == ()
    assert looks.look(None, "P1") is None
    assert looks.look(chart_body(), "somebody else") is None


def test_people_who_looked_long_ago_are_forgotten_and_told_again() -> None:
    one, body = Looks(), chart_body()
    for number in range(60):
        seen(one, body, nurse=f"N{number}")
    changed = chart_body((*orders(), an_order("O9", "P1", "metformin", "850 mg")))
    assert kinds(one, changed, "N59") == [("P1", "new", "O9")]
    assert kinds(one, changed, "N0") == []  # starts long ago: not of late


def test_names_of_the_formulary_and_the_policy_are_spelled_apart() -> None:
    products = (a_product("A", "1", "Furosemid 40 mg", "furosemid", "40 mg", lasa=("torasemid",)),)
    spelled = spelling.of(products, Policy(look_alike=(LookAlike(one="Novorapid", other="Novomix"),)))
    assert spelled["furosemid"] == "FUROsemid"
    assert spelled["novomix"] == "novoMIX"


def test_antibiotics_are_known_by_their_class_in_the_formulary() -> None:
    amox = a_product("A", "1", "Amoxicillin", "amoxicillin", "500 mg")
    penicillin = replace(amox, ingredients=(replace(amox.ingredients[0], classes=("Penicillin",)),))
    assert spelling.antibiotics((penicillin,)) == {"amoxicillin"}
    assert spelling.antibiotics((amox,)) == frozenset()
