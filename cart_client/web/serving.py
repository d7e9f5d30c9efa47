"""Where the kiosk's server listens when its screen is a phone, and stopping it from another thread than its own.

Its sockets may only be closed by the thread that waits on them.
"""

from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path
from typing import IO, Any

from waitress.server import create_server

from pointofcare.errors import ConfigError


def on_socket(app: Any, path: Path, **settings: Any) -> tuple[Any, IO[str]]:
    """A server on the Unix socket `path`, for its owner and group alone, and the lock that keeps a second program from taking it.

    Raises: ConfigError when another program serves there."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    hold = path.with_name(f"{path.name}.lock").open("w")
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        hold.close()
        message = f"the cart of this phone runs already: {path} is taken"
        raise ConfigError(message, problems=(("phone.socket", message),), remedy="end the other program first") from exc
    return create_server(app, unix_socket=str(path), unix_socket_perms="660", **settings), hold


def stop(server: Any) -> None:
    """Have the server's own loop close it and every open connection; its `run` then returns."""

    def close() -> None:
        server.close()
        for channel in list(server.active_channels.values()):
            channel.handle_close()

    # The loop may be awake already, do what it is asked and close the trigger's pipe before this thread has written into it.
    with contextlib.suppress(OSError):
        server.trigger.pull_trigger(close)
