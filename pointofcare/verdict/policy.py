"""The hospital's policy as data: every number and level that a check uses and a hospital may choose.

A default either cites its source or says "local choice". A policy has a version, which every verdict names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pointofcare.orders.schedule import Windows
from pointofcare.products import Controlled, HighAlert, HoldRule
from pointofcare.quantity import Quantity
from pointofcare.verdict.finding import Level

DEFAULT_VERSION = "default-7"


class ListedBy(StrEnum):
    """What the name of a policy list's line is."""

    INGREDIENT = "ingredient"
    CLASS = "class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of a policy list: an ingredient, or a class of them."""

    name: str
    by: ListedBy = ListedBy.INGREDIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHighAlert(Listed):
    level: HighAlert


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedControlled(Listed):
    schedule: Controlled


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHold(Listed):
    """A hold parameter for every product with this ingredient or of this class, beside the product's own."""

    rule: HoldRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEmergency(Listed):
    """May be given in an emergency without an order; a prescriber acknowledges it later. `max_dose` None: no limit here."""

    max_dose: Quantity | None = None
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """A pair of names that are taken for each other."""

    one: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectWindow:
    """How long after a dose as needed by `route` its effect is to be charted; route "" stands for every other."""

    route: str
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    version: str = DEFAULT_VERSION
    # T1, minutes on each side of the scheduled time. CMS 2011 / ISMP timely administration guidelines.
    window_time_critical: timedelta = timedelta(minutes=30)
    window_frequent: timedelta = timedelta(minutes=60)
    window_daily_or_less: timedelta = timedelta(minutes=120)
    # T1 of doses that stand outside the windows (CMS 2011): how long after its time a single dose is not yet late. Local choice.
    window_stat: timedelta = timedelta(minutes=30)
    window_once: timedelta = timedelta(minutes=60)
    # T3: the same item recorded in the last 120 min. VA BCMA uses 7,200 s.
    repeat_warning: timedelta = timedelta(minutes=120)
    # P3: a band without an instance number (plain MRN bands have none). Local choice.
    band_without_instance: Level = Level.REASON
    # P5: VA BCMA allows 1 to 1,440 min; local choice.
    session_idle: timedelta = timedelta(minutes=5)
    # P7: VA BCMA default.
    transfer_notice: timedelta = timedelta(hours=72)
    # D6: not verified by a pharmacist; VA BCMA lets a site allow, warn or prohibit. Local choice.
    unverified_order: Level = Level.STOP
    unverified_stat_order: Level = Level.REASON
    # T6: local choice; VA BCMA allows 0 to 30 min.
    clock_note: timedelta = timedelta(seconds=60)
    clock_stop: timedelta = timedelta(minutes=5)
    # O1: local choice.
    chart_age_reason: timedelta = timedelta(hours=4)
    chart_age_stop: timedelta = timedelta(hours=24)
    # Q7: local choice.
    weight_max_age: timedelta = timedelta(days=7)
    # S3: may an on-call order be given more than once? VA BCMA makes it a site switch; local choice.
    on_call_repeats: bool = False
    # S6: local choice.
    late_charting: timedelta = timedelta(minutes=15)
    # H1 where the product's rule names no age: local choice.
    observation_max_age: timedelta = timedelta(minutes=60)
    # N2: too early is a STOP for these classes or ingredients, else REASON. Local choice after ISMP's high-alert list.
    interval_stop_classes: tuple[str, ...] = ("opioid", "sedative", "benzodiazepine")
    interval_stop_ingredients: tuple[str, ...] = ("paracetamol", "acetaminophen")
    # Lists: each applies beside what the formulary says of a product, and the stricter one counts. Empty unless a hospital fills them.
    high_alert: tuple[ListedHighAlert, ...] = ()
    look_alike: tuple[LookAlike, ...] = ()
    time_critical: tuple[Listed, ...] = ()
    controlled: tuple[ListedControlled, ...] = ()
    hold: tuple[ListedHold, ...] = ()
    # D16: drugs that the skin is tested for before the first dose, and how long a negative test counts. Local choice.
    skin_tested: tuple[Listed, ...] = ()
    skin_test_valid_for: timedelta = timedelta(hours=72)
    # D1: what may be given in an emergency without an order, and how soon a prescriber acknowledges it. Local choice.
    emergency: tuple[ListedEmergency, ...] = ()
    acknowledge_within: timedelta = timedelta(hours=24)
    # H5: is a second, blind calculation asked for of doses by weight and of rates? Local choice after Westbrook 2020.
    blind_for_calculated: bool = False
    # N4: VA BCMA allows 10 to 960 min by site; local choice.
    effect_windows: tuple[EffectWindow, ...] = (
        EffectWindow(route="IV", within=timedelta(minutes=30)),
        EffectWindow(route="", within=timedelta(minutes=60)),
    )
    # N4: VA BCMA looks back 72 h.
    effect_look_back: timedelta = timedelta(hours=72)
    # I3: printed fields whose change makes a bag invalid; those of `bag_warns` only warn. VA BCMA's default matrix.
    bag_stops: tuple[str, ...] = ("volume", "additives")
    bag_warns: tuple[str, ...] = ("rate",)
    # I6: how old may a pump's association of bag, channel and patient be? Local choice.
    pump_association_max_age: timedelta = timedelta(hours=12)
    # C1: taken = given + wasted + returned within this time. Local choice.
    controlled_settle_within: timedelta = timedelta(minutes=60)
    # S5: the pharmacy answers a missing dose within this time, then it is shown as late. Local choice.
    request_answer_within: timedelta = timedelta(minutes=30)
    # Rules that are only tried: evaluated and recorded, never shown. Only rules marked as on trial may stand here.
    shadow: tuple[str, ...] = ()

    @property
    def windows(self) -> Windows:
        return Windows(
            time_critical=self.window_time_critical,
            frequent=self.window_frequent,
            daily_or_less=self.window_daily_or_less,
            stat_deadline=self.window_stat,
            once_deadline=self.window_once,
        )


# What holds where a hospital chose nothing.
DEFAULT_POLICY = Policy()
