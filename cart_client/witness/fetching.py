"""Asking another cart or phone for the second person, and taking the answer, or not.

The dose goes on only with an answer that the server signed, to this request, while it lasts, about what is on this screen to the
letter, by somebody whom this cart's own roster lets be a witness. A change of anything ends the request. What is not certain is no
answer: the second person then signs in here.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from datetime import datetime

from joserfc import jws
from joserfc.errors import JoseError

from cart_client import changing, dose, rights, sign_in, trust
from cart_client.afar import AGAIN_S, LASTS, Fetching, WitnessHeard
from cart_client.chart import role_of
from cart_client.visit import Visit, advance, facts, note, say
from cart_client.witness import called
from pointofcare.administration import conclusion, events
from pointofcare.administration import session as workflow
from pointofcare.administration.record import FindingEvidence
from pointofcare.administration.session import Session
from pointofcare.errors import MessageError
from pointofcare.labels.scan import DrugScan
from pointofcare.orders.order import Order
from pointofcare.people import Witness
from pointofcare.verdict.facts import Action, Intent
from pointofcare.verdict.support import double_check
from pointofcare.wire import values
from pointofcare.wire.messages import LookedAtDose, LookedAtPack, WitnessAsked, WitnessCalled, WitnessProof, WitnessState, WitnessTold
from pointofcare.wire.tables import StaffEntry

PROOF = "witness"
# What names the first one's figure waits until the second is told.
_NAMES_THE_FIGURE = ("I5", "H5", "Q")
_OVER = {
    WitnessState.EXPIRED: "witness-afar-expired",
    WitnessState.WITHDRAWN: "witness-afar-void",
    WitnessState.REFUSED: "witness-afar-refused",
}


def ask(visit: Visit, now: datetime) -> None:
    """The nurse asks. One request at a time; pressed again, it is the same one."""
    session, afar = visit.session, visit.afar
    if not sign_in.witness_asked(session) or session.nurse is None or session.verdict is None:
        say(visit, "not-now", state=session.state.value)
        return
    if afar.fetching is not None:
        return
    if not visit.here.online:
        say(visit, "witness-afar-offline")
        return
    shown = looked_at(visit, now)
    if shown is None:
        say(visit, "witness-afar-unknown")
        return
    request = str(uuid.uuid4())
    mono_s = afar.mono_s()
    body = WitnessAsked(
        request=request,
        digest=digest(session, request),
        nurse=session.nurse.id,
        lasts_s=LASTS.total_seconds(),
        dose=shown,
    )
    visit.witness_badge = ""
    afar.fetching = Fetching(
        asked=body,
        session=session,
        at=now,
        until=now + LASTS,
        until_mono_s=mono_s + LASTS.total_seconds(),
        sent_mono_s=mono_s,
    )
    visit.moment += 1
    afar.send(body)


def stop(visit: Visit) -> None:
    """Nobody is asked any more."""
    fetching = visit.afar.fetching
    if fetching is not None:
        visit.afar.fetching = None
        visit.moment += 1
        visit.afar.send(replace(fetching.asked, dose=None))


def look(visit: Visit) -> None:
    """After whatever happened here: a request about what is not so any more is taken back, and one that is under way is said again."""
    afar, fetching = visit.afar, visit.afar.fetching
    if fetching is None:
        return
    mono_s = afar.mono_s()
    if not _is_same(visit.session, fetching):
        stop(visit)
        if sign_in.witness_asked(visit.session):
            say(visit, "witness-afar-void")
    elif mono_s >= fetching.until_mono_s:
        stop(visit)
        say(visit, "witness-afar-expired")
    elif mono_s - fetching.sent_mono_s >= AGAIN_S:
        left_s = fetching.until_mono_s - mono_s
        afar.fetching = replace(fetching, sent_mono_s=mono_s)
        afar.send(replace(fetching.asked, lasts_s=round(left_s, 3)))


def _is_same(session: Session, fetching: Fetching) -> bool:
    if session is fetching.session:
        return True
    return sign_in.witness_asked(session) and digest(session, fetching.asked.request) == fetching.asked.digest


def heard(visit: Visit, item: WitnessHeard, now: datetime) -> None:
    """What the server says: of a call, of an answer that was given here, or of what is asked from here."""
    match item.body:
        case WitnessCalled() as call:
            called.came(visit, call, now)
        case WitnessTold() as body:
            called.told(visit, body)
            told(visit, body, now)


def told(visit: Visit, body: WitnessTold, now: datetime) -> None:
    """The server says where the request stands. What is about another one came too late, or twice."""
    fetching = visit.afar.fetching
    if fetching is None or fetching.asked.request != body.request:
        if body.proof is not None:
            note(visit, "witness-afar-refused", now, {"why": "not-asked", "request": body.request})
        return
    match body.state:
        case WitnessState.OPEN:
            if not fetching.is_heard or fetching.reached != body.reached:
                visit.afar.fetching = replace(fetching, is_heard=True, reached=body.reached)
        case WitnessState.DECLINED:
            visit.afar.fetching = None
            visit.moment += 1
            note(visit, "witness-declined", now, {"staff": body.witness or "", "cart": body.cart or "", "reason": body.reason or ""})
            say(
                visit,
                "witness-afar-declined",
                name=_name(visit, body.witness),
                cart=body.cart or "",
                reason=body.reason or "other",
                text=body.reason_text or "",
            )
        case WitnessState.CONFIRMED:
            _confirmed(visit, fetching, body, now)
        case other:
            visit.afar.fetching = None
            visit.moment += 1
            say(visit, _OVER[other])


def _confirmed(visit: Visit, fetching: Fetching, body: WitnessTold, now: datetime) -> None:
    """Raises: JournalError, and then nobody has witnessed."""
    session, afar = visit.session, visit.afar
    proof = _proof(visit, body.proof)
    why = _why_not(visit, fetching, proof)
    if why == "forged":
        # Somebody else's message: the request goes on, for whoever really answers it.
        note(visit, "witness-afar-refused", now, {"why": why, "request": body.request})
        say(visit, "witness-afar-forged")
        return
    afar.fetching = None
    visit.moment += 1
    entry = _person(visit, proof.witness, now) if proof is not None else None
    second = _witness(entry) if entry is not None else None
    nurse = session.nurse.id if session.nurse is not None else None
    why = why or ("not-known" if second is None else "not-permitted" if double_check.fault_of(second, nurse=nurse) else "")
    if why or proof is None or second is None or entry is None:
        note(visit, "witness-afar-refused", now, {"why": why, "request": body.request})
        say(visit, f"witness-afar-{why}")
        return
    if not changing.still_said(visit, now):
        note(visit, "witness-afar-refused", now, {"why": "void", "request": body.request})
        advance(visit, events.Changed(at=now), now)
        dose.judge(visit, now)
        say(visit, "witness-afar-void")
        return
    works_out = sign_in.works_it_out(visit, now)
    if works_out and proof.blind_value is None:
        note(visit, "witness-afar-refused", now, {"why": "no-figure", "request": body.request})
        say(visit, "witness-afar-no-figure")
        return
    sight = events.Sight(witness=second.id, at=proof.at, cart=proof.witness_cart, request=proof.request)
    rights.remember(visit, entry, second=True)
    if works_out and proof.blind_value is not None:
        advance(visit, events.WitnessKnown(witness=second, at=now), now)
        advance(visit, events.BlindGiven(value=proof.blind_value, at=now, sight=sight), now)
    else:
        advance(visit, events.WitnessGiven(witness=second, at=now, sight=sight), now)
    dose.judge(visit, now)
    if not visit.notice[0]:
        say(visit, "witness-afar-confirmed", name=entry.name, cart=proof.witness_cart)


def _why_not(visit: Visit, fetching: Fetching, proof: WitnessProof | None) -> str:
    """Why this is no answer to what is asked; "" while it is."""
    place = visit.here.place()
    if proof is None or (proof.facility, proof.cart, proof.request) != (place.facility, place.cart, fetching.asked.request):
        return "forged"
    if proof.digest != fetching.asked.digest or not _is_same(visit.session, fetching):
        return "void"
    return "expired" if visit.afar.mono_s() >= fetching.until_mono_s else ""


def _proof(visit: Visit, text: str | None) -> WitnessProof | None:
    """What the server's key signed, None for anything else."""
    try:
        signed = trust.payload(text, visit.chart.keys) if text else None
        if signed is None or jws.extract_compact((text or "").encode("ascii")).headers().get("typ") != PROOF:
            return None
        return values.load(WitnessProof, signed)
    except (JoseError, MessageError, ValueError):
        return None


def _person(visit: Visit, staff: str, now: datetime) -> StaffEntry | None:
    """Of this cart's own roster: what a message says of a person counts for nothing."""
    entry = visit.chart.member(staff, now)
    usable = entry is not None and entry.active and (entry.expires_at is None or entry.expires_at > now)
    return entry if usable else None


def _witness(entry: StaffEntry) -> Witness:
    return Witness(id=entry.id, role=role_of(entry), licensed=entry.licensed, on_shift=entry.on_shift)


def _name(visit: Visit, staff: str | None) -> str:
    return visit.chart.names().get(staff or "", staff or "")


# What is asked about.


def digest(session: Session, request: str) -> str:
    """What a request is about, to the letter: who, whom, what was scanned, how much, and what the verdict found."""
    verdict = session.verdict
    said = {
        "request": request,
        "nurse": session.nurse.id if session.nurse is not None else None,
        "patient": session.patient,
        "record": session.record_id,
        "scans": [values.to_plain(scan) for scan in session.evidence],
        "intent": values.to_plain(session.intent),
        "verdict": None
        if verdict is None
        else {
            "level": verdict.level.name,
            "order": verdict.order,
            "version": verdict.order_version,
            "due": verdict.due.isoformat() if verdict.due is not None else None,
            "engine": verdict.engine,
            "policy": verdict.policy,
            "products": list(verdict.products),
            "findings": [values.to_plain(finding) for finding in conclusion.evidence_of(verdict)],
        },
    }
    return hashlib.sha256(values.written(said)).hexdigest()


def looked_at(visit: Visit, now: datetime) -> LookedAtDose | None:
    """What the colleague sees. None where it is not known whom the dose is for."""
    session, verdict = visit.session, visit.session.verdict
    who = visit.chart.patient(session.patient, now)
    if who is None or verdict is None:
        return None
    intent = session.intent
    order = dose.ordered(visit, verdict.order, now, verdict.due)
    blind = blind_units(intent, order, has_volume=_has_volume(visit, now)) if sign_in.works_it_out(visit, now) else ()
    evidence = conclusion.evidence_of(verdict)
    measured = next((each for each in facts(visit, now).patients if each.id == who.id), who)
    return LookedAtDose(
        patient=who.id,
        mrn=who.mrn,
        name=who.name,
        action=intent.action.value,
        level=verdict.level.name,
        findings=tuple(each for each in evidence if not each.shadow and not (blind and _names_the_figure(each))),
        packs=tuple(_packs(visit, now)),
        order=order,
        due=verdict.due,
        dose=None if blind else intent.dose,
        waste=None if blind else intent.waste,
        returned=None if blind else intent.returned,
        rate=None if blind else intent.rate,
        drop_factor=intent.drop_factor,
        route=intent.route or (order.route if order is not None else None),
        site=intent.site,
        reason=intent.reason,
        reason_text=intent.reason_text,
        weight=measured.weight.value if measured.weight is not None else None,
        weight_at=measured.weight.at if measured.weight is not None else None,
        blind=blind,
    )


def _names_the_figure(finding: FindingEvidence) -> bool:
    return finding.rule.startswith(_NAMES_THE_FIGURE)


def blind_units(intent: Intent, order: Order | None, *, has_volume: bool) -> tuple[str, ...]:
    """In which units the second person may tell a figure: of the rate that was set, or of the dose, per body weight taken out, or of
    the volume drawn."""
    if intent.rate is not None:
        return (intent.rate.unit,)
    if order is None:
        return ("mL/h",)
    amount = order.dose or (order.dose_range[0] if order.dose_range is not None else None)
    if order.rate is not None and (intent.action is Action.START or amount is None):
        return (order.rate.unit,)
    unit = amount.unit.split("/")[0] if amount is not None else "mL"
    return (unit, "mL") if has_volume and unit != "mL" else (unit,)


def _has_volume(visit: Visit, now: datetime) -> bool:
    gtins = {each.scan.gtin for each in workflow.drugs(visit.session) if isinstance(each.scan, DrugScan)}
    return any(product.gtin in gtins and product.volume is not None for product in visit.chart.products(now))


def _packs(visit: Visit, now: datetime) -> list[LookedAtPack]:
    by_gtin = {product.gtin: product for product in visit.chart.products(now)}
    found = []
    drugs = workflow.drugs(visit.session)
    told = [each for each, scan in zip(visit.session.evidence, visit.session.scans, strict=True) if scan in drugs]
    for seen, evidence in zip(drugs, told, strict=True):
        scan = seen.scan
        pack = scan if isinstance(scan, DrugScan) else None
        product = by_gtin.get(pack.gtin) if pack is not None else None
        found.append(
            LookedAtPack(
                text=evidence.text,
                at=seen.at,
                product=product.id if product is not None else None,
                name=product.name if product is not None else None,
                lot=pack.lot if pack is not None else None,
                expiry=pack.expiry.isoformat() if pack is not None and pack.expiry is not None else None,
                serial=pack.serial if pack is not None else None,
                keyed=evidence.keyed,
            )
        )
    return found
