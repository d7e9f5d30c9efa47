"""The cart's drawers behind the bridge program of the same machine, over its Unix socket. No network is needed.

An answer that does not come is `OutcomeUnknownError`, never a failure: the drawer may be open. Asking again with the same
command id is safe, because the microcontroller acts once on an id; this adapter does so itself once.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from devices.ports import DrawerOutcome, DrawersTold, LockOutcome
from pointofcare.errors import DeviceProtocolError, DeviceUnavailableError, OutcomeUnknownError
from pointofcare.fleet.drawers import Happening

DEFAULT_ANSWER_S = 5.0  # the bridge itself gives up after three seconds
_CONNECT_S = 1.0
_LONGEST_ANSWER = 65_536
_NOTHING_SENT = frozenset({DeviceUnavailableError.code, "not-understood"})


class BridgeDrawers:
    """`path` is the bridge's socket. Each unlock is a connection of its own, so that no answer can belong to another."""

    def __init__(self, path: str, *, answer_s: float = DEFAULT_ANSWER_S) -> None:
        self._path = path
        self._answer_s = answer_s
        self._closed = False

    def unlock(self, drawer: int, *, command_id: str, ttl_s: float) -> DrawerOutcome:
        if self._closed:
            raise DeviceUnavailableError("the drawers are closed", remedy="start the cart again", drawer=drawer)
        question = {"do": "unlock", "drawer": drawer, "id": command_id, "ttl_ms": round(ttl_s * 1000)}
        sent = False
        for _ in range(2):
            try:
                answer = self._asked(question)
            except DeviceUnavailableError as exc:
                if not sent:
                    raise
                raise _unknown(drawer, command_id) from exc
            if answer is not None:
                return _outcome(answer, drawer, command_id)
            sent = True
        raise _unknown(drawer, command_id)

    def happenings(self, *, run: str, after: int) -> DrawersTold | None:
        if self._closed:
            return None
        try:
            told = self._asked({"do": "happenings", "drawer": 0, "id": "happenings", "run": run, "after": after})
            return _told(told) if told is not None and "error" not in told else None
        except (DeviceUnavailableError, OutcomeUnknownError, KeyError, TypeError, ValueError):
            return None

    def lock(self, drawer: int) -> LockOutcome:
        told = self._done({"do": "lock", "drawer": drawer, "id": "lock"})
        return LockOutcome(told["outcome"]) if told.get("outcome") in tuple(LockOutcome) else LockOutcome.REFUSED

    def in_use(self, busy: bool, *, ttl_s: float) -> None:
        if self._closed:
            return
        with contextlib.suppress(DeviceUnavailableError, OutcomeUnknownError):
            self._asked({"do": "in-use", "drawer": 0, "id": "in-use", "busy": busy, "ttl_ms": round(ttl_s * 1000)})

    def signal(self, *, lasts_s: float, sound: bool = True, lights: bool = True) -> None:
        lasts_ms = round(lasts_s * 1000)
        told = {"sound_ms": lasts_ms if sound else 0, "lights_ms": lasts_ms if lights else 0}
        self._done({"do": "signal", "drawer": 0, "id": "signal", **told})

    def selftest(self) -> tuple[str, ...]:
        told = self._done({"do": "selftest", "drawer": 0, "id": "selftest"})
        broken = told.get("broken")
        if not isinstance(broken, list):
            raise OutcomeUnknownError("the bridge did not say how the test went", remedy="test again")
        return tuple(str(each)[:64] for each in broken)

    def condition(self) -> Mapping[str, object]:
        if self._closed:
            return {}
        try:
            told = self._asked({"do": "status", "drawer": 0, "id": ""})
        except (DeviceUnavailableError, OutcomeUnknownError):
            return {}
        return told or {}

    def _done(self, question: dict[str, Any]) -> dict[str, Any]:
        """Asked once. Raises: DeviceUnavailableError (nothing was done), OutcomeUnknownError."""
        if self._closed:
            raise DeviceUnavailableError("the drawers are closed", remedy="start the cart again")
        told = self._asked(question)
        if told is None:
            raise OutcomeUnknownError("the bridge hung up", remedy="look at the cart", asked=question["do"])
        code, message = str(told.get("error", "")), str(told.get("message", ""))
        if code in _NOTHING_SENT or code == DeviceProtocolError.code:
            raise DeviceUnavailableError(f"the hardware did not do it: {message}", remedy="look at the cart", asked=question["do"])
        if code:
            raise OutcomeUnknownError(f"it is not known whether it was done: {message}", remedy="look at the cart", asked=question["do"])
        return told

    def battery_percent(self) -> int | None:
        told = self.condition()
        percent = told.get("battery_percent") if told.get("connected") is True else None
        return percent if isinstance(percent, int) and not isinstance(percent, bool) and 0 <= percent <= 100 else None

    def close(self) -> None:
        self._closed = True

    def _asked(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """The bridge's answer; None when it was asked and hung up. Raises: DeviceUnavailableError (it was not asked),
        OutcomeUnknownError (it stays silent)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_CONNECT_S)
            try:
                connection.connect(self._path)
            except OSError as exc:
                raise DeviceUnavailableError(
                    f"the drawer bridge does not answer at {self._path}: {exc.strerror or exc}", remedy="open the drawer with its key"
                ) from exc
            connection.settimeout(self._answer_s)
            try:
                connection.sendall(json.dumps(question).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    line = lines.readline(_LONGEST_ANSWER)
                answer = json.loads(line)
            except TimeoutError as exc:  # it may still be at it; asking on would keep the nurse waiting twice as long
                raise _unknown(int(question["drawer"]), str(question["id"])) from exc
            except (OSError, ValueError):
                return None
        return answer if isinstance(answer, dict) and (question["do"] == "status" or answer.get("id") in ("", question["id"])) else None


def open_drawers(path: str, *, answer_s: str = str(DEFAULT_ANSWER_S)) -> BridgeDrawers:
    """`path` of the bridge's socket, as in `bridge:/run/pointofcare/drawers.sock`."""
    if not path:
        raise ValueError("name the bridge's socket, as in bridge:/run/pointofcare/drawers.sock")
    return BridgeDrawers(path, answer_s=float(answer_s))


def _told(answer: Mapping[str, Any]) -> DrawersTold:
    """Raises: KeyError, TypeError, ValueError for what is no such answer."""
    return DrawersTold(
        run=str(answer["run"]),
        upto=int(answer["upto"]),
        at=datetime.fromisoformat(answer["at"]),
        connected=answer["connected"] is True,
        open=tuple(int(each) for each in answer["open"]),
        happened=tuple(
            Happening(
                epoch=str(answer["run"]),
                seq=int(one["n"]),
                kind=str(one["kind"]),
                at=datetime.fromisoformat(one["at"]),
                drawer=one.get("drawer"),
                command=str(one.get("command") or ""),
                outcome=str(one.get("outcome") or ""),
                lasts=timedelta(milliseconds=int(one.get("ttl_ms") or 60_000)),
                count=int(one.get("count") or 0),
            )
            for one in answer["happened"]
        ),
    )


def _outcome(answer: dict[str, Any], drawer: int, command_id: str) -> DrawerOutcome:
    if answer.get("outcome") in tuple(DrawerOutcome):
        return DrawerOutcome(answer["outcome"])
    code, message = str(answer.get("error", "")), str(answer.get("message", ""))
    if code in _NOTHING_SENT:
        raise DeviceUnavailableError(f"the drawer was not asked to open: {message}", remedy="open the drawer with its key", drawer=drawer)
    if code == DeviceProtocolError.code:  # the microcontroller understood, and said no
        return DrawerOutcome.REFUSED
    raise _unknown(drawer, command_id)


def _unknown(drawer: int, command_id: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        "it is not known whether the drawer opened", remedy="look whether it is open", drawer=drawer, command_id=command_id
    )
