"""What stands on each kind of label, in the language of the hospital: the symbol and its lines, the wanted size and the least of each.

Source of the least sizes: a word on a unit dose is read at arm's length, so never below 4.5 points; what a nurse compares never below 6.
Must never print a patient's whole name on something that everybody sees on a corridor (drawers).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from devices.printers.band import Band
from devices.printers.layout import Label, Line
from devices.printers.symbol import Code
from pointofcare.labels import gs1
from server.store.bags import BagView
from server.store.labels import UnitLabel
from server.usecases import labels as verbs
from server.web import page


def unit_dose(label: UnitLabel) -> Label:
    """One unit: drug, for whom and when, lot and expiry, and the number that a person can type to find it."""
    words = label.words
    lines = [Line(field="name", text=words.get("name", ""), points=9.5, least=6, bold=True, rows=3)]
    when = " · ".join(part for part in (words.get("bed", ""), words.get("due", ""), words.get("part", "")) if part)
    lines.append(Line(field="patient", text=words.get("patient", ""), points=8, least=6, bold=True, rows=2))
    lines.append(Line(field="mrn", text=words.get("mrn", ""), points=7, least=5, rows=1))
    lines.append(Line(field="due", text=when, points=8, least=6, rows=2))
    lines.append(Line(field="lot", text=f"{page.t('label-lot')} {label.lot}", points=7.5, least=5, rows=2))
    lines.append(Line(field="expiry", text=f"{page.t('label-expiry')} {page.day(label.expiry)}", points=7.5, least=5, rows=2))
    lines.append(Line(field="serial", text=label.serial, points=5.5, least=4.5, rows=1))
    return _trained(Label(code=Code(kind="gs1-datamatrix", text=verbs.symbol(label)), lines=tuple(lines)))


def bag(found: BagView) -> Label:
    label: Mapping[str, object] = found.label
    born = str(label.get("birth_date") or "")
    about = " · ".join(
        part
        for part in (
            f"{page.t('mrn')} {label.get('mrn', '')}",
            page.day(date.fromisoformat(born)) if born else "",
            f"{page.ward_name(str(label.get('ward') or ''))} {label.get('bed') or ''}".strip(),
        )
        if part
    )
    printed = found.printed_for
    rate = " · ".join(page.amount(each) for each in (printed.volume, printed.rate) if each is not None)
    added = "+ " + ", ".join(printed.additives) if printed.additives else ""
    by = str(label.get("prepared_by") or found.prepared_by)
    made = page.t("label-made", at=_minute(found.prepared_at), name=by)
    until = f"{page.t('label-use-by')} {_minute(found.use_by)}" if found.use_by else ""
    lines = (
        Line(field="patient", text=str(label.get("name", "")), points=13, least=8, bold=True, rows=2),
        Line(field="mrn", text=about, points=9, least=6.5, rows=2),
        Line(field="name", text=str(label.get("order", "")), points=12, least=8, bold=True, rows=3),
        Line(field="additives", text=added, points=9, least=6.5, rows=3),
        Line(field="rate", text=rate, points=11, least=8, bold=True, rows=1),
        Line(field="made", text=made, points=8, least=5.5, rows=2),
        Line(field="expiry", text=until, points=9, least=6.5, bold=True, rows=1),
        Line(field="serial", text=found.id, points=7, least=5, rows=1),
    )
    return _trained(Label(code=Code(kind="qr", text=found.id), lines=lines))


def band(found: Band) -> Label:
    """A wristband on a label printer, with what the PDF of the same band says."""
    born = page.day(found.birth_date) if found.birth_date is not None else ""
    said = f"(8018){found.gsrn}(8019){found.srin}"
    lines = (
        Line(field="patient", text=found.name, points=11.5, least=7, bold=True, rows=2),
        Line(field="mrn", text=" · ".join(part for part in (born, found.mrn) if part), points=10, least=6, bold=True, rows=2),
        *(Line(field="ward", text=text, points=7.5, least=5.5, rows=2) for text in found.lines),
        Line(field="serial", text=said, points=5.5, least=4.5, rows=2),
    )
    return _trained(Label(code=Code(kind="gs1-datamatrix", text=said), lines=lines))


def badge(*, name: str, role: str, number: str, facility: str) -> Label:
    lines = (
        Line(field="name", text=name, points=15, least=8, bold=True, rows=3),
        Line(field="role", text=role, points=11, least=7, rows=2),
        Line(field="facility", text=facility, points=8, least=5.5, rows=2),
    )
    if len(number) == 18 and gs1.is_valid_key(number):  # a person who has a number of GS1 carries it as GS1 writes it
        return _trained(Label(code=Code(kind="gs1-datamatrix", text=f"(8017){number}"), lines=lines))
    return _trained(Label(code=Code(kind="qr", text=f"{page.config().site.badge_prefix}{number}"), lines=lines))


def drawer(*, cart: str, number: int, ward: str) -> Label:
    """For the pharmacy that fills it, and for people; a cart that is shown it says that it is no drug."""
    lines = (
        Line(field="number", text=page.t("label-drawer", n=number), points=20, least=9, bold=True, rows=2),
        Line(field="cart", text=cart, points=11, least=6, rows=2),
        Line(field="ward", text=ward, points=9, least=5.5, rows=2),
    )
    return _trained(Label(code=Code(kind="qr", text=f"DRAWER:{cart}:{number}"), lines=lines))


def _minute(at: datetime) -> str:
    return page.full_moment(at)[:-3]


def _trained(label: Label) -> Label:
    """In training every label says so first."""
    if not page.config().training:
        return label
    return Label(
        code=label.code, lines=(Line(field="training", text=page.t("label-training"), points=8, least=5, bold=True, rows=2), *label.lines)
    )
