"""The FHIR face under rubbish: whatever is written in an address or a header, the answer is FHIR's, names what is wrong, and is never a
fault of the server.

`FUZZ_EXAMPLES` says how many requests: few in `make test`, many in `make fuzz`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.security import sign_in
from server.store.transaction import Actor, transaction
from server.usecases import administrations
from server.usecases.fhir_kinds import KINDS
from tests.support import fhir_reader, web
from tests.support.fhir_reader import Reader
from tests.support.server_ward import a_record

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
SIGNER = fhir_reader.key()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with web.ward_app(tmp_path_factory.mktemp("fhir-fuzz"), verified=True) as app:
        app.config["PROPAGATE_EXCEPTIONS"] = False
        with app.app_context():
            sign_in.limiter.enabled = False
            with transaction(Actor(id="gateway")) as tx:
                administrations.record(tx, a_record(1, record_id="given"), cart_seq=1, epoch="e")
        fhir_reader.register(app, signer=SIGNER)
        yield fhir_reader.program(app, SIGNER)
        sign_in.limiter.enabled = True


@pytest.fixture(autouse=True)
def _token_that_holds(reader: Reader) -> None:
    reader.headers = fhir_reader.program(reader.app, SIGNER).headers


NAMES = sorted(
    {parameter.name for kind in KINDS.values() for parameter in kind.parameters}
    | {
        "_count",
        "_sort",
        "_include",
        "_revinclude",
        "_summary",
        "_elements",
        "_total",
        "_cursor",
        "_format",
        "_since",
        "_type",
        "start",
        "x",
    }
)
_WORDS = """P1 Patient/P1 given 2026 2026-03-02 ge2026-03-02T00:00:00Z ne2026 a|b | || , \\, eq 9999-12-31 0001-01-01 ap0001
% -date Patient:* .. MedicationAdministration:* Provenance:target active value.o1 weight.o999999999999999999999 given.o1 P1.none P1.h0"""
WORDS = st.sampled_from([*_WORDS.split(), "' OR 1=1 --", "\x00", "1" * 30])
VALUES = WORDS | st.text(max_size=20) | st.lists(WORDS, min_size=2, max_size=3).map(",".join)
KIND = st.sampled_from([*KINDS, "Nothing", "metadata", "$export", "Patient/$everything", "Group/NOI-TH/$export"])
PLACE = st.sampled_from(
    ["", "/P1", "/given", "/given/_history", "/given/_history/1", "/O1/_history/1-v", "/P1/$everything", "/_search"]
) | st.text(max_size=12).map(lambda text: "/" + quote(text, safe=""))
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Prefer": st.sampled_from(["handling=strict", "respond-async", "x"]),
        "Accept": st.sampled_from(["*/*", "application/fhir+json", "application/fhir+xml", ";;;", "a/b;q=x"]),
        "If-None-Match": st.sampled_from(["*", 'W/"1"', "x"]),
    },
)


@settings(max_examples=EXAMPLES, deadline=None, derandomize="FUZZ_EXAMPLES" not in os.environ, suppress_health_check=list(HealthCheck))
@given(
    kind=KIND,
    place=PLACE,
    asked=st.lists(st.tuples(st.sampled_from(NAMES) | st.sampled_from(NAMES).map(lambda name: f"{name}:not"), VALUES), max_size=4),
    headers=HEADERS,
)
def test_whatever_is_asked_the_answer_is_fhirs_and_never_a_fault(
    reader: Reader, kind: str, place: str, asked: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    query = urlencode([(name, value.encode("utf-8", "replace")) for name, value in asked])
    answer = reader.get(f"/fhir/R4/{kind}{place}?{query}", **headers)
    assert answer.status_code < 500, (kind, place, asked, answer.text)
    if answer.status_code in (202, 304):
        return
    assert answer.content_type.split(";")[0] == "application/fhir+json", (kind, place)
    if answer.status_code >= 400:
        issue = answer.json["issue"][0]
        assert issue["details"]["text"]
        assert answer.status_code in (404, 405, 429) or issue.get("diagnostics"), answer.text


SHOWN = ["client_credentials", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "a.b.c", "eyJhIjoxfQ.eyJpc3MiOiJoaXMifQ.x"]
FIELDS = ["grant_type", "client_assertion_type", "client_assertion", "scope", "x"]


@settings(max_examples=EXAMPLES // 2, deadline=None, derandomize="FUZZ_EXAMPLES" not in os.environ, suppress_health_check=list(HealthCheck))
@given(form=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=30) | st.sampled_from(SHOWN)))
def test_whatever_is_shown_for_a_token_the_answer_is_oauths(reader: Reader, form: dict[str, str]) -> None:
    data = urlencode({name: value.encode("utf-8", "replace") for name, value in form.items()})
    answer = reader.app.test_client().post("/fhir/token", data=data, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (400, 401), answer.text
    assert set(answer.json) == {"error", "error_description"}
