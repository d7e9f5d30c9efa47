"""`pointofcare-server catalogue-template|export-claims|health-summary`: what the insurance pages do, from a shell."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask

from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.store.transaction import Actor
from server.usecases import catalogue_template, claims_files, health_summary, replays

Load = Callable[[argparse.Namespace], ServerConfig]


def add(commands: Any, default: Path, load: Load, bare: Callable[[ServerConfig], Flask], operator: Actor) -> None:
    """Puts the three commands on the parser."""

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=default, help="the configuration file (default: server.toml)")
        made.set_defaults(run=run)
        return made

    def template(chosen: argparse.Namespace) -> int:
        day = datetime.now(UTC).astimezone(ZoneInfo(load(chosen).timezone)).date()
        chosen.file.write_bytes(catalogue_template.make(day))
        return 0

    def claims(chosen: argparse.Namespace) -> int:
        settings = load(chosen)
        if settings.training:
            raise ConfigError("a training hospital has no claims", remedy="export from the hospital's own server")
        since, until = (replays.moment(text, settings.timezone) for text in (chosen.since, chosen.until))
        with bare(settings).app_context():
            return claims_files.from_command_line(
                operator,
                since=since,
                until=until,
                zone=settings.timezone,
                wards=dict(settings.site.ward_codes),
                ward=chosen.ward,
                claim=chosen.claim,
                folder=chosen.output,
            )

    def summary(chosen: argparse.Namespace) -> int:
        settings = load(chosen)
        with bare(settings).app_context():
            return health_summary.from_command_line(operator, chosen.patient, config=settings, output=chosen.output)

    made = command("catalogue-template", template, "write the empty spreadsheet of the hospital's drug catalogue (Mẫu 03)")
    made.add_argument("file", type=Path, help="a file, such as danh-muc-thuoc.xlsx")
    made = command("export-claims", claims, "drug lines of insurance claims (XML2) from what was given, and what must not be billed")
    made.add_argument("--since", required=True, metavar="DAY", help="first day (2026-03-01), or a moment with its offset")
    made.add_argument("--until", required=True, metavar="DAY", help="the day after the last one, or a moment")
    made.add_argument("--ward", help="one ward alone")
    made.add_argument("--claim", help="one claim link (MA_LK) alone")
    made.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the files go")
    made = command("health-summary", summary, "the medication summary of a patient's newest stay as a FHIR document")
    made.add_argument("patient", help="the patient's id or number")
    made.add_argument("--output", type=Path, metavar="FILE", help="without it the document is printed")
