"""Where the facts of a finding come from, as sentences: the order's version, the scan, the measurement, the record, with its time.

Must never leave a source out: one without a time says that it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pointofcare.texts import clinical, written
from pointofcare.texts.findings import NOTHING, shown
from pointofcare.verdict.finding import FactSource, Finding


def provenance(language: str, finding: Finding, local: Callable[[datetime], datetime] | None = None) -> tuple[str, ...]:
    """One sentence a source, with the facts that come from it: "dose 500 mg: order O1 v3, 02/03/2026 08:00:00". `local` turns an
    instant into the ward's time."""
    by_source: dict[FactSource, list[str]] = {}
    for name, source in finding.sources.items():
        by_source.setdefault(source, []).append(name)
    values = shown(language, dict(finding.facts))
    return tuple(_sentence(language, source, names, values, local) for source, names in by_source.items())


def _sentence(
    language: str, source: FactSource, names: list[str], values: dict[str, object], local: Callable[[datetime], datetime] | None
) -> str:
    words = clinical()
    at = source.at if source.at is None or local is None else local(source.at)
    told = [name for name in names if name != "cause" and values.get(name) not in (None, NOTHING)]
    what = ", ".join(f"{name} = {values[name]}" for name in told) or ", ".join(names)
    parameters = {
        "what": what,
        "origin": words.text(language, f"origin-{source.origin}"),
        "ref": source.ref or NOTHING,
        "at": written.moment(language, at, seconds=True) if at is not None else NOTHING,
    }
    return words.text(language, "fact-source", parameters)
