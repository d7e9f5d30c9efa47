"""Firmware images on the microcontroller: what is in its slots, upload, test, confirm, erase, reset.

Everything here is the transport of a decision that was made elsewhere: no signature is checked and no policy kept. An image is
known by the SHA-256 of its MCUboot trailer, never by its version, of which tools disagree how it is written. Nothing here asks
the microcontroller to keep an image that does not run now, and no reset is sent twice without a look at what the first did.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cbor2
from pydantic import BaseModel, ConfigDict, model_validator
from smp import header, message
from smp.image_management import ImageManagementErrorV1, ImageManagementErrorV2
from smp.os_management import OSManagementErrorV1, OSManagementErrorV2

from firmware_bridge import group
from firmware_bridge.link import Link
from pointofcare.errors import DeviceError, DeviceProtocolError, DeviceTimeoutError, ImageRejectedError, TransferInterruptedError

SECONDARY_SLOT = 1
_ANSWER_S = 1.0
_ERASE_S = 12.0  # a whole slot of flash, before the first answer to an upload and to an erase
_STALLS = 6  # how often in a row an upload may begin anew without getting further
_LARGEST_IMAGE = 16 * 1024 * 1024
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageState:
    """One slot. `hash` is lower-case hex, "" when the microcontroller tells none. `active`: runs now. `confirmed`: stays after
    the next reset. `pending`: runs after the next reset, once. `permanent`: and for good."""

    slot: int
    version: str
    hash: str
    bootable: bool
    pending: bool
    confirmed: bool
    active: bool
    permanent: bool


class _Answer(message.Response):
    """Newer firmware may say more than we know. An answer with an error in it is none of these, whatever else it says."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    RESPONSE_TYPE = message.ResponseType.SUCCESS
    rc: int = 0
    err: dict[str, int] | None = None

    @model_validator(mode="after")
    def _no_error(self) -> _Answer:
        if self.rc or self.err:
            raise ValueError("an error answer")
        return self


class _Slot(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    slot: int
    version: str = ""
    image: int = 0
    hash: bytes = b""
    bootable: bool = False
    pending: bool = False
    confirmed: bool = False
    active: bool = False
    permanent: bool = False


class _StatesAnswer(_Answer):
    _OP = header.OP.READ_RSP
    _GROUP_ID = header.GroupId.IMAGE_MANAGEMENT
    _COMMAND_ID = header.CommandId.ImageManagement.STATE
    images: list[_Slot]


class _WrittenStatesAnswer(_StatesAnswer):
    _OP = header.OP.WRITE_RSP


class _UploadAnswer(_Answer):
    _OP = header.OP.WRITE_RSP
    _GROUP_ID = header.GroupId.IMAGE_MANAGEMENT
    _COMMAND_ID = header.CommandId.ImageManagement.UPLOAD
    off: int
    match: bool | None = None


class _EraseAnswer(_Answer):
    _OP = header.OP.WRITE_RSP
    _GROUP_ID = header.GroupId.IMAGE_MANAGEMENT
    _COMMAND_ID = header.CommandId.ImageManagement.ERASE


class _ResetAnswer(_Answer):
    _OP = header.OP.WRITE_RSP
    _GROUP_ID = header.GroupId.OS_MANAGEMENT
    _COMMAND_ID = header.CommandId.OSManagement.RESET


class _ImageErrors:
    _ErrorV1 = ImageManagementErrorV1
    _ErrorV2 = ImageManagementErrorV2


class StatesRead(_ImageErrors, message.ReadRequest):
    _GROUP_ID = header.GroupId.IMAGE_MANAGEMENT
    _COMMAND_ID = header.CommandId.ImageManagement.STATE
    _Response = _StatesAnswer


class StatesWrite(_ImageErrors, message.WriteRequest):
    """Without `hash` it speaks of the image that runs."""

    _GROUP_ID = header.GroupId.IMAGE_MANAGEMENT
    _COMMAND_ID = header.CommandId.ImageManagement.STATE
    _Response = _WrittenStatesAnswer
    hash: bytes | None = None
    confirm: bool


class UploadWrite(_ImageErrors, message.WriteRequest):
    """There is no `upgrade` here: what it means differs between servers, and one of its meanings is "confirm unseen"."""

    _GROUP_ID = header.GroupId.IMAGE_MANAGEMENT
    _COMMAND_ID = header.CommandId.ImageManagement.UPLOAD
    _Response = _UploadAnswer
    off: int
    data: bytes
    len: int | None = None
    sha: bytes | None = None


class EraseWrite(_ImageErrors, message.WriteRequest):
    _GROUP_ID = header.GroupId.IMAGE_MANAGEMENT
    _COMMAND_ID = header.CommandId.ImageManagement.ERASE
    _Response = _EraseAnswer
    slot: int


class ResetWrite(message.WriteRequest):
    _GROUP_ID = header.GroupId.OS_MANAGEMENT
    _COMMAND_ID = header.CommandId.OSManagement.RESET
    _ErrorV1 = OSManagementErrorV1
    _ErrorV2 = OSManagementErrorV2
    _Response = _ResetAnswer


class Images:
    """Over a started `link`. `at_once` bounds one upload message in bytes, header included: a small one lets an unlock in
    sooner and gets through a poor line, a large one is faster. `pause` waits seconds; `mono` gives seconds that never jump."""

    def __init__(
        self,
        link: Link,
        *,
        at_once: int = 512,
        answer_s: float = _ANSWER_S,
        erase_s: float = _ERASE_S,
        pause: Callable[[float], None] = time.sleep,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._at_once = at_once
        self._answer_s = answer_s
        self._erase_s = erase_s
        self._pause = pause
        self._mono = mono

    def boot_id(self) -> str:
        """Drawn anew at every start of the microcontroller. Raises: DeviceError."""
        boot: str = self._link.ask(group.Info).boot
        return boot

    def await_boot(self, before: str, *, within_s: float) -> str:
        """The boot id of the start after `before`: an answer to a reset comes before the reset, and what is asked in between
        still speaks of the old one. Raises: DeviceTimeoutError when none came within `within_s`."""
        deadline = self._mono() + within_s
        while True:
            try:
                boot = self.boot_id()
            except DeviceError:
                boot = ""  # it starts
            if boot and boot != before:
                return boot
            if self._mono() >= deadline:
                raise DeviceTimeoutError("the microcontroller did not start anew", remedy="look at the cart")
            self._pause(_LOOK_S)

    def image_states(self) -> tuple[ImageState, ...]:
        """The slots of the first image, lowest first. Raises: DeviceError."""
        answer: _StatesAnswer = self._link.ask(StatesRead, timeout_s=self._answer_s)
        return _told(answer)

    def upload(self, data: bytes, *, progress: Callable[[int, int], None] = lambda _sent, _all: None) -> None:
        """Writes `data` into the secondary slot, and nothing more: it neither tests nor confirms it. The microcontroller knows
        an upload that it began before by the hash of all of `data` and goes on where it was, so calling this again resumes.
        `progress` is told bytes there and bytes in all, seldom twice the same; what it raises ends the upload.

        Raises: ImageRejectedError (it was refused as such, or what arrived is not what was sent), TransferInterruptedError
        (the line failed too often without getting further; it may be resumed)."""
        if not 0 < len(data) <= _LARGEST_IMAGE:
            raise ImageRejectedError(f"no firmware image has {len(data)} bytes", remedy="make the release again")
        sha = hashlib.sha256(data).digest()
        there, furthest, stalls, begin = 0, 0, 0, True
        while begin or there < len(data):
            offset = 0 if begin else there
            try:
                answer: _UploadAnswer = self._link.ask(
                    partial(self._piece, data, offset, sha), timeout_s=self._answer_s if furthest else self._erase_s
                )
            except DeviceProtocolError as exc:
                if "rc" in exc.fields:
                    raise ImageRejectedError(f"the microcontroller does not take the image: {exc}", remedy="look at the release") from exc
                fault: DeviceError = exc
            except DeviceError as exc:
                fault = exc
            else:
                there = self._got_to(answer, len(data))
                if there > furthest:
                    furthest, stalls = there, 0
                    progress(there, len(data))
                if begin or there > offset:
                    begin = False  # it may be behind what it had: then it began anew, and so do we
                    continue
                fault = DeviceTimeoutError(f"the upload stands at byte {there}")
            stalls += 1
            if stalls > _STALLS:
                raise TransferInterruptedError(f"the upload broke off at byte {furthest} of {len(data)}", remedy="try again") from fault
            begin = True
            self._pause(_LOOK_S * stalls)

    def _piece(self, data: bytes, offset: int, sha: bytes) -> UploadWrite:
        """As much from `offset` on as one message may carry; built for every try, when the room is known."""
        first = {} if offset else {"len": len(data), "sha": sha}
        around = header.Header.SIZE + len(cbor2.dumps({"off": offset, "data": b"", **first})) + 2  # `data`'s length takes 3 bytes, not 1
        room = max(1, min(self._at_once, self._link.room) - around)
        piece = data[offset : offset + room]
        return UploadWrite(off=offset, data=piece, len=None if offset else len(data), sha=None if offset else sha)

    def _got_to(self, answer: _UploadAnswer, length: int) -> int:
        """Raises: ImageRejectedError."""
        if not 0 <= answer.off <= length:
            raise ImageRejectedError(f"the microcontroller says it has {answer.off} of {length} bytes", remedy="erase the slot, try again")
        if answer.off == length and answer.match is False:
            raise ImageRejectedError("what arrived is not what was sent", remedy="erase the slot, try again")
        return answer.off

    def mark_test(self, image_hash: str) -> ImageState:
        """Let this image run once after the next reset. Says yes only when the slots say so afterwards.

        Raises: DeviceProtocolError (it is not there, runs already, or was refused), other DeviceError."""
        self._other(image_hash)
        fault: DeviceProtocolError | None = None
        try:
            self._link.ask(lambda: StatesWrite(hash=bytes.fromhex(image_hash), confirm=False), timeout_s=self._answer_s)
        except DeviceProtocolError as exc:
            fault = exc  # an answer that was lost makes the second try one for an image that is pending already
        state = self._other(image_hash)
        if state.permanent or not state.pending:
            raise DeviceProtocolError(f"the image is not marked for a test: {fault or 'the slots say no'}") from fault
        return state

    def confirm(self, image_hash: str | None = None) -> ImageState:
        """Keep the image that runs now; with `image_hash`, only when it is that one. An image that does not run is never
        confirmed: after a revert that would make the one that failed permanent.

        Raises: DeviceProtocolError (another one runs, or it was refused), other DeviceError."""
        self._running(image_hash)
        self._link.ask(lambda: StatesWrite(confirm=True), timeout_s=self._answer_s)
        state = self._running(image_hash)
        if not state.confirmed:
            raise DeviceProtocolError("the image that runs is not confirmed")
        return state

    def erase(self, slot: int = SECONDARY_SLOT) -> None:
        """Raises: DeviceProtocolError (what is in the slot runs, or is to run next), other DeviceError."""
        if any(state.slot == slot and (state.active or state.pending) for state in self.image_states()):
            raise DeviceProtocolError(f"slot {slot} is in use")
        self._link.ask(lambda: EraseWrite(slot=slot), timeout_s=self._erase_s)

    def reset(self) -> None:
        """Sent once. That it was answered says that it will be done, not that it was: see `await_boot`.

        Raises: OutcomeUnknownError (look at the boot id before it is sent again: a second reset takes an image that is on test
        back), DeviceUnavailableError (nothing was sent), DeviceProtocolError (it was refused)."""
        self._link.once(ResetWrite, timeout_s=self._answer_s)

    def _running(self, image_hash: str | None) -> ImageState:
        running = [state for state in self.image_states() if state.active]
        if len(running) != 1:
            raise DeviceProtocolError(f"{len(running)} images are said to run")
        if image_hash is not None and running[0].hash != image_hash.lower():
            raise DeviceProtocolError("another image runs than the one to confirm")
        return running[0]

    def _other(self, image_hash: str) -> ImageState:
        found = [state for state in self.image_states() if state.hash == image_hash.lower() and not state.active]
        if not image_hash or not found:
            raise DeviceProtocolError("the image is not in a slot that does not run")
        return found[0]


def _told(answer: _StatesAnswer) -> tuple[ImageState, ...]:
    return tuple(
        ImageState(
            slot=slot.slot,
            version=slot.version,
            hash=slot.hash.hex(),
            bootable=slot.bootable,
            pending=slot.pending,
            confirmed=slot.confirmed,
            active=slot.active,
            permanent=slot.permanent,
        )
        for slot in sorted(answer.images, key=lambda slot: slot.slot)
        if slot.image == 0
    )
