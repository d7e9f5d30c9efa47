"""The medication summary of a patient's stay for the health book, from the store: whose it is, what was given, and nothing else.

Only reads. What is not known of the stay (when it began, which card) is left out of the document and never filled in.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pointofcare.errors import NotFoundError, UnreadableError
from pointofcare.vietnam import routes
from pointofcare.vietnam.fault import CodeError
from server.config import ServerConfig
from server.emr import fhir_document, fhir_mapping, mapping_context
from server.emr.fhir_document import Summary
from server.emr.fhir_elements import Json
from server.store import identities, insurance, patients, stays, views_claims
from server.store.transaction import Actor, Transaction, transaction
from server.usecases import private_files

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def make(tx: Transaction, actor: Actor, patient: str, stay: int | None, *, config: ServerConfig) -> Json:
    """`stay` None: the newest. Raises: NotFoundError, OtherWardError, UnreadableError (too many doses), EmrRejectedError."""
    who = patients.get(tx, patient)
    listed = stays.of_patient(tx, patient)
    chosen = next((one for one in listed if stay is None or one.id == stay), None)
    if chosen is None:
        raise NotFoundError("there is no such stay", remedy="look at the patient's page again", stay=stay)
    begins = chosen.admitted_at or _LONG_AGO
    ends = (chosen.left_at or tx.at) + timedelta(microseconds=1)
    look = views_claims.look(tx, since=begins, until=ends, patient=patient)
    if not look.is_whole:
        raise UnreadableError("the stay holds more doses than fit into one summary", remedy="correct when the stay began")
    identity = identities.get(tx, patient)
    day = (chosen.left_at or tx.at).date()
    cards = tuple(held.number for held in insurance.of_patient(tx, patient) if held.ended_at is None and held.covers(day))
    registrations, ways = {}, {}
    for key, base in look.base.items():
        holding = [line for line in look.lines.get(base, ()) if line.holds_on(day)]
        numbers = {line.registration for line in holding if line.registration}
        codes = {line.cell("MA_DUONG_DUNG") for line in holding}
        if len(numbers) == 1:
            registrations[key] = numbers.pop()
        if len(codes) == 1:
            with suppress(CodeError):
                ways[key] = routes.get(codes.pop(), day)
    texts = {order: placed.order.display or placed.order.ingredient for (order, _), placed in sorted(look.orders.items())}
    return fhir_document.document(
        Summary(
            patient=who,
            stay=f"{config.facility}/{chosen.id}",
            began=chosen.admitted_at,
            ended=chosen.left_at,
            records=(*look.records, *look.ends.values()),
            amended=look.amended,
            facility=config.facility,
            facility_code=config.site.facility_code,
            author=(actor.id, actor.name),
            at=tx.at,
            national_id=identity.national_id if identity is not None else None,
            cards=cards,
            registrations=registrations,
            routes=ways,
            order_texts=texts,
        ),
        mapping_context(config.emr, facility=config.facility),
    )


def from_command_line(actor: Actor, patient: str, *, config: ServerConfig, output: Path | None) -> int:
    """Prints the summary of the newest stay of a patient (id or MRN), or writes it. Raises: as `make`."""
    with transaction(actor) as tx:
        key = patient if patients.known(tx, (patient,)) else patients.find_by_mrn(tx, patient)
        if key is None:
            raise NotFoundError("no such patient", remedy="give the patient's id or number")
        made = make(tx, actor, key, None, config=config)
        tx.audit("view.download", f"patient/{key}", {"what": "health-summary"})
    content = fhir_mapping.to_bytes(made)
    if output is None:
        sys.stdout.write(content.decode() + "\n")
    else:
        private_files.write(output, content)
    return 0
