"""Verifies an exported audit log, alone: nothing of this project is imported, so that a mistake there is not repeated here.

    python audit_check.py LOG.jsonl --key PUBLIC.jwk [--kept CHECKPOINTS.txt]

`LOG.jsonl` is what `pointofcare-server audit export` writes. `--kept` names statements (one a line) that somebody else kept, such
as a cart or a printed page: without one of them a log that was cut off at its end looks whole. It prints every fault and exits 1,
or says what was proven and exits 0.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey


@dataclass(slots=True)
class Result:
    """`entries` that were read, `checkpoints` that hold, `unsealed` entries after the last one, and every fault as a sentence."""

    entries: int = 0
    checkpoints: int = 0
    unsealed: int = 0
    faults: list[str] = field(default_factory=list)


def check(lines: Iterable[dict[str, Any]], key: OKPKey, kept: Iterable[str] = ()) -> Result:
    """Recomputes every leaf and every root. Never raises for what a log may hold."""
    result = Result()
    leaves: list[bytes] = []
    bad_places: list[int] = []
    statements: list[str] = []
    for line in lines:
        if "place" in line:
            _read_leaf(line, leaves, bad_places, result)
        elif "checkpoint" in line:
            statements.append(str(line["checkpoint"]))
        elif "unsealed" in line:
            result.unsealed += 1
        else:
            result.faults.append(f"a line that is none of the log's: {json.dumps(line)[:80]}")
    result.entries = len(leaves)
    told = [*((text, "the log") for text in statements), *((text, "who kept it") for text in kept)]
    wanted = []
    for text, origin in told:
        statement = _statement(text, key)
        if isinstance(statement, str):
            result.faults.append(f"a checkpoint from {origin} does not hold: {statement}")
        else:
            wanted.append((statement["size"], statement["root"], origin))
    _compare(sorted(wanted), leaves, bad_places, result)
    if leaves and not any(size == len(leaves) for size, _, origin in wanted if origin == "the log"):
        result.faults.append(f"no checkpoint covers the entries up to place {len(leaves) - 1}")
    return result


def _read_leaf(line: dict[str, Any], leaves: list[bytes], bad: list[int], result: Result) -> None:
    place, entry = line.get("place"), line.get("entry")
    if place != len(leaves):
        result.faults.append(
            f"place {len(leaves)} is missing: place {place} (audit id {line.get('audit_id')}) follows place {len(leaves) - 1}"
        )
        bad.append(len(leaves))
    told = str(line.get("hash", ""))
    if entry is None:
        result.faults.append(f"the entry at place {place} (audit id {line.get('audit_id')}) was removed")
        bad.append(len(leaves))
        leaves.append(bytes.fromhex(told) if len(told) == 64 else b"")
        return
    found = hashlib.sha256(b"\x00" + str(entry).encode("utf-8", "surrogatepass")).digest()
    if found.hex() != told:
        result.faults.append(f"the entry at place {place} (audit id {line.get('audit_id')}) was changed")
        bad.append(len(leaves))
    leaves.append(found)


def _statement(text: str, key: OKPKey) -> dict[str, Any] | str:
    try:
        found = jws.deserialize_compact(text.strip(), key, algorithms=["Ed25519"])
        if found.headers().get("typ") != "audit-checkpoint":
            return "it is another kind of statement"
        statement = json.loads(found.payload)
    except (JoseError, ValueError) as exc:
        return f"its signature does not verify ({type(exc).__name__})"
    if not isinstance(statement, dict) or not isinstance(statement.get("size"), int) or not isinstance(statement.get("root"), str):
        return "it says no size or no root"
    return statement


def _compare(wanted: list[tuple[int, str, str]], leaves: list[bytes], bad: list[int], result: Result) -> None:
    """Roots at rising sizes, in one pass over the leaves."""
    stack: list[tuple[int, bytes]] = []
    done = good = 0
    for size, root, origin in wanted:
        if size > len(leaves):
            result.faults.append(f"the log was cut off: a checkpoint from {origin} covers {size} entries, {len(leaves)} are here")
            continue
        for leaf in leaves[done:size]:
            stack.append((1, leaf))
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                (count, right), (_, left) = stack.pop(), stack.pop()
                stack.append((2 * count, hashlib.sha256(b"\x01" + left + right).digest()))
        done = max(done, size)
        if _root(stack).hex() == root:
            result.checkpoints += 1
            good = size
        else:
            named = [place for place in bad if place < size]
            where = f"places {named}" if named else f"somewhere in the places {good} to {size - 1}"
            result.faults.append(f"the first {size} entries are not those of the checkpoint from {origin}: {where}")


def _root(stack: list[tuple[int, bytes]]) -> bytes:
    if not stack:
        return hashlib.sha256(b"").digest()
    node = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        node = hashlib.sha256(b"\x01" + left + node).digest()
    return node


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="surrogatepass") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = json.loads(text)
            except ValueError:
                line = {"line": number}
            yield line if isinstance(line, dict) else {"line": number}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an exported audit log")
    parser.add_argument("log", type=Path)
    parser.add_argument("--key", type=Path, required=True, help="the server's public key as JWK")
    parser.add_argument("--kept", type=Path, help="checkpoints that somebody else kept, one a line")
    chosen = parser.parse_args(arguments)
    key = OKPKey.import_key(json.loads(chosen.key.read_text(encoding="utf-8")))
    kept = [line for line in chosen.kept.read_text(encoding="utf-8").splitlines() if line.strip()] if chosen.kept else []
    return report(check(read_lines(chosen.log), key, kept))


def report(result: Result) -> int:
    for fault in result.faults:
        sys.stderr.write(fault + "\n")
    told = f"{result.entries} entries, {result.checkpoints} checkpoints hold, {result.unsealed} not sealed yet"
    sys.stdout.write(f"{told}, {len(result.faults)} faults\n")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
