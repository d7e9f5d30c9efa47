"""What a pump's driver owes the bedside: one order sent once, a clear yes or no, and "unknown" for everything else. Nothing starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import registry
from devices.hl7v2 import segments
from devices.ports import Pump, PumpOrder, PumpOutcome
from devices.pumps import rgv
from pointofcare.errors import ConfigError, DeviceProtocolError, DeviceUnavailableError, QuantityError
from pointofcare.quantity import Quantity
from simulation.devices.infusion_pump import ChannelState, InfusionPump

ORDER = PumpOrder(
    order="ORD-1|a^b",
    message="rec-0001",
    patient="P-0007",
    drug=("noradrenaline", "Noradrenaline 4 mg/50 mL", "POC"),
    volume=Quantity.parse("50 mL"),
    rate=Quantity.parse("5.5 mL/h"),
    strength=Quantity.parse("4 mg"),
    strength_volume=Quantity.parse("50 mL"),
    nurse="N-01",
    at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
)


@pytest.fixture
def pump() -> Iterator[InfusionPump]:
    made = InfusionPump(patient="P-0007").plug()
    yield made
    made.unplug()


def _driver(pump: InfusionPump, *, channel: str = "1", answer_s: str = "1") -> Pump:
    return registry.pump(f"piv:127.0.0.1:{pump.port}?pump=PUMP-12&channel={channel}&answer_s={answer_s}")


def test_an_accepted_order_is_in_the_pump_and_runs_only_by_its_key(pump: InfusionPump) -> None:
    answer = _driver(pump, answer_s="10").program(ORDER)
    assert (answer.outcome, answer.why) == (PumpOutcome.ACCEPTED, "")
    channel = pump.channels["1"]
    assert (channel.state, channel.order, str(channel.rate), str(channel.volume)) == (ChannelState.PROGRAMMED, "ORD-1|a^b", "5.5", "50")
    assert pump.channels["2"].state is ChannelState.IDLE
    assert pump.press_start()
    assert pump.channels["1"].state is ChannelState.RUNNING
    assert not pump.press_start("2")


def test_the_order_stands_in_the_fields_that_pumps_read(pump: InfusionPump) -> None:
    _driver(pump, answer_s="10").program(ORDER)
    (message,) = pump.received
    assert (message.kind, message.header.text(21, 3)) == ("RGV^O15", "1.3.6.1.4.1.19376.1.6.1.3.1")
    assert len(tuple(message.all("ORC"))) == len(tuple(message.all("RXG"))) == 1
    found, placed = message.first("RXG"), message.first("ORC")
    assert found is not None
    assert placed is not None
    assert [found.text(each) for each in (4, 5, 7, 15, 16, 17, 18, 23, 24)] == [
        "noradrenaline", "50", "263762", "5.5", "265266", "4", "263890", "50", "263762",
    ]  # fmt: skip
    assert (placed.text(2), placed.text(19)) == ("ORD-1|a^b", "N-01")


@pytest.mark.parametrize(
    ("changes", "why", "code"),
    [
        ({"patient": "P-0008"}, "patient-differs", "9012"),
        ({"drug": ("dopamine", "", "POC")}, "library-drug", "9010"),
        ({"strength": Quantity.parse("8 mg")}, "library-drug", "9010"),
        ({"rate": Quantity.parse("61 mL/h")}, "outside-range", "9005"),
        ({"rate": Quantity.parse("0.1 ug/kg/min")}, "library-units", "9009"),
        ({"strength": None, "strength_volume": None}, "parameter-missing", "9003"),
    ],
)
def test_a_refused_order_says_why_and_is_not_in_the_pump(pump: InfusionPump, changes: dict[str, object], why: str, code: str) -> None:
    answer = _driver(pump, answer_s="10").program(replace(ORDER, **changes))  # type: ignore[arg-type]
    assert (answer.outcome, answer.why, answer.code) == (PumpOutcome.REFUSED, why, code)
    assert answer.words
    assert pump.channels["1"].state is ChannelState.IDLE


def test_a_channel_that_runs_or_that_is_not_there_takes_nothing(pump: InfusionPump) -> None:
    _driver(pump, answer_s="10").program(ORDER)
    pump.press_start()
    busy = _driver(pump, answer_s="10").program(replace(ORDER, order="ORD-2"))
    assert (busy.outcome, busy.why, pump.channels["1"].order) == (PumpOutcome.REFUSED, "channel-busy", "ORD-1|a^b")
    assert _driver(pump, channel="7", answer_s="10").program(ORDER).why == "unknown-channel"


@pytest.mark.parametrize("trouble", ["mute", "only_commit", "hang_up"])
def test_silence_is_unknown_and_is_not_sent_again(pump: InfusionPump, trouble: str) -> None:
    setattr(pump.troubles, trouble, True)
    driver = _driver(pump)
    first = driver.program(ORDER)
    assert (first.outcome, first.why) == (PumpOutcome.UNKNOWN, "silent")
    setattr(pump.troubles, trouble, False)
    assert driver.program(ORDER) == first
    assert len(pump.received) == 1
    assert pump.channels["1"].state is ChannelState.PROGRAMMED  # which is why it is unknown, and not "no"


def test_the_same_act_is_sent_once_and_after_a_restart_has_the_same_mark(pump: InfusionPump) -> None:
    driver = _driver(pump, answer_s="10")
    assert driver.program(ORDER) == driver.program(ORDER)
    assert len(pump.received) == 1
    pump.press_start()
    again = _driver(pump, answer_s="10").program(ORDER)  # a driver that remembers nothing
    assert again.outcome is PumpOutcome.ACCEPTED
    assert [one.control for one in pump.received] == [rgv.control_of(ORDER, pump="PUMP-12", channel="1")] * 2
    assert pump.channels["1"].state is ChannelState.RUNNING


def test_answers_twice_to_others_or_with_noise_change_nothing(pump: InfusionPump) -> None:
    pump.troubles.twice = pump.troubles.stray = pump.troubles.rubbish = True
    driver = _driver(pump, answer_s="10")
    assert driver.program(ORDER).outcome is PumpOutcome.ACCEPTED
    refused = driver.program(replace(ORDER, order="ORD-2", rate=Quantity.parse("61 mL/h")))
    assert (refused.outcome, refused.why) == (PumpOutcome.REFUSED, "outside-range")


def test_a_pump_that_repeats_another_rate_is_not_believed(pump: InfusionPump) -> None:
    pump.troubles.repeats_rate = "55"
    answer = _driver(pump, answer_s="10").program(ORDER)
    assert (answer.outcome, answer.why, answer.words) == (PumpOutcome.UNKNOWN, "differs", "RXG-15")


def test_a_pump_that_is_not_there_was_told_nothing_and_is_found_again(pump: InfusionPump) -> None:
    driver = _driver(pump, answer_s="10")
    pump.unplug()
    with pytest.raises(DeviceUnavailableError, match="is not reached"):
        driver.program(ORDER)
    pump.plug()
    assert driver.program(ORDER).outcome is PumpOutcome.ACCEPTED


@pytest.mark.parametrize(
    "changes",
    [
        {"volume": Quantity.parse("50 mg")},
        {"volume": Quantity.parse("0 mL")},
        {"strength_volume": None},
        {"strength": Quantity.parse("4 mL")},
        {"strength_volume": Quantity.parse("50 mg")},
        {"rate": Quantity.parse("20 [drp]")},
        {"rate": Quantity.parse("5 ug/kg/min"), "strength": None, "strength_volume": None},
        {"patient": ""},
    ],
)
def test_an_order_that_cannot_be_told_is_never_sent(pump: InfusionPump, changes: dict[str, object]) -> None:
    with pytest.raises(QuantityError):
        _driver(pump).program(replace(ORDER, **changes))  # type: ignore[arg-type]
    assert not pump.received


def test_its_line_of_configuration_is_whole() -> None:
    for wrong in ("piv:", "piv:127.0.0.1:2576", "piv:10.0.0.9:2576?pump=1", "piv:127.0.0.1:2576?pump=1&speed=2", "syringe:127.0.0.1:1"):
        with pytest.raises(ConfigError):
            registry.pump(wrong)


@given(st.sampled_from(["AA", "AE", "AR", "CA", "CE", "", "XX"]), st.binary(max_size=60), st.integers(0, 400))
def test_only_a_whole_yes_to_this_order_is_a_yes(code: str, noise: bytes, place: int) -> None:
    sent = segments.read(rgv.write(ORDER, pump="PUMP-12", channel="1"))
    reply = segments.answer(sent, code, at=ORDER.at, control="1").replace(b"ACK^O15^ACK", b"RRG^O16^RRG_O16")
    control = sent.control
    damaged = reply[:place] + noise + reply[place:]
    try:
        found = rgv.read(segments.read(damaged), ORDER, control=control)
    except DeviceProtocolError:
        return
    if found is not None and found.outcome is PumpOutcome.ACCEPTED:
        assert f"MSA|AA|{control}".encode() in damaged
