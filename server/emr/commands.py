"""`pointofcare-server emr ...`: what a hospital's IT does about the connection to its EMR, from a shell."""

from __future__ import annotations

import argparse
import sys

from pointofcare.errors import ConfigError
from server.config import ServerConfig
from server.emr import token_key


def run(action: str, config: ServerConfig, chosen: argparse.Namespace) -> int:
    """The exit code. Raises: ConfigError."""
    if action == "new-key":
        return _new_key(config)
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


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
