"""Import of patients, staff, products and orders from CSV files and FHIR bundles: a dry run that lists every problem, then all or nothing.

It may be run again at any time: what is equal stays untouched, what differs is updated, and an empty cell never wipes out what
is known. Nothing is written while a row is bad, unless the caller says that bad rows shall be left out.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import argon2
from flask import current_app
from flask_security import hash_password as _hash_password
from flask_security import verify_password

from pointofcare.errors import UnreadableError
from pointofcare.orders.order import OrderStatus
from pointofcare.people import Allergy, BandStatus, Patient, StaffRole
from pointofcare.wire.messages import TableKind
from server.store import catalogue, formulary, orders, patients, products, versions, views_import
from server.store.catalogue import Line
from server.store.orders import Verification
from server.store.patients import Ward
from server.store.staff import StaffMember
from server.store.transaction import Actor, Transaction, reading, transaction
from server.store.views_import import KnownStaff
from server.usecases import import_check, import_csv, import_fhir, import_xlsx, pharmacy, ward_staff
from server.usecases import orders as order_verbs
from server.usecases import patients as patient_verbs
from server.usecases import staff as staff_verbs
from server.usecases.import_rows import CatalogueFound, Found, OrderFound, PatientFound, Problem, StaffFound, clarify_note, clarify_parts
from server.usecases.standard_times import NONE, StandardTimes

MAX_FILE_BYTES = 50_000_000
KINDS = ("staff", "products", "patients", "orders", "catalogue")
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """`written` False: nothing was. `drafts` are orders (id, why) that cannot be given by scan until clarified. `secrets`: a file
    held PINs or passwords in plain text and should be deleted."""

    problems: tuple[Problem, ...]
    counts: Mapping[str, Count]
    drafts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    written: bool
    dry_run: bool
    secrets: bool
    notes: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return self.written or (self.dry_run and not self.problems)


def read(
    files: Iterable[tuple[str, bytes]], timezone: str | None = None, *, today: date | None = None, standard: StandardTimes = NONE
) -> Found:
    """Everything in `files` (name, content); FHIR when the content starts as JSON, a spreadsheet by its first bytes, else CSV. Never raises
    for content.

    `timezone` is the facility's: the bounds of FHIR orders in days are counted in it. `standard`: when the hospital gives what names no
    times."""
    found = Found()
    for name, content in files:
        if len(content) > MAX_FILE_BYTES:
            problem = Problem(
                file=name, row=1, field="", value=str(len(content)), code="file-too-large", parameters={"most": MAX_FILE_BYTES}
            )
            found = found.joined(Found(problems=(problem,)))
            continue
        if content.startswith((import_xlsx.SHEET, import_xlsx.OLD_SHEET)):
            found = found.joined(import_xlsx.read(name, content, today or datetime.now(UTC).date()))
            continue
        is_json = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
        found = found.joined(import_fhir.read(name, content, timezone, standard) if is_json else import_csv.read(name, content))
    return found


def run(
    actor: Actor,
    files: Iterable[tuple[str, bytes]],
    *,
    timezone: str,
    dry_run: bool = False,
    skip_bad: bool = False,
    at: datetime | None = None,
) -> ImportReport:
    """Reads `files`, checks them against the store, and writes all in one transaction. The caller has checked who may import.

    `timezone` is the IANA name of the facility and for wards that are new. Needs a Flask application context."""
    listed = tuple(files)
    found = read(listed, timezone, today=at.date() if at is not None else None, standard=_standard())
    with reading(actor, at=at) as tx:
        checked = import_check.check(found, _known(tx, found))
        known = views_import.staff(tx) if found.staff else {}
    secrets = any(row.pin or row.password for row in checked.staff)
    drafts = tuple((row.order.id, row.clarify) for row in checked.orders if row.clarify)
    if dry_run or (checked.problems and not skip_bad):
        with reading(actor, at=at) as tx:
            counts = _counted(tx, checked)
        return ImportReport(
            problems=checked.problems, counts=counts, drafts=drafts, written=False, dry_run=dry_run, secrets=secrets, notes=checked.notes
        )
    # Hashing is slow on purpose: it is done before the transaction, which nobody else can write beside.
    members = _members(checked.staff, known)
    with transaction(actor, at=at) as tx:
        # Somebody may have written since the look above: what is checked is what is written.
        checked = import_check.check(found, _known(tx, found))
        if checked.problems and not skip_bad:
            counts = _counted(tx, checked)
            return ImportReport(
                problems=checked.problems, counts=counts, drafts=drafts, written=False, dry_run=False, secrets=secrets, notes=checked.notes
            )
        counts = _counted(tx, checked)
        _write(tx, checked, members, timezone)
        tx.audit(
            "import.run",
            "import/" + ",".join(name for name, _ in listed)[:150],
            {kind: count.new + count.changed for kind, count in counts.items()} | {"left_out": len(checked.problems)},
        )
    return ImportReport(
        problems=checked.problems, counts=counts, drafts=drafts, written=True, dry_run=False, secrets=secrets, notes=checked.notes
    )


def _standard() -> StandardTimes:
    return StandardTimes(times=current_app.config["POINTOFCARE_CONFIG"].standard_times)


def hash_password(password: str) -> str:
    """For the web pages: Flask-Security's argon2 with the site's own salt, over the form of letters that signing in compares."""
    return str(_hash_password(_normal(password)))


def hash_pin(pin: str) -> str:
    """Plain argon2, because the carts check it offline and do not know the site's salt."""
    return argon2.PasswordHasher().hash(pin)


def staff_member(
    *,
    id: str,
    name: str,
    username: str,
    roles: tuple[StaffRole, ...],
    active: bool,
    licensed: bool | None,
    badge: str | None,
    licence_number: str | None,
    language: str | None,
    valid_until: datetime | None,
    email: str | None = None,
    pin: str | None = None,
    password: str | None = None,
    temporary: bool = False,
) -> StaffMember:
    """The row to write, with its secrets hashed; a `temporary` password must be changed at the first sign-in.

    An email address that was not given is one that no mail ever reaches."""
    return StaffMember(
        id=id,
        name=name,
        username=username,
        email=email or f"{id.lower()}@staff.invalid",
        roles=roles,
        active=active,
        badge=badge,
        licensed=licensed,
        licence_number=licence_number,
        language=language,
        valid_until=valid_until,
        pin_hash=hash_pin(pin) if pin else None,
        password_hash=hash_password(password) if password else None,
        must_change_password=bool(password) and temporary,
    )


def _known(tx: Transaction, found: Found) -> import_check.Known:
    mrn_of, patient_of_mrn = views_import.patients_by_id_and_mrn(tx)
    listed = [row.order.id for row in found.orders]
    owners: dict[str, str] = {}
    for start in range(0, len(listed), 500):
        for key in orders.known(tx, listed[start : start + 500]):
            view = orders.find(tx, key)
            if view is not None:
                owners[key] = view.order.patient
    return import_check.Known(
        mrn_of=mrn_of,
        patient_of_mrn=patient_of_mrn,
        product_of_gtin={product.gtin: product.id for product in products.listed(tx)} if found.products else {},
        patient_of_order=owners,
        patient_of_gsrn=views_import.band_owners(tx, [band.gsrn for row in found.patients for band in row.patient.bands]),
        staff=views_import.staff(tx) if found.staff else {},
    )


def _counted(tx: Transaction, found: Found) -> dict[str, Count]:
    """How much of each kind is new, different, or as it is."""
    known_staff = views_import.staff(tx) if found.staff else {}
    known_products = {product.id: product for product in products.listed(tx)} if found.products else {}
    known_lines = catalogue.known(tx, [row.line.id for row in found.catalogue])
    return {
        "staff": _count(found.staff, lambda row: _staff_state(row, known_staff.get(row.id))),
        "products": _count(
            found.products,
            lambda row: None if row.product.id not in known_products else known_products[row.product.id] == row.product,
        ),
        "patients": _count(found.patients, lambda row: _patient_state(tx, row)),
        "orders": _count(found.orders, lambda row: _order_state(tx, row)),
        "catalogue": _count(
            found.catalogue, lambda row: None if row.line.id not in known_lines else _line_same(row, known_lines[row.line.id])
        ),
    }


def _count(rows: Iterable[_Row], same: Callable[[_Row], bool | None]) -> Count:
    states = [same(row) for row in rows]
    return Count(new=states.count(None), changed=states.count(False), same=states.count(True))


def _staff_state(row: StaffFound, known: KnownStaff | None) -> bool | None:
    return None if known is None else staff_same(row, known)


def staff_same(row: StaffFound, known: KnownStaff) -> bool:
    facts = (row.name, row.username, set(row.roles), row.active, row.licensed)
    stored = (known.name, known.username, set(known.roles), known.active, known.licensed)
    kept = all(
        wanted is None or wanted == getattr(known, name)
        for name, wanted in (
            ("badge", row.badge),
            ("licence_number", row.licence_number),
            ("email", row.email),
            ("valid_until", row.valid_until),
        )
    ) and (row.wards is None or set(row.wards) == set(known.wards))
    return facts == stored and kept and _pin_same(row, known) and _password_same(row, known)


def _pin_same(row: StaffFound, known: KnownStaff) -> bool:
    if row.pin is None:
        return True
    try:
        return known.pin_hash is not None and argon2.PasswordHasher().verify(known.pin_hash, row.pin)
    except argon2.exceptions.VerificationError:
        return False


def _password_same(row: StaffFound, known: KnownStaff) -> bool:
    return row.password is None or (known.password_hash is not None and bool(verify_password(_normal(row.password), known.password_hash)))


def _normal(password: str) -> str:
    """A letter such as ế is one sign on one keyboard and three on another."""
    return unicodedata.normalize("NFKC", password)


def _patient_state(tx: Transaction, row: PatientFound) -> bool | None:
    if not patients.known(tx, (row.patient.id,)):
        return None
    known = patients.get(tx, row.patient.id)
    return merged(known, row.patient) == known


def _order_state(tx: Transaction, row: OrderFound) -> bool | None:
    view = orders.find(tx, row.order.id)
    if view is None:
        return None
    return order_verbs.is_same(row.order, view, clarify_note(row.clarify, row.note))


def merged(known: Patient, found: Patient) -> Patient:
    """`found` over `known`: what `found` does not say stays. A list of allergies that is known never becomes unknown by a file
    that does not carry it. A band that is known already keeps its state; a revoked one is not revived by an old file."""
    bands = {(band.gsrn, band.srin): band for band in known.bands}
    new_bands = [band for band in found.bands if (band.gsrn, band.srin) not in bands]
    if new_bands:
        kept = tuple(replace(band, status=BandStatus.REVOKED) for band in known.bands)
        all_bands = (*kept, *new_bands)
    else:
        all_bands = known.bands
    newest = {(one.code, one.at): one for one in (*known.observations, *found.observations)}
    latest: dict[str, datetime] = {}
    for one in newest.values():
        latest[one.code] = max(latest.get(one.code, one.at), one.at)
    weight = found.weight or known.weight
    if found.weight is not None and known.weight is not None and known.weight.at > found.weight.at:
        weight = known.weight
    return replace(
        found,
        birth_date=found.birth_date or known.birth_date,
        sex=found.sex or known.sex,
        ward=found.ward or known.ward,
        bed=found.bed or known.bed,
        status=found.status or known.status,
        transferred_at=found.transferred_at or known.transferred_at,
        weight=weight,
        bands=all_bands,
        allergies=_as_set(known.allergies if found.allergies is None else found.allergies, known.allergies),
        observations=tuple(sorted((one for one in newest.values() if one.at == latest[one.code]), key=lambda one: one.code))
        if found.observations
        else known.observations,
    )


def _as_set(wanted: tuple[Allergy, ...] | None, known: tuple[Allergy, ...] | None) -> tuple[Allergy, ...] | None:
    """Two lists that differ in order only are one list."""
    return known if wanted is not None and known is not None and set(wanted) == set(known) else wanted


def _members(rows: tuple[StaffFound, ...], known: Mapping[str, KnownStaff]) -> dict[str, StaffMember]:
    """What is to be written, of those who are new or differ."""
    return {row.id: member(row, known.get(row.id)) for row in rows if row.id not in known or not staff_same(row, known[row.id])}


def _write(tx: Transaction, found: Found, members: Mapping[str, StaffMember], timezone: str) -> None:
    for row in found.staff:
        if row.id in members:
            staff_verbs.receive(tx, members[row.id])
    known_products = {product.id: product for product in products.listed(tx)} if found.products else {}
    changed = [row.product for row in found.products if known_products.get(row.product.id) != row.product]
    for product in changed:
        pharmacy.receive_product(tx, product, bump=False)
    if changed:
        versions.bump_everywhere(tx, TableKind.FORMULARY)
    _write_patients(tx, found.patients, timezone)
    _write_wards(tx, found.staff, timezone)
    for order in found.orders:
        _write_order(tx, order)
    _write_catalogue(tx, found.catalogue)


def _write_catalogue(tx: Transaction, rows: tuple[CatalogueFound, ...]) -> None:
    """Lines that are new or differ; one whose barcode the formulary knows is that product."""
    known = catalogue.known(tx, [row.line.id for row in rows])
    product_of = products.known(tx, gtins=sorted({row.gtin for row in rows if row.gtin}))
    for row in rows:
        before = known.get(row.line.id)
        if before is not None and _line_same(row, before) and (before.product is not None or row.gtin not in product_of):
            continue
        product = before.product if before is not None else None
        if product is None and row.gtin in product_of:
            held = formulary.get(tx, product_of[row.gtin])
            product = (held.pack_of or held.product.id) if held is not None else None
        catalogue.put(tx, replace(row.line, product=product))


def _line_same(row: CatalogueFound, known: Line) -> bool:
    return replace(row.line, product=known.product) == known


def _write_wards(tx: Transaction, rows: tuple[StaffFound, ...], timezone: str) -> None:
    """Home wards, after the patients have opened theirs."""
    named = [row for row in rows if row.wards is not None]
    for ward in sorted({ward for row in named for ward in row.wards or ()}):
        if patients.ward(tx, ward) is None:
            patient_verbs.open_ward(tx, Ward(id=ward, name=ward, timezone=timezone))
    for row in named:
        ward_staff.set_homes(tx, row.id, row.wards or ())


def member(row: StaffFound, known: KnownStaff | None) -> StaffMember:
    return staff_member(
        id=row.id,
        name=row.name,
        username=row.username,
        roles=row.roles,
        active=row.active,
        licensed=row.licensed,
        badge=row.badge or (known.badge if known else None),
        licence_number=row.licence_number or (known.licence_number if known else None),
        language=known.language if known and known.language else row.language,
        valid_until=row.valid_until or (known.valid_until if known else None),  # type: ignore[arg-type]
        email=row.email or (known.email if known else None),
        pin=row.pin if known is None or not _pin_same(row, known) else None,
        password=row.password if known is None or not _password_same(row, known) else None,
        temporary=not current_app.config["POINTOFCARE_CONFIG"].demo,  # the demo prints its passwords and keeps them
    )


def _write_patients(tx: Transaction, rows: tuple[PatientFound, ...], timezone: str) -> None:
    for ward in sorted({row.patient.ward for row in rows if row.patient.ward}):
        if patients.ward(tx, ward) is None:
            patient_verbs.open_ward(tx, Ward(id=ward, name=ward, timezone=timezone))
    assigned = views_import.drawer_assignments(tx)
    for row in rows:
        is_new = not patients.known(tx, (row.patient.id,))
        known = None if is_new else patients.get(tx, row.patient.id)
        wanted = row.patient if known is None else merged(known, row.patient)
        if known != wanted:
            patient_verbs.receive(tx, wanted)
        for cart, drawer in row.drawers:
            for name in _carts(tx, cart, row.patient.ward):
                if assigned.get((name, drawer)) != row.patient.id:
                    patient_verbs.assign_drawer(tx, cart=name, drawer=drawer, patient=row.patient.id)


def _carts(tx: Transaction, cart: str, ward: str | None) -> tuple[str, ...]:
    """A drawer number without a cart holds for every cart of the ward; before any is known, it waits under the ward's own name."""
    if cart:
        return (cart,)
    return views_import.carts_of_ward(tx, ward or "") or (f"*{ward or ''}",)


def _write_order(tx: Transaction, row: OrderFound) -> None:
    order_verbs.receive(tx, row.order, source="import", clarification=clarify_note(row.clarify, row.note))
    if not row.order.verified or row.clarify or row.order.status is not OrderStatus.ACTIVE:
        return
    view = orders.find(tx, row.order.id)
    if view is None or view.verification is not Verification.PENDING:
        return
    orders.set_verification(
        tx, row.order.id, version=view.order.version, state=Verification.VERIFIED, comment="verified by the sending system"
    )
    told = {"before": {"verification": Verification.PENDING.value}, "after": {"verification": Verification.VERIFIED.value}}
    detail = {"patient": row.order.patient, "version": view.order.version, **told}
    tx.audit("order.verified-by-sender", f"order/{row.order.id}", detail)
    versions.bump(tx, view.ward)


def from_command_line(actor: Actor, paths: Iterable[Path], *, dry_run: bool = False, skip_bad: bool = False) -> int:
    """Imports the files at `paths` and prints what was found, one problem a line. The exit code: 0 written or clean, 1 not.

    Raises: UnreadableError when a file cannot be opened."""
    files = []
    for path in paths:
        try:
            files.append((path.name, path.read_bytes()))
        except OSError as exc:
            raise UnreadableError(f"{path} cannot be read: {exc.strerror}", remedy="check the name and the rights of the file") from exc
    zone: str = current_app.config["POINTOFCARE_CONFIG"].timezone
    report = run(actor, files, timezone=zone, dry_run=dry_run, skip_bad=skip_bad)
    lines: list[str] = []
    for problem in report.problems:
        where = f"{problem.file}:{problem.row}" + (f" {problem.field}" if problem.field else "")
        lines.append(f"{where}: {problem.message} {problem.remedy}")
    for note in report.notes:
        where = f"{note.file}:{note.row}" + (f" {note.field}" if note.field else "")
        lines.append(f"note: {where}: {note.message} {note.remedy}")
    for order, why in report.drafts:
        lines.append(f"draft, cannot be given by scan until clarified: order {order}: {'; '.join(clarify_parts('en', why))}")
    for kind, count in report.counts.items():
        if count != Count():
            lines.append(f"{kind}: {count.new} new, {count.changed} changed, {count.same} unchanged")
    if report.written:
        lines.append(f"written{f', {len(report.problems)} problem(s) left out' if report.problems else ''}")
        if report.secrets:
            lines.append("a file holds PINs or passwords in plain text: delete it now")
    else:
        lines.append(f"nothing was written{f': {len(report.problems)} problem(s)' if report.problems else ''}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if report.ok else 1
