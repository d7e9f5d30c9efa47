"""The EMR as a FHIR R4 server over HTTP.

Sends stored bytes and reads the answer; builds nothing. An answer that carries another identifier or another patient than
was sent is an alarm, never a success.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from pointofcare.errors import ConfigError, EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from server.config import EmrConfig
from server.emr import answers, fhir_update, token_key
from server.emr.fhir_elements import search
from server.emr.fhir_mapping import MappingContext
from server.emr.port import Accepted, EmrUnclearError, NotTakenError
from server.emr.token import ClientCredentials, SignedAssertion

_JSON = "application/fhir+json"
_LOCATION = re.compile(r"(?:^|/)([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?/?$")
# What carries the identifier of a record: the dose or infusion, a removal, a measurement or an effect.
OURS = ("MedicationAdministration", "Procedure", "Observation")
# What is told beside them, and those of it that are found by an identifier of their own.
BESIDE = ("AuditEvent", "Device")
BY_IDENTIFIER = ("Device",)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def opened(config: EmrConfig, facility: str) -> FhirEmr:
    """The FHIR server of a configuration, with its sign-in; nothing is connected yet. Raises: ConfigError."""
    if not config.base_url:
        raise ConfigError("emr.base_url is missing", remedy='set emr.target to "fhir" with emr.base_url')
    site = config.identifiers or f"https://pointofcare.invalid/{facility}"
    return FhirEmr(
        config.base_url, identifier_system=MappingContext(site=site).system("administration"), token=config.token, auth=sign_in(config)
    )


def sign_in(config: EmrConfig) -> httpx.Auth | None:
    """How requests are signed in, None: they are not. Raises: ConfigError for a key that cannot be used."""
    if not config.token_url or not config.client_id:
        return None
    scope = config.scope or ""
    if config.token_key is not None:
        key, audience = token_key.load(config.token_key), config.token_audience or ""
        return SignedAssertion(config.token_url, client_id=config.client_id, key=key, scope=scope, audience=audience)
    if config.client_secret:
        return ClientCredentials(config.token_url, client_id=config.client_id, client_secret=config.client_secret, scope=scope)
    return None


class FhirEmr:
    """`identifier_system` is the system of our administration identifiers. `timeout_s` bounds each step of one request.

    `token` is a fixed bearer token, `auth` draws them (see `server.emr.token`); neither: an EMR that asks for none."""

    name = "fhir"
    idempotent = True

    def __init__(
        self,
        base_url: str,
        *,
        identifier_system: str,
        token: str | None = None,
        auth: httpx.Auth | None = None,
        timeout_s: float = 15.0,
        verify: bool | str = True,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._identifier_system = identifier_system
        # What the EMR says that it takes; empty until it was asked.
        self._kinds: frozenset[str] = frozenset()
        headers = {"Accept": _JSON}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # trust_env off: patient data goes where the configuration says, not where a proxy variable says.
        self._http = httpx.Client(headers=headers, auth=auth, timeout=timeout_s, trust_env=False, verify=verify)

    def check(self) -> None:
        statement = self._get(f"{self._base_url}/metadata")
        missing = list(_missing(statement))
        self._kinds = frozenset(str(one.get("type")) for one in _server_of(statement).get("resource", ()))
        if missing:
            raise EmrRejectedError(
                f"the EMR lacks: {', '.join(missing)}", remedy="ask its maker, or use the folder target", missing=tuple(missing)
            )

    def submit(self, payload: bytes, record_id: str) -> Accepted:
        """What changes a resource is laid over what the EMR holds at this moment, and goes only over that (If-Match); the rest goes as it
        is stored, byte for byte."""
        sent = json.loads(payload)
        place, resource = self._ours(sent, record_id)
        stands = self._on_what_stands(sent)
        if stands is not sent:
            sent, resource = stands, stands["entry"][place]["resource"]
            payload = json.dumps(stands, ensure_ascii=False).encode()
        try:
            answer = self._http.post(self._base_url, content=payload, headers={"Content-Type": _JSON, "Prefer": "return=representation"})
        except _NOT_SENT as exc:
            raise EmrUnavailableError(f"the EMR cannot be reached: {exc}") from exc
        except httpx.HTTPError as exc:
            raise EmrOutcomeUnknownError(f"the EMR did not answer: {type(exc).__name__}") from exc
        body = _parsed(answer)
        if answer.status_code not in (200, 201):
            has_match = any("ifMatch" in entry["request"] for entry in sent["entry"])
            raise answers.meaning(answer.status_code, body, answer.headers, has_match=has_match)
        return self._accepted(sent, place, resource, body, record_id)

    def _on_what_stands(self, sent: dict[str, Any]) -> dict[str, Any]:
        """`sent` itself where it changes nothing that is there. Raises: EmrUnavailableError, EmrRejectedError."""
        entries = []
        for entry in sent["entry"]:
            known = fhir_update.identifier_of(entry["request"]["url"]) if entry["request"]["method"] == "PUT" else None
            current = None if known is None else self._read_back(*known)
            entries.append(entry if current is None else fhir_update.rebased(entry, current))
        return sent if all(new is old for new, old in zip(entries, sent["entry"], strict=True)) else {**sent, "entry": entries}

    def read_back(self, record_id: str) -> Mapping[str, Any] | None:
        for kind in OURS:
            try:
                found = self._read_back(kind, record_id)
            except (EmrUnclearError, EmrRejectedError) as exc:
                # An EMR that does not know the kind holds nothing of it; one that is away, or holds two, has said something else.
                if not self._kinds or kind in self._kinds or "status" not in exc.fields:
                    raise
                continue
            if found is not None:
                return found
        return None

    def _read_back(self, kind: str, record_id: str) -> Mapping[str, Any] | None:
        found = self._get(
            f"{self._base_url}/{kind}?identifier={search(self._identifier_system, record_id)}",
            {"Prefer": "handling=strict"},
        )
        # A server that ignores the parameter answers with everything it has: only what carries our identifier counts.
        listed = [entry.get("resource", {}) for entry in found.get("entry", [])]
        ours = [resource for resource in listed if self._carries(resource, record_id)]
        if len(ours) > 1:
            raise EmrRejectedError(
                f"the EMR holds {len(ours)} resources with identifier {record_id}",
                remedy="remove the wrong one in the EMR",
                emr_ids=tuple(str(resource.get("id")) for resource in ours),
            )
        if not ours and listed:
            raise EmrUnclearError("the EMR ignored the search by identifier", record_id=record_id)
        return ours[0] if ours else None

    def close(self) -> None:
        self._http.close()

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = self._http.get(url, headers=headers)
        except httpx.HTTPError as exc:  # reading changes nothing, so every failure may be tried again
            raise EmrUnavailableError(f"the EMR cannot be reached: {type(exc).__name__}") from exc
        body = _parsed(answer)
        if answer.status_code != 200:
            raise answers.meaning(answer.status_code, body, answer.headers)
        if not isinstance(body, dict):
            raise EmrUnclearError(f"{url.partition('?')[0]} did not answer with FHIR JSON", remedy="check the address of the EMR")
        return body

    def _carries(self, resource: object, record_id: str) -> bool:
        return isinstance(resource, dict) and any(
            isinstance(identifier, dict) and (identifier.get("system"), identifier.get("value")) == (self._identifier_system, record_id)
            for identifier in resource.get("identifier") or ()
        )

    def _is_ours(self, sent: Mapping[str, Any], stored: Mapping[str, Any], record_id: str) -> bool:
        if sent["resourceType"] in OURS:
            return self._carries(stored, record_id) and _same_subject(sent, stored)
        if sent["resourceType"] in BY_IDENTIFIER:
            return bool(_identifiers(sent) & _identifiers(stored))
        return bool(_tags(sent) & _tags(stored))

    def _ours(self, bundle: Mapping[str, Any], record_id: str) -> tuple[int, Mapping[str, Any]]:
        for place, entry in enumerate(bundle["entry"]):
            resource = entry["resource"]
            kind = resource["resourceType"]
            if kind in OURS and self._carries(resource, record_id):
                return place, resource
            if kind in BESIDE and any(code.startswith(f"{record_id}.") for _system, code in _tags(resource)):
                if self._kinds and kind not in self._kinds:
                    raise NotTakenError(f"the EMR takes no {kind}", remedy="set emr.blocked_attempts or emr.devices to false", kind=kind)
                return place, resource
        raise EmrRejectedError(f"the stored bundle does not hold record {record_id}", record_id=record_id)

    def _accepted(self, sent: Mapping[str, Any], place: int, resource: Mapping[str, Any], body: object, record_id: str) -> Accepted:
        entries = body.get("entry") if isinstance(body, dict) else None
        if not isinstance(entries, list) or len(entries) != len(sent["entry"]):
            raise EmrUnclearError("the EMR's answer is not that of a FHIR transaction", remedy="check the address of the EMR")
        for entry in entries:
            response = entry.get("response") or {}
            status = _status(response.get("status"))
            if status not in (200, 201):
                raise answers.meaning(status, response.get("outcome"))
        response = entries[place]["response"]
        stored = entries[place].get("resource")
        kind = resource["resourceType"]
        if isinstance(stored, dict) and stored.get("resourceType") == kind:
            if not self._is_ours(resource, stored, record_id):
                raise EmrRejectedError(
                    "the EMR answered with another identifier or patient than was sent",
                    remedy="compare the two records in the EMR at once",
                    emr_id=stored.get("id"),
                )
        else:
            stored = {}
        match = _LOCATION.search(str(response.get("location") or ""))
        match = match if match and match.group(1) == kind else None
        emr_id = stored.get("id") or (match.group(2) if match else None)
        if not emr_id:
            raise EmrOutcomeUnknownError("the EMR took the record and named no id", record_id=record_id)
        version = (stored.get("meta") or {}).get("versionId") or (match.group(3) if match else None) or _etag(response.get("etag"))
        return Accepted(emr_id=f"{kind}/{emr_id}", version=version, replayed=_status(response.get("status")) == 200)


def _parsed(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _status(text: object) -> int:
    """ "201 Created" and "201" alike; 0 for anything else."""
    digits = str(text or "")[:3]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _etag(text: object) -> str | None:
    match = re.fullmatch(r'(?:W/)?"([^"]{1,64})"', str(text or ""))
    return match.group(1) if match else None


def _same_subject(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """A server may add to the reference, or replace it by its own literal one; it may not name somebody else."""
    mine = sent["subject"].get("identifier", {}).get("value")
    theirs = stored.get("subject") or {}
    named = theirs.get("identifier", {}).get("value")
    if named is not None:
        return bool(named == mine)
    literal = sent["subject"].get("reference")
    return bool(literal) and str(theirs.get("reference", "")).endswith(str(literal))


def _identifiers(resource: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(str(one.get("system")), str(one.get("value"))) for one in resource.get("identifier") or () if isinstance(one, dict)}


def _tags(resource: Mapping[str, Any]) -> set[tuple[str, str]]:
    tags = (resource.get("meta") or {}).get("tag") or ()
    return {(str(one.get("system")), str(one.get("code"))) for one in tags if isinstance(one, dict)}


def _server_of(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next((part for part in statement.get("rest", ()) if part.get("mode") == "server"), {})
    return found


def _missing(statement: Mapping[str, Any]) -> Iterator[str]:
    if not str(statement.get("fhirVersion", "")).startswith("4."):
        yield "FHIR R4"
    rest = _server_of(statement)
    if "transaction" not in {interaction.get("code") for interaction in rest.get("interaction", ())}:
        yield "transactions"
    kinds = {resource.get("type"): resource for resource in rest.get("resource", ())}
    administrations = kinds.get("MedicationAdministration")
    if administrations is None:
        yield "MedicationAdministration"
        return
    if administrations.get("conditionalCreate") is False:
        yield "conditional create of MedicationAdministration"
    searches = {parameter.get("name") for parameter in administrations.get("searchParam", ())}
    if searches and "identifier" not in searches:
        yield "search of MedicationAdministration by identifier"
