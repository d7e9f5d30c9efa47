"""Where each point of a held label is seen: a cylinder (a band on a wrist) or a plane, crinkled, turned in space, through a pinhole lens.

Millimetres; the camera looks along +z, x to the right, y down. Pixel (0, 0) is the middle of the first pixel. Both ways are exact:
`seen_at` from the label to the picture, `lies_at` from the picture to the label by casting rays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One wave of the crinkle: it moves points by `shift_mm` along (cos, sin) of `towards` and tips the surface by `slope`."""

    across: float
    down: float
    phase: float
    shift_mm: float
    towards: float
    slope: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """`turn` (3x3) has the label's u, v and outward directions as columns; `middle` is where (0, 0) of the label is. `radius_mm` None
    is a plane; the axis of a cylinder runs along v."""

    focal_px: float
    centre_px: tuple[float, float]
    turn: Any
    middle: Any
    radius_mm: float | None
    waves: tuple[Wave, ...] = ()

    def seen_at(self, points: Any) -> Any:
        """(..., 2) mm on the label to (..., 2) pixels."""
        flat = points.astype(np.float64)
        for _ in range(4):  # the crinkle is told from the smooth surface: found by going back and forth
            flat = points - self._stray(flat)
        u, v = flat[..., 0], flat[..., 1]
        if self.radius_mm is None:
            local = np.stack([u, v, np.zeros_like(u)], axis=-1)
        else:
            angle = u / self.radius_mm
            local = np.stack([self.radius_mm * np.sin(angle), v, self.radius_mm * (np.cos(angle) - 1)], axis=-1)
        space = local @ self.turn.T + self.middle
        return space[..., :2] / space[..., 2:] * self.focal_px + np.array(self.centre_px)

    def lies_at(self, x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
        """For pixels `x`, `y`: u and v on the label in mm, a number above 0 where the ray meets it, and the outward normal (..., 3)."""
        rays = np.stack([(x - self.centre_px[0]) / self.focal_px, (y - self.centre_px[1]) / self.focal_px, np.ones_like(x)], axis=-1)
        along = rays @ self.turn
        eye = -self.middle @ self.turn
        if self.radius_mm is None:
            steps = -eye[2] / np.where(np.abs(along[..., 2]) < 1e-9, -1e-9, along[..., 2])
            u, v = eye[0] + steps * along[..., 0], eye[1] + steps * along[..., 1]
            normal = np.zeros_like(along)
            normal[..., 2] = 1
            meets = steps
        else:
            radius = self.radius_mm
            a = along[..., 0] ** 2 + along[..., 2] ** 2
            b = eye[0] * along[..., 0] + (eye[2] + radius) * along[..., 2]
            c = eye[0] ** 2 + (eye[2] + radius) ** 2 - radius**2
            inside = b * b - a * c
            meets = inside
            steps = (-b - np.sqrt(np.maximum(inside, 0))) / a
            sideways, outward = eye[0] + steps * along[..., 0], eye[2] + radius + steps * along[..., 2]
            angle = np.arctan2(sideways, outward)
            u, v = radius * angle, eye[1] + steps * along[..., 1]
            normal = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=-1)
        flat = np.stack([u, v], axis=-1)
        tipped = normal.copy()
        for wave in self.waves:
            lean = wave.slope * np.cos(wave.across * u + wave.down * v + wave.phase)
            size = math.hypot(wave.across, wave.down) or 1.0
            tipped[..., 0] += lean * wave.across / size
            tipped[..., 1] += lean * wave.down / size
        tipped /= np.linalg.norm(tipped, axis=-1, keepdims=True)
        flat = flat + self._stray(flat)
        return flat[..., 0], flat[..., 1], meets, tipped @ self.turn.T

    def _stray(self, flat: Any) -> Any:
        stray = np.zeros_like(flat)
        for wave in self.waves:
            way = wave.shift_mm * np.sin(wave.across * flat[..., 0] + wave.down * flat[..., 1] + wave.phase)
            stray[..., 0] += way * math.cos(wave.towards)
            stray[..., 1] += way * math.sin(wave.towards)
        return stray


def turned(*, roll: float, pitch: float, yaw: float) -> Any:
    """The 3x3 of a label that faces the camera, tipped about its own u by `pitch` and v by `yaw`, then rolled in the picture (radians)."""
    facing = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -1]])  # u to the right, v down, outward towards the camera
    tip = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    side = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    spin = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    return spin @ facing @ tip @ side
