"""The hospital's policy as data: every number and level that a check uses and a hospital may choose.

A default either cites its source or says "local choice". A policy has a version, which every verdict names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pointofcare.orders.schedule import Windows
from pointofcare.verdict.finding import Level

DEFAULT_VERSION = "default-7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    version: str = DEFAULT_VERSION
    # T1, minutes on each side of the scheduled time. CMS 2011 / ISMP timely administration guidelines.
    window_time_critical: timedelta = timedelta(minutes=30)
    window_frequent: timedelta = timedelta(minutes=60)
    window_daily_or_less: timedelta = timedelta(minutes=120)
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

    @property
    def windows(self) -> Windows:
        return Windows(time_critical=self.window_time_critical, frequent=self.window_frequent, daily_or_less=self.window_daily_or_less)
