"""Whatever is scanned, pressed and measured at a cart, in whatever order: no record without a verdict that lets it through, at most
one final state a dose, and never "recorded" on the screen without a row in the journal."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cart_client import inbox
from cart_client.inbox import Link, LinkTold
from pointofcare.administration.session import IN_HAND, State
from pointofcare.verdict.finding import Level
from tests.support.cart_care import ADRENALINE, FENTANYL, HEPARIN, METOPROLOL, PATCH, a_ward, policy, records, the_bag
from tests.support.cart_ward import AMOX, PARACETAMOL, PIN, badge, band, pack

FINAL = {"completed", "stopped", "not-done"}


class AtTheCart(RuleBasedStateMachine):
    @initialize()
    def opened(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.stand = a_ward(Path(self.folder.name), policy())
        self.stand.sign_in()
        self.stand.hold(band("P1"))
        self.stand.lease("P1")

    def teardown(self) -> None:
        if hasattr(self, "stand"):
            self.stand.journal.close()
            self.stand.chart.close()
            self.folder.cleanup()

    @rule(gtin=st.sampled_from([AMOX, PARACETAMOL, METOPROLOL, PATCH, ADRENALINE, HEPARIN, FENTANYL]))
    def a_pack(self, gtin: str) -> None:
        self.stand.hold(pack(gtin))

    @rule()
    def the_infusion_bag(self) -> None:
        self.stand.hold(the_bag())

    @rule(patient=st.sampled_from(["P1", "P1", "P1", "P2"]))
    def a_band(self, patient: str) -> None:
        self.stand.hold(band(patient))
        self.stand.lease(patient)

    @rule(who=st.sampled_from(["N1", "N2", "C1"]))
    def a_person(self, who: str) -> None:
        self.stand.hold(badge(who))
        self.stand.press(inbox.EnterPin, pin=PIN)

    @rule(dose=st.sampled_from(["500 mg", "100 ug", "4000 [IU]", "5000 mg", "1 mg"]), waste=st.sampled_from(["", "21000 [IU]"]))
    def an_amount(self, dose: str, waste: str) -> None:
        self.stand.press(inbox.GiveAmount, dose=dose, waste=waste)

    @rule(rate=st.sampled_from(["83", "100", "830"]))
    def a_rate(self, rate: str) -> None:
        self.stand.press(inbox.SetRate, rate=rate, unit="mL/h")

    @rule(value=st.sampled_from(["83 mL/h", "4000 [IU]", "8 mL/h"]))
    def a_blind_value(self, value: str) -> None:
        self.stand.press(inbox.EnterBlind, value=value)

    @rule(value=st.sampled_from(["72", "40"]))
    def a_pulse(self, value: str) -> None:
        self.stand.press(inbox.Measure, code="heart-rate", value=value)

    @rule()
    def a_reason(self) -> None:
        wanting = tuple(self.stand.rules)
        self.stand.press(inbox.GiveReason, reason="prescriber-confirmed", satisfies=wanting, prn_reason="pain")

    @rule(act=st.sampled_from(inbox.ACTS), number=st.integers(0, 3))
    def an_act(self, act: str, number: int) -> None:
        care = self.stand.view.care
        known = [one.run.record_id for one in care.infusions] + [entry.record_id for entry in (*care.patches, *care.undoable)]
        if known:
            self.stand.press(
                inbox.BeginAct, act=act, record_id=known[number % len(known)], amount="100 mL", reason="procedure", effect="partly"
            )

    @rule()
    def a_tap(self) -> None:
        self.stand.press(inbox.Acknowledge)

    @rule()
    def it_is_done(self) -> None:
        self.stand.press(inbox.Confirm, record_id=self.stand.view.session.record_id or "")

    @rule(command=st.sampled_from([inbox.ClearDrugs, inbox.DropAct, inbox.CalculateAgain, inbox.ClosePatient]))
    def a_button(self, command: type[inbox.Command]) -> None:
        self.stand.press(command)

    @rule(left=st.sampled_from(["3", ""]))
    def a_count(self, left: str) -> None:
        self.stand.press(inbox.Count, left=left, reason="" if left else "emergency")

    @rule()
    def an_emergency(self) -> None:
        self.stand.press(inbox.DeclareEmergency, dose="0.5 mg", route="IM")

    @precondition(lambda self: self.stand.view.dues)
    @rule(number=st.integers(0, 9))
    def not_given(self, number: int) -> None:
        line = self.stand.view.dues[number % len(self.stand.view.dues)]
        self.stand.press(inbox.Decline, action="refuse", reason="refused", order=line.order.id, due=line.due)

    @rule(given=st.booleans())
    def an_open_one_is_told(self, given: bool) -> None:
        for opened in self.stand.view.opened[:1]:
            self.stand.press(inbox.ResolveOpen, record_id=opened.record_id, given=given, reason="network-down")

    @rule(minutes=st.sampled_from([1, 3, 40]), online=st.booleans())
    def time_passes(self, minutes: int, online: bool) -> None:
        self.stand.clock.pass_by(timedelta(minutes=minutes))
        self.stand.put(inbox.Tick())
        self.stand.put(LinkTold(link=Link.ONLINE if online else Link.OFFLINE))

    @invariant()
    def no_record_without_a_verdict_that_lets_it_through(self) -> None:
        for record in records(self.stand) if hasattr(self, "stand") else ():
            shown = [finding for finding in record.findings if not finding.shadow]
            assert all(finding.satisfied for finding in shown if Level[finding.level] > Level.WARN), record
            assert not any(finding.level == "STOP" for finding in shown), record

    @invariant()
    def at_most_one_final_state_a_dose(self) -> None:
        done = records(self.stand) if hasattr(self, "stand") else []
        withdrawn = {record.amends for record in done}
        final = Counter(
            (record.order, record.due)
            for record in done
            if record.status in FINAL and record.due is not None and record.continues is None and record.record_id not in withdrawn
        )
        assert all(count == 1 for count in final.values()), final

    @invariant()
    def what_is_in_hand_is_open_in_the_journal(self) -> None:
        session = self.stand.view.session if hasattr(self, "stand") else None
        if session is None or session.intent.action.value in ("assess", "undo"):
            return
        if session.state in IN_HAND:
            assert session.record_id in {record.record_id for record in self.stand.journal.open_doses()}
        if session.state is State.CONCLUDED and session.record_id is not None:
            assert self.stand.journal.entry(session.record_id) is not None

    @invariant()
    def nothing_went_wrong_inside(self) -> None:
        if hasattr(self, "stand"):
            assert self.stand.view.notice != "internal-fault", self.stand.view.notice_params


AtTheCart.TestCase.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False
)
TestAnyOrder = AtTheCart.TestCase
