"""The cart's own condition: whom it reaches, which lease it holds, how its clock and camera are. Owned by the bedside loop.

What is not known stays None. Every time is that of the cart's own clock, never of the machine's wall clock. A lease is counted on a
clock that nobody sets, so that it can never outlive what the server said.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from cart_client.chart import Chart
from cart_client.clock import CartClock, Reading
from cart_client.doubt import DOUBTFUL_FOR
from cart_client.inbox import LeaseTold, Link
from cart_client.journal import Journal
from cart_client.scanning import CameraTold
from cart_client.screen import Strip
from pointofcare.administration.conclusion import Place
from pointofcare.administration.session import AT_PATIENT, Session
from pointofcare.errors import JournalError
from pointofcare.people import Nurse
from pointofcare.verdict.facts import Cart, Lease, ShownOrder
from pointofcare.wire.messages import LeaseAction, LeaseAsked

LEASE_RENEW_S = 120.0
_NO_LEASE = LeaseTold(patient="", lease=Lease.NONE)


class Condition:
    """Plain fields that the loop sets; `shown` are the order versions on the screen (rule D5)."""

    def __init__(
        self,
        *,
        cart: str,
        facility: str,
        ward: str,
        chart: Chart,
        journal: Journal,
        ask_lease: Callable[[LeaseAsked], None],
        mono_s: Callable[[], float],
        clock: CartClock,
    ) -> None:
        self.clock = clock
        self._cart, self._facility, self._ward, self._chart, self._journal = cart, facility, ward, chart, journal
        self._ask_lease, self._mono_s = ask_lease, mono_s
        self.link = Link.OFFLINE
        # Kinds of tables of which the server signed a newer one that this program cannot read: a newer release wrote it.
        self.not_understood: frozenset[str] = frozenset()
        self.camera = CameraTold(live=False, why="camera-starting")
        self.journal_fault = ""
        self.battery_percent: int | None = None
        self.shown: tuple[ShownOrder, ...] = ()
        self._lease = _NO_LEASE
        self._lease_asked_mono_s = 0.0
        self._lease_wanted = False  # a session with a patient is open

    @property
    def cart(self) -> str:
        return self._cart

    @property
    def online(self) -> bool:
        """Whether what the server knows is known here. With a table that nobody here understands it is not, whatever the line does."""
        return self.link is Link.ONLINE and not self.not_understood

    def table_came(self, kind: str, why: str) -> bool:
        """A table was taken, or refused with `why`. Whether that is news."""
        before = self.not_understood
        self.not_understood = before | {kind} if why == "unreadable" else before if why else before - {kind}
        return self.not_understood != before or bool(why and why != "unreadable")

    def _judged_offset_s(self, reading: Reading) -> float | None:
        """What rule T6 judges: as measured; None when it is not known, which asks; offline, what is known to be wrong by enough to stop."""
        if reading.offset_s is None and not self.online and reading.behind_s > self._chart.policy().clock_stop.total_seconds():
            return -reading.behind_s
        return reading.offset_s

    def show_orders(self, patient: str | None, now: datetime) -> None:
        orders = self._chart.orders_of(patient, now) if patient is not None else ()
        self.shown = tuple(ShownOrder(order=order.id, version=order.version) for order in orders)

    # The lease of the patient whose session is open.

    def lease(self) -> LeaseTold:
        """As it is now: one that ran out is none, and so is one that was granted with a newer chart than is here."""
        lease = self._lease
        ran_out = lease.until_mono_s is None or self._mono_s() >= lease.until_mono_s
        if lease.lease is Lease.HELD and (ran_out or self.waits_for_chart):
            return replace(lease, lease=Lease.NONE, fence=None)
        return lease

    @property
    def waits_for_chart(self) -> bool:
        """The lease was granted, and what was recorded before that is not in this chart yet."""
        version = self._lease.chart_version
        return self._lease.lease is Lease.HELD and version is not None and version > self._chart.version()

    @property
    def lease_pending(self) -> bool:
        """The server is there, a patient is on the screen, and this cart has not got the lease."""
        return self.online and self._lease_wanted and self.lease().lease is Lease.NONE

    def lease_told(self, told: LeaseTold, patient: str | None, nurse: Nurse | None = None) -> None:
        """An answer about another patient than the one whose session is open came too late."""
        if told.patient != patient:
            return
        before, self._lease = self._lease, told
        if told.lease is Lease.HELD and before.lease is Lease.HELD and told.fence == before.fence:
            # Prolonged: since it was granted nobody else can have given anything that only a newer chart shows.
            self._lease = replace(told, chart_version=before.chart_version)
        if told.lease is Lease.NONE and before.lease is Lease.HELD and patient is not None:
            self._ask(LeaseAction.ACQUIRE, patient, nurse)  # it ran out at the server

    def acquire(self, patient: str, nurse: Nurse | None) -> None:
        self._lease, self._lease_wanted = _NO_LEASE, True
        self._ask(LeaseAction.ACQUIRE, patient, nurse)

    def look_again(self, patient: str | None, nurse: Nurse | None) -> None:
        """The chart is new: perhaps a cart that was in doubt has told."""
        if patient is not None and self.online and self._lease.doubts:
            self._ask(LeaseAction.RENEW, patient, nurse)

    def keep(self, patient: str | None, nurse: Nurse | None, now: datetime) -> None:
        """Renew the leases when it is time, or ask for them again: of the open session, and of every dose that nobody confirmed."""
        if self._mono_s() - self._lease_asked_mono_s < LEASE_RENEW_S:
            return
        for other in self._unconfirmed(now) - {patient}:
            self._ask(LeaseAction.ACQUIRE, other, None)
        if patient is not None:
            self._ask(LeaseAction.RENEW if self._lease.lease is Lease.HELD else LeaseAction.ACQUIRE, patient, nurse)

    def release(self, patient: str | None, nurse: Nurse | None, now: datetime) -> None:
        """Give the lease back, unless a dose of this patient may be given and is not confirmed: another cart would give it again."""
        if patient is not None and self._lease.patient == patient and self._lease.lease is Lease.HELD:
            with contextlib.suppress(JournalError):  # not known whether a dose is open: the lease runs out by itself
                if patient not in self._unconfirmed(now):
                    self._ask(LeaseAction.RELEASE, patient, nurse)
        self._lease, self._lease_wanted = _NO_LEASE, False

    def _unconfirmed(self, now: datetime) -> frozenset[str]:
        """Patients with a verified dose that nobody has told the end of, as long as it is in doubt."""
        return frozenset(record.patient for record in self._journal.open_doses() if now - record.effective_at <= DOUBTFUL_FOR)

    def _ask(self, action: LeaseAction, patient: str, nurse: Nurse | None) -> None:
        self._lease_asked_mono_s = self._mono_s()
        fence = self._lease.fence if action is not LeaseAction.ACQUIRE else None
        unsettled = None
        with contextlib.suppress(JournalError):  # not known: the server takes that for a doubt
            unsettled = self._journal.unsettled(patient)
        self._ask_lease(
            LeaseAsked(action=action, patient=patient, nurse=nurse.id if nurse is not None else None, fence=fence, unsettled=unsettled)
        )

    # As the verdict, the record and the screen see it.

    def facts(self, now: datetime) -> Cart:
        return Cart(
            id=self._cart,
            online=self.online,
            clock_offset_s=self._judged_offset_s(self.clock.read()),
            chart_age_s=self._chart.age_s(now),
            lease=self.lease().lease,
            shown=self.shown,
            lease_pending=self.lease_pending,
            lease_doubts=self._lease.doubts if self._lease.lease is Lease.HELD else (),
        )

    def place(self) -> Place:
        reading = self.clock.read()
        return Place(
            facility=self._facility,
            ward=self._ward,
            cart=self._cart,
            chart_version=self._chart.version(),
            online=self.online,
            clock_offset_s=self._judged_offset_s(reading),
            clock_age_s=round(reading.age_s, 3) if reading.age_s is not None else None,
            clock_wall_at=reading.wall_at,
            lease_fence=self.lease().fence,
        )

    def strip(self, now: datetime, *, unsent: int) -> Strip:
        reading = self.clock.read()
        return Strip(
            link=self.link,
            missing=self._chart.missing(now),
            not_understood=tuple(sorted(self.not_understood)),
            chart_version=self._chart.version(),
            chart_age_s=self._chart.age_s(now),
            unsent=unsent,
            camera_live=self.camera.live,
            camera_why=self.camera.why,
            camera_fault=self.camera.fault,
            camera_since=self.camera.since,
            journal_fault=self.journal_fault,
            clock_offset_s=self._judged_offset_s(reading),
            clock_doubt="" if reading.offset_s is not None else "behind" if reading.behind_s else "unmeasured",
            battery_percent=self.battery_percent,
            lease=self.lease().lease,
            lease_waits=self.online and self.waits_for_chart,
            lease_doubts=tuple(doubt.cart for doubt in self._lease.doubts),
        )


class Idle:
    """How long nobody did anything, by two clocks: a wall clock set back must keep nobody signed in."""

    def __init__(self, mono_s: Callable[[], float]) -> None:
        self._mono_s = mono_s
        self._seen: tuple[datetime | None, float] = (None, 0.0)
        self._scanned: tuple[datetime | None, float] = (None, 0.0)

    def saw(self, session: Session) -> None:
        if session.last_at != self._seen[0]:
            self._seen = (session.last_at, self._mono_s())
        if session.last_scan_at != self._scanned[0]:
            self._scanned = (session.last_scan_at, self._mono_s())

    def span(self, session: Session, now: datetime) -> timedelta:
        """Since the last scan while a patient is on the screen, else since the last sign of life; the longer of what the clocks say."""
        at, mono_s = self._scanned if session.state in AT_PATIENT else self._seen
        return max(now - at, timedelta(seconds=self._mono_s() - mono_s)) if at is not None else timedelta(0)


class PinGuard:
    """Counts wrong PINs a badge on this cart, on its disk, so that a restart forgets none. After `tries` in a row the badge waits
    `pause_s`, after each further one twice as long, `LONGEST_PAUSE_S` at most; it ends by itself, and a right PIN ends the count.

    That a manager ended a pause counts once, and only against tries before it was first seen here: a clock that is behind would take
    it for newer than every later try, and nothing would limit guesses.

    A try is counted before it is looked at: pulling the plug makes no guess free. A disk that takes nothing keeps nobody out: then
    the count is in memory alone."""

    LONGEST_PAUSE_S = 900.0
    FORGOTTEN_AFTER = timedelta(hours=24)

    def __init__(self, mono_s: Callable[[], float], journal: Journal, now: datetime, *, tries: int = 5, pause_s: float = 60.0) -> None:
        self._mono_s, self._journal, self._tries, self.pause_s = mono_s, journal, tries, pause_s
        self._wrong: dict[str, tuple[int, float]] = {}
        self._cleared: dict[str, datetime] = {}
        with contextlib.suppress(JournalError):
            self._cleared = journal.pins_cleared()
        with contextlib.suppress(JournalError):
            for badge, wrong, at in journal.wrong_pins():
                ago_s = (now - at).total_seconds()
                if abs(ago_s) < self.FORGOTTEN_AFTER.total_seconds():
                    # A clock that was set back makes no pause longer than it is.
                    self._wrong[badge] = (wrong, mono_s() - max(0.0, min(ago_s, self._pause_s(wrong))))

    def paused_s(self, badge: str) -> float:
        """How long the next try still waits; 0 when it may be made."""
        wrong, last_mono_s = self._wrong.get(badge, (0, 0.0))
        return max(0.0, self._pause_s(wrong) - (self._mono_s() - last_mono_s))

    def tried(self, badge: str, now: datetime) -> tuple[int, float]:
        """Counts a try as wrong until it `passed`; how many there are in a row, and the seconds to wait after it."""
        wrong = self._wrong.get(badge, (0, 0.0))[0] + 1
        self._wrong[badge] = (wrong, self._mono_s())
        with contextlib.suppress(JournalError):
            self._journal.keep_wrong_pins(badge, wrong, at=now)
        return wrong, self._pause_s(wrong)

    def cleared(self, badge: str, cleared_at: datetime, now: datetime) -> None:
        """A manager ended the pause: of tries before that only, and once."""
        before = self._cleared.get(badge)
        if before is not None and cleared_at <= before:
            return
        self._cleared[badge] = cleared_at
        with contextlib.suppress(JournalError):
            self._journal.keep_pin_cleared(badge, cleared_at)
        wrong, last_mono_s = self._wrong.get(badge, (0, 0.0))
        if wrong and cleared_at > now - timedelta(seconds=self._mono_s() - last_mono_s):
            self.passed(badge, now)

    def passed(self, badge: str, now: datetime) -> None:
        self._wrong.pop(badge, None)
        with contextlib.suppress(JournalError):
            self._journal.keep_wrong_pins(badge, 0, at=now)

    def _pause_s(self, wrong: int) -> float:
        over = wrong - self._tries
        return 0.0 if over < 0 else float(min(self.pause_s * 2 ** min(over, 10), self.LONGEST_PAUSE_S))
