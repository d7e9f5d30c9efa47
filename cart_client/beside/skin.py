"""The result of a skin test, entered by whoever read it. It counts for the very next verdict (rule D16); it permits nothing by itself."""

from __future__ import annotations

from datetime import datetime

from cart_client import dose
from cart_client.beside import notes
from cart_client.beside.asked import TellSkin
from cart_client.visit import Visit, advance, say
from pointofcare.administration import events, skin_reading
from pointofcare.administration import session as workflow
from pointofcare.administration.session import State
from pointofcare.people import SkinResult, SkinTest
from pointofcare.products import Product
from pointofcare.verdict import lists
from pointofcare.verdict.moment import plain
from pointofcare.verdict.policy import ListedBy, Policy
from pointofcare.wire.messages import NoteKind


def tested(products: tuple[Product, ...], policy: Policy) -> tuple[str, ...]:
    """The ingredients that the policy has the skin tested for, as the formulary names them."""
    named = {plain(line.name) for line in policy.skin_tested if line.by is ListedBy.INGREDIENT}
    found = {
        plain(item.name)
        for product in products
        for item in product.ingredients
        if any(lists.names(line, plain(item.name), item.classes) for line in policy.skin_tested)
    }
    return tuple(sorted(named | found))


def tell(visit: Visit, command: TellSkin, now: datetime) -> None:
    """Raises: JournalError when it is not on disk; it then counts for nothing."""
    if notes.signer(visit, command) is None:
        return
    session = visit.session
    if session.patient is None or session.patient != command.patient:
        say(visit, "beside-other-patient")
        return
    if notes.again(visit, command.form):
        return
    if command.drug not in tested(visit.chart.products(now), visit.chart.policy()):
        say(visit, "skin-drug")
        return
    try:
        test = SkinTest(drug=command.drug, at=command.made_at, read_at=now, read_by=command.nurse, result=SkinResult(command.result))
    except ValueError:
        say(visit, "skin-result")
        return
    if skin_reading.read(skin_reading.details(test), read_at=now, read_by=command.nurse) is None:
        say(visit, "skin-time")
        return
    notes.write(visit, command, NoteKind.SKIN_TEST, now, patient=command.patient, details=skin_reading.details(test))
    if events.Measured in workflow.TRANSITIONS[session.state]:
        advance(visit, events.Measured(at=now), now)
        if visit.session.state is State.DRUG:
            dose.judge(visit, now)
    elif session.state is State.GIVING:
        dose.still_holds(visit, now)
