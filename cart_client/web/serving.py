"""Stopping the kiosk's server from another thread than its own: its sockets may only be closed by the thread that waits on them."""

from __future__ import annotations

from typing import Any


def stop(server: Any) -> None:
    """Have the server's own loop close it and every open connection; its `run` then returns."""

    def close() -> None:
        server.close()
        for channel in list(server.active_channels.values()):
            channel.handle_close()

    server.trigger.pull_trigger(close)
