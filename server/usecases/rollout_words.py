"""Why a cart is not updating, as one sentence: code and parameters, a reader's language, the ward's clock. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from pointofcare.fleet.why import Reason

_WORDS: Mapping[str, str] = {"step": "rollout-step"}
_SELF_TEST = "selftest-"
_UNANSWERED = "selftest-unanswered"  # no part of it: nobody answered


def sentence(reason: Reason, *, text: Callable[..., str], word: Callable[[str, object], str], moment: Callable[[datetime], str]) -> str:
    """`text` gives the text of a code with parameters, `word` the word for a code of a kind, `moment` a moment as people read it."""
    told: dict[str, object] = {}
    for name, value in reason.parameters.items():
        if isinstance(value, datetime):
            told[name] = moment(value)
        elif name == "why":
            told[name] = cause(str(value), word) if value else ""
        elif name in _WORDS:
            told[name] = word(_WORDS[name], value) if value else ""
        else:
            told[name] = value
    code = reason.code
    if code == "in-progress" and "percent" in told and told.get("step"):
        code = "in-progress-percent"
    if code == "offline" and "since" not in told:
        code = "never-heard"
    return text(f"rollout-why-{code}", **told)


def cause(code: str, word: Callable[[str, object], str]) -> str:
    """The words for what a cart gave as the reason. Of a self-test it names the part that failed, as the microcontroller calls it."""
    if not code.startswith(_SELF_TEST) or code == _UNANSWERED:
        return word("rollout-cause", code)
    part = code.removeprefix(_SELF_TEST)
    said = word("rollout-cause", "self-test")
    return said if part == "failed" else f"{said} ({part})"
