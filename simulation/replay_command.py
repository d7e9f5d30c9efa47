"""`pointofcare-verdict replay FILE` and `pointofcare-verdict what-if --policy NEW FILE`: stored verdicts, judged again.

A file holds one stored verdict, or one a line, as `pointofcare-server export-verdicts` writes them, or a cart's message. Replay exits
0 when every verdict is the same again, 1 when one differs, 2 when a file or a verdict in it cannot be judged. Must never write a
file, and never stop at the first bad one.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from pointofcare.errors import MessageError, PointOfCareError
from pointofcare.verdict import engine
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy
from pointofcare.wire import recompute, values, what_if
from pointofcare.wire.recompute import Replayed, StoredVerdict
from pointofcare.wire.what_if import WhatIf

SAME, DIFFERS, INVALID = 0, 1, 2
MAX_LINE_BYTES = 4_000_000
SHOWN_RECORDS = 8


def parser(command: str) -> argparse.ArgumentParser:
    replaying = command == "replay"
    made = argparse.ArgumentParser(
        prog=f"pointofcare-verdict {command}",
        description=(
            "Compute stored verdicts again. Exit code: 0 all the same, 1 one differs, 2 one cannot be judged."
            if replaying
            else "Say which stored verdicts another policy would have changed. Exit code: 0 all judged, 1 some not, 2 a file is not valid."
        ),
    )
    made.add_argument("files", nargs="+", type=Path, metavar="FILE", help="stored verdicts: JSON, or JSON lines of export-verdicts")
    made.add_argument("--json", action="store_true", help="for a program")
    if not replaying:
        made.add_argument("--policy", type=Path, required=True, metavar="NEW.toml", help="the hospital's policy file to try")
        made.add_argument(
            "--ward-policy", action="append", default=[], metavar="WARD=FILE.toml", help="a ward's own policy file over it; may be repeated"
        )
        made.add_argument("--all", action="store_true", help="name every record, not only the first of each kind of change")
    return made


def main(command: str, arguments: Sequence[str], *, out: TextIO, err: TextIO) -> int:
    options = parser(command).parse_args(list(arguments))
    reader = _Reader(options.files, err)
    if command == "replay":
        return _replay(reader, as_json=options.json, out=out, err=err)
    try:
        policy_of = _policies(options.policy, options.ward_policy)
    except (PointOfCareError, OSError, UnicodeDecodeError) as exc:
        _tell(options.policy, exc, err)
        return INVALID
    return _what_if(reader, policy_of, as_json=options.json, every=options.all, out=out)


class _Reader:
    """Stored verdicts of files, one by one; `faults` counts what could not be read, each told on `err`."""

    def __init__(self, files: Sequence[Path], err: TextIO) -> None:
        self._files, self._err, self.faults = files, err, 0

    def __iter__(self) -> Iterator[StoredVerdict]:
        for path in self._files:
            for place, text in self._texts(path):
                try:
                    yield recompute.read(values.parsed(text, limit_bytes=MAX_LINE_BYTES))
                except MessageError as exc:
                    self.faults += 1
                    _tell(place, exc, self._err)

    def _texts(self, path: Path) -> Iterator[tuple[str, bytes]]:
        try:
            with path.open("rb") as file:
                if not path.name.endswith(".jsonl"):
                    yield str(path), file.read(MAX_LINE_BYTES + 1)
                    return
                for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), 1):
                    if line.strip():
                        yield f"{path}:{number}", line
        except OSError as exc:
            self.faults += 1
            _tell(path, exc, self._err)


def _replay(reader: _Reader, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    counts: Counter[str] = Counter()
    for stored in reader:
        done = recompute.replay(stored)
        kind = "unknown" if done.differences is None else "same" if done.is_same else "differs"
        counts[kind] += 1
        print(json.dumps(_replay_json(done), ensure_ascii=False) if as_json else _replay_text(done), file=out)
    print(
        f"{counts.total()} verdicts: {counts['same']} the same, {counts['differs']} differ, {counts['unknown']} could not be judged; "
        f"{reader.faults} not read",
        file=err,
    )
    if counts["unknown"] or reader.faults or not counts.total():
        return INVALID
    return DIFFERS if counts["differs"] else SAME


def _replay_json(done: Replayed) -> dict[str, object]:
    stored = done.stored
    return {
        "record_id": stored.record_id,
        "kind": stored.kind,
        "ward": stored.ward,
        "at": stored.at.isoformat(),
        "policy": stored.policy,
        "engine": stored.engine,
        "engine_now": done.engine,
        "same": None if done.differences is None else done.is_same,
        "why": done.why,
        "differences": [{"rule": one.rule, "what": one.what, "stored": one.stored, "now": one.now} for one in done.differences or ()],
    }


def _replay_text(done: Replayed) -> str:
    stored = done.stored
    engines = f"engine {stored.engine}" if done.same_engine else f"engine {stored.engine}, now {done.engine}"
    at = stored.at.isoformat(timespec="seconds")
    head = f"{stored.record_id}  {stored.kind}  {stored.ward}  {at}  {stored.level}  {engines}, policy {stored.policy}"
    if done.differences is None:
        return f"NOT JUDGED  {head}\n    {done.why}"
    if done.is_same:
        return f"SAME        {head}"
    titles = {check.rule.id: check.rule.title for check in engine.CHECKS}
    lines = [f"DIFFERS     {head}" + ("" if not done.same_engine else "; the engine is the same: report this")]
    for one in done.differences:
        what = {"gone": f"said {one.stored}, now says nothing", "new": f"said nothing, now says {one.now}"}.get(
            one.what, f"{one.what}: {_short(one.stored)} -> {_short(one.now)}"
        )
        lines.append(f"    {one.rule or 'verdict':<8}{what}" + (f"   ({titles[one.rule]})" if one.rule in titles else ""))
    return "\n".join(lines)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."


def _policies(hospital: Path, wards: Sequence[str]) -> what_if.PolicyOf:
    """Raises: PointOfCareError with every fault of a file; OSError."""
    from pointofcare.policies import layers, reading

    whole = reading.read(hospital.read_text(encoding="utf-8"))
    common = layers.layered(whole)
    own: dict[str, Policy] = {}
    for each in wards:
        ward, _, name = each.partition("=")
        if not ward or not name:
            raise MessageError(
                f"{each!r} names no ward", remedy="write --ward-policy WARD=FILE.toml", problems=(("--ward-policy", "WARD=FILE.toml"),)
            )
        own[ward] = layers.layered(whole, reading.read(Path(name).read_text(encoding="utf-8")))
    return lambda ward: own.get(ward, common)


def _what_if(reader: _Reader, policy_of: what_if.PolicyOf, *, as_json: bool, every: bool, out: TextIO) -> int:
    found = what_if.ask(reader, policy_of)
    version = policy_of("").version
    print(json.dumps(as_plain(found, version), ensure_ascii=False) if as_json else _what_if_text(found, version, every=every), file=out)
    if reader.faults or not found.stored:
        return INVALID
    return DIFFERS if found.unknown else SAME


def as_plain(found: WhatIf, policy: str) -> dict[str, object]:
    return {
        "policy": policy,
        "stored": found.stored,
        "judged": found.judged,
        "changed": len(found.changes),
        "levels": [{"from": before.name, "to": after.name, "count": count} for (before, after), count in found.by_level.most_common()],
        "rules": [
            {
                "rule": rule,
                "from": before.name,
                "to": after.name,
                "count": count,
                "wards": dict(Counter(each.ward for each in found.of_rule(rule, before, after))),
                "records": [each.record_id for each in found.of_rule(rule, before, after)],
            }
            for (rule, before, after), count in found.by_rule.most_common()
        ],
        "unknown": dict(found.unknown),
    }


def _what_if_text(found: WhatIf, policy: str, *, every: bool) -> str:
    lines = [
        f"policy {policy}, engine {engine.VERSION}: {found.judged} of {found.stored} verdicts judged",
        f"{len(found.changes)} would have changed" + (f": {_levels(found.by_level)}" if found.by_level else ""),
    ]
    if found.by_ward:
        lines.append("by ward: " + ", ".join(f"{ward} {count}" for ward, count in found.by_ward.most_common()))
    for (rule, before, after), count in found.by_rule.most_common():
        changes = found.of_rule(rule, before, after)
        wards = ", ".join(f"{ward} {number}" for ward, number in Counter(each.ward for each in changes).most_common())
        shown = changes if every else changes[:SHOWN_RECORDS]
        more = "" if len(shown) == len(changes) else f" and {len(changes) - len(shown)} more (--all)"
        lines.append(f"  {rule:<5}{before.name:>8} -> {after.name:<8}{count:>6}   {wards}")
        lines.append(f"        {' '.join(each.record_id for each in shown)}{more}")
    for why, count in Counter(found.unknown.values()).most_common():
        records = [record for record, reason in found.unknown.items() if reason == why][:SHOWN_RECORDS]
        lines.append(f"  not judged: {count}, {why}: {' '.join(records)}")
    return "\n".join(lines)


def _levels(counts: Counter[tuple[Level, Level]]) -> str:
    return ", ".join(f"{before.name} -> {after.name} {count}" for (before, after), count in counts.most_common())


def _tell(place: object, fault: Exception, err: TextIO) -> None:
    problems = getattr(fault, "problems", ()) or (("", str(fault)),)
    for where, what in problems:
        print(": ".join(part for part in (str(place), where, what) if part), file=err)
