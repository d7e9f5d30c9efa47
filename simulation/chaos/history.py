"""`python -m simulation.chaos.history RUN [--json FILE]`: was anything lost, doubled, out of order, stuck or forged?

Compares what the nurses did with the carts' journals, the server's database, the EMR and the audit. It and what it imports use no
line of the product. Every finding is printed with its ids; counts and findings are written to `RUN/history.json` (or FILE).
Ends with 0 when there is none, 1 when there is one, 2 when the evidence cannot be read: then nothing is known.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulation.chaos import comparison, evidence
from simulation.chaos.comparison import Finding
from simulation.chaos.evidence import Evidence, EvidenceError

_SHOWN = 200


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation.chaos.history", description=__doc__)
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--json", type=Path, help="where the verdict goes (default: history.json in the run's folder)")
    chosen = parser.parse_args(arguments)
    try:
        seen = evidence.read(chosen.run)
    except EvidenceError as exc:
        sys.stderr.write(f"the history cannot be read: {exc}\n")
        return 2
    findings = comparison.compare(seen)
    (chosen.json or chosen.run / "history.json").write_text(json.dumps(verdict(seen, findings), indent=1) + "\n", encoding="utf-8")
    for finding in findings[:_SHOWN]:
        print(sentence(finding))
    if len(findings) > _SHOWN:
        print(f"... and {len(findings) - _SHOWN} more")
    counts = Counter(finding.kind for finding in findings)
    print(", ".join(f"{kind.replace('_', ' ')} {counts[kind]}" for kind in comparison.KINDS))
    return 1 if findings else 0


def sentence(finding: Finding) -> str:
    ids = ", ".join(f"{name} {value}" for name, value in finding.ids.items())
    return f"{finding.kind}: {finding.what}" + (f" ({ids})" if ids else "")


def verdict(seen: Evidence, findings: Sequence[Finding]) -> dict[str, Any]:
    """`compared` says how much was looked at: a verdict over nothing is none."""
    counts = Counter(finding.kind for finding in findings)
    return {
        "ok": not findings,
        **{kind: counts[kind] for kind in comparison.KINDS},
        "compared": {
            "acts": len(seen.diary),
            "called_recorded": sum(act.said == "recorded" for act in seen.diary),
            "never_told": len({act.record or act.line for act in seen.diary if act.said == "unknown"}),
            "journals": len(seen.books),
            "journal_rows": sum(len(book.entries) for book in seen.books.values()),
            "administrations": len(seen.server.administrations),
            "attempts": len(seen.server.attempts),
            "observations": len(seen.server.observations),
            "discrepancies": len(seen.server.discrepancies),
            "emr_records": len(seen.emr.resources),
            "audit_rows": len(seen.server.audit),
            "audit_sealed": len(seen.server.leaves),
            "leases_running": sum(row["cart"] is not None for row in seen.server.leases),
        },
        "findings": [{"kind": each.kind, "what": each.what, "ids": dict(each.ids)} for each in findings],
    }


if __name__ == "__main__":
    sys.exit(main())
