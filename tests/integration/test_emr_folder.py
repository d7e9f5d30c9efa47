"""The folder target on a real disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pointofcare.errors import EmrRejectedError, EmrUnavailableError
from server.emr.fhir_mapping import to_bundle, to_bytes
from server.emr.folder import FolderEmr
from tests.support.emr import CONTEXT, an_administration

PAYLOAD = to_bytes(to_bundle(an_administration(1), CONTEXT))
RECORD_ID = an_administration(1).record_id


def test_a_half_written_file_is_never_taken_for_a_record(tmp_path: Path) -> None:
    emr = FolderEmr(tmp_path)
    (tmp_path / f"{RECORD_ID}.part").write_bytes(PAYLOAD[:100])
    assert emr.read_back(RECORD_ID) is None
    assert not emr.submit(PAYLOAD, RECORD_ID).replayed
    assert (tmp_path / f"{RECORD_ID}.json").read_bytes() == PAYLOAD


def test_other_content_under_the_same_record_is_left_to_a_person(tmp_path: Path) -> None:
    emr = FolderEmr(tmp_path)
    emr.submit(PAYLOAD, RECORD_ID)
    with pytest.raises(EmrRejectedError):
        emr.submit(PAYLOAD + b" ", RECORD_ID)
    assert (tmp_path / f"{RECORD_ID}.json").read_bytes() == PAYLOAD


def test_a_record_id_never_becomes_a_path(tmp_path: Path) -> None:
    with pytest.raises(EmrRejectedError):
        FolderEmr(tmp_path / "emr").submit(PAYLOAD, "../elsewhere")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_unavailable_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    emr = FolderEmr(tmp_path / "file" / "emr")
    with pytest.raises(EmrUnavailableError):
        emr.check()
    with pytest.raises(EmrUnavailableError):
        emr.submit(PAYLOAD, RECORD_ID)


def test_a_full_disk_leaves_no_record_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emr = FolderEmr(tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(EmrUnavailableError):
            emr.submit(PAYLOAD, RECORD_ID)
    assert emr.read_back(RECORD_ID) is None
    assert emr.submit(PAYLOAD, RECORD_ID).emr_id == f"file/{RECORD_ID}.json"
