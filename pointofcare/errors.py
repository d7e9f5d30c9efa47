"""Every exception of the project, in one tree.

A clinical "no" is never an exception: it is a `Finding`. An exception says that machinery or input failed. Each class has
one stable `code`, and carries its facts as fields, so that a screen can say it in the reader's language and a caller can
decide by class, never by message text.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class PointOfCareError(Exception):
    """Base of all. `fields` holds the facts of the failure by name, `remedy` says what a person can do about it."""

    code: ClassVar[str] = "pointofcare-error"
    # Whether the message may stand in a log: it never quotes what a person, a label, a form or a message said.
    loggable: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str = "", **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class UnreadableError(PointOfCareError):
    """The world gave bad input."""

    code = "unreadable"


class LabelError(UnreadableError):
    """A barcode's content breaks the grammar of its standard."""

    code = "label-unreadable"


class QuantityError(UnreadableError):
    """An amount or a unit is not understood, or two units do not convert."""

    code = "quantity-unreadable"


class ZoneUnknownError(UnreadableError):
    """The ward's time zone is missing or is no IANA name, so no wall clock time has a meaning."""

    code = "zone-unknown"


class ScheduleUnknownError(UnreadableError):
    """An order that should be due at certain times does not say when, or contradicts itself."""

    code = "schedule-unknown"


class MessageError(UnreadableError):
    """A message, file or form does not fit its schema. `problems` lists every fault as (path of the field, what to do)."""

    code = "message-unreadable"

    def __init__(self, message: str, *, problems: tuple[tuple[str, str], ...] = (), remedy: str = "", **fields: object) -> None:
        super().__init__(message, remedy=remedy, **fields)
        self.problems = problems


class IllegalTransitionError(PointOfCareError):
    """A machine was given an event that its state does not know; nothing was changed."""

    code = "illegal-transition"

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(f"{machine}: {event} is not possible in state {state}", machine=machine, state=state, event=event)
        self.machine = machine
        self.state = state
        self.event = event


class NotPermittedError(PointOfCareError):
    """The person's role, or the witness rule, forbids it."""

    code = "not-permitted"


class NotFoundError(PointOfCareError):
    """A thing that was named does not exist."""

    code = "not-found"


class ConflictError(PointOfCareError):
    """The thing changed since it was read."""

    code = "conflict"


class ConfigError(PointOfCareError):
    """A program's configuration is not usable; `problems` lists every fault at once."""

    code = "config"
    loggable = True

    def __init__(self, message: str, *, problems: tuple[tuple[str, str], ...] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.problems = problems


def not_a_setting(name: str, known: Iterable[str]) -> str:
    """What is told of a setting that nobody asked for; with the one that was probably meant."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f'is not a setting: did you mean "{near[0]}"?' if near else "is not a setting: remove it or correct its spelling"


class DeviceError(PointOfCareError):
    """A lens, a wire or a lock failed."""

    code = "device"


class DeviceUnavailableError(DeviceError):
    """The device is not there."""

    code = "device-unavailable"
    loggable = True


class DeviceTimeoutError(DeviceError):
    """The device did not answer in time, and nothing was asked of it that could have happened."""

    code = "device-timeout"
    loggable = True


class DeviceProtocolError(DeviceError):
    """The device answered something that its protocol does not allow."""

    code = "device-protocol"


class OutcomeUnknownError(DeviceError):
    """A command was sent and it is not known whether it was carried out. Never folded into success or failure."""

    code = "outcome-unknown"


class JournalError(PointOfCareError):
    """The cart could not write its journal; the record is not safe and the screen must say so."""

    code = "journal"
    loggable = True


class EmrError(PointOfCareError):
    """The electronic medical record did not take a record."""

    code = "emr"


class EmrUnavailableError(EmrError):
    """Provably not taken, may be sent again."""

    code = "emr-unavailable"


class EmrRejectedError(EmrError):
    """Refused for its content: a person must look."""

    code = "emr-rejected"


class EmrOutcomeUnknownError(EmrError):
    """It may have been taken: a person must look, unless the send is idempotent."""

    code = "emr-outcome-unknown"


class FirmwareError(PointOfCareError):
    """A firmware image or its transfer failed."""

    code = "firmware"
    loggable = True


class ImageRejectedError(FirmwareError):
    """The image is not ours, not for this hardware, or not newer."""

    code = "image-rejected"


class TransferInterruptedError(FirmwareError):
    """The transfer broke off; it may be resumed."""

    code = "transfer-interrupted"


class ReleasesUnreachableError(FirmwareError):
    """The repository of releases does not answer, or only in part. Asking again later is right."""

    code = "releases-unreachable"


class ReleasesExpiredError(FirmwareError):
    """The repository's signed lists are out of date, or this machine's clock is wrong: nothing may be installed from them."""

    code = "releases-expired"


class ReleasesUntrustedError(FirmwareError):
    """What the repository gives is not what its keys signed: nothing may be installed from it."""

    code = "releases-untrusted"
