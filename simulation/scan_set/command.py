"""`python -m simulation scan-set`: writes pictures and `manifest.csv` into a folder, the same ones for the same seed.

`pointofcare-cart read FOLDER` scores a reader on them. Must never write into a folder that holds something else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

import cv2

from cart_client.reading import manifest
from simulation.scan_set import negative, scene, shot
from simulation.scan_set.shot import Shot

VIEW_FRAMES = 30


def run(arguments: Sequence[str]) -> int:
    chosen = _parser().parse_args(arguments)
    folder: Path = chosen.out
    if folder.exists() and any(file.name != manifest.NAME and file.suffix not in {".jpg", ".png"} for file in folder.iterdir()):
        print(f"{folder} holds other files: give a new folder")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    started = time.perf_counter()
    entries = []
    for entry, jpeg in _pictures(chosen):
        (folder / entry.path).write_bytes(jpeg)
        entries.append(entry)
        if len(entries) % 50 == 0:
            print(f"{len(entries)} pictures", flush=True)
    manifest.write(folder, entries)
    took_s = time.perf_counter() - started
    print(f"{len(entries)} pictures and {manifest.NAME} in {folder}, {1000 * took_s / max(1, len(entries)):.0f} ms each")
    print(f"score them: pointofcare-cart read {folder} --compare")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pointofcare-demo scan-set", description="pictures of wristbands, packs and labels, with the truth"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same pictures (default: 1)")
    parser.add_argument("--scenes", type=int, default=300, help="the five levels take turns (default: 300)")
    parser.add_argument("--frames", type=int, default=1, help="pictures a scene, held by a trembling hand (default: 1)")
    parser.add_argument(
        "--arriving", type=int, default=0, metavar="N", help="N scenes as 30 pictures of a label being brought into view, too"
    )
    parser.add_argument("--negatives", type=int, default=0, metavar="N", help="N pictures without a code, too")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    return parser


def _pictures(chosen: argparse.Namespace) -> Iterator[tuple[manifest.Entry, bytes]]:
    for number in range(chosen.scenes):
        of = scene.draw(chosen.seed, number)
        for moment in range(chosen.frames):
            taken = shot.taken(of, moment)
            yield entry_of(taken, f"s{number:05d}-{moment}.jpg", moment), taken.jpeg
    for number in range(chosen.arriving):
        of = scene.draw(chosen.seed, number)
        for frame in range(VIEW_FRAMES):
            taken = shot.arriving(of, frame)
            yield entry_of(taken, f"v{number:05d}-{frame:02d}.jpg", frame), taken.jpeg
    for number in range(chosen.negatives):
        columns = {"level": "negative", "kind": negative.kind_of(number), "scene": "", "frame": "", "corners": ""}
        yield manifest.Entry(path=f"n{number:05d}.jpg", more=MappingProxyType(columns)), negative.taken(chosen.seed, number)


def entry_of(taken: Shot, path: str, frame: int) -> manifest.Entry:
    printed = taken.scene.label.printed
    columns = {
        "level": taken.scene.level.name,
        "kind": taken.scene.kind,
        "scene": str(taken.scene.number),
        "frame": str(frame),
        "corners": " ".join(f"{x:.1f},{y:.1f}" for x, y in taken.corners),
    }
    expected = manifest.Expected(symbology=printed.symbology, content=printed.content)
    return manifest.Entry(path=path, expected=(expected,), more=MappingProxyType(columns))
