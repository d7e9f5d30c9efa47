"""What the list of carts is asked for, by its address: an address can be sent to a colleague. What makes no sense in one is left aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.store.views_carts import CONDITIONS, SORTS, TOLD, Asked

SIZES = (25, 50, 100, 200)
USUAL_SIZE = 50
_LONGEST = 100
# What older addresses say.
_FORMER = {"software": "app"}
_FORMER_STATES = {"low-battery": ("charge", "low")}
FILTERS = ("state", "ward", "alert", "charge", "health", "app", "mcu", "drift", "certificate", "seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`number` is the page, from 1; `chosen` what is not as usual, as it stands in an address."""

    asked: Asked
    number: int
    size: int
    chosen: Mapping[str, str]

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def address(self, **changes: object) -> dict[str, str]:
        """The arguments of an address that differs by `changes` ("" or None takes one away); another choice begins at page 1."""
        kept = dict(self.chosen)
        if set(changes) != {"page"}:
            kept.pop("page", None)
        kept |= {name: str(value) for name, value in changes.items() if value not in ("", None)}
        return {name: value for name, value in kept.items() if changes.get(name, value) not in ("", None)}


def read(args: Mapping[str, str], *, gaps: frozenset[str] = frozenset()) -> Look:
    """`args` as they stand in an address."""
    told = {_FORMER.get(name, name): value.replace("\x00", "")[:_LONGEST] for name, value in args.items()}
    if told.get("state") in _FORMER_STATES:
        name, value = _FORMER_STATES[told.pop("state")]
        told.setdefault(name, value)
    chosen = {name: told[name] for name, choices in CONDITIONS.items() if told.get(name) in choices}
    chosen |= {name: told[name] for name in TOLD if told.get(name)}
    if told.get("q", "").strip():
        chosen["q"] = told["q"].strip()
    if told.get("sort") in SORTS and told["sort"] != "id":
        chosen["sort"] = told["sort"]
    if told.get("desc") == "1":
        chosen["desc"] = "1"
    size = int(told["size"]) if told.get("size", "").isascii() and told.get("size", "") in {str(one) for one in SIZES} else USUAL_SIZE
    if size != USUAL_SIZE:
        chosen["size"] = str(size)
    page = told.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 5 else 1
    if number > 1:
        chosen["page"] = str(number)
    asked = Asked(
        **{name: chosen.get(name, "") for name in (*CONDITIONS, *TOLD)},
        search=chosen.get("q", ""),
        sort=chosen.get("sort", "id"),
        descending="desc" in chosen,
        gaps=gaps,
    )
    return Look(asked=asked, number=max(number, 1), size=size, chosen=chosen)
