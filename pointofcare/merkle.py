"""A Merkle tree over a growing log, as RFC 6962 (section 2.1) defines it: roots, proofs, and their verification.

It says whether one log is a true continuation of another and whether an entry is in it, to somebody who kept only a root. Must
never read or store anything: leaves come in as bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The complete subtrees of a log of `size` leaves, largest first: all that is needed to grow it and to tell its root."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def grown(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after these leaf hashes."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            node, level = leaf, size
            while level & 1:
                node = _node(hashes.pop(), node)
                level >>= 1
            hashes.append(node)
            size += 1
        return Frontier(size=size, hashes=tuple(hashes))

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = _node(left, node)
        return node

    def is_whole(self) -> bool:
        """Has it as many subtrees as its size asks for?"""
        return self.size >= 0 and len(self.hashes) == self.size.bit_count() and all(len(each) == 32 for each in self.hashes)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    return Frontier().grown(leaves).root()


def inclusion(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of the leaf at `index`. Raises: IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        split = low + _split(high - low)
        if index < split:
            path.append(root(leaves[split:high]))
            high = split
        else:
            path.append(root(leaves[low:split]))
            low = split
    return tuple(reversed(path))


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Does the path lead from this leaf at `index` of `size` leaves to the root `expected`?"""
    if not 0 <= index < size:
        return False
    node, place, last = leaf, index, size - 1
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = _node(step, node)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            node = _node(node, step)
        place >>= 1
        last >>= 1
    return last == 0 and node == expected


def consistency(leaves: Sequence[bytes], size: int) -> tuple[bytes, ...]:
    """The proof that the log of these leaf hashes continues the one of its first `size` leaves. Raises: IndexError."""
    if not 0 < size <= len(leaves):
        raise IndexError(size)
    path: list[bytes] = []
    low, high, whole = 0, len(leaves), True
    while size != high:
        split = low + _split(high - low)
        if size <= split:
            path.append(root(leaves[split:high]))
            high = split
        else:
            path.append(root(leaves[low:split]))
            low, whole = split, False
    if not whole:
        path.append(root(leaves[low:high]))
    return tuple(reversed(path))


def is_continued(old_size: int, old_root: bytes, size: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Does the proof show that the log with `new_root` continues the one with `old_root`?"""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not path and old_root == new_root
    steps = list(path)
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    place, last = old_size - 1, size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = _node(step, old), _node(step, new)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            new = _node(new, step)
        place >>= 1
        last >>= 1
    return last == 0 and old == old_root and new == new_root


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
