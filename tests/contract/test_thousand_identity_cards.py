"""A thousand identity cards through every reader: no letter changed, none lost."""

from __future__ import annotations

import pytest

from devices import registry
from tests.support import identity_cards
from tests.support.camera_peers import a_frame

CARDS = 1000


@pytest.mark.parametrize("name", sorted(registry.DECODERS))
def test_a_thousand_cards_are_read_to_the_byte(name: str) -> None:
    decoder = registry.decoder(name)
    wrong, unread = [], []
    for seed in range(CARDS):
        read = [symbol.content for symbol in decoder.decode(a_frame(identity_cards.picture(seed), seed + 1))]
        if not read:
            unread.append(seed)
        elif read != [identity_cards.text(seed).encode()]:
            wrong.append(seed)
    assert (wrong, unread) == ([], [])
