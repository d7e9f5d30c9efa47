"""`pointofcare-server document ...`: issues to a file, checks what the hospital set and its templates, verifies a file's signatures."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

from werkzeug.utils import secure_filename

from pointofcare.errors import ConfigError
from pointofcare.people import StaffRole
from server.store import documents
from server.store.transaction import Actor, reading
from server.usecases import private_files
from server.usecases.documents import examples, issuing, pressing, signing, templates, validating
from server.usecases.documents.issuing import Site, Wanted
from server.usecases.documents.kinds import KINDS, PATIENT
from server.usecases.documents.settings import Settings

# Whoever may start this program reads the database anyway; the audit says that it was done here.
_AT_THE_MACHINE = frozenset({StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST})
WHO = Actor(id="command-line", name="Dòng lệnh của máy chủ", roles=_AT_THE_MACHINE)


def issue(
    settings: Settings,
    site: Site,
    kind: str,
    *,
    patient: str | None,
    ward: str | None,
    first: date | None,
    last: date | None,
    out: Path,
) -> list[str]:
    """What was written, as lines. With a ward and a patient's form: one for each patient, into the folder `out`. Needs an application
    context. Raises: ConfigError and what issuing raises."""
    wanted = KINDS[kind]
    if (patient is None) == (ward is None):
        raise ConfigError("say of whom", remedy="--patient ID or --ward ID")
    if wanted.subject != PATIENT and ward is None:
        raise ConfigError(f"{kind} is a ward's", remedy="--ward ID")
    if wanted.subject == PATIENT and ward is not None:
        with reading(WHO) as tx:
            each = documents.patients_of_ward(tx, ward)
        out.mkdir(parents=True, exist_ok=True)
        files = {one: out / f"{kind}-{place:03}-{secure_filename(one) or 'x'}.pdf" for place, one in enumerate(each, start=1)}
    else:
        files = {patient or ward or "": out}
    lines = []
    with pressing.open_press() as press:
        for subject, path in files.items():
            about = Wanted(kind=wanted, subject=subject, first=first, last=last)
            made = issuing.issue(WHO, about, settings=settings, site=site, press=press)
            private_files.write(path, made.pdf)
            signed = ", ".join(f"{one['name']} ({one['level']})" for one in made.issue.signatures) or "not signed"
            lines.append(f"{path}: {made.issue.pages} pages, code {issuing.shown(made.issue.code)}, {signed}")
    return lines


def check(settings: Settings, site: Site) -> tuple[list[str], int]:
    """Sets every form with made-up facts and opens every key. The exit code: 1 where something is wrong."""
    lines = [f"template of the hospital: {name}" for name in templates.own(settings.templates)]
    wrong = 0
    if settings.signers:
        lines += [f"signs: {name}" for name in signing.names(settings, WHO.id)]
    signing.certificates(settings.trust_files)
    with pressing.open_press() as press:
        for kind in KINDS:
            try:
                html, assets = examples.page(kind, settings=settings, site=site)
                printed = press.set(html, assets)
            except (ConfigError, pressing.PressError) as exc:
                told = "; ".join(f"{where}: {what}" for where, what in getattr(exc, "problems", ())) or str(exc)
                lines.append(f"{kind}: FAULT: {told}")
                wrong += 1
                continue
            lines.append(f"{kind}: {printed.pages} pages" + "".join(f"\n  {said}" for said in printed.said))
            wrong += bool(printed.said)
    return lines, 1 if wrong else 0


def verify(settings: Settings, file: Path) -> tuple[list[str], int]:
    """Is the file, to the byte, one that this server issued, and are its signatures whole and from whom the hospital trusts? The exit
    code: 0 only if so. Needs an application context."""
    pdf = file.read_bytes()
    with reading(WHO) as tx:
        issue = documents.with_digest(tx, hashlib.sha256(pdf).hexdigest())
    found = validating.signatures(pdf, signing.certificates(settings.trust_files))
    lines = [
        f"{one.field}: {one.name}, {'intact' if one.intact else 'BROKEN'}, {'trusted' if one.trusted else 'NOT TRUSTED'}, {one.covers}"
        for one in found
    ]
    if issue is None:
        lines.append("NOT REGISTERED: this server did not issue this file, or a byte of it was changed")
    else:
        lines.append(f"registered: {issuing.shown(issue.code)}, {issue.kind}, issued {issue.made_at.isoformat()}, {issue.state}")
    return [*([] if found else ["no signature"]), *lines], 0 if issue is not None and all(one.good for one in found) else 1
