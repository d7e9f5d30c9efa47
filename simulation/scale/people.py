"""Made-up people of a facility: who lies where, who left when, names, identity numbers and wristbands. Counts and draws; writes nothing.

Each person is a function of seed, facility and place in the facility, so that any one can be made without the others. Nobody here is
real, and no number may be taken for one that is: the places of birth of the identity numbers are of no province.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo

from pointofcare.errors import ConfigError
from pointofcare.labels import gs1

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BEDS_PER_WARD = 40
ORDERS_PER_STAY = 4
# Those who are here now came so many days ago; whoever left stayed so long.
HERE_DAYS, STAY_DAYS = 5, 6
# Of a thousand people so many lie in a hospital.
IN_BED_PER_1000 = 3
# How long ago the older orders were, in days before the days that are told dose by dose.
OLDER_DAYS = 1000
FIRST = "scale-"

_FAMILY = (
    ("Nguyễn",) * 8
    + ("Trần",) * 3
    + ("Lê",) * 2
    + ("Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý")
)
_MIDDLE = {
    "male": ("Văn", "Hữu", "Đức", "Quốc", "Minh", "Xuân", "Đình", "Thanh", "Công", "Trọng"),
    "female": ("Thị", "Ngọc", "Thu", "Kim", "Bích", "Thanh", "Mỹ", "Hồng", "Diệu", "Phương"),
}  # fmt: skip
_GIVEN = {
    "male": ("An", "Bình", "Cường", "Dũng", "Đạt", "Hải", "Hiếu", "Hùng", "Huy", "Khang", "Khoa", "Lâm", "Long", "Nam", "Nghĩa", "Phúc",
             "Quang", "Sơn", "Tài", "Thắng", "Thịnh", "Toàn", "Trung", "Tuấn", "Việt", "Vinh"),
    "female": ("Anh", "Châu", "Chi", "Diệp", "Dung", "Duyên", "Giang", "Hà", "Hạnh", "Hiền", "Hoa", "Hương", "Lan", "Linh", "Ly", "Mai",
               "Nga", "Ngân", "Nhung", "Oanh", "Quyên", "Thảo", "Thủy", "Trang", "Vân", "Yến"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is made. `until` is the moment (aware UTC) that the last dose is before; `orders` counts those that are asked for, of which
    there are at least `ORDERS_PER_STAY` for each stay of the last `days`."""

    people: int
    facilities: int
    orders: int
    days: int
    seed: int
    until: datetime

    def __post_init__(self) -> None:
        if not 1 <= self.facilities <= 99 or self.people < self.facilities:
            raise ConfigError("there must be 1 to 99 facilities, and somebody in each", remedy="change --people or --facilities")
        if not HERE_DAYS < self.days <= 365 or self.orders < 0:
            raise ConfigError(f"there must be {HERE_DAYS + 1} to 365 days and no fewer than 0 orders", remedy="change --days or --orders")

    def document(self) -> dict[str, object]:
        """What tells one filling from another."""
        told = {name: getattr(self, name) for name in ("people", "facilities", "orders", "days", "seed")}
        return told | {"until": self.until.astimezone(UTC).isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """The share of one facility. `blocks` counts those who one after the other lay in each bed, the ones who are here now with them."""

    id: str
    number: int
    size: Size
    people: int
    orders: int
    beds: int
    blocks: int

    @property
    def wards(self) -> tuple[str, ...]:
        return tuple(f"W{number:02}" for number in range(1, -(-self.beds // BEDS_PER_WARD) + 1))

    @property
    def recent(self) -> int:
        """So many people had a stay in the days that are told dose by dose: the first ones."""
        return min(self.people, self.beds * self.blocks)

    @property
    def older_orders(self) -> tuple[int, int]:
        """Of each of the other people so many orders, and of so many of them one more."""
        left, others = self.orders - ORDERS_PER_STAY * self.recent, self.people - self.recent
        return divmod(max(0, left), others) if others else (0, 0)

    @property
    def orders_made(self) -> int:
        """As many as were asked for, but no fewer than the stays need, and no more where everybody had a stay of late."""
        each, more = self.older_orders
        return ORDERS_PER_STAY * self.recent + each * (self.people - self.recent) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`first_day` and `left` bound the newest stay; `left` None: is here, in `ward` and `bed`, where the others lay as well."""

    number: int
    id: str
    mrn: str
    name: str
    sex: str
    birth_date: date
    national_id: str
    gsrn: str
    ward: str
    bed: str
    first_day: date
    left: date | None
    is_recent: bool
    orders: int


def facilities(size: Size) -> tuple[Facility, ...]:
    """The facilities of `size`, as like each other as the numbers allow."""
    found = []
    for number in range(size.facilities):
        people, orders = (_share(whole, number, size.facilities) for whole in (size.people, size.orders))
        wards = max(1, round(people * IN_BED_PER_1000 / 1000 / BEDS_PER_WARD))
        found.append(
            Facility(
                id=f"{FIRST}{number + 1:02}",
                number=number + 1,
                size=size,
                people=people,
                orders=orders,
                beds=min(people, wards * BEDS_PER_WARD),
                blocks=1 + (size.days - HERE_DAYS) // STAY_DAYS,
            )
        )
    return tuple(found)


def person(facility: Facility, number: int) -> Person:
    """The one at place `number`, counted from 0."""
    # Not `random`, of which a generator for each person costs thirty times as much.
    drawn = blake2b(f"{facility.size.seed}/{facility.id}/{number}".encode(), digest_size=12).digest()
    sex = "male" if drawn[0] < 128 else "female"
    today = facility.size.until.astimezone(ZONE).date()
    birth = today - timedelta(days=1 + int.from_bytes(drawn[1:4]) % (90 * 365))
    block, place = divmod(number, facility.beds)
    is_recent = number < facility.recent
    first = today - timedelta(
        days=HERE_DAYS + STAY_DAYS * block if is_recent else facility.size.days + 30 + int.from_bytes(drawn[4:7]) % OLDER_DAYS
    )
    each, more = facility.older_orders
    name = " ".join(words[drawn[byte] % len(words)] for byte, words in ((7, _FAMILY), (8, _MIDDLE[sex]), (9, _GIVEN[sex])))
    whole = facility.number * 10_000_000 + number
    body = f"8936{whole:013d}"
    # Century and sex as on a card; 000 is the number of no province.
    national = f"000{(birth.year // 100 - 19) * 2 + (sex == 'female')}{birth.year % 100:02}{number % 1_000_000:06}"
    return Person(
        number=number,
        id=f"P{number:07}",
        mrn=f"{first.year % 100:02}-{number:07}",
        name=name,
        sex=sex,
        birth_date=birth,
        national_id=national,
        gsrn=body + gs1.check_digit(body),
        ward=facility.wards[place // BEDS_PER_WARD],
        bed=f"G{place % BEDS_PER_WARD + 1:02}",
        first_day=first,
        left=None if number < facility.beds else first + timedelta(days=STAY_DAYS),
        is_recent=is_recent,
        orders=ORDERS_PER_STAY if is_recent else each + (number - facility.recent < more),
    )


@lru_cache(maxsize=65536)
def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """An hour of a day in the wards, aware UTC."""
    return datetime.combine(day, time(hour, minute), tzinfo=ZONE).astimezone(UTC)


def _share(whole: int, number: int, parts: int) -> int:
    return whole // parts + (number < whole % parts)
