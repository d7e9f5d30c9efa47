"""The launcher of the cart's program: what it starts, what it goes back from, and what a power failure leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cart_versions import Machine, a_package

SAYS = "#!/bin/sh\necho $POINTOFCARE_CART_VERSION. >> $0.started\nexit {code}\n"
SLEEPS = "#!/bin/sh\necho $POINTOFCARE_CART_VERSION. >> $0.started\nexec sleep 60\n"
PROVES = """#!/bin/sh
echo . >> $0.started
ln -sfn versions/new "$POINTOFCARE_CART_SOFTWARE/current"
rm -f "$POINTOFCARE_CART_SOFTWARE/trial.json"
exit 75
"""


class Cart:
    def __init__(self, folder: Path) -> None:
        self.package = a_package(folder / "package", program=SAYS.format(code=0))
        self.room = folder / "software"
        (self.room / "versions").mkdir(parents=True)
        self.machine = Machine(self.package, self.room, environment={"POINTOFCARE_CART_SILENT_S": "1"})

    def version(self, name: str, program: str, *, package: str = "pointofcare-0.1.0.dist-info") -> None:
        place = self.room / "versions" / name
        (place / "bin").mkdir(parents=True)
        (place / "bin/pointofcare-cart").write_text(program, encoding="utf-8")
        (place / "bin/pointofcare-cart").chmod(0o755)
        (place / "package.json").write_text(json.dumps({"package": package}), encoding="utf-8")

    def trial(self, name: str, *, starts: int = 0) -> None:
        (self.room / "trial.json").write_text(json.dumps({"version": name, "job": "j/1", "starts": starts}), encoding="utf-8")

    def started(self, name: str = "") -> int:
        """How often this version was."""
        log = (self.room / "versions" / name if name else self.package) / "bin/pointofcare-cart.started"
        return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0

    @property
    def returned(self) -> dict[str, object]:
        path = self.room / "returned.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


@pytest.fixture
def cart(tmp_path: Path) -> Cart:
    return Cart(tmp_path)


def test_without_a_version_of_its_own_a_cart_runs_that_of_its_package(cart: Cart) -> None:
    assert cart.machine.once() == 0
    assert cart.started() == 1


def test_the_version_that_proved_itself_runs_until_another_package_is_installed_by_hand(cart: Cart) -> None:
    cart.version("new", SAYS.format(code=0))
    (cart.room / "current").symlink_to("versions/new")
    cart.machine.once()
    assert (cart.started("new"), cart.started()) == (1, 0)
    a_package(cart.package, "0.3.0", SAYS.format(code=0))
    cart.machine.once()
    assert (cart.started("new"), cart.started()) == (1, 1)


@pytest.mark.parametrize("left", ["link-to-nothing", "not-whole", "foreign-name", "cut-short"])
def test_what_is_not_whole_is_never_started(cart: Cart, left: str) -> None:
    cart.version(".new.part", SAYS.format(code=0))
    match left:
        case "link-to-nothing":
            (cart.room / "current").symlink_to("versions/gone")
        case "not-whole":
            cart.trial(".new.part")
        case "foreign-name":
            cart.trial("../../package")
        case "cut-short":
            (cart.room / "trial.json").write_text('{"version": "ne', encoding="utf-8")
    codes = {cart.machine.once() for _ in range(2)}
    assert codes <= {0, 75}
    assert cart.started() >= 1
    assert cart.started(".new.part") == 0


def test_a_version_that_falls_three_times_is_given_back_with_the_reason(cart: Cart) -> None:
    cart.version("new", SAYS.format(code=1))
    cart.trial("new")
    assert [cart.machine.once() for _ in range(5)] == [1, 1, 1, 75, 0]
    assert (cart.started("new"), cart.started()) == (3, 1)
    assert (cart.returned["version"], cart.returned["why"]) == ("new", "does-not-stay")


def test_a_version_that_cannot_read_the_settings_is_given_back_at_once_as_systemd_would_not_start_it_again(cart: Cart) -> None:
    cart.version("new", SAYS.format(code=2))
    cart.trial("new")
    assert [cart.machine.once() for _ in range(2)] == [75, 0]
    assert cart.returned["why"] == "does-not-start"


def test_a_version_that_says_nothing_is_ended_and_given_back(cart: Cart) -> None:
    cart.version("new", SLEEPS)
    cart.trial("new")
    assert cart.machine.once() == 75
    assert cart.returned["why"] == "silent"
    assert not (cart.room / "trial.json").exists()


def test_a_version_that_proves_itself_is_what_is_started_from_then_on(cart: Cart) -> None:
    cart.version("new", PROVES)
    cart.trial("new")
    assert cart.machine.once() == 75
    assert cart.machine.once() == 75
    assert (cart.started("new"), cart.started(), cart.returned) == (2, 0, {})


def test_a_power_failure_counts_as_a_start_and_leaves_no_second_program(cart: Cart) -> None:
    cart.version("new", SLEEPS)
    cart.trial("new", starts=2)
    cart.machine.on()
    for _ in range(200):
        if cart.started("new"):
            break
        cart.machine._off.wait(0.05)
    cart.machine.power_fails()
    assert cart.machine.once() == 75
    assert cart.returned["why"] == "does-not-stay"
    assert (cart.machine.once(), cart.started("new")) == (0, 1)


@pytest.mark.parametrize("cut", ["returned-but-still-on-trial", "kept-but-still-on-trial"])
def test_what_was_being_written_when_the_power_failed_is_ended(cart: Cart, cut: str) -> None:
    cart.version("new", SAYS.format(code=0))
    cart.trial("new")
    if cut == "kept-but-still-on-trial":
        (cart.room / "current").symlink_to("versions/new")
    else:
        (cart.room / "returned.json").write_text(json.dumps({"version": "new", "job": "j/1", "why": "silent"}), encoding="utf-8")
    assert cart.machine.once() == 0
    assert (cart.started("new"), cart.started()) == ((1, 0) if cut == "kept-but-still-on-trial" else (0, 1))
    assert not (cart.room / "trial.json").exists()
