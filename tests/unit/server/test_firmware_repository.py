"""The repository of releases: what is published is what a cart takes, whoever stands between, and whatever stops the machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Metadata, TargetFile

from devices.firmware import image, releases
from pointofcare import firmware
from pointofcare.errors import (
    ConfigError,
    ConflictError,
    FirmwareError,
    ImageRejectedError,
    NotPermittedError,
    ReleasesExpiredError,
    ReleasesUnreachableError,
    ReleasesUntrustedError,
)
from server.firmware import drafts, keys, repository, standing
from server.firmware.repository import FIRMWARE
from server.usecases import firmware as released
from tests.support import firmware as support
from tests.support.firmware import People

AT = repository.now()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A facility after its ceremony, with one release. Tests work on copies."""
    folder = tmp_path_factory.mktemp("made")
    held = support.people(folder)
    held.ceremony()
    held.release(held.image("1.1.0+7"), version="1.1.0+7")
    return folder


@pytest.fixture
def people(made: Path, tmp_path: Path) -> People:
    shutil.copytree(made, tmp_path / "made", symlinks=True)
    return support.people(tmp_path / "made")


def _one(people: People) -> firmware.Target:
    found = standing.of(people.held)
    assert found is not None
    return found.released[0].target


def test_a_cart_gets_what_was_released(people: People, tmp_path: Path) -> None:
    target = _one(people)
    content = releases.fetch(people.source(tmp_path / "cart"), target)
    assert image.verify(content, people.trusted()).image_hash == target.image_hash


def test_rollouts_see_the_release_with_all_that_a_job_needs(people: People) -> None:
    found = released.releases(people.held.directory)
    assert [(each.name, each.version, each.hardware) for each in found] == [
        ("cart-mcu/cart-mcu-r2-1.1.0-7.bin", "1.1.0+7", support.HARDWARE)
    ]
    assert found[0].security_counter == 0x01010000
    assert released.release(people.held.directory, "cart-mcu/other.bin") is None


def test_before_the_ceremony_nothing_is_released(tmp_path: Path) -> None:
    assert released.releases(tmp_path) == ()
    assert standing.of(support.people(tmp_path).held) is None


def test_a_release_with_a_missing_image_is_not_offered(people: People) -> None:
    people.held.image_path(_one(people)).unlink()
    assert released.releases(people.held.directory) == ()
    with pytest.raises(FirmwareError):
        standing.check(people.held)


def test_one_root_key_alone_publishes_nothing(tmp_path: Path) -> None:
    held = support.people(tmp_path)
    with pytest.raises(NotPermittedError, match="root needs 2"):
        _ceremony_signed_by(held, "root-an", "targets-1", "firmware-1")
    assert held.held.generation is None
    held.sign("root-chi")
    drafts.publish(held.held, held.stick, at=AT)
    assert standing.check(held.held) == 0


def _ceremony_signed_by(held: People, *names: str) -> None:
    drafts.ceremony(
        held.held,
        held.stick,
        roots=[held.public(name) for name in support.ROOTS],
        threshold=2,
        targets=held.public("targets-1"),
        firmware_role=held.public("firmware-1"),
        image_key=held.key("image-1").with_suffix(".pem"),
        at=AT,
    )
    held.sign(*names)
    drafts.publish(held.held, held.stick, at=AT)


@pytest.mark.parametrize(
    ("roots", "threshold"), [(("root-an", "root-binh"), 2), (("root-an", "root-binh", "root-chi"), 1), (("root-an",) * 3, 2)]
)
def test_a_ceremony_that_one_lost_or_stolen_key_would_break_is_refused(tmp_path: Path, roots: tuple[str, ...], threshold: int) -> None:
    held = support.people(tmp_path)
    with pytest.raises(ConfigError):
        drafts.ceremony(
            held.held,
            held.stick,
            roots=[held.public(name) for name in roots],
            threshold=threshold,
            targets=held.public("targets-1"),
            firmware_role=held.public("firmware-1"),
            image_key=held.key("image-1").with_suffix(".pem"),
            at=AT,
        )


def test_a_key_that_signs_releases_cannot_be_a_root_key_too(tmp_path: Path) -> None:
    held = support.people(tmp_path)
    with pytest.raises(ConfigError, match="two roles"):
        drafts.ceremony(
            held.held,
            held.stick,
            roots=[held.public(name) for name in support.ROOTS],
            threshold=2,
            targets=held.public("targets-1"),
            firmware_role=held.public("root-an"),
            image_key=held.key("image-1").with_suffix(".pem"),
            at=AT,
        )


def test_the_server_has_no_key_that_could_release_anything(people: People) -> None:
    held = keys.online(people.held.online)
    now = people.held.lists()
    offline = {keyid for role in ("root", "targets") for keyid in now.root.signed.roles[role].keyids}
    offline |= set(now.targets.signed.delegations.roles[FIRMWARE].keyids)
    assert held
    assert not offline & set(held)


def test_an_image_of_a_rogue_key_cannot_even_be_drafted(people: People) -> None:
    rogue = people.image("1.2.0", key=Ed25519PrivateKey.generate())
    with pytest.raises(ImageRejectedError):
        drafts.release(people.held, people.stick, rogue, name="cart-mcu/rogue.bin", notes="", at=AT)


def test_a_release_below_the_security_counter_is_refused(people: People) -> None:
    with pytest.raises(ImageRejectedError, match="security counter"):
        drafts.release(people.held, people.stick, people.image("1.0.9"), name="cart-mcu/old.bin", notes="", at=AT)


def test_a_draft_that_nobody_signed_is_not_published(people: People) -> None:
    drafts.release(people.held, people.stick, people.image("1.2.0"), name="cart-mcu/new.bin", notes="", at=AT)
    before = people.held.generation
    with pytest.raises(NotPermittedError, match="firmware needs 1 of firmware-1"):
        drafts.publish(people.held, people.stick, at=AT)
    assert people.held.generation == before


def test_the_wrong_person_signs_nothing(people: People) -> None:
    drafts.release(people.held, people.stick, people.image("1.2.0"), name="cart-mcu/new.bin", notes="", at=AT)
    with pytest.raises(NotPermittedError):
        people.sign("root-an")


def test_a_draft_is_published_once_and_never_over_another(people: People) -> None:
    people.release(people.image("1.2.0"), version="1.2.0")
    with pytest.raises(ConflictError):
        drafts.publish(people.held, people.stick, at=AT)


def test_what_is_changed_on_the_stick_after_signing_is_refused(people: People) -> None:
    drafts.release(people.held, people.stick, people.image("1.2.0"), name="cart-mcu/new.bin", notes="", at=AT)
    people.sign("firmware-1")
    path = people.stick / "metadata" / "firmware.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"notes": ""', '"notes": "x"'), encoding="utf-8")
    with pytest.raises(NotPermittedError, match="signatures are missing"):
        drafts.publish(people.held, people.stick, at=AT)


def test_an_image_exchanged_on_the_stick_is_neither_signed_nor_published(people: People) -> None:
    drafts.release(people.held, people.stick, people.image("1.2.0"), name="cart-mcu/new.bin", notes="", at=AT)
    file = next((people.stick / "targets" / "cart-mcu").iterdir())
    file.write_bytes(people.image("1.3.0"))
    with pytest.raises(ImageRejectedError):
        people.sign("firmware-1")


def test_a_withdrawn_release_is_taken_by_no_cart(people: People, tmp_path: Path) -> None:
    target = _one(people)
    drafts.withdraw(people.held, people.stick, target.name, at=AT)
    people.sign("firmware-1")
    drafts.publish(people.held, people.stick, at=AT)
    assert released.releases(people.held.directory) == ()
    with pytest.raises(ImageRejectedError, match="there is no release"):
        releases.fetch(people.source(tmp_path / "cart"), target)


def test_a_target_that_was_tampered_with_is_refused(people: People, tmp_path: Path) -> None:
    target = _one(people)
    path = people.held.image_path(target)
    content = bytearray(path.read_bytes())
    content[700] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ReleasesUntrustedError):
        releases.fetch(people.source(tmp_path / "cart"), target)


def test_a_release_of_another_content_than_the_job_names_is_refused(people: People, tmp_path: Path) -> None:
    target = _one(people)
    other = firmware.told(target.name, target.length, target.sha256, {**firmware.custom(target), "image_hash": "0" * 64})
    with pytest.raises(ImageRejectedError, match="image_hash"):
        releases.fetch(people.source(tmp_path / "cart"), other)


def test_an_expired_timestamp_stops_the_update(people: People, tmp_path: Path) -> None:
    old = support.people(tmp_path / "old")
    old.ceremony(at=AT)
    held = old.held
    with held.writing():
        now = held.lists()
        now.timestamp.signed.expires = AT - timedelta(seconds=1)
        signer = next(each for each in keys.online(held.online).values() if keys.name_of(each.public_key).startswith("timestamp"))
        now.timestamp.sign(signer)
        (held.generation / "metadata" / "timestamp.json").write_bytes(now.timestamp.to_bytes())
    with pytest.raises(ReleasesExpiredError):
        releases.lookup(old.source(tmp_path / "cart"), "cart-mcu/x.bin")


def test_a_timestamp_that_is_played_back_is_refused(people: People, tmp_path: Path) -> None:
    metadata = people.held.generation / "metadata"
    before = (metadata / "timestamp.json").read_bytes()
    people.release(people.image("1.2.0"), version="1.2.0")
    cache = tmp_path / "cart"
    releases.lookup(people.source(cache), "cart-mcu/x.bin")
    (people.held.generation / "metadata" / "timestamp.json").write_bytes(before)
    with pytest.raises(ReleasesUntrustedError):
        releases.lookup(people.source(cache), "cart-mcu/x.bin")


def test_the_firmware_role_cannot_name_anything_outside_its_folder(people: People, tmp_path: Path) -> None:
    """Its key is stolen: what it signs under another name is found by nobody, and cannot be published either."""
    held = people.held
    now = held.lists()
    entry = next(iter(now.firmware.signed.targets.values()))
    drafts.renew(held, people.stick, [FIRMWARE], at=AT)
    path = people.stick / "metadata" / "firmware.json"
    draft: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
    escaped = TargetFile(entry.length, dict(entry.hashes), "cart-app/app.bin", {"custom": entry.custom})
    draft.signed.targets["cart-app/app.bin"] = escaped
    draft.sign(keys.load(people.key("firmware-1"), support.PASSPHRASE))
    path.write_bytes(draft.to_bytes())
    before = held.generation
    with pytest.raises(FirmwareError):
        drafts.publish(held, people.stick, at=AT)
    assert held.generation == before
    assert releases.lookup(people.source(tmp_path / "cart"), "cart-app/app.bin") is None


def test_a_cart_pinned_to_the_first_root_follows_rotations(people: People, tmp_path: Path) -> None:
    pinned = people.held.first_root()
    drafts.rotate(people.held, people.stick, "root", remove=["root-an"], add=[people.public("root-dung")], at=AT)
    people.sign("root-an", "root-binh", "root-dung")
    drafts.publish(people.held, people.stick, at=AT)
    for role in ("timestamp", "snapshot"):
        drafts.rotate(people.held, people.stick, role, remove=[], add=[], at=AT)
        people.sign("root-binh", "root-dung")
        drafts.publish(people.held, people.stick, at=AT)
    drafts.rotate(people.held, people.stick, FIRMWARE, remove=["firmware-1"], add=[people.public("firmware-2")], at=AT)
    people.sign("targets-1", "firmware-2")
    drafts.publish(people.held, people.stick, at=AT)
    drafts.rotate(people.held, people.stick, "targets", remove=["targets-1"], add=[people.public("targets-2")], at=AT)
    people.sign("root-binh", "root-chi", "targets-2")
    drafts.publish(people.held, people.stick, at=AT)
    assert releases.lookup(people.source(tmp_path / "cart", root=pinned), _one(people).name) == _one(people)
    drafts.release(people.held, people.stick, people.image("1.2.0"), name="cart-mcu/n.bin", notes="", at=AT)
    with pytest.raises(NotPermittedError):
        people.sign("firmware-1")


def test_a_new_root_that_the_old_ones_did_not_sign_is_refused(people: People) -> None:
    drafts.rotate(people.held, people.stick, "root", remove=["root-an"], add=[people.public("root-dung")], at=AT)
    people.sign("root-dung", "root-chi")
    with pytest.raises(NotPermittedError):
        drafts.publish(people.held, people.stick, at=AT)


def test_the_server_signs_its_own_lists_before_they_end(people: People) -> None:
    assert standing.refresh(people.held, at=AT + timedelta(hours=1)) is False
    assert standing.refresh(people.held, at=AT + timedelta(hours=13)) is True
    now = people.held.lists()
    assert now.timestamp.signed.expires == AT + timedelta(hours=37)
    assert now.snapshot.signed.version == 2
    assert standing.refresh(people.held, at=AT + timedelta(days=4)) is True
    assert people.held.lists().snapshot.signed.version == 3


def test_people_hear_in_time_that_a_list_ends(people: People) -> None:
    found = standing.of(people.held)
    assert found is not None
    assert found.alarms(AT) == ()
    soon = found.alarms(AT + timedelta(days=160))
    assert any("firmware expires" in sentence for sentence in soon)
    assert any("timestamp expired" in sentence for sentence in soon)


def _foreign(people: People) -> Path:
    return people.key("image-foreign").with_suffix(".pem")


def test_an_image_key_that_lies_on_the_stick_is_not_believed_whatever_the_draft_calls_itself(people: People) -> None:
    ours = people.held.image_key.read_bytes()
    drafts.release(people.held, people.stick, people.image("1.2.0"), name="cart-mcu/new.bin", notes="", at=AT)
    people.sign("firmware-1")
    told = json.loads((people.stick / "draft.json").read_text(encoding="utf-8"))
    (people.stick / "draft.json").write_text(json.dumps({**told, "kind": "rotate"}), encoding="utf-8")
    (people.stick / "image-key.pem").write_bytes(_foreign(people).read_bytes())
    drafts.publish(people.held, people.stick, at=AT)
    assert people.held.image_key.read_bytes() == ours
    assert people.held.signed_image_key() == ours


def test_an_image_key_exchanged_on_the_stick_is_neither_signed_nor_published(people: People) -> None:
    ours, before = people.held.image_key.read_bytes(), people.held.generation
    drafts.rotate(people.held, people.stick, FIRMWARE, remove=[], add=[], at=AT)
    people.sign("targets-1", "firmware-1")
    (people.stick / "image-key.pem").write_bytes(_foreign(people).read_bytes())
    with pytest.raises(ImageRejectedError, match="image key"):
        people.sign("targets-1")
    with pytest.raises(ImageRejectedError, match="image key"):
        drafts.publish(people.held, people.stick, at=AT)
    assert (people.held.image_key.read_bytes(), people.held.generation) == (ours, before)


def test_another_image_key_needs_the_signatures_of_targets_and_comes_with_the_generation(people: People) -> None:
    ours, both = people.held.image_key.read_bytes(), people.folder / "both.pem"
    both.write_bytes(ours + _foreign(people).read_bytes())
    drafts.rotate(people.held, people.stick, "root", remove=[], add=[people.public("root-dung")], at=AT, image_key=both)
    assert any(repository.key_hash(both.read_bytes()) in line for line in drafts.says(drafts.read(people.stick)))
    people.sign("root-an", "root-binh")
    with pytest.raises(NotPermittedError, match="targets needs"):
        drafts.publish(people.held, people.stick, at=AT)
    assert people.held.image_key.read_bytes() == ours
    people.sign("targets-1")
    drafts.publish(people.held, people.stick, at=AT)
    assert people.held.signed_image_key() == both.read_bytes()
    assert standing.check(people.held) == 1


def test_a_publication_that_fails_leaves_the_image_key_as_it_was(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, both = people.held.image_key.read_bytes(), people.folder / "both.pem"
    both.write_bytes(ours + _foreign(people).read_bytes())
    drafts.rotate(people.held, people.stick, FIRMWARE, remove=[], add=[], at=AT, image_key=both)
    people.sign("targets-1", "firmware-1")

    def stops(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(repository, "_continues", stops)
    with pytest.raises(KeyboardInterrupt):
        drafts.publish(people.held, people.stick, at=AT)
    assert people.held.image_key.read_bytes() == ours


def test_an_image_key_that_was_written_over_is_given_to_no_new_cart(people: People) -> None:
    people.held.image_key.write_bytes(_foreign(people).read_bytes())
    with pytest.raises(ReleasesUntrustedError, match="image key"):
        people.held.signed_image_key()
    with pytest.raises(ReleasesUntrustedError, match="image key"):
        standing.check(people.held)


def test_a_repository_with_its_image_key_beside_the_generations_goes_on(people: People) -> None:
    """As it was kept before its hash was signed."""
    held = people.held
    assert held.generation is not None
    os.replace(held.image_key, held.directory / "image-key.pem")
    ours = held.image_key.read_bytes()
    people.release(people.image("1.2.0"), version="1.2.0")
    assert held.image_key.parent == held.generation
    assert held.image_key.read_bytes() == ours
    assert standing.check(held) == 2


@pytest.mark.parametrize("call", ["fsync", "replace", "rename", "symlink", "link"])
def test_a_power_cut_leaves_the_old_or_the_new_repository_whole(people: People, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine stops before each single write in turn; then it starts again, and the same draft is published."""
    drafts.release(people.held, people.stick, people.image("1.2.0"), name="cart-mcu/new.bin", notes="", at=AT)
    people.sign("firmware-1")
    whole: set[int] = set()
    reached, number = True, 0
    really: Callable[..., Any] = getattr(os, call)
    while reached:
        reached, count = False, 0

        def stops(*given: Any, at: int = number, **named: Any) -> Any:
            nonlocal count, reached
            count += 1
            if count == at + 1:
                reached = True
                raise KeyboardInterrupt
            return really(*given, **named)

        monkeypatch.setattr(repository.os, call, stops)
        try:
            drafts.publish(people.held, people.stick, at=AT)
        except KeyboardInterrupt:
            pass
        except ConflictError:  # the cut came after the one rename that publishes
            reached = False
        monkeypatch.setattr(repository.os, call, really)
        whole.add(standing.check(people.held))
        number += 1
    assert number > 1
    assert whole <= {1, 2}
    assert standing.check(people.held) == 2


def test_a_repository_that_was_written_over_is_not_believed(people: People) -> None:
    path = next((people.held.generation / "metadata").glob("*.firmware.json"))
    for path in (people.held.generation / "metadata").glob("*.firmware.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        told["signed"]["targets"] = {}
        path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(ReleasesUntrustedError):
        released.releases(people.held.directory)


def test_a_cart_without_a_network_hears_that_nothing_answers(people: People, tmp_path: Path) -> None:
    source = releases.folder(tmp_path / "nothing", tmp_path / "nothing", root=people.held.first_root(), cache=tmp_path / "cart")
    with pytest.raises(ReleasesUnreachableError):
        releases.lookup(source, "cart-mcu/x.bin")


@pytest.mark.parametrize(("name", "passphrase"), [("Root An", support.PASSPHRASE), ("../x", support.PASSPHRASE), ("root-an", "short")])
def test_a_key_needs_a_name_and_a_long_passphrase(tmp_path: Path, name: str, passphrase: str) -> None:
    with pytest.raises(ConfigError):
        keys.draw(tmp_path, name, passphrase)


def test_a_key_is_never_written_over_and_never_lies_open(tmp_path: Path) -> None:
    drawn = keys.draw(tmp_path, "root-an", support.PASSPHRASE)
    with pytest.raises(ConfigError):
        keys.draw(tmp_path, "root-an", support.PASSPHRASE)
    assert drawn.secret.stat().st_mode & 0o077 == 0
    assert b"ENCRYPTED" in drawn.secret.read_bytes()
    with pytest.raises(ConfigError):
        keys.load(drawn.secret, "not the passphrase at all")
