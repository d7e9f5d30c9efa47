"""How long a guess must wait: counted in the database, so that every process and every restart knows of it.

Three things are counted: a name in unknown browsers, a name in a browser in which that person has signed in before, and an address.
Whoever guesses at a nurse's name from elsewhere slows down strangers, never the nurse at the desk where she always signs in; and no
wait is longer than a quarter of an hour. A try is counted before it is judged: a hundred at once are a hundred.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app

from server.store import sign_ins
from server.store.sign_ins import Missed
from server.store.transaction import Actor, Transaction, transaction

# So many misses in a row are free; each further one doubles the wait.
FREE_OF_A_NAME = 8
FREE_OF_AN_ADDRESS = 40
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
PROGRAM = "sign-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guessed:
    """What one try is counted on. `staff` is the person whom the name names, "" for nobody; `browser` a digest, "" for none."""

    name: str
    staff: str = ""
    browser: str = ""
    address: str = ""


def begin(guessed: Guessed, what: str = "password") -> int:
    """Counts a try at `what` before it is judged; 0, or the seconds to wait: then it must not be judged at all."""
    with transaction(Actor(id=guessed.staff or PROGRAM, place=guessed.address)) as tx:
        known = bool(guessed.staff and guessed.browser) and sign_ins.knows_browser(tx, guessed.browser, guessed.staff)
        counted = [(subject, sign_ins.missed(tx, digest(subject)), free) for subject, free in _subjects(guessed, what, known=known)]
        waits = [before.locked_until - tx.at for _, before, _ in counted if before.locked_until is not None]
        longest = max(waits, default=timedelta(0))
        if longest > timedelta(0):
            return max(1, math.ceil(longest.total_seconds()))
        for subject, before, free in counted:
            _count(tx, guessed, subject, before, free)
    return 0


def passed(guessed: Guessed, what: str = "password") -> None:
    """The try was right: the name starts anew, and the address gets this one try back."""
    with transaction(Actor(id=guessed.staff or PROGRAM)) as tx:
        known = bool(guessed.staff and guessed.browser) and sign_ins.knows_browser(tx, guessed.browser, guessed.staff)
        for subject, _free in _subjects(guessed, what, known=known):
            before = sign_ins.missed(tx, digest(subject))
            left = max(0, before.failures - 1) if subject.startswith("address:") else 0
            sign_ins.put_missed(tx, digest(subject), Missed(failures=left, locked_until=None))


def digest(text: str) -> str:
    """Keyed with the site's secret, for names and cookies that must not be readable in the database."""
    key = hashlib.sha256(b"pointofcare sign-in digest" + str(current_app.config["SECRET_KEY"]).encode()).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def wait_after(failures: int, free: int) -> timedelta:
    """How long the next try waits after so many misses."""
    over = failures - free
    return timedelta(0) if over < 0 else min(FIRST_WAIT * 2 ** min(over, 10), LONGEST_WAIT)


def _subjects(guessed: Guessed, what: str, *, known: bool) -> list[tuple[str, int]]:
    """Subject and how many misses are free. In a browser that the person is known in nothing else counts."""
    if known:
        return [(f"browser:{what}:{guessed.browser}:{guessed.staff}", FREE_OF_A_NAME)]
    found = [(f"name:{what}:{guessed.name.strip().lower()[:255]}", FREE_OF_A_NAME)]
    if guessed.address:
        found.append((f"address:{guessed.address}", FREE_OF_AN_ADDRESS))
    return found


def _count(tx: Transaction, guessed: Guessed, subject: str, before: Missed, free: int) -> None:
    failures = before.failures + 1
    wait = wait_after(failures, free)
    sign_ins.put_missed(tx, digest(subject), Missed(failures=failures, locked_until=tx.at + wait if wait else None))
    if wait:
        kind = subject.split(":", 1)[0]
        # A name that nobody has may be a password typed into the wrong field: it is not written down.
        whom = f"staff/{guessed.staff}" if kind != "address" and guessed.staff else "sign-in"
        tx.audit("staff.locked", whom, {"counted": kind, "failures": failures, "wait_s": int(wait.total_seconds())})
