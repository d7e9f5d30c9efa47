"""Five levels of difficulty, and which kinds of symbol a set of sixty scenes holds. The figures are lengths in modules of the symbol,
so that a level is as hard for a small code as for a large one."""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """`module_px` is the size of a module in the picture seen from the front; `motion` the way of a shaking hand while the shutter is open;
    `electrons` what white paper gives to a pixel; `crinkle` how far the surface strays from its cylinder or plane, in modules;
    `dead_share` of the labels come from a printer with broken dots."""

    name: str
    module_px: Span
    tilt_deg: float
    defocus_modules: Span
    motion_modules: Span
    electrons: Span
    occluded_share: float
    radius_mm: Span
    crinkle_modules: Span
    glare: Span
    dead_share: float
    upright: bool = False


LEVELS: tuple[Level, ...] = (
    Level(
        name="L1", module_px=(4.0, 5.0), tilt_deg=8, defocus_modules=(0.05, 0.15), motion_modules=(0, 0), electrons=(6000, 9000),
        occluded_share=0, radius_mm=(33, 35), crinkle_modules=(0, 0.1), glare=(0, 0.15), dead_share=0, upright=True,
    ),
    Level(
        name="L2", module_px=(3.2, 4.0), tilt_deg=18, defocus_modules=(0.10, 0.22), motion_modules=(0, 0.4), electrons=(2500, 5000),
        occluded_share=0, radius_mm=(30, 35), crinkle_modules=(0.05, 0.2), glare=(0, 0.3), dead_share=0.15,
    ),
    Level(
        name="L3", module_px=(2.6, 3.3), tilt_deg=26, defocus_modules=(0.15, 0.30), motion_modules=(0, 0.6), electrons=(1000, 2500),
        occluded_share=0.2, radius_mm=(28, 34), crinkle_modules=(0.1, 0.3), glare=(0, 0.4), dead_share=0.2,
    ),
    Level(
        name="L4", module_px=(2.0, 2.6), tilt_deg=35, defocus_modules=(0.22, 0.36), motion_modules=(0.2, 0.9), electrons=(400, 1000),
        occluded_share=0.4, radius_mm=(26, 32), crinkle_modules=(0.1, 0.4), glare=(0, 0.45), dead_share=0.25,
    ),
    Level(
        name="L5", module_px=(1.5, 2.0), tilt_deg=42, defocus_modules=(0.28, 0.45), motion_modules=(0.3, 1.2), electrons=(150, 500),
        occluded_share=0.6, radius_mm=(25, 28), crinkle_modules=(0.15, 0.5), glare=(0, 0.5), dead_share=0.3,
    ),
)  # fmt: skip

# Of sixty scenes of a level.
MIX: dict[str, int] = {"dm-band": 16, "dm-blister": 14, "c128-band": 12, "c128-label": 4, "ean-label": 4, "qr-band": 5, "cccd-qr": 5}


def kinds() -> tuple[str, ...]:
    """The sixty kinds of a level, spread so that any few in a row hold about the same mix."""
    placed = [((number + 0.5) / count, kind) for kind, count in MIX.items() for number in range(count)]
    return tuple(kind for _place, kind in sorted(placed))
