"""`pointofcare-server export-site|export-patient|export-check`: what is here, in open formats, from a shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from server.config import ServerConfig
from server.emr import mapping_context
from server.store import migrate, patients
from server.store.transaction import Actor, reading
from server.usecases import site_export

Load = Callable[[argparse.Namespace], ServerConfig]


def add(commands: Any, default: Path, load: Load, bare: Callable[[ServerConfig], Flask], operator: Actor) -> None:
    """Puts the three commands on the parser."""

    def export(chosen: argparse.Namespace) -> int:
        config = load(chosen)
        with bare(config).app_context():
            migrate.require_current()
            patient = getattr(chosen, "patient", None)
            if patient is not None:
                with reading(operator) as tx:
                    patient = patients.find_by_mrn(tx, patient) or patient
            files = site_export.write(
                operator,
                chosen.folder,
                mapping_context(config.emr, facility=config.facility),
                facility=config.facility,
                schema=migrate.head(),
                by=chosen.by,
                reason=chosen.reason,
                patient=patient,
            )
        _say(f"{chosen.folder}: {len(files)} files, {sum(one.rows for one in files)} rows, {sum(one.bytes for one in files)} bytes")
        untold = next(one.rows for one in files if one.name == "fhir/OperationOutcome.ndjson")
        if untold:
            _say(f"{untold} records cannot be said in FHIR: fhir/OperationOutcome.ndjson names them, the tables hold them")
        _say("Nothing of it is encrypted: keep it as what it is, patients' records.")
        return 0

    def check(chosen: argparse.Namespace) -> int:
        wrong = site_export.check(chosen.folder)
        for line in wrong:
            _say(line)
        _say(f"{chosen.folder}: {len(wrong)} files differ from the manifest")
        return 1 if wrong else 0

    def command(name: str, about: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=default, help="the configuration file (default: server.toml)")
        made.add_argument("--by", required=True, metavar="STAFF", help="who answers for it")
        made.add_argument("--reason", required=True)
        made.set_defaults(run=export)
        return made

    made = command("export-site", "everything that is here, as FHIR NDJSON and CSV with a manifest")
    made.add_argument("folder", type=Path, help="a new folder")
    made = command("export-patient", "everything of one patient, as FHIR NDJSON and CSV with a manifest")
    made.add_argument("patient", help="the patient's number or id")
    made.add_argument("folder", type=Path, help="a new folder")
    made = commands.add_parser("export-check", help="hold the files of an export against its manifest (exit code 1: they differ)")
    made.add_argument("folder", type=Path)
    made.set_defaults(run=check)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
