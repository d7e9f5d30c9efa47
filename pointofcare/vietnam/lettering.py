"""Vietnamese text as spreadsheets bring it: decomposed letters are put together, the old fonts TCVN3 and VNI are told apart.

A cell that was written for an old font ("Thuèc tiªm", "Thuoác tieâm") is never shown as it is nor turned round by guess: it is named,
and whoever has the file converts it.
"""

from __future__ import annotations

import re
import unicodedata

# TCVN3 puts letters where Unicode has signs; a sign between letters is no word in any language.
_TCVN3_SIGNS = re.compile(r"[a-zA-Z][µ¶·¸¹¨©ª«¬­®¾»¼½][a-z]|\b®[a-z¸µ¶·¹ªêÊËÌÎÏ]|[a-zA-Z][µ¶·¸¹¨©ª«¬­®¾»¼½]\b(?<![0-9]µ)")
_TCVN3_LETTERS = re.compile(r"[ÆÇËÎÏÑÖ×ØÜÞßåæçëîïñöøûüþÿ§]")
# VNI writes the mark as a letter of its own behind the vowel.
_VNI = re.compile(
    r"[aeouyAEOUY][ùøûïÙØÛÏ]|[aeoAEO]â|[aA]ê|[aeoAEO]õ|[aeoAEO][åäÅÄ]|[eEaA][áàÁÀ]|[aA][éèÉÈ]|[uU][oO][áàÁÀ]|ñ[aeiouyöôAEIOU]"
)
_VIETNAMESE = re.compile(r"[\u1ea0-\u1ef9ăđơưĂĐƠƯ]")
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def clean(text: str) -> str:
    """In one form of letters (NFC), with single plain blanks and nothing invisible."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_UNSEEN).split())


def old_font(text: str) -> str | None:
    """ "TCVN3" or "VNI" where the text was written for such a font; None: it was not, as far as one can see."""
    plain = unicodedata.normalize("NFC", text)
    if _VIETNAMESE.search(plain):
        return None
    if _TCVN3_SIGNS.search(plain):
        return "TCVN3"
    if _VNI.search(plain):
        return "VNI"
    return "TCVN3" if len(_TCVN3_LETTERS.findall(plain)) >= 2 else None
