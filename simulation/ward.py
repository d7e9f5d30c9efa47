"""A virtual ward: patients, staff and orders of a hospital that does not exist, drawn from a seed.

Same seed and same moment give the same ward. Names are common Vietnamese names put together by chance; every identifier is of the
simulation's own ranges.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from pointofcare.labels import gs1
from pointofcare.orders.order import Order, OrderCategory, OrderStatus, Prn
from pointofcare.people import Allergy, AllergyKind, Band, BandStatus, Observation, Patient, PatientStatus, StaffRole, Weight
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.wire.training import SUFFIX
from simulation import pharmacy

FACILITY = "h1"
TRAINING = FACILITY + SUFFIX
WARD = "NOI-TH"
WARD_NAME = "Khoa Nội tổng hợp"
TIMEZONE = "Asia/Ho_Chi_Minh"
PATIENTS = 24
CARTS = ("cart-01", "cart-02")

_FAMILY = ("NGUYỄN", "TRẦN", "LÊ", "PHẠM", "HOÀNG", "VŨ", "ĐẶNG", "BÙI", "ĐỖ", "HỒ", "NGÔ", "DƯƠNG")
_MALE = ("VĂN AN", "QUỐC HUY", "MINH ĐỨC", "VĂN HÙNG", "THÀNH LONG", "ĐÌNH PHÚC", "ANH TUẤN", "VĂN SƠN", "HỮU TÀI", "XUÂN TRƯỜNG")
_FEMALE = ("THỊ BÌNH", "THỊ HOA", "NGỌC LAN", "THU HÀ", "THỊ MAI", "KIM NGÂN", "THỊ PHƯƠNG", "BÍCH THỦY", "THANH XUÂN", "THỊ YẾN")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """`pin` and `password` are the demo's own, drawn from the seed of the state folder, never a default of the product."""

    id: str
    name: str
    email: str
    badge: str
    pin: str
    password: str
    roles: tuple[StaffRole, ...]
    licensed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    patients: tuple[Patient, ...]
    orders: tuple[Order, ...]
    products: tuple[Product, ...]
    staff: tuple[StaffMember, ...]
    drawers: tuple[tuple[int, str], ...]
    """(drawer, patient), the same in each cart of the ward"""


# product, dose, times or interval, prn (reason, interval, daily maximum), indication
_SCHEDULED: tuple[tuple[str, str, str, str], ...] = (
    ("AMOX500", "500 mg", "06:00 14:00 22:00", "viêm phổi"),
    ("OMEP20", "20 mg", "06:00", "trào ngược"),
    ("METF500", "1000 mg", "08:00 18:00", "đái tháo đường"),
    ("METF850", "850 mg", "08:00 18:00", "đái tháo đường"),
    ("AMLO5", "5 mg", "08:00", "tăng huyết áp"),
    ("LISI10", "10 mg", "08:00", "tăng huyết áp"),
    ("FURO40", "40 mg", "08:00 14:00", "suy tim"),
    ("ATOR20", "20 mg", "20:00", "rối loạn lipid"),
    ("CLOP75", "75 mg", "08:00", "sau đặt stent"),
    ("ASPI81", "81 mg", "08:00", "dự phòng tim mạch"),
    ("ENOX40", "40 mg", "20:00", "dự phòng huyết khối"),
    ("CIPR500", "500 mg", "08:00 20:00", "nhiễm khuẩn tiết niệu"),
    ("GENT80", "80 mg", "08:00", "nhiễm khuẩn"),
    ("DEXA4", "4 mg", "08:00 16:00", "phù nề"),
    ("METP16", "16 mg", "08:00", "đợt cấp COPD"),
    ("LEVO50", "50 ug", "06:00", "suy giáp"),
    ("SPIR25", "25 mg", "08:00", "suy tim"),
    ("GLIC30", "30 mg", "07:00", "đái tháo đường"),
    ("ALLO300", "300 mg", "08:00", "gút"),
    ("VITB1", "100 mg", "08:00", "thiếu vitamin B1"),
)
_EVERY: tuple[tuple[str, str, int, str], ...] = (
    ("PARA500", "1000 mg", 6, "sốt"),
    ("ONDA4", "4 mg", 8, "nôn"),
    ("SALB", "2.5 mg", 6, "khó thở"),
    ("FUROINJ", "20 mg", 8, "suy tim"),
    ("VANC500", "500 mg", 6, "nhiễm khuẩn huyết"),
    ("METO10", "10 mg", 8, "nôn"),
    ("IBUP400", "400 mg", 8, "đau"),
)
_PRN: tuple[tuple[str, str, str, str], ...] = (
    ("OXYC5", "5 mg", "6 h", "20 mg"),
    ("TRAM50", "50 mg", "6 h", "200 mg"),
    ("MORP10", "5 mg", "4 h", "30 mg"),
    ("PARA500", "500 mg", "6 h", "3 g"),
)


def gsrn(number: int) -> str:
    """The simulation's n-th patient GSRN (AI 8018), 18 digits."""
    body = f"8936000000{number:07d}"
    return body + gs1.check_digit(body)


def staff(rng: random.Random) -> tuple[StaffMember, ...]:
    """One person a role, and four nurses so that a witness can be found."""
    people: list[StaffMember] = []
    roles: tuple[tuple[str, StaffRole, int], ...] = (
        ("nurse", StaffRole.NURSE, 4),
        ("charge", StaffRole.CHARGE_NURSE, 1),
        ("pharmacist", StaffRole.PHARMACIST, 1),
        ("doctor", StaffRole.PRESCRIBER, 1),
        ("fleet", StaffRole.FLEET_MANAGER, 1),
        ("admin", StaffRole.ADMINISTRATOR, 1),
    )
    for word, role, count in roles:
        for number in range(1, count + 1):
            handle = f"{word}{number}"
            name = f"{rng.choice(_FAMILY)} {rng.choice(_FEMALE if rng.random() < 0.7 else _MALE)}".title()
            people.append(
                StaffMember(
                    id=f"S-{handle}",
                    name=name,
                    email=_address(name, {person.email for person in people}),
                    badge=f"{rng.randrange(10**8):08d}",
                    pin=f"{rng.randrange(10**6):06d}",
                    password="".join(rng.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(14)),
                    roles=(role,),
                    licensed=role in (StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.PRESCRIBER),
                )
            )
    return tuple(people)


def _address(name: str, taken: set[str]) -> str:
    """The e-mail address of a person of this name, the given name first, as they sign in with it."""
    words = unicodedata.normalize("NFD", name.lower().replace("đ", "d")).encode("ascii", "ignore").decode().split()
    plain = f"{words[-1]}.{words[0]}"
    for number in range(1, len(taken) + 2):
        address = f"{plain}{number if number > 1 else ''}@ward.test"
        if address not in taken:
            break
    return address


def build(seed: int, now: datetime, *, secret: str = "") -> Ward:
    """A ward as it stands at `now` (aware, UTC): everybody admitted, orders running, some doses due, some orders not yet verified.

    Badges, PINs and passwords are drawn from `secret`, so that two demos of one seed share patients and no sign-in."""
    rng = random.Random(f"ward-{seed}")
    products = {product.id: product for product in pharmacy.formulary()}
    # Orders begin a little before now: the board opens with doses due, not with a day of omissions.
    hour = now.replace(minute=0, second=0, microsecond=0)
    patients = tuple(_patient(number, rng, now) for number in range(1, PATIENTS + 1))
    orders: list[Order] = []
    for patient in patients:
        allergic = {allergy.substance for allergy in patient.allergies or ()}
        orders += _orders_of(patient, products, allergic, rng, hour, len(orders))
    orders += _every_kind(patients[0], products, orders, hour)
    patients = (_with_glucose(patients[0], now), *patients[1:])
    drawers = tuple((number, patient.id) for number, patient in enumerate(patients, start=1))
    return Ward(
        patients=patients,
        orders=tuple(orders),
        products=tuple(products.values()),
        staff=staff(random.Random(f"staff-{seed}-{secret}")),
        drawers=drawers,
    )


def _patient(number: int, rng: random.Random, now: datetime) -> Patient:
    male = rng.random() < 0.5
    allergies: tuple[Allergy, ...] = ()
    draw = rng.random()
    if draw < 0.12:
        allergies = (Allergy(substance="penicillin", kind=AllergyKind.CLASS, severity="severe"),)
    elif draw < 0.2:
        allergies = (Allergy(substance="ibuprofen", severity="moderate"),)
    return Patient(
        id=f"P{number:03d}",
        mrn=f"26-{rng.randrange(10**4, 10**6):06d}",
        name=f"{rng.choice(_FAMILY)} {rng.choice(_MALE if male else _FEMALE)}",
        birth_date=date(1938, 1, 1) + timedelta(days=rng.randrange(26_000)),
        sex="male" if male else "female",
        ward=WARD,
        bed=f"H{number:03d}",
        status=PatientStatus.ADMITTED,
        weight=Weight(value=Quantity.parse(f"{rng.randrange(41, 84)} kg"), at=now - timedelta(days=1)),
        bands=(Band(gsrn=gsrn(number), srin="1", status=BandStatus.ACTIVE),),
        allergies=allergies,
        observations=(
            Observation(code="heart-rate", value=Quantity.parse(f"{rng.randrange(62, 96)} /min"), at=now - timedelta(minutes=40)),
            Observation(code="respiratory-rate", value=Quantity.parse(f"{14 + number % 5} /min"), at=now - timedelta(minutes=40)),
            Observation(code="systolic", value=Quantity.parse(f"{rng.randrange(108, 150)} mm[Hg]"), at=now - timedelta(minutes=40)),
            Observation(code="diastolic", value=Quantity.parse(f"{62 + number % 25} mm[Hg]"), at=now - timedelta(minutes=40)),
        ),
    )


def _every_kind(patient: Patient, products: dict[str, Product], orders: list[Order], hour: datetime) -> list[Order]:
    """What the first bed shows of the other kinds of order: an infusion, a patch, a multi-dose vial, an opioid as needed, an
    antibiotic whose days are counted, the patient's own medicine. Nobody is allergic to any of it."""
    used = {order.ingredient for order in orders if order.patient == patient.id}
    start = hour - timedelta(hours=1)
    morning = (time(hour=8), time(hour=20))
    prn = Prn(reasons=("pain",), min_interval=timedelta(hours=4), max_per_24h=Quantity.parse("30 mg"))
    wanted: tuple[tuple[str, str, OrderCategory, str, dict[str, object]], ...] = (
        (
            "NACL500",
            "500 mL",
            OrderCategory.INFUSION,
            "bù dịch",
            {"rate": Quantity.parse("83 mL/h"), "rate_range": (Quantity.parse("83 mL/h"), Quantity.parse("125 mL/h")), "start": start},
        ),
        ("NITRO10", "10 mg", OrderCategory.PATCH, "đau thắt ngực", {"times": morning[:1], "start": start}),
        ("INSR", "6 [IU]", OrderCategory.SCHEDULED, "đái tháo đường", {"times": morning, "time_critical": True, "start": start}),
        ("MORP10", "5 mg", OrderCategory.PRN, "đau", {"prn": prn, "start": start}),
        (*_antibiotic(products, used), OrderCategory.SCHEDULED, "nhiễm khuẩn", {"times": morning, "counts_days": True, "start": start}),
        ("OWN-TACR", "1 mg", OrderCategory.SCHEDULED, "sau ghép thận", {"times": morning, "own_supply": True, "start": start}),
    )
    found: list[Order] = []
    for product_id, dose, category, indication, others in wanted:
        product = products[product_id]
        ingredient = "/".join(part.name for part in product.ingredients)
        if ingredient in used:
            continue
        found.append(
            Order(
                id=f"O{len(orders) + len(found) + 1:04d}",
                version=1,
                patient=patient.id,
                ingredient=ingredient,
                form=product.form,
                route=product.routes[0],
                dose=Quantity.parse(dose),
                category=category,
                status=OrderStatus.ACTIVE,
                verified=True,
                indication=indication,
                display=f"{product.name}, {_as_read(dose)}, {product.routes[0]}",
                prescriber="S-doctor1",
                **others,  # type: ignore[arg-type]
            )
        )
    return found


def _antibiotic(products: dict[str, Product], used: set[str]) -> tuple[str, str]:
    """One that the patient does not get yet, with its dose."""
    choice = (("VANC500", "500 mg"), ("GENT80", "80 mg"), ("CIPR500", "500 mg"))
    return next((one for one in choice if products[one[0]].ingredients[0].name not in used), choice[0])


def _with_glucose(patient: Patient, now: datetime) -> Patient:
    """Insulin is held at a low sugar, so the sugar was measured; and some values before, so that a course can be seen."""
    before = tuple(
        Observation(code="glucose", value=Quantity.parse(value), at=now - timedelta(minutes=20 + 360 * place))
        for place, value in enumerate(("8.4 mmol/L", "9.6 mmol/L", "11.2 mmol/L", "7.9 mmol/L", "10.1 mmol/L"))
    )
    return replace(patient, observations=(*patient.observations, *before))


def _as_read(dose: str) -> str:
    """As a prescriber writes it: no code of a unit, and a decimal comma."""
    return dose.replace("[IU]", "IU").replace(" ug", " mcg").replace(".", ",")


def _conflicts(product: Product, allergic: set[str]) -> bool:
    return any(part.name in allergic or allergic.intersection(part.classes) for part in product.ingredients)


def _orders_of(
    patient: Patient, products: dict[str, Product], allergic: set[str], rng: random.Random, hour: datetime, already: int
) -> list[Order]:
    """Four scheduled, one or two at an interval, some PRN: each ingredient once, none that the patient is allergic to."""
    orders: list[Order] = []
    used: set[str] = set()

    def add(product_id: str, dose: str, category: OrderCategory, indication: str, **timing: object) -> None:
        product = products[product_id]
        ingredient = "/".join(part.name for part in product.ingredients)
        if ingredient in used or _conflicts(product, allergic):
            return
        used.add(ingredient)
        orders.append(
            Order(
                id=f"O{already + len(orders) + 1:04d}",
                version=1,
                patient=patient.id,
                ingredient=ingredient,
                form=product.form,
                route=product.routes[0],
                dose=Quantity.parse(dose),
                category=category,
                status=OrderStatus.ACTIVE,
                verified=rng.random() > 0.06,
                indication=indication,
                display=f"{product.name}, {_as_read(dose)}, {product.routes[0]}",
                prescriber="S-doctor1",
                **timing,  # type: ignore[arg-type]
            )
        )

    for product_id, dose, times, indication in rng.sample(_SCHEDULED, k=4):
        clock = tuple(time.fromisoformat(word) for word in times.split())
        add(product_id, dose, OrderCategory.SCHEDULED, indication, times=clock, start=hour - timedelta(minutes=30))
    chosen = rng.sample(_EVERY, k=2)
    if already % 30 == 0 or rng.random() < 0.2:
        chosen[0] = ("CEFT1G", "1 g", 12, "nhiễm khuẩn tiết niệu")
    for product_id, dose, hours, indication in chosen:
        lead = timedelta(minutes=rng.choice((0, 0, 15, 30)))
        add(product_id, dose, OrderCategory.SCHEDULED, indication, every=timedelta(hours=hours), start=hour + lead)
    if rng.random() < 0.5:
        product_id, dose, interval, most = rng.choice(_PRN)
        prn = Prn(reasons=("pain",), min_interval=timedelta(hours=int(interval.split()[0])), max_per_24h=Quantity.parse(most))
        add(product_id, dose, OrderCategory.PRN, "đau", prn=prn, start=hour - timedelta(hours=1))
    return orders
