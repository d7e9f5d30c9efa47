"""A virtual nurse: holds labels before a cart's camera and presses the kiosk's own buttons over HTTP, as a person's browser does.

Nothing of the cart is reached from inside: what the kiosk would not let a person do, she cannot do either.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from PIL import Image

from pointofcare.errors import DeviceTimeoutError
from simulation.camera import VirtualCamera

State = dict[str, Any]

# A cart takes a label that comes back within about a second for the same one held unsteadily.
_BACK_AFTER_S = 1.6


class VirtualNurse:
    """One nurse at one cart. `wait_s` is how long she waits for the screen before she gives up."""

    def __init__(self, cart: str, kiosk_url: str, hand: VirtualCamera, *, wait_s: float = 15.0) -> None:
        self.cart = cart
        self._hand = hand
        self._wait_s = wait_s
        self._http = httpx.Client(base_url=kiosk_url, trust_env=False, timeout=10.0)
        self._token = self._csrf()
        self._held: bytes | None = None
        self.held_at = datetime.now(UTC)
        self._put_down: dict[bytes, float] = {}

    def close(self) -> None:
        self._hand.clear(self.cart)
        self._http.close()

    def screen(self) -> State:
        """What the kiosk shows now."""
        return dict(self._http.get("/api/state").raise_for_status().json())

    def wait(self, what: str, seen: Callable[[State], bool]) -> State:
        """The first screen for which `seen` holds. Raises: DeviceTimeoutError saying what was on the screen instead."""
        deadline = time.monotonic() + self._wait_s
        while True:
            state = self.screen()
            if seen(state):
                return state
            if time.monotonic() > deadline:
                shown = {key: state.get(key) for key in ("state", "level", "notice", "findings", "strip")}
                raise DeviceTimeoutError(f"{what}: did not come within {self._wait_s:.0f} s; the kiosk shows {shown}", cart=self.cart)
            time.sleep(0.02)

    def hold(self, picture: Image.Image, title: str = "") -> None:
        """Hold a label before the camera until the hand is taken away; the same label only after it was away for a while."""
        self.put_down()
        self._held = picture.tobytes()
        away_s = time.monotonic() - self._put_down.get(self._held, -_BACK_AFTER_S)
        time.sleep(max(0.0, _BACK_AFTER_S - away_s))
        self.held_at = datetime.now(UTC)
        self._hand.hold(self.cart, picture, title=title)

    def put_down(self) -> None:
        self._hand.clear(self.cart)
        if self._held is not None:
            self._put_down[self._held] = time.monotonic()
            self._held = None

    def press(self, button: str, **fields: str | list[str]) -> State:
        """Press one button of the screen as it is now."""
        form: dict[str, str | list[str]] = {"moment": str(self.screen()["moment"]), **fields}
        answer = self._http.post(f"/do/{button}", data=form, headers={"Accept": "application/json", "X-CSRFToken": self._token})
        answer.raise_for_status()
        return dict(answer.json())

    def sign_in(self, badge: Image.Image, pin: str) -> State:
        self.hold(badge, "badge")
        self.wait("the PIN pad", lambda state: state["state"] == "badge")
        self.put_down()
        self.press("pin", pin=pin)
        return self.wait("signed in", lambda state: state["state"] == "signed-in")

    def open_patient(self, band: Image.Image, patient: str) -> State:
        self.hold(band, "wristband")
        state = self.wait("the patient", lambda state: state["patient"] == patient)
        self.put_down()
        return state

    def scan(self, picture: Image.Image, *, units: int) -> State:
        """Hold a pack until the kiosk counts `units` and says something about it."""
        self.hold(picture, "pack")
        state = self.wait("a verdict", lambda state: state["units"] == units and state["level"] is not None)
        self.put_down()
        return state

    def _csrf(self) -> str:
        found = re.search(r"""csrf[-_]token["'][^>]*?(?:value|content)=["']([^"']+)""", self._http.get("/").raise_for_status().text)
        if found is None:
            raise DeviceTimeoutError("the kiosk's page has no token", remedy="is this address a kiosk?", cart=self.cart)
        return found.group(1)
