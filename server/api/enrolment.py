"""Machines that ask for a certificate: with a claim token the first time, with the key in use afterwards. Nobody is signed in here.

What fails says no more than that it failed: never whether the cart is known or the token was nearly right.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import current_app
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from server.api import errors
from server.api.resources import _Parser
from server.config import ServerConfig
from server.security import enrolment
from server.security.authority import MAX_CSR_BYTES, Authority
from server.store.machines import StoredCertificate

PEM = validate.Length(min=1, max=MAX_CSR_BYTES)


class EnrolmentSchema(Schema):
    cart = fields.String(required=True, validate=validate.Length(min=1, max=64))
    token = fields.String(required=True, load_only=True, validate=validate.Length(min=1, max=200))
    csr = fields.String(required=True, validate=PEM, metadata={"description": "PKCS#10 as PEM, P-256, its common name is the cart"})


class RenewalSchema(Schema):
    certificate = fields.String(required=True, validate=PEM, metadata={"description": "the certificate in use, as PEM"})
    csr = fields.String(required=True, validate=PEM, metadata={"description": "PKCS#10 as PEM, signed by a fresh key"})
    signature = fields.String(
        required=True,
        validate=validate.Length(min=1, max=400),
        metadata={"description": "base64 of an ECDSA-SHA256 signature over the text of `csr` by the key of `certificate`"},
    )


class CertificateSchema(Schema):
    certificate = fields.String()
    ca = fields.String()
    serial = fields.String()
    not_after = fields.AwareDateTime()


class AuthoritySchema(Schema):
    ca = fields.String(metadata={"description": "the root as PEM: compare its SHA-256 with the one beside the claim before you trust it"})


class _Blueprint(Blueprint):
    ARGUMENTS_PARSER = _Parser()


api = _Blueprint("enrolment", __name__, url_prefix="/api/v1/enrolment", description="Machines and their certificates")
errors.register(api)


@api.route("/authority")
@api.response(200, AuthoritySchema)
@api.doc(security=[])
def authority() -> dict[str, Any]:
    """The root certificate of this hospital's machines."""
    return {"ca": _authority().pem}


@api.route("", methods=["POST"])
@api.arguments(EnrolmentSchema)
@api.response(201, CertificateSchema)
@api.doc(security=[])
def enrol(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The first certificate of a cart that was claimed. The same request again gives the same certificate."""
    root = _authority()
    return _told(root, enrolment.enrol(root, cart=asked["cart"], token=asked["token"], csr=asked["csr"]))


@api.route("/renewal", methods=["POST"])
@api.arguments(RenewalSchema)
@api.response(201, CertificateSchema)
@api.doc(security=[])
def renew(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The next certificate of a machine, for a fresh key. 409: somebody with another key renewed this one before."""
    root = _authority()
    return _told(root, enrolment.renew(root, certificate=asked["certificate"], csr=asked["csr"], signature=asked["signature"]))


def _authority() -> Authority:
    config: ServerConfig = current_app.config["POINTOFCARE_CONFIG"]
    directory: Path = config.machines.ca_dir
    return enrolment.authority_of(directory)


def _told(root: Authority, made: StoredCertificate) -> dict[str, Any]:
    return {"certificate": made.pem, "ca": root.pem, "serial": made.serial, "not_after": made.not_after}
