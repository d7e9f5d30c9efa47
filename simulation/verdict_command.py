"""`pointofcare-verdict`: bedside scenarios in, one verdict a scenario out.

Prints one JSON answer a line, in the order of the files, or with `--explain` sentences for a person. Exits 0 when every
`expect` holds, 1 when one does not, 2 when a file is not valid (naming file, path and remedy on stderr). Must never write a
file, and never stop at the first bad one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pointofcare.errors import MessageError
from pointofcare.scenario.answer import answer
from pointofcare.scenario.expectation import differences
from pointofcare.scenario.file import Scenario, scenarios
from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES, clinical
from pointofcare.texts.findings import sentence
from pointofcare.texts.sources import provenance
from pointofcare.verdict import engine
from pointofcare.verdict.finding import Verdict
from simulation import replay_command

MAX_FILE_BYTES = 64 * 1024 * 1024
HOLDS, DIFFERS, INVALID = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """The console script; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments and arguments[0] in ("replay", "what-if"):
        return _again(arguments[0], arguments[1:])
    options = _options(arguments)
    explain = options.explain or (sys.stdout.isatty() and not options.json)
    try:
        return run(options.paths, explain=explain, language=options.lang, out=sys.stdout, err=sys.stderr)
    except BrokenPipeError:  # the reader of a pipe went away: not our failure, but nothing was proved
        return _unread()


def _again(command: str, arguments: Sequence[str]) -> int:
    try:
        return replay_command.main(command, arguments, out=sys.stdout, err=sys.stderr)
    except BrokenPipeError:
        return _unread()


def _unread() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DIFFERS


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="pointofcare-verdict",
        description="Evaluate bedside scenarios. Exit code: 0 all expectations hold, 1 one does not, 2 a file is not valid.",
        epilog="pointofcare-verdict replay FILE computes stored verdicts again; pointofcare-verdict what-if --policy NEW.toml FILE says "
        "which another policy would have changed (a scenario file of such a name: ./replay). Each has its own --help.",
    )
    parser.add_argument("paths", nargs="+", metavar="FILE|FOLDER", help="scenario files (JSON), or folders of them")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--explain", action="store_true", help="sentences for a person (default on a terminal)")
    form.add_argument("--json", action="store_true", help="one JSON answer a line (default when not on a terminal)")
    parser.add_argument("--lang", choices=LANGUAGES, default=DEFAULT_LANGUAGE, help="language of --explain (default: %(default)s)")
    return parser.parse_args(argv)


@dataclass(slots=True)
class _Tally:
    shown: int = 0
    differing: int = 0
    unchecked: int = 0
    invalid: int = 0


def run(paths: Sequence[str], *, explain: bool, language: str, out: TextIO, err: TextIO) -> int:
    tally = _Tally()
    seen: dict[str, str] = {}
    for path in _files(paths, tally, err):
        try:
            found = scenarios(_text(path))
        except MessageError as fault:
            tally.invalid += 1
            _tell_invalid(path, fault, err)
            continue
        for scenario in found:
            if scenario.id in seen:
                print(
                    f"{path}: scenario id {scenario.id!r} was used before, in {seen[scenario.id]}; answers follow the order of the files",
                    file=err,
                )
            seen.setdefault(scenario.id, str(path))
            _evaluate(scenario, path, tally, explain=explain, language=language, out=out, err=err)
    if explain:
        _summary(tally, err)
    if tally.invalid:
        return INVALID
    return DIFFERS if tally.differing else HOLDS


def _evaluate(scenario: Scenario, path: Path, tally: _Tally, *, explain: bool, language: str, out: TextIO, err: TextIO) -> None:
    verdict = engine.evaluate(scenario.facts)
    answered = answer(scenario.id, scenario.facts, verdict, scenario.format)
    tally.shown += 1
    if explain:
        print(_explained(scenario, verdict, language), file=out)
    else:
        print(json.dumps(answered, ensure_ascii=False), file=out)
    if scenario.expect is None:
        tally.unchecked += 1
        return
    differing = differences(scenario.expect, answered)
    if differing:
        tally.differing += 1
        print(f"{path}: {scenario.id}: {'; '.join(differing)}", file=err)


def _files(paths: Sequence[str], tally: _Tally, err: TextIO) -> list[Path]:
    files: list[Path] = []
    for each in paths:
        path = Path(each)
        if path.is_dir():
            inside = sorted(found for found in path.rglob("*.json") if found.is_file())
            if not inside:
                tally.invalid += 1
                print(f"{path}: no scenario file (*.json) in this folder; name a file or another folder", file=err)
            files += inside
        else:
            files.append(path)
    return files


def _text(path: Path) -> str:
    """Raises: MessageError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise MessageError("too large", problems=(("(file)", f"is larger than {MAX_FILE_BYTES} bytes; split it"),))
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise MessageError("not readable", problems=(("(file)", f"cannot be read ({reason}); check the name and the rights"),)) from fault
    if len(content) > MAX_FILE_BYTES:
        raise MessageError("too large", problems=(("(file)", f"is larger than {MAX_FILE_BYTES} bytes; split it"),))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise MessageError("not text", problems=((f"byte {fault.start}", "is not UTF-8; save the file as UTF-8 JSON"),)) from fault


def _tell_invalid(path: Path, fault: MessageError, err: TextIO) -> None:
    for where, remedy in fault.problems or (("(file)", str(fault)),):
        print(f"{path}: {where}: {remedy}", file=err)


def _explained(scenario: Scenario, verdict: Verdict, language: str) -> str:
    words = clinical()
    names = {patient.id: f"{patient.name} ({patient.mrn})" for patient in scenario.facts.patients if patient.name}
    lines = [f"{scenario.id}: {words.text(language, f'level-{verdict.level.name}')}"]
    for finding in verdict.findings:
        what, remedy = sentence(language, finding, names)
        answered = f" ({words.text(language, 'satisfied')})" if finding.satisfied else ""
        lines.append(f"  {finding.rule:<4}{words.text(language, f'level-{finding.level.name}')}{answered}: {what}")
        if remedy:
            lines.append(f"        -> {remedy}")
        lines += [f"           {source}" for source in provenance(language, finding, lambda at: at.astimezone(scenario.facts.at.tzinfo))]
    return "\n".join(lines)


def _summary(tally: _Tally, err: TextIO) -> None:
    held = tally.shown - tally.differing - tally.unchecked
    print(
        f"{tally.shown} scenarios: {held} as expected, {tally.differing} differ, {tally.unchecked} without expectation; "
        f"{tally.invalid} invalid files",
        file=err,
    )


if __name__ == "__main__":
    raise SystemExit(main())
