"""Who may do what at a broker: one account for each cart, one for the server, one that only reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pointofcare.errors import ConfigError
from pointofcare.wire import routes


class AccountKind(StrEnum):
    CART = "cart"
    SERVER = "server"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A cart's `name` is its cart id and its user name; `cart` is named where a part of a cart has a name of its own.

    `subjects` are those of the certificates with which it may come; then it needs no password. Raises ConfigError for a name that
    cannot stand in a topic, or a password that a broker's file cannot hold."""

    name: str
    kind: AccountKind | str
    password: str = field(default="", repr=False)
    cart: str = ""
    subjects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [] if routes.is_level(self.name) else [("name", "use 1 to 64 of A-Z a-z 0-9 _ -")]
        if self.cart and not routes.is_level(self.cart):
            problems.append(("cart", "use 1 to 64 of A-Z a-z 0-9 _ -"))
        if self.kind not in list(AccountKind):
            problems.append(("kind", f"use one of {', '.join(AccountKind)}"))
        if self.subjects and not self.password:
            if not all(subject.isascii() and subject.isprintable() for subject in self.subjects):
                problems.append(("subjects", "use printable ASCII characters"))
        elif not (8 <= len(self.password) <= 64) or not self.password.isascii() or not self.password.isprintable():
            problems.append(("password", "use 8 to 64 printable ASCII characters"))
        elif self.password.startswith("$"):
            problems.append(("password", "do not start it with $, which marks a hash"))
        if problems:
            raise ConfigError(f"the broker account {self.name!r} cannot be used", problems=tuple(problems))

    def writes(self, facility: str) -> tuple[str, ...]:
        """MQTT filters of what it may publish. Raises: MessageError."""
        if self.kind == AccountKind.CART:
            return (routes.cart_writes(facility=facility, cart=self.cart or self.name),)
        return (routes.facility_tree(facility=facility),) if self.kind == AccountKind.SERVER else ()

    def reads(self, facility: str) -> tuple[str, ...]:
        """MQTT filters of what it may subscribe to. Raises: MessageError."""
        if self.kind == AccountKind.CART:
            return routes.cart_reads(facility=facility, cart=self.cart or self.name)
        return (routes.facility_tree(facility=facility),)


def check_unique(accounts: Sequence[Account]) -> None:
    """Raises: ConfigError when two accounts share a name, because a broker would silently keep one of them."""
    names = [account.name for account in accounts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"broker accounts stand twice: {', '.join(twice)}", problems=tuple((name, "name it once") for name in twice))
