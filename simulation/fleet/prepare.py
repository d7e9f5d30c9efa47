"""The server's one-time work for a virtual fleet, in a process of its own: schema, authority, wards, people, and a certificate a cart.

`python -m simulation.fleet.prepare SETTINGS ORDER_FILE`. Every cart is claimed and enrolled through the server's own use cases, as a cart
that somebody unpacked: it draws its key, asks with a CSR, and the authority signs. ORDER_FILE says who (JSON, made by `stage`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask_security.utils import hash_password

from pointofcare.people import StaffRole
from server import config as configuration
from server.__main__ import main as server
from server.app import create_app
from server.security import authority as authorities
from server.security import enrolment
from server.store import patients
from server.store.patients import Ward
from server.store.staff import StaffMember
from server.store.transaction import Actor, transaction
from server.usecases import machines, staff

OPERATOR = Actor(id="fleet-preparation", name="Virtual fleet", roles=frozenset({StaffRole.ADMINISTRATOR}))


def main(arguments: Sequence[str]) -> int:
    settings, order_file = (Path(each) for each in arguments)
    order = json.loads(order_file.read_text(encoding="utf-8"))
    config = configuration.load(settings)
    commands = [["migrate"], ["export-key", "--output", str(settings.parent / "server-key.json")]]
    if not (config.machines.ca_dir / "ca.key").exists():
        commands.append(["ca", "init"])
    commands.append(["ca", "issue-server", "--host", "127.0.0.1", "--output", str(settings.parent / "tls")])
    for name, *rest in commands:
        verb = [name, rest.pop(0)] if name == "ca" else [name]
        code = server([*verb, "--config", str(settings), *rest])
        if code:
            return code
    with create_app(config, pages=False).app_context():
        _people(order["people"], order["wards"])
        authority = authorities.load(config.machines.ca_dir)
        directory = settings.parent / "carts"
        directory.mkdir(mode=0o700, exist_ok=True)
        for cart in order["carts"]:
            _enrolled(authority, cart, directory / f"{cart}.pem")
    return server(["ca", "accounts", "--config", str(settings), "--output", str(settings.parent / "broker-files")])


def _people(people: Sequence[dict[str, str]], wards: dict[str, str]) -> None:
    with transaction(OPERATOR) as tx:
        for ward, name in wards.items():
            patients.put_ward(tx, Ward(id=ward, name=name, timezone="Asia/Ho_Chi_Minh"))
        for one in people:
            member = StaffMember(
                id=one["id"],
                name=one["name"],
                username=one["username"],
                email=f"{one['username']}@hospital.example",
                roles=(StaffRole(one["role"]),),
                password_hash=hash_password(one["password"]),
                language=one.get("language"),
            )
            staff.receive(tx, member)


def _enrolled(authority: authorities.Authority, cart: str, path: Path) -> None:
    """A claim by a person, then what the cart does with it. A certificate that holds for another week is kept."""
    if path.exists():
        known = x509.load_pem_x509_certificate(path.read_bytes())
        if (known.not_valid_after_utc - datetime.now(UTC)).days >= 7:
            return
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cart)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    with transaction(OPERATOR) as tx:
        claimed = machines.claim(tx, OPERATOR, cart)
    held = enrolment.enrol(authority, cart=cart, token=claimed.token, csr=csr.public_bytes(serialization.Encoding.PEM).decode("ascii"))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_text(private.decode("ascii") + held.pem, encoding="ascii")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
