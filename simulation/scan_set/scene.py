"""One scene: what is held, how it is held, in what light; and how a hand's trembling and its coming nearer change that.

A `Scene` is drawn from (seed, number) alone, a `Hold` from a scene and a moment. Must never look at what the symbol says.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from simulation.scan_set import levels, prints
from simulation.scan_set.levels import Level
from simulation.scan_set.surface import Surface, Wave, turned

SIZES = ((1280, 720), (1920, 1080))
STEEPEST_RAD = math.radians(64)  # a code around a wrist is not held so that its end is out of sight
TREMBLE_RAD = math.radians(1.0)
TREMBLE_PX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Angles in radians, `at_px` where the symbol's middle is seen. `key` names the scene to every generator of chance."""

    key: str
    number: int
    level: Level
    kind: str
    label: prints.Label
    size: tuple[int, int]
    focal_px: float
    module_px: float
    radius_mm: float | None
    roll: float
    pitch: float
    yaw: float
    at_px: tuple[float, float]
    waves: tuple[Wave, ...]
    defocus_modules: float
    motion_modules: float
    electrons: float
    exposure: float
    glare: float
    light: tuple[float, float, float]
    occluded: bool
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A scene at one moment: `surface` in front of the lens, and what the lens does to it, in pixels."""

    surface: Surface
    defocus_px: float
    motion_px: float
    motion_rad: float


@lru_cache(maxsize=4)
def draw(seed: int, number: int) -> Scene:
    """Scene `number` (from 0) of the endless set of `seed`: the levels take turns, then the kinds."""
    level = levels.LEVELS[number % len(levels.LEVELS)]
    round_number = number // len(levels.LEVELS)
    kinds = levels.kinds()
    return of_kind(f"{seed} {number}", number, level, kinds[round_number % len(kinds)], small=round_number % 2 == 0)


def of_kind(key: str, number: int, level: Level, kind: str, *, small: bool = True, roll_deg: float | None = None) -> Scene:
    """A scene of one kind and level. `small` asks for 1280x720, which a symbol too large for it does not get."""
    rng = random.Random(f"scene {key}")
    printed = prints.contents(kind, rng)
    band = kind.endswith("-band")
    radius_mm = rng.uniform(*level.radius_mm) if band else None
    label = prints.label(kind, printed, rng, radius_mm=radius_mm, dead_share=level.dead_share)
    module_px = rng.uniform(*level.module_px)
    roll = math.radians(roll_deg) if roll_deg is not None else _roll(rng, level)
    pitch, yaw = _tilt(rng, level, label, radius_mm)
    wide = _seen_width_px(label, radius_mm, module_px)
    reach = (abs(math.cos(roll)) * wide[0] + abs(math.sin(roll)) * wide[1], abs(math.sin(roll)) * wide[0] + abs(math.cos(roll)) * wide[1])
    size = SIZES[0] if small and reach[0] < SIZES[0][0] * 0.9 and reach[1] < SIZES[0][1] * 0.9 else SIZES[1]
    spare = [max(0.0, size[axis] * 0.94 - reach[axis]) / 2 for axis in (0, 1)]
    at_px = (size[0] / 2 + rng.uniform(-1, 1) * spare[0] * 0.9, size[1] / 2 + rng.uniform(-1, 1) * spare[1] * 0.9)
    side = rng.uniform(0, 2 * math.pi)
    height = rng.uniform(0.35, 0.9)
    return Scene(
        key=key,
        number=number,
        level=level,
        kind=kind,
        label=label,
        size=size,
        focal_px=rng.uniform(1.2, 1.7) * size[0],
        module_px=module_px,
        radius_mm=radius_mm,
        roll=roll,
        pitch=pitch,
        yaw=yaw,
        at_px=at_px,
        waves=_crinkle(rng, rng.uniform(*level.crinkle_modules) * label.module_mm),
        defocus_modules=rng.uniform(*level.defocus_modules),
        motion_modules=_mostly_little(rng, level.motion_modules),
        electrons=rng.uniform(*level.electrons),
        exposure=rng.uniform(0.62, 0.98),
        glare=rng.uniform(*level.glare) * label.gloss,
        light=(math.cos(side) * math.sqrt(1 - height**2), math.sin(side) * math.sqrt(1 - height**2), -height),
        occluded=rng.random() < level.occluded_share,
        quality=rng.randrange(80, 96),
    )


def held(scene: Scene, moment: int = 0) -> Hold:
    """The scene as it is `moment` frames of trembling later; moment 0 is the scene itself."""
    rng = random.Random(f"hold {scene.key} {moment}")
    shake = [rng.gauss(0, 1) if moment else 0.0 for _ in range(5)]
    angles = {name: getattr(scene, name) + TREMBLE_RAD * shake[place] for place, name in enumerate(("roll", "pitch", "yaw"))}
    at_px = (scene.at_px[0] + TREMBLE_PX * shake[3], scene.at_px[1] + TREMBLE_PX * shake[4])
    module_px = scene.module_px * (1 + (rng.uniform(-0.02, 0.02) if moment else 0))
    change = rng.uniform(0.85, 1.15) if moment else 1.0
    return _hold(
        scene,
        angles,
        at_px,
        module_px,
        defocus_px=scene.defocus_modules * change * module_px,
        motion_px=scene.motion_modules * (rng.uniform(0.6, 1.3) if moment else 1.0) * module_px,
        motion_rad=rng.uniform(0, math.pi),
    )


def arriving(scene: Scene, at_s: float, *, settle_s: float = 0.35, exposure_s: float = 1 / 120) -> Hold:
    """The label on its way into view, `at_s` after it came over the picture's edge: fast and out of focus at first, then at rest."""
    rng = random.Random(f"arriving {scene.key}")
    way = rng.uniform(0, 2 * math.pi)
    left = math.exp(-at_s / settle_s)
    start_px = 0.9 * scene.size[0]
    tremble = held(scene, 1 + round(at_s * 30))
    speed = start_px * left / settle_s
    at_px = (scene.at_px[0] + math.cos(way) * start_px * left, scene.at_px[1] + math.sin(way) * start_px * left)
    module_px = scene.module_px * (1 - 0.45 * left)
    angles = {"roll": scene.roll + 0.5 * left, "pitch": scene.pitch + 0.4 * left, "yaw": scene.yaw - 0.3 * left}
    return _hold(
        scene,
        angles,
        at_px,
        module_px,
        defocus_px=(scene.defocus_modules + 0.9 * left) * module_px,
        motion_px=math.hypot(speed * exposure_s, tremble.motion_px),
        motion_rad=way if speed * exposure_s > tremble.motion_px else tremble.motion_rad,
    )


def _hold(
    scene: Scene,
    angles: dict[str, float],
    at_px: tuple[float, float],
    module_px: float,
    *,
    defocus_px: float,
    motion_px: float,
    motion_rad: float,
) -> Hold:
    away_mm = scene.focal_px * scene.label.module_mm / module_px
    centre = ((scene.size[0] - 1) / 2, (scene.size[1] - 1) / 2)
    middle = np.array([(at_px[0] - centre[0]) / scene.focal_px * away_mm, (at_px[1] - centre[1]) / scene.focal_px * away_mm, away_mm])
    surface = Surface(
        focal_px=scene.focal_px, centre_px=centre, turn=turned(**angles), middle=middle, radius_mm=scene.radius_mm, waves=scene.waves
    )
    return Hold(surface=surface, defocus_px=defocus_px, motion_px=motion_px, motion_rad=motion_rad)


def outline(scene: Scene, hold: Hold) -> Any:
    """The symbol's corners in the picture, (4, 2), clockwise from its own top left, quiet zone left out."""
    wide, high = scene.label.width_mm / 2, scene.label.height_mm / 2
    return hold.surface.seen_at(np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]]))


def _roll(rng: random.Random, level: Level) -> float:
    if not level.upright:
        return rng.uniform(0, 2 * math.pi)
    lean = max(-level.tilt_deg, min(level.tilt_deg, rng.gauss(0, level.tilt_deg / 2)))
    return math.radians(rng.choice((0, 90, 180, 270)) + lean)


def _tilt(rng: random.Random, level: Level, label: prints.Label, radius_mm: float | None) -> tuple[float, float]:
    """(pitch, yaw), together at most the level's tilt."""
    size = math.radians(_mostly_little(rng, (0, level.tilt_deg)))
    way = rng.uniform(0, 2 * math.pi)
    pitch, yaw = size * math.cos(way), size * math.sin(way)
    if radius_mm is not None:
        most = max(0.0, STEEPEST_RAD - label.width_mm / 2 / radius_mm)
        yaw = max(-most, min(most, yaw))
    return pitch, yaw


def _seen_width_px(label: prints.Label, radius_mm: float | None, module_px: float) -> tuple[float, float]:
    px_per_mm = module_px / label.module_mm
    wide = label.width_mm if radius_mm is None else 2 * radius_mm * math.sin(min(math.pi / 2, label.width_mm / 2 / radius_mm))
    return (wide * px_per_mm, label.height_mm * px_per_mm)


def _mostly_little(rng: random.Random, span: tuple[float, float]) -> float:
    """All of `span` happens, its lower third most: hands are steady more often than not."""
    return min(rng.uniform(*span), rng.uniform(*span))


def _crinkle(rng: random.Random, stray_mm: float) -> tuple[Wave, ...]:
    waves = []
    for _ in range(3):
        length_mm, way = rng.uniform(10, 35), rng.uniform(0, math.pi)
        size = 2 * math.pi / length_mm
        shift = stray_mm * rng.uniform(0.3, 0.8)
        waves.append(
            Wave(
                across=size * math.cos(way),
                down=size * math.sin(way),
                phase=rng.uniform(0, 2 * math.pi),
                shift_mm=shift,
                towards=rng.uniform(0, 2 * math.pi),
                slope=min(0.25, 3.0 * shift * size + 0.02),
            )
        )
    return tuple(waves)
