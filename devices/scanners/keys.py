"""What a scanner types as a keyboard, as the characters that were meant: key events of the kernel in, lines of bytes out. Pure.

Function 1 of GS1 has no key: scanners send it as Ctrl-], as F8, or as Alt with 029 on the keypad; all three are GS (0x1D) here. A key
that means no character here, one that is pressed while it is down, or events that the kernel had to drop spoil the line: half a symbol
is worse than none. Must never guess a character, or join what two scans typed.

Source: Linux input event codes; the layouts "us" and "fr" (AZERTY) of a PC keyboard.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
RELEASED, PRESSED, REPEATED = 0, 1, 2
GS = 0x1D
SHIFTS, CONTROLS, ALT, ALT_GR = frozenset({42, 54}), frozenset({29, 97}), 56, 100
ENDS = frozenset({28, 96, 15})  # Enter, that of the keypad, Tab
_CAPS_LOCK, _NUM_LOCK, F8, _RIGHT_BRACKET = 58, 69, 66, 27
_KEYPAD = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}
# The longest QR code.
LONGEST_BYTES = 4_296
BROKEN_AFTER_S = 1.0


class Layout(StrEnum):
    US = "us"
    AZERTY = "azerty"


def _row(first: int, *levels: str) -> dict[int, tuple[str, ...]]:
    """Keys of one row from code `first` on; a blank of the third level is no character."""
    return {first + place: tuple(level[place] for level in levels) for place in range(len(levels[0]))}


_US: Mapping[int, tuple[str, ...]] = {
    **_row(2, "1234567890-=", "!@#$%^&*()_+"),
    **_row(16, "qwertyuiop[]", "QWERTYUIOP{}"),
    **_row(30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    **_row(43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    57: (" ", " "),
}
_AZERTY: Mapping[int, tuple[str, ...]] = {
    **_row(2, "&é\"'(-è_çà)=", "1234567890°+", " ~#{[|`\\^@]}"),
    **_row(16, "azertyuiop", "AZERTYUIOP"),
    27: ("$", "£"),
    **_row(30, "qsdfghjklmù²", "QSDFGHJKLM%²"),
    **_row(43, "*wxcvbn,;:!", "µWXCVBN?./§"),
    57: (" ", " "),
    86: ("<", ">"),
}
LAYOUTS: Mapping[Layout, Mapping[int, tuple[str, ...]]] = {Layout.US: _US, Layout.AZERTY: _AZERTY}


class Keys:
    """The keyboard of one scanner. `take` is given every event of it, in order."""

    def __init__(self, layout: Layout) -> None:
        self._keys = LAYOUTS[layout]
        self._down: set[int] = set()
        self._held = bytearray()
        self._spoilt = False
        self._code = ""
        self._last_s: float | None = None

    def take(self, kind: int, code: int, value: int, at_s: float) -> bytes | None:
        """A whole line, without its end, when this event ended one that counts. `at_s` in seconds of one clock."""
        if kind == EV_SYN and code == SYN_DROPPED:
            self._spoilt = True
            self._down.clear()
            self._code = ""
            return None
        if kind != EV_KEY:
            return None
        if self._last_s is not None and not 0 <= at_s - self._last_s <= BROKEN_AFTER_S and (self._held or self._spoilt):
            self._held.clear()
            self._spoilt = True  # the rest of a line that was cut is not a line of its own
        self._last_s = at_s
        if value == PRESSED:
            return self._press(code)
        if value == RELEASED:
            self._release(code)
        return None  # a key that is held down types nothing more: no scanner means that

    def _press(self, code: int) -> bytes | None:
        if code in self._down:
            self._spoilt = True  # its release was lost, and perhaps more
        self._down.add(code)
        if code in SHIFTS or code in CONTROLS or code in (ALT, ALT_GR, _CAPS_LOCK, _NUM_LOCK):
            self._code = "" if code == ALT else self._code
            return None
        if code in ENDS and not self._down & {ALT, ALT_GR, *CONTROLS}:
            return self._end()
        told = self._meant(code)
        if told is None:
            self._spoilt = True
        elif len(self._held) < LONGEST_BYTES:
            self._held += told
        else:
            self._spoilt = True
        return None

    def _release(self, code: int) -> None:
        self._down.discard(code)
        if code == ALT and self._code:
            number, self._code = int(self._code), ""
            if 0 < number < 0x80 and len(self._held) < LONGEST_BYTES:
                self._held.append(number)
            else:
                self._spoilt = True

    def _meant(self, code: int) -> bytes | None:
        """The bytes of a key with what is held down beside it, None for what is not a character."""
        if ALT in self._down:
            digit = _KEYPAD.get(code)
            if digit is None or len(self._code) >= 4:
                return None
            self._code += digit
            return b""
        levels = self._keys.get(code, ())
        if self._down & CONTROLS:
            ends = ALT_GR not in self._down and code == _RIGHT_BRACKET
            return bytes([GS]) if ends or "]" in levels else None
        if code == F8:
            return bytes([GS])
        if code in _KEYPAD:
            return _KEYPAD[code].encode()
        level = 2 if ALT_GR in self._down else 1 if self._down & SHIFTS else 0
        text = levels[level] if level < len(levels) else ""
        if not text.isascii() or not text or (level == 2 and text == " "):
            return None
        return text.encode()

    def _end(self) -> bytes | None:
        line, spoilt = bytes(self._held), self._spoilt
        self._held.clear()
        self._spoilt = False
        return line if line and not spoilt else None
