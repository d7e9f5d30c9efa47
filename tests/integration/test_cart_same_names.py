"""Whose names are easily confused stands on the cart's screen while the patient is open, from the signed chart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment, PackageLoader

from cart_client.web.words import Words
from pointofcare.wire.messages import TableKind
from tests.support.cart_ward import NOW, Stand, a_chart, a_table, band, chart_body, issued


def test_the_chart_names_who_is_easily_taken_for_the_patient(tmp_path: Path) -> None:
    chart = a_chart(tmp_path / "chart.db")
    chart.take(issued(a_table(TableKind.PATIENT_CHART, replace(chart_body(), alike={"P1": ("P2",)}), version=2)), NOW)
    assert [one.id for one in chart.alike("P1", NOW)] == ["P2"]
    assert chart.alike("P2", NOW) == ()
    assert chart.alike(None, NOW) == ()


def test_a_patient_who_is_open_is_shown_with_those_names(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    chart = replace(chart_body(), alike={"P1": ("P2",)})
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, chart, version=2)), stand.clock.at)
    stand.sign_in()
    stand.hold(band("P1"))
    assert [one.name for one in stand.view.alike] == ["TRẦN THỊ BÌNH"]


@pytest.mark.parametrize(("language", "said"), [("vi", "Tên dễ nhầm"), ("en", "easily confused"), ("fr", "faciles à confondre")])
def test_the_banner_says_so_in_each_language(tmp_path: Path, language: str, said: str) -> None:
    stand = Stand(tmp_path)
    stand.chart.take(issued(a_table(TableKind.PATIENT_CHART, replace(chart_body(), alike={"P1": ("P2",)}), version=2)), stand.clock.at)
    stand.sign_in()
    stand.hold(band("P1"))
    pages = Environment(loader=PackageLoader("cart_client.web"), autoescape=True)
    asked = "{% import 'parts.html' as parts %}{{ parts.banner(w, v) }}"
    shown = pages.from_string(asked).render(w=Words(language, stand.view, dict), v=stand.view)
    assert said in shown
    assert "TRẦN THỊ BÌNH" in shown
