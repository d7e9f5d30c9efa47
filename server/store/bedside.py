"""What is known at the bedside, of one patient or of a whole ward, in one statement.

Rows of many tables come back through one `UNION ALL` with a kind in front (`server.store.bedside_rows`), so that the cost of a dose
does not grow with the number of doses, allergies or orders. The rows are taken as the driver has them: there are some hundreds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pointofcare.orders.order import Order
from pointofcare.people import Allergy, Band, Observation, Patient
from pointofcare.products import Bag, Container, IssuedLabels, Product, PumpReading
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.verdict.policy import Policy
from pointofcare.wire.tables import OrderChanged, UsedPack
from server.store import bedside_rows, driver, mapping, mapping_bag, reach
from server.store.bedside_rows import AT, DAY, DUE, F0, N0
from server.store.driver import Written, day, moment, room, spread
from server.store.history import Given, effective
from server.store.leases import Doubt
from server.store.transaction import Transaction
from server.store.views_patients import WardLine

# A chart shows every dose of these last hours, and before them the newest record of each order.
RECENT = timedelta(hours=72)
LONGEST = timedelta(days=400)
# An ended bag stays in the chart this long, so that a scan of it says what it is; every other one stays.
ENDED_BAG = timedelta(days=1)
# Where the moments of an earlier dose stand among what its row holds behind the kind.
_GIVEN_AT = 1 + Given._fields.index("at")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffLook:
    id: str
    name: str
    licensed: bool | None
    active: bool
    roles: tuple[str, ...]
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLook:
    cart: str | None
    until: datetime | None
    fence: int
    nurse: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLook:
    """An open task about the patient: what a new record may settle."""

    id: int
    kind: str
    order: str | None
    due: datetime | None
    record_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`given` holds every record that was asked for, withdrawn ones too; `history` those that count. `containers` are those that
    were asked for by GTIN. `known` says whether the
    record that was asked about is stored already. `policy` None: none was set, the default holds. `wards` are those that the person
    reaches, where they were asked for."""

    patients: tuple[Patient, ...] = ()
    orders: tuple[Order, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    given: tuple[Given, ...] = ()
    products: tuple[Product, ...] = ()
    staff: tuple[StaffLook, ...] = ()
    policy: Policy | None = None
    lease: LeaseLook | None = None
    timezone: str | None = None
    bags: tuple[Bag, ...] = ()
    containers: tuple[Container, ...] = ()
    pumps: tuple[PumpReading, ...] = ()
    known: bool = False
    tasks: tuple[TaskLook, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    changed: tuple[OrderChanged, ...] = ()
    used_packs: tuple[UsedPack, ...] = ()
    labels: tuple[IssuedLabels, ...] = ()
    wards: tuple[WardLine, ...] = ()


def of_ward(tx: Transaction, ward: str) -> Look:
    """Every patient who is in the ward, with what the chart needs: one statement, which does not grow with the hospital. So
    `used_packs` are those that this ward's carts gave to patients who are not in it now."""
    return _read(tx, driver.kept(tx.connection, bedside_rows.of_ward), ward=ward, order="", since=tx.at - RECENT)


def of_board(tx: Transaction, ward: str) -> Look:
    """As `of_ward`, with its policy and the wards that the person may choose from: still one statement. Of a ward that the person does
    not reach, or that does not exist, nothing but those."""
    within = ward if reach.sees(tx, ward) else ""
    return _read(tx, driver.kept(tx.connection, bedside_rows.of_board), ward=within, order="", since=tx.at - RECENT)


def of_patient(tx: Transaction, patient: str) -> Look:
    """One patient with orders and history, and the products of the latter: one statement. Raises: OtherWardError."""
    look = _read(tx, driver.kept(tx.connection, bedside_rows.of_patient), patient=patient, order="", since=tx.at - RECENT)
    for found in look.patients:
        reach.must_see(tx, found.ward, found.id)
    return look


def for_record(
    tx: Transaction,
    *,
    record_id: str,
    patient: str,
    ward: str,
    order: str | None,
    at: datetime,
    gsrns: Collection[str],
    gtins: Collection[str],
    products: Collection[str],
    staff: Collection[str],
    bags: Collection[str] = (),
    serials: Collection[str] = (),
) -> Look:
    """Everything that a second look at one record needs, and whether it is stored already: one statement."""
    lists = {"gsrns": gsrns, "gtins": gtins, "products": products, "staff": staff, "bags": bags, "serials": serials}
    sizes = tuple([room(len(found)) for found in lists.values()])
    spread_out: dict[str, str | None] = {}
    for name, found in lists.items():
        spread_out |= spread(name, tuple(found))
    return _read(
        tx,
        driver.kept(tx.connection, bedside_rows.for_record, *sizes),
        record_id=record_id,
        patient=patient,
        ward=ward,
        order=order or "",
        since=min(at, tx.at) - RECENT,
        **spread_out,
    )


def _read(tx: Transaction, statement: Written, *, since: datetime, **values: str | None) -> Look:
    bound = {**values, "facility": tx.facility, "since": since, "oldest": since - LONGEST, "ended_since": tx.at - ENDED_BAG}
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in driver.rows(tx.connection, statement, bound):
        found[row[0]].append(row)
    given = _given(found["given"])
    return Look(
        patients=_patients(found),
        orders=tuple(
            sorted([mapping.order(row[1], verification=row[2]) for row in found["order"]], key=lambda order: (order.patient, order.id))
        ),
        given=given,
        history=effective(given),
        products=tuple(sorted([mapping.product(row[1]) for row in found["product"]], key=lambda product: product.id)),
        staff=_staff_of(found["staff"]),
        policy=mapping.policy(found["policy"][0][1]) if found["policy"] else None,
        lease=next((LeaseLook(cart=row[1], until=moment(row[AT]), fence=int(row[N0]), nurse=row[2]) for row in found["lease"]), None),
        timezone=found["ward"][0][1] if found["ward"] else None,
        bags=tuple(
            [
                mapping_bag.bag(
                    id=row[1],
                    order=row[2],
                    order_version=int(row[N0]),
                    state=row[3],
                    printed=json.loads(row[4]),
                    patient=row[5],
                    rate=row[6],
                    record_id=row[7],
                    started_at=moment(row[AT]),
                )
                for row in sorted(found["bag"], key=lambda row: (row[5], row[1]))
            ]
        ),
        containers=tuple(
            [
                Container(gtin=row[1], serial=row[2], opened_at=_moment(row[AT]))
                for row in sorted(found["container"], key=lambda row: (row[1], row[2]))
            ]
        ),
        pumps=tuple(
            [
                mapping_bag.pump(
                    pump=row[1],
                    channel=row[2],
                    bag=row[3],
                    patient=row[4],
                    drug=row[5],
                    rate=row[6],
                    concentration=row[7],
                    at=_moment(row[AT]),
                    associated_at=moment(row[DUE]),
                )
                for row in sorted(found["pump"], key=lambda row: (row[1], row[2]))
            ]
        ),
        labels=tuple(
            [
                IssuedLabels(
                    serials=(row[1],), gtin=row[2], lot=row[3], patient=row[4], expiry=day(row[DAY]), void=(row[1],) * (row[5] == "void")
                )
                for row in sorted(found["label"], key=lambda row: str(row[1]))
            ]
        ),
        known=bool(found["known"]),
        changed=tuple(
            [
                OrderChanged(order=row[1], version=int(row[N0]), action=row[2], by=row[3], reason=row[4] or "", at=_moment(row[AT]))
                for row in sorted(found["changed"], key=lambda row: row[1])
            ]
        ),
        used_packs=tuple(
            sorted(
                [UsedPack(serial=row[2], at=_moment(row[AT]), product=row[1]) for row in found["used"]],
                key=lambda pack: (pack.serial, pack.at),
            )
        ),
        doubts=tuple(
            [
                Doubt(
                    patient=str(values["patient"]),
                    cart=row[1],
                    nurse=row[2],
                    waits=None if row[3] in (None, "null") else tuple(json.loads(row[3])),
                    token=row[4],
                    fence=int(row[N0]),
                    since=_moment(row[AT]),
                )
                for row in found["doubt"]
            ]
        ),
        wards=tuple(
            [
                WardLine(id=row[1], name=row[2], timezone=row[3])
                for row in sorted(found["wards"], key=lambda row: str(row[1]))
                if reach.sees(tx, row[1])
            ]
        ),
        tasks=tuple(
            [TaskLook(id=int(row[N0]), kind=row[1], order=row[2], record_id=row[3], due=moment(row[DUE])) for row in found["task"]]
        ),
    )


def _moment(value: Any) -> datetime:
    found = moment(value)
    assert found is not None
    return found


def _patients(found: dict[str, list[tuple[Any, ...]]]) -> tuple[Patient, ...]:
    bands: dict[str, list[Band]] = defaultdict(list)
    for row in found["band"]:
        bands[row[1]].append(mapping.band(row[2], row[3], row[4]))
    allergies: dict[str, list[Allergy]] = defaultdict(list)
    for row in found["allergy"]:
        allergies[row[1]].append(mapping.allergy(row[2], row[3], row[4], bool(row[F0])))
    observations: dict[str, list[Observation]] = defaultdict(list)
    for row in found["observation"]:
        observations[row[1]].append(mapping.observation(row[2], row[3], _moment(row[AT])))
    weights = {row[1]: mapping.weight(row[2], _moment(row[AT])) for row in found["weight"]}
    return tuple(
        [
            mapping.patient(
                id=row[1],
                mrn=row[2],
                name=row[3],
                sex=row[4],
                ward=row[5],
                bed=row[6],
                status=row[7],
                birth_date=day(row[DAY]),
                transferred_at=moment(row[AT]),
                allergies_known=bool(row[F0]),
                bands=tuple(bands[row[1]]),
                allergies=tuple(allergies[row[1]]),
                observations=tuple(observations[row[1]]),
                weight=weights.get(row[1]),
            )
            for row in sorted(found["patient"], key=lambda row: (row[6] or "", row[1]))
        ]
    )


def _given(rows: list[tuple[Any, ...]]) -> tuple[Given, ...]:
    """The texts of a row are those of `Given`, in its order, but for its two moments, `at` and `due`."""
    found = [Given._make((*row[1:_GIVEN_AT], _moment(row[AT]), moment(row[DUE]), *row[_GIVEN_AT:N0])) for row in rows]
    return tuple(sorted(found, key=lambda each: (each.at, each.record_id)))


def _staff_of(rows: list[tuple[Any, ...]]) -> tuple[StaffLook, ...]:
    """A row for each role that a person has, without one for a person who has none."""
    roles: dict[str, tuple[str, ...]] = {}
    for row in rows:
        roles[row[1]] = (*roles.get(row[1], ()), *(() if row[3] is None else (row[3],)))
    people = {row[1]: row for row in rows}
    return tuple(
        [
            StaffLook(
                id=id,
                name=row[2],
                licensed=None if row[F0] is None else bool(row[F0]),
                active=bool(row[N0]),
                roles=roles[id],
                valid_until=moment(row[AT]),
            )
            for id, row in people.items()
        ]
    )
