"""The FHIR server's Subscription says that something changed: the feed looks at once, instead of at its next time.

A hook is a word to look, never the data: what it carries is signed over and thrown away. Nobody is signed in here, so the signature is
compared in constant time, the address is rate limited, and what fails says no more than that it failed.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from flask import Blueprint, abort, current_app, request

from server.security.sign_in import limiter
from server.store import incoming
from server.store.transaction import Actor, transaction
from server.web import page

room = Blueprint("feed_hook", __name__, url_prefix="/feed")

MOST_A_MINUTE = "120 per minute"
MOST_BYTES = 2_000_000
_ACTOR = Actor(id="fhir-hook", name="FHIR Subscription")


@room.post("/fhir/poll")
@limiter.limit(MOST_A_MINUTE)
def poll() -> tuple[str, int]:
    """`X-Signature`: hex HMAC-SHA256 of the body under fhir_feed.hook_secret."""
    settings = page.config().fhir_feed
    if not settings.enabled or settings.hook_secret is None:
        abort(404)
    request.max_content_length = MOST_BYTES
    body = request.get_data(cache=False)
    right = hmac.new(settings.hook_secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), request.headers.get("X-Signature", "").strip().lower().encode()):
        abort(403)
    with transaction(_ACTOR) as tx:  # the feed may run in another process
        incoming.looked(tx, "fhir", "hook")
    running: Any = current_app.extensions["pointofcare"]
    if running.feed is not None:
        running.feed.wake()
    return "", 202
