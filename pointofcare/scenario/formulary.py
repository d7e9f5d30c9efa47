"""What the pharmacy issues, in a scenario: products, printed bags, opened containers, labels of single units; and what the pumps report."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pointofcare.products import (
    Bag,
    BagState,
    Container,
    Controlled,
    HighAlert,
    Ingredient,
    IssuedLabels,
    MaxDaily,
    PrintedFor,
    Product,
    PumpReading,
    Release,
)
from pointofcare.scenario.fields import Fields, same
from pointofcare.scenario.values import EPOCH, happened_at, hold, version


def product(fields: Fields) -> Product:
    iv = fields.object("iv", lambda each: (each.flag("minibag") or False, each.flag("vinca") or False)) or (False, False)
    high_alert = fields.whole("high_alert") or 0
    if high_alert not in (0, 1, 2, 3):
        fields.faults.note(fields.at("high_alert"), "must be 0, 1, 2 or 3")
        high_alert = 3
    read = Product(
        id=fields.required("id"),
        gtin=fields.parsed("gtin", _gtin) or "",
        name=fields.text("name") or fields.text("id") or "",
        form=fields.text("form") or "",
        routes=fields.texts("routes", same),
        ingredients=fields.objects("ingredients", _ingredient),
        volume=fields.amount("volume"),
        divisible=fields.flag("divisible") or False,
        multi_dose=fields.flag("multi_dose") or False,
        release=fields.word("release", Release) or Release.IMMEDIATE,
        high_alert=HighAlert(high_alert),
        controlled=fields.word("controlled", Controlled) or Controlled.NONE,
        discard_after_opening=fields.duration("discard_after_opening"),
        lasa=fields.texts("lasa", same),
        max_daily=fields.objects("max_daily", _max_daily),
        hold=fields.objects("hold", hold),
        recalled_lots=fields.texts("recalled_lots", same),
        minibag=iv[0],
        vinca=iv[1],
    )
    if fields.format == 1:
        return read
    return replace(
        read,
        hang_time=fields.duration("hang_time"),
        owner=fields.text("owner"),
        blood_component=fields.flag("blood_component") or False,
    )


def _ingredient(ingredient: Fields) -> Ingredient:
    return Ingredient(name=ingredient.required("name"), amount=ingredient.amount("amount"), classes=ingredient.texts("classes", same))


def _max_daily(limit: Fields) -> MaxDaily:
    return MaxDaily(ingredient=limit.required("ingredient"), hard=limit.amount("hard"), soft=limit.amount("soft"))


def bag(fields: Fields) -> Bag:
    read = Bag(
        id=fields.required("id"),
        order=fields.required("order"),
        order_version=version(fields, "order_version"),
        state=fields.word("state", BagState),
        printed_for=fields.object("printed_for", _printed_for) or PrintedFor(),
    )
    if fields.format == 1:
        return read
    return replace(
        read,
        patient=fields.text("patient"),
        started_at=fields.instant("started_at"),
        rate=fields.amount("rate"),
        record_id=fields.text("record_id"),
    )


def _printed_for(printed: Fields) -> PrintedFor:
    return PrintedFor(volume=printed.amount("volume"), rate=printed.amount("rate"), additives=printed.texts("additives", same))


def container(fields: Fields) -> Container:
    opened_at = fields.instant("opened_at")
    if opened_at is None and fields.raw("opened_at") is None:
        fields.faults.note(fields.at("opened_at"), "is missing; give the time of opening with its offset")
    return Container(gtin=fields.parsed("gtin", _gtin) or "", serial=fields.text("serial"), opened_at=opened_at or EPOCH)


def labels(fields: Fields) -> IssuedLabels:
    return IssuedLabels(
        gtin=fields.parsed("gtin", _gtin) or "",
        serials=fields.texts("serials", same),
        lot=fields.text("lot"),
        expiry=fields.parsed("expiry", date.fromisoformat),
        patient=fields.text("patient"),
        void=fields.texts("void", same),
    )


def _gtin(text: str) -> str:
    if not text.isascii() or not text.isdigit() or len(text) not in (8, 12, 13, 14):
        raise ValueError(f"{text!r} is not a GTIN; write its 14 digits")
    return text.zfill(14)


def pump(fields: Fields) -> PumpReading:
    return PumpReading(
        pump=fields.required("pump"),
        channel=fields.text("channel") or "",
        at=happened_at(fields),
        bag=fields.text("bag"),
        patient=fields.text("patient"),
        associated_at=fields.instant("associated_at"),
        drug=fields.text("drug"),
        rate=fields.amount("rate"),
        concentration=fields.amount("concentration"),
    )
