"""Programs that read over FHIR: who signed the statement they show, and the short-lived tokens they get for it.

SMART Backend Services: a statement (JWT) signed with a key that an administrator registered, good once and for five minutes; the token is
signed by this server, good for five minutes, and asks the database at every use whether the program may still come. Must never tell a
stranger which programs there are, nor take a statement twice.
Source: hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html, backend-services.html; RFC 7523.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import g, request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from pointofcare.errors import PointOfCareError
from server.config import ServerConfig
from server.store import fhir_clients
from server.store.fhir_clients import Client
from server.store.transaction import Actor, reading, transaction
from server.usecases import fhir_scopes
from server.usecases.fhir_clients import ALGORITHMS
from server.usecases.fhir_scopes import Granted

log = logging.getLogger(__name__)

BLUEPRINT = "fhir"
# Before a token: so that it is never taken for a person's, and a leaked one is known for what it is.
PREFIX = "pocf-"
LIFETIME_S = 300
# A statement may say at most so far ahead when it ends; clocks may differ by the leeway.
LONGEST_S = 300
LEEWAY_S = 60
CLOCKS_APART = timedelta(minutes=10)
_TYPE = "at+jwt"


class RefusedError(PointOfCareError):
    """No token; `error` is the code of RFC 6749. What is wrong is told as far as it helps the program's maker, and no further."""

    code = "no-token"

    def __init__(self, error: str, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    value: str
    expires_in_s: int
    scope: str


_UNKNOWN = ("invalid_client", "the statement is not of a program that is registered here")


def token(config: ServerConfig, *, statement: str, scope: str, audience: str, address: str) -> Token:
    """For a signed statement. Raises: RefusedError."""
    client, claims = _signed_by(statement, audience)
    _take_once(client, claims, address)
    granted = fhir_scopes.both(fhir_scopes.parsed(scope, context="system"), fhir_scopes.parsed(client.scopes, context="system"))
    if not granted:
        raise RefusedError("invalid_scope", "none of these scopes may be given", remedy=f"ask for some of: {client.scopes}")
    said = fhir_scopes.written(granted, context="system")
    now = datetime.now(UTC)
    body = {"iss": config.facility, "sub": client.id, "scope": said, "iat": int(now.timestamp()), "jti": secrets.token_urlsafe(16)}
    body["exp"] = int((now + timedelta(seconds=LIFETIME_S)).timestamp())
    signed = jwt.encode({"alg": "HS256", "typ": _TYPE}, body, _key(config))
    with transaction(Actor(id=client_id(client.id), name=client.name, place=address)) as tx:
        fhir_clients.saw(tx, client.id)
        tx.audit("fhir.token", f"fhir-client/{client.id}", {"scopes": said})
    return Token(value=PREFIX + signed, expires_in_s=LIFETIME_S, scope=said)


def client_id(client: str) -> str:
    """As the audit names a program: never to be taken for one of the staff, whose ids hold no such sign."""
    return f"program:{client}"


def _signed_by(statement: str, audience: str) -> tuple[Client, Mapping[str, Any]]:
    """Raises: RefusedError."""
    remedy = "sign it with a key that is registered: iss and sub are the client's id, aud is this address, exp is near, jti is new"
    client = None
    try:
        said = _unverified(statement)
        with reading() as tx:
            client = fhir_clients.find(tx, str(said.get("iss", ""))[:64])
        if client is None or client.revoked_at is not None:
            raise RefusedError(*_UNKNOWN, remedy=remedy)
        claims = jwt.decode(statement, KeySet.import_key_set({"keys": list(client.keys["keys"])}), algorithms=list(ALGORITHMS)).claims
    except RefusedError:
        raise
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as exc:
        log.warning("a signed statement was refused: %s", type(exc).__name__)
        raise RefusedError(*_UNKNOWN, remedy=remedy) from None
    _check_claims(claims, client, audience)
    return client, claims


def _check_claims(claims: Mapping[str, Any], client: Client, audience: str) -> None:
    """After the signature held, so that what is wrong may be said. Raises: RefusedError."""

    def refuse(why: str, remedy: str) -> RefusedError:
        return RefusedError("invalid_client", why, remedy=remedy)

    now = datetime.now(UTC).timestamp()
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if claims.get("iss") != client.id or claims.get("sub") != client.id:
        raise refuse("iss and sub must both be the client's id", "set both to it")
    if audience not in audiences:
        raise refuse("aud is not this address", f"set aud to {audience}")
    if not _is_number(claims.get("exp")) or not _is_number(claims.get("nbf", 0)):
        raise refuse("exp must be a number of seconds", f"set exp at most {LONGEST_S} seconds ahead")
    ends, begins = float(claims["exp"]), float(claims.get("nbf", 0))
    if ends <= now - LEEWAY_S or begins > now + LEEWAY_S:
        raise refuse("the statement does not hold now", "make a new one for each request, and set the clock")
    if ends > now + LONGEST_S + LEEWAY_S:
        raise refuse("exp is too far ahead", f"set exp at most {LONGEST_S} seconds ahead")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 500:
        raise refuse("jti is missing", "draw a new jti for each statement")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _take_once(client: Client, claims: Mapping[str, Any], address: str) -> None:
    """Raises: RefusedError. In a transaction of its own: it is spent, whatever comes after."""
    # Longer than any statement holds, for it is forgotten by the clock of whichever machine comes next.
    ends = datetime.fromtimestamp(float(claims["exp"]) + LEEWAY_S, UTC) + CLOCKS_APART
    digest = hashlib.sha256(str(claims["jti"]).encode("utf-8", "surrogatepass")).hexdigest()
    with transaction(Actor(id=client_id(client.id), place=address)) as tx:
        if not fhir_clients.take_once(tx, client.id, jti=digest, expires_at=ends):
            raise RefusedError(
                "invalid_client", "this statement was shown before", remedy="make a new one, with a new jti, for each request"
            )


def _unverified(statement: str) -> dict[str, Any]:
    """Only to see whose keys to try."""
    parts = statement.split(".")
    if len(parts) != 3 or len(statement) > 20_000:
        raise ValueError("no signed statement")
    found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    if not isinstance(found, dict):
        raise ValueError("no claims")
    return found


def _key(config: ServerConfig) -> OctKey:
    """Of this server's own secret, for nothing but these tokens."""
    return OctKey.import_key(hmac.digest(config.secret_key.encode(), f"fhir-tokens:{config.facility}".encode(), "sha256"))


# The token of a request.


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Who asks, and what the token was given for."""

    client: Client
    granted: Granted


def bearer() -> str | None:
    """What the header Authorization bears, None: nothing."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" and value.strip() else None


def name_person() -> None:
    """A person's token comes as a bearer's, too, to the FHIR face; Flask-Security knows of one header alone."""
    held = bearer() if request.blueprint == BLUEPRINT else None
    if held is not None and not held.startswith(PREFIX):
        request.environ["HTTP_AUTHENTICATION_TOKEN"] = held


def is_program() -> bool:
    """Does this request, to the FHIR face, bear a token of a program, good or not?"""
    held = bearer() if request.blueprint == BLUEPRINT else None
    return held is not None and held.startswith(PREFIX)


def current(config: ServerConfig) -> Program | None:
    """The program behind this request, read once; None where its token does not hold, or it was revoked."""
    if "pointofcare_program" not in g:
        g.pointofcare_program = _current(config)
    found: Program | None = g.pointofcare_program
    return found


def _current(config: ServerConfig) -> Program | None:
    held = bearer()
    if held is None or not is_program():
        return None
    try:
        read = jwt.decode(held.removeprefix(PREFIX), _key(config), algorithms=["HS256"])
        claims = read.claims
        ends, name, scope = claims["exp"], claims["sub"], claims["scope"]
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if read.header.get("typ") != _TYPE or claims.get("iss") != config.facility or not _is_number(ends):
        return None
    with reading() as tx:
        if ends <= tx.at.timestamp():
            return None
        client = fhir_clients.find(tx, str(name))
    if client is None or client.revoked_at is not None:
        return None
    may = fhir_scopes.parsed(client.scopes, context="system")
    return Program(client=client, granted=fhir_scopes.both(fhir_scopes.parsed(str(scope), context="system"), may))


def actor(config: ServerConfig, address: str) -> Actor | None:
    """A program has no role: it reaches what its wards are, and opens no page."""
    found = current(config)
    if found is None:
        return None
    return Actor(id=client_id(found.client.id), name=found.client.name, place=address, wards=found.client.wards)
