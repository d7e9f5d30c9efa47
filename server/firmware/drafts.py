"""What is carried to the people who sign: a folder on a stick, drafted here, signed elsewhere, published here.

    draft.json          what it is for, and on which versions it builds
    metadata/           the lists to sign: root.json targets.json firmware.json
    targets/            the images that they name
    trusted/            the lists of now, so that the one who signs sees what changes

Only `sign` needs a secret key, and it needs nothing but the stick: it runs on a machine without a network. What comes back is
checked against the repository as it is then; nothing on the stick is believed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner, Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from devices.firmware import image
from pointofcare import firmware
from pointofcare.errors import ConfigError, ConflictError, ImageRejectedError, NotPermittedError, ReleasesUntrustedError
from server.firmware import keys, lists
from server.firmware.repository import FIRMWARE, IMAGE_KEY_FIELD, OFFLINE, Lists, Repository, key_hash, stated_key, verified

FORMAT = 1
_LARGEST_LIST = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One list of a draft: who may sign it, how many must, and who has. Names, for people."""

    role: str
    version: int
    expires_at: datetime
    may: tuple[str, ...]
    needs: int
    has: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return len(self.has) >= self.needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A stick that was read. `before` is None for a ceremony."""

    kind: str
    base: Mapping[str, int]
    changed: Mapping[str, Metadata[Any]]
    before: Mapping[str, Metadata[Any]]
    images: Mapping[str, bytes]
    image_key: bytes


def ceremony(
    repository: Repository,
    stick: Path,
    *,
    roots: Sequence[Path],
    threshold: int,
    targets: Path,
    firmware_role: Path,
    image_key: Path,
    at: datetime,
) -> None:
    """Drafts the first lists from the public keys at those paths. The server draws its own two. Raises: ConfigError, ConflictError."""
    if repository.generation is not None:
        raise ConflictError("there is a firmware repository here already", remedy="rotate its keys one by one instead")
    image.load_keys(image_key)
    with repository.writing():
        drawn = {signer.public_key.keyid: signer.public_key for signer in keys.online(repository.online).values()}
        own = {role: _own(repository, role, drawn) for role in ("snapshot", "timestamp")}
        others = {"targets": keys.load_public(targets), **own}
        delegated = keys.load_public(firmware_role)
        held = [keys.load_public(path) for path in roots]
        if delegated.keyid in {key.keyid for key in (*held, *others.values())}:
            raise ConfigError("one key stands for two roles", remedy="draw a key for each role")
        changed: dict[str, Metadata[Any]] = {
            "root": lists.first_root(held, threshold, others=others, at=at),
            "targets": lists.first_targets(delegated, image_key=image_key.read_bytes(), at=at),
            FIRMWARE: lists.first_firmware(at=at),
        }
        _write(stick, "ceremony", changed, None, {}, image_key.read_bytes())


def release(repository: Repository, stick: Path, content: bytes, *, name: str, notes: str, at: datetime) -> firmware.Target:
    """Drafts the release of one signed image. Raises: ImageRejectedError (not signed by the image key, or not newer), ConfigError."""
    image.verify(content, image.load_keys(repository.image_key))
    before = repository.lists()
    target = firmware.target_of(name, content)
    same = [each for each in _released(before).values() if each.hardware == target.hardware]
    if any(each.image_hash == target.image_hash or each.name == name for each in same):
        raise ImageRejectedError(f"{name}, or the same image, is released already", remedy="give it another version")
    newest = max(same, key=lambda each: each.security_counter, default=None)
    if newest is not None and target.security_counter < newest.security_counter:
        raise ImageRejectedError(
            f"the security counter {target.security_counter} is below {newest.security_counter} of {newest.name}: no cart would go back",
            remedy="sign it with a higher --security-counter",
        )
    changed = lists.succeeding(before.firmware, FIRMWARE, at=at)
    changed.signed.targets[name] = lists.entry(target, notes=notes, released_at=at)
    _write(stick, "release", {FIRMWARE: changed}, before, {_below(target): content}, repository.image_key.read_bytes())
    return target


def withdraw(repository: Repository, stick: Path, name: str, *, at: datetime) -> None:
    """Drafts a list without that release: no cart takes it any more. Raises: ConfigError."""
    before = repository.lists()
    if name not in before.firmware.signed.targets:
        raise ConfigError(f"there is no release {name}", remedy="see: pointofcare-server firmware list")
    changed = lists.succeeding(before.firmware, FIRMWARE, at=at)
    del changed.signed.targets[name]
    _write(stick, "withdraw", {FIRMWARE: changed}, before, {}, repository.image_key.read_bytes())


def renew(repository: Repository, stick: Path, roles: Sequence[str], *, at: datetime) -> None:
    """Drafts the same lists with a later expiry. Raises: ConfigError."""
    unknown = [role for role in roles if role not in OFFLINE]
    if unknown or not roles:
        raise ConfigError(f"{', '.join(unknown) or 'nothing'} cannot be renewed", remedy=f"name some of {', '.join(OFFLINE)}")
    before = repository.lists()
    changed = {role: lists.succeeding(before.of(role), role, at=at) for role in roles}
    if "targets" in changed:
        lists.name_paths(changed["targets"].signed)
    own = repository.image_key.read_bytes()
    _name_key(changed, own)
    _write(stick, "renew", changed, before, {}, own)


def rotate(
    repository: Repository,
    stick: Path,
    role: str,
    *,
    remove: Sequence[str],
    add: Sequence[Path],
    at: datetime,
    image_key: Path | None = None,
) -> None:
    """Drafts the change of a role's keys: `remove` by their names, `add` by their public files; of snapshot and timestamp the server
    draws the new one itself. With `image_key`, who may sign images changes too. Raises: ConfigError."""
    before = repository.lists()
    fresh = [keys.load_public(path) for path in add]
    changed: dict[str, Metadata[Any]] = {}
    if role == FIRMWARE:
        changed["targets"] = lists.succeeding(before.targets, "targets", at=at)
        changed[FIRMWARE] = lists.succeeding(before.firmware, FIRMWARE, at=at)
        _exchange(changed["targets"].signed, FIRMWARE, remove, fresh)
    elif role in ("root", "targets", "snapshot", "timestamp"):
        if role in ("snapshot", "timestamp"):
            if fresh:
                raise ConfigError(f"the server draws its {role} key itself", remedy="leave --add out")
            with repository.writing():
                fresh = [keys.draw_online(repository.online, role)]
            remove = remove or [keys.name_of(key) for key in _of(before.root.signed, role)]
        changed["root"] = lists.succeeding(before.root, "root", at=at)
        _exchange(changed["root"].signed, role, remove, fresh)
        if role == "targets":
            changed["targets"] = lists.succeeding(before.targets, "targets", at=at)
    else:
        raise ConfigError(f"there is no role {role}", remedy="root, targets, firmware, snapshot, timestamp")
    own = image_key.read_bytes() if image_key is not None else repository.image_key.read_bytes()
    if image_key is not None:
        image.load_keys(image_key)
        if "targets" not in changed:
            changed["targets"] = lists.succeeding(before.targets, "targets", at=at)
        changed["targets"].signed.unrecognized_fields[IMAGE_KEY_FIELD] = key_hash(own)
    _name_key(changed, own)
    _write(stick, "rotate", changed, before, {}, own)


def _name_key(changed: Mapping[str, Metadata[Any]], own: bytes) -> None:
    """A new list of targets names who may sign images, also where the one before did not yet."""
    if "targets" in changed:
        changed["targets"].signed.unrecognized_fields.setdefault(IMAGE_KEY_FIELD, key_hash(own))


def read(stick: Path) -> Draft:
    """Raises: ConfigError for a folder that is no draft."""
    try:
        told = json.loads((stick / "draft.json").read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}")
        changed = {role: _list(stick / "metadata" / f"{role}.json") for role in OFFLINE if (stick / "metadata" / f"{role}.json").exists()}
        before = {role: _list(stick / "trusted" / f"{role}.json") for role in OFFLINE if (stick / "trusted" / f"{role}.json").exists()}
        images = {
            str(path.relative_to(stick / "targets")): path.read_bytes() for path in sorted((stick / "targets").rglob("*")) if path.is_file()
        }
        return Draft(
            kind=str(told["kind"]),
            base={str(role): int(version) for role, version in dict(told["base"]).items()},
            changed=changed,
            before=before,
            images=images,
            image_key=(stick / "image-key.pem").read_bytes(),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, DeserializationError) as exc:
        raise ConfigError(f"{stick} holds no draft that can be read: {exc}", remedy="draft it again") from exc


def says(draft: Draft) -> list[str]:
    """What somebody signs, in sentences. Raises: ImageRejectedError when an image is not what its entry says, or the image key not what
    the list of targets says."""
    lines = []
    for each in wanted(draft):
        lines.append(
            f"{each.role}: version {each.version}, valid until {each.expires_at.date().isoformat()}; "
            f"{each.needs} of {', '.join(each.may)} must sign, {', '.join(each.has) or 'nobody'} has"
        )
    if "root" in draft.changed:
        lines += _key_changes(draft, "root", ("root", "targets", "snapshot", "timestamp"))
    if "targets" in draft.changed:
        lines += _key_changes(draft, "targets", (FIRMWARE,))
        now_named = stated_key(draft.changed["targets"])
        if now_named != key_hash(draft.image_key):
            raise ImageRejectedError("the image key on the stick is not the one that its list names", remedy="draft it again")
        was_named = stated_key(draft.before["targets"]) if "targets" in draft.before else None
        if now_named != was_named:
            lines.append(f"images are signed by the key file with SHA-256 {now_named}" + (f" (was {was_named})" if was_named else ""))
    if FIRMWARE in draft.changed:
        now = set(draft.changed[FIRMWARE].signed.targets)
        was = set(draft.before[FIRMWARE].signed.targets) if FIRMWARE in draft.before else set()
        lines += [f"withdraws {name}" for name in sorted(was - now)]
        for name in sorted(now - was):
            found = draft.changed[FIRMWARE].signed.targets[name]
            target = firmware.told(name, found.length, found.hashes.get("sha256"), found.custom)
            content = draft.images.get(_below(target), b"")
            if firmware.target_of(name, content) != target:
                raise ImageRejectedError(f"the image {name} on the stick is not what its entry says", remedy="draft it again")
            lines.append(
                f"releases {name}: {target.version} for {target.hardware}, security counter {target.security_counter}, "
                f"image hash {target.image_hash}"
            )
    return lines


def wanted(draft: Draft) -> tuple[Wanted, ...]:
    return tuple(
        Wanted(
            role=role,
            version=metadata.signed.version,
            expires_at=metadata.signed.expires,
            may=tuple(sorted(keys.name_of(key) for key in signers.values())),
            needs=_needs(draft, role),
            has=tuple(sorted(keys.name_of(signers[keyid]) for keyid in _valid(metadata, signers))),
        )
        for role, metadata in draft.changed.items()
        for signers in (_signers(draft, role),)
    )


def sign(stick: Path, signer: CryptoSigner) -> tuple[str, ...]:
    """Signs every list of the draft that this key may sign; their roles. Raises: NotPermittedError when it may sign none."""
    draft = read(stick)
    says(draft)  # what cannot be said must not be signed
    roles = tuple(role for role in draft.changed if signer.public_key.keyid in _signers(draft, role))
    if not roles:
        raise NotPermittedError(f"the key {keys.name_of(signer.public_key)} signs nothing of this draft", remedy="use the key of its role")
    for role in roles:
        draft.changed[role].sign(signer, append=True)
        path = stick / "metadata" / f"{role}.json"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(draft.changed[role].to_bytes(JSONSerializer(compact=False)))
        fresh.replace(path)
    return roles


def publish(repository: Repository, stick: Path, *, at: datetime) -> tuple[str, ...]:
    """Makes a signed draft what carts see. Raises: NotPermittedError (signatures are missing), ConflictError (something else was
    published since), FirmwareError (a cart would refuse it), ConfigError. Nothing is published then."""
    draft = read(stick)
    with repository.writing():
        before = repository.lists() if repository.generation is not None else None
        if (draft.kind == "ceremony") != (before is None):
            raise ConflictError("this draft does not fit the repository", remedy="draft it again")
        base = {role: before.of(role).signed.version for role in OFFLINE} if before else dict.fromkeys(OFFLINE, 0)
        if base != dict(draft.base) or any(each.signed.version != base[role] + 1 for role, each in draft.changed.items()):
            raise ConflictError("something else was published since this was drafted", remedy="draft it again")
        # Who must sign is asked of what is published, never of what came on the stick.
        held = Draft(
            kind=draft.kind,
            base=base,
            changed=draft.changed,
            before={role: before.of(role) for role in OFFLINE} if before else {},
            images=draft.images,
            image_key=draft.image_key,
        )
        says(held)
        missing = [f"{each.role} needs {each.needs} of {', '.join(each.may)}" for each in wanted(held) if not each.whole]
        _root_agrees(held, missing)
        if missing:
            raise NotPermittedError(f"signatures are missing: {'; '.join(missing)}", remedy="carry the stick to them")
        named = {_below(_told(entry)) for entry in _entries(held)}
        signed = lists.signed_online(before, held.changed, keys.online(repository.online), at=at)
        everything: list[Metadata[Any]] = [*held.changed.values(), *signed]
        if before is not None:
            _whole(before, held.changed, everything)
        # The file of the stick counts where a signed list names it, which `says` has looked at; else what is here stays.
        own = held.image_key if "targets" in held.changed else None
        repository.publish(everything, {name: content for name, content in held.images.items() if name in named}, keys=own)
    return tuple(held.changed)


def _root_agrees(draft: Draft, missing: list[str]) -> None:
    """A new root is signed by enough of the old ones' keys and by enough of its own."""
    if "root" not in draft.changed:
        return
    fresh = draft.changed["root"]
    for root in (fresh, draft.before.get("root", fresh)):
        try:
            root.verify_delegate("root", fresh)
        except (RepositoryError, ValueError) as exc:
            missing.append(f"root version {root.signed.version} does not vouch for it: {exc}")


def _whole(before: Lists, changed: Mapping[str, Metadata[Any]], everything: Sequence[Metadata[Any]]) -> None:
    by_type = {each.signed.type: each for each in everything if each.signed.type in ("snapshot", "timestamp")}
    verified(
        Lists(
            root=changed.get("root", before.root),
            targets=changed.get("targets", before.targets),
            firmware=changed.get(FIRMWARE, before.firmware),
            snapshot=by_type["snapshot"],
            timestamp=by_type["timestamp"],
        )
    )


def _signers(draft: Draft, role: str) -> dict[str, Key]:
    """Whose signatures count: of a new root, those of the old one too."""
    if role == "root":
        roots = [each["root"].signed for each in (draft.before, draft.changed) if "root" in each]
        return {key.keyid: key for root in roots for key in _of(root, "root")}
    if role == "targets":
        found = draft.changed.get("root") or draft.before["root"]
        return {key.keyid: key for key in _of(found.signed, "targets")}
    found = draft.changed.get("targets") or draft.before["targets"]
    delegations = found.signed.delegations
    return {keyid: delegations.keys[keyid] for keyid in delegations.roles[FIRMWARE].keyids}


def _needs(draft: Draft, role: str) -> int:
    if role == FIRMWARE:
        return int((draft.changed.get("targets") or draft.before["targets"]).signed.delegations.roles[FIRMWARE].threshold)
    return int((draft.changed.get("root") or draft.before["root"]).signed.roles[role].threshold)


def _valid(metadata: Metadata[Any], signers: Mapping[str, Key]) -> list[str]:
    found = []
    for keyid, key in signers.items():
        if keyid in metadata.signatures:
            try:
                key.verify_signature(metadata.signatures[keyid], metadata.signed_bytes)
            except Exception:  # noqa: BLE001, S112 - the library raises what it likes for a signature that is none
                continue
            found.append(keyid)
    return found


def _of(root: Root, role: str) -> list[Key]:
    return [root.keys[keyid] for keyid in root.roles[role].keyids]


def _exchange(signed: Any, role: str, remove: Sequence[str], add: Sequence[Key]) -> None:
    """Raises: ConfigError when a name is not there, or the role would not be left with enough keys."""
    where: Any = signed.delegations if signed.type == Targets.type else signed
    roles, held = where.roles, where.keys
    named = {keys.name_of(held[keyid]): keyid for keyid in roles[role].keyids}
    for name in remove:
        if name not in named:
            raise ConfigError(f"{role} has no key {name}", remedy=f"it has {', '.join(sorted(named))}")
        signed.revoke_key(named[name], role)
    for key in add:
        if key.keyid in held:
            raise ConfigError(f"the key {keys.name_of(key)} has a role already", remedy="draw another")
        signed.add_key(key, role)
    least = roles[role].threshold + (1 if role == "root" else 0)
    if len(roles[role].keyids) < least:
        raise ConfigError(f"{role} would be left with {len(roles[role].keyids)} keys", remedy=f"it needs {least}: --add another")


def _own(repository: Repository, role: str, drawn: Mapping[str, Key]) -> Key:
    """The server's key of `role`: of a ceremony that was not finished, or a new one."""
    for key in drawn.values():
        if keys.name_of(key).startswith(f"{role}-"):
            return key
    return keys.draw_online(repository.online, role)


def _key_changes(draft: Draft, role: str, about: Sequence[str]) -> list[str]:
    lines = []
    for each in about:
        now, was = _names(draft.changed, role, each), _names(draft.before, role, each)
        if now != was:
            lines.append(f"keys of {each}: {', '.join(now)}" + (f" (were {', '.join(was)})" if was else ""))
    return lines


def _names(held: Mapping[str, Metadata[Any]], role: str, about: str) -> list[str]:
    if role not in held:
        return []
    signed = held[role].signed
    where = signed.delegations if role == "targets" else signed
    return sorted(keys.name_of(where.keys[keyid]) for keyid in where.roles[about].keyids)


def _entries(draft: Draft) -> list[Any]:
    return list(draft.changed[FIRMWARE].signed.targets.values()) if FIRMWARE in draft.changed else []


def _told(entry: Any) -> firmware.Target:
    return firmware.told(entry.path, entry.length, entry.hashes.get("sha256"), entry.custom)


def _released(held: Lists) -> dict[str, firmware.Target]:
    return {name: _told(entry) for name, entry in held.firmware.signed.targets.items()}


def _below(target: firmware.Target) -> str:
    folder, _, name = target.name.rpartition("/")
    return f"{folder}/{target.sha256}.{name}"


def _list(path: Path) -> Metadata[Any]:
    if path.stat().st_size > _LARGEST_LIST:
        raise ValueError(f"{path.name} is too long")
    found: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
    wanted_type = {"root": Root, "targets": Targets, FIRMWARE: Targets}[path.stem]
    if not isinstance(found.signed, wanted_type):
        raise ReleasesUntrustedError(f"{path.name} is another kind of list", remedy="draft it again")
    if wanted_type is Targets and (found.signed.delegations is None) != (path.stem == FIRMWARE):
        raise ReleasesUntrustedError(f"{path.name} is another kind of list", remedy="draft it again")
    return found


def _write(
    stick: Path, kind: str, changed: Mapping[str, Metadata[Any]], before: Lists | None, images: Mapping[str, bytes], image_key: bytes
) -> None:
    """Raises: ConfigError when the folder holds something else."""
    if stick.exists() and any(stick.iterdir()) and not (stick / "draft.json").exists():
        raise ConfigError(f"{stick} holds other files", remedy="name an empty folder of the stick")
    try:
        for name in ("metadata", "targets", "trusted"):
            shutil.rmtree(stick / name, ignore_errors=True)
            (stick / name).mkdir(parents=True)
        base = {role: before.of(role).signed.version for role in OFFLINE} if before else dict.fromkeys(OFFLINE, 0)
        for role, metadata in changed.items():
            (stick / "metadata" / f"{role}.json").write_bytes(metadata.to_bytes(JSONSerializer(compact=False)))
        for role in OFFLINE if before else ():
            assert before is not None
            (stick / "trusted" / f"{role}.json").write_bytes(before.of(role).to_bytes(JSONSerializer(compact=False)))
        for name, content in images.items():
            (stick / "targets" / name).parent.mkdir(parents=True, exist_ok=True)
            (stick / "targets" / name).write_bytes(content)
        (stick / "image-key.pem").write_bytes(image_key)
        (stick / "draft.json").write_text(json.dumps({"format": FORMAT, "kind": kind, "base": base}) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"the stick {stick} cannot be written: {exc.strerror}", remedy="check that it is in, and has room") from exc
