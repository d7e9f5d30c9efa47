"""The cart's lines of orders that cannot be given yet, and of several dosage instructions."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from cart_client import care
from cart_client.web.words import Words
from pointofcare.orders.order import Order, OrderCategory, OrderStatus
from pointofcare.people import Patient
from pointofcare.verdict.policy import Policy
from pointofcare.wire.tables import PatientChartBody
from tests.unit.pointofcare.orders.an_order import DAY, a_step, amount, an_order, at, times

NOW = at("2026-03-03T09:00:00+07:00")


def lines(*orders: Order) -> tuple[care.Due, ...]:
    patient = Patient(id="P1", mrn="24-1", name="NGUYỄN VĂN AN", ward="NOI-TH", bed="H001")
    body = PatientChartBody(ward="NOI-TH", ward_name="Nội", timezone="Asia/Ho_Chi_Minh", patients=(patient,), orders=orders)
    return care.due_list(care.Ward(body=body, entries=(), patients=(patient,), products=(), policy=Policy()), NOW)


def said(line: care.Due, language: str = "vi") -> str:
    words = SimpleNamespace(language=language)
    return Words.unclear(words, line)  # type: ignore[arg-type]


def test_a_draft_that_must_be_clarified_is_shown_with_what_is_unclear() -> None:
    draft = an_order(status=OrderStatus.DRAFT, times=times("08:00"), clarification="clarify-dose-unreadable=1 viên\nnote=sau ăn")
    (line,) = lines(draft)
    assert (line.status, line.due) == ("unknown", None)
    assert said(line) == 'liều "1 viên" không đọc được; sau ăn; thiếu liều'
    assert said(line, "en") == 'the dose "1 viên" is not readable; sau ăn; there is no dose'


def test_what_is_unclear_is_said_once() -> None:
    draft = an_order(status=OrderStatus.DRAFT, times=times("08:00"), clarification="clarify-no-dose=dose")
    assert said(lines(draft)[0], "en") == "there is no dose"


def test_a_draft_without_anything_unclear_and_an_ended_order_are_no_lines() -> None:
    clear = an_order(dose=amount("5 mg"), times=times("08:00"))
    assert lines(replace(clear, status=OrderStatus.DRAFT), replace(clear, id="O2", status=OrderStatus.STOPPED)) == ()


def test_each_line_of_a_taper_shows_its_own_amount() -> None:
    taper = an_order(
        status=OrderStatus.ACTIVE,
        dosages=(a_step(1, "20 mg", "08:00", end=at("2026-03-03T09:00:00+07:00")), a_step(2, "10 mg", "12:00")),
    )
    assert [(str(line.order.dose), line.order.display) for line in lines(taper)] == [("20 mg", "prednisolone"), ("10 mg", "prednisolone")]
    prn = an_order(status=OrderStatus.ACTIVE, category=OrderCategory.PRN, dosages=(a_step(1, "5 mg", end=NOW), a_step(2, "2 mg")))
    assert [str(line.order.dose) for line in lines(prn)] == ["2 mg"]
    assert [str(line.order.dose) for line in lines(replace(prn, end=NOW + DAY))] == ["2 mg"]


def test_the_day_of_treatment_is_shown_on_the_day_it_was_counted_and_not_the_next() -> None:
    """A chart of yesterday, offline: its number would be too small today."""
    order = an_order(status=OrderStatus.ACTIVE, category=OrderCategory.PRN, counts_days=True)
    patient = Patient(id=order.patient, mrn="24-1", name="NGUYỄN VĂN AN", ward="NOI-TH", bed="H001")
    zone = "Asia/Ho_Chi_Minh"
    body = PatientChartBody(ward="NOI-TH", ward_name="Nội", timezone=zone, patients=(patient,), orders=(order,), course_days={order.id: 3})

    def shown(issued: str | None) -> int | None:
        issued_at = at(issued) if issued else None
        made = care.Ward(body=body, entries=(), patients=(patient,), products=(), policy=Policy(), issued_at=issued_at)
        (line,) = care.due_list(made, NOW)
        return line.day

    assert shown("2026-03-03T00:00:00+07:00") == 3
    assert shown("2026-03-02T23:59:00+07:00") is None
    assert shown(None) is None
