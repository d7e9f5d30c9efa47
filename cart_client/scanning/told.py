"""What the readers tell the bedside loop: frozen values on its inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pointofcare.labels.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A symbol newly held before the camera: `at` when it was decoded, `frame_at` when its picture was taken, `beside` what else
    was in that picture, new or not."""

    symbol: Symbol
    at: datetime
    frame_at: datetime | None = None
    beside: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraTold:
    """Whether pictures come. `why` is the error's code when they do not. `fault` is what is wrong with the camera ("" for nothing), which
    may be so while pictures come, and `since` when it began, aware UTC."""

    live: bool
    why: str = ""
    source: str = ""
    fault: str = ""
    since: datetime | None = None
