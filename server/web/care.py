"""What runs, hangs, is open and was measured at one patient's bed, as the pages show it. Reads; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.administration import infusion as runs
from pointofcare.administration.infusion import Run
from pointofcare.errors import PointOfCareError
from pointofcare.orders import infusion
from pointofcare.orders.course import CourseDay
from pointofcare.orders.order import Order
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from server.store import bags, containers, observations
from server.store.bags import BagView
from server.store.bedside import Look
from server.store.containers import OpenedView
from server.store.transaction import Transaction
from server.usecases import courses
from server.web import trend
from server.web.trend import Trend

ENDED_SHOWN = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionLine:
    """One infusion that runs or is paused. `drops` a minute with a set of `drop_factor`; `given` of `volume` by now; `unknown`: for
    a time the rate was not charted, so that nothing can be said of the volume. `past_hanging`: the bag has hung too long."""

    run: Run
    order: Order | None
    bag: BagView | None
    drops: int | None
    drop_factor: int | None
    volume: Quantity | None
    given: Quantity | None
    percent: int | None
    empty_at: datetime | None
    hangs_until: datetime | None
    past_hanging: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLine:
    """`discard_at` None: nothing says how long it keeps."""

    container: OpenedView
    product: Product | None
    discard_at: datetime | None
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    infusions: tuple[InfusionLine, ...]
    bags: tuple[BagView, ...]
    opened: tuple[OpenedLine, ...]
    days: Mapping[str, CourseDay]
    trends: tuple[Trend, ...]


def of_patient(tx: Transaction, patient: str, look: Look, products: Iterable[Product], *, zone: str) -> Care:
    """Five statements at most, whatever the patient's history."""
    stock = tuple(products)
    hung = bags.of_patient(tx, patient, since=tx.at - ENDED_SHOWN)
    going = runs.running(look.history, patient)
    factors = bags.drop_factors(tx, patient=patient, starts=[run.record_id for run in going])
    newest = look.patients[0].observations if look.patients else ()
    measured = observations.of_patient(tx, patient, since=tx.at - trend.SHOWN) if newest else ()
    drawn = [row.record_id for row in look.given]
    return Care(
        infusions=tuple(_infusion(run, look, hung, stock, factors.get(run.record_id), tx.at) for run in going),
        bags=tuple(bag for bag in hung if bag.id not in {run.bag for run in going}),
        opened=opened(containers.of_records(tx, drawn), stock, tx.at),
        days=courses.days(tx, look.orders, zone=zone),
        trends=trend.trends(measured, newest, tx.at),
    )


def opened(found: Iterable[OpenedView], products: Iterable[Product], now: datetime) -> tuple[OpenedLine, ...]:
    """Those that keep the shortest first."""
    by_gtin = {product.gtin: product for product in products}
    lines = []
    for one in found:
        product = by_gtin.get(one.gtin)
        keeps = product.discard_after_opening if product is not None else None
        until = one.opened_at + keeps if keeps is not None else None
        lines.append(OpenedLine(container=one, product=product, discard_at=until, past=until is not None and now >= until))
    return tuple(sorted(lines, key=lambda line: (line.discard_at is None, line.discard_at or line.container.opened_at)))


def drops(rate: Quantity | None, factor: int | None) -> int | None:
    """Whole drops a minute; None where they cannot be told."""
    if rate is None or factor is None:
        return None
    try:
        return infusion.whole_drops_per_minute(rate, factor)
    except PointOfCareError:
        return None


def _infusion(
    run: Run, look: Look, hung: Iterable[BagView], products: Iterable[Product], factor: int | None, now: datetime
) -> InfusionLine:
    bag = next((one for one in hung if one.id == run.bag), None)
    start = next((entry for entry in look.history if entry.record_id == run.record_id), None)
    volume = _volume(bag.printed_for.volume if bag is not None else None) or _volume(start.dose if start is not None else None)
    given = runs.given_by(run, volume, now)
    until = _hangs_until(run, bag, products)
    return InfusionLine(
        run=run,
        order=next((order for order in look.orders if order.id == run.order), None),
        bag=bag,
        drops=drops(run.rate, factor),
        drop_factor=factor,
        volume=volume,
        given=given,
        percent=None if given is None or volume is None else min(100, int(given.per(volume) * 100)) if volume.value > 0 else None,
        empty_at=runs.empty_at(run, volume),
        hangs_until=until,
        past_hanging=until is not None and now >= until,
    )


def _volume(amount: Quantity | None) -> Quantity | None:
    return amount if amount is not None and amount.converts_to("mL") else None


def _hangs_until(run: Run, bag: BagView | None, products: Iterable[Product]) -> datetime | None:
    """The shortest hang time of what is in the bag counts."""
    inside = {content.product for content in bag.contents} if bag is not None else set()
    limits = [
        product.hang_time for product in products if product.hang_time is not None and (product.id in inside or product.id == run.product)
    ]
    try:
        return infusion.hangs_until(run.started_at, min(limits)) if limits else None
    except PointOfCareError:
        return None
