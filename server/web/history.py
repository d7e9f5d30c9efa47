"""The whole history of one patient: every dose given, held, refused and corrected, over all stays, filtered, page by page, and as a file.

Reads only. Must never show a part as the whole: what was filtered out, and what did not fit the file, is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, Response, request

from pointofcare.errors import NotFoundError
from server.security import viewing
from server.security.permissions import SEE_PATIENTS
from server.security.person import actor, requires
from server.store import administrations, stays, views_patients, views_pharmacy
from server.store.stays import Stay
from server.store.transaction import Transaction, reading
from server.store.views_patients import Dose, PatientLine
from server.web import page
from server.web.work import spreadsheet

room = Blueprint("history", __name__, url_prefix="/patients")

PER_PAGE = 60
# A file never reads without end; two hundred doses a day fill it in three months.
MOST = 20_000
_STEP = 1_000
# What a person asks for -> statuses and actions of records.
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "given": (("completed", "in-progress", "stopped", "on-hold"), ()),
    "refused": ((), ("refuse",)),
    "held": ((), ("hold",)),
    "not-given": ((), ("not-given",)),
    "withdrawn": (("entered-in-error",), ()),
}
COLUMNS = (
    "record_id", "stay_from", "stay_to", "at", "recorded_at", "due", "ward", "action", "status", "reason", "reason_text", "order",
    "order_version", "product", "gtin", "dose", "route", "site", "rate", "lot", "serial", "expiry", "given_for", "effect",
    "nurse", "witness", "cart", "verdict", "amends", "amended", "emr",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The doses of one stay, newest first. None: of no stay that is known."""

    stay: Stay | None
    doses: tuple[Dose, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    kind: str
    product: str
    first: date | None
    last: date | None

    @property
    def since(self) -> datetime | None:
        return None if self.first is None else _start(self.first)

    @property
    def until(self) -> datetime | None:
        return None if self.last is None else _start(self.last + timedelta(days=1))

    @property
    def is_part(self) -> bool:
        return bool(self.kind or self.product or self.first or self.last)


@room.get("/<patient_id>/history")
@requires(SEE_PATIENTS)
def show(patient_id: str) -> str:
    asked = _asked()
    before = views_patients.place_in_doses(request.args.get("before", "")) or ((asked.until, "") if asked.until else None)
    with reading(actor()) as tx:
        patient = _patient(tx, patient_id)
        held = stays.of_patient(tx, patient_id)
        found, following = _doses(tx, patient_id, asked, before, PER_PAGE)
        amended = administrations.amended(tx, [dose.record.record_id for dose in found])
        names = views_pharmacy.names(tx, _people(found))
        products = views_patients.product_names(tx, patient_id)
    viewing.seen(patient=patient_id, count=len(found))
    return page.render(
        "history.html",
        patient=patient,
        stays=[(stay, _local(stay.admitted_at), _local(stay.left_at)) for stay in held],
        parts_of=tuple(_parts(found, held)),
        amended=amended,
        names=names,
        products=products,
        kinds=tuple(KINDS),
        asked=asked,
        following=f"{following[0].isoformat()}~{following[1]}" if following else None,
        is_first="before" not in request.args,
        query={name: value for name in ("what", "drug", "from", "to") if (value := request.args.get(name, ""))},
    )


@room.get("/<patient_id>/history.csv")
@requires(SEE_PATIENTS)
def export(patient_id: str) -> Response:
    """The same choice as a file. A last row says so where it does not hold everything."""
    asked = _asked()
    with reading(actor()) as tx:
        _patient(tx, patient_id)
        held = stays.of_patient(tx, patient_id)
        rows: list[Sequence[object]] = []
        place = (asked.until, "") if asked.until else None
        while len(rows) < MOST:
            found, place = _doses(tx, patient_id, asked, place, _STEP)
            amended = administrations.amended(tx, [dose.record.record_id for dose in found])
            names = views_pharmacy.names(tx, _people(found))
            rows += [_row(dose, _stay_of(dose, held), names, dose.record.record_id in amended) for dose in found]
            if place is None:
                break
        if place is not None:
            rows.append((page.t("history-cut", n=len(rows)),))
    viewing.seen(patient=patient_id, count=len(rows))
    return spreadsheet(f"history-{date.today().isoformat()}.csv", COLUMNS, rows)  # noqa: DTZ011 - a name


def _doses(
    tx: Transaction, patient: str, asked: _Asked, before: tuple[datetime, str] | None, limit: int
) -> tuple[tuple[Dose, ...], tuple[datetime, str] | None]:
    statuses, actions = KINDS.get(asked.kind, ((), ()))
    return views_patients.doses(
        tx,
        patient=patient,
        before=before,
        limit=limit,
        since=asked.since,
        statuses=statuses,
        actions=actions,
        product=asked.product,
    )


def _patient(tx: Transaction, patient_id: str) -> PatientLine:
    found = views_patients.get(tx, patient_id)
    if found is None:
        raise NotFoundError(f"patient {patient_id!r} is not known", remedy="look for the patient again", patient=patient_id)
    return found


def _asked() -> _Asked:
    kind = request.args.get("what", "")
    return _Asked(
        kind=kind if kind in KINDS else "",
        product=request.args.get("drug", "")[:300],
        first=_day(request.args.get("from", "")),
        last=_day(request.args.get("to", "")),
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(1990, 1, 1) <= found <= date(2190, 1, 1) else None


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), page.zone()).astimezone(UTC)


def _stay_of(dose: Dose, held: Iterable[Stay]) -> Stay | None:
    return next((stay for stay in held if stay.holds(dose.record.effective_at)), None)


def _parts(found: Iterable[Dose], held: Sequence[Stay]) -> Iterator[Part]:
    current: Stay | None = None
    listed: list[Dose] = []
    for dose in found:
        stay = _stay_of(dose, held)
        if listed and stay != current:
            yield Part(stay=current, doses=tuple(listed))
            listed = []
        current = stay
        listed.append(dose)
    if listed:
        yield Part(stay=current, doses=tuple(listed))


def _people(found: Iterable[Dose]) -> set[str | None]:
    return {person for dose in found for person in (dose.record.nurse, dose.record.witness)}


def _row(dose: Dose, stay: Stay | None, names: dict[str, str], amended: bool) -> Sequence[object]:
    r = dose.record
    return (
        r.record_id, _iso(stay.admitted_at if stay else None), _iso(stay.left_at if stay else None), _iso(r.effective_at),
        _iso(r.recorded_at), _iso(r.due), r.ward, r.action, r.status, r.status_reason, r.reason_text, r.order, r.order_version,
        r.product_name, r.gtin, r.dose, r.route, r.site, r.rate, r.lot, r.serial, r.expiry, r.prn_reason, r.effect,
        names.get(r.nurse, r.nurse), names.get(r.witness or "", r.witness), r.cart, r.level, r.amends, "yes" if amended else "no",
        dose.emr_state,
    )  # fmt: skip


def _local(at: datetime | None) -> date | None:
    return None if at is None else at.astimezone(page.zone()).date()


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(page.zone()).isoformat(timespec="seconds")
