"""A second person at another cart: the request goes out, the colleague sees and answers, and the dose goes on with that answer alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from cart_client import inbox
from cart_client.afar import WitnessHeard
from cart_client.inbox import Link
from cart_client.witness import asked
from pointofcare.wire import values
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped, TableKind, WitnessProof, WitnessState, WitnessTold
from pointofcare.wire.tables import StaffEntry, StaffRosterBody
from server.mqtt import witnessing
from server.store import second_looks as stored
from server.store.transaction import reading
from tests.support.cart_care import HEPARIN, give_tables
from tests.support.cart_ward import AMOX, FACILITY, KEY, MORPHINE, PIN, Stand, a_table, badge, band, issued, pack, q, staff
from tests.support.second_looks import Ward, a_server, a_ward, restarted


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with a_server(tmp_path_factory.mktemp("server")):
        yield


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return a_ward(tmp_path)


def records(stand: Stand) -> list[AdministrationRecorded]:
    told = [entry.message.body for entry in stand.journal.unsent(limit=100)]
    return [body for body in told if isinstance(body, AdministrationRecorded)]


def events(stand: Stand) -> list[str]:
    return [event.kind for event in stand.journal.events()]


def test_a_colleague_at_another_cart_confirms_and_the_record_says_who_where_and_when(ward: Ward) -> None:
    ward.asks_for_a_witness()
    one, two = ward.stands["cart-1"], ward.stands["cart-2"]
    assert one.view.fetching is not None
    assert one.view.fetching.reached == ("cart-2", "cart-3")
    assert [call.bed for call in two.view.calls] == ["H012"]
    assert ward.signs_in("cart-2", "N2") == ""
    seen = two.view.answering.call.dose
    assert (seen.patient, seen.name, seen.order.id, [p.name for p in seen.packs]) == ("P1", "NGUYỄN VĂN AN", "O2", ["Morphine 10 mg"])
    assert "H2" in [finding.rule for finding in seen.findings]
    at = ward.clock.at
    assert ward.answers("cart-2", "N2") == ""
    assert ward.outcome("cart-2") == "confirmed"
    assert (one.state, one.view.fetching, one.view.notice) == ("giving", None, "witness-afar-confirmed")
    assert [call.request for call in ward.stands["cart-3"].view.calls] == []
    one.press(inbox.Confirm, record_id=one.view.session.record_id)
    record = records(one)[0].record
    assert (record.nurse, record.witness, record.witness_cart, record.witnessed_at) == ("N1", "N2", "cart-2", at)
    assert record.witness_request == ward.last_request
    assert two.state == "idle"  # who was signed in there, or nobody, is as before


def test_a_witness_at_the_cart_itself_stands_in_the_record_with_that_cart_and_time(ward: Ward) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    one.hold(badge("N2"))
    one.press(inbox.EnterPin, pin=PIN)
    ward.flow()
    assert (one.state, one.view.fetching) == ("giving", None)
    assert ward.stands["cart-2"].view.calls == ()  # nobody need come any more
    one.press(inbox.Confirm, record_id=one.view.session.record_id)
    record = records(one)[0].record
    assert (record.witness, record.witness_cart, record.witness_request) == ("N2", "cart-1", None)


def test_the_second_person_works_the_value_out_alone_and_never_gets_the_first_figure(tmp_path: Path) -> None:
    ward = a_ward(tmp_path, make=give_tables)
    one = ward.stands["cart-1"]
    one.sign_in("N1")
    one.hold(band("P1"))
    one.lease("P1")
    one.hold(pack(HEPARIN))
    one.press(inbox.GiveAmount, dose="4000 IU")
    assert one.state == "awaiting-witness", (one.state, one.rules)
    ward.press("cart-1", asked.FetchWitness)
    ward.last_request = ward.request
    ward.signs_in("cart-2", "N2")
    seen = ward.stands["cart-2"].view.answering.call.dose
    assert (seen.dose, seen.rate, seen.blind) == (None, None, ("[IU]", "mL"))
    assert "4000" not in values.dump(seen).decode()
    assert ward.answers("cart-2", "N2") == "amount-unreadable"
    assert ward.answers("cart-2", "N2", value="400 IU") == ""  # a tenfold slip is told, not passed
    assert (one.state, [r for r in one.rules if r == "H5"]) == ("stopped", ["H5"])


def test_the_figure_of_another_cart_that_agrees_lets_the_dose_go_on(tmp_path: Path) -> None:
    ward = a_ward(tmp_path, make=give_tables)
    one = ward.stands["cart-1"]
    one.sign_in("N1")
    one.hold(band("P1"))
    one.lease("P1")
    one.hold(pack(HEPARIN))
    one.press(inbox.GiveAmount, dose="4000 IU")
    ward.press("cart-1", asked.FetchWitness)
    ward.last_request = ward.request
    ward.signs_in("cart-2", "N2")
    ward.answers("cart-2", "N2", value="4000 IU")
    assert one.state in ("giving", "counting")
    assert one.view.session.intent.blind_value == q("4000 [IU]")


def test_whoever_asks_cannot_answer_and_neither_can_somebody_who_may_not_witness(ward: Ward) -> None:
    ward.asks_for_a_witness()
    assert ward.signs_in("cart-2", "N1") == "witness-same"
    assert ward.signs_in("cart-2", "N2", pin="0000") == "pin-wrong"
    assert ward.stands["cart-2"].view.answering.who is None
    entry = next(each for each in staff() if each.id == "N2")
    for change, notice in (({"on_shift": None}, "off-shift"), ({"licensed": None}, "unlicensed"), ({"roles": ()}, "role")):
        give_roster(ward.stands["cart-2"], replace(entry, **change))
        assert ward.signs_in("cart-2", "N2") == f"witness-fault-{notice}"
    assert ward.stands["cart-1"].state == "awaiting-witness"


def give_roster(stand: Stand, entry: StaffEntry) -> None:
    held = next(each.version for each in stand.chart.held() if each.kind is TableKind.STAFF_ROSTER)
    others = tuple(each for each in staff() if each.id != entry.id)
    table = a_table(TableKind.STAFF_ROSTER, StaffRosterBody(staff=(*others, entry)), version=held + 1)
    stand.chart.take(issued(table), stand.clock.at)
    stand.put(inbox.TablesChanged(kind="staff-roster"))


def test_what_this_carts_own_roster_does_not_let_witness_is_no_witness_whatever_the_server_says(ward: Ward) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    entry = next(each for each in staff() if each.id == "N2")
    ward.signs_in("cart-2", "N2")
    ward.holding = True
    ward.answers("cart-2", "N2")
    give_roster(one, replace(entry, active=False))
    ward.holding = False
    ward.flow()
    assert (one.state, one.view.notice) == ("awaiting-witness", "witness-afar-not-known")
    assert "witness-afar-refused" in events(one)


def test_a_colleague_declines_with_a_reason_and_the_nurse_reads_it(ward: Ward) -> None:
    ward.asks_for_a_witness()
    ward.signs_in("cart-2", "N2")
    assert ward.answers("cart-2", "N2", confirms=False) == "witness-call-reason"
    assert ward.answers("cart-2", "N2", confirms=False, reason="other") == "witness-call-reason"
    ward.answers("cart-2", "N2", confirms=False, reason="wrong-drug", reason_text="Nhãn khác")
    one = ward.stands["cart-1"]
    assert (ward.outcome("cart-2"), one.state, one.view.notice) == ("declined", "awaiting-witness", "witness-afar-declined")
    assert one.view.notice_params["reason"] == "wrong-drug"
    assert "witness-declined" in events(one)
    assert ward.press("cart-1", asked.FetchWitness) == ""  # another one may be asked


def test_the_first_answer_counts_and_the_second_person_is_told_who_was_first(ward: Ward) -> None:
    ward.asks_for_a_witness()
    ward.signs_in("cart-2", "N2")
    ward.signs_in("cart-3", "C1")
    ward.holding = True
    ward.answers("cart-2", "N2")
    ward.answers("cart-3", "C1", confirms=False, reason="wrong-drug")
    ward.holding = False
    ward.flow()
    assert (ward.outcome("cart-2"), ward.outcome("cart-3")) == ("confirmed", "taken")
    told = ward.stands["cart-3"].view.answering.told
    assert (told.witness, told.cart) == ("N2", "cart-2")
    assert ward.stands["cart-1"].state == "giving"


@pytest.mark.parametrize("change", ["amount", "pack", "put-back"])
def test_a_change_of_anything_voids_the_request_and_its_answer(ward: Ward, change: str) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    ward.signs_in("cart-2", "N2")
    ward.holding = True
    ward.answers("cart-2", "N2")
    if change == "amount":
        one.press(inbox.GiveAmount, dose="20 mg")
    elif change == "pack":
        one.hold(pack(AMOX))
    else:
        one.press(inbox.ClearDrugs)
    ward.holding = False
    ward.flow()
    assert one.view.fetching is None
    assert one.state != "giving"
    assert one.view.session.intent.witness is None
    assert "witness-afar-refused" in events(one)


def test_an_answer_that_comes_when_the_wait_is_over_is_refused_with_words(ward: Ward) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    ward.signs_in("cart-2", "N2")
    ward.holding = True
    ward.answers("cart-2", "N2")
    late = [letter for letter in ward.down if letter[0] == "cart-1"]
    ward.down.clear()
    ward.lost.add("cart-1")
    ward.pass_by(timedelta(minutes=5))
    assert (one.view.fetching, one.view.notice) == (None, "witness-afar-expired") or one.state == "idle"
    ward.lost.clear()
    ward.down.extend(late)
    ward.holding = False
    ward.flow()
    assert one.state != "giving"
    assert "witness-afar-refused" in events(one)


def test_an_answer_twice_or_replayed_to_another_request_gives_nothing(ward: Ward) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    ward.signs_in("cart-2", "N2")
    ward.answers("cart-2", "N2")
    first = next(body for cart, body in ward.said if cart == "cart-1" and isinstance(body, WitnessTold) and body.proof)
    one.press(inbox.Confirm, record_id=one.view.session.record_id)
    one.put(WitnessHeard(body=first))
    assert len(records(one)) == 1
    # Put into the mouth of the next request, the server's own signature names another one.
    one.press(inbox.ClosePatient)
    one.hold(band("P1"))
    one.lease("P1")
    one.hold(pack(MORPHINE, serial="S2"))
    if one.state != "awaiting-witness":
        return
    ward.press("cart-1", asked.FetchWitness)
    one.put(WitnessHeard(body=replace(first, request=ward.request)))
    assert (one.state, one.view.notice) == ("awaiting-witness", "witness-afar-forged")


@pytest.mark.parametrize("how", ["no-proof", "another-key", "another-type", "another-cart", "another-digest", "rubbish"])
def test_a_forged_answer_is_ignored_with_words_and_the_request_goes_on(ward: Ward, how: str) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    fetching = one.view.fetching
    said = WitnessProof(
        facility=FACILITY,
        cart="cart-1",
        request=fetching.asked.request,
        digest=fetching.asked.digest,
        witness="N2",
        witness_cart="cart-2",
        at=ward.clock.at,
    )
    if how == "another-cart":
        said = replace(said, cart="cart-2")
    if how == "another-digest":
        said = replace(said, digest="0" * 64)
    key = OKPKey.generate_key("Ed25519", private=True) if how == "another-key" else KEY
    kind = "audit-checkpoint" if how == "another-type" else witnessing.TYPE
    signed = jws.serialize_compact({"alg": "Ed25519", "typ": kind}, values.dump(said), key, algorithms=["Ed25519"])
    proof = {"no-proof": None, "rubbish": "not.a.jws"}.get(how, signed)
    told = WitnessTold(request=fetching.asked.request, state=WitnessState.CONFIRMED, witness="N2", cart="cart-2", proof=proof)
    one.put(WitnessHeard(body=told))
    assert one.state == "awaiting-witness"
    assert one.view.session.intent.witness is None
    assert one.view.notice == ("witness-afar-void" if how == "another-digest" else "witness-afar-forged")
    assert "witness-afar-refused" in events(one)
    if how != "another-digest":
        ward.signs_in("cart-2", "N2")
        ward.answers("cart-2", "N2")
        assert one.state == "giving"


def test_offline_nobody_is_asked_and_the_screen_says_that_somebody_signs_here(ward: Ward) -> None:
    one = ward.stands["cart-1"]
    one.sign_in("N1")
    one.hold(band("P1"))
    one.lease("P1")
    one.hold(pack(MORPHINE))
    ward.link("cart-1", Link.SERVER_AWAY)
    assert ward.press("cart-1", asked.FetchWitness) == "witness-afar-offline"
    assert one.view.fetching is None
    one.hold(badge("N2"))
    one.press(inbox.EnterPin, pin=PIN)
    assert one.state in ("giving", "awaiting-reason")  # that the cart is offline is a question of its own


def test_an_answer_that_cannot_go_out_is_not_called_confirmed(ward: Ward) -> None:
    ward.asks_for_a_witness()
    ward.signs_in("cart-2", "N2")
    ward.lost.add("cart-2")  # the line is gone, and nobody has noticed yet
    ward.answers("cart-2", "N2")
    assert ward.outcome("cart-2") == ""
    ward.pass_by(timedelta(seconds=70))
    assert ward.outcome("cart-2") == "unheard"
    assert ward.stands["cart-1"].state == "awaiting-witness"
    ward.link("cart-2", Link.OFFLINE)
    ward.press("cart-2", asked.LeaveCall)
    ward.link("cart-2", Link.ONLINE)
    ward.pass_by(timedelta(seconds=6))
    assert len(ward.stands["cart-2"].view.calls) == 1  # said again


def test_an_answer_that_was_lost_is_sent_again_and_its_receipt_told_again(ward: Ward) -> None:
    ward.asks_for_a_witness()
    ward.signs_in("cart-2", "N2")
    ward.holding = True
    ward.answers("cart-2", "N2")
    ward.down.clear()  # every letter of the server is lost
    ward.holding = False
    ward.pass_by(timedelta(seconds=6))
    assert (ward.stands["cart-1"].state, ward.outcome("cart-2")) == ("giving", "confirmed")


def test_power_lost_at_the_cart_that_asked_leaves_nothing_that_an_answer_could_let_through(ward: Ward, tmp_path: Path) -> None:
    ward.asks_for_a_witness()
    ward.signs_in("cart-2", "N2")
    one = restarted(ward, "cart-1", tmp_path)
    ward.answers("cart-2", "N2")
    assert (one.state, one.view.opened) == ("idle", ())
    assert records(one) == []
    ward.pass_by(timedelta(seconds=20))
    assert ward.stands["cart-3"].view.calls == ()  # what nobody says any more is over


def test_power_lost_at_the_cart_that_answers_changes_nothing_until_somebody_answers(ward: Ward, tmp_path: Path) -> None:
    ward.asks_for_a_witness()
    ward.signs_in("cart-2", "N2")
    two = restarted(ward, "cart-2", tmp_path)
    assert (two.view.answering, two.view.calls) == (None, ())
    ward.pass_by(timedelta(seconds=6))
    assert len(two.view.calls) == 1
    assert ward.stands["cart-1"].state == "awaiting-witness"


def test_a_server_that_starts_anew_goes_on_with_the_request(ward: Ward) -> None:
    ward.asks_for_a_witness()
    ward.server_is_up = False
    for cart in ward.stands:
        ward.stands[cart].put(inbox.LinkTold(link=Link.SERVER_AWAY))
    ward.pass_by(timedelta(seconds=30))
    assert ward.stands["cart-2"].view.calls == ()
    ward.server_is_up = True
    for cart in ward.stands:
        ward.stands[cart].put(inbox.LinkTold(link=Link.ONLINE))
    ward.stands["cart-1"].lease("P1")
    ward.pass_by(timedelta(seconds=6))
    ward.signs_in("cart-2", "N2")
    ward.answers("cart-2", "N2")
    assert ward.stands["cart-1"].state == "giving"


def test_a_change_of_the_verdict_between_question_and_answer_voids_it(ward: Ward) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    ward.signs_in("cart-2", "N2")
    ward.holding = True
    ward.answers("cart-2", "N2")
    ward.clock.pass_by(timedelta(hours=5))  # the dose is late by now, which nobody has looked at
    ward.holding = False
    ward.flow()
    assert one.state != "giving"


def test_only_the_bed_is_said_before_somebody_has_signed_in_and_who_looks_does_not_stay(ward: Ward) -> None:
    ward.asks_for_a_witness()
    two = ward.stands["cart-2"]
    ward.press("cart-2", asked.OpenCall)
    assert two.view.answering.about is None
    ward.signs_in("cart-2", "N2")
    assert two.view.answering.about is not None
    ward.pass_by(timedelta(minutes=2, seconds=1))
    assert two.view.answering is None


def test_the_evidence_of_a_given_up_request_is_the_attempt_that_every_given_up_dose_leaves(ward: Ward) -> None:
    ward.asks_for_a_witness()
    one = ward.stands["cart-1"]
    one.press(inbox.ClearDrugs)
    told = [entry.message.body for entry in one.journal.unsent(limit=10)]
    assert [body.outcome.value for body in told if isinstance(body, AttemptStopped)] == ["abandoned"]
    ward.flow()
    with reading() as tx:
        assert stored.find(tx, ward.last_request).state == "withdrawn"
