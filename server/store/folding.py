"""What a search compares: text without case and marks, đ as d, so that "dị ứng" is found by "di ung". The one such function.

Must never be used to compare identities: two names that fold alike are still two names.
"""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Without case and marks, đ as d."""
    plain = unicodedata.normalize("NFD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).replace("đ", "d")


def like(text: str) -> str:
    """The pattern of a LIKE that finds `text` anywhere in a folded column; its escape is a backslash."""
    kept = folded(text.strip())
    for sign in ("\\", "%", "_"):
        kept = kept.replace(sign, f"\\{sign}")
    return f"%{kept}%"
