"""The empty spreadsheet of the drug catalogue, for download: our columns as text, two lines as an example, and a sheet that explains.

The examples stand on the sheet of explanations, so that nobody imports them.
"""

from __future__ import annotations

import io
from datetime import date
from typing import Any

from pointofcare.vietnam import lists

SHEET = "DM_THUOC"
HELP = "HUONG_DAN"
_EXAMPLE = {
    "STT": "1", "MA_THUOC": "40.XXX", "TEN_HOAT_CHAT": "Paracetamol", "TEN_THUOC": "Paracetamol 500mg", "DON_VI_TINH": "Viên",
    "HAM_LUONG": "500mg", "DUONG_DUNG": "Uống", "MA_DUONG_DUNG": "1.01", "DANG_BAO_CHE": "Viên nén", "SO_DANG_KY": "893100XXXXXX",
    "DON_GIA": "350", "TT_THAU": "01;N1;2026", "TYLE_TT_BH": "100", "TU_NGAY": "01/01/2026", "DEN_NGAY": "31/12/2026",
    "GTIN": "08936000000011",
}  # fmt: skip
_TOLD = (
    "Điền vào trang DM_THUOC, mỗi thuốc một dòng. Cột có dấu * là bắt buộc.",
    "Các cột mã đã định dạng Văn bản (Text): giữ số 0 ở đầu và ở cuối (40.10 khác 40.1).",
    "Ngày: 31/12/2026 hoặc 20261231. Tiền: 12500 hoặc 12500,5 – không dùng dấu phân cách nghìn.",
    "Hàm lượng: 500mg · 1g/100ml · 40mg/0,4ml · 250mg + 31,25mg · 250mg/5ml; 60ml (chai 60 ml).",
    "Phông chữ Unicode; không gộp ô, không ẩn dòng. GTIN là mã vạch trên hộp, có thể để trống.",
    "Ví dụ bên dưới chỉ để tham khảo (mã và số đăng ký không có thật).",
)


def make(today: date) -> bytes:
    """A workbook (.xlsx)."""
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    columns = lists.on("catalogue", today).rows
    book = Workbook()
    sheet: Any = book.active
    sheet.title = SHEET
    bold, grey = Font(bold=True), PatternFill("solid", fgColor="DDE6F0")
    for place, column in enumerate(columns, start=1):
        letter = get_column_letter(place)
        head = sheet.cell(row=1, column=place, value=column["name"])
        head.font = bold
        if column.get("needed"):
            head.fill = grey
        sheet.column_dimensions[letter].width = max(12, len(column["name"]) + 2)
        if column["read"] in ("code", "gtin", "text", "day"):
            for row in range(2, 502):
                sheet.cell(row=row, column=place).number_format = "@"
    sheet.freeze_panes = "A2"
    about: Any = book.create_sheet(HELP)
    for row, line in enumerate(_TOLD, start=1):
        about.cell(row=row, column=1, value=line)
    about.column_dimensions["A"].width = 28
    start = len(_TOLD) + 2
    for row, column in enumerate(columns, start=start):
        about.cell(row=row, column=1, value=f"{column.get('title', column['name'])}{' *' if column.get('needed') else ''}").font = bold
        about.cell(row=row, column=2, value=f"cột {column['name']}")
        about.cell(row=row, column=3, value=_EXAMPLE.get(column["name"], ""))
    about.column_dimensions["B"].width = 24
    about.column_dimensions["C"].width = 28
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
