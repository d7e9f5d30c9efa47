"""`pointofcare-server emr ...`: what a hospital's IT does about the connection to its EMR, from a shell."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.emr import contract, form_of, mapping_context, open_emr, token_key
from server.emr.contract import Result, Sample, Trial

# The port where nothing ever listens (discard), and the targets that are reached over a line.
_NOBODY = 9
_OVER_A_LINE = ("fhir", "hl7v2", "gnuhealth")


def run(action: str, config: ServerConfig, chosen: argparse.Namespace) -> int:
    """The exit code. Raises: ConfigError."""
    if action == "new-key":
        return _new_key(config)
    if action == "contract":
        return _contract(config, chosen)
    return _jwks(config, chosen)


def _new_key(config: ServerConfig) -> int:
    path = config.emr.token_key
    if path is None:
        raise ConfigError("emr.token_key is not set", remedy='name a file for it, such as token_key = "emr-key.json" under [emr]')
    key = token_key.draw(path)
    _say(f"{path} written: {key.algorithm}, kid {key.id}. Next: pointofcare-server emr jwks")
    return 0


def _jwks(config: ServerConfig, chosen: argparse.Namespace) -> int:
    paths = [path for path in (config.emr.token_key, *chosen.more) if path is not None]
    if not paths:
        raise ConfigError("there is no key to print", remedy="set emr.token_key and draw it with: pointofcare-server emr new-key")
    sys.stdout.write(token_key.public_jwks(token_key.load(path) for path in paths))
    return 0


def _contract(config: ServerConfig, chosen: argparse.Namespace) -> int:
    """1 when the adapter breaks one of the checks."""
    emr = config.emr
    sample = Sample(facility=config.facility, mrn=chosen.mrn, order=chosen.order, nurse=chosen.nurse, witness=chosen.witness)
    nobody = replace(emr, base_url=f"http://127.0.0.1:{_NOBODY}/", host="127.0.0.1", port=_NOBODY, token_url=None, client_id=None)
    trial = Trial(
        emr=open_emr(emr, facility=config.facility),
        form=form_of(emr, facility=config.facility),
        context=mapping_context(emr, facility=config.facility),
        sample=sample,
        away=open_emr(nobody, facility=config.facility) if emr.target in _OVER_A_LINE else None,
    )
    broken = 0
    _say(f"{trial.emr.name}: made-up doses of {chosen.mrn} are sent, and stay there")
    with contract.closing(trial):
        for outcome in contract.run(trial):
            broken += outcome.result is Result.BROKEN
            _say(f"{outcome.result.value:<10} {outcome.name}" + (f": {outcome.words}" if outcome.words else ""))
    return 1 if broken else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
