"""A cart's update of its own program, step by step: what is believed, what is unpacked, what a power failure leaves."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from cart_client import software
from cart_client.software import Software, Tools
from cart_client.versions import Versions, name_of
from devices.firmware import releases
from devices.firmware.job import ServerKeys, target_of
from pointofcare import firmware
from pointofcare.errors import ImageRejectedError
from pointofcare.fleet.gates import Hardware
from pointofcare.wire import jobs
from pointofcare.wire.messages import JobAssigned, JobOrder, JobState, JobTarget, JobTold
from server.security import signing
from server.security.signing import SigningKey
from tests.support import cart_versions as made
from tests.support import firmware as signers
from tests.support.firmware import People

AT = datetime.now(UTC)
FREE = Hardware(connected=True, charge_percent=90, on_mains=True, open_drawers=(), busy=False, idle_s=600.0)


@dataclass
class Cart:
    folder: Path
    people: People
    key: SigningKey
    look: Hardware = FREE
    well: bool = True
    ends: bool = True
    ended: int = 0
    now: datetime = AT
    mono_s: float = 1000.0
    running: str = ""
    told: list[JobTold] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.versions = Versions(self.folder / "software", running="", packaged="pointofcare-0.1.0.dist-info")
        self.start()

    def start(self, running: str = "") -> None:
        """As after a start of the program, with nothing but what is on the disk."""
        self.versions = Versions(self.folder / "software", running=running, packaged="pointofcare-0.1.0.dist-info")
        self.software = Software(
            Tools(
                facility="h1", cart="c1", hardware=software.hardware(), package_version="0.1.0",
                source=self.source(), trusted=self.people.trusted(),
                keys=ServerKeys(held=(OKPKey.import_key(json.loads(signing.public_jwk(self.key))),)), versions=self.versions,
                look=lambda _idle: self.look, healthy=lambda: self.well, end=self._end, check=("--version",),
                now=lambda: self.now, mono_s=lambda: self.mono_s, fetch_again_s=0.0, well_s=0.0, prove_s=60.0,
            )
        )  # fmt: skip

    def source(self) -> releases.Source:
        held = self.people.held
        return releases.folder(held.directory / "current/metadata", held.targets, root=held.first_root(), cache=self.folder / "cache")

    def _end(self) -> bool:
        self.ended += self.ends
        return self.ends

    def release(self, version: str, *, counter: int | None = None, hardware: str = "") -> firmware.Target:
        content = made.signed(self.people, version, CHECKED, counter=counter, hardware=hardware)
        return firmware.target_of(made.release(self.people, content, version), content)

    def order(self, target: firmware.Target, **changes: object) -> JobOrder:
        named = {name: getattr(target, name) for name in ("name", "length", "sha256", "hardware", "image_hash", "security_counter")}
        order = JobOrder(
            facility="h1", cart="c1", job="j1", kind=jobs.CART_SOFTWARE, target=JobTarget(version=str(target.version), **named),
            attempt=1, issued_at=AT, expires_at=AT + timedelta(hours=2), gates={"docked": True, "idle_min": 5, "charge_percent": 40},
        )  # fmt: skip
        return replace(order, **changes)  # type: ignore[arg-type] # fields of an order

    def assign(self, order: JobOrder, *, key: SigningKey | None = None) -> None:
        signed = signing.sign_order(key or self.key, jobs.TYPE, jobs.claims(order))
        self.software.assigned(JobAssigned(job=order.job, signed=signed))

    def turns(self, number: int = 4) -> JobTold | None:
        """The newest word of it."""
        for _ in range(number):
            if self.software._stopping.is_set():
                break
            self.software.turn()
            self.software.say(lambda _route, told, **_levels: self.told.append(told) or True)
        return self.told[-1] if self.told else None

    def names(self) -> set[str]:
        return {path.name for path in (self.versions.room / "versions").glob("*") if not path.name.startswith(".")}


CHECKED = f'#!/bin/sh\necho \'{{"software_hardware": "{software.hardware()}"}}\'\n'


@pytest.fixture
def cart(tmp_path: Path) -> Cart:
    people = signers.people(tmp_path / "people")
    people.ceremony()
    return Cart(folder=tmp_path, people=people, key=signing.load_or_generate(tmp_path / "key.json"))


def test_a_signed_release_is_fetched_checked_and_put_on_trial_and_kept_once_it_is_well(cart: Cart) -> None:
    target = cart.release("1.1.0")
    cart.assign(cart.order(target))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.step, cart.ended) == (JobState.IN_PROGRESS, "trying", 1)
    assert cart.versions.read("trial.json")["version"] == name_of(target)
    assert not (cart.versions.room / "current").exists(), "what proved itself is what is gone back to"
    cart.start(running=name_of(target))
    assert cart.software.numbers()["software_confirmed"] is False
    told = cart.turns()
    assert told is not None
    assert told.state is JobState.SUCCEEDED
    assert (cart.versions.room / "current").resolve().name == name_of(target)
    assert cart.software.numbers() | {"software_confirmed": True, "software_hash": target.image_hash} == cart.software.numbers()
    assert cart.versions.counter == target.security_counter


def test_a_version_that_is_not_well_in_time_is_given_back_and_the_job_says_why(cart: Cart) -> None:
    target = cart.release("1.1.0")
    cart.assign(cart.order(target))
    cart.turns()
    cart.well = False
    cart.start(running=name_of(target))
    cart.turns()
    cart.mono_s += 61
    cart.ends = False
    cart.turns()
    assert cart.versions.on_trial, "somebody is signed in: it waits"
    cart.ends = True
    cart.turns(1)
    assert not cart.versions.on_trial
    cart.start()
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why) == (JobState.REVERTED, "not-healthy")
    assert cart.versions.counter == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cart": "c2"}, "for-another-cart"),
        ({"kind": jobs.MCU_FIRMWARE}, "kind-unknown"),
        ({"expires_at": AT - timedelta(seconds=1)}, "expired"),
        ({"issued_at": AT + timedelta(hours=1)}, "clock-doubtful"),
    ],
)
def test_a_job_that_is_not_for_this_cart_now_is_refused(cart: Cart, change: dict[str, object], why: str) -> None:
    cart.assign(cart.order(cart.release("1.1.0"), **change))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why, cart.names()) == (JobState.REJECTED, why, set())


def test_a_job_that_another_key_signed_is_refused(cart: Cart) -> None:
    cart.assign(cart.order(cart.release("1.1.0")), key=signing.load_or_generate(cart.folder / "other.json"))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why) == (JobState.REJECTED, "signature-unknown")


def test_an_image_of_another_key_is_not_unpacked_though_it_was_released(cart: Cart) -> None:
    """The release key and the server are not enough."""
    rogue = signers.people(cart.folder / "rogue")
    content = made.signed(rogue, "1.1.0")
    generation = cart.people.held.generation
    assert generation is not None
    (generation / "image-key.pem").write_bytes(rogue.key("image-1").with_suffix(".pem").read_bytes())
    with pytest.raises(Exception, match="image key"):
        made.release(cart.people, content, "1.1.0")
    with pytest.raises(ImageRejectedError):
        software.image.verify(content, cart.people.trusted())


def test_an_older_version_is_refused_unless_it_is_signed_anew_as_the_way_back(cart: Cart) -> None:
    older, newer = cart.release("1.1.0"), cart.release("1.2.0")
    cart.assign(cart.order(newer))
    cart.turns()
    cart.start(running=name_of(newer))
    cart.turns()
    cart.assign(cart.order(older, job="j2", issued_at=AT + timedelta(seconds=1)))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why) == (JobState.REJECTED, "security-counter-low")
    back = cart.release("1.1.1", counter=newer.security_counter)
    cart.start(running=name_of(newer))
    cart.assign(cart.order(back, job="j3", issued_at=AT + timedelta(seconds=2)))
    told = cart.turns()
    assert told is not None
    assert told.step == "trying"


def test_a_release_for_another_format_of_the_journal_is_refused_before_anything_is_fetched(cart: Cart) -> None:
    target = cart.release("1.1.0", hardware=software.hardware() + "9")
    cart.assign(cart.order(target))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why, cart.names()) == (JobState.REJECTED, "other-hardware", set())


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (replace(FREE, busy=True), "in-use"),
        (replace(FREE, on_mains=False), "not-docked"),
        (replace(FREE, on_mains=None, charge_percent=None), "charge-unknown"),
        (replace(FREE, idle_s=None), "not-idle"),
    ],
)
def test_nothing_is_begun_while_somebody_is_there_or_what_must_be_known_is_not(cart: Cart, look: Hardware, why: str) -> None:
    cart.look = look
    cart.assign(cart.order(cart.release("1.1.0")))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why, cart.ended) == (JobState.WAITING, why, 0)
    assert not cart.versions.read("trial.json")
    cart.look = FREE
    cart.turns()
    assert cart.ended == 1


def test_somebody_who_comes_at_the_last_moment_keeps_the_program_that_runs(cart: Cart) -> None:
    cart.ends = False
    cart.assign(cart.order(cart.release("1.1.0")))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why) == (JobState.WAITING, "in-use")
    assert not cart.versions.read("trial.json")


def test_the_same_job_twice_is_done_once_and_told_as_it_ended(cart: Cart) -> None:
    target = cart.release("1.1.0")
    order = cart.order(target)
    cart.assign(order)
    cart.turns()
    cart.start(running=name_of(target))
    cart.turns()
    cart.told.clear()
    cart.start()  # its package's version runs, say after a package was installed by hand
    cart.assign(order)
    told = cart.turns()
    assert told is not None
    assert (told.state, cart.ended) == (JobState.SUCCEEDED, 1)
    cart.assign(cart.order(target, job="j0", issued_at=AT - timedelta(minutes=1)))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why) == (JobState.REJECTED, "replayed")


def test_what_was_half_unpacked_when_the_power_failed_has_no_name_and_is_unpacked_anew(cart: Cart, monkeypatch: pytest.MonkeyPatch) -> None:
    target = cart.release("1.1.0")
    cart.assign(cart.order(target))
    for where in ("_take", "settle"):
        with monkeypatch.context() as cut:
            owner = software.Versions if where == "settle" else __import__("cart_client.versions", fromlist=["x"])
            cut.setattr(owner, where, _power_fails)
            with pytest.raises(PowerError):
                cart.turns()
        assert cart.names() == set()
        cart.start()
    told = cart.turns()
    assert told is not None
    assert (told.step, cart.names()) == ("trying", {name_of(target)})


@pytest.mark.parametrize("before", ["begin", "end"])
def test_a_power_failure_at_the_switch_does_it_once_more_or_finds_it_done(cart: Cart, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    target = cart.release("1.1.0")
    cart.assign(cart.order(target))
    with monkeypatch.context() as cut:
        if before == "begin":
            cut.setattr(Versions, "begin", _power_fails)
        else:
            cut.setattr(Cart, "_end", _power_fails)
            cart.start()
            cart.assign(cart.order(target))
        with pytest.raises(PowerError):
            cart.turns()
    cart.start()
    told = cart.turns()
    assert told is not None
    assert cart.versions.read("trial.json")["version"] == name_of(target)
    assert cart.ended


def test_a_job_that_is_taken_back_ends_before_it_is_begun(cart: Cart) -> None:
    cart.look = replace(FREE, busy=True)
    cart.assign(cart.order(cart.release("1.1.0")))
    cart.turns()
    cart.software.assigned(JobAssigned())
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why) == (JobState.TIMED_OUT, "withdrawn")
    cart.look = FREE
    cart.turns()
    assert cart.ended == 0


def test_a_disk_without_room_is_left_to_the_journal(cart: Cart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Versions, "has_room", lambda *_: False)
    cart.assign(cart.order(cart.release("1.1.0")))
    told = cart.turns()
    assert told is not None
    assert (told.state, told.why, cart.names()) == (JobState.WAITING, "disk-full", set())


@pytest.mark.parametrize(
    "member",
    [
        ("../outside", "x", ""), ("/outside", "x", ""), ("bin/python", "", "/bin/sh"), ("bin/python", "", "../../x"), ("pipe", None, ""),
    ],
)  # fmt: skip
def test_an_archive_that_leads_outside_is_refused(cart: Cart, member: tuple[str, str | None, str]) -> None:
    name, content, link = member
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        told = tarfile.TarInfo(name)
        if link:
            told.type, told.linkname = tarfile.SYMTYPE, link
        elif content is None:
            told.type = tarfile.FIFOTYPE
        archive.addfile(told, io.BytesIO(b""))
    target = target_of(cart.order(cart.release("1.1.0")))
    with pytest.raises(ImageRejectedError):
        cart.versions.unpack(packed.getvalue(), target)


def test_what_neither_runs_nor_is_gone_back_to_is_taken_away(cart: Cart) -> None:
    for name in ("old", "now", "next"):
        (cart.versions.room / "versions" / name).mkdir(parents=True)
    (cart.versions.room / "current").symlink_to("versions/now")
    (cart.versions.room / "trial.json").write_text(json.dumps({"version": "next"}), encoding="utf-8")
    cart.versions.sweep()
    assert cart.names() == {"now", "next"}


class PowerError(Exception):
    pass


def _power_fails(*_: object, **__: object) -> None:
    raise PowerError
