"""What our FHIR face can do, told from the table that it works by: `/metadata` and `.well-known/smart-configuration`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from server.emr.fhir_elements import Json
from server.usecases.fhir_built import instant
from server.usecases.fhir_clients import ALGORITHMS
from server.usecases.fhir_kinds import KINDS, Kind

_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_EVERYTHING = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
_EXPORTS = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"


def statement(base: str, *, version: str, at: datetime) -> Json:
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base}/metadata",
        "name": "PointOfCare",
        "title": "Bedside medication: what others may read",
        "status": "active",
        "date": instant(at),
        "kind": "instance",
        "software": {"name": "pointofcare-server", "version": version},
        "implementation": {"description": "Bedside medication administration, read only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "instantiates": [f"{_EXPORTS.removesuffix('/OperationDefinition')}/CapabilityStatement/bulk-data"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Read only. Dates without a zone are the hospital's. Pages may be short, or empty, before the last.",
                "security": {
                    "service": [{"coding": [{"system": _SECURITY, "code": "SMART-on-FHIR"}], "text": "SMART Backend Services"}],
                    "extension": [
                        {
                            "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                            "extension": [{"url": "token", "valueUri": token_address(base)}],
                        }
                    ],
                },
                "resource": [_resource(kind) for kind in KINDS.values()],
                "operation": [{"name": "export", "definition": f"{_EXPORTS}/export"}],
            }
        ],
    }


def _resource(kind: Kind) -> Json:
    interactions = ["read", "search-type", *(["vread", "history-instance"] if kind.versions else [])]
    references = [one for one in kind.parameters if one.type == "reference" and one.path]
    found: dict[str, Any] = {
        "type": kind.name,
        "documentation": kind.about,
        "interaction": [{"code": one} for one in interactions],
        "versioning": "versioned" if kind.versions else "no-version",
        "readHistory": kind.versions,
        "updateCreate": False,
        "conditionalCreate": False,
        "conditionalRead": "not-match",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical"],
        "searchParam": [{"name": one.name, "type": one.type, "documentation": one.about} for one in kind.parameters],
    }
    includes = [f"{kind.name}:{one.name}" for one in references]
    if includes:
        found["searchInclude"] = includes
    back = [
        f"{other.name}:{one.name}"
        for other in KINDS.values()
        for one in other.parameters
        if one.type == "reference" and one.path and kind.name in one.targets
    ]
    if back:
        found["searchRevInclude"] = back
    if kind.name == "Patient":
        found["operation"] = [
            {"name": "everything", "definition": _EVERYTHING},
            {"name": "export", "definition": f"{_EXPORTS}/patient-export"},
        ]
    return found


def token_address(base: str) -> str:
    return f"{base.removesuffix('/R4')}/token"


def smart(base: str) -> Json:
    return {
        "token_endpoint": token_address(base),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": ["system/*.rs", *(f"system/{kind}.rs" for kind in KINDS)],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }
