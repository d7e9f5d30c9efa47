"""What the server's configuration says of the feed from the hospital's FHIR server, and of the times at which the hospital gives.

Values and the reading of their two sections; `server.config` puts them beside the others. Nothing here opens what it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

# Encounter.class of those who lie in a bed here: inpatient, acute, non-acute, emergency, observation, short stay.
CLASSES = ("IMP", "ACUTE", "NONAC", "EMER", "OBSENC", "SS")
SHORTEST_HOOK_SECRET = 32
# What `timing.repeat.when` of FHIR may say.
MOMENTS = frozenset(
    {"MORN", "MORN.early", "MORN.late", "NOON", "AFT", "AFT.early", "AFT.late", "EVE", "EVE.early", "EVE.late", "NIGHT", "PHS", "HS",
     "WAKE", "C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"}
)  # fmt: skip
# What [standard_times] may name: these, and how many times a day.
NAMES = frozenset({"QD", "BID", "TID", "QID", "AM", "PM", "BED", "QHS", *MOMENTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirFeedConfig:
    """`enabled`: orders and patients are read from the FHIR server at `base_url`, with the sign-in here; without a `base_url` from that
    of the EMR, with its sign-in. `every_s` between two looks; `overlap_s` is looked at twice, for a server shows what it stored a
    moment later; every `reconcile_min` all orders that hold are compared. `late_min` without a look that went well is an alarm.
    `lookback_h`: how far back the first look goes. What was taken is forgotten after `keep_days`. `classes` are the classes of
    encounters that are a stay. `hook_secret` signs what the server's Subscription sends to /feed/fhir/poll."""

    enabled: bool = False
    base_url: str | None = None
    token: str | None = field(default=None, repr=False)
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    token_key: Path | None = None
    token_audience: str | None = None
    scope: str | None = None
    every_s: int = 10
    overlap_s: int = 30
    reconcile_min: int = 15
    lookback_h: int = 24
    late_min: int = 5
    keep_days: int = 90
    classes: tuple[str, ...] = CLASSES
    hook_secret: str | None = field(default=None, repr=False)


class Reader(Protocol):
    """What takes settings out of the file and the environment."""

    problems: list[tuple[str, str]]

    def text(self, section: str, name: str, default: str | None = None) -> str | None: ...
    def number(self, section: str, name: str, default: int, *, least: int, most: int) -> int: ...
    def flag(self, section: str, name: str, default: bool) -> bool: ...
    def file(self, section: str, name: str, anchor: Path) -> Path | None: ...
    def take(self, section: str, name: str) -> object: ...
    def section(self, name: str) -> Mapping[str, object]: ...


def fhir_feed(reader: Reader, anchor: Path, *, emr_base_url: str | None, emr_target: str, training: bool) -> FhirFeedConfig:
    """The section [fhir_feed]; its faults are added to the reader's."""
    where = "fhir_feed"
    classes = reader.take(where, "classes")
    words = classes.split(",") if isinstance(classes, str) else _list(classes)
    if classes is not None and not isinstance(classes, str | list):
        reader.problems.append((f"{where}.classes", f"list some of {', '.join(CLASSES)}"))
    listed = CLASSES if classes is None else tuple(str(one).strip() for one in words)
    found = FhirFeedConfig(
        enabled=reader.flag(where, "enabled", False),
        base_url=reader.text(where, "base_url"),
        token=reader.text(where, "token"),
        token_url=reader.text(where, "token_url"),
        client_id=reader.text(where, "client_id"),
        client_secret=reader.text(where, "client_secret"),
        token_key=reader.file(where, "token_key", anchor),
        token_audience=reader.text(where, "token_audience"),
        scope=reader.text(where, "scope"),
        every_s=reader.number(where, "every_s", 10, least=1, most=3600),
        overlap_s=reader.number(where, "overlap_s", 30, least=10, most=3600),
        reconcile_min=reader.number(where, "reconcile_min", 15, least=1, most=1440),
        lookback_h=reader.number(where, "lookback_h", 24, least=1, most=8760),
        late_min=reader.number(where, "late_min", 5, least=1, most=1440),
        keep_days=reader.number(where, "keep_days", 90, least=7, most=3660),
        classes=listed,
        hook_secret=reader.text(where, "hook_secret"),
    )
    if not found.enabled:
        return found
    address = urlsplit(found.base_url or (emr_base_url if emr_target in ("fhir", "gnuhealth") else None) or "")
    if address.scheme not in ("http", "https") or not address.netloc:
        reader.problems.append((f"{where}.base_url", "must be the http(s) address of the FHIR server, where emr.base_url is none"))
    if not listed or not all(listed):
        reader.problems.append((f"{where}.classes", f"list some of {', '.join(CLASSES)}"))
    if found.hook_secret is not None and len(found.hook_secret) < SHORTEST_HOOK_SECRET:
        reader.problems.append((f"{where}.hook_secret", f"must have at least {SHORTEST_HOOK_SECRET} characters"))
    if found.base_url is None and any((found.token, found.token_url, found.client_id, found.client_secret, found.token_key)):
        reader.problems.append((f"{where}.base_url", "is missing: this sign-in is for no address; without it that of [emr] is used"))
    if training:
        reader.problems.append((f"{where}.enabled", "must be false where training = true: nobody here is a real patient"))
    return found


def standard_times(reader: Reader) -> Mapping[str, tuple[time, ...]]:
    """The section [standard_times]: `BID = ["08:00", "20:00"]`; its faults are added to the reader's."""
    where = "standard_times"
    found: dict[str, tuple[time, ...]] = {}
    for name in reader.section(where):
        value = reader.take(where, name)
        if name not in NAMES:
            reader.problems.append((f"{where}.{name}", f"is none of {', '.join(sorted(NAMES))}"))
            continue
        try:
            times = tuple(sorted(time.fromisoformat(str(each)) for each in _list(value)))
        except ValueError:
            times = ()
        if not times or len(set(times)) != len(times) or any(at.second or at.tzinfo for at in times):
            reader.problems.append((f"{where}.{name}", 'list the times of a day, such as ["08:00", "20:00"]'))
        else:
            found[name] = times
    return found


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []
