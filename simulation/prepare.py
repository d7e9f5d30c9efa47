"""The server's one-time work for a virtual hospital, in one process because each start of Python costs a second or two.

`python -m simulation.prepare SERVER_TOML KEY_FILE [FILE ...]`: bring the database to this version's schema, export the public key for the
carts, import the files. Ends with the first command's exit code that is not 0.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from server.__main__ import main as server


def main(arguments: Sequence[str]) -> int:
    settings, key, *files = arguments
    commands = [["migrate"], ["export-key", "--output", key]]
    if files:
        commands.append(["import", *files])
    for name, *rest in commands:
        code = server([name, "--config", settings, *rest])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
