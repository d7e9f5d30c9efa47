"""Looks for misreads: tens of thousands of frames, each read once by the cart's own reader. One misread is one too many.

To be cheap, a scene is drawn once and seen at several moments, and part of the frames are cut to the symbol's surroundings (which is where
a misread would come from). Resumable: the state is saved after every hundred frames. Must never call a frame clean that was not read.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.scans import readers
from simulation.scan_set import negative, scene, shot

STATE = Path(__file__).parents[1] / "results"
MOMENTS = 3
NEGATIVE_SHARE = 10  # one in ten
SAVE_EVERY = 100


@dataclass(slots=True, kw_only=True)
class State:
    seed: int
    decoder: str = "cascade"
    done: int = 0
    read: int = 0
    negatives: int = 0
    by_level: dict[str, list[int]] = field(default_factory=dict)
    misreads: list[dict[str, Any]] = field(default_factory=list)
    cpu_s: float = 0.0


def hunt(count: int, seed: int, *, decoder: str = "cascade", folder: Path = STATE) -> State:
    """Frames 1 to `count` of `seed`; goes on where an earlier run ended. A misread's frame is kept beside the state."""
    cv2.setNumThreads(1)
    folder.mkdir(exist_ok=True)
    file = folder / f"hunt-{decoder}-{seed}.json"
    state = State(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else State(seed=seed, decoder=decoder)
    read = readers.ours(decoder)
    started = time.monotonic()
    begun_at = state.done
    while state.done < count:
        _one(state, read, folder)
        if state.done % SAVE_EVERY == 0 or state.done == count:
            file.write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
        if state.done % (5 * SAVE_EVERY) == 0 or state.done == count:
            each_ms = 1000 * (time.monotonic() - started) / (state.done - begun_at)
            print(f"{state.done} of {count}: {state.read} read, {len(state.misreads)} misread, {each_ms:.0f} ms a frame", flush=True)
    return state


def _one(state: State, read: readers.Reader, folder: Path) -> None:
    number = state.done
    if number % NEGATIVE_SHARE == NEGATIVE_SHARE - 1:
        jpeg = negative.taken(state.seed, number // NEGATIVE_SHARE)
        image, content, level = _decoded(jpeg), None, "negative"
    else:
        place, moment = divmod(number, MOMENTS)
        of = scene.draw(state.seed, place)
        taken = shot.taken(of, moment)
        image, content, level = taken.image, of.label.printed.content, of.level.name
        if moment:  # two of three are cut
            image = _cut(image, taken.corners, random.Random(f"cut {state.seed} {number}"))
    outcome = read(image, number + 1)
    wrong = outcome.found - ({content} if content is not None else set())
    tally = state.by_level.setdefault(level, [0, 0])
    tally[0] += 1
    tally[1] += content in outcome.found
    state.read += content in outcome.found
    state.negatives += content is None
    state.cpu_s += outcome.ms / 1000
    state.done += 1
    if wrong:
        kept = f"misread-{state.decoder}-{state.seed}-{number}.png"
        cv2.imwrite(str(folder / kept), image)
        said = [text.decode("utf-8", "replace") for text in sorted(wrong)]
        true = content.decode("utf-8", "replace") if content is not None else ""
        state.misreads.append({"frame": number, "level": level, "true": true, "said": said, "file": kept})
        print(f"MISREAD frame {number} {level}: said {said}, printed {true!r}; kept as {folder / kept}", flush=True)


def _cut(image: Any, corners: Any, rng: random.Random) -> Any:
    """The symbol's surroundings; sometimes so close that a part of it is lost, which must not become another text."""
    height, width = image.shape[:2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = float((high - low).max())
    pads = [size * rng.uniform(-0.06 if rng.random() < 0.3 else 0.1, 0.6) for _ in range(4)]
    left, top = max(0, int(low[0] - pads[0])), max(0, int(low[1] - pads[1]))
    right, bottom = min(width, int(high[0] + pads[2])), min(height, int(high[1] + pads[3]))
    return np.ascontiguousarray(image[top:bottom, left:right]) if right - left > 20 and bottom - top > 20 else image


def _decoded(jpeg: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
