"""One resource as it leaves the server, or why it cannot: what every kind of our FHIR face is built into.

A record that FHIR cannot hold is told as what it is, and never left out in silence.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.emr.fhir_elements import Json
from server.emr.fhir_ids import NoIdError, to_id
from server.emr.fhir_mapping import TEST_DATA, MappingContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """`resource` None: `problem` says why. `patient` is whose it is, for the audit. `version` None: only what is now is kept."""

    kind: str
    id: str
    resource: Json | None
    patient: str | None = None
    updated_at: datetime | None = None
    version: str | None = None
    problem: str = ""

    def finished(self, context: MappingContext) -> Json:
        """With its id and meta; a training hospital's says that it is made up."""
        assert self.resource is not None
        meta: Json = dict(self.resource.get("meta", {}))
        if self.version is not None:
            meta["versionId"] = self.version
        if self.updated_at is not None:
            meta["lastUpdated"] = instant(self.updated_at)
        if context.is_training:
            meta["security"] = [TEST_DATA]
        rest = {name: value for name, value in self.resource.items() if name not in ("resourceType", "id", "meta")}
        return {"resourceType": self.kind, "id": self.id, **({"meta": meta} if meta else {}), **rest}


def instant(at: datetime) -> str:
    """To the microsecond, as the database has it, so that "later than this" leaves nothing out."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


# A logical reference of this type -> which of our systems its identifier is of, where that is our own id.
_OURS = {"Practitioner": "staff", "Device": "cart", "MedicationRequest": "order", "MedicationAdministration": "administration"}


def literal(found: Any, context: MappingContext) -> Any:
    """Each reference by one of our identifiers gets the address under which we serve it; the identifier stays."""
    if isinstance(found, list):
        return [literal(one, context) for one in found]
    if not isinstance(found, dict):
        return found
    made = {name: literal(value, context) for name, value in found.items()}
    kind, named = made.get("type"), made.get("identifier")
    if not isinstance(kind, str) or kind not in _OURS or not isinstance(named, dict) or "reference" in made:
        return made
    if named.get("system") == context.system(_OURS[kind]):
        with suppress(NoIdError):  # the identifier says it all the same
            made = {"reference": f"{kind}/{to_id(named['value'])}", **made}
    return made
