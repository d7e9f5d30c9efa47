"""Issuing a document: its facts, the set and signed file, its row. And looking one up: does the paper still say what the record says?

The code is drawn first and the row is committed before the file is handed on: there is no paper that cannot be looked up. A later issue
with other facts replaces the earlier ones; one whose facts the record no longer bears out says so when it is looked up, whoever forgot
to print it anew.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import segno

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, PointOfCareError, UnreadableError
from pointofcare.people import StaffRole
from server.store import documents, patients, reach
from server.store.documents import Issue
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases.documents import chart, patient_forms, signing, templates, ward_forms, words
from server.usecases.documents.kinds import KINDS, PATIENT, WARD, Kind
from server.usecases.documents.pressing import Press
from server.usecases.documents.settings import Settings
from server.usecases.permission import require, text

# Letters and digits that nobody takes for each other; 16 of them are 78 bits.
_SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 16
MAKE = {
    "controlled": (StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST),
}
ANY = (StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.PRESCRIBER)
END = (StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.ADMINISTRATOR)
# A stay that began longer ago is asked for by its dates.
STAY = timedelta(days=120)
_NAMELESS = {"name": "", "authority": "", "address": "", "phone": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What stands on every paper of this server."""

    facility: str
    zone: str
    training: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`first` and `last` are days in the ward, both in it; a form of the moment has neither."""

    kind: Kind
    subject: str
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    issue: Issue
    pdf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`state` current, of-moment (it says how things stood then, and was never replaced), changed (the record says otherwise by now),
    replaced or withdrawn."""

    issue: Issue
    state: str


def permitted(kind: Kind) -> tuple[StaffRole, ...]:
    return MAKE.get(kind.id, ANY)


def issue(actor: Actor, wanted: Wanted, *, settings: Settings, site: Site, press: Press, batch: str = "") -> Made:
    """Needs an application context, no transaction. Raises: NotPermittedError, NotFoundError, OtherWardError, UnreadableError (a period),
    PressError, SigningError, ConfigError."""
    kind = wanted.kind
    code = new_code()
    with reading(actor) as tx:
        require(tx, actor, *permitted(kind))
        ward = _ward(tx, kind, wanted.subject)
        must_count(tx, permitted(kind), kind, wanted.subject, ward)
        since, until, zone = period(tx, wanted, site)
        content = content_of(tx, kind, wanted.subject, since=since, until=until, zone=site.zone)
        earlier = () if kind.of_moment else documents.same(tx, kind=kind.id, subject=wanted.subject, since=since, until=until)
        at = tx.at
    version = _version(earlier, digest_of(content))
    html, assets = page(
        kind, content, settings=settings, site=site, code=code, actor=actor, at=at, version=version, since=since, until=until, zone=zone
    )
    printed = press.set(html, assets)
    pdf, signatures = signing.sign(printed.pdf, settings, staff=actor.id, place=settings.hospital.get("name", ""))
    made = Issue(
        code=code,
        kind=kind.id,
        subject=wanted.subject,
        ward=ward,
        since=since,
        until=until,
        version=version,
        content=digest_of(content),
        digest=hashlib.sha256(pdf).hexdigest(),
        pages=printed.pages,
        size_bytes=len(pdf),
        signatures=tuple({"signer": one.signer, "name": one.name, "serial": one.serial, "level": one.level} for one in signatures),
        made_by=actor.id,
        made_at=at,
        batch=batch,
    )
    with transaction(actor) as tx:
        documents.hold(tx, wanted.subject)
        if not kind.of_moment:
            before = documents.same(tx, kind=kind.id, subject=wanted.subject, since=since, until=until)
            newer = next((one for one in before if one.made_at > at and one.content != made.content), None)
            if newer is not None:
                raise ConflictError("somebody issued a newer one meanwhile", remedy="look at the list, and issue it again", code=newer.code)
            made = replace(made, version=_version(before, made.content)) if not before else made
            documents.replace(tx, [one.code for one in before if one.content != made.content], by=code)
        documents.add(tx, made, pdf, kept_for=timedelta(days=settings.keep_days))
        tx.audit(
            "document.issue",
            f"document/{code}",
            {
                "kind": kind.id,
                ("patient" if kind.subject == PATIENT else "ward"): wanted.subject,
                "since": since.isoformat(),
                "until": until.isoformat(),
                "digest": made.digest,
                "version": made.version,
                "signed": len(signatures),
            },
        )
    return Made(issue=made, pdf=pdf)


def content_of(tx: Transaction, kind: Kind, subject: str, *, since: datetime, until: datetime, zone: str) -> Mapping[str, Any]:
    """Raises: NotFoundError, OtherWardError."""
    if kind.subject == WARD:
        if kind.id == "controlled":
            return ward_forms.controlled(tx, subject, since=since, until=until, zone=zone)
        return ward_forms.handover(tx, subject, zone=zone)
    found = chart.of_patient(tx, subject, since=since, until=until, zone=zone)
    build = {
        "medication": patient_forms.medication,
        "record": patient_forms.record,
        "infusion": patient_forms.infusions,
        "transfer": patient_forms.transfer,
    }
    return build[kind.id](tx, found)


def page(
    kind: Kind,
    content: Mapping[str, Any],
    *,
    settings: Settings,
    site: Site,
    code: str,
    actor: Actor,
    at: datetime,
    version: int,
    since: datetime,
    until: datetime,
    zone: ZoneInfo,
) -> tuple[str, dict[str, tuple[str, bytes]]]:
    """The HTML and what it shows. Raises: ConfigError, SigningError."""
    kind = settings.kinds[kind.id]
    whole = sum(column.width for column in kind.columns)
    columns = [{"id": each.id, "heading": each.heading, "percent": round(100 * each.width / whole, 3)} for each in kind.columns]
    address = f"{settings.lookup}/documents/{code}" if settings.lookup else ""
    values = {
        "content": content,
        "form": {
            "id": kind.id,
            "title": kind.title,
            "number": kind.form,
            "paper": kind.paper,
            "columns": columns,
            "signatures": list(kind.signatures),
        },
        "hospital": {**_NAMELESS, "name": site.facility, **_set(settings.hospital), "logo": bool(settings.logo)},
        "issue": {
            "code": shown(code),
            "lookup": f"{settings.lookup}/documents" if settings.lookup else "",
            "at": words.moment(at, zone),
            "by": actor.name or actor.id,
            "version": version,
            "system": f"Point of care ({site.facility})",
            "period": _period(kind, since, until, at, zone),
            "signers": list(signing.names(settings, actor.id)),
            "training": site.training,
        },
    }
    assets = {"qr": ("image/svg+xml", _qr(address or shown(code)))}
    if settings.logo is not None:
        assets["logo"] = settings.logo
    return templates.render(kind.id, settings.templates, values), assets


def period(tx: Transaction, wanted: Wanted, site: Site) -> tuple[datetime, datetime, ZoneInfo]:
    """From midnight to midnight in the ward; of a form of the moment what it looks back and ahead. Raises: UnreadableError."""
    ward = patients.ward(tx, _ward(tx, wanted.kind, wanted.subject))
    zone = ZoneInfo((ward.timezone if ward is not None else "") or site.zone)
    if wanted.kind.of_moment:
        return tx.at - timedelta(hours=24), tx.at + timedelta(hours=12), zone
    today = tx.at.astimezone(zone).date()
    last = min(wanted.last or today, today)
    first = wanted.first or (_begin(tx, wanted.subject, zone, last) if wanted.kind.id == "record" else last)
    if first > last or (last - first).days >= wanted.kind.days:
        raise UnreadableError(
            f"a period of this form is 1 to {wanted.kind.days} days, and not in the future", remedy="choose other days", field="period"
        )
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone), zone


def _begin(tx: Transaction, patient: str, zone: ZoneInfo, last: date) -> date:
    """The day of the first record of the stay."""
    first = documents.first_record_at(tx, patient)
    begun = last if first is None else min(first.astimezone(zone).date(), last)
    return max(begun, last - STAY + timedelta(days=1))


def look_up(tx: Transaction, code: str, site: Site) -> Standing | None:
    """None: no document has this code. What it reads is bounded by the document's own period."""
    found = documents.find(tx, plain_code(code))
    if found is None:
        return None
    if found.state != documents.ISSUED:
        return Standing(issue=found, state=found.state)
    kind = KINDS.get(found.kind)
    if kind is None or kind.of_moment:
        return Standing(issue=found, state="of-moment")
    try:
        now = digest_of(content_of(tx, kind, found.subject, since=found.since, until=found.until, zone=site.zone))
    except PointOfCareError:  # the record went into another, or the ward is no more
        now = ""
    return Standing(issue=found, state="current" if now == found.content else "changed")


def withdraw(tx: Transaction, actor: Actor, code: str, *, reason: str) -> None:
    """It must not be used any more. Raises: NotPermittedError, NotFoundError, TextMissingError, ConflictError."""
    require(tx, actor, *END)
    why = text(reason, "reason", longest=500)
    found = documents.find(tx, plain_code(code))
    if found is None:
        raise NotFoundError("no document has this code", remedy="read the code again", code=code[:40])
    documents.must_see(tx, found)
    must_count(tx, END, KINDS.get(found.kind), found.subject, found.ward)
    if not documents.withdraw(tx, found.code, reason=why):
        raise ConflictError("it was withdrawn already", remedy="look at it again", code=found.code)
    tx.audit("document.withdraw", f"document/{found.code}", {"kind": found.kind, "reason": why})


# Where somebody lies, what somebody weighs and what day of a course today is do not change what was done then.
_OF_TODAY = frozenset({"now", "at", "bed", "weight", "allergies"})


def digest_of(content: Mapping[str, Any]) -> str:
    """Of the facts alone: not of when, by whom or how they are printed, nor of what holds only today."""
    plain = json.dumps(_lasting(content), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _lasting(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_lasting(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if key == "cells":  # facts, whatever their columns are called
        return dict(value)
    return {name: _lasting(each, name) for name, each in value.items() if name not in _OF_TODAY and (key, name) != ("patient", "ward")}


def new_code() -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))


def shown(code: str) -> str:
    """In groups of four, as it stands on the paper."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))


def plain_code(typed: str) -> str:
    """What a person or a scanner made of it: a code, or the address that holds it; "" for what is no code."""
    last = typed.strip().rstrip("/").rpartition("/")[2]
    found = "".join(sign for sign in last.upper() if sign not in "- \t")
    return found if len(found) == _LENGTH and all(sign in _SIGNS for sign in found) else ""


def must_count(tx: Transaction, roles: tuple[StaffRole, ...], kind: Kind | None, subject: str, ward: str) -> None:
    """Who only helps out in a ward has there what was said, and no other role. Raises: OtherWardError, NotPermittedError."""
    patient = subject if kind is not None and kind.subject == PATIENT else None
    reach.must_see(tx, ward, patient)
    if not reach.counts(tx, *roles, ward=ward, patient=patient, patient_ward=ward):
        raise NotPermittedError("your role does not count in this ward", remedy="ask who leads the ward", ward=ward)


def _ward(tx: Transaction, kind: Kind, subject: str) -> str:
    return subject if kind.subject == WARD else (patients.ward_of(tx, subject) or "")


def _version(earlier: tuple[Issue, ...], content: str) -> int:
    """An issue with the same facts as the newest has its number: it says the same."""
    newest = earlier[-1] if earlier else None
    return 1 if newest is None else newest.version if newest.content == content else newest.version + 1


def _period(kind: Kind, since: datetime, until: datetime, at: datetime, zone: ZoneInfo) -> str:
    if kind.of_moment:
        return f"Lập lúc {words.moment(at, zone)}"
    first, last = words.day(since, zone), words.day(until - timedelta(seconds=1), zone)
    return f"Ngày {first}" if first == last else f"Từ ngày {first} đến ngày {last}"


def _set(hospital: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in hospital.items() if value}


def _qr(said: str) -> bytes:
    out = BytesIO()
    segno.make(said, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False, svgns=True, scale=4)
    return out.getvalue()
