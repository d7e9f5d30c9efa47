"""Two sheets of pictures for the documents: what the cart's reader reads, and what it does not. Made from a seed by the reader itself."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.scans import readers
from simulation.scan_set import levels, scene, shot

TILE = (400, 300)
COLUMNS = 4
MOST_SCENES = 400
QUALITY = 72


def drawn(folder: Path, seed: int) -> list[Path]:
    """Writes read.webp (four a level, of different kinds where there are any) and unread.webp (twelve, the easiest levels first)."""
    folder.mkdir(parents=True, exist_ok=True)
    read = readers.ours()
    right: dict[str, dict[str, Any]] = defaultdict(dict)
    missed: list[tuple[str, Any]] = []
    for number in range(MOST_SCENES):
        taken = shot.taken(scene.draw(seed, number))
        content = taken.scene.label.printed.content
        image = taken.image
        level, kind = taken.scene.level.name, taken.scene.kind
        if content in read(image, number + 1).found:
            if kind not in right[level] and len(right[level]) < COLUMNS:
                right[level][kind] = _tile(taken, image, (0, 170, 0))
        elif sum(name == level for name, _tile_ in missed) < 2 * COLUMNS:
            missed.append((level, _tile(taken, image, (0, 0, 210))))
        if all(len(right[one.name]) >= COLUMNS for one in levels.LEVELS[:-1]) and len(missed) >= 4 * COLUMNS:
            break
    rows = [list(right[one.name].values()) for one in levels.LEVELS if right[one.name]]
    hard = [tile for _level, tile in sorted(missed, key=lambda pair: pair[0])][: 3 * COLUMNS]
    unread = [hard[start : start + COLUMNS] for start in range(0, len(hard), COLUMNS)]
    return [_sheet(folder / "read.webp", rows), _sheet(folder / "unread.webp", unread)]


def _tile(taken: shot.Shot, image: Any, colour: tuple[int, int, int]) -> Any:
    """The symbol's surroundings with its true corners, and how hard it is."""
    low, high = taken.corners.min(axis=0), taken.corners.max(axis=0)
    middle, reach = (low + high) / 2, max(120.0, float((high - low).max()) * 0.75)
    wide, tall = reach * 2, reach * 2 * TILE[1] / TILE[0]
    if tall < float((high - low)[1]) * 1.2:
        tall = float((high - low)[1]) * 1.2
        wide = tall * TILE[0] / TILE[1]
    scale = TILE[0] / wide
    matrix = np.array([[scale, 0, TILE[0] / 2 - middle[0] * scale], [0, scale, TILE[1] / 2 - middle[1] * scale]])
    tile = cv2.warpAffine(image, matrix, TILE, flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    corners = taken.corners * scale + matrix[:, 2]
    grown = corners.mean(axis=0) + (corners - corners.mean(axis=0)) * 1.12
    cv2.polylines(tile, [np.rint(grown).astype(np.int32).reshape(-1, 1, 2)], True, colour, 2, cv2.LINE_AA)
    told = f"{taken.scene.level.name}  {taken.scene.label.printed.symbology}  {taken.scene.module_px:.1f} px a module"
    cv2.rectangle(tile, (0, 0), (TILE[0], 24), (30, 30, 30), -1)
    cv2.putText(tile, told, (8, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def _sheet(file: Path, rows: list[list[Any]]) -> Path:
    blank = np.full((TILE[1], TILE[0], 3), 245, np.uint8)
    lines = [np.hstack([*row, *[blank] * (COLUMNS - len(row))]) for row in rows]
    sheet = np.vstack(lines) if lines else blank
    cv2.imwrite(str(file), sheet, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return file
