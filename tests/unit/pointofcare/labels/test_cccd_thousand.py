"""A thousand identity cards of both generations: each gives number, name, birth date and sex, and nothing else of it comes through."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

from pointofcare.administration import events, session
from pointofcare.errors import LabelError
from pointofcare.labels import cccd
from pointofcare.labels.scan import BandScan, SiteProfile, TextScan, interpret
from pointofcare.labels.symbol import Symbol

_FAMILY = ("NGUYỄN", "TRẦN", "LÊ", "PHẠM", "HUỲNH", "VÕ", "ĐẶNG", "BÙI", "ĐỖ", "H’", "LÒ")
_MIDDLE = ("VĂN", "THỊ", "ĐỨC", "NGỌC THÚY", "", "HỮU PHƯỚC")
_GIVEN = ("ANH", "BÍCH", "DŨNG", "KHUÊ", "LỢI", "ƯỚC", "Y", "QUỲNH", "THẢO")
_SECRET = "Thôn Tràng Kẻ"


def _card(draw: random.Random) -> tuple[str, tuple[str, str, date, str]]:
    born = date(1920, 1, 1) + timedelta(days=draw.randrange(38_000))
    female = draw.random() < 0.5
    number = f"{draw.randrange(1, 97):03}{2 * ((born.year - 1900) // 100) + female}{born.year % 100:02}{draw.randrange(10**6):06}"
    name = " ".join(part for part in (draw.choice(_FAMILY[:9] + _FAMILY[10:]), draw.choice(_MIDDLE), draw.choice(_GIVEN)) if part)
    day = born.strftime(draw.choice(("%d%m%Y", "%d/%m/%Y")))
    fields = [number]
    fields += draw.choice(([f"{draw.randrange(10**9):09}"], [""], []))
    fields += [name if draw.random() < 0.7 else name.title(), day, "Nữ" if female else "Nam", f"{_SECRET}, Hạ Long", "15042021"]
    if draw.random() < 0.4:  # the card of 2024: parents, spouse, former numbers behind
        fields += [draw.choice(("", f"{_SECRET} CHA", "LÊ THỊ MẸ")) for _ in range(draw.randrange(1, 8))]
    text = "|".join(fields)
    if draw.random() < 0.2:
        text = "\ufeff" + text + "\r\n"
    return text, (number, name, born, "female" if female else "male")


def test_a_thousand_cards_of_both_generations_give_the_same_four_facts_and_no_other() -> None:
    draw = random.Random(20261122)
    for _ in range(1000):
        text, wanted = _card(draw)
        card = cccd.parse(text)
        assert (card.number, card.name, card.birth_date, card.sex) == wanted, text
        assert card.doubts == ()
        assert _SECRET.upper() not in repr(card).upper()


def test_a_card_that_lost_a_part_is_refused_or_says_less_and_never_something_else() -> None:
    draw = random.Random(7)
    for _ in range(1000):
        text, wanted = _card(draw)
        torn = text[: draw.randrange(len(text))]
        try:
            card = cccd.parse(torn)
        except LabelError:
            continue
        assert card.number == wanted[0]
        assert card.name == wanted[1]
        assert card.birth_date == wanted[2]
        assert card.sex in (wanted[3], None)


def test_a_card_before_a_carts_reader_leaves_nothing_in_the_evidence() -> None:
    draw = random.Random(11)
    at = datetime(2026, 11, 22, tzinfo=UTC)
    insurance = f"DN4790123456789|{'LÒ VĂN A'.encode().hex()}|11/04/1958|1|{_SECRET.encode().hex()}|22-001|01/01/2026|x|$"
    for text in (insurance, *(_card(draw)[0] for _ in range(200))):
        for content in (text.encode(), text.encode() + b"\xff"):
            read = interpret(Symbol(identifier="]Q1", content=content), SiteProfile(), at.date())
            shown = content.decode("utf-8", errors="replace")
            kept = session._evidence(events.Scanned(scan=read, at=at, identifier="]Q1", text=shown))
            assert _SECRET not in repr(read)
            assert _SECRET not in kept.text
            assert text[:12] not in kept.text
        # What the server interprets anew says the same.
        read = interpret(Symbol(identifier="]Q1", content=text.encode()), SiteProfile(), at.date())
        assert read == TextScan(text=cccd.WITHHELD, identifier="]Q1")
        assert interpret(Symbol(identifier="]Q1", content=cccd.WITHHELD.encode()), SiteProfile(), at.date()) == read


def test_a_hospitals_own_band_with_bars_in_it_stays_what_it_is() -> None:
    profile = SiteProfile(mrn_pattern=r"(?P<mrn>[0-9]{2}-[0-9]{6})(\|[^|]*){5}")
    text = "24-000123|A|B|C|D|E"
    read = interpret(Symbol(identifier="]Q1", content=text.encode()), profile, date(2026, 11, 22))
    assert read == BandScan(mrn="24-000123")
    scanned = events.Scanned(scan=read, at=datetime(2026, 11, 22, tzinfo=UTC), identifier="]Q1", text=text)
    assert session._evidence(scanned).text == text
