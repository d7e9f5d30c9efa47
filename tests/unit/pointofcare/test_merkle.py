"""The Merkle tree of RFC 6962: known roots, and proofs that hold for the true log and for no other."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare import merkle

# The test vectors of Certificate Transparency's reference implementation: entries and the root of the first n of them.
ENTRIES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def _leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def test_roots_are_those_of_the_reference_vectors() -> None:
    leaves = [merkle.leaf_hash(entry) for entry in ENTRIES]
    assert tuple(merkle.root(leaves[: n + 1]).hex() for n in range(len(leaves))) == ROOTS
    assert merkle.root([]) == hashlib.sha256(b"").digest()


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_log_that_grows_in_pieces_has_the_root_of_the_whole(first: int, second: int) -> None:
    leaves = _leaves(first + second)
    grown = merkle.Frontier().grown(leaves[:first]).grown(leaves[first:])
    assert grown.root() == merkle.root(leaves)
    assert grown.is_whole()
    assert grown.size == len(leaves)


@given(st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))), st.data())
def test_an_inclusion_proof_holds_for_its_own_leaf_and_place_only(where: tuple[int, int], data: st.DataObject) -> None:
    size, index = where
    leaves = _leaves(size)
    path, top = merkle.inclusion(leaves, index), merkle.root(leaves)
    assert merkle.is_included(leaves[index], index, size, path, top)
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index) if size > 1 else st.just(1))
    assert not merkle.is_included(leaves[index], other, size, path, top)
    assert not merkle.is_included(merkle.leaf_hash(b"forged"), index, size, path, top)
    assert not merkle.is_included(leaves[index], index, size, (*path, top), top)
    assert not path or not merkle.is_included(leaves[index], index, size, path[:-1], top)


@given(st.integers(1, 40).flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size))), st.integers(0, 39))
def test_a_consistency_proof_holds_for_a_true_continuation_only(sizes: tuple[int, int], changed: int) -> None:
    old, size = sizes
    leaves = _leaves(size)
    proof = merkle.consistency(leaves, old)
    before, now = merkle.root(leaves[:old]), merkle.root(leaves)
    assert merkle.is_continued(old, before, size, now, proof)
    forged = list(leaves)
    forged[changed % old] = merkle.leaf_hash(b"forged")
    assert not merkle.is_continued(old, before, size, merkle.root(forged), merkle.consistency(forged, old))
    assert not merkle.is_continued(old, merkle.root(forged[:old]), size, now, proof)
    assert not merkle.is_continued(old, before, size, now, (*proof, now))


def test_nothing_is_proven_about_places_that_are_not_there() -> None:
    leaves = _leaves(3)
    with pytest.raises(IndexError):
        merkle.inclusion(leaves, 3)
    with pytest.raises(IndexError):
        merkle.consistency(leaves, 0)
    assert not merkle.is_included(leaves[0], 3, 3, (), merkle.root(leaves))
    assert not merkle.is_continued(0, merkle.EMPTY_ROOT, 3, merkle.root(leaves), ())
    assert not merkle.is_continued(4, merkle.root(leaves), 3, merkle.root(leaves), ())
    assert not merkle.is_continued(3, merkle.root(leaves), 5, merkle.root(_leaves(5)), ())
