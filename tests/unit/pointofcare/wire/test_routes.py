"""The route table: every topic once, wildcards for the server, nothing that could step out of its own tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import MessageError
from pointofcare.wire import routes
from pointofcare.wire.routes import ROUTES, Direction, Route

LEVEL = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
NAMES = {"facility": "h1", "cart": "c1", "kind": "power", "name": "unlock", "alert": "battery", "job": "j1"}


def levels_of(route: Route) -> dict[str, str]:
    return {name: NAMES[name] for name in route.levels}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_topic_is_matched_by_its_own_route_only(route: Route) -> None:
    topic = route.topic(**levels_of(route))
    assert routes.match(topic) == (route, levels_of(route))
    assert [other for other in ROUTES if other.read(topic) is not None] == [route]


@given(facility=LEVEL, cart=LEVEL, name=LEVEL)
def test_any_legal_levels_come_back(facility: str, cart: str, name: str) -> None:
    topic = routes.COMMAND.topic(facility=facility, cart=cart, name=name)
    assert routes.match(topic) == (routes.COMMAND, {"facility": facility, "cart": cart, "name": name})


@given(st.text(max_size=200))
def test_any_topic_is_matched_or_refused_and_nothing_else(topic: str) -> None:
    try:
        route, levels = routes.match(topic)
    except MessageError:
        return
    assert route.topic(**levels) == topic


@pytest.mark.parametrize("bad", ["", "+", "#", "a/b", "a b", "é", "a.b", "$share", "x" * 65, "c1\n", "a\x00"])
def test_level_that_could_leave_its_tree_is_refused(bad: str) -> None:
    with pytest.raises(MessageError) as caught:
        routes.STATE.topic(facility="h1", cart=bad)
    assert "A-Z" in caught.value.remedy
    if bad != "+":
        with pytest.raises(MessageError):
            routes.STATE.filter(facility=bad)
    with pytest.raises(MessageError):
        routes.match(f"poc/1/h1/c/{bad}/up/state")
    with pytest.raises(MessageError):
        routes.cart_writes(facility="h1", cart=bad)


def test_missing_and_unknown_levels_are_named() -> None:
    with pytest.raises(MessageError, match="cart"):
        routes.STATE.topic(facility="h1")
    with pytest.raises(MessageError, match="ward"):
        routes.STATE.topic(facility="h1", cart="c1", ward="w")
    with pytest.raises(MessageError, match="ward"):
        routes.STATE.filter(facility="h1", ward="w")


def test_filter_has_wildcards_for_what_is_not_named() -> None:
    assert routes.STATE.filter(facility="h1") == routes.STATE.topic(facility="h1", cart="x").replace("/x/", "/+/")
    assert routes.COMMAND.filter(facility="h1", cart="c1").endswith("dn/cmd/+")
    assert routes.HOST.filter() == routes.HOST.topic(facility="x").replace("/x/", "/+/")


def test_table_is_consistent() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({route.template for route in ROUTES}) == len(ROUTES)
    # A job is one message, be it of the microcontroller's firmware or of the cart's own program.
    assert len({route.message for route in ROUTES if route is not routes.SOFTWARE_JOB}) == len(ROUTES) - 1
    for route in ROUTES:
        assert route.qos == (0 if route is routes.TELEMETRY else 1)
        assert f"/{route.direction}/" in route.template
        assert route.purpose


def test_only_states_and_alerts_are_retained_and_no_command_ever() -> None:
    assert {route for route in ROUTES if route.retain} == {routes.STATE, routes.BIRTH, routes.ALERT, routes.HOST}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_cart_writes_its_own_up_and_reads_its_own_dn_and_the_host(route: Route) -> None:
    topic = route.topic(**levels_of(route))
    own = "".join(routes.cart_writes(facility="h1", cart="c1").removesuffix("#"))
    reads = routes.cart_reads(facility="h1", cart="c1")
    assert topic.startswith(own) == (route.direction is Direction.UP)
    # Its own state too: a will of an older connection that came late is answered.
    is_read = route.direction is not Direction.UP or route is routes.STATE
    assert any(topic == entry or topic.startswith(entry.removesuffix("#")) for entry in reads) == is_read
    assert topic.startswith(routes.facility_tree(facility="h1").removesuffix("#"))
    assert not topic.startswith(routes.cart_writes(facility="h1", cart="c2").removesuffix("#"))
