"""The grammar of GS1 application identifiers as a table: how long each value is, of which characters, and which rules it keeps.

After the GS1 General Specifications, sections 3 and 7 (release 25). Holds what trade items, medicines, logistic units, places,
people and assets carry; an identifier that is not here is unknown, and no length is ever guessed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Charset = Literal["N", "X", "Y"]  # digits · GS1 invariant set (82 characters) · GS1 set 39
Rule = Literal["", "key", "date", "date-or-month", "time", "piece"]

CHARACTERS: dict[Charset, frozenset[str]] = {
    "N": frozenset("0123456789"),
    "X": frozenset("!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"),
    "Y": frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}

# Figure 7.8.5-2: element strings that begin so have a length fixed for all time and need no separator behind them.
_PREDEFINED = frozenset({"00", "01", "02", "03", "04", *(str(n) for n in range(11, 21)), *(str(n) for n in range(31, 37)), "41"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A run of `shortest` to `longest` characters. "key" ends in a mod-10 check digit; "date" is YYMMDD; "date-or-month" may
    have day 00, the last of the month; "time" is HH, HHMM or HHMMSS; "piece" is a number and a total of two digits each."""

    charset: Charset
    shortest: int
    longest: int
    rule: Rule = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationIdentifier:
    """`needs`: each group must have one of its members beside it. `excludes`: none of these may be beside it."""

    code: str
    components: tuple[Component, ...]
    needs: tuple[frozenset[str], ...] = ()
    excludes: frozenset[str] = frozenset()

    @property
    def predefined_length(self) -> bool:
        return self.code[:2] in _PREDEFINED

    @property
    def shortest(self) -> int:
        return sum(component.shortest for component in self.components)

    @property
    def longest(self) -> int:
        return sum(component.longest for component in self.components)


_RULES: dict[str, Rule] = {
    "key": "key",
    "date": "date",
    "date-or-month": "date-or-month",
    "time": "time",
    "piece": "piece",
}
_CHARSETS: dict[str, Charset] = {"N": "N", "X": "X", "Y": "Y"}


def _component(text: str) -> Component:
    """ "N6:date", "X1-20", "N0-4:time"."""
    shape, _, rule = text.partition(":")
    shortest, _, longest = shape[1:].partition("-")
    return Component(
        charset=_CHARSETS[shape[0]], shortest=int(shortest), longest=int(longest or shortest), rule=_RULES[rule] if rule else ""
    )


_ITEM = "01 02 03 8006 8026"  # the keys that name a trade item

# codes | value | needs one of each group | excludes
_TABLE = f"""
00          | N18:key            |                  |
01          | N14:key            |                  | 02 03 8006 8026 37
02          | N14:key            | 37               | 01 03
03          | N14:key            |                  | 01 02 37
10          | X1-20              | {_ITEM}          |
11 13 16    | N6:date-or-month   | {_ITEM}          |
12          | N6:date-or-month   | 8020             |
15 17       | N6:date-or-month   | {_ITEM} 255      |
20          | N2                 | {_ITEM}          |
21          | X1-20              | 01 03 8006       | 235
22          | X1-20              | 01               |
235         | X1-28              | 01               | 21
240 241     | X1-30              | {_ITEM}          |
242         | N1-6               | {_ITEM}          |
243         | X1-20              | 01               |
250         | X1-30              | 01 8006 ; 21     |
251         | X1-30              | 01 8006          |
253         | N13:key X0-17      |                  |
254         | X1-20              | 414              |
255         | N13:key N0-12      |                  | 01 02 415 8006 8020 8026
30          | N1-8               | 01 02            |
37          | N1-8               | 02 8026          | 01
400 401 403 | X1-30              |                  |
402         | N17:key            |                  |
410 411 412 413 414 415 416 417 | N13:key |         |
420         | X1-20              |                  | 421
421         | N3 X1-9            |                  |
422         | N3                 | {_ITEM}          | 426
423 425     | N3 N0-12           | {_ITEM}          |
424 426     | N3                 | {_ITEM}          |
7001        | N13                | {_ITEM}          |
7002        | X1-30              | {_ITEM}          |
7003        | N6:date N4:time    | {_ITEM}          |
7004        | N1-4               | 01               |
7005        | X1-12              | {_ITEM}          |
7006        | N6:date            | {_ITEM}          |
7007        | N6:date N0-6       | {_ITEM}          |
7008        | X1-3               | {_ITEM}          |
7009        | X1-10              | {_ITEM}          |
7010        | X1-2               | {_ITEM}          |
7011        | N6:date N0-4:time  | {_ITEM}          |
7020 7021 7022 | X1-20           | 01 8006          |
710 711 712 713 714 715 716 717 | X1-20 | 01 8006   |
7240        | X1-20              | 01 8006          |
8001        | N14                | 01               |
8002        | X1-20              |                  |
8003        | N14:key X0-16      |                  |
8004        | X1-30              |                  |
8005        | N6                 | 01 02            |
8006        | N14:key N4:piece   |                  | 01 02 03 37
8007        | X1-34              |                  |
8008        | N6:date N2-6:time  | {_ITEM}          |
8010        | Y1-30              |                  |
8011        | N1-12              | 8010             |
8012        | X1-20              | {_ITEM}          |
8013        | X1-25              |                  |
8017        | N18:key            |                  | 8018
8018        | N18:key            |                  | 8017
8019        | N1-10              | 8017 8018        |
8020        | X1-25              | 415              |
8026        | N14:key N4:piece   | 37               | 01 02 03 8006
90          | X1-30              |                  |
91 92 93 94 95 96 97 98 99 | X1-90 |               |
"""


def _identifiers() -> dict[str, ApplicationIdentifier]:
    table: dict[str, ApplicationIdentifier] = {}
    for line in _TABLE.strip().splitlines():
        codes, value, needs, excludes = (cell.strip() for cell in line.split("|"))
        for code in codes.split():
            table[code] = ApplicationIdentifier(
                code=code,
                components=tuple(_component(part) for part in value.split()),
                needs=tuple(frozenset(group.split()) for group in needs.split(";") if group.strip()),
                excludes=frozenset(excludes.split()),
            )
    # Measures: three digits and the number of decimals, 0 to 5; six digits of value.
    for measure in (*range(310, 317), *range(320, 338), *range(340, 358), *range(360, 370)):
        for decimals in range(6):
            code = f"{measure}{decimals}"
            table[code] = ApplicationIdentifier(code=code, components=(_component("N6"),), needs=(frozenset({"01", "02"}),))
    return table


IDENTIFIERS: dict[str, ApplicationIdentifier] = _identifiers()
CODE_LENGTHS = tuple(sorted({len(code) for code in IDENTIFIERS}))


def starting(text: str, position: int = 0) -> ApplicationIdentifier | None:
    """The application identifier at `position` of `text`, None when no known one stands there."""
    for length in CODE_LENGTHS:
        found = IDENTIFIERS.get(text[position : position + length])
        if found is not None:
            return found
    return None
