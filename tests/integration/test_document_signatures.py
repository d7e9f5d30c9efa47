"""Signed documents: by a key of the hospital, by a provider that holds one, with a time stamp; and what an altered file looks like."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from pointofcare.errors import ConfigError, PointOfCareError
from server.store import documents
from server.store.transaction import reading
from server.usecases.documents import command, issuing, settings, signing, validating
from server.usecases.documents.issuing import Site, Wanted
from server.usecases.documents.kinds import KINDS
from server.usecases.documents.pressing import Press
from server.usecases.documents.settings import Settings
from tests.support import databases, paper, server_ward, signing_keys
from tests.support.signing_keys import Authority

SITE = Site(facility="h1", zone="Asia/Ho_Chi_Minh")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    made = Press()
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with databases.migrated_app("sqlite", tmp_path_factory.mktemp("documents")) as made:
        server_ward.open_ward(patient_count=1, verified=True)
        yield made


def by_hospital(authority: Authority, **signing_settings: object) -> Settings:
    key, secret = authority.pkcs12("BỆNH VIỆN ĐA KHOA MÔ PHỎNG")
    signer = {"id": "hospital", "kind": "pkcs12", "file": str(key), "passphrase_file": str(secret)}
    trusted = {"trust_files": [str(authority.root)], **signing_settings}
    return settings.read({"hospital": {"name": "BV Mô Phỏng"}, "signer": [signer], "signing": trusted}, anchor=Path())


def issued(press: Press, use: Settings) -> issuing.Made:
    wanted = Wanted(kind=KINDS["medication"], subject="P1", first=date(2026, 3, 2), last=date(2026, 3, 2))
    return issuing.issue(server_ward.CHARGE, wanted, settings=use, site=SITE, press=press)


def count() -> int:
    with reading() as tx:
        return len(documents.listed(tx, limit=500))


def checked(pdf: bytes, authority: Authority) -> tuple[validating.Checked, ...]:
    return validating.signatures(pdf, signing.certificates([authority.root]))


def test_a_signed_document_is_whole_and_trusted_and_the_paper_names_the_signer(app: Flask, press: Press, authority: Authority) -> None:
    made = issued(press, by_hospital(authority))
    (found,) = checked(made.pdf, authority)
    assert (found.good, found.covers, found.name) == (True, "whole-file", "BỆNH VIỆN ĐA KHOA MÔ PHỎNG")
    assert made.issue.signatures[0]["level"] == "B-B"
    assert "Ký số: BỆNH VIỆN ĐA KHOA MÔ PHỎNG" in paper.read(made.pdf, codes=False)[0].words
    assert b"ETSI.CAdES.detached" in made.pdf


def test_one_changed_byte_and_anything_added_behind_is_found(app: Flask, press: Press, authority: Authority, tmp_path: Path) -> None:
    use = by_hospital(authority)
    pdf = issued(press, use).pdf
    sealed, last = pdf.index(b"/Contents <") + 10, pdf.index(b">", pdf.index(b"/Contents <") + 11)
    for place in [*range(200, sealed, sealed // 12), *range(last + 1, len(pdf) - 30, 400), sealed + 6000, last - 1]:
        altered = bytearray(pdf)
        altered[place] ^= 1
        assert not any(one.good for one in checked(bytes(altered), authority)), place
    added = checked(pdf + b"\n% one more line\n", authority)
    assert not any(one.good and one.covers == "whole-file" for one in added)
    file = tmp_path / "signed.pdf"
    for place in range(0, len(pdf), len(pdf) // 40):  # wherever it is, in what no signature covers too
        altered = bytearray(pdf)
        altered[place] ^= 1
        file.write_bytes(altered)
        assert command.verify(use, file)[1] == 1, place
    file.write_bytes(pdf)
    assert command.verify(use, file)[1] == 0


def test_a_root_that_nobody_trusts_is_told(app: Flask, press: Press, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, name="Another root")
    (found,) = checked(issued(press, by_hospital(stranger)).pdf, authority)
    assert (found.intact, found.trusted, found.good) == (True, False, False)


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler-utils is not installed")
def test_another_program_says_the_same(app: Flask, press: Press, authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "signed.pdf"
    file.write_bytes(issued(press, by_hospital(authority)).pdf)
    said = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, check=False, text=True).stdout
    assert "Signature is Valid" in said
    assert "ETSI.CAdES.detached" in said
    assert "Total document signed" in said
    changed = bytearray(file.read_bytes())
    place = changed.index(b"startxref") - 400
    changed[place] ^= 1
    file.write_bytes(changed)
    assert "Signature is Valid" not in subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, check=False, text=True).stdout


def test_a_time_stamp_makes_it_b_t(app: Flask, press: Press, authority: Authority) -> None:
    with signing_keys.time_stamps(authority) as address:
        made = issued(press, by_hospital(authority, timestamps=address))
    (found,) = checked(made.pdf, authority)
    assert (found.good, found.timestamped, made.issue.signatures[0]["level"]) == (True, True, "B-T")


def test_what_a_validator_needs_can_go_into_the_file(app: Flask, press: Press, authority: Authority) -> None:
    with signing_keys.time_stamps(authority) as address:
        made = issued(press, by_hospital(authority, timestamps=address, with_validation=True))
    (found,) = checked(made.pdf, authority)
    assert (found.good, made.issue.signatures[0]["level"]) == (True, "B-LT")
    assert b"/DSS" in made.pdf


def test_without_the_time_stamp_that_was_asked_for_nothing_is_issued(app: Flask, press: Press, authority: Authority) -> None:
    before = count()
    with pytest.raises(signing.SigningError):
        issued(press, by_hospital(authority, timestamps="http://127.0.0.1:9/"))
    assert count() == before


def remote(authority: Authority, address: str, cert: Path, token: Path) -> Settings:
    signer = {"id": "person", "kind": "remote", "url": address, "cert_file": str(cert), "credential": "cred-{staff}"}
    signer |= {"token_file": str(token), "chain_files": [str(authority.root)], "timeout_s": 5}  # type: ignore[dict-item]
    return settings.read({"hospital": {"name": "BV Mô Phỏng"}, "signer": [signer]}, anchor=Path())


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("a token\n", encoding="utf-8")
    return path


def test_a_provider_signs_the_digest_with_the_key_of_who_issues_it(app: Flask, press: Press, authority: Authority, token: Path) -> None:
    _, cert, key = authority.pem("Charge nurse")
    heard: list[dict[str, Any]] = []
    with signing_keys.provider(key, heard=heard) as address:
        made = issued(press, remote(authority, address, cert, token))
    (found,) = checked(made.pdf, authority)
    assert (found.good, found.name) == (True, "Charge nurse")
    assert [job["credentialID"] for job in heard] == ["cred-CN1"], "one document is one request"
    assert set(heard[0]) == {"credentialID", "hash", "hashAlgo", "signAlgo"}, "nothing but the digest leaves"


def test_a_provider_that_fails_or_signs_wrongly_issues_nothing(app: Flask, press: Press, authority: Authority, token: Path) -> None:
    _, cert, key = authority.pem("Charge nurse")
    other, _ = authority.issue("Somebody else")
    before = count()
    with signing_keys.provider(key, heard=[], status=503) as address, pytest.raises(PointOfCareError):
        issued(press, remote(authority, address, cert, token))
    with signing_keys.provider(other, heard=[]) as address, pytest.raises(PointOfCareError):
        issued(press, remote(authority, address, cert, token))
    with pytest.raises(PointOfCareError):
        issued(press, remote(authority, "http://127.0.0.1:9/", cert, token))
    assert count() == before


def test_hospital_and_person_sign_one_behind_the_other(app: Flask, press: Press, authority: Authority) -> None:
    key, cert, _ = authority.pem("Điều dưỡng trưởng")
    own = by_hospital(authority)
    person = settings.SignerSettings(id="person", kind="pem", key_file=key, cert_file=cert, chain_files=(authority.root,))
    found = checked(issued(press, replace(own, signers=(*own.signers, person))).pdf, authority)
    assert [(one.name, one.good, one.covers) for one in found] == [
        ("BỆNH VIỆN ĐA KHOA MÔ PHỎNG", True, "revision"),
        ("Điều dưỡng trưởng", True, "whole-file"),
    ]


def test_a_key_that_cannot_be_opened_issues_nothing(app: Flask, press: Press, authority: Authority, tmp_path: Path) -> None:
    own = by_hospital(authority)
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase\n", encoding="utf-8")
    before = count()
    for signer in (replace(own.signers[0], passphrase_file=wrong), replace(own.signers[0], file=tmp_path / "none.p12")):
        with pytest.raises(ConfigError):
            issued(press, replace(own, signers=(signer,)))
    assert count() == before


def test_the_command_verifies_a_file(app: Flask, press: Press, authority: Authority, tmp_path: Path) -> None:
    use = by_hospital(authority)
    file = tmp_path / "signed.pdf"
    file.write_bytes(issued(press, use).pdf)
    said, code = command.verify(use, file)
    assert (code, len(said)) == (0, 2)
    assert "registered" in said[1]
    assert "intact, trusted, whole-file" in said[0]
    file.write_bytes(file.read_bytes()[:-200])
    assert command.verify(use, file)[1] == 1
