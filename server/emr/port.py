"""What the server may ask of an electronic medical record (EMR), and what the answers mean.

Adapters (`fhir`, `folder`) translate every foreign failure into these classes at the boundary; the dispatcher decides by
class alone. An adapter never changes the payload it is given and never builds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pointofcare.errors import EmrRejectedError, EmrUnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The EMR holds the record. `emr_id` names the resource there ("MedicationAdministration/17"); `version` may be unknown.

    `replayed`: it was already there, so an earlier send had arrived after all."""

    emr_id: str
    version: str | None = None
    replayed: bool = False


class EmrUnclearError(EmrUnavailableError):
    """Refused in a way that may be the EMR's own trouble (a 400 while its database is away). Sent again, a bounded number
    of times, and then left to a person."""

    code: ClassVar[str] = "emr-unclear"


class StartMissingError(EmrUnavailableError):
    """What this record corrects or goes on with has not arrived, or has not been sent: it is tried again until it has."""

    code: ClassVar[str] = "emr-start-missing"


class NoReadBackError(EmrUnavailableError):
    """This kind of EMR cannot be asked for what it holds."""

    code: ClassVar[str] = "emr-no-read-back"


class NotTakenError(EmrRejectedError):
    """This EMR has no place for this kind of thing."""

    code: ClassVar[str] = "emr-not-taken"


class EmrPort(Protocol):
    """Where administrations go. `submit` with the same bytes is safe to repeat when `idempotent`; where it is not, nothing of which
    nobody knows whether it arrived is sent again."""

    name: str
    idempotent: bool

    def check(self) -> None:
        """Is it there, and can it do what sending needs? Raises: EmrUnavailableError, EmrRejectedError (it lacks something)."""
        ...

    def submit(self, payload: bytes, record_id: str) -> Accepted:
        """Send one record's stored bytes.

        Raises: EmrUnavailableError (retry; `fields["retry_after_s"]` when the EMR named a time), EmrUnclearError (retry, with a
        cap), EmrOutcomeUnknownError (it may have arrived), EmrRejectedError (a person must look)."""
        ...

    def read_back(self, record_id: str) -> Mapping[str, Any] | None:
        """What the EMR holds under this record's identifier, in its own words; None: nothing.

        Raises: EmrUnavailableError, NoReadBackError where there is no such question, EmrRejectedError with `emr_ids` when there is
        more than one."""
        ...

    def close(self) -> None: ...
