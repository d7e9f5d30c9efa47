"""Another project's SMP client (mcumgr-toolkit, in Rust), as a process apart: it holds the interpreter while it waits.

`python -m tests.support.stranger_smp PORT STEP ...` does the steps in order and prints what each gave, a JSON line each; it ends with
the first that is refused. Steps: echo, params, list, upload FILE, test HEX, confirm, confirm HEX, erase, reset, wait, raw W G C.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mcumgr_toolkit


def session(port: str, *steps: str) -> list[dict[str, Any]]:
    """What each step gave: {"step", "given"} or, last, {"step", "refused"}."""
    command = [sys.executable, "-m", "tests.support.stranger_smp", port, *steps]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(arguments: Sequence[str]) -> None:
    client = mcumgr_toolkit.MCUmgrClient.serial(arguments[0], baud_rate=115200, timeout_ms=1000)
    for step in arguments[1:]:
        try:
            told = {"step": step, "given": _do(client, *step.split(" "))}
        except Exception as exc:  # noqa: BLE001 - whatever it raises is what it says
            told = {"step": step, "refused": f"{type(exc).__name__}: {exc}"}
        sys.stdout.write(json.dumps(told) + "\n")
        if "refused" in told:
            return


def _do(client: Any, name: str, *given: str) -> Any:
    if name == "echo":
        return client.os_echo(" ".join(given))
    if name == "params":
        told = client.os_mcumgr_parameters()
        client.use_auto_frame_size()
        return {"buf_size": told.buf_size, "buf_count": told.buf_count}
    if name == "upload":
        return client.image_upload(Path(given[0]).read_bytes())
    if name == "erase":
        return client.image_erase()
    if name == "reset":
        return client.os_system_reset()
    if name == "wait":
        return _wait(client, given[0])
    if name == "raw":
        return client.raw_command(given[0] == "write", int(given[1]), int(given[2]), {})
    if name in ("test", "confirm"):
        client.image_set_state(hash=bytes.fromhex(given[0]) if given else None, confirm=name == "confirm")
    return _states(client)


def _wait(client: Any, image_hash: str) -> Any:
    """Until that image runs."""
    deadline = time.monotonic() + 20
    while True:
        try:
            states = _states(client)
        except Exception:  # noqa: BLE001 - it starts
            states = []
        if any(state["active"] and state["hash"] == image_hash for state in states):
            return states
        if time.monotonic() > deadline:
            raise TimeoutError(f"{image_hash} does not run: {states}")
        time.sleep(0.1)


def _states(client: Any) -> list[dict[str, Any]]:
    return [
        {
            "slot": state.slot,
            "version": state.version,
            "hash": bytes(state.hash).hex(),
            **{name: getattr(state, name) for name in ("bootable", "pending", "confirmed", "active", "permanent")},
        }
        for state in client.image_get_state()
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
