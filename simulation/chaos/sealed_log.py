"""Recomputes the audit's Merkle log from its rows: every leaf, every root, every signature (RFC 6962, RFC 7515).

Written from the RFCs and docs/security.md, not from the product: it must notice when the product seals something else than it stores.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from simulation.chaos.evidence import Book, Row, Server

_TYPE = "audit-checkpoint"


def faults(server: Server, books: Mapping[str, Book]) -> Iterator[str]:
    """What does not hold, a sentence each; nothing when the log is whole."""
    rows = {row["id"]: row for row in server.audit}
    hashes: list[bytes] = []
    for leaf in server.leaves:
        if leaf["place"] != len(hashes):
            yield f"place {len(hashes)} of the audit is missing"
            return
        row = rows.get(leaf["audit_id"])
        if row is None:
            yield f"audit row {leaf['audit_id']} at place {leaf['place']} is gone"
            hashes.append(bytes.fromhex(leaf["hash"]))
            continue
        hashes.append(hashlib.sha256(b"\x00" + entry(row)).digest())
        if hashes[-1].hex() != leaf["hash"]:
            yield f"audit row {leaf['audit_id']} at place {leaf['place']} was changed after it was sealed"
    wanted = [(row["size"], row["root"], row["jws"], "the server's checkpoint") for row in server.checkpoints]
    for book in books.values():
        wanted += [(None, None, jws, f"a checkpoint that {book.cart} keeps") for jws in book.checkpoints]
    statements: list[tuple[int, str, str]] = []
    for size, root, jws, whose in wanted:
        said = statement(jws, server.key)
        if said is None:
            yield f"{whose} is not signed by the server's key"
        elif size is not None and (said.get("size"), said.get("root")) != (size, root):
            yield f"{whose} of {size} entries says something else than its row"
        else:
            statements.append((int(said["size"]), str(said["root"]), whose))
    yield from _roots(sorted(statements), hashes)


def entry(row: Mapping[str, Any]) -> bytes:
    """The bytes of one audit row that are hashed: canonical JSON."""
    told = {name: row[name] for name in ("id", "facility", "actor", "roles", "place", "action", "subject", "detail")}
    told["at"] = row["at"].isoformat(timespec="microseconds")
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def statement(jws: str, key: Row | None) -> Row | None:
    """What a compact JWS of the server says; None when it is not the server's, or of another kind."""
    try:
        head, body, signature = jws.strip().split(".")
        if key is None or json.loads(_bytes(head)).get("typ") != _TYPE:
            return None
        Ed25519PublicKey.from_public_bytes(_bytes(str(key["x"]))).verify(_bytes(signature), f"{head}.{body}".encode())
        return dict(json.loads(_bytes(body)))
    except (ValueError, KeyError, InvalidSignature):
        return None


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _roots(statements: list[tuple[int, str, str]], hashes: list[bytes]) -> Iterator[str]:
    """Whole subtrees from the left, largest first; two of one size make the next."""
    trees: list[tuple[int, bytes]] = []
    done = 0
    for size, root, whose in statements:
        if size > len(hashes):
            yield f"{whose} covers {size} entries, and the log has {len(hashes)}: it was cut off"
            continue
        for leaf in hashes[done:size]:
            trees.append((1, leaf))
            while len(trees) > 1 and trees[-2][0] == trees[-1][0]:
                (count, right), (_, left) = trees.pop(), trees.pop()
                trees.append((2 * count, hashlib.sha256(b"\x01" + left + right).digest()))
        done = max(done, size)
        node = trees[-1][1] if trees else hashlib.sha256(b"").digest()
        for _, left in reversed(trees[:-1]):
            node = hashlib.sha256(b"\x01" + left + node).digest()
        if node.hex() != root:
            yield f"the first {size} entries are not those of {whose}"
