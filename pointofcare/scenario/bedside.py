"""One scenario object to `Facts`: patients, products, orders, record, scans and intent.

Absent means none or the format's default, except where not knowing is dangerous: there it becomes None, which no check takes
for a pass.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from pointofcare.errors import ZoneUnknownError
from pointofcare.labels import scan as labels
from pointofcare.labels.scan import Keyed, LabelKind, SiteProfile
from pointofcare.labels.symbol import Symbol
from pointofcare.orders import timing
from pointofcare.people import Nurse, Witness
from pointofcare.scenario import chart, formulary
from pointofcare.scenario.fields import Fields, same
from pointofcare.scenario.policies import policy
from pointofcare.scenario.values import EPOCH, happened_at, role, version
from pointofcare.verdict.facts import Action, Cart, Facts, Intent, Lease, LeaseDoubt, Scanned, ShownOrder

_LATER_ACTIONS = frozenset({Action.RATE, Action.ASSESS, Action.UNDO})


def facts(scenario: Fields) -> Facts:
    """Reads all keys of the moment; `id`, `rules`, `why` and `expect` are the file's. Faults are noted on the way."""
    at = scenario.instant("at")
    if at is None:
        if scenario.text("at") is None:
            scenario.faults.note(scenario.at("at"), "is missing; give the moment of asking as ISO 8601 with an offset")
        at = EPOCH
    timezone = scenario.object("ward", _timezone)
    return Facts(
        at=at,
        timezone=timezone,
        cart=scenario.object("cart", _cart) or Cart(online=True, clock_offset_s=0.0, chart_age_s=0.0),
        nurse=scenario.object("nurse", _nurse),
        policy=policy(scenario.raw("policy"), scenario.at("policy"), scenario.faults, scenario.format),
        patients=scenario.objects("patients", chart.patient),
        products=scenario.objects("products", formulary.product),
        orders=scenario.objects("orders", chart.order),
        history=scenario.objects("history", chart.entry),
        bags=scenario.objects("bags", formulary.bag),
        containers=scenario.objects("containers", formulary.container),
        scans=scenario.objects("scans", lambda each: _scanned(each, _today(at, timezone))),
        intent=scenario.object("intent", _intent) or _no_intent(scenario),
        pumps=scenario.objects("pumps", formulary.pump) if scenario.format > 1 else (),
        labels=scenario.objects("labels", formulary.labels) if scenario.format > 1 else (),
    )


def _no_intent(scenario: Fields) -> Intent:
    if scenario.raw("intent") is None:
        scenario.faults.note(scenario.at("intent"), 'is missing; give at least {"action": "give"}')
    return Intent(action=Action.GIVE)


def _today(at: datetime, timezone: str | None) -> date:
    try:
        return timing.ward_date(at, timezone)
    except ZoneUnknownError:
        return at.date()


def _timezone(ward: Fields) -> str | None:
    def parse(name: str) -> str:
        try:
            timing.zone_of(name)
        except ZoneUnknownError as fault:
            raise ValueError(str(fault)) from None
        return name

    return ward.parsed("timezone", parse)


def _cart(cart: Fields) -> Cart:
    online, offset, age = cart.flag("online"), cart.number("clock_offset_s"), cart.number("chart_age_min")
    if age is not None and age < 0:
        cart.faults.note(cart.at("chart_age_min"), "must be zero or more")
    return Cart(
        online=True if online is None else online,
        clock_offset_s=0.0 if offset is None else offset,
        chart_age_s=0.0 if age is None else age * 60,
        lease=cart.word("lease", Lease) or Lease.NONE,
        shown=cart.objects("shown", lambda each: ShownOrder(order=each.required("order"), version=version(each, "version"))),
        lease_pending=cart.format > 1 and cart.flag("lease_pending") is True,
        lease_doubts=cart.objects("lease_doubts", _doubt) if cart.format > 1 else (),
    )


def _doubt(doubt: Fields) -> LeaseDoubt:
    return LeaseDoubt(cart=doubt.required("cart"), nurse=doubt.text("nurse"), since=doubt.instant("since"))


def _nurse(nurse: Fields) -> Nurse:
    return Nurse(id=nurse.text("id") or "", role=role(nurse), licensed=nurse.flag("licensed"))


def _witness(witness: Fields) -> Witness:
    return Witness(id=witness.text("id") or "", role=role(witness), licensed=witness.flag("licensed"), on_shift=witness.flag("on_shift"))


def _scanned(scanned: Fields, today: date) -> Scanned:
    at = happened_at(scanned)
    if scanned.has("keyed"):
        kind = scanned.choice("as", ("patient", "drug", "product"))
        if kind is None and scanned.raw("as") is None:
            scanned.faults.note(scanned.at("as"), "is missing; say patient or drug")
        keyed = Keyed(
            value=scanned.required("keyed"),
            kind=LabelKind.PATIENT if kind in (None, "patient") else LabelKind.DRUG,
            second_identifier=scanned.text("second_identifier"),
            reason=scanned.text("reason"),
        )
        return Scanned(scan=keyed, at=at)
    text = scanned.text("text")
    if text is None and scanned.raw("text") is None:
        scanned.faults.note(scanned.at("text"), "is missing; give the symbol's content, or keyed with what was typed")
    symbol = Symbol(identifier=scanned.text("symbol") or "", content=(text or "").encode("utf-8", "surrogatepass"))
    return Scanned(scan=labels.interpret(symbol, SiteProfile(), today), at=at)


def _intent(intent: Fields) -> Intent:
    known = tuple(each.value for each in Action if intent.format > 1 or each not in _LATER_ACTIONS)
    action = intent.choice("action", known)
    if action is None and intent.raw("action") is None:
        intent.faults.note(intent.at("action"), f"is missing; use one of: {', '.join(known)}")
    read = Intent(
        action=Action(action) if action is not None else Action.GIVE,
        order=intent.text("order"),
        due=intent.instant("due"),
        dose=intent.amount("dose"),
        route=intent.text("route"),
        site=intent.text("site"),
        given_at=intent.instant("given_at"),
        reason=intent.text("reason"),  # one that is not coded answers nothing, which is for the verdict to say
        satisfies=_satisfies(intent),
        prn_reason=intent.text("prn_reason"),
        witness=intent.object("witness", _witness),
        blind_value=intent.amount("blind_value"),
        waste=intent.amount("waste"),
        returned=intent.amount("returned"),
    )
    if intent.format == 1:
        return read
    return replace(
        read,
        of_record=intent.text("of_record"),
        rate=intent.amount("rate"),
        drop_factor=_drop_factor(intent),
        effect=intent.text("effect"),
    )


def _drop_factor(intent: Fields) -> int | None:
    found = intent.whole("drop_factor")
    if found is not None and not 1 <= found <= 1000:
        intent.faults.note(intent.at("drop_factor"), "must be the drops per mL that the set is marked with, 1 to 1000")
        return None
    return found


def _satisfies(intent: Fields) -> tuple[str, ...] | None:
    value = intent.raw("satisfies")
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    return intent.texts("satisfies", same)
