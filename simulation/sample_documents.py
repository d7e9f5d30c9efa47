"""Sample documents of the virtual ward: every form, filled from records of patients who do not exist, signed with a key that nobody trusts.

`python -m simulation.sample_documents [FOLDER]` (default docs/samples/documents). Everything lives in a folder that is thrown away; the
forms come out of the same server code as a hospital's.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import PointOfCareError
from pointofcare.orders import schedule
from pointofcare.orders.order import Order, OrderCategory
from pointofcare.people import Patient, StaffRole
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import BedsideNoted, NoteKind
from server import config as configuration
from server.app import bare_app
from server.store import administrations as stored
from server.store import fleet, migrate, stock
from server.store import staff as stored_staff
from server.store.patients import Ward
from server.store.stock import Move
from server.store.transaction import Actor, Transaction, transaction
from server.usecases import administrations, bedside_notes, orders, patients, pharmacy, staff
from server.usecases.documents import issuing, pressing, settings
from server.usecases.documents.issuing import Site, Wanted
from server.usecases.documents.kinds import KINDS, PATIENT
from simulation import ward as virtual

FOLDER = Path("docs/samples/documents")
SEED = 7
IMPORT = Actor(id="import")
DOCTOR = Actor(id="S-doctor1", roles=frozenset({StaffRole.PRESCRIBER}))
PHARMACIST = Actor(id="S-pharmacist1", roles=frozenset({StaffRole.PHARMACIST}))
WHO = Actor(id="S-charge1", name="Điều dưỡng trưởng (mẫu)", roles=frozenset({StaffRole.CHARGE_NURSE}))
NAME = "CHỮ KÝ MẪU, KHÔNG CÓ GIÁ TRỊ"
CART = virtual.CARTS[0]


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as held:
        for path in write(folder, Path(held)):
            print(path)
    return 0


def write(folder: Path, scratch: Path) -> list[Path]:
    """The files, one a form. `scratch` is where the ward lives meanwhile."""
    secret = "sample only, thrown away at once " * 2
    values = {"database_url": "sqlite:///samples.sqlite", "facility": virtual.FACILITY, "secret_key": secret, "password_salt": secret}
    app = bare_app(configuration.read(values, anchor=scratch))
    now = datetime.now(UTC).replace(microsecond=0)
    zone = ZoneInfo(virtual.TIMEZONE)
    yesterday = (now.astimezone(zone) - timedelta(days=1)).date()
    found = []
    with app.app_context():
        migrate.upgrade()
        about = _fill(now, datetime.combine(yesterday, time(), zone))
        use = _settings(scratch)
        site = Site(facility=virtual.FACILITY, zone=virtual.TIMEZONE)
        with pressing.open_press() as press:
            for kind in KINDS.values():
                subject = about if kind.subject == PATIENT else virtual.WARD
                days = {} if kind.of_moment else {"first": yesterday, "last": yesterday}
                made = issuing.issue(WHO, Wanted(kind=kind, subject=subject, **days), settings=use, site=site, press=press)
                path = folder / f"{kind.id}.pdf"
                path.write_bytes(made.pdf)
                found.append(path)
    return found


def _settings(scratch: Path) -> settings.Settings:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    usage = dict.fromkeys(("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False)
    usage |= {"encipher_only": False, "decipher_only": False, "digital_signature": True, "content_commitment": True}
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    (scratch / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (scratch / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    return settings.read(
        {
            "hospital": {"authority": "SỞ Y TẾ TỈNH MẪU", "name": "BỆNH VIỆN MÔ PHỎNG", "address": "Dữ liệu mô phỏng, không có người thật"},
            "lookup": {"address": "https://mo-phong.example"},
            "signer": [{"id": "sample", "kind": "pem", "key_file": "key.pem", "cert_file": "cert.pem"}],
        },
        anchor=scratch,
    )


def _fill(now: datetime, since: datetime) -> str:
    """The ward with the records of yesterday and today; the patient whose forms have the most to show."""
    made = virtual.build(SEED, since)
    rng = random.Random(SEED)
    before = since - timedelta(days=1)
    with transaction(IMPORT, at=before) as tx:
        patients.open_ward(tx, Ward(id=virtual.WARD, name="Nội tổng hợp", timezone=virtual.TIMEZONE))
        for product in made.products:
            pharmacy.receive_product(tx, product)
        for one in made.staff:
            member = stored_staff.StaffMember(id=one.id, name=one.name, username=one.id, email=one.email, roles=one.roles, licensed=True)
            staff.receive(tx, member)
        for patient in made.patients:
            patients.receive(tx, patient)
    with transaction(DOCTOR, at=before) as tx:
        for order in made.orders:
            orders.place(tx, DOCTOR, replace(order, start=order.start or before))
    with transaction(PHARMACIST, at=before) as tx:
        for order in made.orders:
            orders.verify(tx, PHARMACIST, order.id, 1)
    return _give(made, rng, since, now)


def _give(made: virtual.Ward, rng: random.Random, since: datetime, now: datetime) -> str:
    by_ingredient = {each.ingredients[0].name: each for each in reversed(made.products) if each.ingredients}
    rich = made.patients[0].id  # has an order of every kind
    of_id = {patient.id: patient for patient in made.patients}
    with transaction(IMPORT, at=now) as tx:
        for order in made.orders:
            product = by_ingredient.get(order.ingredient)
            if order.category is OrderCategory.INFUSION and order.patient == rich:
                _infuse(tx, order, of_id[order.patient], since + timedelta(hours=8, minutes=10), rng)
            if product is None:
                continue
            try:
                doses = schedule.due_doses(order, (), Policy().windows, virtual.TIMEZONE, since, now - timedelta(hours=2))
            except PointOfCareError:
                continue
            for dose in doses:
                if rng.random() < 0.05:
                    continue  # nobody charted it
                record = _record(order, of_id[order.patient], product, dose.due, dose.due + timedelta(minutes=rng.randrange(-8, 25)), rng)
                if rng.random() < 0.07:
                    record = replace(record, action="refuse", status="not-done", status_reason="refused", reason_text="người bệnh mệt")
                administrations.record(tx, record, reevaluate=False)
        _correct(tx, rich, rng)
        _book(tx, made, of_id[rich], since, rng)
        note = BedsideNoted(
            record_id=_id(rng), facility=virtual.FACILITY, ward=virtual.WARD, cart=CART, kind=NoteKind.DRUGS_SHOWN, patient=rich, of=None,
            at=since + timedelta(hours=7, minutes=40), recorded_at=since + timedelta(hours=7, minutes=40), nurse="S-nurse1", online=True,
            seq=1, epoch="sample", details={"answer": "agree", "asked_by": "family"},
        )  # fmt: skip
        bedside_notes.record(tx, note)
    return rich


def _record(
    order: Order, patient: Patient, product: Product, due: datetime | None, at: datetime, rng: random.Random
) -> AdministrationRecord:
    at = at.astimezone(UTC)
    return AdministrationRecord(
        record_id=_id(rng), facility=virtual.FACILITY, ward=virtual.WARD, cart=CART, patient=patient.id, mrn=patient.mrn, order=order.id,
        order_version=1, due=due, action="give", status="completed", status_reason=None, reason_text=None, product=product.id,
        product_name=product.name, gtin=product.gtin, lot=f"L{rng.randrange(1000, 9999)}", expiry=(at + timedelta(days=500)).date(),
        serial=None, dose=order.dose, route=order.route, site=None, waste=None, prn_reason=None, effective_at=at, recorded_at=at,
        nurse=f"S-nurse{rng.randrange(1, 5)}", witness=None, level="PASS", findings=(), engine="sample", policy="sample", scans=(),
        chart_version=1, online=True, clock_offset_s=0.0,
    )  # fmt: skip


def _infuse(tx: Transaction, order: Order, patient: Patient, at: datetime, rng: random.Random) -> None:
    """A bag by gravity, slowed down once, and its end."""
    nothing = Product(id="", gtin="", name=order.display or order.ingredient, form="bag", routes=("IV",), ingredients=())
    start = replace(
        _record(order, patient, nothing, None, at, rng),
        action="start", status="in-progress", dose=Quantity.parse("500 mL"), rate=Quantity.parse("90 mL/h"), drop_factor=20,
        product=None, gtin=None,
    )  # fmt: skip
    slower = replace(
        start, record_id=_id(rng), action="rate", rate=Quantity.parse("60 mL/h"), continues=start.record_id, dose=None, lot=None,
        effective_at=start.effective_at + timedelta(hours=2),
    )  # fmt: skip
    ended = replace(
        start, record_id=_id(rng), action="stop", status="completed", rate=None, continues=start.record_id, dose=None, lot=None,
        effective_at=start.effective_at + timedelta(hours=7, minutes=20), nurse="S-nurse2",
    )  # fmt: skip
    for one in (start, slower, ended):
        administrations.record(tx, one, reevaluate=False)


def _correct(tx: Transaction, patient: str, rng: random.Random) -> None:
    """One of the patient's doses was charted by mistake."""
    found = stored.of_patient(tx, patient, limit=50)
    given = next((view.record for view in found if view.record.action == "give" and view.record.status == "completed"), None)
    if given is not None:
        wrong = replace(given, record_id=_id(rng), reason_text="ghi nhầm giường")
        administrations.record(tx, wrong, reevaluate=False)
        administrations.record(tx, replace(wrong, record_id=_id(rng), amends=wrong.record_id, status="entered-in-error"), reevaluate=False)


def _book(tx: Transaction, made: virtual.Ward, patient: Patient, since: datetime, rng: random.Random) -> None:
    """A controlled drug: filled by the pharmacy, taken with a witness and partly wasted, counted."""
    product = next(each for each in made.products if each.id == "MORP10")
    order = next(each for each in made.orders if each.patient == patient.id and each.ingredient == "morphine")
    fleet.put_held(tx, CART, virtual.WARD, ())
    at = since.astimezone(UTC)
    left = 10
    _move(tx, "filled", stock.FILL, left, "S-pharmacist1", at - timedelta(hours=5))
    for number, hours in enumerate((2, 9, 15), start=1):
        given = replace(
            _record(order, patient, product, None, at + timedelta(hours=hours, minutes=rng.randrange(30)), rng),
            waste=Quantity.parse("5 mg"), witness="S-charge1", prn_reason="đau", lot="MO2611",
        )  # fmt: skip
        administrations.record(tx, given, reevaluate=False)
        _move(tx, f"taken-{number}", stock.TAKEN, -1, given.nurse, given.effective_at, given.record_id)
        left -= 1
    _move(tx, "counted", stock.COUNTED, left, "S-charge1", at + timedelta(hours=20))


def _move(tx: Transaction, key: str, kind: str, units: int, by: str, at: datetime, record_id: str | None = None) -> None:
    stock.add(tx, Move(key=key, cart=CART, drawer=1, product="MORP10", kind=kind, units=Decimal(units), by=by, at=at, record_id=record_id))


def _id(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
