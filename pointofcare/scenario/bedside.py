"""One scenario object to `Facts`: patients, products, orders, record, scans and intent.

Absent means none or the format's default, except where not knowing is dangerous: there it becomes None, which no check takes
for a pass.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from pointofcare.errors import ZoneUnknownError
from pointofcare.labels import scan as labels
from pointofcare.labels.scan import Keyed, LabelKind, SiteProfile
from pointofcare.labels.symbol import Symbol
from pointofcare.orders import timing
from pointofcare.orders.order import Order, OrderCategory, OrderStatus, Prn
from pointofcare.people import (
    OBSERVATION_CODES,
    Allergy,
    AllergyKind,
    Band,
    BandStatus,
    Nurse,
    Observation,
    Patient,
    PatientStatus,
    StaffRole,
    Weight,
    Witness,
)
from pointofcare.products import (
    Bag,
    BagState,
    Container,
    Controlled,
    HighAlert,
    HoldRule,
    Ingredient,
    MaxDaily,
    PrintedFor,
    Product,
    Release,
)
from pointofcare.scenario.fields import Fields, amount, clock, same
from pointofcare.scenario.policies import policy
from pointofcare.verdict.facts import Action, Cart, Facts, HistoryEntry, Intent, Lease, Scanned, ShownOrder
from pointofcare.verdict.finding import Level

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROLES = ("nurse", "student", "pharmacist", "witness-only", "charge-nurse", "prescriber")
_ENTRY_STATUS = ("completed", "not-done", "on-hold", "in-progress", "stopped", "entered-in-error")
_SEVERITIES = ("severe", "moderate", "mild")


def facts(scenario: Fields) -> Facts:
    """Reads all keys of the moment; `id`, `rules`, `why` and `expect` are the file's. Faults are noted on the way."""
    at = scenario.instant("at")
    if at is None:
        if scenario.text("at") is None:
            scenario.faults.note(scenario.at("at"), "is missing; give the moment of asking as ISO 8601 with an offset")
        at = _EPOCH
    timezone = scenario.object("ward", _timezone)
    return Facts(
        at=at,
        timezone=timezone,
        cart=scenario.object("cart", _cart) or Cart(online=True, clock_offset_s=0.0, chart_age_s=0.0),
        nurse=scenario.object("nurse", _nurse),
        policy=policy(scenario.raw("policy"), scenario.at("policy"), scenario.faults),
        patients=scenario.objects("patients", _patient),
        products=scenario.objects("products", _product),
        orders=scenario.objects("orders", _order),
        history=scenario.objects("history", _entry),
        bags=scenario.objects("bags", _bag),
        containers=scenario.objects("containers", _container),
        scans=scenario.objects("scans", lambda each: _scanned(each, _today(at, timezone))),
        intent=scenario.object("intent", _intent) or _no_intent(scenario),
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
        shown=cart.objects("shown", lambda each: ShownOrder(order=each.required("order"), version=_version(each, "version"))),
    )


def _version(fields: Fields, name: str) -> int:
    value = fields.whole(name)
    if value is None:
        if fields.raw(name) is None:
            fields.faults.note(fields.at(name), "is missing; give a whole number")
        return 0
    return value


def _role(fields: Fields) -> StaffRole | None:
    role = fields.choice("role", _ROLES)
    return StaffRole(role) if role is not None else None


def _nurse(nurse: Fields) -> Nurse:
    return Nurse(id=nurse.text("id") or "", role=_role(nurse), licensed=nurse.flag("licensed"))


def _witness(witness: Fields) -> Witness:
    return Witness(id=witness.text("id") or "", role=_role(witness), licensed=witness.flag("licensed"), on_shift=witness.flag("on_shift"))


def _patient(patient: Fields) -> Patient:
    listed = patient.raw("allergies") is not None
    allergies = patient.objects("allergies", _allergy)
    return Patient(
        id=patient.required("id"),
        mrn=patient.text("mrn") or "",
        name=patient.text("name") or "",
        birth_date=patient.day("birth_date"),
        sex=patient.text("sex"),
        ward=patient.text("ward"),
        bed=patient.text("bed"),
        status=patient.word("status", PatientStatus),
        transferred_at=patient.instant("transferred_at"),
        weight=patient.object("weight", _weight),
        bands=patient.objects("bands", _band),
        allergies=allergies if listed else None,
        observations=tuple(each for each in patient.objects("observations", _observation) if each is not None),
    )


def _weight(weight: Fields) -> Weight | None:
    """Without its value or its time it is not known."""
    value, at = weight.amount("value"), weight.instant("at")
    return Weight(value=value, at=at) if value is not None and at is not None else None


def _at(fields: Fields) -> datetime:
    found = fields.instant("at")
    if found is None and fields.raw("at") is None:
        fields.faults.note(fields.at("at"), "is missing; give a time as ISO 8601 with an offset")
    return found if found is not None else _EPOCH


def _band(band: Fields) -> Band:
    return Band(gsrn=band.required("gsrn"), srin=band.text("srin"), status=band.word("status", BandStatus))


def _allergy(allergy: Fields) -> Allergy:
    return Allergy(
        substance=allergy.required("substance"),
        kind=allergy.word("kind", AllergyKind) or AllergyKind.INGREDIENT,
        severity=allergy.choice("severity", _SEVERITIES),
        tolerated_before=allergy.flag("tolerated_before") or False,
    )


def _observation(observation: Fields) -> Observation | None:
    """Without its value or its time it was not measured."""
    code = observation.choice("code", tuple(sorted(OBSERVATION_CODES)))
    if code is None and observation.raw("code") is None:
        observation.faults.note(observation.at("code"), "is missing; say what was measured")
    value, at = observation.amount("value"), observation.instant("at")
    return Observation(code=code or "", value=value, at=at) if value is not None and at is not None else None


def _gtin(text: str) -> str:
    if not text.isascii() or not text.isdigit() or len(text) not in (8, 12, 13, 14):
        raise ValueError(f"{text!r} is not a GTIN; write its 14 digits")
    return text.zfill(14)


def _product(product: Fields) -> Product:
    iv = product.object("iv", lambda each: (each.flag("minibag") or False, each.flag("vinca") or False)) or (False, False)
    high_alert = product.whole("high_alert") or 0
    if high_alert not in (0, 1, 2, 3):
        product.faults.note(product.at("high_alert"), "must be 0, 1, 2 or 3")
        high_alert = 3
    return Product(
        id=product.required("id"),
        gtin=product.parsed("gtin", _gtin) or "",
        name=product.text("name") or product.text("id") or "",
        form=product.text("form") or "",
        routes=product.texts("routes", same),
        ingredients=product.objects("ingredients", _ingredient),
        volume=product.amount("volume"),
        divisible=product.flag("divisible") or False,
        multi_dose=product.flag("multi_dose") or False,
        release=product.word("release", Release) or Release.IMMEDIATE,
        high_alert=HighAlert(high_alert),
        controlled=product.word("controlled", Controlled) or Controlled.NONE,
        discard_after_opening=product.duration("discard_after_opening"),
        lasa=product.texts("lasa", same),
        max_daily=product.objects("max_daily", _max_daily),
        hold=product.objects("hold", _hold),
        recalled_lots=product.texts("recalled_lots", same),
        minibag=iv[0],
        vinca=iv[1],
    )


def _ingredient(ingredient: Fields) -> Ingredient:
    return Ingredient(name=ingredient.required("name"), amount=ingredient.amount("amount"), classes=ingredient.texts("classes", same))


def _max_daily(limit: Fields) -> MaxDaily:
    return MaxDaily(ingredient=limit.required("ingredient"), hard=limit.amount("hard"), soft=limit.amount("soft"))


def _hold(rule: Fields) -> HoldRule:
    code = rule.choice("code", tuple(sorted(OBSERVATION_CODES)))
    if code is None and rule.raw("code") is None:
        rule.faults.note(rule.at("code"), "is missing; say which observation")
    return HoldRule(
        code=code or "",
        below=rule.amount("below"),
        above=rule.amount("above"),
        max_age=rule.duration("max_age"),
        level=rule.choice("level", tuple(Level.__members__)) or "REASON",
    )


def _order(order: Fields) -> Order:
    doses = order.texts("dose_range", amount)
    if order.raw("dose_range") is not None and len(doses) != 2:
        order.faults.note(order.at("dose_range"), 'must be two amounts, such as ["2 mg", "5 mg"]')
    every = order.duration("every")
    if every is not None and every < timedelta(minutes=1):
        order.faults.note(order.at("every"), "must be at least 1 min")
        every = None
    return Order(
        id=order.required("id"),
        version=_version(order, "version") if order.raw("version") is not None else 1,
        patient=order.required("patient"),
        ingredient=order.required("ingredient"),
        form=order.text("form") or "",
        route=order.text("route") or "",
        category=order.word("category", OrderCategory) or OrderCategory.SCHEDULED,
        status=order.word("status", OrderStatus),
        verified=order.flag("verified") or False,
        dose=order.amount("dose"),
        dose_range=(doses[0], doses[1]) if len(doses) == 2 else None,
        times=order.texts("times", clock),
        every=every,
        start=order.instant("start"),
        end=order.instant("end"),
        time_critical=order.flag("time_critical") or False,
        prn=order.object("prn", _prn),
        rate=order.amount("rate"),
        additives=order.texts("additives", same),
        needs_double_check=order.flag("needs_double_check") or False,
        indication=order.text("indication"),
        substitution=_substitution(order),
    )


def _substitution(order: Fields) -> bool:
    found = order.flag("substitution")
    return True if found is None else found


def _prn(prn: Fields) -> Prn:
    return Prn(reasons=prn.texts("reasons", same), min_interval=prn.duration("min_interval"), max_per_24h=prn.amount("max_per_24h"))


def _entry(entry: Fields) -> HistoryEntry:
    status = entry.choice("status", _ENTRY_STATUS)
    if status is None and entry.raw("status") is None:
        entry.faults.note(entry.at("status"), f"is missing; use one of: {', '.join(_ENTRY_STATUS)}")
    return HistoryEntry(
        order=entry.text("order") or "",
        patient=entry.required("patient"),
        product=entry.text("product"),
        status=status or "completed",
        due=entry.instant("due"),
        at=_at(entry),
        dose=entry.amount("dose"),
        lot=entry.text("lot"),
        serial=entry.text("serial"),
        removed_at=entry.instant("removed_at"),
        reason=entry.text("reason"),
    )


def _bag(bag: Fields) -> Bag:
    return Bag(
        id=bag.required("id"),
        order=bag.required("order"),
        order_version=_version(bag, "order_version"),
        state=bag.word("state", BagState),
        printed_for=bag.object("printed_for", _printed_for) or PrintedFor(),
    )


def _printed_for(printed: Fields) -> PrintedFor:
    return PrintedFor(volume=printed.amount("volume"), rate=printed.amount("rate"), additives=printed.texts("additives", same))


def _container(container: Fields) -> Container:
    opened_at = container.instant("opened_at")
    if opened_at is None and container.raw("opened_at") is None:
        container.faults.note(container.at("opened_at"), "is missing; give the time of opening with its offset")
    return Container(gtin=container.parsed("gtin", _gtin) or "", serial=container.text("serial"), opened_at=opened_at or _EPOCH)


def _scanned(scanned: Fields, today: date) -> Scanned:
    at = _at(scanned)
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
    action = intent.word("action", Action)
    if action is None and intent.raw("action") is None:
        intent.faults.note(intent.at("action"), f"is missing; use one of: {', '.join(each.value for each in Action)}")
    return Intent(
        action=action or Action.GIVE,
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


def _satisfies(intent: Fields) -> tuple[str, ...] | None:
    value = intent.raw("satisfies")
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    return intent.texts("satisfies", same)
