"""Programs that read from us: registering one with its public keys, and revoking it. An administrator's verbs.

Must never take a private key in, nor give an id of one program to another, though the first was revoked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from pointofcare.errors import ConflictError, MessageError, NotFoundError
from pointofcare.people import StaffRole
from server.store import fhir_clients, patients
from server.store.fhir_clients import Client
from server.store.transaction import Actor, Transaction
from server.usecases import fhir_scopes
from server.usecases.permission import require, text

ALGORITHMS = ("RS384", "ES384")
MOST_KEYS = 10
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", re.ASCII)
_STRONG_BITS = 2048


def register(tx: Transaction, actor: Actor, *, client: str, name: str, jwks: str | bytes, scopes: str, wards: Iterable[str] = ()) -> Client:
    """Raises: NotPermittedError, MessageError with every fault by field, ConflictError (the id is taken)."""
    require(tx, actor, StaffRole.ADMINISTRATOR)
    problems: list[tuple[str, str]] = []
    if not _ID.fullmatch(client):
        problems.append(("client", "two to 63 letters, digits, '.', '_' or '-', beginning with a letter or a digit"))
    if not name.strip() or len(name) > 200:
        problems.append(("name", "say in words which program it is, and whose"))
    strange = fhir_scopes.not_understood(scopes, context="system")
    if not scopes.split() or strange:
        problems.append(
            ("scopes", f"such as system/*.rs or system/Patient.rs; not understood: {' '.join(strange) or 'nothing is asked for'}")
        )
    bound = frozenset(one.strip() for one in wards if one.strip())
    unknown = sorted(bound - {one.id for one in patients.wards(tx)})
    if unknown:
        problems.append(("wards", f"not known: {', '.join(unknown)}"))
    keys: Mapping[str, Any] = {}
    try:
        keys = public_keys(jwks)
    except MessageError as exc:
        problems += exc.problems
    if problems:
        raise MessageError("the program cannot be registered", problems=tuple(problems), remedy="; ".join(f"{a}: {b}" for a, b in problems))
    granted = fhir_scopes.written(fhir_scopes.parsed(scopes, context="system"), context="system")
    if not fhir_clients.add(tx, client, name=name.strip(), keys=keys, scopes=granted, wards=bound or None):
        raise ConflictError(f"the id {client!r} is taken", remedy="choose another; the id of a revoked program is never given again")
    tx.audit("fhir.client-register", f"fhir-client/{client}", {"name": name.strip(), "scopes": granted, "wards": sorted(bound)})
    found = fhir_clients.find(tx, client)
    assert found is not None
    return found


def public_keys(jwks: str | bytes) -> dict[str, Any]:
    """The keys as they are kept. Raises: MessageError."""

    def refuse(why: str) -> MessageError:
        return MessageError("the keys are not usable", problems=(("jwks", why),))

    try:
        found = json.loads(jwks)
        listed = found["keys"] if isinstance(found, dict) else None
        if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_KEYS or not all(isinstance(one, dict) for one in listed):
            raise refuse(f'a JWKS: {{"keys": [...]}} with one to {MOST_KEYS} public keys')
        keys = KeySet.import_key_set({"keys": listed})
    except (ValueError, TypeError, KeyError, RecursionError, JoseError) as exc:
        raise refuse("a JWKS as RFC 7517 has it, with RSA or EC keys") from exc
    kept = []
    for key, said in zip(keys.keys, listed, strict=True):
        if key.is_private:
            raise refuse("it holds a private key: draw a new one, for this one was shown, and send the public part alone")
        plain = key.as_dict(private=False)
        is_rsa, is_ec = plain.get("kty") == "RSA", plain.get("kty") == "EC" and plain.get("crv") == "P-384"
        if not (is_rsa or is_ec):
            raise refuse("RSA keys (for RS384) or EC keys on P-384 (for ES384)")
        if is_rsa and len(str(plain.get("n", ""))) * 6 < _STRONG_BITS - 8:
            raise refuse("an RSA key of at least 2048 bits")
        if not isinstance(said.get("kid"), str) or not said["kid"]:
            raise refuse("each key needs a kid, by which a statement names it")
        kept.append({**plain, "kid": said["kid"]})
    if len({one["kid"] for one in kept}) != len(kept):
        raise refuse("each key needs a kid of its own")
    return {"keys": kept}


def revoke(tx: Transaction, actor: Actor, client: str, *, reason: str) -> None:
    """From the next request on it reads nothing. Raises: NotPermittedError, NotFoundError, TextMissingError."""
    require(tx, actor, StaffRole.ADMINISTRATOR)
    why = text(reason, "reason")
    if not fhir_clients.revoke(tx, client, reason=why):
        raise NotFoundError(f"there is no running program {client!r}", remedy="look at the list again", client=client)
    tx.audit("fhir.client-revoke", f"fhir-client/{client}", {"reason": why})
