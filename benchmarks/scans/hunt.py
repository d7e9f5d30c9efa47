"""Looks for misreads: tens of thousands of frames, each read once by the cart's own reader. One misread is one too many.

To be cheap, a scene is drawn once and seen at three moments, two of them by a sensor that shows the symbol's surroundings alone (which is
where a misread would come from). Resumable: the state is saved after every hundred frames. Must never call a frame clean that was not read.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.scans import readers
from simulation.scan_set import negative, scene, shot
from simulation.scan_set.scene import Scene

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
    broken: list[int] = field(default_factory=list)
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
        if moment:
            of = close(of, random.Random(f"close {state.seed} {number}"))
        image, content, level = shot.taken(of, moment).image, of.label.printed.content, of.level.name
    outcome = read(image, number + 1)
    if outcome.broke:
        print(f"BROKE frame {number} {level}: {outcome.broke}", flush=True)
        state.broken.append(number)
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


def close(of: Scene, rng: random.Random) -> Scene:
    """The same hold seen by a sensor of the symbol's size and a little more; sometimes so near the edge that a part of the symbol is lost,
    which must not become another text."""
    corners = scene.outline(of, scene.held(of))
    wide, high = (float(side) for side in np.ptp(corners, axis=0))
    size = (round(wide * rng.uniform(1.2, 2.0)) + 40, round(high * rng.uniform(1.2, 2.0)) + 40)
    slack = ((size[0] - wide) / 2, (size[1] - high) / 2)
    stray = 1.15 if rng.random() < 0.3 else 0.9
    at_px = tuple(size[axis] / 2 + rng.uniform(-1, 1) * slack[axis] * stray for axis in (0, 1))
    return replace(of, key=f"{of.key} close", size=(min(1920, size[0]), min(1920, size[1])), at_px=(at_px[0], at_px[1]))


def _decoded(jpeg: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
