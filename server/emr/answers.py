"""What an EMR's HTTP answer means: retry, retry a few times, or a person. One function, decided by status and FHIR issue codes.

Never by message text. Servers answer 400 for a fault of the bundle and also while their own database is away, so a 400 is
poison only when it says what is wrong and where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pointofcare.errors import EmrError, EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from server.emr.port import EmrUnclearError

RETRY_STATUS = frozenset({401, 408, 409, 425, 429, 503})
# hl7.org/fhir/R4/valueset-issue-type.html: the EMR's own trouble.
TRANSIENT_CODES = frozenset({"transient", "timeout", "lock-error", "throttled", "conflict", "exception", "no-store"})
SEVERAL_CODES = frozenset({"multiple-matches", "duplicate"})
CONTENT_CODES = frozenset({"structure", "required", "value", "invariant", "code-invalid", "business-rule", "extension"})


def meaning(status: int, body: object, headers: Mapping[str, str] | None = None, *, has_match: bool = False) -> EmrError:
    """The error that an answer other than success stands for. `body` is the parsed JSON, None when there was none. `has_match`: the
    request was only for one version of a resource (If-Match)."""
    issues = _issues(body)
    codes = {str(issue.get("code", "")) for issue in issues}
    fields: dict[str, Any] = {"status": status, "issue": _words(issues)}
    told = f"the EMR answered {status}" + (f": {fields['issue']}" if fields["issue"] else "")
    if status == 412 and has_match and not codes & SEVERAL_CODES:
        # Somebody changed it between our look and our change: look again.
        return EmrUnavailableError(told, **fields)
    if status == 412:
        return EmrRejectedError(told, remedy="more than one resource has this identifier: remove the wrong one", **fields)
    if status == 403:
        return EmrRejectedError(told, remedy="give this server the right to write administrations in the EMR", **fields)
    if status in RETRY_STATUS:
        return EmrUnavailableError(told, retry_after_s=retry_after_s(headers or {}), **fields)
    if status >= 500:
        return EmrOutcomeUnknownError(told, **fields)
    if codes & TRANSIENT_CODES:
        return EmrUnavailableError(told, retry_after_s=retry_after_s(headers or {}), **fields)
    if status in (400, 422) and any(_names_a_fault(issue) for issue in issues):
        return EmrRejectedError(told, remedy="correct what it names, then send it again", **fields)
    return EmrUnclearError(told, **fields)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After`, or from `t=` of `RateLimit`; None when neither says."""
    lowered = {name.lower(): value for name, value in headers.items()}
    after = lowered.get("retry-after", "").strip()
    if after.isascii() and after.isdigit():
        return float(after)
    window = re.search(r"\bt=(\d{1,6})\b", lowered.get("ratelimit", ""), re.ASCII)
    return float(window.group(1)) if window else None


def _issues(body: object) -> list[Mapping[str, Any]]:
    if not isinstance(body, dict) or body.get("resourceType") != "OperationOutcome":
        return []
    listed = body.get("issue")
    return [issue for issue in listed if isinstance(issue, dict)] if isinstance(listed, list) else []


def _names_a_fault(issue: Mapping[str, Any]) -> bool:
    return issue.get("code") in CONTENT_CODES and bool(issue.get("expression") or issue.get("location"))


def _words(issues: list[Mapping[str, Any]]) -> str:
    """For a person: what the EMR said, shortened; it may repeat our content, so it goes to the worklist and not to a log."""
    words = []
    for issue in issues[:3]:
        details = issue.get("details")
        text = issue.get("diagnostics") or (details.get("text") if isinstance(details, dict) else None) or issue.get("code")
        words.append(str(text)[:200])
    return "; ".join(words)
