"""The server's one-time work for a virtual hospital, in one process because each start of Python costs a second or two.

`python -m simulation.prepare SERVER_TOML KEY_FILE BAGS_FILE [FILE ...]`: bring the database to this version's schema, export the public
key for the carts, give the gate for phones a certificate where there is one, import the files; after an import the pharmacist prepares a
bag for each infusion order and BAGS_FILE says which, so that the virtual hand can hold it up, and the example policy comes into force by
two people. Ends with the first command's exit code that is not 0.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from pointofcare.orders.order import OrderCategory
from pointofcare.people import StaffRole
from server import config as configuration
from server.__main__ import main as server
from server.app import bare_app
from server.store import orders, patients, products, views_patients
from server.store.bags import Content
from server.store.orders import Verification
from server.store.transaction import Actor, reading, transaction
from server.usecases import bags, policies
from simulation import ward


def main(arguments: Sequence[str]) -> int:
    settings, key, bags_file, *files = arguments
    commands = [["migrate"], ["export-key", "--output", key], *_certificate(Path(settings))]
    if files:
        commands.append(["import", *files])
    for name, *rest in commands:
        verb = [name, rest.pop(0)] if name == "ca" else [name]
        code = server([*verb, "--config", settings, *rest])
        if code:
            return code
    if files:
        _name_ward(Path(settings))
        _policy(Path(settings))
        Path(bags_file).write_text(json.dumps(_bags(Path(settings))), encoding="utf-8")
    return 0


def _certificate(settings: Path) -> list[list[str]]:
    """What makes the gate's certificate, where there is a gate: of an authority that is drawn once for this folder."""
    config = configuration.load(settings)
    if config.phones.certificate_file is None:
        return []
    host = urlsplit(config.phones.address).hostname or ""
    drawn = [] if (config.machines.ca_dir / "ca.key").exists() else [["ca", "init"]]
    return [*drawn, ["ca", "issue-server", "--host", host, "--output", str(config.phones.certificate_file.parent)]]


def _name_ward(settings: Path) -> None:
    """The import knows the ward by its code alone."""
    administrator = Actor(id="S-admin1", name="Administrator", roles=frozenset({StaffRole.ADMINISTRATOR}))
    with bare_app(configuration.load(settings)).app_context(), transaction(administrator) as tx:
        known = patients.ward(tx, ward.WARD)
        if known is not None:
            patients.put_ward(tx, replace(known, name=ward.WARD_NAME))


def _policy(settings: Path) -> None:
    """The example policy, drafted by the pharmacist and approved by the administrator, as every policy is."""
    pharmacist = Actor(id="S-pharmacist1", name="Pharmacist", roles=frozenset({StaffRole.PHARMACIST}))
    administrator = Actor(id="S-admin1", name="Administrator", roles=frozenset({StaffRole.ADMINISTRATOR}))
    text = resources.files("simulation").joinpath("policy.toml").read_text(encoding="utf-8")
    with bare_app(configuration.load(settings)).app_context():
        with transaction(pharmacist) as tx:
            drafted = policies.draft(tx, pharmacist, text)
        with transaction(administrator) as tx:
            policies.approve(tx, administrator, drafted.id, revision=drafted.revision)
            policies.activate(tx, administrator, drafted.id, revision=drafted.revision)


def _bags(settings: Path) -> dict[str, list[str]]:
    """Order -> the bags that were prepared for it."""
    pharmacist = Actor(id="S-pharmacist1", name="Pharmacist", roles=frozenset({StaffRole.PHARMACIST}))
    found: dict[str, list[str]] = {}
    with bare_app(configuration.load(settings)).app_context():
        with reading(pharmacist) as tx:
            views = [view for line in views_patients.find(tx, limit=200) for view in orders.of_patient(tx, line.id)]
            stock = products.listed(tx)
        for view in views:
            order = view.order
            if order.category is not OrderCategory.INFUSION or view.verification is not Verification.VERIFIED:
                continue
            contents = [
                Content(product=product.id, name=product.name, lot="SIM" + order.id) for product in stock if bags.fits(product, order)
            ]
            with transaction(pharmacist) as tx:
                found.setdefault(order.id, []).append(bags.prepare(tx, pharmacist, order.id, order.version, contents=contents).id)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
