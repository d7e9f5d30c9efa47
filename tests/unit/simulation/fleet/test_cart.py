"""A virtual cart over a line that keeps what is said: both as the product reads it, and what the cart obeys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.wire import codec, routes
from pointofcare.wire.messages import CommandOutcome, Message
from simulation.fleet import roster, scenario, voice
from simulation.fleet.cart import Count, Play, VirtualCart
from simulation.fleet.line import Door
from simulation.fleet.roster import Build
from simulation.fleet.story import Place

FACILITY = "f1"


class FakeLine:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.sid = "s1"
        self.is_ready = True
        self.published = self.received = 0
        self.said: list[tuple[str, bytes, bool]] = []

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        self.said.append((topic, payload, retain))

    def look(self) -> None:
        pass

    def close(self, *, politely: bool) -> None:
        self.is_ready = False
        self.cart.ended(self, "", self.clock())  # type: ignore[attr-defined]


class Stand:
    """A cart, its line and its time."""

    def __init__(
        self, *, happens: list[dict[str, object]] | None = None, words: Mapping[str, Any] | None = None, build: Build | None = None
    ) -> None:
        self.line = FakeLine()
        self.now_s = 0.0
        self.words = words
        play = Play(
            facility=FACILITY,
            scenario=scenario.read({"happens": happens or []}, name="x"),
            wards=roster.WARDS,
            verify=lambda signed, kind: self.words if signed == f"good {kind}" else None,
            run="r1",
            calm=True,
        )
        self.cart = VirtualCart(
            build or roster.fleet(1, 1)[0], play, Door(host="h", port=1, client_id="c"), Count(),
            connect=lambda _cart: self.line, wall_s=lambda: 1_800_000_000.0 + self.now_s, started_mono_s=0.0,  # type: ignore[arg-type,return-value]
        )  # fmt: skip
        self.line.cart, self.line.clock = self.cart, lambda: self.now_s  # type: ignore[attr-defined]
        self.cart.look(0.0)
        self.cart.ready(self.line, 0.0)  # type: ignore[arg-type]

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now_s += 1.0
            self.cart.look(self.now_s)

    def told(self, name: str) -> list[Message]:
        """What the product reads on a route."""
        found = []
        for topic, payload, _ in self.line.said:
            route, _levels = routes.match(topic)
            if payload and route.name == name:
                found.append(codec.decode(route, payload))
        return found

    def command(self, name: str, *, retained: bool = False, sid: str = "s1", message: str = "m1", **params: object) -> None:
        payload = voice.say(
            "Command",
            {"name": name, "for_sid": sid, "params": params},
            sender="server",
            sid="x",
            at=voice.wall(1_800_000_000.0, 0),
            ttl_s=10.0,
            message=message,
        )
        self.cart.heard(f"{self.cart.topics.down}cmd/{name}", payload, retained, self.now_s)

    def hears(self, below: str, body: Mapping[str, object]) -> None:
        payload = voice.say("X", body, sender="server", sid="x", at=voice.wall(0, 0))
        self.cart.heard(f"{self.cart.topics.down}{below}", payload, False, self.now_s)


def test_the_product_understands_everything_that_a_cart_says() -> None:
    stand = Stand(happens=[{"kind": "camera-dark", "at_s": 20}])
    stand.cart.day = replace(stand.cart.day, battery=replace(stand.cart.day.battery, charge=0.12), place=Place.PARKED)
    stand.passes(130)
    for name in ("locate", "diagnostics", "camera-check", "selftest", "rebirth", "unlock"):
        stand.command(name, message=name, **({"drawer": 1} if name == "unlock" else {}))
    seen = set()
    for topic, payload, retain in stand.line.said:
        route, levels = routes.match(topic)
        assert levels["cart"] == stand.cart.build.id
        assert retain is route.retain, topic
        if payload:
            message = codec.decode(route, payload)
            assert message.sender == stand.cart.build.id
            seen.add(route.name)
    assert {"state", "birth", "telemetry", "tables", "clock-ask", "event", "alert", "config-told", "answer"} <= seen
    topic, will = stand.cart.will("s1")
    assert codec.decode(routes.match(topic)[0], will).sid == "s1"


def test_nothing_retained_foreign_or_seen_before_is_carried_out() -> None:
    stand = Stand()
    stand.command("locate", retained=True, message="a")
    stand.command("locate", sid="other", message="b")
    stand.command("explode", message="c")
    assert [(each.body.outcome, each.body.why) for each in stand.told("answer")] == [  # type: ignore[union-attr]
        (CommandOutcome.REFUSED, "other-session"),
        (CommandOutcome.REFUSED, "other-session"),
        (CommandOutcome.REFUSED, "unknown-command"),
    ]
    assert stand.told("event") == []
    stand.command("locate", message="d")
    stand.command("locate", message="d")
    assert [each.body.outcome for each in stand.told("answer")[3:]] == [CommandOutcome.DONE] * 2  # type: ignore[union-attr]
    assert len(stand.told("event")) == 1


def test_a_restart_ends_the_connection_and_is_answered_when_the_cart_is_back() -> None:
    stand = Stand()
    first = stand.told("birth")[0].body.boot_id  # type: ignore[union-attr]
    stand.command("restart")
    assert [each.body.outcome for each in stand.told("answer")] == [CommandOutcome.ACCEPTED]  # type: ignore[union-attr]
    stand.passes(2)
    assert not stand.line.is_ready
    stand.line.is_ready = True
    stand.passes(8)
    stand.cart.ready(stand.line, stand.now_s)  # type: ignore[arg-type]
    assert [each.body.outcome for each in stand.told("answer")] == [CommandOutcome.ACCEPTED, CommandOutcome.DONE]  # type: ignore[union-attr]
    assert stand.told("birth")[-1].body.boot_id != first  # type: ignore[union-attr]


def test_an_event_is_said_again_until_the_server_has_it() -> None:
    stand = Stand()
    stand.command("locate")
    stand.passes(25)
    assert len(stand.told("event")) >= 3
    assert len({each.id for each in stand.told("event")}) == 1
    stand.hears("ack", {"epoch": "sim-r1", "upto": 1})
    before = len(stand.told("event"))
    stand.passes(25)
    assert len(stand.told("event")) == before


def test_an_alert_is_set_once_and_cleared_with_an_empty_payload() -> None:
    stand = Stand(happens=[{"kind": "mcu-silent", "at_s": 10, "lasts_s": 10}])
    stand.passes(15)
    assert [each.body.code for each in stand.told("alert") if each.body.code == "mcu-lost"] == ["mcu-lost"]  # type: ignore[union-attr]
    assert stand.told("state")[-1].body.phase == "degraded"  # type: ignore[union-attr]
    stand.passes(10)
    assert (f"{stand.cart.topics.up}alert/mcu-lost", b"", True) in stand.line.said[10:]
    assert stand.told("state")[-1].body.phase == "ready"  # type: ignore[union-attr]


def test_only_a_signed_configuration_of_this_cart_is_taken() -> None:
    stand = Stand()
    order = {"facility": FACILITY, "cart": stand.cart.build.id, "version": 4, "document": {"telemetry_interval_s": 30, "no-such": 1}}
    stand.words = order
    stand.hears("config", {"version": 4, "signed": "forged"})
    stand.words = {**order, "cart": "another"}
    stand.hears("config", {"version": 4, "signed": "good cart-config"})
    assert [each.body.version for each in stand.told("config-told")] == [0]  # type: ignore[union-attr]
    stand.words = order
    stand.hears("config", {"version": 4, "signed": "good cart-config"})
    told = stand.told("config-told")[-1].body
    assert (told.version, told.document["telemetry_interval_s"]) == (4, 30)  # type: ignore[union-attr]
    assert set(told.refused) == {"no-such"}  # type: ignore[union-attr]


def test_some_carts_are_changed_by_hand_and_report_that() -> None:
    build = next(build for build in roster.fleet(1, 60) if 0.88 <= build.drawn < 0.94)
    stand = Stand(build=build)
    stand.passes(19 * 60)
    assert len(stand.told("config-told")) == 1
    stand.passes(3 * 60)
    assert [each.body.document["sound_volume"] for each in stand.told("config-told")] == ["normal", "loud"]  # type: ignore[union-attr]


def a_job(stand: Stand, **changes: object) -> dict[str, Any]:
    target = {
        "name": "x",
        "version": "1.2.0+9",
        "length": 1,
        "sha256": "0",
        "hardware": stand.cart.build.hardware,
        "image_hash": "cc",
        "security_counter": 9,
    }
    return {
        "facility": FACILITY, "cart": stand.cart.build.id, "job": "j1", "kind": "mcu-firmware", "target": target, "attempt": 1,
        "issued_at": "2026-01-01T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z", "gates": {}, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(("fault", "ends"), [("", "succeeded"), ("self-test", "reverted"), ("no-boot", "reverted"), ("stuck", "failed")])
def test_a_signed_job_is_done_and_told_to_its_end(fault: str, ends: str) -> None:
    stand = Stand(happens=[{"kind": "bad-firmware", "fault": fault}] if fault else [])
    stand.cart.day = replace(stand.cart.day, place=Place.DOCKED)
    stand.words = a_job(stand)
    stand.hears("job", {"job": "j1", "signed": "good cart-job"})
    stand.hears("job", {"job": "j1", "signed": "good cart-job"})  # twice: it is told again, not begun again
    stand.passes(55)
    told = [each.body for each in stand.told("job-told")]
    assert told[-1].state == ends  # type: ignore[union-attr]
    assert [each.step for each in told if each.step == "download"] == ["download"]  # type: ignore[union-attr]
    assert stand.cart.slots[0] is not None
    assert stand.cart.slots[0].version == ("1.2.0.9" if ends == "succeeded" else stand.cart.build.firmware)


def test_a_job_that_is_not_signed_or_anothers_is_rejected() -> None:
    stand = Stand()
    stand.words = a_job(stand)
    stand.hears("job", {"job": "j1", "signed": "forged"})
    stand.words = a_job(stand, cart="another")
    stand.hears("job", {"job": "j1", "signed": "good cart-job"})
    assert [(each.body.state, each.body.why) for each in stand.told("job-told")] == [("rejected", "signature")] * 2  # type: ignore[union-attr]
    assert stand.cart.update is None


def test_a_job_that_waits_is_forgotten_when_it_is_withdrawn() -> None:
    stand = Stand()
    stand.cart.day = replace(stand.cart.day, place=Place.ROUND, until=10_000)
    stand.words = a_job(stand, gates={"docked": True})
    stand.hears("job", {"job": "j1", "signed": "good cart-job"})
    stand.passes(3)
    assert stand.told("job-told")[-1].body.state == "waiting"  # type: ignore[union-attr]
    stand.hears("job", {"job": None, "signed": None})
    assert stand.cart.update is None


def test_a_cart_that_reads_that_it_is_lost_says_that_it_lives() -> None:
    stand = Stand()
    before = len(stand.told("state"))
    for sid in ("s1", "s0"):
        will = voice.say("CartState", {"phase": "lost"}, sender=stand.cart.build.id, sid=sid, at=voice.wall(0, 0))
        stand.cart.heard(f"{stand.cart.topics.up}state", will, True, 1.0)
    assert [each.body.phase for each in stand.told("state")[before:]] == ["ready"]  # type: ignore[union-attr]


def test_a_ward_without_wifi_takes_its_carts_away_and_gives_them_back() -> None:
    stand = Stand(happens=[{"kind": "wifi-down", "at_s": 5, "lasts_s": 20}])
    stand.passes(10)
    assert not stand.line.is_ready
    stand.line.is_ready = True
    stand.passes(10)
    assert stand.cart.line is None
    stand.passes(30)
    assert stand.cart.line is stand.line


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["v", "type", "id", "sid", "sent_at", "body", "ttl_s", "x"]), inner, max_size=8)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_payload_ends_a_cart(payload: bytes) -> None:
    stand = Stand()
    voice.hear(payload)
    for below in ("cmd/locate", "ack", "table", "clock", "config", "job"):
        stand.cart.heard(f"{stand.cart.topics.down}{below}", payload, False, 1.0)
