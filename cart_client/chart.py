"""The cart's copy of the ward: four signed tables, and the facts that a verdict is a function of.

A table is taken only with the server's signature over this ward of this facility, never an older one than is held, and is not
used after its signed expiry. Without all four there is no chart, so that a verdict can only stop. What this cart gave and the
chart does not know yet is added to the history, so that a dose given offline is not given twice.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from joserfc.jwk import OKPKey
from sqlcipher3 import dbapi2 as sqlite3

from cart_client import care, own_records, sealed, trust
from cart_client.clock import steady_s
from cart_client.floor import Floor
from pointofcare.administration.record import AdministrationRecord
from pointofcare.administration.session import Session
from pointofcare.errors import MessageError, NotPermittedError, UnreadableError
from pointofcare.fleet.drawer_access import DEFAULT_OPEN_MIN, DrawerPolicy
from pointofcare.labels.scan import BandScan, Keyed, LabelKind, Scan, SiteProfile
from pointofcare.orders.order import Order
from pointofcare.people import Nurse, Patient, StaffRole, Witness
from pointofcare.products import Product
from pointofcare.verdict.facts import Cart, Facts, HistoryEntry
from pointofcare.verdict.policy import Policy
from pointofcare.wire import tables
from pointofcare.wire.messages import BedsideNoted, HeldTable, ObservationRecorded, TableIssued, TableKind
from pointofcare.wire.tables import (
    Conflict,
    FormularyBody,
    OrderChanged,
    PatientChartBody,
    PolicyBody,
    StaffEntry,
    StaffRosterBody,
    Table,
)

log = logging.getLogger(__name__)

# How far a table's issue may lie in the future of this clock: more means that one of the two clocks is wrong.
_CLOCK_LEEWAY = timedelta(hours=1)
_HISTORY = timedelta(days=14)
# Those that name people.
_PERSONAL = (TableKind.PATIENT_CHART, TableKind.STAFF_ROSTER)
# The most restricted role of a person counts: a student who is also a nurse elsewhere is a student here.
_ROLES = (
    StaffRole.STUDENT,
    StaffRole.NURSE,
    StaffRole.CHARGE_NURSE,
    StaffRole.PRESCRIBER,
    StaffRole.PHARMACIST,
    StaffRole.WITNESS_ONLY,
)


class TableRefusedError(UnreadableError):
    """A table that the chart does not take; `why` is a stable code: forged, other-facility, other-ward, older,
    expired, from-the-future, unreadable."""

    code = "table-refused"

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message, remedy="ask the server for the table again; call support when it repeats", why=why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What is held, each None when it never came. `taken_mono_s` is when the chart came, on this machine's monotonic clock."""

    patient_chart: Table | None = None
    staff_roster: Table | None = None
    formulary: Table | None = None
    policy: Table | None = None
    taken_mono_s: float | None = None

    def all(self) -> tuple[tuple[TableKind, Table | None], ...]:
        return (
            (TableKind.PATIENT_CHART, self.patient_chart),
            (TableKind.STAFF_ROSTER, self.staff_roster),
            (TableKind.FORMULARY, self.formulary),
            (TableKind.POLICY, self.policy),
        )


class Chart:
    """Reads are lock-free snapshots; `take` may be called from another thread than the reads."""

    def __init__(
        self,
        path: Path,
        *,
        facility: str,
        ward: str,
        key: OKPKey | tuple[OKPKey, ...],
        at_rest: sealed.Key | None = None,
        mono_s: Callable[[], float] = steady_s,
    ) -> None:
        """`key` proves the tables, several do while the server changes its key; `at_rest` encrypts the file (`at_rest.unlock`), which
        without it is in clear, for tests."""
        self._facility, self._ward, self._mono_s = facility, ward, mono_s
        self._keys = key if isinstance(key, tuple) else (key,)
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db, rows = _opened(path, at_rest)
        self._floor = Floor(path.with_name(f"{path.name}.floor"), place=f"{facility}/{ward}")
        held: dict[str, Table] = {}
        for kind, text in rows:
            try:
                table = self._verified(text)
            except TableRefusedError:
                continue  # a file that somebody touched is no chart; the server sends it again
            mark = self._floor.of(kind)
            if table.kind.value == kind and (mark is None or table.version >= mark.version or table.issued_at > mark.issued_at):
                held[kind.replace("-", "_")] = table
        self._tables = Tables(**held)  # type: ignore[arg-type]
        self._used: tuple[PatientChartBody, tuple[HistoryEntry, ...]] | None = None

    def close(self) -> None:
        self._db.close()

    @property
    def tables(self) -> Tables:
        return self._tables

    @property
    def keys(self) -> tuple[OKPKey, ...]:
        """The server's public keys."""
        return self._keys

    def held(self) -> tuple[HeldTable, ...]:
        """What to tell the server when asking for what is newer. One that was held and is lost is told without an end: a server that
        was restored must issue above it."""
        found = []
        for kind, table in self._tables.all():
            mark = self._floor.of(kind.value)
            if table is not None:
                found.append(HeldTable(kind=kind, ward=table.ward, version=table.version, expires_at=table.expires_at))
            elif mark is not None:
                found.append(HeldTable(kind=kind, ward=self._ward, version=mark.version, expires_at=None))
        return tuple(found)

    def take(self, issued: TableIssued, now: datetime) -> bool:
        """Check and keep a table; False when it is held already. Raises: TableRefusedError, and then nothing was changed."""
        table = self._verified(issued.jws)
        if table.expires_at <= now:
            raise TableRefusedError("expired", f"the {table.kind} expired at {table.expires_at.isoformat()}")
        if table.issued_at > now + _CLOCK_LEEWAY:
            raise TableRefusedError("from-the-future", f"the {table.kind} was issued at {table.issued_at.isoformat()}: check the clocks")
        with self._lock:
            name = table.kind.value.replace("-", "_")
            before: Table | None = getattr(self._tables, name)
            mark = self._floor.of(table.kind.value)
            if before is None and mark is not None and mark.forbids(table, now):
                raise TableRefusedError("older", f"{table.kind} {table.version} is older than {mark.version}, which was held")
            # A server that was restored from a backup counts from further back: what it says is taken once the newer is used up.
            used_up = before is not None and before.expires_at <= now and table.issued_at > before.issued_at
            if before is not None and table.version < before.version and not used_up:
                raise TableRefusedError("older", f"{table.kind} {table.version} is older than the held {before.version}")
            if before is not None and table.version == before.version and table.issued_at <= before.issued_at:
                return False
            # A full disk must not keep a newer chart from the nurse: it is used, and asked for again after a restart.
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", (table.kind.value, table.version, issued.jws))
                self._floor.raise_to(table)
            changes: dict[str, Table | float | None] = {f: getattr(self._tables, f) for f in Tables.__slots__}
            changes[name] = table
            if table.kind is TableKind.PATIENT_CHART:
                changes["taken_mono_s"] = self._mono_s()
            self._tables = Tables(**changes)  # type: ignore[arg-type]
        return True

    def erase_expired(self, now: datetime, after: timedelta) -> tuple[TableKind, ...]:
        """Erases the patients and the staff, from the disk and from memory, once their table expired longer than `after` ago: nobody can
        use it, and a cart that is lost must not keep it. What was erased; the floor still keeps an older one away."""
        with self._lock:
            over = [
                (kind, table)
                for kind, table in self._tables.all()
                if kind in _PERSONAL and table is not None and table.expires_at + after <= now
            ]
            for kind, _ in over:
                self._tables = replace(self._tables, **{kind.value.replace("-", "_"): None})  # type: ignore[arg-type]
                try:
                    self._db.execute("DELETE FROM held WHERE kind = ?", (kind.value,))
                except sqlite3.Error as exc:
                    log.error("the expired %s is still on the disk: %s", kind.value, exc)
        return tuple(kind for kind, _ in over)

    def _verified(self, text: str) -> Table:
        signed = trust.payload(text, self._keys)
        if signed is None:
            raise TableRefusedError("forged", "the table's signature is not the server's")
        try:
            table = tables.read_claims(signed)
        except (MessageError, AssertionError) as exc:
            raise TableRefusedError("unreadable", f"the signed table is not understood: {exc}") from exc
        if table.facility != self._facility:
            raise TableRefusedError("other-facility", f"the table is of facility {table.facility!r}, this cart is of {self._facility!r}")
        if table.ward != self._ward:
            raise TableRefusedError("other-ward", f"the table is of ward {table.ward!r}, this cart is of {self._ward!r}")
        return table

    # What is usable now. An expired table is as good as none.

    def missing(self, now: datetime) -> tuple[str, ...]:
        """Which of the four tables are not there or no longer usable; () means that there is a chart."""
        return tuple(kind.value for kind, table in self._tables.all() if table is None or table.expires_at <= now)

    def body(self, now: datetime) -> PatientChartBody | None:
        """All of the ward, None without a chart."""
        return self._ward_body(now)

    def _ward_body(self, now: datetime) -> PatientChartBody | None:
        if self.missing(now) or self._tables.patient_chart is None:
            return None
        body = self._tables.patient_chart.body
        return body if isinstance(body, PatientChartBody) else None

    def version(self) -> int:
        table = self._tables.patient_chart
        return table.version if table is not None else 0

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the server issued the chart, None without one. A wall clock set back cannot make it younger than it is."""
        table, taken = self._tables.patient_chart, self._tables.taken_mono_s
        if table is None:
            return None
        by_wall = (now - table.issued_at).total_seconds()
        by_mono = self._mono_s() - taken if taken is not None else 0.0
        return max(0.0, by_wall, by_mono)

    def policy(self) -> Policy:
        body = self._tables.policy.body if self._tables.policy is not None else None
        return body.policy if isinstance(body, PolicyBody) else Policy()

    def site_profile(self) -> SiteProfile:
        body = self._tables.policy.body if self._tables.policy is not None else None
        return body.site_profile if isinstance(body, PolicyBody) else SiteProfile()

    def zone(self) -> str | None:
        body = self._tables.patient_chart.body if self._tables.patient_chart is not None else None
        return body.timezone if isinstance(body, PatientChartBody) else None

    def today(self, now: datetime, fallback: str) -> date:
        """The ward's date."""
        try:
            return now.astimezone(ZoneInfo(self.zone() or fallback)).date()
        except (ZoneInfoNotFoundError, ValueError):
            return now.astimezone(UTC).date()

    def patient(self, patient_id: str | None, now: datetime) -> Patient | None:
        body = self._ward_body(now)
        return next((p for p in body.patients if p.id == patient_id), None) if body is not None else None

    def alike(self, patient_id: str | None, now: datetime) -> tuple[Patient, ...]:
        """Patients of the ward whose names are easily taken for this one's."""
        body = self._ward_body(now)
        others = body.alike.get(patient_id or "", ()) if body is not None else ()
        return tuple(each for each in body.patients if each.id in others) if body is not None and others else ()

    def patient_of(self, scan: Scan, now: datetime) -> Patient | None:
        """Whom a wristband or a typed number names; None when nobody, or more than one (rule P1). The verdict judges the band."""
        body = self._ward_body(now)
        if body is None:
            return None
        match scan:
            case BandScan(gsrn=str() as gsrn):
                named = [p for p in body.patients if any(band.gsrn == gsrn for band in p.bands)]
            case BandScan(mrn=str() as mrn) | Keyed(value=mrn, kind=LabelKind.PATIENT):
                named = [p for p in body.patients if p.mrn == mrn]
            case _:
                return None
        return named[0] if len(named) == 1 else None

    def orders_of(self, patient_id: str, now: datetime) -> tuple[Order, ...]:
        body = self._ward_body(now)
        return tuple(o for o in body.orders if o.patient == patient_id) if body is not None else ()

    def changed_orders(self, now: datetime) -> tuple[OrderChanged, ...]:
        """Who changed which order of the ward lately."""
        body = self._ward_body(now)
        return body.changed if body is not None else ()

    def conflicts(self, now: datetime) -> tuple[Conflict, ...]:
        """Records of the ward that do not go together and that nobody has resolved."""
        body = self._ward_body(now)
        return body.conflicts if body is not None else ()

    def ages_s(self, now: datetime) -> dict[str, float | None]:
        """Kind of table -> seconds since the server issued it, None for one that is not here."""
        held = self._tables.all()
        return {kind.value: max(0.0, (now - table.issued_at).total_seconds()) if table is not None else None for kind, table in held}

    def order(self, order_id: str | None, now: datetime) -> Order | None:
        body = self._ward_body(now)
        return next((o for o in body.orders if o.id == order_id), None) if body is not None else None

    def products(self, now: datetime) -> tuple[Product, ...]:
        body = self._tables.formulary.body if self._tables.formulary is not None and not self.missing(now) else None
        return body.products if isinstance(body, FormularyBody) else ()

    def names_bag(self, text: str, now: datetime) -> bool:
        body = self._ward_body(now)
        return body is not None and any(bag.id == text for bag in body.bags)

    def drawer_of(self, patient_id: str, now: datetime, *, cart: str) -> int | None:
        """The patient's drawer at `cart`; one number for the whole ward counts only where the cart has given it to nobody else."""
        body = self._ward_body(now)
        if body is None:
            return None
        if not body.cart_drawers:
            return body.drawers.get(patient_id)
        own = body.cart_drawers.get(cart, {})
        for_all = body.cart_drawers.get(f"*{self._ward}", {}).get(patient_id)
        return own.get(patient_id, for_all if for_all not in own.values() else None)

    def drawer_policy(self, now: datetime) -> DrawerPolicy | None:
        """Who may open which drawer without a patient; None: not known, or the roster expired, and nobody may."""
        roster = self._tables.staff_roster
        if roster is None or not isinstance(roster.body, StaffRosterBody) or "staff-roster" in self.missing(now):
            return None
        return roster.body.drawers if roster.body.drawers is not None and roster.body.drawers.rules else None

    def drawers_open_for(self, now: datetime) -> timedelta:  # noqa: ARG002 one shape with the policy: an older one is better than none
        """How long a drawer may stand open before somebody is told."""
        roster = self._tables.staff_roster
        held = roster.body.drawers if roster is not None and isinstance(roster.body, StaffRosterBody) else None
        return timedelta(minutes=held.open_min if held is not None and held.open_min > 0 else DEFAULT_OPEN_MIN)

    def ward_name(self) -> str:
        body = self._tables.patient_chart.body if self._tables.patient_chart is not None else None
        return body.ward_name if isinstance(body, PatientChartBody) else self._ward

    # People.

    def staff_of(self, badge: str, now: datetime) -> StaffEntry | None:
        """The one person of that badge, None for nobody and for more than one."""
        roster = self._tables.staff_roster
        if roster is None or roster.expires_at <= now or not isinstance(roster.body, StaffRosterBody):
            return None
        named = [entry for entry in roster.body.staff if entry.badge is not None and entry.badge == badge]
        return named[0] if len(named) == 1 else None

    def member(self, staff: str, now: datetime) -> StaffEntry | None:
        """The one person of that id, None for nobody, more than one, or a roster that ran out."""
        roster = self._tables.staff_roster
        if roster is None or roster.expires_at <= now or not isinstance(roster.body, StaffRosterBody):
            return None
        named = [entry for entry in roster.body.staff if entry.id == staff]
        return named[0] if len(named) == 1 else None

    def knows_badge(self, badge: str, now: datetime) -> bool:
        return self.staff_of(badge, now) is not None

    def is_of_other_ward(self, badge: str, now: datetime) -> bool:
        """The server says that this person works in other wards, or the help here has ended."""
        entry = self.staff_of(badge, now)
        if entry is None or entry.of_ward is None:
            return False
        return not entry.of_ward or (entry.ward_until is not None and entry.ward_until <= now)

    def badge_name(self, badge: str, now: datetime) -> str:
        entry = self.staff_of(badge, now)
        return entry.name if entry is not None else ""

    def names(self) -> dict[str, str]:
        """What a person calls the ids of patients, orders, products and staff."""
        held = self._tables
        found: dict[str, str] = {}
        if held.patient_chart is not None and isinstance(held.patient_chart.body, PatientChartBody):
            found |= {patient.id: patient.name for patient in held.patient_chart.body.patients}
            found |= {order.id: order.display or order.ingredient for order in held.patient_chart.body.orders}
        if held.formulary is not None and isinstance(held.formulary.body, FormularyBody):
            found |= {product.id: product.name for product in held.formulary.body.products}
        if held.staff_roster is not None and isinstance(held.staff_roster.body, StaffRosterBody):
            found |= {entry.id: entry.name for entry in held.staff_roster.body.staff}
        return found

    def person(self, badge: str, pin: str, now: datetime) -> tuple[Nurse, Witness]:
        """The person of a badge, proven by the PIN, as a nurse and as a witness. Raises: NotPermittedError with `why`."""
        entry = self.staff_of(badge, now)
        if entry is None:
            raise NotPermittedError("the badge is not known on this ward", why="badge-unknown")
        if not entry.active or (entry.expires_at is not None and entry.expires_at <= now):
            raise NotPermittedError("this person may not use carts now", why="not-active")
        if entry.pin_hash is None:
            raise NotPermittedError("this person has no PIN", why="no-pin")
        try:
            _HASHER.verify(entry.pin_hash, pin)
        except (VerificationError, InvalidHashError) as exc:
            raise NotPermittedError("the PIN is wrong", why="pin-wrong") from exc
        if entry.pin_until is not None and entry.pin_until <= now:
            raise NotPermittedError("this PIN has ended", why="pin-ended")
        role = role_of(entry)
        nurse = Nurse(id=entry.id, name=entry.name, role=role, licensed=entry.licensed)
        return nurse, Witness(id=entry.id, role=role, licensed=entry.licensed, on_shift=entry.on_shift)

    # Facts.

    def facts_for(
        self,
        session: Session,
        now: datetime,
        *,
        cart: Cart,
        journalled: tuple[AdministrationRecord, ...] = (),
        measured: tuple[ObservationRecorded, ...] = (),
        noted: tuple[BedsideNoted, ...] = (),
    ) -> Facts:
        """Everything that the verdict may look at, as it is now. `journalled`, `measured` and `noted` are this cart's own."""
        body = self._ward_body(now)
        formulary = self._tables.formulary.body if self._tables.formulary is not None else None
        if body is None or not isinstance(formulary, FormularyBody):
            return Facts(at=now, timezone=self.zone(), cart=cart, nurse=session.nurse, intent=session.intent, scans=session.scans)
        entries = own_records.history(self._given(body), journalled)
        return Facts(
            at=now,
            timezone=body.timezone,
            cart=cart,
            nurse=session.nurse,
            intent=session.intent,
            policy=self.policy(),
            patients=own_records.with_skin_tests(own_records.patients(body.patients, measured), noted),
            products=formulary.products,
            orders=body.orders,
            history=entries,
            bags=own_records.bags(body.bags, entries),
            containers=formulary.containers,
            labels=formulary.labels,
            scans=session.scans,
            pumps=body.pumps,
        )

    def _given(self, body: PatientChartBody) -> tuple[HistoryEntry, ...]:
        """The history and the packs that were used up elsewhere: one object as long as the chart is the same, for the verdict sorts it."""
        if self._used is None or self._used[0] is not body:
            self._used = (body, (*body.history, *tables.as_given(body.used_packs)) if body.used_packs else body.history)
        return self._used[1]

    def ward(
        self,
        now: datetime,
        *,
        journalled: tuple[AdministrationRecord, ...] = (),
        measured: tuple[ObservationRecorded, ...] = (),
        opened: tuple[AdministrationRecord, ...] = (),
    ) -> care.Ward | None:
        """What the screen's lines are made from, with this cart's own records; `opened` were never confirmed."""
        body = self._ward_body(now)
        if body is None:
            return None
        return care.Ward(
            body=body,
            entries=own_records.history(body.history, journalled),
            patients=own_records.patients(body.patients, measured),
            products=self.products(now),
            policy=self.policy(),
            issued_at=self._tables.patient_chart.issued_at if self._tables.patient_chart is not None else None,
            opened=opened,
            own_requests=own_records.requests(body.requests, journalled),
        )


def _opened(path: Path, at_rest: sealed.Key | None) -> tuple[sqlite3.Connection, list[tuple[str, str]]]:
    """The database and what it holds. It is a copy: a damaged one is put aside, and one that cannot be written is kept in memory."""
    place: Path | str = path
    for attempt in range(3):
        db = sealed.connect(place, at_rest)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA secure_delete=ON")
            db.execute("CREATE TABLE IF NOT EXISTS held (kind TEXT PRIMARY KEY, version INTEGER NOT NULL, jws TEXT NOT NULL) STRICT")
            return db, [(str(kind), str(text)) for kind, text in db.execute("SELECT kind, jws FROM held").fetchall()]
        except sqlite3.Error as exc:
            db.close()
            log.error("the chart's file %s cannot be used (%s): the server will be asked for the tables", place, exc)
            if attempt == 0 and type(exc) is sqlite3.DatabaseError:
                with contextlib.suppress(OSError):
                    path.replace(path.with_name(f"{path.name}.damaged"))
                for tail in ("-wal", "-shm"):
                    path.with_name(path.name + tail).unlink(missing_ok=True)
            else:
                place = ":memory:"
    raise TableRefusedError("unreadable", "not even memory takes a database")


def role_of(entry: StaffEntry) -> StaffRole | None:
    """The most restricted role of a person counts."""
    return next((role for role in _ROLES if role in entry.roles), None)


def history_since(now: datetime) -> datetime:
    """How far back this cart's own records are asked of the journal."""
    return now - _HISTORY


def key_from(text: str) -> OKPKey:
    """The server's public key from its JWK. Raises: ValueError for anything but a public Ed25519 key."""
    return trust.keys_from(text)[0]


_HASHER = PasswordHasher()
