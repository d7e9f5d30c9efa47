"""What an answer of a Tryton server means: tried again, a person, or nobody knows; never by its words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import httpx
import pytest

from pointofcare.errors import EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from server.emr.port import EmrUnclearError
from server.emr.tryton import SIGN_IN_PAUSE_S, Place, SignInRefusedError, Tryton

PLACE = Place(base_url="http://gh", database="hospital", username="bedside", password="secret-1234")


class _Server:
    """Answers in order; the first two are those of the sign-in and of the preferences."""

    def __init__(self, *answers: object) -> None:
        self.answers = [{"result": [2, "key"]}, {"result": {"company": 1}}, *answers]
        self.asked: list[dict[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer)
        return httpx.Response(200, content=answer if isinstance(answer, bytes) else json.dumps(answer))


def conversation(server: _Server, now: list[float] | None = None) -> Tryton:
    made = Tryton(PLACE, monotonic=lambda: now[0] if now else 0.0)
    made._http = httpx.Client(transport=httpx.MockTransport(server))
    return made


@pytest.mark.parametrize(
    ("answer", "reading", "writing"),
    [
        ({"error": ["UserError", ["No rights", "", None]]}, EmrRejectedError, EmrRejectedError),
        ({"error": ["UserWarning", ["name", "Are you sure?", ""]]}, EmrRejectedError, EmrRejectedError),
        ({"error": ["LoginException", ["code", "Your code", "char"]]}, EmrRejectedError, EmrRejectedError),
        ({"error": ["ConcurrencyException", "changed"]}, EmrUnavailableError, EmrUnavailableError),
        ({"error": ["database is locked", "Traceback ..."]}, EmrUnclearError, EmrUnclearError),
        (500, EmrUnavailableError, EmrOutcomeUnknownError),
        (502, EmrUnavailableError, EmrUnavailableError),
        (404, EmrUnavailableError, EmrUnavailableError),
        (429, SignInRefusedError, SignInRefusedError),
        (403, EmrRejectedError, EmrRejectedError),
        (413, EmrRejectedError, EmrRejectedError),
        (418, EmrUnclearError, EmrUnclearError),
        (b"<html>proxy</html>", EmrUnclearError, EmrUnclearError),
        (b"[1]", EmrUnclearError, EmrUnclearError),
        (b'{"result": {"__class__": "date", "year": 2026, "month": 13, "day": 1}}', EmrUnclearError, EmrUnclearError),
        (httpx.ConnectError("refused"), EmrUnavailableError, EmrUnavailableError),
        (httpx.ReadTimeout("slow"), EmrUnavailableError, EmrOutcomeUnknownError),
        (httpx.RemoteProtocolError("hung up"), EmrUnavailableError, EmrOutcomeUnknownError),
    ],
)
def test_each_answer_of_gnu_health_is_of_one_class(answer: object, reading: type, writing: type) -> None:
    for writes, expected in ((False, reading), (True, writing)):
        again = [{"result": [2, "key"]}, {"result": {"company": 1}}, answer] if answer == 429 else []
        with pytest.raises(Exception) as told:
            conversation(_Server(answer, *again)).call("model.x.write", [1], writes=writes)
        assert type(told.value) is expected
        assert "Traceback" not in str(told.value)


def test_a_refused_sign_in_is_not_repeated_before_its_pause_is_over() -> None:
    now = [0.0]
    server = _Server()
    server.answers = [401, {"result": [2, "key"]}]
    asked = conversation(server, now)
    for now[0] in (0.0, 1.0, SIGN_IN_PAUSE_S - 1):
        with pytest.raises(SignInRefusedError):
            asked.sign_in()
    assert len(server.asked) == 1
    now[0] = SIGN_IN_PAUSE_S + 1
    asked.sign_in()
    assert len(server.asked) == 2


def test_a_session_is_opened_anew_once_for_a_call_and_not_for_ever() -> None:
    signed = ({"result": [2, "new"]}, {"result": {"company": 1}})
    assert conversation(_Server(401, *signed, {"result": 7})).call("model.x.read", []) == 7
    with pytest.raises(SignInRefusedError):
        conversation(_Server(401, *signed, 401)).call("model.x.read", [])


def test_values_keep_their_kind_on_the_way() -> None:
    day = {"year": 2026, "month": 3, "day": 2}
    clock = {"hour": 8, "minute": 30, "second": 0, "microsecond": 4}
    listed = [
        {"id": 1, "at": {"__class__": "datetime", **day, **clock}},
        {"id": 2, "on": {"__class__": "date", **day}, "dose": 0.1, "price": {"__class__": "Decimal", "decimal": "1.50"}},
        {"id": 3, "time": {"__class__": "time", **clock}},
    ]
    server = _Server({"result": listed})
    rows = conversation(server).search("x", [["at", ">=", datetime(2026, 3, 2, 8, tzinfo=UTC)]], ("at",))
    assert rows[0]["at"] == datetime(2026, 3, 2, 8, 30, 0, 4, tzinfo=UTC)
    assert (rows[1]["on"], rows[1]["dose"], rows[1]["price"]) == (date(2026, 3, 2), Decimal("0.1"), Decimal("1.50"))
    assert rows[2]["time"] == time(8, 30)
    sent = server.asked[-1]["params"]
    assert sent[0][0][2] == {  # type: ignore[index]
        "__class__": "datetime", "year": 2026, "month": 3, "day": 2, "hour": 8, "minute": 0, "second": 0, "microsecond": 0,
    }  # fmt: skip
    assert sent[-1] == {"language": "en", "company": 1, "active_test": False}  # type: ignore[index]


def test_rows_that_are_none_are_refused() -> None:
    for answer in ({"result": "rows"}, {"result": [1]}, {"result": [{"name": "no id"}]}):
        with pytest.raises(EmrUnclearError):
            conversation(_Server(answer)).search("x", [], ("id",))


def test_the_password_stands_in_no_text() -> None:
    assert "secret-1234" not in repr(PLACE)
    with pytest.raises(EmrUnclearError) as told:
        conversation(_Server({"error": ["boom", "Traceback secret-1234"]})).call("model.x.read")
    assert "secret-1234" not in str(told.value)
