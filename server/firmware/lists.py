"""The signed lists themselves: what a first one holds, what the next one changes, and the two that the server signs by itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from securesystemslib.signer import CryptoSigner, Key
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from pointofcare import firmware
from pointofcare.errors import ConfigError
from pointofcare.firmware import Target
from server.firmware.repository import FIRMWARE, IMAGE_KEY_FIELD, PATHS, Lists, key_hash

LIFETIMES: Mapping[str, timedelta] = {
    "root": timedelta(days=365),
    "targets": timedelta(days=365),
    FIRMWARE: timedelta(days=180),
    "snapshot": timedelta(days=7),
    "timestamp": timedelta(days=1),
}
LEAST_ROOT_THRESHOLD = 2


def first_root(roots: Sequence[Key], threshold: int, *, others: Mapping[str, Key], at: datetime) -> Metadata[Root]:
    """`others`: the keys of targets, snapshot and timestamp. Raises: ConfigError when the keys would not do what they are for."""
    ids = [key.keyid for key in roots]
    if threshold < LEAST_ROOT_THRESHOLD or len(set(ids)) != len(ids) or len(ids) <= threshold:
        raise ConfigError(
            f"{len(set(ids))} root keys of which {threshold} sign will not do",
            remedy=f"at least {LEAST_ROOT_THRESHOLD} must sign, and there must be one more, for the day when one is lost",
        )
    if len({*ids, *(key.keyid for key in others.values())}) != len(ids) + len(others):
        raise ConfigError("one key stands for two roles", remedy="draw a key for each role")
    root = Root(expires=at + LIFETIMES["root"], consistent_snapshot=True)
    for key in roots:
        root.add_key(key, "root")
    for role, key in others.items():
        root.add_key(key, role)
    root.roles["root"].threshold = threshold
    return Metadata(root)


def first_targets(firmware_key: Key, *, image_key: bytes, at: datetime) -> Metadata[Targets]:
    """It names no file itself: everything under `PATHS` is the firmware role's, and of nobody asked after it. It names who may sign
    images."""
    role = DelegatedRole(FIRMWARE, [], 1, True, paths=list(PATHS))
    targets = Targets(expires=at + LIFETIMES["targets"], delegations=Delegations({}, {FIRMWARE: role}))
    targets.add_key(firmware_key, FIRMWARE)
    targets.unrecognized_fields[IMAGE_KEY_FIELD] = key_hash(image_key)
    return Metadata(targets)


def name_paths(targets: Targets) -> None:
    """What the firmware role may sign, as a list of today says it: one of before knew microcontrollers alone."""
    if targets.delegations is not None and targets.delegations.roles is not None:
        targets.delegations.roles[FIRMWARE].paths = list(PATHS)


def first_firmware(*, at: datetime) -> Metadata[Targets]:
    return Metadata(Targets(expires=at + LIFETIMES[FIRMWARE]))


def succeeding(before: Metadata[Any], role: str, *, at: datetime) -> Metadata[Any]:
    """The next version of a list, the same but for version and expiry, signed by nobody yet."""
    signed = copy.deepcopy(before.signed)
    signed.version += 1
    signed.expires = at + LIFETIMES[role]
    return Metadata(signed)


def entry(target: Target, *, notes: str, released_at: datetime) -> TargetFile:
    said = {**firmware.custom(target), "notes": notes, "released_at": released_at.isoformat()}
    return TargetFile(target.length, {"sha256": target.sha256}, target.name, {"custom": said})


def signed_online(
    before: Lists | None, changed: Mapping[str, Metadata[Any]], signers: Mapping[str, CryptoSigner], *, at: datetime, snapshot: bool = True
) -> list[Metadata[Any]]:
    """The new timestamp, and with `snapshot` the new snapshot, over `changed` and what was there. Raises: ConfigError without the
    server's own keys."""
    root: Root = (changed.get("root") or (before.root if before else None) or changed["root"]).signed
    fresh: list[Metadata[Any]] = []
    if snapshot or before is None:
        versions = {role: (changed[role] if role in changed else before.of(role)).signed.version for role in ("targets", FIRMWARE)}  # type: ignore[union-attr] # the first has all of them
        told = Snapshot(
            version=before.snapshot.signed.version + 1 if before else 1,
            expires=at + LIFETIMES["snapshot"],
            meta={f"{role}.json": MetaFile(version) for role, version in versions.items()},
        )
        fresh.append(_signed(Metadata(told), root, "snapshot", signers))
    snapshot_version = fresh[0].signed.version if fresh else before.snapshot.signed.version  # type: ignore[union-attr] # as above
    timestamp = Timestamp(
        version=before.timestamp.signed.version + 1 if before else 1,
        expires=at + LIFETIMES["timestamp"],
        snapshot_meta=MetaFile(snapshot_version),
    )
    fresh.append(_signed(Metadata(timestamp), root, "timestamp", signers))
    return fresh


def _signed(metadata: Metadata[Any], root: Root, role: str, signers: Mapping[str, CryptoSigner]) -> Metadata[Any]:
    held = [signers[keyid] for keyid in root.roles[role].keyids if keyid in signers]
    if not held:
        raise ConfigError(
            f"this server has no {role} key that the root knows", remedy=f"rotate it: pointofcare-server firmware rotate {role}"
        )
    for signer in held:
        metadata.sign(signer, append=True)
    return metadata
