"""The blueprint, and what every view of it asks first: in which form is the answer wanted, and may this type be read?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, request

from pointofcare.errors import NotPermittedError
from server.api.fhir.outcomes import AskedError
from server.config import ServerConfig
from server.emr import mapping_context
from server.emr.fhir_mapping import MappingContext
from server.security import person, programs
from server.usecases import fhir_scopes
from server.usecases.fhir_kinds import KINDS, Kind

room = Blueprint("fhir", __name__, url_prefix="/fhir")

_JSON = frozenset({"application/fhir+json", "application/json", "text/json", "json", "*/*", "application/*", "text/*"})


def config() -> ServerConfig:
    found: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    return found


def context() -> MappingContext:
    return mapping_context(config().emr, facility=config().facility)


def base() -> str:
    """Our own address: as the hospital says it, else as the client reached it."""
    return f"{(config().http.address or request.url_root).rstrip('/')}{room.url_prefix}/R4"


@room.before_request
def _form() -> None:
    """JSON is all that is offered. Raises: AskedError (406)."""
    if request.endpoint in ("fhir.token", "fhir.export_file"):
        return
    asked = request.args.get("_format")
    if asked is not None:
        offered = asked.split(";")[0].strip().lower() in _JSON
        where = "_format"
    else:
        accepted = [value.split(";")[0].strip().lower() for value, quality in request.accept_mimetypes if quality > 0]
        versions = {
            value.partition("fhirversion=")[2][:3]
            for value in (one.lower() for one, _ in request.accept_mimetypes)
            if "fhirversion=" in value
        }
        offered = not accepted or (any(one in _JSON for one in accepted) and versions <= {"4.0"})
        where = "Accept"
    if not offered:
        raise AskedError(
            where, "only FHIR R4 as JSON is offered", remedy="send Accept: application/fhir+json", issue="not-supported", status=406
        )


def granted() -> Mapping[str, Any]:
    """Type -> r, s of whoever asks: of a program by its token, of a person by the roles."""
    if programs.is_program():
        found = programs.current(config())
        if found is None:
            return {}
        bound = found.client.wards is not None
        return {kind: letters for kind, letters in found.granted.items() if not (bound and KINDS[kind].of_all_wards)}
    return fhir_scopes.of_permissions(person.permissions())


def may(kind: str, letter: str) -> bool:
    return letter in granted().get(kind, ())


def known(kind: str) -> Kind:
    """Raises: AskedError (404)."""
    found = KINDS.get(kind)
    if found is None:
        raise AskedError("", f"{kind[:64]} is not served", remedy="see /fhir/R4/metadata", issue="not-supported", status=404)
    return found


def permitted(kind: str, letter: str) -> Kind:
    """The type, when it may be read (r) or searched (s). Raises: AskedError, NotPermittedError."""
    found = known(kind)
    if not may(found.name, letter):
        wanted = f"system/{found.name}.{letter}"
        raise NotPermittedError(
            f"your token does not permit this for {found.name}",
            remedy=f"a program needs the scope {wanted}, a person a role that sees it",
            permission=wanted,
        )
    return found
