"""Vietnamese in the QR code of an identity card comes back byte for byte, through every reader; the thousand are in `tests/contract`."""

from __future__ import annotations

import pytest

from devices import registry
from pointofcare.labels import cccd
from tests.support import identity_cards
from tests.support.camera_peers import a_frame

READERS = {name: registry.decoder(name) for name in registry.DECODERS}


@pytest.mark.parametrize("name", sorted(READERS))
def test_twenty_cards_are_read_to_the_byte(name: str) -> None:
    for seed in range(20):
        read = [symbol.content for symbol in READERS[name].decode(a_frame(identity_cards.picture(seed)))]
        assert read == [identity_cards.text(seed).encode()], seed


def test_the_texts_hold_every_letter_of_the_alphabet_in_both_cases() -> None:
    texts = "".join(identity_cards.text(seed) for seed in range(1000))
    wanted = set(identity_cards.LETTERS) | {"đ", "Đ", "d", "D"} | {letter.upper() for letter in identity_cards.LETTERS}
    assert wanted <= set(texts)
    assert {text.count("|") for text in map(identity_cards.text, range(100))} == {6, 11}


def test_what_was_read_is_understood_as_a_card() -> None:
    for seed in range(60):
        text = identity_cards.text(seed)
        assert cccd.parse(text).number == text[:12]
