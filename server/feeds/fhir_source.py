"""The hospital's FHIR R4 server, read: searches page by page, and single resources, each with its bytes as they came.

Reads only. Never follows a link to another host, never reads without a bound, and takes no answer for a search that may not be one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import msgspec

from pointofcare.errors import ConfigError, EmrRejectedError, EmrUnavailableError
from server.config import EmrConfig
from server.emr import answers, fhir
from server.emr.port import EmrUnclearError

PAGE = 100
# A page that is larger is not read to its end: 100 resources of a megabyte each are no search that was asked for.
MOST_BYTES = 64_000_000
_JSON = "application/fhir+json"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)


class GoneError(EmrRejectedError):
    """There is no such resource any more, or there never was (404, 410)."""

    code = "emr-gone"


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Mode(msgspec.Struct):
    mode: str = "match"


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()
    search: _Mode | None = None


class _Bundle(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - as FHIR names it
    type: str = ""
    link: list[_Link] = []
    entry: list[_Entry] = []


class _Meta(msgspec.Struct):
    versionId: str | None = None  # noqa: N815
    lastUpdated: str | None = None  # noqa: N815


class _Head(msgspec.Struct):
    resourceType: str = ""  # noqa: N815
    id: str = ""
    meta: _Meta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource as it came; `version` is its versionId, "" where the server gives none, `updated_at` by the server's clock."""

    kind: str
    id: str
    version: str
    updated_at: datetime | None
    payload: bytes

    @property
    def about(self) -> str:
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`clock` is the server's own when it answered; `included` were not searched for, but go with what was."""

    found: tuple[Resource, ...]
    included: tuple[Resource, ...]
    clock: datetime
    is_last: bool


class Source(Protocol):
    """What a feed reads from. `seconds_waited` is how long it has waited for the other system so far."""

    @property
    def seconds_waited(self) -> float: ...
    def close(self) -> None: ...
    def check(self, kinds: Sequence[str]) -> None: ...
    def search(self, kind: str, parameters: Sequence[tuple[str, str]], *, pages: int) -> Iterator[Page]: ...
    def read(self, about: str) -> Resource: ...


class FhirSource:
    """`seconds_waited` is how long it has waited for the server so far."""

    def __init__(self, base_url: str, *, token: str | None = None, auth: httpx.Auth | None = None, timeout_s: float = 30.0) -> None:
        self._base_url = base_url.rstrip("/")
        headers = {"Accept": _JSON, "Prefer": "handling=strict"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # trust_env off: what is asked about patients goes where the configuration says, not where a proxy variable says.
        self._http = httpx.Client(headers=headers, auth=auth, timeout=timeout_s, trust_env=False, follow_redirects=False)
        self.seconds_waited = 0.0

    def close(self) -> None:
        self._http.close()

    def check(self, kinds: Sequence[str]) -> None:
        """Is it an R4 server that can be asked for these? Raises: EmrError."""
        statement = msgspec.json.decode(self._get(f"{self._base_url}/metadata")[0])
        if not isinstance(statement, dict) or not str(statement.get("fhirVersion", "")).startswith("4."):
            raise EmrRejectedError("the server does not say that it is FHIR R4", remedy="check fhir_feed.base_url")
        server: dict[str, Any] = next((part for part in statement.get("rest") or [] if part.get("mode") == "server"), {})
        missing = sorted(set(kinds) - {str(one.get("type")) for one in server.get("resource") or []})
        if missing:
            raise EmrRejectedError(f"the server lacks: {', '.join(missing)}", remedy="ask its maker", missing=tuple(missing))

    def search(self, kind: str, parameters: Sequence[tuple[str, str]], *, pages: int) -> Iterator[Page]:
        """At most so many pages. Raises: EmrError; EmrUnclearError for an answer that is not that of this search."""
        url = str(httpx.URL(f"{self._base_url}/{kind}", params=[*parameters, ("_count", str(PAGE))]))
        for number in range(pages):
            body, clock = self._get(url)
            bundle = _decoded(body, _Bundle)
            if bundle.resourceType != "Bundle" or bundle.type not in ("searchset", ""):
                raise EmrUnclearError("the answer is no search result", remedy="check the address of the FHIR server")
            links = {link.relation: link.url for link in bundle.link}
            if number == 0:
                _answers(links.get("self", ""), [name for name, _ in parameters])
            found = [(entry.search.mode if entry.search else "match", resource(bytes(entry.resource))) for entry in bundle.entry]
            following = links.get("next", "")
            yield Page(
                found=tuple(one for mode, one in found if mode == "match" and one.kind == kind),
                included=tuple(one for mode, one in found if mode == "include" and one.kind),
                clock=clock,
                is_last=not following,
            )
            if not following:
                return
            url = self._on_host(following)

    def read(self, about: str) -> Resource:
        """The resource "Patient/17". Raises: EmrError, GoneError (also for an id that none can have)."""
        if not is_id(about.partition("/")[2]):
            raise GoneError("no resource can have this id")
        body, _ = self._get(f"{self._base_url}/{about}")
        found = resource(body)
        if found.about != about:
            raise EmrUnclearError("the answer is another resource than was asked for", remedy="check the address of the FHIR server")
        return found

    def _on_host(self, url: str) -> str:
        """A next link, where it stays below the configured address. Raises: EmrRejectedError."""
        wanted, base = urlsplit(str(httpx.URL(self._base_url + "/").join(url))), urlsplit(self._base_url)
        if (wanted.scheme, wanted.netloc) != (base.scheme, base.netloc) or not (wanted.path + "/").startswith(base.path + "/"):
            raise EmrRejectedError(
                "the FHIR server sends us to another address for the next page",
                remedy="set fhir_feed.base_url to the address that the server itself uses",
                host=wanted.netloc[:200],
            )
        return wanted.geturl()

    def _get(self, url: str) -> tuple[bytes, datetime]:
        began = time.monotonic()
        try:
            with self._http.stream("GET", url) as answer:
                parts, size = [], 0
                for part in answer.iter_bytes():
                    size += len(part)
                    if size > MOST_BYTES:
                        raise EmrUnclearError(f"the answer is larger than {MOST_BYTES} bytes", remedy="ask its maker for smaller pages")
                    parts.append(part)
        except httpx.HTTPError as exc:  # reading changes nothing, so every failure may be tried again
            raise EmrUnavailableError(f"the FHIR server cannot be reached: {type(exc).__name__}") from exc
        finally:
            self.seconds_waited += time.monotonic() - began
        body = b"".join(parts)
        if answer.status_code in (404, 410):
            raise GoneError(f"the FHIR server answered {answer.status_code}", status=answer.status_code)
        if answer.status_code != 200:
            raise answers.meaning(answer.status_code, _any(body), answer.headers)
        return body, _clock(answer.headers.get("date"))


def is_id(text: str) -> bool:
    """FHIR's own rule for ids; what breaks it is put into no address and no search."""
    return _ID.fullmatch(text) is not None and bool(text.strip("."))


def opened(config: EmrConfig) -> FhirSource:
    """The server of a configuration, with its sign-in; nothing is connected yet. Raises: ConfigError."""
    if not config.base_url:
        raise ConfigError("there is no FHIR server to read from", problems=(("fhir_feed.base_url", "set it, or emr.base_url"),))
    return FhirSource(config.base_url, token=config.token, auth=fhir.sign_in(config))


def resource(payload: bytes) -> Resource:
    """One resource from its bytes; what has no type or no id has them as "". Raises: EmrUnclearError when it is no JSON object."""
    try:
        head = msgspec.json.decode(payload, type=_Head)
    except msgspec.ValidationError:  # an element of another type than FHIR says: kept all the same, and told by its reader
        told = _any(payload)
        told = told if isinstance(told, dict) else {}
        head = _Head(resourceType=str(told.get("resourceType") or ""), id=str(told.get("id") or ""))
    except msgspec.DecodeError as exc:
        raise EmrUnclearError("the answer is not JSON", remedy="check the address of the FHIR server") from exc
    meta = head.meta or _Meta()
    return Resource(kind=head.resourceType, id=head.id, version=meta.versionId or "", updated_at=_moment(meta.lastUpdated), payload=payload)


def _decoded(body: bytes, kind: type[_Bundle]) -> _Bundle:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as exc:  # ValidationError is one too
        raise EmrUnclearError("the answer is no FHIR bundle", remedy="check the address of the FHIR server") from exc


def _answers(said: str, asked: Sequence[str]) -> None:
    """A server that leaves out a parameter answers another question. One without a self link cannot be asked. Raises: EmrUnclearError."""
    if not said:
        return
    understood = {name.partition(":")[0] for name, _ in httpx.URL(said).params.multi_items()}
    ignored = sorted({name for name in asked if not name.startswith("_")} - understood)
    if ignored:
        raise EmrUnclearError(f"the FHIR server ignores: {', '.join(ignored)}", remedy="ask its maker for these search parameters")


def _any(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def _clock(date: str | None) -> datetime:
    """The server's own clock, to the second; ours where it does not say."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)
    except (TypeError, ValueError):
        return datetime.now(UTC)
