"""Second looks over MQTT: what each message about one leads to, and for whom. Publishes nothing; the gateway does.

A confirmation goes to the cart that asked with the server's signature, made anew from the row each time that cart asks again.
"""

from __future__ import annotations

from datetime import timedelta

from joserfc import jws

from pointofcare.wire import routes, values
from pointofcare.wire.messages import (
    Body,
    CallState,
    LookedAtDose,
    WitnessAnswered,
    WitnessAsked,
    WitnessCalled,
    WitnessProof,
    WitnessState,
    WitnessTold,
)
from pointofcare.wire.routes import Route
from server.mqtt.publishing import LIVE_PHASES
from server.security.signing import ALGORITHM, SigningKey
from server.store import second_looks as stored
from server.store.second_looks import StoredRequest
from server.store.transaction import Actor, Transaction, transaction
from server.usecases import second_looks

Letters = tuple[tuple[str, Route, Body], ...]
TYPE = "witness"
# A call that is not said again is over at the carts that were called.
CALL_LASTS = timedelta(seconds=15)


def letters(actor: Actor, body: WitnessAsked | WitnessAnswered, cart: str, *, facility: str, key: SigningKey) -> Letters:
    """What goes out because of `body`, which came from `cart`: to whom, where, what. Committed before anything is said."""
    if isinstance(body, WitnessAsked):
        return asked(actor, body, cart, facility=facility, key=key)
    return answered(actor, body, cart, facility=facility, key=key)


def asked(actor: Actor, body: WitnessAsked, cart: str, *, facility: str, key: SigningKey) -> Letters:
    with transaction(actor) as tx:
        outcome = second_looks.ask(tx, body, cart)
        found = outcome.request
        if found is None:
            return ((cart, routes.WITNESS_TOLD, WitnessTold(request=body.request, state=WitnessState.REFUSED, why=outcome.why)),)
        others = stored.others(tx, found.ward, cart, LIVE_PHASES)
        letters: list[tuple[str, Route, Body]] = [(cart, routes.WITNESS_TOLD, _told(found, facility=facility, key=key, reached=others))]
        letters += [(each, routes.WITNESS_CALL, _closed(old)) for old in outcome.withdrawn for each in others]
        if found.state == stored.OPEN:
            letters += [(each, routes.WITNESS_CALL, _call(tx, found)) for each in others]
        elif outcome.is_new:
            letters += [(each, routes.WITNESS_CALL, _closed(found)) for each in others]
        return tuple(letters)


def answered(actor: Actor, body: WitnessAnswered, cart: str, *, facility: str, key: SigningKey) -> Letters:
    with transaction(actor) as tx:
        outcome = second_looks.answer(tx, body, cart)
        found = outcome.request
        if found is None or outcome.why:
            told = WitnessTold(
                request=body.request,
                state=WitnessState.REFUSED,
                why=outcome.why,
                witness=found.witness if found is not None and outcome.why == "taken" else None,
                cart=found.witness_cart if found is not None and outcome.why == "taken" else None,
            )
            letters: list[tuple[str, Route, Body]] = [(cart, routes.WITNESS_TOLD, told)]
        else:
            letters = [(cart, routes.WITNESS_TOLD, _told(found, facility=facility, key=None))]
        if found is not None and outcome.is_new:
            others = stored.others(tx, found.ward, found.cart, LIVE_PHASES)
            letters.append((found.cart, routes.WITNESS_TOLD, _told(found, facility=facility, key=key)))
            letters += [(each, routes.WITNESS_CALL, _closed(found)) for each in others]
        return tuple(letters)


def _call(tx: Transaction, found: StoredRequest) -> WitnessCalled:
    left = min(CALL_LASTS, found.expires_at - tx.at)
    return WitnessCalled(
        request=found.request,
        digest=found.digest,
        state=CallState.OPEN,
        cart=found.cart,
        nurse=found.nurse,
        lasts_s=max(0.0, left.total_seconds()),
        dose=values.from_plain(LookedAtDose, found.dose),
    )


def _closed(found: StoredRequest) -> WitnessCalled:
    return WitnessCalled(request=found.request, digest=found.digest, state=CallState.CLOSED, cart=found.cart, nurse=found.nurse)


def _told(found: StoredRequest, *, facility: str, key: SigningKey | None, reached: tuple[str, ...] = ()) -> WitnessTold:
    state = WitnessState(found.state)
    answered = state in (WitnessState.CONFIRMED, WitnessState.DECLINED)
    return WitnessTold(
        request=found.request,
        state=state,
        witness=found.witness if answered else None,
        cart=found.witness_cart if answered else None,
        at=found.witnessed_at if answered else None,
        reason=found.reason,
        reason_text=found.reason_text,
        reached=reached if state is WitnessState.OPEN else (),
        proof=proof(found, facility=facility, key=key) if state is WitnessState.CONFIRMED and key is not None else None,
    )


def proof(found: StoredRequest, *, facility: str, key: SigningKey) -> str:
    """What the server signs of a confirmation."""
    assert found.witness is not None
    assert found.witness_cart is not None
    assert found.witnessed_at is not None
    said = WitnessProof(
        facility=facility,
        cart=found.cart,
        request=found.request,
        digest=found.digest,
        witness=found.witness,
        witness_cart=found.witness_cart,
        at=found.witnessed_at,
        blind_value=found.blind_value,
    )
    header = {"alg": ALGORITHM, "kid": key.id, "typ": TYPE}
    return jws.serialize_compact(header, values.dump(said), key.key, algorithms=[ALGORITHM])
