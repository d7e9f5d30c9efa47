"""The sample documents of the virtual ward: every form is made by the command, and says what its facts say."""

from __future__ import annotations

from pathlib import Path

from server.usecases.documents import validating
from server.usecases.documents.kinds import KINDS
from simulation import sample_documents
from tests.support import paper

WORDS = {
    "medication": ("1. Natri clorid 0,9", "Bắt đầu truyền", "Đã công khai lúc 07:40", "Người chứng kiến", "hủy 5 mg"),
    "infusion": ("07/BV2", "30 giọt/phút (90 ml/giờ)", "10:10: 20 giọt/phút", "08:10", "15:30"),
    "record": ("Morphin 10 mg/mL", "5 mg", "đã thực hiện"),
    "transfer": ("44/BV2", "Mạch", "Khoa nhận", "Thuốc đang dùng"),
    "handover": ("H001", "Chưa thực hiện", "Điều dưỡng nhận ca"),
    "controlled": ("Tồn đầu kỳ: 10", "Tồn cuối kỳ: 7", "Kiểm đếm: 7 – khớp", "Người chứng kiến"),
}


def test_every_sample_is_made_says_its_facts_and_reads_back(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "out", tmp_path / "ward"
    folder.mkdir()
    scratch.mkdir()
    made = sample_documents.write(folder, scratch)
    assert [path.stem for path in made] == list(KINDS)
    for path in made:
        pdf = path.read_bytes()
        pages = paper.read(pdf)
        said = " ".join(page.words for page in pages)
        for wanted in (KINDS[path.stem].title.upper(), "BỆNH VIỆN MÔ PHỎNG", sample_documents.NAME, *WORDS[path.stem]):
            assert wanted in said, (path.stem, wanted)
        assert [page.outside for page in pages] == [0] * len(pages), path.stem
        assert all(len(page.codes) == 1 and page.codes[0].startswith("https://mo-phong.example/documents/") for page in pages), path.stem
        assert [one.intact for one in validating.signatures(pdf, ())] == [True]
        assert len(pdf) < 200_000
