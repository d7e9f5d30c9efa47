"""What "safe to give" means: the one table of checks, and their maximum.

Pure and deterministic: the same facts give the same verdict for ever. Must never raise, and must never say PASS when a check
could not look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pointofcare.verdict import matching, record, sources
from pointofcare.verdict.facts import Facts
from pointofcare.verdict.finding import FactSource, Finding, Level, Verdict
from pointofcare.verdict.moment import Moment
from pointofcare.verdict.reason import is_coded
from pointofcare.verdict.rights.dose import amount, maximum, partial
from pointofcare.verdict.rights.drug import barcode, lookalike, on_record, order_state, ordered
from pointofcare.verdict.rights.patient import identity, instance, keyed, nurse, ownership, session, stay
from pointofcare.verdict.rights.route import route
from pointofcare.verdict.rights.time import repeat, window
from pointofcare.verdict.rule import Check
from pointofcare.verdict.support import (
    allergy,
    as_needed,
    bag,
    blood,
    charting,
    clarity,
    contradiction,
    controlled,
    double_check,
    effect,
    hang,
    hold_values,
    interaction,
    offline,
    own_label,
    own_supply,
    pack,
    patch,
    pump,
    rate,
    skin,
    undo,
)

VERSION = "1.4.0"

# In the order shown to the nurse: who, what, is it ordered, how much, which way, when; then what supports the five rights.
CHECKS: tuple[Check, ...] = (
    Check(rule=nurse.RULE, look=nurse.check),
    Check(rule=session.RULE, look=session.check),
    Check(rule=identity.IDENTITY, look=identity.check_identity),
    Check(rule=identity.BED, look=identity.check_bed),
    Check(rule=instance.RULE, look=instance.check),
    Check(rule=ownership.RULE, look=ownership.check),
    Check(rule=keyed.RULE, look=keyed.check),
    Check(rule=stay.RULE, look=stay.check),
    Check(rule=barcode.RULE, look=barcode.check),
    Check(rule=ordered.ORDERED, look=ordered.check_ordered),
    Check(rule=ordered.CHOICE, look=ordered.check_choice),
    Check(rule=order_state.ACTIVE, look=order_state.check_active),
    Check(rule=order_state.HELD, look=order_state.check_held),
    Check(rule=order_state.STARTED, look=order_state.check_started),
    Check(rule=on_record.RULE, look=on_record.check),
    Check(rule=on_record.ONCE, look=on_record.check_once),
    Check(rule=order_state.VERIFIED, look=order_state.check_verified),
    Check(rule=lookalike.RULE, look=lookalike.check),
    Check(rule=allergy.INGREDIENT, look=allergy.check_ingredient),
    Check(rule=allergy.CLASS, look=allergy.check_class),
    Check(rule=interaction.RULE, look=interaction.check),
    Check(rule=own_supply.RULE, look=own_supply.check),
    Check(rule=clarity.RULE, look=clarity.check),
    Check(rule=contradiction.RULE, look=contradiction.check),
    Check(rule=skin.RULE, look=skin.check),
    Check(rule=amount.UNITS, look=amount.check_units),
    Check(rule=amount.TOTAL, look=amount.check_total),
    Check(rule=amount.UNIT, look=amount.check_unit),
    Check(rule=amount.FRACTION, look=amount.check_fraction),
    Check(rule=partial.RULE, look=partial.check),
    Check(rule=maximum.DAILY, look=maximum.check_daily),
    Check(rule=amount.WEIGHT, look=amount.check_weight),
    Check(rule=route.RULE, look=route.check),
    Check(rule=window.WINDOW, look=window.check_window),
    Check(rule=window.SEQUENCE, look=window.check_sequence),
    Check(rule=repeat.REPEAT, look=repeat.check_repeat),
    Check(rule=window.NEXT, look=window.check_next),
    Check(rule=as_needed.RULE, look=as_needed.check),
    Check(rule=repeat.INTERVAL, look=repeat.check_interval),
    Check(rule=maximum.PRN, look=maximum.check_prn),
    Check(rule=effect.RULE, look=effect.check),
    Check(rule=hold_values.RULE, look=hold_values.check),
    Check(rule=double_check.DOUBLE_CHECK, look=double_check.check_double),
    Check(rule=double_check.WITNESS, look=double_check.check_witness),
    Check(rule=double_check.BLIND, look=double_check.check_blind),
    Check(rule=blood.RULE, look=blood.check),
    Check(rule=pack.EXPIRY, look=pack.check_expiry),
    Check(rule=pack.RECALL, look=pack.check_recall),
    Check(rule=pack.OPENED, look=pack.check_opened),
    Check(rule=pack.SERIAL, look=pack.check_serial),
    Check(rule=pack.LOT, look=pack.check_lot),
    Check(rule=own_label.RULE, look=own_label.check),
    Check(rule=bag.KNOWN, look=bag.check_known),
    Check(rule=bag.STATE, look=bag.check_state),
    Check(rule=bag.PRINTED, look=bag.check_printed),
    Check(rule=bag.SECOND, look=bag.check_second),
    Check(rule=rate.RULE, look=rate.check),
    Check(rule=pump.RULE, look=pump.check),
    Check(rule=hang.RULE, look=hang.check),
    Check(rule=patch.RULE, look=patch.check),
    Check(rule=charting.NOT_GIVEN, look=charting.check_not_given),
    Check(rule=undo.RULE, look=undo.check),
    Check(rule=charting.LATE, look=charting.check_late),
    Check(rule=controlled.BALANCE, look=controlled.check_balance),
    Check(rule=controlled.WASTE, look=controlled.check_waste),
    Check(rule=offline.CHART_AGE, look=offline.check_chart_age),
    Check(rule=offline.LEASE, look=offline.check_lease),
    Check(rule=offline.RISK, look=offline.check_risk),
    Check(rule=offline.CLOCK, look=offline.check_clock),
)

# A reason cannot take the place of a choice: without the choice it is not known what would be recorded.
_NEEDS_A_CHOICE = frozenset({"D8"})
# A witness alone answers neither a witness who may not be one, nor a calculation that nobody repeated alone.
_NEEDS_MORE_THAN_A_WITNESS = frozenset({"H3", "H5"})
_CONFIRMABLE = Level.WARN


def evaluate(facts: Facts, checks: tuple[Check, ...] = CHECKS) -> Verdict:
    """May this be given? Pure, deterministic, never raises for any `facts`. `checks` is for tests that leave one out."""
    try:
        moment = matching.look(facts)
    except Exception as fault:  # noqa: BLE001 - the facts contradict their own types: say so at STOP, never fall silent
        return _unable(facts, fault)
    tried = frozenset(facts.policy.shadow)
    found: list[Finding] = []
    shadow: list[Finding] = []
    for check in checks:
        # Only a rule on trial can be tried: a name that stands there by mistake takes nothing away.
        (shadow if check.rule.on_trial and check.rule.id in tried else found).extend(_asked(check, moment))
    findings = tuple(_answered(found, moment))
    level = max((finding.level for finding in findings if not finding.satisfied), default=Level.PASS)
    return Verdict(
        level=level,
        findings=findings,
        order=moment.order.id if moment.order is not None else None,
        order_version=moment.order.version if moment.order is not None else None,
        patient=moment.patient.id if moment.patient is not None else None,
        products=tuple(product.id for product in moment.products),
        due=moment.time.due,
        record=record.proposed(moment) if level <= _CONFIRMABLE else None,
        engine=VERSION,
        policy=facts.policy.version,
        shadow=tuple(shadow),
    )


def _asked(check: Check, moment: Moment) -> list[Finding]:
    try:
        return [sources.told(finding, check.rule, moment) for finding in check.look(moment) if finding.level > Level.PASS]
    except Exception as fault:  # noqa: BLE001 - a check that breaks has not looked: unknown, at STOP
        facts: dict[str, object] = {**dict.fromkeys(check.rule.facts, ""), "fault": type(fault).__name__}
        return [
            Finding(
                rule=check.rule.id, level=Level.STOP, facts=facts, remedy="tell-support", unknown=True, sources=_own(facts, moment.facts)
            )
        ]


def _unable(facts: Facts, fault: Exception) -> Verdict:
    told = {"fault": type(fault).__name__}
    finding = Finding(rule="E1", level=Level.STOP, facts=told, remedy="tell-support", unknown=True, sources=_own(told, facts))
    return Verdict(
        level=Level.STOP,
        findings=(finding,),
        order=None,
        order_version=None,
        patient=None,
        products=(),
        due=None,
        record=None,
        engine=VERSION,
        policy=facts.policy.version,
    )


def _own(names: Iterable[str], facts: Facts) -> dict[str, FactSource]:
    """Of what the engine says about itself the source is the cart that it runs on."""
    return {name: FactSource(origin="cart", ref=facts.cart.id) for name in names}


def _answered(found: list[Finding], moment: Moment) -> list[Finding]:
    """Marks what the witness, the typed reason and the coded reason satisfy. A reason satisfies what it names, or the only
    finding that asks for one."""
    intent, session_keyed = moment.facts.intent, moment.session.keyed
    witnessed = double_check.witness_fault(moment) == ""
    explained = is_coded(intent.reason, intent.reason_text)
    typed = session_keyed is not None and is_coded(session_keyed.reason)
    findings = [
        replace(finding, satisfied=True)
        if (finding.level is Level.WITNESS and witnessed and finding.rule not in _NEEDS_MORE_THAN_A_WITNESS)
        or (finding.rule == "H2" and finding.level is Level.REASON and witnessed)
        or (finding.rule == "P6" and finding.level is Level.REASON and typed)
        or (finding.rule == "Q5" and explained)
        else finding
        for finding in found
    ]
    if not explained:
        return findings
    asking = [finding for finding in findings if finding.level is Level.REASON and not finding.satisfied]
    if intent.satisfies is not None:
        named = set(intent.satisfies)
    else:
        named = {asking[0].rule} if len(asking) == 1 else set()
    return [
        replace(finding, satisfied=True) if finding in asking and finding.rule in named and finding.rule not in _NEEDS_A_CHOICE else finding
        for finding in findings
    ]
