"""Trying a pump from a terminal: it asks first, says the outcome in three languages, and never that something runs."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from cart_client import pump_command
from cart_client.__main__ import main
from devices.ports import PumpAnswer, PumpOutcome
from devices.pumps import rgv
from pointofcare.texts import LANGUAGES
from simulation.devices.infusion_pump import ChannelState, InfusionPump


@pytest.fixture
def pump() -> Iterator[InfusionPump]:
    made = InfusionPump().plug()
    yield made
    made.unplug()


def _words(pump: InfusionPump, *more: str, rate: str = "5 mL/h") -> list[str]:
    said = ["pump", "try", f"piv:127.0.0.1:{pump.port}?pump=PUMP-12&channel=1&answer_s=10", "--order", "TRY-1", "--patient", "P-7"]
    said += ["--drug", "noradrenaline", "--volume", "50 mL", "--rate", rate, "--strength", "4 mg", "--strength-volume", "50 mL"]
    return [*said, "--nurse", "N-01", "--language", "en", *more]


def test_the_outcome_is_told_in_words_and_as_a_code(pump: InfusionPump, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(_words(pump, "--yes")) == 0
    assert "Check the pump and start it" in capsys.readouterr().out
    assert pump.channels["1"].state is ChannelState.PROGRAMMED
    assert main(_words(pump, "--yes", rate="61 mL/h")) == 1
    told = capsys.readouterr().out
    assert "outside the limits" in told
    assert "9005" in told
    pump.troubles.hang_up = True
    assert main(_words(pump, "--yes")) == 3
    assert "Look at the pump" in capsys.readouterr().out
    pump.unplug()
    assert main(_words(pump, "--yes")) == 1
    assert "Nothing was sent" in capsys.readouterr().err


def test_nothing_is_sent_before_somebody_agreed(
    pump: InfusionPump, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for answer in ("", "no\n", "y\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert main(_words(pump)) == 1
    assert not pump.received
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert main(_words(pump)) == 0
    assert "pump in use" in capsys.readouterr().out


def test_bad_input_is_told_and_not_sent(pump: InfusionPump, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(_words(pump, "--yes", rate="fast")) == 2
    assert main([*_words(pump, "--yes")[:2], "piv:10.0.0.9:1", *_words(pump, "--yes")[3:]]) == 2
    assert "loopback" in capsys.readouterr().err
    assert not pump.received


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_outcome_and_reason_has_its_words(language: str) -> None:
    texts = pump_command.texts_of_the_cart()
    for why in ("", *rgv.ERRORS.values(), rgv.OTHER, rgv.SILENT, rgv.DIFFERS, rgv.UNCLEAR):
        for outcome in PumpOutcome:
            told = pump_command.told(texts, language, PumpAnswer(outcome=outcome, why=why, code="9099", words="x"))
            assert "pump-" not in told
            assert "9099" in told
