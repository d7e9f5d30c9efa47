"""Who may do what at a broker: one account for each cart, one for the server, one that only reads."""

from __future__ import annotations

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
    """A cart's `name` is its cart id and its user name. Raises ConfigError for a name that cannot stand in a topic, or a
    password that a broker's file cannot hold."""

    name: str
    password: str = field(repr=False)
    kind: AccountKind
    facility: str

    def __post_init__(self) -> None:
        problems = [
            (name, "use 1 to 64 of A-Z a-z 0-9 _ -")
            for name, text in (("name", self.name), ("facility", self.facility))
            if not routes.is_level(text)
        ]
        if not (8 <= len(self.password) <= 64) or not self.password.isascii() or not self.password.isprintable():
            problems.append(("password", "use 8 to 64 printable ASCII characters"))
        elif self.password.startswith("$"):
            problems.append(("password", "do not start it with $, which marks a hash"))
        if problems:
            raise ConfigError(f"the broker account {self.name!r} cannot be used", problems=tuple(problems))

    @property
    def writes(self) -> tuple[str, ...]:
        """MQTT filters of what it may publish."""
        if self.kind is AccountKind.CART:
            return (routes.cart_writes(facility=self.facility, cart=self.name),)
        return (routes.facility_tree(facility=self.facility),) if self.kind is AccountKind.SERVER else ()

    @property
    def reads(self) -> tuple[str, ...]:
        """MQTT filters of what it may subscribe to."""
        if self.kind is AccountKind.CART:
            return routes.cart_reads(facility=self.facility, cart=self.name)
        return (routes.facility_tree(facility=self.facility),)


def check_unique(accounts: tuple[Account, ...]) -> None:
    """Raises: ConfigError when two accounts share a name, because a broker would silently keep one of them."""
    names = [account.name for account in accounts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"broker accounts stand twice: {', '.join(twice)}", problems=tuple((name, "name it once") for name in twice))
