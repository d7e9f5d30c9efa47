"""Which documents there are: one table. Their columns, the paper they want, whom they are about, and what asks for them.

A column's width is its share of the line. Columns follow the form where a rule gives one, else the layout that hospitals commonly use:
docs/documents.md says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PATIENT, WARD = "patient", "ward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`id` is what a row calls it, `width` its share of the line."""

    id: str
    heading: str
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`form` is the number that stands in the corner. `days` is the longest period. `of_moment`: it says how things stood when it was
    made, so that what happens afterwards does not make it wrong. `signatures` are the lines at its end."""

    id: str
    title: str
    form: str
    subject: str
    paper: str
    days: int
    columns: tuple[Column, ...]
    signatures: tuple[str, ...]
    of_moment: bool = False


def _columns(*each: tuple[str, str, int]) -> tuple[Column, ...]:
    return tuple(Column(id=id_, heading=heading, width=width) for id_, heading, width in each)


_ALL = (
    Kind(
        id="medication",
        title="Phiếu thực hiện và công khai thuốc",
        form="",
        subject=PATIENT,
        paper="A4",
        days=7,
        columns=_columns(
            ("due", "Giờ y lệnh", 9),
            ("done", "Giờ thực hiện", 11),
            ("result", "Kết quả, lý do không thực hiện", 27),
            ("dose", "Lượng dùng", 13),
            ("lot", "Số lô, hạn dùng", 15),
            ("nurse", "Điều dưỡng thực hiện", 17),
            ("sign", "NB/người nhà ký", 14),
        ),
        signatures=("Bác sĩ điều trị", "Điều dưỡng", "Người bệnh/người nhà"),
    ),
    Kind(
        id="infusion",
        title="Phiếu theo dõi truyền dịch",
        form="07/BV2",
        subject=PATIENT,
        paper="A4 landscape",
        days=31,
        columns=_columns(
            ("day", "Ngày", 8),
            ("fluid", "Tên dịch truyền, hàm lượng, thuốc pha thêm", 21),
            ("amount", "Số lượng", 8),
            ("lot", "Lô/số sản xuất", 10),
            ("rate", "Tốc độ (giọt/phút)", 15),
            ("start", "Bắt đầu", 7),
            ("end", "Kết thúc", 8),
            ("doctor", "Bác sĩ chỉ định", 11),
            ("nurse", "Điều dưỡng thực hiện", 12),
        ),
        signatures=("Điều dưỡng", "Bác sĩ điều trị"),
    ),
    Kind(
        id="record",
        title="Hồ sơ dùng thuốc của đợt điều trị",
        form="",
        subject=PATIENT,
        paper="A4",
        days=120,
        columns=_columns(
            ("due", "Giờ y lệnh", 13),
            ("done", "Giờ thực hiện", 13),
            ("result", "Kết quả, lý do", 30),
            ("dose", "Lượng dùng", 14),
            ("lot", "Số lô, hạn dùng", 14),
            ("nurse", "Người thực hiện", 18),
        ),
        signatures=("Điều dưỡng trưởng khoa", "Bác sĩ điều trị"),
    ),
    Kind(
        id="transfer",
        title="Phiếu bàn giao người bệnh chuyển khoa (dành cho điều dưỡng)",
        form="44/BV2",
        subject=PATIENT,
        paper="A4",
        days=1,
        columns=_columns(("what", "Nội dung", 32), ("told", "Tình trạng, chi tiết", 54), ("check", "Đã nhận", 14)),
        signatures=("Điều dưỡng bàn giao", "Điều dưỡng nhận"),
        of_moment=True,
    ),
    Kind(
        id="handover",
        title="Phiếu bàn giao ca điều dưỡng: thuốc và dịch truyền",
        form="",
        subject=WARD,
        paper="A4 landscape",
        days=1,
        columns=_columns(
            ("bed", "Giường", 6),
            ("patient", "Người bệnh", 18),
            ("open", "Chưa thực hiện", 20),
            ("not_given", "Không thực hiện, lý do", 18),
            ("running", "Đang truyền", 18),
            ("coming", "Đến giờ trong 4 giờ tới", 20),
        ),
        signatures=("Điều dưỡng giao ca", "Điều dưỡng nhận ca"),
        of_moment=True,
    ),
    Kind(
        id="controlled",
        title="Sổ theo dõi xuất, nhập, tồn thuốc phải kiểm soát đặc biệt",
        form="",
        subject=WARD,
        paper="A4 landscape",
        days=31,
        columns=_columns(
            ("at", "Ngày, giờ", 9),
            ("place", "Nơi xuất, nhập (người bệnh)", 18),
            ("document", "Số chứng từ", 11),
            ("came", "Nhập", 6),
            ("went", "Xuất", 6),
            ("balance", "Tồn", 6),
            ("lot", "Số lô, hạn dùng", 12),
            ("who", "Người thực hiện, người chứng kiến", 16),
            ("note", "Ghi chú (hủy, trả, kiểm đếm)", 16),
        ),
        signatures=("Điều dưỡng trưởng khoa", "Dược sĩ", "Trưởng khoa"),
    ),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.id: kind for kind in _ALL})
